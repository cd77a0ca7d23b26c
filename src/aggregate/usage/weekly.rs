//! How are events, or the days of a metric, aggregated by week?
//!
//! Ruling S145 of [`docs::semantics`](crate::docs::semantics). Each week has one value, the aggregate of its events or of the days of a metric; the
//! answer is an aggregate of the weeks.

use std::collections::BTreeSet;

use super::daily;
use super::reading::Prepared;
use super::store::AccountUsage;
use super::tally::Tally;
use crate::expr::{AskedWeeks, Cell, UsageReading};

/// A question about the weeks of some events.
pub(super) struct Weekly<'u> {
    /// What is read of the events, of a week or of a day.
    pub(super) events: Prepared<'u>,
    pub(super) weeks: AskedWeeks,
    /// What is read of each week.
    pub(super) of_week: UsageReading,
    /// Of a metric, what its value of a day is; what is read of a week is read of its days then.
    pub(super) of_day: Option<UsageReading>,
    /// The first day of the first week, where there is one, and the last of the last.
    pub(super) days: (Option<i32>, i32),
}

impl Weekly<'_> {
    /// The value of a week without events; `None` where it has none, or is passed over.
    fn zero(&self) -> Option<Cell> {
        if self.weeks.is_active {
            return None;
        }
        match self.of_day {
            None => daily::zero(self.of_week),
            Some(of_day) => Some(self.of_days(Tally::new(self.of_week), of_day, 0)),
        }
        .filter(|cell| *cell != Cell::Missing)
    }

    /// The aggregate of the days of a week.
    fn of_days(&self, tally: Tally, of_day: UsageReading, week: i32) -> Cell {
        let first = self.weeks.first_day(week);
        tally.cell(daily::zero(of_day).as_ref(), Some(first), first + 6)
    }

    /// The weeks that have events, with their values, in order; a week with a day that lacks a rate has none.
    pub(super) fn values(&self, account: &AccountUsage, seen: &mut dyn FnMut(i32, Cell)) {
        let days = (self.days.0.unwrap_or(i32::MIN), self.days.1);
        let number = |day| self.weeks.number(day);
        let Some(of_day) = self.of_day else {
            return daily::values(&self.events, account, days, number, seen);
        };
        let has_zero = daily::has_zero(of_day).is_some();
        let lacking: BTreeSet<i32> =
            self.events.lacking(Some(account), days.0, days.1).into_iter().map(number).collect();
        let mut close = |(week, tally): (i32, Tally)| {
            let lacks = lacking.contains(&week);
            seen(week, if lacks { Cell::Missing } else { self.of_days(tally, of_day, week) });
        };
        let mut open: Option<(i32, Tally)> = None;
        daily::values(&self.events, account, days, |day| day, &mut |day, cell| {
            let week = number(day);
            if let Some(done) = open.take_if(|(open, _)| *open != week) {
                close(done);
            }
            let (_, tally) = open.get_or_insert_with(|| (week, Tally::new(self.of_week)));
            // A day on which there is nothing to read has no value.
            if cell != Cell::Missing || has_zero {
                tally.add(day, cell);
            }
        });
        if let Some(done) = open {
            close(done);
        }
    }

    /// The aggregate of the weeks.
    pub(super) fn read(&self, account: Option<&AccountUsage>) -> Cell {
        let (first, last) = self.days;
        if self.events.is_lacking(account, first.unwrap_or(i32::MIN), last) {
            return Cell::Missing;
        }
        let zero = self.zero();
        let mut tally = Tally::new(self.weeks.of);
        if let Some(account) = account {
            self.values(account, &mut |week, cell| {
                if cell != Cell::Missing || zero.is_some() {
                    tally.add(week, cell);
                }
            });
        }
        let number = |day| self.weeks.number(day);
        tally.cell(zero.as_ref(), first.map(number), number(last))
    }
}
