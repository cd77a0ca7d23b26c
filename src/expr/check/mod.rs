//! Does an expression make sense, and what type is its answer?
//!
//! One walk over the tree resolves names, finds types, and builds the terms that evaluators run. It goes on after an
//! error wherever the rest can still be judged, so that one reading finds all errors. Its recursion is as deep as
//! the expression nests, which is counted before.

mod calls;
mod cancelled;
mod constants;
mod dates;
mod exchange;
mod lints;
mod macros;
mod mention;
mod nesting;
mod operators;
mod paths;
mod structure;
mod unify;

use std::sync::Arc;

use self::cancelled::Cancelled;
pub(super) use self::cancelled::not_cancelled;
pub(super) use self::dates::PERIODS;
use self::mention::Mentioned;
pub(super) use self::mention::{Mention, rewritten};
pub(crate) use self::mention::{Rename, Unwritten, Written};
pub(super) use self::paths::Receiver;
use self::paths::{Context, Refusal, Scope, ScopeOf};
pub(super) use self::structure::window_of;
use super::ast::{Ast, Node, NodeId};
use super::diagnostic::{Code, Collector, ExprErrors, Span};
use super::limits::ExprLimits;
use super::literal::Literal;
use super::names::{Name, Names, Of};
use super::term::{Asker, Bits, Cell, Gather, Op, Over, Reading, SlotOf, TermId, Terms, Usage};
use super::types::Type;
use crate::expr::checked::{Checked, Every, Lacks};
use crate::model::{FixedZones, Zones};

/// Checks expressions against names.
///
/// ```
/// use perennial::expr::Checker;
/// use perennial::{Attribute, AttributeType, Nesting, Schema};
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("health_score", AttributeType::Double))
///     .build()?;
/// let errors = Checker::new(&schema).check("healt_score < 60").unwrap_err();
/// assert_eq!(
///     errors.to_string(),
///     "E101 healt_score < 60\n     ^^^^^^^^^^^ did you mean `health_score` (double)? [replace by `health_score`]"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Checker<'n> {
    names: &'n dyn Names,
    zones: &'n dyn Zones,
    limits: ExprLimits,
}

