//! At which rate is an amount converted before it is merged?
//!
//! Ruling S126 of [`docs::semantics`](crate::docs::semantics).

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::evaluate::ReadPlaces;
use super::fault::RollUpFaultKind;
use super::own_columns::OwnColumns;
use super::state::Read;
use crate::expr::{
    BinaryOp, Checked, DERIVED_DIGITS, Exchange, ExchangedAmount, Literal, Node, NodeId, Type, Unrated, Val,
    exchanged, rate,
};
use crate::fold::RateKind;
use crate::model::{AsOf, AttributeType, Currency, Date, Decimal, Rates};

/// To which currency amounts are converted, as an administrator writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Conversion {
    pub(super) to: Currency,
    /// The day of the rate, an expression over a row; without it the day of the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Arc<str>>,
    /// At the rate that a plan reckons with in the fiscal year of the question.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) plan: bool,
}

/// A conversion that makes sense.
#[derive(Debug, Clone)]
pub(in crate::aggregate) struct CheckedConversion {
    to: Currency,
    /// Digits of the converted amounts.
    digits: u8,
    /// Currency of the value and of the second value; `None` where that is not money.
    from: [Option<Denomination>; 2],
    pub(super) date: Option<Checked>,
    plan: bool,
}

impl CheckedConversion {
    const fn kind(&self) -> RateKind {
        if self.plan { RateKind::Plan } else { RateKind::Market }
    }
}

/// In which currency an amount is.
#[derive(Debug, Clone)]
enum Denomination {
    /// Always in one, with so many digits.
    One(Currency, u8),
    /// In that which another column of the row says, in its minor units.
    Row(Box<Checked>),
    /// In the other one already: the filter passes no amount of another.
    Filtered,
}

impl Denomination {
    const fn column(&self) -> Option<&Checked> {
        match self {
            Self::One(..) | Self::Filtered => None,
            Self::Row(checked) => Some(checked),
        }
    }
}

impl Conversion {
    /// The day of the rate, as it is written.
    pub(super) const fn day(&self) -> Option<&Arc<str>> {
        self.at.as_ref()
    }

    /// The conversion of a value and a second value; `check` checks the column that says in which currency an amount is.
    pub(super) fn check(
        &self,
        columns: Option<&OwnColumns<'_>>,
        values: [Option<&Checked>; 2],
        date: Option<Checked>,
        check: &dyn Fn(&str) -> Result<Checked, RollUpFaultKind>,
    ) -> Result<CheckedConversion, RollUpFaultKind> {
        let unfit = |why: String| Err(RollUpFaultKind::Operator(why));
        if let Some(kind) = date.as_ref().map(Checked::kind).filter(|kind| **kind != Type::Date) {
            return unfit(format!("the day of the rate is {kind}, no date"));
        }
        if self.plan && self.at.is_some() {
            return unfit("a plan rate is that of a fiscal year, and of no day of a row".to_owned());
        }
        let mut from = [None, None];
        for (from, value) in from.iter_mut().zip(values) {
            *from = match value.map(|value| (value, value.kind())) {
                Some((_, Type::Money { currency, scale })) => Some(Denomination::One(*currency, *scale)),
                Some((value, Type::MixedMoney)) => match columns.and_then(|of| currency_column(value, of)) {
                    Some((columns, name)) => {
                        Some(Denomination::Row(Box::new(check(&columns.written(&name))?)))
                    }
                    None => {
                        let why = "of amounts in several currencies a column of the row itself is converted";
                        return unfit(why.to_owned());
                    }
                },
                _ => None,
            };
        }
        if from.iter().all(Option::is_none) {
            return unfit("it converts amounts, and reads none".to_owned());
        }
        let digits = self.to.exponent() + DERIVED_DIGITS;
        Ok(CheckedConversion { to: self.to, digits, from, date, plan: self.plan })
    }
}

