//! What is kept of a valid definition, and by which name is it read?
//!
//! An entry depends on nothing but its definition and the answers to the names that its check looked up. While all of these
//! are what they were, catalogs share it ([`super::edit`]).

use std::sync::Arc;

use indexmap::{Equivalent, IndexMap};

use super::definition::{Definition, DefinitionKind};
use super::fault::DefinitionRef;
use crate::aggregate::{CheckedMetric, CheckedRollUp};
use crate::expr::{Checked, Name, NameText, Source, Type};

/// How a definition is read: as an attribute of accounts is, by `metric("..")`, or by `inSegment("..")`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Space {
    Columns,
    Metrics,
    Segments,
}

impl Space {
    pub(super) const fn of(kind: DefinitionKind) -> Self {
        match kind {
            DefinitionKind::Metric => Self::Metrics,
            DefinitionKind::Segment => Self::Segments,
            DefinitionKind::Attribute
            | DefinitionKind::Past
            | DefinitionKind::RollUp
            | DefinitionKind::Ranking => Self::Columns,
        }
    }
}

/// The name by which a definition is read. Definitions of different kinds may have the same key, and then only one of them
/// is valid.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    space: Space,
    name: Arc<str>,
}

impl Key {
    pub(super) const fn new(space: Space, name: Arc<str>) -> Self {
        Self { space, name }
    }

    pub(super) fn of(definition: &Definition) -> Self {
        Self { space: Space::of(definition.kind()), name: Arc::from(definition.name()) }
    }

    /// The key of an entry shares its name.
    pub(super) fn of_id(id: &DefinitionRef) -> Self {
        Self { space: Space::of(id.kind), name: id.name.clone() }
    }
}

/// A key that is looked up. It must be hashed as [`Key`] is: the same fields in the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Asked<'n> {
    pub(super) space: Space,
    pub(super) name: &'n str,
}

impl<'n> Asked<'n> {
    pub(super) const fn new(space: Space, name: &'n str) -> Self {
        Self { space, name }
    }

    /// The key of a definition that something may be read from; `None` for what no definition gives.
    pub(super) fn of(source: &'n Source) -> Option<Self> {
        Some(match source {
            Source::Attribute(name) => Self::new(Space::Columns, name),
            Source::Metric(name) => Self::new(Space::Metrics, name),
            Source::Segment(name) => Self::new(Space::Segments, name),
            Source::Table(_) | Source::Column(..) | Source::Event(_) | Source::Field(..) => return None,
        })
    }
}

impl Equivalent<Key> for Asked<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.space == key.space && *self.name == *key.name
    }
}

/// A definition that is valid.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: DefinitionRef,
    pub(super) definition: Arc<Definition>,
    pub(super) compiled: Compiled,
    /// What it gives to those that read it.
    pub(super) gives: Gives,
    /// What it reads, as far as it is known by name.
    pub(super) reads: Vec<Source>,
    /// The names that its check looked up and that a definition gives, or could give: also those that were not there, and
    /// those that it needs no longer once constants are computed.
    pub(super) looked: Vec<Key>,
    /// 0 looks up nothing that is defined; others stand, and are computed, after all that they look up.
    pub(super) depth: usize,
}

/// What a definition means.
#[derive(Debug, Clone)]
pub(super) enum Compiled {
    Attribute(Checked),
    Past(Type),
    Metric(Arc<CheckedMetric>),
    RollUp(Box<CheckedRollUp>),
    Ranking(Box<(Checked, Option<Checked>)>),
    Segment(Checked),
}

/// What a definition is to those that read it.
#[derive(Debug, Clone)]
pub(super) enum Gives {
    /// A column, with what people read of it.
    Column(Name, NameText),
    Metric(Name),
    Segment {
        /// The length of the chain of segments that it begins.
        chain: usize,
        /// Does it read the status of the account that asks ([`super::status`])?
        reads_status: bool,
    },
}

impl Compiled {
    /// The type of the column; `None` for what is none.
    pub(super) fn kind(&self) -> Option<Type> {
        Some(match self {
            Self::Attribute(checked) => checked.kind().clone(),
            Self::Past(kind) => kind.clone(),
            Self::RollUp(checked) => checked.kind().clone(),
            Self::Ranking(_) => Type::Double,
            Self::Metric(_) | Self::Segment(_) => return None,
        })
    }

