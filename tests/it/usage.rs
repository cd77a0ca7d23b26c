//! Usage: whatever comes in, in whatever order and batches, readings and series are those of the oracle.

use std::collections::BTreeMap;

use crate::common::{companies, config};
use perennial::aggregate::{
    Event, EventKind, Faulty, Metric, Metrics, TooOld, Usage, UsageFaultKind, UsageSchema, UsageSettings,
};
use perennial::expr::{Checker, ExprPlan, ExprValue};
use perennial::testkit::{OracleEvent, OracleQuestion, OracleReading, OracleUsage, Random};
use perennial::{
    AccountId, AccountRow, AsOf, Attribute, AttributeType, Book, Change, Currency, Date, EnumValues,
    FixedZone, Money, Scope, Timestamp, Value, View,
};
use proptest::prelude::*;

const ACCOUNTS: [&str; 6] = ["a", "a1", "a2", "a21", "b", "b1"];

fn today() -> Date {
    Date::new(2026, 3, 31).unwrap()
}

fn usage_schema() -> UsageSchema {
    let plans = EnumValues::new(["free", "pro"]);
    UsageSchema::new([
        EventKind::new("export")
            .module("Reports")
            .property(Attribute::new("format", AttributeType::Text))
            .property(Attribute::new("plan", AttributeType::Enum(plans)))
            .property(Attribute::new("pages", AttributeType::Int))
            .measure(Attribute::new("rows", AttributeType::Int))
            .measure(Attribute::new("cost", AttributeType::Money(Currency::EUR)))
            .measure(Attribute::new("secs", AttributeType::Double)),
        EventKind::new("login").property(Attribute::new("format", AttributeType::Text)),
    ])
    .unwrap()
}

fn book() -> Book {
    companies(&[("a", ""), ("a1", "a"), ("a2", "a"), ("a21", "a2"), ("b", ""), ("b1", "b")])
}

fn view(book: &Book) -> View {
    book.view(&Scope::all(), AsOf::date_utc(today())).unwrap()
}

/// A random event, and whether it comes as an instant or as a day.
fn random_event(random: &mut Random, zone_minutes: i64) -> (OracleEvent, bool) {
    let day = today().plus_days(-(random.below(60) as i32)).unwrap();
    let as_day = random.below(4) == 0;
    let offset = zone_minutes * 60_000_000;
    let start = Timestamp::start_of(day).micros() - offset;
    let within = if as_day { 0 } else { random.below(86_400) as i64 * 1_000_000 };
    let pick = |random: &mut Random, of: &[&str]| of[random.below(of.len() as u64) as usize].to_owned();
    let kind = pick(random, &["export", "export", "login"]);
    let mut properties = BTreeMap::new();
    let mut measures = BTreeMap::new();
    if random.below(3) > 0 {
        properties.insert("format".to_owned(), Value::text(&pick(random, &["csv", "pdf"])));
    }
    if kind == "export" {
        if random.below(3) > 0 {
            properties.insert("plan".to_owned(), Value::Enum(pick(random, &["free", "pro"]).as_str().into()));
        }
        if random.below(2) > 0 {
            properties.insert("pages".to_owned(), Value::Int(random.below(3) as i64));
        }
        if random.below(3) > 0 {
            measures.insert("rows".to_owned(), Value::Int(random.below(9) as i64 - 2));
        }
        if random.below(3) > 0 {
            let cost = Money::from_minor(i128::from(random.below(999)), Currency::EUR);
            measures.insert("cost".to_owned(), Value::Money(cost));
        }
        if random.below(2) > 0 {
            measures.insert("secs".to_owned(), Value::Double(random.below(64) as f64 / 4.0 - 4.0));
        }
    }
    let user = (random.below(5) > 0).then(|| pick(random, &["ann", "bob", "cid", "dan"]));
    let account = pick(random, &ACCOUNTS);
    let count = if random.below(3) == 0 { random.below(5) as u32 + 1 } else { 1 };
    let instant = Timestamp::from_micros(start + within).unwrap();
    (OracleEvent { account, kind, day, instant, user, count, properties, measures }, as_day)
}

fn event(of: &(OracleEvent, bool)) -> Event<'_> {
    let (of, as_day) = of;
    let mut event = if *as_day {
        Event::on(&of.kind, &of.account, of.day)
    } else {
        Event::at(&of.kind, &of.account, of.instant)
    };
    if let Some(user) = &of.user {
        event = event.user(user);
    }
    for (name, value) in of.properties.iter().chain(&of.measures) {
        event = event.value(name, value.clone());
    }
    event.count(of.count)
}