impl std::fmt::Debug for Checker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checker")
            .field("zones", &self.zones)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl<'n> Checker<'n> {
    /// A checker with the default limits, and no zones but fixed ones.
    #[must_use]
    pub fn new(names: &'n dyn Names) -> Self {
        Self { names, zones: &FixedZones, limits: ExprLimits::default() }
    }

    /// Zones that getters may name: `last_seen.getHours("Europe/Paris")`.
    #[must_use]
    pub const fn with_zones(mut self, zones: &'n dyn Zones) -> Self {
        self.zones = zones;
        self
    }

    /// Limits of the host.
    #[must_use]
    pub fn with_limits(mut self, limits: ExprLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Parses and checks a text whose answer may be of any type: a calculated attribute, a KPI.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order of the text, up to the limit of diagnostics.
    pub fn check(&self, source: &str) -> Result<Checked, ExprErrors> {
        self.text(source, Answer::Any)
    }

    /// Parses and checks a text whose answer is true or false: a segment, a trigger.
    ///
    /// # Errors
    ///
    /// As [`Checker::check`], and `E106` for another type of answer.
    pub fn check_predicate(&self, source: &str) -> Result<Checked, ExprErrors> {
        self.text(source, Answer::Truth)
    }

    /// Parses and checks a text over rows: of a child table, whose columns it reads as `row.amount` and its account's
    /// attributes bare; or of the events of a kind, which it reads as `row.user`. `is_tested`: values are taken one by one, so that a total of
    /// alike events would be mistaken for the value of one (`W210`).
    ///
    /// # Errors
    ///
    /// As [`Checker::check`].
    pub(crate) fn check_rows(
        &self,
        of: Of<'_>,
        source: &str,
        is_tested: bool,
    ) -> Result<Checked, ExprErrors> {
        let (ast, faults) = super::parser::parse(source, &self.limits);
        let beyond = faults.errors.iter().any(|error| error.code() >= Code::E301);
        if beyond {
            return Err(faults.into_errors());
        }
        match of {
            Of::Account => self.tree(ast, faults, Answer::Any),
            Of::Table(table) => {
                let (of, over) = (SlotOf::Table(Arc::from(table)), Over::Table(Arc::from(table)));
                self.rows(ast, faults, of, is_tested, |body| Op::Gather {
                    asker: Asker::default(),
                    what: Gather::Map,
                    over: over.clone(),
                    filters: Box::default(),
                    body: Some(body),
                })
            }
            Of::Event(event) => {
                let name: Arc<str> = Arc::from(event);
                let filters = Box::default();
                let (name_of, is_metric) = (name.clone(), false);
                let events =
                    Usage { name: name_of, is_metric, window: None, weeks: None, filters, lacks: None };
                let events = Arc::new(events);
                self.rows(ast, faults, SlotOf::Event(name), is_tested, |body| {
                    Op::Usage(Reading::Distinct, events.clone(), Some(body))
                })
            }
        }
    }

    /// A body over rows, in an operation that says whose they are.
    fn rows(
        &self,
        ast: Ast,
        faults: Collector,
        of: SlotOf,
        is_tested: bool,
        over: impl Fn(TermId) -> Op,
    ) -> Result<Checked, ExprErrors> {
        let mut check = self.start(&ast, faults);
        let forbidden = match of {
            SlotOf::Table(_) => Vec::new(),
            _ => vec![(0, Refusal::Walk)],
        };
        check.contexts.push(Context {
            of,
            asker: 0,
            around: 0,
            forbidden,
            filters: Vec::new(),
            word: Arc::from("the rows"),
        });
        check.scopes.push(Scope {
            variable: Arc::from("row"),
            of: ScopeOf::Context(check.contexts.len()),
            used: false,
            outer: Vec::new(),
            pending: Vec::new(),
        });
        let term = check.term(ast.root());
        check.contexts.pop();
        for (at, message) in check.scopes.pop().into_iter().flat_map(|scope| scope.pending) {
            check.fault_at::<()>(Code::E113, at, message);
        }
        check.check_cost();
        let lacks = term.as_ref().and_then(|term| check.lacks_of(term.id));
        let Check { mut faults, mut terms, ids, kinds, totals, mentions, .. } = check;
        match term {
            Some(term) if faults.errors.is_empty() => {
                lints::lint_totals(&ast, &totals, is_tested, &mut faults);
                let root = terms.add(over(term.id));
                let mut over = |term: TermId| terms.add(over(term));
                let lacks =
                    lacks.map(|Lacks { value, amount }| Lacks { value: over(value), amount: over(amount) });
                let every = Every { terms, of: ids, mentions };
                Ok(Checked::new(self.names, ast, every, (root, lacks), term.kind, kinds, faults.lints))
            }
            _ => Err(faults.into_errors()),
        }
    }

    /// Checks a tree whose answer may be of any type.
    ///
    /// # Errors
    ///
    /// As [`Checker::check`].
    pub fn check_ast(&self, ast: Ast) -> Result<Checked, ExprErrors> {
        let faults = Collector::new(ast.source(), self.limits.diagnostics);
        self.tree(ast, faults, Answer::Any)
    }

    /// Checks a tree whose answer is true or false.
    ///
    /// # Errors
    ///
    /// As [`Checker::check_predicate`].
    pub fn check_ast_predicate(&self, ast: Ast) -> Result<Checked, ExprErrors> {
        let faults = Collector::new(ast.source(), self.limits.diagnostics);
        self.tree(ast, faults, Answer::Truth)
    }

    fn text(&self, source: &str, answer: Answer) -> Result<Checked, ExprErrors> {
        let (ast, faults) = super::parser::parse(source, &self.limits);
        // A text beyond a limit is not looked into.
        let beyond = faults.errors.iter().any(|error| error.code() >= Code::E301);
        if beyond { Err(faults.into_errors()) } else { self.tree(ast, faults, answer) }
    }

    fn tree(&self, ast: Ast, faults: Collector, answer: Answer) -> Result<Checked, ExprErrors> {
        let mut check = self.start(&ast, faults);
        // A tree that was read under wider limits is not walked.
        if ast.len() > self.limits.nodes || ast.depth() > self.limits.depth {
            let (code, message) = if ast.len() > self.limits.nodes {
                (Code::E301, format!("an expression has at most {} parts", self.limits.nodes))
            } else {
                (Code::E302, format!("expressions nest at most {} deep", self.limits.depth))
            };
            check.fault(code, ast.span(ast.root()), message);
            return Err(check.faults.into_errors());
        }
        // An unfinished text may well have another answer once it is finished.
        let finished = check.faults.errors.is_empty();
        let term = check.term(ast.root());
        if let Some(term) = &term
            && answer == Answer::Truth
            && term.kind != Type::Bool
            && finished
        {
            check.no_question(ast.root(), &term.kind);
        }
        check.check_cost();
        let lacks = term.as_ref().and_then(|term| check.lacks_of(term.id));
        let Check { mut faults, terms, ids, kinds, optional, bounds, totals, mentions, .. } = check;
        match term {
            Some(term) if faults.errors.is_empty() => {
                let known = lints::Known {
                    ast: &ast,
                    terms: &terms,
                    ids: &ids,
                    kinds: &kinds,
                    optional: &optional,
                    bounds: &bounds,
                    totals: &totals,
                };
                lints::lint(&known, &mut faults);
                faults.lints.sort_by_key(super::diagnostic::Diagnostic::span);
                let every = Every { terms, of: ids, mentions };
                Ok(Checked::new(self.names, ast, every, (term.id, lacks), term.kind, kinds, faults.lints))
            }
            _ => Err(faults.into_errors()),
        }
    }

    pub(super) fn start<'a>(&'a self, ast: &'a Ast, faults: Collector) -> Check<'a> {
        Check {
            ast,
            names: self.names,
            zones: self.zones,
            limits: &self.limits,
            faults,
            terms: Terms::default(),
            kinds: vec![None; ast.len()],
            ids: vec![None; ast.len()],
            optional: vec![None; ast.len()],
            bounds: vec![None; ast.len()],
            totals: vec![None; ast.len()],
            scopes: Vec::new(),
            contexts: Vec::new(),
            asked_by: nesting::asked_by(ast),
            outside: std::collections::HashMap::new(),
            walks: 0,
            cost: 0,
            factor: 1,
            dearest: None,
            watched: None,
            seen: None,
            seen_row: None,
            cancelled: Cancelled::new(self.names),
            mentions: Vec::new(),
            converts: false,
            lacking: std::collections::HashMap::new(),
            rate_missing_slots: std::collections::HashMap::new(),
        }
    }

    pub(super) fn names(&self) -> &'n dyn Names {
        self.names
    }

    pub(super) const fn limits(&self) -> &ExprLimits {
        &self.limits
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Any,
    Truth,
}

/// A checked part of an expression.
#[derive(Debug, Clone)]
pub(super) struct Term {
    pub(super) id: TermId,
    pub(super) kind: Type,
    /// A number that takes the type of its peer.
    pub(super) loose: Option<Literal>,
    pub(super) node: NodeId,
}

/// A name that may have no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Optional {
    pub(super) name: Arc<str>,
    pub(super) of: ReadOf,
}

