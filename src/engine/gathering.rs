//! A roll-up that no difference leads to: what do the accounts above some rows come to now?
//!
//! What is different, ranked, most frequent or first of its date is gathered again for the accounts above a row that changed,
//! from the bottom of the tree to its top: each takes over what was gathered for those below it that were asked before, and
//! reads the rows of all others itself, so that no row of a tree is read twice.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::climb::Climbed;
use super::column::Column;
use super::dirt::{Dirt, Rows};
use crate::aggregate::{Gathered, OwnRows, RollUpPlan, Turn};
use crate::book::View;
use crate::expr::{Cell, Sight};
use crate::fold::Reach;
use crate::model::AccountIdx;

/// Rows that are read one by one, however small the book is; `weight` says how many one counts for.
const FEW: usize = 65_536;
/// Past them, of so many accounts of the book one is read.
const ONE_IN: usize = 16;
/// How often the rows that may be read may be in what answers are made of, before whole trees take less: of a chain, each
/// account has all those below it.
const TIMES: usize = 32;
/// Values that went and came up to which it is asked whether an answer stays.
const KNOWN: usize = 64;

/// A roll-up that is gathered again for some accounts.
pub(super) struct Gathering<'g> {
    pub(super) plan: &'g RollUpPlan,
    pub(super) view: &'g View,
    /// What it came to before.
    pub(super) column: &'g Column,
    /// The rows of accounts before, and now.
    pub(super) then: &'g OwnRows<'g>,
    pub(super) own: &'g OwnRows<'g>,
    pub(super) dirt: &'g Dirt,
    /// Of whom a row depends beside its own account.
    pub(super) sight: Sight,
    /// What a row takes to be read, in rows of which nothing is asked but what stands in them.
    pub(super) weight: usize,
}

/// An account, its answer, and how many rows are in it.
type Edit = (AccountIdx, Cell, (u32, u32));

/// What is known on the way up.
#[derive(Default)]
struct Known {
    /// What was gathered for an account, until it is taken over.
    gathered: HashMap<AccountIdx, Gathered>,
    /// What went and came within the reach of an account.
    turns: HashMap<AccountIdx, Turn>,
    edits: Vec<Edit>,
    /// What it took to read rows, and rows that answers were made of.
    read: usize,
    held: usize,
}

