//! Which parts of a schema have another name, or another type, than in an older one?

use std::sync::Arc;

use super::migration::SchemaRenames;
use crate::model::{Attribute, Schema};

impl SchemaRenames {
    /// Attributes, tables and columns of an older schema that have another name in a newer one: those whose declarations the newer one
    /// goes on from.
    pub(crate) fn between(old: &Schema, new: &Schema) -> Self {
        let mut renames = Self::default();
        let text = |name: &str| -> Arc<str> { Arc::from(name) };
        for (now, place) in new.attributes.values().zip(new.attributes_in(old)) {
            let was = place.and_then(|at| old.attributes.get_index(at));
            if let Some((name, _)) = was.filter(|(name, was)| goes_on(now, was) && ***name != *now.name()) {
                renames.attributes.insert(name.clone(), text(now.name()));
            }
        }
        for (now, place) in new.tables.values().zip(new.tables_in(old)) {
            let Some((name, was)) = place.and_then(|at| old.tables.get_index(at)) else { continue };
            if **name != *now.name() && now.line().is_same(was.line()) {
                renames.tables.insert(name.clone(), text(now.name()));
            }
            for (column, place) in now.columns.values().zip(now.columns_in(was)) {
                let before = place.and_then(|at| was.columns.get_index(at));
                let before = before.filter(|(name, was)| goes_on(column, was) && ***name != *column.name());
                if let Some((before, _)) = before {
                    renames.columns.insert((name.clone(), before.clone()), text(column.name()));
                }
            }
        }
        renames
    }
}

/// Is it the same declaration, by another name perhaps?
fn goes_on(now: &Attribute, was: &Attribute) -> bool {
    now.line().is_same(was.line())
}

/// Attributes and tables by place, as they are declared against an older schema.
#[derive(Debug, Default)]
pub(crate) struct Redeclared {
    /// Where each attribute stood.
    pub(crate) attributes: Vec<Option<usize>>,
    /// Is it new, of another type, or declared anew?
    pub(crate) others: Vec<bool>,
    /// Where each table stood.
    pub(crate) tables: Vec<Option<usize>>,
    /// Is it new, or one of its columns of another type or declared anew?
    pub(crate) other_tables: Vec<bool>,
    /// Are account types, products or the groups of statuses other ones?
    pub(crate) standing: bool,
}

impl Redeclared {
    pub(crate) fn since(old: &Schema, new: &Schema) -> Self {
        let other = |now: &Attribute, was: &Attribute| now.kind() != was.kind() || !goes_on(now, was);
        let attributes = new.attributes_in(old);
        let pairs = new.attributes.values().zip(&attributes);
        let others = pairs.map(|(now, place)| {
            let was = place.and_then(|at| old.attributes.get_index(at));
            was.is_none_or(|(_, was)| other(now, was))
        });
        let others = others.collect();
        let tables = new.tables_in(old);
        let pairs = new.tables.values().zip(&tables);
        let other_tables = pairs.map(|(now, place)| {
            let Some((_, was)) = place.and_then(|at| old.tables.get_index(at)) else { return true };
            let columns = now.columns.values().zip(now.columns_in(was));
            let mut known = columns.filter_map(|(now, at)| Some((now, was.columns.get_index(at?)?.1)));
            !now.line().is_same(was.line()) || known.any(|(now, was)| other(now, was))
        });
        let other_tables = other_tables.collect();
        let standing =
            old.types != new.types || old.products != new.products || old.status_groups != new.status_groups;
        Self { attributes, others, tables, other_tables, standing }
    }
}
