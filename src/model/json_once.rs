//! What does JSON say in which a field stands twice?
//!
//! A map keeps the last of the two and loses the other without a word. Documents that people write are read through
//! this instead: the values as usual, and a list of the fields that stand twice.

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::{Map, Value};

use super::schema_json::Json;

/// A JSON value, and where fields stand twice.
#[derive(Debug)]
pub(crate) struct JsonOnce {
    pub(crate) json: Value,
    /// As JSON pointers, in the order of the document.
    pub(crate) twice: Vec<String>,
}

impl<'de> Deserialize<'de> for JsonOnce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut twice = Vec::new();
        let json = plain(Json::deserialize(deserializer)?, "", &mut twice);
        Ok(Self { json, twice })
    }
}

impl JsonOnce {
    /// The value, where no field stands twice.
    pub(crate) fn checked<E: Error>(self) -> Result<Value, E> {
        if self.twice.is_empty() {
            Ok(self.json)
        } else {
            Err(E::custom(format!("these fields stand twice: `{}`", self.twice.join("`, `"))))
        }
    }
}

/// The value without what stands twice. The recursion is as deep as `serde_json` reads: 128 levels.
fn plain(json: Json, path: &str, twice: &mut Vec<String>) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => Value::Number(number),
        Json::Text(text) => Value::String(text),
        Json::List(items) => {
            let items = items.into_iter().enumerate();
            Value::Array(items.map(|(at, item)| plain(item, &format!("{path}/{at}"), twice)).collect())
        }
        Json::Object(fields) => {
            let mut once = Map::new();
            for (name, value) in fields {
                let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
                let value = plain(value, &path, twice);
                if once.insert(name, value).is_some() {
                    twice.push(path);
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
    fn a_field_that_stands_twice_is_told_wherever_it_is() {
        let text = r#"{"a":1,"b":[{"c/d":1,"c/d":2}],"a":{"x":null,"x":true}}"#;
        let read: JsonOnce = serde_json::from_str(text).unwrap();
        assert_eq!(read.twice, ["/b/0/c~1d", "/a/x", "/a"]);
        let plain = r#"{"a":[1,-2,0.5,"x",true,null,{"b":18446744073709551615}]}"#;
        let read: JsonOnce = serde_json::from_str(plain).unwrap();
        assert_eq!(read.json, serde_json::from_str::<Value>(plain).unwrap());
        assert!(read.twice.is_empty());
        assert!(serde_json::from_str::<JsonOnce>("{\"a\":").is_err());
    }
}
