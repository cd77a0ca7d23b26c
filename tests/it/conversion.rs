//! Amounts that are converted before they are merged: every operator is that of the oracle, at any moment and in any scope.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common::definitions::{attribute, roll_up, segment};
use crate::common::{CHUNK_ROWS, as_of, config, forest, schema, some_scope};
use perennial::aggregate::{
    Event, EventKind, Nulls, Operator, Over, RollUp, Usage, UsageSchema, UsageSettings,
};
use perennial::catalog::{Catalog, Definition, RunInputs};
use perennial::engine::{Engine, EngineSettings};
use perennial::expr::{Columns, ExplainLimits, ExprValue, Names, Of, Provenance, Type};
use perennial::testkit::{OracleCatalog, OracleEvent, OracleUsage, Random};
use perennial::{
    AsOf, Attribute, AttributeType, ChildTable, Currency, Date, Decimal, Money, Nesting, Policy, Rates,
    Reach, Schema, Scope, TableKind, Timestamp, Value,
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

#[test]
fn an_engine_refuses_conversions_by_name() {
    let engine = Engine::new(schema(), as_of(), EngineSettings::new()).unwrap();
    let converting = roll_up("all_arr", Operator::Sum("arr".into())).convert_to(EUR);
    let plain = roll_up("seats_sum", Operator::Sum("seats".into()));
    let before = engine.published().version();
    let error = engine.define([plain.into(), converting.into()]).unwrap_err();
    assert_eq!(error.to_string(), "a state has no rates, and these convert amounts: roll-up `all_arr`");
    assert_eq!(engine.published().version(), before);
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
