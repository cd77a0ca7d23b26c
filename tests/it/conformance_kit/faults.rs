//! What does a load make of a source that misbehaves?

use std::ops::ControlFlow;
use std::sync::Arc;

use perennial::adapter::csv::{CsvInput, CsvSource, CsvTable};
use perennial::source::{Batch, Cells, Emit, MemorySource, ScanRequest, Source, SourceError, TableName};
use perennial::testkit::{FaultySource, InjectedFailure, ReferenceBook};
use perennial::{Book, FaultKind, LoadError, Policy};

use crate::common::{answers, forest, schema, view};

#[test]
fn a_source_that_fails_leaves_the_old_book_and_says_where() {
    let rows = forest(&[[0, 0, 0, 9, 3], [8, 1, 9, 77, 2], [16, 2, 1, 5, 1], [3, 1, 4, 1, 3]]);
    let (old, _) = Book::load(schema(), &rows.source(), &Policy::strict()).unwrap();
    let before = answers(&view(&old));
    let tables = ["accounts", "links", "successions", "tickets", "contracts"];
    for (number, table) in (1..).zip(tables) {
        let cut = FaultySource::fails_on_scan(rows.source(), number);
        let error = Book::load(schema(), &cut, &Policy::lenient()).unwrap_err();
        assert_eq!(cut.scans(), number);
        let LoadError::Source(error) = error else { panic!("{error}") };
        assert_eq!((error.table().to_string().as_str(), error.call()), (table, "scan"));
        let cause = std::error::Error::source(&error).unwrap().downcast_ref::<InjectedFailure>().unwrap();
        assert_eq!(*cause, InjectedFailure { scan: number, batches: 0 });
        assert_eq!(answers(&view(&old)), before);
        // The same source may be tried again.
        assert_eq!(answers(&view(&Book::load(schema(), &cut, &Policy::strict()).unwrap().0)), before);
    }
    let cut = FaultySource::fails_after_batches(rows.source().batch_rows(1), 2);
    let error = Book::load(schema(), &cut, &Policy::lenient()).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(cause.to_string(), "failure on purpose, after 2 batches of scan 1");
    assert_eq!(answers(&view(&old)), before);
    // Whoever stops before the failure does not see it.
    let request = ScanRequest::for_schema(&schema(), TableName::Accounts);
    let mut batches = 0;
    let stop = &mut |_: Batch| {
        batches += 1;
        ControlFlow::Break(())
    };
    cut.scan(&request, stop).unwrap();
    assert_eq!((batches, cut.inner().provides(&TableName::Accounts)), (1, true));
}

#[test]
fn rows_that_are_repeated_are_reported_as_that() {
    let rows = forest(&[[0, 0, 0, 9, 3], [8, 1, 9, 77, 2], [16, 2, 1, 5, 1], [3, 1, 4, 1, 3]]);
    let twice = FaultySource::repeats_batches(rows.source());
    let error = Book::load(schema(), &twice, &Policy::strict()).unwrap_err();
    let report = error.report().unwrap();
    assert_eq!(report.count(FaultKind::RepeatedId), rows.accounts.len());
    assert_eq!(report.count(FaultKind::RepeatedChild), rows.children.len());
    let kinds: Vec<FaultKind> = report.counts.keys().copied().collect();
    assert_eq!(kinds, [FaultKind::RepeatedId, FaultKind::RepeatedChild]);
    let (book, _) = Book::load(schema(), &twice, &Policy::lenient()).unwrap();
    let (once, _) = Book::load(schema(), &rows.source(), &Policy::strict()).unwrap();
    assert_eq!(book.len(), once.len());
    assert_eq!(book.superseded().len(), rows.accounts.len());
    assert_eq!(book.held_children().count(), 2 * rows.children.len());
}

