//! Which row has this id, among rows still in order of arrival?
//!
//! A hash table of row numbers, built once for a load. Rows of the same id are chained, so that
//! repeated ids are found without sorting.

use crate::column::Staging;
use crate::tree::{NONE, hash_of};

/// Ids that are looked up together.
const BLOCK: usize = 64;

/// Rows by id.
pub(super) struct RowIndex<'s> {
    ids: &'s Staging,
    // INVARIANT: a power of two of places, at least twice as many as rows; each holds the upper half of a
    // hash and a row, so that most strangers are told apart without looking further.
    table: Vec<(u32, u32)>,
    hashes: Vec<u64>,
    // The next row with the same id.
    next: Vec<u32>,
}

impl<'s> RowIndex<'s> {
    #[expect(clippy::indexing_slicing, reason = "places are masked, rows are below the length of the column")]
    #[expect(clippy::cast_possible_truncation, reason = "a hash is cut to a place; rows are below 2^30")]
    pub(super) fn build(ids: &'s Staging) -> Self {
        let rows = ids.len();
        let places = (rows * 2).next_power_of_two().max(2);
        let mut index = Self {
            ids,
            table: vec![(0, NONE); places],
            hashes: Vec::with_capacity(rows),
            next: vec![NONE; rows],
        };
        for row in 0..rows {
            let id = ids.text(row).unwrap_or_default();
            let hash = hash_of(id);
            index.hashes.push(hash);
            let mut place = hash as usize & (places - 1);
            loop {
                let (tag, first) = index.table[place];
                if first == NONE {
                    index.table[place] = ((hash >> 32) as u32, row as u32);
                    break;
                }
                if tag == (hash >> 32) as u32 && ids.text(first as usize).unwrap_or_default() == id {
                    // Behind the first row, which keeps standing for the id.
                    index.next[row] = index.next[first as usize];
                    index.next[first as usize] = row as u32;
                    break;
                }
                place = (place + 1) & (places - 1);
            }
        }
        index
    }

    /// The first row with an id.
    #[expect(clippy::indexing_slicing, reason = "places are masked, rows are below the length of the column")]
    #[expect(clippy::cast_possible_truncation, reason = "a hash is cut to a place")]
    pub(super) fn find(&self, id: &str) -> Option<u32> {
        let hash = hash_of(id);
        let mask = self.table.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let (tag, row) = self.table[place];
            if row == NONE {
                return None;
            }
            if tag == (hash >> 32) as u32 && self.ids.text(row as usize).unwrap_or_default() == id {
                return Some(row);
            }
            place = (place + 1) & mask;
        }
    }

    /// The first row with each of some ids, `NONE` where there is none.
    ///
    /// What [`Self::find`] answers, step by step for a block of ids: no look into memory of a step waits for
    /// another one, where one id after the other would wait three times.
    #[expect(clippy::indexing_slicing, reason = "places are masked, rows are below the length of the column")]
    #[expect(clippy::cast_possible_truncation, reason = "a hash is cut to a place")]
    pub(super) fn find_each<'i>(&self, ids: impl ExactSizeIterator<Item = Option<&'i str>>) -> Vec<u32> {
        let mask = self.table.len() - 1;
        let mut found = Vec::with_capacity(ids.len());
        let mut ids = ids.peekable();
        let mut block: Vec<(&str, u64)> = Vec::with_capacity(BLOCK);
        let mut rows = [NONE; BLOCK];
        let mut spans = [(0, 0); BLOCK];
        while ids.peek().is_some() {
            block.clear();
            block.extend(ids.by_ref().take(BLOCK).map(|id| id.map_or(("", 0), |id| (id, hash_of(id)))));
            for ((id, hash), row) in block.iter().zip(&mut rows) {
                let mut place = *hash as usize & mask;
                *row = loop {
                    let (tag, row) = self.table[place];
                    // No account has an empty id.
                    if row == NONE || id.is_empty() {
                        break NONE;
                    }
                    if tag == (hash >> 32) as u32 {
                        break row;
                    }
                    place = (place + 1) & mask;
                };
            }
            for (row, span) in rows.iter().zip(&mut spans) {
                *span = self.ids.span(*row as usize);
            }
            for (((id, _), row), span) in block.iter().zip(&rows).zip(&spans) {
                found.push(match row {
                    // Another id with the same half of a hash.
                    row if *row != NONE && self.ids.at(*span) != Some(*id) => self.find(id).unwrap_or(NONE),
                    row => *row,
                });
            }
        }
        found
    }

    /// The hash of each row's id.
    pub(super) fn into_hashes(self) -> Vec<u64> {
        self.hashes
    }

    /// All rows with the id of a first row.
    pub(super) fn rows_with(&self, first: u32) -> impl Iterator<Item = u32> + '_ {
        let mut at = Some(first);
        std::iter::from_fn(move || {
            let row = at?;
            at = self.next.get(row as usize).copied().filter(|next| *next != NONE);
            Some(row)
        })
    }

    /// The first rows of ids that stand in several, each with all its rows.
    pub(super) fn repeated(&self) -> impl Iterator<Item = Vec<u32>> + '_ {
        let first = |row: &u32| self.find(self.ids.text(*row as usize).unwrap_or_default()) == Some(*row);
        let rows = (0_u32..).zip(&self.next).filter(|(_, next)| **next != NONE).map(|(row, _)| row);
        rows.filter(first).map(|row| self.rows_with(row).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::{Raw, Storage};

    #[test]
    fn a_block_of_ids_is_found_like_each() {
        let mut ids = Staging::new(Storage::Text);
        let push = |ids: &mut Staging, id: Option<String>| ids.push(id.map(|id| Raw::Text(id.into())));
        for number in 0..1_000_u32 {
            // Some ids stand twice, and some rows have none.
            push(&mut ids, (number % 50 != 7).then(|| format!("a{}", number * 7 % 900)));
        }
        let index = RowIndex::build(&ids);
        for wanted in [0, 1, 63, 64, 65, 1_000] {
            let wanted: Vec<Option<String>> =
                (0..wanted).map(|number| (number % 11 > 0).then(|| format!("a{}", number * 3))).collect();
            let each = |id: &Option<String>| id.as_ref().and_then(|id| index.find(id)).unwrap_or(NONE);
            let expected: Vec<u32> = wanted.iter().map(each).collect();
            assert_eq!(index.find_each(wanted.iter().map(Option::as_deref)), expected);
        }
    }
}
