//! Which definitions changed since another catalog, and which read a changed one?

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Catalog;
use super::definition::DefinitionRef;
use super::lineage::Origin;
use super::rewrite::{NewNames, rewritten};
use crate::aggregate::{ANY_EVENT, EventKind};
use crate::model::SchemaRenames;

impl Catalog {
    /// The definitions that are new since another catalog or say something else. One in which
    /// nothing is new but names of attributes, tables and columns, and of definitions that were `renamed` from one name to another, says the
    /// same.
    ///
    /// # Complexity
    ///
    /// Linear in the definitions, and for each that was renamed in all names.
    pub(crate) fn saying_otherwise(
        &self,
        before: &Self,
        renamed: &[(DefinitionRef, DefinitionRef)],
    ) -> Vec<&DefinitionRef> {
        if self.is_same(before) {
            return Vec::new();
        }
        let renames = SchemaRenames::between(before.schema(), self.schema());
        let mut names = NewNames::of_schema(&renames);
        let mut older: HashMap<&DefinitionRef, Option<&DefinitionRef>> = HashMap::new();
        for (was, is) in renamed {
            names.add(before, was, &is.name);
            older.entry(was).or_insert(None);
            older.insert(is, Some(was));
        }
        let says_the_same = |id: &DefinitionRef| {
            let now = self.definition(id);
            if renames.is_empty() && renamed.is_empty() {
                return now == before.definition(id);
            }
            // As it would be written with the new names.
            let entry =
                older.get(id).map_or(Some(id), |was| *was).and_then(|id| before.names.entries.get(id));
            let was = entry.and_then(|entry| rewritten(entry, &names).ok());
            let was = was.map(|mut was| {
                was.as_define_mut().set_name(&id.name);
                was
            });
            was.as_ref() == now
        };
        self.order().filter(|id| !says_the_same(id)).collect()
    }

    /// The same, with all definitions that read one of them.
    ///
    /// # Complexity
    ///
    /// The same, and linear in what all definitions read where there is one.
    pub(crate) fn differing_since(
        &self,
        before: &Self,
        renamed: &[(DefinitionRef, DefinitionRef)],
    ) -> HashSet<DefinitionRef> {
        let mut found: HashSet<DefinitionRef> = HashSet::new();
        let mut left: Vec<DefinitionRef> =
            self.saying_otherwise(before, renamed).into_iter().cloned().collect();
        if left.is_empty() {
            return found;
        }
        let readers = self.direct_readers();
        while let Some(id) = left.pop() {
            if found.insert(id.clone()) {
                left.extend(readers.get(&Origin::Definition(id)).into_iter().flatten().cloned());
            }
        }
        found
    }

    /// The definitions that read kinds of event which are declared otherwise than in another catalog.
    pub(crate) fn reading_changed_events(&self, before: &Self) -> HashSet<DefinitionRef> {
        let (own, other) = (self.usage_schema(), before.usage_schema());
        if own == other {
            return HashSet::new();
        }
        let changed = own.kinds().filter(|kind| other.kind(kind.name()).is_none_or(|was| was != *kind));
        let names = changed.map(EventKind::name).chain([ANY_EVENT]);
        let origins: Vec<Origin> = names.map(|name| Origin::Event(Arc::from(name))).collect();
        self.impact_of_each(&origins).iter().map(|impact| impact.definition().clone()).collect()
    }
}
