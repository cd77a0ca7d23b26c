//! Nothing outside a scope shows inside it: whatever hidden accounts hold, every answer is the same, to the letter.

use crate::common::{CHUNK_ROWS, as_of, forest, portfolio};
use perennial::aggregate::{Operator, RollUp, UsageSchema};
use perennial::catalog::Catalog;
use perennial::expr::{Ast, Checker, Columns, ExplainLimits};
use perennial::segment::{
    Analysis, GroupBy, Histogram, MeasureKind, Members, ProfileQuery, Query, RowFilter, Segment,
};
use perennial::{AccountId, Book, Change, Policy, Scope, Value, View};
use proptest::prelude::*;

const QUESTIONS: [&str; 10] = [
    "seats > 100",
    "parent.seats > 50 || root.region == \"EMEA\"",
    "descendants.exists(d, d.seats > 200)",
    "ancestors.sum(a, a.seats) > 100",
    "siblings.count(s, s.active) > 1",
    "tickets.exists(t, t.open)",
    "owns(\"CRM\")",
    "lineage.exists(a, a.name.containsFold(\"a\"))",
    "level <= 2 && !under(\"nobody\")",
    "inSegment(\"s0\") || children.all(c, c.region == \"APAC\")",
];

/// Everything that a user can be shown, as text.
fn everything(view: &View) -> String {
    let schema = view.schema();
    let mut told = String::new();
    let mut say = |json: serde_json::Value| told.extend([json.to_string(), "\n".to_owned()]);
    let all = QUESTIONS.iter().enumerate().map(|(at, text)| Segment::parse(&format!("s{at}"), text).unwrap());
    let segments = portfolio(schema, all);
    let found = segments.run(view, None, None);
    say(serde_json::to_value(Analysis::of(&found)).unwrap());
    let columns = Columns::from(&found);
    let checker = Checker::new(segments.names());
    let seats = checker.check("seats").unwrap();
    for id in &columns.segments() {
        let members = Members::of(&found, id).unwrap();
        say(serde_json::json!([members.len(), members.ids()]));
        say(serde_json::json!(members.sum(&seats).unwrap().map(|sum| sum.to_string())));
        say(serde_json::json!(
            columns.question(id).unwrap().lints_in(view).iter().map(ToString::to_string).collect::<Vec<_>>()
        ));
        for account in view.accounts() {
            let why = columns.explain(id, account, &ExplainLimits::default()).unwrap().unwrap();
            say(serde_json::json!([serde_json::to_value(&why).unwrap(), why.to_string()]));
        }
    }
    for (by, descending) in [("seats", true), ("descendants.sum(d, d.seats)", false), ("parent.name", true)] {
        let query =
            Query::new().filter("inSegment(\"s0\") || true").unwrap().sort(by, descending).unwrap().limit(7);
        let query = query
            .column("above", "ancestors.count()")
            .unwrap()
            .column("below", "subtree.max(d, d.arr)")
            .unwrap();
        let query = query.check(&checker).unwrap();
        let mut page = query.run(&found, None).unwrap();
        loop {
            say(serde_json::to_value(&page).unwrap());
            let Some(next) = page.next.clone() else { break };
            page = query.run(&found, Some(&next)).unwrap();
        }
        say(serde_json::to_value(query.select(&found, &view.visible()).unwrap()).unwrap());
    }
    let search = Query::new().search("1").check(&checker).unwrap().run(view, None).unwrap();
    say(serde_json::to_value(search).unwrap());
    let groups = GroupBy::new("root.region").unwrap().measure("seats", MeasureKind::Sum, "seats").unwrap();
    // The whole book is asked; the view bounds it.
    say(serde_json::to_value(groups.run(&checker, view, &view.book().all_accounts()).unwrap()).unwrap());
    let ranges = Histogram::of(
        &checker,
        view,
        &view.book().all_accounts(),
        &Ast::parse("seats").unwrap(),
        &[0.0, 100.0, 200.0],
    );
    say(serde_json::to_value(ranges.unwrap()).unwrap());
    let rows = RowFilter::new(&**schema, "tickets", "t", "t.open || seats > 3").unwrap();
    let rows = rows.rows(view, &view.book().all_accounts()).unwrap();
    say(serde_json::json!(rows.iter().map(|row| row.id().to_string()).collect::<Vec<_>>()));
    let roll_ups =
        [RollUp::new("all", Operator::Sum("seats".into())).into(), RollUp::new("n", Operator::Count).into()];
    let catalog = Catalog::new(schema, &UsageSchema::new([]).unwrap(), roll_ups).unwrap();
    let profiles = ProfileQuery::new().column("all").column("n").role("plan");
    let profiles = profiles.all(&catalog.run(view, None, None), &view.book().all_accounts()).unwrap();
    say(serde_json::to_value(profiles).unwrap());
    told
}

fn scoped(book: &Book, hidden: &[AccountId]) -> View {
    let whole = crate::common::view(book);
    let visible =
        whole.accounts().filter(|account| !hidden.contains(&account.id())).map(|account| account.place());
    book.view(&Scope::of(whole.set(visible)), as_of()).unwrap()
}

proptest! {
    #![proptest_config(crate::common::config(48))]

    #[test]
    fn what_hidden_accounts_hold_changes_nothing(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..30),
        seen in prop::collection::vec(any::<bool>(), 30),
        values in prop::collection::vec((0_i64..300, any::<bool>()), 30),
        packing in 0_usize..6,
    ) {
        let (book, _) = forest(&seeds).load(CHUNK_ROWS[packing], Policy::strict());
        let whole = crate::common::view(&book);
        let hidden: Vec<AccountId> =
            whole.accounts().zip(&seen).filter(|(_, seen)| !**seen).map(|(account, _)| account.id()).collect();
        let before = everything(&scoped(&book, &hidden));
        let mut change = Change::new();
        for (id, (seats, active)) in hidden.iter().zip(&values) {
            change = change
                .set(id, "seats", *seats)
                .set(id, "active", *active)
                .set(id, "name", Value::text("Aaa hidden"))
                .set(id, "region", Value::text("EMEA"));
        }
        let (changed, _) = book.apply(&change).unwrap();
        let after = everything(&scoped(&changed, &hidden));
        prop_assert_eq!(&after, &before);
        for id in &hidden {
            prop_assert!(!after.contains(&format!("\"{id}\"")), "{} shows", id);
        }
    }
}
