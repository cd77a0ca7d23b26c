//! What is read for a column of a batch, once its mapping was checked?
//!
//! A plan knows columns of the file by place, look-up files by content, and how each text is read.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::column::EmptyCell;
use super::column_buffer::ColumnBuffer;
use super::input::CsvInput;
use super::lookup::LoadedLookup;
use super::read_cell::{CellReader, ReadCell, RowCurrency};
use super::records::{Layout, Row};
use crate::AttributeType;
use crate::source::{TableName, strip_invisible};

/// A file and what is read from it.
#[derive(Debug, Clone)]
pub(super) struct TablePlan {
    pub(super) table: TableName,
    pub(super) input: CsvInput,
    pub(super) layout: Layout,
    pub(super) header: Arc<[Arc<str>]>,
    pub(super) columns: Vec<Arc<ColumnPlan>>,
    /// The columns that are mapped by their own names.
    pub(super) by_name: Vec<Arc<str>>,
}

/// One column of the table.
#[derive(Debug, Clone)]
pub(super) struct ColumnPlan {
    pub(super) target: Arc<str>,
    pub(super) kind: AttributeType,
    // INVARIANT: at least one.
    pub(super) alternatives: Vec<AlternativePlan>,
    pub(super) default: Option<Arc<str>>,
    pub(super) empty: EmptyCell,
    // Where mixed money finds its currency.
    pub(super) currency: Option<Arc<ColumnPlan>>,
}

#[derive(Debug, Clone)]
pub(super) struct AlternativePlan {
    pub(super) origin: OriginPlan,
    pub(super) steps: Vec<StepPlan>,
    pub(super) reader: CellReader,
}

#[derive(Debug, Clone)]
pub(super) enum OriginPlan {
    Field(usize),
    Constant(Arc<str>),
    Joined { fields: Vec<usize>, separator: Arc<str> },
    RowNumber { prefix: Arc<str> },
}

#[derive(Debug, Clone)]
pub(super) enum StepPlan {
    Map(Arc<HashMap<Arc<str>, Arc<str>>>),
    Lookup(LoadedLookup),
}

/// What a row says for a column, before it is read as anything.
enum Found<'r> {
    Text(Cow<'r, str>, &'r CellReader),
    UnknownKey(Cow<'r, str>),
    Nothing,
}

impl ColumnPlan {
    /// Reads the cell of a row into a buffer.
    pub(super) fn read(&self, row: Row<'_>, buffer: &mut ColumnBuffer) {
        match self.find(row) {
            Found::Text(text, reader) => buffer.push(&reader.read(&text, self.currency_of(row))),
            Found::UnknownKey(key) => buffer.push(&unknown_key(&key)),
            Found::Nothing => buffer.push(&match self.empty {
                EmptyCell::Missing => ReadCell::Null,
                EmptyCell::Absent => ReadCell::Absent,
                EmptyCell::Text => ReadCell::Text(""),
            }),
        }
    }

    fn find<'r>(&'r self, row: Row<'r>) -> Found<'r> {
        for alternative in &self.alternatives {
            match alternative.text(row) {
                Ok(text) if text.is_empty() => {}
                Ok(text) => return Found::Text(text, &alternative.reader),
                Err(key) => return Found::UnknownKey(key),
            }
        }
        match (&self.default, self.alternatives.first()) {
            (Some(text), Some(first)) => Found::Text(Cow::Borrowed(text), &first.reader),
            _ => Found::Nothing,
        }
    }

    fn currency_of(&self, row: Row<'_>) -> RowCurrency {
        let Some(currency) = &self.currency else { return RowCurrency::Missing };
        let known = |text: &str| text.parse().map_or(RowCurrency::Unknown, RowCurrency::Known);
        match currency.find(row) {
            Found::Text(text, reader) if reader.trims() => known(text.trim()),
            Found::Text(text, _) => known(&text),
            Found::UnknownKey(_) => RowCurrency::Unknown,
            Found::Nothing => RowCurrency::Missing,
        }
    }
}

fn unknown_key(key: &str) -> ReadCell<'_> {
    ReadCell::Unreadable(key, Some("the look-up file has no such key".to_owned()))
}

impl AlternativePlan {
    // The text after all steps, or the key that a look-up file does not know.
    fn text<'r>(&'r self, row: Row<'r>) -> Result<Cow<'r, str>, Cow<'r, str>> {
        let mut text = self.cleaned(self.origin.text(row));
        for step in &self.steps {
            text = match step {
                StepPlan::Map(map) => match map.get(&*text) {
                    Some(to) => Cow::Borrowed(&**to),
                    None => text,
                },
                StepPlan::Lookup(_) if text.is_empty() => text,
                StepPlan::Lookup(lookup) => match lookup.get(&text) {
                    Some(value) => Cow::Borrowed(value),
                    None => return Err(text),
                },
            };
        }
        Ok(self.cleaned(text))
    }

    // Without invisible characters and without white space at the ends, if the column is mapped so.
    fn cleaned<'r>(&self, text: Cow<'r, str>) -> Cow<'r, str> {
        let text = match text {
            text if !self.reader.format.strip_invisible || text.is_ascii() => text,
            Cow::Borrowed(text) => strip_invisible(text),
            Cow::Owned(text) => Cow::Owned(strip_invisible(&text).into_owned()),
        };
        match text {
            text if !self.reader.trims() => text,
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        }
    }
}

impl OriginPlan {
    fn text<'r>(&'r self, row: Row<'r>) -> Cow<'r, str> {
        // Every record is as long as the header, so a field that a plan names is there.
        let field = |at: usize| row.fields.get(at).unwrap_or_default();
        match self {
            Self::Field(at) => Cow::Borrowed(field(*at)),
            Self::Constant(text) => Cow::Borrowed(text),
            Self::Joined { fields, .. } if fields.iter().any(|at| field(*at).trim().is_empty()) => {
                Cow::Borrowed("")
            }
            Self::Joined { fields, separator } => {
                let mut key = String::new();
                for (place, at) in fields.iter().enumerate() {
                    if place > 0 {
                        key.push_str(separator);
                    }
                    key.push_str(field(*at));
                }
                Cow::Owned(key)
            }
            Self::RowNumber { prefix } => Cow::Owned(format!("{prefix}{}", row.number)),
        }
    }
}
