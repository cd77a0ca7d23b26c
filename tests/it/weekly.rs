//! Usage by week: worked examples, whatever is read of weeks held to the oracle, and on a live engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::common::definitions::{attribute, roll_up};
use crate::common::{WEEKDAYS, companies, config};
use perennial::aggregate::{
    Event, EventKind, Metric, Metrics, Operator, Over, Usage, UsageSchema, UsageSettings,
};
use perennial::catalog::{Catalog, Definition, DefinitionRef, RunInputs};
use perennial::engine::{Engine, EngineSettings, Update};
use perennial::expr::{Checker, Diagnostic};
use perennial::testkit::{OracleCatalog, OracleEvent, OracleUsage, Random};
use perennial::{
    AsOf, Attribute, AttributeType, Book, Currency, Date, Decimal, ExchangeRate, ExchangeRates, Money, Rates,
    Scope, Timestamp, Value, Weekday,
};
use proptest::prelude::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// A Thursday.
fn today() -> Date {
    day("2026-03-26")
}

fn book() -> Book {
    companies(&[("a", ""), ("b", "a"), ("c", "a"), ("d", "")])
}

fn usage_schema() -> UsageSchema {
    let sale = EventKind::new("sale")
        .property(Attribute::new("pages", AttributeType::Int))
        .measure(Attribute::new("rows", AttributeType::Int))
        .measure(Attribute::new("secs", AttributeType::Double))
        .measure(Attribute::new("amount", AttributeType::Money(Currency::USD)));
    UsageSchema::new([sale, EventKind::new("login")]).unwrap()
}

/// The answers of expressions for account `a`, with metrics `logins` (a count) and `rows` (the greatest).
fn answers(usage: &Usage, as_of: &AsOf, expressions: &[&str]) -> Vec<String> {
    let book = book();
    let metrics = Metrics::new(
        usage.schema(),
        [
            Metric::new("logins", "events(\"login\").count()"),
            Metric::new("rows", "events(\"sale\").max(e, e.rows)"),
        ],
    );
    let metrics = metrics.unwrap();
    let view = book.view(&Scope::all(), as_of.clone()).unwrap();
    let names = usage.names(&**book.schema(), &metrics);
    let usage = usage.over(&view, &metrics);
    let answer = |text: &&str| {
        let checked = Checker::new(&names).check(text).unwrap_or_else(|errors| panic!("{text}: {errors}"));
        let value = checked.for_accounts(&usage).unwrap().value(view.account("a").unwrap());
        value.map_or_else(|| "nothing".to_owned(), |value| value.to_string())
    };
    expressions.iter().map(answer).collect()
}

fn logins(of: &[(&str, u32)]) -> Usage {
    let mut usage = Usage::new(usage_schema(), UsageSettings::new());
    let events = of.iter().map(|(on, count)| Event::on("login", "a", day(on)).count(*count));
    usage.ingest(events, today()).unwrap();
    usage
}