fn random_question(random: &mut Random) -> OracleQuestion {
    use OracleReading as R;
    let kind = ["export", "export", "login", "any"][random.below(4) as usize];
    let own = |name: &str| name.to_owned();
    let reading = match (random.below(12), kind) {
        (0 | 1, _) => R::Count,
        (2, _) => R::Days,
        (3, _) => R::First,
        (4, _) => R::Last,
        (5, _) => R::Distinct(own("user")),
        (6, "export" | "login") => R::Distinct(own("format")),
        (number, "export") => {
            let field = ["rows", "cost", "secs", "pages", "count"][random.below(5) as usize];
            match number {
                6..=8 => R::Sum(own(field)),
                9 => R::Avg(own(field)),
                10 => R::Min(own(field)),
                _ => R::Max(own(field)),
            }
        }
        _ => R::Count,
    };
    let mut filters = Vec::new();
    if random.below(4) == 0 {
        filters.push((own("user"), Value::text("bob")));
    }
    if random.below(4) == 0 {
        filters.push((own("day"), Value::Date(today().plus_days(-3).unwrap())));
    }
    if kind == "export" && random.below(3) == 0 {
        filters.push((own("plan"), Value::text("pro")));
    }
    if kind != "any" && random.below(3) == 0 {
        filters.push((own("format"), Value::text("csv")));
    }
    OracleQuestion { kind: kind.to_owned(), filters, reading }
}

/// The sum of nothing, of the type of a field.
fn zero(reading: &OracleReading) -> Option<ExprValue> {
    match reading {
        OracleReading::Sum(name) => Some(match name.as_str() {
            "cost" => ExprValue::Money(perennial::Decimal::new(0, 2), Currency::EUR),
            "secs" => ExprValue::Double(0.0),
            _ => ExprValue::Int(0),
        }),
        _ => None,
    }
}

fn random_window(random: &mut Random) -> (String, Option<Date>, Date) {
    let days = random.below(30) as i32 + 1;
    let ago = random.below(20) as i32;
    match random.below(4) {
        0 => (String::new(), None, today()),
        1 => (format!(".lastDays({days})"), today().plus_days(1 - days), today()),
        2 => {
            let last = today().plus_days(-ago).unwrap();
            (format!(".prevDays({days}, {ago})"), last.plus_days(1 - days), last)
        }
        _ => {
            let (first, last) = (today().plus_days(-days - ago).unwrap(), today().plus_days(-ago).unwrap());
            (format!(".between(date(\"{first}\"), date(\"{last}\"))"), Some(first), last)
        }
    }
}

