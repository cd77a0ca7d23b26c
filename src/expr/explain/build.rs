//! How is an explanation made?

use std::collections::HashMap;
use std::sync::Arc;

use super::{
    DerivedValue, ExplainLimits, Explanation, FunctionInput, FunctionParts, Part, PartKind, Provenance, flip,
    reads,
};
use crate::book::Account;
use crate::expr::ast::{Node, NodeId};
use crate::expr::batch::{Behind, ExprPlanErrors, FunctionBehind, InputBehind, Points, Requirements};
use crate::expr::checked::Checked;
use crate::expr::columns::Columns;
use crate::expr::literal::Literal;
use crate::expr::resolve::{Linked, place};
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
    fn new(columns: Columns<'v>, checked: &'v Checked) -> Self {
        let mut terms = Terms::sharing();
        let every = checked.every();
        let places = terms.join(&every.terms, &Linked::new());
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
    limits: ExplainLimits,
    /// The expression, then those of segments and of derived columns.
    all: Vec<Asked<'v>>,
    questions: HashMap<&'v str, usize>,
    /// By column, and of a function by part and input.
    of_columns: HashMap<(Arc<str>, usize, usize), usize>,
}

/// What an expression is asked, where, and how many definitions down.
#[derive(Clone, Copy)]
struct Question {
    of: usize,
    node: NodeId,
    at: AccountIdx,
    depth: usize,
}

/// What is found on the way.
#[derive(Default)]
struct Found {
    questions: Vec<Question>,
    parts: Vec<Part>,
    leaves: Vec<reads::Names>,
    derived: Vec<DerivedValue>,
    /// The place of each derived value.
    places: HashMap<(Arc<str>, AccountIdx), usize>,
    /// How often one was read that is not among them.
    left_out: usize,
}

impl<'v> Explainer<'v> {
    /// Of an expression.
    pub(crate) fn new(
        columns: Columns<'v>,
        checked: &'v Checked,
        limits: &ExplainLimits,
    ) -> Result<Self, ExprPlanErrors> {
        Requirements::of(&[], &[checked]).check(&columns)?;
        let all = vec![Asked::new(columns, checked)];
        let (questions, of_columns) = (HashMap::new(), HashMap::new());
        Ok(Self { columns, limits: *limits, all, questions, of_columns })
    }

    /// What the expression says of an account; of one that the view does not show, nothing is known.
    pub(crate) fn explain(&mut self, account: Account<'_>) -> Explanation {
        let mut found = Found::default();
        let whole = self.all.first().map(|whole| (whole.checked, whole.points.place(account)));
        if let Some((whole, Some(at))) = whole {
            found.questions.push(Question { of: 0, node: whole.ast().root(), at, depth: 0 });
            let mut next = 0;
            while let Some(question) = found.questions.get(next).copied() {
                next += 1;
                self.part(question, at, &mut found);
            }
        }
        let is_question = whole.is_some_and(|(whole, _)| whole.is_predicate());
        let flip = if is_question { flip::of(&found.parts, &found.leaves) } else { None };
        Explanation {
            v: DocumentVersion,
            account: account.id(),
            date: self.columns.view().as_of().date(),
            parts: found.parts,
            derived: found.derived,
            left_out: found.left_out,
            flip,
        }
    }

    /// One part; what is asked below it, and of the derived values that it reads, is asked later.
    fn part(&mut self, question: Question, explained: AccountIdx, found: &mut Found) {
        let Question { of, node, at, depth } = question;
        let (kind, below) = self.below(of, node);
        let Some(asked) = self.all.get(of) else { return };
        let first = found.questions.len();
        found.questions.extend(below.into_iter().map(|(of, node)| Question { of, node, at, depth }));
        let below: Vec<usize> = (first..found.questions.len()).collect();
        let (reads, names) = match kind {
            PartKind::Term => reads::of(asked, at, node, self.limits.width),
            _ => (Vec::new(), reads::Names::default()),
        };
        let text = Arc::from(asked.checked.ast().text_of(node));
        let value = asked.value(at, node);
        let account = (at != explained).then(|| self.columns.view().inner().account_id(at));
        let read = |(mut reading, derived): reads::Read| {
            if let Some((name, place)) = derived {
                reading.derived = self.derived(name, place, depth, reading.value.as_ref(), found);
            }
            reading
        };
        let reads = reads.into_iter().map(read).collect();
        found.leaves.push(names);
        found.parts.push(Part { text, kind, account, value, reads, below });
    }

