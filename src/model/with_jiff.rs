//! How do days and instants become those of jiff, and back?
//!
//! Behind the feature `jiff_1`. jiff's years begin before ours, and its instants end a day before the last one of the
//! calendar, so that each has a local time in every zone.

use jiff::civil;

use super::{Date, DateError, Timestamp};

impl TryFrom<civil::Date> for Date {
    type Error = DateError;

    /// jiff's years reach back to -9999.
    ///
    /// ```
    /// use perennial::{Date, Timestamp};
    ///
    /// let day = Date::try_from(jiff::civil::date(2024, 2, 29))?;
    /// assert_eq!(day, Date::new(2024, 2, 29)?);
    /// assert_eq!(jiff::civil::Date::from(day), jiff::civil::date(2024, 2, 29));
    /// assert!(Date::try_from(jiff::civil::date(0, 12, 31)).is_err());
    ///
    /// let instant: jiff::Timestamp = "2024-02-29T08:30:00.000000999Z".parse()?;
    /// let ours = Timestamp::try_from(instant)?;
    /// assert_eq!(ours.to_string(), "2024-02-29T08:30:00Z");
    /// assert_eq!(jiff::Timestamp::try_from(ours)?.to_string(), "2024-02-29T08:30:00Z");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn try_from(theirs: civil::Date) -> Result<Self, DateError> {
        let part = |part: i8| u8::try_from(part).unwrap_or_default();
        Self::new(i32::from(theirs.year()), part(theirs.month()), part(theirs.day()))
            .map_err(|_| DateError::out_of_range(&theirs.to_string()))
    }
}

impl From<Date> for civil::Date {
    fn from(date: Date) -> Self {
        let (year, month, day) = date.civil();
        let parts = (i16::try_from(year), i8::try_from(month), i8::try_from(day));
        // Every day of ours is one of jiff's, so the fallback is never taken.
        match parts {
            (Ok(year), Ok(month), Ok(day)) => Self::new(year, month, day).unwrap_or_default(),
            _ => Self::default(),
        }
    }
}

impl TryFrom<jiff::Timestamp> for Timestamp {
    type Error = DateError;

    /// To the microsecond, rounded down. jiff's instants reach back to year -9999.
    fn try_from(theirs: jiff::Timestamp) -> Result<Self, DateError> {
        let micros = i64::try_from(theirs.as_nanosecond().div_euclid(1_000)).ok();
        let instant = micros.and_then(Self::from_micros);
        instant.ok_or_else(|| DateError::out_of_range(&theirs.to_string()))
    }
}

impl TryFrom<Timestamp> for jiff::Timestamp {
    type Error = jiff::Error;

    /// jiff's last instant is 9999-12-30T22:00:00.999999999Z.
    fn try_from(instant: Timestamp) -> Result<Self, jiff::Error> {
        // By nanoseconds: jiff's own limit on microseconds ends a second early.
        Self::from_nanosecond(i128::from(instant.micros()) * 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_one_of_jiffs_and_back() {
        for days in (Date::MIN.days()..=Date::MAX.days()).step_by(61).chain([Date::MAX.days()]) {
            let date = Date::from_days(days).unwrap();
            let theirs = civil::Date::from(date);
            assert_eq!(theirs.to_string(), date.to_string());
            assert_eq!(Date::try_from(theirs).unwrap(), date);
        }
        let early = Date::try_from(civil::Date::MIN).unwrap_err().to_string();
        assert_eq!(early, "`-009999-01-01` is outside years 1 to 9999");
    }

    #[test]
    fn instants_are_jiffs_and_back() {
        let first = Timestamp::start_of(Date::MIN).micros();
        let last = jiff::Timestamp::MAX.as_microsecond();
        let step = (last - first) / 10_007;
        for micros in (0..10_007).map(|place| first + place * step).chain([last, -1, 0, 1]) {
            let instant = Timestamp::from_micros(micros).unwrap();
            let theirs = jiff::Timestamp::try_from(instant).unwrap();
            assert_eq!(theirs.to_string().parse::<Timestamp>().unwrap(), instant);
            assert_eq!(Timestamp::try_from(theirs).unwrap(), instant);
        }
        // Rounded down, also before 1970, as an instant of the system's clock is.
        let nanos = |nanos: i128| jiff::Timestamp::from_nanosecond(nanos).unwrap();
        assert_eq!(Timestamp::try_from(nanos(1_999)).unwrap().micros(), 1);
        assert_eq!(Timestamp::try_from(nanos(-1)).unwrap().micros(), -1);
        assert!(Timestamp::try_from(jiff::Timestamp::MIN).is_err());
        assert!(jiff::Timestamp::try_from(Timestamp::from_micros(last + 1).unwrap()).is_err());
    }
}
