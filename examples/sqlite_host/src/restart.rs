//! How does a book come back after a restart?
//!
//! From the newest snapshot that can be read and that the log leads on from, with the changes of the log
//! since. Where there is none: from the tables, whole. Either way it is the book that was there before,
//! and what stood in the way is said.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use perennial::{Book, LoadReport, Policy};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::{Doing, HostError};
use crate::layout::Layout;
use crate::ledger::{self, Meta, Point, Way};
use crate::saved::{self, SnapshotError};
use crate::snapshot_file;
use crate::source::SqliteSource;

/// How the book came back.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opening {
    /// Where it came from.
    pub start: Start,
    /// Snapshots that were of no use, newest first, and why.
    pub unusable: Vec<(PathBuf, SnapshotError)>,
    /// What a load found wrong with the rows; `None` when the book came from a snapshot.
    pub report: Option<LoadReport>,
    /// Why rows that were edited past the host could not be taken over. The book is that of its version.
    pub edits_refused: Option<HostError>,
}

/// Where the book came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// A snapshot, and changes of the log.
    Snapshot {
        /// Version of the snapshot.
        version: u64,
        /// Changes since.
        changes: usize,
    },
    /// The tables.
    Load,
}

/// A book and the point at which it stands.
#[derive(Debug, Clone)]
pub(crate) struct At {
    pub(crate) book: Book,
    pub(crate) point: Point,
}

pub(crate) fn restart(
    connection: &mut Connection,
    database: &Path,
    layout: &Layout,
    policy: &Policy,
) -> Result<(At, Opening), HostError> {
    let reading =
        connection.transaction_with_behavior(TransactionBehavior::Deferred).doing("begin to read")?;
    let meta = Meta::read(&reading)?;
    let directory = snapshot_file::directory(database);
    let mut unusable = Vec::new();
    let snapshots = snapshot_file::list(&directory).unwrap_or_else(|error| {
        unusable.push((directory, error.into()));
        Vec::new()
    });
    for (_, path) in snapshots {
        match from_snapshot(&reading, &path, layout, policy, meta.point())? {
            Ok((at, start)) => {
                let opening = Opening { start, unusable, report: None, edits_refused: None };
                return Ok((at, opening));
            }
            Err(error) => unusable.push((path, error)),
        }
    }
    let (at, report) = if meta.edited {
        // What was edited is no part of this version: the tables as they are make a new one.
        drop(reading);
        let writing =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).doing("begin to write")?;
        let loaded = load(&writing, layout, policy)?;
        writing.commit().doing("commit")?;
        loaded
    } else {
        load(&reading, layout, policy)?
    };
    Ok((at, Opening { start: Start::Load, unusable, report: Some(report), edits_refused: None }))
}

/// Loads the tables as they stand: at their version, or, where rows were edited, at a new one.
pub(crate) fn load(
    transaction: &Transaction<'_>,
    layout: &Layout,
    policy: &Policy,
) -> Result<(At, LoadReport), HostError> {
    let meta = Meta::read(transaction)?;
    if meta.edited {
        return adopt(transaction, layout, policy);
    }
    load_at(transaction, layout, policy, meta.point())
}

/// Loads the tables as they stand, at a new version, and enters it into the log.
pub(crate) fn adopt(
    transaction: &Transaction<'_>,
    layout: &Layout,
    policy: &Policy,
) -> Result<(At, LoadReport), HostError> {
    let point = Meta::read(transaction)?.point().after(None);
    let loaded = load_at(transaction, layout, policy, point)?;
    ledger::enter(transaction, point, None)?;
    Ok(loaded)
}

fn load_at(
    transaction: &Transaction<'_>,
    layout: &Layout,
    policy: &Policy,
    point: Point,
) -> Result<(At, LoadReport), HostError> {
    let source = SqliteSource::within(transaction, layout, point.version);
    let builder = Book::builder(Arc::clone(layout.schema())).policy(policy.clone()).version(point.version);
    let (book, report) = builder.load(&source)?;
    Ok((At { book, point }, report))
}

// The outer error is one of the database, the inner one says why the snapshot is of no use.
fn from_snapshot(
    connection: &Connection,
    path: &Path,
    layout: &Layout,
    policy: &Policy,
    to: Point,
) -> Result<Result<(At, Start), SnapshotError>, HostError> {
    let read = || saved::decode(&fs::read(path)?, layout.schema(), policy);
    let at = match read() {
        Ok(at) => at,
        Err(error) => return Ok(Err(error)),
    };
    let changes = match ledger::way(connection, at.point, to)? {
        Way::Changes(changes) => changes,
        Way::None(why) => return Ok(Err(SnapshotError::NoWay(why))),
    };
    let start = Start::Snapshot { version: at.point.version, changes: changes.len() };
    Ok(replay(at, changes).map(|at| (at, start)).map_err(SnapshotError::NoWay))
}

/// Applies logged changes, one after the other; says which one the book refuses.
pub(crate) fn replay(mut at: At, changes: Vec<(Point, perennial::Change)>) -> Result<At, String> {
    for (point, change) in changes {
        match at.book.apply(&change) {
            Ok((book, _)) => at = At { book, point },
            Err(error) => return Err(format!("the change of version {} is refused: {error}", point.version)),
        }
    }
    Ok(at)
}
