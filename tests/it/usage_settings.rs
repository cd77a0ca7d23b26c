//! How usage is kept is of the state: it changes by updates, comes back with a journal, and stands in a manifest with the kinds of event and the
//! definitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common::definitions::{attribute, definitions};
use crate::common::kinds::{customs, kinds};
use crate::common::{as_of, config, id_of};
use crate::engine::{engine_with, held_events, same_state, settings, step, subscribe_some};
use perennial::aggregate::{
    Event, EventKind, Faulty, Metric, Operator, Over, RollUp, TooOld, Usage, UsageSchema, UsageSettings,
    UsageSettingsError,
};
use perennial::catalog::{Catalog, CatalogFaultKind, Definition, Manifest, PastValue, Recorded};
use perennial::engine::{
    Engine, EngineError, EngineSettings, JournalError, MemoryJournal, Published, Update, compact,
};
use perennial::{
    AsOf, Attribute, AttributeType, Date, FixedZone, Nesting, Schema, SchemaChange, SchemaPart, Scope,
    Weekday, Zone, Zones,
};
use proptest::prelude::*;

fn day(number: i32) -> Date {
    Date::new(2026, 1, 1).unwrap().plus_days(number).unwrap()
}

fn schema() -> Arc<Schema> {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int));
    Arc::new(schema.build().unwrap())
}

fn engine(settings: EngineSettings) -> Engine {
    Engine::new(schema(), AsOf::date_utc(day(0)), settings).unwrap()
}

fn kept(engine: &Engine) -> UsageSettings {
    engine.published().usage().unwrap().settings().clone()
}

fn login() -> UsageSchema {
    UsageSchema::new([EventKind::new("login")]).unwrap()
}

/// Zones of a host: one more than the library has.
#[derive(Debug)]
struct Here;

impl Zones for Here {
    fn zone(&self, name: &str) -> Option<Arc<dyn Zone>> {
        (name == "Here").then(|| Arc::new(FixedZone::east("Here", 600)) as Arc<dyn Zone>)
    }
}

proptest! {
    #![proptest_config(config(96))]

    /// Against a list of events, of which those go that are too old.
    #[test]
    fn days_that_are_not_kept_are_dropped_once_and_never_come_back(
        steps in prop::collection::vec(any::<[u8; 3]>(), 1..40),
    ) {
        let mut usage = Usage::new(login(), UsageSettings::new());
        let (mut today, mut keep, mut from) = (0_i32, None::<i32>, i32::MIN);
        let mut held: BTreeMap<i32, u64> = BTreeMap::new();
        let mut dropped = 0;
        for [what, value, more] in steps {
            let (value, more) = (i32::from(value), i32::from(more));
            let before = dropped;
            match what % 4 {
                0 => today += value % 5,
                1 => {
                    keep = (more % 4 > 0).then_some(value % 20 + 1);
                    let settings = UsageSettings::new();
                    let settings = keep.map_or(settings.clone(), |days| settings.keep_days(days as u32));
                    let is_same = settings == *usage.settings();
                    let report = usage.set_settings(settings.clone(), day(today)).unwrap();
                    prop_assert_eq!(&report.to, &settings);
                    if !is_same {
                        from = from.max(keep.map_or(i32::MIN, |days| today - days + 1));
                        let old: Vec<i32> = held.range(..from).map(|(on, _)| *on).collect();
                        dropped += old.iter().filter_map(|on| held.remove(on)).sum::<u64>();
                    }
                    prop_assert_eq!(report.dropped_events, dropped - before);
                }
                _ => {
                    let (on, count) = (today - value % 25, more as u32 + 1);
                    usage.ingest([Event::on("login", "a", day(on)).count(count)], day(today)).unwrap();
                    from = from.max(keep.map_or(i32::MIN, |days| today - days + 1));
                    *held.entry(on).or_insert(0) += u64::from(count);
                    let old: Vec<i32> = held.range(..from).map(|(on, _)| *on).collect();
                    dropped += old.iter().filter_map(|on| held.remove(on)).sum::<u64>();
                }
            }
            prop_assert_eq!((usage.buckets(), usage.dropped_events()), (held.len(), dropped));
            prop_assert_eq!(usage.kept_from(), (from > i32::MIN).then(|| day(from)));
        }
    }
}

