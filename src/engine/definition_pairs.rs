//! How are the definitions of two states paired, if some were renamed in between?

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalog::{Catalog, DefinitionRef};

/// A definition by its names in two states; an answer is told by its name in the newer one. It has no older name where that was the
/// name of another definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DefinitionPair {
    pub(super) after: DefinitionRef,
    pub(super) before: Option<DefinitionRef>,
}

impl DefinitionPair {
    /// A column of the older state, by its name in the newer one.
    pub(super) fn renamed(&self, column: &Arc<str>) -> Arc<str> {
        let before = self.before.as_ref().filter(|before| **before != self.after);
        let renamed = before.and_then(|before| before.renamed(column, &self.after.name));
        renamed.unwrap_or_else(|| column.clone())
    }
}

/// The definitions that have another name in the newer of two states.
#[derive(Debug)]
pub(super) struct DefinitionPairs {
    /// Older and newer name, in order.
    pairs: Vec<(DefinitionRef, DefinitionRef)>,
    newer: HashMap<DefinitionRef, DefinitionRef>,
    older: HashMap<DefinitionRef, DefinitionRef>,
    /// Of columns of definitions: by the older name, and by the newer one.
    columns: [HashMap<Arc<str>, Arc<str>>; 2],
}

impl DefinitionPairs {
    pub(super) fn between(before: &Catalog, after: &Catalog) -> Self {
        let pairs = before.renamed_in(after);
        let newer: HashMap<Arc<str>, Arc<str>> = before.renamed_columns(&pairs);
        let older = newer.iter().map(|(was, is)| (is.clone(), was.clone())).collect();
        Self {
            newer: pairs.iter().cloned().collect(),
            older: pairs.iter().map(|(was, is)| (is.clone(), was.clone())).collect(),
            columns: [newer, older],
            pairs,
        }
    }

    /// The definitions that have another name, before and after.
    pub(super) fn renamed(&self) -> &[(DefinitionRef, DefinitionRef)] {
        &self.pairs
    }

    /// The name in the other state of a column of the older or the newer one.
    pub(super) fn column_elsewhere(&self, column: &str, is_newer: bool) -> Arc<str> {
        let [newer, older] = &self.columns;
        let names = if is_newer { older } else { newer };
        names.get(column).cloned().unwrap_or_else(|| Arc::from(column))
    }

    /// A definition of the newer state.
    pub(super) fn of(&self, id: &DefinitionRef) -> DefinitionPair {
        let before = match self.older.get(id) {
            Some(before) => Some(before.clone()),
            // Who had the name is called otherwise now.
            None if self.newer.contains_key(id) => None,
            None => Some(id.clone()),
        };
        DefinitionPair { before, after: id.clone() }
    }

    /// A definition of the older state; `None` where it is gone, and another one has its name now.
    pub(super) fn of_before(&self, id: &DefinitionRef) -> Option<DefinitionPair> {
        let after = match self.newer.get(id) {
            Some(after) => after,
            None if self.older.contains_key(id) => return None,
            None => id,
        };
        Some(DefinitionPair { before: Some(id.clone()), after: after.clone() })
    }
}
