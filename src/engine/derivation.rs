//! What do definitions come to, and what of it must be worked out anew?
//!
//! There is one way to compute something, [`Group::evaluate`](super::group::Group::evaluate); what differs is for whom
//! ([`Work`]). A definition is worked out for everyone where it is new, or says something else at another moment; for the accounts
//! whose answers may be others, where something that it reads was changed; and for whole trees, where those are too many.
//! What comes out as before is left as it is, so that nothing that reads it is worked out either.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::column::Column;
use super::dirt::{Dirt, Rows, join};
use super::prepared::{Columns, Prepared};
use super::share::Share;
use super::since::Since;
use super::work::Work;
use crate::aggregate::UsageView;
use crate::book::View;
use crate::catalog::{History, Records, RecordsInScope, Step};
use crate::expr::Cancelled;
use crate::fold::ExchangeRates;
use crate::model::{Observer, Progress, Rates};

/// Answers that differ up to which those who read them are always looked at one by one.
const FEW_ROWS: usize = 64;
/// Past them, of so many answers one is; where more are, the readers are computed for everyone, together with others.
const ONE_IN: usize = 16;

/// What definitions are worked out from.
#[derive(Clone)]
pub(super) struct Inputs {
    pub(super) prepared: Arc<Prepared>,
    /// Of everything, or of what a scope shows.
    pub(super) view: View,
    pub(super) usage: Option<UsageView>,
    pub(super) rates: ExchangeRates,
    pub(super) records: Records,
    /// The same, as scopes show them.
    pub(super) in_scope: RecordsInScope,
    /// Accounts from which on steps are planned together.
    pub(super) together_from: usize,
}

/// The sources of definitions beside accounts, usage and other definitions.
#[derive(Clone, Copy)]
pub(super) struct Sources<'b> {
    pub(super) history: &'b dyn History,
    pub(super) rates: &'b dyn Rates,
}

impl Inputs {
    pub(super) fn sources(&self) -> Sources<'_> {
        // What others were on a day is no more told in a scope than what they are.
        let history: &dyn History = if self.view.scope().is_all() { &self.records } else { &self.in_scope };
        Sources { history, rates: &self.rates }
    }
}

/// What some definitions come to.
#[derive(Clone)]
pub(super) struct Derivation {
    pub(super) inputs: Inputs,
    /// By number; `None` for what was not asked.
    pub(super) columns: Columns,
    /// The steps that are known, where they are the same from state to state; `None` where others may be known.
    pub(super) kept: Option<Arc<[usize]>>,
}

impl Derivation {
    /// Nothing yet.
    pub(super) fn none(inputs: Inputs) -> Self {
        let columns = inputs.prepared.none.clone();
        Self { inputs, columns, kept: None }
    }

    /// The same, of which some steps are known and no others.
    pub(super) fn keeping(self, kept: &Arc<[usize]>) -> Self {
        Self { kept: Some(kept.clone()), ..self }
    }

    /// The steps that are kept current from state to state.
    pub(super) fn kept(&self) -> &[usize] {
        self.kept.as_deref().unwrap_or_default()
    }

    /// Are the columns of a step known? All of them are, or none is.
    pub(super) fn is_known(&self, step: usize) -> bool {
        let mut columns = self.inputs.prepared.catalog.columns_of(step);
        columns.all(|column| self.columns.get(column).is_some_and(Option::is_some))
    }

    /// The columns of a step, where they are known.
    pub(super) fn columns(&self, step: usize) -> Option<Vec<&Column>> {
        let columns = self.inputs.prepared.catalog.columns_of(step);
        columns.map(|column| self.columns.get(column)?.as_ref()).collect()
    }

    pub(super) fn set(&mut self, at: usize, column: Column) {
        if let Some(place) = self.columns.get_mut(at) {
            *place = Some(column);
        }
    }

    /// Takes over the columns of a step.
    pub(super) fn take(&mut self, step: usize, columns: impl IntoIterator<Item = Column>) {
        let numbers = self.inputs.prepared.catalog.columns_of(step);
        numbers.zip(columns).for_each(|(at, column)| self.set(at, column));
    }

