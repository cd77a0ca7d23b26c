//! A catalog of which some definitions are put in or taken out: what a new catalog of the definitions afterwards is, in every
//! answer and every fault, while only what is edited and what reads it is compiled.

use crate::common::definitions::same_faults;
use crate::common::{as_of, config, forest, id_of, schema};
use perennial::aggregate::{
    Event, EventKind, Metric, Operator, Over, Ranking, RollUp, Usage, UsageSchema, UsageSettings,
};
use perennial::catalog::{
    CalculatedAttribute, Catalog, CatalogErrors, CatalogFaultKind, Definition, DefinitionKind, DefinitionRef,
    Derived, Origin, PastValue,
};
use perennial::engine::{Engine, EngineError, EngineSettings, LiveView, MemoryJournal, Update};
use perennial::expr::{Checker, ExprValue, NameText, Names, Of};
use perennial::segment::Segment;
use perennial::testkit::Random;
use perennial::{
    AsOf, Attribute, AttributeType, Book, Change, Date, Policy, SchemaChange, SchemaPart, Scope, View,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn usage_schema() -> UsageSchema {
    UsageSchema::new([EventKind::new("login")]).unwrap()
}

fn attribute(name: &str, expression: &str) -> Definition {
    CalculatedAttribute::new(name, expression).into()
}

fn segment(id: &str, expression: &str) -> Definition {
    Segment::parse(id, expression).unwrap().into()
}

fn reference(of: &Definition) -> DefinitionRef {
    DefinitionRef { kind: of.kind(), name: of.name().into() }
}

/// What a list of definitions is after an edit, as the documentation of `Catalog::edited` says it.
fn edited_list(
    before: &[Definition],
    removed: &[DefinitionRef],
    put: &[Definition],
) -> Option<Vec<Definition>> {
    let mut after = before.to_vec();
    for id in removed {
        let at = after.iter().position(|of| reference(of) == *id)?;
        after.remove(at);
    }
    let known: Vec<DefinitionRef> = after.iter().map(reference).collect();
    for (number, of) in put.iter().enumerate() {
        let id = reference(of);
        let is_first = put[..number].iter().all(|of| reference(of) != id);
        match known.iter().position(|known| *known == id).filter(|_| is_first) {
            Some(at) => after[at] = of.clone(),
            None => after.push(of.clone()),
        }
    }
    Some(after)
}

/// All that a catalog says without accounts.
fn told(catalog: &Catalog) -> String {
    let mut lines = vec![format!("{:?}", catalog.definitions()), catalog.to_json().to_string()];
    for id in catalog.order() {
        let lineage: Vec<String> = catalog
            .lineage(id)
            .unwrap()
            .iter()
            .map(|step| format!("{} {} {}", step.depth, step.read_by, step.origin))
            .collect();
        let impact: Vec<String> =
            catalog.impact(&Origin::Definition(id.clone())).iter().map(ToString::to_string).collect();
        let without: Vec<String> =
            catalog.without(&Origin::Definition(id.clone())).iter().map(ToString::to_string).collect();
        lines.push(format!("{id}: {lineage:?} {impact:?} {without:?}"));
    }
    let names = catalog.names();
    let mut all: Vec<String> = Vec::new();
    names.each(Of::Account, &mut |name| all.push(name.to_owned()));
    for name in &all {
        let NameText { label, documentation, unit, .. } = names.text(Of::Account, name);
        lines
            .push(format!("{name} {:?} {label:?} {documentation:?} {unit:?}", names.name(Of::Account, name)));
    }
    let mut segments: Vec<String> = Vec::new();
    names.each_segment(&mut |name| segments.push(name.to_owned()));
    lines.extend(segments.iter().map(|id| format!("{id} {:?}", names.segment_chain(id))));
    let mut metrics: Vec<String> = Vec::new();
    names.each_metric(&mut |name| metrics.push(name.to_owned()));
    lines.extend(metrics.iter().map(|name| format!("{name} {:?}", names.metric(name))));
    lines.push(format!("{:?}", catalog.metrics().iter().collect::<Vec<_>>()));
    lines.push(format!("{:?}", catalog.report()));
    lines.push(format!("{:?}", catalog.without(&Origin::Attribute("seats".into()))));
    lines.join("\n")
}

fn answers(
    catalog: &Catalog,
    view: &View,
    value: impl Fn(&DefinitionRef, perennial::Account<'_>) -> String,
) -> Vec<String> {
    let ids: Vec<&DefinitionRef> = catalog.order().filter(|id| id.kind != DefinitionKind::Metric).collect();
    view.accounts()
        .flat_map(|account| ids.iter().map(move |id| (*id, account)))
        .map(|(id, account)| format!("{id} of {}: {}", account.id_str(), value(id, account)))
        .collect()
}

fn shown(value: Option<ExprValue>) -> String {
    match value {
        Some(ExprValue::Double(value)) => format!("double {:x}", value.to_bits()),
        other => format!("{other:?}"),
    }
}

fn by_catalog(catalog: &Catalog, derived: &Derived) -> Vec<String> {
    answers(catalog, derived.view(), |id, account| match id.kind {
        DefinitionKind::Segment => derived.is_member(&id.name, account).to_string(),
        _ => shown(derived.value(&id.name, account)),
    })
}

fn by_engine(view: &LiveView) -> Vec<String> {
    answers(view.catalog(), view.accounts(), |id, account| match id.kind {
        DefinitionKind::Segment => view.is_member(&id.name, account).to_string(),
        _ => shown(view.value(&id.name, account)),
    })
}

fn usage(book: &Book) -> Usage {
    let mut usage = Usage::new(usage_schema(), UsageSettings::new());
    let today = as_of().date();
    let view = crate::common::view(book);
    let ids: Vec<String> = view.accounts().map(|account| account.id_str().to_owned()).collect();
    let events = ids.iter().enumerate().map(|(at, id)| {
        Event::on("login", id, today.plus_days(-(at as i32 % 9)).unwrap()).user("ann").count(at as u32 + 1)
    });
    usage.ingest(events.collect::<Vec<_>>(), today).unwrap();
    usage
}

// --- Any edits ------------------------------------------------------------------------------------

/// Names that definitions give and read; the last ones are a column of a child table, an attribute and a table of the schema, a
/// word of the language and no name at all.
const NAMES: [&str; 13] =
    ["n0", "n1", "n2", "n3", "n4", "n1.a", "n.six", "n.seven", "hours", "seats", "tickets", "level", ""];

fn name(random: &mut Random) -> &'static str {
    // Those that are always refused are rare.
    let among = if random.below(40) == 0 { NAMES.len() } else { 9 };
    NAMES[random.below(among as u64) as usize]
}

fn expression(random: &mut Random) -> String {
    let (a, b) = (NAMES[random.below(9) as usize], NAMES[random.below(9) as usize]);
    match random.below(22) {
        0 => format!("{a} + {b}"),
        1 => format!("{a} * 2"),
        2 => format!("has({a}) ? 1 : 2"),
        // What is looked up and not read.
        3 => format!("true || has({a})"),
        4 => "name".to_owned(),
        5 => "since".to_owned(),
        6 => format!("inSegment(\"{a}\") ? seats : 0"),
        7 => format!("metric(\"{a}\").lastDays(5).sum()"),
        8 => "tickets.sum(t, t.hours)".to_owned(),
        // What is mentioned and not looked up.
        9 => format!("children.count({}, {}.seats > 1)", a.replace('.', "_"), a.replace('.', "_")),
        10 => format!("children.count(c, has(c.{a}))"),
        11 => "today().year()".to_owned(),
        12 => format!("coalesce({a}, {b})"),
        13 => "region".to_owned(),
        14 => format!("inSegment(\"{a}\") && inSegment(\"{b}\")"),
        15 => format!("root.{a}"),
        // The status, and a walk that may not see it.
        16 => "status == \"gone\" ? 1 : 2".to_owned(),
        17 => format!("children.count(c, c.{a} > 1)"),
        _ => "seats + 1".to_owned(),
    }
}

fn definition(random: &mut Random) -> Definition {
    let name = name(random);
    let other = NAMES[random.below(9) as usize];
    match random.below(12) {
        0 => segment(name, &format!("has({other})")),
        1 => segment(name, &format!("inSegment(\"{other}\") || seats > 3")),
        2 => {
            let text = format!("({}) == 1", expression(random));
            segment(name, &text)
        }
        3 => Metric::new(name, "events(\"login\").count()").into(),
        4 => match random.below(3) {
            0 => Metric::new(name, "events(\"login\").distinct(e, e.user)").into(),
            1 => Metric::new(name, "events(\"login\").sum(e, e.day.year())").into(),
            _ => Metric::new(name, "events(\"logn\").count()").into(),
        },
        5 => RollUp::new(name, Operator::Max(expression(random).into())).into(),
        6 => RollUp::new(name, Operator::Count).filter(&format!("inSegment(\"{other}\")")).into(),
        7 => RollUp::new(name, Operator::Sum("row.hours".into())).over(Over::Table("tickets".into())).into(),
        8 => Ranking::new(name, &expression(random)).into(),
        9 => PastValue::new(name, other, 7).into(),
        10 => CalculatedAttribute::new(name, &expression(random)).label(other).into(),
        _ => attribute(name, &expression(random)),
    }
}

/// What is taken out and what is put in.
fn edit(random: &mut Random, now: &[Definition]) -> (Vec<DefinitionRef>, Vec<Definition>) {
    let mut removed = Vec::new();
    for of in now {
        if random.below(8) == 0 {
            removed.push(reference(of));
        }
    }
    if random.below(30) == 0 {
        removed.push(reference(&definition(random)));
    }
    random.shuffle(&mut removed);
    let mut put: Vec<Definition> = (0..random.below(4)).map(|_| definition(random)).collect();
    if let Some(same) = now.get(random.below(8) as usize) {
        // As it is, or with another text that people read.
        match same {
            Definition::Attribute(of) if random.below(2) == 0 => put.push(of.clone().label("same").into()),
            _ => put.push(same.clone()),
        }
    }
    (removed, put)
}

proptest! {
    #![proptest_config(config(96))]

    /// After any edits a catalog is what a new one is: the same definitions, order, names, ways and reports, or the same faults.
    #[test]
    fn an_edited_catalog_is_a_new_one(seeds in prop::collection::vec(any::<[u8; 5]>(), 1..10), seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let (book, _) = forest(&seeds).load(7, Policy::strict());
        let usage = usage(&book);
        let view = crate::common::view(&book);
        let mut catalog = Catalog::new(book.schema(), usage.schema(), []).unwrap();
        let mut list: Vec<Definition> = Vec::new();
        let (mut accepted, mut tries) = (0, 0);
        while accepted < 16 && tries < 150 {
            tries += 1;
            let (removed, put) = edit(&mut random, &list);
            let found = catalog.edited(removed.clone(), put.clone());
            let Some(after) = edited_list(&list, &removed, &put) else {
                let not_there = |errors: &CatalogErrors| {
                    errors.faults().iter().all(|fault| fault.kind == CatalogFaultKind::NotDefined)
                };
                prop_assert!(found.as_ref().is_err_and(not_there), "{:?}", found.map(|it| it.to_json()));
                continue;
            };
            match (found, Catalog::new(book.schema(), usage.schema(), after.clone())) {
                (Ok(edited), Ok(new)) => {
                    prop_assert_eq!(told(&edited), told(&new));
                    if accepted % 4 == 0 {
                        let run = |catalog: &Catalog| {
                            by_catalog(catalog, &catalog.run(&view, Some(&usage.over(&view, catalog.metrics())), None))
                        };
                        prop_assert_eq!(run(&edited), run(&new));
                    }
                    prop_assert!(edited.compiled() <= new.compiled());
                    prop_assert_eq!(new.compiled(), new.len());
                    (catalog, list) = (edited, after);
                    accepted += 1;
                }
                (Err(edited), Err(new)) => same_faults(&edited, &new)?,
                (edited, new) => prop_assert!(
                    false,
                    "edited: {:?}\nnew: {:?}",
                    edited.err().map(|errors| errors.to_string()),
                    new.err().map(|errors| errors.to_string())
                ),
            }
        }
        prop_assert!(accepted > 3, "{accepted} of {tries}");
    }

    /// A catalog that is to be exactly a list is what a new one of that list is, or is refused for the same; what that means is told first.
    #[test]
    fn a_catalog_is_exactly_a_list(seeds in prop::collection::vec(any::<[u8; 5]>(), 1..6), seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let (book, _) = forest(&seeds).load(7, Policy::strict());
        let usage = usage(&book);
        let view = crate::common::view(&book);
        let mut catalog = Catalog::new(book.schema(), usage.schema(), []).unwrap();
        let mut list: Vec<Definition> = Vec::new();
        let (mut accepted, mut tries) = (0, 0);
        while accepted < 12 && tries < 150 {
            tries += 1;
            let mut next: Vec<Definition> = list.iter().filter(|_| random.below(7) > 0).cloned().collect();
            for of in &mut next {
                if random.below(9) == 0 {
                    let (kind, other) = (of.kind(), definition(&mut random));
                    if other.kind() == kind {
                        *of = other;
                    }
                }
            }
            next.extend((0..random.below(3)).map(|_| definition(&mut random)));
            if random.below(2) == 0 {
                random.shuffle(&mut next);
            }
            // By name: who comes, who goes, who says something else.
            let said = |list: &[Definition]| -> BTreeMap<DefinitionRef, Definition> {
                list.iter().rev().map(|of| (reference(of), of.clone())).collect()
            };
            let (then, now) = (said(&list), said(&next));
            let enters: BTreeSet<DefinitionRef> = now.keys().filter(|id| !then.contains_key(*id)).cloned().collect();
            let leaves: BTreeSet<DefinitionRef> = then.keys().filter(|id| !now.contains_key(*id)).cloned().collect();
            let changes: BTreeSet<DefinitionRef> =
                now.iter().filter(|(id, of)| then.get(*id).is_some_and(|then| then != *of)).map(|(id, _)| id.clone()).collect();
            let told_first = catalog.changes_to(next.clone());
            let set = |ids: &[DefinitionRef]| -> BTreeSet<DefinitionRef> { ids.iter().cloned().collect() };
            prop_assert_eq!(set(&told_first.enters), enters.clone());
            prop_assert_eq!(set(&told_first.leaves), leaves.clone());
            prop_assert_eq!(set(&told_first.changes), changes.clone());
            let touched = set(&told_first.touched);
            prop_assert!(touched.iter().all(|id| then.contains_key(id) && then.get(id) == now.get(id)));
            let lines = told_first.to_string().lines().count();
            prop_assert_eq!(lines == 0, told_first.is_empty());
            match (catalog.exactly(next.clone()), Catalog::new(book.schema(), usage.schema(), next.clone())) {
                (Ok(exact), Ok(new)) => {
                    prop_assert_eq!(told(&exact), told(&new));
                    prop_assert!(told_first.breaks.is_empty());
                    // Whoever says the same and reads one that comes or says something else is told of.
                    let other: BTreeSet<&DefinitionRef> = enters.iter().chain(&changes).collect();
                    for id in then.keys().filter(|id| then.get(*id) == now.get(*id)) {
                        let read = new.lineage(id).unwrap();
                        let reads = |id: &DefinitionRef| read.iter().any(|step| step.origin == Origin::Definition(id.clone()));
                        let reads_other = other.iter().any(|other| reads(other));
                        prop_assert!(!reads_other || touched.contains(id), "{id}: {touched:?}");
                    }
                    if list != next {
                        prop_assert_eq!(exact.compiled(), enters.len() + changes.len() + touched.len());
                    }
                    if accepted % 3 == 0 {
                        let run = |catalog: &Catalog| {
                            by_catalog(catalog, &catalog.run(&view, Some(&usage.over(&view, catalog.metrics())), None))
                        };
                        prop_assert_eq!(run(&exact), run(&new));
                    }
                    (catalog, list) = (exact, next);
                    accepted += 1;
                }
                (Err(exact), Err(new)) => {
                    same_faults(&exact, &new)?;
                    prop_assert_eq!(&told_first.breaks[..], exact.faults());
                }
                (exact, new) => prop_assert!(
                    false,
                    "exactly: {:?}\nnew: {:?}",
                    exact.err().map(|errors| errors.to_string()),
                    new.err().map(|errors| errors.to_string())
                ),
            }
        }
        prop_assert!(accepted > 2, "{accepted} of {tries}");
    }

    /// An engine whose definitions, data and days change answers what a new catalog over the same accounts does.
    #[test]
    fn an_engine_after_any_edits_answers_as_a_new_catalog(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..10),
        seed in any::<u64>(),
    ) {
        let mut random = Random::new(seed);
        let (book, _) = forest(&seeds).load(7, Policy::strict());
        let settings = EngineSettings::new().usage(usage(&book)).remember(2);
        let engine = Engine::new(book.schema().clone(), as_of(), settings).unwrap();
        engine.replace(book).unwrap();
        let mut day = as_of().date();
        for _ in 0..40 {
            let state = engine.published();
            let list = state.catalog().definitions();
            let (removed, put) = edit(&mut random, list);
            let mut after = edited_list(list, &removed, &put);
            let mut update = Update::new();
            // Said one by one, or as all that there is.
            match &mut after {
                Some(after) if random.below(3) == 0 => {
                    random.shuffle(after);
                    update = update.exactly(after.clone());
                }
                _ => {
                    update = removed.iter().fold(update, |update, id| update.remove(id.clone()));
                    update = put.iter().fold(update, |update, of| update.define(of.clone()));
                }
            }
            for of in &put {
                // Some are kept current, others are computed when they are asked.
                if random.below(3) > 0 {
                    update = update.subscribe(reference(of));
                }
            }
            if random.below(3) == 0 {
                let account = id_of(random.below(seeds.len() as u64) as usize);
                update = update.change(Change::new().set(&account, "seats", random.below(9) as i64));
            }
            if random.below(5) == 0 {
                day = day.plus_days(200).unwrap();
                update = update.moment(AsOf::date_utc(day));
            }
            let new = after
                .map(|after| Catalog::new(state.book().schema(), state.usage().unwrap().schema(), after));
            match (engine.apply(update), new) {
                (Ok(_), Some(Ok(new))) => {
                    let state = engine.published();
                    let live = state.view(&Scope::all()).unwrap();
                    let view = live.accounts();
                    let usage = state.usage().unwrap().over(view, new.metrics());
                    // Some questions leave what is asked beside what is kept current, some do not ask.
                    if random.below(3) > 0 {
                        prop_assert_eq!(by_engine(&live), by_catalog(&new, &new.run(view, Some(&usage), None)));
                    }
                }
                (Err(EngineError::Unknown(_) | EngineError::Catalog(_)), None) => {}
                (Err(EngineError::Catalog(errors)), Some(Err(new))) => {
                    let only_words = errors.faults().iter().all(|fault| fault.kind == CatalogFaultKind::Reserved);
                    if !only_words {
                        same_faults(&errors, &new)?;
                    }
                }
                (done, new) => prop_assert!(
                    false,
                    "{:?} {:?}",
                    done.err().map(|error| error.to_string()),
                    new.map(|new| new.map(|new| new.len()))
                ),
            }
        }
    }
}

