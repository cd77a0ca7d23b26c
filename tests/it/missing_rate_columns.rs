//! Columns that lack a rate, read by name: what gathers them is missing, not smaller.

use std::sync::Arc;

use crate::common::definitions::{attribute, roll_up, segment};
use crate::common::unrated::{EUR, USD, accounts, day, dollars, engine_over, id, rate, schema, shown, view};
use perennial::aggregate::{
    Event, EventKind, Metric, Nulls, Operator, Over, Ranking, Usage, UsageSchema, UsageSettings,
};
use perennial::catalog::{Catalog, Definition, DefinitionRef, Origin, RunInputs};
use perennial::engine::{Engine, EngineSettings, Update};
use perennial::expr::{Checker, ExprPlan, Names, Of};
use perennial::source::MemorySource;
use perennial::{
    AccountRow, AsOf, Attribute, AttributeType, Change, ChildId, ChildRow, Decimal, ExchangeRate, Money,
    Nesting, Rates, Reach, Schema, Scope, StatusGroup, Value,
};

/// The accounts, with deals of `a1`, and of `b` without a rate.
fn engine(definitions: impl IntoIterator<Item = Definition>) -> Engine {
    let deal = |name: &str, of: &str, amount: Money, on: &str| {
        ChildRow::new(ChildId::new(name).unwrap(), id(of)).with("amount", amount).with("closed_on", day(on))
    };
    let source = accounts()
        .child("deals", deal("1", "a1", dollars(10), "2025-02-01"))
        .child("deals", deal("2", "b", dollars(20), "2024-02-01"));
    engine_over(&source, definitions)
}

#[test]
fn who_gathers_a_column_is_missing_where_it_lacks_a_rate() {
    let engine = engine([
        attribute("euros", "arr.convertAt(\"EUR\", signed)"),
        attribute("sum_below", "descendants.sum(d, d.euros)"),
        attribute("dear_below", "descendants.count(d, d.euros > 10)"),
        attribute("any_dear", "children.exists(c, c.euros > 40) ? 1 : 0"),
        attribute("any_dearer", "children.exists(c, c.euros > 60) ? 1 : 0"),
        attribute("known_below", "descendants.sum(d, coalesce(d.euros, d.arr.convertTo(\"EUR\")))"),
        attribute("with_value", "descendants.count(d, has(d.euros))"),
        roll_up("family", Operator::Sum("euros".into())).into(),
        roll_up("mean", Operator::Average("euros".into())).reach(Reach::Descendants).into(),
        roll_up("dear_family", Operator::Count).filter("euros > 10").into(),
        roll_up("own", Operator::Sum("euros".into())).reach(Reach::SelfOnly).into(),
    ]);
    let all = view(&engine);
    assert_eq!(shown(&all, "euros"), ["-", "50.00", "-", "-"]);
    // `a1` has no amount, and needs no rate; the amount of `b` has none.
    assert_eq!(shown(&all, "sum_below"), ["-", "-", "-", "-"]);
    assert_eq!(shown(&all, "dear_below"), ["-", "0", "0", "0"]);
    // What is known decides: one is dear, whatever the other is; nobody is known to be dearer.
    assert_eq!(shown(&all, "any_dear"), ["1", "-", "0", "0"]);
    assert_eq!(shown(&all, "any_dearer"), ["-", "-", "0", "0"]);
    // Who says what a missing one is, knows.
    assert_eq!(shown(&all, "known_below"), ["150.00", "-", "-", "-"]);
    assert_eq!(shown(&all, "with_value"), ["1", "0", "0", "0"]);
    assert_eq!(shown(&all, "family"), ["-", "50.00", "-", "-"]);
    assert_eq!(shown(&all, "mean"), ["-", "-", "-", "-"]);
    assert_eq!(shown(&all, "dear_family"), ["-", "1", "0", "-"]);
    assert_eq!(shown(&all, "own"), ["-", "50.00", "-", "-"]);
    // In a scope without `b` nothing lacks.
    let scope = Scope::of(engine.published().book().accounts(["g", "a", "a1"]));
    let some = engine.published().view(&scope).unwrap();
    assert_eq!(shown(&some, "sum_below"), ["50.00", "-", "-", "-"]);
    assert_eq!(shown(&some, "family"), ["50.00", "50.00", "-", "-"]);
    // With the rate everything is there, and so it is without the amount.
    let engine_of = |update: Update| {
        let mut branch = engine.published().branch();
        branch.apply(update).unwrap();
        branch
    };
    let rated = engine_of(Update::new().rates([rate("2024-01-01")]));
    let rated = rated.published().view(&Scope::all()).unwrap();
    assert_eq!(shown(&rated, "sum_below"), ["150.00", "-", "-", "-"]);
    assert_eq!(shown(&rated, "family"), ["150.00", "50.00", "-", "100.00"]);
    assert_eq!(shown(&rated, "any_dearer"), ["1", "-", "0", "0"]);
    let cleared = engine_of(Update::from(Change::new().clear(&id("b"), "arr")));
    let cleared = cleared.published().view(&Scope::all()).unwrap();
    assert_eq!(shown(&cleared, "family"), ["50.00", "50.00", "-", "-"]);
    assert_eq!(shown(&cleared, "mean")[0].split('.').next(), Some("50"));
}

