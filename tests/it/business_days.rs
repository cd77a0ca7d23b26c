//! Business days: the federal holidays of the United States and the closing days of TARGET in 2026, every answer by
//! counting days one by one, and calendars in which there is no business day.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::common::WEEKDAYS;
use perennial::limits::MAX_CLOSED_DAYS;
use perennial::testkit::Random;
use perennial::{BusinessCalendar, BusinessDayError, Date, WeekCalendar, Weekday};

fn day(year: i32, month: u8, day: u8) -> Date {
    Date::new(year, month, day).unwrap()
}

/// The eleven federal holidays of 2026 as the Office of Personnel Management lists them. 4 July is a Saturday, so that
/// Friday the 3rd is the holiday.
fn federal() -> WeekCalendar {
    let days =
        [(1, 1), (1, 19), (2, 16), (5, 25), (6, 19), (7, 3), (9, 7), (10, 12), (11, 11), (11, 26), (12, 25)];
    WeekCalendar::monday_to_friday().with_holidays(days.map(|(month, of)| day(2026, month, of)))
}

#[test]
fn a_known_year_has_the_known_business_days() {
    let federal = federal();
    let new_years_eve = day(2025, 12, 31);
    // 261 days from Monday to Friday, and eleven holidays on such days.
    assert_eq!(federal.business_days_between(new_years_eve, day(2026, 12, 31)), 250);
    let by_month = (1..=12).map(|month| {
        let last = day(2026, month, 1).plus_months(1).unwrap().plus_days(-1).unwrap();
        federal.business_days_between(day(2026, month, 1).plus_days(-1).unwrap(), last)
    });
    assert_eq!(by_month.collect::<Vec<_>>(), [20, 19, 22, 22, 20, 21, 22, 21, 21, 21, 19, 22]);
    // Three business days from Wednesday before Thanksgiving: Friday, Monday, Tuesday.
    assert_eq!(federal.add_business_days(day(2026, 11, 25), 3), Ok(day(2026, 12, 1)));
    // From a closed day the first business day is the first one after it.
    assert_eq!(federal.add_business_days(day(2026, 7, 4), 1), Ok(day(2026, 7, 6)));
    assert_eq!(federal.add_business_days(day(2026, 7, 4), -1), Ok(day(2026, 7, 2)));
    assert_eq!(federal.add_business_days(day(2026, 7, 4), 0), Ok(day(2026, 7, 4)));
    assert_eq!(federal.on_or_after(day(2026, 7, 3)), Ok(day(2026, 7, 6)));
    assert_eq!(federal.on_or_before(day(2026, 7, 5)), Ok(day(2026, 7, 2)));
    assert_eq!(federal.on_or_after(day(2026, 7, 2)), Ok(day(2026, 7, 2)));
    assert_eq!(federal.previous(day(2026, 7, 6)), Ok(day(2026, 7, 2)));
    assert_eq!(federal.business_days_between(day(2026, 7, 2), day(2026, 7, 6)), 1);
    assert_eq!(federal.business_days_between(day(2026, 7, 6), day(2026, 7, 2)), -1);
    assert_eq!(federal.business_days_between(day(2026, 7, 6), day(2026, 7, 6)), 0);
}

/// A calendar written anew: the weekday is counted from a known Monday, and days are looked up in lists.
struct Slow {
    worked: [bool; 7],
    holidays: Vec<Date>,
    working_days: Vec<Date>,
}

impl Slow {
    fn is_business_day(&self, date: Date) -> bool {
        let monday = day(2024, 1, 1);
        let weekday = (date.days() - monday.days()).rem_euclid(7) as usize;
        !self.holidays.contains(&date) && (self.worked[weekday] || self.working_days.contains(&date))
    }
}

