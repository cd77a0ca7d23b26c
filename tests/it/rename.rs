//! A definition gets another name: every answer is what it was, under the new name, and nothing else is.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common::definitions::{attribute, roll_up, segment};
use crate::common::kinds::{customs, kinds};
use crate::common::{ATTRIBUTES, as_of, config, id_of, value_of};
use crate::engine::{engine_with, reference, same_state, settings, step, subscribe_some};
use perennial::aggregate::{Metric, Operator, Ranking, UsageSchema};
use perennial::catalog::{
    Brought, CalculatedAttribute, Catalog, CatalogFaultKind, Custom, CustomInputs, CustomKind, CustomOutput,
    Definition, DefinitionKind, DefinitionRef, Parameter, ParameterType, PastValue, RecordFaultKind,
    Recorded, RecordedColumn, RecordedDay, RunInputs,
};
use perennial::engine::{
    DeltaReport, Engine, EngineError, EngineSettings, LiveView, MemoryJournal, Published, Update,
};
use perennial::expr::{ExprValue, Type};
use perennial::{
    AsOf, Attribute, AttributeType, Change, ChildTable, Date, Nesting, Schema, SchemaChange, SchemaPart,
    Scope, TableKind,
};
use proptest::prelude::*;

/// A definition by another name.
fn called(id: &DefinitionRef, name: &str) -> DefinitionRef {
    DefinitionRef { kind: id.kind.clone(), name: name.into() }
}

/// The names of the columns of a definition of [`definitions`] below its own.
fn below(name: &str) -> &'static [&'static str] {
    match name {
        "steady" => &[".band", ".previous", ".days"],
        "family" => &[".own", ".all", ".below", ".share"],
        _ => &[""],
    }
}

/// What a name comes to: the value of a column, or that an account is a member.
type Said = BTreeMap<(String, String), Option<ExprValue>>;

/// All answers, with `now` in the place of the name `was`.
fn said(view: &LiveView, (was, now): (&DefinitionRef, &DefinitionRef)) -> Said {
    let mut all = Said::new();
    for id in view.catalog().order() {
        if matches!(id.kind, DefinitionKind::Metric | DefinitionKind::Recorded | DefinitionKind::Parameter) {
            continue;
        }
        let before = if id == now { &was.name } else { &id.name };
        for account in view.accounts().accounts() {
            let at = |name: &str| (name.to_owned(), account.id_str().to_owned());
            if id.kind == DefinitionKind::Segment {
                all.insert(at(before), Some(ExprValue::Bool(view.is_member(&id.name, account))));
                continue;
            }
            for suffix in below(before) {
                let value = view.value(&format!("{}{suffix}", id.name), account);
                all.insert(at(&format!("{before}{suffix}")), value);
            }
        }
    }
    all
}

fn whole(state: &Published) -> LiveView {
    state.view(&Scope::all()).unwrap()
}

fn differing(one: &Said, other: &Said) -> Vec<String> {
    let keys = one.keys().chain(other.keys()).filter(|key| one.get(*key) != other.get(*key));
    keys.map(|key| format!("{key:?}: {:?} is not {:?}", one.get(key), other.get(key))).collect()
}

fn texts(state: &Published) -> String {
    let all = state.catalog().definitions().iter();
    all.map(|of| Catalog::document([of]).to_string()).collect::<Vec<_>>().join("\n")
}

/// What a state comes to that is computed from nothing.
fn afresh(state: &Published, names: (&DefinitionRef, &DefinitionRef)) -> Said {
    let (view, given) = (whole(state), state.catalog().definitions().to_vec());
    let fresh = Catalog::new(state.schema(), state.catalog().usage_schema(), given).unwrap();
    let usage = state.usage().map(|usage| usage.over(view.accounts(), fresh.metrics()));
    let rates: Arc<dyn perennial::Rates> = Arc::new(state.rates().clone());
    let inputs = RunInputs::new().history(state.records()).rates(&rates);
    let inputs = usage.iter().fold(inputs, RunInputs::usage);
    let derived = fresh.run_observed(view.accounts(), inputs, &()).unwrap();
    let mut all = said(&view, names);
    for ((name, account), value) in &mut all {
        let now = if **name == *names.0.name || name.starts_with(&format!("{}.", names.0.name)) {
            name.replacen(&*names.0.name, &names.1.name, 1)
        } else {
            name.clone()
        };
        let place = derived.view().account(account.as_str()).unwrap();
        *value = match derived.segment(&now) {
            Some(_) => Some(ExprValue::Bool(derived.is_member(&now, place))),
            None => derived.value(&now, place),
        };
    }
    all
}

