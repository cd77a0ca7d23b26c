//! Which parts of a schema does a document declare?
//!
//! Notes what only a document can get wrong and hands the rest to the checks of the builder. A part whose
//! name cannot be read leaves a gap; a part with a name keeps it, with a stand-in for what is unreadable,
//! so that other parts may refer to it without a second fault.

use std::sync::Arc;

use serde_json::Value;

use super::{CASES, GROUPS, NESTINGS, REPEATED_PRODUCTS, VERSION, VERSION_FIELD};
use crate::model::limits::MAX_SCALE;
use crate::model::schema_builder::{DeclaredAttribute, DeclaredTable};
use crate::model::{
    AccountType, Attribute, AttributeType, ChildTable, Currency, EnumValues, Fields, Nesting, Place,
    SchemaBuilder, SchemaErrors, SchemaFaultKind, StatusGroup, SystemAttribute, TableKind,
};

/// What an attribute of any type may carry.
const COMMON: [&str; 8] =
    ["label", "description", "unit", "dimension", "case", "max_bytes", "applies_to", "required"];

/// What says which attribute it is, and of which type.
const HEAD: [&str; 7] = ["system", "name", "type", "currency", "scale", "values", "currency_column"];

/// The words for types.
const TYPES: [&str; 13] = [
    "bool",
    "int",
    "decimal",
    "money",
    "double",
    "text",
    "date",
    "timestamp",
    "duration",
    "enum",
    "band",
    "list",
    "mixed_money",
];

/// The parts of the document. `None` when it is no document of a version that can be read.
pub(super) fn read(document: &Value, faults: &mut SchemaErrors) -> Option<SchemaBuilder> {
    let known = [VERSION_FIELD, "account_types", "products", "repeated_products", "attributes", "tables"];
    let root = Fields::document(document, VERSION, &known, faults)?;
    Some(SchemaBuilder {
        types: parts(&root, "account_types", faults, account_type),
        products: products(&root, faults),
        repeated_products: root
            .word("repeated_products", "answer", &REPEATED_PRODUCTS, faults)
            .unwrap_or_default(),
        attributes: parts(&root, "attributes", faults, attribute),
        tables: parts(&root, "tables", faults, table),
    })
}

