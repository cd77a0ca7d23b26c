//! How far do numbers lie from their mean?
//!
//! The sums of numbers and of their squares are kept to the last bit, so that the variance does not depend on the order
//! in which parts are merged, nor drift when much is taken away by subtraction: only the last division is rounded.

use crate::fold::Sum;

/// Limbs of 64 bits: squares of 128-bit numbers, 2^64 of them, twice, with a sign; one limb is room to shift.
const LIMBS: usize = 7;

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

    /// How many bits it has, of a number that is not negative.
    fn bits(&self) -> u32 {
        let top = (0_u32..).zip(&self.0).filter(|(_, limb)| **limb != 0).last();
        top.map_or(0, |(at, limb)| 64 * at + 64 - limb.leading_zeros())
    }

    fn shifted_left(&self, bits: u32) -> Self {
        let whole = self.shifted((bits / 64) as usize);
        whole.times(1 << (bits % 64))
    }

    /// The double nearest to this number by another one, both not negative and the other not 0, times a power of two:
    /// rounded once.
    #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
    fn divided(&self, by: &Self, power: i32) -> f64 {
        // Both are brought to the same size, so that the quotient lies between 1/2 and 2: its first 64 bits are found one
        // by one, and what is left sets the last of them, so that ties are ties.
        let (own, other) = (self.bits(), by.bits());
        let most = own.max(other);
        let (mut left, by) = (self.shifted_left(most - own), by.shifted_left(most - other));
        let mut quotient = 0_u64;
        for _ in 0..64 {
            let mut rest = left;
            rest.subtract(&by);
            let fits = !rest.is_negative();
            if fits {
                left = rest;
            }
            quotient = quotient << 1 | u64::from(fits);
            left.double();
        }
        quotient |= u64::from(left != Self::default());
        let exponent = i64::from(own) - i64::from(other) - 63 + i64::from(power);
        quotient as f64 * 2_f64.powi(i32::try_from(exponent).unwrap_or(i32::MIN))
    }

    fn double(&mut self) {
        let mut carry = 0;
        for limb in &mut self.0 {
            (*limb, carry) = (*limb << 1 | carry, *limb >> 63);
        }
    }

    fn is_negative(&self) -> bool {
        self.0.last().is_some_and(|limb| limb >> 63 == 1)
    }
}

/// How many numbers there are, their sum, and that of their squares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Moments {
    sum: Sum,
    squares: Wide,
}

impl Moments {
    /// Adds a number that stands there so many times.
    pub(super) fn add(&mut self, units: Option<i128>, times: u64) {
        let sum = units.and_then(|units| Some(Sum::over(units.checked_mul(i128::from(times))?, times)));
        self.sum.merge(&sum.unwrap_or(Sum::UNFIT));
        self.squares.add(&Wide::square(units.unwrap_or(0)).times(times));
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.sum.merge(&other.sum);
        self.squares.add(&other.squares);
    }

    /// The double nearest to the variance; `None` of too few numbers, and where one is out of range. A unit is 10^-`digits` ×
    /// 2^-`bits`.
    pub(super) fn variance(&self, sample: bool, digits: u8, bits: i32) -> Option<f64> {
        let rows = self.sum.rows;
        if rows < 1 + u64::from(sample) || self.sum.is_out_of_range() {
            return None;
        }
        // n times the sum of squares, less the square of the sum.
        let mut spread = self.squares.times(rows);
        spread.subtract(&Wide::square(self.sum.value));
        let mut by = Wide::of(u128::from(rows)).times(if sample { rows - 1 } else { rows });
        for _ in 0..digits {
            by = by.times(100);
        }
        if spread == Wide::default() {
            return Some(0.0);
        }
        Some(spread.divided(&by, -2 * bits))
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
    fn a_quotient_just_above_a_tie_is_rounded_up() {
        // 1 + 2^-53 lies between two doubles; the last bit, far below, says which is nearer.
        let by = Wide::of(1 << 80);
        let quotient = |units: u128| Some(Wide::of(units).divided(&by, 0));
        assert_eq!(quotient((1 << 80) + (1 << 27) + 1), Some(1.0 + f64::EPSILON));
        assert_eq!(quotient((1 << 80) + (1 << 27)), Some(1.0));
    }

    #[test]
    fn a_large_mean_does_not_drown_a_small_spread() {
        // The textbook case on which sums of doubles fail.
        let mut moments = Moments::default();
        for value in [4, 7, 13, 16] {
            moments.add(Some(1_000_000_000_000_000_000 + value), 1);
        }
        assert_eq!(moments.variance(true, 0, 0), Some(30.0));
        assert_eq!(moments.variance(false, 0, 0), Some(22.5));
        assert_eq!(moments.variance(false, 1, 1), Some(0.225 / 4.0));
        assert_eq!(Moments::default().variance(false, 0, 0), None);
    }
}
