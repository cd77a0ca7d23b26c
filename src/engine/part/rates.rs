//! Rates of exchange as a part of a state.

#[cfg(feature = "snapshot")]
use super::PartError;
use super::{Applying, Part, PartReports};
use crate::engine::EngineError;
use crate::fold::{ExchangeRate, ExchangeRates};

impl Part for ExchangeRates {
    type Step = ExchangeRate;

    fn after(
        &self,
        steps: &[ExchangeRate],
        _: &Applying<'_>,
        _: &mut PartReports,
    ) -> Result<Self, EngineError> {
        Ok(self.with(steps.iter().copied())?)
    }

    fn is_same(&self, other: &Self) -> bool {
        Self::is_same(self, other)
    }

    #[cfg(feature = "snapshot")]
    fn to_snapshot(&self) -> Option<Vec<u8>> {
        let all: Vec<ExchangeRate> = self.iter().collect();
        // Nothing in it is a map.
        (!all.is_empty()).then(|| serde_json::to_vec(&all).unwrap_or_default())
    }

    #[cfg(feature = "snapshot")]
    fn restored(&self, bytes: &[u8]) -> Result<Self, PartError> {
        let malformed = |error: &dyn std::fmt::Display| PartError::Malformed(format!("its rates: {error}"));
        let all: Vec<ExchangeRate> = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
        Self::new().with(all).map_err(|faults| malformed(&faults))
    }
}
