//! A source that fails, and batches that are no table.

use std::error::Error;
use std::ops::ControlFlow;

use crate::common::{Rows, answers, child_row_of, id, schema, view};
use perennial::source::{
    Batch, BatchError, Cell, Cells, Emit, MemorySource, ScanRequest, Source, SourceError, SourceExt,
    TableName,
};
use perennial::{AccountRow, Book, Change, LoadError, Policy, Schema, Value};

#[derive(Debug, PartialEq)]

struct Lost(usize);

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "connection lost after {} batches", self.0)
    }
}

impl Error for Lost {}

/// A storage that goes away in the middle of one table.
struct Failing {
    inner: MemorySource,
    table: TableName,
    after: usize,
}

impl Source for Failing {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        let mut batches = 0;
        let mut failed = false;
        self.inner.scan(request, &mut |batch| {
            if request.table() == &self.table && batches == self.after {
                failed = true;
                return ControlFlow::Break(());
            }
            batches += 1;
            emit(batch)
        })?;
        if failed { Err(SourceError::new(self.table.clone(), "fetch page", Lost(batches))) } else { Ok(()) }
    }
}

fn rows() -> Rows {
    let accounts =
        (0..20).map(|n| AccountRow::new(id(&format!("a{n:02}")), "Company").with("seats", i64::from(n)));
    let children = (0..20).map(|n| child_row_of(&id(&format!("a{n:02}")), n, 1)).collect();
    Rows { accounts: accounts.collect(), children }
}

#[test]
fn a_source_that_fails_half_way_leaves_the_old_book() {
    let (book, _) = rows().load(7, Policy::strict());
    let before = answers(&view(&book));
    for (table, after) in [
        (TableName::Accounts, 0),
        (TableName::Accounts, 2),
        (TableName::Links, 1),
        (TableName::child("tickets"), 1),
    ] {
        let failing = Failing { inner: rows().source(), table: table.clone(), after };
        let error = Book::load(schema(), &failing, &Policy::lenient()).unwrap_err();
        assert_eq!(error.to_string(), format!("source failed in `fetch page` of table `{table}`"));
        let LoadError::Source(source) = &error else { panic!("{error:?}") };
        assert_eq!((source.table(), source.call()), (&table, "fetch page"));
        // The host's own error, as it was.
        let cause = Error::source(&error).unwrap();
        assert_eq!(cause.downcast_ref::<Lost>(), Some(&Lost(after)));
        assert_eq!(answers(&view(&book)), before);
        assert!(Book::check(schema(), &failing).is_err());
    }
}

struct Emits(Vec<Batch>);

