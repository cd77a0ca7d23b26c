//! How do records lie in the bytes of a journal?
//!
//! A journal is one section or several, one behind the other. A section is a head, a record of a whole state, and the records
//! of what was applied to it. A second section begins where a host gave [`Engine::restore`](crate::engine::Engine::restore) a
//! sink that appends to the same bytes.
//!
//! Head: `PERJ` and the version of the format, 4 bytes; since format 2, how many bytes of the journal were whole when the head
//! was written, 8 bytes, the CRC-32 of these, 4 bytes, and that of the head so far, 4 bytes. Record: its length, 8 bytes, its
//! CRC-32, 4 bytes, then its bytes. All numbers stand with the least byte first.
//!
//! The length and the checksum in a head are what makes it found behind a record that was cut off: nobody who does not know
//! every byte before it can write it into the text of an attribute.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::book::SnapshotError;
use crate::catalog::DocumentErrors;
use crate::engine::EngineError;

const MAGIC: &[u8; 4] = b"PERJ";
/// The version of the format that this release writes.
pub(super) const VERSION: u32 = 7;
const HEAD: usize = 24;
/// The head of format 1.
const FIRST_HEAD: usize = 8;
const FRAME: usize = 12;
/// What is wrong with a head behind which there is no state.
const BARE: &str = "nothing stands behind a head";

/// Where a journal is not what was written, and why; everything before it was kept.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
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
    /// The journal begins with a later version than the one that was asked for.
    #[error("the journal begins with version {first}, and version {version} was asked for")]
    BeforeFirst {
        /// The version that was asked for.
        version: u64,
        /// The first version of the journal.
        first: u64,
    },
    /// The sink of the settings did not do what going on with the journal, or beginning it anew, takes.
    #[error("the journal cannot be written to: {0}")]
    Sink(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A book in it cannot be restored.
    #[error("the book of a state cannot be restored: {0}")]
    Book(#[from] SnapshotError),
    /// The usage in it cannot be restored.
    #[error("the usage of a state cannot be restored: {0}")]
    Usage(#[source] SnapshotError),
    /// A moment is in a zone that the settings do not know.
    #[error("the zone `{0}` is not known: give it with `EngineSettings::zones`")]
    UnknownZone(String),
    /// Definitions in it cannot be read, such as one of a kind of the host's own that
    /// [`EngineSettings::kinds`](crate::engine::EngineSettings::kinds) does not have, has in other versions, or with other outputs.
    #[error("the definitions of a record at byte {offset} cannot be read: {errors}")]
    Definitions {
        /// The first byte of the record.
        offset: usize,
        /// What is wrong with them.
        #[source]
        errors: DocumentErrors,
    },
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

/// What stands before a head in the same journal, as far as it is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::engine) struct Before {
    bytes: u64,
    checksum: u32,
}

impl Before {
    pub(super) fn end(self) -> usize {
        usize::try_from(self.bytes).unwrap_or(usize::MAX)
    }
}

/// The head of a section.
pub(super) fn head(before: Before) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(before.bytes.to_le_bytes());
    bytes.extend(before.checksum.to_le_bytes());
    let checksum = crc32fast::hash(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

/// Writes a record behind others.
pub(super) fn record(bytes: &mut Vec<u8>, payload: &[u8]) {
    bytes.extend((payload.len() as u64).to_le_bytes());
    bytes.extend(crc32fast::hash(payload).to_le_bytes());
    bytes.extend_from_slice(payload);
}

/// A head and the undamaged records behind it, at least one, each with its first byte.
pub(super) struct Section<'b> {
    pub(super) offset: usize,
    pub(super) format: u32,
    pub(super) records: Vec<(usize, &'b [u8])>,
}

/// What is whole in the bytes of a journal.
pub(super) struct Sections<'b> {
    pub(super) whole: Vec<Section<'b>>,
    /// What is damaged between two sections.
    pub(super) skipped: Vec<Damage>,
    /// What is damaged at the end.
    pub(super) damage: Option<Damage>,
    /// What a section that is begun behind these bytes has before it.
    pub(super) before: Before,
}

/// What stands at a place of a journal.
enum Item<'b> {
    Head { format: u32, length: usize },
    Record(&'b [u8]),
    Broken(&'static str),
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*bytes))
}

/// What stands at the beginning of some bytes.
fn item(bytes: &[u8]) -> Result<Item<'_>, JournalError> {
    // A record that begins with the same bytes would be one of some gigabytes, of exactly that length.
    if bytes.starts_with(MAGIC) {
        match number(bytes, 4) {
            None => return Ok(Item::Broken("a head is cut off")),
            Some(0) => {}
            Some(1) => return Ok(Item::Head { format: 1, length: FIRST_HEAD }),
            Some(format @ 2..=VERSION) => {
                let parts = bytes.get(..HEAD - 4).zip(number(bytes, HEAD - 4));
                return Ok(match parts {
                    None => Item::Broken("a head is cut off"),
                    Some((head, checksum)) if crc32fast::hash(head) == checksum => {
                        Item::Head { format, length: HEAD }
                    }
                    Some(_) => Item::Broken("the checksum of a head does not match"),
                });
            }
            Some(found) => return Err(JournalError::NewerVersion { found, known: VERSION }),
        }
    }
    let (Some(length), Some(checksum)) = (bytes.first_chunk::<8>(), number(bytes, 8)) else {
        return Ok(Item::Broken("a record is cut off in its head"));
    };
    let to = usize::try_from(u64::from_le_bytes(*length)).ok().and_then(|length| FRAME.checked_add(length));
    let Some(payload) = to.and_then(|to| bytes.get(FRAME..to)) else {
        return Ok(Item::Broken("a record is cut off"));
    };
    Ok(if payload.is_empty() {
        // The checksum of nothing is 0: what a file system leaves where it has kept a length and no bytes.
        Item::Broken("a record is empty")
    } else if crc32fast::hash(payload) == checksum {
        Item::Record(payload)
    } else {
        Item::Broken("the checksum of a record does not match")
    })
}

