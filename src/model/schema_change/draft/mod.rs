//! Which schema do the steps come to?

mod declare;
mod finish;
mod remove;
mod rename;

use std::sync::Arc;

use self::declare::put;
use crate::model::schema_builder::DeclaredAttribute;
use crate::model::schema_change::SchemaChangeFaultKind as Kind;
use crate::model::schema_change::SchemaPart;
use crate::model::schema_change::step::SchemaStep;
use crate::model::schema_change::tracked::Tracked;
use crate::model::{
    AccountType, Attribute, AttributeType, ChildTable, EnumValues, EventKind, Schema, StatusGroup,
    SystemAttribute, UsageSchema, hint,
};

/// A schema on its way to another one.
pub(in crate::model::schema_change) struct Draft {
    types: Vec<AccountType>,
    type_names: Tracked,
    products: Vec<Arc<str>>,
    product_names: Tracked,
    attributes: Vec<Field>,
    tables: Vec<Table>,
    /// The kinds of event, where there are any to be changed.
    events: Option<Vec<Event>>,
}

struct Event {
    /// Itself, without its properties and measures.
    kind: EventKind,
    properties: Vec<Field>,
    measures: Vec<Field>,
    before: Option<usize>,
}

/// An attribute or column.
struct Field {
    declared: DeclaredAttribute,
    /// Its place before; `None` for a new one.
    before: Option<usize>,
    /// The values that were allowed before.
    values: Tracked,
}

struct Table {
    declared: ChildTable,
    columns: Vec<Field>,
    before: Option<usize>,
}

impl Field {
    fn new(declared: DeclaredAttribute) -> Self {
        Self { declared, before: None, values: Tracked::default() }
    }

    fn of(place: usize, declared: DeclaredAttribute) -> Self {
        let values = declared.attribute.kind.values().map(|values| Tracked::of(values.iter()));
        Self { declared, before: Some(place), values: values.unwrap_or_default() }
    }

    fn name(&self) -> &Arc<str> {
        &self.declared.attribute.name
    }

    /// Declares it anew.
    fn redeclare(&mut self, mut declared: DeclaredAttribute) {
        declared.attribute.line = self.declared.attribute.line.clone();
        if let Some(values) = declared.attribute.kind.values() {
            let attribute = &declared.attribute;
            self.values.retain(|value| attribute.code_of(values, value).is_some());
        }
        self.declared = declared;
    }

    /// The allowed values, with the group of each status.
    fn allowed(&self) -> Option<Vec<(Arc<str>, Option<StatusGroup>)>> {
        let values = self.declared.attribute.kind.values()?;
        let groups = self.declared.groups.as_deref().unwrap_or_default();
        let groups = groups.iter().copied().map(Some).chain(std::iter::repeat(None));
        Some(values.iter().cloned().zip(groups).collect())
    }

    fn allow(&mut self, allowed: &[(Arc<str>, Option<StatusGroup>)]) {
        let values = EnumValues::new(allowed.iter().map(|(value, _)| &**value));
        let kind = &mut self.declared.attribute.kind;
        *kind = if matches!(kind, AttributeType::Band(_)) {
            AttributeType::Band(values)
        } else {
            AttributeType::Enum(values)
        };
        if self.declared.groups.is_some() {
            self.declared.groups = Some(allowed.iter().filter_map(|(_, group)| *group).collect());
        }
    }
}

/// The place of a part in a list, or that it is not there.
fn find<T>(list: &[T], part: &SchemaPart, name: &str, of: impl Fn(&T) -> &str) -> Result<usize, Kind> {
    list.iter().position(|item| of(item) == name).ok_or_else(|| {
        let hint = hint(name, list.iter().map(of));
        Kind::Unknown { part: part.clone(), hint }
    })
}

/// The field of a name.
fn field<'f>(fields: &'f mut [Field], part: &SchemaPart, name: &str) -> Result<&'f mut Field, Kind> {
    let at = find(fields, part, name, |field| field.name())?;
    fields.get_mut(at).ok_or_else(|| Kind::Unknown { part: part.clone(), hint: String::new() })
}

