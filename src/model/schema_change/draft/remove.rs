//! What is removed, and what takes its place?

use std::sync::Arc;

use super::{Draft, Event, Field, find, value_of};
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
                    other(&self.types, &SchemaPart::AccountType(by.clone()), by, name, AccountType::name)?;
                }
                self.applies_without(part, by)?;
                self.types.remove(at);
                self.type_names.remove(name, by);
            }
            SchemaPart::Product(_) => {
                let at = find(&self.products, part, name, |name| name)?;
                if let Some(by) = by {
                    other(&self.products, &SchemaPart::Product(by.clone()), by, name, |name| name)?;
                }
                self.products.remove(at);
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
                let mut allowed = field.allowed().ok_or_else(|| Kind::NoValues(part.clone()))?;
                let at = find(&allowed, part, name, |(value, _)| value)?;
                if let Some(by) = by {
                    other(&allowed, &value_of(part, by), by, name, |(value, _)| value)?;
                }
                allowed.remove(at);
                field.allow(&allowed);
                field.values.remove(name, by);
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
            let mut left: Vec<Arc<str>> = Vec::with_capacity(names.len());
            for known in names {
                let now = if **known == *name { by } else { Some(known) };
                left.extend(now.filter(|now| !left.contains(now)).cloned());
            }
            left
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

/// One that takes the place of another must be there, and not be that.
pub(super) fn other<T>(
    list: &[T],
    part: &SchemaPart,
    by: &str,
    name: &str,
    of: impl Fn(&T) -> &str,
) -> Result<(), Kind> {
    if by == name {
        return Err(Kind::Unknown {
            part: part.clone(),
            hint: "; it is the one that is replaced".to_owned(),
        });
    }
    find(list, part, by, of).map(|_| ())
}

pub(super) fn no_other(part: &SchemaPart, by: Option<&Arc<str>>) -> Result<(), Kind> {
    if by.is_some() { Err(Kind::NotReplaced(part.clone())) } else { Ok(()) }
}
