//! Books that are larger than what an engine looks at one by one: where whole trees are worked out instead, and what a scope
//! shows in part is worked out in several groups, the answers are those of the catalog all the same.

use std::sync::Arc;

use perennial::aggregate::{Nulls, Operator, RollUp};
use perennial::catalog::{CalculatedAttribute, Definition, DefinitionKind};
use perennial::engine::{Engine, EngineSettings};
use perennial::segment::Segment;
use perennial::source::MemorySource;
use perennial::testkit::ReferenceBook;
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Change, Date, Decimal, Nesting, Reach, Schema,
    Scope,
};

/// More than the accounts of a group, and than the rows that are read one by one.
const TREE: usize = 80_000;
const ALL: usize = 150_000;

fn today() -> AsOf {
    AsOf::date_utc(Date::new(2026, 1, 31).unwrap())
}

fn id(text: &str) -> AccountId {
    AccountId::new(text).unwrap()
}

fn definitions() -> Vec<Definition> {
    let of = || -> Arc<str> { "m1".into() };
    let roll_up = RollUp::new;
    vec![
        roll_up("total", Operator::Sum(of())).into(),
        roll_up("most", Operator::Max(of())).into(),
        roll_up("different", Operator::Distinct(of())).into(),
        roll_up("median", Operator::Percentile { of: of(), hundredths: 5_000 }).into(),
        roll_up("third", Operator::Largest { of: of(), k: 3 }).nulls(Nulls::Skip).into(),
        roll_up("often", Operator::Mode("nps".into())).reach(Reach::Descendants).into(),
        roll_up("own_first", Operator::Distinct("region".into())).reach(Reach::PreferSelf).into(),
        CalculatedAttribute::new("of_root", "ratio(m1, root.m1)").into(),
        CalculatedAttribute::new("of_children", "children.sum(child, child.m1)").into(),
        Segment::parse("large", "total > 1000.0 && level < 4").unwrap().into(),
    ]
}

/// The engine says what the catalog says, for everyone and in a scope that hides every third account.
fn compare(engine: &Engine, what: &str) {
    let state = engine.published();
    let every_third = state.book().clone();
    let visible: Vec<AccountId> = {
        let view = every_third.view(&Scope::all(), today()).unwrap();
        let kept = view.accounts().enumerate().filter(|(number, _)| number % 3 != 1);
        kept.map(|(_, account)| account.id()).collect()
    };
    let some = Scope::of(state.book().accounts(visible.iter().map(AccountId::as_str)));
    for (scope, whose) in [(Scope::all(), "everyone"), (some, "a scope")] {
        let live = state.view(&scope).unwrap();
        let view = state.book().view(&scope, today()).unwrap();
        let derived = state.catalog().run(&view, None, None);
        for definition in state.catalog().definitions() {
            let name = definition.name();
            for account in view.accounts() {
                if definition.kind() == DefinitionKind::Segment {
                    let (is, should) = (live.is_member(name, account), derived.is_member(name, account));
                    assert_eq!(is, should, "{what}, {whose}: {name} of {}", account.id());
                    continue;
                }
                let (is, should) = (live.value(name, account), derived.value(name, account));
                assert_eq!(is, should, "{what}, {whose}: {name} of {}", account.id());
                if definition.kind() == DefinitionKind::RollUp {
                    let (is, should) = (live.counts(name, account), derived.counts(name, account));
                    assert_eq!(is, should, "{what}, {whose}: rows in {name} of {}", account.id());
                }
            }
        }
    }
}

#[test]
fn beyond_what_is_looked_at_one_by_one_the_catalog_says_the_same() {
    let book = ReferenceBook::with_first_tree(ALL, 11, TREE);
    let engine = Engine::new(book.schema(), today(), EngineSettings::new()).unwrap();
    engine.load(&book.source()).unwrap();
    engine.define(definitions()).unwrap();
    let metric = |change: Change, number: usize, value: i128| {
        change.set(&id(&book.id(number)), "m1", Decimal::new(value, 2))
    };
    engine.apply(metric(Change::new(), TREE - 1, 4_321)).unwrap();
    compare(&engine, "a leaf of the large tree");
    engine.apply(metric(Change::new(), 0, 77)).unwrap();
    compare(&engine, "its root");
    engine.apply(Change::new().move_to_root(&id(&book.id(1)))).unwrap();
    engine.apply(metric(Change::new(), TREE + 9, 5)).unwrap();
    let many = (0..3_000).fold(Change::new(), |change, number| {
        metric(change, number * 49 % ALL, i128::try_from(number * 31 % 997).unwrap())
    });
    engine.apply(many).unwrap();
    compare(&engine, "a move, a small tree and three thousand accounts");
}

/// In a chain each account has all those below it, so that what is gathered for each would be read again and again.
#[test]
fn a_chain_is_not_gathered_account_by_account() {
    let schema = Schema::builder()
        .account_type("Unit", Nesting::Free)
        .attribute(Attribute::new("m1", AttributeType::Decimal { scale: 2 }))
        .attribute(Attribute::new("nps", AttributeType::Int))
        .attribute(Attribute::new("region", AttributeType::Text))
        .build()
        .unwrap();
    let name = |number: usize| id(&format!("u{number:06}"));
    let chain = (0..20_000).fold(MemorySource::new(), |source, number| {
        let value = Decimal::new(i128::try_from(number * 7_919 % 10_007).unwrap(), 2);
        let row = AccountRow::new(name(number), "Unit").with("m1", value);
        source.account(if number == 0 { row } else { row.under(name(number - 1)) })
    });
    let engine = Engine::new(schema, today(), EngineSettings::new()).unwrap();
    engine.load(&chain).unwrap();
    engine.define(definitions()).unwrap();
    // What looks up the whole way is as long for a row as it stands down.
    let of = "level + lineage.count(above, above.m1 > 50.0)".into();
    let deep = RollUp::new("deep", Operator::Percentile { of, hundredths: 5_000 });
    let all_below = RollUp::new("below", Operator::Distinct("subtree.count()".into()));
    engine.define([deep.into(), all_below.into()]).unwrap();
    engine.apply(Change::new().set(&name(19_999), "m1", Decimal::new(123_456, 2))).unwrap();
    engine.apply(Change::new().set(&name(10_000), "m1", Decimal::new(-5, 2))).unwrap();
    compare(&engine, "a chain");
}
