//! What is wrong with segments?

use std::fmt;
use std::sync::Arc;

use crate::expr::ExprErrors;
use crate::model::Faults;

/// Everything that is wrong with some segments.
pub type SegmentErrors = Faults<SegmentFault>;

/// One fault of one segment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SegmentFault {
    /// The segment, where it has an id.
    pub segment: Arc<str>,
    /// What is wrong.
    pub kind: SegmentFaultKind,
}

/// What is wrong with a segment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SegmentFaultKind {
    /// The id is empty, longer than [`MAX_SEGMENT_ID_BYTES`](super::MAX_SEGMENT_ID_BYTES), padded with white space, or
    /// has a control character.
    Id,
    /// Another segment has the same id.
    Duplicate,
    /// The expression.
    Expression(ExprErrors),
    /// It asks itself, through these segments.
    Cycle(Vec<Arc<str>>),
    /// The document: a JSON pointer, and what is wrong there.
    Document {
        /// Where.
        path: String,
        /// What, in words.
        message: String,
    },
}

impl fmt::Display for SegmentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segment = &self.segment;
        match &self.kind {
            SegmentFaultKind::Id => write!(
                f,
                "segment `{segment}`: an id has 1 to {} bytes, no white space around it and no control character",
                super::MAX_SEGMENT_ID_BYTES
            ),
            SegmentFaultKind::Duplicate => write!(f, "segment `{segment}`: another one has this id"),
            SegmentFaultKind::Expression(errors) => write!(f, "segment `{segment}`:\n{errors}"),
            SegmentFaultKind::Cycle(path) => {
                write!(f, "segment `{segment}`: it asks itself: {}", path.join(" -> "))
            }
            SegmentFaultKind::Document { path, message } => write!(f, "at `{path}`: {message}"),
        }
    }
}
