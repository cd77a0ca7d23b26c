//! What does an expression say, as written?
//!
//! The tree lies in an arena: nodes in one vector, each after those below it, so that nothing recurses when a tree
//! is built, compared or dropped. Text and JSON lead to the same tree, and both are written from it.

use std::fmt;
use std::sync::Arc;

use super::diagnostic::{ExprErrors, Span};
use super::limits::ExprLimits;
use super::literal::Literal;

/// The place of a node in its [`Ast`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

impl NodeId {
    /// The place as a number, below [`Ast::len`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident $word:literal $op:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every one, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// As text has it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// As JSON has it, in `op`.
            #[must_use]
            pub const fn op(self) -> &'static str {
                match self { $(Self::$variant => $op,)* }
            }

            pub(super) fn from_op(op: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.op() == op)
            }
        }
    };
}

words! {
    /// An operator with a left and a right side.
    BinaryOp {
        /// Equal.
        Equal "==" "eq",
        /// Not equal.
        NotEqual "!=" "ne",
        /// Less.
        Less "<" "lt",
        /// Less or equal.
        LessEqual "<=" "le",
        /// Greater.
        Greater ">" "gt",
        /// Greater or equal.
        GreaterEqual ">=" "ge",
        /// One of a list.
        In "in" "in",
        /// Sum; text is joined.
        Add "+" "add",
        /// Difference.
        Subtract "-" "sub",
        /// Product.
        Multiply "*" "mul",
        /// Quotient.
        Divide "/" "div",
        /// Remainder.
        Modulo "%" "mod",
    }
}

impl BinaryOp {
    /// The level of precedence: operators of one level stand in one chain.
    pub(super) const fn level(self) -> u8 {
        match self {
            Self::Add | Self::Subtract => LEVEL_ADD,
            Self::Multiply | Self::Divide | Self::Modulo => LEVEL_MULTIPLY,
            _ => LEVEL_COMPARE,
        }
    }
}

pub(super) const LEVEL_CONDITIONAL: u8 = 0;
pub(super) const LEVEL_OR: u8 = 1;
pub(super) const LEVEL_AND: u8 = 2;
pub(super) const LEVEL_COMPARE: u8 = 3;
pub(super) const LEVEL_ADD: u8 = 4;
pub(super) const LEVEL_MULTIPLY: u8 = 5;
pub(super) const LEVEL_UNARY: u8 = 6;
pub(super) const LEVEL_POSTFIX: u8 = 7;

words! {
    /// A macro: an expression asked of each element of a list, account of a collection or row of a child table.
    MacroKind {
        /// True of some.
        Exists "exists" "exists",
        /// True of all.
        All "all" "all",
        /// True of exactly one.
        ExistsOne "exists_one" "exists_one",
        /// Those of which it is true.
        Filter "filter" "filter",
        /// What it gives for each element of a list.
        Map "map" "map",
        /// Of how many it is true.
        Count "count" "count",
        /// The sum of what it gives.
        Sum "sum" "sum",
        /// The least of what it gives.
        Min "min" "min",
        /// The greatest of what it gives.
        Max "max" "max",
        /// The mean of what it gives.
        Avg "avg" "avg",
        /// Those events of which it is true.
        Where "where" "where",
        /// How many different values it gives, over events.
        Distinct "distinct" "distinct",
    }
}

