//! Expressions that convert money: at which rate, what is known without one, and who is told.

use std::sync::Arc;

use crate::common::definitions::{attribute, roll_up, segment};
use perennial::aggregate::Ranking;
use perennial::aggregate::{
    Event, EventKind, Metric, Operator, Over, RollUp, Usage, UsageSchema, UsageSettings,
};
use perennial::catalog::{Definition, DefinitionKind, DefinitionRef, Origin};
use perennial::engine::{Engine, EngineSettings, LiveView, Update};
use perennial::expr::{Ast, Checker, Columns, ExplainLimits, ExprLimits, ExprPlan, ExprValue, RowExpr};
use perennial::source::MemorySource;
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Change, ChildId, ChildRow, ChildTable,
    Currency, Date, Decimal, ExchangeRate, ExchangeRates, FiscalCalendar, Money, Nesting, Policy, Rates,
    Schema, Scope, TableKind, Value, View,
};

const EUR: Currency = Currency::EUR;
const USD: Currency = Currency::USD;
const JPY: Currency = Currency::JPY;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn today() -> AsOf {
    AsOf::date_utc(day("2026-01-31"))
}

fn schema() -> Arc<Schema> {
    let deals = ChildTable::new("deals", TableKind::Opportunities)
        .column(Attribute::new("currency", AttributeType::Text))
        .column(Attribute::new("open", AttributeType::Bool))
        .column(Attribute::new("closed_on", AttributeType::Date))
        .column(Attribute::new("amount", AttributeType::MixedMoney { currency_column: "currency".into() }));
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("arr", AttributeType::Money(USD)))
        .attribute(Attribute::new("yen", AttributeType::Money(JPY)))
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("signed", AttributeType::Date))
        .table(deals);
    Arc::new(schema.build().unwrap())
}

fn id(of: &str) -> AccountId {
    AccountId::new(of).unwrap()
}

/// `a` with 100.00 USD and `a1` below it; `b` with 50.00 USD. Deals of `a`, `a1` and `b`, in dollars, pounds and euros.
fn source() -> MemorySource {
    let row = |of: &str| AccountRow::new(id(of), "Company");
    let deal = |name: &str, of: &str, units: i128, currency: Currency, open: bool| {
        let row = ChildRow::new(ChildId::new(name).unwrap(), id(of)).with("open", open);
        row.with("currency", currency.code()).with("amount", Money::from_minor(units, currency))
    };
    MemorySource::new()
        .account(row("a").with("arr", Money::from_minor(10_000, USD)).with("signed", day("2025-03-31")))
        .account(row("a1").under(id("a")).with("seats", 3_i64))
        .account(row("b").with("arr", Money::from_minor(5_000, USD)).with("yen", Money::from_minor(333, JPY)))
        .child("deals", deal("1", "a", 10_000, USD, true).with("closed_on", day("2026-01-15")))
        .child("deals", deal("2", "a1", 1_000, Currency::GBP, true))
        .child("deals", deal("3", "a1", 700, EUR, false).with("closed_on", day("2026-01-20")))
        .child("deals", deal("4", "b", 5_000, USD, false).with("closed_on", day("2024-12-31")))
}

fn book() -> Book {
    Book::load(schema(), &source(), &Policy::strict()).unwrap().0
}

fn market(from: Currency, to: Currency, on: &str, rate: (i128, u8)) -> ExchangeRate {
    ExchangeRate::market(from, to, day(on), Decimal::new(rate.0, rate.1))
}

fn at(rates: impl IntoIterator<Item = ExchangeRate>) -> View {
    view_at(today(), rates)
}

fn view_at(as_of: AsOf, rates: impl IntoIterator<Item = ExchangeRate>) -> View {
    let rates: Arc<dyn Rates> = Arc::new(ExchangeRates::new().with(rates).unwrap());
    book().view(&Scope::all(), as_of).unwrap().with_rates(rates)
}

/// What an expression gives for `a`, `a1` and `b`: for one after the other, for all at once, and by the oracle.
fn told(view: &View, text: &str) -> [String; 3] {
    let checked = Checker::new(&*schema()).check(text).unwrap_or_else(|errors| panic!("{errors}"));
    let (single, all) = (checked.for_accounts(view).unwrap(), ExprPlan::new([&checked]).run(view).unwrap());
    let oracle = perennial::testkit::OracleExpr::new(&checked);
    ["a", "a1", "b"].map(|id| {
        let account = view.account(id).unwrap();
        assert_eq!(single.value(account), all.value(0, account), "{text} of {id}");
        assert_eq!(oracle.value(account), all.value(0, account), "{text} of {id}");
        all.value(0, account).map_or("-".to_owned(), |value| value.to_string())
    })
}

// --- Which rate -----------------------------------------------------------------------------------

#[test]
fn a_rate_holds_from_its_day_to_the_day_before_the_next() {
    let rates = [
        market(USD, EUR, "2026-01-01", (92, 2)),
        market(USD, EUR, "2026-01-16", (95, 2)),
        market(USD, EUR, "2026-02-01", (10, 2)),
    ];
    let view = at(rates);
    assert_eq!(told(&view, "arr.convertTo(\"EUR\")"), ["95.00000000000 EUR", "-", "47.50000000000 EUR"]);
    let on = |on: &str| told(&view, &format!("arr.convertAt(\"EUR\", date(\"{on}\"))"))[0].clone();
    assert_eq!(on("2026-01-15"), "92.00000000000 EUR");
    assert_eq!(on("2026-01-16"), "95.00000000000 EUR");
    assert_eq!(on("2026-02-01"), "10.00000000000 EUR");
    assert_eq!(on("2025-12-31"), "-");
    assert_eq!(on("2026-12-31"), "10.00000000000 EUR");
    // The rate at which a period opened.
    assert_eq!(told(&view, "arr.convertAt(\"EUR\", startOf(\"month\"))")[0], "92.00000000000 EUR");
}

