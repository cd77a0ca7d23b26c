//! What does an expression give for one account?
//!
//! Walks the terms of one expression from its root, and reads no more than it must: the second side of `&&` only
//! where the first does not decide. Ruling S59 of `docs/semantics`. The recursion is as deep as the checked expression nests, which is counted.

use super::exchange::Unrated;
use super::scalar;
use super::term::{Arithmetic, Cell, Conversion, Gather, Op, TermId, Terms};
use super::value::Val;
use crate::model::{Currency, Date, Rates};

/// Where names are read.
pub(crate) trait Slots<'a> {
    /// The value of a slot of the terms.
    fn slot(&self, slot: u32) -> Val<'a>;

    /// The value of what needs a book, which was worked out before.
    fn derived(&self, id: TermId) -> Val<'a> {
        let _ = id;
        Val::Missing
    }

    /// The rates at which amounts are converted; without them none is.
    fn rates(&self) -> Option<&dyn Rates> {
        None
    }

    /// Is told of an amount that is not converted to a currency.
    fn unrated(&self, to: Currency, lacks: Unrated) {
        let _ = (to, lacks);
    }
}

/// No names at all: for constants.
pub(super) struct NoSlots;

impl<'a> Slots<'a> for NoSlots {
    fn slot(&self, _slot: u32) -> Val<'a> {
        Val::Missing
    }
}

/// Evaluates terms for one account.
pub(super) struct Eval<'a, S> {
    pub(super) terms: &'a Terms,
    pub(super) slots: S,
}

/// The elements that the lambdas around a term speak of, innermost first.
pub(super) struct Element<'a, 'f> {
    value: Val<'a>,
    around: Option<&'f Element<'a, 'f>>,
}

type Around<'a, 'f> = Option<&'f Element<'a, 'f>>;

