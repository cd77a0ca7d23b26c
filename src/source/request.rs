//! What is a source asked for?

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{ChildTable, Schema};

/// A table of a host's storage.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TableName {
    /// Accounts: `id`, `parent`, `account_type`, `product`, and a column for each attribute.
    Accounts,
    /// Further declared parents: `id`, `parent`, `rank` (lower is preferred; the `parent` column of the
    /// accounts has rank 0).
    Links,
    /// Which account came after which: `id` (the account that was), `successor`, `on` (a date), and where
    /// they matter `rank` and `part`; see [`Succession`](crate::Succession).
    Successions,
    /// A child table of the schema: `id`, `account`, and its columns.
    Child(Arc<str>),
}

impl TableName {
    /// A child table by name.
    #[must_use]
    pub fn child(name: &str) -> Self {
        Self::Child(Arc::from(name))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accounts => f.write_str("accounts"),
            Self::Links => f.write_str("links"),
            Self::Successions => f.write_str("successions"),
            Self::Child(name) => f.write_str(name),
        }
    }
}

/// One scan: a table and the columns that will be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanRequest {
    table: TableName,
    columns: Vec<Arc<str>>,
}

impl ScanRequest {
    /// Everything a schema wants of a table.
    #[must_use]
    pub fn for_schema(schema: &Schema, table: TableName) -> Self {
        let mut columns: Vec<Arc<str>> = Vec::new();
        let mut add = |names: &[&str]| columns.extend(names.iter().map(|name| Arc::from(*name)));
        match &table {
            TableName::Accounts => {
                add(&["id", "parent", "account_type", "product"]);
                columns.extend(schema.attributes().map(|a| Arc::from(a.name())));
            }
            TableName::Links => add(&["id", "parent", "rank"]),
            TableName::Successions => add(&["id", "successor", "on", "rank", "part"]),
            TableName::Child(name) => {
                add(&["id", "account"]);
                let table = schema.table(name).and_then(|id| schema.table_at(id));
                columns.extend(table.into_iter().flat_map(ChildTable::columns).map(|c| Arc::from(c.name())));
            }
        }
        Self { table, columns }
    }

    // Only the ids, for counting.
    pub(super) fn ids(table: TableName) -> Self {
        Self { table, columns: vec![Arc::from("id")] }
    }

    // The same, and further columns.
    pub(super) fn and(&self, columns: impl IntoIterator<Item = Arc<str>>) -> Self {
        let mut all = self.clone();
        let further = columns.into_iter().filter(|column| !self.wants(column));
        all.columns.extend(further);
        all
    }

    /// The table.
    #[must_use]
    pub const fn table(&self) -> &TableName {
        &self.table
    }

    /// The columns that will be read.
    #[must_use]
    pub fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    /// Whether a column will be read.
    #[must_use]
    pub fn wants(&self, column: &str) -> bool {
        self.columns.iter().any(|wanted| &**wanted == column)
    }
}
