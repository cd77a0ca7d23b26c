//! From which day to which is a period?

use serde_json::Value as Json;

use super::Walk;
use crate::{Date, FiscalCalendar, Weekday};

/// Years around a day for which fiscal years are written out.
const AROUND: i32 = 12;

/// The months of fiscal years around a day, written out: the first day of each, its year, and its place in the year.
pub(in crate::testkit) fn fiscal_months(calendar: &FiscalCalendar, around: Date) -> Vec<(Date, i32, i32)> {
    let written = serde_json::to_value(calendar).unwrap_or_default();
    let years = around.year() - AROUND..=around.year() + AROUND;
    let mut months = Vec::new();
    if let Some(first) = written.get("months_from").and_then(Json::as_u64) {
        for year in years {
            for month in 0..12_u8 {
                let of_year = (u8::try_from(first).unwrap_or(1) - 1 + month) % 12 + 1;
                let civil = year + i32::from(u64::from(of_year) < first);
                months.extend(Date::new(civil, of_year, 1).ok().map(|day| (day, year, i32::from(month))));
            }
        }
    } else if let Some(weeks) = written.get("weeks") {
        for year in years {
            let (Some(first), Some(next)) = (after_year(weeks, year - 1), after_year(weeks, year)) else {
                continue;
            };
            let pattern = weeks.get("pattern").and_then(Json::as_str).unwrap_or_default();
            let lengths: Vec<i32> = pattern.split('-').filter_map(|text| text.parse().ok()).collect();
            let extra = weeks.get("extra_week").and_then(Json::as_i64).unwrap_or(12);
            let mut day = first;
            for (month, length) in (0..12_i32).zip(lengths.iter().cycle()) {
                months.push((day, year, month));
                let has_more = i64::from(month) + 1 == extra && next.days() - first.days() == 53 * 7;
                day = day.plus_days(7 * (length + i32::from(has_more))).unwrap_or(day);
            }
        }
    } else if let Some(table) = written.get("table") {
        let day = |json: &Json| json.as_str().and_then(|text| text.parse::<Date>().ok());
        let years = table.get("years").and_then(Json::as_array).into_iter().flatten();
        for (year, starts) in (0..).zip(years) {
            let starts = starts.as_array().into_iter().flatten().filter_map(day);
            months.extend((0..).zip(starts).map(|(month, first)| (first, year, month)));
        }
        let last = months.last().map_or(0, |(_, year, _)| *year);
        months.extend(table.get("after").and_then(day).map(|first| (first, last + 1, 0)));
    }
    months
}

/// The day after the fiscal year of weeks that ends at the end of a month of a calendar year, found by looking at one day after the other.
fn after_year(weeks: &Json, year: i32) -> Option<Date> {
    let month = u8::try_from(weeks.get("month")?.as_u64()?).ok()?;
    let weekday = weeks.get("weekday")?.as_str()?;
    let names = ["thursday", "friday", "saturday", "sunday", "monday", "tuesday", "wednesday"];
    let is_it =
        |day: &Date| names.get(usize::try_from(day.days().rem_euclid(7)).unwrap_or(7)) == Some(&weekday);
    let all = (-400..400).filter_map(|days| Date::new(year, month, 15).ok()?.plus_days(days));
    let last = all.clone().rfind(|day| (day.year(), day.month()) == (year, month))?;
    let mut ends = all.filter(is_it);
    let end = match weeks.get("end")?.as_str()? {
        "last" => ends.rfind(|day| *day <= last)?,
        _ => ends.min_by_key(|day| (day.days() - last.days()).abs())?,
    };
    end.plus_days(1)
}

impl Walk<'_, '_> {
    /// By how many days a week begins after Monday.
    pub(super) fn week_begins(&self) -> i32 {
        match self.as_of.week_start() {
            Weekday::Monday => 0,
            Weekday::Tuesday => 1,
            Weekday::Wednesday => 2,
            Weekday::Thursday => 3,
            Weekday::Friday => 4,
            Weekday::Saturday => 5,
            Weekday::Sunday => 6,
        }
    }

    /// The first and the last day of a period, each where it is known, found by looking at one day after the other.
    pub(super) fn period(&self, name: &str, offset: i32) -> Option<(Option<Date>, Option<Date>)> {
        let today = self.as_of.date();
        let week = self.week_begins();
        let fiscal =
            if name.starts_with("fiscal") { fiscal_months(self.as_of.fiscal(), today) } else { Vec::new() };
        // The number of the period that a day lies in; none where the fiscal calendar does not say.
        let number = |day: Date| {
            let (year, month, _) = day.civil();
            let month = i32::from(month);
            let months = year * 12 + month - 1;
            let of_fiscal = || {
                let place = fiscal.iter().rposition(|(first, ..)| *first <= day)?;
                let (first, year, month) = fiscal.get(place)?;
                // Of a table, nothing is said behind the day after it.
                if place + 1 == fiscal.len() && *first != day {
                    return None;
                }
                Some((i32::try_from(place).ok()?, *year, *month))
            };
            Some(match name {
                "week" => (day.days() + 3 - week).div_euclid(7),
                "month" => months,
                "quarter" => months.div_euclid(3),
                "year" => year,
                "fiscal_month" => of_fiscal()?.0,
                "fiscal_quarter" => {
                    let (_, year, month) = of_fiscal()?;
                    year * 4 + (month / 3).min(3)
                }
                "fiscal_year" => of_fiscal()?.1,
                _ => day.days(),
            })
        };
        // The day after a table begins a year that nobody is in.
        if fiscal.last().is_some_and(|(after, ..)| *after <= today) {
            return None;
        }
        let wanted = number(today)? + offset;
        let start = |wanted: i32| {
            let mut day = today;
            while number(day)? != wanted {
                day = day.plus_days(if number(day)? < wanted { 1 } else { -1 })?;
            }
            while let Some(before) = day.plus_days(-1).filter(|before| number(*before) == Some(wanted)) {
                day = before;
            }
            Some(day)
        };
        Some((start(wanted), start(wanted + 1).and_then(|next| next.plus_days(-1))))
    }
}
