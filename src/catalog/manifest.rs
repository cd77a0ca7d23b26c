//! How are definitions, kinds of event and settings of usage stored as one document?
//!
//! `{"v":1,"events":[..],"usage":{..},"attributes":[..],..}`: a document of definitions with two lists more.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::Catalog;
use super::definition::Definition;
use super::document::{EVENTS, Found, USAGE, document, read_lists};
use super::edit::Ground;
use crate::aggregate::{UsageSchema, UsageSettings};
use crate::define::CustomKinds;
use crate::expr::ExprLimits;
use crate::model::{Faults, FixedZones, JsonDocument, JsonFault, JsonFaultKind, Schema, Zone, Zones};

/// Everything that is wrong with a manifest, in the order of its parts.
pub type ManifestErrors = Faults<JsonFault>;

/// What a state is to be, as one document: its kinds of event, how its usage is kept, and its definitions.
///
/// Applied as one ([`Update::manifest`](crate::engine::Update::manifest)), the definitions of the state become exactly these. So do the kinds of event
/// and the settings of usage where the document says them; where it does not, they stay as they are.
///
/// ```
/// use perennial::aggregate::{EventKind, Metric, UsageSchema, UsageSettings};
/// use perennial::catalog::Manifest;
///
/// let text = r#"{
///     "v": 1,
///     "events": [{ "name": "login" }, { "name": "export", "measures": [{ "name": "rows", "type": "int" }] }],
///     "usage": { "zone": "+01:00", "keep_days": 730 },
///     "metrics": [{ "name": "logins", "expression": "events(\"login\").count()" }]
/// }"#;
/// let manifest = Manifest::read(text)?;
/// assert_eq!(manifest.events.as_ref().ok_or("none")?.kinds().len(), 2);
/// assert_eq!(manifest.usage.as_ref().ok_or("none")?.kept_days(), Some(730));
/// assert_eq!(Manifest::read(&manifest.to_json().to_string())?, manifest);
///
/// let errors = Manifest::read(r#"{"v":1,"usage":{"keep_day":30},"events":[{"name":"any"}]}"#).unwrap_err();
/// assert_eq!(
///     errors.to_string(),
///     "at `/events/0`: event `any`: `any` stands for every event\nat `/usage`: unknown field `keep_day`; did you mean `keep_days`?",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Manifest {
    /// The kinds of event; `None` where they stay as they are.
    pub events: Option<UsageSchema>,
    /// How usage is kept; `None` where that stays as it is.
    pub usage: Option<UsageSettings>,
    /// All definitions, in their order.
    pub definitions: Vec<Definition>,
}

impl Manifest {
    /// One with these definitions, that leaves usage as it is.
    #[must_use]
    pub fn new(definitions: impl IntoIterator<Item = Definition>) -> Self {
        Self { definitions: definitions.into_iter().collect(), ..Self::default() }
    }

    /// With kinds of event.
    #[must_use]
    pub fn with_events(self, events: UsageSchema) -> Self {
        Self { events: Some(events), ..self }
    }

    /// With how usage is kept.
    #[must_use]
    pub fn with_usage(self, settings: UsageSettings) -> Self {
        Self { usage: Some(settings), ..self }
    }

    /// As a document, which [`Manifest::read`] reads. Definitions of one kind are in their order, in a list for each kind. It is what
    /// [`Catalog::document`] writes, with `events` and `usage`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut json = Catalog::document(&self.definitions);
        if let Json::Object(fields) = &mut json {
            let events = self.events.as_ref().map(|events| json!(events));
            let usage = self.usage.as_ref().map(|settings| json!(settings));
            let said = [(EVENTS, events), (USAGE, usage)];
            fields.extend(said.into_iter().filter_map(|(name, json)| Some((name.to_owned(), json?))));
        }
        json
    }

    /// Reads a document. The definitions are checked when it is applied, or compared with a state
    /// ([`Published::changes_to_manifest`](crate::engine::Published::changes_to_manifest)); a document of definitions alone
    /// ([`Catalog::to_json`]) is one too.
    ///
    /// * `v`: the version, 1;
    /// * `events`: the kinds of event: objects with `name`, and perhaps `label`, `description`, `module`, `action`, and `properties` and `measures`, which
    ///   look like columns of the tables of a schema ([`Schema::from_json`](crate::Schema::from_json));
    /// * `usage`: how usage is kept: an object with `zone`, `keep_days` (left out, all are kept), `ids_for_days`, `ahead_days`, `too_old` (`refuse` or
    ///   `count`) and `faulty` (`refuse_batch` or `leave_out`); what it leaves out is as [`UsageSettings::new`] has it;
    /// * the lists of definitions, as in [`Catalog::read`].
    ///
    /// # Errors
    ///
    /// Every fault, each with its place: fields that are unknown or there twice, values of another type, kinds of event that are invalid,
    /// unknown zones.
    pub fn read(text: &str) -> Result<Self, ManifestErrors> {
        Self::read_with(&CustomKinds::new(), &FixedZones, text)
    }

    /// The same with kinds and zones of the host's own.
    ///
    /// # Errors
    ///
    /// As [`Manifest::read`] and [`Catalog::read_with`].
    pub fn read_with(kinds: &CustomKinds, zones: &dyn Zones, text: &str) -> Result<Self, ManifestErrors> {
        let mut faults = ManifestErrors::none();
        let (read, _) = parts(kinds, zones, text, &mut faults);
        faults.or(read)
    }

    /// The same, and checks the definitions together over a schema, with the faults of both at once ([`Catalog::load`]). Kinds of event are those of the
    /// document; where it has none, those of `usage`.
    ///
    /// # Errors
    ///
    /// As [`Manifest::read_with`], and behind these everything that is wrong with the definitions that can be read, each at the place of
    /// its definition; not while kinds of event are at fault, which definitions read.
    pub fn load(
        schema: &Arc<Schema>,
        usage: &UsageSchema,
        zones: &dyn Zones,
        limits: &ExprLimits,
        kinds: &CustomKinds,
        text: &str,
    ) -> Result<Self, ManifestErrors> {
        let mut faults = ManifestErrors::none();
        let (read, found) = parts(kinds, zones, text, &mut faults);
        if let Some(read) = &read {
            let events_at_fault = faults.iter().any(|fault| fault.path.starts_with("/events"));
            let usage = read.events.as_ref().unwrap_or(usage);
            let ground = Ground { schema, usage, zones, limits };
            let wrong = if events_at_fault { Vec::new() } else { found.check(ground) };
            for fault in wrong {
                let placed = found.placed(&fault);
                let kind = JsonFaultKind::Other { message: placed.message };
                faults.add(|| JsonFault { path: placed.path, kind });
            }
        }
        faults.or(read)
    }
}

/// The parts of a document, and where its definitions are.
fn parts(
    kinds: &CustomKinds,
    zones: &dyn Zones,
    text: &str,
    faults: &mut ManifestErrors,
) -> (Option<Manifest>, Found) {
    let mut found = Found::default();
    let read = JsonDocument::parse(text, faults).and_then(|json| {
        let fields = document(&json.value, &[EVENTS, USAGE], faults)?;
        let zone =
            |name: &str| -> Option<Arc<dyn Zone>> { zones.zone(name).or_else(|| FixedZones.zone(name)) };
        let events = UsageSchema::read(&fields, EVENTS, faults);
        let usage = fields.get(USAGE);
        let usage = usage.and_then(|json| UsageSettings::read(json, fields.at(USAGE), &zone, faults));
        read_lists(&fields, kinds, &mut found, faults);
        Some(Manifest { events, usage, definitions: found.definitions.clone() })
    });
    (read, found)
}