/// A report with an old name in the place of a new one.
fn by_old_name(report: &DeltaReport, (was, now): (&DefinitionRef, &DefinitionRef)) -> serde_json::Value {
    let mut report = report.clone();
    for change in &mut report.derived {
        if change.definition == *now {
            change.definition = was.clone();
            change.column = change.column.replacen(&*now.name, &was.name, 1).into();
        }
    }
    report
        .derived
        .sort_by(|a, b| (&a.definition, &a.column, &a.account).cmp(&(&b.definition, &b.column, &b.account)));
    for change in &mut report.segments {
        if now.kind == DefinitionKind::Segment && change.segment == now.name {
            change.segment = was.name.clone();
        }
    }
    report.segments.sort_by(|a, b| a.segment.cmp(&b.segment));
    for id in &mut report.left_out {
        if id == now {
            *id = was.clone();
        }
    }
    report.left_out.sort();
    if was != now {
        assert_eq!(report.renamed, [(was.clone(), now.clone())]);
    }
    report.renamed.clear();
    serde_json::to_value(&report).unwrap()
}

/// Does a report tell of nothing but another name?
fn only_renames(mut report: DeltaReport, was: &DefinitionRef, now: &DefinitionRef) -> bool {
    let renamed = std::mem::take(&mut report.renamed);
    report.is_empty() && renamed == [(was.clone(), now.clone())]
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn answers_are_what_they_were_under_the_new_name(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..10),
        steps in prop::collection::vec(any::<[u8; 5]>(), 0..6),
        which in any::<prop::sample::Index>(),
        // Half of the time a definition of a kind that is read in its own way; and names that are those of lambda variables, too.
        read_otherwise in prop::sample::select(vec![
            "seats_sum", "half", "depth", "seats_before", "steady", "family", "moods", "logins", "limit", "daily", "territory",
        ]),
        is_any in any::<bool>(),
        name in prop::sample::select(vec!["zz", "a.new.name", "With Space", "or", "seats_", "x.y", "c", "d", "t"]),
        subscribed in any::<u64>(),
        change in any::<[u8; 3]>(),
    ) {
        let journal = MemoryJournal::new();
        let engine = engine_with(&seeds, settings(0).journal(journal.clone()).remember(99));
        subscribe_some(&engine, subscribed);
        for (number, bytes) in steps.iter().enumerate() {
            let _ = step(&engine, *bytes, number);
        }
        // A day is closed, so that something is recorded.
        engine.advance(AsOf::date_utc(engine.published().as_of().date().plus_days(1).unwrap())).unwrap();
        let before = engine.published();
        let all = before.catalog().definitions().to_vec();
        let read_otherwise = all.iter().find(|of| !is_any && of.name() == read_otherwise);
        let was = reference(read_otherwise.unwrap_or(&all[which.index(all.len())]));
        let now = called(&was, name);
        let names = (&was, &now);

        // Renamed and changed at once, it is told as the change alone would be.
        let accounts: Vec<_> = whole(&before).accounts().accounts().map(|account| account.id()).collect();
        let account = accounts.get(usize::from(change[0]) % accounts.len().max(1)).cloned().unwrap_or_else(|| id_of(0));
        let attribute = ATTRIBUTES[usize::from(change[1]) % ATTRIBUTES.len()];
        let changed = Change::new().set(&account, attribute, value_of(attribute, change[2]).unwrap());
        let (mut alone, mut both) = (before.branch(), before.branch());
        if let Ok(expected) = alone.apply(changed.clone()) {
            let found = both.apply(Update::from(changed).rename(was.clone(), name)).unwrap();
            let [expected, found] = [expected, found].map(|delta| delta.report(&Scope::all()).unwrap());
            prop_assert_eq!(by_old_name(&found, names), by_old_name(&expected, (&was, &was)));
            let told = both.difference().totals(&now, &Scope::all()).unwrap();
            prop_assert_eq!(told, alone.difference().totals(&was, &Scope::all()).unwrap());
        }

        let applied = engine.apply(Update::new().rename(was.clone(), name)).unwrap();
        let after = engine.published();
        let report = applied.delta.report(&Scope::all()).unwrap();
        prop_assert!(only_renames(report.clone(), &was, &now), "{:?}", report);
        let reverse = perennial::engine::Delta::between(&after, &before).report(&Scope::all()).unwrap();
        prop_assert!(only_renames(reverse.clone(), &now, &was), "{:?}", reverse);
        let views = [&before, &after].map(whole);
        let expected = said(&views[0], (&was, &was));
        let differ = differing(&said(&views[1], names), &expected);
        prop_assert!(differ.is_empty(), "{}", differ.join("\n"));
        let differ = differing(&afresh(&after, names), &expected);
        prop_assert!(differ.is_empty(), "afresh: {}", differ.join("\n"));

        // In its place, with its subscription, and with what was recorded.
        let ids = |state: &Published| -> Vec<DefinitionRef> { state.catalog().definitions().iter().map(reference).collect() };
        let renamed = |id: DefinitionRef| if id == was { now.clone() } else { id };
        prop_assert_eq!(ids(&after), ids(&before).into_iter().map(renamed).collect::<Vec<_>>());
        let subscribed = |state: &Published| state.subscribed().cloned().collect::<std::collections::BTreeSet<_>>();
        prop_assert_eq!(subscribed(&after), subscribed(&before).into_iter().map(renamed).collect());
        let is_column = !matches!(was.kind, DefinitionKind::Metric | DefinitionKind::Segment | DefinitionKind::Recorded);
        for column in before.records().columns() {
            let own = below(&was.name).iter().any(|suffix| *column == *format!("{}{suffix}", was.name)) && is_column;
            let new = if own { column.replacen(&*was.name, name, 1) } else { column.to_owned() };
            prop_assert!(before.records().days(column).eq(after.records().days(&new)), "{} {}", column, new);
        }
        prop_assert_eq!(before.records().columns().count(), after.records().columns().count());
        let in_order = |mut days: Vec<RecordedDay>| {
            for day in &mut days {
                day.columns.sort_by(|a, b| a.column.cmp(&b.column));
            }
            days
        };
        let mut expected_days = before.records().to_days();
        for column in expected_days.iter_mut().flat_map(|day| &mut day.columns) {
            if is_column && below(&was.name).iter().any(|suffix| *column.column == *format!("{}{suffix}", was.name)) {
                column.column = column.column.replacen(&*was.name, name, 1).into();
            }
        }
        prop_assert_eq!(in_order(after.records().to_days()), in_order(expected_days));

        // It stands in the journal, and goes on.
        let (again, _) = Engine::restore(settings(0), &journal.bytes(), None).unwrap();
        same_state(&again.published(), &after);
        let next = AsOf::date_utc(after.as_of().date().plus_days(1).unwrap());
        engine.advance(next).unwrap();
        let differ = differing(&afresh(&engine.published(), names), &said(&whole(&engine.published()), names));
        prop_assert!(differ.is_empty(), "later: {}", differ.join("\n"));

        // And back.
        let mut branch = after.branch();
        branch.apply(Update::new().rename(now.clone(), &was.name)).unwrap();
        prop_assert_eq!(texts(branch.published()), texts(&before));
        prop_assert!(only_renames(branch.difference().report(&Scope::all()).unwrap(), &now, &was));
        let differ = differing(&said(&whole(branch.published()), (&was, &was)), &expected);
        prop_assert!(differ.is_empty(), "back: {}", differ.join("\n"));
        let across = perennial::engine::Delta::between(&before, branch.published());
        prop_assert!(across.report(&Scope::all()).unwrap().is_empty());

        // Two of a kind exchange their names, and exchange them again.
        let of_kind: Vec<DefinitionRef> = all.iter().map(reference).filter(|id| id.kind == was.kind && *id != was).collect();
        if let Some(other) = of_kind.get(usize::from(change[0]) % of_kind.len().max(1)) {
            let exchange = || {
                let first = Update::new().rename(was.clone(), "away").rename(other.clone(), &was.name);
                first.rename(called(&was, "away"), &other.name)
            };
            let mut branch = before.branch();
            branch.apply(exchange()).unwrap();
            let exchanged = branch.published().clone();
            let mut report = branch.difference().report(&Scope::all()).unwrap();
            let mut renamed = std::mem::take(&mut report.renamed);
            renamed.sort();
            let mut expected_pairs = [(was.clone(), other.clone()), (other.clone(), was.clone())];
            expected_pairs.sort();
            prop_assert_eq!(renamed, expected_pairs);
            prop_assert!(report.is_empty(), "{} and {}: {:?}", was, other, report);
            prop_assert!(texts(&exchanged) != texts(&before));
            branch.apply(exchange()).unwrap();
            prop_assert_eq!(texts(branch.published()), texts(&before));
            same_state(branch.published(), &before);
            let across = perennial::engine::Delta::between(&before, branch.published());
            prop_assert!(across.report(&Scope::all()).unwrap().is_empty());
            let differ = differing(&said(&whole(branch.published()), (&was, &was)), &expected);
            prop_assert!(differ.is_empty(), "exchanged twice: {}", differ.join("\n"));
        }
    }
}

