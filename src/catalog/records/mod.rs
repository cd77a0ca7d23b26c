//! What was recorded on the days that were closed?
//!
//! Ruling S129 of [`docs::semantics`](crate::docs::semantics).

mod day;
mod evolve;
mod ids;
mod layer;
#[cfg(feature = "snapshot")]
mod snapshot;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use self::ids::Ids;
use self::layer::{Layer, Slot};
use super::history::History;
use crate::expr::ExprValue;
use crate::model::{AccountId, Date, Faults};

pub(crate) use self::layer::is_same_record;

pub use self::day::{RecordFault, RecordFaultKind, RecordedColumn, RecordedDay};

/// A day on which a column was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Closed {
    day: Date,
    /// Is each value that of its account alone?
    alone: bool,
}

/// The records of one column.
#[derive(Debug, Clone, Default)]
struct Column {
    /// The days on which it was recorded, in order.
    days: Vec<Closed>,
    /// What differs from day to day, in layers of days that follow each other; each is of more days than the next.
    layers: Vec<Arc<Layer>>,
}

impl Column {
    fn last_day(&self) -> Option<Date> {
        self.days.last().map(|last| last.day)
    }

    /// What holds of an account on a day, and since when.
    fn slot(&self, account: u32, on: Date) -> Option<(i32, Slot)> {
        let mut layers = self.layers.iter().rev().filter(|layer| layer.first <= on);
        layers.find_map(|layer| layer.last(account, on.days()))
    }

    /// The entries that hold on the last day, by number of account; `None` for an account that is absent.
    fn latest(&self, accounts: usize) -> Vec<Option<(&Layer, usize)>> {
        let mut latest: Vec<Option<(&Layer, usize)>> = vec![None; accounts];
        for layer in &self.layers {
            for (account, at) in layer.latest() {
                if let Some(place) = latest.get_mut(account as usize) {
                    *place = Some((&**layer, at)).filter(|_| layer.is_there(at));
                }
            }
        }
        latest
    }

    fn converted(&self, convert: &dyn Fn(ExprValue) -> Option<ExprValue>) -> Self {
        let layers = self.layers.iter().map(|layer| Arc::new(layer.converted(convert))).collect();
        Self { days: self.days.clone(), layers }
    }

    /// The changes of the days that are kept, by number of account, then by day. A value that was recorded before the first of them is
    /// the value of that day; an account that was absent by then has no entry.
    fn entries(&self) -> Vec<(u32, i32, Slot)> {
        let first = self.days.first().map_or(i32::MIN, |first| first.day.days());
        let mut entries: BTreeMap<(u32, i32), Slot> = BTreeMap::new();
        // Layers are in the order of their days, so that the later of two values wins.
        for (account, on, slot) in self.layers.iter().flat_map(|layer| layer.entries()) {
            entries.insert((account, on.max(first)), slot);
        }
        let all = entries.into_iter().map(|((account, on), slot)| (account, on, slot));
        all.filter(|(_, on, slot)| *on > first || *slot != Slot::Absent).collect()
    }

    fn push(&mut self, closed: Closed, layer: Layer, keep_days: Option<u32>) {
        self.days.push(closed);
        let days = keep_days.and_then(|days| i32::try_from(days).ok());
        if let Some(from) = days.and_then(|days| closed.day.plus_days(-days)) {
            // The last day before them holds until the first of them.
            let gone = self.days.partition_point(|closed| closed.day < from).saturating_sub(1);
            self.days.drain(..gone);
        }
        let from = self.days.first().map_or(i32::MIN, |first| first.day.days());
        let mut last = layer;
        while let Some(before) = self.layers.pop_if(|before| before.days <= last.days) {
            last = before.followed_by(&last, from);
        }
        self.layers.push(Arc::new(last));
    }
}

/// What was recorded of columns on earlier days, as data: a part of the state of an engine, and a [`History`]. Cloning is cheap.
///
/// Of a day that is recorded every account of that day has a record; a value that is what it was on the day before takes no room.
///
/// # Complexity
///
/// A record is looked up in logarithmic time, squared; in a scope the days that are withheld are passed over one by one. A day takes the
/// room of what differs from the day before, and 17 bytes for each such value; to be compared with the day before, it takes the time of
/// all that is kept of its columns. Days that are not kept any more are dropped as layers are merged, so that up to twice as much is
/// held.
#[derive(Debug, Clone, Default)]
pub struct Records {
    ids: Arc<Ids>,
    columns: Arc<BTreeMap<Arc<str>, Arc<Column>>>,
}

