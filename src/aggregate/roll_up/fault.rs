//! What is wrong with a roll-up?

use std::fmt;
use std::sync::Arc;

use crate::expr::ExprErrors;
use crate::model::{Faults, IdError};

/// What is wrong with a roll-up.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RollUpFaultKind {
    /// Its name is no name.
    Name(IdError),
    /// Another has the name.
    Duplicate,
    /// The name means something already: an attribute, or another column.
    Taken,
    /// The name is a word of the language, as `level` is.
    Reserved,
    /// What it is over is not known: a child table, a kind of event, an account type; with the nearest name.
    Unknown(String),
    /// One of its expressions is wrong: which, and how.
    Expression(&'static str, ExprErrors),
    /// The operator does not fit what it reads.
    Operator(String),
    /// What the book, or what is supplied beside it, cannot answer.
    Unanswered(String),
}

/// A roll-up at fault.
#[derive(Debug, Clone, PartialEq)]
pub struct RollUpFault {
    /// The roll-up.
    pub roll_up: Arc<str>,
    /// Why.
    pub kind: RollUpFaultKind,
}

impl fmt::Display for RollUpFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "roll-up `{}`: ", self.roll_up)?;
        match &self.kind {
            RollUpFaultKind::Name(error) => write!(f, "{error}"),
            RollUpFaultKind::Duplicate => f.write_str("another has the same name"),
            RollUpFaultKind::Taken => f.write_str("its name is that of an attribute or another column"),
            RollUpFaultKind::Reserved => f.write_str(&crate::model::reserved(&self.roll_up)),
            RollUpFaultKind::Unknown(what)
            | RollUpFaultKind::Operator(what)
            | RollUpFaultKind::Unanswered(what) => f.write_str(what),
            RollUpFaultKind::Expression(part, errors) => write!(f, "{part}: {errors}"),
        }
    }
}

/// Everything that is wrong with some roll-ups, in their order.
pub type RollUpErrors = Faults<RollUpFault>;