/// Nothing is guessed: no way back, no way through a third currency, and never 1.
#[test]
fn an_amount_without_a_rate_has_no_value() {
    let view = at([market(EUR, USD, "2026-01-01", (110, 2)), market(USD, JPY, "2026-01-01", (150, 0))]);
    assert_eq!(told(&view, "arr.convertTo(\"EUR\")"), ["-", "-", "-"]);
    assert_eq!(told(&view, "arr.convertTo(\"GBP\")"), ["-", "-", "-"]);
    assert_eq!(told(&view, "has(arr.convertTo(\"GBP\"))"), ["false", "false", "false"]);
    assert_eq!(told(&view, "coalesce(arr.convertTo(\"GBP\"), 0)")[0], "0.00000000000 GBP");
    assert_eq!(told(&view, "arr.convertTo(\"JPY\")"), ["15000.000000000 JPY", "-", "7500.000000000 JPY"]);
}

/// An amount in the currency already needs no rate; but its day, where one is asked, as in a roll-up (S126).
#[test]
fn a_currency_is_worth_itself() {
    let view = at([]);
    assert_eq!(told(&view, "arr.convertTo(\"USD\")"), ["100.00000000000 USD", "-", "50.00000000000 USD"]);
    assert_eq!(told(&view, "arr.convertAtPlan(\"USD\")")[0], "100.00000000000 USD");
    assert_eq!(told(&view, "arr.convertAt(\"USD\", signed)"), ["100.00000000000 USD", "-", "-"]);
    // Where there are no rates at all, nothing is known of any.
    let bare = book().view(&Scope::all(), today()).unwrap();
    assert_eq!(told(&bare, "arr.convertTo(\"USD\")"), ["-", "-", "-"]);
}

#[test]
fn a_plan_rate_is_that_of_the_fiscal_year_that_the_moment_has() {
    let plan = |year: &str, rate: i128| ExchangeRate::plan(USD, EUR, day(year), Decimal::new(rate, 2));
    let rates = [plan("2025-07-01", 80), plan("2026-01-01", 90), market(USD, EUR, "2025-01-01", (50, 2))];
    let said = |as_of: AsOf| told(&view_at(as_of, rates), "arr.convertAtPlan(\"EUR\")")[0].clone();
    let from = |month: u8| today().with_fiscal(FiscalCalendar::starting(month).unwrap());
    assert_eq!(said(from(1)), "90.00000000000 EUR");
    // The same day is in a year that began in July, and the year before it ended after six months: it is as the moment has it.
    assert_eq!(said(from(7)), "80.00000000000 EUR");
    // A year without a plan has none, whatever was known before, and whatever the market says.
    assert_eq!(said(from(10)), "-");
    assert_eq!(said(AsOf::date_utc(day("2027-01-01"))), "-");
    assert_eq!(said(AsOf::date_utc(day("2026-12-31"))), "90.00000000000 EUR");
}

#[test]
fn an_engine_whose_fiscal_year_is_cut_short_reads_the_plan_of_the_new_one() {
    let plan = |year: &str, rate: i128| ExchangeRate::plan(USD, EUR, day(year), Decimal::new(rate, 2));
    let engine = engine([attribute("planned", "arr.convertAtPlan(\"EUR\")")]);
    engine.apply(Update::new().rates([plan("2026-01-01", 90), plan("2026-02-01", 70)])).unwrap();
    assert_eq!(shown(&engine, "planned")[0], "90.00000000000 EUR");
    // A year of one month: from February on, the year begins in February.
    let short = AsOf::date_utc(day("2026-02-01")).with_fiscal(FiscalCalendar::starting(2).unwrap());
    engine.apply(Update::new().moment(short)).unwrap();
    assert_eq!(shown(&engine, "planned")[0], "70.00000000000 EUR");
    // Only the fiscal calendar changes, not the day.
    engine.apply(Update::new().moment(AsOf::date_utc(day("2026-02-01")))).unwrap();
    assert_eq!(shown(&engine, "planned")[0], "90.00000000000 EUR");
}

