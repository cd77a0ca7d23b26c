//! What must hold of any input, for the fuzzer and for the tests that replay what it found.

#![allow(dead_code, reason = "each target uses its own")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "what does not hold ends the run")]

use std::sync::OnceLock;

use perennial::aggregate::{Event, EventKind, Usage, UsageSchema, UsageSettings};
use perennial::catalog::{Catalog, Origin};
use perennial::expr::{Ast, Checked, Checker, ExprLimits, ExprPlan};
use perennial::segment::{ImportErrors, Importer, Query, Segment, TotangoQuery, export_react_querybuilder};
use perennial::source::MemorySource;
use perennial::testkit::OracleExpr;
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, ChildId, ChildRow, ChildTable, Currency,
    Date, Decimal, Duration, EnumValues, ExchangeRate, ExchangeRates, Money, Nesting, Policy, Schema, Scope,
    TableKind, Timestamp, Value, View,
};
use serde_json::Value as Json;

/// A text: it is read or refused, and what is read is written and read again as the same.
pub fn text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Ast::parse(text) {
        Ok(ast) => read_again(&ast),
        Err(errors) => {
            assert!(!errors.all().is_empty());
            for error in errors.all() {
                assert!(error.span().start <= error.span().end && error.span().end as usize <= text.len());
                assert!(!error.beside(text).is_empty());
            }
        }
    }
}

/// JSON: as a text.
pub fn json(data: &[u8]) {
    let Ok(json) = serde_json::from_slice(data) else { return };
    match Ast::from_json(&json, &ExprLimits::default()) {
        Ok(ast) => read_again(&ast),
        Err(errors) => assert!(!errors.faults().is_empty() && !errors.to_string().is_empty()),
    }
}

fn read_again(ast: &Ast) {
    let printed = ast.to_string();
    // Texts have limits that JSON does not: of bytes, of words, and brackets count as depth.
    let wide = ExprLimits::default()
        .with_source_bytes(1 << 24)
        .with_tokens(1 << 22)
        .with_depth(128)
        .with_nodes(1 << 20);
    match Ast::parse_within(&printed, &wide) {
        Ok(again) => assert!(again == *ast, "{printed}\nis read as\n{again}"),
        Err(errors) => {
            let too_deep = errors.all().iter().all(|error| error.code().as_str() == "E302");
            assert!(too_deep, "{printed}\n{errors}");
        }
    }
    assert!(Ast::from_json(&ast.to_json(), &wide).unwrap() == *ast, "{printed}");
}

/// Any tree, from text or JSON: it is checked or refused, and both are said.
pub fn check(data: &[u8]) {
    let (book, _) = world();
    let checker = Checker::new(&**book.schema());
    let ast = match serde_json::from_slice(data) {
        Ok(json) => Ast::from_json(&json, &ExprLimits::default()).ok(),
        Err(_) => None,
    };
    let checked = match (ast, std::str::from_utf8(data)) {
        (Some(ast), _) => checker.check_ast(ast),
        (None, Ok(text)) => {
            for cursor in [0, text.len() / 2, text.len()] {
                let _ = checker.completions(text, cursor);
                let _ = checker.hover(text, cursor);
            }
            checker.check(text)
        }
        (None, Err(_)) => return,
    };
    match checked {
        Ok(checked) => {
            assert!(checked.lints().iter().all(|lint| lint.code().is_lint()));
            let _ =
                checked.for_records(&as_of(), |_| Some(0)).map(|rule| rule.value(&[][..] as &[Option<_>]));
        }
        Err(errors) => assert!(
            errors.all().iter().all(|error| !error.code().is_lint()) && !errors.to_string().is_empty()
        ),
    }
}

/// A sound expression: the book answers as the oracle does, and one record as both.
pub fn evaluate(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (book, view) = world();
    let Ok(checked) = Checker::new(&**book.schema()).check(text) else { return };
    let plan = ExprPlan::new([&checked]);
    let Ok(answers) = plan.run(view) else { return };
    // One account by itself, and its explanation, say the same.
    let single = checked.for_accounts(view).unwrap();
    for account in view.accounts() {
        let found = answers.value(0, account);
        assert!(single.value(account) == found, "{checked}\nof {account:?} alone");
        let why = checked.explain(view, account).unwrap();
        assert!(why.value() == found.as_ref() && !why.to_string().is_empty(), "{why}");
    }
    let oracle = OracleExpr::new(&checked);
    if !known_to_oracle(&checked) {
        return;
    }
    for account in view.accounts() {
        let (found, wanted) = (answers.value(0, account), oracle.value(account));
        assert!(found == wanted, "{checked}\nof {account:?}: found {found:?}, wanted {wanted:?}");
    }
}

/// The oracle leaves out what it does not need: conversions of texts, clocks, records.
fn known_to_oracle(checked: &Checked) -> bool {
    let text = checked.to_string();
    let left_out = [
        "getDay",
        "getHours",
        "getMinutes",
        "getSeconds",
        "getMilli",
        "getFullYear(",
        "getMonth(",
        "getDate(",
        "change(",
        "int(",
        "string(",
        "timestamp(",
        "duration(",
        "math.sign",
        "math.trunc",
        "math.round",
        "math.floor",
        "math.ceil",
        "math.abs",
    ];
    !left_out.iter().any(|name| text.contains(name))
}

