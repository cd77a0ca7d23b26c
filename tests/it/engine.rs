//! An engine after any script: what a fresh load of the final data says, deltas that are the difference of two states, and
//! nothing outside a scope.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::common::definitions::{attribute, definitions, moment, roll_up, segment};
use crate::common::kinds::kinds;
use crate::common::{
    ATTRIBUTES, CHUNK_ROWS, PRODUCTS, TYPES, as_of, child_row_of, config, forest, id, id_of, import, schema,
    value_of,
};
use perennial::aggregate::{
    Event, EventKind, Faulty, Nulls, Operator, Ranking, TooOld, Usage, UsageSchema, UsageSettings,
};
use perennial::catalog::{
    Catalog, Definition, DefinitionKind, DefinitionRef, Derived, History, Manifest, MemoryHistory, RunInputs,
};
use perennial::engine::{
    Cause, Causes, Delta, DeltaReport, Engine, EngineError, EngineSettings, EventChanges, Fact, FactKey,
    FactKind, FactStep, JournalError, JournalSink, LiveView, MAX_VIEWS, MemoryJournal, Published,
    SegmentDelta, Update, compact,
};
use perennial::expr::ExprValue;
use perennial::report::ValueChange;
use perennial::segment::SegmentChange;
use perennial::source::MemorySource;
use perennial::testkit::{Random, ReferenceBook};
use perennial::{
    Account, AccountId, AccountRow, Attribute, AttributeType, Book, Change, ChildId, Currency, Date, Decimal,
    ExchangeRate, FixedZone, Observer, Progress, Rates, SchemaChange, Scope, Value, View, Weekday,
};
use proptest::prelude::*;

pub fn reference(definition: &Definition) -> DefinitionRef {
    DefinitionRef { kind: definition.kind(), name: definition.name().into() }
}

pub fn usage() -> Usage {
    Usage::new(UsageSchema::new([EventKind::new("login")]).unwrap(), UsageSettings::new())
}

/// What all definitions come to, by definition and account.
pub type Said = BTreeMap<(DefinitionRef, AccountId), (Option<ExprValue>, Option<(u64, u64)>)>;

fn said(
    catalog: &Catalog,
    view: &View,
    value: impl Fn(&DefinitionRef, Account<'_>) -> (Option<ExprValue>, Option<(u64, u64)>),
) -> Said {
    let mut all = Said::new();
    for id in
        catalog.order().filter(|id| !matches!(id.kind, DefinitionKind::Metric | DefinitionKind::Recorded))
    {
        for account in view.accounts() {
            all.insert((id.clone(), account.id()), value(id, account));
        }
    }
    all
}

pub fn by_engine(view: &LiveView) -> Said {
    said(view.catalog(), view.accounts(), |id, account| match id.kind {
        DefinitionKind::Segment => {
            let is = view.is_member(&id.name, account);
            let members = view.segment(&id.name);
            // An account set is not there in a scope.
            let is_asked = !id.name.ends_with("territory") || view.accounts().scope().is_all();
            assert_eq!(members.is_some(), is_asked);
            assert_eq!(members.is_some_and(|members| members.contains(account.place())), is);
            (Some(ExprValue::Bool(is)), None)
        }
        DefinitionKind::RollUp => (view.value(&id.name, account), view.counts(&id.name, account)),
        _ => (value_of_all(&id.name, |name| view.value(name, account)), None),
    })
}

/// The value of a definition; where it has several, all of them as one.
fn value_of_all(name: &str, value: impl Fn(&str) -> Option<ExprValue>) -> Option<ExprValue> {
    // With those that it brings.
    let below: &[&str] = match name {
        "steady" => &["steady.band", "steady.previous", "steady.days"],
        "family" => &["family.own", "family.all", "family.below", "family.share"],
        _ => return value(name),
    };
    assert_eq!(value(name), None);
    let all: Vec<Option<ExprValue>> = below.iter().map(|name| value(name)).collect();
    all.iter().any(Option::is_some).then(|| ExprValue::Text(format!("{all:?}").into()))
}

fn by_catalog(catalog: &Catalog, derived: &Derived) -> Said {
    said(catalog, derived.view(), |id, account| match id.kind {
        DefinitionKind::Segment => (Some(ExprValue::Bool(derived.is_member(&id.name, account))), None),
        DefinitionKind::RollUp => (derived.value(&id.name, account), derived.counts(&id.name, account)),
        _ => (value_of_all(&id.name, |name| derived.value(name, account)), None),
    })
}

/// What a view shows of the whole book, under its schema, as a host would offer it.
fn source_of(view: &View) -> MemorySource {
    let mut source = MemorySource::new();
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
            for child in account.child_rows(table.name()) {
                let mut of = perennial::ChildRow::new(child.id(), account.id());
                for column in table.columns() {
                    if let Some(value) = child.value(column.name()) {
                        of = of.with(column.name(), value);
                    }
                }
                source = source.child(table.name(), of);
            }
        }
        source = source.account(row);
    }
    source
}

/// A fresh load of what a view shows of the whole book.
pub fn loaded_again(view: &View, chunk_rows: u32) -> Book {
    let builder = Book::builder(view.schema().clone()).chunk_rows(chunk_rows);
    builder.load(&source_of(view)).unwrap().0
}

/// A fresh load of what a view shows of the whole book, asked for the accounts of some ids.
pub fn afresh(engine: &LiveView, ids: Option<&BTreeSet<AccountId>>, packing: usize) -> Said {
    let state = engine.published();
    let whole = state.view_at(&Scope::all(), engine.accounts().as_of()).unwrap();
    let book = loaded_again(whole.accounts(), CHUNK_ROWS[packing]);
    let links = state.book().successions().links();
    let history = links.into_iter().fold(Change::new(), |all, link| all.declare_succession(link.clone()));
    let (book, _) = book.apply(&history).unwrap();
    let scope = match ids {
        None => Scope::all(),
        Some(ids) => Scope::of(book.accounts(ids.iter().map(AccountId::as_str))),
    };
    let view = book.view(&scope, engine.accounts().as_of().clone()).unwrap();
    let catalog = state.catalog();
    let fresh = Catalog::new(book.schema(), catalog.usage_schema(), catalog.definitions().to_vec()).unwrap();
    let usage = state.usage().map(|usage| usage.over(&view, fresh.metrics()));
    let rates: Arc<dyn Rates> = Arc::new(state.rates().clone());
    // What was recorded of other accounts is not told in a scope.
    let (records, in_scope) = (state.records(), state.records().in_scope());
    let history: &dyn History = if ids.is_none() { records } else { &in_scope };
    let inputs = RunInputs::new().history(history).rates(&rates);
    let inputs = usage.iter().fold(inputs, RunInputs::usage);
    let derived = fresh.run_observed(&view, inputs, &()).unwrap();
    by_catalog(&fresh, &derived)
}

pub fn differing(one: &Said, other: &Said) -> Vec<String> {
    let keys: BTreeSet<&(DefinitionRef, AccountId)> = one.keys().chain(other.keys()).collect();
    let differ = keys.into_iter().filter(|key| one.get(key) != other.get(key));
    differ
        .map(|key| format!("{} of {}: {:?} is not {:?}", key.0, key.1, one.get(key), other.get(key)))
        .collect()
}

/// The past, which is that of a few accounts and days.
pub fn past() -> MemoryHistory {
    let mut past = MemoryHistory::new();
    for number in 0..20_usize {
        let on = as_of().date().plus_days(-(number as i32)).unwrap();
        past.record(id_of(number % 7).as_str(), "seats", on, Some(ExprValue::Int(number as i64)));
        let band = [Some("high"), Some("low"), None][number % 3];
        let band = band.map(|band| ExprValue::Text(band.into()));
        past.record(id_of(number % 5).as_str(), "steady.band", on, band);
    }
    past
}

pub fn settings(packing: usize) -> EngineSettings {
    // Books of tests are small: half of them are computed as large ones are.
    let together = [0, 2_048][packing % 2];
    let settings = EngineSettings::new().chunk_rows(CHUNK_ROWS[packing]).usage(usage());
    settings.remember(4).together_from(together).kinds(kinds())
}

pub fn engine_over(seeds: &[[u8; 5]], packing: usize) -> Engine {
    engine_with(seeds, settings(packing))
}

pub fn engine_with(seeds: &[[u8; 5]], settings: EngineSettings) -> Engine {
    let engine = Engine::new(schema(), as_of(), settings).unwrap();
    engine.load(&forest(seeds).source()).unwrap();
    import(&engine, &past(), &(0..300).map(id_of).collect::<Vec<_>>());
    engine
}

