//! Which names do definitions read, and which do they give?

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::entry::{Asked, Entries, Gives};
use crate::aggregate::{Metrics, UsageSchema, WithUsage};
use crate::define::Namespace;
use crate::expr::{Checked, Name, NameText, Names, Of, Type, is_rate_missing_column};
use crate::model::Schema;

/// A schema and usage, and beside them what is defined over them.
#[derive(Debug, Clone)]
pub struct CatalogNames {
    pub(super) schema: Arc<Schema>,
    pub(super) usage: UsageSchema,
    /// Those of the entries, for the usage that they are asked of.
    pub(super) metrics: Metrics,
    pub(super) entries: Entries,
    pub(super) assumed: Assumed,
}

/// What is assumed of the schema, to see what would follow.
#[derive(Debug, Clone, Default)]
pub(super) struct Assumed {
    /// Attributes that are not there.
    pub(super) gone: HashSet<Arc<str>>,
    /// Attributes of another type.
    pub(super) retyped: HashMap<Arc<str>, Type>,
    /// Child tables, columns of them, events and their fields that are not there.
    pub(super) gone_tables: HashSet<Arc<str>>,
    pub(super) gone_fields: HashSet<(Arc<str>, Arc<str>)>,
    pub(super) gone_events: HashSet<Arc<str>>,
}

impl CatalogNames {
    /// Names of a schema and of usage, before anything is defined.
    pub(super) fn bare(schema: &Arc<Schema>, usage: &UsageSchema, assumed: Assumed) -> Self {
        let (metrics, entries) = (Metrics::none(), Entries::default());
        Self { schema: schema.clone(), usage: usage.clone(), metrics, entries, assumed }
    }

    fn gives(&self, namespace: Namespace, name: &str) -> Option<&Gives> {
        self.entries.read(Asked::new(namespace, name)).and_then(|(_, placed)| placed.gives())
    }

    fn below(&self) -> WithUsage<'_> {
        WithUsage::new(&*self.schema, &self.usage, &self.metrics)
    }

    /// Is a column that is known not given by a definition?
    pub(super) fn is_bare(&self, name: &str) -> bool {
        self.gives(Namespace::Columns, name).is_none()
    }

    /// A segment with its question.
    pub(crate) fn question(&self, id: &str) -> Option<(&str, &Checked)> {
        let entry = self.entries.segment(id)?;
        Some((&entry.id.name, entry.question()?))
    }

    fn each_of(&self, namespace: Namespace, seen: &mut dyn FnMut(&str)) {
        let names =
            self.entries.names().filter(|(key, placed)| key.is_in(namespace) && placed.gives().is_some());
        // Who may see what is not for everyone to know.
        let names =
            names.filter(|(key, placed)| !placed.entry.makes_scopes() && !is_rate_missing_column(key.name()));
        names.for_each(|(key, _)| seen(key.name()));
    }

    fn is_gone(&self, of: Of<'_>, name: &str) -> bool {
        match of {
            Of::Account => self.assumed.gone.contains(name),
            Of::Table(of) | Of::Event(of) => {
                self.assumed.gone_fields.contains(&(Arc::from(of), Arc::from(name)))
            }
        }
    }
}

impl Names for CatalogNames {
    /// Usage and metrics are not part of the schema: their methods are implemented below.
    fn beneath(&self) -> Option<&dyn Names> {
        Some(&*self.schema)
    }

    fn name(&self, of: Of<'_>, name: &str) -> Option<Name> {
        if of == Of::Account
            && let Some(Gives::Column(name, _)) = self.gives(Namespace::Columns, name)
        {
            return Some(name.clone());
        }
        if self.is_gone(of, name) {
            return None;
        }
        let found = self.below().name(of, name)?;
        match self.assumed.retyped.get(name).filter(|_| of == Of::Account) {
            Some(kind) => Some(Name::new(kind.clone())),
            None => Some(found),
        }
    }

    fn each(&self, of: Of<'_>, seen: &mut dyn FnMut(&str)) {
        self.below().each(of, &mut |name| {
            if !self.is_gone(of, name) {
                seen(name);
            }
        });
        if of == Of::Account {
            self.each_of(Namespace::Columns, seen);
        }
    }

    fn text(&self, of: Of<'_>, name: &str) -> NameText {
        match self.gives(Namespace::Columns, name).filter(|_| of == Of::Account) {
            Some(Gives::Column(_, text)) => text.clone(),
            _ => self.below().text(of, name),
        }
    }

    fn has_table(&self, table: &str) -> bool {
        !self.assumed.gone_tables.contains(table) && self.below().has_table(table)
    }

    fn each_table(&self, seen: &mut dyn FnMut(&str)) {
        self.below().each_table(&mut |table| {
            if !self.assumed.gone_tables.contains(table) {
                seen(table);
            }
        });
    }

    fn cancelled_when(&self) -> Option<(Arc<str>, Vec<Arc<str>>)> {
        self.below().cancelled_when().filter(|(status, _)| !self.is_gone(Of::Account, status))
    }

    fn segment_chain(&self, id: &str) -> Option<usize> {
        match self.gives(Namespace::Segments, id) {
            Some(Gives::Segment { chain, .. }) => Some(*chain),
            _ => None,
        }
    }

    fn each_segment(&self, seen: &mut dyn FnMut(&str)) {
        self.each_of(Namespace::Segments, seen);
    }

    fn has_event(&self, event: &str) -> bool {
        !self.assumed.gone_events.contains(event) && self.below().has_event(event)
    }

    fn each_event(&self, seen: &mut dyn FnMut(&str)) {
        self.below().each_event(&mut |event| {
            if !self.assumed.gone_events.contains(event) {
                seen(event);
            }
        });
    }

    fn metric(&self, metric: &str) -> Option<Name> {
        match self.gives(Namespace::Metrics, metric) {
            Some(Gives::Metric(name)) => Some(name.clone()),
            _ => None,
        }
    }

    fn each_metric(&self, seen: &mut dyn FnMut(&str)) {
        self.each_of(Namespace::Metrics, seen);
    }
}
