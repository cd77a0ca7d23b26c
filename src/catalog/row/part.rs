//! What does one part of a function read, and what does it give?

use std::sync::Arc;

use super::RowSources;
use crate::aggregate::{EventColumns, EventsOf, UsageView};
use crate::book::View;
use crate::catalog::recorded::Recorded;
use crate::define::{Argument, Arguments, Input, RowFunction, RowPart};
use crate::expr::{
    Asking, Cancelled, Cell, Checked, ExprPlanErrors, MissingRateLog, RowPlan, RowProgram, Type, Val, ValueOf,
};
use crate::model::{AccountIdx, AsOf, Rates, Schema};

/// A part of a function.
#[derive(Debug)]
pub(super) struct PartWork {
    /// The number of its guard.
    pub(super) guard: Option<usize>,
    /// What is asked of the accounts that it is for; `None` where that is asked of all accounts, or nothing is.
    pub(super) own: Option<RowPlan>,
    /// What is asked of child rows, input by input.
    pub(super) tables: Vec<RowPlan>,
    /// What is asked of rows of events, input by input.
    pub(super) events: Vec<EventWork>,
    pub(super) inputs: Vec<Taken>,
    /// `None` where the first input is the answer.
    pub(super) function: Option<Arc<dyn RowFunction>>,
}

/// What is asked of the rows of an event.
#[derive(Debug)]
pub(super) struct EventWork {
    event: Arc<str>,
    last_days: Option<u32>,
    pub(super) plan: RowPlan,
}

impl EventWork {
    pub(super) fn at(&self, as_of: &AsOf) -> EventColumns {
        EventColumns::new(&self.plan, self.last_days, as_of)
    }

    /// Tells of the amounts of some accounts that lack a rate.
    fn tell_unrated(&self, usage: &UsageView, recorder: &MissingRateLog, accounts: &[AccountIdx]) {
        if self.plan.needs().rates {
            let columns = self.at(usage.view().as_of());
            columns.tell_unrated(&self.event, usage, recorder, accounts);
        }
    }

    /// How many rows an account has.
    pub(super) fn count(&self, usage: &UsageView, place: AccountIdx) -> u64 {
        let columns = self.at(usage.view().as_of());
        columns.of(&self.event, usage).count(place)
    }
}

/// Where an input is taken from.
#[derive(Debug)]
pub(super) enum Taken {
    /// An expression of the account, by number.
    Value(usize),
    /// Child rows, by the number of their plan.
    Rows(usize),
    /// Rows of events, by the number of their plan.
    Events(usize),
    Parameter(Arc<str>, Type),
    Record(Recorded),
}

/// A part at a moment.
#[derive(Debug)]
pub(super) struct PartAt {
    pub(super) own: Option<RowProgram>,
    pub(super) tables: Vec<RowProgram>,
    pub(super) events: Vec<(Arc<str>, EventColumns)>,
}

/// Plans expressions of accounts, or of the rows of a child table.
pub(super) type Plan<'p> = dyn Fn(Option<&str>, &[&Checked]) -> Result<RowPlan, ExprPlanErrors> + 'p;

impl PartWork {
    pub(super) fn new(
        part: &RowPart,
        (guard, is_only): (Option<usize>, bool),
        plan: &Plan<'_>,
    ) -> Result<Self, ExprPlanErrors> {
        let (mut tables, mut events) = (Vec::new(), Vec::new());
        let mut inputs: Vec<Taken> = Vec::with_capacity(part.inputs.len());
        let mut values = 0;
        for input in &part.inputs {
            inputs.push(match input {
                Input::Value(_) => {
                    values += 1;
                    Taken::Value(values - 1)
                }
                Input::Rows(table, columns) => {
                    let columns: Vec<&Checked> = columns.iter().collect();
                    tables.push(plan(Some(table), &columns)?);
                    Taken::Rows(tables.len() - 1)
                }
                Input::Events { event, last_days, columns } => {
                    let plan = plan(None, &columns.iter().collect::<Vec<_>>())?;
                    events.push(EventWork { event: event.clone(), last_days: *last_days, plan });
                    Taken::Events(events.len() - 1)
                }
                Input::Parameter { name, kind } => Taken::Parameter(name.clone(), kind.clone()),
                Input::Record { column, kind, wanted } => {
                    Taken::Record(Recorded { of: column.clone(), kind: kind.clone(), wanted: *wanted })
                }
            });
        }
        let own: Vec<&Checked> = part.values().collect();
        let own = if is_only || own.is_empty() { None } else { Some(plan(None, &own)?) };
        Ok(Self { guard, own, tables, events, inputs, function: part.function.clone() })
    }

    pub(super) fn at(&self, at: &dyn Fn(&RowPlan) -> RowProgram, as_of: &AsOf) -> PartAt {
        let events = |of: &EventWork| (of.event.clone(), of.at(as_of));
        PartAt {
            own: self.own.as_ref().map(at),
            tables: self.tables.iter().map(at).collect(),
            events: self.events.iter().map(events).collect(),
        }
    }

