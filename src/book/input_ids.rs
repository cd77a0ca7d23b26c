//! Which ids may come in?
//!
//! An id of a source holds no invisible character, unless the book that the rows are compared with has that id
//! already; rows of a book that is arranged anew keep the ids they have. Ruling S140 of `docs/semantics`.

use super::Book;
use crate::model::{AccountId, ChildId, IdError};

/// The ids that are taken though they hold an invisible character.
#[derive(Debug, Clone, Default)]
pub(super) enum InputIds {
    /// None: the rows come from outside.
    #[default]
    New,
    /// Those of this book: the rows come from outside, and are compared with it.
    Beside(Book),
    /// All: the rows were in a book before.
    Stored,
}

impl InputIds {
    /// Checks the id of an account.
    pub(super) fn check_account(&self, text: &str) -> Result<(), IdError> {
        let checked = AccountId::check_input(text);
        self.unless_known(checked, |book| {
            book.0.find(text).is_some() || book.0.held.accounts.contains_key(text)
        })
    }

    /// Checks the id of a child row; `table` is the number of its table.
    pub(super) fn check_child(&self, table: usize, text: &str) -> Result<(), IdError> {
        let checked = ChildId::check_input(text);
        self.unless_known(checked, |book| book.0.find_child(table, text).is_some())
    }

    fn unless_known(
        &self,
        checked: Result<(), IdError>,
        is_known: impl FnOnce(&Book) -> bool,
    ) -> Result<(), IdError> {
        match (&checked, self) {
            (Err(IdError::Invisible { .. }), Self::Stored) => Ok(()),
            (Err(IdError::Invisible { .. }), Self::Beside(book)) if is_known(book) => Ok(()),
            _ => checked,
        }
    }
}
