//! Which schema results from the steps?

mod declare;
mod finish;
mod remove;
mod rename;
mod renames;

use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};

use self::declare::put;
use crate::model::attribute::Line;
use crate::model::schema_builder::DeclaredAttribute;
use crate::model::schema_change::SchemaChangeFaultKind as Kind;
use crate::model::schema_change::SchemaPart;
use crate::model::schema_change::step::SchemaStep;
use crate::model::schema_change::tracked::Tracked;
use crate::model::{
    AccountType, Attribute, AttributeType, ChildTable, EnumValues, EventKind, RepeatedProducts, Schema,
    StatusGroup, SystemAttribute, UsageSchema, hint,
};

/// Names among which the one is looked for that was probably meant.
const MAX_HINTED: usize = 256;

/// A schema while steps are applied to it.
pub(in crate::model::schema_change) struct Draft {
    types: Vec<AccountType>,
    type_names: Tracked,
    products: IndexSet<Arc<str>>,
    product_names: Tracked,
    repeated_products: RepeatedProducts,
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
    /// The allowed values, which are not those of the declaration while steps are taken.
    allowed: Allowed,
    /// What became of the values of before.
    values: Tracked,
    /// Had it no closed set of values before?
    is_text: bool,
}

struct Table {
    declared: ChildTable,
    columns: Vec<Field>,
    before: Option<usize>,
}

impl Field {
    /// A new one: nothing that a host declares elsewhere is the same declaration.
    fn new(mut declared: DeclaredAttribute) -> Self {
        declared.attribute.line = Line::default();
        declared.attribute.kind.set_apart();
        Self {
            allowed: allowed(&declared),
            declared,
            before: None,
            values: Tracked::default(),
            is_text: false,
        }
    }

    fn of(place: usize, declared: DeclaredAttribute) -> Self {
        let values = declared.attribute.kind.values().map(|values| Tracked::of(values.iter()));
        let is_text = values.is_none();
        let values = values.unwrap_or_default();
        Self { allowed: allowed(&declared), declared, before: Some(place), values, is_text }
    }

    fn name(&self) -> &Arc<str> {
        &self.declared.attribute.name
    }

    /// Declares it anew. Where it is of the same type, that stays the very type that it was.
    fn redeclare(&mut self, mut declared: DeclaredAttribute) {
        let kind = self.kind();
        declared.attribute.line = self.declared.attribute.line.clone();
        if declared.attribute.kind == kind {
            declared.attribute.kind = kind;
        } else {
            declared.attribute.kind.set_apart();
        }
        if let Some(values) = declared.attribute.kind.values() {
            let attribute = &declared.attribute;
            self.values.retain(|value| attribute.code_of(values, value).is_some());
        }
        self.allowed = allowed(&declared);
        self.declared = declared;
    }

    /// Its type after the steps so far: the very one that it had before, where the values are the same.
    fn kind(&self) -> AttributeType {
        let kind = &self.declared.attribute.kind;
        let values = || EnumValues::new(self.allowed.keys().map(|value| &**value));
        let same = |known: &EnumValues| known.iter().eq(self.allowed.keys());
        match kind {
            AttributeType::Enum(known) if !same(known) => AttributeType::Enum(values()),
            AttributeType::Band(known) if !same(known) => AttributeType::Band(values()),
            kind => kind.clone(),
        }
    }

    /// Its declaration after all steps.
    fn declaration(&self) -> DeclaredAttribute {
        let mut declared = self.declared.clone();
        declared.attribute.kind = self.kind();
        if declared.groups.is_some() {
            declared.groups = Some(self.allowed.values().filter_map(|group| *group).collect());
        }
        declared
    }

    /// The allowed values, where it has some.
    fn allowed(&mut self, part: &SchemaPart) -> Result<&mut Allowed, Kind> {
        match self.declared.attribute.kind.values() {
            Some(_) => Ok(&mut self.allowed),
            None => Err(Kind::NoValues(part.clone())),
        }
    }
}

/// Allowed values in their order, each status with its group.
type Allowed = IndexMap<Arc<str>, Option<StatusGroup>>;

fn allowed(declared: &DeclaredAttribute) -> Allowed {
    let groups = declared.groups.as_deref().unwrap_or_default();
    let groups = groups.iter().copied().map(Some).chain(std::iter::repeat(None));
    let values = declared.attribute.kind.values();
    values.into_iter().flat_map(EnumValues::iter).cloned().zip(groups).collect()
}

/// Says so where a declaration names something twice.
fn is_clear(part: impl FnOnce() -> SchemaPart, attribute: &Attribute) -> Result<(), Kind> {
    match attribute.kind.values().and_then(|values| values.repeated().first()) {
        Some((_, value)) => Err(Kind::Repeated { part: part(), name: value.clone() }),
        None => Ok(()),
    }
}

/// The place of a part in a list, or that it is not there.
fn find<T>(list: &[T], part: &SchemaPart, name: &str, of: impl Fn(&T) -> &str) -> Result<usize, Kind> {
    list.iter().position(|item| of(item) == name).ok_or_else(|| unknown(part, name, list.iter().map(of)))
}

/// A part is not there; of few names the nearest is told.
fn unknown<'n>(part: &SchemaPart, name: &str, known: impl Iterator<Item = &'n str>) -> Kind {
    Kind::Unknown { part: part.clone(), hint: hint(name, known.take(MAX_HINTED)) }
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
            repeated_products: schema.repeated_products,
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
                if self.products.insert(name.clone()) {
                    Ok(())
                } else {
                    Err(Kind::Taken(SchemaPart::Product(name.clone())))
                }
            }
            SchemaStep::RepeatedProducts(answer) => {
                self.repeated_products = *answer;
                Ok(())
            }
            SchemaStep::Attribute(attribute) => {
                let own = &attribute.0.attribute;
                is_clear(|| SchemaPart::Attribute(own.name.clone()), own)?;
                put(&mut self.attributes, &attribute.0);
                Ok(())
            }
            SchemaStep::Table(table) => {
                if let Some(name) = table.repeated.first() {
                    return Err(Kind::Repeated { part: SchemaPart::table(table.name()), name: name.clone() });
                }
                for column in table.columns() {
                    is_clear(|| SchemaPart::column(table.name(), column.name()), column)?;
                }
                self.put_table(table);
                Ok(())
            }
            SchemaStep::Column { table, column } => {
                is_clear(|| SchemaPart::column(table, column.0.name()), &column.0)?;
                let columns = &mut self.table(&SchemaPart::Table(table.clone()), table)?.columns;
                put(columns, &column.0.clone().into());
                Ok(())
            }
            SchemaStep::Event(kind) => {
                if let Some(name) = kind.repeated.first() {
                    return Err(Kind::Repeated { part: SchemaPart::event(kind.name()), name: name.clone() });
                }
                for field in kind.properties().chain(kind.measures()) {
                    is_clear(|| SchemaPart::event_field(kind.name(), field.name()), field)?;
                }
                self.event(kind);
                Ok(())
            }
            SchemaStep::ExactlyEvents(events) => {
                self.exactly_events(events);
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
