//! What does a value of a query mean?

use serde_json::{Value as Json, json};

use super::reader::Reader;
use crate::expr::Type;
use crate::model::{Date, Decimal, Timestamp};

impl Reader<'_> {
    /// A value as a constant, of the type that is known; of its own where none is.
    pub(super) fn literal(&mut self, value: &Json, kind: Option<&Type>, path: &str) -> Option<Json> {
        let found = match kind {
            Some(Type::Int | Type::Decimal { .. } | Type::Double | Type::Money { .. }) => match value {
                Json::Number(number) => Some(number_of(&number.to_string())),
                Json::String(text) => numeric(text.trim()),
                _ => None,
            },
            Some(Type::Bool) => match value {
                Json::Bool(truth) => Some(json!({ "lit": { "bool": truth } })),
                Json::String(text) if text == "true" || text == "false" => {
                    Some(json!({ "lit": { "bool": text == "true" } }))
                }
                _ => None,
            },
            Some(Type::Text | Type::Enum(_) | Type::Band(_)) => match value {
                Json::String(text) => Some(json!({ "lit": { "text": text } })),
                _ => None,
            },
            Some(Type::List(of)) => return self.literal(value, Some(&of.clone()), path),
            Some(Type::Date) => match value {
                Json::String(text) => {
                    text.parse::<Date>().ok().map(|date| json!({ "lit": { "date": date.to_string() } }))
                }
                _ => None,
            },
            Some(Type::Timestamp) => match value {
                Json::String(text) => {
                    let instant = text.parse::<Timestamp>().ok().map(|instant| instant.to_string());
                    let instant = instant.map(|instant| json!({ "lit": { "timestamp": instant } }));
                    // A day stands for itself: an instant is compared by its day.
                    let day =
                        || text.parse::<Date>().ok().map(|day| json!({ "lit": { "date": day.to_string() } }));
                    instant.or_else(day)
                }
                _ => None,
            },
            None | Some(_) => plain(value),
        };
        let Some(found) = found else {
            let wanted =
                kind.map_or_else(|| "a text, a number, true or false".to_owned(), |kind| format!("a {kind}"));
            return self.wrong(path, &wanted, value);
        };
        Some(found)
    }

    /// A value that says its type, as exports write it.
    pub(super) fn typed(&mut self, value: &Json, kind: &str, path: &str) -> Option<Json> {
        let found = match (kind, value) {
            ("double", Json::String(text)) => text
                .parse::<f64>()
                .ok()
                .filter(|double| double.is_finite())
                .map(|double| json!({ "lit": { kind: double } })),
            ("int" | "decimal" | "date" | "timestamp" | "duration", Json::String(text)) => {
                Some(json!({ "lit": { kind: text } }))
            }
            _ => None,
        };
        match found {
            Some(found) => Some(found),
            None => self.wrong(path, kind, value),
        }
    }
}

fn plain(value: &Json) -> Option<Json> {
    match value {
        Json::Bool(truth) => Some(json!({ "lit": { "bool": truth } })),
        Json::Number(number) => Some(number_of(&number.to_string())),
        Json::String(text) => Some(json!({ "lit": { "text": text } })),
        _ => None,
    }
}

/// A number of JSON.
fn number_of(text: &str) -> Json {
    numeric(text).unwrap_or(Json::Null)
}

/// The number that a text is.
fn numeric(text: &str) -> Option<Json> {
    if let Ok(int) = text.parse::<i64>() {
        return Some(json!({ "lit": { "int": int.to_string() } }));
    }
    if let Some(decimal) =
        text.parse::<Decimal>().ok().filter(|decimal| decimal.units().unsigned_abs() < 10_u128.pow(36))
    {
        return Some(json!({ "lit": { "decimal": decimal.to_string() } }));
    }
    let looks = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E'));
    let double = text.parse::<f64>().ok().filter(|double| looks && double.is_finite())?;
    Some(json!({ "lit": { "double": double } }))
}
