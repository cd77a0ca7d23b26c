//! What does a subtree say about itself?
//!
//! Mergeable intermediates: what a chunk exports to the row it hangs on. Merging is associative and
//! commutative, and the empty state changes nothing (rulings S31, S35 and S48 of `docs/semantics`).

use super::candidate::Best;

/// The state of one fold over some rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Sum(Sum),
    /// Numerator and denominator over the same rows.
    Pair(Sum, Sum),
    /// A key in the order of the operator, where smaller is better.
    Least(Option<i64>),
    /// How many rows have a value, and how many have none.
    Tally(u32, u32),
    Best(Option<Best>),
    Counts(Box<[u64]>),
}

/// A sum, how many rows are in it, and how many did not fit.
///
/// The sum is kept to the last bit even where it leaves 128 bits on the way: whether a total is out of
/// range must not depend on the order in which its parts were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sum {
    /// The lower 128 bits.
    pub(crate) value: i128,
    pub(crate) rows: u64,
    /// What went beyond 128 bits, in units of 2^128.
    carry: i32,
    /// Rows out of range; with one of them there is no sum.
    unfit: u32,
}

impl Sum {
    pub(crate) const fn of(value: i128) -> Self {
        Self::over(value, 1)
    }

    /// A sum over so many rows.
    pub(crate) const fn over(value: i128, rows: u64) -> Self {
        Self { value, rows, carry: 0, unfit: 0 }
    }

    pub(crate) const UNFIT: Self = Self { value: 0, rows: 1, carry: 0, unfit: 1 };

    /// Whether there is no total: a row is out of range, or the sum is.
    pub(crate) const fn is_out_of_range(&self) -> bool {
        self.unfit > 0 || self.carry != 0
    }

    pub(crate) const fn merge(&mut self, other: &Self) {
        let (sum, wrapped) = self.value.overflowing_add(other.value);
        self.value = sum;
        // A sum that wraps around has the sign that its parts have not.
        let carried = match (wrapped, sum < 0) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => -1,
        };
        self.carry = self.carry.wrapping_add(other.carry).wrapping_add(carried);
        self.rows = self.rows.wrapping_add(other.rows);
        self.unfit = self.unfit.wrapping_add(other.unfit);
    }

    /// The sum in parts: the lower 128 bits, the rows, what went beyond, and the rows out of range.
    pub(crate) const fn parts(&self) -> (i128, u64, i32, u32) {
        (self.value, self.rows, self.carry, self.unfit)
    }

    /// A sum of its parts.
    #[cfg(feature = "snapshot")]
    pub(crate) const fn from_parts((value, rows, carry, unfit): (i128, u64, i32, u32)) -> Self {
        Self { value, rows, carry, unfit }
    }

    /// What must be merged to take this away again.
    pub(crate) const fn negated(&self) -> Self {
        // The least number has no counterpart of its own: its negative is itself, and one carry.
        let (value, wrapped) = self.value.overflowing_neg();
        let carry =
            if wrapped { self.carry.wrapping_neg().wrapping_add(1) } else { self.carry.wrapping_neg() };
        Self { value, rows: self.rows.wrapping_neg(), carry, unfit: self.unfit.wrapping_neg() }
    }

    /// The sum as 64 bits, where nothing of it is lost; with as many rows as `rows`.
    pub(crate) fn narrow(&self, rows: u64) -> Option<i64> {
        let plain = self.carry == 0 && self.unfit == 0 && self.rows == rows;
        i64::try_from(self.value).ok().filter(|_| plain)
    }

    /// The sum as it is, where all rows fit and none left the range; with as many rows as `rows`.
    pub(crate) fn wide(&self, rows: u64) -> Option<i128> {
        (self.carry == 0 && self.unfit == 0 && self.rows == rows).then_some(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_that_leaves_the_range_and_returns_is_exact_in_any_order() {
        let parts = [i128::MAX, i128::MAX, 5, i128::MIN, -i128::MAX, 1];
        for turn in 0..parts.len() {
            let mut sum = Sum::default();
            for part in parts.iter().cycle().skip(turn).take(parts.len()) {
                sum.merge(&Sum::of(*part));
            }
            assert_eq!((sum.value, sum.rows, sum.is_out_of_range()), (5, 6, false), "from {turn}");
        }
        let mut sum = Sum::of(i128::MIN);
        sum.merge(&Sum::of(-1));
        assert!(sum.is_out_of_range());
    }
}
