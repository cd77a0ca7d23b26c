//! What is known of some rows, on the way to an answer?
//!
//! Every state is a commutative monoid: merging is associative, its order changes nothing, and the empty state is neutral.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::buckets;
use super::counts::Counts;
use super::definition::{MAX_UNION, Nulls};
use super::moments::Moments;
use super::spec::{Number, Spec};
use crate::aggregate::usage::{sum_cell, unit_of, units, weighted};
use crate::expr::{Bits, Cell, Key, Summed, Total, Unrated, Val, key_at, place_of};
use crate::fold::{QUANTUM_BITS, Sum, from_quanta};
use crate::model::{nearest_double, quotient};

/// For how many events a value stands, and whether it is their total; else it is the value of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::aggregate) struct Events {
    pub(in crate::aggregate) number: u64,
    pub(in crate::aggregate) is_total: bool,
}

impl Events {
    /// Of an account or a child row.
    const ONE: Self = Self { number: 1, is_total: false };
}

/// The one or two values that an operator reads of a row, each with its number of events.
#[derive(Debug, Clone)]
pub(in crate::aggregate) struct Read<'r> {
    pub(in crate::aggregate) first: Val<'r>,
    pub(in crate::aggregate) second: Option<Val<'r>>,
    pub(in crate::aggregate) events: Events,
    pub(in crate::aggregate) second_events: Events,
    /// The first value is the number of a person.
    pub(in crate::aggregate) is_person: bool,
    /// Its amounts whose rates are not known; the values are missing then.
    pub(in crate::aggregate) unrated: [Option<Unrated>; 2],
    /// Its expressions convert amounts themselves, and a rate is missing that the filter or a value needs.
    pub(in crate::aggregate) lacks_rate: bool,
}

impl<'r> Read<'r> {
    /// Of an account or a child row.
    pub(super) const fn once(first: Val<'r>, second: Option<Val<'r>>) -> Self {
        let (events, second_events) = (Events::ONE, Events::ONE);
        Self { first, second, events, second_events, is_person: false, unrated: [None; 2], lacks_rate: false }
    }

    /// The same of which a rate is missing, so that its values are not known.
    pub(super) fn lacking(mut self, lacks: bool) -> Self {
        if lacks {
            self.lacks_rate = true;
            self.first = Val::Missing;
        }
        self
    }

    /// Has it an amount whose rate is not known?
    pub(super) fn is_unrated(&self) -> bool {
        self.lacks_rate || self.unrated.iter().any(Option::is_some)
    }

    /// Tells of its amounts whose rates are not known, of equal ones once.
    pub(super) fn told(&self, tell: &mut dyn FnMut(Unrated)) {
        let [first, second] = self.unrated;
        first.into_iter().chain(second.filter(|_| first != second)).for_each(tell);
    }

    pub(super) fn has_values(&self) -> bool {
        !self.is_unrated()
            && !self.first.is_missing()
            && self.second.as_ref().is_none_or(|second| !second.is_missing())
    }

    /// How often a value stands there: the total of some events is one value.
    pub(super) const fn often(&self) -> u64 {
        if self.events.is_total { 1 } else { self.events.number }
    }

    pub(super) fn sums(&self) -> Option<Sum> {
        weighted(&self.first, self.events.number, self.events.is_total)
    }

    /// The sums of both values over the events that have both. Which events of a row have a measure is not kept, so that a
    /// total is taken whole.
    pub(super) fn both_sums(&self) -> Option<(Sum, Sum)> {
        let number = self.events.number.min(self.second_events.number);
        let first = weighted(&self.first, number, self.events.is_total)?;
        let second = weighted(self.second.as_ref()?, number, self.second_events.is_total)?;
        Some((first, second))
    }

    pub(super) fn key(&self) -> Option<Key> {
        Key::of_cell(self.first.to_cell()?)
    }
}

