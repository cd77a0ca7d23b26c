//! Segments: who is in, who came and went, what a portfolio looks like, and that nothing outside a scope shows.

use std::collections::BTreeSet;

use crate::common::{CHUNK_ROWS, as_of, forest, id, portfolio, schema, view};
use perennial::aggregate::UsageSchema;
use perennial::catalog::{Catalog, CatalogFaultKind, DefinitionFault, Derived};
use perennial::expr::{Checker, Columns, ExplainLimits, ExprLimits, ExprPlan};
use perennial::segment::{Analysis, Members, Segment, SegmentChange, SegmentFaultKind};
use perennial::{AccountId, Book, Change, Policy, Scope, View};
use proptest::prelude::*;

/// Questions that books of the common schema answer, of all sorts.
const QUESTIONS: [&str; 12] = [
    "seats > 100",
    "region == \"EMEA\"",
    "isNot(region, \"EMEA\")",
    "parent.region == \"EMEA\" || arr > 50000",
    "descendants.exists(d, d.seats > 200)",
    "tickets.count(t, t.open) > 1",
    "owns(\"CRM\")",
    "children.all(c, c.active)",
    "false",
    "level <= 2",
    "!(mood == \"good\")",
    "name.containsFold(\"a\")",
];

fn segment(id: &str, text: &str) -> Segment {
    Segment::parse(id, text).unwrap()
}

fn members(view: &View, text: &str) -> BTreeSet<AccountId> {
    let checked = Checker::new(&**view.schema()).check_predicate(text).unwrap();
    let answers = ExprPlan::new([&checked]).run(view).unwrap();
    answers.matching(0).iter().map(|place| view.id(place).unwrap()).collect()
}