impl Records {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The columns that were ever recorded, by name.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(|name| &**name)
    }

    /// The days on which a column was recorded, in order.
    pub fn days(&self, column: &str) -> impl Iterator<Item = Date> {
        let days = self.columns.get(column).map_or(&[] as &[Closed], |column| &column.days);
        days.iter().map(|closed| closed.day)
    }

    /// The record of a column for an account on that very day; `None` where there is none, a value that is `None` where it had none.
    #[must_use]
    pub fn on(&self, account: &str, column: &str, day: Date) -> Option<Option<ExprValue>> {
        self.last(account, column, day).filter(|(on, _)| *on == day).map(|(_, value)| value)
    }

    /// Bytes on the heap, by their own count; texts and lists by their handles.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let layers = self.columns.values().flat_map(|column| &column.layers);
        let ids = self.ids.len() * (2 * size_of::<AccountId>() + 4);
        ids + layers.map(|layer| layer.heap_bytes()).sum::<usize>()
    }

    /// Are they the same, as is known at once?
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.columns, &other.columns) || self.columns.is_empty() && other.columns.is_empty()
    }

    /// Is all that was recorded of a column shared?
    pub(crate) fn shares(&self, other: &Self, column: &str) -> bool {
        match (self.columns.get(column), other.columns.get(column)) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (None, None) => true,
            _ => false,
        }
    }

    /// The days of a column that are read, in a scope or outside.
    pub(crate) fn days_read(&self, column: &str, in_scope: bool) -> Vec<Date> {
        let days = self.columns.get(column).map_or(&[] as &[Closed], |column| &column.days);
        days.iter().filter(|closed| closed.alone || !in_scope).map(|closed| closed.day).collect()
    }

    /// The accounts of which anything was ever recorded.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &AccountId> {
        (0..self.ids.len()).filter_map(|number| self.ids.account(u32::try_from(number).ok()?))
    }

    /// Is something else recorded of a column for an account than of another column elsewhere, on the days that are read?
    pub(crate) fn tells_otherwise(
        &self,
        (account, column): (&AccountId, &str),
        (other, other_column): (&Self, &str),
        in_scope: bool,
    ) -> bool {
        let read = |records: &Self, column: &str| {
            let of = records.columns.get(column)?;
            let ends = (of.days.first()?.day, of.last_day()?);
            Some(records.all((account.as_str(), column), ends, |closed| closed.alone || !in_scope))
        };
        let read = |records: &Self, column: &str| read(records, column).unwrap_or_default();
        read(self, column) != read(other, other_column)
    }

    /// Was a column recorded on a day?
    pub(crate) fn is_closed(&self, column: &str, day: Date) -> bool {
        self.columns
            .get(column)
            .is_some_and(|of| of.days.binary_search_by_key(&day, |closed| closed.day).is_ok())
    }

    /// The last day on which a column was recorded.
    pub(crate) fn last_day(&self, column: &str) -> Option<Date> {
        self.columns.get(column)?.last_day()
    }

    /// The numbers of some accounts, for [`Records::differing`].
    pub(crate) fn numbers(&self, accounts: &[AccountId]) -> Vec<Option<u32>> {
        accounts.iter().map(|account| self.ids.number(account.as_str())).collect()
    }

    /// What differs on a day from what is recorded last: `values` are those of all accounts that are there, which have these numbers.
    pub(crate) fn differing(
        &self,
        column: &str,
        (alone, keep_days): (bool, Option<u32>),
        (accounts, numbers): (&[AccountId], &[Option<u32>]),
        values: impl Iterator<Item = Option<ExprValue>>,
    ) -> RecordedColumn {
        let mut latest = self.columns.get(column).map_or_else(Vec::new, |own| own.latest(self.ids.len()));
        let mut changed = Vec::new();
        for ((account, number), value) in accounts.iter().zip(numbers).zip(values) {
            // Whoever is left at the end is not there any more.
            let known = number.and_then(|number| latest.get_mut(number as usize)).and_then(Option::take);
            if !known.is_some_and(|(layer, at)| layer.is(at, value.as_ref())) {
                changed.push((account.clone(), value));
            }
        }
        let gone = (0_u32..).zip(&latest).filter(|(_, known)| known.is_some());
        let mut absent: Vec<AccountId> =
            gone.filter_map(|(number, _)| self.ids.account(number).cloned()).collect();
        changed.sort_by(|a, b| a.0.cmp(&b.0));
        absent.sort_unstable();
        RecordedColumn { column: Arc::from(column), alone, keep_days, changed, absent }
    }

    /// What is recorded last of a column, by account.
    pub(crate) fn latest(&self, column: &str) -> HashMap<AccountId, Option<ExprValue>> {
        let latest = self.columns.get(column).map_or_else(Vec::new, |own| own.latest(self.ids.len()));
        let known = (0_u32..).zip(latest).filter_map(|(number, known)| {
            let (layer, at) = known?;
            let value = match layer.slot(at)? {
                Slot::Value(value) => Some(value),
                Slot::Absent | Slot::Missing => None,
            };
            Some((self.ids.account(number)?.clone(), value))
        });
        known.collect()
    }

    /// With some days, all of them or none; each column in the order of its days.
    ///
    /// # Errors
    ///
    /// Every column and day that is recorded already, or is before one that is.
    ///
    /// # Complexity
    ///
    /// O(n log n) in the changes, and now and then in all that is kept, when layers are merged.
    pub fn with<'d>(
        &self,
        days: impl IntoIterator<Item = &'d RecordedDay>,
    ) -> Result<Self, Faults<RecordFault>> {
        let mut faults = Faults::none();
        let mut ids = (*self.ids).clone();
        let mut columns = (*self.columns).clone();
        for RecordedDay { day, columns: of_day } in days {
            for of in of_day {
                let column = columns.entry(of.column.clone()).or_default();
                if let Some(last) = column.last_day().filter(|last| last >= day) {
                    let is_known = column.days.iter().any(|closed| closed.day == *day);
                    let kind =
                        if is_known { RecordFaultKind::Closed } else { RecordFaultKind::NotInOrder(last) };
                    faults.add(|| RecordFault { day: *day, column: Some(of.column.clone()), kind });
                    continue;
                }
                ids.add(of.changed.iter().map(|(account, _)| account));
                let changed = of.changed.iter().map(|(account, value)| (account, Slot::of(value.clone())));
                let absent = of.absent.iter().map(|account| (account, Slot::Absent));
                let numbered = changed
                    .chain(absent)
                    .filter_map(|(account, slot)| Some((ids.number(account.as_str())?, slot)));
                let mut entries: Vec<(u32, Slot)> = numbered.collect();
                entries.sort_by_key(|(number, _)| *number);
                entries.dedup_by_key(|(number, _)| *number);
                let closed = Closed { day: *day, alone: of.alone };
                Arc::make_mut(column).push(closed, Layer::of_day(*day, &entries), of.keep_days);
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self { ids: Arc::new(ids), columns: Arc::new(columns) })
    }

    /// All that is recorded, day by day: what [`Records::with`] makes the same of.
    #[must_use]
    pub fn to_days(&self) -> Vec<RecordedDay> {
        let mut days: BTreeMap<Date, Vec<RecordedColumn>> = BTreeMap::new();
        for (name, column) in &*self.columns {
            let mut of_day: BTreeMap<i32, RecordedColumn> = BTreeMap::new();
            for closed in &column.days {
                let empty = RecordedColumn {
                    column: name.clone(),
                    alone: closed.alone,
                    keep_days: None,
                    changed: Vec::new(),
                    absent: Vec::new(),
                };
                of_day.insert(closed.day.days(), empty);
            }
            for (account, on, slot) in column.entries() {
                let Some((account, of_day)) = self.ids.account(account).cloned().zip(of_day.get_mut(&on))
                else {
                    continue;
                };
                match slot {
                    Slot::Absent => of_day.absent.push(account),
                    Slot::Missing => of_day.changed.push((account, None)),
                    Slot::Value(value) => of_day.changed.push((account, Some(value))),
                }
            }
            for (on, mut of_day) in of_day {
                of_day.changed.sort_by(|a, b| a.0.cmp(&b.0));
                of_day.absent.sort_unstable();
                if let Some(on) = Date::from_days(on) {
                    days.entry(on).or_default().push(of_day);
                }
            }
        }
        days.into_iter().map(|(day, columns)| RecordedDay { day, columns }).collect()
    }

    /// The records under renamed columns, by `names`; records that already stand under a new name belong to a removed column and are dropped, and so are
    /// those of columns that are `gone`. Values of columns for which `is_converted` holds are converted, or missing where they cannot be.
    pub(crate) fn evolved(
        &self,
        names: &HashMap<Arc<str>, Arc<str>>,
        gone: &HashSet<Arc<str>>,
        is_converted: &dyn Fn(&str) -> bool,
        convert: &dyn Fn(&str, ExprValue) -> Option<ExprValue>,
    ) -> Self {
        let is_touched =
            |name: &Arc<str>| names.contains_key(name) || gone.contains(name) || is_converted(name);
        if !self.columns.keys().any(is_touched) {
            return self.clone();
        }
        let (mut stay, mut moved) = (BTreeMap::new(), BTreeMap::new());
        for (name, column) in
            self.columns.iter().filter(|(name, _)| !gone.contains(*name) || names.contains_key(*name))
        {
            let column = if is_converted(name) {
                Arc::new(column.converted(&|value| convert(name, value)))
            } else {
                column.clone()
            };
            match names.get(name) {
                Some(now) => moved.insert(now.clone(), column),
                None => stay.insert(name.clone(), column),
            };
        }
        stay.extend(moved);
        Self { ids: self.ids.clone(), columns: Arc::new(stay) }
    }

    /// The last record of an account on a day or before it that `reads` lets through.
    fn found(
        &self,
        (account, column): (&str, &str),
        mut on: Date,
        reads: impl Fn(Closed) -> bool,
    ) -> Option<(Date, Option<ExprValue>)> {
        let column = self.columns.get(column)?;
        let account = self.ids.number(account)?;
        loop {
            let at = column.days.partition_point(|closed| closed.day <= on);
            let closed = column.days.get(..at)?.iter().rev().copied().find(|closed| reads(*closed))?;
            match column.slot(account, closed.day)? {
                (_, Slot::Value(value)) => return Some((closed.day, Some(value))),
                (_, Slot::Missing) => return Some((closed.day, None)),
                // It was not there from that day on.
                (since, Slot::Absent) => on = Date::from_days(since)?.plus_days(-1)?,
            }
        }
    }

    fn all(
        &self,
        (account, name): (&str, &str),
        (from, to): (Date, Date),
        reads: impl Fn(Closed) -> bool,
    ) -> Vec<(Date, Option<ExprValue>)> {
        let Some(column) = self.columns.get(name).filter(|_| from <= to) else { return Vec::new() };
        let Some(account) = self.ids.number(account) else { return Vec::new() };
        let start = column.days.partition_point(|closed| closed.day < from);
        let days = column.days.get(start..).unwrap_or_default().iter().take_while(|closed| closed.day <= to);
        let of_day = days.filter(|closed| reads(**closed)).filter_map(|closed| {
            let value = match column.slot(account, closed.day)?.1 {
                Slot::Absent => return None,
                Slot::Missing => None,
                Slot::Value(value) => Some(value),
            };
            Some((closed.day, value))
        });
        of_day.collect()
    }
}

