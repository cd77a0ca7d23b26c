//! What is wrong with definitions that are not valid?
//!
//! It is said against the names of all that are valid, so that neither the faults nor the names that they propose depend on the
//! order of definitions, nor on how many of them were known before.

use std::collections::HashMap;

use super::compile::Compiler;
use super::components::components;
use super::cycle::{CyclePath, Ring, Way};
use super::definition::Definition;
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
        for mut ring in components(&places, &waits) {
            ring.sort_unstable();
            let reads_itself = |place: &usize| waits.get(place).is_some_and(|reads| reads.contains(place));
            if ring.len() > 1 || ring.iter().any(reads_itself) {
                self.refuse_ring(&ring, &waits);
                continue;
            }
            // It reads something that is at fault: the first of these is named.
            for place in ring {
                let first = waits.get(&place).and_then(|reads| reads.first());
                if let Some(read) = first.and_then(|read| self.definition(*read)) {
                    self.fault(place, CatalogFaultKind::Reads(read.id()));
                }
            }
        }
    }

    fn refuse_ring(&mut self, ring: &[usize], waits: &HashMap<usize, Vec<usize>>) {
        let ways = Ring::new(ring, waits);
        for place in ring {
            let named = |places: Vec<usize>| {
                places.into_iter().filter_map(|at| self.definition(at)).map(Definition::id).collect()
            };
            let Way { first, left_out, last } = ways.way_of(*place);
            let path = CyclePath { first: named(first), left_out, last: named(last) };
            self.fault(*place, CatalogFaultKind::Cycle(path));
        }
    }
}
