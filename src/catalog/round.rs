//! How are steps computed, several of them together or one by itself?
//!
//! This is the one evaluator of definitions: [`Catalog::run`] computes a catalog by it round after round, and the engine whatever
//! must be computed for everyone or for whole trees. None of the steps of a round reads another. Their expressions are one plan,
//! so that what several ask is asked once, and their roll-ups read the same rows. A step by itself is a round of one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Catalog;
use super::answers::Answers;
use super::entry::{Entries, Entry};
use super::history::History;
use super::row::{RowAt, RowSources};
use super::step::{Step, StepProgram, Work};
use crate::aggregate::{CheckedRollUp, Keep, RollUpInputs, RollUpPlan, Standing, UsageView};
use crate::column::Bitmap;
use crate::expr::{Cancelled, Checked, Flat, RowAnswers, RowPlan, RowProgram, Supply};
use crate::model::{AsOf, Rates};

/// Steps that are computed together, by number.
#[derive(Debug)]
pub(crate) struct Round {
    pub(super) numbers: Vec<usize>,
    steps: Arc<[Arc<Step>]>,
    rows: Option<RowPlan>,
    roll_ups: Option<RollUpPlan>,
}

/// A round at one moment.
#[derive(Debug)]
pub(crate) struct RoundProgram {
    steps: Arc<[Arc<Step>]>,
    rows: Option<RowProgram>,
    roll_ups: Option<(RollUpPlan, Arc<[RowProgram]>)>,
    /// By expression of `rows`: is it a set?
    sets: Vec<bool>,
    /// What a step asks by itself.
    own: Vec<Option<RowAt>>,
}

/// What steps are computed from, beside the accounts.
#[derive(Clone, Copy)]
pub(crate) struct Given<'g> {
    pub(crate) usage: Option<&'g UsageView>,
    pub(crate) history: Option<&'g dyn History>,
    pub(crate) rates: Option<&'g dyn Rates>,
    pub(crate) supply: &'g dyn Supply,
    /// What is kept of a roll-up.
    pub(crate) keep: Keep,
    pub(crate) stop: &'g (dyn Fn() -> bool + Sync),
}

impl Round {
    /// Plans steps of which none reads another. Linear in their expressions. Roll-ups over plain columns are folded where values are
    /// kept; an engine keeps states.
    pub(super) fn new(catalog: &Catalog, numbers: Vec<usize>, keep: Keep) -> Self {
        let names = &*catalog.names;
        let steps: Arc<[Arc<Step>]> =
            numbers.iter().filter_map(|at| catalog.steps.get(*at)).cloned().collect();
        let known = steps.iter().filter_map(|step| Some((step, names.entries.get(&step.id)?)));
        let known: Vec<(&Arc<Step>, &Arc<Entry>)> = known.collect();
        let expressions = known.iter().flat_map(|(_, entry)| entry.compiled.expressions());
        let segments = needed(&names.entries, expressions);
        let of_rows: Vec<&Checked> = known.iter().flat_map(|(_, entry)| entry.compiled.values()).collect();
        // Each of them is planned by itself already, so that they are planned together as well.
        let rows = Some(&of_rows).filter(|of_rows| !of_rows.is_empty());
        let rows = rows.and_then(|of_rows| RowPlan::new(None, &names.schema, names, &segments, of_rows).ok());
        let plans = known.iter().filter_map(|(step, _)| match &step.work {
            Work::Tree(of) => Some(&of.plan),
            Work::Row(_) | Work::Whole(_) => None,
        });
        let checked: Vec<CheckedRollUp> = plans.flat_map(RollUpPlan::checked).cloned().collect();
        let roll_ups = Some(checked).filter(|checked| !checked.is_empty());
        let roll_ups =
            roll_ups.and_then(|all| RollUpPlan::planned(&names.schema, names, &segments, all).ok());
        let roll_ups = roll_ups.and_then(|plan| match keep {
            Keep::Values => plan.split(names, &segments).ok(),
            Keep::States => Some(plan),
        });
        Self { numbers, steps, rows, roll_ups }
    }

    pub(crate) fn at(&self, as_of: &AsOf, catalog: &Catalog) -> RoundProgram {
        let own = self.steps.iter().map(|step| match &step.work {
            Work::Row(of) if of.has_own_plans() => Some(of.at(as_of, &catalog.names)),
            _ => None,
        });
        RoundProgram {
            own: own.collect(),
            sets: sets(&self.steps),
            steps: self.steps.clone(),
            rows: self.rows.as_ref().map(|plan| plan.at(as_of, catalog.schema())),
            roll_ups: self.roll_ups.as_ref().map(|plan| (plan.clone(), plan.at(as_of).into())),
        }
    }
}

