//! Currencies of ISO 4217 as of 2026: those in use, and withdrawn ones of old contracts, which load and are marked.

use std::sync::Arc;

use perennial::engine::{Engine, EngineSettings, MemoryJournal};
use perennial::expr::Checker;
use perennial::report::WithdrawnAmounts;
use perennial::source::MemorySource;
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, ChildId, ChildRow, ChildTable, Currency,
    Date, EnumValues, LoadReport, Money, Nesting, Policy, Schema, TableKind, Value,
};

/// List one of 2026-01-01, all codes with a minor unit: what was withdrawn is not among them.
#[test]
fn the_codes_in_use_are_those_of_2026() {
    let exponent = |code: &str| code.parse::<Currency>().ok().map(|currency| currency.exponent());
    let in_use = |code: &str| code.parse::<Currency>().is_ok_and(|currency| !currency.is_withdrawn());
    for code in ["XAD", "XCG", "ZWG", "SLE", "VES", "VED", "MRU", "STN", "BYN", "RSD", "EUR"] {
        assert_eq!((exponent(code), in_use(code)), (Some(2), true), "{code}");
    }
    for code in ["BGN", "ANG", "CUC", "HRK", "SLL", "ZWL", "VEF", "LTL", "DEM", "FRF"] {
        assert_eq!((exponent(code), in_use(code)), (Some(2), false), "{code}");
    }
    for code in ["ITL", "ESP", "PTE", "BEF", "LUF", "GRD", "BYR", "TRL"] {
        assert_eq!((exponent(code), in_use(code)), (Some(0), false), "{code}");
    }
    // No minor unit, never a code, or a code whose exponent is not certain.
    for code in ["XAU", "XXX", "XTS", "XDR", "ABC", "ROL", "BYB", "eur", "EU", "EURO", ""] {
        assert_eq!(exponent(code), None, "{code}");
    }
}

#[test]
fn a_withdrawn_currency_is_money_like_any_other() {
    let lira: Currency = "ITL".parse().unwrap();
    assert_eq!(Money::parse("1200000", lira).unwrap().to_string(), "1200000 ITL");
    assert!(Money::parse("0.5", lira).is_err());
    assert_eq!(lira.withdrawal().unwrap().to_string(), "withdrawn 2002-03; its successor is EUR");
    // Two states took two currencies.
    let dinar: Currency = "CSD".parse().unwrap();
    assert_eq!(dinar.withdrawal().unwrap().to_string(), "withdrawn 2006-10");
    assert_eq!(Currency::EUR.withdrawal(), None);

    let lev = Money::from_minor(195_583, "BGN".parse().unwrap());
    let text = serde_json::to_string(&Value::Money(lev)).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), Value::Money(lev));
    // Not a euro, however fixed the rate: nothing is converted unasked.
    assert!(lev.checked_add(&Money::from_minor(1, Currency::EUR)).is_err());
}

fn id(text: &str) -> AccountId {
    AccountId::new(text).unwrap()
}

fn money(minor: i128, code: &str) -> Value {
    Value::Money(Money::from_minor(minor, code.parse().unwrap()))
}

fn schema() -> Schema {
    let codes = EnumValues::new(["EUR", "BGN", "DEM"]);
    Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("arr", AttributeType::Money("BGN".parse().unwrap())))
        .attribute(Attribute::new("fees", AttributeType::Money(Currency::EUR)))
        .table(
            ChildTable::new("deals", TableKind::Custom)
                .column(Attribute::new(
                    "amount",
                    AttributeType::MixedMoney { currency_column: "currency".into() },
                ))
                .column(Attribute::new("currency", AttributeType::Text))
                .column(Attribute::new(
                    "list_price",
                    AttributeType::MixedMoney { currency_column: "code".into() },
                ))
                .column(Attribute::new("code", AttributeType::Enum(codes)))
                .column(Attribute::new("deposit", AttributeType::Money("HRK".parse().unwrap()))),
        )
        .build()
        .unwrap()
}

fn deal(name: &str, account: &str, minor: i128, code: &str) -> ChildRow {
    ChildRow::new(ChildId::new(name).unwrap(), id(account))
        .with("amount", money(minor, code))
        .with("currency", code)
}

