//! Events as a part of a state, and how they are kept.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[cfg(feature = "snapshot")]
use super::PartError;
use super::{Applying, Part, PartReports};
use crate::aggregate::{
    OwnedEvent, Usage, UsageSchema, UsageSettings, UsageSettingsError, UsageSettingsReport, WrittenSettings,
};
use crate::engine::{EngineError, EngineSettings};

/// A step of usage. In a journal rows are a list, as they were before there were settings among the steps, and settings an object.
#[derive(Debug, Clone)]
pub(in crate::engine) enum UsageStep {
    /// Rows that came in together.
    Events(Vec<OwnedEvent>),
    /// Another way in which usage is kept.
    Settings(Box<ChosenSettings>),
}

/// Settings of an update, or of a journal, in which zones have nothing but their names.
#[derive(Debug, Clone)]
pub(in crate::engine) enum ChosenSettings {
    Given(UsageSettings),
    Written(WrittenSettings),
}

impl ChosenSettings {
    /// The name of the zone.
    #[cfg(feature = "snapshot")]
    fn zone(&self) -> &str {
        match self {
            Self::Given(settings) => settings.zone_name(),
            Self::Written(written) => &written.zone,
        }
    }

    fn settings(&self, settings: &EngineSettings) -> Result<UsageSettings, EngineError> {
        match self {
            // A journal knows the zone by its name only, and reads it so.
            Self::Given(given) => Ok(match settings.zone_of_usage(given.zone_name()) {
                Some(zone) => given.written().in_zone(zone),
                None => given.clone(),
            }),
            Self::Written(written) => match settings.zone_of_usage(&written.zone) {
                Some(zone) => Ok(written.in_zone(zone)),
                None => Err(UsageSettingsError::UnknownZone { zone: written.zone.to_string() }.into()),
            },
        }
    }
}

impl UsageStep {
    /// The zone of the settings that it says, by name.
    #[cfg(feature = "snapshot")]
    pub(in crate::engine) fn zone(&self) -> Option<&str> {
        match self {
            Self::Events(_) => None,
            Self::Settings(chosen) => Some(chosen.zone()),
        }
    }
}

impl Serialize for UsageStep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Events(events) => events.serialize(serializer),
            Self::Settings(chosen) => match &**chosen {
                ChosenSettings::Given(settings) => settings.serialize(serializer),
                ChosenSettings::Written(written) => written.serialize(serializer),
            },
        }
    }
}

impl<'de> Deserialize<'de> for UsageStep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Step;
        impl<'de> Visitor<'de> for Step {
            type Value = UsageStep;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of events or settings of usage")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, events: A) -> Result<UsageStep, A::Error> {
                Deserialize::deserialize(SeqAccessDeserializer::new(events)).map(UsageStep::Events)
            }

            fn visit_map<A: MapAccess<'de>>(self, settings: A) -> Result<UsageStep, A::Error> {
                let written = Deserialize::deserialize(MapAccessDeserializer::new(settings))?;
                Ok(UsageStep::Settings(Box::new(ChosenSettings::Written(written))))
            }
        }
        deserializer.deserialize_any(Step)
    }
}

impl Part for Option<Usage> {
    type Step = UsageStep;

    fn after(
        &self,
        steps: &[UsageStep],
        applying: &Applying<'_>,
        reports: &mut PartReports,
    ) -> Result<Self, EngineError> {
        let mut usage = self.clone();
        for step in steps {
            let UsageStep::Settings(chosen) = step else { continue };
            let to = chosen.settings(applying.settings)?;
            reports.usage_settings = Some(match &mut usage {
                Some(usage) => usage.set_settings(to, applying.today)?,
                None => {
                    let begun = Usage::new(UsageSchema::default(), to);
                    let report = UsageSettingsReport::begun(&begun);
                    usage = Some(begun);
                    report
                }
            });
        }
        // All rows of an update are one batch.
        let rows = || {
            steps.iter().filter_map(|step| match step {
                UsageStep::Events(events) => Some(events),
                UsageStep::Settings(_) => None,
            })
        };
        if rows().next().is_some() {
            let usage = usage.as_mut().ok_or(EngineError::NoUsage)?;
            reports.usage = Some(usage.ingest(rows().flatten().map(OwnedEvent::event), applying.today)?);
        }
        Ok(usage)
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
