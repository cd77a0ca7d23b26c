//! What is wrong with segments?

use std::fmt;
use std::sync::Arc;

use crate::expr::ExprErrors;

/// Everything that is wrong with some segments.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentErrors {
    pub(super) faults: Vec<SegmentFault>,
}

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

impl SegmentErrors {
    /// Each fault, in the order of the segments.
    #[must_use]
    pub fn faults(&self) -> &[SegmentFault] {
        &self.faults
    }
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

impl fmt::Display for SegmentErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{fault}", if place > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for SegmentErrors {}
