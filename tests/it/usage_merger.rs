//! What becomes of usage when accounts merge and split: it is read of the first successor, once, and never of a hidden account.

use crate::common::id;
use perennial::aggregate::{
    Event, EventKind, Metric, Metrics, Operator, Over, RollUp, RollUpPlan, Usage, UsageSchema, UsageSettings,
    UsageView,
};
use perennial::catalog::DefinitionRef;
use perennial::engine::{Engine, EngineSettings, MemoryJournal, Update};
use perennial::expr::{Checker, ExprPlan};
use perennial::report::UsageMove;
use perennial::source::MemorySource;
use perennial::{
    AccountRow, AsOf, Attribute, AttributeType, Book, Change, ChangeReport, Date, Nesting, Policy, Reach,
    Schema, Scope, Succession, View,
};

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn today() -> Date {
    day("2026-03-31")
}

fn company(text: &str) -> AccountRow {
    AccountRow::new(id(text), "Company")
}

/// g over a and b; c stands beside g.
fn source() -> MemorySource {
    let below = |text: &str| company(text).under(id("g"));
    MemorySource::new().account(company("g")).account(below("a")).account(below("b")).account(company("c"))
}

fn schema() -> Schema {
    Schema::builder().account_type("Company", Nesting::Free).build().unwrap()
}

fn book() -> Book {
    Book::load(schema(), &source(), &Policy::strict()).unwrap().0
}

fn on(account: &str, user: &str, day: &str) -> Event<'static> {
    let (account, user): (&'static str, &'static str) = (account.to_owned().leak(), user.to_owned().leak());
    Event::on("login", account, day.parse().unwrap()).user(user).value("rows", 4_i64)
}

/// ann twice at a, bob once at b; before the merger.
fn events() -> Vec<Event<'static>> {
    vec![on("a", "ann", "2026-03-20"), on("a", "ann", "2026-03-21"), on("b", "bob", "2026-03-20")]
}

fn usage() -> Usage {
    let login = EventKind::new("login").measure(Attribute::new("rows", AttributeType::Int));
    let mut usage = Usage::new(UsageSchema::new([login]).unwrap(), UsageSettings::new());
    usage.ingest(events(), today()).unwrap();
    usage
}

fn metrics(usage: &Usage) -> Metrics {
    Metrics::new(usage.schema(), [Metric::new("logins", "events(\"login\").count()")]).unwrap()
}

fn roll_ups() -> [RollUp; 2] {
    let of = |name: &str, operator| {
        RollUp::new(name, operator)
            .over(Over::Events { event: "login".into(), last_days: None })
            .reach(Reach::SelfAndDescendants)
    };
    [of("uses", Operator::Count), of("people", Operator::Distinct("row.user".into()))]
}

/// Uses and people of an account with all below it.
fn used(seen: &UsageView, account: &str) -> (String, String) {
    let book = seen.view().book();
    let metrics = metrics(seen.usage());
    let plan = RollUpPlan::new(book.schema(), &seen.usage().names(&**book.schema(), &metrics), roll_ups());
    let answers = plan.unwrap().run_with(seen);
    let account = seen.view().account(account).unwrap();
    let value = |name: &str| answers.value(name, account).unwrap().to_string();
    (value("uses"), value("people"))
}

fn pair(uses: &str, people: &str) -> (String, String) {
    (uses.to_owned(), people.to_owned())
}

fn seen(book: &Book, usage: &Usage, on: &str) -> UsageView {
    usage.over(&book.view(&Scope::all(), AsOf::date_utc(day(on))).unwrap(), &metrics(usage))
}

fn asked(seen: &UsageView, expression: &str, account: &str) -> Option<String> {
    let schema = seen.view().book().schema();
    let names = seen.usage().names(&**schema, seen.metrics());
    let checked = Checker::new(&names).check(expression).unwrap();
    let plan = ExprPlan::new([&checked]);
    let account = seen.view().account(account).unwrap();
    plan.run(seen).unwrap().value(0, account).map(|value| value.to_string())
}

