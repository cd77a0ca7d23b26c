//! What is allowed, but probably not meant?

use std::sync::Arc;

use super::{Optional, ReadOf};
use crate::expr::ast::{Ast, BinaryOp, MacroKind, Node, NodeId};
use crate::expr::diagnostic::{Code, Collector};
use crate::expr::term::{Cell, TermId, Terms};
use crate::expr::types::Type;

/// The longest part that a message repeats.
const MAX_SHOWN: usize = 80;

/// What the checker knows of each node.
pub(super) struct Known<'a> {
    pub(super) ast: &'a Ast,
    pub(super) terms: &'a Terms,
    pub(super) ids: &'a [Option<TermId>],
    pub(super) kinds: &'a [Option<Type>],
    pub(super) optional: &'a [Option<Optional>],
    pub(super) bounds: &'a [Option<(f64, f64)>],
    pub(super) totals: &'a [Option<Arc<str>>],
}

/// Totals of alike events that are taken for values of events: where they are compared, and where the least, the greatest or the different ones are
/// asked; and all of them where the expression `is_tested`. Once for each name.
pub(super) fn lint_totals(ast: &Ast, totals: &[Option<Arc<str>>], is_tested: bool, faults: &mut Collector) {
    if totals.iter().all(Option::is_none) {
        return;
    }
    let mut said: Vec<&Arc<str>> = Vec::new();
    let mut left = vec![(ast.root(), is_tested)];
    while let Some((node, is_tested)) = left.pop() {
        if let Some(Some(name)) = totals.get(node.index()).filter(|_| is_tested)
            && !said.contains(&name)
        {
            said.push(name);
            let message = format!(
                "`{name}` is the total of the events of a day that are alike, not that of each: two of 3 are one of 6"
            );
            faults.add(Code::W210, ast.span(node), message, None);
        }
        let is_tested = match ast.node(node) {
            Node::Macro { kind, over, body, .. } => {
                left.push((body, matches!(kind, MacroKind::Min | MacroKind::Max | MacroKind::Distinct)));
                left.push((over, false));
                continue;
            }
            Node::Chain { operators, .. } => is_tested || operators.iter().any(|op| is_test(*op)),
            Node::Call { function, .. } if matches!(&**function, "between" | "isNot") => true,
            // Whether there is one is the same of each as of all.
            Node::Call { function, .. } if &**function == "has" => false,
            _ => is_tested,
        };
        let below: Vec<NodeId> = ast.below(node).collect();
        left.extend(below.into_iter().rev().map(|below| (below, is_tested)));
    }
}

const fn is_test(op: BinaryOp) -> bool {
    !matches!(
        op,
        BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Modulo
    )
}

/// Walks the tree from the root; each node with the names that are known to have a value there.
pub(super) fn lint(known: &Known<'_>, faults: &mut Collector) {
    lint_totals(known.ast, known.totals, false, faults);
    let mut left: Vec<(NodeId, Arc<[Optional]>)> = vec![(known.ast.root(), Arc::from([]))];
    while let Some((node, guarded)) = left.pop() {
        if known.settled(node, faults) {
            // What stands below a settled answer does not matter.
            continue;
        }
        known.missing(node, &guarded, faults);
        known.division(node, faults);
        known.bounded(node, faults);
        known.counted(node, faults);
        let inner = match known.ast.node(node) {
            Node::And(items) => {
                let guards = items.iter().filter_map(|item| known.guard(*item));
                guarded.iter().cloned().chain(guards).collect()
            }
            Node::Or(items) => {
                let guards = items.iter().filter_map(|item| known.guard_against(*item));
                guarded.iter().cloned().chain(guards).collect()
            }
            _ => guarded,
        };
        left.extend(known.ast.below(node).map(|below| (below, inner.clone())));
    }
}

