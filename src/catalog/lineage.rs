//! Where does an answer come from, and what would change if something did?

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use indexmap::IndexSet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Catalog;
use super::definition::DefinitionRef;
use crate::expr::Source;

/// Something that definitions read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Origin {
    /// An attribute of the schema, or what every account has (its type, its product).
    Attribute(Arc<str>),
    /// The rows of a child table.
    Table(Arc<str>),
    /// A column of a child table.
    Column {
        /// The table.
        table: Arc<str>,
        /// The column.
        column: Arc<str>,
    },
    /// The events of a kind.
    Event(Arc<str>),
    /// A property or measure of events.
    EventField {
        /// The kind of event.
        event: Arc<str>,
        /// The property or measure.
        field: Arc<str>,
    },
    /// The rates of exchange.
    Rates,
    /// A definition.
    Definition(DefinitionRef),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(name) => write!(f, "attribute `{name}`"),
            Self::Table(name) => write!(f, "table `{name}`"),
            Self::Column { table, column } => write!(f, "column `{table}.{column}`"),
            Self::Event(name) => write!(f, "event `{name}`"),
            Self::EventField { event, field } => write!(f, "`{field}` of event `{event}`"),
            Self::Rates => f.write_str("rates of exchange"),
            Self::Definition(definition) => write!(f, "{definition}"),
        }
    }
}

/// One step of a lineage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageStep {
    /// What is read.
    pub origin: Origin,
    /// By whom.
    pub read_by: DefinitionRef,
    /// How many steps from the definition that was asked, from 1.
    pub depth: usize,
}

/// One definition that would change.
///
/// All that come from one origin share their ways: a chain of definitions takes room for its length, not for the sum of
/// the ways to each of them. As JSON each has a way of its own.
#[derive(Clone)]
pub struct Impact {
    definition: DefinitionRef,
    steps: Arc<[Step]>,
    /// The place of the last step; `None` for an empty way.
    last: Option<usize>,
}

/// A step of a way, and the place of the step before it.
type Step = (Origin, Option<usize>);

impl Impact {
    /// By a way of its own.
    pub(crate) fn by(definition: &DefinitionRef, path: impl IntoIterator<Item = Origin>) -> Self {
        let steps: Arc<[Step]> =
            path.into_iter().enumerate().map(|(place, origin)| (origin, place.checked_sub(1))).collect();
        let last = steps.len().checked_sub(1);
        Self { definition: definition.clone(), steps, last }
    }

    /// The definition.
    #[must_use]
    pub const fn definition(&self) -> &DefinitionRef {
        &self.definition
    }

    /// The way: what was asked, then each that reads the one before, at last the definition.
    ///
    /// # Complexity
    ///
    /// Linear in the steps.
    #[must_use]
    pub fn path(&self) -> Vec<&Origin> {
        let mut path = Vec::new();
        let mut next = self.last;
        while let Some((origin, before)) = next.and_then(|at| self.steps.get(at)) {
            path.push(origin);
            next = *before;
        }
        path.reverse();
        path
    }
}

#[derive(Serialize)]
struct WrittenImpact<'i> {
    definition: &'i DefinitionRef,
    path: Vec<&'i Origin>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadImpact {
    definition: DefinitionRef,
    path: Vec<Origin>,
}

impl Serialize for Impact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        WrittenImpact { definition: &self.definition, path: self.path() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Impact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ReadImpact { definition, path } = ReadImpact::deserialize(deserializer)?;
        Ok(Self::by(&definition, path))
    }
}

impl PartialEq for Impact {
    fn eq(&self, other: &Self) -> bool {
        self.definition == other.definition && self.path() == other.path()
    }
}

impl Eq for Impact {}

impl fmt::Debug for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Impact");
        shown.field("definition", &self.definition).field("path", &self.path()).finish_non_exhaustive()
    }
}

impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.path().into_iter().enumerate() {
            write!(f, "{}{step}", if place > 0 { " -> " } else { "" })?;
        }
        Ok(())
    }
}

impl Catalog {
    fn origin(&self, source: &Source) -> Origin {
        if let Some(entry) = self.names.entries.defined(source) {
            return Origin::Definition(entry.written().clone());
        }
        match source {
            Source::Attribute(name) | Source::Metric(name) | Source::Segment(name) => {
                Origin::Attribute(name.clone())
            }
            Source::Table(name) => Origin::Table(name.clone()),
            Source::Column(table, column) => Origin::Column { table: table.clone(), column: column.clone() },
            Source::Event(name) => Origin::Event(name.clone()),
            Source::Field(event, field) => Origin::EventField { event: event.clone(), field: field.clone() },
        }
    }