impl<'a, S: Slots<'a>> Eval<'a, S> {
    /// The value of a term.
    pub(super) fn value(&self, id: TermId) -> Val<'a> {
        self.at(id, None)
    }

    /// The answer of a yes/no term.
    pub(super) fn truth_of(&self, id: TermId) -> Option<bool> {
        self.truth(id, None)
    }

    fn truth(&self, id: TermId, around: Around<'a, '_>) -> Option<bool> {
        match self.terms.op(id) {
            Op::And(terms) => self.junction(terms, false, around),
            Op::Or(terms) => self.junction(terms, true, around),
            Op::Not(of) => self.truth(*of, around).map(|truth| !truth),
            Op::Compare(comparison, left, right) => {
                let left = self.at(*left, around);
                let order = match self.terms.op(*right) {
                    Op::Const(cell) => scalar::order(&left, &Val::of_cell(cell)),
                    _ => scalar::order(&left, &self.at(*right, around)),
                };
                order.map(|order| comparison.holds(order))
            }
            Op::OneOf(of, constants) => one_of(&self.at(*of, around), constants),
            Op::Has(of) => Some(!self.at(*of, around).is_missing()),
            Op::IsNot(left, right) => {
                let (left, right) = (self.at(*left, around), self.at(*right, around));
                // A missing value is not another, not even a missing one.
                Some(scalar::order(&left, &right).is_none_or(std::cmp::Ordering::is_ne))
            }
            _ => self.at(id, around).truth(),
        }
    }

    /// `&&` is decided by a false, `||` by a true.
    fn junction(&self, terms: &[TermId], decided: bool, around: Around<'a, '_>) -> Option<bool> {
        let mut missing = false;
        for term in terms {
            match self.truth(*term, around) {
                Some(truth) if truth == decided => return Some(decided),
                Some(_) => {}
                None => missing = true,
            }
        }
        if missing { None } else { Some(!decided) }
    }

    #[expect(clippy::too_many_lines, reason = "one line for each operation")]
    fn at(&self, id: TermId, around: Around<'a, '_>) -> Val<'a> {
        let value = |id: &TermId| self.at(*id, around);
        let int = |id: &TermId| match self.at(*id, around) {
            Val::Int(int) => Some(int),
            _ => None,
        };
        match self.terms.op(id) {
            Op::Const(cell) => Val::of_cell(cell),
            Op::Slot(slot) => self.slots.slot(*slot),
            Op::Element(inside) => {
                let mut element = around;
                for _ in 0..*inside {
                    element = element.and_then(|here| here.around);
                }
                element.map_or(Val::Missing, |here| here.value.clone())
            }
            Op::Field(of, name) => value(of).field(name),
            Op::Item(list, at) => match (value(list), value(at)) {
                (list, Val::Int(at)) => usize::try_from(at).map_or(Val::Missing, |at| list.item(at)),
                _ => Val::Missing,
            },
            Op::Convert(conversion, of) => scalar::convert(conversion, value(of)),
            Op::Not(_)
            | Op::And(_)
            | Op::Or(_)
            | Op::Has(_)
            | Op::IsNot(..)
            | Op::Compare(..)
            | Op::OneOf(..) => truth(self.truth(id, around)),
            Op::If(test, then, otherwise) => match self.truth(*test, around) {
                Some(true) => value(then),
                Some(false) => value(otherwise),
                None => Val::Missing,
            },
            Op::Guarded { guard, of } => match self.truth(*guard, around) {
                Some(false) => value(of),
                _ => Val::Missing,
            },
            Op::Coalesce(terms) => {
                terms.iter().map(value).find(|value| !value.is_missing()).unwrap_or(Val::Missing)
            }
            Op::InList(of, list) => in_list(&value(of), &value(list)),
            Op::IntMath(op, a, b) => math(int(a), int(b), |a, b| scalar::int_math(*op, a, b)),
            Op::DayMath(op, a, b) => math(int(a), int(b), |a, b| scalar::day_math(*op, a, b)),
            Op::DaysBetween(a, b) | Op::TimeBetween(a, b) => {
                math(int(a), int(b), |a, b| scalar::duration_math(Arithmetic::Subtract, a, b))
            }
            Op::MonthsAfter(a, b) => math(int(a), int(b), scalar::months_after),
            Op::InstantMath(op, a, b) => math(int(a), int(b), |a, b| scalar::instant_math(*op, a, b)),
            Op::DurationMath(op, a, b) => math(int(a), int(b), |a, b| scalar::duration_math(*op, a, b)),
            Op::WideMath(op, a, b) => match (value(a), value(b)) {
                (Val::Wide(a), Val::Wide(b)) => Val::wide(scalar::wide_math(*op, a, b)),
                _ => Val::Missing,
            },
            Op::DoubleMath(op, a, b) => match (value(a), value(b)) {
                (Val::Double(a), Val::Double(b)) => {
                    scalar::double_math(*op, a, b).map_or(Val::Missing, Val::Double)
                }
                _ => Val::Missing,
            },
            Op::WideByDouble(a, b, digits) => match (value(a), value(b)) {
                (Val::Wide(a), Val::Double(b)) => Val::wide(scalar::wide_by_double(a, b, *digits)),
                _ => Val::Missing,
            },
            Op::Negate(of) => match value(of) {
                Val::Int(v) => Val::int(v.checked_neg()),
                Val::Wide(v) => Val::wide(v.checked_neg()),
                Val::Double(v) => Val::Double(0.0 - v),
                _ => Val::Missing,
            },
            Op::Join(a, b) => match (value(a).text(), value(b).text()) {
                (Some(a), Some(b)) => Val::Made([a, b].concat().into()),
                _ => Val::Missing,
            },
            Op::Text(test, a, b) => match (value(a).text(), value(b).text()) {
                (Some(text), Some(part)) => Val::Bool(scalar::text_test(*test, text, part)),
                _ => Val::Missing,
            },
            Op::Like(of, parts) => {
                value(of).text().map_or(Val::Missing, |text| Val::Bool(scalar::like(text, parts)))
            }
            Op::Lower(of) => {
                value(of).text().map_or(Val::Missing, |text| Val::Made(text.to_ascii_lowercase().into()))
            }
            Op::Upper(of) => {
                value(of).text().map_or(Val::Missing, |text| Val::Made(text.to_ascii_uppercase().into()))
            }
            Op::Size(of) => {
                let of = value(of);
                let size = of.text().map(|text| text.chars().count()).or_else(|| of.len());
                Val::int(size.and_then(|size| i64::try_from(size).ok()))
            }
            Op::Rounding(op, of) => match value(of) {
                Val::Int(v) => Val::int(scalar::int_rounding(*op, v)),
                Val::Double(v) => Val::double(scalar::double_rounding(*op, v)),
                _ => Val::Missing,
            },
            Op::WideRounding(op, scale, of) => match value(of) {
                Val::Wide(v) => Val::wide(scalar::wide_rounding(*op, *scale, v)),
                _ => Val::Missing,
            },
            Op::Least(terms) => extreme(terms.iter().map(value), false),
            Op::Greatest(terms) => extreme(terms.iter().map(value), true),
            Op::Part(part, clock, of) => {
                Val::int(int(of).and_then(|of| scalar::part(*part, *clock, &self.terms.zones, of)))
            }
            Op::Exchange { what, amount, currency, day } => {
                let units = match value(amount) {
                    Val::Int(units) => units.into(),
                    Val::Wide(units) => units,
                    _ => return Val::Missing,
                };
                let named = currency.as_ref().map(value);
                let on = int(day).and_then(|day| i32::try_from(day).ok()).and_then(Date::from_days);
                let units = what.convert(units, named.as_ref().and_then(Val::text), on, self.slots.rates());
                match units {
                    Ok(units) => Val::Wide(units),
                    Err(lacks) => {
                        self.slots.unrated(what.to, lacks);
                        Val::Missing
                    }
                }
            }
            Op::Holds { all, list, values } => holds(*all, &value(list), &value(values)),
            Op::Each(gather, list, body) => self.each(*gather, &value(list), *body, around),
            // Moments are constants before anything is evaluated; the others need a book.
            Op::Outer(_)
            | Op::Moment(_)
            | Op::DayOf(_)
            | Op::StartOfDay(..)
            | Op::Level
            | Op::AccountId
            | Op::At(..)
            | Op::Gather { .. }
            | Op::Under { .. }
            | Op::Owns(_)
            | Op::InSegment(_)
            | Op::Supplied(_)
            | Op::Usage(..) => self.slots.derived(id),
        }
    }

    fn each(&self, gather: Gather, list: &Val<'a>, body: TermId, around: Around<'a, '_>) -> Val<'a> {
        let Some(len) = list.len() else { return Val::Missing };
        let of = |place: usize| {
            let element = Element { value: list.item(place), around };
            self.at(body, Some(&element))
        };
        match gather {
            Gather::Exists | Gather::All => {
                let decided = gather == Gather::Exists;
                let mut missing = false;
                for place in 0..len {
                    match of(place).truth() {
                        Some(truth) if truth == decided => return Val::Bool(decided),
                        Some(_) => {}
                        None => missing = true,
                    }
                }
                if missing { Val::Missing } else { Val::Bool(!decided) }
            }
            Gather::Count => {
                let kept = (0..len).filter(|place| of(*place).truth() == Some(true)).count();
                Val::int(i64::try_from(kept).ok())
            }
            Gather::ExistsOne | Gather::Filter => {
                // One missing answer leaves the whole without one.
                let truths: Option<Vec<bool>> = (0..len).map(|place| of(place).truth()).collect();
                let Some(truths) = truths else { return Val::Missing };
                let kept = truths.iter().filter(|truth| **truth).count();
                match gather {
                    Gather::ExistsOne => Val::Bool(kept == 1),
                    _ => {
                        let places = truths.iter().enumerate().filter(|(_, truth)| **truth);
                        places.map(|(place, _)| list.item(place)).collect()
                    }
                }
            }
            _ => (0..len).map(of).collect(),
        }
    }
}

