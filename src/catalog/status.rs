//! Which calculated attributes tell who is cancelled?
//!
//! One whose expression reads the status of the account that asks, also by way of a segment or of another such attribute. A
//! walk that leaves out cancelled accounts may read it no more than the status itself: ruling S114 of `docs/semantics`.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::compile::Entry;
use super::definition::DefinitionKind;
use super::fault::DefinitionRef;
use super::names::CatalogNames;
use crate::expr::{Checked, Names};

/// Does an expression read the status of its account? What it reads is among the entries and names.
///
/// Linear in the expression and in the segments that it asks.
pub(super) fn tells_cancelled(
    checked: &Checked,
    names: &CatalogNames,
    entries: &IndexMap<DefinitionRef, Entry>,
) -> bool {
    let Some((status, _)) = names.cancelled_when() else { return false };
    let mut left = vec![checked];
    let mut asked: HashSet<&str> = HashSet::new();
    while let Some(checked) = left.pop() {
        let (attributes, segments) = checked.reads_of_asker();
        let computed = |name: &str| names.columns.get(name).is_some_and(|(name, _)| name.tells_cancelled());
        if attributes.into_iter().any(|name| *status == *name || computed(name)) {
            return true;
        }
        for id in segments.into_iter().filter(|id| asked.insert(id)) {
            let id = DefinitionRef { kind: DefinitionKind::Segment, name: id.into() };
            left.extend(entries.get(&id).and_then(|entry| entry.compiled.expressions().into_iter().next()));
        }
    }
    false
}
