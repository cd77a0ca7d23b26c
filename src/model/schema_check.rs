//! Does a value fit its attribute?
//!
//! One place decides, for loads, changes and checks alike. It widens what loses nothing (a whole number
//! for a decimal, a text for an enumeration) and refuses the rest with the reason.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::limits::{MAX_DURATION_MICROS, MAX_INT, MAX_LIST_LENGTH, MAX_UNITS};
use super::{Attribute, AttributeType, CaseRule, Decimal, EnumValues, Value, ValueKind};

/// A value that does not fit: which attribute, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("{attribute}: {kind}")]
pub struct ValueFault {
    /// Name of the attribute or column.
    pub attribute: String,
    /// Why.
    pub kind: ValueFaultKind,
}

/// Why a value does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum ValueFaultKind {
    #[error("expected {}, found {}", expected.word(), found.word())]
    WrongKind { expected: ValueKind, found: ValueKind },
    #[error("`{text}` is no {}{}", expected.word(), because(reason.as_deref()))]
    Unreadable { expected: ValueKind, text: String, reason: Option<Arc<str>> },
    #[error("`{text}` is not an allowed value{hint}")]
    NotAllowed { text: String, hint: String },
    #[error("`{text}` is out of range")]
    OutOfRange { text: String },
    #[error("`{text}` has more than {scale} digits after the point")]
    TooFine { text: String, scale: u8 },
    #[error("amount in {found}, declared in {expected}")]
    WrongCurrency { expected: String, found: String },
    #[error("text of {bytes} bytes; the limit is {limit}")]
    TextTooLong { bytes: usize, limit: usize },
    #[error("list of {length} elements; the limit is {MAX_LIST_LENGTH}")]
    ListTooLong { length: usize },
    #[error("text contains U+0000")]
    Nul,
    #[error("required value is missing")]
    Required,
    #[error("does not apply to accounts of type `{account_type}`")]
    NotApplicable { account_type: String },
    #[error("no such attribute{hint}")]
    Unknown { hint: String },
}

fn because(reason: Option<&str>) -> String {
    reason.filter(|reason| !reason.is_empty()).map_or_else(String::new, |reason| format!(": {reason}"))
}

impl Attribute {
    /// The value as this attribute stores it, or why it does not fit.
    ///
    /// Whole numbers widen to decimals and doubles, decimals to doubles and exact money-free decimals
    /// of the declared scale; text becomes a member of an enumeration or band when it is one. Nothing
    /// is rounded, nothing is parsed out of text.
    ///
    /// # Errors
    ///
    /// [`ValueFaultKind`] when the value does not fit.
    pub fn accept(&self, value: Value) -> Result<Value, ValueFaultKind> {
        let wrong =
            |found: &Value| ValueFaultKind::WrongKind { expected: self.kind.kind(), found: found.kind() };
        match (&self.kind, value) {
            (AttributeType::Int, Value::Int(v)) => int_in_range(v).map(Value::Int),
            (AttributeType::Decimal { scale }, Value::Int(v)) => {
                scaled(Decimal::new(i128::from(v), 0), *scale).map(Value::Decimal)
            }
            (AttributeType::Decimal { scale }, Value::Decimal(v)) => scaled(v, *scale).map(Value::Decimal),
            (AttributeType::Money(currency), Value::Money(v)) if v.currency() != *currency => {
                let (expected, found) = (currency.to_string(), v.currency().to_string());
                Err(ValueFaultKind::WrongCurrency { expected, found })
            }
            (AttributeType::Money(_) | AttributeType::MixedMoney { .. }, Value::Money(v)) => {
                units_in_range(v.minor(), &v).map(|_| Value::Money(v))
            }
            (AttributeType::Double, Value::Int(v)) => {
                int_in_range(v)?;
                #[expect(clippy::cast_precision_loss, reason = "within 2^53, so exact")]
                Ok(Value::Double(v as f64))
            }
            (AttributeType::Double, Value::Decimal(v)) => Ok(Value::Double(v.to_f64())),
            (AttributeType::Double, Value::Double(v)) if v.is_finite() => {
                Ok(Value::Double(if v == 0.0 { 0.0 } else { v }))
            }
            (AttributeType::Double, Value::Double(v)) => {
                Err(ValueFaultKind::OutOfRange { text: v.to_string() })
            }
            (AttributeType::Text, Value::Text(v)) => {
                self.check_text(&v)?;
                Ok(Value::Text(v))
            }
            (AttributeType::List, Value::List(items)) => {
                if items.len() > MAX_LIST_LENGTH {
                    return Err(ValueFaultKind::ListTooLong { length: items.len() });
                }
                items.iter().try_for_each(|item| self.check_text(item))?;
                Ok(Value::List(items))
            }
            (
                AttributeType::Enum(values) | AttributeType::Band(values),
                Value::Text(v) | Value::Enum(v) | Value::Band { text: v, .. },
            ) => self.member(values, &v),
            (AttributeType::Bool, v @ Value::Bool(_))
            | (AttributeType::Date, v @ Value::Date(_))
            | (AttributeType::Timestamp, v @ Value::Timestamp(_)) => Ok(v),
            (AttributeType::Duration, Value::Duration(v))
                if v.micros().unsigned_abs() <= MAX_DURATION_MICROS =>
            {
                Ok(Value::Duration(v))
            }
            (AttributeType::Duration, Value::Duration(v)) => {
                Err(ValueFaultKind::OutOfRange { text: v.to_string() })
            }
            (_, other) => Err(wrong(&other)),
        }
    }

