//! Everything that can be asked is asked of everything that is known: pages, groups, histograms, rows and explanations over
//! derived columns, of a live view as of a fresh load, in any scope.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::common::definitions::definitions;
use crate::common::{CHUNK_ROWS, config};
use crate::engine::{engine_over, loaded_again, step};
use perennial::aggregate::{
    Event, EventKind, Metric, Nulls, Operator, Over, Ranking, RollUp, Usage, UsageSchema, UsageSettings,
};
use perennial::catalog::{
    CalculatedAttribute, Catalog, Definition, DefinitionKind, Derived, History, RunInputs,
};
use perennial::engine::{Engine, EngineSettings, LiveView};
use perennial::expr::{Ast, Checker, Columns, ExplainLimits, ExprPlan, ExprValue, Provenance, RollUpPart};
use perennial::hierarchy::AccountTree;
use perennial::segment::{
    Analysis, ColourBy, GroupBy, Histogram, MeasureKind, Members, ProfileQuery, Query, RowFilter, Segment,
};
use perennial::source::MemorySource;
use perennial::{
    Account, AccountId, AccountRow, AsOf, Attribute, AttributeType, Change, Date, Nesting, Policy, Rates,
    Reach, Schema, Scope,
};
use proptest::prelude::*;

/// Columns of every kind by which pages are put in order and filtered.
const COLUMNS: [&str; 11] = [
    "seats_sum",
    "half",
    "place",
    "recent",
    "score_mean",
    "latest",
    "seats_before",
    "weekly_sum",
    "steady.days",
    "points",
    "lines",
];

/// The answers of many questions, as JSON.
fn asked(checker: &Checker<'_>, columns: Columns<'_>) -> Vec<String> {
    let mut all = Vec::new();
    let view = columns.view();
    for (number, name) in COLUMNS.into_iter().enumerate() {
        let query = Query::new()
            .filter(
                ["has(name)", "inSegment(\"big\") || inSegment(\"late\")", "half > 3 || has(recent)"]
                    [number % 3],
            )
            .unwrap()
            .sort(name, number % 2 == 0)
            .unwrap()
            .sort("children.count(c, c.half > 5.0)", true)
            .unwrap()
            .column(name, name)
            .unwrap()
            .column("above", &format!("parent.{name}"))
            .unwrap()
            .column("logins", "events(\"login\").lastDays(3).count()")
            .unwrap()
            .limit(4)
            .check(checker)
            .unwrap();
        let mut page = query.run(columns, None).unwrap();
        loop {
            all.push(serde_json::to_string(&page).unwrap());
            let Some(next) = page.next.clone() else { break };
            page = query.run(columns, Some(&next)).unwrap();
        }
        all.push(serde_json::to_string(&query.select(columns, &view.visible()).unwrap()).unwrap());
        let groups = GroupBy::new(name).unwrap().measure("sum", MeasureKind::Sum, "seats_sum").unwrap();
        all.push(serde_json::to_string(&groups.run(checker, columns, &view.visible()).unwrap()).unwrap());
    }
    let bins =
        Histogram::of(checker, columns, &view.visible(), &Ast::parse("half").unwrap(), &[0.0, 20.0, 60.0]);
    all.push(serde_json::to_string(&bins.unwrap()).unwrap());
    let rows = checker.check("tickets.exists(t, t.hours > half || inSegment(\"big\"))").unwrap();
    let rows = RowFilter::of(checker, rows.ast().clone()).unwrap().rows(columns, &view.visible()).unwrap();
    all.push(rows.iter().map(|row| row.id().to_string()).collect::<Vec<_>>().join(" "));
    let profiles = COLUMNS.into_iter().fold(ProfileQuery::new().segment("big"), ProfileQuery::column);
    let profiles = profiles.all(columns, &view.visible()).unwrap();
    all.push(serde_json::to_string(&profiles).unwrap());
    let limits = perennial::hierarchy::DiagramLimits::default();
    for colour in [ColourBy::column("seats_sum"), ColourBy::segment("late")] {
        all.push(columns.diagram(view.roots(), &limits, &colour, |of| of.name()).unwrap().to_mermaid());
    }
    for told in [Analysis::of(columns), Analysis::with_cancelled(columns)] {
        all.push(serde_json::to_string(&told).unwrap());
    }
    let summed = checker.check("seats_sum").unwrap();
    for id in columns.segments() {
        let members = Members::of(columns, &id).unwrap();
        let sums = (members.sum(&summed).unwrap(), members.sum_with_cancelled(&summed).unwrap());
        all.push(format!("{id}: {:?} {} {sums:?}", members.ids(), members.cancelled()));
    }
    let of = |account| format!("{account:?}: {:?}", columns.segments_of(account));
    all.extend(view.accounts().map(of));
    all.push(format!("in none: {}", columns.in_no_segment().len()));
    let lint = checker.check_predicate("place != 3.0").unwrap();
    all.extend(lint.lints_in(columns).iter().map(ToString::to_string));
    all
}

