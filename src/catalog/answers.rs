//! What does a step give, for rows side by side?

use crate::aggregate::RollUpResult;
use crate::expr::Flat;

/// The answers of one step.
#[derive(Debug)]
pub(crate) enum Answers {
    Values(Flat),
    RollUp(RollUpResult),
    /// Is each row a member?
    Members(Flat),
}

impl Answers {
    /// Where nothing was computed.
    pub(super) const fn none() -> Self {
        Self::Values(Flat::Cells(Vec::new()))
    }
}
