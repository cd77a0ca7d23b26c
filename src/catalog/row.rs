//! What does a function of one account come to, for all accounts or for some?

use std::sync::Arc;

use super::entry::Entry;
use super::history::History;
use super::names::CatalogNames;
use super::recorded::Recorded;
use crate::aggregate::Standing;
use crate::define::{Argument, Arguments, Input, RowForm, RowFunction, RowsOf};
use crate::expr::{
    Cancelled, Cell, Checked, ExprPlanErrors, Flat, Needs, RowColumns, RowPlan, RowProgram, Sight, Supply,
    Val,
};
use crate::model::{AccountIdx, AsOf, Date};

/// A function of what is read of one account, with its expressions planned.
#[derive(Debug)]
pub(crate) struct RowWork {
    /// What is asked of the account itself.
    account: Option<RowPlan>,
    /// What is asked of child rows, input by input.
    tables: Vec<RowPlan>,
    inputs: Vec<Taken>,
    /// `None` where the first input is the answer.
    function: Option<Arc<dyn RowFunction>>,
    reads_moment: bool,
    outputs: usize,
}

/// Where an input is taken from.
#[derive(Debug)]
enum Taken {
    /// An expression of the account, by number.
    Value(usize),
    /// Child rows, by the number of their plan.
    Rows(usize),
    Record(Recorded),
}

/// A function of one account at a moment.
#[derive(Debug, Clone)]
pub(crate) struct RowAt {
    pub(super) account: Option<RowProgram>,
    pub(super) tables: Arc<[RowProgram]>,
    /// The day, where earlier ones are read.
    day: Option<Date>,
    /// The moment, where the function reads it.
    moment: Option<AsOf>,
}

impl RowAt {
    /// Does it say the same as that of the same function at another moment?
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let same = |own: &RowProgram, other: &RowProgram| own.is_same(other);
        let account = match (&self.account, &other.account) {
            (Some(own), Some(other)) => same(own, other),
            (None, None) => true,
            _ => false,
        };
        let moment = match (&self.moment, &other.moment) {
            (Some(own), Some(other)) => own.is_same(other),
            (None, None) => true,
            _ => false,
        };
        let mut tables = self.tables.iter().zip(&*other.tables);
        account && moment && self.day == other.day && tables.all(|(own, other)| same(own, other))
    }

    /// The one expression that is the answer, where nothing else is read.
    pub(crate) fn only(&self, of: &RowWork) -> Option<&RowProgram> {
        let is_only = of.function.is_none() && matches!(of.inputs.first(), Some(Taken::Value(_)));
        self.account.as_ref().filter(|_| is_only)
    }
}

