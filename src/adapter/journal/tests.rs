//! Is anything lost that was acknowledged, wherever the process ends or the power fails?

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::FileJournal;
use super::double::{Double, Fault, Random};
use crate::engine::{Engine, EngineSettings, Update};
use crate::source::MemorySource;
use crate::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Change, Date, Nesting, Schema, Scope, Value,
};

const PATH: &str = "journals/book";

fn schema() -> Arc<Schema> {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int))
        .build();
    Arc::new(schema.unwrap())
}

fn as_of() -> AsOf {
    AsOf::date_utc(Date::new(2026, 1, 31).unwrap())
}

fn acme() -> AccountId {
    AccountId::new("acme").unwrap()
}

/// What a host was told, and what it asked for without an answer or with an error.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    /// The last state that was acknowledged: its version and its value.
    kept: Option<(u64, i64)>,
    /// The value that was asked for last.
    asked: i64,
    /// Updates that were acknowledged.
    updates: usize,
}

fn journal(disk: &Double, keeps_old: bool) -> Option<FileJournal> {
    let journal = FileJournal::on(Box::new(disk.clone()), Path::new(PATH)).ok()?;
    Some(if keeps_old { journal.rotating() } else { journal })
}

fn value(engine: &Engine) -> i64 {
    let view = engine.published().view(&Scope::all()).unwrap();
    match view.account("acme").and_then(|acme| acme.value("seats")) {
        Some(Value::Int(seats)) => seats,
        _ => 0,
    }
}

/// Opens the journal as a service does that starts, and holds the engine against what was told.
fn open(disk: &Double, keeps_old: bool, told: &mut Told) -> Option<Engine> {
    let journal = journal(disk, keeps_old)?;
    let (engine, _) = journal.engine(schema(), as_of(), EngineSettings::new()).ok()?;
    let found = (engine.published().version(), value(&engine));
    if let Some((version, seats)) = told.kept {
        assert!(found.0 >= version && found.1 >= seats, "{found:?} is there, and {told:?}");
        // A load makes a version and leaves the value 0.
        let same = found.1 == seats || found.0 == 1;
        assert!((found.0 == version) <= same, "{found:?} is there, and {told:?}");
    }
    assert!(found.1 <= told.asked, "{found:?} is there, and {told:?}");
    told.kept = Some(found);
    Some(engine)
}

/// Updates, with a compaction now and then; goes on where something fails.
fn work(engine: &Engine, steps: usize, told: &mut Told) {
    if engine.published().version() == 0 {
        let source = MemorySource::new().account(AccountRow::new(acme(), "Company"));
        if engine.load(&source).is_ok() {
            told.kept = Some((1, 0));
        }
    }
    for step in 0..steps {
        if step % 4 == 2 {
            let _ = engine.compact_journal();
        }
        told.asked += 1;
        let update = Update::from(Change::new().set(&acme(), "seats", told.asked));
        if let Ok(applied) = engine.apply(update) {
            told.kept = Some((applied.version, told.asked));
            told.updates += 1;
        }
    }
}

/// A service from its start until something goes wrong at an operation, the next one, and the one after a failure of power.
fn run(seed: u64, keeps_old: bool, at: usize, fault: Fault, has_power: bool) -> (Double, Told) {
    let (disk, mut told) = (Double::new(seed), Told::default());
    disk.fault(at, fault);
    if let Some(engine) = open(&disk, keeps_old, &mut told) {
        work(&engine, 7, &mut told);
    }
    for has_power in [has_power, false] {
        if has_power {
            disk.restart();
        } else {
            disk.lose_power();
        }
        let engine = open(&disk, keeps_old, &mut told).expect("it opens where nothing goes wrong");
        let before = told.updates;
        work(&engine, 3, &mut told);
        assert_eq!(told.updates, before + 3, "it goes on");
    }
    disk.lose_power();
    let asked = told.asked;
    let engine = open(&disk, keeps_old, &mut told).unwrap();
    assert_eq!(value(&engine), asked, "what was durable stays");
    (disk, told)
}

/// How many operations a service takes that nothing goes wrong in.
fn operations(keeps_old: bool) -> usize {
    let (disk, mut told) = (Double::new(1), Told::default());
    let engine = open(&disk, keeps_old, &mut told).unwrap();
    work(&engine, 7, &mut told);
    assert_eq!(told.updates, 7);
    disk.operations()
}

