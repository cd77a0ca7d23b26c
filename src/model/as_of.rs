//! As of when is a question asked?
//!
//! Nothing in this crate reads a clock. A question carries its moment: an instant, the zone that turns
//! it into a civil date, the day a week starts on, and the fiscal calendar.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Date, DateError, FiscalCalendar, Timestamp, Value, time::DAY};

/// How a host's zone turns an instant into a civil date.
///
/// # What implementors must guarantee
///
/// The names are those of the tests in `testkit::conformance::zone` (feature `testkit`), which
/// `testkit::zone_conformance!` runs over your own zone.
///
/// * `offset_micros` is the zone's offset east of UTC at that instant, less than a day either way:
///   `offsets_are_less_than_a_day`.
/// * The same instant always gives the same offset for the life of the value (one version of the zone
///   database): `an_instant_has_one_offset`.
/// * A `date` of your own is the date of the instant moved by the offset, clamped at the ends of the
///   calendar: `the_date_is_that_of_the_offset`, `the_date_is_clamped_at_the_ends_of_the_calendar`.
pub trait Zone: fmt::Debug + Send + Sync {
    /// The zone's name, such as `Europe/Paris`.
    fn name(&self) -> &str;

    /// Microseconds east of UTC at `instant`.
    fn offset_micros(&self, instant: Timestamp) -> i64;

    /// The civil date at `instant`. At the ends of the calendar the date is clamped.
    fn date(&self, instant: Timestamp) -> Date {
        let local = instant.micros().saturating_add(self.offset_micros(instant).clamp(-DAY, DAY));
        let end = if local < 0 { Date::MIN } else { Date::MAX };
        i32::try_from(local.div_euclid(DAY)).ok().and_then(Date::from_days).unwrap_or(end)
    }
}

/// A zone with one offset all year, UTC among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedZone {
    name: Arc<str>,
    offset_micros: i64,
}

impl FixedZone {
    /// UTC.
    #[must_use]
    pub fn utc() -> Self {
        Self { name: Arc::from("UTC"), offset_micros: 0 }
    }

    /// A zone `minutes` east of UTC, clamped to less than a day.
    #[must_use]
    pub fn east(name: &str, minutes: i32) -> Self {
        Self { name: Arc::from(name), offset_micros: i64::from(minutes.clamp(-1_439, 1_439)) * 60_000_000 }
    }
}

impl Zone for FixedZone {
    fn name(&self) -> &str {
        &self.name
    }

    fn offset_micros(&self, _instant: Timestamp) -> i64 {
        self.offset_micros
    }
}

/// A day of the week; stored as `monday`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename = "weekday", rename_all = "snake_case", expecting = "a weekday such as `monday`")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    pub(crate) const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    /// Days after Monday.
    pub(crate) const fn number(self) -> i32 {
        match self {
            Self::Monday => 0,
            Self::Tuesday => 1,
            Self::Wednesday => 2,
            Self::Thursday => 3,
            Self::Friday => 4,
            Self::Saturday => 5,
            Self::Sunday => 6,
        }
    }
}

/// The moment of a question: instant, zone, week start and fiscal calendar. The date is derived.
///
/// Roll-ups read [`AsOf::date`] and the fiscal calendar, to convert money; the rest is carried for expressions on dates.
/// It does not go back in time: a book knows the values it was loaded with.
///
/// ```
/// use perennial::{AsOf, FixedZone};
///
/// let instant = "2024-12-31T23:30:00Z".parse().unwrap();
/// assert_eq!(AsOf::at(instant).date().to_string(), "2024-12-31");
/// let paris = AsOf::at(instant).with_zone(FixedZone::east("CET", 60));
/// assert_eq!(paris.date().to_string(), "2025-01-01");
/// ```
#[derive(Debug, Clone)]
pub struct AsOf {
    instant: Timestamp,
    zone: Arc<dyn Zone>,
    week_start: Weekday,
    fiscal: FiscalCalendar,
    /// In order of name, each once.
    parameters: Arc<[Parameter]>,
}

/// A value that comes with a question, by its name.
type Parameter = (Arc<str>, Value);

