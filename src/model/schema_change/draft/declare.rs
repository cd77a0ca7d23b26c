//! Which parts are added, and which are redeclared?

use std::collections::HashMap;
use std::sync::Arc;

use super::{Draft, Event, Field, Table, find, value_of};
use crate::model::attribute::Line;
use crate::model::schema_builder::DeclaredAttribute;
use crate::model::schema_change::SchemaChangeFaultKind as Kind;
use crate::model::schema_change::SchemaPart;
use crate::model::{AccountType, ChildTable, EventKind, Nesting, Schema, StatusGroup, TableId, UsageSchema};

impl Draft {
    pub(super) fn account_type(
        &mut self,
        name: &Arc<str>,
        nesting: Nesting,
        above: Option<&Arc<str>>,
    ) -> Result<(), Kind> {
        let known = self.types.iter_mut().find(|known| known.name == *name);
        let new = AccountType { name: name.clone(), nesting };
        match (known, above) {
            (Some(_), Some(_)) => return Err(Kind::Taken(SchemaPart::AccountType(name.clone()))),
            (Some(known), None) => *known = new,
            (None, None) => self.types.push(new),
            (None, Some(below)) => {
                let part = SchemaPart::AccountType(below.clone());
                let at = find(&self.types, &part, below, AccountType::name)?;
                self.types.insert(at, new);
            }
        }
        Ok(())
    }

    pub(super) fn put_table(&mut self, table: &ChildTable) {
        let known = self.tables.iter_mut().find(|known| known.declared.name == table.name);
        let Some(known) = known else {
            let columns = table.columns().cloned().map(|column| Field::new(column.into())).collect();
            let declared = ChildTable { line: Line::default(), ..table.clone() };
            self.tables.push(Table { declared, columns, before: None });
            return;
        };
        let columns = std::mem::take(&mut known.columns);
        known.columns = exactly(columns, table.columns().map(|column| column.clone().into()));
        known.declared = ChildTable { line: known.declared.line.clone(), ..table.clone() };
    }

    pub(super) fn event(&mut self, kind: &EventKind) {
        let Some(events) = &mut self.events else { return };
        let at = events.iter().position(|known| known.kind.name == kind.name).unwrap_or(events.len());
        if at == events.len() {
            let (properties, measures) = (Vec::new(), Vec::new());
            events.push(Event { kind: kind.without_fields(), properties, measures, before: None });
        }
        let Some(known) = events.get_mut(at) else { return };
        known.kind = kind.without_fields();
        for (fields, declared) in
            [(&mut known.properties, &kind.properties), (&mut known.measures, &kind.measures)]
        {
            let before = std::mem::take(fields);
            *fields = exactly(before, declared.values().map(|field| field.clone().into()));
        }
    }

    pub(super) fn exactly_events(&mut self, schema: &UsageSchema) {
        schema.kinds().for_each(|kind| self.event(kind));
        let Some(events) = &mut self.events else { return };
        events.retain(|event| schema.kind(event.kind.name()).is_some());
        events.sort_by_key(|event| schema.number(event.kind.name()));
    }

    pub(super) fn value(
        &mut self,
        of: &SchemaPart,
        value: &Arc<str>,
        group: Option<StatusGroup>,
    ) -> Result<(), Kind> {
        let field = self.valued(of)?;
        let has_groups = field.declared.groups.is_some();
        let allowed = field.allowed(of)?;
        if allowed.contains_key(value) {
            return Err(Kind::Taken(value_of(of, value)));
        }
        match (has_groups, group) {
            (true, None) => return Err(Kind::Group("a status needs a group: free, paying or cancelled")),
            (false, Some(_)) => return Err(Kind::Group("only statuses have groups")),
            _ => {}
        }
        allowed.insert(value.clone(), group);
        Ok(())
    }

    pub(super) fn exactly(&mut self, schema: &Schema) {
        let types: Vec<AccountType> = schema.account_types().cloned().collect();
        self.type_names.retain(|name| schema.account_type(name).is_some());
        self.product_names.retain(|name| schema.product(name).is_some());
        self.types = types;
        self.products = schema.product_values.iter().cloned().collect();
        self.repeated_products = schema.repeated_products;
        let target = Self::of(schema, None);
        let attributes = std::mem::take(&mut self.attributes);
        self.attributes = exactly(attributes, target.attributes.into_iter().map(|field| field.declared));
        schema.tables().for_each(|table| self.put_table(table));
        let mut tables = std::mem::take(&mut self.tables);
        tables.retain(|table| schema.table(table.declared.name()).is_some());
        tables.sort_by_key(|table| schema.table(table.declared.name()).map(TableId::index));
        self.tables = tables;
    }
}

/// Adds a field behind the others, or declares the one of its name anew.
pub(super) fn put(fields: &mut Vec<Field>, declared: &DeclaredAttribute) {
    match fields.iter_mut().find(|field| *field.name() == declared.attribute.name) {
        Some(known) => known.redeclare(declared.clone()),
        None => fields.push(Field::new(declared.clone())),
    }
}

/// The fields of some declarations, each that of its name where there is one.
pub(super) fn exactly(before: Vec<Field>, declared: impl Iterator<Item = DeclaredAttribute>) -> Vec<Field> {
    let mut known: HashMap<Arc<str>, Field> =
        before.into_iter().map(|field| (field.name().clone(), field)).collect();
    let field = |declared: DeclaredAttribute| match known.remove(&declared.attribute.name) {
        Some(mut field) => {
            field.redeclare(declared);
            field
        }
        None => Field::new(declared),
    };
    declared.map(field).collect()
}
