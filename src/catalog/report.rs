//! What is allowed, but probably not meant?

use std::collections::HashMap;

use super::Catalog;
use super::definition::{Definition, DefinitionRef};
use super::derived::unused;
use crate::expr::{Checked, Diagnostic};
use crate::model::is_reserved;

/// What a catalog has that stops nothing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CatalogReport {
    /// Columns and metrics that no other definition reads. Screens may.
    pub unused: Vec<DefinitionRef>,
    /// Definitions that say the same under another name: the later one, and the first.
    pub duplicates: Vec<(DefinitionRef, DefinitionRef)>,
    /// Definitions whose name is a word of the language, such as `level`, which means the definition wherever it is
    /// written now: they were defined before such names were refused, and came back with a journal. Give them another.
    pub reserved: Vec<DefinitionRef>,
    /// Lints of their expressions.
    pub lints: Vec<(DefinitionRef, Diagnostic)>,
}

impl Catalog {
    /// The expressions of each definition, also of those that others bring: who brings it, its own name, and they.
    pub(crate) fn each_expression(
        &self,
    ) -> impl Iterator<Item = (&DefinitionRef, &DefinitionRef, Vec<&Checked>)> {
        let entries = self.names.entries.iter();
        entries.map(|entry| (entry.written(), &entry.id, entry.compiled.expressions()))
    }

    /// Definitions that nobody reads, that say the same, and what their expressions probably do not mean.
    #[must_use]
    pub fn report(&self) -> CatalogReport {
        let mut first: HashMap<String, DefinitionRef> = HashMap::new();
        let mut duplicates = Vec::new();
        for definition in self.given() {
            let id = definition.id();
            match first.entry(definition.as_define().canonical_text()) {
                std::collections::hash_map::Entry::Occupied(known) => {
                    duplicates.push((id, known.get().clone()));
                }
                std::collections::hash_map::Entry::Vacant(free) => {
                    free.insert(id);
                }
            }
        }
        let lints = self.names.entries.iter().flat_map(|entry| {
            let all = entry.compiled.expressions().into_iter().flat_map(|checked| checked.lints().to_vec());
            all.map(|lint| (entry.written().clone(), lint))
        });
        CatalogReport {
            unused: unused(&self.names.entries),
            duplicates,
            reserved: self.given().map(Definition::id).filter(|id| is_reserved(&id.name)).collect(),
            lints: lints.collect(),
        }
    }
}
