//! Which state comes after an update?

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::error::EngineError;
#[cfg(feature = "snapshot")]
use super::part::UsageStep;
use super::part::{Applying, PartReports, Steps};
use super::published::{Parts, State};
use super::settings::EngineSettings;
use super::update::Update;
use crate::aggregate::{Usage, UsageSchema, UsageSettings};
use crate::book::{Book, EvolveError, EvolveReport, LoadReport};
use crate::catalog::{
    Catalog, Definition, DefinitionRef, Ground, RecordFault, RecordFaultKind, RecordedDay, Removed, Words,
    reserved_words,
};
use crate::model::{Faults, Observer};
use crate::model::{Schema, SchemaChange};
use crate::source::Source;

impl State {
    pub(super) fn parts(&self) -> Parts {
        Parts {
            book: self.book.clone(),
            beside: self.beside.clone(),
            catalog: self.catalog.clone(),
            as_of: self.as_of.clone(),
            subscribed: self.subscribed.clone(),
        }
    }

    /// Is it the version that an update expects?
    pub(super) fn expected(&self, update: &Update) -> Result<(), EngineError> {
        match update.expected.filter(|expected| *expected != self.version) {
            Some(expected) => Err(EngineError::Version { expected, found: self.version }),
            None => Ok(()),
        }
    }

    /// The state after an update.
    pub(super) fn updated(
        &self,
        update: &Update,
        observer: &dyn Observer,
    ) -> Result<(Self, PartReports), EngineError> {
        // A journal may hold such definitions, which are replayed; no new ones are taken.
        let stays = |definition: &&Definition| {
            let known = self.catalog.definition(&definition.id()).filter(|_| update.exactly);
            known.is_some_and(|known| known.is_same(definition))
        };
        reserved_words(update.defined.iter().filter(|definition| !stays(definition)))?;
        #[cfg(feature = "snapshot")]
        self.settings.can_be_restored(&update.defined)?;
        #[cfg(feature = "snapshot")]
        for zone in update.steps.usage.iter().filter_map(UsageStep::zone) {
            self.settings.zone_is_known(zone, self.beside.usage.as_ref())?;
        }
        let mut parts = self.parts();
        let reports = parts.update(update, &self.settings)?;
        Ok((self.next(parts, observer)?, reports))
    }
}

impl Parts {
    /// With an update.
    pub(super) fn update(
        &mut self,
        update: &Update,
        settings: &EngineSettings,
    ) -> Result<PartReports, EngineError> {
        let mut reports = PartReports::default();
        let mut steps = Cow::Borrowed(&update.steps);
        if !update.renamed.is_empty() || update.schema.is_some() {
            // What was recorded was so by the names of before.
            let steps = steps.to_mut();
            let records = Steps { records: std::mem::take(&mut steps.records), ..Steps::default() };
            self.beside.apply(&records, &Applying { today: self.as_of.date(), settings })?;
        }
        for (definition, to) in &update.renamed {
            self.rename(definition, to, (&update.steps.records, settings))?;
        }
        if update.defines() {
            let mut removed: HashSet<&DefinitionRef> = HashSet::new();
            let known = |id: &DefinitionRef| self.catalog.definition(id).is_some();
            if let Some(unknown) = update.removed.iter().find(|id| !known(id) || !removed.insert(id)) {
                return Err(EngineError::Unknown(unknown.clone()));
            }
        }
        if let Some(change) = &update.schema {
            reports.schema = Some(self.evolve(change, update, settings)?);
        } else if update.defines() {
            let none = UsageSchema::default();
            let ground = ground(self.book.schema(), self.beside.usage.as_ref(), settings, &none);
            let defined = update.defined.iter().cloned();
            self.catalog = self.catalog.next(ground, Words::Kept, update.going(), defined)?;
        }
        if update.defines() || update.schema.is_some() {
            let beyond = self.catalog.beyond_kept();
            if !beyond.is_empty() {
                return Err(EngineError::KeptDays(beyond));
            }
        }
        let known = |id: &DefinitionRef| self.catalog.definition(id).is_some();
        let asked = update.subscribed.iter().chain(&update.unsubscribed);
        if let Some(unknown) = asked.into_iter().find(|id| !known(id)) {
            return Err(EngineError::Unknown(unknown.clone()));
        }
        let goes = update.exactly || !update.removed.is_empty();
        if goes || !(update.subscribed.is_empty() && update.unsubscribed.is_empty()) {
            let mut subscribed: BTreeSet<DefinitionRef> = (*self.subscribed).clone();
            subscribed.extend(update.subscribed.iter().cloned());
            if goes {
                subscribed.retain(known);
            }
            for id in &update.unsubscribed {
                subscribed.remove(id);
            }
            self.subscribed = Arc::new(subscribed);
        }
        if let Some(change) = &update.change {
            self.book = self.book.apply(change)?.0;
        }
        if let Some(as_of) = &update.moment {
            // Parameters come with questions; a state has none.
            self.as_of = as_of.clone().without_parameters();
        }
        let schema = reports.schema;
        let applied = self.beside.apply(&steps, &Applying { today: self.as_of.date(), settings })?;
        Ok(PartReports { schema, ..applied })
    }

