//! Which names and values are renamed, and which old names refer to another part now?

use std::collections::HashSet;
use std::sync::Arc;

use super::{Event, Field, Table};
use crate::model::schema_change::migration::{ClosedSet, SchemaRenames};
use crate::model::schema_change::tracked::Tracked;
use crate::model::{Attribute, AttributeType, EnumValues, EventKind, Schema, UsageSchema};

/// Two schemas.
pub(super) struct Renaming<'s> {
    pub(super) old: &'s Schema,
    pub(super) new: &'s Schema,
}

impl Renaming<'_> {
    pub(super) fn of(
        &self,
        types: &Tracked,
        products: &Tracked,
        attributes: &[Field],
        tables: &[Table],
    ) -> SchemaRenames {
        let (old, new) = (self.old, self.new);
        let mut renames = SchemaRenames::default();
        let mut kept: HashSet<usize> = HashSet::new();
        for (field, now) in attributes.iter().zip(new.attributes.values()) {
            let Some((name, before)) = field.before.and_then(|place| old.attributes.get_index(place)) else {
                continue;
            };
            kept.extend(field.before);
            renames.sets.extend(closed_set(&before.kind, &now.kind, field));
            if name != field.name() {
                renames.attributes.insert(name.clone(), field.name().clone());
            }
        }
        let gone = old
            .attributes
            .keys()
            .enumerate()
            .filter(|(at, name)| !kept.contains(at) && new.attributes.contains_key(*name));
        renames.gone.attributes.extend(gone.map(|(_, name)| name.clone()));
        let mut kept: HashSet<usize> = HashSet::new();
        for (of, now) in tables.iter().zip(new.tables.values()) {
            let Some((name, before)) = of.before.and_then(|place| old.tables.get_index(place)) else {
                continue;
            };
            kept.extend(of.before);
            if *name != of.declared.name {
                renames.tables.insert(name.clone(), of.declared.name.clone());
            }
            let mut columns: HashSet<usize> = HashSet::new();
            for (field, after) in of.columns.iter().zip(now.columns.values()) {
                let Some((column, before)) = field.before.and_then(|place| before.columns.get_index(place))
                else {
                    continue;
                };
                columns.extend(field.before);
                renames.sets.extend(closed_set(&before.kind, &after.kind, field));
                if column != field.name() {
                    renames.columns.insert((name.clone(), column.clone()), field.name().clone());
                }
            }
            let gone = before.columns.keys().enumerate();
            let gone = gone.filter(|(at, column)| !columns.contains(at) && now.columns.contains_key(*column));
            renames.gone.columns.extend(gone.map(|(_, column)| (name.clone(), column.clone())));
        }
        let gone = old
            .tables
            .keys()
            .enumerate()
            .filter(|(at, name)| !kept.contains(at) && new.tables.contains_key(*name));
        renames.gone.tables.extend(gone.map(|(_, name)| name.clone()));
        for (names, before, after) in [
            (types, &old.type_values, &new.type_values),
            (products, &old.product_values, &new.product_values),
        ] {
            renames.sets.extend(set_of(names, before, Some(after)));
        }
        renames.types = types.renamed();
        renames
    }
}

/// What became of the values of a field, where they are not what they were.
fn closed_set(before: &AttributeType, after: &AttributeType, field: &Field) -> Option<ClosedSet> {
    set_of(&field.values, before.values()?, after.values())
}

fn set_of(values: &Tracked, before: &EnumValues, after: Option<&EnumValues>) -> Option<ClosedSet> {
    let moved = values.moved().into_iter().filter_map(|(was, now)| Some((was, now?)));
    let set = ClosedSet {
        before: before.clone(),
        after: after.cloned(),
        said: values.renamed(),
        moved: moved.collect(),
        gone: values
            .gone()
            .filter(|value| after.is_some_and(|after| after.code(value).is_some()))
            .cloned()
            .collect(),
    };
    (!(set.said.is_empty() && set.moved.is_empty() && set.gone.is_empty())).then_some(set)
}

pub(super) fn event_renames(
    renames: &mut SchemaRenames,
    old: &UsageSchema,
    new: &UsageSchema,
    events: &[Event],
) {
    let mut kept: HashSet<usize> = HashSet::new();
    for (event, now) in events.iter().zip(new.kinds()) {
        let Some(before) = event.before.and_then(|place| old.kinds().nth(place)) else { continue };
        kept.extend(event.before);
        if before.name != event.kind.name {
            renames.events.insert(before.name.clone(), event.kind.name.clone());
        }
        for (fields, known) in [(&event.properties, &before.properties), (&event.measures, &before.measures)]
        {
            let mut places: HashSet<usize> = HashSet::new();
            for field in fields {
                places.extend(field.before);
                let was = field.before.and_then(|place| known.get_index(place)).map(|(name, _)| name);
                if let Some(was) = was.filter(|was| *was != field.name()) {
                    renames.fields.insert((before.name.clone(), was.clone()), field.name().clone());
                }
            }
            let is_field = |name: &str| {
                now.properties().chain(now.measures()).any(|field: &Attribute| field.name() == name)
            };
            let gone = known.keys().enumerate().filter(|(at, name)| !places.contains(at) && is_field(name));
            renames.gone.fields.extend(gone.map(|(_, name)| (before.name.clone(), name.clone())));
        }
    }
    let gone = old.kinds().map(EventKind::name).enumerate();
    let gone = gone.filter(|(at, name)| !kept.contains(at) && new.kind(name).is_some());
    renames.gone.events.extend(gone.map(|(_, name)| Arc::from(name)));
}
