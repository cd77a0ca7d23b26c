//! Which accounts and rows may a lambda read, and how does it find them?
//!
//! A lambda stands in others, and may read the accounts and rows of all of them. Where it reads the asker of its own
//! collection and what that one reads, every account or row of the collection has one asker, so that one pass answers
//! for all (`Hoisted`). Where it reads others, the collection is gone through once for each of them, which is refused
//! where that takes time by the square of the accounts. Ruling S102 of `docs/semantics`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Check;
use super::paths::{Account, Context, Refusal, ScopeOf};
use crate::expr::ast::{Ast, MacroKind, Node, NodeId};
use crate::expr::term::{SlotOf, Walk};

impl Refusal {
    pub(super) fn message(self, word: &str) -> String {
        match self {
            Self::Walk => format!(
                "this is read of the account that asks, once for each of its `{word}`; only lambdas over `children`, \
                 child tables and lists may do so: compare with what the walk gives instead"
            ),
            Self::Elsewhere => format!(
                "this is read outside of the lambda, once for each of `{word}`, which many accounts share; only lambdas \
                 over the `children` of the account that is read, child tables and lists may do so: compare with what \
                 the walk gives instead"
            ),
            Self::Pairs => format!(
                "this is read once for each of `{word}`, so that accounts are taken in pairs, which takes time by the \
                 square of their number: compare with what the walk gives instead"
            ),
        }
    }
}

/// The macro that asks what each node gives: of `a.filter(..).exists(..)`, the second asks the first.
pub(super) fn asked_by(ast: &Ast) -> Vec<Option<NodeId>> {
    let mut asked_by = vec![None; ast.len()];
    for id in (0_u32..).take(ast.len()).map(NodeId) {
        if let Node::Macro { over, .. } = ast.node(id)
            && let Some(place) = asked_by.get_mut(over.index())
        {
            *place = Some(id);
        }
    }
    asked_by
}

impl Check<'_> {
    /// How many steps around lead from a context to another; `None` where none do.
    pub(super) fn steps(&self, from: usize, to: usize) -> Option<usize> {
        self.around(from).position(|context| context == to)
    }

    /// A context and those that its lambda can read, from the inside out.
    fn around(&self, from: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(from), |context| {
            let inner = self.contexts.get(context.checked_sub(1)?)?;
            // Each stands in one of a smaller number.
            Some(inner.around.min(context - 1))
        })
    }

    /// The context of a lambda over accounts (by a walk) or rows of an account, and what it may not read.
    pub(super) fn context(
        &mut self,
        of: SlotOf,
        account: &Account,
        walk: Option<Walk>,
        word: Arc<str>,
        node: NodeId,
    ) -> Context {
        let outside = self.outside(node);
        let around = if self.is_hoisted(account, &outside) { account.context } else { self.here() };
        let refuse = |context: &usize| {
            let refusal = match walk {
                Some(walk) if walk != Walk::Children => Refusal::Walk,
                Some(_) if !account.places.is_empty() => Refusal::Elsewhere,
                Some(_) if self.is_paired(account.context, *context) => Refusal::Pairs,
                // Rows, and children that are asked of the account itself.
                Some(_) | None => return None,
            };
            Some((*context, refusal))
        };
        let forbidden = outside.iter().filter_map(refuse).collect();
        Context { of, asker: account.context, around, forbidden, filters: Vec::new(), word }
    }

    /// Would children of an account be gone through once for each of other accounts?
    fn is_paired(&self, asker: usize, read: usize) -> bool {
        // Rows of the asker, and rows of its rows, are few.
        let mut read = read;
        while self.steps(asker, read).is_none() {
            match self.contexts.get(read.wrapping_sub(1)) {
                Some(Context { of: SlotOf::Table(_), asker, .. }) if *asker < read => read = *asker,
                _ => return true,
            }
        }
        false
    }

    /// Is a collection gone through once for all who ask? Its lambdas read nothing that differs between those.
    pub(super) fn is_hoisted(&self, account: &Account, outside: &[usize]) -> bool {
        let reads_asker = |context: &usize| self.steps(account.context, *context).is_some();
        outside.is_empty() || account.places.is_empty() && outside.iter().all(reads_asker)
    }

    /// Which contexts are read by the lambdas over one collection: those of all filters, and that of the macro at the end.
    pub(super) fn outside(&mut self, node: NodeId) -> Arc<[usize]> {
        let mut last = node;
        while let Some(next) = self.asked_by.get(last.index()).copied().flatten() {
            if !self.is_filter(last) {
                break;
            }
            last = next;
        }
        if let Some(known) = self.outside.get(&last) {
            return known.clone();
        }
        let mut found = BTreeSet::new();
        let mut at = last;
        // A call at the end, `.count()`, has no lambda.
        if let Node::Call { arguments: [over, ..], .. } = self.ast.node(at) {
            at = *over;
        }
        while let Node::Macro { over, variable, body, .. } = self.ast.node(at) {
            self.read_by(body, &mut vec![variable.clone()], &mut found);
            if !self.is_filter(over) {
                break;
            }
            at = over;
        }
        let found: Arc<[usize]> = found.into_iter().collect();
        self.outside.insert(last, found.clone());
        found
    }

    fn is_filter(&self, node: NodeId) -> bool {
        matches!(self.ast.node(node), Node::Macro { kind: MacroKind::Filter, .. })
    }

    /// Which contexts a node reads; `inside` are the variables of lambdas in it.
    fn read_by(&self, node: NodeId, inside: &mut Vec<Arc<str>>, found: &mut BTreeSet<usize>) {
        match self.ast.node(node) {
            Node::Path([head, ..]) => {
                if inside.contains(head) {
                    return;
                }
                match self.scopes.iter().rfind(|scope| scope.variable == *head).map(|scope| &scope.of) {
                    Some(ScopeOf::Context(context)) => found.insert(*context),
                    // An item of a list is read in its own context only.
                    Some(ScopeOf::Element(..)) => false,
                    // Bare names are those of the account under test.
                    None => found.insert(0),
                };
            }
            Node::Macro { over, variable, body, .. } => {
                self.read_by(over, inside, found);
                inside.push(variable.clone());
                self.read_by(body, inside, found);
                inside.pop();
            }
            Node::Call { function, arguments, .. } => {
                let asks_account = match &**function {
                    "under" | "strictlyUnder" | "owns" => arguments.len() == 1,
                    "inSegment" | "events" | "metric" => true,
                    _ => false,
                };
                if asks_account {
                    found.insert(0);
                }
                for argument in arguments {
                    self.read_by(*argument, inside, found);
                }
            }
            _ => {
                for below in self.ast.below(node) {
                    self.read_by(below, inside, found);
                }
            }
        }
    }
}
