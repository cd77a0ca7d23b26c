//! Days that are closed: what an engine records of them, keeps, tells in a scope, and brings back with a journal.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::common::definitions::{attribute, definitions, roll_up};
use crate::common::kinds::kinds;
use crate::common::{ATTRIBUTES, as_of, config, forest, id, id_of, schema, value_of};
use crate::engine::{engine_over, is_of_definitions, is_of_subscriptions, loaded_again, step};
use perennial::aggregate::{EventKind, Operator, Usage, UsageSchema, UsageSettings};
use perennial::catalog::{
    Catalog, Definition, DefinitionKind, DefinitionRef, History, MemoryHistory, PastValue, Recorded, Records,
    RunInputs,
};
use perennial::engine::{Engine, EngineSettings, LiveView, MemoryJournal, Update, compact};
use perennial::expr::ExprValue;
use perennial::{
    AccountId, AsOf, Change, Currency, Date, Decimal, ExchangeRate, FixedZone, Rates, Scope, Timestamp,
};
use proptest::prelude::*;

const COLUMNS: [&str; 9] =
    ["seats", "score", "region", "arr", "tags", "seats_sum", "half", "before", "euros"];

fn all() -> Vec<Definition> {
    vec![
        Recorded::new("daily", COLUMNS, 9).into(),
        attribute("half", "ratio(seats, 2)"),
        attribute("euros", "arr.convertTo(\"EUR\")"),
        roll_up("seats_sum", Operator::Sum("seats".into())).into(),
        // Its own past is recorded, too: a chain from day to day.
        PastValue::new("before", "half", 1).into(),
        attribute("sum_grows", "seats_sum > sum_before"),
        PastValue::new("sum_before", "seats_sum", 1).into(),
        PastValue::new("then", "seats", 2).on_that_day().into(),
    ]
}

fn engine(seeds: &[[u8; 5]], settings: EngineSettings) -> Engine {
    let engine = Engine::new(schema(), as_of(), settings).unwrap();
    engine.load(&forest(seeds).source()).unwrap();
    engine.define(all()).unwrap();
    engine
}

fn day(number: i32) -> Date {
    as_of().date().plus_days(number).unwrap()
}

fn ids() -> Vec<AccountId> {
    (0..40).map(id_of).chain((0..30).map(|number| id(&format!("new-{number}")))).collect()
}

/// What every column was on every day, by a fresh run over the accounts as they were before the update that closed it.
fn record(state: &perennial::engine::Published, on: Date, model: &mut MemoryHistory, kept: &MemoryHistory) {
    let zone = FixedZone::utc();
    let end = Timestamp::start_of(on.plus_days(1).unwrap()).micros() - 1;
    let at = AsOf::at(Timestamp::from_micros(end).unwrap()).with_zone(zone);
    let whole = state.view(&Scope::all()).unwrap();
    let book = loaded_again(whole.accounts(), 64);
    let view = book.view(&Scope::all(), at).unwrap();
    let catalog = state.catalog();
    let fresh = Catalog::new(book.schema(), catalog.usage_schema(), catalog.definitions().to_vec()).unwrap();
    let rates: Arc<dyn Rates> = Arc::new(state.rates().clone());
    let derived = fresh.run_observed(&view, RunInputs::new().history(kept).rates(&rates), &()).unwrap();
    for account in view.accounts() {
        for column in COLUMNS {
            let value = match account.value(column) {
                Some(value) => Some(perennial::testkit::shown(&value)),
                None => derived.value(column, account),
            };
            model.record(account.id_str(), column, on, value);
        }
    }
}

