//! Which schema is it in the end, and what became of that before?

use std::sync::Arc;

use super::{Draft, Event, Field, Table};
use crate::model::schema_builder::DeclaredTable;
use crate::model::schema_change::SchemaChangeErrors;
use crate::model::schema_change::SchemaChangeFault;
use crate::model::schema_change::SchemaChangeFaultKind as Kind;
use crate::model::schema_change::migration::{
    EventMove, EventsMigration, FieldMove, Migration, SchemaRenames, TableMove,
};
use crate::model::schema_change::tracked::Tracked;
use crate::model::{
    Attribute, AttributeType, EventKind, Schema, SchemaBuilder, UsageSchema, UsageSchemaErrors,
};

impl Draft {
    /// The schema, and how it came about from the one before.
    pub(in crate::model::schema_change) fn migration(
        self,
        old: &Schema,
        old_events: Option<&UsageSchema>,
    ) -> Result<Migration, SchemaChangeErrors> {
        let Self { types, type_names, products, product_names, attributes, tables, events } = self;
        let own_columns =
            |fields: &[Field]| fields.iter().map(|field| Some(field.declared.clone())).collect();
        let builder = SchemaBuilder {
            types: types.into_iter().map(Some).collect(),
            products: products.into_iter().map(Some).collect(),
            attributes: attributes.iter().map(|field| Some(field.declared.clone())).collect(),
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
        let mut renames = renames(old, &type_names, &product_names, &attributes, &tables);
        event_renames(&mut renames, old_events, events.as_deref().unwrap_or_default());
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
            events: events.zip(kinds).filter(|(_, kinds)| old_events != Some(kinds)).map(
                |(events, schema)| {
                    let event = |event: Event| EventMove {
                        before: event.before,
                        properties: moved(event.properties),
                        measures: moved(event.measures),
                    };
                    EventsMigration { schema, kinds: events.into_iter().map(event).collect() }
                },
            ),
            renames,
            schema,
        })
    }
}

pub(super) fn usage_schema(events: &[Event]) -> Result<UsageSchema, UsageSchemaErrors> {
    let fields = |fields: &[Field]| -> Vec<Attribute> {
        fields.iter().map(|field| field.declared.attribute.clone()).collect()
    };
    UsageSchema::new(events.iter().map(|event| {
        let kind = fields(&event.properties).into_iter().fold(event.kind.clone(), EventKind::property);
        fields(&event.measures).into_iter().fold(kind, EventKind::measure)
    }))
}

pub(super) fn event_renames(renames: &mut SchemaRenames, old: Option<&UsageSchema>, events: &[Event]) {
    for event in events {
        let before = event.before.and_then(|place| old?.kinds().nth(place));
        let Some(before) = before else { continue };
        if before.name != event.kind.name {
            renames.events.insert(before.name.clone(), event.kind.name.clone());
        }
        for (fields, known) in [(&event.properties, &before.properties), (&event.measures, &before.measures)]
        {
            for field in fields {
                let was = field.before.and_then(|place| known.get_index(place)).map(|(name, _)| name);
                if let Some(was) = was.filter(|was| *was != field.name()) {
                    renames.fields.insert((before.name.clone(), was.clone()), field.name().clone());
                }
            }
        }
    }
}

pub(super) fn renames(
    old: &Schema,
    types: &Tracked,
    products: &Tracked,
    attributes: &[Field],
    tables: &[Table],
) -> SchemaRenames {
    let mut renames = SchemaRenames::default();
    let mut values = |before: &AttributeType, field: &Field| {
        let renamed = field.values.renamed();
        if let Some(values) = before.values().filter(|_| !renamed.is_empty()) {
            renames.values.push((values.clone(), renamed));
        }
    };
    for field in attributes {
        let before = field.before.and_then(|place| old.attributes.get_index(place));
        if let Some((name, attribute)) = before {
            values(&attribute.kind, field);
            if name != field.name() {
                renames.attributes.insert(name.clone(), field.name().clone());
            }
        }
    }
    for of in tables {
        let Some((name, table)) = of.before.and_then(|place| old.tables.get_index(place)) else { continue };
        if *name != of.declared.name {
            renames.tables.insert(name.clone(), of.declared.name.clone());
        }
        for field in &of.columns {
            let before = field.before.and_then(|place| table.columns.get_index(place));
            if let Some((column, attribute)) = before {
                values(&attribute.kind, field);
                if column != field.name() {
                    renames.columns.insert((name.clone(), column.clone()), field.name().clone());
                }
            }
        }
    }
    for (names, known) in [(types, &old.type_values), (products, &old.product_values)] {
        let renamed = names.renamed();
        if !renamed.is_empty() {
            renames.values.push((known.clone(), renamed));
        }
    }
    renames.types = types.renamed();
    renames
}
