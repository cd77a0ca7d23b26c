//! Facts as a part of a state.

#[cfg(feature = "snapshot")]
use super::PartError;
use super::{Applying, Part, PartReports};
use crate::engine::EngineError;
use crate::facts::{FactStep, Facts};

impl Part for Facts {
    type Step = FactStep;

    fn after(&self, steps: &[FactStep], _: &Applying<'_>, _: &mut PartReports) -> Result<Self, EngineError> {
        Ok(self.with(steps.iter().cloned())?)
    }

    fn is_same(&self, other: &Self) -> bool {
        Self::is_same(self, other)
    }

    #[cfg(feature = "snapshot")]
    fn to_snapshot(&self) -> Option<Vec<u8>> {
        let steps = self.to_steps();
        // Nothing in it is a map with keys that are no text.
        (!steps.is_empty()).then(|| serde_json::to_vec(&steps).unwrap_or_default())
    }

    #[cfg(feature = "snapshot")]
    fn restored(&self, bytes: &[u8]) -> Result<Self, PartError> {
        let steps: Vec<FactStep> = serde_json::from_slice(bytes)
            .map_err(|error| PartError::Malformed(format!("its facts: {error}")))?;
        Self::new().with(steps).map_err(|faults| PartError::Malformed(format!("its facts: {faults}")))
    }
}
