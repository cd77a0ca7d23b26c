//! What is read of the usage of an account over some days?
//!
//! A question is prepared once: filters that ask only what happened are answered once for each thing that happened, not
//! for each bucket. The rest is one pass over the buckets of the days.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::Usage;
use super::dictionary::Each;
use super::store::{AccountUsage, Bucket, NOBODY, Span};
use super::what::What;
use crate::expr::{
    Best, Bits, Cell, Slots, State, Summed, TermId, Total, Type, Unit, Unrated, UsageAsked, UsageReading,
    Val, duration_of,
};
use crate::fold::{Sum, from_quanta, to_quanta};
use crate::model::{ANY_EVENT, AccountIdx, Currency, EventKind, Rates};

/// Where a slot of a question is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    User,
    Module,
    Action,
    Day,
    Count,
    Property(usize),
    Measure(usize, Summed),
    Nothing,
}

impl Field {
    fn of(name: &str, kind: Option<&EventKind>) -> Self {
        match name {
            "user" => return Self::User,
            "module" => return Self::Module,
            "action" => return Self::Action,
            "day" => return Self::Day,
            "count" => return Self::Count,
            _ => {}
        }
        let Some(kind) = kind else { return Self::Nothing };
        if let Some(at) = kind.properties.get_index_of(name) {
            return Self::Property(at);
        }
        match kind.measures.get_full(name) {
            Some((at, _, measure)) => {
                Self::Measure(at, Summed::of(&Type::of_attribute(measure.kind())).unwrap_or(Summed::Int))
            }
            None => Self::Nothing,
        }
    }

    /// Does it say what happened, and neither when, nor by whom, nor how much?
    const fn is_of_what(self) -> bool {
        matches!(self, Self::Module | Self::Action | Self::Property(_) | Self::Nothing)
    }
}

/// A question about events, prepared.
pub(in crate::aggregate) struct Prepared<'u> {
    usage: &'u Usage,
    asked: UsageAsked<'u>,
    fields: Vec<Field>,
    /// Of each thing that may have happened: is it asked?
    admitted: Each<bool>,
    /// Filters that ask more than what happened.
    filters: Vec<TermId>,
    body: Body,
}

/// What is read of a bucket.
#[derive(Debug, Clone)]
pub(in crate::aggregate) enum Body {
    /// Nothing but that it is there.
    None,
    /// Who did it.
    User,
    /// One measure, as it stands.
    Measure(usize),
    /// An expression, and the totals that it reads.
    Term(TermId, Totals),
}

/// Totals of the events of a bucket: measures, and how many events there are, which is the total of 1 for each.
#[derive(Debug, Clone)]
pub(in crate::aggregate) struct Totals {
    measures: Box<[usize]>,
    count: bool,
}

impl Body {
    fn of(term: TermId, reads: &[Field]) -> Self {
        let measures = reads.iter().filter_map(|field| match field {
            Field::Measure(at, _) => Some(*at),
            _ => None,
        });
        let totals = Totals { measures: measures.collect(), count: reads.contains(&Field::Count) };
        Self::Term(term, totals)
    }
}

impl<'u> Prepared<'u> {
    pub(in crate::aggregate) fn new(usage: &'u Usage, asked: UsageAsked<'u>) -> Self {
        let kind = usage.schema.kind(asked.name);
        let number = usage.schema.number(asked.name);
        let any = kind.is_none() && asked.name == ANY_EVENT;
        let fields: Vec<Field> = asked
            .slots()
            .map(|slot| slot.map_or(Field::Nothing, |(name, _)| Field::of(name, kind)))
            .collect();
        let reads = |root: TermId| {
            let slots = asked.reads(&[root]);
            slots.into_iter().filter_map(|slot| fields.get(slot as usize).copied()).collect::<Vec<_>>()
        };
        let (early, filters): (Vec<TermId>, Vec<TermId>) = asked.filters.iter().partition(|filter| {
            // Rates are read of each event, so that it can be told which of them lacks one.
            let is_early = reads(**filter).iter().all(|field| field.is_of_what());
            is_early && !(asked.lacks.is_some() && asked.converts(**filter))
        });
        let admitted = usage.whats.each(|what| {
            let same = any || Some(what.kind) == number;
            same && early.iter().all(|filter| asked.holds(*filter, OfWhat { fields: &fields, what }))
        });
        let plain = asked.plain_body().and_then(|slot| fields.get(slot as usize).copied());
        let body = match (asked.body, plain) {
            (None, _) => Body::None,
            (Some(_), Some(Field::User)) if asked.reading == UsageReading::Distinct => Body::User,
            (Some(_), Some(Field::Measure(at, _)))
                if matches!(asked.reading, UsageReading::Sum(_) | UsageReading::Avg(..)) =>
            {
                Body::Measure(at)
            }
            (Some(body), _) => Body::of(body, &reads(body)),
        };
        Self { usage, asked, fields, admitted, filters, body }
    }