fn truth<'a>(truth: Option<bool>) -> Val<'a> {
    truth.map_or(Val::Missing, Val::Bool)
}

fn math<'a>(a: Option<i64>, b: Option<i64>, of: impl FnOnce(i64, i64) -> Option<i64>) -> Val<'a> {
    Val::int(a.zip(b).and_then(|(a, b)| of(a, b)))
}

fn one_of(of: &Val<'_>, constants: &[Cell]) -> Option<bool> {
    if of.is_missing() {
        return None;
    }
    // A few are compared one by one, many by halves: they are sorted.
    if constants.len() <= 8 {
        let mut found = constants.iter().map(|cell| scalar::order(of, &Val::of_cell(cell)));
        return Some(found.any(|order| order.is_some_and(std::cmp::Ordering::is_eq)));
    }
    let found = constants
        .binary_search_by(|cell| scalar::order(&Val::of_cell(cell), of).unwrap_or(std::cmp::Ordering::Less));
    Some(found.is_ok())
}

fn in_list<'a>(of: &Val<'a>, list: &Val<'a>) -> Val<'a> {
    let (false, Some(len)) = (of.is_missing(), list.len()) else { return Val::Missing };
    let same = |place: usize| scalar::order(of, &list.item(place)).is_some_and(std::cmp::Ordering::is_eq);
    Val::Bool((0..len).any(same))
}