#[test]
fn ids_are_forgotten_at_once_and_remembered_from_now_on() {
    let mut usage = Usage::new(login(), UsageSettings::new().ids_for_days(10));
    let event = |on: i32, id: &'static str| Event::on("login", "a", day(on)).id(id);
    usage.ingest([event(1, "one"), event(8, "eight"), event(9, "nine")], day(10)).unwrap();
    let report = usage.set_settings(UsageSettings::new().ids_for_days(2), day(10)).unwrap();
    assert_eq!((report.forgotten_ids, usage.remembered_ids()), (2, 1));
    // One that is sent again is counted again, and told.
    let again = usage.ingest([event(8, "eight"), event(9, "nine")], day(10)).unwrap();
    assert_eq!((again.counted, again.late, again.duplicates), (1, 1, 1));
    // What is forgotten stays forgotten; what comes from now on is remembered longer.
    let report = usage.set_settings(UsageSettings::new().ids_for_days(30), day(10)).unwrap();
    assert_eq!(report.forgotten_ids, 0);
    let again = usage.ingest([event(1, "one"), event(10, "ten")], day(10)).unwrap();
    assert_eq!((again.counted, again.late), (2, 1));
    let again = usage.ingest([event(10, "ten"), event(8, "eight")], day(30)).unwrap();
    assert_eq!(again.duplicates, 2);
}

#[test]
fn a_zone_changes_while_nothing_is_held() {
    let east = || UsageSettings::new().zone(FixedZone::east("+02:00", 120));
    let engine = engine(EngineSettings::new().usage(Usage::new(login(), UsageSettings::new())));
    // In one update, rows are of the days of the new zone, wherever they are said.
    let late = || Event::at("login", "a", "2025-12-31T23:00:00Z".parse().unwrap());
    engine.apply(Update::new().events([late()]).usage_settings(east())).unwrap();
    let state = engine.published();
    assert_eq!(kept(&engine), east());
    let error = engine.apply(Update::new().usage_settings(UsageSettings::new())).unwrap_err();
    let told = "usage is counted by the days of zone `+02:00`, and 1 counts of accounts by day and 0 ids of events are held, which cannot be \
                counted again by those of `UTC`: keep the zone, or begin an engine with it and send the events again";
    assert_eq!(error.to_string(), format!("the settings of usage were refused: {told}"));
    assert!(matches!(error, EngineError::UsageSettings(UsageSettingsError::Zone { buckets: 1, ids: 0, .. })));
    assert_eq!(engine.published().version(), state.version());
    let change = state.changes_to_manifest(&state.manifest().with_usage(UsageSettings::new()));
    assert_eq!(change.to_string(), format!("changes usage `zone` from +02:00 to UTC\nbreaks  usage: {told}"));
    assert!(change.is_refused());
    // An id stands for what its event was in the zone.
    let mut usage = Usage::new(login(), UsageSettings::new().keep_days(1));
    usage.ingest([Event::on("login", "a", day(0)).id("one")], day(0)).unwrap();
    usage.ingest([], day(5)).unwrap();
    assert_eq!((usage.buckets(), usage.remembered_ids()), (0, 1));
    assert!(usage.set_settings(east(), day(5)).is_err());
    usage.ingest([], day(50)).unwrap();
    assert!(usage.set_settings(east(), day(50)).is_ok());
    // Where all kinds of event go in the same update, their events are gone by then.
    let all_go = Manifest::new([]).with_events(UsageSchema::default()).with_usage(UsageSettings::new());
    let told = state.changes_to_manifest(&all_go);
    assert_eq!(
        told.to_string(),
        "leaves  event `login`, with 1 event of it\nchanges usage `zone` from +02:00 to UTC"
    );
    engine.apply(Update::new().manifest(all_go)).unwrap();
    assert_eq!(kept(&engine), UsageSettings::new());
}

