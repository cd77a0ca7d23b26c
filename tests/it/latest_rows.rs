//! Is an export with a row for each version read as what is now?

use std::collections::BTreeMap;
use std::error::Error;

use crate::common::{config, id, view};
use perennial::adapter::csv::{Column, CsvInput, CsvSource, CsvTable};
use perennial::source::{MemorySource, NoVersionColumn, Source, SourceExt, TableName};
use perennial::testkit::FaultySource;
use perennial::{
    AccountRow, Attribute, AttributeType, Book, ChildTable, FaultKind, LoadError, LoadReport, Nesting,
    Policy, Remedy, Schema, TableKind,
};
use proptest::prelude::*;

fn schema() -> Schema {
    Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("changed", AttributeType::Timestamp))
        .table(
            ChildTable::new("contracts", TableKind::Custom)
                .column(Attribute::new("amount", AttributeType::Int))
                .column(Attribute::new("version", AttributeType::Int)),
        )
        .build()
        .unwrap()
}

fn load(source: &dyn Source) -> (Book, LoadReport) {
    let policy = Policy::lenient().with(FaultKind::RepeatedId, Remedy::Quarantine).unwrap();
    Book::load(schema(), source, &policy).unwrap()
}

fn seats(book: &Book) -> BTreeMap<String, Option<String>> {
    let value = |account: &perennial::Account<'_>| account.value("seats").map(|seats| seats.to_string());
    view(book).accounts().map(|account| (account.id_str().to_owned(), value(&account))).collect()
}

// Accounts of a file whose column `v` tells the version as text.
fn accounts(text: &str) -> CsvSource {
    let table = CsvTable::accounts(CsvInput::text("accounts.csv", text))
        .column("account_type", Column::constant("Company"))
        .text("version", "v");
    CsvSource::builder(&schema()).table(table).build().unwrap()
}

#[test]
fn the_row_with_the_greatest_version_counts() {
    let cases = [
        // As numbers, not as texts.
        ("9", "10", "11"),
        ("-1", "0", "0.5"),
        ("2024-02-29", "2024-03-01", "2024-11-01"),
        ("2024-03-01T00:30:00+01:00", "2024-02-29T23:45:00Z", "2024-03-01T00:00:00Z"),
        ("2024-03-01 08:30:00", "2024-03-01 08:30:00.5", "2024-03-01T08:30:01"),
    ];
    for (first, second, third) in cases {
        for order in [[first, second, third], [third, first, second], [second, third, first]] {
            let row = |version: &str| format!("acme,,{version},{}\n", if version == third { 3 } else { 1 });
            let text = format!("id,parent,v,seats\n{}eu,acme,,7\n", order.map(row).concat());
            let (book, report) = load(&accounts(&text).latest_accounts_by("version"));
            assert!(report.faults.is_empty(), "{report}");
            let expected = BTreeMap::from([
                ("acme".to_owned(), Some("3".to_owned())),
                ("eu".to_owned(), Some("7".to_owned())),
            ]);
            assert_eq!(seats(&book), expected, "{order:?}");
        }
    }
    // Doubles are versions too, and white space around a text is none.
    let row = |version: f64, seats: i64| {
        AccountRow::new(id("acme"), "Company").with("version", version).with("seats", seats)
    };
    let doubles = MemorySource::new().accounts([row(1.5, 1), row(10.25, 3), row(9.75, 2)]);
    for source in [
        &doubles.latest_accounts_by("version") as &dyn Source,
        &accounts("id,v,seats\nacme, 2 ,1\nacme, 10,3\n").latest_accounts_by("version"),
    ] {
        assert_eq!(seats(&load(source).0)["acme"].as_deref(), Some("3"));
    }
    // Without it, every version is a row of the id.
    let (_, report) = load(&accounts("id,v,seats\nacme,1,1\nacme,2,3\n"));
    assert_eq!(report.count(FaultKind::RepeatedId), 1);
}

#[test]
fn versions_that_do_not_tell_are_repeated_ids() {
    let told = |rows: &str| {
        let text = format!("id,v,seats\n{rows}");
        let (book, report) = load(&accounts(&text).latest_accounts_by("version"));
        let faults = report.faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        (book.len(), faults)
    };
    let repeated = |line: u64, rows: &[u64]| {
        let row = |row: &u64| format!("accounts.csv:{row} (seats {})", row - 1);
        let said = rows.iter().map(row).collect::<Vec<_>>().join(", ");
        (0, format!("accounts.csv:{line}: id `acme` stands in {} different rows: {said}", rows.len()))
    };
    // The older one is none of them.
    assert_eq!(told("acme,1,1\nacme,2,2\nacme,2,3\n"), repeated(3, &[3, 4]));
    assert_eq!(told("acme,1,1\nacme,,2\n"), repeated(2, &[2, 3]));
    assert_eq!(told("acme,soon,1\nacme,2,2\n"), repeated(2, &[2, 3]));
    assert_eq!(told("acme,2024-01-01,1\nacme,2,2\nacme,3,3\n"), repeated(2, &[2, 3, 4]));
    // Identical rows are one.
    let (len, faults) = told("acme,2,2\nacme,2,2\nacme,1,1\n");
    assert_eq!(
        (len, faults.as_str()),
        (
            1,
            "accounts.csv:2: id `acme` stands in 2 identical rows: accounts.csv:2 counts, not accounts.csv:3"
        )
    );
    // One row needs no version, and a row without an id is told as that.
    assert_eq!(told("acme,,1\n").0, 1);
    assert_eq!(told(",1,1\nacme,1,1\n").1, "accounts.csv:2: id is empty");
}

