//! What would a manifest change in a state, and what would be lost?
//!
//! Ruling S136 of [`docs::semantics`](crate::docs::semantics).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::published::Published;
use super::update::Update;
use crate::aggregate::{
    EventKind, Usage, UsageSchema, UsageSettings, UsageSettingsError, UsageSettingsReport,
};
use crate::catalog::{Catalog, CatalogChanges, CatalogFault, CatalogFaultKind, Definition, Ground, Manifest};
use crate::model::{Attribute, SchemaChange};

/// How a state differs from a manifest: as data, which can be serialised, and as text, a line each.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ManifestChanges {
    /// Kinds of event.
    pub events: EventChanges,
    /// How usage is kept, where it is another way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageChange>,
    /// Definitions, and all that is wrong with them over the kinds of event of the manifest.
    #[serde(flatten)]
    pub definitions: CatalogChanges,
}

/// How kinds of event differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EventChanges {
    /// Those that are new.
    pub enters: Vec<Arc<str>>,
    /// Those that go, each with how many events go with it.
    pub leaves: Vec<LostEvents>,
    /// Those that are declared otherwise.
    pub changes: Vec<EventKindChange>,
}

/// A kind of event that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LostEvents {
    /// The kind of event.
    pub event: Arc<str>,
    /// How many events of it are held.
    pub events: u64,
}

/// A kind of event that is declared otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EventKindChange {
    /// The kind of event.
    pub event: Arc<str>,
    /// Properties and measures that are new.
    pub enters: Vec<Arc<str>>,
    /// Those that go, with their values.
    pub leaves: Vec<Arc<str>>,
    /// Those that are declared otherwise: values that do not fit another type are missing, and a measure of another type begins anew.
    pub changes: Vec<Arc<str>>,
    /// How many events of it are held.
    pub events: u64,
}

/// How usage is kept from now on, and what that does to what is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UsageChange {
    /// How it is kept; `None` where there is none.
    pub from: Option<UsageSettings>,
    /// How it would be kept.
    pub to: UsageSettings,
    /// Events that would be dropped.
    pub dropped_events: u64,
    /// Ids of events that would be forgotten.
    pub forgotten_ids: usize,
    /// Why that is refused, if it is. Serialised as a text.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub breaks: Option<UsageSettingsError>,
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn as_text<S: Serializer>(fault: &Option<UsageSettingsError>, serializer: S) -> Result<S::Ok, S::Error> {
    fault.as_ref().map(ToString::to_string).serialize(serializer)
}

impl ManifestChanges {
    /// Does it change nothing, with nothing wrong? Definitions and kinds of event may stand in another order.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        let EventChanges { enters, leaves, changes } = &self.events;
        enters.is_empty()
            && leaves.is_empty()
            && changes.is_empty()
            && self.usage.is_none()
            && self.definitions.is_empty()
    }

    /// Would it be refused?
    #[must_use]
    pub fn is_refused(&self) -> bool {
        let usage = self.usage.as_ref().is_some_and(|usage| usage.breaks.is_some());
        usage || !self.definitions.breaks.is_empty()
    }
}

impl fmt::Display for ManifestChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<String> = Vec::new();
        lines.extend(self.events.enters.iter().map(|event| format!("enters  event `{event}`")));
        for LostEvents { event, events } in &self.events.leaves {
            lines.push(format!("leaves  event `{event}`, with {} of it", counted(*events, "event")));
        }
        lines.extend(self.events.changes.iter().map(ToString::to_string));
        lines.extend(self.usage.as_ref().map(ToString::to_string));
        lines.extend(Some(self.definitions.to_string()).filter(|text| !text.is_empty()));
        f.write_str(&lines.join("\n"))
    }
}

impl fmt::Display for EventKindChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "changes event `{}`", self.event)?;
        let lists =
            [("enters", &self.enters), ("leaves", &self.leaves), ("is declared otherwise", &self.changes)];
        let fields = lists.iter().flat_map(|(word, list)| list.iter().map(move |name| (name, word)));
        for (number, (name, word)) in fields.enumerate() {
            write!(f, "{} `{name}` {word}", if number == 0 { ":" } else { "," })?;
        }
        write!(f, "; {} of it stay", counted(self.events, "event"))
    }
}

