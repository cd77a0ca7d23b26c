//! What are an amount times a double and an exact quotient, rounded once?
//!
//! A double is a whole number of 53 bits times a power of two, so its product with units of 128 bits is a whole
//! number of less than 256 bits times a power of two. The product is formed whole and rounded half to even, once;
//! a result beyond 128 bits is missing (rulings S35, S62 and S87 of `docs/semantics`).

use std::cmp::Ordering;

use super::decimal::power_of_ten;

/// A whole number of 256 bits.
// INVARIANT (order): the high half stands first, so that the derived order is that of the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Wide {
    high: u128,
    low: u128,
}

const HALF: u32 = 64;

impl Wide {
    /// The product of two whole numbers, by their halves of 64 bits.
    const fn product(a: u128, b: u128) -> Self {
        const LOW: u128 = (1 << HALF) - 1;
        let (a_high, a_low, b_high, b_low) = (a >> HALF, a & LOW, b >> HALF, b & LOW);
        let lowest = a_low * b_low;
        // Three numbers of 64 bits fit with room.
        let first = a_high * b_low + (lowest >> HALF);
        let second = a_low * b_high + (first & LOW);
        Self {
            high: a_high * b_high + (first >> HALF) + (second >> HALF),
            low: second << HALF | lowest & LOW,
        }
    }

    /// Times 2^`by`; `None` where that is beyond 256 bits.
    const fn raised(self, by: u32) -> Option<Self> {
        if self.high == 0 && self.low == 0 || by == 0 {
            return Some(self);
        }
        let free = if self.high > 0 { self.high.leading_zeros() } else { 128 + self.low.leading_zeros() };
        if by > free {
            return None;
        }
        Some(match by {
            1..128 => Self { high: self.high << by | self.low >> (128 - by), low: self.low << by },
            _ => Self { high: self.low << (by - 128), low: 0 },
        })
    }

    /// By 2^`by`, rounded half to even.
    fn lowered(self, by: u32) -> Self {
        let (down, rest, half) = match by {
            0 => return self,
            1..=128 => {
                let rest = if by == 128 { self.low } else { self.low & ((1 << by) - 1) };
                let down = if by == 128 {
                    Self { high: 0, low: self.high }
                } else {
                    Self { high: self.high >> by, low: self.high << (128 - by) | self.low >> by }
                };
                (down, Self { high: 0, low: rest }, Self { high: 0, low: 1 << (by - 1) })
            }
            129..=256 => {
                let above = by - 128;
                let rest = if above == 128 { self.high } else { self.high & ((1 << above) - 1) };
                let low = if above == 128 { 0 } else { self.high >> above };
                let down = Self { high: 0, low };
                (down, Self { high: rest, low: self.low }, Self { high: 1 << (above - 1), low: 0 })
            }
            // Less than a half.
            _ => return Self { high: 0, low: 0 },
        };
        down.up_at(rest.cmp(&half))
    }

    /// One more where the rest against a half says so.
    const fn up_at(self, rest_to_half: Ordering) -> Self {
        let up = match rest_to_half {
            Ordering::Less => false,
            Ordering::Equal => self.low & 1 == 1,
            Ordering::Greater => true,
        };
        // A number that was divided by two or more does not reach 2^256.
        let (low, carried) = self.low.overflowing_add(if up { 1 } else { 0 });
        Self { high: if carried { self.high.wrapping_add(1) } else { self.high }, low }
    }

    /// By a divisor from 1 to 2^127, rounded half to even.
    const fn divided(self, by: u128) -> Self {
        let (mut quotient, mut rest) = (Self { high: self.high / by, low: 0 }, self.high % by);
        if self.high == 0 {
            (quotient.low, rest) = (self.low / by, self.low % by);
        } else {
            // Bit by bit: the rest is below the divisor, so that twice the rest fits.
            let mut bit = 128;
            while bit > 0 {
                bit -= 1;
                rest = rest << 1 | self.low >> bit & 1;
                if rest >= by {
                    rest -= by;
                    quotient.low |= 1 << bit;
                }
            }
        }
        let left = by - rest;
        let order = if rest < left {
            Ordering::Less
        } else if rest == left {
            Ordering::Equal
        } else {
            Ordering::Greater
        };
        quotient.up_at(order)
    }

    /// The number with a sign, where it has 128 bits.
    fn signed(self, negative: bool) -> Option<i128> {
        match (self.high, negative) {
            (0, true) => 0_i128.checked_sub_unsigned(self.low),
            (0, false) => i128::try_from(self.low).ok(),
            _ => None,
        }
    }
}

/// `units` × `by` × 10^`digits`, rounded half to even once; `None` beyond 128 bits and for what is not finite.
///
/// ```text
/// 123456789012 cents by 1.0 with 9 digits more: 123456789012000000000
/// ```
pub(crate) fn times_double(units: i128, by: f64, digits: u8) -> Option<i128> {
    const MANTISSA: u32 = 52;
    if !by.is_finite() {
        return None;
    }
    let bits = by.to_bits();
    let raw = u32::try_from(bits >> MANTISSA & 0x7ff).ok()?;
    let fraction = bits & ((1 << MANTISSA) - 1);
    // The least exponent stands for doubles without the hidden bit.
    let (mantissa, exponent) = if raw == 0 { (fraction, 1) } else { (fraction | 1 << MANTISSA, raw) };
    let factor = u128::from(mantissa).checked_mul(power_of_ten(digits).unsigned_abs())?;
    let product = Wide::product(units.unsigned_abs(), factor);
    // The mantissa counts units of 2^(exponent - 1075).
    let rounded = match exponent.checked_sub(1_075) {
        Some(up) => product.raised(up)?,
        None => product.lowered(1_075 - exponent),
    };
    rounded.signed((units < 0) != by.is_sign_negative())
}

