//! What do operators make of two values?

use super::values::{as_doubles, exact, finite};
use super::{Operand, constants};
use crate::expr::{BinaryOp, ExprValue};
use crate::testkit::number::Number;
use crate::{Currency, Date, Decimal, Duration, Timestamp};

pub(super) fn reckoned(op: BinaryOp, left: &Operand, right: &Operand) -> Option<ExprValue> {
    let (a, b) = (left.value.as_ref()?, right.value.as_ref()?);
    let add = op == BinaryOp::Add;
    let signed = |by: i64| if add { Some(by) } else { by.checked_neg() };
    match (a, b) {
        (ExprValue::Text(a), ExprValue::Text(b)) if add => {
            return Some(ExprValue::Text(format!("{a}{b}").into()));
        }
        (ExprValue::Date(a), ExprValue::Date(b)) => {
            return Some(ExprValue::Int(i64::from(a.days()) - i64::from(b.days())));
        }
        (ExprValue::Date(day), ExprValue::Int(by)) => {
            let days = i64::from(day.days()).checked_add(signed(*by)?)?;
            return Date::from_days(i32::try_from(days).ok()?).map(ExprValue::Date);
        }
        (ExprValue::Int(by), ExprValue::Date(day)) if add => {
            let days = i64::from(day.days()).checked_add(*by)?;
            return Date::from_days(i32::try_from(days).ok()?).map(ExprValue::Date);
        }
        (ExprValue::Timestamp(a), ExprValue::Timestamp(b)) => {
            return duration(a.micros().checked_sub(b.micros())?);
        }
        (ExprValue::Timestamp(at), ExprValue::Duration(by)) => {
            return Timestamp::from_micros(at.micros().checked_add(signed(by.micros())?)?)
                .map(ExprValue::Timestamp);
        }
        (ExprValue::Duration(by), ExprValue::Timestamp(at)) if add => {
            return Timestamp::from_micros(at.micros().checked_add(by.micros())?).map(ExprValue::Timestamp);
        }
        (ExprValue::Duration(a), ExprValue::Duration(b)) => {
            return duration(a.micros().checked_add(signed(b.micros())?)?);
        }
        _ => {}
    }
    if let (ExprValue::Int(a), ExprValue::Int(b)) = (a, b) {
        let result = match op {
            BinaryOp::Add => a.checked_add(*b),
            BinaryOp::Subtract => a.checked_sub(*b),
            BinaryOp::Multiply => a.checked_mul(*b),
            BinaryOp::Divide => a.checked_div(*b),
            _ => a.checked_rem(*b),
        };
        return result.map(ExprValue::Int);
    }
    if left.loose && right.loose {
        return constants::computed(op, a, b);
    }
    let doubles = as_doubles(left, right);
    match (a, b) {
        // An amount by a double: nine digits more than its currency has, rounded half to even.
        (ExprValue::Money(amount, currency), ExprValue::Double(by))
        | (ExprValue::Double(by), ExprValue::Money(amount, currency))
            if op == BinaryOp::Multiply =>
        {
            let constant = if matches!(a, ExprValue::Double(_)) { left } else { right };
            return scaled_by(*amount, *currency, constant.double.unwrap_or(*by));
        }
        _ => {}
    }
    if doubles || op == BinaryOp::Divide {
        return finite(in_doubles(op, left.number(), right.number())?);
    }
    let ((a, one), (b, two)) = (exact(a)?, exact(b)?);
    let result = if op == BinaryOp::Multiply {
        Decimal::new(a.units().checked_mul(b.units())?, a.scale() + b.scale())
    } else {
        let scale = a.scale().max(b.scale());
        let (a, b) = (a.rescaled(scale)?.units(), b.rescaled(scale)?.units());
        Decimal::new(if add { a.checked_add(b)? } else { a.checked_sub(b)? }, scale)
    };
    Some(match one.or(two) {
        Some(currency) => ExprValue::Money(result, currency),
        None => ExprValue::Decimal(result),
    })
}

pub(super) fn in_doubles(op: BinaryOp, a: Option<f64>, b: Option<f64>) -> Option<f64> {
    let (a, b) = (a?, b?);
    let result = match op {
        BinaryOp::Add => a + b,
        BinaryOp::Subtract => a - b,
        BinaryOp::Multiply => a * b,
        BinaryOp::Divide => a / b,
        _ => return None,
    };
    Some(result + 0.0)
}

/// The exact product, digit by digit, rounded once.
pub(super) fn scaled_by(amount: Decimal, currency: Currency, by: f64) -> Option<ExprValue> {
    let scale = amount.scale().max(currency.exponent() + 9);
    let product = Number::of(amount.units(), amount.scale()).times(&Number::of_double(by));
    let units = product.rounded(usize::from(scale))?;
    Some(ExprValue::Money(Decimal::new(units, scale), currency))
}

pub(super) fn duration(micros: i64) -> Option<ExprValue> {
    (micros.unsigned_abs() <= (i64::MAX / 1_000).unsigned_abs())
        .then_some(ExprValue::Duration(Duration::from_micros(micros)))
}
