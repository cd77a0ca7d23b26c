//! Do sources that are in order pass?

use std::collections::HashSet;
use std::sync::Arc;

use perennial::adapter::csv::EmptyCell;
use perennial::source::{Cell, Level, LevelColumns, MemorySource, Source, SourceExt, TableName};
use perennial::testkit::conformance::{
    Capabilities, Capability, HarnessError, MemoryHarness, Outcome, Seed, SourceHarness, Verdict, source,
};
use perennial::testkit::{FaultySource, PlainBook, ReferenceBook, source_conformance};

use perennial::{AttributeType, Value, ValueKind};

use super::hosts::{CsvHarness, Half, OwnSchema, PAGE, Shelf, Wrapped, fixed, is_name};
use crate::common::schema;

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
source_conformance!(no_levels, || Wrapped::new(|source| Box::new(LevelColumns::new(source, []))));
source_conformance!(a_level_that_no_row_names, || Wrapped::new(|source| {
    Box::new(LevelColumns::new(source, [Level::new("Group", "no such column").value("name", "nor this")]))
}));
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

/// A storage that takes nothing of what it says it cannot hold.
struct Strict(Capability);

impl Strict {
    fn complaint(&self, seed: &Seed) -> Option<String> {
        let mut names: HashSet<(String, String)> = HashSet::new();
        for batch in seed.tables() {
            let attributes = seed.columns(batch.table()).into_iter();
            let attributes: Vec<_> =
                attributes.filter(|(name, _)| !is_name(name) && &**name != "rank").collect();
            for row in 0..batch.rows() {
                let text = |column: &str| match batch.cells(column).map(|cells| cells.cell(row)) {
                    Some(Cell::Value(Value::Text(text))) => text.to_string(),
                    _ => String::new(),
                };
                let key = if *batch.table() == TableName::Links {
                    text("id") + &text("parent")
                } else {
                    text("id")
                };
                let new = names.insert((batch.table().to_string(), key));
                let known = |id: String| id.is_empty() || names.contains(&("accounts".to_owned(), id));
                let rows_at_fault = !new || text("id") == text("parent");
                // Parents may come after their children.
                let stray = *batch.table() != TableName::Accounts
                    && !(known(text("account")) && known(text("parent")));
                if self.0 == Capability::FaultyRows && (rows_at_fault || stray) {
                    return Some(format!("row {row} of {} is at fault", batch.table()));
                }
                if self.0 == Capability::Extremes && text("id").len() > 100 {
                    return Some(format!("id {}", text("id")));
                }
                for (name, kind) in &attributes {
                    let cell = batch.cells(name).map_or(Cell::Absent, |cells| cells.cell(row));
                    let wrong = match (self.0, &cell) {
                        (Capability::Null, Cell::Null) | (Capability::AbsentCells, Cell::Absent) => true,
                        (Capability::EmptyText, Cell::Value(value)) => value.as_text() == Some(""),
                        // The day and the flag of a succession belong to the table, whatever values can be held.
                        (Capability::Kind(lacking), Cell::Value(value)) => {
                            value.kind() == lacking && *batch.table() != TableName::Successions
                        }
                        (Capability::MixedMoney, Cell::Value(Value::Money(_))) => {
                            matches!(kind, AttributeType::MixedMoney { .. })
                        }
                        (Capability::Extremes, Cell::Value(value)) => value.to_string().len() > 1_000,
                        _ => false,
                    };
                    if wrong {
                        return Some(format!("{cell:?} in {name} of {}", batch.table()));
                    }
                }
            }
            let table = batch.table();
            if self.0 == Capability::Links && *table == TableName::Links
                || self.0 == Capability::Successions && *table == TableName::Successions
                || self.0 == Capability::ChildTables && matches!(table, TableName::Child(_))
            {
                return Some(format!("a table {table}"));
            }
        }
        None
    }
}

impl SourceHarness for Strict {
    fn source(&self, seed: &Seed) -> Result<Box<dyn Source + '_>, HarnessError> {
        match self.complaint(seed) {
            Some(complaint) => Err(complaint.into()),
            None => Ok(Box::new(Shelf::of(seed))),
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all().without(self.0).page_rows(PAGE)
    }

    fn failing_source(&self, seed: &Seed, _table: &TableName) -> Result<Box<dyn Source + '_>, HarnessError> {
        Ok(Box::new(FaultySource::fails_after_batches(Shelf::of(seed), 0)))
    }
}

/// A storage that says it holds everything.
struct Boastful(Strict);
impl SourceHarness for Boastful {
    fn source(&self, seed: &Seed) -> Result<Box<dyn Source + '_>, HarnessError> {
        self.0.source(seed)
    }
}

#[test]
fn nobody_is_given_what_his_storage_cannot_hold() {
    use ValueKind as Kind;
    let kinds = [Kind::Bool, Kind::Int, Kind::Decimal, Kind::Money, Kind::Double, Kind::Text, Kind::Date];
    let kinds =
        kinds.into_iter().chain([Kind::Timestamp, Kind::Duration, Kind::Enum, Kind::Band, Kind::List]);
    let others = [
        Capability::Null,
        Capability::AbsentCells,
        Capability::EmptyText,
        Capability::MixedMoney,
        Capability::Links,
        Capability::Successions,
        Capability::ChildTables,
        Capability::FaultyRows,
        Capability::Extremes,
    ];
    for lacking in others.into_iter().chain(kinds.map(Capability::Kind)) {
        let outcomes = source::all(&Strict(lacking));
        for (promise, outcome) in &outcomes {
            assert!(outcome.is_ok(), "{lacking}: {promise}: {outcome:?}");
        }
        let skipped = outcomes.iter().filter(|(_, outcome)| matches!(outcome, Ok(Verdict::Skipped { .. })));
        assert_eq!(skipped.count() > 0, lacking != Capability::Extremes, "{lacking}");
    }
    // The complaint is heard: one that lacks nothing finds everything.
    for lacking in others {
        assert!(
            source::all(&Boastful(Strict(lacking))).iter().any(|(_, outcome)| outcome.is_err()),
            "{lacking}"
        );
    }
}