#[test]
fn it_holds_through_any_number_of_definitions() {
    let mut all = vec![attribute("step0", "arr.convertAt(\"EUR\", signed)")];
    for step in 1..40 {
        all.push(attribute(&format!("step{step}"), &format!("step{} * 1.0", step - 1)));
    }
    all.push(roll_up("total", Operator::Sum("step39".into())).into());
    all.push(attribute("totals_below", "children.sum(c, c.total)"));
    all.push(attribute("either", "children.sum(c, coalesce(c.totals_below, c.step39))"));
    all.push(roll_up("most", Operator::Max("totals_below".into())).into());
    let (engine, again) = (engine(all.clone()), engine(all));
    let all = view(&engine);
    let without_zeros = |column: &str| shown(&all, column).map(|text| text.replace(".000000000000", ""));
    assert_eq!(without_zeros("step39"), ["-", "50.00", "-", "-"]);
    assert_eq!(without_zeros("total"), ["-", "50.00", "-", "-"]);
    // The total of `b` lacks a rate, so that what adds it up is not known.
    assert_eq!(without_zeros("totals_below"), ["-", "-", "-", "-"]);
    assert_eq!(without_zeros("most"), ["-", "-", "-", "-"]);
    assert_eq!(without_zeros("either"), ["-", "-", "-", "-"]);
    engine.apply(Update::new().rates([rate("2024-01-01")])).unwrap();
    let all = view(&engine);
    let without_zeros = |column: &str| shown(&all, column).map(|text| text.replace(".000000000000", ""));
    assert_eq!(without_zeros("totals_below"), ["150.00", "-", "-", "-"]);
    assert_eq!(without_zeros("most"), ["150.00", "-", "-", "-"]);
    assert_eq!(without_zeros("either"), ["150.00", "-", "-", "-"]);
    let engine = again;
    let all = view(&engine);
    let rates = || all.missing_rates("most").iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(rates(), ["no rate from USD to EUR on 2024-01-01: 1 row of b"]);
}

#[test]
fn a_roll_up_lacks_a_rate_where_a_row_within_its_reach_does() {
    let over_deals =
        |name: &str, operator: Operator| roll_up(name, operator).over(Over::Table("deals".into()));
    let of = |name: &str| attribute(&format!("{name}_below"), &format!("children.sum(c, c.{name})"));
    let amount = || Operator::Sum("row.amount".into());
    let engine = engine([
        over_deals("sum", amount()).convert_at(EUR, "row.closed_on").into(),
        over_deals("own", amount()).convert_at(EUR, "row.closed_on").reach(Reach::SelfOnly).into(),
        over_deals("below", amount()).convert_at(EUR, "row.closed_on").reach(Reach::Descendants).into(),
        over_deals("late", amount())
            .convert_at(EUR, "row.closed_on")
            .filter("row.closed_on > date(\"2025-01-01\")")
            .into(),
        over_deals("of_groups", amount()).convert_at(EUR, "row.closed_on").levels(["Group"]).into(),
        over_deals("least", Operator::Min("row.amount.convertAt(\"EUR\", row.closed_on)".into())).into(),
        of("sum"),
        of("own"),
        of("below"),
        of("late"),
        attribute("groups_known", "children.count(c, c.of_groups.convertTo(\"USD\") > 0)"),
        of("least"),
    ]);
    let all = view(&engine);
    assert_eq!(shown(&all, "sum"), ["-", "5.00", "5.00", "-"]);
    assert_eq!(shown(&all, "sum_below")[0], "-");
    assert_eq!(shown(&all, "own"), ["-", "-", "5.00", "-"]);
    assert_eq!(shown(&all, "own_below")[0], "-");
    // Nothing stands below `b`.
    assert_eq!(shown(&all, "below"), ["-", "5.00", "-", "-"]);
    assert_eq!(shown(&all, "below_below")[0], "5.00");
    // Who asks for what is late asks for no rate of 2024.
    assert_eq!(shown(&all, "late_below")[0], "5.00");
    // Companies receive no answer, and lack no rate for it.
    assert_eq!(shown(&all, "of_groups"), ["-", "-", "-", "-"]);
    assert_eq!(shown(&all, "groups_known")[0], "0");
    assert_eq!(shown(&all, "least"), ["-", "5.00", "5.00", "-"]);
    assert_eq!(shown(&all, "least_below")[0], "-");
}