/// Of whom a name is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadOf {
    Account,
    /// A child row or an event.
    Row,
    /// An account that is reached from one: `parent`, `root`.
    Reached,
}

/// A check on its way.
pub(super) struct Check<'a> {
    pub(super) ast: &'a Ast,
    pub(super) names: &'a dyn Names,
    zones: &'a dyn Zones,
    limits: &'a ExprLimits,
    pub(super) faults: Collector,
    terms: Terms,
    /// The type of each node that is a value.
    pub(super) kinds: Vec<Option<Type>>,
    /// The term of each node that is a value.
    ids: Vec<Option<TermId>>,
    /// Which name each node reads that may be missing.
    optional: Vec<Option<Optional>>,
    /// The declared bounds of each node that reads a name.
    bounds: Vec<Option<(f64, f64)>>,
    /// Which total of events that are alike each node reads.
    totals: Vec<Option<Arc<str>>>,
    scopes: Vec<Scope>,
    contexts: Vec<Context>,
    /// The macro that asks what each node gives.
    asked_by: Vec<Option<NodeId>>,
    /// Which contexts the lambdas of a chain of macros read, by its last.
    outside: std::collections::HashMap<NodeId, Arc<[usize]>>,
    walks: usize,
    cost: u64,
    factor: u64,
    dearest: Option<(u64, NodeId)>,
    /// A node that an editor asks about, what it is, and whose row it is where it is one.
    watched: Option<NodeId>,
    seen: Option<Receiver>,
    seen_row: Option<SlotOf>,
    cancelled: Cancelled,
    mentions: Vec<Mention>,
    /// Is an amount converted, here or in a definition that is read?
    converts: bool,
    /// For each slot that was looked up: the term that says whether a rate of the column is missing; `None` if it needs none.
    rate_missing_slots: std::collections::HashMap<u32, Option<TermId>>,
    /// Of what is gathered of converted amounts: is it missing for want of a rate?
    lacking: std::collections::HashMap<TermId, TermId>,
}

