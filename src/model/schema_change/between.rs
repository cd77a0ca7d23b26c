//! Which parts of a schema have another name, or another type, than in an older one?

use std::sync::Arc;

use super::migration::SchemaRenames;
use crate::model::{Attribute, AttributeType, EnumValues, Schema, SystemAttribute};

impl SchemaRenames {
    /// Attributes, tables and columns of an older schema that have another name in a newer one: those whose declarations the newer one
    /// continues. A name that another declaration has now is lost.
    pub(crate) fn between(old: &Schema, new: &Schema) -> Self {
        let mut renames = Self::default();
        let text = |name: &str| -> Arc<str> { Arc::from(name) };
        for (now, place) in new.attributes.values().zip(new.attributes_in(old)) {
            let was = place.and_then(|at| old.attributes.get_index(at));
            if let Some((name, _)) = was.filter(|(name, was)| continues(now, was) && ***name != *now.name()) {
                renames.attributes.insert(name.clone(), text(now.name()));
                renames.gone.attributes.insert(text(now.name()));
            }
        }
        for (now, place) in new.tables.values().zip(new.tables_in(old)) {
            let Some((name, was)) = place.and_then(|at| old.tables.get_index(at)) else { continue };
            if **name != *now.name() && now.line().is_same(was.line()) {
                renames.tables.insert(name.clone(), text(now.name()));
                renames.gone.tables.insert(text(now.name()));
            }
            for (column, place) in now.columns.values().zip(now.columns_in(was)) {
                let before = place.and_then(|at| was.columns.get_index(at));
                let before = before.filter(|(name, was)| continues(column, was) && ***name != *column.name());
                if let Some((before, _)) = before {
                    renames.columns.insert((name.clone(), before.clone()), text(column.name()));
                    renames.gone.columns.insert((name.clone(), text(column.name())));
                }
            }
        }
        renames
    }
}

/// Is it the same declaration, by another name perhaps?
fn continues(now: &Attribute, was: &Attribute) -> bool {
    now.line().is_same(was.line())
}

/// Is it a new declaration, or one of another type? Further allowed values behind the others are no other type.
fn is_changed(now: &Attribute, was: &Attribute) -> bool {
    let is_extended = match (was.kind(), now.kind()) {
        (AttributeType::Enum(old), AttributeType::Enum(new))
        | (AttributeType::Band(old), AttributeType::Band(new)) => {
            old.len() <= new.len() && old.iter().zip(new.iter()).all(|(old, new)| old == new)
        }
        _ => false,
    };
    !continues(now, was) || now.kind() != was.kind() && !is_extended
}

/// The parts of a schema, each against an older schema.
#[derive(Debug, Default)]
pub(crate) struct Redeclared {
    pub(crate) attributes: Vec<Redeclaration>,
    pub(crate) tables: Vec<(Redeclaration, Vec<Redeclaration>)>,
    /// Is an account type, a product or a status of the older schema gone or in another group?
    pub(crate) types: bool,
}

/// A part of a schema against an older schema.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Redeclaration {
    /// Its place there.
    pub(crate) before: Option<usize>,
    /// Is it new, or of another type? Of a table: is one of its columns that were there?
    pub(crate) is_changed: bool,
}

impl Redeclared {
    pub(crate) fn since(old: &Schema, new: &Schema) -> Self {
        let pairs = new.attributes.values().zip(new.attributes_in(old));
        let attributes = pairs.map(|(now, before)| {
            let was = before.and_then(|at| old.attributes.get_index(at));
            Redeclaration { before, is_changed: was.is_none_or(|(_, was)| is_changed(now, was)) }
        });
        let attributes = attributes.collect();
        let pairs = new.tables.values().zip(new.tables_in(old));
        let tables = pairs.map(|(now, before)| {
            let Some((_, was)) = before.and_then(|at| old.tables.get_index(at)) else {
                return (Redeclaration { before, is_changed: true }, Vec::new());
            };
            let columns = now.columns.values().zip(now.columns_in(was));
            let columns = columns.map(|(now, before)| {
                let was = before.and_then(|at| was.columns.get_index(at));
                Redeclaration { before, is_changed: was.is_none_or(|(_, was)| is_changed(now, was)) }
            });
            let columns: Vec<Redeclaration> = columns.collect();
            let is_changed = !now.line().is_same(was.line())
                || columns.iter().any(|column| column.before.is_some() && column.is_changed);
            (Redeclaration { before, is_changed }, columns)
        });
        let tables = tables.collect();
        let statuses = old.attributes.get(SystemAttribute::Status.name()).and_then(|of| of.kind().values());
        let mut statuses = statuses.into_iter().flat_map(EnumValues::iter);
        let types = old.types.keys().any(|name| !new.types.contains_key(name))
            || old.products.keys().any(|name| !new.products.contains_key(name))
            || statuses.any(|status| new.status_group(status) != old.status_group(status));
        Self { attributes, tables, types }
    }

    /// The place in the newer schema of an attribute of the older one.
    pub(crate) fn attribute_now(&self, before: usize) -> Option<usize> {
        self.attributes.iter().position(|of| of.before == Some(before))
    }

    /// The place in the newer schema of a table of the older one.
    pub(crate) fn table_now(&self, before: usize) -> Option<usize> {
        self.tables.iter().position(|(of, _)| of.before == Some(before))
    }
}