    /// With another name for a definition, and its subscription and records under it.
    /// The days that the update says itself are of the columns as they were.
    fn rename(
        &mut self,
        id: &DefinitionRef,
        to: &str,
        (days, settings): (&[RecordedDay], &EngineSettings),
    ) -> Result<(), EngineError> {
        let none = UsageSchema::default();
        let ground = ground(self.book.schema(), self.beside.usage.as_ref(), settings, &none);
        let renamed = self.catalog.with_name(ground, id, to)?;
        if renamed.definition == *id {
            return Ok(());
        }
        let (left, mut faults) = (renamed.left(&self.beside.records), Faults::none());
        for day in days {
            for of in day.columns.iter().filter(|of| left.contains(&of.column)) {
                let (day, column) = (day.day, Some(of.column.clone()));
                faults.add(|| RecordFault { day, column, kind: RecordFaultKind::NotYetNamed });
            }
        }
        if !faults.is_empty() {
            return Err(faults.into());
        }
        self.beside.records = renamed.records(&self.beside.records);
        if self.subscribed.contains(id) {
            let subscribed = Arc::make_mut(&mut self.subscribed);
            subscribed.remove(id);
            subscribed.insert(renamed.definition);
        }
        self.catalog = renamed.catalog;
        Ok(())
    }

    /// Under another schema, with the definitions of an update.
    fn evolve(
        &mut self,
        change: &SchemaChange,
        update: &Update,
        settings: &EngineSettings,
    ) -> Result<EvolveReport, EngineError> {
        let none = UsageSchema::default();
        let events = self.beside.usage.as_ref().map_or(&none, Usage::schema);
        let migration = change.migration(self.book.schema(), Some(events)).map_err(EvolveError::from)?;
        let is_other = |id: &DefinitionRef| {
            update.exactly
                || update.removed.contains(id)
                || update.defined.iter().any(|defined| defined.id() == *id)
        };
        let mut definitions = self.catalog.rewritten(&migration, &is_other)?;
        definitions.extend(update.defined.iter().cloned());
        let usage = migration.events.as_ref().map_or(events, |events| &events.schema);
        let ground =
            Ground { schema: &migration.schema, usage, zones: &*settings.zones, limits: &settings.limits };
        let catalog = self.catalog.next(ground, Words::Kept, update.going(), definitions)?;
        self.catalog.means_the_same(&catalog, &migration, &is_other)?;
        if migration.is_nothing(self.book.schema()) {
            self.catalog = catalog;
            return Ok(EvolveReport { in_place: true, ..EvolveReport::default() });
        }
        let (book, report) = self.book.migrated(&migration)?;
        self.beside.records = self.catalog.records_after(&migration, &self.beside.records);
        if let Some(events) = &migration.events {
            let usage = self.beside.usage.take();
            let usage = usage.unwrap_or_else(|| Usage::new(UsageSchema::default(), UsageSettings::new()));
            self.beside.usage = Some(usage.migrated(events));
        }
        (self.book, self.catalog) = (book, catalog);
        Ok(report)
    }
}

impl Update {
    /// The definitions that go.
    fn going(&self) -> Removed<'_> {
        if self.exactly { Removed::AllOthers(&self.removed) } else { Removed::These(&self.removed) }
    }
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
    Ok(Catalog::fresh(ground(schema, usage, settings, &none), definitions, Words::Kept)?)
}

/// What definitions are compiled with; `none` is the schema of no usage.
fn ground<'g>(
    schema: &'g Arc<Schema>,
    usage: Option<&'g Usage>,
    settings: &'g EngineSettings,
    none: &'g UsageSchema,
) -> Ground<'g> {
    let usage = usage.map_or(none, Usage::schema);
    Ground { schema, usage, zones: &*settings.zones, limits: &settings.limits }
}

#[cfg(all(test, feature = "snapshot"))]
mod tests {
    use super::*;
    use crate::catalog::CalculatedAttribute;
    use crate::engine::journal::Before;
    use crate::engine::published::Published;
    use crate::engine::{Engine, MemoryJournal};
    use crate::model::{AsOf, Attribute, AttributeType, Date, Nesting};
    use crate::segment::Segment;

    /// A journal that was written before names of the language were refused.
    #[test]
    fn a_journal_with_a_word_of_the_language_as_a_name_restores_and_is_told() {
        let schema = Schema::builder()
            .account_type("Company", Nesting::Free)
            .attribute(Attribute::new("seats", AttributeType::Int));
        let schema = Arc::new(schema.build().unwrap());
        let as_of = AsOf::date_utc(Date::new(2026, 1, 31).unwrap());
        let engine = Engine::new(schema.clone(), as_of, EngineSettings::new()).unwrap();
        let update = Update::new()
            .define(Segment::parse("top", "level == 1").unwrap())
            .define(CalculatedAttribute::new("level", "seats"));
        let error = engine.apply(update.clone()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the definitions were refused: calculated attribute `level`: name `level` is reserved"
        );
        let mut parts = engine.published().0.parts();
        parts.update(&update, &EngineSettings::new()).unwrap();
        let journal = MemoryJournal::new();
        let settings = Arc::new(EngineSettings::new().journal(journal.clone()));
        let state = State::first(parts, 1, &settings, &()).unwrap();
        let before = Engine::of(Published(Arc::new(state)), settings, Vec::new());
        before.begin_journal(Before::default()).unwrap();

        let (again, restored) = Engine::restore(EngineSettings::new(), &journal.bytes(), None).unwrap();
        assert_eq!((restored.version, restored.damage), (1, None));
        let level = DefinitionRef::attribute("level");
        assert_eq!(again.published().catalog().report().reserved, std::slice::from_ref(&level));
        // Other definitions may be added and the name taken back; it is not given again.
        again.define([CalculatedAttribute::new("double_seats", "seats * 2").into()]).unwrap();
        assert!(again.define([CalculatedAttribute::new("level", "seats * 3").into()]).is_err());
        again.apply(Update::new().remove(level)).unwrap();
        assert_eq!(again.published().catalog().report().reserved, []);
    }
}
