//! When has a column no value for want of a rate?
//!
//! Ruling S135 of [`docs::semantics`](crate::docs::semantics). Who gathers the values of a column must know of those that are missing for want
//! of a rate. So beside a column that converts amounts, or reads such a column, a catalog keeps another one, which says so for each account; its name cannot
//! be written, and whoever gathers the column reads both. A metric has no column: who reads it counts the events that lack a rate.

use std::sync::Arc;

use super::check::not_cancelled;
use super::checked::Checked;
use super::exchange::Exchange;
use super::names::Names;
use super::resolve::{Linked, place};
use super::term::{
    Asker, Cell, Comparison, Conversion, Day, Gather, Moment, Op, Over, Reading, SlotOf, TermId, Terms,
    Usage, Values, Walk,
};
use super::types::Type;
use crate::fold::RateKind;

/// Behind the name of a column, the name of the one that says whether it lacks a rate. No name has a control character.
const LACKS: &str = "\u{1}lacks a rate";

/// The name of the column that says whether another one lacks a rate.
pub(crate) fn lacking_column(of: &str) -> Arc<str> {
    Arc::from(format!("{of}{LACKS}"))
}

/// Is it the name of a column that says whether another one lacks a rate?
pub(crate) fn is_lacking_column(name: &str) -> bool {
    name.ends_with(LACKS)
}

/// By what is it known whether a name lacks a rate?
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LacksRate {
    /// The column of this name says so.
    Column(Arc<str>),
    /// A day of the metric lacks one where there is such an event.
    Events(LackingEvents),
}

/// How many events of a metric lack a rate.
#[derive(Debug, Clone)]
pub(crate) struct LackingEvents {
    terms: Terms,
    count: TermId,
}

impl PartialEq for LackingEvents {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count && self.terms.slots == other.terms.slots && self.terms.is_same(&other.terms)
    }
}

impl LackingEvents {
    /// Those of a metric; `None` where it needs no rate.
    pub(crate) fn of(metric: &Checked) -> Option<Self> {
        let (terms, root) = metric.terms();
        let Op::Usage(_, usage, _) = terms.op(root) else { return None };
        let counted = Usage { filters: [usage.lacks?].into(), lacks: None, ..(**usage).clone() };
        let mut terms = terms.clone();
        let count = terms.add(Op::Usage(Reading::Count, counted.into(), None));
        let (terms, roots) = terms.pruned(&[count]);
        Some(Self { terms, count: roots.first().copied().unwrap_or(TermId::NONE) })
    }

    /// The events that are counted, with their terms among others.
    pub(super) fn join(&self, terms: &mut Terms) -> Option<Usage> {
        let count = place(&terms.join(&self.terms, &Linked::new()), self.count);
        match terms.op(count) {
            Op::Usage(_, events, _) => Some((**events).clone()),
            _ => None,
        }
    }
}

/// What the rows of a roll-up are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RowsOf<'r> {
    Accounts,
    Table(&'r str),
    /// Of the last days, where these are counted.
    Events(&'r str, Option<u32>),
}

/// An amount of a row, and what it is converted by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExchangedAmount<'r> {
    pub(crate) what: Exchange,
    pub(crate) amount: &'r Checked,
    pub(crate) currency: Option<&'r Checked>,
    /// The day of the rate; `None` where it is that of the question.
    pub(crate) day: Option<&'r Checked>,
}

/// What a roll-up reads of each row, as far as a rate may be missing.
#[derive(Debug, Clone)]
pub(crate) struct RatedRows<'r> {
    pub(crate) rows: RowsOf<'r>,
    /// The accounts whose rows are read; `None` where it is the account itself alone.
    pub(crate) walk: Option<Walk>,
    pub(crate) with_cancelled: bool,
    pub(crate) filter: Option<&'r Checked>,
    /// Do the filter, the value and the second value lack a rate?
    pub(crate) lacks: [Option<&'r Checked>; 3],
    pub(crate) amounts: Vec<ExchangedAmount<'r>>,
    /// The types of accounts that receive an answer, by their place; `None` where all do.
    pub(crate) levels: Option<Vec<i64>>,
}