    /// Another term that is read of the same events.
    pub(in crate::aggregate) fn body(&self, term: TermId) -> Body {
        let slots = self.asked.reads(&[term]);
        let fields: Vec<Field> =
            slots.into_iter().filter_map(|slot| self.fields.get(slot as usize).copied()).collect();
        Body::of(term, &fields)
    }

    /// Visits the buckets of some days that are asked, in the order of their days.
    pub(in crate::aggregate) fn each(
        &self,
        account: &AccountUsage,
        first: i32,
        last: i32,
        seen: &mut dyn FnMut(&Row<'_>),
    ) {
        self.each_admitted(account, first, last, &mut |row| {
            if self.filters.iter().all(|filter| self.asked.holds(*filter, row)) {
                seen(row);
            }
        });
    }

    /// Tells of the amounts of another account from now on.
    pub(in crate::aggregate) const fn tell_of(&mut self, account: AccountIdx) {
        self.asked.tell_of(account);
    }

    /// Does a question convert amounts, so that rates may be missing?
    pub(super) const fn may_lack_rates(&self) -> bool {
        self.asked.lacks.is_some()
    }

    /// Does an event on these days lack a rate that the question needs? Then the aggregate of all of them is missing.
    pub(super) fn is_lacking(&self, account: Option<&AccountUsage>, first: i32, last: i32) -> bool {
        // No early exit: the log of missing rates records each event.
        let mut found = false;
        self.each_lacking(account, first, last, &mut |_| found = true);
        found
    }

    /// The days among some on which there is such an event.
    pub(super) fn lacking(&self, account: Option<&AccountUsage>, first: i32, last: i32) -> BTreeSet<i32> {
        let mut days = BTreeSet::new();
        self.each_lacking(account, first, last, &mut |day| {
            days.insert(day);
        });
        days
    }

    fn each_lacking(&self, account: Option<&AccountUsage>, first: i32, last: i32, seen: &mut dyn FnMut(i32)) {
        let (Some(lacks), Some(account)) = (self.asked.lacks, account) else { return };
        self.each_admitted(account, first, last, &mut |row| {
            if self.asked.holds(lacks, row) {
                seen(row.bucket().key.day);
            }
        });
    }

    /// Visits the buckets of which the filters that read only what happened are true.
    fn each_admitted(&self, account: &AccountUsage, first: i32, last: i32, seen: &mut dyn FnMut(&Row<'_>)) {
        for span in account.spans(first, last) {
            for place in span.days(first, last) {
                let Some(bucket) = span.bucket(place) else { continue };
                if self.admitted.get(bucket.key.what) != Some(true) {
                    continue;
                }
                seen(&Row { prepared: self, span, place, bucket });
            }
        }
    }

    /// An accumulator for what the question reads.
    pub(super) fn start(&self) -> Reader {
        Reader::new(self.asked.reading)
    }

    /// Is a term nothing but who did it?
    pub(in crate::aggregate) fn is_user(&self, term: TermId) -> bool {
        let slot = self.asked.slot_of(term);
        slot.and_then(|slot| self.fields.get(slot as usize)) == Some(&Field::User)
    }

    /// The answer for an account over some days.
    pub(super) fn answer(&self, account: Option<&AccountUsage>, first: i32, last: i32) -> Cell {
        if self.is_lacking(account, first, last) {
            return Cell::Missing;
        }
        if self.asked.reading == UsageReading::Count {
            let mut count = 0_u64;
            if let Some(account) = account {
                self.each(account, first, last, &mut |row| count = count.saturating_add(row.bucket().count));
            }
            return i64::try_from(count).map_or(Cell::Missing, Cell::Int);
        }
        let mut reader = self.start();
        if let Some(account) = account {
            self.each(account, first, last, &mut |row| reader.add(row));
        }
        reader.cell()
    }
}

/// A thing that may have happened, for filters that ask no more.
struct OfWhat<'w> {
    fields: &'w [Field],
    what: &'w What,
}

impl<'w> Slots<'w> for OfWhat<'w> {
    fn slot(&self, slot: u32) -> Val<'w> {
        self.what.val(self.fields.get(slot as usize).copied())
    }
}

impl What {
    fn val(&self, field: Option<Field>) -> Val<'_> {
        let text = |text: &'_ Option<Arc<str>>| text.clone().map_or(Val::Missing, Val::Made);
        match field {
            Some(Field::Module) => text(&self.module),
            Some(Field::Action) => text(&self.action),
            Some(Field::Property(at)) => self.properties.get(at).map_or(Val::Missing, Val::of_cell),
            _ => Val::Missing,
        }
    }
}

