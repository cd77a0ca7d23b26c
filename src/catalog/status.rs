//! Which calculated attributes tell who is cancelled?
//!
//! One whose expression reads the status of the account that asks, also by way of a segment or of another such attribute. A
//! walk that leaves out cancelled accounts may read it no more than the status itself: ruling S114 of `docs/semantics`.

use std::collections::HashSet;

use super::entry::Compiled;
use super::names::CatalogNames;
use crate::expr::{Names, Of};

/// Does a definition give a column that tells the status of its account? What it reads is among the names.
///
/// Linear in the expression and in the segments that it asks.
pub(super) fn tells_cancelled(compiled: &Compiled, names: &CatalogNames) -> bool {
    let Compiled::Attribute(checked) = compiled else { return false };
    let Some((status, _)) = names.cancelled_when() else { return false };
    let mut left = vec![checked];
    let mut asked: HashSet<&str> = HashSet::new();
    while let Some(checked) = left.pop() {
        let (attributes, segments) = checked.reads_of_asker();
        let tells = |name: &str| names.name(Of::Account, name).is_some_and(|name| name.tells_cancelled());
        if attributes.into_iter().any(|name| *status == *name || tells(name)) {
            return true;
        }
        for id in segments.into_iter().filter(|id| asked.insert(id)) {
            left.extend(
                names.entries.segment(id).and_then(|entry| entry.compiled.expressions().into_iter().next()),
            );
        }
    }
    false
}