fn merger() -> Change {
    Change::new().merge(&id("b"), &id("a"), day("2026-03-25"))
}

fn apply(book: &Book, change: &Change) -> (Book, ChangeReport) {
    book.apply(change).unwrap()
}

fn moved(report: &ChangeReport) -> Vec<(String, Option<String>, Option<String>)> {
    let text = |id: &Option<perennial::AccountId>| id.as_ref().map(ToString::to_string);
    let of = |moved: &UsageMove| (moved.account.to_string(), text(&moved.from), text(&moved.to));
    report.usage_moves.iter().map(of).collect()
}

#[test]
fn a_merger_takes_no_usage_away_from_those_above() {
    let (book, mut usage) = (book(), usage());
    assert_eq!(used(&seen(&book, &usage, "2026-03-31"), "g"), pair("3", "2"));
    let (merged, report) = apply(&book, &merger());
    assert_eq!(moved(&report), [("b".to_owned(), Some("b".to_owned()), Some("a".to_owned()))]);
    let now = seen(&merged, &usage, "2026-03-31");
    assert_eq!(used(&now, "g"), pair("3", "2"));
    assert_eq!(used(&now, "a"), pair("3", "2"));
    // Asked on a day before the merger, and of days before it: the same.
    assert_eq!(used(&seen(&merged, &usage, "2026-03-22"), "a"), pair("3", "2"));
    assert_eq!(asked(&now, "events(\"login\").lastDays(12).count()", "a").unwrap(), "3");
    assert_eq!(asked(&now, "metric(\"logins\").lastDays(12).max()", "a").unwrap(), "2");
    assert_eq!(asked(&now, "events(\"login\").days()", "a").unwrap(), "2");
    assert_eq!(asked(&now, "events(\"login\").sum(e, e.rows)", "a").unwrap(), "12");
    let a = now.view().account("a").unwrap();
    let series = now.series("logins", a, day("2026-03-20"), day("2026-03-21")).unwrap();
    let series: Vec<String> = series.iter().map(|day| day.value.as_ref().unwrap().to_string()).collect();
    assert_eq!(series, ["2", "1"]);
    // What comes in later under the old id leads to its successor, be it known already or not.
    usage.ingest([on("b", "bob", "2026-03-30"), on("b", "cid", "2026-03-30")], today()).unwrap();
    let later = now.refresh(&usage, now.view());
    assert_eq!(used(&later, "g"), pair("5", "3"));
    assert_eq!(used(&later, "a"), pair("5", "3"));
    assert_eq!(used(&seen(&merged, &usage, "2026-03-31"), "a"), pair("5", "3"));
    // Nothing is lost for the account that is there in the older book.
    assert_eq!(used(&seen(&book, &usage, "2026-03-31"), "b"), pair("3", "2"));
}

#[test]
fn alike_events_of_merged_accounts_are_one_bucket() {
    let (book, mut usage) = (book(), usage());
    usage.ingest([on("b", "ann", "2026-03-20")], today()).unwrap();
    let (merged, _) = apply(&book, &merger());
    let now = seen(&merged, &usage, "2026-03-31");
    // ann at a and at b on one day: what a host would have that had sent both under one id.
    assert_eq!(asked(&now, "events(\"login\").max(e, e.rows)", "a").unwrap(), "8");
    assert_eq!(used(&now, "a"), pair("4", "2"));
}

#[test]
fn an_account_without_usage_shows_that_of_what_it_absorbed() {
    let (book, usage) = (book(), usage());
    let change = Change::new().merge(&id("b"), &id("c"), day("2026-03-25"));
    let now = seen(&apply(&book, &change).0, &usage, "2026-03-31");
    assert_eq!(used(&now, "c"), pair("1", "1"));
    assert_eq!(used(&now, "g"), pair("2", "1"));
}

