//! Which definitions are valid together, and in which order are they computed?
//!
//! A definition is valid once its check finds all that it looks up among what is valid already. So the valid ones grow from
//! those that read the schema only, and which they are at the end does not depend on the order in which they are tried: a name
//! that is found once means the same ever after, and one that a definition gives which is not valid yet is waited for, whatever
//! else the name could mean. Those that still wait at the end read each other in a ring, or something that is at fault
//! ([`super::diagnose`]).
//!
//! Entries of another catalog may be given as known, where neither they nor anything that they looked up has changed
//! ([`super::edit`]). They are valid from the start, and nothing is asked of them.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use indexmap::IndexMap;

use super::check::{gives, rate_missing};
use super::components::components;
use super::definition::{Definition, DefinitionRef};
use super::entry::{Entries, Entry, Key};
use super::fault::{CatalogErrors, CatalogFault, CatalogFaultKind};
use super::mentions::Mentions;
use super::names::CatalogNames;
use super::pending::{Looked, PendingNames};
use crate::aggregate::{CheckedMetric, Metrics};
use crate::define::{Checking, Compiled, Declared, DefinitionFault, Namespace};
use crate::expr::{ExprLimits, MissingRateFlag, Names, Of, Type, rate_missing_column};
use crate::model::{AccountId, Attribute, Schema, Zones, is_reserved};

/// The faults of definitions whose names are words of the language.
pub(crate) fn reserved_words<'d>(
    definitions: impl Iterator<Item = &'d Definition>,
) -> Result<(), CatalogErrors> {
    let reserved = definitions.filter(|definition| is_reserved(definition.name()));
    let fault = |definition: &Definition| CatalogFault {
        definition: definition.id(),
        kind: CatalogFaultKind::Reserved,
    };
    let faults: Vec<CatalogFault> = reserved.map(fault).collect();
    if faults.is_empty() { Ok(()) } else { Err(CatalogErrors::new(faults)) }
}

/// How a definition is treated whose name is a word of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Words {
    /// It is refused.
    Refused,
    /// It goes on meaning what it meant: it was accepted before such names were refused.
    Kept,
}

/// A definition to be compiled with others.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) definition: Arc<Definition>,
    /// Its entry, where it can be no other than in the catalog that it comes from. No definition before it has its key.
    pub(super) known: Option<Arc<Entry>>,
    pub(super) words: Words,
    /// The definition that brings it.
    pub(super) bringer: Option<DefinitionRef>,
    /// Does it reserve all names below its own?
    pub(super) reserves: bool,
}

impl Candidate {
    /// A definition, and those that it brings behind it.
    pub(super) fn all_of(definition: Definition, words: Words) -> Vec<Self> {
        let id = definition.id();
        let of = |definition: Definition, bringer: Option<DefinitionRef>, reserves: bool| Self {
            definition: Arc::new(definition),
            known: None,
            words,
            bringer,
            reserves,
        };
        let brought: Vec<Definition> =
            definition.as_define().brings().into_iter().map(Definition::from).collect();
        let reserves = definition.as_define().reserves_below() || !brought.is_empty();
        let own = of(definition, None, reserves);
        let brought = brought.into_iter().map(|brought| {
            let reserves = brought.as_define().reserves_below();
            of(brought, Some(id.clone()), reserves)
        });
        std::iter::once(own).chain(brought).collect()
    }

    /// A definition of a catalog, to be looked at again.
    pub(super) fn of_entry(entry: &Arc<Entry>) -> Self {
        let (definition, bringer) = (entry.definition.clone(), entry.bringer.clone());
        Self { definition, known: None, words: Words::Kept, bringer, reserves: entry.reserves }
    }
}

/// The valid definitions, and the faults of the others.
pub(super) struct Validated {
    /// The names of all valid definitions, in order.
    pub(super) names: CatalogNames,
    /// In the order of the definitions.
    pub(super) faults: Vec<CatalogFault>,
    /// How many definitions were not known.
    pub(super) compiled: usize,
}

