//! Does the conformance kit pass what is in order, and only that?
//!
//! First, our own implementations and a few that hosts could have written. Then the mutants: for every
//! promise an implementation that breaks it, with the exact list of the promises that it breaks.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests; clippy only knows the functions marked as such"
)]

mod common;

use std::cell::{Cell as State, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use perennial::adapter::csv::{CsvInput, CsvSource, CsvTable, EmptyCell};
use perennial::source::{
    Batch, Cell, Cells, Emit, MemorySource, ScanRequest, Source, SourceError, SourceExt, TableName,
};
use perennial::testkit::conformance::{
    Broken, Capabilities, Capability, FixedHarness, HarnessError, MemoryHarness, Outcome, RatesCase, Seed,
    SourceHarness, TreeCase, Verdict, rates, source, tree, zone,
};
use perennial::testkit::{
    FaultySource, InjectedFailure, PlainBook, ReferenceBook, account_tree_conformance, rates_conformance,
    source_conformance, zone_conformance,
};
use perennial::{
    AccountIdx, AccountTree, AsOf, Book, Change, Currency, Date, Decimal, FaultKind, FixedZone, LoadError,
    Money, Policy, Rates, Scope, Timestamp, Value, ValueKind, View, Zone,
};

use common::{answers, forest, id, schema, view};

const PAGE: usize = 5;

// --- Sources that are in order -----------------------------------------------------------------------

/// Holds cells as they are: whatever a seed says, it can say again.
#[derive(Debug, Clone)]
struct Shelf(Vec<Batch>);

impl Shelf {
    fn of(seed: &Seed) -> Self {
        Self(seed.tables().cloned().collect())
    }
}

impl Source for Shelf {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        let Some(table) = self.0.iter().find(|table| table.table() == request.table()) else { return Ok(()) };
        let rows: Vec<usize> = (0..table.rows()).collect();
        for page in rows.chunks(PAGE) {
            let wanted = table.columns().filter(|(name, _)| &***name == "id" || request.wants(name));
            let batch = wanted.fold(Batch::new(table.table().clone()), |batch, (name, cells)| {
                batch.column(name, Cells::any(page.iter().map(|row| cells.cell(*row))))
            });
            if emit(batch).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn provides(&self, table: &TableName) -> bool {
        self.0.iter().any(|own| own.table() == table)
    }
}

type Wrap = for<'s> fn(Box<dyn Source + 's>) -> Box<dyn Source + 's>;
/// A source that fails when the table is scanned.
type Fail = fn(Shelf, &TableName) -> Box<dyn Source>;

/// Shelves behind something else.
struct Wrapped {
    wrap: Wrap,
    fail: Fail,
}

impl Wrapped {
    fn new(wrap: Wrap) -> Self {
        Self { wrap, fail: |shelf, _| Box::new(FaultySource::fails_after_batches(shelf, 1)) }
    }
}

impl SourceHarness for Wrapped {
    fn source(&self, seed: &Seed) -> Result<Box<dyn Source + '_>, HarnessError> {
        Ok((self.wrap)(Box::new(Shelf::of(seed))))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all().page_rows(PAGE)
    }

    fn failing_source(&self, seed: &Seed, table: &TableName) -> Result<Box<dyn Source + '_>, HarnessError> {
        Ok((self.wrap)((self.fail)(Shelf::of(seed), table)))
    }
}

/// One half of a storage: the accounts and links, or everything else.
struct Half<S>(bool, S);

impl<S: Source> Source for Half<S> {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        if self.provides(request.table()) { self.1.scan(request, emit) } else { Ok(()) }
    }

    fn provides(&self, table: &TableName) -> bool {
        matches!(table, TableName::Child(_)) != self.0 && self.1.provides(table)
    }
}

/// Files written for the rows, read again.
struct CsvHarness {
    empty: EmptyCell,
}

impl CsvHarness {
    fn files(&self, seed: &Seed, broken: Option<&TableName>) -> Result<CsvSource, HarnessError> {
        let mut builder = CsvSource::builder(seed.schema());
        for batch in seed.tables() {
            let mut text = written(seed, batch);
            if broken == Some(batch.table()) {
                text.push_str("\"a quote that is never closed\n");
            }
            let input = CsvInput::text(&format!("{}.csv", batch.table()), text);
            let table = match batch.table() {
                TableName::Accounts => CsvTable::accounts(input),
                TableName::Links => CsvTable::links(input),
                TableName::Child(name) => CsvTable::child(name, input),
                other => return Err(format!("a new table, {other}").into()),
            };
            builder = builder.table(table.empty(self.empty));
        }
        Ok(builder.build()?)
    }
}

impl SourceHarness for CsvHarness {
    fn source(&self, seed: &Seed) -> Result<Box<dyn Source + '_>, HarnessError> {
        Ok(Box::new(self.files(seed, None)?))
    }

    fn capabilities(&self) -> Capabilities {
        let other = if self.empty == EmptyCell::Absent { Capability::Null } else { Capability::AbsentCells };
        Capabilities::all()
            .without(other)
            .without(Capability::EmptyText)
            .without(Capability::Kind(ValueKind::List))
            .page_rows(4_096)
    }

    fn failing_source(&self, seed: &Seed, table: &TableName) -> Result<Box<dyn Source + '_>, HarnessError> {
        Ok(Box::new(self.files(seed, Some(table))?))
    }
}

fn written(seed: &Seed, batch: &Batch) -> String {
    let columns: Vec<Arc<str>> = seed.columns(batch.table()).into_iter().map(|(name, _)| name).collect();
    let mut text = columns.join(",") + "\n";
    for row in 0..batch.rows() {
        for (place, column) in columns.iter().enumerate() {
            let field = match batch.cells(column).map_or(Cell::Absent, |cells| cells.cell(row)) {
                Cell::Value(Value::Money(money)) => money.major().to_string(),
                Cell::Value(value) => value.to_string(),
                _ => String::new(),
            };
            let comma = if place == 0 { "" } else { "," };
            write!(text, "{comma}\"{}\"", field.replace('"', "\"\"")).unwrap();
        }
        text.push('\n');
    }
    text
}

