//! Results as JSON: one encoding of values and pairs, read back as they were; and a plain one for screens.

use std::collections::BTreeSet;

use crate::common::{as_of, id};
use perennial::aggregate::{Operator, RollUp, UsageSchema};
use perennial::catalog::{Catalog, Definition, DefinitionRef};
use perennial::engine::{Delta, DeltaReport, Engine, EngineSettings, Update};
use perennial::expr::ExprValue;
use perennial::report::{AccountChanges, HeldAccount, Plain};
use perennial::segment::{Profile, ProfileQuery, Segment};
use perennial::source::MemorySource;
use perennial::{
    AccountRow, Attribute, AttributeType, Book, Change, ChangeReport, ChildId, ChildRow, ChildTable,
    Currency, EnumValues, FaultKind, LoadReport, Money, Nesting, Policy, Remedy, Schema, Scope, TableKind,
    Value,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

fn schema() -> Schema {
    let fees = ChildTable::new("contracts", TableKind::Contracts)
        .column(Attribute::new("fee", AttributeType::Money(Currency::USD)));
    Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("plan", AttributeType::Enum(EnumValues::new(["Basic", "Pro"]))))
        .attribute(Attribute::new("mood", AttributeType::Band(EnumValues::new(["poor", "good"]))))
        .attribute(Attribute::new("revenue", AttributeType::Money(Currency::USD)))
        .table(fees)
        .build()
        .unwrap()
}

fn dollars(text: &str) -> Money {
    Money::parse(text, Currency::USD).unwrap()
}

fn source() -> MemorySource {
    MemorySource::new()
        .account(
            AccountRow::new(id("acme"), "Company")
                .with("seats", 3_i64)
                .with("plan", "Pro")
                .with("mood", "good")
                .with("revenue", dollars("614220")),
        )
        .account(AccountRow::new(id("acme-eu"), "Company").under(id("acme")).with("revenue", dollars("0.05")))
        .child(
            "contracts",
            ChildRow::new(ChildId::new("c1").unwrap(), id("acme")).with("fee", dollars("12.50")),
        )
}

fn definitions() -> [Definition; 3] {
    [
        RollUp::new("all_revenue", Operator::Sum("revenue".into())).into(),
        Segment::parse("large", "has(all_revenue)").unwrap().into(),
        perennial::catalog::CalculatedAttribute::new("tier", "plan").into(),
    ]
}

/// Read back it is the same; a list of two where two things of different kinds are meant is nowhere in it.
fn both_ways<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(result: &T) -> Json {
    let text = serde_json::to_string(result).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), result, "{text}");
    let json: Json = serde_json::from_str(&text).unwrap();
    assert_no_pairs(&json, &text);
    json
}

fn assert_no_pairs(json: &Json, whole: &str) {
    match json {
        Json::Array(items) => {
            let kinds: BTreeSet<_> =
                items.iter().map(std::mem::discriminant).map(|d| format!("{d:?}")).collect();
            assert!(kinds.len() <= 1, "{items:?} in {whole}");
            items.iter().for_each(|item| assert_no_pairs(item, whole));
        }
        Json::Object(fields) => fields.values().for_each(|value| assert_no_pairs(value, whole)),
        _ => {}
    }
}

#[test]
fn a_profile_has_one_encoding_of_values_and_a_plain_one() {
    let (book, _) = Book::load(schema(), &source(), &Policy::strict()).unwrap();
    let catalog = Catalog::new(book.schema(), &UsageSchema::default(), definitions()).unwrap();
    let view = book.view(&Scope::all(), as_of()).unwrap();
    let answers = catalog.run(&view, None, None);
    let query = ProfileQuery::new().column("all_revenue").column("tier").segment("large");
    let profile = query.run(&answers, view.account("acme").unwrap()).unwrap();
    let typed = both_ways::<Profile>(&profile);
    assert_eq!(
        typed["values"],
        json!([
            {"name": "seats", "value": {"int": 3}},
            {"name": "plan", "value": {"text": "Pro", "of": "enum"}},
            {"name": "mood", "value": {"text": "good", "of": "band", "rank": 1}},
            {"name": "revenue", "value": {"money": {"amount": "614220.00", "currency": "USD"}}},
        ])
    );
    assert_eq!(
        typed["columns"],
        json!([
            {"name": "all_revenue", "value": {"money": {"amount": "614220.05", "currency": "USD"}}},
            {"name": "tier", "value": {"text": "Pro"}},
        ])
    );
    let plain = serde_json::to_value(Plain(&profile)).unwrap();
    assert_eq!(
        plain["values"],
        json!([
            {"name": "seats", "value": 3},
            {"name": "plan", "value": "Pro"},
            {"name": "mood", "value": "good"},
            {"name": "revenue", "value": {"amount": "614220.00", "currency": "USD"}},
        ])
    );
    assert_eq!(plain["columns"][1], json!({"name": "tier", "value": "Pro"}));
    assert_eq!(plain["account"], typed["account"]);
    // What an attribute and an expression say of one account reads alike.
    let text = |json: &Json| json["value"]["text"].as_str().map(str::to_owned);
    assert_eq!(text(&typed["values"][1]), text(&typed["columns"][1]));
}

