//! How does an engine work?

use std::sync::Arc;

#[cfg(feature = "snapshot")]
use super::error::EngineError;
#[cfg(feature = "snapshot")]
use super::journal::JournalSink;
use super::part::StateParts;
use crate::aggregate::Usage;
#[cfg(feature = "snapshot")]
use crate::aggregate::UsageSettingsError;
use crate::catalog::Records;
#[cfg(feature = "snapshot")]
use crate::catalog::{CustomKinds, Definition, DefinitionRef};
use crate::expr::ExprLimits;
use crate::facts::Facts;
use crate::fold::ExchangeRates;
use crate::model::{FixedZones, Zone, Zones};
use crate::tree::Policy;

/// Published states that are remembered unless settings say otherwise.
const HISTORY: usize = 16;
/// Bytes of derived columns, beside those that are subscribed, unless settings say otherwise.
const MEMORY: usize = 256 << 20;
/// Accounts from which on definitions are planned together.
const TOGETHER_FROM: usize = 2_048;
/// Idempotency keys that are remembered unless settings say otherwise.
const KEYS: usize = 10_000;

/// How an [`Engine`](super::Engine) works. All can be left as it is.
#[derive(Clone)]
#[must_use]
pub struct EngineSettings {
    pub(super) policy: Policy,
    pub(super) chunk_rows: Option<u32>,
    pub(super) usage: Option<Usage>,
    pub(super) history: usize,
    pub(super) memory: usize,
    pub(super) together_from: usize,
    pub(super) keys: usize,
    pub(super) zones: Arc<dyn Zones>,
    pub(super) limits: ExprLimits,
    #[cfg(feature = "snapshot")]
    pub(super) kinds: CustomKinds,
    #[cfg(feature = "snapshot")]
    pub(super) journal: Option<Arc<dyn JournalSink>>,
}

impl std::fmt::Debug for EngineSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineSettings")
            .field("policy", &self.policy)
            .field("history", &self.history)
            .field("memory", &self.memory)
            .field("together_from", &self.together_from)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            policy: Policy::strict(),
            chunk_rows: None,
            usage: None,
            history: HISTORY,
            memory: MEMORY,
            together_from: TOGETHER_FROM,
            keys: KEYS,
            zones: Arc::new(FixedZones),
            limits: ExprLimits::default(),
            #[cfg(feature = "snapshot")]
            kinds: CustomKinds::new(),
            #[cfg(feature = "snapshot")]
            journal: None,
        }
    }
}

impl EngineSettings {
    /// A strict policy, no usage, 16 published states, 256 MiB of columns beside those that are subscribed, 10,000
    /// idempotency keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is done about faults of loaded data.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Rows of a chunk of a book that the engine loads, as [`BookBuilder::chunk_rows`](crate::BookBuilder::chunk_rows) has it;
    /// a book that it is given ([`Engine::replace`](super::Engine::replace)) keeps its own. A move costs the rows of the
    /// chunks that are left and entered: with 1,024 instead of 4,096 it is two to four times as fast, and batches of changes
    /// and questions of the whole book take up to half as long again.
    pub const fn chunk_rows(mut self, rows: u32) -> Self {
        self.chunk_rows = Some(rows);
        self
    }

    /// Usage beside the book, with which an engine begins: its kinds of event, how it is kept, and what is known already.
    ///
    /// All of that is part of the state from then on: kinds of event change by [`Update::schema`](super::Update::schema), how usage is kept by
    /// [`Update::usage_settings`](super::Update::usage_settings), and an engine that is restored has those of its journal, whatever is given here. Of
    /// a journal from before formats had them they are taken from here.
    pub fn usage(mut self, usage: Usage) -> Self {
        self.usage = Some(usage);
        self
    }

    /// How many published states are remembered, the current one among them; at least that one is. A state shares all that
    /// did not change with the next.
    pub fn remember(mut self, states: usize) -> Self {
        self.history = states.max(1);
        self
    }