fn fixed<S: Source>(schema: Arc<perennial::Schema>, source: S) -> FixedHarness<S> {
    FixedHarness::new(schema, source)
}

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
source_conformance!(csv_with_nulls, || CsvHarness { empty: EmptyCell::Missing });
source_conformance!(csv_with_absent_cells, || CsvHarness { empty: EmptyCell::Absent });
source_conformance!(reference_book, || {
    let book = ReferenceBook::new(10_000, 3);
    fixed(book.schema(), book)
});
source_conformance!(star, || fixed(PlainBook::star(9_000).schema(), PlainBook::star(9_000)));
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
        skipped(&CsvHarness { empty: EmptyCell::Missing }),
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

// --- Sources that are not ----------------------------------------------------------------------------

type Scan = fn(&Wrong<'_>, &ScanRequest, &mut Emit<'_>) -> Result<(), SourceError>;

/// A shelf, read wrongly.
struct Wrong<'s> {
    shelf: Box<dyn Source + 's>,
    mutant: Mutant,
    scans: State<usize>,
    broken_off: State<usize>,
}

#[derive(Clone, Copy)]
struct Mutant {
    /// The promise that it is about.
    promise: &'static str,
    /// The promises that fall with it.
    others: &'static [&'static str],
    scan: Scan,
    provides: fn(&dyn Source, &TableName) -> bool,
}

impl Source for Wrong<'_> {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        (self.mutant.scan)(self, request, emit)
    }

    fn provides(&self, table: &TableName) -> bool {
        (self.mutant.provides)(&*self.shelf, table)
    }
}

struct MutantHarness(Mutant);

impl SourceHarness for MutantHarness {
    fn source(&self, seed: &Seed) -> Result<Box<dyn Source + '_>, HarnessError> {
        let (scans, broken_off) = (State::new(0), State::new(0));
        Ok(Box::new(Wrong { shelf: Box::new(Shelf::of(seed)), mutant: self.0, scans, broken_off }))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all().page_rows(PAGE)
    }

    fn failing_source(&self, seed: &Seed, _table: &TableName) -> Result<Box<dyn Source + '_>, HarnessError> {
        Ok(Box::new(FaultySource::fails_after_batches(Shelf::of(seed), 1)))
    }
}