fn catalog(definitions: impl IntoIterator<Item = Definition>) -> Catalog {
    let int = |name: &str| Attribute::new(name, AttributeType::Int);
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(int("seats"))
        .attribute(int("taken"))
        .attribute(Attribute::new("tags", AttributeType::List))
        .table(ChildTable::new("deals", TableKind::Custom).column(int("twice")))
        .build()
        .unwrap();
    let usage = UsageSchema::new([perennial::aggregate::EventKind::new("twice")]).unwrap();
    Catalog::new(&schema.into(), &usage, definitions).unwrap()
}

fn id(kind: DefinitionKind, name: &str) -> DefinitionRef {
    DefinitionRef { kind, name: name.into() }
}

#[test]
fn only_what_reads_it_is_rewritten() {
    let all = || {
        vec![
            attribute("twice", "seats * 2"),
            Metric::new("twice", "events(\"twice\").count()").into(),
            segment("twice", "twice > 1"),
            attribute(
                "reads",
                "parent.twice + children.sum(c, c.twice) + deals.sum(d, d.twice) + attr.twice",
            ),
            attribute("text", "tags.exists(twice, twice == \"twice\") ? 1 : 0"),
            attribute("hidden", "children.sum(doubled, doubled.twice * twice)"),
            attribute("used", "metric(\"twice\").lastDays(7).sum() + events(\"twice\").count()"),
            segment("of", "inSegment(\"twice\") && twice < 9"),
            PastValue::new("before", "twice", 3).into(),
            roll_up("sum", Operator::Sum("twice".into())).filter("inSegment(\"twice\")").into(),
            Ranking::new("placed", "twice").into(),
            Recorded::new("daily", ["seats", "twice"], 9).into(),
        ]
    };
    let catalog = catalog(all());
    let renamed = |kind, to| catalog.renamed(&id(kind, "twice"), to).unwrap().definitions().to_vec();
    let mut expected = all();
    expected[0] = attribute("doubled", "seats * 2");
    expected[2] = segment("twice", "doubled > 1");
    expected[3] = attribute(
        "reads",
        "parent.doubled + children.sum(c, c.doubled) + deals.sum(d, d.twice) + attr.doubled",
    );
    expected[5] = attribute("hidden", "children.sum(doubled, doubled.doubled * attr.doubled)");
    expected[7] = segment("of", "inSegment(\"twice\") && doubled < 9");
    expected[8] = PastValue::new("before", "doubled", 3).into();
    expected[9] = roll_up("sum", Operator::Sum("doubled".into())).filter("inSegment(\"twice\")").into();
    expected[10] = Ranking::new("placed", "doubled").into();
    expected[11] = Recorded::new("daily", ["seats", "doubled"], 9).into();
    assert_eq!(renamed(DefinitionKind::Attribute, "doubled"), expected);
    let mut expected = all();
    expected[1] = Metric::new("say \"x\"", "events(\"twice\").count()").into();
    expected[6] =
        attribute("used", "metric(\"say \\\"x\\\"\").lastDays(7).sum() + events(\"twice\").count()");
    assert_eq!(renamed(DefinitionKind::Metric, "say \"x\""), expected);
    let mut expected = all();
    expected[2] = segment("other", "twice > 1");
    expected[7] = segment("of", "inSegment(\"other\") && twice < 9");
    expected[9] = roll_up("sum", Operator::Sum("twice".into())).filter("inSegment(\"other\")").into();
    assert_eq!(renamed(DefinitionKind::Segment, "other"), expected);
    // Itself, and what reads it; the others stay compiled.
    let next = catalog.renamed(&id(DefinitionKind::Segment, "twice"), "other").unwrap();
    assert_eq!(next.compiled(), 3);
    assert_eq!(
        catalog.renamed(&id(DefinitionKind::Segment, "twice"), "twice").unwrap().compiled(),
        catalog.compiled()
    );
    // What a segment is called in lists goes with its id only where it is the same.
    let called = catalog.edited([], [segment("of", "true")]).unwrap();
    let named = perennial::segment::Segment::parse("of", "true").unwrap().named("A name");
    let called = called.edited([], [named.into()]).unwrap();
    let next = called.renamed(&id(DefinitionKind::Segment, "of"), "for").unwrap();
    let text = next.to_json().to_string();
    assert!(text.contains("A name") && text.contains("\"for\""), "{text}");
}

