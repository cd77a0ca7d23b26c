//! What are constants that are computed from constants? Digit by digit, as on paper.
//!
//! Ruling S103 of `docs/semantics`.

use std::cmp::Ordering;

use super::values::{as_double, finite};
use crate::Decimal;
use crate::expr::{BinaryOp, ExprValue};

/// Digits of a constant, all told and after the point.
const DIGITS: usize = 36;
const FRACTION: usize = 18;

/// A constant from two, one of which has a fraction.
pub(super) fn computed(op: BinaryOp, left: &ExprValue, right: &ExprValue) -> Option<ExprValue> {
    if let (Some(a), Some(b)) = (OnPaper::of(left), OnPaper::of(right)) {
        let result = match op {
            BinaryOp::Add => Some(a.plus(b)),
            BinaryOp::Subtract => Some(a.plus(b.turned())),
            BinaryOp::Multiply => Some(a.times(&b)),
            _ => None,
        };
        if let Some(decimal) = result.and_then(|result| constant(&result.text())) {
            return Some(ExprValue::Decimal(decimal));
        }
    }
    let (a, b) = (as_double(left)?, as_double(right)?);
    let double = match op {
        BinaryOp::Add => a + b,
        BinaryOp::Subtract => a - b,
        BinaryOp::Multiply => a * b,
        _ => a / b,
    };
    // As it is written, without an exponent.
    let written = finite(double)?;
    Some(constant(&written.to_string()).map_or(written, ExprValue::Decimal))
}

/// The decimal that a text without an exponent says, where a constant may have so many digits.
fn constant(text: &str) -> Option<Decimal> {
    let digits = text.trim_start_matches('-');
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let all = format!("{whole}{fraction}");
    let fits = all.trim_start_matches('0').len() <= DIGITS && fraction.len() <= FRACTION;
    let sign = if text.starts_with('-') { "-" } else { "" };
    let text =
        if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") };
    text.parse().ok().filter(|_| fits)
}

/// A number by its digits, the last first.
#[derive(Clone)]
struct OnPaper {
    negative: bool,
    digits: Vec<u8>,
    /// How many stand after the point.
    after: usize,
}

impl OnPaper {
    fn of(value: &ExprValue) -> Option<Self> {
        let text = match value {
            ExprValue::Int(int) => int.to_string(),
            ExprValue::Decimal(decimal) => decimal.to_string(),
            _ => return None,
        };
        let after = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let digits = text.bytes().rev().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
        Some(Self { negative: text.starts_with('-'), digits, after })
    }

    fn text(&self) -> String {
        let mut digits: String = self.digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect();
        while digits.len() <= self.after {
            digits.insert(0, '0');
        }
        let (whole, fraction) = digits.split_at(digits.len() - self.after);
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        format!("{}{whole}.{fraction}", if self.negative { "-" } else { "" })
    }

    fn turned(self) -> Self {
        Self { negative: !self.negative, ..self }
    }

    /// With so many digits after the point, and so many in all.
    fn stretched(mut self, after: usize, len: usize) -> Self {
        self.digits.splice(0..0, std::iter::repeat_n(0, after - self.after));
        self.digits.resize(len.max(self.digits.len()), 0);
        Self { after, ..self }
    }

    fn plus(self, other: Self) -> Self {
        let after = self.after.max(other.after);
        let len = self.digits.len().max(other.digits.len()) + after + 1;
        let (mut a, mut b) = (self.stretched(after, len), other.stretched(after, len));
        if a.digits.iter().rev().cmp(b.digits.iter().rev()) == Ordering::Less {
            std::mem::swap(&mut a, &mut b);
        }
        let take_away = a.negative != b.negative;
        let mut carry = 0_i16;
        for (digit, other) in a.digits.iter_mut().zip(&b.digits) {
            let other = i16::from(*other);
            let sum = i16::from(*digit) + carry + if take_away { -other } else { other };
            *digit = u8::try_from(sum.rem_euclid(10)).unwrap_or(0);
            carry = sum.div_euclid(10);
        }
        a
    }

    fn times(&self, other: &Self) -> Self {
        let mut digits = vec![0_u32; self.digits.len() + other.digits.len() + 1];
        for (at, a) in self.digits.iter().enumerate() {
            for (place, b) in other.digits.iter().enumerate() {
                if let Some(digit) = digits.get_mut(at + place) {
                    *digit += u32::from(*a) * u32::from(*b);
                }
            }
        }
        let mut carry = 0;
        for digit in &mut digits {
            let sum = *digit + carry;
            (*digit, carry) = (sum % 10, sum / 10);
        }
        let digits = digits.into_iter().map(|digit| u8::try_from(digit).unwrap_or(0)).collect();
        Self { negative: self.negative != other.negative, digits, after: self.after + other.after }
    }
}
