//! Amounts that are converted before they are merged: every operator is that of the oracle, at any moment and in any scope.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common::definitions::{attribute, roll_up, segment};
use crate::common::{CHUNK_ROWS, as_of, config, forest, schema, some_scope};
use perennial::aggregate::{
    Event, EventKind, Metric, Nulls, Operator, Over, RollUp, Usage, UsageSchema, UsageSettings,
};
use perennial::catalog::{
    Brought, Catalog, Custom, CustomInputs, CustomKind, CustomOutput, Definition, DefinitionKind,
    DefinitionRef, RunInputs,
};
use perennial::engine::{Engine, EngineSettings, MemoryJournal, Update, compact};
use perennial::expr::{Columns, ExplainLimits, ExprValue, Names, Of, Provenance, Type};
use perennial::testkit::{OracleCatalog, OracleEvent, OracleUsage, Random};
use perennial::{
    AsOf, Attribute, AttributeType, Change, ChildTable, Currency, Date, Decimal, ExchangeRate, ExchangeRates,
    Money, Nesting, Policy, Rates, Reach, Schema, Scope, TableKind, Timestamp, Value,
};
use proptest::prelude::*;

const EUR: Currency = Currency::EUR;
const JPY: Currency = Currency::JPY;

/// Another rate for each day and pair, some of them not known.
#[derive(Debug)]
struct Market;

impl Rates for Market {
    fn rate(&self, from: Currency, to: Currency, on: Date) -> Option<Decimal> {
        let letters = |of: Currency| of.code().bytes().fold(0_i128, |sum, byte| sum * 7 + i128::from(byte));
        let noise = letters(from) * 31 + letters(to) + i128::from(on.days()) * 17;
        (noise % 7 != 0).then(|| Decimal::new(1 + noise.rem_euclid(29_999), 4))
    }

    fn plan(&self, from: Currency, to: Currency, year: Date) -> Option<Decimal> {
        self.rate(to, from, year)
    }
}

fn over_contracts(name: &str, operator: Operator) -> RollUp {
    roll_up(name, operator).over(Over::Table("contracts".into()))
}

fn over_orders(name: &str, operator: Operator) -> RollUp {
    roll_up(name, operator).over(Over::Events { event: "order".into(), last_days: Some(20) })
}

