//! How is a schema declared, and what is wrong with it?
//!
//! Every fault is found in one pass and reported with the path of the part that is wrong, in the same
//! words whether the schema was built in code or read from JSON.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;

use super::limits::{
    MAX_ACCOUNT_TYPES, MAX_ATTRIBUTES, MAX_COLUMNS, MAX_ENUM_VALUES, MAX_NAME_BYTES, MAX_PRODUCTS, MAX_SCALE,
    MAX_TABLES, MAX_TEXT_BYTES,
};
use super::{
    AccountType, Attribute, AttributeType, ChildTable, Currency, EnumValues, Nesting, Product, Schema,
    StatusGroup, SystemAttribute,
};

/// Names that the expression language and the structure of accounts need for themselves.
const RESERVED: [&str; 52] = [
    "id", "parent", "account_type", "product", "level", "root", "ancestors", "lineage", "children", "descendants",
    "subtree", "siblings", "under", "strictlyUnder", "owns", "products", "inSegment", "health", "usage", "roll",
    "attr", "has", "coalesce", "isNot", "isTrue", "between", "ratio", "today", "now", "daysAgo", "daysFromNow",
    "startOf", "endOf", "date", "timestamp", "duration", "int", "double", "string", "bool", "math", "size",
    "true", "false", "null", "in", "account", "accounts", "rank", "row", "like", "self",
];

/// Something wrong with a schema, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaFault {
    path: String,
    kind: SchemaFaultKind,
}

impl SchemaFault {
    pub(super) fn new(path: impl Into<String>, kind: SchemaFaultKind) -> Self {
        Self { path: path.into(), kind }
    }

    /// Where: `attributes[3].values`, counted from 0; empty for the document as a whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What.
    #[must_use]
    pub const fn kind(&self) -> &SchemaFaultKind {
        &self.kind
    }
}

impl fmt::Display for SchemaFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { write!(f, "{}", self.kind) } else { write!(f, "{}: {}", self.path, self.kind) }
    }
}

/// What is wrong with a part of a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum SchemaFaultKind {
    #[error("no account types; declare at least one")]
    NoAccountTypes,
    #[error("name is empty")]
    EmptyName,
    #[error("name has {bytes} bytes; the limit is {MAX_NAME_BYTES}")]
    LongName { bytes: usize },
    #[error("name `{name}` may hold letters, digits, and `_ . - /` or single spaces between them")]
    BadName { name: String },
    #[error("name `{name}` is reserved")]
    Reserved { name: String },
    #[error("`{name}` is declared twice")]
    Repeated { name: String },
    #[error("unknown account type `{name}`{hint}")]
    UnknownType { name: String, hint: String },
    #[error("required for `{name}`, to which it does not apply")]
    RequiredWhereNotApplied { name: String },
    #[error("scale {scale} is out of range; 0 to {MAX_SCALE} digits after the point are possible")]
    Scale { scale: u64 },
    #[error("no allowed values")]
    NoValues,
    #[error("{count} {what}; the limit is {limit}")]
    TooMany { what: &'static str, count: usize, limit: usize },
    #[error("`{name}` is a system attribute of another type")]
    SystemType { name: String },
    #[error("status values need a group each (free, paying or cancelled)")]
    StatusWithoutGroups,
    #[error("amounts of mixed currency belong in child tables; give the attribute one currency")]
    MixedMoneyOnAccount,
    #[error("currency column `{name}` is no text or enumeration column of this table")]
    CurrencyColumn { name: String },
    #[error("a longest text of {bytes} bytes is out of range; the limit is {MAX_TEXT_BYTES}")]
    TextLength { bytes: usize },
    /// A fault that only a document can have.
    #[error("{message}")]
    Document { message: String },
}

/// Every fault of a schema, in the order of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaErrors {
    faults: Vec<SchemaFault>,
}

impl SchemaErrors {
    pub(super) const fn new(faults: Vec<SchemaFault>) -> Self {
        Self { faults }
    }

    /// The faults.
    #[must_use]
    pub fn faults(&self) -> &[SchemaFault] {
        &self.faults
    }
}

impl fmt::Display for SchemaErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "schema has {} fault(s)", self.faults.len())?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for SchemaErrors {}

