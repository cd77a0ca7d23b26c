//! Where do the cells of a load wait until the tree is known?
//!
//! One growing column for all rows in order of arrival. When the order of the tree is known, each
//! chunk gathers its rows and the column is dropped before the next one is gathered, so that a load
//! peaks at little more than its own size.

use std::borrow::Cow;

use super::{Block, Fixed, Raw, Storage, TextBlock};

/// A growing column.
#[derive(Debug)]
pub(crate) struct Staging {
    storage: Storage,
    cells: Cells,
    // One bit a row.
    valid: Vec<u64>,
    len: usize,
}

#[derive(Debug)]
enum Cells {
    Bool(Vec<bool>),
    I64(Vec<i64>),
    F64(Vec<f64>),
    I32(Vec<i32>),
    Code(Vec<u16>),
    Text { ends: Vec<usize>, bytes: String },
    List(Vec<Option<Vec<String>>>),
}

impl Staging {
    pub(crate) fn new(storage: Storage) -> Self {
        let cells = match storage {
            Storage::Bool => Cells::Bool(Vec::new()),
            Storage::I64 => Cells::I64(Vec::new()),
            Storage::F64 => Cells::F64(Vec::new()),
            Storage::I32 => Cells::I32(Vec::new()),
            Storage::Code => Cells::Code(Vec::new()),
            Storage::Text => Cells::Text { ends: Vec::new(), bytes: String::new() },
            Storage::List => Cells::List(Vec::new()),
        };
        Self { storage, cells, valid: Vec::new(), len: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    fn mark(&mut self, present: bool) {
        if self.len.is_multiple_of(64) {
            self.valid.push(0);
        }
        if let Some(word) = self.valid.last_mut() {
            *word |= u64::from(present) << (self.len % 64);
        }
        self.len += 1;
    }

    /// Adds a cell; one of another storage counts as missing.
    pub(crate) fn push(&mut self, cell: Option<Raw<'_>>) {
        let present = match (&mut self.cells, cell) {
            (Cells::Bool(values), Some(Raw::Bool(value))) => {
                values.push(value);
                true
            }
            (Cells::I64(values), Some(Raw::I64(value))) => {
                values.push(value);
                true
            }
            (Cells::F64(values), Some(Raw::F64(value))) => {
                values.push(value);
                true
            }
            (Cells::I32(values), Some(Raw::I32(value))) => {
                values.push(value);
                true
            }
            (Cells::Code(values), Some(Raw::Code(value))) => {
                values.push(value);
                true
            }
            (Cells::Text { ends, bytes }, Some(Raw::Text(text))) => {
                bytes.push_str(&text);
                ends.push(bytes.len());
                true
            }
            (Cells::List(values), Some(Raw::List(items))) => {
                values.push(Some(items));
                true
            }
            (cells, _) => {
                match cells {
                    Cells::Bool(values) => values.push(false),
                    Cells::I64(values) => values.push(0),
                    Cells::F64(values) => values.push(0.0),
                    Cells::I32(values) => values.push(0),
                    Cells::Code(values) => values.push(0),
                    Cells::Text { ends, bytes } => ends.push(bytes.len()),
                    Cells::List(values) => values.push(None),
                }
                false
            }
        };
        self.mark(present);
    }

    /// Adds missing cells until there are `len`.
    pub(crate) fn pad(&mut self, len: usize) {
        while self.len < len {
            self.push(None);
        }
    }

    /// Makes a cell missing.
    pub(crate) fn clear(&mut self, row: usize) {
        if let Some(word) = self.valid.get_mut(row / 64) {
            *word &= !(1 << (row % 64));
        }
    }

    fn is_valid(&self, row: usize) -> bool {
        self.valid.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// The text of a row, for text columns.
    pub(crate) fn text(&self, row: usize) -> Option<&str> {
        match &self.cells {
            Cells::Text { ends, bytes } if self.is_valid(row) => {
                let start = if row == 0 { 0 } else { *ends.get(row - 1)? };
                bytes.get(start..*ends.get(row)?)
            }
            _ => None,
        }
    }

    /// A cell, or `None` when it is missing.
    pub(crate) fn get(&self, row: usize) -> Option<Raw<'_>> {
        if !self.is_valid(row) {
            return None;
        }
        Some(match &self.cells {
            Cells::Bool(values) => Raw::Bool(*values.get(row)?),
            Cells::I64(values) => Raw::I64(*values.get(row)?),
            Cells::F64(values) => Raw::F64(*values.get(row)?),
            Cells::I32(values) => Raw::I32(*values.get(row)?),
            Cells::Code(values) => Raw::Code(*values.get(row)?),
            Cells::Text { .. } => Raw::Text(Cow::Borrowed(self.text(row)?)),
            Cells::List(values) => Raw::List(values.get(row)?.clone()?),
        })
    }

    /// The cells of some rows as a block.
    pub(crate) fn gather(&self, rows: &[u32]) -> Option<Block> {
        fn fixed<T: Copy + Default>(all: &Staging, values: &[T], rows: &[u32]) -> Option<Fixed<T>> {
            Fixed::build(rows.len(), |place| {
                let row = *rows.get(place)? as usize;
                if all.is_valid(row) { values.get(row).copied() } else { None }
            })
        }
        Some(match &self.cells {
            Cells::I64(values) => Block::I64(fixed(self, values, rows)?),
            Cells::F64(values) => Block::F64(fixed(self, values, rows)?),
            Cells::I32(values) => Block::I32(fixed(self, values, rows)?),
            Cells::Code(values) => Block::Code(fixed(self, values, rows)?),
            Cells::Text { .. } => {
                Block::Text(TextBlock::build(rows.len(), |place| self.text(*rows.get(place)? as usize))?)
            }
            Cells::Bool(_) | Cells::List(_) => {
                Block::build(self.storage, rows.len(), |place| self.get(*rows.get(place)? as usize))?
            }
        })
    }
}