proptest! {
    #![proptest_config(crate::common::config(96))]

    /// A segment that asks others is the expression with their questions in their place.
    #[test]
    fn segments_that_ask_others_are_one_expression(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..40),
        first in prop::sample::select(&QUESTIONS[..]),
        second in prop::sample::select(&QUESTIONS[..]),
        packing in 0_usize..6,
        seen in prop::collection::vec(any::<bool>(), 40),
    ) {
        let (book, _) = forest(&seeds).load(CHUNK_ROWS[packing], Policy::strict());
        let whole = view(&book);
        let visible = whole.accounts().zip(&seen).filter(|(_, seen)| **seen).map(|(account, _)| account.place());
        let view = book.view(&Scope::of(whole.set(visible)), as_of()).unwrap();
        let segments = portfolio(book.schema(), [
            segment("both", "inSegment(\"a\") && !inSegment(\"b\") || inSegment(\"c\")"),
            segment("c", "inSegment(\"b\") && seats > 5"),
            segment("a", first),
            segment("b", second),
        ]);
        let derived = segments.run(&view, None, None);
        let found = Members::of(&derived, "both").unwrap();
        let text = format!(
            "isTrue({first}) && !isTrue({second}) || isTrue(isTrue({second}) && seats > 5)"
        );
        let ids: BTreeSet<AccountId> = found.ids().into_iter().collect();
        prop_assert_eq!(&ids, &members(&view, &text));
        prop_assert_eq!(found.len(), ids.len());
        for account in view.accounts() {
            let why = Columns::from(&derived).explain("both", account, &ExplainLimits::default());
            let why = why.unwrap().unwrap();
            prop_assert_eq!(why.truth() == Some(true), ids.contains(&account.id()), "{}", why);
            prop_assert_eq!(found.contains(account), ids.contains(&account.id()));
        }
    }

    /// What a difference says, applied to the members before, gives those after; with the same layout and without.
    #[test]
    fn a_difference_leads_from_one_to_the_other(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 2..40),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_i64..300, any::<bool>()), 0..8),
        question in prop::sample::select(&QUESTIONS[..]),
        packing in 0_usize..6,
    ) {
        let (book, _) = forest(&seeds).load(CHUNK_ROWS[packing], Policy::lenient());
        let before_view = view(&book);
        let ids: Vec<AccountId> = before_view.accounts().map(|account| account.id()).collect();
        let mut changed = book.clone();
        for (at, seats, leaves) in &edits {
            let account = at.get(&ids);
            let change = if *leaves { Change::new().remove(account) } else { Change::new().set(account, "seats", *seats) };
            // An account with others below it stays, one that left cannot be changed.
            if let Ok((next, _)) = changed.apply(&change) {
                changed = next;
            }
        }
        let catalog = portfolio(book.schema(), [segment("s", question)]);
        let (before, now) = (catalog.run(&before_view, None, None), catalog.run(&view(&changed), None, None));
        let (before, now) = (Members::of(&before, "s").unwrap(), Members::of(&now, "s").unwrap());
        let difference = now.since(&before);
        let (old, new) = (before.ids(), now.ids());
        prop_assert_eq!(&difference.apply(&old).unwrap(), &new);
        prop_assert_eq!(old.len() + difference.entered.len(), new.len() + difference.left.len());
        let back = before.since(&now);
        prop_assert_eq!((&back.entered, &back.left), (&difference.left, &difference.entered));
        prop_assert_eq!(back.apply(&new).unwrap(), old);
        let json = serde_json::to_string(&difference).unwrap();
        prop_assert_eq!(serde_json::from_str::<SegmentChange>(&json).unwrap(), difference);
    }

    /// What an analysis says is what the members say.
    #[test]
    fn an_analysis_compares_the_members(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..40),
        picked in prop::collection::vec(0_usize..QUESTIONS.len(), 1..9),
    ) {
        let (book, _) = forest(&seeds).load(64, Policy::strict());
        let view = view(&book);
        let all: Vec<Segment> =
            picked.iter().enumerate().map(|(at, question)| segment(&format!("s{at}"), QUESTIONS[*question])).collect();
        let derived = portfolio(book.schema(), all).run(&view, None, None);
        let told = Analysis::of(&derived);
        let columns = Columns::from(&derived);
        let sets: Vec<BTreeSet<AccountId>> =
            columns.segments().iter().map(|id| Members::of(&derived, id).unwrap().ids().into_iter().collect()).collect();
        let union: BTreeSet<&AccountId> = sets.iter().flatten().collect();
        prop_assert_eq!(columns.in_no_segment().len(), view.len() - union.len());
        let gone = |id: &AccountId| view.account(id.as_str()).unwrap().is_cancelled();
        let left = view.accounts().filter(|account| !union.contains(&account.id()));
        let (cancelled, current): (Vec<_>, Vec<_>) = left.partition(perennial::Account::is_cancelled);
        prop_assert_eq!((told.in_none, told.in_none_cancelled), (current.len(), cancelled.len()));
        let with = Analysis::with_cancelled(&derived);
        prop_assert_eq!((with.in_none, with.in_none_cancelled), (current.len() + cancelled.len(), 0));
        prop_assert_eq!((&with.empty, &with.everybody, &with.same_members), (&told.empty, &told.everybody, &told.same_members));
        prop_assert!(with.cancelled.is_empty());
        for (a, set) in sets.iter().enumerate() {
            let name = format!("s{a}");
            let cancelled = set.iter().filter(|id| gone(id)).count();
            let listed = told.cancelled.iter().find(|(id, _)| **id == *name).map_or(0, |(_, gone)| *gone);
            prop_assert_eq!((told.counts[a].1, listed), (set.len() - cancelled, cancelled));
            prop_assert_eq!(with.counts[a].1, set.len());
            prop_assert_eq!(told.empty.iter().any(|id| **id == *name), set.is_empty());
            prop_assert_eq!(told.never.iter().any(|id| **id == *name), QUESTIONS[picked[a]] == "false");
            for (b, other) in sets.iter().enumerate().filter(|(b, _)| *b != a) {
                let other_name = format!("s{b}");
                let listed = |groups: &[Vec<std::sync::Arc<str>>]| {
                    groups.iter().any(|group| group.iter().any(|id| **id == *name) && group.iter().any(|id| **id == *other_name))
                };
                prop_assert_eq!(listed(&told.same_members), set == other && !set.is_empty());
                prop_assert_eq!(listed(&told.same_question), picked[a] == picked[b]);
                let subset = told.subsets.iter().any(|(x, y)| **x == *name && **y == *other_name);
                let wanted = !set.is_empty() && set.len() < other.len() && other.len() < view.len() && set.is_subset(other);
                prop_assert_eq!(subset, wanted);
            }
        }
        let json = serde_json::to_string(&told).unwrap();
        prop_assert_eq!(serde_json::from_str::<perennial::segment::Analysis>(&json).unwrap(), told);
    }
}

#[test]
fn a_difference_that_does_not_fit_is_refused() {
    let (book, _) = forest(&[[1, 2, 3, 4, 5], [9, 9, 9, 9, 9]]).load(64, Policy::strict());
    let catalog = portfolio(book.schema(), [segment("all", "true"), segment("none", "false")]);
    let derived = catalog.run(&view(&book), None, None);
    let all = Members::of(&derived, "all").unwrap();
    let ids = all.ids();
    let mut difference = all.since(&all);
    assert!(difference.is_empty());
    difference.entered = vec![ids[0].clone()];
    difference.left = vec![id("nobody")];
    let error = difference.apply(&ids).unwrap_err();
    assert_eq!((error.entered, error.left), (vec![ids[0].clone()], vec![id("nobody")]));
    // A document may hold its lists in any order, and says its version.
    (difference.entered, difference.left) = (Vec::new(), ids.iter().rev().cloned().collect());
    let json = serde_json::to_value(&difference).unwrap();
    assert_eq!(json["v"], 1);
    let read: SegmentChange = serde_json::from_value(json).unwrap();
    assert!(read.apply(&ids).unwrap().is_empty());
    let none = Members::of(&derived, "none").unwrap();
    assert_eq!((none.since(&all).left, none.is_empty()), (ids, true));
    assert!(Members::of(&derived, "unknown").is_none());
}