/// A page by plain values: filtered, put in order by one column and the id.
fn plain_page(columns: Columns<'_>, by: &str, descending: bool) -> Vec<AccountId> {
    let mut all: Vec<(Option<ExprValue>, AccountId)> =
        columns.view().accounts().map(|account| (columns.value(by, account), account.id())).collect();
    all.sort_by(|(a, a_id), (b, b_id)| {
        let values = match (a, b) {
            (Some(a), Some(b)) => {
                let order = compared(a, b);
                if descending { order.reverse() } else { order }
            }
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        values.then_with(|| a_id.cmp(b_id))
    });
    all.into_iter().map(|(_, id)| id).collect()
}

fn compared(a: &ExprValue, b: &ExprValue) -> Ordering {
    match (a, b) {
        (ExprValue::Int(a), ExprValue::Int(b)) => a.cmp(b),
        (ExprValue::Double(a), ExprValue::Double(b)) => a.total_cmp(b),
        (ExprValue::Decimal(a), ExprValue::Decimal(b)) => a.cmp(b),
        (ExprValue::Text(a), ExprValue::Text(b)) => a.cmp(b),
        other => panic!("{other:?}"),
    }
}

/// Of each roll-up at each account: named accounts and the rest make the whole, and the whole is the answer.
fn parts_add_up(
    columns: Columns<'_>,
    counts: &dyn Fn(&str, Account<'_>) -> Option<(u64, u64)>,
    width: usize,
) {
    let limits = ExplainLimits::default().with_width(width);
    for definition in definitions(false).iter().filter(|of| of.kind() == DefinitionKind::RollUp) {
        let name = definition.name();
        for account in columns.view().accounts() {
            let why = columns.explain(name, account, &limits).unwrap().unwrap();
            let value = columns.value(name, account);
            assert_eq!(why.value(), value.as_ref(), "{name} of {account:?}");
            let Provenance::RollUp(parts) = &why.derived()[0].from else { panic!("{why}") };
            assert!(parts.accounts.len() <= width && (parts.more == 0 || parts.accounts.len() == width));
            let mut all = parts.rest.clone();
            for (of, part) in &parts.accounts {
                assert!(columns.view().account(of.as_str()).is_some(), "{of} is hidden");
                all.counted += part.counted;
                all.skipped += part.skipped;
                all.decisive += part.decisive;
            }
            let same = |a: &RollUpPart, b: &RollUpPart| {
                (a.counted, a.skipped, a.decisive) == (b.counted, b.skipped, b.decisive)
            };
            assert!(same(&all, &parts.whole), "{name} of {account:?}: {parts:?}");
            if let Some(counts) = counts(name, account) {
                assert_eq!(
                    (parts.whole.counted, parts.whole.skipped),
                    counts,
                    "{name} of {account:?}: {parts:?}"
                );
            }
            for sum in 0..parts.whole.sums.len() {
                let ints = |part: &RollUpPart| match &part.sums[sum] {
                    Some(ExprValue::Int(v)) => Some(*v),
                    _ => None,
                };
                if let Some(whole) = ints(&parts.whole) {
                    let named: i64 = parts.accounts.iter().filter_map(|(_, part)| ints(part)).sum();
                    assert_eq!(
                        named + ints(&parts.rest).unwrap_or(0),
                        whole,
                        "{name} of {account:?}: {parts:?}"
                    );
                }
            }
            match (name, parts.whole.sums.as_slice()) {
                ("seats_sum" | "parents" | "rate_sum" | "halves" | "ticket_hours", [sum]) => {
                    assert_eq!(sum, &value, "{parts:?}");
                }
                ("share", [Some(ExprValue::Int(one)), Some(ExprValue::Int(all))])
                    if parts.whole.skipped == 0 =>
                {
                    assert_eq!(value, Some(ExprValue::Double(*one as f64 / *all as f64)), "{parts:?}");
                }
                _ => {}
            }
            let decides = matches!(
                name,
                "since_first"
                    | "rate_most"
                    | "seats_most"
                    | "hours_least"
                    | "median"
                    | "often"
                    | "third"
                    | "earliest"
                    | "latest"
            );
            if decides && value.is_some() {
                assert!(parts.whole.decisive > 0, "{name} of {account:?}: {parts:?}");
            }
        }
    }
}

/// A fresh load of the whole book of a live view, as `derived` says it for the same accounts.
fn afresh(live: &LiveView, packing: usize) -> Derived {
    let state = live.published();
    let whole = state.view(&Scope::all()).unwrap();
    let book = loaded_again(whole.accounts(), CHUNK_ROWS[packing]);
    let links = state.book().successions().links();
    let history = links.into_iter().fold(Change::new(), |all, link| all.declare_succession(link.clone()));
    let (book, _) = book.apply(&history).unwrap();
    let ids: BTreeSet<AccountId> = live.accounts().accounts().map(|account| account.id()).collect();
    let scope = Scope::of(book.accounts(ids.iter().map(AccountId::as_str)));
    let view = book.view(&scope, live.accounts().as_of().clone()).unwrap();
    let catalog = state.catalog();
    let fresh = Catalog::new(book.schema(), catalog.usage_schema(), catalog.definitions().to_vec()).unwrap();
    let usage = state.usage().map(|usage| usage.over(&view, fresh.metrics()));
    let rates: Arc<dyn Rates> = Arc::new(state.rates().clone());
    let (records, in_scope) = (state.records(), state.records().in_scope());
    let history: &dyn History = if live.accounts().scope().is_all() { records } else { &in_scope };
    let inputs = RunInputs::new().history(history).rates(&rates);
    let inputs = usage.iter().fold(inputs, RunInputs::usage);
    fresh.run_observed(&view, inputs, &()).unwrap()
}

proptest! {
    #![proptest_config(config(12))]

    #[test]
    fn any_question_of_a_live_view_is_that_of_a_fresh_load(
        seeds in prop::collection::vec(any::<[u8; 5]>(), 1..25),
        steps in prop::collection::vec(any::<[u8; 5]>(), 0..4),
        (packing, other) in (0_usize..6, 0_usize..6),
        visible in any::<u64>(),
        width in 0_usize..5,
    ) {
        let engine = engine_over(&seeds, packing);
        engine.define(definitions(false)).unwrap();
        for (number, bytes) in steps.iter().enumerate() {
            let _refused = step(&engine, *bytes, number);
        }
        // Some steps define other things by the same names, or take definitions away.
        engine.define(definitions(false)).unwrap();
        let state = engine.published();
        let shown = state.book().view(&Scope::all(), state.as_of().clone()).unwrap();
        let ids: Vec<AccountId> = shown.accounts().enumerate()
            .filter(|(place, _)| visible >> (place % 64) & 1 == 1)
            .map(|(_, account)| account.id())
            .collect();
        let some = Scope::of(state.book().accounts(ids.iter().map(AccountId::as_str)));
        for scope in [Scope::all(), some] {
            let live = state.view(&scope).unwrap();
            let checker = Checker::new(state.catalog().names());
            let derived = afresh(&live, other);
            prop_assert_eq!(asked(&checker, (&live).into()), asked(&checker, (&derived).into()));
            for (number, by) in COLUMNS.into_iter().enumerate() {
                let query = Query::new().sort(by, number % 2 == 0).unwrap().limit(1_000).check(&checker).unwrap();
                let page = query.run(&live, None).unwrap();
                let found: Vec<AccountId> = page.rows.into_iter().map(|row| row.id).collect();
                prop_assert_eq!(found, plain_page((&live).into(), by, number % 2 == 0));
            }
            parts_add_up((&live).into(), &|name, account| live.counts(name, account), width);
            for account in live.accounts().accounts() {
                let there = derived.view().account(account.id_str()).unwrap();
                for name in ["seats_sum", "place", "recent", "big", "crowded", "weekly_sum", "seats_before", "halves"] {
                    let limits = ExplainLimits::default().with_width(width);
                    let of_live = Columns::from(&live).explain(name, account, &limits).unwrap().unwrap();
                    let of_fresh = Columns::from(&derived).explain(name, there, &limits).unwrap().unwrap();
                    prop_assert_eq!(&of_live, &of_fresh);
                    let json = serde_json::to_string(&of_live).unwrap();
                    prop_assert_eq!(&serde_json::from_str::<perennial::expr::Explanation>(&json).unwrap(), &of_live);
                }
            }
        }
    }
}

fn small() -> Engine {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int))
        .build()
        .unwrap();
    let id = |id: &str| AccountId::new(id).unwrap();
    let row = |name: &str, seats: i64| AccountRow::new(id(name), "Company").with("seats", seats);
    let source = MemorySource::new()
        .account(row("acme", 10))
        .account(row("acme-eu", 30).under(id("acme")))
        .account(row("acme-us", 20).under(id("acme")))
        .account(AccountRow::new(id("acme-jp"), "Company").under(id("acme")));
    let today = Date::new(2026, 1, 31).unwrap();
    let mut usage = Usage::new(UsageSchema::new([EventKind::new("login")]).unwrap(), UsageSettings::new());
    let on = |account: &'static str, days: i32, count| {
        Event::on("login", account, today.plus_days(-days).unwrap()).count(count)
    };
    usage
        .ingest([on("acme-eu", 0, 4), on("acme-eu", 2, 3), on("acme-us", 1, 5), on("acme-us", 40, 9)], today)
        .unwrap();
    let engine = Engine::new(schema, AsOf::date_utc(today), EngineSettings::new().usage(usage)).unwrap();
    engine.load(&source).unwrap();
    let definitions: [Definition; 6] = [
        Metric::new("logins", "events(\"login\").count()").into(),
        CalculatedAttribute::new("week", "metric(\"logins\").lastDays(7).sum()").into(),
        RollUp::new("family_week", Operator::Sum("week".into())).into(),
        RollUp::new("family_seats", Operator::Sum("seats".into())).into(),
        CalculatedAttribute::new("per_seat", "ratio(family_week, family_seats)").into(),
        Segment::parse("at_risk", "per_seat < 0.5 && has(seats)").unwrap().into(),
    ];
    engine.define(definitions).unwrap();
    engine
}

