//! What do the rows of single accounts add to a roll-up, and what do some of them come to together?

use std::cell::RefCell;

use super::checked::CheckedRollUp;
use super::convert::Converting;
use super::definition::Nulls;
use super::evaluate::ReadPlaces;
use super::events::{EventRows, EventTerms};
use super::linear::{Linear, LinearOf};
use super::state::{Read, State};
use crate::aggregate::usage::UsageView;
use crate::book::View;
use crate::expr::{Asking, Cell, Key, MissingRates, RowProgram, Supply, Val};
use crate::model::{AccountIdx, AttributeId, Rates};

/// Where single accounts are asked: a view, the expressions at its moment, and what is known beside the book.
#[derive(Clone, Copy)]
pub(crate) struct RollUpAt<'r> {
    pub(crate) view: &'r View,
    pub(crate) programs: &'r [RowProgram],
    pub(crate) supply: Option<&'r dyn Supply>,
    pub(crate) usage: Option<&'r UsageView>,
    pub(crate) rates: Option<&'r dyn Rates>,
}

/// The rows of single accounts, as one roll-up reads them.
pub(crate) struct OwnRows<'r> {
    pub(super) roll_up: &'r CheckedRollUp,
    pub(super) places: ReadPlaces,
    pub(super) at: RollUpAt<'r>,
    pub(super) source: Source<'r>,
    /// The attribute that says who is cancelled, where these add nothing.
    pub(super) status: Option<AttributeId>,
    /// What converts amounts.
    pub(super) converting: Option<Converting<'r>>,
    /// Where the values of a row stand while they are read.
    pub(super) cells: RefCell<Vec<Cell>>,
}

pub(super) enum Source<'r> {
    /// Of accounts, or of a child table.
    Columns(Asking<'r>),
    Events(&'r UsageView, Box<EventRows<'r>>),
    None,
}

impl<'r> Source<'r> {
    pub(super) fn events(terms: Option<&'r EventTerms<'_>>, usage: Option<&'r UsageView>) -> Self {
        match (terms, usage) {
            (Some(terms), Some(usage)) => Self::Events(usage, Box::new(terms.of(usage, false))),
            _ => Self::None,
        }
    }
}

/// What is known of the rows of some accounts, of whatever operator.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gathered(State);

impl Gathered {
    /// Is a value among those that were counted once?
    pub(super) fn holds(&self, key: &Key) -> bool {
        self.0.holds(key)
    }

    /// Is there a value in it, be it one that is not known?
    pub(crate) const fn has_values(&self) -> bool {
        self.0.has_values()
    }

    /// How many rows with a value are in it.
    pub(crate) const fn counted(&self) -> u64 {
        self.0.counted
    }
}

impl<'r> OwnRows<'r> {
    /// Adds the rates that are not known and the amounts of some accounts that they would convert.
    pub(super) fn missing_rates(
        &self,
        places: impl Iterator<Item = AccountIdx>,
        missing: &mut MissingRates<'r>,
    ) {
        let Some(to) = self.converting.as_ref().map(Converting::to) else { return };
        let inner = self.at.view.inner();
        for place in places {
            self.each(place, &mut |row| row.told(&mut |lacks| missing.add(inner.id(place), to, lacks)));
        }
    }
}

impl OwnRows<'_> {
    pub(super) fn each(&self, place: AccountIdx, seen: &mut dyn FnMut(&Read<'_>)) {
        let cancelled = self.status.is_some_and(|status| self.at.view.inner().has_cancelled(place, status));
        if cancelled || !self.at.view.sees(place) {
            return;
        }
        match &self.source {
            Source::None => {}
            Source::Events(usage, rows) => {
                if let Some(own) = usage.account(place, rows.days()) {
                    rows.each(&own, self.converting.as_ref(), seen);
                }
            }
            Source::Columns(asking) => {
                let ReadPlaces { first, second, .. } = self.places;
                let mut cells = self.cells.take();
                asking.each_row(place, &mut cells, &mut |cells| {
                    let cell = |place: Option<usize>| place.map(|at| cells.get(at).unwrap_or(&Cell::Missing));
                    let is_true = |place: usize| cells.get(place) == Some(&Cell::Bool(true));
                    let Some(lacks) = self.places.passes(is_true) else { return };
                    let first = cell(first).map_or(Val::Bool(true), Val::of_cell);
                    let row = Read::once(first, cell(second).map(Val::of_cell)).lacking(lacks);
                    match &self.converting {
                        None => seen(&row),
                        Some(converting) => {
                            let cell = |place: usize| cells.get(place).map_or(Val::Missing, Val::of_cell);
                            seen(&converting.read(row, &self.places, &cell));
                        }
                    }
                });
                self.cells.replace(cells);
            }
        }
    }

    /// What an account adds, where it can be taken away again.
    pub(crate) fn linear(&self, of: &LinearOf, place: AccountIdx) -> Linear {
        of.state(|seen| self.each(place, seen))
    }

    /// The greatest, or the least, of what an account adds; how many rows have a value, and how many have none.
    pub(crate) fn best(&self, least: bool, place: AccountIdx) -> (Option<Key>, u32, u32) {
        let (mut best, mut counted, mut skipped) = (None, 0, 0);
        self.each(place, &mut |row| match row.key() {
            None => skipped += 1,
            Some(key) => {
                counted += 1;
                let better = best.as_ref().is_none_or(|own| if least { key < *own } else { key > *own });
                if better {
                    best = Some(key);
                }
            }
        });
        (best, counted, skipped)
    }

    /// Adds the rows of an account.
    pub(crate) fn add(&self, place: AccountIdx, to: &mut Gathered) {
        self.each(place, &mut |row| to.0.add(&self.roll_up.spec, row));
    }

    /// What is known of all rows within the reach of an account.
    pub(super) fn within(&self, place: AccountIdx) -> State {
        let mut places = Vec::new();
        self.within_reach(place, &mut places);
        let mut all = Gathered::default();
        for place in places {
            self.add(place, &mut all);
        }
        all.0
    }

    /// Adds what is known of others.
    pub(crate) fn absorb(&self, to: &mut Gathered, other: Gathered) {
        to.0.absorb(&self.roll_up.spec, other.0);
    }

    /// The answer, how many rows have a value, and how many have none.
    pub(crate) fn answer(&self, of: &Gathered) -> (Cell, (u32, u32)) {
        let nulls: Nulls = self.roll_up.definition.nulls;
        let short = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let (counted, skipped) = (of.0.counted, of.0.skipped);
        (of.0.value(&self.roll_up.spec, nulls), (short(counted), short(skipped)))
    }
}