fn definitions() -> Vec<Definition> {
    let amount = || "row.amount".into();
    vec![
        roll_up("all_arr", Operator::Sum("arr".into())).convert_to(EUR).into(),
        roll_up("arr_mean", Operator::Average("arr".into())).convert_to(JPY).reach(Reach::Descendants).into(),
        roll_up("arr_then", Operator::Sum("arr".into())).convert_at(EUR, "since").into(),
        roll_up("arr_twice", Operator::Max("arr * 2".into())).convert_to(EUR).filter("seats > 20").into(),
        roll_up("by_seats", Operator::WeightedAverage { of: "arr".into(), weight: "seats".into() })
            .convert_to(EUR)
            .into(),
        roll_up("in_dollars", Operator::Sum("arr".into())).convert_to(Currency::USD).into(),
        roll_up("planned", Operator::Sum("arr".into())).convert_at_plan(EUR).into(),
        over_contracts("value", Operator::Sum(amount())).convert_to(EUR).into(),
        over_contracts("value_then", Operator::Sum(amount())).convert_at(JPY, "parent.since").into(),
        over_contracts("value_whole", Operator::Sum(amount())).convert_to(JPY).nulls(Nulls::Refuse).into(),
        over_contracts("largest", Operator::Max(amount())).convert_to(JPY).reach(Reach::PreferSelf).into(),
        over_contracts("middle", Operator::Percentile { of: amount(), hundredths: 5_000 })
            .convert_to(EUR)
            .into(),
        over_contracts("sizes", Operator::Distinct(amount())).convert_at(EUR, "since").into(),
        over_contracts("latest", Operator::Last { of: amount(), by: "since".into() })
            .convert_to(EUR)
            .with_cancelled()
            .into(),
        over_contracts("per_arr", Operator::Ratio { numerator: amount(), denominator: "arr".into() })
            .convert_to(EUR)
            .levels(["Group", "Company"])
            .into(),
        over_orders("ordered", Operator::Sum("row.amount".into())).convert_to(EUR).into(),
        over_orders("ordered_then", Operator::Sum("row.price".into())).convert_at(EUR, "row.day").into(),
        // One currency of several, without a rate.
        over_contracts("dollars", Operator::Sum(amount())).filter("row.currency == \"USD\"").into(),
        over_contracts("euros", Operator::Average(amount()))
            .filter("has(since) && \"EUR\" == row.currency")
            .nulls(Nulls::Refuse)
            .into(),
        over_contracts("euros_in_yen", Operator::Max(amount()))
            .filter("row.currency == \"EUR\"")
            .convert_to(JPY)
            .into(),
        attribute("share", "ratio(all_arr, root.all_arr)"),
        // Expressions that convert themselves: over events, in metrics, and in roll-ups.
        attribute("orders_euros", "events(\"order\").lastDays(20).sum(e, e.amount.convertTo(\"EUR\"))"),
        attribute("orders_then", "events(\"order\").where(e, e.price.convertAt(\"EUR\", e.day) > 2).count()"),
        attribute(
            "orders_most",
            "events(\"order\").where(e, e.price.convertAt(\"JPY\", e.day) > 20).max(e, e.price.convertAt(\"EUR\", e.day))",
        ),
        Metric::new("sold", "events(\"order\").sum(e, e.amount.convertAt(\"EUR\", e.day))").into(),
        Metric::new(
            "dear",
            "events(\"order\").where(e, e.price.convertAt(\"EUR\", e.day) > 3).max(e, e.price.convertTo(\"EUR\"))",
        )
        .into(),
        attribute("sold_lately", "metric(\"sold\").lastDays(4).sum()"),
        attribute("dearest", "metric(\"dear\").lastDays(9).max()"),
        attribute("sold_days", "metric(\"dear\").count()"),
        over_orders("prices", Operator::Max("row.price.convertAt(\"EUR\", row.day)".into())).into(),
        over_orders("costly", Operator::Count).filter("row.price.convertAt(\"EUR\", row.day) > 2").into(),
        over_orders("orders_sum", Operator::Sum("row.amount.convertTo(\"EUR\")".into()))
            .filter("row.price.convertTo(\"JPY\") > 1")
            .into(),
        roll_up("best", Operator::Largest { of: "arr.convertAt(\"EUR\", since)".into(), k: 2 }).into(),
        roll_up("rich", Operator::Count).filter("arr.convertAt(\"EUR\", since) > 5").into(),
                roll_up("riches", Operator::Distribution("arr.convertAt(\"EUR\", since) > 5".into())).into(),
        roll_up("values", Operator::Distinct("arr.convertAt(\"EUR\", since)".into())).into(),
        over_contracts("both", Operator::Ratio {
            numerator: "row.amount.convertTo(\"EUR\")".into(),
            denominator: "arr.convertAt(\"EUR\", since)".into(),
        })
        .into(),
        over_contracts("twice", Operator::Sum("row.amount".into()))
            .filter("row.amount.convertAt(\"JPY\", since) > 100")
            .convert_to(EUR)
            .into(),
        segment("large", "value > all_arr"),
    ]
}

/// The same with a reach, with cancelled accounts, with a refusal of rows without a value, each now and then.
fn drawn(random: &mut Random) -> Vec<Definition> {
    let reaches = [Reach::SelfOnly, Reach::Descendants, Reach::SelfAndDescendants, Reach::PreferSelf];
    let all = definitions().into_iter().map(|definition| match definition {
        Definition::RollUp(mut of) if of.name() != "value" => {
            if random.below(2) == 0 {
                of = of.reach(reaches[random.below(4) as usize]);
            }
            if random.below(3) == 0 {
                of = of.with_cancelled();
            }
            if random.below(4) == 0 {
                of = of.nulls(Nulls::Refuse);
            }
            of.into()
        }
        other => other,
    });
    all.collect()
}

