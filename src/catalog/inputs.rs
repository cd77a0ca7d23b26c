//! From what are definitions worked out, beside the accounts?

use std::fmt;
use std::sync::Arc;

use super::history::History;
use crate::aggregate::UsageView;
use crate::fold::Rates;

/// What a catalog is run with, beside the accounts: each may be left out, and what needs it then has no value.
#[derive(Clone, Copy, Default)]
pub struct RunInputs<'i> {
    pub(super) usage: Option<&'i UsageView>,
    pub(super) history: Option<&'i dyn History>,
    pub(super) rates: Option<&'i Arc<dyn Rates>>,
}

impl<'i> RunInputs<'i> {
    /// Nothing beside the accounts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With usage, of the same view.
    #[must_use]
    pub const fn usage(mut self, usage: &'i UsageView) -> Self {
        self.usage = Some(usage);
        self
    }

    /// With recorded values, for past values and all that reads records.
    #[must_use]
    pub const fn history(mut self, history: &'i dyn History) -> Self {
        self.history = Some(history);
        self
    }

    /// With the rates at which amounts are converted.
    #[must_use]
    pub const fn rates(mut self, rates: &'i Arc<dyn Rates>) -> Self {
        self.rates = Some(rates);
        self
    }
}

impl fmt::Debug for RunInputs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { usage, history, rates } = self;
        f.debug_struct("RunInputs")
            .field("usage", &usage.is_some())
            .field("history", &history.is_some())
            .field("rates", rates)
            .finish()
    }
}