/// A node of an expression.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Node<'a> {
    /// A constant.
    Literal(&'a Literal),
    /// `[a, b]`.
    List(&'a [NodeId]),
    /// A name, or several joined by dots: `arr`, `health.score`, `d.arr`.
    Path(&'a [Arc<str>]),
    /// A name of what an expression gives: `lineage.at("Region").name`.
    Member {
        /// What it is a name of.
        of: NodeId,
        /// The name.
        name: &'a Arc<str>,
    },
    /// `list[at]`.
    Index {
        /// The list.
        of: NodeId,
        /// The place, from 0.
        at: NodeId,
    },
    /// `!a`.
    Not(NodeId),
    /// `-a`.
    Negate(NodeId),
    /// `a && b && c`.
    And(&'a [NodeId]),
    /// `a || b || c`.
    Or(&'a [NodeId]),
    /// Operators of one level of precedence, from left to right: `a + b - c`. One operator fewer than operands.
    Chain {
        /// What stands between the operators.
        operands: &'a [NodeId],
        /// The operators.
        operators: &'a [BinaryOp],
    },
    /// `test ? then : otherwise`.
    Conditional {
        /// The question.
        test: NodeId,
        /// What it is if true.
        then: NodeId,
        /// What it is if false.
        otherwise: NodeId,
    },
    /// `f(a, b)`, or `a.f(b)` when `method`.
    Call {
        /// The function.
        function: &'a Arc<str>,
        /// Does the first argument stand before the name?
        method: bool,
        /// The arguments.
        arguments: &'a [NodeId],
    },
    /// `over.exists(variable, body)` and its like.
    Macro {
        /// Which.
        kind: MacroKind,
        /// A list, a collection of accounts or a child table.
        over: NodeId,
        /// The name that each of them has in `body`.
        variable: &'a Arc<str>,
        /// What is asked of each.
        body: NodeId,
    },
    /// What an unfinished text leaves out. Never in an [`Ast`] that was parsed without errors.
    Hole,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: u32,
    pub(super) to: u32,
}

#[derive(Debug, Clone)]
pub(super) enum Stored {
    Literal(Literal),
    List(Range),
    Path(Range),
    Member { of: NodeId, name: Arc<str> },
    Index { of: NodeId, at: NodeId },
    Not(NodeId),
    Negate(NodeId),
    And(Range),
    Or(Range),
    Chain { operands: Range, operators: Range },
    Conditional { test: NodeId, then: NodeId, otherwise: NodeId },
    Call { function: Arc<str>, method: bool, arguments: Range },
    Macro { kind: MacroKind, over: NodeId, variable: Arc<str>, body: NodeId },
    Hole,
}

/// An expression as written, from text or JSON.
///
/// Two are equal when they say the same, wherever it stood in the text.
///
/// ```
/// use perennial::expr::{Ast, Node};
///
/// let ast = Ast::parse("arr > 50000 && region in ['EMEA', 'APAC'] // our best")?;
/// assert_eq!(ast.to_string(), r#"arr > 50000 && region in ["EMEA", "APAC"]"#);
/// assert_eq!(Ast::parse(&ast.to_string())?, ast);
/// let Node::And(terms) = ast.node(ast.root()) else { panic!("not a conjunction") };
/// assert_eq!(terms.len(), 2);
/// # Ok::<(), perennial::expr::ExprErrors>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ast {
    pub(super) source: Arc<str>,
    pub(super) nodes: Vec<Stored>,
    pub(super) spans: Vec<Span>,
    pub(super) children: Vec<NodeId>,
    pub(super) names: Vec<Arc<str>>,
    pub(super) operators: Vec<BinaryOp>,
    pub(super) root: NodeId,
    pub(super) depth: usize,
}

impl Ast {
    /// Parses a text within the default limits.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the text, up to 20 errors.
    pub fn parse(source: &str) -> Result<Self, ExprErrors> {
        Self::parse_within(source, &ExprLimits::default())
    }

    /// Parses a text within limits of the host.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the text, up to the limit of diagnostics.
    pub fn parse_within(source: &str, limits: &ExprLimits) -> Result<Self, ExprErrors> {
        let (ast, faults) = super::parser::parse(source, limits);
        if faults.errors.is_empty() { Ok(ast) } else { Err(faults.into_errors()) }
    }

    /// The node that the whole expression is.
    #[must_use]
    pub const fn root(&self) -> NodeId {
        self.root
    }

    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never: an expression has a root.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How deep its nodes nest.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// The source text; the canonical text of an expression that was read from JSON.
    #[must_use]
    pub fn source_text(&self) -> &str {
        &self.source
    }

    pub(super) fn source(&self) -> Arc<str> {
        self.source.clone()
    }

    /// Where a node stands in [`Ast::source_text`].
    #[must_use]
    pub fn span(&self, node: NodeId) -> Span {
        self.spans.get(node.index()).copied().unwrap_or_default()
    }

    /// The canonical text of a node by itself.
    ///
    /// ```
    /// use perennial::expr::{Ast, Node};
    ///
    /// let ast = Ast::parse("(a>1||b) && c")?;
    /// let Node::And(terms) = ast.node(ast.root()) else { panic!("not a conjunction") };
    /// assert_eq!(ast.text_of(terms[0]), "a > 1 || b");
    /// # Ok::<(), perennial::expr::ExprErrors>(())
    /// ```
    #[must_use]
    pub fn text_of(&self, node: NodeId) -> String {
        super::print::print_node(self, node)
    }

    /// A node of this expression; [`Node::Hole`] for a node of another that is not here.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Node<'_> {
        match self.nodes.get(id.index()) {
            None | Some(Stored::Hole) => Node::Hole,
            Some(Stored::Literal(literal)) => Node::Literal(literal),
            Some(Stored::List(items)) => Node::List(self.slice(&self.children, *items)),
            Some(Stored::Path(names)) => Node::Path(self.slice(&self.names, *names)),
            Some(Stored::Member { of, name }) => Node::Member { of: *of, name },
            Some(Stored::Index { of, at }) => Node::Index { of: *of, at: *at },
            Some(Stored::Not(of)) => Node::Not(*of),
            Some(Stored::Negate(of)) => Node::Negate(*of),
            Some(Stored::And(items)) => Node::And(self.slice(&self.children, *items)),
            Some(Stored::Or(items)) => Node::Or(self.slice(&self.children, *items)),
            Some(Stored::Chain { operands, operators }) => Node::Chain {
                operands: self.slice(&self.children, *operands),
                operators: self.slice(&self.operators, *operators),
            },
            Some(Stored::Conditional { test, then, otherwise }) => {
                Node::Conditional { test: *test, then: *then, otherwise: *otherwise }
            }
            Some(Stored::Call { function, method, arguments }) => {
                Node::Call { function, method: *method, arguments: self.slice(&self.children, *arguments) }
            }
            Some(Stored::Macro { kind, over, variable, body }) => {
                Node::Macro { kind: *kind, over: *over, variable, body: *body }
            }
        }
    }

    #[expect(clippy::unused_self, reason = "reads as a part of the arena")]
    fn slice<'a, T>(&self, all: &'a [T], range: Range) -> &'a [T] {
        all.get(range.from as usize..range.to as usize).unwrap_or_default()
    }

    /// The names behind what a node gives, `health.score` of `lineage.at("Region").health.score`, and the node that gives
    /// it; no names for another node.
    pub(crate) fn names_behind(&self, node: NodeId) -> (NodeId, Vec<Arc<str>>) {
        let mut names: Vec<Arc<str>> = Vec::new();
        let mut of = node;
        while let Node::Member { of: before, name } = self.node(of) {
            names.push(name.clone());
            of = before;
        }
        names.reverse();
        (of, names)
    }

    /// The variables of its lambdas.
    pub(super) fn variables(&self) -> std::collections::HashSet<&str> {
        let variables = self.nodes.iter().filter_map(|stored| match stored {
            Stored::Macro { variable, .. } => Some(&**variable),
            _ => None,
        });
        variables.chain(["row"]).collect()
    }

    /// The nodes right below a node, in the order of the text.
    pub fn below(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let (fixed, many): ([Option<NodeId>; 3], &[NodeId]) = match self.node(id) {
            Node::Literal(_) | Node::Path(_) | Node::Hole => ([None; 3], &[]),
            Node::Member { of, .. } | Node::Not(of) | Node::Negate(of) => ([Some(of), None, None], &[]),
            Node::Index { of, at } => ([Some(of), Some(at), None], &[]),
            Node::Macro { over, body, .. } => ([Some(over), Some(body), None], &[]),
            Node::Conditional { test, then, otherwise } => ([Some(test), Some(then), Some(otherwise)], &[]),
            Node::List(items)
            | Node::And(items)
            | Node::Or(items)
            | Node::Chain { operands: items, .. }
            | Node::Call { arguments: items, .. } => ([None; 3], items),
        };
        fixed.into_iter().flatten().chain(many.iter().copied())
    }

    /// Do two nodes say the same, without what stands below them?
    fn alike(&self, one: NodeId, other: &Self, two: NodeId) -> bool {
        match (self.node(one), other.node(two)) {
            (Node::Literal(a), Node::Literal(b)) => a == b,
            (Node::Path(a), Node::Path(b)) => a == b,
            (Node::Member { name: a, .. }, Node::Member { name: b, .. }) => a == b,
            (Node::Chain { operators: a, .. }, Node::Chain { operators: b, .. }) => a == b,
            (
                Node::Call { function: a, method: before, arguments: these },
                Node::Call { function: b, method: behind, arguments: those },
            ) => a == b && before == behind && these.len() == those.len(),
            (Node::Macro { kind: a, variable: v, .. }, Node::Macro { kind: b, variable: w, .. }) => {
                a == b && v == w
            }
            (Node::List(a), Node::List(b)) | (Node::And(a), Node::And(b)) | (Node::Or(a), Node::Or(b)) => {
                a.len() == b.len()
            }
            (a, b) => std::mem::discriminant(&a) == std::mem::discriminant(&b),
        }
    }
}

impl PartialEq for Ast {
    fn eq(&self, other: &Self) -> bool {
        let mut left = vec![(self.root, other.root)];
        while let Some((one, two)) = left.pop() {
            if !self.alike(one, other, two) {
                return false;
            }
            left.extend(self.below(one).zip(other.below(two)));
        }
        true
    }
}

impl fmt::Display for Ast {
    /// The canonical text: it parses to the same expression.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::print::print(self).0)
    }
}
