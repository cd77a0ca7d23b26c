//! How is an explanation made?

use std::collections::HashMap;
use std::sync::Arc;

use super::{Explanation, Part, PartKind, Version, flip, reads};
use crate::book::{Account, View};
use crate::expr::ast::{Node, NodeId};
use crate::expr::batch::{ExprPlanErrors, Points, unanswered};
use crate::expr::checked::Checked;
use crate::expr::literal::Literal;
use crate::expr::resolve::{Linked, place};
use crate::expr::term::{Op, TermId, Terms};
use crate::expr::types::Type;
use crate::expr::value::ExprValue;
use crate::model::AccountIdx;

/// An expression with the terms of each of its nodes, ready to be asked of accounts.
pub(super) struct Asked<'v, 'c> {
    pub(super) checked: &'c Checked,
    pub(super) points: Points<'v>,
    /// The term of each node that is a value.
    of: Vec<Option<TermId>>,
}

impl<'v, 'c> Asked<'v, 'c> {
    fn new(view: &'v View, segments: &[(&'c str, &'c Checked)], checked: &'c Checked) -> Self {
        let mut terms = Terms::sharing();
        let linked = link(&mut terms, segments);
        let every = checked.every();
        let places = terms.join(&every.terms, &linked);
        let nodes: Vec<usize> =
            (0..every.of.len()).filter(|at| every.of.get(*at).is_some_and(Option::is_some)).collect();
        let wanted: Vec<TermId> = every.of.iter().flatten().map(|id| place(&places, *id)).collect();
        let (points, found) = Points::new(view, &terms, &wanted);
        let mut of = vec![None; every.of.len()];
        for (node, id) in nodes.into_iter().zip(found) {
            if let Some(of) = of.get_mut(node) {
                *of = Some(id);
            }
        }
        Self { checked, points, of }
    }

    pub(super) fn term(&self, node: NodeId) -> Option<TermId> {
        self.of.get(node.index()).copied().flatten()
    }

    /// Does a node stand for a moment, such as `today()`?
    pub(super) fn is_moment(&self, node: NodeId) -> bool {
        let every = self.checked.every();
        let term = every.of.get(node.index()).copied().flatten();
        term.is_some_and(|term| matches!(every.terms.op(term), Op::Moment(_)))
    }

    /// The value of a node at an account.
    pub(super) fn value(&self, at: AccountIdx, node: NodeId) -> Option<ExprValue> {
        let (term, kind) = (self.term(node)?, self.checked.kind_of(node)?);
        self.points.value(at, term).to_value(kind)
    }
}

/// Puts segments among the terms, each after those that it asks.
pub(in crate::expr) fn link(terms: &mut Terms, segments: &[(&str, &Checked)]) -> Linked {
    let mut linked = Linked::new();
    for (id, segment) in segments {
        let (own, root) = segment.terms();
        let places = terms.join(own, &linked);
        linked.insert(Arc::from(*id), place(&places, root));
    }
    linked
}

/// Explains one expression for any account of a view.
pub(crate) struct Explainer<'v, 'c> {
    view: &'v View,
    /// The expression, then the segments that it asks.
    asked: Vec<Asked<'v, 'c>>,
    segments: HashMap<&'c str, usize>,
}

impl<'v, 'c> Explainer<'v, 'c> {
    /// With the segments that the expression asks, each after those that it asks itself.
    pub(crate) fn new(
        view: &'v View,
        segments: &[(&'c str, &'c Checked)],
        checked: &'c Checked,
    ) -> Result<Self, ExprPlanErrors> {
        let mut linked = Linked::new();
        let mut broken = HashMap::new();
        for (id, segment) in segments {
            let faults = unanswered(view.schema(), segment.terms().0, &linked, &broken);
            linked.insert(Arc::from(*id), TermId::NONE);
            if !faults.is_empty() {
                broken.insert(Arc::from(*id), faults);
            }
        }
        let faults = unanswered(view.schema(), checked.terms().0, &linked, &broken);
        if !faults.is_empty() {
            return Err(ExprPlanErrors::of(0, faults));
        }
        let mut asked = vec![Asked::new(view, segments, checked)];
        let mut known = HashMap::new();
        for (place, (id, segment)) in segments.iter().enumerate() {
            known.insert(*id, asked.len());
            asked.push(Asked::new(view, segments.get(..place).unwrap_or_default(), segment));
        }
        Ok(Self { view, asked, segments: known })
    }

    /// What the expression says of an account; of one that the view does not show, nothing is known.
    pub(crate) fn explain(&self, account: Account<'_>) -> Explanation {
        let mut parts: Vec<Part> = Vec::new();
        // Which expression each part is of, and which node.
        let mut from: Vec<(usize, NodeId)> = Vec::new();
        let mut leaves: Vec<reads::Names> = Vec::new();
        let at = self.asked.first().and_then(|whole| whole.points.place(account));
        if let (Some(whole), Some(at)) = (self.asked.first(), at) {
            from.push((0, whole.checked.ast().root()));
            let mut next = 0;
            while let Some((of, node)) = from.get(next).copied() {
                next += 1;
                let Some(asked) = self.asked.get(of) else { continue };
                let (kind, below) = self.below(of, node);
                let first = from.len();
                from.extend(below);
                let below: Vec<usize> = (first..from.len()).collect();
                let (reads, names) = match kind {
                    PartKind::Term => reads::of(asked, at, node),
                    _ => (Vec::new(), reads::Names::default()),
                };
                leaves.push(names);
                parts.push(Part {
                    text: Arc::from(asked.checked.ast().text_of(node)),
                    kind,
                    value: asked.value(at, node),
                    reads,
                    below,
                });
            }
        }
        let question = self.asked.first().is_some_and(|whole| whole.checked.is_predicate());
        let flip = if question { flip::of(&parts, &leaves) } else { None };
        Explanation { v: Version, account: account.id(), date: self.view.as_of().date(), parts, flip }
    }

    /// How the answer of a node comes about, and the nodes that it comes from.
    fn below(&self, of: usize, node: NodeId) -> (PartKind, Vec<(usize, NodeId)>) {
        let Some(asked) = self.asked.get(of) else { return (PartKind::Term, Vec::new()) };
        let ast = asked.checked.ast();
        let own = |nodes: &[NodeId]| nodes.iter().map(|node| (of, *node)).collect();
        let is_truth = asked.checked.kind_of(node) == Some(&Type::Bool);
        match ast.node(node) {
            Node::And(items) => (PartKind::All, own(items)),
            Node::Or(items) => (PartKind::Any, own(items)),
            Node::Not(inner) => (PartKind::Not, own(&[inner])),
            Node::Conditional { test, then, otherwise } if is_truth => {
                (PartKind::Choice, own(&[test, then, otherwise]))
            }
            Node::Call { function, arguments, .. } => match (&**function, arguments) {
                ("isTrue", [inner]) => (PartKind::Known, own(&[*inner])),
                ("inSegment", [id]) => {
                    let id = match ast.node(*id) {
                        Node::Literal(Literal::Text(id)) => self.segments.get(&**id),
                        _ => None,
                    };
                    let found = id.and_then(|place| Some((*place, self.asked.get(*place)?)));
                    match found {
                        Some((place, segment)) => {
                            (PartKind::Segment, vec![(place, segment.checked.ast().root())])
                        }
                        None => (PartKind::Term, Vec::new()),
                    }
                }
                _ => (PartKind::Term, Vec::new()),
            },
            _ => (PartKind::Term, Vec::new()),
        }
    }
}
