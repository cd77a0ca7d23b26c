//! What is an amount in another currency, and what is known of many of which one lacks a rate?
//!
//! Ruling S135. The tree is walked once more, and asked of every conversion whether there is an amount, and no answer.

use std::sync::Arc;

use super::usage::Events;
use super::values::all;
use super::{Beside, Thing, Variables, Walk, gone};
use crate::expr::{ExprValue, Literal, MacroKind, Node, NodeId};
use crate::testkit::number::Number;
use crate::testkit::oracle_roll_up::year_of;
use crate::{Currency, Decimal, Rates};

/// A collection with all that filters it.
struct Chain {
    /// What is filtered.
    base: NodeId,
    /// Variables and questions, the first first.
    filters: Vec<(Arc<str>, NodeId)>,
    with_cancelled: bool,
}

const fn converts(function: &str) -> bool {
    matches!(function.as_bytes(), b"convertTo" | b"convertAt" | b"convertAtPlan")
}

impl<'v> Walk<'_, 'v> {
    fn rates(&self) -> Option<&dyn Rates> {
        match self.beside {
            Some(beside) => beside.rates(),
            None => self.account.view().rates().map(|rates| &**rates),
        }
    }

    /// `amount.convertTo("EUR")` and its like, to 10^-9 minor units.
    pub(super) fn exchanged(
        &self,
        function: &str,
        arguments: &[NodeId],
        variables: &mut Variables<'v>,
    ) -> Option<ExprValue> {
        let [amount, to, day @ ..] = arguments else { return None };
        let to: Currency = self.text(*to, variables)?.parse().ok()?;
        let ExprValue::Money(amount, from) = self.value(*amount, variables)? else { return None };
        let rates = self.rates()?;
        let (today, view) = (self.as_of.date(), self.account.view());
        let on = match (function, day) {
            ("convertTo", []) => today,
            ("convertAtPlan", []) => year_of(view, today)?,
            ("convertAt", [day]) => self.day(*day, variables)?,
            _ => return None,
        };
        let rate = match function {
            _ if from == to => Decimal::new(1, 0),
            "convertAtPlan" => rates.plan(from, to, on)?,
            _ => rates.rate(from, to, on)?,
        };
        let digits = to.exponent() + 9;
        let product =
            Number::of(amount.units(), amount.scale()).times(&Number::of(rate.units(), rate.scale()));
        Some(ExprValue::Money(Decimal::new(product.rounded(digits.into())?, digits), to))
    }

    /// Has a part no value, and lacks a rate?
    pub(super) fn lacks(&self, node: NodeId, variables: &mut Variables<'v>) -> bool {
        self.lacks_rate(node, variables) && self.value(node, variables).is_none()
    }

    /// Is there an amount among those that a part is computed from that has no rate?
    pub(super) fn lacks_rate(&self, node: NodeId, variables: &mut Variables<'v>) -> bool {
        if !self.has_conversions(node) {
            return false;
        }
        match self.ast.node(node) {
            Node::Path(_) | Node::Member { .. } => {
                // What a definition says might as well be written here.
                let read = self.column_read(node, variables).zip(self.beside);
                read.is_some_and(|((name, account), beside)| beside.lacks_rate(&name, account))
            }
            Node::Call { function, arguments, .. } if converts(function) => {
                let amount = arguments.first().copied();
                let is_there = amount.is_some_and(|amount| self.value(amount, variables).is_some());
                is_there && self.value(node, variables).is_none()
                    || arguments.iter().any(|argument| self.lacks_rate(*argument, variables))
            }
            Node::Call { function, arguments: [of, ..], .. }
                if matches!(
                    &**function,
                    "count"
                        | "sum"
                        | "avg"
                        | "min"
                        | "max"
                        | "median"
                        | "percentile"
                        | "days"
                        | "first"
                        | "last"
                ) =>
            {
                self.lacks_many(*of, None, variables).contains(&true)
            }
            Node::Macro { over, variable, body, .. } => {
                self.lacks_many(over, Some((variable, body)), variables).contains(&true)
            }
            Node::Conditional { test, then, otherwise } => {
                let chosen = match self.truth(test, variables) {
                    Some(true) => self.lacks_rate(then, variables),
                    Some(false) => self.lacks_rate(otherwise, variables),
                    None => false,
                };
                chosen || self.lacks_rate(test, variables)
            }
            // These have an answer, whatever they are asked of.
            Node::Call { function, .. } if matches!(&**function, "has" | "isNot" | "isTrue") => false,
            other => {
                let settles = match other {
                    Node::And(_) | Node::Or(_) => true,
                    Node::Call { function, .. } => &**function == "coalesce",
                    _ => false,
                };
                let below: Vec<NodeId> = self.ast.below(node).collect();
                below.into_iter().any(|below| self.lacks_rate(below, variables))
                    && !(settles && self.value(node, variables).is_some())
            }
        }
    }

    /// May a rate be missing within a part of the expression? Parts without conversions are not evaluated.
    fn has_conversions(&self, node: NodeId) -> bool {
        let converting = self.beside.map(Beside::converting).unwrap_or_default();
        let mut left = vec![node];
        while let Some(node) = left.pop() {
            let converts = match self.ast.node(node) {
                Node::Call { function, .. } => converts(function),
                Node::Path(_) | Node::Member { .. } => {
                    let written = format!(".{}.", self.names_of(node).join("."));
                    converting.iter().any(|name| written.contains(&format!(".{name}.")))
                }
                Node::Literal(Literal::Text(text)) => converting.iter().any(|name| **name == **text),
                _ => false,
            };
            if converts {
                return true;
            }
            left.extend(self.ast.below(node));
        }
        false
    }

    /// Is nothing known of what a macro, or a call at its end, gathers?
    pub(super) fn is_unknown(
        &self,
        kind: Option<MacroKind>,
        over: NodeId,
        body: Option<(&Arc<str>, NodeId)>,
        variables: &mut Variables<'v>,
    ) -> bool {
        let converts = self.has_conversions(over) || body.is_some_and(|(_, body)| self.has_conversions(body));
        if !converts {
            return false;
        }
        let is_list = matches!(self.thing(self.filtered(over).base, variables), Thing::Value(_));
        match kind {
            Some(MacroKind::Filter | MacroKind::Where | MacroKind::Map) => false,
            // With three answers, it says itself where one is not known.
            Some(MacroKind::Exists | MacroKind::All | MacroKind::ExistsOne) => {
                !is_list && self.lacks_many(over, None, variables)[0]
            }
            _ => self.lacks_many(over, body, variables).contains(&true),
        }
    }

    fn filtered(&self, over: NodeId) -> Chain {
        let mut chain = Chain { base: over, filters: Vec::new(), with_cancelled: false };
        loop {
            match self.ast.node(chain.base) {
                Node::Macro { kind: MacroKind::Filter | MacroKind::Where, over, variable, body } => {
                    chain.filters.insert(0, (variable.clone(), body));
                    chain.base = over;
                }
                Node::Call { function, arguments: [of, ..], .. }
                    if matches!(
                        &**function,
                        "withCancelled"
                            | "lastDays"
                            | "prevDays"
                            | "lastWeeks"
                            | "prevWeeks"
                            | "weekly"
                            | "between"
                    ) =>
                {
                    chain.with_cancelled |= &**function == "withCancelled";
                    chain.base = *of;
                }
                _ => return chain,
            }
        }
    }

    /// Is there one of many of which it is not known whether it passes the filters, and is there one that passes and whose value is not known,
    /// for want of a rate?
    fn lacks_many(
        &self,
        over: NodeId,
        body: Option<(&Arc<str>, NodeId)>,
        variables: &mut Variables<'v>,
    ) -> [bool; 2] {
        let chain = self.filtered(over);
        let list = matches!(self.thing(chain.base, variables), Thing::Value(_));
        // Of a list, what is filtered is a list.
        let (base, filters) = if list { (over, Vec::new()) } else { (chain.base, chain.filters) };
        let mut lacks = [false; 2];
        let things: Vec<Thing<'v>> = match (self.thing(base, variables), self.thing(over, variables)) {
            (Thing::Walk(accounts), _) => {
                let asked = accounts.into_iter().filter(|one| chain.with_cancelled || !gone(one));
                asked.map(|account| Thing::Account(Some(account))).collect()
            }
            (Thing::Accounts(accounts), _) => {
                accounts.into_iter().map(|account| Thing::Account(Some(account))).collect()
            }
            (Thing::Rows(rows), _) => rows.into_iter().map(Thing::Row).collect(),
            (Thing::Value(Some(ExprValue::List(items))), _) => {
                items.iter().map(|item| Thing::Value(Some(item.clone()))).collect()
            }
            (_, Thing::Series(metric, days)) => {
                lacks[0] = self.series_lacks(&metric, days);
                Vec::new()
            }
            // All of the days that are asked, whatever filters them.
            (Thing::Events(all), Thing::Events(asked)) => {
                let asked = Events { rows: all.rows, ..asked };
                self.rows_of(&asked).map(|row| Thing::Event(row.clone())).collect()
            }
            _ => Vec::new(),
        };
        if list {
            lacks[0] = self.lacks(over, variables);
        }
        for thing in things {
            let (mut truths, mut unrated) = (Vec::new(), false);
            for (variable, filter) in &filters {
                variables.push((variable.clone(), thing.clone()));
                truths.push(self.truth(*filter, variables));
                unrated |= self.lacks_rate(*filter, variables);
                variables.pop();
            }
            match (all(&truths), body) {
                (None, _) => lacks[0] |= unrated,
                (Some(true), Some((variable, body))) => {
                    variables.push((variable.clone(), thing));
                    lacks[1] |= self.lacks(body, variables);
                    variables.pop();
                }
                _ => {}
            }
        }
        lacks
    }
}
