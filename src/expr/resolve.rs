//! Which days does a question mean?
//!
//! Ruling S64 of `docs/semantics`. Relative days become constants before anything is evaluated: evaluators read no clock, no calendar and no zone.

use std::collections::HashMap;
use std::sync::Arc;

use super::term::{Cell, Clock, Day, Moment, Op, Period, TermId, Terms, TimePart};
use crate::model::{AsOf, Date, Timestamp, Weekday, Zone};

impl Terms {
    /// The same terms with the days of a question, and the places where the given ones are now.
    pub(crate) fn as_of(&self, as_of: &AsOf, roots: &[TermId]) -> (Self, Vec<TermId>) {
        let mut there = self.beside();
        let mut places: Vec<TermId> = Vec::with_capacity(self.ops.len());
        for op in &self.ops {
            let moved = moved(op, &places);
            let resolved = match moved {
                Op::Moment(moment) => Op::Const(resolve(moment, as_of)),
                Op::StartOfDay(day, plus) => match there.constant(day) {
                    Some(Cell::Int(days)) => Op::Const(start_of_day(*days, plus, as_of)),
                    _ => Op::Const(Cell::Missing),
                },
                Op::DayOf(of) => match there.constant(of) {
                    Some(Cell::Int(micros)) => Op::Const(day_of(*micros, as_of)),
                    Some(_) => Op::Const(Cell::Missing),
                    None => {
                        let zone = there.zone(std::sync::Arc::new(ZoneOf(as_of.clone())));
                        Op::Part(TimePart::Day, Clock::Instant(zone), of)
                    }
                },
                other => other,
            };
            places.push(there.fold(resolved));
        }
        let roots = roots.iter().map(|root| place(&places, *root)).collect();
        (there, roots)
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
struct ZoneOf(AsOf);

impl Zone for ZoneOf {
    fn name(&self) -> &'static str {
        // No name of a database, so that it is taken for no other zone.
        "the zone of the question"
    }

    fn offset_micros(&self, instant: Timestamp) -> i64 {
        self.0.zone().offset_micros(instant)
    }

    fn date(&self, instant: Timestamp) -> Date {
        self.0.zone().date(instant)
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
            Self::If(a, b, c) => {
                of(a);
                of(b);
                of(c);
            }
            Self::And(all) | Self::Or(all) | Self::Coalesce(all) | Self::Least(all) | Self::Greatest(all) => {
                all.iter_mut().for_each(of);
            }
            Self::Gather { filters, body, .. } => {
                filters.iter_mut().chain(body).for_each(of);
            }
            Self::Usage(_, usage, body) => {
                let mut own = (**usage).clone();
                own.filters.iter_mut().for_each(&mut *of);
                if let Some((first, last)) = &mut own.window {
                    of(first);
                    of(last);
                }
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
fn date_of(day: Day, as_of: &AsOf) -> Option<Date> {
    let today = as_of.date();
    match day {
        Day::Today(days) => today.plus_days(days),
        Day::Months(months) => today.plus_months(months),
        Day::StartOf(period, offset) => start_of(period, offset, as_of),
        // The last day is the one before the next period; of the calendar's last period, its last day.
        Day::EndOf(period, offset) => start_of(period, offset.checked_add(1)?, as_of)?.plus_days(-1),
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
    let fiscal = i32::from(as_of.fiscal().start_month());
    match period {
        Period::Day => today.plus_days(offset),
        Period::Week => {
            let first = weekday(as_of.week_start());
            // 1 January 1970 was a Thursday.
            let behind = (today.days() + 3 - first).rem_euclid(7);
            today.plus_days(offset.checked_mul(7)?.checked_sub(behind)?)
        }
        Period::Month => months(1, 1),
        Period::Quarter => months(1, 3),
        Period::Year => Date::new(year.checked_add(offset)?, 1, 1).ok(),
        Period::FiscalQuarter => months(fiscal, 3),
        Period::FiscalYear => months(fiscal, 12),
    }
}

/// Days after Monday.
const fn weekday(day: Weekday) -> i32 {
    match day {
        Weekday::Monday => 0,
        Weekday::Tuesday => 1,
        Weekday::Wednesday => 2,
        Weekday::Thursday => 3,
        Weekday::Friday => 4,
        Weekday::Saturday => 5,
        Weekday::Sunday => 6,
    }
}

fn day_of(micros: i64, as_of: &AsOf) -> Cell {
    let date = Timestamp::from_micros(micros).map(|instant| as_of.zone().date(instant));
    day_cell(date)
}

fn start_of_day(days: i64, plus: i32, as_of: &AsOf) -> Cell {
    match days.checked_add(i64::from(plus)) {
        Some(day) => Cell::Int(first_instant(day, as_of.zone())),
        None => Cell::Missing,
    }
}

/// The first instant whose date, in a zone, is a day or later.
pub(crate) fn first_instant(day: i64, zone: &dyn Zone) -> i64 {
    // Zones lie within a day of UTC, so that the day begins within a day of its beginning there.
    let midnight = day.saturating_mul(super::scalar::DAY);
    let (mut before, mut after) =
        (midnight.saturating_sub(2 * super::scalar::DAY), midnight.saturating_add(2 * super::scalar::DAY));
    let begun = |micros: i64| match Timestamp::from_micros(micros) {
        Some(instant) => i64::from(zone.date(instant).days()) >= day,
        // Outside the calendar: before its first day, or after its last.
        None => micros > 0,
    };
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if begun(middle) { after = middle } else { before = middle }
    }
    after
}
