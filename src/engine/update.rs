//! What does a host want to be different, all at once?

use std::sync::Arc;

use super::part::{ChosenSettings, Steps, UsageStep};
use crate::aggregate::{Event, OwnedEvent, UsageSettings};
use crate::book::Change;
use crate::catalog::{Definition, DefinitionRef, RecordedDay};
use crate::facts::FactStep;
use crate::fold::ExchangeRate;
use crate::model::{AsOf, Date, SchemaChange};

/// What [`Engine::apply`](super::Engine::apply) takes: a change of the schema, of data, of definitions, of subscriptions, of the moment, of
/// rates, of recorded days, of facts, of usage and of how it is kept, published as one. A [`Change`] alone is one.
///
/// ```
/// use perennial::engine::Update;
/// use perennial::{AccountId, AsOf, Change, Date};
///
/// let acme = AccountId::new("acme")?;
/// let update = Update::from(Change::new().set(&acme, "seats", 12_i64))
///     .moment(AsOf::date_utc(Date::new(2026, 2, 1)?))
///     .expecting(41)
///     .once("crm-event-7731");
/// # let _ = update;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Update {
    pub(super) schema: Option<SchemaChange>,
    pub(super) change: Option<Change>,
    /// Definitions that get other names, one after the other.
    pub(super) renamed: Vec<(DefinitionRef, Arc<str>)>,
    pub(super) defined: Vec<Definition>,
    pub(super) removed: Vec<DefinitionRef>,
    /// Are those that it defines all that there are afterwards?
    pub(super) exactly: bool,
    pub(super) subscribed: Vec<DefinitionRef>,
    pub(super) unsubscribed: Vec<DefinitionRef>,
    pub(super) moment: Option<AsOf>,
    pub(super) steps: Steps,
    pub(super) close_days: Vec<Date>,
    pub(super) expected: Option<u64>,
    pub(super) key: Option<Arc<str>>,
}

impl From<Change> for Update {
    fn from(change: Change) -> Self {
        Self { change: Some(change), ..Self::default() }
    }
}

impl Update {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A change of the schema and of the kinds of event, before everything else that the update says but its renames of definitions: its definitions and data are of the
    /// new schema, and its recorded days of the columns as they were. Definitions are judged first, then the accounts
    /// ([`Catalog::evolve`](crate::catalog::Catalog::evolve), [`Book::evolve`](crate::Book::evolve)); those that the update removes or
    /// replaces may read what goes.
    pub fn schema(mut self, change: SchemaChange) -> Self {
        self.schema = Some(match self.schema.take() {
            Some(before) => before.and(change),
            None => change,
        });
        self
    }

    /// A change of data.
    pub fn change(mut self, change: Change) -> Self {
        self.change = Some(change);
        self
    }

