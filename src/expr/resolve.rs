//! Which days does a question mean?
//!
//! Ruling S64 of `docs/semantics`. Relative days become constants before anything is evaluated: evaluators read no clock, no calendar and no zone.

use std::collections::HashMap;
use std::sync::Arc;

use super::day_start::day_start;
use super::term::{Cell, Clock, Comparison, Day, Moment, Op, Period, TermId, Terms, TimePart};
use crate::model::{AsOf, Date, FiscalPeriod, Timestamp, Zone};

impl Terms {
    /// The same terms with the days of a question, and the places where the given ones are now.
    pub(crate) fn as_of(&self, as_of: &AsOf, roots: &[TermId]) -> (Self, Vec<TermId>) {
        let mut there = self.beside();
        let mut places: Vec<TermId> = Vec::with_capacity(self.ops.len());
        for op in &self.ops {
            let here = moved(op, &places);
            let resolved = match here {
                Op::Moment(moment) => Op::Const(resolve(moment, as_of)),
                Op::StartOfDay(day, plus) => {
                    let day = match there.constant(day) {
                        Some(Cell::Int(days)) => days.checked_add(i64::from(plus)),
                        _ => None,
                    };
                    let first = day.map(|day| Cell::Int(day_start(day, as_of.zone()).first));
                    Op::Const(first.unwrap_or(Cell::Missing))
                }
                Op::DayOf(of) => there.day_of(of, as_of),
                Op::Compare(comparison, instant, _) => {
                    let start = match op {
                        Op::Compare(_, _, start) => self.ops.get(start.index()),
                        _ => None,
                    };
                    let start = start.map(|start| moved(start, &places));
                    let dates = by_date(comparison, instant, start.as_ref(), &mut there, as_of);
                    dates.unwrap_or(here)
                }
                other => other,
            };
            places.push(there.fold(resolved));
        }
        let roots = roots.iter().map(|root| place(&places, *root)).collect();
        (there, roots)
    }

    /// The day of an instant in the zone of a question.
    fn day_of(&mut self, instant: TermId, as_of: &AsOf) -> Op {
        match self.constant(instant) {
            Some(Cell::Int(micros)) => Op::Const(day_of(*micros, as_of)),
            Some(_) => Op::Const(Cell::Missing),
            None => {
                let zone = self.zone(Arc::new(ZoneOf::new(as_of)));
                Op::Part(TimePart::Day, Clock::Instant(zone), instant)
            }
        }
    }

    /// Only the terms that the given ones are made of, and the places where those are now.
    pub(super) fn pruned(mut self, roots: &[TermId]) -> (Self, Vec<TermId>) {
        let mut needed = vec![false; self.ops.len()];
        let need = |needed: &mut Vec<bool>, id: TermId| {
            if let Some(needed) = needed.get_mut(id.index()) {
                *needed = true;
            }
        };
        roots.iter().for_each(|root| need(&mut needed, *root));
        // Terms stand after those that they are made of.
        for (at, op) in self.ops.iter_mut().enumerate().rev() {
            if needed.get(at) == Some(&true) {
                op.each_part(&mut |part| need(&mut needed, *part));
            }
        }
        let mut there = self.beside();
        there.slots.clear();
        let mut places: Vec<TermId> = Vec::with_capacity(self.ops.len());
        for (mut op, needed) in std::mem::take(&mut self.ops).into_iter().zip(needed) {
            // What is not needed is at no place; nothing that is needed refers to it.
            let id = match (needed, &mut op) {
                (false, _) => TermId::NONE,
                (true, Op::Slot(slot)) => match self.slots.get(*slot as usize) {
                    Some(slot) => there.slot(&slot.of, &slot.name, &slot.kind),
                    None => there.add(Op::Const(Cell::Missing)),
                },
                (true, _) => {
                    op.each_part(&mut |part| *part = place(&places, *part));
                    there.add(op)
                }
            };
            places.push(id);
        }
        let roots = roots.iter().map(|root| place(&places, *root)).collect();
        (there, roots)
    }

