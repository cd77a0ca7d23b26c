//! Cancelled accounts match as others do; no walk and no figure counts them, unless it says so, and all say how many.

use std::sync::Arc;

use perennial::aggregate::{
    EventKind, Metric, Metrics, Operator, Ranking, RollUp, RollUpPlan, UsageSchema, WithUsage,
};
use perennial::catalog::{CalculatedAttribute, Catalog, Definition};
use perennial::engine::{Engine, EngineSettings, Update};
use perennial::expr::{Ast, Checker, ExprLimits, ExprPlan, ExprValue, Name, Names, Of, Origin};
use perennial::segment::{
    Analysis, GroupBy, Histogram, MeasureKind, Members, Profile, ProfileQuery, Query, Segment,
};
use perennial::source::MemorySource;
use perennial::testkit::OracleExpr;
use perennial::{
    AccountRow, Attribute, AttributeType, Book, Change, ChildRow, ChildTable, Nesting, Policy, Schema, Scope,
    StatusGroup, SystemAttribute, TableKind, Value, View,
};

use crate::common::{as_of, child, id, portfolio, view};

fn schema() -> Arc<Schema> {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .system(SystemAttribute::Name)
        .status([
            ("live", StatusGroup::Paying),
            ("gone", StatusGroup::Cancelled),
            ("dead", StatusGroup::Cancelled),
        ])
        .attribute(Attribute::new("mrr", AttributeType::Int))
        .attribute(Attribute::new("region", AttributeType::Text));
    Arc::new(schema.build().unwrap())
}

/// top(1) over a(10, live), b(100, gone) and c(1000, without a status); b over d(10000, live) and e(100000, dead).
fn book() -> Book {
    let row =
        |name: &str, mrr: i64| AccountRow::new(id(name), "Company").with("mrr", mrr).with("region", "EMEA");
    let source = MemorySource::new()
        .account(row("top", 1).with("status", "live"))
        .account(row("a", 10).under(id("top")).with("status", "live"))
        .account(row("b", 100).under(id("top")).with("status", "gone"))
        .account(row("c", 1_000).under(id("top")))
        .account(row("d", 10_000).under(id("b")).with("status", "live"))
        .account(row("e", 100_000).under(id("b")).with("status", "dead"));
    Book::load(schema(), &source, &Policy::strict()).unwrap().0
}

/// The answer for an account, the same from all evaluators and the oracle.
fn asked(view: &View, text: &str, account: &str) -> String {
    let checked = Checker::new(&**view.schema()).check(text).unwrap_or_else(|errors| panic!("{errors}"));
    let account = view.account(account).unwrap();
    let value = checked.for_accounts(view).unwrap().value(account);
    let plan = ExprPlan::new([&checked]);
    assert_eq!(plan.run(view).unwrap().value(0, account), value, "{text} of all");
    assert_eq!(OracleExpr::new(&checked).value(account), value, "{text} by the oracle");
    assert_eq!(checked.explain(view, account).unwrap().value(), value.as_ref(), "{text} explained");
    value.map_or_else(|| "nothing".to_owned(), |value| value.to_string())
}

