//! What did roll-ups come to?

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;

use super::linear::{Linear, LinearOf};
use crate::book::{Account, View};
use crate::expr::{ExprValue, Flat, Type, slots_of};
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
    places: Places,
    columns: IndexMap<Arc<str>, RollUpColumn>,
}

impl RollUpAnswers {
    pub(super) fn new(view: &View, columns: IndexMap<Arc<str>, RollUpColumn>) -> Self {
        Self { view: view.clone(), places: Places::new(view), columns }
    }

    pub(super) fn none(view: &View) -> Self {
        Self::new(view, IndexMap::new())
    }

    /// The view that was asked.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    fn at(&self, name: &str, account: Account<'_>) -> Option<(&RollUpColumn, usize)> {
        let ours = self.view.inner().layout.same(&account.view().inner().layout);
        let place = Some(account.place()).filter(|place| ours && self.view.sees(*place))?;
        Some((self.columns.get(name)?, self.places.row(place)?))
    }

    /// The answer of a roll-up for an account; `None` where there is none, for a roll-up that is not known, and for an
    /// account that the view does not show.
    #[must_use]
    pub fn value(&self, name: &str, account: Account<'_>) -> Option<ExprValue> {
        let (column, row) = self.at(name, account)?;
        column.values.val(row).to_value(&column.kind)
    }

    /// How many rows with a value are in it.
    #[must_use]
    pub fn counted(&self, name: &str, account: Account<'_>) -> u64 {
        let count = self.at(name, account).and_then(|(column, row)| column.counted.get(row).copied());
        u64::from(count.unwrap_or(0))
    }

    /// How many rows without a value were passed over.
    #[must_use]
    pub fn skipped(&self, name: &str, account: Account<'_>) -> u64 {
        let count = self.at(name, account).and_then(|(column, row)| column.skipped.get(row).copied());
        u64::from(count.unwrap_or(0))
    }

    /// The type of the answers of a roll-up.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<&Type> {
        self.columns.get(name).map(|column| &column.kind)
    }
}
