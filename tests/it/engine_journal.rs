//! A journal that is opened again, that lost records, or that was begun anew.

use std::error::Error;
use std::sync::{Arc, Mutex};

use perennial::aggregate::{Event, EventKind, Operator, RollUp, Usage, UsageSchema, UsageSettings};
use perennial::engine::{
    Damage, Engine, EngineError, EngineSettings, JournalError, JournalSink, MemoryJournal, Published,
    Restored, Update,
};
use perennial::source::MemorySource;
use perennial::testkit::Random;
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Change, Date, FixedZone, Nesting, Schema, Scope,
};

fn schema() -> Arc<Schema> {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int));
    Arc::new(schema.build().unwrap())
}

fn id(text: &str) -> AccountId {
    AccountId::new(text).unwrap()
}

fn as_of() -> AsOf {
    AsOf::date_utc(Date::new(2026, 1, 31).unwrap())
}

fn usage() -> Usage {
    Usage::new(UsageSchema::new([EventKind::new("login")]).unwrap(), UsageSettings::new())
}

fn settings() -> EngineSettings {
    EngineSettings::new().usage(usage()).remember(99)
}

fn seats(seats: i64) -> Change {
    Change::new().set(&id("a"), "seats", seats)
}

fn source(seats: i64) -> MemorySource {
    MemorySource::new().account(AccountRow::new(id("a"), "Company").with("seats", seats))
}

/// Everything that is said in a state: book, usage, definitions, moment, subscriptions.
fn said(state: &Published) -> impl PartialEq + std::fmt::Debug + use<> {
    let view = state.view(&Scope::all()).unwrap();
    let value = view.account("a").and_then(|a| Some(view.value("all", a)?.to_string()));
    (
        (state.version(), state.book().to_snapshot(), state.usage().map(Usage::to_snapshot)),
        (state.catalog().definitions().to_vec(), value),
        (state.as_of().instant(), state.as_of().zone().name().to_owned()),
        state.subscribed().cloned().collect::<Vec<_>>(),
    )
}

/// Keeps what it is given, a record at a time.
#[derive(Clone, Default)]
struct Records(Arc<Mutex<Vec<Vec<u8>>>>);

impl JournalSink for Records {
    fn append(&self, record: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.0.lock().unwrap().push(record.to_vec());
        Ok(())
    }
}

/// All that can be applied to an engine: loads, updates, events, a branch of two updates.
fn work(engine: &Engine) {
    engine.load(&source(1)).unwrap();
    engine.define([RollUp::new("all", Operator::Sum("seats".into())).into()]).unwrap();
    engine.apply(Update::from(seats(2)).once("two")).unwrap();
    engine.ingest([Event::on("login", "a", as_of().date())]).unwrap();
    let mut branch = engine.published().branch();
    branch.apply(seats(3)).unwrap();
    branch.apply(seats(4)).unwrap();
    engine.take_over(&branch).unwrap();
    engine.advance(as_of().with_zone(FixedZone::east("+13:00", 780))).unwrap();
    engine.load(&source(5)).unwrap();
    engine.ingest([Event::on("login", "a", as_of().date()).count(2)]).unwrap();
    engine.apply(seats(6)).unwrap();
}

fn written() -> (Engine, Vec<Vec<u8>>) {
    let records = Records::default();
    let engine = Engine::new(schema(), as_of(), settings().journal(records.clone())).unwrap();
    work(&engine);
    let records = records.0.lock().unwrap().clone();
    (engine, records)
}

fn restore(bytes: &[u8]) -> Result<(Engine, Restored), JournalError> {
    Engine::restore(settings(), bytes, None)
}