/// How many events a state holds: as many as are told to leave with all kinds of event.
pub fn held_events(state: &Published) -> u64 {
    let none = Manifest::new([]).with_events(UsageSchema::default());
    state.changes_to_manifest(&none).events.leaves.iter().map(|lost| lost.events).sum()
}

/// How many kinds of step there are.
const STEP_KINDS: u8 = 31;

/// Does a step change definitions?
pub fn is_of_definitions(step: [u8; 5]) -> bool {
    [16, 29].contains(&(step[0] % STEP_KINDS))
}

/// Does a step change subscriptions?
pub fn is_of_subscriptions(step: [u8; 5]) -> bool {
    step[0] % STEP_KINDS == 18
}

/// The parts of a state in which it may differ after a step.
pub fn parts_of(step: [u8; 5], before: &Published) -> Causes {
    let parts: &[Cause] = match step[0] % STEP_KINDS {
        _ if before.book().is_empty() => &[Cause::FirstLoad],
        26 if step[4] % 3 == 2 => &[Cause::Usage],
        0..=15 | 20..=26 => &[Cause::Data, Cause::Structure],
        16 | 29 => &[Cause::Definition],
        17 => &[Cause::Moment, Cause::Records],
        18 | 28 => &[],
        27 if step[4].is_multiple_of(2) => &[Cause::Rates],
        27 => &[Cause::Rates, Cause::Usage],
        _ => &[Cause::Usage],
    };
    parts.iter().copied().collect()
}

/// Every entry of a report, with its causes.
pub fn caused(report: &DeltaReport) -> BTreeMap<(DefinitionRef, AccountId), Causes> {
    let mut all: BTreeMap<(DefinitionRef, AccountId), Causes> = BTreeMap::new();
    for change in &report.derived {
        let own = all.entry((change.definition.clone(), change.account.clone())).or_default();
        *own = own.union(change.causes);
    }
    for change in &report.segments {
        let id = DefinitionRef { kind: DefinitionKind::Segment, name: change.segment.clone() };
        for (account, causes) in change.entered.iter().chain(&change.left) {
            all.insert((id.clone(), account.clone()), *causes);
        }
    }
    all
}

/// One step of a script; a wish that cannot be granted must change nothing.
pub fn step(
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
        for table in ["tickets", "contracts"] {
            if let Some(row) = account.child_rows(table).next() {
                return Some((table.to_owned(), row.id()));
            }
        }
        None
    };
    let update: Update = match what % STEP_KINDS {
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
            let days = if which % 2 == 0 { 0 } else { i32::from(more % 30) };
            let today = state.as_of().date();
            let next = moment(today.plus_days(days).unwrap(), value);
            // Now and then the days that are jumped over are closed, too.
            let jumped = (1..days).map(|day| today.plus_days(day).unwrap()).filter(|day| *day < next.date());
            let jumped: Vec<Date> = if which % 4 == 1 { jumped.collect() } else { Vec::new() };
            Update::new().moment(next).close_days(jumped)
        }
        18 => {
            let all = definitions(false);
            let id = reference(&all[usize::from(which) % all.len()]);
            if value % 2 == 0 { Update::new().subscribe(id) } else { Update::new().unsubscribe(id) }
        }
        // Several things at once: who moves changes, and so does who stands beside it, below it, or above it.
        20 | 21 => {
            let third = at(value);
            let change = match more % 4 {
                0 | 1 => Change::new().move_under(&account, &other),
                2 => Change::new().move_to_root(&account),
                _ => Change::new().move_under(&account, &other).move_to_root(&third),
            };
            let mut change = change.set(&third, name, value_of(name, value).unwrap());
            if which % 2 == 0 && third != account {
                change = change.set(&account, name, value_of(name, more).unwrap());
            }
            if let Some((table, child)) =
                child(value).filter(|(table, _)| table == "tickets" && which % 3 == 0)
            {
                change = change.set_child(&table, &child, "open", more % 2 == 0);
            }
            change.into()
        }
        22 => {
            let row = AccountRow::new(id(&format!("new-{number}")), TYPES[usize::from(which) % 2]);
            let row = row.with("seats", i64::from(value)).under(other);
            Change::new().add(row).move_under(&account, &id(&format!("new-{number}"))).into()
        }
        // Rates of the market and of plans, new ones, others, and some taken back.
        27 => {
            let from = [Currency::USD, Currency::EUR, Currency::JPY][usize::from(who) % 3];
            let to = if which % 5 == 0 { Currency::JPY } else { Currency::EUR };
            let day = state.as_of().date().plus_days(-i32::from(more % 50)).unwrap();
            let rate = Decimal::new(i128::from(value) + 1, 2);
            let rate = match which % 3 {
                0 => ExchangeRate::plan(from, to, state.as_of().fiscal().year_of(day).unwrap_or(day), rate),
                _ => ExchangeRate::market(from, to, day, rate),
            };
            let on = state.as_of().date().plus_days(-i32::from(value % 25)).unwrap();
            let known: Vec<ExchangeRate> = state.rates().iter().collect();
            match known.get(usize::from(value) % 8) {
                Some(known) if more % 3 == 0 => Update::new().rates([known.removed()]),
                _ if more % 2 == 0 => Update::new().rates([rate]),
                _ => Update::new().rates([rate]).events([Event::on("login", account.as_str(), on)]),
            }
        }
        // Something is said of an account or a person, or ends.
        28 => {
            let time = |minutes: u8| {
                perennial::Timestamp::from_micros(i64::from(minutes) * 60_000_000 + 1_769_817_600_000_000)
                    .unwrap()
            };
            let key = match which % 3 {
                0 => FactKey::person("member", ["ann", "bob"][usize::from(who) % 2], "emea"),
                _ => FactKey::account("fired", &account, ["p", "q"][usize::from(which) % 2]),
            };
            let fact = Fact::since(key.clone(), time(value));
            let fact = if which % 3 == 0 { fact } else { fact.with("why", "late") };
            let step = match more % 3 {
                0 => FactStep::end(key, time(value)),
                1 => FactStep::append(fact),
                _ => FactStep::append(fact.until(time(value.saturating_add(more)))),
            };
            let fired = FactKind::of_accounts("fired").field(Attribute::new("why", AttributeType::Text));
            let kinds = [fired, FactKind::of_people("member")].map(FactStep::declare);
            Update::new().facts(kinds).facts([step])
        }
        // The definitions are exactly these, in another order, and perhaps one fewer.
        29 => {
            let mut all = state.catalog().definitions().to_vec();
            let ours = definitions(value % 2 == 0);
            for of in &mut all {
                if let Some(ours) = ours.iter().find(|ours| reference(ours) == reference(of)) {
                    *of = ours.clone();
                }
            }
            let places = all.len().max(1);
            all.rotate_left(usize::from(which) % places);
            let last = all.last().map(reference);
            if more % 3 == 0 && ours.iter().any(|ours| Some(reference(ours)) == last) {
                all.pop();
            }
            let told = state.changes_to(all.clone());
            let update = Update::new().exactly(all);
            let done = engine.published().branch().apply(update.clone());
            assert_eq!(told.breaks.is_empty(), done.is_ok(), "{told}: {done:?}");
            update
        }
        // Usage is kept in another way: fewer days and ids, or more, and now and then in another zone, which is refused while any is held.
        30 => {
            let mut settings = UsageSettings::new().ids_for_days(u32::from(who % 40));
            if which % 3 != 0 {
                settings = settings.keep_days(u32::from(value % 30) + 1);
            }
            if more % 2 == 0 {
                settings = settings.ahead_days(u32::from(more % 5)).too_old(TooOld::Refuse);
            }
            if more % 8 == 7 {
                settings = settings.zone(FixedZone::east("+02:00", 120)).faulty(Faulty::RefuseBatch);
            }
            let update = Update::new().usage_settings(settings.clone());
            let manifest = state.manifest().with_usage(settings.clone());
            let told = state.changes_to_manifest(&manifest);
            assert!(told.events == EventChanges::default() && told.definitions.is_empty(), "{told}");
            let mut branch = state.branch();
            let done = branch.apply(update.clone());
            assert_eq!(told.is_refused(), done.is_err(), "{told}: {done:?}");
            if done.is_ok() {
                let dropped = |state: &Published| state.usage().map_or(0, Usage::dropped_events);
                let lost = dropped(branch.published()) - dropped(&state);
                let usage = told.usage.as_ref();
                assert_eq!(lost, usage.map_or(0, |usage| usage.dropped_events));
                let ids = |state: &Published| state.usage().map_or(0, Usage::remembered_ids);
                let forgotten = ids(&state) - ids(branch.published());
                assert_eq!(forgotten, usage.map_or(0, |usage| usage.forgotten_ids));
                // What is not told to be lost is held.
                assert_eq!(held_events(&state) - held_events(branch.published()), lost);
                assert_eq!(branch.published().usage().unwrap().settings(), &settings);
            }
            update
        }
        // Accounts end in another one; what came in under their ids, and what still does, is read there.
        24 => {
            let on = as_of().date().plus_days(-i32::from(more % 40)).unwrap();
            Change::new().merge(&account, &other, on).into()
        }
        25 => {
            let on = as_of().date().plus_days(-i32::from(more % 40)).unwrap();
            Change::new().split(&account, [other, at(value)], on).into()
        }
        26 => {
            let links = state.book().successions().links();
            let link = links.get(usize::from(which) % links.len().max(1)).copied();
            match link.map(|link| (link, more % 3)) {
                None => Update::new(),
                Some((link, 0)) => Change::new().retract_succession(link.clone()).into(),
                Some((link, 1)) => Change::new().add(AccountRow::new(link.account.clone(), TYPES[1])).into(),
                Some((link, _)) => {
                    let on = state.as_of().date().plus_days(-i32::from(value % 25)).unwrap();
                    engine.ingest([Event::on("login", link.account.as_str(), on).user("dan")])?;
                    return Ok(engine.published().version());
                }
            }
        }
        23 => {
            let kind = TYPES[usize::from(which) % 3];
            let third = at(value);
            Change::new().retype(&account, kind).move_under(&third, &other).into()
        }
        _ => {
            let on = state.as_of().date().plus_days(-i32::from(more % 25)).unwrap();
            let user = ["ann", "bob", "cid"][usize::from(value) % 3];
            // Some with an id, which may have come before.
            let name = format!("e{}", who % 6);
            let first = Event::on("login", account.as_str(), on).user(user);
            let first = if more % 2 == 0 { first.id(&name) } else { first };
            engine.ingest([first, Event::on("login", other.as_str(), on)])?;
            return Ok(engine.published().version());
        }
    };
    // Now and then it is tried on a branch first, which is taken over.
    if more % 7 == 5 {
        let mut branch = state.branch();
        branch.apply(update)?;
        return engine.take_over(&branch).map(|_| engine.published().version());
    }
    engine.apply(update).map(|applied| applied.version)
}