#[test]
fn why_goes_down_the_chain_to_the_days() {
    let engine = small();
    let live = engine.published().view(&Scope::all()).unwrap();
    let acme = live.account("acme").unwrap();
    let limits = ExplainLimits::default().with_width(2);
    let columns = Columns::from(&live);
    let why = columns.explain("at_risk", acme, &limits).unwrap().unwrap();
    assert_eq!(
        why.to_string(),
        "acme on 2026-01-31: yes\n\
         yes  all of\n\
         \x20 yes  per_seat < 0.5\n\
         \x20        per_seat = 0.2, computed from\n\
         \x20         0.2  ratio(family_week, family_seats)\n\
         \x20                family_week = 12, the sum of 4 rows\n\
         \x20                  acme-eu: 7 in 1 row\n\
         \x20                  acme-us: 5 in 1 row\n\
         \x20                  2 more accounts: 0 in 2 rows\n\
         \x20                family_seats = 60, the sum of 3 rows and 1 without a value\n\
         \x20                  acme-eu: 30 in 1 row\n\
         \x20                  acme-us: 20 in 1 row\n\
         \x20                  2 more accounts: 10 in 1 row and 1 without a value\n\
         \x20 yes  has(seats)\n\
         it would not be yes if:\n\
         \x20 `per_seat < 0.5` were false (it is true: per_seat is 0.2)\n"
    );
    let week = columns.explain("week", live.account("acme-eu").unwrap(), &limits).unwrap().unwrap();
    assert_eq!(
        week.to_string(),
        "acme-eu on 2026-01-31: 7\n\
         7    week\n\
         \x20      week = 7, computed from\n\
         \x20       7    metric(\"logins\").lastDays(7).sum()\n\
         \x20              metric(\"logins\").lastDays(7).sum() = 7 (from 2026-01-25 to 2026-01-31: 2026-01-31 4, 2026-01-29 3)\n"
    );
    assert!(columns.explain("nothing", acme, &limits).is_none());
}