/// What is known of the values.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    Nothing,
    Sum(Sum),
    Pair(Box<(Sum, Sum)>),
    Moments(Box<Moments>),
    Extreme(Key),
    /// The best in order, the best first.
    Ranked(Vec<Key>),
    /// By what, and what.
    Dated(Box<(Key, Option<Key>)>),
    Distinct(HashSet<Key>),
    Counts(Box<Counts>),
    Values(BTreeMap<Key, u64>),
    Buckets(BTreeMap<i32, u64>),
    /// By code.
    Codes(Box<[u64]>),
    Union(BTreeSet<Arc<str>>),
    /// Too many texts for a union.
    Beyond,
}

/// The rows that were read, and what is known of their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::aggregate) struct State {
    known: Known,
    /// Rows with a value.
    pub(in crate::aggregate) counted: u64,
    /// Rows without one.
    pub(in crate::aggregate) skipped: u64,
    /// Those of the latter with an amount whose rate is not known: what all rows come to is not known then either.
    unrated: u64,
}

impl Default for State {
    fn default() -> Self {
        Self { known: Known::Nothing, counted: 0, skipped: 0, unrated: 0 }
    }
}

impl State {
    pub(in crate::aggregate) fn add(&mut self, spec: &Spec, row: &Read<'_>) {
        if *spec == Spec::Count && !row.is_unrated() {
            self.counted = self.counted.saturating_add(row.events.number);
            return;
        }
        if !spec.counts(row) {
            self.skipped += 1;
            self.unrated += u64::from(row.is_unrated());
            return;
        }
        self.counted += 1;
        if self.known.add(spec, row) {
            return;
        }
        let known = match spec {
            Spec::Count => return,
            Spec::Sum { .. } | Spec::Average { .. } => Known::Sum(row.sums().unwrap_or(Sum::UNFIT)),
            Spec::Ratio { .. } => Known::Pair(Box::new(row.both_sums().unwrap_or((Sum::UNFIT, Sum::UNFIT)))),
            Spec::Variance { .. } => {
                let mut moments = Moments::default();
                moments.add(units(&row.first), row.often());
                Known::Moments(Box::new(moments))
            }
            Spec::Share { value } => {
                let is = u64::from(row.first.to_cell().as_ref() == Some(value));
                let times = row.often();
                let hits = Sum::of(i128::from(is * times));
                Known::Pair(Box::new((hits, Sum::of(i128::from(times)))))
            }
            Spec::Histogram { number, .. } => match double(&row.first, *number) {
                Some(double) => Known::Buckets(BTreeMap::from([(buckets::bucket(double), row.often())])),
                None => return,
            },
            Spec::Counts { zeros } => {
                let mut counts = vec![0; zeros.len()].into_boxed_slice();
                count_code(&mut counts, row);
                Known::Codes(counts)
            }
            Spec::Union => {
                let texts = texts(&row.first);
                if texts.len() > MAX_UNION { Known::Beyond } else { Known::Union(texts) }
            }
            Spec::Dated { .. } => {
                let by = row.second.as_ref().and_then(Val::to_cell).and_then(Key::of_cell);
                match by {
                    Some(by) => Known::Dated(Box::new((by, row.key()))),
                    None => return,
                }
            }
            _ => {
                let Some(key) = row.key() else { return };
                match spec {
                    Spec::Extreme { .. } => Known::Extreme(key),
                    Spec::Rank { k, .. } => {
                        let times = usize::try_from(row.often()).unwrap_or(usize::MAX).min(*k);
                        Known::Ranked(vec![key; times])
                    }
                    Spec::Distinct => Known::Distinct(HashSet::from([key])),
                    Spec::Top { .. } => Known::Counts(Box::new(Counts::of(key, row.often()))),
                    _ => Known::Values(BTreeMap::from([(key, row.often())])),
                }
            }
        };
        self.known.absorb(spec, known);
    }

    pub(in crate::aggregate) fn absorb(&mut self, spec: &Spec, other: Self) {
        self.counted = self.counted.saturating_add(other.counted);
        self.skipped = self.skipped.saturating_add(other.skipped);
        self.unrated = self.unrated.saturating_add(other.unrated);
        self.known.absorb(spec, other.known);
    }

