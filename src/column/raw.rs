//! How does a value look in storage, and back?

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::{Attribute, AttributeType, Date, Decimal, Duration, Money, Timestamp, Value};

/// A value as a block stores it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw<'a> {
    Bool(bool),
    /// Int, decimal units, minor units of money, microseconds.
    I64(i64),
    F64(f64),
    /// A day number.
    I32(i32),
    /// A place among the allowed values.
    Code(u16),
    Text(Cow<'a, str>),
    List(Vec<String>),
}

/// The stored form of a value that the attribute has accepted; `None` when it has not.
pub(crate) fn raw_of(value: &Value, attribute: &Attribute) -> Option<Raw<'static>> {
    Some(match value {
        Value::Bool(v) => Raw::Bool(*v),
        Value::Int(v) => Raw::I64(*v),
        Value::Decimal(v) => Raw::I64(i64::try_from(v.units()).ok()?),
        Value::Money(v) => Raw::I64(i64::try_from(v.minor()).ok()?),
        Value::Double(v) => Raw::F64(*v),
        Value::Text(v) => Raw::Text(Cow::Owned(v.to_string())),
        Value::Date(v) => Raw::I32(v.days()),
        Value::Timestamp(v) => Raw::I64(v.micros()),
        Value::Duration(v) => Raw::I64(v.micros()),
        Value::Enum(text) | Value::Band { text, .. } => Raw::Code(attribute.kind().values()?.code(text)?),
        Value::List(items) => Raw::List(items.iter().map(ToString::to_string).collect()),
    })
}

/// The value that a stored form stands for. Mixed money is decided by its table, which knows the
/// currency column.
pub(crate) fn value_of(raw: Raw<'_>, kind: &AttributeType) -> Option<Value> {
    Some(match (kind, raw) {
        (AttributeType::Bool, Raw::Bool(v)) => Value::Bool(v),
        (AttributeType::Int, Raw::I64(v)) => Value::Int(v),
        (AttributeType::Decimal { scale }, Raw::I64(v)) => {
            Value::Decimal(Decimal::new(i128::from(v), *scale))
        }
        (AttributeType::Money(currency), Raw::I64(v)) => {
            Value::Money(Money::from_minor(i128::from(v), *currency))
        }
        (AttributeType::Timestamp, Raw::I64(v)) => Value::Timestamp(Timestamp::from_micros(v)?),
        (AttributeType::Duration, Raw::I64(v)) => Value::Duration(Duration::from_micros(v)),
        (AttributeType::Double, Raw::F64(v)) => Value::Double(v),
        (AttributeType::Date, Raw::I32(v)) => Value::Date(Date::from_days(v)?),
        (AttributeType::Text, Raw::Text(v)) => Value::Text(Arc::from(&*v)),
        (AttributeType::List, Raw::List(items)) => {
            Value::List(items.iter().map(|i| Arc::from(i.as_str())).collect())
        }
        (AttributeType::Enum(values), Raw::Code(code)) => Value::Enum(Arc::clone(values.text(code)?)),
        (AttributeType::Band(values), Raw::Code(rank)) => {
            Value::Band { rank, text: Arc::clone(values.text(rank)?) }
        }
        _ => return None,
    })
}
