//! How do the cells of a batch travel?
//!
//! A column of one kind travels as plain values, without a tag per cell; a column of several kinds as
//! [`Cell`]s. Three things that storages confuse stay apart: absent (the source says nothing), null
//! (the source says there is no value) and empty text (a value).

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::{Currency, Date, Timestamp, Value, ValueKind};

/// One cell.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Cell {
    /// The source says nothing. A load takes it as missing.
    Absent,
    /// The source says that there is no value. A load takes it as missing.
    Null,
    /// A value.
    Value(Value),
    /// Text that the source could not read as what was declared; reported as a fault of this cell.
    Unreadable {
        /// The text, shortened by the source if it is long.
        text: String,
        /// What it should have been.
        expected: ValueKind,
        /// Why it could not be read, where the source knows: there is no such day.
        reason: Option<Arc<str>>,
    },
}

impl<V: Into<Value>> From<Option<V>> for Cell {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Null, |value| Self::Value(value.into()))
    }
}

/// The cells of one column of a batch. `None` is null.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Cells {
    /// True or false.
    Bool(Vec<Option<bool>>),
    /// Whole numbers.
    Int(Vec<Option<i64>>),
    /// Decimals of one scale, in their smallest unit.
    Decimal {
        /// Digits after the point.
        scale: u8,
        /// Units.
        units: Vec<Option<i64>>,
    },
    /// Money of one currency, in minor units.
    Money {
        /// The currency.
        currency: Currency,
        /// Minor units.
        minor: Vec<Option<i64>>,
    },
    /// Doubles.
    Double(Vec<Option<f64>>),
    /// Civil days.
    Date(Vec<Option<Date>>),
    /// Instants.
    Timestamp(Vec<Option<Timestamp>>),
    /// Text, in one buffer.
    Text(TextCells),
    /// Anything, a tag per cell.
    Any(Vec<Cell>),
}

impl Cells {
    /// A column of text.
    pub fn text<'t>(cells: impl IntoIterator<Item = Option<&'t str>>) -> Self {
        Self::Text(cells.into_iter().collect())
    }

    /// A column of cells of any kind.
    pub fn any(cells: impl IntoIterator<Item = Cell>) -> Self {
        Self::Any(cells.into_iter().collect())
    }

    /// How many cells.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Bool(cells) => cells.len(),
            Self::Int(cells) | Self::Decimal { units: cells, .. } | Self::Money { minor: cells, .. } => {
                cells.len()
            }
            Self::Double(cells) => cells.len(),
            Self::Date(cells) => cells.len(),
            Self::Timestamp(cells) => cells.len(),
            Self::Text(cells) => cells.len(),
            Self::Any(cells) => cells.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    // The cells of these rows, in their order; rows past the end are left out.
    pub(super) fn with_rows(&self, rows: impl Iterator<Item = usize>) -> Self {
        fn some<T: Copy>(cells: &[Option<T>], rows: impl Iterator<Item = usize>) -> Vec<Option<T>> {
            rows.filter_map(|row| cells.get(row).copied()).collect()
        }
        match self {
            Self::Bool(cells) => Self::Bool(some(cells, rows)),
            Self::Int(cells) => Self::Int(some(cells, rows)),
            Self::Decimal { scale, units } => Self::Decimal { scale: *scale, units: some(units, rows) },
            Self::Money { currency, minor } => Self::Money { currency: *currency, minor: some(minor, rows) },
            Self::Double(cells) => Self::Double(some(cells, rows)),
            Self::Date(cells) => Self::Date(some(cells, rows)),
            Self::Timestamp(cells) => Self::Timestamp(some(cells, rows)),
            Self::Text(cells) => Self::text(rows.map(|row| cells.get(row))),
            Self::Any(cells) => Self::Any(rows.filter_map(|row| cells.get(row).cloned()).collect()),
        }
    }

    // The name or id in a row, whatever kind of column it is in: many hosts have integer keys. Any other value, and a
    // cell that could not be read, is a name that is not found and is reported as such.
    pub(crate) fn name_at(&self, row: usize) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(texts) => texts.get(row).map(Cow::Borrowed),
            other => match other.cell(row) {
                Cell::Absent | Cell::Null => None,
                Cell::Value(Value::Text(text)) => Some(Cow::Owned(text.to_string())),
                Cell::Value(value) => Some(Cow::Owned(value.to_string())),
                Cell::Unreadable { text, .. } => Some(Cow::Owned(text)),
            },
        }
    }

    /// The cell in a row; absent past the end.
    #[must_use]
    pub fn cell(&self, row: usize) -> Cell {
        fn plain<T: Copy + Into<Value>>(cells: &[Option<T>], row: usize) -> Cell {
            cells.get(row).map_or(Cell::Absent, |cell| Cell::from(*cell))
        }
        match self {
            Self::Bool(cells) => plain(cells, row),
            Self::Int(cells) => plain(cells, row),
            Self::Decimal { scale, units } => match units.get(row) {
                None => Cell::Absent,
                Some(units) => Cell::from(units.map(|u| crate::model::Decimal::new(i128::from(u), *scale))),
            },
            Self::Money { currency, minor } => match minor.get(row) {
                None => Cell::Absent,
                Some(minor) => {
                    Cell::from(minor.map(|m| crate::model::Money::from_minor(i128::from(m), *currency)))
                }
            },
            Self::Double(cells) => plain(cells, row),
            Self::Date(cells) => plain(cells, row),
            Self::Timestamp(cells) => plain(cells, row),
            Self::Text(cells) if row < cells.len() => Cell::from(cells.get(row)),
            Self::Text(_) => Cell::Absent,
            Self::Any(cells) => cells.get(row).cloned().unwrap_or(Cell::Absent),
        }
    }
}

