//! How is one value reckoned from others?
//!
//! The meaning of every operation, once, for all evaluators: whole numbers are checked, doubles finite, and what
//! has no answer is missing. Rulings S60 to S63 of `docs/semantics`.

use std::cmp::Ordering;
use std::sync::Arc;

use super::term::{Arithmetic, Clock, Comparison, Conversion, Rounding, TextTest, TimePart, Values};
use super::value::{Val, power};
use crate::model::{
    Date, Decimal, Duration, Timestamp, Zone, civil_from_days, day_of_year0, nearest_double, times_double,
};

pub(super) const DAY: i64 = 86_400_000_000;
/// The longest length of time: 2^63 nanoseconds.
const MAX_DURATION: i64 = i64::MAX / 1_000;

impl Comparison {
    #[inline]
    pub(super) const fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterEqual => order.is_ge(),
        }
    }
}

/// The order of two values of one type; `None` where one is missing.
#[inline]
pub(super) fn order(left: &Val<'_>, right: &Val<'_>) -> Option<Ordering> {
    match (left, right) {
        (Val::Int(a), Val::Int(b)) => Some(a.cmp(b)),
        (Val::Wide(a), Val::Wide(b)) => Some(a.cmp(b)),
        (Val::Double(a), Val::Double(b)) => a.partial_cmp(b),
        (Val::Bool(a), Val::Bool(b)) => Some(a.cmp(b)),
        (Val::Text(a), Val::Text(b)) => Some(a.cmp(b)),
        (a, b) => Some(a.text()?.cmp(b.text()?)),
    }
}

#[inline]
pub(super) fn int_math(op: Arithmetic, a: i64, b: i64) -> Option<i64> {
    match op {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Subtract => a.checked_sub(b),
        Arithmetic::Multiply => a.checked_mul(b),
        Arithmetic::Divide => a.checked_div(b),
        // The remainder of the least number by -1 is 0, though the quotient does not fit; CEL has no answer.
        Arithmetic::Modulo => a.checked_rem(b),
    }
}

#[inline]
pub(super) fn wide_math(op: Arithmetic, a: i128, b: i128) -> Option<i128> {
    match op {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Subtract => a.checked_sub(b),
        Arithmetic::Multiply => a.checked_mul(b),
        Arithmetic::Divide | Arithmetic::Modulo => None,
    }
}

#[inline]
pub(super) fn double_math(op: Arithmetic, a: f64, b: f64) -> Option<f64> {
    let result = match op {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide => a / b,
        Arithmetic::Modulo => return None,
    };
    result.is_finite().then_some(result + 0.0)
}

/// Units times a double, with `digits` more after the point: the exact product, rounded half to even once.
pub(super) fn wide_by_double(units: i128, by: f64, digits: u8) -> Option<i128> {
    times_double(units, by, digits)
}

pub(super) fn wide_to_double(units: i128, scale: u8) -> f64 {
    nearest_double(units, scale)
}

/// A day and whole days; missing outside the calendar.
pub(super) fn day_math(op: Arithmetic, day: i64, days: i64) -> Option<i64> {
    let moved = int_math(op, day, days)?;
    i32::try_from(moved).ok().and_then(Date::from_days).map(|_| moved)
}

/// The same day of a later month, counted from the day itself; missing outside the calendar.
pub(super) fn months_after(day: i64, months: i64) -> Option<i64> {
    let day = i32::try_from(day).ok().and_then(Date::from_days)?;
    day.plus_months(i32::try_from(months).ok()?).map(|day| i64::from(day.days()))
}

/// An instant and a length of time; missing outside the calendar.
pub(super) fn instant_math(op: Arithmetic, instant: i64, by: i64) -> Option<i64> {
    int_math(op, instant, by).filter(|micros| Timestamp::from_micros(*micros).is_some())
}

/// Two lengths of time; missing beyond 2^63 nanoseconds.
pub(super) fn duration_math(op: Arithmetic, a: i64, b: i64) -> Option<i64> {
    int_math(op, a, b).and_then(|micros| duration_of(micros.into()))
}

