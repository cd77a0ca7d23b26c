//! What does an expression give for a JSON object?

use std::sync::Arc;

use serde_json::Value as Json;

use super::record::{Record, RecordExpr};
use super::types::Type;
use super::value::{ExprValue, Field};
use crate::model::{Decimal, Faults, JsonFault, Place, Rates, wrong_type};

/// A checked expression for JSON objects, at the moment of a question; from
/// [`Checked::for_json`](super::Checked::for_json).
///
/// A name is a field of the object, a dotted name a field of that name or of the objects within. Numbers are read
/// exactly; decimals and money (in major units) may be texts; dates, timestamps and durations are texts as the
/// language writes them. A field that is not there, or null, has no value.
#[derive(Debug, Clone)]
pub struct JsonExpr {
    expr: RecordExpr,
    names: Arc<[(Arc<str>, Type)]>,
}

/// The fields of a JSON object that hold something else than their names are declared to.
pub type JsonFaults = Faults<JsonFault>;

struct Values(Vec<Option<ExprValue>>);

impl Record for Values {
    fn field(&self, number: usize) -> Field<'_> {
        self.0.get(number).and_then(Option::as_ref).into()
    }
}

impl JsonExpr {
    pub(super) fn new(expr: RecordExpr, names: Vec<(Arc<str>, Type)>) -> Self {
        Self { expr, names: names.into() }
    }

    /// With the rates at which amounts are converted; without them no amount that is converted is known.
    #[must_use]
    pub fn with_rates(mut self, rates: Arc<dyn Rates>) -> Self {
        self.expr = self.expr.with_rates(rates);
        self
    }

    /// Its answer for an object; `None` where it has none.
    ///
    /// # Errors
    ///
    /// Every field that is read and holds another type than declared.
    pub fn value(&self, object: &Json) -> Result<Option<ExprValue>, JsonFaults> {
        Ok(self.expr.value(&self.read(object)?))
    }

    /// Its answer to a yes/no question; `None` where there is none.
    ///
    /// # Errors
    ///
    /// As [`JsonExpr::value`].
    pub fn truth(&self, object: &Json) -> Result<Option<bool>, JsonFaults> {
        Ok(self.expr.truth(&self.read(object)?))
    }

    fn read(&self, object: &Json) -> Result<Values, JsonFaults> {
        let mut faults = JsonFaults::none();
        let mut values = Vec::with_capacity(self.names.len());
        for (name, kind) in &*self.names {
            let found = find(object, name).filter(|found| !found.is_null());
            let value = found.and_then(|found| read(found, kind));
            if let (Some(found), None) = (found, &value) {
                let pointer = pointer(object, name);
                faults.refuse(&Place::at(&pointer), || wrong_type(kind.to_string(), found));
            }
            values.push(value);
        }
        faults.or(Some(Values(values)))
    }
}

/// Where the field of a dotted name is.
fn pointer(object: &Json, name: &str) -> String {
    if object.get(name).is_some() {
        Place::ROOT.field(name).to_string()
    } else {
        name.split('.').map(|step| Place::ROOT.field(step).to_string()).collect()
    }
}

/// The field of a dotted name: of this name, or step by step.
fn find<'j>(object: &'j Json, name: &str) -> Option<&'j Json> {
    object.get(name).or_else(|| name.split('.').try_fold(object, |object, step| object.get(step)))
}

fn read(json: &Json, kind: &Type) -> Option<ExprValue> {
    let text = json.as_str();
    let decimal = |json: &Json| match json {
        Json::String(text) => text.parse::<Decimal>().ok(),
        // As it was written, not as the nearest double.
        Json::Number(number) => match super::literal::fraction(&number.to_string())? {
            super::literal::Literal::Decimal(decimal) => Some(decimal),
            _ => None,
        },
        _ => None,
    };
    match kind {
        Type::Bool => json.as_bool().map(ExprValue::Bool),
        Type::Int => json.as_i64().map(ExprValue::Int),
        Type::Double => json.as_f64().filter(|double| double.is_finite()).map(ExprValue::Double),
        Type::Decimal { scale } => decimal(json)?.rescaled(*scale).map(ExprValue::Decimal),
        Type::Money { currency, scale } => {
            decimal(json)?.rescaled(*scale).map(|amount| ExprValue::Money(amount, *currency))
        }
        Type::Text => text.map(|text| ExprValue::Text(Arc::from(text))),
        Type::Enum(values) | Type::Band(values) => {
            let code = values.code(text?)?;
            values.text(code).map(|text| ExprValue::Text(text.clone()))
        }
        Type::Date => text?.parse().ok().map(ExprValue::Date),
        Type::Timestamp => text?.parse().ok().map(ExprValue::Timestamp),
        Type::Duration => super::literal::duration(text?).map(ExprValue::Duration),
        Type::List(of) => {
            let items = json.as_array()?.iter().map(|item| read(item, of));
            items.collect::<Option<_>>().map(ExprValue::List)
        }
        Type::Record(fields) => {
            let object = json.as_object()?;
            let known = fields.iter().filter_map(|(name, kind)| {
                let field = object.get(&**name).filter(|field| !field.is_null())?;
                Some(read(field, kind).map(|value| (name.clone(), value)))
            });
            known.collect::<Option<_>>().map(ExprValue::Record)
        }
        Type::Counts(values) => {
            let object = json.as_object()?;
            let count = |text: &Arc<str>| match object.get(&**text).filter(|count| !count.is_null()) {
                None => Some((text.clone(), ExprValue::Int(0))),
                Some(count) => Some((text.clone(), ExprValue::Int(count.as_i64()?))),
            };
            values.iter().map(count).collect::<Option<_>>().map(ExprValue::Record)
        }
        Type::MixedMoney => None,
    }
}
