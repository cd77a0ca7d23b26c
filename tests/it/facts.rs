//! What was said of accounts and people: at any instant what held then, whatever else was said, and nothing of whom a scope does not show.

use crate::common::{as_of, config, id};
use perennial::aggregate::{EventKind, MAX_EVENT_FIELDS, UsageSchema};
use perennial::engine::{
    Engine, EngineError, EngineSettings, Fact, FactFaultKind, FactKey, FactKind, FactStep, Facts,
    MAX_FACT_KINDS, MemoryJournal, Update, compact,
};
use perennial::source::MemorySource;
use perennial::{
    AccountRow, Attribute, AttributeType, Change, Decimal, EnumValues, Nesting, Schema, Scope, Timestamp,
    Value,
};
use proptest::prelude::*;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_micros(1_769_817_600_000_000 + minute * 60_000_000).unwrap()
}

fn kinds() -> [FactStep; 2] {
    let fired = FactKind::of_accounts("fired")
        .field(Attribute::new("score", AttributeType::Decimal { scale: 1 }))
        .field(Attribute::new("why", AttributeType::Text).required());
    [FactStep::declare(fired), FactStep::declare(FactKind::of_people("member"))]
}

fn fired(account: &str, play: &str, minute: i64) -> Fact {
    Fact::since(FactKey::account("fired", &id(account), play), at(minute)).with("why", "late")
}

fn member(person: &str, team: &str) -> FactKey {
    FactKey::person("member", person, team)
}

#[test]
fn a_row_holds_from_its_instant_to_its_end() {
    let key = FactKey::account("fired", &id("a"), "p");
    let facts = Facts::new().with(kinds()).unwrap();
    let facts = facts
        .with([
            FactStep::append(fired("a", "p", 0).with("score", 3_i64)),
            FactStep::end(key.clone(), at(10)),
            FactStep::append(fired("a", "p", 10).until(at(20))),
            FactStep::append(Fact::at(key.clone(), at(25)).with("why", "now")),
            FactStep::append(fired("a", "p", 30)),
        ])
        .unwrap();
    let held = |minute: i64| facts.current(&key, at(minute)).map(|fact| fact.since);
    assert_eq!(
        [held(-1), held(0), held(9), held(10), held(19)],
        [None, Some(at(0)), Some(at(0)), Some(at(10)), Some(at(10))]
    );
    assert_eq!(
        [held(20), held(25), held(29), held(30), held(9_999)],
        [None, None, None, Some(at(30)), Some(at(30))]
    );
    assert_eq!((facts.len(), facts.rows(&key).count()), (4, 4));
    // A value is stored as its field has it, in the order of the fields.
    let first = facts.rows(&key).next().unwrap();
    assert_eq!(first.values[0], ("score".into(), Value::Decimal(Decimal::new(30, 1))));
    assert_eq!(first.value("why"), Some(&Value::text("late")));
}

#[test]
fn steps_that_cannot_be_are_told_all_at_once() {
    let facts = Facts::new().with(kinds()).unwrap().with([FactStep::append(fired("a", "p", 5))]).unwrap();
    let key = FactKey::account("fired", &id("a"), "p");
    let errors = facts
        .with([
            FactStep::append(fired("a", "p", 9)),
            FactStep::end(key.clone(), at(4)),
            FactStep::end(member("ann", "emea"), at(1)),
            FactStep::append(Fact::since(FactKey::account("fire", &id("a"), "p"), at(0))),
            FactStep::append(Fact::since(key.clone(), at(0)).with("whi", "x")),
            FactStep::append(Fact::since(FactKey::account("fired", &id("b"), ""), at(0))),
            FactStep::append(fired("b", "q", 3).with("score", "many")),
            FactStep::append(fired("b", "q", 3).until(at(2))),
            FactStep::append(Fact::since(FactKey::account("member", &id("a"), "t"), at(0))),
            FactStep::append(Fact::since(member(" ann", "t"), at(0))),
            FactStep::append(fired("b", "q", 3).with("why", "twice")),
            FactStep::declare(FactKind::of_people("fired")),
            FactStep::declare(FactKind::of_accounts("fired")),
            FactStep::declare(
                FactKind::of_people("member").field(Attribute::new("role", AttributeType::Text).required()),
            ),
            FactStep::end(key.clone(), at(6)),
            FactStep::append(fired("a", "p", 5)),
        ])
        .unwrap_err();
    let told = "step 1: `fired` `p` of account `a`: it holds since 2026-01-31T00:05:00Z; end it first
step 2: `fired` `p` of account `a`: it ends before it begins
step 3: `member` `emea` of person `ann`: there is none that has not ended
step 4: `fire` `p` of account `a`: there is no kind of fact `fire`; did you mean `fired`?
step 5: `fired` `p` of account `a`: whi: no such attribute; did you mean `why`?
step 6: `fired` of account `b`: why: required value is missing
step 7: `fired` `q` of account `b`: score: expected decimal, found text
step 8: `fired` `q` of account `b`: it ends before it begins
step 9: `member` `t` of account `a`: it is of an account where its kind is of people, or of a person where that is of accounts
step 10: `member` `t` of person ` ann`: ";
    assert!(errors.to_string().starts_with(told), "{errors}");
    let last: Vec<String> = errors.iter().skip(10).map(ToString::to_string).collect();
    assert_eq!(
        last,
        [
            "step 11: `fired` `q` of account `b`: field `why`: it has two values",
            "step 12: it is of an account where its kind is of people, or of a person where that is of accounts",
            "step 13: field `score`: rows have it, so that it stays",
            "step 14: field `role`: rows do not have it",
            "step 16: `fired` `p` of account `a`: the one before it ends later, at 2026-01-31T00:06:00Z",
        ]
    );
    assert!(matches!(errors.faults()[0].kind, FactFaultKind::Open { .. }));
}

