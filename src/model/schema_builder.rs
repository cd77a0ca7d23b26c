//! How is a schema declared, and what is wrong with it?
//!
//! Every fault is found in one pass and reported with the path of the part that is wrong, in the same
//! words whether the schema was built in code or read from JSON. A document can hold parts that cannot be
//! read at all; the reader says what is wrong with them and leaves a gap, so that every other part keeps
//! its place and is checked here all the same.

use std::collections::HashSet;
use std::sync::Arc;

use indexmap::IndexMap;

use super::attribute::set_apart;
use super::limits::{
    MAX_ACCOUNT_TYPES, MAX_ATTRIBUTES, MAX_COLUMNS, MAX_ENUM_VALUES, MAX_NAME_BYTES, MAX_PRODUCTS, MAX_SCALE,
    MAX_TABLES, MAX_TEXT_BYTES,
};
use super::schema_fault::{SchemaErrors, SchemaFault, SchemaFaultKind};
use super::{
    AccountType, Attribute, AttributeType, ChildTable, Currency, EnumValues, Nesting, Product,
    RepeatedProducts, Schema, StatusGroup, SystemAttribute, shown,
};

/// Names that the expression language and the structure of accounts need for themselves.
const RESERVED: [&str; 54] = [
    "links",
    "successions",
    "id",
    "parent",
    "account_type",
    "product",
    "level",
    "root",
    "ancestors",
    "lineage",
    "children",
    "descendants",
    "subtree",
    "siblings",
    "under",
    "strictlyUnder",
    "owns",
    "products",
    "inSegment",
    "health",
    "usage",
    "roll",
    "attr",
    "has",
    "coalesce",
    "isNot",
    "isTrue",
    "between",
    "ratio",
    "today",
    "now",
    "daysAgo",
    "daysFromNow",
    "startOf",
    "endOf",
    "date",
    "timestamp",
    "duration",
    "int",
    "double",
    "string",
    "bool",
    "math",
    "size",
    "true",
    "false",
    "null",
    "in",
    "account",
    "accounts",
    "rank",
    "row",
    "like",
    "self",
];

/// A schema in the making; see [`Schema::builder`].
#[derive(Debug, Clone, Default)]
pub struct SchemaBuilder {
    // `None` is a part of a document that has no readable name; its reader has noted why.
    pub(super) types: Vec<Option<AccountType>>,
    pub(super) products: Vec<Option<Arc<str>>>,
    pub(super) repeated_products: RepeatedProducts,
    pub(super) attributes: Vec<Option<DeclaredAttribute>>,
    pub(super) tables: Vec<Option<DeclaredTable>>,
}

/// An attribute or column, with what only its declaration knows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DeclaredAttribute {
    pub(super) attribute: Attribute,
    // Whether its type is known: a document may hold a type that cannot be read, noted by its reader.
    pub(super) kind_known: bool,
    // For the status attribute: a group for each value as given.
    pub(super) groups: Option<Vec<StatusGroup>>,
}

impl From<Attribute> for DeclaredAttribute {
    fn from(attribute: Attribute) -> Self {
        Self { attribute, kind_known: true, groups: None }
    }
}

/// A child table, with its columns as declared; those of `table` itself do not count.
#[derive(Debug, Clone)]
pub(super) struct DeclaredTable {
    pub(super) table: ChildTable,
    pub(super) columns: Vec<Option<DeclaredAttribute>>,
}

impl SchemaBuilder {
    /// Declares the next account type, below those declared before.
    #[must_use]
    pub fn account_type(mut self, name: &str, nesting: Nesting) -> Self {
        self.types.push(Some(AccountType { name: Arc::from(name), nesting }));
        self
    }

    /// Declares a product.
    #[must_use]
    pub fn product(mut self, name: &str) -> Self {
        self.products.push(Some(Arc::from(name)));
        self
    }

    /// Declares whether an account may hold one product twice; it may not, where nothing is declared.
    #[must_use]
    pub const fn repeated_products(mut self, answer: RepeatedProducts) -> Self {
        self.repeated_products = answer;
        self
    }

    /// Declares an attribute.
    #[must_use]
    pub fn attribute(mut self, attribute: Attribute) -> Self {
        self.attributes.push(Some(attribute.into()));
        self
    }

    /// Declares a system attribute that needs nothing more; status, contract value and journey stage
    /// have calls of their own and are left out here.
    #[must_use]
    pub fn system(self, which: SystemAttribute) -> Self {
        match which.attribute() {
            Some(attribute) => self.attribute(attribute),
            None => self,
        }
    }

