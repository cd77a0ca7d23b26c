//! How do values stand to each other, in types of their own?

use std::cmp::Ordering;

use super::Operand;
use crate::expr::{BinaryOp, ExprValue, Literal, Type};
use crate::{Currency, Decimal, Duration, EnumValues};

/// A value in a type that it widens to.
pub(super) fn widened(value: Option<ExprValue>, kind: &Type) -> Option<ExprValue> {
    Some(match (value?, kind) {
        (ExprValue::Int(v), Type::Double) => ExprValue::Double(as_double(&ExprValue::Int(v))?),
        (ExprValue::Decimal(v), Type::Double) => ExprValue::Double(as_double(&ExprValue::Decimal(v))?),
        (ExprValue::Int(v), Type::Decimal { scale }) => {
            ExprValue::Decimal(Decimal::new(v.into(), 0).rescaled(*scale)?)
        }
        (ExprValue::Decimal(v), Type::Decimal { scale }) => ExprValue::Decimal(v.rescaled(*scale)?),
        (ExprValue::Int(v), Type::Money { currency, scale }) => {
            ExprValue::Money(Decimal::new(v.into(), 0).rescaled(*scale)?, *currency)
        }
        (ExprValue::Decimal(v) | ExprValue::Money(v, _), Type::Money { currency, scale }) => {
            ExprValue::Money(v.rescaled(*scale)?, *currency)
        }
        (value, _) => value,
    })
}

pub(super) fn constant(literal: &Literal) -> Operand {
    let (value, loose) = match literal {
        Literal::Bool(v) => (ExprValue::Bool(*v), false),
        Literal::Int(v) => (ExprValue::Int(*v), true),
        Literal::Decimal(v) => (ExprValue::Decimal(*v), true),
        Literal::Double(v) => (ExprValue::Double(*v), true),
        Literal::Text(v) => (ExprValue::Text(v.clone()), false),
        Literal::Date(v) => (ExprValue::Date(*v), false),
        Literal::Timestamp(v) => (ExprValue::Timestamp(*v), false),
        Literal::Duration(v) => (ExprValue::Duration(*v), false),
    };
    let double = as_double(&value).filter(|_| loose);
    Operand { value: Some(value), loose, double }
}

pub(super) fn rank(values: &EnumValues, text: &str) -> Option<u16> {
    values.code(text)
}

pub(super) fn all(truths: &[Option<bool>]) -> Option<bool> {
    if truths.contains(&Some(false)) {
        Some(false)
    } else if truths.contains(&None) {
        None
    } else {
        Some(true)
    }
}

pub(super) fn any(truths: &[Option<bool>]) -> Option<bool> {
    let turned: Vec<Option<bool>> = truths.iter().map(|truth| truth.map(|truth| !truth)).collect();
    all(&turned).map(|none| !none)
}

pub(super) const fn holds(op: BinaryOp, order: Ordering) -> bool {
    match op {
        BinaryOp::Equal => order.is_eq(),
        BinaryOp::NotEqual => order.is_ne(),
        BinaryOp::Less => order.is_lt(),
        BinaryOp::LessEqual => order.is_le(),
        BinaryOp::Greater => order.is_gt(),
        _ => order.is_ge(),
    }
}

/// The nearest double of a number; an amount in major units.
#[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
pub(super) fn as_double(value: &ExprValue) -> Option<f64> {
    match value {
        ExprValue::Int(v) => Some(*v as f64),
        ExprValue::Double(v) => Some(*v),
        ExprValue::Decimal(v) | ExprValue::Money(v, _) => v.to_string().parse().ok(),
        _ => None,
    }
}

pub(super) fn finite(value: f64) -> Option<ExprValue> {
    value.is_finite().then_some(ExprValue::Double(value + 0.0))
}

pub(super) fn negated(value: &ExprValue) -> Option<ExprValue> {
    Some(match value {
        ExprValue::Int(v) => ExprValue::Int(v.checked_neg()?),
        ExprValue::Decimal(v) => ExprValue::Decimal(Decimal::new(v.units().checked_neg()?, v.scale())),
        ExprValue::Money(v, currency) => {
            ExprValue::Money(Decimal::new(v.units().checked_neg()?, v.scale()), *currency)
        }
        ExprValue::Double(v) => ExprValue::Double(-v + 0.0),
        ExprValue::Duration(v) => ExprValue::Duration(Duration::from_micros(v.micros().checked_neg()?)),
        _ => return None,
    })
}

/// A number that is exact, with the currency of an amount.
pub(super) fn exact(value: &ExprValue) -> Option<(Decimal, Option<Currency>)> {
    match value {
        ExprValue::Int(v) => Some((Decimal::new((*v).into(), 0), None)),
        ExprValue::Decimal(v) => Some((*v, None)),
        ExprValue::Money(v, currency) => Some((*v, Some(*currency))),
        _ => None,
    }
}

/// Is one of them a double, so that both are? A constant with a fraction is one beside a whole number.
pub(super) fn as_doubles(left: &Operand, right: &Operand) -> bool {
    let (Some(a), Some(b)) = (&left.value, &right.value) else { return false };
    let fraction =
        |operand: &Operand, value: &ExprValue| operand.loose && matches!(value, ExprValue::Decimal(_));
    let whole = |value: &ExprValue| matches!(value, ExprValue::Int(_));
    matches!(a, ExprValue::Double(_))
        || matches!(b, ExprValue::Double(_))
        || fraction(left, a) && (whole(b) || fraction(right, b))
        || fraction(right, b) && whole(a)
}

pub(super) fn compared(left: &Operand, right: &Operand) -> Option<Ordering> {
    let (a, b) = (left.value.as_ref()?, right.value.as_ref()?);
    match (a, b) {
        (ExprValue::Bool(a), ExprValue::Bool(b)) => Some(a.cmp(b)),
        (ExprValue::Text(a), ExprValue::Text(b)) => Some(a.cmp(b)),
        (ExprValue::Date(a), ExprValue::Date(b)) => Some(a.cmp(b)),
        (ExprValue::Timestamp(a), ExprValue::Timestamp(b)) => Some(a.cmp(b)),
        (ExprValue::Duration(a), ExprValue::Duration(b)) => Some(a.cmp(b)),
        _ if as_doubles(left, right) => left.number()?.partial_cmp(&right.number()?),
        _ => Some(exact(a)?.0.cmp(&exact(b)?.0)),
    }
}

pub(super) fn is_in(value: &Operand, list: Option<&ExprValue>) -> Option<bool> {
    value.value.as_ref()?;
    let Some(ExprValue::List(items)) = list else { return None };
    let same =
        |item: &ExprValue| compared(value, &Operand::plain(Some(item.clone()))) == Some(Ordering::Equal);
    Some(items.iter().any(same))
}

/// The sum of nothing, in a type.
pub(in crate::testkit) fn zero(kind: &Type) -> Option<ExprValue> {
    Some(match kind {
        Type::Int => ExprValue::Int(0),
        Type::Double => ExprValue::Double(0.0),
        Type::Decimal { scale } => ExprValue::Decimal(Decimal::new(0, *scale)),
        Type::Money { currency, scale } => ExprValue::Money(Decimal::new(0, *scale), *currency),
        Type::Duration => ExprValue::Duration(Duration::from_micros(0)),
        _ => return None,
    })
}