proptest! {
    #![proptest_config(config(48))]

    /// Every day that is closed is what the accounts came to at its end, whatever came between; and what is read of it is that.
    #[test]
    fn what_is_recorded_is_what_was(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..12),
        steps in prop::collection::vec(any::<[u8; 5]>(), 1..24),
    ) {
        let engine = engine(&seeds, EngineSettings::new());
        let mut model = MemoryHistory::new();
        let mut closed: BTreeSet<Date> = BTreeSet::new();
        for (number, bytes) in steps.iter().enumerate() {
            let [what, who, which, value, more] = *bytes;
            let before = engine.published();
            let today = before.as_of().date();
            let ids: Vec<AccountId> = {
                let view = before.view(&Scope::all()).unwrap();
                let mut ids: Vec<AccountId> = view.accounts().accounts().map(|account| account.id()).collect();
                ids.sort();
                ids
            };
            let at = |byte: u8| ids.get(usize::from(byte) % ids.len().max(1)).cloned().unwrap_or_else(|| id("x"));
            let name = ATTRIBUTES[usize::from(which) % ATTRIBUTES.len()];
            let mut update: Update = match what % 6 {
                0 => Change::new().remove_subtree(&at(who)).into(),
                1 => {
                    let row = perennial::AccountRow::new(id(&format!("new-{number}")), "Company");
                    Change::new().add(row.with("seats", i64::from(value))).into()
                }
                2 => Change::new().move_under(&at(who), &at(which)).into(),
                _ => Change::new().set(&at(who), name, value_of(name, value).unwrap()).into(),
            };
            let jump = i32::from(more % 4);
            let mut days = Vec::new();
            if jump > 0 {
                let hour = AsOf::at(Timestamp::from_micros(
                    Timestamp::start_of(today.plus_days(jump).unwrap()).micros() + i64::from(value) * 1_000_000,
                ).unwrap());
                update = update.moment(hour);
                days.push(today);
                for skipped in 1..jump {
                    if (value >> skipped) & 1 == 1 {
                        days.push(today.plus_days(skipped).unwrap());
                    }
                }
                update = update.close_days(days.iter().skip(1).copied());
                // A rate that comes with the moment is none of the days that are closed.
                if who % 3 == 0 {
                    let on = today.plus_days(i32::from(value % 8) - 5).unwrap();
                    let rate = Decimal::new(i128::from(which) + 1, 2);
                    update = update.rates([ExchangeRate::market(Currency::USD, Currency::EUR, on, rate)]);
                }
            }
            let Ok(applied) = engine.apply(update) else { continue };
            prop_assert_eq!(applied.closed.iter().map(|of| of.day).collect::<Vec<_>>(), days.clone());
            for on in days {
                let known = model.clone();
                record(&before, on, &mut model, &known);
                closed.insert(on);
            }
            let state = engine.published();
            let records = state.records();
            let last = closed.last().copied();
            for column in COLUMNS {
                // Nine days before the last one, and the one that holds until the first of them.
                let first = last.map(|last| last.plus_days(-9).unwrap());
                let before = closed.iter().filter(|on| first.is_some_and(|first| **on < first)).max();
                let from = before.copied().or(first);
                let kept: Vec<Date> = closed.iter().copied().filter(|on| from.is_some_and(|from| *on >= from)).collect();
                prop_assert_eq!(records.days(column).collect::<Vec<_>>(), kept.clone());
                let from = kept.first().copied().unwrap_or(Date::MAX);
                for account in self::ids() {
                    let account = account.as_str();
                    let expected = model.each(account, column, from, Date::MAX);
                    prop_assert_eq!(records.each(account, column, Date::MIN, Date::MAX), expected, "{} {}", account, column);
                    for back in 0..12 {
                        let on = today.plus_days(-back).unwrap();
                        let expected = model.last(account, column, on).filter(|(day, _)| *day >= from);
                        prop_assert_eq!(records.last(account, column, on), expected);
                    }
                }
            }
            // A host that recorded the same has the same, and whoever wrote something else is told of that.
            let known: Vec<Date> = records.days("seats").collect();
            if let (Some(first), Some(last)) = (known.first(), known.last()) {
                let days = (*first, Date::MAX);
                prop_assert_eq!(state.compare_records(&model, &COLUMNS, &self::ids(), days), []);
                let mut other = model.clone();
                let (wrong, account) = (Some(ExprValue::Text("wrong".into())), id_of(0));
                other.record(account.as_str(), "half", *last, wrong.clone());
                let found = state.compare_records(&other, &COLUMNS, &self::ids(), days);
                prop_assert_eq!(found.len(), 1);
                prop_assert_eq!((&*found[0].column, &found[0].account, found[0].day), ("half", &account, *last));
                prop_assert_eq!(&found[0].recorded, &records.on(account.as_str(), "half", *last));
                prop_assert_eq!(&found[0].by_host, &Some(wrong));
                // Beyond those days there is nothing of either.
                let later = last.plus_days(1).unwrap();
                prop_assert_eq!(state.compare_records(&other, &COLUMNS, &self::ids(), (later, Date::MAX)), []);
                // Whoever recorded nothing is told of every record; who asks of no column or nobody is told of nothing.
                let nothing = MemoryHistory::new();
                let found = state.compare_records(&nothing, &["half", "euros"], &self::ids(), days);
                let mut told = Vec::new();
                for of in found {
                    prop_assert_eq!(&of.by_host, &None);
                    let recorded = of.recorded.expect("recorded by the state");
                    told.push((of.column.to_string(), of.account.to_string(), of.day, recorded));
                }
                let mut expected = Vec::new();
                for column in ["half", "euros"] {
                    for account in self::ids() {
                        for (day, value) in model.each(account.as_str(), column, days.0, days.1) {
                            expected.push((column.to_owned(), account.to_string(), day, value));
                        }
                    }
                }
                prop_assert_eq!(told, expected);
                prop_assert_eq!(state.compare_records(&nothing, &[], &self::ids(), days), []);
                prop_assert_eq!(state.compare_records(&nothing, &COLUMNS, &[], days), []);
            }
            // The same days make the same records.
            let again = Records::new().with(&records.to_days()).unwrap();
            prop_assert_eq!(again.to_days(), records.to_days());
            for (account, column) in self::ids().iter().zip(COLUMNS.iter().cycle()) {
                let of = |records: &Records| records.each(account.as_str(), column, Date::MIN, Date::MAX);
                prop_assert_eq!(of(&again), of(records));
            }
        }
    }

    /// A journal holds what was recorded: what comes back is the same, and goes on the same.
    #[test]
    fn records_come_back_with_a_journal(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..12),
        steps in prop::collection::vec(any::<[u8; 5]>(), 1..16),
    ) {
        let journal = MemoryJournal::new();
        let kinds = || EngineSettings::new().kinds(crate::common::kinds::kinds());
        let engine = engine(&seeds, kinds().journal(journal.clone()));
        for (number, bytes) in steps.iter().enumerate() {
            if number % 2 == 0 {
                let today = engine.published().as_of().date();
                let next = AsOf::date_utc(today.plus_days(i32::from(bytes[0] % 3)).unwrap());
                engine.apply(Update::new().moment(next)).unwrap();
            }
            if !is_of_definitions(*bytes) && !is_of_subscriptions(*bytes) {
                let _ = step(&engine, *bytes, number);
            }
        }
        let days = engine.published().records().to_days();
        // However often it is written and read, it is the same bytes.
        let short = |journal: &MemoryJournal| compact(kinds(), &journal.bytes()).unwrap();
        let once = MemoryJournal::from(short(&journal));
        prop_assert_eq!(short(&once), once.bytes());
        for compacted in [false, true] {
            if compacted {
                engine.compact_journal().unwrap();
            }
            let (again, restored) = Engine::restore(kinds(), &journal.bytes(), None).unwrap();
            prop_assert_eq!(restored.damage, None);
            prop_assert_eq!(again.published().records().to_days(), days.clone());
            let next = AsOf::date_utc(again.published().as_of().date().plus_days(1).unwrap());
            let (one, two) = (again.apply(Update::new().moment(next.clone())).unwrap(), {
                let branch = engine.published().branch();
                let mut branch = branch;
                branch.apply(Update::new().moment(next)).unwrap();
                branch.published().records().to_days()
            });
            prop_assert_eq!(one.delta.to().records().to_days(), two);
        }
    }
}

