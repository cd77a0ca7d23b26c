//! The causes of a different answer: each by itself, several at once, and none that would reveal a hidden account.

use std::collections::BTreeMap;

use crate::common::definitions::{attribute, roll_up, segment};
use crate::common::id;
use crate::engine::caused;
use perennial::aggregate::{Event, EventKind, Operator, Usage, UsageSchema, UsageSettings};
use perennial::catalog::{Definition, DefinitionKind, DefinitionRef, PastValue, Recorded};
use perennial::engine::{
    Cause, Causes, Delta, DeltaReport, Engine, EngineSettings, Fact, FactKey, FactKind, FactStep, Published,
    Update,
};
use perennial::source::MemorySource;
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Change, ChildId, ChildRow, ChildTable, Currency,
    Date, Decimal, EnumValues, ExchangeRate, Money, Nesting, Schema, SchemaChange, SchemaPart, Scope,
    TableKind, Timestamp, Value,
};

fn day(number: u8) -> Date {
    Date::new(2026, 3, number).unwrap()
}

fn today() -> AsOf {
    AsOf::date_utc(day(1))
}

fn stages(values: &[&str]) -> Attribute {
    Attribute::new("stage", AttributeType::Enum(EnumValues::new(values.iter().copied())))
}

fn schema() -> Schema {
    Schema::builder()
        .account_type("Company", Nesting::Free)
        .account_type("Site", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("renewal", AttributeType::Date))
        .attribute(Attribute::new("arr", AttributeType::Money(Currency::USD)))
        .attribute(stages(&["Open", "Lost", "Won"]))
        .table(
            ChildTable::new("tickets", TableKind::Custom).column(Attribute::new("hours", AttributeType::Int)),
        )
        .build()
        .unwrap()
}

fn company(name: &str) -> AccountRow {
    AccountRow::new(id(name), "Company")
}

/// `g` over `a` and `b`, and `z` beside them.
fn source() -> MemorySource {
    let dollars = |row: AccountRow| row.with("arr", Money::from_minor(10_000, Currency::USD));
    let with = |row: AccountRow, seats: i64| {
        dollars(row).with("seats", seats).with("renewal", day(20)).with("stage", Value::Enum("Open".into()))
    };
    MemorySource::new()
        .account(with(company("g"), 1))
        .account(with(company("a").under(id("g")), 2))
        .account(with(company("b").under(id("g")), 3))
        .account(with(company("z"), 4))
}

fn definitions() -> Vec<Definition> {
    vec![
        attribute("twice", "seats * 2"),
        attribute("four", "twice * 2"),
        attribute("is_site", "account_type == \"Site\""),
        attribute("days_left", "renewal - today()"),
        attribute("family", "root.seats"),
        attribute("open_hours", "tickets.sum(t, t.hours)"),
        attribute("tickets_of", "tickets.count()"),
        attribute("logins", "events(\"login\").count()"),
        attribute("won", "stage == \"Won\""),
        roll_up("seats_all", Operator::Sum("seats".into())).into(),
        roll_up("euros", Operator::Sum("arr".into())).convert_to(Currency::EUR).into(),
        Recorded::new("daily", ["seats"], 30).into(),
        PastValue::new("before", "seats", 1).into(),
        segment("large", "seats_all > 4"),
    ]
}

fn made() -> Engine {
    let usage = Usage::new(UsageSchema::new([EventKind::new("login")]).unwrap(), UsageSettings::new());
    Engine::new(schema(), today(), EngineSettings::new().usage(usage)).unwrap()
}

fn loaded() -> Engine {
    let engine = made();
    engine.load(&source()).unwrap();
    engine.define(definitions()).unwrap();
    engine
}

fn every() -> Vec<DefinitionRef> {
    let is_asked = |id: &DefinitionRef| !matches!(id.kind, DefinitionKind::Recorded | DefinitionKind::Metric);
    definitions().iter().map(Definition::id).filter(is_asked).collect()
}

fn report(before: &Published, after: &Published) -> DeltaReport {
    Delta::between(before, after).report_of(&Scope::all(), &every()).unwrap()
}

/// Each entry as `definition account`, with its causes.
fn entries(report: &DeltaReport) -> BTreeMap<String, Vec<Cause>> {
    let all = caused(report).into_iter();
    all.map(|((definition, account), causes)| {
        (format!("{} {account}", definition.name), causes.iter().collect())
    })
    .collect()
}

/// What an update makes of the entries, each with its causes.
fn after(engine: &Engine, update: impl Into<Update>) -> BTreeMap<String, Vec<Cause>> {
    let before = engine.published();
    engine.apply(update.into()).unwrap();
    entries(&report(&before, &engine.published()))
}

/// Entries by several causes each.
fn by(causes: &[Cause], of: &[&str]) -> BTreeMap<String, Vec<Cause>> {
    of.iter().map(|entry| ((*entry).to_owned(), causes.to_vec())).collect()
}

