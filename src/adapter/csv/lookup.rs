//! What does another file say for a key?
//!
//! A look-up file is read once, when the source is built, and held in memory: prices by product, regions
//! by sales agent. A key that stands in it with two values is a fault, since nobody can say which line is meant.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::error::{CsvError, CsvErrorKind};
use super::hint::did_you_mean;
use super::input::CsvInput;
use super::limits::MAX_LOOKUP_KEYS;
use super::mapping_error::CsvMappingFaultKind as Fault;
use super::records::{Layout, Records};
use super::table::Delimiter;

const MOST_REPEATED: usize = 20;

/// A file in which the texts of a column are looked up.
///
/// Keys compare byte by byte. A record without a key is skipped, one without a value counts as empty.
#[derive(Debug, Clone)]
pub struct LookupTable {
    input: CsvInput,
    delimiter: Delimiter,
    key: Arc<str>,
    value: Arc<str>,
    unmatched: UnmatchedKey,
}

/// What a text means that a look-up file does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UnmatchedKey {
    /// A fault of the cell, which the load reports with its line.
    #[default]
    Unreadable,
    /// An empty cell: the next alternative, the default value, or missing.
    Missing,
}

/// A look-up file in memory.
#[derive(Debug, Clone)]
pub(super) struct LoadedLookup {
    values: Arc<HashMap<Box<str>, Box<str>>>,
    unmatched: UnmatchedKey,
}

impl LookupTable {
    /// The column `value` of a file by its column `key`.
    #[must_use]
    pub fn new(input: CsvInput, key: &str, value: &str) -> Self {
        Self {
            input,
            delimiter: Delimiter::default(),
            key: Arc::from(key),
            value: Arc::from(value),
            unmatched: UnmatchedKey::default(),
        }
    }

    /// With another meaning of a text that the file does not know; an unreadable cell otherwise.
    #[must_use]
    pub const fn unmatched(mut self, meaning: UnmatchedKey) -> Self {
        self.unmatched = meaning;
        self
    }

    /// With another delimiter than the comma.
    #[must_use]
    pub const fn delimiter(mut self, delimiter: char) -> Self {
        self.delimiter = Delimiter::new(delimiter);
        self
    }

    /// Reads the file; what is wrong with it goes to `faults`.
    pub(super) fn load(&self, faults: &mut Vec<Fault>) -> Option<LoadedLookup> {
        let delimiter = match self.delimiter.byte() {
            Ok(byte) => byte,
            Err(delimiter) => {
                faults.push(Fault::Delimiter { delimiter });
                return None;
            }
        };
        let read = Records::open(&self.input, &Layout::whole(delimiter)).and_then(|mut records| {
            let (key, value) =
                (self.column(&self.key, &records, faults), self.column(&self.value, &records, faults));
            let (Some(key), Some(value)) = (key, value) else { return Ok(None) };
            self.read(&mut records, key, value, faults).map(Some)
        });
        match read {
            Ok(values) => {
                values.map(|values| LoadedLookup { values: Arc::new(values), unmatched: self.unmatched })
            }
            Err(error) => {
                faults.push(Fault::File(error));
                None
            }
        }
    }

    fn column(&self, name: &str, records: &Records, faults: &mut Vec<Fault>) -> Option<usize> {
        match records.column(name) {
            Some(Ok(found)) => Some(found),
            Some(Err(repeated)) => {
                faults.push(Fault::File(repeated));
                None
            }
            None => {
                faults.push(Fault::LookupColumn {
                    file: self.input.name().to_owned(),
                    name: name.to_owned(),
                    hint: did_you_mean(name, records.header().iter().map(|own| &**own)),
                });
                None
            }
        }
    }

    fn read(
        &self,
        records: &mut Records,
        key: usize,
        value: usize,
        faults: &mut Vec<Fault>,
    ) -> Result<HashMap<Box<str>, Box<str>>, CsvError> {
        // Values with their lines, so that a repeated key can name both.
        let mut lines: HashMap<Box<str>, u64> = HashMap::new();
        let mut values: HashMap<Box<str>, Box<str>> = HashMap::new();
        let mut repeated = 0;
        while let Some(row) = records.next()? {
            let (Some(key), Some(value)) = (row.fields.get(key), row.fields.get(value)) else { continue };
            if key.is_empty() {
                continue;
            }
            match lines.entry(Box::from(key)) {
                Entry::Vacant(place) => {
                    place.insert(row.place.line);
                    values.insert(Box::from(key), Box::from(value));
                }
                Entry::Occupied(_) if values.get(key).is_some_and(|known| **known == *value) => {}
                Entry::Occupied(first) => {
                    repeated += 1;
                    if repeated <= MOST_REPEATED {
                        faults.push(Fault::RepeatedKey {
                            file: self.input.name().to_owned(),
                            key: key.chars().take(super::limits::MAX_SHOWN_CHARS).collect(),
                            first: *first.get(),
                            line: row.place.line,
                        });
                    }
                }
            }
            if values.len() > MAX_LOOKUP_KEYS {
                let error = CsvError::new(self.input.shared_name(), CsvErrorKind::TooManyKeys);
                return Err(error.at(row.place));
            }
        }
        if repeated > MOST_REPEATED {
            let file = self.input.name().to_owned();
            faults.push(Fault::MoreRepeatedKeys { file, count: repeated - MOST_REPEATED });
        }
        Ok(values)
    }
}

impl LoadedLookup {
    /// The value of a key; `None` when a key without one is a fault.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        match (self.values.get(key), self.unmatched) {
            (Some(value), _) => Some(value),
            (None, UnmatchedKey::Missing) => Some(""),
            (None, UnmatchedKey::Unreadable) => None,
        }
    }
}
