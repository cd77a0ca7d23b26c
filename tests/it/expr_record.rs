//! What expressions give for one record.

use std::sync::Arc;

use crate::zones::IanaZones;
use perennial::expr::{Checker, ExprValue};
use perennial::{
    AsOf, Attribute, AttributeType, ChildTable, Currency, Date, EnumValues, FiscalCalendar, Nesting, Schema,
    TableKind, Timestamp, Weekday, Zone, Zones,
};
use serde_json::{Value as Json, json};

fn schema() -> Schema {
    let attribute = |name: &str, kind| Attribute::new(name, kind);
    Schema::builder()
        .account_type("Company", Nesting::Free)
        .attribute(attribute("name", AttributeType::Text))
        .attribute(attribute("none", AttributeType::Text))
        .attribute(attribute("yes", AttributeType::Bool))
        .attribute(attribute("no", AttributeType::Bool))
        .attribute(attribute("unknown", AttributeType::Bool))
        .attribute(attribute("seats", AttributeType::Int))
        .attribute(attribute("lost", AttributeType::Int))
        .attribute(attribute("rate", AttributeType::Double))
        .attribute(attribute("score", AttributeType::Decimal { scale: 2 }))
        .attribute(attribute("arr", AttributeType::Money(Currency::EUR)))
        .attribute(attribute("yen", AttributeType::Money(Currency::JPY)))
        .attribute(attribute("region", AttributeType::Enum(EnumValues::new(["EMEA", "APAC"]))))
        .attribute(attribute("band", AttributeType::Band(EnumValues::new(["poor", "good", "best"]))))
        .attribute(attribute("renewal", AttributeType::Date))
        .attribute(attribute("seen", AttributeType::Timestamp))
        .attribute(attribute("wait", AttributeType::Duration))
        .attribute(attribute("tags", AttributeType::List))
        .attribute(attribute("empty", AttributeType::List))
        .table(
            ChildTable::new("contracts", TableKind::Contracts)
                .column(attribute("amount", AttributeType::Int)),
        )
        .build()
        .unwrap()
}

fn record() -> Json {
    json!({
        "name": "Straße 7", "yes": true, "no": false, "seats": 7, "rate": 0.25, "score": "12.50",
        "arr": "1000.10", "yen": 500, "region": "EMEA", "band": "good", "renewal": "2026-03-31",
        "seen": "2026-03-29T00:30:00Z", "wait": "36h", "tags": ["vip", "eu"], "empty": [],
    })
}

/// Sunday 29 March 2026: the night in which clocks go forward in Berlin.
fn as_of() -> AsOf {
    #[derive(Debug)]
    struct Berlin(Arc<dyn Zone>);
    impl Zone for Berlin {
        fn name(&self) -> &str {
            self.0.name()
        }
        fn offset_micros(&self, instant: Timestamp) -> i64 {
            self.0.offset_micros(instant)
        }
    }
    AsOf::at("2026-03-29T12:00:00Z".parse().unwrap())
        .with_zone(Berlin(IanaZones.zone("Europe/Berlin").unwrap()))
        .with_week_start(Weekday::Monday)
        .with_fiscal(FiscalCalendar::starting(2).unwrap())
}

fn value(text: &str) -> Option<ExprValue> {
    let schema = schema();
    let checked =
        Checker::new(&schema).with_zones(&IanaZones).check(text).unwrap_or_else(|errors| panic!("{errors}"));
    checked.for_json(&as_of()).unwrap().value(&record()).unwrap()
}

