//! What does the text of a cell say, under what the schema declares?

use std::sync::Arc;

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
    Unreadable(&'t str),
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
    pub(super) fn read<'t>(&self, text: &'t str, currency: Option<Currency>) -> ReadCell<'t> {
        let text = if self.trims() { text.trim_ascii() } else { text };
        if is_text(&self.kind) {
            return ReadCell::Text(text);
        }
        self.value(text, currency).map_or(ReadCell::Unreadable(text), ReadCell::Value)
    }

    fn value(&self, text: &str, currency: Option<Currency>) -> Option<Value> {
        let date_format = self.format.date_format.as_deref();
        match &self.kind {
            AttributeType::Bool => truth(text).map(Value::Bool),
            AttributeType::Int => {
                let units = number::decimal(text, &self.format)?.rescaled(0)?.units();
                i64::try_from(units).ok().map(Value::Int)
            }
            AttributeType::Decimal { scale } => {
                let exact = number::decimal(text, &self.format)?;
                // Finer than declared is left for the load, whose report says by how much.
                Some(Value::Decimal(exact.rescaled(*scale).unwrap_or(exact)))
            }
            AttributeType::Money(currency) => self.money(text, *currency),
            AttributeType::MixedMoney { .. } => self.money(text, currency?),
            AttributeType::Double => number::double(text, &self.format).map(Value::Double),
            AttributeType::Date => moment::date(text, date_format).map(Value::Date),
            AttributeType::Timestamp => moment::timestamp(text, date_format).map(Value::Timestamp),
            AttributeType::Duration => moment::duration(text).map(Value::Duration),
            AttributeType::List => Some(Value::List(self.elements(text))),
            AttributeType::Text | AttributeType::Enum(_) | AttributeType::Band(_) => Some(Value::text(text)),
        }
    }

    fn money(&self, text: &str, currency: Currency) -> Option<Value> {
        let amount = number::decimal(text, &self.format)?;
        let exact = amount.rescaled(if self.format.minor_units { 0 } else { currency.exponent() })?;
        Some(Value::Money(Money::from_minor(exact.units(), currency)))
    }

    // Nothing between two separators is no element.
    fn elements(&self, text: &str) -> Arc<[Arc<str>]> {
        let separator = self.format.list_separator.as_deref().unwrap_or(";");
        text.split(separator).map(str::trim_ascii).filter(|item| !item.is_empty()).map(Arc::from).collect()
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