/// What a question reads and nobody knows is an error that names it, never a missing value.
#[test]
fn what_is_not_known_is_refused() {
    let engine = small();
    let live = engine.published().view(&Scope::all()).unwrap();
    let checker = Checker::new(live.catalog().names());
    let asked = [
        checker.check("per_seat > 1.0 && inSegment(\"at_risk\")").unwrap(),
        checker.check("metric(\"logins\").sum() > 1 || events(\"login\").count() > 2").unwrap(),
    ];
    let plan = ExprPlan::new(&asked);
    assert!(plan.run(&live).is_ok());
    let errors = plan.run(live.accounts()).unwrap_err();
    assert_eq!(
        errors.faults().iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "expression 0: there is no `per_seat` here",
            "expression 0: the members of segment `at_risk` are not known here",
            "expression 1: no usage `login` is known here",
            "expression 1: no usage `logins` is known here",
        ]
    );
    assert!(asked[0].for_accounts(live.accounts()).is_err());
    assert!(asked[0].explain(live.accounts(), live.account("acme").unwrap()).is_err());
}

/// An explanation says no more than its limits allow.
#[test]
fn an_explanation_keeps_to_its_limits() {
    let engine = small();
    let live = engine.published().view(&Scope::all()).unwrap();
    let columns = Columns::from(&live);
    let acme = live.account("acme").unwrap();
    let told = |limits: ExplainLimits| columns.explain("per_seat", acme, &limits).unwrap().unwrap();
    let none = told(ExplainLimits::default().with_depth(0));
    assert!(matches!(none.derived(), [one] if one.from == Provenance::BeyondLimits));
    assert_eq!(told(ExplainLimits::default().with_values(2)).derived().len(), 2);
    let narrow = told(ExplainLimits::default().with_width(1));
    let Provenance::RollUp(parts) = &narrow.derived()[2].from else { panic!("{narrow}") };
    assert_eq!((parts.accounts.len(), parts.more, parts.rest.counted, parts.rest.skipped), (1, 3, 2, 1));
}

