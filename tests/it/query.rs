//! Queries for screens: every account on one page, in order, whatever happens between pages; groups add up; nothing
//! outside a scope shows.

use std::collections::BTreeMap;

use crate::common::{CHUNK_ROWS, as_of, forest, id, portfolio, view};
use perennial::expr::{Ast, Checker, ExprLimits, ExprPlan, ExprValue};
use perennial::segment::{
    AskError, CheckedQuery, Cursor, GroupBy, Histogram, MAX_PAGE, MeasureKind, Page, Query, Segment,
};
use perennial::{AccountId, AccountRow, Book, Change, Policy, Scope, View};
use proptest::prelude::*;

const KEYS: [&str; 9] =
    ["seats", "name", "arr", "region", "mood", "active", "descendants.sum(d, d.seats)", "rate", "since"];

fn checked(book: &Book, query: &Query) -> CheckedQuery {
    query.check(&Checker::new(&**book.schema())).unwrap()
}

fn is_gone(view: &View, id: &str) -> bool {
    view.account(id).unwrap().value("status") == Some(perennial::Value::Enum("gone".into()))
}

/// All pages, one after the other; `between` may change the book.
fn pages(view: &View, query: &CheckedQuery) -> Vec<Page> {
    let mut found = vec![query.run(view, None).unwrap()];
    while let Some(next) = found.last().unwrap().next.clone() {
        // As a host sends it and gets it back.
        let next: Cursor = serde_json::from_str(&serde_json::to_string(&next).unwrap()).unwrap();
        found.push(query.run(view, Some(&next)).unwrap());
        assert!(found.len() < 1_000);
    }
    found
}

