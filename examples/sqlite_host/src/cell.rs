//! How does a value look in a column, and back?
//!
//! | kind | column | written as |
//! |---|---|---|
//! | true or false | `INTEGER` | 0, 1 |
//! | whole number | `INTEGER` | itself |
//! | decimal | `INTEGER` | units of its last digit: 12.50 of scale 2 is 1250 |
//! | money | `INTEGER` | minor units; mixed money has its currency in its currency column |
//! | double | `REAL` | itself |
//! | date | `TEXT` | `2026-01-31`, which sorts as the calendar does |
//! | timestamp, duration | `INTEGER` | microseconds |
//! | text, enumeration, band | `TEXT` | itself |
//! | list | `TEXT` | a JSON array of texts |
//!
//! A missing value is `NULL`, and empty text is a text. Nothing is lost in either direction; what somebody
//! else wrote and does not read as what was declared travels as [`Cell::Unreadable`], and the load reports it.

use std::sync::Arc;

use perennial::source::{Cell, Cells, TextCells};
use perennial::{AttributeType, Currency, Date, Decimal, Duration, Money, Timestamp, Value, ValueKind};
use rusqlite::types::{Value as Sql, ValueRef};

use crate::layout::Role;

/// A value that its attribute has accepted, as it is written; `None` for one that no column holds, which
/// no accepted value is.
pub(crate) fn sql_of(value: &Value) -> Option<Sql> {
    Some(match value {
        Value::Bool(v) => Sql::Integer(i64::from(*v)),
        Value::Int(v) => Sql::Integer(*v),
        Value::Decimal(v) => Sql::Integer(i64::try_from(v.units()).ok()?),
        Value::Money(v) => Sql::Integer(i64::try_from(v.minor()).ok()?),
        Value::Double(v) => Sql::Real(*v),
        Value::Text(v) | Value::Enum(v) | Value::Band { text: v, .. } => Sql::Text(v.to_string()),
        Value::Date(v) => Sql::Text(v.to_string()),
        Value::Timestamp(v) => Sql::Integer(v.micros()),
        Value::Duration(v) => Sql::Integer(v.micros()),
        Value::List(items) => Sql::Text(serde_json::to_string(items).ok()?),
        _ => return None,
    })
}

/// The cells of one column, one after the other.
///
/// A column of one kind travels without a tag per cell; the first cell that does not read as declared makes
/// it a column of tagged cells.
#[derive(Debug)]
pub(crate) struct ColumnCells<'l> {
    role: &'l Role,
    cells: Cells,
}

impl<'l> ColumnCells<'l> {
    pub(crate) fn new(role: &'l Role) -> Self {
        Self { role, cells: empty(role) }
    }

    /// Takes the cells and begins anew.
    pub(crate) fn take(&mut self) -> Cells {
        std::mem::replace(&mut self.cells, empty(self.role))
    }

    /// Adds a cell. `currency` is the text of the currency column, for mixed money.
    pub(crate) fn push(&mut self, cell: ValueRef<'_>, currency: Option<&str>) {
        if !self.push_plain(cell) {
            if !matches!(self.cells, Cells::Any(_)) {
                let before = (0..self.cells.len()).map(|row| self.cells.cell(row)).collect();
                self.cells = Cells::Any(before);
            }
            let tagged = self.read(cell, currency);
            if let Cells::Any(cells) = &mut self.cells {
                cells.push(tagged);
            }
        }
    }

    fn push_plain(&mut self, cell: ValueRef<'_>) -> bool {
        match (&mut self.cells, cell) {
            (Cells::Text(cells), ValueRef::Null) => cells.push(None),
            (Cells::Text(cells), ValueRef::Text(bytes)) => match std::str::from_utf8(bytes) {
                Ok(text) => cells.push(Some(text)),
                Err(_) => return false,
            },
            (Cells::Bool(cells), ValueRef::Null) => cells.push(None),
            (Cells::Bool(cells), ValueRef::Integer(0)) => cells.push(Some(false)),
            (Cells::Bool(cells), ValueRef::Integer(1)) => cells.push(Some(true)),
            (
                Cells::Int(cells) | Cells::Decimal { units: cells, .. } | Cells::Money { minor: cells, .. },
                ValueRef::Null,
            ) => cells.push(None),
            (
                Cells::Int(cells) | Cells::Decimal { units: cells, .. } | Cells::Money { minor: cells, .. },
                ValueRef::Integer(units),
            ) => cells.push(Some(units)),
            (Cells::Double(cells), ValueRef::Null) => cells.push(None),
            (Cells::Double(cells), ValueRef::Real(double)) => cells.push(Some(double)),
            (Cells::Date(cells), ValueRef::Null) => cells.push(None),
            (Cells::Date(cells), ValueRef::Text(bytes)) => match date(bytes) {
                Some(date) => cells.push(Some(date)),
                None => return false,
            },
            (Cells::Timestamp(cells), ValueRef::Null) => cells.push(None),
            (Cells::Timestamp(cells), ValueRef::Integer(micros)) => match Timestamp::from_micros(micros) {
                Some(instant) => cells.push(Some(instant)),
                None => return false,
            },
            _ => return false,
        }
        true
    }

