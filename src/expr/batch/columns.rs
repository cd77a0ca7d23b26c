//! How are stored columns compared?

use std::borrow::Cow;

use super::masks::{Masks, bits};
use super::numbers::Valid;
use crate::column::{Bitmap, Block, Fixed, TextBlock};
use crate::expr::term::{Cell, Comparison};
use crate::expr::types::Type;
use crate::expr::value::{Val, power};

/// The value of a stored row.
pub(in crate::expr) fn stored<'c>(block: &'c Block, row: usize, kind: Option<&Type>) -> Val<'c> {
    match block {
        Block::Bool { values, valid } => {
            if valid.get(row) {
                Val::Bool(values.get(row))
            } else {
                Val::Missing
            }
        }
        Block::I64(fixed) => match (fixed.get(row), kind) {
            (Some(units), Some(Type::Decimal { .. } | Type::Money { .. })) => Val::Wide(units.into()),
            (int, _) => Val::int(int),
        },
        Block::F64(fixed) => fixed.get(row).map_or(Val::Missing, Val::double),
        Block::I32(fixed) => Val::int(fixed.get(row).map(i64::from)),
        Block::Code(fixed) => Val::int(fixed.get(row).map(i64::from)),
        Block::Text(texts) => texts.get(row).map_or(Val::Missing, Val::Text),
        Block::List(list) => {
            list.places(row).map_or(Val::Missing, |places| Val::Stored(list, places.start, places.len()))
        }
    }
}

pub(super) enum Validity<'c> {
    All,
    Bits(&'c Bitmap),
    Rows,
}

pub(super) fn validity(block: &Block) -> Validity<'_> {
    match block {
        Block::Bool { valid, .. } => Validity::Bits(valid),
        Block::I64(fixed) => fixed.valid().map_or(Validity::All, Validity::Bits),
        Block::F64(fixed) => fixed.valid().map_or(Validity::All, Validity::Bits),
        Block::I32(fixed) => fixed.valid().map_or(Validity::All, Validity::Bits),
        Block::Code(fixed) => fixed.valid().map_or(Validity::All, Validity::Bits),
        Block::Text(TextBlock::Dictionary { codes, .. }) => {
            codes.valid().map_or(Validity::All, Validity::Bits)
        }
        Block::Text(TextBlock::Plain { valid, .. }) => valid.as_ref().map_or(Validity::All, Validity::Bits),
        Block::List(_) => Validity::Rows,
    }
}

pub(super) fn valid_of<T: Copy + Default>(fixed: &Fixed<T>) -> Valid<'_> {
    fixed.valid().map_or(Valid::All, |valid| Valid::Some(Cow::Borrowed(valid.words())))
}

pub(super) fn masked<T: Copy + Default>(yes: Vec<u64>, fixed: &Fixed<T>, rows: usize) -> Masks {
    Masks::of(yes, fixed.valid().map(Bitmap::words), rows)
}

pub(super) fn bits_ref<T>(values: &[T], of: impl Fn(&T) -> bool) -> Vec<u64> {
    let word =
        |rows: &[T]| rows.iter().enumerate().fold(0, |word, (at, value)| word | u64::from(of(value)) << at);
    values.chunks(64).map(word).collect()
}

/// Values compared with one.
pub(super) fn bits_of<T: Copy + PartialOrd>(values: &[T], comparison: Comparison, one: T) -> Vec<u64> {
    match comparison {
        Comparison::Equal => bits(values, |value| value == one),
        Comparison::NotEqual => bits(values, |value| value != one),
        Comparison::Less => bits(values, |value| value < one),
        Comparison::LessEqual => bits(values, |value| value <= one),
        Comparison::Greater => bits(values, |value| value > one),
        Comparison::GreaterEqual => bits(values, |value| value >= one),
    }
}

/// Narrow values compared with a whole number, which may lie beyond them.
pub(super) fn against<T: Copy + PartialOrd + TryFrom<i64>>(
    values: &[T],
    comparison: Comparison,
    whole: i64,
) -> Vec<u64> {
    match T::try_from(whole) {
        Ok(one) => bits_of(values, comparison, one),
        Err(_) => {
            let above = whole > 0;
            let holds =
                comparison.holds(if above { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater });
            vec![if holds { u64::MAX } else { 0 }; values.len().div_ceil(64)]
        }
    }
}

/// Units of `by` digits more, compared with a constant: the same question of the units before. `None` where the
/// comparison has no such form; the bound is `None` where no unit is the constant.
pub(super) fn rescaled(comparison: Comparison, units: i128, by: u8) -> Option<(Comparison, Option<i128>)> {
    let by = power(by);
    let (down, rest) = (units.div_euclid(by), units.rem_euclid(by));
    let up = if rest == 0 { down } else { down + 1 };
    Some(match comparison {
        Comparison::Less | Comparison::GreaterEqual => (comparison, Some(up)),
        Comparison::LessEqual | Comparison::Greater => (comparison, Some(down)),
        Comparison::Equal | Comparison::NotEqual if rest == 0 => (comparison, Some(down)),
        Comparison::Equal | Comparison::NotEqual => return None,
    })
}

/// Which codes are among some constants: a few are compared, many are looked up.
#[expect(clippy::needless_bitwise_bool, reason = "without branches, several rows are compared at once")]
pub(super) fn among(codes: &[u16], constants: &[Cell]) -> Vec<u64> {
    let wanted = constants.iter().filter_map(|cell| match cell {
        Cell::Int(code) => u16::try_from(*code).ok(),
        _ => None,
    });
    let wanted: Vec<u16> = wanted.collect();
    match *wanted.as_slice() {
        [] => vec![0; codes.len().div_ceil(64)],
        [a] => bits(codes, |code| code == a),
        [a, b] => bits(codes, |code| (code == a) | (code == b)),
        [a, b, c] => bits(codes, |code| (code == a) | (code == b) | (code == c)),
        [a, b, c, d] => bits(codes, |code| (code == a) | (code == b) | (code == c) | (code == d)),
        _ => {
            let mut table = vec![false; wanted.iter().max().map_or(0, |code| usize::from(*code) + 1)];
            for code in wanted {
                if let Some(place) = table.get_mut(usize::from(code)) {
                    *place = true;
                }
            }
            bits(codes, |code| table.get(usize::from(code)).copied().unwrap_or(false))
        }
    }
}

/// No place that is set: `None`; one: which; several: `Some(None)`.
#[expect(clippy::option_option, reason = "three cases, named where they are told apart")]
pub(super) fn single(table: &[bool]) -> Option<Option<u16>> {
    let mut set = table.iter().enumerate().filter(|(_, set)| **set).map(|(at, _)| at);
    let first = set.next()?;
    Some(if set.next().is_some() { None } else { u16::try_from(first).ok() })
}
