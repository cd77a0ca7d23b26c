//! What is wrong with one definition by itself?

use std::fmt;
use std::sync::Arc;

use crate::aggregate::{MetricFaultKind, RollUpFaultKind};
use crate::expr::ExprErrors;

/// What is wrong with what a definition says.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DefinitionFault {
    /// Its expression is wrong; unknown names with the nearest one.
    #[error("{0}")]
    Expression(ExprErrors),
    /// What a roll-up has wrong.
    #[error("{0}")]
    RollUp(RollUpFaultKind),
    /// What a metric has wrong.
    #[error("{0}")]
    Metric(MetricFaultKind),
    /// What a part of it has wrong.
    #[error("{}{place}{fault}", of_part(part.as_deref()))]
    Part {
        /// The name of the part, where it has parts.
        part: Option<Arc<str>>,
        /// Where in the part.
        place: PartPlace,
        /// What is wrong.
        fault: Box<DefinitionFault>,
    },
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

/// Where in a part of a definition something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartPlace {
    /// In the part as a whole.
    Whole,
    /// In the question that says for which accounts it is.
    Question,
    /// In an input, from 0.
    Input(usize),
    /// In an expression over the rows of an input; both from 0.
    Column(usize, usize),
}

impl fmt::Display for PartPlace {
    /// In front of a message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Question => f.write_str("its question: "),
            Self::Input(input) => write!(f, "input {}: ", input + 1),
            Self::Column(input, column) => write!(f, "input {}, column {}: ", input + 1, column + 1),
        }
    }
}

fn of_part(part: Option<&str>) -> String {
    part.map(|part| format!("part `{part}`: ")).unwrap_or_default()
}
