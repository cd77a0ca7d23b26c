//! An engine after any script: what a fresh load of the final data says, deltas that are the difference of two states, and
//! nothing outside a scope.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::too_many_lines,
    reason = "a test fails by panicking, in its helpers as well; its numbers are small, its scripts long"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{
    ATTRIBUTES, CHUNK_ROWS, PRODUCTS, Rows, TYPES, as_of, child_row_of, config, forest, id, id_of, schema,
    value_of,
};
use perennial::aggregate::{
    Event, EventKind, Metric, Nulls, Operator, Over, Ranking, RollUpDefinition, Usage, UsageSchema,
    UsageSettings,
};
use perennial::catalog::{
    CalculatedAttribute, Catalog, Definition, DefinitionKind, DefinitionRef, Derived, MemoryHistory,
    PastValue,
};
use perennial::engine::{DeltaReport, Engine, EngineError, EngineSettings, LiveView, Update};
use perennial::expr::ExprValue;
use perennial::segment::Segment;
use perennial::{Account, AccountId, AccountRow, AsOf, Change, ChildId, Date, Policy, Reach, Scope, View};
use proptest::prelude::*;

fn attribute(name: &str, expression: &str) -> Definition {
    CalculatedAttribute::new(name, expression).into()
}

fn segment(name: &str, expression: &str) -> Definition {
    Segment::parse(name, expression).unwrap().into()
}

fn roll_up(name: &str, operator: Operator) -> RollUpDefinition {
    RollUpDefinition::new(name, operator)
}

fn reference(definition: &Definition) -> DefinitionRef {
    DefinitionRef { kind: definition.kind(), name: definition.name().into() }
}

/// Definitions of every kind, most of which read others; `other` says something else with the same names.
fn definitions(other: bool) -> Vec<Definition> {
    let pick = |one: &'static str, two: &'static str| if other { two } else { one };
    vec![
        Metric::new(
            "logins",
            pick("events(\"login\").count()", "events(\"login\").count(e, e.user != \"ann\")"),
        )
        .into(),
        attribute("half", pick("ratio(seats, 2)", "ratio(seats, 3)")),
        attribute("above", pick("has(parent.seats) ? parent.seats : 0", "has(root.seats) ? root.seats : 0")),
        attribute("open_above", pick("lineage.exists(a, a.active)", "ancestors.exists(a, a.active)")),
        attribute("brothers", pick("siblings.count()", "siblings.exists(a, a.active) ? 1 : 0")),
        attribute("depth", pick("level + children.count()", "level")),
        attribute(
            "recent",
            pick("events(\"login\").lastDays(7).count()", "metric(\"logins\").lastDays(5).sum()"),
        ),
        attribute("age", pick("today() - since", "since - today()")),
        attribute("hours", pick("tickets.sum(t, t.hours)", "tickets.filter(t, t.open).sum(t, t.hours)")),
        attribute("loud", pick("name + \"?\"", "name + \"!\"")),
        PastValue::new("seats_before", "seats", if other { 3 } else { 9 }).into(),
        roll_up("seats_sum", Operator::Sum("seats".into())).into(),
        roll_up("rate_sum", Operator::Sum("rate".into())).reach(Reach::Descendants).into(),
        roll_up("score_mean", Operator::Average("score".into())).filter(pick("active", "!active")).into(),
        roll_up("seats_per", Operator::Ratio { numerator: "arr".into(), denominator: "arr".into() }).into(),
        roll_up("rate_per_seat", Operator::Ratio { numerator: "rate".into(), denominator: "seats".into() })
            .into(),
        roll_up("since_first", Operator::Min("since".into())).into(),
        roll_up("rate_most", Operator::Max("rate".into())).reach(Reach::PreferSelf).into(),
        roll_up("seats_most", Operator::Max("seats".into())).filter(pick("seats < 90", "has(active)")).into(),
        roll_up("hours_least", Operator::Min("row.hours".into())).over(Over::Table("tickets".into())).into(),
        roll_up("half_most", Operator::Max("half".into())).into(),
        roll_up("regions", Operator::Distinct("region".into())).into(),
        roll_up("median", Operator::Percentile { of: "seats".into(), hundredths: 5_000 }).into(),
        roll_up("often", Operator::Mode("name".into())).reach(Reach::SelfOnly).into(),
        roll_up("share", Operator::Share { of: "region".into(), value: "EMEA".into() })
            .nulls(Nulls::Refuse)
            .into(),
        roll_up("ticket_hours", Operator::Sum("row.hours".into())).over(Over::Table("tickets".into())).into(),
        roll_up("people", Operator::Distinct("row.user".into()))
            .over(Over::Events { event: "login".into(), last_days: Some(if other { 10 } else { 20 }) })
            .into(),
        roll_up("halves", Operator::Sum("half".into())).levels(["Group", "Company"]).into(),
        roll_up("big_below", Operator::Count).filter("inSegment(\"big\")").reach(Reach::Descendants).into(),
        Ranking::new("place", "half").within("region").into(),
        segment("big", pick("seats > 20", "seats > 60")),
        segment("late", pick("since < today()", "since >= today()")),
        segment(
            "nested",
            pick("inSegment(\"big\") && !inSegment(\"late\")", "inSegment(\"big\") || open_above"),
        ),
        segment("first", pick("place > 50.0", "place < 50.0")),
        segment("worked", pick("tickets.exists(t, t.open)", "tickets.all(t, t.open)")),
        segment("crowded", pick("big_below > 1 || seats_sum > 100", "people > 1")),
        segment("owns", pick("owns(\"CRM\")", "owns(\"Billing\")")),
        segment("below", pick("under(\"0d-0\")", "accountId == \"0d-0\"")),
        segment("crm", pick("product == \"CRM\"", "account_type == \"Team\"")),
    ]
}