fn events(ids: &[&str], random: &mut Random) -> (Usage, OracleUsage) {
    let order = EventKind::new("order")
        .property(Attribute::new("price", AttributeType::Money(Currency::USD)))
        .measure(Attribute::new("amount", AttributeType::Money(Currency::USD)));
    let schema = UsageSchema::new([order]).unwrap();
    let (mut usage, mut oracle) = (Usage::new(schema, UsageSettings::new()), OracleUsage::new());
    let today = as_of().date();
    for _ in 0..random.below(60) {
        let account = ids[random.below(ids.len() as u64) as usize];
        let day = today.plus_days(-(random.below(30) as i32)).unwrap();
        let money = |random: &mut Random| {
            Value::Money(Money::from_minor(i128::from(random.below(999)) - 99, Currency::USD))
        };
        let (price, amount) = (money(random), money(random));
        let count = random.below(3) as u32 + 1;
        let event = Event::on("order", account, day).count(count);
        usage.ingest([event.value("price", price.clone()).value("amount", amount.clone())], today).unwrap();
        oracle.add(OracleEvent {
            account: account.to_owned(),
            kind: "order".to_owned(),
            day,
            instant: Timestamp::start_of(day),
            user: None,
            count,
            properties: BTreeMap::from([("price".to_owned(), price)]),
            measures: BTreeMap::from([("amount".to_owned(), amount)]),
        });
    }
    (usage, oracle)
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn a_converted_roll_up_is_that_of_the_oracle(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..40),
        seed in any::<u64>(),
        packing in 0_usize..6,
    ) {
        let mut random = Random::new(seed);
        let rows = forest(&seeds);
        let (book, _) = rows.load(CHUNK_ROWS[packing], Policy::strict());
        let ids: Vec<&str> = rows.accounts.iter().map(|row| row.id.as_str()).collect();
        let (usage, oracle_usage) = events(&ids, &mut random);
        let scope = some_scope(&book, &ids, &mut random);
        let day = as_of().date().plus_days(random.below(9) as i32 - 4).unwrap();
        let view = book.view(&scope, AsOf::date_utc(day)).unwrap();
        let all = drawn(&mut random);
        let catalog = Catalog::new(book.schema(), usage.schema(), all.clone()).unwrap();
        let oracle = OracleCatalog::new(catalog.names(), catalog.definitions()).unwrap();
        let slow = oracle.over(&view, &oracle_usage, None).with_rates(&Market);
        let rates: Arc<dyn Rates> = Arc::new(Market);
        let of_view = usage.over(&view, catalog.metrics());
        let inputs = RunInputs::new().usage(&of_view).rates(&rates);
        let derived = catalog.run_observed(&view, inputs, &()).unwrap();
        let columns = Columns::from(&derived);
        for account in view.accounts() {
            for definition in &all {
                let name = definition.name();
                if matches!(name, "sold" | "dear") {
                    continue;
                }
                if name == "large" {
                    prop_assert_eq!(derived.is_member(name, account), slow.is_member(name, account));
                    continue;
                }
                prop_assert_eq!(derived.value(name, account), slow.value(name, account), "{} of {:?}", name, account);
                prop_assert_eq!(derived.counts(name, account), slow.counts(name, account), "{} of {:?}", name, account);
            }
            let why = columns.explain("value", account, &ExplainLimits::default()).unwrap().unwrap();
            let Provenance::RollUp(parts) = &why.derived()[0].from else { panic!("{why}") };
            prop_assert_eq!(&parts.whole.sums, &[derived.value("value", account)]);
            prop_assert_eq!(Some((parts.whole.counted, parts.whole.skipped)), derived.counts("value", account));
        }
    }
}

#[test]
fn without_rates_no_converted_amount_is_known() {
    let (book, _) = forest(&[[1, 2, 3, 4, 5], [4, 200, 1, 7, 7]]).load(64, Policy::strict());
    let view = crate::common::view(&book);
    let usage = UsageSchema::default();
    let in_dollars = roll_up("in_dollars", Operator::Sum("arr".into())).convert_to(Currency::USD);
    let catalog = Catalog::new(book.schema(), &usage, [in_dollars.into()]).unwrap();
    let arr = |account: perennial::Account<'_>| account.value("arr");
    let account = view.accounts().find(|account| arr(*account).is_some() && !account.is_cancelled()).unwrap();
    let derived = catalog.run(&view, None, None);
    assert_eq!(derived.value("in_dollars", account), None);
    let (counted, skipped) = derived.counts("in_dollars", account).unwrap();
    assert!(counted == 0 && skipped > 0);
    // A dollar is a dollar, whoever knows no rates but has some.
    let rates: Arc<dyn Rates> = Arc::new(Market);
    let derived = catalog.run_observed(&view, RunInputs::new().rates(&rates), &()).unwrap();
    assert!(matches!(derived.value("in_dollars", account), Some(ExprValue::Money(_, Currency::USD))));
}