/// A column of optional texts in one buffer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextCells {
    bytes: String,
    // End of each text in `bytes`; the top bit marks a null.
    ends: Vec<u64>,
}

const NULL: u64 = 1 << 63;

impl TextCells {
    /// No cells yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a cell.
    pub fn push(&mut self, text: Option<&str>) {
        self.bytes.push_str(text.unwrap_or_default());
        let end = self.bytes.len() as u64;
        self.ends.push(if text.is_some() { end } else { end | NULL });
    }

    /// How many cells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text in a row; `None` for a null and past the end.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<&str> {
        let end = *self.ends.get(row)?;
        if end & NULL != 0 {
            return None;
        }
        let start = if row == 0 { 0 } else { *self.ends.get(row - 1)? & !NULL };
        self.bytes.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }

    /// The cells in order.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        (0..self.len()).map(|row| self.get(row))
    }
}

impl<'t> FromIterator<Option<&'t str>> for TextCells {
    fn from_iter<I: IntoIterator<Item = Option<&'t str>>>(cells: I) -> Self {
        let mut column = Self::new();
        for cell in cells {
            column.push(cell);
        }
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_rows_keep_their_cells() {
        let day = Date::from_days(7);
        let instant = Timestamp::from_micros(7);
        let columns = [
            Cells::Bool(vec![None, Some(true), Some(false)]),
            Cells::Int(vec![Some(1), None, Some(3)]),
            Cells::Decimal { scale: 2, units: vec![Some(150), None, Some(3)] },
            Cells::Money { currency: Currency::JPY, minor: vec![Some(5), Some(6), None] },
            Cells::Double(vec![Some(1.5), None, Some(2.5)]),
            Cells::Date(vec![None, None, day]),
            Cells::Timestamp(vec![instant, None, None]),
            Cells::text([Some("a"), None, Some("")]),
            Cells::Any(vec![Cell::Absent, Cell::Null, Cell::Value(Value::Int(1))]),
        ];
        for cells in columns {
            let some = cells.with_rows([0, 2].into_iter());
            assert_eq!(some.len(), 2, "{cells:?}");
            assert_eq!([some.cell(0), some.cell(1)], [cells.cell(0), cells.cell(2)]);
        }
    }
}
