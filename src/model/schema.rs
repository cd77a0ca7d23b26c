//! What kinds of account does this host have, and what is known of each?
//!
//! A [`Schema`] is checked once, when it is built or read, and immutable after. Everything inside the
//! engine refers to its parts by number.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Attribute, ChildTable, EnumValues, SchemaBuilder, StatusGroup, SystemAttribute, TableKind};

macro_rules! place {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            // Every limit of the schema is far below 2^32.
            pub(crate) fn new(place: usize) -> Self {
                Self(u32::try_from(place).unwrap_or(u32::MAX))
            }

            /// Its place in declared order, from 0.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

place! {
    /// An account type, by its place in the schema. Lower places stand higher in the tree.
    TypeId
}
place! {
    /// An attribute, by its place in the schema.
    AttributeId
}
place! {
    /// A column of a child table, by its place in the table.
    ColumnId
}
place! {
    /// A child table, by its place in the schema.
    TableId
}
place! {
    /// A product, by its place in the schema.
    ProductId
}

/// Which types may stand under which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename = "nesting", rename_all = "snake_case", expecting = "a nesting such as `free`")]
pub enum Nesting {
    /// A child of this type stands under an account of an earlier declared type; levels may be left out.
    Ordered,
    /// As `Ordered`, and also under accounts of its own type, to any depth.
    Free,
}

/// A type of account: one level of the host's hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountType {
    pub(super) name: Arc<str>,
    pub(super) nesting: Nesting,
}

impl AccountType {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its nesting.
    #[must_use]
    pub const fn nesting(&self) -> Nesting {
        self.nesting
    }
}

/// A product that accounts own. An account that names one is a product account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    pub(super) name: Arc<str>,
}

impl Product {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// May an account hold one product twice: have several product accounts of it directly below?
///
/// Two workspaces of a product, or production and staging, are two such accounts. Accounts without a parent are never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatedProducts {
    /// No: every product account of a product but the one with the smallest id is at fault
    /// ([`FaultKind::RepeatedProduct`](crate::FaultKind::RepeatedProduct)), and the policy of the book says what becomes of it.
    #[default]
    Fault,
    /// Yes. Each of them is an account like any other: sums and counts take all of them, and lists of products name the product once.
    Allow,
}

/// The declared shape of a book: account types, products, attributes and child tables.
///
/// ```
/// use perennial::{Attribute, AttributeType, Currency, Nesting, Schema, SystemAttribute};
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .product("CRM")
///     .system(SystemAttribute::Name)
///     .contract_value(Currency::EUR)
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .build()?;
/// assert_eq!(schema.attributes().len(), 3);
/// assert!(schema.attribute("seats").is_some());
/// # Ok::<(), perennial::SchemaErrors>(())
/// ```
#[derive(Debug, Clone)]
pub struct Schema {
    pub(super) types: IndexMap<Arc<str>, AccountType>,
    pub(super) products: IndexMap<Arc<str>, Product>,
    pub(super) repeated_products: RepeatedProducts,
    pub(super) attributes: IndexMap<Arc<str>, Attribute>,
    pub(super) tables: IndexMap<Arc<str>, ChildTable>,
    // One for each value of the status attribute, in its order; empty without that attribute.
    pub(super) status_groups: Vec<StatusGroup>,
    // INVARIANT: one for each attribute; one flag for each account type.
    pub(super) applies: Vec<Box<[bool]>>,
    pub(super) required: Vec<Box<[bool]>>,
    pub(super) product_values: EnumValues,
    pub(super) type_values: EnumValues,
}

impl Schema {
    /// Starts a schema in code.
    #[must_use]
    pub fn builder() -> SchemaBuilder {
        SchemaBuilder::default()
    }

    /// The account types, highest first.
    #[must_use]
    pub fn account_types(&self) -> impl ExactSizeIterator<Item = &AccountType> {
        self.types.values()
    }

    /// An account type by name.
    #[must_use]
    pub fn account_type(&self, name: &str) -> Option<TypeId> {
        self.types.get_index_of(name).map(TypeId::new)
    }

    /// An account type by place.
    #[must_use]
    pub fn type_at(&self, id: TypeId) -> Option<&AccountType> {
        self.types.get_index(id.index()).map(|(_, kind)| kind)
    }

    /// The products.
    #[must_use]
    pub fn products(&self) -> impl ExactSizeIterator<Item = &Product> {
        self.products.values()
    }

    /// Whether an account may hold one product twice.
    #[must_use]
    pub const fn repeated_products(&self) -> RepeatedProducts {
        self.repeated_products
    }

