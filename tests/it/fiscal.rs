//! Fiscal calendars: published years, and every period against one day after the other.

use perennial::expr::Checker;
use perennial::testkit::{OracleExpr, ReferenceBook};
use perennial::{
    AsOf, Book, Date, FiscalCalendar, FiscalPeriod, FiscalYearName, Policy, Scope, WeekPattern, Weekday,
    YearEnd,
};
use proptest::prelude::*;

use crate::common::{WEEKDAYS, config};

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// Apple's: the last Saturday of September; the 53rd week is the first quarter's.
fn last_saturday_of_september() -> FiscalCalendar {
    let calendar = FiscalCalendar::weeks(WeekPattern::FourFourFive, Weekday::Saturday, YearEnd::Last, 9);
    calendar.unwrap().with_extra_week(3).unwrap()
}

/// The months of the year 2023 of the National Retail Federation (nrf.com, "4-5-4 calendar"), which has 53 weeks, and the beginning of the next.
#[test]
fn the_retail_year_of_2023_has_53_weeks() {
    let nrf = FiscalCalendar::nrf();
    let months: Vec<String> = (0..13)
        .map(|month| nrf.start_of(FiscalPeriod::Month, day("2023-01-29"), month).unwrap().to_string())
        .collect();
    assert_eq!(
        months,
        [
            "2023-01-29",
            "2023-02-26",
            "2023-04-02",
            "2023-04-30",
            "2023-05-28",
            "2023-07-02",
            "2023-07-30",
            "2023-08-27",
            "2023-10-01",
            "2023-10-29",
            "2023-11-26",
            "2023-12-31",
            "2024-02-04",
        ]
    );
    assert_eq!(nrf.days_of_year(day("2023-06-01")), Some(371));
    // The years of 53 weeks since 2000.
    let long: Vec<i32> =
        (2000..2030).filter(|year| nrf.days_of_year(Date::new(*year, 6, 1).unwrap()) == Some(371)).collect();
    assert_eq!(long, [2000, 2006, 2012, 2017, 2023, 2028]);
    assert_eq!(
        (
            nrf.year_name(day("2024-02-03"), FiscalYearName::StartYear),
            nrf.year_name(day("2024-02-04"), FiscalYearName::StartYear)
        ),
        (Some(2023), Some(2024))
    );
}

/// Apple's quarters of its fiscal year 2023, of 53 weeks, end on 31 December, 1 April, 1 July and 30 September (its form 10-K for that year).
#[test]
fn the_53rd_week_may_be_in_the_first_quarter() {
    let calendar = last_saturday_of_september();
    let ends: Vec<String> = (1..5)
        .map(|quarter| {
            let next = calendar.start_of(FiscalPeriod::Quarter, day("2022-09-25"), quarter).unwrap();
            next.plus_days(-1).unwrap().to_string()
        })
        .collect();
    assert_eq!(ends, ["2022-12-31", "2023-04-01", "2023-07-01", "2023-09-30"]);
    assert_eq!(calendar.days_of_year(day("2024-09-28")), Some(364));
    assert_eq!(calendar.year_of(day("2024-09-29")), Some(day("2024-09-29")));
}

