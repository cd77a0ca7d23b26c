//! An amount times a double is the exact product, rounded once, in every evaluator and in weighted averages.

use std::sync::Arc;

use perennial::aggregate::{Operator, RollUp, RollUpPlan};
use perennial::expr::{Checked, Checker, ExprPlan, ExprValue};
use perennial::source::MemorySource;
use perennial::testkit::OracleExpr;
use perennial::{
    AccountRow, Attribute, AttributeType, Book, Currency, Decimal, Money, Nesting, Policy, Schema, Value,
    View,
};
use proptest::prelude::*;
use serde_json::json;

use crate::common::{as_of, config, id, view};

fn schema() -> Arc<Schema> {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("v", AttributeType::Money(Currency::USD)))
        .attribute(Attribute::new("p", AttributeType::Double));
    Arc::new(schema.build().unwrap())
}

/// Accounts under the first one, each with an amount in cents and a double.
fn loaded(rows: &[(i64, f64)]) -> View {
    let mut source = MemorySource::new();
    for (number, (cents, p)) in rows.iter().enumerate() {
        let row = AccountRow::new(id(&format!("a{number}")), "Company")
            .with("v", Value::Money(Money::from_minor((*cents).into(), Currency::USD)))
            .with("p", Value::Double(*p));
        source = source.account(if number == 0 { row } else { row.under(id("a0")) });
    }
    let (book, _) = Book::load(schema(), &source, &Policy::strict()).unwrap();
    view(&book)
}

fn checked(text: &str) -> Checked {
    Checker::new(&*schema()).check(text).unwrap_or_else(|errors| panic!("{errors}"))
}

fn usd(units: i128, scale: u8) -> Option<ExprValue> {
    Some(ExprValue::Money(Decimal::new(units, scale), Currency::USD))
}

/// The answer for every account, the same from all evaluators and the oracle.
fn answers(view: &View, text: &str) -> Vec<Option<ExprValue>> {
    let checked = checked(text);
    let plan = ExprPlan::new([&checked]);
    let together = plan.run(view).unwrap();
    let alone = checked.for_accounts(view).unwrap();
    let oracle = OracleExpr::new(&checked);
    let all = view.accounts().map(|account| {
        let value = together.value(0, account);
        assert_eq!(value, alone.value(account), "{text}");
        assert_eq!(value, oracle.value(account), "{text} by the oracle");
        value
    });
    all.collect()
}

#[test]
fn an_amount_times_one_is_the_amount() {
    let view = loaded(&[(123_456_789_012, 1.0), (123_456_789_012, 0.1), (-1, 1e-300), (1, 1e30)]);
    let products = answers(&view, "v * p");
    // Through doubles it was 1234567890.11999997952.
    assert_eq!(products[0], usd(123_456_789_012_000_000_000, 11));
    // By the double that is nearest to a tenth, which is 0.1000000000000000055...
    assert_eq!(products[1], usd(12_345_678_901_200_000_685, 11));
    assert_eq!(products[2], usd(0, 11));
    assert_eq!(products[3], None, "beyond 128 bits");
    assert_eq!(answers(&view, "v * p + v * (1.0 - p) == v")[0], Some(ExprValue::Bool(true)));
    let record = json!({"v": "1234567890.12", "p": 1.0});
    let alone = checked("v * p").for_json(&as_of()).unwrap().value(&record).unwrap();
    assert_eq!(alone, products[0]);
}

#[test]
fn a_weighted_average_of_one_amount_is_the_amount() {
    let of = |view: &View| {
        let operator = Operator::WeightedAverage { of: "v".into(), weight: "p".into() };
        let definition = RollUp::new("x", operator);
        let plan = RollUpPlan::new(view.schema(), &**view.schema(), [definition]).unwrap();
        let root = view.account("a0").unwrap();
        let value = plan.run(view).value("x", root);
        assert_eq!(plan.partial("x", root, None).unwrap().value(), value);
        value
    };
    let amount = usd(123_456_789_012_000_000_000, 11);
    assert_eq!(of(&loaded(&[(123_456_789_012, 1.0)])), amount);
    assert_eq!(
        of(&loaded(&[(123_456_789_012, 1.0), (123_456_789_012, 0.5), (123_456_789_012, 2.25)])),
        amount
    );
    // (1.00 x 0.5 + 2.00 x 2.5) / 3
    assert_eq!(of(&loaded(&[(100, 0.5), (200, 2.5)])), usd(183_333_333_333, 11));
    assert_eq!(of(&loaded(&[(100, -0.5), (200, -2.5)])), usd(183_333_333_333, 11));
    assert_eq!(of(&loaded(&[(100, -0.5), (200, 0.5)])), None, "the weights come to 0");
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn every_product_of_an_amount_and_a_double_is_that_of_the_oracle(
        rows in prop::collection::vec((-1_000_000_000_000_000_i64..=1_000_000_000_000_000, any::<u64>(), -80_i32..60), 1..12),
    ) {
        let rows: Vec<(i64, f64)> = rows.into_iter().map(|(cents, bits, exponent)| {
            // Doubles near one as well as any.
            let any = f64::from_bits(bits);
            let near = f64::from_bits(bits >> 12 | 0x3ff << 52) * 2_f64.powi(exponent);
            let double = if bits % 4 == 0 && any.is_finite() { any } else { near };
            (cents, if bits % 3 == 0 { -double } else { double })
        }).collect();
        let view = loaded(&rows);
        answers(&view, "v * p");
        answers(&view, "p * v - v");
        answers(&view, "(v * p) * p");
    }
}
