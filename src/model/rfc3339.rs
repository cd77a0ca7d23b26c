//! Which instant does a text of RFC 3339 name?
//!
//! A reader of our own, so that the crate needs no calendar library for what every schema and import has in it. It reads
//! one form: `2024-03-01T08:30:00.25+01:00`. As RFC 3339 allows, `T` and `Z` may be small letters, a space may be in the
//! place of `T`, and a second may be the 60th; the sign of an offset may be a minus sign (U+2212). A fraction has any
//! number of digits, of which the first six count: what is finer than a microsecond is cut off. Nothing else is read: no
//! week dates, no hour 24, no time without seconds, no offset without minutes or of a day and more.
//!
//! Texts that chrono's `parse_from_rfc3339` reads are read as the same instants, all others are refused: the tests
//! compare the two over texts that differ in each of these respects.

use super::date::{days_from_civil, month_length};

/// The instant in microseconds after the epoch, which may lie in years 0 or 10000: the offset is counted already.
pub(super) fn micros_of(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let two = |at: usize| match (bytes.get(at)?, bytes.get(at + 1)?) {
        (tens @ b'0'..=b'9', ones @ b'0'..=b'9') => Some((tens - b'0') * 10 + (ones - b'0')),
        _ => None,
    };
    let is = |at: usize, allowed: &[u8]| bytes.get(at).is_some_and(|byte| allowed.contains(byte));

    let year = i32::from(two(0)?) * 100 + i32::from(two(2)?);
    let (month, day) = (two(5)?, two(8)?);
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    let separated = is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":");
    // The 31st December of year 0 may be a day of year 1 elsewhere.
    let is_day = (1..=12).contains(&month) && (1..=month_length(year, month)).contains(&day);
    if !separated || !is_day || hour > 23 || minute > 59 || second > 60 {
        return None;
    }

    // All before it is ASCII.
    let rest = text.get(19..)?;
    let (micros, rest) = match rest.strip_prefix('.') {
        Some(rest) => fraction(rest)?,
        None => (0, rest),
    };
    let days = i64::from(days_from_civil(year, month, day));
    let seconds = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    Some((days * 86_400 + seconds - offset(rest)?) * 1_000_000 + micros)
}

