//! What was said of accounts and people: at any instant what held then, whatever else was said, and nothing of whom a scope does not show.

use crate::common::{as_of, config, id};
use perennial::engine::{
    Engine, EngineError, EngineSettings, Fact, FactFaultKind, FactKey, FactKind, FactStep, Facts,
    MemoryJournal, Update, compact,
};
use perennial::source::MemorySource;
use perennial::{AccountRow, Attribute, AttributeType, Decimal, Nesting, Schema, Scope, Timestamp, Value};
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
    assert_eq!((facts.len(), facts.rows(&key).len()), (4, 4));
    // A value is stored as its field has it, in the order of the fields.
    let first = &facts.rows(&key)[0];
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
    // A kind gets more fields, and its rows stay.
    let wider = FactKind::of_accounts("fired")
        .field(Attribute::new("more", AttributeType::Int))
        .field(Attribute::new("why", AttributeType::Text))
        .field(Attribute::new("score", AttributeType::Decimal { scale: 1 }));
    let facts = facts
        .with([FactStep::declare(wider), FactStep::append(fired("c", "p", 1).with("more", 1_i64))])
        .unwrap();
    assert_eq!(facts.len(), 2);
}

fn engine(settings: EngineSettings) -> Engine {
    let schema = Schema::builder().account_type("Company", Nesting::Free).build().unwrap();
    let engine = Engine::new(schema, as_of(), settings).unwrap();
    engine
        .load(&MemorySource::new().accounts(["a", "b"].map(|name| AccountRow::new(id(name), "Company"))))
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