    /// A product by name.
    #[must_use]
    pub fn product(&self, name: &str) -> Option<ProductId> {
        self.products.get_index_of(name).map(ProductId::new)
    }

    /// A product by place.
    #[must_use]
    pub fn product_at(&self, id: ProductId) -> Option<&Product> {
        self.products.get_index(id.index()).map(|(_, product)| product)
    }

    /// The attributes in declared order.
    #[must_use]
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = &Attribute> {
        self.attributes.values()
    }

    /// An attribute by name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<AttributeId> {
        self.attributes.get_index_of(name).map(AttributeId::new)
    }

    /// An attribute by place.
    #[must_use]
    pub fn attribute_at(&self, id: AttributeId) -> Option<&Attribute> {
        self.attributes.get_index(id.index()).map(|(_, attribute)| attribute)
    }

    /// A system attribute, where this schema declares it.
    #[must_use]
    pub fn system_attribute(&self, which: SystemAttribute) -> Option<AttributeId> {
        self.attribute(which.name())
    }

    /// The child tables in declared order.
    #[must_use]
    pub fn tables(&self) -> impl ExactSizeIterator<Item = &ChildTable> {
        self.tables.values()
    }

    /// A child table by name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<TableId> {
        self.tables.get_index_of(name).map(TableId::new)
    }

    /// A child table by place.
    #[must_use]
    pub fn table_at(&self, id: TableId) -> Option<&ChildTable> {
        self.tables.get_index(id.index()).map(|(_, table)| table)
    }

    /// The child tables of a kind.
    pub fn tables_of(&self, kind: TableKind) -> impl Iterator<Item = &ChildTable> {
        self.tables.values().filter(move |table| table.kind == kind)
    }

    /// Whether an attribute applies to accounts of a type.
    #[must_use]
    pub fn applies(&self, attribute: AttributeId, kind: TypeId) -> bool {
        flag(&self.applies, attribute, kind)
    }

    /// Whether an attribute is required for accounts of a type.
    #[must_use]
    pub fn requires(&self, attribute: AttributeId, kind: TypeId) -> bool {
        flag(&self.required, attribute, kind)
    }

    /// The group of a status, or `None` when the schema does not know the status.
    #[must_use]
    pub fn status_group(&self, status: &str) -> Option<StatusGroup> {
        let attribute = self.attributes.get(SystemAttribute::Status.name())?;
        let code = attribute.kind.values()?.code(status)?;
        self.status_groups.get(usize::from(code)).copied()
    }

    /// Whether an account of type `child` may stand directly under one of type `parent`.
    #[must_use]
    pub fn may_nest(&self, parent: TypeId, child: TypeId) -> bool {
        let free = || self.type_at(child).is_some_and(|t| t.nesting == Nesting::Free);
        child > parent || (child == parent && free())
    }

    /// Has each status the group that it has in another schema?
    pub(crate) fn same_statuses(&self, other: &Self) -> bool {
        self.status_groups == other.status_groups
    }

    // Codes of cancelled statuses, for roll-ups that leave them out.
    pub(crate) fn cancelled_codes(&self) -> Vec<u16> {
        let codes = self.status_groups.iter().enumerate();
        codes
            .filter(|(_, group)| **group == StatusGroup::Cancelled)
            .filter_map(|(code, _)| u16::try_from(code).ok())
            .collect()
    }

    // Whether a code is that of a cancelled status.
    pub(crate) fn is_cancelled(&self, code: u16) -> bool {
        self.status_groups.get(usize::from(code)) == Some(&StatusGroup::Cancelled)
    }

    pub(crate) fn type_values(&self) -> &EnumValues {
        &self.type_values
    }

    pub(crate) fn product_values(&self) -> &EnumValues {
        &self.product_values
    }
}

/// The same parts in the same order: places in a schema are those of its parts.
impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        let Self { types, products, repeated_products, attributes, tables, status_groups, .. } = self;
        // The other fields are derived from these.
        types.iter().eq(&other.types)
            && products.iter().eq(&other.products)
            && *repeated_products == other.repeated_products
            && attributes.iter().eq(&other.attributes)
            && tables.iter().eq(&other.tables)
            && *status_groups == other.status_groups
    }
}

impl Eq for Schema {}

fn flag(flags: &[Box<[bool]>], attribute: AttributeId, kind: TypeId) -> bool {
    flags.get(attribute.index()).and_then(|types| types.get(kind.index())).copied().unwrap_or(false)
}
