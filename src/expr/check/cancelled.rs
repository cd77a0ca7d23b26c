//! Which accounts does a walk leave out?
//!
//! A walk downwards or to the side leaves out cancelled accounts unless it says `withCancelled()`: it begins with a
//! filter on the status of each account, so that evaluators and dependency analysis need no rule of their own. A
//! walk that leaves them out must not ask for their status. Ruling S114 of `docs/semantics`.

use std::sync::Arc;

use super::Check;
use super::paths::{Account, Receiver};
use crate::expr::ast::NodeId;
use crate::expr::diagnostic::{Code, Span};
use crate::expr::functions::Entry;
use crate::expr::names::{Name, Names, Of};
use crate::expr::term::{Cell, Op, SlotOf, TermId, Terms, Walk};
use crate::expr::types::Type;

/// Who is cancelled, as the names say, and who has asked for it.
pub(super) struct Cancelled {
    /// The attribute with its type, and the values of those who are cancelled.
    status: Option<(Arc<str>, Type, Arc<[Cell]>)>,
    /// The question whether an account is not cancelled, once a walk has asked it.
    kept: Option<TermId>,
    /// Where the status of a variable is read, by the number of its context, and the name that is read.
    read: Vec<(usize, NodeId, Arc<str>)>,
}

impl Cancelled {
    pub(super) fn new(names: &dyn Names) -> Self {
        Self { status: status(names), kept: None, read: Vec::new() }
    }

    /// The question whether an account is not cancelled; one without a status is not.
    fn question(&mut self, terms: &mut Terms) -> Option<TermId> {
        if let (None, Some((attribute, kind, values))) = (self.kept, &self.status) {
            let status = terms.slot(&SlotOf::Account, attribute, kind);
            let cancelled = terms.add(Op::OneOf(status, values.clone()));
            let no = terms.add(Op::Const(Cell::Bool(false)));
            let cancelled = terms.add(Op::Coalesce(Box::new([cancelled, no])));
            self.kept = Some(terms.add(Op::Not(cancelled)));
        }
        self.kept
    }
}

/// The question whether an account is not cancelled; `None` where nobody is.
pub(in crate::expr) fn not_cancelled(names: &dyn Names, terms: &mut Terms) -> Option<TermId> {
    Cancelled::new(names).question(terms)
}

fn status(names: &dyn Names) -> Option<(Arc<str>, Type, Arc<[Cell]>)> {
    let (attribute, values) = names.cancelled_when()?;
    let kind = names.name(Of::Account, &attribute)?.kind().clone();
    let mut codes: Vec<i64> = Vec::with_capacity(values.len());
    let mut texts: Vec<Arc<str>> = Vec::new();
    for value in values {
        match (&kind, kind.values()) {
            (_, Some(known)) => codes.extend(known.code(&value).map(i64::from)),
            (Type::Text, None) => texts.push(value),
            _ => return None,
        }
    }
    codes.sort_unstable();
    codes.dedup();
    texts.sort_unstable();
    texts.dedup();
    let cells: Vec<Cell> =
        codes.into_iter().map(Cell::Int).chain(texts.into_iter().map(Cell::Text)).collect();
    (!cells.is_empty()).then(|| (attribute, kind, cells.into()))
}

impl Check<'_> {
    /// A collection of accounts, as its word alone says.
    pub(super) fn walk(&mut self, account: Account, walk: Walk) -> Receiver {
        let question = walk.leaves_out_cancelled().then(|| self.cancelled.question(&mut self.terms));
        Receiver::Accounts(account, walk, question.flatten().into_iter().collect())
    }

    /// `children.withCancelled()`.
    pub(super) fn with_cancelled(&mut self, entry: &Entry, arguments: &[NodeId]) -> Option<Receiver> {
        let of = *arguments.first()?;
        match self.receiver(of)? {
            Receiver::Accounts(account, walk, mut filters) if walk.leaves_out_cancelled() => {
                filters.retain(|filter| Some(*filter) != self.cancelled.kept);
                Some(Receiver::Accounts(account, walk, filters))
            }
            Receiver::Accounts(..) => {
                let message =
                    "what stands above holds cancelled accounts as it is; leave `withCancelled()` out";
                self.fault_at(Code::E112, of, message)
            }
            _ => {
                let message = format!(
                    "`{}` is asked of children, descendants, subtree or siblings: {}",
                    entry.name, entry.usage
                );
                self.fault_at(Code::E112, of, message)
            }
        }
    }

    /// Remembers where the status of the variable of a walk is read, or what is computed from it.
    pub(super) fn note_status(&mut self, account: &Account, path: &Arc<str>, name: &Name, node: NodeId) {
        let Some((status, ..)) = &self.cancelled.status else { return };
        let is_read = status == path || name.is_computed_from_status();
        if is_read && account.context > 0 && account.places.is_empty() {
            self.cancelled.read.push((account.context, node, path.clone()));
        }
    }

    /// Refuses a walk whose body has read the status of its variable, and that leaves out cancelled accounts. The
    /// body has been checked.
    pub(super) fn must_see_cancelled(&mut self, over: NodeId, filters: &[TermId]) -> Option<()> {
        let context = self.here() + 1;
        let first = self.cancelled.read.iter().find(|(of, ..)| *of == context);
        let first = first.map(|(_, node, path)| (*node, path.clone()));
        self.cancelled.read.retain(|(of, ..)| *of != context);
        let kept = self.cancelled.kept.filter(|kept| filters.contains(kept));
        let (Some((node, path)), Some(_)) = (first, kept) else { return Some(()) };
        let end = self.span(over).end;
        let edit = Some((Span::new(end, end), ".withCancelled()".to_owned()));
        let is_status = self.cancelled.status.as_ref().is_some_and(|(status, ..)| *status == path);
        let sees = if is_status {
            "this walk leaves out cancelled accounts, so that it never sees their status".to_owned()
        } else {
            format!("`{path}` is computed from the status, and this walk leaves out cancelled accounts")
        };
        let message = format!("{sees}; write `.withCancelled()` behind the collection to ask them as well");
        self.edit_at(Code::E115, node, message, edit)
    }
}