/// What is of one currency is money of it, with its digits; of several, or of no currency at all, it is refused.
#[test]
fn amounts_filtered_to_one_currency_need_no_rates() {
    let engine = Engine::new(schema(), as_of(), EngineSettings::new()).unwrap();
    engine.load(&forest(&[[1, 2, 3, 4, 5], [4, 200, 1, 7, 7], [9, 3, 9, 9, 6]]).source()).unwrap();
    let dollars = |filter: &str| over_contracts("dollars", Operator::Sum("row.amount".into())).filter(filter);
    engine.define([dollars("row.currency == \"USD\"").into()]).unwrap();
    let view = engine.published().view(&Scope::all()).unwrap();
    let all = view.accounts().accounts();
    let found: Vec<ExprValue> = all.filter_map(|account| view.value("dollars", account)).collect();
    assert!(!found.is_empty());
    assert!(
        found.iter().all(|of| matches!(of, ExprValue::Money(v, Currency::USD) if v.scale() == 2)),
        "{found:?}"
    );
    let said = |filter: &str| {
        Catalog::new(&schema(), &UsageSchema::default(), [dollars(filter).into()])
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    for filter in [
        "row.currency == \"USD\" || row.currency == \"EUR\"",
        "row.currency in [\"USD\", \"EUR\"]",
        "isNot(row.currency, \"USD\")",
        "row.currency == \"dollars\"",
        "!(row.currency == \"USD\")",
    ] {
        assert!(said(filter).contains("these amounts are of several currencies"), "{filter}");
    }
}

/// What another column says is not a currency.
#[test]
fn only_the_column_of_currencies_says_of_which_an_amount_is() {
    let deals = ChildTable::new("deals", TableKind::Opportunities)
        .column(Attribute::new("price", AttributeType::MixedMoney { currency_column: "cur".into() }))
        .column(Attribute::new("cur", AttributeType::Text))
        .column(Attribute::new("note", AttributeType::Text));
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("cur", AttributeType::Text))
        .table(deals)
        .build()
        .unwrap();
    let kind = |filter: &str| {
        let of = roll_up("x", Operator::Sum("row.price".into())).over(Over::Table("deals".into()));
        let of = of.filter(filter).into();
        let catalog = Catalog::new(&Arc::new(schema.clone()), &UsageSchema::default(), [of]);
        catalog.map(|catalog| catalog.names().name(Of::Account, "x").unwrap().kind().clone())
    };
    assert_eq!(kind("row.cur == \"JPY\" && row.note == \"USD\"").unwrap(), Type::money(JPY));
    for filter in ["row.note == \"USD\"", "cur == \"USD\"", "row.cur == row.note"] {
        assert!(kind(filter).unwrap_err().to_string().contains("several currencies"), "{filter}");
    }
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// Two roots: one with dollars and pounds in its tree, the other with dollars only.
fn two_currencies() -> Engine {
    let deals = ChildTable::new("deals", TableKind::Opportunities)
        .column(Attribute::new("currency", AttributeType::Text))
        .column(Attribute::new("amount", AttributeType::MixedMoney { currency_column: "currency".into() }));
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("arr", AttributeType::Money(Currency::USD)))
        .attribute(Attribute::new("signed", AttributeType::Date))
        .table(deals)
        .build()
        .unwrap();
    let id = |id: &str| perennial::AccountId::new(id).unwrap();
    let row = |of: &str| perennial::AccountRow::new(id(of), "Company");
    let money = |units, currency| Money::from_minor(units, currency);
    let deal = |name: &str, of: &str, amount: Money| {
        let row = perennial::ChildRow::new(perennial::ChildId::new(name).unwrap(), id(of));
        row.with("currency", amount.currency().code()).with("amount", amount)
    };
    let source = perennial::source::MemorySource::new()
        .account(row("a").with("arr", money(10_000, Currency::USD)).with("signed", day("2025-03-31")))
        .account(row("a1").under(id("a")))
        .account(row("b").with("arr", money(5_000, Currency::USD)))
        .child("deals", deal("1", "a", money(10_000, Currency::USD)))
        .child("deals", deal("2", "a1", money(1_000, Currency::GBP)))
        .child("deals", deal("3", "b", money(5_000, Currency::USD)));
    let engine = Engine::new(schema, AsOf::date_utc(day("2026-01-31")), EngineSettings::new()).unwrap();
    engine.load(&source).unwrap();
    let sum = |name: &str, of: &str| roll_up(name, Operator::Sum(of.into()));
    let all: [Definition; 4] = [
        sum("euros", "arr").convert_to(EUR).into(),
        roll_up("all_euros", Operator::Sum("row.amount".into()))
            .over(Over::Table("deals".into()))
            .convert_to(EUR)
            .into(),
        sum("signed_euros", "arr").convert_at(EUR, "signed").into(),
        sum("planned", "arr").convert_at_plan(EUR).into(),
    ];
    engine.define(all).unwrap();
    engine
}

