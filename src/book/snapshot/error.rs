//! Why is a book, or the usage beside it, not restored from these bytes?

use thiserror::Error;

/// Why bytes are no snapshot that a book, or usage, can be restored from. Nothing of them is used then: load it
/// from its storage.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The bytes do not begin as a snapshot does.
    #[error("these bytes are no snapshot of this kind")]
    NotASnapshot,
    /// The snapshot was written by a newer release of this library.
    #[error(
        "the snapshot is in format {found} and this release reads format {known}; \
         read it with the release that wrote it, or load again from your storage"
    )]
    NewerVersion {
        /// The version of the format.
        found: u32,
        /// The newest version that this library reads.
        known: u32,
    },
    /// Bytes are missing at the end.
    #[error("the snapshot is cut off: {found} of at least {expected} bytes are there")]
    Truncated {
        /// Bytes that the snapshot says it has, or that its head needs.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The bytes are not those that were written.
    #[error("the snapshot is damaged: the checksum of its {section} (bytes {start} to {end}) does not match")]
    Checksum {
        /// Which part.
        section: &'static str,
        /// The first byte of the part.
        start: u64,
        /// The byte after its last.
        end: u64,
    },
    /// The snapshot was made under another schema.
    #[error("the snapshot is of another schema: {}", .differences.join("; "))]
    OtherSchema {
        /// How it differs, as far as that is told in a few lines.
        differences: Vec<String>,
    },
    /// The bytes are what was written, but this library does not write such a thing.
    #[error("the snapshot is malformed: {section} at byte {offset}: {reason}")]
    Malformed {
        /// Which part.
        section: &'static str,
        /// About where, from the start of the snapshot.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
}