fn causes_among(causes: Causes, parts: Causes) -> bool {
    causes.iter().any(|cause| parts.contains(cause))
}

/// What a report says of answers and members.
type Answers = (Vec<(DefinitionRef, Arc<str>, AccountId, [Option<ExprValue>; 2])>, Vec<SegmentChange>);

fn without_causes(report: &DeltaReport) -> Answers {
    let derived = report.derived.iter().map(|change| {
        let answers = [change.from.clone(), change.to.clone()];
        (change.definition.clone(), change.column.clone(), change.account.clone(), answers)
    });
    (derived.collect(), report.segments.iter().map(SegmentDelta::to_change).collect())
}

pub fn subscribe_some(engine: &Engine, which: u64) {
    let all = definitions(false);
    let mut update = all.iter().fold(Update::new(), |update, definition| update.define(definition.clone()));
    // Mostly, dollars have a rate from the beginning.
    if !which.is_multiple_of(4) {
        let since = as_of().date().plus_days(-400).unwrap();
        let market = ExchangeRate::market(Currency::USD, Currency::EUR, since, Decimal::new(92, 2));
        let year = as_of().fiscal().year_of(as_of().date()).unwrap();
        let plan = ExchangeRate::plan(Currency::USD, Currency::EUR, year, Decimal::new(9, 1));
        update = update.rates([market, plan]);
    }
    for (place, definition) in all.iter().enumerate().filter(|(place, _)| which >> (place % 64) & 1 == 1) {
        let _ = place;
        update = update.subscribe(reference(definition));
    }
    engine.apply(update).unwrap();
}

/// What a report should say, from what is said in two states.
pub fn expected(before: &Said, after: &Said, of: &[DefinitionRef]) -> Vec<(DefinitionRef, AccountId)> {
    let keys: BTreeSet<&(DefinitionRef, AccountId)> = before.keys().chain(after.keys()).collect();
    let value = |said: &Said, key: &(DefinitionRef, AccountId)| {
        let value = said.get(key).and_then(|(value, _)| value.clone());
        // Who is not there is no member.
        value.filter(|value| key.0.kind != DefinitionKind::Segment || *value == ExprValue::Bool(true))
    };
    let differs = |key: &&(DefinitionRef, AccountId)| value(before, key) != value(after, key);
    keys.into_iter().filter(|key| of.contains(&key.0)).filter(differs).cloned().collect()
}

/// An account, one of its child rows, and an attribute or a column.
pub type Place = (AccountId, Option<(Arc<str>, ChildId)>, Arc<str>);

/// Every value that a user sees, of accounts and of child rows.
pub fn all_values(view: &LiveView) -> BTreeMap<Place, Value> {
    let mut all = BTreeMap::new();
    let schema = view.accounts().schema();
    for account in view.accounts().accounts() {
        for attribute in schema.attributes().map(Attribute::name) {
            if let Some(value) = account.value(attribute) {
                all.insert((account.id(), None, Arc::from(attribute)), value);
            }
        }
        for table in schema.tables() {
            for row in account.child_rows(table.name()) {
                let child = Some((Arc::from(table.name()), row.id()));
                for column in table.columns().map(Attribute::name) {
                    if let Some(value) = row.value(column) {
                        all.insert((account.id(), child.clone(), Arc::from(column)), value);
                    }
                }
            }
        }
    }
    all
}

/// What a report should say of values, with what they were and are.
fn expected_values(before: &LiveView, after: &LiveView) -> Vec<(Place, Option<Value>, Option<Value>)> {
    let (before, after) = (all_values(before), all_values(after));
    let places: BTreeSet<&Place> = before.keys().chain(after.keys()).collect();
    let both = places.into_iter().map(|at| (at.clone(), before.get(at).cloned(), after.get(at).cloned()));
    both.filter(|(_, from, to)| from != to).collect()
}

pub fn reported_values(report: &DeltaReport) -> Vec<(Place, Option<Value>, Option<Value>)> {
    let place =
        |change: &ValueChange| (change.account.clone(), change.child.clone(), change.attribute.clone());
    report
        .accounts
        .values
        .iter()
        .map(|change| (place(change), change.from.clone(), change.to.clone()))
        .collect()
}