/// Whatever a kind is declared as, its rows stay as they are, also where they are read back under the last declaration.
#[test]
fn a_kind_is_only_widened_and_unfit_ones_are_refused() {
    let values = |values: &[&str]| AttributeType::Enum(EnumValues::new(values.iter().copied()));
    let text = || Attribute::new("why", AttributeType::Text).max_bytes(9);
    let level = |of: &[&str]| Attribute::new("level", values(of));
    let declare = |fields: Vec<Attribute>| {
        FactStep::declare(fields.into_iter().fold(FactKind::of_accounts("k"), FactKind::field))
    };
    let key = FactKey::account("k", &id("a"), "");
    let row = Fact::since(key, at(0)).with("why", "nine long").with("level", "low");
    let journal = MemoryJournal::new();
    let engine = engine(EngineSettings::new().journal(journal.clone()));
    let first = declare(vec![text().required(), level(&["low", "high"])]);
    engine.apply(Update::new().facts([first, FactStep::append(row)])).unwrap();
    let why = |fields: Vec<Attribute>| {
        let errors = engine.apply(Update::new().facts([declare(fields)])).unwrap_err().to_string();
        errors.rsplit(": ").next().unwrap().to_owned()
    };
    let both = || level(&["low", "high"]);
    assert_eq!(why(vec![both(), text()]), "rows have it at its place, so that others come behind it");
    assert_eq!(
        why(vec![text(), Attribute::new("more", AttributeType::Int), both()]),
        "rows have it at its place, so that others come behind it"
    );
    assert_eq!(why(vec![text().max_bytes(8), both()]), "rows may have longer texts");
    assert_eq!(why(vec![text(), level(&["high", "more"])]), "rows have it, so that it stays of its type");
    assert_eq!(why(vec![text(), both().required()]), "rows need not have it");
    assert_eq!(why(vec![text()]), "rows have it, so that it stays");
    // What no document can hold is no field.
    let with = |field: Attribute| why(vec![text(), both(), field]);
    assert_eq!(
        with(Attribute::new("x", AttributeType::Decimal { scale: 12 })),
        "scale 12 is out of range; 0 to 9 digits after the point are possible"
    );
    for field in [
        Attribute::new("", AttributeType::Int),
        Attribute::new("x", AttributeType::Text).max_bytes(0),
        Attribute::new("x", values(&[])),
        Attribute::new("x", AttributeType::Int).applies_to(["Company"]),
        Attribute::new("x", AttributeType::MixedMoney { currency_column: "c".into() }),
    ] {
        assert!(!with(field).is_empty());
    }
    // Wider in all ways; what is read back is the same.
    let wider = vec![
        text().max_bytes(20),
        level(&["high", "top", "low"]),
        Attribute::new("more", AttributeType::Decimal { scale: 9 }),
    ];
    engine.apply(Update::new().facts([declare(wider)])).unwrap();
    let shorter = compact(EngineSettings::new(), &journal.bytes()).unwrap();
    for bytes in [journal.bytes(), shorter] {
        let (again, _) = Engine::restore(EngineSettings::new(), &bytes, None).unwrap();
        assert_eq!(again.published().facts(), engine.published().facts());
        assert_eq!(again.published().facts().len(), 1);
    }
}

#[test]
fn an_unfit_field_of_an_event_is_refused() {
    let kind = EventKind::new("call").measure(Attribute::new("cost", AttributeType::Decimal { scale: 12 }));
    let error = UsageSchema::new([kind]).unwrap_err().to_string();
    assert!(error.contains("`cost`") && error.contains("scale 12 is out of range"), "{error}");
}

