//! What was a derived value computed from?

use std::sync::Arc;

use super::Catalog;
use super::entry::Asked;
use super::history::History;
use super::row::RowWork;
use super::step::Work;
use crate::aggregate::{RollUpAt, UsageView};
use crate::book::View;
use crate::define::{Form, Input, Namespace, RowForm};
use crate::expr::{Behind, FunctionBehind, InputBehind, Supply};
use crate::model::{AccountIdx, Rates};

impl Catalog {
    /// What a column was computed from at an account of a view; `None` for one that is not defined. Of a roll-up, `width` accounts
    /// are named.
    pub(crate) fn provenance<'c>(
        &'c self,
        (name, place, width): (&str, AccountIdx, usize),
        asked: ProvenanceSources<'_>,
    ) -> Option<Behind<'c>> {
        let ProvenanceSources { view, usage, supply, .. } = asked;
        let (_, placed) = self.names.entries.read(Asked::new(Namespace::Columns, name))?;
        let work = || Some(&self.steps.get(self.step_of(self.column(name)?)?)?.work);
        let compiled = &placed.entry.compiled;
        Some(match &compiled.form {
            Form::Row(form) => {
                let Work::Row(of) = work()? else { return None };
                let only = form.only().filter(|part| part.function.is_none());
                match only.and_then(|part| part.inputs.first()) {
                    Some(Input::Value(checked)) => Behind::Expression(checked),
                    Some(Input::Parameter { .. }) => Behind::Parameter,
                    Some(Input::Record { .. }) => {
                        let recorded = of.recorded()?;
                        Behind::Past { of: recorded.of.clone(), on: recorded.on(view.as_of().date()) }
                    }
                    _ => {
                        let number = of.part_of(self, (view, place), supply);
                        let kind = Arc::from(placed.entry.id.kind.word());
                        Behind::Function(function((kind, number, form), of, (place, width), asked))
                    }
                }
            }
            Form::Whole(of) => Behind::Ranking(of.inputs.first()?),
            Form::Tree(_) => {
                let Work::Tree(of) = work()? else { return None };
                let programs = of.plan.at(view.as_of());
                let rates = asked.rates;
                let at = RollUpAt { view, programs: &programs, supply: Some(supply), usage, rates };
                Behind::RollUp(of.plan.parts(at, place, &supply.column_at(name, place), width)?)
            }
            Form::Named(_) | Form::Recorded(_) => return None,
        })
    }
}

/// What a derived value was computed from beside the definitions.
#[derive(Clone, Copy)]
pub(crate) struct ProvenanceSources<'a> {
    pub(crate) view: &'a View,
    pub(crate) usage: Option<&'a UsageView>,
    /// `None` where none is at hand.
    pub(crate) history: Option<&'a dyn History>,
    pub(crate) rates: Option<&'a dyn Rates>,
    pub(crate) supply: &'a dyn Supply,
}

/// What a function reads of an account, by the part that is for it.
fn function<'c>(
    (kind, number, form): (Arc<str>, Option<usize>, &'c RowForm),
    work: &RowWork,
    (place, width): (AccountIdx, usize),
    asked: ProvenanceSources<'_>,
) -> FunctionBehind<'c> {
    let view = asked.view;
    let part = number.and_then(|number| Some((number, form.parts.get(number)?)));
    let Some((number, part)) = part else {
        return FunctionBehind { kind, part: None, guard: None, inputs: Vec::new() };
    };
    let input = |(at, input): (usize, &'c Input)| match input {
        Input::Value(checked) => Some(InputBehind::Value(checked)),
        // It is a definition by itself.
        Input::Parameter { .. } => None,
        Input::Rows(table, _) => {
            let rows = view.schema().table(table).and_then(|id| {
                let chunk = view.inner().chunk(place.slot)?;
                Some(chunk.table(id.index())?.rows_of(place.row).len() as u64)
            });
            Some(InputBehind::Rows(table.clone(), rows.unwrap_or(0)))
        }
        Input::Events { event, last_days, .. } => {
            let rows = asked.usage.map(|usage| work.event_rows((number, at), usage, place));
            Some(InputBehind::Events(event.clone(), *last_days, rows))
        }
        Input::Record { column, .. } => {
            let days = asked.history.map(|history| {
                let mut days = work.records((number, at), (view, place), history);
                let more = days.len().saturating_sub(width);
                days.drain(..more);
                (days, more)
            });
            Some(InputBehind::Records(column.clone(), days))
        }
    };
    FunctionBehind {
        kind,
        part: Some((number, part.name.clone())),
        guard: part.guard.as_ref(),
        inputs: part.inputs.iter().enumerate().filter_map(input).collect(),
    }
}
