//! Which row is the first, or the last?
//!
//! Ruling S34 of `docs/semantics`.

use std::cmp::Ordering;

use crate::book::Inner;
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

/// The better of two: the smaller key, then the smaller account id, then the smaller child id.
pub(super) fn better(book: &Inner, table: Option<usize>, a: Best, b: Best) -> Best {
    let child_id = |best: &Best| {
        let block = book.chunk(best.account.slot)?.table(table?)?;
        block.id(best.child? as usize)
    };
    let order = a
        .key
        .cmp(&b.key)
        .then_with(|| book.id(a.account).cmp(book.id(b.account)))
        .then_with(|| child_id(&a).cmp(&child_id(&b)));
    if order == Ordering::Greater { b } else { a }
}