/// The order that a value has among its like: missing ones last.
fn rank(value: Option<&ExprValue>, book: &Book, key: &str) -> (bool, f64, String) {
    match value {
        None => (true, 0.0, String::new()),
        Some(ExprValue::Text(text)) => {
            // Enumerations stand in their declared order.
            let attribute = book.schema().attribute(key).and_then(|at| book.schema().attribute_at(at));
            let place = attribute.and_then(|attribute| match attribute.kind() {
                perennial::AttributeType::Enum(values) | perennial::AttributeType::Band(values) => {
                    values.iter().position(|known| **known == **text)
                }
                _ => None,
            });
            match place {
                Some(place) => (false, place as f64, String::new()),
                None => (false, 0.0, text.to_string()),
            }
        }
        Some(ExprValue::Int(v)) => (false, *v as f64, String::new()),
        Some(ExprValue::Double(v)) => (false, *v, String::new()),
        Some(ExprValue::Money(v, _) | ExprValue::Decimal(v)) => (false, v.to_f64(), String::new()),
        Some(ExprValue::Bool(v)) => (false, f64::from(u8::from(*v)), String::new()),
        Some(ExprValue::Date(v)) => (false, f64::from(v.days()), String::new()),
        Some(other) => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(crate::common::config(128))]

    #[test]
    fn every_account_stands_on_one_page_in_order(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..60),
        seen in prop::collection::vec(any::<bool>(), 60),
        keys in prop::collection::vec((prop::sample::select(&KEYS[..]), any::<bool>()), 0..3),
        filter in prop::sample::select(&["true", "seats > 50", "has(region)", "level > 1"][..]),
        limit in 1_usize..9,
        packing in 0_usize..6,
    ) {
        let (book, _) = forest(&seeds).load(CHUNK_ROWS[packing], Policy::strict());
        let whole = view(&book);
        let visible = whole.accounts().zip(&seen).filter(|(_, seen)| **seen).map(|(account, _)| account.place());
        let view = book.view(&Scope::of(whole.set(visible)), as_of()).unwrap();
        let mut query = Query::new().filter(filter).unwrap().column("id", "id").unwrap().limit(limit);
        for (key, descending) in &keys {
            query = query.sort(key, *descending).unwrap().column(key, key).unwrap();
        }
        let read = Query::from_json(&query.to_json(), &ExprLimits::default()).unwrap();
        prop_assert_eq!(&read, &query);
        let query = checked(&book, &query);
        let found = pages(&view, &query);
        let rows: Vec<_> = found.iter().flat_map(|page| &page.rows).collect();

        // The oracle: all of them, sorted by all keys.
        let rule = Checker::new(&**book.schema()).check_predicate(filter).unwrap();
        let answers = ExprPlan::new([&rule]).run(&view).unwrap();
        let exprs: Vec<_> = keys.iter().map(|(key, _)| Checker::new(&**book.schema()).check(key).unwrap()).collect();
        let values = ExprPlan::new(&exprs).run(&view).unwrap();
        let mut wanted: Vec<(Vec<(bool, f64, String)>, AccountId)> = view
            .accounts()
            .filter(|account| answers.matches(0, *account))
            .map(|account| {
                let ranks = keys.iter().enumerate();
                (ranks.map(|(at, (key, _))| rank(values.value(at, account).as_ref(), &book, key)).collect(), account.id())
            })
            .collect();
        wanted.sort_by(|(a, a_id), (b, b_id)| {
            for ((a, b), (_, descending)) in a.iter().zip(b).zip(&keys) {
                let order = match (a.0, b.0) {
                    (false, false) if *descending => b.partial_cmp(a).unwrap(),
                    _ => a.partial_cmp(b).unwrap(),
                };
                if order.is_ne() {
                    return order;
                }
            }
            a_id.cmp(b_id)
        });
        let wanted: Vec<AccountId> = wanted.into_iter().map(|(_, id)| id).collect();
        let ids: Vec<AccountId> = rows.iter().map(|row| row.id.clone()).collect();
        prop_assert_eq!(&ids, &wanted);
        for page in &found {
            // Cancelled accounts match; the total leaves them out and says how many.
            let gone = wanted.iter().filter(|id| is_gone(&view, id.as_str())).count();
            prop_assert_eq!((page.total, page.cancelled), (wanted.len() - gone, gone));
            prop_assert!(page.rows.len() <= limit);
            let json = serde_json::to_string(page).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Page>(&json).unwrap(), page);
        }
        for row in rows {
            prop_assert_eq!(row.values[0].as_ref().unwrap().to_string(), row.id.to_string());
            let account = view.account(row.id.as_str()).unwrap();
            for at in 0..keys.len() {
                prop_assert_eq!(&row.values[at + 1], &values.value(at, account));
            }
        }
        prop_assert_eq!(query.accounts(&view).unwrap().len(), wanted.len());
    }

    /// A new version of the book between two pages: an account that stays where it is shows once.
    #[test]
    fn paging_survives_a_new_version(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 3..60),
        limit in 1_usize..6,
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_i64..300), 1..6),
    ) {
        let (mut book, _) = forest(&seeds).load(7, Policy::strict());
        let query = checked(&book, &Query::new().sort("seats", true).unwrap().limit(limit));
        let ids: Vec<AccountId> = view(&book).accounts().map(|account| account.id()).collect();
        let touched: Vec<AccountId> = edits.iter().map(|(at, _)| at.get(&ids).clone()).collect();
        let mut seen: Vec<AccountId> = Vec::new();
        let (mut cursor, mut left): (Option<Cursor>, _) = (None, edits.into_iter());
        loop {
            let page = query.run(&view(&book), cursor.as_ref()).unwrap();
            seen.extend(page.rows.into_iter().map(|row| row.id));
            // A cursor that does not move would never end.
            prop_assert!(seen.len() <= 3 * ids.len() + 20);
            let Some(next) = page.next else { break };
            cursor = Some(next);
            if let Some((at, seats)) = left.next() {
                // A value moves, and an account that no one asked for arrives, so that places shift.
                let new = id(&format!("new-{}", seen.len()));
                let row = AccountRow::new(new, "Group").with("seats", seats);
                let change = Change::new().set(at.get(&ids), "seats", seats).add(row);
                if let Ok((next, _)) = book.apply(&change) {
                    book = next;
                }
            }
        }
        for id in ids.iter().filter(|id| !touched.contains(id)) {
            prop_assert_eq!(seen.iter().filter(|other| *other == id).count(), 1, "{}", id);
        }
    }

    #[test]
    fn groups_and_ranges_add_up(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..60),
        by in prop::sample::select(&["region", "seats / 50", "active", "account_type", "mood", "since", "root.id"][..]),
    ) {
        let (book, _) = forest(&seeds).load(7, Policy::strict());
        let view = view(&book);
        let checker = Checker::new(&**book.schema());
        let groups = GroupBy::new(by).unwrap()
            .measure("seats", MeasureKind::Sum, "seats").unwrap()
            .measure("least", MeasureKind::Min, "seats").unwrap()
            .measure("most", MeasureKind::Max, "arr").unwrap()
            .measure("mean", MeasureKind::Avg, "seats").unwrap()
            .run(&checker, &view, &view.visible()).unwrap();
        let key = checker.check(by).unwrap();
        let keys = ExprPlan::new([&key]).run(&view).unwrap();
        let mut wanted: BTreeMap<String, (usize, Vec<i64>)> = BTreeMap::new();
        for account in view.accounts().filter(|account| !is_gone(&view, account.id_str())) {
            let group = wanted.entry(format!("{:?}", keys.value(0, account))).or_default();
            group.0 += 1;
            group.1.extend(account.value("seats").and_then(|value| match value { perennial::Value::Int(v) => Some(v), _ => None }));
        }
        prop_assert_eq!(groups.groups.len(), wanted.len());
        for group in &groups.groups {
            let (count, seats) = &wanted[&format!("{:?}", group.key)];
            prop_assert_eq!(group.accounts, *count);
            let sum = (!seats.is_empty()).then(|| ExprValue::Int(seats.iter().sum()));
            prop_assert_eq!(&group.values[0], &sum);
            prop_assert_eq!(&group.values[1], &seats.iter().min().map(|v| ExprValue::Int(*v)));
            let mean = (!seats.is_empty()).then(|| ExprValue::Double(seats.iter().sum::<i64>() as f64 / seats.len() as f64));
            prop_assert_eq!(&group.values[3], &mean);
        }
        let gone = view.accounts().filter(|account| is_gone(&view, account.id_str())).count();
        prop_assert_eq!((groups.whole.accounts, groups.cancelled), (view.len() - gone, gone));
        let json = serde_json::to_string(&groups).unwrap();
        prop_assert_eq!(&serde_json::from_str::<perennial::segment::Groups>(&json).unwrap(), &groups);

        let edges = [0.0, 10.0, 100.0, 200.0];
        let found = Histogram::of(&checker, &view, &view.visible(), &Ast::parse("seats").unwrap(), &edges).unwrap();
        let seats: Vec<Option<i64>> =
            view.accounts().filter(|account| !is_gone(&view, account.id_str()))
                .map(|account| account.value("seats").and_then(|value| match value { perennial::Value::Int(v) => Some(v), _ => None })).collect();
        let within = |low: i64, high: i64| seats.iter().flatten().filter(|v| low <= **v && **v < high).count();
        let counts: Vec<usize> = found.bins.iter().map(|bin| bin.accounts).collect();
        prop_assert_eq!(counts, vec![within(0, 10), within(10, 100), within(100, 201)]);
        prop_assert_eq!((found.below, found.above), (within(i64::MIN, 0), within(201, i64::MAX)));
        prop_assert_eq!(found.missing, seats.iter().filter(|v| v.is_none()).count());
        prop_assert_eq!(found.cancelled, gone);
    }
}

