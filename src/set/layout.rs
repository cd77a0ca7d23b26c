//! Where do the accounts of a book lie?

use std::sync::Arc;

use crate::model::AccountIdx;

/// The number of rows in each chunk slot, and an identity: two layouts are the same only when one was
/// cloned from the other. A change of values keeps the layout; a change of structure makes a new one.
#[derive(Debug, Clone)]
pub(crate) struct Layout(Arc<Slots>);

#[derive(Debug)]
struct Slots {
    rows: Box<[u32]>,
    // Number of accounts in the slots before each.
    bases: Box<[usize]>,
    total: usize,
}

impl Layout {
    pub(crate) fn new(rows: impl IntoIterator<Item = u32>) -> Self {
        let rows: Box<[u32]> = rows.into_iter().collect();
        let mut total = 0;
        let bases = rows
            .iter()
            .map(|count| {
                let base = total;
                total += *count as usize;
                base
            })
            .collect();
        Self(Arc::new(Slots { rows, bases, total }))
    }

    pub(crate) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn rows(&self, slot: u32) -> usize {
        self.0.rows.get(slot as usize).map_or(0, |rows| *rows as usize)
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = (u32, usize)> + '_ {
        (0_u32..).zip(self.0.rows.iter().map(|rows| *rows as usize))
    }

    /// Accounts in all.
    pub(crate) fn total(&self) -> usize {
        self.0.total
    }

    /// A number from 0 to before `total`, different for each account.
    pub(crate) fn dense(&self, account: AccountIdx) -> usize {
        self.0.bases.get(account.slot as usize).map_or(0, |base| base + account.row as usize)
    }

    /// The account with a dense number.
    pub(crate) fn account(&self, dense: usize) -> Option<AccountIdx> {
        if dense >= self.0.total {
            return None;
        }
        // Empty slots share their base with the next one; the last of equal bases holds the rows.
        let slot = self.0.bases.partition_point(|base| *base <= dense).checked_sub(1)?;
        let row = dense - self.0.bases.get(slot)?;
        Some(AccountIdx::new(u32::try_from(slot).ok()?, u32::try_from(row).ok()?))
    }
}
