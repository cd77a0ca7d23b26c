//! Which definitions must be recomputed when an attribute, a child table, usage or another definition changes?
//!
//! The lists of what each step reads, turned round: without them an update would look at every definition to find the
//! few that read what it changed.

use std::collections::HashMap;

use super::step::Step;

/// The steps that read something, in order.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    attributes: HashMap<usize, Vec<usize>>,
    tables: HashMap<usize, Vec<usize>>,
    steps: HashMap<usize, Vec<usize>>,
    usage: Vec<usize>,
}

impl Readers {
    /// O(what the steps read).
    pub(super) fn of(steps: &[Step]) -> Self {
        let mut readers = Self::default();
        for (at, step) in steps.iter().enumerate() {
            let reads = &step.reads;
            let lists = [
                (&reads.attributes, &mut readers.attributes),
                (&reads.tables, &mut readers.tables),
                (&reads.steps, &mut readers.steps),
            ];
            for (read, by) in lists {
                for read in read {
                    by.entry(*read).or_default().push(at);
                }
            }
            if reads.usage {
                readers.usage.push(at);
            }
        }
        readers
    }

    pub(crate) fn of_attribute(&self, attribute: usize) -> &[usize] {
        self.attributes.get(&attribute).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn of_table(&self, table: usize) -> &[usize] {
        self.tables.get(&table).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn of_step(&self, step: usize) -> &[usize] {
        self.steps.get(&step).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn of_usage(&self) -> &[usize] {
        &self.usage
    }
}
