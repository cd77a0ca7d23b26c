//! The zone database of `chrono-tz`, for a library that has none.

use std::sync::Arc;

use chrono::{Offset, TimeZone};
use perennial::{FixedZones, Timestamp, Zone, Zones};

/// Zones by their IANA names, and fixed offsets.
#[derive(Debug, Clone, Copy)]
pub struct IanaZones;

impl Zones for IanaZones {
    fn zone(&self, name: &str) -> Option<Arc<dyn Zone>> {
        match name.parse::<chrono_tz::Tz>() {
            Ok(zone) => Some(Arc::new(IanaZone(zone))),
            Err(_) => FixedZones.zone(name),
        }
    }
}

#[derive(Debug)]
struct IanaZone(chrono_tz::Tz);

impl Zone for IanaZone {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn offset_micros(&self, instant: Timestamp) -> i64 {
        let instant: chrono::DateTime<chrono::Utc> = instant.into();
        let offset = self.0.offset_from_utc_datetime(&instant.naive_utc()).fix();
        i64::from(offset.local_minus_utc()) * 1_000_000
    }
}