#[test]
fn what_is_no_calendar_is_refused() {
    assert!(FiscalCalendar::starting(0).is_none() && FiscalCalendar::starting(13).is_none());
    assert!(FiscalCalendar::weeks(WeekPattern::FiveFourFour, Weekday::Sunday, YearEnd::Last, 13).is_none());
    assert!(FiscalCalendar::nrf().with_extra_week(0).is_none());
    assert!(FiscalCalendar::starting(4).unwrap().with_extra_week(1).is_none());
    let faults = FiscalCalendar::table([vec![day("2025-01-01"); 3], vec![]], day("2024-01-01")).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "year 1 has 3 periods; a year has 12 or 13\n\
         year 2 has 0 periods; a year has 12 or 13\n\
         the period of 2025-01-01 does not begin after the one before it, of 2025-01-01\n\
         the period of 2025-01-01 does not begin after the one before it, of 2025-01-01\n\
         the period of 2024-01-01 does not begin after the one before it, of 2025-01-01"
    );
    let none = FiscalCalendar::table([], day("2024-01-01")).unwrap_err();
    assert_eq!(none.to_string(), "a table has a year at least, and the day after its last");
    for (json, why) in [
        ("{\"months_from\":13}", "13 is no month; expected 1 to 12"),
        (
            "{\"weeks\":{\"pattern\":\"4-5-4\",\"weekday\":\"saturday\",\"end\":\"last\",\"month\":1,\"extra_week\":0}}",
            "0 is no month",
        ),
        ("{\"table\":{\"years\":[],\"after\":\"2024-01-01\"}}", "a table has a year at least"),
    ] {
        let error = serde_json::from_str::<FiscalCalendar>(json).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

/// Twelve or thirteen periods a year, of any length.
fn tables() -> impl Strategy<Value = FiscalCalendar> {
    prop::collection::vec(prop::collection::vec(20..40_i32, 12..=13), 1..4).prop_map(|years| {
        let mut at = day("2024-11-07");
        let mut next = |days: i32| {
            let start = at;
            at = at.plus_days(days).unwrap();
            start
        };
        let years: Vec<Vec<Date>> =
            years.into_iter().map(|year| year.into_iter().map(&mut next).collect()).collect();
        FiscalCalendar::table(years, at).unwrap()
    })
}

fn calendars() -> impl Strategy<Value = FiscalCalendar> {
    let pattern = prop::sample::select(vec![
        WeekPattern::FourFourFive,
        WeekPattern::FourFiveFour,
        WeekPattern::FiveFourFour,
    ]);
    let weekday = prop::sample::select(WEEKDAYS.to_vec());
    let end = prop::sample::select(vec![YearEnd::Last, YearEnd::Nearest]);
    let weeks =
        (pattern, weekday, end, 1..=12_u8, 1..=12_u8).prop_map(|(pattern, weekday, end, month, extra)| {
            FiscalCalendar::weeks(pattern, weekday, end, month).unwrap().with_extra_week(extra).unwrap()
        });
    prop_oneof![(1..=12_u8).prop_map(|month| FiscalCalendar::starting(month).unwrap()), weeks, tables(),]
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn periods_follow_each_other(calendar in calendars(), days in 20_000..21_000_i32, offset in -30..30_i32) {
        let day = Date::from_days(days).unwrap();
        for period in [FiscalPeriod::Month, FiscalPeriod::Quarter, FiscalPeriod::Year] {
            let start = |offset| calendar.start_of(period, day, offset);
            let Some(first) = start(0) else { continue };
            prop_assert!(first <= day);
            if let Some(next) = start(1) {
                prop_assert!(day < next);
                // A step is a step, from wherever it begins.
                prop_assert_eq!(calendar.start_of(period, next, -1).or(Some(first)), Some(first));
            }
            if let (Some(there), Some(back)) = (start(offset), start(offset).and_then(|there| calendar.start_of(period, there, -offset))) {
                prop_assert_eq!(back, first);
                prop_assert_eq!(calendar.start_of(period, there, 0), Some(there));
            }
        }
        // A quarter begins with a month, and a year with a quarter.
        for (period, inside) in [(FiscalPeriod::Quarter, FiscalPeriod::Month), (FiscalPeriod::Year, FiscalPeriod::Quarter)] {
            if let Some(first) = calendar.start_of(period, day, offset) {
                prop_assert_eq!(calendar.start_of(inside, first, 0).or(Some(first)), Some(first));
            }
        }
        let json = serde_json::to_string(&calendar).unwrap();
        prop_assert_eq!(&serde_json::from_str::<FiscalCalendar>(&json).unwrap(), &calendar);
    }

    /// What expressions say of fiscal periods, against one day after the other.
    #[test]
    fn expressions_read_the_calendar_of_the_moment(
        calendar in calendars(),
        days in 20_000..21_000_i32,
        period in prop::sample::select(vec!["fiscal_month", "fiscal_quarter", "fiscal_year"]),
        offset in -3..4_i32,
        which in prop::sample::select(vec!["last", "this", "next"]),
        away in -400..400_i32,
    ) {
        let today = Date::from_days(days).unwrap();
        let reference = ReferenceBook::new(1, 1);
        let (book, _) = Book::load(reference.schema(), &reference.source(), &Policy::strict()).unwrap();
        let view = book.view(&Scope::all(), AsOf::date_utc(today).with_fiscal(calendar)).unwrap();
        let account = view.accounts().next().unwrap();
        let other = today.plus_days(away).unwrap();
        for text in [
            format!("startOf(\"{period}\", {offset})"),
            format!("endOf(\"{period}\", {offset})"),
            format!("date(\"{other}\").during(\"{which}_{period}\")"),
        ] {
            let checked = Checker::new(&**book.schema()).check(&text).unwrap();
            let one = checked.for_accounts(&view).unwrap();
            prop_assert_eq!(one.value(account), OracleExpr::new(&checked).value(account), "{} on {}", text, today);
        }
    }
}