/// The column that says in which currency a column of amounts is.
fn currency_column<'c, 's>(
    value: &Checked,
    columns: &'c OwnColumns<'s>,
) -> Option<(&'c OwnColumns<'s>, Arc<str>)> {
    match columns.plain(value.ast(), value.ast().root())?.kind() {
        AttributeType::MixedMoney { currency_column } => Some((columns, currency_column.clone())),
        _ => None,
    }
}

/// The currency that a filter leaves of a column of currencies: `row.currency == "EUR"`, by itself or beside others.
fn only_currency(filter: &Checked, columns: &OwnColumns<'_>, wanted: &str) -> Option<Currency> {
    let ast = filter.ast();
    let one = |node: NodeId| match ast.node(node) {
        Node::Chain { operands: [of, with], operators: [BinaryOp::Equal] } => {
            let [of, with] = if columns.name(ast, *of).is_some() { [of, with] } else { [with, of] };
            match ast.node(*with) {
                Node::Literal(Literal::Text(text)) if columns.name(ast, *of).as_deref() == Some(wanted) => {
                    text.parse().ok()
                }
                _ => None,
            }
        }
        _ => None,
    };
    match ast.node(ast.root()) {
        Node::And(parts) => parts.iter().find_map(|part| one(*part)),
        _ => one(ast.root()),
    }
}

impl CheckedConversion {
    /// Of amounts of several currencies of which a filter passes one only; `None` where it does not.
    pub(super) fn filtered(
        columns: &OwnColumns<'_>,
        values: [Option<&Checked>; 2],
        filter: &Checked,
    ) -> Option<Self> {
        let mut to = None;
        let mut from = [None, None];
        for (from, value) in from.iter_mut().zip(values) {
            let Some(value) = value.filter(|value| *value.kind() == Type::MixedMoney) else { continue };
            let (columns, column) = currency_column(value, columns)?;
            let only = only_currency(filter, columns, &column)?;
            if to.is_some_and(|to| to != only) {
                return None;
            }
            (to, *from) = (Some(only), Some(Denomination::Filtered));
        }
        to.map(|to| Self { to, digits: to.exponent(), from, date: None, plan: false })
    }

    /// The types of the values, once they are converted.
    pub(super) fn kinds(&self, mut values: [Option<Type>; 2]) -> [Option<Type>; 2] {
        for (kind, _) in values.iter_mut().zip(&self.from).filter(|(_, from)| from.is_some()) {
            *kind = Some(Type::Money { currency: self.to, scale: self.digits });
        }
        values
    }

    /// What it reads of a row: the currencies of both values, and the day.
    pub(super) fn expressions(&self) -> [Option<&Checked>; 3] {
        let [first, second] = self.from.each_ref().map(|from| from.as_ref().and_then(Denomination::column));
        [first, second, self.date.as_ref()]
    }

    /// Which of two values are converted, and by what.
    pub(super) fn amounts<'r>(&'r self, values: [Option<&'r Checked>; 2]) -> Vec<ExchangedAmount<'r>> {
        let amount = |(from, amount): (&'r Option<Denomination>, Option<&'r Checked>)| {
            let (from, currency) = match from.as_ref()? {
                Denomination::One(currency, digits) => (Some((*currency, *digits)), None),
                Denomination::Row(column) => (None, Some(&**column)),
                Denomination::Filtered => return None,
            };
            let what = Exchange { to: self.to, digits: self.digits, from, kind: self.kind() };
            Some(ExchangedAmount { what, amount: amount?, currency, day: self.date.as_ref() })
        };
        self.from.iter().zip(values).filter_map(amount).collect()
    }

    /// Are rates needed?
    pub(super) fn needs_rates(&self) -> bool {
        self.from.iter().flatten().any(|from| !matches!(from, Denomination::Filtered))
    }

    /// The currency that amounts are converted to.
    pub(super) const fn to(&self) -> Currency {
        self.to
    }

    /// Is the rate that of the day of the question, or of its year?
    pub(super) fn reads_today(&self) -> bool {
        self.date.is_none() && self.needs_rates()
    }
}

/// A conversion at rates, at one moment.
pub(super) struct Converting<'r> {
    of: &'r CheckedConversion,
    /// Without them no amount is known.
    rates: Option<&'r dyn Rates>,
    /// The day of rates of the question, or the first day of its fiscal year where a plan is asked.
    today: Option<Date>,
    /// The rates that were asked: a question has one answer.
    asked: RefCell<HashMap<(Currency, Date), Option<Decimal>>>,
}

