//! Does the source over `SQLite` keep the promises of a source?

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers as well"
)]

use std::cell::RefCell;
use std::ops::ControlFlow;

use perennial::source::{Emit, ScanRequest, Source, SourceError, TableName};
use perennial::testkit::conformance::{
    Capabilities, Capability, HarnessError, Seed, SourceHarness, Verdict, source,
};
use rusqlite::Connection;
use sqlite_host::{BATCH_ROWS, Host, Layout, Options, SqliteSource};
use tempfile::TempDir;

/// A new database for every source.
#[derive(Default)]
struct Harness {
    directories: RefCell<Vec<TempDir>>,
}

/// The rows of the kit as a source, to be imported.
struct Rows<'s>(&'s Seed);

impl Source for Rows<'_> {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        if let Some(batch) = self.0.table(request.table()) {
            let _: ControlFlow<()> = emit(batch.clone());
        }
        Ok(())
    }
}

impl Harness {
    fn database(&self, seed: &Seed) -> Result<Connection, HarnessError> {
        let directory = TempDir::new()?;
        let path = directory.path().join("book.db");
        self.directories.borrow_mut().push(directory);
        Host::create(&path, seed.schema().clone(), Options::default())?.import(&Rows(seed))?;
        Ok(Connection::open(&path)?)
    }

    fn read(seed: &Seed, connection: Connection) -> Result<Box<dyn Source>, HarnessError> {
        // A source borrows its connection for as long as it reads; a test has no end to wait for.
        let connection = Box::leak(Box::new(connection));
        let layout = Box::leak(Box::new(Layout::new(seed.schema().clone())?));
        Ok(Box::new(SqliteSource::begin(connection, layout)?))
    }
}

impl SourceHarness for Harness {
    fn source(&self, seed: &Seed) -> Result<Box<dyn Source + '_>, HarnessError> {
        Self::read(seed, self.database(seed)?)
    }

    fn failing_source(&self, seed: &Seed, table: &TableName) -> Result<Box<dyn Source + '_>, HarnessError> {
        let connection = self.database(seed)?;
        let name = match table {
            TableName::Child(name) => format!("child_{name}"),
            other => other.to_string(),
        };
        connection.execute_batch(&format!("DROP TABLE \"{name}\""))?;
        Self::read(seed, connection)
    }

    /// A table knows null and nothing else, and a key stands once.
    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
            .without(Capability::AbsentCells)
            .without(Capability::FaultyRows)
            .page_rows(BATCH_ROWS)
    }
}

perennial::testkit::source_conformance!(sqlite, Harness::default);

#[test]
fn only_what_no_table_can_hold_is_skipped() {
    let skipped: Vec<&str> = source::all(&Harness::default())
        .into_iter()
        .filter(|(_, outcome)| matches!(outcome, Ok(Verdict::Skipped { .. })))
        .map(|(promise, _)| promise)
        .collect();
    assert_eq!(skipped, ["rows_at_fault_come_as_they_stand", "absent_stays_absent"]);
}
