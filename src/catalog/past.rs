//! What was recorded of a column on an earlier day?
//!
//! Ruling S93 of `docs/semantics`: who is not seen is not asked for either.

use std::sync::Arc;

use super::history::History;
use super::peers::visible;
use crate::book::View;
use crate::expr::{Cell, Flat, Type, Val};
use crate::model::{AsOf, Date};

/// A column of so many days before, and the type of its values.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(super) of: Arc<str>,
    pub(super) days_ago: u32,
    pub(super) kind: Type,
}

impl Recorded {
    /// The day that is asked; `None` beyond the calendar.
    pub(super) fn on(&self, as_of: &AsOf) -> Option<Date> {
        as_of.date().plus_days(i32::try_from(self.days_ago).ok()?.checked_neg()?)
    }

    /// The values for the accounts of a view. Without a history there are none.
    pub(super) fn values(&self, view: &View, slots: &[(u32, u32)], history: Option<&dyn History>) -> Flat {
        let seen = visible(view, slots);
        let mut cells = vec![Cell::Missing; seen.len()];
        let (Some(history), Some(on)) = (history, self.on(view.as_of())) else {
            return Flat::of_cells(cells);
        };
        for (slot, first) in slots {
            let Some(chunk) = view.inner().chunk(*slot) else { continue };
            for row in 0..chunk.shape.rows() {
                let at = (*first + row) as usize;
                let Some(id) = chunk.shape.id(row).filter(|_| seen.get(at) == Some(&true)) else { continue };
                let value = history.value(id, &self.of, on);
                let cell = value.as_ref().and_then(|value| Val::of_shown(value, &self.kind).to_cell());
                if let (Some(cell), Some(place)) = (cell, cells.get_mut(at)) {
                    *place = cell;
                }
            }
        }
        Flat::of_cells(cells)
    }
}
