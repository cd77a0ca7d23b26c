//! What does an expression give, and what does a record hand in?

use std::fmt;
use std::sync::Arc;

use super::term::{Bits, Cell};
use super::types::Type;
use crate::column::ListBlock;
use crate::model::{Date, Decimal, Duration, EnumValues, Money, Timestamp, Value, grouped, write_number};

/// A value that an expression gives. No value at all is `None` of an `Option`.
///
/// As JSON it says what it is: `{"int":3}`, `{"text":"EMEA"}`, `{"money":{"amount":"10.50","currency":"EUR"}}`,
/// `{"date":"2026-01-31"}`; without types: [`Plain`](crate::report::Plain). Formats that describe themselves only; a record is an object,
/// whose fields a tool that sorts keys gives back in another order, and JSON is read up to some 60 levels of lists and records.
///
/// Values of one kind are ordered as the engine orders them ([S72](crate::docs::semantics), [S85](crate::docs::semantics)): numbers, amounts of one currency
/// and days by size, texts by code point, no before yes, lists and records by their first difference. Values of different kinds, and amounts of different currencies, are not comparable
/// (`partial_cmp` gives `None`); [`ExprValue::total_cmp`] orders them as well. The value of an enumeration or band is its text here, so that the
/// order in which it was declared is not known; a [`Query`](crate::segment::Query) sorts by that.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum ExprValue {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// An exact number.
    Decimal(Decimal),
    /// An amount of one currency, in minor units or smaller ones.
    Money(Decimal, crate::model::Currency),
    /// A finite double, never -0.0.
    Double(f64),
    /// A text, or the value of an enumeration or band.
    Text(Arc<str>),
    /// A civil day.
    Date(Date),
    /// An instant.
    Timestamp(Timestamp),
    /// A length of time.
    Duration(Duration),
    /// A list of values of one type.
    List(Arc<[ExprValue]>),
    /// Named values.
    Record(Arc<[(Arc<str>, ExprValue)]>),
}

/// `{:#}` writes commas between the thousands of amounts, and of other numbers from 10,000 on: `16,106,182.00 USD`, `4540`, `12,345`. It leaves out
/// the zeros of an amount below its minor unit.
impl fmt::Display for ExprValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(v) => write!(f, "{v}"),
            Self::Int(v) => write_number(f, v),
            Self::Decimal(v) => v.fmt(f),
            Self::Money(v, currency) if f.alternate() => {
                // A converted amount has digits below the cent, which are mostly zeros.
                let amount = v.rescaled(currency.exponent()).unwrap_or(*v);
                write!(f, "{} {currency}", grouped(&amount.to_string()))
            }
            Self::Money(v, currency) => write!(f, "{v} {currency}"),
            Self::Double(v) => write_number(f, v),
            Self::Text(v) => f.write_str(v),
            Self::Date(v) => write!(f, "{v}"),
            Self::Timestamp(v) => write!(f, "{v}"),
            Self::Duration(v) => write!(f, "{v}"),
            Self::List(items) => {
                for (place, item) in items.iter().enumerate() {
                    f.write_str(if place > 0 { ", " } else { "" })?;
                    item.fmt(f)?;
                }
                Ok(())
            }
            Self::Record(fields) => {
                for (place, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{}{name}: ", if place > 0 { ", " } else { "" })?;
                    value.fmt(f)?;
                }
                Ok(())
            }
        }
    }
}

/// One value of a [`Record`](super::Record), as it lies in the host's memory.
///
/// A value of another type than the one declared, or outside its range, counts as missing; where a wider type is
/// declared, a narrower value is taken: a whole number for a decimal or a double.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Field<'a> {
    /// No value.
    Missing,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// An exact number.
    Decimal(Decimal),
    /// An amount.
    Money(Money),
    /// A number; not finite counts as missing.
    Double(f64),
    /// A text, or the value of an enumeration or band.
    Text(&'a str),
    /// A civil day.
    Date(Date),
    /// An instant.
    Timestamp(Timestamp),
    /// A length of time.
    Duration(Duration),
    /// A list of text.
    Texts(&'a [Arc<str>]),
    /// Any value, lists and records among them.
    Value(&'a ExprValue),
}

impl<'a> From<&'a Value> for Field<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Bool(v) => Self::Bool(*v),
            Value::Int(v) => Self::Int(*v),
            Value::Decimal(v) => Self::Decimal(*v),
            Value::Money(v) => Self::Money(*v),
            Value::Double(v) => Self::Double(*v),
            Value::Text(text) | Value::Enum(text) | Value::Band { text, .. } => Self::Text(text),
            Value::Date(v) => Self::Date(*v),
            Value::Timestamp(v) => Self::Timestamp(*v),
            Value::Duration(v) => Self::Duration(*v),
            Value::List(items) => Self::Texts(items),
        }
    }
}

