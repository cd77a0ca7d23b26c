//! A roll-up that no difference leads to: what do the accounts above some rows come to now?
//!
//! What is different, ranked, most frequent or first of its date is gathered again for the accounts above a row that changed,
//! from the bottom of the tree to its top: each takes over what was gathered for those below it that were asked before, and
//! reads the rows of all others itself, so that no row of a tree is read twice.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::climb::Climbed;
use super::column::Column;
use super::dirt::{Dirt, Rows};
use crate::aggregate::{Gathered, OwnRows, RollUpPlan};
use crate::book::View;
use crate::expr::Cell;
use crate::fold::Reach;
use crate::model::AccountIdx;

/// Rows that are read one by one, however small the book is.
const FEW: usize = 16_384;
/// Past them, of so many accounts of the book one is read.
const ONE_IN: usize = 16;
/// How often the rows of a tree may be in what answers are made of, before whole trees take less: of a chain, each account has
/// all those below it.
const TIMES: usize = 32;

/// A roll-up that is gathered again for some accounts.
pub(super) struct Gathering<'g> {
    pub(super) plan: &'g RollUpPlan,
    pub(super) view: &'g View,
    /// What it came to before.
    pub(super) column: &'g Column,
    pub(super) own: &'g OwnRows<'g>,
}

impl Gathering<'_> {
    /// From some rows, and from where accounts came to and went from, up; `None` where whole trees take less.
    pub(super) fn up(&self, places: impl Iterator<Item = AccountIdx>, dirt: &Dirt) -> Option<Climbed> {
        let reach = self.plan.reach();
        let parent = |place: AccountIdx| self.view.inner().parent(place);
        let mut edits: Vec<(AccountIdx, Cell, (u32, u32))> = Vec::new();
        if reach == Reach::SelfOnly {
            for place in places {
                let mut own = Gathered::default();
                self.own.add(place, &mut own);
                edits.extend(self.edit(place, &own));
            }
            return self.climbed(edits);
        }
        let moved = dirt.shifts.iter().flat_map(|shift| [shift.from, shift.to]).flatten();
        // Who was not there has an answer where nothing is below it, too.
        let first = |place: AccountIdx| match reach {
            Reach::Descendants if !dirt.is_fresh(place) => parent(place),
            _ => Some(place),
        };
        let wanted = self.by_level(places.filter_map(first).chain(moved));
        let most = FEW.max(self.view.len() / ONE_IN);
        let (mut read, mut held) = (0_usize, 0_usize);
        let mut done: HashMap<AccountIdx, Gathered> = HashMap::new();
        let is_wanted: HashSet<AccountIdx> = wanted.iter().map(|(_, place)| *place).collect();
        let (mut children, mut left) = (Vec::new(), Vec::new());
        for (_, place) in wanted {
            let mut all = Gathered::default();
            children.clear();
            self.view.inner().children_into(place, &mut children);
            left.extend(children.iter().copied());
            while let Some(at) = left.pop() {
                if is_wanted.contains(&at) {
                    self.own.absorb(&mut all, done.remove(&at).unwrap_or_default());
                    continue;
                }
                read += 1;
                if read > most {
                    return None;
                }
                if reach == Reach::PreferSelf {
                    // What stands at an account hides what is below it; what has no value does not stand there.
                    let mut own = Gathered::default();
                    self.own.add(at, &mut own);
                    if own.counted() > 0 {
                        self.own.absorb(&mut all, own);
                        continue;
                    }
                } else {
                    self.own.add(at, &mut all);
                }
                children.clear();
                self.view.inner().children_into(at, &mut children);
                left.extend(children.iter().copied());
            }
            let mut own = Gathered::default();
            self.own.add(place, &mut own);
            match reach {
                Reach::Descendants => {
                    edits.extend(self.edit(place, &all));
                    self.own.absorb(&mut all, own);
                }
                Reach::PreferSelf if own.counted() > 0 => {
                    all = own;
                    edits.extend(self.edit(place, &all));
                }
                Reach::PreferSelf => edits.extend(self.edit(place, &all)),
                Reach::SelfAndDescendants | Reach::SelfOnly => {
                    self.own.absorb(&mut all, own);
                    edits.extend(self.edit(place, &all));
                }
            }
            held = held.saturating_add(usize::try_from(all.counted()).unwrap_or(usize::MAX));
            if held > TIMES.saturating_mul(most) {
                return None;
            }
            done.insert(place, all);
        }
        self.climbed(edits)
    }

    /// Some accounts and all above them, those furthest down first.
    fn by_level(
        &self,
        places: impl Iterator<Item = AccountIdx>,
    ) -> BTreeSet<(std::cmp::Reverse<u32>, AccountIdx)> {
        let mut levels: HashMap<AccountIdx, u32> = HashMap::new();
        let mut way = Vec::new();
        for place in places {
            let mut at = Some(place);
            let mut level = 0;
            while let Some(place) = at {
                if let Some(known) = levels.get(&place) {
                    level = known + 1;
                    break;
                }
                way.push(place);
                at = self.view.inner().parent(place);
            }
            for place in way.drain(..).rev() {
                levels.insert(place, level);
                level += 1;
            }
        }
        levels.into_iter().map(|(place, level)| (std::cmp::Reverse(level), place)).collect()
    }

    /// The answer and the counts of an account, if they are others.
    fn edit(&self, place: AccountIdx, known: &Gathered) -> Option<(AccountIdx, Cell, (u32, u32))> {
        let chunk = self.view.inner().chunk(place.slot)?;
        let (cell, counts) = if self.plan.receives(chunk.shape.kind(place.row)) {
            self.own.answer(known)
        } else {
            (Cell::Missing, (0, 0))
        };
        let same = self.column.cell(place) == cell && self.column.counts(place) == Some(counts);
        (!same).then_some((place, cell, counts))
    }

    fn climbed(&self, mut edits: Vec<(AccountIdx, Cell, (u32, u32))>) -> Option<Climbed> {
        edits.sort_unstable_by_key(|(place, ..)| *place);
        let (mut parts, mut changed) = (Vec::new(), Rows::new());
        for same in edits.chunk_by(|a, b| a.0.slot == b.0.slot) {
            let slot = same.first()?.0.slot;
            let edits: Vec<(u32, Cell, (u32, u32))> =
                same.iter().map(|(place, cell, counts)| (place.row, cell.clone(), *counts)).collect();
            let differs =
                |(place, cell, _): &&(AccountIdx, Cell, (u32, u32))| self.column.cell(*place) != *cell;
            let rows: Vec<u32> = same.iter().filter(differs).map(|(place, ..)| place.row).collect();
            parts.push((slot, self.column.part(slot)?.with_counted(&edits)));
            if !rows.is_empty() {
                changed.insert(slot, rows);
            }
        }
        Some((parts, changed))
    }
}
