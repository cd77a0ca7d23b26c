//! What is wrong with one definition by itself?

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
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}
