//! Which part of a schema is meant?

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A part of a schema, by its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(
    rename = "part of a schema",
    rename_all = "snake_case",
    deny_unknown_fields,
    expecting = "a part of a schema such as {\"attribute\": \"seats\"}"
)]
#[non_exhaustive]
pub enum SchemaPart {
    /// An account type.
    AccountType(Arc<str>),
    /// A product.
    Product(Arc<str>),
    /// An attribute of accounts.
    Attribute(Arc<str>),
    /// An allowed value of an attribute.
    Value {
        /// The attribute.
        attribute: Arc<str>,
        /// The value.
        value: Arc<str>,
    },
    /// A child table.
    Table(Arc<str>),
    /// A column of a child table.
    Column {
        /// The table.
        table: Arc<str>,
        /// The column.
        column: Arc<str>,
    },
    /// An allowed value of a column.
    ColumnValue {
        /// The table.
        table: Arc<str>,
        /// The column.
        column: Arc<str>,
        /// The value.
        value: Arc<str>,
    },
    /// A kind of event.
    Event(Arc<str>),
    /// A property or measure of a kind of event.
    EventField {
        /// The kind of event.
        event: Arc<str>,
        /// The property or measure.
        field: Arc<str>,
    },
}

impl SchemaPart {
    /// A kind of event.
    #[must_use]
    pub fn event(name: &str) -> Self {
        Self::Event(Arc::from(name))
    }

    /// A property or measure of a kind of event.
    #[must_use]
    pub fn event_field(event: &str, field: &str) -> Self {
        Self::EventField { event: Arc::from(event), field: Arc::from(field) }
    }

    /// An account type.
    #[must_use]
    pub fn account_type(name: &str) -> Self {
        Self::AccountType(Arc::from(name))
    }

    /// A product.
    #[must_use]
    pub fn product(name: &str) -> Self {
        Self::Product(Arc::from(name))
    }

    /// An attribute of accounts.
    #[must_use]
    pub fn attribute(name: &str) -> Self {
        Self::Attribute(Arc::from(name))
    }

    /// An allowed value of an attribute.
    #[must_use]
    pub fn value(attribute: &str, value: &str) -> Self {
        Self::Value { attribute: Arc::from(attribute), value: Arc::from(value) }
    }

    /// A child table.
    #[must_use]
    pub fn table(name: &str) -> Self {
        Self::Table(Arc::from(name))
    }

    /// A column of a child table.
    #[must_use]
    pub fn column(table: &str, column: &str) -> Self {
        Self::Column { table: Arc::from(table), column: Arc::from(column) }
    }

    /// An allowed value of a column.
    #[must_use]
    pub fn column_value(table: &str, column: &str, value: &str) -> Self {
        Self::ColumnValue { table: Arc::from(table), column: Arc::from(column), value: Arc::from(value) }
    }

    /// Its own name, without that of what it is part of.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::AccountType(name)
            | Self::Product(name)
            | Self::Attribute(name)
            | Self::Table(name)
            | Self::Event(name) => name,
            Self::EventField { field, .. } => field,
            Self::Column { column, .. } => column,
            Self::Value { value, .. } | Self::ColumnValue { value, .. } => value,
        }
    }
}

impl fmt::Display for SchemaPart {
    /// In the words of a message: ``column `plan` of table `contracts` ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccountType(name) => write!(f, "account type `{name}`"),
            Self::Product(name) => write!(f, "product `{name}`"),
            Self::Attribute(name) => write!(f, "attribute `{name}`"),
            Self::Value { attribute, value } => write!(f, "value `{value}` of attribute `{attribute}`"),
            Self::Table(name) => write!(f, "table `{name}`"),
            Self::Column { table, column } => write!(f, "column `{column}` of table `{table}`"),
            Self::Event(name) => write!(f, "event `{name}`"),
            Self::EventField { event, field } => write!(f, "field `{field}` of event `{event}`"),
            Self::ColumnValue { table, column, value } => {
                write!(f, "value `{value}` of column `{column}` of table `{table}`")
            }
        }
    }
}
