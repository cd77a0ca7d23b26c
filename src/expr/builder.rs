//! How is a tree built?

use std::sync::Arc;

use super::ast::{Ast, BinaryOp, MacroKind, NodeId, Range, Stored};
use super::diagnostic::{Code, Span};
use super::limits::ExprLimits;
use super::literal::Literal;
use crate::model::Decimal;

/// Builds a tree from below, and counts its size and depth.
#[derive(Debug)]
pub(super) struct Builder {
    nodes: Vec<Stored>,
    spans: Vec<Span>,
    depths: Vec<u32>,
    children: Vec<NodeId>,
    names: Vec<Arc<str>>,
    operators: Vec<BinaryOp>,
    limits: (usize, usize),
    /// The first limit that was passed.
    pub(super) beyond: Option<Code>,
}

impl Builder {
    pub(super) fn new(limits: &ExprLimits) -> Self {
        Self {
            nodes: Vec::with_capacity(32),
            spans: Vec::with_capacity(32),
            depths: Vec::with_capacity(32),
            children: Vec::new(),
            names: Vec::new(),
            operators: Vec::new(),
            limits: (limits.nodes, limits.depth),
            beyond: None,
        }
    }

    pub(super) fn span(&self, id: NodeId) -> Span {
        self.spans.get(id.index()).copied().unwrap_or_default()
    }

    pub(super) fn stored(&self, id: NodeId) -> Option<&Stored> {
        self.nodes.get(id.index())
    }

    pub(super) fn names_of(&self, range: Range) -> &[Arc<str>] {
        self.names.get(range.from as usize..range.to as usize).unwrap_or_default()
    }

    fn push(&mut self, node: Stored, span: Span, below: u32) -> NodeId {
        let depth = below + 1;
        if self.nodes.len() >= self.limits.0 {
            self.beyond.get_or_insert(Code::E301);
        } else if depth as usize > self.limits.1 {
            self.beyond.get_or_insert(Code::E302);
        }
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(node);
        self.spans.push(span);
        self.depths.push(depth);
        id
    }

    fn depth_of(&self, ids: &[NodeId]) -> u32 {
        ids.iter().filter_map(|id| self.depths.get(id.index())).max().copied().unwrap_or(0)
    }

    fn many(&mut self, ids: &[NodeId]) -> Range {
        let from = u32::try_from(self.children.len()).unwrap_or(u32::MAX);
        self.children.extend_from_slice(ids);
        Range { from, to: u32::try_from(self.children.len()).unwrap_or(u32::MAX) }
    }

    pub(super) fn hole(&mut self, span: Span) -> NodeId {
        self.push(Stored::Hole, span, 0)
    }

    pub(super) fn literal(&mut self, literal: Literal, span: Span) -> NodeId {
        self.push(Stored::Literal(literal), span, 0)
    }

    pub(super) fn path(&mut self, names: impl IntoIterator<Item = Arc<str>>, span: Span) -> NodeId {
        let from = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.extend(names);
        let to = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.push(Stored::Path(Range { from, to }), span, 0)
    }

    /// A name of what a node gives; a path grows.
    pub(super) fn member(&mut self, of: NodeId, name: Arc<str>, span: Span) -> NodeId {
        let last = of.index() + 1 == self.nodes.len();
        let grown = match self.nodes.get_mut(of.index()) {
            Some(Stored::Path(range)) if last && range.to as usize == self.names.len() => {
                range.to += 1;
                true
            }
            _ => false,
        };
        if grown {
            self.names.push(name);
            if let Some(known) = self.spans.get_mut(of.index()) {
                *known = span;
            }
            return of;
        }
        let below = self.depth_of(&[of]);
        self.push(Stored::Member { of, name }, span, below)
    }

    pub(super) fn index(&mut self, of: NodeId, at: NodeId, span: Span) -> NodeId {
        let below = self.depth_of(&[of, at]);
        self.push(Stored::Index { of, at }, span, below)
    }

