//! What does a definition of a kind of the host's own come to, asked part by part and input by input?

use std::cmp::Ordering;
use std::error::Error;

use super::oracle_definition::compare;
use super::oracle_expr::{Beside, OracleExpr};
use super::oracle_roll_up::RowExpr;
use crate::aggregate::Over;
use crate::catalog::{Custom, CustomInput, CustomInputs, History, InputValue};
use crate::expr::{Checked, Checker, ExprValue};
use crate::{Account, Date, View};

/// A definition with its expressions.
#[derive(Debug)]
pub(super) struct WrittenCustom {
    of: Custom,
    parts: Vec<(Option<Checked>, Vec<WrittenInput>)>,
}

#[derive(Debug)]
enum WrittenInput {
    Value(Box<Checked>),
    Rows(String, Vec<RowExpr>),
    Events(String, Option<u32>, Vec<RowExpr>),
    Record(CustomInput),
}

impl WrittenInput {
    fn new(input: &CustomInput, checker: &Checker<'_>) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(match input {
            CustomInput::Value(text) => Self::Value(Box::new(checker.check(text)?)),
            CustomInput::Rows { table, columns } => {
                let over = Over::Table(table.clone());
                let columns = columns.iter().map(|text| RowExpr::new(text, &over, checker));
                Self::Rows(table.to_string(), columns.collect::<Result<_, _>>()?)
            }
            CustomInput::Events { event, last_days, columns } => {
                let over = Over::Events { event: event.clone(), last_days: *last_days };
                let columns = columns.iter().map(|text| RowExpr::new(text, &over, checker));
                Self::Events(event.to_string(), *last_days, columns.collect::<Result<_, _>>()?)
            }
            record => Self::Record(record.clone()),
        })
    }
}

impl WrittenCustom {
    pub(super) fn new(of: &Custom, checker: &Checker<'_>) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let inputs = |all: &[CustomInput]| {
            all.iter().map(|input| WrittenInput::new(input, checker)).collect::<Result<Vec<_>, _>>()
        };
        let mut parts = Vec::new();
        if of.parts().is_empty() {
            parts.push((None, inputs(of.reads())?));
        }
        for part in of.parts() {
            let guard = part.question().map(|question| checker.check_predicate(question)).transpose()?;
            parts.push((guard, inputs(part.reads())?));
        }
        Ok(Self { of: of.clone(), parts })
    }

    /// The names by which its outputs are read.
    pub(super) fn names(&self) -> Vec<String> {
        let outputs = self.of.kind().outputs().into_iter();
        let name = |output: Option<&str>| match output {
            Some(output) => format!("{}.{output}", self.of.name()),
            None => self.of.name().to_owned(),
        };
        outputs.map(|output| name(output.name())).collect()
    }

    /// One output of an account.
    pub(super) fn value(
        &self,
        output: usize,
        (beside, history): (&dyn Beside, Option<&dyn History>),
        (view, account): (&View, Account<'_>),
    ) -> Option<ExprValue> {
        let read = |checked: &Checked| OracleExpr::new(checked).value_beside(beside, account);
        let is_for = |guard: &Option<Checked>| {
            guard.as_ref().is_none_or(|guard| read(guard) == Some(ExprValue::Bool(true)))
        };
        let (_, inputs) = self.parts.iter().find(|(guard, _)| is_for(guard))?;
        let given = inputs.iter().map(|input| match input {
            WrittenInput::Value(checked) => InputValue::Value(read(checked)),
            WrittenInput::Rows(table, columns) => {
                let mut rows = vec![Vec::new(); account.child_rows(table).count()];
                for column in columns {
                    for (row, value) in rows.iter_mut().zip(column.of_child_rows(beside, account, table)) {
                        row.push(value);
                    }
                }
                InputValue::Rows(rows)
            }
            WrittenInput::Events(event, days, columns) => {
                let today = view.as_of().date();
                let is_of_days = |day: Date| {
                    day <= today
                        && days.is_none_or(|days| i64::from(today.days() - day.days()) < i64::from(days))
                };
                let rows = beside.events(account, event).into_iter().filter(|row| is_of_days(row.day));
                let mut rows: Vec<(Date, Vec<Option<ExprValue>>)> = rows
                    .map(|row| {
                        (row.day, columns.iter().map(|of| of.of_event_row(beside, account, &row)).collect())
                    })
                    .collect();
                rows.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| in_order(&a.1, &b.1)));
                InputValue::Rows(rows.into_iter().map(|(_, values)| values).collect())
            }
            WrittenInput::Record(input) => recorded(input, history, view.as_of().date(), account),
        });
        let inputs = CustomInputs::new(given.collect());
        let kind = self.of.kind();
        let moment = view.as_of().clone().without_parameters();
        let inputs = if kind.reads_moment() { inputs.at(&moment) } else { inputs };
        let inputs = match beside.rates().filter(|_| kind.reads_rates()) {
            Some(rates) => inputs.with_rates(rates),
            None => inputs,
        };
        kind.compute(&inputs).into_iter().nth(output)?
    }
}

/// The order of rows: by the first value that differs; nothing is the least.
fn in_order(a: &[Option<ExprValue>], b: &[Option<ExprValue>]) -> Ordering {
    let of = |(a, b): (&Option<ExprValue>, &Option<ExprValue>)| match (a, b) {
        (Some(a), Some(b)) => compare(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    };
    a.iter().zip(b).map(of).fold(Ordering::Equal, Ordering::then)
}

/// Days that are looked at, at most: books of tests begin later.
const MOST_DAYS: u32 = 4_000;

/// The records of an account, looked for day by day.
fn recorded(
    input: &CustomInput,
    history: Option<&dyn History>,
    today: Date,
    account: Account<'_>,
) -> InputValue {
    let day = |ago: u32| today.plus_days(-i32::try_from(ago).ok()?);
    let on = |column: &str, ago: u32| {
        let day = day(ago)?;
        history?.each(account.id_str(), column, day, day).pop()
    };
    match input {
        CustomInput::Ago { column, days } => {
            let value = || history?.last(account.id_str(), column, day(*days)?)?.1;
            InputValue::Value(value())
        }
        CustomInput::Last { column, within: Some(days) } => InputValue::Records(
            (1..=(*days).min(MOST_DAYS)).find_map(|ago| on(column, ago)).into_iter().collect(),
        ),
        CustomInput::Last { column, within: None } => {
            let last = || history?.last(account.id_str(), column, day(1)?);
            InputValue::Records(last().into_iter().collect())
        }
        CustomInput::Each { column, days } => InputValue::Records(
            (1..=(*days).min(MOST_DAYS)).rev().filter_map(|ago| on(column, ago)).collect(),
        ),
        _ => InputValue::Value(None),
    }
}