#[test]
fn child_rows_have_versions_too_and_a_column_of_the_schema_is_one() {
    let contracts =
        "id,account,amount,version\nk1,acme,5,1\nk1,eu,6,2\nk2,acme,7,1\nk3,acme,8,4\nk3,acme,9,4\n";
    let table = CsvTable::child("contracts", CsvInput::text("contracts.csv", contracts));
    let rows = "id,changed,seats\nacme,2024-03-01T00:00:00Z,1\nacme,2024-03-02T00:00:00Z,2\neu,,3\n";
    let file = CsvTable::accounts(CsvInput::text("accounts.csv", rows))
        .column("account_type", Column::constant("Company"));
    let source = CsvSource::builder(&schema()).table(file).table(table).build().unwrap();
    let source = source.latest_accounts_by("changed").latest_children_by("contracts", "version");
    let (book, report) = load(&source);
    assert_eq!(
        report.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["contracts.csv:5: id `k3` stands in 2 rows: contracts.csv:5 (amount 8), contracts.csv:6 (amount 9)"]
    );
    assert_eq!(report.tables["contracts"].loaded, 2);
    assert_eq!(seats(&book)["acme"].as_deref(), Some("2"));
    let view = view(&book);
    let owner = |account: &str| {
        let rows = view.account(account).unwrap().child_rows("contracts").map(|row| row.id().to_string());
        rows.collect::<Vec<_>>()
    };
    assert_eq!((owner("acme"), owner("eu")), (vec!["k2".to_owned()], vec!["k1".to_owned()]));
    // The column of the version is there for who wants it, and only then.
    let batches = source.collect(&schema(), TableName::Accounts).unwrap();
    assert!(batches.iter().all(|batch| batch.cells("changed").is_some()));
    let batches =
        accounts("id,v\nacme,1\n").latest_accounts_by("version").collect(&schema(), TableName::Accounts);
    assert!(batches.unwrap().iter().all(|batch| batch.cells("version").is_none()));
}

#[test]
fn rows_without_the_column_are_an_error() {
    let source = accounts("id,v\nacme,1\n").latest_accounts_by("vresion");
    let error = Book::load(schema(), &source, &Policy::strict()).unwrap_err();
    assert_eq!(error.to_string(), "source failed in `tell the latest rows` of table `accounts`");
    let LoadError::Source(error) = &error else { panic!("{error}") };
    let cause = error.source().unwrap();
    assert_eq!(cause.to_string(), "rows have no column `vresion` to tell their versions by");
    assert!(cause.downcast_ref::<NoVersionColumn>().is_some());
    // A table without rows has no versions, and needs none.
    assert_eq!(load(&MemorySource::new().latest_accounts_by("version")).0.len(), 0);
}

proptest! {
    #![proptest_config(config(128))]

    // Against the obvious: rows in order of version, the last of each id stands unless the one before has its version.
    #[test]
    fn the_latest_rows_are_those_of_a_table_that_is_kept_current(
        rows in prop::collection::vec((0..6_u8, 0..5_i64, 0..100_i64), 0..40),
        seed in any::<u64>(),
        size in 1..7_usize,
    ) {
        let account = |(name, version, seats): &(u8, i64, i64)| {
            AccountRow::new(id(&format!("a{name}")), "Company").with("version", *version).with("seats", *seats)
        };
        let memory = MemorySource::new().accounts(rows.iter().map(account)).batch_rows(size);
        let source = FaultySource::shuffled(memory, seed).latest_accounts_by("version");
        let (book, report) = load(&source);

        let mut sorted = rows.clone();
        sorted.sort_by_key(|(_, version, _)| *version);
        let mut current: BTreeMap<String, (i64, Vec<i64>)> = BTreeMap::new();
        for (name, version, seats) in sorted {
            let state = current.entry(format!("a{name}")).or_default();
            if state.0 != version || state.1.is_empty() {
                *state = (version, Vec::new());
            }
            state.1.push(seats);
        }
        let mut expected = BTreeMap::new();
        let mut repeated = 0;
        for (name, (_, mut said)) in current {
            repeated += usize::from(said.len() > 1);
            said.dedup();
            if let [only] = said.as_slice() {
                expected.insert(name, Some(only.to_string()));
            }
        }
        prop_assert_eq!(seats(&book), expected);
        prop_assert_eq!(report.count(FaultKind::RepeatedId), repeated);
    }
}