#[test]
fn a_list_that_is_filtered_for_want_of_a_rate_makes_no_count_smaller() {
    let schema: Arc<Schema> = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("arr", AttributeType::Money(USD)))
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("tags", AttributeType::List))
        .build()
        .unwrap()
        .into();
    let child = |name: &str| {
        let row = AccountRow::new(id(name), "Company").under(id("p"));
        row.with("arr", Money::from_minor(10_000, USD)).with("tags", Value::List(vec!["vip".into()].into()))
    };
    let parent = AccountRow::new(id("p"), "Company");
    let source = MemorySource::new().account(parent).account(child("a")).account(child("b"));
    let (book, _) = Book::load(schema.clone(), &source, &Policy::strict()).unwrap();
    let known: Arc<dyn Rates> =
        Arc::new(ExchangeRates::new().with([market(USD, EUR, "2026-01-01", (9, 1))]).unwrap());
    let none: Arc<dyn Rates> = Arc::new(ExchangeRates::new());
    let value = |text: &str, rates: &Arc<dyn Rates>| {
        let checked = Checker::new(&*schema).check(text).unwrap();
        let view = book.view(&Scope::all(), today()).unwrap().with_rates(rates.clone());
        let parent = view.account("p").unwrap();
        let value = checked.for_accounts(&view).unwrap().value(parent);
        assert_eq!(value, ExprPlan::new([&checked]).run(&view).unwrap().value(0, parent), "{text}");
        assert_eq!(value, perennial::testkit::OracleExpr::new(&checked).value(parent), "{text}");
        value
    };
    let filtered = "c.tags.filter(t, t == \"vip\" && c.arr.convertTo(\"EUR\") > 3)";
    for (last, expected) in [("exists(t, t != \"\")", 2), ("all(t, t == \"\")", 0)] {
        let text = format!("children.count(c, {filtered}.{last})");
        assert_eq!(value(&text, &known), Some(ExprValue::Int(expected)));
        assert_eq!(value(&text, &none), None);
    }
    // What is said in the place of an amount is known, also where something else of the account is not.
    let has = "children.count(c, has(c.arr.convertTo(\"EUR\")) && c.seats > 1)";
    assert_eq!(value(has, &none), Some(ExprValue::Int(0)));
    let says =
        "children.count(c, coalesce(c.arr.convertTo(\"EUR\"), c.arr.convertTo(\"EUR\")) > 1 && c.seats > 1)";
    assert_eq!(value(says, &none), None);
    let settled = "children.count(c, (c.arr.convertTo(\"EUR\") > 1 || true) && c.seats > 1)";
    assert_eq!(value(settled, &none), Some(ExprValue::Int(0)));
}

// --- What is reckoned -----------------------------------------------------------------------------

/// Each amount to 10^-9 minor units, half to even; so that parts add up.
#[test]
fn amounts_are_rounded_to_a_billionth_of_a_minor_unit_half_to_even() {
    let tie = |units: i128, rate: (i128, u8)| {
        let source = MemorySource::new()
            .account(AccountRow::new(id("a"), "Company").with("yen", Money::from_minor(units, JPY)));
        let (book, _) = Book::load(schema(), &source, &Policy::strict()).unwrap();
        let rates: Arc<dyn Rates> =
            Arc::new(ExchangeRates::new().with([market(JPY, USD, "2026-01-01", rate)]).unwrap());
        let view = book.view(&Scope::all(), today()).unwrap().with_rates(rates);
        let checked = Checker::new(&*schema()).check("yen.convertTo(\"USD\")").unwrap();
        let account = view.account("a").unwrap();
        let alone = checked.for_accounts(&view).unwrap().value(account);
        assert_eq!(alone, ExprPlan::new([&checked]).run(&view).unwrap().value(0, account));
        match alone {
            Some(ExprValue::Money(amount, _)) => amount.units(),
            other => panic!("{other:?}"),
        }
    };
    // One yen is a whole unit of 10^-11 dollars at 10^-11; halves go to the even neighbour.
    assert_eq!(tie(1, (5, 12)), 0);
    assert_eq!(tie(3, (5, 12)), 2);
    assert_eq!(tie(5, (5, 12)), 2);
    assert_eq!(tie(-1, (5, 12)), 0);
    assert_eq!(tie(-3, (5, 12)), -2);
    assert_eq!(tie(1, (5_000_001, 18)), 1);
    assert_eq!(tie(7, (5_000_001, 18)), 4);
    assert_eq!(tie(333, (65, 4)), 216_450_000_000);
}

#[test]
fn an_amount_that_does_not_fit_has_no_value() {
    let view = at([market(USD, EUR, "2026-01-01", (10_i128.pow(37), 0))]);
    assert_eq!(told(&view, "arr.convertTo(\"EUR\")"), ["-", "-", "-"]);
    // What goes beyond on the way and comes back is exact.
    let view = at([market(USD, EUR, "2026-01-01", (10_i128.pow(37), 18))]);
    assert_eq!(told(&view, "arr.convertTo(\"EUR\")")[0], "1000000000000000000000.00000000000 EUR");
    let view = at([market(USD, EUR, "2026-01-01", (92, 2))]);
    assert_eq!(told(&view, "(arr * 0.123456789).convertTo(\"EUR\")")[0], "11.35802458800 EUR");
}

/// The line of exchange rates of a movement: the closing amounts by the difference of two rates, to the last digit.
#[test]
fn opening_movement_and_exchange_line_are_the_closing() {
    let view = at([market(USD, EUR, "2025-12-01", (917, 3)), market(USD, EUR, "2026-01-15", (9_203, 4))]);
    let opened = "subtree.sum(a, a.arr.convertAt(\"EUR\", date(\"2025-12-31\")))";
    let closed = "subtree.sum(a, a.arr.convertTo(\"EUR\"))";
    assert_eq!(told(&view, opened)[0], "91.70000000000 EUR");
    assert_eq!(told(&view, closed)[0], "92.03000000000 EUR");
    assert_eq!(told(&view, &format!("{closed} - {opened}"))[0], "0.33000000000 EUR");
}

// --- Amounts of many --------------------------------------------------------------------------------

