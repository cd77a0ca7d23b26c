//! Which state does a journal lead to?

use std::sync::Arc;

use super::entry::{Entry, Said, definitions};
use super::frames::{Damage, JournalError, head, record, records};
use crate::aggregate::{OwnedEvent, Usage};
use crate::book::Book;
use crate::catalog::Catalog;
use crate::engine::next::catalog;
use crate::engine::published::{Parts, Published, State};
use crate::engine::{Engine, EngineError, EngineSettings, Update};
use crate::model::Schema;

/// What was read of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// The version of the state that was rebuilt.
    pub version: u64,
    /// Records that were read.
    pub records: usize,
    /// Bytes that were read. A host that goes on writing to the same journal cuts off what stands behind them.
    pub bytes: usize,
    /// What could not be read, if something could not.
    pub damage: Option<Damage>,
}

/// A state that is rebuilt record by record.
struct Builder<'b> {
    schema: &'b Arc<Schema>,
    settings: &'b Arc<EngineSettings>,
    state: Option<Parts>,
    version: u64,
    keys: Vec<(Arc<str>, u64)>,
}

impl Engine {
    /// An engine in the state that a journal leads to: the last one, or that of a version. Bit for bit what was published
    /// then, with the same versions and idempotency keys; the states before it are not remembered.
    ///
    /// `settings` are those of the engine that wrote the journal; their usage says which kinds of event there are and how they
    /// are kept, and may be empty. A journal in them is begun anew with the state that was rebuilt: to go on with the old
    /// one, give [`Restored::bytes`] of it and none here.
    ///
    /// A damaged tail is named in [`Restored::damage`], and what stands before it is used.
    ///
    /// # Errors
    ///
    /// [`JournalError`]: the bytes are no journal, hold no state, or say what cannot be applied.
    ///
    /// # Complexity
    ///
    /// That of reading the last whole state, of applying all that comes after it to the book, and of working out once what is
    /// subscribed.
    pub fn restore(
        schema: impl Into<Arc<Schema>>,
        settings: EngineSettings,
        bytes: &[u8],
        version: Option<u64>,
    ) -> Result<(Self, Restored), JournalError> {
        let (schema, settings) = (schema.into(), Arc::new(settings));
        let (found, damage) = records(bytes)?;
        let mut builder =
            Builder { schema: &schema, settings: &settings, state: None, version: 0, keys: Vec::new() };
        let (mut count, mut end) = (0, bytes.len() - damage.as_ref().map_or(0, |damage| damage.bytes));
        for (offset, payload) in found {
            let (said, state) = Entry::read(payload, offset)?;
            if version.is_some_and(|version| said.version() > version) {
                end = offset;
                break;
            }
            builder.take(said, state, offset)?;
            count += 1;
        }
        let Builder { state: Some(parts), version, keys, .. } = builder else {
            return Err(JournalError::NoState { damage });
        };
        let refused = |cause: EngineError| JournalError::Refused { version, cause: Box::new(cause) };
        let state = State::first(parts, version, &settings, &()).map_err(|error| refused(error.into()))?;
        let engine = Self::of(Published(Arc::new(state)), settings.clone(), keys).map_err(refused)?;
        Ok((engine, Restored { version, records: count, bytes: end, damage }))
    }
}

impl Said {
    const fn version(&self) -> u64 {
        match self {
            Self::State { version, .. } | Self::Update { version, .. } | Self::Events { version, .. } => {
                *version
            }
        }
    }
}

impl Builder<'_> {
    fn take(&mut self, said: Said, state: &[u8], offset: usize) -> Result<(), JournalError> {
        let version = said.version();
        let refused = |cause: EngineError| JournalError::Refused { version, cause: Box::new(cause) };
        match said {
            Said::State { moment, definitions: document, subscribed, keys, book, usage: follows, .. } => {
                let parts = usize::try_from(book).ok().and_then(|book| state.split_at_checked(book));
                let (book, usage) = parts.ok_or_else(|| JournalError::Malformed {
                    offset,
                    reason: "its book is cut off".to_owned(),
                })?;
                let book = Book::from_snapshot(self.schema.clone(), book)?;
                let definitions = definitions(&document, offset)?;
                let before =
                    self.state.take().map_or_else(|| self.settings.usage.clone(), |parts| parts.usage);
                let usage = match before {
                    Some(before) if follows => {
                        let (schema, settings) = (before.schema().clone(), before.settings().clone());
                        Some(Usage::from_snapshot(schema, settings, usage).map_err(JournalError::Usage)?)
                    }
                    None if follows => return Err(refused(EngineError::NoUsage)),
                    before => before,
                };
                let catalog = self.catalog(usage.as_ref(), definitions).map_err(refused)?;
                let as_of = moment.to_as_of(&*self.settings.zones)?;
                let subscribed = Arc::new(subscribed);
                self.state = Some(Parts { book, usage, catalog, as_of, subscribed });
                self.keys = keys;
            }
            Said::Update { change, defined, removed, subscribed, unsubscribed, moment, key, .. } => {
                let parts = self.state.as_mut().ok_or(JournalError::NoState { damage: None })?;
                let defined = match &defined {
                    Some(document) => definitions(document, offset)?,
                    None => Vec::new(),
                };
                let moment = moment.map(|moment| moment.to_as_of(&*self.settings.zones)).transpose()?;
                let update = Update {
                    change,
                    defined,
                    removed,
                    subscribed,
                    unsubscribed,
                    moment,
                    expected: None,
                    key: None,
                };
                parts.update(&update, self.settings).map_err(refused)?;
                self.keys.extend(key.map(|key| (key, version)));
            }
            Said::Events { today, events, .. } => {
                let parts = self.state.as_mut().ok_or(JournalError::NoState { damage: None })?;
                let usage = parts.usage.as_mut().ok_or_else(|| refused(EngineError::NoUsage))?;
                let taken = usage.ingest(events.iter().map(OwnedEvent::event), today);
                taken.map_err(|error| refused(error.into()))?;
            }
        }
        self.version = version;
        Ok(())
    }

    fn catalog(
        &self,
        usage: Option<&crate::aggregate::Usage>,
        definitions: Vec<crate::catalog::Definition>,
    ) -> Result<Catalog, EngineError> {
        catalog(self.schema, usage, self.settings, definitions)
    }
}

/// A shorter journal that leads to the same state: that state as a whole, its book and its usage. Earlier states can not be
/// rebuilt from it. Of a journal with a damaged tail, that of what stands before it.
///
/// `settings` are those of [`Engine::restore`].
///
/// # Errors
///
/// As [`Engine::restore`].
pub fn compact(
    schema: impl Into<Arc<Schema>>,
    settings: EngineSettings,
    bytes: &[u8],
) -> Result<Vec<u8>, JournalError> {
    let settings = settings.without_journal();
    let (engine, _) = Engine::restore(schema, settings, bytes, None)?;
    let mut shorter = head();
    record(&mut shorter, &engine.base());
    Ok(shorter)
}
