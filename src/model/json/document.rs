//! What does a JSON text say, also where a field is there twice?
//!
//! A map keeps one of the two and loses the other without a word. Documents that people write are read through this instead.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::{Map, Value};

use super::{Json, JsonFault, JsonFaultKind, Place};
use crate::model::Faults;

/// A JSON value, and what a map does not know of its text.
#[derive(Debug)]
pub(crate) struct JsonDocument {
    pub(crate) value: Value,
    /// Fields that are there twice, in the order of the document.
    duplicates: Faults<JsonFault>,
    /// The fields of the outermost object, in the order of the document.
    pub(crate) sections: Vec<String>,
}

impl<'de> Deserialize<'de> for JsonDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        let sections = match &json {
            Json::Object(fields) => fields.iter().map(|(name, _)| name.clone()).collect(),
            _ => Vec::new(),
        };
        let mut duplicates = Faults::none();
        let value = plain(json, &Place::ROOT, &mut duplicates);
        Ok(Self { value, duplicates, sections })
    }
}

impl JsonDocument {
    /// Reads a text, after a byte order mark if it has one. One that is not JSON is a fault, and so is each field that is there twice.
    pub(crate) fn parse<F: From<JsonFault>>(text: &str, faults: &mut Faults<F>) -> Option<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match serde_json::from_str::<Self>(text) {
            Ok(mut document) => {
                faults.append(std::mem::replace(&mut document.duplicates, Faults::none()), F::from);
                Some(document)
            }
            Err(error) => {
                faults.refuse(&Place::ROOT, || JsonFaultKind::syntax(text, &error));
                None
            }
        }
    }

    /// Reads what serde hands over, where what is read can only say its faults in words.
    pub(crate) fn read<'de, T, F, D>(
        deserializer: D,
        read: impl FnOnce(&Value, &mut Faults<F>) -> Option<T>,
    ) -> Result<T, D::Error>
    where
        F: From<JsonFault> + fmt::Display,
        D: Deserializer<'de>,
    {
        let document = Self::deserialize(deserializer)?;
        let mut faults = Faults::none();
        faults.append(document.duplicates, F::from);
        let made = read(&document.value, &mut faults);
        faults.or(made).map_err(D::Error::custom)
    }
}

/// The value with the first of duplicate fields. The recursion is as deep as `serde_json` reads: 128 levels.
fn plain(json: Json, place: &Place<'_>, duplicates: &mut Faults<JsonFault>) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => Value::Number(number),
        Json::Text(text) => Value::String(text),
        Json::List(items) => {
            let items = items.into_iter().enumerate();
            Value::Array(items.map(|(at, item)| plain(item, &place.item(at), duplicates)).collect())
        }
        Json::Object(fields) => {
            let mut once = Map::new();
            for (name, value) in fields {
                let place = place.field(&name);
                let value = plain(value, &place, duplicates);
                if once.contains_key(&name) {
                    duplicates.refuse(&place, || JsonFaultKind::DuplicateField);
                } else {
                    once.insert(name, value);
                }
            }
            Value::Object(once)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_is_there_twice_is_told_wherever_it_is() {
        let text = r#"{"a":1,"b":[{"c/d":1,"c/d":2}],"a":{"x":null,"x":true}}"#;
        let read: JsonDocument = serde_json::from_str(text).unwrap();
        let duplicates: Vec<&str> = read.duplicates.iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!(duplicates, ["/b/0/c~1d", "/a/x", "/a"]);
        assert_eq!(read.value, serde_json::json!({ "a": 1, "b": [{ "c/d": 1 }] }));
        assert_eq!(read.sections, ["a", "b", "a"]);
        let plain = r#"{"a":[1,-2,0.5,"x",true,null,{"b":18446744073709551615}]}"#;
        let read: JsonDocument = serde_json::from_str(plain).unwrap();
        assert_eq!(read.value, serde_json::from_str::<Value>(plain).unwrap());
        assert!(read.duplicates.is_empty());
        assert!(serde_json::from_str::<JsonDocument>("{\"a\":").is_err());
    }
}
