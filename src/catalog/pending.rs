//! Which names does the check of a definition look up, and which of them are not known to be valid yet?

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;

use super::compile::is_below;
use super::entry::{Asked, Key};
use super::names::CatalogNames;
use crate::define::Namespace;
use crate::expr::{Name, Names, Of};

/// The names of a catalog, with a note of each that a check looks up. They are not listed: what is wrong with a definition
/// is said later, against the names of all that are valid.
pub(super) struct PendingNames<'n> {
    names: &'n CatalogNames,
    /// The places of definitions that are not valid, or not yet.
    open: &'n IndexMap<Key, usize>,
    noted: RefCell<Noted>,
}

/// What a check looked up.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// The places of open definitions: whatever was found in their stead, they are what is meant.
    pub(super) open: BTreeSet<usize>,
    /// Their names, as they were looked up.
    waited: Vec<Key>,
    pub(super) looked: Looked,
}

/// Names that a definition gives, or could give, in the order in which they were looked up: is nothing read of each but what a
/// definition declares before it is checked?
pub(super) type Looked = IndexMap<Key, bool>;

impl<'n> PendingNames<'n> {
    pub(super) fn new(names: &'n CatalogNames, open: &'n IndexMap<Key, usize>) -> Self {
        Self { names, open, noted: RefCell::default() }
    }

    pub(super) fn into_noted(self) -> Noted {
        self.noted.into_inner()
    }

    /// Notes a name that no schema has.
    fn note(&self, namespace: Namespace, name: &str) {
        let mut noted = self.noted.borrow_mut();
        let asked = Asked::new(namespace, name);
        if noted.looked.get(&asked) == Some(&false) {
            return;
        }
        if let Some((key, _)) = self.names.entries.read(asked) {
            noted.looked.insert(key.clone(), false);
            return;
        }
        match self.open.get_key_value(&asked) {
            Some((key, place)) => {
                // Of a longer name that is waited for, this is a shorter reading, which is not meant as long as that may be valid.
                let is_longer = |waited: &Key| waited.is_in(namespace) && is_below(waited.name(), name);
                if !noted.waited.iter().any(is_longer) {
                    noted.open.insert(*place);
                    noted.waited.push(key.clone());
                }
                noted.looked.insert(key.clone(), false);
            }
            None => {
                noted.looked.insert(Key::new(namespace, Arc::from(name)), false);
            }
        }
    }

    /// Notes a column that is declared, of which nothing else is read.
    pub(super) fn note_declared(&self, column: &str) {
        let key = Key::new(Namespace::Columns, Arc::from(column));
        self.noted.borrow_mut().looked.entry(key).or_insert(true);
    }
}

impl Names for PendingNames<'_> {
    fn beneath(&self) -> Option<&dyn Names> {
        Some(self.names)
    }

    fn name(&self, of: Of<'_>, name: &str) -> Option<Name> {
        let found = self.names.name(of, name);
        // What the schema has is given by no definition.
        if of == Of::Account && !(found.is_some() && self.names.is_bare(name)) {
            self.note(Namespace::Columns, name);
        }
        found
    }

    fn segment_chain(&self, id: &str) -> Option<usize> {
        self.note(Namespace::Segments, id);
        self.names.segment_chain(id)
    }

    fn metric(&self, metric: &str) -> Option<Name> {
        self.note(Namespace::Metrics, metric);
        self.names.metric(metric)
    }

    fn each(&self, _: Of<'_>, _: &mut dyn FnMut(&str)) {}

    fn each_table(&self, _: &mut dyn FnMut(&str)) {}

    fn each_segment(&self, _: &mut dyn FnMut(&str)) {}

    fn each_event(&self, _: &mut dyn FnMut(&str)) {}

    fn each_metric(&self, _: &mut dyn FnMut(&str)) {}
}
