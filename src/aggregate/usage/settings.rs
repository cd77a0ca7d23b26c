//! Which days are kept, in which zone, and what is done about rows that do not fit?

use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::model::{Faults, Fields, FixedZone, JsonFault, JsonFaultKind, Place, Zone};

/// What is done about usage from before the days that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename = "rule for events that are too old", rename_all = "snake_case")]
pub enum TooOld {
    /// Such a row is at fault.
    Refuse,
    /// Such a row is counted in [`UsageReport::too_old`](super::UsageReport::too_old) and
    /// [`Usage::dropped_events`](super::Usage::dropped_events), and in nothing else.
    Count,
}

/// What is done about a batch with rows at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename = "rule for batches with rows at fault", rename_all = "snake_case")]
pub enum Faulty {
    /// Nothing of the batch is counted.
    RefuseBatch,
    /// The other rows are counted; the report names those that are not.
    LeaveOut,
}

/// How usage is kept.
///
/// Two are equal where they say the same, with zones of the same name. Serialised, as in a
/// [`Manifest`](crate::catalog::Manifest), they name the zone: `{"zone":"CET","keep_days":730,"ids_for_days":7,"ahead_days":1,"too_old":"refuse",
/// "faulty":"refuse_batch"}`.
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
/// assert_eq!((settings.zone_name(), settings.kept_days()), ("CET", Some(730)));
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

impl PartialEq for UsageSettings {
    fn eq(&self, other: &Self) -> bool {
        self.written() == other.written()
    }
}

impl Eq for UsageSettings {}

impl Serialize for UsageSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written().serialize(serializer)
    }
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

    /// The zone in which an instant becomes a civil day. It cannot change while usage is held
    /// ([`Usage::set_settings`](super::Usage::set_settings)): days that were added up cannot be taken apart.
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

    /// The name of the zone.
    #[must_use]
    pub fn zone_name(&self) -> &str {
        self.zone.name()
    }

    /// How many days are kept; `None` while all are.
    #[must_use]
    pub const fn kept_days(&self) -> Option<u32> {
        self.keep_days
    }

    /// For how many days the id of an event is remembered.
    #[must_use]
    pub const fn days_of_ids(&self) -> u32 {
        self.ids_for_days
    }

    /// The zone.
    pub(crate) fn zone_held(&self) -> Arc<dyn Zone> {
        self.zone.clone()
    }

    /// As it is written, its zone by name.
    pub(crate) fn written(&self) -> WrittenSettings {
        WrittenSettings {
            zone: Arc::from(self.zone.name()),
            keep_days: self.keep_days,
            ids_for_days: self.ids_for_days,
            ahead_days: self.ahead_days,
            too_old: self.too_old,
            faulty: self.faulty,
        }
    }
}

/// Settings as they are written, their zone by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenSettings {
    pub(crate) zone: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep_days: Option<u32>,
    ids_for_days: u32,
    ahead_days: u32,
    too_old: TooOld,
    faulty: Faulty,
}

impl WrittenSettings {
    /// The settings, in their zone.
    pub(crate) fn in_zone(&self, zone: Arc<dyn Zone>) -> UsageSettings {
        let Self { zone: _, keep_days, ids_for_days, ahead_days, too_old, faulty } = *self;
        UsageSettings { zone, keep_days, ids_for_days, ahead_days, too_old, faulty }
    }

    /// The names and values of the fields, for people.
    pub(crate) fn fields(&self) -> [(&'static str, String); 6] {
        let word = |json: Result<serde_json::Value, _>| match json {
            Ok(serde_json::Value::String(word)) => word,
            _ => String::new(),
        };
        [
            ("zone", self.zone.to_string()),
            ("keep_days", self.keep_days.map_or_else(|| "all".to_owned(), |days| days.to_string())),
            ("ids_for_days", self.ids_for_days.to_string()),
            ("ahead_days", self.ahead_days.to_string()),
            ("too_old", word(serde_json::to_value(self.too_old))),
            ("faulty", word(serde_json::to_value(self.faulty))),
        ]
    }
}

impl UsageSettings {
    /// Reads settings of a document; what it leaves out is as [`UsageSettings::new`] has it.
    pub(crate) fn read(
        json: &serde_json::Value,
        place: Place<'_>,
        zones: &dyn Fn(&str) -> Option<Arc<dyn Zone>>,
        faults: &mut Faults<JsonFault>,
    ) -> Option<Self> {
        let known = ["zone", "keep_days", "ids_for_days", "ahead_days", "too_old", "faulty"];
        let fields = Fields::open(json, place, &known, faults)?;
        let mut settings = Self::new();
        if let Some(name) = fields.text("zone", faults) {
            match zones(name) {
                Some(zone) => settings.zone = zone,
                None => faults.refuse(&fields.at("zone"), || JsonFaultKind::Other {
                    message: format!("unknown zone `{name}`; a zone is one of those that the host gave, `UTC`, or an offset such as `+02:00`"),
                }),
            }
        }
        let mut days = |field: &'static str| {
            let days = fields.whole_number(field, faults)?;
            let found = u32::try_from(days).ok();
            if found.is_none() {
                faults.refuse(&fields.at(field), || JsonFaultKind::WrongType {
                    expected: format!("a whole number from 0 to {}", u32::MAX),
                    found: days.to_string(),
                });
            }
            found
        };
        settings.keep_days = days("keep_days");
        settings.ids_for_days = days("ids_for_days").unwrap_or(settings.ids_for_days);
        settings.ahead_days = days("ahead_days").unwrap_or(settings.ahead_days);
        let too_old = [("refuse", TooOld::Refuse), ("count", TooOld::Count)];
        let faulty = [("refuse_batch", Faulty::RefuseBatch), ("leave_out", Faulty::LeaveOut)];
        let what = "rule for events that are too old";
        settings.too_old = fields.word("too_old", what, &too_old, faults).unwrap_or(settings.too_old);
        let what = "rule for batches with rows at fault";
        settings.faulty = fields.word("faulty", what, &faulty, faults).unwrap_or(settings.faulty);
        Some(settings)
    }
}
