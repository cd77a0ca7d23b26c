//! Which values are the most frequent?

use std::collections::{BTreeSet, HashMap};

use crate::expr::Key;

/// How often each value comes, and the values by how often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts {
    counts: HashMap<Key, u64>,
    /// The most frequent first; of equals, the least.
    order: BTreeSet<(std::cmp::Reverse<u64>, Key)>,
}

impl Counts {
    pub(super) fn add(&mut self, value: Key, times: u64) {
        let count = self.counts.entry(value.clone()).or_insert(0);
        if *count > 0 {
            self.order.remove(&(std::cmp::Reverse(*count), value.clone()));
        }
        *count = count.saturating_add(times);
        self.order.insert((std::cmp::Reverse(*count), value));
    }

    /// The smaller side is added to the larger one.
    pub(super) fn absorb(&mut self, mut other: Self) {
        if other.counts.len() > self.counts.len() {
            std::mem::swap(self, &mut other);
        }
        for (value, count) in other.counts {
            self.add(value, count);
        }
    }

    /// The most frequent values.
    pub(super) fn top(&self) -> impl Iterator<Item = &Key> {
        self.order.iter().map(|(_, value)| value)
    }
}