#[test]
fn truth_has_three_states() {
    for (text, wanted) in [
        ("yes && yes", Some(true)),
        ("yes && no", Some(false)),
        ("yes && unknown", None),
        ("no && unknown", Some(false)),
        ("unknown && no", Some(false)),
        ("unknown && unknown", None),
        ("no || no", Some(false)),
        ("no || unknown", None),
        ("yes || unknown", Some(true)),
        ("unknown || yes", Some(true)),
        ("!unknown", None),
        ("none == \"x\"", None),
        ("none != \"x\"", None),
        ("isNot(none, \"x\")", Some(true)),
        ("isNot(none, none)", Some(true)),
        ("isNot(name, \"x\")", Some(true)),
        ("isTrue(unknown)", Some(false)),
        ("has(none)", Some(false)),
        ("has(name)", Some(true)),
        ("unknown ? true : true", None),
        ("yes ? true : unknown", Some(true)),
        ("none in [\"x\"]", None),
        ("none in []", None),
        ("tags.exists(t, t == none)", None),
        ("tags.exists(t, t == \"vip\" || t == none)", Some(true)),
        ("tags.all(t, t == none)", None),
        ("tags.all(t, t == \"vip\" && t == none)", Some(false)),
        ("tags.all(t, t == \"x\" && unknown)", Some(false)),
        ("tags.exists_one(t, t == none)", None),
        ("empty.exists(t, t == none)", Some(false)),
        ("empty.all(t, t == none)", Some(true)),
        ("seats / 0 > 1", None),
        ("seats > 1 / 0 || yes", Some(true)),
        ("tags[2] == \"x\"", None),
        ("tags[0 - 1] == \"x\"", None),
        ("tags[1] == \"eu\"", Some(true)),
        ("lost > 1", None),
        ("coalesce(lost, 3) == 3", Some(true)),
        ("math.least(lost, 3) == 3", None),
        ("between(seats, 7, 7)", Some(true)),
        ("between(seats, 8, lost)", Some(false)),
        ("tags.containsAll([\"eu\"]) && tags.containsAll([])", Some(true)),
        ("tags.containsAny([\"x\"])", Some(false)),
    ] {
        assert_eq!(value(text), wanted.map(ExprValue::Bool), "{text}");
    }
}

#[test]
fn numbers_are_exact_where_they_can_be() {
    for (text, wanted) in [
        ("seats + 1", "8"),
        ("seats / 2", "3"),
        ("-seats / 2", "-3"),
        ("-seats % 2", "-1"),
        ("ratio(seats, 2)", "3.5"),
        ("score * 0.01", "0.1250"),
        ("score * seats", "87.50"),
        ("score + 0.125", "12.625"),
        ("arr * 0.1", "100.010 EUR"),
        ("arr * rate", "250.02500000000 EUR"),
        ("arr / 2", "500.05"),
        ("arr * seats - 0.7", "7000.00 EUR"),
        ("yen * 1.5", "750.0 JPY"),
        ("arr / arr", "1"),
        ("math.round(score)", "13.00"),
        ("math.round(0.0 - score)", "-13.00"),
        ("math.floor(-12.5) + math.ceil(12.5)", "0"),
        ("math.round(2.5) + math.round(-2.5)", "0"),
        ("math.abs(-5) + math.sign(-3)", "4"),
        ("int(2.9) + int(-2.9)", "0"),
        ("int(score)", "12"),
        ("double(arr)", "1000.1"),
        ("change(seats, 4)", "0.75"),
        ("coalesce(lost, 0.5)", "0.5"),
        ("math.greatest(seats, 6.5, 3)", "7"),
        ("0.1 + 0.2", "0.30000000000000004"),
        ("yes ? 1 : 2.5", "1"),
        ("9223372036854775807 + 0", "9223372036854775807"),
        ("size(name)", "8"),
        ("size(tags)", "2"),
        ("name + \"!\"", "Straße 7!"),
        ("name.lowerAscii()", "straße 7"),
        ("name.upperAscii()", "STRAßE 7"),
        ("string(seats) + string(rate) + string(yes) + string(score)", "70.25true12.50"),
        ("string(renewal) + string(wait)", "2026-03-31129600s"),
        ("string(seen)", "2026-03-29T00:30:00Z"),
        ("region + band", "EMEAgood"),
        ("tags.map(t, t + \"!\")", "vip!, eu!"),
        ("tags.filter(t, t != \"vip\")", "eu"),
    ] {
        assert_eq!(value(text).map(|value| value.to_string()).as_deref(), Some(wanted), "{text}");
    }
    for text in [
        "9223372036854775807 + 1",
        "-(-9223372036854775807 - 1)",
        "seats / 0",
        "seats % 0",
        "rate / 0",
        "1e300 * 1e300 * rate",
        "int(1e19)",
        "int(9223372036854775808.0)",
        "timestamp(-9223372036854775807)",
        "date(timestamp(\"9999-12-31T23:59:59Z\")) + 1",
        "change(seats, 0)",
        "math.abs(-9223372036854775807 - 1)",
    ] {
        assert_eq!(value(text), None, "{text}");
    }
}