/// A smaller total would be a wrong one.
#[test]
fn what_is_gathered_of_amounts_without_a_rate_is_missing_and_not_smaller() {
    let dollars = || market(USD, EUR, "2026-01-01", (92, 2));
    let pounds = market(Currency::GBP, EUR, "2026-01-01", (115, 2));
    let sum = "subtree.sum(a, a.deals.sum(d, d.amount.convertTo(\"EUR\")))";
    let each = "deals.sum(d, d.amount.convertTo(\"EUR\"))";
    let some = at([dollars()]);
    assert_eq!(told(&some, each), ["92.00000000000 EUR", "-", "46.00000000000 EUR"]);
    assert_eq!(told(&some, sum), ["-", "-", "46.00000000000 EUR"]);
    assert_eq!(told(&some, "deals.count(d, d.amount.convertTo(\"EUR\") > 8)"), ["1", "-", "1"]);
    assert_eq!(told(&some, "deals.filter(d, d.amount.convertTo(\"EUR\") > 8).count()"), ["1", "-", "1"]);
    assert_eq!(told(&some, "deals.max(d, d.amount.convertTo(\"EUR\"))")[1], "-");
    assert_eq!(told(&some, "deals.avg(d, d.amount.convertTo(\"EUR\"))")[1], "-");
    // A question says what it knows.
    assert_eq!(told(&some, "deals.exists(d, d.amount.convertTo(\"EUR\") > 5)"), ["true", "true", "true"]);
    assert_eq!(told(&some, "deals.exists(d, d.amount.convertTo(\"EUR\") > 8)"), ["true", "-", "true"]);
    assert_eq!(told(&some, "deals.filter(d, d.amount.convertTo(\"EUR\") > 5).exists(d, d.open)")[1], "-");
    // What is said of an amount without a rate, or not asked of it, is known.
    assert_eq!(told(&some, "deals.sum(d, coalesce(d.amount.convertTo(\"EUR\"), 0))")[1], "7.00000000000 EUR");
    assert_eq!(
        told(&some, "deals.filter(d, d.currency != \"GBP\").sum(d, d.amount.convertTo(\"EUR\"))")[1],
        "7.00000000000 EUR"
    );
    assert_eq!(told(&some, "deals.sum(d, d.open ? 0 : d.amount.convertTo(\"EUR\"))")[1], "7.00000000000 EUR");
    let all = at([dollars(), pounds]);
    assert_eq!(told(&all, each), ["92.00000000000 EUR", "18.50000000000 EUR", "46.00000000000 EUR"]);
    assert_eq!(told(&all, sum), ["110.50000000000 EUR", "18.50000000000 EUR", "46.00000000000 EUR"]);
    // A day that is missing is one too, and an amount that is not there needs none.
    assert_eq!(
        told(&all, "deals.sum(d, d.amount.convertAt(\"EUR\", d.closed_on))"),
        ["92.00000000000 EUR", "-", "-"]
    );
    assert_eq!(
        told(&all, "subtree.sum(a, a.arr.convertTo(\"EUR\"))"),
        ["92.00000000000 EUR", "-", "46.00000000000 EUR"]
    );
}

#[test]
fn a_row_without_a_rate_does_not_match_and_other_rows_of_its_account_do() {
    // Of `a1`, deal 2 has no rate, and deal 3 needs none.
    let view = at([market(USD, EUR, "2026-01-01", (92, 2))]);
    for (text, expected) in [
        ("deals.exists(d, d.amount.convertTo(\"EUR\") > 5)", &["1", "3", "4"][..]),
        ("deals.exists(d, d.amount.convertTo(\"EUR\") <= 5)", &[]),
        ("deals.filter(d, d.amount.convertTo(\"EUR\") > 5).exists(d, !d.open)", &["3", "4"]),
        ("deals.filter(d, d.amount.convertTo(\"EUR\") > 50).exists(d, d.open)", &["1"]),
    ] {
        let checked = Checker::new(&*schema()).check_predicate(text).unwrap();
        let rows = RowExpr::new(&checked, &view).unwrap();
        let matching: Vec<String> = view
            .accounts()
            .flat_map(|account| {
                account.child_rows("deals").filter(|row| rows.matches(row)).collect::<Vec<_>>()
            })
            .map(|row| row.id().to_string())
            .collect();
        assert_eq!(matching, expected, "{text}");
    }
}

// --- What is written --------------------------------------------------------------------------------

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let said = |text: &str| {
        let errors = Checker::new(&*schema()).check(text).unwrap_err();
        errors.all().iter().map(|error| error.beside(text)).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        said("arr.convertTo(\"EURO\")"),
        "E102 arr.convertTo(\"EURO\")\n                   ^^^^^^ unknown currency `EURO`; did you mean \"EUR\"? [replace by `\"EUR\"`]"
    );
    assert!(said("arr.convertTo(\"eur\")").contains("did you mean \"EUR\"?"));
    assert!(said("arr.convertTo(\"?\")").contains("expected an ISO 4217 code such as \"EUR\""));
    assert!(said("arr.convertTo(id)").contains("`convertTo` takes the constant code of a currency"));
    assert!(
        said("seats.convertTo(\"EUR\")").contains("`convertTo` takes an amount of money, not a whole number")
    );
    assert!(
        said("arr.convertAt(\"EUR\", seats)")
            .contains("`convertAt` takes the date of the rate, not a whole number")
    );
    assert!(
        said("arr.convertAt(\"EUR\")").contains("`convertAt` is asked as amount.convertAt(\"EUR\", day)")
    );
    assert!(said("arr.convert(\"EUR\")").contains("there is no function `convert`"));
    assert!(said("arr.convertTo(\"EUR\") > arr").contains("E104"));
    assert!(said("deals.sum(d, d.amount)").contains("of several currencies"));
    // All that is wrong is said at once.
    let errors = Checker::new(&*schema()).check("seats.convertAt(\"EURO\", seats)").unwrap_err();
    assert_eq!(errors.all().len(), 3, "{errors}");
}

