//! Does every promise of a source fail where it is broken, and only there?

use std::cell::Cell as State;
use std::collections::HashSet;
use std::fmt::Write;
use std::ops::ControlFlow;

use perennial::source::{Batch, Cell, Cells, Emit, ScanRequest, Source, SourceError, TableName};
use perennial::testkit::FaultySource;
use perennial::testkit::conformance::{
    Capabilities, HarnessError, MemoryHarness, Seed, SourceHarness, source,
};
use perennial::{Currency, Decimal, Money, Timestamp, Value};

use super::hosts::{Fail, PAGE, Shelf, Wrap, Wrapped, is_name};
use super::{broken, sorted};

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
        // Pages by id: the next one begins after the last id.
        mutant(
            "rows_at_the_edge_of_a_page_come_once",
            &["every_row_comes_once", "rows_at_fault_come_as_they_stand", "links_keep_their_ranks"],
            |wrong, request, emit| {
                let mut all: Vec<(String, Batch)> = Vec::new();
                wrong.shelf.scan(request, &mut |batch| {
                    let ids = batch.cells("id").unwrap();
                    let single =
                        |row: usize| (format!("{:?}", ids.cell(row)), rows(&batch, |own| own == row));
                    all.extend((0..batch.rows()).map(single));
                    ControlFlow::Continue(())
                })?;
                all.sort_by(|a, b| a.0.cmp(&b.0));
                let mut left = &all[..];
                while !left.is_empty() {
                    let page = &left[..left.len().min(PAGE)];
                    if page.iter().any(|(_, row)| emit(row.clone()).is_break()) {
                        break;
                    }
                    let last = &page[page.len() - 1].0;
                    left = &left[left.partition_point(|(id, _)| id <= last)..];
                }
                Ok(())
            },
        ),
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
        // An end is taken for a part, and a part for an end.
        mutant("successions_keep_their_days", &[], |wrong, request, emit| {
            values(wrong, request, emit, |name, value| match value {
                Value::Bool(part) if name == "part" => Value::Bool(!part),
                _ => value,
            })
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
                wrong.shelf.scan(request, &mut |batch| {
                    let account = batch.cells("account").map_or(Cell::Absent, |cells| cells.cell(0));
                    let start = Batch::new(batch.table().clone());
                    emit(batch.columns().fold(start, |out, (name, cells)| match &**name {
                        "account" => out.column(name, Cells::any(vec![account.clone(); cells.len()])),
                        _ => out.column(name, cells.clone()),
                    }))
                })
            },
        ),
        // True is 1.
        mutant("truth_values_come_back", &["successions_keep_their_days", LOAD], |wrong, request, emit| {
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
fn a_broken_promise_says_what_was_expected_and_what_was_found() {
    let said = |promise: &str| {
        let mutant = mutants().into_iter().find(|mutant| mutant.promise == promise).unwrap();
        let outcomes = source::all(&MutantHarness(mutant)).into_iter();
        let (_, outcome) = outcomes.into_iter().find(|(name, _)| *name == promise).unwrap();
        outcome.unwrap_err().to_string().replace(&format!("promise `{promise}` is broken: "), "")
    };
    for (promise, text) in [
        (
            "every_row_comes_once",
            "expected the row {id: `ROW-4`, parent: `row-0`} of `links`; found 4 rows, and not that one (or not \
             as often)",
        ),
        (
            "rows_at_the_edge_of_a_page_come_once",
            "expected 10 rows of `accounts`; found 15 rows, and one too many: {id: `7`}",
        ),
        (
            "rows_at_fault_come_as_they_stand",
            "expected the row {id: `twin`, parent: `other`, account_type: `Group`, product: none} of `accounts`; \
             found 5 rows, and not that one (or not as often)",
        ),
        (
            "links_keep_their_ranks",
            "expected the row {id: `child`, rank: 4294967295} of `links`; found 6 rows, and instead {id: `child`, \
             rank: 65535}",
        ),
        (
            "texts_come_back",
            "expected the row {id: `row 10`, notes: `tab\\tand return\\r`} of `accounts`; found 29 rows, and \
             instead {id: `row 10`, notes: `tab\\tand return`}",
        ),
        (
            "truth_values_come_back",
            "expected the row {id: `row 0`, active: true} of `accounts`; found 3 rows, and instead {id: `row 0`, \
             active: 1 (expected true or false, found whole number)}",
        ),
        (
            "a_break_in_mid_scan_ends_it",
            "expected no batch of `accounts` after `Break` at batch 2; found 2 more",
        ),
        (
            "what_is_provided_can_be_scanned",
            "expected a scan of `no_table_of_the_kit`; found source failed in `prepare` of table \
             `no_table_of_the_kit`: no such table",
        ),
        (
            LOAD,
            "expected row `3` of `invoices` of `3` as {\"amount\": Money(Money { minor: 0, currency: EUR }), \
             \"currency\": Text(\"EUR\")}; found {}",
        ),
    ] {
        assert_eq!(said(promise), text);
    }
    // Two texts that look alike are told apart, and long ones cut.
    let mutant =
        mutants().into_iter().filter(|mutant| mutant.promise == "ids_come_back_byte_for_byte").nth(1);
    let broken = source::ids_come_back_byte_for_byte(&MutantHarness(mutant.unwrap())).unwrap_err();
    assert!(broken.expected().contains("parent: `e\\u{301}`"), "{broken}");
    let mutant = mutant_without_long_texts();
    let broken = source::texts_come_back(&MutantHarness(mutant)).unwrap_err();
    assert!(broken.expected().ends_with("xxx... (65583 bytes)"), "{broken}");
}

fn mutant_without_long_texts() -> Mutant {
    mutant("texts_come_back", &[], |wrong, request, emit| {
        cells(wrong, request, emit, |_, cell| match &cell {
            Cell::Value(Value::Text(text)) if text.len() > 512 => Cell::Null,
            _ => cell,
        })
    })
}