fn together<const N: usize>(all: [BTreeMap<String, Vec<Cause>>; N]) -> BTreeMap<String, Vec<Cause>> {
    all.into_iter().flatten().collect()
}

fn all_by(cause: Cause, of: &[&str]) -> BTreeMap<String, Vec<Cause>> {
    by(&[cause], of)
}

#[test]
fn each_cause_stands_alone_where_it_is_alone() {
    let engine = loaded();
    assert_eq!(
        after(&engine, Change::new().set(&id("a"), "seats", 5_i64)),
        all_by(Cause::Data, &["twice a", "four a", "seats_all a", "seats_all g", "large a"])
    );
    assert_eq!(after(&engine, Change::new().retype(&id("a"), "Site")), all_by(Cause::Data, &["is_site a"]));
    // A child row without a value is one more.
    let row = ChildRow::new(ChildId::new("t1").unwrap(), id("b"));
    assert_eq!(
        after(&engine, Change::new().add_child("tickets", row)),
        all_by(Cause::Data, &["tickets_of b"])
    );
    let hours = Change::new().set_child("tickets", &ChildId::new("t1").unwrap(), "hours", 7_i64);
    assert_eq!(after(&engine, hours), all_by(Cause::Data, &["open_hours b"]));
    // Who moves, and whom he leaves and comes to.
    assert_eq!(
        after(&engine, Change::new().move_under(&id("b"), &id("z"))),
        all_by(Cause::Structure, &["family b", "seats_all g", "seats_all z", "large z"])
    );
    let login = Event::on("login", "a", day(1)).count(3);
    assert_eq!(after(&engine, Update::new().events([login])), all_by(Cause::Usage, &["logins a"]));
    let rate = ExchangeRate::market(Currency::USD, Currency::EUR, day(1), Decimal::new(9, 1));
    assert_eq!(
        after(&engine, Update::new().rates([rate])),
        all_by(Cause::Rates, &["euros a", "euros b", "euros g", "euros z"])
    );
    assert_eq!(
        after(&engine, Update::new().define(attribute("twice", "seats * 2 + 1"))),
        ["a", "b", "g", "z"].into_iter().fold(BTreeMap::new(), |mut all, account| {
            all.insert(format!("twice {account}"), vec![Cause::Definition]);
            all.insert(format!("four {account}"), vec![Cause::Definition]);
            all
        })
    );
    // And who reads it.
    assert_eq!(
        after(&engine, Update::new().define(segment("large", "seats_all > 5"))),
        all_by(Cause::Definition, &["large a"])
    );
    let sum = roll_up("seats_all", Operator::Sum("seats + 1".into()));
    // Of `a`, 5 and 6; the trees of `g` and `z` were above 5 before.
    assert_eq!(
        after(&engine, Update::new().define(sum)),
        all_by(Cause::Definition, &["seats_all a", "seats_all b", "seats_all g", "seats_all z", "large a"])
    );
    // The day passes, and is closed: what is left of the days is by the moment, and of the past by what was recorded and by the moment.
    let found = after(&engine, Update::new().moment(AsOf::date_utc(day(2))));
    for account in ["a", "b", "g", "z"] {
        assert_eq!(found[&format!("days_left {account}")], [Cause::Moment]);
        assert_eq!(found[&format!("before {account}")], [Cause::Moment, Cause::Records]);
    }
    assert_eq!(found.len(), 8, "{found:?}");
    // Usage of an account that ends in another one was there before.
    assert_eq!(
        after(&engine, Change::new().merge(&id("a"), &id("z"), day(2))),
        all_by(
            Cause::Structure,
            &[
                "before a",
                "days_left a",
                "euros a",
                "euros g",
                "family a",
                "four a",
                "is_site a",
                "large a",
                "large g",
                "logins a",
                "logins z",
                "seats_all a",
                "seats_all g",
                "tickets_of a",
                "twice a",
                "won a",
            ]
        )
    );
}

