//! Hostile names, limits, and what a source promises beyond the suite.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers as well"
)]

mod common;

use std::error::Error;
use std::ops::ControlFlow;

use common::{Database, child, id, schema};
use perennial::source::{ScanRequest, Source, SourceExt, TableName};
use perennial::{
    AccountRow, Attribute, AttributeType, Change, ChildRow, ChildTable, Nesting, Schema, TableKind, Value,
};
use sqlite_host::{Host, HostError, Layout, MAX_COLUMNS, Options, SqliteSource};

#[test]
fn names_of_a_schema_may_be_anything() {
    let names = [
        "select",
        "ID",
        "Parent",
        "seats",
        "Seats",
        "SEATS",
        "rowid",
        "oid",
        "_rowid_",
        "order",
        "a b",
        "größe",
        "Größe",
        "GRÖSSE",
        "from-where",
        "x.y/z",
        "1",
        "edits",
        "table",
        "PRIMARY KEY",
    ];
    let tables =
        ["deals", "Deals", "DEALS", "sqlite_master", "perennial_meta", "links 2", "index", "Accounts"];
    let mut builder = Schema::builder().account_type("Company", Nesting::Free);
    for name in names {
        builder = builder.attribute(Attribute::new(name, AttributeType::Text));
    }
    for name in tables {
        let columns = ["Account", "ID", "value", "Value", "group", "rank"];
        let table = ChildTable::new(name, TableKind::Custom);
        let column = |table: ChildTable, name: &&str| table.column(Attribute::new(name, AttributeType::Text));
        builder = builder.table(columns.iter().fold(table, column));
    }
    let database = Database::empty();
    let host = Host::create(&database.path, builder.build().unwrap(), Options::default()).unwrap();
    let mut row = AccountRow::new(id("'; DROP TABLE accounts; --"), "Company");
    for name in names {
        row = row.with(name, format!("the \"{name}\" of 'it'").as_str());
    }
    let account = row.id.clone();
    let mut change = Change::new().add(row);
    for table in tables {
        let row = ChildRow::new(child(&format!("row of {table}")), account.clone());
        change = change.add_child(
            table,
            row.with("Account", "a").with("ID", "b").with("value", table).with("Value", "c"),
        );
    }
    host.apply(&change, Some(0)).unwrap();
    let mut change = Change::new();
    for name in names {
        change = change.set(&account, name, name);
    }
    host.apply(&change, Some(1)).unwrap();
    for name in names {
        assert_eq!(common::value(&host.book(), account.as_str(), name), Some(Value::text(name)));
    }
    assert!(host.check().unwrap().is_empty());
    drop(host);
    let (host, _) = database.open();
    assert_eq!(host.book().version(), 2);
    let view = common::view(&host.book());
    let account = view.account(account.as_str()).unwrap();
    for table in tables {
        assert_eq!(account.child_rows(table).next().unwrap().value("value"), Some(Value::text(table)));
    }
    host.apply(&Change::new().remove(&account.id()), Some(2)).unwrap();
    assert!(host.check().unwrap().is_empty());
}

#[test]
fn more_columns_than_sqlite_allows_are_refused_by_name() {
    let mut builder = Schema::builder().account_type("Company", Nesting::Free);
    for number in 0..MAX_COLUMNS {
        builder = builder.attribute(Attribute::new(&format!("a{number}"), AttributeType::Int));
    }
    let database = Database::empty();
    let error = Host::create(&database.path, builder.build().unwrap(), Options::default()).err().unwrap();
    assert!(
        matches!(error, HostError::TooManyColumns { columns: 2_004, limit: MAX_COLUMNS, .. }),
        "{error:?}"
    );
    // As many as there may be are made, filled and read.
    let mut builder = Schema::builder().account_type("Company", Nesting::Free);
    let mut row = AccountRow::new(id("wide"), "Company");
    for number in 0..MAX_COLUMNS - 4 {
        let name = format!("a{number}");
        builder = builder.attribute(Attribute::new(&name, AttributeType::Int));
        row = row.with(&name, i64::try_from(number).unwrap());
    }
    let host = Host::create(&database.path, builder.build().unwrap(), Options::default()).unwrap();
    host.apply(&Change::new().add(row), None).unwrap();
    assert!(host.check().unwrap().is_empty());
}

