//! Some rows of a table, column by column.

use std::borrow::Cow;
use std::sync::Arc;

use thiserror::Error;

use super::{Cell, Cells, TableName};
use crate::model::{AccountRow, ChildRow, ParentLink, Succession, Value};

/// Rows of one table, column by column. All columns have the same length.
///
/// ```
/// use perennial::source::{Batch, Cells, TableName};
///
/// let batch = Batch::new(TableName::Accounts)
///     .column("id", Cells::text([Some("acme"), Some("acme-eu")]))
///     .column("parent", Cells::text([None, Some("acme")]))
///     .column("seats", Cells::Int(vec![Some(12), None]));
/// assert_eq!(batch.rows(), 2);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    table: TableName,
    columns: Vec<(Arc<str>, Cells)>,
    origin: Option<Arc<str>>,
    lines: Vec<u64>,
}

/// A batch that is no table.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BatchError {
    /// Columns of different lengths.
    #[error("batch of `{table}`: column `{column}` has {found} cells, the first column {expected}")]
    Ragged {
        /// The table.
        table: TableName,
        /// The column that differs.
        column: Arc<str>,
        /// Cells of the first column.
        expected: usize,
        /// Cells of this one.
        found: usize,
    },
    /// One name twice.
    #[error("batch of `{table}`: column `{column}` stands twice")]
    Repeated {
        /// The table.
        table: TableName,
        /// The column.
        column: Arc<str>,
    },
    /// The column that names the row is not there.
    #[error("batch of `{table}`: column `{column}` is not there")]
    Missing {
        /// The table.
        table: TableName,
        /// The column.
        column: Arc<str>,
    },
}

impl Batch {
    /// A batch without columns.
    #[must_use]
    pub const fn new(table: TableName) -> Self {
        Self { table, columns: Vec::new(), origin: None, lines: Vec::new() }
    }

    /// With one more column.
    #[must_use]
    pub fn column(mut self, name: &str, cells: Cells) -> Self {
        self.columns.push((Arc::from(name), cells));
        self
    }

    /// With the place its rows come from (a file) and the line of each row, for reports.
    #[must_use]
    pub fn with_origin(mut self, origin: &str, lines: Vec<u64>) -> Self {
        self.origin = Some(Arc::from(origin));
        self.lines = lines;
        self
    }

    /// Account rows as a batch: a column for every attribute that some row names.
    #[must_use]
    pub fn of_accounts(rows: &[AccountRow]) -> Self {
        let mut batch = Self::new(TableName::Accounts)
            .column("id", Cells::text(rows.iter().map(|row| Some(row.id.as_str()))))
            .column(
                "parent",
                Cells::text(rows.iter().map(|row| preferred(row).map(|link| link.parent.as_str()))),
            )
            .column("account_type", Cells::text(rows.iter().map(|row| Some(&*row.account_type))))
            .column("product", Cells::text(rows.iter().map(|row| row.product.as_deref())));
        batch.add_values(rows.iter().map(|row| row.values.as_slice()), rows.len());
        batch
    }

    /// The declared parents of account rows beyond the first of each.
    #[must_use]
    pub fn of_links(rows: &[AccountRow]) -> Self {
        let further = || {
            rows.iter().flat_map(|row| {
                let first = preferred(row);
                row.parents.iter().filter(move |link| Some(*link) != first).map(move |link| (row, link))
            })
        };
        Self::new(TableName::Links)
            .column("id", Cells::text(further().map(|(row, _)| Some(row.id.as_str()))))
            .column("parent", Cells::text(further().map(|(_, link)| Some(link.parent.as_str()))))
            .column("rank", Cells::Int(further().map(|(_, link)| Some(i64::from(link.rank))).collect()))
    }

    /// Successions as a batch.
    #[must_use]
    pub fn of_successions(rows: &[Succession]) -> Self {
        Self::new(TableName::Successions)
            .column("id", Cells::text(rows.iter().map(|row| Some(row.account.as_str()))))
            .column("successor", Cells::text(rows.iter().map(|row| Some(row.successor.as_str()))))
            .column("on", Cells::Date(rows.iter().map(|row| Some(row.on)).collect()))
            .column("rank", Cells::Int(rows.iter().map(|row| Some(i64::from(row.rank))).collect()))
            .column("part", Cells::Bool(rows.iter().map(|row| Some(row.part)).collect()))
    }