#[test]
fn several_causes_are_told_together_and_only_where_they_are_read() {
    let engine = loaded();
    let before = engine.published();
    let rate = ExchangeRate::market(Currency::USD, Currency::EUR, day(1), Decimal::new(9, 1));
    let update = Update::from(Change::new().set(&id("a"), "seats", 5_i64).set(
        &id("a"),
        "arr",
        Money::from_minor(20_000, Currency::USD),
    ));
    let update = update
        .rates([rate])
        .define(attribute("family", "root.seats + 1"))
        .moment(AsOf::date_utc(day(2)))
        .events([Event::on("login", "z", day(2))]);
    let found = after(&engine, update);
    let (data, rates) = (Cause::Data, Cause::Rates);
    let (moment, definition) = (Cause::Moment, Cause::Definition);
    let expected = together([
        by(&[data], &["twice a", "four a", "seats_all a", "seats_all g", "large a"]),
        // Usage is asked anew on every day.
        by(&[Cause::Usage, moment], &["logins z"]),
        // Its tree is that of `g`, and something in it changed; in that of `z` nothing did.
        by(&[data, definition], &["family g", "family a", "family b"]),
        by(&[definition], &["family z"]),
        // The rate is that of the day of the question.
        by(&[data, moment, rates], &["euros g", "euros a", "euros b"]),
        by(&[moment, rates], &["euros z"]),
        by(&[moment], &["days_left g", "days_left a", "days_left b", "days_left z"]),
        by(&[moment, Cause::Records], &["before g", "before a", "before b", "before z"]),
    ]);
    assert_eq!(found, expected);
    let said = serde_json::to_value(report(&before, &engine.published())).unwrap();
    let twice = said["derived"].as_array().unwrap().iter().find(|of| of["column"] == "twice").unwrap();
    assert_eq!((&twice["account"], &twice["causes"]), (&"a".into(), &serde_json::json!(["data"])));
    assert_eq!(said["segments"][0]["entered"], serde_json::json!({ "a": ["data"] }));
}

#[test]
fn the_first_load_is_one_for_who_sees_everything() {
    let engine = made();
    engine.define(definitions()).unwrap();
    let before = engine.published();
    engine.load(&source()).unwrap();
    let delta = Delta::between(&before, &engine.published());
    let found = entries(&delta.report_of(&Scope::all(), &every()).unwrap());
    // No day is recorded, no rate is known, and no ticket has hours.
    let mut expected = all_by(Cause::FirstLoad, &["large g"]);
    for account in ["g", "a", "b", "z"] {
        for column in
            ["twice", "four", "is_site", "days_left", "family", "tickets_of", "logins", "won", "seats_all"]
        {
            expected.insert(format!("{column} {account}"), vec![Cause::FirstLoad]);
        }
    }
    assert_eq!(found, expected);
    // In a scope it is told as any account that came.
    let scope = Scope::of(engine.published().book().accounts(["a"]));
    let found = entries(&delta.report_of(&scope, &every()).unwrap());
    expected.retain(|entry, _| entry.ends_with(" a"));
    expected.values_mut().for_each(|causes| *causes = vec![Cause::Structure]);
    assert_eq!(found, expected);
}

#[test]
fn a_schema_is_a_cause_where_something_else_is_stored_and_a_new_name_is_none() {
    let engine = loaded();
    let rename = |from: &str, to: &str| SchemaChange::new().rename(SchemaPart::attribute(from), to);
    assert_eq!(after(&engine, Update::new().schema(rename("seats", "licences"))), BTreeMap::new());
    // With data beside it: what reads it says the same.
    let change = Change::new().set(&id("a"), "seats", 9_i64);
    assert_eq!(
        after(&engine, Update::from(change).schema(rename("licences", "seats"))),
        all_by(Cause::Data, &["twice a", "four a", "seats_all a", "seats_all g", "large a"])
    );
    // Whole numbers as decimals: the same value in another type is another text.
    let decimals = Attribute::new("seats", AttributeType::Decimal { scale: 2 });
    let of_seats = ["twice", "four", "family", "seats_all"]
        .iter()
        .flat_map(|column| ["g", "a", "b", "z"].map(|account| format!("{column} {account}")));
    let of_seats: Vec<String> = of_seats.collect();
    let of_seats: Vec<&str> = of_seats.iter().map(String::as_str).collect();
    assert_eq!(
        after(&engine, Update::new().schema(SchemaChange::new().attribute(decimals.clone()))),
        all_by(Cause::Schema, &of_seats)
    );
    // And a value that was set at the same time is data.
    let whole = Attribute::new("seats", AttributeType::Int);
    let change = Change::new().set(&id("b"), "seats", 30_i64);
    let found = after(&engine, Update::from(change).schema(SchemaChange::new().attribute(whole)));
    // What reads others of the tree has the data of that tree.
    let set_too = [
        "twice b",
        "four b",
        "large b",
        "family g",
        "family a",
        "family b",
        "seats_all g",
        "seats_all a",
        "seats_all b",
    ];
    let expected = [all_by(Cause::Schema, &of_seats), by(&[Cause::Data, Cause::Schema], &set_too)];
    assert_eq!(found, together(expected));
    // A value that is replaced by another one.
    let change = Change::new().set(&id("a"), "stage", Value::Enum("Won".into()));
    engine.apply(Update::from(change)).unwrap();
    let replaced = SchemaChange::new().replace(SchemaPart::value("stage", "Open"), "Won");
    assert_eq!(
        after(&engine, Update::new().schema(replaced)),
        all_by(Cause::Schema, &["won b", "won g", "won z"])
    );
    // A new attribute concerns nobody who does not read it.
    let more = SchemaChange::new().attribute(Attribute::new("more", AttributeType::Int));
    let change = Change::new().set(&id("b"), "seats", 31_i64).set(&id("b"), "more", 1_i64);
    assert_eq!(
        after(&engine, Update::from(change).schema(more)),
        all_by(Cause::Data, &["twice b", "four b", "seats_all b", "seats_all g"])
    );
}