fn holds<'a>(all: bool, list: &Val<'a>, values: &Val<'a>) -> Val<'a> {
    let (Some(_), Some(len)) = (list.len(), values.len()) else { return Val::Missing };
    let mut found = (0..len).map(|place| in_list(&values.item(place), list).truth() == Some(true));
    Val::Bool(if all { found.all(|found| found) } else { found.any(|found| found) })
}

fn extreme<'a>(mut values: impl Iterator<Item = Val<'a>>, greatest: bool) -> Val<'a> {
    let Some(mut best) = values.next() else { return Val::Missing };
    for value in values {
        match scalar::order(&value, &best) {
            None => return Val::Missing,
            Some(order) if order.is_gt() == greatest && order.is_ne() => best = value,
            Some(_) => {}
        }
    }
    if best.is_missing() { Val::Missing } else { best }
}

impl Terms {
    /// Adds an operation; where all that it is made of is constant, it is the constant that it gives.
    pub(super) fn fold(&mut self, op: Op) -> TermId {
        let id = self.add(op);
        let foldable = {
            let is_constant = |id: &TermId| self.constant(*id).is_some();
            match self.op(id) {
                Op::Convert(_, of)
                | Op::Not(of)
                | Op::Has(of)
                | Op::OneOf(of, _)
                | Op::Negate(of)
                | Op::Like(of, _)
                | Op::Lower(of)
                | Op::Upper(of)
                | Op::Size(of)
                | Op::Rounding(_, of)
                | Op::WideRounding(_, _, of)
                | Op::Part(_, _, of) => is_constant(of),
                Op::Item(a, b)
                | Op::IsNot(a, b)
                | Op::Compare(_, a, b)
                | Op::InList(a, b)
                | Op::IntMath(_, a, b)
                | Op::WideMath(_, a, b)
                | Op::DoubleMath(_, a, b)
                | Op::WideByDouble(a, b, _)
                | Op::DayMath(_, a, b)
                | Op::DaysBetween(a, b)
                | Op::MonthsAfter(a, b)
                | Op::InstantMath(_, a, b)
                | Op::DurationMath(_, a, b)
                | Op::TimeBetween(a, b)
                | Op::Join(a, b)
                | Op::Text(_, a, b)
                | Op::Holds { list: a, values: b, .. } => is_constant(a) && is_constant(b),
                Op::If(a, b, c) => is_constant(a) && is_constant(b) && is_constant(c),
                Op::And(all) | Op::Or(all) | Op::Coalesce(all) | Op::Least(all) | Op::Greatest(all) => {
                    all.iter().all(is_constant)
                }
                _ => false,
            }
        };
        let known = foldable.then(|| Eval { terms: self, slots: NoSlots }.value(id).to_cell()).flatten();
        match known {
            Some(cell) => self.add(Op::Const(cell)),
            None => self.simplified(id),
        }
    }

    /// Drops what does not matter: constants of a junction, a test that is known.
    fn simplified(&mut self, id: TermId) -> TermId {
        let op = self.op(id).clone();
        match op {
            Op::And(terms) => self.junction(&terms, true, id),
            Op::Or(terms) => self.junction(&terms, false, id),
            Op::If(test, then, otherwise) => match self.constant(test) {
                Some(Cell::Bool(true)) => then,
                Some(Cell::Bool(false)) => otherwise,
                Some(_) => self.add(Op::Const(Cell::Missing)),
                None => id,
            },
            Op::Guarded { guard, of } => match self.constant(guard) {
                Some(Cell::Bool(false)) => of,
                Some(_) => self.add(Op::Const(Cell::Missing)),
                None => id,
            },
            Op::Convert(Conversion::Rescale(0), of) => of,
            _ => id,
        }
    }

    fn junction(&mut self, terms: &[TermId], and: bool, id: TermId) -> TermId {
        if terms.iter().any(|term| self.constant(*term) == Some(&Cell::Bool(!and))) {
            return self.add(Op::Const(Cell::Bool(!and)));
        }
        let mut kept: Vec<TermId> = Vec::with_capacity(terms.len());
        for term in terms {
            // What is asked twice is asked once.
            if self.constant(*term) != Some(&Cell::Bool(and)) && !kept.contains(term) {
                kept.push(*term);
            }
        }
        match kept.as_slice() {
            [only] => *only,
            kept if kept.len() == terms.len() => id,
            kept => {
                let kept: Box<[TermId]> = kept.into();
                self.add(if and { Op::And(kept) } else { Op::Or(kept) })
            }
        }
    }
}