#[test]
fn deltas_changes_and_loads_are_read_back() {
    let engine = Engine::new(schema(), as_of(), EngineSettings::new()).unwrap();
    let loaded = engine.load(&source()).unwrap();
    both_ways::<LoadReport>(&loaded);
    engine.define(definitions()).unwrap();
    let before = engine.published();
    let child = ChildId::new("c1").unwrap();
    let change = Change::new()
        .set(&id("acme"), "revenue", dollars("5"))
        .set(&id("acme"), "plan", "Basic")
        .set_child("contracts", &child, "fee", dollars("13"))
        .add(AccountRow::new(id("new"), "Company").under(id("acme-eu")))
        .add_child(
            "contracts",
            ChildRow::new(ChildId::new("c2").unwrap(), id("new")).with("fee", dollars("1")),
        )
        .move_to_root(&id("acme-eu"));
    let (_, report) = before.book().apply(&change).unwrap();
    let json = both_ways::<ChangeReport>(&report);
    assert_eq!(json["children_added"], json!([{"table": "contracts", "row": "c2"}]));
    both_ways::<AccountChanges>(&report.accounts);
    engine.apply(Update::from(change)).unwrap();
    let every: Vec<DefinitionRef> = ["all_revenue", "tier"]
        .into_iter()
        .zip([DefinitionRef::roll_up as fn(&str) -> _, DefinitionRef::attribute])
        .map(|(name, of)| of(name))
        .chain([DefinitionRef::segment("large")])
        .collect();
    let delta = Delta::between(&before, &engine.published()).report_of(&Scope::all(), &every).unwrap();
    let json = both_ways::<DeltaReport>(&delta);
    let of_fee: Vec<&Json> =
        json["values"].as_array().unwrap().iter().filter(|change| change["attribute"] == "fee").collect();
    assert_eq!(of_fee[0]["child"], json!({"table": "contracts", "row": "c1"}));
    assert_eq!(of_fee[0]["to"], json!({"money": {"amount": "13.00", "currency": "USD"}}));
    let empty = Delta::between(&before, &before).report_of(&Scope::all(), &every).unwrap();
    both_ways::<DeltaReport>(&empty);
    let plain = serde_json::to_value(Plain(&delta)).unwrap();
    let tier = plain["derived"].as_array().unwrap().iter().find(|change| change["column"] == "tier").unwrap();
    assert_eq!([&tier["from"], &tier["to"]], [&json!("Pro"), &json!("Basic")]);
}

#[test]
fn faults_of_a_load_say_their_message_and_are_read_back() {
    let rows = source()
        .account(AccountRow::new(id("orphan"), "Company").under(id("nobody")))
        .account(AccountRow::new(id("odd"), "Planet"))
        .account(AccountRow::new(id("many"), "Company").with("seats", "many"))
        .account(AccountRow::new(id("acme"), "Company").with("seats", 4_i64));
    let policy = Policy::lenient().with(FaultKind::MissingParent, Remedy::Quarantine).unwrap();
    let (book, report) = Book::load(schema(), &rows, &policy).unwrap();
    let json = both_ways::<LoadReport>(&report);
    let messages: Vec<&str> =
        json["faults"].as_array().unwrap().iter().map(|fault| fault["message"].as_str().unwrap()).collect();
    assert_eq!(messages.len(), report.faults.len());
    for (message, fault) in messages.iter().zip(&report.faults) {
        assert_eq!(*message, fault.problem.to_string());
    }
    let held: Vec<HeldAccount> = book.held_accounts().cloned().collect();
    assert!(held.len() >= 2);
    both_ways(&held);
    let text = serde_json::to_string(&policy).unwrap();
    assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), policy);
    assert_eq!(serde_json::from_str::<Policy>("{}").unwrap(), Policy::strict());
    let wrong = serde_json::from_str::<Policy>(r#"{"cycle":"clear"}"#).unwrap_err().to_string();
    assert!(wrong.contains("does not fit"), "{wrong}");
}