    /// Adds the terms of others, with each segment that they ask in its place; where they are now.
    pub(super) fn join(&mut self, other: &Self, segments: &Linked) -> Vec<TermId> {
        let mut places: Vec<TermId> = Vec::with_capacity(other.ops.len());
        let zones: Vec<u32> = other.zones.iter().map(|zone| self.zone(zone.clone())).collect();
        for op in &other.ops {
            let moved = match moved(op, &places) {
                Op::Slot(slot) => {
                    let id = other
                        .slots
                        .get(slot as usize)
                        .map(|slot| self.slot(&slot.of, &slot.name, &slot.kind));
                    places.extend(id);
                    continue;
                }
                Op::Part(part, Clock::Instant(zone), of) => {
                    let zone = zones.get(zone as usize).copied().unwrap_or(u32::MAX);
                    Op::Part(part, Clock::Instant(zone), of)
                }
                // Membership has two values: who is not known to be in is not in.
                Op::InSegment(id) => match segments.get(&id) {
                    Some(segment) => {
                        let out = self.add(Op::Const(Cell::Bool(false)));
                        Op::Coalesce([*segment, out].into())
                    }
                    None => Op::InSegment(id),
                },
                op => op,
            };
            places.push(self.add(moved));
        }
        places
    }
}

/// Where the questions of segments stand among some terms.
pub(super) type Linked = HashMap<Arc<str>, TermId>;

/// The zone of a question, among the zones of the terms.
#[derive(Debug)]
struct ZoneOf {
    as_of: AsOf,
    /// That of the zone, so that terms of two zones are told apart; but no name of a database, so that the zone is taken for
    /// none of those that the expression names.
    name: String,
}

impl ZoneOf {
    fn new(as_of: &AsOf) -> Self {
        Self { as_of: as_of.clone(), name: format!("the zone of the question: {}", as_of.zone().name()) }
    }
}

impl Zone for ZoneOf {
    fn name(&self) -> &str {
        &self.name
    }

    fn offset_micros(&self, instant: Timestamp) -> i64 {
        self.as_of.zone().offset_micros(instant)
    }

    fn date(&self, instant: Timestamp) -> Date {
        self.as_of.zone().date(instant)
    }
}

pub(super) fn place(places: &[TermId], id: TermId) -> TermId {
    places.get(id.index()).copied().unwrap_or(TermId(u32::MAX))
}

/// An operation on terms that moved.
pub(super) fn moved(op: &Op, places: &[TermId]) -> Op {
    let mut op = op.clone();
    op.each_part(&mut |part| *part = place(places, *part));
    op
}

impl Op {
    /// The terms that it is made of.
    pub(super) fn parts(&self) -> Vec<TermId> {
        let mut parts = Vec::new();
        self.clone().each_part(&mut |part| parts.push(*part));
        parts
    }

    pub(super) fn each_part(&mut self, of: &mut dyn FnMut(&mut TermId)) {
        match self {
            Self::Const(_)
            | Self::Slot(_)
            | Self::Supplied(_)
            | Self::Element(_)
            | Self::Moment(_)
            | Self::Level
            | Self::AccountId
            | Self::Under { .. }
            | Self::Owns(_)
            | Self::InSegment(_) => {}
            Self::Outer(a)
            | Self::Field(a, _)
            | Self::Convert(_, a)
            | Self::Not(a)
            | Self::Has(a)
            | Self::OneOf(a, _)
            | Self::Negate(a)
            | Self::Like(a, _)
            | Self::Lower(a)
            | Self::Upper(a)
            | Self::Size(a)
            | Self::Rounding(_, a)
            | Self::WideRounding(_, _, a)
            | Self::Part(_, _, a)
            | Self::DayOf(a)
            | Self::StartOfDay(a, _)
            | Self::At(_, a) => of(a),
            Self::Item(a, b)
            | Self::IsNot(a, b)
            | Self::Compare(_, a, b)
            | Self::InList(a, b)
            | Self::IntMath(_, a, b)
            | Self::WideMath(_, a, b)
            | Self::DoubleMath(_, a, b)
            | Self::WideByDouble(a, b, _)
            | Self::DayMath(_, a, b)
            | Self::DaysBetween(a, b)
            | Self::MonthsAfter(a, b)
            | Self::InstantMath(_, a, b)
            | Self::DurationMath(_, a, b)
            | Self::TimeBetween(a, b)
            | Self::Join(a, b)
            | Self::Text(_, a, b)
            | Self::Holds { list: a, values: b, .. }
            | Self::Each(_, a, b) => {
                of(a);
                of(b);
            }
            Self::Exchange { amount, currency, day, .. } => {
                of(amount);
                currency.iter_mut().for_each(&mut *of);
                of(day);
            }
            Self::If(a, b, c) => {
                of(a);
                of(b);
                of(c);
            }
            Self::Guarded { guard, of: value } => {
                of(guard);
                of(value);
            }
            Self::And(all) | Self::Or(all) | Self::Coalesce(all) | Self::Least(all) | Self::Greatest(all) => {
                all.iter_mut().for_each(of);
            }
            Self::Gather { filters, body, .. } => {
                filters.iter_mut().chain(body).for_each(of);
            }
            Self::Usage(_, usage, body) => {
                let mut own = (**usage).clone();
                own.filters.iter_mut().chain(&mut own.lacks).for_each(&mut *of);
                if let Some((first, last)) = &mut own.window {
                    of(first);
                    of(last);
                }
                own.weeks.iter_mut().for_each(|weeks| of(&mut weeks.this_week));
                body.iter_mut().for_each(of);
                *usage = std::sync::Arc::new(own);
            }
        }
    }
}

