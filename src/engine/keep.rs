//! Records of what is applied, for the journal, where there is one.

use super::error::EngineError;
use super::handle::{Engine, Writer};
#[cfg(feature = "snapshot")]
use super::journal::{Base, Entry, written};
use super::published::State;
use super::update::Update;
use crate::aggregate::Event;
#[cfg(feature = "snapshot")]
use crate::aggregate::OwnedEvent;
use crate::model::Date;

#[cfg(feature = "snapshot")]
impl Engine {
    fn keep(&self, entries: impl FnOnce() -> Vec<Entry>, begins: bool) -> Result<(), EngineError> {
        match &self.settings.journal {
            Some(sink) => sink.append(&written(&entries(), begins)).map_err(EngineError::Journal),
            None => Ok(()),
        }
    }

    pub(super) fn begin_journal(&self) -> Result<(), EngineError> {
        let (now, writer) = (self.published(), self.writer());
        let base = || Base { state: &now.0, keys: writer.known_keys(), with_usage: true };
        self.keep(|| vec![Entry::state(base())], true)
    }

    pub(super) fn keep_state(&self, writer: &Writer, state: &State) -> Result<(), EngineError> {
        // Another book: the usage beside it is what it was.
        let base = || Base { state, keys: writer.known_keys(), with_usage: false };
        self.keep(|| vec![Entry::state(base())], false)
    }

    pub(super) fn keep_updates<'u>(
        &self,
        first: u64,
        updates: impl IntoIterator<Item = &'u Update>,
    ) -> Result<(), EngineError> {
        let entries = || (first..).zip(updates).map(|(version, update)| Entry::update(update, version));
        self.keep(|| entries().collect(), false)
    }

    pub(super) fn keep_events(
        &self,
        events: &[Event<'_>],
        today: Date,
        version: u64,
    ) -> Result<(), EngineError> {
        let owned = || events.iter().map(OwnedEvent::of).collect();
        self.keep(|| vec![Entry::events(owned(), today, version)], false)
    }

    /// The current state as the bytes of a record.
    pub(super) fn base(&self) -> Vec<u8> {
        let (now, writer) = (self.published(), self.writer());
        Entry::state(Base { state: &now.0, keys: writer.known_keys(), with_usage: true }).to_bytes()
    }
}

/// Without the feature, nothing is kept.
#[cfg(not(feature = "snapshot"))]
#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "with the feature, records are kept")]
impl Engine {
    pub(super) fn begin_journal(&self) -> Result<(), EngineError> {
        Ok(())
    }

    pub(super) fn keep_state(&self, _: &Writer, _: &State) -> Result<(), EngineError> {
        Ok(())
    }

    pub(super) fn keep_updates<'u>(
        &self,
        _: u64,
        _: impl IntoIterator<Item = &'u Update>,
    ) -> Result<(), EngineError> {
        Ok(())
    }

    pub(super) fn keep_events(&self, _: &[Event<'_>], _: Date, _: u64) -> Result<(), EngineError> {
        Ok(())
    }
}