/// Weeks from Monday: 03-02 has no events, 03-09 has 3 + 5, 03-16 has 2, and the current one, from 03-23, has 100.
#[test]
fn weeks_of_a_login() {
    let usage = logins(&[
        ("2026-02-22", 50),
        ("2026-02-23", 4),
        ("2026-03-01", 1),
        ("2026-03-09", 3),
        ("2026-03-15", 5),
        ("2026-03-16", 2),
        ("2026-03-23", 100),
    ]);
    let as_of = AsOf::date_utc(today());
    let of = |rest: &str| -> String {
        let text = format!("events(\"login\").weekly().lastWeeks(4).count().{rest}");
        let active = format!("events(\"login\").lastWeeks(4).weekly(\"active\").count().{rest}");
        answers(&usage, &as_of, &[&text, &active]).join(" / ")
    };
    // 5, 0, 8, 2; those with events are 5, 8, 2.
    assert_eq!(of("median()"), "2 / 5");
    assert_eq!(of("percentile(50)"), "2 / 5");
    assert_eq!(of("percentile(25)"), "0 / 2");
    assert_eq!(of("percentile(25.01)"), "2 / 2");
    assert_eq!(of("percentile(75)"), "5 / 8");
    assert_eq!(of("percentile(100)"), "8 / 8");
    assert_eq!(of("sum()"), "15 / 15");
    assert_eq!(of("avg()"), "3.75 / 5");
    assert_eq!(of("min()"), "0 / 2");
    assert_eq!(of("max()"), "8 / 8");
    assert_eq!(of("count()"), "4 / 3");
    assert_eq!(of("first()"), "5 / 5");
    assert_eq!(of("last()"), "2 / 2");
    assert_eq!(
        answers(
            &usage,
            &as_of,
            &[
                // A window of weeks, without a series: the same days.
                "events(\"login\").lastWeeks(4).count()",
                "events(\"login\").lastWeeks(1).count()",
                "events(\"login\").where(e, e.day.during(\"last_week\")).count()",
                // The two weeks before those, 02-23 and 03-02.
                "events(\"login\").weekly().prevWeeks(2, 2).count().max()",
                // Weeks that lie in a window as a whole: of 30 days those from 03-02 on, of 31 days that of 02-23 is cut.
                "events(\"login\").lastDays(30).weekly().count().count()",
                "events(\"login\").between(date(\"2026-02-23\"), date(\"2026-03-22\")).weekly().count().count()",
                "events(\"login\").between(date(\"2026-02-24\"), date(\"2026-03-21\")).weekly().count().count()",
                "events(\"login\").lastDays(6).weekly().count().count()",
                "events(\"login\").lastDays(6).weekly().count().median()",
                // Without a window, from the week of the first event: that of 02-16.
                "events(\"login\").weekly().count().count()",
                "events(\"login\").weekly().count().first()",
                // Of a metric, what is read of the days of each week.
                "metric(\"logins\").weekly().lastWeeks(4).sum().median()",
                "metric(\"logins\").weekly().lastWeeks(4).max().max()",
                "metric(\"logins\").weekly().lastWeeks(4).median().max()",
                "metric(\"logins\").weekly(\"active\").lastWeeks(4).count().max()",
                // A week without events has no greatest value.
                "metric(\"rows\").weekly().lastWeeks(4).max().count()",
                "metric(\"rows\").weekly().lastWeeks(4).count().count()",
                "metric(\"rows\").weekly().lastWeeks(4).max().median()",
                // Of days, too: 3, 0, 0, 0, 0, 0, 5, 2, 0, 0 from 03-09 to 03-18.
                "metric(\"logins\").prevDays(10, 8).median()",
                "metric(\"logins\").prevDays(10, 8).percentile(80)",
                "metric(\"logins\").prevDays(10, 8).percentile(90)",
            ]
        ),
        [
            "15", "2", "2", "5", "3", "4", "2", "0", "nothing", "5", "50", "2", "5", "0", "7", "0", "4",
            "nothing", "0", "2", "3",
        ]
    );
    // Weeks from Sunday: 02-22 has 50 + 4, 03-01 has 1, 03-08 has 3, and 03-15 has 5 + 2.
    let sunday = as_of.clone().with_week_start(Weekday::Sunday);
    let text = "events(\"login\").weekly().lastWeeks(4).count()";
    let [first, last] = [format!("{text}.first()"), format!("{text}.last()")];
    assert_eq!(answers(&usage, &sunday, &[&first, &last]), ["54", "7"]);
    // On the last day of a week, that week is not over.
    let end = AsOf::date_utc(day("2026-03-29"));
    assert_eq!(answers(&usage, &end, &[&last, "events(\"login\").weekly().count().last()"]), ["2", "2"]);
    let next = AsOf::date_utc(day("2026-03-30"));
    assert_eq!(answers(&usage, &next, &[&last, "events(\"login\").weekly().count().last()"]), ["100", "100"]);
}

#[test]
fn why_a_week() {
    let usage = logins(&[("2026-03-09", 3), ("2026-03-15", 5), ("2026-03-16", 2)]);
    let book = book();
    let view = book.view(&Scope::all(), AsOf::date_utc(today())).unwrap();
    let metrics = Metrics::none();
    let names = usage.names(&**book.schema(), &metrics);
    let checked =
        Checker::new(&names).check("events(\"login\").weekly().lastWeeks(4).count().avg() > 2").unwrap();
    let usage = usage.over(&view, &metrics);
    let why = checked.explain(&usage, view.account("a").unwrap()).unwrap();
    assert!(
        why.to_string().contains("= 2.5 (by week from 2026-02-23 to 2026-03-22: 2026-03-16 2, 2026-03-09 8)"),
        "{why}"
    );
}

