//! What is read of a daily series?

use std::collections::BTreeMap;

use super::reading::{Prepared, Reader, sum_cell, unit_of, weighted};
use super::store::AccountUsage;
use crate::expr::{Best, Cell, State, Summed, Total, UsageReading, Val};

/// Is the value of a day without events 0, and not missing?
pub(super) const fn has_zero(daily: UsageReading) -> Option<Summed> {
    match daily {
        UsageReading::Count | UsageReading::Days | UsageReading::Distinct => Some(Summed::Int),
        UsageReading::Sum(summed) => Some(summed),
        _ => None,
    }
}

/// The days of a series that have events, with their values, in order.
pub(super) fn values(
    daily: &Prepared<'_>,
    account: &AccountUsage,
    first: i32,
    last: i32,
    seen: &mut dyn FnMut(i32, Cell),
) {
    if daily.may_lack_rates() {
        return known_values(daily, account, first, last, seen);
    }
    let mut open: Option<(i32, Reader)> = None;
    daily.each(account, first, last, &mut |row| {
        let day = row.bucket().key.day;
        if let Some((done, reader)) = open.take_if(|(open, _)| *open != day) {
            seen(done, reader.cell());
        }
        open.get_or_insert_with(|| (day, daily.start())).1.add(row);
    });
    if let Some((day, reader)) = open {
        seen(day, reader.cell());
    }
}

/// The same of a series that converts amounts: a day on which a rate is missing has no value, also where it has no other event.
fn known_values(
    daily: &Prepared<'_>,
    account: &AccountUsage,
    first: i32,
    last: i32,
    seen: &mut dyn FnMut(i32, Cell),
) {
    let mut days: BTreeMap<i32, Option<Reader>> = BTreeMap::new();
    days.extend(daily.lacking(Some(account), first, last).into_iter().map(|day| (day, None)));
    daily.each(account, first, last, &mut |row| {
        let day = days.entry(row.bucket().key.day).or_insert_with(|| Some(daily.start()));
        if let Some(reader) = day {
            reader.add(row);
        }
    });
    for (day, reader) in days {
        seen(day, reader.map_or(Cell::Missing, Reader::cell));
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
    let zero = has_zero(daily_reading).map(|summed| sum_cell(&crate::fold::Sum::default(), summed));
    let mut days: i64 = 0;
    let mut begin: Option<(i32, Cell)> = None;
    let mut end: Option<(i32, Cell)> = None;
    let mut total = Total::default();
    let mut best = Best::default();
    let least = reading == UsageReading::Min;
    let mut add = |cell: &Cell| {
        if let UsageReading::Min | UsageReading::Max = reading {
            best.merge(&Best::of_cell(cell.clone(), least));
        } else if let Some(sum) = weighted(&Val::of_cell(cell), 1, true) {
            total.merge(&Total(sum));
        }
    };
    if let Some(account) = account {
        values(daily, account, first.unwrap_or(i32::MIN), last, &mut |day, cell| {
            // A day on which there is nothing to read has no value.
            if cell == Cell::Missing && zero.is_none() {
                return;
            }
            days += 1;
            add(&cell);
            begin.get_or_insert_with(|| (day, cell.clone()));
            end = Some((day, cell));
        });
    }
    let from = first.or(begin.as_ref().map(|(day, _)| *day));
    if let (Some(zero), Some(from)) = (&zero, from) {
        // The other days of the window are 0: one stands for all of them in the least and the greatest.
        let all = (i64::from(last) - i64::from(from) + 1).max(0);
        if all > days {
            add(zero);
            // A sum of nothing, over so many days.
            total.0.rows = total.0.rows.saturating_add(u64::try_from(all - days - 1).unwrap_or(0));
        }
        days = all;
        if begin.as_ref().is_none_or(|(day, _)| *day != from) && all > 0 {
            begin = Some((from, zero.clone()));
        }
        if end.as_ref().is_none_or(|(day, _)| *day != last) && all > 0 {
            end = Some((last, zero.clone()));
        }
    }
    match reading {
        UsageReading::Count => Cell::Int(days),
        UsageReading::Sum(summed) => sum_cell(&total.0, summed),
        UsageReading::Avg(mean, summed) => total.mean(unit_of(summed), mean),
        UsageReading::Min | UsageReading::Max => best.cell(),
        UsageReading::First => begin.map_or(Cell::Missing, |(_, cell)| cell),
        UsageReading::Last => end.map_or(Cell::Missing, |(_, cell)| cell),
        // Not read of a series: the checker refuses them.
        UsageReading::Distinct | UsageReading::Days => Cell::Missing,
    }
}
