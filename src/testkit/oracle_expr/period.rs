//! From which day to which is a period?

use super::Walk;
use crate::{Date, Weekday};

impl Walk<'_, '_> {
    /// The first and the last day of a period, found by looking at one day after the other.
    pub(super) fn period(&self, name: &str, offset: i32) -> Option<(Date, Date)> {
        let today = self.as_of.date();
        let fiscal = i32::from(self.as_of.fiscal().start_month());
        let week = match self.as_of.week_start() {
            Weekday::Monday => 0,
            Weekday::Tuesday => 1,
            Weekday::Wednesday => 2,
            Weekday::Thursday => 3,
            Weekday::Friday => 4,
            Weekday::Saturday => 5,
            Weekday::Sunday => 6,
        };
        // The number of the period that a day lies in.
        let number = |day: Date| {
            let (year, month, _) = day.civil();
            let month = i32::from(month);
            let months = year * 12 + month - 1;
            let fiscal_months = months - (fiscal - 1);
            match name {
                "week" => (day.days() + 3 - week).div_euclid(7),
                "month" => months,
                "quarter" => months.div_euclid(3),
                "year" => year,
                "fiscal_quarter" => fiscal_months.div_euclid(3),
                "fiscal_year" => fiscal_months.div_euclid(12),
                _ => day.days(),
            }
        };
        let wanted = number(today) + offset;
        let step = if offset < 0 { -1 } else { 1 };
        let mut day = today;
        while number(day) != wanted {
            day = day.plus_days(step)?;
        }
        let (mut first, mut last) = (day, day);
        while let Some(before) = first.plus_days(-1).filter(|before| number(*before) == wanted) {
            first = before;
        }
        while let Some(after) = last.plus_days(1).filter(|after| number(*after) == wanted) {
            last = after;
        }
        Some((first, last))
    }
}