// --- What is compiled -----------------------------------------------------------------------------

/// Ten thousand definitions in groups of five; the last four of each read the first.
const MANY: usize = 10_000;

fn many() -> Vec<Definition> {
    let of = |at: usize| {
        let name = format!("d{at}");
        match at % 5 {
            0 => attribute(&name, &format!("seats + {at}")),
            1 => RollUp::new(&name, Operator::Sum(format!("d{}", at - 1).into())).into(),
            2 => attribute(&name, &format!("ratio(d{}, d{})", at - 1, at - 2)),
            3 => segment(&name, &format!("d{} > 3", at - 1)),
            _ => segment(&name, &format!("inSegment(\"d{}\") || seats > {at}", at - 1)),
        }
    };
    (0..MANY).map(of).collect()
}

#[test]
fn one_definition_more_among_thousands_compiles_that_one_and_its_readers() {
    let catalog = Catalog::new(&schema(), &usage_schema(), many()).unwrap();
    assert_eq!(catalog.compiled(), MANY);
    let first = DefinitionRef { kind: DefinitionKind::Attribute, name: "d500".into() };
    let last = DefinitionRef { kind: DefinitionKind::Segment, name: "d504".into() };

    let more = catalog.edited([], [attribute("more", "d7 + 1")]).unwrap();
    assert_eq!((more.len(), more.compiled()), (MANY + 1, 1));
    // Four read it, one of them through three others.
    let replaced = more.edited([], [attribute("d500", "seats * 3")]).unwrap();
    assert_eq!(replaced.compiled(), 5);
    // Nothing, where it says the same.
    assert_eq!(replaced.edited([], [attribute("d500", "seats * 3")]).unwrap().compiled(), 5);
    let fewer = replaced.edited([last.clone()], []).unwrap();
    assert_eq!((fewer.len(), fewer.compiled()), (MANY, 0));
    // What reads the one that goes is refused, and nothing else is looked at.
    let errors = replaced.edited([first.clone()], []).unwrap_err();
    let told = "calculated attribute `d500`: still read by roll-up `d501`, calculated attribute `d502`";
    assert_eq!(errors.to_string(), told);
    assert_eq!(replaced.without(&Origin::Definition(first)).len(), 4);
    let names: Vec<&str> = fewer.order().map(|id| &*id.name).collect();
    let mut list = many();
    list[500] = attribute("d500", "seats * 3");
    list.remove(504);
    list.push(attribute("more", "d7 + 1"));
    let new = Catalog::new(&schema(), &usage_schema(), list).unwrap();
    assert_eq!(names, new.order().map(|id| &*id.name).collect::<Vec<_>>());
}