#[test]
fn a_metric_lacks_a_rate_on_the_days_that_are_asked() {
    let kind = EventKind::new("sale").measure(Attribute::new("amount", AttributeType::Money(USD)));
    let usage = UsageSchema::new([kind]).unwrap();
    let settings = EngineSettings::new().usage(Usage::new(usage, UsageSettings::new().keep_days(2_000)));
    let engine = Engine::new(schema(), AsOf::date_utc(day("2026-01-31")), settings).unwrap();
    engine.load(&accounts()).unwrap();
    let sale = |of: &'static str, on: &str| Event::on("sale", of, day(on)).value("amount", dollars(10));
    let update = Update::new().rates([rate("2025-01-01")]).events([
        sale("a", "2026-01-30"),
        sale("b", "2026-01-30"),
        sale("b", "2024-12-31"),
    ]);
    engine.apply(update).unwrap();
    let metric = Metric::new("sales", "events(\"sale\").sum(e, e.amount.convertAt(\"EUR\", e.day))");
    engine
        .define([
            metric.into(),
            attribute("lately", "children.sum(c, c.lately_own)"),
            attribute("lately_own", "metric(\"sales\").lastDays(30).sum()"),
            attribute("ever", "children.sum(c, c.ever_own)"),
            attribute("ever_own", "metric(\"sales\").sum()"),
            roll_up("ever_family", Operator::Sum("metric(\"sales\").sum()".into())).into(),
            attribute("some", "children.count(c, c.most_own > 4)"),
            attribute("most_own", "metric(\"sales\").max()"),
        ])
        .unwrap();
    let all = view(&engine);
    assert_eq!(shown(&all, "lately"), ["10.00", "0.00", "-", "-"]);
    assert_eq!(shown(&all, "ever_own"), ["0.00", "5.00", "0.00", "-"]);
    assert_eq!(shown(&all, "ever"), ["-", "0.00", "-", "-"]);
    assert_eq!(shown(&all, "ever_family"), ["-", "5.00", "0.00", "-"]);
    assert_eq!(shown(&all, "some"), ["-", "0", "0", "0"]);
}