fn named() -> Book {
    let schema = perennial::Schema::builder()
        .account_type("Company", perennial::Nesting::Free)
        .system(perennial::SystemAttribute::Name)
        .build()
        .unwrap();
    let mut source = perennial::source::MemorySource::new();
    for (account, name) in
        [("a1", "The Acme Group"), ("acme", "Zebra"), ("b", "ACME Europe"), ("c", "Acme"), ("d", "Wayne")]
    {
        source = source.account(AccountRow::new(id(account), "Company").with("name", name));
    }
    Book::load(schema, &source, &Policy::strict()).unwrap().0
}

#[test]
fn a_search_finds_ids_and_names_the_best_first() {
    let book = named();
    let view = view(&book);
    let found = |query: Query| -> Vec<String> {
        let pages = pages(&view, &checked(&book, &query));
        pages.iter().flat_map(|page| &page.rows).map(|row| row.id.to_string()).collect()
    };
    assert_eq!(found(Query::new().search("acme").limit(1)), ["acme", "c", "b", "a1"]);
    assert_eq!(found(Query::new().search("acme").sort("name", false).unwrap()), ["b", "c", "a1", "acme"]);
    assert_eq!(found(Query::new().search("")), ["a1", "acme", "b", "c", "d"]);
    assert_eq!(found(Query::new().search("nobody")), Vec::<String>::new());
    assert_eq!(checked(&book, &Query::new().search("AC")).accounts(&view).unwrap().len(), 4);
}

