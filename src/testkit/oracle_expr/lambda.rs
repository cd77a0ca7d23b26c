//! What does a question over many accounts or rows give? One after the other.

use std::cmp::Ordering;
use std::sync::Arc;

use super::arithmetic::duration;
use super::values::{all, any, compared, finite, rank};
use super::{Operand, Thing, Variables, Walk, gone};
use crate::Decimal;
use crate::expr::{ExprValue, MacroKind, NodeId, Type};
use crate::testkit::number::{double_of, half_even, of_quanta, quanta_of};

impl<'v> Walk<'_, 'v> {
    #[expect(clippy::too_many_lines, reason = "one arm for each macro")]
    pub(super) fn lambda(
        &self,
        kind: MacroKind,
        over: NodeId,
        variable: &Arc<str>,
        body: NodeId,
        node: NodeId,
        variables: &mut Variables<'v>,
    ) -> Thing<'v> {
        if self.is_unknown(Some(kind), over, Some((variable, body)), variables) {
            return Thing::Value(None);
        }
        let over = match self.thing(over, variables) {
            Thing::Events(events) => {
                return self.lambda_over_events(kind, &events, variable, body, node, variables);
            }
            over => over,
        };
        let (list, walk) = (matches!(over, Thing::Value(_)), matches!(over, Thing::Walk(_)));
        let things: Vec<Thing<'v>> = match over {
            // What is filtered may still be asked with those who are cancelled.
            Thing::Walk(accounts) => {
                let asked = accounts.into_iter().filter(|one| kind == MacroKind::Filter || !gone(one));
                asked.map(|account| Thing::Account(Some(account))).collect()
            }
            Thing::Accounts(accounts) => {
                accounts.into_iter().map(|account| Thing::Account(Some(account))).collect()
            }
            Thing::Rows(rows) => rows.into_iter().map(Thing::Row).collect(),
            Thing::Value(Some(ExprValue::List(items))) => {
                items.iter().map(|item| Thing::Value(Some(item.clone()))).collect()
            }
            _ => return Thing::Value(None),
        };
        let mut answers = Vec::with_capacity(things.len());
        for thing in &things {
            variables.push((variable.clone(), thing.clone()));
            answers.push(self.value(body, variables));
            variables.pop();
        }
        let truths: Vec<Option<bool>> = answers
            .iter()
            .map(|answer| match answer {
                Some(ExprValue::Bool(truth)) => Some(*truth),
                _ => None,
            })
            .collect();
        let unclear = truths.contains(&None);
        let kept = || {
            things
                .iter()
                .zip(&truths)
                .filter(|(_, truth)| **truth == Some(true))
                .map(|(thing, _)| thing.clone())
        };
        let bool_of = |truth: Option<bool>| Thing::Value(truth.map(ExprValue::Bool));
        match kind {
            MacroKind::Exists => bool_of(any(&truths)),
            MacroKind::All => bool_of(all(&truths)),
            MacroKind::ExistsOne => bool_of((!unclear).then(|| kept().count() == 1)),
            MacroKind::Filter if list && unclear => Thing::Value(None),
            MacroKind::Count => Thing::Value(i64::try_from(kept().count()).ok().map(ExprValue::Int)),
            MacroKind::Filter if list => {
                let items = kept().map(|thing| match thing {
                    Thing::Value(value) => value,
                    _ => None,
                });
                Thing::Value(items.collect::<Option<_>>().map(ExprValue::List))
            }
            MacroKind::Filter => {
                let (mut accounts, mut rows, mut any_row) = (Vec::new(), Vec::new(), false);
                for thing in &things {
                    any_row |= matches!(thing, Thing::Row(_));
                }
                for thing in kept() {
                    match thing {
                        Thing::Account(Some(account)) => accounts.push(account),
                        Thing::Row(row) => rows.push(row),
                        _ => {}
                    }
                }
                match (any_row, walk) {
                    (true, _) => Thing::Rows(rows),
                    (false, true) => Thing::Walk(accounts),
                    (false, false) => Thing::Accounts(accounts),
                }
            }
            MacroKind::Map => Thing::Value(answers.into_iter().collect::<Option<_>>().map(ExprValue::List)),
            MacroKind::Sum | MacroKind::Avg => {
                let present: Vec<ExprValue> = answers.into_iter().flatten().collect();
                let kind_of_body = self.checked.kind_of(body);
                let result = self.checked.kind_of(node);
                Thing::Value(added(&present, kind == MacroKind::Avg, kind_of_body, result))
            }
            MacroKind::Min | MacroKind::Max => {
                let band = match self.checked.kind_of(body) {
                    Some(Type::Band(values)) => Some(values),
                    _ => None,
                };
                let better =
                    |order: Ordering| if kind == MacroKind::Min { order.is_lt() } else { order.is_gt() };
                let mut best: Option<ExprValue> = None;
                for value in answers.into_iter().flatten() {
                    let order = match (&best, band) {
                        (Some(ExprValue::Text(best)), Some(values)) => match &value {
                            ExprValue::Text(text) => rank(values, text).cmp(&rank(values, best)),
                            _ => Ordering::Equal,
                        },
                        (Some(best), _) => {
                            let operand = |value: &ExprValue| Operand::plain(Some(value.clone()));
                            compared(&operand(&value), &operand(best)).unwrap_or(Ordering::Equal)
                        }
                        (None, _) => {
                            best = Some(value);
                            continue;
                        }
                    };
                    if better(order) {
                        best = Some(value);
                    }
                }
                Thing::Value(best)
            }
            MacroKind::Where | MacroKind::Distinct => Thing::Value(None),
        }
    }
}

