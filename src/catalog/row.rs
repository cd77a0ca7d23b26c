//! What does a function of one account come to, for all accounts or for some?

use std::sync::Arc;

use super::Catalog;
use super::entry::Entry;
use super::history::History;
use super::names::CatalogNames;
use super::recorded::Recorded;
use crate::aggregate::Standing;
use crate::book::View;
use crate::define::{Argument, Arguments, Input, RowForm, RowFunction, RowPart, RowsOf};
use crate::expr::{
    Asking, Cancelled, Cell, Checked, ExprPlanErrors, Flat, Needs, RowColumns, RowPlan, RowProgram, Sight,
    Supply, Tree, Type, Val,
};
use crate::model::{AccountIdx, AsOf, Date, Value};

/// Where a part is for at most one of so many accounts, it is asked account by account.
const ONE_IN: usize = 16;

/// A function of what is read of one account, with its expressions planned.
#[derive(Debug)]
pub(crate) struct RowWork {
    /// What is asked of all accounts: the guards of the parts, or all that the only part asks.
    asked: Option<RowPlan>,
    /// How many expressions that are.
    values: usize,
    parts: Vec<PartWork>,
    reads_moment: bool,
    outputs: usize,
}

/// A part of a function.
#[derive(Debug)]
pub(super) struct PartWork {
    /// The number of its guard.
    guard: Option<usize>,
    /// What is asked of the accounts that it is for; `None` where that is asked of all accounts, or nothing is.
    own: Option<RowPlan>,
    /// What is asked of child rows, input by input.
    tables: Vec<RowPlan>,
    inputs: Vec<Taken>,
    /// `None` where the first input is the answer.
    function: Option<Arc<dyn RowFunction>>,
}

/// Where an input is taken from.
#[derive(Debug)]
enum Taken {
    /// An expression of the account, by number.
    Value(usize),
    /// Child rows, by the number of their plan.
    Rows(usize),
    Parameter(Arc<str>, Type),
    Record(Recorded),
}

/// A function of one account at a moment.
#[derive(Debug, Clone)]
pub(crate) struct RowAt {
    pub(super) asked: Option<RowProgram>,
    parts: Arc<[PartAt]>,
    /// The day, where earlier ones are read.
    day: Option<Date>,
    /// The moment, where a function reads it.
    moment: Option<AsOf>,
    /// The parameters that are read.
    parameters: Vec<Option<Value>>,
}

/// A part at a moment.
#[derive(Debug)]
struct PartAt {
    own: Option<RowProgram>,
    tables: Vec<RowProgram>,
}

/// Plans expressions of accounts, or of the rows of a child table.
type Plan<'p> = dyn Fn(Option<&str>, &[&Checked]) -> Result<RowPlan, ExprPlanErrors> + 'p;

/// What a function reads beside the accounts and their columns.
#[derive(Clone, Copy)]
pub(crate) struct Beside<'b> {
    pub(crate) supply: &'b dyn Supply,
    pub(crate) history: Option<&'b dyn History>,
}

fn same(own: Option<&RowProgram>, other: Option<&RowProgram>) -> bool {
    match (own, other) {
        (Some(own), Some(other)) => own.is_same(other),
        (None, None) => true,
        _ => false,
    }
}

impl RowAt {
    /// Does it say the same as that of the same function at another moment?
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let moment = match (&self.moment, &other.moment) {
            (Some(own), Some(other)) => own.is_same(other),
            (None, None) => true,
            _ => false,
        };
        let mut parts = self.parts.iter().zip(&*other.parts);
        let same_part = |(own, other): (&PartAt, &PartAt)| {
            let mut tables = own.tables.iter().zip(&other.tables);
            same(own.own.as_ref(), other.own.as_ref()) && tables.all(|(own, other)| own.is_same(other))
        };
        same(self.asked.as_ref(), other.asked.as_ref())
            && (self.day, &self.parameters) == (other.day, &other.parameters)
            && moment
            && parts.all(same_part)
    }
}