/// A bucket that is asked.
pub(in crate::aggregate) struct Row<'r> {
    prepared: &'r Prepared<'r>,
    span: &'r Span,
    place: usize,
    bucket: &'r Bucket,
}

impl<'r> Row<'r> {
    fn total(&self, measure: usize) -> Option<&'r Sum> {
        self.span.total(self.place, measure, self.prepared.usage.schema.width)
    }

    pub(in crate::aggregate) const fn bucket(&self) -> &'r Bucket {
        self.bucket
    }

    /// The value of the body.
    fn value(&self, body: TermId) -> Val<'r> {
        self.prepared.asked.value(body, self)
    }

    /// The value that is read, for how many events it stands, and whether it is their total.
    fn read(&self) -> (Val<'r>, u64, bool) {
        self.read_of(&self.prepared.body)
    }

    /// The same of any term.
    pub(in crate::aggregate) fn read_of(&self, body: &Body) -> (Val<'r>, u64, bool) {
        match body {
            Body::None => (Val::Bool(true), self.bucket.count, false),
            Body::User => (self.user(), self.bucket.count, false),
            // Sums of measures are not taken through the type of their values.
            Body::Measure(_) => (Val::Missing, 0, true),
            Body::Term(body, totals) => {
                let measures = totals.measures.iter();
                // A value that is there although a measure is not, is that of all events.
                let events = measures.filter_map(|measure| self.total(*measure)).map(|sum| sum.rows).min();
                let is_total = totals.count || !totals.measures.is_empty();
                (self.value(*body), events.unwrap_or(self.bucket.count), is_total)
            }
        }
    }

    /// Who did it, as a number that stands for the same person in all usage.
    pub(in crate::aggregate) fn person(&self) -> Val<'r> {
        match self.bucket.key.person {
            NOBODY => Val::Missing,
            person => Val::Int(i64::from(person)),
        }
    }

    fn user(&self) -> Val<'r> {
        let text = self.prepared.usage.people.get(self.bucket.key.person);
        text.filter(|_| self.bucket.key.person != NOBODY).map_or(Val::Missing, |text| Val::Text(text))
    }
}

impl<'r> Slots<'r> for &Row<'r> {
    fn slot(&self, slot: u32) -> Val<'r> {
        let usage = self.prepared.usage;
        match self.prepared.fields.get(slot as usize).copied() {
            Some(Field::User) => self.user(),
            Some(Field::Day) => Val::Int(i64::from(self.bucket.key.day)),
            Some(Field::Count) => i64::try_from(self.bucket.count).map_or(Val::Missing, Val::Int),
            Some(Field::Measure(at, summed)) => {
                let sum = self.total(at).filter(|sum| !sum.is_out_of_range());
                match (sum, summed) {
                    (None, _) => Val::Missing,
                    (Some(sum), Summed::Int | Summed::Duration) => {
                        i64::try_from(sum.value).map_or(Val::Missing, Val::Int)
                    }
                    (Some(sum), Summed::Wide) => Val::Wide(sum.value),
                    (Some(sum), Summed::Double) => Val::Double(from_quanta(sum.value) + 0.0),
                }
            }
            field => usage.whats.get(self.bucket.key.what).map_or(Val::Missing, |what| what.val(field)),
        }
    }

    fn rates(&self) -> Option<&dyn Rates> {
        self.prepared.asked.rates()
    }

    fn unrated(&self, to: Currency, lacks: Unrated) {
        let key = &self.bucket.key;
        self.prepared.asked.unrated(to, lacks, (key.day, key.what, key.person, self.span.nth(self.place)));
    }
}

/// What was read so far.
#[derive(Debug)]
pub(super) struct Reader {
    reading: UsageReading,
    count: u64,
    /// Days with events, and the last of them.
    days: (i64, Option<i32>),
    first: i64,
    last: i64,
    total: Total,
    best: Best,
    people: Vec<u32>,
    values: Option<HashSet<Cell>>,
}

impl Reader {
    fn new(reading: UsageReading) -> Self {
        Self {
            reading,
            count: 0,
            days: (0, None),
            first: i64::MAX,
            last: i64::MIN,
            total: Total::default(),
            best: Best::default(),
            people: Vec::new(),
            values: None,
        }
    }

