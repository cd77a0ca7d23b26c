//! How is a value of an expression written as JSON, and read?
//!
//! As the values of attributes are ([`Value`](crate::model::Value), ruling S151 of `docs/semantics`), with lists of any values and records
//! besides. A text may be of a closed set; an expression does not know, so that the word `of` is read and forgotten.

use std::sync::Arc;

use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ExprValue;
use crate::model::{Currency, Date, Decimal, Duration, Timestamp, VALUE, only_one, pairs};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an amount with its currency")]
struct Amount {
    amount: Decimal,
    currency: Currency,
}

/// The fields of a record as one object.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Record(#[serde(with = "pairs::named")] Arc<[(Arc<str>, ExprValue)]>);

impl Serialize for ExprValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(v) => serializer.serialize_newtype_variant(VALUE, 0, "bool", v),
            Self::Int(v) => serializer.serialize_newtype_variant(VALUE, 1, "int", v),
            Self::Decimal(v) => serializer.serialize_newtype_variant(VALUE, 2, "decimal", v),
            Self::Money(amount, currency) => {
                let money = Amount { amount: *amount, currency: *currency };
                serializer.serialize_newtype_variant(VALUE, 3, "money", &money)
            }
            Self::Double(v) => serializer.serialize_newtype_variant(VALUE, 4, "double", v),
            Self::Text(v) => serializer.serialize_newtype_variant(VALUE, 5, "text", v),
            Self::Date(v) => serializer.serialize_newtype_variant(VALUE, 6, "date", v),
            Self::Timestamp(v) => serializer.serialize_newtype_variant(VALUE, 7, "timestamp", v),
            Self::Duration(v) => serializer.serialize_newtype_variant(VALUE, 8, "duration", v),
            Self::List(items) => serializer.serialize_newtype_variant(VALUE, 9, "list", items),
            Self::Record(fields) => {
                serializer.serialize_newtype_variant(VALUE, 10, "record", &Record(fields.clone()))
            }
        }
    }
}

/// All keys; one of them says the type.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a value with its type, such as {\"int\": 3}")]
struct Read {
    bool: Option<bool>,
    int: Option<i64>,
    decimal: Option<Decimal>,
    money: Option<Amount>,
    double: Option<f64>,
    text: Option<Arc<str>>,
    date: Option<Date>,
    timestamp: Option<Timestamp>,
    duration: Option<Duration>,
    list: Option<Arc<[ExprValue]>>,
    record: Option<Record>,
    of: Option<IgnoredAny>,
    rank: Option<IgnoredAny>,
}

impl<'de> Deserialize<'de> for ExprValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(deserializer)?;
        if read.text.is_none() && (read.of.is_some() || read.rank.is_some()) {
            return Err(D::Error::custom("`of` and `rank` are said of a text"));
        }
        let found = [
            read.bool.map(Self::Bool),
            read.int.map(Self::Int),
            read.decimal.map(Self::Decimal),
            read.money.map(|money| Self::Money(money.amount, money.currency)),
            read.double.map(Self::Double),
            read.text.map(Self::Text),
            read.date.map(Self::Date),
            read.timestamp.map(Self::Timestamp),
            read.duration.map(Self::Duration),
            read.list.map(Self::List),
            read.record.map(|fields| Self::Record(fields.0)),
        ];
        only_one(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Plain, Value};

    fn text(text: &str) -> ExprValue {
        ExprValue::Text(text.into())
    }

    #[test]
    fn values_are_written_as_those_of_attributes_are() {
        let amount = ExprValue::Money(Decimal::new(61_422_000, 2), Currency::USD);
        let record = ExprValue::Record([("plan".into(), text("Pro")), ("fee".into(), amount.clone())].into());
        for (value, typed, plain) in [
            (ExprValue::Int(3), r#"{"int":3}"#, "3"),
            (
                amount,
                r#"{"money":{"amount":"614220.00","currency":"USD"}}"#,
                r#"{"amount":"614220.00","currency":"USD"}"#,
            ),
            (
                ExprValue::List([text("a"), ExprValue::Bool(true)].into()),
                r#"{"list":[{"text":"a"},{"bool":true}]}"#,
                r#"["a",true]"#,
            ),
            (
                record,
                r#"{"record":{"plan":{"text":"Pro"},"fee":{"money":{"amount":"614220.00","currency":"USD"}}}}"#,
                r#"{"plan":"Pro","fee":{"amount":"614220.00","currency":"USD"}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&value).unwrap(), typed);
            assert_eq!(serde_json::from_str::<ExprValue>(typed).unwrap(), value);
            assert_eq!(serde_json::to_string(&Plain(&value)).unwrap(), plain);
        }
        // A value of an attribute is read as one of an expression.
        for (value, expected) in [
            (Value::Enum("active".into()), text("active")),
            (Value::Band { rank: 1, text: "good".into() }, text("good")),
            (Value::list(["a"]), ExprValue::List([text("a")].into())),
        ] {
            let json = serde_json::to_string(&value).unwrap();
            assert_eq!(serde_json::from_str::<ExprValue>(&json).unwrap(), expected);
        }
    }

    #[test]
    fn what_earlier_releases_wrote_is_read() {
        let amount = ExprValue::Money(Decimal::new(1_050, 2), Currency::EUR);
        assert_eq!(serde_json::from_str::<ExprValue>(r#"{"money":["10.50","EUR"]}"#).unwrap(), amount);
        let record = ExprValue::Record([("fee".into(), amount)].into());
        let text = r#"{"record":[["fee",{"money":["10.50","EUR"]}]]}"#;
        assert_eq!(serde_json::from_str::<ExprValue>(text).unwrap(), record);
        for wrong in ["{}", r#"{"int":1,"bool":true}"#, r#"{"int":1,"of":"enum"}"#, r#"{"money":["1"]}"#] {
            assert!(serde_json::from_str::<ExprValue>(wrong).is_err(), "{wrong}");
        }
    }
}