fn as_of() -> AsOf {
    AsOf::date_utc(Date::from_days(20_484).unwrap())
}

/// A small book with every kind of attribute, and its view.
fn world() -> &'static (Book, View) {
    static WORLD: OnceLock<(Book, View)> = OnceLock::new();
    WORLD.get_or_init(|| {
        let contracts = ChildTable::new("contracts", TableKind::Contracts)
            .column(Attribute::new("amount", AttributeType::Money(Currency::EUR)))
            .column(Attribute::new("title", AttributeType::Text))
            .column(Attribute::new("end", AttributeType::Date));
        let schema = Schema::builder()
            .account_type("Company", Nesting::Free)
            .account_type("Site", Nesting::Free)
            .product("CRM")
            .attribute(Attribute::new("name", AttributeType::Text).required())
            .attribute(Attribute::new("yes", AttributeType::Bool))
            .attribute(Attribute::new("seats", AttributeType::Int))
            .attribute(Attribute::new("rate", AttributeType::Double))
            .attribute(Attribute::new("score", AttributeType::Decimal { scale: 2 }))
            .attribute(Attribute::new("arr", AttributeType::Money(Currency::EUR)))
            .attribute(Attribute::new("region", AttributeType::Enum(EnumValues::new(["EMEA", "APAC"]))))
            .attribute(Attribute::new("band", AttributeType::Band(EnumValues::new(["poor", "good"]))))
            .attribute(Attribute::new("since", AttributeType::Date))
            .attribute(Attribute::new("seen", AttributeType::Timestamp))
            .attribute(Attribute::new("wait", AttributeType::Duration))
            .attribute(Attribute::new("tags", AttributeType::List))
            .table(contracts)
            .build()
            .unwrap();
        let mut source = MemorySource::new();
        for n in 0_i64..12 {
            let id = |n: i64| AccountId::new(format!("a{n}")).unwrap();
            let mut row = AccountRow::new(id(n), if n % 3 == 0 { "Company" } else { "Site" })
                .with("name", format!("Acme {n}").as_str());
            if n > 0 && n != 7 {
                row = AccountRow::new(id(n), "Site")
                    .with("name", format!("Acme {n}").as_str())
                    .under(id((n - 1) / 2));
            }
            if n == 9 {
                row = row.product("CRM");
            }
            let region = if n % 2 == 0 { "EMEA" } else { "APAC" };
            let values: [(&str, Value); 11] = [
                ("yes", Value::Bool(n % 2 == 0)),
                ("seats", Value::Int(n * 7 - 20)),
                ("rate", Value::Double(0.25 * f64::from(i32::try_from(n).unwrap()) - 1.0)),
                ("score", Value::Decimal(Decimal::new(i128::from(n) * 125 - 300, 2))),
                ("arr", Value::Money(Money::from_minor(i128::from(n) * 100_010, Currency::EUR))),
                ("region", Value::Enum(region.into())),
                (
                    "band",
                    Value::Band { rank: u16::from(n > 5), text: if n > 5 { "good" } else { "poor" }.into() },
                ),
                ("since", Value::Date(Date::from_days(20_480 + i32::try_from(n).unwrap()).unwrap())),
                (
                    "seen",
                    Value::Timestamp(
                        Timestamp::from_micros(1_769_800_000_000_000 + n * 3_600_000_000).unwrap(),
                    ),
                ),
                ("wait", Value::Duration(Duration::from_micros(n * 1_000_000))),
                ("tags", Value::list(["vip", "eu", "x"].into_iter().take(usize::try_from(n % 4).unwrap()))),
            ];
            for (place, (name, value)) in (0_i64..).zip(values) {
                if (n + place) % 4 != 3 {
                    row = row.with(name, value);
                }
            }
            source = source.account(row);
            for part in 0..n % 3 {
                let child = ChildRow::new(ChildId::new(format!("c{n}-{part}")).unwrap(), id(n))
                    .with("amount", Money::from_minor(i128::from(n * part) * 1_000, Currency::EUR))
                    .with("title", if part == 0 { "late" } else { "new" });
                source = source.child("contracts", child);
            }
        }
        let book = Book::builder(schema).policy(Policy::strict()).chunk_rows(3).load(&source).unwrap().0;
        let since = Date::from_days(20_400).unwrap();
        let dollars = ExchangeRate::market(Currency::EUR, Currency::USD, since, Decimal::new(10_857, 4));
        let plan = ExchangeRate::plan(
            Currency::EUR,
            Currency::JPY,
            Date::new(2026, 1, 1).unwrap(),
            Decimal::new(160, 0),
        );
        let rates = ExchangeRates::new().with([dollars, plan]).unwrap();
        let view = book.view(&Scope::all(), as_of()).unwrap().with_rates(std::sync::Arc::new(rates));
        (book, view)
    })
}

