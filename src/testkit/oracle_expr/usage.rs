//! What is read of events, one row after the other, and of a metric, one day after the other?
//!
//! Rulings S77 to S80. The mean of a measure is not known here.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::lambda::added;
use super::values::{as_double, compared, zero};
use super::{Operand, Thing, Variables, Walk};
use crate::Date;
use crate::expr::{Checked, ExprValue, MacroKind, Node, NodeId, Type};
use crate::testkit::oracle_usage::EventRow;

/// Which days are asked; all up to that of the question, where nothing is said.
#[derive(Clone, Copy, Default)]
pub(super) struct Days {
    window: Option<(Date, Date)>,
    weeks: Option<Weeks>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Weeks {
    All,
    /// Those with events.
    Active,
}

/// Rows of events that are asked, and on which days.
#[derive(Clone)]
pub(super) struct Events {
    pub(super) rows: Vec<Arc<EventRow>>,
    pub(super) days: Days,
}

/// Values, one for each day or week that has one, and their type.
#[derive(Clone)]
pub(super) struct Series {
    values: Vec<ExprValue>,
    kind: Type,
}

impl<'v> Walk<'_, 'v> {
    /// `events`, `metric`, and a window over either.
    pub(super) fn usage_thing(
        &self,
        function: &str,
        arguments: &[NodeId],
        node: NodeId,
        variables: &mut Variables<'v>,
    ) -> Thing<'v> {
        let nothing = Thing::Value(None);
        let Some((first, days)) = arguments.split_first() else { return nothing };
        if let "events" | "metric" = function {
            let (Some(name), Some(beside)) = (self.text(*first, variables), self.beside) else {
                return nothing;
            };
            return match function {
                "events" => {
                    let rows = beside.events(self.account, &name);
                    Thing::Events(Events { rows, days: Days::default() })
                }
                _ => Thing::Series(name, Days::default()),
            };
        }
        let of = self.thing(*first, variables);
        let known = match &of {
            Thing::Events(events) => events.days,
            Thing::Series(_, days) => *days,
            _ if function == "between" => return Thing::Value(self.value(node, variables)),
            _ => return nothing,
        };
        let days = if function == "weekly" {
            let word = days.first().and_then(|word| self.text(*word, variables));
            let weeks = if word.as_deref() == Some("active") { Weeks::Active } else { Weeks::All };
            Days { weeks: Some(weeks), ..known }
        } else if function == "between" {
            let mut ends = days.iter().map(|day| self.day(*day, variables));
            Days { window: ends.next().flatten().zip(ends.next().flatten()), ..known }
        } else {
            let mut numbers = days.iter().map(|days| self.small(*days, variables));
            let (Some(Some(many)), ago) = (numbers.next(), numbers.next().flatten().unwrap_or(0)) else {
                return nothing;
            };
            let today = self.as_of.date();
            let window = if function.ends_with("Weeks") {
                // One whole week after the other, back from the last that is over.
                let first = self.period("week", -ago - many).and_then(|(first, _)| first);
                first.zip(self.period("week", -ago - 1).and_then(|(_, last)| last))
            } else {
                today.plus_days(1 - ago - many).zip(today.plus_days(-ago))
            };
            Days { window, ..known }
        };
        match of {
            Thing::Events(events) => Thing::Events(Events { days, ..events }),
            Thing::Series(metric, _) => Thing::Series(metric, days),
            _ => nothing,
        }
    }

    /// From when to when days are asked; by week, whole weeks alone.
    fn bounds(&self, days: Days) -> (Option<Date>, Date) {
        let (first, last) = match (days.window, self.day) {
            (Some((first, last)), _) => (Some(first), last),
            (None, Some(day)) => (Some(day), day),
            (None, None) => (None, self.as_of.date()),
        };
        if days.weeks.is_none() {
            return (first, last);
        }
        let is_first = |day: &Date| (day.days() + 3 - self.week_begins()).rem_euclid(7) == 0;
        let mut from = first;
        while let Some(day) = from.filter(|day| !is_first(day)) {
            from = day.plus_days(1);
        }
        // Without a window, the current week is left out, though today may be its last day.
        let mut until = if days.window.is_some() { last } else { last.plus_days(-1).unwrap_or(last) };
        while let Some(before) = until.plus_days(1).filter(|next| !is_first(next)).and(until.plus_days(-1)) {
            until = before;
        }
        (from, until)
    }

    /// The whole weeks that are asked, from the first that has a day of some.
    fn weeks(&self, days: Days, with: Option<Date>) -> Vec<(Date, Date)> {
        let (first, last) = self.bounds(days);
        let mut weeks = Vec::new();
        let mut monday = last;
        while let Some(first_day) = monday.plus_days(-6) {
            let is_before = first.is_some_and(|first| first_day < first)
                || first.is_none() && with.is_none_or(|with| monday < with);
            if is_before {
                break;
            }
            weeks.insert(0, (first_day, monday));
            match first_day.plus_days(-1) {
                Some(before) => monday = before,
                None => break,
            }
        }
        weeks
    }

    /// Is a function one that reads each week of something?
    pub(super) fn is_by_week(&self, function: &str, of: NodeId, variables: &mut Variables<'v>) -> bool {
        let reads = matches!(
            function,
            "count" | "sum" | "avg" | "min" | "max" | "median" | "percentile" | "days" | "first" | "last"
        );
        reads
            && match self.thing(of, variables) {
                Thing::Events(Events { days, .. }) | Thing::Series(_, days) => days.weeks.is_some(),
                _ => false,
            }
    }

    /// What a call reads of each week.
    pub(super) fn weeks_of_call(
        &self,
        function: &str,
        arguments: &[NodeId],
        node: NodeId,
        variables: &mut Variables<'v>,
    ) -> Thing<'v> {
        let nothing = Thing::Value(None);
        let (Some(of), Some(kind)) = (arguments.first(), self.checked.kind_of(node)) else { return nothing };
        if self.is_unknown(None, *of, None, variables) {
            return nothing;
        }
        let share = arguments.get(1).and_then(|share| as_double(&self.value(*share, variables)?));
        let values = match self.thing(*of, variables) {
            Thing::Events(events) => self.of_weeks(&events, |week| self.read_of_events(function, week)),
            Thing::Series(metric, days) => {
                let asked = self.days_of(&metric);
                let mut values = Vec::new();
                for (first, last) in self.weeks(days, asked.iter().min().copied()) {
                    if days.weeks == Some(Weeks::All) || asked.iter().any(|day| (first..=last).contains(day))
                    {
                        let week = Days { window: Some((first, last)), weeks: None };
                        values.extend(self.read_of_series(function, share, &metric, week, node));
                    }
                }
                values
            }
            _ => return nothing,
        };
        Thing::Weeks(Series { values, kind: kind.clone() })
    }

    /// What is read of each week of some events.
    fn of_weeks(
        &self,
        events: &Events,
        mut read: impl FnMut(&Events) -> Option<ExprValue>,
    ) -> Vec<ExprValue> {
        let mut values = Vec::new();
        for week in self.weeks(events.days, events.rows.iter().map(|row| row.day).min()) {
            let days = Days { window: Some(week), weeks: None };
            let of_week = Events { rows: events.rows.clone(), days };
            if events.days.weeks == Some(Weeks::All) || self.rows_of(&of_week).next().is_some() {
                values.extend(read(&of_week));
            }
        }
        values
    }

    /// The rows on the days that are asked.
    pub(super) fn rows_of<'e>(
        &self,
        events: &'e Events,
    ) -> impl Iterator<Item = &'e Arc<EventRow>> + use<'e> {
        let (first, last) = self.bounds(events.days);
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
            return Thing::Events(Events { rows: rows.cloned().collect(), days: events.days });
        }
        if events.days.weeks.is_some() {
            let Some(result) = self.checked.kind_of(node) else { return Thing::Value(None) };
            let values = self.of_weeks(events, |week| {
                match self.lambda_over_events(kind, week, variable, body, node, variables) {
                    Thing::Value(value) => value,
                    _ => None,
                }
            });
            return Thing::Weeks(Series { values, kind: result.clone() });
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
        share: Option<f64>,
        metric: &str,
        asked: Days,
        node: NodeId,
    ) -> Option<ExprValue> {
        let checked = self.beside?.metric(metric)?;
        let last = asked.window.map_or_else(|| self.as_of.date(), |(_, last)| last);
        // Without a window, the series begins with the first day that has such events.
        let first = asked.window.map(|(first, _)| first);
        let first = first.or_else(|| self.days_of(metric).into_iter().filter(|day| *day <= last).min());
        let days =
            first.into_iter().flat_map(|first| (first.days()..=last.days()).filter_map(Date::from_days));
        let of_day = |day: Date| {
            let walk = Walk { checked, ast: checked.ast(), day: Some(day), ..*self };
            walk.operand(checked.ast().root(), &mut Vec::new()).widened(checked.kind())
        };
        if self.series_lacks(metric, asked) {
            return None;
        }
        let values: Vec<ExprValue> = days.filter_map(of_day).collect();
        self.read_of_values(reading, share, Series { values, kind: checked.kind().clone() }, node)
    }

    /// What is read of values, one for each day or week.
    pub(super) fn read_of_values(
        &self,
        reading: &str,
        share: Option<f64>,
        Series { values, kind }: Series,
        node: NodeId,
    ) -> Option<ExprValue> {
        let kind = Some(&kind);
        match reading {
            "count" => i64::try_from(values.len()).ok().map(ExprValue::Int),
            "sum" => added(&values, false, kind, kind).or_else(|| zero(kind?)),
            "avg" => added(&values, true, kind, self.checked.kind_of(node)),
            "min" | "max" => extreme(&values, reading == "min"),
            "median" => at_share(&values, 50.0),
            "percentile" => at_share(&values, share?),
            "first" => values.into_iter().next(),
            "last" => values.into_iter().next_back(),
            _ => None,
        }
    }

    /// Is there a day among those that are asked on which a rate is missing?
    pub(super) fn series_lacks(&self, metric: &str, asked: Days) -> bool {
        let Some(checked) = self.beside.and_then(|beside| beside.metric(metric)) else { return false };
        let (first, last) = self.bounds(asked);
        let lacks = |day: Date| {
            let walk = Walk { checked, ast: checked.ast(), day: Some(day), ..*self };
            walk.lacks_rate(checked.ast().root(), &mut Vec::new())
        };
        // Days before the first that counts may lack a rate, so that they may count.
        let from = self.first_asked(checked).map_or(last.days(), |first| first.days());
        let mut until = (from..=last.days()).filter_map(Date::from_days);
        until.any(|day| first.is_none_or(|first| first <= day) && lacks(day))
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

    /// The days on which there are events that a metric asks.
    fn days_of(&self, metric: &str) -> Vec<Date> {
        let Some(metric) = self.beside.and_then(|beside| beside.metric(metric)) else { return Vec::new() };
        let ast = metric.ast();
        let over = match ast.node(ast.root()) {
            Node::Call { arguments, .. } => arguments.first().copied(),
            Node::Macro { over, .. } => Some(over),
            _ => None,
        };
        let walk = Walk { checked: metric, ast, day: None, ..*self };
        match over.map(|over| walk.thing(over, &mut Vec::new())) {
            Some(Thing::Events(events)) => events.rows.iter().map(|row| row.day).collect(),
            _ => Vec::new(),
        }
    }
}

/// The least of some values that is no less than so many percent of them.
fn at_share(values: &[ExprValue], percent: f64) -> Option<ExprValue> {
    let operand = |value: &ExprValue| Operand::plain(Some(value.clone()));
    let order = |a: &ExprValue, b: &ExprValue| compared(&operand(a), &operand(b));
    let all = f64::from(u32::try_from(values.len()).ok()?);
    values
        .iter()
        .filter(|value| {
            let up_to =
                values.iter().filter(|other| order(other, value).is_some_and(Ordering::is_le)).count();
            u32::try_from(up_to).is_ok_and(|up_to| f64::from(up_to) * 100.0 >= percent * all - 1e-9)
        })
        .min_by(|a, b| order(a, b).unwrap_or(Ordering::Equal))
        .cloned()
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
