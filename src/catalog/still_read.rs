//! A definition is taken out: which definitions still read it?
//!
//! Without it, a reader has the fault that a name is unknown, perhaps with a near name as if it had been misspelt. So what is at fault is
//! checked once more as if what goes were still there: what is valid then and was not before reads what goes, and that is the
//! fault that is reported, of what goes and with its readers.

use std::collections::HashSet;
use std::sync::Arc;

use super::Catalog;
use super::compile::{Candidate, keys, validate};
use super::definition::DefinitionRef;
use super::edit::Ground;
use super::entry::{Entry, Key};
use super::fault::{CatalogErrors, CatalogFault, CatalogFaultKind};
use super::names::{Assumed, CatalogNames};

impl Catalog {
    /// The catalog of the definitions that there are after an edit of this one.
    pub(super) fn compiled_next(
        &self,
        ground: Ground<'_>,
        given: &[Candidate],
    ) -> Result<Self, CatalogErrors> {
        Self::compile(ground, given, Some(self)).map_err(|errors| self.still_read(ground, given, errors))
    }

    /// The errors of an edit, with those of readers of what goes told of what goes.
    fn still_read(&self, ground: Ground<'_>, given: &[Candidate], errors: CatalogErrors) -> CatalogErrors {
        let named: HashSet<Key> = given.iter().flat_map(|given| keys(&given.definition)).collect();
        let gone: Vec<&Arc<Entry>> = self
            .names
            .entries
            .given()
            .into_iter()
            .filter(|entry| !keys(&entry.definition).iter().any(|key| named.contains(key)))
            .collect();
        if gone.is_empty() {
            return errors;
        }
        let with_gone: Vec<Candidate> =
            given.iter().cloned().chain(gone.iter().map(|entry| Candidate::of_entry(entry))).collect();
        let bare = CatalogNames::bare(ground.schema, ground.usage, Assumed::default());
        let checked = validate(&bare, ground.zones, ground.limits, &with_gone);
        let at_fault: HashSet<&DefinitionRef> = errors.iter().map(|fault| &fault.definition).collect();
        let mut faults = Vec::new();
        for entry in &gone {
            let own = keys(&entry.definition);
            let mut readers: Vec<DefinitionRef> = Vec::new();
            for reader in checked.names.entries.iter() {
                let id = reader.written();
                let reads = at_fault.contains(id) && reader.looked.iter().any(|key| own.contains(key));
                if reads && !readers.contains(id) {
                    readers.push(id.clone());
                }
            }
            if !readers.is_empty() {
                let kind = CatalogFaultKind::StillRead(readers);
                faults.push(CatalogFault { definition: entry.id.clone(), kind });
            }
        }
        if faults.is_empty() {
            return errors;
        }
        faults.extend(checked.faults.into_iter().filter(|fault| at_fault.contains(&fault.definition)));
        CatalogErrors::new(faults)
    }
}
