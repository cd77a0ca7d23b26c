//! Cancelled accounts match as others do; no walk and no figure counts them, unless it says so, and all say how many.

use std::sync::Arc;

use perennial::aggregate::{Operator, RollUpDefinition, RollUpPlan};
use perennial::catalog::{CalculatedAttribute, Definition};
use perennial::engine::{Engine, EngineSettings, Update};
use perennial::expr::{Ast, Checker, ExprLimits, ExprPlan, ExprValue, Name, Names, Of, Origin};
use perennial::segment::{GroupBy, Histogram, MeasureKind, Query, Segment, Segments};
use perennial::source::MemorySource;
use perennial::testkit::OracleExpr;
use perennial::{
    AccountRow, Attribute, AttributeType, Book, Change, FoldPlan, FoldValue, Nesting, Policy, RollUp, Schema,
    Scope, StatusGroup, SystemAttribute, Value, View,
};

use crate::common::{as_of, id, view};

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
    let plan = ExprPlan::new(view.schema(), [&checked]).unwrap();
    assert_eq!(plan.run(view).value(0, account), value, "{text} of all");
    assert_eq!(OracleExpr::new(&checked).value(account), value, "{text} by the oracle");
    assert_eq!(checked.explain(account).unwrap().value(), value.as_ref(), "{text} explained");
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
    let totals = FoldPlan::new(&schema, [RollUp::sum("mrr").named("mrr")]).unwrap().all(&view);
    assert_eq!(totals.value(top, "mrr"), Some(FoldValue::Int(11_011)));
    let sum = RollUpDefinition::new("sum", Operator::Sum("mrr".into()));
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

    let segments = Segments::new(&*schema, [Segment::parse("all", "mrr > 0").unwrap()]).unwrap();
    let members = segments.plan(&schema).unwrap().run(&view);
    let mrr = checker.check("mrr").unwrap();
    assert_eq!((members.count("all"), members.cancelled("all")), (Some(6), Some(2)));
    assert_eq!(members.sum("all", &mrr).unwrap(), Some(ExprValue::Int(11_011)));
    assert_eq!(members.sum_with_cancelled("all", &mrr).unwrap(), Some(ExprValue::Int(111_111)));
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
    assert_eq!(errors.to_string(), "at `/with_cancelled`: expected true or false");
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
        let why = checked.explain(view.account("top").unwrap()).unwrap();
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