proptest! {
    #![proptest_config(config(32))]

    /// Whatever stands outside a scope, below what it shows or elsewhere: days that were closed over it tell the scope nothing of it.
    #[test]
    fn nothing_that_is_hidden_shows_in_the_past(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..8),
        hidden in prop::collection::vec((any::<[u8; 4]>(), any::<bool>()), 1..10),
        steps in prop::collection::vec(any::<[u8; 5]>(), 1..12),
    ) {
        let login = UsageSchema::new([EventKind::new("login")]).unwrap();
        let settings = || {
            EngineSettings::new().usage(Usage::new(login.clone(), UsageSettings::new())).kinds(kinds())
        };
        let engines: Vec<Engine> = [true, false].map(|which| {
            let engine = Engine::new(schema(), as_of(), settings()).unwrap();
            engine.load(&forest(&seeds).source()).unwrap();
            let visible = engine.published();
            let ids: Vec<AccountId> = visible.view(&Scope::all()).unwrap().accounts().accounts().map(|of| of.id()).collect();
            // Some stand in both engines with other values, others in one only.
            for (number, ([place, seats, kind, score], is_both)) in hidden.iter().enumerate() {
                if !is_both && which {
                    continue;
                }
                let seats = if which { i64::from(*seats) } else { i64::from(*score) + 7 };
                let row = perennial::AccountRow::new(id(&format!("hidden-{number}")), ["Group", "Company"][usize::from(kind % 2)]);
                let row = row.with("seats", seats).with("active", which).with("score", value_of("score", *score).unwrap());
                let under = &ids[usize::from(*place) % ids.len()];
                let row = if place % 3 == 0 { row } else { row.under(under.clone()) };
                let _ = engine.apply(Change::new().add(row));
            }
            engine
        }).into();
        let ids: Vec<AccountId> = {
            let view = engines[0].published().view(&Scope::all()).unwrap();
            let all = view.accounts().accounts().map(|of| of.id());
            all.filter(|of| !of.as_str().starts_with("hidden")).collect()
        };
        let all = definitions(false);
        for engine in &engines {
            engine.define(all.clone()).unwrap();
        }
        for bytes in &steps {
            let [what, who, which, value, more] = *bytes;
            let (account, name) = (&ids[usize::from(who) % ids.len()], ATTRIBUTES[usize::from(which) % ATTRIBUTES.len()]);
            let today = engines[0].published().as_of().date();
            let next = today.plus_days(i32::from(more % 3)).unwrap();
            let update = Update::from(Change::new().set(account, name, value_of(name, value).unwrap()));
            let update = if what % 2 == 0 { update.moment(AsOf::date_utc(next)) } else { update };
            let done: Vec<bool> = engines.iter().map(|engine| engine.apply(update.clone()).is_ok()).collect();
            prop_assert_eq!(done[0], done[1]);
            let views: Vec<LiveView> = engines.iter().map(|engine| {
                let state = engine.published();
                let scope = Scope::of(state.book().accounts(ids.iter().map(AccountId::as_str)));
                state.view(&scope).unwrap()
            }).collect();
            for definition in &all {
                for account in &ids {
                    let said = |view: &LiveView| {
                        let of = view.account(account.as_str()).unwrap();
                        let name = definition.name();
                        let below = ["steady.band", "steady.previous", "steady.days"].map(|name| view.value(name, of));
                        (view.value(name, of), view.counts(name, of), view.is_member(name, of), below)
                    };
                    prop_assert_eq!(said(&views[0]), said(&views[1]), "{} of {}", definition.name(), account);
                }
            }
        }
    }
}