#[test]
fn one_book_has_one_figure_in_one_minute() {
    let (book, schema) = (book(), schema());
    let view = view(&book);
    let checker = Checker::new(&*schema);
    let top = view.account("top").unwrap();
    // 1 + 10 + 1000 + 10000, without b and e; it was 111111 for all but the roll-ups.
    let figure = "11011";
    assert_eq!(asked(&view, "subtree.sum(s, s.mrr)", "top"), figure);
    let sum = RollUp::new("sum", Operator::Sum("mrr".into()));
    let answers = RollUpPlan::new(&schema, &*schema, [sum]).unwrap().run(&view);
    assert_eq!(answers.value("sum", top), Some(ExprValue::Int(11_011)));

    let by = GroupBy::new("region").unwrap().measure("mrr", MeasureKind::Sum, "mrr").unwrap();
    let groups = by.run(&checker, &view, &view.visible()).unwrap();
    assert_eq!(groups.whole.values[0], Some(ExprValue::Int(11_011)));
    assert_eq!((groups.groups[0].accounts, groups.whole.accounts, groups.cancelled), (4, 4, 2));
    let with = by.with_cancelled();
    let read = GroupBy::from_json(&with.to_json(), &ExprLimits::default()).unwrap();
    assert_eq!(read, with);
    let groups = read.run(&checker, &view, &view.visible()).unwrap();
    assert_eq!(groups.whole.values[0], Some(ExprValue::Int(111_111)));
    assert_eq!((groups.whole.accounts, groups.cancelled), (6, 0));

    let (mrr, edges) = (Ast::parse("mrr").unwrap(), [0.0, 1_000.0, 1_000_000.0]);
    let found = Histogram::of(&checker, &view, &view.visible(), &mrr, &edges).unwrap();
    assert_eq!((found.bins[0].accounts, found.bins[1].accounts, found.cancelled), (2, 2, 2));
    let found = Histogram::with_cancelled(&checker, &view, &view.visible(), &mrr, &edges).unwrap();
    assert_eq!((found.bins[0].accounts, found.bins[1].accounts, found.cancelled), (3, 3, 0));

    let derived = portfolio(&schema, [Segment::parse("all", "mrr > 0").unwrap()]).run(&view, None, None);
    let members = Members::of(&derived, "all").unwrap();
    let mrr = checker.check("mrr").unwrap();
    assert_eq!((members.len(), members.cancelled()), (6, 2));
    assert_eq!(members.sum(&mrr).unwrap(), Some(ExprValue::Int(11_011)));
    assert_eq!(members.sum_with_cancelled(&mrr).unwrap(), Some(ExprValue::Int(111_111)));
}

#[test]
fn who_is_cancelled_matches_and_stands_on_pages_and_is_not_in_their_total() {
    let (book, schema) = (book(), schema());
    let view = view(&book);
    let query = Query::new().filter("mrr >= 100").unwrap().limit(1);
    let page = query.check(&Checker::new(&*schema)).unwrap().run(&view, None).unwrap();
    assert_eq!((page.total, page.cancelled, page.rows[0].id.as_str()), (2, 2, "b"));
    let query = query.with_cancelled();
    assert_eq!(Query::from_json(&query.to_json(), &ExprLimits::default()).unwrap(), query);
    let page = query.check(&Checker::new(&*schema)).unwrap().run(&view, None).unwrap();
    assert_eq!((page.total, page.cancelled), (4, 0));
    let search = Query::new().search("b").check(&Checker::new(&*schema)).unwrap().run(&view, None).unwrap();
    assert_eq!(search.rows[0].id.as_str(), "b");
    assert_eq!(asked(&view, "status == \"gone\"", "b"), "true");
    let json = serde_json::json!({ "v": 1, "with_cancelled": "yes" });
    let errors = Query::from_json(&json, &ExprLimits::default()).unwrap_err();
    assert_eq!(errors.to_string(), "at `/with_cancelled`: expected true or false, found the text `yes`");
}

#[test]
fn every_walk_downwards_or_sideways_leaves_out_who_is_cancelled() {
    let book = book();
    let view = view(&book);
    for (text, account, wanted, with) in [
        ("children@.count()", "top", "2", "3"),
        ("children@.sum(c, c.mrr)", "top", "1010", "1110"),
        ("children@.all(c, c.mrr != 100)", "top", "true", "false"),
        ("children@.exists(c, c.mrr == 100)", "top", "false", "true"),
        ("children@.exists_one(c, c.mrr >= 100)", "top", "true", "false"),
        ("descendants@.count()", "top", "3", "5"),
        ("descendants@.max(d, d.mrr)", "top", "10000", "100000"),
        ("subtree@.count()", "b", "1", "3"),
        ("subtree@.count()", "e", "0", "1"),
        ("subtree@.min(d, d.mrr)", "e", "nothing", "100000"),
        ("siblings@.count()", "a", "1", "2"),
        ("siblings@.count()", "b", "2", "2"),
        ("siblings@.count()", "d", "0", "1"),
        ("parent.children@.avg(c, c.mrr)", "a", "505", "370"),
        ("children@.filter(c, c.mrr > 10).count()", "top", "1", "2"),
        ("children@.filter(c, c.mrr > 10).sum(c, c.mrr)", "top", "1000", "1100"),
        ("children@.count(c, c.children@.count() > 0)", "top", "0", "1"),
        ("children@.sum(c, c.descendants@.count())", "top", "0", "2"),
        // What stands below a cancelled account is judged by its own status.
        ("descendants@.exists(d, d.id == \"d\")", "top", "true", "true"),
    ] {
        assert_eq!(asked(&view, &text.replace('@', ""), account), wanted, "{text} of {account}");
        let text = text.replace('@', ".withCancelled()");
        assert_eq!(asked(&view, &text, account), with, "{text} of {account}");
    }
    // It may stand behind a filter; what stands above holds everybody.
    assert_eq!(asked(&view, "children.filter(c, c.mrr > 10).withCancelled().count()", "top"), "2");
    assert_eq!(asked(&view, "ancestors.exists(a, a.status == \"gone\")", "d"), "true");
    assert_eq!(asked(&view, "lineage.count()", "e"), "3");
    assert_eq!(asked(&view, "parent.status", "d"), "gone");
}

