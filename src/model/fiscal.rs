//! When do the fiscal years, quarters and months of a business begin?
//!
//! Ruling S147 of [`docs::semantics`](crate::docs::semantics). Three rules: years of twelve calendar months; years of 52 or 53 weeks, in months of four and five weeks, as in retail
//! and manufacturing; and a table of the host's.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::as_of::Weekday;
use super::date::Date;
use super::faults::Faults;

/// How the fiscal year of a business is divided. Cheap to clone.
///
/// ```
/// use perennial::{Date, FiscalCalendar, FiscalPeriod};
///
/// // The calendar of American retail: the year that ended on 3 February 2024 had 53 weeks.
/// let retail = FiscalCalendar::nrf();
/// let day = Date::new(2024, 1, 15)?;
/// let start = |period| retail.start_of(period, day, 0).map(|first| first.to_string());
/// assert_eq!(start(FiscalPeriod::Year).as_deref(), Some("2023-01-29"));
/// assert_eq!(start(FiscalPeriod::Quarter).as_deref(), Some("2023-10-29"));
/// assert_eq!(start(FiscalPeriod::Month).as_deref(), Some("2023-12-31"));
/// let next = retail.start_of(FiscalPeriod::Year, day, 1).ok_or("no next year")?;
/// assert_eq!(next.to_string(), "2024-02-04");
///
/// let april = FiscalCalendar::starting(4).ok_or("no month")?;
/// assert_eq!(april.year_of(day), Some(Date::new(2023, 4, 1)?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct FiscalCalendar {
    rule: Rule,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Rule {
    /// The month that a year begins with.
    Months(u8),
    Weeks(WeekYears),
    /// The first days of the periods of one year after the other, and behind them the day after the last.
    Table(Arc<[Vec<Date>]>),
}

/// The weeks of the three months of a quarter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename = "pattern of weeks", expecting = "a pattern of weeks such as `4-4-5`")]
pub enum WeekPattern {
    /// Four, four and five.
    #[serde(rename = "4-4-5")]
    FourFourFive,
    /// Four, five and four.
    #[serde(rename = "4-5-4")]
    FourFiveFour,
    /// Five, four and four.
    #[serde(rename = "5-4-4")]
    FiveFourFour,
}

impl WeekPattern {
    const fn weeks(self) -> [i32; 3] {
        match self {
            Self::FourFourFive => [4, 4, 5],
            Self::FourFiveFour => [4, 5, 4],
            Self::FiveFourFour => [5, 4, 4],
        }
    }
}

/// On which day a year of weeks ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(
    rename = "end of a year",
    rename_all = "snake_case",
    expecting = "the end of a year, `last` or `nearest`"
)]
pub enum YearEnd {
    /// On the last such day of the month.
    Last,
    /// On such a day nearest to the last day of the month, before or after it.
    Nearest,
}

/// Years of whole weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WeekYears {
    pattern: WeekPattern,
    weekday: Weekday,
    end: YearEnd,
    /// The calendar month at whose end a year ends.
    month: u8,
    /// The month of the year, 1 to 12, that has the 53rd week.
    extra_week: u8,
}

/// A part of a fiscal year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FiscalPeriod {
    /// A month, or whatever a table divides a year into.
    Month,
    /// A quarter: three months; the last one has all that is left.
    Quarter,
    /// The year.
    Year,
}

/// By which calendar year a fiscal year is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FiscalYearName {
    /// That of its first day.
    StartYear,
    /// That of its last day.
    EndYear,
}

/// What is wrong with a table of fiscal years.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FiscalFault {
    /// There is no year.
    #[error("a table has a year at least, and the day after its last")]
    Empty,
    /// A year that is not divided into 12 or 13 periods.
    #[error("year {year} has {periods} periods; a year has 12 or 13")]
    Periods {
        /// Its place in the table, from 1.
        year: usize,
        /// How many it has.
        periods: usize,
    },
    /// A period that does not begin after the one before it.
    #[error("the period of {day} does not begin after the one before it, of {before}")]
    Order {
        /// Its first day.
        day: Date,
        /// That of the period before it.
        before: Date,
    },
}

impl FiscalCalendar {
    /// Calendar years.
    pub(crate) const CIVIL: Self = Self { rule: Rule::Months(1) };