fn simple() -> Engine {
    let engine = engine(&[[0, 0, 9, 3, 4]], EngineSettings::new());
    engine.apply(Change::new().set(&id_of(0), "seats", 10_i64)).unwrap();
    engine
}

fn moved(engine: &Engine, number: i32) -> perennial::engine::Applied {
    engine.apply(Update::new().moment(AsOf::date_utc(day(number)))).unwrap()
}

fn value(engine: &Engine, column: &str) -> Option<String> {
    let view = engine.published().view(&Scope::all()).unwrap();
    view.value(column, view.account(id_of(0).as_str()).unwrap()).map(|value| value.to_string())
}

#[test]
fn a_day_that_was_not_closed_has_no_record() {
    let engine = simple();
    moved(&engine, 3);
    assert_eq!(engine.published().records().days("seats").collect::<Vec<_>>(), [day(0)]);
    // Two days ago nothing was recorded; the last record before it is of another day.
    assert_eq!((value(&engine, "then"), value(&engine, "before")), (None, Some("5".into())));
    moved(&engine, 2);
    assert_eq!(value(&engine, "then"), Some("10".into()));
    // Going back and forth again closes no day twice.
    moved(&engine, 0);
    assert!(moved(&engine, 1).closed.is_empty());
}

#[test]
fn what_is_the_same_is_stored_once_and_late_data_change_no_record() {
    let engine = simple();
    let one = moved(&engine, 1);
    let of = |applied: &perennial::engine::Applied, column: &str| {
        let column = applied.closed[0].columns.iter().find(|of| &*of.column == column).unwrap().clone();
        (column.changed.len(), column.absent.len(), column.alone)
    };
    assert_eq!((of(&one, "seats"), of(&one, "seats_sum")), ((1, 0, true), (1, 0, false)));
    assert_eq!(of(&moved(&engine, 2), "seats"), (0, 0, true));
    engine.apply(Change::new().set(&id_of(0), "seats", 11_i64)).unwrap();
    assert_eq!(of(&moved(&engine, 3), "seats"), (1, 0, true));
    let records = engine.published().records().clone();
    let on = |number| records.on(id_of(0).as_str(), "seats", day(number)).flatten();
    assert_eq!([on(0), on(1), on(2)], [10, 10, 11].map(|seats| Some(ExprValue::Int(seats))));
    assert_eq!(on(3), None);
    engine.apply(Change::new().remove(&id_of(0))).unwrap();
    assert_eq!(of(&moved(&engine, 4), "seats"), (0, 1, true));
    assert_eq!(engine.published().records().on(id_of(0).as_str(), "seats", day(3)), None);
    // What it was is still known.
    assert_eq!(
        engine.published().records().last(id_of(0).as_str(), "seats", day(3)),
        Some((day(2), Some(ExprValue::Int(11))))
    );
}