impl History for Records {
    fn last(&self, account: &str, column: &str, on: Date) -> Option<(Date, Option<ExprValue>)> {
        self.found((account, column), on, |_| true)
    }

    fn each(&self, account: &str, column: &str, from: Date, to: Date) -> Vec<(Date, Option<ExprValue>)> {
        self.all((account, column), (from, to), |_| true)
    }
}

/// The records of an engine as a scope shows them: of days on which a column read other accounts than its own, none.
#[derive(Debug, Clone, Default)]
pub struct RecordsInScope(Records);

impl Records {
    /// Those that may be read in a scope: of days on which a column read the account alone.
    #[must_use]
    pub fn in_scope(&self) -> RecordsInScope {
        RecordsInScope(self.clone())
    }

    /// Is there a day of a column that is not read in a scope, since its values told of other accounts?
    #[must_use]
    pub fn is_withheld(&self, column: &str) -> bool {
        self.columns.get(column).is_some_and(|column| column.days.iter().any(|closed| !closed.alone))
    }
}

impl History for RecordsInScope {
    fn last(&self, account: &str, column: &str, on: Date) -> Option<(Date, Option<ExprValue>)> {
        self.0.found((account, column), on, |closed| closed.alone)
    }

    fn each(&self, account: &str, column: &str, from: Date, to: Date) -> Vec<(Date, Option<ExprValue>)> {
        self.0.all((account, column), (from, to), |closed| closed.alone)
    }
}
