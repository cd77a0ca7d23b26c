//! Which day, instant or length of time does a text say?

use chrono::NaiveDateTime;
use chrono::format::{ParseErrorKind, Parsed, StrftimeItems, parse};

use super::text_format::{SerialDates, TextFormat};
use crate::{Date, DateError, Decimal, Duration, Timestamp, Zone};

/// Why a text cannot be read; `None` where no reason is known.
pub(super) type Reason = Option<String>;

const DAY: i64 = 86_400_000_000;
const DAY_MILLIS: i128 = 86_400_000;
const NO_SUCH_DAY: &str = "there is no such day";

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

/// A day: ISO, in a format of chrono, or the serial number of a spreadsheet.
pub(super) fn date(text: &str, format: &TextFormat) -> Result<Date, Reason> {
    if let Some(serial) = serial(text, format) {
        let (day, part) = serial?;
        return if part == 0 { Ok(day) } else { Err(Some("it has a time of day".to_owned())) };
    }
    match format.date_format.as_deref() {
        None => text.parse().map_err(|error| reason_of(&error)),
        Some(pattern) => day_of(&parsed(text, pattern)?),
    }
}

/// An instant: RFC 3339, in a format of chrono, or the serial number of a spreadsheet. A text without an offset is
/// local time in the zone of the column. Where the column has no zone, it is UTC with a format, and unreadable without
/// one. A format without a time means midnight.
pub(super) fn timestamp(text: &str, format: &TextFormat) -> Result<Timestamp, Reason> {
    let zone = format.zone.as_deref();
    if let Some(serial) = serial(text, format) {
        let (day, part) = serial?;
        let local = Timestamp::start_of(day).micros().saturating_add(part);
        return instant(local, zone);
    }
    let Some(pattern) = format.date_format.as_deref() else {
        return text.parse().or_else(|error| match (local_time(text), zone) {
            (Some(local), Some(_)) => instant(local, zone),
            (Some(_), None) => Err(Some("it has no offset, and the column no zone".to_owned())),
            (None, _) => Err(reason_of(&error)),
        });
    };
    let parsed = parsed(text, pattern)?;
    if parsed.offset().is_some() {
        let moment = parsed.to_datetime().map_err(|error| reason_of_chrono(error.kind()))?;
        return Timestamp::try_from(moment.to_utc()).map_err(|_| None);
    }
    match parsed.to_naive_datetime_with_offset(0) {
        Ok(moment) => instant(moment.and_utc().timestamp_micros(), zone),
        Err(error) if parsed.hour_mod_12().is_some() || parsed.minute().is_some() => {
            Err(reason_of_chrono(error.kind()))
        }
        Err(_) => instant(Timestamp::start_of(day_of(&parsed)?).micros(), zone),
    }
}

fn day_of(parsed: &Parsed) -> Result<Date, Reason> {
    let day = parsed.to_naive_date().map_err(|error| reason_of_chrono(error.kind()))?;
    Date::try_from(day).map_err(|_| None)
}

fn reason_of(error: &DateError) -> Reason {
    error.is_no_such_day().then(|| NO_SUCH_DAY.to_owned())
}

fn reason_of_chrono(kind: ParseErrorKind) -> Reason {
    matches!(kind, ParseErrorKind::OutOfRange | ParseErrorKind::Impossible).then(|| NO_SUCH_DAY.to_owned())
}

fn parsed(text: &str, pattern: &str) -> Result<Parsed, Reason> {
    let mut parsed = Parsed::new();
    match parse(&mut parsed, text, StrftimeItems::new(pattern)) {
        Ok(()) => Ok(parsed),
        Err(error) => {
            Err(reason_of_chrono(error.kind()).or_else(|| Some(format!("it is not written as `{pattern}`"))))
        }
    }
}

// A day and a time without an offset, in microseconds since 1970-01-01T00:00 local time.
fn local_time(text: &str) -> Option<i64> {
    text.get(..10)?.parse::<Date>().ok()?;
    let patterns = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let read = patterns.iter().find_map(|pattern| NaiveDateTime::parse_from_str(text, pattern).ok())?;
    Some(read.and_utc().timestamp_micros())
}

/// The instant of a local time; UTC without a zone. A time that is skipped or repeated when clocks change is unreadable:
/// it is none or two instants.
fn instant(local: i64, zone: Option<&dyn Zone>) -> Result<Timestamp, Reason> {
    let at = |micros: i64| Timestamp::from_micros(micros).ok_or(None);
    let Some(zone) = zone else { return at(local) };
    let mut found: Vec<Timestamp> = Vec::new();
    let mut in_range = false;
    // An offset is less than a day, so a change of clocks near this time is between the offsets of a day before and
    // a day after it.
    for near in [local - DAY, local, local + DAY].into_iter().filter_map(Timestamp::from_micros) {
        let offset = zone.offset_micros(near);
        let Some(candidate) = Timestamp::from_micros(local - offset) else { continue };
        in_range = true;
        if zone.offset_micros(candidate) == offset && !found.contains(&candidate) {
            found.push(candidate);
        }
    }
    match found.as_slice() {
        [only] => Ok(*only),
        [] if !in_range => Err(None),
        [] => Err(Some(format!("there is no such time in {}, where clocks are set forward", zone.name()))),
        _ => Err(Some(format!("this time comes twice in {}, where clocks are set back", zone.name()))),
    }
}

