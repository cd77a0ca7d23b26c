//! How does a book look in a file?
//!
//! An image holds the rows that declare the book, at one version: the columns of the tables as they stand in
//! the database. A load of the same rows under the same policy is the same book, whoever loads it, so that
//! this loses nothing, held rows included.
//!
//! ```text
//! "PERENSQL"  8 bytes
//! format      u32      refused when newer
//! checksum    u64      of everything below
//! schema      u64      hash of the schema's JSON: another schema is refused
//! version     u64
//! chain       i64      see `ledger`
//! tables      for each: u64 rows; each row: its cells, a tag and a value
//! ```
//!
//! Numbers are little-endian. The checksum is verified before anything is read.

use std::ops::ControlFlow;

use perennial::Schema;
use perennial::source::{Emit, ScanRequest, Source, SourceError, TableName};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use thiserror::Error;

use crate::error::{Doing, HostError};
use crate::hash::hash;
use crate::layout::{Layout, TableLayout};
use crate::ledger::Point;
use crate::reader::TableReader;

/// The format of snapshots that this program writes, and the newest that it reads.
pub const SNAPSHOT_FORMAT: u32 = 1;

const MAGIC: &[u8; 8] = b"PERENSQL";
const HEAD: usize = MAGIC.len() + 4 + 8;

/// Why a snapshot is of no use.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// Something else begins this way.
    #[error("it is no snapshot")]
    Foreign,
    /// A newer program wrote it.
    #[error("it has format {found}, this program knows formats up to {known}")]
    Newer {
        /// Format of the file.
        found: u32,
        /// Newest format known here.
        known: u32,
    },
    /// It was damaged, or cut off.
    #[error("it is damaged: its checksum is {found:016x}, not {expected:016x}")]
    Damaged {
        /// Checksum that the file states.
        expected: u64,
        /// Checksum of its content.
        found: u64,
    },
    /// It ends too early, or has something behind its end.
    #[error("it is damaged: {0}")]
    Malformed(&'static str),
    /// It was written under another schema.
    #[error("it was written under another schema")]
    OtherSchema,
    /// Its rows make no book.
    #[error("its rows cannot be loaded: {0}")]
    Load(perennial::LoadError),
    /// The log does not lead from it to the tables.
    #[error("{0}")]
    NoWay(String),
}

/// Writes the rows of all tables at a point. The connection is in a transaction.
pub(crate) fn write(connection: &Connection, layout: &Layout, at: Point) -> Result<Vec<u8>, HostError> {
    let mut bytes = vec![0; HEAD];
    bytes.extend(fingerprint(layout.schema()).to_le_bytes());
    bytes.extend(at.version.to_le_bytes());
    bytes.extend(at.chain.to_le_bytes());
    for table in layout.tables() {
        let columns: Vec<&str> = table.columns.iter().map(|column| &*column.sql).collect();
        let sql = format!("SELECT {} FROM {}", columns.join(", "), table.sql);
        let doing = format!("read table `{}`", table.table);
        let count_at = bytes.len();
        bytes.extend(0_u64.to_le_bytes());
        let mut count = 0_u64;
        let mut statement = connection.prepare(&sql).doing(&doing)?;
        let mut rows = statement.query([]).doing(&doing)?;
        while let Some(row) = rows.next().doing(&doing)? {
            count += 1;
            for place in 0..columns.len() {
                write_cell(row.get_ref(place).doing(&doing)?, &mut bytes);
            }
        }
        put(&mut bytes, count_at, &count.to_le_bytes());
    }
    let checksum = hash([bytes.get(HEAD..).unwrap_or_default()]);
    put(&mut bytes, 0, MAGIC);
    put(&mut bytes, 8, &SNAPSHOT_FORMAT.to_le_bytes());
    put(&mut bytes, 12, &checksum.to_le_bytes());
    Ok(bytes)
}

fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    bytes.iter_mut().skip(at).zip(what).for_each(|(byte, new)| *byte = *new);
}

/// An image that was checked, as a source of its rows.
#[derive(Debug)]
pub(crate) struct Image<'b> {
    layout: &'b Layout,
    at: Point,
    /// The rows of each table.
    tables: Vec<(u64, &'b [u8])>,
}

