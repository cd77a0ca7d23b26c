//! What are the records of a file, and on which line does each start?
//!
//! The header is read on opening; every record after it has as many fields. Empty lines and rows of delimiters only are
//! skipped. The lexing itself is the `csv` crate's, which reads quotes as spreadsheets write them.

use std::collections::VecDeque;
use std::sync::Arc;

use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Terminator};

use super::error::{CsvError, CsvErrorKind, Place};
use super::guard::{Encoding, Guard};
use super::input::CsvInput;
use super::limits::{BUFFER_BYTES, MAX_FIELD_BYTES, MAX_FILE_COLUMNS, MAX_RECORDS_BEFORE_HEADER};
use crate::source::strip_invisible;

/// Where the table is in a file.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) delimiter: u8,
    /// Lines before the header.
    pub(super) skip_lines: u64,
    /// Headings by which the header is found; the first record is the header where there are none.
    pub(super) header_with: Vec<Arc<str>>,
    /// Records after the table.
    pub(super) footer_rows: usize,
    /// The first field of the record that ends the table.
    pub(super) ends_before: Option<Arc<str>>,
}

impl Layout {
    /// A table that is the whole file.
    pub(super) const fn whole(delimiter: u8) -> Self {
        Self { delimiter, skip_lines: 0, header_with: Vec::new(), footer_rows: 0, ends_before: None }
    }
}

/// The records of one file, one at a time.
pub(super) struct Records {
    file: Arc<str>,
    reader: Reader<Guard>,
    layout: Layout,
    header: Arc<[Arc<str>]>,
    header_place: Place,
    record: StringRecord,
    // The last records that were read: the footer, if no other record follows.
    ahead: VecDeque<(StringRecord, Place)>,
    ended: bool,
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
    pub(super) fn open(input: &CsvInput, layout: &Layout) -> Result<Self, CsvError> {
        let file = input.shared_name();
        let opened = input.open().and_then(|reader| Guard::new(reader, layout.skip_lines));
        let guard = opened.map_err(|cause| CsvError::new(Arc::clone(&file), CsvErrorKind::Open(cause)))?;
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(layout.delimiter)
            .terminator(Terminator::CRLF)
            .buffer_capacity(BUFFER_BYTES)
            .from_reader(guard);
        let mut records = Self {
            file,
            reader,
            layout: layout.clone(),
            header: Arc::from([]),
            header_place: Place { byte: 0, line: 1 },
            record: StringRecord::new(),
            ahead: VecDeque::new(),
            ended: false,
            count: 0,
        };
        records.read_header()?;
        Ok(records)
    }

    /// The names of the columns, without white space and invisible characters at their ends.
    pub(super) fn header(&self) -> &Arc<[Arc<str>]> {
        &self.header
    }

    /// The line of the header.
    pub(super) const fn header_line(&self) -> u64 {
        self.header_place.line
    }

    /// The position of a column by its name; `None` when the header does not have the name.
    ///
    /// # Errors
    ///
    /// [`CsvErrorKind::RepeatedColumn`] when several columns have this name.
    pub(super) fn column(&self, name: &str) -> Option<Result<usize, CsvError>> {
        let mut found = (0..).zip(&*self.header).filter(|(_, own)| &***own == name && !name.is_empty());
        let (place, _) = found.next()?;
        let repeated = || self.fail(CsvErrorKind::RepeatedColumn).at(self.header_place).in_column(Some(name));
        Some(if found.next().is_some() { Err(repeated()) } else { Ok(place) })
    }

    /// The next record of the table, or `None` at its end.
    pub(super) fn next(&mut self) -> Result<Option<Row<'_>>, CsvError> {
        let Some(place) = self.next_of_table()? else { return Ok(None) };
        let (expected, found) = (self.header.len(), self.record.len());
        if found != expected {
            return Err(self.fail(CsvErrorKind::Ragged { expected, found }).at(place));
        }
        self.count += 1;
        Ok(Some(Row { fields: &self.record, number: self.count, place }))
    }

    /// The next record, with any number of fields, and its line.
    pub(super) fn next_of_any_length(&mut self) -> Result<Option<(&StringRecord, u64)>, CsvError> {
        let place = self.advance()?;
        Ok(place.map(|place| (&self.record, place.line)))
    }

    // The next record that is neither blank nor in the footer.
    fn next_of_table(&mut self) -> Result<Option<Place>, CsvError> {
        loop {
            let place = if self.ended { None } else { self.advance()? };
            let Some(place) = place.filter(|_| !self.ends_table()) else {
                self.ended = true;
                return Ok(None);
            };
            if self.layout.footer_rows == 0 {
                return Ok(Some(place));
            }
            // The oldest record ahead is of the table, now that as many follow it as the footer has. The buffers of the
            // records go round, so that none is copied.
            let is_full = self.ahead.len() == self.layout.footer_rows;
            let oldest = if is_full { self.ahead.pop_front() } else { None };
            let (record, oldest_place) =
                oldest.map_or((StringRecord::new(), None), |(record, place)| (record, Some(place)));
            self.ahead.push_back((std::mem::replace(&mut self.record, record), place));
            if oldest_place.is_some() {
                return Ok(oldest_place);
            }
        }
    }

    fn ends_table(&self) -> bool {
        let first = || self.record.iter().map(str::trim).find(|field| !field.is_empty());
        self.layout.ends_before.as_deref().is_some_and(|text| first() == Some(text))
    }

    fn read_header(&mut self) -> Result<(), CsvError> {
        for number in 0..MAX_RECORDS_BEFORE_HEADER {
            let Some(place) = self.advance()? else { break };
            let is_separator = number == 0 && self.is_separator_line();
            let found = self.record.len();
            if found > MAX_FILE_COLUMNS {
                return Err(self.fail(CsvErrorKind::TooManyColumns { found }).at(place));
            }
            let header: Arc<[Arc<str>]> = self.record.iter().map(heading).collect();
            let has = |wanted: &Arc<str>| header.contains(wanted);
            if !is_separator && self.layout.header_with.iter().all(has) {
                (self.header, self.header_place) = (header, place);
                return Ok(());
            }
        }
        if self.layout.header_with.is_empty() {
            return Err(self.fail(CsvErrorKind::Empty));
        }
        let wanted = self.layout.header_with.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
        Err(self.fail(CsvErrorKind::NoHeader { wanted: wanted.join(", ") }))
    }

    // `sep=;`, the first line of files for Excel, with the delimiter of the mapping.
    fn is_separator_line(&self) -> bool {
        let mut fields = self.record.iter();
        let said = fields.next().is_some_and(|field| field.eq_ignore_ascii_case("sep="));
        said && fields.next() == Some("") && fields.next().is_none()
    }

    // The next record that is not blank.
    fn advance(&mut self) -> Result<Option<Place>, CsvError> {
        loop {
            let place = self.lex()?;
            let is_blank = || self.record.iter().all(|field| field.trim().is_empty());
            if place.is_none() || !is_blank() {
                return Ok(place);
            }
        }
    }

    // The next record of the lexer.
    fn lex(&mut self) -> Result<Option<Place>, CsvError> {
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
                let kind = match self.reader.get_ref().encoding() {
                    Encoding::Utf8 => CsvErrorKind::Utf8 { valid: err.valid_up_to() },
                    Encoding::Utf16 => CsvErrorKind::Utf16,
                };
                let error = self.fail(kind);
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

// A heading without white space and invisible characters, as a mapping names it.
fn heading(text: &str) -> Arc<str> {
    Arc::from(strip_invisible(text).trim())
}
