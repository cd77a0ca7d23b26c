//! Another schema on a living engine: what is renamed changes no answer, what is added recomputes nothing, and what does not fit is refused as
//! a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::definitions::{attribute, segment};
use crate::common::{ATTRIBUTES, as_of, config, forest, id, schema};
use crate::engine::{
    Place, Said, afresh, all_values, by_engine, differing, engine_over, engine_with, parts_of, reference,
    reported_values, settings, step, subscribe_some,
};
use perennial::aggregate::{Event, EventKind, Operator, RollUp, Usage, UsageSchema, UsageSettings};
use perennial::catalog::{Catalog, CatalogEvolveError, Definition, Recorded};
use perennial::engine::{
    Cause, Causes, Delta, Engine, EngineError, EngineSettings, MemoryJournal, Published, Update, compact,
};
use perennial::expr::ExprValue;
use perennial::report::{EvolveFault, HeldReason, SchemaChangeFaultKind};
use perennial::source::MemorySource;
use perennial::{
    AccountId, AccountRow, Attribute, AttributeType, Book, Change, ChildId, ChildRow, ChildTable, Currency,
    Date, Decimal, EnumValues, EvolveError, FaultKind, Nesting, Observer, Policy, Progress, Remedy, Schema,
    SchemaChange, SchemaPart, Scope, StatusGroup, TableKind, Value,
};
use proptest::prelude::*;

fn int(name: &str) -> Attribute {
    Attribute::new(name, AttributeType::Int)
}

fn closed(name: &str, values: &[&str]) -> Attribute {
    Attribute::new(name, AttributeType::Enum(EnumValues::new(values.iter().copied())))
}

fn of_seats() -> Schema {
    let schema = Schema::builder().account_type("Company", Nesting::Free);
    schema.attribute(int("seats")).attribute(closed("stage", &["Open", "Won", "Lost"])).build().unwrap()
}

fn row(name: &str) -> AccountRow {
    AccountRow::new(id(name), "Company")
}

fn value(book: &Book, account: &str, attribute: &str) -> Option<Value> {
    let view = book.view(&Scope::all(), as_of()).unwrap();
    view.account(account)?.value(attribute)
}

/// What every account is, under whom, with which values and rows.
fn all_of(book: &Book) -> BTreeSet<String> {
    crate::common::answers(&book.view(&Scope::all(), as_of()).unwrap()).into_iter().collect()
}

// --- Steps ------------------------------------------------------------------------------------------

#[test]
fn steps_that_make_no_sense_are_told_all_at_once() {
    let change = SchemaChange::new()
        .remove(SchemaPart::attribute("seat"))
        .rename(SchemaPart::attribute("seats"), "stage")
        .value("seats", "x")
        .value("stage", "Won")
        .status_value("live", StatusGroup::Paying)
        .rename(SchemaPart::value("stage", "Lose"), "x")
        .replace(SchemaPart::attribute("seats"), "stage")
        .replace(SchemaPart::value("stage", "Lost"), "Lost")
        .replace(SchemaPart::value("stage", "Lost"), "Wons")
        .product("CRM")
        .product("CRM")
        .account_type_above("Group", Nesting::Free, "Firm")
        .column("contracts", int("fee"))
        .rename(SchemaPart::table("contracts"), "deals")
        .remove(SchemaPart::account_type("Region"));
    let errors = change.apply(&of_seats()).unwrap_err();
    let told = "step 1: there is no attribute `seat`; did you mean `seats`?
step 2: there is the attribute `stage` already
step 3: attribute `seats` has no allowed values, since it is no enumeration or band
step 4: there is the value `Won` of attribute `stage` already
step 5: there is no attribute `status`; did you mean `seats`?
step 6: there is no value `Lose` of attribute `stage`; did you mean `Lost`?
step 7: attribute `seats` cannot be replaced by another; remove it
step 8: there is no value `Lost` of attribute `stage`; it is the one that is replaced
step 9: there is no value `Wons` of attribute `stage`; did you mean `Won`?
step 11: there is the product `CRM` already
step 12: there is no account type `Firm`
step 13: there is no table `contracts`
step 14: there is no table `contracts`
step 15: there is no account type `Region`";
    assert_eq!(errors.to_string(), told);
    // What is wrong with the schema that they come to.
    let errors = SchemaChange::new()
        .attribute(int("seats.in"))
        .attribute(int("under"))
        .apply(&of_seats())
        .unwrap_err();
    assert_eq!(
        errors.to_string(),
        "the schema after all steps: at `/attributes/3`: name `under` is reserved"
    );
    let errors =
        SchemaChange::new().rename(SchemaPart::attribute("status"), "state").apply(&schema()).unwrap_err();
    assert!(matches!(errors.faults()[0].kind, SchemaChangeFaultKind::System(_)), "{errors}");
    let events = UsageSchema::new([EventKind::new("login")]).unwrap();
    let of_events = |change: SchemaChange| {
        let catalog = Catalog::new(&of_seats().into(), &events, []).unwrap();
        match catalog.evolve(&change) {
            Err(CatalogEvolveError::Change(errors)) => errors.to_string(),
            other => panic!("{other:?}"),
        }
    };
    let change = SchemaChange::new()
        .rename(SchemaPart::event("log"), "x")
        .remove(SchemaPart::event_field("login", "plan"))
        .event(EventKind::new("any"));
    assert_eq!(
        of_events(change),
        "step 1: there is no event `log`; did you mean `login`?\nstep 2: there is no field `plan` of event `login`"
    );
    let any = SchemaChange::new().event(EventKind::new("any"));
    assert_eq!(of_events(any), "the schema after all steps: event `any`: `any` stands for every event");
}

#[test]
fn a_change_reads_back_from_json() {
    let change = SchemaChange::new()
        .attribute(int("seats").label("Seats").required_at(["Company"]))
        .status([("live", StatusGroup::Paying), ("gone", StatusGroup::Cancelled)])
        .status_value("trial", StatusGroup::Free)
        .table(ChildTable::new("deals", TableKind::Custom).column(closed("stage", &["a", "b"])))
        .column("deals", Attribute::new("fee", AttributeType::Money(Currency::EUR)))
        .column_value("deals", "stage", "c")
        .account_type("Company", Nesting::Free)
        .account_type_above("Group", Nesting::Ordered, "Company")
        .product("CRM")
        .value("stage", "Late")
        .rename(SchemaPart::column("deals", "fee"), "price")
        .remove(SchemaPart::column_value("deals", "stage", "a"))
        .replace(SchemaPart::account_type("Team"), "Company")
        .event(
            EventKind::new("export")
                .module("Reports")
                .property(int("rows"))
                .measure(int("size"))
                .label("Export"),
        )
        .rename(SchemaPart::event_field("export", "rows"), "lines")
        .exactly(&schema());
    let json = serde_json::to_string(&change).unwrap();
    assert_eq!(serde_json::from_str::<SchemaChange>(&json).unwrap(), change);
    let wrong = r#"[{"attribute":{"name":"x","type":"money"}}]"#;
    let error = serde_json::from_str::<SchemaChange>(wrong).unwrap_err().to_string();
    assert!(error.contains("missing field `currency`"), "{error}");
}

#[test]
fn an_account_type_that_goes_takes_its_name_out_of_what_applies_to_it() {
    let schema = Schema::builder()
        .account_type("Group", Nesting::Free)
        .account_type("Company", Nesting::Free)
        .attribute(int("a").applies_to(["Group"]))
        .attribute(int("b").applies_to(["Group", "Company"]).required_at(["Group"]))
        .build()
        .unwrap();
    let gone = SchemaChange::new().remove(SchemaPart::account_type("Group"));
    assert_eq!(
        gone.apply(&schema).unwrap_err().to_string(),
        "step 1: without account type `Group`, attribute `a` applies to no account type; remove it first, or declare it anew"
    );
    let by =
        SchemaChange::new().replace(SchemaPart::account_type("Group"), "Company").apply(&schema).unwrap();
    let company = by.account_type("Company").unwrap();
    let of = |name: &str| by.attribute(name).unwrap();
    assert!(by.applies(of("a"), company) && by.applies(of("b"), company) && by.requires(of("b"), company));
    // Nobody is required to have it where the only type goes that was.
    let without = SchemaChange::new().remove(SchemaPart::attribute("a")).and(gone).apply(&schema).unwrap();
    assert!(!without.requires(without.attribute("b").unwrap(), without.account_type("Company").unwrap()));
    let renamed =
        SchemaChange::new().rename(SchemaPart::account_type("Group"), "Holding").apply(&schema).unwrap();
    let holding = renamed.account_type("Holding").unwrap();
    assert!(renamed.requires(renamed.attribute("b").unwrap(), holding));
}

/// The places of attributes, columns, types and kinds of event are part of a schema: it was equal to one of another order.
#[test]
fn a_schema_of_another_order_is_another_one() {
    let of = |names: [&str; 2]| {
        let schema = Schema::builder().account_type("Company", Nesting::Free);
        let schema = names.into_iter().fold(schema, |schema, name| schema.attribute(int(name)));
        schema.build().unwrap()
    };
    let (one, other) = (of(["a", "b"]), of(["b", "a"]));
    assert_ne!(one, other);
    let table = |names: [&str; 2]| {
        names.into_iter().fold(ChildTable::new("t", TableKind::Custom), |table, name| table.column(int(name)))
    };
    assert_ne!(table(["a", "b"]), table(["b", "a"]));
    let kinds = |names: [&str; 2]| UsageSchema::new(names.map(EventKind::new)).unwrap();
    assert_ne!(kinds(["a", "b"]), kinds(["b", "a"]));
    let kind =
        |names: [&str; 2]| names.into_iter().fold(EventKind::new("k"), |kind, name| kind.property(int(name)));
    assert_ne!(kind(["a", "b"]), kind(["b", "a"]));
    // A book of it is no book of the engine.
    let engine = Engine::new(one, as_of(), EngineSettings::new()).unwrap();
    let rows = MemorySource::new().account(row("x").with("a", 7_i64).with("b", 2_i64));
    let (book, _) = Book::load(other, &rows, &Policy::strict()).unwrap();
    assert!(matches!(engine.replace(book).unwrap_err(), EngineError::Schema));
}