fn told(engine: &Engine, column: &str) -> Vec<String> {
    let view = engine.published().view(&Scope::all()).unwrap();
    let shown = |id| view.value(column, view.account(id).unwrap()).map_or("-".into(), |of| of.to_string());
    ["a", "a1", "b"].map(shown).into()
}

fn dollars(on: &str, hundredths: i128) -> ExchangeRate {
    ExchangeRate::market(Currency::USD, EUR, day(on), Decimal::new(hundredths, 2))
}

#[test]
fn a_rate_that_changes_recomputes_what_reads_it() {
    let engine = two_currencies();
    assert_eq!(told(&engine, "euros"), ["-", "-", "-"]);
    engine.apply(Update::new().rates([dollars("2026-01-01", 92), dollars("2025-01-01", 50)])).unwrap();
    assert_eq!(told(&engine, "euros"), ["92.00000000000 EUR", "-", "46.00000000000 EUR"]);
    // Another one for the day, a later one that holds from then on, and the old one back again.
    engine.apply(Update::new().rates([dollars("2026-01-01", 90)])).unwrap();
    assert_eq!(told(&engine, "euros")[0], "90.00000000000 EUR");
    engine.apply(Update::new().rates([dollars("2026-02-01", 80)])).unwrap();
    assert_eq!(told(&engine, "euros")[0], "90.00000000000 EUR");
    let applied = engine.apply(Update::new().moment(AsOf::date_utc(day("2026-02-03")))).unwrap();
    assert_eq!(told(&engine, "euros")[0], "80.00000000000 EUR");
    assert_eq!(applied.delta.report(&Scope::all()).unwrap().derived.len(), 3);
    let applied = engine.apply(Update::new().rates([dollars("2026-02-01", 80).removed()])).unwrap();
    assert_eq!(told(&engine, "euros")[0], "90.00000000000 EUR");
    let euros = DefinitionRef { kind: DefinitionKind::RollUp, name: "euros".into() };
    let why: Vec<String> = applied.delta.reasons(&euros).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(why, ["rates of exchange -> roll-up `euros`"]);
    // The state before knows its own rates, a branch those of its own.
    let mut branch = engine.published().branch();
    branch.apply(Update::new().rates([dollars("2026-02-02", 10)])).unwrap();
    assert_eq!(told(&engine, "euros")[0], "90.00000000000 EUR");
    engine.take_over(&branch).unwrap();
    assert_eq!(told(&engine, "euros")[0], "10.00000000000 EUR");
    assert_eq!(engine.states().iter().map(|state| state.rates().iter().count()).max(), Some(3));
}

#[test]
fn an_amount_without_a_rate_leaves_the_total_missing_and_is_named() {
    let engine = two_currencies();
    let rates = [dollars("2026-01-01", 92), dollars("2025-04-01", 50)];
    engine.apply(Update::new().rates(rates)).unwrap();
    // 10 pounds below `a` are not nothing.
    assert_eq!(told(&engine, "all_euros"), ["-", "-", "46.00000000000 EUR"]);
    // The day of `a` is before the first rate, that of `b` is not known.
    assert_eq!(told(&engine, "signed_euros"), ["-", "-", "-"]);
    assert_eq!(told(&engine, "euros")[0], "92.00000000000 EUR");
    let view = engine.published().view(&Scope::all()).unwrap();
    let missing = |view: &perennial::engine::LiveView| -> Vec<String> {
        let all = view.all_missing_rates();
        all.iter().flat_map(|(id, all)| all.iter().map(move |of| format!("{id}: {of}"))).collect()
    };
    let plan =
        "roll-up `planned`: no plan rate from USD to EUR for the fiscal year from 2026-01-01: 2 rows of a, b";
    assert_eq!(
        missing(&view),
        [
            "roll-up `all_euros`: no rate from GBP to EUR on 2026-01-31: 1 row of a1",
            "roll-up `signed_euros`: no rate from USD to EUR, since no day is known: 1 row of b",
            "roll-up `signed_euros`: no rate from USD to EUR on 2025-03-31: 1 row of a",
            plan,
        ]
    );
    // In a scope, of what it shows.
    let state = engine.published();
    let only = |id: &str| Scope::of(state.book().accounts([id]));
    assert_eq!(
        missing(&state.view(&only("b")).unwrap()),
        [
            "roll-up `signed_euros`: no rate from USD to EUR, since no day is known: 1 row of b",
            "roll-up `planned`: no plan rate from USD to EUR for the fiscal year from 2026-01-01: 1 row of b",
        ]
    );
    // An explanation says why there is no answer.
    let columns = Columns::from(&view);
    let a = view.account("a").unwrap();
    let why = columns.explain("all_euros", a, &ExplainLimits::default()).unwrap().unwrap();
    assert!(why.to_string().contains("no rate from GBP to EUR on 2026-01-31: 1 row of a1"), "{why}");
}