impl RoundProgram {
    /// A step by itself.
    pub(crate) fn alone(step: &Arc<Step>, program: &StepProgram) -> Self {
        let steps: Arc<[Arc<Step>]> = Arc::new([step.clone()]);
        let sets = sets(&steps);
        let none = Self { steps, rows: None, roll_ups: None, own: vec![None], sets };
        match (program, &step.work) {
            (StepProgram::Row(at), _) => Self { rows: at.asked.clone(), own: vec![Some(at.clone())], ..none },
            (StepProgram::Whole(program), _) => Self { rows: Some(program.clone()), ..none },
            (StepProgram::Tree(programs), Work::Tree(of)) => {
                Self { roll_ups: Some((of.plan.clone(), programs.clone())), ..none }
            }
            _ => none,
        }
    }

    pub(crate) fn steps(&self) -> &[Arc<Step>] {
        &self.steps
    }

    /// What the outputs of the steps come to for the accounts of a view, one after the other.
    pub(crate) fn evaluate(&self, standing: &Standing, given: Given<'_>) -> Result<Vec<Answers>, Cancelled> {
        let (view, supply) = (&standing.view, Some(given.supply));
        let columns = match &self.rows {
            Some(program) => program.of_accounts(view, &standing.tree, supply, &self.sets, given.stop)?,
            None => Vec::new(),
        };
        let roll_ups = match &self.roll_ups {
            Some((plan, programs)) => {
                let inputs = RollUpInputs { programs, usage: given.usage, supply, rates: given.rates };
                plan.results(standing, inputs, given.keep, given.stop)?
            }
            None => Vec::new(),
        };
        let (mut columns, mut roll_ups) = (columns.into_iter(), roll_ups.into_iter());
        let beside = RowSources {
            supply: given.supply,
            history: given.history,
            usage: given.usage,
            rates: given.rates,
        };
        let mut answers: Vec<Answers> = Vec::with_capacity(self.steps.len());
        for (step, own) in self.steps.iter().zip(&self.own) {
            if (given.stop)() {
                return Err(Cancelled);
            }
            let values = columns.by_ref().take(step.work.values());
            if step.is_set() {
                let members = values.flat_map(|answers| match answers {
                    RowAnswers::Members(members) => members,
                    RowAnswers::Values(_) => Vec::new(),
                });
                let mut members: Vec<(u32, Bitmap)> = members.collect();
                members.sort_unstable_by_key(|(slot, _)| *slot);
                answers.push(Answers::Members(members));
                continue;
            }
            let values: Vec<Flat> = values.map(RowAnswers::values).collect();
            let outputs = match &step.work {
                Work::Row(of) => of.all(standing, (values, own.as_ref()), beside, given.stop)?,
                Work::Whole(of) => of.function.whole(standing, &values),
                Work::Tree(_) => {
                    answers.push(roll_ups.next().map_or_else(Answers::none, Answers::RollUp));
                    continue;
                }
            };
            let mut outputs = outputs.into_iter();
            answers.extend(step.outputs.iter().map(|_| match outputs.next() {
                Some(flat) => Answers::Values(flat),
                None => Answers::none(),
            }));
        }
        Ok(answers)
    }
}

/// By expression that steps ask of all accounts: is it a set?
fn sets(steps: &[Arc<Step>]) -> Vec<bool> {
    steps.iter().flat_map(|step| std::iter::repeat_n(step.is_set(), step.work.values())).collect()
}

/// The segments that expressions ask, directly or not, each after those that it asks.
pub(super) fn needed<'e>(
    entries: &'e Entries,
    expressions: impl Iterator<Item = &'e Checked>,
) -> Vec<(&'e str, &'e Checked)> {
    // By depth, so that each stands after those that it reads; the order depends on nothing else in the catalog.
    let mut wanted: BTreeMap<(usize, &str), &Checked> = BTreeMap::new();
    let mut left: Vec<&str> = expressions.flat_map(Checked::reads_segments).collect();
    while let Some(id) = left.pop() {
        if let Some(entry) = entries.segment(id)
            && let Some(checked) = entry.question()
            && wanted.insert((entry.depth, &*entry.id.name), checked).is_none()
        {
            left.extend(checked.reads_segments());
        }
    }
    wanted.into_iter().map(|((_, id), checked)| (id, checked)).collect()
}

impl Catalog {
    /// Steps in rounds: each in the first that comes after all that it reads. `steps` are in order.
    pub(crate) fn in_rounds(&self, steps: impl IntoIterator<Item = usize>) -> Vec<Vec<usize>> {
        let mut rounds: Vec<Vec<usize>> = Vec::new();
        let mut of_step: Vec<Option<usize>> = vec![None; self.steps.len()];
        for at in steps {
            let read = self.readers.reads(at).iter().filter_map(|column| self.step_of(*column));
            let after = read.filter_map(|read| of_step.get(read).copied().flatten()).max();
            let round = after.map_or(0, |round| round + 1);
            if let Some(place) = of_step.get_mut(at) {
                *place = Some(round);
            }
            match rounds.get_mut(round) {
                Some(members) => members.push(at),
                // It is the next one.
                None => rounds.push(vec![at]),
            }
        }
        rounds
    }

    /// Some steps, none of which reads another, planned together, to have their states kept.
    pub(crate) fn round(&self, numbers: Vec<usize>) -> Round {
        Round::new(self, numbers, Keep::States)
    }
}