impl Known<'_> {
    fn kind(&self, node: NodeId) -> Option<&Type> {
        self.kinds.get(node.index()).and_then(Option::as_ref)
    }

    fn optional(&self, node: NodeId) -> Option<&Optional> {
        self.optional.get(node.index()).and_then(Option::as_ref)
    }

    fn constant(&self, node: NodeId) -> Option<&Cell> {
        let id = self.ids.get(node.index()).copied().flatten()?;
        self.terms.constant(id)
    }

    fn text(&self, node: NodeId) -> &str {
        self.ast.span(node).text(self.ast.source_text())
    }

    /// The name that `has(x)` asks for.
    fn guard(&self, node: NodeId) -> Option<Optional> {
        match self.ast.node(node) {
            Node::Call { function, arguments: [only], .. } if &**function == "has" => {
                self.optional(*only).cloned()
            }
            _ => None,
        }
    }

    /// The name that `!has(x)` asks for.
    fn guard_against(&self, node: NodeId) -> Option<Optional> {
        match self.ast.node(node) {
            Node::Not(of) => self.guard(of),
            _ => None,
        }
    }

    /// Says so where an answer does not depend on any account.
    fn settled(&self, node: NodeId, faults: &mut Collector) -> bool {
        let written =
            matches!(self.ast.node(node), Node::Literal(_) | Node::List(_) | Node::Path(_) | Node::Negate(_));
        if written || self.kind(node).is_none() {
            return false;
        }
        let span = self.ast.span(node);
        match self.constant(node) {
            Some(Cell::Missing) => {
                faults.add(Code::W205, span, "this never has a value", None);
                true
            }
            Some(Cell::Bool(truth)) => {
                faults.add(Code::W203, span, format!("this is always {truth}"), None);
                true
            }
            _ => false,
        }
    }

    /// Comparisons whose negative form leaves out what has no value.
    fn missing(&self, node: NodeId, guarded: &[Optional], faults: &mut Collector) {
        let (keeps, names) = match self.ast.node(node) {
            Node::Chain { operands: [a, b], operators: [BinaryOp::NotEqual] } => {
                let unguarded =
                    |node: &NodeId| self.optional(*node).filter(|name| !guarded.contains(name)).cloned();
                let name = unguarded(a).or_else(|| unguarded(b));
                (format!("isNot({}, {})", self.text(*a), self.text(*b)), name.into_iter().collect())
            }
            Node::Not(of) => {
                // The brackets around an operand are part of the negation, and not of the operand.
                let asked = self.text(node).trim_start_matches('!').trim();
                let is_bracketed = asked != self.text(of);
                let kept = if is_bracketed { format!("!isTrue{asked}") } else { format!("!isTrue({asked})") };
                (kept, self.undecided(of, guarded))
            }
            _ => return,
        };
        for name in names {
            let (who, about) = match name.of {
                ReadOf::Account => (format!("accounts with no `{}`", name.name), Some(name.name)),
                ReadOf::Row => (format!("rows with no `{}`", name.name), None),
                ReadOf::Reached => (format!("accounts where `{}` has no value", name.name), None),
            };
            let shown = if keeps.len() > MAX_SHOWN { "!isTrue(..)" } else { &keeps };
            let message = format!("leaves out {who}; {shown} keeps them");
            let edit = Some((self.ast.span(node), keeps.clone()));
            faults.add_about(Code::W201, self.ast.span(node), message, edit, about);
        }
    }

    /// The names without whose value a question may have no answer, in the order of the text; without those of items of lambdas, and without what
    /// a part by itself has said: a negation, or that something is not equal.
    fn undecided(&self, question: NodeId, guarded: &[Optional]) -> Vec<Optional> {
        let mut found: Vec<Optional> = Vec::new();
        let mut left: Vec<(NodeId, Arc<[Optional]>)> = vec![(question, guarded.into())];
        while let Some((node, guarded)) = left.pop() {
            if let Some(name) = self.optional(node) {
                if !guarded.contains(name) && !found.contains(name) {
                    found.push(name.clone());
                }
                continue;
            }
            if self.constant(node).is_some() {
                continue;
            }
            let guards: Vec<Optional> = match self.ast.node(node) {
                // These always have an answer.
                Node::Call { function, .. } if matches!(&**function, "has" | "isNot" | "isTrue") => continue,
                Node::Call { function, arguments, .. }
                    if &**function == "coalesce"
                        && arguments.last().is_some_and(|last| self.constant(*last).is_some()) =>
                {
                    continue;
                }
                Node::Macro { .. } | Node::Not(_) | Node::Chain { operators: [BinaryOp::NotEqual], .. } => {
                    continue;
                }
                // `has(x) && ..` is no, and `!has(x) || ..` is yes, where there is no `x`.
                Node::And(items) => items.iter().filter_map(|item| self.guard(*item)).collect(),
                Node::Or(items) => items.iter().filter_map(|item| self.guard_against(*item)).collect(),
                _ => Vec::new(),
            };
            let inner: Arc<[Optional]> = match &*guards {
                [] => guarded,
                _ => guarded.iter().cloned().chain(guards).collect(),
            };
            let below: Vec<NodeId> = self.ast.below(node).collect();
            left.extend(below.into_iter().rev().map(|below| (below, inner.clone())));
        }
        found
    }

    fn division(&self, node: NodeId, faults: &mut Collector) {
        let Node::Chain { operands, operators } = self.ast.node(node) else { return };
        let all_int = operands.iter().all(|operand| self.kind(*operand) == Some(&Type::Int));
        if !operators.contains(&BinaryOp::Divide) || !all_int || self.constant(node).is_some() {
            return;
        }
        let span = self.ast.span(node);
        if let [a, b] = operands {
            let ratio = format!("ratio({}, {})", self.text(*a), self.text(*b));
            let message = format!("gives whole numbers; use {ratio}");
            faults.add(Code::W202, span, message, Some((span, ratio)));
        } else {
            faults.add(Code::W202, span, "gives whole numbers; use ratio(a, b) for the quotient", None);
        }
    }

    /// The bounds of what a node gives, declared or by what it is.
    fn bounds_of(&self, node: NodeId) -> Option<(f64, f64)> {
        let counts = match self.ast.node(node) {
            Node::Call { function, .. } => matches!(&**function, "size" | "count" | "days"),
            Node::Macro { kind, .. } => matches!(kind, MacroKind::Count | MacroKind::Distinct),
            _ => false,
        };
        if counts { Some((0.0, f64::INFINITY)) } else { self.bounds.get(node.index()).copied().flatten() }
    }

    /// Comparisons beyond the bounds.
    fn bounded(&self, node: NodeId, faults: &mut Collector) {
        let Node::Chain { operands: [a, b], operators: [op] } = self.ast.node(node) else { return };
        let number = |node: NodeId| match self.ast.node(node) {
            Node::Literal(literal) => literal.to_f64(),
            _ => None,
        };
        let (low, high, number, op) = match (self.bounds_of(*a), number(*b), self.bounds_of(*b), number(*a)) {
            (Some((low, high)), Some(number), _, _) => (low, high, number, *op),
            (_, _, Some((low, high)), Some(number)) => (low, high, number, mirrored(*op)),
            _ => return,
        };
        let always = match op {
            BinaryOp::Less => always(high < number, low >= number),
            BinaryOp::LessEqual => always(high <= number, low > number),
            BinaryOp::Greater => always(low > number, high <= number),
            BinaryOp::GreaterEqual => always(low >= number, high < number),
            BinaryOp::Equal => always(false, number < low || number > high),
            BinaryOp::NotEqual => always(number < low || number > high, false),
            _ => None,
        };
        let Some(always) = always else { return };
        let between =
            if high.is_finite() { format!("between {low} and {high}") } else { format!("{low} or more") };
        let message = format!("this is always {always}: the value is {between}");
        faults.add(Code::W203, self.ast.span(node), message, None);
    }

    /// `count(x, p) == 0` is true also where `p` has no answer; `!exists(x, p)` has none there.
    fn counted(&self, node: NodeId, faults: &mut Collector) {
        let Node::Chain { operands: [a, b], operators: [BinaryOp::Equal] } = self.ast.node(node) else {
            return;
        };
        let zero = matches!(self.constant(*b), Some(Cell::Int(0)));
        let Node::Macro { kind: MacroKind::Count, body, .. } = self.ast.node(*a) else { return };
        let mut left = vec![body];
        while let (Some(node), true) = (left.pop(), zero) {
            if let Some(name) = self.optional(node) {
                let message = format!(
                    "true also where `{}` has no value; ask has(..) beside it if that matters",
                    name.name
                );
                faults.add(Code::W206, self.ast.span(*a), message, None);
                return;
            }
            left.extend(self.ast.below(node));
        }
    }
}

const fn always(yes: bool, no: bool) -> Option<bool> {
    match (yes, no) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

const fn mirrored(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Less => BinaryOp::Greater,
        BinaryOp::LessEqual => BinaryOp::GreaterEqual,
        BinaryOp::Greater => BinaryOp::Less,
        BinaryOp::GreaterEqual => BinaryOp::LessEqual,
        same => same,
    }
}
