//! Conveniences on every source.

use std::ops::ControlFlow;

use super::{Batch, Emit, LatestRows, ScanRequest, Source, SourceError, TableName, UnreadColumn};
use crate::model::Schema;

/// Conveniences on every [`Source`].
pub trait SourceExt: Source {
    /// All batches of a table that hold rows.
    ///
    /// # Errors
    ///
    /// The source's own.
    fn collect(&self, schema: &Schema, table: TableName) -> Result<Vec<Batch>, SourceError> {
        let mut batches = Vec::new();
        self.scan(&ScanRequest::for_schema(schema, table), &mut |batch: Batch| {
            if batch.rows() > 0 {
                batches.push(batch);
            }
            ControlFlow::Continue(())
        })?;
        Ok(batches)
    }

    /// How many rows a table has, by scanning it.
    ///
    /// # Errors
    ///
    /// The source's own.
    fn count(&self, table: &TableName) -> Result<usize, SourceError> {
        let mut rows = 0;
        if self.provides(table) {
            let request = ScanRequest::ids(table.clone());
            self.scan(&request, &mut |batch: Batch| {
                rows += batch.rows();
                ControlFlow::Continue(())
            })?;
        }
        Ok(rows)
    }

    /// This source, reduced to the account row with the greatest version of each id: for an export that has a row for
    /// each state of an account. `column` holds the version, a number, day or instant; see [`LatestRows`] for rows
    /// without one, ties, errors and cost.
    fn latest_accounts_by(self, column: &str) -> LatestRows<Self>
    where
        Self: Sized,
    {
        LatestRows::new(self, TableName::Accounts, column)
    }

    /// This source, reduced to the row with the greatest version of each id of a child table; see
    /// [`latest_accounts_by`](Self::latest_accounts_by).
    fn latest_children_by(self, table: &str, column: &str) -> LatestRows<Self>
    where
        Self: Sized,
    {
        LatestRows::new(self, TableName::child(table), column)
    }

    /// This source for the tables that it provides, and `other` for the rest: accounts from a CRM,
    /// tickets from a help desk.
    fn or<S: Source>(self, other: S) -> Both<Self, S>
    where
        Self: Sized,
    {
        Both { first: self, second: other }
    }
}

impl<S: Source + ?Sized> SourceExt for S {}

/// Two sources as one; see [`SourceExt::or`].
#[derive(Debug, Clone)]
pub struct Both<A, B> {
    first: A,
    second: B,
}

impl<A: Source, B: Source> Source for Both<A, B> {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        if self.first.provides(request.table()) {
            self.first.scan(request, emit)
        } else {
            self.second.scan(request, emit)
        }
    }

    fn provides(&self, table: &TableName) -> bool {
        self.first.provides(table) || self.second.provides(table)
    }

    fn unread(&self, table: &TableName) -> Vec<UnreadColumn> {
        if self.first.provides(table) { self.first.unread(table) } else { self.second.unread(table) }
    }
}
