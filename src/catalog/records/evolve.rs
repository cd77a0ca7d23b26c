//! What was recorded, by the names, values and types of another schema?

use std::collections::HashMap;
use std::sync::Arc;

use super::Records;
use crate::catalog::Catalog;
use crate::catalog::rewrite::{closed, set_of};
use crate::expr::{ExprValue, Names, Of, Type, Val};
use crate::model::{Attribute, Migration, Money, Texts, Value, retyped};

impl Catalog {
    /// What was recorded of columns of these definitions, by the names, values and types of another schema.
    pub(crate) fn records_after(&self, migration: &Migration, records: &Records) -> Records {
        let renames = &migration.renames;
        let retyped_to = |column: &str| -> Option<(&Attribute, &Attribute)> {
            let at = self.schema().attribute(column)?;
            let mut now = migration.schema.attributes().zip(&migration.attributes);
            let (now, _) = now.find(|(_, moved)| moved.before == Some(at.index()))?;
            let before = self.schema().attribute_at(at)?;
            (Type::of_attribute(before.kind()) != Type::of_attribute(now.kind())).then_some((before, now))
        };
        let mut converted: HashMap<Arc<str>, Converted<'_>> = HashMap::new();
        for column in records.columns() {
            let kind = self.names().name(Of::Account, column).map(|name| name.kind().clone());
            let Some(kind) = kind else { continue };
            let texts = closed(&kind).and_then(|set| set_of(renames, set)).map(|set| &set.moved);
            let texts = texts.filter(|texts| !texts.is_empty());
            let retyped = retyped_to(column);
            if texts.is_some() || retyped.is_some() {
                converted.insert(Arc::from(column), Converted { kind, texts, retyped });
            }
        }
        let convert = |column: &str, value: ExprValue| match converted.get(column) {
            Some(of) => of.value(value),
            None => Some(value),
        };
        records.evolved(
            &renames.attributes,
            &renames.gone.attributes,
            &|column| converted.contains_key(column),
            &convert,
        )
    }
}

/// How recorded values of a column are read from now on.
struct Converted<'c> {
    kind: Type,
    texts: Option<&'c Texts>,
    /// The attribute before and now, where it has another type.
    retyped: Option<(&'c Attribute, &'c Attribute)>,
}

impl Converted<'_> {
    /// `None` where it does not fit the new type.
    fn value(&self, value: ExprValue) -> Option<ExprValue> {
        let text = |text: Arc<str>| self.texts.and_then(|texts| texts.get(&text)).cloned().unwrap_or(text);
        let value = match value {
            ExprValue::Text(of) => ExprValue::Text(text(of)),
            ExprValue::List(items) => ExprValue::List(
                items
                    .iter()
                    .map(|item| match item {
                        ExprValue::Text(of) => ExprValue::Text(text(of.clone())),
                        item => item.clone(),
                    })
                    .collect(),
            ),
            // What is counted by value.
            ExprValue::Record(fields) if matches!(self.kind, Type::Counts(_)) => ExprValue::Record(
                fields.iter().map(|(name, count)| (text(name.clone()), count.clone())).collect(),
            ),
            value => value,
        };
        let Some((_, now)) = self.retyped else { return Some(value) };
        let kind = Type::of_attribute(now.kind());
        Val::of_parameter(&retyped(&stored(&value)?, now).ok()?, &kind).to_value(&kind)
    }
}

/// A recorded value as an attribute holds it; one of a closed set as its text.
fn stored(value: &ExprValue) -> Option<Value> {
    Some(match value {
        ExprValue::Bool(value) => Value::Bool(*value),
        ExprValue::Int(value) => Value::Int(*value),
        ExprValue::Double(value) => Value::Double(*value),
        ExprValue::Decimal(value) => Value::Decimal(*value),
        ExprValue::Money(value, currency) => {
            Value::Money(Money::from_minor(value.rescaled(currency.exponent())?.units(), *currency))
        }
        ExprValue::Text(text) => Value::Text(text.clone()),
        ExprValue::Date(date) => Value::Date(*date),
        ExprValue::Timestamp(instant) => Value::Timestamp(*instant),
        ExprValue::Duration(duration) => Value::Duration(*duration),
        ExprValue::List(items) => {
            let text = |item: &ExprValue| match item {
                ExprValue::Text(text) => Some(text.clone()),
                _ => None,
            };
            Value::List(items.iter().map(text).collect::<Option<Vec<Arc<str>>>>()?.into())
        }
        _ => return None,
    })
}
