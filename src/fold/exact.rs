//! How are doubles summed so that no order changes a bit?
//!
//! Each addend is rounded, half-even, to a whole number of quanta of 2^-64 and added in 128-bit
//! integers, which is associative. Doubles of 2^-12 and more are whole numbers of quanta, so they are
//! not rounded at all; smaller ones move by at most 2^-65. What is beyond ±2^52 is out of range, and
//! makes its total missing. Ruling S38 of `docs/semantics`.

/// Largest absolute addend: 2^52.
const RANGE: f64 = 4_503_599_627_370_496.0;
/// Quanta in one: 2^64.
pub(crate) const QUANTUM_BITS: u32 = 64;
const SCALE: f64 = 18_446_744_073_709_551_616.0;

/// A double in quanta, or `None` when it is out of range.
#[expect(clippy::cast_possible_truncation, reason = "the product is whole and at most 2^116")]
pub(crate) fn to_quanta(value: f64) -> Option<i128> {
    (value.abs() <= RANGE).then(|| (value * SCALE).round_ties_even() as i128)
}

/// The double nearest to a number of quanta.
#[expect(clippy::cast_precision_loss, reason = "nearest double is what is asked for")]
pub(crate) fn from_quanta(quanta: i128) -> f64 {
    quanta as f64 / SCALE
}

/// A key that orders finite doubles as the number line does.
pub(crate) const fn order_key(value: f64) -> i64 {
    let bits = value.to_bits().cast_signed();
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

/// The double of a key.
pub(crate) const fn from_order_key(key: i64) -> f64 {
    let bits = if key < 0 { key ^ i64::MAX } else { key };
    f64::from_bits(bits.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quanta_hold_what_they_promise() {
        for value in [0.0, 1.5, -1.5, 0.1, 1e-9, 123_456.789, RANGE, -RANGE, 8.000_000_1] {
            let back = from_quanta(to_quanta(value).unwrap());
            assert!((back - value).abs() <= f64::powi(2.0, -65), "{value} came back as {back}");
            assert!(value.abs() < f64::powi(2.0, -12) || back.to_bits() == value.to_bits(), "{value}");
        }
        assert_eq!(to_quanta(RANGE * 1.000_001), None);
        assert_eq!(to_quanta(f64::NAN), None);
    }

    #[test]
    fn keys_order_like_numbers() {
        let values = [-1e300, -2.0, -1.0, -1e-300, 0.0, 1e-300, 1.0, 2.0, 1e300];
        assert!(values.windows(2).all(|pair| order_key(pair[0]) < order_key(pair[1])));
        assert!(values.iter().all(|value| from_order_key(order_key(*value)).to_bits() == value.to_bits()));
    }
}
