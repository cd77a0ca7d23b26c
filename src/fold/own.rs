//! What does each account contribute itself?
//!
//! The cells of its attribute, or those of its child rows combined; rows that the mask leaves out
//! contribute nothing.

use std::borrow::Cow;

use super::candidate::{Best, Ties, better};
use super::exact::{order_key, to_quanta};
use super::plan::Measure;
use super::state::Sum;
use crate::book::{Chunk, Inner, TableBlock};
use crate::column::{Bitmap, Block, Fixed, Raw};
use crate::model::AccountIdx;

/// Where the cells that are folded lie in one chunk: the attributes of accounts, or a child table.
#[derive(Clone, Copy)]
pub(super) struct Cells<'c> {
    pub(super) slot: u32,
    pub(super) chunk: &'c Chunk,
    /// `None` for attributes.
    pub(super) table: Option<&'c TableBlock>,
    /// The rows that count; `None`: all.
    pub(super) mask: Option<&'c Bitmap>,
}

impl<'c> Cells<'c> {
    pub(super) fn accounts(&self) -> usize {
        self.chunk.shape.rows() as usize
    }

    pub(super) fn block(&self, column: usize) -> Option<&'c Block> {
        match self.table {
            None => self.chunk.column(column).map(|block| &**block),
            Some(table) => table.columns.get(column)?.as_deref(),
        }
    }

    fn counts(&self, row: usize) -> bool {
        self.mask.is_none_or(|mask| mask.get(row))
    }

    // The rows of an account.
    fn rows(&self, account: usize) -> std::ops::Range<usize> {
        match self.table {
            None => account..account + 1,
            Some(table) => table.rows_of(u32::try_from(account).unwrap_or(u32::MAX)),
        }
    }

    fn per_account<S>(&self, empty: impl Fn() -> S, add: impl Fn(&mut S, usize)) -> Vec<S> {
        (0..self.accounts())
            .map(|account| {
                let mut state = empty();
                for row in self.rows(account).filter(|row| self.counts(*row)) {
                    add(&mut state, row);
                }
                state
            })
            .collect()
    }

    /// How many rows each account has that have a value in each of some columns, and how many have not.
    pub(super) fn own_tallies(&self, columns: &[usize]) -> Vec<(u32, u32)> {
        let blocks: Vec<Option<&Block>> = columns.iter().map(|column| self.block(*column)).collect();
        let has = |row: usize| blocks.iter().all(|block| block.is_some_and(|block| block.get(row).is_some()));
        self.per_account(
            || (0, 0),
            |(with, without): &mut (u32, u32), row| *(if has(row) { with } else { without }) += 1,
        )
    }

    /// How many rows each account has that have a value in each of some columns.
    pub(super) fn own_counts(&self, columns: &[usize]) -> Vec<u32> {
        self.own_tallies(columns).into_iter().map(|(with, _)| with).collect()
    }

    /// Whether the rows are the accounts themselves, so that the mask says how many there are.
    pub(super) const fn rows_are_accounts(&self) -> bool {
        self.table.is_none()
    }

    /// The sum of each account's cells.
    pub(super) fn own_sums(&self, measure: Measure) -> Vec<Sum> {
        self.per_account(Sum::default, |sum, row| sum.merge(&self.addend(measure, row)))
    }

    /// Numerator and denominator over the rows that have both.
    pub(super) fn own_pairs(&self, above: Measure, below: Measure) -> Vec<(Sum, Sum)> {
        let add = |pair: &mut (Sum, Sum), row: usize| {
            let (above, below) = (self.addend(above, row), self.addend(below, row));
            if above.rows > 0 && below.rows > 0 {
                pair.0.merge(&above);
                pair.1.merge(&below);
            }
        };
        self.per_account(Default::default, add)
    }

    // One cell as a sum of one row; of no row when it is missing.
    fn addend(&self, measure: Measure, row: usize) -> Sum {
        match self.block(measure.column).and_then(|block| block.get(row)) {
            Some(Raw::I64(value)) => Sum::of(i128::from(value)),
            Some(Raw::F64(value)) => to_quanta(value).map_or(Sum::UNFIT, Sum::of),
            _ => Sum::default(),
        }
    }

    /// The smallest key of each account's cells; `i64::MAX` without one.
    pub(super) fn own_keys(&self, column: usize, largest: bool) -> Vec<i64> {
        let Some(block) = self.block(column) else { return vec![i64::MAX; self.accounts()] };
        if let (None, None, Block::I64(fixed)) = (self.table, self.mask, block) {
            return plain_keys(fixed, largest);
        }
        let least = |key: &mut i64, row: usize| {
            if let Some(own) = block.get(row).and_then(|cell| key_of(&cell)) {
                *key = (*key).min(if largest { -own } else { own });
            }
        };
        self.per_account(|| i64::MAX, least)
    }

    /// The first (or last) row of each account.
    pub(super) fn own_best(&self, book: &Inner, ties: Ties, by: usize) -> Vec<Option<Best>> {
        let (Some(values), Some(times)) = (self.block(ties.column), self.block(by)) else {
            return vec![None; self.accounts()];
        };
        let best = |account: usize| {
            let at = AccountIdx::new(self.slot, u32::try_from(account).unwrap_or(u32::MAX));
            let mut best: Option<Best> = None;
            for row in self.rows(account).filter(|row| self.counts(*row)) {
                let time = times.get(row).and_then(|cell| key_of(&cell));
                let Some(key) = time.filter(|_| values.get(row).is_some()) else { continue };
                let child = self.table.and_then(|_| u32::try_from(row).ok());
                let own = Best { key: if ties.last { -key } else { key }, account: at, child };
                best = Some(best.map_or(own, |other| better(book, ties, other, own)));
            }
            best
        };
        (0..self.accounts()).map(best).collect()
    }

    /// How many of each account's cells have each code, `size` numbers an account.
    pub(super) fn own_distribution(&self, column: usize, size: usize) -> Vec<u32> {
        let mut counts = vec![0_u32; self.accounts() * size];
        let Some(block) = self.block(column) else { return counts };
        for account in 0..self.accounts() {
            for row in self.rows(account).filter(|row| self.counts(*row)) {
                let code = match block.get(row) {
                    Some(Raw::Code(code)) => usize::from(code),
                    Some(Raw::Bool(bit)) => usize::from(bit),
                    _ => continue,
                };
                if let Some(count) = counts.get_mut(account * size + code).filter(|_| code < size) {
                    *count += 1;
                }
            }
        }
        counts
    }

    /// The cells of a whole-number attribute with missing and masked rows as zero, and which count: the
    /// usual case, without a branch per row.
    pub(super) fn plain(&self, column: usize) -> Option<(Cow<'c, [i64]>, Option<Bitmap>)> {
        let (None, Some(Block::I64(fixed))) = (self.table, self.block(column)) else { return None };
        let Some(mask) = self.mask else {
            return Some((Cow::Borrowed(fixed.values()), fixed.valid().cloned()));
        };
        let counted = fixed.valid().map_or_else(|| mask.clone(), |valid| valid.and(mask));
        let values = masked(fixed, &counted);
        Some((Cow::Owned(values), Some(counted)))
    }
}