/// The microseconds of a fraction without its point, and what is behind its digits.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = text.get(..text.len() - rest.len()).filter(|digits| !digits.is_empty())?;
    let micros = digits.bytes().chain(std::iter::repeat(b'0')).take(6);
    Some((micros.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0')), rest))
}

/// The seconds by which the clock is ahead of UTC.
fn offset(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let (sign, clock) = match text.strip_prefix('+') {
        Some(clock) => (1, clock),
        None => (-1, text.strip_prefix(['-', '\u{2212}'])?),
    };
    let &[h1, h2, b':', m1, m2] = clock.as_bytes() else { return None };
    if ![h1, h2, m1, m2].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let two = |tens: u8, ones: u8| i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
    let (hours, minutes) = (two(h1, h2), two(m1, m2));
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use crate::model::{Date, Timestamp};

    /// The microseconds that chrono reads, where they are in our years.
    fn chronos(text: &str) -> Option<Timestamp> {
        let read = chrono::DateTime::parse_from_rfc3339(text).ok()?;
        Timestamp::from_micros(read.timestamp_micros())
    }

    /// Compares the two readers, and answers whether the text is an instant.
    fn agree(text: &str) -> bool {
        let ours = text.parse::<Timestamp>().ok();
        assert_eq!(ours, chronos(text), "{text:?}");
        ours.is_some()
    }

    const DAYS: [&str; 16] = [
        "2024-02-29",
        "2023-02-29",
        "1900-02-29",
        "2000-02-29",
        "1969-12-31",
        "1970-01-01",
        "2024-04-31",
        "2024-13-01",
        "2024-00-10",
        "2024-01-00",
        "0000-12-31",
        "0000-02-29",
        "0001-01-01",
        "9999-12-31",
        "2024-1-01",
        "02024-01-01",
    ];
    const CLOCKS: [&str; 13] = [
        "00:00:00", "23:59:59", "23:59:60", "12:30:60", "12:30:61", "24:00:00", "12:60:00", "8:30:00",
        "08:30", "08:30:0", "0830:00", "+8:30:00", "08-30-00",
    ];
    const FRACTIONS: [&str; 9] =
        ["", ".", ".5", ".000001", ".0000009", ".999999999", ".9999999999", ".12x", ",5"];
    const OFFSETS: [&str; 24] = [
        "Z",
        "z",
        "",
        "+00:00",
        "-00:00",
        "+23:59",
        "-23:59",
        "\u{2212}23:59",
        "+24:00",
        "-24:00",
        "+12:60",
        "+0100",
        "+01",
        "+01:0",
        "+1:00",
        "+01:000",
        "+01::00",
        "+01 00",
        "Z ",
        " Z",
        "UTC",
        "ZZ",
        "+01:00:00",
        "+ 1:00",
    ];

    #[test]
    fn every_combination_is_read_as_chrono_reads_it() {
        let mut read = 0;
        for day in DAYS {
            for between in ["T", "t", " ", "_", "", "  ", "T "] {
                for clock in CLOCKS {
                    for fraction in FRACTIONS {
                        for offset in OFFSETS {
                            let text = format!("{day}{between}{clock}{fraction}{offset}");
                            read += usize::from(agree(&text));
                        }
                    }
                }
            }
        }
        assert!(read > 2_500, "{read}");
    }

    #[test]
    fn a_fraction_of_any_length_is_cut_at_the_microsecond() {
        for length in 1..=20 {
            for digit in ["0", "1", "9"] {
                for day in ["1969-12-31", "2024-02-29", "9999-12-31"] {
                    for second in ["59", "60"] {
                        let text = format!("{day}T23:59:{second}.{}Z", digit.repeat(length));
                        assert!(agree(&text) || day == "9999-12-31", "{text}");
                    }
                }
            }
        }
        let micros = |text: &str| text.parse::<Timestamp>().unwrap().micros();
        assert_eq!(micros("1970-01-01T00:00:00.0000019Z"), 1);
        assert_eq!(micros("1969-12-31T23:59:59.9999999Z"), -1);
        // A leap second is the first second of the next minute.
        assert_eq!(micros("2016-12-31T23:59:60.25Z"), micros("2017-01-01T00:00:00.25Z"));
    }

    #[test]
    fn every_offset_is_read_as_chrono_reads_it() {
        for day in
            ["0000-12-31T23:00:00", "0001-01-01T01:00:00", "9999-12-31T23:00:00", "1970-01-01T00:00:00"]
        {
            for sign in ["+", "-", "\u{2212}"] {
                for hours in 0..=25 {
                    for minutes in 0..=61 {
                        agree(&format!("{day}{sign}{hours:02}:{minutes:02}"));
                    }
                }
            }
        }
    }

    #[test]
    fn texts_with_a_changed_character_are_read_as_chrono_reads_them() {
        let texts =
            ["2024-02-29T23:59:60.123456789+05:30", "1969-12-31t00:00:00z", "0001-01-01 00:00:00-00:01"];
        let others =
            ['0', '9', ' ', '-', ':', '.', 'T', 'Z', '+', 'x', '\u{2212}', '\u{660}', 'é', '\0', '\n'];
        for text in texts {
            let characters: Vec<char> = text.chars().collect();
            for place in 0..characters.len() {
                for other in others {
                    let mut changed = characters.clone();
                    changed[place] = other;
                    agree(&changed.iter().collect::<String>());
                    changed.insert(place, characters[place]);
                    agree(&changed.iter().collect::<String>());
                }
                let mut shorter = characters.clone();
                shorter.remove(place);
                agree(&shorter.iter().collect::<String>());
                agree(&characters[..place].iter().collect::<String>());
            }
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let first = Timestamp::start_of(Date::MIN).micros();
        let last = Timestamp::start_of(Date::MAX).micros() + 86_399_999_999;
        let step = (last - first) / 50_021;
        for micros in (0..50_021).map(|place| first + place * step).chain([last, -1, 0, 1]) {
            let instant = Timestamp::from_micros(micros).unwrap();
            let text = instant.to_string();
            assert_eq!(text.parse::<Timestamp>().unwrap(), instant);
            assert_eq!(chronos(&text), Some(instant), "{text}");
        }
    }
}
