//! Functions of expressions: numbers and days read from text, months, amounts of one currency.

use std::sync::Arc;

use crate::common::id;
use perennial::adapter::csv::{Column, CsvInput, CsvSource, CsvTable};
use perennial::aggregate::{Operator, Over, RollUp, RollUpPlan};
use perennial::expr::{Ast, Checked, Checker, ExprLimits, ExprPlan, ExprValue, Field, Record};
use perennial::source::{Cell, MemorySource, SourceExt, TableName};
use perennial::testkit::OracleExpr;
use perennial::{
    AccountRow, AsOf, Attribute, AttributeType, Book, ChildId, ChildRow, ChildTable, Currency, Date,
    EnumValues, Money, Nesting, Policy, Schema, Scope, TableKind, Value, View,
};

fn as_of() -> AsOf {
    AsOf::date_utc("2026-01-31".parse::<Date>().unwrap())
}

fn schema() -> Arc<Schema> {
    let amount = AttributeType::MixedMoney { currency_column: "currency".into() };
    let coded = AttributeType::MixedMoney { currency_column: "code".into() };
    let deals = ChildTable::new("deals", TableKind::Opportunities)
        .column(Attribute::new("currency", AttributeType::Text))
        .column(Attribute::new("code", AttributeType::Enum(EnumValues::new(["EUR", "JPY"]))))
        .column(Attribute::new("won", AttributeType::Bool))
        .column(Attribute::new("amount", amount))
        .column(Attribute::new("fee", coded));
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("text", AttributeType::Text))
        .attribute(Attribute::new("staff", AttributeType::Enum(EnumValues::new(["10", "200", "many"]))))
        .attribute(Attribute::new("signed", AttributeType::Date))
        .attribute(Attribute::new("seen", AttributeType::Timestamp))
        .attribute(Attribute::new("term", AttributeType::Int))
        .attribute(Attribute::new("arr", AttributeType::Money(Currency::USD)))
        .table(deals);
    Arc::new(schema.build().unwrap())
}

fn view(accounts: impl IntoIterator<Item = AccountRow>, deals: impl IntoIterator<Item = ChildRow>) -> View {
    let source = MemorySource::new().accounts(accounts);
    let source = deals.into_iter().fold(source, |source, deal| source.child("deals", deal));
    let (book, _) = Book::load(schema(), &source, &Policy::strict()).unwrap();
    book.view(&Scope::all(), as_of()).unwrap()
}

fn check(text: &str) -> Checked {
    Checker::new(&*schema()).check(text).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The value of an expression for an account: alone, with all others, and by the oracle.
fn answer(view: &View, account: &str, text: &str) -> String {
    let checked = check(text);
    let account = view.account(account).unwrap();
    let value = checked.for_accounts(view).unwrap().value(account);
    assert_eq!(ExprPlan::new([&checked]).run(view).unwrap().value(0, account), value, "{text}");
    assert_eq!(OracleExpr::new(&checked).value(account), value, "{text}");
    // As it is printed and stored, it says the same.
    assert_eq!(checked.to_string(), Ast::parse(&checked.to_string()).unwrap().to_string());
    assert_eq!(
        Ast::from_json(&checked.ast().to_json(), &ExprLimits::default()).unwrap().to_string(),
        checked.to_string()
    );
    value.map_or("-".to_owned(), |value| value.to_string())
}

fn refused(text: &str) -> String {
    Checker::new(&*schema()).check(text).expect_err(text).to_string()
}

fn row(name: &str) -> AccountRow {
    AccountRow::new(id(name), "Company")
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

// --- Values read from texts -----------------------------------------------------------------------------

/// Texts of a host, good ones and bad ones.
const TEXTS: [&str; 50] = [
    "0",
    "12",
    "-12",
    "+12",
    " 12 ",
    "\t7",
    "12.0",
    "12.00",
    "12.",
    ".5",
    "12.5",
    "-0",
    "-0.0",
    "1e3",
    "1E-3",
    "007",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "99999999999999999999999999999999999999999",
    "0.1000000000000000000000000001",
    "1e400",
    "1e-400",
    "",
    " ",
    ".",
    "-",
    "+",
    "12,345",
    "1,5",
    "1 000",
    "1'000",
    "1_000",
    "$5",
    "5%",
    "(5)",
    "5-",
    "--5",
    "0x10",
    "NaN",
    "inf",
    "infinity",
    "twelve",
    "2024-02-29",
    "2024-02-30",
    "2024-2-9",
    "29.02.2024",
    "2024-02-29T12:00:00Z",
    "2024-02-29T12:00:00",
    "2024-02-29 12:00:00+01:00",
];

struct Text<'t>(&'t str);

impl Record for Text<'_> {
    fn field(&self, _: usize) -> Field<'_> {
        Field::Text(self.0)
    }
}

