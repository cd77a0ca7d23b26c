//! Do definitions make sense together, and in which order are they worked out?

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use indexmap::IndexMap;
use petgraph::graph::{DiGraph, NodeIndex};

use super::cycle::{CyclePath, Ring, Way};
use super::definition::{Definition, DefinitionKind};
use super::fault::{CatalogErrors, CatalogFault, CatalogFaultKind, DefinitionRef};
use super::mentions::Mentions;
use super::names::CatalogNames;
use super::pending::PendingNames;
use super::status::tells_cancelled;
use crate::aggregate::{CheckedRollUp, Metric, Metrics, Over, RollUpFaultKind};
use crate::expr::{Checked, Checker, ExprLimits, Name, NameText, Names, Of, Source, Type};
use crate::model::{AccountId, Zones, is_reserved};

/// A definition that makes sense.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) definition: Definition,
    pub(super) compiled: Compiled,
    /// What it reads, as far as it is known by name.
    pub(super) reads: Vec<Source>,
    /// 0 reads nothing that is defined; others are worked out after all that they read.
    pub(super) depth: usize,
}

/// What a definition means.
#[derive(Debug, Clone)]
pub(super) enum Compiled {
    Attribute(Checked),
    Past(Type),
    Metric,
    RollUp(Box<CheckedRollUp>),
    Ranking(Box<(Checked, Option<Checked>)>),
    Segment(Checked),
}

impl Compiled {
    /// The type of the column; `None` for what is none.
    pub(super) fn kind(&self) -> Option<Type> {
        Some(match self {
            Self::Attribute(checked) => checked.kind().clone(),
            Self::Past(kind) => kind.clone(),
            Self::RollUp(checked) => checked.kind().clone(),
            Self::Ranking(_) => Type::Double,
            Self::Metric | Self::Segment(_) => return None,
        })
    }

    /// Its expressions.
    pub(super) fn expressions(&self) -> Vec<&Checked> {
        match self {
            Self::Attribute(checked) | Self::Segment(checked) => vec![checked],
            Self::RollUp(checked) => checked.expressions().collect(),
            Self::Ranking(of) => std::iter::once(&of.0).chain(&of.1).collect(),
            Self::Past(_) | Self::Metric => Vec::new(),
        }
    }
}

/// Definitions that make sense together, each after those that it reads.
#[derive(Debug)]
pub(super) struct Compilation {
    pub(super) names: CatalogNames,
    pub(super) entries: IndexMap<DefinitionRef, Entry>,
}

pub(super) fn reference(definition: &Definition) -> DefinitionRef {
    DefinitionRef { kind: definition.kind(), name: Arc::from(definition.name()) }
}

/// The faults of definitions whose names are words of the language.
pub(crate) fn reserved_words<'d>(
    definitions: impl Iterator<Item = &'d Definition>,
) -> Result<(), CatalogErrors> {
    let reserved = definitions.filter(|definition| is_reserved(definition.name()));
    let fault =
        |definition| CatalogFault { definition: reference(definition), kind: CatalogFaultKind::Reserved };
    let faults: Vec<CatalogFault> = reserved.map(fault).collect();
    if faults.is_empty() { Ok(()) } else { Err(CatalogErrors(faults)) }
}

/// How a definition is read: by a name among columns, metrics or segments.
pub(super) type Key = (u8, String);

pub(super) fn key(kind: DefinitionKind, name: &str) -> Key {
    let space = match kind {
        DefinitionKind::Metric => 1,
        DefinitionKind::Segment => 2,
        _ => 0,
    };
    (space, name.to_owned())
}

struct Compiler<'c> {
    names: CatalogNames,
    zones: &'c dyn Zones,
    limits: &'c ExprLimits,
    faults: Vec<(usize, CatalogFault)>,
    /// Definitions that are at fault, by how they are read.
    broken: HashSet<Key>,
    /// Definitions that are read by nobody, since another has their name.
    unread: HashSet<usize>,
    entries: IndexMap<DefinitionRef, Entry>,
}

/// What is done with a definition whose name is a word of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    /// It is refused.
    Refused,
    /// It goes on meaning what it meant: it was accepted before such names were refused.
    Kept,
}

