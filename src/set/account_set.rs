//! A set of accounts with its algebra.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use super::Layout;
use crate::column::Bitmap;
use crate::model::AccountIdx;

/// A set of accounts of one layout of a book.
///
/// Made by a [`Book`](crate::Book) or a [`View`](crate::View). Set algebra costs a word operation for
/// 64 accounts; memory is a bit for each account of the chunks that the set touches.
#[derive(Debug, Clone)]
pub struct AccountSet {
    layout: Layout,
    // INVARIANT: no bitmap is empty; each has as many bits as its slot has rows.
    chunks: BTreeMap<u32, Arc<Bitmap>>,
}

/// Two sets, or a set and a book, whose accounts lie in different places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the set belongs to another book, or to one from before accounts were added, moved or removed; rebase it"
)]
pub struct StaleSet;

impl AccountSet {
    pub(crate) fn full(layout: Layout) -> Self {
        let chunks = layout.slots().filter(|(_, rows)| *rows > 0);
        let chunks = chunks.map(|(slot, rows)| (slot, Arc::new(Bitmap::ones(rows)))).collect();
        Self { layout, chunks }
    }

    pub(crate) fn from_accounts(layout: Layout, accounts: impl IntoIterator<Item = AccountIdx>) -> Self {
        let mut bitmaps: BTreeMap<u32, Bitmap> = BTreeMap::new();
        for account in accounts {
            let rows = layout.rows(account.slot);
            bitmaps
                .entry(account.slot)
                .or_insert_with(|| Bitmap::zeros(rows))
                .set(account.row as usize, true);
        }
        Self::from_bitmaps(layout, bitmaps)
    }

    pub(crate) fn from_bitmaps(layout: Layout, bitmaps: impl IntoIterator<Item = (u32, Bitmap)>) -> Self {
        let chunks = bitmaps.into_iter().filter(|(_, bits)| !bits.is_empty());
        Self { layout, chunks: chunks.map(|(slot, bits)| (slot, Arc::new(bits))).collect() }
    }

    /// Of bitmaps that others hold too.
    pub(crate) fn from_shared(layout: Layout, bitmaps: impl IntoIterator<Item = (u32, Arc<Bitmap>)>) -> Self {
        let chunks = bitmaps.into_iter().filter(|(_, bits)| !bits.is_empty()).collect();
        Self { layout, chunks }
    }

    pub(crate) const fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn bitmap(&self, slot: u32) -> Option<&Arc<Bitmap>> {
        self.chunks.get(&slot)
    }

    pub(crate) fn bitmaps(&self) -> impl Iterator<Item = (u32, &Arc<Bitmap>)> {
        self.chunks.iter().map(|(slot, bits)| (*slot, bits))
    }

    /// Whether an account is in the set.
    #[must_use]
    pub fn contains(&self, account: AccountIdx) -> bool {
        self.chunks.get(&account.slot).is_some_and(|bits| bits.get(account.row as usize))
    }

    /// How many accounts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chunks.values().map(|bits| bits.count()).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// The accounts, in no order that means anything; a view puts them in the order of its tree.
    pub fn iter(&self) -> impl Iterator<Item = AccountIdx> + '_ {
        self.bitmaps().flat_map(|(slot, bits)| bits.rows().map(move |row| AccountIdx::new(slot, row)))
    }

    /// A number that is equal for equal sets of one layout, and differs for most others.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for (slot, bits) in self.bitmaps() {
            for word in bits.words().iter().chain(std::iter::once(&u64::from(slot))) {
                hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
            }
        }
        hash
    }

    fn check(&self, other: &Self) -> Result<(), StaleSet> {
        if self.layout.same(&other.layout) { Ok(()) } else { Err(StaleSet) }
    }

    /// The accounts that are in either set.
    ///
    /// # Errors
    ///
    /// [`StaleSet`] when the layouts differ; so for all the algebra.
    pub fn union(&self, other: &Self) -> Result<Self, StaleSet> {
        self.check(other)?;
        let mut chunks = self.chunks.clone();
        for (slot, bits) in &other.chunks {
            chunks
                .entry(*slot)
                .and_modify(|own| *own = Arc::new(own.or(bits)))
                .or_insert_with(|| Arc::clone(bits));
        }
        Ok(Self { layout: self.layout.clone(), chunks })
    }

    /// The accounts that are in both sets.
    ///
    /// # Errors
    ///
    /// [`StaleSet`] when the layouts differ.
    pub fn intersection(&self, other: &Self) -> Result<Self, StaleSet> {
        self.check(other)?;
        let both =
            self.chunks.iter().filter_map(|(slot, bits)| Some((*slot, bits.and(other.chunks.get(slot)?))));
        Ok(Self::from_bitmaps(self.layout.clone(), both))
    }

    /// The accounts of this set that are not in the other.
    ///
    /// # Errors
    ///
    /// [`StaleSet`] when the layouts differ.
    pub fn difference(&self, other: &Self) -> Result<Self, StaleSet> {
        self.check(other)?;
        let left = self.chunks.iter().map(|(slot, bits)| match other.chunks.get(slot) {
            Some(gone) => (*slot, bits.combine(gone, |a, b| a & !b)),
            None => (*slot, Bitmap::clone(bits)),
        });
        Ok(Self::from_bitmaps(self.layout.clone(), left))
    }

    /// The accounts of the book that are not in this set.
    #[must_use]
    pub fn complement(&self) -> Self {
        let rest = self.layout.slots().map(|(slot, rows)| match self.chunks.get(&slot) {
            Some(bits) => (slot, bits.not()),
            None => (slot, Bitmap::ones(rows)),
        });
        Self::from_bitmaps(self.layout.clone(), rest)
    }

    /// Whether every account of this set is in the other.
    ///
    /// # Errors
    ///
    /// [`StaleSet`] when the layouts differ.
    pub fn is_subset(&self, other: &Self) -> Result<bool, StaleSet> {
        Ok(self.difference(other)?.is_empty())
    }
}

impl PartialEq for AccountSet {
    /// Equal when they hold the same accounts of the same layout.
    fn eq(&self, other: &Self) -> bool {
        self.layout.same(&other.layout) && self.chunks == other.chunks
    }
}

impl Eq for AccountSet {}
