//! The handle that a service holds.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::branch::Branch;
use super::delta::Delta;
use super::error::EngineError;
use super::keys::{Content, Keys, KnownKey};
use super::next::{catalog, load};
use super::part::{PartReports, StateParts};
use super::published::{EngineStats, Parts, Published, State};
use super::settings::EngineSettings;
use super::spans;
use super::update::Update;
use crate::aggregate::{Event, UsageReport, UsageSettingsReport};
use crate::book::{Book, EvolveReport, LoadReport};
use crate::catalog::{Definition, DefinitionRef, RecordedDay};
use crate::model::Observer;
use crate::model::{AsOf, Schema, Timestamp};
use crate::source::{MemorySource, Source};

/// What an update did.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Applied {
    /// The version that it made; of an update that had been applied before, the version that it made then.
    pub version: u64,
    /// Had it been applied before, under its key? Then nothing was done.
    pub repeated: bool,
    /// The days that were closed, with what was recorded of them.
    pub closed: Vec<RecordedDay>,
    /// What became of the accounts, where the update changed the schema.
    pub schema: Option<EvolveReport>,
    /// What became of the rows of usage, where the update had some.
    pub usage: Option<UsageReport>,
    /// What became of the usage that was held, where the update said how it is kept.
    pub usage_settings: Option<UsageSettingsReport>,
    /// What is different.
    pub delta: Delta,
}

/// A book, definitions over it and what they come to, kept current: one writer at a time, any number of readers.
///
/// Readers take the current [`Published`] state, which never changes; a lock is held to clone an `Arc`, and for nothing
/// else. Writers wait for each other. `Send + Sync`; it starts no threads, but for the pool of feature `rayon`: a writer must not be called from a
/// task of that pool, which may be handed another writer's task while it waits.
///
/// ```
/// use perennial::aggregate::{Operator, RollUp};
/// use perennial::engine::{Engine, EngineSettings};
/// use perennial::segment::Segment;
/// use perennial::source::MemorySource;
/// use perennial::{AccountId, AccountRow, AsOf, Attribute, AttributeType, Change, Date, Nesting, Schema, Scope};
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .build()?;
/// let (acme, eu) = (AccountId::new("acme")?, AccountId::new("acme-eu")?);
/// let source = MemorySource::new()
///     .account(AccountRow::new(acme.clone(), "Company").with("seats", 30_i64))
///     .account(AccountRow::new(eu.clone(), "Company").under(acme).with("seats", 12_i64));
///
/// let today = AsOf::date_utc(Date::new(2026, 1, 31)?);
/// let engine = Engine::new(schema, today, EngineSettings::new())?;
/// engine.load(&source)?;
/// let seats = RollUp::new("all_seats", Operator::Sum("seats".into()));
/// engine.define([seats.into(), Segment::parse("large", "all_seats >= 50")?.into()])?;
///
/// let applied = engine.apply(Change::new().set(&eu, "seats", 25_i64))?;
/// let view = engine.published().view(&Scope::all())?;
/// let acme = view.account("acme").ok_or("not there")?;
/// assert_eq!(view.value("all_seats", acme).ok_or("missing")?.to_string(), "55");
/// assert!(view.is_member("large", acme));
///
/// let report = applied.delta.report(&Scope::all())?;
/// assert!(report.segments[0].entered.contains_key(&acme.id()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # In an async service
///
/// Reading never waits, so that handlers call [`Engine::published`] directly. Writing computes for microseconds to
/// milliseconds, a load for longer: give the writer a task of its own, which takes updates from a channel and runs each on
/// the runtime's pool for blocking work, and answer each sender with what [`Engine::apply`] said:
///
/// ```no_run
/// # use perennial::engine::{Applied, Engine, EngineError, Update};
/// # use std::sync::{Arc, mpsc};
/// type Job = (Update, mpsc::Sender<Result<Applied, EngineError>>);
///
/// // With tokio: `spawn_blocking(move || writer(&engine, jobs))`, a `tokio::sync::mpsc` read by `blocking_recv`, and
/// // `oneshot` senders for the answers.
/// fn writer(engine: &Engine, jobs: mpsc::Receiver<Job>) {
///     for (update, answer) in jobs {
///         let done = engine.apply(update);
///         let _ = answer.send(done);
///     }
/// }
/// ```
pub struct Engine {
    current: RwLock<Published>,
    writer: Mutex<Writer>,
    pub(super) settings: Arc<EngineSettings>,
}

/// What only the writer needs.
pub(super) struct Writer {
    /// The latest states, the current one at the end.
    states: VecDeque<Published>,
    keys: Keys,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("current", &self.published()).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine over an empty book, without definitions.
    ///
    /// # Errors
    ///
    /// None that a schema can cause; the type is that of [`Engine::load`].
    pub fn new(
        schema: impl Into<Arc<Schema>>,
        as_of: AsOf,
        settings: EngineSettings,
    ) -> Result<Self, EngineError> {
        let settings = Arc::new(settings);
        let schema: Arc<Schema> = schema.into();
        let (book, _) = load(&schema, &MemorySource::new(), &settings)?;
        let catalog = catalog(&schema, settings.usage.as_ref(), &settings, Vec::new())?;
        let subscribed = Arc::default();
        let as_of = as_of.without_parameters();
        let beside = settings.first_parts();
        let parts = Parts { book, beside, catalog, as_of, subscribed };
        let first = Published(Arc::new(State::first(parts, 0, &settings, &())?));
        let engine = Self::of(first, settings, Vec::new());
        #[cfg(feature = "snapshot")]
        engine.begin_journal(super::journal::Before::default())?;
        Ok(engine)
    }

