//! What does a definition say, where what it reads has another name?

use std::cell::Cell;
use std::sync::Arc;

use super::definition::Definition;
use super::entry::Entry;
use super::fault::{CatalogFault, CatalogFaultKind};
use crate::define::{DefinitionFault, Named, Renames};
use crate::expr::{Checked, Source, Type, Written};
use crate::model::SchemaRenames;

/// A definition with the new names in the places of the old ones that it reads.
pub(super) fn rewritten(entry: &Entry, renames: &SchemaRenames) -> Result<Definition, CatalogFault> {
    let metric = entry.compiled.metric().map(|metric| metric.checked());
    let known: Vec<&Checked> = entry.compiled.expressions().into_iter().chain(metric).collect();
    let unclear = Cell::new(false);
    let expression = |text: &str| -> Arc<str> {
        let of_text = known.iter().filter(|checked| checked.ast().source_text() == text);
        let mut all = of_text.map(|checked| checked.rewritten(&|written| renamed(renames, written)));
        let first = all.next().flatten();
        // One text that reads rows of two tables would be two texts from now on.
        if all.any(|other| other != first) {
            unclear.set(true);
        }
        first.map_or_else(|| Arc::from(text), Arc::from)
    };
    let named = |of: Named, name: &str| {
        let names = match of {
            Named::Column => &renames.attributes,
            Named::Table => &renames.tables,
            Named::Event => &renames.events,
            Named::AccountType => &renames.types,
        };
        names.get(name).cloned()
    };
    let value = |text: &str, value: &str| {
        let of_text = known.iter().find(|checked| checked.ast().source_text() == text)?;
        let kind = of_text.kind();
        let values = kind.values().or(match kind {
            Type::List(of) => of.values(),
            _ => None,
        });
        renamed(renames, Written::Value(values?, &Arc::from(value)))
    };
    let mut now = (*entry.definition).clone();
    now.as_define_mut().rename(&Renames { expression: &expression, named: &named, value: &value });
    if unclear.get() {
        let why = "one of its expressions reads, by the same text, rows of which only some have other names from now on; write them \
                   differently first";
        let kind = CatalogFaultKind::Invalid(DefinitionFault::Other(why.to_owned()));
        return Err(CatalogFault { definition: entry.id.clone(), kind });
    }
    Ok(now)
}

/// The new name of something that a text writes.
fn renamed(renames: &SchemaRenames, written: Written<'_>) -> Option<Arc<str>> {
    match written {
        Written::Name(Source::Attribute(name)) => renames.attributes.get(name).cloned(),
        Written::Name(Source::Table(name)) => renames.tables.get(name).cloned(),
        Written::Name(Source::Event(name)) => renames.events.get(name).cloned(),
        Written::Name(Source::Column(table, name)) => {
            renames.columns.get(&(table.clone(), name.clone())).cloned()
        }
        Written::Name(Source::Field(event, name)) => {
            renames.fields.get(&(event.clone(), name.clone())).cloned()
        }
        Written::Name(Source::Metric(_) | Source::Segment(_)) => None,
        Written::Value(values, value) => {
            let of = renames.values.iter().find(|(known, _)| known.is_same(values));
            of.and_then(|(_, renamed)| renamed.get(value)).cloned()
        }
    }
}
