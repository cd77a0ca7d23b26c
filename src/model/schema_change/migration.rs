//! What became of each part of a schema?

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::model::{
    Attribute, AttributeId, AttributeType, ChildTable, EnumValues, Schema, TypeId, UsageSchema,
};

/// The schema that results from a change, with the mapping of the old parts to its parts.
#[derive(Debug, Clone)]
pub(crate) struct Migration {
    pub(crate) schema: Arc<Schema>,
    /// The place of each account type of before; `None` for one that was removed.
    pub(crate) types: Vec<Option<usize>>,
    /// The place of each product of before.
    pub(crate) products: Vec<Option<usize>>,
    /// Where the values of each attribute come from.
    pub(crate) attributes: Vec<FieldMove>,
    pub(crate) tables: Vec<TableMove>,
    /// The changed kinds of event; `None` where none changed.
    pub(crate) events: Option<EventsMigration>,
    pub(crate) renames: SchemaRenames,
}

/// Kinds of event after others.
#[derive(Debug, Clone)]
pub(crate) struct EventsMigration {
    pub(crate) schema: UsageSchema,
    pub(crate) kinds: Vec<EventMove>,
}

/// Where the events of a kind come from.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct EventMove {
    pub(crate) before: Option<usize>,
    pub(crate) properties: Vec<FieldMove>,
    pub(crate) measures: Vec<FieldMove>,
}

/// Where the values of an attribute or column come from.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FieldMove {
    /// Its place before; `None` for a new one.
    pub(crate) before: Option<usize>,
    /// Allowed values that were renamed, replaced or removed.
    pub(crate) values: HashMap<Arc<str>, Option<Arc<str>>>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct TableMove {
    pub(crate) before: Option<usize>,
    pub(crate) columns: Vec<FieldMove>,
}

/// What is written in the place of texts.
pub(crate) type Texts = HashMap<Arc<str>, Arc<str>>;

/// Renamed names.
#[derive(Debug, Clone, Default)]
pub(crate) struct SchemaRenames {
    pub(crate) types: HashMap<Arc<str>, Arc<str>>,
    pub(crate) attributes: HashMap<Arc<str>, Arc<str>>,
    pub(crate) tables: HashMap<Arc<str>, Arc<str>>,
    /// By table and column, both as they were.
    pub(crate) columns: HashMap<(Arc<str>, Arc<str>), Arc<str>>,
    pub(crate) events: HashMap<Arc<str>, Arc<str>>,
    /// Properties and measures, by kind of event and name, both as they were.
    pub(crate) fields: HashMap<(Arc<str>, Arc<str>), Arc<str>>,
    /// Sets of allowed values that are not what they were; account types and products are such sets too.
    pub(crate) sets: Vec<ClosedSet>,
    /// Names of parts that are no longer there, which other parts have now.
    pub(crate) gone: Gone,
}

/// What became of the allowed values of one declaration.
#[derive(Debug, Clone)]
pub(crate) struct ClosedSet {
    pub(crate) before: EnumValues,
    pub(crate) after: Option<EnumValues>,
    /// Renamed values.
    pub(crate) said: Texts,
    /// Values that data has from now on in the place of others, be they renamed or replaced.
    pub(crate) moved: Texts,
    /// Values that are no longer, by texts that are another value now.
    pub(crate) gone: HashSet<Arc<str>>,
}

/// Names by which something was read that is no longer there, and by which something else would be read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gone {
    pub(crate) attributes: HashSet<Arc<str>>,
    pub(crate) tables: HashSet<Arc<str>>,
    pub(crate) columns: HashSet<(Arc<str>, Arc<str>)>,
    pub(crate) events: HashSet<Arc<str>>,
    pub(crate) fields: HashSet<(Arc<str>, Arc<str>)>,
}

impl SchemaRenames {
    pub(crate) fn is_empty(&self) -> bool {
        self.attributes.is_empty()
            && self.tables.is_empty()
            && self.columns.is_empty()
            && self.sets.is_empty()
            && self.events.is_empty()
            && self.fields.is_empty()
            && self.gone.attributes.is_empty()
            && self.gone.tables.is_empty()
            && self.gone.columns.is_empty()
            && self.gone.events.is_empty()
            && self.gone.fields.is_empty()
    }
}

