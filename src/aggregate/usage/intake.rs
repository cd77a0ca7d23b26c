//! Does a row of usage fit, and where does it go?

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::dictionary::placed;
use super::event::{Event, When};
use super::ids::ANY_PRINT;
use super::reading::units;
use super::report::{UsageFaultKind, UsageRefused, UsageReport};
use super::settings::{Faulty, TooOld, UsageSettings};
use super::store::{Arrival, Bucket, Key, NOBODY, ordered};
use super::what::{WhatRef, cell_of, put_cell, put_name};
use super::{Usage, start_of_day};
use crate::expr::{Cell, Val};
use crate::fold::Sum;
use crate::model::{
    AccountId, Date, EventKind, MAX_EVENT_FIELDS, UsageSchema, ValueFault, ValueFaultKind, hint,
};
use crate::tree::hash_of_bytes;

/// A row that fits.
struct Fit<'e> {
    row: usize,
    event: &'e Event<'e>,
    kind: u16,
    day: i32,
    instant: i64,
    module: Option<&'e str>,
    action: Option<&'e str>,
    properties: Vec<Cell>,
    measures: Vec<Sum>,
}

/// The days that are taken, both ends included.
#[derive(Clone, Copy)]
pub(super) struct Taken {
    pub(super) first: Option<Date>,
    last: Date,
}