/// Validates definitions over names that have none yet.
pub(super) fn validate(
    bare: &CatalogNames,
    zones: &dyn Zones,
    limits: &ExprLimits,
    given: &[Candidate],
) -> Validated {
    validate_beside(bare, zones, limits, given, &[])
}

/// The same beside definitions that are there and could not be read: what reads one of these has no fault for it.
pub(super) fn validate_beside(
    bare: &CatalogNames,
    zones: &dyn Zones,
    limits: &ExprLimits,
    given: &[Candidate],
    unreadable: &[DefinitionRef],
) -> Validated {
    let entries = Entries::with_capacity(given.len());
    let mut compiler = Compiler {
        given,
        names: CatalogNames { entries, ..bare.clone() },
        rules: Rules { bare, zones, limits },
        declared: declared(given),
        faults: Vec::new(),
        unread: HashSet::new(),
        misnamed: HashSet::new(),
        open: IndexMap::new(),
        waits: HashMap::new(),
        failed: Vec::new(),
    };
    let new = compiler.named();
    // They are waited for, behind the last place, and never valid.
    for (number, id) in unreadable.iter().enumerate() {
        compiler.open.entry(Key::of_id(id)).or_insert(given.len() + number);
    }
    let compiled = new.len();
    for members in compiler.groups(&new) {
        compiler.admit_group(members);
    }
    compiler.names.entries.sort();
    compiler.diagnose();
    compiler.faults.sort_by_key(|(place, _)| *place);
    let faults = compiler.faults.into_iter().map(|(_, fault)| fault).collect();
    let mut names = compiler.names;
    let metrics = names.entries.iter().filter_map(|entry| entry.compiled.metric().cloned());
    let metrics: Vec<Arc<CheckedMetric>> = metrics.collect();
    names.metrics = Metrics::of(metrics.into_iter());
    Validated { names, faults, compiled }
}

/// What definitions are checked with.
#[derive(Clone, Copy)]
pub(super) struct Rules<'r> {
    /// The names without definitions.
    bare: &'r CatalogNames,
    zones: &'r dyn Zones,
    limits: &'r ExprLimits,
}

/// The columns whose types are declared, by name: the place of the definition, and the type.
type DeclaredColumns = HashMap<String, (usize, Type)>;

fn declared(given: &[Candidate]) -> DeclaredColumns {
    let mut found = DeclaredColumns::new();
    for (place, given) in given.iter().enumerate() {
        let said = given.definition.as_define();
        if let Some(kind) = said.own_type() {
            found.entry(said.name().to_owned()).or_insert((place, kind));
        }
        for Declared { suffix, kind } in said.suffixed_outputs() {
            found.entry(format!("{}.{suffix}", said.name())).or_insert((place, kind));
        }
    }
    found
}

/// The names by which a definition is read, that of the definition first.
pub(super) fn keys(definition: &Definition) -> Vec<Key> {
    let below = definition.as_define().suffixed_outputs();
    let below = below.iter().map(|declared| Key::below(definition.name(), &declared.suffix));
    std::iter::once(Key::of(definition)).chain(below).collect()
}

pub(super) struct Compiler<'c> {
    pub(super) given: &'c [Candidate],
    /// With those that are valid so far.
    pub(super) names: CatalogNames,
    rules: Rules<'c>,
    /// The columns that definitions declare, valid or not.
    declared: DeclaredColumns,
    pub(super) faults: Vec<(usize, CatalogFault)>,
    /// Definitions that are read by nobody, since their name means something else.
    unread: HashSet<usize>,
    /// Definitions whose name is no name: who reads them reads what is at fault.
    misnamed: HashSet<usize>,
    /// The places of those that others may read and that are not valid, or not yet.
    open: IndexMap<Key, usize>,
    /// What definitions looked up and did not find to be valid.
    pub(super) waits: HashMap<usize, Waiting>,
    /// Definitions at fault that wait for nobody.
    pub(super) failed: Vec<usize>,
}

