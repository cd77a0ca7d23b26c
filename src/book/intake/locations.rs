//! From which file and line is a row?

use std::sync::Arc;

use crate::book::report::RowLocation;
use crate::source::Batch;

/// Where the rows of each batch came from.
#[derive(Debug, Default)]
pub(in crate::book) struct Locations {
    // First row of each batch, its origin and the lines of its rows.
    batches: Vec<(usize, Option<Arc<str>>, Vec<u64>)>,
}

impl Locations {
    pub(in crate::book) fn note(&mut self, first: usize, batch: &Batch) {
        let lines = (0..batch.rows()).map_while(|row| batch.line(row)).collect();
        self.batches.push((first, batch.origin().cloned(), lines));
    }

    pub(in crate::book) fn of(&self, table: &str, row: usize) -> RowLocation {
        let place = self.batches.partition_point(|(first, _, _)| *first <= row).saturating_sub(1);
        let (origin, line) = match self.batches.get(place) {
            Some((first, origin, lines)) => (origin.clone(), lines.get(row - first).copied()),
            None => (None, None),
        };
        RowLocation { table: Arc::from(table), origin, line: line.unwrap_or(row as u64 + 1) }
    }
}