#[test]
fn a_scope_that_shows_others_is_the_cause_and_nothing_hidden_is_told() {
    let engine = loaded();
    let before = engine.published();
    let ids = |names: &[&str]| before.book().accounts(names.iter().copied());
    let (small, large) = (Scope::of(ids(&["g", "a"])), Scope::of(ids(&["g", "a", "b"])));
    let same = Delta::between(&before, &before).report_between(&small, &large, &every()).unwrap();
    let comes = |name: &str| -> Vec<String> {
        let own =
            ["twice", "four", "is_site", "days_left", "family", "tickets_of", "logins", "won", "seats_all"];
        own.iter().map(|column| format!("{column} {name}")).collect()
    };
    let mut expected: BTreeMap<String, Vec<Cause>> =
        comes("b").into_iter().map(|entry| (entry, vec![Cause::Scope])).collect();
    expected.extend(all_by(Cause::Scope, &["seats_all g", "large g"]));
    assert_eq!(entries(&same), expected);
    // A rate is added, and an account that this user may not see changes: only the rate is a cause for him.
    let rate = ExchangeRate::market(Currency::USD, Currency::EUR, day(1), Decimal::new(9, 1));
    let change = Change::new().set(&id("b"), "arr", Money::from_minor(700, Currency::USD));
    engine.apply(Update::from(change).rates([rate])).unwrap();
    let delta = Delta::between(&before, &engine.published());
    let found = entries(&delta.report_of(&small, &every()).unwrap());
    assert_eq!(found, all_by(Cause::Rates, &["euros g", "euros a"]));
    let found = entries(&delta.report_of(&large, &every()).unwrap());
    assert_eq!(found, by(&[Cause::Data, Cause::Rates], &["euros g", "euros a", "euros b"]));
    let accounts: Vec<AccountId> = Vec::new();
    let none = Scope::of(before.book().accounts(accounts.iter().map(AccountId::as_str)));
    assert!(delta.report_of(&none, &every()).unwrap().is_empty());
}

#[test]
fn reports_put_together_have_the_causes_of_both() {
    let engine = loaded();
    let first = engine.published();
    engine.apply(Change::new().set(&id("a"), "arr", Money::from_minor(700, Currency::USD))).unwrap();
    let rate =
        |units: i128| ExchangeRate::market(Currency::USD, Currency::EUR, day(1), Decimal::new(units, 1));
    engine.apply(Update::new().rates([rate(9)])).unwrap();
    let second = engine.published();
    engine.apply(Change::new().set(&id("z"), "arr", Money::from_minor(800, Currency::USD))).unwrap();
    let last = engine.published();
    let both = report(&first, &second).then(&report(&second, &last));
    let expected = by(&[Cause::Data, Cause::Rates], &["euros g", "euros a", "euros b", "euros z"]);
    assert_eq!(entries(&both), expected);
}

#[test]
fn what_came_in_for_an_account_that_was_not_visible_is_not_told() {
    let engine = loaded();
    let before = engine.published();
    let scope = |state: &Published, names: &[&str]| Scope::of(state.book().accounts(names.iter().copied()));
    let logins: Update =
        Update::new().events([Event::on("login", "a", day(1)), Event::on("login", "g", day(1))]);
    engine.apply(logins).unwrap();
    let after = engine.published();
    let delta = Delta::between(&before, &after);
    for (then, now) in [(&["g", "a"][..], &["g"][..]), (&["g"], &["g", "a"])] {
        let report = delta.report_between(&scope(&before, then), &scope(&after, now), &every()).unwrap();
        let by_scope = [
            "twice a",
            "four a",
            "is_site a",
            "days_left a",
            "family a",
            "tickets_of a",
            "logins a",
            "won a",
            "seats_all a",
            "seats_all g",
        ];
        let expected = [all_by(Cause::Scope, &by_scope), all_by(Cause::Usage, &["logins g"])];
        assert_eq!(entries(&report), together(expected));
    }
}