/// A length of time in microseconds; missing beyond 2^63 nanoseconds.
pub(crate) fn duration_of(micros: i128) -> Option<i64> {
    i64::try_from(micros).ok().filter(|micros| micros.unsigned_abs() <= MAX_DURATION.unsigned_abs())
}

pub(super) fn text_test(test: TextTest, text: &str, part: &str) -> bool {
    match test {
        TextTest::Contains => text.contains(part),
        TextTest::StartsWith => text.starts_with(part),
        TextTest::EndsWith => text.ends_with(part),
        TextTest::EqualsFold => folded(text).eq(folded(part)),
        TextTest::ContainsFold => contains_folded(text, part),
        TextTest::StartsWithFold => starts_with_folded(text, part),
    }
}

/// A text whatever its case.
pub(crate) fn fold_case(text: &str) -> String {
    folded(text).collect()
}

/// Which of two values of one type is less; none of them is missing.
pub(crate) fn compare_values(a: &Val<'_>, b: &Val<'_>) -> Ordering {
    order(a, b).unwrap_or(Ordering::Equal)
}

/// A text without regard to case: upper case, then lower, as Unicode maps each character on its own. So `ß` is
/// `ss`, and both Greek sigmas are one.
pub(super) fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

fn starts_with_folded(text: &str, part: &str) -> bool {
    let mut have = folded(text);
    folded(part).all(|wanted| have.next() == Some(wanted))
}

fn contains_folded(text: &str, part: &str) -> bool {
    if text.is_ascii() && part.is_ascii() {
        let (text, part) = (text.as_bytes(), part.as_bytes());
        let Some((first, rest)) = part.split_first() else { return true };
        let last = text.len().saturating_sub(rest.len());
        let starts = text.get(..last).unwrap_or_default().iter().enumerate();
        let mut places = starts.filter(|(_, byte)| byte.eq_ignore_ascii_case(first)).map(|(at, _)| at + 1);
        return places
            .any(|at| text.get(at..at + rest.len()).is_some_and(|own| own.eq_ignore_ascii_case(rest)));
    }
    let (text, part): (String, String) = (folded(text).collect(), folded(part).collect());
    text.contains(&part)
}

/// Does a text match a pattern, whose parts stand between its `*`?
pub(super) fn like(text: &str, parts: &[Arc<str>]) -> bool {
    match parts {
        [] => text.is_empty(),
        [only] => text == &**only,
        [first, middle @ .., last] => {
            let Some(mut rest) = text.strip_prefix(&**first) else { return false };
            for part in middle {
                let Some(at) = rest.find(&**part) else { return false };
                rest = rest.get(at + part.len()..).unwrap_or_default();
            }
            rest.ends_with(&**last)
        }
    }
}

pub(super) fn int_rounding(op: Rounding, value: i64) -> Option<i64> {
    match op {
        Rounding::Abs => value.checked_abs(),
        Rounding::Sign => Some(value.signum()),
        _ => Some(value),
    }
}

pub(super) fn double_rounding(op: Rounding, value: f64) -> f64 {
    let result = match op {
        Rounding::Abs => value.abs(),
        Rounding::Sign if value == 0.0 => 0.0,
        Rounding::Sign => value.signum(),
        Rounding::Floor => value.floor(),
        Rounding::Ceil => value.ceil(),
        Rounding::Trunc => value.trunc(),
        Rounding::Round => value.round(),
    };
    result + 0.0
}

/// Units of a scale, rounded to whole numbers and given in the same scale.
pub(super) fn wide_rounding(op: Rounding, scale: u8, units: i128) -> Option<i128> {
    let one = power(scale);
    let down = units.div_euclid(one);
    let rest = units.rem_euclid(one);
    let whole = match op {
        Rounding::Abs => return units.checked_abs(),
        Rounding::Sign => return one.checked_mul(units.signum()),
        Rounding::Floor => down,
        Rounding::Ceil => down + i128::from(rest > 0),
        Rounding::Trunc => units / one,
        // Half away from zero.
        Rounding::Round if units < 0 => down + i128::from(rest * 2 > one),
        Rounding::Round => down + i128::from(rest * 2 >= one),
    };
    whole.checked_mul(one)
}