    fn read(&self, cell: ValueRef<'_>, currency: Option<&str>) -> Cell {
        let expected = match self.role {
            Role::Name => ValueKind::Text,
            Role::Rank => ValueKind::Int,
            Role::Value(attribute) => attribute.kind().kind(),
        };
        if matches!(cell, ValueRef::Null) {
            return Cell::Null;
        }
        let read = match self.role {
            Role::Name => text(cell).map(Value::text),
            Role::Rank => integer(cell).map(Value::Int),
            Role::Value(attribute) => value(attribute.kind(), cell, currency),
        };
        read.map_or_else(|| Cell::Unreadable { text: shown(cell), expected, reason: None }, Cell::Value)
    }
}

fn empty(role: &Role) -> Cells {
    let Role::Value(attribute) = role else {
        return match role {
            Role::Rank => Cells::Int(Vec::new()),
            _ => Cells::Text(TextCells::new()),
        };
    };
    match attribute.kind() {
        AttributeType::Bool => Cells::Bool(Vec::new()),
        AttributeType::Int => Cells::Int(Vec::new()),
        AttributeType::Decimal { scale } => Cells::Decimal { scale: *scale, units: Vec::new() },
        AttributeType::Money(currency) => Cells::Money { currency: *currency, minor: Vec::new() },
        AttributeType::Double => Cells::Double(Vec::new()),
        AttributeType::Date => Cells::Date(Vec::new()),
        AttributeType::Timestamp => Cells::Timestamp(Vec::new()),
        AttributeType::Text | AttributeType::Enum(_) | AttributeType::Band(_) => {
            Cells::Text(TextCells::new())
        }
        _ => Cells::Any(Vec::new()),
    }
}

fn value(kind: &AttributeType, cell: ValueRef<'_>, currency: Option<&str>) -> Option<Value> {
    Some(match kind {
        AttributeType::Bool => match integer(cell)? {
            0 => Value::Bool(false),
            1 => Value::Bool(true),
            _ => return None,
        },
        AttributeType::Int => Value::Int(integer(cell)?),
        AttributeType::Decimal { scale } => Value::Decimal(Decimal::new(i128::from(integer(cell)?), *scale)),
        AttributeType::Money(currency) => {
            Value::Money(Money::from_minor(i128::from(integer(cell)?), *currency))
        }
        AttributeType::MixedMoney { .. } => {
            let currency: Currency = currency?.parse().ok()?;
            Value::Money(Money::from_minor(i128::from(integer(cell)?), currency))
        }
        AttributeType::Double => match cell {
            ValueRef::Real(double) => Value::Double(double),
            _ => return None,
        },
        AttributeType::Date => match cell {
            ValueRef::Text(bytes) => Value::Date(date(bytes)?),
            _ => return None,
        },
        AttributeType::Timestamp => Value::Timestamp(Timestamp::from_micros(integer(cell)?)?),
        AttributeType::Duration => Value::Duration(Duration::from_micros(integer(cell)?)),
        AttributeType::List => {
            let items: Vec<Arc<str>> = serde_json::from_str(text(cell)?).ok()?;
            Value::List(items.into())
        }
        // The text of an enumeration or band is accepted where it is one of its values.
        _ => Value::text(text(cell)?),
    })
}

fn text(cell: ValueRef<'_>) -> Option<&str> {
    match cell {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

fn integer(cell: ValueRef<'_>) -> Option<i64> {
    match cell {
        ValueRef::Integer(integer) => Some(integer),
        _ => None,
    }
}

fn date(bytes: &[u8]) -> Option<Date> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

// As a report shows it.
fn shown(cell: ValueRef<'_>) -> String {
    match cell {
        ValueRef::Null => String::new(),
        ValueRef::Integer(integer) => integer.to_string(),
        ValueRef::Real(real) => real.to_string(),
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).chars().take(60).collect(),
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}
