//! Whose answers may be others, where those of some accounts are?
//!
//! An expression that asks its parent is another one at the children of what changed, and one that asks its children at the
//! parent; where accounts moved, it is one at those who moved, and at those whom they left and came to. Only where so many
//! are asked that whole trees take less are whole trees worked out.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::dirt::{Dirt, Rows, tree_of, trunk_of};
use crate::book::View;
use crate::expr::Sight;
use crate::model::AccountIdx;

/// Accounts that are asked one by one, however small their trees are.
const FEW: usize = 1_024;
/// Past them, of so many accounts of the trees one is asked.
const ONE_IN: usize = 8;

/// Accounts whose answers may be others, within what it may take to ask them.
struct Affected<'a> {
    view: &'a View,
    rows: &'a Rows,
    dirt: &'a Dirt,
    found: BTreeSet<AccountIdx>,
    /// Accounts that have been looked at, and that may be; these are few until more are needed.
    asked: usize,
    most: usize,
    is_few: bool,
}

/// The accounts whose answers may be others, where what `rows` hold is, and accounts came, went and moved as `dirt` says;
/// `None` where it takes less to work whole trees out.
pub(super) fn affected<'r>(view: &View, rows: &'r Rows, sight: Sight, dirt: &Dirt) -> Option<Cow<'r, Rows>> {
    if sight == Sight::default() {
        return Some(Cow::Borrowed(rows));
    }
    if sight.across {
        return None;
    }
    let mut all = Affected { view, rows, dirt, found: BTreeSet::new(), asked: 0, most: FEW, is_few: true };
    for (slot, rows) in rows {
        for row in rows {
            let place = AccountIdx::new(*slot, *row);
            all.below(place, sight.up)?;
            all.above(Some(place), sight.down, sight.down)?;
        }
    }
    for shift in &dirt.shifts {
        // Who moved has others above it, and so have those below it as far as they see; or all, where a place counts.
        let far = if sight.stands { Sight::ANY } else { sight.up };
        if let (Some(now), Some(further)) = (shift.now, far.checked_sub(1)) {
            all.below(now, if far == Sight::ANY { far } else { further })?;
        }
        if let Some(further) = sight.down.checked_sub(1) {
            let further = if sight.down == Sight::ANY { sight.down } else { further };
            all.above(shift.from, further, sight.down)?;
            all.above(shift.to, further, sight.down)?;
        }
    }
    let mut affected = Rows::new();
    for place in all.found {
        affected.entry(place.slot).or_default().push(place.row);
    }
    Some(Cow::Owned(affected))
}

impl Affected<'_> {
    fn ask(&mut self, accounts: usize) -> Option<()> {
        self.asked = self.asked.saturating_add(accounts);
        if self.asked > self.most && self.is_few {
            (self.most, self.is_few) = (FEW.max(self.whole() / ONE_IN), false);
        }
        (self.asked <= self.most).then_some(())
    }

    /// Accounts in the chunks of all trees that something is different in.
    fn whole(&self) -> usize {
        let book = self.view.book();
        let moved = self.dirt.shifts.iter().flat_map(|shift| [shift.now, shift.from]).flatten();
        let slots = self.rows.keys().copied().chain(moved.map(|place| place.slot));
        let trunks: BTreeSet<u32> = slots.map(|slot| trunk_of(book, slot)).collect();
        let slots = trunks.into_iter().flat_map(|trunk| tree_of(book, trunk));
        slots.map(|slot| self.view.inner().layout.rows(slot)).sum()
    }

    /// An account and those below it, so many levels down: they see it.
    fn below(&mut self, place: AccountIdx, levels: u32) -> Option<()> {
        self.ask(1)?;
        self.found.insert(place);
        self.walk(place, levels, true)
    }

    /// An account and those above it, so many levels up. Each asks all that is as far below it as it sees.
    fn above(&mut self, place: Option<AccountIdx>, levels: u32, sees: u32) -> Option<()> {
        let (mut at, mut left) = (place, levels);
        while let Some(place) = at {
            // What one asks was counted when it was found; but it may have been found from above, for what it sees there.
            self.found.insert(place);
            self.ask(1)?;
            self.walk(place, sees, false)?;
            at = self.view.inner().parent(place).filter(|_| left > 0);
            left = if left == Sight::ANY { left } else { left.saturating_sub(1) };
        }
        Some(())
    }

    /// Looks at those below an account.
    fn walk(&mut self, place: AccountIdx, levels: u32, find: bool) -> Option<()> {
        let mut left = vec![(place, levels)];
        let mut children = Vec::new();
        while let Some((place, levels)) = left.pop() {
            if levels == 0 {
                continue;
            }
            children.clear();
            self.view.inner().children_into(place, &mut children);
            self.ask(children.len())?;
            for child in &children {
                if find {
                    self.found.insert(*child);
                }
                left.push((*child, if levels == Sight::ANY { levels } else { levels - 1 }));
            }
        }
        Some(())
    }
}
