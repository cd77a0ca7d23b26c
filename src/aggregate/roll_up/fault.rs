//! What is wrong with a roll-up?

use std::sync::Arc;

use crate::expr::ExprErrors;
use crate::model::{Faults, IdError};

/// What is wrong with a roll-up.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RollUpFaultKind {
    /// Its name is no name.
    #[error("{0}")]
    Name(IdError),
    /// Another has the name.
    #[error("another has the same name")]
    Duplicate,
    /// The name means something already: an attribute, or another column.
    #[error("its name is that of an attribute or another column")]
    Taken,
    /// The name is a word of the language, as `level` is.
    #[error("{}", crate::model::reserved(.0))]
    Reserved(Arc<str>),
    /// What it is over is not known: a child table, a kind of event, an account type; with the nearest name.
    #[error("{0}")]
    Unknown(String),
    /// One of its expressions is wrong: which, and how.
    #[error("{0}: {1}")]
    Expression(&'static str, ExprErrors),
    /// The operator does not fit what it reads.
    #[error("{0}")]
    Operator(String),
    /// What the book, or what is supplied beside it, cannot answer.
    #[error("{0}")]
    Unanswered(String),
}

/// A roll-up at fault.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("roll-up `{roll_up}`: {kind}")]
pub struct RollUpFault {
    /// The roll-up.
    pub roll_up: Arc<str>,
    /// Why.
    pub kind: RollUpFaultKind,
}

/// Everything that is wrong with some roll-ups, in their order.
pub type RollUpErrors = Faults<RollUpFault>;
