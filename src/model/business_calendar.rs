//! Which days are business days, and which day is three business days later?
//!
//! A host trait: the library knows no holidays, and a calendar is handed in where a question needs one. There is no
//! calendar of a process, and none that is read by default. Everything is derived from one answer,
//! [`BusinessCalendar::is_business_day`], by steps of one day. Ruling S149 of `docs/semantics`.

use std::fmt;

use thiserror::Error;

use super::Date;
use super::limits::MAX_CLOSED_DAYS;

/// A host's calendar of business days. [`WeekCalendar`](crate::WeekCalendar) is the ready one.
///
/// # What implementors must guarantee
///
/// The names are those of the tests in `testkit::conformance::business_calendar` (feature `testkit`), which
/// `testkit::business_calendar_conformance!` runs over your own calendar.
///
/// * A day has the same answer for the life of the value, whoever asks and in whatever order
///   (`a_day_has_one_answer`). A calendar that is corrected is another value.
/// * The days that its users know are answered as they know them (`known_days_are_answered`).
/// * Every day of years 1 to 9999 has an answer, also beyond the years whose holidays are known.
/// * Who overrides a provided method gives the answers of the provided one (`provided_answers_agree`).
///
/// A calendar may have long closures. Where [`MAX_CLOSED_DAYS`] days in a row are closed, a search through them is an
/// error ([`BusinessDayError::NoneNear`]) instead of an endless loop.
///
/// ```
/// use perennial::{BusinessCalendar, Date, WeekCalendar};
///
/// // The closing days of TARGET, the payment system of the euro, in 2026. Good Friday is 3 April, Easter Monday 6 April.
/// let days = [(1, 1), (4, 3), (4, 6), (5, 1), (12, 25), (12, 26)];
/// let holidays = days.into_iter().map(|(month, day)| Date::new(2026, month, day)).collect::<Result<Vec<_>, _>>()?;
/// let target = WeekCalendar::monday_to_friday().with_holidays(holidays);
///
/// // Due in three business days from Thursday, 2 April: the 7th, the 8th, the 9th.
/// let thursday = Date::new(2026, 4, 2)?;
/// assert_eq!(target.add_business_days(thursday, 3)?, Date::new(2026, 4, 9)?);
/// assert_eq!(target.business_days_between(thursday, Date::new(2026, 4, 9)?), 3);
/// // The year has 261 days from Monday to Friday; five of the six closing days are among them.
/// assert_eq!(target.business_days_between(Date::new(2025, 12, 31)?, Date::new(2026, 12, 31)?), 256);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait BusinessCalendar: fmt::Debug + Send + Sync {
    /// Whether work is done on this day.
    fn is_business_day(&self, date: Date) -> bool;

    /// The first business day after `date`, whatever `date` is itself.
    ///
    /// # Errors
    ///
    /// [`BusinessDayError`] where none is found.
    fn next(&self, date: Date) -> Result<Date, BusinessDayError> {
        search(self, date, 1)
    }

    /// The last business day before `date`, whatever `date` is itself.
    ///
    /// # Errors
    ///
    /// [`BusinessDayError`] where none is found.
    fn previous(&self, date: Date) -> Result<Date, BusinessDayError> {
        search(self, date, -1)
    }

    /// `date` where it is a business day, else the first one after it.
    ///
    /// # Errors
    ///
    /// [`BusinessDayError`] where none is found.
    fn on_or_after(&self, date: Date) -> Result<Date, BusinessDayError> {
        if self.is_business_day(date) { Ok(date) } else { self.next(date) }
    }

    /// `date` where it is a business day, else the last one before it.
    ///
    /// # Errors
    ///
    /// [`BusinessDayError`] where none is found.
    fn on_or_before(&self, date: Date) -> Result<Date, BusinessDayError> {
        if self.is_business_day(date) { Ok(date) } else { self.previous(date) }
    }

    /// The `days`-th business day after `date`, or before it where `days` is negative. `date` itself is never counted, and
    /// is the answer for 0, also on a day that is closed.
    ///
    /// # Errors
    ///
    /// [`BusinessDayError`] where there are not so many.
    ///
    /// # Complexity
    ///
    /// One question for each day that is passed over; at most the days of the calendar, 3.7 million.
    fn add_business_days(&self, date: Date, days: i32) -> Result<Date, BusinessDayError> {
        let mut at = date;
        for _ in 0..days.unsigned_abs() {
            at = if days > 0 { self.next(at)? } else { self.previous(at)? };
        }
        Ok(at)
    }

    /// How many business days there are from `from` to `to`: without `from`, and with `to`.
    ///
    /// So it is what [`Self::add_business_days`] counts: from any day to its `n`-th business day there are `n`. Where `to` is
    /// the earlier day, it is the negative number of those before `from`, down to `to` and with it.
    ///
    /// # Complexity
    ///
    /// One question for each day between.
    fn business_days_between(&self, from: Date, to: Date) -> i32 {
        let step = if from <= to { 1 } else { -1 };
        let (mut at, mut count) = (from, 0);
        while at != to {
            // There is a day, since `to` is ahead.
            let Some(day) = at.plus_days(step) else { break };
            at = day;
            count += i32::from(self.is_business_day(at)) * step;
        }
        count
    }
}

/// There is no such business day.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BusinessDayError {
    /// Too many days in a row are closed.
    #[error("the {MAX_CLOSED_DAYS} days {} {date} are closed", if *forward { "after" } else { "before" })]
    NoneNear {
        /// The day that the search began at.
        date: Date,
        /// Whether it went to later days.
        forward: bool,
    },
    /// The search came to an end of the calendar.
    #[error("no business day {} {date} within years 1 to 9999", if *forward { "after" } else { "before" })]
    OutOfRange {
        /// The day that the search began at.
        date: Date,
        /// Whether it went to later days.
        forward: bool,
    },
}

fn search(
    calendar: &(impl BusinessCalendar + ?Sized),
    date: Date,
    step: i32,
) -> Result<Date, BusinessDayError> {
    let forward = step > 0;
    let mut at = date;
    for _ in 0..MAX_CLOSED_DAYS {
        at = at.plus_days(step).ok_or(BusinessDayError::OutOfRange { date, forward })?;
        if calendar.is_business_day(at) {
            return Ok(at);
        }
    }
    Err(BusinessDayError::NoneNear { date, forward })
}
