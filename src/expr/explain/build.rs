//! How is an explanation made?

use std::collections::HashMap;
use std::sync::Arc;

use super::{Explanation, Part, PartKind, flip, reads};
use crate::book::Account;
use crate::expr::ast::{Node, NodeId};
use crate::expr::batch::{ExprPlanErrors, Points, Requirements, linked};
use crate::expr::checked::Checked;
use crate::expr::columns::Columns;
use crate::expr::literal::Literal;
use crate::expr::resolve::place;
use crate::expr::term::{Op, TermId, Terms};
use crate::expr::types::Type;
use crate::expr::value::ExprValue;
use crate::model::{AccountIdx, DocumentVersion};

/// An expression with the terms of each of its nodes, ready to be asked of accounts.
pub(super) struct Asked<'v> {
    pub(super) checked: &'v Checked,
    pub(super) points: Points<'v>,
    /// The term of each node that is a value.
    of: Vec<Option<TermId>>,
}

impl<'v> Asked<'v> {
    /// The questions of some segments stand in their places.
    fn new(columns: Columns<'v>, segments: &[(&str, &Checked)], checked: &'v Checked) -> Self {
        let mut terms = Terms::sharing();
        let linked = linked(&mut terms, segments);
        let every = checked.every();
        let places = terms.join(&every.terms, &linked);
        let mut of: Vec<Option<TermId>> = every.of.iter().map(|id| id.map(|id| place(&places, id))).collect();
        let wanted: Vec<TermId> = of.iter().flatten().copied().collect();
        let (points, found) = Points::new(columns.view(), columns.supply(), &terms, &wanted);
        for (node, found) in of.iter_mut().flatten().zip(found) {
            *node = found;
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

/// Explains one expression for any account of some columns.
pub(crate) struct Explainer<'v> {
    columns: Columns<'v>,
    /// Segments that are not known to the columns, each after those that it asks.
    segments: Vec<(&'v str, &'v Checked)>,
    /// The expression, then the segments that it asks.
    all: Vec<Asked<'v>>,
    places: HashMap<&'v str, usize>,
}

impl<'v> Explainer<'v> {
    /// Of an expression that asks segments, with those whose members the columns do not know, each after those that it asks.
    pub(crate) fn new(
        columns: Columns<'v>,
        segments: Vec<(&'v str, &'v Checked)>,
        checked: &'v Checked,
    ) -> Result<Self, ExprPlanErrors> {
        Requirements::of(&segments, &[checked]).check(&columns)?;
        let all = vec![Asked::new(columns, &segments, checked)];
        Ok(Self { columns, segments, all, places: HashMap::new() })
    }

    /// What the expression says of an account; of one that the view does not show, nothing is known.
    pub(crate) fn explain(&mut self, account: Account<'_>) -> Explanation {
        let mut parts: Vec<Part> = Vec::new();
        // Which expression each part is of, and which node.
        let mut from: Vec<(usize, NodeId)> = Vec::new();
        let mut leaves: Vec<reads::Names> = Vec::new();
        let whole = self.all.first().map(|whole| (whole.checked, whole.points.place(account)));
        if let Some((whole, Some(at))) = whole {
            from.push((0, whole.ast().root()));
            let mut next = 0;
            while let Some((of, node)) = from.get(next).copied() {
                next += 1;
                let (kind, below) = self.below(of, node);
                let Some(asked) = self.all.get(of) else { continue };
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
        let question = whole.is_some_and(|(whole, _)| whole.is_predicate());
        let flip = if question { flip::of(&parts, &leaves) } else { None };
        Explanation {
            v: DocumentVersion,
            account: account.id(),
            date: self.columns.view().as_of().date(),
            parts,
            flip,
        }
    }

    /// The question of a segment, where it is known.
    fn question(&mut self, id: &str) -> Option<usize> {
        if let Some(place) = self.places.get(id) {
            return Some(*place);
        }
        let given = self.segments.iter().position(|(given, _)| *given == id);
        let (id, checked, segments) = match given {
            Some(at) => {
                let (id, checked) = self.segments.get(at).copied()?;
                // Those that it asks stand before it.
                (id, checked, self.segments.get(..at).unwrap_or_default())
            }
            None => {
                let (id, checked) = self.columns.supply()?.question(id)?;
                (id, checked, [].as_slice())
            }
        };
        self.all.push(Asked::new(self.columns, segments, checked));
        self.places.insert(id, self.all.len() - 1);
        Some(self.all.len() - 1)
    }

    /// How the answer of a node comes about, and the nodes that it comes from.
    fn below(&mut self, of: usize, node: NodeId) -> (PartKind, Vec<(usize, NodeId)>) {
        let Some(asked) = self.all.get(of) else { return (PartKind::Term, Vec::new()) };
        let checked = asked.checked;
        let ast = checked.ast();
        let own = |nodes: &[NodeId]| nodes.iter().map(|node| (of, *node)).collect();
        let is_truth = checked.kind_of(node) == Some(&Type::Bool);
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
                        Node::Literal(Literal::Text(id)) => self.question(id),
                        _ => None,
                    };
                    match id.and_then(|place| Some((place, self.all.get(place)?))) {
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
