//! What does a record say?

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::JournalError;
use crate::aggregate::{OwnedEvent, Usage, UsageSchema, UsageSettings, WrittenSettings};
use crate::book::Change;
use crate::catalog::{Catalog, CustomKinds, Definition, DefinitionRef};
use crate::engine::Update;
use crate::engine::keys::{Content, KnownKey};
use crate::engine::part::Steps;
use crate::engine::published::State;
use crate::model::{AsOf, Date, FiscalCalendar, SchemaChange, Timestamp, Weekday, Zones};

/// A moment, its zone by name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::engine) struct Moment {
    instant: Timestamp,
    zone: String,
    week_start: u8,
    /// The month that the fiscal year begins with; 1 where it is not of calendar months.
    fiscal_month: u8,
    /// The fiscal calendar, where it is not of calendar months. Before format 6 there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fiscal: Option<FiscalCalendar>,
}

impl Moment {
    fn of(as_of: &AsOf) -> Self {
        let month = as_of.fiscal().start_month();
        Self {
            instant: as_of.instant(),
            zone: as_of.zone().name().to_owned(),
            week_start: u8::try_from(as_of.week_start().number()).unwrap_or_default(),
            fiscal_month: month.unwrap_or(1),
            fiscal: month.is_none().then(|| as_of.fiscal().clone()),
        }
    }

    pub(super) fn to_as_of(&self, zones: &dyn Zones) -> Result<AsOf, JournalError> {
        let mut as_of = AsOf::at(self.instant);
        if self.zone != as_of.zone().name() {
            let zone = zones.zone(&self.zone).ok_or_else(|| JournalError::UnknownZone(self.zone.clone()))?;
            as_of = as_of.in_zone(zone);
        }
        if let Some(day) = Weekday::ALL.get(usize::from(self.week_start)) {
            as_of = as_of.with_week_start(*day);
        }
        let fiscal = self.fiscal.clone().or_else(|| FiscalCalendar::starting(self.fiscal_month));
        if let Some(fiscal) = fiscal {
            as_of = as_of.with_fiscal(fiscal);
        }
        Ok(as_of)
    }
}

/// What a record says, its book and its parts apart.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::engine) enum Said {
    /// A whole state; its book follows, then its parts.
    State {
        version: u64,
        /// Does a section begin with it? Else it is the state after a load. Format 1 did not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        begins: Option<bool>,
        /// How many bytes of what follows are the book.
        book: u64,
        /// Does usage follow, as formats 1 and 2 had it? Else it is that of the state before, or one of the parts.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        usage: bool,
        /// The parts that follow, by name, and how many bytes each is; others are what the engine begins with, or those of the state
        /// before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parts: Vec<(String, u64)>,
        /// The kinds of event, where there are any; before format 4 they were those of the settings.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        events: Option<UsageSchema>,
        /// How usage is kept, where there is any and a section begins; before format 5 it was so as the settings of the engine said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage_settings: Option<WrittenSettings>,
        moment: Moment,
        definitions: Json,
        subscribed: BTreeSet<DefinitionRef>,
        keys: Vec<(Arc<str>, u64)>,
        /// Digests of format 6, of updates as that format wrote values: they are read and not compared.
        #[serde(default, skip_serializing)]
        contents: IgnoredAny,
        /// The digest of each key's update. Before format 7 there were none that are compared.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        digests: Vec<Option<Content>>,
    },
    /// An update, and the version that it made.
    Update {
        version: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schema: Option<SchemaChange>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        change: Option<Change>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        renamed: Vec<(DefinitionRef, Arc<str>)>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        defined: Option<Json>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        removed: Vec<DefinitionRef>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        exactly: bool,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        subscribed: Vec<DefinitionRef>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unsubscribed: Vec<DefinitionRef>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        moment: Option<Moment>,
        /// What becomes of the parts of the state.
        #[serde(default, skip_serializing_if = "Steps::is_empty")]
        steps: Steps,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<Arc<str>>,
        /// What it said, where it has a key; before format 6 that was not told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<Content>,
    },
    /// The updates of a branch that was taken over, of which the states in between were never published.
    Branch { version: u64, updates: Vec<Said> },
    /// Rows of usage, and the day on which they came in.
    Events { version: u64, today: Date, events: Vec<OwnedEvent> },
}

impl Said {
    fn update((update, content): (&Update, Option<Content>), version: u64) -> Self {
        let defined = (!update.defined.is_empty()).then(|| Catalog::in_order(&update.defined));
        Self::Update {
            version,
            schema: update.schema.clone(),
            change: update.change.clone(),
            renamed: update.renamed.clone(),
            defined,
            removed: update.removed.clone(),
            exactly: update.exactly,
            subscribed: update.subscribed.clone(),
            unsubscribed: update.unsubscribed.clone(),
            moment: update.moment.as_ref().map(Moment::of),
            steps: update.steps.clone(),
            key: update.key.clone(),
            content,
        }
    }

