//! Which definitions must be recomputed when an attribute, a child table, usage, the moment or another definition changes?
//!
//! The lists of what each step reads, inverted: without them an update would look at every definition to find the few that
//! read what it changed.

use std::collections::HashMap;
use std::sync::Arc;

use super::step::Step;

/// Lists of numbers, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Where each list ends.
    ends: Vec<usize>,
    all: Vec<usize>,
}

impl Lists {
    pub(super) fn push(&mut self, list: impl Iterator<Item = usize>) {
        self.all.extend(list);
        self.ends.push(self.all.len());
    }

    fn get(&self, at: usize) -> &[usize] {
        let start = at.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let range = start.zip(self.ends.get(at)).map(|(start, end)| start..*end);
        range.and_then(|range| self.all.get(range)).unwrap_or_default()
    }

    /// For each number up to before `numbers` the lists in which it is, in order.
    fn inverted(&self, numbers: usize) -> Self {
        let mut counts = vec![0; numbers];
        for read in &self.all {
            if let Some(count) = counts.get_mut(*read) {
                *count += 1;
            }
        }
        let mut ends = Vec::with_capacity(counts.len());
        // Where the next number of each list is put: at first where the list begins.
        let mut next = counts;
        let mut end = 0;
        for next in &mut next {
            let count = std::mem::replace(next, end);
            end += count;
            ends.push(end);
        }
        let mut all = vec![0; end];
        for at in 0..self.ends.len() {
            for read in self.get(at) {
                if let Some(next) = next.get_mut(*read) {
                    if let Some(place) = all.get_mut(*next) {
                        *place = at;
                    }
                    *next += 1;
                }
            }
        }
        Self { ends, all }
    }
}

/// The steps that read something, in order.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    attributes: HashMap<usize, Vec<usize>>,
    tables: HashMap<usize, Vec<usize>>,
    usage: Vec<usize>,
    moment: Vec<usize>,
    rates: Vec<usize>,
    /// The columns that each step reads.
    reads: Lists,
    /// The steps that read each column.
    columns: Lists,
}

impl Readers {
    /// # Complexity
    ///
    /// Linear in what the steps read.
    pub(super) fn of(steps: &[Arc<Step>], reads: Lists, columns: usize) -> Self {
        let mut readers = Self { columns: reads.inverted(columns), reads, ..Self::default() };
        for (at, step) in steps.iter().enumerate() {
            let reads = &step.reads;
            for attribute in &reads.attributes {
                readers.attributes.entry(*attribute).or_default().push(at);
            }
            for table in &reads.tables {
                readers.tables.entry(*table).or_default().push(at);
            }
            if reads.usage {
                readers.usage.push(at);
            }
            if reads.moment {
                readers.moment.push(at);
            }
            if reads.rates {
                readers.rates.push(at);
            }
        }
        readers
    }

    /// The columns that a step reads, in order.
    pub(crate) fn reads(&self, step: usize) -> &[usize] {
        self.reads.get(step)
    }

    pub(crate) fn of_attribute(&self, attribute: usize) -> &[usize] {
        self.attributes.get(&attribute).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn of_table(&self, table: usize) -> &[usize] {
        self.tables.get(&table).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn of_column(&self, column: usize) -> &[usize] {
        self.columns.get(column)
    }

    pub(crate) fn of_rates(&self) -> &[usize] {
        &self.rates
    }

    pub(crate) fn of_usage(&self) -> &[usize] {
        &self.usage
    }

    /// The steps that read the moment of the question.
    pub(crate) fn of_moment(&self) -> &[usize] {
        &self.moment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_inverted() {
        let mut reads = Lists::default();
        for list in [&[][..], &[0], &[], &[0, 1], &[1, 3]] {
            reads.push(list.iter().copied());
        }
        let readers = reads.inverted(5);
        let all: Vec<&[usize]> = (0..6).map(|at| readers.get(at)).collect();
        assert_eq!(all, [&[1, 3][..], &[3, 4], &[], &[4], &[], &[]]);
        assert_eq!(reads.get(4), [1, 3]);
    }
}