#[test]
fn an_engine_compiles_what_is_defined_and_its_readers() {
    let engine = Engine::new(schema(), as_of(), EngineSettings::new()).unwrap();
    engine.define(many().into_iter().take(1_000)).unwrap();
    assert_eq!(engine.stats().compiled, 1_000);
    engine.define([attribute("more", "seats + 1")]).unwrap();
    assert_eq!(engine.stats().compiled, 1_001);
    engine.define([attribute("d500", "seats * 3")]).unwrap();
    assert_eq!(engine.stats().compiled, 1_006);
    // A branch shares what it does not define.
    let mut branch = engine.published().branch();
    branch.apply(Update::new().define(attribute("d600", "seats * 4"))).unwrap();
    assert_eq!(engine.stats().compiled, 1_011);
    engine.apply(Change::new()).unwrap();
    engine.advance(AsOf::date_utc(Date::new(2026, 2, 1).unwrap())).unwrap();
    assert_eq!(engine.stats().compiled, 1_011);
}

#[test]
fn thousands_are_taken_out_at_once() {
    let engine = Engine::new(schema(), as_of(), EngineSettings::new()).unwrap();
    let all = many();
    engine.define(all.iter().cloned()).unwrap();
    let mut update = Update::new();
    for of in all.iter().rev().take(MANY / 2) {
        update = update.remove(reference(of));
    }
    engine.apply(update).unwrap();
    assert_eq!(engine.stats().definitions, MANY / 2);
    assert_eq!(engine.stats().compiled, MANY as u64);
    let again = Update::new().remove(reference(&all[0])).remove(reference(&all[0]));
    let error = engine.apply(again).unwrap_err();
    assert_eq!(error.to_string(), "there is no calculated attribute `d0` to be subscribed or removed");
}