proptest! {
    #![proptest_config(config(64))]

    /// Every reading over every window, on any packing into batches and any order, is that of the oracle.
    #[test]
    fn readings_are_those_of_the_oracle(seed in any::<u64>(), rows in 0_usize..160, zone in -700_i64..700) {
        let mut random = Random::new(seed);
        let mut events: Vec<(OracleEvent, bool)> = (0..rows).map(|_| random_event(&mut random, zone)).collect();
        for _ in 0..rows / 3 {
            // Like another one in all but, now and then, its amounts.
            let mut again = events[random.below(rows as u64) as usize].clone();
            if random.below(2) == 0 && again.0.measures.contains_key("rows") {
                again.0.measures.insert("rows".to_owned(), Value::Int(random.below(9) as i64));
            }
            events.push(again);
        }
        let mut oracle = OracleUsage::new();
        // Exports that are alike are one row of a day, or each one of its own.
        let each = random.below(2) == 0;
        if each {
            oracle.keep_each("export");
        }
        let kinds = usage_schema().kinds().cloned().map(|kind| match kind.name() {
            "export" if each => kind.each(),
            _ => kind,
        }).collect::<Vec<_>>();
        // What the oracle has under the id of the account that absorbed another one.
        let merges = random.below(2) == 0;
        for (event, _) in &events {
            let mut event = event.clone();
            if merges && event.account == "b1" {
                event.account = "a2".to_owned();
            }
            oracle.add(event);
        }
        // In another order, in batches of any size.
        for at in (1..events.len()).rev() {
            events.swap(at, random.below(at as u64 + 1) as usize);
        }
        let settings = UsageSettings::new().zone(FixedZone::east("test", zone as i32));
        let mut usage = Usage::new(UsageSchema::new(kinds).unwrap(), settings.clone());
        let mut left = events.as_slice();
        while !left.is_empty() {
            let (batch, rest) = left.split_at((random.below(40) as usize + 1).min(left.len()));
            // Whoever holds an older state keeps it.
            let before = (random.below(3) == 0).then(|| (usage.clone(), usage.buckets()));
            let report = usage.ingest(batch.iter().map(event), today()).unwrap();
            prop_assert_eq!((report.counted, report.faulty), (batch.len(), 0));
            if let Some((before, buckets)) = before {
                prop_assert_eq!(before.buckets(), buckets);
            }
            left = rest;
        }
        // The same bits, in whatever order and batches they came.
        let mut other = Usage::new(usage.schema().clone(), settings.clone());
        for at in (1..events.len()).rev() {
            events.swap(at, random.below(at as u64 + 1) as usize);
        }
        let batches = usage.version() as usize;
        for batch in events.chunks(events.len().div_ceil(batches.max(1)).max(1)) {
            other.ingest(batch.iter().map(event), today()).unwrap();
        }
        while other.version() < usage.version() {
            other.ingest([], today()).unwrap();
        }
        prop_assert_eq!(usage.to_snapshot(), other.to_snapshot());
        let back = Usage::from_snapshot(usage.schema().clone(), settings, &usage.to_snapshot()).unwrap();
        prop_assert_eq!(back.buckets(), other.buckets());
        prop_assert_eq!(back.to_snapshot(), usage.to_snapshot());

        let mut book = book();
        if merges {
            let id = |text: &str| AccountId::new(text).unwrap();
            let merger = Change::new().merge(&id("b1"), &id("a2"), today().plus_days(-20).unwrap());
            book = book.apply(&merger).unwrap().0;
        }
        let view = view(&book);
        let questions: Vec<OracleQuestion> = (0..12).map(|_| random_question(&mut random)).collect();
        let windows: Vec<_> = (0..12).map(|_| random_window(&mut random)).collect();
        let series = ["count", "sum", "avg", "min", "max", "first", "last", "median", "percentile"];
        let daily: Vec<&str> = (0..12).map(|_| series[random.below(9) as usize]).collect();
        let metrics = questions.iter().enumerate().map(|(at, question)| {
            let (events, reading) = question.text();
            Metric::new(&format!("m{at}"), &format!("{events}{reading}"))
        });
        let metrics = Metrics::new(usage.schema(), metrics).unwrap();
        let names = usage.names(&**book.schema(), &metrics);
        let checker = Checker::new(&names);
        let mut expressions = Vec::new();
        for (at, (question, (window, ..))) in questions.iter().zip(&windows).enumerate() {
            let (events, reading) = question.text();
            expressions.push(Some(checker.check(&format!("{events}{window}{reading}")).unwrap()));
            // Not every type has a sum.
            let share = if daily[at] == "percentile" { "90" } else { "" };
            expressions.push(checker.check(&format!("metric(\"m{at}\"){window}.{}({share})", daily[at])).ok());
        }
        let placed: Vec<Option<usize>> = expressions.iter().scan(0, |next, checked| {
            Some(checked.as_ref().map(|_| { *next += 1; *next - 1 }))
        }).collect();
        let plan = ExprPlan::new(expressions.iter().flatten());
        let usage_view = usage.over(&view, &metrics);
        let answers = plan.run(&usage_view).unwrap();
        for (at, (question, (_, first, last))) in questions.iter().zip(&windows).enumerate() {
            for account in view.accounts() {
                let expected = oracle
                    .answer(account.id_str(), question, *first, *last)
                    .or_else(|| zero(&question.reading));
                let number = placed[2 * at].unwrap();
                let shown = expressions[2 * at].as_ref().unwrap();
                prop_assert_eq!(&answers.value(number, account), &expected, "{} at {}", shown, account.id_str());
                let point = shown.for_accounts(&usage_view).unwrap();
                prop_assert_eq!(&point.value(account), &expected);

                let Some(number) = placed[2 * at + 1] else { continue };
                let shown = expressions[2 * at + 1].as_ref().unwrap();
                let expected = of_days(&oracle, account.id_str(), question, *first, *last, daily[at]);
                prop_assert_eq!(&answers.value(number, account), &expected, "{} at {}", shown, account.id_str());
                if let Some(first) = first {
                    let series = usage_view.series(&format!("m{at}"), account, *first, *last).unwrap();
                    for day in series {
                        let expected = oracle
                            .answer(account.id_str(), question, Some(day.day), day.day)
                            .or_else(|| zero(&question.reading));
                        prop_assert_eq!(day.value, expected, "{}", day.day);
                    }
                }
            }
        }
    }
}

