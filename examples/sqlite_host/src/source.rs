//! How does the engine read the database?
//!
//! [`SqliteSource`] holds a read transaction for as long as it lives, so that every scan of every table
//! sees one state of the database, the one of [`SqliteSource::version`], whatever others write meanwhile
//! (the database is in WAL mode, where readers and writers do not wait for each other). Rows are streamed
//! from one statement in batches of [`BATCH_ROWS`](crate::BATCH_ROWS): memory holds one batch of them.

use perennial::source::{Emit, ScanRequest, Source, SourceError, TableName};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::{Doing, HostError};
use crate::layout::{Layout, TableLayout};
use crate::ledger::Meta;
use crate::reader::TableReader;

/// The tables of a database as a [`Source`], all at one version.
#[derive(Debug)]
pub struct SqliteSource<'c> {
    connection: Held<'c>,
    layout: &'c Layout,
    version: u64,
}

#[derive(Debug)]
enum Held<'c> {
    Own(Transaction<'c>),
    Lent(&'c Connection),
}

impl<'c> SqliteSource<'c> {
    /// Begins a read transaction, which ends when the source is dropped.
    ///
    /// # Errors
    ///
    /// [`HostError::Sqlite`], and [`HostError::NotInitialised`] where there is no book.
    pub fn begin(connection: &'c mut Connection, layout: &'c Layout) -> Result<Self, HostError> {
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Deferred).doing("begin to read")?;
        // A deferred transaction sees the state of its first read: this one.
        let version = Meta::read(&transaction)?.version;
        Ok(Self { connection: Held::Own(transaction), layout, version })
    }

    /// Reads in a transaction that somebody holds.
    pub(crate) const fn within(connection: &'c Connection, layout: &'c Layout, version: u64) -> Self {
        Self { connection: Held::Lent(connection), layout, version }
    }

    /// The version of the book that the tables are at, edits that were not synchronised apart.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    fn connection(&self) -> &Connection {
        match &self.connection {
            Held::Own(transaction) => transaction,
            Held::Lent(connection) => connection,
        }
    }

    fn stream(
        &self,
        layout: &TableLayout,
        request: &ScanRequest,
        emit: &mut Emit<'_>,
    ) -> Result<(), (&'static str, rusqlite::Error)> {
        let mut reader = TableReader::new(layout, request);
        let columns: Vec<&str> = reader.columns().iter().map(|column| &*column.sql).collect();
        if columns.is_empty() {
            return Ok(());
        }
        let sql = format!("SELECT {} FROM {}", columns.join(", "), layout.sql);
        let mut statement = self.connection().prepare(&sql).map_err(|cause| ("prepare", cause))?;
        let mut rows = statement.query([]).map_err(|cause| ("query", cause))?;
        while let Some(row) = rows.next().map_err(|cause| ("step", cause))? {
            let flow = reader.push(|place| row.get_ref(place), emit).map_err(|cause| ("column", cause))?;
            if flow.is_break() {
                return Ok(());
            }
        }
        // A `Break` at the end stops nothing more.
        let _ = reader.flush(emit);
        Ok(())
    }
}

impl Source for SqliteSource<'_> {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        let Some(layout) = self.layout.table(request.table()) else { return Ok(()) };
        self.stream(layout, request, emit)
            .map_err(|(call, cause)| SourceError::new(request.table().clone(), call, cause))
    }

    fn provides(&self, table: &TableName) -> bool {
        self.layout.table(table).is_some()
    }
}
