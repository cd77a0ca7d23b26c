//! Recorded days as a part of a state.

#[cfg(feature = "snapshot")]
use super::PartError;
use super::{Part, Told};
use crate::catalog::{RecordedDay, Records};
use crate::engine::EngineError;
use crate::model::Date;

impl Part for Records {
    type Step = RecordedDay;

    fn after(&self, steps: &[RecordedDay], _: Date, _: &mut Told) -> Result<Self, EngineError> {
        Ok(self.with(steps)?)
    }

    fn is_same(&self, other: &Self) -> bool {
        Self::is_same(self, other)
    }

    #[cfg(feature = "snapshot")]
    fn to_snapshot(&self) -> Option<Vec<u8>> {
        let days = self.to_days();
        // Nothing in it is a map with keys that are no text.
        (!days.is_empty()).then(|| serde_json::to_vec(&days).unwrap_or_default())
    }

    #[cfg(feature = "snapshot")]
    fn restored(&self, bytes: &[u8]) -> Result<Self, PartError> {
        let malformed = |error: &dyn std::fmt::Display| PartError::Malformed(format!("its records: {error}"));
        let days: Vec<RecordedDay> = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
        Self::new().with(&days).map_err(|faults| malformed(&faults))
    }
}
