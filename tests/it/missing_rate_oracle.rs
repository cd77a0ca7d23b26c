//! Columns that lack a rate, read by name: held to the oracle, on a living engine, and in questions of their own.

use std::sync::Arc;

use crate::common::definitions::{attribute, roll_up, segment};
use crate::common::unrated::{EUR, USD, accounts, day, dollars, engine, id, rate, schema, shown, view};
use perennial::aggregate::{
    Event, EventKind, Metric, Nulls, Operator, Over, RollUp, Usage, UsageSchema, UsageSettings,
};
use perennial::catalog::{Catalog, Definition, DefinitionRef, PastValue, Recorded};
use perennial::engine::{Engine, EngineSettings, Update};
use perennial::expr::{Checker, ExprPlan};
use perennial::testkit::{OracleCatalog, OracleEvent, OracleUsage};
use perennial::{
    AccountRow, AsOf, Attribute, AttributeType, Change, Currency, Date, Decimal, ExchangeRate, Nesting,
    Reach, SchemaChange, SchemaPart, Scope, Value,
};

fn euros() -> Definition {
    attribute("euros", "arr.convertAt(\"EUR\", signed)")
}

// --- Elements of lists -----------------------------------------------------------------------

/// The lambda of a list in what a column says, read in the lambda of another list.
#[test]
fn a_lambda_of_a_list_in_a_column_read_in_another_lambda() {
    let run = |inner: &str| {
        let engine = engine([
            attribute("tagged", "tags.exists(t, t == \"x\" && arr.convertAt(\"EUR\", signed) > 10)"),
            attribute("read", inner),
        ]);
        let tags = |tags: &[&str]| Value::list(tags.iter().copied());
        let change = Change::new().set(&id("b"), "tags", tags(&["x"])).set(&id("b"), "words", tags(&["q"]));
        engine.apply(Update::from(change)).unwrap();
        let all = view(&engine);
        shown(&all, "read")[3].clone()
    };
    let by_name = run("[\"q\"].count(u, u == \"q\" && tagged)");
    let written = run(
        "[\"q\"].count(u, u == \"q\" && tags.exists(t, t == \"x\" && arr.convertAt(\"EUR\", signed) > 10))",
    );
    assert_eq!(written, "-");
    assert_eq!(by_name, written);
}

// --- What is read --------------------------------------------------------------------------

#[test]
fn reads_are_in_the_order_of_the_text() {
    let engine = engine([euros()]);
    let catalog = engine.published().catalog().clone();
    let checker = Checker::new(catalog.names());
    let checked = checker.check("children.sum(c, c.euros) > 5 && seats > 3 && has(arr)").unwrap();
    assert_eq!(checked.reads().collect::<Vec<_>>(), ["euros", "seats", "arr"]);
}

#[test]
fn a_column_that_is_read_says_nothing_of_time() {
    let engine = engine([attribute("now_euros", "arr.convertTo(\"EUR\")")]);
    let catalog = engine.published().catalog().clone();
    let checked = Checker::new(catalog.names()).check("now_euros > 5").unwrap();
    assert!(!checked.depends_on_time());
}

/// A question that reads one column, kept over a change of what that column is made of.
#[test]
fn a_question_outlives_a_rename_below_the_column_that_it_reads() {
    let engine = engine([euros()]);
    let catalog = engine.published().catalog().clone();
    let checker = Checker::new(catalog.names());
    let plain = checker.check("euros > 10").unwrap();
    let many = checker.check("subtree.sum(d, d.euros)").unwrap();
    engine
        .apply(Update::new().schema(SchemaChange::new().rename(SchemaPart::attribute("arr"), "revenue")))
        .unwrap();
    let all = view(&engine);
    let run = |checked| ExprPlan::new([checked]).run(&all).map(|_| ()).map_err(|errors| errors.to_string());
    let for_accounts = plain.for_accounts(&all).map(|_| ()).map_err(|errors| errors.to_string());
    assert_eq!((run(&plain), for_accounts, run(&many)), (Ok(()), Ok(()), Ok(())));
}

#[test]
fn records_and_json_of_a_column_need_nothing_more() {
    let engine = engine([
        euros(),
        roll_up("family", Operator::Sum("euros".into())).into(),
        attribute("tagged", "tags.count(t, t == \"x\" && euros > 10)"),
    ]);
    let catalog = engine.published().catalog().clone();
    let checker = Checker::new(catalog.names());
    let today = AsOf::date_utc(day("2026-01-31"));
    for (text, reads) in [
        ("family > 10", &["family"][..]),
        ("euros > 10", &["euros"]),
        ("words.count(w, w == \"q\" && euros > 10) > 0", &["words", "euros"]),
        ("words.count(w, w == \"q\" && family > 10) > 0", &["words", "family"]),
    ] {
        let checked = checker.check(text).unwrap();
        let mut names = Vec::new();
        let record = checked.for_records(&today, |name| {
            names.push(name.to_owned());
            checked.reads().position(|known| known == name)
        });
        assert!(record.is_ok(), "{text}");
        assert_eq!(names, reads, "{text}");
    }
    let checked = checker.check("euros > 10").unwrap();
    let json = checked.for_json(&today).unwrap();
    let said = json.truth(&serde_json::json!({ "euros": "20.00", "arr": "garbage", "signed": 5 }));
    assert_eq!(said.unwrap(), Some(true));
    let checked = checker.check("words.count(w, w == \"q\" && family > 10) > 0").unwrap();
    let record = checked.for_records(&today, |name| checked.reads().position(|known| known == name));
    assert!(record.is_ok(), "{}", record.unwrap_err());
}

