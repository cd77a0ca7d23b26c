//! Which definitions are worked out, and what do their days mean at a moment?

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalog::{Catalog, DefinitionRef, StepProgram};
use crate::model::AsOf;

/// The definitions of a catalog at one moment.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) catalog: Catalog,
    pub(super) as_of: AsOf,
    pub(super) programs: Vec<StepProgram>,
    /// The steps that give columns, by the name of the column.
    pub(super) by_name: HashMap<Arc<str>, usize>,
}

impl Prepared {
    pub(super) fn new(catalog: &Catalog, as_of: &AsOf, before: Option<&Self>) -> Arc<Self> {
        let steps = catalog.steps();
        let same = before.map(|before| catalog.same_steps(&before.catalog));
        let programs = steps.iter().enumerate().map(|(number, step)| {
            let old = same.as_ref().and_then(|same| same.get(number).copied().flatten());
            let known = before.zip(old).and_then(|(before, old)| before.programs.get(old));
            match known {
                Some(known) if !step.reads.moment => known.clone(),
                _ => step.at(as_of, catalog),
            }
        });
        let programs = programs.collect();
        let mut by_name = HashMap::new();
        for (number, step) in steps.iter().enumerate() {
            if step.kind.is_some() {
                by_name.insert(step.id.name.clone(), number);
            }
        }
        Arc::new(Self { catalog: catalog.clone(), as_of: as_of.clone(), programs, by_name })
    }

    /// The step of a definition; `None` for a metric, and for what is not defined.
    pub(super) fn step(&self, id: &DefinitionRef) -> Option<usize> {
        self.catalog.step(id)
    }

    /// Some steps, with all that they read.
    pub(super) fn closed(&self, wanted: impl IntoIterator<Item = usize>) -> Vec<bool> {
        let steps = self.catalog.steps();
        let mut found = vec![false; steps.len()];
        let mut left: Vec<usize> = wanted.into_iter().collect();
        while let Some(at) = left.pop() {
            if let (Some(flag), Some(step)) = (found.get_mut(at).filter(|flag| !**flag), steps.get(at)) {
                *flag = true;
                left.extend(&step.reads.steps);
            }
        }
        found
    }
}