fn source() -> MemorySource {
    let row = |name: &str| AccountRow::new(id(name), "Company");
    MemorySource::new()
        .account(row("a").with("arr", money(100, "BGN")).with("fees", money(5, "EUR")))
        .account(row("b").with("arr", money(200, "BGN")).under(id("a")))
        .account(row("c"))
        // Held for its type.
        .account(AccountRow::new(id("d"), "Nobody").with("arr", money(400, "BGN")))
        .child("deals", deal("1", "a", 10, "DEM"))
        .child("deals", deal("2", "a", 20, "EUR"))
        .child("deals", deal("3", "b", 30, "DEM").with("list_price", money(7, "BGN")).with("code", "BGN"))
        .child("deals", deal("4", "c", 40, "ANG").with("list_price", money(8, "EUR")).with("code", "EUR"))
        .child("deals", deal("5", "nobody", 50, "DEM"))
}

fn said(report: &LoadReport) -> Vec<String> {
    report.withdrawn_currencies.iter().map(ToString::to_string).collect()
}

const SAID: [&str; 4] = [
    "accounts.arr: 2 values in BGN, withdrawn 2026-01; its successor is EUR",
    "deals.amount: 1 value in ANG, withdrawn 2025-03; its successor is XCG",
    "deals.amount: 2 values in DEM, withdrawn 2002-03; its successor is EUR",
    "deals.list_price: 1 value in BGN, withdrawn 2026-01; its successor is EUR",
];

#[test]
fn a_load_notes_the_amounts_in_withdrawn_currencies_and_refuses_none() {
    let (book, report) = Book::load(schema(), &source(), &Policy::lenient()).unwrap();
    assert_eq!(said(&report), SAID);
    let found: Vec<usize> = report.counts.values().copied().collect();
    assert_eq!(found, [1, 1], "the unknown type and the row of nobody, and no fault for a currency");
    let summary = report.to_string();
    assert!(SAID.iter().all(|line| summary.lines().any(|of| of == *line)), "{summary}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(
        json["withdrawn_currencies"][0],
        serde_json::json!({
            "table": "accounts", "column": "arr", "currency": "BGN", "values": 2,
            "withdrawal": { "year": 2026, "month": 1, "successor": "EUR" },
        })
    );
    // The check of a source says so as well, and a book without such amounts nothing.
    assert_eq!(said(&Book::check(schema(), &source()).unwrap()).len(), 4);
    let plain =
        MemorySource::new().account(AccountRow::new(id("a"), "Company").with("fees", money(5, "EUR")));
    let (_, report) = Book::load(schema(), &plain, &Policy::strict()).unwrap();
    assert_eq!(report.withdrawn_currencies, Vec::<WithdrawnAmounts>::new());
    assert_eq!(book.len(), 3);
}

#[test]
fn expressions_know_withdrawn_currencies() {
    let schema = schema();
    let check = |text: &str| {
        let checked = Checker::new(&schema).check(text);
        checked.map(|checked| checked.kind().to_string()).map_err(|errors| errors.to_string())
    };
    assert_eq!(check("arr").unwrap(), "money(BGN)");
    let marks = r#"deals.filter(d, d.currency == "DEM").sum(d, d.amount)"#;
    assert_eq!(check(marks).unwrap(), "money(DEM)");
    assert_eq!(check(r#"fees.convertTo("BGN")"#).unwrap(), "money(BGN)");
    let error = check(r#"fees.convertTo("dem")"#).unwrap_err();
    assert!(error.contains("unknown currency `dem`; did you mean \"DEM\"?"), "{error}");
    // The lev is no euro, until a rate says what it is worth.
    assert!(check("arr + fees").is_err());
}

#[test]
fn snapshots_and_journals_keep_withdrawn_currencies() {
    let (book, _) = Book::load(schema(), &source(), &Policy::lenient()).unwrap();
    let again = Book::from_snapshot(schema(), &book.to_snapshot()).unwrap();
    assert_eq!(again.to_snapshot(), book.to_snapshot());

    let journal = MemoryJournal::new();
    let as_of = AsOf::date_utc(Date::new(2026, 1, 31).unwrap());
    let settings = || EngineSettings::new().policy(Policy::lenient());
    let engine = Engine::new(Arc::new(schema()), as_of, settings().journal(journal.clone())).unwrap();
    let report = engine.load(&source()).unwrap();
    assert_eq!(said(&report), SAID);
    let (restored, _) = Engine::restore(settings(), &journal.bytes(), None).unwrap();
    let bytes = |engine: &Engine| engine.published().book().to_snapshot();
    assert_eq!(bytes(&restored), bytes(&engine));

    // A schema document names the code.
    let document = schema().to_json();
    assert!(document.contains("\"BGN\""), "{document}");
    let read = Schema::from_json(&document).unwrap();
    assert_eq!(read.to_json(), document);
}
