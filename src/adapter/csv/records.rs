//! What are the records of a file, and on which line does each start?
//!
//! The header is read on opening; every record after it has as many fields. Empty lines are skipped. The
//! lexing itself is the `csv` crate's, which reads quotes as spreadsheets write them.

use std::collections::HashSet;
use std::sync::Arc;

use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Terminator};

use super::error::{CsvError, CsvErrorKind, Place};
use super::guard::Guard;
use super::input::CsvInput;
use super::limits::{BUFFER_BYTES, MAX_FIELD_BYTES, MAX_FILE_COLUMNS};

/// The records of one file, one at a time.
pub(super) struct Records {
    file: Arc<str>,
    reader: Reader<Guard>,
    header: Arc<[Arc<str>]>,
    record: StringRecord,
    count: u64,
}

/// One record: its fields, its number from 1, and where it starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'r> {
    pub(super) fields: &'r StringRecord,
    pub(super) number: u64,
    pub(super) place: Place,
}

impl Records {
    /// Opens a file and reads its header.
    pub(super) fn open(input: &CsvInput, delimiter: u8) -> Result<Self, CsvError> {
        let file = input.shared_name();
        let opened = input.open().and_then(Guard::new);
        let guard = opened.map_err(|cause| CsvError::new(Arc::clone(&file), CsvErrorKind::Open(cause)))?;
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .terminator(Terminator::CRLF)
            .buffer_capacity(BUFFER_BYTES)
            .from_reader(guard);
        let mut records = Self { file, reader, header: Arc::from([]), record: StringRecord::new(), count: 0 };
        records.header = records.read_header()?;
        Ok(records)
    }

    /// The names of the columns, without white space at their ends.
    pub(super) fn header(&self) -> &Arc<[Arc<str>]> {
        &self.header
    }

    /// The next record, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Row<'_>>, CsvError> {
        let Some(place) = self.advance()? else { return Ok(None) };
        let (expected, found) = (self.header.len(), self.record.len());
        if found != expected {
            return Err(self.fail(CsvErrorKind::Ragged { expected, found }).at(place));
        }
        self.count += 1;
        Ok(Some(Row { fields: &self.record, number: self.count, place }))
    }

    fn read_header(&mut self) -> Result<Arc<[Arc<str>]>, CsvError> {
        let Some(place) = self.advance()? else { return Err(self.fail(CsvErrorKind::Empty)) };
        let found = self.record.len();
        if found > MAX_FILE_COLUMNS {
            return Err(self.fail(CsvErrorKind::TooManyColumns { found }).at(place));
        }
        let header: Arc<[Arc<str>]> = self.record.iter().map(|name| Arc::from(name.trim())).collect();
        let mut seen = HashSet::with_capacity(header.len());
        for name in header.iter().filter(|name| !name.is_empty()) {
            if !seen.insert(name) {
                return Err(self.fail(CsvErrorKind::RepeatedColumn).at(place).in_column(Some(name)));
            }
        }
        Ok(header)
    }

    fn advance(&mut self) -> Result<Option<Place>, CsvError> {
        let from = self.reader.position().byte();
        let outcome = self.reader.read_record(&mut self.record);
        let to = self.reader.position().byte();
        let guard = self.reader.get_mut();
        let start = guard.start(from);
        let swallowed = guard.swallowed(to);
        guard.mark(to);
        let overflowed = guard.overflowed();
        let Some(place) = start else {
            // Past the end: either our own record, or an error before any record began.
            return match outcome.map_err(csv::Error::into_kind) {
                Err(ErrorKind::Io(_)) if overflowed => Err(self.fail(CsvErrorKind::RecordTooLarge)),
                Err(ErrorKind::Io(cause)) => Err(self.fail(CsvErrorKind::Read(cause))),
                _ => Ok(None),
            };
        };
        match outcome.map_err(csv::Error::into_kind) {
            Err(ErrorKind::Io(_)) if overflowed => Err(self.fail(CsvErrorKind::RecordTooLarge).at(place)),
            Err(ErrorKind::Io(cause)) => Err(self.fail(CsvErrorKind::Read(cause)).at(place)),
            Err(ErrorKind::Utf8 { err, .. }) => {
                let error = self.fail(CsvErrorKind::Utf8 { valid: err.valid_up_to() });
                Err(error.at(place).in_column(self.name(err.field())))
            }
            // The reader is told to check nothing else.
            Err(_) | Ok(false) => Ok(None),
            Ok(true) if swallowed => Err(self.fail(CsvErrorKind::UnclosedQuote).at(place)),
            Ok(true) => self.check_fields(place).map(|()| Some(place)),
        }
    }

    fn check_fields(&self, place: Place) -> Result<(), CsvError> {
        if self.record.as_slice().len() <= MAX_FIELD_BYTES {
            return Ok(());
        }
        match self.record.iter().enumerate().find(|(_, field)| field.len() > MAX_FIELD_BYTES) {
            None => Ok(()),
            Some((at, field)) => {
                let error = self.fail(CsvErrorKind::FieldTooLarge { bytes: field.len() });
                Err(error.at(place).in_column(self.name(at)))
            }
        }
    }

    fn name(&self, field: usize) -> Option<&str> {
        self.header.get(field).map(|name| &**name)
    }

    fn fail(&self, kind: CsvErrorKind) -> CsvError {
        CsvError::new(Arc::clone(&self.file), kind)
    }
}