#[test]
fn a_total_with_an_amount_without_a_rate_is_not_known() {
    let engine = two_currencies();
    let pounds = ExchangeRate::market(Currency::GBP, EUR, day("2026-01-01"), Decimal::new(115, 2));
    engine.apply(Update::new().rates([dollars("2026-01-01", 92)])).unwrap();
    let applied = engine.apply(Update::new().rates([pounds])).unwrap();
    let all = DefinitionRef { kind: DefinitionKind::RollUp, name: "all_euros".into() };
    assert_eq!(
        told(&engine, "all_euros"),
        ["103.50000000000 EUR", "11.50000000000 EUR", "46.00000000000 EUR"]
    );
    let (before, after) = applied.delta.totals(&all, &Scope::all()).unwrap();
    // 46 euros of `b` are not what both come to.
    assert_eq!((before, after.unwrap().to_string()), (None, "149.50000000000 EUR".into()));
    let state = engine.states()[3].clone();
    let only = Scope::of(state.book().accounts(["b"]));
    let delta = perennial::engine::Delta::between(&state, &engine.published());
    let (before, after) = delta.totals(&all, &only).unwrap();
    assert_eq!((before.clone(), before.unwrap().to_string()), (after, "46.00000000000 EUR".into()));
}

/// Both amounts of a row, those of accounts that are read from elsewhere, and what is too large.
#[test]
fn every_rate_that_is_missing_is_named() {
    let engine = two_currencies();
    let deals = |name: &str, operator| roll_up(name, operator).over(Over::Table("deals".into()));
    let both = Operator::Ratio { numerator: "row.amount".into(), denominator: "parent.arr".into() };
    let all = [
        deals("both", both).convert_to(EUR).into(),
        roll_up("below", Operator::Sum("descendants.sum(d, d.arr)".into())).convert_to(EUR).into(),
    ];
    engine.define(all).unwrap();
    let missing = |of: &str| -> Vec<String> {
        let view = engine.published().view(&Scope::all()).unwrap();
        view.missing_rates(of).iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        missing("both"),
        [
            "no rate from GBP to EUR on 2026-01-31: 1 row of a1",
            "no rate from USD to EUR on 2026-01-31: 3 rows of a, a1, b",
        ]
    );
    let id = |id: &str| perennial::AccountId::new(id).unwrap();
    let below = Change::new().set(&id("a1"), "arr", Money::from_minor(5_000, Currency::USD));
    engine.apply(below).unwrap();
    assert_eq!(missing("below"), ["no rate from USD to EUR on 2026-01-31: 1 row of a"]);
    let huge = ExchangeRate::market(Currency::USD, EUR, day("2026-01-01"), Decimal::new(10_i128.pow(30), 0));
    engine.apply(Update::new().rates([huge])).unwrap();
    assert_eq!(
        missing("below"),
        ["too much USD for EUR at 1000000000000000000000000000000 on 2026-01-31: 1 row of a"]
    );
    assert_eq!(told(&engine, "below"), ["-", "-", "-"]);
}

/// The digits of a rate, and a roll-up that converts.
#[derive(Debug)]
struct Digits;

impl CustomKind for Digits {
    fn word(&self) -> &'static str {
        "digits"
    }
    fn version(&self) -> u64 {
        1
    }
    fn outputs(&self) -> Vec<CustomOutput> {
        vec![CustomOutput::new("rate", Type::Text)]
    }
    fn reads_moment(&self) -> bool {
        true
    }
    fn reads_rates(&self) -> bool {
        true
    }
    fn brings(&self, of: &Custom) -> Vec<Brought> {
        let name = format!("{}.below", of.name());
        vec![roll_up(&name, Operator::Sum("arr".into())).convert_to(EUR).into()]
    }
    fn compute(&self, inputs: &CustomInputs<'_>) -> Vec<Option<ExprValue>> {
        let rate = inputs.as_of().and_then(|as_of| inputs.rate(Currency::USD, EUR, as_of.date()));
        vec![rate.map(|rate| ExprValue::Text(rate.to_string().into()))]
    }
}

