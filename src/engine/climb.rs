//! A roll-up of which some rows add something else: which accounts above them have another answer?
//!
//! What can be taken away again goes up as a difference. A greatest or least value goes up while it changes anything; only
//! where the one that was the greatest is gone are the children of an account looked at again. All else is gathered again
//! ([`Gathering`]).

use std::collections::BTreeMap;

use super::column::{Column, Part};
use super::dirt::{Dirt, Rows};
use super::gathering::Gathering;
use super::group::Single;
use super::rising::Rising;
use crate::aggregate::{EventTerms, Linear, LinearOf, OwnRows, RollUpAt, RollUpPlan};
use crate::book::View;
use crate::catalog::{Reads, TreeWork};
use crate::expr::{Cell, Key, RowProgram, Sight};
use crate::fold::Reach;
use crate::model::{AccountIdx, Rates};

/// Accounts on the ways up of all rows together, up to which they are always gone.
const LONG_WAYS: usize = 65_536;
/// Past them, of so many accounts of the view at most one is on a way.
const ONE_IN: usize = 16;

/// Rows that one counts for whose expressions ask usage: what they ask of events is prepared for each.
const ASKING_USAGE: usize = 1_024;

/// What is asked of single accounts, before or after.
pub(super) struct Side<'c> {
    pub(super) view: &'c View,
    pub(super) programs: &'c [RowProgram],
    pub(super) supply: Single<'c>,
    /// What is asked of events, where it is any.
    pub(super) events: Option<EventTerms<'c>>,
    pub(super) rates: &'c dyn Rates,
}

impl Side<'_> {
    fn rows<'s>(&'s self, plan: &'s RollUpPlan) -> Option<OwnRows<'s>> {
        let at = RollUpAt {
            view: self.view,
            programs: self.programs,
            supply: Some(&self.supply),
            usage: self.supply.usage,
            rates: Some(self.rates),
        };
        plan.own_rows(at, self.events.as_ref())
    }
}

/// The rows of single accounts before, and now.
struct Own<'o> {
    then: OwnRows<'o>,
    now: OwnRows<'o>,
}

/// How a roll-up goes up.
enum How<'c> {
    ByDifference(&'c LinearOf),
    /// By the least, or by the greatest.
    ByBest {
        least: bool,
    },
    /// Not at all: it is gathered again.
    Gathered,
}

/// A roll-up on its way up.
pub(super) struct Climb<'c> {
    plan: &'c RollUpPlan,
    how: How<'c>,
    /// What it came to before, where the accounts stood then, and where they stand now.
    before: &'c Column,
    column: &'c Column,
    then: Side<'c>,
    now: Side<'c>,
    dirt: &'c Dirt,
    /// Of whom a row depends beside its own account.
    sight: Sight,
    /// Do expressions over accounts or child rows ask usage?
    asks_usage: bool,
}

/// The parts that are different, and the rows of which the answer is.
pub(super) type Climbed = (Vec<(u32, Part)>, Rows);