/// A schema in the making; see [`Schema::builder`].
#[derive(Debug, Clone, Default)]
pub struct SchemaBuilder {
    types: Vec<AccountType>,
    products: Vec<Arc<str>>,
    attributes: Vec<Attribute>,
    tables: Vec<ChildTable>,
    status_groups: Vec<StatusGroup>,
    // Where each attribute stood in a document; otherwise its place in `attributes`.
    repeated_values: Vec<(String, String)>,
}

impl SchemaBuilder {
    /// Declares the next account type, below those declared before.
    #[must_use]
    pub fn account_type(mut self, name: &str, nesting: Nesting) -> Self {
        self.types.push(AccountType { name: Arc::from(name), nesting });
        self
    }

    /// Declares a product.
    #[must_use]
    pub fn product(mut self, name: &str) -> Self {
        self.products.push(Arc::from(name));
        self
    }

    /// Declares an attribute.
    #[must_use]
    pub fn attribute(mut self, attribute: Attribute) -> Self {
        self.attributes.push(attribute);
        self
    }

    /// Declares a system attribute that needs nothing more; status, contract value and journey stage
    /// have calls of their own and are left out here.
    #[must_use]
    pub fn system(mut self, which: SystemAttribute) -> Self {
        self.attributes.extend(which.attribute());
        self
    }