/// There is one way to read a number, a day and an instant: what a CSV file gives for a typed column, an expression gives for the
/// same text, and so does the oracle, which reads it digit by digit.
#[test]
fn texts_are_read_as_a_csv_file_is() {
    let mut read = 0;
    for (function, kind) in [
        ("int", AttributeType::Int),
        ("double", AttributeType::Double),
        ("date", AttributeType::Date),
        ("timestamp", AttributeType::Timestamp),
    ] {
        let typed = Schema::builder()
            .account_type("Company", Nesting::Free)
            .attribute(Attribute::new("typed", kind))
            .build()
            .unwrap();
        let checked = check(&format!("{function}(text)"));
        let rule = checked.for_records(&as_of(), |_| Some(0)).unwrap();
        for text in TEXTS {
            let file = format!("id,typed\na,\"{text}\"\n");
            let table = CsvTable::accounts(CsvInput::bytes("accounts.csv", file.into_bytes()))
                .column("account_type", Column::constant("Company"))
                .column("id", Column::from("id"));
            let source = CsvSource::builder(&typed).table(table).build().unwrap();
            let batches = source.collect(&typed, TableName::Accounts).unwrap();
            let cell = batches[0].cells("typed").unwrap().cell(0);
            let wanted = match cell {
                Cell::Value(Value::Int(v)) => Some(ExprValue::Int(v)),
                Cell::Value(Value::Double(v)) => Some(ExprValue::Double(v + 0.0)),
                Cell::Value(Value::Date(v)) => Some(ExprValue::Date(v)),
                Cell::Value(Value::Timestamp(v)) => Some(ExprValue::Timestamp(v)),
                Cell::Unreadable { .. } | Cell::Null | Cell::Absent => None,
                other => panic!("{other:?}"),
            };
            let found = rule.value(&Text(text));
            assert_eq!(found, wanted, "{function}({text:?})");
            let view = view([row("a").with("text", text)], []);
            assert_eq!(
                OracleExpr::new(&checked).value(view.account("a").unwrap()),
                found,
                "{function}({text:?})"
            );
            read += usize::from(found.is_some());
        }
    }
    assert_eq!(read, 14 + 22 + 1 + 2);
}

