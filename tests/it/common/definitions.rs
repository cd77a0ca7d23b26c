//! Definitions of every kind, most of which read others: for what is held to a fresh load, and to the oracle.

use super::kinds::customs;
use perennial::aggregate::{Metric, Nulls, Operator, Over, Ranking, RollUp};
use perennial::catalog::{
    CalculatedAttribute, CatalogErrors, CatalogFaultKind, Definition, DefinitionRef, Parameter,
    ParameterType, PastValue, Recorded,
};
use perennial::segment::Segment;
use perennial::{
    AsOf, Currency, Date, FiscalCalendar, FixedZone, Reach, Timestamp, WeekPattern, Weekday, YearEnd,
};
use proptest::prelude::*;

/// Definitions of every kind, most of which read others; `other` says something else with the same names.
pub fn definitions(other: bool) -> Vec<Definition> {
    let pick = |one: &'static str, two: &'static str| if other { two } else { one };
    vec![
        Metric::new(
            "logins",
            pick("events(\"login\").count()", "events(\"login\").where(e, e.user != \"ann\").count()"),
        )
        .into(),
        attribute("half", pick("ratio(seats, 2)", "ratio(seats, 3)")),
        attribute("above", pick("has(parent.seats) ? parent.seats : 0", "has(root.seats) ? root.seats : 0")),
        attribute("open_above", pick("lineage.exists(a, a.active)", "ancestors.exists(a, a.active)")),
        attribute("brothers", pick("siblings.count()", "siblings.exists(a, a.active) ? 1 : 0")),
        attribute("depth", pick("level + children.count()", "level")),
        attribute(
            "far_above",
            pick("coalesce(parent.parent.seats, root.seats, 0)", "lineage.at(\"Company\").seats"),
        ),
        attribute(
            "beneath",
            pick("children.sum(c, c.seats)", "children.exists(c, c.children.exists(d, d.active)) ? 1 : 0"),
        ),
        attribute(
            "around",
            pick("parent.children.count()", "coalesce(parent.seats, 0) + children.sum(c, c.seats)"),
        ),
        attribute("all_below", pick("subtree.sum(a, a.seats)", "descendants.count(a, a.active) + level")),
        attribute(
            "recent",
            pick("events(\"login\").lastDays(7).count()", "metric(\"logins\").lastDays(5).sum()"),
        ),
        attribute("age", pick("today() - since", "since - today()")),
        // Lambdas that read what stands around several others.
        attribute(
            "twins",
            pick(
                "tickets.count(x, tickets.exists(y, y.hours == x.hours && isNot(y.title, x.title)))",
                "tickets.count(x, parent.tickets.exists(y, y.hours > x.hours))",
            ),
        ),
        attribute(
            "rivals",
            pick(
                "children.count(c, c.children.exists(d, d.seats > seats || d.rate > c.rate))",
                "children.count(c, tickets.exists(t, t.hours > c.score))",
            ),
        ),
        attribute(
            "borrowed",
            pick(
                "root.tickets.count(t, t.hours > score) + children.sum(c, c.seats * children.count(d, d.active == active))",
                "children.sum(c, c.parent.tickets.sum(t, has(t.title) ? seats : 0))",
            ),
        ),
        attribute(
            "busier",
            pick(
                "children.count(c, events(\"login\").count() > c.seats)",
                "tickets.count(t, events(\"login\").count() > 1 && t.hours > parent.score)",
            ),
        ),
        attribute("hours", pick("tickets.sum(t, t.hours)", "tickets.filter(t, t.open).sum(t, t.hours)")),
        attribute(
            "gone_below",
            pick(
                "descendants.withCancelled().count(a, a.status == \"gone\")",
                "siblings.withCancelled().count() - siblings.count()",
            ),
        ),
        attribute("loud", pick("name + \"?\"", "name + \"!\"")),
        // Days of a zone, weeks and fiscal periods of a calendar.
        attribute(
            "day_of",
            pick("date(timestamp(1769860800 + seats * 3607))", "date(timestamp(1769860800 - seats * 1801))"),
        ),
        Metric::new(
            "weekly",
            pick(
                "events(\"login\").where(e, e.day >= startOf(\"week\")).count()",
                "events(\"login\").where(e, e.day < today()).count()",
            ),
        )
        .into(),
        attribute("weekly_sum", "metric(\"weekly\").lastDays(30).sum()"),
        roll_up("days_of", Operator::Distinct("day_of".into())).into(),
        roll_up("day_least", Operator::Min("date(timestamp(1769860800 + seats * 5003))".into())).into(),
        roll_up("weekly_most", Operator::Max("metric(\"weekly\").sum()".into())).into(),
        roll_up("this_fiscal", Operator::Count).filter("since.during(\"this_fiscal_quarter\")").into(),
        roll_up("logins_of_week", Operator::Count)
            .over(Over::Events { event: "login".into(), last_days: None })
            .filter("row.day >= startOf(\"week\")")
            .into(),
        Ranking::new("day_place", "day_of < today() ? seats : 0").into(),
        segment(
            "this_week",
            pick("timestamp(1769860800 + seats * 3607) >= startOf(\"week\")", "day_of.during(\"this_week\")"),
        ),
        Recorded::new(
            "daily",
            ["seats", "score", "region", "arr", "tags", "steady.band", "seats_sum", "half", "depth", "seats_before"],
            if other { 12 } else { 400 },
        )
        .into(),
        PastValue::new("seats_before", "seats", if other { 3 } else { 9 }).into(),
        PastValue::new("score_then", "score", 2).on_that_day().into(),
        PastValue::new("sum_before", "seats_sum", 1).into(),
        PastValue::new("half_before", "half", if other { 5 } else { 1 }).into(),
        PastValue::new("region_before", "region", 3).into(),
        PastValue::new("arr_before", "arr", 4).into(),
        PastValue::new("tags_before", "tags", 1).into(),
        roll_up("sum_of_half_before", Operator::Sum("half_before".into())).into(),
        roll_up("seats_sum", Operator::Sum("seats".into())).into(),
        roll_up("rate_sum", Operator::Sum("rate".into())).reach(Reach::Descendants).into(),
        roll_up("score_mean", Operator::Average("score".into())).filter(pick("active", "!active")).into(),
        roll_up("seats_per", Operator::Ratio { numerator: "arr".into(), denominator: "arr".into() }).into(),
        roll_up("rate_per_seat", Operator::Ratio { numerator: "rate".into(), denominator: "seats".into() })
            .into(),
        // Amounts in another currency: at the rate of the question, of a day of the row, and of a plan.
        roll_up("arr_in_euros", Operator::Sum("arr".into())).convert_to(Currency::EUR).into(),
        roll_up("arr_planned", Operator::Max("arr".into()))
            .convert_at_plan(Currency::EUR)
            .nulls(if other { Nulls::Refuse } else { Nulls::Skip })
            .into(),
        roll_up("amount_then", Operator::Distinct("row.amount".into()))
            .over(Over::Table("contracts".into()))
            .convert_at(Currency::EUR, pick("parent.since", "since"))
            .into(),
        roll_up("amount_own", Operator::Average("row.amount".into()))
            .over(Over::Table("contracts".into()))
            .convert_to(Currency::EUR)
            .reach(Reach::PreferSelf)
            .into(),
        attribute("arr_share", "ratio(arr_in_euros, root.arr_in_euros)"),
        // The same in expressions, also in those of roll-ups, of metrics and of the whole book.
        attribute("own_euros", pick("arr.convertTo(\"EUR\")", "arr.convertAtPlan(\"EUR\")")),
        attribute(
            "below_euros",
            pick(
                "descendants.sum(d, d.arr.convertTo(\"EUR\"))",
                "children.filter(c, c.arr.convertAt(\"EUR\", c.since) > 1).sum(c, c.contracts.sum(x, x.amount.convertTo(\"EUR\")))",
            ),
        ),
        attribute(
            "parent_euros",
            pick("parent.arr.convertAt(\"EUR\", since)", "coalesce(root.arr.convertTo(\"EUR\"), arr.convertAtPlan(\"EUR\"))"),
        ),
        segment("rich", pick("arr.convertTo(\"EUR\") > 20", "own_euros > 10 || contracts.count(x, x.amount.convertTo(\"EUR\") > 50) > 1")),
        roll_up("euros_most", Operator::Max("arr.convertTo(\"EUR\")".into())).into(),
        roll_up("euros_sum", Operator::Sum(pick("arr.convertAtPlan(\"EUR\")", "own_euros").into()))
            .reach(Reach::Descendants)
            .into(),
        roll_up("rich_rows", Operator::Count)
            .over(Over::Table("contracts".into()))
            .filter(pick("row.amount.convertTo(\"EUR\") > 40", "row.amount.convertAt(\"EUR\", parent.since) < 60 && active"))
            .into(),
        roll_up(
            "row_euros",
            Operator::Sum(pick(
                "row.amount.convertTo(\"EUR\")",
                "row.currency == \"EUR\" ? row.amount.convertTo(\"EUR\") : arr.convertTo(\"EUR\")",
            ).into()),
        )
            .over(Over::Table("contracts".into()))
            .reach(if other { Reach::PreferSelf } else { Reach::SelfAndDescendants })
            .into(),
        roll_up("euros_by", Operator::Last { of: "arr.convertTo(\"EUR\")".into(), by: "since".into() })
            .nulls(if other { Nulls::Refuse } else { Nulls::Skip })
            .into(),
        Ranking::new("euros_place", "arr.convertTo(\"EUR\")").into(),
        // What reads such columns by name, among many and by way of others.
        attribute("half_euros", pick("own_euros * 0.5", "coalesce(own_euros, below_euros) * 0.5")),
        attribute("euros_read", pick("children.sum(c, c.own_euros)", "subtree.count(d, d.parent_euros > 5)")),
        attribute("sums_read", pick("children.max(c, c.arr_in_euros)", "descendants.sum(c, c.row_euros)")),
        attribute(
            "amounts_read",
            pick("children.exists(c, c.amount_own > 40) ? 1 : 0", "contracts.count(x, half_euros > 5 && x.amount.convertTo(\"EUR\") > 40)"),
        ),
        roll_up("halves_euros", Operator::Sum("half_euros".into()))
            .reach(if other { Reach::PreferSelf } else { Reach::SelfAndDescendants })
            .into(),
        roll_up("arr_of_companies", Operator::Sum("arr".into()))
            .filter(pick("active", "own_euros > 5"))
            .convert_at(Currency::EUR, "since")
            .levels(["Company"])
            .into(),
        roll_up("most_of_companies", Operator::Max("arr_of_companies".into())).filter(pick("active", "isNot(status, \"live\")")).into(),
        roll_up("rows_read", Operator::Count)
            .over(Over::Table("contracts".into()))
            .filter(pick("row.amount.convertTo(\"EUR\") > half_euros", "euros_read > 5"))
            .into(),
        attribute("counted_read", pick("descendants.withCancelled().count(d, d.rich_rows > 0)", "siblings.avg(s, s.euros_sum)")),
        roll_up("since_first", Operator::Min("since".into())).into(),
        roll_up("rate_most", Operator::Max("rate".into())).reach(Reach::PreferSelf).into(),
        roll_up("seats_most", Operator::Max("seats".into())).filter(pick("seats < 90", "has(active)")).into(),
        roll_up("hours_least", Operator::Min("row.hours".into())).over(Over::Table("tickets".into())).into(),
        roll_up("half_most", Operator::Max("half".into())).into(),
        roll_up("regions", Operator::Distinct("region".into())).into(),
        roll_up("median", Operator::Percentile { of: "seats".into(), hundredths: 5_000 }).into(),
        roll_up("often", Operator::Mode("name".into())).reach(Reach::SelfOnly).into(),
        roll_up("beneath_most", Operator::Max("beneath".into())).into(),
        roll_up("parents", Operator::Sum("parent.seats".into())).into(),
        roll_up("parents_names", Operator::Distinct("parent.name".into())).into(),
        roll_up("spread", Operator::StandardDeviation { of: "rate".into(), sample: !other }).into(),
        roll_up("varied", Operator::Variance { of: "seats".into(), sample: other })
            .reach(Reach::Descendants)
            .into(),
        roll_up("second", Operator::Largest { of: "seats".into(), k: 2 }).nulls(Nulls::Refuse).into(),
        roll_up("third", Operator::Smallest { of: "row.hours".into(), k: if other { 1 } else { 3 } })
            .over(Over::Table("tickets".into()))
            .into(),
        roll_up("tagged", Operator::Union("tags".into())).reach(Reach::PreferSelf).into(),
        roll_up("all_tags", Operator::Union("tags".into())).into(),
        roll_up("tags_below", Operator::Union("tags".into()))
            .reach(Reach::Descendants)
            .filter("active")
            .into(),
        roll_up(
            "deep",
            Operator::Percentile { of: "level + lineage.count(a, a.active)".into(), hundredths: 9_000 },
        )
        .into(),
        roll_up("busy", Operator::Distinct("events(\"login\").count()".into())).into(),
        roll_up("likely", Operator::Top { of: "region".into(), k: 2 })
            .filter(pick("active", "!active"))
            .into(),
        roll_up("about", Operator::ApproximatePercentile { of: "rate".into(), hundredths: 9_000 })
            .reach(Reach::Descendants)
            .into(),
        roll_up("earliest", Operator::First { of: "seats".into(), by: "since".into() }).into(),
        roll_up("latest", Operator::Last { of: "name".into(), by: "since".into() })
            .levels(["Company"])
            .nulls(if other { Nulls::Respect } else { Nulls::Skip })
            .into(),
        roll_up("last_given", Operator::Last { of: "seats".into(), by: pick("since", "level").into() })
            .nulls(Nulls::Respect)
            .reach(if other { Reach::PreferSelf } else { Reach::SelfAndDescendants })
            .into(),
        roll_up("mood_least", Operator::Min("mood".into())).levels(["Group", "Company"]).into(),
        roll_up("logins_all", Operator::Count)
            .over(Over::Events { event: "login".into(), last_days: None })
            .into(),
        roll_up("loud_names", Operator::Distinct("loud".into())).reach(Reach::PreferSelf).into(),
        roll_up("share", Operator::Share { of: "region".into(), value: "EMEA".into() })
            .nulls(Nulls::Refuse)
            .into(),
        roll_up("ticket_hours", Operator::Sum("row.hours".into())).over(Over::Table("tickets".into())).into(),
        roll_up("people", Operator::Distinct("row.user".into()))
            .over(Over::Events { event: "login".into(), last_days: Some(if other { 10 } else { 20 }) })
            .into(),
        roll_up("halves", Operator::Sum("half".into())).levels(["Group", "Company"]).into(),
        roll_up("big_below", Operator::Count).filter("inSegment(\"big\")").reach(Reach::Descendants).into(),
        Ranking::new("place", "half").among("region").into(),
        segment("big", pick("seats > 20", "seats > 60")),
        segment("late", pick("since < today()", "since >= today()")),
        segment(
            "nested",
            pick("inSegment(\"big\") && !inSegment(\"late\")", "inSegment(\"big\") || open_above"),
        ),
        segment("first", pick("place > 50.0", "place < 50.0")),
        segment("worked", pick("tickets.exists(t, t.open)", "tickets.all(t, t.open)")),
        segment("crowded", pick("big_below > 1 || seats_sum > 100", "people > 1")),
        segment("owners", pick("owns(\"CRM\")", "owns(\"Billing\")")),
        segment("below", pick("under(\"0d-0\")", "id == \"0d-0\"")),
        segment(
            "gone",
            pick("status == \"gone\"", "isTrue(parent.status == \"gone\") || status == \"live\""),
        ),
        segment("crm", pick("product == \"CRM\"", "account_type == \"Team\"")),
        // How many have each value, and what is made of it.
        roll_up("moods", Operator::Distribution("mood".into())).filter(pick("active", "!active")).into(),
        roll_up("large", Operator::Distribution("seats > 20".into())).reach(Reach::Descendants).into(),
        roll_up("opens", Operator::Distribution("row.open".into()))
            .over(Over::Table("tickets".into()))
            .reach(Reach::PreferSelf)
            .into(),
        roll_up("by_region", Operator::Distribution("region".into())).nulls(Nulls::Refuse).into(),
        roll_up("anns", Operator::Distribution("row.user == \"ann\"".into()))
            .over(Over::Events { event: "login".into(), last_days: Some(if other { 5 } else { 15 }) })
            .into(),
        attribute("good_share", pick("ratio(moods.good, moods.good + moods.poor)", "moods.poor - moods.good")),
        segment("opened", "opens.`true` > opens.`false`"),
        roll_up("emea_of_parents", Operator::Sum("parent.by_region.EMEA".into())).into(),
        PastValue::new("moods_before", "moods", if other { 3 } else { 9 }).into(),
        attribute("turned_good", "moods.good - moods_before.good"),
        // What comes with the question, and the kinds of a host.
        Parameter::new("viewer", ParameterType::Text).into(),
        Parameter::new("limit", ParameterType::Int).into(),
        segment("mine", pick("name == viewer", "!has(viewer) || parent.name == viewer")),
        // Who may see what: of the whole book, and in no scope.
        account_set("territory", pick("region == \"EMEA\" || name == viewer", "inSegment(\"mine\") || seats_sum > 90")),
        account_set("wide_territory", pick("parent.id == \"0d-0\" || inSegment(\"territory\")", "inSegment(\"territory\") && has(seats)")),
        attribute("over", pick("seats - limit", "limit - parent.seats")),
        roll_up("all_mine", Operator::Count).filter("inSegment(\"mine\")").into(),
        attribute("band_before", pick("coalesce(steady.previous, \"none\")", "steady.band")),
        attribute("days_steady", "children.sum(c, c.steady.days)"),
        segment("high", pick("steady.band == \"high\"", "parent.steady.band == \"low\"")),
        roll_up("all_points", Operator::Sum("points".into())).into(),
        roll_up("lines_most", Operator::Max("lines".into())).into(),
        attribute("families", pick("children.sum(c, c.family.below)", "family.below")),
        segment("with_family", pick("family.all > family.own", "has(parent.family.below)")),
        // Its states stand also where nobody receives it, and change with every day.
        roll_up("ages", Operator::Sum("age".into())).levels(["Group"]).into(),
        roll_up("ages_today", Operator::Sum("today() - since".into())).levels(["Group"]).into(),
    ]
    .into_iter()
    .chain(customs(other).map(Definition::from))
    .collect()
}

