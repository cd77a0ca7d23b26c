//! Does a definition read what it read, when what it reads is renamed?

use std::collections::HashMap;
use std::sync::Arc;

use super::{NewNames, fault};
use crate::catalog::entry::Entry;
use crate::catalog::fault::CatalogFault;
use crate::expr::{Checked, Source};

/// What is wrong with a definition that stays under another schema, though it makes sense there: it reads something else than before, or
/// takes values as texts that are other texts.
pub(in crate::catalog) fn changed_meaning(
    before: &Arc<Entry>,
    now: &Arc<Entry>,
    names: &NewNames<'_>,
) -> Option<CatalogFault> {
    let renames = names.schema;
    let (old, new) = (before.compiled.all_expressions(), now.compiled.all_expressions());
    let as_text = |checked: &&Checked| {
        renames.sets.iter().filter(|set| !set.said.is_empty()).any(|set| {
            checked.takes_as_text(&set.before)
                || set.after.as_ref().is_some_and(|after| checked.takes_as_text(after))
        })
    };
    if old.iter().chain(&new).any(as_text) {
        let what = "it takes allowed values as texts, and some are other texts from now on; define it anew in the same update";
        return Some(fault(before, what.to_owned()));
    }
    if Arc::ptr_eq(before, now) {
        return None;
    }
    for (old, new) in old.iter().zip(&new) {
        let was = old.mentioned().map(|source| source_after(source, names));
        let mut pairs = was.zip(new.mentioned());
        if let Some((was, is)) = pairs.find(|(was, is)| was != *is) {
            let what = format!("it would read `{}` in the place of `{}`", is.name(), was.name());
            return Some(fault(before, what));
        }
    }
    None
}

/// What is read from now on by who read something.
fn source_after(source: &Source, names: &NewNames<'_>) -> Source {
    let renames = names.schema;
    let now = |names: &HashMap<Arc<str>, Arc<str>>, name: &Arc<str>| names.get(name).unwrap_or(name).clone();
    let part = |names: &HashMap<(Arc<str>, Arc<str>), Arc<str>>, of: &Arc<str>, name: &Arc<str>| {
        names.get(&(of.clone(), name.clone())).unwrap_or(name).clone()
    };
    match source {
        Source::Attribute(name) => Source::Attribute(match names.columns.get(name) {
            Some(column) => column.clone(),
            None => now(&renames.attributes, name),
        }),
        Source::Table(name) => Source::Table(now(&renames.tables, name)),
        Source::Event(name) => Source::Event(now(&renames.events, name)),
        Source::Column(table, name) => {
            Source::Column(now(&renames.tables, table), part(&renames.columns, table, name))
        }
        Source::Field(event, name) => {
            Source::Field(now(&renames.events, event), part(&renames.fields, event, name))
        }
        Source::Metric(name) => Source::Metric(now(&names.metrics, name)),
        Source::Segment(name) => Source::Segment(now(&names.segments, name)),
    }
}
