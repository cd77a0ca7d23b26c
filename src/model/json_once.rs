//! What does JSON say in which a field stands twice?
//!
//! A map keeps the last of the two and loses the other without a word. Documents that people write are read through
//! this instead: the values as usual, and a list of the fields that stand twice.

use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json};

/// As `schema_json` has it: how numbers arrive where a host has switched on `arbitrary_precision`.
const NUMBER_AS_TEXT: &str = "$serde_json::private::Number";

/// A JSON value, and where fields stand twice.
#[derive(Debug)]
pub(crate) struct JsonOnce {
    pub(crate) json: Json,
    /// As JSON pointers, in the order of the document.
    pub(crate) twice: Vec<String>,
}

impl<'de> Deserialize<'de> for JsonOnce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let twice = RefCell::new(Vec::new());
        let json = At { path: String::new(), twice: &twice }.deserialize(deserializer)?;
        Ok(Self { json, twice: twice.into_inner() })
    }
}

impl JsonOnce {
    /// The value, where no field stands twice.
    pub(crate) fn checked<E: Error>(self) -> Result<Json, E> {
        if self.twice.is_empty() {
            Ok(self.json)
        } else {
            Err(E::custom(format!("these fields stand twice: `{}`", self.twice.join("`, `"))))
        }
    }
}

/// A value at a place.
struct At<'t> {
    path: String,
    twice: &'t RefCell<Vec<String>>,
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        loop {
            let place = At { path: format!("{}/{}", self.path, items.len()), twice: self.twice };
            match access.next_element_seed(place)? {
                Some(item) => items.push(item),
                None => return Ok(Json::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let path = format!("{}/{}", self.path, name.replace('~', "~0").replace('/', "~1"));
            let value = access.next_value_seed(At { path: path.clone(), twice: self.twice })?;
            if fields.insert(name, value).is_some() {
                self.twice.borrow_mut().push(path);
            }
        }
        match fields.get(NUMBER_AS_TEXT) {
            Some(Json::String(number)) if fields.len() == 1 => {
                Number::from_str(number).map(Json::Number).map_err(A::Error::custom)
            }
            _ => Ok(Json::Object(fields)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_stands_twice_is_told_wherever_it_is() {
        let text = r#"{"a":1,"b":[{"c/d":1,"c/d":2}],"a":{"x":null,"x":true}}"#;
        let read: JsonOnce = serde_json::from_str(text).unwrap();
        assert_eq!(read.twice, ["/b/0/c~1d", "/a/x", "/a"]);
        let plain = r#"{"a":[1,-2,0.5,"x",true,null,{"b":18446744073709551615}]}"#;
        let read: JsonOnce = serde_json::from_str(plain).unwrap();
        assert_eq!(read.json, serde_json::from_str::<Json>(plain).unwrap());
        assert!(read.twice.is_empty());
        assert!(serde_json::from_str::<JsonOnce>("{\"a\":").is_err());
    }
}
