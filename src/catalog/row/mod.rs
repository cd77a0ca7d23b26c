//! How is a function of one account computed, for all accounts or for some?
//!
//! The expressions of a definition without parts are one plan, which a round evaluates together with those of other steps. Of a
//! definition with parts only the guards are: the inputs of each part are a plan of their own, evaluated for all accounts or account by
//! account, whichever is cheaper.

mod at;
mod by_account;
mod part;

use super::Catalog;
use super::entry::Entry;
use super::history::History;
use super::names::CatalogNames;
use super::recorded::Recorded;
use crate::aggregate::{Standing, UsageView};
use crate::book::View;
use crate::define::{Argument, RowForm};
use crate::expr::{
    Cancelled, Cell, Checked, ExprPlanErrors, ExprValue, Flat, MissingRateLog, Needs, RowColumns, RowPlan,
    RowProgram, Sight, Supply, Tree, Val,
};
use crate::model::{AccountIdx, AsOf, Date, Rates, Schema};
use crate::tree::AccountTree;

pub(crate) use self::at::RowAt;
use self::by_account::ByAccount;
use self::part::{EventReader, PartReader, PartWork, Taken, account_id};

/// A part that applies to at most one of so many accounts is evaluated account by account.
const ONE_IN: usize = 16;
/// Accounts between two checks for cancellation.
const ROWS_BETWEEN_STOPS: usize = 1_024;

/// A function of what is read of one account, with its expressions planned.
#[derive(Debug)]
pub(crate) struct RowWork {
    /// The expressions that are evaluated for all accounts: the guards of the parts, or the inputs of the only part.
    asked: Option<RowPlan>,
    /// How many these are.
    values: usize,
    parts: Vec<PartWork>,
    reads_moment: bool,
    reads_rates: bool,
    outputs: usize,
}

/// The sources of a function beside the book.
#[derive(Clone, Copy)]
pub(crate) struct RowSources<'b> {
    pub(crate) supply: &'b dyn Supply,
    pub(crate) history: Option<&'b dyn History>,
    pub(crate) usage: Option<&'b UsageView>,
    /// The rates of days.
    pub(crate) rates: Option<&'b dyn Rates>,
}

impl RowWork {
    pub(in crate::catalog) fn new(
        form: &RowForm,
        entry: &Entry,
        (names, segments): (&CatalogNames, &[(&str, &Checked)]),
    ) -> Result<Self, ExprPlanErrors> {
        let plan = |table: Option<&str>, expressions: &[&Checked]| {
            RowPlan::new(table, &names.schema, names, segments, expressions)
        };
        let asked = entry.compiled.values();
        let mut guards = 0;
        let mut parts: Vec<PartWork> = Vec::with_capacity(form.parts.len());
        for part in &form.parts {
            let guard = part.guard.as_ref().map(|_| guards);
            guards += usize::from(guard.is_some());
            parts.push(PartWork::new(part, (guard, form.only().is_some()), &plan)?);
        }
        Ok(Self {
            values: asked.len(),
            asked: if asked.is_empty() { None } else { Some(plan(None, &asked)?) },
            parts,
            reads_moment: form.reads_moment,
            reads_rates: form.reads_rates,
            outputs: entry.compiled.outputs.len(),
        })
    }

    /// How many expressions are evaluated for all accounts.
    pub(in crate::catalog) const fn values(&self) -> usize {
        self.values
    }

    fn inputs(&self) -> impl Iterator<Item = &Taken> {
        self.parts.iter().flat_map(|part| &part.inputs)
    }

    pub(in crate::catalog) fn asks_history(&self) -> bool {
        self.inputs().any(|input| matches!(input, Taken::Record(_)))
    }

    /// The columns of whose records something is read.
    pub(in crate::catalog) fn recorded_columns(&self) -> Vec<std::sync::Arc<str>> {
        let of = self.inputs().filter_map(|input| match input {
            Taken::Record(of) => Some(of.of.clone()),
            _ => None,
        });
        of.collect()
    }

    /// Are days read that are counted from today?
    fn asks_days(&self) -> bool {
        self.inputs().any(|input| matches!(input, Taken::Record(_) | Taken::Events(_)))
    }

    pub(in crate::catalog) fn asks_parameters(&self) -> bool {
        self.inputs().any(|input| matches!(input, Taken::Parameter(..)))
    }

    /// Are there plans that are not evaluated together with those of other steps?
    pub(in crate::catalog) fn has_own_plans(&self) -> bool {
        self.parts.iter().any(|part| part.own.is_some() || !part.tables.is_empty() || !part.events.is_empty())
    }

