//! What is a value when its attribute gets another type?

use std::sync::Arc;

use super::{Attribute, AttributeType, Decimal, Value, ValueFaultKind};

/// A value as another declaration of its attribute stores it: what it accepts anyway, whole numbers that were written as decimals or doubles,
/// texts that say a value of the type, and anything as a text. Nothing is rounded.
///
/// # Errors
///
/// Why it does not fit.
pub(crate) fn retyped(value: &Value, to: &Attribute) -> Result<Value, ValueFaultKind> {
    let refused = match to.accept(value.clone()) {
        Ok(accepted) => return Ok(accepted),
        Err(refused) => refused,
    };
    let read = match (value, to.kind()) {
        (Value::Text(text) | Value::Enum(text) | Value::Band { text, .. }, kind) => read(text, kind),
        (Value::Decimal(decimal), AttributeType::Int) => whole(*decimal),
        (Value::Double(double), AttributeType::Int) => double.to_string().parse().ok().and_then(whole),
        (Value::List(items), AttributeType::Text) => Some(Value::Text(Arc::from(items.join(", ")))),
        (other, AttributeType::Text) => Some(Value::Text(Arc::from(other.to_string()))),
        _ => None,
    };
    match read {
        Some(read) => to.accept(read),
        None => Err(refused),
    }
}

fn whole(decimal: Decimal) -> Option<Value> {
    let whole = decimal.rescaled(0)?.units();
    i64::try_from(whole).ok().map(Value::Int)
}

/// The value that a text says.
fn read(text: &str, kind: &AttributeType) -> Option<Value> {
    let said = text.trim();
    match kind {
        AttributeType::Bool => said.parse().ok().map(Value::Bool),
        AttributeType::Int => said.parse().ok().map(Value::Int),
        AttributeType::Decimal { .. } | AttributeType::Double => said.parse().ok().map(Value::Decimal),
        AttributeType::Date => said.parse().ok().map(Value::Date),
        AttributeType::Timestamp => said.parse().ok().map(Value::Timestamp),
        AttributeType::Enum(_) | AttributeType::Band(_) => Some(Value::Text(Arc::from(said))),
        AttributeType::List => Some(Value::List(vec![Arc::from(text)].into())),
        AttributeType::Text => Some(Value::Text(Arc::from(text))),
        _ => None,
    }
}