// --- The oracle -------------------------------------------------------------------------------------------------------------------------

struct Drawn {
    usage: Usage,
    oracle: OracleUsage,
    rates: ExchangeRates,
}

fn drawn_events(random: &mut Random) -> Drawn {
    let (mut usage, mut oracle) = (Usage::new(usage_schema(), UsageSettings::new()), OracleUsage::new());
    let many = random.below(70);
    let far = [10, 40, 150][random.below(3) as usize];
    for _ in 0..many {
        let account = ["a", "b", "c", "d"][random.below(4) as usize];
        let kind = ["sale", "sale", "login"][random.below(3) as usize];
        let on = today().plus_days(5 - random.below(far) as i32).unwrap();
        let user = ["", "ann", "bob"][random.below(3) as usize];
        let count = if random.below(3) == 0 { random.below(4) as u32 + 1 } else { 1 };
        let (mut properties, mut measures) = (BTreeMap::new(), BTreeMap::new());
        if kind == "sale" {
            if random.below(2) > 0 {
                properties.insert("pages".to_owned(), Value::Int(random.below(3) as i64));
            }
            if random.below(3) > 0 {
                measures.insert("rows".to_owned(), Value::Int(random.below(9) as i64 - 2));
            }
            if random.below(2) > 0 {
                measures.insert("secs".to_owned(), Value::Double(random.below(64) as f64 / 4.0 - 4.0));
            }
            if random.below(2) > 0 {
                let amount = Money::from_minor(i128::from(random.below(5_000)), Currency::USD);
                measures.insert("amount".to_owned(), Value::Money(amount));
            }
        }
        let mut event = Event::on(kind, account, on).count(count);
        if !user.is_empty() {
            event = event.user(user);
        }
        for (name, value) in properties.iter().chain(&measures) {
            event = event.value(name, value.clone());
        }
        usage.ingest([event], today().plus_days(9).unwrap()).unwrap();
        oracle.add(OracleEvent {
            account: account.to_owned(),
            kind: kind.to_owned(),
            day: on,
            instant: Timestamp::start_of(on),
            user: Some(user.to_owned()).filter(|user| !user.is_empty()),
            count,
            properties,
            measures,
        });
    }
    let since = today().plus_days(-(random.below(120) as i32)).unwrap();
    let rate = ExchangeRate::market(Currency::USD, Currency::EUR, since, Decimal::new(9, 1));
    let rates = ExchangeRates::new();
    let rates = if random.below(4) > 0 { rates.with([rate]).unwrap() } else { rates };
    Drawn { usage, oracle, rates }
}

fn pick<'t>(random: &mut Random, of: &[&'t str]) -> &'t str {
    of[random.below(of.len() as u64) as usize]
}

const OF_VALUES: [&str; 11] = [
    "median()",
    "percentile(90)",
    "percentile(33.34)",
    "percentile(0.01)",
    "count()",
    "sum()",
    "avg()",
    "min()",
    "max()",
    "first()",
    "last()",
];

fn window(random: &mut Random) -> String {
    let (many, ago) = (random.below(14) + 1, random.below(6));
    let far = today().plus_days(-(random.below(90) as i32)).unwrap();
    let near = today().plus_days(9 - random.below(40) as i32).unwrap();
    match random.below(8) {
        0 => String::new(),
        1..=3 => format!(".lastWeeks({many})"),
        4 => format!(".prevWeeks({many}, {ago})"),
        5 => format!(".lastDays({})", many * 5),
        6 => format!(".prevDays({}, {ago})", many * 5),
        _ => format!(".between(date(\"{far}\"), date(\"{near}\"))"),
    }
}

