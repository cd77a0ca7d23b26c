//! What would it come to if?

use std::sync::Arc;

use super::delta::Delta;
use super::error::EngineError;
use super::published::Published;
use super::update::Update;
use crate::model::Observer;

/// A state that nobody else sees, with updates of its own: data, definitions, subscriptions, another moment. It is asked as
/// the original is, compared with it, and then dropped, or taken over by [`Engine::take_over`](super::Engine::take_over).
///
/// It shares with the original all that it does not change.
///
/// ```
/// use perennial::aggregate::{Operator, RollUp};
/// use perennial::catalog::{DefinitionKind, DefinitionRef};
/// use perennial::engine::{Engine, EngineSettings, Update};
/// use perennial::segment::Segment;
/// use perennial::source::MemorySource;
/// use perennial::{AccountId, AccountRow, AsOf, Attribute, AttributeType, Change, Date, Nesting, Schema, Scope};
///
/// # let schema = Schema::builder()
/// #     .account_type("Company", Nesting::Free)
/// #     .attribute(Attribute::new("seats", AttributeType::Int))
/// #     .build()?;
/// let acme = AccountId::new("acme")?;
/// let source = MemorySource::new().account(AccountRow::new(acme.clone(), "Company").with("seats", 30_i64));
/// let engine = Engine::new(schema, AsOf::date_utc(Date::new(2026, 1, 31)?), EngineSettings::new())?;
/// engine.load(&source)?;
/// let seats = RollUp::new("all_seats", Operator::Sum("seats".into()));
/// engine.define([seats.into(), Segment::parse("large", "all_seats >= 50")?.into()])?;
///
/// // What if the bar were lower, and Acme grew?
/// let mut branch = engine.published().branch();
/// branch.apply(Update::from(Change::new().set(&acme, "seats", 42_i64)).define(Segment::parse("large", "all_seats >= 40")?))?;
/// let what_if = branch.difference();
/// assert!(what_if.report(&Scope::all())?.segments[0].entered.contains_key(&acme));
/// let seats = DefinitionRef::roll_up("all_seats");
/// let (before, after) = what_if.totals(&seats, &Scope::all())?;
/// assert_eq!((before.ok_or("none")?.to_string(), after.ok_or("none")?.to_string()), ("30".into(), "42".into()));
///
/// engine.take_over(&branch)?;
/// assert_eq!(engine.published().version(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Branch {
    pub(super) base: Published,
    pub(super) now: Published,
    /// What was applied, for a journal.
    pub(super) updates: Vec<Update>,
}

impl Published {
    /// A branch of this state.
    #[must_use]
    pub fn branch(&self) -> Branch {
        Branch { base: self.clone(), now: self.clone(), updates: Vec::new() }
    }
}

impl Branch {
    /// The state that it came from.
    #[must_use]
    pub const fn base(&self) -> &Published {
        &self.base
    }

    /// Its state now. Its version counts on from that of the original.
    #[must_use]
    pub const fn published(&self) -> &Published {
        &self.now
    }

    /// Applies an update to the branch, all of it or nothing. Idempotency keys mean nothing here.
    ///
    /// # Errors
    ///
    /// As [`Engine::apply`](super::Engine::apply).
    pub fn apply(&mut self, update: impl Into<Update>) -> Result<Delta, EngineError> {
        self.apply_observed(update, &())
    }

    /// The same, with an observer that sees how far it is, and may stop it.
    ///
    /// # Errors
    ///
    /// As [`Branch::apply`], and [`EngineError::Cancelled`].
    pub fn apply_observed(
        &mut self,
        update: impl Into<Update>,
        observer: &dyn Observer,
    ) -> Result<Delta, EngineError> {
        let update = Update { key: None, ..update.into() };
        self.now.0.expected(&update)?;
        let update = self.now.0.closing(update, observer)?;
        let (state, _) = self.now.0.updated(&update, observer)?;
        let next = Published(Arc::new(state));
        let before = std::mem::replace(&mut self.now, next);
        self.updates.push(update);
        Ok(Delta::between(&before, &self.now))
    }

    /// What differs from the original.
    #[must_use]
    pub fn difference(&self) -> Delta {
        Delta::between(&self.base, &self.now)
    }
}