fn refused(text: &str) -> (String, Option<String>) {
    let errors = Checker::new(&*schema()).check(text).unwrap_err();
    let error = &errors.all()[0];
    let mended = error.edit().map(|edit| {
        let mut mended = text.to_owned();
        mended.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
        mended
    });
    (format!("{} {}", error.code(), error.message()), mended)
}

#[test]
fn a_walk_that_asks_for_the_status_says_that_it_sees_everybody() {
    let message = "E115 this walk leaves out cancelled accounts, so that it never sees their status; write \
                   `.withCancelled()` behind the collection to ask them as well";
    for (text, mended) in [
        (
            "children.exists(c, c.status == \"gone\")",
            "children.withCancelled().exists(c, c.status == \"gone\")",
        ),
        (
            "children.filter(c, has(c.status)).count()",
            "children.withCancelled().filter(c, has(c.status)).count()",
        ),
        (
            "children.filter(c, c.mrr > 1).count(d, d.status in [\"gone\"])",
            "children.filter(c, c.mrr > 1).withCancelled().count(d, d.status in [\"gone\"])",
        ),
        (
            "parent.siblings.all(c, c.status != \"live\")",
            "parent.siblings.withCancelled().all(c, c.status != \"live\")",
        ),
    ] {
        assert_eq!(refused(text), (message.to_owned(), Some(mended.to_owned())), "{text}");
        assert!(Checker::new(&*schema()).check(mended).is_ok(), "{mended}");
    }
    let sound = [
        // The status of another account than those that are walked over.
        "children.exists(c, c.parent.status == \"live\")",
        "children.exists(c, c.mrr > 1) && status == \"gone\"",
        "children.exists(c, c.mrr > 1 && status == \"gone\")",
        "children.withCancelled().exists(c, c.children.exists(d, d.mrr > 1) && c.status == \"live\")",
        "children.withCancelled().withCancelled().count()",
        "ancestors.exists(a, a.status == \"gone\")",
    ];
    for text in sound {
        assert!(Checker::new(&*schema()).check(text).is_ok(), "{text}");
    }
    assert_eq!(
        refused("lineage.withCancelled().count()").0,
        "E112 what stands above holds cancelled accounts as it is; leave `withCancelled()` out"
    );
    assert_eq!(
        refused("parent.withCancelled()").0,
        "E112 `withCancelled` is asked of children, descendants, subtree or siblings: children.withCancelled()"
    );
}

#[test]
fn with_cancelled_is_written_and_read_as_text_and_json() {
    let ast = Ast::parse("children . withCancelled( ).filter(c,c.mrr>1).count()").unwrap();
    assert_eq!(ast.to_string(), "children.withCancelled().filter(c, c.mrr > 1).count()");
    assert_eq!(Ast::from_json(&ast.to_json(), &ExprLimits::default()).unwrap(), ast);
    let schema = schema();
    let offered = |text: &str| {
        let found = Checker::new(&*schema).completions(text, text.len());
        found.items.iter().any(|one| one.text.as_ref().starts_with("withCancelled"))
    };
    assert!(offered("children."));
    assert!(!offered("lineage."));
}

