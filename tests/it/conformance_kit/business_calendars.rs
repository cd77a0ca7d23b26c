//! Do our business calendars keep the promises, and does the kit notice one that does not?

use std::sync::atomic::{AtomicU32, Ordering};

use perennial::testkit::business_calendar_conformance;
use perennial::testkit::conformance::{BusinessCalendarCase, business_calendar};
use perennial::{BusinessCalendar, BusinessDayError, Date, WeekCalendar, Weekday};

use super::broken;

fn day(month: u8, day: u8) -> Date {
    Date::new(2026, month, day).unwrap()
}

business_calendar_conformance!(weekdays, || {
    BusinessCalendarCase::new(WeekCalendar::monday_to_friday().with_holiday(day(1, 1)))
        .business_day(day(1, 2))
        .closed(day(1, 1))
});
business_calendar_conformance!(one_day_a_week, || {
    let calendar = WeekCalendar::of([Weekday::Wednesday]).with_working_day(Date::MAX);
    BusinessCalendarCase::new(calendar).business_day(Date::MAX).closed(Date::MIN)
});

/// A calendar with a fault.
#[derive(Debug)]
struct Wrong {
    is_business_day: fn(u32, Date) -> bool,
    next: fn(Date, Date) -> Date,
    between: fn(i32) -> i32,
    asked: AtomicU32,
}

impl BusinessCalendar for Wrong {
    fn is_business_day(&self, date: Date) -> bool {
        (self.is_business_day)(self.asked.fetch_add(1, Ordering::Relaxed), date)
    }

    fn next(&self, date: Date) -> Result<Date, BusinessDayError> {
        WeekCalendar::monday_to_friday().next(date).map(|next| (self.next)(date, next))
    }

    fn business_days_between(&self, from: Date, to: Date) -> i32 {
        (self.between)(WeekCalendar::monday_to_friday().business_days_between(from, to))
    }
}

#[test]
fn every_mutant_of_a_calendar_breaks_its_promise() {
    let right: fn(u32, Date) -> bool = |_, date| WeekCalendar::monday_to_friday().is_business_day(date);
    let with = |is: fn(u32, Date) -> bool, next: fn(Date, Date) -> Date, between: fn(i32) -> i32| {
        let wrong = Wrong { is_business_day: is, next, between, asked: AtomicU32::new(0) };
        let case = BusinessCalendarCase::new(wrong).business_day(day(1, 2)).closed(day(1, 3));
        broken(&business_calendar::all(&case))
    };
    let same = |count: i32| count;
    assert_eq!(with(right, |_, next| next, same), [""; 0]);
    // On or after the day, where the day itself is a business day.
    let inclusive: fn(Date, Date) -> Date = |date, next| {
        if WeekCalendar::monday_to_friday().is_business_day(date) { date } else { next }
    };
    assert_eq!(with(right, inclusive, same), ["provided_answers_agree"]);
    assert_eq!(with(right, |_, next| next, |count| count + 1), ["provided_answers_agree"]);
    // Without a sign.
    assert_eq!(with(right, |_, next| next, i32::abs), ["provided_answers_agree"]);
    // Holidays are loaded after the first questions.
    let late: fn(u32, Date) -> bool = |asked, date| {
        WeekCalendar::monday_to_friday().is_business_day(date) && (asked < 100 || date.day() != 13)
    };
    let found = with(late, |_, next| next, same);
    assert!(found.contains(&"a_day_has_one_answer"), "{found:?}");
    // The weekend is Friday and Saturday.
    let days = WeekCalendar::of([Weekday::Friday]);
    let case = BusinessCalendarCase::new(days).business_day(day(1, 5)).closed(day(1, 4));
    assert_eq!(broken(&business_calendar::all(&case)), ["known_days_are_answered"]);
    let nothing = BusinessCalendarCase::new(WeekCalendar::monday_to_friday());
    assert_eq!(broken(&business_calendar::all(&nothing)), ["known_days_are_answered"]);
}
