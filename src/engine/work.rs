//! How is a step worked out, for everyone, for what a scope shows, or where something that it reads differs?

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::affected::affected;
use super::climb::{Climb, Side};
use super::column::{Column, Part};
use super::derivation::{Derivation, Inputs, Sources};
use super::dirt::{Dirt, Rows, tree_of, trunk_of};
use super::group::{Group, Known, Single};
use super::prepared::{Columns, Prepared};
use super::share::Share;
use super::spans;
use crate::book::View;
use crate::catalog::{self, Reads, RoundProgram, RowSources, RowWork, Step, StepProgram, TreeWork};
use crate::column::Bitmap;
use crate::expr::{Cancelled, Cell, Sight, Whose};
use crate::model::AccountIdx;
use crate::model::Observer;

/// Accounts of a group of trees that is worked out at once.
const GROUP_ROWS: usize = 65_536;
/// Answers that are in memory at once, before they are pages: of all steps that are computed together, for the accounts of a group.
/// The state of a sum is 80 bytes.
const ANSWERS_TOGETHER: usize = 2_097_152;
/// Most steps that are computed together.
const MOST_TOGETHER: usize = 256;
/// Rows of a chunk up to which each is worked out by itself.
const FEW_ROWS: usize = 64;
/// Past them, of so many rows one is; where more are, all are worked out together.
const ONE_IN: usize = 16;

/// Says which accounts that were not there before, or were of another type, receive a roll-up.
fn receive(column: &mut Column, of: &TreeWork, fresh: &Rows, view: &View) {
    for (slot, rows) in fresh {
        let Some(Part::Sums(linear, pages, Some(receives))) = column.part(*slot).map(|part| &**part) else {
            continue;
        };
        let mut receives = Bitmap::clone(receives);
        for row in rows {
            let kind = view.inner().chunk(*slot).map(|chunk| chunk.shape.kind(*row));
            receives.set(*row as usize, kind.is_some_and(|kind| of.plan.receives(kind)));
        }
        let part = Part::Sums(linear.clone(), pages.clone(), Some(Arc::new(receives)));
        column.set(*slot, Some(Arc::new(part)));
    }
}

/// What a step came to before.
pub(super) struct Before<'b> {
    pub(super) old: &'b Derivation,
    pub(super) at: usize,
    pub(super) columns: Vec<&'b Column>,
}

impl<'b> Before<'b> {
    /// The step as one that goes up the tree row by row.
    fn climb(
        &self,
        (of, reads, at): (&'b TreeWork, &'b Reads, usize),
        column: &'b Column,
        (inputs, columns): (&'b Inputs, &'b Columns),
        dirt: &'b Dirt,
    ) -> Option<Climb<'b>> {
        let before = self.columns.first()?;
        let programs = |inputs: &'b Inputs, at: usize| match inputs.prepared.programs.get(at)? {
            StepProgram::Tree(programs) => Some(&**programs),
            _ => None,
        };
        let old = &self.old.inputs;
        let side = |inputs: &'b Inputs, columns: &'b Columns, at: usize| {
            let known = Known { columns, catalog: &inputs.prepared.catalog };
            let supply = Single { known, usage: inputs.usage.as_ref() };
            let events = of.plan.event_terms(inputs.view.as_of());
            let rates = inputs.sources().rates;
            Some(Side { view: &inputs.view, programs: programs(inputs, at)?, supply, events, rates })
        };
        let sides = (side(old, &self.old.columns, self.at)?, side(inputs, columns, at)?);
        Some(Climb::new((of, reads), (before, column), sides, dirt))
    }
}

/// Work on one set of inputs.
pub(super) struct Work<'w> {
    inputs: &'w Inputs,
    observer: &'w dyn Observer,
    /// Groups of trees, by the slots on which they hang.
    trees: HashMap<Vec<u32>, Arc<Group>>,
    /// All accounts, in groups of whole trees.
    groups: Option<Vec<Arc<Group>>>,
    /// The accounts of trees that a scope shows in part, in groups of whole trees.
    apart: Option<Vec<Arc<Group>>>,
    /// All accounts at once, for what reads the whole book.
    whole: Option<Arc<Group>>,
}

impl<'w> Work<'w> {
    pub(super) fn new(inputs: &'w Inputs, observer: &'w dyn Observer) -> Self {
        Self { inputs, observer, trees: HashMap::new(), groups: None, apart: None, whole: None }
    }

    fn step(&self, at: usize) -> Option<(&'w Arc<Step>, &'w StepProgram)> {
        let prepared = &*self.inputs.prepared;
        prepared.catalog.steps().get(at).zip(prepared.programs.get(at))
    }

