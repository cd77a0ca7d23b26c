//! How does a book come from CSV files?
//!
//! A [`CsvSource`] reads files through mappings: which column fills which attribute, what stands in for
//! columns that are not there, how dates and amounts are written, what an empty cell means. Every mistake
//! of a mapping that can be known before a row is read is reported at once by
//! [`CsvSourceBuilder::build`]. After that there are two kinds of trouble, and they stay apart:
//!
//! * A cell that cannot be read as what the schema declares travels as
//!   [`Cell::Unreadable`](crate::source::Cell::Unreadable). The scan goes on, and the load reports the
//!   cell with its file, line and column.
//! * A file that is no table (records of different lengths, text that is not UTF-8, a quote that is never
//!   closed) ends the scan with a [`SourceError`](crate::source::SourceError), whose cause is a
//!   [`CsvError`].
//!
//! Files are UTF-8, with or without a byte order mark, or UTF-16 with one, and begin with a header; lines before it are
//! skipped where the table says so ([`CsvTable::skip_lines`], [`CsvTable::header_with`]), and so are rows after the
//! table ([`CsvTable::footer_rows`], [`CsvTable::ends_before`]). Quotes are `"`, doubled inside quoted fields; lines end
//! with LF, CR or both; empty lines and rows of delimiters only are skipped, and so is a first line `sep=;` with the
//! delimiter of the mapping. A header name may be repeated if no mapping reads it. Nothing is guessed: no delimiter, no
//! date format, no currency.

mod column;
mod column_buffer;
mod error;
mod guard;
mod heading;
mod hint;
mod input;
pub mod limits;
mod lookup;
mod mapping_error;
mod moment;
mod number;
mod plan;
mod read_cell;
mod records;
mod resolve;
mod source;
mod table;
mod text_format;
mod utf16;

pub use column::{Column, EmptyCell};
pub use error::{CsvError, CsvErrorKind};
pub use input::CsvInput;
pub use lookup::{LookupTable, UnmatchedKey};
pub use mapping_error::{CsvMappingErrors, CsvMappingFault, CsvMappingFaultKind};
pub use source::{ColumnsByName, CsvSource, CsvSourceBuilder, UnmappedColumns};
pub use table::CsvTable;
pub use text_format::SerialDates;
