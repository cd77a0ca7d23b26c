//! Account sets: evaluated over the whole book for every viewer, and visible in no scope.

use crate::common::definitions::{account_set, attribute, segment};
use crate::common::{as_of, id, schema};
use perennial::aggregate::UsageSchema;
use perennial::catalog::{Catalog, Definition, DefinitionKind, Parameter, ParameterType};
use perennial::engine::{Engine, EngineSettings, Update};
use perennial::expr::{Checker, Columns, ExplainLimits, ExprPlan};
use perennial::segment::Segment;
use perennial::source::MemorySource;
use perennial::{AccountRow, Change, Scope};

/// `top` with `kim` and `lee` below it, which are named as they are called.
fn source() -> MemorySource {
    let row =
        |name: &str, seats: i64| AccountRow::new(id(name), "Company").with("name", name).with("seats", seats);
    MemorySource::new()
        .account(row("top", 9))
        .account(row("kim", 5).under(id("top")))
        .account(row("lee", 3).under(id("top")))
}

fn definitions() -> Vec<Definition> {
    vec![
        Parameter::new("viewer", ParameterType::Text).into(),
        segment("many", "siblings.min(s, s.seats) < seats"),
        account_set("mine", "name == viewer || inSegment(\"many\")"),
        account_set("family", "inSegment(\"mine\") || children.exists(c, c.name == viewer)"),
    ]
}

fn engine() -> Engine {
    let engine = Engine::new(schema(), as_of(), EngineSettings::new()).unwrap();
    engine.load(&source()).unwrap();
    engine.define(definitions()).unwrap();
    engine
}

#[test]
fn a_set_makes_the_scope_of_whoever_looks() {
    let engine = engine();
    let state = engine.published();
    let seen = |set: &str, viewer: &str| {
        let scope = state.scope_of(set, &as_of().with_parameter("viewer", viewer)).unwrap();
        let view = state.view(&scope).unwrap();
        view.accounts().accounts().map(|account| account.id_str().to_owned()).collect::<Vec<_>>()
    };
    // `kim` has more seats than the account beside it, whoever looks.
    assert_eq!(seen("mine", "lee"), ["kim", "lee"]);
    assert_eq!(seen("family", "lee"), ["top", "kim", "lee"]);
    assert_eq!(seen("mine", "nobody"), ["kim"]);
    // A segment makes none, and what is not there does not either.
    assert_eq!(state.scope_of("many", &as_of()), None);
    assert_eq!(state.scope_of("nothing", &as_of()), None);

    // The next state has its own.
    let scope = state.scope_of("mine", &as_of()).unwrap();
    engine.apply(Change::new().set(&id("lee"), "seats", 8_i64)).unwrap();
    let next = engine.published().scope_of("mine", &as_of()).unwrap();
    assert_eq!(engine.published().view(&next).unwrap().accounts().accounts().next().unwrap().id_str(), "lee");
    assert_ne!(scope, next);
}