    /// Is a value among those that were counted once, or a text in a union?
    pub(super) fn holds(&self, key: &Key) -> bool {
        match (&self.known, key) {
            (Known::Distinct(known), key) => known.contains(key),
            (Known::Union(known), Key::Text(text)) => known.contains(text),
            _ => false,
        }
    }

    /// Is there a value, be it one that is not known?
    pub(in crate::aggregate) const fn has_values(&self) -> bool {
        self.counted > 0 || self.unrated > 0
    }

    /// The answer.
    pub(in crate::aggregate) fn value(&self, spec: &Spec, nulls: Nulls) -> Cell {
        if self.unrated > 0 || nulls == Nulls::Refuse && self.skipped > 0 {
            return Cell::Missing;
        }
        match (spec, &self.known) {
            (Spec::Count, _) => i64::try_from(self.counted).map_or(Cell::Missing, Cell::Int),
            (Spec::Sum { summed, of_nothing: true }, Known::Nothing) => sum_cell(&Sum::default(), *summed),
            (Spec::Sum { summed, .. }, Known::Sum(sum)) => sum_cell(sum, *summed),
            (Spec::Average { summed, mean }, Known::Sum(sum)) => Total(*sum).mean(unit_of(*summed), *mean),
            (Spec::Ratio { above, below, money_digits }, Known::Pair(pair)) => {
                ratio(&pair.0, *above, &pair.1, *below, *money_digits)
            }
            (Spec::Share { .. }, Known::Pair(pair)) => {
                let whole = Number { summed: Summed::Int, scale: 0 };
                ratio(&pair.0, whole, &pair.1, whole, None)
            }
            (Spec::Variance { number, sample, root }, Known::Moments(moments)) => {
                let (digits, bits) = parts(*number);
                let variance = moments.variance(*sample, digits, bits);
                let double = if *root { variance.map(f64::sqrt) } else { variance };
                double
                    .filter(|double| double.is_finite())
                    .map_or(Cell::Missing, |v| Cell::Double(Bits::new(v)))
            }
            (Spec::Extreme { .. }, Known::Extreme(key)) => key.clone().cell(),
            (Spec::Rank { k, .. }, Known::Ranked(keys)) => {
                k.checked_sub(1).and_then(|at| keys.get(at)).cloned().map_or(Cell::Missing, Key::cell)
            }
            (Spec::Dated { .. }, Known::Dated(best)) => best.1.clone().map_or(Cell::Missing, Key::cell),
            (Spec::Distinct, Known::Distinct(values)) => {
                i64::try_from(values.len()).map_or(Cell::Missing, Cell::Int)
            }
            (Spec::Distinct, Known::Nothing) => Cell::Int(0),
            (Spec::Top { k, list: true }, Known::Counts(counts)) => {
                Cell::List(counts.top(*k).into_iter().map(Key::cell).collect())
            }
            (Spec::Top { .. }, Known::Counts(counts)) => counts.top(1).pop().map_or(Cell::Missing, Key::cell),
            (Spec::Percentile { hundredths }, Known::Values(values)) => {
                let place = place_of(*hundredths, values.values().sum());
                key_at(values, place).cloned().map_or(Cell::Missing, Key::cell)
            }
            (Spec::Histogram { hundredths, .. }, Known::Buckets(counts)) => {
                let place = place_of(*hundredths, counts.values().sum());
                key_at(counts, place)
                    .map_or(Cell::Missing, |bucket| Cell::Double(Bits::new(buckets::middle(*bucket))))
            }
            (Spec::Counts { .. }, Known::Codes(counts)) => {
                let count = |count: &u64| i64::try_from(*count).ok().map(Cell::Int);
                let counts = counts.iter().map(count).collect::<Option<_>>();
                counts.map_or(Cell::Missing, Cell::List)
            }
            (Spec::Counts { zeros }, Known::Nothing) => Cell::List(zeros.clone()),
            (Spec::Union, Known::Union(texts)) => {
                Cell::List(texts.iter().map(|text| Cell::Text(text.clone())).collect())
            }
            _ => Cell::Missing,
        }
    }
}