/// A moment of a day in UTC, in one of several zones and calendars.
pub fn moment(day: Date, which: u8) -> AsOf {
    let hours = [0, 1, 11, 13, 23][usize::from(which) % 5];
    let instant = Timestamp::from_micros(Timestamp::start_of(day).micros() + hours * 3_600_000_000).unwrap();
    let (zone, minutes) =
        [("UTC", 0), ("+13:00", 780), ("-11:00", -660), ("+05:30", 330)][usize::from(which / 5) % 4];
    AsOf::at(instant)
        .with_zone(FixedZone::east(zone, minutes))
        .with_week_start([Weekday::Monday, Weekday::Sunday, Weekday::Saturday][usize::from(which / 20) % 3])
        .with_fiscal(fiscal(which / 60))
}

/// One of several fiscal calendars.
pub fn fiscal(which: u8) -> FiscalCalendar {
    match which % 5 {
        0 => FiscalCalendar::starting(1).unwrap(),
        1 => FiscalCalendar::starting(4).unwrap(),
        2 => FiscalCalendar::nrf(),
        3 => FiscalCalendar::weeks(WeekPattern::FourFourFive, Weekday::Saturday, YearEnd::Last, 9)
            .and_then(|calendar| calendar.with_extra_week(3))
            .unwrap(),
        _ => {
            let first = Date::new(2025, 1, 1).unwrap();
            let period = |number: i32| first.plus_days(28 * number).unwrap();
            FiscalCalendar::table([(0..13).map(period).collect(), (13..26).map(period).collect()], period(26))
                .unwrap()
        }
    }
}