/// A definition that waits for others.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The places of the others, in order.
    pub(super) reads: Vec<usize>,
    /// How many of them are not valid.
    left: usize,
    /// Counts its checks, so that an older list of what it waits for is told from this one.
    check: u32,
}

impl<'c> Compiler<'c> {
    pub(super) fn definition(&self, place: usize) -> Option<&'c Definition> {
        self.given.get(place).map(|given| &*given.definition)
    }

    /// The definition that somebody wrote: of one that is brought, that which brings it.
    pub(super) fn written(&self, place: usize) -> Option<DefinitionRef> {
        let given = self.given.get(place)?;
        Some(given.bringer.clone().unwrap_or_else(|| given.definition.id()))
    }

    pub(super) fn fault(&mut self, place: usize, kind: CatalogFaultKind) {
        let Some(given) = self.given.get(place) else { return };
        let fault = CatalogFault { definition: given.definition.id(), kind };
        self.faults.push((place, fault.of_written(given.bringer.as_ref())));
    }

    /// Takes over the known entries, and validates the names of all others; returns the places of these.
    fn named(&mut self) -> Vec<usize> {
        let (mut new, mut known) = (Vec::new(), Vec::with_capacity(self.given.len()));
        for (place, given) in self.given.iter().enumerate() {
            match &given.known {
                Some(entry) => known.push((entry.depth, place, entry)),
                None => new.push(place),
            }
        }
        // In the order in which they are to stand, so that little is left to sort.
        known.sort_unstable_by_key(|(depth, place, _)| (*depth, *place));
        for (_, place, entry) in known {
            self.names.entries.add(entry, place);
        }
        let reserved = Reserved::of(self.given);
        for (place, given) in new.iter().filter_map(|place| Some((*place, self.given.get(*place)?))) {
            let (definition, key) = (&*given.definition, Key::of(&given.definition));
            let name = definition.name();
            if let Err(error) = AccountId::check(name) {
                self.misnamed.insert(place);
                self.fault(place, CatalogFaultKind::Name(error));
            }
            let schema = &*self.names.schema;
            let is_column = definition.kind().namespace() == Namespace::Columns;
            // Whoever brings it reserves its name for it.
            let bringer = given.bringer.as_ref();
            let above = Some(name).filter(|_| is_column).and_then(|name| reserved.above(name, bringer));
            let is_astray = given.bringer.as_ref().is_some_and(|bringer| !is_below(name, &bringer.name));
            let is_duplicate =
                above.is_none() && (self.names.entries.has(&key) || self.open.contains_key(&key));
            let taken =
                DefinitionFault::Other(format!("`{}` is a kind of the library", definition.kind().word()));
            let mut unread = vec![
                (definition.kind().is_taken(), CatalogFaultKind::Invalid(taken)),
                (given.words == Words::Refused && is_reserved(name), CatalogFaultKind::Reserved),
                (is_column && schema.table(name).is_some(), CatalogFaultKind::TakenByTable),
                (is_column && Names::name(schema, Of::Account, name).is_some(), CatalogFaultKind::Taken),
                (is_duplicate, CatalogFaultKind::Duplicate),
                (is_astray, CatalogFaultKind::NotBelow),
            ];
            if is_column {
                let below = reserved.in_schema(schema, name);
                unread.extend(below.into_iter().map(|attribute| (true, CatalogFaultKind::Above(attribute))));
            }
            let is_reserved = above.is_some();
            unread.extend(above.into_iter().map(|other| (true, CatalogFaultKind::Below(other))));
            for (_, kind) in unread.into_iter().filter(|(is_unread, _)| *is_unread) {
                self.unread.insert(place);
                self.fault(place, kind);
            }
            if !is_duplicate && !is_reserved {
                keys(definition).into_iter().for_each(|key| {
                    self.open.entry(key).or_insert(place);
                });
            }
        }
        let unread = &self.unread;
        self.open.retain(|_, place| !unread.contains(place));
        new
    }

    /// The definitions in groups that mention each other, each group after those that it mentions. A check looks up no name that
    /// is not mentioned, so that it waits for members of its own group, or for what is at fault already.
    fn groups(&self, places: &[usize]) -> Vec<Vec<usize>> {
        let mut mentions: HashMap<usize, Vec<usize>> = HashMap::with_capacity(places.len());
        for place in places {
            let mut found: Vec<usize> = self.definition(*place).map_or_else(Vec::new, |definition| {
                let asked = Mentions::of(definition);
                asked.keys().filter_map(|asked| self.open.get(&asked).copied()).collect()
            });
            found.sort_unstable();
            found.dedup();
            mentions.insert(*place, found);
        }
        let mut groups = components(places, &mentions);
        groups.iter_mut().for_each(|members| members.sort_unstable());
        groups
    }

    /// Checks the definitions of a group until no more are valid. A definition is checked again when everything that it waits for
    /// is valid; when no such definition is left, those are that wait for something that has become valid: that may be enough,
    /// or lead to other names.
    fn admit_group(&mut self, members: Vec<usize>) {
        let mut queue: VecDeque<usize> = members.into();
        let mut waiting_for: HashMap<usize, Vec<(usize, u32)>> = HashMap::new();
        // Those that wait for something that has become valid, and for something that has not.
        let mut in_part: BTreeSet<usize> = BTreeSet::new();
        loop {
            while let Some(place) = queue.pop_front() {
                in_part.remove(&place);
                let before = self.waits.remove(&place).map_or(0, |waiting| waiting.check);
                match self.attempt(place) {
                    Attempt::Valid => {
                        for (waiter, check) in waiting_for.remove(&place).unwrap_or_default() {
                            let waiting = self.waits.get_mut(&waiter).filter(|it| it.check == check);
                            let Some(waiting) = waiting else { continue };
                            waiting.left = waiting.left.saturating_sub(1);
                            if waiting.left == 0 {
                                queue.push_back(waiter);
                            } else {
                                in_part.insert(waiter);
                            }
                        }
                    }
                    Attempt::Unread => {}
                    Attempt::Failed => self.failed.push(place),
                    Attempt::Waits(reads) => {
                        let check = before + 1;
                        for read in &reads {
                            waiting_for.entry(*read).or_default().push((place, check));
                        }
                        self.waits.insert(place, Waiting { left: reads.len(), reads, check });
                    }
                }
            }
            if in_part.is_empty() {
                return;
            }
            // They are in the queue now: what becomes valid before their turn must not queue them a second time.
            for place in &in_part {
                if let Some(waiting) = self.waits.get_mut(place) {
                    waiting.check += 1;
                }
            }
            queue.extend(std::mem::take(&mut in_part));
        }
    }

    fn attempt(&mut self, place: usize) -> Attempt {
        let Some(given) = self.given.get(place) else { return Attempt::Unread };
        let names = PendingNames::new(&self.names, &self.open);
        let found = self.check(&given.definition, &names, &|column| {
            let (_, kind) = self.declared.get(column)?;
            names.note_declared(column);
            Some(kind.clone())
        });
        let noted = names.into_noted();
        if !noted.open.is_empty() {
            return Attempt::Waits(noted.open.into_iter().collect());
        }
        match found {
            Ok(_) if self.unread.contains(&place) => Attempt::Unread,
            Ok(_) if self.misnamed.contains(&place) => Attempt::Failed,
            Ok(compiled) => {
                self.admit(place, &given.definition, compiled, noted.looked);
                Attempt::Valid
            }
            Err(_) => Attempt::Failed,
        }
    }

    /// What a definition means; else all that is wrong with it but its name.
    pub(super) fn check(
        &self,
        definition: &Definition,
        names: &dyn Names,
        declared: &dyn Fn(&str) -> Option<Type>,
    ) -> Result<Compiled, Vec<DefinitionFault>> {
        let Rules { bare, zones, limits } = self.rules;
        let checking = Checking { names, schema: &bare.schema, zones, limits, bare, declared };
        let compiled = definition.as_define().compile(&checking)?;
        if definition.as_define().makes_scopes() {
            return Ok(compiled);
        }
        let sources = compiled.sources();
        let read = sources.iter().filter_map(|source| self.names.entries.defined(source));
        let faults: Vec<DefinitionFault> = read
            .filter(|read| read.makes_scopes())
            .map(|read| {
                DefinitionFault::Other(format!(
                    "it reads the {}, which is an account set: only account sets read those",
                    read.id
                ))
            })
            .collect();
        if faults.is_empty() { Ok(compiled) } else { Err(faults) }
    }

    /// The type of a column that is declared.
    pub(super) fn declared(&self, column: &str) -> Option<Type> {
        self.declared.get(column).map(|(_, kind)| kind.clone())
    }

    fn admit(&mut self, place: usize, definition: &Arc<Definition>, compiled: Compiled, looked: Looked) {
        let entries = &self.names.entries;
        // Whose earlier days are read need not stand before.
        let read = looked.iter().filter(|(_, is_declared)| !**is_declared);
        let below = read.filter_map(|(key, _)| entries.of_key(key));
        let depth = below.map(|entry| entry.depth + 1).max().unwrap_or(0);
        let flag = rate_missing(&compiled, &self.names);
        let lacks = flag.as_ref().map(|_| MissingRateFlag::Column(rate_missing_column(definition.name())));
        let gives = gives(definition.as_define(), &compiled, lacks.as_ref(), &self.names);
        for key in keys(definition) {
            if self.open.get(&key) == Some(&place) {
                self.open.swap_remove(&key);
            }
        }
        let reads = compiled.sources();
        let (id, definition) = (definition.id(), definition.clone());
        let looked = looked.into_keys().collect();
        let given = self.given.get(place);
        let (bringer, reserves) =
            given.map_or((None, false), |given| (given.bringer.clone(), given.reserves));
        let rate_missing = flag
            .map(|flag| Arc::new(Entry::rate_missing_of(flag, (&id, &definition), (depth, bringer.clone()))));
        let entry =
            Entry { id, definition, compiled, gives, reads, looked, depth, bringer, reserves, rate_missing };
        self.names.entries.add(&Arc::new(entry), place);
    }
}