    /// Steps that are computed together. One by itself has a program already.
    fn round(&self, steps: &[usize]) -> Option<RoundProgram> {
        let Prepared { catalog, as_of, .. } = &*self.inputs.prepared;
        match steps {
            [at] => self.step(*at).map(|(step, program)| RoundProgram::alone(step, program)),
            _ => Some(catalog.round(steps.to_vec()).at(as_of, catalog)),
        }
    }

    fn group(&self, slots: impl IntoIterator<Item = u32>) -> Arc<Group> {
        Arc::new(Group::of(&self.inputs.view, self.inputs.usage.as_ref(), slots))
    }

    /// All accounts, in groups that are worked out each by itself.
    fn groups(&mut self, is_wide: bool) -> Vec<Arc<Group>> {
        let view = &self.inputs.view;
        if is_wide || view.len() <= GROUP_ROWS {
            let usage = self.inputs.usage.as_ref();
            let whole = self.whole.get_or_insert_with(|| Arc::new(Group::all(view, usage)));
            return vec![whole.clone()];
        }
        if let Some(groups) = &self.groups {
            return groups.clone();
        }
        let groups = self.groups_of(view.inner().trunk.iter().copied().filter(|slot| view.is_live(*slot)));
        self.groups = Some(groups.clone());
        groups
    }

    /// The accounts of some trunks and of all that hangs on them, in groups.
    fn groups_of(&self, trunks: impl Iterator<Item = u32>) -> Vec<Arc<Group>> {
        let view = &self.inputs.view;
        let mut groups = Vec::new();
        let (mut slots, mut rows) = (Vec::new(), 0);
        for trunk in trunks {
            for slot in tree_of(view.book(), trunk) {
                rows += view.inner().layout.rows(slot);
                slots.push(slot);
            }
            if rows >= GROUP_ROWS {
                groups.push(self.group(std::mem::take(&mut slots)));
                rows = 0;
            }
        }
        if !slots.is_empty() {
            groups.push(self.group(slots));
        }
        groups
    }

    /// Steps of which none reads another, in parts that are computed together: as many as their answers may take memory.
    pub(super) fn together(&self, steps: &[usize]) -> Vec<Vec<usize>> {
        let (wide, others): (Vec<usize>, Vec<usize>) = steps.iter().partition(|at| self.asks_the_book(**at));
        let accounts = self.inputs.view.len();
        let parts = |steps: &[usize], rows: usize| -> Vec<Vec<usize>> {
            let most = (ANSWERS_TOGETHER / rows.max(1)).clamp(1, MOST_TOGETHER);
            let together = if accounts < self.inputs.together_from { 1 } else { most };
            steps.chunks(together).map(<[usize]>::to_vec).collect()
        };
        let wide = parts(&wide, accounts);
        wide.into_iter().chain(parts(&others, accounts.min(GROUP_ROWS))).collect()
    }

    /// The columns of some steps, one after the other.
    fn columns_of(&self, steps: &[usize]) -> Vec<usize> {
        steps.iter().flat_map(|step| self.inputs.prepared.catalog.columns_of(*step)).collect()
    }

    /// One part of [`Work::together`], for all accounts: the columns of its steps.
    pub(super) fn everywhere(
        &mut self,
        steps: &[usize],
        columns: &Columns,
    ) -> Result<Vec<(usize, Column)>, Cancelled> {
        let is_wide = steps.first().is_some_and(|at| self.asks_the_book(*at));
        let groups = self.groups(is_wide);
        let numbers = self.columns_of(steps);
        let mut found = vec![Column::default(); numbers.len()];
        if let Some(round) = self.round(steps) {
            self.fill(&mut found, &round, &groups, columns)?;
        }
        Ok(numbers.into_iter().zip(found).collect())
    }

    fn asks_the_book(&self, at: usize) -> bool {
        self.step(at).is_some_and(|(step, _)| step.reads.whose == Whose::Book)
    }

