//! Which instant, and how long?
//!
//! Instants are microseconds since 1970-01-01T00:00:00Z, the grain that every database keeps. Text is
//! RFC 3339 with an offset; an instant without an offset is refused, since nobody knows its zone.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Date, DateError, rfc3339};

pub(super) const DAY: i64 = 86_400_000_000;

/// An instant in UTC, in microseconds since 1970-01-01.
///
/// ```
/// use perennial::Timestamp;
///
/// let instant: Timestamp = "2024-03-01T00:30:00+01:00".parse().unwrap();
/// assert_eq!(instant.to_string(), "2024-02-29T23:30:00Z");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    micros: i64,
}

impl Timestamp {
    /// The instant `micros` microseconds after the epoch, or `None` outside years 1 to 9999.
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        let days = i32::try_from(micros.div_euclid(DAY)).ok()?;
        Date::from_days(days).map(|_| Self { micros })
    }

    /// Midnight at the start of `date` in UTC.
    #[must_use]
    pub fn start_of(date: Date) -> Self {
        Self { micros: i64::from(date.days()) * DAY }
    }

    /// Microseconds after the epoch.
    #[must_use]
    pub const fn micros(&self) -> i64 {
        self.micros
    }

    /// The civil day in UTC.
    #[must_use]
    pub fn utc_date(&self) -> Date {
        let days = i32::try_from(self.micros.div_euclid(DAY)).ok();
        // INVARIANT: checked on construction, so the fallback is never taken.
        days.and_then(Date::from_days).unwrap_or(Date::MIN)
    }
}

impl FromStr for Timestamp {
    type Err = DateError;

    /// Reads RFC 3339 with an offset. A second 60 is the first second of the next minute; what is finer than a
    /// microsecond is cut off.
    fn from_str(text: &str) -> Result<Self, DateError> {
        let instant = rfc3339::micros_of(text).and_then(Self::from_micros);
        instant.ok_or_else(|| DateError::of_instant(text))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = self.micros.rem_euclid(DAY);
        let (seconds, micros) = (within / 1_000_000, within % 1_000_000);
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(f, "{}T{hour:02}:{minute:02}:{second:02}", self.utc_date())?;
        if micros != 0 {
            write!(f, ".{micros:06}")?;
        }
        f.write_str("Z")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl TryFrom<std::time::SystemTime> for Timestamp {
    type Error = DateError;

    /// To the microsecond, rounded down.
    fn try_from(time: std::time::SystemTime) -> Result<Self, DateError> {
        let micros = match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).ok(),
            Err(before) => {
                let before = before.duration().as_nanos().div_ceil(1_000);
                i64::try_from(before).ok().map(|micros| -micros)
            }
        };
        let instant = micros.and_then(Self::from_micros);
        instant.ok_or_else(|| DateError::out_of_range("an instant of the clock"))
    }
}

/// A signed length of time in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duration {
    micros: i64,
}

impl Duration {
    /// A length of `micros` microseconds.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self { micros }
    }

    /// The length in microseconds.
    #[must_use]
    pub const fn micros(&self) -> i64 {
        self.micros
    }
}

impl fmt::Display for Duration {
    /// Seconds, with a fraction only where there is one: `90s`, `0.5s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.micros < 0 { "-" } else { "" };
        let (seconds, micros) =
            (self.micros.unsigned_abs() / 1_000_000, self.micros.unsigned_abs() % 1_000_000);
        if micros == 0 {
            return write!(f, "{sign}{seconds}s");
        }
        let fraction = format!("{micros:06}");
        write!(f, "{sign}{seconds}.{}s", fraction.trim_end_matches('0'))
    }
}
