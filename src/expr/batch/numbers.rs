//! Numbers of rows side by side, and how they are reckoned with.

use std::borrow::Cow;

use super::masks::{Masks, bits, bits_of_two};
use crate::expr::scalar;
use crate::expr::term::{Arithmetic, Comparison};

/// Which rows have a number.
#[derive(Debug, Clone)]
pub(super) enum Valid<'c> {
    All,
    Some(Cow<'c, [u64]>),
}

impl<'c> Valid<'c> {
    pub(super) fn words(&self) -> Option<&[u64]> {
        match self {
            Self::All => None,
            Self::Some(words) => Some(words),
        }
    }

    pub(super) fn and(self, other: &Valid<'_>) -> Valid<'c> {
        match (self, other) {
            (own, Valid::All) => own,
            (Self::All, Valid::Some(words)) => Valid::Some(Cow::Owned(words.to_vec())),
            (Self::Some(own), Valid::Some(words)) => {
                Valid::Some(own.iter().zip(&**words).map(|(own, other)| own & other).collect())
            }
        }
    }
}

/// A number for each row, or one for all.
#[derive(Debug, Clone)]
pub(super) enum Side<'c, T: Copy + 'static> {
    Rows(Cow<'c, [T]>),
    One(T),
}

impl<T: Copy> Side<'_, T> {
    /// What a function makes of each row.
    pub(super) fn map<U: Copy>(&self, mut of: impl FnMut(T) -> U) -> Side<'static, U> {
        match self {
            Self::Rows(values) => Side::Rows(values.iter().map(|value| of(*value)).collect()),
            Self::One(value) => Side::One(of(*value)),
        }
    }

