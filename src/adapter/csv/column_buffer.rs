//! How do the cells of one column become a column of a batch?
//!
//! As plain values while they all are of the declared kind; from the first cell that is not (an unreadable
//! one, an absent one) the column of this batch carries a tag per cell.

use std::sync::Arc;

use super::limits::MAX_SHOWN_CHARS;
use super::read_cell::ReadCell;
use crate::source::{Cell, Cells, TextCells};
use crate::{AttributeType, Value, ValueKind};

/// The cells of one column, collected for a batch.
#[derive(Debug)]
pub(super) struct ColumnBuffer {
    kind: AttributeType,
    expected: ValueKind,
    cells: Cells,
}

impl ColumnBuffer {
    pub(super) fn new(kind: &AttributeType) -> Self {
        Self { kind: kind.clone(), expected: kind.kind(), cells: start(kind) }
    }

    /// Adds a cell.
    pub(super) fn push(&mut self, cell: &ReadCell<'_>) {
        if !self.push_plain(cell) {
            let cell = match cell {
                ReadCell::Absent => Cell::Absent,
                ReadCell::Null => Cell::Null,
                ReadCell::Text(text) => Cell::Value(Value::text(text)),
                ReadCell::Value(value) => Cell::Value(value.clone()),
                ReadCell::Unreadable(text, reason) => Cell::Unreadable {
                    text: text.chars().take(MAX_SHOWN_CHARS).collect(),
                    expected: self.expected,
                    reason: reason.as_deref().map(Arc::from),
                },
            };
            self.push_tagged(cell);
        }
    }

    /// The cells so far; the buffer starts again.
    pub(super) fn take(&mut self) -> Cells {
        std::mem::replace(&mut self.cells, start(&self.kind))
    }

    fn push_plain(&mut self, cell: &ReadCell<'_>) -> bool {
        match (&mut self.cells, cell) {
            (Cells::Text(cells), ReadCell::Text(text)) => cells.push(Some(text)),
            (Cells::Text(cells), ReadCell::Null) => cells.push(None),
            (Cells::Bool(cells), ReadCell::Value(Value::Bool(value))) => cells.push(Some(*value)),
            (Cells::Bool(cells), ReadCell::Null) => cells.push(None),
            (Cells::Int(cells), ReadCell::Value(Value::Int(value))) => cells.push(Some(*value)),
            (Cells::Double(cells), ReadCell::Value(Value::Double(value))) => cells.push(Some(*value)),
            (Cells::Double(cells), ReadCell::Null) => cells.push(None),
            (Cells::Date(cells), ReadCell::Value(Value::Date(value))) => cells.push(Some(*value)),
            (Cells::Date(cells), ReadCell::Null) => cells.push(None),
            (Cells::Timestamp(cells), ReadCell::Value(Value::Timestamp(value))) => cells.push(Some(*value)),
            (Cells::Timestamp(cells), ReadCell::Null) => cells.push(None),
            (Cells::Decimal { scale, units }, ReadCell::Value(Value::Decimal(value))) => {
                // Finer, or too large: the load shall see the number as it stands.
                let fits = (value.scale() == *scale).then(|| i64::try_from(value.units()).ok()).flatten();
                let Some(value) = fits else { return false };
                units.push(Some(value));
            }
            (Cells::Money { currency, minor }, ReadCell::Value(Value::Money(value))) => {
                let fits =
                    (value.currency() == *currency).then(|| i64::try_from(value.minor()).ok()).flatten();
                let Some(value) = fits else { return false };
                minor.push(Some(value));
            }
            (
                Cells::Int(cells) | Cells::Decimal { units: cells, .. } | Cells::Money { minor: cells, .. },
                ReadCell::Null,
            ) => cells.push(None),
            _ => return false,
        }
        true
    }

    fn push_tagged(&mut self, cell: Cell) {
        if let Cells::Any(cells) = &mut self.cells {
            cells.push(cell);
            return;
        }
        let plain = (0..self.cells.len()).map(|row| self.cells.cell(row));
        self.cells = Cells::Any(plain.chain([cell]).collect());
    }
}

fn start(kind: &AttributeType) -> Cells {
    match kind {
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
        AttributeType::MixedMoney { .. } | AttributeType::Duration | AttributeType::List => {
            Cells::Any(Vec::new())
        }
    }
}
