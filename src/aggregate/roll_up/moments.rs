//! How far do numbers lie from their mean?
//!
//! The sums of numbers and of their squares are kept to the last bit, so that the variance does not depend on the order
//! in which parts are merged, nor drift when much is taken away by subtraction: only the last division is rounded.

use crate::fold::Sum;

/// Limbs of 64 bits: squares of 128-bit numbers, 2^64 of them, with a sign.
const LIMBS: usize = 6;

/// A wide whole number, in two's complement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Wide([u64; LIMBS]);

impl Wide {
    fn of(value: u128) -> Self {
        let mut limbs = [0; LIMBS];
        for (at, limb) in limbs.iter_mut().take(2).enumerate() {
            #[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
            let low = (value >> (64 * at)) as u64;
            *limb = low;
        }
        Self(limbs)
    }

    fn add(&mut self, other: &Self) {
        let mut carry = false;
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            let (sum, first) = own.overflowing_add(*other);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            *own = sum;
            carry = first || second;
        }
    }

    fn subtract(&mut self, other: &Self) {
        let mut borrow = false;
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            let (rest, first) = own.overflowing_sub(*other);
            let (rest, second) = rest.overflowing_sub(u64::from(borrow));
            *own = rest;
            borrow = first || second;
        }
    }

    /// The product with a number of 64 bits; what goes beyond the limbs is lost.
    fn times(&self, by: u64) -> Self {
        let mut limbs = [0; LIMBS];
        let mut carry: u128 = 0;
        for (out, own) in limbs.iter_mut().zip(&self.0) {
            let product = u128::from(*own) * u128::from(by) + carry;
            #[expect(clippy::cast_possible_truncation, reason = "the high half is carried")]
            let low = product as u64;
            *out = low;
            carry = product >> 64;
        }
        Self(limbs)
    }

    fn shifted(&self, limbs: usize) -> Self {
        let mut out = [0; LIMBS];
        for (to, from) in out.iter_mut().skip(limbs).zip(&self.0) {
            *to = *from;
        }
        Self(out)
    }

    fn square(value: i128) -> Self {
        let value = Self::of(value.unsigned_abs());
        let mut out = Self::default();
        for (at, limb) in value.0.iter().take(2).enumerate() {
            out.add(&value.times(*limb).shifted(at));
        }
        out
    }

    /// The nearest double of a number that is not negative, but for ties of the last bit.
    #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
    fn to_f64(self) -> f64 {
        // The three highest limbs that matter, the lower ones as a trace that breaks ties.
        let Some(top) = self.0.iter().rposition(|limb| *limb != 0) else { return 0.0 };
        let limb = |at: usize| self.0.get(at).copied().unwrap_or(0);
        let low = top.saturating_sub(1);
        let trace = self.0.iter().take(low).any(|limb| *limb != 0);
        let high =
            if top == 0 { u128::from(limb(0)) } else { u128::from(limb(top)) << 64 | u128::from(limb(low)) };
        let high = high | u128::from(trace);
        let exponent = i32::try_from(64 * low).unwrap_or(i32::MAX);
        high as f64 * 2_f64.powi(exponent)
    }
}

/// How many numbers there are, their sum, and that of their squares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Moments {
    sum: Sum,
    squares: Wide,
}

impl Moments {
    pub(super) fn add(&mut self, units: Option<i128>) {
        self.sum.merge(&units.map_or(Sum::UNFIT, Sum::of));
        self.squares.add(&Wide::square(units.unwrap_or(0)));
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.sum.merge(&other.sum);
        self.squares.add(&other.squares);
    }

    /// The variance in squared units; `None` of too few numbers, and where one is out of range.
    #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
    pub(super) fn variance(&self, sample: bool) -> Option<f64> {
        let rows = self.sum.rows;
        if rows < 1 + u64::from(sample) || self.sum.is_out_of_range() {
            return None;
        }
        // n times the sum of squares, less the square of the sum.
        let mut spread = self.squares.times(rows);
        spread.subtract(&Wide::square(self.sum.value));
        let by = if sample { rows - 1 } else { rows };
        Some(spread.to_f64() / rows as f64 / by as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_exact() {
        for value in [0, 1, -1, 12_345, i128::MAX, i128::MIN + 1, 1 << 100] {
            let mut twice = Wide::square(value);
            twice.add(&Wide::square(value));
            assert_eq!(twice, Wide::square(value).times(2));
        }
        assert_eq!(Wide::square(-3), Wide::of(9));
        assert_eq!(Wide::square(i128::from(u64::MAX)), Wide::of(u128::from(u64::MAX) * u128::from(u64::MAX)));
    }

    #[test]
    fn a_large_mean_does_not_drown_a_small_spread() {
        // The textbook case on which sums of doubles fail.
        let mut moments = Moments::default();
        for value in [4, 7, 13, 16] {
            moments.add(Some(1_000_000_000_000_000_000 + value));
        }
        assert_eq!(moments.variance(true), Some(30.0));
        assert_eq!(moments.variance(false), Some(22.5));
        assert_eq!(Moments::default().variance(false), None);
    }
}
