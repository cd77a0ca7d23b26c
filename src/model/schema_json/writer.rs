//! What does a schema look like as a document?
//!
//! The shortest one that reads back to the same schema: defaults are left out, and attributes of the
//! system are named as such.

use super::{CASES, GROUPS, NESTINGS, REPEATED_PRODUCTS, VERSION, VERSION_FIELD, word_of};
use crate::model::json::Json;
use crate::model::{
    AccountType, Attribute, AttributeType, CaseRule, ChildTable, RepeatedProducts, Schema, StatusGroup,
    SystemAttribute, TableKind,
};

/// The document of a schema.
pub(super) fn write(schema: &Schema) -> Json {
    let mut document = Object::default();
    document.put(VERSION_FIELD, Json::Number(VERSION.into()));
    document.put("account_types", list(schema.account_types(), account_type));
    document.put_list("products", list(schema.products(), |product| Json::text(product.name())));
    if schema.repeated_products != RepeatedProducts::default() {
        document.put_text("repeated_products", Some(word_of(&REPEATED_PRODUCTS, &schema.repeated_products)));
    }
    let groups = &schema.status_groups;
    document.put_list("attributes", list(schema.attributes(), |of| account_attribute(of, groups)));
    document.put_list("tables", list(schema.tables(), table));
    document.finish()
}

fn account_type(kind: &AccountType) -> Json {
    let mut entry = Object::default();
    entry.put_text("name", Some(kind.name()));
    entry.put_text("nesting", Some(word_of(&NESTINGS, &kind.nesting())));
    entry.finish()
}

pub(super) fn table(table: &ChildTable) -> Json {
    let mut entry = Object::default();
    entry.put_text("name", Some(table.name()));
    let kinds = TableKind::WORDS.map(|(kind, word)| (word, kind));
    entry.put_text("kind", Some(word_of(&kinds, &table.kind())));
    entry.put_text("label", table.label.as_deref());
    entry.put("columns", list(table.columns(), own_attribute));
    entry.finish()
}

/// `groups` are those of the statuses, where it is that attribute.
pub(super) fn account_attribute(attribute: &Attribute, groups: &[StatusGroup]) -> Json {
    let system = SystemAttribute::from_name(attribute.name());
    // A declaration in code may lack the unit that the system attribute brings; only an entry of its
    // own says so.
    let brings_unit = |which: SystemAttribute| which.attribute().is_some_and(|own| own.unit.is_some());
    let is_it = |which: &SystemAttribute| {
        which.fits(&attribute.kind) && (*which != SystemAttribute::Status || !groups.is_empty())
    };
    match system.filter(is_it).filter(|which| attribute.unit.is_some() || !brings_unit(*which)) {
        Some(which) => system_attribute(which, attribute, groups),
        None => own_attribute(attribute),
    }
}

fn system_attribute(which: SystemAttribute, attribute: &Attribute, groups: &[StatusGroup]) -> Json {
    let mut entry = Object::default();
    entry.put_text("system", Some(which.name()));
    match &attribute.kind {
        AttributeType::Enum(values) if which == SystemAttribute::Status => {
            let statuses = values.iter().zip(groups);
            entry.put(
                "values",
                list(statuses, |(value, group)| {
                    let mut status = Object::default();
                    status.put_text("value", Some(value));
                    status.put_text("group", Some(word_of(&GROUPS, group)));
                    status.finish()
                }),
            );
        }
        kind => entry.put_needed(kind),
    }
    let usual = which.attribute().and_then(|own| own.unit);
    let unit = if attribute.unit == usual { None } else { attribute.unit.as_deref() };
    entry.put_common(attribute, unit);
    entry.finish()
}

pub(super) fn own_attribute(attribute: &Attribute) -> Json {
    let mut entry = Object::default();
    entry.put_text("name", Some(attribute.name()));
    entry.put_text("type", Some(type_word(&attribute.kind)));
    entry.put_needed(&attribute.kind);
    entry.put_common(attribute, attribute.unit.as_deref());
    entry.finish()
}

/// What an attribute is called, and which values it takes.
#[cfg(feature = "snapshot")]
pub(super) fn name_and_type(attribute: &Attribute) -> Json {
    own_attribute(&Attribute::new(attribute.name(), attribute.kind.clone()))
}

const fn type_word(kind: &AttributeType) -> &'static str {
    match kind {
        AttributeType::Bool => "bool",
        AttributeType::Int => "int",
        AttributeType::Decimal { .. } => "decimal",
        AttributeType::Money(_) => "money",
        AttributeType::MixedMoney { .. } => "mixed_money",
        AttributeType::Double => "double",
        AttributeType::Text => "text",
        AttributeType::Date => "date",
        AttributeType::Timestamp => "timestamp",
        AttributeType::Duration => "duration",
        AttributeType::Enum(_) => "enum",
        AttributeType::Band(_) => "band",
        AttributeType::List => "list",
    }
}

fn list<T>(items: impl Iterator<Item = T>, entry: impl Fn(T) -> Json) -> Json {
    Json::List(items.map(entry).collect())
}

fn texts<'t>(texts: impl IntoIterator<Item = &'t std::sync::Arc<str>>) -> Json {
    list(texts.into_iter(), |text| Json::text(text))
}

/// An object in the making.
#[derive(Default)]
struct Object {
    fields: Vec<(String, Json)>,
}

impl Object {
    fn put(&mut self, name: &str, value: Json) {
        self.fields.push((name.to_owned(), value));
    }

    fn put_text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.put(name, Json::text(text));
        }
    }

    fn put_list(&mut self, name: &str, value: Json) {
        if value != Json::List(Vec::new()) {
            self.put(name, value);
        }
    }

    /// What the type needs besides its word.
    fn put_needed(&mut self, kind: &AttributeType) {
        match kind {
            AttributeType::Decimal { scale } => self.put("scale", Json::Number((*scale).into())),
            AttributeType::Money(currency) => self.put_text("currency", Some(currency.code())),
            AttributeType::MixedMoney { currency_column } => {
                self.put_text("currency_column", Some(currency_column));
            }
            AttributeType::Enum(allowed) | AttributeType::Band(allowed) => {
                self.put("values", texts(allowed.iter()));
            }
            _ => {}
        }
    }

    fn put_common(&mut self, attribute: &Attribute, unit: Option<&str>) {
        self.put_text("label", attribute.label.as_deref());
        self.put_text("description", attribute.description.as_deref());
        self.put_text("unit", unit);
        self.put_text("dimension", attribute.dimension.as_deref());
        if attribute.case != CaseRule::default() {
            self.put_text("case", Some(word_of(&CASES, &attribute.case)));
        }
        if let Some(bytes) = attribute.max_bytes {
            self.put("max_bytes", Json::Number(bytes.into()));
        }
        self.put_list("applies_to", texts(&attribute.applies_to));
        match attribute.required_at.as_deref() {
            None => {}
            Some([]) => self.put("required", Json::Bool(true)),
            Some(names) => self.put("required", texts(names)),
        }
    }

    fn finish(self) -> Json {
        Json::Object(self.fields)
    }
}