    /// Declares the status attribute: each status with its group.
    #[must_use]
    pub fn status<'t>(mut self, values: impl IntoIterator<Item = (&'t str, StatusGroup)>) -> Self {
        let (texts, groups): (Vec<_>, Vec<_>) = values.into_iter().unzip();
        let attribute = SystemAttribute::status(EnumValues::new(texts));
        self.attributes.push(Some(DeclaredAttribute { groups: Some(groups), ..attribute.into() }));
        self
    }

    /// Declares the contract value in a currency.
    #[must_use]
    pub fn contract_value(self, currency: Currency) -> Self {
        self.attribute(SystemAttribute::contract_value(currency))
    }

    /// Declares the stages of the customer journey, in order.
    #[must_use]
    pub fn journey_stages<'t>(self, stages: impl IntoIterator<Item = &'t str>) -> Self {
        self.attribute(SystemAttribute::journey_stage(EnumValues::new(stages)))
    }

    /// Declares a child table.
    #[must_use]
    pub fn table(mut self, table: ChildTable) -> Self {
        let columns = table.columns.values().cloned().map(|column| Some(column.into())).collect();
        self.tables.push(Some(DeclaredTable { table, columns }));
        self
    }

    /// Checks everything and makes the schema.
    ///
    /// # Errors
    ///
    /// [`SchemaErrors`] with every fault and its path, up to a thousand of them.
    pub fn build(self) -> Result<Schema, SchemaErrors> {
        let mut faults = SchemaErrors::none();
        let schema = self.checked(&mut faults);
        faults.or(schema)
    }

    /// Notes what is wrong; the schema if nothing is, and nothing was before.
    pub(super) fn checked(&self, faults: &mut SchemaErrors) -> Option<Schema> {
        let types = self.check_types(faults);
        let products = self.check_products(faults);
        let mut attributes = self.check_attributes(&types, faults);
        let mut tables = self.check_tables(faults);
        if !faults.is_empty() {
            return None;
        }
        let columns = tables.values_mut().flat_map(|table| table.columns.values_mut());
        set_apart(attributes.values_mut().chain(columns).map(|attribute| &mut attribute.kind));
        let applies = attributes.values().map(|a| flags(&types, &a.applies_to)).collect();
        let required = attributes.values().map(|a| match a.required_at.as_deref() {
            None => types.keys().map(|_| false).collect(),
            Some([]) => flags(&types, &a.applies_to),
            Some(names) => flags(&types, names),
        });
        let required = required.collect();
        let status = SystemAttribute::Status.name();
        let is_status = |declared: &&DeclaredAttribute| &*declared.attribute.name == status;
        let declared = self.attributes.iter().flatten().find(is_status);
        let status_groups = declared.and_then(|declared| declared.groups.clone()).unwrap_or_default();
        let product_values = EnumValues::new(products.keys().map(|name| &**name));
        let type_values = EnumValues::new(types.keys().map(|name| &**name));
        Some(Schema {
            types,
            products,
            repeated_products: self.repeated_products,
            attributes,
            tables,
            status_groups,
            applies,
            required,
            product_values,
            type_values,
        })
    }

    fn check_types(&self, faults: &mut SchemaErrors) -> IndexMap<Arc<str>, AccountType> {
        if self.types.is_empty() {
            faults.note("/account_types", SchemaFaultKind::NoAccountTypes);
        }
        check_count("/account_types", "account types", self.types.len(), MAX_ACCOUNT_TYPES, faults);
        let mut types = IndexMap::new();
        for (place, kind) in declared(&self.types) {
            let path = format!("/account_types/{place}");
            check_name(&path, &kind.name, faults);
            insert(&mut types, &path, &kind.name, kind.clone(), faults);
        }
        types
    }

    fn check_products(&self, faults: &mut SchemaErrors) -> IndexMap<Arc<str>, Product> {
        check_count("/products", "products", self.products.len(), MAX_PRODUCTS, faults);
        let mut products = IndexMap::new();
        for (place, name) in declared(&self.products) {
            let path = format!("/products/{place}");
            // A product's name is a value, not an identifier: any text that could be an id will do.
            if name.is_empty() {
                faults.note(path.clone(), SchemaFaultKind::EmptyName);
            } else if name.len() > MAX_NAME_BYTES {
                faults.note(path.clone(), SchemaFaultKind::LongName { bytes: name.len() });
            }
            insert(&mut products, &path, name, Product { name: Arc::clone(name) }, faults);
        }
        products
    }

    fn check_attributes(
        &self,
        types: &IndexMap<Arc<str>, AccountType>,
        faults: &mut SchemaErrors,
    ) -> IndexMap<Arc<str>, Attribute> {
        check_count("/attributes", "attributes", self.attributes.len(), MAX_ATTRIBUTES, faults);
        let mut attributes = IndexMap::new();
        let all_types_known = !types.is_empty() && self.types.iter().all(Option::is_some);
        for (place, declared) in declared(&self.attributes) {
            let path = format!("/attributes/{place}");
            let attribute = &declared.attribute;
            check_identifier(&path, &attribute.name, faults);
            check_kind(&path, declared, faults);
            if all_types_known {
                check_type_names(&path, attribute, types, faults);
            }
            if matches!(attribute.kind, AttributeType::MixedMoney { .. }) {
                faults.note(path.clone(), SchemaFaultKind::MixedMoneyOnAccount);
            }
            check_system(&path, declared, faults);
            insert(&mut attributes, &path, &attribute.name, attribute.clone(), faults);
        }
        attributes
    }

    fn check_tables(&self, faults: &mut SchemaErrors) -> IndexMap<Arc<str>, ChildTable> {
        check_count("/tables", "child tables", self.tables.len(), MAX_TABLES, faults);
        let mut tables = IndexMap::new();
        for (place, declared) in declared(&self.tables) {
            let path = format!("/tables/{place}");
            let table = &declared.table;
            // `events` is reserved in expressions for usage rows, which is what such a table holds.
            check_identifier(&path, &table.name, faults);
            for name in &table.repeated {
                faults.note(format!("{path}/columns"), SchemaFaultKind::Repeated { name: shown(name) });
            }
            let columns = check_columns(&path, &declared.columns, faults);
            insert(&mut tables, &path, &table.name, ChildTable { columns, ..table.clone() }, faults);
        }
        tables
    }
}

