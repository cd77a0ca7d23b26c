//! What is wrong with a catalog?

use std::fmt;
use std::sync::Arc;

use super::cycle::CyclePath;
use super::definition::DefinitionRef;
use super::lineage::Origin;
use crate::define::DefinitionFault;
use crate::model::{Faults, IdError};

/// Readers that a message names, at most.
const MAX_READERS: usize = 10;

/// What is wrong with a definition.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum CatalogFaultKind {
    /// Its name is no name.
    Name(IdError),
    /// Another definition that is read in the same way has the name.
    Duplicate,
    /// An attribute of the schema has the name.
    Taken,
    /// A child table of the schema has the name, and would be hidden by it.
    TakenByTable,
    /// The name is a word of the language, as `level` is.
    Reserved,
    /// It reads itself, by this way.
    Cycle(CyclePath),
    /// Another definition reserves all names below its own, this one among them.
    Below(DefinitionRef),
    /// It reserves all names below its own, and an attribute of the schema has one of them.
    Above(Arc<str>),
    /// What it says is wrong.
    Invalid(DefinitionFault),
    /// It reads a definition that is wrong itself.
    Reads(DefinitionRef),
    /// It is to be taken out, and is not there, or no longer.
    NotDefined,
    /// It is brought by another definition, with which it comes and goes.
    BroughtBy(DefinitionRef),
    /// Another definition brings it, and its name is not below the name of that one.
    NotBelow,
    /// Something is wrong with a definition that it brings.
    Brings(Box<CatalogFault>),
    /// It reads more days of a column than are kept of it.
    KeptDays {
        /// The column.
        column: Arc<str>,
        /// How many days are read.
        days: u32,
        /// How many are kept.
        kept: u32,
    },
    /// It is to be taken out, or another takes its place, while these definitions still read it.
    StillRead(Vec<DefinitionRef>),
    /// It still reads these parts of the schema or kinds of event, which are removed.
    ReadsRemoved(Vec<Origin>),
    /// It is of a kind of the host's own that the engine could not restore from its journal.
    UnknownKind {
        /// The version of the kind.
        version: u64,
    },
}

/// A definition at fault.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogFault {
    /// The definition.
    pub definition: DefinitionRef,
    /// Why.
    pub kind: CatalogFaultKind,
}

impl CatalogFault {
    /// The same, said of the definition that somebody wrote.
    pub(super) fn of_written(self, bringer: Option<&DefinitionRef>) -> Self {
        match bringer {
            Some(bringer) => {
                Self { definition: bringer.clone(), kind: CatalogFaultKind::Brings(Box::new(self)) }
            }
            None => self,
        }
    }
}

impl fmt::Display for CatalogFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.definition)?;
        self.write(f)
    }
}

/// What is wrong, without the definition.
struct What<'f>(&'f CatalogFault);

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f)
    }
}

impl CatalogFault {
    /// What is wrong, where it is known of which definition.
    pub(super) fn what(&self) -> String {
        What(self).to_string()
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            CatalogFaultKind::Name(error) => write!(f, "{error}"),
            CatalogFaultKind::Duplicate => f.write_str("another definition has the name"),
            CatalogFaultKind::Taken => f.write_str("an attribute of the schema has the name"),
            CatalogFaultKind::TakenByTable => f.write_str("a child table of the schema has the name"),
            CatalogFaultKind::Reserved => f.write_str(&crate::model::reserved(&self.definition.name)),
            CatalogFaultKind::Cycle(path) => write!(f, "it reads itself: {path}"),
            CatalogFaultKind::Below(other) => {
                write!(f, "the {other} reserves all names below `{}.`", other.name)
            }
            CatalogFaultKind::Above(name) => {
                write!(f, "it reserves all names below its own, and the schema has an attribute `{name}`")
            }
            CatalogFaultKind::Invalid(fault) => write!(f, "{fault}"),
            CatalogFaultKind::Reads(other) => write!(f, "it reads the {other}, which is at fault"),
            CatalogFaultKind::NotDefined => f.write_str("unknown definition"),
            CatalogFaultKind::BroughtBy(other) => {
                write!(f, "the {other} brings it, with which it comes and goes")
            }
            CatalogFaultKind::NotBelow => {
                f.write_str("its name is not below the name of the definition that brings it")
            }
            CatalogFaultKind::Brings(fault) => write!(f, "of what it brings, {fault}"),
            CatalogFaultKind::KeptDays { column, days, kept } => {
                write!(f, "it reads {days} days of `{column}`, of which {kept} are kept")
            }
            CatalogFaultKind::StillRead(readers) => {
                let named: Vec<String> = readers.iter().take(MAX_READERS).map(ToString::to_string).collect();
                write!(f, "still read by {}", named.join(", "))?;
                match readers.len().saturating_sub(MAX_READERS) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            CatalogFaultKind::ReadsRemoved(parts) => {
                let named: Vec<String> = parts.iter().take(MAX_READERS).map(ToString::to_string).collect();
                write!(f, "still reads what is removed: {}", named.join(", "))
            }
            CatalogFaultKind::UnknownKind { version } => write!(
                f,
                "`EngineSettings::kinds` has no version {version} of its kind with the same outputs, so that no journal could be restored with it"
            ),
        }
    }
}

/// Everything that is wrong with a catalog, in the order of the definitions.
pub type CatalogErrors = Faults<CatalogFault>;
