//! Is a value of a column missing because an exchange rate is missing?
//!
//! Ruling S135 of [`docs::semantics`](crate::docs::semantics). An aggregate over a column has no value when one of the values is missing for want of a rate. So for
//! each column that converts amounts, or reads such a column, the catalog maintains a second, boolean column: `true` where a rate is missing. Aggregates read
//! both. The name of the second column contains a control character, so no definition can have it and no expression can write it. A metric is not a
//! column; aggregates of a metric count its events without a rate instead.

use std::sync::Arc;

use super::check::not_cancelled;
use super::checked::Checked;
use super::exchange::Exchange;
use super::names::{Names, Of};
use super::resolve::{Linked, place};
use super::term::{
    Asker, Cell, Comparison, Conversion, Day, Gather, Moment, Op, Over, Reading, SlotOf, TermId, Terms,
    Usage, Values, Walk,
};
use super::types::Type;
use crate::fold::RateKind;

/// Suffix of the boolean column's name. Ids and names never contain control characters.
const SUFFIX: &str = "\u{1}rate missing";

/// The name of the boolean column that says where a rate of `column` is missing.
pub(crate) fn rate_missing_column(column: &str) -> Arc<str> {
    Arc::from(format!("{column}{SUFFIX}"))
}

/// Was the name made by [`rate_missing_column`]?
pub(crate) fn is_rate_missing_column(name: &str) -> bool {
    name.ends_with(SUFFIX)
}

/// How an expression finds out whether a rate of a column or metric is missing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum MissingRateFlag {
    /// It reads the boolean column of this name.
    Column(Arc<str>),
    /// It counts the metric's events without a rate in the same window.
    Events(UnratedEvents),
}

/// The terms that count a metric's events without a rate.
#[derive(Debug, Clone)]
pub(crate) struct UnratedEvents {
    terms: Terms,
    count: TermId,
}

impl PartialEq for UnratedEvents {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count && self.terms.slots == other.terms.slots && self.terms.is_same(&other.terms)
    }
}

impl UnratedEvents {
    /// `None` if the metric converts nothing.
    pub(crate) fn of(metric: &Checked) -> Option<Self> {
        let (terms, root) = metric.terms();
        let Op::Usage(_, usage, _) = terms.op(root) else { return None };
        let counted = Usage { filters: [usage.lacks?].into(), lacks: None, ..(**usage).clone() };
        let mut terms = terms.clone();
        let count = terms.add(Op::Usage(Reading::Count, counted.into(), None));
        let (terms, roots) = terms.pruned(&[count]);
        Some(Self { terms, count: roots.first().copied().unwrap_or(TermId::NONE) })
    }

    /// Adds the terms to those of an expression, and returns the events to count, without a window.
    pub(super) fn join(&self, terms: &mut Terms) -> Option<Usage> {
        let count = place(&terms.join(&self.terms, &Linked::new()), self.count);
        match terms.op(count) {
            Op::Usage(_, events, _) => Some((**events).clone()),
            _ => None,
        }
    }
}

/// An amount of a row and its conversion.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExchangedAmount<'r> {
    pub(crate) what: Exchange,
    pub(crate) amount: &'r Checked,
    pub(crate) currency: Option<&'r Checked>,
    /// The date of the rate; `None` if it is the question's date, or its fiscal year for a plan rate.
    pub(crate) day: Option<&'r Checked>,
}

/// The rows of a roll-up and everything in them that needs a rate.
#[derive(Debug, Clone)]
pub(crate) struct ConvertedRows<'r> {
    pub(crate) of: Of<'r>,
    /// Of events, the window in days; `None` if all are read.
    pub(crate) last_days: Option<u32>,
    /// The accounts whose rows are read; `None` if only the account's own.
    pub(crate) walk: Option<Walk>,
    pub(crate) with_cancelled: bool,
    pub(crate) filter: Option<&'r Checked>,
    /// For the filter, the value and the second value: is a rate missing?
    pub(crate) lacks: [Option<&'r Checked>; 3],
    pub(crate) amounts: Vec<ExchangedAmount<'r>>,
    /// Codes of the account types that receive an answer; `None` if all do.
    pub(crate) levels: Option<Vec<i64>>,
}

