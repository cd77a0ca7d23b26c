//! Which definitions that are not checked yet does a check look up?

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use super::compile::{Key, key};
use super::definition::DefinitionKind;
use super::names::CatalogNames;
use crate::expr::{Name, Names, Of};

/// The names of a catalog, with a note of each that was looked up in vain and that a pending definition would give.
pub(super) struct PendingNames<'n> {
    names: &'n CatalogNames,
    /// Definitions that are not checked yet, by how they are read.
    pending: &'n HashMap<Key, usize>,
    read: RefCell<BTreeSet<usize>>,
}

impl<'n> PendingNames<'n> {
    pub(super) fn new(names: &'n CatalogNames, pending: &'n HashMap<Key, usize>) -> Self {
        Self { names, pending, read: RefCell::default() }
    }

    /// The places of the pending definitions that were looked up.
    pub(super) fn into_read(self) -> BTreeSet<usize> {
        self.read.into_inner()
    }

    fn note(&self, kind: DefinitionKind, name: &str) {
        if let Some(place) = self.pending.get(&key(kind, name)) {
            self.read.borrow_mut().insert(*place);
        }
    }
}

impl Names for PendingNames<'_> {
    fn beneath(&self) -> Option<&dyn Names> {
        Some(self.names)
    }

    fn name(&self, of: Of<'_>, name: &str) -> Option<Name> {
        let found = self.names.name(of, name);
        if found.is_none() && of == Of::Account {
            self.note(DefinitionKind::Attribute, name);
        }
        found
    }

    fn segment_chain(&self, id: &str) -> Option<usize> {
        let found = self.names.segment_chain(id);
        if found.is_none() {
            self.note(DefinitionKind::Segment, id);
        }
        found
    }

    fn each(&self, of: Of<'_>, seen: &mut dyn FnMut(&str)) {
        self.names.each(of, seen);
    }
}