/// What is read of a daily series, day by day.
fn of_days(
    oracle: &OracleUsage,
    account: &str,
    question: &OracleQuestion,
    first: Option<Date>,
    last: Date,
    reading: &str,
) -> Option<ExprValue> {
    let from = first.or_else(|| oracle.first_day(account, question, last));
    let mut values: Vec<ExprValue> = Vec::new();
    if let Some(from) = from {
        for day in (from.days()..=last.days()).filter_map(Date::from_days) {
            let value = oracle.answer(account, question, Some(day), day).or_else(|| zero(&question.reading));
            values.extend(value);
        }
    }
    // All values of one series are of one type: as numbers in the smallest unit.
    let number = |value: &ExprValue| match value {
        ExprValue::Int(v) => i128::from(*v),
        ExprValue::Money(v, _) => v.units(),
        // Quanta of 2^-64, ruling S38.
        ExprValue::Double(v) => (v * 2_f64.powi(64)).round_ties_even() as i128,
        ExprValue::Timestamp(v) => i128::from(v.micros()),
        other => panic!("{other}"),
    };
    let exact = |units: i128, like: &ExprValue| match like {
        ExprValue::Int(_) => ExprValue::Int(units as i64),
        ExprValue::Money(v, currency) => {
            ExprValue::Money(perennial::Decimal::new(units, v.scale()), *currency)
        }
        _ => ExprValue::Double(units as f64 / 2_f64.powi(64)),
    };
    let sum: i128 = values.iter().map(number).sum();
    match reading {
        "count" => Some(ExprValue::Int(values.len() as i64)),
        "sum" => match values.first() {
            Some(like) => Some(exact(sum, like)),
            None => Some(zero(&question.reading).unwrap_or(match &question.reading {
                OracleReading::Avg(name) | OracleReading::Min(name) | OracleReading::Max(name) => {
                    match (name.as_str(), &question.reading) {
                        ("cost", OracleReading::Avg(_)) => {
                            ExprValue::Money(perennial::Decimal::new(0, 11), Currency::EUR)
                        }
                        ("cost", _) => ExprValue::Money(perennial::Decimal::new(0, 2), Currency::EUR),
                        ("secs", _) | (_, OracleReading::Avg(_)) => ExprValue::Double(0.0),
                        _ => ExprValue::Int(0),
                    }
                }
                _ => ExprValue::Int(0),
            })),
        },
        "avg" => {
            let like = values.first()?;
            Some(match like {
                ExprValue::Money(v, currency) => {
                    let digits = 11 - v.scale();
                    let units = sum * 10_i128.pow(u32::from(digits));
                    let count = values.len() as i128;
                    let (down, rest) = (units.div_euclid(count), units.rem_euclid(count));
                    let up = rest * 2 > count || rest * 2 == count && down % 2 != 0;
                    ExprValue::Money(perennial::Decimal::new(down + i128::from(up), 11), *currency)
                }
                ExprValue::Double(_) => ExprValue::Double(sum as f64 / 2_f64.powi(64) / values.len() as f64),
                _ => ExprValue::Double(sum as f64 / values.len() as f64),
            })
        }
        "min" => values.into_iter().min_by(order),
        "max" => values.into_iter().max_by(order),
        "median" | "percentile" => {
            values.sort_by(order);
            let percent = if reading == "median" { 50 } else { 90 };
            let place = (values.len() * percent).div_ceil(100);
            values.into_iter().nth(place.checked_sub(1)?)
        }
        "first" => values.into_iter().next(),
        _ => values.into_iter().next_back(),
    }
}

fn order(a: &ExprValue, b: &ExprValue) -> std::cmp::Ordering {
    match (a, b) {
        (ExprValue::Int(a), ExprValue::Int(b)) => a.cmp(b),
        (ExprValue::Money(a, _), ExprValue::Money(b, _)) => a.units().cmp(&b.units()),
        (ExprValue::Double(a), ExprValue::Double(b)) => a.total_cmp(b),
        (ExprValue::Timestamp(a), ExprValue::Timestamp(b)) => a.cmp(b),
        _ => panic!("{a} {b}"),
    }
}

// --- What comes in --------------------------------------------------------------------------------

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The answers of an expression for an account, with the usage of everything.
fn asked(usage: &Usage, expression: &str, account: &str) -> Option<String> {
    let (book, metrics) = (book(), Metrics::none());
    let view = view(&book);
    let names = usage.names(&**book.schema(), &metrics);
    let checked = Checker::new(&names).check(expression).unwrap();
    let plan = ExprPlan::new([&checked]);
    let answers = plan.run(&usage.over(&view, &metrics)).unwrap();
    answers.value(0, view.account(account).unwrap()).map(|value| value.to_string())
}

