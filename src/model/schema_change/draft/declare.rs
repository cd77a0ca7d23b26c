//! What is added, and what is declared anew?

use std::sync::Arc;

use super::{Draft, Event, Field, Table, find, value_of};
use crate::model::schema_builder::DeclaredAttribute;
use crate::model::schema_change::SchemaChangeFaultKind as Kind;
use crate::model::schema_change::SchemaPart;
use crate::model::{AccountType, Attribute, ChildTable, EventKind, Nesting, Schema, StatusGroup, TableId};

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
        let fresh = || Table { declared: table.clone(), columns: Vec::new(), before: None };
        let Some(known) = known else {
            let columns = table.columns().cloned().map(|column| Field::new(column.into())).collect();
            self.tables.push(Table { columns, ..fresh() });
            return;
        };
        // Its columns are those of the declaration, in its order.
        let mut before = std::mem::take(&mut known.columns);
        for column in table.columns() {
            put(&mut before, &column.clone().into());
        }
        known.columns = in_order(before, table.columns().map(Attribute::name));
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
            let mut before = std::mem::take(fields);
            declared.values().for_each(|field| put(&mut before, &field.clone().into()));
            *fields = in_order(before, declared.values().map(Attribute::name));
        }
    }

    pub(super) fn value(
        &mut self,
        of: &SchemaPart,
        value: &Arc<str>,
        group: Option<StatusGroup>,
    ) -> Result<(), Kind> {
        let field = self.valued(of)?;
        let mut allowed = field.allowed().ok_or_else(|| Kind::NoValues(of.clone()))?;
        if allowed.iter().any(|(known, _)| known == value) {
            return Err(Kind::Taken(value_of(of, value)));
        }
        match (field.declared.groups.is_some(), group) {
            (true, None) => return Err(Kind::Group("a status needs a group: free, paying or cancelled")),
            (false, Some(_)) => return Err(Kind::Group("only statuses have groups")),
            _ => {}
        }
        allowed.push((value.clone(), group));
        field.allow(&allowed);
        Ok(())
    }

    pub(super) fn exactly(&mut self, schema: &Schema) {
        let types: Vec<AccountType> = schema.account_types().cloned().collect();
        self.type_names.retain(|name| schema.account_type(name).is_some());
        self.product_names.retain(|name| schema.product(name).is_some());
        self.types = types;
        self.products = schema.product_values.iter().cloned().collect();
        let target = Self::of(schema, None);
        let mut attributes = std::mem::take(&mut self.attributes);
        target.attributes.iter().for_each(|field| put(&mut attributes, &field.declared));
        self.attributes = in_order(attributes, schema.attributes().map(Attribute::name));
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

/// The parts of a list in the order of some names, without the others.
pub(super) fn in_order<'n>(mut fields: Vec<Field>, names: impl Iterator<Item = &'n str>) -> Vec<Field> {
    let places: std::collections::HashMap<&str, usize> =
        names.enumerate().map(|(place, name)| (name, place)).collect();
    fields.retain(|field| places.contains_key(&**field.name()));
    fields.sort_by_key(|field| places.get(&**field.name()).copied());
    fields
}