#[test]
fn a_move_is_told_where_the_scope_alone_would_leave_the_account_where_it_was() {
    let engine = loaded();
    engine.apply(Change::new().move_under(&id("b"), &id("a"))).unwrap();
    let before = engine.published();
    let scope = |state: &Published, names: &[&str]| Scope::of(state.book().accounts(names.iter().copied()));
    let between = |after: &Published| {
        let (then, now) = (scope(&before, &["g", "a", "b", "z"]), scope(after, &["g", "b", "z"]));
        entries(&Delta::between(&before, after).report_between(&then, &now, &every()).unwrap())
    };
    // `b` shows under `g` where `a` is hidden.
    let of_a = ["twice a", "four a", "is_site a", "days_left a", "tickets_of a", "logins a", "won a"];
    let of_trees = ["family a", "seats_all a", "seats_all g", "large a", "large g"];
    assert_eq!(between(&before), together([all_by(Cause::Scope, &of_a), all_by(Cause::Scope, &of_trees)]));
    engine.apply(Change::new().move_under(&id("b"), &id("z"))).unwrap();
    let expected = [
        all_by(Cause::Scope, &of_a),
        by(&[Cause::Structure, Cause::Scope], &of_trees),
        by(&[Cause::Structure, Cause::Scope], &["family b"]),
        all_by(Cause::Structure, &["seats_all z", "large z"]),
    ];
    assert_eq!(between(&engine.published()), together(expected));
}

#[test]
fn the_past_is_by_its_records_the_schema_or_the_scope() {
    let engine = loaded();
    engine
        .define([
            Recorded::new("daily", ["seats", "seats_all"], 30).into(),
            PastValue::new("all_before", "seats_all", 1).into(),
        ])
        .unwrap();
    engine.apply(Update::new().moment(AsOf::date_utc(day(2)))).unwrap();
    let after_schema = |change: SchemaChange| {
        let before = engine.published();
        engine.apply(Update::new().schema(change)).unwrap();
        (before.clone(), entries(&report(&before, &engine.published())))
    };
    // What was recorded goes over to the new type with the values.
    let decimals = Attribute::new("seats", AttributeType::Decimal { scale: 2 });
    let (_, found) = after_schema(SchemaChange::new().attribute(decimals));
    for account in ["g", "a", "b", "z"] {
        assert_eq!(found[&format!("before {account}")], [Cause::Schema]);
    }
    assert!(found.values().all(|causes| *causes == [Cause::Schema]), "{found:?}");
    let (_, found) = after_schema(SchemaChange::new().rename(SchemaPart::attribute("seats"), "licences"));
    assert!(found.is_empty(), "{found:?}");
    // The same days of two branches.
    let all = |state: &Published| -> Vec<DefinitionRef> {
        let asked = |id: &&DefinitionRef| !matches!(id.kind, DefinitionKind::Recorded);
        state.catalog().order().filter(asked).cloned().collect()
    };
    let state = engine.published();
    let (mut one, mut other) = (state.branch(), state.branch());
    let set = |seats: i128| Change::new().set(&id("a"), "licences", Decimal::new(seats, 2));
    for (branch, seats) in [(&mut one, 500), (&mut other, 900)] {
        branch.apply(set(seats)).unwrap();
        branch.apply(Update::new().moment(AsOf::date_utc(day(3)))).unwrap();
        branch.apply(set(100)).unwrap();
    }
    let more = SchemaChange::new().attribute(Attribute::new("more", AttributeType::Int));
    other.apply(Update::new().schema(more)).unwrap();
    let (one, other) = (one.published(), other.published());
    let delta = Delta::between(one, other);
    let found = entries(&delta.report_of(&Scope::all(), &all(other)).unwrap());
    assert_eq!(found, all_by(Cause::Records, &["before a", "all_before a", "all_before g"]));
    // Of others nothing is told in a scope, and what is withheld there is there for who sees everything.
    let scope = |state: &Published| Scope::of(state.book().accounts(["g", "b"]));
    assert!(delta.report_of(&scope(one), &all(other)).unwrap().is_empty());
    let same = Delta::between(one, one);
    let found = entries(&same.report_between(&Scope::all(), &scope(one), &all(one)).unwrap());
    assert_eq!(found["all_before g"], [Cause::Scope]);
    // A day that is closed for the first time, of a column that no scope shows.
    let engine = loaded();
    let definitions: [Definition; 3] = [
        Recorded::new("daily", ["seats", "seats_all"], 30).into(),
        PastValue::new("all_before", "seats_all", 1).into(),
        attribute("then_or_now", "coalesce(all_before, seats)"),
    ];
    engine.define(definitions).unwrap();
    let before = engine.published();
    let set = Change::new().set(&id("b"), "seats", 7_i64);
    engine.apply(Update::from(set).moment(AsOf::date_utc(day(2)))).unwrap();
    let delta = Delta::between(&before, &engine.published());
    let asked = all(&engine.published());
    let found = entries(&delta.report_of(&scope(&before), &asked).unwrap());
    let expected = together([
        by(&[Cause::Data, Cause::Moment], &["then_or_now b"]),
        by(&[Cause::Moment, Cause::Records], &["before g", "before b"]),
        all_by(Cause::Moment, &["days_left g", "days_left b"]),
        all_by(Cause::Data, &["twice b", "four b", "seats_all b", "seats_all g", "large b", "large g"]),
    ]);
    assert_eq!(found, expected);
}

