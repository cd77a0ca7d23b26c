//! What do functions take, and what do they give?

use std::sync::Arc;

use super::mention::Mentioned;
use super::paths::Receiver;
use super::{Check, Optional, ReadOf, Term, dates};
use crate::expr::ast::{Node, NodeId};
use crate::expr::diagnostic::{Code, Span};
use crate::expr::functions::{self, Entry, Function as F, Style};
use crate::expr::term::{
    Arithmetic, Cell, Clock, Comparison, Conversion, Op, Rounding, SlotOf, TermId, TextTest, TimePart,
};
use crate::expr::types::Type;
use crate::model::nearest;

/// Why usage has no windows of hours, and what it has.
const USAGE_IS_BY_DAY: &str = "usage is counted by day, and of each day the first and the last instant is kept: ask \
    events(..).last() > now() - duration(\"6h\")";

impl Check<'_> {
    pub(super) fn call(
        &mut self,
        name: &Arc<str>,
        method: bool,
        arguments: &[NodeId],
        node: NodeId,
    ) -> Option<Receiver> {
        let Some(entry) = functions::function(name) else {
            return self.unknown_function(name, method, arguments, node);
        };
        if !(entry.least..=entry.most).contains(&arguments.len()) {
            let message = format!("`{}` is asked as {}", entry.name, entry.usage);
            return self.fault_at(Code::E112, node, message);
        }
        match entry.function {
            F::At | F::Level => self.place(entry, arguments),
            F::Under | F::StrictlyUnder | F::Owns => {
                self.structural(entry, arguments, node).map(Receiver::Value)
            }
            F::Events | F::Metric => self.usage(entry, arguments),
            F::LastDays | F::PrevDays | F::LastWeeks | F::PrevWeeks => self.window(entry, arguments, node),
            F::Weekly => self.weekly(entry, arguments),
            F::Count
            | F::Sum
            | F::Avg
            | F::Min
            | F::Max
            | F::Median
            | F::Percentile
            | F::Days
            | F::First
            | F::Last => self.counted(entry, arguments, node),
            F::WithCancelled => self.with_cancelled(entry, arguments),
            F::InSegment => self.in_segment(arguments, node).map(Receiver::Value),
            F::Has => self.has(arguments, node).map(Receiver::Value),
            F::Between => self.between(entry, arguments, node),
            _ => {
                // All are checked, so that the errors of all are found.
                let terms: Vec<Option<Term>> =
                    arguments.iter().map(|argument| self.term(*argument)).collect();
                let terms: Vec<Term> = terms.into_iter().collect::<Option<_>>()?;
                self.function(entry, &terms, node).map(Receiver::Value)
            }
        }
    }

    fn unknown_function<T>(
        &mut self,
        name: &str,
        method: bool,
        arguments: &[NodeId],
        node: NodeId,
    ) -> Option<T> {
        let of_math = match arguments.first().map(|first| self.ast.node(*first)) {
            Some(Node::Path([only])) => method && &**only == "math",
            _ => false,
        };
        let asked = if of_math { format!("math.{name}") } else { name.to_owned() };
        let shown: String = asked.chars().take(40).collect();
        if method && matches!(name, "lastHours" | "lastMinutes" | "prevHours" | "prevMinutes") {
            let message = format!("there is no function `{name}`; {USAGE_IS_BY_DAY}");
            return self.fault_at(Code::E101, node, message);
        }
        let hint = nearest(&asked, functions::TABLE.iter().map(|entry| entry.name));
        let entry = hint.and_then(functions::function);
        let message = match entry {
            Some(entry) => format!("there is no function `{shown}`; did you mean `{}`?", entry.usage),
            None => format!("there is no function `{shown}`"),
        };
        // The name alone, behind what it is asked of.
        let whole = self.span(node);
        let from = arguments.first().filter(|_| method).map_or(whole.start, |of| self.span(*of).end);
        let text = Span::new(from, whole.end).text(&self.faults.source);
        let place = text.find(name).and_then(|at| u32::try_from(at).ok());
        let span = place.map_or(whole, |at| {
            let len = u32::try_from(name.len()).unwrap_or(0);
            Span::new(from.saturating_add(at), from.saturating_add(at).saturating_add(len))
        });
        let edit = entry.filter(|entry| (entry.style == Style::Method) == method && !of_math);
        let edit = edit.map(|entry| (span, entry.name.to_owned()));
        // The arguments are read for their own errors.
        if !of_math {
            for argument in arguments {
                self.receiver(*argument);
            }
        }
        self.faults.add(Code::E101, span, message, edit);
        None
    }

    /// Says what a function takes.
    pub(super) fn takes<T>(&mut self, entry: &Entry, what: &str, term: &Term) -> Option<T> {
        let message = format!("`{}` takes {what}, not {}", entry.name, Self::a(&term.kind));
        self.fault_at(Code::E103, term.node, message)
    }

    /// A term as text; the value of a closed set is one.
    fn as_text(&mut self, entry: &Entry, term: &Term) -> Option<TermId> {
        match term.kind {
            Type::Text | Type::Enum(_) | Type::Band(_) => Some(self.cast(term, &Type::Text)),
            _ => self.takes(entry, "text", term),
        }
    }

    /// The constant text of an argument.
    pub(super) fn constant_argument(&mut self, entry: &Entry, node: NodeId) -> Option<Arc<str>> {
        let term = self.term(node)?;
        match self.constant_text(&term) {
            Some(text) => Some(text),
            None => self.fault_at(
                Code::E112,
                node,
                format!("`{}` takes a constant text: {}", entry.name, entry.usage),
            ),
        }
    }

    /// The constant whole number of a term.
    pub(super) fn constant_int(&mut self, entry: &Entry, term: &Term) -> Option<i32> {
        const MOST: i64 = 1_000_000;
        match self.terms.constant(term.id) {
            Some(Cell::Int(int)) if term.kind == Type::Int && int.abs() <= MOST => i32::try_from(*int).ok(),
            _ => {
                let message =
                    format!("`{}` takes a constant whole number within ±{MOST}: {}", entry.name, entry.usage);
                self.fault_at(Code::E112, term.node, message)
            }
        }
    }

    fn function(&mut self, entry: &Entry, terms: &[Term], node: NodeId) -> Option<Term> {
        match (entry.function, terms) {
            (F::Coalesce, all) => {
                let kind = self.common_of(all).ok()??;
                let ids: Box<[TermId]> = all.iter().map(|term| self.cast_or_member(term, &kind)).collect();
                Some(self.made(Op::Coalesce(ids), kind, node))
            }
            (F::IsTrue, [of]) => {
                if of.kind != Type::Bool {
                    return self.takes(entry, "a yes/no question", of);
                }
                let no = self.terms.add(Op::Const(Cell::Bool(false)));
                Some(self.made(Op::Coalesce(Box::new([of.id, no])), Type::Bool, node))
            }
            (F::IsNot, [of, value]) => {
                let (a, b, kind) = self.unify(of, value, "compared with")?;
                if !kind.is_scalar() {
                    return self.takes(entry, "single values", of);
                }
                Some(self.made(Op::IsNot(a, b), Type::Bool, node))
            }
            (F::Ratio, [a, b]) => self.ratio(a, b, node),
            (F::Change, [now, before]) => {
                let verb = "reckoned with";
                let (a, b, kind) = self.unify(now, before, verb)?;
                if !kind.is_number() && !kind.is_money() {
                    return self.takes(entry, "numbers", now);
                }
                let (a, b) = (Term { id: a, kind: kind.clone(), loose: None, node }, {
                    Term { id: b, kind, loose: None, node }
                });
                let (a, b) = (self.cast_double(&a), self.cast_double(&b));
                let difference = self.terms.fold(Op::DoubleMath(Arithmetic::Subtract, a, b));
                Some(self.made(Op::DoubleMath(Arithmetic::Divide, difference, b), Type::Double, node))
            }
            (F::Size, [of]) => match of.kind {
                Type::List(_) => Some(self.made(Op::Size(of.id), Type::Int, node)),
                _ => {
                    let text = self.as_text(entry, of)?;
                    Some(self.made(Op::Size(text), Type::Int, node))
                }
            },
            (F::ToBool | F::ToInt | F::ToDouble | F::ToText, [of]) => self.conversion(entry, of, node),
            (F::ToDate | F::ToTimestamp | F::ToDuration, [of]) => self.time_of(entry, of, node),
            (F::Abs | F::Sign | F::Floor | F::Ceil | F::Trunc | F::Round, [of]) => {
                self.rounding(entry, of, node)
            }
            (F::Least | F::Greatest, all) => {
                let kind = self.common_of(all).ok()??;
                // Texts have an order, and no least number.
                let is_time = matches!(kind, Type::Date | Type::Timestamp | Type::Duration);
                if !kind.is_number() && !kind.is_money() && !is_time {
                    return self.takes(entry, "numbers or times", all.first()?);
                }
                let ids: Box<[TermId]> = all.iter().map(|term| self.cast_or_member(term, &kind)).collect();
                let least = entry.function == F::Least;
                Some(self.made(if least { Op::Least(ids) } else { Op::Greatest(ids) }, kind, node))
            }
            (F::ConvertTo | F::ConvertAt | F::ConvertAtPlan, all) => self.exchange(entry, all, node),
            (F::IfCurrency, [amount, currency]) => self.if_currency(entry, amount, currency, node),
            (F::ContainsAll | F::ContainsAny, [list, values]) => self.holds(entry, list, values, node),
            (F::Contains, [of, _]) if matches!(of.kind, Type::List(_)) => {
                self.fault_at(Code::E103, node, "of a list, write `value in list`")
            }
            (F::Like, [of, pattern]) => {
                let text = self.as_text(entry, of)?;
                let Some(pattern) = self.constant_text(pattern) else {
                    let message = format!("`like` takes a constant text: {}", entry.usage);
                    return self.fault_at(Code::E112, pattern.node, message);
                };
                let parts: Arc<[Arc<str>]> = pattern.split('*').map(Arc::from).collect();
                self.pay(node, 1 + pattern.len() as u64 / 16);
                Some(self.made(Op::Like(text, parts), Type::Bool, node))
            }
            (F::LowerAscii | F::UpperAscii, [of]) => {
                let text = self.as_text(entry, of)?;
                self.pay(node, 4);
                let lower = entry.function == F::LowerAscii;
                Some(self.made(if lower { Op::Lower(text) } else { Op::Upper(text) }, Type::Text, node))
            }
            (_, [of, part]) if text_test(entry.function).is_some() => {
                let test = text_test(entry.function)?;
                let (text, part) = (self.as_text(entry, of), self.as_text(entry, part));
                self.pay(node, 4);
                Some(self.made(Op::Text(test, text?, part?), Type::Bool, node))
            }
            (_, [of, zone @ ..]) if time_part(entry.function).is_some() => {
                self.getter(entry, time_part(entry.function)?, of, zone.first(), node)
            }
            _ => self.day_function(entry, terms, node),
        }
    }

    /// A term as a value of a closed set or of the type that all share.
    pub(super) fn cast_or_member(&mut self, term: &Term, kind: &Type) -> TermId {
        let member = self.constant_text(term).and_then(|text| {
            let values = kind.values()?;
            Some((values.code(&text)?, Mentioned::Value(values.clone(), text)))
        });
        if let Some((code, value)) = member {
            self.mention(term.node, value, (1, 0));
            return self.terms.add(Op::Const(Cell::Int(i64::from(code))));
        }
        self.cast(term, kind)
    }

    fn cast_double(&mut self, term: &Term) -> TermId {
        self.cast(term, &Type::Double)
    }

    fn conversion(&mut self, entry: &Entry, of: &Term, node: NodeId) -> Option<Term> {
        let (to, conversion) = match (entry.function, &of.kind) {
            (F::ToBool, Type::Bool) => (Type::Bool, None),
            (F::ToInt, Type::Int) => (Type::Int, None),
            (F::ToInt, Type::Double) => (Type::Int, Some(Conversion::DoubleToInt)),
            (F::ToInt, Type::Decimal { scale }) => (Type::Int, Some(Conversion::WideToInt(*scale))),
            (F::ToInt, Type::Timestamp) => (Type::Int, Some(Conversion::SecondsOf)),
            (F::ToInt | F::ToDouble, Type::Text | Type::Enum(_) | Type::Band(_)) => {
                return self.read_number(entry, of, node);
            }
            (F::ToDouble, kind) if kind.is_number() || kind.is_money() => {
                let id = self.cast_double(of);
                return Some(Term { id, kind: Type::Double, loose: None, node });
            }
            (F::ToText, Type::Text | Type::Enum(_) | Type::Band(_)) => {
                let id = self.cast(of, &Type::Text);
                return Some(Term { id, kind: Type::Text, loose: None, node });
            }
            (F::ToText, Type::Bool) => (Type::Text, Some(Conversion::BoolToText)),
            (F::ToText, Type::Int) => (Type::Text, Some(Conversion::IntToText)),
            (F::ToText, Type::Double) => (Type::Text, Some(Conversion::DoubleToText)),
            (F::ToText, Type::Decimal { scale }) => (Type::Text, Some(Conversion::WideToText(*scale))),
            (F::ToText, Type::Date) => (Type::Text, Some(Conversion::DateToText)),
            (F::ToText, Type::Timestamp) => (Type::Text, Some(Conversion::InstantToText)),
            (F::ToText, Type::Duration) => (Type::Text, Some(Conversion::DurationToText)),
            (F::ToBool, _) => return self.takes(entry, "a yes/no answer", of),
            (F::ToInt, _) => return self.takes(entry, "a number, a timestamp or a text", of),
            (F::ToDouble, _) => return self.takes(entry, "a number or a text", of),
            _ => return self.takes(entry, "a text, a number, a day or a time", of),
        };
        match conversion {
            Some(conversion) => Some(self.made(Op::Convert(conversion, of.id), to, node)),
            None => Some(Term { id: of.id, kind: to, loose: None, node }),
        }
    }

    /// Reads a number from a text; a constant text that is not a number is a fault.
    fn read_number(&mut self, entry: &Entry, of: &Term, node: NodeId) -> Option<Term> {
        let whole = entry.function == F::ToInt;
        let (conversion, kind) =
            if whole { (Conversion::TextToInt, Type::Int) } else { (Conversion::TextToDouble, Type::Double) };
        let said = self.constant_text(of);
        let text = self.as_text(entry, of)?;
        self.pay(node, 4);
        let term = self.made(Op::Convert(conversion, text), kind, node);
        match said {
            Some(said) if self.terms.constant(term.id) == Some(&Cell::Missing) => {
                self.fault_at(Code::E111, of.node, why_no_number(&said, whole))
            }
            Some(_) => Some(term),
            None => {
                self.may_be_unreadable(node);
                Some(term)
            }
        }
    }

    /// Notes for lints that a text may be unreadable: the result may have no value although the text has one.
    fn may_be_unreadable(&mut self, node: NodeId) {
        let of = match self.slot_of(self.here()) {
            SlotOf::Account => ReadOf::Reached,
            SlotOf::Table(_) | SlotOf::Event(_) => ReadOf::Row,
        };
        let name = Arc::from(self.ast.text_of(node));
        if let Some(optional) = self.optional.get_mut(node.index()) {
            *optional = Some(Optional { name, of });
        }
    }

    fn time_of(&mut self, entry: &Entry, of: &Term, node: NodeId) -> Option<Term> {
        let constant = self.constant_text(of).is_some();
        if let Some(text) = self.constant_text(of)
            && let Some(message) = dates::unreadable(entry.function, &text)
        {
            return self.fault_at(Code::E111, of.node, message);
        }
        let (op, kind) = match (entry.function, &of.kind) {
            (F::ToDate, Type::Date) | (F::ToTimestamp, Type::Timestamp) | (F::ToDuration, Type::Duration) => {
                return Some(Term { id: of.id, kind: of.kind.clone(), loose: None, node });
            }
            (F::ToDate, Type::Timestamp) => (Op::DayOf(of.id), Type::Date),
            (F::ToDate, Type::Text) if constant => {
                let message = "a day is written `date(\"2026-03-31\")`";
                return self.fault_at(Code::E111, of.node, message);
            }
            // A text of a column, which may be no day or instant.
            (F::ToDate | F::ToTimestamp, Type::Text | Type::Enum(_) | Type::Band(_)) if !constant => {
                let text = self.as_text(entry, of)?;
                self.pay(node, 4);
                self.may_be_unreadable(node);
                let (conversion, kind) = match entry.function {
                    F::ToDate => (Conversion::TextToDate, Type::Date),
                    _ => (Conversion::TextToTimestamp, Type::Timestamp),
                };
                (Op::Convert(conversion, text), kind)
            }
            (F::ToTimestamp, Type::Int) => (Op::Convert(Conversion::FromSeconds, of.id), Type::Timestamp),
            (F::ToTimestamp, Type::Text) if constant => {
                (Op::Convert(Conversion::TextToTimestamp, of.id), Type::Timestamp)
            }
            (F::ToDuration, Type::Text) if constant => {
                (Op::Convert(Conversion::TextToDuration, of.id), Type::Duration)
            }
            (F::ToDate, _) => return self.takes(entry, "a timestamp or a text", of),
            (F::ToTimestamp, _) => return self.takes(entry, "whole seconds or a text", of),
            _ => return self.takes(entry, "a constant text", of),
        };
        Some(self.made(op, kind, node))
    }

    fn rounding(&mut self, entry: &Entry, of: &Term, node: NodeId) -> Option<Term> {
        let op = match entry.function {
            F::Abs => Rounding::Abs,
            F::Sign => Rounding::Sign,
            F::Floor => Rounding::Floor,
            F::Ceil => Rounding::Ceil,
            F::Trunc => Rounding::Trunc,
            _ => Rounding::Round,
        };
        let whole = matches!(op, Rounding::Abs | Rounding::Sign);
        match &of.kind {
            Type::Double => Some(self.made(Op::Rounding(op, of.id), Type::Double, node)),
            Type::Int if whole => Some(self.made(Op::Rounding(op, of.id), Type::Int, node)),
            Type::Decimal { scale } | Type::Money { scale, .. } => {
                Some(self.made(Op::WideRounding(op, *scale, of.id), of.kind.clone(), node))
            }
            Type::Int => self.takes(entry, "numbers with a fraction", of),
            _ => self.takes(entry, "a number", of),
        }
    }

    fn holds(&mut self, entry: &Entry, list: &Term, values: &Term, node: NodeId) -> Option<Term> {
        let (Type::List(of), Type::List(wanted)) = (&list.kind, &values.kind) else {
            let odd = if matches!(list.kind, Type::List(_)) { values } else { list };
            return self.takes(entry, "two lists", odd);
        };
        let nothing = matches!(self.terms.constant(values.id), Some(Cell::List(cells)) if cells.is_empty());
        if of != wanted && !nothing {
            let message = format!("a {} compared with a {}", list.kind, values.kind);
            return self.fault_at(Code::E103, values.node, message);
        }
        let all = entry.function == F::ContainsAll;
        self.pay(node, self.limits.list_length);
        Some(self.made(Op::Holds { all, list: list.id, values: values.id }, Type::Bool, node))
    }

    fn getter(
        &mut self,
        entry: &Entry,
        part: TimePart,
        of: &Term,
        zone: Option<&Term>,
        node: NodeId,
    ) -> Option<Term> {
        let clock = match (&of.kind, zone) {
            (Type::Timestamp, None) => {
                Clock::Instant(self.terms.zone(Arc::new(crate::model::FixedZone::utc())))
            }
            (Type::Timestamp, Some(zone)) => {
                let Some(name) = self.constant_text(zone) else {
                    let message = format!("`{}` takes the constant name of a zone", entry.name);
                    return self.fault_at(Code::E112, zone.node, message);
                };
                let Some(found) = self.zones.zone(&name) else {
                    let message = "unknown time zone; a host brings the database of zones";
                    return self.fault_at(Code::E101, zone.node, message);
                };
                Clock::Instant(self.terms.zone(found))
            }
            (Type::Date, None) if !is_of_clock(part) => Clock::Date,
            (Type::Duration, None) if is_of_clock(part) => Clock::Duration,
            (Type::Date | Type::Duration, Some(zone)) => {
                let message = format!("{} has no zone", Self::a(&of.kind));
                return self.fault_at(Code::E112, zone.node, message);
            }
            (Type::Date, _) => return self.takes(entry, "a timestamp or a duration", of),
            (Type::Duration, _) => return self.takes(entry, "a date or a timestamp", of),
            _ => return self.takes(entry, "a date, a timestamp or a duration", of),
        };
        Some(self.made(Op::Part(part, clock, of.id), Type::Int, node))
    }

    /// `has(x)`: is there a value, an account, an item?
    fn has(&mut self, arguments: &[NodeId], node: NodeId) -> Option<Term> {
        let of = *arguments.first()?;
        match self.receiver(of)? {
            Receiver::Value(term) => Some(self.made(Op::Has(term.id), Type::Bool, node)),
            Receiver::Account(account) => {
                let yes = self.terms.add(Op::Const(Cell::Bool(true)));
                let id = self.reach(&account, yes, node)?;
                Some(self.made(Op::Has(id), Type::Bool, node))
            }
            other => self.not_a_value(of, &other),
        }
    }

    fn between(&mut self, entry: &Entry, arguments: &[NodeId], node: NodeId) -> Option<Receiver> {
        let [of, low, high] = arguments else { return None };
        match self.receiver(*of)? {
            Receiver::Usage(account, mut usage) => {
                let (low, high) = (self.term(*low), self.term(*high));
                let (low, high) = (low?, high?);
                for day in [&low, &high] {
                    if day.kind != Type::Date || !self.is_fixed(day.id) {
                        return self.takes(entry, "two constant dates", day);
                    }
                }
                usage.window = Some((low.id, high.id));
                Some(Receiver::Usage(account, usage))
            }
            Receiver::Value(of) => {
                let (low, high) = (self.term(*low), self.term(*high));
                let (low, high) = (low?, high?);
                let low = self.compare(Comparison::GreaterEqual, &of, &low, node);
                let high = self.compare(Comparison::LessEqual, &of, &high, node);
                let both = Box::new([low?.id, high?.id]);
                Some(Receiver::Value(self.made(Op::And(both), Type::Bool, node)))
            }
            other => self.not_a_value(*of, &other),
        }
    }
}

