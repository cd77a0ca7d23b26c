//! Events as a part of a state.

use serde::{Deserialize, Serialize};

#[cfg(feature = "snapshot")]
use super::PartError;
use super::{Part, PartReports};
use crate::aggregate::{OwnedEvent, Usage};
use crate::engine::EngineError;
use crate::model::Date;

/// Rows of usage that came in together.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::engine) struct Batch(pub(in crate::engine) Vec<OwnedEvent>);

impl Part for Option<Usage> {
    type Step = Batch;

    fn after(&self, steps: &[Batch], today: Date, reports: &mut PartReports) -> Result<Self, EngineError> {
        let mut usage = self.clone().ok_or(EngineError::NoUsage)?;
        let events = steps.iter().flat_map(|Batch(events)| events).map(OwnedEvent::event);
        reports.usage = Some(usage.ingest(events, today)?);
        Ok(Some(usage))
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Some(own), Some(other)) => own.is_same(other),
            (None, None) => true,
            _ => false,
        }
    }

    #[cfg(feature = "snapshot")]
    fn to_snapshot(&self) -> Option<Vec<u8>> {
        self.as_ref().map(Usage::to_snapshot)
    }

    #[cfg(feature = "snapshot")]
    fn restored(&self, bytes: &[u8]) -> Result<Self, PartError> {
        let begun = self.as_ref().ok_or(PartError::Refused(EngineError::NoUsage))?;
        let (schema, settings) = (begun.schema().clone(), begun.settings().clone());
        Usage::from_snapshot(schema, settings, bytes)
            .map(Some)
            .map_err(|error| PartError::Snapshot("usage", error))
    }
}
