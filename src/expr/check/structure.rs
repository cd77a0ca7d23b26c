//! What is asked of the hierarchy, of segments and of usage?

use std::sync::Arc;

use super::mention::Mentioned;
use super::paths::{Account, Receiver, Weekly};
use super::{Check, Term};
use crate::expr::ast::NodeId;
use crate::expr::checked::Source;
use crate::expr::diagnostic::Code;
use crate::expr::functions::{self, Entry, Function as F};
use crate::expr::term::{
    Cell, Day, Gather, Mean, Op, Over, Period, Place, Reading, Summed, TermId, Usage, Weeks,
};
use crate::expr::types::Type;
use crate::model::nearest;

impl Check<'_> {
    /// `lineage.at("Region")`, `lineage.level(2)`.
    pub(super) fn place(&mut self, entry: &Entry, arguments: &[NodeId]) -> Option<Receiver> {
        let [of, which] = arguments else { return None };
        let receiver = self.receiver(*of)?;
        let mut account = match receiver {
            Receiver::Accounts(account, crate::expr::term::Walk::Lineage, filters) if filters.is_empty() => {
                account
            }
            _ => {
                let message = format!("`{}` is asked of the lineage: {}", entry.name, entry.usage);
                return self.fault_at(Code::E112, *of, message);
            }
        };
        if entry.function == F::At {
            let types = Type::Enum(self.names.account_types()?);
            let term = self.term(*which)?;
            if self.constant_text(&term).is_none() {
                let message = format!("`at` takes the constant name of an account type: {}", entry.usage);
                return self.fault_at(Code::E112, *which, message);
            }
            let member = self.member_of(&term, &types, *of)?;
            let Some(Cell::Int(code)) = self.terms.constant(member.id) else { return None };
            account.places.push(Place::AtType(u16::try_from(*code).ok()?));
        } else {
            let term = self.term(*which)?;
            let level = self.constant_int(entry, &term)?;
            let Some(level) = u32::try_from(level).ok().filter(|level| *level > 0) else {
                return self.fault_at(Code::E112, *which, "levels count from 1, the root");
            };
            account.places.push(Place::AtLevel(level));
        }
        Some(Receiver::Account(account))
    }

    /// `under("id")`, `owns("product")`, of the account under test or of another.
    pub(super) fn structural(&mut self, entry: &Entry, arguments: &[NodeId], node: NodeId) -> Option<Term> {
        if self.names.account_types().is_none() {
            let message = format!("there is no hierarchy here, which `{}` asks", entry.name);
            return self.fault_at(Code::E101, node, message);
        }
        let (account, which) = match arguments {
            [which] => (Account { context: 0, places: Vec::new() }, *which),
            [of, which] => match self.receiver(*of)? {
                Receiver::Account(account) => (account, *which),
                _ => {
                    let message = format!("`{}` is asked of an account: {}", entry.name, entry.usage);
                    return self.fault_at(Code::E112, *of, message);
                }
            },
            _ => return None,
        };
        let text = self.constant_argument(entry, which)?;
        let op = if entry.function == F::Owns {
            let products = self.names.products()?;
            let term = self.term(which)?;
            match products.code(&text) {
                Some(code) => {
                    self.mention(which, Mentioned::Value(products, text), (1, 0));
                    Op::Owns(code)
                }
                None => {
                    let near = nearest(&text, products.iter().map(|name| &**name));
                    let hint = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
                    return self.fault_at(Code::E102, term.node, format!("no product of this name{hint}"));
                }
            }
        } else {
            Op::Under { id: text, strict: entry.function == F::StrictlyUnder }
        };
        let id = self.terms.add(op);
        let id = self.reach_or(&account, id, Cell::Bool(false), node)?;
        Some(Term { id, kind: Type::Bool, loose: None, node })
    }

    pub(super) fn in_segment(&mut self, arguments: &[NodeId], node: NodeId) -> Option<Term> {
        let entry = functions::function("inSegment")?;
        let id = self.constant_argument(entry, *arguments.first()?)?;
        let Some(chain) = self.names.segment_chain(&id) else {
            let mut known: Vec<Arc<str>> = Vec::new();
            self.names.each_segment(&mut |segment| known.push(Arc::from(segment)));
            let near = nearest(&id, known.iter().map(|segment| &**segment));
            let hint = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
            let at = *arguments.first()?;
            return self.fault_at(Code::E101, at, format!("there is no segment of this id{hint}"));
        };
        if chain > self.limits.segment_chain {
            let message =
                format!("this asks a chain of {chain} segments (limit {})", self.limits.segment_chain);
            return self.fault_at(Code::E304, node, message);
        }
        self.mention(*arguments.first()?, Mentioned::Source(Source::Segment(id.clone())), (1, 0));
        let op = self.terms.add(Op::InSegment(id));
        let op = self.reach(&Account { context: 0, places: Vec::new() }, op, node)?;
        Some(Term { id: op, kind: Type::Bool, loose: None, node })
    }

    // --- usage ------------------------------------------------------------------------------------

    pub(super) fn usage(&mut self, entry: &Entry, arguments: &[NodeId]) -> Option<Receiver> {
        let at = *arguments.first()?;
        let name = self.constant_argument(entry, at)?;
        let is_metric = entry.function == F::Metric;
        let known = if is_metric { self.names.metric(&name).is_some() } else { self.names.has_event(&name) };
        if !known {
            let mut all: Vec<Arc<str>> = Vec::new();
            if is_metric {
                self.names.each_metric(&mut |name| all.push(Arc::from(name)));
            } else {
                self.names.each_event(&mut |name| all.push(Arc::from(name)));
            }
            let near = nearest(&name, all.iter().map(|name| &**name));
            let hint = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
            let what = if is_metric { "metric" } else { "event" };
            return self.fault_at(Code::E101, at, format!("there is no {what} of this name{hint}"));
        }
        let metric = self.names.metric(&name).filter(|_| is_metric);
        self.converts |= metric.is_some_and(|metric| metric.missing_rates().is_some());
        let source = if is_metric { Source::Metric } else { Source::Event };
        self.mention(at, Mentioned::Source(source(name.clone())), (1, 0));
        let usage = Usage { name, is_metric, window: None, weeks: None, filters: Box::new([]), lacks: None };
        Some(Receiver::Usage(Account { context: 0, places: Vec::new() }, usage))
    }

    pub(super) fn window(&mut self, entry: &Entry, arguments: &[NodeId], node: NodeId) -> Option<Receiver> {
        let (of, rest) = arguments.split_first()?;
        let Receiver::Usage(account, mut usage) = self.receiver(*of)? else {
            let message = format!("`{}` is asked of usage: {}", entry.name, entry.usage);
            return self.fault_at(Code::E112, *of, message);
        };
        let is_weeks = matches!(entry.function, F::LastWeeks | F::PrevWeeks);
        let mut numbers = Vec::with_capacity(2);
        for argument in rest {
            let term = self.term(*argument)?;
            let number = self.constant_int(entry, &term)?;
            if number < 0 || number == 0 && numbers.is_empty() {
                let message =
                    if is_weeks { "a window has a week at least" } else { "a window has a day at least" };
                return self.fault_at(Code::E112, *argument, message);
            }
            numbers.push(number);
        }
        if usage.window.is_some() {
            return self.fault_at(Code::E112, node, "there is one window only");
        }
        let (many, ago) = (numbers.first().copied().unwrap_or(0), numbers.get(1).copied().unwrap_or(0));
        let (first, last) = window_of(entry.function, many, ago);
        usage.window = Some((self.day(first), self.day(last)));
        Some(Receiver::Usage(account, usage))
    }

    /// `events("login").weekly()`, `events("login").weekly("active")`.
    pub(super) fn weekly(&mut self, entry: &Entry, arguments: &[NodeId]) -> Option<Receiver> {
        let (of, word) = arguments.split_first()?;
        let Receiver::Usage(account, mut usage) = self.receiver(*of)? else {
            let message = format!("`{}` is asked of usage: {}", entry.name, entry.usage);
            return self.fault_at(Code::E112, *of, message);
        };
        let is_active = match word.first() {
            None => false,
            Some(word) => match &*self.constant_argument(entry, *word)? {
                "all" => false,
                "active" => true,
                _ => {
                    let message = "weeks are \"all\", or \"active\": those with events";
                    return self.fault_at(Code::E102, *word, message);
                }
            },
        };
        if usage.weeks.is_some() {
            return self.fault_at(Code::E112, *of, "this is by week already");
        }
        let this_week = self.day(Day::StartOf(Period::Week, 0));
        usage.weeks = Some(Weeks { of: Reading::Count, is_active, this_week });
        Some(Receiver::Usage(account, usage))
    }

    /// What is read of usage: a value, or one for each week.
    pub(super) fn usage_read(
        &mut self,
        account: Account,
        (reading, usage, body): (Reading, Usage, Option<TermId>),
        kind: Type,
        node: NodeId,
    ) -> Option<Receiver> {
        if usage.weeks.is_some() {
            if let Some(known) = self.kinds.get_mut(node.index()) {
                *known = Some(kind.clone());
            }
            return Some(Receiver::Weeks(Box::new(Weekly { account, reading, usage, body, kind })));
        }
        let id = self.usage_at_rates(&account, (reading, usage, body), node)?;
        Some(Receiver::Value(Term { id, kind, loose: None, node }))
    }

    /// What is read of a series of values of a type, and the type of the answer.
    fn of_series(
        &mut self,
        entry: &Entry,
        arguments: &[NodeId],
        kind: &Type,
        node: NodeId,
    ) -> Option<(Reading, Type)> {
        let share = match (entry.function, arguments) {
            (F::Percentile, [_, share]) => self.share(entry, *share)?,
            _ => MEDIAN,
        };
        let found = match entry.function {
            F::Count => Some((Reading::Count, Type::Int)),
            function => of_values(function, share, kind),
        };
        if found.is_none() {
            let message = format!("{} has no `{}`", Self::a(kind), entry.name);
            return self.fault_at(Code::E103, node, message);
        }
        found
    }

    /// The constant share of a percentile, in hundredths of a percent.
    fn share(&mut self, entry: &Entry, node: NodeId) -> Option<u16> {
        let term = self.term(node)?;
        let percent = match self.terms.constant(term.id) {
            Some(Cell::Int(int)) if term.kind == Type::Int => i32::try_from(*int).ok().map(f64::from),
            Some(Cell::Double(double)) if term.kind == Type::Double => Some(double.get()),
            _ => None,
        };
        // The nearest double of a share with two digits is no whole number of hundredths by itself.
        let found = (1..=10_000_u16).find(|hundredths| percent == Some(f64::from(*hundredths) / 100.0));
        if found.is_none() {
            let message = format!(
                "`{}` takes a constant above 0 and up to 100, with at most two digits after the point: {}",
                entry.name, entry.usage
            );
            return self.fault_at(Code::E112, node, message);
        }
        found
    }

    /// `.count()` of accounts, rows or events; what is read of a daily series.
    pub(super) fn counted(&mut self, entry: &Entry, arguments: &[NodeId], node: NodeId) -> Option<Receiver> {
        let of = *arguments.first()?;
        let receiver = self.receiver(of)?;
        match (receiver, entry.function) {
            (Receiver::Accounts(account, walk, filters), F::Count) => {
                let over = (&account, Gather::Count, Over::Walk(walk));
                let id = self.gathered_at_rates(over, filters, None, node)?;
                Some(Receiver::Value(Term { id, kind: Type::Int, loose: None, node }))
            }
            (Receiver::Rows(account, table, filters), F::Count) => {
                let over = (&account, Gather::Count, Over::Table(table));
                let id = self.gathered_at_rates(over, filters, None, node)?;
                Some(Receiver::Value(Term { id, kind: Type::Int, loose: None, node }))
            }
            (Receiver::Usage(account, usage), function) => {
                let metric = self.names.metric(&usage.name).filter(|_| usage.is_metric);
                let (reading, kind) = match (function, metric) {
                    (F::Count, None) => (Reading::Count, Type::Int),
                    (F::Days, None) => (Reading::Days, Type::Int),
                    (F::First, None) => (Reading::First, Type::Timestamp),
                    (F::Last, None) => (Reading::Last, Type::Timestamp),
                    (_, Some(metric)) => self.of_series(entry, arguments, metric.kind(), node)?,
                    (F::Median | F::Percentile, None) => {
                        let message = format!(
                            "`{}` is read of a metric, or of weeks: events(..).weekly().count().{}",
                            entry.name,
                            if entry.function == F::Median { "median()" } else { "percentile(90)" }
                        );
                        return self.fault_at(Code::E112, node, message);
                    }
                    _ => {
                        let message = format!("write what is read of each: .{}(e, e.amount)", entry.name);
                        return self.fault_at(Code::E112, node, message);
                    }
                };
                self.usage_read(account, (reading, usage, None), kind, node)
            }
            (Receiver::Weeks(weekly), _) => {
                let Weekly { account, reading, mut usage, body, kind } = *weekly;
                let (of, kind) = self.of_series(entry, arguments, &kind, node)?;
                usage.weeks = usage.weeks.map(|weeks| Weeks { of, ..weeks });
                let id = self.usage_at_rates(&account, (reading, usage, body), node)?;
                Some(Receiver::Value(Term { id, kind, loose: None, node }))
            }
            (Receiver::Accounts(..) | Receiver::Rows(..), _) => {
                let message = format!("write what is read of each: .{}(x, x.name)", entry.name);
                self.fault_at(Code::E112, node, message)
            }
            (Receiver::Value(term), F::Count) if matches!(term.kind, Type::List(_)) => {
                let message = "of a list, write size(..)";
                self.fault_at(Code::E112, node, message)
            }
            (Receiver::Value(term), _) => {
                let message = format!(
                    "`{}` is asked of accounts, rows or usage, not {}",
                    entry.name,
                    Self::a(&term.kind)
                );
                self.fault_at(Code::E103, of, message)
            }
            (other, _) => self.not_a_value(of, &other),
        }
    }
}