// --- Books ------------------------------------------------------------------------------------------

#[test]
fn values_go_over_where_they_fit_and_the_policy_says_what_becomes_of_the_others() {
    let book = |policy: &Policy| {
        let schema = Schema::builder()
            .account_type("Company", Nesting::Free)
            .attribute(Attribute::new("said", AttributeType::Text))
            .attribute(Attribute::new("price", AttributeType::Decimal { scale: 2 }))
            .attribute(closed("stage", &["1", "two"]))
            .build()
            .unwrap();
        let rows = [
            row("a")
                .with("said", " 12 ")
                .with("price", Decimal::new(300, 2))
                .with("stage", Value::Enum("1".into())),
            row("b")
                .with("said", "twelve")
                .with("price", Decimal::new(350, 2))
                .with("stage", Value::Enum("two".into())),
            row("c").with("said", "2026-02-28"),
        ];
        Book::load(schema, &MemorySource::new().accounts(rows), policy).unwrap().0
    };
    let clear = Policy::strict().with(FaultKind::InvalidValue, Remedy::Clear).unwrap();
    let retyped = |name: &str, kind: AttributeType| SchemaChange::new().attribute(Attribute::new(name, kind));
    let after = |change: &SchemaChange, account: &str, attribute: &str| {
        let (book, report) = book(&clear).evolve(change).unwrap();
        assert!(!report.in_place);
        value(&book, account, attribute)
    };
    let to_int = retyped("said", AttributeType::Int);
    assert_eq!(after(&to_int, "a", "said"), Some(Value::Int(12)));
    assert_eq!(after(&to_int, "b", "said"), None);
    let to_date = retyped("said", AttributeType::Date);
    assert_eq!(after(&to_date, "c", "said"), Some(Value::Date(Date::new(2026, 2, 28).unwrap())));
    let whole = retyped("price", AttributeType::Int);
    assert_eq!([after(&whole, "a", "price"), after(&whole, "b", "price")], [Some(Value::Int(3)), None]);
    let double = retyped("price", AttributeType::Double);
    assert_eq!(after(&double, "b", "price"), Some(Value::Double(3.5)));
    let text = retyped("price", AttributeType::Text);
    assert_eq!(after(&text, "b", "price"), Some(Value::text("3.50")));
    let number = retyped("stage", AttributeType::Int);
    assert_eq!([after(&number, "a", "stage"), after(&number, "b", "stage")], [Some(Value::Int(1)), None]);
    let list = retyped("said", AttributeType::List);
    assert_eq!(after(&list, "b", "said"), Some(Value::list(["twelve"])));
    // Money of another currency is another amount.
    let (_, report) = book(&clear).evolve(&to_int).unwrap();
    assert_eq!(report.load.count(FaultKind::InvalidValue), 2);
    let refused = book(&Policy::strict()).evolve(&to_int).unwrap_err();
    assert!(matches!(refused, EvolveError::Load(_)), "{refused}");
    // Of the remedies of a load only clearing counts: who is in the book is not held out of it.
    let held = Policy::strict().with(FaultKind::InvalidValue, Remedy::Quarantine).unwrap();
    match book(&held).evolve(&to_int).unwrap_err() {
        EvolveError::Rows(faults) => {
            let reason = HeldReason::Fault(FaultKind::InvalidValue);
            let of =
                |account: &str| EvolveFault::AccountHeld { account: id(account), reason: reason.clone() };
            assert_eq!(faults.faults(), [of("b"), of("c")]);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn what_is_in_use_goes_only_where_something_takes_its_place() {
    let schema = Schema::builder()
        .account_type("Group", Nesting::Free)
        .account_type("Company", Nesting::Free)
        .product("CRM")
        .product("ERP")
        .attribute(closed("stage", &["Open", "Won", "Lost"]))
        .table(ChildTable::new("deals", TableKind::Custom).column(closed("phase", &["x", "y"])))
        .build()
        .unwrap();
    let source = MemorySource::new()
        .account(AccountRow::new(id("g"), "Group").with("stage", Value::Enum("Lost".into())))
        .accounts((0..12).map(|number| row(&format!("c{number:02}")).under(id("g"))))
        .account(row("p").under(id("g")).product("CRM"))
        .child(
            "deals",
            ChildRow::new(ChildId::new("d").unwrap(), id("g")).with("phase", Value::Enum("y".into())),
        );
    let (book, _) = Book::load(schema, &source, &Policy::strict()).unwrap();
    let before = all_of(&book);
    let parts = [
        SchemaPart::account_type("Company"),
        SchemaPart::product("CRM"),
        SchemaPart::value("stage", "Lost"),
        SchemaPart::column_value("deals", "phase", "y"),
    ];
    let removed = parts.iter().fold(SchemaChange::new(), |change, part| change.remove(part.clone()));
    let refused = book.evolve(&removed).unwrap_err().to_string();
    assert_eq!(
        refused,
        "the accounts do not fit the schema: account type `Company` is in use by `c00`, `c01`, `c02`, `c03`, `c04`, `c05`, `c06`, `c07`, `c08`, `c09` and 3 more; say what takes its place
product `CRM` is in use by `p`; say what takes its place
value `Lost` of attribute `stage` is in use by `g`; say what takes its place
value `y` of column `phase` of table `deals` is in use by `d`; say what takes its place"
    );
    assert_eq!(all_of(&book), before);
    let by = ["Group", "ERP", "Won", "x"];
    let replaced =
        parts.iter().zip(by).fold(SchemaChange::new(), |change, (part, by)| change.replace(part.clone(), by));
    let (next, report) = book.evolve(&replaced).unwrap();
    next.verify().unwrap();
    assert_eq!((report.in_place, next.len(), next.version()), (false, 14, 1));
    let view = next.view(&Scope::all(), as_of()).unwrap();
    let (g, p) = (view.account("g").unwrap(), view.account("p").unwrap());
    assert_eq!((p.account_type(), p.product()), ("Group", Some("ERP")));
    assert_eq!(g.value("stage"), Some(Value::Enum("Won".into())));
    assert_eq!(g.child_rows("deals").next().unwrap().value("phase"), Some(Value::Enum("x".into())));
    // What nobody has goes without a word.
    let (next, _) = book.evolve(&SchemaChange::new().remove(SchemaPart::value("stage", "Won"))).unwrap();
    assert_eq!(value(&next, "g", "stage"), Some(Value::Enum("Lost".into())));
    // Where types stand in the tree, nobody may be below what it may not be below.
    let ordered = SchemaChange::new()
        .account_type("Group", Nesting::Ordered)
        .replace(SchemaPart::account_type("Company"), "Group");
    let refused = book.evolve(&ordered).unwrap_err().to_string();
    assert!(refused.contains("load refused: 13 fault(s)") && refused.contains("type order"), "{refused}");
    // A name that is given again is another part.
    let taken = SchemaChange::new()
        .remove(SchemaPart::value("stage", "Lost"))
        .rename(SchemaPart::value("stage", "Won"), "Lost");
    assert!(
        book.evolve(&taken).unwrap_err().to_string().contains("value `Lost` of attribute `stage` is in use")
    );
}

#[test]
fn who_is_held_is_judged_again_with_what_is_known() {
    let policy = Policy::strict()
        .with(FaultKind::InvalidValue, Remedy::Quarantine)
        .unwrap()
        .with(FaultKind::MissingValue, Remedy::Quarantine)
        .unwrap()
        .with(FaultKind::TypeOrder, Remedy::Quarantine)
        .unwrap()
        .with(FaultKind::UnknownType, Remedy::Quarantine)
        .unwrap()
        .with(FaultKind::UnknownProduct, Remedy::Quarantine)
        .unwrap()
        .with(FaultKind::RepeatedId, Remedy::Quarantine)
        .unwrap()
        .with(FaultKind::ChildOfUnknownAccount, Remedy::Quarantine)
        .unwrap();
    let schema = Schema::builder()
        .account_type("Group", Nesting::Free)
        .account_type("Company", Nesting::Ordered)
        .attribute(int("seats").required())
        .attribute(int("floor").applies_to(["Group"]))
        .table(ChildTable::new("deals", TableKind::Custom).column(int("fee")))
        .build()
        .unwrap();
    let company = |name: &str| row(name).with("seats", 1_i64);
    let source = MemorySource::new()
        .account(company("fine"))
        .account(AccountRow::new(id("needs_seats"), "Group"))
        .account(company("has_floor").with("floor", 3_i64))
        .account(row("no_number").with("seats", "many"))
        .account(company("below").under(id("fine")))
        .account(company("below_held").under(id("needs_seats")))
        .account(AccountRow::new(id("odd_type"), "Firm"))
        .account(company("odd_product").product("CRM"))
        .accounts([company("twice"), company("twice").with("seats", 2_i64)])
        .child("deals", ChildRow::new(ChildId::new("d").unwrap(), id("needs_seats")).with("fee", 5_i64));
    let (book, _) = Book::load(schema, &source, &policy).unwrap();
    assert_eq!((book.len(), book.held_accounts().count(), book.superseded().len()), (1, 7, 2));
    let evolve = |change: SchemaChange| {
        let (next, report) = book.evolve(&change).unwrap();
        next.verify().unwrap();
        assert_eq!(next.superseded(), book.superseded());
        assert_eq!(next.len() - book.len(), report.released.len());
        let released: Vec<String> = report.released.iter().map(ToString::to_string).collect();
        (next, released)
    };
    // What only adds judges nobody again.
    assert_eq!(evolve(SchemaChange::new().attribute(int("more"))).1, Vec::<String>::new());
    // Required no longer, under another name: a row that waited for its account comes with it.
    let (next, released) = evolve(
        SchemaChange::new().attribute(int("seats")).rename(SchemaPart::attribute("seats"), "licences"),
    );
    assert_eq!(released, ["below_held", "needs_seats"]);
    let view = next.view(&Scope::all(), as_of()).unwrap();
    assert_eq!(view.account("below_held").unwrap().value("licences"), Some(Value::Int(1)));
    assert_eq!(view.account("needs_seats").unwrap().child_rows("deals").count(), 1);
    assert_eq!(next.held_children().count(), 0);
    // It applies everywhere, and companies may be below each other.
    let change = SchemaChange::new().attribute(int("floor")).account_type("Company", Nesting::Free);
    assert_eq!(evolve(change).1, ["below", "has_floor"]);
    // A text that was no number is not known any more, nor is the name of a type or product.
    let change = SchemaChange::new()
        .attribute(Attribute::new("seats", AttributeType::Text))
        .account_type("Firm", Nesting::Free)
        .product("CRM");
    assert_eq!(evolve(change).1, ["below_held", "needs_seats"]);
    let gone = SchemaChange::new().remove(SchemaPart::attribute("seats"));
    assert_eq!(evolve(gone).1, ["below_held", "needs_seats", "no_number"]);
    let table = SchemaChange::new().remove(SchemaPart::table("deals"));
    assert_eq!(evolve(table).0.held_children().count(), 0);
    // Held or not, they have other values by their new names.
    let (next, _) = evolve(SchemaChange::new().rename(SchemaPart::attribute("floor"), "storey"));
    let held = next.held_accounts().find(|held| held.row.id == id("has_floor")).unwrap();
    assert_eq!((held.row.value("storey"), &*held.unfit), (Some(&Value::Int(3)), &["storey".into()][..]));
}

proptest! {
    #![proptest_config(config(64))]

    /// A book that stays in place is one that is loaded anew.
    #[test]
    fn in_place_or_taken_in_again_it_is_the_same_book(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..40),
        which in any::<u16>(),
        packing in 0_usize..6,
    ) {
        let (book, _) = forest(&seeds).load(crate::common::CHUNK_ROWS[packing], Policy::strict());
        let renames = renames(which);
        let more = ChildTable::new("more", TableKind::Custom);
        let added = SchemaChange::new().attribute(int("extra")).column("tickets", int("extra")).table(more);
        let change = if which & 1 == 1 { added } else { SchemaChange::new() }.and(renames.change());
        let (in_place, report) = book.evolve(&change).unwrap();
        prop_assert!(report.in_place);
        in_place.verify().unwrap();
        // Another order of the attributes, and everything is read again.
        let mut turned: Vec<Attribute> = in_place.schema().attributes().cloned().collect();
        turned.reverse();
        let gone = renames.text("gone");
        let groups = [("trial", StatusGroup::Free), ("live", StatusGroup::Paying), (&*gone, StatusGroup::Cancelled)];
        let mut builder = Schema::builder();
        for kind in in_place.schema().account_types() {
            builder = builder.account_type(kind.name(), kind.nesting());
        }
        for product in in_place.schema().products() {
            builder = builder.product(product.name());
        }
        for attribute in turned {
            builder = match attribute.name() {
                "status" => builder.status(groups),
                _ => builder.attribute(attribute),
            };
        }
        let builder = in_place.schema().tables().cloned().fold(builder, perennial::SchemaBuilder::table);
        let target = builder.build().unwrap();
        let (again, report) = book.evolve(&change.exactly(&target)).unwrap();
        prop_assert!(!report.in_place);
        again.verify().unwrap();
        prop_assert_eq!(all_of(&again), all_of(&in_place));
        // What was renamed has what it had.
        let values = |book: &Book| values_of(book);
        let expected: BTreeMap<Place, Value> = values(&book).into_iter().map(|(place, value)| renames.of(place, value)).collect();
        prop_assert_eq!(values(&in_place), expected);
        let snapshot = Book::from_own_snapshot(&in_place.to_snapshot()).unwrap();
        prop_assert_eq!(all_of(&snapshot), all_of(&in_place));
        prop_assert_eq!(&**snapshot.schema(), &**in_place.schema());
        // A change of the new schema is one of the old.
        let account = id(crate::common::id_of(0).as_str());
        let set = Change::new().set(&account, &renames.attribute("seats"), 7_i64);
        let (one, other) = (in_place.apply(&set).unwrap().0, again.apply(&set).unwrap().0);
        prop_assert_eq!(all_of(&one), all_of(&other));
    }
}

fn values_of(book: &Book) -> BTreeMap<Place, Value> {
    let mut all = BTreeMap::new();
    let view = book.view(&Scope::all(), as_of()).unwrap();
    for account in view.accounts() {
        for attribute in book.schema().attributes().map(Attribute::name) {
            if let Some(value) = account.value(attribute) {
                all.insert((account.id(), None, Arc::from(attribute)), value);
            }
        }
        for table in book.schema().tables() {
            for row in account.child_rows(table.name()) {
                for column in table.columns().map(Attribute::name) {
                    if let Some(value) = row.value(column) {
                        all.insert(
                            (account.id(), Some((Arc::from(table.name()), row.id())), Arc::from(column)),
                            value,
                        );
                    }
                }
            }
        }
    }
    all
}

// --- Renames ----------------------------------------------------------------------------------------

/// Parts by other names.
struct Renames {
    attributes: BTreeMap<&'static str, String>,
    tables: BTreeMap<&'static str, String>,
    columns: BTreeMap<(&'static str, &'static str), String>,
    /// Texts of allowed values, account types and products.
    texts: BTreeMap<&'static str, &'static str>,
}

/// Some of all that can have another name, by bits.
fn renames(which: u16) -> Renames {
    let is = |bit: usize| which >> bit & 1 == 1;
    let own = |name: &str| name == "name" || name == "status";
    let named = |(at, name): (usize, &'static str)| (name, format!("{name}.{at}"));
    let attributes = ATTRIBUTES.into_iter().chain(["plan", "floor"]).enumerate();
    let attributes = attributes.filter(|(at, name)| !own(name) && is(at % 5 + 1)).map(named).collect();
    let tables = ["tickets", "contracts"].into_iter().enumerate().filter(|(at, _)| is(at + 6));
    let tables = tables.map(|(at, name)| (name, format!("{name} {at}"))).collect();
    let columns = [
        ("tickets", "title"),
        ("tickets", "hours"),
        ("tickets", "open"),
        ("contracts", "currency"),
        ("contracts", "amount"),
    ];
    let columns = columns
        .into_iter()
        .enumerate()
        .filter(|(at, _)| is(at % 3 + 8))
        .map(|(at, (table, name))| ((table, name), format!("{name}_{at}")));
    let texts =
        [("EMEA", "Europe"), ("poor", "bad"), ("gone", "left"), ("Company", "Firm"), ("CRM", "Sales hub")];
    let texts = texts.into_iter().enumerate().filter(|(at, _)| is(at + 11)).map(|(_, pair)| pair).collect();
    Renames { attributes, tables, columns: columns.collect(), texts }
}

impl Renames {
    fn change(&self) -> SchemaChange {
        let mut change = SchemaChange::new();
        for (table, now) in &self.columns {
            change = change.rename(SchemaPart::column(table.0, table.1), now);
        }
        for (text, now) in &self.texts {
            let part = match *text {
                "EMEA" => SchemaPart::value("region", text),
                "poor" => SchemaPart::value("mood", text),
                "gone" => SchemaPart::value("status", text),
                "Company" => SchemaPart::account_type(text),
                _ => SchemaPart::product(text),
            };
            change = change.rename(part, now);
        }
        for (name, now) in &self.attributes {
            change = change.rename(SchemaPart::attribute(name), now);
        }
        for (name, now) in &self.tables {
            change = change.rename(SchemaPart::table(name), now);
        }
        change
    }

    fn attribute(&self, name: &str) -> String {
        self.attributes.get(name).cloned().unwrap_or_else(|| name.to_owned())
    }

    fn text(&self, text: &str) -> Arc<str> {
        let texts = self.texts.iter().fold(text.to_owned(), |text, (was, now)| text.replace(was, now));
        Arc::from(texts)
    }

    fn of(&self, (account, child, name): Place, value: Value) -> (Place, Value) {
        let known =
            |table: &str, column: &str| self.columns.iter().find(|((t, c), _)| *t == table && *c == column);
        let name = match &child {
            None => self.attribute(&name),
            Some((table, _)) => known(table, &name).map_or(name.to_string(), |(_, now)| now.clone()),
        };
        let child = child.map(|(table, row)| {
            let now = self.tables.get(&*table).map_or(table.to_string(), Clone::clone);
            (Arc::from(now), row)
        });
        let value = match value {
            Value::Enum(text) => Value::Enum(self.text(&text)),
            Value::Band { rank, text } => Value::Band { rank, text: self.text(&text) },
            value => value,
        };
        ((account, child, Arc::from(name)), value)
    }

    fn said(&self, said: Said) -> Said {
        let value = |value: Option<ExprValue>| match value {
            Some(ExprValue::Text(text)) => Some(ExprValue::Text(self.text(&text))),
            Some(ExprValue::Record(fields)) => Some(ExprValue::Record(
                fields.iter().map(|(name, value)| (self.text(name), value.clone())).collect(),
            )),
            Some(ExprValue::List(items)) => Some(ExprValue::List(
                items
                    .iter()
                    .map(|item| match item {
                        ExprValue::Text(text) => ExprValue::Text(self.text(text)),
                        item => item.clone(),
                    })
                    .collect(),
            )),
            value => value,
        };
        said.into_iter().map(|(key, (of, counts))| (key, (value(of), counts))).collect()
    }
}

proptest! {
    #![proptest_config(config(48))]

    /// Whatever has another name, every definition says what it said; a fresh engine of what there is now says so too; and a journal leads
    /// there.
    #[test]
    fn another_name_changes_no_answer(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..24),
        steps in prop::collection::vec(any::<[u8; 5]>(), 0..4),
        which in any::<u16>(),
        packing in 0_usize..6,
        visible in any::<u64>(),
    ) {
        let journal = MemoryJournal::new();
        let engine = engine_with(&seeds, settings(packing).journal(journal.clone()).remember(99));
        subscribe_some(&engine, 0x5bd1_e995_5bd1_e995);
        for (number, bytes) in steps.iter().enumerate() {
            let _ = step(&engine, *bytes, number);
        }
        let before = engine.published();
        let (was, values) = (by_engine(&before.view(&Scope::all()).unwrap()), all_values(&before.view(&Scope::all()).unwrap()));
        let renames = renames(which);
        let mut change = renames.change();
        if which % 3 == 0 {
            change = change.rename(SchemaPart::event("login"), "sign in");
        }
        let applied = engine.apply(Update::new().schema(change)).unwrap();
        prop_assert!(applied.schema.unwrap().in_place);
        let after = engine.published();
        after.book().verify().unwrap();
        let view = after.view(&Scope::all()).unwrap();
        let now = by_engine(&view);
        let differ = differing(&now, &renames.said(was));
        prop_assert!(differ.is_empty(), "{}", differ.join("\n"));
        let differ = differing(&now, &afresh(&view, None, (packing + 1) % 6));
        prop_assert!(differ.is_empty(), "{}", differ.join("\n"));
        // In a scope.
        let ids: BTreeSet<AccountId> = view.accounts().accounts().enumerate()
            .filter(|(place, _)| visible >> (place % 64) & 1 == 1).map(|(_, account)| account.id()).collect();
        let scope = Scope::of(after.book().accounts(ids.iter().map(AccountId::as_str)));
        let seen = after.view(&scope).unwrap();
        let differ = differing(&by_engine(&seen), &afresh(&seen, Some(&ids), packing));
        prop_assert!(differ.is_empty(), "{}", differ.join("\n"));
        // A delta pairs what it was with what it is: only the texts are others.
        let report = Delta::between(&before, &after).report(&Scope::all()).unwrap();
        let changed: Vec<_> = values.iter().filter_map(|(place, value)| {
            let (place, now) = renames.of(place.clone(), value.clone());
            (now != *value).then(|| (place, Some(value.clone()), Some(now)))
        }).collect();
        let mut reported = reported_values(&report);
        reported.sort_by(|a, b| a.0.cmp(&b.0));
        let mut expected = changed;
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        prop_assert_eq!(reported, expected);
        prop_assert!(report.accounts.added.is_empty() && report.accounts.removed.is_empty() && report.accounts.moves.is_empty());
        // And on it goes: with the journal, and with another day.
        engine.advance(crate::common::definitions::moment(after.as_of().date().plus_days(1).unwrap(), which as u8)).unwrap();
        let last = engine.published();
        let view = last.view(&Scope::all()).unwrap();
        let differ = differing(&by_engine(&view), &afresh(&view, None, packing));
        prop_assert!(differ.is_empty(), "{}", differ.join("\n"));
        for bytes in [journal.bytes(), compact(settings(packing), &journal.bytes()).unwrap()] {
            let (again, restored) = Engine::restore(settings(packing), &bytes, None).unwrap();
            prop_assert!(restored.damage.is_none());
            let again = again.published();
            crate::engine::same_state(&again, &last);
            let said = by_engine(&again.view(&Scope::all()).unwrap());
            prop_assert_eq!(differing(&said, &by_engine(&view)), Vec::<String>::new());
        }
    }
}

// --- Scripts ----------------------------------------------------------------------------------------

/// The name that a part has now: its own, or the other one that it may have.
fn now_called(is_there: impl Fn(&str) -> bool, name: &str) -> (String, String) {
    let other = format!("{name}.x");
    if is_there(name) { (name.to_owned(), other) } else { (other, name.to_owned()) }
}

/// The parts of a state in which it may differ after a step that changes the schema.
fn parts_of_schema(step: [u8; 5], before: &Published) -> Causes {
    let parts: &[Cause] = match step[0] % 18 {
        _ if before.book().is_empty() => &[Cause::FirstLoad],
        0 | 1 => &[Cause::Schema, Cause::Data, Cause::Structure, Cause::Definition],
        9 => &[Cause::Schema, Cause::Data, Cause::Structure],
        14 | 15 => &[Cause::Schema, Cause::Usage],
        // What it adds has no value yet.
        17 => &[Cause::Moment, Cause::Records],
        _ => &[Cause::Schema],
    };
    parts.iter().copied().collect()
}

/// One step that changes the schema, with whatever goes with it; many cannot be granted.
fn schema_step(
    engine: &Engine,
    [what, who, which, value, more]: [u8; 5],
    number: usize,
) -> Result<u64, EngineError> {
    let state = engine.published();
    let schema = state.schema().clone();
    let whole = state.view(&Scope::all()).unwrap();
    let ids: Vec<AccountId> = whole.accounts().accounts().map(|account| account.id()).collect();
    let account = ids.get(usize::from(who) % ids.len().max(1)).cloned().unwrap_or_else(|| id("nobody"));
    let extra = format!("extra{}", which % 3);
    let change = SchemaChange::new();
    let with = |change: SchemaChange| Update::new().schema(change);
    let update = match what % 18 {
        0 | 1 => {
            let set = ids.iter().enumerate().filter(|(place, _)| place % 3 == usize::from(more) % 3);
            let set = set.fold(Change::new(), |change, (place, id)| change.set(id, &extra, place as i64));
            let update = with(change.attribute(int(&extra))).change(set);
            match more % 4 {
                0 => update.define(attribute("of_extra", &format!("{extra} * 2"))),
                1 => {
                    update.define(RollUp::new("all_extra", Operator::Sum((*extra).into()))).once("only once")
                }
                2 => update.define(segment("has_extra", &format!("has({extra})"))),
                _ => update,
            }
        }
        2 | 3 => {
            let kinds = [
                AttributeType::Text,
                AttributeType::Decimal { scale: 1 },
                AttributeType::Double,
                AttributeType::Int,
                AttributeType::Band(EnumValues::new(["0", "1", "2"])),
                AttributeType::Date,
            ];
            let kind = kinds[usize::from(value) % kinds.len()].clone();
            with(change.attribute(Attribute::new(&extra, kind)))
        }
        4 => {
            let gone = with(change.remove(SchemaPart::attribute(&extra)));
            let reads = ["of_extra", "all_extra", "has_extra"]
                .into_iter()
                .filter_map(|name| state.catalog().order().find(|id| *id.name == *name).cloned());
            if more % 2 == 0 { reads.fold(gone, Update::remove) } else { gone }
        }
        5 => with(change.rename(SchemaPart::attribute(&extra), &format!("extra{}", value % 3))),
        6 | 7 => {
            let (now, other) = now_called(
                |name| schema.attribute(name).is_some(),
                ATTRIBUTES[usize::from(which) % ATTRIBUTES.len()],
            );
            with(change.rename(SchemaPart::attribute(&now), &other))
        }
        8 => {
            let (region, _) = now_called(|name| schema.attribute(name).is_some(), "region");
            let of = |value: &str| SchemaPart::value(&region, value);
            with(match more % 4 {
                0 => change.value(&region, "LATAM"),
                1 => change.replace(of("LATAM"), "EMEA"),
                2 => change.rename(of("APAC"), "Asia"),
                _ => change.rename(of("Asia"), "APAC").remove(of("LATAM")),
            })
        }
        9 => {
            let row = ChildRow::new(ChildId::new(format!("more-{number}")).unwrap(), account);
            let row = row.with("extra", i64::from(value));
            let table = ChildTable::new("more", TableKind::Custom).column(int("extra")).column(int("other"));
            let table =
                if more % 3 == 0 { table.column(Attribute::new("said", AttributeType::Text)) } else { table };
            with(change.table(table)).change(Change::new().add_child("more", row))
        }
        10 => with(match more % 4 {
            0 => change.remove(SchemaPart::table("more")),
            1 => change.remove(SchemaPart::column("more", "other")),
            2 => change.column("more", Attribute::new("extra", AttributeType::Text)),
            _ => change.rename(SchemaPart::column("more", "extra"), "extras"),
        }),
        11 => {
            let (tickets, other) = now_called(|name| schema.table(name).is_some(), "tickets");
            with(match more % 3 {
                0 => change.rename(SchemaPart::table(&tickets), &other),
                1 => change
                    .column(&tickets, int("extra"))
                    .rename(SchemaPart::column(&tickets, "hours"), "time"),
                _ => change.rename(SchemaPart::column(&tickets, "time"), "hours"),
            })
        }
        12 => with(match more % 6 {
            0 => change.account_type("Unit", Nesting::Free),
            1 => change.account_type_above("Region", Nesting::Free, "Company"),
            2 => change.rename(SchemaPart::account_type("Unit"), "Cell"),
            3 => change.replace(SchemaPart::account_type("Region"), "Group"),
            4 => change.replace(SchemaPart::account_type("Team"), "Company"),
            _ => change.account_type("Team", Nesting::Free),
        }),
        13 => with(match more % 4 {
            0 => change.product(&format!("P{}", value % 3)),
            1 => change.replace(SchemaPart::product("Support"), "P0"),
            2 => change.rename(SchemaPart::product("CRM"), "Hub"),
            _ => change.rename(SchemaPart::product("Hub"), "CRM").remove(SchemaPart::product("P1")),
        }),
        14 | 15 => {
            let login = || {
                let (now, _) =
                    now_called(|name| state.catalog().usage_schema().kind(name).is_some(), "login");
                EventKind::new(&now)
            };
            let (day, called) = (state.as_of().date(), login().name().to_owned());
            let plan = closed("plan", &["a", "b"]);
            with(match more % 6 {
                0 => change.event(EventKind::new("export").measure(int("rows"))),
                1 => change.event(login().property(plan).measure(int("minutes"))),
                2 => change.event(
                    login().measure(int("minutes")).property(Attribute::new("plan", AttributeType::Text)),
                ),
                3 => change.event(login().property(int("plan"))),
                4 => {
                    let (now, other) =
                        now_called(|name| state.catalog().usage_schema().kind(name).is_some(), "login");
                    change.rename(SchemaPart::event(&now), &other)
                }
                _ => change.remove(SchemaPart::event("export")),
            })
            .events([
                Event::on(&called, account.as_str(), day)
                    .value("plan", Value::Text("b".into()))
                    .value("minutes", 3_i64),
                Event::on("export", account.as_str(), day).value("rows", i64::from(value)),
            ])
        }
        16 => with(change.exactly(&crate::common::schema())),
        _ => {
            let both = change.attribute(int("extra0")).rename(SchemaPart::attribute("extra0"), "extra1");
            let day = state.as_of().date().plus_days(1).unwrap();
            with(both).moment(crate::common::definitions::moment(day, value))
        }
    };
    engine.apply(update).map(|applied| applied.version)
}

proptest! {
    #![proptest_config(config(64))]

    /// Of data, days, rates, definitions and the schema in any order: what a fresh engine of what there is now says, for everyone and in a
    /// scope; deltas that are the difference of two states; and a journal that leads to each of them.
    #[test]
    fn scripts_that_change_the_schema_lead_where_a_fresh_load_leads(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..24),
        steps in prop::collection::vec((any::<[u8; 5]>(), any::<bool>()), 1..10),
        packing in 0_usize..6,
        subscribed in any::<u64>(),
        visible in any::<u64>(),
        clears in any::<bool>(),
        cut in any::<prop::sample::Index>(),
        flipped in any::<prop::sample::Index>(),
    ) {
        let journal = MemoryJournal::new();
        let own = || {
            let clear = Policy::strict().with(FaultKind::InvalidValue, Remedy::Clear).unwrap();
            settings(packing).policy(if clears { clear } else { Policy::strict() })
        };
        let engine = engine_with(&seeds, own().journal(journal.clone()).remember(99));
        subscribe_some(&engine, subscribed);
        for (number, (bytes, of_schema)) in steps.iter().enumerate() {
            let before = engine.published();
            let done = if *of_schema { schema_step(&engine, *bytes, number) } else { step(&engine, *bytes, number) };
            let after = engine.published();
            if done.is_err() {
                prop_assert_eq!(before.version(), after.version());
                continue;
            }
            after.book().verify().unwrap();
            let view = after.view(&Scope::all()).unwrap();
            let now = by_engine(&view);
            let differ = differing(&now, &afresh(&view, None, (packing + 1) % 6));
            prop_assert!(differ.is_empty(), "step {number} {bytes:?}: {}", differ.join("\n"));
            let ids: BTreeSet<AccountId> = view.accounts().accounts().enumerate()
                .filter(|(place, _)| visible >> (place % 64) & 1 == 1).map(|(_, account)| account.id()).collect();
            let scope = Scope::of(after.book().accounts(ids.iter().map(AccountId::as_str)));
            let seen = after.view(&scope).unwrap();
            let differ = differing(&by_engine(&seen), &afresh(&seen, Some(&ids), packing));
            prop_assert!(differ.is_empty(), "step {number} {bytes:?} in a scope: {}", differ.join("\n"));
            let every: Vec<_> = after.catalog().order().cloned().collect();
            let old = by_engine(&before.view(&Scope::all()).unwrap());
            let report = Delta::between(&before, &after).report_of(&Scope::all(), &every).unwrap();
            prop_assert_eq!(crate::engine::reported(&report), crate::engine::expected(&old, &now, &every));
            let parts = if *of_schema { parts_of_schema(*bytes, &before) } else { parts_of(*bytes, &before) };
            for (entry, causes) in crate::engine::caused(&report) {
                prop_assert!(!causes.is_empty() && causes.union(parts) == parts, "step {number} {bytes:?}: {entry:?} by {causes:?}");
            }
        }
        let bytes = journal.bytes();
        let mut ends: Vec<(u64, usize)> = Vec::new();
        for state in engine.states() {
            let (again, restored) = Engine::restore(own(), &bytes, Some(state.version())).unwrap();
            prop_assert_eq!((restored.version, restored.damage), (state.version(), None));
            ends.push((restored.version, restored.bytes));
            let again = again.published();
            crate::engine::same_state(&again, &state);
            let views = [&again, &state].map(|state| by_engine(&state.view(&Scope::all()).unwrap()));
            prop_assert_eq!(differing(&views[0], &views[1]), Vec::<String>::new());
        }
        crate::engine::damaged_anywhere(&engine, &own, &bytes, &ends, cut, flipped)?;
    }
}

// --- Engines ----------------------------------------------------------------------------------------

/// Counts what is computed.
struct Computed(AtomicUsize);

impl Observer for Computed {
    fn progress(&self, progress: Progress) {
        self.0.fetch_max(progress.done, Ordering::Relaxed);
    }
}

#[test]
fn what_is_added_recomputes_and_compiles_nothing() {
    let engine = engine_over(&[[0, 1, 2, 3, 4], [9, 1, 2, 3, 4], [17, 1, 2, 3, 7], [0, 0, 1, 9, 2]], 3);
    subscribe_some(&engine, u64::MAX);
    let compiled = || engine.published().stats().compiled;
    let (before, was) = (engine.published(), compiled());
    let added = SchemaChange::new()
        .attribute(int("extra"))
        .table(ChildTable::new("more", TableKind::Custom).column(int("fee")));
    let computed = Computed(AtomicUsize::new(0));
    engine.apply_observed(Update::new().schema(added), &computed).unwrap();
    assert_eq!((computed.0.into_inner(), compiled()), (0, was));
    assert_eq!(engine.published().stats().kept_current, before.stats().kept_current);
    assert!(Delta::between(&before, &engine.published()).report(&Scope::all()).unwrap().is_empty());
    // Its values are computed by nobody but its readers, of whom there is one.
    let all: Vec<AccountId> =
        engine.published().view(&Scope::all()).unwrap().accounts().accounts().map(|a| a.id()).collect();
    let values = all.iter().fold(Change::new(), |change, id| change.set(id, "extra", 3_i64));
    let update = Update::from(values).define(attribute("more_extra", "extra + 1"));
    engine.apply(update.subscribe(reference(&attribute("more_extra", "extra + 1")))).unwrap();
    assert_eq!(compiled(), was + 1);
    // Readers of a table that has another column are compiled again, and say what they said.
    let wider = SchemaChange::new().column("tickets", int("extra"));
    let said = by_engine(&engine.published().view(&Scope::all()).unwrap());
    engine.apply(Update::new().schema(wider)).unwrap();
    assert!(compiled() > was + 1 && compiled() < was + 40, "{}", compiled() - was);
    let view = engine.published();
    assert_eq!(differing(&said, &by_engine(&view.view(&Scope::all()).unwrap())), Vec::<String>::new());
    // A name that a definition has is taken; one above or below it, as in a new catalog.
    for (name, fault) in [("half", "an attribute of the schema has the name"), ("family.own", "it reserves")]
    {
        let refused =
            engine.apply(Update::new().schema(SchemaChange::new().attribute(int(name)))).unwrap_err();
        assert!(refused.to_string().contains(fault), "{refused}");
        let table = SchemaChange::new().table(ChildTable::new(name, TableKind::Custom));
        let refused = engine.apply(Update::new().schema(table));
        assert_eq!(refused.is_err(), name == "half", "{refused:?}");
    }
}

#[test]
fn an_update_goes_over_to_the_schema_with_all_that_it_says_or_not_at_all() {
    let journal = MemoryJournal::new();
    let engine = Engine::new(of_seats(), as_of(), EngineSettings::new().journal(journal.clone())).unwrap();
    engine.load(&MemorySource::new().account(row("a").with("seats", 7_i64))).unwrap();
    engine.define([attribute("twice", "seats * 2"), segment("large", "twice > 10")]).unwrap();
    let state = || {
        let now = engine.published();
        (now.version(), now.book().to_snapshot(), now.catalog().to_json(), journal.bytes().len())
    };
    let before = state();
    let refused = |update: Update| engine.apply(update).unwrap_err().to_string();
    let gone = || SchemaChange::new().remove(SchemaPart::attribute("seats"));
    // Definitions first, then the accounts; and whatever else the update says.
    assert!(
        refused(Update::new().schema(gone()))
            .contains("calculated attribute `twice`: still reads what is removed: attribute `seats`")
    );
    let late = Update::from(Change::new().set(&id("nobody"), "stage", Value::Enum("Won".into())));
    let refused_late = refused(late.schema(SchemaChange::new().attribute(int("more"))));
    assert!(refused_late.contains("nobody"), "{refused_late}");
    assert!(
        refused(Update::new().schema(SchemaChange::new().attribute(int("more").required())))
            .contains("required value is missing")
    );
    assert_eq!(state(), before);
    // Who reads what goes may go with it, or read something else.
    let licences = SchemaChange::new().attribute(int("licences"));
    let update = Update::from(Change::new().set(&id("a"), "licences", 20_i64))
        .schema(licences)
        .schema(gone())
        .define(attribute("twice", "licences * 2"))
        .moment(crate::common::definitions::moment(as_of().date().plus_days(1).unwrap(), 0));
    let update = update.once("key");
    let applied = engine.apply(update.clone()).unwrap();
    assert!(!applied.schema.unwrap().in_place);
    let view = applied.delta.to().view(&Scope::all()).unwrap();
    assert_eq!(view.value("twice", view.account("a").unwrap()), Some(ExprValue::Int(40)));
    let report = applied.delta.report(&Scope::all()).unwrap();
    assert_eq!((report.derived.len(), report.segments.len(), report.accounts.values.len()), (1, 0, 1));
    // Once is once.
    let again = engine.apply(update).unwrap();
    assert!(again.repeated && again.schema.is_none());
    let other = engine.apply(Update::new().schema(gone()).once("key")).unwrap_err();
    assert!(matches!(other, EngineError::OtherContent { .. }), "{other}");
    // Of a branch, too; and a load later is one of the new schema.
    let mut branch = engine.published().branch();
    branch
        .apply(Update::new().schema(SchemaChange::new().rename(SchemaPart::attribute("licences"), "seats")))
        .unwrap();
    engine.take_over(&branch).unwrap();
    engine.load(&MemorySource::new().account(row("b").with("seats", 1_i64))).unwrap();
    let last = engine.published();
    let (restored, _) = Engine::restore(EngineSettings::new(), &journal.bytes(), None).unwrap();
    let again = restored.published();
    assert_eq!(again.book().to_snapshot(), last.book().to_snapshot());
    assert_eq!(again.catalog().to_json(), last.catalog().to_json());
    let view = again.view(&Scope::all()).unwrap();
    assert_eq!(view.value("twice", view.account("b").unwrap()), Some(ExprValue::Int(2)));
    // Of each version the schema that it had.
    for (version, attributes) in [(2, 2), (3, 2), (4, 2), (5, 2)] {
        let (then, _) = Engine::restore(EngineSettings::new(), &journal.bytes(), Some(version)).unwrap();
        let names: Vec<String> =
            then.published().schema().attributes().map(|a| a.name().to_owned()).collect();
        assert_eq!(
            (names.len(), names.contains(&"seats".to_owned())),
            (attributes, version != 3),
            "{version}"
        );
    }
}

#[test]
fn what_was_recorded_is_read_by_its_new_name_and_with_its_new_texts() {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(closed("stage", &["Open", "Lost", "Won"]));
    let journal = MemoryJournal::new();
    let engine =
        Engine::new(schema.build().unwrap(), as_of(), EngineSettings::new().journal(journal.clone()))
            .unwrap();
    let stage = |value: &str| Value::Enum(value.into());
    engine
        .load(
            &MemorySource::new()
                .accounts([row("a").with("stage", stage("Lost")), row("b").with("stage", stage("Won"))]),
        )
        .unwrap();
    let past = |days: u32| Definition::from(perennial::catalog::PastValue::new("then", "stage", days));
    let copy = attribute("copy", "stage");
    engine.define([Recorded::new("daily", ["stage", "copy"], 30).into(), copy, past(1)]).unwrap();
    let tomorrow = |days: i32| perennial::AsOf::date_utc(as_of().date().plus_days(days).unwrap());
    engine.advance(tomorrow(1)).unwrap();
    // The day that the update closes is one of the names before.
    let change = SchemaChange::new()
        .rename(SchemaPart::attribute("stage"), "phase")
        .rename(SchemaPart::value("phase", "Lost"), "Gone")
        .replace(SchemaPart::value("phase", "Won"), "Open");
    engine.apply(Update::new().schema(change).moment(tomorrow(2))).unwrap();
    let said = |engine: &Engine| {
        let state = engine.published();
        let view = state.view(&Scope::all()).unwrap();
        let then =
            |name: &str| view.value("then", view.account(name).unwrap()).map(|value| value.to_string());
        let on = |column: &str, days: i32| {
            let day = as_of().date().plus_days(days).unwrap();
            state.records().on("a", column, day).map(|value| value.unwrap().to_string())
        };
        (then("a"), then("b"), [on("stage", 0), on("phase", 0), on("phase", 1), on("copy", 1)])
    };
    let text = |text: &str| Some(text.to_owned());
    let expected = (text("Gone"), text("Open"), [None, text("Gone"), text("Gone"), text("Gone")]);
    assert_eq!(said(&engine), expected);
    let (again, _) = Engine::restore(EngineSettings::new(), &journal.bytes(), None).unwrap();
    assert_eq!(said(&again), expected);
}

/// Events of old kinds, taken over, are events of the new ones that came in as such.
#[test]
fn usage_under_other_kinds_of_event_is_what_came_in_under_them() {
    let kinds = UsageSchema::new([
        EventKind::new("login"),
        EventKind::new("export")
            .property(closed("format", &["csv", "pdf", "xml"]))
            .property(int("pages"))
            .measure(int("rows"))
            .measure(int("size")),
        EventKind::new("old"),
    ])
    .unwrap();
    let day = as_of().date();
    let schema = Schema::builder().account_type("Company", Nesting::Free).build().unwrap();
    let begin = |usage: UsageSchema| {
        let settings = EngineSettings::new().usage(Usage::new(usage, UsageSettings::new()));
        let engine = Engine::new(schema.clone(), as_of(), settings).unwrap();
        engine.load(&MemorySource::new().accounts([row("a"), row("b")])).unwrap();
        engine
    };
    let export = |account: &'static str, format: &str, pages: i64, rows: i64, ago: i32| {
        let on = Event::on("export", account, day.plus_days(-ago).unwrap());
        on.value("format", Value::Text(format.into()))
            .value("pages", pages)
            .value("rows", rows)
            .value("size", rows * 10)
    };
    let engine = begin(kinds);
    let events = [
        export("a", "csv", 1, 5, 0),
        export("a", "pdf", 1, 6, 0),
        export("a", "xml", 2, 7, 0),
        export("b", "csv", 3, 8, 40),
        Event::on("login", "a", day).user("ann"),
        Event::on("old", "a", day),
    ];
    engine.ingest(events).unwrap();
    let change = SchemaChange::new()
        .remove(SchemaPart::event("old"))
        .rename(SchemaPart::event("login"), "sign in")
        .event(
            EventKind::new("export")
                .measure(int("size"))
                .property(Attribute::new("pages", AttributeType::Text))
                .property(closed("format", &["pdf", "csv"]))
                .property(int("more"))
                .measure(int("rows")),
        )
        .event(EventKind::new("call").measure(int("minutes")).measure(int("cost")).measure(int("score")));
    engine.apply(Update::new().schema(change)).unwrap();
    let after = engine.published();
    let names: Vec<&str> = after.usage().unwrap().schema().kinds().map(EventKind::name).collect();
    assert_eq!(names, ["sign in", "export", "call"]);
    let fresh = begin(after.usage().unwrap().schema().clone());
    let export = |account: &'static str, format: Option<&str>, pages: &str, rows: i64, ago: i32| {
        let on = Event::on("export", account, day.plus_days(-ago).unwrap());
        let on = on.value("pages", Value::Text(pages.into())).value("rows", rows).value("size", rows * 10);
        format.map_or(on.clone(), |format| on.value("format", Value::Text(format.into())))
    };
    let events = [
        export("a", Some("csv"), "1", 5, 0),
        export("a", Some("pdf"), "1", 6, 0),
        export("a", None, "2", 7, 0),
        export("b", Some("csv"), "3", 8, 40),
        Event::on("sign in", "a", day).user("ann"),
    ];
    fresh.ingest(events).unwrap();
    let read = [
        attribute("sums", "events(\"export\").sum(e, e.rows) * 1000 + events(\"export\").sum(e, e.size)"),
        attribute("csv", "events(\"export\").where(e, e.format == \"csv\" && e.pages == \"1\").count()"),
        attribute("no_format", "events(\"export\").where(e, !has(e.format)).count()"),
        attribute("any", "events(\"any\").count()"),
        attribute("people", "events(\"sign in\").distinct(e, e.user)"),
    ];
    let said = |engine: &Engine| {
        engine.define(read.clone()).unwrap();
        let view = engine.published().view(&Scope::all()).unwrap();
        let of = |name: &str| {
            view.account(name).map(|a| read.iter().map(|r| view.value(r.name(), a)).collect::<Vec<_>>())
        };
        (of("a"), of("b"))
    };
    assert_eq!(said(&engine), said(&fresh));
    // What comes in now is counted with what was there.
    let more = [export("a", Some("csv"), "1", 5, 0)];
    engine.ingest(more.clone()).unwrap();
    fresh.ingest(more).unwrap();
    assert_eq!(said(&engine), said(&fresh));
    assert_eq!(engine.published().usage().unwrap().buckets(), fresh.published().usage().unwrap().buckets());
    // An engine that had no kinds gets some.
    let none = Engine::new(schema.clone(), as_of(), EngineSettings::new()).unwrap();
    assert!(matches!(none.ingest([Event::on("login", "a", day)]).unwrap_err(), EngineError::NoUsage));
    none.apply(
        Update::new()
            .schema(SchemaChange::new().event(EventKind::new("login")))
            .events([Event::on("login", "a", day)]),
    )
    .unwrap();
    assert_eq!(none.published().usage().unwrap().buckets(), 1);
}

