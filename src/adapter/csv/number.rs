//! Which number does a text say?
//!
//! Exactly: commas, points and powers of ten are moved in the text and in whole units, never in floating
//! point. A separator that does not stand between thousands is refused, since `1,5` read as fifteen is
//! the mistake that nobody notices.

use std::borrow::Cow;

use super::text_format::TextFormat;
use crate::Decimal;

const MAX_SCALE: i16 = 18;

/// The decimal that a text says, in the unit of the file times the format's power of ten.
pub(super) fn decimal(text: &str, format: &TextFormat) -> Option<Decimal> {
    shifted(plain(text, format)?.parse().ok()?, format.power)
}

/// The finite double nearest to what a text says.
pub(super) fn double(text: &str, format: &TextFormat) -> Option<f64> {
    let text = plain(text, format)?;
    let value: f64 = if format.power == 0 {
        text.parse().ok()?
    } else {
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
        let exponent = exponent.parse::<i32>().ok()?.checked_add(i32::from(format.power))?;
        format!("{digits}e{exponent}").parse().ok()?
    };
    value.is_finite().then_some(value)
}

// The text with a point before its decimals and nothing between its thousands.
fn plain<'t>(text: &'t str, format: &TextFormat) -> Option<Cow<'t, str>> {
    if !format.decimal_comma && format.thousands.is_none() {
        return Some(Cow::Borrowed(text));
    }
    let point = if format.decimal_comma { ',' } else { '.' };
    let (whole, fraction) = match text.split_once(point) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let whole = match format.thousands {
        Some(separator) if whole.contains(separator) => Cow::Owned(joined(whole, separator)?),
        _ => Cow::Borrowed(whole),
    };
    // What is left of points and commas would be read as something else than it was meant.
    let stray = |part: &str| part.contains(['.', ',']);
    if stray(&whole) || fraction.is_some_and(stray) {
        return None;
    }
    Some(match fraction {
        None => whole,
        Some(fraction) => Cow::Owned(format!("{whole}.{fraction}")),
    })
}

// Groups of three digits at the end; two are allowed before them, as in `1,00,000`.
fn joined(whole: &str, separator: char) -> Option<String> {
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    let mut groups = digits.split(separator).rev();
    let last = groups.next()?;
    let mut groups = groups.peekable();
    let mut fits = last.len() == 3;
    while let Some(group) = groups.next() {
        fits &= if groups.peek().is_none() {
            (1..=3).contains(&group.len())
        } else {
            (2..=3).contains(&group.len())
        };
    }
    fits.then(|| whole.chars().filter(|c| *c != separator).collect())
}

/// A decimal times a power of ten, or `None` when it does not fit.
pub(super) fn shifted(decimal: Decimal, power: i8) -> Option<Decimal> {
    if power == 0 {
        return Some(decimal);
    }
    let scale = i16::from(decimal.scale()) - i16::from(power);
    if scale > MAX_SCALE {
        return None;
    }
    if let Ok(scale) = u8::try_from(scale) {
        return Some(Decimal::new(decimal.units(), scale));
    }
    let factor = 10_i128.checked_pow(u32::from(scale.unsigned_abs()))?;
    Some(Decimal::new(decimal.units().checked_mul(factor)?, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, format: &TextFormat) -> Option<String> {
        decimal(text, format).map(|d| d.to_string())
    }

    #[test]
    fn commas_and_thousands() {
        let german = TextFormat { decimal_comma: true, thousands: Some('.'), ..TextFormat::default() };
        let english = TextFormat { thousands: Some(','), ..TextFormat::default() };
        let comma = TextFormat { decimal_comma: true, ..TextFormat::default() };
        assert_eq!(read("1.234.567,89", &german).unwrap(), "1234567.89");
        assert_eq!(read("1,234,567.89", &english).unwrap(), "1234567.89");
        assert_eq!(read("-1,00,000", &english).unwrap(), "-100000");
        assert_eq!(read("12,5", &comma).unwrap(), "12.5");
        for (text, format) in [("1,5", &english), ("12.5", &comma), ("1.5", &german), ("1,,000", &english)] {
            assert_eq!(read(text, format), None, "{text}");
        }
    }

    #[test]
    fn powers_are_exact() {
        let millions = TextFormat { power: 6, ..TextFormat::default() };
        assert_eq!(read("1100.04", &millions).unwrap(), "1100040000");
        let cents = TextFormat { power: -2, ..TextFormat::default() };
        assert_eq!(read("5", &cents).unwrap(), "0.05");
        assert!((double("0.1", &millions).unwrap() - 100_000.0).abs() < f64::EPSILON);
        assert_eq!(double("1e400", &TextFormat::default()), None);
        assert_eq!(double("nan", &TextFormat::default()), None);
    }
}