impl AsOf {
    /// An instant, in UTC, weeks from Monday, fiscal year from January.
    #[must_use]
    pub fn at(instant: Timestamp) -> Self {
        Self {
            instant,
            zone: Arc::new(FixedZone::utc()),
            week_start: Weekday::Monday,
            fiscal: FiscalCalendar::CIVIL,
            parameters: Arc::new([]),
        }
    }

    /// What the clock of the host says, in UTC: `AsOf::from_system_time(SystemTime::now())`.
    ///
    /// ```
    /// use std::time::{Duration, UNIX_EPOCH};
    ///
    /// let as_of = perennial::AsOf::from_system_time(UNIX_EPOCH + Duration::from_secs(1_769_817_600))?;
    /// assert_eq!(as_of.date().to_string(), "2026-01-31");
    /// # Ok::<(), perennial::DateError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`DateError`] for an instant outside years 1 to 9999.
    pub fn from_system_time(time: std::time::SystemTime) -> Result<Self, DateError> {
        Timestamp::try_from(time).map(Self::at)
    }

    /// The start of a civil day in UTC.
    #[must_use]
    pub fn date_utc(date: Date) -> Self {
        Self::at(Timestamp::start_of(date))
    }

    /// The same instant seen in another zone.
    #[must_use]
    pub fn with_zone(mut self, zone: impl Zone + 'static) -> Self {
        self.zone = Arc::new(zone);
        self
    }

    /// Another instant in the same zone, with the same calendars.
    pub(crate) const fn at_instant(mut self, instant: Timestamp) -> Self {
        self.instant = instant;
        self
    }

    /// The same instant in a zone that others hold too.
    #[cfg(feature = "snapshot")]
    pub(crate) fn in_zone(mut self, zone: Arc<dyn Zone>) -> Self {
        self.zone = zone;
        self
    }

    /// With weeks that start on `day`.
    #[must_use]
    pub fn with_week_start(mut self, day: Weekday) -> Self {
        self.week_start = day;
        self
    }

    /// With another fiscal calendar.
    #[must_use]
    pub fn with_fiscal(mut self, fiscal: FiscalCalendar) -> Self {
        self.fiscal = fiscal;
        self
    }

    /// With the value of a parameter that definitions read ([`Parameter`](crate::catalog::Parameter)), in place of one that it has.
    /// O(parameters).
    #[must_use]
    pub fn with_parameter(mut self, name: &str, value: impl Into<Value>) -> Self {
        let others = self.parameters.iter().filter(|(known, _)| **known != *name).cloned();
        let mut all: Vec<Parameter> = others.chain([(Arc::from(name), value.into())]).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        self.parameters = all.into();
        self
    }

    /// The value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&Value> {
        let at = self.parameters.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        self.parameters.get(at).map(|(_, value)| value)
    }

    /// The same moment without parameters.
    #[must_use]
    pub fn without_parameters(mut self) -> Self {
        self.parameters = Arc::new([]);
        self
    }

    /// The instant.
    #[must_use]
    pub fn instant(&self) -> Timestamp {
        self.instant
    }

    /// The civil date of the instant in the zone.
    #[must_use]
    pub fn date(&self) -> Date {
        self.zone.date(self.instant)
    }

    /// The zone.
    #[must_use]
    pub fn zone(&self) -> &dyn Zone {
        &*self.zone
    }

    /// The day a week starts on.
    #[must_use]
    pub fn week_start(&self) -> Weekday {
        self.week_start
    }

    /// The fiscal calendar.
    #[must_use]
    pub const fn fiscal(&self) -> &FiscalCalendar {
        &self.fiscal
    }

    /// Is it the same moment, with the same parameters? Two zones of one name are taken to be the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let same = |(own, other): (&Parameter, &Parameter)| {
            own.0 == other.0
                && match (&own.1, &other.1) {
                    // What is no number is the same as itself here.
                    (Value::Double(own), Value::Double(other)) => own.to_bits() == other.to_bits(),
                    (own, other) => own == other,
                }
        };
        self.parameters.len() == other.parameters.len()
            && self.parameters.iter().zip(&*other.parameters).all(same)
            && self.is_same_moment(other)
    }

    /// Is it the same moment, with whatever parameters?
    pub(crate) fn is_same_moment(&self, other: &Self) -> bool {
        self.instant == other.instant
            && self.zone.name() == other.zone.name()
            && self.date() == other.date()
            && self.week_start == other.week_start
            && self.fiscal == other.fiscal
    }
}
