//! Days, weeks and fiscal periods of the moment, where the zone or the calendar becomes another.

use std::sync::Arc;

use perennial::aggregate::{
    Event, EventKind, Metric, Operator, Ranking, RollUp, Usage, UsageSchema, UsageSettings,
};
use perennial::catalog::{CalculatedAttribute, Definition, DefinitionRef};
use perennial::engine::{Engine, EngineSettings, MemoryJournal, Published};
use perennial::expr::{Checker, ExprPlan};
use perennial::segment::Segment;
use perennial::source::MemorySource;
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, FiscalCalendar, FixedZone, Nesting, Policy,
    Schema, Scope, Timestamp, Weekday, Zone, Zones,
};

use crate::zones::IanaZones;

fn schema() -> Arc<Schema> {
    let schema = Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(Attribute::new("made", AttributeType::Timestamp))
        .attribute(Attribute::new("seats", AttributeType::Int));
    Arc::new(schema.build().unwrap())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A zone that others hold.
#[derive(Debug)]
struct Named(Arc<dyn Zone>);

impl Zone for Named {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn offset_micros(&self, instant: Timestamp) -> i64 {
        self.0.offset_micros(instant)
    }
}

fn zone(name: &str) -> Named {
    Named(IanaZones.zone(name).unwrap())
}

fn source(made: &[&str]) -> MemorySource {
    let row = |(number, made): (usize, &&str)| {
        let id = AccountId::new(format!("a{number}")).unwrap();
        AccountRow::new(id, "Company").with("made", at(made)).with("seats", number as i64 + 1)
    };
    MemorySource::new().accounts(made.iter().enumerate().map(row))
}

fn define(engine: &Engine, definitions: &[Definition]) {
    engine.define(definitions.to_vec()).unwrap();
}

/// What a column says of an account, for everyone and in a scope.
fn said(state: &Published, as_of: &AsOf, column: &str, account: &str) -> [Option<String>; 2] {
    let few = Scope::of(state.book().subtrees([account]));
    [Scope::all(), few].map(|scope| {
        let view = state.view_at(&scope, as_of).unwrap();
        let account = view.account(account).unwrap();
        match view.kind(column) {
            Some(_) => view.value(column, account).map(|value| value.to_string()),
            None => Some(view.is_member(column, account).to_string()),
        }
    })
}

#[test]
fn a_day_is_read_again_in_another_zone() {
    for instant in ["2024-10-20T12:00:00Z", "2024-10-20T01:00:00Z"] {
        let utc = AsOf::at(at(instant));
        let journal = MemoryJournal::new();
        let settings = || EngineSettings::new().zones(IanaZones);
        let engine = Engine::new(schema(), utc.clone(), settings().journal(journal.clone())).unwrap();
        engine.load(&source(&["2024-10-20T12:00:00Z"])).unwrap();
        define(
            &engine,
            &[
                CalculatedAttribute::new("day", "date(made)").into(),
                RollUp::new("first_day", Operator::Min("day".into())).into(),
                RollUp::new("days", Operator::Max("date(made)".into())).into(),
                Ranking::new("place", "date(made) == date(\"2024-10-21\") ? 1 : 0").into(),
                Segment::parse("next_day", "date(made) == date(\"2024-10-21\")").unwrap().into(),
            ],
        );
        let columns = ["day", "first_day", "days", "next_day"];
        let before = engine.published();
        let auckland = utc.clone().with_zone(zone("Pacific/Auckland"));
        let later = ["2024-10-21", "2024-10-21", "2024-10-21", "true"];
        for (column, later) in columns.iter().zip(later) {
            assert_ne!(said(&before, &utc, column, "a0")[0].as_deref(), Some(later), "{column}");
            let then = said(&before, &auckland, column, "a0");
            assert_eq!(then, [Some(later.to_owned()), Some(later.to_owned())], "{column} in `view_at`");
        }
        engine.advance(auckland.clone()).unwrap();
        let now = engine.published();
        let (again, _) = Engine::restore(settings(), &journal.bytes(), None).unwrap();
        for state in [&now, &again.published()] {
            for (column, later) in columns.iter().zip(later) {
                let there = said(state, state.as_of(), column, "a0");
                assert_eq!(there, [Some(later.to_owned()), Some(later.to_owned())], "{column}");
            }
        }
        assert_eq!(said(&now, &utc, "day", "a0")[0].as_deref(), Some("2024-10-20"));
    }
}

/// The expression of a metric is not part of what asks it.
#[test]
fn a_metric_that_reads_a_week_is_asked_again_with_another_calendar() {
    let sunday = AsOf::at(at("2026-02-01T12:00:00Z"));
    let mut usage = Usage::new(UsageSchema::new([EventKind::new("login")]).unwrap(), UsageSettings::new());
    let today = sunday.date();
    usage.ingest([Event::on("login", "a0", today.plus_days(-2).unwrap()).count(5)], today).unwrap();
    let engine = Engine::new(schema(), sunday.clone(), EngineSettings::new().usage(usage)).unwrap();
    engine.load(&source(&["2026-01-01T00:00:00Z"])).unwrap();
    define(
        &engine,
        &[
            Metric::new("of_week", "events(\"login\").where(e, e.day >= startOf(\"week\")).count()").into(),
            CalculatedAttribute::new("recent", "metric(\"of_week\").lastDays(10).sum()").into(),
            RollUp::new("recent_most", Operator::Max("metric(\"of_week\").sum()".into())).into(),
        ],
    );
    for column in ["recent", "recent_most"] {
        let weeks = [Weekday::Monday, Weekday::Sunday].map(|day| sunday.clone().with_week_start(day));
        let [monday, first] = weeks.map(|week| said(&engine.published(), &week, column, "a0"));
        assert_eq!(monday, [Some("5".into()), Some("5".into())], "{column}");
        assert_eq!(first, [Some("0".into()), Some("0".into())], "{column}");
    }
    engine.advance(sunday.clone().with_week_start(Weekday::Sunday)).unwrap();
    let now = engine.published();
    assert_eq!(said(&now, now.as_of(), "recent", "a0")[0].as_deref(), Some("0"));
}

#[test]
fn a_fiscal_period_is_read_again_with_another_fiscal_year() {
    let may = AsOf::at(at("2026-05-15T12:00:00Z"));
    let engine = Engine::new(schema(), may.clone(), EngineSettings::new()).unwrap();
    engine.load(&source(&["2026-03-15T12:00:00Z"])).unwrap();
    let recent = Segment::parse("recent", "made.during(\"this_fiscal_quarter\")").unwrap();
    define(&engine, &[recent.into()]);
    let now = engine.published();
    assert_eq!(said(&now, &may, "recent", "a0")[0].as_deref(), Some("false"));
    let other = may.with_fiscal(FiscalCalendar::starting(3).unwrap());
    assert_eq!(said(&now, &other, "recent", "a0"), [Some("true".into()), Some("true".into())]);
    engine.advance(other.clone()).unwrap();
    assert_eq!(said(&engine.published(), &other, "recent", "a0")[0].as_deref(), Some("true"));
}

/// A view of usage that is of another zone says nothing of this one.
#[test]
fn usage_of_another_zone_is_not_taken_for_that_of_the_question() {
    let instant = at("2026-02-01T12:00:00Z");
    let mut usage = Usage::new(UsageSchema::new([EventKind::new("login")]).unwrap(), UsageSettings::new());
    let utc = AsOf::at(instant);
    usage.ingest([Event::on("login", "a0", utc.date())], utc.date()).unwrap();
    let (book, _) = Book::load(schema(), &source(&["2026-01-01T00:00:00Z"]), &Policy::strict()).unwrap();
    let recent = CalculatedAttribute::new("recent", "events(\"login\").lastDays(1).count()");
    let catalog =
        perennial::catalog::Catalog::new(book.schema(), usage.schema(), vec![Definition::from(recent)])
            .unwrap();
    let view = book.view(&Scope::all(), utc.clone()).unwrap();
    let later = book.view(&Scope::all(), utc.with_zone(FixedZone::east("+14:00", 840))).unwrap();
    let value = |view: &perennial::View, usage: &perennial::aggregate::UsageView| {
        let derived = catalog.run(view, Some(usage), None);
        derived.value("recent", view.account("a0").unwrap()).map(|value| value.to_string())
    };
    let of = |view: &perennial::View| usage.over(view, catalog.metrics());
    assert_eq!(value(&view, &of(&view)).as_deref(), Some("1"));
    assert_eq!(value(&later, &of(&later)).as_deref(), Some("0"));
    assert_eq!(value(&later, &of(&view)), None);
    let _: DefinitionRef = catalog.order().next().unwrap().clone();
}

/// In St. John's, 2 November 2008 began, was over after a minute, and began again an hour later.
#[test]
fn a_timestamp_is_compared_by_its_date_where_a_day_begins_twice() {
    let made = [
        "2008-11-02T02:29:59.999999Z",
        "2008-11-02T02:30:00Z",
        "2008-11-02T02:30:59.999999Z",
        "2008-11-02T02:31:00Z",
        "2008-11-02T03:29:59.999999Z",
        "2008-11-02T03:30:00Z",
        "2008-11-03T03:29:59.999999Z",
        "2008-11-03T03:30:00Z",
    ];
    let (book, _) = Book::load(schema(), &source(&made), &Policy::strict()).unwrap();
    let as_of = AsOf::at(at("2008-11-02T12:00:00Z")).with_zone(zone("America/St_Johns"));
    let view = book.view(&Scope::all(), as_of).unwrap();
    let numbers = |expression: &str| -> Vec<usize> {
        let checked = Checker::new(&**book.schema()).check_predicate(expression).unwrap();
        let answers = ExprPlan::new([&checked]).run(&view).unwrap();
        (0..made.len()).filter(|n| answers.matches(0, view.account(&format!("a{n}")).unwrap())).collect()
    };
    let of_day = [1, 2, 5, 6];
    assert_eq!(numbers("date(made) == date(\"2008-11-02\")"), of_day);
    for same in [
        "made == date(\"2008-11-02\")",
        "made == today()",
        "date(\"2008-11-02\") == made",
        "made >= today() && made <= today()",
        "!(made < today()) && !(made > today())",
        "!(made != today())",
        "made.inLast(1, \"days\")",
        "made.during(\"this_day\")",
    ] {
        assert_eq!(numbers(same), of_day, "{same}");
    }
    assert_eq!(numbers("made < today()"), [0, 3, 4]);
    assert_eq!(numbers("made.after(today())"), [7]);
}
