//! Which account of one view is which of another?

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::book::View;
use crate::column::Bitmap;
use crate::model::{AccountId, AccountIdx};

/// The accounts of two views, side by side.
pub(super) struct Pairing<'v> {
    pub(super) old: &'v View,
    pub(super) new: &'v View,
    /// Slots at which both views show the same accounts in the same rows, but not all that is known of them is shared.
    pub(super) touched: Vec<u32>,
    /// Slots at which rows are not the same.
    apart: BTreeSet<u32>,
    /// The accounts of those slots, where each view shows them, by id.
    pub(super) loose: Vec<(AccountId, Option<AccountIdx>, Option<AccountIdx>)>,
}

impl<'v> Pairing<'v> {
    pub(super) fn new(old: &'v View, new: &'v View) -> Self {
        let (before, after) = (&old.book().0, &new.book().0);
        let number = |slot: usize| u32::try_from(slot).unwrap_or(u32::MAX);
        let mut touched: BTreeSet<u32> =
            before.chunks.differing(&after.chunks).into_iter().map(number).collect();
        let mut apart: BTreeSet<u32> = BTreeSet::new();
        touched.retain(|slot| match (before.chunk(*slot), after.chunk(*slot)) {
            (Some(old), Some(new)) if Arc::ptr_eq(old, new) => false,
            (Some(old), Some(new)) if Arc::ptr_eq(&old.shape, &new.shape) => true,
            (None, None) => false,
            _ => {
                apart.insert(*slot);
                false
            }
        });
        // Where the scopes show different rows, too.
        if !(old.scope().is_all() && new.scope().is_all()) {
            let slots = before.chunks.len().max(after.chunks.len());
            let shown = |view: &View, slot: u32| match view.scope().set() {
                Some(set) => set.bitmap(slot).cloned(),
                None => Some(Arc::new(Bitmap::ones(view.inner().layout.rows(slot)))),
            };
            for slot in (0..slots).map(number) {
                if shown(old, slot) != shown(new, slot) {
                    touched.remove(&slot);
                    apart.insert(slot);
                }
            }
        }
        let mut loose: BTreeMap<AccountId, (Option<AccountIdx>, Option<AccountIdx>)> = BTreeMap::new();
        for slot in &apart {
            for view in [old, new] {
                let rows = view.inner().chunk(*slot).map_or(0, |chunk| chunk.shape.rows());
                for place in (0..rows).map(|row| AccountIdx::new(*slot, row)) {
                    if view.sees(place) {
                        loose.entry(view.inner().account_id(place)).or_default();
                    }
                }
            }
        }
        for (id, places) in &mut loose {
            let at = |view: &View| view.account(id.as_str()).map(|account| account.place());
            *places = (at(old), at(new));
        }
        let loose = loose.into_iter().map(|(id, (old, new))| (id, old, new)).collect();
        Self { old, new, touched: touched.into_iter().collect(), apart, loose }
    }

    /// Are the rows of a slot the same accounts in both?
    pub(super) fn is_aligned(&self, slot: u32) -> bool {
        !self.apart.contains(&slot)
    }

    /// Does the newer view show a row? So does the older one, of a slot that is aligned.
    pub(super) fn sees(&self, place: AccountIdx) -> bool {
        self.new.sees(place)
    }
}