#[test]
fn in_a_scope_it_is_not_there() {
    let engine = engine();
    let subscribed: Vec<_> = engine.published().catalog().order().cloned().collect();
    engine.apply(subscribed.into_iter().fold(Update::new(), Update::subscribe)).unwrap();
    let state = engine.published();
    let mine = as_of().with_parameter("viewer", "kim");
    let scope = state.scope_of("mine", &mine).unwrap();
    let (whole, view) = (state.view_at(&Scope::all(), &mine).unwrap(), state.view_at(&scope, &mine).unwrap());
    let question = |text: &str| Checker::new(state.catalog().names()).check_predicate(text).unwrap();
    let asked = question("inSegment(\"mine\")");
    let (here, there) = (whole.account("kim").unwrap(), view.account("kim").unwrap());
    // To who may see everything it is a set.
    assert!(whole.is_member("mine", here) && whole.segment("mine").is_some());
    assert_eq!(ExprPlan::new([&asked]).run(&whole).unwrap().matching(0).len(), 1);
    // In a scope nothing of it shows, in no way to ask.
    assert!(!view.is_member("mine", there));
    assert_eq!(view.segment("mine"), None);
    let columns = Columns::from(&view);
    assert!(columns.members("mine").is_none() && columns.question("mine").is_none());
    assert!(!columns.is_member("mine", there));
    assert!(columns.explain("mine", there, &ExplainLimits::default()).is_none());
    let refused = ExprPlan::new([&asked]).run(&view).unwrap_err().to_string();
    assert!(refused.contains("`mine`"), "{refused}");
    // No list has it, in a scope or without one.
    for view in [&whole, &view] {
        let listed: Vec<String> = Columns::from(view).segments().iter().map(ToString::to_string).collect();
        assert_eq!(listed, ["many"]);
    }
    // A delta tells of it where everything is seen.
    engine.apply(Change::new().set(&id("lee"), "seats", 8_i64)).unwrap();
    let delta = perennial::engine::Delta::between(&state, &engine.published());
    let all: Vec<_> = engine.published().catalog().order().cloned().collect();
    let told = |scope: &Scope| {
        let report = delta.report_of(scope, &all).unwrap();
        report.segments.iter().map(|change| change.segment.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(told(&Scope::all()), ["family", "many", "mine"]);
    // Here the sets would tell as well, if they were evaluated in the scope.
    let both = Scope::of(state.book().accounts(["kim", "lee"]));
    assert_eq!(told(&both), ["many"]);
    // What is left out since it reads the whole book is named, and in a scope no set is.
    let now = engine.published();
    let sets = now.catalog().order().filter(|id| id.kind == DefinitionKind::Segment).cloned();
    engine.apply(sets.fold(Update::new(), Update::subscribe)).unwrap();
    let left_out = |scope: &Scope| -> Vec<String> {
        let delta = perennial::engine::Delta::between(&state, &engine.published());
        delta.report(scope).unwrap().left_out.iter().map(|id| id.name.to_string()).collect()
    };
    assert_eq!(left_out(&Scope::all()), ["family", "many", "mine"]);
    assert_eq!(left_out(&both), ["many"]);
    // Who saw everything before or after, and does not at the other time, is told of none.
    let after = Scope::of(engine.published().book().accounts(["kim", "lee"]));
    for (before, after) in [(&Scope::all(), &after), (&both, &Scope::all())] {
        let report = delta.report_between(before, after, &all).unwrap();
        let told: Vec<&str> = report.segments.iter().map(|change| &*change.segment).collect();
        assert!(!told.contains(&"mine") && !told.contains(&"family"), "{told:?}");
    }
}

#[test]
fn a_catalog_says_the_same() {
    let (book, _) = perennial::Book::load(schema(), &source(), &perennial::Policy::strict()).unwrap();
    let catalog = Catalog::new(book.schema(), &UsageSchema::default(), definitions()).unwrap();
    let mine = as_of().with_parameter("viewer", "lee");
    let derived = catalog.run(&book.view(&Scope::all(), mine.clone()).unwrap(), None, None);
    let scope = derived.scope_of("mine").unwrap();
    assert_eq!(scope.set().unwrap().len(), 2);
    assert_eq!(derived.scope_of("many"), None);
    assert_eq!(derived.segments().map(|(id, _)| id.to_owned()).collect::<Vec<_>>(), ["many"]);
    let scoped = catalog.run(&book.view(&scope, mine).unwrap(), None, None);
    assert!(scoped.scope_of("mine").is_none() && scoped.segment("mine").is_none());
    assert_eq!(scoped.segment("many").unwrap().len(), 1);
}

#[test]
fn only_account_sets_read_account_sets() {
    let said = |more: Definition| {
        let all = definitions().into_iter().chain([more]);
        Catalog::new(&schema(), &UsageSchema::default(), all).map(|_| ()).unwrap_err().to_string()
    };
    let told = "it reads the segment `mine`, which is an account set: only account sets read those";
    assert_eq!(said(segment("own", "inSegment(\"mine\")")), format!("segment `own`: {told}"));
    assert_eq!(
        said(attribute("own", "inSegment(\"mine\") ? 1 : 2")),
        format!("calculated attribute `own`: {told}")
    );
    // What becomes one is refused to those who read it.
    let catalog = Catalog::new(&schema(), &UsageSchema::default(), definitions()).unwrap();
    let many = account_set("many", "seats > 3");
    let next = catalog.edited([], [many]).unwrap();
    let reader = next.edited([], [segment("reader", "inSegment(\"many\")")]).unwrap_err().to_string();
    assert!(reader.starts_with("segment `reader`: it reads the segment `many`"), "{reader}");
}

#[test]
fn it_is_written_and_read() {
    let set = Segment::parse("mine", "seats > 3").unwrap().account_set();
    let json = Segment::to_json([&set]);
    assert_eq!(json["segments"][0]["account_set"], true);
    let read = Segment::from_json(&json, &perennial::expr::ExprLimits::default()).unwrap();
    assert_eq!(read, std::slice::from_ref(&set));
    let text = Catalog::document(&[set.clone().into()]).to_string();
    assert_eq!(Catalog::read([text.as_str()]).unwrap(), [set.into()]);
    let wrong = text.replace("true", "\"yes\"");
    let told = Catalog::read([wrong.as_str()]).unwrap_err().to_string();
    assert!(told.contains("/segments/0/account_set"), "{told}");
}
