//! Values of one width, with a bitmap of which are present.

use super::{Bitmap, Bits};

/// Values of one width. Missing rows hold the default, so that sums need no mask.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fixed<T> {
    // INVARIANT: rows that are not valid hold `T::default()`.
    values: Box<[T]>,
    // `None`: every row is present.
    valid: Option<Bitmap>,
}

impl<T: Copy + Default> Fixed<T> {
    /// The answers of `cell` for rows 0 to `len`, or `None` when every one is missing.
    pub(crate) fn build(len: usize, mut cell: impl FnMut(usize) -> Option<T>) -> Option<Self> {
        let mut values = Vec::with_capacity(len);
        let valid = Bitmap::from_fn(len, |row| {
            let cell = cell(row);
            values.push(cell.unwrap_or_default());
            cell.is_some()
        });
        Self::of(values, valid)
    }

    /// Values of which those that are not valid are the default, or `None` when every one is missing.
    pub(super) fn of(values: Vec<T>, valid: Bitmap) -> Option<Self> {
        if valid.is_empty() {
            return None;
        }
        let valid = if valid.is_full() { None } else { Some(valid) };
        Some(Self { values: values.into(), valid })
    }

    /// Values and validity as a block gives them, or `None` when [`Self::build`] makes no such block.
    #[cfg(feature = "snapshot")]
    pub(crate) fn from_parts(values: Vec<T>, valid: Option<Bitmap>) -> Option<Self>
    where
        T: PartialEq,
    {
        match &valid {
            None if values.is_empty() => return None,
            None => {}
            Some(valid) => {
                let missing = valid.not();
                let cleared = |row: u32| values.get(row as usize).is_some_and(|v| *v == T::default());
                let fits = valid.len() == values.len() && !valid.is_empty() && !missing.is_empty();
                if !fits || !missing.rows().all(cleared) {
                    return None;
                }
            }
        }
        Some(Self { values: values.into(), valid })
    }

    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }

    pub(crate) const fn valid(&self) -> Option<&Bitmap> {
        self.valid.as_ref()
    }

    pub(crate) fn get(&self, row: usize) -> Option<T> {
        let value = self.values.get(row).copied()?;
        match &self.valid {
            Some(valid) if !valid.get(row) => None,
            _ => Some(value),
        }
    }

    /// A copy with some rows changed, or `None` when nothing is left.
    pub(crate) fn edited(&self, edits: impl IntoIterator<Item = (usize, Option<T>)>) -> Option<Self> {
        let mut values = self.values.clone();
        let mut valid = self.valid.clone().unwrap_or_else(|| Bitmap::ones(values.len()));
        for (row, cell) in edits {
            if let Some(value) = values.get_mut(row) {
                *value = cell.unwrap_or_default();
                valid.set(row, cell.is_some());
            }
        }
        if valid.is_empty() {
            return None;
        }
        let valid = if valid.is_full() { None } else { Some(valid) };
        Some(Self { values, valid })
    }

    /// Rows side by side: of each piece so many from a row on, missing where it has none; `None` when every one is missing.
    pub(super) fn joined<'f>(pieces: &[(Option<&'f Self>, usize, usize)]) -> Option<Self>
    where
        T: 'f,
    {
        let mut values = Vec::with_capacity(pieces.iter().map(|(.., rows)| rows).sum());
        for (fixed, from, rows) in pieces {
            let own = fixed.and_then(|fixed| fixed.values.get(*from..from + rows)).unwrap_or_default();
            values.extend_from_slice(own);
            values.resize(values.len() + rows - own.len(), T::default());
        }
        let valid = Bitmap::joined(pieces.iter().map(|(fixed, from, rows)| {
            let bits = fixed
                .map_or(Bits::All(false), |fixed| fixed.valid.as_ref().map_or(Bits::All(true), Bits::Of));
            (bits, *from, *rows)
        }));
        Self::of(values, valid)
    }

    /// Are the rows from one on present where as many of another are?
    pub(super) fn same_valid(&self, from: usize, other: &Self, to: usize, rows: usize) -> bool {
        let word = |fixed: &Self, at: usize, count: usize| match &fixed.valid {
            Some(valid) => valid.word_at(at, count),
            None => u64::MAX >> (64 - count),
        };
        self.is_full() && other.is_full()
            || (0..rows).step_by(64).all(|at| {
                let count = (rows - at).min(64);
                word(self, from + at, count) == word(other, to + at, count)
            })
    }

    /// Is every row present?
    pub(crate) const fn is_full(&self) -> bool {
        self.valid.is_none()
    }

    pub(crate) fn bytes(&self) -> usize {
        std::mem::size_of_val(&*self.values)
            + self.valid.as_ref().map_or(0, |v| std::mem::size_of_val(v.words()))
    }
}