#[test]
fn it_is_printed_and_stored_as_it_is_read() {
    for text in [
        "arr.convertTo(\"EUR\") > 5",
        "deals.sum(d, d.amount.convertAt(\"EUR\", d.closed_on))",
        "coalesce(arr.convertAtPlan(\"JPY\"), yen.convertTo(\"JPY\"))",
    ] {
        let ast = Ast::parse(text).unwrap();
        assert_eq!(ast.to_string(), text);
        let again = Ast::from_json(&ast.to_json(), &ExprLimits::default()).unwrap();
        assert_eq!(again.to_string(), text);
        assert!(Checker::new(&*schema()).check_ast(again).is_ok(), "{text}");
    }
}

#[test]
fn one_record_is_converted_at_the_rates_that_it_is_given() {
    let checked = Checker::new(&*schema()).check("arr.convertAt(\"EUR\", signed)").unwrap();
    let names: Vec<String> = checked.reads().map(str::to_owned).collect();
    let rule = checked.for_records(&today(), |name| names.iter().position(|known| known == name)).unwrap();
    struct Deal(Vec<Option<perennial::Value>>);
    impl perennial::expr::Record for Deal {
        fn field(&self, number: usize) -> perennial::expr::Field<'_> {
            self.0.get(number).and_then(Option::as_ref).into()
        }
    }
    let value = |name: &String| match name.as_str() {
        "arr" => Some(perennial::Value::Money(Money::from_minor(10_000, USD))),
        _ => Some(perennial::Value::Date(day("2025-03-31"))),
    };
    let deal = Deal(names.iter().map(value).collect());
    assert_eq!(rule.value(&deal), None);
    let rates = ExchangeRates::new().with([market(USD, EUR, "2025-01-01", (92, 2))]).unwrap();
    let rule = rule.with_rates(Arc::new(rates));
    assert_eq!(rule.value(&deal).unwrap().to_string(), "92.00000000000 EUR");
}

// --- In an engine -----------------------------------------------------------------------------------

fn engine(definitions: impl IntoIterator<Item = Definition>) -> Engine {
    let engine = Engine::new(schema(), today(), EngineSettings::new()).unwrap();
    engine.load(&source()).unwrap();
    engine.define(definitions).unwrap();
    engine
}

fn everything(engine: &Engine) -> LiveView {
    engine.published().view(&Scope::all()).unwrap()
}

fn shown(engine: &Engine, column: &str) -> [String; 3] {
    let view = everything(engine);
    let shown = |id| view.value(column, view.account(id).unwrap()).map_or("-".into(), |of| of.to_string());
    ["a", "a1", "b"].map(shown)
}

fn over_deals(name: &str, operator: Operator) -> RollUp {
    roll_up(name, operator).over(Over::Table("deals".into()))
}

fn all_kinds() -> Vec<Definition> {
    vec![
        attribute("euros", "arr.convertTo(\"EUR\")"),
        attribute("planned", "arr.convertAtPlan(\"EUR\")"),
        attribute("then", "arr.convertAt(\"EUR\", signed)"),
        attribute("seats_twice", "seats * 2"),
        attribute("half", "euros / 2.0"),
        segment("rich", "arr.convertTo(\"EUR\") > 50"),
        over_deals("deals_euros", Operator::Sum("row.amount.convertTo(\"EUR\")".into())).into(),
        over_deals("dear_deals", Operator::Count).filter("row.amount.convertTo(\"EUR\") > 20").into(),
        Ranking::new("place", "arr.convertTo(\"EUR\")").into(),
    ]
}

fn reference(kind: DefinitionKind, name: &str) -> DefinitionRef {
    DefinitionRef { kind, name: name.into() }
}