/// The sum or the mean of values of one type. Doubles are summed in quanta of 2^-64, so that no order matters.
#[expect(clippy::cast_precision_loss, reason = "rows of tests are few")]
pub(super) fn added(
    values: &[ExprValue],
    mean: bool,
    of: Option<&Type>,
    result: Option<&Type>,
) -> Option<ExprValue> {
    let rows = values.len();
    values.first()?;
    let mut sum: i128 = 0;
    for value in values {
        sum = sum.checked_add(match value {
            ExprValue::Int(v) => (*v).into(),
            ExprValue::Decimal(v) | ExprValue::Money(v, _) => v.units(),
            ExprValue::Duration(v) => v.micros().into(),
            ExprValue::Double(v) => quanta_of(*v)?,
            _ => return None,
        })?;
    }
    match (of?, result?) {
        (Type::Money { currency, scale }, Type::Money { scale: more, .. }) if mean => {
            let units = sum.checked_mul(10_i128.pow(u32::from(more - scale)))?;
            let units = half_even(units, i128::try_from(rows).ok()?)?;
            Some(ExprValue::Money(Decimal::new(units, *more), *currency))
        }
        (Type::Duration, _) if mean => {
            let micros = half_even(sum, i128::try_from(rows).ok()?)?;
            i64::try_from(micros).ok().and_then(duration)
        }
        (Type::Int, _) if mean => finite(double_of(sum, 0) / rows as f64),
        (Type::Decimal { scale }, _) if mean => finite(double_of(sum, *scale) / rows as f64),
        (Type::Double, _) if mean => finite(of_quanta(sum).to_double() / rows as f64),
        (Type::Int, _) => i64::try_from(sum).ok().map(ExprValue::Int),
        (Type::Decimal { scale }, _) => Some(ExprValue::Decimal(Decimal::new(sum, *scale))),
        (Type::Money { currency, scale }, _) => Some(ExprValue::Money(Decimal::new(sum, *scale), *currency)),
        (Type::Double, _) => finite(of_quanta(sum).to_double()),
        (Type::Duration, _) => i64::try_from(sum).ok().and_then(duration),
        _ => None,
    }
}