/// The parts of a section, or of the columns of a table. What should be a list and is none counts as a
/// list of unknown parts.
fn parts<T>(
    fields: &Fields<'_, '_>,
    section: &str,
    faults: &mut SchemaErrors,
    read: fn(&Value, Place<'_>, &mut SchemaErrors) -> Option<T>,
) -> Vec<Option<T>> {
    let list = fields.at(section);
    match fields.list(section, faults) {
        Some(entries) => {
            let entries = entries.iter().enumerate();
            entries.map(|(number, entry)| read(entry, list.item(number), faults)).collect()
        }
        None if fields.has(section) => vec![None],
        None => Vec::new(),
    }
}

fn products(root: &Fields<'_, '_>, faults: &mut SchemaErrors) -> Vec<Option<Arc<str>>> {
    let texts = root.texts("products", faults).unwrap_or_default();
    let mut products = vec![None; texts.last().map_or(0, |(place, _)| place + 1)];
    for (place, name) in texts {
        if let Some(product) = products.get_mut(place) {
            *product = Some(Arc::from(name));
        }
    }
    products
}

fn account_type(entry: &Value, place: Place<'_>, faults: &mut SchemaErrors) -> Option<AccountType> {
    let fields = Fields::open(entry, place, &["name", "nesting"], faults)?;
    let name = fields.needed_text("name", faults);
    let nesting = fields.needed_word("nesting", "nesting", &NESTINGS, faults).unwrap_or(Nesting::Ordered);
    Some(AccountType { name: Arc::from(name?), nesting })
}

pub(super) fn table(entry: &Value, place: Place<'_>, faults: &mut SchemaErrors) -> Option<DeclaredTable> {
    let fields = Fields::open(entry, place, &["name", "kind", "label", "columns"], faults)?;
    let name = fields.needed_text("name", faults);
    let kinds = TableKind::WORDS.map(|(kind, word)| (word, kind));
    let kind = fields.needed_word("kind", "kind of table", &kinds, faults).unwrap_or(TableKind::Custom);
    let label = fields.text("label", faults).map(Arc::from);
    fields.need("columns", faults);
    let columns = parts(&fields, "columns", faults, column);
    Some(DeclaredTable { table: ChildTable { label, ..ChildTable::new(name?, kind) }, columns })
}

pub(super) fn attribute(
    entry: &Value,
    place: Place<'_>,
    faults: &mut SchemaErrors,
) -> Option<DeclaredAttribute> {
    let known = [HEAD.as_slice(), &COMMON].concat();
    let fields = Fields::open(entry, place, &known, faults)?;
    if fields.has("system") { system_attribute(&fields, faults) } else { own_attribute(&fields, faults) }
}

pub(super) fn column(
    entry: &Value,
    place: Place<'_>,
    faults: &mut SchemaErrors,
) -> Option<DeclaredAttribute> {
    let known = [HEAD.as_slice(), &COMMON].concat();
    let fields = Fields::open(entry, place, &known, faults)?;
    if fields.has("system") {
        misplaced(&fields, &["system"], "a column of a child table", faults);
        return None;
    }
    own_attribute(&fields, faults)
}

fn own_attribute(fields: &Fields<'_, '_>, faults: &mut SchemaErrors) -> Option<DeclaredAttribute> {
    let name = fields.needed_text("name", faults);
    let word = fields.needed_word("type", "type", &TYPES.map(|word| (word, word)), faults);
    let kind = word.and_then(|word| own_kind(fields, word, faults));
    let kind_known = kind.is_some();
    let attribute = Attribute::new(name.unwrap_or_default(), kind.unwrap_or(AttributeType::Text));
    let attribute = with_common(attribute, fields, faults);
    name.map(|_| DeclaredAttribute { attribute, kind_known, groups: None })
}

fn own_kind(fields: &Fields<'_, '_>, word: &'static str, faults: &mut SchemaErrors) -> Option<AttributeType> {
    let needed = match word {
        "decimal" => "scale",
        "money" => "currency",
        "mixed_money" => "currency_column",
        "enum" | "band" => "values",
        _ => "",
    };
    let others =
        ["scale", "currency", "currency_column", "values"].into_iter().filter(|field| *field != needed);
    misplaced(fields, &others.collect::<Vec<_>>(), &format!("type `{word}`"), faults);
    Some(match word {
        "bool" => AttributeType::Bool,
        "int" => AttributeType::Int,
        "decimal" => AttributeType::Decimal { scale: needed_scale(fields, faults)? },
        "money" => AttributeType::Money(needed_currency(fields, faults)?),
        "mixed_money" => AttributeType::MixedMoney {
            currency_column: fields.needed_text("currency_column", faults)?.into(),
        },
        "double" => AttributeType::Double,
        "text" => AttributeType::Text,
        "date" => AttributeType::Date,
        "timestamp" => AttributeType::Timestamp,
        "duration" => AttributeType::Duration,
        "enum" => AttributeType::Enum(needed_values(fields, faults)?),
        "band" => AttributeType::Band(needed_values(fields, faults)?),
        "list" => AttributeType::List,
        _ => return None,
    })
}

fn system_attribute(fields: &Fields<'_, '_>, faults: &mut SchemaErrors) -> Option<DeclaredAttribute> {
    let words = SystemAttribute::ALL.map(|which| (which.name(), which));
    let which = fields.word("system", "system attribute", &words, faults);
    let Some(which) = which else {
        // What it carries is checked all the same.
        with_common(Attribute::new("", AttributeType::Text), fields, faults);
        return None;
    };
    let needed = match which {
        SystemAttribute::Status | SystemAttribute::JourneyStage => "values",
        SystemAttribute::ContractValue => "currency",
        _ => "",
    };
    let others = HEAD.into_iter().filter(|field| *field != "system" && *field != needed);
    let owner = format!("system attribute `{}`", which.name());
    misplaced(fields, &others.collect::<Vec<_>>(), &owner, faults);
    let (attribute, groups) = match which {
        SystemAttribute::Status => {
            statuses(fields, faults).map(|(values, groups)| (SystemAttribute::status(values), groups)).unzip()
        }
        SystemAttribute::JourneyStage => {
            (needed_values(fields, faults).map(SystemAttribute::journey_stage), None)
        }
        SystemAttribute::ContractValue => {
            (needed_currency(fields, faults).map(SystemAttribute::contract_value), None)
        }
        plain => (plain.attribute(), None),
    };
    let kind_known = attribute.is_some();
    let attribute = attribute.unwrap_or_else(|| Attribute::new(which.name(), AttributeType::Text));
    Some(DeclaredAttribute { attribute: with_common(attribute, fields, faults), kind_known, groups })
}

/// Statuses with a group for each. `None` when none can be read.
fn statuses(fields: &Fields<'_, '_>, faults: &mut SchemaErrors) -> Option<(EnumValues, Vec<StatusGroup>)> {
    fields.need("values", faults);
    let entries = fields.list("values", faults)?;
    let mut texts = Vec::new();
    let mut groups = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        let list = fields.at("values");
        let Some(status) = Fields::open(entry, list.item(place), &["value", "group"], faults) else {
            continue;
        };
        let value = status.needed_text("value", faults);
        let group = status.needed_word("group", "group", &GROUPS, faults);
        texts.extend(value.map(|value| (place, value)));
        groups.push(group.unwrap_or(StatusGroup::Free));
    }
    let readable = entries.is_empty() || !texts.is_empty();
    readable.then(|| (EnumValues::with_places(texts), groups))
}

