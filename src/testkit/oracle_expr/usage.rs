//! What is read of events, one row after the other, and of a metric, one day after the other?
//!
//! Rulings S77 to S80. The mean of a measure is not known here.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::lambda::added;
use super::values::{compared, zero};
use super::{Operand, Thing, Variables, Walk};
use crate::Date;
use crate::expr::{Checked, ExprValue, MacroKind, Node, NodeId, Type};
use crate::testkit::oracle_usage::EventRow;

/// Rows of events that are asked, and on which days; all up to that of the question, where nothing is said.
#[derive(Clone)]
pub(super) struct Events {
    pub(super) rows: Vec<Arc<EventRow>>,
    pub(super) window: Option<(Date, Date)>,
}

impl<'v> Walk<'_, 'v> {
    /// `events`, `metric`, and a window over either.
    pub(super) fn usage_thing(
        &self,
        function: &str,
        arguments: &[NodeId],
        variables: &mut Variables<'v>,
    ) -> Thing<'v> {
        let nothing = Thing::Value(None);
        let Some((first, days)) = arguments.split_first() else { return nothing };
        if let "events" | "metric" = function {
            let (Some(name), Some(beside)) = (self.text(*first, variables), self.beside) else {
                return nothing;
            };
            return match function {
                "events" => Thing::Events(Events { rows: beside.events(self.account, &name), window: None }),
                _ => Thing::Series(name, None),
            };
        }
        let mut numbers = days.iter().map(|days| self.small(*days, variables));
        let (Some(Some(days)), ago) = (numbers.next(), numbers.next().flatten().unwrap_or(0)) else {
            return nothing;
        };
        let today = self.as_of.date();
        let window = today.plus_days(1 - ago - days).zip(today.plus_days(-ago));
        match self.thing(*first, variables) {
            Thing::Events(events) => Thing::Events(Events { window, ..events }),
            Thing::Series(metric, _) => Thing::Series(metric, window),
            _ => nothing,
        }
    }

    /// The rows on the days that are asked.
    pub(super) fn rows_of<'e>(
        &self,
        events: &'e Events,
    ) -> impl Iterator<Item = &'e Arc<EventRow>> + use<'e> {
        let (first, last) = match (events.window, self.day) {
            (Some((first, last)), _) => (Some(first), last),
            (None, Some(day)) => (Some(day), day),
            (None, None) => (None, self.as_of.date()),
        };
        events.rows.iter().filter(move |row| first.is_none_or(|first| first <= row.day) && row.day <= last)
    }

    /// What is read of events as they are.
    pub(super) fn read_of_events(&self, reading: &str, events: &Events) -> Option<ExprValue> {
        let rows: Vec<&Arc<EventRow>> = self.rows_of(events).collect();
        Some(match reading {
            "count" => ExprValue::Int(rows.iter().map(|row| i64::from(row.count)).sum()),
            "days" => {
                let days: BTreeSet<Date> = rows.iter().map(|row| row.day).collect();
                ExprValue::Int(i64::try_from(days.len()).ok()?)
            }
            "first" => ExprValue::Timestamp(rows.iter().map(|row| row.first).min()?),
            "last" => ExprValue::Timestamp(rows.iter().map(|row| row.last).max()?),
            _ => return None,
        })
    }

    /// What is read of each event.
    pub(super) fn lambda_over_events(
        &self,
        kind: MacroKind,
        events: &Events,
        variable: &Arc<str>,
        body: NodeId,
        node: NodeId,
        variables: &mut Variables<'v>,
    ) -> Thing<'v> {
        let mut answer = |row: &Arc<EventRow>| {
            variables.push((variable.clone(), Thing::Event(row.clone())));
            let value = self.value(body, variables);
            variables.pop();
            value
        };
        if let MacroKind::Where | MacroKind::Filter = kind {
            let rows = events.rows.iter().filter(|row| answer(row) == Some(ExprValue::Bool(true)));
            return Thing::Events(Events { rows: rows.cloned().collect(), window: events.window });
        }
        let mut values: Vec<ExprValue> = Vec::new();
        for row in self.rows_of(events) {
            let Some(value) = answer(row) else { continue };
            // A total is one value; what each event has counts as often as there are events.
            let times = if self.reads_totals(body, variable, row) { 1 } else { row.count };
            values.extend((0..times).map(|_| value.clone()));
        }
        let (of, result) = (self.checked.kind_of(body), self.checked.kind_of(node));
        Thing::Value(match kind {
            MacroKind::Sum => added(&values, false, of, result).or_else(|| zero(result?)),
            MacroKind::Avg => added(&values, true, of, result),
            MacroKind::Min | MacroKind::Max => extreme(&values, kind == MacroKind::Min),
            MacroKind::Distinct => {
                let different: BTreeSet<String> = values.iter().map(ToString::to_string).collect();
                i64::try_from(different.len()).ok().map(ExprValue::Int)
            }
            _ => None,
        })
    }

    /// Does a part read a total of the row by the name of a variable?
    pub(super) fn reads_totals(&self, part: NodeId, variable: &str, row: &EventRow) -> bool {
        std::iter::once(part).chain(self.ast.below(part)).any(|node| match self.ast.node(node) {
            Node::Path([head, field, ..]) => **head == *variable && row.totals.contains(&**field),
            _ => false,
        })
    }

    /// What is read of the values of a metric, one for each day.
    pub(super) fn read_of_series(
        &self,
        reading: &str,
        metric: &str,
        window: Option<(Date, Date)>,
        node: NodeId,
    ) -> Option<ExprValue> {
        let checked = self.beside?.metric(metric)?;
        let last = window.map_or_else(|| self.as_of.date(), |(_, last)| last);
        // Without a window, the series begins with the first day that has such events.
        let first = window.map(|(first, _)| first).or_else(|| self.first_day_of(checked, last));
        let days =
            first.into_iter().flat_map(|first| (first.days()..=last.days()).filter_map(Date::from_days));
        let of_day = |day: Date| {
            let walk = Walk { checked, ast: checked.ast(), day: Some(day), ..*self };
            walk.operand(checked.ast().root(), &mut Vec::new()).widened(checked.kind())
        };
        if self.series_lacks(metric, window) {
            return None;
        }
        let values: Vec<ExprValue> = days.filter_map(of_day).collect();
        let kind: &Type = checked.kind();
        match reading {
            "count" => i64::try_from(values.len()).ok().map(ExprValue::Int),
            "sum" => added(&values, false, Some(kind), Some(kind)).or_else(|| zero(kind)),
            "avg" => added(&values, true, Some(kind), self.checked.kind_of(node)),
            "min" | "max" => extreme(&values, reading == "min"),
            "first" => values.into_iter().next(),
            "last" => values.into_iter().next_back(),
            _ => None,
        }
    }

    /// Is there a day among those that are asked on which a rate is missing?
    pub(super) fn series_lacks(&self, metric: &str, window: Option<(Date, Date)>) -> bool {
        let Some(checked) = self.beside.and_then(|beside| beside.metric(metric)) else { return false };
        let last = window.map_or_else(|| self.as_of.date(), |(_, last)| last);
        let lacks = |day: Date| {
            let walk = Walk { checked, ast: checked.ast(), day: Some(day), ..*self };
            walk.lacks_rate(checked.ast().root(), &mut Vec::new())
        };
        // Days before the first that counts may lack a rate, so that they may count.
        let from = self.first_asked(checked).map_or(last.days(), |first| first.days());
        let mut until = (from..=last.days()).filter_map(Date::from_days);
        until.any(|day| window.is_none_or(|(first, _)| first <= day) && lacks(day))
    }

    /// The first day on which there is an event of the kind of a metric, whatever it is.
    fn first_asked(&self, metric: &Checked) -> Option<Date> {
        let ast = metric.ast();
        let mut over = ast.root();
        loop {
            over = match ast.node(over) {
                Node::Call { function, arguments, .. } if &**function != "events" => *arguments.first()?,
                Node::Macro { over, .. } => over,
                _ => break,
            };
        }
        let walk = Walk { checked: metric, ast, day: None, ..*self };
        match walk.thing(over, &mut Vec::new()) {
            Thing::Events(events) => events.rows.iter().map(|row| row.day).min(),
            _ => None,
        }
    }

    fn first_day_of(&self, metric: &Checked, last: Date) -> Option<Date> {
        let ast = metric.ast();
        let over = match ast.node(ast.root()) {
            Node::Call { arguments, .. } => *arguments.first()?,
            Node::Macro { over, .. } => over,
            _ => return None,
        };
        let walk = Walk { checked: metric, ast, day: None, ..*self };
        match walk.thing(over, &mut Vec::new()) {
            Thing::Events(events) => events.rows.iter().map(|row| row.day).filter(|day| *day <= last).min(),
            _ => None,
        }
    }
}

/// The least or the greatest of some values.
fn extreme(values: &[ExprValue], least: bool) -> Option<ExprValue> {
    let mut best: Option<&ExprValue> = None;
    for value in values {
        let operand = |value: &ExprValue| Operand::plain(Some(value.clone()));
        let order = best.and_then(|best| compared(&operand(value), &operand(best)));
        if best.is_none() || order.is_some_and(|order| if least { order.is_lt() } else { order.is_gt() }) {
            best = Some(value);
        }
    }
    best.cloned()
}
