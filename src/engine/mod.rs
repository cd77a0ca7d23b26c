//! What do we know now, and what did it come to before, or would it if?
//!
//! | question | type |
//! |---|---|
//! | What does my service hold? | [`Engine`], with [`EngineSettings`] |
//! | How does something become different? | [`Update`], applied whole or not at all; a [`Change`](crate::Change) alone is one |
//! | What would a document of kinds of event, settings of usage and definitions change? | [`Published::changes_to_manifest`], [`ManifestChanges`]; [`Update::manifest`] applies it |
//! | What does a handler read? | [`Published`]: one state, complete, immutable |
//! | What does this user see of it? | [`LiveView`]; [`ViewColumn`], to read one column for many accounts |
//! | What did the update do: whose values, which members, who moved, and why? | [`Delta`], [`DeltaReport`] |
//! | What would it come to if? | [`Branch`], compared by a [`Delta`], dropped or taken over |
//! | What did it come to then? | [`Engine::states`], [`Engine::state_at`]: every question can be asked of each |
//! | How does a service go on after a restart? | `Engine::resume` with its journal, kept by a `JournalSink` (feature `snapshot`); `Engine::restore` for any version of it |
//! | How far is a long piece of work, and how is it stopped? | [`Observer`](crate::Observer) |
//! | What is held in memory? | [`EngineStats`] |

mod affected;
mod attribution;
mod branch;
mod carry;
mod cause;
mod climb;
mod closing;
mod column;
mod definition_pairs;
mod delta;
mod derivation;
mod dirt;
mod error;
mod gathering;
mod group;
mod handle;
mod held;
mod importing;
#[cfg(feature = "snapshot")]
mod journal;
mod keep;
mod keys;
mod lints;
mod live;
mod manifest;
mod missing_rates;
mod next;
mod pairing;
mod part;
mod prepared;
mod published;
mod report;
mod report_text;
mod rising;
mod settings;
mod share;
mod since;
mod spans;
mod sums;
mod update;
mod values;
mod view_column;
mod work;

pub use crate::facts::{
    Fact, FactFault, FactFaultKind, FactKey, FactKind, FactStep, Facts, MAX_FACT_KINDS, Subject,
};
pub use branch::Branch;
pub use cause::{Cause, Causes};
pub use delta::Delta;
pub use error::EngineError;
pub use handle::{Applied, Engine};
pub use importing::RecordDifference;
#[cfg(feature = "snapshot")]
pub use journal::{Damage, JournalError, JournalSink, MemoryJournal, Restored, compact};
pub use live::LiveView;
pub use manifest::{EventChanges, EventKindChange, LostEvents, ManifestChanges, UsageChange};
pub use published::{EngineStats, MAX_VIEWS, Published};
pub use report::{DeltaReport, DerivedChange, SegmentDelta};
pub use settings::EngineSettings;
pub use update::Update;
pub use view_column::ViewColumn;