    pub(super) fn not(&mut self, of: NodeId, span: Span) -> NodeId {
        let below = self.depth_of(&[of]);
        self.push(Stored::Not(of), span, below)
    }

    /// The negation of a node; that of a number without a sign is a number.
    pub(super) fn negate(&mut self, of: NodeId, span: Span) -> NodeId {
        let negative = match self.nodes.get(of.index()) {
            Some(Stored::Literal(Literal::Int(int))) if *int >= 0 => Some(Literal::Int(-int)),
            Some(Stored::Literal(Literal::Double(double))) if *double >= 0.0 => {
                Some(Literal::Double(-double))
            }
            Some(Stored::Literal(Literal::Decimal(decimal))) if decimal.units() >= 0 => {
                Some(Literal::Decimal(Decimal::new(-decimal.units(), decimal.scale())))
            }
            _ => None,
        };
        match negative {
            // What was the number is the last node: nothing else refers to it.
            Some(literal) if of.index() + 1 == self.nodes.len() => {
                if let (Some(node), Some(known)) =
                    (self.nodes.get_mut(of.index()), self.spans.get_mut(of.index()))
                {
                    *node = Stored::Literal(literal);
                    *known = span;
                }
                of
            }
            _ => {
                let below = self.depth_of(&[of]);
                self.push(Stored::Negate(of), span, below)
            }
        }
    }

    pub(super) fn list(&mut self, items: &[NodeId], span: Span) -> NodeId {
        let below = self.depth_of(items);
        let items = self.many(items);
        self.push(Stored::List(items), span, below)
    }

    /// `&&` or `||` of several; one of one of the same kind is one chain.
    pub(super) fn junction(&mut self, and: bool, items: &[NodeId], span: Span) -> NodeId {
        let below = self.depth_of(items);
        let items = self.many(items);
        self.push(if and { Stored::And(items) } else { Stored::Or(items) }, span, below)
    }

    pub(super) fn chain(&mut self, operands: &[NodeId], operators: &[BinaryOp], span: Span) -> NodeId {
        let below = self.depth_of(operands);
        let operands = self.many(operands);
        let from = u32::try_from(self.operators.len()).unwrap_or(u32::MAX);
        self.operators.extend_from_slice(operators);
        let to = u32::try_from(self.operators.len()).unwrap_or(u32::MAX);
        self.push(Stored::Chain { operands, operators: Range { from, to } }, span, below)
    }

    pub(super) fn conditional(&mut self, parts: [NodeId; 3], span: Span) -> NodeId {
        let below = self.depth_of(&parts);
        let [test, then, otherwise] = parts;
        self.push(Stored::Conditional { test, then, otherwise }, span, below)
    }

    pub(super) fn call(
        &mut self,
        function: Arc<str>,
        method: bool,
        arguments: &[NodeId],
        span: Span,
    ) -> NodeId {
        let below = self.depth_of(arguments);
        let arguments = self.many(arguments);
        self.push(Stored::Call { function, method, arguments }, span, below)
    }

    pub(super) fn lambda(
        &mut self,
        kind: MacroKind,
        over: NodeId,
        variable: Arc<str>,
        body: NodeId,
        span: Span,
    ) -> NodeId {
        let below = self.depth_of(&[over, body]);
        self.push(Stored::Macro { kind, over, variable, body }, span, below)
    }

    pub(super) fn finish(self, source: Arc<str>, root: NodeId) -> Ast {
        let depth = self.depths.iter().max().copied().unwrap_or(0) as usize;
        let Self { nodes, spans, children, names, operators, .. } = self;
        Ast { source, nodes, spans, children, names, operators, root, depth }
    }

    /// The same expression with its canonical text as source.
    pub(super) fn finish_printed(self, root: NodeId) -> Ast {
        let mut ast = self.finish(Arc::from(""), root);
        let (text, spans) = super::print::print(&ast);
        ast.source = Arc::from(text);
        ast.spans = spans;
        ast
    }
}