#[test]
fn withdrawing_a_succession_undoes_it() {
    let (book, usage) = (book(), usage());
    let (merged, _) = apply(&book, &merger());
    let before = seen(&merged, &usage, "2026-03-31");
    let link = Succession::new(id("b"), id("a"), day("2026-03-25"));
    let (alone, report) = apply(&merged, &Change::new().retract_succession(link.clone()));
    assert_eq!(moved(&report), [("b".to_owned(), Some("a".to_owned()), None)]);
    // The layout is the same, and the usage; the history is not.
    let view = alone.view(&Scope::all(), AsOf::date_utc(today())).unwrap();
    assert_eq!(used(&before.refresh(&usage, &view), "g"), pair("2", "1"));
    let (back, report) = apply(&alone, &Change::new().add(company("b").under(id("g"))));
    assert_eq!(moved(&report), []);
    assert_eq!(used(&seen(&back, &usage, "2026-03-31"), "g"), pair("3", "2"));
    // One that is there again shows its own usage, whatever the history says.
    let (both, report) = apply(&merged, &Change::new().add(company("b").under(id("g"))));
    assert_eq!(moved(&report), [("b".to_owned(), Some("a".to_owned()), Some("b".to_owned()))]);
    let both = seen(&both, &usage, "2026-03-31");
    assert_eq!((used(&both, "a"), used(&both, "b")), (pair("2", "1"), pair("1", "1")));
}

#[test]
fn a_split_account_leads_to_its_first_part_or_stays() {
    let (book, usage) = (book(), usage());
    let split = Change::new().add(company("a1").under(id("g"))).add(company("a2").under(id("g"))).split(
        &id("a"),
        [id("a2"), id("a1")],
        day("2026-03-25"),
    );
    let now = seen(&apply(&book, &split).0, &usage, "2026-03-31");
    assert_eq!((used(&now, "a2"), used(&now, "a1")), (pair("2", "1"), pair("0", "0")));
    assert_eq!(used(&now, "g"), pair("3", "2"));
    // One that goes on keeps its days.
    let part = Change::new()
        .add(company("a1").under(id("g")))
        .declare_succession(Succession::new(id("a"), id("a1"), day("2026-03-25")).of_part());
    let (book, report) = apply(&book, &part);
    assert_eq!(moved(&report), []);
    let now = seen(&book, &usage, "2026-03-31");
    assert_eq!((used(&now, "a"), used(&now, "a1")), (pair("2", "1"), pair("0", "0")));
}

#[test]
fn chains_of_successions_lead_on_and_nothing_counts_twice() {
    let (book, usage) = (book(), usage());
    let (one, _) = apply(&book, &merger());
    let (two, report) = apply(&one, &Change::new().merge(&id("a"), &id("c"), day("2026-03-28")));
    let to_c = |from: &str| (from.to_owned(), Some("a".to_owned()), Some("c".to_owned()));
    assert_eq!(moved(&report), [to_c("a"), to_c("b")]);
    let now = seen(&two, &usage, "2026-03-31");
    assert_eq!((used(&now, "c"), used(&now, "g")), (pair("3", "2"), pair("0", "0")));
    // The step between is withdrawn: b leads to a, which is not there.
    let link = Succession::new(id("a"), id("c"), day("2026-03-28"));
    let (cut, _) = apply(&two, &Change::new().retract_succession(link));
    assert_eq!(used(&seen(&cut, &usage, "2026-03-31"), "c"), pair("0", "0"));
}

#[test]
fn usage_of_a_hidden_account_shows_nowhere() {
    let (book, usage) = (book(), usage());
    // b goes to a first and to c second; a is hidden.
    let split = Change::new().split(&id("b"), [id("a"), id("c")], day("2026-03-25"));
    let (book, _) = apply(&book, &split);
    let scope = Scope::of(book.accounts(["g", "c"]));
    let view: View = book.view(&scope, AsOf::date_utc(today())).unwrap();
    let now = usage.over(&view, &metrics(&usage));
    assert_eq!((used(&now, "g"), used(&now, "c")), (pair("0", "0"), pair("0", "0")));
    assert_eq!(asked(&now, "events(\"login\").count()", "c").unwrap(), "0");
}

