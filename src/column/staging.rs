//! Where do the cells of a load wait until the tree is known?
//!
//! One growing column for all rows in order of arrival. When the order of the tree is known, each
//! chunk gathers its rows and the column is dropped before the next one is gathered, so that a load
//! peaks at little more than its own size.

use std::borrow::Cow;

use super::{Bitmap, Block, Fixed, Raw, Storage, TextBlock};

/// A growing column.
#[derive(Debug)]
pub(crate) struct Staging {
    storage: Storage,
    cells: Cells,
    // One bit a row.
    valid: Vec<u64>,
    len: usize,
}

// INVARIANT: a missing cell holds the default.
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

    /// Adds numbers.
    pub(crate) fn extend_i64(&mut self, cells: impl Iterator<Item = Option<i64>>) {
        match &mut self.cells {
            Cells::I64(values) => self.len = extend(values, &mut self.valid, self.len, cells),
            _ => cells.for_each(|cell| self.push(cell.map(Raw::I64))),
        }
    }

    /// Adds doubles.
    pub(crate) fn extend_f64(&mut self, cells: impl Iterator<Item = Option<f64>>) {
        match &mut self.cells {
            Cells::F64(values) => self.len = extend(values, &mut self.valid, self.len, cells),
            _ => cells.for_each(|cell| self.push(cell.map(Raw::F64))),
        }
    }

    /// Adds days.
    pub(crate) fn extend_i32(&mut self, cells: impl Iterator<Item = Option<i32>>) {
        match &mut self.cells {
            Cells::I32(values) => self.len = extend(values, &mut self.valid, self.len, cells),
            _ => cells.for_each(|cell| self.push(cell.map(Raw::I32))),
        }
    }

    /// Adds missing cells until there are `len`.
    pub(crate) fn pad(&mut self, len: usize) {
        while self.len < len {
            self.push(None);
        }
    }

    /// Makes a cell missing.
    pub(crate) fn clear(&mut self, row: usize) {
        fn reset<T: Default>(values: &mut [T], row: usize) {
            if let Some(value) = values.get_mut(row) {
                *value = T::default();
            }
        }
        match &mut self.cells {
            Cells::Bool(values) => reset(values, row),
            Cells::I64(values) => reset(values, row),
            Cells::F64(values) => reset(values, row),
            Cells::I32(values) => reset(values, row),
            Cells::Code(values) => reset(values, row),
            Cells::List(values) => reset(values, row),
            // A text lies between others; its validity says that it is none.
            Cells::Text { .. } => {}
        }
        if let Some(word) = self.valid.get_mut(row / 64) {
            *word &= !(1 << (row % 64));
        }
    }

    /// Whether a row has a value.
    pub(crate) fn is_valid(&self, row: usize) -> bool {
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

    /// The texts of some rows, for text columns: first where all of them lie, then what stands there, so that no
    /// look into memory waits for the one before.
    pub(crate) fn texts(&self, rows: &[u32]) -> Vec<Option<&str>> {
        let spans: Vec<(usize, usize)> = rows.iter().map(|row| self.span(*row as usize)).collect();
        let text =
            |(row, span): (&u32, &(usize, usize))| self.is_valid(*row as usize).then(|| self.at(*span))?;
        rows.iter().zip(&spans).map(text).collect()
    }

    /// Where the text of a row lies, for text columns; nowhere for other rows. A missing text is empty.
    pub(crate) fn span(&self, row: usize) -> (usize, usize) {
        match &self.cells {
            Cells::Text { ends, .. } => {
                let start = if row == 0 { 0 } else { ends.get(row - 1).copied().unwrap_or(0) };
                (start, ends.get(row).copied().unwrap_or(start))
            }
            _ => (0, 0),
        }
    }

    /// The text at a [`Self::span`].
    pub(crate) fn at(&self, span: (usize, usize)) -> Option<&str> {
        match &self.cells {
            Cells::Text { bytes, .. } => bytes.get(span.0..span.1),
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
        // Values and validity apart, without asking of a value whether it is there: what is missing holds the
        // default, and the processor need not guess.
        fn fixed<T: Copy + Default>(all: &Staging, values: &[T], rows: &[u32]) -> Option<Fixed<T>> {
            let value = |row: &u32| values.get(*row as usize).copied().unwrap_or_default();
            let valid = Bitmap::from_fn(rows.len(), |place| {
                rows.get(place).is_some_and(|row| all.is_valid(*row as usize))
            });
            Fixed::of(rows.iter().map(value).collect(), valid)
        }
        Some(match &self.cells {
            Cells::I64(values) => Block::I64(fixed(self, values, rows)?),
            Cells::F64(values) => Block::F64(fixed(self, values, rows)?),
            Cells::I32(values) => Block::I32(fixed(self, values, rows)?),
            Cells::Code(values) => Block::Code(fixed(self, values, rows)?),
            Cells::Text { .. } => {
                let texts = self.texts(rows);
                Block::Text(TextBlock::build(rows.len(), |place| texts.get(place).copied().flatten())?)
            }
            Cells::Bool(_) | Cells::List(_) => {
                Block::build(self.storage, rows.len(), |place| self.get(*rows.get(place)? as usize))?
            }
        })
    }
}

// What `push` does, for many cells of the column's own kind: without asking for the kind of each, and a word of
// validity at a time. Answers the new length.
fn extend<T: Copy + Default>(
    values: &mut Vec<T>,
    valid: &mut Vec<u64>,
    mut len: usize,
    cells: impl Iterator<Item = Option<T>>,
) -> usize {
    let mut word = if len.is_multiple_of(64) { 0 } else { valid.pop().unwrap_or(0) };
    for cell in cells {
        values.push(cell.unwrap_or_default());
        word |= u64::from(cell.is_some()) << (len % 64);
        len += 1;
        if len.is_multiple_of(64) {
            valid.push(word);
            word = 0;
        }
    }
    if !len.is_multiple_of(64) {
        valid.push(word);
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_cells_at_once_are_the_same_as_one_by_one() {
        for before in [0_i64, 1, 63, 64, 65] {
            for more in [0_i64, 1, 62, 63, 64, 200] {
                let cell = |n: i64| (n % 3 > 0).then_some(n);
                let (mut slow, mut fast) = (Staging::new(Storage::I64), Staging::new(Storage::I64));
                (0..before + more).for_each(|n| slow.push(cell(n).map(Raw::I64)));
                (0..before).for_each(|n| fast.push(cell(n).map(Raw::I64)));
                fast.extend_i64((before..before + more).map(cell));
                fast.push(Some(Raw::I64(9)));
                slow.push(Some(Raw::I64(9)));
                assert_eq!((fast.len(), &fast.valid), (slow.len(), &slow.valid), "{before} {more}");
                let all = |column: &Staging| -> Vec<Option<i64>> {
                    (0..column.len())
                        .map(|row| match column.get(row) {
                            Some(Raw::I64(value)) => Some(value),
                            _ => None,
                        })
                        .collect()
                };
                assert_eq!(all(&fast), all(&slow), "{before} {more}");
            }
        }
        // Of another kind, it is missing.
        let mut texts = Staging::new(Storage::Text);
        texts.extend_i64([Some(1), None].into_iter());
        assert_eq!((texts.len(), texts.text(0)), (2, None));
    }

    #[test]
    fn a_cleared_cell_gathers_like_one_that_never_was() {
        let (mut cleared, mut never) = (Staging::new(Storage::F64), Staging::new(Storage::F64));
        for n in [1.0, 2.0, 3.0] {
            cleared.push(Some(Raw::F64(n)));
            never.push((n < 2.5).then_some(Raw::F64(n)));
        }
        cleared.clear(2);
        assert_eq!(cleared.gather(&[2, 0, 1]), never.gather(&[2, 0, 1]));
        assert_eq!(cleared.gather(&[2]), None);
    }
}
