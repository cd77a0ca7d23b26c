//! What happens to stored usage when its settings change?
//!
//! Ruling S136 of [`docs::semantics`](crate::docs::semantics).

use serde::Serialize;
use thiserror::Error;

use super::{Usage, UsageSettings};
use crate::model::Date;

/// What other settings did to the usage that was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UsageSettingsReport {
    /// How usage was kept; `None` where there was none.
    pub from: Option<UsageSettings>,
    /// How it is kept.
    pub to: UsageSettings,
    /// Events of days that are not kept any more, and were dropped.
    pub dropped_events: u64,
    /// Ids of events that are not remembered any more: an event that is sent again with one of them is counted again, and
    /// told in [`UsageReport::late`](super::UsageReport::late).
    pub forgotten_ids: usize,
}

impl UsageSettingsReport {
    /// That of usage that begins.
    pub(crate) fn begun(usage: &Usage) -> Self {
        Self { from: None, to: usage.settings.clone(), dropped_events: 0, forgotten_ids: 0 }
    }
}

/// Why usage cannot be kept in another way.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UsageSettingsError {
    /// Days were counted in another zone.
    #[error(
        "usage is counted by the days of zone `{from}`, and {buckets} counts of accounts by day and {ids} ids of events are held, which cannot be \
         counted again by those of `{to}`: keep the zone, or begin an engine with it and send the events again"
    )]
    Zone {
        /// The zone of the days.
        from: String,
        /// The zone of the settings.
        to: String,
        /// Buckets that are held ([`Usage::buckets`]).
        buckets: usize,
        /// Ids of events that are remembered ([`Usage::remembered_ids`]).
        ids: usize,
    },
    /// The host did not give the zone to the engine.
    #[error(
        "zone `{zone}` is not known, so that no journal could be restored with it: give it with `EngineSettings::zones`"
    )]
    UnknownZone {
        /// The zone.
        zone: String,
    },
}

impl Usage {
    /// Changes the settings; `today` is the day from which retention is counted.
    ///
    /// * **Fewer days kept**: older days are dropped at once, and counted in the report. **More**: from now on; dropped days do not come back.
    /// * **Ids kept for fewer days**: older ids are forgotten at once, and counted in the report. **For more**: from now on.
    /// * **Another zone**: refused while any bucket or id is held. A bucket holds the total of a day and no instants, so that it cannot be
    ///   counted again by the days of another zone, and an id is recognised together with the day of its event.
    /// * Days ahead, and what is done about faulty rows: from the next batch on.
    ///
    /// Equal settings change nothing.
    ///
    /// ```
    /// use perennial::aggregate::{Event, EventKind, Usage, UsageSchema, UsageSettings};
    /// use perennial::{Date, FixedZone};
    ///
    /// let today = Date::new(2026, 1, 31)?;
    /// let mut usage = Usage::new(UsageSchema::new([EventKind::new("login")])?, UsageSettings::new());
    /// usage.ingest([Event::on("login", "acme", Date::new(2026, 1, 1)?), Event::on("login", "acme", today)], today)?;
    /// let report = usage.set_settings(UsageSettings::new().keep_days(10), today)?;
    /// assert_eq!((report.dropped_events, usage.buckets()), (1, 1));
    /// assert!(usage.set_settings(UsageSettings::new().zone(FixedZone::east("CET", 60)), today).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`UsageSettingsError`]; nothing has changed then.
    ///
    /// # Complexity
    ///
    /// Linear in the buckets and ids that are dropped; if the zone changes, in all of them.
    pub fn set_settings(
        &mut self,
        mut settings: UsageSettings,
        today: Date,
    ) -> Result<UsageSettingsReport, UsageSettingsError> {
        let from = Some(self.settings.clone());
        let mut report =
            UsageSettingsReport { from, to: settings.clone(), dropped_events: 0, forgotten_ids: 0 };
        if settings == self.settings {
            return Ok(report);
        }
        if settings.zone.name() != self.settings.zone.name() {
            let (buckets, ids) = (self.buckets(), self.remembered_ids());
            if buckets > 0 || ids > 0 {
                let (from, to) = (self.settings.zone.name().to_owned(), settings.zone.name().to_owned());
                return Err(UsageSettingsError::Zone { from, to, buckets, ids });
            }
        }
        let (events, ids) = (self.dropped_events, self.remembered_ids());
        // If two zones have the same name, the stored one is kept.
        if settings.zone.name() == self.settings.zone.name() {
            settings.zone.clone_from(&self.settings.zone);
        }
        self.settings = settings;
        self.keep_from(self.taken(today).first, today);
        report.dropped_events = self.dropped_events.saturating_sub(events);
        report.forgotten_ids = ids.saturating_sub(self.remembered_ids());
        Ok(report)
    }
}
