//! What is wrong with segments?

use std::fmt;
use std::sync::Arc;

use crate::expr::ExprErrors;
use crate::model::{At, Faults, JsonFault};

/// Everything that is wrong with some segments.
pub type SegmentErrors = Faults<SegmentFault>;

/// One fault of one segment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SegmentFault {
    /// The segment, where it has an id.
    pub segment: Arc<str>,
    /// Where in the document that it is read from, as a JSON pointer; empty elsewhere, and for a document as a whole.
    pub path: String,
    /// What is wrong.
    pub kind: SegmentFaultKind,
}

/// What is wrong with a segment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SegmentFaultKind {
    /// The expression.
    Expression(ExprErrors),
    /// The document, in words.
    Document(String),
}

impl From<JsonFault> for SegmentFault {
    fn from(fault: JsonFault) -> Self {
        let kind = SegmentFaultKind::Document(fault.kind.to_string());
        Self { segment: Arc::from(""), path: fault.path, kind }
    }
}

impl fmt::Display for SegmentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segment = &self.segment;
        match &self.kind {
            SegmentFaultKind::Expression(errors) => write!(f, "segment `{segment}`:\n{errors}"),
            SegmentFaultKind::Document(message) => write!(f, "{}{message}", At(&self.path)),
        }
    }
}
