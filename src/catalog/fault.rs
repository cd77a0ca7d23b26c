//! What is wrong with a catalog?

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cycle::CyclePath;
use super::definition::DefinitionKind;
use crate::aggregate::{MetricFaultKind, RollUpFaultKind};
use crate::expr::ExprErrors;
use crate::model::{Faults, IdError};

/// A definition, by kind and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DefinitionRef {
    /// What it is.
    pub kind: DefinitionKind,
    /// Its name.
    pub name: Arc<str>,
}

impl fmt::Display for DefinitionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind.word(), self.name)
    }
}

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
    /// Its expression is wrong; unknown names with the nearest one.
    Expression(ExprErrors),
    /// What a roll-up has wrong.
    RollUp(RollUpFaultKind),
    /// What a metric has wrong.
    Metric(MetricFaultKind),
    /// It reads a definition that is wrong itself.
    Reads(DefinitionRef),
    /// It is to be taken out, and is not there, or no longer.
    NotDefined,
    /// Anything else, in words.
    Other(String),
}

/// A definition at fault.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogFault {
    /// The definition.
    pub definition: DefinitionRef,
    /// Why.
    pub kind: CatalogFaultKind,
}

impl fmt::Display for CatalogFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.definition)?;
        match &self.kind {
            CatalogFaultKind::Name(error) => write!(f, "{error}"),
            CatalogFaultKind::Duplicate => f.write_str("another definition has the name"),
            CatalogFaultKind::Taken => f.write_str("an attribute of the schema has the name"),
            CatalogFaultKind::TakenByTable => f.write_str("a child table of the schema has the name"),
            CatalogFaultKind::Reserved => f.write_str(&crate::model::reserved(&self.definition.name)),
            CatalogFaultKind::Cycle(path) => write!(f, "it reads itself: {path}"),
            CatalogFaultKind::Expression(errors) => write!(f, "{errors}"),
            CatalogFaultKind::RollUp(kind) => write!(f, "{kind}"),
            CatalogFaultKind::Metric(kind) => write!(f, "{kind}"),
            CatalogFaultKind::Reads(other) => write!(f, "it reads the {other}, which is at fault"),
            CatalogFaultKind::NotDefined => f.write_str("unknown definition"),
            CatalogFaultKind::Other(what) => f.write_str(what),
        }
    }
}

/// Everything that is wrong with a catalog, in the order of the definitions.
pub type CatalogErrors = Faults<CatalogFault>;