    /// The place of a derived value among those that are explained; `None` past the limit.
    fn derived(
        &mut self,
        name: Arc<str>,
        at: AccountIdx,
        depth: usize,
        value: Option<&ExprValue>,
        found: &mut Found,
    ) -> Option<usize> {
        let key = (name, at);
        let known = found.places.get(&key).copied();
        // What was left out further down is told here.
        let is_cut = |known: usize| {
            found.derived.get(known).is_some_and(|known| known.from == Provenance::BeyondLimits)
        };
        if let Some(known) = known.filter(|known| depth >= self.limits.depth || !is_cut(*known)) {
            return Some(known);
        }
        if known.is_none() && found.derived.len() >= self.limits.values {
            found.left_out += 1;
            return None;
        }
        let supply = self.columns.supply()?;
        let behind = (depth < self.limits.depth).then(|| supply.provenance(&key.0, at, self.limits.width));
        let mut ask = |checked: &'v Checked, (part, input): (usize, usize)| {
            let of = self.expression((key.0.clone(), part, input), checked);
            found.questions.push(Question { of, node: checked.ast().root(), at, depth: depth + 1 });
            found.questions.len() - 1
        };
        let from = match behind {
            None => Provenance::BeyondLimits,
            Some(None) => return None,
            Some(Some(Behind::Expression(checked))) => Provenance::Expression(ask(checked, (0, 0))),
            Some(Some(Behind::Ranking(checked))) => Provenance::Ranking(ask(checked, (0, 0))),
            Some(Some(Behind::Function(of))) => Provenance::Function(function(of, &mut ask)),
            Some(Some(Behind::Parameter)) => Provenance::Parameter,
            Some(Some(Behind::RollUp(parts))) => Provenance::RollUp(parts),
            Some(Some(Behind::Past { of, on })) => Provenance::Past { of, on },
        };
        if let Some(known) = known {
            if let Some(derived) = found.derived.get_mut(known) {
                derived.from = from;
            }
            return Some(known);
        }
        let account = self.columns.view().inner().account_id(at);
        found.derived.push(DerivedValue { name: key.0.clone(), account, value: value.cloned(), from });
        found.places.insert(key, found.derived.len() - 1);
        Some(found.derived.len() - 1)
    }

    /// An expression of a derived column.
    fn expression(&mut self, key: (Arc<str>, usize, usize), checked: &'v Checked) -> usize {
        if let Some(known) = self.of_columns.get(&key) {
            return *known;
        }
        self.all.push(Asked::new(self.columns, checked));
        self.of_columns.insert(key, self.all.len() - 1);
        self.all.len() - 1
    }

    /// The question of a segment, where it is known.
    fn question(&mut self, id: &str) -> Option<usize> {
        if let Some(place) = self.questions.get(id) {
            return Some(*place);
        }
        let (id, checked) = self.columns.supply()?.question(id)?;
        // Members may be known where what they were computed from is not.
        Requirements::of(&[], &[checked]).check(&self.columns).ok()?;
        self.all.push(Asked::new(self.columns, checked));
        self.questions.insert(id, self.all.len() - 1);
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

/// What a function was given, with its expressions asked.
fn function<'v>(
    of: FunctionBehind<'v>,
    ask: &mut dyn FnMut(&'v Checked, (usize, usize)) -> usize,
) -> FunctionParts {
    let (number, part) = of.part.clone().unwrap_or_default();
    let guard = of.guard.map(|guard| ask(guard, (number, 0)));
    let inputs = of.inputs.into_iter().zip(1..).map(|(input, place)| match input {
        InputBehind::Value(checked) => FunctionInput::Value(ask(checked, (number, place))),
        InputBehind::Rows(table, rows) => FunctionInput::Rows { table, rows },
        InputBehind::Events(event, last_days, rows) => FunctionInput::Events { event, last_days, rows },
        InputBehind::Records(column, days) => {
            let (days, more) = days.map_or((None, 0), |(days, more)| (Some(days), more));
            FunctionInput::Records { column, days, more }
        }
    });
    FunctionParts { kind: of.kind, applies: of.part.is_some(), part, guard, inputs: inputs.collect() }
}