impl PartWork {
    fn new(
        part: &RowPart,
        (guard, is_only): (Option<usize>, bool),
        plan: &Plan<'_>,
    ) -> Result<Self, ExprPlanErrors> {
        let mut tables: Vec<RowPlan> = Vec::new();
        let mut inputs: Vec<Taken> = Vec::with_capacity(part.inputs.len());
        let mut values = 0;
        for input in &part.inputs {
            inputs.push(match input {
                Input::Value(_) => {
                    values += 1;
                    Taken::Value(values - 1)
                }
                Input::Rows(RowsOf::Table(table), columns) => {
                    let columns: Vec<&Checked> = columns.iter().collect();
                    tables.push(plan(Some(table), &columns)?);
                    Taken::Rows(tables.len() - 1)
                }
                Input::Parameter { name, kind } => Taken::Parameter(name.clone(), kind.clone()),
                Input::Record { column, kind, wanted } => {
                    Taken::Record(Recorded { of: column.clone(), kind: kind.clone(), wanted: *wanted })
                }
            });
        }
        let own: Vec<&Checked> = part.values().collect();
        let own = if is_only || own.is_empty() { None } else { Some(plan(None, &own)?) };
        Ok(Self { guard, own, tables, inputs, function: part.function.clone() })
    }

    fn at(&self, at: &dyn Fn(&RowPlan) -> RowProgram) -> PartAt {
        PartAt { own: self.own.as_ref().map(at), tables: self.tables.iter().map(at).collect() }
    }

