//! What went wrong in a host's storage?

use std::error::Error;

use thiserror::Error;

use super::TableName;

/// A scan failed: the table, what was being done, and the host's own error as the cause.
#[derive(Debug, Error)]
#[error("source failed in `{call}` of table `{table}`")]
pub struct SourceError {
    table: TableName,
    call: String,
    #[source]
    cause: Box<dyn Error + Send + Sync>,
}

impl SourceError {
    /// An error of `call` (such as `scan` or `open accounts.csv`) on a table.
    pub fn new(table: TableName, call: &str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { table, call: call.to_owned(), cause: cause.into() }
    }

    /// The table.
    #[must_use]
    pub const fn table(&self) -> &TableName {
        &self.table
    }

    /// What was being done.
    #[must_use]
    pub fn call(&self) -> &str {
        &self.call
    }
}