#[test]
fn the_same_kinds_in_another_order_are_others_and_documents_are_read_strictly() {
    let kinds = || ["k", "l"].map(FactKind::of_accounts).map(FactStep::declare);
    let (mut turned, straight) = (kinds(), Facts::new().with(kinds()).unwrap());
    turned.reverse();
    assert_ne!(Facts::new().with(turned).unwrap(), straight);
    assert_eq!(Facts::new().with(kinds()).unwrap(), straight);
    let step = FactStep::append(Fact::since(FactKey::account("k", &id("a"), ""), at(0)));
    let text = serde_json::to_string(&step).unwrap();
    assert_eq!(serde_json::from_str::<FactStep>(&text).unwrap(), step);
    let misspelt = text.replace("\"since\"", "\"untill\":\"2026-02-01T00:00:00Z\",\"since\"");
    assert!(serde_json::from_str::<FactStep>(&misspelt).unwrap_err().to_string().contains("untill"));
}

#[test]
fn the_limits_of_kinds_are_named() {
    let kinds =
        |count: usize| (0..count).map(|at| FactStep::declare(FactKind::of_accounts(&format!("k{at}"))));
    assert_eq!(Facts::new().with(kinds(MAX_FACT_KINDS)).unwrap().kinds().len(), MAX_FACT_KINDS);
    let errors = Facts::new().with(kinds(MAX_FACT_KINDS + 1)).unwrap_err();
    assert_eq!(errors.to_string(), "step 4097: more than 4096 kinds of fact");
    let wide = |count: usize| {
        let fields = (0..count).map(|at| Attribute::new(&format!("f{at}"), AttributeType::Int));
        Facts::new().with([FactStep::declare(fields.fold(FactKind::of_people("k"), FactKind::field))])
    };
    assert!(wide(MAX_EVENT_FIELDS).is_ok());
    let told = format!("step 1: {} fields; the limit is {MAX_EVENT_FIELDS}", MAX_EVENT_FIELDS + 1);
    assert_eq!(wide(MAX_EVENT_FIELDS + 1).unwrap_err().to_string(), told);
}

/// Many rows of one key are found as few are, also across the runs in which they are kept.
#[test]
fn thousands_of_rows_of_one_key() {
    let key = FactKey::account("fired", &id("a"), "p");
    let mut facts = Facts::new().with(kinds()).unwrap();
    for minute in 0..1_000 {
        let row = fired("a", "p", minute * 10).until(at(minute * 10 + 5));
        facts = facts.with([FactStep::append(row)]).unwrap();
    }
    for minute in 0..10_000 {
        let holds = facts.current(&key, at(minute)).map(|row| row.since);
        assert_eq!(holds, (minute % 10 < 5).then(|| at(minute / 10 * 10)), "{minute}");
    }
    assert_eq!(facts.rows(&key).count(), 1_000);
    assert!(facts.rows(&key).rev().is_sorted_by(|later, row| later.since > row.since));
}

#[test]
fn facts_of_a_merged_account_are_there_for_who_sees_its_heir() {
    let engine = engine(EngineSettings::new());
    engine.apply(Update::new().facts(kinds()).facts([FactStep::append(fired("a", "p", 0))])).unwrap();
    engine.apply(Change::new().merge(&id("a"), &id("b"), as_of().date())).unwrap();
    let state = engine.published();
    let seen = |scope: &Scope| {
        let view = state.view(scope).unwrap();
        (view.facts("a").count(), view.facts("b").count())
    };
    assert_eq!(seen(&Scope::all()), (1, 0));
    assert_eq!(seen(&Scope::of(state.book().accounts([]))), (0, 0));
    // The heir alone, and somebody else.
    assert_eq!(seen(&Scope::of(state.book().accounts(["b"]))), (1, 0));
    assert_eq!(seen(&Scope::of(state.book().accounts(["c"]))), (0, 0));
}

fn engine(settings: EngineSettings) -> Engine {
    let schema = Schema::builder().account_type("Company", Nesting::Free).build().unwrap();
    let engine = Engine::new(schema, as_of(), settings).unwrap();
    engine
        .load(&MemorySource::new().accounts(["a", "b", "c"].map(|name| AccountRow::new(id(name), "Company"))))
        .unwrap();
    engine
}

