//! Which account shows the usage of an id? Ruling S105 of `docs/semantics`.

use std::collections::HashMap;

use super::Inner;
use crate::model::{AccountId, AccountIdx, Date};

/// The accounts that show the usage of ids: for each id itself, where it is in the book, else the first on the way of its first
/// successors that is. Days of the question do not matter, since usage of all days goes over with the account.
///
/// Ways that come together are walked once from there, so that all ids together take no more steps than there are links.
pub(crate) struct UsagePlaces<'b> {
    book: &'b Inner,
    /// Of the accounts that ended and are not in the book, each with the day from which on it was followed.
    known: HashMap<(&'b AccountId, Date), Option<AccountIdx>>,
}

impl<'b> UsagePlaces<'b> {
    pub(crate) fn new(book: &'b Inner) -> Self {
        Self { book, known: HashMap::new() }
    }

    pub(crate) fn of(&mut self, id: &str) -> Option<AccountIdx> {
        if let Some(place) = self.book.find(id) {
            return Some(place);
        }
        let id = AccountId::new(id).ok()?;
        let history = &self.book.successions;
        let mut way: Vec<(&'b AccountId, Date)> = Vec::new();
        // Days never go back on the way, and the ends of one day form no ring: it ends.
        let mut step = history.first_after(&id, Date::MIN);
        let found = loop {
            let Some((successor, on)) = step else { break None };
            if let Some(place) = self.book.find(successor.as_str()) {
                break Some(place);
            }
            if let Some(known) = self.known.get(&(successor, on)) {
                break *known;
            }
            way.push((successor, on));
            step = history.first_after(successor, on);
        };
        self.known.extend(way.into_iter().map(|state| (state, found)));
        found
    }
}