/// A column whose past read others passes that on to whatever records what is read of it.
#[test]
fn what_was_withheld_is_not_told_by_a_record_of_it() {
    let engine = engine(&[], EngineSettings::new());
    let row = |name: &str, seats: i64| perennial::AccountRow::new(id(name), "Company").with("seats", seats);
    engine.apply(Change::new().add(row("top", 10)).add(row("below", 5).under(id("top")))).unwrap();
    engine
        .define([
            attribute("x", "seats_sum"),
            PastValue::new("x_before", "x", 1).into(),
            PastValue::new("x_before_before", "x_before", 1).into(),
            Recorded::new("more", ["x", "x_before"], 30).into(),
        ])
        .unwrap();
    moved(&engine, 1);
    // It reads nobody else from now on.
    engine.define([attribute("x", "seats")]).unwrap();
    moved(&engine, 2);
    moved(&engine, 3);
    let state = engine.published();
    let asked = |scope: &Scope, column: &str| {
        let view = state.view(scope).unwrap();
        view.value(column, view.account("top").unwrap()).map(|value| value.to_string())
    };
    let only = Scope::of(state.book().accounts(["top"]));
    assert_eq!(
        (asked(&Scope::all(), "x_before"), asked(&only, "x_before")),
        (Some("10".into()), Some("10".into()))
    );
    // On the second day it was 15.
    let on = |column: &str, number| state.records().on("top", column, day(number)).flatten();
    assert_eq!((on("x_before", 1), on("x", 0)), (Some(ExprValue::Int(15)), Some(ExprValue::Int(15))));
    assert_eq!(asked(&only, "x_before_before"), None);
    moved(&engine, 2);
    let state = engine.published();
    let view = state.view(&Scope::of(state.book().accounts(["top"]))).unwrap();
    assert_eq!(view.value("x_before_before", view.account("top").unwrap()), None);
}