/// Rows that a roll-up does not read lack no rate for it, and rows of a plan lack that of the plan.
#[test]
fn only_what_a_roll_up_reads_lacks_a_rate() {
    let kind = EventKind::new("sale").measure(Attribute::new("amount", AttributeType::Money(USD)));
    let usage = UsageSchema::new([kind]).unwrap();
    let settings = EngineSettings::new().usage(Usage::new(usage, UsageSettings::new()));
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("arr", AttributeType::Money(USD)))
        .attribute(Attribute::new("signed", AttributeType::Date))
        .status([("live", StatusGroup::Paying), ("gone", StatusGroup::Cancelled)]);
    let engine = Engine::new(schema.build().unwrap(), AsOf::date_utc(day("2026-01-31")), settings).unwrap();
    let row = |of: &str| AccountRow::new(id(of), "Company");
    let gone = row("a1")
        .under(id("a"))
        .with("arr", dollars(5))
        .with("signed", day("2024-01-01"))
        .with("status", Value::Enum("gone".into()));
    let source = MemorySource::new().account(row("r")).account(row("a").under(id("r"))).account(gone);
    engine.load(&source).unwrap();
    let old = Event::on("sale", "a", day("2024-12-31")).value("amount", dollars(10));
    engine.apply(Update::new().rates([rate("2025-01-01")]).events([old])).unwrap();
    let most = |name: &str, last_days| {
        roll_up(name, Operator::Max("row.amount".into()))
            .over(Over::Events { event: "sale".into(), last_days })
            .convert_at(EUR, "row.day")
            .reach(Reach::SelfAndDescendants)
    };
    let largest = |name: &str| roll_up(name, Operator::Max("arr".into())).convert_at(EUR, "signed");
    let read = |name: &str| attribute(&format!("{name}_read"), &format!("children.count(c, c.{name} > 1)"));
    engine
        .define([
            most("lately", Some(30)).into(),
            most("ever", None).into(),
            largest("of_live").into(),
            largest("of_all").with_cancelled().into(),
            roll_up("planned", Operator::Max("arr".into())).convert_at_plan(EUR).with_cancelled().into(),
            // It has no value at `a`, which has no amount, whatever the rate of the amount below it.
            roll_up("refused", Operator::Max("arr".into()))
                .convert_at_plan(EUR)
                .with_cancelled()
                .nulls(Nulls::Refuse)
                .into(),
            Metric::new("sales", "events(\"sale\").max(e, e.amount.convertAt(\"EUR\", e.day))").into(),
            attribute("sale_lately", "metric(\"sales\").lastDays(30).max()"),
            attribute("sale_ever", "metric(\"sales\").max()"),
            read("lately"),
            read("ever"),
            read("of_live"),
            read("of_all"),
            read("planned"),
            read("refused"),
            read("sale_lately"),
            read("sale_ever"),
        ])
        .unwrap();
    let of_root = |column: &str| {
        let view = view(&engine);
        view.value(column, view.account("r").unwrap()).map_or("-".to_owned(), |value| value.to_string())
    };
    // All of them are missing at `a`; a rate is the reason for some.
    assert_eq!(of_root("lately_read"), "0");
    assert_eq!(of_root("ever_read"), "-");
    assert_eq!(of_root("of_live_read"), "0");
    assert_eq!(of_root("of_all_read"), "-");
    assert_eq!(of_root("sale_lately_read"), "0");
    assert_eq!(of_root("sale_ever_read"), "-");
    // There is a rate of the market, and none of the plan.
    assert_eq!(of_root("planned_read"), "-");
    assert_eq!(of_root("refused_read"), "-");
    let plan = ExchangeRate::plan(USD, EUR, day("2026-01-01"), Decimal::new(5, 1));
    engine.apply(Update::new().rates([plan])).unwrap();
    assert_eq!(of_root("planned_read"), "1");
    assert_eq!(of_root("refused_read"), "0");
}

/// Alike events of a kind that keeps each are rows that lack a rate each.
#[test]
fn each_row_of_a_kind_that_keeps_each_lacks_a_rate() {
    let listed = |kind: EventKind| -> Vec<String> {
        let usage =
            UsageSchema::new([kind.measure(Attribute::new("amount", AttributeType::Money(USD)))]).unwrap();
        let settings = EngineSettings::new().usage(Usage::new(usage, UsageSettings::new()));
        let engine = Engine::new(schema(), AsOf::date_utc(day("2026-01-31")), settings).unwrap();
        engine.load(&accounts()).unwrap();
        let sale = || Event::on("sale", "a", day("2024-12-31")).value("amount", dollars(10));
        engine.apply(Update::new().rates([rate("2025-01-01")]).events([sale(), sale()])).unwrap();
        let most = roll_up("most", Operator::Max("row.amount".into()))
            .over(Over::Events { event: "sale".into(), last_days: None })
            .convert_at(EUR, "row.day");
        let written = attribute("largest", "events(\"sale\").max(e, e.amount.convertAt(\"EUR\", e.day))");
        engine.define([most.into(), written]).unwrap();
        let all = view(&engine);
        ["most", "largest"]
            .iter()
            .flat_map(|name| all.missing_rates(name))
            .map(|rate| rate.rows.to_string())
            .collect()
    };
    assert_eq!(listed(EventKind::new("sale")), ["1", "1"]);
    assert_eq!(listed(EventKind::new("sale").each()), ["2", "2"]);
}

/// What is read by name lacks a rate where it would in place, also where another operand is what is missing.
#[test]
fn a_name_lacks_what_its_expression_lacks() {
    let any = "(c.subtree.exists(d, d.arr.convertAt(\"EUR\", d.signed) > 40) ? 1 : 0)";
    let engine = engine([
        attribute("any", "subtree.exists(d, d.arr.convertAt(\"EUR\", d.signed) > 40) ? 1 : 0"),
        attribute("named", "descendants.sum(c, c.any + c.seats)"),
        attribute("written", &format!("descendants.sum(c, {any} + c.seats)")),
    ]);
    engine.apply(Update::from(Change::new().clear(&id("a"), "seats"))).unwrap();
    let all = view(&engine);
    assert_eq!(shown(&all, "any"), ["1", "1", "-", "-"]);
    assert_eq!(shown(&all, "named"), shown(&all, "written"));
}