    /// With some more steps, from scratch. `wanted` is closed under what it reads; `shared` is what is known of everyone, where
    /// this is of what a scope shows.
    pub(super) fn extended(
        self,
        wanted: &[usize],
        shared: Option<(&Share, &Self)>,
        observer: &dyn Observer,
    ) -> Result<Self, Cancelled> {
        let missing: Vec<usize> = wanted.iter().copied().filter(|at| !self.is_known(*at)).collect();
        let mut more = Self { kept: None, ..self };
        let inputs = more.inputs.clone();
        let mut work = Work::new(&inputs, observer);
        let (mut done, of) = (0, missing.len());
        for round in inputs.prepared.catalog.in_rounds(missing) {
            let mut alone: Vec<usize> = Vec::with_capacity(round.len());
            for at in round {
                let everyone = shared.and_then(|(share, everyone)| {
                    // At the same moment, with other parameters perhaps.
                    let same = everyone.inputs.prepared.as_of.is_same(&inputs.prepared.as_of);
                    let is_shared =
                        !work.is_wide(at) && !work.reads_past(at) && (same || !work.asks_parameters(at));
                    Some((share, everyone.columns(at).filter(|_| is_shared)?))
                });
                let Some((share, everyone)) = everyone else {
                    alone.push(at);
                    continue;
                };
                let columns = work.beside(at, share, &everyone, &more.columns)?;
                more.take(at, columns);
                done += 1;
                observer.progress(Progress { done, of });
            }
            for steps in work.together(&alone) {
                for (at, column) in work.everywhere(&steps, &more.columns)? {
                    more.set(at, column);
                }
                for _ in steps {
                    done += 1;
                    observer.progress(Progress { done, of });
                }
            }
        }
        Ok(more)
    }

    /// The same for other inputs: bit for bit what [`Derivation::extended`] gives from scratch, with all taken over that
    /// cannot be different. Both views show everything. `wanted` is closed under what it reads, and in order.
    pub(super) fn advanced(
        &self,
        inputs: &Inputs,
        wanted: &Arc<[usize]>,
        observer: &dyn Observer,
    ) -> Result<Self, Cancelled> {
        let new = inputs;
        let since = Since::new(self, new);
        let Since { dirt, same_moment, same_prepared, .. } = &since;
        let is_wanted = |at: &usize| wanted.binary_search(at).is_ok();
        // Where no more than values and the moment differ, only the readers of these are visited, and what is not known; all
        // other columns are shared.
        let direct = if since.same_history {
            direct_readers(&new.prepared, dirt, *same_moment, since.same_rates)
        } else {
            None
        };
        let visits_readers_only = direct.is_some();
        let (mut queue, columns) = match direct {
            None => (wanted.iter().copied().collect(), new.prepared.none.clone()),
            Some(direct) => {
                let mut queue: BTreeSet<usize> = direct.into_iter().filter(is_wanted).collect();
                let mut columns = new.prepared.none.clone();
                let is_kept = self.kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, wanted));
                if is_kept && *same_prepared {
                    columns = self.columns.clone();
                } else {
                    for at in wanted.iter().copied() {
                        let Some(known) = since.step_before(at).and_then(|old_at| self.columns(old_at))
                        else {
                            queue.insert(at);
                            continue;
                        };
                        for (column, known) in new.prepared.catalog.columns_of(at).zip(known) {
                            if let Some(place) = columns.get_mut(column) {
                                *place = Some(known.clone());
                            }
                        }
                    }
                }
                (queue, columns)
            }
        };
        // What came out differently, by column; `None` where everything may have.
        let mut changed: HashMap<usize, Option<Rows>> = HashMap::new();
        let mut next = Self { inputs: inputs.clone(), columns, kept: Some(wanted.clone()) };
        let readers = new.prepared.catalog.readers();
        let mut work = Work::new(new, observer);
        let mut done = 0;
        // What is computed for everyone is computed together, until a step comes that reads one of them.
        let mut everywhere: BTreeSet<usize> = BTreeSet::new();
        loop {
            let step_of = |column: &usize| new.prepared.catalog.step_of(*column);
            let next_reads = |read: &usize| step_of(read).is_some_and(|step| everywhere.contains(&step));
            let is_due = queue.first().is_none_or(|at| readers.reads(*at).iter().any(next_reads));
            if is_due && !everywhere.is_empty() {
                let all: Vec<usize> = std::mem::take(&mut everywhere).into_iter().collect();
                let of = done + all.len() + queue.len();
                for steps in work.together(&all) {
                    for (at, mut column) in work.everywhere(&steps, &next.columns)? {
                        // At another moment most answers are what they were.
                        if let Some(before) = since.stays(at) {
                            let rows = column.share_unchanged(before, &new.view);
                            let differing: usize = rows.values().map(Vec::len).sum();
                            let many = differing > FEW_ROWS && differing * ONE_IN > new.view.len();
                            changed.insert(at, Some(rows).filter(|_| !many));
                        }
                        next.set(at, column);
                    }
                    for _ in steps {
                        done += 1;
                        observer.progress(Progress { done, of });
                    }
                }
            }
            let Some(at) = queue.pop_first() else { break };
            let Some(step) = new.prepared.catalog.steps().get(at) else { continue };
            if observer.is_cancelled() {
                return Err(Cancelled);
            }
            let before = since.before(at, step);
            let rows = dirty(step, readers.reads(at), dirt, &changed, visits_readers_only);
            let found = match (before, rows) {
                (Some(before), Some(rows)) if rows.is_empty() && !dirt.is_structure() => {
                    before.columns.into_iter().map(|column| (column.clone(), Some(Rows::new()))).collect()
                }
                (Some(before), Some(rows)) => work.again(at, &before, &rows, dirt, &next.columns)?,
                _ => Vec::new(),
            };
            let numbers = new.prepared.catalog.columns_of(at);
            if found.is_empty() {
                if visits_readers_only {
                    let read_by = numbers.clone().flat_map(|column| readers.of_column(column));
                    queue.extend(read_by.copied().filter(is_wanted));
                }
                changed.extend(numbers.map(|column| (column, None)));
                everywhere.insert(at);
                continue;
            }
            for (number, (column, rows)) in numbers.zip(found) {
                if visits_readers_only && rows.as_ref().is_none_or(|rows| !rows.is_empty()) {
                    queue.extend(readers.of_column(number).iter().copied().filter(is_wanted));
                }
                changed.insert(number, rows);
                next.set(number, column);
            }
            done += 1;
            observer.progress(Progress { done, of: done + queue.len() + everywhere.len() });
        }
        Ok(next)
    }

    /// Bytes that the columns of a step take, where they are known.
    pub(super) fn bytes(&self, step: usize) -> usize {
        self.columns(step).map_or(0, |columns| columns.into_iter().map(Column::bytes).sum())
    }
}