/// What is not a gap, with its place.
fn declared<T>(parts: &[Option<T>]) -> impl Iterator<Item = (usize, &T)> {
    parts.iter().enumerate().filter_map(|(place, part)| Some((place, part.as_ref()?)))
}

/// A flag for each type: whether it is among `names`, or `true` throughout when there are none.
fn flags(types: &IndexMap<Arc<str>, AccountType>, names: &[Arc<str>]) -> Box<[bool]> {
    let mut flags = vec![names.is_empty(); types.len()];
    for place in names.iter().filter_map(|name| types.get_index_of(name)) {
        if let Some(flag) = flags.get_mut(place) {
            *flag = true;
        }
    }
    flags.into()
}

fn check_columns(
    path: &str,
    columns: &[Option<DeclaredAttribute>],
    faults: &mut SchemaErrors,
) -> IndexMap<Arc<str>, Attribute> {
    check_count(path, "columns", columns.len(), MAX_COLUMNS, faults);
    // A column that cannot be read may be the one that is meant, and may well be a text.
    let all_known = columns.iter().all(Option::is_some);
    let can_hold_codes = |column: &&DeclaredAttribute| {
        !column.kind_known || matches!(column.attribute.kind, AttributeType::Text | AttributeType::Enum(_))
    };
    let code_columns: HashSet<&str> =
        columns.iter().flatten().filter(can_hold_codes).map(|column| &*column.attribute.name).collect();
    let mut checked = IndexMap::new();
    for (place, declared) in declared(columns) {
        let path = format!("{path}/columns/{place}");
        let column = &declared.attribute;
        check_column_name(&path, &column.name, faults);
        check_kind(&path, declared, faults);
        match &column.kind {
            AttributeType::MixedMoney { currency_column: name }
                if all_known && !code_columns.contains(&**name) =>
            {
                faults.note(path.clone(), SchemaFaultKind::CurrencyColumn { name: shown(name) });
            }
            _ => {}
        }
        if !column.applies_to.is_empty() || column.required_at.as_ref().is_some_and(|r| !r.is_empty()) {
            let message = "columns of child tables apply to every account type".to_owned();
            faults.note(path.clone(), SchemaFaultKind::Document { message });
        }
        insert(&mut checked, &path, &column.name, column.clone(), faults);
    }
    checked
}

fn insert<T>(
    map: &mut IndexMap<Arc<str>, T>,
    path: &str,
    name: &Arc<str>,
    part: T,
    faults: &mut SchemaErrors,
) {
    if map.insert(Arc::clone(name), part).is_some() {
        faults.note(path, SchemaFaultKind::Repeated { name: shown(name) });
    }
}

fn check_count(path: &str, what: &'static str, count: usize, limit: usize, faults: &mut SchemaErrors) {
    if count > limit {
        faults.note(path, SchemaFaultKind::TooMany { what, count, limit });
    }
}

// Names of types: any letters; names of attributes and tables besides must not be reserved.
fn check_identifier(path: &str, name: &str, faults: &mut SchemaErrors) {
    check_name(path, name, faults);
    if is_reserved(name) {
        faults.note(path, SchemaFaultKind::Reserved { name: name.to_owned() });
    }
}