/// Whoever sees a part of the book sees that part of what is different, under another schema as well.
#[test]
fn a_delta_over_a_change_of_the_schema_pairs_attributes_and_shows_no_one_else() {
    let engine = Engine::new(of_seats(), as_of(), EngineSettings::new()).unwrap();
    engine
        .load(&MemorySource::new().accounts([row("a").with("seats", 7_i64), row("b").with("seats", 8_i64)]))
        .unwrap();
    let before = engine.published();
    let change = SchemaChange::new()
        .rename(SchemaPart::attribute("seats"), "places")
        .attribute(Attribute::new("seats", AttributeType::Text))
        .remove(SchemaPart::attribute("stage"));
    let values = Change::new().set(&id("a"), "places", 9_i64).set(&id("b"), "seats", "many").set(
        &id("a"),
        "seats",
        "few",
    );
    engine.apply(Update::from(values).schema(change)).unwrap();
    let delta = Delta::between(&before, &engine.published());
    let told = |scope: &Scope| {
        let report = delta.report(scope).unwrap();
        assert!(report.accounts.added.is_empty() && report.accounts.removed.is_empty());
        reported_values(&report)
    };
    let change = |account: &str, name: &str, from: Option<Value>, to: Value| {
        ((id(account), None, Arc::from(name)), from, Some(to))
    };
    let of_a = vec![
        change("a", "places", Some(Value::Int(7)), Value::Int(9)),
        change("a", "seats", None, Value::text("few")),
    ];
    let all: Vec<_> = of_a.iter().cloned().chain([change("b", "seats", None, Value::text("many"))]).collect();
    assert_eq!(told(&Scope::all()), all);
    assert_eq!(told(&Scope::of(before.book().accounts(["a"]))), of_a);
    // The other way round, an attribute is told by the name that it has in the state after.
    let back = Delta::between(&engine.published(), &before).report(&Scope::all()).unwrap();
    assert_eq!(
        reported_values(&back),
        [((id("a"), None, Arc::from("seats")), Some(Value::Int(9)), Some(Value::Int(7)))]
    );
}

