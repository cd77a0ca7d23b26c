//! The rows of a child table, account by account.

use crate::expr::{Cell, Flat, RowColumns};

/// The rows of a child table, account by account.
pub(super) struct ByAccount {
    /// Where the rows of each account begin; one more than there are accounts.
    starts: Vec<usize>,
    columns: Vec<Flat>,
}

impl ByAccount {
    /// The rows of each account stand side by side, in the order of the accounts.
    pub(super) fn of(rows: RowColumns, accounts: usize) -> Self {
        let owner = rows.owner.unwrap_or_default();
        let mut starts = Vec::with_capacity(accounts + 1);
        let mut next = 0;
        for account in 0..accounts {
            starts.push(next);
            while owner.get(next).is_some_and(|owner| *owner as usize == account) {
                next += 1;
            }
        }
        starts.push(next);
        Self { starts, columns: rows.columns }
    }

    pub(super) fn of_account(&self, account: usize) -> Vec<Vec<Cell>> {
        let bound = |at: usize| self.starts.get(at).copied().unwrap_or_default();
        let cell = |flat: &Flat, row: usize| flat.val(row).to_cell().unwrap_or(Cell::Missing);
        let rows = bound(account)..bound(account + 1);
        rows.map(|row| self.columns.iter().map(|column| cell(column, row)).collect()).collect()
    }
}