    pub(super) fn compute(
        &self,
        arguments: &[Argument<'_>],
        (as_of, rates): (Option<&AsOf>, Option<&dyn Rates>),
        cells: &mut [Cell],
    ) {
        cells.fill(Cell::Missing);
        match &self.function {
            Some(function) => function.row(&Arguments { all: arguments, as_of, rates }, cells),
            None => {
                if let (Some(Argument::Value(value)), Some(cell)) = (arguments.first(), cells.first_mut()) {
                    *cell = value.to_cell().unwrap_or(Cell::Missing);
                }
            }
        }
    }

    /// Tells of the amounts that are read of some accounts and lack a rate.
    pub(super) fn tell_unrated(
        &self,
        (view, schema): (&View, &Schema),
        beside: RowSources<'_>,
        recorder: &MissingRateLog,
        accounts: &[AccountIdx],
    ) -> Result<(), Cancelled> {
        for plan in self.own.iter().chain(&self.tables) {
            let all = &mut |_, value: &ValueOf<'_>| (0..plan.len()).for_each(|number| drop(value(number)));
            plan.tell_unrated((view, schema), Some(beside.supply), recorder, accounts, all)?;
        }
        for (events, usage) in self.events.iter().filter_map(|events| Some((events, beside.usage?))) {
            events.tell_unrated(usage, recorder, accounts);
        }
        Ok(())
    }

    /// Is it for an account with these answers to the guards, if no part before it is?
    pub(super) fn is_for(&self, guards: &[Cell]) -> bool {
        self.guard.is_none_or(|guard| guards.get(guard) == Some(&Cell::Bool(true)))
    }

    /// The arguments for an account, as far as they do not stand in the book.
    pub(super) fn beside<'a>(
        &'a self,
        view: &'a View,
        place: AccountIdx,
        beside: RowSources<'_>,
    ) -> Vec<Argument<'a>> {
        let argument = |input: &'a Taken| match input {
            Taken::Parameter(name, kind) => {
                let value = view.as_of().parameter(name);
                Argument::Value(value.map_or(Val::Missing, |value| Val::of_parameter(value, kind)))
            }
            Taken::Record(of) => of.argument(account_id(view, place), view.as_of().date(), beside.history),
            Taken::Value(_) | Taken::Rows(_) | Taken::Events(_) => Argument::Value(Val::Missing),
        };
        self.inputs.iter().map(argument).collect()
    }

    /// Puts in the values of expressions.
    pub(super) fn put(&self, values: &[Cell], arguments: &mut [Argument<'_>]) {
        for (input, argument) in self.inputs.iter().zip(arguments) {
            if let Taken::Value(number) = input {
                let cell = values.get(*number).cloned().unwrap_or(Cell::Missing);
                *argument = Argument::Value(Val::made(cell));
            }
        }
    }
}

/// The id of an account, where it lies in the book.
pub(super) fn account_id(view: &View, place: AccountIdx) -> &str {
    let chunk = view.inner().chunk(place.slot);
    chunk.and_then(|chunk| chunk.shape.id(place.row)).unwrap_or_default()
}

/// A part, to be asked of single accounts.
pub(super) struct PartReader<'a> {
    pub(super) own: Option<Asking<'a>>,
    pub(super) tables: Vec<Asking<'a>>,
    pub(super) events: EventReader<'a>,
}

/// The rows of events that a part reads; none without usage.
pub(super) struct EventReader<'a>(Vec<EventsOf<'a>>);

impl<'a> EventReader<'a> {
    pub(super) fn new(at: &'a PartAt, usage: Option<&'a UsageView>) -> Self {
        let of = |usage| at.events.iter().map(move |(event, columns)| columns.of(event, usage));
        Self(usage.into_iter().flat_map(of).collect())
    }

    pub(super) fn rows(&self, number: usize, place: AccountIdx) -> Vec<Vec<Cell>> {
        self.0.get(number).map_or_else(Vec::new, |rows| rows.of_account(place))
    }
}

impl<'a> PartReader<'a> {
    pub(super) fn new(at: &'a PartAt, view: &'a View, beside: RowSources<'a>) -> Self {
        let asking = |program: &'a RowProgram| program.asking(view, Some(beside.supply));
        let events = EventReader::new(at, beside.usage);
        Self { own: at.own.as_ref().map(asking), tables: at.tables.iter().map(asking).collect(), events }
    }

    /// Puts in what is asked of one account, and of its child rows.
    pub(super) fn read(&self, part: &PartWork, place: AccountIdx, arguments: &mut [Argument<'_>]) {
        let mut cells = Vec::new();
        if let Some(own) = &self.own {
            own.each_row(place, &mut cells, &mut |values| part.put(values, arguments));
        }
        for (input, argument) in part.inputs.iter().zip(arguments) {
            let mut rows: Vec<Vec<Cell>> = Vec::new();
            match input {
                Taken::Rows(number) => {
                    if let Some(table) = self.tables.get(*number) {
                        table.each_row(place, &mut cells, &mut |cells| rows.push(cells.to_vec()));
                    }
                }
                Taken::Events(number) => rows = self.events.rows(*number, place),
                Taken::Value(_) | Taken::Parameter(..) | Taken::Record(_) => continue,
            }
            *argument = Argument::Rows(rows);
        }
    }
}
