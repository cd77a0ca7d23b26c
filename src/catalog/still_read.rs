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
use super::lineage::Origin;
use super::names::{Assumed, CatalogNames};
use crate::expr::{Names, Of, Source};

impl Catalog {
    /// The catalog of the definitions that there are after an edit of this one.
    pub(super) fn compiled_next(
        &self,
        ground: Ground<'_>,
        given: &[Candidate],
    ) -> Result<Self, CatalogErrors> {
        let next = Self::compile(ground, given, Some(self));
        next.map_err(|errors| self.reads_removed(ground, given, self.still_read(ground, given, errors)))
    }

    /// The errors over another schema. Definitions that read a removed part get one error that says so, in place of unknown names.
    pub(super) fn reads_removed(
        &self,
        ground: Ground<'_>,
        given: &[Candidate],
        errors: CatalogErrors,
    ) -> CatalogErrors {
        let (old, new) = (self.schema(), ground.schema);
        if Arc::ptr_eq(old, new) && self.usage_schema() == ground.usage {
            return errors;
        }
        let was = CatalogNames::bare(old, self.usage_schema(), Assumed::default());
        let now = CatalogNames::bare(new, ground.usage, Assumed::default());
        let is_known = |names: &CatalogNames, part: &Source| match part {
            Source::Attribute(name) => Names::name(names, Of::Account, name).is_some(),
            Source::Table(table) => names.has_table(table),
            Source::Column(table, column) => Names::name(names, Of::Table(table), column).is_some(),
            Source::Event(event) => names.has_event(event),
            Source::Field(event, field) => Names::name(names, Of::Event(event), field).is_some(),
            Source::Metric(_) | Source::Segment(_) => true,
        };
        let removed = |id: &DefinitionRef| -> Vec<Origin> {
            let Some(entry) = self.names.entries.get(id) else { return Vec::new() };
            // One that is edited may read something else.
            let stays = given.iter().any(|given| given.definition.is_same(&entry.definition));
            let reads = entry.reads.iter().filter(|_| stays);
            let gone = reads.filter(|part| is_known(&was, part) && !is_known(&now, part));
            gone.filter_map(origin).collect()
        };
        let mut told: HashSet<DefinitionRef> = HashSet::new();
        let mut faults = Vec::new();
        for fault in errors {
            let is_invalid = matches!(fault.kind, CatalogFaultKind::Invalid(_));
            let parts = if is_invalid { removed(&fault.definition) } else { Vec::new() };
            if parts.is_empty() {
                faults.push(fault);
            } else if told.insert(fault.definition.clone()) {
                faults.push(CatalogFault { kind: CatalogFaultKind::ReadsRemoved(parts), ..fault });
            }
        }
        CatalogErrors::new(faults)
    }

    /// The errors of an edit. A removed definition that is still read gets one error with its readers, in place of the errors of its readers.
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

/// A part of the schema or of usage that is read.
fn origin(part: &Source) -> Option<Origin> {
    Some(match part {
        Source::Attribute(name) => Origin::Attribute(name.clone()),
        Source::Table(table) => Origin::Table(table.clone()),
        Source::Column(table, column) => Origin::Column { table: table.clone(), column: column.clone() },
        Source::Event(event) => Origin::Event(event.clone()),
        Source::Field(event, field) => Origin::EventField { event: event.clone(), field: field.clone() },
        Source::Metric(_) | Source::Segment(_) => return None,
    })
}
