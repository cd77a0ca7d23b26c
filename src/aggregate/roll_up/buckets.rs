//! In which bucket of sizes does a number lie?
//!
//! Buckets by the exponent of a double and the first six bits behind it: 64 to each doubling, so that the middle of one is
//! at most 1/128 of itself away from any number in it. No logarithm is taken, so that every machine finds the same bucket.
//! After the idea of `DDSketch` (Masson, Rim and Lee, 2019): counts by size, which are added and subtracted.

/// Bits of a double below those that name a bucket.
const BELOW: u32 = 52 - 6;

/// The bucket of a finite number; buckets are in the order of the numbers.
pub(super) fn bucket(value: f64) -> i32 {
    let size = (value.abs().to_bits() >> BELOW).cast_signed();
    // Of a finite double these are 17 bits.
    let size = i32::try_from(size).unwrap_or(i32::MAX);
    if value < 0.0 { -size } else { size }
}

/// The middle of a bucket.
pub(super) fn middle(bucket: i32) -> f64 {
    let bits = u64::from(bucket.unsigned_abs()) << BELOW;
    let low = f64::from_bits(bits);
    let high = f64::from_bits(bits + (1 << BELOW));
    let size = if bucket == 0 { 0.0 } else { low / 2.0 + high / 2.0 };
    let size = if size.is_finite() { size } else { low };
    if bucket < 0 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_near() {
        let mut value = 1e-300;
        while value < 1e300 {
            for own in [value, -value] {
                let found = middle(bucket(own));
                assert!((found - own).abs() <= value / 128.0, "{own} became {found}");
            }
            value *= 1.37;
        }
        assert!(middle(bucket(0.0)).abs() < f64::MIN_POSITIVE);
        assert!(middle(bucket(f64::MAX)).is_finite());
        assert!(bucket(-2.0) < bucket(-1.0) && bucket(-1.0) < bucket(0.0) && bucket(1.0) < bucket(1.5));
    }
}
