//! What was recorded of a column on earlier days?
//!
//! Ruling S93 of `docs/semantics`: who is not seen is not asked for either.

use std::sync::Arc;

use super::history::History;
use crate::define::{Argument, RecordWanted};
use crate::expr::{Cell, ExprValue, Type, Val};
use crate::model::Date;

/// Earlier days of a column, and the type of its values.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) of: Arc<str>,
    pub(super) kind: Type,
    pub(super) wanted: RecordWanted,
}

impl Recorded {
    /// The day of which the last value is asked, on a day; `None` beyond the calendar, and where several are asked.
    pub(super) fn on(&self, today: Date) -> Option<Date> {
        match self.wanted {
            RecordWanted::Ago(days) | RecordWanted::On(days) => before(today, days),
            RecordWanted::Last(_) | RecordWanted::Each(_) => None,
        }
    }

    /// What is read for an account on a day. Without a history there is nothing.
    pub(super) fn argument(
        &self,
        account: &str,
        today: Date,
        history: Option<&dyn History>,
    ) -> Argument<'static> {
        let cell = |value: Option<ExprValue>| {
            let cell = value.as_ref().and_then(|value| Val::of_shown(value, &self.kind).to_cell());
            cell.unwrap_or(Cell::Missing)
        };
        let dated = |(day, value): (Date, Option<ExprValue>)| (day, cell(value));
        let yesterday = before(today, 1);
        match self.wanted {
            RecordWanted::Ago(_) => {
                let value = history
                    .zip(self.on(today))
                    .and_then(|(history, on)| history.value(account, &self.of, on));
                Argument::Value(Val::made(cell(value)))
            }
            RecordWanted::On(_) => {
                let on = history.zip(self.on(today));
                let record = on.and_then(|(history, on)| Some((on, history.last(account, &self.of, on)?)));
                let value = record.and_then(|(on, (day, value))| value.filter(|_| day == on));
                Argument::Value(Val::made(cell(value)))
            }
            RecordWanted::Last(within) => {
                let since = within.map(|days| before(today, days).unwrap_or(Date::MIN));
                let last = history.zip(yesterday).and_then(|(history, on)| {
                    history
                        .last(account, &self.of, on)
                        .filter(|(day, _)| since.is_none_or(|since| *day >= since))
                });
                Argument::Records(last.map(dated).into_iter().collect())
            }
            RecordWanted::Each(days) => {
                let from = before(today, days).unwrap_or(Date::MIN);
                let days = history.zip(yesterday.map(|to| (from, to)).filter(|(from, to)| from <= to));
                let all = days.map(|(history, (from, to))| history.each(account, &self.of, from, to));
                Argument::Records(all.into_iter().flatten().map(dated).collect())
            }
        }
    }
}

impl Recorded {
    /// The days that are read for an account, with their values.
    pub(super) fn recorded_days(
        &self,
        account: &str,
        today: Date,
        history: &dyn History,
    ) -> Vec<(Date, Option<ExprValue>)> {
        let dated = |(day, cell): (Date, Cell)| (day, Val::of_cell(&cell).to_value(&self.kind));
        match (self.wanted, self.argument(account, today, Some(history))) {
            (_, Argument::Records(days)) => days.into_iter().map(dated).collect(),
            // On the day on which it was recorded.
            (wanted @ (RecordWanted::Ago(_) | RecordWanted::On(_)), Argument::Value(value)) => {
                let last = self.on(today).and_then(|on| history.last(account, &self.of, on));
                let is_it =
                    |day: &Date| matches!(wanted, RecordWanted::Ago(_)) || Some(*day) == self.on(today);
                last.filter(|(day, _)| is_it(day))
                    .map(|(day, _)| (day, value.to_value(&self.kind)))
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

fn before(today: Date, days: u32) -> Option<Date> {
    today.plus_days(i32::try_from(days).ok()?.checked_neg()?)
}
