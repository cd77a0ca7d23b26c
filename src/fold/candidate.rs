//! Which row is the first, or the last?
//!
//! Ruling S34 of `docs/semantics`.

use std::cmp::Ordering;

use crate::book::Inner;
use crate::column::Raw;
use crate::model::AccountIdx;

/// A row that may be the first or last of its subtree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Best {
    /// The date or instant, negated for the last, so that smaller is better.
    pub(super) key: i64,
    pub(super) account: AccountIdx,
    /// The row of the child table, in the block of the account's chunk.
    pub(super) child: Option<u32>,
}

/// What ties are decided by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ties {
    pub(super) table: Option<usize>,
    /// The column of the value.
    pub(super) column: usize,
    /// The greatest value wins, and not the least.
    pub(super) last: bool,
}

impl Ties {
    /// The value of a row.
    pub(super) fn cell<'b>(&self, book: &'b Inner, best: &Best) -> Option<Raw<'b>> {
        let chunk = book.chunk(best.account.slot)?;
        match (self.table, best.child) {
            (Some(table), Some(row)) => chunk.table(table)?.raw(self.column, row as usize),
            _ => chunk.column(self.column)?.get(best.account.row as usize),
        }
    }
}

/// The better of two: the smaller key, then the least value (the greatest, of the last). Of equal values any is the same
/// answer; the smaller account id, then the smaller child id, is kept.
pub(super) fn better(book: &Inner, ties: Ties, a: Best, b: Best) -> Best {
    let child_id = |best: &Best| {
        let block = book.chunk(best.account.slot)?.table(ties.table?)?;
        block.id(best.child? as usize)
    };
    let by_value = || {
        let order = match (ties.cell(book, &a), ties.cell(book, &b)) {
            (Some(a), Some(b)) => order_of(&a, &b),
            _ => Ordering::Equal,
        };
        if ties.last { order.reverse() } else { order }
    };
    let order = a
        .key
        .cmp(&b.key)
        .then_with(by_value)
        .then_with(|| book.id(a.account).cmp(book.id(b.account)))
        .then_with(|| child_id(&a).cmp(&child_id(&b)));
    if order == Ordering::Greater { b } else { a }
}

/// The order of two values of one column: that of the number line, of time, of the declaration, or of code points.
fn order_of(a: &Raw<'_>, b: &Raw<'_>) -> Ordering {
    match (a, b) {
        (Raw::Bool(a), Raw::Bool(b)) => a.cmp(b),
        (Raw::I64(a), Raw::I64(b)) => a.cmp(b),
        (Raw::F64(a), Raw::F64(b)) => a.total_cmp(b),
        (Raw::I32(a), Raw::I32(b)) => a.cmp(b),
        (Raw::Code(a), Raw::Code(b)) => a.cmp(b),
        (Raw::Text(a), Raw::Text(b)) => a.cmp(b),
        (Raw::List(a), Raw::List(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}