#[test]
fn a_column_that_was_imported_does_not_keep_others_from_being_recorded() {
    let engine = simple();
    let mut past = MemoryHistory::new();
    past.record("a", "rate", day(-1), Some(ExprValue::Double(0.5)));
    past.record("a", "seats", day(-1), Some(ExprValue::Int(1)));
    past.record("a", "score", day(0), None);
    let import = |from, to| {
        engine.published().import(
            &past,
            &["rate", "seats", "seats", "score"],
            &[id("a")],
            (day(from), day(to)),
        )
    };
    let columns =
        |days: &[perennial::catalog::RecordedDay]| days.iter().map(|of| of.columns.len()).collect::<Vec<_>>();
    assert_eq!(columns(&import(-5, 0)), [2, 1]);
    // What is not over is not recorded, by nobody.
    let error = engine.apply(Update::new().records(import(-5, 0))).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the days were refused: {}: the day is not over: the state is of {}", day(0), day(0))
    );
    let both = Update::new().records(import(-5, 0)).moment(AsOf::date_utc(day(1)));
    let applied = engine.apply(both).unwrap();
    let closed: Vec<_> = applied.closed.iter().map(|of| (of.day, of.columns.len())).collect();
    assert_eq!(closed, [(day(0), COLUMNS.len() - 1)]);
    let records = engine.published().records().clone();
    assert_eq!(records.each("a", "seats", day(-9), day(9)), past.each("a", "seats", day(-9), day(9)));
    assert_eq!(records.on("a", "seats", day(0)), None);
}

#[test]
fn a_day_before_a_recorded_one_cannot_be_closed_any_more() {
    let engine = simple();
    moved(&engine, 3);
    moved(&engine, 4);
    moved(&engine, 1);
    let update = Update::new().moment(AsOf::date_utc(day(3))).close_days([day(2)]);
    let error = engine.apply(update).unwrap_err().to_string();
    assert!(error.ends_with(&format!("days are recorded in order, and {} is already", day(3))), "{error}");
    assert!(moved(&engine, 3).closed.is_empty());
}

/// The weekend was not closed: on Tuesday, what held two days ago is of Friday.
#[test]
fn the_last_day_before_those_that_are_kept_holds_until_the_first() {
    let engine = engine(&[[0, 0, 9, 3, 4]], EngineSettings::new());
    let short = Recorded::new("daily", ["seats"], 2);
    let gone: Vec<DefinitionRef> = ["before", "sum_before"]
        .map(|name| DefinitionRef { kind: DefinitionKind::Past, name: name.into() })
        .into();
    let grows = DefinitionRef { kind: DefinitionKind::Attribute, name: "sum_grows".into() };
    let update = gone.into_iter().chain([grows]).fold(Update::new(), Update::remove);
    engine.apply(update.define(short).define(PastValue::new("p", "seats", 2))).unwrap();
    engine.apply(Change::new().set(&id_of(0), "seats", 7_i64)).unwrap();
    moved(&engine, 3);
    engine.apply(Change::new().set(&id_of(0), "seats", 8_i64)).unwrap();
    moved(&engine, 4);
    assert_eq!(value(&engine, "p").as_deref(), Some("7"));
    engine
        .apply(Update::new().subscribe(DefinitionRef { kind: DefinitionKind::Past, name: "p".into() }))
        .unwrap();
    for number in 5..12 {
        moved(&engine, number);
        assert_eq!(value(&engine, "p").as_deref(), Some("8"));
    }
    assert_eq!(engine.published().records().days("seats").count(), 4);
}

#[test]
fn a_day_is_over_in_another_zone_too() {
    let engine = simple();
    let late = Timestamp::from_micros(Timestamp::start_of(day(1)).micros() - 3_600_000_000).unwrap();
    engine.apply(Update::new().moment(AsOf::at(late))).unwrap();
    let tokyo = AsOf::at(late).with_zone(FixedZone::east("+09:00", 540));
    let applied = engine.apply(Update::new().moment(tokyo.clone())).unwrap();
    assert_eq!(applied.closed.iter().map(|of| of.day).collect::<Vec<_>>(), [day(0)]);
    assert_eq!(engine.published().as_of().date(), day(1));
    // Back in the other zone it is the day before again, which is closed.
    assert!(engine.apply(Update::new().moment(AsOf::at(late))).unwrap().closed.is_empty());
}

