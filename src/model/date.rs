//! Which civil day?
//!
//! A [`Date`] is a day number in the proleptic Gregorian calendar, 0001-01-01 to 9999-12-31. Dates of calendar
//! libraries are converted at the edge only (`with_chrono`, `with_jiff`), each behind its feature. Months are
//! counted from the anchor (ruling S44 of `docs/semantics`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::as_of::Weekday;

/// A civil day, 0001-01-01 to 9999-12-31, without a zone.
///
/// ```
/// use perennial::Date;
///
/// let end: Date = "2024-01-31".parse()?;
/// // Months are counted from the anchor and clamped at the month's end.
/// assert_eq!(end.plus_months(1).unwrap().to_string(), "2024-02-29");
/// assert_eq!(end.plus_months(2).unwrap().to_string(), "2024-03-31");
/// # Ok::<(), perennial::DateError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    // INVARIANT: days since 1970-01-01, within MIN..=MAX.
    days: i32,
}

/// A text or triple is no day of the calendar, or a text is no instant. The message says what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is {}", reason.said())]
pub struct DateError {
    text: String,
    reason: Reason,
}

/// Why a text is no day, or no instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// It is not written as a day.
    NotADay,
    /// It is written as a day, and the calendar has none such.
    NoSuchDay,
    /// It is not written as an instant.
    NotAnInstant,
    /// The day of an instant is not in the calendar.
    InstantOfNoDay,
    /// A day and a time, and no offset from UTC.
    NoOffset,
    /// It lies outside the years that are kept.
    OutOfRange,
}

impl Reason {
    const fn said(self) -> &'static str {
        match self {
            Self::NotADay => "not a date; expected a day such as `2024-01-31`",
            Self::NoSuchDay => "not a date: there is no such day",
            Self::NotAnInstant => "not a timestamp; expected an instant such as `2024-01-31T08:30:00Z`",
            Self::InstantOfNoDay => "not a timestamp: there is no such day",
            Self::NoOffset => "not a timestamp: it has no offset from UTC, such as `Z` or `+01:00`",
            Self::OutOfRange => "outside years 1 to 9999",
        }
    }
}

impl DateError {
    fn new(text: &str, reason: Reason) -> Self {
        Self { text: text.chars().take(40).collect(), reason }
    }

    /// Of a text that is no instant.
    pub(super) fn of_instant(text: &str) -> Self {
        let day = text.get(..10).map(str::parse::<Date>);
        let reason = match day {
            Some(Err(Self { reason: Reason::NoSuchDay, .. })) => Reason::InstantOfNoDay,
            Some(Ok(_)) if is_local_time(text.get(10..).unwrap_or_default()) => Reason::NoOffset,
            _ => Reason::NotAnInstant,
        };
        Self::new(text, reason)
    }

    /// Whether the text is written as a day, or begins with one, that the calendar does not have.
    ///
    /// ```
    /// use perennial::{Date, Timestamp};
    ///
    /// assert!("2024-02-30".parse::<Date>().is_err_and(|error| error.is_no_such_day()));
    /// assert!("2024-02-30T08:00:00Z".parse::<Timestamp>().is_err_and(|error| error.is_no_such_day()));
    /// assert!("30.02.2024".parse::<Date>().is_err_and(|error| !error.is_no_such_day()));
    /// ```
    #[must_use]
    pub const fn is_no_such_day(&self) -> bool {
        matches!(self.reason, Reason::NoSuchDay | Reason::InstantOfNoDay)
    }

    /// Of a day or an instant of another calendar library, as that one writes it.
    pub(super) fn out_of_range(text: &str) -> Self {
        Self::new(text, Reason::OutOfRange)
    }
}

// `T08:30`, ` 08:30:00.5`: what follows a day in an instant, without an offset behind it.
fn is_local_time(text: &str) -> bool {
    let Some(clock) = text.strip_prefix(['T', 't', ' ']) else { return false };
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    clock.contains(':') && clock.split(':').all(is_part)
}