#[test]
fn an_explanation_says_how_many_a_walk_left_out() {
    let book = book();
    let view = view(&book);
    let explain = |text: &str| {
        let checked = Checker::new(&**view.schema()).check_predicate(text).unwrap();
        let why = checked.explain(&view, view.account("top").unwrap()).unwrap();
        let Origin::Accounts(found) = why.parts()[0].reads[0].from.clone() else { panic!("{why}") };
        (found.asked, found.cancelled, why.to_string())
    };
    let (asked, cancelled, text) = explain("descendants.exists(d, d.mrr > 5000)");
    assert_eq!((asked, cancelled), (3, 2));
    assert!(text.contains("(of 3 accounts, 2 cancelled left out: d"), "{text}");
    let (asked, cancelled, text) = explain("descendants.withCancelled().exists(d, d.mrr > 5000)");
    assert_eq!((asked, cancelled), (5, 0));
    assert!(!text.contains("left out"), "{text}");
}

#[test]
fn a_change_of_status_reaches_parents_ancestors_and_siblings() {
    let definitions = |update: Update| {
        let all = [
            ("own", "children.count()"),
            ("below", "subtree.sum(s, s.mrr)"),
            ("beside", "siblings.count()"),
            ("above", "parent.children.sum(c, c.mrr)"),
            ("gone", "descendants.withCancelled().count(d, d.status == \"gone\")"),
        ];
        all.into_iter().fold(update, |update, (name, text)| {
            let definition: Definition = CalculatedAttribute::new(name, text).into();
            let subscribed = perennial::catalog::DefinitionRef { kind: definition.kind(), name: name.into() };
            update.define(definition).subscribe(subscribed)
        })
    };
    let engine = Engine::new(schema(), as_of(), EngineSettings::new()).unwrap();
    let source = |book: &Book| {
        let view = view(book);
        let rows: Vec<AccountRow> = view
            .accounts()
            .map(|account| {
                let mut row = AccountRow::new(account.id(), "Company");
                row = account.parent().into_iter().fold(row, |row, parent| row.under(parent.id()));
                ["mrr", "status", "region"].into_iter().fold(row, |row, name| match account.value(name) {
                    Some(value) => row.with(name, value),
                    None => row,
                })
            })
            .collect();
        MemorySource::new().accounts(rows)
    };
    engine.load(&source(&book())).unwrap();
    engine.apply(definitions(Update::new())).unwrap();
    for (account, status) in [
        ("a", Some("gone")),
        ("b", Some("live")),
        ("e", Some("gone")),
        ("top", Some("dead")),
        ("a", None),
        ("d", Some("gone")),
    ] {
        let change = match status {
            Some(status) => Change::new().set(&id(account), "status", Value::Enum(status.into())),
            None => Change::new().clear(&id(account), "status"),
        };
        engine.apply(change).unwrap();
        let state = engine.published();
        let fresh = Engine::new(schema(), as_of(), EngineSettings::new()).unwrap();
        fresh.load(&source(state.book())).unwrap();
        fresh.apply(definitions(Update::new())).unwrap();
        let (live, loaded) =
            (state.view(&Scope::all()).unwrap(), fresh.published().view(&Scope::all()).unwrap());
        for name in ["own", "below", "beside", "above", "gone"] {
            for one in live.accounts().accounts() {
                let other = loaded.account(one.id_str()).unwrap();
                assert_eq!(
                    live.value(name, one),
                    loaded.value(name, other),
                    "{name} of {one:?} after {account}"
                );
            }
        }
    }
}