impl RatedRows<'_> {
    /// The question whether a roll-up, by its name and type, lacks a rate: it has no value, and a row within its reach, which passes the filter or of which that
    /// is not known, lacks one. `None` where none is needed. `alike` is one of its expressions.
    pub(crate) fn question(
        &self,
        (name, kind): (&str, &Type),
        alike: &Checked,
        names: &dyn Names,
    ) -> Option<Checked> {
        let mut ask = Asking { terms: Terms::sharing(), over: self.rows };
        let row = ask.row(self)?;
        let own = ask.of_account(row);
        let kept = if self.with_cancelled { None } else { not_cancelled(names, &mut ask.terms) };
        let found = match self.walk {
            None => ask.all(kept.into_iter().chain([own])),
            Some(walk) => {
                let filters: Box<[TermId]> = kept.into_iter().collect();
                ask.exists(Over::Walk(walk), filters, own)
            }
        };
        let column = ask.terms.slot(&SlotOf::Account, &name.into(), kind);
        let missing = ask.without(column);
        let mut asked = vec![missing];
        if let (Some(levels), Some(types)) = (&self.levels, names.account_types()) {
            let kind = ask.terms.slot(&SlotOf::Account, &"account_type".into(), &Type::Enum(types));
            let mut codes = levels.clone();
            codes.sort_unstable();
            codes.dedup();
            asked.push(ask.terms.add(Op::OneOf(kind, codes.into_iter().map(Cell::Int).collect())));
        }
        asked.push(found);
        let root = ask.all(asked.into_iter());
        let root = ask.or_no(root);
        Some(alike.asking(names, &ask.terms, root))
    }
}

/// Terms on their way.
struct Asking<'r> {
    terms: Terms,
    over: RowsOf<'r>,
}

impl Asking<'_> {
    /// What an expression gives for a row.
    fn expression(&mut self, checked: &Checked) -> TermId {
        let (terms, root) = checked.terms();
        let id = place(&self.terms.join(terms, &Linked::new()), root);
        let body = match (self.over, self.terms.op(id)) {
            (RowsOf::Accounts, _) => None,
            (_, Op::Gather { body, .. } | Op::Usage(_, _, body)) => *body,
            _ => None,
        };
        body.unwrap_or(id)
    }

    /// Does a row lack a rate? `None` where none is needed.
    fn row(&mut self, rows: &RatedRows<'_>) -> Option<TermId> {
        let [unclear, first, second] = rows.lacks.map(|lacks| lacks.map(|lacks| self.expression(lacks)));
        let mut values: Vec<TermId> = first.into_iter().chain(second).collect();
        for amount in &rows.amounts {
            values.push(self.unconverted(*amount));
        }
        let value = self.any(values);
        let value = value.map(|value| match rows.filter {
            Some(filter) => {
                let passes = self.expression(filter);
                self.all([passes, value].into_iter())
            }
            None => value,
        });
        let found = self.any(unclear.into_iter().chain(value).collect())?;
        Some(self.or_no(found))
    }

    /// Is there an amount that is not converted?
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
        let missing = self.without(converted);
        self.all([has, missing].into_iter())
    }

    /// The question of each of its rows, asked of an account.
    fn of_account(&mut self, row: TermId) -> TermId {
        match self.over {
            RowsOf::Accounts => row,
            RowsOf::Table(table) => self.exists(Over::Table(table.into()), Box::default(), row),
            RowsOf::Events(event, last_days) => {
                let window = last_days.map(|days| {
                    let days = i32::try_from(days).unwrap_or(i32::MAX);
                    (self.day(Day::Today(1 - days)), self.day(Day::Today(0)))
                });
                let filters = [row].into();
                let name = event.into();
                let usage = Usage { name, is_metric: false, window, weeks: None, filters, lacks: None };
                let count = self.terms.add(Op::Usage(Reading::Count, usage.into(), None));
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

    fn without(&mut self, value: TermId) -> TermId {
        let has = self.terms.add(Op::Has(value));
        self.terms.add(Op::Not(has))
    }

    fn or_no(&mut self, question: TermId) -> TermId {
        let no = self.terms.add(Op::Const(Cell::Bool(false)));
        self.terms.add(Op::Coalesce([question, no].into()))
    }

    fn all(&mut self, questions: impl Iterator<Item = TermId>) -> TermId {
        let all: Box<[TermId]> = questions.collect();
        match &*all {
            [only] => *only,
            _ => self.terms.add(Op::And(all)),
        }
    }

    fn any(&mut self, questions: Vec<TermId>) -> Option<TermId> {
        match &*questions {
            [] => None,
            [only] => Some(*only),
            _ => Some(self.terms.add(Op::Or(questions.into()))),
        }
    }
}
