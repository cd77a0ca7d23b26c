//! How is a state rebuilt that was published before? Feature `snapshot`.
//!
//! A journal is bytes: a head, then records, each under a checksum of its own. The first record is a whole state, those
//! after it are what was applied. A host keeps them where it likes: the engine hands each record to a [`JournalSink`] before
//! the state is published that it leads to, so that nothing is published which is not kept. After a restart,
//! [`Engine::resume`](super::Engine::resume) goes on behind the last record; a head between records begins the journal anew.

mod entry;
mod frames;
mod restore;

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

pub(super) use entry::{Base, Entry};
pub(super) use frames::Before;
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

    /// Keeps a beginning: the head of a journal with a whole state, which needs nothing of what was kept before. A sink that can
    /// puts it in the place of that, in one step that a crash does not halve; the others keep it behind that, which is what is
    /// done where nothing else is said. Called by [`Engine::new`](super::Engine::new), [`Engine::restore`](super::Engine::restore)
    /// and [`Engine::compact_journal`](super::Engine::compact_journal).
    ///
    /// # Errors
    ///
    /// The host's own.
    fn begin(&self, beginning: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.append(beginning)
    }

    /// Called once by [`Engine::resume`](super::Engine::resume): records that come now stand behind the first `kept` bytes of
    /// the journal, and the `cut_off` bytes that stand there now are damaged and go. A sink that can cuts them off; where
    /// nothing else is said, it is an error that there are some.
    ///
    /// # Errors
    ///
    /// The host's own.
    fn resume(&self, kept: u64, cut_off: u64) -> Result<(), Box<dyn Error + Send + Sync>> {
        match cut_off {
            0 => Ok(()),
            _ => {
                Err(format!("the last {cut_off} bytes are damaged: cut the journal off at {kept} bytes")
                    .into())
            }
        }
    }
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
/// // The service starts again, and goes on with the journal.
/// let settings = EngineSettings::new().journal(journal.clone());
/// let (again, restored) = Engine::resume(settings, &journal.bytes())?;
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

impl From<Vec<u8>> for MemoryJournal {
    /// A journal that was kept elsewhere.
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(bytes)))
    }
}

impl JournalSink for MemoryJournal {
    fn append(&self, record: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(record);
        Ok(())
    }

    fn resume(&self, kept: u64, cut_off: u64) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (found, expected) = (bytes.len() as u64, kept.saturating_add(cut_off));
        if found != expected {
            return Err(format!("{expected} bytes were read, and the journal has {found}").into());
        }
        bytes.truncate(usize::try_from(kept)?);
        Ok(())
    }
}

/// The bytes of a record.
pub(super) fn written(entry: &Entry) -> Vec<u8> {
    let mut bytes = Vec::new();
    record(&mut bytes, &entry.to_bytes());
    bytes
}

/// The bytes of a section that begins with a whole state.
pub(super) fn section(before: Before, base: &Entry) -> Vec<u8> {
    let mut bytes = head(before);
    record(&mut bytes, &base.to_bytes());
    bytes
}
