//! Which ids of rows are accepted?
//!
//! An id of a source must not have an invisible character, unless the book that the rows are compared with already has
//! that id. Rows of a book that is rebuilt keep their ids. Ruling S140 of `docs/semantics`.

use super::Book;
use crate::model::{AccountId, ChildId, IdError};

/// The ids that are accepted in spite of an invisible character.
#[derive(Debug, Clone, Default)]
pub(super) enum InputIds {
    /// None: the rows are of a source.
    #[default]
    New,
    /// Those of this book: the rows are of a source and are compared with it.
    Beside(Book),
    /// All: the rows are of a book.
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
