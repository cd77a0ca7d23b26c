//! What has another name?

use std::sync::Arc;

use super::{Draft, Event, Field, field, find, value_of};
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
                let at = find(&self.products, part, from, |name| name)?;
                is_free(to, self.products.contains(to), SchemaPart::Product)?;
                self.product_names.rename(from, to);
                if let Some(name) = self.products.get_mut(at) {
                    *name = to.clone();
                }
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
                let field = self.valued(part)?;
                let mut allowed = field.allowed().ok_or_else(|| Kind::NoValues(part.clone()))?;
                let at = find(&allowed, part, from, |(value, _)| value)?;
                if allowed.iter().any(|(value, _)| value == to) {
                    return Err(Kind::Taken(value_of(part, to)));
                }
                if let Some((value, _)) = allowed.get_mut(at) {
                    *value = to.clone();
                }
                field.allow(&allowed);
                field.values.rename(from, to);
            }
        }
        Ok(())
    }
}

pub(super) fn is_free(to: &Arc<str>, is_taken: bool, part: fn(Arc<str>) -> SchemaPart) -> Result<(), Kind> {
    if is_taken { Err(Kind::Taken(part(to.clone()))) } else { Ok(()) }
}
