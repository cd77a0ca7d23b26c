//! Which days are kept, in which zone, and what is done about rows that do not fit?

use std::sync::Arc;

use crate::model::{FixedZone, Zone};

/// What is done about usage from before the days that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TooOld {
    /// Such a row is at fault.
    Refuse,
    /// Such a row is counted in [`UsageReport::too_old`](super::UsageReport::too_old) and
    /// [`Usage::dropped_events`](super::Usage::dropped_events), and in nothing else.
    Count,
}

/// What is done about a batch with rows at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Faulty {
    /// Nothing of the batch is counted.
    RefuseBatch,
    /// The other rows are counted; the report names those that are not.
    LeaveOut,
}

/// How usage is kept.
///
/// ```
/// use perennial::aggregate::{Faulty, TooOld, UsageSettings};
/// use perennial::FixedZone;
///
/// let settings = UsageSettings::new()
///     .zone(FixedZone::east("CET", 60))
///     .keep_days(730)
///     .ids_for_days(7)
///     .too_old(TooOld::Refuse)
///     .faulty(Faulty::RefuseBatch);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct UsageSettings {
    pub(super) zone: Arc<dyn Zone>,
    pub(super) keep_days: Option<u32>,
    pub(super) ids_for_days: u32,
    pub(super) ahead_days: u32,
    pub(super) too_old: TooOld,
    pub(super) faulty: Faulty,
}

impl Default for UsageSettings {
    fn default() -> Self {
        Self::new()
    }
}

impl UsageSettings {
    /// Days in UTC, all of them kept; ids of events remembered for 30 days; events up to one day ahead taken; rows at
    /// fault left out and reported.
    pub fn new() -> Self {
        Self {
            zone: Arc::new(FixedZone::utc()),
            keep_days: None,
            ids_for_days: 30,
            ahead_days: 1,
            too_old: TooOld::Count,
            faulty: Faulty::LeaveOut,
        }
    }

    /// The zone in which an instant becomes a civil day. It cannot change later: days that were added up cannot be
    /// taken apart.
    pub fn zone(mut self, zone: impl Zone + 'static) -> Self {
        self.zone = Arc::new(zone);
        self
    }

    /// How many days are kept, today among them. Older ones are dropped when a batch comes in, and counted.
    pub const fn keep_days(mut self, days: u32) -> Self {
        self.keep_days = Some(days);
        self
    }

    /// For how many days the id of an event is remembered, counted back from today by the day of the event; of one that comes
    /// in later than that, by the day on which it came in.
    pub const fn ids_for_days(mut self, days: u32) -> Self {
        self.ids_for_days = days;
        self
    }

    /// How many days ahead of today an event may be, for clocks that are fast. What is taken counts from its day on.
    pub const fn ahead_days(mut self, days: u32) -> Self {
        self.ahead_days = days;
        self
    }

    /// What is done about usage from before the days that are kept.
    pub const fn too_old(mut self, what: TooOld) -> Self {
        self.too_old = what;
        self
    }

    /// What is done about a batch with rows at fault.
    pub const fn faulty(mut self, what: Faulty) -> Self {
        self.faulty = what;
        self
    }
}