    /// An engine that begins with a state, of which its journal does not know yet.
    pub(super) fn of(first: Published, settings: Arc<EngineSettings>, known: Vec<KnownKey>) -> Self {
        let mut keys = Keys::default();
        known.into_iter().for_each(|key| keys.remember(key, settings.keys));
        let writer = Writer { states: VecDeque::from([first.clone()]), keys };
        Self { current: RwLock::new(first), writer: Mutex::new(writer), settings }
    }

    /// The current state.
    #[must_use]
    pub fn published(&self) -> Published {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, writer: &mut Writer, state: State) -> Delta {
        self.publish_state(writer, &Published(Arc::new(state)))
    }

    fn publish_state(&self, writer: &mut Writer, next: &Published) -> Delta {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *current, next.clone());
        drop(current);
        writer.states.push_back(next.clone());
        while writer.states.len() > self.settings.history {
            writer.states.pop_front();
        }
        Delta::between(&before, next)
    }

    /// Loads everything from a source, in the place of what is there; definitions, usage and the moment stay.
    ///
    /// # Errors
    ///
    /// [`EngineError::Load`]; the old book stays then.
    ///
    /// # Complexity
    ///
    /// That of [`Book::load`] and of every subscribed definition for every account.
    pub fn load(&self, source: &dyn Source) -> Result<LoadReport, EngineError> {
        self.load_observed(source, &())
    }

    /// The same, with an observer that sees how far it is, and may stop it.
    ///
    /// # Errors
    ///
    /// As [`Engine::load`], and [`EngineError::Cancelled`].
    pub fn load_observed(
        &self,
        source: &dyn Source,
        observer: &dyn Observer,
    ) -> Result<LoadReport, EngineError> {
        let mut writer = self.writer();
        let now = self.published();
        let _span = spans::enter("load", now.version());
        let (book, report) = load(now.0.book.schema(), source, &self.settings)?;
        let state = now.0.next(Parts { book, ..now.0.parts() }, observer)?;
        self.keep_state(&writer, &state)?;
        self.publish(&mut writer, state);
        Ok(report)
    }

    /// Takes over a book that was built elsewhere: pushed into a [`BookBuilder`](crate::BookBuilder), or restored from a
    /// snapshot. Its schema must be that of the engine.
    ///
    /// # Errors
    ///
    /// [`EngineError::Schema`] where it is not; the old book stays then.
    pub fn replace(&self, book: Book) -> Result<Delta, EngineError> {
        let mut writer = self.writer();
        let now = self.published();
        if **book.schema() != **now.0.book.schema() {
            return Err(EngineError::Schema);
        }
        // An equal schema is the very one of the engine.
        let book = book.under(now.0.book.schema());
        let state = now.0.next(Parts { book, ..now.0.parts() }, &())?;
        self.keep_state(&writer, &state)?;
        Ok(self.publish(&mut writer, state))
    }

    /// Applies an update, all of it or nothing, and publishes the state after it.
    ///
    /// # Errors
    ///
    /// What is wrong with the change or the definitions, a version that is not the expected one. Nothing is published then.
    ///
    /// # Complexity
    ///
    /// Of a change of the schema that of [`Book::evolve`] and of the definitions that are compiled: where attributes, tables or columns are
    /// only added, nothing is recomputed that does not read them; else all that is kept current is, for every account. Of the rest
    /// that of [`Book::apply`], and of what reads what was changed: for each definition that does, the accounts whose
    /// answer may differ. Where accounts come, go or move, besides the rows of the chunks that are packed anew, for each
    /// definition that is kept current; and the trees that they leave and enter, for those that read other accounts of
    /// their tree in another way than a sum, count, mean, ratio, share, least or greatest of them, or that convert amounts: an amount
    /// without a rate hides a sum, so that the accounts above a change are gathered again.
    pub fn apply(&self, update: impl Into<Update>) -> Result<Applied, EngineError> {
        self.apply_observed(update, &())
    }

    /// The same, with an observer that sees how far it is, and may stop it.
    ///
    /// # Errors
    ///
    /// As [`Engine::apply`], and [`EngineError::Cancelled`].
    pub fn apply_observed(
        &self,
        update: impl Into<Update>,
        observer: &dyn Observer,
    ) -> Result<Applied, EngineError> {
        let update = update.into();
        let mut writer = self.writer();
        let now = self.published();
        let content = update.key.as_ref().map(|_| Content::of(&update));
        let asked = update.key.as_ref().zip(content);
        let known = asked.map(|(key, content)| writer.keys.version_of(key, content)).transpose()?;
        if let Some(version) = known.flatten() {
            let delta = Delta::between(&now, &now);
            let PartReports { usage, usage_settings, schema } = PartReports::default();
            let closed = Vec::new();
            return Ok(Applied { version, repeated: true, closed, schema, usage, usage_settings, delta });
        }
        let _span = spans::enter("apply", now.version());
        now.0.expected(&update)?;
        let imported = update.steps.records.len();
        let mut update = now.0.closing(update, observer)?;
        let (state, reports) = now.0.updated(&update, observer)?;
        let version = state.version;
        self.keep_update(version, &update, content)?;
        let delta = self.publish(&mut writer, state);
        if let Some(key) = update.key.take() {
            writer.keys.remember(KnownKey { key, version, content }, self.settings.keys);
        }
        let closed = update.steps.records.split_off(imported);
        let PartReports { usage, usage_settings, schema } = reports;
        Ok(Applied { version, repeated: false, closed, schema, usage, usage_settings, delta })
    }

    /// Takes over a branch: its state becomes the current one.
    ///
    /// # Errors
    ///
    /// [`EngineError::Version`] when something was published since the branch was made; nothing is taken over then.
    pub fn take_over(&self, branch: &Branch) -> Result<Delta, EngineError> {
        let mut writer = self.writer();
        let now = self.published();
        if !Arc::ptr_eq(&now.0, &branch.base.0) {
            return Err(EngineError::Version { expected: branch.base.version(), found: now.version() });
        }
        let first = branch.base.version().saturating_add(1);
        self.keep_branch(first, &branch.updates)?;
        Ok(self.publish_state(&mut writer, &branch.now))
    }

    /// Adds definitions, or puts them in the place of those of their kind and name, and keeps them current from now on.
    ///
    /// # Errors
    ///
    /// [`EngineError::Catalog`] with everything that is wrong; the old definitions stay then.
    ///
    /// # Complexity
    ///
    /// That of [`Catalog::edited`](crate::catalog::Catalog::edited), and of every definition that is put in, or reads one that
    /// is, for every account. All others keep their answers; with ten thousand of them, that takes some tens of milliseconds.
    pub fn define(&self, definitions: impl IntoIterator<Item = Definition>) -> Result<Delta, EngineError> {
        let mut update = Update::new();
        for definition in definitions {
            let id = DefinitionRef { kind: definition.kind(), name: Arc::from(definition.name()) };
            update = update.define(definition).subscribe(id);
        }
        Ok(self.apply(update)?.delta)
    }

    /// Goes on to another moment: only definitions that read dates are recomputed. Where columns are recorded ([`Recorded`](crate::catalog::Recorded))
    /// and the day is over, it is closed first: each of these columns is evaluated for every account, at the last instant of the day.
    ///
    /// # Errors
    ///
    /// None but those of every update.
    pub fn advance(&self, as_of: AsOf) -> Result<Delta, EngineError> {
        Ok(self.apply(Update::new().moment(as_of))?.delta)
    }

    /// Takes in rows of usage.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoUsage`] in an engine without usage, and [`EngineError::Usage`] where its settings refuse faults.
    pub fn ingest<'a>(
        &self,
        events: impl IntoIterator<Item = Event<'a>>,
    ) -> Result<(UsageReport, Delta), EngineError> {
        let mut writer = self.writer();
        let now = self.published();
        let _span = spans::enter("ingest", now.version());
        let mut usage = now.0.beside.usage.clone().ok_or(EngineError::NoUsage)?;
        let events: Vec<Event<'a>> = events.into_iter().collect();
        let today = now.0.as_of.date();
        let report = usage.ingest(events.iter().cloned(), today)?;
        let beside = StateParts { usage: Some(usage), ..now.0.beside.clone() };
        let state = now.0.next(Parts { beside, ..now.0.parts() }, &())?;
        self.keep_events(&events, today, state.version)?;
        Ok((report, self.publish(&mut writer, state)))
    }

    /// The states that are remembered, the current one at the end: every question can be asked of each.
    #[must_use]
    pub fn states(&self) -> Vec<Published> {
        self.writer().states.iter().cloned().collect()
    }

    /// The latest of the states that are remembered whose moment is not after an instant: what was known then.
    #[must_use]
    pub fn state_at(&self, instant: Timestamp) -> Option<Published> {
        self.writer().states.iter().rev().find(|state| state.as_of().instant() <= instant).cloned()
    }

    /// The state of a version, while it is remembered.
    #[must_use]
    pub fn state(&self, version: u64) -> Option<Published> {
        self.writer().states.iter().find(|state| state.version() == version).cloned()
    }

    /// What is held for the current state.
    #[must_use]
    pub fn stats(&self) -> EngineStats {
        self.published().stats()
    }
}

#[cfg(feature = "snapshot")]
impl Writer {
    /// The idempotency keys that are remembered, the oldest first.
    pub(super) fn known_keys(&self) -> Vec<KnownKey> {
        self.keys.to_list()
    }
}
