//! Which definitions read the status of the account that asks?
//!
//! By themselves, or by way of a segment or of a calculated attribute that does. A walk that leaves out cancelled accounts may
//! read these no more than the status itself: ruling S114 of `docs/semantics`.

use super::entry::Gives;
use super::names::CatalogNames;
use crate::expr::{Checked, Names, Of};

/// Does an expression read the status of its account? What it reads is among the names. Linear in the expression.
pub(super) fn reads_status(checked: &Checked, names: &CatalogNames) -> bool {
    let Some((status, _)) = names.cancelled_when() else { return false };
    let (attributes, segments) = checked.reads_of_asker();
    let by_attribute = |name: &str| {
        *status == *name || names.name(Of::Account, name).is_some_and(|name| name.is_computed_from_status())
    };
    let by_segment = |id: &str| {
        let entry = names.entries.segment(id);
        entry.is_some_and(|entry| {
            matches!(entry.gives.first(), Some(Gives::Segment { reads_status: true, .. }))
        })
    };
    attributes.into_iter().any(by_attribute) || segments.into_iter().any(by_segment)
}