/// Compiles definitions over names that have no columns, segments or metrics yet.
pub(super) fn compile(
    names: CatalogNames,
    zones: &dyn Zones,
    limits: &ExprLimits,
    definitions: &[Definition],
    words: Words,
) -> Result<Compilation, CatalogErrors> {
    let (entries, names, faults) = judge(names, zones, limits, definitions, words);
    if faults.is_empty() { Ok(Compilation { names, entries }) } else { Err(CatalogErrors(faults)) }
}

/// What makes sense, and what does not.
pub(super) fn judge(
    names: CatalogNames,
    zones: &dyn Zones,
    limits: &ExprLimits,
    definitions: &[Definition],
    words: Words,
) -> (IndexMap<DefinitionRef, Entry>, CatalogNames, Vec<CatalogFault>) {
    let mut compiler = Compiler {
        names,
        zones,
        limits,
        faults: Vec::new(),
        broken: HashSet::new(),
        unread: HashSet::new(),
        entries: IndexMap::new(),
    };
    // By how they are read: a name twice is a fault, and the first one counts.
    let mut known: HashMap<Key, usize> = HashMap::new();
    for (place, definition) in definitions.iter().enumerate() {
        let kind = definition.kind();
        if let Err(error) = AccountId::check(definition.name()) {
            compiler.fault(place, definition, CatalogFaultKind::Name(error));
        }
        if words == Words::Refused && is_reserved(definition.name()) {
            compiler.unnamed(place, definition, CatalogFaultKind::Reserved);
        }
        let is_table = compiler.names.schema.table(definition.name()).is_some();
        if kind.is_column() && is_table {
            compiler.unnamed(place, definition, CatalogFaultKind::TakenByTable);
        }
        if kind.is_column() && Names::name(&*compiler.names.schema, Of::Account, definition.name()).is_some()
        {
            compiler.unnamed(place, definition, CatalogFaultKind::Taken);
        }
        match known.entry(key(kind, definition.name())) {
            std::collections::hash_map::Entry::Occupied(_) => {
                compiler.unnamed(place, definition, CatalogFaultKind::Duplicate);
            }
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(place);
            }
        }
    }
    compiler.metrics(definitions, &known);
    let mut mentions: HashMap<usize, Vec<usize>> = HashMap::with_capacity(definitions.len());
    for (place, definition) in definitions.iter().enumerate() {
        let mut found: Vec<usize> =
            mentioned(definition).filter_map(|key| known.get(&key).copied()).collect();
        found.sort_unstable();
        found.dedup();
        mentions.insert(place, found);
    }
    // Those that are read come first; those that may read each other, together.
    let places: Vec<usize> = (0..definitions.len()).collect();
    for mut members in components(&places, &mentions) {
        members.sort_unstable();
        compiler.component(definitions, &mentions, &members);
    }
    compiler.faults.sort_by_key(|(place, _)| *place);
    // As they were given, but each after all that it reads.
    let given: HashMap<DefinitionRef, usize> = definitions
        .iter()
        .enumerate()
        .rev()
        .map(|(place, definition)| (reference(definition), place))
        .collect();
    compiler.entries.sort_by_cached_key(|id, entry| (entry.depth, given.get(id).copied()));
    let faults = compiler.faults.into_iter().map(|(_, fault)| fault).collect();
    (compiler.entries, compiler.names, faults)
}

/// How what a definition mentions would be read.
fn mentioned(definition: &Definition) -> impl Iterator<Item = Key> {
    let mut mentions = Mentions::default();
    definition.texts().iter().for_each(|text| mentions.add(text));
    if let Definition::Past(of) = definition {
        mentions.columns.insert(of.of().to_owned());
    }
    let columns = mentions.columns.into_iter().map(|name| (0, name));
    let metrics = mentions.metrics.into_iter().map(|name| (1, name));
    columns.chain(metrics).chain(mentions.segments.into_iter().map(|name| (2, name)))
}