/// A part of a day, an instant or a length of time.
pub(super) fn part(part: TimePart, clock: Clock, zones: &[Arc<dyn Zone>], value: i64) -> Option<i64> {
    match clock {
        Clock::Duration => Some(match part {
            TimePart::Hours => value / 3_600_000_000,
            TimePart::Minutes => value / 60_000_000,
            TimePart::Seconds => value / 1_000_000,
            TimePart::Milliseconds => value % 1_000_000 / 1_000,
            _ => return None,
        }),
        Clock::Date => local_part(part, value.checked_mul(DAY)?),
        Clock::Instant(zone) => {
            let zone = zones.get(zone as usize)?;
            let instant = Timestamp::from_micros(value)?;
            if part == TimePart::Day {
                return Some(i64::from(zone.date(instant).days()));
            }
            local_part(part, value.checked_add(zone.offset_micros(instant))?)
        }
    }
}

/// A part of a civil time, counted in microseconds from 1970.
fn local_part(part: TimePart, local: i64) -> Option<i64> {
    let (days, within) = (local.div_euclid(DAY), local.rem_euclid(DAY));
    // Local time may be a few hours outside the calendar.
    let day = i32::try_from(days).ok()?;
    let (year, month, date) = civil_from_days(day);
    Some(match part {
        TimePart::Day => days,
        TimePart::Year => i64::from(year),
        TimePart::Month => i64::from(month) - 1,
        TimePart::Date => i64::from(date),
        TimePart::DayOfMonth => i64::from(date) - 1,
        TimePart::DayOfYear => i64::from(day_of_year0(day)),
        // 1 January 1970 was a Thursday; Sunday is 0.
        TimePart::DayOfWeek => (days + 4).rem_euclid(7),
        TimePart::Hours => within / 3_600_000_000,
        TimePart::Minutes => within / 60_000_000 % 60,
        TimePart::Seconds => within / 1_000_000 % 60,
        TimePart::Milliseconds => within / 1_000 % 1_000,
    })
}