/// Allowed values. `None` when none can be read.
fn needed_values(fields: &Fields<'_, '_>, faults: &mut SchemaErrors) -> Option<EnumValues> {
    fields.need("values", faults);
    let entries = fields.list("values", faults)?;
    let texts = fields.texts("values", faults)?;
    let readable = entries.is_empty() || !texts.is_empty();
    readable.then(|| EnumValues::with_places(texts))
}

fn needed_scale(fields: &Fields<'_, '_>, faults: &mut SchemaErrors) -> Option<u8> {
    fields.need("scale", faults);
    let scale = fields.whole_number("scale", faults)?;
    let possible = u8::try_from(scale).ok().filter(|scale| *scale <= MAX_SCALE);
    if possible.is_none() {
        faults.note(fields.at("scale").to_string(), SchemaFaultKind::Scale { scale });
    }
    possible
}

fn needed_currency(fields: &Fields<'_, '_>, faults: &mut SchemaErrors) -> Option<Currency> {
    let code = fields.needed_text("currency", faults)?;
    let known = code.parse().map_err(SchemaFaultKind::UnknownCurrency);
    known.map_err(|kind| faults.note(fields.at("currency").to_string(), kind)).ok()
}

fn misplaced(fields: &Fields<'_, '_>, others: &[&str], owner: &str, faults: &mut SchemaErrors) {
    for field in others.iter().filter(|field| fields.has(field)) {
        faults.note(fields.at(field).to_string(), SchemaFaultKind::Misplaced { owner: owner.to_owned() });
    }
}

/// The attribute with what any attribute may carry.
fn with_common(mut attribute: Attribute, fields: &Fields<'_, '_>, faults: &mut SchemaErrors) -> Attribute {
    let mut set = |slot: &mut Option<Arc<str>>, field| {
        if let Some(text) = fields.text(field, faults) {
            *slot = Some(Arc::from(text));
        }
    };
    set(&mut attribute.label, "label");
    set(&mut attribute.description, "description");
    set(&mut attribute.unit, "unit");
    set(&mut attribute.dimension, "dimension");
    attribute.case = fields.word("case", "case rule", &CASES, faults).unwrap_or_default();
    // A number beyond this machine's range is beyond the limit, which the builder names.
    let bytes = fields.whole_number("max_bytes", faults);
    attribute.max_bytes = bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    if fields.has("applies_to") {
        attribute.applies_to = type_names(fields, "applies_to", faults);
    }
    match fields.get("required") {
        Some(Value::Bool(true)) => attribute.required_at = Some(Vec::new()),
        Some(Value::Array(_)) => {
            let names = type_names(fields, "required", faults);
            attribute.required_at = Some(names).filter(|names| !names.is_empty());
        }
        Some(other) if *other != Value::Bool(false) => {
            fields.wrong::<(), _>("required", "true or a list of account types", other, faults);
        }
        _ => {}
    }
    attribute
}

/// Names of account types. An empty list is a fault: some would read it as all types, some as none.
fn type_names(fields: &Fields<'_, '_>, name: &str, faults: &mut SchemaErrors) -> Vec<Arc<str>> {
    let texts = fields.texts(name, faults);
    if matches!(fields.get(name), Some(Value::Array(items)) if items.is_empty()) {
        let message = "no account types; leave the field out or name some".to_owned();
        faults.note(fields.at(name).to_string(), SchemaFaultKind::Document { message });
    }
    texts.unwrap_or_default().into_iter().map(|(_, text)| Arc::from(text)).collect()
}
