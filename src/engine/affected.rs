//! Whose answers may be others, where those of some accounts are?
//!
//! An expression that asks its parent may answer otherwise at the children of what changed, and one that asks its children at
//! the parent; where accounts moved, at those who moved, and at those whom they left and came to. Whole trees are worked out only
//! where so many are asked that they take less.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::dirt::{Dirt, Rows, tree_of, trunk_of};
use crate::book::View;
use crate::expr::Sight;
use crate::model::AccountIdx;
use crate::tree::AccountTree;

/// Accounts that are looked at one by one, however small their trees are.
const FEW: usize = 4_096;
/// Past them, of so many accounts of the trees one is looked at.
const ONE_IN: usize = 8;

/// Accounts whose answers may be others, within what it may take to ask them.
struct Affected<'a> {
    view: &'a View,
    sight: Sight,
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
    let found = BTreeSet::new();
    let mut all = Affected { view, sight, rows, dirt, found, asked: 0, most: FEW, is_few: true };
    for (slot, rows) in rows {
        for row in rows {
            let place = AccountIdx::new(*slot, *row);
            all.below(place, sight.up)?;
            all.above(Some(place), sight.down)?;
        }
    }
    for shift in &dirt.shifts {
        // Who moved has others above it, and so have those below it as far as they see; or all, where a place counts.
        let far = if sight.stands { Sight::ANY } else { sight.up };
        if let (Some(now), Some(further)) = (shift.now, further(far)) {
            all.below(now, further)?;
        }
        if let Some(further) = further(sight.down) {
            all.above(shift.from, further)?;
            all.above(shift.to, further)?;
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

    /// How many accounts one looks at on its way up.
    fn level(&self, place: AccountIdx) -> usize {
        if self.sight.looks_far_up() { self.view.level(place) } else { 1 }
    }

    /// An account whose answer may be another, with those that it looks at on its way up.
    fn find(&mut self, place: AccountIdx, level: usize) -> Option<()> {
        self.found.insert(place);
        self.ask(if self.sight.looks_far_up() { level } else { 1 })
    }

    /// An account and those below it, so many levels down: they see it.
    fn below(&mut self, place: AccountIdx, levels: u32) -> Option<()> {
        let level = self.level(place);
        let mut left = vec![(place, levels, level)];
        let mut children = Vec::new();
        while let Some((place, levels, level)) = left.pop() {
            self.find(place, level)?;
            self.look_down(place, self.sight.down)?;
            if let Some(levels) = further(levels) {
                children.clear();
                self.view.inner().children_into(place, &mut children);
                left.extend(children.iter().map(|child| (*child, levels, level + 1)));
            }
        }
        Some(())
    }

    /// An account and those above it, so many levels up: they see it.
    fn above(&mut self, place: Option<AccountIdx>, levels: u32) -> Option<()> {
        let (mut at, mut left) = (place, Some(levels));
        let mut level = place.map_or(0, |place| self.level(place));
        while let Some((place, levels)) = at.zip(left) {
            self.find(place, level)?;
            self.look_down(place, self.sight.down)?;
            at = self.view.inner().parent(place);
            left = further(levels);
            level = level.saturating_sub(1);
        }
        Some(())
    }

    /// Counts those that an account looks at below it, so many levels down.
    fn look_down(&mut self, place: AccountIdx, levels: u32) -> Option<()> {
        let mut left = vec![(place, levels)];
        let mut children = Vec::new();
        while let Some((place, levels)) = left.pop() {
            let Some(levels) = further(levels) else { continue };
            children.clear();
            self.view.inner().children_into(place, &mut children);
            self.ask(children.len())?;
            left.extend(children.iter().map(|child| (*child, levels)));
        }
        Some(())
    }
}

/// A step further, of so many.
const fn further(levels: u32) -> Option<u32> {
    match levels {
        0 => None,
        Sight::ANY => Some(Sight::ANY),
        levels => Some(levels - 1),
    }
}