pub fn reported(report: &DeltaReport) -> Vec<(DefinitionRef, AccountId)> {
    let derived = report.derived.iter().map(|change| (change.definition.clone(), change.account.clone()));
    let segments = report.segments.iter().flat_map(|change| {
        let id = DefinitionRef { kind: DefinitionKind::Segment, name: change.segment.clone() };
        change.entered.keys().chain(change.left.keys()).map(move |account| (id.clone(), account.clone()))
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
        after_script(&seeds, &steps, [packing, other], subscribed, visible)?;
    }
}

/// Found by the property above.
#[test]
fn the_type_of_an_account_is_a_cause_where_the_lineage_is_asked_by_type() {
    let mut seeds = vec![[0_u8; 5]; 21];
    for (at, seed) in [
        (1, [1, 0, 3, 0, 0]),
        (4, [0, 158, 0, 0, 0]),
        (9, [0, 0, 0, 1, 127]),
        (10, [195, 92, 105, 26, 92]),
        (11, [110, 59, 19, 15, 0]),
        (12, [227, 103, 38, 203, 73]),
        (13, [165, 158, 189, 255, 164]),
        (14, [60, 183, 39, 168, 69]),
        (15, [153, 84, 9, 83, 245]),
        (16, [229, 138, 217, 122, 207]),
        (17, [5, 182, 235, 82, 137]),
        (18, [4, 107, 43, 105, 47]),
        (19, [160, 128, 160, 48, 15]),
        (20, [98, 212, 55, 195, 150]),
    ] {
        seeds[at] = seed;
    }
    let steps = [
        [10, 164, 195, 92, 125],
        [2, 51, 79, 77, 85],
        [215, 24, 178, 182, 254],
        [62, 39, 224, 26, 198],
        [61, 64, 200, 8, 85],
        [51, 147, 34, 71, 93],
        [125, 250, 26, 13, 41],
        [158, 115, 164, 125, 75],
        [232, 178, 181, 104, 64],
    ];
    after_script(&seeds, &steps, [4, 0], 12_782_029_394_523_586_524, 9_267_507_752_567_971_835).unwrap();
}

fn after_script(
    seeds: &[[u8; 5]],
    steps: &[[u8; 5]],
    [packing, other]: [usize; 2],
    subscribed: u64,
    visible: u64,
) -> Result<(), TestCaseError> {
    let engine = engine_over(seeds, packing);
    subscribe_some(&engine, subscribed);
    let every: Vec<DefinitionRef> =
        definitions(false).iter().map(reference).filter(|id| id.kind != DefinitionKind::Metric).collect();
    let first = engine.published();
    let mut whole_reports: Vec<DeltaReport> = Vec::new();
    // The state before the last, what was said of it, and in what the last differs from it.
    let mut earlier_state: Option<(Published, Said, Causes)> = None;
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
        let (now, fresh) = (by_engine(&view), afresh(&view, None, other));
        let differ = differing(&now, &fresh);
        prop_assert!(differ.is_empty(), "step {number} {bytes:?}: {}", differ.join("\n"));
        // At another moment, which is asked of what is known of this one.
        if number % 3 == 0 {
            let [_, who, which, value, _] = *bytes;
            let other_moment =
                moment(after.as_of().date().plus_days(i32::from(who % 2)).unwrap(), value ^ which);
            let other_moment = match who % 3 {
                0 => other_moment.with_parameter("viewer", ["Acme", "Zed"][usize::from(which) % 2]),
                1 => after.as_of().clone().with_parameter("viewer", "Zed"),
                _ => other_moment,
            };
            let then = after.view_at(&Scope::all(), &other_moment).unwrap();
            let differ = differing(&by_engine(&then), &afresh(&then, None, other));
            prop_assert!(
                differ.is_empty(),
                "step {number} {bytes:?} at {other_moment:?}: {}",
                differ.join("\n")
            );
        }
        // The state before is as it was.
        let old = by_engine(&before.view(&Scope::all()).unwrap());
        let delta = Delta::between(&before, &after);
        let report = delta.report_of(&Scope::all(), &every).unwrap();
        prop_assert_eq!(reported(&report), expected(&old, &now, &every));
        let whole = before.view(&Scope::all()).unwrap();
        prop_assert_eq!(reported_values(&report), expected_values(&whole, &view));
        let parts = parts_of(*bytes, &before);
        for (entry, causes) in caused(&report) {
            prop_assert!(
                !causes.is_empty() && causes.union(parts) == parts,
                "step {number} {bytes:?}: {entry:?} by {causes:?}"
            );
        }
        whole_reports.push(report);
        // Over two steps that change different parts, a part that alone makes a difference is among the causes.
        if let Some((first, said, first_parts)) = &earlier_state
            && !(before.book().is_empty() || first.book().is_empty())
            && first_parts.iter().all(|part| !parts.contains(part))
        {
            let both = Delta::between(first, &after).report_of(&Scope::all(), &every).unwrap();
            let by_last: BTreeSet<_> = expected(&old, &now, &every).into_iter().collect();
            let by_first: BTreeSet<_> = expected(said, &old, &every).into_iter().collect();
            let is_kept = !parts.contains(Cause::Structure) && !parts.contains(Cause::Definition);
            for (entry, causes) in caused(&both) {
                let (one, other) = (causes_among(causes, *first_parts), causes_among(causes, parts));
                prop_assert!(one || other, "steps to {number} {bytes:?}: {entry:?} by {causes:?}");
                prop_assert!(
                    first_parts.union(parts).union(causes) == first_parts.union(parts),
                    "steps to {number} {bytes:?}: {entry:?} by {causes:?}"
                );
                prop_assert!(
                    other || !by_last.contains(&entry),
                    "steps to {number} {bytes:?}: {entry:?} by {causes:?}"
                );
                prop_assert!(
                    one || !is_kept || !by_first.contains(&entry),
                    "steps to {number} {bytes:?}: {entry:?} by {causes:?}"
                );
            }
        }
        earlier_state = Some((before.clone(), old, parts));
        // A user who sees some accounts, or some trees.
        let of: BTreeSet<AccountId> = view
            .accounts()
            .accounts()
            .enumerate()
            .filter(|(place, account)| {
                let root: usize = account.root().id_str().bytes().map(usize::from).sum();
                let bit = if number % 2 == 0 { *place } else { root };
                visible >> (bit % 64) & 1 == 1
            })
            .map(|(_, account)| account.id())
            .collect();
        let scope = Scope::of(after.book().accounts(of.iter().map(AccountId::as_str)));
        let seen = after.view(&scope).unwrap();
        let (now, fresh) = (by_engine(&seen), afresh(&seen, Some(&of), other));
        let differ = differing(&now, &fresh);
        prop_assert!(differ.is_empty(), "step {number} {bytes:?} in a scope: {}", differ.join("\n"));
        // The same user, who says who he is.
        let asked = after.as_of().clone().with_parameter("viewer", ["Acme", "Zed"][number % 2]);
        let asked = if number % 3 == 0 { asked } else { asked.with_parameter("limit", i64::from(bytes[3])) };
        let said = after.view_at(&scope, &asked).unwrap();
        let differ = differing(&by_engine(&said), &afresh(&said, Some(&of), other));
        prop_assert!(differ.is_empty(), "step {number} {bytes:?} of a viewer: {}", differ.join("\n"));
        let earlier = Scope::of(before.book().accounts(of.iter().map(AccountId::as_str)));
        let saw = before.view(&earlier).unwrap();
        let old = by_engine(&saw);
        let report = delta.report_of(&scope, &every).unwrap();
        prop_assert_eq!(reported(&report), expected(&old, &now, &every));
        prop_assert_eq!(reported_values(&report), expected_values(&saw, &seen));
        let parts =
            if parts.contains(Cause::FirstLoad) { [Cause::Structure].into_iter().collect() } else { parts };
        for (entry, causes) in caused(&report) {
            prop_assert!(
                !causes.is_empty() && causes.union(parts) == parts,
                "step {number} {bytes:?} in a scope: {entry:?} by {causes:?}"
            );
        }
        // A scope that is another one in each state: nothing else is told of who comes or goes.
        if number % 3 == 1 {
            let others = view
                .accounts()
                .accounts()
                .map(|account| account.id())
                .filter(|account| of.contains(account) != account.as_str().ends_with('1'));
            let others: Vec<AccountId> = others.collect();
            let later = Scope::of(after.book().accounts(others.iter().map(AccountId::as_str)));
            let between = delta.report_between(&earlier, &later, &every).unwrap();
            let shows = after.view(&later).unwrap();
            let said = by_engine(&shows);
            prop_assert_eq!(reported(&between), expected(&old, &said, &every));
            prop_assert_eq!(reported_values(&between), expected_values(&saw, &shows));
            let parts = parts.union([Cause::Scope].into_iter().collect());
            for (entry, causes) in caused(&between) {
                prop_assert!(
                    !causes.is_empty() && causes.union(parts) == parts,
                    "step {number} {bytes:?} between scopes: {entry:?} by {causes:?}"
                );
                let [was, is] =
                    [&saw, &shows].map(|view| view.accounts().account(entry.1.as_str()).is_some());
                let is_old = whole.accounts().account(entry.1.as_str()).is_some();
                if was != is && is_old {
                    prop_assert!(
                        causes.contains(Cause::Scope),
                        "step {number} {bytes:?} between scopes: {entry:?} by {causes:?}"
                    );
                    // What reads the account alone, by nothing that happened to it.
                    if ["half", "loud", "hours"].contains(&&*entry.0.name) {
                        prop_assert!(
                            ![Cause::Data, Cause::Structure, Cause::Usage]
                                .iter()
                                .any(|cause| causes.contains(*cause)),
                            "step {number} {bytes:?} between scopes: {entry:?} by {causes:?}"
                        );
                    }
                }
            }
            // Of everything before, and some afterwards; account sets are not asked in a scope.
            let asked: Vec<DefinitionRef> =
                every.iter().filter(|id| !id.name.ends_with("territory")).cloned().collect();
            let narrowed = delta.report_between(&Scope::all(), &later, &asked).unwrap();
            let (_, everything, _) = earlier_state.as_ref().unwrap();
            prop_assert_eq!(reported(&narrowed), expected(everything, &said, &asked));
            // Nothing but the scope.
            let here = Scope::of(after.book().accounts(of.iter().map(AccountId::as_str)));
            let same = Delta::between(&after, &after).report_between(&here, &later, &every).unwrap();
            prop_assert_eq!(reported(&same), expected(&now, &said, &every));
            for (entry, causes) in caused(&same) {
                prop_assert_eq!(causes.iter().collect::<Vec<_>>(), [Cause::Scope], "{:?}", entry);
            }
        }
        let ids = report
            .accounts
            .values
            .iter()
            .map(|change| &change.account)
            .chain(report.accounts.moves.iter().map(|m| &m.account));
        for account in ids.chain(&report.accounts.added).chain(&report.accounts.removed) {
            prop_assert!(of.contains(account), "{account} shows");
        }
        let paths = report.accounts.moves.iter().flat_map(|step| step.from.iter().chain(step.to.iter()));
        for account in paths {
            prop_assert!(of.contains(account), "{account} shows in a path");
        }
    }
    let last = engine.published();
    let whole = Delta::between(&first, &last).report_of(&Scope::all(), &every).unwrap();
    if let Some(composed) = whole_reports.into_iter().reduce(|one, next| one.then(&next)) {
        // What changed back is no cause of the whole, and what one step did not change may be one.
        prop_assert_eq!(without_causes(&composed), without_causes(&whole));
        prop_assert_eq!(composed.accounts.added, whole.accounts.added);
        prop_assert_eq!(composed.accounts.removed, whole.accounts.removed);
        prop_assert_eq!(composed.accounts.values, whole.accounts.values);
    }
    Ok(())
}