/// Ten thousand definitions in a row: the chain is followed as far as the limits say, without recursion.
#[test]
fn a_long_chain_is_explained_within_its_limits() {
    let engine = small();
    let mut all: Vec<Definition> = vec![CalculatedAttribute::new("c0", "seats").into()];
    all.extend(
        (1..2_000).map(|at| CalculatedAttribute::new(&format!("c{at}"), &format!("c{} + 1", at - 1)).into()),
    );
    engine.define(all).unwrap();
    let live = engine.published().view(&Scope::all()).unwrap();
    let limits = ExplainLimits::default().with_depth(usize::MAX).with_values(usize::MAX);
    let why = Columns::from(&live).explain("c1999", live.account("acme").unwrap(), &limits).unwrap().unwrap();
    assert_eq!(why.derived().len(), 2_000);
    assert!(why.to_string().lines().count() > 4_000);
}

/// Of operators without sums, the rows with the value that is given are counted: of a date, only those of that date.
#[test]
fn rows_that_decide_are_counted() {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("seats", AttributeType::Int))
        .attribute(Attribute::new("since", AttributeType::Date))
        .build()
        .unwrap();
    let day = |day| Date::new(2026, 1, day).unwrap();
    let root = AccountId::new("r").unwrap();
    let mut source = MemorySource::new().account(AccountRow::new(root.clone(), "Company"));
    // Twice 5 on the last day, once 5 before; 7 is the greatest, twice.
    for (number, (seats, since)) in
        [(5_i64, 9), (5, 9), (5, 3), (7, 3), (7, 2), (1, 1)].into_iter().enumerate()
    {
        let row = AccountRow::new(AccountId::new(format!("a{number}")).unwrap(), "Company");
        source = source.account(row.under(root.clone()).with("seats", seats).with("since", day(since)));
    }
    // A blank on the day after: passed over, or the one that decides.
    let blank = AccountRow::new(AccountId::new("a6").unwrap(), "Company");
    source = source.account(blank.under(root.clone()).with("since", day(10)));
    let engine = Engine::new(schema, AsOf::date_utc(day(31)), EngineSettings::new()).unwrap();
    engine.load(&source).unwrap();
    let of = |name: &str, operator| -> Definition { RollUp::new(name, operator).into() };
    let dated = || ("seats".into(), "since".into());
    engine
        .define([
            of("most", Operator::Max("seats".into())),
            of("second", Operator::Largest { of: "seats".into(), k: 2 }),
            of("last", Operator::Last { of: dated().0, by: dated().1 }),
            RollUp::new("given", Operator::Last { of: dated().0, by: dated().1 })
                .nulls(Nulls::Respect)
                .into(),
            of("first", Operator::First { of: dated().0, by: dated().1 }),
            of("often", Operator::Mode("seats".into())),
            of("top", Operator::Top { of: "seats".into(), k: 2 }),
            of("different", Operator::Distinct("seats".into())),
            of("mean", Operator::Average("seats".into())),
            RollUp::new("own", Operator::Max("seats".into())).reach(Reach::PreferSelf).into(),
        ])
        .unwrap();
    let live = engine.published().view(&Scope::all()).unwrap();
    let parts = |name: &str| {
        let limits = ExplainLimits::default().with_width(2);
        let why = Columns::from(&live).explain(name, live.account("r").unwrap(), &limits).unwrap().unwrap();
        match why.derived()[0].from.clone() {
            Provenance::RollUp(parts) => parts,
            other => panic!("{other:?}"),
        }
    };
    let decisive = ["most", "second", "last", "given", "first", "often", "top", "different", "own"]
        .map(|name| parts(name).whole.decisive);
    assert_eq!(decisive, [2, 2, 2, 1, 1, 3, 5, 0, 2]);
    let named: Vec<String> = parts("last").accounts.iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(named, ["a0", "a1"]);
    let given = parts("given");
    assert_eq!((given.whole.counted, given.whole.skipped, &*given.accounts[0].0.to_string()), (7, 1, "a6"));
    let mean = parts("mean");
    assert_eq!(mean.whole.sums, [Some(ExprValue::Int(30)), Some(ExprValue::Int(6))]);
    assert_eq!((mean.whole.counted, mean.whole.skipped, mean.more), (6, 2, 6));
}