#[test]
fn names_that_cannot_be_are_refused() {
    let [steady, ..] = customs(false);
    let catalog = catalog([
        attribute("twice", "seats * 2"),
        attribute("more", "twice + 1"),
        steady.into(),
        attribute("a.b", "seats"),
        segment("more", "true"),
    ]);
    let twice = id(DefinitionKind::Attribute, "twice");
    let told = |of: &DefinitionRef, to: &str| catalog.renamed(of, to).unwrap_err().to_string();
    for (to, why) in [
        ("more", "calculated attribute `more`: another definition has the name"),
        ("taken", "calculated attribute `taken`: an attribute of the schema has the name"),
        ("deals", "calculated attribute `deals`: a child table of the schema has the name"),
        ("level", "calculated attribute `level`: name `level` is reserved"),
        (
            "steady.more",
            "calculated attribute `steady.more`: the hysteresis `steady` reserves all names below `steady.`",
        ),
        ("", "calculated attribute ``: id is empty"),
    ] {
        assert_eq!(told(&twice, to).lines().next(), Some(why));
    }
    assert_eq!(told(&id(DefinitionKind::RollUp, "twice"), "x"), "roll-up `twice`: unknown definition");
    // Of another way to be read, a name may be that of another definition.
    assert!(catalog.renamed(&id(DefinitionKind::Segment, "more"), "twice").is_ok());
    // What is below the name would be that of another.
    let steady = id(DefinitionKind::Custom("hysteresis".into()), "steady");
    let error = catalog.renamed(&steady, "a").unwrap_err();
    assert!(matches!(error.faults()[0].kind, CatalogFaultKind::Below(_)), "{error}");
}