#[test]
fn a_rate_that_changes_changes_the_answers_of_its_readers_alone() {
    let engine = engine(all_kinds());
    assert_eq!(shown(&engine, "euros"), ["-", "-", "-"]);
    let applied = engine.apply(Update::new().rates([market(USD, EUR, "2026-01-01", (92, 2))])).unwrap();
    assert_eq!(shown(&engine, "euros"), ["92.00000000000 EUR", "-", "46.00000000000 EUR"]);
    assert_eq!(shown(&engine, "half")[0], "46");
    assert_eq!(shown(&engine, "planned"), ["-", "-", "-"]);
    let changed = |delta: &perennial::engine::Delta| -> Vec<String> {
        let report = delta.report(&Scope::all()).unwrap();
        let mut names: Vec<String> = report.derived.iter().map(|change| change.column.to_string()).collect();
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(changed(&applied.delta), ["deals_euros", "dear_deals", "euros", "half"]);
    let why = |delta: &perennial::engine::Delta, id: &DefinitionRef| -> Vec<String> {
        delta.reasons(id).unwrap().iter().map(ToString::to_string).collect()
    };
    let half = reference(DefinitionKind::Attribute, "half");
    assert_eq!(
        why(&applied.delta, &half),
        ["rates of exchange -> calculated attribute `euros` -> calculated attribute `half`"]
    );
    // A plan of the year, the market of a day that is past, and a rate that goes again.
    let plan = ExchangeRate::plan(USD, EUR, day("2026-01-01"), Decimal::new(9, 1));
    let applied = engine.apply(Update::new().rates([plan])).unwrap();
    assert_eq!(changed(&applied.delta), ["planned"]);
    let applied = engine.apply(Update::new().rates([market(USD, EUR, "2025-01-01", (5, 1))])).unwrap();
    assert_eq!(changed(&applied.delta), ["then"]);
    let gone = market(USD, EUR, "2026-01-01", (92, 2)).removed();
    engine.apply(Update::new().rates([gone])).unwrap();
    assert_eq!(shown(&engine, "euros"), ["50.00000000000 EUR", "-", "25.00000000000 EUR"]);
    // The next day, the rate of that day.
    engine.apply(Update::new().rates([market(USD, EUR, "2026-02-01", (1, 1))])).unwrap();
    assert_eq!(shown(&engine, "euros")[0], "50.00000000000 EUR");
    let applied = engine.apply(Update::new().moment(AsOf::date_utc(day("2026-02-01")))).unwrap();
    assert_eq!(shown(&engine, "euros")[0], "10.00000000000 EUR");
    assert!(!changed(&applied.delta).contains(&"then".to_owned()));
}

/// A rate of another pair is a change of the rates, and of no answer.
#[test]
fn a_rate_of_another_pair_changes_nothing() {
    let engine = engine(all_kinds());
    engine.apply(Update::new().rates([market(USD, EUR, "2026-01-01", (92, 2))])).unwrap();
    let known = || engine.published().rates().iter().count();
    let before = known();
    let applied = engine.apply(Update::new().rates([market(JPY, USD, "2026-01-01", (66, 4))])).unwrap();
    assert_eq!(known(), before + 1);
    let every: Vec<DefinitionRef> = engine.published().catalog().order().cloned().collect();
    let report = applied.delta.report_of(&Scope::all(), &every).unwrap();
    assert!(report.is_empty() && report.left_out.is_empty(), "{report:?}");
}

#[test]
fn rates_are_read_by_all_that_converts() {
    let mut all = all_kinds();
    all.push(Metric::new("sold", "events(\"order\").sum(e, e.price.convertAt(\"EUR\", e.day))").into());
    all.push(attribute("sold_lately", "metric(\"sold\").lastDays(3).sum()"));
    let order = EventKind::new("order").measure(Attribute::new("price", AttributeType::Money(USD)));
    let usage = Usage::new(UsageSchema::new([order]).unwrap(), UsageSettings::new());
    let engine = Engine::new(schema(), today(), EngineSettings::new().usage(usage)).unwrap();
    engine.load(&source()).unwrap();
    engine.define(all).unwrap();
    let state = engine.published();
    let readers = state.catalog().impact(&Origin::Rates);
    let mut names: Vec<&str> = readers.iter().map(|impact| &*impact.definition().name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "deals_euros",
            "dear_deals",
            "euros",
            "half",
            "place",
            "planned",
            "rich",
            "sold",
            "sold_lately",
            "then"
        ]
    );
    let steps = state.catalog().lineage(&reference(DefinitionKind::Attribute, "half")).unwrap();
    let origins: Vec<String> = steps.iter().map(|step| step.origin.to_string()).collect();
    assert_eq!(origins, ["calculated attribute `euros`", "attribute `arr`", "rates of exchange"]);
    // The series of a metric: a day of which a rate is missing has no value, and what is made of it has none.
    let sold = |engine: &Engine| shown(engine, "sold_lately")[2].clone();
    let event = |on: &str, units: i128| {
        Event::on("order", "b", day(on))
            .value("price", perennial::Value::Money(Money::from_minor(units, USD)))
    };
    engine.apply(Update::new().events([event("2026-01-30", 1_000), event("2026-01-29", 500)])).unwrap();
    assert_eq!(sold(&engine), "-");
    engine.apply(Update::new().rates([market(USD, EUR, "2026-01-30", (9, 1))])).unwrap();
    assert_eq!(sold(&engine), "-");
    let missing: Vec<String> =
        everything(&engine).missing_rates("sold_lately").iter().map(ToString::to_string).collect();
    assert_eq!(missing, ["no rate from USD to EUR on 2026-01-29: 1 row of b"]);
    engine.apply(Update::new().rates([market(USD, EUR, "2026-01-29", (8, 1))])).unwrap();
    assert_eq!(sold(&engine), "13.00000000000 EUR");
    let view = everything(&engine);
    let inputs = view.missing_rates("sold_lately");
    assert!(inputs.is_empty());
}

