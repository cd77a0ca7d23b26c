//! What do days relative to the question mean?
//!
//! They are written out as comparisons with days that are known once the question is asked. A timestamp is compared
//! with days by the instants at which they begin in the zone of the question, so that every day is whole, whatever
//! its length.

use super::{Check, Term};
use crate::expr::ast::NodeId;
use crate::expr::diagnostic::Code;
use crate::expr::functions::{Entry, Function as F};
use crate::expr::term::{Comparison, Day, Moment, Op, Period, TermId};
use crate::expr::types::Type;
use crate::model::{Date, Timestamp, nearest};

/// What is wrong with a day that is written as one.
const NO_SUCH_DAY: &str = "there is no such day";

/// What is wrong with a constant text that is to be a day, an instant or a length of time; `None` where nothing is, and where it is
/// one beyond the range of its type, which is missing.
pub(super) fn unreadable(function: F, text: &str) -> Option<&'static str> {
    let reads = |name: &str, text: &str| crate::expr::parser::constant(name, text).is_some();
    match function {
        F::ToTimestamp if !reads("timestamp", text) => {
            // Years before 1 and after 9999 are written alike.
            let beyond = text.split_once('-').is_some_and(|(year, rest)| {
                let digits = year.bytes().all(|byte| byte.is_ascii_digit());
                digits && (year == "0000" || year.len() > 4) && reads("timestamp", &format!("2000-{rest}"))
            });
            let no_such_day = text.parse::<Timestamp>().is_err_and(|error| error.is_no_such_day());
            (!beyond).then_some(if no_such_day {
                NO_SUCH_DAY
            } else if reads("date", text) {
                "an instant is written with its time and offset, `timestamp(\"2026-03-31T12:00:00Z\")`; a day is \
                 written `date(\"2026-03-31\")`"
            } else {
                "an instant is written with its time and offset, `timestamp(\"2026-03-31T12:00:00Z\")`"
            })
        }
        F::ToDate if text.parse::<Date>().is_err_and(|error| error.is_no_such_day()) => Some(NO_SUCH_DAY),
        F::ToDuration if !reads("duration", text) => {
            // The same text with small numbers.
            let mut small = String::with_capacity(text.len());
            for char in text.chars() {
                let char = if char.is_ascii_digit() { '1' } else { char };
                if char != '1' || !small.ends_with('1') {
                    small.push(char);
                }
            }
            (!reads("duration", &small)).then_some(
                "a length of time is written in h, m, s, ms, us or ns, `duration(\"36h\")`; a day is 24h",
            )
        }
        _ => None,
    }
}

