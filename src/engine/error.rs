//! Why was nothing published?

use std::sync::Arc;

use thiserror::Error;

use crate::aggregate::{UsageRefused, UsageSettingsError};
use crate::book::{ChangeError, EvolveError, LoadError};
use crate::catalog::{CatalogErrors, DefinitionRef, RecordFault};
use crate::expr::Cancelled;
use crate::facts::FactFault;
use crate::fold::RateFault;
use crate::model::Faults;

/// Why an update was refused. What was published before is still current, to the last bit.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The source failed, or the policy refuses its faults.
    #[error("the load was refused: {0}")]
    Load(#[from] LoadError),
    /// The change cannot be granted.
    #[error("the change was refused: {0}")]
    Change(#[from] ChangeError),
    /// The definitions make no sense together.
    #[error("the definitions were refused: {0}")]
    Catalog(#[from] CatalogErrors),
    /// The usage was refused as a whole.
    #[error("the usage was refused: {0}")]
    Usage(#[from] UsageRefused),
    /// A definition was named that is not in the catalog.
    #[error("there is no {0} to be subscribed or removed")]
    Unknown(DefinitionRef),
    /// A definition of a kind of the host's own that could not be restored from the journal.
    #[error(
        "{definition}: `EngineSettings::kinds` has no version {version} of its kind with the same outputs, so that no journal could be restored with it"
    )]
    UnknownKind {
        /// The definition.
        definition: DefinitionRef,
        /// The version of its kind.
        version: u64,
    },
    /// Definitions that read more days of a column than are kept: who, of which column, how many, and how many are kept.
    #[error("more days are read than are kept: {}", .0.iter().map(|(id, column, days, kept)| format!("{id} reads {days} days of `{column}`, of which {kept} are")).collect::<Vec<_>>().join(", "))]
    KeptDays(Vec<(DefinitionRef, Arc<str>, u32, u32)>),
    /// Days that cannot be recorded.
    #[error("the days were refused: {0}")]
    Records(#[from] Faults<RecordFault>),
    /// Facts that cannot be said.
    #[error("the facts were refused: {0}")]
    Facts(#[from] Faults<FactFault>),
    /// Rates that are none.
    #[error("the rates were refused: {0}")]
    Rates(#[from] Faults<RateFault>),
    /// Something was published since the version that the update expects.
    #[error("version {expected} was expected, and version {found} is current: read again, then try again")]
    Version {
        /// The version that was expected.
        expected: u64,
        /// The current one.
        found: u64,
    },
    /// The idempotency key of the update is empty.
    #[error("the key of an update is empty: give what identifies the message that it comes from, or none")]
    EmptyKey,
    /// Another update came with the same idempotency key.
    #[error("another update came with the key {key:?}, and made version {version}; nothing was changed now")]
    OtherContent {
        /// The key.
        key: Arc<str>,
        /// The version that the other update made.
        version: u64,
    },
    /// The book does not go over to the schema.
    #[error("the change of the schema was refused: {0}")]
    Evolve(#[from] EvolveError),
    /// The state has no usage.
    #[error(
        "this engine holds no usage: begin it with `Update::usage_settings` and kinds of event, or give it some with `EngineSettings::usage`"
    )]
    NoUsage,
    /// The usage that is held cannot be kept in that way.
    #[error("the settings of usage were refused: {0}")]
    UsageSettings(#[from] UsageSettingsError),
    /// A book of another schema.
    #[error("the book has another schema than the engine")]
    Schema,
    /// The host could not keep a record of it.
    #[error("no record of it could be kept: {0}")]
    Journal(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The observer stopped it.
    #[error("the work was stopped")]
    Cancelled,
}

impl From<Cancelled> for EngineError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}
