//! Why does a plan have no answers?

use std::fmt;
use std::sync::Arc;

use crate::expr::types::Type;
use crate::model::Faults;

/// What the expressions of a plan read and the [`Columns`](crate::expr::Columns) that they are asked of do not have. Every fault is
/// listed; nothing is missing in silence.
pub type ExprPlanErrors = Faults<ExprPlanFault>;

/// One fault, and the expression that it is of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expression {expression}: {kind}")]
#[non_exhaustive]
pub struct ExprPlanFault {
    /// The number of the expression, counted from 0.
    pub expression: usize,
    /// What is wrong.
    pub kind: ExprPlanFaultKind,
}

/// Why an expression cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExprPlanFaultKind {
    /// An attribute, a derived column, a column of a child table or a property of an event that is not there.
    #[error("there is no `{0}` here")]
    Name(Arc<str>),
    /// One that is there with another type than it was checked with.
    #[error("{}", other_type(name, wanted, found))]
    Type {
        /// Its name.
        name: Arc<str>,
        /// The type that the expression was checked with.
        wanted: Type,
        /// The type that it has.
        found: Type,
    },
    /// A child table that is not there.
    #[error("there is no table `{0}` here")]
    Table(Arc<str>),
    /// A segment whose members are not known.
    #[error("the members of segment `{0}` are not known here")]
    Segment(Arc<str>),
    /// An event or a metric.
    #[error("no usage `{0}` is known here")]
    Usage(Arc<str>),
    /// The expression has another form than the question needs.
    #[error("{0}")]
    Form(String),
}

/// Types of one name differ by what they hold: allowed values, digits, a currency.
fn other_type(name: &str, wanted: &Type, found: &Type) -> String {
    let (wanted, found) = (wanted.to_string(), found.to_string());
    if wanted == found {
        format!("`{name}` is {found} with other values, digits or currency here than when it was checked")
    } else {
        format!("`{name}` is {found} here, not {wanted}")
    }
}

impl ExprPlanErrors {
    /// An expression whose form does not fit.
    pub(crate) fn form(why: impl Into<String>) -> Self {
        Self::one(ExprPlanFault { expression: 0, kind: ExprPlanFaultKind::Form(why.into()) })
    }
}

/// The evaluation was stopped before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the evaluation was stopped")
    }
}

impl std::error::Error for Cancelled {}

/// Why a plan that may be stopped has no answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// Something that it reads is not there.
    #[error(transparent)]
    Plan(#[from] ExprPlanErrors),
    /// It was stopped.
    #[error("the evaluation was stopped")]
    Cancelled,
}

impl From<Cancelled> for RunError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}
