//! What are constants that are computed from constants?
//!
//! They are computed in the type of what they stand beside. Beside doubles, and alone, terms of doubles do that; here it is
//! said what they are beside decimals and money, where `0.1 + 0.2` is `0.3`. Ruling S103 of `docs/semantics`.

use crate::expr::literal::Literal;
use crate::expr::term::Arithmetic;
use crate::model::Decimal;

/// A constant from two, at least one of which has a fraction, beside an exact number; `None` where it is no number.
pub(super) fn computed(op: Arithmetic, left: &Literal, right: &Literal) -> Option<Literal> {
    let exact = match op {
        Arithmetic::Divide | Arithmetic::Modulo => None,
        _ => decimal(left).zip(decimal(right)).and_then(|(left, right)| exact(op, left, right)),
    };
    if exact.is_some() {
        return exact;
    }
    // Quotients, and what has too many digits: a double, and as a constant the number that it is written as.
    let double = crate::expr::scalar::double_math(op, left.to_f64()?, right.to_f64()?)?;
    Literal::number(double)
}

/// A constant with the other sign.
pub(super) fn negated(literal: &Literal) -> Option<Literal> {
    match literal {
        Literal::Int(int) => int.checked_neg().map(Literal::Int),
        Literal::Decimal(decimal) => {
            Some(Literal::Decimal(Decimal::new(decimal.units().checked_neg()?, decimal.scale())))
        }
        Literal::Double(double) => Literal::number(0.0 - double),
        _ => None,
    }
}

/// The constant of two that says more of the type of others beside both.
pub(super) fn finer<'l>(one: &'l Literal, other: &'l Literal) -> &'l Literal {
    match (one, other) {
        (Literal::Double(_), _) | (_, Literal::Int(_)) => one,
        (Literal::Decimal(a), Literal::Decimal(b)) if a.scale() >= b.scale() => one,
        _ => other,
    }
}

fn decimal(literal: &Literal) -> Option<Decimal> {
    match literal {
        Literal::Int(int) => Some(Decimal::new((*int).into(), 0)),
        Literal::Decimal(decimal) => Some(*decimal),
        _ => None,
    }
}

/// The exact result; `None` where no literal could be written for it.
fn exact(op: Arithmetic, left: Decimal, right: Decimal) -> Option<Literal> {
    if op == Arithmetic::Multiply {
        let scale = left.scale().checked_add(right.scale())?;
        return Literal::written(left.units().checked_mul(right.units())?, scale);
    }
    let scale = left.scale().max(right.scale());
    let (a, b) = (left.rescaled(scale)?.units(), right.rescaled(scale)?.units());
    let units = if op == Arithmetic::Add { a.checked_add(b)? } else { a.checked_sub(b)? };
    Literal::written(units, scale)
}
