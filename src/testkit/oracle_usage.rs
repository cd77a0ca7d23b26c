//! What is read of usage, one event after the other?
//!
//! Keeps every event as it came, and looks at all of them for every question. Rulings S77 to S81.

use std::collections::{BTreeMap, BTreeSet};

use super::number::double_of;
use super::oracle_definition::shown;
use crate::expr::ExprValue;
use crate::{Date, Decimal, Timestamp, Value};

/// An event, or the sum of a day, as the oracle keeps it.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of an event")]
pub struct OracleEvent {
    pub account: String,
    pub kind: String,
    pub day: Date,
    pub instant: Timestamp,
    pub user: Option<String>,
    pub count: u32,
    /// The same for each event.
    pub properties: BTreeMap<String, Value>,
    /// The total of the events.
    pub measures: BTreeMap<String, Value>,
}

/// What is read of some events.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names of readings in expressions")]
pub enum OracleReading {
    Count,
    Days,
    First,
    Last,
    Sum(String),
    Avg(String),
    Min(String),
    Max(String),
    Distinct(String),
}

/// A question about events: of which kind, with which values, on which days.
#[derive(Debug, Clone, PartialEq)]
pub struct OracleQuestion {
    /// The kind; `any` is every one.
    pub kind: String,
    /// Names with the value that each must have.
    pub filters: Vec<(String, Value)>,
    /// What is read.
    pub reading: OracleReading,
}

impl OracleQuestion {
    /// The question as an expression without its window, up to the reading, and the reading.
    #[must_use]
    pub fn text(&self) -> (String, String) {
        let mut events = format!("events(\"{}\")", self.kind);
        for (name, value) in &self.filters {
            let literal = match value {
                Value::Int(v) => v.to_string(),
                Value::Date(v) => format!("date(\"{v}\")"),
                other => format!("\"{other}\""),
            };
            events = format!("{events}.where(e, e.{name} == {literal})");
        }
        let reading = match &self.reading {
            OracleReading::Count => ".count()".to_owned(),
            OracleReading::Days => ".days()".to_owned(),
            OracleReading::First => ".first()".to_owned(),
            OracleReading::Last => ".last()".to_owned(),
            OracleReading::Sum(name) => format!(".sum(e, e.{name})"),
            OracleReading::Avg(name) => format!(".avg(e, e.{name})"),
            OracleReading::Min(name) => format!(".min(e, e.{name})"),
            OracleReading::Max(name) => format!(".max(e, e.{name})"),
            OracleReading::Distinct(name) => format!(".distinct(e, e.{name})"),
        };
        (events, reading)
    }

    /// Is the value of a day without events 0?
    #[must_use]
    pub const fn has_zero(&self) -> bool {
        use OracleReading as R;
        matches!(self.reading, R::Count | R::Days | R::Sum(_) | R::Distinct(_))
    }
}

/// Events of one account and day that are alike.
#[derive(Debug, Clone, Default)]
struct Alike {
    count: i128,
    /// The total of each measure, and how many events have it.
    totals: BTreeMap<String, (Amount, i128)>,
}

/// A number of one of the kinds that have sums.
#[derive(Debug, Clone, PartialEq)]
enum Amount {
    Int(i128),
    /// Units, digits after the point, and the currency of money.
    Exact(i128, u8, Option<crate::Currency>),
    Double(f64),
}

impl Amount {
    fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Int(v) => Self::Int(i128::from(*v)),
            Value::Decimal(v) => Self::Exact(v.units(), v.scale(), None),
            Value::Money(v) => Self::Exact(v.minor(), v.currency().exponent(), Some(v.currency())),
            Value::Double(v) => Self::Double(*v),
            _ => return None,
        })
    }

    fn times(&self, times: i128) -> Self {
        match self {
            Self::Int(v) => Self::Int(v * times),
            Self::Exact(v, scale, currency) => Self::Exact(v * times, *scale, *currency),
            #[expect(clippy::cast_precision_loss, reason = "small in tests")]
            Self::Double(v) => Self::Double(v * times as f64),
        }
    }

    fn add(&mut self, other: &Self) {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) | (Self::Exact(a, ..), Self::Exact(b, ..)) => *a += b,
            (Self::Double(a), Self::Double(b)) => *a += b,
            _ => {}
        }
    }

    fn value(&self) -> Option<ExprValue> {
        Some(match self {
            Self::Int(v) => ExprValue::Int(i64::try_from(*v).ok()?),
            Self::Exact(v, scale, None) => ExprValue::Decimal(Decimal::new(*v, *scale)),
            Self::Exact(v, scale, Some(currency)) => ExprValue::Money(Decimal::new(*v, *scale), *currency),
            Self::Double(v) => ExprValue::Double(*v),
        })
    }

    /// Itself divided by a number of events.
    #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
    fn mean(&self, events: i128) -> Option<ExprValue> {
        let double = match self {
            _ if events == 0 => return None,
            Self::Int(v) => *v as f64,
            Self::Exact(v, scale, None) => double_of(*v, *scale),
            Self::Exact(v, scale, Some(currency)) => {
                // Nine digits more, half to even.
                let units = v * 1_000_000_000;
                let (down, rest) = (units.div_euclid(events), units.rem_euclid(events));
                let up = rest * 2 > events || rest * 2 == events && down % 2 != 0;
                return Some(ExprValue::Money(Decimal::new(down + i128::from(up), scale + 9), *currency));
            }
            Self::Double(v) => *v,
        };
        Some(ExprValue::Double(double / events as f64))
    }
}

