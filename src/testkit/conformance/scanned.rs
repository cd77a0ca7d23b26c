//! Are these the rows that should have come?
//!
//! Rows are compared as texts that say every cell, each value as its attribute stores it: a whole number
//! for a decimal is the same amount. Order does not matter, number does.

use super::seed::{Column, Role, columns};
use crate::source::{Batch, Cell};
use crate::{Schema, Value};

/// What is seen of a cell that holds, or could hold, a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// The value; absent and null are the same.
    Values,
    /// Whether it is absent, null or a value, whichever.
    Presence,
    /// All of it.
    Everything,
}

/// What is compared of a table.
#[derive(Debug)]
pub(super) struct Lens {
    columns: Vec<Column>,
    sight: Sight,
}

impl Lens {
    /// All columns of the table.
    pub(super) fn whole(schema: &Schema, batch: &Batch) -> Self {
        Self { columns: columns(schema, batch.table()), sight: Sight::Values }
    }

    /// With only these columns, and the id.
    pub(super) fn only(mut self, wanted: impl Fn(&Column) -> bool) -> Self {
        self.columns.retain(|column| &*column.name == "id" || wanted(column));
        self
    }

    /// Seeing values, and absent and null as two things.
    pub(super) fn everything(mut self) -> Self {
        self.sight = Sight::Everything;
        self
    }

    /// Seeing whether there is a value, and absent and null as two things.
    pub(super) fn presence(mut self) -> Self {
        self.sight = Sight::Presence;
        self
    }

    /// Whether there is a column beside the id.
    pub(super) fn sees_more_than_ids(&self) -> bool {
        self.columns.len() > 1
    }

    /// The rows of batches as texts, in order.
    pub(super) fn rows(&self, batches: &[Batch]) -> Vec<String> {
        let mut rows = Vec::new();
        for batch in batches {
            let cells: Vec<_> =
                self.columns.iter().map(|column| (column, batch.cells(&column.name))).collect();
            for row in 0..batch.rows() {
                let cells = cells.iter().map(|(column, cells)| {
                    let cell = cells.map_or(Cell::Absent, |cells| cells.cell(row));
                    format!("{}: {}", column.name, self.cell(column, &cell))
                });
                rows.push(cells.collect::<Vec<_>>().join(", "));
            }
        }
        rows.sort_unstable();
        rows
    }

    fn cell(&self, column: &Column, cell: &Cell) -> String {
        match (&column.role, cell) {
            (Role::Name, Cell::Absent | Cell::Null) => String::from("none"),
            (Role::Name, Cell::Value(Value::Text(text))) if text.is_empty() => String::from("none"),
            // Numbers are names, too: many hosts have integer keys.
            (Role::Name, Cell::Value(Value::Int(number))) => format!("`{number}`"),
            (Role::Name, Cell::Value(Value::Text(text))) => format!("`{}`", text.escape_debug()),
            (Role::Rank, Cell::Absent | Cell::Null) => String::from("0"),
            (Role::Rank, Cell::Value(Value::Int(rank))) => rank.to_string(),
            (Role::Value(_), Cell::Absent) if self.sight != Sight::Values => String::from("absent"),
            (Role::Value(_), Cell::Null) if self.sight != Sight::Values => String::from("null"),
            (Role::Value(_), Cell::Absent | Cell::Null) => String::from("missing"),
            (Role::Value(_), Cell::Value(_)) if self.sight == Sight::Presence => String::from("a value"),
            (Role::Value(attribute), Cell::Value(value)) => match attribute.accept(value.clone()) {
                Ok(stored) => shown(&stored),
                Err(fault) => format!("{} ({fault})", shown(value)),
            },
            (Role::Name | Role::Rank, Cell::Value(value)) => {
                format!("the {} {}", value.kind().word(), shown(value))
            }
            (_, Cell::Unreadable { text, expected }) => {
                format!("`{}`, which was not read as {}", text.escape_debug(), expected.word())
            }
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Enum(text) => format!("`{}`", text.escape_debug()),
        Value::Band { rank, text } => format!("`{}` (place {rank})", text.escape_debug()),
        Value::List(items) => format!("{items:?}"),
        other => other.to_string(),
    }
}

/// The first difference of two lists of rows, both in order: what was expected, and what was found.
pub(super) fn difference(expected: &[String], found: &[String]) -> Option<(String, String)> {
    let (mut lost, mut strange): (Option<&String>, Option<&String>) = (None, None);
    let (mut left, mut right) = (expected.iter().peekable(), found.iter().peekable());
    while lost.is_none() || strange.is_none() {
        match (left.peek().copied(), right.peek().copied()) {
            (None, None) => break,
            (Some(a), Some(b)) if a == b => {
                left.next();
                right.next();
            }
            (Some(a), b) if b.is_none_or(|b| a < b) => {
                lost = lost.or(Some(a));
                left.next();
            }
            (_, b) => {
                strange = strange.or(b);
                right.next();
            }
        }
    }
    let count = format!("{} rows, and", found.len());
    match (lost, strange) {
        (None, None) => None,
        (Some(row), None) => {
            Some((format!("the row {{{row}}}"), format!("{count} not that one (or not as often)")))
        }
        (None, Some(row)) => {
            Some((format!("{} rows", expected.len()), format!("{count} one too many: {{{row}}}")))
        }
        (Some(row), Some(other)) => {
            Some((format!("the row {{{row}}}"), format!("{count} instead {{{other}}}")))
        }
    }
}