/// The steps that read an attribute, a child table, usage, rates or a moment that differs; `None` where more than these does.
fn direct_readers(
    prepared: &Prepared,
    dirt: &Dirt,
    same_moment: bool,
    same_rates: bool,
) -> Option<BTreeSet<usize>> {
    if dirt.whole || dirt.is_structure() || !dirt.fresh.is_empty() {
        return None;
    }
    let readers = prepared.catalog.readers();
    let attributes = dirt.attributes.keys().flat_map(|attribute| readers.of_attribute(*attribute));
    let tables = dirt.tables.keys().flat_map(|table| readers.of_table(*table));
    let usage = if dirt.usage.is_empty() { &[] } else { readers.of_usage() };
    let moment = if same_moment { &[] } else { readers.of_moment() };
    let rates = if same_rates { &[] } else { readers.of_rates() };
    Some(attributes.chain(tables).chain(usage).chain(moment).chain(rates).copied().collect())
}

/// The rows of which something that a step reads differs; `None` where all may. A step that was not recomputed differs
/// nowhere where only readers of what differs are visited.
fn dirty(
    step: &Step,
    reads: &[usize],
    dirt: &Dirt,
    changed: &HashMap<usize, Option<Rows>>,
    visits_readers_only: bool,
) -> Option<Rows> {
    if dirt.whole {
        return None;
    }
    let mut rows = dirt.fresh.clone();
    for read in reads {
        match changed.get(read) {
            Some(differing) => join(&mut rows, differing.as_ref()?),
            None if visits_readers_only => {}
            None => return None,
        }
    }
    let reads = &step.reads;
    let attributes = reads.attributes.iter().filter_map(|attribute| dirt.attributes.get(attribute));
    let tables = reads.tables.iter().filter_map(|table| dirt.tables.get(table));
    attributes.chain(tables).for_each(|own| join(&mut rows, own));
    if reads.usage {
        join(&mut rows, &dirt.usage);
    }
    Some(rows)
}
