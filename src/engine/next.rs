//! Which state comes after an update?

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::error::EngineError;
use super::observer::Observer;
use super::published::{Parts, State};
use super::settings::EngineSettings;
use super::update::Update;
use crate::aggregate::{Usage, UsageSchema};
use crate::book::{Book, LoadReport};
use crate::catalog::{Catalog, Definition, DefinitionRef};
use crate::model::Schema;
use crate::source::Source;

impl State {
    pub(super) fn parts(&self) -> Parts {
        Parts {
            book: self.book.clone(),
            usage: self.usage.clone(),
            catalog: self.catalog.clone(),
            as_of: self.as_of.clone(),
            subscribed: self.subscribed.clone(),
        }
    }

    /// The state after an update.
    pub(super) fn updated(&self, update: &Update, observer: &dyn Observer) -> Result<Self, EngineError> {
        if let Some(expected) = update.expected.filter(|expected| *expected != self.version) {
            return Err(EngineError::Version { expected, found: self.version });
        }
        let mut parts = self.parts();
        parts.update(update, &self.settings)?;
        Ok(self.next(parts, observer)?)
    }
}

impl Parts {
    /// With an update.
    pub(super) fn update(&mut self, update: &Update, settings: &EngineSettings) -> Result<(), EngineError> {
        if update.defines() {
            let definitions = merged(self.catalog.definitions(), update)?;
            self.catalog = catalog(self.book.schema(), self.usage.as_ref(), settings, definitions)?;
        }
        let known = |id: &DefinitionRef| self.catalog.definition(id).is_some();
        let asked = update.subscribed.iter().chain(&update.unsubscribed);
        if let Some(unknown) = asked.into_iter().find(|id| !known(id)) {
            return Err(EngineError::Unknown(unknown.clone()));
        }
        if !(update.subscribed.is_empty() && update.unsubscribed.is_empty() && update.removed.is_empty()) {
            let mut subscribed: BTreeSet<DefinitionRef> = (*self.subscribed).clone();
            subscribed.extend(update.subscribed.iter().cloned());
            subscribed.retain(|id| known(id) && !update.unsubscribed.contains(id));
            self.subscribed = Arc::new(subscribed);
        }
        if let Some(change) = &update.change {
            self.book = self.book.apply(change)?.0;
        }
        if let Some(as_of) = &update.moment {
            self.as_of = as_of.clone();
        }
        Ok(())
    }
}

fn merged(old: &[Definition], update: &Update) -> Result<Vec<Definition>, EngineError> {
    let id = |definition: &Definition| DefinitionRef {
        kind: definition.kind(),
        name: Arc::from(definition.name()),
    };
    let mut all: Vec<Definition> = old.to_vec();
    for removed in &update.removed {
        let before = all.len();
        all.retain(|definition| id(definition) != *removed);
        if all.len() == before {
            return Err(EngineError::Unknown(removed.clone()));
        }
    }
    // Two of one kind and name in one update are a fault that the catalog names.
    let mut places: HashMap<DefinitionRef, usize> =
        all.iter().enumerate().map(|(place, definition)| (id(definition), place)).collect();
    for definition in &update.defined {
        match places.remove(&id(definition)).and_then(|place| all.get_mut(place)) {
            Some(place) => *place = definition.clone(),
            None => all.push(definition.clone()),
        }
    }
    Ok(all)
}

pub(super) fn load(
    schema: &Arc<Schema>,
    source: &dyn Source,
    settings: &EngineSettings,
) -> Result<(Book, LoadReport), EngineError> {
    let builder = Book::builder(schema.clone()).policy(settings.policy.clone());
    let builder = match settings.chunk_rows {
        Some(rows) => builder.chunk_rows(rows),
        None => builder,
    };
    Ok(builder.load(source)?)
}

pub(super) fn catalog(
    schema: &Arc<Schema>,
    usage: Option<&Usage>,
    settings: &EngineSettings,
    definitions: Vec<Definition>,
) -> Result<Catalog, EngineError> {
    let none = UsageSchema::default();
    let usage = usage.map_or(&none, Usage::schema);
    Ok(Catalog::within(schema, usage, &*settings.zones, &settings.limits, definitions)?)
}