// --- What was found ---------------------------------------------------------------------------------

/// A declaration that is told again is the one that it was: its values are renamed ever after, also where a journal is read again, and where a
/// book came from elsewhere.
#[test]
fn values_are_renamed_after_any_declaration_of_the_same_schema() {
    let journal = MemoryJournal::new();
    let settings = || EngineSettings::new().journal(journal.clone());
    let engine = Engine::new(of_seats(), as_of(), settings()).unwrap();
    let rows = || MemorySource::new().account(row("a").with("stage", Value::Enum("Lost".into())));
    engine.load(&rows()).unwrap();
    engine.define([segment("lost", "stage == \"Lost\"")]).unwrap();
    engine.apply(Update::new().schema(SchemaChange::new().exactly(&of_seats()))).unwrap();
    let again = closed("stage", &["Open", "Won", "Lost"]);
    engine.apply(Update::new().schema(SchemaChange::new().attribute(again).attribute(int("extra")))).unwrap();
    let rename = |from: &str, to: &str| {
        Update::new().schema(SchemaChange::new().rename(SchemaPart::value("stage", from), to))
    };
    engine.apply(rename("Lost", "Gone")).unwrap();
    let schema = (**engine.published().schema()).clone();
    let of_another = Schema::from_json(&schema.to_json()).unwrap();
    let source = MemorySource::new().account(row("a").with("stage", Value::Enum("Gone".into())));
    engine.replace(Book::load(of_another, &source, &Policy::strict()).unwrap().0).unwrap();
    let sets = SchemaChange::new().exactly(&schema);
    engine.apply(Update::new().schema(sets)).unwrap();
    engine.apply(rename("Gone", "Lost again")).unwrap();
    let is_lost = |engine: &Engine| {
        let view = engine.published().view(&Scope::all()).unwrap();
        view.is_member("lost", view.account("a").unwrap())
    };
    assert!(is_lost(&engine));
    let (again, restored) = Engine::restore(EngineSettings::new(), &journal.bytes(), None).unwrap();
    assert_eq!((restored.version, restored.damage), (engine.published().version(), None));
    assert!(is_lost(&again));
    assert_eq!(again.published().catalog().to_json(), engine.published().catalog().to_json());
}

