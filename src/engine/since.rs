//! What changed between a derivation and its new inputs, and which of its columns can be reused?

use std::sync::Arc;

use super::column::Column;
use super::derivation::{Derivation, Inputs};
use super::dirt::Dirt;
use super::work::Before;
use crate::catalog::{Step, StepProgram};
use crate::model::AsOf;

/// Does a step say the same at two moments, with its programs of them?
pub(super) fn says_the_same(
    step: &Step,
    (now, program): (&AsOf, &StepProgram),
    (then, old_program): (&AsOf, &StepProgram),
) -> bool {
    // Windows end on the day of the question, whether they are written or not.
    let same_day = now.date() == then.date();
    let same_rate_day = same_day && now.fiscal() == then.fiscal();
    !step.reads.moment
        || (same_day || !step.reads.usage)
            && (same_rate_day || !step.reads.rate_of_day)
            && (now.is_same(then) || !step.reads.dated)
            && program.is_same(old_program)
}

/// The changes between a derivation and new inputs.
#[expect(clippy::struct_excessive_bools, reason = "each says of one thing whether it is the same")]
pub(super) struct Since<'s> {
    old: &'s Derivation,
    new: &'s Inputs,
    pub(super) dirt: Dirt,
    pub(super) same_history: bool,
    pub(super) same_rates: bool,
    pub(super) same_prepared: bool,
    pub(super) same_moment: bool,
}

impl<'s> Since<'s> {
    pub(super) fn new(old: &'s Derivation, new: &'s Inputs) -> Self {
        let before = &old.inputs;
        let dirt = Dirt::between(before.view.book(), new.view.book());
        Self {
            old,
            new,
            dirt: dirt.with_usage(before.usage.as_ref(), new.usage.as_ref(), new.view.book()),
            same_history: before.records.is_same(&new.records),
            same_rates: before.rates.is_same(&new.rates),
            same_prepared: Arc::ptr_eq(&before.prepared, &new.prepared),
            same_moment: before.prepared.as_of.is_same(&new.prepared.as_of),
        }
    }

    /// The step of the catalog before that is the same.
    pub(super) fn step_before(&self, at: usize) -> Option<usize> {
        self.new.prepared.catalog.same_step(at, &self.old.inputs.prepared.catalog)
    }

    /// The columns of a step before, if its program is the same now.
    pub(super) fn before(&self, at: usize, step: &Step) -> Option<Before<'s>> {
        let old_at = self.step_before(at)?;
        let columns = self.old.columns(old_at)?;
        let (now, then) = (&self.new.prepared, &self.old.inputs.prepared);
        let as_before = self.same_prepared
            || says_the_same(
                step,
                (&now.as_of, now.programs.get(at)?),
                (&then.as_of, then.programs.get(old_at)?),
            );
        let same_past = self.same_history || !step.reads.history;
        let known = as_before && same_past && (self.same_rates || !step.reads.rates);
        known.then_some(Before { old: self.old, at: old_at, columns })
    }

    /// The column before, if the accounts are the same and at the same places now.
    pub(super) fn stays(&self, column: usize) -> Option<&'s Column> {
        let dirt = &self.dirt;
        let is_as_it_was =
            !dirt.whole && !dirt.is_structure() && dirt.fresh.is_empty() && dirt.carry.is_empty();
        let catalog = &self.new.prepared.catalog;
        let step = catalog.step_of(column).filter(|_| is_as_it_was)?;
        let place = column - catalog.columns_of(step).start;
        self.old.columns(self.step_before(step)?)?.get(place).copied()
    }
}