    /// How many bytes of derived columns are held beside those that are subscribed: what was asked of other definitions, of
    /// scopes, and of other moments. The least recently asked are dropped first, and worked out again when they are asked
    /// again. Of scopes and moments at most [`MAX_VIEWS`](super::MAX_VIEWS) are held for each state, whatever they take.
    pub const fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// From how many accounts on definitions that are computed for everyone are planned together, so that what several of them ask
    /// is asked once: 2,048 unless something else is said. To plan one more takes about 25 us, and saves about 12 ns an account.
    /// The answers are the same either way.
    pub const fn together_from(mut self, accounts: usize) -> Self {
        self.together_from = accounts;
        self
    }

    /// How many idempotency keys are remembered, the latest.
    pub const fn keys(mut self, keys: usize) -> Self {
        self.keys = keys;
        self
    }

    /// Zones that expressions may name.
    pub fn zones(mut self, zones: impl Zones + 'static) -> Self {
        self.zones = Arc::new(zones);
        self
    }

    /// Limits of expressions.
    pub fn limits(mut self, limits: ExprLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Kinds of definitions of the host's own, which the definitions of a journal are read with. An engine with a journal takes no
    /// definitions of other kinds, which it could not restore. Feature `snapshot`.
    #[cfg(feature = "snapshot")]
    pub fn kinds(mut self, kinds: CustomKinds) -> Self {
        self.kinds = kinds;
        self
    }

    /// Where a record of everything that is applied is kept. Feature `snapshot`.
    #[cfg(feature = "snapshot")]
    pub fn journal(mut self, sink: impl JournalSink + 'static) -> Self {
        self.journal = Some(Arc::new(sink));
        self
    }

    /// The zone of a name: that of the usage that the host gave, which is meant for usage, of its zones, or a fixed one.
    pub(super) fn zone_of_usage(&self, name: &str) -> Option<Arc<dyn Zone>> {
        let given = || {
            self.usage.as_ref().map(|usage| usage.settings().zone_held()).filter(|zone| zone.name() == name)
        };
        given().or_else(|| self.zones.zone(name)).or_else(|| FixedZones.zone(name))
    }

    /// The parts of a state that nothing was applied to yet.
    pub(super) fn first_parts(&self) -> StateParts {
        let (records, rates, facts) = (Records::new(), ExchangeRates::new(), Facts::new());
        StateParts { usage: self.usage.clone(), rates, records, facts }
    }

    /// Could definitions be read again from the journal, if there is one?
    #[cfg(feature = "snapshot")]
    pub(super) fn can_be_restored(&self, definitions: &[Definition]) -> Result<(), EngineError> {
        match self.not_restorable(definitions).next() {
            Some((definition, version)) => Err(EngineError::UnknownKind { definition, version }),
            None => Ok(()),
        }
    }

    /// The definitions that could not be read again from the journal, if there is one, with the versions of their kinds.
    #[cfg(feature = "snapshot")]
    pub(super) fn not_restorable(
        &self,
        definitions: &[Definition],
    ) -> impl Iterator<Item = (DefinitionRef, u64)> {
        let of_host = definitions.iter().filter_map(|definition| match definition {
            Definition::Custom(of) => Some((definition, of)),
            _ => None,
        });
        let unknown = of_host.filter(|(_, of)| self.journal.is_some() && !self.kinds.holds(of));
        unknown.map(|(definition, of)| (definition.id(), of.kind().version()))
    }

    /// Could usage of a zone be restored from the journal, if there is one?
    #[cfg(feature = "snapshot")]
    pub(super) fn zone_is_known(&self, zone: &str, now: Option<&Usage>) -> Result<(), UsageSettingsError> {
        let is_new = now.is_none_or(|usage| usage.settings().zone_name() != zone);
        if is_new && self.journal.is_some() && self.zone_of_usage(zone).is_none() {
            return Err(UsageSettingsError::UnknownZone { zone: zone.to_owned() });
        }
        Ok(())
    }

    #[cfg(feature = "snapshot")]
    pub(super) fn without_journal(mut self) -> Self {
        self.journal = None;
        self
    }
}