/// What is held for a value, a name or a parent that is not kept stays held, whatever the schema becomes.
#[test]
fn what_is_not_known_of_a_row_does_not_become_missing() {
    let mut policy = Policy::strict();
    for fault in [
        FaultKind::InvalidValue,
        FaultKind::InvalidId,
        FaultKind::MissingParent,
        FaultKind::UnknownType,
        FaultKind::UnknownProduct,
        FaultKind::ChildOfUnknownAccount,
    ] {
        policy = policy.with(fault, Remedy::Quarantine).unwrap();
    }
    let deals = ChildTable::new("deals", TableKind::Custom)
        .column(int("fee"))
        .column(Attribute::new("currency", AttributeType::Text))
        .column(Attribute::new("amount", AttributeType::MixedMoney { currency_column: "currency".into() }));
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .account_type("Team", Nesting::Free)
        .product("CRM")
        .attribute(int("seats"))
        .attribute(closed("stage", &["Open", "Won", "Lost"]))
        .table(deals)
        .build()
        .unwrap();
    let deal = |name: &str| ChildRow::new(ChildId::new(name).unwrap(), id("a"));
    let source = MemorySource::new()
        .account(row("a"))
        .account(row("no_number").with("seats", "many").with("stage", Value::Enum("Lost".into())))
        .account(AccountRow::new(id("odd_type"), "Firm"))
        .account(AccountRow::new(id("a_team"), "Team").with("seats", "few"))
        .account(row("odd_product").product("ERP"))
        .child("deals", deal("no_fee").with("fee", "abc"))
        .child(
            "deals",
            deal("dollars")
                .with("currency", "USD")
                .with("amount", perennial::Money::from_minor(500, Currency::EUR)),
        );
    let batch = perennial::source::Batch::new(perennial::source::TableName::Accounts)
        .column("id", perennial::source::Cells::text([Some("odd_parent")]))
        .column("account_type", perennial::source::Cells::text([Some("Company")]))
        .column("parent", perennial::source::Cells::text([Some("a ")]));
    let child = perennial::source::Batch::new(perennial::source::TableName::child("deals"))
        .column("id", perennial::source::Cells::text([Some("astray"), Some("odd ")]))
        .column("account", perennial::source::Cells::text([Some("a "), Some("a")]));
    let both = With(source, vec![batch, child]);
    let (book, _) = Book::load(schema, &both, &policy).unwrap();
    let held = |book: &Book| {
        let accounts: Vec<String> = book.held_accounts().map(|held| held.row.id.to_string()).collect();
        let mut children: Vec<String> =
            book.held_children().map(|held| format!("{} {:?}", held.row.id, held.reason)).collect();
        children.sort();
        (book.len(), accounts, children)
    };
    let before = held(&book);
    assert_eq!(before.1, ["a_team", "no_number", "odd_parent", "odd_product", "odd_type"]);
    assert_eq!((before.0, before.2.len(), book.superseded().len()), (1, 3, 1));
    let changes = [
        SchemaChange::new().rename(SchemaPart::attribute("seats"), "places"),
        SchemaChange::new().rename(SchemaPart::table("deals"), "offers"),
        SchemaChange::new().attribute(Attribute::new("seats", AttributeType::Text)),
        SchemaChange::new().account_type("Firm", Nesting::Free).product("ERP").product("(not known)"),
        SchemaChange::new()
            .remove(SchemaPart::value("stage", "Lost"))
            .rename(SchemaPart::value("stage", "Won"), "Lost"),
        SchemaChange::new().remove(SchemaPart::account_type("Team")).account_type("Team", Nesting::Ordered),
        SchemaChange::new().column("deals", Attribute::new("fee", AttributeType::Text)),
    ];
    for change in changes {
        let (next, report) = book.evolve(&change).unwrap();
        next.verify().unwrap();
        assert_eq!(held(&next), before, "{change:?}");
        assert_eq!(
            (
                report.released,
                report.load.faults.iter().filter(|fault| fault.kind == FaultKind::InvalidValue).count()
            ),
            (Vec::new(), 0)
        );
        // A snapshot knows the tables by their new names.
        assert_eq!(held(&Book::from_own_snapshot(&next.to_snapshot()).unwrap()), before);
    }
    let gone = book.evolve(&SchemaChange::new().remove(SchemaPart::table("deals"))).unwrap().0;
    assert_eq!((gone.superseded().len(), gone.held_children().count()), (0, 0));
    assert!(Book::from_own_snapshot(&gone.to_snapshot()).is_ok());
    // A value that is another one now was one that nobody keeps.
    let another = SchemaChange::new()
        .remove(SchemaPart::value("stage", "Lost"))
        .rename(SchemaPart::value("stage", "Won"), "Lost");
    let next = book.evolve(&another).unwrap().0;
    let of_stage = next.held_accounts().find(|held| held.row.id == id("no_number")).unwrap();
    assert_eq!((of_stage.row.value("stage"), of_stage.unfit.len()), (None, 2));
    let gone = SchemaChange::new().remove(SchemaPart::attribute("seats"));
    assert_eq!(book.evolve(&gone).unwrap().1.released, [id("a_team"), id("no_number")]);
}