    pub(super) fn get(&self, row: usize) -> Option<T> {
        match self {
            Self::Rows(values) => values.get(row).copied(),
            Self::One(value) => Some(*value),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Values<'c> {
    Int(Side<'c, i64>),
    /// Units that fit 64 bits.
    Units(Side<'c, i64>),
    Wide(Side<'c, i128>),
    Double(Side<'c, f64>),
}

/// Numbers of rows side by side.
#[derive(Debug, Clone)]
pub(super) struct Numbers<'c> {
    pub(super) values: Values<'c>,
    pub(super) valid: Valid<'c>,
    /// No whole number or unit is larger than this, whatever its sign.
    bound: u64,
}

/// Nothing is known of how large the numbers are.
const UNBOUNDED: u64 = u64::MAX;

impl<'c> Numbers<'c> {
    pub(super) const fn new(values: Values<'c>, valid: Valid<'c>) -> Self {
        Self { values, valid, bound: UNBOUNDED }
    }

    pub(super) const fn within(mut self, bound: u64) -> Self {
        self.bound = bound;
        self
    }

    pub(super) const fn bound(&self) -> u64 {
        self.bound
    }

    /// Units of 64 bits, where they are.
    fn units(&self) -> Option<Side<'_, i64>> {
        match &self.values {
            Values::Units(Side::Rows(rows)) => Some(Side::Rows(Cow::Borrowed(rows))),
            Values::Units(Side::One(one)) => Some(Side::One(*one)),
            Values::Wide(Side::One(one)) => i64::try_from(*one).ok().map(Side::One),
            _ => None,
        }
    }

    fn wide(&self) -> Option<Side<'_, i128>> {
        match &self.values {
            Values::Units(side) => Some(side.map(i128::from)),
            Values::Wide(Side::Rows(rows)) => Some(Side::Rows(Cow::Borrowed(rows))),
            Values::Wide(Side::One(one)) => Some(Side::One(*one)),
            _ => None,
        }
    }

    /// How two compare, row by row.
    pub(super) fn compare(&self, comparison: Comparison, other: &Self, rows: usize) -> Option<Masks> {
        let yes = match (&self.values, &other.values) {
            (Values::Int(a), Values::Int(b)) | (Values::Units(a), Values::Units(b)) => {
                if self.bound < NARROW && other.bound < NARROW {
                    compared_narrow(a, b, comparison, rows)
                } else {
                    compared(a, b, comparison, rows)
                }
            }
            (Values::Double(a), Values::Double(b)) => compared(a, b, comparison, rows),
            _ => compared(&self.wide()?, &other.wide()?, comparison, rows),
        };
        let valid = self.valid.clone().and(&other.valid);
        Some(Masks::of(yes, valid.words(), rows))
    }

    /// What an operation makes of two, row by row.
    pub(super) fn math(&self, op: Arithmetic, other: &Self, rows: usize) -> Option<Numbers<'static>> {
        // Where no result can leave 64 bits, none is looked at for it.
        let bound = match op {
            Arithmetic::Add | Arithmetic::Subtract => self.bound.checked_add(other.bound),
            Arithmetic::Multiply => self.bound.checked_mul(other.bound),
            Arithmetic::Divide | Arithmetic::Modulo => None,
        };
        let bound = bound.filter(|bound| *bound <= i64::MAX.unsigned_abs());
        if let Some(bound) = bound {
            let valid = || Valid::All.and(&self.valid).and(&other.valid);
            if let (Values::Int(a), Values::Int(b)) = (&self.values, &other.values) {
                let values = Values::Int(plain(op, a, b, rows));
                return Some(Numbers::new(values, valid()).within(bound));
            }
            if let (Some(a), Some(b)) = (self.units(), other.units()) {
                let values = Values::Units(plain(op, &a, &b, rows));
                return Some(Numbers::new(values, valid()).within(bound));
            }
        }
        let (values, checked) = match (&self.values, &other.values) {
            (Values::Int(a), Values::Int(b)) => {
                let (values, valid) = checked(a, b, rows, |a, b| scalar::int_math(op, a, b));
                (Values::Int(values), valid)
            }
            (Values::Double(a), Values::Double(b)) => {
                let values = match op {
                    Arithmetic::Add => mapped(a, b, rows, |a, b| a + b + 0.0),
                    Arithmetic::Subtract => mapped(a, b, rows, |a, b| a - b + 0.0),
                    Arithmetic::Multiply => mapped(a, b, rows, |a, b| a * b + 0.0),
                    Arithmetic::Divide => mapped(a, b, rows, |a, b| a / b + 0.0),
                    Arithmetic::Modulo => return None,
                };
                let finite = bits(&values, f64::is_finite);
                (Values::Double(Side::Rows(Cow::Owned(values))), Valid::Some(Cow::Owned(finite)))
            }
            _ => {
                let (a, b) = (self.wide()?, other.wide()?);
                let (values, valid) = checked(&a, &b, rows, |a, b| scalar::wide_math(op, a, b));
                (Values::Wide(values), valid)
            }
        };
        Some(Numbers::new(values, checked.and(&self.valid).and(&other.valid)))
    }

    /// What a function makes of units, row by row.
    pub(super) fn each_wide(
        &self,
        rows: usize,
        of: impl Fn(i128) -> Option<i128>,
    ) -> Option<Numbers<'static>> {
        let (values, valid) = checked(&self.wide()?, &Side::One(0), rows, |units, _| of(units));
        Some(Numbers::new(Values::Wide(values), valid.and(&self.valid)))
    }

    /// What a function makes of two whole numbers, row by row.
    pub(super) fn ints(
        &self,
        other: &Self,
        rows: usize,
        of: impl Fn(i64, i64) -> Option<i64>,
    ) -> Option<Numbers<'static>> {
        let (Values::Int(a), Values::Int(b)) = (&self.values, &other.values) else { return None };
        let (values, valid) = checked(a, b, rows, of);
        Some(Numbers::new(Values::Int(values), valid.and(&self.valid).and(&other.valid)))
    }
}

fn compared<T: Copy + PartialOrd>(
    a: &Side<'_, T>,
    b: &Side<'_, T>,
    comparison: Comparison,
    rows: usize,
) -> Vec<u64> {
    match comparison {
        Comparison::Equal => paired(a, b, rows, |a, b| a == b),
        Comparison::NotEqual => paired(a, b, rows, |a, b| a != b),
        Comparison::Less => paired(a, b, rows, |a, b| a < b),
        Comparison::LessEqual => paired(a, b, rows, |a, b| a <= b),
        Comparison::Greater => paired(a, b, rows, |a, b| a > b),
        Comparison::GreaterEqual => paired(a, b, rows, |a, b| a >= b),
    }
}

/// Whole numbers below this have a difference of 64 bits.
pub(super) const NARROW: u64 = 1 << 62;