pub fn attribute(name: &str, expression: &str) -> Definition {
    CalculatedAttribute::new(name, expression).into()
}

pub fn account_set(name: &str, expression: &str) -> Definition {
    Segment::parse(name, expression).unwrap().account_set().into()
}

pub fn segment(name: &str, expression: &str) -> Definition {
    Segment::parse(name, expression).unwrap().into()
}

pub fn roll_up(name: &str, operator: Operator) -> RollUp {
    RollUp::new(name, operator)
}

/// An edit is refused for what a new catalog is refused for; what goes and is still read is told of what goes.
pub fn same_faults(edited: &CatalogErrors, new: &CatalogErrors) -> Result<(), TestCaseError> {
    let at_fault: Vec<&DefinitionRef> = new.iter().map(|fault| &fault.definition).collect();
    let mut still_read = 0;
    for fault in edited {
        match &fault.kind {
            CatalogFaultKind::StillRead(readers) => {
                still_read += 1;
                prop_assert!(
                    !readers.is_empty() && readers.iter().all(|id| at_fault.contains(&id)),
                    "{}",
                    fault
                );
            }
            _ => prop_assert!(at_fault.contains(&&fault.definition), "{}", fault),
        }
    }
    if still_read == 0 {
        prop_assert_eq!(edited.to_string(), new.to_string());
    }
    Ok(())
}