/// The boolean columns are of nobody's concern: no list has them, and a question outlives them.
#[test]
fn no_list_has_the_columns_of_missing_rates() {
    let score = |text: &str| attribute("score", text);
    let engine = engine([
        score("double(arr.convertAt(\"EUR\", signed))"),
        attribute("mean", "children.avg(c, c.score)"),
    ]);
    let catalog = engine.published().catalog().clone();
    let mut names = Vec::new();
    catalog.names().each(Of::Account, &mut |name| names.push(name.to_owned()));
    assert!(names.contains(&"score".to_owned()));
    assert!(!names.iter().any(|name| name.contains(char::is_control)), "{names:?}");
    assert_eq!(catalog.definitions().len(), 2);
    assert_eq!(catalog.order().count(), 2);
    let checked = Checker::new(catalog.names()).check("children.avg(c, c.score)").unwrap();
    engine.define([score("1.0")]).unwrap();
    let all = view(&engine);
    let answers = ExprPlan::new([&checked]).run(&all).unwrap();
    assert_eq!(answers.value(0, all.account("g").unwrap()).unwrap().to_string(), "1");
}

#[test]
fn segments_rankings_and_lists_read_what_is_known_of_a_column() {
    let engine = engine([
        attribute("euros", "arr.convertAt(\"EUR\", signed)"),
        segment("dear", "euros > 10"),
        attribute("is_dear", "inSegment(\"dear\")"),
        attribute("dear_below", "descendants.count(d, d.is_dear)"),
        Ranking::new("place", "euros").into(),
        attribute("tagged", "size(tags) + tags.count(t, t == \"x\" && euros > 10)"),
    ]);
    let tags = |tags: &[&str]| Value::list(tags.iter().copied());
    let tagged = Change::new().set(&id("a"), "tags", tags(&["x", "y"])).set(&id("b"), "tags", tags(&["x"]));
    engine.apply(Update::from(tagged)).unwrap();
    let all = view(&engine);
    assert_eq!(shown(&all, "dear_below"), ["1", "0", "0", "0"]);
    assert_eq!(shown(&all, "place"), ["-", "100", "-", "-"]);
    assert_eq!(shown(&all, "tagged"), ["-", "3", "-", "-"]);
}

/// What is asked of a run or an engine for once, and why it is missing.
#[test]
fn questions_over_columns_know_what_these_lack() {
    let engine =
        engine([attribute("euros", "arr.convertAt(\"EUR\", signed)"), attribute("half", "euros / 2")]);
    let all = view(&engine);
    let catalog = engine.published().catalog().clone();
    let checked = Checker::new(catalog.names()).check("subtree.sum(a, a.half)").unwrap();
    let answers = ExprPlan::new([&checked]).run(&all).unwrap();
    let said = |id: &str| answers.value(0, all.account(id).unwrap()).map(|value| value.to_string());
    assert_eq!((said("g"), said("a")), (None, Some("25".to_owned())));
    // The same over what a run of the catalog derived.
    let state = engine.published();
    let rates: Arc<dyn Rates> = Arc::new(state.rates().clone());
    let view = state.book().view(&Scope::all(), state.as_of().clone()).unwrap().with_rates(rates.clone());
    let derived = catalog.run_observed(&view, RunInputs::new().rates(&rates), &()).unwrap();
    let answers = ExprPlan::new([&checked]).run(&derived).unwrap();
    let said = |id: &str| answers.value(0, view.account(id).unwrap()).map(|value| value.to_string());
    assert_eq!((said("g"), said("a")), (None, Some("25".to_owned())));
    let why = checked.explain(&all, all.account("g").unwrap()).unwrap();
    assert_eq!(why.value(), None);
    // It reads the one column, whatever that is made of.
    assert_eq!(checked.reads().collect::<Vec<_>>(), ["half"]);
}

#[test]
fn it_is_no_part_of_what_a_definition_reads() {
    let all = [
        attribute("euros", "arr.convertAt(\"EUR\", signed)"),
        roll_up("late", Operator::Sum("row.amount".into()))
            .over(Over::Table("deals".into()))
            .convert_at(EUR, "row.closed_on")
            .into(),
        attribute("below", "children.sum(c, c.euros) > children.sum(c, c.late) ? 1 : 0"),
    ];
    let catalog = Catalog::new(&schema(), &UsageSchema::default(), all).unwrap();
    let steps = catalog.lineage(&DefinitionRef::attribute("below")).unwrap();
    let own: Vec<Origin> = steps.into_iter().filter(|step| step.depth == 1).map(|step| step.origin).collect();
    let definition = |id| Origin::Definition(id);
    assert_eq!(
        own,
        [definition(DefinitionRef::attribute("euros")), definition(DefinitionRef::roll_up("late"))]
    );
}