    /// Renames a definition; of a segment, its id. Everything that reads it is rewritten ([`Catalog::renamed`](crate::catalog::Catalog::renamed)), and
    /// its subscription and records follow. Recorded days in this update use the names from before it; renames are applied next, in order; the
    /// schema change and everything else use the new names. A [`Delta`](super::Delta) compares the definition with what it was by its old name.
    ///
    /// A parameter is given by its new name from then on.
    ///
    /// ```
    /// use perennial::catalog::{CalculatedAttribute, Catalog, DefinitionRef};
    /// use perennial::engine::{Engine, EngineSettings, Update};
    /// use perennial::segment::Segment;
    /// use perennial::{AsOf, Attribute, AttributeType, Date, Nesting, Schema};
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("seats", AttributeType::Int))
    ///     .build()?;
    /// let engine = Engine::new(schema, AsOf::date_utc(Date::new(2026, 1, 31)?), EngineSettings::new())?;
    /// let twice = CalculatedAttribute::new("twice", "seats * 2");
    /// engine.define([twice.into(), Segment::parse("large", "twice > 50")?.into()])?;
    ///
    /// let twice = DefinitionRef::attribute("twice");
    /// engine.apply(Update::new().rename(twice, "doubled"))?;
    /// let text = Catalog::document(engine.published().catalog().definitions()).to_string();
    /// assert!(text.contains("doubled > 50"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rename(mut self, definition: DefinitionRef, to: &str) -> Self {
        self.renamed.push((definition, Arc::from(to)));
        self
    }

    /// A definition: a new one, or in the place of the one of its kind and name.
    pub fn define(mut self, definition: impl Into<Definition>) -> Self {
        self.defined.push(definition.into());
        self
    }

    /// Replaces all definitions by these, in this order; definitions that are not listed are removed with their subscriptions. Replaces earlier
    /// [`Update::define`] calls of this update; a later one appends. [`Published::changes_to`](super::Published::changes_to) previews it.
    pub fn exactly(mut self, definitions: impl IntoIterator<Item = Definition>) -> Self {
        self.exactly = true;
        self.defined = definitions.into_iter().collect();
        self
    }

    /// A definition less. What reads it must go with it.
    pub fn remove(mut self, definition: DefinitionRef) -> Self {
        self.removed.push(definition);
        self
    }

    /// A definition that is kept current from now on.
    pub fn subscribe(mut self, definition: DefinitionRef) -> Self {
        self.subscribed.push(definition);
        self
    }

    /// A definition that is worked out when it is asked, from now on.
    pub fn unsubscribe(mut self, definition: DefinitionRef) -> Self {
        self.unsubscribed.push(definition);
        self
    }

    /// Another moment.
    pub fn moment(mut self, as_of: AsOf) -> Self {
        self.moment = Some(as_of);
        self
    }

    /// Days that are closed beside that of the state, which closes by itself when the moment passes its end: days that the moment jumps
    /// over, as what the state comes to at their last instants.
    pub fn close_days(mut self, days: impl IntoIterator<Item = Date>) -> Self {
        self.close_days.extend(days);
        self
    }

    /// Days that were recorded elsewhere ([`Published::import`](super::Published::import)): as they are, each column in the order of its days.
    pub fn records(mut self, days: impl IntoIterator<Item = RecordedDay>) -> Self {
        self.steps.records.extend(days);
        self
    }

    /// Rates of exchange: new ones, or in the place of those of their currencies and day, or removed.
    pub fn rates(mut self, rates: impl IntoIterator<Item = ExchangeRate>) -> Self {
        self.steps.rates.extend(rates);
        self
    }

    /// Facts of accounts and people: kinds that are declared, rows that are appended, and rows that end.
    pub fn facts(mut self, steps: impl IntoIterator<Item = FactStep>) -> Self {
        self.steps.facts.extend(steps);
        self
    }

    /// Rows of usage, as [`Engine::ingest`](super::Engine::ingest) takes them in: on the day of the state after the update.
    pub fn events<'a>(mut self, events: impl IntoIterator<Item = Event<'a>>) -> Self {
        let events = events.into_iter().map(|event| OwnedEvent::of(&event)).collect();
        self.steps.usage.push(UsageStep::Events(events));
        self
    }

    /// How usage is kept from now on, the rows of this update among it, whatever else is said of it before or after: the zone of its days, how
    /// many days and ids are kept, and what is done about rows that do not fit. In a state without usage it begins; its kinds of event come by
    /// [`Update::schema`]. What it means for what is held says [`Usage::set_settings`](crate::aggregate::Usage::set_settings), and what was lost
    /// [`Applied::usage_settings`](super::Applied::usage_settings).
    ///
    /// ```
    /// use perennial::aggregate::{Event, EventKind, UsageSettings};
    /// use perennial::engine::{Engine, EngineSettings, Update};
    /// use perennial::{AsOf, Date, Nesting, Schema, SchemaChange};
    ///
    /// let today = Date::new(2026, 1, 31)?;
    /// let schema = Schema::builder().account_type("Company", Nesting::Free).build()?;
    /// let engine = Engine::new(schema, AsOf::date_utc(today), EngineSettings::new())?;
    /// engine.apply(
    ///     Update::new()
    ///         .schema(SchemaChange::new().event(EventKind::new("login")))
    ///         .usage_settings(UsageSettings::new().keep_days(90))
    ///         .events([Event::on("login", "acme", today)]),
    /// )?;
    /// let usage = engine.published().usage().cloned().ok_or("none")?;
    /// assert_eq!((usage.settings().kept_days(), usage.buckets()), (Some(90), 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn usage_settings(mut self, settings: UsageSettings) -> Self {
        self.steps.usage.retain(|step| matches!(step, UsageStep::Events(_)));
        let step = UsageStep::Settings(Box::new(ChosenSettings::Given(settings)));
        self.steps.usage.insert(0, step);
        self
    }

    /// Only if this version is the current one: nothing was published in between.
    pub const fn expecting(mut self, version: u64) -> Self {
        self.expected = Some(version);
        self
    }

    /// Only once: the same update with the same key changes nothing when it comes again, and is answered with the version that the first one
    /// made ([`Applied::repeated`](super::Applied::repeated)). Another update with that key is refused
    /// ([`EngineError::OtherContent`](super::EngineError::OtherContent)), and so is an empty key. What is compared is what updates say, apart from the version that they
    /// expect; the order of the items of a change means nothing. Costs a pass over the update.
    ///
    /// ```
    /// use perennial::engine::{Engine, EngineError, EngineSettings, Update};
    /// use perennial::source::MemorySource;
    /// use perennial::{AccountId, AccountRow, AsOf, Attribute, AttributeType, Change, Date, Nesting, Schema};
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("seats", AttributeType::Int))
    ///     .build()?;
    /// let engine = Engine::new(schema, AsOf::date_utc(Date::new(2026, 1, 31)?), EngineSettings::new())?;
    /// let acme = AccountId::new("acme")?;
    /// engine.load(&MemorySource::new().account(AccountRow::new(acme.clone(), "Company")))?;
    /// let message = |seats: i64| Update::from(Change::new().set(&acme, "seats", seats)).once("crm-event-7731");
    ///
    /// let first = engine.apply(message(12))?;
    /// let again = engine.apply(message(12))?;
    /// assert!(again.repeated && again.version == first.version);
    /// let other = engine.apply(message(13)).unwrap_err();
    /// assert!(matches!(other, EngineError::OtherContent { version: 2, .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn once(mut self, key: &str) -> Self {
        self.key = Some(Arc::from(key));
        self
    }

    /// Does it change definitions?
    pub(super) fn defines(&self) -> bool {
        self.exactly || !(self.defined.is_empty() && self.removed.is_empty())
    }
}
