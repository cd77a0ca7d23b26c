//! How does usage lie in memory?
//!
//! By account, then by spans of days, then in buckets: what is alike on one civil day is one bucket, unless its kind keeps each row. A
//! change copies the span of days of an account that it touches, and shares the rest with whoever holds an older state.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::dictionary::{parts, placed};
use crate::fold::Sum;

/// Nobody.
pub(super) const NOBODY: u32 = u32::MAX;
/// Days of a span.
const SPAN: i32 = 32;

/// What is alike: the day, what happened, and who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::aggregate) struct Key {
    pub(in crate::aggregate) day: i32,
    /// The number of what happened.
    pub(super) what: u32,
    /// The number of the person, or [`NOBODY`].
    pub(in crate::aggregate) person: u32,
}

/// Events of one day that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::aggregate) struct Bucket {
    pub(in crate::aggregate) key: Key,
    pub(in crate::aggregate) count: u64,
    /// The instants of the first and the last, in microseconds.
    pub(super) first: i64,
    pub(super) last: i64,
    /// Is it one row, which stays one beside others that are alike?
    pub(super) each: bool,
}

/// The order of buckets: by their keys, and rows that are alike by all that they say, so that the order in which they came does not matter.
/// Buckets that are equal in it are one, where their rows are not kept.
pub(super) fn ordered((a, of_a): (&Bucket, &[Sum]), (b, of_b): (&Bucket, &[Sum])) -> Ordering {
    let by_key = a.key.cmp(&b.key);
    if by_key.is_ne() || !(a.each && b.each) {
        return by_key;
    }
    let said = |bucket: &Bucket| (bucket.first, bucket.last, bucket.count);
    said(a).cmp(&said(b)).then_with(|| {
        // Totals that are not there are those of nothing.
        let width = of_a.len().max(of_b.len());
        let parts = |all: &[Sum], at: usize| all.get(at).copied().unwrap_or_default().parts();
        let orders = (0..width).map(|at| parts(of_a, at).cmp(&parts(of_b, at)));
        orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    })
}

impl Bucket {
    /// Are they counted together?
    fn is_one_with(&self, other: &Self) -> bool {
        self.key == other.key && !(self.each && other.each)
    }

    fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

/// The buckets of some days of one account, in order of their keys, with the totals of their measures.
#[derive(Debug, Clone, Default)]
pub(super) struct Span {
    buckets: Vec<Bucket>,
    /// As many for each bucket as the widest kind of event has measures.
    totals: Vec<Sum>,
}

impl Span {
    /// The places of the buckets of some days, both ends included.
    pub(super) fn days(&self, first: i32, last: i32) -> std::ops::Range<usize> {
        let from = self.buckets.partition_point(|bucket| bucket.key.day < first);
        let to = self.buckets.partition_point(|bucket| bucket.key.day <= last);
        from..to.max(from)
    }

    pub(super) fn bucket(&self, place: usize) -> Option<&Bucket> {
        self.buckets.get(place)
    }

    /// Which of the rows with its key a bucket is, from 0.
    pub(super) fn nth(&self, place: usize) -> usize {
        let Some(bucket) = self.bucket(place) else { return 0 };
        place - self.buckets.partition_point(|other| other.key < bucket.key).min(place)
    }

    /// All buckets with their totals.
    pub(super) fn rows(&self, width: usize) -> impl Iterator<Item = (&Bucket, &[Sum])> {
        let totals =
            move |place: usize| self.totals.get(place * width..(place + 1) * width).unwrap_or_default();
        self.buckets.iter().enumerate().map(move |(place, bucket)| (bucket, totals(place)))
    }

    fn totals(&self, place: usize, width: usize) -> &[Sum] {
        self.totals.get(place * width..(place + 1) * width).unwrap_or_default()
    }

    /// The total of a measure, over the events that have it.
    pub(super) fn total(&self, place: usize, measure: usize, width: usize) -> Option<&Sum> {
        self.totals.get(place * width + measure).filter(|sum| sum.rows > 0)
    }

