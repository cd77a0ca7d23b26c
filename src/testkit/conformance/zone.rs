//! Does a [`Zone`] keep its promises?
//!
//! Asked at both ends of the calendar, every few days of two centuries, and every hour of the year 2024,
//! whose changes of the clock every zone database knows.

use super::outcome::{Broken, Outcome, Verdict};
use crate::{Date, Timestamp, Zone};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// Every promise of a zone with what became of it, in the order of the trait's documentation.
///
/// ```
/// use perennial::{FixedZone, testkit::conformance::zone};
///
/// assert!(zone::all(&FixedZone::east("IST", 330)).iter().all(|(_, outcome)| outcome.is_ok()));
/// ```
pub fn all(zone: &dyn Zone) -> Vec<(&'static str, Outcome)> {
    super::__zone_promises!(__outcomes[zone])
}

/// An offset is less than a day, east and west.
///
/// # Errors
///
/// [`Broken`] with the first instant and its offset.
pub fn offsets_are_less_than_a_day(zone: &dyn Zone) -> Outcome {
    for instant in instants() {
        let offset = zone.offset_micros(instant);
        if !is_offset(offset) {
            let expected = format!("less than a day between UTC and `{}` at {instant}", zone.name());
            return broken("offsets_are_less_than_a_day", expected, format!("{offset} microseconds"));
        }
    }
    Ok(Verdict::Kept)
}

/// The same instant has the same offset, whatever was asked in between and in whatever order.
///
/// # Errors
///
/// [`Broken`] with the first instant and both offsets.
pub fn an_instant_has_one_offset(zone: &dyn Zone) -> Outcome {
    let instants = instants();
    let first: Vec<i64> = instants.iter().map(|instant| zone.offset_micros(*instant)).collect();
    for (instant, first) in instants.iter().zip(first).rev() {
        let again = zone.offset_micros(*instant);
        if again != first {
            let expected = format!("{first} microseconds at {instant} again");
            return broken("an_instant_has_one_offset", expected, again.to_string());
        }
    }
    Ok(Verdict::Kept)
}

/// The date at an instant is that of the instant moved by the offset.
///
/// # Errors
///
/// [`Broken`] with the first instant and its date.
pub fn the_date_is_that_of_the_offset(zone: &dyn Zone) -> Outcome {
    dates_agree("the_date_is_that_of_the_offset", zone, |local| local.is_some())
}

/// Where the offset leads out of the calendar, the date is its first or last day.
///
/// # Errors
///
/// [`Broken`] with the first instant and its date.
pub fn the_date_is_clamped_at_the_ends_of_the_calendar(zone: &dyn Zone) -> Outcome {
    dates_agree("the_date_is_clamped_at_the_ends_of_the_calendar", zone, |local| local.is_none())
}

// Of the instants whose local date is wanted; `None` is one outside the calendar.
fn dates_agree(promise: &'static str, zone: &dyn Zone, wanted: impl Fn(Option<Date>) -> bool) -> Outcome {
    for instant in instants() {
        let offset = zone.offset_micros(instant);
        let local = instant.micros().saturating_add(offset);
        let date = i32::try_from(local.div_euclid(DAY)).ok().and_then(Date::from_days);
        // An offset of a day or more is another promise.
        if !is_offset(offset) || !wanted(date) {
            continue;
        }
        let expected = date.unwrap_or(if local < 0 { Date::MIN } else { Date::MAX });
        let found = zone.date(instant);
        if found != expected {
            let expected = format!("{expected} in `{}` at {instant}", zone.name());
            return broken(promise, expected, found.to_string());
        }
    }
    Ok(Verdict::Kept)
}

const fn is_offset(micros: i64) -> bool {
    -DAY < micros && micros < DAY
}

fn instants() -> Vec<Timestamp> {
    let first = Timestamp::start_of(Date::MIN).micros();
    let end = Timestamp::start_of(Date::MAX).micros() + DAY;
    // 1 January of 1900, 2100, 2024 and 2025.
    let (years, year) = ((-25_567 * DAY, 47_482 * DAY), (19_723 * DAY, 20_089 * DAY));
    let steps =
        |from: i64, to: i64, step: i64| (0..).map(move |n| from + n * step).take_while(move |at| *at < to);
    let mut micros: Vec<i64> = steps(years.0, years.1, 3 * DAY + 5 * HOUR + 1).collect();
    micros.extend(steps(year.0, year.1, HOUR));
    micros.extend(steps(year.0 - 1, year.1, DAY));
    micros.extend(steps(first, first + 2 * DAY, HOUR));
    micros.extend(steps(end - 2 * DAY, end, HOUR));
    micros.extend([0, -1, end - 1]);
    micros.into_iter().filter_map(Timestamp::from_micros).collect()
}

fn broken(promise: &'static str, expected: String, found: String) -> Outcome {
    Err(Broken::new(promise, expected, found))
}