#[test]
fn a_branch_closes_days_and_a_key_closes_them_once() {
    let journal = MemoryJournal::new();
    let engine = engine(&[[0, 0, 9, 3, 4]], EngineSettings::new().journal(journal.clone()));
    let mut branch = engine.published().branch();
    branch.apply(Update::new().moment(AsOf::date_utc(day(1)))).unwrap();
    assert!(engine.published().records().to_days().is_empty());
    engine.take_over(&branch).unwrap();
    let next = Update::new().moment(AsOf::date_utc(day(2))).once("midnight");
    assert_eq!(engine.apply(next.clone()).unwrap().closed.len(), 1);
    let again = engine.apply(next).unwrap();
    assert!(again.repeated && again.closed.is_empty());
    let (restored, _) = Engine::restore(EngineSettings::new(), &journal.bytes(), None).unwrap();
    let days = |engine: &Engine| engine.published().records().to_days();
    assert_eq!((days(&restored).len(), days(&restored)), (2, days(&engine)));
}

#[test]
fn days_that_cannot_be_closed_are_refused_all_at_once() {
    let engine = simple();
    moved(&engine, 1);
    let version = engine.published().version();
    let update = Update::new().moment(AsOf::date_utc(day(4))).close_days([
        day(0),
        day(-1),
        day(2),
        day(2),
        day(4),
        day(9),
    ]);
    let error = engine.apply(update).unwrap_err().to_string();
    let lines = [
        format!("the days were refused: {}: the day is closed: what was recorded stays", day(0)),
        format!("{}: the day is past: what was then is not known any more", day(-1)),
        format!("{}: the day is closed: what was recorded stays", day(2)),
        format!("{}: the day is not over: the state is of {}", day(4), day(4)),
        format!("{}: the day is not over: the state is of {}", day(9), day(4)),
    ];
    assert_eq!(error.lines().collect::<Vec<_>>(), lines);
    assert_eq!(engine.published().version(), version);
    // The days of a column come in order.
    let days = engine.published().records().to_days();
    let error = engine.apply(Update::new().records(days)).unwrap_err().to_string();
    assert_eq!(error.lines().count(), COLUMNS.len(), "{error}");
    let daily = DefinitionRef { kind: DefinitionKind::Recorded, name: "daily".into() };
    engine.apply(Update::new().remove(daily)).unwrap();
    let update = Update::new().moment(AsOf::date_utc(day(2))).close_days([day(1)]);
    let error = engine.apply(update).unwrap_err().to_string();
    assert!(error.ends_with("no definition says which columns are recorded"), "{error}");
    assert!(moved(&engine, 2).closed.is_empty());
}

#[test]
fn a_recorded_value_that_tells_of_others_is_withheld_in_a_scope() {
    let engine = engine(&[], EngineSettings::new());
    let (top, below) = (id("top"), id("below"));
    let row =
        |id: &AccountId, seats: i64| perennial::AccountRow::new(id.clone(), "Company").with("seats", seats);
    engine.apply(Change::new().add(row(&top, 10)).add(row(&below, 5).under(top.clone()))).unwrap();
    moved(&engine, 1);
    let state = engine.published();
    let asked = |scope: &Scope, column: &str| {
        let view = state.view(scope).unwrap();
        view.value(column, view.account(top.as_str()).unwrap()).map(|value| value.to_string())
    };
    let only = Scope::of(state.book().accounts([top.as_str()]));
    assert_eq!(asked(&Scope::all(), "sum_before").as_deref(), Some("15"));
    // 15 would tell that something is below.
    assert_eq!(asked(&only, "sum_before"), None);
    assert_eq!((asked(&only, "before"), asked(&only, "seats_sum")), (Some("5".into()), Some("10".into())));
    assert!(state.records().is_withheld("seats_sum") && !state.records().is_withheld("seats"));
    // Also in a scope that shows a whole tree of several: it may show less tomorrow.
    let whole = Scope::of(state.book().accounts([top.as_str(), below.as_str()]));
    assert_eq!(asked(&whole, "sum_before"), None);
}

