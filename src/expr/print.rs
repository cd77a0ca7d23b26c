//! How is an expression written?
//!
//! The canonical text: one space around operators, no brackets that are not needed, double quotes. It parses to
//! the same tree. Nothing recurses: what is left to write stands on a stack.

use std::fmt::Write;
use std::sync::Arc;

use super::ast::{Ast, LEVEL_AND, LEVEL_CONDITIONAL, LEVEL_OR, LEVEL_POSTFIX, LEVEL_UNARY, Node, NodeId};
use super::diagnostic::Span;
use super::lexer::{TokenKind, tokens};
use super::literal::{Literal, write_duration, write_text};
use super::names::name_parts;
use super::parser::{is_operator_word, is_plain};

/// The canonical text, and where each node stands in it.
pub(super) fn print(ast: &Ast) -> (String, Vec<Span>) {
    let printer = Printer::of(ast, ast.root(), vec![Span::default(); ast.len()]);
    (printer.out, printer.spans)
}

/// The canonical text of a node.
pub(super) fn print_node(ast: &Ast, node: NodeId) -> String {
    Printer::of(ast, node, Vec::new()).out
}

#[derive(Clone, Copy)]
enum Piece<'a> {
    /// A node, in brackets where it binds less than this.
    Node(NodeId, u8),
    Text(&'static str),
    Name(&'a Arc<str>),
    Word(&'a Arc<str>),
    End(NodeId),
}

struct Printer<'a> {
    ast: &'a Ast,
    out: String,
    spans: Vec<Span>,
    /// What is left to write, last first.
    left: Vec<Piece<'a>>,
}

impl<'a> Printer<'a> {
    fn of(ast: &'a Ast, node: NodeId, spans: Vec<Span>) -> Self {
        let mut printer = Self { ast, out: String::new(), spans, left: Vec::new() };
        printer.left.push(Piece::Node(node, LEVEL_CONDITIONAL));
        while let Some(piece) = printer.left.pop() {
            printer.piece(piece);
        }
        printer
    }

    fn at(&self) -> u32 {
        u32::try_from(self.out.len()).unwrap_or(u32::MAX)
    }

    fn piece(&mut self, piece: Piece<'a>) {
        match piece {
            Piece::Text(text) => self.out.push_str(text),
            Piece::Name(name) => self.name(name),
            Piece::Word(word) => self.out.push_str(word),
            Piece::End(node) => {
                let end = self.at();
                if let Some(span) = self.spans.get_mut(node.index()) {
                    span.end = end;
                }
            }
            Piece::Node(node, least) => {
                let brackets = self.level(node) < least;
                if brackets {
                    self.out.push('(');
                    self.left.push(Piece::Text(")"));
                }
                let start = self.at();
                if let Some(span) = self.spans.get_mut(node.index()) {
                    span.start = start;
                }
                self.left.push(Piece::End(node));
                let pieces = self.pieces(node);
                self.left.extend(pieces.into_iter().rev());
            }
        }
    }

    /// How tightly a node binds.
    fn level(&self, node: NodeId) -> u8 {
        match self.ast.node(node) {
            Node::Conditional { .. } => LEVEL_CONDITIONAL,
            Node::Or(_) => LEVEL_OR,
            Node::And(_) => LEVEL_AND,
            Node::Chain { operators, .. } => operators.first().map_or(LEVEL_POSTFIX, |op| op.level()),
            Node::Not(_) | Node::Negate(_) => LEVEL_UNARY,
            Node::Literal(literal) if is_negative(literal) => LEVEL_UNARY,
            _ => LEVEL_POSTFIX,
        }
    }

    fn name(&mut self, name: &str) {
        if is_bare(name) {
            self.out.push_str(name);
        } else {
            self.out.push('`');
            self.out.push_str(name);
            self.out.push('`');
        }
    }

    fn pieces(&mut self, node: NodeId) -> Vec<Piece<'a>> {
        match self.ast.node(node) {
            Node::Hole => vec![Piece::Text("?")],
            Node::Literal(literal) => {
                self.literal(literal);
                Vec::new()
            }
            Node::Path(names) => joined(names.iter().map(Piece::Name), "."),
            Node::List(items) => within("[", items, "]"),
            Node::Member { of, name } => {
                vec![Piece::Node(of, LEVEL_POSTFIX), Piece::Text("."), Piece::Name(name)]
            }
            Node::Index { of, at } => vec![
                Piece::Node(of, LEVEL_POSTFIX),
                Piece::Text("["),
                Piece::Node(at, LEVEL_CONDITIONAL),
                Piece::Text("]"),
            ],
            Node::Not(of) => vec![Piece::Text("!"), Piece::Node(of, LEVEL_UNARY)],
            Node::Negate(of) => {
                // `-5` is a number, not the negation of one.
                let least = match self.ast.node(of) {
                    Node::Literal(literal) if !is_negative(literal) => LEVEL_POSTFIX + 1,
                    _ => LEVEL_UNARY,
                };
                vec![Piece::Text("-"), Piece::Node(of, least)]
            }
            Node::And(items) => joined(items.iter().map(|item| Piece::Node(*item, LEVEL_AND + 1)), " && "),
            Node::Or(items) => joined(items.iter().map(|item| Piece::Node(*item, LEVEL_OR + 1)), " || "),
            Node::Chain { operands, operators } => {
                let mut pieces = Vec::with_capacity(operands.len() * 4);
                let mut signs = operators.iter();
                for (place, operand) in operands.iter().enumerate() {
                    if place > 0 {
                        let sign = signs.next().map_or("", |op| op.as_str());
                        pieces.extend([Piece::Text(" "), Piece::Text(sign), Piece::Text(" ")]);
                    }
                    pieces.push(Piece::Node(*operand, self.level(node) + 1));
                }
                pieces
            }
            Node::Conditional { test, then, otherwise } => vec![
                Piece::Node(test, LEVEL_CONDITIONAL + 1),
                Piece::Text(" ? "),
                Piece::Node(then, LEVEL_CONDITIONAL),
                Piece::Text(" : "),
                Piece::Node(otherwise, LEVEL_CONDITIONAL),
            ],
            Node::Call { function, method, arguments } => Self::call(function, method, arguments),
            Node::Macro { kind, over, variable, body } => vec![
                Piece::Node(over, LEVEL_POSTFIX),
                Piece::Text("."),
                Piece::Text(kind.as_str()),
                Piece::Text("("),
                Piece::Name(variable),
                Piece::Text(", "),
                Piece::Node(body, LEVEL_CONDITIONAL),
                Piece::Text(")"),
            ],
        }
    }

    fn call(function: &'a Arc<str>, method: bool, arguments: &'a [NodeId]) -> Vec<Piece<'a>> {
        let mut pieces = Vec::with_capacity(arguments.len() * 2 + 4);
        let mut rest = arguments;
        if let (true, Some((first, others))) = (method, arguments.split_first()) {
            pieces.extend([Piece::Node(*first, LEVEL_POSTFIX), Piece::Text(".")]);
            rest = others;
        }
        // `math.abs` is one word; names of functions need no backticks.
        pieces.push(Piece::Word(function));
        pieces.extend(within("(", rest, ")"));
        pieces
    }

    fn literal(&mut self, literal: &Literal) {
        // Writing to a text cannot fail.
        let _ = match literal {
            Literal::Bool(truth) => write!(self.out, "{truth}"),
            Literal::Int(int) => write!(self.out, "{int}"),
            Literal::Double(double) => write!(self.out, "{double:e}"),
            Literal::Decimal(decimal) => {
                let plain = decimal.to_string();
                let kept = plain.trim_end_matches('0');
                let zeros = plain.len() - kept.len();
                if plain.contains('.') {
                    write!(self.out, "{plain}")
                } else if zeros > 6 {
                    write!(self.out, "{kept}e{zeros}")
                } else {
                    write!(self.out, "{plain}.0")
                }
            }
            Literal::Text(text) => write_text(&mut self.out, text),
            Literal::Date(date) => write!(self.out, "date(\"{date}\")"),
            Literal::Timestamp(instant) => write!(self.out, "timestamp(\"{instant}\")"),
            Literal::Duration(duration) => {
                self.out.push_str("duration(\"");
                let _ = write_duration(&mut self.out, *duration);
                write!(self.out, "\")")
            }
        };
    }
}

