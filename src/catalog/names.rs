//! Which names do definitions read, and which do they give?

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::aggregate::{Metrics, UsageSchema, WithUsage};
use crate::expr::{Name, NameText, Names, Of, Type};
use crate::model::Schema;

/// A schema and usage, and beside them what is defined over them.
#[derive(Debug, Clone)]
pub struct CatalogNames {
    pub(super) schema: Arc<Schema>,
    pub(super) usage: UsageSchema,
    pub(super) metrics: Metrics,
    /// Columns, with what people read of them.
    pub(super) columns: IndexMap<Arc<str>, (Name, NameText)>,
    /// Segments, with the length of the chain that each asks.
    pub(super) segments: IndexMap<Arc<str>, usize>,
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
    fn below(&self) -> WithUsage<'_> {
        WithUsage::new(&*self.schema, &self.usage, &self.metrics)
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
    /// What is said of usage and metrics, which are beside the schema, stands below by itself.
    fn beneath(&self) -> Option<&dyn Names> {
        Some(&*self.schema)
    }

    fn name(&self, of: Of<'_>, name: &str) -> Option<Name> {
        if of == Of::Account
            && let Some((name, _)) = self.columns.get(name)
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
            self.columns.keys().for_each(|name| seen(name));
        }
    }

    fn text(&self, of: Of<'_>, name: &str) -> NameText {
        match self.columns.get(name).filter(|_| of == Of::Account) {
            Some((_, text)) => text.clone(),
            None => self.below().text(of, name),
        }
    }

    fn has_table(&self, table: &str) -> bool {
        !self.assumed.gone_tables.contains(table) && self.below().has_table(table)
    }

    fn cancelled_when(&self) -> Option<(Arc<str>, Vec<Arc<str>>)> {
        self.below().cancelled_when().filter(|(status, _)| !self.is_gone(Of::Account, status))
    }

    fn segment_chain(&self, id: &str) -> Option<usize> {
        self.segments.get(id).copied()
    }

    fn each_segment(&self, seen: &mut dyn FnMut(&str)) {
        self.segments.keys().for_each(|id| seen(id));
    }

    fn has_event(&self, event: &str) -> bool {
        !self.assumed.gone_events.contains(event) && self.below().has_event(event)
    }

    fn each_event(&self, seen: &mut dyn FnMut(&str)) {
        self.below().each_event(seen);
    }

    fn metric(&self, metric: &str) -> Option<Name> {
        self.below().metric(metric)
    }

    fn each_metric(&self, seen: &mut dyn FnMut(&str)) {
        self.below().each_metric(seen);
    }
}