#[test]
fn what_is_looked_up_and_folded_away_is_checked_again_after_what_it_looked_up() {
    // Both `folded` and `past` stand on nothing that is read of the schema; `folded` was given first.
    let list = vec![
        attribute("folded", "true || has(past)"),
        PastValue::new("past", "hours", 7).into(),
        attribute("hours", "1"),
    ];
    let catalog = Catalog::new(&schema(), &usage_schema(), list).unwrap();
    let id = DefinitionRef { kind: DefinitionKind::Attribute, name: "hours".into() };
    let errors = catalog.edited([id], []).unwrap_err();
    assert_eq!(errors.to_string(), "calculated attribute `hours`: still read by past value `past`");
}

#[test]
fn readers_follow_what_is_replaced() {
    let new = |definitions: Vec<Definition>| Catalog::new(&schema(), &usage_schema(), definitions);
    let list = vec![
        attribute("a", "seats"),
        attribute("b", "a + 1"),
        attribute("folded", "true || a > 3"),
        attribute("c", "b * 2"),
        attribute("x", "seats + 7"),
    ];
    let catalog = new(list).unwrap();
    let order = |catalog: &Catalog| catalog.order().map(|id| id.name.to_string()).collect::<Vec<_>>();
    // What is folded away is looked up all the same.
    assert_eq!(order(&catalog), ["a", "x", "b", "folded", "c"]);
    // Deeper than before: so are those that read it.
    let deeper = catalog.edited([], [attribute("a", "x")]).unwrap();
    assert_eq!(order(&deeper), ["x", "a", "b", "folded", "c"]);
    assert_eq!(deeper.compiled(), 4);
    // Of another type: one that reads it is refused, also where nothing is read in the end.
    let errors = catalog.edited([], [attribute("a", "name")]).unwrap_err();
    let faulty: Vec<&str> = errors.faults().iter().map(|fault| &*fault.definition.name).collect();
    assert_eq!(faulty, ["b", "folded", "c"]);
    // Another kind of the same name, in one edit.
    let id = DefinitionRef { kind: DefinitionKind::Attribute, name: "a".into() };
    let sum = RollUp::new("a", Operator::Sum("seats".into()));
    let other = catalog.edited([id], [sum.clone().into()]).unwrap();
    assert_eq!((other.compiled(), &*other.definitions()[4].name().to_owned()), (4, "a"));
    // Beside the one that is there it is refused.
    let errors = catalog.edited([], [sum.into()]).unwrap_err();
    assert_eq!(errors.to_string(), "roll-up `a`: another definition has the name");
    // Expressions of others can be checked against the names of an edited catalog.
    assert!(Checker::new(deeper.names()).check("a + c").is_ok());
}