// --- Missing rates ------------------------------------------------------------------------

#[test]
fn rates_are_told_by_who_converts() {
    let engine = engine([
        euros(),
        attribute("below", "children.sum(c, c.euros)"),
        roll_up("family", Operator::Sum("euros".into())).into(),
        attribute("own_and_below", "children.sum(c, c.euros) > arr.convertAt(\"EUR\", signed) ? 1 : 0"),
        attribute("listed", "words.count(w, euros > 10)"),
    ]);
    let all = view(&engine);
    for name in ["euros", "below", "family", "own_and_below"] {
        let said: Vec<String> = all.missing_rates(name).iter().map(ToString::to_string).collect();
        assert_eq!(said, ["no rate from USD to EUR on 2024-01-01: 1 row of b"], "{name}");
    }
    let told: Vec<String> = all.all_missing_rates().iter().map(|(id, _)| id.name.to_string()).collect();
    let linted: Vec<String> = all
        .lints()
        .iter()
        .filter(|(_, lint)| lint.code().as_str() == "W208")
        .map(|(id, _)| id.name.to_string())
        .collect();
    assert_eq!(
        (told, linted),
        (
            vec!["euros".to_owned(), "own_and_below".to_owned()],
            vec!["euros".to_owned(), "own_and_below".to_owned()]
        )
    );
}

// --- Many definitions ---------------------------------------------------------------------

/// Each level reads the one before twice, by way of two others.
#[test]
fn diamonds_of_definitions() {
    let of = |levels: usize| {
        let mut all = vec![attribute("x0", "arr.convertTo(\"EUR\")")];
        for at in 1..=levels {
            let before = at - 1;
            all.push(attribute(&format!("p{at}"), &format!("x{before} * 2")));
            all.push(attribute(&format!("q{at}"), &format!("x{before} * 3")));
            all.push(attribute(&format!("x{at}"), &format!("double(p{at} + q{at}) > 0.0 ? x0 : p{at}")));
        }
        Catalog::new(&schema(), &UsageSchema::default(), all).map(|_| ()).map_err(|e| e.to_string())
    };
    let fits = (1..40).take_while(|levels| of(*levels).is_ok()).count();
    assert!(fits >= 30, "{fits}");
}

#[test]
fn sums_of_sums() {
    let of = |levels: usize| {
        let mut all =
            vec![attribute("x0", "arr.convertTo(\"EUR\")"), attribute("y0", "cost.convertTo(\"EUR\")")];
        for at in 1..=levels {
            let before = at - 1;
            all.push(attribute(&format!("x{at}"), &format!("(x{before} + y{before}) * 1")));
            all.push(attribute(&format!("y{at}"), &format!("(x{before} - y{before}) * 1")));
        }
        Catalog::new(&schema(), &UsageSchema::default(), all).map(|_| ()).map_err(|e| e.to_string())
    };
    let fits = (1..40).take_while(|levels| of(*levels).is_ok()).count();
    assert!(fits >= 30, "{fits}");
}

// --- A living engine -------------------------------------------------------------------------

/// A fresh engine of the same definitions, over the same accounts with a change, says the same.
fn fresh_like(engine: &Engine, change: Change, columns: &[&str]) {
    let definitions: Vec<Definition> = engine.published().catalog().definitions().to_vec();
    let fresh = crate::common::unrated::engine(definitions);
    fresh.apply(Update::from(change)).unwrap();
    let (old, new) = (view(engine), view(&fresh));
    for column in columns {
        assert_eq!(shown(&old, column), shown(&new, column), "{column}");
    }
}

#[test]
fn definitions_of_a_chain_redefined_renamed_and_removed() {
    let all = || {
        vec![
            euros(),
            roll_up("family", Operator::Sum("euros".into())).into(),
            attribute("half", "family * 0.5"),
            attribute("halves", "children.sum(c, c.half)"),
            attribute("listed", "words.count(w, half > 1)"),
        ]
    };
    let columns = ["halves", "half", "listed"];
    let engine = engine(all());
    assert_eq!(shown(&view(&engine), "halves")[0], "-");
    // The first is another one, of the same type.
    engine.define([attribute("euros", "cost.convertAt(\"EUR\", signed)")]).unwrap();
    engine.apply(Update::from(Change::new().set(&id("a"), "cost", dollars(10)))).unwrap();
    let with_cost = || Change::new().set(&id("a"), "cost", dollars(10));
    fresh_like(&engine, with_cost(), &columns);
    // `b` has no cost: nothing lacks.
    assert_ne!(shown(&view(&engine), "halves")[0], "-");
    engine.define([euros()]).unwrap();
    fresh_like(&engine, with_cost(), &columns);
    assert_eq!(shown(&view(&engine), "halves")[0], "-");
    // It converts no longer.
    engine.define([attribute("euros", "arr")]).unwrap_or_else(|e| panic!("{e}"));
    fresh_like(&engine, with_cost(), &columns);
}