    /// Adds buckets in order of their keys.
    fn add(&mut self, new: &[Arrival], width: usize) {
        let behind = match (self.buckets.last(), new.first()) {
            (Some(last), Some(first)) => last.key < first.bucket.key,
            _ => true,
        };
        if behind {
            if self.buckets.is_empty() {
                self.buckets.reserve_exact(new.len());
                self.totals.reserve_exact(new.len() * width);
            }
            for arrival in new {
                self.push(&arrival.bucket, &arrival.totals, width);
            }
            return;
        }
        if let [one] = new {
            let mut place = self.buckets.partition_point(|bucket| bucket.key < one.bucket.key);
            if one.bucket.each {
                let alike = self.buckets.get(place..).unwrap_or_default();
                let mut end = place + alike.partition_point(|bucket| bucket.key <= one.bucket.key);
                while place < end {
                    let middle = place.midpoint(end);
                    let Some(bucket) = self.buckets.get(middle) else { break };
                    match ordered((bucket, self.totals(middle, width)), one.row()) {
                        Ordering::Less => place = middle + 1,
                        _ => end = middle,
                    }
                }
            }
            match self.buckets.get_mut(place).filter(|bucket| bucket.is_one_with(&one.bucket)) {
                Some(bucket) => {
                    bucket.add(&one.bucket);
                    add_totals(&mut self.totals, place, &one.totals, width);
                }
                None => {
                    self.buckets.insert(place, one.bucket);
                    let padded =
                        one.totals.iter().copied().chain(std::iter::repeat(Sum::default())).take(width);
                    self.totals.splice(place * width..place * width, padded);
                }
            }
            return;
        }
        let old = std::mem::take(self);
        self.buckets.reserve(old.buckets.len() + new.len());
        self.totals.reserve(old.totals.len() + new.len() * width);
        let mut new = new.iter().peekable();
        for (place, bucket) in old.buckets.iter().enumerate() {
            let totals = old.totals(place, width);
            while let Some(arrival) = new.next_if(|new| ordered(new.row(), (bucket, totals)).is_lt()) {
                self.push(&arrival.bucket, &arrival.totals, width);
            }
            self.buckets.push(*bucket);
            self.totals.extend_from_slice(totals);
            while let Some(arrival) = new.next_if(|arrival| bucket.is_one_with(&arrival.bucket)) {
                self.push(&arrival.bucket, &arrival.totals, width);
            }
        }
        for arrival in new {
            self.push(&arrival.bucket, &arrival.totals, width);
        }
    }

    /// Adds a bucket behind the others, or to the last one where it is alike.
    fn push(&mut self, bucket: &Bucket, totals: &[Sum], width: usize) {
        match self.buckets.last_mut().filter(|last| last.is_one_with(bucket)) {
            Some(last) => {
                last.add(bucket);
                let place = self.buckets.len() - 1;
                add_totals(&mut self.totals, place, totals, width);
            }
            None => {
                self.buckets.push(*bucket);
                let padded = totals.iter().copied().chain(std::iter::repeat(Sum::default()));
                self.totals.extend(padded.take(width));
            }
        }
    }

    /// The buckets of some days of several accounts as those of one: what is alike is one bucket.
    fn merged(spans: &[&Self], (first, last): (i32, i32), width: usize) -> Self {
        let mut rows: Vec<(&Bucket, &[Sum])> = Vec::new();
        for span in spans {
            let days = span.days(first, last);
            rows.extend(days.filter_map(|place| Some((span.bucket(place)?, span.totals(place, width)))));
        }
        rows.sort_by(|a, b| ordered(*a, *b));
        let mut merged = Self::default();
        for (bucket, totals) in rows {
            merged.push(bucket, totals, width);
        }
        merged
    }

    /// Drops the days before one, and tells what is dropped.
    fn drop_before(&mut self, day: i32, width: usize, dropped: &mut Dropped) {
        let kept = self.buckets.partition_point(|bucket| bucket.key.day < day);
        for bucket in self.buckets.drain(..kept) {
            dropped.add(bucket.count);
        }
        self.totals.drain(..(kept * width).min(self.totals.len()));
    }