/// A page over an engine: put in order by a roll-up, filtered by usage, in groups of a calculated attribute.
#[test]
fn a_screen_shows_what_an_engine_derives() {
    let engine = small();
    let live = engine.published().view(&Scope::all()).unwrap();
    let checker = Checker::new(live.catalog().names());
    let query = Query::new()
        .filter("events(\"login\").lastDays(3).count() > 0 || inSegment(\"at_risk\")")
        .unwrap()
        .sort("family_week", true)
        .unwrap()
        .column("week", "week")
        .unwrap()
        .check(&checker)
        .unwrap();
    let page = query.run(&live, None).unwrap();
    let rows: Vec<(&str, String)> =
        page.rows.iter().map(|row| (row.id.as_str(), row.values[0].as_ref().unwrap().to_string())).collect();
    assert_eq!(rows, [("acme", "0".to_owned()), ("acme-eu", "7".to_owned()), ("acme-us", "5".to_owned())]);
    let groups =
        GroupBy::new("week > 0").unwrap().measure("seats", MeasureKind::Sum, "family_seats").unwrap();
    let groups = groups.run(&checker, &live, &live.accounts().visible()).unwrap();
    let told: Vec<(String, usize, String)> = groups
        .groups
        .iter()
        .map(|group| {
            (
                group.key.as_ref().unwrap().to_string(),
                group.accounts,
                group.values[0].as_ref().unwrap().to_string(),
            )
        })
        .collect();
    assert_eq!(told, [("false".to_owned(), 2, "60".to_owned()), ("true".to_owned(), 2, "50".to_owned())]);
    // A question of a user sees no more than he does.
    let some = Scope::of(live.accounts().book().accounts(["acme", "acme-us"]));
    let seen = engine.published().view(&some).unwrap();
    let page = query.run(&seen, None).unwrap();
    assert_eq!(page.rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["acme", "acme-us"]);
    let why = Columns::from(&seen).explain(
        "family_seats",
        seen.account("acme").unwrap(),
        &ExplainLimits::default(),
    );
    assert!(!why.unwrap().unwrap().to_string().contains("acme-eu"));
}

/// A metric of another type than a question was checked with is refused: its units would be others.
#[test]
fn a_metric_of_another_type_is_refused() {
    let engine = small();
    let live = engine.published().view(&Scope::all()).unwrap();
    let checked = Checker::new(live.catalog().names()).check("metric(\"logins\").sum() > 1").unwrap();
    assert!(ExprPlan::new([&checked]).run(&live).is_ok());
    engine.define([Metric::new("logins", "ratio(1, 2)").into()]).unwrap_err();
    let mean = "events(\"login\").avg(e, double(e.count))";
    engine
        .define([Metric::new("logins", mean).into(), CalculatedAttribute::new("week", "0").into()])
        .unwrap();
    let live = engine.published().view(&Scope::all()).unwrap();
    let errors = ExprPlan::new([&checked]).run(&live).unwrap_err();
    assert_eq!(errors.to_string(), "expression 0: `logins` is double here, not whole number");
}

