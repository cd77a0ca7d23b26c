//! Which definitions are computed, and what do their days mean at a moment?

use std::sync::Arc;

use super::column::Column;
use crate::catalog::{Catalog, DefinitionRef, StepProgram};
use crate::column::Shelf;
use crate::model::AsOf;

/// Columns by number; `None` for what is not known.
pub(super) type Columns = Shelf<Option<Column>>;

/// The definitions of a catalog at one moment.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) catalog: Catalog,
    pub(super) as_of: AsOf,
    pub(super) programs: Vec<StepProgram>,
    /// A place for each column, of which none is known.
    pub(super) none: Columns,
}

impl Prepared {
    /// Programs of steps that `before` has as well are taken over, where they read no moment, or it is the same.
    pub(super) fn new(catalog: &Catalog, as_of: &AsOf, before: Option<&Self>) -> Arc<Self> {
        let steps = catalog.steps();
        let same_moment = before.is_some_and(|before| before.as_of.is_same(as_of));
        let programs = steps.iter().enumerate().map(|(number, step)| {
            let taken = before.filter(|_| same_moment || !step.reads.moment).and_then(|before| {
                let old = catalog.same_step(number, &before.catalog)?;
                before.programs.get(old).cloned()
            });
            taken.unwrap_or_else(|| step.at(as_of, catalog))
        });
        let programs = programs.collect();
        let none = match before.filter(|before| before.none.len() == catalog.columns()) {
            Some(before) => before.none.clone(),
            None => (0..catalog.columns()).map(|_| None).collect(),
        };
        Arc::new(Self { catalog: catalog.clone(), as_of: as_of.clone(), programs, none })
    }

    /// The steps of a definition, and of those that it brings.
    pub(super) fn steps(&self, id: &DefinitionRef) -> impl Iterator<Item = usize> {
        self.catalog.steps_of(id)
    }

    /// Some steps, with all that they read, in order.
    pub(super) fn closed(&self, wanted: impl IntoIterator<Item = usize>) -> Arc<[usize]> {
        let readers = self.catalog.readers();
        let mut found = vec![false; self.catalog.steps().len()];
        let mut all: Vec<usize> = Vec::new();
        let mut left: Vec<usize> = wanted.into_iter().collect();
        while let Some(at) = left.pop() {
            if let Some(flag) = found.get_mut(at).filter(|flag| !**flag) {
                *flag = true;
                all.push(at);
                left.extend(readers.reads(at).iter().filter_map(|column| self.catalog.step_of(*column)));
            }
        }
        all.sort_unstable();
        all.into()
    }
}