fn usage() -> Usage {
    Usage::new(UsageSchema::new([EventKind::new("login")]).unwrap(), UsageSettings::new())
}

/// What all definitions come to, by definition and account.
type Said = BTreeMap<(DefinitionRef, AccountId), (Option<ExprValue>, Option<(u64, u64)>)>;

fn said(
    catalog: &Catalog,
    view: &View,
    value: impl Fn(&DefinitionRef, Account<'_>) -> (Option<ExprValue>, Option<(u64, u64)>),
) -> Said {
    let mut all = Said::new();
    for id in catalog.order().filter(|id| id.kind != DefinitionKind::Metric) {
        for account in view.accounts() {
            all.insert((id.clone(), account.id()), value(id, account));
        }
    }
    all
}

fn by_engine(view: &LiveView) -> Said {
    said(view.catalog(), view.accounts(), |id, account| match id.kind {
        DefinitionKind::Segment => {
            let is = view.is_member(&id.name, account);
            assert_eq!(view.segment(&id.name).unwrap().contains(account.place()), is);
            (Some(ExprValue::Bool(is)), None)
        }
        DefinitionKind::RollUp => (view.value(&id.name, account), view.counts(&id.name, account)),
        _ => (view.value(&id.name, account), None),
    })
}

fn by_catalog(catalog: &Catalog, derived: &Derived) -> Said {
    said(catalog, derived.view(), |id, account| match id.kind {
        DefinitionKind::Segment => (Some(ExprValue::Bool(derived.is_member(&id.name, account))), None),
        DefinitionKind::RollUp => (derived.value(&id.name, account), derived.counts(&id.name, account)),
        _ => (derived.value(&id.name, account), None),
    })
}

/// The accounts of a view as rows, to be loaded again.
fn rows_of(view: &View) -> Rows {
    let mut rows = Rows::default();
    for account in view.accounts() {
        let mut row = AccountRow::new(account.id(), account.account_type());
        if let Some(parent) = account.parent() {
            row = row.under(parent.id());
        }
        if let Some(product) = account.product() {
            row = row.product(product);
        }
        for attribute in view.schema().attributes() {
            if let Some(value) = account.value(attribute.name()) {
                row = row.with(attribute.name(), value);
            }
        }
        for table in view.schema().tables() {
            let name = ["tickets", "contracts"].into_iter().find(|name| *name == table.name()).unwrap();
            for child in account.child_rows(table.name()) {
                let mut of = perennial::ChildRow::new(child.id(), account.id());
                for column in table.columns() {
                    if let Some(value) = child.value(column.name()) {
                        of = of.with(column.name(), value);
                    }
                }
                rows.children.push((name, of));
            }
        }
        rows.accounts.push(row);
    }
    rows
}

/// A fresh load of what a view shows of the whole book, asked for the accounts of some ids.
fn afresh(
    engine: &LiveView,
    ids: Option<&BTreeSet<AccountId>>,
    packing: usize,
    past: &MemoryHistory,
) -> Said {
    let state = engine.published();
    let whole = state.view_at(&Scope::all(), engine.accounts().as_of().clone()).unwrap();
    let (book, _) = rows_of(whole.accounts()).load(CHUNK_ROWS[packing], Policy::strict());
    let scope = match ids {
        None => Scope::all(),
        Some(ids) => Scope::of(book.accounts(ids.iter().map(AccountId::as_str))),
    };
    let view = book.view(&scope, engine.accounts().as_of().clone()).unwrap();
    let catalog = state.catalog();
    let fresh = Catalog::new(book.schema(), catalog.usage_schema(), catalog.definitions().to_vec()).unwrap();
    let usage = state.usage().map(|usage| usage.over(&view, fresh.metrics()));
    let derived = fresh.run(&view, usage.as_ref(), Some(past));
    by_catalog(&fresh, &derived)
}

fn differing(one: &Said, other: &Said) -> Vec<String> {
    let keys: BTreeSet<&(DefinitionRef, AccountId)> = one.keys().chain(other.keys()).collect();
    let differ = keys.into_iter().filter(|key| one.get(key) != other.get(key));
    differ
        .map(|key| format!("{} of {}: {:?} is not {:?}", key.0, key.1, one.get(key), other.get(key)))
        .collect()
}

/// The past, which is that of a few accounts and days.
fn past() -> MemoryHistory {
    let mut past = MemoryHistory::new();
    for number in 0..20_usize {
        let on = as_of().date().plus_days(-(number as i32)).unwrap();
        past.record(id_of(number % 7).as_str(), "seats", on, Some(ExprValue::Int(number as i64)));
    }
    past
}

fn engine_over(seeds: &[[u8; 5]], packing: usize) -> Engine {
    let settings =
        EngineSettings::new().chunk_rows(CHUNK_ROWS[packing]).usage(usage()).past_values(past()).remember(4);
    let engine = Engine::new(schema(), as_of(), settings).unwrap();
    engine.load(&forest(seeds).source()).unwrap();
    engine
}

/// One step of a script; a wish that cannot be granted must change nothing.
fn step(
    engine: &Engine,
    [what, who, which, value, more]: [u8; 5],
    number: usize,
) -> Result<u64, EngineError> {
    let state = engine.published();
    let ids: Vec<AccountId> = {
        let whole = state.view(&Scope::all()).unwrap();
        let mut ids: Vec<AccountId> = whole.accounts().accounts().map(|account| account.id()).collect();
        ids.sort();
        ids
    };
    let at =
        |byte: u8| ids.get(usize::from(byte) % ids.len().max(1)).cloned().unwrap_or_else(|| id("nobody"));
    let (account, other) = (at(who), at(which));
    let name = ATTRIBUTES[usize::from(which) % ATTRIBUTES.len()];
    let child = |byte: u8| -> Option<(String, ChildId)> {
        let whole = state.view(&Scope::all()).unwrap();
        let account = whole.account(at(byte).as_str())?;
        let found = ["tickets", "contracts"]
            .into_iter()
            .find_map(|table| account.child_rows(table).next().map(|row| (table.to_owned(), row.id())));
        found
    };
    let update: Update = match what % 20 {
        0..=5 => Change::new().set(&account, name, value_of(name, value).unwrap()).into(),
        6 => Change::new().clear(&account, name).into(),
        7 => {
            let mut change = Change::new();
            for (place, id) in ids.iter().enumerate().filter(|(place, _)| place % 3 == usize::from(more) % 3)
            {
                change = change.set(id, name, value_of(name, value.wrapping_add(place as u8)).unwrap());
            }
            change.into()
        }
        8 => {
            let kind = TYPES[usize::from(which) % 2];
            let row = AccountRow::new(id(&format!("new-{number}")), kind).with("seats", i64::from(value));
            Change::new().add(if more % 3 == 0 { row } else { row.under(account) }).into()
        }
        9 | 10 => Change::new().move_under(&account, &other).into(),
        11 => Change::new().move_to_root(&account).into(),
        12 => Change::new().remove_subtree(&account).into(),
        13 => {
            let (table, row) = child_row_of(&account, 900 + number, value);
            Change::new().add_child(table, row).into()
        }
        14 => match (child(who), more % 3) {
            (Some((table, child)), 0) => Change::new().remove_child(&table, &child).into(),
            (Some((table, child)), 1) => Change::new().move_child(&table, &child, &other).into(),
            (Some((table, child)), _) if table == "tickets" => {
                Change::new().set_child(&table, &child, "open", value % 2 == 0).into()
            }
            _ => Update::new(),
        },
        15 => match more % 2 {
            0 => Change::new().retype(&account, TYPES[usize::from(which) % 3]).into(),
            _ => Change::new().set_product(&account, Some(PRODUCTS[usize::from(which) % 3])).into(),
        },
        16 => {
            let (one, two) = (definitions(value % 2 == 0), usize::from(which));
            let definition = one[two % one.len()].clone();
            Update::new().define(definition)
        }
        17 => {
            let days = i32::from(more % 30);
            Update::new().moment(AsOf::date_utc(state.as_of().date().plus_days(days).unwrap()))
        }
        18 => {
            let all = definitions(false);
            let id = reference(&all[usize::from(which) % all.len()]);
            if value % 2 == 0 { Update::new().subscribe(id) } else { Update::new().unsubscribe(id) }
        }
        _ => {
            let on = state.as_of().date().plus_days(-i32::from(more % 25)).unwrap();
            let user = ["ann", "bob", "cid"][usize::from(value) % 3];
            let events =
                [Event::on("login", account.as_str(), on).user(user), Event::on("login", other.as_str(), on)];
            engine.ingest(events)?;
            return Ok(engine.published().version());
        }
    };
    engine.apply(update).map(|applied| applied.version)
}

fn subscribe_some(engine: &Engine, which: u64) {
    let all = definitions(false);
    let mut update = all.iter().fold(Update::new(), |update, definition| update.define(definition.clone()));
    for (place, definition) in all.iter().enumerate().filter(|(place, _)| which >> (place % 64) & 1 == 1) {
        let _ = place;
        update = update.subscribe(reference(definition));
    }
    engine.apply(update).unwrap();
}

/// What a report should say, from what is said in two states.
fn expected(before: &Said, after: &Said, of: &[DefinitionRef]) -> Vec<(DefinitionRef, AccountId)> {
    let keys: BTreeSet<&(DefinitionRef, AccountId)> = before.keys().chain(after.keys()).collect();
    let value = |said: &Said, key: &(DefinitionRef, AccountId)| {
        let value = said.get(key).and_then(|(value, _)| value.clone());
        // Who is not there is no member.
        value.filter(|value| key.0.kind != DefinitionKind::Segment || *value == ExprValue::Bool(true))
    };
    let differs = |key: &&(DefinitionRef, AccountId)| value(before, key) != value(after, key);
    keys.into_iter().filter(|key| of.contains(&key.0)).filter(differs).cloned().collect()
}

fn reported(report: &DeltaReport) -> Vec<(DefinitionRef, AccountId)> {
    let derived = report.derived.iter().map(|change| (change.definition.clone(), change.account.clone()));
    let segments = report.segments.iter().flat_map(|change| {
        let id = DefinitionRef { kind: DefinitionKind::Segment, name: change.segment.clone() };
        change.entered.iter().chain(&change.left).map(move |account| (id.clone(), account.clone()))
    });
    let all: BTreeSet<(DefinitionRef, AccountId)> = derived.chain(segments).collect();
    all.into_iter().collect()
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn after_any_script_a_fresh_load_says_the_same(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..40),
        steps in prop::collection::vec(any::<[u8; 5]>(), 1..12),
        packing in 0_usize..6,
        other in 0_usize..6,
        subscribed in any::<u64>(),
        visible in any::<u64>(),
    ) {
        let engine = engine_over(&seeds, packing);
        subscribe_some(&engine, subscribed);
        let past = past();
        let every: Vec<DefinitionRef> =
            definitions(false).iter().map(reference).filter(|id| id.kind != DefinitionKind::Metric).collect();
        let first = engine.published();
        let mut whole_reports: Vec<DeltaReport> = Vec::new();
        for (number, bytes) in steps.iter().enumerate() {
            let before = engine.published();
            let done = step(&engine, *bytes, number);
            let after = engine.published();
            if done.is_err() {
                prop_assert_eq!(before.version(), after.version());
                continue;
            }
            prop_assert_eq!(before.version() + 1, after.version());
            after.book().verify().unwrap();
            let view = after.view(&Scope::all()).unwrap();
            let (now, fresh) = (by_engine(&view), afresh(&view, None, other, &past));
            let differ = differing(&now, &fresh);
            prop_assert!(differ.is_empty(), "step {number} {bytes:?}: {}", differ.join("\n"));
            // The state before is as it was.
            let old = by_engine(&before.view(&Scope::all()).unwrap());
            let delta = perennial::engine::Delta::between(&before, &after);
            let report = delta.report_of(&Scope::all(), &every).unwrap();
            prop_assert_eq!(reported(&report), expected(&old, &now, &every));
            whole_reports.push(report);
            // A user who sees some accounts.
            let of: BTreeSet<AccountId> = view
                .accounts()
                .accounts()
                .map(|account| account.id())
                .enumerate()
                .filter(|(place, _)| visible >> (place % 64) & 1 == 1)
                .map(|(_, id)| id)
                .collect();
            let scope = Scope::of(after.book().accounts(of.iter().map(AccountId::as_str)));
            let seen = after.view(&scope).unwrap();
            let (now, fresh) = (by_engine(&seen), afresh(&seen, Some(&of), other, &past));
            let differ = differing(&now, &fresh);
            prop_assert!(differ.is_empty(), "step {number} {bytes:?} in a scope: {}", differ.join("\n"));
            let earlier = Scope::of(before.book().accounts(of.iter().map(AccountId::as_str)));
            let old = by_engine(&before.view(&earlier).unwrap());
            let report = delta.report_of(&scope, &every).unwrap();
            prop_assert_eq!(reported(&report), expected(&old, &now, &every));
            let ids = report.values.iter().map(|change| &change.account).chain(report.moves.iter().map(|m| &m.account));
            for account in ids.chain(&report.added).chain(&report.removed) {
                prop_assert!(of.contains(account), "{account} shows");
            }
            let paths = report.moves.iter().flat_map(|step| step.from.iter().chain(step.to.iter()));
            for account in paths {
                prop_assert!(of.contains(account), "{account} shows in a path");
            }
        }
        let last = engine.published();
        let whole = perennial::engine::Delta::between(&first, &last).report_of(&Scope::all(), &every).unwrap();
        if let Some(composed) = whole_reports.into_iter().reduce(|one, next| one.then(&next)) {
            prop_assert_eq!(composed.added, whole.added);
            prop_assert_eq!(composed.removed, whole.removed);
            prop_assert_eq!(composed.values, whole.values);
            prop_assert_eq!(composed.derived, whole.derived);
            prop_assert_eq!(composed.segments, whole.segments);
        }
    }
}

#[test]
fn time_steps_and_repeated_updates() {
    let engine = engine_over(&[[0, 1, 2, 3, 4], [9, 1, 2, 3, 4]], 3);
    let account = id_of(0);
    let change = Update::from(Change::new().set(&account, "seats", 5_i64)).once("a").expecting(1);
    let first = engine.apply(change.clone()).unwrap();
    assert_eq!((first.version, first.repeated), (2, false));
    let again = engine.apply(change).unwrap();
    assert_eq!((again.version, again.repeated, engine.published().version()), (2, true, 2));
    assert!(again.delta.report(&Scope::all()).unwrap().is_empty());
    let late = engine.apply(Update::from(Change::new().clear(&account, "seats")).expecting(1)).unwrap_err();
    assert_eq!(
        late.to_string(),
        "version 1 was expected, and version 2 is current: read again, then try again"
    );
    assert!(engine.state(1).is_some() && engine.state(9).is_none());
    let dates: Vec<Date> = engine.states().iter().map(|state| state.as_of().date()).collect();
    assert_eq!(dates.len(), 3);
}
