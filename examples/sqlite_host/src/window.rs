//! Where may the process be killed?
//!
//! Anywhere. These are the moments between two steps that must hold together; a test stops at each of them
//! ([`Options::passing`](crate::Options::passing)).

use std::fmt;

/// A moment in the course of a change or a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Window {
    /// The book has accepted the change; nothing is written.
    Accepted,
    /// The rows are written, the log is not.
    RowsWritten,
    /// The log and the version are written; nothing is committed.
    Logged,
    /// The transaction is committed; nobody knows the new book yet.
    Committed,
    /// Half of the snapshot is in the unfinished file.
    SnapshotHalfWritten,
    /// The unfinished file is whole and durable.
    SnapshotWritten,
    /// The snapshot has its name; the log is as long as before.
    SnapshotNamed,
    /// The log is pruned, and this is not committed.
    LogPruned,
    /// The pruned log is committed; snapshots that lost their log are still there.
    PruneCommitted,
}

impl Window {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Accepted,
        Self::RowsWritten,
        Self::Logged,
        Self::Committed,
        Self::SnapshotHalfWritten,
        Self::SnapshotWritten,
        Self::SnapshotNamed,
        Self::LogPruned,
        Self::PruneCommitted,
    ];
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