impl Known {
    /// Adds a row to what is known, without making a state of it first; `false` where that must be made.
    fn add(&mut self, spec: &Spec, row: &Read<'_>) -> bool {
        match (self, spec) {
            (Self::Moments(own), Spec::Variance { .. }) => own.add(units(&row.first), row.often()),
            (Self::Counts(own), Spec::Top { .. }) => match row.key() {
                Some(key) => own.add(key, row.often()),
                None => return false,
            },
            (Self::Distinct(own), Spec::Distinct) => own.extend(row.key()),
            (Self::Values(own), Spec::Percentile { .. }) => match row.key() {
                Some(key) => count(own, key, row.often()),
                None => return false,
            },
            (Self::Codes(own), Spec::Counts { .. }) => count_code(own, row),
            (Self::Buckets(own), Spec::Histogram { number, .. }) => match double(&row.first, *number) {
                Some(double) => count(own, buckets::bucket(double), row.often()),
                None => return false,
            },
            // What is worse than all that are kept changes nothing.
            (Self::Ranked(own), Spec::Rank { k, least }) if own.len() >= *k => {
                return row.key().zip(own.last()).is_some_and(|(key, last)| !better(&key, last, *least));
            }
            _ => return false,
        }
        true
    }

    fn absorb(&mut self, spec: &Spec, other: Self) {
        match (&mut *self, other) {
            (Self::Nothing, other) => *self = other,
            (_, Self::Nothing) | (Self::Beyond, _) => {}
            (_, Self::Beyond) => *self = Self::Beyond,
            (Self::Sum(own), Self::Sum(other)) => own.merge(&other),
            (Self::Pair(own), Self::Pair(other)) => {
                own.0.merge(&other.0);
                own.1.merge(&other.1);
            }
            (Self::Moments(own), Self::Moments(other)) => own.merge(&other),
            (Self::Extreme(own), Self::Extreme(other)) => {
                replace_by(own, other, *spec == Spec::Extreme { least: true });
            }
            (Self::Ranked(own), Self::Ranked(other)) => {
                let Spec::Rank { k, least } = spec else { return };
                let old = std::mem::take(own);
                let (mut left, mut right) = (old.into_iter().peekable(), other.into_iter().peekable());
                while own.len() < *k {
                    let next = match (left.peek(), right.peek()) {
                        (Some(a), Some(b)) if better(b, a, *least) => right.next(),
                        (Some(_), _) => left.next(),
                        (None, _) => right.next(),
                    };
                    match next {
                        Some(key) => own.push(key),
                        None => break,
                    }
                }
            }
            (Self::Dated(own), Self::Dated(other)) => {
                replace_dated(own, *other, matches!(spec, Spec::Dated { first: true, .. }));
            }
            (Self::Distinct(own), Self::Distinct(mut other)) => {
                if other.len() > own.len() {
                    std::mem::swap(own, &mut other);
                }
                own.extend(other);
            }
            (Self::Counts(own), Self::Counts(other)) => own.absorb(*other),
            (Self::Values(own), Self::Values(other)) => add_counts(own, other),
            (Self::Buckets(own), Self::Buckets(other)) => add_counts(own, other),
            (Self::Codes(own), Self::Codes(other)) => {
                own.iter_mut().zip(&other).for_each(|(own, other)| *own = own.saturating_add(*other));
            }
            (Self::Union(own), Self::Union(mut other)) => {
                if other.len() > own.len() {
                    std::mem::swap(own, &mut other);
                }
                own.append(&mut other);
                if own.len() > MAX_UNION {
                    *self = Self::Beyond;
                }
            }
            // States of one operator are of one kind.
            _ => {}
        }
    }
}