#[test]
fn time_steps_and_repeated_updates() {
    let engine = engine_over(&[[0, 1, 2, 3, 4], [9, 1, 2, 3, 4]], 3);
    let account = id_of(0);
    let change = Update::from(Change::new().set(&account, "seats", 5_i64)).once("a").expecting(2);
    let first = engine.apply(change.clone()).unwrap();
    assert_eq!((first.version, first.repeated), (3, false));
    let again = engine.apply(change).unwrap();
    assert_eq!((again.version, again.repeated, engine.published().version()), (3, true, 3));
    assert!(again.delta.report(&Scope::all()).unwrap().is_empty());
    let late = engine.apply(Update::from(Change::new().clear(&account, "seats")).expecting(2)).unwrap_err();
    assert_eq!(
        late.to_string(),
        "version 2 was expected, and version 3 is current: read again, then try again"
    );
    assert!(engine.state(1).is_some() && engine.state(9).is_none());
    let dates: Vec<Date> = engine.states().iter().map(|state| state.as_of().date()).collect();
    assert_eq!(dates.len(), 4);
}

/// A key that comes again with another update is no success, before and after a restart.
#[test]
fn a_key_is_of_one_update() {
    let journal = MemoryJournal::new();
    let engine = engine_with(&[[0, 1, 2, 3, 4], [9, 1, 2, 3, 4]], settings(4).journal(journal.clone()));
    let (a, b) = (id_of(0), id_of(1));
    let set = |seats: i64| Change::new().set(&a, "seats", seats).set(&b, "rate", 0.5);
    let today = engine.published().as_of().clone();
    let update = |seats: i64| {
        Update::from(set(seats))
            .define(attribute("twice", "seats * 2"))
            .rates([ExchangeRate::market(Currency::USD, Currency::EUR, today.date(), Decimal::new(9, 1))])
            .moment(today.clone())
            .once("k")
    };
    let first = engine.apply(update(5)).unwrap();
    let others = [
        update(6),
        update(5).define(attribute("half", "seats / 2")),
        update(5).subscribe(DefinitionRef::attribute("twice")),
        update(5).remove(DefinitionRef::attribute("half")),
        update(5).rename(DefinitionRef::attribute("twice"), "two"),
        update(5).events([Event::on("login", a.as_str(), today.date())]),
        update(5).close_days([today.date()]),
        update(5).moment(today.clone().with_week_start(Weekday::Sunday)),
        update(5).schema(SchemaChange::new().attribute(Attribute::new("more", AttributeType::Int))),
        Update::from(set(5)).once("k"),
        Update::new().once("k"),
    ];
    let asked = |engine: &Engine| {
        let version = engine.published().version();
        // The same wishes in another order, and whatever version it expects.
        let turned = Change::new().set(&b, "rate", 0.5).set(&a, "seats", 5_i64);
        let again = engine.apply(update(5).change(turned).expecting(99)).unwrap();
        assert_eq!((again.version, again.repeated), (first.version, true));
        for (number, other) in others.iter().enumerate() {
            let refused = engine.apply(other.clone()).unwrap_err();
            assert_eq!(
                refused.to_string(),
                format!(
                    "another update came with the key \"k\", and made version {}; nothing was changed now",
                    first.version
                ),
                "{number}"
            );
        }
        let refused = engine.apply(Update::new().once("")).unwrap_err();
        assert!(refused.to_string().starts_with("the key of an update is empty"), "{refused}");
        assert_eq!(engine.published().version(), version);
    };
    asked(&engine);
    let (again, _) = Engine::restore(settings(4), &journal.bytes(), None).unwrap();
    asked(&again);
    engine.compact_journal().unwrap();
    let (again, _) = Engine::restore(settings(4), &journal.bytes(), None).unwrap();
    asked(&again);
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn a_journal_leads_to_every_state_that_was_published(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..16),
        steps in prop::collection::vec(any::<[u8; 5]>(), 1..10),
        packing in 0_usize..6,
        cut in any::<prop::sample::Index>(),
        flipped in any::<prop::sample::Index>(),
    ) {
        let journal = MemoryJournal::new();
        // It begins with usage, which a host that restores it need not have.
        let mut begun = usage();
        let login = Event::on("login", "0d-0", as_of().date()).user("ann").count(3);
        begun.ingest([login], as_of().date()).unwrap();
        let engine = engine_with(&seeds, settings(packing).usage(begun).journal(journal.clone()).remember(99));
        subscribe_some(&engine, 0x5555_5555);
        for (number, bytes) in steps.iter().enumerate() {
            let _ = step(&engine, *bytes, number);
            // Now and then a definition gets another name, if it may.
            if bytes[3] % 3 == 0 {
                let state = engine.published();
                let all = state.catalog().definitions();
                if let Some(of) = all.get(usize::from(bytes[4]) % all.len().max(1)) {
                    let _ = engine.apply(Update::new().rename(reference(of), &format!("renamed_{number}")));
                }
            }
        }
        let bytes = journal.bytes();
        // Whatever the host says of usage when it restores: the journal knows.
        let logout = UsageSchema::new([EventKind::new("logout")]).unwrap();
        let other = UsageSettings::new().keep_days(3).ids_for_days(2).zone(FixedZone::east("+05:00", 300));
        let settings = |packing| settings(packing).usage(Usage::new(logout.clone(), other.clone()));
        let mut ends: Vec<(u64, usize)> = Vec::new();
        for state in engine.states() {
            let (again, restored) =
                Engine::restore(settings(packing), &bytes, Some(state.version())).unwrap();
            prop_assert_eq!(restored.version, state.version());
            prop_assert!(restored.damage.is_none());
            ends.push((restored.version, restored.bytes));
            let again = again.published();
            same_state(&again, &state);
            let views = [&again, &state].map(|state| by_engine(&state.view(&Scope::all()).unwrap()));
            prop_assert_eq!(differing(&views[0], &views[1]), Vec::<String>::new());
        }
        damaged_anywhere(&engine, &|| settings(packing), &bytes, &ends, cut, flipped)?;
        let shorter = compact(settings(packing), &bytes).unwrap();
        let (again, restored) = Engine::restore(settings(packing), &shorter, None).unwrap();
        let (again, last) = (again.published(), engine.published());
        prop_assert_eq!(restored.version, last.version());
        same_state(&again, &last);
        prop_assert!(shorter.len() <= bytes.len());
        let views = [&again, &last].map(|state| by_engine(&state.view(&Scope::all()).unwrap()));
        prop_assert_eq!(differing(&views[0], &views[1]), Vec::<String>::new());
    }

    #[test]
    fn a_branch_is_what_the_original_would_become(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..20),
        changes in prop::collection::vec(any::<[u8; 3]>(), 1..6),
        packing in 0_usize..6,
    ) {
        let engine = engine_over(&seeds, packing);
        subscribe_some(&engine, u64::MAX);
        let before = engine.published();
        let mut branch = before.branch();
        for [who, which, value] in changes {
            let account = id_of(usize::from(who) % seeds.len());
            let name = ATTRIBUTES[usize::from(which) % ATTRIBUTES.len()];
            branch.apply(Change::new().set(&account, name, value_of(name, value).unwrap())).unwrap();
        }
        branch.apply(Update::new().define(definitions(true)[1].clone())).unwrap();
        // Nobody sees it.
        prop_assert_eq!(engine.published().version(), before.version());
        let view = branch.published().view(&Scope::all()).unwrap();
        let differ = differing(&by_engine(&view), &afresh(&view, None, 0));
        prop_assert!(differ.is_empty(), "{}", differ.join("\n"));
        let compared = branch.difference().report(&Scope::all()).unwrap();
        let taken = engine.take_over(&branch).unwrap();
        prop_assert_eq!(&taken.report(&Scope::all()).unwrap(), &compared);
        prop_assert_eq!(engine.published().version(), branch.published().version());
        let late = engine.take_over(&branch).unwrap_err();
        let is_late = matches!(late, EngineError::Version { .. });
        prop_assert!(is_late);
    }
}

