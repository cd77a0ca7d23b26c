//! Which days does a term mean?

use serde_json::{Map, Value as Json, json};

use super::super::date_literal::{bound, day};
use super::super::reader::{Reader, op};
use crate::model::{Date, Timestamp, shown};

/// What a number of milliseconds stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Days {
    /// A whole day, which begins at midnight UTC.
    Whole,
    /// An instant.
    Instants,
}

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;
/// The most days that a joker counts.
const MAX_DAYS: i64 = 36_600;

impl Reader<'_> {
    /// A number of days that a term names.
    pub(super) fn days(&mut self, term: &Map<String, Json>, key: &str, path: &str) -> Option<i64> {
        let days = match term.get(key) {
            Some(Json::Number(days)) => days.as_i64(),
            Some(Json::String(days)) => days.parse().ok(),
            _ => None,
        };
        match days.filter(|days| (1..=MAX_DAYS).contains(days)) {
            Some(days) => Some(days),
            None => self
                .fault(&format!("{path}/{key}"), format!("expected a number of days from 1 to {MAX_DAYS}")),
        }
    }

    /// Milliseconds since 1970.
    pub(super) fn moment(&mut self, value: &Json, days: Days, path: &str) -> Option<Json> {
        let millis = match value {
            Json::Number(number) => number.as_i64(),
            Json::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let Some(millis) = millis else {
            return self.wrong(path, "milliseconds since 1970", value);
        };
        let instant = millis.checked_mul(1_000).and_then(Timestamp::from_micros);
        let Some(instant) = instant else {
            return self.fault(path, format!("{millis} is no instant of the calendar"));
        };
        match days {
            Days::Instants => Some(json!({ "lit": { "timestamp": instant.to_string() } })),
            Days::Whole if instant.micros().rem_euclid(DAY) == 0 => {
                let date = i32::try_from(instant.micros().div_euclid(DAY)).ok().and_then(Date::from_days);
                date.map(|date| json!({ "lit": { "date": date.to_string() } }))
            }
            Days::Whole => self.fault(
                path,
                format!("{millis} is within a day ({instant}), and the attribute holds whole days"),
            ),
        }
    }

    /// A relative range of whole days in the zone of the question, both ends included. `last_30_days` ends today,
    /// `next_30_days` begins tomorrow.
    pub(super) fn joker(&mut self, read: &Json, joker: &str, path: &str) -> Option<Json> {
        let compared = |word: &str, day: Json| op(word, vec![read.clone(), day]);
        let within = |first: Json, last: Json| op("and", vec![compared("ge", first), compared("le", last)]);
        let count = |text: &str| text.parse::<i64>().ok().filter(|days| (0..=MAX_DAYS).contains(days));
        let several = |prefix: &str, suffix: &str| {
            joker.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix)).and_then(count)
        };
        let range = |prefix: &str| {
            let (near, far) = joker.strip_prefix(prefix)?.strip_suffix("_days")?.split_once("_and_")?;
            let (near, far) = (count(near)?, count(far)?);
            (near <= far).then_some((near, far))
        };
        match joker {
            "today" => return Some(compared("eq", day(0))),
            "yesterday" => return Some(compared("eq", day(-1))),
            "tomorrow" => return Some(compared("eq", day(1))),
            _ => {}
        }
        if let Some((near, far)) = range("between_last_") {
            return Some(within(day(-far), day(-near)));
        }
        if let Some((near, far)) = range("between_next_") {
            return Some(within(day(near), day(far)));
        }
        if let Some(days) = several("more_than_", "_days_ago") {
            return Some(compared("lt", day(-days)));
        }
        let counted = |method: &str, days: i64| {
            op(
                method,
                vec![read.clone(), json!({ "lit": { "int": days } }), json!({ "lit": { "text": "days" } })],
            )
        };
        if let Some(days) = several("last_", "_days").filter(|days| *days > 0) {
            return Some(counted("inLast", days));
        }
        if let Some(days) = several("next_", "_days").filter(|days| *days > 0) {
            return Some(counted("inNext", days));
        }
        for (word, offset) in [("this_", 0), ("last_", -1), ("next_", 1)] {
            let period = joker
                .strip_prefix(word)
                .filter(|period| matches!(*period, "week" | "month" | "quarter" | "year"));
            if let Some(period) = period {
                return Some(within(bound("startOf", period, offset), bound("endOf", period, offset)));
            }
        }
        let joker = shown(joker);
        let message = format!(
            "there is no relative day `{joker}`; known are `today`, `last_30_days`, `more_than_30_days_ago`, \
             `between_next_30_and_60_days`, `this_quarter` and their like"
        );
        self.fault(path, message)
    }
}