impl ConvertedRows<'_> {
    /// The boolean expression of a roll-up, given its name and type: it has no value, and a rate is missing for a row within its reach that passes the filter, or for the
    /// filter itself. `None` if no rate is needed. `template` is any expression of the roll-up.
    pub(crate) fn rate_missing(
        &self,
        (name, kind): (&str, &Type),
        template: &Checked,
        names: &dyn Names,
    ) -> Option<Checked> {
        let mut build = Builder { terms: Terms::sharing(), of: self.of };
        let row = build.row(self)?;
        let own = build.of_account(row, self.last_days);
        let kept = if self.with_cancelled { None } else { not_cancelled(names, &mut build.terms) };
        let found = match self.walk {
            None => build.terms.all(kept.into_iter().chain([own])),
            Some(walk) => build.exists(Over::Walk(walk), kept.into_iter().collect(), own),
        };
        let column = build.terms.slot(&SlotOf::Account, &name.into(), kind);
        let mut all = vec![build.terms.missing(column)];
        if let (Some(levels), Some(types)) = (&self.levels, names.account_types()) {
            let kind = build.terms.slot(&SlotOf::Account, &"account_type".into(), &Type::Enum(types));
            let mut codes = levels.clone();
            codes.sort_unstable();
            codes.dedup();
            all.push(build.terms.add(Op::OneOf(kind, codes.into_iter().map(Cell::Int).collect())));
        }
        all.push(found);
        let root = build.terms.all(all);
        let root = build.terms.or_no(root);
        Some(template.with_terms(names, &build.terms, root))
    }
}

/// Builds the terms of a roll-up's boolean expression.
struct Builder<'r> {
    terms: Terms,
    of: Of<'r>,
}

impl Builder<'_> {
    /// The value of an expression for a row.
    fn expression(&mut self, checked: &Checked) -> TermId {
        let (terms, root) = checked.terms();
        let id = place(&self.terms.join(terms, &Linked::new()), root);
        // Expressions over rows are checked as the body of an operation over all rows.
        let body = match (self.of, self.terms.op(id)) {
            (Of::Account, _) => None,
            (_, Op::Gather { body, .. } | Op::Usage(_, _, body)) => *body,
            _ => None,
        };
        body.unwrap_or(id)
    }

    /// Is a rate missing for a row? `None` if none is needed.
    fn row(&mut self, rows: &ConvertedRows<'_>) -> Option<TermId> {
        let [filter, first, second] = rows.lacks.map(|lacks| lacks.map(|lacks| self.expression(lacks)));
        let mut values: Vec<TermId> = first.into_iter().chain(second).collect();
        for amount in &rows.amounts {
            values.push(self.unconverted(*amount));
        }
        let value = self.terms.any(values);
        let value = value.map(|value| match rows.filter {
            Some(filter) => {
                let passes = self.expression(filter);
                self.terms.all([passes, value])
            }
            None => value,
        });
        let found = self.terms.any(filter.into_iter().chain(value).collect())?;
        Some(self.terms.or_no(found))
    }

    /// Does a row have an amount, and no rate for it?
    fn unconverted(
        &mut self,
        ExchangedAmount { what, amount, currency, day }: ExchangedAmount<'_>,
    ) -> TermId {
        let amount = self.expression(amount);
        let currency = currency.map(|currency| {
            let id = self.expression(currency);
            match currency.kind() {
                Type::Enum(values) | Type::Band(values) => {
                    self.terms.add(Op::Convert(Conversion::CodeToText(Values(values.clone())), id))
                }
                _ => id,
            }
        });
        let day = match (day, what.kind) {
            (Some(day), _) => self.expression(day),
            (None, RateKind::Plan) => self.day(Day::PlanYear),
            (None, RateKind::Market) => self.day(Day::Today(0)),
        };
        let has = self.terms.add(Op::Has(amount));
        let converted = self.terms.add(Op::Exchange { what, amount, currency, day });
        let missing = self.terms.missing(converted);
        self.terms.all([has, missing])
    }

    /// Is a rate missing for one of the account's own rows?
    fn of_account(&mut self, row: TermId, last_days: Option<u32>) -> TermId {
        match self.of {
            Of::Account => row,
            Of::Table(table) => self.exists(Over::Table(table.into()), Box::default(), row),
            Of::Event(event) => {
                let window = last_days.map(|days| {
                    let days = i32::try_from(days).unwrap_or(i32::MAX);
                    (self.day(Day::Today(1 - days)), self.day(Day::Today(0)))
                });
                let (name, filters) = (event.into(), [row].into());
                let events = Usage { name, is_metric: false, window, weeks: None, filters, lacks: None };
                let count = self.terms.add(Op::Usage(Reading::Count, events.into(), None));
                let zero = self.terms.add(Op::Const(Cell::Int(0)));
                self.terms.add(Op::Compare(Comparison::Greater, count, zero))
            }
        }
    }

    fn exists(&mut self, over: Over, filters: Box<[TermId]>, body: TermId) -> TermId {
        let (asker, what) = (Asker::default(), Gather::Exists);
        self.terms.add(Op::Gather { asker, what, over, filters, body: Some(body) })
    }

    fn day(&mut self, day: Day) -> TermId {
        self.terms.add(Op::Moment(Moment::Day(day)))
    }
}
