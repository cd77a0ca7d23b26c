//! What does a name mean?
//!
//! From the inside out: the variable of a lambda, a declared name (the longest that fits), a word of the hierarchy,
//! a child table. Rulings S66 and S67 of `docs/semantics`.

use std::sync::Arc;

use super::mention::Mentioned;
use super::{Check, ReadOf, Term};
use crate::expr::ast::NodeId;
use crate::expr::checked::Source;
use crate::expr::diagnostic::{Code, Span};
use crate::expr::functions;
use crate::expr::names::{MAX_NAME_PARTS, Name, Of};
use crate::expr::term::{Asker, Cell, Gather, Op, Over, Place, Reading, SlotOf, TermId, Usage, Walk};
use crate::expr::types::Type;
use crate::model::nearest;

/// A variable of a lambda.
pub(super) struct Scope {
    pub(super) variable: Arc<str>,
    pub(super) of: ScopeOf,
    pub(super) used: bool,
    /// Names of the outer account that are read bare inside, where they stand.
    pub(super) outer: Vec<(NodeId, Arc<str>)>,
    /// Faults that count only when the variable is used at all.
    pub(super) pending: Vec<(NodeId, String)>,
}

pub(super) enum ScopeOf {
    /// An element of a list.
    Element(Type),
    /// An account, row or event: the context of this number.
    Context(usize),
}

/// What is asked in a lambda over accounts, rows or events; bare names are those of the account around all.
pub(super) struct Context {
    pub(super) of: SlotOf,
    /// The context whose accounts or rows these are.
    pub(super) asker: usize,
    /// The context that [`Op::Outer`] leads to from here.
    pub(super) around: usize,
    /// Which contexts outside may not be read here, and why.
    pub(super) forbidden: Vec<(usize, Refusal)>,
    /// What is true of each of them: the filters of the collection.
    pub(super) filters: Vec<TermId>,
    /// The collection, for messages.
    pub(super) word: Arc<str>,
}

/// Why an account outside of a lambda may not be read inside it: for each pair of accounts it would be read once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The lambda is over descendants, ancestors or the like, or over events.
    Walk,
    /// The lambda is over the children of another account.
    Elsewhere,
    /// The lambda is over children that were gone through already, around it.
    Pairs,
}

/// An account: that of a context, or one that is reached from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::expr) struct Account {
    /// The number of the context: 0 is the account under test.
    pub(super) context: usize,
    pub(super) places: Vec<Place>,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(in crate::expr) enum Receiver {
    Value(Term),
    Account(Account),
    /// Accounts, seen from one, of which all filters are true.
    Accounts(Account, Walk, Vec<TermId>),
    /// Rows of a child table.
    Rows(Account, Arc<str>, Vec<TermId>),
    Usage(Account, Usage),
    /// What is read of usage week by week.
    Weeks(Box<Weekly>),
    /// A row or event by itself.
    Row,
}

/// A value for each week.
#[derive(Debug, Clone)]
pub(in crate::expr) struct Weekly {
    pub(super) account: Account,
    /// What is read of each week.
    pub(super) reading: Reading,
    pub(super) usage: Usage,
    pub(super) body: Option<TermId>,
    pub(super) kind: Type,
}