/// Whichever metrics usage was given with, a catalog asks its own; without usage nothing that asks it is answered.
#[test]
fn a_catalog_asks_its_own_metrics() {
    let engine = small();
    let live = engine.published().view(&Scope::all()).unwrap();
    let (view, catalog) = (live.accounts(), live.catalog());
    let usage = engine.published().usage().unwrap().over(view, &perennial::aggregate::Metrics::none());
    let derived = catalog.run(view, Some(&usage), None);
    let checked = Checker::new(catalog.names()).check("metric(\"logins\").lastDays(7).sum()").unwrap();
    let eu = view.account("acme-eu").unwrap();
    assert_eq!(derived.value("week", eu), Some(ExprValue::Int(7)));
    assert_eq!(ExprPlan::new([&checked]).run(&derived).unwrap().value(0, eu), Some(ExprValue::Int(7)));
    let without = catalog.run(view, None, None);
    assert_eq!(without.value("week", eu), None);
    assert!(ExprPlan::new([&checked]).run(&without).is_err());
}

/// Members may be known where the question of their segment cannot be asked any more: it is not opened then.
#[test]
fn members_are_explained_by_what_is_known() {
    let engine = small();
    let live = engine.published().view(&Scope::all()).unwrap();
    let acme = live.account("acme").unwrap();
    let busy = Segment::parse("busy", "!isTrue(metric(\"logins\").lastDays(7).sum() >= 0)").unwrap();
    let rich = Segment::parse("rich", "family_seats > 40").unwrap();
    let edited = live.catalog().edited([], [busy.into(), rich.into()]).unwrap();
    let derived = edited.run(live.accounts(), None, None);
    let asked = |text: &str| Checker::new(edited.names()).check_predicate(text).unwrap();
    let opened = asked("inSegment(\"rich\")").explain(&derived, acme).unwrap();
    assert_eq!((opened.truth(), opened.parts().len()), (Some(true), 2), "{opened}");
    let closed = asked("inSegment(\"busy\")").explain(&derived, acme).unwrap();
    assert_eq!((closed.truth(), closed.parts().len()), (Some(true), 1), "{closed}");
    let why = Columns::from(&derived).explain("rich", acme, &ExplainLimits::default());
    assert_eq!(why.unwrap().unwrap().truth(), Some(true));
    let why = Columns::from(&derived).explain("busy", acme, &ExplainLimits::default());
    assert!(why.unwrap().is_err(), "nothing is known of usage");
}

/// What would have to change names usage as it names attributes.
#[test]
fn usage_turns_an_answer() {
    let engine = small();
    let live = engine.published().view(&Scope::all()).unwrap();
    let checker = Checker::new(live.catalog().names());
    let why = |text: &str| {
        checker.check_predicate(text).unwrap().explain(&live, live.account("acme").unwrap()).unwrap()
    };
    let flip = why("events(\"login\").lastDays(30).count() > 3");
    assert_eq!(flip.flip().map(|flip| flip.parts.as_slice()), Some([(0, true)].as_slice()), "{flip}");
}

/// A sum over events of nobody is 0, and so are its parts; a value that was beyond the depth is told where it is read nearer.
#[test]
fn nothing_is_explained_as_what_it_comes_to() {
    let engine = small();
    let of_events = RollUp::new("counted", Operator::Sum("row.count".into()))
        .over(Over::Events { event: "login".into(), last_days: Some(1) })
        .reach(Reach::SelfOnly);
    let chain = [
        CalculatedAttribute::new("one", "seats + 1").into(),
        CalculatedAttribute::new("two", "one + 1").into(),
        of_events.into(),
    ];
    engine.define(chain).unwrap();
    let live = engine.published().view(&Scope::all()).unwrap();
    let acme = live.account("acme").unwrap();
    let limits = ExplainLimits::default();
    let why = Columns::from(&live).explain("counted", acme, &limits).unwrap().unwrap();
    assert_eq!(why.value(), Some(&ExprValue::Int(0)));
    assert!(
        matches!(&why.derived()[0].from, Provenance::RollUp(parts) if parts.whole.sums == [Some(ExprValue::Int(0))]),
        "{why}"
    );
    let checker = Checker::new(live.catalog().names());
    let asked = checker.check_predicate("two > 1 && (seats > 5 || one > 1)").unwrap();
    let why = asked.explain_within(&live, acme, &limits.with_depth(1)).unwrap();
    assert!(why.derived().iter().all(|of| matches!(of.from, Provenance::Expression(_))), "{why}");
    let few = asked.explain_within(&live, acme, &limits.with_values(1)).unwrap();
    // It is read twice.
    assert_eq!((few.derived().len(), few.left_out()), (1, 2), "{few}");
}