impl Check<'_> {
    /// A day, as a term.
    pub(super) fn day(&mut self, day: Day) -> TermId {
        self.terms.add(Op::Moment(Moment::Day(day)))
    }

    /// Is a term known as soon as the question is asked?
    pub(super) fn is_fixed(&self, id: TermId) -> bool {
        let mut left = vec![id];
        while let Some(id) = left.pop() {
            match self.terms.op(id) {
                Op::Const(_) | Op::Moment(_) => {}
                Op::DayMath(_, a, b) | Op::MonthsAfter(a, b) | Op::InstantMath(_, a, b) => {
                    left.extend([*a, *b]);
                }
                Op::DayOf(of) | Op::StartOfDay(of, _) => left.push(*of),
                _ => return false,
            }
        }
        true
    }

    /// A timestamp compared with a day that is known: by the instants at which days begin.
    pub(super) fn compare_days(
        &mut self,
        comparison: Comparison,
        left: &Term,
        right: &Term,
        node: NodeId,
    ) -> Option<Term> {
        let (instant, day, comparison) = match (&left.kind, &right.kind) {
            (Type::Timestamp, Type::Date) if self.is_fixed(right.id) => (left.id, right.id, comparison),
            (Type::Date, Type::Timestamp) if self.is_fixed(left.id) => {
                (right.id, left.id, super::operators::flipped(comparison))
            }
            _ => return None,
        };
        let mut bound = |days: i32, comparison: Comparison| {
            let start = self.terms.fold(Op::StartOfDay(day, days));
            self.terms.fold(Op::Compare(comparison, instant, start))
        };
        let op = match comparison {
            Comparison::Less => bound(0, Comparison::Less),
            Comparison::LessEqual => bound(1, Comparison::Less),
            Comparison::Greater => bound(1, Comparison::GreaterEqual),
            Comparison::GreaterEqual => bound(0, Comparison::GreaterEqual),
            Comparison::Equal | Comparison::NotEqual => {
                let both = Box::new([bound(0, Comparison::GreaterEqual), bound(1, Comparison::Less)]);
                let within = self.terms.fold(Op::And(both));
                if comparison == Comparison::Equal { within } else { self.terms.fold(Op::Not(within)) }
            }
        };
        Some(Term { id: op, kind: Type::Bool, loose: None, node })
    }

    pub(super) fn day_function(&mut self, entry: &Entry, terms: &[Term], node: NodeId) -> Option<Term> {
        match (entry.function, terms) {
            (F::Today, _) => Some(self.dated(Day::Today(0), node)),
            (F::Now, _) => {
                let id = self.terms.add(Op::Moment(Moment::Now));
                Some(Term { id, kind: Type::Timestamp, loose: None, node })
            }
            (F::DaysAgo, [n]) => {
                let days = self.constant_int(entry, n)?;
                Some(self.dated(Day::Today(-days), node))
            }
            (F::DaysFromNow, [n]) => {
                let days = self.constant_int(entry, n)?;
                Some(self.dated(Day::Today(days), node))
            }
            (F::StartOf | F::EndOf, [period, rest @ ..]) => {
                let name = self.period_name(entry, period)?;
                let Some(found) = period_of(&name) else { return self.unknown_period(period, &PERIODS) };
                let offset = match rest.first() {
                    Some(offset) => self.constant_int(entry, offset)?,
                    None => 0,
                };
                let start = entry.function == F::StartOf;
                Some(
                    self.dated(
                        if start { Day::StartOf(found, offset) } else { Day::EndOf(found, offset) },
                        node,
                    ),
                )
            }
            (F::InLast | F::InNext, [day, n, unit]) => {
                let count = self.constant_int(entry, n)?;
                let name = self.period_name(entry, unit)?;
                let last = entry.function == F::InLast;
                let signed = if last { -count } else { count };
                let far = match &*name {
                    "days" | "day" => Day::Today(signed),
                    "weeks" | "week" => Day::Today(signed.saturating_mul(7)),
                    "months" | "month" => Day::Months(signed),
                    "quarters" | "quarter" => Day::Months(signed.saturating_mul(3)),
                    "years" | "year" => Day::Months(signed.saturating_mul(12)),
                    _ => return self.unknown_period(unit, &["days", "weeks", "months", "quarters", "years"]),
                };
                let today = self.dated(Day::Today(0), node);
                let far = self.dated(far, node);
                let (after, until) = if last { (far, today) } else { (today, far) };
                self.within(day, (Comparison::Greater, &after), (Comparison::LessEqual, &until), node)
            }
            (F::AddMonths, [day, months]) => {
                match day.kind {
                    Type::Date => {}
                    Type::Timestamp => {
                        let message = "`addMonths` counts from a day; write date(..) of the timestamp";
                        return self.fault_at(Code::E103, day.node, message);
                    }
                    _ => return self.takes(entry, "a date", day),
                }
                if months.kind != Type::Int {
                    return self.takes(entry, "a whole number of months", months);
                }
                Some(self.made(Op::MonthsAfter(day.id, months.id), Type::Date, node))
            }
            (F::Before | F::After, [day, other]) => {
                if !matches!(day.kind, Type::Date | Type::Timestamp) {
                    return self.no_day(day);
                }
                let before = entry.function == F::Before;
                self.compare(if before { Comparison::Less } else { Comparison::Greater }, day, other, node)
            }
            (F::During, [day, name]) => {
                let text = self.period_name(entry, name)?;
                let parts = text.split_once('_').and_then(|(which, period)| {
                    let offset = match which {
                        "last" => -1,
                        "this" => 0,
                        "next" => 1,
                        _ => return None,
                    };
                    Some((offset, period_of(period)?))
                });
                let Some((offset, period)) = parts else {
                    let known = ["this_quarter", "last_month", "next_year", "this_week", "this_fiscal_year"];
                    return self.unknown_period(name, &known);
                };
                let first = self.dated(Day::StartOf(period, offset), node);
                let last = self.dated(Day::EndOf(period, offset), node);
                self.within(day, (Comparison::GreaterEqual, &first), (Comparison::LessEqual, &last), node)
            }
            _ => None,
        }
    }

    fn dated(&mut self, day: Day, node: NodeId) -> Term {
        Term { id: self.day(day), kind: Type::Date, loose: None, node }
    }

    fn within(
        &mut self,
        day: &Term,
        (after, low): (Comparison, &Term),
        (until, high): (Comparison, &Term),
        node: NodeId,
    ) -> Option<Term> {
        if !matches!(day.kind, Type::Date | Type::Timestamp) {
            return self.no_day(day);
        }
        let low = self.compare(after, day, low, node)?;
        let high = self.compare(until, day, high, node)?;
        Some(self.made(Op::And(Box::new([low.id, high.id])), Type::Bool, node))
    }

    fn no_day<T>(&mut self, term: &Term) -> Option<T> {
        let message = format!("expected a date or a timestamp, not {}", Self::a(&term.kind));
        self.fault_at(Code::E103, term.node, message)
    }

    fn period_name(&mut self, entry: &Entry, term: &Term) -> Option<std::sync::Arc<str>> {
        match self.constant_text(term) {
            Some(text) => Some(text),
            None => {
                let message = format!("`{}` takes a constant text here: {}", entry.name, entry.usage);
                self.fault_at(Code::E112, term.node, message)
            }
        }
    }

    fn unknown_period<T>(&mut self, term: &Term, known: &[&str]) -> Option<T> {
        let text = self.constant_text(term).unwrap_or_default();
        let near = nearest(&text, known.iter().copied());
        let hint = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
        let edit = near.map(|near| (self.span(term.node), format!("\"{near}\"")));
        let message = format!("no period is called this ({}){hint}", known.join(", "));
        self.edit_at(Code::E102, term.node, message, edit)
    }
}

/// The periods by their names.
pub(in crate::expr) const PERIODS: [&str; 8] =
    ["day", "week", "month", "quarter", "year", "fiscal_month", "fiscal_quarter", "fiscal_year"];

fn period_of(name: &str) -> Option<Period> {
    Some(match name {
        "day" => Period::Day,
        "week" => Period::Week,
        "month" => Period::Month,
        "quarter" => Period::Quarter,
        "year" => Period::Year,
        "fiscal_month" => Period::FiscalMonth,
        "fiscal_quarter" => Period::FiscalQuarter,
        "fiscal_year" => Period::FiscalYear,
        _ => return None,
    })
}
