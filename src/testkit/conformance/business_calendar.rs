//! Does a [`BusinessCalendar`] keep its promises?
//!
//! The kit knows no holidays. A [`BusinessCalendarCase`] names a few business days and closed days that the host knows;
//! the kit asks for those, for every day of a year around each of them, and for the ends of the calendar. The
//! answers that the trait derives are derived here again, from a list of the business days.

use std::collections::BTreeSet;

use super::outcome::{Broken, Outcome, Verdict};
use crate::{BusinessCalendar, Date};

/// A calendar, and days that are known of it.
///
/// ```
/// use perennial::testkit::conformance::{BusinessCalendarCase, business_calendar};
/// use perennial::{Date, WeekCalendar};
///
/// let calendar = WeekCalendar::monday_to_friday().with_holiday(Date::new(2026, 1, 1)?);
/// let case = BusinessCalendarCase::new(calendar)
///     .business_day(Date::new(2026, 1, 2)?)
///     .closed(Date::new(2026, 1, 1)?);
/// assert!(business_calendar::all(&case).iter().all(|(_, outcome)| outcome.is_ok()));
/// # Ok::<(), perennial::DateError>(())
/// ```
#[derive(Debug)]
pub struct BusinessCalendarCase {
    calendar: Box<dyn BusinessCalendar>,
    // The day, and whether it is a business day.
    known: Vec<(Date, bool)>,
}

impl BusinessCalendarCase {
    /// A calendar of which nothing is known yet.
    pub fn new(calendar: impl BusinessCalendar + 'static) -> Self {
        Self { calendar: Box::new(calendar), known: Vec::new() }
    }

    /// With a day that is known to be a business day. Take it from where the calendar comes from, not from the calendar.
    #[must_use]
    pub fn business_day(mut self, date: Date) -> Self {
        self.known.push((date, true));
        self
    }

    /// With a day that is known to be closed.
    #[must_use]
    pub fn closed(mut self, date: Date) -> Self {
        self.known.push((date, false));
        self
    }

    /// Stretches of days: half a year around each known day, and the ends of the calendar. Each is shorter than the closed
    /// days that a search passes over, so that the next business day of a stretch is always found.
    fn stretches(&self) -> Vec<(i32, i32)> {
        let around = self.known.iter().map(|(date, _)| (date.days() - 180, date.days() + 180));
        let ends = [(Date::MIN.days(), Date::MIN.days() + 30), (Date::MAX.days() - 30, Date::MAX.days())];
        let within = |(from, to): (i32, i32)| (from.max(Date::MIN.days()), to.min(Date::MAX.days()));
        around.chain(ends).map(within).collect()
    }

    fn days(&self) -> Vec<Date> {
        let stretches = self.stretches();
        let days: BTreeSet<i32> = stretches.into_iter().flat_map(|(from, to)| from..=to).collect();
        days.into_iter().filter_map(Date::from_days).collect()
    }
}

/// Every promise of a calendar with what became of it, in the order of the trait's documentation.
#[must_use]
pub fn all(case: &BusinessCalendarCase) -> Vec<(&'static str, Outcome)> {
    super::__business_calendar_promises!(__outcomes[case])
}

/// A day has the same answer, whatever was asked in between and in whatever order.
///
/// # Errors
///
/// [`Broken`] with the first day that is answered otherwise.
pub fn a_day_has_one_answer(case: &BusinessCalendarCase) -> Outcome {
    let days = case.days();
    let first: Vec<bool> = days.iter().map(|date| case.calendar.is_business_day(*date)).collect();
    for (date, first) in days.into_iter().zip(first).rev() {
        let again = case.calendar.is_business_day(date);
        if again != first {
            return broken("a_day_has_one_answer", said(date, first), said(date, again));
        }
    }
    Ok(Verdict::Kept)
}