    /// A round for some groups, each by itself.
    fn fill(
        &self,
        found: &mut [Column],
        round: &RoundProgram,
        groups: &[Arc<Group>],
        columns: &Columns,
    ) -> Result<(), Cancelled> {
        let _span = spans::round(round.steps());
        let known = Known { columns, catalog: &self.inputs.prepared.catalog };
        let sources = self.inputs.sources();
        let observer = self.observer;
        let stop = &|| observer.is_cancelled();
        let one = |group: &Arc<Group>| {
            if stop() { Err(Cancelled) } else { group.evaluate(round, &known, sources, stop) }
        };
        #[cfg(feature = "rayon")]
        let parts: Result<Vec<_>, Cancelled> = if groups.len() > 1 {
            use rayon::prelude::*;
            groups.par_iter().map(one).collect()
        } else {
            groups.iter().map(one).collect()
        };
        #[cfg(not(feature = "rayon"))]
        let parts: Result<Vec<_>, Cancelled> = groups.iter().map(one).collect();
        for of_group in parts? {
            for (column, parts) in found.iter_mut().zip(of_group) {
                for (slot, part) in parts {
                    column.set(slot, Some(Arc::new(part)));
                }
            }
        }
        Ok(())
    }

    /// Does a step read the whole book, by itself or through another one?
    pub(super) fn is_wide(&self, at: usize) -> bool {
        self.step(at).is_none_or(|(step, _)| step.reads.is_wide)
    }

    /// Does a step read records, by itself or through another one? A scope shows less of them.
    pub(super) fn reads_past(&self, at: usize) -> bool {
        self.step(at).is_none_or(|(step, _)| step.reads.past)
    }

    /// Does it read what comes with the question, by itself or through another one?
    pub(super) fn asks_parameters(&self, at: usize) -> bool {
        self.step(at).is_none_or(|(step, _)| step.reads.parameters)
    }

    /// The columns of a step for what a scope shows, of which the answers for everyone are known.
    pub(super) fn beside(
        &mut self,
        at: usize,
        share: &Share,
        everyone: &[&Column],
        columns: &Columns,
    ) -> Result<Vec<Column>, Cancelled> {
        let mut found: Vec<Column> = everyone.iter().map(|column| share.column(column)).collect();
        if !share.apart.is_empty() {
            if self.apart.is_none() {
                self.apart = Some(self.groups_of(share.apart.iter().copied()));
            }
            let groups = self.apart.clone().unwrap_or_default();
            if let Some(round) = self.round(&[at]) {
                self.fill(&mut found, &round, &groups, columns)?;
            }
        }
        Ok(found)
    }

    /// The columns of a step where something that it reads differs, or where accounts stand elsewhere; each with the rows that
    /// came out differently, `None` where all may have. Who is fresh is not named: nothing is known of it to anybody.
    pub(super) fn again(
        &mut self,
        at: usize,
        old: &Before<'_>,
        rows: &Rows,
        dirt: &Dirt,
        columns: &Columns,
    ) -> Result<Vec<(Column, Option<Rows>)>, Cancelled> {
        let Some((step, program)) = self.step(at) else { return Ok(Vec::new()) };
        if step.reads.whose == Whose::Book {
            let found = self.everywhere(&[at], columns)?;
            return Ok(found.into_iter().map(|(_, column)| (column, None)).collect());
        }
        // What they came to, for the accounts where they stand now.
        let mut before: Vec<Column> =
            old.columns.iter().map(|column| dirt.carry.column(column, &dirt.gone)).collect();
        if let (catalog::Work::Tree(of), Some(column)) = (&step.work, before.first_mut()) {
            receive(column, of, &dirt.fresh, &self.inputs.view);
        }
        let mut found: Vec<(Column, Rows)> =
            before.iter().map(|column| (column.clone(), Rows::new())).collect();
        let affected = affected(&self.inputs.view, rows, step.reads.sight, dirt);
        // Whole trees, and whole chunks of what reads its own row only.
        let mut slots: BTreeSet<u32> = BTreeSet::new();
        match (&step.work, affected) {
            (catalog::Work::Tree(of), Some(rows)) => {
                let column = before.first();
                let climb = column.and_then(|column| {
                    old.climb((of, &step.reads, at), column, (self.inputs, columns), dirt)?.up(&rows)
                });
                match climb.zip(found.first_mut()) {
                    Some(((parts, rows), (column, changed))) => {
                        for (slot, part) in parts {
                            column.set(slot, Some(Arc::new(part)));
                        }
                        *changed = rows;
                    }
                    None => slots = self.whole(rows.keys(), dirt),
                }
            }
            (work, Some(rows)) => {
                let layout = &self.inputs.view.inner().layout;
                let reads_own = step.reads.sight == Sight::default();
                for (slot, rows) in &*rows {
                    let many = rows.len() > FEW_ROWS && rows.len() * ONE_IN > layout.rows(*slot);
                    match (work, program) {
                        (catalog::Work::Row(of), StepProgram::Row(row)) if !many => {
                            let edits = self.each((of, row), *slot, rows, &before, columns);
                            for (edits, (column, changed)) in edits.into_iter().zip(&mut found) {
                                let part = column.part(*slot).filter(|_| !edits.is_empty());
                                if let Some(part) = part.map(|part| part.with(&edits)) {
                                    column.set(*slot, Some(Arc::new(part)));
                                    changed.insert(*slot, edits.into_iter().map(|(row, _)| row).collect());
                                }
                            }
                        }
                        _ if reads_own => {
                            slots.insert(*slot);
                        }
                        _ if slots.contains(slot) => {}
                        _ => slots.extend(tree_of(self.inputs.view.book(), *slot)),
                    }
                }
            }
            (_, None) => slots = self.whole(rows.keys(), dirt),
        }
        if !slots.is_empty() {
            let parts = self.trees(at, slots, columns)?;
            for ((parts, before), (column, changed)) in parts.into_iter().zip(&before).zip(&mut found) {
                for (slot, part) in parts {
                    let rows = self.inputs.view.inner().layout.rows(slot);
                    let differing = match before.part(slot) {
                        Some(old) => old.differing(&part, rows),
                        None => (0..u32::try_from(rows).unwrap_or(u32::MAX)).collect(),
                    };
                    // States may be others where no answer is.
                    let keeps = |old: &Arc<Part>| old.has_same_states(&part);
                    if !differing.is_empty() || !before.part(slot).is_some_and(keeps) {
                        column.set(slot, Some(Arc::new(part)));
                    }
                    if !differing.is_empty() {
                        changed.insert(slot, differing);
                    }
                }
            }
        }
        Ok(found.into_iter().map(|(column, changed)| (column, Some(changed))).collect())
    }

