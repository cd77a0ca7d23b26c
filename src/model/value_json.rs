//! How is a value written as JSON, and read?
//!
//! One tagged encoding for the values of attributes ([`Value`]) and of expressions ([`ExprValue`](crate::expr::ExprValue)): the key is the
//! type. Ruling S151 of `docs/semantics`. What earlier releases wrote otherwise is read as well, since journals hold it.

use std::sync::Arc;

use serde::de::Error as _;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::json::VALUE;
use super::{Date, Decimal, Duration, Money, Timestamp, Value};

/// Which closed set a text is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Of {
    Enum,
    Band,
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(v) => serializer.serialize_newtype_variant(VALUE, 0, "bool", v),
            Self::Int(v) => serializer.serialize_newtype_variant(VALUE, 1, "int", v),
            Self::Decimal(v) => serializer.serialize_newtype_variant(VALUE, 2, "decimal", v),
            Self::Money(v) => serializer.serialize_newtype_variant(VALUE, 3, "money", v),
            // Events at fault are kept in journals as they came, also those with what is not a number.
            Self::Double(v) if !v.is_finite() => {
                serializer.serialize_newtype_variant(VALUE, 4, "double", &v.to_string())
            }
            Self::Double(v) => serializer.serialize_newtype_variant(VALUE, 4, "double", v),
            Self::Text(v) => serializer.serialize_newtype_variant(VALUE, 5, "text", v),
            Self::Date(v) => serializer.serialize_newtype_variant(VALUE, 6, "date", v),
            Self::Timestamp(v) => serializer.serialize_newtype_variant(VALUE, 7, "timestamp", v),
            Self::Duration(v) => serializer.serialize_newtype_variant(VALUE, 8, "duration", v),
            Self::Enum(text) => {
                let mut value = serializer.serialize_struct(VALUE, 2)?;
                value.serialize_field("text", text)?;
                value.serialize_field("of", &Of::Enum)?;
                value.end()
            }
            Self::Band { rank, text } => {
                let mut value = serializer.serialize_struct(VALUE, 3)?;
                value.serialize_field("text", text)?;
                value.serialize_field("of", &Of::Band)?;
                value.serialize_field("rank", rank)?;
                value.end()
            }
            Self::List(items) => serializer.serialize_newtype_variant(VALUE, 9, "list", &Texts(items)),
        }
    }
}

/// The texts of a list, each a value as those of an expression are.
struct Texts<'v>(&'v [Arc<str>]);

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|text| Value::Text(text.clone())))
    }
}

/// A text of a list: a value, or a bare text as earlier releases wrote it.
#[derive(Deserialize)]
#[serde(untagged)]
enum ListItem {
    Value { text: Arc<str> },
    Bare(Arc<str>),
}

/// A double, or what is not a finite one.
#[derive(Deserialize)]
#[serde(untagged)]
enum AnyDouble {
    Finite(f64),
    Other(NotFinite),
}

#[derive(Clone, Copy, Deserialize)]
enum NotFinite {
    NaN,
    #[serde(rename = "inf")]
    Infinite,
    #[serde(rename = "-inf")]
    NegativeInfinite,
}

impl NotFinite {
    const fn number(self) -> f64 {
        match self {
            Self::NaN => f64::NAN,
            Self::Infinite => f64::INFINITY,
            Self::NegativeInfinite => f64::NEG_INFINITY,
        }
    }
}

/// A band of earlier releases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Band {
    rank: u16,
    text: Arc<str>,
}

/// All keys; one of them says the type.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a value with its type, such as {\"int\": 3}")]
struct Read {
    bool: Option<bool>,
    int: Option<i64>,
    decimal: Option<Decimal>,
    money: Option<Money>,
    double: Option<AnyDouble>,
    text: Option<Arc<str>>,
    date: Option<Date>,
    timestamp: Option<Timestamp>,
    duration: Option<Duration>,
    list: Option<Vec<ListItem>>,
    of: Option<Of>,
    rank: Option<u16>,
    // Of earlier releases.
    r#enum: Option<Arc<str>>,
    band: Option<Band>,
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(deserializer)?;
        let text = match (read.text, read.of, read.rank) {
            (Some(text), None, None) => Some(Self::Text(text)),
            (Some(text), Some(Of::Enum), None) => Some(Self::Enum(text)),
            (Some(text), Some(Of::Band), Some(rank)) => Some(Self::Band { rank, text }),
            (None, None, None) => None,
            _ => return Err(D::Error::custom("`of` is said of a text, and `rank` of one of a band")),
        };
        let list = read.list.map(|items| {
            Self::List(
                items.into_iter().map(|(ListItem::Value { text } | ListItem::Bare(text))| text).collect(),
            )
        });
        let found = [
            read.bool.map(Self::Bool),
            read.int.map(Self::Int),
            read.decimal.map(Self::Decimal),
            read.money.map(Self::Money),
            read.double.map(|double| match double {
                AnyDouble::Finite(number) => Self::Double(number),
                AnyDouble::Other(word) => Self::Double(word.number()),
            }),
            text,
            read.date.map(Self::Date),
            read.timestamp.map(Self::Timestamp),
            read.duration.map(Self::Duration),
            list,
            read.r#enum.map(Self::Enum),
            read.band.map(|band| Self::Band { rank: band.rank, text: band.text }),
        ];
        only_one(found)
    }
}