    /// Is its output an input, unchanged?
    fn is_input(&self) -> bool {
        matches!(&*self.parts, [part] if part.guard.is_none() && part.function.is_none())
    }

    /// What is recorded of a column, where that is the answer.
    pub(in crate::catalog) fn recorded(&self) -> Option<&Recorded> {
        match self.inputs().next() {
            Some(Taken::Record(of)) if self.is_input() => Some(of),
            _ => None,
        }
    }

    /// The one expression that is the answer, where nothing else is read.
    fn only<'a>(&self, at: &'a RowAt) -> Option<&'a RowProgram> {
        at.asked.as_ref().filter(|_| self.is_input() && self.values == 1)
    }

    /// What is read, and how far its expressions look up and down the tree.
    pub(in crate::catalog) fn reads(&self) -> (Needs, Sight) {
        let of_parts = self.parts.iter().flat_map(|part| part.own.iter().chain(&part.tables));
        let moment = self.asks_history() || self.asks_parameters() || self.reads_moment;
        let mut needs = Needs { moment, ..Needs::default() };
        let mut sight = Sight::default();
        for plan in self.asked.iter().chain(of_parts) {
            needs = needs.and(plan.needs());
            needs.tables.extend(plan.table().cloned());
            sight = sight.and(plan.sight());
        }
        // The window of the last days moves with the moment.
        for events in self.parts.iter().flat_map(|part| &part.events) {
            needs = needs.and(events.plan.needs());
            (needs.usage, needs.moment) = (true, true);
            sight = sight.and(events.plan.sight());
        }
        (needs, sight)
    }

    pub(in crate::catalog) fn at(&self, as_of: &AsOf, names: &CatalogNames) -> RowAt {
        let at = |plan: &RowPlan| plan.at(as_of, &names.schema);
        let parameters = self.inputs().filter_map(|input| match input {
            Taken::Parameter(name, _) => Some(as_of.parameter(name).cloned()),
            _ => None,
        });
        RowAt {
            asked: self.asked.as_ref().map(at),
            parts: self.parts.iter().map(|part| part.at(&at, as_of)).collect(),
            day: self.asks_days().then(|| as_of.date()),
            moment: self.moment(as_of),
            parameters: parameters.collect(),
        }
    }

    /// Computes the outputs for all accounts of a view. `asked` are the columns of the expressions that are evaluated for all accounts.
    pub(in crate::catalog) fn all(
        &self,
        standing: &Standing,
        (mut asked, at): (Vec<Flat>, Option<&RowAt>),
        beside: RowSources<'_>,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<Flat>, Cancelled> {
        let tree = &standing.tree;
        if self.is_input() {
            match self.inputs().next() {
                Some(Taken::Parameter(name, kind)) => {
                    let value = standing.view.as_of().parameter(name);
                    let cell = value.and_then(|value| Val::of_parameter(value, kind).to_cell());
                    let cell = cell.unwrap_or(Cell::Missing);
                    return Ok(vec![Flat::of_cells(vec![cell; tree.rows()])]);
                }
                Some(Taken::Value(_)) => {
                    asked.truncate(1);
                    return Ok(asked);
                }
                _ => {}
            }
        }
        let chosen = self.chosen(tree, &asked);
        let mut outputs = vec![vec![Cell::Missing; tree.rows()]; self.outputs];
        for (number, (part, rows)) in self.parts.iter().zip(chosen).enumerate() {
            if stop() {
                return Err(Cancelled);
            }
            let at = at.and_then(|at| at.parts.get(number));
            if let Some(at) = at.filter(|_| !self.is_for_all() && rows.len() * ONE_IN <= tree.rows()) {
                let asking = PartReader::new(at, &standing.view, beside);
                let given = (standing, &*rows, beside);
                self.fill(part, given, stop, &mut outputs, &mut |_, place, arguments| {
                    asking.read(part, place, arguments);
                })?;
                continue;
            }
            let values = match at.and_then(|at| at.own.as_ref()) {
                Some(program) => program.run(&standing.view, tree, Some(beside.supply), stop)?.columns,
                None => std::mem::take(&mut asked),
            };
            let tables = at.map_or(&[][..], |at| &at.tables).iter();
            let tables = tables.map(|program| program.run(&standing.view, tree, Some(beside.supply), stop));
            let tables = tables.collect::<Result<Vec<RowColumns>, Cancelled>>()?;
            let tables: Vec<ByAccount> =
                tables.into_iter().map(|rows| ByAccount::of(rows, tree.rows())).collect();
            let events = at.map(|at| EventReader::new(at, beside.usage));
            let given = (standing, &*rows, beside);
            self.fill(part, given, stop, &mut outputs, &mut |row, place, arguments| {
                for (input, argument) in part.inputs.iter().zip(arguments) {
                    match input {
                        Taken::Value(number) => {
                            let cell = values.get(*number).and_then(|flat| flat.val(row).to_cell());
                            *argument = Argument::Value(Val::made(cell.unwrap_or(Cell::Missing)));
                        }
                        Taken::Rows(number) => {
                            let rows = tables.get(*number).map(|rows| rows.of_account(row));
                            *argument = Argument::Rows(rows.unwrap_or_default());
                        }
                        Taken::Events(number) => {
                            let rows = events.as_ref().map(|events| events.rows(*number, place));
                            *argument = Argument::Rows(rows.unwrap_or_default());
                        }
                        Taken::Parameter(..) | Taken::Record(_) => {}
                    }
                }
            })?;
        }
        Ok(outputs.into_iter().map(Flat::of_cells).collect())
    }

    /// The visible rows, by the part that applies to each.
    fn chosen(&self, tree: &Tree, asked: &[Flat]) -> Vec<Vec<u32>> {
        let mut chosen = vec![Vec::new(); self.parts.len()];
        for row in (0..tree.rows()).filter(|row| tree.sees(*row)) {
            let is_for = |part: &PartWork| {
                part.guard.is_none_or(|guard| {
                    matches!(asked.get(guard), Some(Flat::Truth(truths)) if truths.get(row) == Some(&Some(true)))
                })
            };
            let rows = self.parts.iter().position(is_for).and_then(|part| chosen.get_mut(part));
            rows.into_iter().zip(u32::try_from(row)).for_each(|(rows, row)| rows.push(row));
        }
        chosen
    }

    /// Is there one part, for all accounts?
    fn is_for_all(&self) -> bool {
        matches!(&*self.parts, [part] if part.guard.is_none())
    }

    /// Computes the outputs of a part for some rows; `read` fills in the arguments that are read from the book.
    fn fill(
        &self,
        part: &PartWork,
        (standing, rows, beside): (&Standing, &[u32], RowSources<'_>),
        stop: &(dyn Fn() -> bool + Sync),
        outputs: &mut [Vec<Cell>],
        read: &mut dyn FnMut(usize, AccountIdx, &mut [Argument<'_>]),
    ) -> Result<(), Cancelled> {
        let moment = self.moment(standing.view.as_of());
        let mut cells = vec![Cell::Missing; self.outputs];
        for (number, row) in rows.iter().map(|row| *row as usize).enumerate() {
            if number % ROWS_BETWEEN_STOPS == 0 && stop() {
                return Err(Cancelled);
            }
            let Some(place) = standing.tree.place_of(row) else { continue };
            let mut arguments = part.beside(&standing.view, place, beside);
            read(row, place, &mut arguments);
            part.compute(&arguments, (moment.as_ref(), self.rates(beside)), &mut cells);
            for (output, cell) in outputs.iter_mut().zip(&mut cells) {
                if let Some(place) = output.get_mut(row) {
                    *place = std::mem::replace(cell, Cell::Missing);
                }
            }
        }
        Ok(())
    }

    /// Does the function ask rates?
    pub(crate) const fn asks_rates(&self) -> bool {
        self.reads_rates
    }

    /// The rates, where the function asks them.
    fn rates<'b>(&self, beside: RowSources<'b>) -> Option<&'b dyn Rates> {
        beside.rates.filter(|_| self.reads_rates)
    }

    /// The moment, where the function reads it. Parameters are inputs of their own.
    fn moment(&self, as_of: &AsOf) -> Option<AsOf> {
        self.reads_moment.then(|| as_of.clone().without_parameters())
    }

    /// Computes the outputs of some accounts, one after the other.
    pub(crate) fn each(
        &self,
        (at, view): (&RowAt, &View),
        beside: RowSources<'_>,
        places: impl Iterator<Item = AccountIdx>,
        mut seen: impl FnMut(AccountIdx, usize, Cell),
    ) {
        if let Some(program) = self.only(at) {
            return program.each_at(view, Some(beside.supply), places, seen);
        }
        let asked = at.asked.as_ref().map(|program| program.asking(view, Some(beside.supply)));
        // Each is made when the first account needs it.
        let mut parts: Vec<Option<PartReader<'_>>> = at.parts.iter().map(|_| None).collect();
        let moment = self.moment(view.as_of());
        let (mut read, mut cells) = (Vec::new(), vec![Cell::Missing; self.outputs]);
        for place in places {
            let mut values: Vec<Cell> = Vec::new();
            if let Some(asked) = &asked {
                asked.each_row(place, &mut read, &mut |cells| values = cells.to_vec());
            }
            let found = self.parts.iter().zip(parts.iter_mut().zip(&*at.parts));
            let mut found = found.filter(|(part, _)| part.is_for(&values));
            cells.fill(Cell::Missing);
            if let Some((part, (asking, at))) = found.next() {
                let asking = asking.get_or_insert_with(|| PartReader::new(at, view, beside));
                let mut arguments = part.beside(view, place, beside);
                if self.is_for_all() {
                    part.put(&values, &mut arguments);
                }
                asking.read(part, place, &mut arguments);
                part.compute(&arguments, (moment.as_ref(), self.rates(beside)), &mut cells);
            }
            for (output, cell) in cells.iter_mut().enumerate() {
                seen(place, output, std::mem::replace(cell, Cell::Missing));
            }
        }
    }

    /// Tells of the amounts of visible accounts that its expressions convert and that lack a rate.
    pub(crate) fn tell_unrated(
        &self,
        (view, schema): (&View, &Schema),
        beside: RowSources<'_>,
        recorder: &MissingRateLog,
    ) -> Result<(), Cancelled> {
        let all: Vec<AccountIdx> = AccountTree::walk(view).collect();
        let mut chosen: Vec<Vec<AccountIdx>> = vec![Vec::new(); self.parts.len()];
        let for_all = self.is_for_all();
        if let (Some(first), true) = (chosen.first_mut(), for_all) {
            first.clone_from(&all);
        }
        if let Some(plan) = &self.asked {
            plan.tell_unrated((view, schema), Some(beside.supply), recorder, &all, &mut |place, value| {
                if for_all {
                    (0..self.values).for_each(|number| drop(value(number)));
                    return;
                }
                // A guard is asked where none before it is true.
                let is_for =
                    |part: &PartWork| part.guard.is_none_or(|guard| value(guard) == Cell::Bool(true));
                let part = self.parts.iter().position(is_for).and_then(|part| chosen.get_mut(part));
                part.into_iter().for_each(|part| part.push(place));
            })?;
        }
        for (part, accounts) in self.parts.iter().zip(chosen) {
            part.tell_unrated((view, schema), beside, recorder, &accounts)?;
        }
        Ok(())
    }

    /// The records of an account that an input of a part reads.
    pub(in crate::catalog) fn records(
        &self,
        (part, input): (usize, usize),
        (view, place): (&View, AccountIdx),
        history: &dyn History,
    ) -> Vec<(Date, Option<ExprValue>)> {
        let taken = self.parts.get(part).and_then(|part| part.inputs.get(input));
        let Some(Taken::Record(of)) = taken else { return Vec::new() };
        of.recorded_days(account_id(view, place), view.as_of().date(), history)
    }

    /// How many rows of events an input of a part reads of an account.
    pub(in crate::catalog) fn event_rows(
        &self,
        (part, input): (usize, usize),
        usage: &UsageView,
        place: AccountIdx,
    ) -> u64 {
        let part = self.parts.get(part);
        let number = part.and_then(|part| match part.inputs.get(input) {
            Some(Taken::Events(number)) => Some(*number),
            _ => None,
        });
        let events = number.and_then(|number| part?.events.get(number));
        events.map_or(0, |events| events.count(usage, place))
    }

    /// The number of the part that applies to an account.
    pub(in crate::catalog) fn part_of(
        &self,
        catalog: &Catalog,
        (view, place): (&View, AccountIdx),
        supply: &dyn Supply,
    ) -> Option<usize> {
        if self.is_for_all() {
            return Some(0);
        }
        let mut values: Vec<Cell> = Vec::new();
        let at = self.asked.as_ref().map(|plan| plan.at(view.as_of(), catalog.schema()));
        if let Some(asked) = at.as_ref().map(|program| program.asking(view, Some(supply))) {
            asked.each_row(place, &mut Vec::new(), &mut |cells| values = cells.to_vec());
        }
        self.parts.iter().position(|part| part.is_for(&values))
    }
}
