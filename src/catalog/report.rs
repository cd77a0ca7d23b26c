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

/// What a definition reads.
pub(crate) struct Reader<'c> {
    /// The definition that somebody wrote: itself, or what brings it.
    pub(crate) written: &'c DefinitionRef,
    pub(crate) id: &'c DefinitionRef,
    /// Its expressions; of a metric, its question.
    pub(crate) expressions: Vec<&'c Checked>,
    /// The windows of events that it reads by itself, in days.
    pub(crate) event_windows: Vec<u32>,
}

impl Catalog {
    /// What each definition reads, also of those that others bring.
    pub(crate) fn each_reader(&self) -> impl Iterator<Item = Reader<'_>> {
        self.names.entries.iter().map(|entry| Reader {
            written: entry.written(),
            id: &entry.id,
            expressions: entry.compiled.all_expressions(),
            event_windows: entry.compiled.event_windows(),
        })
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
        let lints = self.each_reader().flat_map(|reader| {
            let all = reader.expressions.into_iter().flat_map(Checked::lints);
            all.map(|lint| (reader.written.clone(), lint.clone()))
        });
        CatalogReport {
            unused: unused(&self.names.entries),
            duplicates,
            reserved: self.given().map(Definition::id).filter(|id| is_reserved(&id.name)).collect(),
            lints: lints.collect(),
        }
    }
}