fn is_negative(literal: &Literal) -> bool {
    match literal {
        Literal::Int(int) => *int < 0,
        Literal::Decimal(decimal) => decimal.units() < 0,
        Literal::Double(double) => *double < 0.0,
        _ => false,
    }
}

fn joined<'a>(pieces: impl Iterator<Item = Piece<'a>>, between: &'static str) -> Vec<Piece<'a>> {
    let mut out = Vec::with_capacity(pieces.size_hint().0 * 2);
    for (place, piece) in pieces.enumerate() {
        if place > 0 {
            out.push(Piece::Text(between));
        }
        out.push(piece);
    }
    out
}

fn within<'a>(open: &'static str, items: &[NodeId], close: &'static str) -> Vec<Piece<'a>> {
    let mut out = vec![Piece::Text(open)];
    out.extend(joined(items.iter().map(|item| Piece::Node(*item, LEVEL_CONDITIONAL)), ", "));
    out.push(Piece::Text(close));
    out
}

/// Is a part of a name written without backticks?
fn is_bare(name: &str) -> bool {
    is_plain(name) && !is_operator_word(name)
}

/// One part of a name as expressions write it: bare, or in backticks, whatever dots are in it.
pub(crate) fn written_part(part: &str) -> String {
    if is_bare(part) { part.to_owned() } else { format!("`{part}`") }
}

/// A declared name as expressions write it: bare, or in backticks if a part of it is no plain word, or if it has more parts than
/// a bare name may have.
pub(crate) fn written_name(name: &str) -> String {
    if name_parts(name).into_iter().all(is_bare) { name.to_owned() } else { format!("`{name}`") }
}

/// A text with backticks only around names that need them.
pub(crate) fn without_needless_backticks(text: &str) -> String {
    let mut out = text.to_owned();
    let tokens = tokens(text, usize::MAX).unwrap_or_default();
    // From the last to the first, so that the places of the others stay.
    for token in tokens.into_iter().rev().filter(|token| token.kind == TokenKind::Quoted) {
        let place = token.span.start as usize..token.span.end as usize;
        if let Some(name) = text.get(place.clone()) {
            out.replace_range(place, &written_name(name.trim_matches('`')));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_stay_around_names_that_need_them_and_in_texts() {
        for (text, expected) in [
            ("ratio(`a.b`, `With Space.all`)", "ratio(a.b, `With Space.all`)"),
            ("`ä b` + `c` + \"`d`\"", "`ä b` + c + \"`d`\""),
            ("`a.b.c.d.e` + attr.`a`", &format!("{} + attr.a", written_name("a.b.c.d.e"))),
            ("`never closed", "`never closed"),
        ] {
            assert_eq!(without_needless_backticks(text), expected);
        }
    }
}