impl Usage {
    /// Counts a batch of usage: rows of any kind, of any day that is kept, in any order. `today` is the day that
    /// retention is counted from.
    ///
    /// Days that are older than those kept are dropped at the same time, so that an empty batch does no more than that.
    ///
    /// # Errors
    ///
    /// [`UsageRefused`] with every fault, where the settings refuse a batch with a row at fault. Nothing has changed
    /// then.
    ///
    /// # Complexity
    ///
    /// O(rows log rows), and for each account in the batch the size of the month that it touches.
    pub fn ingest<'a>(
        &mut self,
        events: impl IntoIterator<Item = Event<'a>>,
        today: Date,
    ) -> Result<UsageReport, UsageRefused> {
        let events: Vec<Event<'a>> = events.into_iter().collect();
        let mut report = UsageReport { rows: events.len(), ..UsageReport::default() };
        let taken = self.taken(today);
        let ids_from = self.ids_from(today);
        let (schema, settings) = (self.schema.clone(), self.settings.clone());
        let reader = Reader { schema: &schema, settings: &settings, taken, starts: RefCell::default() };
        let mut fits: Vec<(Fit<'_>, bool)> = Vec::with_capacity(events.len());
        let mut seen: HashMap<&str, u64> = HashMap::new();
        let mut too_old_events = 0_u64;
        for (row, event) in events.iter().enumerate() {
            let fit = match reader.fit(row, event) {
                Ok(fit) => fit,
                Err(kinds) => {
                    let only_old = self.settings.too_old == TooOld::Count
                        && kinds.iter().all(|kind| matches!(kind, UsageFaultKind::TooOld { .. }));
                    if only_old {
                        report.too_old += 1;
                        too_old_events += u64::from(event.count);
                    } else {
                        report.fault(row, event.account, kinds);
                    }
                    continue;
                }
            };
            // It has an id, of a day whose ids are forgotten.
            let mut is_late = false;
            if let Some(id) = event.id {
                let print = fit.print();
                match self.ids.find(id, ids_from).or_else(|| seen.get(id).copied()) {
                    Some(known) if known == print || known == ANY_PRINT => {
                        report.duplicates += 1;
                        continue;
                    }
                    Some(_) => {
                        report.fault(row, event.account, [UsageFaultKind::IdReused { id: id.to_owned() }]);
                        continue;
                    }
                    None => {
                        seen.insert(id, print);
                        is_late = fit.day < ids_from.max(self.ids.from());
                    }
                }
            }
            fits.push((fit, is_late));
        }
        if report.faulty > 0 && self.settings.faulty == Faulty::RefuseBatch {
            return Err(UsageRefused::new(report));
        }
        self.dropped_events = self.dropped_events.saturating_add(too_old_events);
        self.keep_from(taken.first, today);
        let mut arrivals: Vec<Arrival> = Vec::with_capacity(fits.len());
        for (fit, is_late) in fits {
            let (row, event, day) = (fit.row, fit.event, fit.day);
            let print = event.id.map(|_| fit.print());
            match self.arrival(fit) {
                Ok(arrival) => {
                    report.counted += 1;
                    report.events = report.events.saturating_add(u64::from(event.count));
                    report.late += usize::from(is_late);
                    if let Some((id, print)) = event.id.zip(print) {
                        // Of a day whose ids are forgotten: it is remembered from the day on which it came in.
                        let since = if is_late { today.days().max(self.ids.from()) } else { day };
                        self.ids.remember(id, since, print);
                    }
                    arrivals.push(arrival);
                }
                Err(what) => {
                    report.fault(row, event.account, [UsageFaultKind::TooMany { what: what.into() }]);
                }
            }
        }
        arrivals.sort_unstable_by(|a, b| {
            placed(a.account).cmp(&placed(b.account)).then_with(|| ordered(a.row(), b.row()))
        });
        self.store.add(&arrivals, self.schema.width);
        self.version += 1;
        Ok(report)
    }

    pub(super) fn taken(&self, today: Date) -> Taken {
        let days = |days: u32| i32::try_from(days).unwrap_or(i32::MAX);
        let kept = self
            .settings
            .keep_days
            .map(|kept| today.plus_days(1_i32.saturating_sub(days(kept))).unwrap_or(Date::MIN));
        // Days that were dropped do not come back, should the clock of the host go back.
        let first = kept.max(self.kept_from);
        Taken { first, last: today.plus_days(days(self.settings.ahead_days)).unwrap_or(Date::MAX) }
    }

    pub(super) fn keep_from(&mut self, first: Option<Date>, today: Date) {
        if let Some(first) = first.filter(|first| Some(*first) > self.kept_from) {
            self.kept_from = Some(first);
            let dropped = self.store.drop_before(first.days(), self.schema.width);
            self.dropped_events = self.dropped_events.saturating_add(dropped.events);
        }
        self.ids.forget_before(self.ids_from(today));
    }

    /// The first day whose events are known by their ids.
    fn ids_from(&self, today: Date) -> i32 {
        let days = i32::try_from(self.settings.ids_for_days).unwrap_or(i32::MAX);
        today.days().saturating_sub(days).saturating_add(1)
    }

    fn arrival(&mut self, fit: Fit<'_>) -> Result<Arrival, &'static str> {
        let account = self.accounts.intern(fit.event.account, |id| Arc::from(id)).ok_or("accounts")?;
        let person = match fit.event.user {
            None => NOBODY,
            Some(user) => self.people.intern(user, |id| Arc::from(id)).ok_or("users")?,
        };
        let what =
            WhatRef { kind: fit.kind, module: fit.module, action: fit.action, properties: &fit.properties };
        let what = self.whats.intern(&what, |what| what.kept()).ok_or("properties")?;
        let bucket = Bucket {
            key: Key { day: fit.day, what, person },
            count: u64::from(fit.event.count),
            first: fit.instant,
            last: fit.instant,
            each: self.schema.at(fit.kind).is_some_and(EventKind::is_each),
        };
        Ok(Arrival { account, bucket, totals: fit.measures.into() })
    }
}

/// What rows are held against.
struct Reader<'e> {
    schema: &'e UsageSchema,
    settings: &'e UsageSettings,
    taken: Taken,
    /// The first instants of days: finding one takes some steps.
    starts: RefCell<HashMap<Date, i64>>,
}

impl<'e> Reader<'e> {
    fn start_of(&self, day: Date) -> i64 {
        let start = || start_of_day(&*self.settings.zone, day);
        *self.starts.borrow_mut().entry(day).or_insert_with(start)
    }