    pub(super) fn add(&mut self, row: &Row<'_>) {
        let bucket = row.bucket();
        match self.reading {
            UsageReading::Count => self.count = self.count.saturating_add(bucket.count),
            // Not read of events: the checker refuses it.
            UsageReading::Percentile(_) => {}
            UsageReading::Days => {
                if self.days.1 != Some(bucket.key.day) {
                    self.days = (self.days.0 + 1, Some(bucket.key.day));
                }
            }
            UsageReading::First | UsageReading::Last => {
                self.count = 1;
                self.first = self.first.min(bucket.first);
                self.last = self.last.max(bucket.last);
            }
            UsageReading::Sum(_) | UsageReading::Avg(..) => {
                if let Body::Measure(at) = row.prepared.body {
                    if let Some(sum) = row.total(at) {
                        self.total.merge(&Total(*sum));
                    }
                    return;
                }
                let (value, events, is_total) = row.read();
                if let Some(sum) = weighted(&value, events, is_total) {
                    self.total.merge(&Total(sum));
                }
            }
            UsageReading::Min | UsageReading::Max => {
                let least = self.reading == UsageReading::Min;
                let value = row.read().0;
                self.best.merge(&Best::of_cell(value.to_cell().unwrap_or(Cell::Missing), least));
            }
            UsageReading::Distinct => match row.prepared.body {
                Body::User => {
                    if bucket.key.person != NOBODY {
                        self.people.push(bucket.key.person);
                    }
                }
                _ => {
                    if let Some(cell) = row.read().0.to_cell().filter(|cell| *cell != Cell::Missing) {
                        self.values.get_or_insert_default().insert(cell);
                    }
                }
            },
        }
    }

    /// What all that was read comes to.
    pub(super) fn cell(mut self) -> Cell {
        let int = |value: Option<i64>| value.map_or(Cell::Missing, Cell::Int);
        match self.reading {
            UsageReading::Count => int(i64::try_from(self.count).ok()),
            UsageReading::Days => Cell::Int(self.days.0),
            UsageReading::Percentile(_) => Cell::Missing,
            UsageReading::First => int((self.count > 0).then_some(self.first)),
            UsageReading::Last => int((self.count > 0).then_some(self.last)),
            UsageReading::Sum(summed) => sum_cell(&self.total.0, summed),
            UsageReading::Avg(mean, summed) => self.total.mean(unit_of(summed), mean),
            UsageReading::Min | UsageReading::Max => self.best.cell(),
            UsageReading::Distinct => {
                self.people.sort_unstable();
                self.people.dedup();
                let others = self.values.map_or(0, |values| values.len());
                int(i64::try_from(self.people.len() + others).ok())
            }
        }
    }
}

/// A sum of usage: nothing adds up to 0.
pub(in crate::aggregate) fn sum_cell(sum: &Sum, summed: Summed) -> Cell {
    if sum.is_out_of_range() {
        return Cell::Missing;
    }
    match summed {
        Summed::Int => i64::try_from(sum.value).map_or(Cell::Missing, Cell::Int),
        Summed::Duration => duration_of(sum.value).map_or(Cell::Missing, Cell::Int),
        Summed::Wide => Cell::Wide(sum.value),
        Summed::Double => Cell::Double(Bits::new(from_quanta(sum.value))),
    }
}

/// A value that stands for some events: their total, or the value of each.
pub(in crate::aggregate) fn weighted(value: &Val<'_>, events: u64, is_total: bool) -> Option<Sum> {
    if !matches!(value, Val::Int(_) | Val::Wide(_) | Val::Double(_)) {
        return None;
    }
    let Some(units) = units(value) else { return Some(Sum::UNFIT) };
    let times = if is_total { 1 } else { i128::from(events) };
    Some(match units.checked_mul(times) {
        Some(units) => Sum::over(units, events),
        None => Sum::UNFIT,
    })
}

/// A number in whole units, of which sums are exact; `None` for what is no number, and for a double out of range.
pub(in crate::aggregate) fn units(value: &Val<'_>) -> Option<i128> {
    match value {
        Val::Int(v) => Some(i128::from(*v)),
        Val::Wide(v) => Some(*v),
        Val::Double(v) => to_quanta(*v),
        _ => None,
    }
}

/// The exact sum of some values; missing where none has a value.
pub(crate) fn sum_of(cells: &[Cell], summed: Summed) -> Cell {
    let mut sum = Sum::default();
    for cell in cells {
        if let Some(own) = weighted(&Val::of_cell(cell), 1, false) {
            sum.merge(&own);
        }
    }
    if sum.rows == 0 { Cell::Missing } else { sum_cell(&sum, summed) }
}

/// The unit in which a sum is kept.
pub(in crate::aggregate) const fn unit_of(summed: Summed) -> Unit {
    match summed {
        Summed::Int => Unit::Int,
        Summed::Duration => Unit::Duration,
        Summed::Wide => Unit::Wide,
        Summed::Double => Unit::Quanta,
    }
}
