//! The child rows of the accounts of one chunk.

use std::sync::Arc;

use crate::column::{Block, Raw, Storage, Strings, value_of};
use crate::model::{AttributeType, ChildTable, Currency, Money, Value};
use crate::tree::hash_of;

/// The rows of one child table that belong to the accounts of one chunk, sorted by account row and
/// child id.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableBlock {
    // Where the rows of each account start; one more than accounts.
    starts: Arc<[u32]>,
    ids: Arc<Strings>,
    // Rows sorted by the hash of their id.
    by_hash: Arc<[(u64, u32)]>,
    pub(crate) columns: Vec<Option<Arc<Block>>>,
}

impl TableBlock {
    /// A block of rows that are already in order, or `None` without rows. `owners` names the account
    /// row of each; `cell` reads column and row.
    pub(crate) fn build<'t>(
        accounts: usize,
        owners: &[u32],
        id: impl Fn(usize) -> &'t str,
        storages: &[Storage],
        cell: impl Fn(usize, usize) -> Option<Raw<'t>>,
    ) -> Option<Self> {
        if owners.is_empty() {
            return None;
        }
        let columns = storages
            .iter()
            .enumerate()
            .map(|(column, storage)| {
                Block::build(*storage, owners.len(), |row| cell(column, row)).map(Arc::new)
            })
            .collect();
        let mut starts = vec![0_u32; accounts + 1];
        for owner in owners {
            if let Some(start) = starts.get_mut(*owner as usize + 1) {
                *start += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let hashes = (0..owners.len()).map(|row| hash_of(id(row)));
        let ids = Strings::build((0..owners.len()).map(&id));
        Some(Self::from_parts(starts, ids, hashes, columns))
    }

    /// A block of rows in order: where those of each account start, their ids with the hashes of these, and
    /// the columns.
    pub(super) fn from_parts(
        starts: Vec<u32>,
        ids: Strings,
        hashes: impl Iterator<Item = u64>,
        columns: Vec<Option<Arc<Block>>>,
    ) -> Self {
        let mut by_hash: Vec<(u64, u32)> = hashes.zip(0..).collect();
        by_hash.sort_unstable();
        Self { starts: starts.into(), ids: Arc::new(ids), by_hash: by_hash.into(), columns }
    }

    /// The ids of the rows.
    #[cfg(feature = "snapshot")]
    pub(super) fn ids(&self) -> &Strings {
        &self.ids
    }

    /// Are the rows of an account in one block those of an account in another one of the same table?
    pub(crate) fn alike(one: (Option<&Self>, u32), other: (Option<&Self>, u32)) -> bool {
        let ((Some(own_block), account), (Some(other_block), other_account)) = (one, other) else {
            let rows = |(block, account): (Option<&Self>, u32)| {
                block.map_or(0, |block| block.rows_of(account).len())
            };
            return rows(one) + rows(other) == 0;
        };
        let (one, other) = (own_block, other_block);
        let (own, others) = (one.rows_of(account), other.rows_of(other_account));
        let same = |own: usize, others: usize| {
            // One of them may be from before a column was added.
            let mut columns = 0..one.columns.len().max(other.columns.len());
            one.id(own) == other.id(others)
                && columns.all(|column| one.raw(column, own) == other.raw(column, others))
        };
        own.len() == others.len() && own.zip(others).all(|(own, others)| same(own, others))
    }

    /// The same rows with so many columns, those that are new without values.
    pub(super) fn with_columns(&self, columns: usize) -> Self {
        let mut wider = self.clone();
        wider.columns.resize(columns, None);
        wider
    }

    /// Are all rows shared with another block, which may have more columns without values?
    pub(crate) fn is_shared(&self, other: &Self) -> bool {
        let column = |of: &Self, at: usize| of.columns.get(at).cloned().flatten();
        let same = |at: usize| match (column(self, at), column(other, at)) {
            (Some(own), Some(others)) => Arc::ptr_eq(&own, &others),
            (None, None) => true,
            _ => false,
        };
        Arc::ptr_eq(&self.ids, &other.ids)
            && Arc::ptr_eq(&self.starts, &other.starts)
            && (0..self.columns.len().max(other.columns.len())).all(same)
    }

    /// No rows for so many accounts.
    pub(crate) fn empty(accounts: usize) -> Self {
        let starts = vec![0; accounts + 1].into();
        Self { starts, ids: Arc::default(), by_hash: Arc::default(), columns: Vec::new() }
    }

    /// How many rows.
    pub(crate) fn rows(&self) -> usize {
        self.ids.len()
    }

    /// The rows of an account.
    pub(crate) fn rows_of(&self, account: u32) -> std::ops::Range<usize> {
        let at = |place: usize| self.starts.get(place).map_or(0, |start| *start as usize);
        at(account as usize)..at(account as usize + 1)
    }

    pub(crate) fn starts(&self) -> &[u32] {
        &self.starts
    }

    pub(crate) fn id(&self, row: usize) -> Option<&str> {
        self.ids.get(row)
    }

    /// The account row that a child row belongs to.
    pub(crate) fn owner(&self, row: usize) -> Option<u32> {
        let after = self.starts.partition_point(|start| *start as usize <= row);
        u32::try_from(after.checked_sub(1)?).ok()
    }

    /// The row of a child id, given its hash.
    pub(crate) fn row(&self, id: &str, hash: u64) -> Option<usize> {
        let start = self.by_hash.partition_point(|entry| entry.0 < hash);
        let same = self.by_hash.iter().skip(start).take_while(|entry| entry.0 == hash);
        same.map(|entry| entry.1 as usize).find(|row| self.id(*row) == Some(id))
    }

    pub(crate) fn hashes(&self) -> impl Iterator<Item = u64> + '_ {
        self.by_hash.iter().map(|entry| entry.0)
    }

    /// A cell as stored.
    pub(crate) fn raw(&self, column: usize, row: usize) -> Option<Raw<'_>> {
        self.columns.get(column)?.as_ref()?.get(row)
    }

    /// A cell as a value. Mixed money takes its currency from the row's currency column.
    pub(crate) fn value(&self, table: &ChildTable, column: usize, row: usize) -> Option<Value> {
        let kind = table.columns().nth(column)?.kind();
        let raw = self.raw(column, row)?;
        let AttributeType::MixedMoney { currency_column } = kind else { return value_of(raw, kind) };
        let Raw::I64(minor) = raw else { return None };
        let currency = self.currency(table, currency_column, row)?;
        Some(Value::Money(Money::from_minor(i128::from(minor), currency)))
    }

    /// The currency that a row names.
    pub(crate) fn currency(&self, table: &ChildTable, column: &str, row: usize) -> Option<Currency> {
        let column = table.column_id(column)?;
        let named = value_of(self.raw(column.index(), row)?, table.column_at(column)?.kind())?;
        named.as_text()?.parse().ok()
    }

    pub(crate) fn bytes(&self) -> usize {
        let columns = self.columns.iter().flatten().map(|block| block.bytes()).sum::<usize>();
        self.ids.bytes()
            + std::mem::size_of_val(&*self.starts)
            + std::mem::size_of_val(&*self.by_hash)
            + columns
    }
}
