//! What do functions give?

use std::cmp::Ordering;
use std::sync::Arc;

use super::values::{all, as_double, compared, finite};
use super::{Operand, Thing, Variables, Walk, gone};
use crate::expr::{ExprValue, NodeId};
use crate::{Account, Date, Timestamp};

impl<'v> Walk<'_, 'v> {
    #[expect(clippy::too_many_lines, reason = "one line for each function")]
    pub(super) fn call(
        &self,
        function: &str,
        arguments: &[NodeId],
        node: NodeId,
        variables: &mut Variables<'v>,
    ) -> Option<ExprValue> {
        let date = |date: Option<Date>| date.map(ExprValue::Date);
        let truth = |truth: bool| Some(ExprValue::Bool(truth));
        let int = |int: Option<i64>| int.map(ExprValue::Int);
        match (function, arguments) {
            ("has", [of]) => truth(match self.thing(*of, variables) {
                Thing::Value(value) => value.is_some(),
                Thing::Account(account) => account.is_some(),
                _ => false,
            }),
            ("coalesce", all) => all.iter().find_map(|argument| self.widened_at(node, *argument, variables)),
            ("isTrue", [of]) => truth(self.truth(*of, variables) == Some(true)),
            ("isNot", [a, b]) => {
                let (left, right) = (self.operand(*a, variables), self.operand(*b, variables));
                truth(self.ordered(&left, &right, *a, *b).is_none_or(Ordering::is_ne))
            }
            ("between", [of, low, high]) => {
                let own = self.operand(*of, variables);
                let (low_value, high_value) = (self.operand(*low, variables), self.operand(*high, variables));
                let above = self.ordered(&own, &low_value, *of, *low).map(Ordering::is_ge);
                let below = self.ordered(&own, &high_value, *of, *high).map(Ordering::is_le);
                all(&[above, below]).map(ExprValue::Bool)
            }
            ("convertTo" | "convertAt" | "convertAtPlan", _) => {
                self.exchanged(function, arguments, variables)
            }
            // By itself, what is read of each week is no value.
            (_, [of, ..]) if self.is_by_week(function, *of, variables) => None,
            ("count" | "days" | "first" | "last", [of]) if self.is_unknown(None, *of, None, variables) => {
                None
            }
            ("count", [of]) => match self.thing(*of, variables) {
                Thing::Walk(accounts) => {
                    int(i64::try_from(accounts.iter().filter(|account| !gone(account)).count()).ok())
                }
                Thing::Accounts(accounts) => int(i64::try_from(accounts.len()).ok()),
                Thing::Rows(rows) => int(i64::try_from(rows.len()).ok()),
                Thing::Events(events) => self.read_of_events(function, &events),
                Thing::Series(metric, days) => self.read_of_series(function, None, &metric, days, node),
                Thing::Weeks(series) => self.read_of_values(function, None, series, node),
                _ => None,
            },
            (
                "sum" | "avg" | "min" | "max" | "days" | "first" | "last" | "median" | "percentile",
                [of, share @ ..],
            ) => {
                let share = share.first().and_then(|share| as_double(&self.value(*share, variables)?));
                match self.thing(*of, variables) {
                    Thing::Events(events) => self.read_of_events(function, &events),
                    Thing::Series(metric, days) => self.read_of_series(function, share, &metric, days, node),
                    Thing::Weeks(series) => self.read_of_values(function, share, series, node),
                    _ => None,
                }
            }
            ("inSegment", [id]) => {
                let id = self.text(*id, variables)?;
                truth(self.beside?.is_member(&id, self.account))
            }
            ("under" | "strictlyUnder", _) => {
                let Some((account, id)) = self.asked(arguments, variables) else { return truth(false) };
                let top = account.view().account(&id);
                let inside = |top: Account<'_>| account.lineage().any(|above| above.id_str() == top.id_str());
                let own = account.id_str() == &*id;
                truth(top.is_some_and(inside) && !(own && function == "strictlyUnder"))
            }
            ("owns", _) => {
                let Some((account, product)) = self.asked(arguments, variables) else { return truth(false) };
                truth(account.subtree().any(|below| below.product() == Some(&*product) && !gone(&below)))
            }
            ("today", []) => date(Some(self.as_of.date())),
            ("now", []) => Some(ExprValue::Timestamp(self.as_of.instant())),
            ("daysAgo", [n]) => date(self.as_of.date().plus_days(-self.small(*n, variables)?)),
            ("daysFromNow", [n]) => date(self.as_of.date().plus_days(self.small(*n, variables)?)),
            ("startOf" | "endOf", [period, rest @ ..]) => {
                let offset = rest.first().map_or(Some(0), |offset| self.small(*offset, variables))?;
                let (first, last) = self.period(&self.text(*period, variables)?, offset)?;
                date(if function == "startOf" { first } else { last })
            }
            ("during", [day, name]) => {
                let name = self.text(*name, variables)?;
                let (which, period) = name.split_once('_')?;
                let offset = ["last", "this", "next"].iter().position(|known| *known == which)?;
                let (first, last) = self.period(period, i32::try_from(offset).ok()? - 1)?;
                let day = self.day(*day, variables)?;
                match (first.map(|first| first <= day), last.map(|last| day <= last)) {
                    (Some(false), _) | (_, Some(false)) => truth(false),
                    (Some(true), Some(true)) => truth(true),
                    _ => None,
                }
            }
            ("inLast" | "inNext", [day, n, unit]) => {
                let (n, unit) = (self.small(*n, variables)?, self.text(*unit, variables)?);
                let today = self.as_of.date();
                let n = if function == "inLast" { -n } else { n };
                let far = match unit.trim_end_matches('s') {
                    "day" => today.plus_days(n),
                    "week" => today.plus_days(n * 7),
                    "month" => today.plus_months(n),
                    "quarter" => today.plus_months(n * 3),
                    _ => today.plus_months(n * 12),
                };
                let day = self.day(*day, variables)?;
                let far = far?;
                truth(if function == "inLast" {
                    far < day && day <= today
                } else {
                    today < day && day <= far
                })
            }
            ("before" | "after", [a, b]) => {
                let (left, right) = (self.operand(*a, variables), self.operand(*b, variables));
                let order = self.ordered(&left, &right, *a, *b)?;
                truth(if function == "before" { order.is_lt() } else { order.is_gt() })
            }
            ("addMonths", [day, months]) => {
                match (self.value(*day, variables)?, self.value(*months, variables)?) {
                    (ExprValue::Date(day), ExprValue::Int(months)) => date(months_later(day, months)),
                    _ => None,
                }
            }
            ("ifCurrency", [amount, code]) => {
                let code = self.text(*code, variables)?;
                match self.value(*amount, variables)? {
                    ExprValue::Money(amount, currency) if currency.code() == &*code => {
                        Some(ExprValue::Money(amount, currency))
                    }
                    _ => None,
                }
            }
            ("date", [of]) => match self.value(*of, variables)? {
                ExprValue::Text(text) => date(day_of(trimmed(&text))),
                ExprValue::Timestamp(at) => date(Some(self.as_of.zone().date(at))),
                value => Some(value),
            },
            ("timestamp", [of]) => match self.value(*of, variables)? {
                ExprValue::Int(seconds) => {
                    Timestamp::from_micros(seconds.checked_mul(1_000_000)?).map(ExprValue::Timestamp)
                }
                ExprValue::Text(text) => instant_of(trimmed(&text)).map(ExprValue::Timestamp),
                value @ ExprValue::Timestamp(_) => Some(value),
                _ => None,
            },
            ("math.least" | "math.greatest", all) => {
                let mut best: Option<Operand> = None;
                for argument in all {
                    let next = self.operand(*argument, variables);
                    next.value.as_ref()?;
                    let better = match &best {
                        None => true,
                        Some(best) => {
                            let order = compared(&next, best)?;
                            if function == "math.least" { order.is_lt() } else { order.is_gt() }
                        }
                    };
                    if better {
                        best = Some(next);
                    }
                }
                match self.checked.kind_of(node) {
                    Some(kind) => best?.widened(kind),
                    None => best?.value,
                }
            }
            ("ratio", [a, b]) => {
                let (left, right) = (self.operand(*a, variables), self.operand(*b, variables));
                finite(left.number()? / right.number()?)
            }
            ("containsAll" | "containsAny", [list, values]) => {
                let (Some(ExprValue::List(list)), Some(ExprValue::List(values))) =
                    (self.value(*list, variables), self.value(*values, variables))
                else {
                    return None;
                };
                let mut found = values.iter().map(|value| list.contains(value));
                truth(if function == "containsAll" {
                    found.all(|found| found)
                } else {
                    found.any(|found| found)
                })
            }
            (_, [first, rest @ ..]) => {
                let value = self.value(*first, variables)?;
                let other = rest.first().and_then(|other| self.value(*other, variables));
                simple(function, &value, other.as_ref(), rest.len())
            }
            _ => None,
        }
    }

    pub(super) fn asked(
        &self,
        arguments: &[NodeId],
        variables: &mut Variables<'v>,
    ) -> Option<(Account<'v>, Arc<str>)> {
        match arguments {
            [which] => Some((self.account, self.text(*which, variables)?)),
            [of, which] => match self.thing(*of, variables) {
                Thing::Account(account) => Some((account?, self.text(*which, variables)?)),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn small(&self, node: NodeId, variables: &mut Variables<'v>) -> Option<i32> {
        match self.value(node, variables)? {
            ExprValue::Int(int) => i32::try_from(int).ok(),
            _ => None,
        }
    }

    pub(super) fn day(&self, node: NodeId, variables: &mut Variables<'v>) -> Option<Date> {
        match self.value(node, variables)? {
            ExprValue::Date(date) => Some(date),
            ExprValue::Timestamp(at) => Some(self.as_of.zone().date(at)),
            _ => None,
        }
    }
}

fn fold(text: &str) -> String {
    text.to_uppercase().to_lowercase()
}

/// The day of a later month: the last day up to the one that is counted from that there is in it.
fn months_later(day: Date, months: i64) -> Option<Date> {
    let (year, month, of_month) = day.civil();
    let count = (i64::from(year) * 12 + i64::from(month) - 1).checked_add(months)?;
    let year = i32::try_from(count.div_euclid(12)).ok()?;
    let month = u8::try_from(count.rem_euclid(12) + 1).ok()?;
    (1..=of_month).rev().find_map(|of_month| Date::new(year, month, of_month).ok())
}

// --- values read from texts ---

fn trimmed(text: &str) -> &str {
    text.trim_matches(char::is_whitespace)
}

/// Characters of a text, without a sign before them; and is it a minus?
fn unsigned(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or_default()),
        Some(b'+') => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    }
}

