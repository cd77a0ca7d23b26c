//! What number is it, written out?
//!
//! Numbers as the digits of their texts, multiplied and divided as on paper, so that oracles share no arithmetic
//! with the code that they are held against. Every double has a finite decimal text; what double is nearest to a
//! text is read by Rust.

use std::cmp::Ordering;

/// A number with all its digits, the lowest first: digits × 10^-places.
#[derive(Debug, Clone)]
pub(super) struct Number {
    negative: bool,
    digits: Vec<u8>,
    places: usize,
}

impl Number {
    /// `units` × 10^-`scale`.
    pub(super) fn of(units: i128, scale: u8) -> Self {
        Self::read(&units.to_string(), usize::from(scale))
    }

    /// A double, digit by digit; none is finer than 1,074 places.
    pub(super) fn of_double(double: f64) -> Self {
        let text = format!("{double:.1074}");
        let text = text.trim_end_matches('0');
        let places = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        Self::read(text, places)
    }

    fn read(text: &str, places: usize) -> Self {
        let digits = text.chars().rev().filter_map(|digit| digit.to_digit(10));
        let digits = digits.filter_map(|digit| u8::try_from(digit).ok()).collect();
        Self { negative: text.starts_with('-'), digits, places }
    }

    /// The product, written out.
    pub(super) fn times(&self, other: &Self) -> Self {
        let mut columns = vec![0_u32; self.digits.len() + other.digits.len()];
        for (at, a) in self.digits.iter().enumerate() {
            for (column, b) in columns.iter_mut().skip(at).zip(&other.digits) {
                *column += u32::from(*a) * u32::from(*b);
            }
        }
        let mut carried = 0;
        let mut digits = Vec::with_capacity(columns.len());
        for column in columns {
            let sum = column + carried;
            carried = sum / 10;
            digits.extend(u8::try_from(sum % 10));
        }
        Self { negative: self.negative != other.negative, digits, places: self.places + other.places }
    }

    /// The number by another with so many places, the last one rounded half to even; `None` beyond 128 bits and by 0.
    pub(super) fn divided(&self, by: &Self, places: usize) -> Option<i128> {
        if by.digits.iter().all(|digit| *digit == 0) {
            return None;
        }
        let zeros = |count: usize| std::iter::repeat_n(0_u8, count);
        // Both as whole numbers, the dividend with the places that are wanted.
        let above: Vec<u8> = zeros(by.places + places).chain(self.digits.iter().copied()).collect();
        let below: Vec<u8> = zeros(self.places).chain(by.digits.iter().copied()).collect();
        let mut quotient = String::from(if self.negative == by.negative { "0" } else { "-0" });
        let mut rest: Vec<u8> = Vec::new();
        let mut even = true;
        for digit in above.iter().rev() {
            rest.insert(0, *digit);
            let mut times = 0_u8;
            while order(&rest, &below).is_ge() {
                take(&mut rest, &below);
                times += 1;
            }
            even = times.is_multiple_of(2);
            quotient.push(char::from(b'0' + times));
        }
        let whole: i128 = quotient.parse().ok()?;
        let twice: Vec<u8> = Self { negative: false, digits: rest, places: 0 }.times(&Self::of(2, 0)).digits;
        let up = match order(&twice, &below) {
            Ordering::Less => false,
            Ordering::Equal => !even,
            Ordering::Greater => true,
        };
        match (up, self.negative == by.negative) {
            (false, _) => Some(whole),
            (true, true) => whole.checked_add(1),
            (true, false) => whole.checked_sub(1),
        }
    }

    /// The number with so many places, the last one rounded half to even.
    pub(super) fn rounded(&self, places: usize) -> Option<i128> {
        self.divided(&Self::of(1, 0), places)
    }

    /// The nearest double.
    pub(super) fn to_double(&self) -> f64 {
        let digits: String = self.digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect();
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}0{digits}e-{}", self.places).parse().unwrap_or(f64::NAN)
    }
}

/// Which number is greater? Digits, the lowest first.
fn order(a: &[u8], b: &[u8]) -> Ordering {
    let digit = |of: &[u8], at: usize| of.get(at).copied().unwrap_or(0);
    let places = (0..a.len().max(b.len())).rev();
    let mut orders = places.map(|at| digit(a, at).cmp(&digit(b, at)));
    orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Takes a number from one that is not smaller.
fn take(from: &mut Vec<u8>, what: &[u8]) {
    let mut borrowed = 0;
    for (at, own) in from.iter_mut().enumerate() {
        let other = what.get(at).copied().unwrap_or(0) + borrowed;
        borrowed = u8::from(*own < other);
        *own = *own + 10 * borrowed - other;
    }
    while from.last() == Some(&0) {
        from.pop();
    }
}

/// The double nearest to `units` × 10^-`scale`.
pub(super) fn double_of(units: i128, scale: u8) -> f64 {
    format!("{units}e-{scale}").parse().unwrap_or(f64::NAN)
}

/// 2^64, and 2^-64 written out.
const QUANTA: i128 = 1 << 64;

/// A double as a whole number of 2^-64, half to even (ruling S38); `None` beyond ±2^52.
pub(super) fn quanta_of(double: f64) -> Option<i128> {
    let within = double.is_finite() && double.abs() <= f64::from(1_u32 << 26) * f64::from(1_u32 << 26);
    within.then(|| Number::of_double(double).times(&Number::of(QUANTA, 0)).rounded(0))?
}

/// So many 2^-64, written out.
pub(super) fn of_quanta(quanta: i128) -> Number {
    Number::of(quanta, 0).times(&Number::of_double((0..64).fold(1.0, |half, _| half / 2.0)))
}

/// The quotient of two whole numbers, half to even.
pub(super) fn half_even(dividend: i128, divisor: i128) -> Option<i128> {
    Number::of(dividend, 0).divided(&Number::of(divisor, 0), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_out() {
        let tenth = Number::of_double(0.1);
        assert_eq!(tenth.places, 55);
        assert_eq!(Number::of(1, 0).times(&tenth).rounded(18), Some(100_000_000_000_000_006));
        assert_eq!(Number::of(-25, 1).rounded(0), Some(-2));
        assert_eq!(Number::of(35, 1).rounded(0), Some(4));
        assert_eq!(Number::of(-7, 0).divided(&Number::of(2, 0), 0), Some(-4));
        assert_eq!(Number::of(1, 0).divided(&Number::of(-3, 2), 3), Some(-33_333));
        assert_eq!(Number::of(1, 0).divided(&Number::of(0, 3), 3), None);
        assert_eq!(Number::of(i128::MIN, 0).rounded(0), Some(i128::MIN));
        assert_eq!(Number::of(i128::MAX, 0).rounded(1), None);
        assert_eq!((quanta_of(-0.5), quanta_of(1e300)), (Some(-(1 << 63)), None));
        assert_eq!(quanta_of(5e-324), Some(0));
        assert_eq!(of_quanta(3 << 62).to_double().to_bits(), 0.75_f64.to_bits());
        assert_eq!(Number::of_double(-1.5e300).to_double().to_bits(), (-1.5e300_f64).to_bits());
    }
}