#[test]
fn usage_begins_by_an_update_and_comes_back_with_the_journal() {
    let journal = MemoryJournal::new();
    let engine = engine(EngineSettings::new().journal(journal.clone()));
    let error = engine.ingest([Event::on("login", "a", day(0))]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "this engine holds no usage: begin it with `Update::usage_settings` and kinds of event, or give it some with `EngineSettings::usage`"
    );
    let long = UsageSettings::new().keep_days(90).ids_for_days(7).ahead_days(0).too_old(TooOld::Refuse);
    let applied = engine.apply(Update::new().usage_settings(long.clone())).unwrap();
    let report = applied.usage_settings.unwrap();
    assert_eq!((report.from, report.to, report.dropped_events), (None, long.clone(), 0));
    let events = |days: &[i32]| -> Vec<Event<'static>> {
        days.iter().map(|on| Event::on("login", "a", day(*on))).collect()
    };
    let update = Update::new().schema(SchemaChange::new().event(EventKind::new("login")));
    engine.apply(update.events(events(&[-80, -20, 0]))).unwrap();
    let short = UsageSettings::new().keep_days(30).faulty(Faulty::RefuseBatch);
    let mut branch = engine.published().branch();
    branch.apply(Update::new().usage_settings(short.clone())).unwrap();
    branch.apply(Update::new().events(events(&[-10, -70]))).unwrap();
    engine.take_over(&branch).unwrap();
    let of = |state: &Published| {
        let usage = state.usage()?;
        Some((usage.settings().clone(), usage.schema().clone(), usage.buckets(), usage.dropped_events()))
    };
    assert_eq!(of(&engine.published()), Some((short, login(), 3, 2)));
    // Whatever the host says when it restores, also with usage in another zone.
    let other = UsageSettings::new().zone(FixedZone::east("There", 60)).keep_days(1);
    for usage in [None, Some(Usage::new(UsageSchema::default(), other))] {
        let given = || usage.iter().fold(EngineSettings::new(), |all, usage| all.usage(usage.clone()));
        for state in engine.states() {
            let (again, _) = Engine::restore(given(), &journal.bytes(), Some(state.version())).unwrap();
            assert_eq!(of(&again.published()), of(&state), "version {}", state.version());
            same_state(&again.published(), &state);
        }
        let shorter = compact(given(), &journal.bytes()).unwrap();
        let (again, _) = Engine::resume(given(), &shorter).unwrap();
        assert_eq!(of(&again.published()), of(&engine.published()));
        same_state(&again.published(), &engine.published());
        // And goes on in the same way.
        let refused = again.apply(Update::new().events(events(&[20]))).unwrap_err();
        assert!(matches!(refused, EngineError::Usage(_)));
    }
}

#[test]
fn a_zone_that_no_journal_could_be_restored_with_is_refused() {
    let here = || UsageSettings::new().zone(FixedZone::east("Here", 600));
    let told = "zone `Here` is not known, so that no journal could be restored with it: give it with `EngineSettings::zones`";
    let journal = MemoryJournal::new();
    let without = engine(EngineSettings::new().journal(journal.clone()));
    let error = without.apply(Update::new().usage_settings(here())).unwrap_err();
    assert_eq!(error.to_string(), format!("the settings of usage were refused: {told}"));
    let change = without.published().changes_to_manifest(&Manifest::new([]).with_usage(here()));
    assert_eq!(change.usage.unwrap().breaks.unwrap().to_string(), told);
    assert!(without.published().usage().is_none());
    // Without a journal, or with the zone, it is taken.
    assert!(engine(EngineSettings::new()).apply(Update::new().usage_settings(here())).is_ok());
    let with = engine(EngineSettings::new().zones(Here).journal(journal.clone()));
    with.apply(Update::new().usage_settings(here())).unwrap();
    let bytes = journal.bytes();
    let (again, _) = Engine::restore(EngineSettings::new().zones(Here), &bytes, None).unwrap();
    assert_eq!(kept(&again), here());
    match Engine::restore(EngineSettings::new(), &bytes, None) {
        Err(JournalError::Refused { version: 1, cause }) => {
            assert_eq!(cause.to_string(), format!("the settings of usage were refused: {told}"));
        }
        other => panic!("{other:?}"),
    }
    let shorter = compact(EngineSettings::new().zones(Here), &bytes).unwrap();
    let error = Engine::restore(EngineSettings::new(), &shorter, None).unwrap_err();
    assert_eq!(error.to_string(), "the zone `Here` is not known: give it with `EngineSettings::zones`");
}