#[test]
fn renames_of_an_engine_come_first_and_one_after_the_other() {
    let int = |name: &str| Attribute::new(name, AttributeType::Int);
    let schema =
        Schema::builder().account_type("Company", Nesting::Free).attribute(int("seats")).build().unwrap();
    let journal = MemoryJournal::new();
    let given = EngineSettings::new().kinds(kinds()).journal(journal.clone());
    let day = |number| AsOf::date_utc(Date::new(2026, 3, number).unwrap());
    let engine = Engine::new(schema, day(1), given).unwrap();
    let all = [
        attribute("a", "seats + 1"),
        attribute("b", "seats + 2"),
        attribute("c", "a * 10 + b"),
        PastValue::new("a_before", "a", 1).into(),
        Recorded::new("daily", ["a", "b"], 30).into(),
    ];
    engine.define(all).unwrap();
    let row = perennial::AccountRow::new(id_of(0), "Company").with("seats", 5_i64);
    engine.apply(Change::new().add(row)).unwrap();
    let of = |name| id(DefinitionKind::Attribute, name);
    // Two names are exchanged; the day that the update closes is of the columns as they were; the rest names what is there afterwards; and the
    // schema changes in the same update.
    let exchange = Update::new()
        .rename(of("a"), "away")
        .rename(of("b"), "a")
        .rename(of("away"), "b")
        .schema(SchemaChange::new().rename(SchemaPart::attribute("seats"), "places"))
        .unsubscribe(of("b"))
        .define(attribute("d", "b - a"))
        .moment(day(2));
    let before = engine.published();
    let applied = engine.apply(exchange).unwrap();
    let state = engine.published();
    let text = texts(&state);
    assert_eq!(
        text.lines().map(|line| line.split("\"v\"").next().unwrap()).collect::<Vec<_>>(),
        [
            r#"{"attributes":[{"expression":"places + 1","name":"b"}],"#,
            r#"{"attributes":[{"expression":"places + 2","name":"a"}],"#,
            r#"{"attributes":[{"expression":"b * 10 + a","name":"c"}],"#,
            r#"{"past":[{"days_ago":1,"name":"a_before","of":"b"}],"#,
            r#"{"recorded":[{"columns":["b","a"],"keep_days":30,"name":"daily"}],"#,
            r#"{"attributes":[{"expression":"b - a","name":"d"}],"#,
        ]
    );
    assert_eq!(applied.closed.len(), 1);
    let subscribed: Vec<String> = state.subscribed().map(ToString::to_string).collect();
    assert!(subscribed.contains(&of("a").to_string()) && !subscribed.contains(&of("b").to_string()));
    let recorded =
        |name: &str| state.records().on(id_of(0).as_str(), name, Date::new(2026, 3, 1).unwrap()).flatten();
    assert_eq!((recorded("b"), recorded("a")), (Some(ExprValue::Int(6)), Some(ExprValue::Int(7))));
    let value = |state: &Published, name: &str| {
        let view = whole(state);
        let account = view.account(id_of(0).as_str()).unwrap();
        view.value(name, account)
    };
    assert_eq!(value(&state, "a_before"), Some(ExprValue::Int(6)));
    assert_eq!(value(&state, "c"), value(&before, "c"));
    // By either name the delta knows it: `a` is what `b` was.
    let report = applied.delta.report_of(&Scope::all(), &[of("a"), of("b"), of("c"), of("d")]).unwrap();
    let told: Vec<&str> = report.derived.iter().map(|change| &*change.column).collect();
    assert_eq!(told, ["d"]);
    let (again, _) = Engine::restore(EngineSettings::new(), &journal.bytes(), None).unwrap();
    assert_eq!(texts(&again.published()), text);
    assert_eq!(again.published().records().to_days(), state.records().to_days());
    // All or nothing.
    let error = engine.apply(Update::new().rename(of("a"), "x").rename(of("a"), "y")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the definitions were refused: calculated attribute `a`: unknown definition"
    );
    assert!(matches!(engine.apply(Update::new().rename(of("a"), "c")), Err(EngineError::Catalog(_))));
    assert_eq!(texts(&engine.published()), text);
    // One is renamed, and another takes its name in the same update.
    let taken = Update::new().rename(of("a"), "e").define(attribute("a", "places + 100")).subscribe(of("a"));
    let applied = engine.apply(taken).unwrap();
    assert!(texts(&engine.published()).contains("b * 10 + e"));
    let report = applied.delta.report(&Scope::all()).unwrap();
    let told: Vec<(&str, Option<ExprValue>)> =
        report.derived.iter().map(|change| (&*change.column, change.from.clone())).collect();
    assert_eq!(told, [("a", None)]);
    // Days that are left under a new name, of a column that is no more, go.
    engine.apply(Update::new().moment(day(3))).unwrap();
    engine.apply(Update::new().define(Recorded::new("daily", ["b"], 30)).remove(of("d"))).unwrap();
    let update = Update::new().define(attribute("c", "b")).remove(of("e"));
    engine.apply(update).unwrap();
    assert_eq!(engine.published().records().days("e").count(), 2);
    engine.apply(Update::new().rename(of("b"), "e")).unwrap();
    let state = engine.published();
    assert_eq!(state.records().columns().collect::<Vec<_>>(), ["e"]);
    assert_eq!(
        state.records().on(id_of(0).as_str(), "e", Date::new(2026, 3, 1).unwrap()).flatten(),
        Some(ExprValue::Int(6))
    );
}