/// What earlier releases wrote of a change is read as what it was.
#[test]
fn a_change_of_an_earlier_release_is_read() {
    let change = Change::new().add(
        AccountRow::new(id("a"), "Company")
            .with("revenue", dollars("10.50"))
            .with("plan", Value::Enum("Pro".into())),
    );
    let written = serde_json::to_string(&change).unwrap();
    let now = r#""values":{"revenue":{"money":{"amount":"10.50","currency":"USD"}},"plan":{"text":"Pro","of":"enum"}}"#;
    assert!(written.contains(now), "{written}");
    let then = r#""values":[["revenue",{"money":{"minor":1050,"currency":"USD"}}],["plan",{"enum":"Pro"}]]"#;
    assert_eq!(serde_json::from_str::<Change>(&written.replace(now, then)).unwrap(), change);
    assert_eq!(serde_json::from_str::<Change>(&written).unwrap(), change);
    let none: Option<ExprValue> = serde_json::from_str("null").unwrap();
    assert_eq!(none, None);
}

#[test]
fn settings_reports_of_usage_and_lineage_are_read_back() {
    use perennial::aggregate::{Event, EventKind, Usage, UsageReport, UsageSettings};
    use perennial::catalog::{Impact, LineageStep};
    use perennial::expr::{ExplainLimits, ExprLimits};
    let limits = ExprLimits::default().with_depth(4);
    assert_eq!(serde_json::from_str::<ExprLimits>(&serde_json::to_string(&limits).unwrap()).unwrap(), limits);
    assert_eq!(serde_json::from_str::<ExprLimits>("{}").unwrap(), ExprLimits::default());
    assert!(serde_json::from_str::<ExplainLimits>(r#"{"dept":3}"#).is_err());
    let query = ProfileQuery::new().column("tier").with_cancelled();
    assert_eq!(serde_json::from_str::<ProfileQuery>(&serde_json::to_string(&query).unwrap()).unwrap(), query);
    let (book, _) = Book::load(schema(), &source(), &Policy::strict()).unwrap();
    let mut usage = Usage::new(UsageSchema::new([EventKind::new("login")]).unwrap(), UsageSettings::new());
    let today = as_of().date();
    let events =
        [Event::on("login", "acme", today), Event::on("logn", "acme", today), Event::on("login", " ", today)];
    let report = usage.ingest(events, today).unwrap();
    assert_eq!(report.faults.len(), 2);
    both_ways::<UsageReport>(&report);
    let catalog = Catalog::new(book.schema(), &UsageSchema::default(), definitions()).unwrap();
    both_ways::<Vec<LineageStep>>(&catalog.lineage(&DefinitionRef::segment("large")).unwrap());
    both_ways::<Vec<Impact>>(&catalog.impact(&perennial::catalog::Origin::Attribute("revenue".into())));
}

/// The values of a row have no order: a key comes again with the same update, in whatever order a tool wrote it.
#[test]
fn an_update_is_the_same_whatever_the_order_of_the_values_of_its_rows() {
    let engine = Engine::new(schema(), as_of(), EngineSettings::new()).unwrap();
    let row = |one: (&str, Value), two: (&str, Value)| {
        AccountRow::new(id("a"), "Company").with(one.0, one.1).with(two.0, two.1)
    };
    let (seats, revenue) = (("seats", Value::Int(1)), ("revenue", Value::from(dollars("5"))));
    let keyed = |row: AccountRow| Update::from(Change::new().add(row)).once("k");
    let first = engine.apply(keyed(row(seats.clone(), revenue.clone()))).unwrap();
    let again = engine.apply(keyed(row(revenue.clone(), seats.clone()))).unwrap();
    assert_eq!((again.version, again.repeated), (first.version, true));
    let other = engine.apply(keyed(row(revenue, ("seats", Value::Int(2)))));
    assert!(other.unwrap_err().to_string().contains('k'));
}