impl<'a> From<&'a ExprValue> for Field<'a> {
    fn from(value: &'a ExprValue) -> Self {
        Self::Value(value)
    }
}

impl<'a, F: Into<Field<'a>>> From<Option<F>> for Field<'a> {
    fn from(value: Option<F>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}

macro_rules! from {
    ($($kind:ty => $variant:ident;)*) => {
        $(impl From<$kind> for Field<'_> {
            fn from(value: $kind) -> Self {
                Self::$variant(value)
            }
        })*
    };
}

from! {
    bool => Bool;
    i64 => Int;
    f64 => Double;
    Decimal => Decimal;
    Money => Money;
    Date => Date;
    Timestamp => Timestamp;
    Duration => Duration;
}

impl<'a> From<&'a str> for Field<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

/// A value on its way through an evaluator, apart from its type.
#[derive(Debug, Clone)]
pub(crate) enum Val<'a> {
    Missing,
    Bool(bool),
    Int(i64),
    Wide(i128),
    Double(f64),
    Text(&'a str),
    Made(Arc<str>),
    Cells(&'a [Cell]),
    Texts(&'a [Arc<str>]),
    /// A list of text as a column stores it: from a place, so many.
    Stored(&'a ListBlock, usize, usize),
    List(Arc<[Val<'a>]>),
    Record(&'a [(Arc<str>, ExprValue)], &'a [(Arc<str>, Type)]),
}

impl<'a> Val<'a> {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Made(text) => Some(text),
            _ => None,
        }
    }

    pub(super) const fn truth(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    pub(crate) const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    pub(super) fn double(value: f64) -> Self {
        if value.is_finite() { Self::Double(value + 0.0) } else { Self::Missing }
    }

    pub(super) fn int(value: Option<i64>) -> Self {
        value.map_or(Self::Missing, Self::Int)
    }

    pub(super) fn wide(value: Option<i128>) -> Self {
        value.map_or(Self::Missing, Self::Wide)
    }

    /// How many items a list has.
    pub(super) fn len(&self) -> Option<usize> {
        match self {
            Self::Cells(items) => Some(items.len()),
            Self::Texts(items) => Some(items.len()),
            Self::Stored(_, _, len) => Some(*len),
            Self::List(items) => Some(items.len()),
            _ => None,
        }
    }

    /// An item of a list.
    pub(super) fn item(&self, place: usize) -> Self {
        match self {
            Self::Cells(items) => items.get(place).map_or(Self::Missing, Self::of_cell),
            Self::Texts(items) => items.get(place).map_or(Self::Missing, |text| Self::Text(text)),
            Self::Stored(list, from, len) if place < *len => {
                list.item(from + place).map_or(Self::Missing, Self::Text)
            }
            Self::List(items) => items.get(place).cloned().unwrap_or(Self::Missing),
            _ => Self::Missing,
        }
    }

    pub(crate) fn of_cell(cell: &'a Cell) -> Self {
        match cell {
            Cell::Missing => Self::Missing,
            Cell::Bool(v) => Self::Bool(*v),
            Cell::Int(v) => Self::Int(*v),
            Cell::Wide(v) => Self::Wide(*v),
            Cell::Double(v) => Self::Double(v.get()),
            Cell::Text(text) => Self::Text(text),
            Cell::List(items) => Self::Cells(items),
        }
    }

    /// The value that a cell holds, which is handed over.
    pub(crate) fn made(cell: Cell) -> Self {
        match cell {
            Cell::Text(text) => Self::Made(text),
            Cell::List(items) => Self::List(items.iter().cloned().map(Self::made).collect()),
            Cell::Missing => Self::Missing,
            Cell::Bool(v) => Self::Bool(v),
            Cell::Int(v) => Self::Int(v),
            Cell::Wide(v) => Self::Wide(v),
            Cell::Double(v) => Self::Double(v.get()),
        }
    }

    /// The value as a constant, where it is one.
    pub(crate) fn to_cell(&self) -> Option<Cell> {
        Some(match self {
            Self::Missing => Cell::Missing,
            Self::Bool(v) => Cell::Bool(*v),
            Self::Int(v) => Cell::Int(*v),
            Self::Wide(v) => Cell::Wide(*v),
            Self::Double(v) => Cell::Double(Bits::new(*v)),
            Self::Text(text) => Cell::Text(Arc::from(*text)),
            Self::Made(text) => Cell::Text(text.clone()),
            Self::Record(..) => return None,
            list => {
                let items = (0..list.len()?).map(|place| list.item(place).to_cell());
                Cell::List(items.collect::<Option<_>>()?)
            }
        })
    }

    /// What a host's record holds, where a value of this type is declared.
    pub(super) fn of_field(field: Field<'a>, kind: &'a Type) -> Self {
        match (field, kind) {
            (Field::Bool(v), Type::Bool) => Self::Bool(v),
            (Field::Int(v), Type::Int) => Self::Int(v),
            (Field::Int(v), Type::Decimal { .. } | Type::Double) => number(v, kind),
            (Field::Double(v), Type::Double) => Self::double(v),
            (Field::Decimal(v), Type::Decimal { scale }) => Self::wide(v.rescaled(*scale).map(|v| v.units())),
            (Field::Decimal(v), Type::Double) => Self::double(v.to_f64()),
            (Field::Money(v), Type::Money { currency, scale }) if v.currency() == *currency => {
                Self::wide(v.major().rescaled(*scale).map(|v| v.units()))
            }
            (Field::Text(text), Type::Text) => Self::Text(text),
            (Field::Text(text), Type::Enum(values) | Type::Band(values)) => {
                Self::int(values.code(text).map(i64::from))
            }
            (Field::Date(v), Type::Date) => Self::Int(i64::from(v.days())),
            (Field::Timestamp(v), Type::Timestamp) => Self::Int(v.micros()),
            (Field::Duration(v), Type::Duration) => Self::Int(v.micros()),
            (Field::Texts(items), Type::List(of)) => match &**of {
                Type::Text => Self::Texts(items),
                of => items.iter().map(|text| Self::of_field(Field::Text(text), of)).collect::<Self>(),
            },
            (Field::Value(value), kind) => Self::of_value(value, kind),
            _ => Self::Missing,
        }
    }

    /// A value that comes with a question, where one of this type is declared.
    pub(crate) fn of_parameter(value: &'a Value, kind: &'a Type) -> Self {
        Self::of_field(value.into(), kind)
    }

    /// A value that was given to a host, and comes back.
    pub(crate) fn of_shown(value: &'a ExprValue, kind: &'a Type) -> Self {
        Self::of_value(value, kind)
    }

    fn of_value(value: &'a ExprValue, kind: &'a Type) -> Self {
        match (value, kind) {
            (ExprValue::List(items), Type::List(of)) => {
                items.iter().map(|item| Self::of_value(item, of)).collect()
            }
            (ExprValue::Record(fields), Type::Record(declared)) => Self::Record(fields, declared),
            (ExprValue::Record(fields), Type::Counts(values)) => Self::counts(fields, values),
            (ExprValue::Money(v, given), Type::Money { currency, scale }) if given == currency => {
                Self::wide(v.rescaled(*scale).map(|v| v.units()))
            }
            (ExprValue::Bool(v), _) => Self::of_field(Field::Bool(*v), kind),
            (ExprValue::Int(v), _) => Self::of_field(Field::Int(*v), kind),
            (ExprValue::Decimal(v), _) => Self::of_field(Field::Decimal(*v), kind),
            (ExprValue::Double(v), _) => Self::of_field(Field::Double(*v), kind),
            (ExprValue::Text(text), _) => Self::of_field(Field::Text(text), kind),
            (ExprValue::Date(v), _) => Self::of_field(Field::Date(*v), kind),
            (ExprValue::Timestamp(v), _) => Self::of_field(Field::Timestamp(*v), kind),
            (ExprValue::Duration(v), _) => Self::of_field(Field::Duration(*v), kind),
            _ => Self::Missing,
        }
    }

    /// Counts by value that were kept as a record. What was not declared then came never; a record without any of the values, or
    /// with anything but whole numbers, is of something else.
    fn counts(fields: &[(Arc<str>, ExprValue)], values: &EnumValues) -> Self {
        let mut counts = vec![Self::Int(0); values.len()];
        let mut known = 0;
        for (text, count) in fields {
            let ExprValue::Int(count) = count else { return Self::Missing };
            if let Some(place) = values.code(text).and_then(|code| counts.get_mut(usize::from(code))) {
                *place = Self::Int(*count);
                known += 1;
            }
        }
        if known == 0 { Self::Missing } else { Self::List(counts.into()) }
    }

    /// The field of a record.
    pub(super) fn field(&self, name: &str) -> Self {
        let Self::Record(fields, declared) = self else { return Self::Missing };
        let value = fields.iter().find(|(known, _)| &**known == name);
        let kind = declared.iter().find(|(known, _)| &**known == name);
        match (value, kind) {
            (Some((_, value)), Some((_, kind))) => Self::of_value(value, kind),
            _ => Self::Missing,
        }
    }

    /// The value for the host.
    pub(crate) fn to_value(&self, kind: &Type) -> Option<ExprValue> {
        Some(match (self, kind) {
            (Self::Bool(v), _) => ExprValue::Bool(*v),
            (Self::Int(v), Type::Int) => ExprValue::Int(*v),
            (Self::Int(v), Type::Date) => ExprValue::Date(Date::from_days(i32::try_from(*v).ok()?)?),
            (Self::Int(v), Type::Timestamp) => ExprValue::Timestamp(Timestamp::from_micros(*v)?),
            (Self::Int(v), Type::Duration) => ExprValue::Duration(Duration::from_micros(*v)),
            (Self::Int(v), Type::Enum(values) | Type::Band(values)) => {
                ExprValue::Text(values.text(u16::try_from(*v).ok()?)?.clone())
            }
            (Self::Wide(v), Type::Decimal { scale }) => ExprValue::Decimal(Decimal::new(*v, *scale)),
            (Self::Wide(v), Type::Money { scale, currency }) => {
                ExprValue::Money(Decimal::new(*v, *scale), *currency)
            }
            (Self::Double(v), _) => ExprValue::Double(*v),
            (Self::Text(text), _) => ExprValue::Text(Arc::from(*text)),
            (Self::Made(text), _) => ExprValue::Text(text.clone()),
            (Self::Record(fields, _), _) => ExprValue::Record(fields.iter().cloned().collect()),
            (list, Type::Counts(values)) => {
                let count = |(place, text): (usize, &Arc<str>)| match list.item(place) {
                    Self::Int(count) => Some((text.clone(), ExprValue::Int(count))),
                    _ => None,
                };
                list.len()?;
                ExprValue::Record(values.iter().enumerate().map(count).collect::<Option<_>>()?)
            }
            (list, Type::List(of)) => {
                let items = (0..list.len()?).map(|place| list.item(place).to_value(of));
                ExprValue::List(items.collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }
}

/// A list of values; missing when one of them is, since lists hold no missing items.
impl<'a> FromIterator<Val<'a>> for Val<'a> {
    fn from_iter<I: IntoIterator<Item = Val<'a>>>(items: I) -> Self {
        let items: Arc<[Val<'a>]> = items.into_iter().collect();
        if items.iter().any(Val::is_missing) { Self::Missing } else { Self::List(items) }
    }
}

/// A whole number as a value of a wider type.
#[expect(clippy::cast_precision_loss, reason = "the nearest double is what a double means")]
fn number<'a>(value: i64, kind: &Type) -> Val<'a> {
    match kind {
        Type::Decimal { scale } => Val::wide(i128::from(value).checked_mul(power(*scale))),
        _ => Val::Double(value as f64),
    }
}

pub(super) const fn power(scale: u8) -> i128 {
    let mut power = 1;
    let mut left = if scale > 18 { 18 } else { scale };
    while left > 0 {
        power *= 10;
        left -= 1;
    }
    power
}