#[test]
fn the_same_words_that_read_another_attribute_are_another_definition() {
    let engine = loaded();
    let int = |name: &str| Attribute::new(name, AttributeType::Int);
    let two = SchemaChange::new().attribute(int("one")).attribute(int("two"));
    let set = Change::new().set(&id("a"), "one", 1_i64).set(&id("a"), "two", 2_i64);
    engine.apply(Update::from(set).schema(two).define(attribute("x", "one + 0"))).unwrap();
    let x = [DefinitionRef { kind: DefinitionKind::Attribute, name: "x".into() }];
    let after = |update: Update| {
        let before = engine.published();
        engine.apply(update).unwrap();
        entries(&Delta::between(&before, &engine.published()).report_of(&Scope::all(), &x).unwrap())
    };
    let rename = |from: &str, to: &str| SchemaChange::new().rename(SchemaPart::attribute(from), to);
    let exchanged = rename("one", "third").and(rename("two", "one")).and(rename("third", "two"));
    let found = after(Update::new().schema(exchanged).define(attribute("x", "one + 0")));
    assert_eq!(found, all_by(Cause::Definition, &["x a"]));
    let gone = SchemaChange::new().remove(SchemaPart::attribute("one")).and(rename("two", "one"));
    let found = after(Update::new().schema(gone).define(attribute("x", "one + 0")));
    assert_eq!(found, all_by(Cause::Definition, &["x a"]));
}

#[test]
fn a_value_that_is_set_where_its_text_was_renamed_is_data() {
    let engine = loaded();
    let fresh = SchemaChange::new().rename(SchemaPart::value("stage", "Open"), "Fresh");
    let update = Update::from(Change::new().set(&id("a"), "stage", Value::Enum("Won".into()))).schema(fresh);
    let found = after(&engine, update);
    assert_eq!(found, by(&[Cause::Data, Cause::Schema], &["won a"]));
    // A further value is no other type.
    let more = SchemaChange::new().value("stage", "Later");
    let update = Update::from(Change::new().set(&id("b"), "stage", Value::Enum("Won".into()))).schema(more);
    assert_eq!(after(&engine, update), all_by(Cause::Data, &["won b"]));
}

#[test]
fn a_definition_that_is_only_called_otherwise_is_no_cause() {
    let engine = loaded();
    let twice = DefinitionRef { kind: DefinitionKind::Attribute, name: "twice".into() };
    let before = engine.published();
    let seats = Change::new().set(&id("a"), "seats", 5_i64);
    engine.apply(Update::from(seats).rename(twice, "doubled")).unwrap();
    let after = engine.published();
    let all: Vec<DefinitionRef> = ["doubled", "four"]
        .map(|name| DefinitionRef { kind: DefinitionKind::Attribute, name: name.into() })
        .into();
    let report = Delta::between(&before, &after).report_of(&Scope::all(), &all).unwrap();
    assert_eq!(entries(&report), all_by(Cause::Data, &["doubled a", "four a"]));
    let back = Delta::between(&after, &before).report_of(&Scope::all(), &every()).unwrap();
    assert_eq!(
        entries(&back),
        all_by(Cause::Data, &["twice a", "four a", "seats_all a", "seats_all g", "large a"])
    );
}

#[test]
fn an_expression_that_converts_is_by_the_rates_and_their_day() {
    let engine = loaded();
    engine.define([attribute("own_euros", "arr.convertTo(\"EUR\")")]).unwrap();
    let own = [DefinitionRef { kind: DefinitionKind::Attribute, name: "own_euros".into() }];
    let before = engine.published();
    let rate = |on: u8, units: i128| {
        ExchangeRate::market(Currency::USD, Currency::EUR, day(on), Decimal::new(units, 1))
    };
    engine.apply(Update::new().rates([rate(1, 9), rate(2, 8)])).unwrap();
    let middle = engine.published();
    engine.apply(Update::new().moment(AsOf::date_utc(day(2)))).unwrap();
    let last = engine.published();
    let of = |from: &Published, to: &Published| {
        entries(&Delta::between(from, to).report_of(&Scope::all(), &own).unwrap())
    };
    let everybody = ["own_euros g", "own_euros a", "own_euros b", "own_euros z"];
    assert_eq!(of(&before, &middle), all_by(Cause::Rates, &everybody));
    assert_eq!(of(&middle, &last), all_by(Cause::Moment, &everybody));
    assert_eq!(of(&before, &last), by(&[Cause::Moment, Cause::Rates], &everybody));
}

