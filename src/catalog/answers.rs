//! What does an output of a step give, for rows side by side?

use crate::aggregate::RollUpResult;
use crate::column::Bitmap;
use crate::expr::Flat;

/// The answers of one output.
#[derive(Debug)]
pub(crate) enum Answers {
    Values(Flat),
    RollUp(RollUpResult),
    /// The members that are seen, in order of slot; slots without any may be left out.
    Members(Vec<(u32, Bitmap)>),
}

impl Answers {
    /// Where nothing was computed.
    pub(super) const fn none() -> Self {
        Self::Values(Flat::Cells(Vec::new()))
    }
}