/// The first and the last day of a window of so many days or whole weeks, that ended so many before today or the current week.
pub(in crate::expr) const fn window_of(function: F, many: i32, ago: i32) -> (Day, Day) {
    match function {
        // The current week is left out: it is not over.
        F::LastWeeks | F::PrevWeeks => {
            (Day::StartOf(Period::Week, -ago - many), Day::EndOf(Period::Week, -1 - ago))
        }
        _ => (Day::Today(1 - ago - many), Day::Today(-ago)),
    }
}

/// The median as a percentile.
const MEDIAN: u16 = 5_000;

/// What is read of values of a type, one for each day or week, and the type of the answer.
fn of_values(function: F, share: u16, kind: &Type) -> Option<(Reading, Type)> {
    Some(match function {
        F::First => (Reading::First, kind.clone()),
        F::Last => (Reading::Last, kind.clone()),
        F::Sum => (Reading::Sum(Summed::of(kind)?), kind.clone()),
        F::Min if kind.is_ordered() => (Reading::Min, kind.clone()),
        F::Max if kind.is_ordered() => (Reading::Max, kind.clone()),
        F::Median | F::Percentile if kind.is_ordered() => (Reading::Percentile(share), kind.clone()),
        F::Avg => {
            let (mean, result) = Mean::of(kind)?;
            (Reading::Avg(mean, Summed::of(kind)?), result)
        }
        _ => return None,
    })
}