#[test]
fn a_live_engine_and_a_replayed_journal_say_the_same() {
    let journal = MemoryJournal::new();
    let bare = Usage::new(usage().schema().clone(), UsageSettings::new());
    let settings = EngineSettings::new().usage(bare);
    let engine =
        Engine::new(schema(), AsOf::date_utc(today()), settings.clone().journal(journal.clone())).unwrap();
    engine.load(&source()).unwrap();
    let mut update = Update::new();
    for definition in roll_ups() {
        let name = DefinitionRef {
            kind: perennial::catalog::DefinitionKind::RollUp,
            name: definition.name().into(),
        };
        update = update.define(definition).subscribe(name);
    }
    engine.apply(update).unwrap();
    engine.ingest(events()).unwrap();
    let of = |engine: &Engine, account: &str| {
        let view = engine.published().view(&Scope::all()).unwrap();
        let account = view.accounts().account(account).unwrap();
        let value = |name: &str| view.value(name, account).unwrap().to_string();
        (value("uses"), value("people"))
    };
    assert_eq!(of(&engine, "g"), pair("3", "2"));
    let applied = engine.apply(merger()).unwrap();
    assert_eq!(applied.version, engine.published().version());
    assert_eq!((of(&engine, "g"), of(&engine, "a")), (pair("3", "2"), pair("3", "2")));
    engine.ingest([on("b", "cid", "2026-03-30")]).unwrap();
    assert_eq!((of(&engine, "g"), of(&engine, "a")), (pair("4", "3"), pair("4", "3")));
    // A window of the past, and a view of some accounts.
    let state = engine.published();
    let past = state.view_at(&Scope::all(), &AsOf::date_utc(day("2026-03-22"))).unwrap();
    let a = past.accounts().account("a").unwrap();
    assert_eq!(past.value("uses", a).unwrap().to_string(), "3");
    let some = state.view(&Scope::of(state.book().accounts(["g"]))).unwrap();
    let g = some.accounts().account("g").unwrap();
    assert_eq!(some.value("uses", g).unwrap().to_string(), "0");
    let link = Succession::new(id("b"), id("a"), day("2026-03-25"));
    engine.apply(Change::new().retract_succession(link.clone())).unwrap();
    assert_eq!((of(&engine, "g"), of(&engine, "a")), (pair("2", "1"), pair("2", "1")));
    engine.apply(Change::new().declare_succession(link)).unwrap();
    assert_eq!((of(&engine, "g"), of(&engine, "a")), (pair("4", "3"), pair("4", "3")));
    let (again, _) = Engine::restore(settings, &journal.bytes(), None).unwrap();
    assert_eq!((of(&again, "g"), of(&again, "a")), (pair("4", "3"), pair("4", "3")));
}

/// Two ids lead to a third that is not in the book either: one before that id ended, one after.
#[test]
fn where_two_ways_meet_the_day_decides_how_they_go_on() {
    let links = [("p", "q", "2026-01-10"), ("q", "a", "2026-02-01"), ("x", "q", "2026-03-01")];
    let links = links.map(|(from, to, on)| Succession::new(id(from), id(to), day(on)));
    let book = Book::load(schema(), &source().successions(links), &Policy::strict()).unwrap().0;
    let mut usage = usage();
    usage.ingest([on("p", "pat", "2026-03-20"), on("x", "xen", "2026-03-20")], today()).unwrap();
    let seen = seen(&book, &usage, "2026-03-31");
    assert_eq!(used(&seen, "a"), pair("3", "2"));
    // That of `x` is nobody's: `q` was there again when `x` merged into it, and is not in the book.
    assert_eq!(used(&seen, "g"), pair("4", "3"));
}
