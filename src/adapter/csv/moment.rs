//! Which day, instant or length of time does a text say?

use chrono::format::{Parsed, StrftimeItems, parse};

use crate::{Date, Decimal, Duration, Timestamp};

// Longest first where one is the beginning of another.
const UNITS: [(&str, i128); 7] = [
    ("ms", 1_000),
    ("us", 1),
    ("s", 1_000_000),
    ("m", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
    ("w", 604_800_000_000),
];

/// A day: ISO, or in a format of chrono.
pub(super) fn date(text: &str, format: Option<&str>) -> Option<Date> {
    match format {
        None => text.parse().ok(),
        Some(format) => Date::try_from(parsed(text, format)?.to_naive_date().ok()?).ok(),
    }
}

/// An instant: RFC 3339, or in a format of chrono. A format without an offset means UTC, one without a
/// time midnight.
pub(super) fn timestamp(text: &str, format: Option<&str>) -> Option<Timestamp> {
    let Some(format) = format else { return text.parse().ok() };
    let parsed = parsed(text, format)?;
    if parsed.offset().is_some() {
        return Timestamp::try_from(parsed.to_datetime().ok()?.to_utc()).ok();
    }
    match parsed.to_naive_datetime_with_offset(0) {
        Ok(moment) => Timestamp::try_from(moment.and_utc()).ok(),
        Err(_) if parsed.hour_mod_12().is_some() || parsed.minute().is_some() => None,
        Err(_) => Date::try_from(parsed.to_naive_date().ok()?).ok().map(Timestamp::start_of),
    }
}

fn parsed(text: &str, format: &str) -> Option<Parsed> {
    let mut parsed = Parsed::new();
    parse(&mut parsed, text, StrftimeItems::new(format)).ok()?;
    Some(parsed)
}

/// A length of time: seconds, or numbers with units (`90s`, `1h30m`, `3d`).
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let micros = match rest.parse::<Decimal>() {
        Ok(seconds) if !rest.starts_with(['-', '+']) => in_micros(seconds, 1_000_000)?,
        Ok(_) => return None,
        Err(_) if rest.is_empty() => return None,
        Err(_) => {
            let mut sum: i128 = 0;
            while !rest.is_empty() {
                let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
                let (number, after) = rest.split_at_checked(digits)?;
                let unit = UNITS.iter().find_map(|(word, unit)| Some((*unit, after.strip_prefix(word)?)));
                let (unit, after) = unit?;
                sum = sum.checked_add(in_micros(number.parse().ok()?, unit)?)?;
                rest = after;
            }
            sum
        }
    };
    let micros = i64::try_from(if negative { -micros } else { micros }).ok()?;
    Some(Duration::from_micros(micros))
}

fn in_micros(number: Decimal, unit: i128) -> Option<i128> {
    let exact = Decimal::new(number.units().checked_mul(unit)?, number.scale()).rescaled(0)?;
    Some(exact.units())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        let seconds = |text| duration(text).map(|d| d.to_string());
        for (text, expected) in [
            ("90", "90s"),
            ("1.5", "1.5s"),
            ("90s", "90s"),
            ("1h30m", "5400s"),
            ("-2d", "-172800s"),
            ("5ms", "0.005s"),
        ] {
            assert_eq!(seconds(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "-", "h", "1h30", "1x", "--1", "1 h", "0s5", "99999999999999999w"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn formats_of_chrono() {
        assert_eq!(date("20-10-16", Some("%d-%m-%y")).unwrap().to_string(), "2016-10-20");
        assert_eq!(date("31-02-16", Some("%d-%m-%y")), None);
        let instant = |text, format| timestamp(text, Some(format)).map(|t| t.to_string());
        assert_eq!(instant("20.10.2016 08:30", "%d.%m.%Y %H:%M").unwrap(), "2016-10-20T08:30:00Z");
        assert_eq!(instant("2016-10-20 08:30 +0200", "%Y-%m-%d %H:%M %z").unwrap(), "2016-10-20T06:30:00Z");
        assert_eq!(instant("2016-10-20", "%Y-%m-%d").unwrap(), "2016-10-20T00:00:00Z");
        assert_eq!(instant("2016-10-20 08", "%Y-%m-%d %H"), None);
    }
}
