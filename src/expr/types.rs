//! What kind of answer does an expression give?

use std::fmt;
use std::sync::Arc;

use crate::model::{AttributeType, Currency, EnumValues};

/// The type of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Type {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// An exact number.
    Decimal {
        /// Digits after the point, at most 18.
        scale: u8,
    },
    /// An amount of one currency.
    Money {
        /// The currency.
        currency: Currency,
        /// Digits after the point: those of the currency, more where it was multiplied.
        scale: u8,
    },
    /// A column of amounts in several currencies. Nothing can be asked of it before it is converted.
    MixedMoney,
    /// A finite double, never -0.0.
    Double,
    /// A text.
    Text,
    /// A civil day.
    Date,
    /// An instant, in microseconds.
    Timestamp,
    /// A length of time, in microseconds.
    Duration,
    /// One of a closed set of texts.
    Enum(EnumValues),
    /// One of a closed set of texts in order, lowest first.
    Band(EnumValues),
    /// A list of values of one type.
    List(Arc<Self>),
    /// Named values.
    Record(Arc<[(Arc<str>, Self)]>),
    /// A whole number for each of a closed set of texts: how often it comes. One is asked by its text: `stages.Won`. The value is a
    /// record.
    Counts(EnumValues),
}

/// Digits after the point that an exact number may have.
pub(crate) const MAX_SCALE: u8 = 18;
/// Digits after the point that an amount gains when it is multiplied with a double.
pub(crate) const DERIVED_DIGITS: u8 = 9;

impl Type {
    /// The type of an attribute's values.
    #[must_use]
    pub fn of_attribute(kind: &AttributeType) -> Self {
        match kind {
            AttributeType::Bool => Self::Bool,
            AttributeType::Int => Self::Int,
            AttributeType::Decimal { scale } => Self::Decimal { scale: *scale },
            AttributeType::Money(currency) => Self::money(*currency),
            AttributeType::MixedMoney { .. } => Self::MixedMoney,
            AttributeType::Double => Self::Double,
            AttributeType::Text => Self::Text,
            AttributeType::Date => Self::Date,
            AttributeType::Timestamp => Self::Timestamp,
            AttributeType::Duration => Self::Duration,
            AttributeType::Enum(values) => Self::Enum(values.clone()),
            AttributeType::Band(values) => Self::Band(values.clone()),
            AttributeType::List => Self::list(Self::Text),
        }
    }

    /// Amounts of a currency in its minor units.
    #[must_use]
    pub const fn money(currency: Currency) -> Self {
        Self::Money { currency, scale: currency.exponent() }
    }

    /// A list of values of a type.
    #[must_use]
    pub fn list(of: Self) -> Self {
        Self::List(Arc::new(of))
    }

    /// Is it a number, so that one can reckon with it?
    #[must_use]
    pub const fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Decimal { .. } | Self::Double)
    }

    pub(crate) const fn is_money(&self) -> bool {
        matches!(self, Self::Money { .. })
    }

    /// Do its values have an order?
    #[must_use]
    pub const fn is_ordered(&self) -> bool {
        !matches!(self, Self::Enum(_) | Self::List(_) | Self::Record(_) | Self::Counts(_) | Self::MixedMoney)
    }

    /// Does it hold one value, which can be compared?
    #[must_use]
    pub const fn is_scalar(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Record(_) | Self::Counts(_) | Self::MixedMoney)
    }

    pub(crate) const fn values(&self) -> Option<&EnumValues> {
        match self {
            Self::Enum(values) | Self::Band(values) => Some(values),
            _ => None,
        }
    }
}

impl fmt::Display for Type {
    /// In the words of a user: `text`, `money(EUR)`, `list of text`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("true or false"),
            Self::Int => f.write_str("whole number"),
            Self::Decimal { .. } => f.write_str("decimal"),
            Self::Money { currency, .. } => write!(f, "money({currency})"),
            Self::MixedMoney => f.write_str("money of several currencies"),
            Self::Double => f.write_str("double"),
            Self::Text => f.write_str("text"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::Enum(_) => f.write_str("enumeration value"),
            Self::Band(_) => f.write_str("band"),
            Self::List(of) => write!(f, "list of {of}"),
            Self::Record(_) => f.write_str("record"),
            Self::Counts(_) => f.write_str("counts by value"),
        }
    }
}