// The day of a serial number and the microseconds of its fraction, rounded to milliseconds as spreadsheets do. `None`
// when the text is not a serial number, or the column is not read as such.
fn serial(text: &str, format: &TextFormat) -> Option<Result<(Date, i64), Reason>> {
    let system = format.serial_dates?;
    let point = if format.decimal_comma { ',' } else { '.' };
    let is_number = text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || c == point)
        && text.matches(point).count() <= 1;
    if !is_number {
        return None;
    }
    Some(serial_day(&text.replace(point, "."), system))
}

fn serial_day(text: &str, system: SerialDates) -> Result<(Date, i64), Reason> {
    let number: Decimal = text.parse().map_err(|_| None)?;
    let one = 10_i128.checked_pow(u32::from(number.scale())).ok_or(None)?;
    let (mut serial, part) = (number.units().div_euclid(one), number.units().rem_euclid(one));
    let mut millis = part.checked_mul(DAY_MILLIS).ok_or(None)?.saturating_add(one / 2).div_euclid(one);
    if millis == DAY_MILLIS {
        (serial, millis) = (serial + 1, 0);
    }
    let days = match (system, serial) {
        (SerialDates::From1900, ..1) => return Err(Some("serial days begin with 1".to_owned())),
        (SerialDates::From1900, 60) => {
            return Err(Some("serial day 60 is 29 February 1900, which never was".to_owned()));
        }
        (SerialDates::From1900, 1..60) => serial - 25_568,
        (SerialDates::From1900, _) => serial - 25_569,
        (SerialDates::From1904, _) => serial - 24_107,
    };
    let day = i32::try_from(days).ok().and_then(Date::from_days);
    let day = day.ok_or_else(|| Some("serial days end with 9999-12-31".to_owned()))?;
    Ok((day, i64::try_from(millis * 1_000).map_err(|_| None)?))
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
    use std::sync::Arc;

    use super::*;
    use crate::FixedZone;

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

    fn in_format(format: &str) -> TextFormat {
        TextFormat { date_format: Some(Arc::from(format)), ..TextFormat::default() }
    }

    fn in_zone(zone: impl Zone + 'static) -> TextFormat {
        TextFormat { zone: Some(Arc::new(zone)), ..TextFormat::default() }
    }

    fn serials(system: SerialDates) -> TextFormat {
        TextFormat { serial_dates: Some(system), ..TextFormat::default() }
    }

    // The day or instant as text, or the reason.
    fn day(text: &str, format: &TextFormat) -> String {
        date(text, format)
            .map_or_else(|reason| format!("!{}", reason.unwrap_or_default()), |day| day.to_string())
    }

    fn moment(text: &str, format: &TextFormat) -> String {
        let read = timestamp(text, format);
        read.map_or_else(|reason| format!("!{}", reason.unwrap_or_default()), |instant| instant.to_string())
    }

    #[test]
    fn formats_of_chrono() {
        let short = in_format("%d-%m-%y");
        assert_eq!(day("20-10-16", &short), "2016-10-20");
        assert_eq!(day("31-02-16", &short), "!there is no such day");
        assert_eq!(day("2016-02-01", &short), "!it is not written as `%d-%m-%y`");
        assert_eq!(moment("20.10.2016 08:30", &in_format("%d.%m.%Y %H:%M")), "2016-10-20T08:30:00Z");
        let offset = in_format("%Y-%m-%d %H:%M %z");
        assert_eq!(moment("2016-10-20 08:30 +0200", &offset), "2016-10-20T06:30:00Z");
        assert_eq!(moment("2016-10-20", &in_format("%Y-%m-%d")), "2016-10-20T00:00:00Z");
        assert!(timestamp("2016-10-20 08", &in_format("%Y-%m-%d %H")).is_err());
    }

    #[test]
    fn days_and_times_that_are_not_there_say_so() {
        let plain = TextFormat::default();
        assert_eq!(day("2024-02-30", &plain), "!there is no such day");
        assert_eq!(day("2024-13-01", &plain), "!there is no such day");
        assert_eq!(day("2024-2-3", &plain), "!");
        assert_eq!(moment("2024-02-30T08:00:00Z", &plain), "!there is no such day");
        assert_eq!(moment("2024-02-03T08:00:00", &plain), "!it has no offset, and the column no zone");
        assert_eq!(moment("2024-02-03", &plain), "!");
    }

    /// An hour ahead of UTC, two from the last Sunday of March to that of October 2024.
    #[derive(Debug)]
    struct Berlin;

    impl Zone for Berlin {
        fn name(&self) -> &'static str {
            "Europe/Berlin"
        }

        fn offset_micros(&self, instant: Timestamp) -> i64 {
            let change = |text: &str| text.parse::<Timestamp>().unwrap();
            let summer = change("2024-03-31T01:00:00Z")..change("2024-10-27T01:00:00Z");
            if summer.contains(&instant) { 7_200_000_000 } else { 3_600_000_000 }
        }
    }

    #[test]
    fn local_times_are_of_the_zone() {
        let berlin = in_zone(Berlin);
        assert_eq!(moment("2024-02-03T08:30:00", &berlin), "2024-02-03T07:30:00Z");
        assert_eq!(moment("2024-07-03 08:30", &berlin), "2024-07-03T06:30:00Z");
        assert_eq!(moment("2024-07-03 08:30:15.25", &berlin), "2024-07-03T06:30:15.250000Z");
        // An offset in the text has precedence.
        assert_eq!(moment("2024-07-03T08:30:00Z", &berlin), "2024-07-03T08:30:00Z");
        assert_eq!(moment("2024-07-03T08:30:00-05:00", &berlin), "2024-07-03T13:30:00Z");
        let gap = "!there is no such time in Europe/Berlin, where clocks are set forward";
        assert_eq!(moment("2024-03-31 01:59:59", &berlin), "2024-03-31T00:59:59Z");
        assert_eq!(moment("2024-03-31 02:30", &berlin), gap);
        assert_eq!(moment("2024-03-31 03:00", &berlin), "2024-03-31T01:00:00Z");
        let twice = "!this time comes twice in Europe/Berlin, where clocks are set back";
        assert_eq!(moment("2024-10-27 01:59:59", &berlin), "2024-10-26T23:59:59Z");
        assert_eq!(moment("2024-10-27 02:00", &berlin), twice);
        assert_eq!(moment("2024-10-27 02:59:59", &berlin), twice);
        assert_eq!(moment("2024-10-27 03:00", &berlin), "2024-10-27T02:00:00Z");
        let written = TextFormat { date_format: Some(Arc::from("%d.%m.%Y %H:%M")), ..in_zone(Berlin) };
        assert_eq!(moment("03.07.2024 08:30", &written), "2024-07-03T06:30:00Z");
        let midnight = TextFormat { date_format: Some(Arc::from("%d.%m.%Y")), ..in_zone(Berlin) };
        assert_eq!(moment("03.07.2024", &midnight), "2024-07-02T22:00:00Z");
        let far = in_zone(FixedZone::east("far", 1_439));
        assert_eq!(moment("2024-07-03 23:59", &far), "2024-07-03T00:00:00Z");
        assert_eq!(moment("0001-01-01 00:00", &far), "!");
    }

    // Every local time of the days around a change is read as its instant, or refused where it has two.
    #[test]
    fn local_times_are_those_of_their_instants() {
        let start = "2024-10-25T00:00:00Z".parse::<Timestamp>().unwrap().micros();
        for minute in 0..6 * 24 * 60 {
            let at = Timestamp::from_micros(start + minute * 60_000_000).unwrap();
            let local = at.micros() + Berlin.offset_micros(at);
            let twin = [-3_600_000_000, 3_600_000_000].iter().any(|hour| {
                let other = Timestamp::from_micros(at.micros() + hour).unwrap();
                other.micros() + Berlin.offset_micros(other) == local
            });
            assert_eq!(instant(local, Some(&Berlin)).ok(), (!twin).then_some(at), "{at}");
        }
    }

    #[test]
    fn serial_days_of_spreadsheets() {
        let new = serials(SerialDates::From1900);
        for (text, expected) in [
            ("45352", "2024-03-01"),
            ("1", "1900-01-01"),
            ("59", "1900-02-28"),
            ("61", "1900-03-01"),
            ("25569", "1970-01-01"),
            ("2958465", "9999-12-31"),
            ("45352.0", "2024-03-01"),
            ("60", "!serial day 60 is 29 February 1900, which never was"),
            ("0", "!serial days begin with 1"),
            ("2958466", "!serial days end with 9999-12-31"),
            ("45352.5", "!it has a time of day"),
            ("2024-03-01", "2024-03-01"),
            ("2024-02-30", "!there is no such day"),
            ("-1", "!"),
        ] {
            assert_eq!(day(text, &new), expected, "{text}");
        }
        let old = serials(SerialDates::From1904);
        assert_eq!(day("0", &old), "1904-01-01");
        assert_eq!(day("43890", &old), "2024-03-01");
        assert_eq!(moment("45352.3541666667", &new), "2024-03-01T08:30:00Z");
        assert_eq!(moment("45352.999999999999", &new), "2024-03-02T00:00:00Z");
        assert_eq!(
            moment("45352.5", &TextFormat { zone: Some(Arc::new(Berlin)), ..new }),
            "2024-03-01T11:00:00Z"
        );
        let comma = TextFormat { decimal_comma: true, ..serials(SerialDates::From1900) };
        assert_eq!(moment("45352,25", &comma), "2024-03-01T06:00:00Z");
        assert_eq!(day(&"9".repeat(60), &comma), "!");
    }
}
