//! One column of one chunk.

use std::borrow::Cow;

use super::list::ListBlock;
use super::{Bitmap, Fixed, Raw, TextBlock};
use crate::model::AttributeType;

/// Rows that are compared at once.
const RUN: usize = 64;

/// How the values of an attribute type lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    Bool,
    I64,
    F64,
    I32,
    Code,
    Text,
    List,
}

impl Storage {
    pub(crate) const fn of(kind: &AttributeType) -> Self {
        match kind {
            AttributeType::Bool => Self::Bool,
            AttributeType::Double => Self::F64,
            AttributeType::Date => Self::I32,
            AttributeType::Enum(_) | AttributeType::Band(_) => Self::Code,
            AttributeType::Text => Self::Text,
            AttributeType::List => Self::List,
            AttributeType::Int
            | AttributeType::Decimal { .. }
            | AttributeType::Money(_)
            | AttributeType::MixedMoney { .. }
            | AttributeType::Timestamp
            | AttributeType::Duration => Self::I64,
        }
    }
}

/// A column of one chunk. A column without any value has no block at all.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Block {
    Bool { values: Bitmap, valid: Bitmap },
    I64(Fixed<i64>),
    F64(Fixed<f64>),
    I32(Fixed<i32>),
    Code(Fixed<u16>),
    Text(TextBlock),
    List(ListBlock),
}

