//! How do records lie in the bytes of a journal?
//!
//! Head: `PERJ` and the version of the format, 4 bytes. Record: its length, 8 bytes, its CRC-32, 4 bytes, then its bytes. All
//! numbers stand with the least byte first.

use thiserror::Error;

use crate::book::SnapshotError;
use crate::engine::EngineError;

const MAGIC: &[u8; 4] = b"PERJ";
/// The version of the format that this release writes.
const VERSION: u32 = 1;
const HEAD: usize = 8;
const FRAME: usize = 12;

/// Where a journal is not what was written, and why; everything before it was kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("from byte {offset} on, {bytes} bytes of the journal are not used: {reason}")]
#[non_exhaustive]
pub struct Damage {
    /// The first byte that is not used.
    pub offset: usize,
    /// How many bytes are not used.
    pub bytes: usize,
    /// Why.
    pub reason: String,
}

/// Why no state is rebuilt from a journal.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The bytes do not begin as a journal does.
    #[error("these bytes are no journal")]
    NotAJournal,
    /// The journal was written by a newer release of this library.
    #[error("the journal is in format {found} and this release reads format {known}")]
    NewerVersion {
        /// The version of the format.
        found: u32,
        /// The newest version that this library reads.
        known: u32,
    },
    /// No record can be read that holds a whole state.
    #[error("the journal has no state to begin from{}", .damage.as_ref().map(|damage| format!(": {damage}")).unwrap_or_default())]
    NoState {
        /// What is wrong with the bytes, if something is.
        damage: Option<Damage>,
    },
    /// A book in it cannot be restored.
    #[error("the book of a state cannot be restored: {0}")]
    Book(#[from] SnapshotError),
    /// The usage in it cannot be restored.
    #[error("the usage of a state cannot be restored: {0}")]
    Usage(#[source] SnapshotError),
    /// A moment is in a zone that the settings do not know.
    #[error("the zone `{0}` is not known: give it with `EngineSettings::zones`")]
    UnknownZone(String),
    /// A record says something that cannot be applied to the state before it.
    #[error("the record of version {version} cannot be applied: {cause}")]
    Refused {
        /// The version that it made.
        version: u64,
        /// Why.
        #[source]
        cause: Box<EngineError>,
    },
    /// A record is undamaged, but of something that this library does not write.
    #[error("a record at byte {offset} cannot be read: {reason}")]
    Malformed {
        /// The first byte of the record.
        offset: usize,
        /// What is wrong.
        reason: String,
    },
}

/// The head of a journal.
pub(super) fn head() -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes
}

/// Writes a record behind others.
pub(super) fn record(bytes: &mut Vec<u8>, payload: &[u8]) {
    bytes.extend((payload.len() as u64).to_le_bytes());
    bytes.extend(crc32fast::hash(payload).to_le_bytes());
    bytes.extend_from_slice(payload);
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// The records that are undamaged up to the first that is not, each with its first byte; and what is wrong then.
pub(super) type Records<'b> = (Vec<(usize, &'b [u8])>, Option<Damage>);

/// Reads a journal.
pub(super) fn records(bytes: &[u8]) -> Result<Records<'_>, JournalError> {
    if bytes.get(..4) != Some(MAGIC) {
        return Err(JournalError::NotAJournal);
    }
    match number(bytes, 4) {
        Some(VERSION) => {}
        Some(found) if found > VERSION => return Err(JournalError::NewerVersion { found, known: VERSION }),
        _ => return Err(JournalError::NotAJournal),
    }
    let (mut found, mut at) = (Vec::new(), HEAD);
    while at < bytes.len() {
        let damage = |reason: &str| {
            let bytes = bytes.len() - at;
            Some(Damage { offset: at, bytes, reason: reason.to_owned() })
        };
        let length = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>());
        let (Some(length), Some(checksum)) = (length, number(bytes, at + 8)) else {
            return Ok((found, damage("a record is cut off in its head")));
        };
        let from = at + FRAME;
        let to =
            usize::try_from(u64::from_le_bytes(*length)).ok().and_then(|length| from.checked_add(length));
        let Some(payload) = to.and_then(|to| bytes.get(from..to)) else {
            return Ok((found, damage("a record is cut off")));
        };
        if crc32fast::hash(payload) != checksum {
            return Ok((found, damage("the checksum of a record does not match")));
        }
        found.push((at, payload));
        at = from + payload.len();
    }
    Ok((found, None))
}
