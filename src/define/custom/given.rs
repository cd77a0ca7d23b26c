//! What is computed for one account, and of what?

use std::sync::Arc;

use super::{CustomKind, InputType};
use crate::define::{Argument, Arguments, RowFunction};
use crate::expr::{Cell, ExprValue, Type, Val};
use crate::model::{AsOf, Currency, Date, Decimal, Rates};

/// What a [`CustomKind`] computes, in place.
#[derive(Debug)]
pub(super) struct Computed {
    pub(super) kind: Arc<dyn CustomKind>,
    pub(super) inputs: Vec<InputType>,
    pub(super) outputs: Arc<[Type]>,
}

impl RowFunction for Computed {
    fn row(&self, arguments: &Arguments<'_>, outputs: &mut [Cell]) {
        let given =
            arguments.all.iter().zip(&self.inputs).map(|(argument, kind)| given(argument, kind)).collect();
        let found =
            self.kind.compute(&CustomInputs { given, as_of: arguments.as_of, rates: arguments.rates });
        for ((value, kind), cell) in found.iter().zip(&*self.outputs).zip(outputs) {
            let value = value.as_ref().and_then(|value| Val::of_shown(value, kind).to_cell());
            *cell = value.unwrap_or(Cell::Missing);
        }
    }
}

/// An argument as the host sees it.
fn given(argument: &Argument<'_>, kind: &InputType) -> InputValue {
    match (argument, kind) {
        (Argument::Value(value), InputType::Value(kind)) => InputValue::Value(value.to_value(kind)),
        (Argument::Rows(rows), InputType::Rows(kinds)) => {
            let value = |(cell, kind): (&Cell, &Type)| Val::of_cell(cell).to_value(kind);
            InputValue::Rows(rows.iter().map(|row| row.iter().zip(kinds).map(value).collect()).collect())
        }
        (Argument::Records(days), InputType::Records(kind)) => InputValue::Records(
            days.iter().map(|(day, cell)| (*day, Val::of_cell(cell).to_value(kind))).collect(),
        ),
        _ => InputValue::Value(None),
    }
}

/// What a [`CustomKind`] is given in place of one input.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum InputValue {
    /// A value; `None` where there is none.
    Value(Option<ExprValue>),
    /// Rows, and the values of each.
    Rows(Vec<Vec<Option<ExprValue>>>),
    /// Days and their values, in order.
    Records(Vec<(Date, Option<ExprValue>)>),
}

/// What a [`CustomKind`] is given of one account.
///
/// ```
/// use perennial::catalog::{CustomInputs, InputValue};
/// use perennial::expr::ExprValue;
///
/// // For tests of a kind by itself.
/// let inputs = CustomInputs::new(vec![InputValue::Value(Some(ExprValue::Int(3))), InputValue::Rows(vec![])]);
/// assert_eq!(inputs.value(0), Some(&ExprValue::Int(3)));
/// assert_eq!((inputs.value(1), inputs.rows(1).len(), inputs.records(2).len()), (None, 0, 0));
/// ```
#[derive(Debug, Clone)]
pub struct CustomInputs<'i> {
    given: Vec<InputValue>,
    as_of: Option<&'i AsOf>,
    rates: Option<&'i dyn Rates>,
}

impl<'i> CustomInputs<'i> {
    /// Inputs in their order, without a moment.
    #[must_use]
    pub const fn new(given: Vec<InputValue>) -> Self {
        Self { given, as_of: None, rates: None }
    }

    /// With the moment of the question.
    #[must_use]
    pub fn at(self, as_of: &'i AsOf) -> Self {
        Self { as_of: Some(as_of), ..self }
    }

    /// With rates.
    #[must_use]
    pub fn with_rates(self, rates: &'i dyn Rates) -> Self {
        Self { rates: Some(rates), ..self }
    }

    /// All inputs.
    #[must_use]
    pub fn all(&self) -> &[InputValue] {
        &self.given
    }

    /// The value of an input, from 0; `None` where it has none, and for an input that is no value.
    #[must_use]
    pub fn value(&self, input: usize) -> Option<&ExprValue> {
        match self.given.get(input)? {
            InputValue::Value(value) => value.as_ref(),
            InputValue::Rows(_) | InputValue::Records(_) => None,
        }
    }

    /// The rows of an input, the values of each; nothing for an input that is none.
    #[must_use]
    pub fn rows(&self, input: usize) -> &[Vec<Option<ExprValue>>] {
        match self.given.get(input) {
            Some(InputValue::Rows(rows)) => rows,
            _ => &[],
        }
    }

    /// The records of an input in the order of their days, one at most of
    /// [`CustomInput::Last`](super::CustomInput::Last); a day on which it was recorded that
    /// there was no value has none. Nothing for an input that is none.
    #[must_use]
    pub fn records(&self, input: usize) -> &[(Date, Option<ExprValue>)] {
        match self.given.get(input) {
            Some(InputValue::Records(days)) => days,
            _ => &[],
        }
    }

    /// How many major units of `to` one of `from` is worth on a day; from a currency to itself 1. `None` where that is not known, without rates,
    /// and for a kind that does not say that it reads them.
    #[must_use]
    pub fn rate(&self, from: Currency, to: Currency, on: Date) -> Option<Decimal> {
        let rates = self.rates?;
        if from == to { Some(Decimal::new(1, 0)) } else { rates.rate(from, to, on) }
    }

    /// The moment of the question, without its parameters, which are read by name in an expression; `None` for a kind that does not say that it
    /// reads it.
    #[must_use]
    pub const fn as_of(&self) -> Option<&'i AsOf> {
        self.as_of
    }
}