impl Migration {
    /// Are all accounts and rows where they were, with the values that they had, in the same columns?
    ///
    /// So it is where parts are added behind the others, renamed in their place, or described otherwise, and nothing new is asked of what
    /// is there.
    pub(crate) fn is_in_place(&self, old: &Schema) -> bool {
        let new = &*self.schema;
        let same_places =
            |places: &[Option<usize>]| places.iter().enumerate().all(|(at, now)| *now == Some(at));
        let nesting =
            old.types.values().zip(new.types.values()).all(|(before, after)| before.nesting == after.nesting);
        let known = old.types.len();
        let asks_no_more = (0..new.attributes.len()).all(|at| {
            let (attribute, is_known) = (AttributeId::new(at), at < old.attributes.len());
            (0..known).map(TypeId::new).all(|kind| {
                let required = new.requires(attribute, kind) && !(is_known && old.requires(attribute, kind));
                let applied = new.applies(attribute, kind) || !is_known || !old.applies(attribute, kind);
                !required && applied
            })
        });
        let tables = self.tables.iter().zip(new.tables.values()).enumerate().all(|(at, (of, table))| {
            let Some((_, before)) = old.tables.get_index(at) else { return of.before.is_none() };
            let needs = |table: &ChildTable, at: usize| {
                table.columns.get_index(at).is_some_and(|(_, column)| column.is_required())
            };
            of.before == Some(at)
                && same_currencies(before, table)
                && are_in_place(&of.columns, before.columns.values(), table.columns.values())
                && (0..table.columns.len()).all(|at| !needs(table, at) || needs(before, at))
        });
        same_places(&self.types)
            && same_places(&self.products)
            && old.repeated_products == new.repeated_products
            && nesting
            && asks_no_more
            && self.tables.len() >= old.tables.len()
            && tables
            && are_in_place(&self.attributes, old.attributes.values(), new.attributes.values())
    }

    /// Is everything what it was?
    pub(crate) fn is_nothing(&self, old: &Schema) -> bool {
        self.events.is_none() && *self.schema == *old && self.is_in_place(old)
    }

    /// Are attributes, tables and columns only added, so that quarantined accounts need not be judged again?
    pub(crate) fn only_adds(&self, old: &Schema) -> bool {
        let new = &*self.schema;
        let same = |one: &Schema, other: &Schema| {
            one.types == other.types
                && one.products == other.products
                && one.repeated_products == other.repeated_products
                && one.status_groups == other.status_groups
        };
        let is_prefix = |before: &Fields, after: &Fields| {
            before.len() <= after.len() && before.iter().zip(after.iter()).all(|(one, other)| one == other)
        };
        same(old, new)
            && is_prefix(&old.attributes, &new.attributes)
            && old.tables.len() <= new.tables.len()
            && old.tables.values().zip(new.tables.values()).all(|(before, after)| {
                before.name == after.name
                    && before.kind == after.kind
                    && is_prefix(&before.columns, &after.columns)
            })
    }
}

type Fields = indexmap::IndexMap<Arc<str>, Attribute>;

/// Has each field of before its place, and stores what it stored?
fn are_in_place<'a>(
    moves: &[FieldMove],
    old: impl ExactSizeIterator<Item = &'a Attribute>,
    new: impl ExactSizeIterator<Item = &'a Attribute>,
) -> bool {
    let known = old.len();
    let is_known = |(at, field): (usize, &FieldMove)| {
        if at < known { field.before == Some(at) } else { field.before.is_none() }
    };
    moves.len() >= known
        && moves.iter().enumerate().all(is_known)
        && old.zip(new).zip(moves).all(|((before, after), field)| {
            let wider = before.max_bytes <= after.max_bytes || after.max_bytes.is_none();
            let limited = before.max_bytes.is_some() || after.max_bytes.is_none();
            wider && limited && stores_alike(&before.kind, &after.kind, field)
        })
}

/// Do both types store the same values in the same way?
fn stores_alike(before: &AttributeType, after: &AttributeType, field: &FieldMove) -> bool {
    match (before, after) {
        (AttributeType::Enum(old), AttributeType::Enum(new))
        | (AttributeType::Band(old), AttributeType::Band(new)) => {
            let now = |value: &Arc<str>| field.values.get(value).map_or(Some(value), Option::as_ref).cloned();
            old.len() <= new.len()
                && old.iter().zip(new.iter()).all(|(old, new)| now(old).as_ref() == Some(new))
        }
        // That the column of the currency is where it was is looked at with its table.
        (AttributeType::MixedMoney { .. }, AttributeType::MixedMoney { .. }) => true,
        (before, after) => before == after,
    }
}