/// Reads a journal.
pub(super) fn sections(bytes: &[u8]) -> Result<Sections<'_>, JournalError> {
    if !bytes.starts_with(MAGIC) || number(bytes, 4) == Some(0) {
        return Err(JournalError::NotAJournal);
    }
    let mut found: Vec<Section<'_>> = Vec::new();
    let mut skipped = Vec::new();
    let mut known = Known::new(bytes);
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let is_bare = found.last().is_some_and(|section| section.records.is_empty());
        let reason = match item(rest)? {
            _ if rest.is_empty() && !is_bare => None,
            _ if rest.is_empty() => Some(BARE),
            Item::Head { format, length } => {
                if let Some(bare) = found.pop_if(|_| is_bare) {
                    let (offset, bytes) = (bare.offset, at - bare.offset);
                    skipped.push(Damage { offset, bytes, reason: BARE.to_owned() });
                }
                found.push(Section { offset: at, format, records: Vec::new() });
                at += length;
                continue;
            }
            Item::Record(payload) => {
                let section = found.last_mut().ok_or(JournalError::NotAJournal)?;
                section.records.push((at, payload));
                at += FRAME + payload.len();
                continue;
            }
            Item::Broken(reason) => Some(reason),
        };
        // A head without a state is as good as none.
        let bare = found.pop_if(|section| section.records.is_empty());
        let offset = bare.map_or(at, |section| section.offset);
        let before = known.before(offset);
        let Some(reason) = reason else {
            return Ok(Sections { whole: found, skipped, damage: None, before });
        };
        let behind = bytes.get(offset..).unwrap_or_default();
        let damage = |bytes| Damage { offset, bytes, reason: reason.to_owned() };
        // Whoever began another section behind the damage said where the journal was whole up to.
        let wanted = head(before);
        // At the place itself may stand a head of the same words whose state was cut off.
        let others = behind.get(1..).unwrap_or_default();
        match others.windows(HEAD).position(|window| window == wanted).map(|place| place + 1) {
            Some(length) => {
                skipped.push(damage(length));
                at = offset + length;
            }
            None => {
                let damage = Some(damage(behind.len()));
                return Ok(Sections { whole: found, skipped, damage, before });
            }
        }
    }
}

/// The checksum of the bytes up to a place; places only grow, so that every byte is read once.
struct Known<'b> {
    bytes: &'b [u8],
    at: usize,
    hasher: crc32fast::Hasher,
}

impl<'b> Known<'b> {
    fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0, hasher: crc32fast::Hasher::new() }
    }

    fn before(&mut self, at: usize) -> Before {
        self.hasher.update(self.bytes.get(self.at..at).unwrap_or_default());
        self.at = self.at.max(at);
        Before { bytes: at as u64, checksum: self.hasher.clone().finalize() }
    }
}