/// A source, and further batches.
struct With(MemorySource, Vec<perennial::source::Batch>);

impl perennial::source::Source for With {
    fn scan(
        &self,
        request: &perennial::source::ScanRequest,
        emit: &mut perennial::source::Emit<'_>,
    ) -> Result<(), perennial::source::SourceError> {
        self.0.scan(request, emit)?;
        for batch in self.1.iter().filter(|batch| batch.table() == request.table()) {
            if emit(batch.clone()).is_break() {
                break;
            }
        }
        Ok(())
    }
}

#[test]
fn what_was_cleared_before_is_not_asked_for_anew() {
    let policy = Policy::strict().with(FaultKind::InvalidValue, Remedy::Clear).unwrap();
    let deals = ChildTable::new("deals", TableKind::Custom).column(int("fee").required());
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(int("seats").required())
        .attribute(int("other"))
        .table(deals);
    let source = MemorySource::new()
        .account(row("a").with("seats", "many").with("other", 1_i64))
        .child("deals", ChildRow::new(ChildId::new("d").unwrap(), id("a")).with("fee", "much"));
    let (book, _) = Book::load(schema.build().unwrap(), &source, &policy).unwrap();
    let (next, report) = book.evolve(&SchemaChange::new().remove(SchemaPart::attribute("other"))).unwrap();
    assert!(!report.in_place && report.load.faults.is_empty() && report.load.counts.is_empty());
    assert_eq!((next.len(), value(&next, "a", "seats")), (1, None));
    // What does not fit now is told.
    let texts = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Text).required());
    let source = MemorySource::new().account(row("a").with("seats", "many"));
    let (book, _) = Book::load(texts.build().unwrap(), &source, &policy).unwrap();
    let (next, report) = book.evolve(&SchemaChange::new().attribute(int("seats").required())).unwrap();
    assert_eq!((report.load.count(FaultKind::InvalidValue), value(&next, "a", "seats")), (1, None));
}

