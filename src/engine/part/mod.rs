//! What decides answers, beside the book, the definitions and the moment?
//!
//! The parts of a state stand in one list, [`parts!`] below: how an update changes each of them, how it is compared between two states,
//! and how it is written to a journal. No other data decides an answer, so that a state is all that its answers are computed from.

mod facts;
mod rates;
mod records;
mod usage;

pub(super) use usage::{ChosenSettings, UsageStep};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::EngineError;
use super::settings::EngineSettings;
use crate::aggregate::{Usage, UsageReport, UsageSettingsReport};
#[cfg(feature = "snapshot")]
use crate::aggregate::{UsageSchema, UsageSettings};
use crate::book::EvolveReport;
use crate::catalog::Records;
use crate::facts::Facts;
use crate::fold::ExchangeRates;
use crate::model::Date;

/// A part of a state.
pub(super) trait Part: Sized {
    /// What an update says of it: applied one after the other.
    type Step: std::fmt::Debug + Clone + Serialize + DeserializeOwned;

    /// The part after some steps, of which there is one at least.
    fn after(
        &self,
        steps: &[Self::Step],
        applying: &Applying<'_>,
        reports: &mut PartReports,
    ) -> Result<Self, EngineError>;

    /// Is it the same, as far as that is known at once?
    fn is_same(&self, other: &Self) -> bool;

    /// All of it, for a journal; `None` where there is nothing.
    #[cfg(feature = "snapshot")]
    fn to_snapshot(&self) -> Option<Vec<u8>>;

    /// What was written, read again; `self` is what the engine begins with.
    #[cfg(feature = "snapshot")]
    fn restored(&self, bytes: &[u8]) -> Result<Self, PartError>;
}

/// What steps are applied with.
#[derive(Clone, Copy)]
pub(super) struct Applying<'a> {
    /// The day of the state after the update.
    pub(super) today: Date,
    pub(super) settings: &'a EngineSettings,
}

/// Reports of the parts on an update.
#[derive(Debug, Default)]
pub(super) struct PartReports {
    pub(super) usage: Option<UsageReport>,
    pub(super) usage_settings: Option<UsageSettingsReport>,
    pub(super) schema: Option<EvolveReport>,
}

/// Why could a part of a state not be read from a journal?
#[cfg(feature = "snapshot")]
#[derive(Debug)]
pub(super) enum PartError {
    /// Bytes of a part, by its name.
    Snapshot(&'static str, crate::SnapshotError),
    /// The engine is made without it.
    Refused(EngineError),
    Malformed(String),
}

/// The parts of a state, by name.
macro_rules! parts {
    ($($(#[$doc:meta])* $name:ident: $part:ty,)*) => {
        /// The parts of a state beside its book, its definitions and its moment.
        #[derive(Clone)]
        pub(super) struct StateParts {
            $($(#[$doc])* pub(super) $name: $part,)*
        }

        /// What an update says of them.
        #[derive(Debug, Clone, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(super) struct Steps {
            $(#[serde(skip_serializing_if = "Vec::is_empty")] pub(super) $name: Vec<<$part as Part>::Step>,)*
        }

        #[cfg(feature = "snapshot")]
        impl Steps {
            pub(super) fn is_empty(&self) -> bool {
                $(self.$name.is_empty())&&*
            }
        }

        impl StateParts {
            /// With all steps applied; on an error it is as it was, or some of its parts are as they would have been.
            pub(super) fn apply(&mut self, steps: &Steps, applying: &Applying<'_>) -> Result<PartReports, EngineError> {
                let mut reports = PartReports::default();
                $(if !steps.$name.is_empty() {
                    self.$name = self.$name.after(&steps.$name, applying, &mut reports)?;
                })*
                Ok(reports)
            }

            /// The names of the parts that are another one in `other`.
            pub(super) fn differing(&self, other: &Self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if !self.$name.is_same(&other.$name) {
                    names.push(stringify!($name));
                })*
                names
            }

            /// All parts of which there is something, by name.
            #[cfg(feature = "snapshot")]
            pub(super) fn to_snapshots(&self) -> Vec<(String, Vec<u8>)> {
                let parts = [$((stringify!($name), Part::to_snapshot(&self.$name)),)*];
                parts.into_iter().filter_map(|(name, bytes)| Some((name.to_owned(), bytes?))).collect()
            }

            /// With a part as it was written.
            #[cfg(feature = "snapshot")]
            pub(super) fn restore(&mut self, name: &str, bytes: &[u8]) -> Result<(), PartError> {
                match name {
                    $(stringify!($name) => self.$name = Part::restored(&self.$name, bytes)?,)*
                    _ => return Err(PartError::Malformed(format!("this release knows no part `{name}` of a state"))),
                }
                Ok(())
            }
        }
    };
}

impl StateParts {
    /// The kinds of event, where there is usage.
    #[cfg(feature = "snapshot")]
    pub(super) fn events(&self) -> Option<&UsageSchema> {
        self.usage.as_ref().map(Usage::schema)
    }

    /// No usage yet, of some kinds of event, that is kept as is said; else as that of before.
    #[cfg(feature = "snapshot")]
    pub(super) fn begin_usage(&mut self, events: UsageSchema, settings: Option<UsageSettings>) {
        let settings = settings.or_else(|| self.usage.as_ref().map(Usage::settings).cloned());
        self.usage = Some(Usage::new(events, settings.unwrap_or_default()));
    }
}

parts! {
    /// Events, where the engine holds any.
    usage: Option<Usage>,
    /// Rates of exchange.
    rates: ExchangeRates,
    /// What was recorded on the days that were closed.
    records: Records,
    /// What was said of accounts and people.
    facts: Facts,
}