#[test]
fn facts_are_part_of_a_state_and_shown_to_who_sees_the_account() {
    let journal = MemoryJournal::new();
    let engine = engine(EngineSettings::new().journal(journal.clone()));
    let before = engine.published();
    let both = [
        FactStep::append(fired("a", "p", 0)),
        FactStep::append(fired("b", "p", 0)),
        FactStep::append(Fact::since(member("ann", "emea"), at(0))),
    ];
    engine.apply(Update::new().facts(kinds()).facts(both)).unwrap();
    let state = engine.published();
    assert_eq!((before.facts().len(), state.facts().len()), (0, 3));
    // Nothing of an update that is refused, whatever is wrong with it.
    let again =
        Update::new().facts([FactStep::append(fired("b", "q", 0)), FactStep::append(fired("a", "p", 1))]);
    assert!(matches!(engine.apply(again).unwrap_err(), EngineError::Facts(_)));
    assert_eq!(engine.published().facts(), state.facts());
    let scope = Scope::of(state.book().accounts(["a"]));
    let seen = state.view(&scope).unwrap();
    assert_eq!((seen.facts("a").count(), seen.facts("b").count(), seen.facts("nobody").count()), (1, 0, 0));
    assert_eq!((state.facts().of_person("ann").count(), state.facts().of_person("a").count()), (1, 0));
    // A branch has its own.
    let mut branch = state.branch();
    branch.apply(Update::new().facts([FactStep::end(member("ann", "emea"), at(5))])).unwrap();
    assert!(engine.published().facts().current(&member("ann", "emea"), at(6)).is_some());
    engine.take_over(&branch).unwrap();
    assert!(engine.published().facts().current(&member("ann", "emea"), at(6)).is_none());
    let last = engine.published();
    for bytes in [journal.bytes(), compact(EngineSettings::new(), &journal.bytes()).unwrap()] {
        let (again, restored) = Engine::restore(EngineSettings::new(), &bytes, None).unwrap();
        assert_eq!((restored.version, again.published().facts()), (last.version(), last.facts()));
    }
    let (then, _) = Engine::restore(EngineSettings::new(), &journal.bytes(), Some(state.version())).unwrap();
    assert_eq!(then.published().facts(), state.facts());
}

proptest! {
    #![proptest_config(config(64))]

    /// What holds at an instant is what a list of all that was said has last; the same facts in any order of keys are the same.
    #[test]
    fn what_holds_is_what_was_said_last(steps in prop::collection::vec((0_u8..3, 0_u8..4, 0_u8..2, 0_i64..40, any::<bool>()), 0..40)) {
        let mut facts = Facts::new().with(kinds()).unwrap();
        // What is said of each key, as a list that is searched from its end.
        let mut said: Vec<(FactKey, i64, Option<i64>)> = Vec::new();
        for (what, who, which, minute, closed) in steps {
            let (account, play) = (["a", "b", "c", "d"][usize::from(who)], ["p", "q"][usize::from(which)]);
            let key = FactKey::account("fired", &id(account), play);
            let last = said.iter().rposition(|(known, ..)| *known == key);
            let last_row = last.map(|at| said[at].clone());
            if what == 0 {
                let done = facts.with([FactStep::end(key.clone(), at(minute))]);
                let is_right = last_row.is_some_and(|(_, since, until)| until.is_none() && minute >= since);
                prop_assert_eq!(done.is_ok(), is_right);
                if let Ok(next) = done {
                    facts = next;
                    said[last.unwrap()].2 = Some(minute);
                }
            } else {
                let until = closed.then_some(minute + i64::from(what) - 1);
                let fact = fired(account, play, minute);
                let fact = match until { Some(until) => fact.until(at(until)), None => fact };
                let done = facts.with([FactStep::append(fact)]);
                let is_right = last_row.is_none_or(|(_, _, until)| until.is_some_and(|until| until <= minute));
                prop_assert_eq!(done.is_ok(), is_right);
                if let Ok(next) = done {
                    facts = next;
                    said.push((key, minute, until));
                }
            }
        }
        prop_assert_eq!(facts.len(), said.len());
        for minute in -1..45 {
            for (key, ..) in &said {
                let holds = said.iter().find(|(known, since, until)| known == key && *since <= minute && until.is_none_or(|until| minute < until));
                prop_assert_eq!(facts.current(key, at(minute)).map(|fact| fact.since), holds.map(|(_, since, _)| at(*since)));
            }
        }
        // Said again by key, they are the same facts.
        let all: Vec<FactStep> = facts.all().into_iter().cloned().map(FactStep::append).collect();
        let again = Facts::new().with(kinds()).unwrap().with(all).unwrap();
        prop_assert_eq!(&again, &facts);
        let of_each: usize = ["a", "b", "c", "d"].iter().map(|account| facts.of_account(&id(account)).count()).sum();
        prop_assert_eq!(of_each, facts.len());
    }
}
