//! What do definitions come to, and what of it must be worked out anew?
//!
//! There is one way to work something out, [`Group::work_out`](super::group::Group::work_out); what differs is for whom
//! ([`Work`]). A definition is worked out for everyone where it is new, or says something else at another moment; for the accounts
//! whose answers may be others, where something that it reads was changed; and for whole trees, where those are too many.
//! What comes out as before is left as it is, so that nothing that reads it is worked out either.

use std::collections::{BTreeSet, HashMap};
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
        let (old, new) = (&self.inputs, &inputs);
        let dirt = Dirt::between(old.view.book(), new.view.book());
        let dirt = dirt.with_usage(old.usage.as_ref(), new.usage.as_ref(), new.view.book());
        let same_history = match (&old.history, &new.history) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (None, None) => true,
            _ => false,
        };
        // Where nothing but values differs, only the readers of those values are visited; all other columns are shared.
        let same_columns = same_history && Arc::ptr_eq(&old.prepared, &new.prepared);
        let known = |at: usize| self.columns.get(at).is_some_and(Option::is_some);
        let direct = if same_columns && (0..wanted.len()).all(|at| wanted.get(at) != Some(&true) || known(at))
        {
            direct_readers(&new.prepared, &dirt)
        } else {
            None
        };
        let is_wanted = |at: &usize| wanted.get(*at) == Some(&true);
        let mut queue: BTreeSet<usize> = match &direct {
            Some(direct) => direct.iter().copied().filter(is_wanted).collect(),
            None => (0..wanted.len()).filter(is_wanted).collect(),
        };
        // What came out differently, by step; `None` where everything may have.
        let mut changed: HashMap<usize, Option<Rows>> = HashMap::new();
        let columns = match &direct {
            Some(_) => {
                self.columns.iter().zip(wanted).map(|(column, is)| column.clone().filter(|_| *is)).collect()
            }
            None => vec![None; new.prepared.catalog.steps().len()],
        };
        let mut next = Self { inputs, columns };
        let new = &next.inputs;
        let same = match &direct {
            Some(_) => Vec::new(),
            None => new.prepared.catalog.same_steps(&old.prepared.catalog),
        };
        // Windows end on the day of the question, whether they are written or not.
        let same_moment = old.prepared.as_of.is_same(&new.prepared.as_of);
        let same_day = old.prepared.as_of.date() == new.prepared.as_of.date();
        let mut work = Work::new(new, observer);
        let mut done = 0;
        while let Some(at) = queue.pop_first() {
            let Some(step) = new.prepared.catalog.steps().get(at) else { continue };
            if observer.is_cancelled() {
                return Err(Cancelled);
            }
            let old_at = if direct.is_some() { Some(at) } else { same.get(at).copied().flatten() };
            let before = old_at.and_then(|old_at| {
                let column = self.columns.get(old_at)?.as_ref()?;
                let as_before = !step.reads.moment
                    || Arc::ptr_eq(&old.prepared, &new.prepared)
                    || (same_day || !step.reads.usage)
                        && (same_moment || !step.reads.dated_metric)
                        && new.prepared.programs.get(at)?.is_same(old.prepared.programs.get(old_at)?);
                let known = as_before && (same_history || !step.asks_history());
                known.then_some(Before { old: self, at: old_at, column })
            });
            let rows = dirty(step, &dirt, &changed, direct.is_some());
            let (column, rows) = match (before, rows) {
                (Some(before), Some(rows)) if rows.is_empty() && !dirt.is_structure() => {
                    (before.column.clone(), Some(Rows::new()))
                }
                (Some(before), Some(rows)) => work.again(at, &before, &rows, &dirt, &next.columns)?,
                _ => (work.everywhere(at, &next.columns)?, None),
            };
            if direct.is_some() && rows.as_ref().is_none_or(|rows| !rows.is_empty()) {
                queue.extend(new.prepared.catalog.readers().of_step(at).iter().copied().filter(is_wanted));
            }
            changed.insert(at, rows);
            if let Some(place) = next.columns.get_mut(at) {
                *place = Some(column);
            }
            done += 1;
            observer.progress(Progress { done, of: done + queue.len() });
        }
        drop(work);
        Ok(next)
    }

    /// Bytes that the columns of some steps take, where they are known.
    pub(super) fn bytes(&self, at: usize) -> usize {
        self.columns.get(at).and_then(Option::as_ref).map_or(0, Column::bytes)
    }
}

/// The steps that read an attribute, a child table or usage that differs; `None` where more than values differs.
fn direct_readers(prepared: &Prepared, dirt: &Dirt) -> Option<BTreeSet<usize>> {
    if dirt.whole || dirt.is_structure() || !dirt.fresh.is_empty() {
        return None;
    }
    let readers = prepared.catalog.readers();
    let attributes = dirt.attributes.keys().flat_map(|attribute| readers.of_attribute(*attribute));
    let tables = dirt.tables.keys().flat_map(|table| readers.of_table(*table));
    let usage = if dirt.usage.is_empty() { &[] } else { readers.of_usage() };
    Some(attributes.chain(tables).chain(usage).copied().collect())
}

/// The rows of which something that a step reads differs; `None` where all may. A step that was not recomputed differs
/// nowhere where only readers of what differs are visited.
fn dirty(
    step: &Step,
    dirt: &Dirt,
    changed: &HashMap<usize, Option<Rows>>,
    visits_readers_only: bool,
) -> Option<Rows> {
    if dirt.whole {
        return None;
    }
    let mut rows = dirt.fresh.clone();
    let reads = &step.reads;
    for read in &reads.steps {
        match changed.get(read) {
            Some(differing) => join(&mut rows, differing.as_ref()?),
            None if visits_readers_only => {}
            None => return None,
        }
    }
    let attributes = reads.attributes.iter().filter_map(|attribute| dirt.attributes.get(attribute));
    let tables = reads.tables.iter().filter_map(|table| dirt.tables.get(table));
    attributes.chain(tables).for_each(|own| join(&mut rows, own));
    if reads.usage {
        join(&mut rows, &dirt.usage);
    }
    Some(rows)
}
