//! Which parts of a value were found to be wrong, and what is read in their place?

use std::collections::HashMap;

use super::error::TypedError;
use crate::model::json::Place;

/// Texts that a gap gives where a text is asked, one after the other: some types are made of a text and refuse others.
const TEXTS: [&str; 5] = ["x", "EUR", "1", "2000-01-01", "2000-01-01T00:00:00Z"];

/// What is read in the place of a wrong part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edit {
    /// Whatever is asked; as a text the one of that number.
    Gap(usize),
    /// Nothing: the part is left out.
    Dropped,
}

/// The wrong parts that are known, by their JSON pointers.
#[derive(Debug, Default)]
pub(super) struct Edits(HashMap<String, Edit>);

impl Edits {
    /// The text that a gap gives; `None` where the part is read as it is.
    pub(super) fn gap(&self, place: &Place<'_>) -> Option<&'static str> {
        match self.of(place)? {
            Edit::Gap(text) => TEXTS.get(text).copied(),
            Edit::Dropped => None,
        }
    }

    pub(super) fn is_dropped(&self, place: &Place<'_>) -> bool {
        self.of(place) == Some(Edit::Dropped)
    }

    fn of(&self, place: &Place<'_>) -> Option<Edit> {
        if self.0.is_empty() { None } else { self.0.get(&place.to_string()).copied() }
    }

    /// Replaces the part that an error is about; `false` where nothing is left to be tried.
    pub(super) fn mend(&mut self, error: &TypedError) -> bool {
        if let Some(Edit::Gap(text)) = error.gap().and_then(|place| self.0.get_mut(place))
            && *text + 1 < TEXTS.len()
        {
            *text += 1;
            return true;
        }
        let Some((place, edit)) = error.mend() else { return false };
        let before = self.0.insert(place.to_owned(), edit);
        // A gap that did not help is no use twice.
        before.is_none() || (edit == Edit::Dropped && before != Some(edit))
    }
}