impl<'b> Image<'b> {
    /// Checks an image from its first byte to its last.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`] with what is wrong.
    pub(crate) fn read(bytes: &'b [u8], layout: &'b Layout) -> Result<Self, SnapshotError> {
        let mut cursor = Cursor { bytes };
        if cursor.take(MAGIC.len()).ok() != Some(MAGIC) {
            return Err(SnapshotError::Foreign);
        }
        let found = u32::from_le_bytes(cursor.array()?);
        if found > SNAPSHOT_FORMAT {
            return Err(SnapshotError::Newer { found, known: SNAPSHOT_FORMAT });
        }
        let expected = u64::from_le_bytes(cursor.array()?);
        let found = hash([cursor.bytes]);
        if expected != found {
            return Err(SnapshotError::Damaged { expected, found });
        }
        if u64::from_le_bytes(cursor.array()?) != fingerprint(layout.schema()) {
            return Err(SnapshotError::OtherSchema);
        }
        let version = u64::from_le_bytes(cursor.array()?);
        let chain = i64::from_le_bytes(cursor.array()?);
        let mut tables = Vec::new();
        for table in layout.tables() {
            let rows = u64::from_le_bytes(cursor.array()?);
            let start = cursor.bytes;
            for _ in 0..rows {
                for _ in &table.columns {
                    cursor.cell()?;
                }
            }
            let length = start.len() - cursor.bytes.len();
            tables.push((rows, start.get(..length).unwrap_or_default()));
        }
        if !cursor.bytes.is_empty() {
            return Err(SnapshotError::Malformed("there is more behind its end"));
        }
        Ok(Self { layout, at: Point { version, chain }, tables })
    }

    /// The version that it was written at.
    pub(crate) const fn at(&self) -> Point {
        self.at
    }
}

impl Source for Image<'_> {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        let mut tables = self.layout.tables().iter().zip(&self.tables);
        let Some((layout, rows)) = tables.find(|(layout, _)| layout.table == *request.table()) else {
            return Ok(());
        };
        stream(layout, *rows, request, emit)
            .map_err(|error| SourceError::new(request.table().clone(), "read the snapshot", error))
    }

    fn provides(&self, table: &TableName) -> bool {
        self.layout.table(table).is_some()
    }
}

fn stream(
    layout: &TableLayout,
    (rows, bytes): (u64, &[u8]),
    request: &ScanRequest,
    emit: &mut Emit<'_>,
) -> Result<(), SnapshotError> {
    let mut reader = TableReader::new(layout, request);
    // The place in a stored row of each column that is read.
    let stored = |name: &str| layout.columns.iter().position(|column| &*column.name == name);
    let places: Vec<usize> = reader.columns().iter().filter_map(|column| stored(&column.name)).collect();
    let mut cursor = Cursor { bytes };
    let mut row = Vec::with_capacity(layout.columns.len());
    for _ in 0..rows {
        row.clear();
        for _ in &layout.columns {
            row.push(cursor.cell()?);
        }
        let cell = |place: usize| {
            let found = places.get(place).and_then(|place| row.get(*place)).copied();
            found.ok_or(SnapshotError::Malformed("a row is too short"))
        };
        if reader.push(cell, emit)?.is_break() {
            return Ok(());
        }
    }
    let _: ControlFlow<()> = reader.flush(emit);
    Ok(())
}

fn fingerprint(schema: &Schema) -> u64 {
    hash([schema.to_json().as_bytes()])
}

fn write_cell(cell: ValueRef<'_>, bytes: &mut Vec<u8>) {
    match cell {
        ValueRef::Null => bytes.push(0),
        ValueRef::Integer(integer) => {
            bytes.push(1);
            bytes.extend(integer.to_le_bytes());
        }
        ValueRef::Real(real) => {
            bytes.push(2);
            bytes.extend(real.to_bits().to_le_bytes());
        }
        ValueRef::Text(text) => write_bytes(3, text, bytes),
        ValueRef::Blob(blob) => write_bytes(4, blob, bytes),
    }
}

fn write_bytes(tag: u8, of: &[u8], bytes: &mut Vec<u8>) {
    bytes.push(tag);
    bytes.extend((of.len() as u64).to_le_bytes());
    bytes.extend(of);
}

struct Cursor<'b> {
    bytes: &'b [u8],
}

impl<'b> Cursor<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], SnapshotError> {
        let (taken, rest) =
            self.bytes.split_at_checked(count).ok_or(SnapshotError::Malformed("it ends too early"))?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        self.take(N)?.try_into().map_err(|_| SnapshotError::Malformed("it ends too early"))
    }

    fn cell(&mut self) -> Result<ValueRef<'b>, SnapshotError> {
        Ok(match self.array::<1>()? {
            [0] => ValueRef::Null,
            [1] => ValueRef::Integer(i64::from_le_bytes(self.array()?)),
            [2] => ValueRef::Real(f64::from_bits(u64::from_le_bytes(self.array()?))),
            [tag @ (3 | 4)] => {
                let length = usize::try_from(u64::from_le_bytes(self.array()?));
                let bytes = self.take(length.map_err(|_| SnapshotError::Malformed("a text is too long"))?)?;
                if tag == 3 { ValueRef::Text(bytes) } else { ValueRef::Blob(bytes) }
            }
            _ => return Err(SnapshotError::Malformed("a cell has no known tag")),
        })
    }
}
