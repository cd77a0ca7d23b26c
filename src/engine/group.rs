//! Some accounts that are worked out together: whole trees, or the rows of some chunks.

use std::sync::Arc;

use super::column::{Answers, Column, Part};
use super::prepared::Columns;
use crate::aggregate::{Standing, UsageView};
use crate::book::View;
use crate::catalog::{Catalog, Given, History, Step, StepProgram, Worked};
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
        let few = view.book().view(&Scope::of(set), view.as_of().clone()).unwrap_or_else(|_| view.clone());
        let usage = usage.map(|usage| usage.within(&few));
        Self { standing: Standing::new(&few), usage }
    }

    /// What a step comes to for them, by slot; hidden accounts have nothing.
    pub(super) fn work_out(
        &self,
        step: &Step,
        program: &StepProgram,
        known: &Known<'_>,
        history: Option<&dyn History>,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<(u32, Part)>, Cancelled> {
        let layer = Layer { group: self, known };
        let given = Given { usage: self.usage.as_ref(), history, supply: &layer, stop };
        let answers = match step.work_out(program, &self.standing, given)? {
            Worked::Values(values) => Answers::Values(values, None),
            Worked::Members(truths) => Answers::Members(truths),
            Worked::Linear(of, states, receives) => Answers::Sums(of, states, receives),
            Worked::RollUp(column) => {
                let values = Arc::unwrap_or_clone(column.values);
                Answers::Values(values, Some((column.counted, column.skipped)))
            }
        };
        let (view, tree) = (&self.standing.view, &self.standing.tree);
        let parts = tree.slots.iter().filter_map(|(slot, first)| {
            let shown = match view.scope().set() {
                Some(set) => Some(set.bitmap(*slot)?),
                None => None,
            };
            let sees = |row: usize| shown.is_none_or(|bits| bits.get(row));
            let rows = view.inner().layout.rows(*slot);
            Some((*slot, Part::of(&answers, *first as usize, rows, sees)))
        });
        Ok(parts.collect())
    }
}

/// The columns that are known so far, by step.
#[derive(Clone, Copy)]
pub(super) struct Known<'k> {
    pub(super) columns: &'k Columns,
    pub(super) catalog: &'k Catalog,
}

impl Known<'_> {
    fn column(&self, name: &str) -> Option<&Column> {
        self.columns.get(self.catalog.column_step(name)?)?.as_ref()
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