#[test]
fn every_fault_of_a_manifest_is_told_with_its_place() {
    let faults = |text: &str| Manifest::read(text).unwrap_err().to_string();
    let text = r#"{
        "v": 1,
        "event": [],
        "events": [
            { "name": "login", "modul": "x" },
            { "name": "export", "properties": [{ "name": "plan", "type": "txt" }], "measures": [{ "name": "user", "type": "int" }] },
            { "label": "?" },
            { "name": "export", "label": 1 },
            7
        ],
        "usage": { "zone": "Europe/Berln", "keep_days": -1, "ids_for_days": 4294967296, "too_old": "drop", "faulty": "leave_out", "keep": 1 },
        "metrics": [{ "name": "logins" }],
        "segments": {},
        "segments": []
    }"#;
    let told = [
        "at `/segments`: duplicate field",
        "unknown field `event`; did you mean `events`?",
        "at `/events/0`: unknown field `modul`; did you mean `module`?",
        "at `/events/1/properties/0/type`: unknown type `txt`; did you mean `text`?",
        "at `/events/1`: event `export`, `user`: every event has this already",
        "at `/events/2`: missing field `name`",
        "at `/events/3/label`: expected a text, found 1",
        "at `/events/3`: event `export` is declared twice",
        "at `/events/4`: expected an object, found 7",
        "at `/usage`: unknown field `keep`; known: zone, keep_days, ids_for_days, ahead_days, too_old, faulty",
        "at `/usage/zone`: unknown zone `Europe/Berln`; a zone is one of those that the host gave, `UTC`, or an offset such as `+02:00`",
        "at `/usage/keep_days`: expected a whole number from 0, found -1",
        "at `/usage/ids_for_days`: expected a whole number from 0 to 4294967295, found 4294967296",
        "at `/usage/too_old`: unknown rule for events that are too old `drop`; allowed: refuse, count",
        "at `/metrics/0`: missing field `expression`",
        "at `/segments`: expected a list, found an object",
    ];
    assert_eq!(faults(text).lines().collect::<Vec<_>>(), told);
    assert_eq!(faults(r#"{"v":2}"#), "at `/v`: unsupported version 2 (this release reads 1)");
    // A list of documents of definitions says where they belong, and ignores none.
    let errors = Catalog::read([r#"{"v":1,"events":[],"usage":{}}"#]).unwrap_err().to_string();
    assert_eq!(
        errors,
        "document 0: at `/events`: it is of a manifest, and no definition: read the document with `Manifest::read`\n\
         document 0: at `/usage`: it is of a manifest, and no definition: read the document with `Manifest::read`"
    );
    // One of definitions alone is a manifest that leaves usage as it is.
    let manifest = Manifest::read(r#"{"v":1}"#).unwrap();
    assert_eq!((manifest.events, manifest.usage, manifest.definitions.len()), (None, None, 0));
    let zoned = Manifest::read_with(&kinds(), &Here, r#"{"v":1,"usage":{"zone":"Here"}}"#).unwrap();
    assert_eq!(zoned.usage, Some(UsageSettings::new().zone(FixedZone::east("Here", 600))));
}

/// A manifest that some bytes draw: kinds of event with fields, settings, definitions.
fn drawn([kinds_of, fields, days, zone, which]: [u8; 5]) -> Manifest {
    let int = |name: &str| Attribute::new(name, AttributeType::Int);
    let text = |name: &str| Attribute::new(name, AttributeType::Text);
    let kind = |(at, name): (usize, &&str)| {
        let mut kind = EventKind::new(name);
        if (fields >> at) & 1 == 1 {
            kind = kind.property(if zone & 1 == 1 { int("plan") } else { text("plan") }).module("m");
        }
        if (days >> at) & 1 == 1 {
            kind = kind.measure(int("rows")).label("a label").description("what it is");
        }
        kind
    };
    let names = ["login", "export", "api \"call\""];
    let listed = names.iter().enumerate().filter(|(at, _)| *at == 0 || (kinds_of >> at) & 1 == 1);
    let events = UsageSchema::new(listed.map(kind)).unwrap();
    let zone =
        FixedZone::east(["+01:00", "-03:30"][usize::from(zone) % 2], [60, -210][usize::from(zone) % 2]);
    let mut usage = UsageSettings::new().ids_for_days(u32::from(fields)).ahead_days(u32::from(days % 4));
    if days % 3 > 0 {
        usage = usage.keep_days(u32::from(days)).too_old(TooOld::Refuse);
    }
    if kinds_of & 8 > 0 {
        usage = usage.zone(zone).faulty(Faulty::RefuseBatch);
    }
    let all = definitions(which % 2 == 0);
    let all: Vec<Definition> = all.into_iter().take(usize::from(which) % 40).collect();
    let manifest = Manifest::new(all);
    let manifest = if kinds_of & 16 > 0 { manifest.with_events(events) } else { manifest };
    if kinds_of & 32 > 0 { manifest.with_usage(usage) } else { manifest }
}

/// The definitions in the order of a document.
fn in_lists(manifest: &Manifest) -> Vec<Definition> {
    Manifest::read_with(&kinds(), &Here, &manifest.to_json().to_string()).unwrap().definitions
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn a_manifest_that_is_written_and_read_is_the_same(bytes in any::<[u8; 5]>()) {
        let mut manifest = drawn(bytes);
        let text = manifest.to_json().to_string();
        let read = Manifest::read_with(&kinds(), &Here, &text).unwrap();
        // A list for each kind: the order of kinds is that of the document.
        prop_assert_eq!(read.definitions.len(), manifest.definitions.len());
        manifest.definitions = in_lists(&manifest);
        prop_assert_eq!(&read, &manifest);
        prop_assert_eq!(read.to_json().to_string(), text);
    }
}

proptest! {
    #![proptest_config(config(24))]

    /// What is told first of a manifest is what it does: refused or not, what enters and leaves, what is lost; and then nothing is left to do.
    #[test]
    fn a_manifest_does_what_it_tells(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..6),
        steps in prop::collection::vec(any::<[u8; 5]>(), 1..6),
        bytes in any::<[u8; 5]>(),
    ) {
        let journal = MemoryJournal::new();
        let engine = engine_with(&seeds, settings(0).journal(journal.clone()));
        subscribe_some(&engine, 0x5555_5555);
        for (number, bytes) in steps.iter().enumerate() {
            let _ = step(&engine, *bytes, number);
        }
        engine.ingest([Event::on("login", id_of(0).as_str(), as_of().date()).count(3)]).unwrap();
        let before = engine.published();
        let manifest = drawn(bytes);
        let told = before.changes_to_manifest(&manifest);
        let json = serde_json::to_value(&told).unwrap();
        prop_assert_eq!(json["breaks"].as_array().unwrap().len(), told.definitions.breaks.len());
        match engine.apply(Update::new().manifest(manifest.clone())) {
            Err(error) => {
                prop_assert!(told.is_refused(), "{}: {}", told, error);
                prop_assert_eq!(engine.published().version(), before.version());
                prop_assert_eq!(engine.published().manifest(), before.manifest());
            }
            Ok(applied) => {
                prop_assert!(!told.is_refused(), "{}", told);
                let now = engine.published();
                let known = |state: &Published| state.usage().unwrap().clone();
                let of = |state: &Published, name: &str| known(state).schema().kind(name).cloned();
                for name in ["login", "export", "api \"call\""] {
                    let (was, is) = (of(&before, name), of(&now, name));
                    let events = &told.events;
                    prop_assert_eq!(was.is_none() && is.is_some(), events.enters.iter().any(|event| **event == *name));
                    prop_assert_eq!(was.is_some() && is.is_none(), events.leaves.iter().any(|lost| *lost.event == *name));
                    let changes = was.is_some() && is.is_some() && was != is;
                    prop_assert_eq!(changes, events.changes.iter().any(|change| *change.event == *name));
                }
                let lost = known(&now).dropped_events() - known(&before).dropped_events();
                prop_assert_eq!(lost, told.usage.as_ref().map_or(0, |usage| usage.dropped_events));
                prop_assert_eq!(applied.usage_settings.map_or(0, |report| report.dropped_events), lost);
                // What is not told to go is held.
                let gone: u64 = told.events.leaves.iter().map(|kind| kind.events).sum();
                prop_assert_eq!(held_events(&before) - held_events(&now), lost + gone, "{}", told);
                if let Some(usage) = &manifest.usage {
                    prop_assert_eq!(&now.usage().unwrap().settings().clone(), usage);
                }
                if let Some(events) = &manifest.events {
                    prop_assert_eq!(&now.usage().unwrap().schema().clone(), events);
                }
                prop_assert_eq!(now.catalog().definitions(), &manifest.definitions[..]);
                let again = now.changes_to_manifest(&manifest);
                prop_assert!(again.is_empty(), "{}", again);
                prop_assert_eq!(again.to_string(), "");
                // It stands in the journal.
                let (restored, _) = Engine::restore(settings(0), &journal.bytes(), None).unwrap();
                let restored = restored.published();
                prop_assert_eq!(restored.manifest(), now.manifest());
                same_state(&restored, &now);
            }
        }
    }
}

#[test]
fn a_manifest_is_told_as_data_and_text_and_applied_as_one() {
    let engine = engine(EngineSettings::new());
    let text = |keep: u32, export: &str, expression: &str| {
        format!(
            r#"{{"v":1,"events":[{{"name":"login"}},{export}],"usage":{{"keep_days":{keep},"ids_for_days":20}},
            "metrics":[{{"name":"logins","expression":"events(\"{expression}\").count()"}}]}}"#
        )
    };
    let plain = r#"{"name":"export","properties":[{"name":"plan","type":"text"}],"measures":[{"name":"rows","type":"int"}]}"#;
    let first = Manifest::read(&text(60, plain, "export")).unwrap();
    let told = engine.published().changes_to_manifest(&first);
    assert_eq!(
        told.to_string(),
        "enters  event `login`\nenters  event `export`\nenters  usage `zone` UTC\nenters  usage `keep_days` 60\n\
         enters  usage `ids_for_days` 20\nenters  usage `ahead_days` 1\nenters  usage `too_old` count\nenters  usage `faulty` leave_out\n\
         enters  metric `logins`"
    );
    engine.apply(Update::new().manifest(first.clone())).unwrap();
    let events = [
        Event::on("login", "a", day(0)).id("one"),
        Event::on("export", "a", day(-10)).id("two").count(4),
        Event::on("export", "a", day(0)).id("three"),
    ];
    engine.ingest(events).unwrap();
    // The kind goes that the metric reads: told, and refused as a whole.
    let gone = Manifest::read(&text(5, r#"{"name":"import"}"#, "export")).unwrap();
    let state = engine.published();
    let told = state.changes_to_manifest(&gone);
    assert_eq!(
        told.to_string(),
        "enters  event `import`\nleaves  event `export`, with 5 events of it\nchanges usage `keep_days` from 60 to 5\n\
         touched metric `logins`\n\
         breaks  metric `logins`: still reads what is removed: event `export`"
    );
    assert!(told.is_refused());
    assert!(matches!(engine.apply(Update::new().manifest(gone)), Err(EngineError::Catalog(_))));
    assert_eq!(engine.published().manifest(), first);
    // Declared otherwise, with fewer days and ids.
    let other =
        r#"{"name":"export","properties":[{"name":"plan","type":"int"},{"name":"of","type":"text"}]}"#;
    let other = Manifest::read(&text(5, other, "login").replace("20", "5")).unwrap();
    let told = state.changes_to_manifest(&other);
    assert_eq!(
        told.to_string(),
        "changes event `export`: `of` enters, `rows` leaves, `plan` is declared otherwise; 5 events of it stay\n\
         changes usage `keep_days` from 60 to 5\nchanges usage `ids_for_days` from 20 to 5\n\
         loses   4 events of days that are not kept\nloses   1 id of events\nchanges metric `logins`"
    );
    let json = serde_json::to_value(&told).unwrap();
    let expected = serde_json::json!({
        "events": {
            "enters": [], "leaves": [],
            "changes": [{"event": "export", "enters": ["of"], "leaves": ["rows"], "changes": ["plan"], "events": 5}],
        },
        "usage": {
            "from": {"zone": "UTC", "keep_days": 60, "ids_for_days": 20, "ahead_days": 1, "too_old": "count", "faulty": "leave_out"},
            "to": {"zone": "UTC", "keep_days": 5, "ids_for_days": 5, "ahead_days": 1, "too_old": "count", "faulty": "leave_out"},
            "dropped_events": 4, "forgotten_ids": 1,
        },
        "enters": [], "leaves": [], "changes": [{"kind": "metric", "name": "logins"}], "touched": [], "keeps_fewer": [], "breaks": [],
    });
    assert_eq!(json, expected);
    let applied = engine.apply(Update::new().manifest(other.clone())).unwrap();
    let report = applied.usage_settings.unwrap();
    assert_eq!((report.dropped_events, report.forgotten_ids), (4, 1));
    assert_eq!(engine.published().manifest(), other);
    // A rename is a step before the manifest, so that what was counted goes on under the new name.
    let renamed = SchemaChange::new().rename(SchemaPart::event("login"), "sign_in");
    let text =
        text(5, r#"{"name":"export"}"#, "sign_in").replace(r#"{"name":"login"}"#, r#"{"name":"sign_in"}"#);
    let manifest = Manifest::read(&text).unwrap();
    engine.apply(Update::new().schema(renamed).manifest(manifest)).unwrap();
    assert_eq!(engine.published().usage().unwrap().buckets(), 2);
}

/// An update that says what is, does nothing to what is held, whatever it costs elsewhere.
#[test]
fn a_manifest_that_says_what_is_changes_nothing() {
    let engine = engine_with(&[[0, 0, 9, 3, 4], [1, 0, 40, 3, 4]], settings(0));
    subscribe_some(&engine, u64::MAX);
    engine.ingest([Event::on("login", id_of(0).as_str(), as_of().date()).id("one")]).unwrap();
    let before = engine.published();
    assert!(held_events(&before) == 1 && !before.records().to_days().is_empty());
    let applied = engine.apply(Update::new().manifest(before.manifest())).unwrap();
    assert!(applied.delta.report(&perennial::Scope::all()).unwrap().is_empty());
    let after = engine.published();
    assert!(Arc::ptr_eq(after.schema(), before.schema()));
    assert_eq!(after.stats().compiled, before.stats().compiled);
    same_state(&after, &before);
}

#[test]
fn what_is_told_of_definitions_is_all_that_would_refuse_them() {
    let journal = MemoryJournal::new();
    let engine = engine(EngineSettings::new().journal(journal));
    let recorded = |days| -> Definition { Recorded::new("kept", ["twice"], days).into() };
    let ago = |days| -> Definition { PastValue::new("ago", "twice", days).into() };
    let twice = attribute("twice", "seats * 2");
    engine.apply(Update::new().exactly([twice.clone(), recorded(30), ago(20)])).unwrap();
    let state = engine.published();
    let told = state.changes_to([twice.clone(), recorded(10), ago(20)]);
    assert_eq!(
        told.to_string(),
        "changes daily record `kept`\nkeeps   10 days of `twice` in the place of 30\n\
         breaks  past value `ago`: it reads 20 days of `twice`, of which 10 are kept"
    );
    assert!(matches!(&told.breaks[0].kind, CatalogFaultKind::KeptDays { days: 20, kept: 10, .. }));
    let refused = engine.apply(Update::new().exactly([twice.clone(), recorded(10), ago(20)])).unwrap_err();
    assert!(matches!(refused, EngineError::KeptDays(_)));
    let told = state.changes_to([twice.clone(), recorded(10), ago(9)]);
    assert!(told.breaks.is_empty() && !told.is_empty());
    assert_eq!(told.keeps_fewer.len(), 1);
    let told = state.changes_to([twice.clone(), ago(20)]);
    assert_eq!(told.to_string(), "leaves  daily record `kept`\nkeeps   no further days of `twice`");
    // A kind that the journal could not be read with.
    let [steady, ..] = customs(false);
    let told = state.changes_to([twice, recorded(30), ago(20), steady.into()]);
    assert_eq!(
        told.breaks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "hysteresis `steady`: `EngineSettings::kinds` has no version 1 of its kind with the same outputs, so that no journal could be restored with it"
        ]
    );
}

#[test]
fn settings_are_equal_by_the_name_of_their_zone_and_written_by_it() {
    let settings = UsageSettings::new().zone(FixedZone::east("CET", 60)).keep_days(7).ids_for_days(3);
    assert_eq!((settings.zone_name(), settings.kept_days(), settings.days_of_ids()), ("CET", Some(7), 3));
    let json = serde_json::to_string(&settings).unwrap();
    assert_eq!(
        json,
        r#"{"zone":"CET","keep_days":7,"ids_for_days":3,"ahead_days":1,"too_old":"count","faulty":"leave_out"}"#
    );
    // Two zones of one name are taken to be the same.
    assert_eq!(settings, settings.clone().zone(FixedZone::east("CET", 120)));
    assert_ne!(settings, settings.clone().keep_days(8));
}

#[test]
fn a_zone_is_what_the_engine_knows_by_its_name() {
    let journal = MemoryJournal::new();
    let live = engine(
        EngineSettings::new()
            .zones(Here)
            .journal(journal.clone())
            .usage(Usage::new(login(), UsageSettings::new())),
    );
    // The host says one hour; the engine knows ten by this name, and so does whoever restores it.
    let wrong = UsageSettings::new().zone(FixedZone::east("Here", 60));
    let late = Event::at("login", "a", "2025-12-31T15:00:00Z".parse().unwrap());
    live.apply(Update::new().usage_settings(wrong.clone()).events([late])).unwrap();
    let (again, _) = Engine::restore(EngineSettings::new().zones(Here), &journal.bytes(), None).unwrap();
    let [live, again] = [&live, &again].map(|engine| engine.published().usage().unwrap().to_snapshot());
    assert_eq!(live, again);

    // Settings of a zone of the same name do not mix days of both.
    let mut usage = Usage::new(login(), UsageSettings::new().zone(FixedZone::east("There", 600)));
    let at = |time: &str| Event::at("login", "a", time.parse().unwrap());
    usage.ingest([at("2025-12-31T15:00:00Z")], day(0)).unwrap();
    usage.set_settings(UsageSettings::new().zone(FixedZone::east("There", 0)).keep_days(90), day(0)).unwrap();
    usage.ingest([at("2025-12-31T15:30:00Z")], day(0)).unwrap();
    let one = {
        let mut usage = Usage::new(login(), UsageSettings::new().zone(FixedZone::east("There", 600)));
        usage.ingest([at("2025-12-31T15:00:00Z"), at("2025-12-31T15:30:00Z")], day(0)).unwrap();
        usage.buckets()
    };
    assert_eq!((usage.buckets(), one), (1, 1));
}

/// Whoever asks for more days of events than are kept is told so.
#[test]
fn windows_longer_than_what_is_kept_are_told() {
    let usage = UsageSchema::new([EventKind::new("login")]).unwrap();
    let kept = Usage::new(usage.clone(), UsageSettings::new().keep_days(30));
    let schema = Schema::builder().account_type("Company", Nesting::Free).build().unwrap();
    let day: Date = "2026-01-31".parse().unwrap();
    let engine = Engine::new(schema, AsOf::date_utc(day), EngineSettings::new().usage(kept)).unwrap();
    let over = |name: &str, last_days| {
        RollUp::new(name, Operator::Count).over(Over::Events { event: "login".into(), last_days })
    };
    engine
        .define([
            attribute("month", "events(\"login\").lastDays(30).count()"),
            attribute(
                "longer",
                "events(\"login\").lastDays(28 + 3).count() + events(\"login\").prevDays(7, 24).days()",
            ),
            attribute("before", "events(\"login\").prevDays(7, 23).count()"),
            attribute("since_1st", "events(\"login\").between(date(\"2026-01-01\"), today()).count()"),
            attribute("since_2nd", "events(\"login\").between(today() - 29, today()).count()"),
            attribute("a_day", "between(today(), date(\"2020-01-01\"), today()) ? 1 : 0"),
            Metric::new("logins", "events(\"login\").count()").into(),
            attribute("three_weeks", "metric(\"logins\").weekly().lastWeeks(3).sum().median()"),
            attribute("four_weeks", "events(\"login\").lastWeeks(4).count()"),
            attribute(
                "fourth_week",
                "events(\"login\").where(e, e.user == \"ann\").prevWeeks(1, 3).weekly().count().max()",
            ),
            over("all", None).into(),
            over("quarter", Some(90)).into(),
        ])
        .unwrap();
    let told = || -> Vec<String> {
        let view = engine.published().view(&Scope::all()).unwrap();
        view.lints().iter().map(|(id, lint)| format!("{id}: {lint}")).collect()
    };
    assert_eq!(
        told(),
        [
            "calculated attribute `longer`: W209: asks for events of 31 days back, and those of 30 are kept",
            "calculated attribute `longer`: W209: asks for events of 31 days back, and those of 30 are kept",
            "calculated attribute `since_1st`: W209: asks for events of 31 days back, and those of 30 are kept",
            // On a Saturday, in the week of Monday, the 26th.
            "calculated attribute `four_weeks`: W209: asks for events of 34 days back, and those of 30 are kept",
            "calculated attribute `fourth_week`: W209: asks for events of 34 days back, and those of 30 are kept",
            "roll-up `quarter`: W209: asks for events of 90 days back, and those of 30 are kept",
        ]
    );
    // It is said where the window stands.
    let view = engine.published().view(&Scope::all()).unwrap();
    let text = "events(\"login\").lastDays(28 + 3).count() + events(\"login\").prevDays(7, 24).days()";
    let places: Vec<&str> = view
        .lints()
        .iter()
        .filter(|(id, _)| *id.name == *"longer")
        .map(|(_, lint)| text.get(lint.span().start as usize..lint.span().end as usize).unwrap())
        .collect();
    assert_eq!(places, ["events(\"login\").lastDays(28 + 3)", "events(\"login\").prevDays(7, 24)"]);
    // Whole weeks begin with the current one: four of them fit until its third day.
    let weeks = |day: &str, week_start| {
        engine.advance(AsOf::date_utc(day.parse().unwrap()).with_week_start(week_start)).unwrap();
        told().iter().filter(|lint| lint.contains("week")).count()
    };
    assert_eq!(weeks("2026-02-02", Weekday::Monday), 0);
    assert_eq!(weeks("2026-02-03", Weekday::Monday), 0);
    assert_eq!(weeks("2026-02-04", Weekday::Monday), 2);
    assert_eq!(weeks("2026-02-04", Weekday::Wednesday), 0);
    engine.apply(Update::new().usage_settings(UsageSettings::new().keep_days(90))).unwrap();
    assert!(told().is_empty(), "{:?}", told());
}
