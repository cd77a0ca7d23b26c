//! What has another name?

use std::sync::Arc;

use super::{Draft, Event, Field, field, find, unknown, value_of};
use crate::model::schema_change::SchemaChangeFaultKind as Kind;
use crate::model::schema_change::SchemaPart;
use crate::model::{AccountType, AttributeType, SystemAttribute};

impl Draft {
    pub(super) fn rename(&mut self, part: &SchemaPart, to: &Arc<str>) -> Result<(), Kind> {
        let from = part.name();
        match part {
            SchemaPart::AccountType(_) => {
                let at = find(&self.types, part, from, AccountType::name)?;
                is_free(to, self.types.iter().any(|known| known.name == *to), SchemaPart::AccountType)?;
                let from: Arc<str> = Arc::from(from);
                if let Some(kind) = self.types.get_mut(at) {
                    kind.name = to.clone();
                }
                self.type_names.rename(&from, to);
                for field in &mut self.attributes {
                    let attribute = &mut field.declared.attribute;
                    let names =
                        attribute.applies_to.iter_mut().chain(attribute.required_at.iter_mut().flatten());
                    names.filter(|name| **name == from).for_each(|name| *name = to.clone());
                }
            }
            SchemaPart::Product(_) => {
                let at = self.products.get_index_of(from);
                let at = at.ok_or_else(|| unknown(part, from, self.products.iter().map(|name| &**name)))?;
                is_free(to, self.products.contains(to), SchemaPart::Product)?;
                self.product_names.rename(from, to);
                self.products.shift_remove_index(at);
                self.products.shift_insert(at, to.clone());
            }
            SchemaPart::Attribute(_) => {
                find(&self.attributes, part, from, |field| field.name())?;
                if SystemAttribute::from_name(from).is_some() {
                    return Err(Kind::System(part.clone()));
                }
                let is_taken = self.attributes.iter().any(|field| field.name() == to);
                is_free(to, is_taken, SchemaPart::Attribute)?;
                field(&mut self.attributes, part, from)?.declared.attribute.name = to.clone();
            }
            SchemaPart::Table(_) => {
                find(&self.tables, part, from, |table| table.declared.name())?;
                let is_taken = self.tables.iter().any(|table| table.declared.name == *to);
                is_free(to, is_taken, SchemaPart::Table)?;
                self.table(part, from)?.declared.name = to.clone();
            }
            SchemaPart::Column { table, .. } => {
                let columns = &mut self.table(&SchemaPart::Table(table.clone()), table)?.columns;
                find(columns, part, from, |field| field.name())?;
                if columns.iter().any(|field| field.name() == to) {
                    return Err(Kind::Taken(SchemaPart::column(table, to)));
                }
                for column in columns.iter_mut() {
                    if let AttributeType::MixedMoney { currency_column } = &mut column.declared.attribute.kind
                        && **currency_column == *from
                    {
                        *currency_column = to.clone();
                    }
                }
                field(columns, part, from)?.declared.attribute.name = to.clone();
            }
            SchemaPart::Event(_) => {
                if self.event_of(from)?.is_some() {
                    let is_taken = self.events.iter().flatten().any(|event| event.kind.name == *to);
                    is_free(to, is_taken, SchemaPart::Event)?;
                }
                if let Some(event) = self.event_of(from)? {
                    event.kind.name = to.clone();
                }
            }
            SchemaPart::EventField { event: name, .. } => {
                let Some(event) = self.event_of(name)? else { return Ok(()) };
                let Event { properties, measures, .. } = event;
                if properties.iter().chain(&*measures).any(|field| field.name() == to) {
                    return Err(Kind::Taken(SchemaPart::event_field(name, to)));
                }
                let all: Vec<&mut Field> = properties.iter_mut().chain(measures).collect();
                let at = find(&all, part, from, |field| field.name())?;
                if let Some(field) = all.into_iter().nth(at) {
                    field.declared.attribute.name = to.clone();
                }
            }
            SchemaPart::Value { .. } | SchemaPart::ColumnValue { .. } => {
                if let SchemaPart::ColumnValue { table, column, .. } = part
                    && self.is_currency(table, column)
                {
                    return Err(Kind::Currency(part.clone()));
                }
                let field = self.valued(part)?;
                let allowed = field.allowed(part)?;
                let at = allowed.get_index_of(from);
                let at = at.ok_or_else(|| unknown(part, from, allowed.keys().map(|value| &**value)))?;
                if allowed.contains_key(to) {
                    return Err(Kind::Taken(value_of(part, to)));
                }
                let group = allowed.shift_remove_index(at).and_then(|(_, group)| group);
                allowed.shift_insert(at, to.clone(), group);
                if field.is_text { field.values.rename_text(from, to) } else { field.values.rename(from, to) }
            }
        }
        Ok(())
    }

    /// Is a column that of the currencies of amounts?
    fn is_currency(&self, table: &str, column: &str) -> bool {
        let table = self.tables.iter().find(|of| of.declared.name() == table);
        table.is_some_and(|of| {
            of.columns.iter().any(|field| match &field.declared.attribute.kind {
                AttributeType::MixedMoney { currency_column } => **currency_column == *column,
                _ => false,
            })
        })
    }
}

pub(super) fn is_free(to: &Arc<str>, is_taken: bool, part: fn(Arc<str>) -> SchemaPart) -> Result<(), Kind> {
    if is_taken { Err(Kind::Taken(part(to.clone()))) } else { Ok(()) }
}