#[test]
fn rates_that_expressions_lack_are_told_within_the_scope() {
    let below = "descendants.filter(d, has(d.seats)).sum(d, d.deals.sum(x, x.amount.convertTo(\"EUR\")))";
    let mut all = all_kinds();
    all.push(attribute("below", below));
    all.push(attribute("guarded", "seats > 100 ? arr.convertTo(\"EUR\") : 0"));
    all.push(attribute("above", "parent.arr.convertTo(\"JPY\")"));
    all.push(
        over_deals("open_deals", Operator::Max("row.amount.convertAt(\"EUR\", row.closed_on)".into()))
            .filter("!row.open")
            .into(),
    );
    let engine = engine(all);
    engine.apply(Update::new().rates([market(USD, EUR, "2026-01-01", (92, 2))])).unwrap();
    let view = everything(&engine);
    let missing = |view: &LiveView| -> Vec<String> {
        let all = view.all_missing_rates();
        let mut all: Vec<String> =
            all.iter().flat_map(|(id, all)| all.iter().map(move |of| format!("{id}: {of}"))).collect();
        all.sort();
        all
    };
    let plan = "calculated attribute `planned`: no plan rate from USD to EUR for the fiscal year from 2026-01-01: 2 rows of a, b";
    let pounds = "no rate from GBP to EUR on 2026-01-31: 1 row of a1";
    assert_eq!(
        missing(&view),
        [
            "calculated attribute `above`: no rate from USD to JPY on 2026-01-31: 1 row of a",
            &format!("calculated attribute `below`: {pounds}"),
            plan,
            "calculated attribute `then`: no rate from USD to EUR on 2025-03-31: 1 row of a",
            "calculated attribute `then`: no rate from USD to EUR, since no day is known: 1 row of b",
            &format!("roll-up `deals_euros`: {pounds}"),
            &format!("roll-up `dear_deals`: {pounds}"),
            "roll-up `open_deals`: no rate from USD to EUR on 2024-12-31: 1 row of b",
        ]
    );
    assert_eq!(view.missing_rates("rich"), vec![]);
    let state = engine.published();
    let only = |ids: &[&str]| state.view(&Scope::of(state.book().accounts(ids.iter().copied()))).unwrap();
    assert_eq!(
        missing(&only(&["b"])),
        [
            "calculated attribute `planned`: no plan rate from USD to EUR for the fiscal year from 2026-01-01: 1 row of b",
            "calculated attribute `then`: no rate from USD to EUR, since no day is known: 1 row of b",
            "roll-up `open_deals`: no rate from USD to EUR on 2024-12-31: 1 row of b",
        ]
    );
    // An explanation names them.
    let columns = Columns::from(&view);
    let why = columns
        .explain("deals_euros", view.account("a").unwrap(), &ExplainLimits::default())
        .unwrap()
        .unwrap();
    assert!(why.to_string().contains(pounds), "{why}");
}

/// Of many accounts the first ten are named, and all are counted.
#[test]
fn of_many_accounts_the_first_ten_are_named() {
    let rows = (0..25).map(|number| {
        let row = AccountRow::new(id(&format!("x{number:02}")), "Company");
        row.with("arr", Money::from_minor(100, USD))
    });
    let source = rows.fold(MemorySource::new(), MemorySource::account);
    let engine = Engine::new(schema(), today(), EngineSettings::new()).unwrap();
    engine.load(&source).unwrap();
    let most = "siblings.max(s, s.arr.convertTo(\"EUR\"))";
    engine.define([attribute("euros", "arr.convertTo(\"EUR\")"), attribute("most", most)]).unwrap();
    for name in ["euros", "most"] {
        let missing = everything(&engine).missing_rates(name);
        assert_eq!((missing.len(), missing[0].rows, missing[0].accounts.len()), (1, 25, 10), "{name}");
        assert_eq!(missing[0].accounts[9].as_str(), "x09");
    }
}

#[test]
fn a_lint_says_at_definition_which_rates_are_missing() {
    let engine = engine([
        attribute("euros", "arr.convertTo(\"EUR\")"),
        roll_up("all_euros", Operator::Sum("arr".into())).convert_to(EUR).into(),
        segment("rich", "seats < 5 || arr.convertTo(\"JPY\") > 1"),
    ]);
    let lints = |engine: &Engine| -> Vec<String> {
        let lints = everything(engine).lints();
        lints.iter().map(|(id, lint)| format!("{id}: {lint} at {}", lint.span().start)).collect()
    };
    let all = "no rate from USD to EUR on 2026-01-31: 2 rows of a, b";
    assert_eq!(
        lints(&engine),
        [
            format!("calculated attribute `euros`: W208: {all} at 0"),
            format!("roll-up `all_euros`: W208: {all} at 0"),
            "segment `rich`: W208: no rate from USD to JPY on 2026-01-31: 2 rows of a, b at 13".to_owned(),
        ]
    );
    engine.apply(Update::new().rates([market(USD, EUR, "2026-01-01", (92, 2))])).unwrap();
    assert_eq!(lints(&engine).len(), 1);
    engine.apply(Update::new().rates([market(USD, JPY, "2026-01-01", (150, 0))])).unwrap();
    assert!(lints(&engine).is_empty());
    // Before it is defined, in any view.
    let checked = Checker::new(&*schema()).check("arr.convertTo(\"GBP\")").unwrap();
    let said = |view: &View| checked.lints_in(view).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(said(&at([])), ["W208: no rate from USD to GBP on 2026-01-31: 2 rows of a, b"]);
    assert!(said(&at([market(USD, Currency::GBP, "2026-01-01", (8, 1))])).is_empty());
}

#[test]
fn amounts_convert_as_before_when_their_column_of_currencies_is_renamed() {
    let each = "deals.sum(d, d.amount.convertTo(\"EUR\"))";
    let engine = engine([
        attribute("each", each),
        over_deals("most", Operator::Max("row.amount.convertTo(\"EUR\")".into())).into(),
    ]);
    engine.apply(Update::new().rates([market(USD, EUR, "2026-01-01", (92, 2))])).unwrap();
    let before = (shown(&engine, "each"), shown(&engine, "most"));
    assert_eq!(before.0[0], "92.00000000000 EUR");
    let change =
        perennial::SchemaChange::new().rename(perennial::SchemaPart::column("deals", "currency"), "unit");
    engine.apply(Update::new().schema(change)).unwrap();
    assert_eq!((shown(&engine, "each"), shown(&engine, "most")), before);
}

