//! Records of what is applied, for the journal, where there is one.

use super::error::EngineError;
use super::handle::{Engine, Writer};
#[cfg(feature = "snapshot")]
use super::journal::{Base, Before, Entry, section, written};
use super::keys::Content;
use super::published::State;
use super::update::Update;
use crate::aggregate::Event;
#[cfg(feature = "snapshot")]
use crate::aggregate::OwnedEvent;
use crate::model::Date;

#[cfg(feature = "snapshot")]
impl Engine {
    fn keep(&self, entry: impl FnOnce() -> Option<Entry>) -> Result<(), EngineError> {
        let Some((sink, entry)) = self.settings.journal.as_ref().and_then(|sink| Some((sink, entry()?)))
        else {
            return Ok(());
        };
        sink.append(&written(&entry)).map_err(EngineError::Journal)
    }

    /// Begins a section with the current state.
    pub(super) fn begin_journal(&self, before: Before) -> Result<(), EngineError> {
        let Some(sink) = &self.settings.journal else { return Ok(()) };
        let writer = self.writer();
        sink.begin(&self.section(&writer, before)).map_err(EngineError::Journal)
    }

    pub(super) fn keep_state(&self, writer: &Writer, state: &State) -> Result<(), EngineError> {
        // Another book: the usage beside it is what it was.
        self.keep(|| Some(Entry::state(&Base { state, keys: writer.known_keys(), begins: false })))
    }

    pub(super) fn keep_update(
        &self,
        version: u64,
        update: &Update,
        content: Option<Content>,
    ) -> Result<(), EngineError> {
        self.keep(|| Some(Entry::update((update, content), version)))
    }

    pub(super) fn keep_branch(&self, first: u64, updates: &[Update]) -> Result<(), EngineError> {
        self.keep(|| Entry::branch(updates, first))
    }

    pub(super) fn keep_events(
        &self,
        events: &[Event<'_>],
        today: Date,
        version: u64,
    ) -> Result<(), EngineError> {
        let owned = || events.iter().map(OwnedEvent::of).collect();
        self.keep(|| Some(Entry::events(owned(), today, version)))
    }

    /// A section that begins with the current state.
    pub(super) fn section(&self, writer: &Writer, before: Before) -> Vec<u8> {
        let now = self.published();
        section(before, &Entry::state(&Base { state: &now.0, keys: writer.known_keys(), begins: true }))
    }

    /// Begins the journal anew with the current state: a sink that can puts it in the place of all that it kept, so that the
    /// journal is short again; any other keeps it behind that, and only the next start is shorter. Earlier states can then be
    /// rebuilt only from what the sink put aside, or still has before the beginning.
    ///
    /// Writers wait meanwhile. Nothing is done in an engine without a journal.
    ///
    /// # Errors
    ///
    /// [`EngineError::Journal`] with that of the sink; the engine and the journal are then what they were.
    ///
    /// # Complexity
    ///
    /// That of the bytes of the book and of the usage.
    pub fn compact_journal(&self) -> Result<(), EngineError> {
        self.begin_journal(Before::default())
    }
}

/// Without the feature, nothing is kept.
#[cfg(not(feature = "snapshot"))]
#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "with the feature, records are kept")]
impl Engine {
    pub(super) fn keep_state(&self, _: &Writer, _: &State) -> Result<(), EngineError> {
        Ok(())
    }

    pub(super) fn keep_update(&self, _: u64, _: &Update, _: Option<Content>) -> Result<(), EngineError> {
        Ok(())
    }

    pub(super) fn keep_branch(&self, _: u64, _: &[Update]) -> Result<(), EngineError> {
        Ok(())
    }

    pub(super) fn keep_events(&self, _: &[Event<'_>], _: Date, _: u64) -> Result<(), EngineError> {
        Ok(())
    }
}
