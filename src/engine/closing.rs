//! Which days does an update close, and what is recorded of them?
//!
//! Ruling S129 of [`docs::semantics`](crate::docs::semantics). The records are computed once, before the update is applied, and are then part
//! of it: a journal holds the rows, and a replay recomputes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::EngineError;
use super::published::{Parts, State};
use super::update::Update;
use crate::book::Account;
use crate::catalog::{RecordFault, RecordFaultKind, RecordedColumn, RecordedDay};
use crate::expr::{ExprValue, Names, Of, Val, day_start};
use crate::model::{AccountId, AccountIdx, AsOf, Date, Faults, Observer, Timestamp};
use crate::set::Scope;
use crate::tree::AccountTree;

impl State {
    /// Adds to an update the rows of the days that it closes.
    pub(super) fn closing(&self, mut update: Update, observer: &dyn Observer) -> Result<Update, EngineError> {
        let days = self.closed_by(&update)?;
        if days.is_empty() {
            return Ok(update);
        }
        let recorded = self.catalog.recorded();
        let mut parts = self.parts();
        // What is imported is known by then.
        parts.beside.records = parts.beside.records.with(&update.steps.records)?;
        let mut now: Option<Self> = None;
        for day in days {
            if !update.steps.records.is_empty() {
                let before = now.as_ref().unwrap_or(self);
                now = Some(before.next(Parts { beside: parts.beside.clone(), ..self.parts() }, observer)?);
            }
            let closed = now.as_ref().unwrap_or(self).record(day, &recorded, observer)?;
            parts.beside.records = parts.beside.records.with([&closed])?;
            update.steps.records.push(closed);
        }
        Ok(update)
    }

    /// The days that an update closes, in order: that of the state where it is over by the moment of the update, and those after it that are
    /// asked for.
    fn closed_by(&self, update: &Update) -> Result<BTreeSet<Date>, EngineError> {
        let today = self.as_of.date();
        // A day is over at midnight of the zone that it was a day of, and where the state is of a later day in another zone.
        let over = |moment: &AsOf| self.as_of.zone().date(moment.instant()).max(moment.date());
        let then = update.moment.as_ref().map_or(today, over);
        let mut days: BTreeSet<Date> = BTreeSet::new();
        let is_plain = update.close_days.is_empty() && update.steps.records.is_empty();
        if is_plain && then <= today {
            return Ok(days);
        }
        let mut faults = Faults::none();
        for RecordedDay { day, .. } in update.steps.records.iter().filter(|of| of.day >= then) {
            faults.add(|| RecordFault { day: *day, column: None, kind: RecordFaultKind::NotOver(then) });
        }
        let recorded = self.catalog.recorded();
        let records = &self.beside.records;
        let is_open =
            |day: Date| recorded.keys().any(|of| records.last_day(of).is_none_or(|last| last < day));
        for day in &update.close_days {
            let last = recorded.keys().filter_map(|column| records.last_day(column)).max();
            let kind = if recorded.is_empty() {
                RecordFaultKind::Nothing
            } else if days.contains(day) || recorded.keys().all(|column| records.is_closed(column, *day)) {
                RecordFaultKind::Closed
            } else if *day >= then {
                RecordFaultKind::NotOver(then)
            } else if *day < today {
                RecordFaultKind::Past
            } else if let Some(last) = last.filter(|_| !is_open(*day)) {
                RecordFaultKind::NotInOrder(last)
            } else {
                days.insert(*day);
                continue;
            };
            faults.add(|| RecordFault { day: *day, column: None, kind });
        }
        if !faults.is_empty() {
            return Err(faults.into());
        }
        if then > today && is_open(today) {
            days.insert(today);
        }
        Ok(days)
    }

    /// Evaluates the recorded columns at the last instant of a day, for all accounts.
    fn record(
        &self,
        day: Date,
        recorded: &BTreeMap<Arc<str>, u32>,
        observer: &dyn Observer,
    ) -> Result<RecordedDay, EngineError> {
        let as_of = self.last_instant(day);
        // The scope of everything is never stale.
        let held = self.held_for(&Scope::all(), &as_of).unwrap_or_else(|_| self.held.clone());
        let view = held.now().inputs.view.clone();
        let number = |column: &Arc<str>| self.catalog.column(column);
        let steps = recorded.keys().filter_map(|column| self.catalog.step_of(number(column)?));
        let steps: Vec<usize> = steps.collect();
        let (derivation, _) = held.with(&steps, self.tick(), observer)?;
        let records = &self.beside.records;
        let places: Vec<AccountIdx> = AccountTree::walk(&view).collect();
        let accounts: Vec<AccountId> = places.iter().map(|place| view.inner().account_id(*place)).collect();
        let numbers = records.numbers(&accounts);
        let mut columns: Vec<RecordedColumn> = Vec::with_capacity(recorded.len());
        for (column, keep_days) in recorded {
            // It was imported up to here.
            if records.last_day(column).is_some_and(|last| last >= day) {
                continue;
            }
            let kind = self.catalog.names().name(Of::Account, column).map(|name| name.kind().clone());
            let derived = number(column).and_then(|number| derivation.columns.get(number)?.as_ref());
            let attribute = view.schema().attribute(column);
            let value = |place: AccountIdx| -> Option<ExprValue> {
                let kind = kind.as_ref()?;
                match (derived, attribute) {
                    (Some(derived), _) => Val::of_cell(&derived.cell(place)).to_value(kind),
                    (None, Some(attribute)) => {
                        let value = Account::new(&view, place).value_at(attribute)?;
                        Val::of_parameter(&value, kind).to_value(kind)
                    }
                    (None, None) => None,
                }
            };
            let values = places.iter().map(|place| value(*place));
            let says = (self.catalog.reads_alone(column, records), Some(*keep_days));
            columns.push(records.differing(column, says, (&accounts, &numbers), values));
        }
        Ok(RecordedDay { day, columns })
    }

    /// The moment of the state, at the last instant of a day in its zone.
    fn last_instant(&self, day: Date) -> AsOf {
        // Where clocks go back over midnight, the day goes on after it was over for the first time.
        let end = day_start(i64::from(day.days()) + 1, self.as_of.zone()).settled.saturating_sub(1);
        let end = Timestamp::from_micros(end).unwrap_or_else(|| self.as_of.instant());
        self.as_of.clone().at_instant(end)
    }
}
