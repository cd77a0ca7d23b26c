//! What does a currency conversion accept, and when does a missing rate make an aggregate missing?
//!
//! Ruling S135 of [`docs::semantics`](crate::docs::semantics). An amount without a rate has no value. What sums or counts such values would pass over
//! it, and give a smaller answer than the right one. So beside each gathering of converted amounts there is a question: is there one
//! that lacks a rate? Where the answer is yes, the gathering has no value.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::paths::Account;
use super::{Check, Term};
use crate::expr::ast::NodeId;
use crate::expr::checked::Lacks;
use crate::expr::diagnostic::Code;
use crate::expr::exchange::Exchange;
use crate::expr::functions::{Entry, Function as F};
use crate::expr::names::Of;
use crate::expr::rate_missing::MissingRateFlag;
use crate::expr::term::{
    Cell, Comparison, Conversion, Day, Gather, Moment, Op, Over, Reading, SlotOf, Summed, TermId, Usage,
    Weeks,
};
use crate::expr::types::{DERIVED_DIGITS, Type};
use crate::fold::RateKind;
use crate::model::{Currency, nearest};

/// Questions of an account or row, where it may lack a rate.
#[derive(Debug, Clone, Copy, Default)]
struct RowLacks {
    /// Is it not known whether it passes the filters?
    unclear: Option<TermId>,
    /// Does it pass the filters while its value is missing?
    value: Option<TermId>,
}