/// A definition that waits for two names is queued when the first is known, and again when the second is.
#[test]
fn what_waits_for_several_names_says_its_faults_once() {
    let all = [
        attribute("q", "a.b + 1"),
        RollUp::new("p", Operator::Sum("z".into())).filter("q").into(),
        attribute("a", "q"),
        // Mentions `p`, so that all are validated together.
        attribute("a.b", "children.sum(q, q.seats) + children.sum(p, p.seats)"),
        attribute("z", "children.sum(p, p.seats)"),
    ];
    let fault = |errors: CatalogErrors| {
        let lines: Vec<String> = errors.faults().iter().map(ToString::to_string).collect();
        lines
    };
    let at_once = fault(Catalog::new(&schema(), &usage_schema(), all.clone()).unwrap_err());
    assert_eq!(at_once.len(), 1, "{at_once:?}");
    let [q, p, a, ab, z] = all;
    let without = Catalog::new(&schema(), &usage_schema(), [q, a, ab, z]).unwrap();
    assert_eq!(fault(without.edited([], [p]).unwrap_err()), at_once);
}

#[test]
fn attributes_exchange_their_names() {
    let of = |first: &str, second: &str| {
        use perennial::{AccountRow, Attribute, AttributeType, Nesting, Schema};
        let builder = Schema::builder().account_type("Company", Nesting::Free);
        let builder = builder.attribute(Attribute::new(first, AttributeType::Int));
        let schema = builder.attribute(Attribute::new(second, AttributeType::Int)).build().unwrap();
        let row = AccountRow::new(perennial::AccountId::new("x").unwrap(), "Company")
            .with(first, 7_i64)
            .with(second, 2_i64);
        let source = perennial::source::MemorySource::new().account(row);
        let schema = std::sync::Arc::new(schema);
        let (book, _) = Book::load(schema.clone(), &source, &Policy::strict()).unwrap();
        (schema, book)
    };
    let ((before, old_book), (after, new_book)) = (of("a", "b"), of("b", "a"));
    let usage = UsageSchema::default();
    let catalog = Catalog::new(&before, &usage, [attribute("less", "a - b")]).unwrap();
    use perennial::{SchemaChange, SchemaPart};
    let rename = |change: SchemaChange, from: &str, to: &str| change.rename(SchemaPart::attribute(from), to);
    let change = rename(rename(rename(SchemaChange::new(), "a", "away"), "b", "a"), "away", "b");
    assert_eq!(change.apply(&before).unwrap(), *after);
    let evolved = catalog.evolve(&change).unwrap().catalog;
    for (catalog, book) in [(catalog, old_book), (evolved, new_book)] {
        let view = book.view(&Scope::all(), as_of()).unwrap();
        let derived = catalog.run(&view, None, None);
        let x = view.account("x").unwrap();
        assert_eq!(derived.value("less", x).unwrap().to_string(), "5");
    }
}

