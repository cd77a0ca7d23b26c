//! Which columns of a storage are not read?

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::TableName;

/// A column that a storage has and a load does not read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnreadColumn {
    /// The table.
    pub table: TableName,
    /// The file, where the source says so.
    pub origin: Option<Arc<str>>,
    /// The column.
    pub column: Arc<str>,
    /// The column of the table that is called most like it, if one is and nothing was read for it.
    pub nearest: Option<Arc<str>>,
}

impl UnreadColumn {
    /// A column of a table.
    #[must_use]
    pub fn new(table: TableName, column: &str) -> Self {
        Self { table, origin: None, column: Arc::from(column), nearest: None }
    }

    /// With the file that it is of, as its batches name it.
    #[must_use]
    pub fn of_file(mut self, origin: &str) -> Self {
        self.origin = Some(Arc::from(origin));
        self
    }
}

impl fmt::Display for UnreadColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: column `{}` is not read", self.column)?,
            None => write!(f, "{}: column `{}` is not read", self.table, self.column)?,
        }
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => Ok(()),
        }
    }
}