    /// The slots of the trees in which some slots are, and of those in which accounts came, went or moved.
    fn whole<'s>(&self, slots: impl Iterator<Item = &'s u32>, dirt: &Dirt) -> BTreeSet<u32> {
        let book = self.inputs.view.book();
        let trunks: BTreeSet<u32> = slots.map(|slot| trunk_of(book, *slot)).collect();
        let trees = trunks.into_iter().flat_map(|trunk| tree_of(book, trunk));
        trees.chain(dirt.torn.iter().copied()).collect()
    }

    /// The columns of a step for whole slots.
    fn trees(
        &mut self,
        at: usize,
        slots: BTreeSet<u32>,
        columns: &Columns,
    ) -> Result<Vec<Vec<(u32, Part)>>, Cancelled> {
        let Some(round) = self.round(&[at]) else { return Ok(Vec::new()) };
        let _span = spans::round(round.steps());
        let key: Vec<u32> = slots.into_iter().collect();
        let group = match self.trees.get(&key) {
            Some(group) => group.clone(),
            None => {
                let group = self.group(key.iter().copied());
                self.trees.insert(key, group.clone());
                group
            }
        };
        let known = Known { columns, catalog: &self.inputs.prepared.catalog };
        group.evaluate(&round, &known, self.inputs.sources(), &|| self.observer.is_cancelled())
    }

    /// The answers of single rows that are not what they were, column by column.
    fn each(
        &self,
        (of, program): (&RowWork, &crate::catalog::RowAt),
        slot: u32,
        rows: &[u32],
        before: &[Column],
        columns: &Columns,
    ) -> Vec<Vec<(u32, Cell)>> {
        let known = Known { columns, catalog: &self.inputs.prepared.catalog };
        let supply = Single { known, usage: self.inputs.usage.as_ref() };
        let Sources { history, rates } = self.inputs.sources();
        let usage = self.inputs.usage.as_ref();
        let beside = RowSources { supply: &supply, history: Some(history), usage, rates: Some(rates) };
        let is_set =
            |column: &Column| matches!(column.part(slot).map(|part| &**part), Some(Part::Members(_)));
        let sets: Vec<bool> = before.iter().map(is_set).collect();
        let mut edits: Vec<Vec<(u32, Cell)>> = vec![Vec::new(); before.len()];
        let places = rows.iter().map(|row| AccountIdx::new(slot, *row));
        of.each((program, &self.inputs.view), beside, places, |place, output, cell| {
            // Who is in a segment is known of everyone: no answer is no membership.
            let is_set = sets.get(output) == Some(&true);
            let cell = if is_set { Cell::Bool(cell == Cell::Bool(true)) } else { cell };
            if let (Some(edits), Some(before)) = (edits.get_mut(output), before.get(output))
                && before.cell(place) != cell
            {
                edits.push((place.row, cell));
            }
        });
        edits
    }
}
