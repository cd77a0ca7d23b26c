//! Which definitions of two catalogs are the same one, even if renamed?

use std::collections::HashMap;
use std::sync::Arc;

use super::Catalog;
use super::definition::DefinitionRef;
use super::entry::Entries;

/// An identity for each definition: it keeps it where it says something else, and where it is renamed.
#[derive(Debug, Clone, Default)]
pub(super) struct Identities(HashMap<DefinitionRef, Arc<()>>);

impl Identities {
    /// Those of definitions; who has the name of a definition of the catalog before is that one.
    pub(super) fn of(entries: &Entries, before: Option<&Arc<Self>>) -> Arc<Self> {
        let ids = || entries.iter().filter(|entry| entry.bringer.is_none()).map(|entry| &entry.id);
        if let Some(before) = before
            && ids().count() == before.0.len()
            && ids().all(|id| before.0.contains_key(id))
        {
            return before.clone();
        }
        let known = |id: &DefinitionRef| before.and_then(|before| before.0.get(id)).cloned();
        Arc::new(Self(ids().map(|id| (id.clone(), known(id).unwrap_or_default())).collect()))
    }
}

impl Catalog {
    /// With the identities of another catalog's definitions, by name.
    pub(super) fn continuing(mut self, before: &Self) -> Self {
        self.identities = Identities::of(&self.names.entries, Some(&before.identities));
        self
    }

    /// With the identity of a definition of another catalog, which has another name in this one.
    pub(super) fn with_identity(mut self, before: &Self, was: &DefinitionRef, is: &DefinitionRef) -> Self {
        if let Some(line) = before.identities.0.get(was) {
            Arc::make_mut(&mut self.identities).0.insert(is.clone(), line.clone());
        }
        self
    }

    /// The definitions that have another name in a later catalog: before and after, in order.
    ///
    /// # Complexity
    ///
    /// O(definitions) where some came, went or were renamed in between.
    pub(crate) fn renamed_in(&self, after: &Self) -> Vec<(DefinitionRef, DefinitionRef)> {
        if Arc::ptr_eq(&self.identities, &after.identities) {
            return Vec::new();
        }
        let lines = self.identities.0.iter();
        let before: HashMap<*const (), &DefinitionRef> =
            lines.map(|(id, line)| (Arc::as_ptr(line), id)).collect();
        let pairs = after.identities.0.iter().filter_map(|(is, line)| {
            let was = *before.get(&Arc::as_ptr(line))?;
            (was != is).then(|| (was.clone(), is.clone()))
        });
        let mut pairs: Vec<(DefinitionRef, DefinitionRef)> = pairs.collect();
        pairs.sort();
        pairs
    }
}

#[cfg(test)]
mod tests {
    use crate::aggregate::UsageSchema;
    use crate::catalog::{CalculatedAttribute, Catalog, DefinitionKind, DefinitionRef};
    use crate::model::{Attribute, AttributeType, Nesting, Schema};

    fn id(name: &str) -> DefinitionRef {
        DefinitionRef { kind: DefinitionKind::Attribute, name: name.into() }
    }

    fn catalog(names: &[&str]) -> Catalog {
        let schema = Schema::builder()
            .account_type("Company", Nesting::Free)
            .attribute(Attribute::new("seats", AttributeType::Int))
            .build()
            .unwrap();
        let all = names.iter().map(|name| CalculatedAttribute::new(name, "seats * 2").into());
        Catalog::new(&schema.into(), &UsageSchema::default(), all).unwrap()
    }

    #[test]
    fn a_definition_is_known_again_by_another_name_and_no_other_by_its_old_one() {
        let first = catalog(&["a", "c"]);
        let renamed = first.renamed(&id("a"), "b").unwrap();
        assert_eq!(first.renamed_in(&renamed), [(id("a"), id("b"))]);
        assert_eq!(renamed.renamed_in(&first), [(id("b"), id("a"))]);
        // Of another origin, names are all there is.
        assert_eq!(catalog(&["b", "c"]).renamed_in(&renamed), []);
        // What goes is gone, and its name may be taken.
        let less = renamed.exactly([CalculatedAttribute::new("c", "seats * 2").into()]).unwrap();
        let taken = less.renamed(&id("c"), "b").unwrap();
        assert_eq!(first.renamed_in(&taken), [(id("c"), id("b"))]);
        // A new definition of an old name is a new one.
        let again: Vec<_> = ["a", "b"].map(|name| CalculatedAttribute::new(name, "seats * 3").into()).into();
        let again = taken.exactly(again).unwrap();
        assert_eq!(first.renamed_in(&again), [(id("c"), id("b"))]);
        // Two are exchanged.
        let exchanged = first.renamed(&id("a"), "x").unwrap();
        let exchanged = exchanged.renamed(&id("c"), "a").unwrap().renamed(&id("x"), "c").unwrap();
        assert_eq!(first.renamed_in(&exchanged), [(id("a"), id("c")), (id("c"), id("a"))]);
    }
}