/// Whether a name is a word that expressions and the structure of accounts need for themselves, or begins with
/// one that other names are read behind: `level`, `parent.name`. Nothing that is read by name may have it: a
/// declared name comes before a word.
pub(crate) fn is_reserved(name: &str) -> bool {
    let head = name.split_once('.').map(|(head, _)| head);
    RESERVED.contains(&name) || head.is_some_and(|head| ["parent", "root", "attr"].contains(&head))
}

/// What is said of such a name.
pub(crate) fn reserved(name: &str) -> String {
    SchemaFaultKind::Reserved { name: name.to_owned() }.to_string()
}

// A column is always written behind its row (`deal.product`), so it clashes only with what every row has.
fn check_column_name(path: &str, name: &str, faults: &mut SchemaErrors) {
    check_name(path, name, faults);
    if ["id", "account"].contains(&name) {
        faults.note(path, SchemaFaultKind::Reserved { name: name.to_owned() });
    }
}

fn check_name(path: &str, name: &str, faults: &mut SchemaErrors) {
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
    faults.note(path, kind);
}

/// Why a field of a kind of event or of fact is invalid: its name, its type, or that it is limited to some account types. `None` if it is valid.
pub(crate) fn unfit_field(field: &Attribute) -> Option<String> {
    let mut faults = SchemaErrors::none();
    check_name("", &field.name, &mut faults);
    check_kind("", &field.clone().into(), &mut faults);
    if !field.applies_to.is_empty() || field.required_at.as_ref().is_some_and(|types| !types.is_empty()) {
        let message = "only attributes apply to some account types".to_owned();
        faults.note("", SchemaFaultKind::Document { message });
    }
    faults.iter().next().map(|fault| fault.kind().to_string())
}

fn check_kind(path: &str, declared: &DeclaredAttribute, faults: &mut SchemaErrors) {
    let attribute = &declared.attribute;
    if let Some(bytes) = attribute.max_bytes.filter(|bytes| *bytes == 0 || *bytes > MAX_TEXT_BYTES) {
        faults.note(format!("{path}/max_bytes"), SchemaFaultKind::TextLength { bytes });
    }
    if !declared.kind_known {
        return;
    }
    match &attribute.kind {
        AttributeType::Decimal { scale } if *scale > MAX_SCALE => {
            faults.note(format!("{path}/scale"), SchemaFaultKind::Scale { scale: u64::from(*scale) });
        }
        AttributeType::Enum(values) | AttributeType::Band(values) => {
            let list = format!("{path}/values");
            if values.is_empty() {
                faults.note(list.clone(), SchemaFaultKind::NoValues);
            }
            check_count(&list, "allowed values", values.len(), MAX_ENUM_VALUES, faults);
            for (place, value) in values.repeated() {
                let kind = SchemaFaultKind::Repeated { name: shown(value) };
                faults.note(format!("{list}/{place}"), kind);
            }
        }
        _ => {}
    }
}

/// A name that later layers look for must mean what they expect.
fn check_system(path: &str, declared: &DeclaredAttribute, faults: &mut SchemaErrors) {
    let attribute = &declared.attribute;
    let Some(system) = SystemAttribute::from_name(&attribute.name).filter(|_| declared.kind_known) else {
        return;
    };
    if !system.fits(&attribute.kind) {
        faults.note(path, SchemaFaultKind::SystemType { name: attribute.name.to_string() });
    } else if system == SystemAttribute::Status && declared.groups.is_none() {
        faults.note(path, SchemaFaultKind::StatusWithoutGroups);
    }
}

fn check_type_names(
    path: &str,
    attribute: &Attribute,
    types: &IndexMap<Arc<str>, AccountType>,
    faults: &mut SchemaErrors,
) {
    let required = attribute.required_at.as_deref().unwrap_or_default();
    for (field, names) in [("applies_to", &*attribute.applies_to), ("required", required)] {
        let path = format!("{path}/{field}");
        for name in names.iter().filter(|name| !types.contains_key(*name)) {
            faults.add(|| {
                let known: Vec<String> = types.keys().map(|t| shown(t)).take(8).collect();
                let hint = format!("; known: {}", known.join(", "));
                SchemaFault::new(&*path, SchemaFaultKind::UnknownType { name: shown(name), hint })
            });
        }
    }
    let applied: HashSet<&str> = attribute.applies_to.iter().map(|name| &**name).collect();
    let not_applied = |name: &&Arc<str>| types.contains_key(*name) && !applied.contains(&***name);
    for name in required.iter().filter(not_applied).filter(|_| !applied.is_empty()) {
        let kind = SchemaFaultKind::RequiredWhereNotApplied { name: shown(name) };
        faults.note(format!("{path}/required"), kind);
    }
}