#[test]
fn a_cancelled_account_is_nobodys_peer() {
    let view = view(&book());
    let catalog = |ranking: Ranking| {
        let text = Catalog::document([&ranking.into()]).to_string();
        let read = Catalog::read([&*text]).unwrap();
        Catalog::new(&schema(), &UsageSchema::new([]).unwrap(), read).unwrap()
    };
    let places = |ranking: Ranking| {
        let catalog = catalog(ranking);
        let found = catalog.run(&view, None, None);
        ["top", "a", "b", "c", "d", "e"].map(|account| {
            let value = found.value("place", view.account(account).unwrap());
            value.map_or_else(|| "-".to_owned(), |value| value.to_string())
        })
    };
    let ranking = Ranking::new("place", "mrr").among("region");
    // Four peers: the two that are cancelled were among them.
    let third = (100.0_f64 / 3.0).to_string();
    let two_thirds = (200.0_f64 / 3.0).to_string();
    assert_eq!(places(ranking.clone()), ["0", &third, "-", &two_thirds, "100", "-"]);
    assert_eq!(places(ranking.clone().with_cancelled()), ["0", "20", "40", "60", "80", "100"]);
    assert_eq!(places(ranking.at_least(500.0)), ["0", "0", "-", &two_thirds, "100", "-"]);
}

/// Live places follow a status as they follow a value.
#[test]
fn a_change_of_status_moves_the_places_of_peers() {
    let engine = Engine::new(schema(), as_of(), EngineSettings::new()).unwrap();
    let row = |name: &str, mrr: i64| AccountRow::new(id(name), "Company").with("mrr", mrr);
    let source = |status: &str| {
        let accounts = [row("a", 1).with("status", "live"), row("b", 2).with("status", status), row("c", 3)];
        MemorySource::new().accounts(accounts)
    };
    engine.load(&source("live")).unwrap();
    let definitions =
        [Ranking::new("place", "mrr").into(), Ranking::new("all", "mrr").with_cancelled().into()];
    engine
        .apply(definitions.into_iter().fold(Update::new(), |update, one: Definition| update.define(one)))
        .unwrap();
    let places = |name: &str| {
        let state = engine.published();
        let view = state.view(&Scope::all()).unwrap();
        ["a", "b", "c"].map(|account| {
            let value = view.value(name, view.accounts().account(account).unwrap());
            value.map_or_else(|| "-".to_owned(), |value| value.to_string())
        })
    };
    assert_eq!(places("place"), ["0", "50", "100"]);
    for (status, wanted) in [("gone", ["0", "-", "100"]), ("live", ["0", "50", "100"])] {
        engine.apply(Change::new().set(&id("b"), "status", Value::Enum(status.into()))).unwrap();
        assert_eq!(places("place"), wanted, "{status}");
        assert_eq!(places("all"), ["0", "50", "100"], "{status}");
    }
    engine.apply(Change::new().set(&id("c"), "status", Value::Enum("dead".into()))).unwrap();
    assert_eq!(places("place"), ["0", "100", "-"]);
}

#[test]
fn an_analysis_counts_who_is_not_cancelled_and_compares_who_matches() {
    let (book, schema) = (book(), schema());
    let view = view(&book);
    let segment = |name: &str, text: &str| Segment::parse(name, text).unwrap();
    let all = [
        segment("large", "mrr >= 100"),
        segment("gone", "status in [\"gone\", \"dead\"]"),
        segment("nobody", "mrr > 1000000"),
    ];
    let derived = portfolio(&schema, all).run(&view, None, None);
    let told = Analysis::of(&derived);
    let pairs = |pairs: &[(Arc<str>, usize)]| -> Vec<(String, usize)> {
        pairs.iter().map(|(id, count)| (id.to_string(), *count)).collect()
    };
    let named = |pairs: &[(&str, usize)]| -> Vec<(String, usize)> {
        pairs.iter().map(|(id, count)| ((*id).to_owned(), *count)).collect()
    };
    assert_eq!(pairs(&told.counts), named(&[("gone", 0), ("large", 2), ("nobody", 0)]));
    assert_eq!(pairs(&told.cancelled), named(&[("gone", 2), ("large", 2)]));
    assert_eq!((told.in_none, told.in_none_cancelled), (2, 0));
    // Who matches: a segment of cancelled accounts is not empty, and is part of another.
    assert_eq!(told.empty.iter().map(|id| &**id).collect::<Vec<_>>(), ["nobody"]);
    assert_eq!(told.subsets, [(Arc::from("gone"), Arc::from("large"))]);
    let with = Analysis::with_cancelled(&derived);
    assert_eq!(pairs(&with.counts), named(&[("gone", 2), ("large", 4), ("nobody", 0)]));
    assert!(with.cancelled.is_empty());
    assert_eq!(Members::of(&derived, "gone").unwrap().len(), 2);
}

