//! At which version are the tables, and how did they get there?
//!
//! `perennial_meta` has one row: the format of the database, the schema as JSON, the version of the book,
//! and two counters: `edits` counts rows written by anybody (triggers see to it), `synced` is its value
//! when the host last wrote or synchronised. Where they differ, somebody edited rows past the host.
//!
//! `perennial_log` has a row for each version: the change that led there as JSON, or `NULL` where the
//! tables were taken over as they stood ([`Host::adopt`](crate::Host::adopt)), which no change describes.
//!
//! Every version has a *chain* value: a hash of the one before, the version and the change. A snapshot
//! carries the value of its version, so that a snapshot of another history (a database restored from a
//! backup that went on differently) is not taken for one of this.

use std::sync::Arc;

use perennial::{Change, Schema};
use rusqlite::{Connection, OptionalExtension};

use crate::error::{Doing, HostError};
use crate::hash::hash;

/// The format of database that this program writes, and the newest that it reads.
pub const DATABASE_FORMAT: i64 = 1;

pub(crate) const STATEMENTS: [&str; 2] = [
    "CREATE TABLE perennial_meta (
        one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
        format INTEGER NOT NULL,
        schema TEXT NOT NULL,
        version INTEGER NOT NULL,
        chain INTEGER NOT NULL,
        edits INTEGER NOT NULL,
        synced INTEGER NOT NULL
    ) STRICT",
    "CREATE TABLE perennial_log (
        version INTEGER NOT NULL PRIMARY KEY,
        change TEXT,
        chain INTEGER NOT NULL
    ) STRICT",
];

/// A version, and the hash of how the book got there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) version: u64,
    pub(crate) chain: i64,
}

impl Point {
    /// The point after a change, or after a load (`None`).
    pub(crate) fn after(self, change: Option<&str>) -> Self {
        let version = self.version + 1;
        let tag: &[u8] = if change.is_some() { b"change" } else { b"load" };
        let parts: [&[u8]; 4] =
            [&self.chain.to_le_bytes(), &version.to_le_bytes(), tag, change.unwrap_or_default().as_bytes()];
        Self { version, chain: hash(parts).cast_signed() }
    }
}

/// The row of `perennial_meta`, the schema apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meta {
    pub(crate) version: u64,
    pub(crate) chain: i64,
    /// Rows were edited past the host.
    pub(crate) edited: bool,
}

impl Meta {
    pub(crate) fn read(connection: &Connection) -> Result<Self, HostError> {
        let read =
            connection.query_row("SELECT version, chain, edits <> synced FROM perennial_meta", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?))
            });
        let (version, chain, edited) = read.doing("read the version")?;
        Ok(Self { version: unsigned(version)?, chain, edited })
    }

    pub(crate) const fn point(&self) -> Point {
        Point { version: self.version, chain: self.chain }
    }
}

/// Whether the database holds a book; its schema if it does.
pub(crate) fn schema(connection: &Connection) -> Result<Option<Arc<Schema>>, HostError> {
    let there = connection.table_exists(None, "perennial_meta").doing("look for the book")?;
    if !there {
        return Ok(None);
    }
    // The format first: of a newer one nothing else is known.
    let format = connection
        .query_row("SELECT format FROM perennial_meta", [], |row| row.get::<_, i64>(0))
        .optional()
        .doing("read the format")?;
    let Some(format) = format else { return Ok(None) };
    if format > DATABASE_FORMAT {
        return Err(HostError::NewerDatabase { found: format, known: DATABASE_FORMAT });
    }
    let text = connection
        .query_row("SELECT schema FROM perennial_meta", [], |row| row.get::<_, String>(0))
        .doing("read the schema")?;
    Schema::from_json(&text).map(|schema| Some(Arc::new(schema))).map_err(HostError::Schema)
}

/// Writes the first row of meta: version 0, on a chain of its own.
pub(crate) fn create(connection: &Connection, schema: &Schema) -> Result<(), HostError> {
    let sql = "INSERT INTO perennial_meta VALUES (1, ?1, ?2, 0, random(), 0, 0)";
    connection.execute(sql, (DATABASE_FORMAT, schema.to_json())).doing("write the schema")?;
    Ok(())
}

/// Enters a version into the log; the tables are then at it, and every edit so far belongs to it.
pub(crate) fn enter(connection: &Connection, point: Point, change: Option<&str>) -> Result<(), HostError> {
    let version = signed(point.version)?;
    connection
        .prepare_cached("INSERT INTO perennial_log VALUES (?1, ?2, ?3)")
        .and_then(|mut statement| statement.execute((version, change, point.chain)))
        .doing("log the change")?;
    connection
        .prepare_cached("UPDATE perennial_meta SET version = ?1, chain = ?2, synced = edits")
        .and_then(|mut statement| statement.execute((version, point.chain)))
        .doing("write the version")?;
    Ok(())
}

/// Notes that the edits so far made no difference.
pub(crate) fn no_difference(connection: &Connection) -> Result<(), HostError> {
    connection
        .execute("UPDATE perennial_meta SET synced = edits", [])
        .map(|_| ())
        .doing("note that nothing differs")
}

/// What the log knows of the way from a point to a version.
pub(crate) enum Way {
    /// The changes, in order.
    Changes(Vec<(Point, Change)>),
    /// There is none, and why.
    None(String),
}

/// The changes that lead from `from` to `to`.
pub(crate) fn way(connection: &Connection, from: Point, to: Point) -> Result<Way, HostError> {
    let none = |why: String| Ok(Way::None(why));
    if from.version > to.version {
        return none(format!("it is of version {}, the database of {}", from.version, to.version));
    }
    if from.version == to.version {
        let same = from.chain == to.chain;
        return if same {
            Ok(Way::Changes(Vec::new()))
        } else {
            none(format!("version {} came about in another way here", from.version))
        };
    }
    let sql = "SELECT version, change, chain FROM perennial_log WHERE version > ?1 ORDER BY version";
    let mut statement = connection.prepare_cached(sql).doing("read the log")?;
    let mut rows = statement.query([signed(from.version)?]).doing("read the log")?;
    let mut changes = Vec::new();
    let mut at = from;
    while let Some(row) = rows.next().doing("read the log")? {
        let entry =
            (|| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, i64>(2)?)))();
        let (version, text, chain) = entry.doing("read the log")?;
        let version = unsigned(version)?;
        let next = at.after(text.as_deref());
        if version != next.version {
            return none(format!("the log has no entry of version {}", next.version));
        }
        if chain != next.chain {
            return none(format!("version {} came about in another way here", at.version));
        }
        let Some(text) = text else {
            return none(format!("at version {version} the tables were taken over as they stood"));
        };
        match serde_json::from_str(&text) {
            Ok(change) => changes.push((next, change)),
            Err(error) => return none(format!("the change of version {version} cannot be read: {error}")),
        }
        at = next;
    }
    if at == to { Ok(Way::Changes(changes)) } else { none(format!("the log ends at version {}", at.version)) }
}

/// Forgets entries up to a version, itself included: nothing starts from before it any more.
pub(crate) fn prune(connection: &Connection, up_to: u64) -> Result<usize, HostError> {
    connection
        .execute("DELETE FROM perennial_log WHERE version <= ?1", [signed(up_to)?])
        .doing("prune the log")
}

fn signed(version: u64) -> Result<i64, HostError> {
    i64::try_from(version)
        .map_err(|_| HostError::Log { problem: format!("version {version} is out of range") })
}

fn unsigned(version: i64) -> Result<u64, HostError> {
    u64::try_from(version).map_err(|_| HostError::Log { problem: format!("version {version} is negative") })
}