#[test]
fn a_record_that_is_missing_twice_or_elsewhere_is_damage() {
    let (engine, records) = written();
    assert_eq!(records.len(), 10);
    let last = engine.published();
    let mut others: Vec<(String, Vec<Vec<u8>>)> = Vec::new();
    for one in 1..records.len() {
        let mut less = records.clone();
        less.remove(one);
        if one + 1 < records.len() {
            others.push((format!("without {one}"), less));
        }
        let mut twice = records.clone();
        twice.insert(one, records[one].clone());
        others.push((format!("{one} twice"), twice));
        let mut later = records.clone();
        later.push(records[one].clone());
        others.push((format!("{one} again at the end"), later));
        for other in one + 1..records.len() {
            let mut moved = records.clone();
            moved.swap(one, other);
            others.push((format!("{one} for {other}"), moved));
            let mut moved = records.clone();
            let record = moved.remove(one);
            moved.insert(other, record);
            others.push((format!("{one} behind {other}"), moved));
        }
    }
    for (what, other) in others {
        let bytes = other.concat();
        let (again, restored) = restore(&bytes).unwrap();
        let Some(Damage { offset, bytes: lost, reason, .. }) = restored.damage else {
            panic!("{what}: version {} of {}", restored.version, last.version())
        };
        assert_eq!((restored.bytes, offset + lost), (offset, bytes.len()), "{what}");
        assert!(reason.contains(" follows version "), "{what}: {reason}");
        let then = engine.state(restored.version).unwrap_or_else(|| panic!("{what}: never published"));
        assert_eq!(said(&again.published()), said(&then), "{what}");
    }
    // Whole, or without its last records, it is right.
    for kept in 1..=records.len() {
        let (again, restored) = restore(&records[..kept].concat()).unwrap();
        assert!(restored.damage.is_none());
        assert_eq!(said(&again.published()), said(&engine.state(restored.version).unwrap()));
    }
    let error = restore(&records[1..].concat()).unwrap_err();
    assert!(matches!(error, JournalError::NotAJournal));
}

#[test]
fn a_branch_that_is_cut_off_is_not_taken_over_in_part() {
    let (engine, records) = written();
    let before = records[..5].concat();
    let (_, restored) = restore(&before).unwrap();
    assert_eq!(restored.version, 4);
    for cut in 1..=records[5].len() {
        let bytes = [&before[..], &records[5][..cut]].concat();
        let (again, restored) = restore(&bytes).unwrap();
        let version = if cut == records[5].len() { 6 } else { 4 };
        assert_eq!((restored.version, restored.damage.is_none()), (version, version == 6));
        assert_eq!(said(&again.published()), said(&engine.state(version).unwrap()));
    }
    // Nor is it where a version in between is asked for.
    let (_, restored) = Engine::restore(settings(), &records.concat(), Some(5)).unwrap();
    assert_eq!(restored.version, 4);
    let journal = MemoryJournal::new();
    let engine = Engine::new(schema(), as_of(), settings().journal(journal.clone())).unwrap();
    let length = journal.bytes().len();
    engine.take_over(&engine.published().branch()).unwrap();
    assert_eq!(journal.bytes().len(), length, "a branch of nothing");
}

/// How a service that starts again goes on with its journal.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Start {
    Resume,
    /// With a beginning in the middle of the same bytes.
    Restore,
}

