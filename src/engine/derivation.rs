//! What do definitions come to, and what of it must be worked out anew?
//!
//! There is one way to work something out, [`Group::work_out`](super::group::Group::work_out); what differs is for whom
//! ([`Work`]). A definition is worked out for everyone where it is new, or says something else at another moment; for the accounts
//! whose answers may be others, where something that it reads was changed; and for whole trees, where those are too many.
//! What comes out as before is left as it is, so that nothing that reads it is worked out either.

use std::sync::Arc;

use super::column::Column;
use super::dirt::{Dirt, Rows, join};
use super::observer::{Observer, Progress};
use super::prepared::Prepared;
use super::share::Share;
use super::work::{Before, Work};
use crate::aggregate::UsageView;
use crate::book::View;
use crate::catalog::{History, Step};
use crate::expr::Cancelled;

/// What definitions are worked out from.
#[derive(Clone)]
pub(super) struct Inputs {
    pub(super) prepared: Arc<Prepared>,
    /// Of everything, or of what a scope shows.
    pub(super) view: View,
    pub(super) usage: Option<UsageView>,
    pub(super) history: Option<Arc<dyn History + Send>>,
}

/// What some definitions come to.
#[derive(Clone)]
pub(super) struct Derivation {
    pub(super) inputs: Inputs,
    /// By step; `None` for what was not asked.
    pub(super) columns: Vec<Option<Column>>,
}

impl Derivation {
    /// Nothing yet.
    pub(super) fn none(inputs: Inputs) -> Self {
        let columns = vec![None; inputs.prepared.catalog.steps().len()];
        Self { inputs, columns }
    }

    /// With some more steps, from scratch. `wanted` is closed under what it reads; `shared` is what is known of everyone, where
    /// this is of what a scope shows.
    pub(super) fn extended(
        mut self,
        wanted: &[bool],
        shared: Option<(&Share, &Self)>,
        observer: &dyn Observer,
    ) -> Result<Self, Cancelled> {
        let mut work = Work::new(&self.inputs, observer);
        let missing = self.columns.iter().zip(wanted).filter(|(column, wanted)| **wanted && column.is_none());
        let (mut done, of) = (0, missing.count());
        for at in 0..self.columns.len() {
            if wanted.get(at) == Some(&true) && self.columns.get(at).is_some_and(Option::is_none) {
                let everyone = shared.and_then(|(share, everyone)| {
                    Some((share, everyone.columns.get(at)?.as_ref().filter(|_| !work.is_wide(at))?))
                });
                let column = match everyone {
                    Some((share, everyone)) => work.beside(at, share, everyone, &self.columns)?,
                    None => work.everywhere(at, &self.columns)?,
                };
                if let Some(place) = self.columns.get_mut(at) {
                    *place = Some(column);
                }
                done += 1;
                observer.progress(Progress { done, of });
            }
        }
        Ok(self)
    }

    /// The same for other inputs: bit for bit what [`Derivation::extended`] gives from scratch, with all taken over that
    /// cannot be different. Both views show everything. `wanted` is closed under what it reads.
    pub(super) fn advanced(
        &self,
        inputs: Inputs,
        wanted: &[bool],
        observer: &dyn Observer,
    ) -> Result<Self, Cancelled> {
        let mut next = Self::none(inputs);
        let (old, new) = (&self.inputs, &next.inputs);
        let same = new.prepared.catalog.same_steps(&old.prepared.catalog);
        let dirt = Dirt::between(old.view.book(), new.view.book());
        let usage = |inputs: &Inputs| inputs.usage.as_ref().map(|usage| usage.usage().clone());
        let dirt = dirt.with_usage(usage(old).as_ref(), usage(new).as_ref(), new.view.book());
        let same_history = match (&old.history, &new.history) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (None, None) => true,
            _ => false,
        };
        // Windows end on the day of the question, whether they are written or not.
        let same_moment = old.prepared.as_of.is_same(&new.prepared.as_of);
        let same_day = old.prepared.as_of.date() == new.prepared.as_of.date();
        let mut work = Work::new(new, observer);
        // What came out differently, by step; `None` where everything may have.
        let mut changed: Vec<Option<Rows>> = vec![None; next.columns.len()];
        let (mut done, of) = (0, wanted.iter().filter(|wanted| **wanted).count());
        for (at, step) in new.prepared.catalog.steps().iter().enumerate() {
            if wanted.get(at) != Some(&true) {
                continue;
            }
            if observer.is_cancelled() {
                return Err(Cancelled);
            }
            let before = same.get(at).copied().flatten().and_then(|old_at| {
                let column = self.columns.get(old_at)?.as_ref()?;
                let as_before = !step.reads.moment
                    || Arc::ptr_eq(&old.prepared, &new.prepared)
                    || (same_day || !step.reads.usage)
                        && (same_moment || !step.reads.dated_metric)
                        && new.prepared.programs.get(at)?.is_same(old.prepared.programs.get(old_at)?);
                let known = as_before && (same_history || !step.asks_history());
                known.then_some(Before { old: self, at: old_at, column })
            });
            let rows = dirty(step, &dirt, &changed);
            let (column, rows) = match (before, rows) {
                (Some(before), Some(rows)) if rows.is_empty() && !dirt.is_structure() => {
                    (before.column.clone(), Some(Rows::new()))
                }
                (Some(before), Some(rows)) => work.again(at, &before, &rows, &dirt, &next.columns)?,
                _ => (work.everywhere(at, &next.columns)?, None),
            };
            if let (Some(place), Some(seen)) = (next.columns.get_mut(at), changed.get_mut(at)) {
                (*place, *seen) = (Some(column), rows);
            }
            done += 1;
            observer.progress(Progress { done, of });
        }
        drop(work);
        Ok(next)
    }

    /// Bytes that the columns of some steps take, where they are known.
    pub(super) fn bytes(&self, at: usize) -> usize {
        self.columns.get(at).and_then(Option::as_ref).map_or(0, Column::bytes)
    }
}

/// The rows of which something that a step reads differs; `None` where all may.
fn dirty(step: &Step, dirt: &Dirt, changed: &[Option<Rows>]) -> Option<Rows> {
    if dirt.whole {
        return None;
    }
    let mut rows = dirt.fresh.clone();
    let reads = &step.reads;
    for read in &reads.steps {
        join(&mut rows, changed.get(*read)?.as_ref()?);
    }
    let attributes = reads.attributes.iter().filter_map(|attribute| dirt.attributes.get(attribute));
    let tables = reads.tables.iter().filter_map(|table| dirt.tables.get(table));
    attributes.chain(tables).for_each(|own| join(&mut rows, own));
    if reads.usage {
        join(&mut rows, &dirt.usage);
    }
    Some(rows)
}