/// `units` × `factor` × 2^`raised` by a divisor, rounded half to even once; `None` beyond 128 bits, and without a
/// divisor.
pub(crate) fn quotient(units: i128, factor: u128, raised: u32, divisor: i128) -> Option<i128> {
    if divisor == 0 {
        return None;
    }
    let above = Wide::product(units.unsigned_abs(), factor).raised(raised)?;
    above.divided(divisor.unsigned_abs()).signed((units < 0) != (divisor < 0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_amount_by_one_is_the_amount() {
        // Through doubles it was 123456789011999997952 units.
        assert_eq!(times_double(123_456_789_012, 1.0, 9), Some(123_456_789_012_000_000_000));
        assert_eq!(times_double(-123_456_789_012, 1.0, 9), Some(-123_456_789_012_000_000_000));
        assert_eq!(times_double(i128::MAX, 1.0, 0), Some(i128::MAX));
        assert_eq!(times_double(i128::MIN, 1.0, 0), Some(i128::MIN));
        assert_eq!(times_double(i128::MIN, -1.0, 0), None);
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        for (units, by, want) in
            [(5, 0.5, 2), (7, 0.5, 4), (-5, 0.5, -2), (3, -0.5, -2), (1, 0.5, 0), (1, 0.500_000_000_1, 1)]
        {
            assert_eq!(times_double(units, by, 0), Some(want), "{units} by {by}");
        }
        // One unit by the double that lies just above a tenth: 0.1000000000000000055511151231257827...
        assert_eq!(times_double(1, 0.1, 18), Some(100_000_000_000_000_006));
    }

    #[test]
    fn beyond_the_range_there_is_no_product() {
        assert_eq!(times_double(1, 2_f64.powi(126), 0), Some(1 << 126));
        assert_eq!(times_double(1, 2_f64.powi(127), 0), None);
        assert_eq!(times_double(-1, 2_f64.powi(127), 0), Some(i128::MIN));
        assert_eq!(times_double(1, f64::MAX, 9), None);
        assert_eq!(times_double(0, f64::MAX, 9), Some(0));
        assert_eq!(times_double(i128::MAX, f64::MIN_POSITIVE, 9), Some(0));
        assert_eq!(times_double(i128::MAX, 5e-324, 18), Some(0));
        assert_eq!(times_double(1, f64::NAN, 0), None);
        // What is as small as half a unit at the end of 256 bits.
        assert_eq!(times_double(i128::MIN, -(2_f64.powi(-128)), 0), Some(0));
        assert_eq!(times_double(i128::MIN, -(2_f64.powi(-127)), 0), Some(1));
    }

    #[test]
    fn quotients_are_rounded_once() {
        assert_eq!(quotient(7, 1, 0, 2), Some(4));
        assert_eq!(quotient(5, 1, 0, -2), Some(-2));
        assert_eq!(quotient(i128::MAX, 10_u128.pow(18), 60, i128::MAX), Some(10_i128.pow(18) << 60));
        assert_eq!(quotient(i128::MIN, 1, 127, i128::MIN), None);
        assert_eq!(quotient(i128::MIN, 1, 126, i128::MIN), Some(1 << 126));
        assert_eq!(quotient(i128::MIN, 1, 127, i128::MAX), None);
        assert_eq!(quotient(1, 1, 0, 0), None);
        assert_eq!(quotient(3, 1, 0, i128::MIN), Some(0));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_product_of_whole_numbers_is_theirs(a in any::<i64>(), b in -(1_i64 << 53)..=1 << 53, digits in 0_u8..=3) {
            #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
            let by = b as f64;
            let want = i128::from(a) * i128::from(b) * 10_i128.pow(digits.into());
            prop_assert_eq!(times_double(a.into(), by, digits), Some(want));
            // The same product, parted into a quotient of 2^-64.
            prop_assert_eq!(quotient(a.into(), 10_u128.pow(digits.into()), 64, 1 << 64), Some(i128::from(a) * 10_i128.pow(digits.into())));
        }

        #[test]
        fn a_quotient_is_that_of_whole_numbers(a in any::<i128>(), by in any::<i128>(), bits in 0_u32..127, more in 0_u32..127) {
            let (a, by) = (a >> bits, by >> more);
            prop_assume!(by != 0);
            let (down, rest) = (a.checked_div(by), a.checked_rem(by));
            let found = quotient(a, 1, 0, by);
            if let (Some(down), Some(rest)) = (down, rest) {
                let half = rest.unsigned_abs().cmp(&(by.unsigned_abs() - rest.unsigned_abs()));
                let away = if (a < 0) == (by < 0) { 1 } else { -1 };
                let want = match half {
                    Ordering::Less => down,
                    Ordering::Equal if down % 2 == 0 => down,
                    _ => down + away,
                };
                prop_assert_eq!(found, Some(want), "{} by {}", a, by);
            }
            // What is raised and lowered again is what it was.
            prop_assert_eq!(quotient(a, 1 << 60, 4, 1 << 64), Some(a));
        }
    }
}