impl<'r> Converting<'r> {
    pub(super) fn new(of: &'r CheckedConversion, rates: Option<&'r dyn Rates>, as_of: &AsOf) -> Self {
        let day = as_of.date();
        let today = if of.plan { as_of.fiscal().year_of(day) } else { Some(day) };
        Self { of, rates, today, asked: RefCell::default() }
    }

    /// The currency that amounts are converted to.
    pub(super) const fn to(&self) -> Currency {
        self.of.to
    }

    /// A row with its values converted; `cell` reads a column of the row by its number.
    pub(super) fn read<'c>(
        &self,
        mut row: Read<'c>,
        places: &ReadPlaces,
        cell: &dyn Fn(usize) -> Val<'c>,
    ) -> Read<'c> {
        let on = match places.date.map(cell) {
            None => self.today,
            Some(Val::Int(day)) => i32::try_from(day).ok().and_then(Date::from_days),
            Some(_) => None,
        };
        let convert = |value: &Val<'_>, from: &Denomination, place: Option<usize>| {
            let units = match value {
                Val::Int(units) => i128::from(*units),
                Val::Wide(units) => *units,
                _ => return (Val::Missing, None),
            };
            let currency = place.map(cell);
            match self.amount(units, from, currency.as_ref(), on) {
                Ok(units) => (Val::Wide(units), None),
                Err(unknown) => (Val::Missing, Some(unknown)),
            }
        };
        let [first, second] = &self.of.from;
        if let Some(from) = first {
            (row.first, row.unrated[0]) = convert(&row.first, from, places.currencies[0]);
        }
        if let (Some(from), Some(value)) = (second, &mut row.second) {
            (*value, row.unrated[1]) = convert(value, from, places.currencies[1]);
        }
        row
    }

    /// An amount in the other currency.
    fn amount(
        &self,
        units: i128,
        from: &Denomination,
        currency: Option<&Val<'_>>,
        on: Option<Date>,
    ) -> Result<i128, Unrated> {
        let kind = self.of.kind();
        let (currency, digits) = match from {
            Denomination::Filtered => return Ok(units),
            Denomination::One(currency, digits) => (*currency, *digits),
            Denomination::Row(of) => {
                let currency = currency.and_then(|currency| currency_of(currency, of.kind()));
                let currency = currency.ok_or(Unrated { from: None, kind, on, rate: None })?;
                (currency, currency.exponent())
            }
        };
        exchanged((units, digits), (currency, kind, on), self.of.digits, |from, on| self.rate(from, on))
    }

    fn rate(&self, from: Currency, on: Date) -> Option<Decimal> {
        let rates = self.rates?;
        let ask = || rate((from, self.of.to), on, self.of.kind(), rates);
        *self.asked.borrow_mut().entry((from, on)).or_insert_with(ask)
    }
}

/// The currency that a column of a row says.
fn currency_of(value: &Val<'_>, kind: &Type) -> Option<Currency> {
    match (value, kind) {
        (Val::Text(text), _) => text.parse().ok(),
        (Val::Int(code), Type::Enum(values) | Type::Band(values)) => {
            values.text(u16::try_from(*code).ok()?)?.parse().ok()
        }
        (value, kind) => value.to_value(kind)?.to_string().parse().ok(),
    }
}
