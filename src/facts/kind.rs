//! What may be said?

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Fact, FactFaultKind, Subject};
use crate::model::{
    Attribute, AttributeType, MAX_EVENT_FIELDS, TableColumn, Value, ValueFault, ValueFaultKind, hint,
    unfit_field,
};

/// A kind of fact: of whom it is said, and what. Serialisable.
///
/// ```
/// use perennial::engine::FactKind;
/// use perennial::{Attribute, AttributeType};
///
/// let member = FactKind::of_people("member").field(Attribute::new("role", AttributeType::Text).required());
/// assert_eq!((member.name(), member.is_of_people()), ("member", true));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct FactKind {
    name: Arc<str>,
    of_people: bool,
    fields: IndexMap<Arc<str>, Attribute>,
    // Given twice, kept so that it can be told.
    repeated: Vec<Arc<str>>,
}

/// The same fields in the same order.
impl PartialEq for FactKind {
    fn eq(&self, other: &Self) -> bool {
        let Self { name, of_people, fields, repeated } = self;
        *name == other.name
            && *of_people == other.of_people
            && fields.iter().eq(&other.fields)
            && *repeated == other.repeated
    }
}

impl FactKind {
    /// A kind of fact of accounts.
    pub fn of_accounts(name: &str) -> Self {
        Self { name: Arc::from(name), of_people: false, fields: IndexMap::new(), repeated: Vec::new() }
    }

    /// A kind of fact of people.
    pub fn of_people(name: &str) -> Self {
        Self { of_people: true, ..Self::of_accounts(name) }
    }

    /// With a field.
    pub fn field(mut self, field: Attribute) -> Self {
        if self.fields.contains_key(field.name()) {
            self.repeated.push(Arc::from(field.name()));
        } else {
            self.fields.insert(Arc::from(field.name()), field);
        }
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Is it of people? Else it is of accounts.
    #[must_use]
    pub const fn is_of_people(&self) -> bool {
        self.of_people
    }

    /// Its fields in declared order.
    #[must_use]
    pub fn fields(&self) -> impl ExactSizeIterator<Item = &Attribute> {
        self.fields.values()
    }

    pub(super) fn check(&self) -> Result<(), FactFaultKind> {
        crate::model::AccountId::check(&self.name).map_err(FactFaultKind::Id)?;
        if let Some(name) = self.repeated.first() {
            return Err(FactFaultKind::Field { field: name.clone(), why: "it is declared twice".into() });
        }
        if self.fields.len() > MAX_EVENT_FIELDS {
            return Err(FactFaultKind::TooManyFields(self.fields.len()));
        }
        for field in self.fields.values() {
            let fault = |why| FactFaultKind::Field { field: Arc::from(field.name()), why };
            if matches!(field.kind(), AttributeType::MixedMoney { .. }) {
                return Err(fault("a field is of one currency".into()));
            }
            if let Some(why) = unfit_field(field) {
                return Err(fault(why.into()));
            }
        }
        Ok(())
    }

    /// May it be declared in the place of another of its name, whose rows stay as they are? Fields are added behind the others, enumerations
    /// have more values, longer texts fit, and less is required.
    pub(super) fn goes_on_from(&self, before: &Self) -> Result<(), FactFaultKind> {
        if self.of_people != before.of_people {
            return Err(FactFaultKind::OtherSubject);
        }
        for (place, field) in before.fields().enumerate() {
            let why = match self.fields.get_full(field.name()) {
                None => "rows have it, so that it stays",
                Some((at, ..)) if at != place => "rows have it at its place, so that others come behind it",
                Some((_, _, now)) if !holds_all(now.kind(), field.kind()) => {
                    "rows have it, so that it stays of its type"
                }
                Some((_, _, now)) if now.longest_text() < field.longest_text() => {
                    "rows may have longer texts"
                }
                Some((_, _, now)) if now.is_required() && !field.is_required() => "rows need not have it",
                Some(_) => continue,
            };
            return Err(FactFaultKind::Field { field: Arc::from(field.name()), why: why.into() });
        }
        let mut new = self.fields().skip(before.fields.len());
        match new.find(|field| field.is_required()) {
            Some(field) => Err(FactFaultKind::Field {
                field: Arc::from(field.name()),
                why: "rows do not have it".into(),
            }),
            None => Ok(()),
        }
    }

    /// The values of a row as they are stored, in the order of the fields.
    pub(super) fn accept(&self, fact: &Fact) -> Result<Vec<(Arc<str>, Value)>, FactFaultKind> {
        if matches!(fact.key.subject, Subject::Person(_)) != self.of_people {
            return Err(FactFaultKind::OtherSubject);
        }
        let fault = |attribute: &str, kind| {
            FactFaultKind::Value(ValueFault { attribute: attribute.to_owned(), kind })
        };
        for (at, (name, _)) in fact.values.iter().enumerate() {
            if !self.fields.contains_key(name) {
                let hint = hint(name, self.fields.keys().map(|known| &**known));
                return Err(fault(name, ValueFaultKind::Unknown { hint }));
            }
            if fact.values.iter().take(at).any(|(other, _)| other == name) {
                return Err(FactFaultKind::Field { field: name.clone(), why: "it has two values".into() });
            }
        }
        let mut values = Vec::with_capacity(fact.values.len());
        for (name, field) in &self.fields {
            match fact.value(name) {
                Some(value) => {
                    let value = field.accept(value.clone()).map_err(|kind| fault(name, kind))?;
                    values.push((name.clone(), value));
                }
                None if field.is_required() => return Err(fault(name, ValueFaultKind::Required)),
                None => {}
            }
        }
        Ok(values)
    }
}

/// Is every value of one type a value of the other, stored as the same?
fn holds_all(now: &AttributeType, before: &AttributeType) -> bool {
    match (now, before) {
        (AttributeType::Enum(now), AttributeType::Enum(before)) => {
            before.iter().all(|value| now.code(value).is_some())
        }
        _ => now == before,
    }
}

/// A kind as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KindDocument {
    name: Arc<str>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    of_people: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fields: Vec<TableColumn>,
}

impl Serialize for FactKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.fields.values().cloned().map(TableColumn).collect();
        KindDocument { name: self.name.clone(), of_people: self.of_people, fields }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FactKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let KindDocument { name, of_people, fields } = KindDocument::deserialize(deserializer)?;
        let kind = Self { of_people, ..Self::of_accounts(&name) };
        Ok(fields.into_iter().fold(kind, |kind, field| kind.field(field.0)))
    }
}
