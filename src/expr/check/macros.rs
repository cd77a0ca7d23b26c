//! What is asked of each element, account or row?

use std::sync::Arc;

use super::paths::{Context, Receiver, Refusal, Scope, ScopeOf};
use super::unify::SEVERAL_CURRENCIES;
use super::{Check, Term};
use crate::expr::ast::{MacroKind, Node, NodeId};
use crate::expr::diagnostic::Code;
use crate::expr::term::{Cell, Gather, Mean, Over, Reading, SlotOf, Summed, TermId};
use crate::expr::types::Type;

impl Check<'_> {
    /// `over.exists(variable, body)` and its like.
    pub(super) fn lambda(
        &mut self,
        kind: MacroKind,
        over: NodeId,
        variable: &Arc<str>,
        body: NodeId,
        node: NodeId,
    ) -> Option<Receiver> {
        let receiver = self.receiver(over)?;
        if self.scopes.len() >= self.limits.lambdas {
            let third = ordinal(self.limits.lambdas + 1);
            let limit = self.limits.lambdas;
            // A walk too many is said of walks.
            let walk = matches!(receiver, Receiver::Accounts(..));
            let message = if walk && self.walks >= self.limits.walks {
                let (third, limit) = (ordinal(self.limits.walks + 1), self.limits.walks);
                format!("{third} nested hierarchy walk (limit {limit})")
            } else {
                format!("{third} nested lambda (limit {limit})")
            };
            return self.fault_at(Code::E109, over, message);
        }
        match receiver {
            Receiver::Value(list) => self.over_list(kind, &list, variable, body, node).map(Receiver::Value),
            Receiver::Accounts(account, walk, mut filters) => {
                if self.walks >= self.limits.walks {
                    let (third, limit) = (ordinal(self.limits.walks + 1), self.limits.walks);
                    let message = format!("{third} nested hierarchy walk (limit {limit})");
                    return self.fault_at(Code::E109, over, message);
                }
                self.walks += 1;
                let word = self.word(over);
                let context = self.context(SlotOf::Account, &account, Some(walk), word, node);
                let inner = self.inside(context, variable, body);
                self.walks -= 1;
                // Also where the body is at fault: what it read is forgotten then.
                let sees = self.must_see_cancelled(over, &filters);
                let inner = inner?;
                sees?;
                if kind == MacroKind::Filter {
                    filters.push(self.must_be_true(&inner)?);
                    return Some(Receiver::Accounts(account, walk, filters));
                }
                let (what, body, result) = self.gathering(kind, &inner, node)?;
                let over = (&account, what, Over::Walk(walk));
                let id = self.gathered_at_rates(over, filters, Some(body), node)?;
                Some(Receiver::Value(Term { id, kind: result, loose: None, node }))
            }
            Receiver::Rows(account, table, mut filters) => {
                let word = self.word(over);
                let context = self.context(SlotOf::Table(table.clone()), &account, None, word, node);
                let context = Context { filters: filters.clone(), ..context };
                let factor = self.factor;
                self.factor = factor.saturating_mul(self.limits.rows_per_account);
                let inner = self.inside(context, variable, body);
                self.factor = factor;
                let inner = inner?;
                if kind == MacroKind::Filter {
                    filters.push(self.must_be_true(&inner)?);
                    return Some(Receiver::Rows(account, table, filters));
                }
                let (what, body, result) = self.gathering(kind, &inner, node)?;
                let over = (&account, what, Over::Table(table));
                let id = self.gathered_at_rates(over, filters, Some(body), node)?;
                Some(Receiver::Value(Term { id, kind: result, loose: None, node }))
            }
            Receiver::Usage(account, mut usage) => {
                let here = self.here();
                let context = Context {
                    of: SlotOf::Event(usage.name.clone()),
                    asker: account.context,
                    around: here,
                    forbidden: (0..=here).map(|context| (context, Refusal::Walk)).collect(),
                    filters: usage.filters.to_vec(),
                    word: self.word(over),
                };
                if usage.is_metric {
                    return self.fault_at(Code::E112, node, "a metric has no properties; write `.sum()`");
                }
                let inner = self.inside(context, variable, body)?;
                if matches!(kind, MacroKind::Where | MacroKind::Filter) {
                    let mut filters = usage.filters.to_vec();
                    filters.push(self.must_be_true(&inner)?);
                    usage.filters = filters.into();
                    return Some(Receiver::Usage(account, usage));
                }
                let Some(reading) = read_of_events(kind, &inner.kind) else {
                    let message = format!("events have no `{}`; write .where(e, ..).count()", kind.as_str());
                    return self.fault_at(Code::E112, node, message);
                };
                let result = match reading {
                    Reading::Distinct => Type::Int,
                    _ => self.aggregated(kind, &inner)?,
                };
                self.usage_read(account, (reading, usage, Some(inner.id)), result, node)
            }
            Receiver::Weeks(_) => {
                let message = "each week has one value; write `.median()` or the like";
                self.fault_at(Code::E112, node, message)
            }
            other => {
                let message = format!("`{}` asks lists, accounts and child tables", kind.as_str());
                match other {
                    Receiver::Account(_) | Receiver::Row => self.fault_at(Code::E103, over, message),
                    _ => None,
                }
            }
        }
    }

    fn word(&self, node: NodeId) -> Arc<str> {
        let text = self.span(node).text(&self.faults.source);
        // The collection itself, without what filters it.
        let word = text.split(['(', '\n']).next().unwrap_or(text);
        let word = word.strip_suffix(".filter").unwrap_or(word);
        let word = word.strip_suffix(".withCancelled").unwrap_or(word);
        Arc::from(word.chars().take(60).collect::<String>())
    }

    /// Checks the body of a lambda over accounts, rows or events.
    fn inside(&mut self, context: Context, variable: &Arc<str>, body: NodeId) -> Option<Term> {
        self.contexts.push(context);
        self.scopes.push(Scope {
            variable: variable.clone(),
            of: ScopeOf::Context(self.contexts.len()),
            used: false,
            outer: Vec::new(),
            pending: Vec::new(),
        });
        let inner = self.term(body);
        let context = self.contexts.pop();
        let scope = self.scopes.pop()?;
        if scope.used {
            for (at, message) in scope.pending {
                self.fault_at::<()>(Code::E113, at, message);
            }
            return inner;
        }
        // An unfinished body was reported where it is wrong.
        inner?;
        let named = context.map(|context| context.of);
        let misread = scope.outer.into_iter().find(|(_, path)| match &named {
            Some(SlotOf::Account) | None => true,
            Some(SlotOf::Table(table)) => {
                self.names.name(super::super::names::Of::Table(table), path).is_some()
            }
            Some(SlotOf::Event(event)) => {
                self.names.name(super::super::names::Of::Event(event), path).is_some()
            }
        });
        match misread {
            Some((at, path)) => {
                let meant = format!("{variable}.{path}");
                let span = self.span(at);
                let edit = Some((span, meant.clone()));
                let message = format!("this is the outer account; did you mean `{meant}`?");
                self.edit_at(Code::E108, at, message, edit)
            }
            None => {
                let message = format!("`{variable}` is never asked, so that the answer is the same for each");
                self.fault_at(Code::E108, body, message)
            }
        }
    }

    fn must_be_true(&mut self, term: &Term) -> Option<TermId> {
        if term.kind == Type::Bool {
            return Some(term.id);
        }
        let message = format!("expected a yes/no question, not {}", Self::a(&term.kind));
        self.fault_at(Code::E103, term.node, message)
    }

    /// What a macro gathers of accounts or rows, and the type of its answer.
    fn gathering(&mut self, kind: MacroKind, inner: &Term, node: NodeId) -> Option<(Gather, TermId, Type)> {
        let (what, result) = match kind {
            MacroKind::Exists => (Gather::Exists, Type::Bool),
            MacroKind::All => (Gather::All, Type::Bool),
            MacroKind::ExistsOne => (Gather::ExistsOne, Type::Bool),
            MacroKind::Count => (Gather::Count, Type::Int),
            MacroKind::Sum => {
                let result = self.aggregated(kind, inner)?;
                (Gather::Sum(Summed::of(&result).unwrap_or(Summed::Int)), result)
            }
            MacroKind::Min => (Gather::Min, self.aggregated(kind, inner)?),
            MacroKind::Max => (Gather::Max, self.aggregated(kind, inner)?),
            MacroKind::Avg => {
                let result = self.aggregated(kind, inner)?;
                let mean = Mean::of(&inner.kind).map_or(Mean::Double { scale: 0 }, |(mean, _)| mean);
                (Gather::Avg(mean), result)
            }
            MacroKind::Filter | MacroKind::Map | MacroKind::Where | MacroKind::Distinct => {
                let message =
                    format!("accounts and rows have no `{}`; write `.filter(x, ..)`", kind.as_str());
                return self.fault_at(Code::E112, node, message);
            }
        };
        let asks =
            matches!(kind, MacroKind::Exists | MacroKind::All | MacroKind::ExistsOne | MacroKind::Count);
        let body = if asks { self.must_be_true(inner)? } else { inner.id };
        Some((what, body, result))
    }

    /// The type of a sum, an extreme or a mean.
    fn aggregated(&mut self, kind: MacroKind, inner: &Term) -> Option<Type> {
        let of = &inner.kind;
        let fits = match kind {
            MacroKind::Sum => of.is_number() || of.is_money() || *of == Type::Duration,
            MacroKind::Avg => Mean::of(of).is_some(),
            _ => of.is_ordered(),
        };
        if *of == Type::MixedMoney {
            return self.fault_at(Code::E104, inner.node, SEVERAL_CURRENCIES);
        }
        if !fits {
            let message = format!("{} has no `{}`", Self::a(of), kind.as_str());
            return self.fault_at(Code::E103, inner.node, message);
        }
        Some(match (kind, of) {
            (MacroKind::Avg, _) => Mean::of(of).map_or(Type::Double, |(_, kind)| kind),
            _ => of.clone(),
        })
    }

    fn over_list(
        &mut self,
        kind: MacroKind,
        list: &Term,
        variable: &Arc<str>,
        body: NodeId,
        node: NodeId,
    ) -> Option<Term> {
        let Type::List(of) = &list.kind else {
            let message = format!(
                "`{}` asks lists, accounts and child tables, not {}",
                kind.as_str(),
                Self::a(&list.kind)
            );
            return self.fault_at(Code::E103, list.node, message);
        };
        let of = (**of).clone();
        let what = match kind {
            MacroKind::Exists => Gather::Exists,
            MacroKind::All => Gather::All,
            MacroKind::ExistsOne => Gather::ExistsOne,
            MacroKind::Filter => Gather::Filter,
            MacroKind::Map => Gather::Map,
            MacroKind::Count => Gather::Count,
            _ => {
                let message = format!("lists have no `{}`", kind.as_str());
                return self.fault_at(Code::E112, node, message);
            }
        };
        let length = match self.terms.constant(list.id) {
            Some(Cell::List(cells)) => cells.len() as u64,
            _ => self.limits.list_length,
        };
        self.scopes.push(Scope {
            variable: variable.clone(),
            of: ScopeOf::Element(of.clone()),
            used: false,
            outer: Vec::new(),
            pending: Vec::new(),
        });
        let factor = self.factor;
        self.factor = factor.saturating_mul(length.max(1));
        let inner = self.term(body);
        self.factor = factor;
        let scope = self.scopes.pop()?;
        let inner = inner?;
        if !scope.used && !matches!(self.ast.node(body), Node::Literal(_)) {
            let message = format!("`{variable}` is never asked");
            self.faults.add(Code::W204, self.ast.span(body), message, None);
        }
        let (body, result) = match kind {
            MacroKind::Map => (inner.id, Type::list(inner.kind)),
            MacroKind::Filter => (self.must_be_true(&inner)?, list.kind.clone()),
            MacroKind::Count => (self.must_be_true(&inner)?, Type::Int),
            _ => (self.must_be_true(&inner)?, Type::Bool),
        };
        if matches!(result, Type::List(ref of) if !of.is_scalar()) && kind == MacroKind::Map {
            return self.fault_at(Code::E103, node, "a list holds single values");
        }
        let id = self.each_at_rates(what, list.id, body);
        Some(Term { id, kind: result, loose: None, node })
    }
}

fn ordinal(number: usize) -> String {
    match number {
        1 => "first".to_owned(),
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        number => format!("{number}th"),
    }
}

/// What a macro reads of events, by the type of its body.
fn read_of_events(kind: MacroKind, of: &Type) -> Option<Reading> {
    let summed = Summed::of(of).unwrap_or(Summed::Int);
    Some(match kind {
        MacroKind::Sum => Reading::Sum(summed),
        MacroKind::Min => Reading::Min,
        MacroKind::Max => Reading::Max,
        MacroKind::Avg => {
            let mean = Mean::of(of).map_or(Mean::Double { scale: 0 }, |(mean, _)| mean);
            Reading::Avg(mean, summed)
        }
        MacroKind::Distinct => Reading::Distinct,
        _ => return None,
    })
}
