//! How do days and instants become those of chrono, and back?
//!
//! Behind the feature `chrono`, which is on by default. The library itself counts days and microseconds.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::{Date, DateError, Timestamp};

impl TryFrom<NaiveDate> for Date {
    type Error = DateError;

    /// chrono's years reach further than ours.
    fn try_from(theirs: NaiveDate) -> Result<Self, DateError> {
        let days = theirs.signed_duration_since(NaiveDate::default()).num_days();
        let date = i32::try_from(days).ok().and_then(Self::from_days);
        date.ok_or_else(|| DateError::out_of_range(&theirs.to_string()))
    }
}

impl From<Date> for NaiveDate {
    fn from(date: Date) -> Self {
        Self::default() + TimeDelta::days(i64::from(date.days()))
    }
}

impl From<Timestamp> for DateTime<Utc> {
    fn from(instant: Timestamp) -> Self {
        Self::from_timestamp_micros(instant.micros()).unwrap_or_default()
    }
}

impl TryFrom<DateTime<Utc>> for Timestamp {
    type Error = DateError;

    /// To the microsecond, rounded down.
    fn try_from(instant: DateTime<Utc>) -> Result<Self, DateError> {
        Self::from_micros(instant.timestamp_micros())
            .ok_or_else(|| DateError::out_of_range(&instant.to_string()))
    }
}