/// A question about weeks, with its parts in any order.
fn weekly(random: &mut Random) -> String {
    let by = pick(random, &[".weekly()", ".weekly()", ".weekly(\"all\")", ".weekly(\"active\")"]).to_owned();
    let mut parts = vec![window(random), by];
    let outer = pick(random, &OF_VALUES);
    if random.below(3) == 0 {
        random.shuffle(&mut parts);
        let metric = pick(random, &["many", "mean", "euros", "people"]);
        return format!("metric(\"{metric}\"){}.{}.{outer}", parts.concat(), pick(random, &OF_VALUES));
    }
    match random.below(5) {
        0 => parts.push(".where(e, e.user != \"ann\")".to_owned()),
        1 => parts.push(".where(e, e.amount.convertAt(\"EUR\", e.day) > 10)".to_owned()),
        _ => {}
    }
    random.shuffle(&mut parts);
    let of_week = pick(
        random,
        &[
            "count()",
            "count()",
            "days()",
            "first()",
            "last()",
            "sum(e, e.rows)",
            "sum(e, e.pages)",
            "sum(e, e.amount)",
            "avg(e, e.pages)",
            "min(e, e.secs)",
            "min(e, e.rows)",
            "max(e, e.amount)",
            "distinct(e, e.user)",
            "sum(e, e.amount.convertAt(\"EUR\", e.day))",
            "max(e, e.amount.convertTo(\"EUR\"))",
        ],
    );
    format!("events(\"sale\"){}.{of_week}.{outer}", parts.concat())
}

/// Attributes by week, and such as read them of other accounts; those that mean nothing are left out.
fn drawn_catalog(random: &mut Random) -> Catalog {
    let mut all: Vec<Definition> = vec![
        Metric::new("many", "events(\"sale\").count()").into(),
        Metric::new("mean", "events(\"sale\").where(e, e.user != \"bob\").avg(e, e.pages)").into(),
        Metric::new("euros", "events(\"sale\").sum(e, e.amount.convertAt(\"EUR\", e.day))").into(),
        Metric::new("people", "events(\"sale\").distinct(e, e.user)").into(),
    ];
    for at in 0..16 {
        all.push(attribute(&format!("w{at}"), &weekly(random)));
        let of =
            pick(random, &["children.sum(c, c.w@)", "subtree.max(c, c.w@)", "children.count(c, c.w@ > 2)"]);
        all.push(attribute(&format!("of{at}"), &of.replace('@', &at.to_string())));
        all.push(attribute(&format!("day{at}"), &{
            let metric = pick(random, &["many", "mean", "euros", "people"]);
            format!("metric(\"{metric}\"){}.{}", window(random), pick(random, &OF_VALUES))
        }));
    }
    let (book, usage) = (book(), usage_schema());
    loop {
        let errors = match Catalog::new(book.schema(), &usage, all.iter().cloned()) {
            Ok(catalog) => return catalog,
            Err(errors) => errors,
        };
        let wrong: BTreeSet<&str> = errors.faults().iter().map(|fault| &*fault.definition.name).collect();
        all.retain(|of| !wrong.contains(of.name()));
    }
}