#[test]
fn what_is_written_after_a_restart_is_there_after_the_next_one() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let journal = MemoryJournal::new();
        let mut states: Vec<Published> = Vec::new();
        let engine = Engine::new(schema(), as_of(), settings().journal(journal.clone())).unwrap();
        engine.load(&source(0)).unwrap();
        engine.define([RollUp::new("all", Operator::Sum("seats".into())).into()]).unwrap();
        states.extend(engine.states());
        drop(engine);
        for round in 0..6 {
            let (before, torn) = (journal.bytes(), random.below(2) == 0);
            if torn {
                // The end of a record that came while the power failed.
                let more = 1 + random.below(40) as usize;
                let garbage: Vec<u8> = (0..more).map(|_| random.below(256) as u8).collect();
                journal.append(&garbage).unwrap();
            }
            let bytes = journal.bytes();
            let start = if random.below(2) == 0 { Start::Resume } else { Start::Restore };
            let settings = settings().journal(journal.clone());
            let (engine, restored) = match start {
                Start::Resume => Engine::resume(settings, &bytes).unwrap(),
                Start::Restore => Engine::restore(settings, &bytes, None).unwrap(),
            };
            let what = format!("seed {seed}, round {round}, {start:?}, torn {torn}: {restored:?}");
            assert_eq!(restored.damage.is_some(), torn, "{what}");
            assert_eq!(restored.bytes, before.len(), "{what}");
            assert_eq!(said(&engine.published()), said(states.last().unwrap()), "{what}");
            if start == Start::Resume {
                assert_eq!(journal.bytes(), before, "no new beginning, and the end is cut off: {what}");
            }
            let key = format!("{seed} {round}");
            for number in 0..random.below(4) {
                // The first comes once; what comes later with its key is another one.
                let update = Update::from(seats(number as i64 + 10 * round)).once(&key);
                let done = engine.apply(update);
                assert_eq!(done.is_ok(), number == 0, "{done:?}");
                engine.ingest([Event::on("login", "a", as_of().date())]).unwrap();
            }
            if random.below(5) == 0 {
                engine.compact_journal().unwrap();
            }
            states.extend(engine.states().into_iter().skip(1));
        }
        let bytes = journal.bytes();
        for state in &states {
            let (again, restored) = Engine::restore(settings(), &bytes, Some(state.version())).unwrap();
            assert_eq!(said(&again.published()), said(state), "seed {seed}: {restored:?}");
        }
        // A key that was used before a restart is known after it.
        let (again, _) = restore(&bytes).unwrap();
        let version = again.published().version();
        let first = format!("{seed} 0");
        match again.apply(Update::from(seats(9)).once(&first)) {
            Ok(done) => assert!(!done.repeated),
            Err(refused) => {
                assert!(matches!(refused, EngineError::OtherContent { .. }), "{refused}");
                assert_eq!(again.published().version(), version);
                assert!(again.apply(Update::from(seats(0)).once(&first)).unwrap().repeated);
                assert_eq!(again.published().version(), version);
            }
        }
    }
}

#[test]
fn a_head_between_records_is_a_beginning() {
    let (engine, records) = written();
    let journal = MemoryJournal::from(records.concat());
    // Back to an earlier version, from which another line of versions begins.
    let (back, restored) =
        Engine::restore(settings().journal(journal.clone()), &journal.bytes(), Some(3)).unwrap();
    assert_eq!((restored.version, restored.from), (3, 0));
    back.apply(seats(77)).unwrap();
    let bytes = journal.bytes();
    let (again, restored) = restore(&bytes).unwrap();
    assert_eq!((restored.version, restored.from, restored.records), (4, records.concat().len(), 2));
    assert_eq!(said(&again.published()), said(&back.published()));
    for (version, of) in [(2, &engine), (3, &back), (4, &back)] {
        let (then, _) = Engine::restore(settings(), &bytes, Some(version)).unwrap();
        assert_eq!(said(&then.published()), said(&of.state(version).unwrap()), "{version}");
    }
    // Another engine over the same bytes begins from nothing.
    let other = Engine::new(schema(), as_of(), settings().journal(journal.clone())).unwrap();
    other.load(&source(8)).unwrap();
    let (again, restored) = restore(&journal.bytes()).unwrap();
    assert_eq!((restored.version, restored.from), (1, bytes.len()));
    assert_eq!(said(&again.published()), said(&other.published()));
    // What begins with a version of its own has none before it.
    let later = MemoryJournal::new();
    Engine::restore(settings().journal(later.clone()), &records.concat(), Some(3)).unwrap();
    let error = Engine::restore(settings(), &later.bytes(), Some(2)).unwrap_err();
    assert_eq!(error.to_string(), "the journal begins with version 3, and version 2 was asked for");
}