impl<'c> Climb<'c> {
    pub(super) fn new(
        (of, reads): (&'c TreeWork, &Reads),
        (before, column): (&'c Column, &'c Column),
        (then, now): (Side<'c>, Side<'c>),
        dirt: &'c Dirt,
    ) -> Self {
        let how = match (&of.linear, of.extreme) {
            (Some(of), _) => How::ByDifference(of),
            (None, Some(least)) => How::ByBest { least },
            (None, None) => How::Gathered,
        };
        let asks_usage = reads.usage && now.events.is_none();
        let sight = reads.sight;
        Self { plan: &of.plan, how, before, column, then, now, dirt, sight, asks_usage }
    }

    /// From some rows up; `None` where the ways are so long that whole trees take less.
    pub(super) fn up(&self, rows: &Rows) -> Option<Climbed> {
        let places = rows.iter().flat_map(|(slot, rows)| rows.iter().map(|row| AccountIdx::new(*slot, *row)));
        let now = self.now.rows(self.plan)?;
        let own = Own { then: self.then.rows(self.plan)?, now };
        match self.how {
            How::ByDifference(of) => self.by_difference(of, &own, places),
            How::ByBest { least } => self.by_best(least, &own, places),
            How::Gathered => {
                let (plan, view, column, dirt) = (self.plan, self.now.view, self.column, self.dirt);
                let weight = if self.asks_usage { ASKING_USAGE } else { 1 };
                let (then, own, sight) = (&own.then, &own.now, self.sight);
                Gathering { plan, view, column, then, own, dirt, sight, weight }.up(places)
            }
        }
    }

    fn is_long(&self, ways: usize) -> bool {
        ways > LONG_WAYS && ways > self.now.view.len() / ONE_IN
    }

    fn above(&self, place: AccountIdx) -> impl Iterator<Item = AccountIdx> {
        let inner = self.now.view.inner();
        std::iter::successors(inner.parent(place), |place| inner.parent(*place))
    }

    fn by_difference(
        &self,
        of: &LinearOf,
        rows: &Own<'_>,
        places: impl Iterator<Item = AccountIdx>,
    ) -> Option<Climbed> {
        let reach = self.plan.reach();
        let parent = |place| self.now.view.inner().parent(place);
        let mut rising = Rising::new(self.now.view);
        let own = |place: AccountIdx| rows.then.linear(of, place);
        for shift in self.dirt.shifts.iter().filter(|_| reach != Reach::SelfOnly) {
            // All that came from the account and from below it is taken from those that were above it, and given to those
            // that are now; what has changed of it goes up by itself.
            let mut state = self.before.part(shift.then.slot)?.state(shift.then.row as usize)?;
            if reach == Reach::Descendants {
                state.add(&own(shift.then));
            }
            shift.from.into_iter().for_each(|from| rising.add(from, state.negated()));
            shift.to.into_iter().for_each(|to| rising.add(to, state));
        }
        for place in places {
            let mut difference = self.dirt.carry.origin(place).map_or_else(Linear::default, own).negated();
            difference.add(&rows.now.linear(of, place));
            match reach {
                Reach::Descendants => {
                    parent(place).into_iter().for_each(|above| rising.add(above, difference));
                }
                _ => rising.add(place, difference),
            }
        }
        let mut edits: Vec<(AccountIdx, Linear)> = Vec::new();
        while let Some((place, difference)) = rising.pop() {
            if reach != Reach::SelfOnly {
                parent(place).into_iter().for_each(|above| rising.add(above, difference));
            }
            edits.push((place, difference));
            if self.is_long(edits.len()) {
                return None;
            }
        }
        edits.sort_unstable_by_key(|(place, _)| *place);
        let (mut parts, mut changed) = (Vec::new(), Rows::new());
        for same in edits.chunk_by(|a, b| a.0.slot == b.0.slot) {
            let slot = same.first()?.0.slot;
            let edits: Vec<(u32, Linear)> = same.iter().map(|(place, added)| (place.row, *added)).collect();
            let (part, rows) = self.column.part(slot)?.with_added(&edits);
            if !rows.is_empty() {
                changed.insert(slot, rows);
            }
            parts.push((slot, part));
        }
        Some((parts, changed))
    }

    fn by_best(
        &self,
        least: bool,
        rows: &Own<'_>,
        places: impl Iterator<Item = AccountIdx>,
    ) -> Option<Climbed> {
        let mut bests = Bests { column: self.column, known: BTreeMap::new(), least };
        let mut ways = 0;
        // First who stands elsewhere, so that what is best below an account is never that of one which has left.
        for shift in &self.dirt.shifts {
            let (counted, skipped) = self.before.counts(shift.then)?;
            let key = Key::of_cell(self.before.cell(shift.then));
            if let Some(from) = shift.from {
                let counts = (counted.wrapping_neg(), skipped.wrapping_neg());
                ways += self.change(from, (key, None), counts, (rows, &mut bests));
            }
            if let (Some(now), Some(to)) = (shift.now, shift.to) {
                let key = bests.get(now).key;
                ways += self.change(to, (None, key), (counted, skipped), (rows, &mut bests));
            }
            if self.is_long(ways) {
                return None;
            }
        }
        for place in places {
            let nothing = || (None, 0, 0);
            let own = |place| rows.then.best(least, place);
            let then = self.dirt.carry.origin(place).map_or_else(nothing, own);
            let now = rows.now.best(least, place);
            if then == now {
                continue;
            }
            let counts = (now.1.wrapping_sub(then.1), now.2.wrapping_sub(then.2));
            ways += self.change(place, (then.0, now.0), counts, (rows, &mut bests));
            if self.is_long(ways) {
                return None;
            }
        }
        bests.climbed()
    }

    /// Goes up from an account at which, or below which, one value stood and another does now; how many were looked at.
    fn change(
        &self,
        place: AccountIdx,
        (mut gone, mut come): (Option<Key>, Option<Key>),
        counts: (u32, u32),
        (rows, bests): (&Own<'_>, &mut Bests<'_>),
    ) -> usize {
        let mut ways = 0;
        for at in std::iter::once(place).chain(self.above(place)) {
            ways += 1;
            let state = bests.get(at);
            let best = if gone == come {
                state.key.clone()
            } else if bests.is_better(come.as_ref(), state.key.as_ref()) {
                come.clone()
            } else if gone.is_some() && gone == state.key {
                ways += self.look_again(at, rows, bests);
                bests.get(at).key.clone()
            } else {
                state.key.clone()
            };
            gone.clone_from(&state.key);
            come.clone_from(&best);
            let counted = state.counted.wrapping_add(counts.0);
            let skipped = state.skipped.wrapping_add(counts.1);
            bests.known.insert(at, Best { key: best, counted, skipped });
            if gone == come && counts == (0, 0) {
                break;
            }
        }
        ways
    }

    /// The best of an account, from what stands at it and from its children; how many were looked at.
    fn look_again(&self, at: AccountIdx, rows: &Own<'_>, bests: &mut Bests<'_>) -> usize {
        let mut children = Vec::new();
        self.now.view.inner().children_into(at, &mut children);
        let (mut best, ..) = rows.now.best(bests.least, at);
        for child in &children {
            let below = bests.get(*child).key;
            if bests.is_better(below.as_ref(), best.as_ref()) {
                best = below;
            }
        }
        let state = bests.get(at);
        bests.known.insert(at, Best { key: best, ..state });
        children.len()
    }
}

/// What is known of the values at and below an account.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Best {
    key: Option<Key>,
    counted: u32,
    skipped: u32,
}