impl fmt::Display for UsageChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = self.to.written().fields();
        let lines: Vec<String> = match &self.from {
            None => to.iter().map(|(field, to)| format!("enters  usage `{field}` {to}")).collect(),
            Some(from) => {
                let pairs = from.written().fields().into_iter().zip(&to).filter(|(from, to)| from != *to);
                pairs
                    .map(|((field, from), (_, to))| format!("changes usage `{field}` from {from} to {to}"))
                    .collect()
            }
        };
        f.write_str(&lines.join("\n"))?;
        if self.dropped_events > 0 {
            write!(f, "\nloses   {} of days that are not kept", counted(self.dropped_events, "event"))?;
        }
        if self.forgotten_ids > 0 {
            write!(f, "\nloses   {} of events", counted(self.forgotten_ids as u64, "id"))?;
        }
        self.breaks.as_ref().map_or(Ok(()), |fault| write!(f, "\nbreaks  usage: {fault}"))
    }
}

fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

impl Update {
    /// The state is exactly what a manifest says: its definitions ([`Update::exactly`]), and where they are said its kinds of event
    /// ([`SchemaChange::exactly_events`], behind the steps of the schema that the update has already, renames among them) and how usage is kept
    /// ([`Update::usage_settings`]). Either all of it is or nothing. [`Published::changes_to_manifest`] tells first what that means.
    ///
    /// ```
    /// use perennial::catalog::Manifest;
    /// use perennial::engine::{Engine, EngineSettings, Update};
    /// use perennial::{AsOf, Date, Nesting, Schema};
    ///
    /// let schema = Schema::builder().account_type("Company", Nesting::Free).build()?;
    /// let engine = Engine::new(schema, AsOf::date_utc(Date::new(2026, 1, 31)?), EngineSettings::new())?;
    /// // What a repository or an administrator says.
    /// let text = r#"{
    ///     "v": 1,
    ///     "events": [{ "name": "login" }],
    ///     "usage": { "keep_days": 730 },
    ///     "metrics": [{ "name": "logins", "expression": "events(\"login\").count()" }]
    /// }"#;
    /// let manifest = Manifest::read(text)?;
    /// engine.apply(Update::new().manifest(manifest.clone()))?;
    /// assert!(engine.published().changes_to_manifest(&manifest).is_empty());
    ///
    /// let fewer = Manifest::read(&text.replace("730", "90"))?;
    /// let told = engine.published().changes_to_manifest(&fewer).to_string();
    /// assert_eq!(told, "changes usage `keep_days` from 730 to 90");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn manifest(mut self, manifest: Manifest) -> Self {
        if let Some(events) = &manifest.events {
            self = self.schema(SchemaChange::new().exactly_events(events));
        }
        if let Some(settings) = manifest.usage {
            self = self.usage_settings(settings);
        }
        self.exactly(manifest.definitions)
    }
}