/// What is told of a document of definitions, and what becomes of subscriptions, schema and journal with it.
#[test]
fn the_definitions_of_an_engine_are_exactly_a_document() {
    let journal = MemoryJournal::new();
    let engine = Engine::new(schema(), as_of(), EngineSettings::new().journal(journal.clone())).unwrap();
    let first =
        [attribute("twice", "seats * 2"), attribute("more", "twice + 1"), attribute("half", "seats / 2")];
    engine.define(first.clone()).unwrap();
    let kept = first.iter().fold(Update::new(), |update, of| update.subscribe(reference(of)));
    engine.apply(kept).unwrap();
    let document = Catalog::document(&[
        attribute("far", "half + 1"),
        attribute("twice", "seats * 3"),
        attribute("more", "twice + 1"),
    ]);
    let read = |document: &serde_json::Value| Catalog::read([document.to_string().as_str()]).unwrap();
    let told = engine.published().changes_to(read(&document));
    assert_eq!(
        told.to_string(),
        "enters  calculated attribute `far`
leaves  calculated attribute `half`
changes calculated attribute `twice`
touched calculated attribute `more`
breaks  calculated attribute `half`: still read by calculated attribute `far`"
    );
    let as_data = serde_json::to_value(&told).unwrap();
    assert_eq!(as_data["leaves"], serde_json::json!([{ "kind": "attribute", "name": "half" }]));
    assert_eq!(as_data["breaks"].as_array().unwrap().len(), 1);
    // Refused as a whole.
    let version = engine.published().version();
    assert!(engine.apply(Update::new().exactly(read(&document))).is_err());
    assert_eq!((engine.published().version(), engine.published().catalog().len()), (version, 3));

    // Under another schema in the same update: what is in the document may read what is new, and nobody reads what goes.
    let change = SchemaChange::new()
        .attribute(Attribute::new("desks", AttributeType::Int))
        .rename(SchemaPart::attribute("seats"), "places");
    let document = [attribute("twice", "desks * 2"), attribute("more", "twice + places")];
    engine.apply(Update::new().schema(change).exactly(document.clone())).unwrap();
    let state = engine.published();
    assert_eq!(state.catalog().definitions(), document);
    let subscribed: Vec<String> = state.subscribed().map(|id| id.name.to_string()).collect();
    assert_eq!(subscribed, ["more", "twice"]);
    // The same again is nothing, in another order it is only that.
    let compiled = engine.stats().compiled;
    assert!(state.changes_to(document.clone()).is_empty());
    let turned = [document[1].clone(), document[0].clone()];
    assert!(state.changes_to(turned.clone()).is_empty());
    engine.apply(Update::new().exactly(turned.clone())).unwrap();
    assert_eq!(
        (engine.published().catalog().definitions(), engine.stats().compiled),
        (&turned[..], compiled)
    );
    // In any order of kinds.
    let turned =
        [segment("top", "more > 3"), document[1].clone(), segment("far", "places > 3"), document[0].clone()];
    engine.apply(Update::new().exactly(turned.clone())).unwrap();
    // None at all.
    let last = engine.published().version();
    engine.apply(Update::new().exactly([])).unwrap();
    assert_eq!((engine.published().catalog().len(), engine.published().subscribed().count()), (0, 0));
    for (version, all) in [(Some(last), &turned[..]), (None, &[][..])] {
        let (again, _) = Engine::restore(EngineSettings::new(), &journal.bytes(), version).unwrap();
        assert_eq!(again.published().catalog().definitions(), all);
    }
}

