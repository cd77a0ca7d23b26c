//! Are these the rows that should have come?
//!
//! Rows are compared as texts, one a cell, each value as its attribute stores it: a whole number for a
//! decimal is the same amount. Order does not matter, number does.

use super::seed::{Column, Role, columns};
use crate::source::{Batch, Cell, TableName};
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
    table: TableName,
    columns: Vec<Column>,
    sight: Sight,
}

impl Lens {
    /// All columns of the table.
    pub(super) fn whole(schema: &Schema, batch: &Batch) -> Self {
        Self { table: batch.table().clone(), columns: columns(schema, batch.table()), sight: Sight::Values }
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

    /// The first difference of two lots of rows: what was expected, and what was found.
    pub(super) fn difference(&self, expected: &[Batch], found: &[Batch]) -> Option<(String, String)> {
        let (expected, found) = (self.rows(expected), self.rows(found));
        let table = &self.table;
        let count = format!("{} rows", found.len());
        match first_differences(&expected, &found) {
            (None, None) => None,
            (Some(row), None) => {
                let expected = format!("the row {} of `{table}`", shown_row(row, |place| said(row, place)));
                Some((expected, format!("{count}, and not that one (or not as often)")))
            }
            (None, Some(row)) => {
                let expected = format!("{} rows of `{table}`", expected.len());
                Some((
                    expected,
                    format!("{count}, and one too many: {}", shown_row(row, |place| said(row, place))),
                ))
            }
            (Some(lost), Some(strange)) => {
                // Of two rows with one id, what differs.
                let alike = lost.first() == strange.first();
                let differs = |place: usize| !alike || place == 0 || lost.get(place) != strange.get(place);
                let expected = format!("the row {} of `{table}`", shown_row(lost, differs));
                Some((expected, format!("{count}, and instead {}", shown_row(strange, differs))))
            }
        }
    }

    // In order, each cell with the name of its column; the id is the first.
    fn rows(&self, batches: &[Batch]) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        for batch in batches {
            let cells: Vec<_> =
                self.columns.iter().map(|column| (column, batch.cells(&column.name))).collect();
            for row in 0..batch.rows() {
                let cells = cells.iter().map(|(column, cells)| {
                    let cell = cells.map_or(Cell::Absent, |cells| cells.cell(row));
                    format!("{}: {}", column.name, self.cell(column, &cell))
                });
                rows.push(cells.collect());
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
            (Role::Name, Cell::Value(Value::Text(text))) => quoted(text),
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
            (_, Cell::Unreadable { text, expected, .. }) => {
                format!("{}, which was not read as {}", quoted(text), expected.word())
            }
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Enum(text) => quoted(text),
        Value::Band { rank, text } => format!("{} (place {rank})", quoted(text)),
        Value::List(items) => {
            format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
        }
        // The shortest text that is read as the same bits.
        Value::Double(double) => format!("{double:?}"),
        other => other.to_string(),
    }
}

// Two texts that look alike must not look alike here: control characters and combining marks are escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("`");
    for letter in text.chars() {
        match letter {
            '\u{300}'..='\u{36f}' => quoted.extend(letter.escape_unicode()),
            '"' | '\'' => quoted.push(letter),
            _ => quoted.extend(letter.escape_debug()),
        }
    }
    quoted.push('`');
    quoted
}

// Whether a cell says something; a row of a wide table is hard to read otherwise.
fn said(row: &[String], place: usize) -> bool {
    row.get(place).is_some_and(|cell| !cell.ends_with(": missing"))
}

fn shown_row(row: &[String], wanted: impl Fn(usize) -> bool) -> String {
    let cells = row.iter().enumerate().filter(|(place, _)| wanted(*place)).map(|(_, cell)| cell.as_str());
    format!("{{{}}}", cells.collect::<Vec<_>>().join(", "))
}

// The first row that is only on the left, and the first that is only on the right; both are in order.
fn first_differences<'r>(
    left: &'r [Vec<String>],
    right: &'r [Vec<String>],
) -> (Option<&'r Vec<String>>, Option<&'r Vec<String>>) {
    let (mut lost, mut strange) = (None, None);
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
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
    (lost, strange)
}
