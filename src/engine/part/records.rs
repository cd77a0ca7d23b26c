//! Recorded days as a part of a state.

#[cfg(feature = "snapshot")]
use super::PartError;
use super::{Applying, Part, PartReports};
use crate::catalog::{RecordedDay, Records};
use crate::engine::EngineError;

impl Part for Records {
    type Step = RecordedDay;

    fn after(
        &self,
        steps: &[RecordedDay],
        _: &Applying<'_>,
        _: &mut PartReports,
    ) -> Result<Self, EngineError> {
        Ok(self.with(steps)?)
    }

    fn is_same(&self, other: &Self) -> bool {
        Self::is_same(self, other)
    }

    #[cfg(feature = "snapshot")]
    fn to_snapshot(&self) -> Option<Vec<u8>> {
        self.columns().next().map(|_| Self::to_snapshot(self))
    }

    #[cfg(feature = "snapshot")]
    fn restored(&self, bytes: &[u8]) -> Result<Self, PartError> {
        Self::from_snapshot(bytes).map_err(|error| PartError::Snapshot("records", error))
    }
}
