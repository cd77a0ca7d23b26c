//! What is kept of a valid definition, and by which name is it read?
//!
//! An entry depends on nothing but its definition and the answers to the names that its check looked up. While all of these
//! are what they were, catalogs share it ([`super::edit`]).

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::{Equivalent, IndexMap};

use super::definition::{Definition, DefinitionRef};
use crate::define::{Compiled, Namespace};
use crate::expr::{Checked, Name, NameText, Source, Type, is_rate_missing_column, rate_missing_column};

/// The name by which a definition is read. Definitions of different kinds may have the same key, and then only one of them
/// is valid.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    namespace: Namespace,
    name: Arc<str>,
}

impl Key {
    pub(super) const fn new(namespace: Namespace, name: Arc<str>) -> Self {
        Self { namespace, name }
    }

    pub(super) fn of(definition: &Definition) -> Self {
        Self { namespace: definition.kind().namespace(), name: Arc::from(definition.name()) }
    }

    pub(super) fn is_in(&self, namespace: Namespace) -> bool {
        self.namespace == namespace
    }

    pub(super) const fn namespace(&self) -> Namespace {
        self.namespace
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// That of a column below the name of a definition.
    pub(super) fn below(name: &str, suffix: &str) -> Self {
        Self { namespace: Namespace::Columns, name: Arc::from(format!("{name}.{suffix}")) }
    }

    /// The key of an entry shares its name.
    pub(super) fn of_id(id: &DefinitionRef) -> Self {
        Self { namespace: id.kind.namespace(), name: id.name.clone() }
    }
}

/// A key that is looked up. It must be hashed as [`Key`] is: the same fields in the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Asked<'n> {
    pub(super) namespace: Namespace,
    pub(super) name: &'n str,
}

impl<'n> Asked<'n> {
    pub(super) const fn new(namespace: Namespace, name: &'n str) -> Self {
        Self { namespace, name }
    }

    /// The key of a definition that something may be read from; `None` for what no definition gives.
    pub(super) fn of(source: &'n Source) -> Option<Self> {
        Some(match source {
            Source::Attribute(name) => Self::new(Namespace::Columns, name),
            Source::Metric(name) => Self::new(Namespace::Metrics, name),
            Source::Segment(name) => Self::new(Namespace::Segments, name),
            Source::Table(_) | Source::Column(..) | Source::Event(_) | Source::Field(..) => return None,
        })
    }
}

impl Equivalent<Key> for Asked<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.namespace == key.namespace && *self.name == *key.name
    }
}

/// A definition that is valid.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: DefinitionRef,
    pub(super) definition: Arc<Definition>,
    pub(super) compiled: Compiled,
    /// What each of its outputs is to those that read it; of a name without a column, what that is.
    pub(super) gives: Vec<Gives>,
    /// What it reads, as far as it is known by name.
    pub(super) reads: Vec<Source>,
    /// The names that its check looked up and that a definition gives, or could give: also those that were not there, and
    /// those that it needs no longer once constants are computed.
    pub(super) looked: Vec<Key>,
    /// 0 looks up nothing that is defined; others stand, and are computed, after all that they look up.
    pub(super) depth: usize,
    /// The definition that brings it.
    pub(super) bringer: Option<DefinitionRef>,
    /// Does it reserve all names below its own?
    pub(super) reserves: bool,
    /// The boolean column that says where a rate of its own column is missing; `None` if no rate is needed. Not a definition: aggregates over the column read it, and no list of
    /// definitions includes it.
    pub(super) rate_missing: Option<Arc<Entry>>,
}

/// What an output of a definition is to those that read it.
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

/// A name of an entry in a catalog: the first is that of the definition, and others are those of its columns below it.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) entry: Arc<Entry>,
    /// Its place among the definitions as they were given.
    pub(super) place: usize,
    /// The output that has the name; `None` for a name that only reserves those below it.
    pub(super) output: Option<usize>,
    /// Is it the name of the definition?
    pub(super) is_main: bool,
}

impl Placed {
    pub(super) fn gives(&self) -> Option<&Gives> {
        self.entry.gives.get(self.output?)
    }
}