/// A tail of a journal that is missing or damaged costs what is in it, and no more: the last version is there whose record ends before it.
///
/// `ends` are all versions of the journal, each with the end of its record.
pub fn damaged_anywhere(
    engine: &Engine,
    settings: &dyn Fn() -> EngineSettings,
    bytes: &[u8],
    ends: &[(u64, usize)],
    cut: prop::sample::Index,
    flipped: prop::sample::Index,
) -> Result<(), TestCaseError> {
    let kept = cut.index(bytes.len());
    let mut torn = bytes.to_vec();
    let at = 8 + flipped.index(bytes.len() - 8);
    torn[at] ^= 0x10;
    prop_assert_eq!(ends.last().map(|(_, end)| *end), Some(bytes.len()));
    for (damaged, first) in [(&bytes[..kept], kept), (&torn[..], at)] {
        let reached = ends.iter().rev().find(|(_, end)| *end <= first);
        match Engine::restore(settings(), damaged, None) {
            Ok((again, restored)) => {
                prop_assert_eq!(Some(&(restored.version, restored.bytes)), reached);
                same_state(&again.published(), &engine.state(restored.version).unwrap());
                prop_assert_eq!(restored.damage.is_none(), restored.bytes == damaged.len());
                if let Some(damage) = restored.damage {
                    let ends = (damage.offset, damage.offset + damage.bytes);
                    prop_assert_eq!(ends, (restored.bytes, damaged.len()));
                }
            }
            Err(JournalError::NotAJournal) => prop_assert!(first < 8),
            Err(JournalError::NoState { .. }) => prop_assert_eq!(reached, None),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
    Ok(())
}

/// Definitions over the reference book: of single accounts, up the tree, and of the whole book.
fn reference_definitions() -> Vec<Definition> {
    vec![
        attribute("half", "ratio(m1, 2.0)"),
        attribute("share", "ratio(m1, m1_sum)"),
        roll_up("m1_sum", Operator::Sum("m1".into())).into(),
        roll_up("m1_mean", Operator::Average("m1".into())).filter("region == \"EMEA\"").into(),
        roll_up("m1_most", Operator::Max("m1".into())).into(),
        roll_up("m1_least", Operator::Min("half".into())).into(),
        roll_up("managers", Operator::Distinct("success_manager".into())).into(),
        segment("large", "m1_sum > 1000.0 && nps > 0"),
        segment("top", "share > 0.5 || m1 > 90.0"),
        segment("below_large", "parent.m1 > 50.0"),
    ]
}

/// All that a state is, but for its version: what comes back with a journal is the same in every part.
pub fn same_state(one: &Published, other: &Published) {
    assert_eq!(&**one.schema(), &**other.schema());
    assert!(one.book().to_snapshot() == other.book().to_snapshot(), "the books differ");
    assert_eq!(one.catalog().definitions(), other.catalog().definitions());
    assert!(one.subscribed().eq(other.subscribed()), "the subscriptions differ");
    let moment = |state: &Published| {
        let at = state.as_of();
        (at.instant(), at.date(), at.zone().name().to_owned(), at.week_start(), at.fiscal().clone())
    };
    assert_eq!(moment(one), moment(other));
    let settings = |state: &Published| state.usage().map(|usage| usage.settings().clone());
    assert_eq!(settings(one), settings(other));
    let counted = |state: &Published| state.usage().map(Usage::to_snapshot);
    assert!(counted(one) == counted(other), "the usage differs");
    assert_eq!(one.rates(), other.rates());
    assert_eq!(one.records().to_days(), other.records().to_days());
    assert_eq!(one.facts(), other.facts());
}

fn said_of(engine: &Engine) -> Said {
    by_engine(&engine.published().view(&Scope::all()).unwrap())
}

/// On so many threads.
fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

/// What is known of an answer says that it stays, but not where a row without a value refuses it.
#[test]
fn a_row_without_a_value_refuses_an_answer_that_would_stay() {
    let rows = ["a", "b", "c"].map(|name| AccountRow::new(id(name), "Company"));
    let [top, left, right] = rows;
    let source = MemorySource::new()
        .account(top.with("seats", 5_i64))
        .account(left.under(id("a")).with("seats", 9_i64))
        .account(right.under(id("a")).with("seats", 7_i64));
    let engine = Engine::new(schema(), as_of(), EngineSettings::new()).unwrap();
    engine.load(&source).unwrap();
    let largest = |name: &str| roll_up(name, Operator::Largest { of: "seats".into(), k: 2 });
    engine.define([largest("kind").into(), largest("strict").nulls(Nulls::Refuse).into()]).unwrap();
    let second = |name: &str| {
        let view = engine.published().view(&Scope::all()).unwrap();
        let account = view.account("a").unwrap();
        (view.value(name, account), view.counts(name, account))
    };
    let seven = Some(ExprValue::Int(7));
    assert_eq!(
        (second("kind"), second("strict")),
        ((seven.clone(), Some((3, 0))), (seven.clone(), Some((3, 0))))
    );
    engine.apply(Change::new().add(AccountRow::new(id("d"), "Company").under(id("b")))).unwrap();
    assert_eq!((second("kind"), second("strict")), ((seven.clone(), Some((3, 1))), (None, Some((3, 1)))));
    engine.apply(Change::new().set(&id("d"), "seats", 1_i64)).unwrap();
    assert_eq!((second("kind"), second("strict")), ((seven.clone(), Some((4, 0))), (seven, Some((4, 0)))));
}

/// A list without anything in it is a value: a union of nothing but such is empty, and one of none at all is missing.
#[test]
fn a_union_is_missing_again_when_the_last_empty_list_goes() {
    let source = MemorySource::new()
        .account(AccountRow::new(id("a"), "Company"))
        .account(AccountRow::new(id("b"), "Company").under(id("a")));
    let engine = Engine::new(schema(), as_of(), EngineSettings::new()).unwrap();
    engine.load(&source).unwrap();
    engine.define([roll_up("tags_of_all", Operator::Union("tags".into())).into()]).unwrap();
    let all = || {
        let view = engine.published().view(&Scope::all()).unwrap();
        view.value("tags_of_all", view.account("a").unwrap())
    };
    let tags = |tags: &[&str]| Value::List(tags.iter().copied().map(Arc::from).collect());
    assert_eq!(all(), None);
    engine.apply(Change::new().set(&id("b"), "tags", tags(&[]))).unwrap();
    assert_eq!(all(), Some(ExprValue::List(Arc::from([]))));
    engine.apply(Change::new().clear(&id("b"), "tags")).unwrap();
    assert_eq!(all(), None);
}

#[test]
fn one_thread_or_two_and_any_chunks_give_the_same_bits_of_large_trees() {
    let run = |rows: u32, threads: usize| {
        on_threads(threads, move || {
            let book = ReferenceBook::with_first_tree(3_000, 5, 1_500);
            let settings = EngineSettings::new().chunk_rows(rows);
            let engine = Engine::new(book.schema(), as_of(), settings).unwrap();
            engine.load(&book.source()).unwrap();
            engine.define(reference_definitions()).unwrap();
            let mut random = Random::new(9);
            let mut all = Vec::new();
            // Few and many rows at once, so that both ways are gone.
            for (round, many) in [1_usize, 40, 900, 2, 2_500, 1].into_iter().enumerate() {
                let mut values = BTreeMap::new();
                for _ in 0..many {
                    values.insert(random.below(3_000) as usize, random.below(10_000) as i64);
                }
                let change = values.into_iter().fold(Change::new(), |change, (number, value)| {
                    change.set(&id(&book.id(number)), "m1", Decimal::new(value.into(), 2))
                });
                engine.apply(change).unwrap();
                if round == 3 {
                    engine.apply(Change::new().move_to_root(&id(&book.id(3)))).unwrap();
                }
                let fresh = Engine::new(book.schema(), as_of(), EngineSettings::new()).unwrap();
                fresh.define(engine.published().catalog().definitions().to_vec()).unwrap();
                fresh.replace(engine.published().book().clone()).unwrap();
                let said = said_of(&engine);
                assert_eq!(
                    differing(&said, &said_of(&fresh)),
                    Vec::<String>::new(),
                    "{rows} rows, {many} changes"
                );
                all.push(said);
            }
            all
        })
    };
    let one = run(4_096, 1);
    for (rows, threads) in [(4_096, 2), (64, 1), (64, 2), (512, 1)] {
        let other = run(rows, threads);
        assert!(one == other, "{rows} rows on {threads} threads");
    }
}

#[test]
fn readers_during_writes_see_whole_states_and_nothing_else() {
    let book = ReferenceBook::new(400, 3);
    let engine = Engine::new(book.schema(), as_of(), EngineSettings::new().remember(2)).unwrap();
    engine.load(&book.source()).unwrap();
    // All accounts have one value at any time, so that half a change would show.
    let value = |round: u32| Decimal::new(i128::from(round), 2);
    let all = |round: u32| {
        (0..book.len())
            .fold(Change::new(), |change, number| change.set(&id(&book.id(number)), "m1", value(round)))
    };
    engine.apply(all(0)).unwrap();
    engine
        .define([
            roll_up("least", Operator::Min("m1".into())).with_cancelled().into(),
            roll_up("most", Operator::Max("m1".into())).with_cancelled().into(),
            segment("even", "least == most"),
            attribute("lazy", "least == most ? 1 : 0"),
        ])
        .unwrap();
    let lazy = DefinitionRef { kind: DefinitionKind::Attribute, name: "lazy".into() };
    engine.apply(Update::new().unsubscribe(lazy)).unwrap();
    let done = AtomicBool::new(false);
    let ids: Vec<String> = (0..book.len()).map(|number| book.id(number)).collect();
    std::thread::scope(|threads| {
        let readers: Vec<_> = (0..3)
            .map(|reader| {
                let (engine, done, ids) = (&engine, &done, &ids);
                threads.spawn(move || {
                    let (mut seen, mut last) = (0_u64, 0);
                    while !done.load(Ordering::Relaxed) || seen == 0 {
                        let state = engine.published();
                        assert!(state.version() >= last, "versions go on");
                        last = state.version();
                        let scope = match reader {
                            0 => Scope::all(),
                            _ => Scope::of(state.book().subtrees([ids[reader].as_str(), ids[100].as_str()])),
                        };
                        let view = state.view(&scope).unwrap();
                        let even = view.segment("even").unwrap();
                        assert_eq!(even.len(), view.accounts().len(), "a half change shows");
                        for account in view.accounts().accounts().take(5) {
                            assert_eq!(view.value("least", account), view.value("most", account));
                            assert_eq!(view.value("lazy", account), Some(ExprValue::Int(1)));
                        }
                        seen += 1;
                    }
                    seen
                })
            })
            .collect();
        for round in 1..60 {
            engine.apply(all(round)).unwrap();
            if round % 20 == 0 {
                let (account, parent) = (id(&ids[7]), id(&ids[0]));
                let _ = engine.apply(Change::new().move_under(&account, &parent));
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(readers.into_iter().all(|reader| reader.join().unwrap() > 0));
    });
}

#[test]
fn memory_stays_within_what_is_allowed() {
    let book = ReferenceBook::new(5_000, 3);
    let settings = EngineSettings::new().memory(200_000).remember(1);
    let engine = Engine::new(book.schema(), as_of(), settings).unwrap();
    engine.load(&book.source()).unwrap();
    let update = (0..12).fold(Update::new(), |update, number| {
        update.define(attribute(&format!("own_{number}"), &format!("ratio(m1, {number}.5)")))
    });
    engine.apply(update).unwrap();
    let state = engine.published();
    assert_eq!(state.stats().kept_current, 0);
    let view = state.view(&Scope::all()).unwrap();
    let account = view.account(&book.id(0)).unwrap();
    let first: Vec<Option<ExprValue>> =
        (0..12).map(|number| view.value(&format!("own_{number}"), account)).collect();
    let stats = state.stats();
    assert!(stats.remembered >= 1 && stats.remembered < 12, "{stats:?}");
    assert!(stats.remembered_bytes <= 200_000 && stats.evicted > 0, "{stats:?}");
    // Dropped or not, it says the same; so it does for the views of scopes, of which not many are held.
    for (number, first) in first.iter().enumerate() {
        assert_eq!(view.value(&format!("own_{number}"), account), *first);
    }
    for number in 0..100 {
        let scope = Scope::of(state.book().subtrees([book.id(number).as_str()]));
        let view = state.view(&scope).unwrap();
        let account = view.accounts().root_accounts()[0];
        assert!(view.value("own_3", account).is_some() || account.value("m1").is_none());
    }
    for number in 0..100 {
        // Nothing is asked of these.
        state.view(&Scope::of(state.book().accounts([book.id(number).as_str()]))).unwrap();
    }
    let stats = state.stats();
    assert!(stats.remembered_bytes + stats.views_bytes <= 200_000 && stats.views <= MAX_VIEWS, "{stats:?}");
    // The next state takes over what was asked last.
    engine.apply(Change::new().set(&id(&book.id(0)), "m1", Decimal::new(700, 2))).unwrap();
    let view = engine.published().view(&Scope::all()).unwrap();
    let account = view.account(&book.id(0)).unwrap();
    assert_eq!(view.value("own_3", account), Some(ExprValue::Double(2.0)));
}

/// Stops after some definitions.
struct After(AtomicUsize, usize);

impl Observer for After {
    fn progress(&self, progress: Progress) {
        assert!(progress.done <= progress.of);
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= self.1
    }
}

#[test]
fn what_is_stopped_or_refused_leaves_everything_as_it_was() {
    struct Full;
    impl JournalSink for Full {
        fn append(&self, record: &[u8]) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            if record.len() < 600 { Ok(()) } else { Err("the disk is full".into()) }
        }
    }
    let engine = engine_over(&[[0, 1, 2, 3, 4], [9, 1, 2, 3, 4]], 4);
    let said = |engine: &Engine| (engine.published().version(), said_of(engine));
    let before = said(&engine);
    let stopped = After(AtomicUsize::new(0), 3);
    let all = definitions(false);
    let update = all.iter().fold(Update::new(), |update, definition| {
        update.define(definition.clone()).subscribe(reference(definition))
    });
    let error = engine.apply_observed(update.clone(), &stopped).unwrap_err();
    assert!(matches!(error, EngineError::Cancelled));
    assert_eq!(said(&engine), before);
    let unheard =
        Update::new().subscribe(DefinitionRef { kind: DefinitionKind::Segment, name: "nobody".into() });
    assert_eq!(
        engine.apply(unheard).unwrap_err().to_string(),
        "there is no segment `nobody` to be subscribed or removed"
    );
    let wrong =
        Update::from(Change::new().set(&id_of(0), "seats", 7_i64)).define(attribute("wrong", "seets + 1"));
    assert!(matches!(engine.apply(wrong).unwrap_err(), EngineError::Catalog(_)));
    let gone = Change::new().set(&id("nobody"), "seats", 7_i64);
    assert!(matches!(engine.apply(gone).unwrap_err(), EngineError::Change(_)));
    let twice = MemorySource::new()
        .account(AccountRow::new(id("a"), "Group"))
        .account(AccountRow::new(id("a"), "Group"));
    assert!(matches!(engine.load(&twice).unwrap_err(), EngineError::Load(_)));
    assert_eq!(said(&engine), before);
    engine.apply(update).unwrap();
    let watched = After(AtomicUsize::new(0), usize::MAX);
    let state = engine.published();
    state
        .view(&Scope::of(state.book().accounts([id_of(1).as_str()])))
        .unwrap()
        .prepare(state.catalog().order(), &watched)
        .unwrap();
    assert!(watched.0.into_inner() > 30);
    // What cannot be kept is not published.
    let engine = Engine::new(schema(), as_of(), settings(4).journal(Full)).unwrap_err();
    assert!(matches!(engine, EngineError::Journal(_)), "{engine}");
}

#[test]
fn rankings_are_left_out_by_name_unless_they_are_asked() {
    let engine = engine_over(&[[0, 1, 2, 3, 4], [9, 1, 2, 3, 4], [17, 0, 9, 9, 9]], 4);
    let all: Vec<Definition> = vec![
        attribute("twice", "seats * 2"),
        Ranking::new("by_seats", "seats").into(),
        segment("first", "by_seats == 100.0"),
        segment("large", "twice > 200"),
    ];
    let update =
        all.iter().fold(Update::new(), |update, of| update.define(of.clone()).subscribe(reference(of)));
    let seats =
        (0..3).fold(Change::new(), |change, at| change.set(&id_of(at), "seats", 10 * (at as i64 + 1)));
    let before = engine.apply(update.change(seats)).unwrap().delta.to().clone();
    let middle = engine.apply(Change::new().set(&id_of(1), "seats", 900_i64)).unwrap().delta.to().clone();
    let after = engine.apply(Change::new().set(&id_of(2), "seats", 950_i64)).unwrap().delta.to().clone();
    let ids: Vec<DefinitionRef> = all.iter().map(reference).collect();
    let told = |report: &DeltaReport| -> BTreeSet<String> {
        reported(report).into_iter().map(|(id, _)| id.name.to_string()).collect()
    };
    let names = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|&name| name.to_owned()).collect() };
    let delta = Delta::between(&before, &middle);
    let report = delta.report(&Scope::all()).unwrap();
    assert_eq!(told(&report), names(&["large", "twice"]));
    let wide: BTreeSet<DefinitionRef> = [ids[1].clone(), ids[2].clone()].into();
    assert_eq!(report.left_out, wide.into_iter().collect::<Vec<_>>());
    let asked = delta.report_of(&Scope::all(), &ids).unwrap();
    assert_eq!(told(&asked), names(&["by_seats", "first", "large", "twice"]));
    assert!(asked.left_out.is_empty());
    // Also where they are put together.
    let next = Delta::between(&middle, &after).report(&Scope::all()).unwrap();
    let both = report.then(&next);
    assert_eq!(both, Delta::between(&before, &after).report(&Scope::all()).unwrap());
    assert_eq!(both.left_out, report.left_out);
    // What one of two reports leaves out, both together do not tell in part.
    let narrow = engine.apply(Update::new().define(segment("first", "seats > 900"))).unwrap().delta;
    let first_of = |report: &DeltaReport| report.segments.iter().any(|change| &*change.segment == "first");
    let last = engine.apply(Change::new().set(&id_of(0), "seats", 990_i64)).unwrap().delta;
    let last_report = last.report(&Scope::all()).unwrap();
    assert!(first_of(&last_report) && last_report.left_out.len() == 1);
    let whole = Delta::between(&after, last.to()).report(&Scope::all()).unwrap();
    let composed = narrow.report(&Scope::all()).unwrap().then(&last_report);
    assert!(!first_of(&whole) && !first_of(&composed));
    assert_eq!(composed, whole);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["left_out"].as_array().unwrap().len(), 2);
}