#[test]
fn every_fault_of_every_segment_is_told() {
    let long = "x".repeat(2_000);
    let segments = [
        segment("a", "seat > 1 && region == \"Mars\""),
        segment("a", "true"),
        segment("b", "inSegment(\"c\")"),
        segment("c", "inSegment(\"d\") || seats > 1"),
        segment("d", "inSegment(\"b\")"),
        segment("e", "inSegment(\"nobody\")"),
        segment("f", "seats + 1"),
        segment(" g", "true"),
        segment(&long, "true"),
        segment("self", "inSegment(\"self\")"),
    ];
    let errors = Catalog::new(&schema(), &UsageSchema::default(), segments.map(Into::into)).unwrap_err();
    let told = errors.faults().iter().map(|fault| match &fault.kind {
        CatalogFaultKind::Invalid(DefinitionFault::Expression(errors)) => {
            format!("{} {}", fault.definition.name, errors.all().len())
        }
        CatalogFaultKind::Name(_) => format!("{:.3} name", fault.definition.name),
        CatalogFaultKind::Cycle(path) => path.to_string(),
        other => format!("{} {other:?}", fault.definition.name),
    });
    let [b, c, d] = ["b -> c -> d -> b", "c -> d -> b -> c", "d -> b -> c -> d"];
    // Nothing has the name `self`: it is a word of the language.
    let wanted =
        ["a 2", "a Duplicate", b, c, d, "e 1", "f 1", " g name", "xxx name", "self Reserved", "self 1"];
    assert_eq!(told.collect::<Vec<_>>(), wanted);
}

#[test]
fn chains_of_segments_are_bounded() {
    let schema = schema();
    let mut all = vec![segment("s0", "seats > 1")];
    for number in 1..10 {
        all.push(segment(&format!("s{number}"), &format!("inSegment(\"s{}\")", number - 1)));
    }
    let usage = UsageSchema::default();
    let given = || all.iter().cloned().map(Into::into);
    let errors = Catalog::new(&schema, &usage, given()).unwrap_err();
    assert!(errors.to_string().contains("E304"), "{errors}");
    let wide = ExprLimits::default().with_segment_chain(10);
    assert!(Catalog::within(&schema, &usage, &perennial::FixedZones, &wide, given()).is_ok());
    // A hundred thousand in a row: no walk over them recurses.
    let long =
        (0..100_000).map(|number| segment(&format!("t{number}"), &format!("inSegment(\"t{}\")", number + 1)));
    let errors = Catalog::new(&schema, &usage, long.map(Into::into)).unwrap_err();
    assert!(!errors.faults().is_empty());
}

#[test]
fn other_expressions_ask_segments() {
    let (book, _) = forest(&[[1, 2, 3, 4, 5], [9, 9, 9, 9, 9], [4, 200, 1, 7, 7]]).load(64, Policy::strict());
    let catalog = portfolio(book.schema(), [segment("large", "seats > 100")]);
    let checker = Checker::new(catalog.names());
    let checked = checker.check("inSegment(\"large\") ? 1 : 0").unwrap();
    assert!(
        checker.check("inSegment(\"larg\")").unwrap_err().to_string().contains("did you mean \"large\"?")
    );
    let view = view(&book);
    let derived = catalog.run(&view, None, None);
    let found = Members::of(&derived, "large").unwrap();
    let answers = ExprPlan::new([&checked]).run(&derived).unwrap();
    for account in view.accounts() {
        let wanted = i64::from(found.contains(account));
        assert_eq!(answers.value(0, account).unwrap().to_string(), wanted.to_string());
        let of = Columns::from(&derived).segments_of(account);
        assert_eq!(of.iter().any(|id| &**id == "large"), found.contains(account));
    }
    // Of those in it, their own values, once each.
    let seats = Checker::new(&**book.schema()).check("seats").unwrap();
    let wanted: i64 = view
        .accounts()
        .filter(|account| found.contains(*account))
        .filter(|account| account.value("status") != Some(perennial::Value::Enum("gone".into())))
        .filter_map(|account| {
            account.value("seats").and_then(|value| match value {
                perennial::Value::Int(v) => Some(v),
                _ => None,
            })
        })
        .sum();
    let sum = found.sum(&seats).unwrap();
    assert_eq!(sum.map_or_else(|| "0".to_owned(), |sum| sum.to_string()), wanted.to_string());
    let text = Checker::new(&**book.schema()).check("name").unwrap();
    assert!(found.sum(&text).unwrap_err().to_string().contains("there is no sum of text"));
}