#[test]
fn a_kind_reads_the_digits_of_a_rate_and_brings_what_lacks_one() {
    let engine = two_currencies();
    let kind: Arc<dyn CustomKind> = Arc::new(Digits);
    engine.define([Custom::new("usd", &kind).into()]).unwrap();
    let lacking = || {
        let view = engine.published().view(&Scope::all()).unwrap();
        view.all_missing_rates().iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>()
    };
    assert!(lacking().contains(&"roll-up `usd.below`".to_owned()), "{:?}", lacking());
    let with = |units, scale| {
        let rate = ExchangeRate::market(Currency::USD, EUR, day("2026-01-01"), Decimal::new(units, scale));
        engine.apply(Update::new().rates([rate])).unwrap();
        told(&engine, "usd.rate")[0].clone()
    };
    // As large, with another digit: a fresh load would show it.
    assert_eq!((with(92, 2), with(920, 3), with(92, 2)), ("0.92".into(), "0.920".into(), "0.92".into()));
    assert!(!lacking().contains(&"roll-up `usd.below`".to_owned()), "{:?}", lacking());
}

#[test]
fn a_rate_of_other_digits_is_another_one_and_one_without_a_number_is_no_rate() {
    let with = |units, scale| {
        let rate = Decimal::new(units, scale);
        ExchangeRates::new()
            .with([ExchangeRate::market(Currency::USD, EUR, day("2026-01-01"), rate)])
            .unwrap()
    };
    let shown =
        |rates: &ExchangeRates| rates.iter().map(|of| of.rate.unwrap().to_string()).collect::<String>();
    assert_eq!((shown(&with(92, 2)), shown(&with(920, 3))), ("0.92".into(), "0.920".into()));
    let written = serde_json::to_string(&with(92, 2).iter().collect::<Vec<_>>()).unwrap();
    let read: Vec<ExchangeRate> = serde_json::from_str(&written).unwrap();
    assert_eq!(read.len(), 1);
    // Who forgets the rate does not take it back.
    let without = written.replace(",\"rate\":\"0.92\"", "");
    assert_ne!(without, written);
    let error = serde_json::from_str::<Vec<ExchangeRate>>(&without).unwrap_err();
    assert!(error.to_string().contains("missing field `rate`"), "{error}");
}

#[test]
fn a_plan_rate_is_that_of_the_fiscal_year_and_of_no_other() {
    let engine = two_currencies();
    let plan = |year: &str, hundredths| {
        ExchangeRate::plan(Currency::USD, EUR, day(year), Decimal::new(hundredths, 2))
    };
    let rates = [plan("2025-01-01", 70), plan("2025-04-01", 60), dollars("2025-01-01", 99)];
    engine.apply(Update::new().rates(rates)).unwrap();
    // The plan of 2025 says nothing of 2026.
    assert_eq!(told(&engine, "planned")[0], "-");
    let april = perennial::FiscalCalendar::starting(4).unwrap();
    for (on, fiscal, expected) in [
        ("2025-12-31", None, "70.00000000000 EUR"),
        ("2026-03-31", Some(april.clone()), "60.00000000000 EUR"),
        ("2026-04-01", Some(april.clone()), "-"),
        ("2025-03-31", Some(april.clone()), "-"),
    ] {
        let as_of = AsOf::date_utc(day(on));
        let as_of = fiscal.map_or(as_of.clone(), |fiscal| as_of.with_fiscal(fiscal));
        engine.advance(as_of).unwrap();
        assert_eq!(told(&engine, "planned")[0], expected, "{on}");
    }
}

