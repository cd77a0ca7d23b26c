//! How does a book look in a file?
//!
//! ```text
//! "PERENSQL"  8 bytes
//! format      u32      of this head; refused when newer
//! checksum    u64      of the head below
//! policy      u64      hash of the policy of loads: another one is refused
//! chain       i64      which history the book belongs to, see `ledger`
//! book                 `Book::to_snapshot`, with a version and checksums of its own
//! ```
//!
//! Numbers are little-endian. Nothing is read before its checksum is verified.

use std::sync::Arc;

use perennial::{Book, Policy, Schema};
use thiserror::Error;

use crate::hash::hash;
use crate::ledger::Point;
use crate::restart::At;

/// The format of the head of snapshots that this program writes, and the newest that it reads.
pub const SNAPSHOT_FORMAT: u32 = 1;

const MAGIC: &[u8; 8] = b"PERENSQL";

/// Why a snapshot is of no use.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// Something else begins this way.
    #[error("it is no snapshot of this program")]
    Foreign,
    /// A newer program wrote it.
    #[error("it has format {found}, and this program knows formats up to {known}")]
    Newer {
        /// Format of the file.
        found: u32,
        /// Newest format known here.
        known: u32,
    },
    /// It ends within its head, or that was damaged.
    #[error("its head is damaged")]
    Damaged,
    /// The book was loaded under another policy.
    #[error("its book was loaded under another policy")]
    OtherPolicy,
    /// The book in it cannot be read: damaged, newer, or of another schema.
    #[error("{0}")]
    Book(#[from] perennial::SnapshotError),
    /// The log does not lead from it to the tables.
    #[error("{0}")]
    NoWay(String),
}

/// A book, and where it stands, as bytes.
pub(crate) fn encode(at: &At, policy: &Policy) -> Vec<u8> {
    let mut checked = fingerprint(policy).to_le_bytes().to_vec();
    checked.extend(at.point.chain.to_le_bytes());
    let mut bytes = MAGIC.to_vec();
    bytes.extend(SNAPSHOT_FORMAT.to_le_bytes());
    bytes.extend(hash([&*checked]).to_le_bytes());
    bytes.extend(checked);
    bytes.extend(at.book.to_snapshot());
    bytes
}

/// The book in a file, and where it stands.
///
/// # Errors
///
/// [`SnapshotError`] with what is wrong.
pub(crate) fn decode(mut bytes: &[u8], schema: &Arc<Schema>, policy: &Policy) -> Result<At, SnapshotError> {
    if take::<8>(&mut bytes).ok().as_ref() != Some(MAGIC) {
        return Err(SnapshotError::Foreign);
    }
    let found = u32::from_le_bytes(take(&mut bytes)?);
    if found > SNAPSHOT_FORMAT {
        return Err(SnapshotError::Newer { found, known: SNAPSHOT_FORMAT });
    }
    let checksum = u64::from_le_bytes(take(&mut bytes)?);
    if checksum != hash([bytes.get(..16).unwrap_or_default()]) {
        return Err(SnapshotError::Damaged);
    }
    if u64::from_le_bytes(take(&mut bytes)?) != fingerprint(policy) {
        return Err(SnapshotError::OtherPolicy);
    }
    let chain = i64::from_le_bytes(take(&mut bytes)?);
    let book = Book::from_snapshot(Arc::clone(schema), bytes)?;
    let point = Point { version: book.version(), chain };
    Ok(At { book, point })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], SnapshotError> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(SnapshotError::Damaged)?;
    *bytes = rest;
    Ok(*taken)
}

// A policy has no form to store; what it prints tells two apart.
fn fingerprint(policy: &Policy) -> u64 {
    hash([format!("{policy:?}").as_bytes()])
}