#[test]
fn a_profile_offers_nothing_to_cancelled_accounts() {
    let deals = ChildTable::new("deals", TableKind::Opportunities);
    let people = ChildTable::new("people", TableKind::Users);
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .status([("live", StatusGroup::Paying), ("gone", StatusGroup::Cancelled)])
        .table(deals)
        .table(people);
    let row = |name: &str, status: &str| AccountRow::new(id(name), "Company").with("status", status);
    let mut source = MemorySource::new()
        .account(row("top", "live"))
        .account(row("b", "gone").under(id("top")))
        .account(row("d", "live").under(id("b")));
    for (deal, of) in [("t", "top"), ("b1", "b"), ("b2", "b"), ("d", "d")] {
        source = source.child("deals", ChildRow::new(child(deal), id(of)));
    }
    let source = source.child("people", ChildRow::new(child("ann"), id("b")));
    let (book, _) = Book::load(schema.build().unwrap(), &source, &Policy::strict()).unwrap();
    let view = view(&book);
    let told = |of: &str, with: bool| {
        let account = view.account(of).unwrap();
        let profile = if with {
            ProfileQuery::new().with_cancelled().run(&view, account).unwrap()
        } else {
            ProfileQuery::new().run(&view, account).unwrap()
        };
        let json = serde_json::to_string(&profile).unwrap();
        assert_eq!(serde_json::from_str::<Profile>(&json).unwrap(), profile);
        let deals: Vec<String> = profile.opportunities.rows.iter().map(|row| row.id.to_string()).collect();
        (deals.join(" "), profile.opportunities.cancelled, profile.children.len(), profile.users.rows.len())
    };
    assert_eq!(told("top", false), ("t d".to_owned(), 2, 1, 0));
    assert_eq!(told("top", true), ("t b1 b2 d".to_owned(), 0, 1, 0));
    // A cancelled account that is asked itself: its people are its people.
    assert_eq!(told("b", false), ("d".to_owned(), 2, 1, 1));
}

#[test]
fn a_walk_that_reads_a_calculated_attribute_of_the_status_says_that_it_sees_everybody() {
    let attribute = |name: &str, text: &str| -> Definition { CalculatedAttribute::new(name, text).into() };
    let given = || {
        vec![
            attribute("is_gone", "status == \"gone\""),
            attribute("is_lost", "mrr > 5 || inSegment(\"dead\")"),
            attribute("parent_gone", "parent.status == \"gone\""),
            attribute("beside", "children.count() + descendants.withCancelled().count(d, d.is_gone)"),
            attribute("asker", "children.exists(c, c.mrr > 1 && status == \"gone\")"),
            Definition::Segment(Segment::parse("dead", "mrr > 7 && inSegment(\"over\")").unwrap()),
            Definition::Segment(Segment::parse("over", "status == \"dead\"").unwrap()),
        ]
    };
    let catalog = |text: &str| {
        let definitions = std::iter::once(attribute("asked", text)).chain(given());
        Catalog::new(&schema(), &UsageSchema::new([]).unwrap(), definitions)
    };
    for (text, name, mended) in [
        ("children.count(c, c.is_gone)", "is_gone", "children.withCancelled().count(c, c.is_gone)"),
        (
            "descendants.filter(d, d.mrr > 1).exists(d, d.is_lost)",
            "is_lost",
            "descendants.filter(d, d.mrr > 1).withCancelled().exists(d, d.is_lost)",
        ),
        ("siblings.exists(s, s.asker)", "asker", "siblings.withCancelled().exists(s, s.asker)"),
    ] {
        let errors = catalog(text).unwrap_err();
        let told = errors.to_string();
        let message = format!(
            "`{name}` is computed from the status, and this walk leaves out cancelled accounts; write \
             `.withCancelled()` behind the collection to ask them as well [insert `.withCancelled()`]"
        );
        assert!(told.starts_with("calculated attribute `asked`: E115") && told.contains(&message), "{told}");
        assert!(catalog(mended).is_ok(), "{mended}");
    }
    for text in [
        "children.count(c, c.parent_gone)",
        "children.sum(c, c.beside)",
        "children.exists(c, c.mrr > 1 && is_gone)",
    ] {
        assert!(catalog(text).is_ok(), "{text}");
    }
    // It was never yes.
    let found = catalog("children.withCancelled().count(c, c.is_gone)").unwrap();
    let view = view(&book());
    let value = found.run(&view, None, None).value("asked", view.account("top").unwrap());
    assert_eq!(value, Some(ExprValue::Int(1)));
}