/// Ten thousand parts below each other are written, each once, in a width that ends.
#[test]
fn a_document_as_deep_as_it_likes_is_written() {
    let part = |at: usize| serde_json::json!({ "text": "x", "kind": "not", "value": { "bool": true }, "below": [at + 1, at + 1] });
    let parts: Vec<serde_json::Value> = (0..70_000).map(part).collect();
    let json =
        serde_json::json!({ "v": 1, "account": "a", "date": "2026-01-31", "parts": parts, "flip": null });
    let why: perennial::expr::Explanation = serde_json::from_value(json).unwrap();
    assert_eq!(why.to_string().lines().count(), 70_001);
}

/// A profile is of an account that its view shows.
#[test]
fn a_profile_of_a_hidden_account_is_refused() {
    let engine = small();
    let live = engine.published().view(&Scope::all()).unwrap();
    let some = Scope::of(live.accounts().book().accounts(["acme"]));
    let narrow = engine.published().view(&some).unwrap();
    let hidden = live.account("acme-eu").unwrap();
    assert!(ProfileQuery::new().run(&narrow, hidden).is_err());
    let derived = live.catalog().run(narrow.accounts(), None, None);
    assert_eq!((derived.counts("family_seats", hidden), narrow.counts("family_seats", hidden)), (None, None));
    let acme = ProfileQuery::new().run(&narrow, live.account("acme").unwrap()).unwrap();
    assert!(acme.children.is_empty());
}

/// The least value of a ranking is compared as a number, of decimals too; what is no number has none.
#[test]
fn the_least_of_a_ranking_is_a_number() {
    let schema = std::sync::Arc::new(
        Schema::builder()
            .account_type("Company", Nesting::Free)
            .attribute(Attribute::new("rate", AttributeType::Decimal { scale: 2 }))
            .attribute(Attribute::new("since", AttributeType::Date))
            .build()
            .unwrap(),
    );
    let row = |id: &str, rate: i128| {
        let row = AccountRow::new(AccountId::new(id).unwrap(), "Company");
        row.with("rate", perennial::Decimal::new(rate, 2))
    };
    let source = MemorySource::new().account(row("a", 50)).account(row("b", 100)).account(row("c", 150));
    let (book, _) = perennial::Book::load(schema.clone(), &source, &Policy::strict()).unwrap();
    let view = book.view(&Scope::all(), AsOf::date_utc(Date::new(2026, 1, 31).unwrap())).unwrap();
    let none = UsageSchema::new([]).unwrap();
    let catalog = Catalog::new(&schema, &none, [Ranking::new("place", "rate").at_least(1.2).into()]).unwrap();
    let derived = catalog.run(&view, None, None);
    let places =
        ["a", "b", "c"].map(|id| derived.value("place", view.account(id).unwrap()).unwrap().to_string());
    assert_eq!(places, ["0", "0", "100"]);
    assert!(Catalog::new(&schema, &none, [Ranking::new("place", "since").at_least(1.0).into()]).is_err());
}

#[test]
fn a_column_of_a_view_reads_as_by_name() {
    let engine = small();
    let state = engine.published();
    let scopes = [Scope::all(), Scope::of(state.book().accounts(["acme-eu"]))];
    let all = state.view(&Scope::all()).unwrap();
    for scope in scopes {
        let view = state.view(&scope).unwrap();
        for name in ["week", "family_week", "family_seats", "per_seat"] {
            let column = view.column(name).unwrap();
            assert_eq!(Some(column.kind()), view.kind(name));
            // Also those that only the other view shows.
            for account in all.accounts().accounts() {
                assert_eq!(column.value(account), view.value(name, account), "{name} of {}", account.id());
                assert_eq!(column.counts(account), view.counts(name, account), "{name} of {}", account.id());
            }
        }
        assert!(view.column("logins").is_none() && view.column("nothing").is_none());
    }
    let seats = all.column("family_seats").unwrap();
    let acme = |view: &LiveView| view.account("acme").unwrap().id();
    let before = seats.value(all.account("acme").unwrap());
    engine.apply(Change::new().set(&acme(&all), "seats", 1_000_i64)).unwrap();
    let now = engine.published().view(&Scope::all()).unwrap();
    // A column is that of its view, whatever is published since.
    assert_eq!(seats.value(all.account("acme").unwrap()), before);
    let after = now.column("family_seats").unwrap().value(now.account("acme").unwrap());
    assert!(after > before, "{after:?} and {before:?}");
    // An account whose view has another tree is not read at its place.
    engine.apply(Change::new().remove(&AccountId::new("acme-eu").unwrap())).unwrap();
    let gone = engine.published().view(&Scope::all()).unwrap();
    for account in gone.accounts().accounts() {
        assert_eq!(seats.value(account), None);
    }
}