    pub(crate) fn check_text(&self, text: &str) -> Result<(), ValueFaultKind> {
        let limit = self.longest_text();
        if text.len() > limit {
            return Err(ValueFaultKind::TextTooLong { bytes: text.len(), limit });
        }
        if text.bytes().any(|byte| byte == 0) { Err(ValueFaultKind::Nul) } else { Ok(()) }
    }

    /// The code of a text among `values`, under this attribute's case rule.
    pub(crate) fn code_of(&self, values: &EnumValues, text: &str) -> Option<u16> {
        values.code(text).or_else(|| match self.case {
            CaseRule::Exact => None,
            CaseRule::Folded => {
                let place = values.iter().position(|known| known.eq_ignore_ascii_case(text))?;
                u16::try_from(place).ok()
            }
        })
    }

    fn member(&self, values: &EnumValues, text: &str) -> Result<Value, ValueFaultKind> {
        let code = self.code_of(values, text).ok_or_else(|| not_allowed(values, text))?;
        let text = values.text(code).cloned().unwrap_or_else(|| text.into());
        Ok(match self.kind {
            AttributeType::Band(_) => Value::Band { rank: code, text },
            _ => Value::Enum(text),
        })
    }
}

pub(crate) fn not_allowed(values: &EnumValues, text: &str) -> ValueFaultKind {
    let mut known: Vec<&str> = values.iter().take(6).map(|v| &**v).collect();
    if values.len() > known.len() {
        known.push("...");
    }
    let text: String = text.chars().take(60).collect();
    ValueFaultKind::NotAllowed { text, hint: format!("; allowed: {}", known.join(", ")) }
}

pub(crate) fn int_in_range(value: i64) -> Result<i64, ValueFaultKind> {
    if (-MAX_INT..=MAX_INT).contains(&value) {
        Ok(value)
    } else {
        Err(ValueFaultKind::OutOfRange { text: value.to_string() })
    }
}

fn units_in_range(units: i128, shown: &dyn std::fmt::Display) -> Result<i64, ValueFaultKind> {
    match i64::try_from(units) {
        Ok(units) if (-MAX_UNITS..=MAX_UNITS).contains(&units) => Ok(units),
        _ => Err(ValueFaultKind::OutOfRange { text: shown.to_string() }),
    }
}

fn scaled(value: Decimal, scale: u8) -> Result<Decimal, ValueFaultKind> {
    let exact =
        value.rescaled(scale).ok_or_else(|| ValueFaultKind::TooFine { text: value.to_string(), scale })?;
    units_in_range(exact.units(), &value).map(|_| exact)
}
