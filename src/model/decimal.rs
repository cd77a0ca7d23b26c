//! How is an exact number with digits after the point held?
//!
//! A [`Decimal`] is a whole number of units of 10^-scale. Its addition is exact and associative, which
//! is why sums of it do not depend on any order. There is no division: quotients are doubles.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::write_number;

/// Most digits after the point that a [`Decimal`] may carry.
const MAX_PARSED_SCALE: u8 = 18;

/// An exact decimal number: `units` × 10^-`scale`.
///
/// Equality and order are those of the number line: `1.50` equals `1.5`.
///
/// ```
/// use perennial::Decimal;
///
/// let price: Decimal = "12.50".parse()?;
/// assert_eq!((price.units(), price.scale()), (1250, 2));
/// assert_eq!(price, "12.5".parse()?);
/// assert_eq!(price.to_string(), "12.50");
/// # Ok::<(), perennial::DecimalError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    units: i128,
    scale: u8,
}

/// Why a text or number is no decimal of the wanted scale.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecimalError {
    /// The text is not a plain decimal number.
    #[error("`{text}` is not a decimal number")]
    Syntax {
        /// The text, cut to 40 characters.
        text: String,
    },
    /// More digits than fit.
    #[error("`{text}` is out of range for a decimal")]
    Range {
        /// The text, cut to 40 characters.
        text: String,
    },
    /// More digits after the point than the attribute declares; rounding would lose something.
    #[error("`{text}` has more than {scale} digits after the point")]
    Scale {
        /// The text, cut to 40 characters.
        text: String,
        /// Digits declared.
        scale: u8,
    },
}

impl Decimal {
    /// `units` × 10^-`scale`. Scales above 18 are taken as 18.
    #[must_use]
    pub const fn new(units: i128, scale: u8) -> Self {
        let scale = if scale > MAX_PARSED_SCALE { MAX_PARSED_SCALE } else { scale };
        Self { units, scale }
    }

    /// The number in its smallest unit.
    #[must_use]
    pub const fn units(&self) -> i128 {
        self.units
    }

    /// Digits after the point.
    #[must_use]
    pub const fn scale(&self) -> u8 {
        self.scale
    }

    /// The same number with exactly `scale` digits after the point, or `None` when a digit would be
    /// lost or the number does not fit.
    #[must_use]
    pub fn rescaled(&self, scale: u8) -> Option<Self> {
        let units = match scale.cmp(&self.scale) {
            Ordering::Equal => self.units,
            Ordering::Greater => self.units.checked_mul(power_of_ten(scale - self.scale))?,
            Ordering::Less => {
                let divisor = power_of_ten(self.scale - scale);
                if self.units % divisor != 0 {
                    return None;
                }
                self.units / divisor
            }
        };
        Some(Self { units, scale })
    }

    /// The nearest double.
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        nearest_double(self.units, self.scale)
    }
}

/// The double nearest to `units` × 10^-`scale`: rounded once, half to even.
#[expect(clippy::cast_precision_loss, reason = "nearest double is what is asked for")]
pub(crate) fn nearest_double(units: i128, scale: u8) -> f64 {
    // Bits that a rest below 10^22, which is below 2^74, can be moved up by.
    const STEP: u32 = 54;
    let size = units.unsigned_abs();
    if scale > 22 {
        return format!("{units}e-{scale}").parse().unwrap_or(f64::NAN);
    }
    let by = 10_u128.pow(u32::from(scale));
    if size <= 1 << 53 {
        // Both are exact, so that the quotient is the nearest.
        return units as f64 / by as f64;
    }
    // The quotient with 55 bits or more, of which the last says whether anything is left: turning it
    // into a double rounds it as the whole would be.
    let (mut quotient, mut rest, mut moved) = (size / by, size % by, 0);
    while quotient < 1 << STEP && moved < 2 * STEP {
        let more = rest << STEP;
        (quotient, rest, moved) = ((quotient << STEP) | (more / by), more % by, moved + STEP);
    }
    let nearest = (quotient | u128::from(rest != 0)) as f64 / (1_u128 << moved) as f64;
    if units < 0 { -nearest } else { nearest }
}

pub(super) fn power_of_ten(exponent: u8) -> i128 {
    10_i128.pow(u32::from(exponent.min(MAX_PARSED_SCALE)))
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let syntax = || DecimalError::Syntax { text: shortened(text) };
        let range = || DecimalError::Range { text: shortened(text) };
        let (negative, digits) = match text.strip_prefix(['-', '+']) {
            Some(rest) => (text.starts_with('-'), rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let clean = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() && fraction.is_empty() || !clean(whole) || !clean(fraction) {
            return Err(syntax());
        }
        let scale = u8::try_from(fraction.len()).ok().filter(|s| *s <= MAX_PARSED_SCALE).ok_or_else(range)?;
        let mut units: i128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            units = units
                .checked_mul(10)
                .and_then(|u| u.checked_add(i128::from(digit - b'0')))
                .ok_or_else(range)?;
        }
        Ok(Self { units: if negative { -units } else { units }, scale })
    }
}

/// `{:#}` writes commas between the thousands, from 10,000 on: `12,345.67`.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let magnitude = self.units.unsigned_abs();
        let unit = power_of_ten(self.scale).unsigned_abs();
        let (whole, fraction) = (magnitude / unit, magnitude % unit);
        let width = usize::from(self.scale);
        if width == 0 {
            write_number(f, format_args!("{sign}{whole}"))
        } else {
            write_number(f, format_args!("{sign}{whole}.{fraction:0width$}"))
        }
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        // Whole parts first, so that nothing overflows; then the fractions on a common scale.
        let split = |d: &Self| {
            let unit = power_of_ten(d.scale);
            (d.units.div_euclid(unit), d.units.rem_euclid(unit) * power_of_ten(MAX_PARSED_SCALE - d.scale))
        };
        split(self).cmp(&split(other))
    }
}

impl std::hash::Hash for Decimal {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let (mut units, mut scale) = (self.units, self.scale);
        while scale > 0 && units % 10 == 0 {
            units /= 10;
            scale -= 1;
        }
        (units, scale).hash(state);
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_double_is_the_one_that_is_read_from_the_text(
            units in any::<i128>(), bits in 0_u32..127, near in -2_i128..=2, scale in 0_u8..=24,
        ) {
            // Any size, and halves between two doubles with what is just beside them.
            let half = (1_i128 << bits.clamp(53, 120)) + (1_i128 << (bits.clamp(53, 120) - 53)) + near;
            for units in [units >> bits, half, -half, half.saturating_mul(10_i128.pow(scale.into()))] {
                let read: f64 = format!("{units}e-{scale}").parse().unwrap();
                prop_assert_eq!(nearest_double(units, scale).to_bits(), read.to_bits(), "{}e-{}", units, scale);
            }
        }
    }
}