#[test]
fn rates_and_events_come_back_with_a_journal() {
    let journal = MemoryJournal::new();
    let login = UsageSchema::new([EventKind::new("login")]).unwrap();
    let settings = || EngineSettings::new().usage(Usage::new(login.clone(), UsageSettings::new()));
    let schema = schema();
    let engine = Engine::new(schema.clone(), as_of(), settings().journal(journal.clone())).unwrap();
    engine.load(&forest(&[[1, 2, 3, 4, 5]]).source()).unwrap();
    let euros = roll_up("euros", Operator::Sum("arr".into())).convert_to(EUR);
    let logins =
        roll_up("logins", Operator::Count).over(Over::Events { event: "login".into(), last_days: None });
    engine.define([euros.into(), logins.reach(Reach::SelfOnly).into()]).unwrap();
    let view = engine.published().view(&Scope::all()).unwrap();
    let account = view.accounts().accounts().next().unwrap().id();
    let login = || Event::on("login", account.as_str(), as_of().date());
    let first = Update::new().rates([dollars("2020-01-01", 92)]).events([login(), login()]);
    let applied = engine.apply(first).unwrap();
    assert_eq!(applied.usage.map(|usage| usage.events), Some(2));
    let said = |engine: &Engine| {
        let state = engine.published();
        let view = state.view(&Scope::all()).unwrap();
        let of = view.account(account.as_str()).unwrap();
        (view.value("euros", of), view.value("logins", of), state.rates().clone(), state.version())
    };
    let then = said(&engine);
    assert_eq!(then.1, Some(ExprValue::Int(2)));
    // Of a branch, too; and where one step of an update is refused, nothing is done.
    let mut branch = engine.published().branch();
    branch.apply(Update::new().rates([dollars("2020-02-01", 93)]).events([login()])).unwrap();
    engine.take_over(&branch).unwrap();
    let now = said(&engine);
    assert!(engine.apply(Update::new().events([login()]).rates([dollars("2020-02-01", 0)])).is_err());
    assert_eq!(said(&engine), now);
    let again = |bytes: &[u8], version| Engine::restore(settings(), bytes, version).unwrap().0;
    assert_eq!(said(&again(&journal.bytes(), None)), now);
    assert_eq!(said(&again(&journal.bytes(), Some(then.3))), then);
    let short = compact(settings(), &journal.bytes()).unwrap();
    assert_eq!(said(&again(&short, None)), now);
    engine.compact_journal().unwrap();
    let (resumed, _) = Engine::resume(settings(), &journal.bytes()).unwrap();
    assert_eq!(said(&resumed), now);
    // The kinds of event are those of the journal.
    assert_eq!(said(&Engine::restore(EngineSettings::new(), &short, None).unwrap().0), now);
}

#[test]
fn rates_that_are_none_are_refused_all_at_once() {
    let engine = two_currencies();
    let before = engine.published().version();
    let rates = [
        dollars("2026-01-01", 0),
        dollars("2026-01-02", -5),
        dollars("2026-01-03", 92),
        dollars("2026-01-03", 93),
        ExchangeRate::market(EUR, EUR, day("2026-01-01"), Decimal::new(1, 0)),
        dollars("2026-01-09", 1).removed(),
    ];
    let error = engine.apply(Update::new().rates(rates)).unwrap_err();
    assert_eq!(
        error.to_string().lines().collect::<Vec<_>>(),
        [
            "the rates were refused: rate USD to EUR of 2026-01-01: it is 0.00, and must be more than 0",
            "rate USD to EUR of 2026-01-02: it is -0.05, and must be more than 0",
            "rate USD to EUR of 2026-01-03: duplicate rate",
            "rate EUR to EUR of 2026-01-01: from a currency to itself the rate is 1",
            "rate USD to EUR of 2026-01-09: there is no such rate to remove",
        ]
    );
    assert_eq!((engine.published().version(), engine.published().rates().iter().count()), (before, 0));
}

#[test]
fn a_conversion_that_makes_no_sense_is_refused() {
    let said = |of: RollUp| {
        let usage = UsageSchema::default();
        Catalog::new(&schema(), &usage, [of.into()]).unwrap_err().to_string()
    };
    let sum = |text: &str| roll_up("x", Operator::Sum(text.into()));
    assert_eq!(said(sum("seats").convert_to(EUR)), "roll-up `x`: it converts amounts, and reads none");
    assert_eq!(
        said(sum("arr").convert_at(EUR, "seats")),
        "roll-up `x`: the day of the rate is whole number, no date"
    );
    assert!(said(sum("arr").convert_at(EUR, "sinc")).contains("since"));
    assert_eq!(
        said(over_contracts("x", Operator::Sum("row.amount".into()))),
        "roll-up `x`: these amounts are of several currencies; filter their currency to one, or convert them"
    );
    assert_eq!(
        said(roll_up("x", Operator::Count).convert_to(EUR)),
        "roll-up `x`: it converts amounts, and reads none"
    );
}

#[test]
fn a_conversion_is_written_and_read() {
    let usage = UsageSchema::default();
    let of = over_contracts("value", Operator::Sum("row.amount".into())).convert_at(EUR, "since");
    let catalog = Catalog::new(&schema(), &usage, [of.clone().into()]).unwrap();
    let json = catalog.to_json();
    let text = json.to_string();
    assert_eq!(Catalog::read([text.as_str()]).unwrap(), [of.into()]);
    assert!(json.to_string().contains(r#""convert":{"at":"since","to":"EUR"}"#), "{json}");
    let wrong = text.replace("\"EUR\"", "\"euros\"");
    let error = Catalog::read([wrong.as_str()]).unwrap_err().to_string();
    assert!(error.contains("/roll_ups/0"), "{error}");
}