#[test]
fn steps_of_one_change_are_as_those_of_two() {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("stage", AttributeType::Text));
    let rows =
        ["Lost", "Open", "Other", "Closed"].map(|stage| row(&stage.to_lowercase()).with("stage", stage));
    let clear = Policy::strict().with(FaultKind::InvalidValue, Remedy::Clear).unwrap();
    let (book, _) = Book::load(schema.build().unwrap(), &MemorySource::new().accounts(rows), &clear).unwrap();
    let of = |value: &str| SchemaPart::value("stage", value);
    let declared = || SchemaChange::new().attribute(closed("stage", &["Open", "Lost", "Other"]));
    for then in [
        SchemaChange::new().rename(of("Lost"), "Closed"),
        SchemaChange::new().rename(of("Lost"), "t").rename(of("Open"), "Lost").rename(of("t"), "Open"),
        SchemaChange::new().replace(of("Other"), "Open").rename(of("Open"), "New"),
    ] {
        let one = book.evolve(&declared().and(then.clone())).unwrap().0;
        let two = book.evolve(&declared()).unwrap().0.evolve(&then).unwrap().0;
        assert_eq!(all_of(&one), all_of(&two), "{then:?}");
    }
}

#[test]
fn declarations_that_say_something_twice_are_refused_at_their_step() {
    let twice = Attribute::new("x", AttributeType::Enum(EnumValues::new(["a", "a"])));
    let change = SchemaChange::new()
        .attribute(twice.clone())
        .status([("a", StatusGroup::Free), ("a", StatusGroup::Paying), ("b", StatusGroup::Cancelled)])
        .table(ChildTable::new("t", TableKind::Custom).column(int("a")).column(int("a")))
        .event(EventKind::new("e").property(int("p")).property(int("p")))
        .column("t", twice);
    let errors = change.apply(&of_seats()).unwrap_err().to_string();
    assert_eq!(
        errors,
        "step 1: `a` is declared twice in attribute `x`\nstep 2: `a` is declared twice in attribute `status`\nstep 3: `a` is declared twice in table `t`\nstep 4: `p` is declared twice in event `e`\nstep 5: `a` is declared twice in column `x` of table `t`"
    );
    let many = (0..10_001).fold(SchemaChange::new(), |change, number| change.product(&number.to_string()));
    assert!(
        many.apply(&of_seats())
            .unwrap_err()
            .to_string()
            .contains("a change of 10001 steps; the limit is 10000")
    );
    // As a document it says what it said: an attribute of the name of a system attribute, but of another type.
    let odd = SchemaChange::new().attribute(Attribute::new("create_date", AttributeType::Text));
    let again: SchemaChange = serde_json::from_str(&serde_json::to_string(&odd).unwrap()).unwrap();
    assert_eq!(again, odd);
    assert_eq!(again.apply(&of_seats()).unwrap_err(), odd.apply(&of_seats()).unwrap_err());
}