#[test]
fn predicates_compare_as_the_types_say() {
    for text in [
        "score == 12.5",
        "score > 12.499999",
        "score < 12.500001",
        "arr == 1000.1",
        "arr > 1e3",
        "arr > 2 * 500",
        "arr >= 1000.10 && arr <= 1000.1000",
        "seats == 7.0 && seats < 7.5",
        "seats in [1, 7.0]",
        "score in [1, 12.5]",
        "arr in [1000.1, 5]",
        "region == \"EMEA\" && region != \"APAC\" && region in [\"EMEA\"]",
        "region.startsWith(\"EM\")",
        "band > \"poor\" && band < \"best\" && band >= \"good\"",
        "band in [\"good\", \"best\"]",
        "no < yes",
        "name.equalsFold(\"STRASSE 7\")",
        "name.containsFold(\"SSE\")",
        "name.startsWithFold(\"sTRA\")",
        "name.like(\"Str*7\") && name.like(\"*\") && name.like(\"*a*e*\") && !name.like(\"*7*7\")",
        "wait == duration(\"129600s\") && wait > duration(\"1h30m\")",
        "wait.getHours() == 36 && wait.getMinutes() == 2160",
        "renewal.getFullYear() == 2026 && renewal.getMonth() == 2 && renewal.getDate() == 31",
        "seen.getHours() == 0 && seen.getHours(\"Europe/Berlin\") == 1 && seen.getHours(\"+05:30\") == 6",
        "seen - duration(\"30m\") == timestamp(\"2026-03-29T00:00:00Z\")",
        "seen - timestamp(\"2026-03-29T00:00:00Z\") == duration(\"1800s\")",
        "\"vip\" in tags && !(\"x\" in tags)",
        "tags.exists(t, t.startsWith(\"v\")) && tags.exists_one(t, t == \"eu\")",
        "-9223372036854775808 < seats",
        "!(9223372036854775807 < 9223372036854775808.0)",
    ] {
        assert_eq!(value(text), Some(ExprValue::Bool(true)), "{text}");
    }
}

/// Each with the days on which it holds, the first and the last: every other day of two years is outside.
#[test]
fn relative_days_are_whole_days() {
    let schema = schema();
    for (text, first, last) in [
        ("renewal == today()", "2026-03-29", "2026-03-29"),
        ("renewal.inLast(1, \"days\")", "2026-03-29", "2026-03-29"),
        ("renewal.inLast(30, \"days\")", "2026-02-28", "2026-03-29"),
        ("renewal.inLast(2, \"weeks\")", "2026-03-16", "2026-03-29"),
        ("renewal.inLast(1, \"months\")", "2026-03-01", "2026-03-29"),
        ("renewal.inLast(1, \"years\")", "2025-03-30", "2026-03-29"),
        ("renewal.inNext(1, \"days\")", "2026-03-30", "2026-03-30"),
        ("renewal.inNext(90, \"days\")", "2026-03-30", "2026-06-27"),
        ("renewal.inNext(1, \"quarters\")", "2026-03-30", "2026-06-29"),
        ("renewal.during(\"this_week\")", "2026-03-23", "2026-03-29"),
        ("renewal.during(\"next_week\")", "2026-03-30", "2026-04-05"),
        ("renewal.during(\"this_month\")", "2026-03-01", "2026-03-31"),
        ("renewal.during(\"last_month\")", "2026-02-01", "2026-02-28"),
        ("renewal.during(\"this_quarter\")", "2026-01-01", "2026-03-31"),
        ("renewal.during(\"next_quarter\")", "2026-04-01", "2026-06-30"),
        ("renewal.during(\"last_year\")", "2025-01-01", "2025-12-31"),
        ("renewal.during(\"this_fiscal_quarter\")", "2026-02-01", "2026-04-30"),
        ("renewal.during(\"this_fiscal_year\")", "2026-02-01", "2027-01-31"),
        ("renewal.during(\"last_day\")", "2026-03-28", "2026-03-28"),
        ("renewal >= startOf(\"month\", -1) && renewal <= endOf(\"month\")", "2026-02-01", "2026-03-31"),
        ("renewal > daysAgo(7) && renewal.before(daysFromNow(7))", "2026-03-23", "2026-04-04"),
        ("renewal.after(daysAgo(1)) && renewal <= today() + 1", "2026-03-29", "2026-03-30"),
    ] {
        let expr = Checker::new(&schema).check_predicate(text).unwrap().for_json(&as_of()).unwrap();
        // A timestamp holds from the first instant of the first day to the last of the last, in Berlin.
        let of_instant = text.replace("renewal", "seen");
        let instants =
            Checker::new(&schema).check_predicate(&of_instant).unwrap().for_json(&as_of()).unwrap();
        let (first, last): (Date, Date) = (first.parse().unwrap(), last.parse().unwrap());
        for day in Date::new(2025, 1, 1).unwrap().days()..Date::new(2027, 3, 1).unwrap().days() {
            let date = Date::from_days(day).unwrap();
            let wanted = Some((first..=last).contains(&date));
            assert_eq!(
                expr.truth(&json!({ "renewal": date.to_string() })).unwrap(),
                wanted,
                "{text}: {date}"
            );
            for (hour, moment) in ["00:00:00", "12:34:56", "23:59:59.999999"].iter().enumerate() {
                // Offsets of Berlin: two hours between the last Sundays of March and October.
                let summer = |date: Date| {
                    let (year, ..) = date.civil();
                    let last_sunday = |month: u8| {
                        let end = Date::new(year, month, 31).unwrap().days();
                        end - (end + 4).rem_euclid(7)
                    };
                    let (from, to) = (last_sunday(3), last_sunday(10));
                    (from..=to).contains(&date.days())
                        && !(date.days() == from && hour == 0)
                        && !(date.days() == to && hour > 0)
                };
                let offset = if summer(date) { "+02:00" } else { "+01:00" };
                let instant = format!("{date}T{moment}{offset}");
                assert_eq!(
                    instants.truth(&json!({ "seen": instant })).unwrap(),
                    wanted,
                    "{of_instant}: {instant}"
                );
            }
        }
    }
}

