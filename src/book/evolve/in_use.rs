//! Which parts that are removed does somebody have?

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fault::{EvolveFault, EvolveFaults, NamedRows};
use crate::book::Inner;
use crate::column::Raw;
use crate::model::{Attribute, AttributeId, FieldMove, Migration, ProductId, SchemaPart, TableId, TypeId};

/// Account types, products and allowed values that are removed, and who has them.
pub(super) fn in_use(old: &Inner, migration: &Migration) -> EvolveFaults {
    let schema = &old.schema;
    let mut used: BTreeMap<SchemaPart, NamedRows> = BTreeMap::new();
    let gone = |places: &[Option<usize>], place: usize| places.get(place).is_some_and(Option::is_none);
    let removes = [&migration.types, &migration.products].iter().any(|places| places.contains(&None));
    let attributes = removed_values(&migration.attributes);
    let tables: Vec<(usize, Vec<(usize, &FieldMove)>)> = migration
        .tables
        .iter()
        .filter_map(|of| Some((of.before?, removed_values(&of.columns))))
        .filter(|(_, columns)| !columns.is_empty())
        .collect();
    for chunk in old.chunks.iter().flatten() {
        for row in (0..chunk.shape.rows()).filter(|_| removes) {
            let id = chunk.shape.id(row).unwrap_or_default();
            let kind = usize::from(chunk.shape.kind(row));
            if gone(&migration.types, kind)
                && let Some(kind) = schema.type_at(TypeId::new(kind))
            {
                used.entry(SchemaPart::account_type(kind.name())).or_default().add(id);
            }
            let product = chunk.shape.product(row).map(usize::from);
            if let Some(product) = product.filter(|product| gone(&migration.products, *product))
                && let Some(product) = schema.product_at(ProductId::new(product))
            {
                used.entry(SchemaPart::product(product.name())).or_default().add(id);
            }
        }
        for (place, field) in &attributes {
            let attribute = schema.attribute_at(AttributeId::new(*place));
            let (Some(attribute), Some(block)) = (attribute, chunk.column(*place)) else { continue };
            for row in 0..chunk.shape.rows() {
                if let Some(value) = removed(attribute, block.get(row as usize).as_ref(), field) {
                    let id = chunk.shape.id(row).unwrap_or_default();
                    used.entry(SchemaPart::value(attribute.name(), &value)).or_default().add(id);
                }
            }
        }
        for (number, columns) in &tables {
            let table = schema.table_at(TableId::new(*number));
            let (Some(table), Some(block)) = (table, chunk.table(*number)) else { continue };
            for (place, field) in columns {
                let Some(column) = table.columns().nth(*place) else { continue };
                for row in 0..block.rows() {
                    if let Some(value) = removed(column, block.raw(*place, row).as_ref(), field) {
                        let part = SchemaPart::column_value(table.name(), column.name(), &value);
                        used.entry(part).or_default().add(block.id(row).unwrap_or_default());
                    }
                }
            }
        }
    }
    let mut faults = EvolveFaults::none();
    used.into_iter().for_each(|(part, rows)| faults.add(|| EvolveFault::InUse { part, rows }));
    faults
}

/// The fields of before of which values were removed.
fn removed_values(moves: &[FieldMove]) -> Vec<(usize, &FieldMove)> {
    let removes = |field: &&FieldMove| field.values.values().any(Option::is_none);
    moves.iter().filter(removes).filter_map(|field| Some((field.before?, field))).collect()
}

/// The value of a cell, if it was removed.
fn removed(attribute: &Attribute, cell: Option<&Raw<'_>>, field: &FieldMove) -> Option<Arc<str>> {
    let Some(Raw::Code(code)) = cell else { return None };
    let value = attribute.kind().values()?.text(*code)?;
    matches!(field.values.get(value), Some(None)).then(|| value.clone())
}
