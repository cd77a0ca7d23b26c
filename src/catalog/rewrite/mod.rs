//! What does a definition say when what it reads is renamed?

mod meaning;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

pub(super) use self::meaning::changed_meaning;
use super::definition::Definition;
use super::entry::Entry;
use super::fault::{CatalogFault, CatalogFaultKind};
use crate::define::{DefinitionFault, Named, Renames};
use crate::expr::{Rename, Source, Type, Unwritten, Written};
use crate::model::{ClosedSet, EnumValues, SchemaRenames};

/// New names of what definitions read: of parts of the schema, and of definitions.
#[derive(Debug)]
pub(super) struct NewNames<'r> {
    schema: &'r SchemaRenames,
    /// Of columns of definitions.
    pub(super) columns: HashMap<Arc<str>, Arc<str>>,
    pub(super) metrics: HashMap<Arc<str>, Arc<str>>,
    pub(super) segments: HashMap<Arc<str>, Arc<str>>,
}

impl<'r> NewNames<'r> {
    pub(super) fn of_schema(schema: &'r SchemaRenames) -> Self {
        Self { schema, columns: HashMap::new(), metrics: HashMap::new(), segments: HashMap::new() }
    }
}

/// A definition with the new names in the places of the old ones that it reads.
pub(super) fn rewritten(entry: &Entry, names: &NewNames<'_>) -> Result<Definition, CatalogFault> {
    let (known, renames) = (entry.compiled.all_expressions(), names.schema);
    let problem: RefCell<Option<String>> = RefCell::new(None);
    let object = |what: String| {
        problem.borrow_mut().get_or_insert(what);
    };
    let expression = |text: &str| -> Arc<str> {
        let of_text = known.iter().filter(|checked| checked.ast().source_text() == text);
        let mut all: Vec<Option<String>> = Vec::new();
        for checked in of_text {
            match checked.rewritten(&|written| renamed(names, written)) {
                Ok(now) => all.push(now),
                Err(Unwritten::Gone(name)) => object(gone(&name)),
                Err(Unwritten::Unplaced(name)) => object(format!(
                    "`{name}` is called otherwise from now on, and is written here in a way that cannot be rewritten; define it anew"
                )),
            }
        }
        if all.iter().any(|other| Some(other) != all.first()) {
            object("one of its expressions reads, by the same text, rows of which only some are called otherwise; define it anew".to_owned());
        }
        all.pop().flatten().map_or_else(|| Arc::from(text), Arc::from)
    };
    let named = |of: Named, name: &str| {
        if let Some(now) = names.columns.get(name).filter(|_| of == Named::Column) {
            return Some(now.clone());
        }
        let (names, missing) = match of {
            Named::Column => (&renames.attributes, renames.gone.attributes.contains(name)),
            Named::Table => (&renames.tables, renames.gone.tables.contains(name)),
            Named::Event => (&renames.events, renames.gone.events.contains(name)),
            Named::AccountType => (&renames.types, false),
        };
        if missing && !names.contains_key(name) {
            object(gone(name));
        }
        names.get(name).cloned()
    };
    let value = |text: &str, value: &str| {
        let of_text = known.iter().find(|checked| checked.ast().source_text() == text)?;
        match renamed(names, Written::Value(closed(of_text.kind())?, &Arc::from(value))) {
            Rename::To(now) => Some(now),
            Rename::Gone => {
                object(gone(value));
                None
            }
            Rename::Kept => None,
        }
    };
    let mut now = (*entry.definition).clone();
    now.as_define_mut().rename(&Renames { expression: &expression, named: &named, value: &value });
    // What is put together of several texts, and what could not be put back, is seen by the texts that come out.
    let texts = |definition: &Definition| {
        let mut texts: Vec<Arc<str>> = Vec::new();
        definition.as_define().expressions(&mut |text| texts.push(Arc::from(text)));
        texts
    };
    let expected: Vec<Arc<str>> = texts(&entry.definition).iter().map(|text| expression(text)).collect();
    if expected != texts(&now) {
        object(
            "one of its expressions cannot be rewritten with the names from now on; define it anew"
                .to_owned(),
        );
    }
    match problem.take() {
        Some(what) => Err(fault(entry, what)),
        None => Ok(now),
    }
}

fn fault(entry: &Entry, what: String) -> CatalogFault {
    let kind = CatalogFaultKind::Invalid(DefinitionFault::Other(what));
    CatalogFault { definition: entry.id.clone(), kind }.of_written(entry.bringer.as_ref())
}

fn gone(name: &str) -> String {
    format!("it reads `{name}`, which is removed; what has that name from now on is something else")
}

/// The closed set that values of a type are of.
pub(super) fn closed(kind: &Type) -> Option<&EnumValues> {
    match kind {
        Type::Counts(values) => Some(values),
        Type::List(of) => of.values(),
        kind => kind.values(),
    }
}

/// What became of a closed set.
pub(super) fn set_of<'s>(renames: &'s SchemaRenames, values: &EnumValues) -> Option<&'s ClosedSet> {
    renames.sets.iter().find(|set| set.before.is_same(values))
}

/// What is written from now on in the place of something that a text writes.
fn renamed(names: &NewNames<'_>, written: Written<'_>) -> Rename {
    fn of<K: Hash + Eq>(names: &HashMap<K, Arc<str>>, gone: &HashSet<K>, name: &K) -> Rename {
        match names.get(name) {
            Some(now) => Rename::To(now.clone()),
            None if gone.contains(name) => Rename::Gone,
            None => Rename::Kept,
        }
    }
    let (renames, none) = (names.schema, HashSet::new());
    let gone = &renames.gone;
    match written {
        Written::Name(Source::Attribute(name)) if names.columns.contains_key(name) => {
            of(&names.columns, &none, name)
        }
        Written::Name(Source::Metric(name)) => of(&names.metrics, &none, name),
        Written::Name(Source::Segment(name)) => of(&names.segments, &none, name),
        Written::Name(Source::Attribute(name)) => of(&renames.attributes, &gone.attributes, name),
        Written::Name(Source::Table(name)) => of(&renames.tables, &gone.tables, name),
        Written::Name(Source::Event(name)) => of(&renames.events, &gone.events, name),
        Written::Name(Source::Column(table, name)) => {
            of(&renames.columns, &gone.columns, &(table.clone(), name.clone()))
        }
        Written::Name(Source::Field(event, name)) => {
            of(&renames.fields, &gone.fields, &(event.clone(), name.clone()))
        }
        Written::Value(values, value) => {
            set_of(renames, values).map_or(Rename::Kept, |set| of(&set.said, &set.gone, value))
        }
    }
}