    /// Its expressions, apart from those of metrics.
    pub(super) fn expressions(&self) -> Vec<&Checked> {
        match self {
            Self::Attribute(checked) | Self::Segment(checked) => vec![checked],
            Self::RollUp(checked) => checked.expressions().collect(),
            Self::Ranking(of) => std::iter::once(&of.0).chain(&of.1).collect(),
            Self::Past(_) | Self::Metric(_) => Vec::new(),
        }
    }
}

/// An entry in a catalog.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) entry: Arc<Entry>,
    /// Its place among the definitions as they were given.
    pub(super) place: usize,
}

/// Valid definitions, each after those that it reads: by depth, then as they were given.
#[derive(Debug, Clone, Default)]
pub(super) struct Entries(IndexMap<Key, Placed>);

impl Entries {
    pub(super) fn with_capacity(entries: usize) -> Self {
        Self(IndexMap::with_capacity(entries))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// An entry that is read in a way that no other is.
    pub(super) fn add(&mut self, entry: Arc<Entry>, place: usize) {
        let key = Key::of_id(&entry.id);
        self.0.entry(key).or_insert(Placed { entry, place });
    }

    pub(super) fn sort(&mut self) {
        self.0
            .sort_by(|_, one, _, other| (one.entry.depth, one.place).cmp(&(other.entry.depth, other.place)));
    }

    pub(super) fn read(&self, asked: Asked<'_>) -> Option<(&Key, &Arc<Entry>)> {
        self.0.get_key_value(&asked).map(|(key, placed)| (key, &placed.entry))
    }

    pub(super) fn has(&self, key: &Key) -> bool {
        self.0.contains_key(key)
    }

    pub(super) fn of_key(&self, key: &Key) -> Option<&Arc<Entry>> {
        self.0.get(key).map(|placed| &placed.entry)
    }

    pub(super) fn segment(&self, id: &str) -> Option<&Arc<Entry>> {
        self.read(Asked::new(Space::Segments, id)).map(|(_, entry)| entry)
    }

    /// Where the definition stands that is read by a name.
    pub(super) fn place_of(&self, asked: Asked<'_>) -> Option<usize> {
        self.0.get_index_of(&asked)
    }

    /// Where the very entry of a key stands, if it is here; it is looked for at a place first.
    pub(super) fn shared(&self, key: &Key, entry: &Arc<Entry>, first: usize) -> Option<usize> {
        if self.at(first).is_some_and(|found| Arc::ptr_eq(found, entry)) {
            return Some(first);
        }
        let (at, _, placed) = self.0.get_full(key)?;
        Arc::ptr_eq(&placed.entry, entry).then_some(at)
    }

    pub(super) fn placed(&self, id: &DefinitionRef) -> Option<&Placed> {
        let placed = self.0.get(&Asked::new(Space::of(id.kind), &id.name))?;
        Some(placed).filter(|placed| placed.entry.id.kind == id.kind)
    }

    pub(super) fn get(&self, id: &DefinitionRef) -> Option<&Arc<Entry>> {
        self.placed(id).map(|placed| &placed.entry)
    }

    pub(super) fn index_of(&self, id: &DefinitionRef) -> Option<usize> {
        let at = self.place_of(Asked::new(Space::of(id.kind), &id.name))?;
        Some(at).filter(|at| self.at(*at).is_some_and(|entry| entry.id.kind == id.kind))
    }

    pub(super) fn at(&self, index: usize) -> Option<&Arc<Entry>> {
        self.0.get_index(index).map(|(_, placed)| &placed.entry)
    }

    /// The definition that something is read from, if it is one.
    pub(super) fn defined(&self, source: &Source) -> Option<&Arc<Entry>> {
        self.read(Asked::of(source)?).map(|(_, entry)| entry)
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Entry>> {
        self.0.values().map(|placed| &placed.entry)
    }

    pub(super) fn keyed(&self) -> impl ExactSizeIterator<Item = (&Key, &Placed)> {
        self.0.iter()
    }

    /// The entries as they were given.
    pub(super) fn given(&self) -> Vec<&Arc<Entry>> {
        let mut given: Vec<Option<&Arc<Entry>>> = vec![None; self.len()];
        for placed in self.0.values() {
            if let Some(at) = given.get_mut(placed.place) {
                *at = Some(&placed.entry);
            }
        }
        given.into_iter().flatten().collect()
    }
}