impl Published {
    /// The definitions of the state, its kinds of event and how usage is kept, as a manifest: what [`Update::manifest`] makes the same of.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        let manifest = Manifest::new(self.catalog().definitions().iter().cloned());
        match self.usage() {
            Some(usage) => manifest.with_events(usage.schema().clone()).with_usage(usage.settings().clone()),
            None => manifest,
        }
    }

    /// Previews [`Update::exactly`](super::Update::exactly): which definitions are added, removed, changed and refused, and of which columns fewer
    /// days are recorded. `breaks` has every refusal that [`Engine::apply`](super::Engine::apply) would give, also of kinds that the journal could
    /// not restore. Days that are read beyond those kept are checked only once nothing else is refused.
    ///
    /// # Complexity
    ///
    /// That of [`Catalog::exactly`].
    #[must_use]
    pub fn changes_to(&self, definitions: impl IntoIterator<Item = Definition>) -> CatalogChanges {
        self.definitions_to(self.catalog().usage_schema(), definitions.into_iter().collect())
    }

    fn definitions_to(&self, events: &UsageSchema, definitions: Vec<Definition>) -> CatalogChanges {
        let settings = &*self.0.settings;
        let ground = Ground {
            schema: self.schema(),
            usage: events,
            zones: &*settings.zones,
            limits: &settings.limits,
        };
        #[cfg(feature = "snapshot")]
        let unknown = settings.not_restorable(&definitions).collect::<Vec<_>>();
        #[cfg(not(feature = "snapshot"))]
        let unknown = Vec::new();
        let (mut changes, next) = self.catalog().changes_over(ground, definitions);
        let beyond = next.as_ref().map(Catalog::beyond_kept).unwrap_or_default();
        let beyond = beyond.into_iter().map(|(definition, column, days, kept)| CatalogFault {
            definition,
            kind: CatalogFaultKind::KeptDays { column, days, kept },
        });
        let unknown = unknown.into_iter().map(|(definition, version)| CatalogFault {
            definition,
            kind: CatalogFaultKind::UnknownKind { version },
        });
        changes.breaks.extend(unknown.chain(beyond));
        changes
    }

    /// What it would mean to apply a manifest ([`Update::manifest`]), before it is done: which kinds of event and definitions enter, leave, change
    /// and break, how usage would be kept, and what would be lost, at the moment of the state. It is as [`Published::changes_to`] over the kinds of event
    /// of the manifest. It is judged by itself: for an update that also changes the schema or renames definitions, apply that update to a
    /// [`Branch`](super::Branch).
    ///
    /// # Complexity
    ///
    /// That of [`Catalog::exactly`]; where kinds of event go or are declared otherwise, or fewer days or ids are kept, that of all buckets and ids
    /// of usage.
    #[must_use]
    pub fn changes_to_manifest(&self, manifest: &Manifest) -> ManifestChanges {
        let none = UsageSchema::default();
        let known = self.usage().map_or(&none, Usage::schema);
        let events = manifest.events.as_ref().unwrap_or(known);
        ManifestChanges {
            events: self.events_to(known, events),
            usage: manifest.usage.as_ref().and_then(|settings| self.usage_to(events, settings)),
            definitions: self.definitions_to(events, manifest.definitions.clone()),
        }
    }

    fn events_to(&self, known: &UsageSchema, events: &UsageSchema) -> EventChanges {
        let mut changes = EventChanges::default();
        if known == events {
            return changes;
        }
        let counts = self.usage().map(Usage::events_by_kind).unwrap_or_default();
        for (before, events_held) in known.kinds().zip(counts.into_iter().chain(std::iter::repeat(0))) {
            let event: Arc<str> = Arc::from(before.name());
            match events.kind(before.name()) {
                None => changes.leaves.push(LostEvents { event, events: events_held }),
                Some(now) if now != before => {
                    changes.changes.push(EventKindChange::between(event, before, now, events_held));
                }
                Some(_) => {}
            }
        }
        let new = events.kinds().map(EventKind::name).filter(|name| known.kind(name).is_none());
        changes.enters = new.map(Arc::from).collect();
        changes
    }

    fn usage_to(&self, events: &UsageSchema, to: &UsageSettings) -> Option<UsageChange> {
        let from = self.usage().map(Usage::settings).cloned();
        if from.as_ref() == Some(to) {
            return None;
        }
        let mut change =
            UsageChange { from, to: to.clone(), dropped_events: 0, forgotten_ids: 0, breaks: None };
        // What goes with its kind of event is gone by then.
        let done = self.usage().map(|usage| {
            let exactly = SchemaChange::new().exactly_events(events);
            let migration = exactly.migration(self.schema(), Some(usage.schema()));
            let events = migration.ok().and_then(|migration| migration.events);
            let mut usage = events.map_or_else(|| usage.clone(), |events| usage.migrated(&events));
            usage.set_settings(to.clone(), self.as_of().date())
        });
        match done {
            Some(Ok(UsageSettingsReport { dropped_events, forgotten_ids, .. })) => {
                (change.dropped_events, change.forgotten_ids) = (dropped_events, forgotten_ids);
            }
            Some(Err(fault)) => change.breaks = Some(fault),
            None => {}
        }
        #[cfg(feature = "snapshot")]
        if change.breaks.is_none() {
            change.breaks = self.0.settings.zone_is_known(to.zone_name(), self.usage()).err();
        }
        Some(change)
    }
}

/// Its properties, and its measures.
fn fields_of(kind: &EventKind) -> [Vec<&Attribute>; 2] {
    [kind.properties().collect(), kind.measures().collect()]
}

impl EventKindChange {
    fn between(event: Arc<str>, before: &EventKind, now: &EventKind, events: u64) -> Self {
        let (mut enters, mut leaves, mut changes) = (Vec::new(), Vec::new(), Vec::new());
        // A property that is a measure from now on is another field.
        for (before, now) in fields_of(before).iter().zip(&fields_of(now)) {
            for field in before {
                match now.iter().find(|now| now.name() == field.name()) {
                    None => leaves.push(Arc::from(field.name())),
                    Some(now) if now != field => changes.push(Arc::from(field.name())),
                    Some(_) => {}
                }
            }
            let is_new = |field: &&&Attribute| !before.iter().any(|known| known.name() == field.name());
            enters.extend(now.iter().filter(is_new).map(|field| Arc::from(field.name())));
        }
        Self { event, enters, leaves, changes, events }
    }
}