#[test]
fn reasons_are_ways_through_the_definitions() {
    let engine = engine_over(&[[0, 1, 2, 3, 4], [9, 1, 2, 3, 4], [17, 0, 9, 9, 9]], 4);
    subscribe_some(&engine, u64::MAX);
    let delta = engine.apply(Change::new().set(&id_of(1), "seats", 150_i64)).unwrap().delta;
    let crowded = DefinitionRef { kind: DefinitionKind::Segment, name: "crowded".into() };
    let reasons: Vec<String> = delta.reasons(&crowded).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(reasons, ["attribute `seats` -> roll-up `seats_sum` -> segment `crowded`"]);
    let worked = DefinitionRef { kind: DefinitionKind::Segment, name: "worked".into() };
    assert!(delta.reasons(&worked).unwrap().is_empty());
    let moved = engine.apply(Change::new().move_to_root(&id_of(1))).unwrap().delta;
    let report = moved.report(&Scope::all()).unwrap();
    assert_eq!(report.accounts.moves.len(), 1);
    assert_eq!((&*report.accounts.moves[0].from, &*report.accounts.moves[0].to), (&[id_of(0)][..], &[][..]));
    assert!(moved.reasons(&crowded).unwrap().iter().any(|reason| reason.path().is_empty()));
    let crm = definitions(true).into_iter().find(|definition| definition.name() == "crm").unwrap();
    let worked_now = engine.apply(Update::new().define(crm)).unwrap().delta;
    let crm = DefinitionRef { kind: DefinitionKind::Segment, name: "crm".into() };
    let reasons: Vec<String> = worked_now.reasons(&crm).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(reasons, ["segment `crm`"]);
    let (_, seen) =
        engine.ingest([Event::on("login", id_of(1).as_str(), as_of().date()).user("ann")]).unwrap();
    let recent = DefinitionRef { kind: DefinitionKind::Attribute, name: "recent".into() };
    let reasons: Vec<String> = seen.reasons(&recent).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(reasons, ["event `login` -> calculated attribute `recent`"]);
    let (table, row) = child_row_of(&id_of(1), 900, 2);
    let late = engine.apply(Change::new().add_child(table, row)).unwrap().delta;
    let reasons: Vec<String> = late.reasons(&worked).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(reasons, ["table `tickets` -> segment `worked`"]);
}

