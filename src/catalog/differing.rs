//! Which definitions say something else than in another catalog, or read one that does?

use std::collections::{HashMap, HashSet};

use super::Catalog;
use super::definition::DefinitionRef;
use super::lineage::Origin;
use super::rewrite::rewritten;
use crate::model::SchemaRenames;

impl Catalog {
    /// The definitions that are new since another catalog or say something else, with all that read them. A definition in which
    /// nothing is new but names of the schema says the same.
    ///
    /// # Complexity
    ///
    /// Linear in what all definitions read.
    pub(crate) fn differing_since(&self, before: &Self) -> HashSet<DefinitionRef> {
        let mut found: HashSet<DefinitionRef> = HashSet::new();
        if self.is_same(before) {
            return found;
        }
        let renames = SchemaRenames::between(before.schema(), self.schema());
        let says_the_same =
            |id: &DefinitionRef| {
                let (now, was) = (self.definition(id), before.definition(id));
                now == was
                    || !renames.is_empty()
                        && before.names.entries.get(id).zip(now).is_some_and(|(entry, now)| {
                            rewritten(entry, &renames).is_ok_and(|was| was == *now)
                        })
            };
        let mut left: Vec<&DefinitionRef> = self.order().filter(|id| !says_the_same(id)).collect();
        if left.is_empty() {
            return found;
        }
        let mut readers: HashMap<DefinitionRef, Vec<&DefinitionRef>> = HashMap::new();
        for reader in self.order() {
            for origin in self.reads(reader) {
                if let Origin::Definition(read) = origin {
                    readers.entry(read).or_default().push(reader);
                }
            }
        }
        while let Some(id) = left.pop() {
            if found.insert(id.clone()) {
                left.extend(readers.get(id).into_iter().flatten().copied());
            }
        }
        found
    }
}
