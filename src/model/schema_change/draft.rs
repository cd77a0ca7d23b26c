//! Which schema do the steps come to?

use std::sync::Arc;

use super::SchemaPart;
use super::fault::{SchemaChangeErrors, SchemaChangeFault, SchemaChangeFaultKind as Kind};
use super::migration::{EventMove, EventsMigration, FieldMove, Migration, SchemaRenames, TableMove};
use super::step::SchemaStep;
use super::tracked::Tracked;
use crate::model::schema_builder::{DeclaredAttribute, DeclaredTable};
use crate::model::{
    AccountType, Attribute, AttributeType, ChildTable, EnumValues, EventKind, Nesting, Schema, SchemaBuilder,
    StatusGroup, SystemAttribute, UsageSchema, UsageSchemaErrors, hint,
};

/// A schema on its way to another one.
pub(super) struct Draft {
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
    table: ChildTable,
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
            self.values.retain(|value| values.code(value).is_some());
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

/// Adds a field behind the others, or declares the one of its name anew.
fn put(fields: &mut Vec<Field>, declared: &DeclaredAttribute) {
    match fields.iter_mut().find(|field| *field.name() == declared.attribute.name) {
        Some(known) => known.redeclare(declared.clone()),
        None => fields.push(Field::new(declared.clone())),
    }
}

impl Draft {
    pub(super) fn of(schema: &Schema, events: Option<&UsageSchema>) -> Self {
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
            Table { table: table.clone(), columns, before: Some(place) }
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

    pub(super) fn take(&mut self, step: &SchemaStep) -> Result<(), Kind> {
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

    fn account_type(
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

    fn table(&mut self, part: &SchemaPart, name: &str) -> Result<&mut Table, Kind> {
        let at = find(&self.tables, part, name, |table| table.table.name())?;
        self.tables.get_mut(at).ok_or_else(|| Kind::Unknown { part: part.clone(), hint: String::new() })
    }

    fn put_table(&mut self, table: &ChildTable) {
        let known = self.tables.iter_mut().find(|known| known.table.name == table.name);
        let fresh = || Table { table: table.clone(), columns: Vec::new(), before: None };
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
        known.table = ChildTable { line: known.table.line.clone(), ..table.clone() };
    }

    fn event(&mut self, kind: &EventKind) {
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

    fn value(&mut self, of: &SchemaPart, value: &Arc<str>, group: Option<StatusGroup>) -> Result<(), Kind> {
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

    fn rename(&mut self, part: &SchemaPart, to: &Arc<str>) -> Result<(), Kind> {
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
                find(&self.tables, part, from, |table| table.table.name())?;
                let is_taken = self.tables.iter().any(|table| table.table.name == *to);
                is_free(to, is_taken, SchemaPart::Table)?;
                self.table(part, from)?.table.name = to.clone();
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

    fn remove(&mut self, part: &SchemaPart, by: Option<&Arc<str>>) -> Result<(), Kind> {
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
                let at = find(&self.tables, part, name, |table| table.table.name())?;
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
    fn applies_without(&mut self, removed: &SchemaPart, by: Option<&Arc<str>>) -> Result<(), Kind> {
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

    fn exactly(&mut self, schema: &Schema) {
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
        tables.retain(|table| schema.table(table.table.name()).is_some());
        tables.sort_by_key(|table| schema.table(table.table.name()).map(crate::model::TableId::index));
        self.tables = tables;
    }

    /// The schema, and how it came about from the one before.
    pub(super) fn migration(
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
                .map(|of| Some(DeclaredTable { table: of.table.clone(), columns: own_columns(&of.columns) }))
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

/// The parts of a list in the order of some names, without the others.
fn in_order<'n>(mut fields: Vec<Field>, names: impl Iterator<Item = &'n str>) -> Vec<Field> {
    let places: std::collections::HashMap<&str, usize> =
        names.enumerate().map(|(place, name)| (name, place)).collect();
    fields.retain(|field| places.contains_key(&**field.name()));
    fields.sort_by_key(|field| places.get(&**field.name()).copied());
    fields
}

/// One that takes the place of another must be there, and not be that.
fn other<T>(
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

fn is_free(to: &Arc<str>, is_taken: bool, part: fn(Arc<str>) -> SchemaPart) -> Result<(), Kind> {
    if is_taken { Err(Kind::Taken(part(to.clone()))) } else { Ok(()) }
}

fn no_other(part: &SchemaPart, by: Option<&Arc<str>>) -> Result<(), Kind> {
    if by.is_some() { Err(Kind::NotReplaced(part.clone())) } else { Ok(()) }
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

fn usage_schema(events: &[Event]) -> Result<UsageSchema, UsageSchemaErrors> {
    let fields = |fields: &[Field]| -> Vec<Attribute> {
        fields.iter().map(|field| field.declared.attribute.clone()).collect()
    };
    UsageSchema::new(events.iter().map(|event| {
        let kind = fields(&event.properties).into_iter().fold(event.kind.clone(), EventKind::property);
        fields(&event.measures).into_iter().fold(kind, EventKind::measure)
    }))
}

fn event_renames(renames: &mut SchemaRenames, old: Option<&UsageSchema>, events: &[Event]) {
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

fn renames(
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
        if *name != of.table.name {
            renames.tables.insert(name.clone(), of.table.name.clone());
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