#[test]
fn every_answer_is_that_of_counting_days() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let worked: [bool; 7] = std::array::from_fn(|weekday| weekday == 2 || random.below(3) > 0);
        let first = day(2024, 1, 1);
        let mut some = |count: u64| -> BTreeSet<Date> {
            (0..count).map(|_| first.plus_days(random.below(120) as i32).unwrap()).collect()
        };
        let (holidays, mut working_days) = (some(25), some(6));
        working_days.retain(|date| !holidays.contains(date));
        let chosen =
            WEEKDAYS.into_iter().zip(worked).filter(|(_, worked)| *worked).map(|(weekday, _)| weekday);
        let mut calendar = WeekCalendar::of(chosen).with_holidays(holidays.iter().copied());
        for date in &working_days {
            calendar = calendar.with_working_day(*date);
        }
        let (holidays, working_days) =
            (holidays.into_iter().collect(), working_days.into_iter().collect::<Vec<_>>());
        let slow = Slow { worked, holidays, working_days };
        let calendar: Arc<dyn BusinessCalendar> = Arc::new(calendar);
        let days: Vec<Date> = (-60..180).map(|offset| first.plus_days(offset).unwrap()).collect();
        let business: Vec<Date> = days.iter().copied().filter(|date| slow.is_business_day(*date)).collect();
        for date in &days[40..200] {
            assert_eq!(calendar.is_business_day(*date), slow.is_business_day(*date), "{date}");
            let after: Vec<Date> = business.iter().copied().filter(|other| other > date).collect();
            let before: Vec<Date> = business.iter().rev().copied().filter(|other| other < date).collect();
            for n in 1..=5 {
                assert_eq!(calendar.add_business_days(*date, n as i32), Ok(after[n - 1]), "{date} + {n}");
                assert_eq!(calendar.add_business_days(*date, -(n as i32)), Ok(before[n - 1]), "{date} - {n}");
            }
            assert_eq!((calendar.next(*date), calendar.previous(*date)), (Ok(after[0]), Ok(before[0])));
            for to in days.iter().step_by(7) {
                let forward =
                    days.iter().filter(|d| *d > date && *d <= to).filter(|d| slow.is_business_day(**d));
                let back =
                    days.iter().filter(|d| *d >= to && *d < date).filter(|d| slow.is_business_day(**d));
                let expected = forward.count() as i32 - back.count() as i32;
                assert_eq!(calendar.business_days_between(*date, *to), expected, "{date} to {to}");
            }
        }
    }
}

/// Closed for as many days, then one day of work, and so on.
#[derive(Debug)]
struct EveryNth(i32);

impl BusinessCalendar for EveryNth {
    fn is_business_day(&self, date: Date) -> bool {
        self.0 > 0 && date.days() % self.0 == 0
    }
}

#[test]
fn a_search_through_closed_days_ends_with_an_error() {
    let never = EveryNth(0);
    let date = day(2026, 1, 1);
    let error = never.add_business_days(date, 3).unwrap_err();
    assert_eq!(error, BusinessDayError::NoneNear { date, forward: true });
    assert_eq!(error.to_string(), "the 400 days after 2026-01-01 are closed");
    assert_eq!(never.previous(date).unwrap_err().to_string(), "the 400 days before 2026-01-01 are closed");
    assert_eq!(never.business_days_between(Date::MIN, day(2026, 1, 1)), 0);
    assert_eq!(WeekCalendar::of([]).next(date), Err(BusinessDayError::NoneNear { date, forward: true }));

    // As many days as a search looks at are enough, one more is too many.
    let limit = i32::try_from(MAX_CLOSED_DAYS).unwrap();
    let epoch = Date::from_days(0).unwrap();
    assert_eq!(EveryNth(limit).next(epoch), Ok(Date::from_days(limit).unwrap()));
    assert!(EveryNth(limit + 1).next(epoch).is_err());

    // The calendar ends.
    let weekdays = WeekCalendar::monday_to_friday();
    let error = weekdays.add_business_days(Date::MAX, 1).unwrap_err();
    assert_eq!(error.to_string(), "no business day after 9999-12-31 within years 1 to 9999");
    assert!(matches!(weekdays.add_business_days(date, i32::MAX), Err(BusinessDayError::OutOfRange { .. })));
    assert!(matches!(weekdays.add_business_days(date, i32::MIN), Err(BusinessDayError::OutOfRange { .. })));
}

#[test]
fn a_week_calendar_is_stored_and_read() {
    let calendar = federal().with_working_day(day(2026, 7, 4)).with_holiday(day(2026, 3, 1));
    let text = serde_json::to_string(&calendar).unwrap();
    assert_eq!(serde_json::from_str::<WeekCalendar>(&text).unwrap(), calendar);
    assert_eq!(serde_json::from_str::<WeekCalendar>("{}").unwrap(), WeekCalendar::default());
    let read = |text: &str| serde_json::from_str::<WeekCalendar>(text).map_err(|error| error.to_string());
    let days = r#"{"holidays": ["2026-07-04"], "working_days": ["2026-07-04"]}"#;
    assert_eq!(read(days).unwrap_err(), "2026-07-04 is both a holiday and a working day");
    assert!(read(r#"{"holiday": []}"#).is_err());
    assert!(read(r#"{"holidays": ["2026-02-30"]}"#).unwrap_err().contains("there is no such day"));
    let none: Vec<Weekday> = read(r#"{"weekdays": []}"#).unwrap().weekdays().collect();
    assert_eq!(none, []);
    // Of a holiday and a working day on one date, the last call counts.
    let twice = WeekCalendar::monday_to_friday()
        .with_holiday(day(2026, 7, 4))
        .with_working_day(day(2026, 7, 4))
        .with_working_day(day(2026, 7, 3))
        .with_holiday(day(2026, 7, 3));
    assert_eq!(twice.holidays().collect::<Vec<_>>(), [day(2026, 7, 3)]);
    assert_eq!(twice.working_days().collect::<Vec<_>>(), [day(2026, 7, 4)]);
}
