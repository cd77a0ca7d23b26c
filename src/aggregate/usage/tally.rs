//! What is the sum, mean, extreme, percentile, first or last of a series: one value for each day or week?

use std::collections::BTreeMap;

use super::reading::{sum_cell, unit_of, weighted};
use crate::expr::{Best, Cell, Key, State, Total, UsageReading, Val, key_at, place_of};

/// The aggregate of the values of a series that were added so far. A place is a day, or the number of a week.
#[derive(Debug)]
pub(super) struct Tally {
    reading: UsageReading,
    places: i64,
    begin: Option<(i32, Cell)>,
    end: Option<(i32, Cell)>,
    total: Total,
    best: Best,
    /// How often each value occurs; only for percentiles.
    keys: BTreeMap<Key, u64>,
}

impl Tally {
    pub(super) fn new(reading: UsageReading) -> Self {
        Self {
            reading,
            places: 0,
            begin: None,
            end: None,
            total: Total::default(),
            best: Best::default(),
            keys: BTreeMap::new(),
        }
    }

    /// Adds the value of a place behind all others.
    pub(super) fn add(&mut self, place: i32, cell: Cell) {
        self.places += 1;
        self.count(&cell, 1);
        if self.begin.is_none() {
            self.begin = Some((place, cell.clone()));
        }
        self.end = Some((place, cell));
    }

    /// Aggregates a value that occurs so often, whatever its places.
    fn count(&mut self, cell: &Cell, times: u64) {
        match self.reading {
            UsageReading::Min | UsageReading::Max => {
                let least = self.reading == UsageReading::Min;
                self.best.merge(&Best::of_cell(cell.clone(), least));
            }
            UsageReading::Percentile(_) => {
                if let Some(key) = Key::of_cell(cell.clone()) {
                    let known = self.keys.entry(key).or_insert(0);
                    *known = known.saturating_add(times);
                }
            }
            _ => {
                if let Some(sum) = weighted(&Val::of_cell(cell), times, false) {
                    self.total.merge(&Total(sum));
                }
            }
        }
    }

    /// The aggregate over all places from `first` to `last`. A place without a value counts as `zero` if that is given, else it is skipped.
    /// Without `first`, the series begins with the first value.
    pub(super) fn cell(mut self, zero: Option<&Cell>, first: Option<i32>, last: i32) -> Cell {
        let from = first.or(self.begin.as_ref().map(|(place, _)| *place));
        if let (Some(zero), Some(from)) = (zero, from) {
            let all = (i64::from(last) - i64::from(from) + 1).max(0);
            if let Some(others) = u64::try_from(all - self.places).ok().filter(|others| *others > 0) {
                self.count(zero, others);
            }
            self.places = all;
            if self.begin.as_ref().is_none_or(|(place, _)| *place != from) && all > 0 {
                self.begin = Some((from, zero.clone()));
            }
            if self.end.as_ref().is_none_or(|(place, _)| *place != last) && all > 0 {
                self.end = Some((last, zero.clone()));
            }
        }
        match self.reading {
            UsageReading::Count => Cell::Int(self.places),
            UsageReading::Sum(summed) => sum_cell(&self.total.0, summed),
            UsageReading::Avg(mean, summed) => self.total.mean(unit_of(summed), mean),
            UsageReading::Min | UsageReading::Max => self.best.cell(),
            UsageReading::Percentile(hundredths) => {
                let place = place_of(hundredths, self.keys.values().sum());
                key_at(&self.keys, place).cloned().map_or(Cell::Missing, Key::cell)
            }
            UsageReading::First => self.begin.map_or(Cell::Missing, |(_, cell)| cell),
            UsageReading::Last => self.end.map_or(Cell::Missing, |(_, cell)| cell),
            // Not read of a series: the checker refuses them.
            UsageReading::Distinct | UsageReading::Days => Cell::Missing,
        }
    }
}