/// Why a constant text is not a number.
fn why_no_number(text: &str, whole: bool) -> &'static str {
    let text = text.trim();
    let is_number = text.parse::<f64>().is_ok_and(f64::is_finite);
    if text.is_empty() {
        "an empty text is no number"
    } else if text.contains(',') {
        "this is no number: a comma is neither a point nor a separator here; a number is written `1234.5`"
    } else if is_number && whole {
        "this is no whole number, written in digits and within 64 bits"
    } else {
        "this is no number; one is written `1234.5`"
    }
}

const fn text_test(function: F) -> Option<TextTest> {
    Some(match function {
        F::Contains => TextTest::Contains,
        F::StartsWith => TextTest::StartsWith,
        F::EndsWith => TextTest::EndsWith,
        F::EqualsFold => TextTest::EqualsFold,
        F::ContainsFold => TextTest::ContainsFold,
        F::StartsWithFold => TextTest::StartsWithFold,
        _ => return None,
    })
}

const fn time_part(function: F) -> Option<TimePart> {
    Some(match function {
        F::GetFullYear => TimePart::Year,
        F::GetMonth => TimePart::Month,
        F::GetDate => TimePart::Date,
        F::GetDayOfMonth => TimePart::DayOfMonth,
        F::GetDayOfYear => TimePart::DayOfYear,
        F::GetDayOfWeek => TimePart::DayOfWeek,
        F::GetHours => TimePart::Hours,
        F::GetMinutes => TimePart::Minutes,
        F::GetSeconds => TimePart::Seconds,
        F::GetMilliseconds => TimePart::Milliseconds,
        _ => return None,
    })
}

/// Is it read of the time of day, not of the calendar?
const fn is_of_clock(part: TimePart) -> bool {
    matches!(part, TimePart::Hours | TimePart::Minutes | TimePart::Seconds | TimePart::Milliseconds)
}
