//! How do rows become batches?
//!
//! Cell by cell, as SQL hands them out; a batch is emitted when it is full.

use std::ops::ControlFlow;
use std::sync::Arc;

use perennial::AttributeType;
use perennial::source::{Batch, Emit, ScanRequest, TableName};
use rusqlite::types::ValueRef;

use crate::cell::ColumnCells;
use crate::layout::{ColumnLayout, Role, TableLayout};

/// Rows of a batch.
pub const BATCH_ROWS: usize = 4_096;

struct Wanted<'l> {
    name: &'l Arc<str>,
    cells: ColumnCells<'l>,
    /// Place among the columns that are read.
    place: usize,
    /// Place of the currency column, for mixed money.
    currency: Option<usize>,
}

/// Gathers the rows of one table into batches.
pub(crate) struct TableReader<'l> {
    table: &'l TableName,
    read: Vec<&'l ColumnLayout>,
    wanted: Vec<Wanted<'l>>,
    rows: usize,
}

impl<'l> TableReader<'l> {
    /// For the columns of a request that the table has. A column that it does not have is left out.
    pub(crate) fn new(layout: &'l TableLayout, request: &ScanRequest) -> Self {
        let mut read: Vec<&ColumnLayout> =
            layout.columns.iter().filter(|column| request.wants(&column.name)).collect();
        let asked = read.len();
        for place in 0..asked {
            let Some(name) = read.get(place).and_then(|column| currency_column(column)) else { continue };
            if !read.iter().any(|column| *column.name == *name) {
                read.extend(layout.column(name));
            }
        }
        let place_of = |name: &str| read.iter().position(|column| &*column.name == name);
        let wanted = read.iter().take(asked).enumerate().map(|(place, column)| Wanted {
            name: &column.name,
            cells: ColumnCells::new(&column.role),
            place,
            currency: currency_column(column).and_then(place_of),
        });
        let wanted = wanted.collect();
        Self { table: &layout.table, read, wanted, rows: 0 }
    }

    /// The columns to read, in this order.
    pub(crate) fn columns(&self) -> &[&'l ColumnLayout] {
        &self.read
    }

    /// Adds a row, whose cells are asked for by place among [`columns`](Self::columns); emits a full batch.
    pub(crate) fn push<'r, E>(
        &mut self,
        cell: impl Fn(usize) -> Result<ValueRef<'r>, E>,
        emit: &mut Emit<'_>,
    ) -> Result<ControlFlow<()>, E> {
        for wanted in &mut self.wanted {
            let currency = match wanted.currency {
                Some(place) => match cell(place)? {
                    ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok(),
                    _ => None,
                },
                None => None,
            };
            wanted.cells.push(cell(wanted.place)?, currency);
        }
        self.rows += 1;
        Ok(if self.rows == BATCH_ROWS { self.flush(emit) } else { ControlFlow::Continue(()) })
    }

    /// Emits what is left.
    pub(crate) fn flush(&mut self, emit: &mut Emit<'_>) -> ControlFlow<()> {
        if self.rows == 0 {
            return ControlFlow::Continue(());
        }
        self.rows = 0;
        let mut batch = Batch::new(self.table.clone());
        for wanted in &mut self.wanted {
            batch = batch.column(wanted.name, wanted.cells.take());
        }
        emit(batch)
    }
}

fn currency_column(column: &ColumnLayout) -> Option<&str> {
    match &column.role {
        Role::Value(attribute) => match attribute.kind() {
            AttributeType::MixedMoney { currency_column } => Some(currency_column),
            _ => None,
        },
        _ => None,
    }
}