/// What is folded away is judged under another schema as well, whatever a definition is said to be.
#[test]
fn a_name_that_is_gone_breaks_who_mentions_it_and_folds_it_away() {
    let engine = Engine::new(schema(), as_of(), EngineSettings::new()).unwrap();
    let all = [segment("always", "true || seats > 1"), attribute("one", "true ? 1 : seats")];
    engine.define(all.clone()).unwrap();
    let renamed = || SchemaChange::new().rename(SchemaPart::attribute("seats"), "places");
    let errors = engine.apply(Update::new().schema(renamed()).exactly(all.clone())).unwrap_err().to_string();
    assert!(errors.contains("`always`") && errors.contains("`one`"), "{errors}");
    let errors =
        engine.apply(Update::new().schema(renamed()).define(all[0].clone())).unwrap_err().to_string();
    assert!(errors.contains("`always`") && !errors.contains("`one`"), "{errors}");
    // A text is not greater than a number.
    let text = Attribute::new("seats", AttributeType::Text);
    let retyped = SchemaChange::new().attribute(text);
    assert!(engine.apply(Update::new().schema(retyped)).is_err());
    // By the rename alone both are rewritten.
    engine.apply(Update::new().schema(renamed())).unwrap();
    let now = engine.published();
    let new = Catalog::new(now.schema(), &UsageSchema::default(), now.catalog().definitions().to_vec());
    assert_eq!(new.unwrap().to_json(), now.catalog().to_json());
}
