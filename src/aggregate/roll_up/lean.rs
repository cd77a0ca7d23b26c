//! States of the operators that are asked most, without what the others need.

use super::definition::Nulls;
use super::linear::Linear;
use super::spec::{Number, Spec};
use super::state::{Read, State, ratio};
use crate::aggregate::usage::{sum_cell, unit_of};
use crate::expr::{Cell, Summed, Total};
use crate::fold::Sum;

/// What rows of one account are added up in.
pub(super) trait Accumulate: Default {
    fn add(&mut self, spec: &Spec, row: &Read<'_>);
    fn absorb(&mut self, spec: &Spec, other: Self);
    fn value(&self, spec: &Spec, nulls: Nulls) -> Cell;
    /// Rows with a value, and without one.
    fn counts(&self) -> (u64, u64);

    /// Is there a value, be it one that is not known?
    fn has_values(&self) -> bool {
        self.counts().0 > 0
    }
}

impl Accumulate for State {
    fn add(&mut self, spec: &Spec, row: &Read<'_>) {
        State::add(self, spec, row);
    }

    fn absorb(&mut self, spec: &Spec, other: Self) {
        State::absorb(self, spec, other);
    }

    fn value(&self, spec: &Spec, nulls: Nulls) -> Cell {
        State::value(self, spec, nulls)
    }

    fn counts(&self) -> (u64, u64) {
        (self.counted, self.skipped)
    }

    fn has_values(&self) -> bool {
        State::has_values(self)
    }
}

/// Counts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CountState {
    counted: u64,
    skipped: u64,
}

impl CountState {
    fn read(&mut self, has_values: bool, times: u64) -> bool {
        if has_values {
            self.counted = self.counted.saturating_add(times);
        } else {
            self.skipped += 1;
        }
        has_values
    }
}

impl Accumulate for CountState {
    fn add(&mut self, spec: &Spec, row: &Read<'_>) {
        match spec {
            Spec::Count => self.read(!row.is_unrated(), row.events.number),
            _ => self.read(spec.counts(row), 1),
        };
    }

    fn absorb(&mut self, _: &Spec, other: Self) {
        self.counted = self.counted.saturating_add(other.counted);
        self.skipped = self.skipped.saturating_add(other.skipped);
    }

    fn value(&self, _: &Spec, _: Nulls) -> Cell {
        i64::try_from(self.counted).map_or(Cell::Missing, Cell::Int)
    }

    fn counts(&self) -> (u64, u64) {
        (self.counted, self.skipped)
    }
}

/// Counts, and those of the rows without a value that have an amount without a rate.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RatedCountState {
    rows: CountState,
    unrated: u64,
}

impl RatedCountState {
    /// Is there no amount without a rate?
    pub(super) const fn is_rated(&self) -> bool {
        self.unrated == 0
    }
}

impl Accumulate for RatedCountState {
    fn add(&mut self, spec: &Spec, row: &Read<'_>) {
        self.rows.add(spec, row);
        self.unrated += u64::from(row.is_unrated());
    }

    fn absorb(&mut self, spec: &Spec, other: Self) {
        self.rows.absorb(spec, other.rows);
        self.unrated = self.unrated.saturating_add(other.unrated);
    }

    fn value(&self, spec: &Spec, nulls: Nulls) -> Cell {
        if self.is_rated() { self.rows.value(spec, nulls) } else { Cell::Missing }
    }

    fn counts(&self) -> (u64, u64) {
        self.rows.counts()
    }

    fn has_values(&self) -> bool {
        self.rows.has_values() || !self.is_rated()
    }
}

/// Sums and averages.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SumState {
    sum: Sum,
    rows: CountState,
}

impl Accumulate for SumState {
    fn add(&mut self, _: &Spec, row: &Read<'_>) {
        if self.rows.read(row.has_values(), 1) {
            self.sum.merge(&row.sums().unwrap_or(Sum::UNFIT));
        }
    }

    fn absorb(&mut self, spec: &Spec, other: Self) {
        self.sum.merge(&other.sum);
        self.rows.absorb(spec, other.rows);
    }

    fn value(&self, spec: &Spec, nulls: Nulls) -> Cell {
        if nulls == Nulls::Refuse && self.rows.skipped > 0 {
            return Cell::Missing;
        }
        match spec {
            Spec::Average { summed, mean } => Total(self.sum).mean(unit_of(*summed), *mean),
            Spec::Sum { summed, of_nothing } if self.rows.counted > 0 || *of_nothing => {
                sum_cell(&self.sum, *summed)
            }
            _ => Cell::Missing,
        }
    }

    fn counts(&self) -> (u64, u64) {
        self.rows.counts()
    }
}

impl From<CountState> for Linear {
    fn from(state: CountState) -> Self {
        Self { counted: state.counted, skipped: state.skipped, ..Self::default() }
    }
}

impl From<Linear> for CountState {
    fn from(state: Linear) -> Self {
        Self { counted: state.counted, skipped: state.skipped }
    }
}

impl From<SumState> for Linear {
    fn from(state: SumState) -> Self {
        Self { above: state.sum, ..state.rows.into() }
    }
}

impl From<Linear> for SumState {
    fn from(state: Linear) -> Self {
        Self { sum: state.above, rows: state.into() }
    }
}

impl From<PairState> for Linear {
    fn from(state: PairState) -> Self {
        Self { above: state.above, below: state.below, ..state.rows.into() }
    }
}

impl From<Linear> for PairState {
    fn from(state: Linear) -> Self {
        Self { above: state.above, below: state.below, rows: state.into() }
    }
}

/// Ratios and shares.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PairState {
    above: Sum,
    below: Sum,
    rows: CountState,
}

impl Accumulate for PairState {
    fn add(&mut self, spec: &Spec, row: &Read<'_>) {
        if !self.rows.read(row.has_values(), 1) {
            return;
        }
        let (above, below) = match spec {
            Spec::Share { value } => {
                let times = i128::from(row.often());
                let is = i128::from(row.first.to_cell().as_ref() == Some(value));
                (Sum::of(is * times), Sum::of(times))
            }
            _ => row.both_sums().unwrap_or((Sum::UNFIT, Sum::UNFIT)),
        };
        self.above.merge(&above);
        self.below.merge(&below);
    }

    fn absorb(&mut self, spec: &Spec, other: Self) {
        self.above.merge(&other.above);
        self.below.merge(&other.below);
        self.rows.absorb(spec, other.rows);
    }

    fn value(&self, spec: &Spec, nulls: Nulls) -> Cell {
        if nulls == Nulls::Refuse && self.rows.skipped > 0 || self.rows.counted == 0 {
            return Cell::Missing;
        }
        match spec {
            Spec::Ratio { above, below, money_digits } => {
                ratio(&self.above, *above, &self.below, *below, *money_digits)
            }
            _ => {
                let whole = Number { summed: Summed::Int, scale: 0 };
                ratio(&self.above, whole, &self.below, whole, None)
            }
        }
    }

    fn counts(&self) -> (u64, u64) {
        self.rows.counts()
    }
}