fn resolve(moment: Moment, as_of: &AsOf) -> Cell {
    match moment {
        Moment::Now => Cell::Int(as_of.instant().micros()),
        Moment::Day(day) => day_cell(date_of(day, as_of)),
    }
}

fn day_cell(date: Option<Date>) -> Cell {
    date.map_or(Cell::Missing, |date| Cell::Int(i64::from(date.days())))
}

/// The date of a relative day; `None` outside the calendar.
pub(super) fn date_of(day: Day, as_of: &AsOf) -> Option<Date> {
    let today = as_of.date();
    match day {
        Day::Today(days) => today.plus_days(days),
        Day::Months(months) => today.plus_months(months),
        Day::StartOf(period, offset) => start_of(period, offset, as_of),
        // The last day is the one before the next period; of the calendar's last period, its last day.
        Day::EndOf(period, offset) => start_of(period, offset.checked_add(1)?, as_of)?.plus_days(-1),
        Day::PlanYear => as_of.fiscal().year_of(today),
    }
}

fn start_of(period: Period, offset: i32, as_of: &AsOf) -> Option<Date> {
    let today = as_of.date();
    let (year, month, day) = today.civil();
    let months = |start_month: i32, length: i32| {
        let behind = (i32::from(month) - start_month).rem_euclid(length);
        let first = today.plus_days(1 - i32::from(day))?;
        first.plus_months(offset.checked_mul(length)?.checked_sub(behind)?)
    };
    let fiscal = |period| as_of.fiscal().start_of(period, today, offset);
    match period {
        Period::Day => today.plus_days(offset),
        Period::Week => {
            let first = as_of.week_start().number();
            // 1 January 1970 was a Thursday.
            let behind = (today.days() + 3 - first).rem_euclid(7);
            today.plus_days(offset.checked_mul(7)?.checked_sub(behind)?)
        }
        Period::Month => months(1, 1),
        Period::Quarter => months(1, 3),
        Period::Year => Date::new(year.checked_add(offset)?, 1, 1).ok(),
        Period::FiscalMonth => fiscal(FiscalPeriod::Month),
        Period::FiscalQuarter => fiscal(FiscalPeriod::Quarter),
        Period::FiscalYear => fiscal(FiscalPeriod::Year),
    }
}

fn day_of(micros: i64, as_of: &AsOf) -> Cell {
    let date = Timestamp::from_micros(micros).map(|instant| as_of.zone().date(instant));
    day_cell(date)
}

/// A comparison with the beginning of a day, where that begins twice: of the dates, since instants of the day before stand
/// between the two beginnings.
fn by_date(
    comparison: Comparison,
    instant: TermId,
    start: Option<&Op>,
    there: &mut Terms,
    as_of: &AsOf,
) -> Option<Op> {
    let Some(Op::StartOfDay(day, plus)) = start else { return None };
    let Some(Cell::Int(days)) = there.constant(*day) else { return None };
    let day = days.checked_add(i64::from(*plus))?;
    let start = day_start(day, as_of.zone());
    if start.first == start.settled {
        return None;
    }
    let date = there.day_of(instant, as_of);
    let date = there.fold(date);
    let day = there.fold(Op::Const(Cell::Int(day)));
    Some(Op::Compare(comparison, date, day))
}
