//! What do the answers for some accounts add up to?

use super::Answers;
use super::state::{Best, Total, Unit};
use super::tree::State;
use crate::expr::term::Mean;
use crate::expr::types::{DERIVED_DIGITS, MAX_SCALE, Type};
use crate::expr::value::{ExprValue, Val};
use crate::model::AccountIdx;

/// What is worked out of some values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Sum,
    Avg(Mean),
    Min,
    Max,
}

/// Values of one type, on their way to a sum, a mean or an extreme. Missing ones count for nothing.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    what: What,
    kind: Type,
    unit: Unit,
    total: Total,
    best: Best,
}

impl Tally {
    fn new(what: What, kind: Type, unit: Unit) -> Self {
        Self { what, kind, unit, total: Total::default(), best: Best::default() }
    }

    /// The sum, of numbers, money and durations; exact, and of doubles independent of their order.
    pub(crate) fn sum(of: &Type) -> Result<Self, String> {
        let unit = match of {
            Type::Int => Unit::Int,
            Type::Duration => Unit::Duration,
            Type::Decimal { .. } | Type::Money { .. } => Unit::Wide,
            Type::Double => Unit::Quanta,
            other => return Err(format!("there is no sum of {other}")),
        };
        Ok(Self::new(What::Sum, of.clone(), unit))
    }

    /// The mean: of money as money, of durations as one, of numbers a double.
    pub(crate) fn avg(of: &Type) -> Result<Self, String> {
        let (unit, mean, kind) = match of {
            Type::Int => (Unit::Int, Mean::Double { scale: 0 }, Type::Double),
            Type::Double => (Unit::Quanta, Mean::Double { scale: 0 }, Type::Double),
            Type::Decimal { scale } => (Unit::Wide, Mean::Double { scale: *scale }, Type::Double),
            Type::Money { currency, scale } => {
                let digits = MAX_SCALE.min(currency.exponent() + DERIVED_DIGITS).saturating_sub(*scale);
                let kind = Type::Money { currency: *currency, scale: scale + digits };
                (Unit::Wide, Mean::Money { digits }, kind)
            }
            Type::Duration => (Unit::Duration, Mean::Duration, Type::Duration),
            other => return Err(format!("there is no mean of {other}")),
        };
        Ok(Self::new(What::Avg(mean), kind, unit))
    }

    /// The least or the greatest, of what has an order.
    pub(crate) fn extreme(of: &Type, greatest: bool) -> Result<Self, String> {
        let ordered = of.is_scalar() && !matches!(of, Type::Enum(_));
        if !ordered {
            return Err(format!("{of} has no order"));
        }
        Ok(Self::new(if greatest { What::Max } else { What::Min }, of.clone(), Unit::Int))
    }

    pub(crate) fn add(&mut self, value: &Val<'_>) {
        match self.what {
            What::Sum | What::Avg(_) => self.total.merge(&Total::of_value(value)),
            What::Min => self.best.merge(&Best::of_value(value, true)),
            What::Max => self.best.merge(&Best::of_value(value, false)),
        }
    }

    /// What they add up to; `None` for no value at all, and for a sum beyond its type.
    pub(crate) fn value(&self) -> Option<ExprValue> {
        let cell = match self.what {
            What::Sum => {
                let sums = Total::sums(std::slice::from_ref(&self.total), self.unit);
                return sums.val(0).to_value(&self.kind);
            }
            What::Avg(mean) => self.total.mean(self.unit, mean),
            What::Min | What::Max => self.best.clone().cell(),
        };
        Val::of_cell(&cell).to_value(&self.kind)
    }
}

impl Answers {
    /// Adds the answer of an expression for an account of the view.
    pub(crate) fn tally(&self, number: usize, place: AccountIdx, tally: &mut Tally) {
        tally.add(&self.answer(number, place));
    }

    /// The answer of an expression for an account of the view.
    pub(crate) fn answer(&self, number: usize, place: AccountIdx) -> Val<'_> {
        use super::Part;
        let parts = self.parts.get(place.slot as usize);
        match parts.and_then(|parts| parts.get(number)).filter(|_| self.view.sees(place)) {
            Some(Part::Truth(masks)) => masks.get(place.row as usize).map_or(Val::Missing, Val::Bool),
            Some(Part::Values(flat)) => flat.val(place.row as usize),
            _ => Val::Missing,
        }
    }
}

impl Total {
    fn of_value(value: &Val<'_>) -> Self {
        use crate::fold::{Sum, to_quanta};
        let units = match value {
            Val::Int(v) => Some(i128::from(*v)),
            Val::Wide(v) => Some(*v),
            Val::Double(v) => match to_quanta(*v) {
                Some(quanta) => Some(quanta),
                None => return Self(Sum::UNFIT),
            },
            _ => None,
        };
        Self(units.map_or_else(Sum::default, Sum::of))
    }
}

impl Best {
    fn of_value(value: &Val<'_>, least: bool) -> Self {
        value.to_cell().map_or_else(Self::default, |cell| Self::of_cell(cell, least))
    }
}
