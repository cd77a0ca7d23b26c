//! What is removed, and what takes its place?

use std::sync::Arc;

use indexmap::IndexSet;

use super::{Draft, Event, Field, find, unknown, value_of};
use crate::model::AccountType;
use crate::model::schema_change::SchemaChangeFaultKind as Kind;
use crate::model::schema_change::SchemaPart;

impl Draft {
    pub(super) fn remove(&mut self, part: &SchemaPart, by: Option<&Arc<str>>) -> Result<(), Kind> {
        let name = part.name();
        match part {
            SchemaPart::AccountType(_) => {
                let at = find(&self.types, part, name, AccountType::name)?;
                if let Some(by) = by {
                    let by_part = SchemaPart::AccountType(by.clone());
                    is_other(&by_part, by, name)?;
                    find(&self.types, &by_part, by, AccountType::name)?;
                }
                self.applies_without(part, by)?;
                self.types.remove(at);
                self.type_names.remove(name, by);
            }
            SchemaPart::Product(_) => {
                let known = || self.products.iter().map(|name| &**name);
                if !self.products.contains(name) {
                    return Err(unknown(part, name, known()));
                }
                if let Some(by) = by {
                    is_other(&SchemaPart::Product(by.clone()), by, name)?;
                    if !self.products.contains(by) {
                        return Err(unknown(&SchemaPart::Product(by.clone()), by, known()));
                    }
                }
                self.products.shift_remove(name);
                self.product_names.remove(name, by);
            }
            SchemaPart::Attribute(_) => {
                let at = find(&self.attributes, part, name, |field| field.name())?;
                no_other(part, by)?;
                self.attributes.remove(at);
            }
            SchemaPart::Table(_) => {
                let at = find(&self.tables, part, name, |table| table.declared.name())?;
                no_other(part, by)?;
                self.tables.remove(at);
            }
            SchemaPart::Column { table, .. } => {
                let columns = &mut self.table(&SchemaPart::Table(table.clone()), table)?.columns;
                let at = find(columns, part, name, |field| field.name())?;
                no_other(part, by)?;
                columns.remove(at);
            }
            SchemaPart::Event(_) => {
                if self.event_of(name)?.is_some() {
                    no_other(part, by)?;
                    self.events
                        .iter_mut()
                        .for_each(|events| events.retain(|event| *event.kind.name != *name));
                }
            }
            SchemaPart::EventField { event, .. } => {
                let Some(Event { properties, measures, .. }) = self.event_of(event)? else { return Ok(()) };
                let all: Vec<&Field> = properties.iter().chain(&*measures).collect();
                find(&all, part, name, |field| field.name())?;
                no_other(part, by)?;
                properties.retain(|field| **field.name() != *name);
                measures.retain(|field| **field.name() != *name);
            }
            SchemaPart::Value { .. } | SchemaPart::ColumnValue { .. } => {
                let field = self.valued(part)?;
                let allowed = field.allowed(part)?;
                if !allowed.contains_key(name) {
                    return Err(unknown(part, name, allowed.keys().map(|value| &**value)));
                }
                if let Some(by) = by {
                    let by_part = value_of(part, by);
                    is_other(&by_part, by, name)?;
                    if !allowed.contains_key(by) {
                        return Err(unknown(&by_part, by, allowed.keys().map(|value| &**value)));
                    }
                }
                allowed.shift_remove(name);
                if field.is_text { field.values.remove_text(name, by) } else { field.values.remove(name, by) }
            }
        }
        Ok(())
    }

    /// Attributes that apply to an account type, or are required there, do so no longer, or where another one takes its place.
    pub(super) fn applies_without(
        &mut self,
        removed: &SchemaPart,
        by: Option<&Arc<str>>,
    ) -> Result<(), Kind> {
        let name = removed.name();
        let without = |names: &[Arc<str>]| -> Vec<Arc<str>> {
            let now = names.iter().filter_map(|known| if **known == *name { by } else { Some(known) });
            let left: IndexSet<&Arc<str>> = now.collect();
            left.into_iter().cloned().collect()
        };
        let applies = |field: &Field| {
            let names = &field.declared.attribute.applies_to;
            names.is_empty() || !without(names).is_empty()
        };
        if let Some(field) = self.attributes.iter().find(|field| !applies(field)) {
            let part = SchemaPart::Attribute(field.name().clone());
            return Err(Kind::AppliesNowhere { removed: removed.clone(), part });
        }
        for field in &mut self.attributes {
            let attribute = &mut field.declared.attribute;
            attribute.applies_to = without(&attribute.applies_to);
            // An empty list would say wherever it applies.
            if let Some(names) = attribute.required_at.take() {
                attribute.required_at =
                    Some(without(&names)).filter(|left| names.is_empty() || !left.is_empty());
            }
        }
        Ok(())
    }
}

/// One that takes the place of another is not that.
fn is_other(part: &SchemaPart, by: &str, name: &str) -> Result<(), Kind> {
    if by == name {
        return Err(Kind::Unknown {
            part: part.clone(),
            hint: "; it is the one that is replaced".to_owned(),
        });
    }
    Ok(())
}

pub(super) fn no_other(part: &SchemaPart, by: Option<&Arc<str>>) -> Result<(), Kind> {
    if by.is_some() { Err(Kind::NotReplaced(part.clone())) } else { Ok(()) }
}