fn is_digits(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit())
}

/// A whole number: digits, and behind a point at most 18 zeros.
fn whole_of(text: &str) -> Option<i64> {
    let (negative, digits) = unsigned(text);
    let (whole, zeros) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = is_digits(whole) && !(whole.is_empty() && zeros.is_empty());
    let zeros_only = zeros.len() <= 18 && zeros.chars().all(|c| c == '0');
    if !is_number || !zeros_only || whole.trim_start_matches('0').len() > 19 {
        return None;
    }
    let mut sum: i128 = 0;
    for digit in whole.chars() {
        sum = sum * 10 + i128::from(digit.to_digit(10)?);
    }
    i64::try_from(if negative { -sum } else { sum }).ok()
}

/// A number: digits with a point or without, and an exponent behind them or none.
fn number_of(text: &str) -> Option<f64> {
    let (negative, unsigned_text) = unsigned(text);
    let (digits, exponent) = unsigned_text.split_once(['e', 'E']).unwrap_or((unsigned_text, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (_, power) = unsigned(exponent);
    let is_number = is_digits(whole) && is_digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    if !is_number || power.is_empty() || !is_digits(power) {
        return None;
    }
    // Digits with a power of ten, as any reader of doubles rounds them.
    let double: f64 = format!("{whole}{fraction}e{}", shifted(exponent, fraction.len())?).parse().ok()?;
    double.is_finite().then_some(if negative { 0.0 - double } else { double })
}

/// The exponent for all digits as a whole number, where so many of them are behind the point. Capped at a million.
fn shifted(exponent: &str, digits: usize) -> Option<i64> {
    let (negative, power) = unsigned(exponent);
    let power: i64 = power.parse().unwrap_or(1_000_000).min(1_000_000);
    Some(if negative { -power } else { power } - i64::try_from(digits).ok()?)
}

/// A day: four digits of the year, two of the month and two of the day.
fn day_of(text: &str) -> Option<Date> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return None };
    let widths = (year.len(), month.len(), day.len()) == (4, 2, 2);
    if !widths || !parts.iter().all(|part| is_digits(part)) {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// An instant: a day, `T` or a space, the time of day with a fraction or without, and the offset from UTC. Read from the
/// outside in: first what is at its end, then what is at its beginning.
fn instant_of(text: &str) -> Option<Timestamp> {
    let (local, east) = match text.strip_suffix(['Z', 'z']) {
        Some(local) => (local, 0),
        None => {
            let (place, sign) = text.char_indices().nth_back(5)?;
            let (hours, minutes) = text.get(place + sign.len_utf8()..)?.split_once(':')?;
            let minutes = two_digits(hours, 23)? * 60 + two_digits(minutes, 59)?;
            let east = match sign {
                '+' => minutes,
                '-' | '\u{2212}' => -minutes,
                _ => return None,
            };
            (text.get(..place)?, east)
        }
    };
    let (day, clock) = (local.get(..10)?, local.get(10..)?.strip_prefix(['T', 't', ' '])?);
    // Year 0 is the one whose last hours may be in year 1; it is four hundred years before a year of ours.
    let day = match day.strip_prefix("0000") {
        Some(rest) => day_of(&format!("0400{rest}"))?.days() - 146_097,
        None => day_of(day)?.days(),
    };
    let (clock, micros) = match clock.split_once('.') {
        Some((clock, fraction)) if is_digits(fraction) && !fraction.is_empty() => {
            (clock, format!("{fraction:0<6}").get(..6)?.parse().ok()?)
        }
        Some(_) => return None,
        None => (clock, 0_i64),
    };
    let parts: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = parts.as_slice() else { return None };
    let minutes = two_digits(hour, 23)? * 60 + two_digits(minute, 59)? - east;
    let seconds = minutes * 60 + two_digits(second, 60)?;
    Timestamp::from_micros((i64::from(day) * 86_400 + seconds) * 1_000_000 + micros)
}

fn two_digits(text: &str, most: i64) -> Option<i64> {
    let number = if text.len() == 2 && is_digits(text) { text.parse().ok() } else { None };
    number.filter(|number| *number <= most)
}

/// Functions of a value or two.
fn simple(
    function: &str,
    value: &ExprValue,
    other: Option<&ExprValue>,
    arguments: usize,
) -> Option<ExprValue> {
    let text = |value: &ExprValue| match value {
        ExprValue::Text(text) => Some(text.clone()),
        _ => None,
    };
    if arguments == 0 {
        return match (function, value) {
            ("size", ExprValue::Text(text)) => i64::try_from(text.chars().count()).ok().map(ExprValue::Int),
            ("size", ExprValue::List(items)) => i64::try_from(items.len()).ok().map(ExprValue::Int),
            ("lowerAscii", ExprValue::Text(text)) => Some(ExprValue::Text(text.to_ascii_lowercase().into())),
            ("upperAscii", ExprValue::Text(text)) => Some(ExprValue::Text(text.to_ascii_uppercase().into())),
            ("math.abs", ExprValue::Int(v)) => v.checked_abs().map(ExprValue::Int),
            ("math.abs", ExprValue::Double(v)) => finite(v.abs()),
            ("math.round", ExprValue::Double(v)) => finite(v.round()),
            ("math.floor", ExprValue::Double(v)) => finite(v.floor()),
            ("math.ceil", ExprValue::Double(v)) => finite(v.ceil()),
            ("double", ExprValue::Text(text)) => number_of(trimmed(text)).and_then(finite),
            ("int", ExprValue::Text(text)) => whole_of(trimmed(text)).map(ExprValue::Int),
            ("double", value) => as_double(value).and_then(finite),
            ("string", ExprValue::Text(text)) => Some(ExprValue::Text(text.clone())),
            ("string" | "bool" | "int", value) => match (function, value) {
                ("string", ExprValue::Int(_) | ExprValue::Bool(_)) => {
                    Some(ExprValue::Text(value.to_string().into()))
                }
                ("bool", ExprValue::Bool(_)) | ("int", ExprValue::Int(_)) => Some(value.clone()),
                _ => None,
            },
            ("getFullYear", ExprValue::Date(date)) => Some(ExprValue::Int(date.year().into())),
            ("getMonth", ExprValue::Date(date)) => Some(ExprValue::Int(i64::from(date.month()) - 1)),
            ("getDate", ExprValue::Date(date)) => Some(ExprValue::Int(date.day().into())),
            _ => None,
        };
    }
    let (own, part) = (text(value)?, text(other?)?);
    Some(ExprValue::Bool(match function {
        "contains" => own.contains(&*part),
        "startsWith" => own.starts_with(&*part),
        "endsWith" => own.ends_with(&*part),
        "equalsFold" => fold(&own) == fold(&part),
        "containsFold" => fold(&own).contains(&fold(&part)),
        "startsWithFold" => fold(&own).starts_with(&fold(&part)),
        "like" => matches_pattern(&own, &part),
        _ => return None,
    }))
}

/// Does a text match a pattern, tried at every place?
fn matches_pattern(text: &str, pattern: &str) -> bool {
    // Which beginnings of the text each beginning of the pattern matches.
    let text: Vec<char> = text.chars().collect();
    let mut reached: Vec<bool> = (0..=text.len()).map(|at| at == 0).collect();
    for sign in pattern.chars() {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            let before = at.checked_sub(1);
            let fits = if sign == '*' {
                reached.iter().take(at + 1).any(|reached| *reached)
            } else {
                before.is_some_and(|before| {
                    reached.get(before) == Some(&true) && text.get(before) == Some(&sign)
                })
            };
            if let Some(next) = next.get_mut(at) {
                *next = fits;
            }
        }
        reached = next;
    }
    reached.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::{Timestamp, instant_of};

    /// Neither the library's reader nor this one is held to the other alone.
    #[test]
    fn an_instant_is_what_chrono_reads() {
        let days = ["2024-02-29", "2023-02-29", "0000-12-31", "0001-01-01", "9999-12-31", "2024-1-011"];
        let clocks = [
            "00:00:00",
            "23:59:60",
            "24:00:00",
            "08:30",
            "08:30:61",
            "8:30:000",
            "08:30:00.",
            "08:30:00.5",
            "08:30:00.1234567",
            "08:30:00.x",
        ];
        let offsets = [
            "Z",
            "z",
            "",
            "+00:00",
            "-23:59",
            "\u{2212}01:30",
            "+24:00",
            "+01:60",
            "+0100",
            "+1:000",
            "é1:00",
            "Zé",
            "+01:00:00",
        ];
        let mut read = 0;
        for day in days {
            for between in ["T", "t", " ", "", "_"] {
                for clock in clocks {
                    for offset in offsets {
                        let text = format!("{day}{between}{clock}{offset}");
                        let theirs = chrono::DateTime::parse_from_rfc3339(&text).ok();
                        let theirs = theirs.and_then(|at| Timestamp::from_micros(at.timestamp_micros()));
                        assert_eq!(instant_of(&text), theirs, "{text:?}");
                        assert_eq!(text.parse::<Timestamp>().ok(), theirs, "{text:?}");
                        read += usize::from(theirs.is_some());
                    }
                }
            }
        }
        assert!(read > 150, "{read}");
    }
}