/// A value of another type.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "the nearest double is meant; the range is checked before it is cut"
)]
pub(super) fn convert<'a>(conversion: &Conversion, value: Val<'a>) -> Val<'a> {
    match (conversion, value) {
        (Conversion::IntToWide(scale), Val::Int(v)) => Val::wide(i128::from(v).checked_mul(power(*scale))),
        (Conversion::IntToDouble, Val::Int(v)) => Val::Double(v as f64),
        (Conversion::Rescale(by), Val::Wide(v)) => Val::wide(v.checked_mul(power(*by))),
        (Conversion::WideToDouble(scale), Val::Wide(v)) => Val::double(wide_to_double(v, *scale)),
        (Conversion::CodeToText(values), Val::Int(v)) => {
            code_text(values, v).map_or(Val::Missing, |text| Val::Made(text.clone()))
        }
        // The range of whole numbers is that of doubles strictly between -2^63 and 2^63.
        (Conversion::DoubleToInt, Val::Double(v)) if v.abs() < 9_223_372_036_854_775_808.0 => {
            Val::Int(v as i64)
        }
        (Conversion::WideToInt(scale), Val::Wide(v)) => Val::int(i64::try_from(v / power(*scale)).ok()),
        (Conversion::SecondsOf, Val::Int(v)) => Val::Int(v.div_euclid(1_000_000)),
        (Conversion::FromSeconds, Val::Int(v)) => {
            let micros = v.checked_mul(1_000_000);
            Val::int(micros.filter(|micros| Timestamp::from_micros(*micros).is_some()))
        }
        (Conversion::TextToInt, text) => Val::int(text.text().and_then(int_of_text)),
        (Conversion::TextToDouble, text) => {
            text.text().and_then(double_of_text).map_or(Val::Missing, Val::double)
        }
        (Conversion::TextToDate, text) => {
            let said = text.text().and_then(|text| text.trim().parse::<Date>().ok());
            Val::int(said.map(|said| said.days().into()))
        }
        (Conversion::TextToTimestamp, text) => {
            let said = text.text().and_then(|text| text.trim().parse::<Timestamp>().ok());
            Val::int(said.map(|said| said.micros()))
        }
        (Conversion::TextToDuration, text) => {
            Val::int(text.text().and_then(super::literal::duration).map(|said| said.micros()))
        }
        (Conversion::BoolToText, Val::Bool(v)) => Val::Text(if v { "true" } else { "false" }),
        (Conversion::IntToText, Val::Int(v)) => Val::Made(Arc::from(v.to_string())),
        (Conversion::DoubleToText, Val::Double(v)) => Val::Made(Arc::from(v.to_string())),
        (Conversion::DateToText, Val::Int(v)) => {
            made(i32::try_from(v).ok().and_then(Date::from_days).map(|date| date.to_string()))
        }
        (Conversion::InstantToText, Val::Int(v)) => {
            made(Timestamp::from_micros(v).map(|instant| instant.to_string()))
        }
        (Conversion::DurationToText, Val::Int(v)) => made(Some(Duration::from_micros(v).to_string())),
        (Conversion::WideToText(scale), Val::Wide(v)) => {
            Val::Made(Arc::from(Decimal::new(v, *scale).to_string()))
        }
        _ => Val::Missing,
    }
}

/// The whole number of a text, as a cell of a CSV file does: digits with a sign or without one, and no fraction but zeros.
fn int_of_text(text: &str) -> Option<i64> {
    let exact: Decimal = text.trim().parse().ok()?;
    i64::try_from(exact.rescaled(0)?.units()).ok()
}

/// The nearest double of the number of a text, as a cell of a CSV file does.
fn double_of_text(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|said: &f64| said.is_finite())
}

fn made<'a>(text: Option<String>) -> Val<'a> {
    text.map_or(Val::Missing, |text| Val::Made(Arc::from(text)))
}

pub(super) fn code_text(values: &Values, code: i64) -> Option<&Arc<str>> {
    values.0.text(u16::try_from(code).ok()?)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Datelike, Timelike};

    use super::*;

    #[test]
    fn the_parts_of_a_local_time_are_those_of_chrono() {
        // From a day before the first one to a day behind the last one: local time is ahead of UTC or behind it.
        let (first, last) =
            (Timestamp::start_of(Date::MIN).micros(), Timestamp::start_of(Date::MAX).micros());
        let step = (last - first) / 40_009;
        let edges = (0..=48).flat_map(|hour| {
            let hours = (hour - 24) * 3_600_000_000;
            [first + hours, last + DAY + hours, hours - 1, hours]
        });
        for local in (0..40_009).map(|place| first + place * step).chain(edges) {
            let time = DateTime::from_timestamp_micros(local).unwrap();
            let day = time.date_naive();
            for (part, expected) in [
                (TimePart::Day, day.signed_duration_since(chrono::NaiveDate::default()).num_days()),
                (TimePart::Year, day.year().into()),
                (TimePart::Month, day.month0().into()),
                (TimePart::Date, day.day().into()),
                (TimePart::DayOfMonth, day.day0().into()),
                (TimePart::DayOfYear, day.ordinal0().into()),
                (TimePart::DayOfWeek, day.weekday().num_days_from_sunday().into()),
                (TimePart::Hours, time.hour().into()),
                (TimePart::Minutes, time.minute().into()),
                (TimePart::Seconds, time.second().into()),
                (TimePart::Milliseconds, time.timestamp_subsec_millis().into()),
            ] {
                assert_eq!(local_part(part, local), Some(expected), "{time} {part:?}");
            }
        }
    }
}