#[test]
fn a_parameter_is_given_by_its_new_name() {
    let engine = engine_with(&[[0, 0, 9, 3, 4]], settings(0));
    let limit = Parameter::new("limit", ParameterType::Int);
    engine.define([limit.into(), attribute("over", "seats - limit")]).unwrap();
    engine.apply(Change::new().set(&id_of(0), "seats", 10_i64)).unwrap();
    engine.apply(Update::new().rename(id(DefinitionKind::Parameter, "limit"), "most")).unwrap();
    let state = engine.published();
    let asked = |name: &str| {
        let moment = as_of().with_parameter(name, 4_i64);
        let view = state.view_at(&Scope::all(), &moment).unwrap();
        let account = view.account(id_of(0).as_str()).unwrap();
        view.value("over", account)
    };
    // 10 seats, and a limit of 4.
    assert_eq!(asked("most"), Some(ExprValue::Int(6)));
    assert_eq!(asked("limit"), None);
}

#[test]
fn days_of_a_name_that_the_same_update_gives_are_refused_rather_than_lost() {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int))
        .build()
        .unwrap();
    let engine = Engine::new(schema, as_of(), EngineSettings::new()).unwrap();
    engine.define([attribute("twice", "seats * 2")]).unwrap();
    let mut column = RecordedColumn::new("doubled", true);
    column.changed.push((id_of(0), Some(ExprValue::Int(7))));
    let yesterday = as_of().date().plus_days(-1).unwrap();
    let days = || Update::new().records([RecordedDay { day: yesterday, columns: vec![column.clone()] }]);
    let before = engine.published();
    let twice = id(DefinitionKind::Attribute, "twice");
    let refused = engine.apply(days().rename(twice.clone(), "doubled")).unwrap_err();
    let EngineError::Records(faults) = &refused else { panic!("{refused}") };
    assert_eq!(faults.faults()[0].kind, RecordFaultKind::NotYetNamed);
    assert_eq!(engine.published().version(), before.version());
    // One after the other both are there.
    engine.apply(Update::new().rename(twice, "doubled")).unwrap();
    engine.apply(days()).unwrap();
    assert_eq!(
        engine.published().records().on(id_of(0).as_str(), "doubled", yesterday),
        Some(Some(ExprValue::Int(7)))
    );
}

