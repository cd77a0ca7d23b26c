//! Which days does a week calendar with holidays work?
//!
//! The ready [`BusinessCalendar`]: weekdays, without holidays, with the single days on which work is done all the same.
//! Holidays are the host's, as dates: which of them move when they fall on a Sunday is not known here.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::as_of::Weekday;
use super::{BusinessCalendar, Date};

/// Weekdays that are worked, except holidays, and single days that are worked all the same.
///
/// Stored as `{"weekdays": ["monday"], "holidays": ["2026-01-01"], "working_days": []}`; what is left out is Monday to
/// Friday, and no days.
///
/// ```
/// use perennial::{BusinessCalendar, Date, WeekCalendar, Weekday};
///
/// // From Sunday to Thursday; a holiday, for which a Saturday is worked.
/// use Weekday::{Monday, Sunday, Thursday, Tuesday, Wednesday};
/// let calendar = WeekCalendar::of([Sunday, Monday, Tuesday, Wednesday, Thursday])
///     .with_holiday(Date::new(2026, 3, 22)?)
///     .with_working_day(Date::new(2026, 3, 28)?);
/// assert_eq!(calendar.next(Date::new(2026, 3, 19)?)?, Date::new(2026, 3, 23)?);
/// assert!(calendar.is_business_day(Date::new(2026, 3, 28)?));
///
/// let text = serde_json::to_string(&calendar)?;
/// assert_eq!(serde_json::from_str::<WeekCalendar>(&text)?, calendar);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct WeekCalendar {
    /// From Monday on.
    worked: [bool; 7],
    // INVARIANT: no day is in both.
    holidays: BTreeSet<Date>,
    working_days: BTreeSet<Date>,
}

impl WeekCalendar {
    /// Monday to Friday, without holidays.
    #[must_use]
    pub fn monday_to_friday() -> Self {
        use Weekday::{Friday, Monday, Thursday, Tuesday, Wednesday};
        Self::of([Monday, Tuesday, Wednesday, Thursday, Friday])
    }

    /// These weekdays, without holidays. With none of them only single days are worked.
    #[must_use]
    pub fn of(weekdays: impl IntoIterator<Item = Weekday>) -> Self {
        let chosen: Vec<Weekday> = weekdays.into_iter().collect();
        let worked = Weekday::ALL.map(|weekday| chosen.contains(&weekday));
        Self { worked, holidays: BTreeSet::new(), working_days: BTreeSet::new() }
    }

    /// With a day that is closed, whichever weekday it is. Of a holiday and a working day on one date, the last call counts.
    #[must_use]
    pub fn with_holiday(mut self, date: Date) -> Self {
        self.working_days.remove(&date);
        self.holidays.insert(date);
        self
    }

    /// With days that are closed.
    #[must_use]
    pub fn with_holidays(self, dates: impl IntoIterator<Item = Date>) -> Self {
        dates.into_iter().fold(self, Self::with_holiday)
    }

    /// With a day that is worked, whichever weekday it is: a Saturday that makes up for a bridge day.
    #[must_use]
    pub fn with_working_day(mut self, date: Date) -> Self {
        self.holidays.remove(&date);
        self.working_days.insert(date);
        self
    }

    /// The weekdays that are worked, from Monday on.
    pub fn weekdays(&self) -> impl Iterator<Item = Weekday> + '_ {
        Weekday::ALL.into_iter().zip(self.worked).filter(|(_, worked)| *worked).map(|(weekday, _)| weekday)
    }

    /// The days that are closed, in their order.
    pub fn holidays(&self) -> impl Iterator<Item = Date> + '_ {
        self.holidays.iter().copied()
    }

    /// The single days that are worked, in their order.
    pub fn working_days(&self) -> impl Iterator<Item = Date> + '_ {
        self.working_days.iter().copied()
    }
}

impl Default for WeekCalendar {
    fn default() -> Self {
        Self::monday_to_friday()
    }
}

impl BusinessCalendar for WeekCalendar {
    fn is_business_day(&self, date: Date) -> bool {
        if self.holidays.contains(&date) {
            return false;
        }
        let number = usize::try_from(date.weekday().number()).unwrap_or_default();
        self.worked.get(number).copied().unwrap_or(false) || self.working_days.contains(&date)
    }
}

/// The calendar as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default = "monday_to_friday")]
    weekdays: Vec<Weekday>,
    #[serde(default)]
    holidays: BTreeSet<Date>,
    #[serde(default)]
    working_days: BTreeSet<Date>,
}

fn monday_to_friday() -> Vec<Weekday> {
    WeekCalendar::monday_to_friday().weekdays().collect()
}

impl From<WeekCalendar> for Written {
    fn from(calendar: WeekCalendar) -> Self {
        let weekdays = calendar.weekdays().collect();
        Self { weekdays, holidays: calendar.holidays, working_days: calendar.working_days }
    }
}

impl TryFrom<Written> for WeekCalendar {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        if let Some(date) = written.holidays.intersection(&written.working_days).next() {
            return Err(format!("{date} is both a holiday and a working day"));
        }
        let Written { weekdays, holidays, working_days } = written;
        Ok(Self { holidays, working_days, ..Self::of(weekdays) })
    }
}