#[test]
fn reports_are_put_together_over_a_rename() {
    let engine = loaded();
    let (twice, large) = (DefinitionKind::Attribute, DefinitionKind::Segment);
    let id_of = |kind: &DefinitionKind, name: &str| DefinitionRef { kind: kind.clone(), name: name.into() };
    let all = [id_of(&twice, "twice"), id_of(&large, "large")];
    let now = [id_of(&twice, "doubled"), id_of(&large, "big")];
    let first = engine.published();
    engine.apply(Change::new().set(&id("a"), "seats", 5_i64)).unwrap();
    let second = engine.published();
    let renames = Update::new().rename(all[0].clone(), "doubled").rename(all[1].clone(), "big");
    engine.apply(renames).unwrap();
    let third = engine.published();
    engine.apply(Change::new().set(&id("a"), "seats", 2_i64).set(&id("z"), "seats", 9_i64)).unwrap();
    let last = engine.published();
    let between = |from: &Published, to: &Published, of: &[DefinitionRef]| {
        Delta::between(from, to).report_of(&Scope::all(), of).unwrap()
    };
    let renamed = between(&second, &third, &now);
    assert_eq!(renamed.renamed, [(all[0].clone(), now[0].clone()), (all[1].clone(), now[1].clone())]);
    assert!(renamed.derived.is_empty() && renamed.segments.is_empty());
    let steps = between(&first, &second, &all).then(&renamed).then(&between(&third, &last, &now));
    let whole = between(&first, &last, &now);
    assert_eq!(entries(&steps), entries(&whole));
    assert_eq!(steps, whole);
    assert_eq!(entries(&whole), all_by(Cause::Data, &["big z", "doubled z"]));
    // A way back leads to the old names.
    assert_eq!(renamed.then(&between(&third, &second, &all)).renamed, []);
    // Nothing says something else.
    let reasons = Delta::between(&second, &last).reasons(&now[0]).unwrap();
    let ways: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    assert_eq!(ways, ["attribute `seats` -> calculated attribute `doubled`"]);
}

#[test]
fn a_name_that_another_definition_had_brings_nothing_of_that_one() {
    let engine = loaded();
    let kind = DefinitionKind::Attribute;
    let old = DefinitionRef { kind: kind.clone(), name: "old".into() };
    engine.define([attribute("old", "seats * 3"), Recorded::new("more", ["old"], 30).into()]).unwrap();
    engine.apply(Update::new().moment(AsOf::date_utc(day(2)))).unwrap();
    assert!(engine.published().records().days("old").next().is_some());
    let more = DefinitionRef { kind: DefinitionKind::Recorded, name: "more".into() };
    engine.apply(Update::new().remove(more).remove(old.clone())).unwrap();
    let before = engine.published();
    // `four` was never recorded.
    engine.apply(Update::new().rename(DefinitionRef { kind, name: "four".into() }, "old")).unwrap();
    let after = engine.published();
    assert_eq!(after.records().days("old").count(), 0);
    let report = Delta::between(&before, &after).report_of(&Scope::all(), &[old]).unwrap();
    assert!(report.derived.is_empty() && report.renamed.len() == 1, "{report:?}");
}

#[test]
fn a_report_reads_as_lines() {
    let engine = loaded();
    assert_eq!(report(&engine.published(), &engine.published()).to_string(), "nothing differs");
    let before = engine.published();
    let row = ChildRow::new(ChildId::new("t1").unwrap(), id("b")).with("hours", 7);
    let change = Change::new()
        .add(company("n").under(id("z")).with("seats", 1))
        .remove_subtree(&id("a"))
        .move_under(&id("b"), &id("z"))
        .set(&id("z"), "seats", 2)
        .add_child("tickets", row);
    engine.apply(Update::from(change).rename(DefinitionRef::attribute("twice"), "doubled")).unwrap();
    let asked = [
        DefinitionRef::attribute("doubled"),
        DefinitionRef::segment("large"),
        DefinitionRef::attribute("open_hours"),
    ];
    let report = Delta::between(&before, &engine.published()).report_of(&Scope::all(), &asked).unwrap();
    let expected = "n added\n\
        a removed\n\
        b moved from g to z\n\
        arr of a: 100.00 USD -> none\n\
        renewal of a: 2026-03-20 -> none\n\
        seats of a: 2 -> none\n\
        stage of a: Open -> none\n\
        tickets.hours of t1 of b: none -> 7\n\
        seats of n: none -> 1\n\
        seats of z: 4 -> 2\n\
        doubled of a: 4 -> none (the hierarchy)\n\
        doubled of n: none -> 2 (the hierarchy)\n\
        doubled of z: 8 -> 4 (data)\n\
        open_hours of b: none -> 7 (data)\n\
        z entered large (data, the hierarchy)\n\
        g left large (the hierarchy)\n\
        calculated attribute `twice` renamed to `doubled`";
    assert_eq!(report.to_string(), expected);
}

