//! What does a source text say?
//!
//! A parser by precedence (Pratt) with a counter of depth. After an error it goes on where the next term begins, so
//! that one reading finds all of them; operators of other languages are read as what they mean.

use std::sync::Arc;

use crate::expr::ast::{
    Ast, BinaryOp, LEVEL_ADD, LEVEL_AND, LEVEL_COMPARE, LEVEL_MULTIPLY, LEVEL_OR, NodeId,
};
use crate::expr::builder::Builder;
use crate::expr::diagnostic::{Code, Collector, Span};

use crate::expr::lexer::{Token, TokenKind, tokens};
use crate::expr::limits::ExprLimits;
use crate::expr::literal::{self, Literal};

/// Parses a text. Where there are errors, the tree has holes in their place.
pub(in crate::expr) fn parse(source: &str, limits: &ExprLimits) -> (Ast, Collector) {
    let shared: Arc<str> = Arc::from(source.get(..limits.source_bytes.min(source.len())).unwrap_or_default());
    let mut faults = Collector::new(shared.clone(), limits.diagnostics);
    let mut nodes = Builder::new(limits);
    let whole = Span::new(0, u32::try_from(shared.len()).unwrap_or(u32::MAX));
    if source.len() > limits.source_bytes {
        let message =
            format!("an expression has at most {} bytes; this has {}", limits.source_bytes, source.len());
        faults.add(Code::E301, Span::default(), message, None);
    }
    let read = if faults.errors.is_empty() { tokens(source, limits.tokens) } else { Some(Vec::new()) };
    let Some(tokens) = read else {
        let message = format!("an expression has at most {} words and signs", limits.tokens);
        faults.add(Code::E301, whole, message, None);
        let root = nodes.hole(whole);
        return (nodes.finish(shared, root), faults);
    };
    if tokens.is_empty() {
        let root = nodes.hole(whole);
        return (nodes.finish(shared, root), faults);
    }
    let mut parser = Parser { source, tokens, at: 0, nodes, faults, limits, depth: 0, stopped: false };
    let root = parser.whole();
    let Parser { nodes, faults, .. } = parser;
    (nodes.finish(shared, root), faults)
}

const RESERVED: [&str; 20] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
];

/// Is this a word that no attribute and no variable has as its bare name?
pub(in crate::expr) fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word) || word == "while"
}

