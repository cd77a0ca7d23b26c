//! Which zone has this name?

use std::fmt;
use std::sync::Arc;

use super::{FixedZone, Zone};

/// A database of time zones, by name. The library has none of its own: a host brings one, and says by it which
/// version of the rules its answers follow.
///
/// # What implementors must guarantee
///
/// * The same name gives a zone with the same offsets for the life of the value.
/// * A name that is not known gives `None`, never a zone of another name.
pub trait Zones: fmt::Debug + Send + Sync {
    /// The zone of a name, such as `Europe/Paris`.
    fn zone(&self, name: &str) -> Option<Arc<dyn Zone>>;
}

/// No zones but UTC and fixed offsets: `UTC`, `Z`, `+02:00`, `-05:30`, `02:00`.
///
/// ```
/// use perennial::{FixedZones, Timestamp, Zones};
///
/// let zone = FixedZones.zone("-05:30").ok_or("not a zone")?;
/// assert_eq!(zone.offset_micros("2026-01-31T00:00:00Z".parse()?), -(5 * 60 + 30) * 60_000_000);
/// assert!(FixedZones.zone("Europe/Paris").is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FixedZones;

impl Zones for FixedZones {
    fn zone(&self, name: &str) -> Option<Arc<dyn Zone>> {
        if matches!(name, "UTC" | "Z") {
            return Some(Arc::new(FixedZone::utc()));
        }
        let (sign, clock) = match name.strip_prefix(['+', '-']) {
            Some(clock) => (if name.starts_with('-') { -1 } else { 1 }, clock),
            None => (1, name),
        };
        let (hours, minutes) = clock.split_once(':')?;
        let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        if !two_digits(hours) || !two_digits(minutes) {
            return None;
        }
        let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
        let within = hours < 24 && minutes < 60;
        within.then(|| Arc::new(FixedZone::east(name, sign * (hours * 60 + minutes))) as Arc<dyn Zone>)
    }
}