#[test]
fn another_name_of_a_roll_up_in_a_guard() {
    let all = vec![
        euros(),
        roll_up("family", Operator::Sum("euros".into())).into(),
        attribute("half", "family * 0.5"),
        attribute("halves", "children.sum(c, c.half)"),
        roll_up("most", Operator::Max("half".into())).into(),
    ];
    let engine = engine(all);
    let before: Vec<_> = ["halves", "half", "most"].map(|name| shown(&view(&engine), name)).into();
    engine.apply(Update::new().rename(DefinitionRef::roll_up("family"), "whole_family")).unwrap();
    engine.apply(Update::new().rename(DefinitionRef::attribute("euros"), "eu")).unwrap();
    let after: Vec<_> = ["halves", "half", "most"].map(|name| shown(&view(&engine), name)).into();
    assert_eq!(before, after);
    // The name is taken by another definition.
    engine.define([attribute("family", "arr"), attribute("euros", "1")]).unwrap();
    let after: Vec<_> = ["halves", "half", "most"].map(|name| shown(&view(&engine), name)).into();
    assert_eq!(before, after);
    engine.apply(Update::from(Change::new().clear(&id("b"), "arr"))).unwrap();
    fresh_like(&engine, Change::new().clear(&id("b"), "arr"), &["halves", "half", "most"]);
    assert_ne!(shown(&view(&engine), "halves")[0], "-");
}

#[test]
fn another_schema_under_a_guard() {
    let all = || {
        vec![
            euros(),
            roll_up("family", Operator::Sum("arr".into()))
                .convert_at(EUR, "signed")
                .levels(["Company"])
                .into(),
            attribute("deal_euros", "deals.sum(d, d.mixed.convertAt(\"EUR\", d.closed_on))"),
            attribute("families", "children.sum(c, c.family)"),
            attribute("sums", "children.sum(c, c.euros)"),
            attribute("deals_below", "children.sum(c, c.deal_euros)"),
        ]
    };
    let columns = ["families", "sums", "deals_below", "deal_euros"];
    let engine = engine(all());
    let child = |name: &str, of: &str, on: &str| {
        perennial::ChildRow::new(perennial::ChildId::new(name).unwrap(), id(of))
            .with("mixed", dollars(10))
            .with("money_in", Value::Enum("USD".into()))
            .with("closed_on", day(on))
    };
    let added = Change::new()
        .add_child("deals", child("1", "a", "2025-03-01"))
        .add_child("deals", child("2", "b", "2024-03-01"));
    engine.apply(Update::from(added)).unwrap();
    let all_of = |engine: &Engine| columns.map(|name| shown(&view(engine), name));
    let before = all_of(&engine);
    assert_eq!(before[0][0], "-");
    assert_eq!(before[2][0], "-");
    // New types and names: codes and places move.
    let change = SchemaChange::new()
        .account_type_above("Firm", Nesting::Free, "Group")
        .rename(SchemaPart::account_type("Company"), "Business")
        .rename(SchemaPart::attribute("arr"), "revenue")
        .rename(SchemaPart::attribute("signed"), "signed_on")
        .rename(SchemaPart::column("deals", "closed_on"), "closed")
        .rename(SchemaPart::table("deals"), "sales");
    let changed = engine.apply(Update::new().schema(change));
    changed.unwrap();
    assert_eq!(all_of(&engine), before);
    // Without the values of `b` nothing lacks.
    engine
        .apply(Update::from(
            Change::new()
                .clear(&id("b"), "revenue")
                .remove_child("sales", &perennial::ChildId::new("2").unwrap()),
        ))
        .unwrap();
    let after = all_of(&engine);
    assert_ne!(after[0][0], "-");
    assert_ne!(after[1][0], "-");
    assert_ne!(after[2][0], "-");
}

#[test]
fn values_of_closed_sets_under_a_guard() {
    let staged = || {
        attribute(
            "staged",
            "stage.startsWith(\"O\") ? arr.convertAt(\"EUR\", signed) : arr.convertTo(\"EUR\")",
        )
    };
    let engine = engine([staged(), attribute("below", "children.sum(c, c.staged)")]);
    // Who takes the values as texts is defined anew; the other reads a column only.
    let change = SchemaChange::new().rename(SchemaPart::value("stage", "Open"), "Opened");
    let update = Update::new().schema(change).define(staged());
    let changed = engine.apply(update).map(|_| ()).map_err(|errors| errors.to_string());
    assert_eq!(changed, Ok(()));
}