    /// What a definition reads itself, and what is read by those that it brings.
    pub(super) fn reads(&self, definition: &DefinitionRef) -> Vec<Origin> {
        let own = Origin::Definition(definition.clone());
        let mut all = self.names.entries.all_of(definition);
        let mut reads: IndexSet<Origin> = IndexSet::new();
        for entry in all.by_ref() {
            let is_own = entry.bringer.is_none();
            let origins = entry.reads.iter().map(|source| (source, self.origin(source)));
            // Its own records are read by itself; what it brings is itself.
            let other = origins.filter(|(source, origin)| {
                *origin != own
                    || is_own && self.names.entries.defined(source).is_some_and(|read| read.bringer.is_none())
            });
            reads.extend(other.map(|(_, origin)| origin));
            if entry.compiled.converts() {
                reads.insert(Origin::Rates);
            }
        }
        reads.into_iter().collect()
    }

    /// All that a definition comes from, down to attributes, columns and events; each step once, the nearest first. `None`
    /// for a definition that is not in the catalog.
    ///
    /// # Complexity
    ///
    /// Linear in what is read.
    #[must_use]
    pub fn lineage(&self, definition: &DefinitionRef) -> Option<Vec<LineageStep>> {
        self.definition(definition)?;
        let mut steps = Vec::new();
        let mut seen: HashSet<DefinitionRef> = HashSet::from([definition.clone()]);
        let mut left = VecDeque::from([(definition.clone(), 1)]);
        while let Some((read_by, depth)) = left.pop_front() {
            for origin in self.reads(&read_by) {
                if let Origin::Definition(next) = &origin
                    && seen.insert(next.clone())
                {
                    left.push_back((next.clone(), depth + 1));
                }
                steps.push(LineageStep { origin, read_by: read_by.clone(), depth });
            }
        }
        Some(steps)
    }

    /// Every definition that would change if something did, directly or not, the nearest first, each with a shortest way.
    ///
    /// # Complexity
    ///
    /// Linear in what all definitions read.
    #[must_use]
    pub fn impact(&self, of: &Origin) -> Vec<Impact> {
        impact(&self.direct_readers(), of)
    }

    /// As [`Catalog::impact`], of several origins, one after the other.
    pub(crate) fn impact_of_each<'o>(&self, of: impl IntoIterator<Item = &'o Origin>) -> Vec<Impact> {
        let readers = self.direct_readers();
        of.into_iter().flat_map(|of| impact(&readers, of)).collect()
    }

    /// The definitions that read something themselves.
    pub(super) fn direct_readers(&self) -> DirectReaders {
        let mut readers: HashMap<Origin, Vec<DefinitionRef>> = HashMap::new();
        for definition in self.order() {
            for origin in self.reads(definition) {
                // A column is read with its table, a property with its event.
                match &origin {
                    Origin::Column { table, .. } => {
                        readers.entry(Origin::Table(table.clone())).or_default().push(definition.clone());
                    }
                    Origin::EventField { event, .. } => {
                        readers.entry(Origin::Event(event.clone())).or_default().push(definition.clone());
                    }
                    _ => {}
                }
                readers.entry(origin).or_default().push(definition.clone());
            }
        }
        readers
    }
}

/// By what is read, the definitions that read it themselves.
pub(super) type DirectReaders = HashMap<Origin, Vec<DefinitionRef>>;

fn impact(readers: &DirectReaders, of: &Origin) -> Vec<Impact> {
    let mut steps: Vec<Step> = vec![(of.clone(), None)];
    let mut seen: HashSet<DefinitionRef> = HashSet::new();
    // What reads its own earlier days is not what it changes.
    if let Origin::Definition(id) = of {
        seen.insert(id.clone());
    }
    let mut at = 0;
    while let Some((last, _)) = steps.get(at) {
        let found: Vec<Step> = readers
            .get(last)
            .into_iter()
            .flatten()
            .filter(|reader| seen.insert((*reader).clone()))
            .map(|reader| (Origin::Definition(reader.clone()), Some(at)))
            .collect();
        steps.extend(found);
        at += 1;
    }
    let steps: Arc<[Step]> = steps.into();
    let found = steps.iter().enumerate().filter_map(|(place, (origin, before))| match (origin, before) {
        (Origin::Definition(definition), Some(_)) => {
            Some(Impact { definition: definition.clone(), steps: steps.clone(), last: Some(place) })
        }
        _ => None,
    });
    found.collect()
}