/// Events of one account and day that are alike: one row (ruling S78).
#[derive(Debug, Clone)]
pub(super) struct EventRow {
    pub(super) day: Date,
    /// How many events it counts.
    pub(super) count: u32,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    /// What expressions read of it: the day, the person, the number of events, properties, and totals of measures.
    pub(super) fields: BTreeMap<String, ExprValue>,
    /// Which of the fields are totals of all its events.
    pub(super) totals: BTreeSet<String>,
}

impl EventRow {
    /// Of events that are alike; `None` of none.
    fn of(alike: &[&OracleEvent]) -> Option<Self> {
        let one = alike.first()?;
        let count: u32 = alike.iter().map(|event| event.count).sum();
        let mut totals: BTreeMap<String, Amount> = BTreeMap::new();
        for event in alike {
            for (name, value) in &event.measures {
                let Some(amount) = Amount::of(value) else { continue };
                totals.entry(name.clone()).or_insert_with(|| amount.times(0)).add(&amount);
            }
        }
        let mut fields: BTreeMap<String, ExprValue> = BTreeMap::new();
        fields.insert("day".to_owned(), ExprValue::Date(one.day));
        fields.insert("count".to_owned(), ExprValue::Int(i64::from(count)));
        if let Some(user) = &one.user {
            fields.insert("user".to_owned(), ExprValue::Text(user.as_str().into()));
        }
        fields.extend(one.properties.iter().map(|(name, value)| (name.clone(), shown(value))));
        fields.extend(totals.iter().filter_map(|(name, total)| Some((name.clone(), total.value()?))));
        let totals = totals.into_keys().chain(["count".to_owned()]).collect();
        let first = alike.iter().map(|event| event.instant).min()?;
        let last = alike.iter().map(|event| event.instant).max()?;
        Some(Self { day: one.day, count, first, last, fields, totals })
    }
}

/// All events, one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OracleUsage {
    events: Vec<OracleEvent>,
    each: BTreeSet<String>,
}

impl OracleUsage {
    /// No events.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Events of this kind that are alike are not counted together.
    pub fn keep_each(&mut self, kind: &str) {
        self.each.insert(kind.to_owned());
    }

    /// Adds an event.
    pub fn add(&mut self, event: OracleEvent) {
        self.events.push(event);
    }

    /// Forgets the events before a day.
    pub fn forget_before(&mut self, day: Date) {
        self.events.retain(|event| event.day >= day);
    }