    fn bytes(&self) -> usize {
        self.buckets.capacity() * size_of::<Bucket>() + self.totals.capacity() * size_of::<Sum>()
    }
}

fn add_totals(all: &mut [Sum], place: usize, new: &[Sum], width: usize) {
    let own = all.get_mut(place * width..(place + 1) * width).unwrap_or_default();
    for (own, new) in own.iter_mut().zip(new) {
        own.merge(new);
    }
}

/// What was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Dropped {
    pub(super) buckets: u64,
    pub(super) events: u64,
}

impl Dropped {
    fn add(&mut self, events: u64) {
        self.buckets += 1;
        self.events = self.events.saturating_add(events);
    }
}

/// A bucket on its way in.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    pub(super) account: u32,
    pub(super) bucket: Bucket,
    pub(super) totals: Box<[Sum]>,
}

impl Arrival {
    pub(super) fn row(&self) -> (&Bucket, &[Sum]) {
        (&self.bucket, &self.totals)
    }
}

/// The usage of one account: spans of days in order, by the number of the span.
#[derive(Debug, Clone, Default)]
pub(in crate::aggregate) struct AccountUsage {
    spans: Vec<(i32, Arc<Span>)>,
}

impl AccountUsage {
    /// The spans that reach into some days, both ends included.
    pub(super) fn spans(&self, first: i32, last: i32) -> impl DoubleEndedIterator<Item = &Span> {
        let from = self.spans.partition_point(|(span, _)| *span < first.div_euclid(SPAN));
        let to = self.spans.partition_point(|(span, _)| *span <= last.div_euclid(SPAN));
        self.spans.get(from..to.max(from)).unwrap_or_default().iter().map(|(_, span)| &**span)
    }

    /// The usage of some days of several accounts as that of one. Spans that one of them has alone are shared.
    pub(super) fn merged(all: &[&Self], (first, last): (i32, i32), width: usize) -> Self {
        let mut by_number: BTreeMap<i32, Vec<&Arc<Span>>> = BTreeMap::new();
        for usage in all {
            let within = first.div_euclid(SPAN)..=last.div_euclid(SPAN);
            for (number, span) in usage.spans.iter().filter(|(number, _)| within.contains(number)) {
                by_number.entry(*number).or_default().push(span);
            }
        }
        let spans = by_number.into_iter().map(|(number, spans)| match *spans {
            [one] => (number, one.clone()),
            _ => {
                let spans: Vec<&Span> = spans.iter().map(|span| &***span).collect();
                (number, Arc::new(Span::merged(&spans, (first, last), width)))
            }
        });
        Self { spans: spans.collect() }
    }

    fn add(&mut self, new: &[Arrival], width: usize) {
        for same in
            new.chunk_by(|a, b| a.bucket.key.day.div_euclid(SPAN) == b.bucket.key.day.div_euclid(SPAN))
        {
            let Some(first) = same.first() else { continue };
            let number = first.bucket.key.day.div_euclid(SPAN);
            let place = self.spans.partition_point(|(span, _)| *span < number);
            if self.spans.get(place).is_none_or(|(span, _)| *span != number) {
                self.spans.insert(place, (number, Arc::default()));
            }
            if let Some((_, span)) = self.spans.get_mut(place) {
                Arc::make_mut(span).add(same, width);
            }
        }
    }
}

type Shard = Vec<Arc<AccountUsage>>;

/// The usage of all accounts, by the number of the account.
#[derive(Debug, Clone)]
pub(super) struct Store {
    shards: Arc<Vec<Arc<Shard>>>,
}

impl Store {
    pub(super) fn new() -> Self {
        Self { shards: Arc::new(vec![Arc::default(); parts()]) }
    }

    pub(super) fn account(&self, number: u32) -> Option<&AccountUsage> {
        let (part, place) = placed(number);
        self.shards.get(part)?.get(place).map(|account| &**account)
    }

