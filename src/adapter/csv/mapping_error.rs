//! What is wrong with a mapping?
//!
//! Everything that can be known before a row is read, found in one pass: targets that the schema does not
//! have, columns that the file does not have, constants that fit nothing, look-up files with a key twice.

use std::error::Error;
use std::fmt;

use super::error::CsvError;
use super::limits::MAX_FOOTER_ROWS;
use crate::source::TableName;
use crate::{Faults, ValueKind};

/// Every fault of the mappings of a source, in the order in which they were given.
pub type CsvMappingErrors = Faults<CsvMappingFault>;

/// A fault of a mapping, and where.
#[derive(Debug)]
pub struct CsvMappingFault {
    table: TableName,
    file: String,
    target: Option<String>,
    kind: CsvMappingFaultKind,
}

/// What is wrong with a part of a mapping.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum CsvMappingFaultKind {
    #[error("{0}")]
    File(#[source] CsvError),
    #[error("unknown table{hint}")]
    UnknownTable { hint: String },
    #[error("no such column of the table{hint}")]
    UnknownTarget { hint: String },
    #[error("mapped twice")]
    RepeatedTarget,
    #[error("a column of the table, and no further text; map it with `column`")]
    KnownTarget,
    #[error("nothing is mapped to it, and every row needs one{hint}")]
    NotMapped { hint: String },
    #[error("the header, line {line}, has the headings {headings}{looks}")]
    Header { line: u64, headings: String, looks: String },
    #[error("{rows} rows after the table; the limit is {MAX_FOOTER_ROWS}")]
    FooterRows { rows: usize },
    #[error("the file has no column `{name}`{hint}")]
    UnknownColumn { name: String, hint: String },
    #[error("look-up file `{file}` has no column `{name}`{hint}")]
    LookupColumn { file: String, name: String, hint: String },
    #[error("look-up file `{file}` has key `{key}` on line {first} and again on line {line}")]
    RepeatedKey { file: String, key: String, first: u64, line: u64 },
    #[error("look-up file `{file}` has {count} more repeated keys")]
    MoreRepeatedKeys { file: String, count: usize },
    #[error("{what} `{text}` does not fit: {reason}")]
    FixedText { what: &'static str, text: String, reason: String },
    #[error("{setting} means nothing for {}", kind.word())]
    Setting { setting: &'static str, kind: ValueKind },
    #[error("date format `{format}` is none of chrono's")]
    DateFormat { format: String },
    #[error("`{separator}` cannot separate thousands here")]
    ThousandsSeparator { separator: char },
    #[error(
        "`{sign}` cannot be a currency sign; use one such as `$`, `EUR` or `kr`, without digits and spaces"
    )]
    CurrencySign { sign: String },
    #[error("power {power} of ten is out of range; -18 to 18 are possible")]
    Power { power: i8 },
    #[error("separator of the list is empty")]
    ListSeparator,
    #[error("currency column `{name}` is not mapped")]
    CurrencyNotMapped { name: String },
    #[error("`{delimiter}` cannot delimit fields; use a comma, semicolon, tab or bar")]
    Delimiter { delimiter: char },
}

impl CsvMappingFault {
    pub(super) fn new(table: TableName, file: &str, target: Option<&str>, kind: CsvMappingFaultKind) -> Self {
        Self { table, file: file.to_owned(), target: target.map(str::to_owned), kind }
    }

    /// The table that is mapped.
    #[must_use]
    pub const fn table(&self) -> &TableName {
        &self.table
    }

    /// The file that is read for it.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The column of the table; `None` when the fault is one of the whole mapping.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> &CsvMappingFaultKind {
        &self.kind
    }
}

impl fmt::Display for CsvMappingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.table, self.file)?;
        if let Some(target) = &self.target {
            write!(f, ", column `{target}`")?;
        }
        write!(f, ": {}", self.kind)
    }
}

impl Error for CsvMappingFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.kind.source()
    }
}