/// The value of the one key that says a type.
pub(crate) fn only_one<T, E: serde::de::Error>(found: impl IntoIterator<Item = Option<T>>) -> Result<T, E> {
    let mut found = found.into_iter().flatten();
    match (found.next(), found.next()) {
        (Some(value), None) => Ok(value),
        _ => Err(E::custom("a value has one type, such as {\"int\": 3}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Currency;

    #[test]
    fn values_are_written_with_their_type_and_read_back() {
        let money = Money::from_minor(61_422_000, Currency::USD);
        for (value, text) in [
            (Value::Bool(true), r#"{"bool":true}"#),
            (Value::Int(-3), r#"{"int":-3}"#),
            (Value::Decimal(Decimal::new(150, 2)), r#"{"decimal":"1.50"}"#),
            (Value::Money(money), r#"{"money":{"amount":"614220.00","currency":"USD"}}"#),
            (
                Value::Money(Money::from_minor(-5, Currency::JPY)),
                r#"{"money":{"amount":"-5","currency":"JPY"}}"#,
            ),
            (Value::Double(0.5), r#"{"double":0.5}"#),
            (Value::text("Pro"), r#"{"text":"Pro"}"#),
            (Value::Enum("active".into()), r#"{"text":"active","of":"enum"}"#),
            (Value::Band { rank: 2, text: "good".into() }, r#"{"text":"good","of":"band","rank":2}"#),
            (Value::list(["a", "b"]), r#"{"list":[{"text":"a"},{"text":"b"}]}"#),
            (Value::Date(Date::new(2026, 1, 31).unwrap()), r#"{"date":"2026-01-31"}"#),
        ] {
            assert_eq!(serde_json::to_string(&value).unwrap(), text);
            assert_eq!(serde_json::from_str::<Value>(text).unwrap(), value);
        }
    }

    #[test]
    fn what_is_not_a_finite_number_comes_back() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let text = serde_json::to_string(&Value::Double(number)).unwrap();
            let Value::Double(read) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
            assert!(read.total_cmp(&number).is_eq() || read.is_nan() && number.is_nan(), "{text}");
        }
        assert!(serde_json::from_str::<Value>(r#"{"double":"1"}"#).is_err());
    }

    #[test]
    fn what_earlier_releases_wrote_is_read() {
        for (text, value) in [
            (
                r#"{"money":{"minor":1050,"currency":"EUR"}}"#,
                Value::Money(Money::from_minor(1_050, Currency::EUR)),
            ),
            (r#"{"enum":"active"}"#, Value::Enum("active".into())),
            (r#"{"band":{"rank":1,"text":"good"}}"#, Value::Band { rank: 1, text: "good".into() }),
            (r#"{"list":["a"]}"#, Value::list(["a"])),
        ] {
            assert_eq!(serde_json::from_str::<Value>(text).unwrap(), value);
        }
    }

    #[test]
    fn what_is_not_one_value_is_refused() {
        for text in [
            "{}",
            "3",
            "null",
            r#"{"int":1,"text":"a"}"#,
            r#"{"int":1,"of":"enum"}"#,
            r#"{"text":"good","of":"band"}"#,
            r#"{"text":"good","rank":1}"#,
            r#"{"word":"a"}"#,
            r#"{"money":{"amount":"1.005","currency":"EUR"}}"#,
            r#"{"money":{"amount":"1","minor":100,"currency":"EUR"}}"#,
            r#"{"money":{"currency":"EUR"}}"#,
        ] {
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
        }
    }
}