impl Draft {
    pub(in crate::model::schema_change) fn of(schema: &Schema, events: Option<&UsageSchema>) -> Self {
        let status = SystemAttribute::Status.name();
        let declared = |attribute: &Attribute| {
            let groups = (attribute.name() == status && !schema.status_groups.is_empty())
                .then(|| schema.status_groups.clone());
            DeclaredAttribute { groups, ..attribute.clone().into() }
        };
        let attributes = schema.attributes().map(declared).enumerate();
        let tables = schema.tables().enumerate().map(|(place, table)| {
            let columns = table.columns().cloned().map(DeclaredAttribute::from).enumerate();
            let columns = columns.map(|(place, column)| Field::of(place, column)).collect();
            Table { declared: table.clone(), columns, before: Some(place) }
        });
        Self {
            types: schema.account_types().cloned().collect(),
            type_names: Tracked::of(schema.type_values.iter()),
            products: schema.product_values.iter().cloned().collect(),
            product_names: Tracked::of(schema.product_values.iter()),
            attributes: attributes.map(|(place, declared)| Field::of(place, declared)).collect(),
            tables: tables.collect(),
            events: events.map(|events| {
                let fields = |fields: &mut dyn Iterator<Item = &Attribute>| -> Vec<Field> {
                    fields.enumerate().map(|(place, of)| Field::of(place, of.clone().into())).collect()
                };
                let event = |(place, kind): (usize, &EventKind)| Event {
                    kind: kind.without_fields(),
                    properties: fields(&mut kind.properties()),
                    measures: fields(&mut kind.measures()),
                    before: Some(place),
                };
                events.kinds().enumerate().map(event).collect()
            }),
        }
    }

    pub(in crate::model::schema_change) fn take(&mut self, step: &SchemaStep) -> Result<(), Kind> {
        match step {
            SchemaStep::AccountType { name, nesting, above } => {
                self.account_type(name, *nesting, above.as_ref())
            }
            SchemaStep::Product { name } => {
                if self.products.contains(name) {
                    return Err(Kind::Taken(SchemaPart::Product(name.clone())));
                }
                self.products.push(name.clone());
                Ok(())
            }
            SchemaStep::Attribute(attribute) => {
                put(&mut self.attributes, &attribute.0);
                Ok(())
            }
            SchemaStep::Table(table) => {
                self.put_table(table);
                Ok(())
            }
            SchemaStep::Column { table, column } => {
                let columns = &mut self.table(&SchemaPart::Table(table.clone()), table)?.columns;
                put(columns, &column.0.clone().into());
                Ok(())
            }
            SchemaStep::Event(kind) => {
                self.event(kind);
                Ok(())
            }
            SchemaStep::Value { of, value, group } => self.value(of, value, *group),
            SchemaStep::Rename { part, to } => self.rename(part, to),
            SchemaStep::Remove { part, by } => self.remove(part, by.as_ref()),
            SchemaStep::Exactly(schema) => {
                self.exactly(schema);
                Ok(())
            }
        }
    }

    fn table(&mut self, part: &SchemaPart, name: &str) -> Result<&mut Table, Kind> {
        let at = find(&self.tables, part, name, |table| table.declared.name())?;
        self.tables.get_mut(at).ok_or_else(|| Kind::Unknown { part: part.clone(), hint: String::new() })
    }

    /// A kind of event; `None` where there are none to be changed.
    fn event_of(&mut self, name: &str) -> Result<Option<&mut Event>, Kind> {
        let Some(events) = &mut self.events else { return Ok(None) };
        let at = find(events, &SchemaPart::event(name), name, |event| &event.kind.name)?;
        Ok(events.get_mut(at))
    }

    /// What has allowed values.
    fn valued(&mut self, part: &SchemaPart) -> Result<&mut Field, Kind> {
        match part {
            SchemaPart::Value { attribute, .. } | SchemaPart::Attribute(attribute) => {
                field(&mut self.attributes, &SchemaPart::Attribute(attribute.clone()), attribute)
            }
            SchemaPart::ColumnValue { table, column, .. } | SchemaPart::Column { table, column } => {
                let columns = &mut self.table(&SchemaPart::Table(table.clone()), table)?.columns;
                field(columns, &SchemaPart::column(table, column), column)
            }
            other => Err(Kind::NoValues(other.clone())),
        }
    }
}

/// A value beside one, or of what has values.
fn value_of(part: &SchemaPart, value: &Arc<str>) -> SchemaPart {
    match part {
        SchemaPart::Column { table, column } | SchemaPart::ColumnValue { table, column, .. } => {
            SchemaPart::column_value(table, column, value)
        }
        other => {
            let attribute = match other {
                SchemaPart::Value { attribute, .. } => attribute,
                other => other.name(),
            };
            SchemaPart::value(attribute, value)
        }
    }
}