/// Are the currencies of mixed amounts in the columns in which they were?
fn same_currencies(before: &ChildTable, after: &ChildTable) -> bool {
    let place = |table: &ChildTable, column: &Attribute| match &column.kind {
        AttributeType::MixedMoney { currency_column } => table.columns.get_index_of(currency_column),
        _ => None,
    };
    let mut pairs = before.columns.values().zip(after.columns.values());
    pairs.all(|(one, other)| place(before, one) == place(after, other))
}

impl Schema {
    /// For each attribute its place in another schema: that of the declaration that it came from or became, or the one of its name.
    pub(crate) fn attributes_in(&self, other: &Self) -> Vec<Option<usize>> {
        counterparts(self.attributes.values(), &other.attributes)
    }

    /// For each child table its place in another schema.
    pub(crate) fn tables_in(&self, other: &Self) -> Vec<Option<usize>> {
        let by_line =
            |table: &ChildTable| other.tables.values().position(|known| known.line().is_same(table.line()));
        let found: Vec<Option<usize>> = self.tables.values().map(by_line).collect();
        let by_name =
            |name: &Arc<str>| other.tables.get_index_of(name).filter(|at| !found.contains(&Some(*at)));
        self.tables.keys().zip(&found).map(|(name, at)| at.or_else(|| by_name(name))).collect()
    }
}

/// Attributes and tables of two schemas that are at the same places in both, and of another type in one of them.
#[derive(Debug, Default)]
pub(crate) struct Recoded {
    pub(crate) attributes: BTreeSet<usize>,
    pub(crate) tables: BTreeSet<usize>,
}

impl Schema {
    /// Where one of the schemas goes on from the other, with every attribute, table and column at its place: those of another type. `None`
    /// where places differ.
    pub(crate) fn recoded_since(&self, old: &Self) -> Option<Recoded> {
        let attributes = recoded_of(self.attributes.values(), old.attributes.values())?;
        let mut recoded = Recoded { attributes, tables: BTreeSet::new() };
        for (at, (now, before)) in self.tables.values().zip(old.tables.values()).enumerate() {
            let same = now.line().is_same(before.line()) || now.name == before.name;
            if !same {
                return None;
            }
            if !recoded_of(now.columns.values(), before.columns.values())?.is_empty() {
                recoded.tables.insert(at);
            }
        }
        Some(recoded)
    }
}

fn recoded_of<'a>(
    new: impl Iterator<Item = &'a Attribute>,
    old: impl Iterator<Item = &'a Attribute>,
) -> Option<BTreeSet<usize>> {
    let mut recoded = BTreeSet::new();
    for (at, (now, before)) in new.zip(old).enumerate() {
        if !(now.line().is_same(before.line()) || now.name == before.name) {
            return None;
        }
        if now.kind != before.kind {
            recoded.insert(at);
        }
    }
    Some(recoded)
}

impl ChildTable {
    /// For each column its place in another table.
    pub(crate) fn columns_in(&self, other: &Self) -> Vec<Option<usize>> {
        counterparts(self.columns.values(), &other.columns)
    }
}

fn counterparts<'a>(own: impl Iterator<Item = &'a Attribute>, other: &Fields) -> Vec<Option<usize>> {
    let own: Vec<&Attribute> = own.collect();
    // Nearly always each is where it was.
    let at_place = |at: usize, of: &Attribute| {
        other.get_index(at).is_some_and(|(_, known)| known.line().is_same(of.line()))
    };
    let by_line = |(at, of): (usize, &&Attribute)| {
        if at_place(at, of) {
            return Some(at);
        }
        other.values().position(|known| known.line().is_same(of.line()))
    };
    let found: Vec<Option<usize>> = own.iter().enumerate().map(by_line).collect();
    let taken: std::collections::HashSet<usize> = found.iter().flatten().copied().collect();
    let by_name = |of: &&Attribute| other.get_index_of(of.name()).filter(|at| !taken.contains(at));
    own.iter().zip(&found).map(|(of, at)| at.or_else(|| by_name(of))).collect()
}