    /// The accounts of a part, by place.
    pub(super) fn part(&self, part: usize) -> impl Iterator<Item = &AccountUsage> {
        self.shards.get(part).into_iter().flat_map(|shard| shard.iter()).map(|account| &**account)
    }

    /// Adds what came in, in order of account and key.
    pub(super) fn add(&mut self, arrivals: &[Arrival], width: usize) {
        if arrivals.is_empty() {
            return;
        }
        let shards = Arc::make_mut(&mut self.shards);
        for same in arrivals.chunk_by(|a, b| a.account == b.account) {
            let Some(first) = same.first() else { continue };
            let (part, place) = placed(first.account);
            let Some(shard) = shards.get_mut(part) else { continue };
            let shard = Arc::make_mut(shard);
            if shard.len() <= place {
                shard.resize_with(place + 1, Arc::default);
            }
            if let Some(account) = shard.get_mut(place) {
                Arc::make_mut(account).add(same, width);
            }
        }
    }

    /// Drops all days before one.
    pub(super) fn drop_before(&mut self, day: i32, width: usize) -> Dropped {
        let mut dropped = Dropped::default();
        let older = |account: &Arc<AccountUsage>| {
            account.spans.first().is_some_and(|(_, span)| !span.days(i32::MIN, day - 1).is_empty())
        };
        if !self.shards.iter().any(|shard| shard.iter().any(older)) {
            return dropped;
        }
        for shard in Arc::make_mut(&mut self.shards) {
            if !shard.iter().any(older) {
                continue;
            }
            for account in Arc::make_mut(shard).iter_mut().filter(|account| older(account)) {
                let spans = &mut Arc::make_mut(account).spans;
                for (_, span) in spans.iter_mut() {
                    if !span.days(i32::MIN, day - 1).is_empty() {
                        Arc::make_mut(span).drop_before(day, width, &mut dropped);
                    }
                }
                spans.retain(|(_, span)| !span.buckets.is_empty());
            }
        }
        dropped
    }

    /// The parts and places at which two stores do not share what they hold.
    pub(super) fn differing(&self, other: &Self) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        if Arc::ptr_eq(&self.shards, &other.shards) {
            return found;
        }
        for part in 0..self.shards.len().max(other.shards.len()) {
            let (own, others) = (self.shards.get(part), other.shards.get(part));
            if own.zip(others).is_some_and(|(own, others)| Arc::ptr_eq(own, others)) {
                continue;
            }
            let longest = own.map_or(0, |shard| shard.len()).max(others.map_or(0, |shard| shard.len()));
            let at =
                |shard: Option<&Arc<Shard>>, place: usize| shard.and_then(|shard| shard.get(place).cloned());
            found.extend((0..longest).filter_map(|place| match (at(own, place), at(others, place)) {
                (Some(own), Some(others)) if Arc::ptr_eq(&own, &others) => None,
                _ => Some((part, place)),
            }));
        }
        found
    }

    /// Every account that has usage, by number.
    pub(super) fn accounts(&self) -> impl Iterator<Item = (usize, usize, &AccountUsage)> {
        let parts = self.shards.iter().enumerate();
        parts.flat_map(|(part, shard)| {
            shard.iter().enumerate().map(move |(place, account)| (part, place, &**account))
        })
    }

    pub(super) fn buckets(&self) -> usize {
        let spans = self.accounts().flat_map(|(_, _, account)| &account.spans);
        spans.map(|(_, span)| span.buckets.len()).sum()
    }

    pub(super) fn bytes(&self) -> usize {
        let account = |account: &AccountUsage| {
            let spans = account.spans.iter().map(|(_, span)| span.bytes() + size_of::<Span>() + 16);
            spans.sum::<usize>()
                + account.spans.capacity() * size_of::<(i32, Arc<Span>)>()
                + size_of::<AccountUsage>()
                + 24
        };
        self.accounts().map(|(_, _, usage)| account(usage)).sum()
    }
}