#[test]
fn a_query_that_makes_no_sense_is_refused_in_all_its_parts() {
    let book = named();
    let query = Query::new()
        .filter("nam == \"x\"")
        .unwrap()
        .sort("lineage", false)
        .unwrap()
        .column("x", "foo")
        .unwrap();
    let errors = query.check(&Checker::new(&**book.schema())).unwrap_err();
    let at: Vec<&str> = errors.faults().iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(at, ["/filter", "/sort/0/by", "/columns/0/value"]);
    assert!(
        Query::new().limit(0).page_limit() == 1 && Query::new().limit(usize::MAX).page_limit() == MAX_PAGE
    );

    let twice =
        Query::from_json_text("{\"v\":1,\"limit\":5,\"limit\":6}", &ExprLimits::default()).unwrap_err();
    assert_eq!(twice.to_string(), "at `/limit`: duplicate field");

    let view = view(&book);
    let cursor = pages(&view, &checked(&book, &Query::new().limit(2)))[0].next.clone().unwrap();
    let other = checked(&book, &Query::new().sort("name", false).unwrap());
    assert_eq!(other.run(&view, Some(&cursor)), Err(AskError::Cursor));
    let mut json = serde_json::to_value(&cursor).unwrap();
    json["keys"] = serde_json::json!([{ "int": 3 }]);
    let cursor: Cursor = serde_json::from_value(json).unwrap();
    assert_eq!(other.run(&view, Some(&cursor)), Err(AskError::Cursor));
}

#[test]
fn queries_ask_segments() {
    let book = named();
    let view = view(&book);
    let catalog = portfolio(book.schema(), [Segment::parse("a", "name.startsWith(\"A\")").unwrap()]);
    let query = Query::new()
        .filter("inSegment(\"a\")")
        .unwrap()
        .sort("inSegment(\"a\")", true)
        .unwrap()
        .column("in", "inSegment(\"a\")")
        .unwrap();
    let query = query.check(&Checker::new(catalog.names())).unwrap();
    assert!(query.run(&view, None).is_err(), "nobody says who is in it");
    let members = catalog.run(&view, None, None);
    let page = query.run(&members, None).unwrap();
    assert_eq!(page.rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    assert!(page.rows.iter().all(|row| row.values == [Some(ExprValue::Bool(true))]));
    assert_eq!(query.select(&members, &view.visible()).unwrap().len(), 5);
}

/// A set from before the tree changed is refused, never taken for other accounts.
#[test]
fn a_stale_set_is_refused() {
    let book = named();
    let old = view(&book).visible();
    let (book, _) = book.apply(&Change::new().add(AccountRow::new(id("new"), "Company"))).unwrap();
    let view = view(&book);
    let checker = Checker::new(&**book.schema());
    let query = checked(&book, &Query::new().column("name", "name").unwrap());
    assert!(matches!(query.select(&view, &old), Err(AskError::Stale(_))));
    let groups = GroupBy::new("name").unwrap();
    assert!(groups.run(&checker, &view, &old).unwrap_err().to_string().contains("rebase"));
    assert!(Histogram::of(&checker, &view, &old, &Ast::parse("level").unwrap(), &[0.0, 1.0]).is_err());
    assert!(perennial::segment::ProfileQuery::new().all(&view, &old).is_err());
}