    fn compute(&self, arguments: &[Argument<'_>], as_of: Option<&AsOf>, cells: &mut [Cell]) {
        cells.fill(Cell::Missing);
        match &self.function {
            Some(function) => function.row(&Arguments { all: arguments, as_of }, cells),
            None => {
                if let (Some(Argument::Value(value)), Some(cell)) = (arguments.first(), cells.first_mut()) {
                    *cell = value.to_cell().unwrap_or(Cell::Missing);
                }
            }
        }
    }
}

impl RowWork {
    pub(super) fn new(
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
            outputs: entry.compiled.outputs.len(),
        })
    }

    /// How many expressions it asks of all accounts.
    pub(super) const fn values(&self) -> usize {
        self.values
    }

    fn inputs(&self) -> impl Iterator<Item = &Taken> {
        self.parts.iter().flat_map(|part| &part.inputs)
    }

    pub(super) fn asks_history(&self) -> bool {
        self.inputs().any(|input| matches!(input, Taken::Record(_)))
    }

    pub(super) fn asks_parameters(&self) -> bool {
        self.inputs().any(|input| matches!(input, Taken::Parameter(..)))
    }

    /// Does it ask something that is not asked of all accounts together with others?
    pub(super) fn asks_more(&self) -> bool {
        self.parts.iter().any(|part| part.own.is_some() || !part.tables.is_empty())
    }

    /// Does it give an input as it is?
    fn is_input(&self) -> bool {
        matches!(&*self.parts, [part] if part.guard.is_none() && part.function.is_none())
    }

    /// What is recorded of a column, where that is the answer.
    pub(super) fn recorded(&self) -> Option<&Recorded> {
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
    pub(super) fn reads(&self) -> (Needs, Sight) {
        let of_parts = self.parts.iter().flat_map(|part| part.own.iter().chain(&part.tables));
        let moment = self.asks_history() || self.asks_parameters() || self.reads_moment;
        let mut needs = Needs { moment, ..Needs::default() };
        let mut sight = Sight::default();
        for plan in self.asked.iter().chain(of_parts) {
            needs = needs.and(plan.needs());
            needs.tables.extend(plan.table().cloned());
            sight = sight.and(plan.sight());
        }
        (needs, sight)
    }

    pub(super) fn at(&self, as_of: &AsOf, names: &CatalogNames) -> RowAt {
        let at = |plan: &RowPlan| plan.at(as_of, &names.schema);
        let parameters = self.inputs().filter_map(|input| match input {
            Taken::Parameter(name, _) => Some(as_of.parameter(name).cloned()),
            _ => None,
        });
        RowAt {
            asked: self.asked.as_ref().map(at),
            parts: self.parts.iter().map(|part| part.at(&at)).collect(),
            day: self.asks_history().then(|| as_of.date()),
            moment: self.reads_moment.then(|| as_of.clone()),
            parameters: parameters.collect(),
        }
    }

    /// The outputs for all accounts of a view, of whom what is `asked` of all is known already.
    pub(super) fn all(
        &self,
        standing: &Standing,
        (mut asked, at): (Vec<Flat>, Option<&RowAt>),
        beside: Beside<'_>,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<Flat>, Cancelled> {
        let tree = &standing.tree;
        if self.is_input() && !asked.is_empty() {
            asked.truncate(1);
            return Ok(asked);
        }
        let chosen = self.chosen(tree, &asked);
        let mut outputs = vec![vec![Cell::Missing; tree.rows()]; self.outputs];
        for (number, (part, rows)) in self.parts.iter().zip(chosen).enumerate() {
            if stop() {
                return Err(Cancelled);
            }
            let at = at.and_then(|at| at.parts.get(number));
            if let Some(at) = at.filter(|_| !self.is_for_all() && rows.len() * ONE_IN <= tree.rows()) {
                let asking = PartAsking::new(at, &standing.view, beside);
                self.fill(part, (standing, &rows), beside, &mut outputs, &mut |_, place, arguments| {
                    asking.read(part, place, arguments);
                });
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
            self.fill(part, (standing, &rows), beside, &mut outputs, &mut |row, _, arguments| {
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
                        Taken::Parameter(..) | Taken::Record(_) => {}
                    }
                }
            });
        }
        Ok(outputs.into_iter().map(Flat::of_cells).collect())
    }

    /// The rows that are seen, by the part that is for each.
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

    /// The outputs of a part for some rows; `read` puts in what stands in the book.
    fn fill(
        &self,
        part: &PartWork,
        (standing, rows): (&Standing, &[u32]),
        beside: Beside<'_>,
        outputs: &mut [Vec<Cell>],
        read: &mut dyn FnMut(usize, AccountIdx, &mut [Argument<'_>]),
    ) {
        let mut cells = vec![Cell::Missing; self.outputs];
        for row in rows.iter().map(|row| *row as usize) {
            let Some(place) = standing.tree.place_of(row) else { continue };
            let mut arguments = part.beside(&standing.view, place, beside);
            read(row, place, &mut arguments);
            part.compute(&arguments, self.moment(&standing.view), &mut cells);
            for (output, cell) in outputs.iter_mut().zip(&mut cells) {
                if let Some(place) = output.get_mut(row) {
                    *place = std::mem::replace(cell, Cell::Missing);
                }
            }
        }
    }

    /// The moment, where the function reads it.
    fn moment<'v>(&self, view: &'v View) -> Option<&'v AsOf> {
        Some(view.as_of()).filter(|_| self.reads_moment)
    }

    /// The outputs of some accounts, one after the other.
    pub(crate) fn each(
        &self,
        (at, view): (&RowAt, &View),
        beside: Beside<'_>,
        places: impl Iterator<Item = AccountIdx>,
        mut seen: impl FnMut(AccountIdx, usize, Cell),
    ) {
        if let Some(program) = self.only(at) {
            return program.each_at(view, Some(beside.supply), places, seen);
        }
        let asked = at.asked.as_ref().map(|program| program.asking(view, Some(beside.supply)));
        let parts: Vec<PartAsking<'_>> =
            at.parts.iter().map(|part| PartAsking::new(part, view, beside)).collect();
        let (mut read, mut cells) = (Vec::new(), vec![Cell::Missing; self.outputs]);
        for place in places {
            let mut values: Vec<Cell> = Vec::new();
            if let Some(asked) = &asked {
                asked.each_row(place, &mut read, &mut |cells| values = cells.to_vec());
            }
            let found = self.parts.iter().zip(&parts).find(|(part, _)| part.is_for(&values));
            cells.fill(Cell::Missing);
            if let Some((part, asking)) = found {
                let mut arguments = part.beside(view, place, beside);
                if self.is_for_all() {
                    part.put(&values, &mut arguments);
                }
                asking.read(part, place, &mut arguments);
                part.compute(&arguments, self.moment(view), &mut cells);
            }
            for (output, cell) in cells.iter_mut().enumerate() {
                seen(place, output, std::mem::replace(cell, Cell::Missing));
            }
        }
    }
}