/// The head of a beginning is found behind a record that was cut off, and only there.
#[test]
fn a_beginning_behind_a_damaged_end_is_found() {
    let (_, records) = written();
    let whole = records.concat();
    let mut seen = 0;
    for (record, bytes) in records.iter().enumerate().skip(1) {
        let start = records[..record].concat().len();
        for cut in (1..bytes.len()).step_by(1 + bytes.len() / 4) {
            let journal = MemoryJournal::from(whole[..start + cut].to_vec());
            let before = journal.bytes();
            let settings = || settings().journal(journal.clone());
            let (engine, restored) = Engine::restore(settings(), &before, None).unwrap();
            assert_eq!(restored.bytes, start);
            let last = engine.published().version();
            if record > 2 {
                engine.apply(seats(99)).unwrap();
            } else {
                engine.load(&source(99)).unwrap();
            }
            // A second crash, in the middle of the next beginning.
            let end = journal.bytes();
            let torn = MemoryJournal::from(end.clone());
            Engine::restore(self::settings().journal(torn.clone()), &end, None).unwrap();
            let tears = [0, 1, 23, 24, 25, 60].map(|more| torn.bytes()[..end.len() + more].to_vec());
            for bytes in tears {
                let (again, restored) = restore(&bytes).unwrap();
                assert_eq!(restored.version, last + 1);
                assert_eq!(said(&again.published()), said(&engine.published()));
                assert_eq!(restored.skipped.len(), 1);
                let skipped = &restored.skipped[0];
                assert_eq!((skipped.offset, skipped.bytes), (start, cut));
                assert_eq!(restored.damage.is_some(), bytes.len() > end.len());
                seen += 1;
            }
            // Bytes of a whole journal within a record are no beginning.
            let inside = [&whole[..start + cut], &whole[..]].concat();
            assert_eq!(restore(&inside).unwrap().1.version, last);
        }
    }
    assert!(seen > 100, "{seen}");
}

/// A file system may keep the length of a file and not its bytes.
#[test]
fn an_end_of_zeros_is_damage() {
    let (engine, records) = written();
    let whole = records.concat();
    for zeros in [1, 7, 8, 11, 12, 13, 24, 4_096] {
        let bytes = [&whole[..], &vec![0; zeros]].concat();
        let (again, restored) = restore(&bytes).unwrap();
        assert_eq!(restored.damage.map(|damage| (damage.offset, damage.bytes)), Some((whole.len(), zeros)));
        assert_eq!(said(&again.published()), said(&engine.published()));
    }
}

/// A sink that cannot cut its end off says so, and nothing is lost.
#[test]
fn a_journal_that_cannot_be_cut_is_not_gone_on_with_behind_its_damage() {
    let (_, records) = written();
    let mut bytes = records.concat();
    let whole = bytes.len();
    bytes.extend(b"torn");
    let error = Engine::resume(settings().journal(Records::default()), &bytes).unwrap_err();
    let wanted = format!(
        "the journal cannot be written to: the last 4 bytes are damaged: cut the journal off at {whole} bytes"
    );
    assert_eq!(error.to_string(), wanted);
    let kept = Records::default();
    let (engine, _) = Engine::resume(settings().journal(kept.clone()), &bytes[..whole]).unwrap();
    engine.apply(seats(7)).unwrap();
    assert_eq!(kept.0.lock().unwrap().len(), 1, "the update, and no beginning");
    let stale = MemoryJournal::from(bytes.clone());
    let error = Engine::resume(settings().journal(stale), &bytes[..whole]).unwrap_err();
    assert!(matches!(error, JournalError::Sink(_)), "{error}");
}

#[test]
fn a_record_that_cannot_be_kept_refuses_its_update_and_no_later_one() {
    #[derive(Clone, Default)]
    struct Full(MemoryJournal, Arc<Mutex<bool>>);
    impl JournalSink for Full {
        fn append(&self, record: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
            if *self.1.lock().unwrap() { Err("the disk is full".into()) } else { self.0.append(record) }
        }
    }
    let full = Full::default();
    let engine = Engine::new(schema(), as_of(), settings().journal(full.clone())).unwrap();
    work(&engine);
    *full.1.lock().unwrap() = true;
    let error = engine.apply(seats(50)).unwrap_err();
    assert!(matches!(error, EngineError::Journal(_)));
    assert!(engine.compact_journal().is_err());
    *full.1.lock().unwrap() = false;
    engine.apply(seats(51)).unwrap();
    let (again, restored) = restore(&full.0.bytes()).unwrap();
    assert!(restored.damage.is_none());
    assert_eq!(said(&again.published()), said(&engine.published()));
}