    /// The rows of one account and kind, in the order in which they were first seen; `any` is every kind.
    pub(super) fn rows(&self, account: &str, kind: &str) -> Vec<EventRow> {
        let of_account = |event: &&OracleEvent| event.account == account;
        let of_kind = |event: &&OracleEvent| kind == "any" || event.kind == kind;
        let mut groups: Vec<(String, Vec<&OracleEvent>)> = Vec::new();
        for (number, event) in
            self.events.iter().enumerate().filter(|(_, event)| of_account(event) && of_kind(event))
        {
            let own = self.each.contains(&event.kind).then_some(number);
            let key = format!("{:?}", (event.day, &event.kind, &event.user, &event.properties, own));
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, alike)) => alike.push(event),
                None => groups.push((key, vec![event])),
            }
        }
        groups.into_iter().filter_map(|(_, alike)| EventRow::of(&alike)).collect()
    }

    fn asked<'o>(
        &'o self,
        account: &'o str,
        question: &'o OracleQuestion,
        first: Option<Date>,
        last: Date,
    ) -> impl Iterator<Item = &'o OracleEvent> {
        self.events.iter().filter(move |event| {
            let within = first.is_none_or(|first| event.day >= first) && event.day <= last;
            let kind = question.kind == "any" || event.kind == question.kind;
            let values = question.filters.iter().all(|(name, wanted)| match name.as_str() {
                "user" => event.user.as_deref() == wanted.as_text(),
                "day" => *wanted == Value::Date(event.day),
                name => event.properties.get(name).is_some_and(|own| own.to_string() == wanted.to_string()),
            });
            event.account == account && within && kind && values
        })
    }

    /// The answer for an account on some days, both ends included.
    #[must_use]
    pub fn answer(
        &self,
        account: &str,
        question: &OracleQuestion,
        first: Option<Date>,
        last: Date,
    ) -> Option<ExprValue> {
        use OracleReading as R;
        let asked: Vec<&OracleEvent> = self.asked(account, question, first, last).collect();
        let int = |count: usize| i64::try_from(count).ok().map(ExprValue::Int);
        match &question.reading {
            R::Count => {
                let events: i64 = asked.iter().map(|event| i64::from(event.count)).sum();
                Some(ExprValue::Int(events))
            }
            R::Days => int(asked.iter().map(|event| event.day).collect::<BTreeSet<_>>().len()),
            R::First => asked.iter().map(|event| event.instant).min().map(ExprValue::Timestamp),
            R::Last => asked.iter().map(|event| event.instant).max().map(ExprValue::Timestamp),
            R::Distinct(name) if name == "user" => {
                int(asked.iter().filter_map(|event| event.user.as_deref()).collect::<BTreeSet<_>>().len())
            }
            R::Distinct(name) => {
                let values = asked.iter().filter_map(|event| event.properties.get(name));
                int(values.map(ToString::to_string).collect::<BTreeSet<_>>().len())
            }
            R::Sum(name) | R::Avg(name) | R::Min(name) | R::Max(name) => {
                self.of_values(&asked, name, &question.reading)
            }
        }
    }

    fn of_values(&self, asked: &[&OracleEvent], name: &str, reading: &OracleReading) -> Option<ExprValue> {
        // Events of one day that are alike are one; of a measure, what is read is their total.
        let mut alike: BTreeMap<String, Alike> = BTreeMap::new();
        for (number, event) in asked.iter().enumerate() {
            let alone = self.each.contains(&event.kind).then_some(number);
            let key = format!("{:?}", (event.day, &event.kind, &event.user, &event.properties, alone));
            let own = alike.entry(key).or_default();
            own.count += i128::from(event.count);
            // How many events a row stands for is the total of 1 for each.
            let count = (name == "count").then_some(Value::Int(i64::from(event.count)));
            let is_measure = count.is_some() || event.measures.contains_key(name);
            let value =
                count.as_ref().or_else(|| event.measures.get(name)).or_else(|| event.properties.get(name));
            let Some(amount) = value.and_then(Amount::of) else { continue };
            let amount = if is_measure { amount } else { amount.times(i128::from(event.count)) };
            let (total, events) = own.totals.entry(name.to_owned()).or_insert((amount.times(0), 0));
            total.add(&amount);
            *events += i128::from(event.count);
            if let (false, Some(amount)) = (is_measure, value.and_then(Amount::of)) {
                own.totals.insert("each".to_owned(), (amount, 1));
            }
        }
        let totals = alike.values().filter_map(|alike| alike.totals.get(name));
        match reading {
            OracleReading::Sum(_) | OracleReading::Avg(_) => {
                let mut all: Option<(Amount, i128)> = None;
                for (total, events) in totals {
                    let (sum, count) = all.get_or_insert((total.times(0), 0));
                    sum.add(total);
                    *count += events;
                }
                match (reading, all) {
                    (OracleReading::Avg(_), all) => all.and_then(|(sum, events)| sum.mean(events)),
                    (_, Some((sum, _))) => sum.value(),
                    // Of the type of the measure; tests know it.
                    (_, None) => None,
                }
            }
            _ => {
                let values = alike.values().filter_map(|alike| {
                    alike.totals.get("each").or_else(|| alike.totals.get(name)).map(|(amount, _)| amount)
                });
                let key = |amount: &Amount| match amount {
                    #[expect(clippy::cast_precision_loss, reason = "small in tests")]
                    Amount::Int(v) | Amount::Exact(v, ..) => *v as f64,
                    Amount::Double(v) => *v,
                };
                let order = |a: &&Amount, b: &&Amount| key(a).total_cmp(&key(b));
                let best = match reading {
                    OracleReading::Min(_) => values.min_by(order),
                    _ => values.max_by(order),
                };
                best.and_then(Amount::value)
            }
        }
    }

    /// The day of the first event that a question asks.
    #[must_use]
    pub fn first_day(&self, account: &str, question: &OracleQuestion, last: Date) -> Option<Date> {
        self.asked(account, question, None, last).map(|event| event.day).min()
    }
}