#[test]
fn a_one_off_question_of_a_column_that_asks_a_segment() {
    let engine = engine([
        segment("dear", "seats > 2"),
        attribute(
            "dear_euros",
            "inSegment(\"dear\") ? arr.convertAt(\"EUR\", signed) : arr.convertTo(\"EUR\")",
        ),
        attribute("below", "children.sum(c, c.dear_euros)"),
    ]);
    let all = view(&engine);
    assert_eq!(shown(&all, "below")[0], "-");
    let catalog = engine.published().catalog().clone();
    let checked = Checker::new(catalog.names()).check("children.sum(c, c.dear_euros)").unwrap();
    assert_eq!(checked.reads_segments().count(), 0);
    let answers = ExprPlan::new([&checked]).run(&all).map_err(|errors| errors.to_string());
    let answers = answers.unwrap();
    assert_eq!(answers.value(0, all.account("g").unwrap()), None);
    let why = checked.explain(&all, all.account("g").unwrap()).map_err(|errors| errors.to_string()).unwrap();
    assert_eq!(why.value(), None);
    let one = checked.for_accounts(&all).map_err(|errors| errors.to_string()).unwrap();
    assert_eq!(one.value(all.account("g").unwrap()), None);
}

/// Of a branch of a column that is not asked for want of another value, no rate is missing.
#[test]
fn a_question_that_is_known_by_one_lacks_nothing() {
    let run = |text: &str| {
        let engine = engine([
            euros(),
            attribute("any", "subtree.exists(c, c.arr.convertAt(\"EUR\", c.signed) > 40) ? seats : 0"),
            attribute("sum", text),
        ]);
        shown(&view(&engine), "sum")
    };
    // `g` knows that one is dear, and has no seats: no rate is missing for that.
    let written =
        run("subtree.sum(s, s.subtree.exists(c, c.arr.convertAt(\"EUR\", c.signed) > 40) ? s.seats : 0)");
    let named = run("subtree.sum(s, s.any)");
    assert_eq!(named, written);
    assert_eq!(named[1], "3", "{named:?}");
}

// --- Against the oracle ------------------------------------------------------------------------