impl Date {
    /// 0001-01-01.
    pub const MIN: Self = Self { days: -719_162 };
    /// 9999-12-31.
    pub const MAX: Self = Self { days: 2_932_896 };

    /// The day with this year, month (1-12) and day of month.
    ///
    /// # Errors
    ///
    /// [`DateError`] when the calendar has no such day.
    pub fn new(year: i32, month: u8, day: u8) -> Result<Self, DateError> {
        let wrong = || DateError::new(&format!("{year:04}-{month:02}-{day:02}"), Reason::NoSuchDay);
        if !(1..=9999).contains(&year)
            || !(1..=12).contains(&month)
            || day == 0
            || day > month_length(year, month)
        {
            return Err(wrong());
        }
        Ok(Self { days: days_from_civil(year, month, day) })
    }

    /// The day this many days after 1970-01-01, or `None` outside the calendar's range.
    #[must_use]
    pub const fn from_days(days: i32) -> Option<Self> {
        if days < Self::MIN.days || days > Self::MAX.days { None } else { Some(Self { days }) }
    }

    /// Days after 1970-01-01; negative before.
    #[must_use]
    pub const fn days(&self) -> i32 {
        self.days
    }

    /// Year, month and day of month.
    #[must_use]
    pub fn civil(&self) -> (i32, u8, u8) {
        civil_from_days(self.days)
    }

    /// The year.
    #[must_use]
    pub fn year(&self) -> i32 {
        self.civil().0
    }

    /// The month, 1 to 12.
    #[must_use]
    pub fn month(&self) -> u8 {
        self.civil().1
    }

    /// The day of the month, from 1.
    #[must_use]
    pub fn day(&self) -> u8 {
        self.civil().2
    }

    /// The day of the week.
    ///
    /// ```
    /// use perennial::{Date, Weekday};
    ///
    /// assert_eq!(Date::new(2024, 2, 3)?.weekday(), Weekday::Saturday);
    /// # Ok::<(), perennial::DateError>(())
    /// ```
    #[must_use]
    pub fn weekday(&self) -> Weekday {
        // 1 January 1970 was a Thursday.
        let number = usize::try_from((self.days + 3).rem_euclid(7)).unwrap_or_default();
        Weekday::ALL.get(number).copied().unwrap_or(Weekday::Monday)
    }

    /// The day `days` later (earlier when negative), or `None` outside the calendar.
    #[must_use]
    pub const fn plus_days(&self, days: i32) -> Option<Self> {
        match self.days.checked_add(days) {
            Some(sum) => Self::from_days(sum),
            None => None,
        }
    }

    /// The same day of the month `months` later, clamped to that month's last day; `None` outside the
    /// calendar. Always count from the anchor (`anchor + 2`), never chain (`anchor + 1 + 1`).
    #[must_use]
    pub fn plus_months(&self, months: i32) -> Option<Self> {
        let (year, month, day) = self.civil();
        let total = year.checked_mul(12)?.checked_add(i32::from(month) - 1)?.checked_add(months)?;
        let (year, month) = (total.div_euclid(12), u8::try_from(total.rem_euclid(12)).ok()? + 1);
        if !(1..=9999).contains(&year) {
            return None;
        }
        Self::new(year, month, day.min(month_length(year, month))).ok()
    }
}

const fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(super) const fn month_length(year: i32, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

// Howard Hinnant, "chrono-compatible low-level date algorithms": eras of 400 years, years from March.
pub(super) fn days_from_civil(year: i32, month: u8, day: u8) -> i32 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = (i32::from(month) + 9) % 12;
    let day_of_year = (153 * shifted + 2) / 5 + i32::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The days from 1 January of its year to a day that is given by its number, which may lie outside the calendar.
pub(crate) fn day_of_year0(days: i32) -> i32 {
    let (year, ..) = civil_from_days(days);
    days - days_from_civil(year, 1, 1)
}

/// Year, month and day of the month of a day number, which may lie outside the calendar: the local day of an instant of
/// its last or first hours.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "months and days are below 32")]
pub(crate) fn civil_from_days(days: i32) -> (i32, u8, u8) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u8;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 } as u8;
    (year_of_era + era * 400 + i32::from(month <= 2), month, day)
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let wrong = || DateError::new(text, Reason::NotADay);
        let mut parts = text.splitn(3, '-');
        let mut part = |width: usize| {
            let digits = parts.next().filter(|p| p.len() == width && p.bytes().all(|b| b.is_ascii_digit()));
            digits.and_then(|p| p.parse::<u16>().ok()).ok_or_else(wrong)
        };
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        let small = |n: u16| u8::try_from(n).map_err(|_| wrong());
        Self::new(i32::from(year), small(month)?, small(day)?)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn every_day_survives_the_round_trip_and_agrees_with_chrono() {
        for days in (Date::MIN.days()..=Date::MAX.days()).step_by(61) {
            let date = Date::from_days(days).unwrap();
            let (year, month, day) = date.civil();
            assert_eq!(Date::new(year, month, day).unwrap(), date);
            let theirs: chrono::NaiveDate = date.into();
            assert_eq!(theirs.to_string(), date.to_string());
            assert_eq!(Date::try_from(theirs).unwrap(), date);
        }
        assert_eq!(Date::MIN.to_string(), "0001-01-01");
        assert_eq!(Date::MAX.to_string(), "9999-12-31");
        assert!(Date::from_days(Date::MAX.days() + 1).is_none());
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in [
            "2023-02-29",
            "2023-13-01",
            "2023-00-10",
            "2023-1-01",
            "0000-01-01",
            "20230101",
            "",
            "2023-01-01x",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        assert!("2024-02-29".parse::<Date>().is_ok());
    }

    #[test]
    fn an_error_says_what_is_wrong_with_the_text() {
        let day = |text: &str| text.parse::<Date>().unwrap_err().to_string();
        assert_eq!(day("2024-02-30"), "`2024-02-30` is not a date: there is no such day");
        assert_eq!(day("2024-13-01"), "`2024-13-01` is not a date: there is no such day");
        assert_eq!(day("30.2.2024"), "`30.2.2024` is not a date; expected a day such as `2024-01-31`");
        let instant = |text: &str| text.parse::<Timestamp>().unwrap_err().to_string();
        assert_eq!(
            instant("2024-02-30T08:00:00Z"),
            "`2024-02-30T08:00:00Z` is not a timestamp: there is no such day"
        );
        let local = "is not a timestamp: it has no offset from UTC, such as `Z` or `+01:00`";
        for text in ["2024-02-29T08:00:00", "2024-02-29 08:00", "2024-02-29T08:00:00.25"] {
            assert_eq!(instant(text), format!("`{text}` {local}"));
        }
        let expected = "is not a timestamp; expected an instant such as `2024-01-31T08:30:00Z`";
        for text in ["2024-02-29", "yesterday", "2024-02-29T25:00:00Z", "2024-02-2é"] {
            assert_eq!(instant(text), format!("`{text}` {expected}"));
        }
        let late = chrono::NaiveDate::from_ymd_opt(12_024, 1, 1).unwrap();
        assert_eq!(
            Date::try_from(late).unwrap_err().to_string(),
            "`+12024-01-01` is outside years 1 to 9999"
        );
    }

    #[test]
    fn months_count_from_the_anchor() {
        let anchor: Date = "2023-12-31".parse().unwrap();
        assert_eq!(anchor.plus_months(2).unwrap().to_string(), "2024-02-29");
        assert_eq!(anchor.plus_months(-10).unwrap().to_string(), "2023-02-28");
        assert_eq!(Date::MAX.plus_months(1), None);
    }
}
