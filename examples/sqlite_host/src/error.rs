//! What can go wrong in a host?

use std::path::PathBuf;

use perennial::source::TableName;
use perennial::{AccountId, ChangeError, LoadError, Remedy, SchemaErrors};
use thiserror::Error;

/// Most faults that an error describes; the rest is counted.
const DESCRIBED: usize = 20;

/// Why the host could not do what it was asked. The book and the tables are as they were, except where
/// [`HostError::EditsRefused`] says that the tables are ahead.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HostError {
    /// `SQLite` refused; its own error is the cause.
    #[error("cannot {doing}")]
    Sqlite {
        /// What was being done.
        doing: String,
        /// Why it failed.
        #[source]
        cause: rusqlite::Error,
    },
    /// The database holds no book.
    #[error("`{}` holds no book; begin with `init`", path.display())]
    NotInitialised {
        /// The database.
        path: PathBuf,
    },
    /// The database holds a book already.
    #[error("`{}` holds a book already", path.display())]
    Initialised {
        /// The database.
        path: PathBuf,
    },
    /// The database was written by a newer program.
    #[error("the database has format {found}, this program knows formats up to {known}; use a newer one")]
    NewerDatabase {
        /// Format of the database.
        found: i64,
        /// Newest format known here.
        known: i64,
    },
    /// The schema in the database cannot be read.
    #[error("the schema in the database cannot be read")]
    Schema(#[source] SchemaErrors),
    /// A table of the schema has more columns than `SQLite` allows.
    #[error("table `{table}` needs {columns} columns; SQLite allows {limit}")]
    TooManyColumns {
        /// The table.
        table: TableName,
        /// Columns needed.
        columns: usize,
        /// Columns allowed.
        limit: usize,
    },
    /// Somebody else was faster: the change was made for another version.
    #[error("the change was made for version {expected}, the book is at version {current}; look again")]
    Conflict {
        /// Version that the caller had seen.
        expected: u64,
        /// Version of the book.
        current: u64,
    },
    /// The book refuses the change; every problem is named.
    #[error(transparent)]
    Refused(#[from] ChangeError),
    /// Rows were edited directly in the database, and no change leads from the book to them.
    ///
    /// Writing stops until the rows are put right or taken over as they are ([`Host::adopt`]).
    ///
    /// [`Host::adopt`]: crate::Host::adopt
    #[error("rows edited in the database do not fit the book; put them right, or `adopt` them: {0}")]
    EditsRefused(EditsProblem),
    /// The tables cannot be loaded.
    #[error("the tables cannot be loaded")]
    Load(#[from] LoadError),
    /// A row of the book is not in its table: the tables and the book have parted.
    #[error("table `{table}`: {found} rows have id `{id}`, where the book expects one")]
    OutOfStep {
        /// The table.
        table: TableName,
        /// Id of the row.
        id: String,
        /// Rows found.
        found: usize,
    },
    /// An account is to be added that links were left behind for.
    #[error("table `links` has {rows} row(s) of account `{account}`, which is new; remove them and `adopt`")]
    StrayLinks {
        /// The account.
        account: AccountId,
        /// Rows found.
        rows: usize,
    },
    /// A value of an import fits no column.
    #[error("table `{table}`, row `{id}`: {problem}")]
    Import {
        /// The table.
        table: TableName,
        /// Id of the row.
        id: String,
        /// What is wrong.
        problem: String,
    },
    /// The log does not lead from the book to the tables.
    #[error("the log of changes cannot be followed: {problem}")]
    Log {
        /// What is wrong, and at which version.
        problem: String,
    },
    /// A snapshot cannot be written.
    #[error("cannot write snapshot `{}`", path.display())]
    SnapshotNotWritten {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
}

/// Why edited rows do not fit.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EditsProblem {
    /// The change that leads to the rows is refused.
    #[error("{0}")]
    Change(ChangeError),
    /// Rows that a load holds or adopts, which no change can, or that the policy refuses. Its report has the
    /// faults that the book knows already as well.
    #[error("{}", refused(.0))]
    Rows(LoadError),
}

// The faults that are new, a line each.
fn refused(error: &LoadError) -> String {
    let LoadError::Rejected { report } = error else { return error.to_string() };
    let mut faults = report.faults.iter().filter(|fault| fault.remedy == Remedy::Reject);
    let mut lines: Vec<String> =
        faults.by_ref().take(DESCRIBED).map(|fault| format!("\n  {fault}")).collect();
    match faults.count() {
        0 => {}
        more => lines.push(format!("\n  and {more} more")),
    }
    lines.concat()
}

/// Names what `SQLite` was asked to do.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &str) -> Result<T, HostError>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, doing: &str) -> Result<T, HostError> {
        self.map_err(|cause| HostError::Sqlite { doing: doing.to_owned(), cause })
    }
}