/// The days that are known are answered so.
///
/// # Errors
///
/// [`Broken`] with the first day that is not, or when the case does not name a business day and a closed day.
pub fn known_days_are_answered(case: &BusinessCalendarCase) -> Outcome {
    let promise = "known_days_are_answered";
    let names = |wanted: bool| case.known.iter().any(|(_, is)| *is == wanted);
    if !names(true) || !names(false) {
        let expected = String::from("a known business day and a known closed day");
        let found = String::from("not both; name them with `business_day` and `closed`");
        return broken(promise, expected, found);
    }
    for (date, expected) in &case.known {
        let found = case.calendar.is_business_day(*date);
        if found != *expected {
            return broken(promise, said(*date, *expected), said(*date, found));
        }
    }
    Ok(Verdict::Kept)
}

/// What the trait derives is what follows from the business days: the next and the previous one, the one on or after
/// and on or before a day, the n-th, and how many there are between two days.
///
/// # Errors
///
/// [`Broken`] with the first answer that differs.
pub fn provided_answers_agree(case: &BusinessCalendarCase) -> Outcome {
    for (from, to) in case.stretches() {
        let days: Vec<Date> = (from..=to).filter_map(Date::from_days).collect();
        let business: Vec<Date> =
            days.iter().copied().filter(|date| case.calendar.is_business_day(*date)).collect();
        for date in days.iter().step_by(3) {
            agrees(case, *date, &business)?;
        }
    }
    Ok(Verdict::Kept)
}

/// The answers of one day are those of the list of business days around it.
fn agrees(case: &BusinessCalendarCase, date: Date, business: &[Date]) -> Result<(), Broken> {
    let calendar = &*case.calendar;
    let is_business_day = business.binary_search(&date).is_ok();
    // How many are before the day, and how many up to it.
    let before = business.partition_point(|day| *day < date);
    let until = business.partition_point(|day| *day <= date);
    let own = is_business_day.then_some(date);
    let after = business.get(until).copied();
    let earlier = before.checked_sub(1).and_then(|place| business.get(place)).copied();
    let mut answers = vec![
        (String::from("next"), after, calendar.next(date).ok()),
        (String::from("previous"), earlier, calendar.previous(date).ok()),
        (String::from("on_or_after"), own.or(after), calendar.on_or_after(date).ok()),
        (String::from("on_or_before"), own.or(earlier), calendar.on_or_before(date).ok()),
        (String::from("add_business_days 0"), Some(date), calendar.add_business_days(date, 0).ok()),
    ];
    for days in [1_usize, 2, 3, 5, 21] {
        let signed = i32::try_from(days).unwrap_or_default();
        let later = business.get(until + days - 1).copied();
        let earlier = before.checked_sub(days).and_then(|place| business.get(place)).copied();
        let found = calendar.add_business_days(date, signed).ok();
        answers.push((format!("add_business_days {days}"), later, found));
        let found = calendar.add_business_days(date, -signed).ok();
        answers.push((format!("add_business_days -{days}"), earlier, found));
        // From a day to its n-th business day there are n.
        for (to, count) in [(later, signed), (earlier, -signed)] {
            let Some(to) = to else { continue };
            let found = calendar.business_days_between(date, to);
            if found != count {
                let expected = format!("{count} business days from {date} to {to}");
                return Err(Broken::new("provided_answers_agree", expected, found.to_string()));
            }
        }
    }
    for (question, expected, found) in answers {
        // Beyond the list nothing is known.
        if expected.is_some() && found != expected {
            let expected = format!("`{question}` from {date} to be {}", shown(expected));
            return Err(Broken::new("provided_answers_agree", expected, shown(found)));
        }
    }
    Ok(())
}

fn said(date: Date, is_business_day: bool) -> String {
    if is_business_day { format!("{date} to be a business day") } else { format!("{date} to be closed") }
}

fn shown(date: Option<Date>) -> String {
    date.map_or_else(|| String::from("no day"), |date| date.to_string())
}

fn broken(promise: &'static str, expected: String, found: String) -> Outcome {
    Err(Broken::new(promise, expected, found))
}
