//! What is wrong with one definition by itself?

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
    /// What a part of it, or an input of one, has wrong.
    #[error("{}{fault}", within(part.as_deref(), *input))]
    Input {
        /// The name of the part, where it has parts.
        part: Option<Arc<str>>,
        /// The input, from 0; `None` for the part as a whole.
        input: Option<usize>,
        /// What is wrong.
        fault: Box<DefinitionFault>,
    },
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

/// Where in a definition, in front of a message.
fn within(part: Option<&str>, input: Option<usize>) -> String {
    let part = part.map(|part| format!("part `{part}`: ")).unwrap_or_default();
    match input {
        Some(input) => format!("{part}input {}: ", input + 1),
        None => part,
    }
}