/// Takes the other one where its date is better, or on the same date its value; no value is the worst of all.
fn replace_dated(own: &mut (Key, Option<Key>), other: (Key, Option<Key>), least: bool) {
    let is_better = match (own.0 == other.0, &own.1, &other.1) {
        (false, ..) => better(&other.0, &own.0, least),
        (true, Some(own), Some(other)) => better(other, own, least),
        (true, own, other) => own.is_none() && other.is_some(),
    };
    if is_better {
        *own = other;
    }
}

fn replace_by<T: Ord>(own: &mut T, other: T, least: bool) {
    if better(&other, own, least) {
        *own = other;
    }
}

fn better<T: Ord>(one: &T, than: &T, least: bool) -> bool {
    if least { one < than } else { one > than }
}

fn count<K: Ord>(own: &mut BTreeMap<K, u64>, key: K, times: u64) {
    let count = own.entry(key).or_insert(0);
    *count = count.saturating_add(times);
}

/// Counts a value of an enumeration or band by its code, and true and false as 1 and 0.
fn count_code(counts: &mut [u64], row: &Read<'_>) {
    let code = match row.first {
        Val::Bool(truth) => Some(usize::from(truth)),
        Val::Int(code) => usize::try_from(code).ok(),
        _ => None,
    };
    if let Some(count) = code.and_then(|code| counts.get_mut(code)) {
        *count = count.saturating_add(row.often());
    }
}

fn add_counts<K: Ord>(own: &mut BTreeMap<K, u64>, mut other: BTreeMap<K, u64>) {
    if other.len() > own.len() {
        std::mem::swap(own, &mut other);
    }
    for (key, count) in other {
        let sum = own.entry(key).or_insert(0);
        *sum = sum.saturating_add(count);
    }
}

/// The digits and the bits behind the point of one unit.
const fn parts(number: Number) -> (u8, i32) {
    match number.summed {
        Summed::Double => (0, 64),
        _ => (number.scale, 0),
    }
}

fn units_to_double(units: i128, number: Number) -> f64 {
    match number.summed {
        Summed::Double => from_quanta(units),
        _ => nearest_double(units, number.scale),
    }
}

pub(super) fn double(value: &Val<'_>, number: Number) -> Option<f64> {
    match value {
        Val::Double(v) => Some(*v),
        value => units(value).map(|units| units_to_double(units, number)),
    }
}

/// One sum by another: a double, or money with some digits more, rounded half to even once.
pub(super) fn ratio(
    above: &Sum,
    above_of: Number,
    below: &Sum,
    below_of: Number,
    money_digits: Option<u8>,
) -> Cell {
    if above.is_out_of_range() || below.is_out_of_range() || below.value == 0 {
        return Cell::Missing;
    }
    let Some(digits) = money_digits else {
        // Of no negative zero: a sum of nothing by one below 0 is 0.
        let double = units_to_double(above.value, above_of) / units_to_double(below.value, below_of) + 0.0;
        return if double.is_finite() { Cell::Double(Bits::new(double)) } else { Cell::Missing };
    };
    // The divisor has digits of its own, or counts quanta.
    let factor = 10_u128.checked_pow(u32::from(digits) + u32::from(below_of.scale));
    let raised = if below_of.summed == Summed::Double { QUANTUM_BITS } else { 0 };
    let units = factor.and_then(|factor| quotient(above.value, factor, raised, below.value));
    units.map_or(Cell::Missing, Cell::Wide)
}

/// The texts of a value: a text, or a list of them.
pub(super) fn texts(value: &Val<'_>) -> BTreeSet<Arc<str>> {
    match value.to_cell() {
        Some(Cell::Text(text)) => BTreeSet::from([text]),
        Some(Cell::List(items)) => items
            .iter()
            .filter_map(|item| match item {
                Cell::Text(text) => Some(text.clone()),
                _ => None,
            })
            .collect(),
        _ => BTreeSet::new(),
    }
}