#[test]
fn an_event_is_counted_once() {
    let mut usage = Usage::new(usage_schema(), UsageSettings::new().ids_for_days(7));
    let sent = || Event::at("login", "a", instant("2026-03-30T10:00:00Z")).user("ann").id("e1");
    // In one batch, and in another.
    let report = usage.ingest([sent(), sent()], today()).unwrap();
    assert_eq!((report.counted, report.duplicates), (1, 1));
    let report = usage.ingest([sent()], today()).unwrap();
    assert_eq!((report.counted, report.duplicates, report.faulty), (0, 1, 0));
    // The same id for something else is no repetition.
    let report = usage.ingest([sent().count(2), sent().user("bob")], today()).unwrap();
    assert_eq!((report.counted, report.faulty), (0, 2));
    assert!(matches!(&report.faults[0].kind, UsageFaultKind::IdReused { id } if id == "e1"));
    assert_eq!(asked(&usage, "events(\"login\").count()", "a").unwrap(), "1");
    // Too many values are refused at once, and not looked through.
    let names: Vec<String> = (0..1_000).map(|number| format!("v{number}")).collect();
    let many = names.iter().fold(Event::on("login", "a", today()), |event, name| event.value(name, 1_i64));
    let report = usage.ingest([many], today()).unwrap();
    assert_eq!(report.faults[0].kind.to_string(), "there are too many different values");
    // After its days an id says nothing, be it forgotten already or not.
    let mut other = usage.clone();
    let report = other.ingest([sent().count(2)], today().plus_days(6).unwrap()).unwrap();
    assert_eq!((report.counted, report.faulty), (1, 0));
    assert_eq!(usage.remembered_ids(), 1);
    let later = today().plus_days(6).unwrap();
    usage.ingest([], later).unwrap();
    assert_eq!(usage.remembered_ids(), 0);
}

#[test]
fn a_late_event_that_is_sent_twice_is_counted_once() {
    let mut usage = Usage::new(usage_schema(), UsageSettings::new().ids_for_days(30));
    let late = || Event::on("login", "a", today().plus_days(-40).unwrap()).user("ann").id("e1");
    let report = usage.ingest([late(), late()], today()).unwrap();
    // Whether it was counted when it happened, nobody knows; the report says so.
    assert_eq!((report.counted, report.late, report.duplicates), (1, 1, 1));
    assert_eq!(
        report.to_string(),
        "2 rows: 1 counted as 1 events (1 too late to be known again), 1 repeated"
    );
    let report = usage.ingest([late()], today()).unwrap();
    assert_eq!((report.counted, report.late, report.duplicates), (0, 0, 1));
    let report = usage.ingest([late().count(2)], today().plus_days(20).unwrap()).unwrap();
    assert!(matches!(&report.faults[0].kind, UsageFaultKind::IdReused { .. }));
    assert_eq!(asked(&usage, "events(\"login\").count()", "a").unwrap(), "1");
    // It is remembered as long as one that came in on time.
    usage.ingest([], today().plus_days(30).unwrap()).unwrap();
    assert_eq!(usage.remembered_ids(), 0);
    // The clock of the host goes back: ids of these days are forgotten already.
    let report = usage.ingest([late()], today().plus_days(-15).unwrap()).unwrap();
    assert_eq!((report.counted, report.late), (1, 1));
    let report = usage.ingest([late()], today().plus_days(-15).unwrap()).unwrap();
    assert_eq!((report.counted, report.duplicates), (0, 1));
}

#[test]
fn the_count_of_events_is_a_total_and_no_sum_of_squares() {
    let mut usage = Usage::new(usage_schema(), UsageSettings::new());
    let sent = |count: u32, pages: i64, day: i32| {
        Event::on("export", "a", today().plus_days(-day).unwrap()).count(count).value("pages", pages)
    };
    usage.ingest([sent(3, 2, 1), sent(1, 7, 2)], today()).unwrap();
    let found = |expression: &str| asked(&usage, &format!("events(\"export\"){expression}"), "a").unwrap();
    assert_eq!(found(".sum(e, e.count)"), "4");
    assert_eq!(found(".avg(e, e.count)"), "1");
    assert_eq!(found(".max(e, e.count)"), "3");
    assert_eq!(found(".sum(e, e.pages * e.count)"), "13");
    assert_eq!(found(".sum(e, e.pages)"), "13");
}

