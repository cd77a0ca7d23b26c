//! What is read of a daily series?

use std::collections::BTreeMap;

use super::reading::{Prepared, Reader, sum_cell};
use super::store::AccountUsage;
use super::tally::Tally;
use crate::expr::{Cell, Summed, UsageReading};

/// Is the value of a day without events 0, and not missing?
pub(super) const fn has_zero(daily: UsageReading) -> Option<Summed> {
    match daily {
        UsageReading::Count | UsageReading::Days | UsageReading::Distinct => Some(Summed::Int),
        UsageReading::Sum(summed) => Some(summed),
        _ => None,
    }
}

/// The value of a day without events, where it has one.
pub(super) fn zero(daily: UsageReading) -> Option<Cell> {
    has_zero(daily).map(|summed| sum_cell(&crate::fold::Sum::default(), summed))
}

/// The days of a series that have events, with their values, in order. `place` is the day itself; or its week, where what is read is read of
/// weeks.
pub(super) fn values(
    daily: &Prepared<'_>,
    account: &AccountUsage,
    (first, last): (i32, i32),
    place: impl Fn(i32) -> i32,
    seen: &mut dyn FnMut(i32, Cell),
) {
    if daily.may_lack_rates() {
        return known_values(daily, account, (first, last), place, seen);
    }
    let mut open: Option<(i32, Reader)> = None;
    daily.each(account, first, last, &mut |row| {
        let at = place(row.bucket().key.day);
        if let Some((done, reader)) = open.take_if(|(open, _)| *open != at) {
            seen(done, reader.cell());
        }
        open.get_or_insert_with(|| (at, daily.start())).1.add(row);
    });
    if let Some((at, reader)) = open {
        seen(at, reader.cell());
    }
}

/// The same of a series that converts amounts: a day on which a rate is missing has no value, also where it has no other event.
fn known_values(
    daily: &Prepared<'_>,
    account: &AccountUsage,
    (first, last): (i32, i32),
    place: impl Fn(i32) -> i32,
    seen: &mut dyn FnMut(i32, Cell),
) {
    let mut places: BTreeMap<i32, Option<Reader>> = BTreeMap::new();
    places.extend(daily.lacking(Some(account), first, last).into_iter().map(|day| (place(day), None)));
    daily.each(account, first, last, &mut |row| {
        let at = places.entry(place(row.bucket().key.day)).or_insert_with(|| Some(daily.start()));
        if let Some(reader) = at {
            reader.add(row);
        }
    });
    for (at, reader) in places {
        seen(at, reader.map_or(Cell::Missing, Reader::cell));
    }
}

/// What is read of the values of some days.
///
/// `first` is `None` where the window has no first day; the series of an account then begins with its first day that has
/// events.
pub(super) fn read(
    reading: UsageReading,
    daily: &Prepared<'_>,
    daily_reading: UsageReading,
    account: Option<&AccountUsage>,
    first: Option<i32>,
    last: i32,
) -> Cell {
    if daily.is_lacking(account, first.unwrap_or(i32::MIN), last) {
        return Cell::Missing;
    }
    let zero = zero(daily_reading);
    let mut tally = Tally::new(reading);
    if let Some(account) = account {
        values(daily, account, (first.unwrap_or(i32::MIN), last), |day| day, &mut |day, cell| {
            // A day on which there is nothing to read has no value.
            if cell != Cell::Missing || zero.is_some() {
                tally.add(day, cell);
            }
        });
    }
    tally.cell(zero.as_ref(), first, last)
}
