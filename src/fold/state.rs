//! What does a subtree say about itself?
//!
//! Mergeable intermediates: what a chunk exports to the row it hangs on. Merging is associative and
//! commutative, and the empty state changes nothing.

use super::candidate::Best;

/// The state of one roll-up over some rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Sum(Sum),
    /// Numerator and denominator over the same rows.
    Pair(Sum, Sum),
    /// A key in the order of the operator, where smaller is better.
    Least(Option<i64>),
    Best(Option<Best>),
    Counts(Box<[u64]>),
}

/// A sum, how many rows are in it, and how many did not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sum {
    pub(super) value: i128,
    pub(super) rows: u64,
    /// Rows out of range; with one of them there is no sum.
    pub(super) unfit: u64,
}

impl Sum {
    pub(super) const fn of(value: i128) -> Self {
        Self { value, rows: 1, unfit: 0 }
    }

    pub(super) const UNFIT: Self = Self { value: 0, rows: 1, unfit: 1 };

    pub(super) const fn merge(&mut self, other: &Self) {
        match self.value.checked_add(other.value) {
            Some(value) => self.value = value,
            None => self.unfit += 1,
        }
        self.rows += other.rows;
        self.unfit += other.unfit;
    }
}