#[test]
fn amounts_keep_their_currency() {
    let contracts = ChildTable::new("contracts", TableKind::Contracts)
        .column(closed("currency", &["EUR", "USD"]))
        .column(Attribute::new("amount", AttributeType::MixedMoney { currency_column: "currency".into() }));
    let schema = Schema::builder().account_type("Company", Nesting::Free).table(contracts).build().unwrap();
    let value = SchemaPart::column_value("contracts", "currency", "EUR");
    let refused = SchemaChange::new().rename(value.clone(), "GBP").apply(&schema).unwrap_err();
    assert!(matches!(refused.faults()[0].kind, SchemaChangeFaultKind::Currency(_)), "{refused}");
    let contract = ChildRow::new(ChildId::new("c").unwrap(), id("a"));
    let contract = contract
        .with("currency", Value::Enum("EUR".into()))
        .with("amount", perennial::Money::from_minor(500, Currency::EUR));
    let source = MemorySource::new().account(row("a")).child("contracts", contract);
    let (book, _) = Book::load(schema, &source, &Policy::strict()).unwrap();
    let refused = book.evolve(&SchemaChange::new().replace(value, "USD")).unwrap_err().to_string();
    assert!(refused.contains("amount in EUR, declared in USD"), "{refused}");
    let (next, report) = book
        .evolve(&SchemaChange::new().rename(SchemaPart::column("contracts", "currency"), "unit"))
        .unwrap();
    assert!(report.in_place);
    let view = next.view(&Scope::all(), as_of()).unwrap();
    let amount = view.account("a").unwrap().child_rows("contracts").next().unwrap().value("amount");
    assert_eq!(amount, Some(Value::Money(perennial::Money::from_minor(500, Currency::EUR))));
}

#[test]
fn an_event_that_comes_again_under_other_kinds_counts_once() {
    let day = as_of().date();
    let login = || Event::on("login", "a", day).id("e1");
    let engine = || {
        let kinds =
            UsageSchema::new([EventKind::new("old"), EventKind::new("login").measure(int("minutes"))])
                .unwrap();
        let engine = Engine::new(
            of_seats(),
            as_of(),
            EngineSettings::new().usage(Usage::new(kinds, UsageSettings::new())),
        )
        .unwrap();
        engine.ingest([login().value("minutes", 2_i64)]).unwrap();
        engine
    };
    for change in [
        SchemaChange::new().remove(SchemaPart::event("old")),
        SchemaChange::new().event(EventKind::new("login").property(int("plan")).measure(int("minutes"))),
        SchemaChange::new().event(EventKind::new("login").module("Home").measure(int("minutes"))),
        SchemaChange::new().rename(SchemaPart::event("old"), "older"),
    ] {
        let engine = engine();
        engine.apply(Update::new().schema(change.clone())).unwrap();
        let (report, _) = engine.ingest([login().value("minutes", 2_i64)]).unwrap();
        assert_eq!((report.duplicates, report.faulty), (1, 0), "{change:?}");
    }
    // Removed and declared again, it is another kind.
    let engine = engine();
    let again = EventKind::new("login").measure(int("minutes"));
    engine
        .apply(Update::new().schema(SchemaChange::new().remove(SchemaPart::event("login")).event(again)))
        .unwrap();
    assert_eq!(engine.published().usage().unwrap().buckets(), 0);
}

#[test]
fn what_was_recorded_goes_over_by_value_and_type_and_not_to_another_part() {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(int("seats"))
        .attribute(int("other"))
        .attribute(closed("stage", &["Open", "Lost", "Won"]));
    let engine = Engine::new(schema.build().unwrap(), as_of(), EngineSettings::new()).unwrap();
    let with = |name: &str, stage: &str| {
        row(name).with("seats", 7_i64).with("other", 8_i64).with("stage", Value::Enum(stage.into()))
    };
    engine.load(&MemorySource::new().accounts([with("a", "Lost"), with("b", "Won").under(id("a"))])).unwrap();
    let past = |name: &str, of: &str| Definition::from(perennial::catalog::PastValue::new(name, of, 1));
    engine
        .define([
            attribute("copy", "stage"),
            RollUp::new("counts", Operator::Distribution("stage".into())).into(),
            RollUp::new("all", Operator::Top { of: "stage".into(), k: 2 }).into(),
            Recorded::new("daily", ["seats", "other", "copy", "counts", "all"], 30).into(),
            past("copy_then", "copy"),
            past("counts_then", "counts"),
            past("all_then", "all"),
            past("seats_then", "seats"),
            attribute("lost_then", "counts_then.Lost"),
        ])
        .unwrap();
    engine.advance(perennial::AsOf::date_utc(as_of().date().plus_days(1).unwrap())).unwrap();
    let change = SchemaChange::new()
        .rename(SchemaPart::value("stage", "Lost"), "Gone for good")
        .replace(SchemaPart::value("stage", "Won"), "Open")
        .attribute(Attribute::new("seats", AttributeType::Text))
        .remove(SchemaPart::attribute("other"))
        .attribute(int("other"));
    let daily = Recorded::new("daily", ["seats", "copy", "counts", "all"], 30);
    engine.apply(Update::new().schema(change).define(daily)).unwrap();
    let state = engine.published();
    let view = state.view(&Scope::all()).unwrap();
    let of = |name: &str, account: &str| {
        view.value(name, view.account(account).unwrap()).map(|value| value.to_string())
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!([of("copy_then", "a"), of("copy_then", "b")], [text("Gone for good"), text("Open")]);
    assert_eq!([of("lost_then", "a"), of("seats_then", "a")], [text("1"), text("7")]);
    assert_eq!(of("all_then", "a"), text("Gone for good, Open"));
    // The other attribute of that name has no past.
    assert!(!state.records().columns().any(|column| column == "other"));
}

/// A book that was stored under a former schema is read with the schema that is in it, and the steps since then lead to the book of today.
#[test]
fn a_snapshot_of_a_former_schema_goes_over_by_the_steps_since() {
    let engine = Engine::new(of_seats(), as_of(), EngineSettings::new()).unwrap();
    let rows = [row("a").with("seats", 7_i64), row("b").under(id("a")).with("seats", 8_i64)];
    engine.load(&MemorySource::new().accounts(rows)).unwrap();
    let stored = engine.published().book().to_snapshot();
    let steps = [
        SchemaChange::new().rename(SchemaPart::attribute("seats"), "places"),
        SchemaChange::new()
            .attribute(Attribute::new("places", AttributeType::Text))
            .attribute(int("desks"))
            .remove(SchemaPart::attribute("stage")),
    ];
    for step in &steps {
        engine.apply(Update::new().schema(step.clone())).unwrap();
    }
    let now = engine.published();
    let former = Book::from_own_snapshot(&stored).unwrap();
    let one_by_one = steps.iter().fold(former.clone(), |book, step| book.evolve(step).unwrap().0);
    let at_once = former.evolve(&steps[0].clone().and(steps[1].clone())).unwrap().0;
    assert_eq!(one_by_one.to_snapshot(), now.book().to_snapshot());
    for book in [one_by_one, at_once] {
        book.verify().unwrap();
        assert_eq!(**book.schema(), **now.schema());
        assert_eq!(all_of(&book), all_of(now.book()));
        assert_eq!(value(&book, "b", "places"), Some(Value::text("8")));
    }
    // The schema of today does not read it.
    assert!(Book::from_snapshot(now.schema().clone(), &stored).is_err());
}