/// JSON of another tool, with and without names; what is wrong with it is told.
fn imported(data: &[u8], read: impl Fn(&Importer<'_>, &Json) -> Result<Ast, ImportErrors>) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let json = match Importer::parse(text) {
        Ok(json) => json,
        Err(errors) => return assert!(!errors.faults().is_empty()),
    };
    let (book, _) = world();
    for importer in [Importer::new(), Importer::new().with_names(&**book.schema())] {
        match read(&importer, &json) {
            Ok(ast) => exported(&ast),
            Err(errors) => assert!(!errors.faults().is_empty() && !errors.to_string().is_empty()),
        }
    }
}

/// A query of react-querybuilder: it is read as something sound, or refused; what is read is exported and read again.
pub fn rules(data: &[u8]) {
    imported(data, |importer, json| Ok(importer.react_querybuilder(json)?.expression));
}

/// A rule of JSONLogic, as a query of react-querybuilder.
pub fn logic(data: &[u8]) {
    imported(data, |importer, json| Ok(importer.json_logic(json)?.expression));
}

/// A query of Totango, as one of react-querybuilder; what is read is written as JSON and read again.
pub fn totango(data: &[u8]) {
    for path in ["search/accounts", "search/users", "search/accounts/collections"] {
        imported(data, |importer, json| {
            let read = importer.totango(path, json)?;
            let again = serde_json::to_string(&read).unwrap();
            assert!(serde_json::from_str::<TotangoQuery>(&again).unwrap() == read, "{again}");
            Ok(read.expression)
        });
    }
}

/// Documents of our own, and days of Salesforce.
pub fn documents(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(read) = Importer::new().date_condition(text) {
        exported(&read.expression);
    }
    let limits = ExprLimits::default();
    if let Ok(segments) = Segment::from_json_text(text, &limits) {
        assert!(Segment::from_json(&Segment::to_json(&segments), &limits).unwrap() == segments);
    }
    if let Ok(query) = Query::from_json_text(text, &limits) {
        assert!(Query::from_json(&query.to_json(), &limits).unwrap() == query);
    }
}

/// Documents of definitions, one to a line.
pub fn catalog(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(mut definitions) = Catalog::read(text.lines()) else { return };
    definitions.truncate(40);
    let written = Catalog::document(&definitions);
    let again = Catalog::read([written.to_string().as_str()]).unwrap();
    assert!(Catalog::document(&again) == written);
    let (book, view) = world();
    let (usage, schema) = used();
    let catalog = Catalog::new(book.schema(), schema, definitions.clone());
    definitions.reverse();
    let reversed = Catalog::new(book.schema(), schema, definitions);
    let (catalog, reversed) = match (catalog, reversed) {
        (Ok(catalog), Ok(reversed)) => (catalog, reversed),
        (Err(errors), Err(_)) => {
            assert!(!errors.faults().is_empty() && !errors.to_string().is_empty());
            return;
        }
        (one, _) => panic!("accepted in one order and refused in another: {:?}", one.err()),
    };
    let ran = |catalog: &Catalog| catalog.run(view, Some(&usage.over(view, catalog.metrics())), None);
    let (derived, other) = (ran(&catalog), ran(&reversed));
    for id in catalog.order() {
        assert!(catalog.lineage(id).unwrap().len() < 10_000);
        for account in view.accounts() {
            assert!(derived.value(&id.name, account) == other.value(&id.name, account), "{id}");
            assert!(derived.is_member(&id.name, account) == other.is_member(&id.name, account), "{id}");
        }
    }
    let _ = catalog.report();
    let _ = catalog.without(&Origin::Attribute("seats".into()));
}

fn used() -> &'static (Usage, UsageSchema) {
    static USED: OnceLock<(Usage, UsageSchema)> = OnceLock::new();
    USED.get_or_init(|| {
        let login = EventKind::new("login")
            .property(Attribute::new("plan", AttributeType::Text))
            .measure(Attribute::new("seconds", AttributeType::Int));
        let schema = UsageSchema::new([login]).unwrap();
        let mut usage = Usage::new(schema.clone(), UsageSettings::new());
        let today = as_of().date();
        let (_, view) = world();
        let ids: Vec<String> = view.accounts().map(|account| account.id_str().to_owned()).collect();
        let events = ids.iter().enumerate().map(|(number, id)| {
            let ago = i32::try_from(number % 9).unwrap();
            let event = Event::on("login", id, today.plus_days(-ago).unwrap()).user(if number % 2 == 0 {
                "ann"
            } else {
                "bob"
            });
            event
                .value("seconds", i64::from(ago) * 10)
                .value("plan", if number % 3 == 0 { "free" } else { "pro" })
        });
        usage.ingest(events, today).unwrap();
        (usage, schema)
    })
}

fn exported(ast: &Ast) {
    read_again(ast);
    let query = export_react_querybuilder(ast);
    match Importer::new().react_querybuilder(&query) {
        Ok(again) => assert!(again.expression == *ast, "{ast}\nexported and read as {}", again.expression),
        // The form nests where the text does not.
        Err(errors) => assert!(errors.to_string().contains("deep"), "{ast}\n{errors}"),
    }
}