proptest! {
    #![proptest_config(config(48))]

    /// Whatever is read of weeks, and of days, in whatever order it is written, on whatever day a week begins.
    #[test]
    fn weeks_are_those_of_the_oracle(seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let Drawn { usage, oracle, rates } = drawn_events(&mut random);
        let catalog = drawn_catalog(&mut random);
        prop_assert!(catalog.order().count() > 20);
        let book = book();
        let as_of = AsOf::date_utc(today().plus_days(random.below(10) as i32).unwrap());
        let as_of = as_of.with_week_start(WEEKDAYS[random.below(7) as usize]);
        let view = book.view(&Scope::all(), as_of).unwrap();
        let rates: Arc<dyn Rates> = Arc::new(rates);
        let of_view = usage.over(&view, catalog.metrics());
        let inputs = RunInputs::new().usage(&of_view).rates(&rates);
        let derived = catalog.run_observed(&view, inputs, &()).unwrap();
        let slow = OracleCatalog::new(catalog.names(), catalog.definitions()).unwrap();
        let slow = slow.over(&view, &oracle, None).with_rates(&*rates);
        for definition in catalog.definitions().iter().filter(|of| matches!(of, Definition::Attribute(_))) {
            for account in view.accounts() {
                let (found, expected) =
                    (derived.value(definition.name(), account), slow.value(definition.name(), account));
                prop_assert_eq!(found, expected, "{:?} of {}", definition, account.id_str());
            }
        }
    }

    /// An engine that receives events and days one after the other has the answers of a fresh one that receives all at once.
    #[test]
    fn weeks_of_a_live_engine(seed in any::<u64>()) {
        let mut random = Random::new(seed);
        let definitions: Vec<Definition> = drawn_catalog(&mut random).definitions().to_vec();
        let engine = |as_of: &AsOf| {
            let usage = Usage::new(usage_schema(), UsageSettings::new());
            let engine =
                Engine::new(book().schema().clone(), as_of.clone(), EngineSettings::new().usage(usage)).unwrap();
            engine.replace(book()).unwrap();
            engine.define(definitions.clone()).unwrap();
            engine
        };
        let mut as_of = AsOf::date_utc(today());
        let living = engine(&as_of);
        let rate = ExchangeRate::market(Currency::USD, Currency::EUR, day("2026-03-10"), Decimal::new(9, 1));
        let mut events: Vec<(&str, Date, u32)> = Vec::new();
        for _ in 0..6 {
            if random.below(3) > 0 {
                as_of = AsOf::date_utc(as_of.date().plus_days(random.below(6) as i32).unwrap());
                as_of = as_of.with_week_start(WEEKDAYS[[0, 0, 6][random.below(3) as usize]]);
                living.advance(as_of.clone()).unwrap();
            }
            let new: Vec<(&str, Date, u32)> = (0..random.below(4))
                .map(|_| {
                    let on = as_of.date().plus_days(-(random.below(40) as i32)).unwrap();
                    (pick(&mut random, &["a", "b", "c", "d"]), on, random.below(50) as u32 + 1)
                })
                .collect();
            events.extend(&new);
            let sale = |(of, on, rows): &(&'static str, Date, u32)| {
                let amount = Money::from_minor(i128::from(*rows) * 100, Currency::USD);
                Event::on("sale", of, *on).value("rows", i64::from(*rows)).value("amount", amount)
            };
            living.apply(Update::new().rates([rate]).events(new.iter().map(sale))).unwrap();
            let fresh = engine(&as_of);
            fresh.apply(Update::new().rates([rate]).events(events.iter().map(sale))).unwrap();
            let (living, fresh) = (living.published(), fresh.published());
            let (living, fresh) = (living.view(&Scope::all()).unwrap(), fresh.view(&Scope::all()).unwrap());
            for definition in definitions.iter().filter(|of| matches!(of, Definition::Attribute(_))) {
                for id in ["a", "b", "c", "d"] {
                    let found = living.value(definition.name(), living.account(id).unwrap());
                    let expected = fresh.value(definition.name(), fresh.account(id).unwrap());
                    prop_assert_eq!(found, expected, "{:?} of {}", definition, id);
                }
            }
        }
    }
}

// --- Totals of alike events -------------------------------------------------------------------------------------------------------------

