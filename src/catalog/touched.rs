//! Which definitions must be recompiled when the schema changes?
//!
//! While every part keeps its place, these are the definitions that mention a part whose declaration changed, or looked up a name that was added or
//! removed. All others keep their compiled form, which holds places in the schema.

use std::collections::HashSet;
use std::sync::Arc;

use super::entry::Entry;
use crate::expr::Source;
use crate::model::{Attribute, ChildTable, Schema, SystemAttribute, UsageSchema};

/// The differences between two schemas and their kinds of event.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Names of attributes and child tables that came or went.
    pub(super) names: HashSet<Arc<str>>,
    /// The names above these: what is before a dot of one.
    above: HashSet<Arc<str>>,
    /// Attributes whose declaration changed, by their old names.
    attributes: HashSet<Arc<str>>,
    /// Child tables that are, or have other columns, by the names of before.
    tables: HashSet<Arc<str>>,
    events: bool,
}

impl Touched {
    /// `None` where a part is not at its place, or where that is different which any definition may read.
    pub(super) fn between(old: (&Schema, &UsageSchema), new: (&Schema, &UsageSchema)) -> Option<Self> {
        let mut touched = Self { events: old.1 != new.1, ..Self::default() };
        let ((old, _), (new, _)) = (old, new);
        let same_types = old.account_types().eq(new.account_types())
            && old.products().eq(new.products())
            && old.same_statuses(new);
        if !same_types
            || old.attributes().len() > new.attributes().len()
            || old.tables().len() > new.tables().len()
        {
            return None;
        }
        for (before, after) in
            old.attributes().zip(new.attributes()).filter(|(before, after)| before != after)
        {
            // Who is cancelled is read by whatever adds up.
            if !before.line().is_same(after.line()) || before.name() == SystemAttribute::Status.name() {
                return None;
            }
            touched.attributes.insert(Arc::from(before.name()));
            touched.rename(before.name(), after.name());
        }
        for (before, after) in old.tables().zip(new.tables()).filter(|(before, after)| before != after) {
            if !before.line().is_same(after.line()) || !is_in_place(before.columns(), after.columns()) {
                return None;
            }
            touched.tables.insert(Arc::from(before.name()));
            touched.rename(before.name(), after.name());
        }
        let attributes = new.attributes().skip(old.attributes().len()).map(Attribute::name);
        let tables = new.tables().skip(old.tables().len()).map(ChildTable::name);
        touched.names.extend(attributes.chain(tables).map(Arc::from));
        let above = |name: &Arc<str>| -> Vec<Arc<str>> {
            name.match_indices('.').filter_map(|(dot, _)| Some(Arc::from(name.get(..dot)?))).collect()
        };
        touched.above = touched.names.iter().flat_map(above).collect();
        Some(touched)
    }

    fn rename(&mut self, before: &str, after: &str) {
        if before != after {
            self.names.extend([Arc::from(before), Arc::from(after)]);
        }
    }

    /// Must a definition be recompiled, though its text is the same?
    pub(super) fn touches(&self, entry: &Entry) -> bool {
        let name = &*entry.id.name;
        let reads = |source: &Source| match source {
            Source::Attribute(name) => self.attributes.contains(name),
            Source::Table(table) | Source::Column(table, _) => self.tables.contains(table),
            Source::Event(_) | Source::Field(..) | Source::Metric(_) => self.events,
            Source::Segment(_) => false,
        };
        // A name may be taken, or reserve all names below it.
        self.names.contains(name)
            || self.above.contains(name)
            || self.events && entry.compiled.metric().is_some()
            || entry.reads.iter().any(reads)
            // What is folded away is checked all the same.
            || entry.compiled.expressions().into_iter().any(|checked| checked.mentioned().any(reads))
    }
}

fn is_in_place<'a>(
    old: impl ExactSizeIterator<Item = &'a Attribute>,
    new: impl ExactSizeIterator<Item = &'a Attribute>,
) -> bool {
    old.len() <= new.len() && old.zip(new).all(|(before, after)| before.line().is_same(after.line()))
}