/// Is this an operator of a language, as a word?
pub(in crate::expr) fn is_operator_word(word: &str) -> bool {
    is_reserved(word) || ["and", "or", "not", "in"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Is this a name that needs no backticks?
pub(in crate::expr) fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

mod operand;

struct Parser<'s> {
    source: &'s str,
    tokens: Vec<Token>,
    at: usize,
    nodes: Builder,
    faults: Collector,
    limits: &'s ExprLimits,
    depth: usize,
    /// Beyond a limit: what is left is not read.
    stopped: bool,
}

impl Parser<'_> {
    fn peek(&self) -> Token {
        let end = Token { kind: TokenKind::End, span: self.end() };
        if self.stopped { end } else { self.tokens.get(self.at).copied().unwrap_or(end) }
    }

    fn ahead(&self, by: usize) -> TokenKind {
        self.tokens.get(self.at + by).map_or(TokenKind::End, |token| token.kind)
    }

    fn end(&self) -> Span {
        self.tokens.last().map_or_else(Span::default, |token| token.span)
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        if token.kind != TokenKind::End {
            self.at += 1;
        }
        token
    }

    fn eat(&mut self, kind: TokenKind) -> Option<Token> {
        (self.peek().kind == kind).then(|| self.next())
    }

    /// From a token to the last one that was read, so that brackets around the first and the last operand are part of it.
    fn since(&self, from: Span) -> Span {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(from, |last| from.to(last.span))
    }

    fn text(&self, span: Span) -> &str {
        span.text(self.source)
    }

    fn fault(&mut self, code: Code, span: Span, message: impl Into<Arc<str>>, edit: Option<(Span, String)>) {
        if !self.stopped {
            self.faults.add(code, span, message, edit);
            self.stopped = self.faults.full();
        }
    }

    fn whole(&mut self) -> NodeId {
        let root = self.expression();
        while self.peek().kind != TokenKind::End && !self.stopped {
            let token = self.peek();
            match token.kind {
                TokenKind::RightParen | TokenKind::RightBracket => {
                    let message = "this bracket was never opened";
                    self.fault(Code::E110, token.span, message, Some((token.span, String::new())));
                    self.next();
                }
                _ => {
                    self.unexpected("an operator such as `&&`");
                    self.next();
                    self.synchronise();
                }
            }
            // What follows is read for its errors.
            if matches!(self.peek().kind, TokenKind::And | TokenKind::Or | TokenKind::Comma) {
                self.next();
                self.expression();
            }
        }
        match self.nodes.beyond {
            Some(Code::E302) => {
                self.stopped = false;
                let message = format!("expressions nest at most {} deep", self.limits.depth);
                let at = self.nodes.span(root);
                self.fault(Code::E302, at, message, None);
            }
            Some(_) => {
                self.stopped = false;
                let message = format!("an expression has at most {} parts", self.limits.nodes);
                let at = self.nodes.span(root);
                self.fault(Code::E301, at, message, None);
            }
            None => {}
        }
        root
    }

    /// Goes to where the next term may begin.
    fn synchronise(&mut self) {
        let mut open = 0_usize;
        loop {
            match self.peek().kind {
                TokenKind::End => return,
                TokenKind::LeftParen | TokenKind::LeftBracket => open += 1,
                TokenKind::RightParen
                | TokenKind::RightBracket
                | TokenKind::And
                | TokenKind::Or
                | TokenKind::Comma
                | TokenKind::Colon
                    if open == 0 =>
                {
                    return;
                }
                TokenKind::RightParen | TokenKind::RightBracket => open -= 1,
                _ => {}
            }
            self.next();
        }
    }

    fn unexpected(&mut self, expected: &str) {
        let token = self.peek();
        let (span, message) = match token.kind {
            TokenKind::End => {
                let last = self.tokens.get(self.at.wrapping_sub(1)).map_or(token.span, |last| last.span);
                let at = if self.at == 0 { token.span } else { Span::new(last.end, last.end) };
                (at, format!("unfinished: expected {expected}"))
            }
            TokenKind::OpenText => {
                (token.span, "this text is never closed; expected a quote at its end".into())
            }
            TokenKind::OpenQuoted => (token.span, "this name is never closed; expected a backtick".into()),
            TokenKind::Unknown => {
                let sign: String = self.text(token.span).escape_debug().collect();
                (token.span, format!("`{sign}` means nothing here; expected {expected}"))
            }
            _ => {
                let word: String = self.text(token.span).chars().take(30).collect();
                (token.span, format!("expected {expected} before `{word}`"))
            }
        };
        self.fault(Code::E110, span, message, None);
    }

    /// Counts a level of nesting; `false` beyond the limit.
    fn enter(&mut self) -> bool {
        self.depth += 1;
        if self.depth > self.limits.depth {
            let message = format!("expressions nest at most {} deep", self.limits.depth);
            let span = self.peek().span;
            self.fault(Code::E302, span, message, None);
            self.stopped = true;
        }
        !self.stopped
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn expression(&mut self) -> NodeId {
        if !self.enter() {
            let span = self.peek().span;
            return self.nodes.hole(span);
        }
        // `a ? b : c ? d : e` nests to the right: gathered in a loop, built from the right.
        let mut arms: Vec<(NodeId, NodeId, Span)> = Vec::new();
        let mut from = self.peek().span;
        let mut last = self.level(LEVEL_OR);
        while self.peek().kind == TokenKind::Question {
            self.next();
            let then = self.expression();
            if self.eat(TokenKind::Colon).is_none() {
                self.unexpected("`:` and what it is otherwise");
                self.leave();
                return last;
            }
            arms.push((last, then, from));
            from = self.peek().span;
            last = self.level(LEVEL_OR);
        }
        for (test, then, from) in arms.into_iter().rev() {
            let span = self.since(from);
            last = self.nodes.conditional([test, then, last], span);
        }
        self.leave();
        last
    }

    /// The operator that stands next, and its level of precedence; one of another language is read as ours.
    fn operator(&self) -> Option<(Operator, u8)> {
        let token = self.peek();
        let compare = |op| Some((Operator::Binary(op), LEVEL_COMPARE));
        match token.kind {
            TokenKind::Or | TokenKind::Bar => Some((Operator::Or, LEVEL_OR)),
            TokenKind::And | TokenKind::Ampersand => Some((Operator::And, LEVEL_AND)),
            TokenKind::Equal | TokenKind::Assign => compare(BinaryOp::Equal),
            TokenKind::NotEqual | TokenKind::Differs => compare(BinaryOp::NotEqual),
            TokenKind::Less => compare(BinaryOp::Less),
            TokenKind::LessEqual => compare(BinaryOp::LessEqual),
            TokenKind::Greater => compare(BinaryOp::Greater),
            TokenKind::GreaterEqual => compare(BinaryOp::GreaterEqual),
            TokenKind::Plus => Some((Operator::Binary(BinaryOp::Add), LEVEL_ADD)),
            TokenKind::Minus => Some((Operator::Binary(BinaryOp::Subtract), LEVEL_ADD)),
            TokenKind::Star => Some((Operator::Binary(BinaryOp::Multiply), LEVEL_MULTIPLY)),
            TokenKind::Slash => Some((Operator::Binary(BinaryOp::Divide), LEVEL_MULTIPLY)),
            TokenKind::Percent => Some((Operator::Binary(BinaryOp::Modulo), LEVEL_MULTIPLY)),
            TokenKind::Ident => match self.text(token.span) {
                "in" | "IN" => compare(BinaryOp::In),
                "and" | "AND" | "And" => Some((Operator::And, LEVEL_AND)),
                "or" | "OR" | "Or" => Some((Operator::Or, LEVEL_OR)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Says so where an operator is one of another language.
    fn check_operator(&mut self, token: Token) {
        let ours = match token.kind {
            TokenKind::Assign => ("comparison", "=="),
            TokenKind::Differs => ("inequality", "!="),
            TokenKind::Ampersand => ("`and`", "&&"),
            TokenKind::Bar => ("`or`", "||"),
            TokenKind::Ident => match self.text(token.span) {
                "in" => return,
                "IN" => ("membership", "in"),
                word if word.eq_ignore_ascii_case("and") => ("`and`", "&&"),
                _ => ("`or`", "||"),
            },
            _ => return,
        };
        let (what, sign) = ours;
        self.fault(
            Code::E105,
            token.span,
            format!("{what} is `{sign}`"),
            Some((token.span, sign.to_owned())),
        );
    }

    /// Operands and operators from a level of precedence up.
    fn level(&mut self, least: u8) -> NodeId {
        let from = self.peek().span;
        let mut left = self.unary();
        // The operators of one level make one chain; what follows binds less, and has the chain as first operand.
        while let Some((_, level)) = self.operator().filter(|(_, level)| *level >= least) {
            let mut operands = vec![left];
            let mut operators: Vec<BinaryOp> = Vec::new();
            while let Some((operator, found)) = self.operator() {
                if found != level {
                    break;
                }
                let token = self.next();
                self.check_operator(token);
                operands.push(self.level(level + 1));
                if let Operator::Binary(op) = operator {
                    operators.push(op);
                }
            }
            let span = self.since(from);
            left = match level {
                LEVEL_OR | LEVEL_AND => self.nodes.junction(level == LEVEL_AND, &operands, span),
                _ => self.nodes.chain(&operands, &operators, span),
            };
        }
        left
    }
}

/// The constant that `date("..")` and its like say; `None` when the text is none.
pub(in crate::expr) fn constant(function: &str, text: &str) -> Option<Literal> {
    match function {
        "date" => text.parse().ok().map(Literal::Date),
        "timestamp" => text.parse().ok().map(Literal::Timestamp),
        "duration" => literal::duration(text).map(Literal::Duration),
        _ => None,
    }
}

enum Operator {
    And,
    Or,
    Binary(BinaryOp),
}

/// May this token stand between two operands?
const fn is_operator(kind: TokenKind) -> bool {
    use TokenKind as Kind;
    matches!(
        kind,
        Kind::And
            | Kind::Or
            | Kind::Equal
            | Kind::NotEqual
            | Kind::Less
            | Kind::LessEqual
            | Kind::Greater
            | Kind::GreaterEqual
            | Kind::Plus
            | Kind::Minus
            | Kind::Star
            | Kind::Slash
            | Kind::Percent
            | Kind::Assign
            | Kind::Differs
            | Kind::Ampersand
            | Kind::Bar
            | Kind::Question
            | Kind::Colon
    )
}
