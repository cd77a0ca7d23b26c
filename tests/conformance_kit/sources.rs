//! Do sources that are in order pass?

use std::sync::Arc;

use perennial::adapter::csv::EmptyCell;
use perennial::source::{MemorySource, Source, SourceExt};
use perennial::testkit::conformance::{
    HarnessError, MemoryHarness, Outcome, Seed, SourceHarness, Verdict, source,
};
use perennial::testkit::{FaultySource, PlainBook, ReferenceBook, source_conformance};

use crate::common::schema;
use crate::hosts::{CsvHarness, Half, OwnSchema, Shelf, Wrapped, fixed};

source_conformance!(memory, || MemoryHarness::new(7));
source_conformance!(memory_in_large_batches, || MemoryHarness::new(4_096));
source_conformance!(shelf, || Wrapped::new(|source| source));
source_conformance!(in_an_arc, || Wrapped::new(|source| Box::new(Arc::<dyn Source>::from(source))));
source_conformance!(in_a_box, || Wrapped::new(|source| Box::new(Box::new(source))));
source_conformance!(by_reference, || Wrapped::new(|source| {
    let source: &dyn Source = Box::leak(source);
    Box::new(source)
}));
source_conformance!(two_sources_as_one, || Wrapped::new(|source| {
    let shared = Arc::<dyn Source>::from(source);
    Box::new(Half(true, Arc::clone(&shared)).or(Half(false, shared)))
}));
source_conformance!(more_than_asked_for, || Wrapped::new(|source| Box::new(FaultySource::superset(source))));
source_conformance!(in_another_order, || Wrapped::new(|source| Box::new(FaultySource::shuffled(source, 7))));
source_conformance!(row_by_row, || Wrapped::new(|source| Box::new(FaultySource::split(source, 1))));
source_conformance!(csv_with_nulls, || CsvHarness { empty: EmptyCell::Missing, files: 1 });
source_conformance!(csv_with_absent_cells, || CsvHarness { empty: EmptyCell::Absent, files: 1 });
source_conformance!(csv_in_two_files, || CsvHarness { empty: EmptyCell::Missing, files: 2 });
source_conformance!(reference_book, || {
    let book = ReferenceBook::new(10_000, 3);
    fixed(book.schema(), book)
});
source_conformance!(star, || fixed(PlainBook::star(9_000).schema(), PlainBook::star(9_000)));
source_conformance!(own_schema, || OwnSchema);
source_conformance!(nothing, || fixed(schema(), MemorySource::new()));

#[test]
fn what_was_skipped_is_said() {
    let skipped = |harness: &dyn SourceHarness| {
        let outcomes = source::all(harness).into_iter();
        let said = outcomes.filter_map(|(promise, outcome)| match outcome {
            Ok(Verdict::Skipped { because }) => Some(format!("{promise}: {because}")),
            _ => None,
        });
        said.collect::<Vec<_>>()
    };
    assert_eq!(skipped(&Wrapped::new(|source| source)), [""; 0]);
    assert_eq!(
        skipped(&CsvHarness { empty: EmptyCell::Missing, files: 1 }),
        [
            "lists_come_back: the harness lacks list of text",
            "absent_stays_absent: the harness lacks cells that say nothing",
            "empty_text_stays_a_text: the harness lacks empty text",
        ]
    );
    assert_eq!(
        skipped(&MemoryHarness::new(7)),
        [
            "null_stays_null: the harness lacks null",
            "a_failure_is_an_error: the harness lacks failures on purpose",
            "an_error_names_its_table_and_call: the harness lacks failures on purpose",
            "an_error_keeps_its_cause: the harness lacks failures on purpose",
        ]
    );
    let chain = PlainBook::chain(9);
    let outcomes = source::all(&fixed(chain.schema(), chain));
    let kept = outcomes.iter().filter(|(_, outcome)| *outcome == Ok(Verdict::Kept));
    assert_eq!(
        kept.map(|(promise, _)| *promise).collect::<Vec<_>>(),
        [
            "batches_are_tables",
            "batches_are_of_the_table_asked_for",
            "a_narrow_request_is_enough",
            "the_ids_alone_are_enough",
            "a_column_that_is_not_stored_is_left_out",
            "a_break_ends_the_scan",
            "a_break_in_mid_scan_ends_it",
            "a_scan_after_a_break_is_whole",
            "two_scans_give_the_same_rows",
            "what_is_provided_can_be_scanned",
            "a_table_that_is_not_provided_has_no_rows",
        ]
    );
}

#[test]
fn a_harness_that_says_less_than_it_does_is_told() {
    struct Silent;
    impl SourceHarness for Silent {
        fn source(&self, seed: &Seed) -> Result<Box<dyn Source + '_>, HarnessError> {
            Ok(Box::new(Shelf::of(seed)))
        }
        fn schema(&self) -> Arc<perennial::Schema> {
            PlainBook::chain(1).schema()
        }
    }
    let text = |outcome: Outcome| outcome.unwrap_err().to_string();
    assert_eq!(
        text(source::a_failure_is_an_error(&Silent)),
        "promise `a_failure_is_an_error` is broken: expected a source that fails; found the harness provokes \
         no failure, and does not say that it lacks `Capability::Failures`"
    );
    assert_eq!(
        text(source::dates_come_back(&Silent)),
        "promise `dates_come_back` is broken: expected an attribute or column of date; found none; a harness \
         whose schema has none says so with `Capabilities::without`"
    );
    assert_eq!(source::money_comes_back(&Silent), Ok(Verdict::Kept));
}