#[test]
fn benign_faults_load_the_same_book() {
    let rows =
        forest(&[[0, 0, 0, 9, 3], [8, 1, 9, 77, 2], [16, 2, 1, 5, 1], [3, 1, 4, 1, 3], [11, 1, 7, 200, 2]]);
    let load = |source: &dyn Source| Book::load(schema(), source, &Policy::strict()).unwrap();
    let (plain, plain_report) = load(&rows.source());
    let stubborn = FaultySource::ignores_break(rows.source());
    let benign: [&dyn Source; 5] = [
        &FaultySource::superset(rows.source()),
        &FaultySource::shuffled(rows.source(), 1),
        &FaultySource::split(rows.source(), 0),
        &FaultySource::split(rows.source(), 3),
        // A load that finds nothing wrong never breaks off.
        &stubborn,
    ];
    for source in benign {
        let (book, report) = load(source);
        assert_eq!(answers(&view(&book)), answers(&view(&plain)));
        assert_eq!((&report.tables, &report.counts), (&plain_report.tables, &plain_report.counts));
    }
    let (_, report) = load(&FaultySource::superset(rows.source()));
    let more: Vec<&str> = report.ignored_columns["accounts"].iter().map(|name| &**name).collect();
    assert_eq!(more, ["account", "nobody asked for this", "rank"]);
}

#[test]
fn a_batch_that_is_no_table_ends_a_load_even_where_a_break_is_ignored() {
    struct Ragged;
    impl Source for Ragged {
        fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
            let ids =
                || Batch::new(request.table().clone()).column("id", Cells::text([Some("a"), Some("b")]));
            let _ = emit(ids().column("seats", Cells::Int(vec![None])));
            // Nobody wants this any more.
            let _ = emit(ids());
            Ok(())
        }
    }
    let error = Book::load(schema(), &Ragged, &Policy::lenient()).unwrap_err();
    assert!(matches!(error, LoadError::Batch(_)), "{error}");
}

#[test]
fn a_table_that_is_not_provided_is_not_scanned() {
    struct Denied(FaultySource<MemorySource>);
    impl Source for Denied {
        fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
            self.0.scan(request, emit)
        }
        fn provides(&self, table: &TableName) -> bool {
            *table == TableName::Accounts
        }
    }
    let rows = forest(&[[0, 0, 0, 9, 3], [8, 1, 9, 77, 2]]);
    let denied = Denied(FaultySource::fails_on_scan(rows.source(), 2));
    let (book, report) = Book::load(schema(), &denied, &Policy::strict()).unwrap();
    assert_eq!((book.len(), denied.0.scans()), (2, 1));
    assert_eq!(report.tables["accounts"].offered, 2);
}

#[test]
fn shuffling_keeps_rows_whole_and_follows_its_seed() {
    let book = ReferenceBook::new(9_000, 1);
    let request = ScanRequest::for_schema(&book.schema(), TableName::Accounts);
    let scan = |source: &dyn Source| {
        let mut rows = Vec::new();
        let take = &mut |batch: Batch| {
            assert_eq!(batch.check(), Ok(()));
            for row in 0..batch.rows() {
                rows.push(
                    batch
                        .columns()
                        .map(|(name, cells)| format!("{name} {:?}", cells.cell(row)))
                        .collect::<Vec<_>>(),
                );
            }
            ControlFlow::Continue(())
        };
        source.scan(&request, take).unwrap();
        rows
    };
    let plain = scan(&book);
    let (a, b) =
        (scan(&FaultySource::shuffled(book.clone(), 5)), scan(&FaultySource::shuffled(book.clone(), 6)));
    assert!(a != plain && a != b);
    assert_eq!(a, scan(&FaultySource::shuffled(book.clone(), 5)));
    let sorted = |mut rows: Vec<Vec<String>>| {
        rows.sort();
        rows
    };
    let plain = sorted(plain);
    assert!(sorted(a) == plain && sorted(b) == plain);
    assert!(sorted(scan(&FaultySource::split(book, 100))) == plain);
}

// Lines of a file stay with their rows.
#[test]
fn a_row_keeps_its_line_however_it_travels() {
    let text = "id,account_type\na,Company\nb,Company\nc,No such\n";
    let table = CsvTable::accounts(CsvInput::text("accounts.csv", text));
    let schema = schema();
    let file = CsvSource::builder(&schema).table(table).build().unwrap();
    for source in [
        Box::new(FaultySource::shuffled(file.clone(), 3)) as Box<dyn Source>,
        Box::new(FaultySource::split(file.clone(), 1)),
        Box::new(FaultySource::superset(file)),
    ] {
        let report = Book::check(Arc::clone(&schema), &source).unwrap();
        assert_eq!(report.faults[0].to_string(), "accounts.csv:4: `c` is of unknown type `No such`");
    }
}