impl Entry {
    /// The boolean column of a definition that says where a rate is missing. It has the definition's depth and is placed after it, since it may read the definition's value;
    /// readers of the definition are deeper.
    pub(super) fn rate_missing_of(
        expression: Checked,
        (id, definition): (&DefinitionRef, &Arc<Definition>),
        (depth, bringer): (usize, Option<DefinitionRef>),
    ) -> Self {
        let id = DefinitionRef::attribute(&rate_missing_column(&id.name));
        let gives = vec![Gives::Column(Name::new(Type::Bool).required(), NameText::default())];
        let (definition, compiled) = (definition.clone(), Compiled::value(expression));
        let (reads, looked) = (Vec::new(), Vec::new());
        Self {
            id,
            definition,
            compiled,
            gives,
            reads,
            looked,
            depth,
            bringer,
            reserves: false,
            rate_missing: None,
        }
    }

    /// Is it a definition, and not the boolean column of one?
    fn is_definition(&self) -> bool {
        !is_rate_missing_column(&self.id.name)
    }

    /// The definition that somebody wrote: itself, or what brings it.
    pub(super) fn written(&self) -> &DefinitionRef {
        self.bringer.as_ref().unwrap_or(&self.id)
    }

    /// Is it evaluated over everything, so that it makes scopes only?
    pub(super) fn makes_scopes(&self) -> bool {
        self.definition.as_define().makes_scopes()
    }

    /// How many names it has.
    pub(super) fn names(&self) -> usize {
        1 + self.compiled.outputs.iter().filter(|output| output.suffix.is_some()).count()
    }

    /// Its expression, where it is a segment.
    pub(super) fn question(&self) -> Option<&Checked> {
        let is_set = matches!(self.gives.first(), Some(Gives::Segment { .. }));
        self.compiled.answer().filter(|_| is_set)
    }
}

/// Valid definitions, each after those that it reads: by depth, then as they were given.
#[derive(Debug, Clone, Default)]
pub(super) struct Entries {
    names: IndexMap<Key, Placed>,
    definitions: usize,
    /// How many somebody wrote.
    written: usize,
    /// Those that are brought, by what brings them.
    brought: HashMap<DefinitionRef, Vec<Arc<Entry>>>,
}

impl Entries {
    pub(super) fn with_capacity(entries: usize) -> Self {
        Self { names: IndexMap::with_capacity(entries), ..Self::default() }
    }

    /// How many definitions there are.
    pub(super) const fn len(&self) -> usize {
        self.definitions
    }

    /// How many somebody wrote.
    pub(super) const fn written(&self) -> usize {
        self.written
    }

    /// Those that a definition brings; `None` for one that is brought itself.
    pub(super) fn brought_by(&self, id: &DefinitionRef) -> Option<&[Arc<Entry>]> {
        if self.brought.is_empty() {
            return Some(&[]);
        }
        let is_brought = self.get(id).is_some_and(|entry| entry.bringer.is_some());
        (!is_brought).then(|| self.brought.get(id).map_or(&[][..], Vec::as_slice))
    }

    /// A definition, and those that it brings; nothing of one that is not there, and of one that is brought.
    pub(super) fn all_of(&self, id: &DefinitionRef) -> impl Iterator<Item = &Arc<Entry>> {
        let own = self.get(id).filter(|entry| entry.bringer.is_none());
        let brought = own.and_then(|_| self.brought.get(id)).into_iter().flatten();
        own.into_iter().chain(brought)
    }

    /// An entry that is read in a way that no other is.
    pub(super) fn add(&mut self, entry: &Arc<Entry>, place: usize) {
        let key = Key::of_id(&entry.id);
        if self.names.contains_key(&key) {
            return;
        }
        self.definitions += 1;
        match &entry.bringer {
            Some(bringer) => self.brought.entry(bringer.clone()).or_default().push(entry.clone()),
            None => self.written += 1,
        }
        let outputs = &entry.compiled.outputs;
        let below: Vec<(Key, usize)> = outputs
            .iter()
            .enumerate()
            .filter_map(|(at, output)| Some((Key::below(&entry.id.name, output.suffix.as_deref()?), at)))
            .collect();
        let output = below.is_empty().then_some(0);
        self.names.insert(key, Placed { entry: entry.clone(), place, output, is_main: true });
        if let Some(flag) = &entry.rate_missing {
            let placed = Placed { entry: flag.clone(), place, output: Some(0), is_main: true };
            self.names.insert(Key::of_id(&flag.id), placed);
        }
        for (key, at) in below {
            let placed = Placed { entry: entry.clone(), place, output: Some(at), is_main: false };
            self.names.insert(key, placed);
        }
    }