impl Source for Emits {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        for batch in self.0.iter().filter(|batch| batch.table() == request.table()) {
            if emit(batch.clone()).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn ids(ids: &[&str]) -> Cells {
    Cells::text(ids.iter().map(|id| Some(*id)))
}

#[test]
fn a_batch_that_is_no_table_is_an_error_with_a_type() {
    let accounts = || Batch::new(TableName::Accounts).column("id", ids(&["a", "b"]));
    let cases = [
        (
            accounts().column("seats", Cells::Int(vec![Some(1)])),
            "batch of `accounts`: column `seats` has 1 cells, the first column 2",
        ),
        (accounts().column("id", ids(&["a", "b"])), "batch of `accounts`: column `id` stands twice"),
        (
            Batch::new(TableName::Accounts).column("name", ids(&["a"])),
            "batch of `accounts`: column `id` is not there",
        ),
        (
            Batch::new(TableName::child("tickets")).column("account", ids(&["a"])),
            "batch of `tickets`: column `id` is not there",
        ),
    ];
    for (batch, text) in cases {
        let mut builder = Book::builder(schema());
        let error: BatchError = builder.push(&batch).unwrap_err();
        assert_eq!(error.to_string(), text);
        assert_eq!(batch.check(), Err(error));
        // Nothing of it was taken in.
        builder.push(&accounts().column("account_type", ids(&["Company", "Company"]))).unwrap();
        assert_eq!(builder.finish().unwrap().0.len(), 2);
        let error = Book::load(schema(), &Emits(vec![batch]), &Policy::lenient()).unwrap_err();
        assert!(matches!(error, LoadError::Batch(_)), "{error:?}");
    }
}

#[test]
fn absent_null_and_empty_text_stay_apart() {
    let batch = Batch::new(TableName::Accounts)
        .column("id", ids(&["a", "b", "c", "d"]))
        .column("account_type", ids(&["Company"; 4]))
        .column("parent", Cells::text([Some(""), None, Some("a"), None]))
        .column(
            "name",
            Cells::any([
                Cell::Absent,
                Cell::Null,
                Cell::Value(Value::text("")),
                Cell::Value(Value::text("D")),
            ]),
        )
        .column("colour", ids(&["r"; 4]));
    let (book, report) = Book::load(schema(), &Emits(vec![batch]), &Policy::strict()).unwrap();
    let shown = view(&book);
    let names: Vec<Option<Value>> = shown.accounts().map(|account| account.value("name")).collect();
    // In the order of the tree: a with c below, b, d.
    assert_eq!(names, [None, Some(Value::text("")), None, Some(Value::text("D"))]);
    assert_eq!(report.ignored_columns[&*TableName::Accounts.to_string()], [std::sync::Arc::from("colour")]);
    let (book, _) = book.apply(&Change::new().clear(&id("d"), "name").set(&id("a"), "name", "")).unwrap();
    assert_eq!(view(&book).account("d").unwrap().value("name"), None);
    assert_eq!(view(&book).account("a").unwrap().value("name"), Some(Value::text("")));
}

#[test]
fn every_kind_of_cells_reads_like_single_cells() {
    let rows = rows();
    let plain = rows.source();
    let batches = plain.collect(&schema(), TableName::Accounts).unwrap();
    let tagged: Vec<Batch> = batches
        .iter()
        .map(|batch| {
            batch.columns().fold(Batch::new(TableName::Accounts), |all, (name, cells)| {
                all.column(name, Cells::any((0..cells.len()).map(|row| cells.cell(row))))
            })
        })
        .collect();
    let (a, _) = Book::load(schema(), &Emits(batches), &Policy::strict()).unwrap();
    let (b, _) = Book::load(schema(), &Emits(tagged), &Policy::strict()).unwrap();
    assert_eq!(answers(&view(&a)), answers(&view(&b)));
}

#[test]
fn two_sources_are_one() {
    struct Only(TableName, MemorySource);
    impl Source for Only {
        fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
            self.1.scan(request, emit)
        }
        fn provides(&self, table: &TableName) -> bool {
            *table == self.0
        }
    }
    let crm = Only(TableName::Accounts, rows().source());
    let desk = Only(TableName::child("tickets"), rows().source());
    let both: Box<dyn Source> = Box::new(crm.or(desk));
    assert!(both.provides(&TableName::Accounts) && !both.provides(&TableName::Links));
    assert_eq!(both.count(&TableName::child("tickets")).unwrap(), 20);
    let (book, _) = Book::load(schema(), &both, &Policy::strict()).unwrap();
    assert_eq!(answers(&view(&book)), answers(&view(&rows().load(7, Policy::strict()).0)));
    let _: &Schema = book.schema();
}

#[test]
fn a_source_stops_when_nobody_wants_more() {
    let mut batches = 0;
    let request = ScanRequest::for_schema(&schema(), TableName::Accounts);
    let stop = &mut |_| {
        batches += 1;
        ControlFlow::Break(())
    };
    rows().source().batch_rows(1).scan(&request, stop).unwrap();
    assert_eq!(batches, 1);
    let reference = perennial::testkit::ReferenceBook::new(10_000, 1);
    let mut batches = 0;
    let request = ScanRequest::for_schema(&reference.schema(), TableName::Accounts);
    let stop = &mut |batch: Batch| {
        batches += 1;
        assert_eq!(batch.check(), Ok(()));
        ControlFlow::Break(())
    };
    reference.source().scan(&request, stop).unwrap();
    assert_eq!(batches, 1);
}

#[test]
fn a_column_that_is_nearly_that_of_the_parents_ends_the_load() {
    let batch = |columns: &[&str]| {
        let batch = Batch::new(TableName::Accounts).column("id", ids(&["a", "b"]));
        let batch = batch.column("account_type", ids(&["Company", "Company"]));
        columns.iter().fold(batch, |batch, name| batch.column(name, Cells::text([None, Some("a")])))
    };
    let load = |columns: &[&str]| Book::load(schema(), &Emits(vec![batch(columns)]), &Policy::lenient());
    for name in ["Parent", "PARENT", "parent ", "Parent-ID", "parents"] {
        let error = load(&[name]).unwrap_err();
        assert!(matches!(&error, LoadError::Misnamed { columns } if columns.len() == 1), "{error:?}");
        assert_eq!(
            error.to_string(),
            format!("accounts: column `{name}` is not read; did you mean `parent`?")
        );
        assert!(Book::check(schema(), &Emits(vec![batch(&[name])])).is_err());
    }
    // Where parents are read, and where the word is another, it is told.
    let (book, report) = load(&["parent", "Parent"]).unwrap();
    assert_eq!((book.len(), report.subsidiaries), (2, 1));
    assert_eq!(
        report.unread.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["accounts: column `Parent` is not read"]
    );
    let (_, report) = load(&["patient", "Seats", "colour"]).unwrap();
    assert_eq!(
        report.unread.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "accounts: column `Seats` is not read; did you mean `seats`?",
            "accounts: column `colour` is not read",
            "accounts: column `patient` is not read; did you mean `parent`?",
        ]
    );
    // A difference to a storage reads as a load does.
    let (book, _) = load(&["parent"]).unwrap();
    let error = Change::from_source(&book, &Emits(vec![batch(&["Parent"])])).unwrap_err();
    assert!(matches!(error, LoadError::Misnamed { .. }), "{error:?}");
    // Product accounts, and the accounts of child rows.
    let error = load(&["parent", "Product"]).unwrap_err();
    assert_eq!(error.to_string(), "accounts: column `Product` is not read; did you mean `product`?");
    let tickets =
        Batch::new(TableName::child("tickets")).column("id", ids(&["t"])).column("Account", ids(&["a"]));
    let error =
        Book::load(schema(), &Emits(vec![batch(&["parent"]), tickets]), &Policy::lenient()).unwrap_err();
    assert_eq!(error.to_string(), "tickets: column `Account` is not read; did you mean `account`?");
    // Of a table that nobody knows, nothing is meant for anything.
    let mails =
        Batch::new(TableName::child("mails")).column("id", ids(&["m"])).column("Account", ids(&["a"]));
    let (_, report) =
        Book::load(schema(), &Emits(vec![batch(&["parent"]), mails]), &Policy::lenient()).unwrap();
    assert_eq!(report.unread, []);
    let mut builder = Book::builder(schema());
    builder
        .push(&Batch::new(TableName::child("mails")).column("id", ids(&["m"])).column("Account", ids(&["a"])))
        .unwrap();
    let (_, report) = builder.finish().unwrap();
    assert_eq!(
        report.unread.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["mails: column `Account` is not read"]
    );
}
