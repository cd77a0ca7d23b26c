//! What does the text of a cell say, under what the schema declares?

use std::sync::Arc;

use super::moment::Reason;
use super::text_format::{TextFormat, is_text};
use super::{moment, number};
use crate::{AttributeType, Currency, Money, Value};

/// A cell as it was read, still borrowing its text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ReadCell<'t> {
    Absent,
    Null,
    Text(&'t str),
    Value(Value),
    /// A text, and why it does not fit the declared type.
    Unreadable(&'t str, Reason),
}

/// The currency of a row, for an amount of mixed money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowCurrency {
    Known(Currency),
    Missing,
    Unknown,
}

/// Reads the texts of one column.
#[derive(Debug, Clone)]
pub(super) struct CellReader {
    pub(super) kind: AttributeType,
    pub(super) format: TextFormat,
}

impl CellReader {
    /// Whether white space at the ends of a text is nothing.
    pub(super) const fn trims(&self) -> bool {
        self.format.trim || !is_text(&self.kind)
    }

    /// The cell that a text says; `currency` is the row's own, for mixed money.
    pub(super) fn read<'t>(&self, text: &'t str, currency: RowCurrency) -> ReadCell<'t> {
        let text = if self.trims() { text.trim() } else { text };
        if is_text(&self.kind) {
            return ReadCell::Text(text);
        }
        self.value(text, currency).map_or_else(|reason| ReadCell::Unreadable(text, reason), ReadCell::Value)
    }

    fn value(&self, text: &str, currency: RowCurrency) -> Result<Value, Reason> {
        let no_number = || number::why_none(text, &self.format);
        match &self.kind {
            AttributeType::Bool => truth(text).map(Value::Bool).ok_or(None),
            AttributeType::Int => {
                let exact = number::decimal(text, &self.format).ok_or_else(no_number)?;
                let whole = exact.rescaled(0).ok_or(None)?;
                i64::try_from(whole.units()).map(Value::Int).map_err(|_| None)
            }
            AttributeType::Decimal { scale } => {
                let exact = number::decimal(text, &self.format).ok_or_else(no_number)?;
                // Finer than declared is left for the load, whose report says by how much.
                Ok(Value::Decimal(exact.rescaled(*scale).unwrap_or(exact)))
            }
            AttributeType::Money(currency) => self.money(text, *currency),
            AttributeType::MixedMoney { .. } => match currency {
                RowCurrency::Known(currency) => self.money(text, currency),
                RowCurrency::Missing => Err(Some("its row has no currency".to_owned())),
                RowCurrency::Unknown => Err(Some("its row has an unknown currency".to_owned())),
            },
            AttributeType::Double => {
                number::double(text, &self.format).map(Value::Double).ok_or_else(no_number)
            }
            AttributeType::Date => moment::date(text, &self.format).map(Value::Date),
            AttributeType::Timestamp => moment::timestamp(text, &self.format).map(Value::Timestamp),
            AttributeType::Duration => moment::duration(text).map(Value::Duration).ok_or(None),
            AttributeType::List => Ok(Value::List(self.elements(text))),
            AttributeType::Text | AttributeType::Enum(_) | AttributeType::Band(_) => Ok(Value::text(text)),
        }
    }

    fn money(&self, text: &str, currency: Currency) -> Result<Value, Reason> {
        let written = number::written(text, &self.format);
        let amount = written.ok_or_else(|| number::why_none(text, &self.format))?;
        if let Some(sign) = amount.sign.filter(|sign| *sign != currency) {
            return Err(Some(format!("its sign is {sign}; expected an amount in {currency}")));
        }
        let places = if self.format.minor_units { 0 } else { currency.exponent() };
        let exact = amount.number.rescaled(places).ok_or_else(|| {
            let found = amount.number.scale();
            match (self.format.minor_units, places) {
                (true, _) => Some("minor units have no decimals".to_owned()),
                (_, 0) => Some(format!("{currency} has no decimals, and it has {found}")),
                (_, 1) => Some(format!("{currency} has 1 decimal, and it has {found}")),
                _ => Some(format!("{currency} has {places} decimals, and it has {found}")),
            }
        })?;
        Ok(Value::Money(Money::from_minor(exact.units(), currency)))
    }

    // Nothing between two separators is no element.
    fn elements(&self, text: &str) -> Arc<[Arc<str>]> {
        let separator = self.format.list_separator.as_deref().unwrap_or(";");
        text.split(separator).map(str::trim).filter(|item| !item.is_empty()).map(Arc::from).collect()
    }
}

fn truth(text: &str) -> Option<bool> {
    let is = |words: [&str; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(["true", "yes", "1"]) {
        Some(true)
    } else if is(["false", "no", "0"]) {
        Some(false)
    } else {
        None
    }
}