impl Compiler<'_> {
    fn fault(&mut self, place: usize, definition: &Definition, kind: CatalogFaultKind) {
        self.broken.insert(key(definition.kind(), definition.name()));
        self.faults.push((place, CatalogFault { definition: reference(definition), kind }));
    }

    /// The name means something else, which is not at fault.
    fn unnamed(&mut self, place: usize, definition: &Definition, kind: CatalogFaultKind) {
        self.unread.insert(place);
        self.faults.push((place, CatalogFault { definition: reference(definition), kind }));
    }

    /// Metrics read nothing that is defined: they come first.
    fn metrics(&mut self, definitions: &[Definition], known: &HashMap<Key, usize>) {
        let mut good: Vec<Metric> = Vec::new();
        for (place, definition) in definitions.iter().enumerate() {
            let Definition::Metric(metric) = definition else { continue };
            if known.get(&key(DefinitionKind::Metric, metric.name())) != Some(&place) {
                continue;
            }
            match Metrics::over(&self.names, [metric.clone()]) {
                Ok(_) => good.push(metric.clone()),
                Err(errors) => {
                    for fault in errors.faults() {
                        self.fault(place, definition, CatalogFaultKind::Metric(fault.kind.clone()));
                    }
                }
            }
        }
        if let Ok(metrics) = Metrics::over(&self.names, good) {
            self.names.metrics = metrics;
        }
    }

    /// Checks definitions that mention each other, or one by itself. A name may be mentioned and not read, so that one is
    /// valid as soon as those that it looks up are; those that wait for each other at the end read each other in a ring.
    fn component(
        &mut self,
        definitions: &[Definition],
        mentions: &HashMap<usize, Vec<usize>>,
        members: &[usize],
    ) {
        let read_by_name = members.iter().filter(|place| !self.unread.contains(place));
        let mut pending: HashMap<Key, usize> = read_by_name
            .filter_map(|place| Some((*place, definitions.get(*place)?)))
            .map(|(place, definition)| (key(definition.kind(), definition.name()), place))
            .collect();
        let mut waits: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut waiting_for: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut queue: VecDeque<usize> = members.iter().copied().collect();
        let mut queued: HashSet<usize> = members.iter().copied().collect();
        while let Some(place) = queue.pop_front() {
            queued.remove(&place);
            let Some(definition) = definitions.get(place) else { continue };
            let names = PendingNames::new(&self.names, &pending);
            let found = self.check(&names, definition);
            let read = names.into_read();
            match found {
                Ok((compiled, sources)) => {
                    waits.remove(&place);
                    if self.unread.contains(&place) {
                        continue;
                    }
                    self.admit(definition, compiled, sources);
                    pending.remove(&key(definition.kind(), definition.name()));
                    let waiters = waiting_for.remove(&place).unwrap_or_default();
                    queue.extend(waiters.into_iter().filter(|waiter| queued.insert(*waiter)));
                }
                Err(_) => {
                    let before = waits.insert(place, read.iter().copied().collect()).unwrap_or_default();
                    for read in read.into_iter().filter(|read| !before.contains(read)) {
                        waiting_for.entry(read).or_default().push(place);
                    }
                }
            }
        }
        self.refuse_waiting(definitions, mentions, &waits.into_iter().collect());
    }

    /// Says what is wrong with definitions that wait in vain for those that they read.
    fn refuse_waiting(
        &mut self,
        definitions: &[Definition],
        mentions: &HashMap<usize, Vec<usize>>,
        waits: &HashMap<usize, Vec<usize>>,
    ) {
        let mut places: Vec<usize> = waits.keys().copied().collect();
        places.sort_unstable();
        for mut ring in components(&places, waits) {
            ring.sort_unstable();
            let reads_itself = |place: &usize| waits.get(place).is_some_and(|reads| reads.contains(place));
            if ring.len() > 1 || ring.iter().any(reads_itself) {
                let ways = Ring::new(&ring, waits);
                let named = |places: Vec<usize>| {
                    places.into_iter().filter_map(|at| definitions.get(at)).map(reference).collect()
                };
                for (place, definition) in ring.iter().filter_map(|at| Some((*at, definitions.get(*at)?))) {
                    let Way { first, left_out, last } = ways.way_of(place);
                    let path = CyclePath { first: named(first), left_out, last: named(last) };
                    self.fault(place, definition, CatalogFaultKind::Cycle(path));
                }
                continue;
            }
            for place in ring {
                let Some(definition) = definitions.get(place) else { continue };
                if let Err(kinds) = self.check(&self.names, definition) {
                    self.refuse(place, definition, definitions, mentions, kinds);
                }
            }
        }
    }

    /// What is wrong with a definition; where it reads one that is at fault, that.
    fn refuse(
        &mut self,
        place: usize,
        definition: &Definition,
        definitions: &[Definition],
        mentions: &HashMap<usize, Vec<usize>>,
        kinds: Vec<CatalogFaultKind>,
    ) {
        let read = mentions.get(&place).into_iter().flatten().filter_map(|at| definitions.get(*at));
        let broken: Vec<DefinitionRef> =
            read.filter(|read| self.broken.contains(&key(read.kind(), read.name()))).map(reference).collect();
        match broken.into_iter().next() {
            Some(other) => self.fault(place, definition, CatalogFaultKind::Reads(other)),
            None => kinds.into_iter().for_each(|kind| self.fault(place, definition, kind)),
        }
    }

    fn admit(&mut self, definition: &Definition, compiled: Compiled, reads: Vec<Source>) {
        let id = reference(definition);
        let below = reads.iter().filter_map(|source| {
            let read = self.entries.get(&defined(source, &self.entries)?)?;
            Some(read.depth + 1)
        });
        let depth = below.max().unwrap_or(0);
        if let Some(kind) = compiled.kind() {
            let text = match definition {
                Definition::Attribute(of) => NameText {
                    label: of.label.clone(),
                    documentation: of.description.clone(),
                    unit: of.unit.clone(),
                },
                Definition::RollUp(of) => {
                    NameText { label: None, documentation: of.documentation().map(Arc::from), unit: None }
                }
                _ => NameText::default(),
            };
            let mut name = Name::new(kind);
            if let Compiled::Attribute(checked) = &compiled
                && tells_cancelled(checked, &self.names, &self.entries)
            {
                name = name.telling_cancelled();
            }
            self.names.columns.entry(id.name.clone()).or_insert((name, text));
        }
        if let Compiled::Segment(checked) = &compiled {
            let chains = checked.reads_segments().filter_map(|id| self.names.segments.get(id).copied());
            let chain = 1 + chains.max().unwrap_or(0);
            self.names.segments.entry(id.name.clone()).or_insert(chain);
        }
        let entry = Entry { definition: definition.clone(), compiled, reads, depth };
        self.entries.entry(id).or_insert(entry);
    }

    fn check(
        &self,
        names: &dyn Names,
        definition: &Definition,
    ) -> Result<(Compiled, Vec<Source>), Vec<CatalogFaultKind>> {
        let checker = Checker::new(names).with_zones(self.zones).with_limits(self.limits.clone());
        let wrong = |errors| vec![CatalogFaultKind::Expression(errors)];
        let compiled = match definition {
            Definition::Attribute(of) => Compiled::Attribute(checker.check(&of.expression).map_err(wrong)?),
            Definition::Segment(of) => {
                Compiled::Segment(checker.check_ast_predicate(of.expression().clone()).map_err(wrong)?)
            }
            Definition::Past(of) => match names.name(Of::Account, of.of()) {
                Some(name) => Compiled::Past(name.kind().clone()),
                None => {
                    let mut all: Vec<String> = Vec::new();
                    names.each(Of::Account, &mut |name| all.push(name.to_owned()));
                    let near = crate::model::nearest(of.of(), all.iter().map(String::as_str));
                    let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                    let what = format!("there is no attribute `{}`{hint}", of.of());
                    return Err(vec![CatalogFaultKind::Other(what)]);
                }
            },
            Definition::Metric(of) => match self.names.metrics.kind(of.name()) {
                Some(_) => Compiled::Metric,
                // Its fault is known already.
                None => return Err(Vec::new()),
            },
            Definition::RollUp(of) => {
                let schema = &self.names.schema;
                let checked = CheckedRollUp::new(of, schema, names, self.zones, self.limits);
                let named = |kind: &RollUpFaultKind| !matches!(kind, RollUpFaultKind::Name(_));
                let faults = |kinds: Vec<RollUpFaultKind>| {
                    kinds.into_iter().filter(named).map(CatalogFaultKind::RollUp).collect::<Vec<_>>()
                };
                Compiled::RollUp(Box::new(checked.map_err(faults)?))
            }
            Definition::Ranking(of) => {
                let value = checker.check(&of.of);
                let within = of.within.as_ref().map(|within| checker.check(within)).transpose();
                match (value, within) {
                    (Ok(value), Ok(within)) => {
                        let unfit = |checked: &Checked| !checked.kind().is_ordered();
                        if unfit(&value) {
                            let what = format!("{} has no order to rank by", value.kind());
                            return Err(vec![CatalogFaultKind::Other(what)]);
                        }
                        if let Some(within) = within.as_ref().filter(|within| !within.kind().is_scalar()) {
                            let what = format!("{} cannot say who are peers", within.kind());
                            return Err(vec![CatalogFaultKind::Other(what)]);
                        }
                        Compiled::Ranking(Box::new((value, within)))
                    }
                    (value, within) => {
                        let errors = value.err().into_iter().chain(within.err());
                        return Err(errors.map(CatalogFaultKind::Expression).collect());
                    }
                }
            }
        };
        let reads = match definition {
            Definition::Past(of) => vec![Source::Attribute(Arc::from(of.of()))],
            Definition::Metric(of) => {
                self.names.metrics.checked(of.name()).map(Checked::sources).unwrap_or_default()
            }
            _ => sources(&compiled, definition),
        };
        Ok((compiled, reads))
    }
}

