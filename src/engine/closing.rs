//! Which days does an update close, and what is recorded of them?
//!
//! Ruling S129 of [`docs::semantics`](crate::docs::semantics). What is recorded is worked out once, before the update is applied, and is then
//! part of it: a journal holds the rows, and a replay works out nothing again.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::error::EngineError;
use super::published::{Parts, State};
use super::update::Update;
use crate::book::Account;
use crate::catalog::{RecordFault, RecordFaultKind, RecordedColumn, RecordedDay};
use crate::expr::{ExprValue, Names, Of, Val, first_instant};
use crate::model::{AccountId, AsOf, Date, Faults, Observer, Timestamp};
use crate::set::Scope;
use crate::tree::AccountTree;

impl State {
    /// An update with the rows of the days that it closes.
    pub(super) fn closing<'u>(
        &self,
        update: &'u Update,
        observer: &dyn Observer,
    ) -> Result<Cow<'u, Update>, EngineError> {
        let days = self.closed_by(update)?;
        if days.is_empty() {
            return Ok(Cow::Borrowed(update));
        }
        let mut update = update.clone();
        let mut parts = self.parts();
        // What is imported is known by then.
        parts.beside.records = parts.beside.records.with(&update.steps.records)?;
        let mut now: Option<Self> = None;
        for day in days {
            if !update.steps.records.is_empty() {
                let before = now.as_ref().unwrap_or(self);
                now = Some(before.next(Parts { beside: parts.beside.clone(), ..self.parts() }, observer)?);
            }
            let closed = now.as_ref().unwrap_or(self).record(day, observer)?;
            parts.beside.records = parts.beside.records.with([&closed])?;
            update.steps.records.push(closed);
        }
        Ok(Cow::Owned(update))
    }

    /// The days that an update closes, in order: that of the state where it is over by the moment of the update, and those after it that are
    /// asked for.
    fn closed_by(&self, update: &Update) -> Result<BTreeSet<Date>, EngineError> {
        let today = self.as_of.date();
        let zone = self.as_of.zone();
        let then = update.moment.as_ref().map_or(today, |moment| zone.date(moment.instant()));
        let records = &self.beside.records;
        let is_recording = !self.catalog.recorded().is_empty();
        let mut days: BTreeSet<Date> = BTreeSet::new();
        let mut faults = Faults::none();
        for day in &update.close_days {
            let kind = if !is_recording {
                RecordFaultKind::Nothing
            } else if records.is_closed(*day) || days.contains(day) {
                RecordFaultKind::Closed
            } else if *day >= then {
                RecordFaultKind::NotOver(then)
            } else if *day < today {
                RecordFaultKind::Past
            } else {
                days.insert(*day);
                continue;
            };
            faults.add(|| RecordFault { day: *day, column: None, kind });
        }
        if !faults.is_empty() {
            return Err(faults.into());
        }
        if then > today && is_recording && !records.is_closed(today) {
            days.insert(today);
        }
        Ok(days)
    }

    /// What is recorded of a day: what the state comes to at its last instant.
    fn record(&self, day: Date, observer: &dyn Observer) -> Result<RecordedDay, EngineError> {
        let as_of = self.last_instant(day);
        let held = self.held_for(&Scope::all(), &as_of).unwrap_or_else(|_| self.held.clone());
        let view = held.now().inputs.view.clone();
        let recorded = self.catalog.recorded();
        let number = |column: &Arc<str>| self.catalog.column(column);
        let steps = recorded.keys().filter_map(|column| self.catalog.step_of(number(column)?));
        let steps: Vec<usize> = steps.collect();
        let (derivation, _) = held.with(&steps, self.tick(), observer)?;
        let records = &self.beside.records;
        let places: Vec<_> = AccountTree::walk(&view).collect();
        let mut columns: Vec<RecordedColumn> = Vec::with_capacity(recorded.len());
        for (column, keep_days) in &recorded {
            // It was imported up to here.
            if records.last_day(column).is_some_and(|last| last >= day) {
                continue;
            }
            let kind = self.catalog.names().name(Of::Account, column).map(|name| name.kind().clone());
            let derived = number(column).and_then(|number| derivation.columns.get(number)?.as_ref());
            let attribute = view.schema().attribute(column);
            let value = |place| -> Option<ExprValue> {
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
            let values = places.iter().map(|place| -> (AccountId, Option<ExprValue>) {
                (view.inner().account_id(*place), value(*place))
            });
            let says = (self.catalog.reads_alone(column), Some(*keep_days));
            columns.push(records.differing(column, says, values));
        }
        Ok(RecordedDay { day, columns })
    }

    /// The moment of the state, at the last instant of a day in its zone.
    fn last_instant(&self, day: Date) -> AsOf {
        let end = first_instant(i64::from(day.days()) + 1, self.as_of.zone()).saturating_sub(1);
        let end = Timestamp::from_micros(end).unwrap_or_else(|| self.as_of.instant());
        self.as_of.clone().at_instant(end)
    }
}
