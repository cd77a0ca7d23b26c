//! How is an explanation made?

use std::collections::HashMap;
use std::sync::Arc;

use super::{Explanation, Part, PartKind, flip, reads};
use crate::book::{Account, View};
use crate::expr::ast::{Node, NodeId};
use crate::expr::batch::{ExprPlanErrors, Known, Points, link};
use crate::expr::checked::Checked;
use crate::expr::literal::Literal;
use crate::expr::resolve::place;
use crate::expr::term::{Op, TermId};
use crate::expr::types::Type;
use crate::expr::value::ExprValue;
use crate::model::{AccountIdx, DocumentVersion};

/// An expression with the terms of each of its nodes.
struct Nodes<'c> {
    checked: &'c Checked,
    /// The term of each node that is a value.
    of: Vec<Option<TermId>>,
}

/// An expression, ready to be asked of accounts.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) checked: &'a Checked,
    pub(super) points: &'a Points<'a>,
    of: &'a [Option<TermId>],
}

impl Asked<'_> {
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

/// Explains one expression for any account of a view.
pub(crate) struct Explainer<'v, 'c> {
    points: Points<'v>,
    /// The expression, then the segments that it asks.
    all: Vec<Nodes<'c>>,
    segments: HashMap<&'c str, usize>,
}

impl<'v, 'c> Explainer<'v, 'c> {
    /// With the segments that the expression asks, each after those that it asks itself.
    pub(crate) fn new(
        view: &'v View,
        segments: &[(&'c str, &'c Checked)],
        checked: &'c Checked,
    ) -> Result<Self, ExprPlanErrors> {
        let (mut terms, linked) =
            link(Known { schema: view.schema(), names: None }, segments.iter().copied(), &[checked])?;
        // All of them among the same terms, so that what several ask stands once.
        let expressions = std::iter::once(checked).chain(segments.iter().map(|(_, segment)| *segment));
        let mut all: Vec<Nodes<'c>> = Vec::with_capacity(segments.len() + 1);
        let mut wanted: Vec<TermId> = Vec::new();
        for checked in expressions {
            let every = checked.every();
            let places = terms.join(&every.terms, &linked);
            let of: Vec<Option<TermId>> = every.of.iter().map(|id| id.map(|id| place(&places, id))).collect();
            wanted.extend(of.iter().flatten());
            all.push(Nodes { checked, of });
        }
        let (points, found) = Points::new(view, None, &terms, &wanted);
        let mut found = found.into_iter();
        for node in all.iter_mut().flat_map(|nodes| &mut nodes.of).filter(|node| node.is_some()) {
            *node = found.next();
        }
        let known = segments.iter().enumerate().map(|(at, (id, _))| (*id, at + 1)).collect();
        Ok(Self { points, all, segments: known })
    }

    fn asked(&self, at: usize) -> Option<Asked<'_>> {
        let nodes = self.all.get(at)?;
        Some(Asked { checked: nodes.checked, points: &self.points, of: &nodes.of })
    }

    /// What the expression says of an account; of one that the view does not show, nothing is known.
    pub(crate) fn explain(&self, account: Account<'_>) -> Explanation {
        let mut parts: Vec<Part> = Vec::new();
        // Which expression each part is of, and which node.
        let mut from: Vec<(usize, NodeId)> = Vec::new();
        let mut leaves: Vec<reads::Names> = Vec::new();
        if let (Some(whole), Some(at)) = (self.asked(0), self.points.place(account)) {
            from.push((0, whole.checked.ast().root()));
            let mut next = 0;
            while let Some((of, node)) = from.get(next).copied() {
                next += 1;
                let Some(asked) = self.asked(of) else { continue };
                let (kind, below) = self.below(of, node);
                let first = from.len();
                from.extend(below);
                let below: Vec<usize> = (first..from.len()).collect();
                let (reads, names) = match kind {
                    PartKind::Term => reads::of(&asked, at, node),
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
        let question = self.asked(0).is_some_and(|whole| whole.checked.is_predicate());
        let flip = if question { flip::of(&parts, &leaves) } else { None };
        Explanation {
            v: DocumentVersion,
            account: account.id(),
            date: self.points.view.as_of().date(),
            parts,
            flip,
        }
    }

    /// How the answer of a node comes about, and the nodes that it comes from.
    fn below(&self, of: usize, node: NodeId) -> (PartKind, Vec<(usize, NodeId)>) {
        let Some(asked) = self.asked(of) else { return (PartKind::Term, Vec::new()) };
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
                    let found = id.and_then(|place| Some((*place, self.asked(*place)?)));
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