#[test]
fn a_source_reads_one_state_of_the_database() {
    let (database, host) = Database::with_acme();
    let layout = Layout::new(schema()).unwrap();
    let mut connection = database.connection();
    let source = SqliteSource::begin(&mut connection, &layout).unwrap();
    assert_eq!((source.version(), source.count(&TableName::Accounts).unwrap()), (1, 3));
    host.apply(&Change::new().remove_subtree(&id("acme")), None).unwrap();
    // The other tables are those of the same version, though nothing is left of them by now.
    assert_eq!(source.count(&TableName::Accounts).unwrap(), 3);
    assert_eq!(source.count(&TableName::child("deals")).unwrap(), 1);
    drop(source);
    let source = SqliteSource::begin(&mut connection, &layout).unwrap();
    assert_eq!((source.version(), source.count(&TableName::Accounts).unwrap()), (2, 0));
}

#[test]
fn an_error_names_table_and_call_and_keeps_that_of_sqlite() {
    let (database, _host) = Database::with_acme();
    database.sql("DROP TABLE child_deals");
    let layout = Layout::new(schema()).unwrap();
    let mut connection = database.connection();
    let source = SqliteSource::begin(&mut connection, &layout).unwrap();
    let request = ScanRequest::for_schema(&schema(), TableName::child("deals"));
    let error = source.scan(&request, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(error.to_string(), "source failed in `prepare` of table `deals`");
    assert!(error.source().unwrap().downcast_ref::<rusqlite::Error>().is_some());
}

#[test]
fn what_others_wrote_and_nobody_can_read_is_reported() {
    let database = Database::empty();
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("since", AttributeType::Date))
        .attribute(Attribute::new("flag", AttributeType::Bool))
        .attribute(Attribute::new("tags", AttributeType::List))
        .build()
        .unwrap();
    let host = Host::create(&database.path, schema, Options::default()).unwrap();
    database.sql(
        "INSERT INTO accounts (id, account_type, since, flag, tags) VALUES
           ('a', 'Company', '2026-01-31', 1, '[\"x\"]'),
           ('b', 'Company', 'soon', 7, 'x'),
           ('c', 'Company', CAST(x'ff' AS TEXT), 0, '[1]')",
    );
    let report = host.adopt().unwrap();
    let said: Vec<String> = report.faults.iter().map(|fault| fault.problem.to_string()).collect();
    assert_eq!(report.faults.len(), 5, "{said:?}");
    assert!(said.contains(&"`b`: since: `soon` is no date".to_owned()), "{said:?}");
    assert!(said.contains(&"`b`: flag: `7` is no true or false".to_owned()), "{said:?}");
    assert!(host.check().unwrap().is_empty());
}

#[test]
fn an_import_that_does_not_fit_writes_nothing() {
    use perennial::adapter::csv::{CsvInput, CsvSource, CsvTable};
    let (database, host) = Database::with_acme();
    let before = database.dump();
    let import = |text: &str| {
        let table = CsvTable::accounts(CsvInput::text("new.csv", text));
        host.import(&CsvSource::builder(&schema()).table(table).build().unwrap())
    };
    let error = import("id,account_type,seats\nx,Company,1\ny,Company,many\n").unwrap_err();
    assert_eq!(error.to_string(), "table `accounts`, row `y`: seats: `many` is no whole number");
    assert!(matches!(import("id,account_type\nx,Company\neu,Company\n"), Err(HostError::Sqlite { .. })));
    assert_eq!(database.dump(), before);
    import("id,account_type,parent,seats\nx,Company,eu,1\n").unwrap();
    assert_eq!(host.book().version(), 2);
    assert!(host.check().unwrap().is_empty());
}