/// A test of a measure tests the total of a day's alike events; lint `W210` warns of it.
#[test]
fn lint_w210_warns_of_a_test_of_a_total() {
    let (book, usage, metrics) = (book(), Usage::new(usage_schema(), UsageSettings::new()), Metrics::none());
    let names = usage.names(&**book.schema(), &metrics);
    let told = |text: &str| -> String {
        let checked = Checker::new(&names).check(text).unwrap_or_else(|errors| panic!("{text}: {errors}"));
        let of_totals = checked.lints().iter().filter(|lint| lint.code().as_str() == "W210");
        of_totals.map(|lint| lint.span().text(text).to_owned()).collect::<Vec<_>>().join(", ")
    };
    for (text, wanted) in [
        ("events(\"sale\").min(e, e.rows)", "e.rows"),
        ("events(\"sale\").max(e, e.rows * 2)", "e.rows"),
        ("events(\"sale\").distinct(e, e.rows)", "e.rows"),
        ("events(\"sale\").where(e, e.rows > 5).count()", "e.rows"),
        ("events(\"sale\").where(e, between(e.rows, 1, 5)).count()", "e.rows"),
        ("events(\"sale\").where(e, e.rows in [1, 5]).count()", "e.rows"),
        ("events(\"sale\").where(e, isNot(e.rows, 5)).count()", "e.rows"),
        ("events(\"sale\").sum(e, e.rows > 5 ? 1 : 0)", "e.rows"),
        // Once for each name.
        (
            "events(\"sale\").where(e, e.rows > 1 && e.rows < 9 || e.secs > 1.5).max(e, e.secs)",
            "e.rows, e.secs",
        ),
        ("events(\"sale\").weekly().max(e, e.rows).median() > 3", "e.rows"),
        // What is the same of each as of all, and what is no measure.
        ("events(\"sale\").sum(e, e.rows) > 5", ""),
        ("events(\"sale\").weekly().sum(e, e.rows).max() > 5", ""),
        ("events(\"sale\").avg(e, e.rows) > 5.0", ""),
        ("events(\"sale\").where(e, has(e.rows)).count() > 1", ""),
        ("events(\"sale\").where(e, e.pages > 2 && e.count > 1).max(e, e.pages)", ""),
    ] {
        assert_eq!(told(text), wanted, "{text}");
    }
    let text = "events(\"sale\").max(e, e.rows)";
    let checked = Checker::new(&names).check(text).unwrap();
    assert_eq!(
        checked.lints()[0].beside(text),
        "W210 events(\"sale\").max(e, e.rows)\n                           ^^^^^^ `rows` is the total of the events of a day that are alike, \
         not that of each: two of 3 are one of 6"
    );
    // Two purchases of 3 are one of 6.
    let mut usage = usage.clone();
    let sale = || Event::on("sale", "a", day("2026-03-24")).value("rows", 3_i64);
    usage.ingest([sale(), sale()], today()).unwrap();
    let asked = ["events(\"sale\").max(e, e.rows)", "events(\"sale\").where(e, e.rows == 3).count()"];
    assert_eq!(answers(&usage, &AsOf::date_utc(today()), &asked), ["6", "0"]);

    // Roll-ups over events, too: their filter, and what is taken one by one.
    let over = |name: &str, operator: Operator, filter: &str| -> Definition {
        let of = roll_up(name, operator).over(Over::Events { event: "sale".into(), last_days: None });
        if filter.is_empty() { of.into() } else { of.filter(filter).into() }
    };
    let all = [
        over("sum", Operator::Sum("row.rows".into()), ""),
        over("mean", Operator::Average("row.rows".into()), "has(row.rows)"),
        over("most", Operator::Max("row.rows".into()), ""),
        over("middle", Operator::Percentile { of: "row.rows".into(), hundredths: 5_000 }, ""),
        over("pages", Operator::Max("row.pages".into()), "row.pages > 1"),
        over("large", Operator::Count, "row.rows > 5"),
        Metric::new("daily", "events(\"sale\").max(e, e.rows)").into(),
    ];
    let wanted = BTreeSet::from(["daily at 22", "large at 0", "middle at 0", "most at 0"].map(str::to_owned));
    let totals = |lints: Vec<(DefinitionRef, Diagnostic)>| -> BTreeSet<String> {
        let of_totals = lints.into_iter().filter(|(_, lint)| lint.code().as_str() == "W210");
        of_totals.map(|(of, lint)| format!("{} at {}", of.name, lint.span().start)).collect()
    };
    let catalog = Catalog::new(book.schema(), usage.schema(), all.clone()).unwrap();
    assert_eq!(totals(catalog.report().lints), wanted);
    let settings = EngineSettings::new().usage(usage);
    let engine = Engine::new(book.schema().clone(), AsOf::date_utc(today()), settings).unwrap();
    engine.define(all).unwrap();
    assert_eq!(totals(engine.published().view(&Scope::all()).unwrap().lints()), wanted);
}

#[test]
fn editors_complete_what_is_by_week() {
    let (book, usage, metrics) = (book(), Usage::new(usage_schema(), UsageSettings::new()), Metrics::none());
    let names = usage.names(&**book.schema(), &metrics);
    let found = |text: &str| -> Vec<String> {
        let found = Checker::new(&names).completions(text, text.len());
        found.items.iter().map(|item| item.text.to_string()).collect()
    };
    assert_eq!(found("events(\"sale\").weekly("), ["\"all\"", "\"active\""]);
    let by_week = found("events(\"sale\").weekly().sum(e, e.rows).");
    assert!(
        by_week.iter().any(|item| item == "median") && !by_week.iter().any(|item| item == "days"),
        "{by_week:?}"
    );
    let usage = found("events(\"sale\").");
    assert!(
        ["weekly", "lastWeeks", "prevWeeks"].iter().all(|word| usage.iter().any(|item| item == word)),
        "{usage:?}"
    );
}
