//! How does one part of a schema read as JSON, by itself?

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{reader, writer};
use crate::model::schema_builder::DeclaredAttribute;
use crate::model::{Attribute, ChildTable, JsonDocument, Place, SchemaErrors};

/// An attribute of accounts, as it is in the list of a document.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::model) struct AccountAttribute(pub(in crate::model) DeclaredAttribute);

/// A column of a child table, as it is in the list of a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableColumn(pub(crate) Attribute);

impl Serialize for AccountAttribute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let groups = self.0.groups.as_deref().unwrap_or_default();
        writer::account_attribute(&self.0.attribute, groups).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AccountAttribute {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        JsonDocument::read(deserializer, |json, faults: &mut SchemaErrors| {
            reader::attribute(json, Place::ROOT, faults).map(Self)
        })
    }
}

impl Serialize for TableColumn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        writer::own_attribute(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TableColumn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        JsonDocument::read(deserializer, |json, faults: &mut SchemaErrors| {
            reader::column(json, Place::ROOT, faults).map(|declared| Self(declared.attribute))
        })
    }
}

impl Serialize for ChildTable {
    /// As it is in the list of a schema's document.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        writer::table(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ChildTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        JsonDocument::read(deserializer, |json, faults: &mut SchemaErrors| {
            let declared = reader::table(json, Place::ROOT, faults)?;
            let columns = declared.columns.into_iter().flatten();
            Some(columns.fold(declared.table, |table, column| table.column(column.attribute)))
        })
    }
}
