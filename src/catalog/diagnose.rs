//! What is wrong with definitions that are not valid?
//!
//! It is said against the names of all that are valid, so that neither the faults nor the names that they propose depend on the
//! order of definitions, nor on how many of them were known before.

use std::collections::{HashMap, HashSet};

use super::compile::Compiler;
use super::components::components;
use super::cycle::{CyclePath, Ring, Way};
use super::definition::DefinitionRef;
use super::fault::CatalogFaultKind;

impl Compiler<'_> {
    pub(super) fn diagnose(&mut self) {
        let mut failed = std::mem::take(&mut self.failed);
        failed.sort_unstable();
        for place in failed {
            let Some(definition) = self.definition(place) else { continue };
            let declared = |column: &str| self.declared(column);
            if let Err(faults) = self.check(definition, &self.names, &declared) {
                faults.into_iter().for_each(|fault| self.fault(place, CatalogFaultKind::Invalid(fault)));
            }
        }
        let waits = std::mem::take(&mut self.waits);
        let waits: HashMap<usize, Vec<usize>> =
            waits.into_iter().map(|(place, waiting)| (place, waiting.reads)).collect();
        let mut places: Vec<usize> = waits.keys().copied().collect();
        places.sort_unstable();
        let silent = self.behind_unreadable(&places, &waits);
        places.retain(|place| !silent.contains(place));
        for mut ring in components(&places, &waits) {
            ring.sort_unstable();
            let reads_itself = |place: &usize| waits.get(place).is_some_and(|reads| reads.contains(place));
            if ring.len() > 1 || ring.iter().any(reads_itself) {
                self.refuse_ring(&ring, &waits);
                continue;
            }
            // It reads something that is at fault: the first of these is named.
            for place in ring {
                // What is wrong with a definition and with what it brings is said once.
                let reads = waits.get(&place).into_iter().flatten();
                let mut others = reads.filter_map(|read| self.written(*read));
                if let Some(read) = others.find(|read| self.written(place).as_ref() != Some(read)) {
                    self.fault(place, CatalogFaultKind::Reads(read));
                }
            }
        }
    }

    /// The definitions that read one that could not be read, directly or not: its faults are reported where it was read.
    fn behind_unreadable(&self, places: &[usize], waits: &HashMap<usize, Vec<usize>>) -> HashSet<usize> {
        let mut readers: HashMap<usize, Vec<usize>> = HashMap::new();
        for place in places {
            for read in waits.get(place).into_iter().flatten() {
                readers.entry(*read).or_default().push(*place);
            }
        }
        let mut left: Vec<usize> = readers.keys().copied().filter(|read| *read >= self.given.len()).collect();
        let mut found = HashSet::new();
        while let Some(read) = left.pop() {
            let new = readers.get(&read).into_iter().flatten().filter(|reader| found.insert(**reader));
            left.extend(new.collect::<Vec<_>>());
        }
        found
    }

    fn refuse_ring(&mut self, ring: &[usize], waits: &HashMap<usize, Vec<usize>>) {
        let ways = Ring::new(ring, waits);
        // A definition and what it brings are one, of which it is said once.
        let mut told: HashSet<DefinitionRef> = HashSet::new();
        for place in ring {
            if self.written(*place).is_none_or(|id| !told.insert(id)) {
                continue;
            }
            let named = |places: Vec<usize>| {
                let mut steps: Vec<(usize, DefinitionRef)> =
                    places.into_iter().filter_map(|at| Some((at, self.written(at)?))).collect();
                // A step from a definition to what it brings is none.
                steps.dedup_by(|next, last| next.1 == last.1 && next.0 != last.0);
                steps.into_iter().map(|(_, id)| id).collect()
            };
            let Way { first, left_out, last } = ways.way_of(*place);
            let path = CyclePath { first: named(first), left_out, last: named(last) };
            self.fault(*place, CatalogFaultKind::Cycle(path));
        }
    }
}