// Keys of an attribute without a mask, 64 rows a word of presence.
fn plain_keys(fixed: &Fixed<i64>, largest: bool) -> Vec<i64> {
    let key = |value: i64| if largest { -value } else { value };
    let Some(valid) = fixed.valid() else { return fixed.values().iter().map(|value| key(*value)).collect() };
    let mut keys = Vec::with_capacity(fixed.values().len());
    for (cells, word) in fixed.values().chunks(64).zip(valid.words()) {
        let present = |bit: u32| word >> bit & 1 == 1;
        keys.extend(
            cells.iter().zip(0..).map(|(value, bit)| if present(bit) { key(*value) } else { i64::MAX }),
        );
    }
    keys
}

fn masked(fixed: &Fixed<i64>, counted: &Bitmap) -> Vec<i64> {
    let mut values = Vec::with_capacity(fixed.values().len());
    for (cells, word) in fixed.values().chunks(64).zip(counted.words()) {
        values.extend(
            cells.iter().zip(0_u32..).map(|(value, bit)| if word >> bit & 1 == 1 { *value } else { 0 }),
        );
    }
    values
}

// A key in the order of the values.
fn key_of(cell: &Raw<'_>) -> Option<i64> {
    match cell {
        Raw::I64(value) => Some(*value),
        Raw::F64(value) => Some(order_key(*value)),
        Raw::I32(days) => Some(i64::from(*days)),
        Raw::Code(code) => Some(i64::from(*code)),
        _ => None,
    }
}
