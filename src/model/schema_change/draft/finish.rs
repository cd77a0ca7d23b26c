//! Which schema is it in the end, and what became of that before?

use std::sync::Arc;

use super::renames::{Renaming, event_renames};
use super::{Draft, Event, Field};
use crate::model::schema_builder::DeclaredTable;
use crate::model::schema_change::SchemaChangeErrors;
use crate::model::schema_change::SchemaChangeFault;
use crate::model::schema_change::SchemaChangeFaultKind as Kind;
use crate::model::schema_change::migration::{EventMove, EventsMigration, FieldMove, Migration, TableMove};
use crate::model::schema_change::tracked::Tracked;
use crate::model::{Attribute, EventKind, Schema, SchemaBuilder, UsageSchema, UsageSchemaErrors};

impl Draft {
    /// The schema, and how it came about from the one before.
    pub(in crate::model::schema_change) fn migration(
        self,
        old: &Schema,
        old_events: Option<&UsageSchema>,
    ) -> Result<Migration, SchemaChangeErrors> {
        let Self {
            types,
            type_names,
            products,
            product_names,
            repeated_products,
            attributes,
            tables,
            events,
        } = self;
        let own_columns = |fields: &[Field]| fields.iter().map(|field| Some(field.declaration())).collect();
        let builder = SchemaBuilder {
            types: types.into_iter().map(Some).collect(),
            products: products.into_iter().map(Some).collect(),
            repeated_products,
            attributes: own_columns(&attributes),
            tables: tables
                .iter()
                .map(|of| {
                    Some(DeclaredTable { table: of.declared.clone(), columns: own_columns(&of.columns) })
                })
                .collect(),
        };
        let mut faults = SchemaChangeErrors::none();
        let schema = builder.build().map_err(|errors| {
            let fault = |fault| SchemaChangeFault { step: None, kind: Kind::Schema(fault) };
            faults.append(errors, fault);
        });
        let kinds = events.as_deref().map(usage_schema).transpose().map_err(|errors| {
            let fault = |fault| SchemaChangeFault { step: None, kind: Kind::Events(fault) };
            faults.append(errors, fault);
        });
        let (Ok(mut schema), Ok(kinds)) = (schema, kinds) else { return Err(faults) };
        // Values that are the same stay those of one declaration.
        for (now, before) in
            [(&mut schema.type_values, &old.type_values), (&mut schema.product_values, &old.product_values)]
        {
            if now == before {
                *now = before.clone();
            }
        }
        let schema = Arc::new(schema);
        let renames = Renaming { old, new: &schema };
        let mut renames = renames.of(&type_names, &product_names, &attributes, &tables);
        if let (Some(old), Some(kinds), Some(events)) = (old_events, &kinds, &events) {
            event_renames(&mut renames, old, kinds, events);
        }
        let moved = |fields: Vec<Field>| -> Vec<FieldMove> {
            let moved = |field: Field| FieldMove { before: field.before, values: field.values.moved() };
            fields.into_iter().map(moved).collect()
        };
        let places = |names: &Tracked, place: &dyn Fn(&str) -> Option<usize>| {
            names.data().map(|name| place(name?)).collect()
        };
        Ok(Migration {
            types: places(&type_names, &|name| schema.types.get_index_of(name)),
            products: places(&product_names, &|name| schema.products.get_index_of(name)),
            attributes: moved(attributes),
            tables: tables
                .into_iter()
                .map(|of| TableMove { before: of.before, columns: moved(of.columns) })
                .collect(),
            events: events
                .zip(kinds)
                .filter(|(events, kinds)| old_events != Some(kinds) || !are_as_before(events))
                .map(|(events, schema)| {
                    let event = |event: Event| EventMove {
                        before: event.before,
                        properties: moved(event.properties),
                        measures: moved(event.measures),
                    };
                    EventsMigration { schema, kinds: events.into_iter().map(event).collect() }
                }),
            renames,
            schema,
        })
    }
}

fn usage_schema(events: &[Event]) -> Result<UsageSchema, UsageSchemaErrors> {
    let fields = |fields: &[Field]| -> Vec<Attribute> {
        fields.iter().map(|field| field.declaration().attribute).collect()
    };
    UsageSchema::new(events.iter().map(|event| {
        let kind = fields(&event.properties).into_iter().fold(event.kind.clone(), EventKind::property);
        fields(&event.measures).into_iter().fold(kind, EventKind::measure)
    }))
}

/// Is each kind, with its properties and measures, the one of its place before?
fn are_as_before(events: &[Event]) -> bool {
    let fields = |fields: &[Field]| fields.iter().enumerate().all(|(at, field)| field.before == Some(at));
    events
        .iter()
        .enumerate()
        .all(|(at, event)| event.before == Some(at) && fields(&event.properties) && fields(&event.measures))
}
