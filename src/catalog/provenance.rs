//! What was a derived value computed from?

use std::sync::Arc;

use super::Catalog;
use super::entry::Asked;
use super::step::Work;
use crate::aggregate::{RollUpAt, UsageView};
use crate::book::View;
use crate::define::{Form, Input, RowForm, RowsOf, Space};
use crate::expr::{Behind, FunctionBehind, InputBehind, Supply};
use crate::model::AccountIdx;

impl Catalog {
    /// What a column was computed from at an account of a view; `None` for one that is not defined. Of a roll-up, `width` accounts
    /// are named.
    pub(crate) fn provenance<'c>(
        &'c self,
        (name, place, width): (&str, AccountIdx, usize),
        view: &View,
        usage: Option<&UsageView>,
        supply: &dyn Supply,
    ) -> Option<Behind<'c>> {
        let (_, placed) = self.names.entries.read(Asked::new(Space::Columns, name))?;
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
                        let kind = Arc::from(placed.entry.id.kind.word());
                        Behind::Function(function(
                            kind,
                            form,
                            of.part_of(self, (view, place), supply),
                            (view, place),
                        ))
                    }
                }
            }
            Form::Whole(of) => Behind::Ranking(of.inputs.first()?),
            Form::Tree(_) => {
                let Work::Tree(of) = work()? else { return None };
                let programs = of.plan.at(view.as_of());
                let at = RollUpAt { view, programs: &programs, supply, usage };
                Behind::RollUp(of.plan.parts(at, place, &supply.column_at(name, place), width)?)
            }
            Form::Named(_) => return None,
        })
    }
}

/// What a function reads of an account, by the part that is for it.
fn function<'c>(
    kind: Arc<str>,
    form: &'c RowForm,
    number: Option<usize>,
    (view, place): (&View, AccountIdx),
) -> FunctionBehind<'c> {
    let part = number.and_then(|number| Some((number, form.parts.get(number)?)));
    let Some((number, part)) = part else {
        return FunctionBehind { kind, part: None, guard: None, inputs: Vec::new() };
    };
    let input = |input: &'c Input| match input {
        Input::Value(checked) => InputBehind::Value(checked),
        Input::Parameter { name, .. } => InputBehind::Parameter(name.clone()),
        Input::Rows(RowsOf::Table(table), _) => {
            let rows = view.schema().table(table).and_then(|id| {
                let chunk = view.inner().chunk(place.slot)?;
                Some(chunk.table(id.index())?.rows_of(place.row).len() as u64)
            });
            InputBehind::Rows(table.clone(), rows.unwrap_or(0))
        }
        Input::Record { column, .. } => InputBehind::Records(column.clone()),
    };
    FunctionBehind {
        kind,
        part: Some((number, part.name.clone())),
        guard: part.guard.as_ref(),
        inputs: part.inputs.iter().map(input).collect(),
    }
}
