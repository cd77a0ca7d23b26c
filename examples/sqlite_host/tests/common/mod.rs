//! A small book in a database of its own.

#![allow(dead_code, reason = "each file of tests uses a part of it")]

use std::path::PathBuf;
use std::sync::Arc;

use perennial::source::MemorySource;
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, ChildId, ChildRow, ChildTable, Currency,
    Date, Money, Nesting, Schema, Scope, TableKind, Value, View,
};
use rusqlite::Connection;
use sqlite_host::{Host, Opening, Options};
use tempfile::TempDir;

/// A database in a directory that goes with it.
pub struct Database {
    pub directory: TempDir,
    pub path: PathBuf,
}

impl Database {
    pub fn empty() -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("book.db");
        Self { directory, path }
    }

    /// With the accounts `acme`, below it `eu` and `us`, and a deal of `eu`.
    pub fn with_acme() -> (Self, Host) {
        let database = Self::empty();
        let host = Host::create(&database.path, schema(), Options::default()).unwrap();
        let deal = ChildRow::new(child("d1"), id("eu")).with("stage", "open").with("amount", euro(1_000));
        let source = MemorySource::new()
            .account(AccountRow::new(id("acme"), "Company").with("name", "Acme"))
            .account(AccountRow::new(id("eu"), "Company").under(id("acme")).with("seats", 12_i64))
            .account(AccountRow::new(id("us"), "Company").under(id("acme")))
            .child("deals", deal);
        host.import(&source).unwrap();
        assert_eq!(host.book().version(), 1);
        (database, host)
    }

    pub fn open(&self) -> (Host, Opening) {
        Host::open(&self.path, Options::default()).unwrap()
    }

    /// Somebody who knows nothing of the host.
    pub fn sql(&self, statements: &str) {
        self.connection().execute_batch(statements).unwrap();
    }

    pub fn connection(&self) -> Connection {
        let connection = Connection::open(&self.path).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        connection
    }

    pub fn number(&self, query: &str) -> i64 {
        self.connection().query_row(query, [], |row| row.get(0)).unwrap()
    }

    /// Everything in every table, for comparison.
    pub fn dump(&self) -> Vec<String> {
        let connection = self.connection();
        let tables = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
        let mut tables = connection.prepare(tables).unwrap();
        let names: Vec<String> =
            tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let mut rows = Vec::new();
        for name in names {
            let mut statement = connection.prepare(&format!("SELECT * FROM \"{name}\"")).unwrap();
            let columns = statement.column_count();
            let mut found = statement.query([]).unwrap();
            while let Some(row) = found.next().unwrap() {
                let cells: Vec<_> = (0..columns).map(|column| row.get_ref(column).unwrap()).collect();
                rows.push(format!("{name}: {cells:?}"));
            }
        }
        rows
    }

    /// Paths of the snapshots, oldest first.
    pub fn snapshots(&self) -> Vec<PathBuf> {
        let mut directory = self.path.clone().into_os_string();
        directory.push(".snapshots");
        let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    }
}

pub fn schema() -> Arc<Schema> {
    let deals = ChildTable::new("deals", TableKind::Opportunities)
        .column(Attribute::new("stage", AttributeType::Text))
        .column(Attribute::new("amount", AttributeType::Money(Currency::EUR)));
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("name", AttributeType::Text))
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("growth", AttributeType::Double))
        .table(deals);
    Arc::new(schema.build().unwrap())
}

pub fn id(text: &str) -> AccountId {
    AccountId::new(text).unwrap()
}

pub fn child(text: &str) -> ChildId {
    ChildId::new(text).unwrap()
}

pub fn euro(minor: i128) -> Money {
    Money::from_minor(minor, Currency::EUR)
}

pub fn view(book: &Book) -> View {
    book.view(&Scope::all(), AsOf::date_utc(Date::MIN)).unwrap()
}

pub fn value(book: &Book, account: &str, attribute: &str) -> Option<Value> {
    view(book).account(account).unwrap().value(attribute)
}

/// An error with its causes.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