#[test]
fn a_column_of_texts_is_compared_as_numbers_and_days() {
    let texts = ["250", "12,345", "2025-06-30", "many", "200.0"];
    let accounts = texts.iter().enumerate().map(|(at, text)| row(&format!("a{at}")).with("text", *text));
    let none = row("none");
    let view = view(accounts.chain([none]), []);
    let members = |text: &str| {
        let checked = check(text);
        let answers = ExprPlan::new([&checked]).run(&view).unwrap();
        let set = answers.matching(0);
        set.iter().map(|place| view.id(place).unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(members("int(text) > 199"), ["a0", "a4"]);
    assert_eq!(members("double(text) == 200.0"), ["a4"]);
    assert_eq!(members("date(text).inLast(1, \"years\")"), ["a2"]);
    // What is no number is not known: neither true nor false.
    assert_eq!(members("!(int(text) > 199)"), [""; 0]);
    assert_eq!(members("!has(int(text))"), ["a1", "a2", "a3", "none"]);
    assert_eq!(members("coalesce(int(text), 0) < 200"), ["a1", "a2", "a3", "none"]);
}

/// An unreadable text has no value, and `has(text)` is no guard that the text is a number.
#[test]
fn lints_name_texts_that_may_be_unreadable() {
    let said = |text: &str| check(text).lints().iter().map(ToString::to_string).collect::<Vec<_>>();
    let wanted = "W201: leaves out accounts where `int(text)` has no value; isNot(int(text), 5) keeps them";
    assert_eq!(said("int(text) != 5"), [wanted]);
    assert_eq!(said("has(text) && int(text) != 5"), [wanted]);
    assert_eq!(said("has(int(text)) && int(text) != 5"), [""; 0]);
    let wanted =
        "W201: leaves out accounts where `date(text)` has no value; !isTrue(date(text) < today()) keeps them";
    assert_eq!(said("!(date(text) < today())"), [wanted]);
    let wanted = "W201: leaves out rows with no `int(d.currency)`; isNot(int(d.currency), 5) keeps them";
    assert_eq!(said("deals.exists(d, int(d.currency) != 5)"), [wanted]);
    // A constant that says one is never missing.
    let wanted = "W201: leaves out accounts with no `term`; isNot(int(\"5\"), term) keeps them";
    assert_eq!(said("int(\"5\") != term"), [wanted]);
}

#[test]
fn values_of_an_enumeration_are_read_as_their_texts() {
    let view = view([row("a").with("staff", "200"), row("b").with("staff", "many"), row("c")], []);
    let of = |account| answer(&view, account, "int(staff) * 2");
    assert_eq!([of("a"), of("b"), of("c")], ["400", "-", "-"]);
}

#[test]
fn a_constant_text_that_is_no_number_is_refused_with_the_reason() {
    let comma = "a comma is neither a point nor a separator here; a number is written `1234.5`";
    for (text, wanted) in [
        ("int(\"12,345\")", comma),
        ("double(\"1,5\")", comma),
        ("int(\"12.5\")", "this is no whole number, written in digits and within 64 bits"),
        ("int(\"9223372036854775808\")", "this is no whole number, written in digits and within 64 bits"),
        ("double(\"twelve\")", "this is no number; one is written `1234.5`"),
        ("double(\"NaN\")", "this is no number; one is written `1234.5`"),
        ("int(\" \")", "an empty text is no number"),
        ("int(\"1\" + \"x\")", "this is no number; one is written `1234.5`"),
        ("date(\"29.02.2024\")", "a day is written `date(\"2026-03-31\")`"),
        ("timestamp(\"2024-02-29\")", "an instant is written with its time and offset"),
    ] {
        let said = refused(text);
        assert!(said.starts_with("E111 ") && said.contains(wanted), "{text}: {said}");
    }
    let view = view([row("a")], []);
    assert_eq!(answer(&view, "a", "int(\"12\") + int(\" 3.0\")"), "15");
    assert_eq!(answer(&view, "a", "double(\"1e3\")"), "1000");
    for (text, wanted) in [
        ("int(signed)", "`int` takes a number, a timestamp or a text, not a date"),
        ("double(signed)", "`double` takes a number or a text, not a date"),
        ("date(term)", "`date` takes a timestamp or a text, not a whole number"),
        ("timestamp(signed)", "`timestamp` takes whole seconds or a text, not a date"),
        ("duration(text)", "`duration` takes a constant text, not text"),
    ] {
        assert!(refused(text).contains(wanted), "{text}: {}", refused(text));
    }
}

// --- Months ---------------------------------------------------------------------------------------

#[test]
fn months_are_counted_from_the_day_and_clamped_at_the_end_of_the_month() {
    let accounts = [
        row("a").with("signed", day("2024-01-31")).with("term", 1_i64),
        row("b").with("signed", day("2023-12-31")).with("term", -10_i64),
        row("c").with("signed", day("2024-02-29")).with("term", 12_i64),
        row("d").with("signed", day("2024-02-29")).with("term", 1_i64 << 40),
        row("e").with("signed", day("9999-12-01")).with("term", 1_i64),
        row("f").with("signed", day("2024-02-29")),
        row("g").with("term", 1_i64),
    ];
    let view = view(accounts, []);
    let all = |text: &str| ["a", "b", "c", "d", "e", "f", "g"].map(|account| answer(&view, account, text));
    assert_eq!(
        all("addMonths(signed, term)"),
        ["2024-02-29", "2023-02-28", "2025-02-28", "-", "-", "-", "-"]
    );
    // Two months after 31 January are 31 March, and not two months one after the other.
    assert_eq!(answer(&view, "a", "signed.addMonths(2)"), "2024-03-31");
    assert_eq!(answer(&view, "a", "signed.addMonths(1).addMonths(1)"), "2024-03-29");
    assert_eq!(answer(&view, "a", "signed.addMonths(term * 12)"), "2025-01-31");
    assert_eq!(answer(&view, "a", "date(\"2024-03-31\").addMonths(-1)"), "2024-02-29");
    assert_eq!(answer(&view, "a", "today().addMonths(-11)"), "2025-02-28");
    assert_eq!(
        answer(&view, "a", "signed.addMonths(24).inNext(1, \"days\") || signed.addMonths(24) == today()"),
        "true"
    );
}

#[test]
fn months_take_a_day_and_a_whole_number() {
    for (text, wanted) in [
        ("seen.addMonths(1)", "`addMonths` counts from a day; write date(..) of the timestamp"),
        ("text.addMonths(1)", "`addMonths` takes a date, not text"),
        ("signed.addMonths(1.5)", "`addMonths` takes a whole number of months, not a double"),
        ("signed.addMonths()", "`addMonths` is asked as day.addMonths(n)"),
    ] {
        assert!(refused(text).contains(wanted), "{text}: {}", refused(text));
    }
}

/// A day that is known once the question is asked may end a window or be compared with instants.
#[test]
fn months_from_today_are_a_day_that_is_known() {
    let at = |text: &str| Value::Timestamp(text.parse().unwrap());
    let accounts = [
        row("a").with("seen", at("2025-02-27T23:59:59Z")),
        row("b").with("seen", at("2025-02-28T00:00:00Z")),
        row("c").with("seen", at("2025-02-28T23:59:59Z")),
    ];
    let view = view(accounts, []);
    let of = |text: &str| ["a", "b", "c"].map(|account| answer(&view, account, text));
    assert_eq!(of("seen < today().addMonths(-11)"), ["true", "false", "false"]);
    assert_eq!(of("seen == today().addMonths(-11)"), ["false", "true", "true"]);
}

// --- Amounts of one currency ----------------------------------------------------------------------

fn deals() -> View {
    let deal = |number: u32, of: &str, currency: Currency, units: i128, won: bool| {
        let row = ChildRow::new(ChildId::new(number.to_string()).unwrap(), id(of)).with("won", won);
        row.with("currency", currency.code()).with("amount", Money::from_minor(units, currency))
    };
    let fee = |row: ChildRow, currency: Currency, units: i128| {
        row.with("code", currency.code()).with("fee", Money::from_minor(units, currency))
    };
    let (eur, usd, jpy) = (Currency::EUR, Currency::USD, Currency::JPY);
    let rows = [
        fee(deal(1, "a", eur, 10_050, true), jpy, 500),
        fee(deal(2, "a", eur, 2_000, false), eur, 250),
        deal(3, "a", usd, 99_900, true),
        deal(4, "a", jpy, 12_345, true),
        deal(5, "b", usd, 700, true),
        ChildRow::new(ChildId::new("6").unwrap(), id("a")).with("won", true),
    ];
    view([row("a").with("arr", Money::from_minor(5_000, usd)), row("b")], rows)
}

#[test]
fn amounts_that_are_filtered_to_one_currency_are_money_of_it() {
    let view = deals();
    let of = |text: &str| ["a", "b"].map(|account| answer(&view, account, text));
    assert_eq!(of("deals.filter(d, d.currency == \"EUR\").sum(d, d.amount)"), ["120.50 EUR", "-"]);
    assert_eq!(of("deals.filter(d, \"JPY\" == d.currency).sum(d, d.amount)"), ["12345 JPY", "-"]);
    assert_eq!(of("deals.filter(d, d.code == \"JPY\").sum(d, d.fee)"), ["500 JPY", "-"]);
    // Beside other conditions, and in one filter after another.
    assert_eq!(of("deals.filter(d, d.won && d.currency == \"EUR\").sum(d, d.amount)"), ["100.50 EUR", "-"]);
    assert_eq!(
        of("deals.filter(d, d.currency == \"EUR\").filter(d, d.won).max(d, d.amount)"),
        ["100.50 EUR", "-"]
    );
    assert_eq!(of("deals.filter(d, d.currency == \"USD\").filter(d, d.amount > 10).count()"), ["1", "0"]);
    assert_eq!(of("deals.filter(d, d.currency == \"USD\").exists(d, d.amount > arr)"), ["true", "-"]);
    assert_eq!(of("deals.filter(d, d.currency == \"EUR\").sum(d, d.amount * 2)"), ["241.00 EUR", "-"]);
}

#[test]
fn what_does_not_leave_one_currency_is_refused() {
    for text in [
        "deals.sum(d, d.amount)",
        "deals.filter(d, d.currency == \"EUR\" || d.won).sum(d, d.amount)",
        "deals.filter(d, d.currency != \"EUR\").sum(d, d.amount)",
        "deals.filter(d, !(d.currency == \"EUR\")).sum(d, d.amount)",
        "deals.filter(d, d.currency in [\"EUR\", \"USD\"]).sum(d, d.amount)",
        "deals.filter(d, d.currency == \"euros\").sum(d, d.amount)",
        "deals.filter(d, d.currency == text).sum(d, d.amount)",
        // A filter of another column, or of another collection, does not decide the currency.
        "deals.filter(d, d.code == \"EUR\").sum(d, d.amount)",
        "deals.filter(d, text == \"EUR\" && d.won).sum(d, d.amount)",
        "deals.filter(d, d.currency == \"EUR\").count() > 0 && deals.sum(d, d.amount) > 3",
        // A condition is no filter: its other operand is evaluated for every row.
        "deals.exists(d, d.currency == \"EUR\" && d.amount > 3)",
        "deals.filter(d, d.currency == \"EUR\" && d.amount > 3).count() > 0",
    ] {
        let said = refused(text);
        assert!(
            said.contains("take those of one, as in x.ifCurrency(\"EUR\"), or convert each"),
            "{text}: {said}"
        );
    }
}

#[test]
fn an_amount_is_asked_whether_it_is_in_a_currency() {
    let view = deals();
    let of = |text: &str| ["a", "b"].map(|account| answer(&view, account, text));
    assert_eq!(of("deals.sum(d, d.amount.ifCurrency(\"EUR\"))"), ["120.50 EUR", "-"]);
    assert_eq!(of("deals.sum(d, d.fee.ifCurrency(\"JPY\"))"), ["500 JPY", "-"]);
    assert_eq!(of("deals.exists(d, d.amount.ifCurrency(\"EUR\") > 100)"), ["true", "-"]);
    assert_eq!(of("deals.count(d, d.won && d.amount.ifCurrency(\"USD\") >= 7)"), ["1", "1"]);
    assert_eq!(of("deals.count(d, has(d.amount.ifCurrency(\"EUR\")))"), ["2", "0"]);
    // Money of one currency is that, and none in another.
    assert_eq!(of("arr.ifCurrency(\"USD\")"), ["50.00 USD", "-"]);
    for (text, wanted) in [
        ("arr.ifCurrency(\"EUR\")", "this is always money(USD)"),
        ("term.ifCurrency(\"EUR\")", "`ifCurrency` takes an amount of money, not a whole number"),
        ("arr.ifCurrency(text)", "`ifCurrency` takes the constant code of a currency"),
        ("arr.ifCurrency(\"EURO\")", "unknown currency `EURO`"),
        ("deals.sum(d, d.fee.ifCurrency(\"USD\"))", "not a value of"),
    ] {
        assert!(refused(text).contains(wanted), "{text}: {}", refused(text));
    }
}

/// No rate is asked: without rates, and with a lint on none.
#[test]
fn amounts_of_one_currency_need_no_rates() {
    let view = deals();
    for text in [
        "deals.sum(d, d.amount.ifCurrency(\"EUR\"))",
        "deals.filter(d, d.currency == \"EUR\").sum(d, d.amount)",
    ] {
        let checked = check(text);
        assert_eq!(checked.lints_in(&view), [], "{text}");
    }
}

/// A roll-up takes the same amounts, filtered or asked.
#[test]
fn a_roll_up_sums_amounts_of_one_currency() {
    let view = deals();
    let over =
        |name: &str, of: &str| RollUp::new(name, Operator::Sum(of.into())).over(Over::Table("deals".into()));
    let list = [
        over("asked", "row.amount.ifCurrency(\"EUR\")"),
        over("filtered", "row.amount").filter("row.currency == \"EUR\""),
    ];
    let schema = schema();
    let plan = RollUpPlan::new(&schema, &*schema, list).unwrap();
    for name in ["asked", "filtered"] {
        let partial = plan.partial(name, view.account("a").unwrap(), None).unwrap();
        assert_eq!(partial.value().unwrap().to_string(), "120.50 EUR", "{name}");
    }
}