/// What a definition reads by its expressions, and by whose rows it reads.
fn sources(compiled: &Compiled, definition: &Definition) -> Vec<Source> {
    let mut reads: Vec<Source> = Vec::new();
    if let Definition::RollUp(of) = definition {
        match of.rows() {
            Over::Accounts => {}
            Over::Table(table) => reads.push(Source::Table(table.clone())),
            Over::Events { event, .. } => reads.push(Source::Event(event.clone())),
        }
    }
    for source in compiled.expressions().into_iter().flat_map(Checked::sources) {
        if !reads.contains(&source) {
            reads.push(source);
        }
    }
    reads
}

/// Kinds of definition that are read as attributes are.
const COLUMNS: [DefinitionKind; 4] =
    [DefinitionKind::Attribute, DefinitionKind::RollUp, DefinitionKind::Ranking, DefinitionKind::Past];

/// The definition that something is read from, if it is one.
pub(super) fn defined(source: &Source, entries: &IndexMap<DefinitionRef, Entry>) -> Option<DefinitionRef> {
    let find = |kinds: &[DefinitionKind], name: &Arc<str>| {
        let mut all = kinds.iter().map(|kind| DefinitionRef { kind: *kind, name: name.clone() });
        all.find(|id| entries.contains_key(id))
    };
    match source {
        Source::Attribute(name) => find(&COLUMNS, name),
        Source::Metric(name) => find(&[DefinitionKind::Metric], name),
        Source::Segment(name) => find(&[DefinitionKind::Segment], name),
        _ => None,
    }
}

/// The strongly connected components of places and what they read, each after those that it reads.
fn components(places: &[usize], reads: &HashMap<usize, Vec<usize>>) -> Vec<Vec<usize>> {
    let mut graph: DiGraph<usize, ()> = DiGraph::new();
    let nodes: HashMap<usize, NodeIndex> =
        places.iter().map(|place| (*place, graph.add_node(*place))).collect();
    for place in places {
        for read in reads.get(place).into_iter().flatten() {
            if let (Some(from), Some(to)) = (nodes.get(place), nodes.get(read)) {
                graph.add_edge(*from, *to, ());
            }
        }
    }
    let weight = |node: NodeIndex| graph.node_weight(node).copied();
    petgraph::algo::kosaraju_scc(&graph)
        .into_iter()
        .map(|component| component.into_iter().filter_map(weight).collect())
        .collect()
}