const fn mutant(promise: &'static str, others: &'static [&'static str], scan: Scan) -> Mutant {
    Mutant { promise, others, scan, provides: |shelf, table| shelf.provides(table) }
}

// Scans the shelf and changes every cell.
fn cells(
    wrong: &Wrong<'_>,
    request: &ScanRequest,
    emit: &mut Emit<'_>,
    change: impl Fn(&str, Cell) -> Cell,
) -> Result<(), SourceError> {
    wrong.shelf.scan(request, &mut |batch| {
        let start = Batch::new(batch.table().clone());
        emit(batch.columns().fold(start, |out, (name, cells)| {
            out.column(name, Cells::any((0..cells.len()).map(|row| change(name, cells.cell(row)))))
        }))
    })
}

// Scans the shelf and changes every value.
fn values(
    wrong: &Wrong<'_>,
    request: &ScanRequest,
    emit: &mut Emit<'_>,
    change: impl Fn(&str, Value) -> Value,
) -> Result<(), SourceError> {
    cells(wrong, request, emit, |name, cell| match cell {
        Cell::Value(value) => Cell::Value(change(name, value)),
        other => other,
    })
}

fn rows(batch: &Batch, keep: impl Fn(usize) -> bool) -> Batch {
    batch.columns().fold(Batch::new(batch.table().clone()), |out, (name, cells)| {
        out.column(name, Cells::any((0..cells.len()).filter(|row| keep(*row)).map(|row| cells.cell(row))))
    })
}

// What the kit asks for when it asks for all.
fn everything(table: &TableName) -> ScanRequest {
    let schema = perennial::testkit::conformance::schema(&Capabilities::all());
    ScanRequest::for_schema(&schema, table.clone())
}

fn is_name(column: &str) -> bool {
    matches!(column, "id" | "parent" | "account" | "account_type" | "product")
}

const LOAD: &str = "a_load_gives_the_book_of_these_rows";

fn mutants() -> Vec<Mutant> {
    vec![
        // The links of a page come without the first.
        mutant(
            "every_row_comes_once",
            &[
                "rows_at_the_edge_of_a_page_come_once",
                "rows_at_fault_come_as_they_stand",
                "ids_come_back_byte_for_byte",
                "links_keep_their_ranks",
                LOAD,
            ],
            |wrong, request, emit| {
                wrong.shelf.scan(request, &mut |batch| {
                    let links = *batch.table() == TableName::Links;
                    emit(rows(&batch, |row| row > 0 || !links))
                })
            },
        ),
        // The second page is read again where it is full and the last.
        mutant("rows_at_the_edge_of_a_page_come_once", &[], |wrong, request, emit| {
            let (mut batches, mut last, mut wanted) = (0, None, true);
            wrong.shelf.scan(request, &mut |batch| {
                batches += 1;
                last = Some(batch.clone());
                let flow = emit(batch);
                wanted = flow.is_continue();
                flow
            })?;
            if let Some(batch) = last.filter(|batch| wanted && batches == 2 && batch.rows() == PAGE) {
                let _ = emit(batch);
            }
            Ok(())
        }),
        // Of rows that share an id, the first.
        mutant("rows_at_fault_come_as_they_stand", &[], |wrong, request, emit| {
            let mut seen = HashSet::new();
            let links = *request.table() == TableName::Links;
            wrong.shelf.scan(request, &mut |batch| {
                let ids = batch.cells("id").unwrap();
                let first = |row: usize| seen.insert(format!("{:?}", ids.cell(row)));
                let first: Vec<bool> = (0..batch.rows()).map(first).collect();
                emit(rows(&batch, |row| links || first[row]))
            })
        }),
        // No row is an error, as of a query that expects one.
        mutant("a_table_without_rows_is_empty", &[], |wrong, request, emit| {
            let mut found = false;
            wrong.shelf.scan(request, &mut |batch| {
                found = true;
                emit(batch)
            })?;
            if found { Ok(()) } else { Err(SourceError::new(request.table().clone(), "fetch", "no row")) }
        }),
        // A column for the whole table in every batch.
        mutant("batches_are_tables", &[LOAD], |wrong, request, emit| {
            wrong.shelf.scan(request, &mut |batch| emit(batch.column("total", Cells::Int(vec![Some(1); 99]))))
        }),
        // Batches of links that say they are accounts.
        mutant("batches_are_of_the_table_asked_for", &[LOAD], |wrong, request, emit| {
            wrong.shelf.scan(request, &mut |batch| {
                let start = Batch::new(TableName::Accounts);
                emit(batch.columns().fold(start, |out, (name, cells)| out.column(name, cells.clone())))
            })
        }),
        // Ids that look like numbers become numbers.
        mutant("ids_come_back_byte_for_byte", &[], |wrong, request, emit| {
            values(wrong, request, emit, |name, value| match value.as_text().map(str::parse) {
                Some(Ok(number)) if is_name(name) => Value::Int(number),
                _ => value,
            })
        }),
        // Unicode is normalised.
        mutant("ids_come_back_byte_for_byte", &["texts_come_back"], |wrong, request, emit| {
            values(wrong, request, emit, |_, value| match &value {
                Value::Text(text) => Value::text(&text.replace("e\u{301}", "\u{e9}")),
                _ => value,
            })
        }),
        // Products are forgotten.
        mutant("accounts_keep_their_place", &[LOAD], |wrong, request, emit| {
            cells(wrong, request, emit, |name, cell| if name == "product" { Cell::Null } else { cell })
        }),
        // Ranks in 16 bits.
        mutant("links_keep_their_ranks", &[], |wrong, request, emit| {
            values(wrong, request, emit, |name, value| match value {
                Value::Int(rank) if name == "rank" => Value::Int(rank & 0xffff),
                _ => value,
            })
        }),
        // The account of a row is that of the first row of its page.
        mutant(
            "child_rows_keep_their_accounts",
            &["rows_at_fault_come_as_they_stand", "ids_come_back_byte_for_byte", LOAD],
            |wrong, request, emit| {
                let first = RefCell::new(None);
                wrong.shelf.scan(request, &mut |batch| {
                    *first.borrow_mut() = batch.cells("account").map(|cells| cells.cell(0));
                    let start = Batch::new(batch.table().clone());
                    emit(batch.columns().fold(start, |out, (name, cells)| match &*first.borrow() {
                        Some(first) if &**name == "account" => {
                            out.column(name, Cells::any((0..cells.len()).map(|_| first.clone())))
                        }
                        _ => out.column(name, cells.clone()),
                    }))
                })
            },
        ),
        // True is 1.
        mutant("truth_values_come_back", &[LOAD], |wrong, request, emit| {
            values(wrong, request, emit, |_, value| match value {
                Value::Bool(truth) => Value::Int(i64::from(truth)),
                _ => value,
            })
        }),
        // Whole numbers of 32 bits.
        mutant("whole_numbers_come_back", &[], |wrong, request, emit| {
            values(wrong, request, emit, |name, value| match value {
                Value::Int(number) if name == "seats" => Value::Int(i64::from(number as i32)),
                _ => value,
            })
        }),
        // Decimals in single precision.
        mutant("decimals_come_back", &[], |wrong, request, emit| {
            values(wrong, request, emit, |_, value| match value {
                Value::Decimal(exact) => {
                    Value::Decimal(Decimal::new(exact.units() as f32 as i128, exact.scale()))
                }
                _ => value,
            })
        }),
        // Every currency has cents.
        mutant("money_comes_back", &["mixed_money_comes_back", LOAD], |wrong, request, emit| {
            values(wrong, request, emit, |_, value| match value {
                Value::Money(yen) if yen.currency() == Currency::JPY => {
                    Value::Money(Money::from_minor(yen.minor() * 100, Currency::JPY))
                }
                _ => value,
            })
        }),
        // One currency for a whole column.
        mutant("mixed_money_comes_back", &[LOAD], |wrong, request, emit| {
            values(wrong, request, emit, |name, value| match value {
                Value::Money(money) if name == "amount" => {
                    Value::Money(Money::from_minor(money.minor(), Currency::EUR))
                }
                _ => value,
            })
        }),
        // Doubles in single precision.
        mutant("doubles_come_back", &[], |wrong, request, emit| {
            values(wrong, request, emit, |_, value| match value {
                Value::Double(double) => Value::Double(f64::from(double as f32)),
                _ => value,
            })
        }),
        // Text is trimmed.
        mutant("texts_come_back", &[], |wrong, request, emit| {
            values(wrong, request, emit, |name, value| match &value {
                Value::Text(text) if !is_name(name) => Value::text(text.trim()),
                _ => value,
            })
        }),
        // Days begin in 1900.
        mutant("dates_come_back", &[], |wrong, request, emit| {
            let first = "1900-01-01".parse().unwrap();
            values(wrong, request, emit, |_, value| match value {
                Value::Date(date) => Value::Date(date.max(first)),
                _ => value,
            })
        }),
        // Instants in milliseconds.
        mutant("timestamps_come_back", &[LOAD], |wrong, request, emit| {
            values(wrong, request, emit, |_, value| match value {
                Value::Timestamp(instant) => {
                    Value::Timestamp(Timestamp::from_micros(instant.micros() / 1_000 * 1_000).unwrap())
                }
                _ => value,
            })
        }),
        // Durations lose their sign.
        mutant("durations_come_back", &[LOAD], |wrong, request, emit| {
            values(wrong, request, emit, |_, value| match value {
                Value::Duration(length) => {
                    Value::Duration(perennial::Duration::from_micros(length.micros().abs()))
                }
                _ => value,
            })
        }),
        // Members of enumerations in one case.
        mutant("enumerations_come_back", &[], |wrong, request, emit| {
            values(wrong, request, emit, |_, value| match &value {
                Value::Enum(text) if **text == *"emea" => Value::text("EMEA"),
                _ => value,
            })
        }),
        // Bands as the number of their place.
        mutant("bands_come_back", &[LOAD], |wrong, request, emit| {
            values(wrong, request, emit, |_, value| match value {
                Value::Band { rank, .. } => Value::Int(i64::from(rank)),
                _ => value,
            })
        }),
        // Lists joined and split again.
        mutant("lists_come_back", &[], |wrong, request, emit| {
            values(wrong, request, emit, |_, value| match &value {
                Value::List(items) if !items.is_empty() => Value::list(items.join(",").split(',')),
                _ => value,
            })
        }),
        // Columns by their place in the storage.
        mutant(
            "a_narrow_request_is_enough",
            &["a_column_that_is_not_stored_is_left_out"],
            |wrong, request, emit| {
                let whole = everything(request.table());
                wrong.shelf.scan(&whole, &mut |batch| {
                    let start = Batch::new(batch.table().clone());
                    let places = request.columns().iter().zip(whole.columns());
                    emit(places.fold(start, |out, (name, place)| match batch.cells(place) {
                        Some(cells) => out.column(name, cells.clone()),
                        None => out,
                    }))
                })
            },
        ),
        // Nothing but ids is a query without columns.
        mutant("the_ids_alone_are_enough", &[], |wrong, request, emit| {
            if request.columns().len() == 1 {
                return Err(SourceError::new(request.table().clone(), "prepare", "select from accounts"));
            }
            wrong.shelf.scan(request, emit)
        }),
        // Null for what is not known.
        mutant("a_column_that_is_not_stored_is_left_out", &[], |wrong, request, emit| {
            wrong.shelf.scan(request, &mut |batch| {
                let rows = batch.rows();
                let lacking = request.columns().iter().filter(|name| name.starts_with("not_stored"));
                let lacking: Vec<_> = lacking.cloned().collect();
                emit(lacking.iter().fold(batch, |out, name| out.column(name, Cells::Int(vec![None; rows]))))
            })
        }),
        // Absent is null.
        mutant("absent_stays_absent", &[], |wrong, request, emit| {
            cells(wrong, request, emit, |_, cell| if cell == Cell::Absent { Cell::Null } else { cell })
        }),
        // Null is absent.
        mutant("null_stays_null", &[], |wrong, request, emit| {
            cells(wrong, request, emit, |_, cell| if cell == Cell::Null { Cell::Absent } else { cell })
        }),
        // Empty text is null.
        mutant("empty_text_stays_a_text", &[], |wrong, request, emit| {
            let empty = Cell::Value(Value::text(""));
            cells(wrong, request, emit, |_, cell| if cell == empty { Cell::Null } else { cell })
        }),
        // The first answer is not looked at.
        mutant("a_break_ends_the_scan", &[], |wrong, request, emit| {
            let mut batches = 0;
            wrong.shelf.scan(request, &mut |batch| {
                batches += 1;
                let flow = emit(batch);
                if batches == 1 { ControlFlow::Continue(()) } else { flow }
            })
        }),
        // Only the first answer is looked at.
        mutant("a_break_in_mid_scan_ends_it", &[], |wrong, request, emit| {
            let mut batches = 0;
            wrong.shelf.scan(request, &mut |batch| {
                batches += 1;
                let flow = emit(batch);
                if batches > 1 { ControlFlow::Continue(()) } else { flow }
            })
        }),
        // Breaking off is an error.
        mutant(
            "a_break_ends_the_scan",
            &["a_break_in_mid_scan_ends_it", "a_scan_after_a_break_is_whole"],
            |wrong, request, emit| {
                let mut flow = ControlFlow::Continue(());
                wrong.shelf.scan(request, &mut |batch| {
                    flow = emit(batch);
                    flow
                })?;
                let cut = || SourceError::new(request.table().clone(), "fetch", "cancelled");
                if flow.is_break() { Err(cut()) } else { Ok(()) }
            },
        ),
        // A scan goes on where the one before was broken off.
        mutant("a_scan_after_a_break_is_whole", &[], |wrong, request, emit| {
            let skip = wrong.broken_off.take();
            let mut batches = 0;
            wrong.shelf.scan(request, &mut |batch| {
                batches += 1;
                if batches <= skip {
                    return ControlFlow::Continue(());
                }
                let flow = emit(batch);
                if flow.is_break() {
                    wrong.broken_off.set(batches);
                }
                flow
            })
        }),
        // The second scan of all accounts finds them without values.
        mutant("two_scans_give_the_same_rows", &[], |wrong, request, emit| {
            let whole = *request == everything(&TableName::Accounts);
            wrong.scans.set(wrong.scans.get() + usize::from(whole));
            let second = whole && wrong.scans.get() == 2;
            cells(wrong, request, emit, |name, cell| if second && name != "id" { Cell::Absent } else { cell })
        }),
        // Links are denied, and cannot be had.
        Mutant {
            provides: |shelf, table| *table != TableName::Links && shelf.provides(table),
            ..mutant(
                "a_table_with_rows_is_provided",
                &[
                    "every_row_comes_once",
                    "rows_at_the_edge_of_a_page_come_once",
                    "rows_at_fault_come_as_they_stand",
                    "ids_come_back_byte_for_byte",
                    "links_keep_their_ranks",
                    LOAD,
                ],
                |wrong, request, emit| {
                    if *request.table() == TableName::Links {
                        Ok(())
                    } else {
                        wrong.shelf.scan(request, emit)
                    }
                },
            )
        },
        // Everything is there until it is asked for.
        Mutant {
            provides: |_, _| true,
            ..mutant("what_is_provided_can_be_scanned", &[], |wrong, request, emit| {
                if wrong.shelf.provides(request.table()) {
                    return wrong.shelf.scan(request, emit);
                }
                Err(SourceError::new(request.table().clone(), "prepare", "no such table"))
            })
        },
        // What is not known is the accounts.
        mutant("a_table_that_is_not_provided_has_no_rows", &[], |wrong, request, emit| {
            if wrong.shelf.provides(request.table()) {
                return wrong.shelf.scan(request, emit);
            }
            wrong.shelf.scan(&everything(&TableName::Accounts), emit)
        }),
        // A connection reads three tables, and only ids from there on.
        mutant(LOAD, &[], |wrong, request, emit| {
            wrong.scans.set(wrong.scans.get() + 1);
            let worn = wrong.scans.get() > 3;
            cells(wrong, request, emit, |name, cell| {
                if worn && !is_name(name) && name != "rank" { Cell::Absent } else { cell }
            })
        }),
    ]
}

fn broken(outcomes: &[(&'static str, Outcome)]) -> Vec<&'static str> {
    let broken = outcomes.iter().filter_map(|(promise, outcome)| {
        let broken = outcome.as_ref().err()?;
        assert_eq!(broken.promise(), *promise);
        assert!(!broken.expected().is_empty() && !broken.found().is_empty(), "{broken}");
        Some(*promise)
    });
    broken.collect()
}

fn sorted(mut names: Vec<&'static str>) -> Vec<&'static str> {
    names.sort_unstable();
    names
}

#[test]
fn every_mutant_of_a_source_breaks_its_promise_and_those_that_fall_with_it() {
    let mut wrong = String::new();
    let mut covered: HashSet<&str> = HashSet::new();
    for (number, mutant) in mutants().into_iter().enumerate() {
        let found = sorted(broken(&source::all(&MutantHarness(mutant))));
        let expected = sorted(mutant.others.iter().copied().chain([mutant.promise]).collect());
        covered.insert(mutant.promise);
        if found != expected {
            writeln!(
                wrong,
                "mutant {number} ({})\n  found    {found:?}\n  expected {expected:?}",
                mutant.promise
            )
            .unwrap();
        }
    }
    for (promise, _) in source::all(&MemoryHarness::new(3)) {
        let errors =
            ["a_failure_is_an_error", "an_error_names_its_table_and_call", "an_error_keeps_its_cause"];
        if !covered.contains(promise) && !errors.contains(&promise) {
            writeln!(wrong, "no mutant breaks {promise}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn errors_that_say_too_little_are_found() {
    struct Says(Shelf, fn(&TableName) -> Result<(), SourceError>);
    impl Source for Says {
        fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
            self.0.scan(request, emit)?;
            (self.1)(request.table())
        }
    }
    let with = |fail: Fail| sorted(broken(&source::all(&Wrapped { wrap: |source| source, fail })));
    let all = ["a_failure_is_an_error", "an_error_keeps_its_cause", "an_error_names_its_table_and_call"];
    // A connection that was cut looks like the end of the table.
    assert_eq!(with(|shelf, _| Box::new(Says(shelf, |_| Ok(())))), all);
    let elsewhere: Fail = |shelf, _| {
        Box::new(Says(shelf, |_| Err(SourceError::new(TableName::child("elsewhere"), "read", "cut"))))
    };
    assert_eq!(with(elsewhere), [all[2]]);
    let nowhere: Fail =
        |shelf, _| Box::new(Says(shelf, |table| Err(SourceError::new(table.clone(), "", "cut"))));
    assert_eq!(with(nowhere), [all[2]]);
    let mute: Fail =
        |shelf, _| Box::new(Says(shelf, |table| Err(SourceError::new(table.clone(), "read", ""))));
    assert_eq!(with(mute), [all[1]]);
}

// --- Harmful faults, in the kit and in a load --------------------------------------------------------

#[test]
fn harmful_faults_break_the_promises_concerned() {
    let with = |wrap: Wrap| broken(&source::all(&Wrapped::new(wrap)));
    let breaks = ["a_break_ends_the_scan", "a_break_in_mid_scan_ends_it"];
    assert_eq!(with(|source| Box::new(FaultySource::ignores_break(source))), breaks);
    let repeated = with(|source| Box::new(FaultySource::repeats_batches(source)));
    // Everything that counts rows; the rest compares one repeated answer with another.
    let expected: Vec<&str> = source::all(&MemoryHarness::new(3))
        .into_iter()
        .map(|(promise, _)| promise)
        .take_while(|promise| *promise != "a_narrow_request_is_enough")
        .filter(|promise| {
            !["a_table_without_rows_is_empty", "batches_are_tables", "batches_are_of_the_table_asked_for"]
                .contains(promise)
        })
        .chain(["absent_stays_absent", "null_stays_null", "empty_text_stays_a_text", LOAD])
        .collect();
    assert_eq!(repeated, expected);
    let cut = with(|source| Box::new(FaultySource::fails_after_batches(source, 1)));
    let kept = [
        "a_break_ends_the_scan",
        "a_table_that_is_not_provided_has_no_rows",
        "a_table_with_rows_is_provided",
    ];
    for (promise, _) in source::all(&MemoryHarness::new(3)) {
        let of_errors = promise.contains("error");
        assert_ne!(cut.contains(&promise), kept.contains(&promise) || of_errors, "{promise}");
    }
}

#[test]
fn a_source_that_fails_leaves_the_old_book_and_says_where() {
    let rows = forest(&[[0, 0, 0, 9, 3], [8, 1, 9, 77, 2], [16, 2, 1, 5, 1], [3, 1, 4, 1, 3]]);
    let (old, _) = Book::load(schema(), &rows.source(), &Policy::strict()).unwrap();
    let before = answers(&view(&old));
    let tables = ["accounts", "links", "tickets", "contracts"];
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

// --- Trees -------------------------------------------------------------------------------------------

fn reference_view(scope: impl Fn(&Book) -> Scope) -> TreeCase<View> {
    let reference = ReferenceBook::new(3_000, 11);
    let builder = Book::builder(reference.schema()).chunk_rows(64);
    let (book, _) = builder.load(&reference).unwrap();
    let view = book.view(&scope(&book), AsOf::date_utc(Date::MIN)).unwrap();
    // By id, not by a walk.
    let ids = (0..reference.len()).map(|number| reference.id(number));
    let nodes: Vec<AccountIdx> = ids.filter_map(|id| Some(view.account(&id)?.place())).collect();
    assert_eq!(nodes.len(), view.len());
    TreeCase::new(view, nodes)
}

account_tree_conformance!(view_of_everything, || reference_view(|_| Scope::all()));
account_tree_conformance!(view_with_hidden_accounts, || reference_view(|book| {
    let reference = ReferenceBook::new(3_000, 11);
    let seen: Vec<String> =
        (0..3_000).filter(|number| number % 3 != 1).map(|number| reference.id(number)).collect();
    Scope::of(book.accounts(seen.iter().map(String::as_str)))
}));
account_tree_conformance!(view_of_nothing, || reference_view(|book| Scope::of(book.accounts([]))));
account_tree_conformance!(view_after_a_change, || {
    let plain = PlainBook::one_tree(500, 4);
    let (book, _) = Book::builder(plain.schema()).chunk_rows(8).load(&plain).unwrap();
    let (top, moved) = (id(&plain.id(0)), id(&plain.id(77)));
    let (book, _) = book.apply(&Change::new().move_under(&moved, &top)).unwrap();
    let view = view(&book);
    let nodes: Vec<AccountIdx> =
        (0..500).map(|number| view.account(&plain.id(number)).unwrap().place()).collect();
    TreeCase::new(view, nodes)
});
account_tree_conformance!(parents_in_a_vector, || parents(Defect::None));
account_tree_conformance!(a_long_chain, || {
    let (book, _) = {
        let chain = PlainBook::chain(20_000);
        Book::load(chain.schema(), &chain, &Policy::strict()).unwrap()
    };
    let view = view(&book);
    let nodes: Vec<AccountIdx> = view.accounts().map(|account| account.place()).collect();
    TreeCase::new(view, nodes)
});

/// What is wrong with a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defect {
    None,
    StrangeChild,
    LostChild,
    ChildTwice,
    RootTwice,
    RootWithParent,
    LostRoot,
    Ring,
    OtherOrder,
    OtherRoots,
    ClearsChildren,
    ClearsRoots,
    WrongLevel,
    WrongMeeting,
}

/// 0 over 1 and 2, 2 over 3 and 4; 5 alone; and 6 over 7.
struct Parents {
    parents: Vec<Option<usize>>,
    defect: Defect,
    asked: State<usize>,
}

fn parents(defect: Defect) -> TreeCase<Parents> {
    let mut parents = vec![None, Some(0), Some(0), Some(2), Some(2), None, None, Some(6)];
    if defect == Defect::Ring {
        parents[6] = Some(7);
    }
    let nodes = 0..parents.len();
    TreeCase::new(Parents { parents, defect, asked: State::new(0) }, nodes)
}

impl AccountTree for Parents {
    type Node = usize;

    fn parent(&self, node: usize) -> Option<usize> {
        self.parents.get(node).copied().flatten()
    }

    fn children_into(&self, node: usize, out: &mut Vec<usize>) {
        if self.defect == Defect::ClearsChildren {
            out.clear();
        }
        let start = out.len();
        out.extend((0..self.parents.len()).filter(|child| self.parent(*child) == Some(node)));
        self.asked.set(self.asked.get() + 1);
        match (self.defect, node) {
            (Defect::StrangeChild, 5) => out.push(1),
            (Defect::LostChild, 2) => drop(out.pop()),
            (Defect::ChildTwice, 2) => out.push(3),
            (Defect::OtherOrder, 0) if self.asked.get() > 8 => out[start..].reverse(),
            _ => {}
        }
    }

    fn roots_into(&self, out: &mut Vec<usize>) {
        if self.defect == Defect::ClearsRoots {
            out.clear();
        }
        let start = out.len();
        out.extend((0..self.parents.len()).filter(|node| self.parent(*node).is_none()));
        self.asked.set(self.asked.get() + 1);
        match self.defect {
            Defect::RootTwice => out.push(5),
            Defect::RootWithParent => out.push(7),
            Defect::LostRoot => out.retain(|root| *root != 5),
            Defect::OtherRoots if self.asked.get() % 2 == 0 => out[start..].reverse(),
            _ => {}
        }
    }

    fn level(&self, node: usize) -> usize {
        self.lineage(node).count() - usize::from(self.defect == Defect::WrongLevel)
    }

    fn lowest_common_ancestor(&self, a: usize, b: usize) -> Option<usize> {
        if self.defect == Defect::WrongMeeting && a == b {
            return self.parent(a);
        }
        let above: Vec<usize> = self.lineage(b).collect();
        self.lineage(a).find(|node| above.contains(node))
    }
}

#[test]
fn every_mutant_of_a_tree_breaks_its_promise_and_those_that_fall_with_it() {
    let walk = "the_walk_meets_everybody_once";
    let provided = "provided_answers_agree";
    let cases: [(Defect, &[&str]); 13] = [
        (Defect::StrangeChild, &["children_name_their_parent", walk]),
        (Defect::LostChild, &["a_node_stands_among_the_children_of_its_parent", walk]),
        (Defect::ChildTwice, &["nobody_stands_twice", walk]),
        (Defect::RootTwice, &["nobody_stands_twice", walk]),
        (Defect::RootWithParent, &["roots_have_no_parent", walk]),
        (Defect::LostRoot, &["a_node_without_parent_is_a_root", walk]),
        (Defect::Ring, &["there_is_no_cycle", walk]),
        (Defect::OtherOrder, &["children_come_in_one_order"]),
        (Defect::OtherRoots, &["roots_come_in_one_order", "roots_are_appended", provided]),
        (Defect::ClearsChildren, &["children_are_appended"]),
        (Defect::ClearsRoots, &["roots_are_appended"]),
        (Defect::WrongLevel, &[provided]),
        (Defect::WrongMeeting, &[provided]),
    ];
    let mut covered: HashSet<&str> = HashSet::new();
    for (defect, expected) in cases {
        // Each promise of a tree of its own, so that what one asked does not change another's answer.
        let names: Vec<&str> = tree::all(&parents(Defect::None)).iter().map(|(name, _)| *name).collect();
        let mut found = Vec::new();
        for (place, name) in names.iter().enumerate() {
            let outcomes = match *name {
                "children_come_in_one_order" => {
                    vec![(*name, tree::children_come_in_one_order(&parents(defect)))]
                }
                "children_are_appended" => vec![(*name, tree::children_are_appended(&parents(defect)))],
                "provided_answers_agree" => vec![(*name, tree::provided_answers_agree(&parents(defect)))],
                "the_walk_meets_everybody_once" => {
                    vec![(*name, tree::the_walk_meets_everybody_once(&parents(defect)))]
                }
                _ => tree::all(&parents(defect)).drain(place..=place).collect(),
            };
            found.extend(broken(&outcomes));
        }
        assert_eq!(sorted(found), sorted(expected.to_vec()), "{defect:?}");
        covered.extend(expected);
    }
    assert_eq!(covered.len(), tree::all(&parents(Defect::None)).len());
}

// --- Zones -------------------------------------------------------------------------------------------

/// An hour more from April to October, and not the same before 1950, as in a zone database.
#[derive(Debug)]
struct Summer;

impl Zone for Summer {
    fn name(&self) -> &'static str {
        "Test/Summer"
    }

    fn offset_micros(&self, instant: Timestamp) -> i64 {
        let date = instant.utc_date();
        let hours = if date.year() < 1_950 { -11 } else { -12 + i64::from((4..=10).contains(&date.month())) };
        hours * 3_600_000_000 + if date.year() < 1_900 { 561_000_000 } else { 0 }
    }
}

zone_conformance!(utc, FixedZone::utc);
zone_conformance!(far_east, || FixedZone::east("far east", 1_439));
zone_conformance!(far_west, || FixedZone::east("far west", -1_439));
zone_conformance!(summer_time, || Summer);

/// A zone with a fault.
#[derive(Debug)]
struct WrongZone {
    offset: fn(i64, Timestamp) -> i64,
    date: fn(&dyn Zone, Timestamp) -> Date,
    asked: AtomicI64,
}

impl Zone for WrongZone {
    fn name(&self) -> &'static str {
        "wrong"
    }

    fn offset_micros(&self, instant: Timestamp) -> i64 {
        (self.offset)(self.asked.fetch_add(1, Ordering::Relaxed), instant)
    }

    fn date(&self, instant: Timestamp) -> Date {
        (self.date)(self, instant)
    }
}

#[test]
fn every_mutant_of_a_zone_breaks_its_promise() {
    const HOUR: i64 = 3_600_000_000;
    let right = |zone: &dyn Zone, instant: Timestamp| {
        FixedZone::east("", i32::try_from(zone.offset_micros(instant) / 60_000_000).unwrap()).date(instant)
    };
    let with = |offset: fn(i64, Timestamp) -> i64, date: fn(&dyn Zone, Timestamp) -> Date| {
        let zone = WrongZone { offset, date, asked: AtomicI64::new(0) };
        broken(&zone::all(&zone))
    };
    assert_eq!(with(|_, _| 5 * HOUR, right), [""; 0]);
    // In the year 1, and at no other time.
    let day: fn(i64, Timestamp) -> i64 =
        |_, instant| if instant.utc_date().year() == 1 { 24 * HOUR } else { 0 };
    assert_eq!(with(day, right), ["offsets_are_less_than_a_day"]);
    assert_eq!(with(|_, _| -24 * HOUR, right), ["offsets_are_less_than_a_day"]);
    // The zone database is renewed while it is read.
    let renewed: fn(i64, Timestamp) -> i64 = |asked, _| if asked < 60_000 { HOUR } else { 2 * HOUR };
    assert_eq!(with(renewed, right), ["an_instant_has_one_offset"]);
    assert_eq!(with(|_, _| 5 * HOUR, |_, instant| instant.utc_date()), ["the_date_is_that_of_the_offset"]);
    let wraps = |zone: &dyn Zone, instant: Timestamp| {
        let local = Timestamp::from_micros(instant.micros() + zone.offset_micros(instant));
        local.map_or(Date::MIN, |local| local.utc_date())
    };
    assert_eq!(with(|_, _| 5 * HOUR, wraps), ["the_date_is_clamped_at_the_ends_of_the_calendar"]);
    let wraps = |zone: &dyn Zone, instant: Timestamp| {
        let local = Timestamp::from_micros(instant.micros() + zone.offset_micros(instant));
        local.map_or(Date::MAX, |local| local.utc_date())
    };
    assert_eq!(with(|_, _| -5 * HOUR, wraps), ["the_date_is_clamped_at_the_ends_of_the_calendar"]);
}

// --- Rates -------------------------------------------------------------------------------------------

/// Rates by day.
#[derive(Debug)]
struct Bulletin(BTreeMap<(Currency, Currency, Date), Decimal>);

impl Rates for Bulletin {
    fn rate(&self, from: Currency, to: Currency, on: Date) -> Option<Decimal> {
        self.0.get(&(from, to, on)).copied()
    }
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn case(rates: impl Rates + 'static) -> RatesCase {
    RatesCase::new(rates)
        .known(Currency::EUR, Currency::JPY, day("2026-01-30"), "160.25".parse().unwrap())
        .known(Currency::USD, Currency::EUR, day("2026-01-30"), "0.92".parse().unwrap())
        .unknown(Currency::EUR, Currency::JPY, day("2026-01-31"))
        .unknown(Currency::EUR, Currency::GBP, day("2026-01-30"))
}

fn bulletin() -> Bulletin {
    let rows = [("EUR", "JPY", "160.25"), ("JPY", "EUR", "0.0062"), ("USD", "EUR", "0.92")];
    let rates = rows.map(|(from, to, rate)| {
        ((from.parse().unwrap(), to.parse().unwrap(), day("2026-01-30")), rate.parse().unwrap())
    });
    Bulletin(rates.into_iter().collect())
}

rates_conformance!(rates_by_day, || case(bulletin()));

/// Rates with a fault: a change of the answers of the bulletin.
struct WrongRates(fn(i64, Currency, Currency, Option<Decimal>) -> Option<Decimal>, AtomicI64);

impl std::fmt::Debug for WrongRates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WrongRates")
    }
}

impl Rates for WrongRates {
    fn rate(&self, from: Currency, to: Currency, on: Date) -> Option<Decimal> {
        let asked = self.1.fetch_add(1, Ordering::Relaxed);
        (self.0)(asked, from, to, bulletin().rate(from, to, on))
    }
}

#[test]
fn every_mutant_of_rates_breaks_its_promise_and_those_that_fall_with_it() {
    let with = |change| broken(&rates::all(&case(WrongRates(change, AtomicI64::new(0)))));
    let worth = "a_rate_is_the_worth_of_one_unit";
    assert_eq!(with(|_, _, _, rate| rate), [""; 0]);
    // Cents and yen both ways: there and back is one all the same.
    let minor = |_, from: Currency, to: Currency, rate: Option<Decimal>| {
        let shift = i32::from(to.exponent()) - i32::from(from.exponent());
        rate.map(|rate| match shift {
            -2 => Decimal::new(rate.units(), rate.scale() + 2),
            2 => Decimal::new(rate.units() * 100, rate.scale()),
            _ => rate,
        })
    };
    assert_eq!(with(minor), [worth]);
    // The way back is the way there.
    let same = |_, from: Currency, to: Currency, rate: Option<Decimal>| {
        if (from, to) == (Currency::JPY, Currency::EUR) {
            rate.map(|_| Decimal::new(16_025, 2))
        } else {
            rate
        }
    };
    assert_eq!(with(same), ["there_and_back_is_near_one"]);
    // An unknown rate is 0, or 1.
    let zero = |_, _, _, rate: Option<Decimal>| rate.or(Some(Decimal::new(0, 0)));
    assert_eq!(
        with(zero),
        ["a_rate_is_more_than_nothing", "there_and_back_is_near_one", "an_unknown_rate_is_none"]
    );
    let one = |_, _, _, rate: Option<Decimal>| rate.or(Some(Decimal::new(1, 0)));
    assert_eq!(with(one), ["an_unknown_rate_is_none"]);
    let short = |_, from: Currency, to: Currency, rate: Option<Decimal>| {
        if (from, to) == (Currency::GBP, Currency::EUR) { Some(Decimal::new(-1, 0)) } else { rate }
    };
    assert_eq!(with(short), ["a_rate_is_more_than_nothing"]);
    let negative = |_, from: Currency, to: Currency, rate: Option<Decimal>| {
        if (from, to) == (Currency::JPY, Currency::EUR) { rate.map(|_| Decimal::new(-62, 4)) } else { rate }
    };
    assert_eq!(with(negative), ["a_rate_is_more_than_nothing", "there_and_back_is_near_one"]);
    // Rates that are renewed while they are asked for.
    let renewed = |asked, _, _, rate: Option<Decimal>| {
        rate.map(|rate| Decimal::new(rate.units() + i128::from(asked >= 200), rate.scale()))
    };
    assert_eq!(with(renewed), ["a_question_has_one_answer"]);
}

#[test]
fn a_case_without_examples_says_what_is_lacking() {
    let text = |outcome: Result<Verdict, Broken>| outcome.unwrap_err().to_string();
    let empty = RatesCase::new(bulletin());
    assert_eq!(
        text(rates::a_rate_is_the_worth_of_one_unit(&empty)),
        "promise `a_rate_is_the_worth_of_one_unit` is broken: expected a known rate between two currencies; \
         found none; name one with `RatesCase::known`"
    );
    assert_eq!(
        text(rates::an_unknown_rate_is_none(&empty)),
        "promise `an_unknown_rate_is_none` is broken: expected a rate that nobody knows; found none; name one \
         with `RatesCase::unknown`, or say `knows_everything`"
    );
    let skipped = rates::an_unknown_rate_is_none(&empty.knows_everything());
    assert_eq!(skipped, Ok(Verdict::Skipped { because: "the rates know everything".to_owned() }));
}