/// What is not asked is not told of: amounts behind a condition, rows that a filter leaves out, and nobody's rows twice.
#[test]
fn only_amounts_that_are_asked_are_told_of() {
    let engine = engine([
        attribute("never", "seats > 100 && arr.convertTo(\"EUR\") > 1 ? 1 : 0"),
        attribute(
            "of_seats",
            "descendants.filter(d, d.seats > 5).sum(d, d.deals.sum(x, x.amount.convertTo(\"EUR\")))",
        ),
        attribute("twice", "arr.convertTo(\"EUR\") > 5 || arr.convertTo(\"EUR\") < 1 ? 1 : 0"),
        attribute("behind_and", "arr < 1 && arr.convertTo(\"EUR\") > 1 ? 1 : 0"),
        attribute("behind_or", "arr > 1 || arr.convertTo(\"EUR\") > 1 ? 1 : 0"),
        attribute("before_and", "arr.convertTo(\"EUR\") > 1 && arr < 1 ? 1 : 0"),
        attribute("all_above", "lineage.sum(a, a.arr.convertTo(\"EUR\"))"),
    ]);
    let view = everything(&engine);
    let told =
        |name: &str| -> Vec<String> { view.missing_rates(name).iter().map(ToString::to_string).collect() };
    // `a1` has three seats: nothing is known of the others.
    assert!(told("of_seats").is_empty());
    // What is false, or true, before a conversion leaves it unread; behind one, it does not.
    assert!(told("behind_and").is_empty() && told("behind_or").is_empty());
    assert_eq!(told("before_and"), ["no rate from USD to EUR on 2026-01-31: 2 rows of a, b"]);
    assert_eq!(told("never"), ["no rate from USD to EUR on 2026-01-31: 2 rows of a, b"]);
    assert_eq!(told("twice"), ["no rate from USD to EUR on 2026-01-31: 2 rows of a, b"]);
    assert_eq!(told("all_above"), ["no rate from USD to EUR on 2026-01-31: 2 rows of a, b"]);
}

/// Who reads converted values is told which rates they lack, and no total is smaller for it.
#[test]
fn what_reads_converted_values_is_told_what_they_lack() {
    let engine = engine([
        attribute("euros", "arr.convertTo(\"EUR\")"),
        attribute("half", "euros / 2"),
        attribute("convertible", "has(euros) ? 1 : 0"),
        roll_up("family", Operator::Sum("euros".into())).into(),
        attribute("family_twice", "family * 2"),
    ]);
    let state = engine.published();
    let view = everything(&engine);
    let told = "no rate from USD to EUR on 2026-01-31: 2 rows of a, b";
    for name in ["euros", "half", "convertible", "family", "family_twice"] {
        let missing: Vec<String> = view.missing_rates(name).iter().map(ToString::to_string).collect();
        assert_eq!(missing, [told], "{name}");
    }
    let delta = perennial::engine::Delta::between(&state, &state);
    let total = |name: &str| {
        let kind = if name == "family" { DefinitionKind::RollUp } else { DefinitionKind::Attribute };
        delta.totals(&DefinitionRef { kind, name: name.into() }, &Scope::all()).unwrap().1
    };
    for name in ["euros", "half", "family", "family_twice"] {
        assert_eq!(total(name), None, "{name}");
    }
    // Where everybody has a value, nothing is left out.
    assert_eq!(total("convertible"), Some(ExprValue::Int(0)));
    // With the rate, everything is known, and so is each total.
    let mut known = state.branch();
    known.apply(Update::new().rates([market(USD, EUR, "2026-01-01", (92, 2))])).unwrap();
    let known = known.published();
    let delta_of_known = perennial::engine::Delta::between(known, known);
    let known_total = |id: &DefinitionRef| {
        delta_of_known.totals(id, &Scope::all()).unwrap().1.map(|total| total.to_string())
    };
    for (name, expected) in
        [("euros", "138.00000000000 EUR"), ("half", "69"), ("family_twice", "276.00000000000 EUR")]
    {
        assert_eq!(
            known_total(&reference(DefinitionKind::Attribute, name)).as_deref(),
            Some(expected),
            "{name}"
        );
    }
    assert_eq!(known_total(&DefinitionRef::roll_up("family")).as_deref(), Some("138.00000000000 EUR"));
    // A sum is missing where one of those that it adds lacks a rate.
    let then: [Definition; 2] = [
        attribute("then", "arr.convertAt(\"EUR\", signed)"),
        roll_up("family_then", Operator::Sum("then".into())).into(),
    ];
    engine.define(then).unwrap();
    let below = Change::new().set(&id("a1"), "arr", Money::from_minor(10_000, USD));
    let below = below.set(&id("a1"), "signed", day("2025-07-01"));
    engine.apply(Update::from(below).rates([market(USD, EUR, "2025-06-01", (9, 1))])).unwrap();
    let state = engine.published();
    let scope = Scope::of(state.book().accounts(["a", "a1"]));
    let family = DefinitionRef::roll_up("family_then");
    let view = state.view(&scope).unwrap();
    let value = view.value("family_then", view.account("a").unwrap());
    assert_eq!(value, None);
    let delta = perennial::engine::Delta::between(&state, &state);
    assert_eq!(delta.totals(&family, &scope).unwrap().1, None);
    let rate = market(USD, EUR, "2025-01-01", (8, 1));
    engine.apply(Update::new().rates([rate])).unwrap();
    let state = engine.published();
    let delta = perennial::engine::Delta::between(&state, &state);
    let scope = Scope::of(state.book().accounts(["a", "a1"]));
    let total = delta.totals(&family, &scope).unwrap().1.unwrap();
    assert_eq!(total.to_string(), "170.00000000000 EUR");
}