    /// A fiscal year that starts on the first of `month`, or `None` outside 1 to 12.
    #[must_use]
    pub const fn starting(month: u8) -> Option<Self> {
        if month >= 1 && month <= 12 { Some(Self { rule: Rule::Months(month) }) } else { None }
    }

    /// Years of 52 or 53 weeks that end on a day of the week at the end of a calendar month, or `None` for a month outside 1 to 12. The 53rd week is that of the
    /// last month, unless [`Self::with_extra_week`] says another.
    ///
    /// ```
    /// use perennial::{Date, FiscalCalendar, FiscalPeriod, WeekPattern, Weekday, YearEnd};
    ///
    /// // A year that ends on the last Saturday of September.
    /// let calendar = FiscalCalendar::weeks(WeekPattern::FourFourFive, Weekday::Saturday, YearEnd::Last, 9).ok_or("no month")?;
    /// let day = Date::new(2023, 9, 30)?;
    /// assert_eq!(calendar.start_of(FiscalPeriod::Year, day, 0), Some(Date::new(2022, 9, 25)?));
    /// assert_eq!(calendar.start_of(FiscalPeriod::Year, day, 1), Some(Date::new(2023, 10, 1)?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn weeks(pattern: WeekPattern, weekday: Weekday, end: YearEnd, month: u8) -> Option<Self> {
        if month < 1 || month > 12 {
            return None;
        }
        Some(Self { rule: Rule::Weeks(WeekYears { pattern, weekday, end, month, extra_week: 12 }) })
    }

    /// With the 53rd week in another month of the year, 1 to 12. `None` for any other number, and for calendars without weeks.
    #[must_use]
    pub fn with_extra_week(self, month: u8) -> Option<Self> {
        match self.rule {
            Rule::Weeks(of) if (1..=12).contains(&month) => {
                Some(Self { rule: Rule::Weeks(WeekYears { extra_week: month, ..of }) })
            }
            _ => None,
        }
    }

    /// The calendar of the National Retail Federation: 4-5-4, ending on the Saturday nearest to the end of January.
    #[must_use]
    pub const fn nrf() -> Self {
        let (pattern, weekday) = (WeekPattern::FourFiveFour, Weekday::Saturday);
        let (end, month, extra_week) = (YearEnd::Nearest, 1, 12);
        Self { rule: Rule::Weeks(WeekYears { pattern, weekday, end, month, extra_week }) }
    }

    /// Years from a table: for each year the first days of its 12 months or 13 periods; `after` is the day after the last year. Outside the table there is no fiscal year.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the table.
    ///
    /// ```
    /// use perennial::{Date, FiscalCalendar, FiscalPeriod};
    ///
    /// // Thirteen periods of four weeks from 1 January 2025.
    /// let first = Date::new(2025, 1, 1)?;
    /// let periods: Option<Vec<Date>> = (0..13).map(|number| first.plus_days(28 * number)).collect();
    /// let after = first.plus_days(13 * 28).ok_or("no day")?;
    /// let calendar = FiscalCalendar::table([periods.ok_or("no days")?], after)?;
    /// let day = Date::new(2025, 12, 1)?;
    /// assert_eq!(calendar.start_of(FiscalPeriod::Month, day, 0), Some(Date::new(2025, 11, 5)?));
    /// // The last quarter has four of them.
    /// assert_eq!(calendar.start_of(FiscalPeriod::Quarter, day, 0), Some(Date::new(2025, 9, 10)?));
    /// assert_eq!(calendar.start_of(FiscalPeriod::Year, day, 1), Some(after));
    /// assert_eq!(calendar.year_of(after), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn table(
        years: impl IntoIterator<Item = Vec<Date>>,
        after: Date,
    ) -> Result<Self, Faults<FiscalFault>> {
        let mut years: Vec<Vec<Date>> = years.into_iter().collect();
        let mut faults = Faults::none();
        if years.is_empty() {
            faults.add(|| FiscalFault::Empty);
        }
        for (number, year) in years.iter().enumerate() {
            if !(12..=13).contains(&year.len()) {
                faults.add(|| FiscalFault::Periods { year: number + 1, periods: year.len() });
            }
        }
        let days: Vec<Date> = years.iter().flatten().copied().chain([after]).collect();
        for pair in days.windows(2) {
            if let [before, day] = *pair
                && day <= before
            {
                faults.add(|| FiscalFault::Order { day, before });
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        years.push(vec![after]);
        Ok(Self { rule: Rule::Table(years.into()) })
    }

    /// The calendar month that the fiscal year starts in, 1 to 12; `None` for years of weeks and for tables.
    #[must_use]
    pub const fn start_month(&self) -> Option<u8> {
        match self.rule {
            Rule::Months(month) => Some(month),
            _ => None,
        }
    }

    /// The first day of the fiscal year that a day is in; `None` outside a table.
    #[must_use]
    pub fn year_of(&self, day: Date) -> Option<Date> {
        self.start_of(FiscalPeriod::Year, day, 0)
    }

    /// The first day of the period that is `offset` periods after the one that `day` is in. `None` outside the range of [`Date`], and outside a table; the day after a table's last
    /// year is the last start that it gives.
    ///
    /// O(1); for a table logarithmic in its years, and for months linear in the years between.
    #[must_use]
    pub fn start_of(&self, period: FiscalPeriod, day: Date, offset: i32) -> Option<Date> {
        match &self.rule {
            Rule::Months(first) => start_of_months(*first, period, day, offset),
            Rule::Weeks(of) => of.start_of(period, day, offset),
            Rule::Table(years) => start_in_table(years, period, day, offset),
        }
    }

    /// The number of the fiscal year that a day is in; `None` if the calendar does not cover it.
    ///
    /// ```
    /// use perennial::{Date, FiscalCalendar, FiscalYearName};
    ///
    /// let day = Date::new(2024, 1, 15)?;
    /// let retail = FiscalCalendar::nrf();
    /// assert_eq!(retail.year_name(day, FiscalYearName::StartYear), Some(2023));
    /// assert_eq!(retail.year_name(day, FiscalYearName::EndYear), Some(2024));
    /// # Ok::<(), perennial::DateError>(())
    /// ```
    #[must_use]
    pub fn year_name(&self, day: Date, name: FiscalYearName) -> Option<i32> {
        let first = self.start_of(FiscalPeriod::Year, day, 0)?;
        Some(match name {
            FiscalYearName::StartYear => first.year(),
            FiscalYearName::EndYear => self.start_of(FiscalPeriod::Year, day, 1)?.plus_days(-1)?.year(),
        })
    }

    /// The number of days of the fiscal year that a day is in; `None` if the calendar does not cover it.
    #[must_use]
    pub fn days_of_year(&self, day: Date) -> Option<u32> {
        let [first, next] = [0, 1].map(|offset| self.start_of(FiscalPeriod::Year, day, offset));
        u32::try_from(next?.days() - first?.days()).ok()
    }
}

/// Months of a period.
const fn months_of(period: FiscalPeriod) -> i32 {
    match period {
        FiscalPeriod::Month => 1,
        FiscalPeriod::Quarter => 3,
        FiscalPeriod::Year => 12,
    }
}

fn start_of_months(first: u8, period: FiscalPeriod, day: Date, offset: i32) -> Option<Date> {
    let (_, month, of_month) = day.civil();
    let length = months_of(period);
    let behind = (i32::from(month) - i32::from(first)).rem_euclid(length);
    let first = day.plus_days(1 - i32::from(of_month))?;
    first.plus_months(offset.checked_mul(length)?.checked_sub(behind)?)
}

impl WeekYears {
    /// The last day of the year that ends at the end of the month of a calendar year.
    fn end_in(self, year: i32) -> Option<Date> {
        let last = Date::new(year, self.month, 1).ok()?.plus_months(1)?.plus_days(-1)?;
        // Days since the last such weekday.
        let since = (last.weekday().number() - self.weekday.number()).rem_euclid(7);
        match self.end {
            YearEnd::Nearest if since > 3 => last.plus_days(7 - since),
            YearEnd::Last | YearEnd::Nearest => last.plus_days(-since),
        }
    }

    /// The first days of the months of the year that ends in a calendar year.
    fn months_in(self, year: i32) -> Option<[Date; 12]> {
        let first = self.end_in(year.checked_sub(1)?)?.plus_days(1)?;
        let weeks = (self.end_in(year)?.plus_days(1)?.days() - first.days()) / 7;
        let mut starts = [first; 12];
        let mut at = first;
        let pattern = self.pattern.weeks().into_iter().cycle();
        for ((number, start), own) in (1..).zip(&mut starts).zip(pattern) {
            *start = at;
            let extra = if number == i32::from(self.extra_week) { weeks - 52 } else { 0 };
            at = at.plus_days(7 * (own + extra))?;
        }
        Some(starts)
    }

    fn start_of(self, period: FiscalPeriod, day: Date, offset: i32) -> Option<Date> {
        let near = day.year();
        // A year ends within a week of the end of its month.
        let year = (near - 1..=near + 1).find(|year| self.end_in(*year).is_some_and(|end| day <= end))?;
        let month = self.months_in(year)?.iter().rposition(|start| *start <= day)?;
        let length = months_of(period);
        let month = i32::try_from(month).ok()?;
        let months = offset.checked_mul(length)?.checked_add(month - month.rem_euclid(length))?;
        let starts = self.months_in(year.checked_add(months.div_euclid(12))?)?;
        starts.get(usize::try_from(months.rem_euclid(12)).ok()?).copied()
    }
}

fn start_in_table(years: &[Vec<Date>], period: FiscalPeriod, day: Date, offset: i32) -> Option<Date> {
    let year =
        years.partition_point(|year| year.first().is_some_and(|first| *first <= day)).checked_sub(1)?;
    // Behind the last year is nothing but the day after it.
    let own = years.get(year).filter(|_| year + 1 < years.len())?;
    let month = own.partition_point(|first| *first <= day).checked_sub(1)?;
    let offset = isize::try_from(offset).ok()?;
    match period {
        FiscalPeriod::Year => years.get(year.checked_add_signed(offset)?)?.first().copied(),
        FiscalPeriod::Quarter => {
            let quarter = isize::try_from((month / 3).min(3)).ok()?.checked_add(offset)?;
            let years_on = years.get(year.checked_add_signed(quarter.div_euclid(4))?)?;
            years_on.get(usize::try_from(quarter.rem_euclid(4)).ok()? * 3).copied()
        }
        FiscalPeriod::Month => {
            // Years may have twelve periods or thirteen.
            let (mut year, mut at) = (year, isize::try_from(month).ok()?.checked_add(offset)?);
            while at < 0 {
                year = year.checked_sub(1)?;
                at = at.checked_add(isize::try_from(years.get(year)?.len()).ok()?)?;
            }
            while at >= isize::try_from(years.get(year)?.len()).ok()? {
                at -= isize::try_from(years.get(year)?.len()).ok()?;
                year += 1;
            }
            years.get(year)?.get(usize::try_from(at).ok()?).copied()
        }
    }
}

/// A calendar in stored form.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(
    rename = "calendar",
    rename_all = "snake_case",
    deny_unknown_fields,
    expecting = "a calendar such as {\"months_from\": 4}"
)]
enum Written {
    /// `{ "months_from": 4 }`
    MonthsFrom(u8),
    /// `{ "weeks": { "pattern": "4-5-4", "weekday": "saturday", "end": "nearest", "month": 1, "extra_week": 12 } }`
    Weeks(WeekYears),
    /// `{ "table": { "years": [["2025-01-01", ..]], "after": "2026-01-01" } }`
    Table { years: Vec<Vec<Date>>, after: Date },
}

impl From<FiscalCalendar> for Written {
    fn from(of: FiscalCalendar) -> Self {
        match of.rule {
            Rule::Months(month) => Self::MonthsFrom(month),
            Rule::Weeks(of) => Self::Weeks(of),
            Rule::Table(years) => {
                let (after, years) =
                    years.split_last().map_or((None, &[][..]), |(after, years)| (after.first(), years));
                Self::Table { years: years.to_vec(), after: after.copied().unwrap_or(Date::MAX) }
            }
        }
    }
}

impl TryFrom<Written> for FiscalCalendar {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let no_month = |month: u8| format!("{month} is no month; expected 1 to 12");
        match written {
            Written::MonthsFrom(month) => Self::starting(month).ok_or_else(|| no_month(month)),
            Written::Weeks(of) => {
                let found = Self::weeks(of.pattern, of.weekday, of.end, of.month);
                let found = found.ok_or_else(|| no_month(of.month))?;
                found.with_extra_week(of.extra_week).ok_or_else(|| no_month(of.extra_week))
            }
            Written::Table { years, after } => Self::table(years, after).map_err(|faults| faults.to_string()),
        }
    }
}