/// A tree that was computed as a whole says for each account whether it receives a roll-up, others that all do: what is carried
/// from one of them is known as it was there.
#[test]
fn what_is_carried_beside_a_tree_that_was_computed_anew_still_receives() {
    let schema = perennial::Schema::builder()
        .account_type("Company", perennial::Nesting::Free)
        .attribute(Attribute::new("seats", perennial::AttributeType::Int))
        .build()
        .unwrap();
    let settings = EngineSettings::new().chunk_rows(2_048);
    let engine = Engine::new(schema, as_of(), settings).unwrap();
    let row = |id: &str| AccountRow::new(AccountId::new(id).unwrap(), "Company").with("seats", 1_i64);
    let mut source = perennial::source::MemorySource::new();
    for root in ["a", "b"] {
        source = source.account(row(root));
        for leaf in 0..2_000 {
            source = source.account(row(&format!("{root}{leaf}")).under(id(root)));
        }
    }
    engine.load(&source).unwrap();
    engine.define([roll_up("r", Operator::Sum("children.sum(c, c.seats)".into())).into()]).unwrap();
    let change = (0..3).fold(Change::new(), |all, leaf| all.set(&id(&format!("a{leaf}")), "seats", 5_i64));
    engine.apply(change).unwrap();
    engine.apply(Change::new().add(row("b-new").under(id("b")))).unwrap();
    let live = engine.published().view(&Scope::all()).unwrap();
    let value = |of: &str| live.value("r", live.account(of).unwrap());
    assert_eq!((value("a"), value("b")), (Some(ExprValue::Int(2_012)), Some(ExprValue::Int(2_001))));
    assert_eq!(live.counts("r", live.account("b").unwrap()), Some((1, 2_001)));
}

/// Accounts that do not receive a roll-up have a state of it all the same: who moves takes along that of today.
#[test]
fn who_moves_on_another_day_takes_along_the_sum_of_that_day() {
    for rows in CHUNK_ROWS {
        let since = as_of().date().plus_days(-10).unwrap();
        let row = |name: &str, kind: &str| AccountRow::new(id(name), kind);
        let engine = Engine::new(schema(), as_of(), EngineSettings::new().chunk_rows(rows)).unwrap();
        let source = MemorySource::new()
            .account(row("group", "Group"))
            .account(row("company", "Company").with("since", since))
            .account(row("below", "Company").with("since", since).under(id("company")));
        engine.load(&source).unwrap();
        let days = roll_up("days", Operator::Sum("today() - since".into())).levels(["Group"]);
        engine.define([days.into()]).unwrap();
        let next = perennial::AsOf::date_utc(as_of().date().plus_days(1).unwrap());
        engine.apply(Update::new().moment(next)).unwrap();
        engine.apply(Change::new().move_under(&id("company"), &id("group"))).unwrap();
        let state = engine.published();
        let view = state.view(&Scope::all()).unwrap();
        let (group, company) = (view.account("group").unwrap(), view.account("company").unwrap());
        let fresh = state.catalog().run(view.accounts(), None, None);
        assert_eq!(view.value("days", group), fresh.value("days", group), "{rows} rows");
        assert!(view.value("days", group).is_some_and(|days| days.to_string().contains("22")), "{rows} rows");
        assert_eq!(view.value("days", company), None);
    }
}