/// Definitions that reserve all names below their own.
struct Reserved<'c> {
    by_name: HashMap<&'c str, &'c Definition>,
}

impl<'c> Reserved<'c> {
    fn of(given: &'c [Candidate]) -> Self {
        let reserving = given.iter().filter(|given| given.reserves).map(|given| &*given.definition);
        let mut by_name: HashMap<&str, &Definition> = HashMap::new();
        for definition in reserving {
            // Of two with one name the later is at fault.
            by_name.entry(definition.name()).or_insert(definition);
        }
        Self { by_name }
    }

    /// The definition that reserves a name, by another name above it; what brings the definition of that name is passed over.
    fn above(&self, name: &str, bringer: Option<&DefinitionRef>) -> Option<DefinitionRef> {
        if self.by_name.is_empty() {
            return None;
        }
        let above = name.match_indices('.').filter_map(|(dot, _)| name.get(..dot));
        let mut found = above.filter_map(|above| self.by_name.get(above)).map(|definition| definition.id());
        found.find(|id| bringer != Some(id))
    }

    /// The first attribute of the schema that has a name below one that reserves them.
    fn in_schema(&self, schema: &Schema, name: &str) -> Option<Arc<str>> {
        self.by_name.get(name)?;
        let is_below =
            |attribute: &str| attribute.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        schema.attributes().map(Attribute::name).find(|name| is_below(name)).map(Arc::from)
    }
}

/// Does a name begin with another one and a dot?
pub(super) fn is_below(name: &str, above: &str) -> bool {
    name.strip_prefix(above).is_some_and(|rest| rest.starts_with('.'))
}

/// How a check ended.
enum Attempt {
    /// The definition is valid, and others can read it.
    Valid,
    /// It is valid but for its name.
    Unread,
    Failed,
    /// It looked up definitions that are not valid, at these places.
    Waits(Vec<usize>),
}