impl Block {
    /// The answers of `cell` for rows 0 to `len`, or `None` when every one is missing. A cell stored
    /// otherwise than `storage` says counts as missing.
    pub(crate) fn build<'t>(
        storage: Storage,
        len: usize,
        cell: impl Fn(usize) -> Option<Raw<'t>>,
    ) -> Option<Self> {
        macro_rules! fixed {
            ($variant:ident) => {
                Self::$variant(Fixed::build(len, |row| match cell(row)? {
                    Raw::$variant(value) => Some(value),
                    _ => None,
                })?)
            };
        }
        Some(match storage {
            Storage::Bool => {
                let of = |row| matches!(cell(row), Some(Raw::Bool(true)));
                let valid = Bitmap::from_fn(len, |row| matches!(cell(row), Some(Raw::Bool(_))));
                if valid.is_empty() {
                    return None;
                }
                Self::Bool { values: Bitmap::from_fn(len, of), valid }
            }
            Storage::I64 => fixed!(I64),
            Storage::F64 => fixed!(F64),
            Storage::I32 => fixed!(I32),
            Storage::Code => fixed!(Code),
            Storage::Text => {
                // Cells borrow from older blocks or own new text; hold them while the block is made.
                let cells: Vec<Option<Cow<'_, str>>> = (0..len)
                    .map(|row| match cell(row) {
                        Some(Raw::Text(text)) => Some(text),
                        _ => None,
                    })
                    .collect();
                Self::Text(TextBlock::build(len, |row| cells.get(row).and_then(Option::as_deref))?)
            }
            Storage::List => Self::List(ListBlock::build(len, |row| match cell(row) {
                Some(Raw::List(items)) => Some(items),
                _ => None,
            })?),
        })
    }

    /// Rows side by side: of each piece so many from a row on, missing where it has none; `None` when every one is missing.
    pub(crate) fn joined(storage: Storage, pieces: &[(Option<&Self>, usize, usize)]) -> Option<Self> {
        macro_rules! fixed {
            ($variant:ident) => {{
                let own = pieces.iter().map(|(block, from, rows)| match block {
                    Some(Self::$variant(fixed)) => (Some(fixed), *from, *rows),
                    _ => (None, *from, *rows),
                });
                Some(Self::$variant(Fixed::joined(&own.collect::<Vec<_>>())?))
            }};
        }
        match storage {
            Storage::I64 => fixed!(I64),
            Storage::F64 => fixed!(F64),
            Storage::I32 => fixed!(I32),
            Storage::Code => fixed!(Code),
            Storage::Bool | Storage::Text | Storage::List => {
                let rows = pieces
                    .iter()
                    .flat_map(|(block, from, rows)| (*from..from + rows).map(move |row| (*block, row)));
                let rows: Vec<(Option<&Self>, usize)> = rows.collect();
                Self::build(storage, rows.len(), |row| {
                    let (block, row) = rows.get(row)?;
                    (*block)?.get(*row)
                })
            }
        }
    }

    /// A cell, or `None` when it is missing.
    pub(crate) fn get(&self, row: usize) -> Option<Raw<'_>> {
        match self {
            Self::Bool { values, valid } => valid.get(row).then(|| Raw::Bool(values.get(row))),
            Self::I64(fixed) => fixed.get(row).map(Raw::I64),
            Self::F64(fixed) => fixed.get(row).map(Raw::F64),
            Self::I32(fixed) => fixed.get(row).map(Raw::I32),
            Self::Code(fixed) => fixed.get(row).map(Raw::Code),
            Self::Text(text) => text.get(row).map(|t| Raw::Text(Cow::Borrowed(t))),
            Self::List(list) => list.get(row).map(Raw::List),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Bool { valid, .. } => valid.len(),
            Self::I64(fixed) => fixed.values().len(),
            Self::F64(fixed) => fixed.values().len(),
            Self::I32(fixed) => fixed.values().len(),
            Self::Code(fixed) => fixed.values().len(),
            Self::Text(text) => text.len(),
            Self::List(list) => list.len(),
        }
    }

    /// A copy of `old` (all missing when there is none) with some rows changed; `None` when nothing is
    /// left. Later edits of a row win.
    pub(crate) fn edited(
        old: Option<&Self>,
        storage: Storage,
        len: usize,
        edits: &[(usize, Option<Raw<'static>>)],
    ) -> Option<Self> {
        macro_rules! fixed {
            ($fixed:expr, $variant:ident) => {
                Some(Self::$variant($fixed.edited(edits.iter().map(|(row, cell)| {
                    let cell = match cell {
                        Some(Raw::$variant(value)) => Some(*value),
                        _ => None,
                    };
                    (*row, cell)
                }))?))
            };
        }
        match old {
            Some(Self::I64(fixed)) => fixed!(fixed, I64),
            Some(Self::F64(fixed)) => fixed!(fixed, F64),
            Some(Self::I32(fixed)) => fixed!(fixed, I32),
            Some(Self::Code(fixed)) => fixed!(fixed, Code),
            _ => {
                let mut changed: Vec<Option<usize>> = vec![None; len];
                for (place, (row, _)) in edits.iter().enumerate() {
                    if let Some(slot) = changed.get_mut(*row) {
                        *slot = Some(place);
                    }
                }
                Self::build(storage, len, |row| match changed.get(row).copied().flatten() {
                    Some(place) => edits.get(place).and_then(|(_, cell)| cell.clone()),
                    None => old?.get(row),
                })
            }
        }
    }

    /// The rows of `new`, of some from a row on, at which it differs from as many rows of `old`.
    pub(crate) fn differing(
        (old, from): (Option<&Self>, usize),
        (new, to): (Option<&Self>, usize),
        rows: usize,
    ) -> Vec<u32> {
        let mut found = Vec::new();
        if old.is_none() && new.is_none() {
            return found;
        }
        for start in (0..rows).step_by(RUN) {
            let run = RUN.min(rows - start);
            let (from, to) = (from + start, to + start);
            if !Self::alike((old, from), (new, to), run) {
                let differs = |row: &usize| {
                    old.and_then(|block| block.get(from + row)) != new.and_then(|block| block.get(to + row))
                };
                found.extend((0..run).filter(differs).filter_map(|row| u32::try_from(to + row).ok()));
            }
        }
        found
    }

    /// Do some rows plainly hold the same? Where it cannot be seen at once, the answer is no.
    fn alike((old, from): (Option<&Self>, usize), (new, to): (Option<&Self>, usize), rows: usize) -> bool {
        macro_rules! fixed {
            ($old:expr, $new:expr, $alike:expr) => {{
                let (old, new) = ($old.values().get(from..from + rows), $new.values().get(to..to + rows));
                // What is missing holds the default: only then do equal values not say it all.
                old.zip(new).is_some_and(|(old, new)| old.iter().zip(new).all($alike))
                    && $old.same_valid(from, $new, to, rows)
            }};
        }
        match (old, new) {
            (Some(Self::I64(old)), Some(Self::I64(new))) => fixed!(old, new, |(a, b)| a == b),
            (Some(Self::I32(old)), Some(Self::I32(new))) => fixed!(old, new, |(a, b)| a == b),
            (Some(Self::Code(old)), Some(Self::Code(new))) => fixed!(old, new, |(a, b)| a == b),
            (Some(Self::F64(old)), Some(Self::F64(new))) => {
                fixed!(old, new, |(a, b)| a.to_bits() == b.to_bits())
            }
            _ => false,
        }
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Bool { values, .. } => 2 * std::mem::size_of_val(values.words()),
            Self::I64(fixed) => fixed.bytes(),
            Self::F64(fixed) => fixed.bytes(),
            Self::I32(fixed) => fixed.bytes(),
            Self::Code(fixed) => fixed.bytes(),
            Self::Text(text) => text.bytes(),
            Self::List(list) => list.bytes(),
        }
    }
}
