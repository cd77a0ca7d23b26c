//! Do our zones keep the promises of a zone, and does the kit notice one that does not?

use std::sync::atomic::{AtomicI64, Ordering};

use perennial::testkit::conformance::zone;
use perennial::testkit::zone_conformance;
use perennial::{Date, FixedZone, Timestamp, Zone};

use super::broken;

/// An hour more from April to October, and not the same before 1950, as in a zone database.
#[derive(Debug)]
struct Summer;

impl Zone for Summer {
    fn name(&self) -> &'static str {
        "Test/Summer"
    }

    fn offset_micros(&self, instant: Timestamp) -> i64 {
        let date = instant.utc_date();
        let hours = if date.year() < 1_950 { -11 } else { -12 + i64::from((4..=10).contains(&date.month())) };
        hours * 3_600_000_000 + if date.year() < 1_900 { 561_000_000 } else { 0 }
    }
}

zone_conformance!(utc, FixedZone::utc);
zone_conformance!(far_east, || FixedZone::east("far east", 1_439));
zone_conformance!(far_west, || FixedZone::east("far west", -1_439));
zone_conformance!(summer_time, || Summer);

/// A zone with a fault.
#[derive(Debug)]
struct WrongZone {
    offset: fn(i64, Timestamp) -> i64,
    date: fn(&dyn Zone, Timestamp) -> Date,
    asked: AtomicI64,
}

impl Zone for WrongZone {
    fn name(&self) -> &'static str {
        "wrong"
    }

    fn offset_micros(&self, instant: Timestamp) -> i64 {
        (self.offset)(self.asked.fetch_add(1, Ordering::Relaxed), instant)
    }

    fn date(&self, instant: Timestamp) -> Date {
        (self.date)(self, instant)
    }
}

#[test]
fn every_mutant_of_a_zone_breaks_its_promise() {
    const HOUR: i64 = 3_600_000_000;
    let right = |zone: &dyn Zone, instant: Timestamp| {
        FixedZone::east("", i32::try_from(zone.offset_micros(instant) / 60_000_000).unwrap()).date(instant)
    };
    let with = |offset: fn(i64, Timestamp) -> i64, date: fn(&dyn Zone, Timestamp) -> Date| {
        let zone = WrongZone { offset, date, asked: AtomicI64::new(0) };
        broken(&zone::all(&zone))
    };
    assert_eq!(with(|_, _| 5 * HOUR, right), [""; 0]);
    // In the year 1, and at no other time.
    let day: fn(i64, Timestamp) -> i64 =
        |_, instant| if instant.utc_date().year() == 1 { 24 * HOUR } else { 0 };
    assert_eq!(with(day, right), ["offsets_are_less_than_a_day"]);
    assert_eq!(with(|_, _| -24 * HOUR, right), ["offsets_are_less_than_a_day"]);
    // The zone database is renewed while it is read.
    let renewed: fn(i64, Timestamp) -> i64 = |asked, _| if asked < 60_000 { HOUR } else { 2 * HOUR };
    assert_eq!(with(renewed, right), ["an_instant_has_one_offset"]);
    assert_eq!(with(|_, _| 5 * HOUR, |_, instant| instant.utc_date()), ["the_date_is_that_of_the_offset"]);
    let wraps = |zone: &dyn Zone, instant: Timestamp| {
        let local = Timestamp::from_micros(instant.micros() + zone.offset_micros(instant));
        local.map_or(Date::MIN, |local| local.utc_date())
    };
    assert_eq!(with(|_, _| 5 * HOUR, wraps), ["the_date_is_clamped_at_the_ends_of_the_calendar"]);
    let wraps = |zone: &dyn Zone, instant: Timestamp| {
        let local = Timestamp::from_micros(instant.micros() + zone.offset_micros(instant));
        local.map_or(Date::MAX, |local| local.utc_date())
    };
    assert_eq!(with(|_, _| -5 * HOUR, wraps), ["the_date_is_clamped_at_the_ends_of_the_calendar"]);
}