    /// Child rows as a batch: a column for every column that some row names.
    #[must_use]
    pub fn of_children(table: &str, rows: &[ChildRow]) -> Self {
        let mut batch = Self::new(TableName::child(table))
            .column("id", Cells::text(rows.iter().map(|row| Some(row.id.as_str()))))
            .column("account", Cells::text(rows.iter().map(|row| row.account.as_ref().map(AsRef::as_ref))));
        batch.add_values(rows.iter().map(|row| row.values.as_slice()), rows.len());
        batch
    }

    // The name or id that a column has in a row; see `Cells::name_at`.
    pub(crate) fn name_at(&self, column: &str, row: usize) -> Option<Cow<'_, str>> {
        self.cells(column)?.name_at(row)
    }

    // The rows that are to be kept: `kept` has an entry for each row.
    pub(super) fn with_rows(mut self, kept: &[bool]) -> Self {
        let rows = || kept.iter().zip(0..).filter(|(kept, _)| **kept).map(|(_, row): (_, usize)| row);
        for (_, cells) in &mut self.columns {
            *cells = cells.with_rows(rows());
        }
        self.lines = rows().filter_map(|row| self.lines.get(row).copied()).collect();
        self
    }

    // The same rows without some columns.
    pub(super) fn with_only(mut self, keep: impl Fn(&str) -> bool) -> Self {
        self.columns.retain(|(name, _)| keep(name));
        self
    }

    fn add_values<'r>(&mut self, rows: impl Iterator<Item = &'r [(Arc<str>, Value)]>, count: usize) {
        let mut columns: indexmap::IndexMap<Arc<str>, Vec<Cell>> = indexmap::IndexMap::new();
        for (place, values) in rows.enumerate() {
            for (name, value) in values {
                let cells = columns.entry(Arc::clone(name)).or_insert_with(|| vec![Cell::Absent; count]);
                if let Some(cell) = cells.get_mut(place) {
                    *cell = Cell::Value(value.clone());
                }
            }
        }
        self.columns.extend(columns.into_iter().map(|(name, cells)| (name, Cells::Any(cells))));
    }

    /// The table its rows belong to.
    #[must_use]
    pub const fn table(&self) -> &TableName {
        &self.table
    }

    /// How many rows: the length of the first column.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, cells)| cells.len())
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Cells)> {
        self.columns.iter().map(|(name, cells)| (name, cells))
    }

    /// A column by name.
    #[must_use]
    pub fn cells(&self, name: &str) -> Option<&Cells> {
        self.columns.iter().find(|(own, _)| &**own == name).map(|(_, cells)| cells)
    }

    /// Where the rows come from, such as a file name.
    #[must_use]
    pub fn origin(&self) -> Option<&Arc<str>> {
        self.origin.as_ref()
    }

    /// The line of a row in its origin.
    #[must_use]
    pub fn line(&self, row: usize) -> Option<u64> {
        self.lines.get(row).copied()
    }

    /// Whether it is a table: one length, no name twice, and the `id` column present.
    ///
    /// # Errors
    ///
    /// [`BatchError`] for the first thing that is wrong.
    pub fn check(&self) -> Result<(), BatchError> {
        let expected = self.rows();
        let table = || self.table.clone();
        for (place, (name, cells)) in self.columns.iter().enumerate() {
            let column = || Arc::clone(name);
            if cells.len() != expected {
                return Err(BatchError::Ragged {
                    table: table(),
                    column: column(),
                    expected,
                    found: cells.len(),
                });
            }
            if self.columns.iter().take(place).any(|(other, _)| other == name) {
                return Err(BatchError::Repeated { table: table(), column: column() });
            }
        }
        if expected > 0 && self.cells("id").is_none() {
            return Err(BatchError::Missing { table: table(), column: Arc::from("id") });
        }
        Ok(())
    }
}

// The `parent` column has rank 0 for a reader, so only a link of rank 0 may travel there.
fn preferred(row: &AccountRow) -> Option<&ParentLink> {
    row.parents.iter().find(|link| link.rank == 0)
}
