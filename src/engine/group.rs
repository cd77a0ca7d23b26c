//! Some accounts that are worked out together: whole trees, or the rows of some chunks.

use std::sync::Arc;

use super::column::{Column, Part};
use super::derivation::Sources;
use super::prepared::Columns;
use crate::aggregate::{Keep, Standing, UsageView};
use crate::book::View;
use crate::catalog::{Catalog, Given, RoundProgram};
use crate::column::Bitmap;
use crate::expr::{Cancelled, Cell, Flat, Supply, UsageAsked};
use crate::model::AccountIdx;
use crate::set::{AccountSet, Scope};

/// Accounts of a view, with what is worked out for them once.
pub(super) struct Group {
    standing: Standing,
    usage: Option<UsageView>,
}

impl Group {
    /// All accounts of a view.
    pub(super) fn all(view: &View, usage: Option<&UsageView>) -> Self {
        Self { standing: Standing::new(view), usage: usage.cloned() }
    }

    /// The accounts of some slots that a view shows.
    pub(super) fn of(view: &View, usage: Option<&UsageView>, slots: impl IntoIterator<Item = u32>) -> Self {
        let visible = view.scope().set();
        let bitmaps = slots.into_iter().filter_map(|slot| match visible {
            Some(set) => Some((slot, set.bitmap(slot)?.clone())),
            None => Some((slot, Arc::new(Bitmap::ones(view.inner().layout.rows(slot))))),
        });
        let set = AccountSet::from_shared(view.inner().layout.clone(), bitmaps);
        // The layout is that of the book, so that the scope fits.
        let few = view.book().view(&Scope::of(set), view.as_of().clone());
        let few = few.map_or_else(|_| view.clone(), |few| few.at_rates_of(view));
        let usage = usage.map(|usage| usage.within(&few));
        Self { standing: Standing::new(&few), usage }
    }

    /// What the steps of a round come to for them: of each of their outputs the answers by slot. Hidden accounts have none.
    pub(super) fn evaluate(
        &self,
        round: &RoundProgram,
        known: &Known<'_>,
        Sources { history, rates }: Sources<'_>,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<Vec<(u32, Part)>>, Cancelled> {
        let layer = Layer { group: self, known };
        let usage = self.usage.as_ref();
        let given = Given {
            usage,
            history: Some(history),
            rates: Some(rates),
            supply: &layer,
            keep: Keep::States,
            stop,
        };
        let answers = round.evaluate(&self.standing, given)?;
        let (view, tree) = (&self.standing.view, &self.standing.tree);
        let mut parts: Vec<Vec<(u32, Part)>> = Vec::with_capacity(answers.len());
        // What was taken apart is dropped, so that not all answers are in memory twice.
        for answers in answers {
            let sees = |slot: u32| view.scope().set().is_none_or(|set| set.bitmap(slot).is_some());
            let seen = tree.slots.iter().filter(|(slot, _)| sees(*slot));
            let of_slot = seen.map(|(slot, first)| {
                let rows = view.inner().layout.rows(*slot);
                (*slot, Part::of(&answers, (*slot, *first as usize), rows))
            });
            parts.push(of_slot.collect());
        }
        Ok(parts)
    }
}

/// The columns that are known so far, by number.
#[derive(Clone, Copy)]
pub(super) struct Known<'k> {
    pub(super) columns: &'k Columns,
    pub(super) catalog: &'k Catalog,
}

impl Known<'_> {
    fn column(&self, name: &str) -> Option<&Column> {
        self.columns.get(self.catalog.column(name)?)?.as_ref()
    }
}

/// Known columns and usage, for the accounts of a group.
struct Layer<'l> {
    group: &'l Group,
    known: &'l Known<'l>,
}

impl Supply for Layer<'_> {
    fn usage(&self, asked: &UsageAsked<'_>) -> Flat {
        match &self.group.usage {
            Some(usage) => Supply::usage(usage, asked),
            None => Flat::Cells(vec![Cell::Missing; self.group.standing.tree.rows()]),
        }
    }

    fn usage_at(&self, place: AccountIdx, asked: &UsageAsked<'_>) -> Cell {
        self.group.usage.as_ref().map_or(Cell::Missing, |usage| usage.usage_at(place, asked))
    }

    fn column(&self, name: &str) -> Option<Arc<Flat>> {
        let standing = &self.group.standing;
        Some(Arc::new(self.known.column(name)?.over(&standing.tree.slots, standing.view.book())))
    }

    fn column_at(&self, name: &str, place: AccountIdx) -> Cell {
        self.known.column(name).map_or(Cell::Missing, |column| column.cell(place))
    }
}

/// Known columns and usage, for single accounts.
pub(super) struct Single<'s> {
    pub(super) known: Known<'s>,
    pub(super) usage: Option<&'s UsageView>,
}

impl Supply for Single<'_> {
    // Whole columns are asked of groups only.
    fn usage(&self, _: &UsageAsked<'_>) -> Flat {
        Flat::Cells(Vec::new())
    }

    fn usage_at(&self, place: AccountIdx, asked: &UsageAsked<'_>) -> Cell {
        self.usage.map_or(Cell::Missing, |usage| usage.usage_at(place, asked))
    }

    fn column(&self, _: &str) -> Option<Arc<Flat>> {
        None
    }

    fn column_at(&self, name: &str, place: AccountIdx) -> Cell {
        self.known.column(name).map_or(Cell::Missing, |column| column.cell(place))
    }
}