impl Gathering<'_> {
    /// From some rows, and from where accounts came to and went from, up; `None` where whole trees take less.
    pub(super) fn up(&self, places: impl Iterator<Item = AccountIdx>) -> Option<Climbed> {
        // Each row would be all that is below it.
        if self.sight.down == Sight::ANY {
            return None;
        }
        let (mut firsts, turns) = self.turned(places);
        let reach = self.plan.reach();
        if reach == Reach::SelfOnly {
            firsts.sort_unstable();
            firsts.dedup();
            let edit = |place: AccountIdx| self.edit(place, &self.gathered(place));
            return self.climbed(firsts.into_iter().filter_map(edit).collect());
        }
        let moved = self.dirt.shifts.iter().flat_map(|shift| [shift.from, shift.to]).flatten();
        let levels = self.levels(firsts.into_iter().chain(moved));
        let mut wanted: Vec<(Reverse<u32>, AccountIdx)> =
            levels.iter().map(|(place, level)| (Reverse(*level), *place)).collect();
        wanted.sort_unstable();
        // Where accounts moved, what was below them went and came, too.
        let asks = matches!(reach, Reach::SelfAndDescendants | Reach::Descendants)
            && self.dirt.shifts.is_empty()
            && turns.values().map(Turn::len).sum::<usize>() <= KNOWN;
        let mut known = Known { turns, ..Known::default() };
        for (_, place) in wanted {
            let mut turn = known.turns.remove(&place).unwrap_or_default();
            if !(asks && self.stays(place, &turn, &mut known.edits)) {
                self.again(place, &levels, &mut turn, &mut known)?;
            }
            if let Some(above) = self.view.inner().parent(place).filter(|_| asks) {
                known.turns.entry(above).or_default().absorb(turn);
            }
        }
        self.climbed(known.edits)
    }

    /// The accounts whose answers may be others first, and what went and came within the reach of each.
    fn turned(
        &self,
        places: impl Iterator<Item = AccountIdx>,
    ) -> (Vec<AccountIdx>, HashMap<AccountIdx, Turn>) {
        let only_below = self.plan.reach() == Reach::Descendants;
        let mut firsts: Vec<AccountIdx> = Vec::new();
        let mut turns: HashMap<AccountIdx, Turn> = HashMap::new();
        for place in places {
            // Who adds the same as before changes nobody, but has an answer of its own if it was not there.
            if self.dirt.is_fresh(place) {
                firsts.push(place);
            }
            let Some(turn) = self.own.turn(place, self.then, self.dirt.carry.origin(place)) else { continue };
            let first = if only_below { self.view.inner().parent(place) } else { Some(place) };
            if let Some(first) = first {
                firsts.push(first);
                turns.entry(first).or_default().absorb(turn);
            }
        }
        (firsts, turns)
    }

    /// Does the answer of an account stay what it is? Notes how many rows are in it now.
    fn stays(&self, place: AccountIdx, turn: &Turn, edits: &mut Vec<Edit>) -> bool {
        let Some(chunk) = self.view.inner().chunk(place.slot) else { return true };
        if self.dirt.is_fresh(place) {
            return false;
        }
        if !self.plan.receives(chunk.shape.kind(place.row)) {
            return true;
        }
        let Some(counts) = self.column.counts(place) else { return false };
        let cell = self.column.cell(place);
        let Some(now) = self.own.stays(&cell, counts, turn) else { return false };
        if now != counts {
            edits.push((place, cell, now));
        }
        true
    }

    /// Gathers for an account; what of its turn is nothing for those above it is forgotten.
    fn again(
        &self,
        place: AccountIdx,
        levels: &HashMap<AccountIdx, u32>,
        turn: &mut Turn,
        known: &mut Known,
    ) -> Option<()> {
        let most = FEW.max(self.view.len() / ONE_IN);
        let (mut all, own) = self.gather(place, levels, known, most)?;
        let rest = match self.plan.reach() {
            // What stands at an account hides what is below it.
            Reach::PreferSelf if own.has_values() => {
                all = own;
                None
            }
            Reach::PreferSelf => None,
            Reach::Descendants => Some(own),
            Reach::SelfAndDescendants | Reach::SelfOnly => {
                self.own.absorb(&mut all, own);
                None
            }
        };
        known.edits.extend(self.edit(place, &all));
        self.own.settle(turn, &self.column.cell(place), &all);
        self.own.absorb(&mut all, rest.unwrap_or_default());
        known.held = known.held.saturating_add(usize::try_from(all.counted()).unwrap_or(usize::MAX));
        known.gathered.insert(place, all);
        (known.held <= TIMES.saturating_mul(most)).then_some(())
    }

    /// What the rows of an account come to.
    fn gathered(&self, place: AccountIdx) -> Gathered {
        let mut own = Gathered::default();
        self.own.add(place, &mut own);
        own
    }

    /// What is below an account, from what was gathered there and from all other rows, and what is at it; `None` where more
    /// would be read than may be.
    fn gather(
        &self,
        place: AccountIdx,
        levels: &HashMap<AccountIdx, u32>,
        known: &mut Known,
        most: usize,
    ) -> Option<(Gathered, Gathered)> {
        let prefers_self = self.plan.reach() == Reach::PreferSelf;
        let mut all = Gathered::default();
        let mut children = Vec::new();
        let level = levels.get(&place).map_or(0, |level| *level as usize);
        self.read(level, known, most)?;
        // Only below who is asked for stands who was gathered.
        self.view.inner().children_into(place, &mut children);
        let mut left: Vec<(AccountIdx, usize, bool)> =
            children.iter().map(|child| (*child, level + 1, true)).collect();
        while let Some((at, level, is_asked)) = left.pop() {
            if let Some(gathered) = is_asked.then(|| known.gathered.remove(&at)).flatten() {
                self.own.absorb(&mut all, gathered);
                continue;
            }
            self.read(level, known, most)?;
            if prefers_self {
                let own = self.gathered(at);
                if own.has_values() {
                    self.own.absorb(&mut all, own);
                    continue;
                }
            } else {
                self.own.add(at, &mut all);
            }
            let is_asked = is_asked && levels.contains_key(&at);
            children.clear();
            self.view.inner().children_into(at, &mut children);
            left.extend(children.iter().map(|child| (*child, level + 1, is_asked)));
        }
        Some((all, self.gathered(place)))
    }

    /// Counts what it takes to read the rows of an account: where they look up the way, as many as it stands levels down.
    fn read(&self, level: usize, known: &mut Known, most: usize) -> Option<()> {
        let ways = if self.sight.looks_far_up() { level + 1 } else { 1 };
        known.read = known.read.saturating_add(self.weight.saturating_mul(ways));
        (known.read <= most).then_some(())
    }

    /// Some accounts and all above them, and how far down each stands.
    fn levels(&self, places: impl Iterator<Item = AccountIdx>) -> HashMap<AccountIdx, u32> {
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
        levels
    }

    /// The answer and the counts of an account, if they are others.
    fn edit(&self, place: AccountIdx, known: &Gathered) -> Option<Edit> {
        let chunk = self.view.inner().chunk(place.slot)?;
        let (cell, counts) = if self.plan.receives(chunk.shape.kind(place.row)) {
            self.own.answer(known)
        } else {
            (Cell::Missing, (0, 0))
        };
        let same = self.column.cell(place) == cell && self.column.counts(place) == Some(counts);
        (!same).then_some((place, cell, counts))
    }

    fn climbed(&self, mut edits: Vec<Edit>) -> Option<Climbed> {
        edits.sort_unstable_by_key(|(place, ..)| *place);
        let (mut parts, mut changed) = (Vec::new(), Rows::new());
        for same in edits.chunk_by(|a, b| a.0.slot == b.0.slot) {
            let slot = same.first()?.0.slot;
            let edits: Vec<(u32, Cell, (u32, u32))> =
                same.iter().map(|(place, cell, counts)| (place.row, cell.clone(), *counts)).collect();
            let differs = |(place, cell, _): &&Edit| self.column.cell(*place) != *cell;
            let rows: Vec<u32> = same.iter().filter(differs).map(|(place, ..)| place.row).collect();
            parts.push((slot, self.column.part(slot)?.with_counted(&edits)));
            if !rows.is_empty() {
                changed.insert(slot, rows);
            }
        }
        Some((parts, changed))
    }
}