    /// The version that it makes.
    pub(super) const fn version(&self) -> u64 {
        match self {
            Self::State { version, .. }
            | Self::Update { version, .. }
            | Self::Branch { version, .. }
            | Self::Events { version, .. } => *version,
        }
    }

    /// The first of the versions that it makes.
    pub(super) fn first_version(&self) -> u64 {
        match self {
            Self::Branch { updates, .. } => updates.first().map_or(self.version(), Self::version),
            _ => self.version(),
        }
    }

    /// May a section begin with it?
    pub(super) fn is_base(&self) -> bool {
        matches!(self, Self::State { begins, .. } if *begins != Some(false))
    }
}

/// A record.
pub(in crate::engine) struct Entry {
    said: Said,
    /// What follows: the book, and the parts.
    state: Vec<u8>,
}

/// A whole state on its way into a record.
pub(in crate::engine) struct Base<'b> {
    pub(in crate::engine) state: &'b State,
    pub(in crate::engine) keys: Vec<KnownKey>,
    /// Does a section begin with it? Else it is the state after a load, and its parts are those of the state before.
    pub(in crate::engine) begins: bool,
}

impl Entry {
    pub(in crate::engine) fn state(of: &Base<'_>) -> Self {
        let state = of.state;
        let mut bytes = state.book.to_snapshot();
        let book = bytes.len() as u64;
        let mut parts = Vec::new();
        for (name, part) in if of.begins { state.beside.to_snapshots() } else { Vec::new() } {
            parts.push((name, part.len() as u64));
            bytes.extend(part);
        }
        let usage = state.beside.usage.as_ref().filter(|_| of.begins);
        let said = Said::State {
            version: state.version,
            begins: Some(of.begins),
            book,
            usage: false,
            parts,
            events: state.beside.usage.as_ref().map(|usage| usage.schema().clone()),
            usage_settings: usage.map(Usage::settings).map(UsageSettings::written),
            moment: Moment::of(&state.as_of),
            definitions: Catalog::in_order(state.catalog.definitions()),
            subscribed: (*state.subscribed).clone(),
            keys: of.keys.iter().map(|known| (known.key.clone(), known.version)).collect(),
            contents: IgnoredAny,
            digests: of.keys.iter().map(|known| known.content).collect(),
        };
        Self { said, state: bytes }
    }

    /// An update and, where it has a key, what it said before days were closed for it.
    pub(in crate::engine) fn update(update: (&Update, Option<Content>), version: u64) -> Self {
        Self { said: Said::update(update, version), state: Vec::new() }
    }

    /// The updates of a branch, the first of which makes a version, as one: all of them or none.
    pub(in crate::engine) fn branch(updates: &[Update], first: u64) -> Option<Self> {
        let mut said: Vec<Said> =
            (first..).zip(updates).map(|(version, update)| Said::update((update, None), version)).collect();
        let version = said.last()?.version();
        let said = match said.len() {
            1 => said.pop()?,
            _ => Said::Branch { version, updates: said },
        };
        Some(Self { said, state: Vec::new() })
    }

    pub(in crate::engine) fn events(events: Vec<OwnedEvent>, today: Date, version: u64) -> Self {
        Self { said: Said::Events { version, today, events }, state: Vec::new() }
    }

    /// What it says as JSON, with its length before it, then the state.
    pub(in crate::engine) fn to_bytes(&self) -> Vec<u8> {
        // Nothing in it is a map with keys that are no text.
        let said = serde_json::to_vec(&self.said).unwrap_or_default();
        let mut bytes = (said.len() as u64).to_le_bytes().to_vec();
        bytes.extend(said);
        bytes.extend(&self.state);
        bytes
    }

    /// What a record says, and the bytes of its state.
    pub(super) fn read(bytes: &[u8], offset: usize) -> Result<(Said, &[u8]), JournalError> {
        let malformed = |reason: String| JournalError::Malformed { offset, reason };
        let parts = bytes.split_first_chunk::<8>().and_then(|(length, rest)| {
            rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
        });
        let (said, state) = parts.ok_or_else(|| malformed("it is too short".to_owned()))?;
        let said = serde_json::from_slice(said).map_err(|error| malformed(error.to_string()))?;
        Ok((said, state))
    }
}

/// The definitions of a document.
pub(super) fn definitions(
    document: &Json,
    kinds: &CustomKinds,
    offset: usize,
) -> Result<Vec<Definition>, JournalError> {
    let documents = match document {
        Json::Array(documents) => documents.iter().map(ToString::to_string).collect(),
        one => vec![one.to_string()],
    };
    Catalog::read_with(kinds, documents.iter().map(String::as_str))
        .map_err(|errors| JournalError::Definitions { offset, errors })
}
