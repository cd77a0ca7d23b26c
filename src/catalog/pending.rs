//! Which definitions that are not checked yet does a check look up?

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::compile::{Key, key};
use super::definition::DefinitionKind;
use super::names::CatalogNames;
use crate::expr::{Name, NameText, Names, Of};
use crate::model::EnumValues;

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

    fn text(&self, of: Of<'_>, name: &str) -> NameText {
        self.names.text(of, name)
    }

    fn has_table(&self, table: &str) -> bool {
        self.names.has_table(table)
    }

    fn each_table(&self, seen: &mut dyn FnMut(&str)) {
        self.names.each_table(seen);
    }

    fn account_types(&self) -> Option<EnumValues> {
        self.names.account_types()
    }

    fn products(&self) -> Option<EnumValues> {
        self.names.products()
    }

    fn each_segment(&self, seen: &mut dyn FnMut(&str)) {
        self.names.each_segment(seen);
    }

    fn cancelled_when(&self) -> Option<(Arc<str>, Vec<Arc<str>>)> {
        self.names.cancelled_when()
    }

    fn has_event(&self, event: &str) -> bool {
        self.names.has_event(event)
    }

    fn each_event(&self, seen: &mut dyn FnMut(&str)) {
        self.names.each_event(seen);
    }

    fn metric(&self, metric: &str) -> Option<Name> {
        self.names.metric(metric)
    }

    fn each_metric(&self, seen: &mut dyn FnMut(&str)) {
        self.names.each_metric(seen);
    }
}