/// How deep an account stands tells how many stand above it.
#[test]
fn where_an_account_stood_is_not_told_in_a_scope() {
    let engine = engine(&[], EngineSettings::new());
    let row = |name: &str| perennial::AccountRow::new(id(name), "Company").with("seats", 3_i64);
    engine.apply(Change::new().add(row("top")).add(row("below").under(id("top")))).unwrap();
    let daily = Recorded::new("places", ["depth", "twice"], 30);
    let past = ["depth", "twice"].map(|of| PastValue::new(&format!("{of}_before"), of, 1).into());
    engine
        .define(
            [attribute("depth", "level"), attribute("twice", "depth * 2"), daily.into()]
                .into_iter()
                .chain(past),
        )
        .unwrap();
    moved(&engine, 1);
    let state = engine.published();
    let asked = |scope: &Scope| {
        let view = state.view(scope).unwrap();
        let of = view.account("below").unwrap();
        ["depth", "depth_before", "twice_before"]
            .map(|name| view.value(name, of).map(|value| value.to_string()))
    };
    assert_eq!(asked(&Scope::all()), ["2", "2", "4"].map(|level| Some(level.into())));
    assert_eq!(asked(&Scope::of(state.book().accounts(["below"]))), [Some("1".into()), None, None]);
}

/// What was true at the end of the day, not when the engine was asked last.
#[test]
fn a_day_is_closed_at_its_last_instant() {
    let engine = simple();
    let late = Timestamp::from_micros(Timestamp::start_of(day(1)).micros() - 1_000_000).unwrap();
    let over = attribute("over", &format!("now() >= timestamp(\"{late}\")"));
    engine.define([over, Recorded::new("hours", ["over"], 30).into()]).unwrap();
    assert_eq!(value(&engine, "over").as_deref(), Some("false"));
    moved(&engine, 1);
    let over = |number| engine.published().records().on(id_of(0).as_str(), "over", day(number)).flatten();
    assert_eq!(over(0), Some(ExprValue::Bool(true)));
}

#[test]
fn reading_more_days_than_are_kept_is_a_fault() {
    let engine = simple();
    let error = engine.define([PastValue::new("long_ago", "seats", 10).into()]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "more days are read than are kept: past value `long_ago` reads 10 days of `seats`, of which 9 are"
    );
    engine.define([PastValue::new("long_ago", "seats", 9).into()]).unwrap();
    let error = engine.define([Recorded::new("daily", ["seats"], 8).into()]).unwrap_err();
    assert!(error.to_string().contains("of which 8 are"), "{error}");
    // What nobody records is what the host imports.
    engine.define([PastValue::new("older", "rate", 900).into()]).unwrap();
}

#[test]
fn a_daily_record_that_makes_no_sense_is_refused() {
    let said = |of: Recorded| {
        let usage = perennial::aggregate::UsageSchema::default();
        Catalog::new(&schema(), &usage, [of.into()]).map(|_| ()).unwrap_err().to_string()
    };
    let text = said(Recorded::new("daily", ["seats", "seat", "account_type", "seats"], 0));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "daily record `daily`: there is no attribute `seat`; did you mean `seats`?",
            "daily record `daily`: there is no attribute `account_type`",
            "daily record `daily`: duplicate column `seats`",
            "daily record `daily`: it keeps no day",
        ]
    );
    assert!(said(Recorded::new("daily", [], 3)).contains("it records no column"));
    let json = r#"{"v":1,"recorded":[{"name":"daily","columns":["seats"],"keep_days":30}]}"#;
    let read = Catalog::read([json]).unwrap();
    assert_eq!(read, [Recorded::new("daily", ["seats"], 30).into()]);
    assert_eq!(Catalog::document(&read)["recorded"][0]["keep_days"], 30);
}

/// A history of the host's is read into a state, and is data from then on.
#[test]
fn what_a_host_recorded_is_imported() {
    let engine = engine_over(&[[0, 0, 9, 3, 4]], 0);
    let mut past = MemoryHistory::new();
    for number in 0..5 {
        past.record("a", "rate", day(-number), Some(ExprValue::Double(f64::from(number))));
    }
    let days = engine.published().import(&past, &["rate", "seats"], &[id("a")], (day(-3), day(-1)));
    assert_eq!(days.iter().map(|of| of.day).collect::<Vec<_>>(), [day(-3), day(-2), day(-1)]);
    engine.apply(Update::new().records(days)).unwrap();
    let records = engine.published().records().clone();
    assert_eq!(records.each("a", "rate", day(-9), day(9)), past.each("a", "rate", day(-3), day(-1)));
    // Again, nothing is new.
    assert!(engine.published().import(&past, &["rate"], &[id("a")], (day(-3), day(-1))).is_empty());
    assert!(records.heap_bytes() > 0);
}