#[test]
fn days_that_are_too_old_are_counted_or_refused() {
    let old = || Event::on("login", "a", Date::new(2026, 3, 1).unwrap()).count(5);
    let new = || Event::on("login", "a", today());
    let settings = UsageSettings::new().keep_days(30);
    let mut usage = Usage::new(usage_schema(), settings.clone());
    let report = usage.ingest([old(), new()], today()).unwrap();
    assert_eq!((report.counted, report.too_old, report.faulty), (1, 1, 0));
    assert_eq!((usage.dropped_events(), usage.kept_from()), (5, Some(Date::new(2026, 3, 2).unwrap())));

    let mut usage = Usage::new(usage_schema(), settings.clone().too_old(TooOld::Refuse));
    let report = usage.ingest([old(), new()], today()).unwrap();
    assert_eq!((report.counted, report.faulty), (1, 1));
    assert_eq!(
        report.faults[0].to_string(),
        "row 1, account `a`: 2026-03-01 is before 2026-03-02, from where usage is kept"
    );

    // What was kept grows too old, and is dropped with its count.
    let mut usage = Usage::new(usage_schema(), settings);
    usage.ingest([Event::on("login", "a", Date::new(2026, 3, 2).unwrap()).count(4), new()], today()).unwrap();
    assert_eq!(usage.buckets(), 2);
    usage.ingest([], today().plus_days(1).unwrap()).unwrap();
    assert_eq!((usage.buckets(), usage.dropped_events()), (1, 4));
    // Should the clock go back, what was dropped does not come in again.
    let report = usage.ingest([Event::on("login", "a", Date::new(2026, 3, 2).unwrap())], today()).unwrap();
    assert_eq!((report.counted, report.too_old), (0, 1));
}

