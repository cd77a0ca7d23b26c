//! How is a state rebuilt that was published before? Feature `snapshot`.
//!
//! A journal is bytes: a head, then records, each under a checksum of its own. The first record is a whole state, those
//! after it are what was applied. A host keeps them where it likes: the engine hands each record to a [`JournalSink`] before
//! the state is published that it leads to, so that nothing is published which is not kept.

mod entry;
mod frames;
mod restore;

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

pub(super) use entry::{Base, Entry};
pub use frames::{Damage, JournalError};
use frames::{head, record};
pub use restore::{Restored, compact};

/// Keeps the records of a journal.
///
/// # What implementors must guarantee
///
/// * Records are kept whole, in the order in which they come: read one after the other they are the journal.
/// * When `append` returns, the record is as safe as the host wants it to be; an error refuses the update that it is of, and
///   then the record is not kept, or is cut off again.
pub trait JournalSink: Send + Sync {
    /// Keeps a record, or several that belong together, behind the others.
    ///
    /// # Errors
    ///
    /// The host's own.
    fn append(&self, record: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// A journal in memory: for tests, and to be written elsewhere now and then. Cloning gives a handle to the same bytes.
///
/// ```
/// use perennial::engine::{Engine, EngineSettings, MemoryJournal};
/// use perennial::segment::Segment;
/// use perennial::source::MemorySource;
/// use perennial::{AccountId, AccountRow, AsOf, Attribute, AttributeType, Change, Date, Nesting, Schema, Scope};
/// use std::sync::Arc;
///
/// let schema = Arc::new(
///     Schema::builder()
///         .account_type("Company", Nesting::Free)
///         .attribute(Attribute::new("seats", AttributeType::Int))
///         .build()?,
/// );
/// let acme = AccountId::new("acme")?;
/// let journal = MemoryJournal::new();
/// let settings = EngineSettings::new().journal(journal.clone());
/// let engine = Engine::new(schema.clone(), AsOf::date_utc(Date::new(2026, 1, 31)?), settings)?;
/// engine.load(&MemorySource::new().account(AccountRow::new(acme.clone(), "Company").with("seats", 30_i64)))?;
/// engine.define([Segment::parse("large", "seats >= 50")?.into()])?;
/// engine.apply(Change::new().set(&acme, "seats", 60_i64))?;
///
/// // The service starts again.
/// let (again, restored) = Engine::restore(schema, EngineSettings::new(), &journal.bytes(), None)?;
/// assert!(restored.damage.is_none());
/// assert_eq!(again.published().version(), engine.published().version());
/// let view = again.published().view(&Scope::all())?;
/// assert!(view.is_member("large", view.account("acme").ok_or("not there")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryJournal(Arc<Mutex<Vec<u8>>>);

impl MemoryJournal {
    /// No records yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The journal so far.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl JournalSink for MemoryJournal {
    fn append(&self, record: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(record);
        Ok(())
    }
}

/// The bytes of some entries; with the head of a journal, where they begin one.
pub(super) fn written(entries: &[Entry], begins: bool) -> Vec<u8> {
    let mut bytes = if begins { head() } else { Vec::new() };
    entries.iter().for_each(|entry| record(&mut bytes, &entry.to_bytes()));
    bytes
}
