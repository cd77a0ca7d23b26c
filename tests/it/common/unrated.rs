//! A small family of accounts with amounts in dollars, for one of which the rate to euros is missing.

use std::sync::Arc;

use perennial::catalog::Definition;
use perennial::engine::{Engine, EngineSettings, LiveView, Update};
use perennial::source::MemorySource;
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, ChildTable, Currency, Date, Decimal, EnumValues,
    ExchangeRate, Money, Nesting, Schema, Scope, TableKind,
};

pub const EUR: Currency = Currency::EUR;
pub const USD: Currency = Currency::USD;

pub fn day(text: &str) -> Date {
    text.parse().unwrap()
}

pub fn id(of: &str) -> AccountId {
    AccountId::new(of).unwrap()
}

pub fn dollars(units: i128) -> Money {
    Money::from_minor(units * 100, USD)
}

pub fn schema() -> Arc<Schema> {
    let deals = ChildTable::new("deals", TableKind::Opportunities)
        .column(Attribute::new("amount", AttributeType::Money(USD)))
        .column(Attribute::new("closed_on", AttributeType::Date))
        .column(Attribute::new("money_in", AttributeType::Enum(EnumValues::new(["EUR", "USD", "GBP"]))))
        .column(Attribute::new("mixed", AttributeType::MixedMoney { currency_column: "money_in".into() }));
    let schema = Schema::builder()
        .account_type("Group", Nesting::Free)
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("arr", AttributeType::Money(USD)))
        .attribute(Attribute::new("cost", AttributeType::Money(USD)))
        .attribute(Attribute::new("signed", AttributeType::Date))
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("tags", AttributeType::List))
        .attribute(Attribute::new("words", AttributeType::List))
        .attribute(Attribute::new("stage", AttributeType::Enum(EnumValues::new(["Open", "Won"]))))
        .table(deals);
    Arc::new(schema.build().unwrap())
}

/// `g` over `a` (100 USD of 2025-06-01) and `b` (200 USD of 2024-01-01), and `a` over `a1`, which has no amount. There are rates from 2025 on, so
/// that the amount of `b` at its own day is not known.
pub fn accounts() -> MemorySource {
    let row = |of: &str, kind: &str| AccountRow::new(id(of), kind);
    MemorySource::new()
        .account(row("g", "Group"))
        .account(
            row("a", "Company")
                .under(id("g"))
                .with("arr", dollars(100))
                .with("signed", day("2025-06-01"))
                .with("seats", 3_i64),
        )
        .account(row("a1", "Company").under(id("a")).with("seats", 4_i64))
        .account(
            row("b", "Company")
                .under(id("g"))
                .with("arr", dollars(200))
                .with("signed", day("2024-01-01"))
                .with("seats", 5_i64),
        )
}

pub fn rate(on: &str) -> ExchangeRate {
    ExchangeRate::market(USD, EUR, day(on), Decimal::new(5, 1))
}

/// An engine over these accounts, with a rate from 2025 on.
pub fn engine(definitions: impl IntoIterator<Item = Definition>) -> Engine {
    engine_over(&accounts(), definitions)
}

/// An engine over accounts, with a rate from 2025 on.
pub fn engine_over(source: &MemorySource, definitions: impl IntoIterator<Item = Definition>) -> Engine {
    let engine = Engine::new(schema(), AsOf::date_utc(day("2026-01-31")), EngineSettings::new()).unwrap();
    engine.load(source).unwrap();
    engine.apply(Update::new().rates([rate("2025-01-01")])).unwrap();
    engine.define(definitions).unwrap();
    engine
}

pub fn view(engine: &Engine) -> LiveView {
    engine.published().view(&Scope::all()).unwrap()
}

/// What a column gives for `g`, `a`, `a1` and `b`; amounts without the zeros behind their cents.
pub fn shown(view: &LiveView, column: &str) -> [String; 4] {
    ["g", "a", "a1", "b"].map(|id| {
        let value = view.account(id).and_then(|account| view.value(column, account));
        value.map_or("-".to_owned(), |value| value.to_string().replace("000000000 EUR", ""))
    })
}