    /// The names of one entry stay in their order.
    pub(super) fn sort(&mut self) {
        self.names
            .sort_by(|_, one, _, other| (one.entry.depth, one.place).cmp(&(other.entry.depth, other.place)));
        let names = &self.names;
        let place = |entry: &Arc<Entry>| names.get(&Key::of_id(&entry.id)).map(|placed| placed.place);
        self.brought.values_mut().for_each(|brought| brought.sort_by_cached_key(place));
    }

    pub(super) fn read(&self, asked: Asked<'_>) -> Option<(&Key, &Placed)> {
        self.names.get_key_value(&asked)
    }

    pub(super) fn has(&self, key: &Key) -> bool {
        self.names.contains_key(key)
    }

    pub(super) fn of_key(&self, key: &Key) -> Option<&Arc<Entry>> {
        self.names.get(key).map(|placed| &placed.entry)
    }

    pub(super) fn segment(&self, id: &str) -> Option<&Arc<Entry>> {
        self.read(Asked::new(Namespace::Segments, id)).map(|(_, placed)| &placed.entry)
    }

    /// Where a name stands.
    pub(super) fn place_of(&self, asked: Asked<'_>) -> Option<usize> {
        self.names.get_index_of(&asked)
    }

    /// Where the name of the very entry stands, if it is here; it is looked for at a place first.
    pub(super) fn shared(&self, key: &Key, entry: &Arc<Entry>, first: usize) -> Option<usize> {
        if self.at(first).is_some_and(|found| found.is_main && Arc::ptr_eq(&found.entry, entry)) {
            return Some(first);
        }
        let (at, _, placed) = self.names.get_full(key)?;
        Arc::ptr_eq(&placed.entry, entry).then_some(at)
    }

    pub(super) fn placed(&self, id: &DefinitionRef) -> Option<&Placed> {
        let placed = self.names.get(&Asked::new(id.kind.namespace(), &id.name))?;
        Some(placed).filter(|placed| placed.is_main && placed.entry.id.kind == id.kind)
    }

    pub(super) fn get(&self, id: &DefinitionRef) -> Option<&Arc<Entry>> {
        self.placed(id).map(|placed| &placed.entry)
    }

    /// Where the name of a definition stands.
    pub(super) fn index_of(&self, id: &DefinitionRef) -> Option<usize> {
        let at = self.place_of(Asked::new(id.kind.namespace(), &id.name))?;
        let is_it = |placed: &Placed| placed.is_main && placed.entry.id.kind == id.kind;
        Some(at).filter(|at| self.at(*at).is_some_and(is_it))
    }

    fn at(&self, index: usize) -> Option<&Placed> {
        self.names.get_index(index).map(|(_, placed)| placed)
    }

    /// The definition that something is read from, if it is one.
    pub(super) fn defined(&self, source: &Source) -> Option<&Arc<Entry>> {
        self.read(Asked::of(source)?).map(|(_, placed)| &placed.entry)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        let all = self.names.values().filter(|placed| placed.is_main).map(|placed| &placed.entry);
        all.filter(|entry| entry.is_definition())
    }

    /// All names, those of an entry one after the other, that of the definition first.
    pub(super) fn names(&self) -> impl ExactSizeIterator<Item = (&Key, &Placed)> {
        self.names.iter()
    }

    /// The entries as they were given.
    pub(super) fn given(&self) -> Vec<&Arc<Entry>> {
        let mut given: Vec<Option<&Arc<Entry>>> = vec![None; self.len()];
        for placed in self.names.values().filter(|placed| placed.is_main && placed.entry.is_definition()) {
            if let Some(at) = given.get_mut(placed.place) {
                *at = Some(&placed.entry);
            }
        }
        given.into_iter().flatten().collect()
    }
}