#[test]
fn every_cause_is_printed_in_words() {
    let engine = loaded();
    let said = |update: Update, asked: &[DefinitionRef]| {
        let before = engine.published();
        engine.apply(update).unwrap();
        let delta = Delta::between(&before, &engine.published());
        let report = delta.report_of(&Scope::of(engine.published().book().accounts(["a", "b"])), asked);
        let whole = delta.report_of(&Scope::all(), asked).unwrap();
        for line in whole.to_string().lines().chain(report.unwrap_or(whole).to_string().lines()) {
            assert!(!line.contains("()") && !line.contains("no cause") && !line.ends_with(": "), "{line}");
        }
        delta.report_of(&Scope::all(), asked).unwrap().to_string()
    };
    let column = DefinitionRef::attribute;
    let sums = [DefinitionRef::roll_up("seats_all")];
    assert_eq!(
        said(
            Update::new().moment(AsOf::date_utc(day(2))),
            &[column("days_left"), DefinitionRef::past("before")]
        ),
        MOMENT
    );
    assert_eq!(
        said(Change::new().move_under(&id("b"), &id("z")).into(), &sums),
        "b moved from g to z\n\
         seats_all of g: 6 -> 3 (the hierarchy)\n\
         seats_all of z: 4 -> 7 (the hierarchy)"
    );
    assert_eq!(
        said(Change::new().add(company("n").under(id("z")).with("seats", 1)).into(), &sums),
        "n added\n\
         seats of n: none -> 1\n\
         seats_all of n: none -> 1 (the hierarchy)\n\
         seats_all of z: 7 -> 8 (the hierarchy)"
    );
    assert_eq!(
        said(Change::new().remove(&id("n")).into(), &sums),
        "n removed\n\
         seats of n: 1 -> none\n\
         seats_all of n: 1 -> none (the hierarchy)\n\
         seats_all of z: 8 -> 7 (the hierarchy)"
    );
    let rate = ExchangeRate::market(Currency::USD, Currency::EUR, day(2), Decimal::new(9, 1));
    assert_eq!(
        said(Update::new().rates([rate]), &[DefinitionRef::roll_up("euros")]),
        "euros of a: none -> 90.00000000000 EUR (rates of exchange)\n\
         euros of b: none -> 90.00000000000 EUR (rates of exchange)\n\
         euros of g: none -> 180.00000000000 EUR (rates of exchange)\n\
         euros of z: none -> 180.00000000000 EUR (rates of exchange)"
    );
    let decimals =
        SchemaChange::new().attribute(Attribute::new("seats", AttributeType::Decimal { scale: 1 }));
    assert_eq!(
        said(Update::new().schema(decimals), &[column("twice")]),
        "seats of a: 2 -> 2.0\n\
         seats of b: 3 -> 3.0\n\
         seats of g: 1 -> 1.0\n\
         seats of z: 4 -> 4.0\n\
         twice of a: 4 -> 4.0 (the schema)\n\
         twice of b: 6 -> 6.0 (the schema)\n\
         twice of g: 2 -> 2.0 (the schema)\n\
         twice of z: 8 -> 8.0 (the schema)"
    );
    // No definition reads facts, so that they change no answer.
    let fact = Fact::since(FactKey::account("fired", &id("a"), "play"), Timestamp::from_micros(0).unwrap());
    let steps = [FactStep::declare(FactKind::of_accounts("fired")), FactStep::append(fact)];
    assert_eq!(said(Update::new().facts(steps), &every()), "nothing differs");
    let login = Event::on("login", "a", day(2)).count(3);
    assert_eq!(said(Update::new().events([login]), &[column("logins")]), "logins of a: 0 -> 3 (usage)");
    assert_eq!(said(Change::new().merge(&id("a"), &id("z"), day(2)).into(), &[column("logins")]), MERGED);
}

const MOMENT: &str = "\
days_left of a: 19 -> 18 (the moment)
days_left of b: 19 -> 18 (the moment)
days_left of g: 19 -> 18 (the moment)
days_left of z: 19 -> 18 (the moment)
before of a: none -> 2 (the moment, recorded days)
before of b: none -> 3 (the moment, recorded days)
before of g: none -> 1 (the moment, recorded days)
before of z: none -> 4 (the moment, recorded days)";

const MERGED: &str = "\
a removed
arr of a: 100.00 USD -> none
renewal of a: 2026-03-20 -> none
seats of a: 2.0 -> none
stage of a: Open -> none
logins of a: 3 -> none (the hierarchy)
logins of z: 0 -> 3 (the hierarchy)";

#[test]
fn a_report_that_was_read_without_causes_says_so() {
    let json = r#"["moment","structure","data"]"#;
    let causes: Causes = serde_json::from_str(json).unwrap();
    assert_eq!(causes.to_string(), "data, the hierarchy, the moment");
    assert_eq!(serde_json::to_string(&causes).unwrap(), r#"["data","structure","moment"]"#);
    let none: Causes = serde_json::from_str("[]").unwrap();
    assert_eq!(none.to_string(), "no cause");
    for cause in Cause::ALL {
        assert!(cause.to_string().len() > 3, "{cause:?}");
    }
}
