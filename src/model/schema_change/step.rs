//! What does one step say?

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::SchemaPart;
use crate::model::schema_json::{AccountAttribute, TableColumn};
use crate::model::{
    ChildTable, EventKind, JsonDocument, Nesting, RepeatedProducts, Schema, SchemaErrors, StatusGroup,
    UsageSchema,
};

/// One step of a change of a schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename = "step", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum SchemaStep {
    AccountType {
        name: Arc<str>,
        nesting: Nesting,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        above: Option<Arc<str>>,
    },
    Product {
        name: Arc<str>,
    },
    RepeatedProducts(RepeatedProducts),
    Attribute(AccountAttribute),
    Table(ChildTable),
    Column {
        table: Arc<str>,
        column: TableColumn,
    },
    Event(EventKind),
    ExactlyEvents(UsageSchema),
    Value {
        of: SchemaPart,
        value: Arc<str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<StatusGroup>,
    },
    Rename {
        part: SchemaPart,
        to: Arc<str>,
    },
    Remove {
        part: SchemaPart,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Arc<str>>,
    },
    #[serde(serialize_with = "write_schema", deserialize_with = "read_schema")]
    Exactly(Box<Schema>),
}

fn write_schema<S: Serializer>(schema: &Schema, serializer: S) -> Result<S::Ok, S::Error> {
    schema.document().serialize(serializer)
}

fn read_schema<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<Schema>, D::Error> {
    JsonDocument::read(deserializer, |json, faults: &mut SchemaErrors| {
        Schema::of_document(json, faults).map(Box::new)
    })
}
