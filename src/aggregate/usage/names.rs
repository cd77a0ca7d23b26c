//! Which names do expressions have that ask usage?

use super::{Metrics, Usage};
use crate::expr::{Name, NameText, Names, Of, Type};
use crate::model::{ANY_EVENT, Attribute, BUILT_IN, EventKind, UsageSchema};

/// Names, and beside them those of usage: events with their properties, and metrics.
#[derive(Clone, Copy)]
pub struct WithUsage<'n> {
    names: &'n dyn Names,
    usage: &'n UsageSchema,
    metrics: &'n Metrics,
}

impl std::fmt::Debug for WithUsage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WithUsage").field("usage", self.usage).finish_non_exhaustive()
    }
}

impl<'n> WithUsage<'n> {
    /// Names, with the events of a schema and the metrics over them.
    #[must_use]
    pub fn new(names: &'n dyn Names, usage: &'n UsageSchema, metrics: &'n Metrics) -> Self {
        Self { names, usage, metrics }
    }
}

impl Usage {
    /// Names, with the events of this usage and the metrics over them.
    #[must_use]
    pub fn names<'n>(&'n self, names: &'n dyn Names, metrics: &'n Metrics) -> WithUsage<'n> {
        WithUsage::new(names, &self.schema, metrics)
    }
}

/// What a name of every event means.
fn built_in(name: &str) -> Option<Name> {
    Some(match name {
        "user" | "module" | "action" => Name::new(Type::Text),
        "day" => Name::new(Type::Date).required(),
        "count" => Name::new(Type::Int).required().between(1.0, f64::INFINITY),
        _ => return None,
    })
}

impl WithUsage<'_> {
    fn field(&self, event: &str, name: &str) -> Option<&Attribute> {
        let kind = self.usage.kind(event)?;
        kind.properties.get(name).or_else(|| kind.measures.get(name))
    }
}

impl Names for WithUsage<'_> {
    fn beneath(&self) -> Option<&dyn Names> {
        Some(self.names)
    }

    fn name(&self, of: Of<'_>, name: &str) -> Option<Name> {
        let Of::Event(event) = of else { return self.names.name(of, name) };
        if !self.has_event(event) {
            return self.names.name(of, name);
        }
        if let Some(name) = built_in(name) {
            return Some(name);
        }
        let field = self.field(event, name)?;
        let adds_up = |kind: &EventKind| !kind.is_each() && kind.measures.contains_key(name);
        let is_total = self.usage.kind(event).is_some_and(adds_up);
        let name = Name::new(Type::of_attribute(field.kind()));
        let name = if is_total { name.total() } else { name };
        Some(if field.is_required() { name.required() } else { name })
    }

    fn each(&self, of: Of<'_>, seen: &mut dyn FnMut(&str)) {
        match of {
            Of::Event(event) if self.has_event(event) => {
                BUILT_IN.into_iter().for_each(&mut *seen);
                if let Some(kind) = self.usage.kind(event) {
                    kind.properties.keys().chain(kind.measures.keys()).for_each(|name| seen(name));
                }
            }
            _ => self.names.each(of, seen),
        }
    }

    fn text(&self, of: Of<'_>, name: &str) -> NameText {
        match of {
            Of::Event(event) => match self.field(event, name) {
                Some(field) => NameText {
                    label: Some(field.display_label()).filter(|label| *label != name).map(Into::into),
                    documentation: field.documentation().map(Into::into),
                    unit: field.unit_name().map(Into::into),
                },
                None => self.names.text(of, name),
            },
            _ => self.names.text(of, name),
        }
    }

    fn has_event(&self, event: &str) -> bool {
        event == ANY_EVENT || self.usage.kind(event).is_some() || self.names.has_event(event)
    }

    fn each_event(&self, seen: &mut dyn FnMut(&str)) {
        seen(ANY_EVENT);
        self.usage.kinds().for_each(|kind| seen(kind.name()));
        let is_own = |event: &str| event == ANY_EVENT || self.usage.kind(event).is_some();
        self.names.each_event(&mut |event| {
            if !is_own(event) {
                seen(event);
            }
        });
    }

    fn metric(&self, metric: &str) -> Option<Name> {
        let own = self.metrics.kind(metric).map(|kind| Name::new(kind.clone()));
        own.or_else(|| self.names.metric(metric))
    }

    fn each_metric(&self, seen: &mut dyn FnMut(&str)) {
        self.metrics.names().for_each(&mut *seen);
        self.names.each_metric(&mut |metric| {
            if self.metrics.kind(metric).is_none() {
                seen(metric);
            }
        });
    }
}