    /// Declares the status attribute: each status with its group.
    #[must_use]
    pub fn status<'t>(mut self, values: impl IntoIterator<Item = (&'t str, StatusGroup)>) -> Self {
        let (texts, groups): (Vec<_>, Vec<_>) = values.into_iter().unzip();
        self.note_repeated(SystemAttribute::Status.name(), &texts);
        self.attributes.push(SystemAttribute::status(EnumValues::new(texts)));
        self.status_groups = groups;
        self
    }

    /// Declares the contract value in a currency.
    #[must_use]
    pub fn contract_value(mut self, currency: Currency) -> Self {
        self.attributes.push(SystemAttribute::contract_value(currency));
        self
    }

    /// Declares the stages of the customer journey, in order.
    #[must_use]
    pub fn journey_stages<'t>(mut self, stages: impl IntoIterator<Item = &'t str>) -> Self {
        let stages: Vec<_> = stages.into_iter().collect();
        self.note_repeated(SystemAttribute::JourneyStage.name(), &stages);
        self.attributes.push(SystemAttribute::journey_stage(EnumValues::new(stages)));
        self
    }

    /// Declares a child table.
    #[must_use]
    pub fn table(mut self, table: ChildTable) -> Self {
        self.tables.push(table);
        self
    }

    fn note_repeated(&mut self, attribute: &str, values: &[&str]) {
        let mut seen = std::collections::HashSet::new();
        for value in values.iter().filter(|value| !seen.insert(**value)) {
            self.repeated_values.push((attribute.to_owned(), (*value).to_owned()));
        }
    }

    /// Checks everything and makes the schema.
    ///
    /// # Errors
    ///
    /// [`SchemaErrors`] with every fault and its path.
    pub fn build(self) -> Result<Schema, SchemaErrors> {
        let mut faults = Vec::new();
        let types = self.check_types(&mut faults);
        let products = self.check_products(&mut faults);
        let attributes = self.check_attributes(&types, &mut faults);
        let tables = self.check_tables(&mut faults);
        for (attribute, value) in &self.repeated_values {
            let path = format!("attributes.{attribute}.values");
            faults.push(SchemaFault::new(path, SchemaFaultKind::Repeated { name: value.clone() }));
        }
        if !faults.is_empty() {
            return Err(SchemaErrors::new(faults));
        }
        let flags = |of: &dyn Fn(&Attribute, &str) -> bool| -> Vec<Box<[bool]>> {
            attributes.values().map(|a| types.keys().map(|t| of(a, t)).collect()).collect()
        };
        let applies = flags(&|a, t| a.applies_to.is_empty() || a.applies_to.iter().any(|n| &**n == t));
        let required = flags(&|a, t| {
            let applies = a.applies_to.is_empty() || a.applies_to.iter().any(|n| &**n == t);
            a.required_at.as_ref().is_some_and(|r| if r.is_empty() { applies } else { r.iter().any(|n| &**n == t) })
        });
        let product_values = EnumValues::new(products.keys().map(|name| &**name));
        let status_groups = self.status_groups;
        Ok(Schema { types, products, attributes, tables, status_groups, applies, required, product_values })
    }

    fn check_types(&self, faults: &mut Vec<SchemaFault>) -> IndexMap<Arc<str>, AccountType> {
        if self.types.is_empty() {
            faults.push(SchemaFault::new("account_types", SchemaFaultKind::NoAccountTypes));
        }
        check_count("account_types", "account types", self.types.len(), MAX_ACCOUNT_TYPES, faults);
        let mut types = IndexMap::new();
        for (place, kind) in self.types.iter().enumerate() {
            let path = format!("account_types[{place}]");
            check_name(&path, &kind.name, faults);
            insert(&mut types, &path, &kind.name, kind.clone(), faults);
        }
        types
    }

    fn check_products(&self, faults: &mut Vec<SchemaFault>) -> IndexMap<Arc<str>, Product> {
        check_count("products", "products", self.products.len(), MAX_PRODUCTS, faults);
        let mut products = IndexMap::new();
        for (place, name) in self.products.iter().enumerate() {
            let path = format!("products[{place}]");
            // A product's name is a value, not an identifier: any text that could be an id will do.
            if name.is_empty() {
                faults.push(SchemaFault::new(path.clone(), SchemaFaultKind::EmptyName));
            } else if name.len() > MAX_NAME_BYTES {
                faults.push(SchemaFault::new(path.clone(), SchemaFaultKind::LongName { bytes: name.len() }));
            }
            insert(&mut products, &path, name, Product { name: Arc::clone(name) }, faults);
        }
        products
    }

    fn check_attributes(
        &self,
        types: &IndexMap<Arc<str>, AccountType>,
        faults: &mut Vec<SchemaFault>,
    ) -> IndexMap<Arc<str>, Attribute> {
        check_count("attributes", "attributes", self.attributes.len(), MAX_ATTRIBUTES, faults);
        let mut attributes = IndexMap::new();
        for (place, attribute) in self.attributes.iter().enumerate() {
            let path = format!("attributes[{place}]");
            check_identifier(&path, &attribute.name, faults);
            check_kind(&path, attribute, faults);
            check_type_names(&path, attribute, types, faults);
            if matches!(attribute.kind, AttributeType::MixedMoney { .. }) {
                faults.push(SchemaFault::new(path.clone(), SchemaFaultKind::MixedMoneyOnAccount));
            }
            if let Some(system) = SystemAttribute::from_name(&attribute.name) {
                let groups = attribute.kind.values().map_or(0, EnumValues::len);
                if !system.fits(&attribute.kind) {
                    let name = attribute.name.to_string();
                    faults.push(SchemaFault::new(path.clone(), SchemaFaultKind::SystemType { name }));
                } else if system == SystemAttribute::Status
                    && groups != self.status_groups.len()
                    && self.repeated_values.is_empty()
                {
                    faults.push(SchemaFault::new(path.clone(), SchemaFaultKind::StatusWithoutGroups));
                }
            }
            insert(&mut attributes, &path, &attribute.name, attribute.clone(), faults);
        }
        attributes
    }

    fn check_tables(&self, faults: &mut Vec<SchemaFault>) -> IndexMap<Arc<str>, ChildTable> {
        check_count("tables", "child tables", self.tables.len(), MAX_TABLES, faults);
        let mut tables = IndexMap::new();
        for (place, table) in self.tables.iter().enumerate() {
            let path = format!("tables[{place}]");
            // `events` is reserved in expressions for usage rows, which is what such a table holds.
            check_identifier(&path, &table.name, faults);
            check_count(&path, "columns", table.columns.len(), MAX_COLUMNS, faults);
            for name in &table.repeated {
                let kind = SchemaFaultKind::Repeated { name: name.to_string() };
                faults.push(SchemaFault::new(format!("{path}.columns"), kind));
            }
            for (place, column) in table.columns.values().enumerate() {
                let path = format!("{path}.columns[{place}]");
                check_identifier(&path, &column.name, faults);
                check_kind(&path, column, faults);
                if let AttributeType::MixedMoney { currency_column } = &column.kind {
                    let fits = |c: &Attribute| matches!(c.kind, AttributeType::Text | AttributeType::Enum(_));
                    if !table.columns.get(currency_column).is_some_and(fits) {
                        let kind = SchemaFaultKind::CurrencyColumn { name: currency_column.to_string() };
                        faults.push(SchemaFault::new(path.clone(), kind));
                    }
                }
                if !column.applies_to.is_empty() || column.required_at.as_ref().is_some_and(|r| !r.is_empty()) {
                    let message = "columns of child tables apply to every account type".to_owned();
                    faults.push(SchemaFault::new(path, SchemaFaultKind::Document { message }));
                }
            }
            insert(&mut tables, &path, &table.name, table.clone(), faults);
        }
        tables
    }
}