/// Whole numbers compared by the sign of their difference, which takes no comparison of 64 bits: the smallest
/// processors that we are built for have none for several numbers at once.
fn compared_narrow(a: &Side<'_, i64>, b: &Side<'_, i64>, comparison: Comparison, rows: usize) -> Vec<u64> {
    match comparison {
        Comparison::Equal => paired(a, b, rows, |a, b| is_zero(a ^ b)),
        Comparison::NotEqual => paired(a, b, rows, |a, b| !is_zero(a ^ b)),
        Comparison::Less => paired(a, b, rows, |a, b| a.wrapping_sub(b) < 0),
        Comparison::LessEqual => paired(a, b, rows, |a, b| b.wrapping_sub(a) >= 0),
        Comparison::Greater => paired(a, b, rows, |a, b| b.wrapping_sub(a) < 0),
        Comparison::GreaterEqual => paired(a, b, rows, |a, b| a.wrapping_sub(b) >= 0),
    }
}

/// Stored numbers compared with a constant; both below [`NARROW`].
pub(super) fn narrow_against(values: &[i64], comparison: Comparison, one: i64) -> Vec<u64> {
    let values = Side::Rows(Cow::Borrowed(values));
    compared_narrow(&values, &Side::One(one), comparison, 0)
}

const fn is_zero(value: i64) -> bool {
    (value | value.wrapping_neg()) >= 0
}

fn paired<T: Copy>(a: &Side<'_, T>, b: &Side<'_, T>, rows: usize, of: impl Fn(T, T) -> bool) -> Vec<u64> {
    match (a, b) {
        (Side::Rows(a), Side::One(b)) => bits(a, |a| of(a, *b)),
        (Side::One(a), Side::Rows(b)) => bits(b, |b| of(*a, b)),
        (Side::One(a), Side::One(b)) => vec![if of(*a, *b) { u64::MAX } else { 0 }; rows.div_ceil(64)],
        (Side::Rows(a), Side::Rows(b)) => bits_of_two(a, b, of),
    }
}

/// What whole numbers give that cannot leave 64 bits.
fn plain(op: Arithmetic, a: &Side<'_, i64>, b: &Side<'_, i64>, rows: usize) -> Side<'static, i64> {
    let values = match op {
        Arithmetic::Add => mapped(a, b, rows, i64::wrapping_add),
        Arithmetic::Subtract => mapped(a, b, rows, i64::wrapping_sub),
        _ => mapped(a, b, rows, i64::wrapping_mul),
    };
    Side::Rows(Cow::Owned(values))
}

fn mapped<T: Copy>(a: &Side<'_, T>, b: &Side<'_, T>, rows: usize, of: impl Fn(T, T) -> T) -> Vec<T> {
    match (a, b) {
        (Side::Rows(a), Side::One(b)) => a.iter().map(|a| of(*a, *b)).collect(),
        (Side::One(a), Side::Rows(b)) => b.iter().map(|b| of(*a, *b)).collect(),
        (Side::Rows(a), Side::Rows(b)) => a.iter().zip(&**b).map(|(a, b)| of(*a, *b)).collect(),
        (Side::One(a), Side::One(b)) => vec![of(*a, *b); rows],
    }
}

fn checked<T: Copy + Default>(
    a: &Side<'_, T>,
    b: &Side<'_, T>,
    rows: usize,
    of: impl Fn(T, T) -> Option<T>,
) -> (Side<'static, T>, Valid<'static>) {
    let mut values: Vec<T> = Vec::with_capacity(rows);
    let mut valid: Vec<u64> = Vec::with_capacity(rows.div_ceil(64));
    let mut word = 0_u64;
    let mut all = true;
    let mut push = |row: usize, value: Option<T>| {
        word |= u64::from(value.is_some()) << (row % 64);
        all &= value.is_some();
        values.push(value.unwrap_or_default());
        if row % 64 == 63 || row + 1 == rows {
            valid.push(std::mem::take(&mut word));
        }
    };
    match (a, b) {
        (Side::Rows(a), Side::One(b)) => a.iter().enumerate().for_each(|(row, a)| push(row, of(*a, *b))),
        (Side::One(a), Side::Rows(b)) => b.iter().enumerate().for_each(|(row, b)| push(row, of(*a, *b))),
        (Side::Rows(a), Side::Rows(b)) => {
            a.iter().zip(&**b).enumerate().for_each(|(row, (a, b))| push(row, of(*a, *b)));
        }
        (Side::One(a), Side::One(b)) => {
            let value = of(*a, *b);
            (0..rows).for_each(|row| push(row, value));
        }
    }
    let valid = if all { Valid::All } else { Valid::Some(Cow::Owned(valid)) };
    (Side::Rows(Cow::Owned(values)), valid)
}