#[test]
fn nothing_acknowledged_is_lost_wherever_the_process_ends_or_the_power_fails() {
    for keeps_old in [false, true] {
        let all = operations(keeps_old);
        assert!(all > 40, "{all}");
        for at in 1..=all {
            for seed in 0..5 {
                run(seed * 1_000 + at as u64, keeps_old, at, Fault::Ends, seed % 2 == 1);
            }
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_where_an_operation_fails_and_the_service_goes_on() {
    let mut refused = 0;
    for at in 1..=operations(true) {
        for seed in 0..4 {
            let (_, told) = run(seed * 1_000 + at as u64, true, at, Fault::Fails, seed % 2 == 1);
            refused += usize::from(told.updates < 13);
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn nothing_acknowledged_is_lost_over_many_crashes_one_after_the_other() {
    for seed in 0..12 {
        let (disk, mut told, mut random) = (Double::new(seed), Told::default(), Random::new(seed + 77));
        for _ in 0..25 {
            let fault = if random.below(3) == 0 { Fault::Fails } else { Fault::Ends };
            disk.fault(1 + random.below(60), fault);
            if let Some(engine) = open(&disk, seed % 2 == 0, &mut told) {
                work(&engine, 1 + random.below(9), &mut told);
            }
            if random.below(2) == 0 { disk.restart() } else { disk.lose_power() }
        }
        assert!(told.updates > 10, "{told:?}");
        let last = journal(&disk, false).unwrap().engine(schema(), as_of(), EngineSettings::new());
        last.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        open(&disk, false, &mut told).unwrap();
    }
}

#[test]
fn a_damaged_end_is_put_aside_before_it_is_cut_off() {
    let (disk, mut told) = (Double::new(1), Told::default());
    work(&open(&disk, false, &mut told).unwrap(), 2, &mut told);
    let whole = disk.bytes(Path::new(PATH)).unwrap();
    disk.write_behind(Path::new(PATH), b"half a record");
    let (engine, restored) =
        journal(&disk, false).unwrap().engine(schema(), as_of(), EngineSettings::new()).unwrap();
    let damage = restored.unwrap().damage.unwrap();
    assert_eq!((damage.offset, damage.bytes), (whole.len(), 13));
    assert_eq!(disk.bytes(Path::new("journals/book.1.damaged")).unwrap(), b"half a record");
    assert_eq!(disk.bytes(Path::new(PATH)).unwrap(), whole);
    work(&engine, 2, &mut told);
    open(&disk, false, &mut told).unwrap();
}

#[test]
fn old_journals_are_kept_where_they_rotate_and_lead_to_old_states() {
    let (disk, mut told) = (Double::new(1), Told::default());
    let engine = open(&disk, true, &mut told).unwrap();
    work(&engine, 7, &mut told);
    let names: Vec<PathBuf> =
        ["journals/book", "journals/book.1.old", "journals/book.2.old"].map(PathBuf::from).into();
    assert_eq!(disk.names(), names);
    let old = disk.bytes(&names[1]).unwrap();
    let (then, _) = Engine::restore(EngineSettings::new(), &old, Some(2)).unwrap();
    assert_eq!(value(&then), 1);
}

#[test]
fn a_journal_that_nobody_went_on_with_is_never_replaced() {
    let (disk, mut told) = (Double::new(1), Told::default());
    work(&open(&disk, false, &mut told).unwrap(), 1, &mut told);
    let whole = disk.bytes(Path::new(PATH)).unwrap();
    // A host that makes a new engine over it, by mistake.
    let settings = EngineSettings::new().journal(journal(&disk, false).unwrap());
    Engine::new(schema(), as_of(), settings).unwrap();
    assert_eq!(disk.bytes(Path::new("journals/book.1.old")).unwrap(), whole);
}

#[test]
fn a_second_writer_is_noticed() {
    let (disk, mut told) = (Double::new(1), Told::default());
    let engine = open(&disk, false, &mut told).unwrap();
    work(&engine, 1, &mut told);
    let other = open(&disk, false, &mut told).unwrap();
    work(&other, 1, &mut told);
    let late = engine.apply(Change::new().set(&acme(), "seats", 9_i64)).unwrap_err();
    let length = disk.bytes(Path::new(PATH)).unwrap().len();
    assert!(
        late.source().unwrap().to_string().starts_with(&format!("journal `{PATH}` has {length} bytes and "))
    );
    let twice = journal(&disk, false).unwrap();
    let (_first, _) = twice.engine(schema(), as_of(), EngineSettings::new()).unwrap();
    let error = twice.engine(schema(), as_of(), EngineSettings::new()).unwrap_err();
    let open = "journal `journals/book` is open already: one engine writes to it";
    assert!(error.to_string().ends_with(open), "{error}");
}
