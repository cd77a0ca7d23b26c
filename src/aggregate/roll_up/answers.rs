//! What did roll-ups come to?

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;

use super::linear::{Linear, LinearOf};
use super::plain::PlainAnswers;
use crate::book::{Account, View};
use crate::expr::{Cell, ExprValue, Flat, Type, Val, slots_of};
use crate::fold::Totals;
use crate::model::AccountIdx;

/// The answers of one roll-up, side by side.
#[derive(Debug, Clone)]
pub(crate) struct RollUpColumn {
    pub(crate) kind: Type,
    pub(crate) values: Arc<Flat>,
    pub(crate) counted: Vec<u32>,
    pub(crate) skipped: Vec<u32>,
}

impl RollUpColumn {
    pub(super) fn nothing(rows: usize) -> Self {
        let values = Arc::new(Flat::Cells(Vec::new()));
        Self { kind: Type::Bool, values, counted: vec![0; rows], skipped: vec![0; rows] }
    }

    pub(super) fn count(&mut self, row: usize, (counted, skipped): (u64, u64)) {
        let short = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        if let (Some(here), Some(there)) = (self.counted.get_mut(row), self.skipped.get_mut(row)) {
            (*here, *there) = (short(counted), short(skipped));
        }
    }
}

impl RollUpColumn {
    /// What was folded, side by side.
    pub(super) fn of_plain(plain: &PlainAnswers, slots: &[(u32, u32)], view: &View) -> Self {
        let count = |slot: u32| view.inner().chunk(slot).map_or(0, |chunk| chunk.shape.rows());
        let mut column = Self::nothing(slots.iter().map(|(slot, _)| count(*slot) as usize).sum());
        let mut cells = Vec::with_capacity(column.counted.len());
        for (slot, _) in slots {
            for row in 0..count(*slot) {
                let place = AccountIdx::new(*slot, row);
                let (cell, counted, skipped) =
                    if view.sees(place) { plain.at(place) } else { (Cell::Missing, 0, 0) };
                column.count(cells.len(), (counted, skipped));
                cells.push(cell);
            }
        }
        column.values = Flat::of_cells(cells).into();
        column.kind = plain.kind.clone();
        column
    }
}

/// What one roll-up came to, for rows side by side.
#[derive(Debug)]
pub(crate) enum RollUpResult {
    Column(RollUpColumn),
    /// States of which its answers are made, and whether each account receives one; `None` where all do.
    States(LinearOf, Vec<Linear>, Option<Vec<bool>>),
}

/// What is kept of a roll-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Values,
    /// Where states can be taken away again, these instead of values.
    States,
}

/// Where the accounts of each chunk begin.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    first: HashMap<u32, u32>,
    rows: usize,
}

impl Places {
    pub(crate) fn new(view: &View) -> Self {
        let slots = slots_of(view);
        let count = |slot: u32| view.inner().chunk(slot).map_or(0, |chunk| chunk.shape.rows() as usize);
        let rows = slots.iter().map(|(slot, _)| count(*slot)).sum();
        Self { first: slots.into_iter().collect(), rows }
    }

    /// How many rows there are.
    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn row(&self, place: AccountIdx) -> Option<usize> {
        Some((self.first.get(&place.slot)?.checked_add(place.row)?) as usize)
    }
}

/// The answers of a [`RollUpPlan`](super::RollUpPlan) for the accounts of a view.
#[derive(Debug, Clone)]
pub struct RollUpAnswers {
    view: View,
    /// The row of each account in the columns; `None` where there are no columns.
    places: Option<Places>,
    columns: IndexMap<Arc<str>, Answers>,
}

/// The answers of one roll-up.
#[derive(Debug, Clone)]
pub(super) enum Answers {
    Column(RollUpColumn),
    Plain(Box<PlainAnswers>),
}

impl RollUpAnswers {
    pub(super) fn new(view: &View, columns: IndexMap<Arc<str>, Answers>) -> Self {
        let has_columns = columns.values().any(|answers| matches!(answers, Answers::Column(_)));
        Self { view: view.clone(), places: has_columns.then(|| Places::new(view)), columns }
    }

    pub(super) fn none(view: &View) -> Self {
        Self::new(view, IndexMap::new())
    }

    /// The view that was asked.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// What was folded, where anything was.
    pub(super) fn folded(&self) -> Option<&Totals> {
        self.columns.values().find_map(|answers| match answers {
            Answers::Plain(plain) => Some(&*plain.totals),
            Answers::Column(_) => None,
        })
    }

    /// The answer of a roll-up for an account, with the rows that are in it and those without a value.
    fn at(&self, name: &str, account: Account<'_>) -> Option<(Option<ExprValue>, u64, u64)> {
        let ours = self.view.inner().layout.same(&account.view().inner().layout);
        let place = Some(account.place()).filter(|place| ours && self.view.sees(*place))?;
        match self.columns.get(name)? {
            Answers::Plain(plain) => {
                let (cell, counted, skipped) = plain.at(place);
                Some((Val::of_cell(&cell).to_value(&plain.kind), counted, skipped))
            }
            Answers::Column(column) => {
                let row = self.places.as_ref()?.row(place)?;
                let count = |counts: &[u32]| u64::from(counts.get(row).copied().unwrap_or(0));
                let value = column.values.val(row).to_value(&column.kind);
                Some((value, count(&column.counted), count(&column.skipped)))
            }
        }
    }

    /// The answer of a roll-up for an account; `None` where there is none, for a roll-up that is not known, and for an
    /// account that the view does not show.
    #[must_use]
    pub fn value(&self, name: &str, account: Account<'_>) -> Option<ExprValue> {
        self.at(name, account)?.0
    }

    /// How many rows with a value are in it.
    #[must_use]
    pub fn counted(&self, name: &str, account: Account<'_>) -> u64 {
        self.at(name, account).map_or(0, |(_, counted, _)| counted)
    }

    /// How many rows without a value were passed over.
    #[must_use]
    pub fn skipped(&self, name: &str, account: Account<'_>) -> u64 {
        self.at(name, account).map_or(0, |(.., skipped)| skipped)
    }

    /// The type of the answers of a roll-up.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<&Type> {
        self.columns.get(name).map(|answers| match answers {
            Answers::Column(column) => &column.kind,
            Answers::Plain(plain) => &plain.kind,
        })
    }
}