#[test]
fn a_document_is_read_as_it_was_written_or_every_fault_is_told() {
    let all = [
        segment("a", "seats > 1").named("A").described("d").owned_by("kim").at_version(7),
        segment("b", "inSegment(\"a\") && region == 'EMEA'"),
    ];
    let json = Segment::to_json(&all);
    assert_eq!(Segment::from_json(&json, &ExprLimits::default()).unwrap(), all);
    let one = serde_json::to_string(&all[0]).unwrap();
    assert_eq!(serde_json::from_str::<Segment>(&one).unwrap(), all[0]);
    let wire = serde_json::json!({ "v": 1, "segments": [{ "id": "a", "expression": all[0].expression().to_json() }] });
    assert_eq!(
        Segment::from_json(&wire, &ExprLimits::default()).unwrap()[0].expression(),
        all[0].expression()
    );

    let broken = serde_json::json!({ "v": "1", "extra": 1, "segments": [
        { "id": 1, "expression": "a >" },
        { "id": "x", "name": 3, "version": -1, "expresion": "a" },
        { "id": "y", "expression": { "v": 1, "expr": { "op": "nope" } } },
        7,
    ] });
    let errors = Segment::from_json(&broken, &ExprLimits::default()).unwrap_err();
    let told: Vec<&str> = errors.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(
        told,
        [
            "",
            "/v",
            "/segments/0/id",
            "/segments/0/expression",
            "/segments/1",
            "/segments/1/name",
            "/segments/1/version",
            "/segments/1",
            "/segments/2/expression/expr",
            "/segments/3",
        ]
    );
    assert!(matches!(&errors.faults()[3].kind, SegmentFaultKind::Expression(_)));
    // What the fields of another version mean is not known.
    let other = serde_json::json!({ "v": 2, "segments": [{}] });
    let errors = Segment::from_json(&other, &ExprLimits::default()).unwrap_err();
    assert_eq!(errors.to_string(), "at `/v`: unsupported version 2 (this release reads 1)");
    let twice = "{\"v\":1,\"segments\":[{\"id\":\"a\",\"id\":\"b\",\"expression\":\"true\"}]}";
    let errors = Segment::from_json_text(twice, &ExprLimits::default()).unwrap_err();
    assert_eq!(errors.to_string(), "at `/segments/0/id`: duplicate field");
    assert!(Segment::from_json_text("{", &ExprLimits::default()).is_err());
    assert!(
        serde_json::from_str::<Segment>("{\"v\":1,\"id\":\"a\",\"id\":\"b\",\"expression\":\"true\"}")
            .is_err()
    );
    let text = Segment::to_json(&all).to_string();
    assert_eq!(Segment::from_json_text(&text, &ExprLimits::default()).unwrap(), all);
    assert!(serde_json::from_str::<Segment>("{\"v\":3,\"id\":\"a\",\"expression\":\"true\"}").is_err());
}

#[test]
fn segments_cross_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Derived>();
    check::<Members<'static>>();
    check::<perennial::segment::CheckedQuery>();
    check::<Book>();
}

// --- Case ---------------------------------------------------------------------------------------------

/// Ruling S111.
#[test]
fn a_case_rule_is_one_of_values_and_not_of_expressions() {
    use perennial::{AccountRow, Attribute, AttributeType, CaseRule, EnumValues, Nesting, Schema};
    let tiers = AttributeType::Enum(EnumValues::new(["gold"]));
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("city", AttributeType::Text).case(CaseRule::Folded))
        .attribute(Attribute::new("tier", tiers).case(CaseRule::Folded))
        .build()
        .unwrap();
    let row =
        |text: &str, city: &str| AccountRow::new(id(text), "Company").with("city", city).with("tier", "GOLD");
    let rows = [row("a", "Oslo"), row("b", "OSLO").under(id("a")), row("c", "Bergen").under(id("a"))];
    let source = perennial::source::MemorySource::new().accounts(rows);
    let (book, _) = Book::load(schema, &source, &Policy::strict()).unwrap();
    let view = view(&book);
    let root = view.account("a").unwrap();
    // A value by itself.
    assert_eq!(root.value("tier"), Some(perennial::Value::Enum("gold".into())));
    // An expression, in a segment or anywhere.
    let names = |found: BTreeSet<AccountId>| found.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(members(&view, "city == \"OSLO\"")), ["b"]);
    assert_eq!(names(members(&view, "city in [\"OSLO\"]")), ["b"]);
    assert_eq!(names(members(&view, "city.equalsFold(\"oslo\")")), ["a", "b"]);
    assert_eq!(names(members(&view, "tier == \"gold\"")), ["a", "b", "c"]);
}