    fn fit(&self, row: usize, event: &'e Event<'e>) -> Result<Fit<'e>, Vec<UsageFaultKind>> {
        use UsageFaultKind as F;
        let mut faults = Vec::new();
        if let Err(error) = AccountId::check(event.account) {
            faults.push(F::Account(error));
        }
        if let Some(error) = event.user.and_then(|user| AccountId::check(user).err()) {
            faults.push(F::User(error));
        }
        if let Some(error) = event.id.and_then(|id| AccountId::check(id).err()) {
            faults.push(F::EventId(error));
        }
        for (what, name) in [("module", event.module), ("action", event.action)] {
            if let Some(error) = name.and_then(|name| AccountId::check(name).err()) {
                faults.push(F::Name { what: what.into(), error });
            }
        }
        if event.count == 0 {
            faults.push(F::NoEvents);
        }
        let (day, instant) = match event.when {
            When::At(instant) => (self.settings.zone.date(instant), instant.micros()),
            When::On(day) => (day, self.start_of(day)),
        };
        match self.taken.first {
            Some(kept_from) if day < kept_from => faults.push(F::TooOld { day, kept_from }),
            _ if day > self.taken.last => faults.push(F::TooNew { day, last: self.taken.last }),
            _ => {}
        }
        let number = self.schema.number(event.kind);
        let (Some(number), Some(kind)) = (number, number.and_then(|number| self.schema.at(number))) else {
            let hint = hint(event.kind, self.schema.kinds().map(EventKind::name));
            faults.push(F::UnknownEvent { event: event.kind.to_owned(), hint });
            return Err(faults);
        };
        // More than any kind has, and too many to be looked through one by one.
        if event.values.len() > 2 * MAX_EVENT_FIELDS {
            faults.push(F::TooMany { what: "values".into() });
            return Err(faults);
        }
        let mut properties = vec![Cell::Missing; kind.properties.len()];
        let mut measures: Vec<Sum> = Vec::new();
        for (place, (name, value)) in event.values.iter().enumerate() {
            if event.values.iter().take(place).any(|(before, _)| before == name) {
                faults.push(F::RepeatedField { name: (*name).to_owned() });
                continue;
            }
            let fault = |kind| F::Value(ValueFault { attribute: (*name).to_owned(), kind });
            if let Some((at, _, property)) = kind.properties.get_full(*name) {
                match property.accept(value.clone()) {
                    Ok(value) => {
                        if let Some(cell) = properties.get_mut(at) {
                            *cell = cell_of(&value, property);
                        }
                    }
                    Err(kind) => faults.push(fault(kind)),
                }
            } else if let Some((at, _, measure)) = kind.measures.get_full(*name) {
                match measure.accept(value.clone()).map(|value| cell_of(&value, measure)) {
                    Ok(cell) => match units(&Val::of_cell(&cell)) {
                        Some(units) => {
                            measures.resize(kind.measures.len(), Sum::default());
                            if let Some(sum) = measures.get_mut(at) {
                                *sum = Sum::over(units, u64::from(event.count));
                            }
                        }
                        None => faults.push(fault(ValueFaultKind::OutOfRange { text: value.to_string() })),
                    },
                    Err(kind) => faults.push(fault(kind)),
                }
            } else {
                let all = kind.properties.keys().chain(kind.measures.keys());
                let hint = hint(name, all.map(|name| &**name));
                let (event, name) = (event.kind.to_owned(), (*name).to_owned());
                faults.push(F::UnknownField { event, name, hint });
            }
        }
        for property in kind.properties.values().chain(kind.measures.values()) {
            let given = event.values.iter().any(|(name, _)| *name == property.name());
            if property.is_required() && !given {
                let attribute = property.name().to_owned();
                faults.push(F::Value(ValueFault { attribute, kind: ValueFaultKind::Required }));
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let (module, action) =
            (event.module.or(kind.module.as_deref()), event.action.or(kind.action.as_deref()));
        Ok(Fit { row, event, kind: number, day: day.days(), instant, module, action, properties, measures })
    }
}

impl Fit<'_> {
    /// A fingerprint of all that the row says. It is kept in snapshots: the same on every machine, in every release.
    fn print(&self) -> u64 {
        let event = self.event;
        let mut said = Vec::with_capacity(128);
        said.extend(self.kind.to_le_bytes());
        said.extend(self.instant.to_le_bytes());
        said.push(u8::from(matches!(event.when, When::On(_))));
        said.extend(event.count.to_le_bytes());
        for text in [Some(event.account), event.user, self.module, self.action] {
            put_name(&mut said, text);
        }
        self.properties.iter().for_each(|cell| put_cell(&mut said, cell));
        for sum in &self.measures {
            said.extend(sum.value.to_le_bytes());
            said.extend(sum.rows.to_le_bytes());
        }
        hash_of_bytes(&said)
    }
}