impl RowWork {
    /// The part that is for an account.
    pub(super) fn part_of(
        &self,
        catalog: &Catalog,
        (view, place): (&View, AccountIdx),
        supply: &dyn Supply,
    ) -> Option<usize> {
        if self.is_for_all() {
            return Some(0);
        }
        let mut values: Vec<Cell> = Vec::new();
        let at = self.at(view.as_of(), &catalog.names);
        if let Some(asked) = at.asked.as_ref().map(|program| program.asking(view, Some(supply))) {
            asked.each_row(place, &mut Vec::new(), &mut |cells| values = cells.to_vec());
        }
        self.parts.iter().position(|part| part.is_for(&values))
    }
}

impl PartWork {
    /// Is it for an account with these answers to the guards, if no part before it is?
    fn is_for(&self, guards: &[Cell]) -> bool {
        self.guard.is_none_or(|guard| guards.get(guard) == Some(&Cell::Bool(true)))
    }

    /// The arguments for an account, as far as they do not stand in the book.
    fn beside<'a>(&'a self, view: &'a View, place: AccountIdx, beside: Beside<'_>) -> Vec<Argument<'a>> {
        let argument = |input: &'a Taken| match input {
            Taken::Parameter(name, kind) => {
                let value = view.as_of().parameter(name);
                Argument::Value(value.map_or(Val::Missing, |value| Val::of_parameter(value, kind)))
            }
            Taken::Record(of) => {
                let account = view.inner().account_id(place);
                of.argument(account.as_str(), view.as_of().date(), beside.history)
            }
            Taken::Value(_) | Taken::Rows(_) => Argument::Value(Val::Missing),
        };
        self.inputs.iter().map(argument).collect()
    }

    /// Puts in the values of expressions.
    fn put(&self, values: &[Cell], arguments: &mut [Argument<'_>]) {
        for (input, argument) in self.inputs.iter().zip(arguments) {
            if let Taken::Value(number) = input {
                let cell = values.get(*number).cloned().unwrap_or(Cell::Missing);
                *argument = Argument::Value(Val::made(cell));
            }
        }
    }
}

/// A part, to be asked of single accounts.
struct PartAsking<'a> {
    own: Option<Asking<'a>>,
    tables: Vec<Asking<'a>>,
}

impl<'a> PartAsking<'a> {
    fn new(at: &'a PartAt, view: &'a View, beside: Beside<'a>) -> Self {
        let asking = |program: &'a RowProgram| program.asking(view, Some(beside.supply));
        Self { own: at.own.as_ref().map(asking), tables: at.tables.iter().map(asking).collect() }
    }

    /// Puts in what is asked of one account, and of its child rows.
    fn read(&self, part: &PartWork, place: AccountIdx, arguments: &mut [Argument<'_>]) {
        let mut cells = Vec::new();
        if let Some(own) = &self.own {
            own.each_row(place, &mut cells, &mut |values| part.put(values, arguments));
        }
        for (input, argument) in part.inputs.iter().zip(arguments) {
            let Taken::Rows(number) = input else { continue };
            let mut rows: Vec<Vec<Cell>> = Vec::new();
            if let Some(table) = self.tables.get(*number) {
                table.each_row(place, &mut cells, &mut |cells| rows.push(cells.to_vec()));
            }
            *argument = Argument::Rows(rows);
        }
    }
}

/// The rows of a child table, account by account.
struct ByAccount {
    /// Where the rows of each account begin; one more than there are accounts.
    starts: Vec<usize>,
    columns: Vec<Flat>,
}

impl ByAccount {
    /// The rows of each account stand side by side, in the order of the accounts.
    fn of(rows: RowColumns, accounts: usize) -> Self {
        let owner = rows.owner.unwrap_or_default();
        let mut starts = Vec::with_capacity(accounts + 1);
        let mut next = 0;
        for account in 0..accounts {
            starts.push(next);
            while owner.get(next).is_some_and(|owner| *owner as usize == account) {
                next += 1;
            }
        }
        starts.push(next);
        Self { starts, columns: rows.columns }
    }

    fn of_account(&self, account: usize) -> Vec<Vec<Cell>> {
        let bound = |at: usize| self.starts.get(at).copied().unwrap_or_default();
        let cell = |flat: &Flat, row: usize| flat.val(row).to_cell().unwrap_or(Cell::Missing);
        let rows = bound(account)..bound(account + 1);
        rows.map(|row| self.columns.iter().map(|column| cell(column, row)).collect()).collect()
    }
}