fn insert<T>(
    map: &mut IndexMap<Arc<str>, T>,
    path: &str,
    name: &Arc<str>,
    part: T,
    faults: &mut Vec<SchemaFault>,
) {
    if map.insert(Arc::clone(name), part).is_some() {
        faults.push(SchemaFault::new(path, SchemaFaultKind::Repeated { name: name.to_string() }));
    }
}

fn check_count(path: &str, what: &'static str, count: usize, limit: usize, faults: &mut Vec<SchemaFault>) {
    if count > limit {
        faults.push(SchemaFault::new(path, SchemaFaultKind::TooMany { what, count, limit }));
    }
}

// Names of types: any letters; names of attributes and tables besides must not be reserved.
fn check_identifier(path: &str, name: &str, faults: &mut Vec<SchemaFault>) {
    check_name(path, name, faults);
    if RESERVED.contains(&name) {
        faults.push(SchemaFault::new(path, SchemaFaultKind::Reserved { name: name.to_owned() }));
    }
}

fn check_name(path: &str, name: &str, faults: &mut Vec<SchemaFault>) {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | ' ');
    let kind = if name.is_empty() {
        SchemaFaultKind::EmptyName
    } else if name.len() > MAX_NAME_BYTES {
        SchemaFaultKind::LongName { bytes: name.len() }
    } else if !name.chars().all(allowed) || name.trim() != name || name.contains("  ") {
        SchemaFaultKind::BadName { name: name.to_owned() }
    } else {
        return;
    };
    faults.push(SchemaFault::new(path, kind));
}

fn check_kind(path: &str, attribute: &Attribute, faults: &mut Vec<SchemaFault>) {
    let kind = match &attribute.kind {
        AttributeType::Decimal { scale } if *scale > MAX_SCALE => SchemaFaultKind::Scale { scale: u64::from(*scale) },
        AttributeType::Enum(values) | AttributeType::Band(values) if values.is_empty() => SchemaFaultKind::NoValues,
        AttributeType::Enum(values) | AttributeType::Band(values) if values.len() > MAX_ENUM_VALUES => {
            SchemaFaultKind::TooMany { what: "allowed values", count: values.len(), limit: MAX_ENUM_VALUES }
        }
        _ => match attribute.max_bytes {
            Some(bytes) if bytes == 0 || bytes > MAX_TEXT_BYTES => SchemaFaultKind::TextLength { bytes },
            _ => return,
        },
    };
    faults.push(SchemaFault::new(path, kind));
}

fn check_type_names(
    path: &str,
    attribute: &Attribute,
    types: &IndexMap<Arc<str>, AccountType>,
    faults: &mut Vec<SchemaFault>,
) {
    let required = attribute.required_at.iter().flatten();
    for name in attribute.applies_to.iter().chain(required.clone()) {
        if !types.contains_key(name) {
            let known: Vec<&str> = types.keys().map(|t| &**t).take(8).collect();
            let hint = format!("; known: {}", known.join(", "));
            let kind = SchemaFaultKind::UnknownType { name: name.to_string(), hint };
            faults.push(SchemaFault::new(path, kind));
        }
    }
    for name in required.filter(|n| !attribute.applies_to.is_empty() && !attribute.applies_to.contains(n)) {
        faults.push(SchemaFault::new(path, SchemaFaultKind::RequiredWhereNotApplied { name: name.to_string() }));
    }
}