#[test]
fn the_date_of_an_instant_is_that_of_the_zone() {
    let schema = schema();
    let date = Checker::new(&schema).check("date(seen)").unwrap().for_json(&as_of()).unwrap();
    let at = |instant: &str| date.value(&json!({ "seen": instant })).unwrap().unwrap().to_string();
    assert_eq!(at("2026-03-28T22:59:59Z"), "2026-03-28");
    assert_eq!(at("2026-03-28T23:00:00Z"), "2026-03-29");
    assert_eq!(at("2026-07-01T22:00:00Z"), "2026-07-02");
    assert_eq!(value("now() == timestamp(\"2026-03-29T12:00:00Z\")"), Some(ExprValue::Bool(true)));
}

#[test]
fn one_record_says_what_it_cannot_answer() {
    let schema = schema();
    let check = |text: &str| Checker::new(&schema).check(text).unwrap();
    let refused = |text: &str| check(text).for_json(&as_of()).unwrap_err().to_string();
    assert_eq!(
        refused("parent.name == \"x\""),
        "one record cannot answer this: the expression asks the hierarchy"
    );
    assert_eq!(
        refused("contracts.count() > 1 && children.count() > 1 && level == 1"),
        "one record cannot answer this: the expression asks child tables, the hierarchy"
    );
    let unbound = check("seats > 1 && rate > 1").for_records(&as_of(), |name| (name == "seats").then_some(0));
    assert_eq!(unbound.unwrap_err().to_string(), "one record cannot answer this: it has no `rate`");
    // What does not matter is not asked for.
    assert!(check("true || parent.name == \"x\"").for_json(&as_of()).is_ok());
}

#[test]
fn json_of_another_type_is_a_fault() {
    let schema = schema();
    let expr = Checker::new(&schema).check("seats > 1 && arr > 1 && region == \"EMEA\"").unwrap();
    let expr = expr.for_json(&as_of()).unwrap();
    let faults = expr.truth(&json!({ "seats": 1.5, "arr": "1.005", "region": "emea" })).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "at `/seats`: expected whole number, found 1.5\n\
         at `/arr`: expected money(EUR), found the text `1.005`\n\
         at `/region`: expected enumeration value, found the text `emea`"
    );
    assert_eq!(faults.faults().len(), 3);
    assert_eq!(expr.truth(&json!({ "seats": null })).unwrap(), None);
}