/// It brings what reads an attribute that none of its texts names, and a column of its own without backticks.
#[derive(Debug)]
struct Bare;

impl CustomKind for Bare {
    fn word(&self) -> &'static str {
        "bare"
    }

    fn version(&self) -> u64 {
        1
    }

    fn outputs(&self) -> Vec<CustomOutput> {
        vec![CustomOutput::new("own", Type::Int)]
    }

    fn brings(&self, of: &Custom) -> Vec<Brought> {
        let name = of.name();
        vec![CalculatedAttribute::new(&format!("{name}.more"), &format!("{name}.own + seats")).into()]
    }

    fn compute(&self, _: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
        vec![Some(ExprValue::Int(1))]
    }
}

#[test]
fn what_a_kind_writes_by_itself_is_not_renamed() {
    let all = kinds().with(Arc::new(Bare)).unwrap();
    let given = EngineSettings::new().kinds(all.clone());
    let schema = Schema::builder().account_type("Company", Nesting::Free);
    let schema = schema.attribute(Attribute::new("seats", AttributeType::Int)).build().unwrap();
    let engine = Engine::new(schema, as_of(), given).unwrap();
    engine.define([Custom::new("mine", all.get("bare").unwrap()).into()]).unwrap();
    let refused = |update: Update| engine.apply(update).unwrap_err().to_string();
    let told =
        "bare `mine`: what it brings names attributes that it does not name itself, which cannot be renamed";
    let seats = SchemaChange::new().rename(SchemaPart::attribute("seats"), "places");
    assert!(refused(Update::new().schema(seats)).ends_with(told));
    let mine = id(DefinitionKind::Custom("bare".into()), "mine");
    assert!(refused(Update::new().rename(mine.clone(), "With Space")).ends_with(told));
    engine.apply(Update::new().rename(mine, "yours")).unwrap();
}

/// What it brings names a column of its own, in backticks: with them or without, it is the same column.
#[test]
fn a_kind_that_names_its_own_columns_is_renamed_to_any_name() {
    let engine = engine_with(&[[0, 0, 9, 3, 4], [1, 0, 5, 3, 4]], settings(0));
    subscribe_some(&engine, 0);
    let before = engine.published();
    let family = id(DefinitionKind::Custom("family".into()), "family");
    let expected = said(&whole(&before), (&family, &family));
    let shares = expected.iter().filter(|((name, _), value)| name == "family.share" && value.is_some());
    assert!(shares.count() > 0);
    for name in ["zz", "a.new.name", "With Space", "or", "x.y", "c", "seats_", "a.b c"] {
        let now = called(&family, name);
        let mut branch = before.branch();
        branch
            .apply(Update::new().rename(family.clone(), name))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let differ = differing(&said(&whole(branch.published()), (&family, &now)), &expected);
        assert!(differ.is_empty(), "{name}: {}", differ.join("\n"));
        branch.apply(Update::new().rename(now, "family")).unwrap_or_else(|error| panic!("back: {error}"));
        assert_eq!(texts(branch.published()), texts(&before));
    }
}