/// The states that were looked at, over those of a column.
struct Bests<'b> {
    column: &'b Column,
    known: BTreeMap<AccountIdx, Best>,
    least: bool,
}

impl Bests<'_> {
    fn get(&self, place: AccountIdx) -> Best {
        if let Some(known) = self.known.get(&place) {
            return known.clone();
        }
        let (counted, skipped) = self.column.counts(place).unwrap_or_default();
        Best { key: Key::of_cell(self.column.cell(place)), counted, skipped }
    }

    /// Is one better than another? Something is better than nothing.
    fn is_better(&self, one: Option<&Key>, than: Option<&Key>) -> bool {
        match (one, than) {
            (Some(one), Some(than)) => {
                if self.least {
                    one < than
                } else {
                    one > than
                }
            }
            (one, than) => one.is_some() && than.is_none(),
        }
    }

    fn climbed(self) -> Option<Climbed> {
        let (mut parts, mut changed) = (Vec::new(), Rows::new());
        let known: Vec<(AccountIdx, Best)> = self.known.into_iter().collect();
        for same in known.chunk_by(|a, b| a.0.slot == b.0.slot) {
            let slot = same.first()?.0.slot;
            let edits: Vec<(u32, Cell, (u32, u32))> = same
                .iter()
                .map(|(place, best)| {
                    let cell = best.key.clone().map_or(Cell::Missing, Key::cell);
                    (place.row, cell, (best.counted, best.skipped))
                })
                .collect();
            let differs = |(row, cell, _): &&(u32, Cell, (u32, u32))| {
                self.column.cell(AccountIdx::new(slot, *row)) != *cell
            };
            let rows: Vec<u32> = edits.iter().filter(differs).map(|(row, ..)| *row).collect();
            parts.push((slot, self.column.part(slot)?.with_counted(&edits)));
            if !rows.is_empty() {
                changed.insert(slot, rows);
            }
        }
        Some((parts, changed))
    }
}