impl Check<'_> {
    fn span(&self, node: NodeId) -> Span {
        self.ast.span(node)
    }

    fn fault(&mut self, code: Code, span: Span, message: impl Into<Arc<str>>) {
        self.faults.add(code, span, message, None);
    }

    fn fault_at<T>(&mut self, code: Code, node: NodeId, message: impl Into<Arc<str>>) -> Option<T> {
        let span = self.span(node);
        self.faults.add(code, span, message, None);
        None
    }

    fn edit_at<T>(
        &mut self,
        code: Code,
        node: NodeId,
        message: impl Into<Arc<str>>,
        edit: Option<(Span, String)>,
    ) -> Option<T> {
        let span = self.span(node);
        self.faults.add(code, span, message, edit);
        None
    }

    /// Adds steps to the cost for one account.
    fn pay(&mut self, node: NodeId, steps: u64) {
        let price = self.factor.saturating_mul(steps);
        self.cost = self.cost.saturating_add(price);
        if self.dearest.is_none_or(|(known, _)| price > known) {
            self.dearest = Some((price, node));
        }
    }

    fn check_cost(&mut self) {
        if self.cost > self.limits.account_cost {
            let at = self.dearest.map_or(self.ast.root(), |(_, node)| node);
            let message = format!(
                "too costly: about {} steps for one account, {} of them here (limit {})",
                self.cost,
                self.dearest.map_or(0, |(price, _)| price),
                self.limits.account_cost
            );
            self.fault_at::<()>(Code::E109, at, message);
            return;
        }
        let run = self.cost.saturating_mul(self.limits.accounts);
        if run > self.limits.run_cost {
            let message = format!(
                "too costly: about {} steps for each of {} accounts (limit {} in all)",
                self.cost, self.limits.accounts, self.limits.run_cost
            );
            self.fault_at::<()>(Code::E305, self.ast.root(), message);
        }
    }

    /// The value that a node gives; `None` when an error was found in it.
    pub(super) fn term(&mut self, node: NodeId) -> Option<Term> {
        let receiver = self.receiver(node)?;
        let term = match receiver {
            Receiver::Value(term) => term,
            other => return self.not_a_value(node, &other),
        };
        if let Some(kind) = self.kinds.get_mut(node.index()) {
            *kind = Some(term.kind.clone());
        }
        if let Some(id) = self.ids.get_mut(node.index()) {
            *id = Some(term.id);
        }
        Some(term)
    }

    /// What a node is: a value, an account, or what a macro walks over.
    fn receiver(&mut self, node: NodeId) -> Option<Receiver> {
        let found = self.found(node);
        if self.watched == Some(node) {
            self.seen.clone_from(&found);
            self.seen_row = self.contexts.last().map(|context| context.of.clone());
        }
        found
    }

    fn found(&mut self, node: NodeId) -> Option<Receiver> {
        self.pay(node, 1);
        let value = |term: Option<Term>| term.map(Receiver::Value);
        match self.ast.node(node) {
            Node::Hole => None,
            Node::Literal(literal) => Some(Receiver::Value(self.literal(literal, node))),
            Node::Path(names) => self.path(names, node),
            Node::Member { .. } => self.member(node),
            Node::List(items) => value(self.list(items, node)),
            Node::Index { of, at } => value(self.index(of, at, node)),
            Node::Not(of) => value(self.not(of, node)),
            Node::Negate(of) => value(self.negate(of, node)),
            Node::And(items) => value(self.junction(true, items, node)),
            Node::Or(items) => value(self.junction(false, items, node)),
            Node::Chain { operands, operators } => value(self.chain(operands, operators, node)),
            Node::Conditional { test, then, otherwise } => {
                value(self.conditional(test, then, otherwise, node))
            }
            Node::Call { function, method, arguments } => self.call(function, method, arguments, node),
            Node::Macro { kind, over, variable, body } => self.lambda(kind, over, variable, body, node),
        }
    }

    /// What a node inside lambdas is: walks to it, and remembers whose rows the innermost lambda asks.
    pub(super) fn receiver_at(&mut self, node: NodeId) -> Option<Receiver> {
        self.watched = Some(node);
        let _ = self.receiver(self.ast.root());
        self.seen.take()
    }

    /// Whose row the last watched variable stood for.
    pub(super) fn row_of(&self) -> Option<SlotOf> {
        self.seen_row.clone()
    }

    fn literal(&mut self, literal: &Literal, node: NodeId) -> Term {
        let (kind, cell, loose) = match literal {
            Literal::Bool(truth) => (Type::Bool, Cell::Bool(*truth), false),
            Literal::Int(int) => (Type::Int, Cell::Int(*int), true),
            Literal::Decimal(_) | Literal::Double(_) => {
                let double = literal.to_f64().unwrap_or_default();
                (Type::Double, Cell::Double(Bits::new(double)), true)
            }
            Literal::Text(text) => (Type::Text, Cell::Text(text.clone()), false),
            Literal::Date(date) => (Type::Date, Cell::Int(i64::from(date.days())), false),
            Literal::Timestamp(instant) => (Type::Timestamp, Cell::Int(instant.micros()), false),
            Literal::Duration(duration) => (Type::Duration, Cell::Int(duration.micros()), false),
        };
        let id = self.terms.add(Op::Const(cell));
        Term { id, kind, loose: loose.then(|| literal.clone()), node }
    }

    /// A name, or a value of a closed set, that the text writes: so many names of a path, with so many behind it.
    fn mention(&mut self, node: NodeId, what: Mentioned, (names, behind): (usize, usize)) {
        self.mentions.push(Mention { node, what, names, behind });
    }

    fn made(&mut self, op: Op, kind: Type, node: NodeId) -> Term {
        Term { id: self.terms.fold(op), kind, loose: None, node }
    }

    /// A name that was read: notes what lints and editors ask of it.
    fn read(&mut self, node: NodeId, path: &Arc<str>, name: &Name, of: ReadOf) {
        if let Some(optional) = self.optional.get_mut(node.index())
            && name.may_be_missing()
        {
            // A way to another account is part of the name.
            let name = match of {
                ReadOf::Reached => Arc::from(self.ast.text_of(node)),
                ReadOf::Account | ReadOf::Row => path.clone(),
            };
            *optional = Some(Optional { name, of });
        }
        if let Some(bounds) = self.bounds.get_mut(node.index()) {
            *bounds = name.bounds();
        }
        if let Some(total) = self.totals.get_mut(node.index()).filter(|_| name.is_total()) {
            *total = Some(path.clone());
        }
    }

    fn no_question(&mut self, node: NodeId, kind: &Type) {
        let advice = if kind.is_number() || kind.is_money() {
            "did you mean to compare this with a number?".to_owned()
        } else {
            format!("did you mean to compare this {kind} with another?")
        };
        self.fault_at::<()>(Code::E106, node, format!("a segment must be true or false; {advice}"));
    }

    /// `a value`, `a whole number`, with the article that the word needs.
    fn a(kind: &Type) -> String {
        match kind {
            Type::Bool => "a yes/no answer".to_owned(),
            Type::Text | Type::MixedMoney | Type::Money { .. } | Type::Counts(_) => kind.to_string(),
            Type::Enum(_) => format!("an {kind}"),
            _ => format!("a {kind}"),
        }
    }
}