impl Check<'_> {
    /// `arr.convertTo("EUR")`, `row.amount.convertAt("EUR", row.closed_on)`, `arr.convertAtPlan("EUR")`.
    pub(super) fn exchange(&mut self, entry: &Entry, terms: &[Term], node: NodeId) -> Option<Term> {
        let [amount, to, rest @ ..] = terms else { return None };
        let to = self.currency(entry, to);
        let day = match (entry.function, rest) {
            (F::ConvertAt, [day]) if day.kind == Type::Date => Some(day.id),
            (F::ConvertAt, [day]) => self.takes(entry, "the date of the rate", day),
            (F::ConvertAtPlan, _) => Some(self.terms.add(Op::Moment(Moment::Day(Day::PlanYear)))),
            _ => Some(self.terms.add(Op::Moment(Moment::Day(Day::Today(0))))),
        };
        let (from, currency) = match amount.kind {
            Type::Money { currency, scale } => (Some((currency, scale)), None),
            Type::MixedMoney => (None, Some(self.currency_of(amount)?)),
            _ => return self.takes(entry, "an amount of money", amount),
        };
        let (to, day) = (to?, day?);
        let digits = to.exponent() + DERIVED_DIGITS;
        let kind = match entry.function {
            F::ConvertAtPlan => RateKind::Plan,
            _ => RateKind::Market,
        };
        let what = Exchange { to, digits, from, kind };
        self.pay(node, 4);
        self.converts = true;
        let op = Op::Exchange { what, amount: amount.id, currency, day };
        Some(self.made(op, Type::Money { currency: to, scale: digits }, node))
    }

    /// `row.amount.ifCurrency("EUR")`: the amounts that are in one currency already, at no rate.
    pub(super) fn if_currency(
        &mut self,
        entry: &Entry,
        amount: &Term,
        currency: &Term,
        node: NodeId,
    ) -> Option<Term> {
        let wanted = self.currency(entry, currency);
        match amount.kind {
            Type::Money { currency: own, .. } if wanted.is_some_and(|wanted| wanted != own) => {
                self.fault_at(Code::E104, amount.node, format!("this is always {}", amount.kind))
            }
            Type::Money { .. } => {
                wanted?;
                Some(Term { id: amount.id, kind: amount.kind.clone(), loose: None, node })
            }
            Type::MixedMoney => {
                let column = self.currency_column(amount);
                let (column, wanted) = (column?, wanted?);
                let id = self.terms.add(Op::Const(Cell::Text(Arc::from(wanted.code()))));
                let code = Term { id, kind: Type::Text, loose: None, node: currency.node };
                let is_wanted = self.compare(Comparison::Equal, &column, &code, node)?;
                let amount = self.of_one_currency(amount, wanted);
                let nothing = self.terms.add(Op::Const(Cell::Missing));
                self.pay(node, 4);
                Some(self.made(Op::If(is_wanted.id, amount.id, nothing), amount.kind, node))
            }
            _ => self.takes(entry, "an amount of money", amount),
        }
    }

    /// An amount of a column of several currencies, that is known to be in one.
    pub(super) fn of_one_currency(&mut self, amount: &Term, currency: Currency) -> Term {
        // Such a column holds minor units of the currency of each row.
        let id = self.terms.fold(Op::Convert(Conversion::IntToWide(0), amount.id));
        let kind = Type::Money { currency, scale: currency.exponent() };
        Term { id, kind, loose: None, node: amount.node }
    }

    /// The currency that filters leave of a column of currencies: `d.currency == "EUR"`, by itself or beside others.
    pub(super) fn only_currency(&self, filters: &[TermId], of: &SlotOf, column: &str) -> Option<Currency> {
        let mut left = filters.to_vec();
        while let Some(id) = left.pop() {
            match self.terms.op(id) {
                Op::And(all) => left.extend(all.iter().copied()),
                Op::Compare(Comparison::Equal, slot, code) => {
                    let Op::Slot(slot) = self.terms.op(*slot) else { continue };
                    let Some(slot) = self.terms.slots.get(*slot as usize) else { continue };
                    if slot.of != *of || &*slot.name != column {
                        continue;
                    }
                    let said = match (self.terms.constant(*code), slot.kind.values()) {
                        (Some(Cell::Text(text)), _) => text.parse().ok(),
                        (Some(Cell::Int(code)), Some(values)) => {
                            let code = u16::try_from(*code).ok();
                            code.and_then(|code| values.text(code)).and_then(|text| text.parse().ok())
                        }
                        _ => None,
                    };
                    if said.is_some() {
                        return said;
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The constant code of a currency.
    fn currency(&mut self, entry: &Entry, term: &Term) -> Option<Currency> {
        let Some(code) = self.constant_text(term) else {
            let message = format!("`{}` takes the constant code of a currency: {}", entry.name, entry.usage);
            return self.fault_at(Code::E112, term.node, message);
        };
        if let Ok(currency) = code.parse() {
            return Some(currency);
        }
        let shown: String = code.chars().take(16).collect();
        let near = nearest(&code.to_uppercase(), Currency::known_codes());
        let edit = near.map(|near| (self.span(term.node), format!("\"{near}\"")));
        let message = match near {
            Some(near) => format!("unknown currency `{shown}`; did you mean \"{near}\"?"),
            None => format!("unknown currency `{shown}`; expected an ISO 4217 code such as \"EUR\""),
        };
        self.edit_at(Code::E102, term.node, message, edit)
    }

    /// The text of the column that says in which currency an amount is, read where the amount is read.
    fn currency_of(&mut self, amount: &Term) -> Option<TermId> {
        let column = self.currency_column(amount)?;
        Some(self.cast(&column, &Type::Text))
    }

    /// The column that says in which currency an amount is, read where the amount is read.
    fn currency_column(&mut self, amount: &Term) -> Option<Term> {
        let unfit = "of amounts in several currencies a column of the account or row itself is read";
        // The ways to the account or row, from the outside in.
        let (mut id, mut ways) = (amount.id, Vec::new());
        while let op @ (Op::At(_, of) | Op::Outer(of)) = self.terms.op(id) {
            ways.push(op.clone());
            id = *of;
        }
        let column = match self.terms.op(id) {
            Op::Slot(slot) => self.terms.slots.get(*slot as usize).and_then(|slot| {
                let of = match &slot.of {
                    SlotOf::Account => Of::Account,
                    SlotOf::Table(table) => Of::Table(table),
                    SlotOf::Event(event) => Of::Event(event),
                };
                let column = self.names.name(of, &slot.name)?.currency_column()?.clone();
                let kind = self.names.name(of, &column)?.kind().clone();
                Some((slot.of.clone(), column, kind))
            }),
            _ => None,
        };
        let Some((of, column, kind)) = column else { return self.fault_at(Code::E104, amount.node, unfit) };
        if !matches!(kind, Type::Text | Type::Enum(_) | Type::Band(_)) {
            return self.fault_at(Code::E104, amount.node, unfit);
        }
        let mut id = self.terms.slot(&of, &column, &kind);
        for way in ways.into_iter().rev() {
            id = self.terms.add(match way {
                Op::At(place, _) => Op::At(place, id),
                _ => Op::Outer(id),
            });
        }
        Some(Term { id, kind, loose: None, node: amount.node })
    }

    /// Is a rate of a column missing? `None` if it needs none. True or false, never missing.
    fn rate_missing_column(&mut self, slot: u32) -> Option<TermId> {
        if let Some(known) = self.rate_missing_slots.get(&slot) {
            return *known;
        }
        let read = self.terms.slots.get(slot as usize).filter(|slot| slot.of == SlotOf::Account);
        let lacks = read.and_then(|slot| self.names.name(Of::Account, &slot.name)?.missing_rates().cloned());
        let found = match lacks {
            Some(MissingRateFlag::Column(name)) => {
                let id = self.terms.slot(&SlotOf::Account, &name, &Type::Bool);
                Some(self.terms.or_no(id))
            }
            _ => None,
        };
        self.rate_missing_slots.insert(slot, found);
        found
    }

    // --- what is not known of many ---------------------------------------------------------------

    /// Is a value missing for want of a rate? `None` where it needs none.
    fn lacks(&mut self, value: TermId) -> Option<TermId> {
        self.lacks_of(value).map(|lacks| lacks.value)
    }

    /// The terms that say whether a value lacks a rate; `None` where it needs none.
    pub(super) fn lacks_of(&mut self, value: TermId) -> Option<Lacks> {
        let amount = self.lacks_rate(value)?;
        let missing = self.terms.missing(value);
        let value = self.terms.add(Op::And([missing, amount].into()));
        Some(Lacks { value, amount })
    }

    /// What is gathered of accounts or rows, and nothing where one of them lacks a rate.
    pub(super) fn gathered_at_rates(
        &mut self,
        (account, what, over): (&Account, Gather, Over),
        filters: Vec<TermId>,
        body: Option<TermId>,
        node: NodeId,
    ) -> Option<TermId> {
        let lacks = self.lacking_row(&filters, body);
        let mut id = self.gathered(account, what, over.clone(), filters, body, node)?;
        let exists = |check: &mut Self, lacking: Option<TermId>| match lacking {
            Some(_) => {
                let over = over.clone();
                check.gathered(account, Gather::Exists, over, Vec::new(), lacking, node).map(Some)
            }
            None => Some(None),
        };
        let (unclear, lacking) = (exists(self, lacks.unclear)?, exists(self, lacks.value)?);
        let all: Vec<TermId> = unclear.into_iter().chain(lacking).collect();
        let all = self.terms.any(all);
        // A question with three answers says itself that one is not known; but not of whom it is asked.
        let says = matches!(what, Gather::Exists | Gather::All | Gather::ExistsOne);
        if let Some(guard) = if says { unclear } else { all } {
            id = self.unless(guard, id);
        }
        if let Some(guard) = all {
            self.lacking.insert(id, guard);
        }
        Some(id)
    }

    /// What is asked of the items of a list; where they are counted, nothing where one of them lacks a rate.
    pub(super) fn each_at_rates(&mut self, what: Gather, list: TermId, body: TermId) -> TermId {
        let mut id = self.terms.add(Op::Each(what, list, body));
        // A list may be one that is filtered itself.
        let of_list = self.lacks(list);
        let of_items = self.lacks(body).map(|lacks| {
            let exists = self.terms.add(Op::Each(Gather::Exists, list, lacks));
            self.terms.or_no(exists)
        });
        let Some(guard) = self.terms.any(of_list.into_iter().chain(of_items).collect()) else { return id };
        // All others are missing themselves where an answer that they need is.
        if what == Gather::Count {
            id = self.unless(guard, id);
        }
        self.lacking.insert(id, guard);
        id
    }

    /// What is read of events, and nothing where one of them lacks a rate.
    pub(super) fn usage_at_rates(
        &mut self,
        account: &Account,
        (reading, mut usage, body): (Reading, Usage, Option<TermId>),
        node: NodeId,
    ) -> Option<TermId> {
        let filters = usage.filters.to_vec();
        let lacks = self.lacking_row(&filters, body);
        let lacking = self.terms.any(lacks.unclear.into_iter().chain(lacks.value).collect());
        usage.lacks = lacking;
        let counted = match lacking {
            Some(lacking) => Some(Usage {
                filters: [lacking].into(),
                lacks: None,
                weeks: counted_weeks(&usage),
                ..usage.clone()
            }),
            None => self.lacking_events(&usage),
        };
        let id = self.terms.add(Op::Usage(reading, Arc::new(usage), body));
        let id = self.reach(account, id, node)?;
        if let Some(counted) = counted {
            let count = self.terms.add(Op::Usage(Reading::Count, Arc::new(counted), None));
            let count = self.reach(account, count, node)?;
            let zero = self.terms.add(Op::Const(Cell::Int(0)));
            let guard = self.terms.add(Op::Compare(Comparison::Greater, count, zero));
            self.lacking.insert(id, guard);
        }
        Some(id)
    }

    /// The events of a metric without a rate, in the window that is read; `None` if the metric needs none.
    fn lacking_events(&mut self, usage: &Usage) -> Option<Usage> {
        let metric = self.names.metric(&usage.name).filter(|_| usage.is_metric)?;
        let Some(MissingRateFlag::Events(events)) = metric.missing_rates() else { return None };
        let (window, weeks) = (usage.window, counted_weeks(usage));
        Some(Usage { window, weeks, ..events.join(&mut self.terms)? })
    }

    fn unless(&mut self, guard: TermId, id: TermId) -> TermId {
        self.terms.add(Op::Guarded { guard, of: id })
    }

    /// What is asked of an account or row that is gathered, for want of a rate. The answers are yes or no.
    fn lacking_row(&mut self, filters: &[TermId], body: Option<TermId>) -> RowLacks {
        if !self.converts {
            return RowLacks::default();
        }
        let of_filters: Vec<TermId> = filters.iter().filter_map(|filter| self.lacks_rate(*filter)).collect();
        let passes = match filters {
            [] => None,
            [only] => Some(*only),
            all => Some(self.terms.add(Op::And(all.into()))),
        };
        let unclear = self.terms.any(of_filters).zip(passes).map(|(lacks, passes)| {
            let missing = self.terms.missing(passes);
            self.terms.add(Op::And([missing, lacks].into()))
        });
        let value = body.and_then(|body| self.lacks(body)).map(|lacks| match passes {
            Some(passes) => {
                let both = self.terms.add(Op::And([passes, lacks].into()));
                self.terms.or_no(both)
            }
            None => lacks,
        });
        RowLacks { unclear, value }
    }

    /// Does an amount that a term is made of lack a rate? `None` where none is converted. The answer is yes or no.
    fn lacks_rate(&mut self, term: TermId) -> Option<TermId> {
        if !self.converts {
            return None;
        }
        // Terms stand after those that they are made of; what is asked of others is asked there.
        let mut needed: BTreeSet<TermId> = BTreeSet::new();
        let mut left = vec![term];
        while let Some(id) = left.pop() {
            if !needed.insert(id) || self.lacking.contains_key(&id) {
                continue;
            }
            match self.terms.op(id) {
                // What has an answer also where a part of it has none needs no rate.
                Op::Gather { .. } | Op::Usage(..) | Op::Each(..) | Op::Has(_) | Op::IsNot(..) => {}
                op => left.extend(op.parts()),
            }
        }
        let mut lacks: HashMap<TermId, TermId> = HashMap::new();
        for id in needed {
            let found = match self.terms.op(id).clone() {
                _ if self.lacking.contains_key(&id) => self.lacking.get(&id).copied(),
                Op::Gather { .. } | Op::Usage(..) | Op::Each(..) | Op::Has(_) | Op::IsNot(..) => None,
                Op::Slot(slot) => self.rate_missing_column(slot),
                // One operand can decide the result, whatever the others are.
                op @ (Op::And(_) | Op::Or(_) | Op::Coalesce(_)) => {
                    let all = op.parts().iter().filter_map(|part| lacks.get(part).copied()).collect();
                    self.terms.any(all).map(|lacks| {
                        let missing = self.terms.missing(id);
                        self.terms.add(Op::And([missing, lacks].into()))
                    })
                }
                Op::At(place, inner) => lacks.get(&inner).copied().map(|inner| {
                    let there = self.terms.add(Op::At(place, inner));
                    // Where no account is, no rate is missing.
                    self.terms.or_no(there)
                }),
                Op::Outer(inner) => lacks.get(&inner).copied().map(|inner| self.terms.add(Op::Outer(inner))),
                // Of the two, one is asked.
                Op::If(test, then, otherwise) => {
                    let mut all: Vec<TermId> = lacks.get(&test).copied().into_iter().collect();
                    if let Some(then) = lacks.get(&then).copied() {
                        let both = self.terms.add(Op::And([test, then].into()));
                        all.push(self.terms.or_no(both));
                    }
                    if let Some(otherwise) = lacks.get(&otherwise).copied() {
                        let not = self.terms.add(Op::Not(test));
                        let both = self.terms.add(Op::And([not, otherwise].into()));
                        all.push(self.terms.or_no(both));
                    }
                    self.terms.any(all)
                }
                op => {
                    let parts = op.parts();
                    let mut all: Vec<TermId> =
                        parts.iter().filter_map(|part| lacks.get(part).copied()).collect();
                    if let Op::Exchange { amount, .. } = op {
                        // An amount that is not there needs no rate.
                        let has = self.terms.add(Op::Has(amount));
                        let missing = self.terms.missing(id);
                        all.push(self.terms.add(Op::And([has, missing].into())));
                    }
                    self.terms.any(all)
                }
            };
            if let Some(found) = found {
                lacks.insert(id, found);
            }
        }
        lacks.get(&term).copied()
    }
}

/// The weeks of a question, of which events are counted all together.
fn counted_weeks(usage: &Usage) -> Option<Weeks> {
    usage.weeks.map(|weeks| Weeks { of: Reading::Sum(Summed::Int), is_active: false, ..weeks })
}
