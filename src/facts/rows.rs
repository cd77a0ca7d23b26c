//! Which rows does a key have?

use std::sync::Arc;

use super::Fact;
use crate::model::Timestamp;

/// Rows of a run; an update copies the last run, and no other.
const RUN_ROWS: usize = 128;

/// The rows of a key in order of time.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    // INVARIANT: no run is empty, and all but the last have `RUN_ROWS`.
    runs: Vec<Arc<Vec<Fact>>>,
}

impl Rows {
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Fact> {
        self.runs.iter().flat_map(|run| run.iter())
    }

    pub(super) fn last(&self) -> Option<&Fact> {
        self.runs.last()?.last()
    }

    /// The last one, to be written.
    pub(super) fn last_mut(&mut self) -> Option<&mut Fact> {
        Arc::make_mut(self.runs.last_mut()?).last_mut()
    }

    pub(super) fn push(&mut self, fact: Fact) {
        match self.runs.last_mut().filter(|run| run.len() < RUN_ROWS) {
            Some(run) => Arc::make_mut(run).push(fact),
            None => self.runs.push(Arc::new(vec![fact])),
        }
    }

    /// The last row that has begun at an instant.
    pub(super) fn begun(&self, at: Timestamp) -> Option<&Fact> {
        let has_begun = |row: &Fact| row.since <= at;
        let runs = self.runs.partition_point(|run| run.first().is_some_and(has_begun));
        let run = self.runs.get(runs.checked_sub(1)?)?;
        run.get(run.partition_point(has_begun).checked_sub(1)?)
    }
}