impl Check<'_> {
    /// The context that is asked now.
    pub(super) fn here(&self) -> usize {
        self.contexts.len()
    }

    pub(super) fn slot_of(&self, context: usize) -> SlotOf {
        let inner = context.checked_sub(1).and_then(|at| self.contexts.get(at));
        inner.map_or(SlotOf::Account, |context| context.of.clone())
    }

    pub(super) fn path(&mut self, names: &[Arc<str>], node: NodeId) -> Option<Receiver> {
        let (head, rest) = names.split_first()?;
        let found = self.scopes.iter().rposition(|scope| scope.variable == *head);
        if let Some(scope) = found {
            return self.variable(scope, rest, node);
        }
        let under_test = Account { context: 0, places: Vec::new() };
        self.account_path(under_test, names, node, true)
    }

    fn variable(&mut self, place: usize, rest: &[Arc<str>], node: NodeId) -> Option<Receiver> {
        let scope = self.scopes.get_mut(place)?;
        scope.used = true;
        match &scope.of {
            ScopeOf::Element(kind) => {
                let kind = kind.clone();
                let inner = self.scopes.get(place + 1..).unwrap_or_default();
                if inner.iter().any(|scope| matches!(scope.of, ScopeOf::Context(_))) {
                    let message = "an item of a list cannot be read inside a lambda over accounts or rows; \
                                   turn it round: ask of each row whether it is `in` the list";
                    return self.fault_at(Code::E113, node, message);
                }
                let inside = u32::try_from(inner.len()).unwrap_or(u32::MAX);
                let id = self.terms.add(Op::Element(inside));
                let term = Term { id, kind, loose: None, node };
                self.fields(term, rest, node).map(Receiver::Value)
            }
            ScopeOf::Context(context) => {
                let context = *context;
                match self.slot_of(context) {
                    SlotOf::Account => {
                        self.account_path(Account { context, places: Vec::new() }, rest, node, false)
                    }
                    of => self.column(context, &of, rest, node),
                }
            }
        }
    }

    /// A column of a row, or a property of an event.
    fn column(&mut self, context: usize, of: &SlotOf, rest: &[Arc<str>], node: NodeId) -> Option<Receiver> {
        if rest.is_empty() {
            return Some(Receiver::Row);
        }
        let whose = match of {
            SlotOf::Account => Of::Account,
            SlotOf::Table(table) => Of::Table(table),
            SlotOf::Event(event) => Of::Event(event),
        };
        let Some((name, path, used)) = self.longest(whose, rest) else {
            let word = self.contexts.get(context.wrapping_sub(1)).map(|context| context.word.clone());
            let word = word.unwrap_or_default();
            return self.unknown(whose, rest, node, &format!("no column of `{word}`"), true);
        };
        self.read(node, &path, &name, ReadOf::Row);
        self.mention(node, Mentioned::field(whose, &path), (used, rest.len() - used));
        let id = self.terms.slot(of, &path, name.kind());
        let mut term = Term { id, kind: name.kind().clone(), loose: None, node };
        if let (Type::MixedMoney, Some(column)) = (&term.kind, name.currency_column()) {
            // Of a collection that is filtered to one currency, the amounts are money of it.
            let filters = self.contexts.get(context.wrapping_sub(1)).map(|context| &*context.filters);
            if let Some(only) = self.only_currency(filters.unwrap_or_default(), of, column) {
                term = self.of_one_currency(&term, only);
            }
        }
        term.id = self.outward(term.id, context, node)?;
        self.fields(term, rest.get(used..).unwrap_or_default(), node).map(Receiver::Value)
    }

    /// The longest declared name that a path begins with, and of how many of its names.
    fn longest(&self, of: Of<'_>, names: &[Arc<str>]) -> Option<(Name, Arc<str>, usize)> {
        if let [only] = names {
            return self.names.name(of, only).map(|name| (name, only.clone(), 1));
        }
        for used in (1..=names.len().min(MAX_NAME_PARTS)).rev() {
            let path = names.get(..used)?.join(".");
            if let Some(name) = self.names.name(of, &path) {
                return Some((name, Arc::from(path), used));
            }
        }
        None
    }

    /// Names behind an account; the account under test itself when `bare`.
    pub(super) fn account_path(
        &mut self,
        mut account: Account,
        names: &[Arc<str>],
        node: NodeId,
        bare: bool,
    ) -> Option<Receiver> {
        let has_tree = self.names.account_types().is_some();
        let mut rest = names;
        loop {
            let Some((head, behind)) = rest.split_first() else { return Some(Receiver::Account(account)) };
            let outer = bare && account.places.is_empty();
            if let Some((name, path, used)) = self.longest(Of::Account, rest) {
                let of = if account.places.is_empty() { ReadOf::Account } else { ReadOf::Reached };
                self.read(node, &path, &name, of);
                self.mention(node, Mentioned::field(Of::Account, &path), (used, rest.len() - used));
                self.note_status(&account, &path, &name, node);
                self.converts |= name.missing_rates().is_some();
                let behind = rest.get(used..).unwrap_or_default();
                return self.attribute(&account, &path, name.kind(), behind, node, outer);
            }
            if &**head == "attr" {
                rest = behind;
                continue;
            }
            if self.names.has_table(head) {
                self.mention(node, Mentioned::Source(Source::Table(head.clone())), (1, behind.len()));
                if outer {
                    self.note_outer(node, head);
                }
                return match behind {
                    [] => Some(Receiver::Rows(account, head.clone(), Vec::new())),
                    _ => {
                        let message =
                            format!("`{head}` is a child table; ask `{head}.exists(x, ..)` or the like");
                        self.fault_at(Code::E103, node, message)
                    }
                };
            }
            if !has_tree {
                return self.unknown(Of::Account, rest, node, "unknown attribute", false);
            }
            let walk = Walk::ALL.iter().find(|(word, _)| *word == &**head);
            if let Some((word, walk)) = walk {
                if outer {
                    self.note_outer(node, head);
                }
                return match behind {
                    [] => Some(self.walk(account, *walk)),
                    _ => {
                        let message =
                            format!("`{word}` are several accounts; ask `{word}.exists(x, ..)` or the like");
                        self.fault_at(Code::E103, node, message)
                    }
                };
            }
            let built_in = match &**head {
                "parent" | "root" => {
                    let root = &**head == "root";
                    if outer {
                        self.note_outer(node, head);
                    }
                    account.places.push(if root { Place::Root } else { Place::Parent });
                    rest = behind;
                    continue;
                }
                "level" => Some(BuiltIn::Term(Op::Level, Type::Int)),
                "id" => Some(BuiltIn::Term(Op::AccountId, Type::Text)),
                "account_type" => self.names.account_types().map(|types| BuiltIn::Slot(Type::Enum(types))),
                "product" => self.names.products().map(|products| BuiltIn::Slot(Type::Enum(products))),
                _ => None,
            };
            return match built_in {
                Some(BuiltIn::Slot(kind)) => {
                    if &**head == "product" {
                        let of = if account.places.is_empty() { ReadOf::Account } else { ReadOf::Reached };
                        self.read(node, head, &Name::new(kind.clone()), of);
                    }
                    self.attribute(&account, head, &kind, behind, node, outer)
                }
                Some(BuiltIn::Term(op, kind)) => {
                    if outer {
                        self.note_outer(node, head);
                    }
                    let id = self.terms.add(op);
                    let id = self.reach(&account, id, node)?;
                    let term = Term { id, kind, loose: None, node };
                    self.fields(term, behind, node).map(Receiver::Value)
                }
                None => self.unknown(Of::Account, rest, node, "unknown attribute", false),
            };
        }
    }

    fn attribute(
        &mut self,
        account: &Account,
        path: &Arc<str>,
        kind: &Type,
        behind: &[Arc<str>],
        node: NodeId,
        outer: bool,
    ) -> Option<Receiver> {
        if outer {
            self.note_outer(node, path);
        }
        let id = self.terms.slot(&SlotOf::Account, path, kind);
        let id = self.reach(account, id, node)?;
        let term = Term { id, kind: kind.clone(), loose: None, node };
        self.fields(term, behind, node).map(Receiver::Value)
    }

    /// Remembers a bare name that is read inside a lambda over accounts or rows.
    fn note_outer(&mut self, node: NodeId, path: &Arc<str>) {
        let scope = self.scopes.iter_mut().rev().find(|scope| matches!(scope.of, ScopeOf::Context(_)));
        if let Some(scope) = scope {
            scope.outer.push((node, path.clone()));
        }
    }

    /// A term of an account, asked from where we are.
    pub(super) fn reach(&mut self, account: &Account, inner: TermId, node: NodeId) -> Option<TermId> {
        let mut id = inner;
        for place in account.places.iter().rev() {
            id = self.terms.add(Op::At(place.clone(), id));
        }
        self.outward(id, account.context, node)
    }

    /// A term of an outer context, asked from where we are.
    fn outward(&mut self, inner: TermId, context: usize, node: NodeId) -> Option<TermId> {
        let mut id = inner;
        if self.is_refused(context, node)? {
            // What is refused has no place among the terms; the type is what the check goes on with.
            return Some(id);
        }
        let Some(steps) = self.steps(self.here(), context) else {
            return self.fault_at(Code::E113, node, "this cannot be read inside the lambda");
        };
        for _ in 0..steps {
            id = self.terms.add(Op::Outer(id));
        }
        Some(id)
    }

    /// Says so where a context may not be read from where we are; `None` where that cannot wait for the end of a lambda.
    fn is_refused(&mut self, context: usize, node: NodeId) -> Option<bool> {
        let crossed = self.contexts.get(context..).unwrap_or_default();
        let refused = crossed.iter().rev().find_map(|crossed| {
            let refused = crossed.forbidden.iter().find(|(forbidden, _)| *forbidden == context);
            refused.map(|(_, refusal)| refusal.message(&crossed.word))
        });
        let Some(message) = refused else { return Some(false) };
        let scope = self.scopes.iter_mut().rev().find(|scope| matches!(scope.of, ScopeOf::Context(_)));
        match scope {
            Some(scope) => scope.pending.push((node, message)),
            None => return self.fault_at(Code::E113, node, message),
        }
        Some(true)
    }

    /// Fields of a record.
    fn fields(&mut self, mut term: Term, names: &[Arc<str>], node: NodeId) -> Option<Term> {
        for (place, name) in names.iter().enumerate() {
            if let Type::Counts(values) = &term.kind {
                let value = Mentioned::Value(values.clone(), name.clone());
                self.mention(node, value, (1, names.len() - place - 1));
            }
            term = self.field(&term, name, node)?;
        }
        Some(term)
    }

    fn field(&mut self, term: &Term, name: &Arc<str>, node: NodeId) -> Option<Term> {
        if let Type::Counts(values) = &term.kind {
            let Some(code) = values.code(name) else {
                let hint = crate::model::hint(name, values.iter().map(|known| &**known));
                return self.fault_at(Code::E101, node, format!("`{name}` is not counted{hint}"));
            };
            let place = self.terms.add(Op::Const(Cell::Int(i64::from(code))));
            let id = self.terms.add(Op::Item(term.id, place));
            return Some(Term { id, kind: Type::Int, loose: None, node });
        }
        let Type::Record(fields) = &term.kind else {
            let message = format!("{} has no parts; `{name}` cannot be asked of it", Self::a(&term.kind));
            return self.fault_at(Code::E101, node, message);
        };
        let Some((_, kind)) = fields.iter().find(|(known, _)| known == name) else {
            let hint = crate::model::hint(name, fields.iter().map(|(known, _)| &**known));
            return self.fault_at(Code::E101, node, format!("there is no field `{name}`{hint}"));
        };
        let kind = kind.clone();
        let id = self.terms.add(Op::Field(term.id, name.clone()));
        Some(Term { id, kind, loose: None, node })
    }

    /// Names behind what an expression gives: all of them together, since a declared name may have dots.
    pub(super) fn member(&mut self, node: NodeId) -> Option<Receiver> {
        let (of, names) = self.ast.names_behind(node);
        match self.receiver(of)? {
            Receiver::Account(account) => self.account_path(account, &names, node, false),
            Receiver::Value(term) => self.fields(term, &names, node).map(Receiver::Value),
            other => self.not_a_value(of, &other),
        }
    }

    pub(super) fn not_a_value<T>(&mut self, node: NodeId, receiver: &Receiver) -> Option<T> {
        let word: String = self.span(node).text(&self.faults.source).chars().take(40).collect();
        let message = match receiver {
            Receiver::Value(_) => return None,
            Receiver::Account(_) => {
                format!("`{word}` is an account; ask one of its attributes: `{word}.name`")
            }
            Receiver::Accounts(..) => {
                format!("`{word}` are accounts; ask `{word}.exists(x, ..)`, `.count()` or the like")
            }
            Receiver::Rows(..) => {
                format!("`{word}` is a child table; ask `{word}.exists(x, ..)`, `.count()` or the like")
            }
            Receiver::Row => format!("`{word}` is a whole row; ask one of its columns: `{word}.id`"),
            Receiver::Usage(_, usage) if usage.weeks.is_some() => {
                format!("`{word}` is usage by week; say what is read of each week, `.count()` or the like")
            }
            Receiver::Usage(..) => format!("`{word}` are usage rows; ask `.count()` or the like"),
            Receiver::Weeks(_) => {
                format!("`{word}` has a value for each week; ask `.median()`, `.avg()` or the like of them")
            }
        };
        self.fault_at(Code::E103, node, message)
    }

    /// No such name: says which is near.
    fn unknown<T>(
        &mut self,
        of: Of<'_>,
        names: &[Arc<str>],
        node: NodeId,
        what: &str,
        of_row: bool,
    ) -> Option<T> {
        let path = names.join(".");
        let mut known: Vec<Arc<str>> = Vec::new();
        self.names.each(of, &mut |name| known.push(Arc::from(name)));
        let listed = known.len();
        if of == Of::Account {
            self.names.each_table(&mut |name| known.push(Arc::from(name)));
            if self.names.account_types().is_some() {
                known.extend(Walk::ALL.iter().map(|(word, _)| Arc::from(*word)));
                let words = ["parent", "root", "level", "id", "account_type", "product"];
                known.extend(words.map(Arc::from));
            }
        }
        // The part of the node that was not found: the path may stand behind a variable.
        let whole = self.span(node);
        let len = u32::try_from(path.len()).unwrap_or(0);
        let text = whole.text(&self.faults.source);
        let is_plain = text.ends_with(&path);
        let span = if is_plain { Span::new(whole.end.saturating_sub(len), whole.end) } else { whole };
        // Written with backticks or spaces: what stands before the path is not to be replaced with it.
        let edit = |text: &str| is_plain.then(|| (span, text.to_owned()));
        let shown: String = path.chars().take(60).collect();
        if let Some(meant) = self.meant_inside(of, &path) {
            let message = format!("did you mean `{meant}`?");
            let edit = edit(&meant);
            self.faults.add(Code::E101, span, message, edit);
            return None;
        }
        let Some(near) = nearest(&path, known.iter().map(|name| &**name)) else {
            let message = match (functions::function(&path), of_row) {
                (Some(entry), _) => format!("`{}` is a function: {}", entry.name, entry.usage),
                (None, true) => format!("`{shown}` is {what}"),
                (None, false) => format!("{what} `{shown}`"),
            };
            self.faults.add(Code::E101, span, message, None);
            return None;
        };
        // A word of the language is no name, and looking one up would count as reading it.
        let is_listed = known.iter().take(listed).any(|name| **name == *near);
        let kind = self.names.name(of, near).filter(|_| is_listed).map(|name| format!(" ({})", name.kind()));
        let message = format!("did you mean `{near}`{}?", kind.unwrap_or_default());
        let edit = edit(near);
        self.faults.add(Code::E101, span, message, edit);
        None
    }

    /// A bare name that no account has, but the row or event that is asked does.
    fn meant_inside(&self, of: Of<'_>, path: &str) -> Option<String> {
        let scope = self.scopes.iter().rev().find(|scope| matches!(scope.of, ScopeOf::Context(_)))?;
        let known = match (of, &self.contexts.last()?.of) {
            (Of::Account, SlotOf::Table(table)) => self.names.name(Of::Table(table), path).is_some(),
            (Of::Account, SlotOf::Event(event)) => self.names.name(Of::Event(event), path).is_some(),
            _ => false,
        };
        known.then(|| format!("{}.{path}", scope.variable))
    }

    /// What is gathered over, asked of an account.
    pub(super) fn gathered(
        &mut self,
        account: &Account,
        what: Gather,
        over: Over,
        filters: Vec<TermId>,
        body: Option<TermId>,
        node: NodeId,
    ) -> Option<TermId> {
        let filters = filters.into();
        let outside = self.outside(node);
        if !self.is_hoisted(account, &outside) {
            self.is_refused(account.context, node)?;
            let around = u32::try_from(self.steps(self.here(), account.context)?).ok()?;
            let asker = Asker { around, places: account.places.clone().into() };
            return Some(self.terms.add(Op::Gather { asker, what, over, filters, body }));
        }
        let nothing = match what {
            Gather::Exists | Gather::ExistsOne => Cell::Bool(false),
            Gather::All => Cell::Bool(true),
            Gather::Count => Cell::Int(0),
            _ => Cell::Missing,
        };
        let id = self.terms.add(Op::Gather { asker: Asker::default(), what, over, filters, body });
        self.reach_or(account, id, nothing, node)
    }

    /// As [`Self::reach`]; where there is no such account, what nothing at all gives.
    pub(super) fn reach_or(
        &mut self,
        account: &Account,
        inner: TermId,
        nothing: Cell,
        node: NodeId,
    ) -> Option<TermId> {
        let found = self.reach(account, inner, node)?;
        if account.places.is_empty() || nothing == Cell::Missing {
            return Some(found);
        }
        let yes = self.terms.add(Op::Const(Cell::Bool(true)));
        let there = self.reach(account, yes, node)?;
        let there = self.terms.fold(Op::Has(there));
        let nothing = self.terms.add(Op::Const(nothing));
        Some(self.terms.fold(Op::If(there, found, nothing)))
    }
}

/// What every account has besides its attributes.
enum BuiltIn {
    /// Stored beside the attributes.
    Slot(Type),
    /// Worked out from its place.
    Term(Op, Type),
}