#[test]
fn a_refused_batch_changes_nothing() {
    let mut usage = Usage::new(usage_schema(), UsageSettings::new().faulty(Faulty::RefuseBatch));
    let good = || Event::on("login", "a", today()).id("e1");
    let refused = usage
        .ingest(
            [
                good(),
                Event::on("logn", "a", today()),
                Event::on("export", "", today()).value("rows", "many").value("row", 1_i64).count(0),
                Event::on("export", "a", today()).value("rows", 1_i64).value("rows", 2_i64),
                Event::on("login", "a", today().plus_days(2).unwrap()),
                Event::on("export", "a", today()).value("cost", Money::from_minor(1, Currency::USD)),
                Event::on("export", "a", today()).value("secs", 1e300),
            ],
            today(),
        )
        .unwrap_err();
    let text = refused.to_string();
    assert_eq!(refused.report().faulty, 6);
    for part in [
        "row 2, account `a`: there is no event `logn`; did you mean `login`?",
        "row 3, account ``: account",
        "row 3, account ``: it stands for no event: its count is 0",
        "row 3, account ``: rows: expected whole number, found text",
        "row 3, account ``: event `export` has no `row`; did you mean `rows`?",
        "row 4, account `a`: `rows` is given twice",
        "row 5, account `a`: 2026-04-02 is after 2026-04-01, the last day that is taken",
        "row 6, account `a`: cost: amount in USD, declared in EUR",
        "row 7, account `a`: secs:",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert_eq!((usage.buckets(), usage.accounts(), usage.remembered_ids(), usage.version()), (0, 0, 0, 0));
    // The same event, by itself, is no repetition of one that was refused.
    assert_eq!(usage.ingest([good()], today()).unwrap().counted, 1);
}

#[test]
fn a_day_is_a_day_in_the_zone_of_the_usage() {
    let late = || Event::at("login", "a", instant("2026-03-30T23:30:00Z"));
    let mut utc = Usage::new(usage_schema(), UsageSettings::new());
    let mut paris = Usage::new(usage_schema(), UsageSettings::new().zone(FixedZone::east("CET", 60)));
    utc.ingest([late()], today()).unwrap();
    paris.ingest([late()], today()).unwrap();
    assert_eq!(asked(&utc, "events(\"login\").lastDays(1).count()", "a").unwrap(), "0");
    assert_eq!(asked(&paris, "events(\"login\").lastDays(1).count()", "a").unwrap(), "1");
    assert_eq!(asked(&paris, "events(\"login\").last()", "a").unwrap(), "2026-03-30T23:30:00Z");
}

/// Windows are days; whether there was an event within some hours is known all the same.
#[test]
fn the_last_hours_are_asked_of_the_last_instant() {
    let mut usage = Usage::new(usage_schema(), UsageSettings::new());
    let login = |account: &'static str, at: &str| Event::at("login", account, instant(at)).user("ann");
    let sent = [
        login("a", "2026-04-01T05:59:00Z"),
        login("a", "2026-04-01T06:30:00Z"),
        login("b", "2026-04-01T05:59:00Z"),
        login("a1", "2026-03-31T23:00:00Z"),
    ];
    usage.ingest(sent, today()).unwrap();
    let (book, metrics) = (book(), Metrics::none());
    let names = usage.names(&**book.schema(), &metrics);
    let within = |hours: &str, noon: &str| {
        let view = book.view(&Scope::all(), AsOf::at(instant(noon))).unwrap();
        let text = format!("isTrue(events(\"login\").last() > now() - duration(\"{hours}\"))");
        let checked = Checker::new(&names).check(&text).unwrap();
        let answers = ExprPlan::new([&checked]).run(&usage.over(&view, &metrics)).unwrap();
        ["a", "b", "a1"].map(|account| answers.value(0, view.account(account).unwrap()))
    };
    let truths = |truths: [bool; 3]| truths.map(|truth| Some(ExprValue::Bool(truth)));
    assert_eq!(within("6h", "2026-04-01T12:00:00Z"), truths([true, false, false]));
    assert_eq!(within("7h", "2026-04-01T12:00:00Z"), truths([true, true, false]));
    // Hours go on over midnight.
    assert_eq!(within("24h", "2026-04-01T22:00:00Z"), truths([true, true, true]));
    for name in ["lastHours(6)", "prevHours(6, 6)", "lastMinutes(5)"] {
        let said = Checker::new(&names).check(&format!("events(\"login\").{name}.count() > 0")).unwrap_err();
        let wanted = "usage is counted by day, and of each day the first and the last instant is kept: ask events(..).last() > now() - duration(\"6h\")";
        assert!(said.to_string().contains(wanted), "{said}");
    }
}

#[test]
fn events_of_an_account_wait_for_it() {
    let mut usage = Usage::new(usage_schema(), UsageSettings::new());
    usage.ingest([Event::on("login", "a", today()), Event::on("login", "new", today())], today()).unwrap();
    let book = book();
    let metrics = Metrics::none();
    let names = usage.names(&**book.schema(), &metrics);
    let checked = Checker::new(&names).check("subtree.sum(x, events(\"login\").count())");
    assert!(checked.is_err(), "the events of the outer account are the same for each");
    let checked = Checker::new(&names).check("events(\"login\").count()").unwrap();
    let plan = ExprPlan::new([&checked]);
    let before = usage.over(&view(&book), &metrics);

    let row = AccountRow::new(AccountId::new("new").unwrap(), "Company").under(AccountId::new("a").unwrap());
    let (book, _) = book.apply(&perennial::Change::new().add(row)).unwrap();
    let view = view(&book);
    let usage_view = before.refresh(&usage, &view);
    let answers = plan.run(&usage_view).unwrap();
    assert_eq!(answers.value(0, view.account("new").unwrap()), Some(ExprValue::Int(1)));
    assert_eq!(answers.value(0, view.account("a1").unwrap()), Some(ExprValue::Int(0)));
    // Old answers stay; a fresh start gives the same.
    assert_eq!(
        plan.run(&usage.over(&view, &metrics)).unwrap().value(0, view.account("new").unwrap()),
        Some(ExprValue::Int(1))
    );
}

#[test]
fn did_not_is_a_count_of_zero() {
    let mut usage = Usage::new(usage_schema(), UsageSettings::new());
    usage.ingest([Event::on("login", "a", today().plus_days(-40).unwrap()).user("ann")], today()).unwrap();
    // True for accounts that never sent an event.
    for account in ["a", "b"] {
        assert_eq!(asked(&usage, "events(\"login\").lastDays(30).count() == 0", account).unwrap(), "true");
    }
    let stopped =
        "events(\"login\").prevDays(30, 30).count() > 0 && events(\"login\").lastDays(30).count() == 0";
    assert_eq!(asked(&usage, stopped, "a").unwrap(), "true");
    assert_eq!(asked(&usage, stopped, "b").unwrap(), "false");
    let change = "change(events(\"login\").lastDays(30).count(), events(\"login\").prevDays(30, 30).count())";
    assert_eq!(asked(&usage, change, "a").unwrap(), "-1");
    assert_eq!(asked(&usage, change, "b"), None, "from nothing there is no change");
    assert_eq!(asked(&usage, "events(\"login\").lastDays(30).last()", "a"), None);
}

#[test]
fn a_year_of_one_account_comes_in_backwards() {
    // Late events across many spans of days, one by one, and all at once: the same buckets.
    let days: Vec<Date> = (0..400).map(|back| today().plus_days(-back).unwrap()).collect();
    let event = |day: &Date| Event::on("export", "a", *day).value("rows", i64::from(day.day()));
    let mut single = Usage::new(usage_schema(), UsageSettings::new());
    for day in &days {
        single.ingest([event(day)], today()).unwrap();
        single.ingest([event(day)], today()).unwrap();
    }
    let mut batch = Usage::new(usage_schema(), UsageSettings::new());
    batch.ingest(days.iter().chain(&days).map(event), today()).unwrap();
    assert_eq!(single.buckets(), 400);
    assert_eq!(batch.buckets(), 400);
    for expression in [
        "events(\"export\").sum(e, e.rows)",
        "events(\"export\").count()",
        "events(\"export\").lastDays(365).days()",
    ] {
        assert_eq!(asked(&single, expression, "a"), asked(&batch, expression, "a"), "{expression}");
    }
    assert_eq!(asked(&batch, "events(\"export\").count()", "a").unwrap(), "800");
}

/// Two purchases of 3 on a day are one of 6, unless their kind keeps each.
#[test]
fn a_kind_may_keep_each_of_its_events() {
    let purchase = || EventKind::new("purchase").measure(Attribute::new("items", AttributeType::Int));
    let of = |number: i64| Event::on("purchase", "a", today()).value("items", number);
    let answers = |kind: EventKind| -> Vec<String> {
        let mut usage = Usage::new(UsageSchema::new([kind]).unwrap(), UsageSettings::new());
        usage.ingest([of(3), of(1)], today()).unwrap();
        usage.ingest([of(3)], today()).unwrap();
        let book = book();
        let view = view(&book);
        let metrics = Metrics::default();
        let names = usage.names(&**book.schema(), &metrics);
        let usage_view = usage.over(&view, &metrics);
        let texts = [
            "events(\"purchase\").max(e, e.items)",
            "events(\"purchase\").min(e, e.items)",
            "events(\"purchase\").sum(e, e.items)",
            "events(\"purchase\").where(e, e.items == 3).count()",
            "events(\"purchase\").count()",
        ];
        let said = texts.map(|text| {
            let checked = Checker::new(&names).check(text).unwrap();
            let value = checked.for_accounts(&usage_view).unwrap().value(view.account("a").unwrap());
            value.map_or("-".to_owned(), |value| value.to_string())
        });
        let lints = texts.map(|text| Checker::new(&names).check(text).unwrap().lints().len());
        said.into_iter().chain([format!("{} lints", lints.iter().sum::<usize>())]).collect()
    };
    assert_eq!(answers(purchase()), ["7", "7", "7", "0", "3", "3 lints"]);
    assert_eq!(answers(purchase().each()), ["3", "1", "7", "2", "3", "0 lints"]);
    let json = serde_json::to_string(&purchase().each()).unwrap();
    assert!(json.ends_with("\"each\":true}"), "{json}");
    assert_eq!(serde_json::from_str::<EventKind>(&json).unwrap(), purchase().each());
    assert_ne!(purchase(), purchase().each());
    let document = |each: &str| {
        let text = format!(
            r#"{{"v":1,"events":[{{"name":"purchase","measures":[{{"name":"items","type":"int"}}]{each}}}]}}"#
        );
        perennial::catalog::Manifest::read(&text)
    };
    let kept = UsageSchema::new([purchase().each()]).unwrap();
    assert_eq!(document(r#","each":true"#).unwrap().events.unwrap(), kept);
    assert_eq!(document("").unwrap().events.unwrap(), UsageSchema::new([purchase()]).unwrap());
    let error = document(r#","each":"yes""#).unwrap_err().to_string();
    assert!(error.contains("`/events/0/each`: expected true or false"), "{error}");
}

/// Rows are kept from the day on which the kind says so; what was added up before stays one row, and is added up again.
#[test]
fn a_kind_that_begins_or_ends_to_keep_each() {
    use perennial::engine::{Engine, EngineSettings, Update};
    use perennial::{Nesting, Schema, SchemaChange};
    let purchase = || EventKind::new("purchase").measure(Attribute::new("items", AttributeType::Int));
    let usage = Usage::new(UsageSchema::new([purchase()]).unwrap(), UsageSettings::new());
    let schema = Schema::builder().account_type("Company", Nesting::Free).build().unwrap();
    let engine = Engine::new(schema, AsOf::date_utc(today()), EngineSettings::new().usage(usage)).unwrap();
    let of = |number: i64| Event::on("purchase", "a", today()).value("items", number);
    let buckets = || engine.published().usage().unwrap().buckets();
    engine.ingest([of(3), of(3)]).unwrap();
    assert_eq!(buckets(), 1);
    engine.apply(Update::new().schema(SchemaChange::new().event(purchase().each()))).unwrap();
    engine.ingest([of(3), of(3)]).unwrap();
    assert_eq!(buckets(), 3);
    let bytes = engine.published().usage().unwrap().to_snapshot();
    let error = Usage::from_snapshot(UsageSchema::new([purchase()]).unwrap(), UsageSettings::new(), &bytes)
        .unwrap_err();
    assert!(error.to_string().contains("event `purchase` is declared otherwise"), "{error}");
    engine.apply(Update::new().schema(SchemaChange::new().event(purchase()))).unwrap();
    assert_eq!(buckets(), 1);
}
