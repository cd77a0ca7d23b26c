//! What can an attribute hold?
//!
//! Twelve kinds of value. There is no null among them: a missing value is an absent one
//! (`Option<Value>`), everywhere. Rulings S1 to S5, S39 and S41 of `docs/semantics`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Date, Decimal, Duration, Money, Timestamp, write_number};

/// One value of an attribute or column. Missing is absence: `Option<Value>`.
///
/// As JSON it says its type, as a value of an expression does: `{"int":3}`, `{"text":"EMEA"}`,
/// `{"money":{"amount":"10.50","currency":"EUR"}}`; a text of a closed set says so, `{"text":"active","of":"enum"}`. Without types:
/// [`Plain`](crate::report::Plain). Formats that describe themselves only (JSON, CBOR, `MessagePack`).
///
/// Doubles are finite and never `-0.0` once they are in a book; what is not finite is a fault at load.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// An exact number with digits after the point.
    Decimal(Decimal),
    /// An amount in one currency.
    Money(Money),
    /// A finite double.
    Double(f64),
    /// Free text.
    Text(Arc<str>),
    /// A civil day.
    Date(Date),
    /// An instant in UTC.
    Timestamp(Timestamp),
    /// A length of time.
    Duration(Duration),
    /// A member of a closed set.
    Enum(Arc<str>),
    /// A member of a closed set with an order of its own, such as `poor < average < good`.
    Band {
        /// Its place in the order, from 0.
        rank: u16,
        /// Its text.
        text: Arc<str>,
    },
    /// A list of text without missing elements.
    List(Arc<[Arc<str>]>),
}

/// The kind of a [`Value`], without the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename = "kind of value", rename_all = "snake_case", expecting = "a kind of value such as `int`")]
#[expect(missing_docs, reason = "one for each variant of `Value`")]
#[non_exhaustive]
pub enum ValueKind {
    Bool,
    Int,
    Decimal,
    Money,
    Double,
    Text,
    Date,
    Timestamp,
    Duration,
    Enum,
    Band,
    List,
}

impl ValueKind {
    /// The kind in the words of a user: `money`, `date`, `list of text`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Int => "whole number",
            Self::Decimal => "decimal",
            Self::Money => "money",
            Self::Double => "number",
            Self::Text => "text",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Duration => "duration",
            Self::Enum => "enumeration value",
            Self::Band => "band",
            Self::List => "list of text",
        }
    }
}

impl Value {
    /// A text value.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(Arc::from(text))
    }

    /// A list of text.
    pub fn list<'t>(items: impl IntoIterator<Item = &'t str>) -> Self {
        Self::List(items.into_iter().map(Arc::from).collect())
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> ValueKind {
        match self {
            Self::Bool(_) => ValueKind::Bool,
            Self::Int(_) => ValueKind::Int,
            Self::Decimal(_) => ValueKind::Decimal,
            Self::Money(_) => ValueKind::Money,
            Self::Double(_) => ValueKind::Double,
            Self::Text(_) => ValueKind::Text,
            Self::Date(_) => ValueKind::Date,
            Self::Timestamp(_) => ValueKind::Timestamp,
            Self::Duration(_) => ValueKind::Duration,
            Self::Enum(_) => ValueKind::Enum,
            Self::Band { .. } => ValueKind::Band,
            Self::List(_) => ValueKind::List,
        }
    }

    /// The text of a text, enumeration or band value.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Enum(text) | Self::Band { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The amount of a money value.
    #[must_use]
    pub const fn as_money(&self) -> Option<Money> {
        match self {
            Self::Money(money) => Some(*money),
            _ => None,
        }
    }

    /// The nearest double of a numeric value; money in major units.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nearest double is what is asked for")]
    pub fn to_f64(&self) -> Option<f64> {
        match self {
            Self::Int(int) => Some(*int as f64),
            Self::Decimal(decimal) => Some(decimal.to_f64()),
            Self::Money(money) => Some(money.major().to_f64()),
            Self::Double(double) => Some(*double),
            _ => None,
        }
    }
}

/// `{:#}` writes commas between the thousands of amounts, and of other numbers from 10,000 on.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(v) => write!(f, "{v}"),
            Self::Int(v) => write_number(f, v),
            Self::Decimal(v) => v.fmt(f),
            Self::Money(v) => v.fmt(f),
            Self::Double(v) => write_number(f, v),
            Self::Text(v) | Self::Enum(v) | Self::Band { text: v, .. } => f.write_str(v),
            Self::Date(v) => write!(f, "{v}"),
            Self::Timestamp(v) => write!(f, "{v}"),
            Self::Duration(v) => write!(f, "{v}"),
            Self::List(items) => f.write_str(&items.join(", ")),
        }
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident),* $(,)?) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value)
            }
        })*
    };
}

from! {
    bool => Bool, i64 => Int, f64 => Double, Decimal => Decimal, Money => Money, Date => Date,
    Timestamp => Timestamp, Duration => Duration, Arc<str> => Text,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Arc::from(text))
    }
}

macro_rules! from_whole {
    ($($type:ty),* $(,)?) => {
        $(impl From<$type> for Value {
            fn from(number: $type) -> Self {
                Self::Int(i64::from(number))
            }
        })*
    };
}

from_whole!(i8, i16, i32, u8, u16, u32);

/// One that has no `i64` is a decimal, which an attribute of whole numbers refuses with its place.
impl From<usize> for Value {
    fn from(number: usize) -> Self {
        match i64::try_from(number) {
            Ok(whole) => Self::Int(whole),
            Err(_) => Self::Decimal(Decimal::new(number as i128, 0)),
        }
    }
}
