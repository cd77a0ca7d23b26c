//! What is wrong with the file itself?
//!
//! A file that is no table ends the scan: a record of another length, bytes that are no UTF-8, a quote
//! that is never closed. A cell that is merely no date is not among them; it travels as unreadable and
//! the load reports it.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use super::limits::{
    MAX_FIELD_BYTES, MAX_FILE_COLUMNS, MAX_LOOKUP_KEYS, MAX_RECORD_BYTES, MAX_RECORDS_BEFORE_HEADER,
};

/// A file that cannot be read as a table: which file, where, and why.
#[derive(Debug)]
pub struct CsvError {
    file: Arc<str>,
    line: Option<u64>,
    byte: Option<u64>,
    column: Option<String>,
    kind: CsvErrorKind,
}

/// Why a file cannot be read as a table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum CsvErrorKind {
    #[error("cannot be opened")]
    Open(#[source] io::Error),
    #[error("cannot be read further")]
    Read(#[source] io::Error),
    #[error("file is empty; expected a header")]
    Empty,
    #[error("no record among the first {MAX_RECORDS_BEFORE_HEADER} has the headings {wanted}")]
    NoHeader { wanted: String },
    #[error("duplicate column name in the header")]
    RepeatedColumn,
    #[error("header differs from the one the mapping was checked against")]
    HeaderChanged,
    #[error("header has {found} columns; the limit is {MAX_FILE_COLUMNS}")]
    TooManyColumns { found: usize },
    #[error("record has {found} fields; the header has {expected}")]
    Ragged { expected: usize, found: usize },
    #[error("text is not UTF-8 after {valid} bytes of the field")]
    Utf8 { valid: usize },
    #[error("text is not UTF-16: unpaired surrogate")]
    Utf16,
    #[error("a quote in this record is never closed")]
    UnclosedQuote,
    #[error("field has {bytes} bytes; the limit is {MAX_FIELD_BYTES}")]
    FieldTooLarge { bytes: usize },
    #[error("record is larger than {MAX_RECORD_BYTES} bytes; is a quote never closed?")]
    RecordTooLarge,
    #[error("more than {MAX_LOOKUP_KEYS} keys to look up")]
    TooManyKeys,
}

impl CsvError {
    pub(super) const fn new(file: Arc<str>, kind: CsvErrorKind) -> Self {
        Self { file, line: None, byte: None, column: None, kind }
    }

    pub(super) const fn at(mut self, place: Place) -> Self {
        self.line = Some(place.line);
        self.byte = Some(place.byte);
        self
    }

    pub(super) fn in_column(mut self, column: Option<&str>) -> Self {
        self.column = column.map(|name| name.chars().take(60).collect());
        self
    }

    /// The name of the file.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The physical line, from 1, on which the record starts. A line ends with LF, CR or both.
    #[must_use]
    pub const fn line(&self) -> Option<u64> {
        self.line
    }

    /// The offset of the record from the start of the file, in bytes. For UTF-16 files: in bytes of the text as UTF-8,
    /// without the byte order mark.
    #[must_use]
    pub const fn byte(&self) -> Option<u64> {
        self.byte
    }

    /// The column of the header.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        self.column.as_deref()
    }

    /// Why.
    #[must_use]
    pub const fn kind(&self) -> &CsvErrorKind {
        &self.kind
    }
}

impl fmt::Display for CsvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ", column `{column}`")?;
        }
        write!(f, ": {}", self.kind)
    }
}

impl Error for CsvError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.kind.source()
    }
}

/// Where a record starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) byte: u64,
    pub(super) line: u64,
}
