//! What do rows add up to?
//!
//! Rulings S62 and S65 of `docs/semantics`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::flat::Flat;
use super::tree::State;
use crate::expr::scalar;
use crate::expr::term::{Bits, Cell, Gather, Mean};
use crate::expr::value::power;
use crate::fold::{Sum, divide_half_even, from_order_key, from_quanta, order_key, to_quanta};
use crate::model::nearest_double;

/// How many rows say yes, no, and nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Votes {
    yes: u32,
    no: u32,
    missing: u32,
}

impl State for Votes {
    fn merge(&mut self, other: &Self) {
        self.yes += other.yes;
        self.no += other.no;
        self.missing += other.missing;
    }
}

impl Votes {
    pub(super) const fn of(truth: Option<bool>) -> Self {
        match truth {
            Some(true) => Self { yes: 1, no: 0, missing: 0 },
            Some(false) => Self { yes: 0, no: 1, missing: 0 },
            None => Self { yes: 0, no: 0, missing: 1 },
        }
    }

    /// The answer to a yes/no question about them.
    pub(super) const fn truth(self, gather: Gather) -> Option<bool> {
        match gather {
            Gather::Exists if self.yes > 0 => Some(true),
            Gather::All if self.no > 0 => Some(false),
            _ if self.missing > 0 => None,
            Gather::Exists => Some(false),
            Gather::All => Some(true),
            _ => Some(self.yes == 1),
        }
    }

    pub(super) fn count(self) -> i64 {
        i64::from(self.yes)
    }
}

/// A sum with the number of its rows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Total(pub(crate) Sum);

impl State for Total {
    fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }
}

/// In what unit sums are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Int,
    /// Microseconds of durations.
    Duration,
    Wide,
    /// Quanta of 2^-64: sums of doubles do not depend on the order.
    Quanta,
}

impl Unit {
    pub(super) fn of(flat: &Flat) -> Option<Self> {
        match flat {
            Flat::Int(_) => Some(Self::Int),
            Flat::Wide(_) => Some(Self::Wide),
            Flat::Double(_) => Some(Self::Quanta),
            _ => None,
        }
    }
}

impl Total {
    pub(super) fn of(flat: &Flat, row: usize) -> Self {
        let value = match flat {
            Flat::Int(rows) => rows.get(row).copied().flatten().map(|int| Some(i128::from(int))),
            Flat::Wide(rows) => rows.get(row).copied().flatten().map(Some),
            Flat::Double(rows) => rows.get(row).copied().flatten().map(to_quanta),
            _ => None,
        };
        Self(match value {
            Some(Some(value)) => Sum::of(value),
            Some(None) => Sum::UNFIT,
            None => Sum::default(),
        })
    }

    pub(crate) fn value(&self) -> Option<i128> {
        (self.0.rows > 0 && !self.0.is_out_of_range()).then_some(self.0.value)
    }

    /// The sums of rows.
    pub(crate) fn sums(totals: &[Self], unit: Unit) -> Flat {
        let values = totals.iter().map(Self::value);
        match unit {
            Unit::Int => Flat::Int(values.map(|value| i64::try_from(value?).ok()).collect()),
            Unit::Duration => Flat::Int(values.map(|value| scalar::duration_of(value?)).collect()),
            Unit::Wide => Flat::Wide(values.collect()),
            Unit::Quanta => Flat::Double(values.map(|value| Some(from_quanta(value?) + 0.0)).collect()),
        }
    }

    /// The mean: of money, exact units with more digits, and of durations microseconds, rounded half to even; of others a double.
    #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
    pub(crate) fn mean(&self, unit: Unit, mean: Mean) -> Cell {
        let Some(value) = self.value() else { return Cell::Missing };
        let rows = self.0.rows;
        let double = match (unit, mean) {
            (_, Mean::Duration) => {
                let micros = i64::try_from(divide_half_even(value, i128::from(rows)));
                return micros.map_or(Cell::Missing, Cell::Int);
            }
            (Unit::Wide, Mean::Money { digits }) => {
                let Some(units) = value.checked_mul(power(digits)) else { return Cell::Missing };
                return Cell::Wide(divide_half_even(units, i128::from(rows)));
            }
            (Unit::Wide, Mean::Double { scale }) => nearest_double(value, scale) / rows as f64,
            (Unit::Quanta, _) => from_quanta(value) / rows as f64,
            _ => value as f64 / rows as f64,
        };
        if double.is_finite() { Cell::Double(Bits::new(double)) } else { Cell::Missing }
    }
}

/// The greatest of some values; the least where their order is turned.
#[derive(Debug, Clone, Default)]
pub(crate) struct Best {
    key: Option<Key>,
    least: bool,
}

/// A value in the order of its type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    Bool(bool),
    Int(i64),
    Wide(i128),
    Double(i64),
    Text(Arc<str>),
}

impl State for Best {
    fn merge(&mut self, other: &Self) {
        let Some(key) = &other.key else { return };
        let better = self.key.as_ref().is_none_or(|own| if other.least { key < own } else { key > own });
        if better {
            *self = other.clone();
        }
    }
}

impl Best {
    pub(super) fn of(flat: &Flat, row: usize, least: bool) -> Self {
        let key = match flat {
            Flat::Truth(rows) => rows.get(row).copied().flatten().map(Key::Bool),
            Flat::Int(rows) => rows.get(row).copied().flatten().map(Key::Int),
            Flat::Wide(rows) => rows.get(row).copied().flatten().map(Key::Wide),
            Flat::Double(rows) => {
                rows.get(row).copied().flatten().map(|double| Key::Double(order_key(double)))
            }
            Flat::Text(rows) => rows.get(row).cloned().flatten().map(Key::Text),
            Flat::Cells(_) => None,
        };
        Self { key, least }
    }

    pub(crate) fn of_cell(cell: Cell, least: bool) -> Self {
        Self { key: Key::of_cell(cell), least }
    }

    pub(crate) fn cell(self) -> Cell {
        self.key.map_or(Cell::Missing, Key::cell)
    }
}

impl Key {
    /// `None` for a list, and for no value.
    pub(crate) fn of_cell(cell: Cell) -> Option<Self> {
        match cell {
            Cell::Bool(value) => Some(Self::Bool(value)),
            Cell::Int(value) => Some(Self::Int(value)),
            Cell::Wide(value) => Some(Self::Wide(value)),
            Cell::Double(value) => Some(Self::Double(order_key(value.get()))),
            Cell::Text(value) => Some(Self::Text(value)),
            Cell::Missing | Cell::List(_) => None,
        }
    }

    pub(crate) fn cell(self) -> Cell {
        match self {
            Self::Bool(value) => Cell::Bool(value),
            Self::Int(value) => Cell::Int(value),
            Self::Wide(value) => Cell::Wide(value),
            Self::Double(key) => Cell::Double(Bits::new(from_order_key(key))),
            Self::Text(value) => Cell::Text(value),
        }
    }
}

/// The place of a percentile among so many values, from 1: the least that covers the share.
pub(crate) fn place_of(hundredths: u16, values: u64) -> u64 {
    let place = (u128::from(values) * u128::from(hundredths)).div_ceil(10_000);
    u64::try_from(place).unwrap_or(u64::MAX).max(1)
}

/// The key at a place, counted from 1, where each stands as often as it is counted.
pub(crate) fn key_at<K>(counts: &BTreeMap<K, u64>, place: u64) -> Option<&K> {
    let mut before = 0_u64;
    counts.iter().find_map(|(key, count)| {
        before = before.saturating_add(*count);
        (before >= place).then_some(key)
    })
}