/// A wrapper that says one thing only passes everything else on.
#[test]
fn names_around_others_pass_on_what_they_do_not_say() {
    struct Around<'n>(&'n dyn Names);
    impl Names for Around<'_> {
        fn beneath(&self) -> Option<&dyn Names> {
            Some(self.0)
        }
        fn name(&self, of: Of<'_>, name: &str) -> Option<Name> {
            self.0.name(of, name)
        }
        fn each(&self, of: Of<'_>, seen: &mut dyn FnMut(&str)) {
            self.0.each(of, seen);
        }
    }
    let table = ChildTable::new("deals", TableKind::Opportunities);
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .product("CRM")
        .status([("live", StatusGroup::Paying), ("gone", StatusGroup::Cancelled)])
        .attribute(Attribute::new("seats", AttributeType::Int).label("Seats"))
        .table(table)
        .build()
        .unwrap();
    let usage = UsageSchema::new([EventKind::new("login")]).unwrap();
    let metrics = Metrics::new(&usage, [Metric::new("logins", "events(\"login\").count()")]).unwrap();
    let schema = Arc::new(schema);
    let catalog = portfolio(&schema, [Segment::parse("large", "seats > 1").unwrap()]);
    let known = WithUsage::new(catalog.names(), &usage, &metrics);
    let said = |names: &dyn Names| {
        let listed = |each: &dyn Fn(&mut dyn FnMut(&str))| {
            let mut all = Vec::new();
            each(&mut |name| all.push(name.to_owned()));
            all
        };
        format!(
            "{:?}",
            (
                (names.text(Of::Account, "seats"), names.has_table("deals"), names.account_types()),
                (names.products(), names.cancelled_when(), names.segment_chain("large")),
                (names.has_event("login"), names.metric("logins"), listed(&|seen| names.each_table(seen))),
                (listed(&|seen| names.each_segment(seen)), listed(&|seen| names.each_event(seen))),
                listed(&|seen| names.each_metric(seen)),
            )
        )
    };
    let whole = said(&known);
    for part in ["Seats", "true, Some", "CRM", "gone", "Some(1)", "deals", "large", "login", "logins"] {
        assert!(whole.contains(part), "{part} in {whole}");
    }
    assert_eq!(said(&Around(&known)), whole);
    let (none, nothing) = (UsageSchema::new([]).unwrap(), Metrics::none());
    assert_eq!(said(&WithUsage::new(&Around(&known), &none, &nothing)), whole);
}

/// Names of a host that pass those of a schema on, and say nothing of who is cancelled.
#[test]
fn names_that_say_nothing_of_it_leave_nobody_out() {
    struct Silent(Arc<Schema>);
    impl Names for Silent {
        fn name(&self, of: Of<'_>, name: &str) -> Option<Name> {
            self.0.name(of, name)
        }
        fn each(&self, of: Of<'_>, seen: &mut dyn FnMut(&str)) {
            self.0.each(of, seen);
        }
        fn account_types(&self) -> Option<perennial::EnumValues> {
            Names::account_types(&*self.0)
        }
    }
    let names = Silent(schema());
    assert!(Checker::new(&names).check("children.exists(c, c.status == \"gone\")").is_ok());
}

/// A body at fault leaves nothing behind that another walk would be refused for.
#[test]
fn a_faulty_body_is_no_fault_of_another_walk() {
    let schema = schema();
    let checker = Checker::new(&*schema);
    let text = "children.withCancelled().exists(c, c.status > 5) || descendants.exists(d, d.mrr > 1)";
    let errors = checker.check(text).unwrap_err();
    let told = errors.to_string();
    assert!(told.contains("E103") && !told.contains("E115"), "{told}");
}
