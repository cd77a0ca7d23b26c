//! What is wrong with a change of a schema?

use std::fmt;
use std::sync::Arc;

use super::SchemaPart;
use crate::model::limits::MAX_SCHEMA_STEPS;
use crate::model::{Faults, SchemaFault, UsageSchemaFault};

/// Something wrong with a change of a schema, and at which step.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaChangeFault {
    /// The step, counted from 0; `None` for a fault of the resulting schema.
    pub step: Option<usize>,
    /// What.
    pub kind: SchemaChangeFaultKind,
}

/// What is wrong with a change of a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaChangeFaultKind {
    /// The part is not there, or no longer.
    #[error("there is no {part}{hint}")]
    Unknown {
        /// The part.
        part: SchemaPart,
        /// The one that was probably meant.
        hint: String,
    },
    /// A part of that name is there already.
    #[error("there is the {0} already")]
    Taken(SchemaPart),
    /// A system attribute is known by its name.
    #[error("{0} is known by its name, and by no other")]
    System(SchemaPart),
    /// More steps than a change has.
    #[error("a change of {0} steps; the limit is {MAX_SCHEMA_STEPS}")]
    TooManySteps(usize),
    /// A declaration names something twice.
    #[error("`{name}` is declared twice in {part}")]
    Repeated {
        /// What is declared.
        part: SchemaPart,
        /// What is named twice.
        name: Arc<str>,
    },
    /// Amounts are of the currency that the value names.
    #[error("{0} is the currency of amounts, which would be other amounts by another name")]
    Currency(SchemaPart),
    /// It has no allowed values.
    #[error("{0} has no allowed values, since it is no enumeration or band")]
    NoValues(SchemaPart),
    /// A status needs a group, and nothing else has one.
    #[error("{0}")]
    Group(&'static str),
    /// Only account types, products and allowed values are replaced by others.
    #[error("{0} cannot be replaced by another; remove it")]
    NotReplaced(SchemaPart),
    /// The attribute would apply to no account type.
    #[error("without {removed}, {part} applies to no account type; remove it first, or declare it anew")]
    AppliesNowhere {
        /// The account type.
        removed: SchemaPart,
        /// The attribute.
        part: SchemaPart,
    },
    /// The resulting schema is invalid.
    #[error(transparent)]
    Schema(SchemaFault),
    /// The resulting kinds of event are invalid.
    #[error(transparent)]
    Events(UsageSchemaFault),
}

impl fmt::Display for SchemaChangeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            Some(step) => write!(f, "step {}: {}", step + 1, self.kind),
            None => write!(f, "the schema after all steps: {}", self.kind),
        }
    }
}

/// Everything that is wrong with a change of a schema.
pub type SchemaChangeErrors = Faults<SchemaChangeFault>;