fn against_oracle(definitions: Vec<Definition>, change: Change) {
    let names: Vec<String> = definitions.iter().map(|of| of.name().to_owned()).collect();
    let engine = engine(definitions);
    engine.apply(Update::from(change)).unwrap();
    let mut wrong = Vec::new();
    for hidden in ["", "b", "a1", "a"] {
        let published = engine.published();
        let shown: Vec<&str> =
            ["g", "a", "a1", "b", "b1", "b2"].into_iter().filter(|of| *of != hidden).collect();
        let scope =
            if hidden.is_empty() { Scope::all() } else { Scope::of(published.book().accounts(shown)) };
        let live = published.view(&scope).unwrap();
        let view = published.book().view(&scope, AsOf::date_utc(day("2026-01-31"))).unwrap();
        let catalog = published.catalog();
        let oracle = OracleCatalog::new(catalog.names(), catalog.definitions()).unwrap();
        let rates = TwoRates;
        let usage = OracleUsage::new();
        let slow = oracle.over(&view, &usage, None).with_rates(&rates);
        for name in &names {
            for account in view.accounts() {
                let there = live.account(account.id_str()).unwrap();
                let (is, should) = (live.value(name, there), slow.value(name, account));
                if is != should {
                    wrong.push(format!(
                        "without `{hidden}` {name} of {}: is {is:?}, should be {should:?}",
                        account.id_str()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[derive(Debug)]
struct TwoRates;

impl perennial::Rates for TwoRates {
    fn rate(&self, from: Currency, to: Currency, on: Date) -> Option<Decimal> {
        (from == USD && to == EUR && on >= day("2025-01-01")).then(|| Decimal::new(5, 1))
    }
    fn plan(&self, _: Currency, _: Currency, _: Date) -> Option<Decimal> {
        None
    }
}

#[test]
fn operators_of_the_oracle() {
    let e = || Arc::<str>::from("euros");
    let n = |name: &str, of: Operator| roll_up(name, of);
    let mut all: Vec<Definition> = vec![
        euros(),
        attribute("dear", "euros > 10"),
        attribute("size_of", "euros > 10 ? \"big\" : \"small\""),
    ];
    let operators: Vec<(&str, Operator)> = vec![
        ("top", Operator::Top { of: "size_of".into(), k: 2 }),
        ("distinct", Operator::Distinct("size_of".into())),
        ("mode", Operator::Mode("size_of".into())),
        ("distribution", Operator::Distribution("size_of".into())),
        ("first", Operator::First { of: "seats".into(), by: e() }),
        ("last", Operator::Last { of: e(), by: "seats".into() }),
        ("least3", Operator::Smallest { of: e(), k: 3 }),
        ("largest", Operator::Largest { of: e(), k: 1 }),
        ("weighted", Operator::WeightedAverage { of: "seats".into(), weight: "double(seats)".into() }),
        ("ratio", Operator::Ratio { numerator: e(), denominator: e() }),
        ("percentile", Operator::Percentile { of: "euros".into(), hundredths: 5000 }),
        ("count_dear", Operator::Count),
    ];
    let ways: Vec<(&str, fn(RollUp) -> RollUp)> = vec![
        ("plain", |of| of),
        ("prefers", |of| of.reach(Reach::PreferSelf)),
        ("below", |of| of.reach(Reach::Descendants)),
        ("own", |of| of.reach(Reach::SelfOnly)),
        ("refuses", |of| of.nulls(Nulls::Refuse)),
        ("levels", |of| of.levels(["Company"])),
        ("cancelled", |of| of.with_cancelled()),
        ("filtered", |of| of.filter("dear || seats > 4")),
    ];
    let (mut readers, mut unfit) = (Vec::new(), 0);
    for (operator, of) in operators {
        for (way, apply) in &ways {
            let name = format!("{operator}_{way}");
            let definition: Definition = apply(n(&name, of.clone())).into();
            // Those that are of no use are passed over.
            let mut tried = all.clone();
            tried.push(definition.clone());
            let reader = attribute(
                &format!("read_{name}"),
                &format!(
                    "subtree.count(d, !has(d.{name})) + children.count(d, size(d.{name}) > 0 || d.seats > 4)"
                ),
            );
            let simple = attribute(
                &format!("read_{name}"),
                &format!("children.count(d, coalesce(d.{name} == d.{name}, false) == true)"),
            );
            let kept = attribute(
                &format!("kept_{name}"),
                &format!("children.filter(d, d.{name} == d.{name}).count()"),
            );
            for reader in [reader, simple, kept] {
                let mut with = tried.clone();
                with.push(reader.clone());
                if Catalog::new(&schema(), &UsageSchema::default(), with).is_ok()
                    && !readers.iter().any(|of: &Definition| of.name() == reader.name())
                {
                    readers.push(reader);
                }
            }
            match Catalog::new(&schema(), &UsageSchema::default(), tried.clone()) {
                Ok(_) => all = tried,
                // Some operators take no text.
                Err(_) => unfit += 1,
            }
        }
    }
    assert!(all.len() > 80 && readers.len() > 150 && unfit < 10, "{} {} {unfit}", all.len(), readers.len());
    all.extend(readers);
    against_oracle(all, more());
}

fn more() -> Change {
    let tags = |tags: &[&str]| Value::list(tags.iter().copied());
    let row = |of: &str| AccountRow::new(id(of), "Company").under(id("b"));
    let child = |name: &str, of: &str, on: &str| {
        perennial::ChildRow::new(perennial::ChildId::new(name).unwrap(), id(of))
            .with("mixed", dollars(10))
            .with("money_in", Value::Enum("USD".into()))
            .with("amount", dollars(7))
            .with("closed_on", day(on))
    };
    Change::new()
        .add(row("b1").with("arr", dollars(30)).with("signed", day("2025-07-01")).with("seats", 1_i64))
        .add(row("b2").with("arr", dollars(60)))
        .set(&id("b"), "tags", tags(&["x"]))
        .set(&id("b"), "words", tags(&["q", "x"]))
        .set(&id("a"), "tags", tags(&["x", "y"]))
        .set(&id("a"), "words", tags(&["q"]))
        .add_child("deals", child("1", "a", "2025-03-01"))
        .add_child("deals", child("2", "b", "2024-03-01"))
        .add_child("deals", child("3", "b1", "2025-03-01"))
}

#[test]
fn expressions_of_the_oracle() {
    let at = |name: &str, text: &str| attribute(name, text);
    let all = vec![
        euros(),
        at("of_parent", "parent.euros"),
        at("of_root", "root.euros"),
        at("of_company", "lineage.at(\"Company\").euros"),
        at("p", "children.sum(c, c.parent.euros)"),
        at("pp", "children.sum(c, c.of_parent)"),
        at("ppp", "children.count(c, c.euros > euros)"),
        at("q", "descendants.count(c, c.of_company > 10)"),
        at("qq", "children.count(c, c.deals.sum(d, d.amount.convertAt(\"EUR\", d.closed_on)) > 1)"),
        at("deal_sum", "deals.sum(d, d.mixed.convertAt(\"EUR\", d.closed_on))"),
        at("deal_sums", "children.sum(c, c.deal_sum)"),
        at("deals_dear", "deals.count(d, d.amount.convertAt(\"EUR\", d.closed_on) > euros)"),
        at("deals_dearer", "subtree.sum(c, c.deals_dear)"),
        at("deals_read", "deals.count(d, has(d.amount) && euros > 10)"),
        at("deals_readers", "subtree.max(c, c.deals_read)"),
        at("listed", "tags.count(t, t == \"x\" && euros > 10)"),
        at("listed_has", "tags.exists(t, has(euros) || t == \"y\")"),
        at("listed_below", "subtree.sum(s, s.listed)"),
        at("if_else", "seats > 3 ? euros : coalesce(of_parent, euros)"),
        at("if_elses", "subtree.sum(s, s.if_else)"),
        at("coalesced", "coalesce(euros, of_parent, arr.convertTo(\"EUR\"))"),
        at("coalesceds", "subtree.avg(s, s.coalesced)"),
        at("any", "subtree.exists(s, s.euros > 40)"),
        at("every", "subtree.all(s, s.euros > 10)"),
        at("one", "subtree.exists_one(s, s.euros > 40)"),
        at("anys", "children.count(c, c.any)"),
        at("everys", "children.count(c, !c.every)"),
        at("ones", "children.count(c, c.one || c.seats > 3)"),
        at("is_not", "isNot(one, true)"),
        at("is_nots", "subtree.count(s, s.is_not)"),
        at("either", "any || seats > 100"),
        at("eithers", "subtree.count(s, s.either)"),
        at("nested", "children.sum(c, c.children.filter(d, d.euros > 1).count())"),
        at("filtered", "descendants.filter(d, d.euros > 10).sum(d, d.seats)"),
        at("filtereds", "subtree.max(s, s.filtered)"),
        at("siblings_of", "siblings.sum(s, s.euros)"),
        at("siblings_all", "subtree.count(s, s.siblings_of > 10)"),
        at("above", "lineage.sum(l, l.euros)"),
        at("aboves", "subtree.sum(s, s.above)"),
        at("cond_filter", "children.filter(c, c.seats > 3).sum(c, c.euros > 10 ? 1 : 2)"),
        segment("dear", "euros > 10"),
        at("in_dear", "inSegment(\"dear\") ? euros : arr.convertAt(\"EUR\", signed)"),
        at("in_dears", "subtree.sum(s, s.in_dear)"),
        segment("dears", "in_dears > 10"),
        at("in_dears_own", "inSegment(\"dears\")"),
        at("in_dears_below", "subtree.count(s, s.in_dears_own)"),
        roll_up("by_day", Operator::Sum("row.amount".into()))
            .over(Over::Table("deals".into()))
            .convert_at(EUR, "euros > 10 ? row.closed_on : date(\"2025-02-02\")")
            .into(),
        at("by_days", "subtree.sum(s, s.by_day)"),
        roll_up("mixed_sum", Operator::Sum("row.mixed".into()))
            .over(Over::Table("deals".into()))
            .convert_at(EUR, "row.closed_on")
            .reach(Reach::PreferSelf)
            .into(),
        at("mixed_sums", "children.sum(s, s.mixed_sum)"),
        roll_up("mixed_levels", Operator::Sum("row.mixed".into()))
            .over(Over::Table("deals".into()))
            .convert_at(EUR, "row.closed_on")
            .levels(["Company"])
            .filter("row.amount.convertAt(\"EUR\", row.closed_on) < euros")
            .into(),
        at("mixed_levels_sum", "subtree.sum(s, s.mixed_levels)"),
    ];
    against_oracle(all, more());
}

#[test]
fn a_question_outlives_another_definition_of_the_column_that_it_reads() {
    let engine = engine([euros()]);
    let catalog = engine.published().catalog().clone();
    let plain = Checker::new(catalog.names()).check("euros > 10").unwrap();
    engine.define([attribute("euros", "cost.convertAt(\"EUR\", signed)")]).unwrap();
    engine.apply(Update::new().schema(SchemaChange::new().remove(SchemaPart::attribute("arr")))).unwrap();
    let all = view(&engine);
    let one = plain.for_accounts(&all).map(|_| ()).map_err(|errors| errors.to_string());
    assert_eq!(one, Ok(()));
}

/// Records of many: what the host binds is what is read.
#[test]
fn records_of_lists() {
    let engine = engine([euros()]);
    let catalog = engine.published().catalog().clone();
    let today = AsOf::date_utc(day("2026-01-31"));
    let checked =
        Checker::new(catalog.names()).check("[\"a\", \"b\"].filter(w, w == \"a\" || euros > 10)").unwrap();
    let checked_count =
        Checker::new(catalog.names()).check("tags.count(w, w == \"q\" && euros > 10) > 0").unwrap();
    for checked in [checked, checked_count] {
        let reads: Vec<&str> = checked.reads().collect();
        let record = checked.for_records(&today, |name| reads.iter().position(|known| *known == name));
        assert!(record.is_ok(), "{checked}: {}", record.unwrap_err());
    }
}

#[test]
fn a_segment_under_a_guard_is_another_one() {
    let all = || {
        vec![
            segment("dear", "seats > 100"),
            segment("dearer", "inSegment(\"dear\") || seats > 1000"),
            attribute(
                "of_dear_in",
                "inSegment(\"dearer\") ? arr.convertAt(\"EUR\", signed) : arr.convertTo(\"EUR\")",
            ),
            attribute("half", "of_dear_in * 0.5"),
            attribute("below", "children.sum(c, c.half)"),
            roll_up("rolled", Operator::Sum("half".into())).into(),
            attribute("rolls", "subtree.count(s, s.rolled > 1)"),
        ]
    };
    let columns = ["half", "below", "rolled", "rolls"];
    let engine = engine(all());
    let known = shown(&view(&engine), "below");
    assert_ne!(known[0], "-");
    for seats in ["seats > 3", "seats > 4", "seats > 100", "seats > 0", "seats < 5"] {
        engine.define([segment("dear", seats)]).unwrap();
        fresh_like(&engine, Change::new(), &columns);
        engine.apply(Update::from(Change::new().set(&id("b"), "seats", 6_i64))).unwrap();
        engine.apply(Update::from(Change::new().set(&id("b"), "seats", 5_i64))).unwrap();
        fresh_like(&engine, Change::new(), &columns);
    }
}

#[test]
fn rates_come_and_go_and_days_move() {
    let all = || {
        vec![
            attribute("now_euros", "arr.convertTo(\"EUR\")"),
            attribute("plan_euros", "coalesce(arr.convertAt(\"EUR\", signed), arr.convertAtPlan(\"EUR\"))"),
            attribute("late", "arr.convertAt(\"EUR\", today() - 400)"),
            attribute("x", "late * 2"),
            attribute("sum_late", "children.sum(c, c.x)"),
            attribute("sum_now", "children.sum(c, c.now_euros)"),
            attribute("sum_plan", "children.sum(c, c.plan_euros)"),
            roll_up("roll_late", Operator::Sum("x".into())).reach(Reach::PreferSelf).into(),
            attribute("rolls_late", "children.count(c, c.roll_late > 1)"),
        ]
    };
    let columns = ["sum_late", "sum_now", "sum_plan", "roll_late", "rolls_late"];
    let engine = engine(all());
    let none = |on: &str| rate(on).removed();
    let turns = [
        ("2026-01-31", vec![]),
        ("2026-02-03", vec![rate("2024-12-31")]),
        ("2026-02-04", vec![]),
        ("2026-02-06", vec![none("2025-01-01")]),
        ("2026-02-06", vec![rate("2024-01-01")]),
        ("2026-02-07", vec![none("2024-01-01"), none("2024-12-31")]),
        ("2026-02-07", vec![ExchangeRate::plan(USD, EUR, day("2026-01-01"), Decimal::new(5, 1))]),
    ];
    let mut said: Vec<ExchangeRate> = vec![rate("2025-01-01")];
    for (moment, rates) in turns {
        if moment != "2026-01-31" {
            let _ = engine.advance(AsOf::date_utc(day(moment)));
        }
        engine.apply(Update::new().rates(rates.clone())).unwrap();
        said.extend(rates);
        let fresh = Engine::new(schema(), AsOf::date_utc(day(moment)), EngineSettings::new()).unwrap();
        fresh.load(&accounts()).unwrap();
        fresh.define(all()).unwrap();
        for rate in &said {
            fresh.apply(Update::new().rates([*rate])).unwrap();
        }
        let (old, new) = (view(&engine), view(&fresh));
        for column in columns {
            assert_eq!(shown(&old, column), shown(&new, column), "{column} on {moment}");
        }
    }
}

/// Who recorded what: a record of a column that reads the account alone, whose guard does so too.
#[test]
fn records_and_hidden_accounts() {
    let engine = engine([
        euros(),
        roll_up("own_deals", Operator::Sum("row.amount".into()))
            .over(Over::Table("deals".into()))
            .convert_at(EUR, "row.closed_on")
            .reach(Reach::SelfOnly)
            .into(),
        attribute("listed", "tags.count(t, t == \"x\" && euros > 10)"),
        attribute("plain_listed", "tags.count(t, t == \"x\" && arr.convertAt(\"EUR\", signed) > 10)"),
        attribute("dealt", "tags.count(t, t == \"x\" && own_deals > 1)"),
        Recorded::new("daily", ["listed", "plain_listed", "dealt", "own_deals", "euros"], 30).into(),
        PastValue::new("listed_before", "listed", 1).into(),
        PastValue::new("plain_before", "plain_listed", 1).into(),
        PastValue::new("dealt_before", "dealt", 1).into(),
        PastValue::new("own_before", "own_deals", 1).into(),
    ]);
    engine.apply(Update::from(more())).unwrap();
    engine.advance(AsOf::date_utc(day("2026-02-01"))).unwrap();
    for scope in [
        Scope::all(),
        Scope::of(engine.published().book().accounts(["a"])),
        Scope::of(engine.published().book().accounts(["g", "a", "a1", "b"])),
    ] {
        let view = engine.published().view(&scope).unwrap();
        assert_eq!(shown(&view, "listed_before"), shown(&view, "plain_before"));
        assert_eq!(shown(&view, "listed"), shown(&view, "listed_before"));
        assert_eq!(shown(&view, "dealt"), shown(&view, "dealt_before"));
        assert_eq!(shown(&view, "own_deals"), shown(&view, "own_before"));
    }
}

#[test]
fn events_and_metrics_of_the_oracle() {
    let kind = EventKind::new("sale").measure(Attribute::new("amount", AttributeType::Money(USD)));
    let usage = UsageSchema::new([kind]).unwrap();
    let settings =
        EngineSettings::new().usage(Usage::new(usage.clone(), UsageSettings::new().keep_days(2_000)));
    let mut all: Vec<Definition> = vec![
        Metric::new("sales", "events(\"sale\").sum(e, e.amount.convertAt(\"EUR\", e.day))").into(),
        Metric::new(
            "dear_sales",
            "events(\"sale\").filter(e, e.amount.convertAt(\"EUR\", e.day) > 10).count()",
        )
        .into(),
        Metric::new("now_sales", "events(\"sale\").sum(e, e.amount.convertTo(\"EUR\"))").into(),
        roll_up("lately", Operator::Sum("row.amount".into()))
            .over(Over::Events { event: "sale".into(), last_days: Some(30) })
            .convert_at(EUR, "row.day")
            .reach(Reach::SelfAndDescendants)
            .into(),
        roll_up("ever", Operator::Sum("row.amount".into()))
            .over(Over::Events { event: "sale".into(), last_days: None })
            .convert_at(EUR, "row.day")
            .reach(Reach::SelfAndDescendants)
            .into(),
        roll_up("own_ever", Operator::Count)
            .over(Over::Events { event: "sale".into(), last_days: None })
            .filter("row.amount.convertAt(\"EUR\", row.day) > 1")
            .reach(Reach::SelfOnly)
            .into(),
        roll_up("many", Operator::Sum("row.amount".into()))
            .over(Over::Events { event: "sale".into(), last_days: Some(400) })
            .convert_at(EUR, "row.day")
            .reach(Reach::Descendants)
            .into(),
    ];
    for metric in ["sales", "dear_sales", "now_sales"] {
        for (at, text) in [
            "sum()",
            "last()",
            "first()",
            "max()",
            "avg()",
            "count()",
            "lastDays(30).sum()",
            "lastDays(400).max()",
            "lastDays(30, 380).sum()",
            "lastDays(30, 500).count()",
        ]
        .iter()
        .enumerate()
        {
            all.push(attribute(&format!("{metric}_{at}"), &format!("metric(\"{metric}\").{text}")));
            all.push(attribute(
                &format!("{metric}_{at}_below"),
                &format!("subtree.count(s, s.{metric}_{at} > 1) + 1"),
            ));
            all.push(attribute(
                &format!("{metric}_{at}_twice"),
                &format!("children.count(s, s.{metric}_{at}_below > 1)"),
            ));
        }
    }
    for name in ["lately", "ever", "own_ever", "many"] {
        all.push(attribute(&format!("{name}_below"), &format!("children.count(s, s.{name} > 1)")));
        all.push(attribute(&format!("{name}_all"), &format!("subtree.avg(s, s.{name})")));
    }
    let (mut fits, mut unfit): (Vec<Definition>, usize) = (Vec::new(), 0);
    for definition in all {
        let mut tried = fits.clone();
        tried.push(definition);
        match Catalog::new(&schema(), &usage, tried.clone()) {
            Ok(_) => fits = tried,
            // Some readings have no value that is compared with 1.
            Err(_) => unfit += 1,
        }
    }
    let engine = Engine::new(schema(), AsOf::date_utc(day("2026-01-31")), settings).unwrap();
    engine.load(&accounts()).unwrap();
    engine.define(fits.clone()).unwrap();
    let mut slow_usage = OracleUsage::new();
    let sales = [
        ("a", "2026-01-30", 10),
        ("a", "2026-01-02", 40),
        ("a", "2026-01-01", 40),
        ("b", "2026-01-30", 30),
        ("b", "2024-12-31", 30),
        ("a1", "2024-12-27", 30),
        ("b", "2025-01-16", 5),
        ("g", "2025-01-15", 5),
    ];
    let mut update = Update::new().rates([rate("2025-01-01")]);
    let mut events = Vec::new();
    for (of, on, amount) in sales {
        events.push(Event::on("sale", of, day(on)).value("amount", dollars(amount)));
        slow_usage.add(OracleEvent {
            kind: "sale".into(),
            account: of.into(),
            day: day(on),
            instant: format!("{on}T00:00:00Z").parse().unwrap(),
            user: None,
            count: 1,
            properties: std::collections::BTreeMap::default(),
            measures: [("amount".to_owned(), dollars(amount).into())].into(),
        });
    }
    update = update.events(events);
    engine.apply(update).unwrap();
    let published = engine.published();
    let mut wrong = Vec::new();
    let mut missing = 0;
    for hidden in ["", "b", "a1"] {
        let shown: Vec<&str> = ["g", "a", "a1", "b"].into_iter().filter(|of| *of != hidden).collect();
        let scope =
            if hidden.is_empty() { Scope::all() } else { Scope::of(published.book().accounts(shown)) };
        let live = published.view(&scope).unwrap();
        let view = published.book().view(&scope, AsOf::date_utc(day("2026-01-31"))).unwrap();
        let catalog = published.catalog();
        let oracle = OracleCatalog::new(catalog.names(), catalog.definitions()).unwrap();
        let rates = TwoRates;
        let slow = oracle.over(&view, &slow_usage, None).with_rates(&rates);
        for of in &fits {
            for account in view.accounts() {
                let there = live.account(account.id_str()).unwrap();
                let (is, should) = (live.value(of.name(), there), slow.value(of.name(), account));
                missing += usize::from(is.is_none());
                if is != should {
                    wrong.push(format!(
                        "without `{hidden}` {} of {}: is {is:?}, should be {should:?}",
                        of.name(),
                        account.id_str()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(fits.len() > 80 && unfit < 20 && missing > 50, "{} {unfit} {missing}", fits.len());
}