/// What a function reads beside the accounts and their columns.
#[derive(Clone, Copy)]
pub(crate) struct Beside<'b> {
    pub(crate) supply: &'b dyn Supply,
    pub(crate) history: Option<&'b dyn History>,
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
        let mut values: Vec<&Checked> = Vec::new();
        let mut tables: Vec<RowPlan> = Vec::new();
        let mut inputs: Vec<Taken> = Vec::with_capacity(form.inputs.len());
        for input in &form.inputs {
            inputs.push(match input {
                Input::Value(checked) => {
                    values.push(checked);
                    Taken::Value(values.len() - 1)
                }
                Input::Rows(RowsOf::Table(table), columns) => {
                    let columns: Vec<&Checked> = columns.iter().collect();
                    tables.push(plan(Some(table), &columns)?);
                    Taken::Rows(tables.len() - 1)
                }
                Input::Record { column, kind, wanted } => {
                    Taken::Record(Recorded { of: column.clone(), kind: kind.clone(), wanted: *wanted })
                }
            });
        }
        let account = if values.is_empty() { None } else { Some(plan(None, &values)?) };
        let (function, reads_moment) = (form.function.clone(), form.reads_moment);
        Ok(Self { account, tables, inputs, function, reads_moment, outputs: entry.compiled.outputs.len() })
    }

    /// How many expressions of accounts it asks.
    pub(super) fn values(&self) -> usize {
        self.inputs.iter().filter(|input| matches!(input, Taken::Value(_))).count()
    }

    pub(super) fn asks_history(&self) -> bool {
        self.inputs.iter().any(|input| matches!(input, Taken::Record(_)))
    }

    pub(super) fn has_tables(&self) -> bool {
        !self.tables.is_empty()
    }

    /// What is recorded of a column, where that is the answer.
    pub(super) fn recorded(&self) -> Option<&Recorded> {
        match self.inputs.first() {
            Some(Taken::Record(of)) if self.function.is_none() => Some(of),
            _ => None,
        }
    }

    /// What is read, and how far its expressions look up and down the tree.
    pub(super) fn reads(&self) -> (Needs, Sight) {
        let plans = self.account.iter().chain(&self.tables);
        let mut needs = Needs { moment: self.asks_history() || self.reads_moment, ..Needs::default() };
        let mut sight = Sight::default();
        for plan in plans {
            needs = needs.and(plan.needs());
            needs.tables.extend(plan.table().cloned());
            sight = sight.and(plan.sight());
        }
        (needs, sight)
    }

    pub(super) fn at(&self, as_of: &AsOf, names: &CatalogNames) -> RowAt {
        let at = |plan: &RowPlan| plan.at(as_of, &names.schema);
        RowAt {
            account: self.account.as_ref().map(at),
            tables: self.tables.iter().map(at).collect(),
            day: self.asks_history().then(|| as_of.date()),
            moment: self.reads_moment.then(|| as_of.clone()),
        }
    }

    /// The outputs for all accounts of a view, whose `values` are known already.
    pub(super) fn all(
        &self,
        standing: &Standing,
        (mut values, tables): (Vec<Flat>, &[RowProgram]),
        beside: Beside<'_>,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<Flat>, Cancelled> {
        let (view, tree) = (&standing.view, &standing.tree);
        if self.function.is_none() && !values.is_empty() {
            values.truncate(1);
            return Ok(values);
        }
        let rows = |program: &RowProgram| program.run(view, tree, Some(beside.supply), stop);
        let tables = tables.iter().map(rows).collect::<Result<Vec<RowColumns>, Cancelled>>()?;
        let tables: Vec<ByAccount> =
            tables.into_iter().map(|rows| ByAccount::of(rows, tree.rows())).collect();
        let mut outputs = vec![vec![Cell::Missing; tree.rows()]; self.outputs];
        let mut cells = vec![Cell::Missing; self.outputs];
        for (slot, first) in &tree.slots {
            if stop() {
                return Err(Cancelled);
            }
            let Some(chunk) = view.inner().chunk(*slot) else { continue };
            for row in 0..chunk.shape.rows() {
                let at = (*first + row) as usize;
                if !tree.sees(at) {
                    continue;
                }
                let arguments = self.inputs.iter().map(|input| match input {
                    Taken::Value(number) => {
                        Argument::Value(values.get(*number).map_or(Val::Missing, |flat| flat.val(at)))
                    }
                    Taken::Rows(number) => {
                        Argument::Rows(tables.get(*number).map_or_else(Vec::new, |rows| rows.of_account(at)))
                    }
                    Taken::Record(of) => of.argument(
                        chunk.shape.id(row).unwrap_or_default(),
                        view.as_of().date(),
                        beside.history,
                    ),
                });
                let arguments: Vec<Argument<'_>> = arguments.collect();
                self.compute(&arguments, view.as_of(), &mut cells);
                for (output, cell) in outputs.iter_mut().zip(&mut cells) {
                    if let Some(place) = output.get_mut(at) {
                        *place = std::mem::replace(cell, Cell::Missing);
                    }
                }
            }
        }
        Ok(outputs.into_iter().map(Flat::of_cells).collect())
    }

    /// The outputs of some accounts, one after the other.
    pub(crate) fn each(
        &self,
        (at, view): (&RowAt, &crate::book::View),
        beside: Beside<'_>,
        places: impl Iterator<Item = AccountIdx>,
        mut seen: impl FnMut(AccountIdx, usize, Cell),
    ) {
        let supply = Some(beside.supply);
        if let Some(program) = at.only(self) {
            return program.each_at(view, supply, places, seen);
        }
        let account = at.account.as_ref().map(|program| program.asking(view, supply));
        let tables: Vec<_> = at.tables.iter().map(|program| program.asking(view, supply)).collect();
        let (mut read, mut cells) = (Vec::new(), vec![Cell::Missing; self.outputs]);
        for place in places {
            let mut values: Vec<Cell> = Vec::new();
            if let Some(account) = &account {
                account.each_row(place, &mut read, &mut |cells| values = cells.to_vec());
            }
            let id = view.inner().account_id(place);
            let arguments = self.inputs.iter().map(|input| match input {
                Taken::Value(number) => {
                    Argument::Value(values.get(*number).map_or(Val::Missing, Val::of_cell))
                }
                Taken::Rows(number) => {
                    let mut rows: Vec<Vec<Cell>> = Vec::new();
                    if let Some(table) = tables.get(*number) {
                        table.each_row(place, &mut read, &mut |cells| rows.push(cells.to_vec()));
                    }
                    Argument::Rows(rows)
                }
                Taken::Record(of) => of.argument(id.as_str(), view.as_of().date(), beside.history),
            });
            let arguments: Vec<Argument<'_>> = arguments.collect();
            self.compute(&arguments, view.as_of(), &mut cells);
            for (output, cell) in cells.iter_mut().enumerate() {
                seen(place, output, std::mem::replace(cell, Cell::Missing));
            }
        }
    }

    fn compute(&self, arguments: &[Argument<'_>], as_of: &AsOf, cells: &mut [Cell]) {
        match &self.function {
            Some(function) => {
                let as_of = Some(as_of).filter(|_| self.reads_moment);
                function.row(&Arguments { all: arguments, as_of }, cells);
            }
            None => {
                if let (Some(Argument::Value(value)), Some(cell)) = (arguments.first(), cells.first_mut()) {
                    *cell = value.to_cell().unwrap_or(Cell::Missing);
                }
            }
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
