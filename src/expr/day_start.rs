//! When does a day begin in a zone?
//!
//! The library has no database of zones, so that the offset of an instant is all that is known of one. Around the day, it is asked
//! every hour; where it changes, the instant of the change is found by halving. Between two changes a day begins once.
//!
//! Where the clock falls back over midnight (St. John's, 2 November 2008, from 00:01 to 23:01), a day has begun, is over, and
//! begins again. Its first instant is the earliest; in between are instants of the day before.

use std::ops::Range;

use super::scalar::DAY;
use crate::model::{Date, Timestamp, Zone};

const HOUR: i64 = DAY / 24;

/// The beginning of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DayStart {
    /// The first instant whose date is the day, or a later one where the zone leaves the day out.
    pub(crate) first: i64,
    /// From here on no instant has an earlier date; later than `first` where the clock falls back over midnight.
    pub(crate) settled: i64,
}

/// The first instant whose date, in a zone, is a day or later.
pub(crate) fn first_instant(day: i64, zone: &dyn Zone) -> i64 {
    day_start(day, zone).first
}

/// The beginning of a day in a zone; of days outside the calendar the first or the last instant of it.
pub(crate) fn day_start(day: i64, zone: &dyn Zone) -> DayStart {
    let first_day = i64::from(Date::MIN.days());
    let end = i64::from(Date::MAX.days()).saturating_add(1);
    let calendar = first_day.saturating_mul(DAY)..end.saturating_mul(DAY);
    if day < first_day || day >= end {
        let at = if day < first_day { calendar.start } else { calendar.end };
        return DayStart { first: at, settled: at };
    }
    let offset = |micros: i64| {
        let micros = micros.clamp(calendar.start, calendar.end - 1);
        Timestamp::from_micros(micros).map_or(0, |instant| zone.offset_micros(instant).clamp(-DAY, DAY))
    };
    // Zones lie within a day of UTC, so that the day begins within a day of its beginning there.
    let midnight = day.saturating_mul(DAY);
    let mut found: Option<DayStart> = None;
    pieces(midnight - DAY..midnight + DAY, &offset, &mut |piece, offset| {
        let begins = midnight - offset;
        if begins < piece.end {
            let first = begins.max(piece.start);
            found.get_or_insert(DayStart { first, settled: first });
        }
        // All of the piece before that is of an earlier day.
        if let Some(found) = found.as_mut().filter(|_| begins > piece.start) {
            found.settled = begins.min(piece.end);
        }
    });
    let at = found.unwrap_or(DayStart { first: midnight, settled: midnight });
    let within = |micros: i64| micros.clamp(calendar.start, calendar.end);
    DayStart { first: within(at.first), settled: within(at.settled) }
}

/// The parts of a time in which the offset does not change, in order.
fn pieces(time: Range<i64>, offset: &dyn Fn(i64) -> i64, seen: &mut dyn FnMut(Range<i64>, i64)) {
    let (mut start, mut at, mut own) = (time.start, time.start, offset(time.start));
    while at < time.end {
        let next = at.saturating_add(HOUR).min(time.end);
        let other = offset(next);
        if other != own {
            let (mut before, mut after) = (at, next);
            while after - before > 1 {
                let middle = before + (after - before) / 2;
                if offset(middle) == own { before = middle } else { after = middle }
            }
            seen(start..after, own);
            (start, own) = (after, other);
        }
        at = next;
    }
    // The end belongs to the last piece, so that whatever begins at the end begins there.
    seen(start..time.end.saturating_add(1), own);
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Offset, TimeZone};
    use chrono_tz::Tz;

    use super::*;
    use crate::model::FixedZone;

    #[derive(Debug)]
    struct Iana(Tz);

    impl Zone for Iana {
        fn name(&self) -> &str {
            self.0.name()
        }

        fn offset_micros(&self, instant: Timestamp) -> i64 {
            let instant = DateTime::from_timestamp_micros(instant.micros()).unwrap();
            let offset = self.0.offset_from_utc_datetime(&instant.naive_utc());
            i64::from(offset.fix().local_minus_utc()) * 1_000_000
        }
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().micros()
    }

    fn days(date: &str) -> i64 {
        i64::from(date.parse::<Date>().unwrap().days())
    }

    #[test]
    fn a_day_begins_where_the_clock_falls_back_over_midnight() {
        let start = day_start(days("2008-11-02"), &Iana(Tz::America__St_Johns));
        assert_eq!(start.first, at("2008-11-02T02:30:00Z"));
        assert_eq!(start.settled, at("2008-11-02T03:30:00Z"));
    }

    #[test]
    fn a_day_begins_after_a_gap_over_midnight_or_instead_of_a_day_left_out() {
        for (zone, day, first) in [
            (Tz::America__Sao_Paulo, "2018-11-04", "2018-11-04T03:00:00Z"),
            (Tz::Pacific__Apia, "2011-12-30", "2011-12-30T10:00:00Z"),
            (Tz::Pacific__Apia, "2011-12-31", "2011-12-30T10:00:00Z"),
            (Tz::Pacific__Auckland, "2024-10-21", "2024-10-20T11:00:00Z"),
        ] {
            let first = at(first);
            assert_eq!(day_start(days(day), &Iana(zone)), DayStart { first, settled: first }, "{zone} {day}");
        }
        let kolkata = FixedZone::east("IST", 330);
        assert_eq!(first_instant(days("2026-01-31"), &kolkata), at("2026-01-30T18:30:00Z"));
        let ends = [Date::MIN.days(), Date::MAX.days()].map(|day| day_start(i64::from(day), &kolkata));
        assert!(ends.iter().all(|start| Timestamp::from_micros(start.first).is_some()));
    }

    /// Minute by minute, on all days around which an offset changes.
    #[test]
    fn a_day_begins_at_the_earliest_instant_of_its_date() {
        let mut looked = 0;
        for zone in [
            Tz::America__St_Johns,
            Tz::America__Goose_Bay,
            Tz::America__Sao_Paulo,
            Tz::America__Havana,
            Tz::America__Asuncion,
            Tz::Asia__Gaza,
            Tz::Pacific__Apia,
            Tz::Pacific__Kwajalein,
            Tz::Atlantic__Azores,
            Tz::Australia__Lord_Howe,
        ] {
            let zone = Iana(zone);
            let offset = |micros: i64| zone.offset_micros(Timestamp::from_micros(micros).unwrap());
            for day in days("1967-01-01")..days("2036-01-01") {
                let midnight = day * DAY;
                if offset(midnight - DAY) == offset(midnight + DAY) && day % 97 != 0 {
                    continue;
                }
                looked += 1;
                let minutes = (-1_500..=1_500).map(|minute| midnight + minute * 60_000_000);
                let begun = |micros: &i64| (*micros + offset(*micros)).div_euclid(DAY) >= day;
                let first = minutes.clone().find(begun).unwrap();
                let settled = minutes.rev().take_while(begun).last().unwrap();
                assert_eq!(day_start(day, &zone), DayStart { first, settled }, "{} {day}", zone.name());
            }
        }
        assert!(looked > 3_000, "{looked}");
    }
}
