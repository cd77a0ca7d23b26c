//! What stands between operators: signs, literals, names, calls, lists, and what follows them.

use std::sync::Arc;

use super::{Parser, constant, is_operator, is_operator_word, is_reserved};
use crate::expr::ast::{MacroKind, NodeId, Stored};
use crate::expr::diagnostic::{Code, Span};
use crate::expr::functions;
use crate::expr::lexer::{Token, TokenKind, receiver_before};
use crate::expr::literal::{self, Literal};

impl Parser<'_> {
    pub(super) fn unary(&mut self) -> NodeId {
        let mut signs: Vec<Token> = Vec::new();
        loop {
            let token = self.peek();
            let not_word = token.kind == TokenKind::Ident
                && matches!(self.text(token.span), "NOT" | "not" | "Not")
                && !matches!(
                    self.ahead(1),
                    TokenKind::Dot | TokenKind::End | TokenKind::RightParen | TokenKind::Comma
                )
                && !is_operator(self.ahead(1));
            if not_word {
                let edit = Some((Span::new(token.span.start, self.start_of(1)), "!".to_owned()));
                self.fault(Code::E105, token.span, "`not` is `!`", edit);
            } else if !matches!(token.kind, TokenKind::Not | TokenKind::Minus) {
                break;
            }
            if !self.enter() {
                break;
            }
            signs.push(self.next());
        }
        let depth = signs.len();
        // The number -2^63 has no positive twin.
        let least = signs.last().is_some_and(|sign| sign.kind == TokenKind::Minus)
            && self.peek().kind == TokenKind::Int
            && literal::whole(self.text(self.peek().span)) == Some(1 << 63);
        let mut node = if least {
            let sign = signs.pop();
            let token = self.next();
            let span = sign.map_or(token.span, |sign| sign.span.to(token.span));
            let node = self.nodes.literal(Literal::Int(i64::MIN), span);
            self.postfix(node, span)
        } else {
            let from = self.peek().span;
            let operand = self.primary();
            self.postfix(operand, from)
        };
        for sign in signs.into_iter().rev() {
            let span = self.since(sign.span);
            node = match sign.kind {
                TokenKind::Minus => self.nodes.negate(node, span),
                _ => self.nodes.not(node, span),
            };
        }
        self.depth = self.depth.saturating_sub(depth);
        node
    }

    fn start_of(&self, ahead: usize) -> u32 {
        self.tokens.get(self.at + ahead).map_or(self.end().start, |token| token.span.start)
    }

    fn primary(&mut self) -> NodeId {
        let token = self.peek();
        match token.kind {
            TokenKind::Int => {
                self.next();
                let said = literal::whole(self.text(token.span)).and_then(|whole| i64::try_from(whole).ok());
                self.literal_or(
                    token.span,
                    said.map(Literal::Int),
                    "whole numbers lie between -2^63 and 2^63 - 1",
                )
            }
            TokenKind::Float => {
                self.next();
                let said = literal::fraction(self.text(token.span));
                self.literal_or(token.span, said, "this number is too large")
            }
            TokenKind::Text => self.text_literal(),
            TokenKind::LeftParen => {
                self.next();
                let inner = self.expression();
                self.close(token, TokenKind::RightParen, ")");
                inner
            }
            TokenKind::LeftBracket => {
                self.next();
                let items = self.items(TokenKind::RightBracket);
                let end = self.close(token, TokenKind::RightBracket, "]");
                if items.len() > self.limits.list_items {
                    let message = format!("a list has at most {} items", self.limits.list_items);
                    self.fault(Code::E303, token.span.to(end), message, None);
                }
                self.nodes.list(&items, token.span.to(end))
            }
            TokenKind::Ident => self.word(),
            TokenKind::Quoted => {
                self.next();
                let name = self.unquoted(token.span);
                self.nodes.path([name], token.span)
            }
            TokenKind::Foreign => {
                self.next();
                let word = self.text(token.span);
                let message = if word.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
                    let number = word.trim_end_matches(['u', 'U']);
                    if number.len() + 1 == word.len() && literal::whole(number).is_some() {
                        let edit = Some((token.span, number.to_owned()));
                        self.fault(Code::E111, token.span, "there are no unsigned numbers", edit);
                        return self.nodes.hole(token.span);
                    }
                    "this is neither a number nor a name"
                } else {
                    "there are no byte strings"
                };
                self.fault(Code::E111, token.span, message, None);
                self.nodes.hole(token.span)
            }
            _ => {
                self.unexpected("a value");
                if matches!(token.kind, TokenKind::OpenText | TokenKind::OpenQuoted | TokenKind::Unknown) {
                    self.next();
                }
                if !is_operator(token.kind) {
                    self.synchronise();
                }
                self.nodes.hole(token.span)
            }
        }
    }

    fn literal_or(&mut self, span: Span, said: Option<Literal>, message: &str) -> NodeId {
        match said {
            Some(literal) => self.nodes.literal(literal, span),
            None => {
                self.fault(Code::E111, span, message, None);
                self.nodes.hole(span)
            }
        }
    }

    fn text_literal(&mut self) -> NodeId {
        let token = self.next();
        match literal::text(self.text(token.span)) {
            Ok(text) => {
                if text.len() > self.limits.text_bytes {
                    let message = format!("a text has at most {} bytes", self.limits.text_bytes);
                    self.fault(Code::E303, token.span, message, None);
                }
                self.nodes.literal(Literal::Text(Arc::from(text)), token.span)
            }
            Err((from, to, why)) => {
                let at = |offset: usize| token.span.start.saturating_add(u32::try_from(offset).unwrap_or(0));
                self.fault(Code::E111, Span::new(at(from), at(to)), why, None);
                self.nodes.hole(token.span)
            }
        }
    }

    fn unquoted(&mut self, span: Span) -> Arc<str> {
        let name: Arc<str> = Arc::from(self.text(span).trim_matches('`'));
        if name.is_empty() {
            self.fault(Code::E111, span, "a name between backticks has a character at least", None);
        }
        name
    }

    fn word(&mut self) -> NodeId {
        let token = self.next();
        let word = self.text(token.span);
        match word {
            "true" => return self.nodes.literal(Literal::Bool(true), token.span),
            "false" => return self.nodes.literal(Literal::Bool(false), token.span),
            "null" => {
                self.null(token);
                return self.nodes.hole(token.span);
            }
            word if is_reserved(word) => {
                let message = format!("`{word}` is a reserved word; expected a value");
                self.fault(Code::E110, token.span, message, None);
                return self.nodes.hole(token.span);
            }
            _ => {}
        }
        let name: Arc<str> = Arc::from(word);
        if self.peek().kind == TokenKind::LeftParen {
            return self.call(name, token.span, None);
        }
        self.nodes.path([name], token.span)
    }

    /// `x == null` is `!has(x)`.
    fn null(&mut self, token: Token) {
        let before = |back: usize| self.at.checked_sub(back).and_then(|at| self.tokens.get(at));
        let is_name = |token: &&Token| matches!(token.kind, TokenKind::Ident | TokenKind::Quoted);
        let named = before(3).filter(is_name).and(self.at.checked_sub(2));
        let asked = named.and_then(|operator| receiver_before(&self.tokens, operator));
        let advice = before(2).zip(asked).and_then(|(operator, asked)| {
            let path = self.text(asked);
            let has = match operator.kind {
                TokenKind::Equal | TokenKind::Assign => Some(format!("!has({path})")),
                TokenKind::NotEqual | TokenKind::Differs => Some(format!("has({path})")),
                _ => None,
            };
            has.map(|has| (asked.to(token.span), has))
        });
        let message = match &advice {
            Some((_, has)) => format!("there is no null; write {has}"),
            None => "there is no null; ask `has(..)` for a value".to_owned(),
        };
        self.fault(Code::E107, token.span, message, advice);
    }

    /// Items between commas up to a closing bracket, which is left.
    fn items(&mut self, close: TokenKind) -> Vec<NodeId> {
        let mut items = Vec::new();
        while !matches!(self.peek().kind, TokenKind::End) && self.peek().kind != close {
            items.push(self.expression());
            if self.eat(TokenKind::Comma).is_none() {
                break;
            }
        }
        items
    }

    fn close(&mut self, open: Token, kind: TokenKind, sign: &str) -> Span {
        if let Some(token) = self.eat(kind) {
            return token.span;
        }
        let last =
            self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(open.span, |last| last.span);
        if self.peek().kind == TokenKind::End {
            let word: String = self.text(last).chars().take(30).collect();
            let message = format!("this bracket is never closed; expected `{sign}` after `{word}`");
            let edit = Some((Span::new(last.end, last.end), sign.to_owned()));
            self.fault(Code::E110, open.span, message, edit);
        } else {
            self.unexpected(&format!("`{sign}`"));
            self.synchronise();
            while self.peek().kind != TokenKind::End && self.peek().kind != kind {
                self.next();
            }
            self.eat(kind);
        }
        last
    }

    /// What follows an operand without a space: names after dots, calls, places of lists. The operand begins at `from`.
    fn postfix(&mut self, mut node: NodeId, from: Span) -> NodeId {
        loop {
            let token = self.peek();
            match token.kind {
                TokenKind::Dot => {
                    self.next();
                    let name = self.peek();
                    if !matches!(name.kind, TokenKind::Ident | TokenKind::Quoted) {
                        self.unexpected("a name after the dot");
                        return node;
                    }
                    self.next();
                    let text = self.unquoted(name.span);
                    let span = from.to(name.span);
                    node = if self.peek().kind == TokenKind::LeftParen && name.kind == TokenKind::Ident {
                        if is_operator_word(&text) {
                            let message = format!("`{text}` is a reserved word; no function is called so");
                            self.fault(Code::E110, name.span, message, None);
                        }
                        self.call(text, span, Some(node))
                    } else {
                        self.nodes.member(node, text, span)
                    };
                }
                TokenKind::LeftBracket => {
                    self.next();
                    let at = self.expression();
                    let end = self.close(token, TokenKind::RightBracket, "]");
                    let span = from.to(end);
                    node = self.nodes.index(node, at, span);
                }
                TokenKind::LeftParen => {
                    self.unexpected("an operator");
                    self.synchronise();
                    return node;
                }
                _ => return node,
            }
        }
    }

    /// The arguments of a call, whose name was read; `span` begins where the call begins.
    fn call(&mut self, name: Arc<str>, span: Span, receiver: Option<NodeId>) -> NodeId {
        let open = self.next();
        let mut arguments = self.items(TokenKind::RightParen);
        let end = self.close(open, TokenKind::RightParen, ")");
        let span = Span::new(span.start, end.end);
        let Some(receiver) = receiver else {
            let is_not = name.eq_ignore_ascii_case("not") && arguments.len() == 1;
            if is_operator_word(&name) && !is_not {
                let message = format!("`{name}` is a reserved word; no function is called so");
                self.fault(Code::E110, span, message, None);
            }
            if is_not {
                let word = Span::new(span.start, span.start + 3);
                self.fault(Code::E105, word, "`not` is `!`", Some((word, "!".to_owned())));
            }
            return self.constant_call(name, &arguments, span);
        };
        if matches!(self.nodes.stored(receiver), Some(Stored::Path(names)) if is_math(self.nodes.names_of(*names)))
            && let Some(entry) = functions::function(&format!("math.{name}"))
        {
            return self.nodes.call(Arc::from(entry.name), false, &arguments, span);
        }
        if let Some((kind, variable)) = self.macro_of(&name, &arguments) {
            return self.lambda(kind, receiver, variable, &arguments, span);
        }
        arguments.insert(0, receiver);
        if let Some(hole) = self.no_macro(&name, arguments.len(), span) {
            return hole;
        }
        let method = functions::is_method(&name, arguments.len(), true);
        self.nodes.call(name, method, &arguments, span)
    }

    /// The name of a macro, called as none: `x.count()` is a function, `x.exists()` is nothing.
    fn no_macro(&mut self, name: &str, arguments: usize, span: Span) -> Option<NodeId> {
        let is_macro = MacroKind::ALL.iter().any(|kind| kind.as_str() == name);
        if !is_macro || arguments == 1 && functions::function(name).is_some() {
            return None;
        }
        let message = format!("`{name}` takes a name and what is asked of it: `{name}(x, ..)`");
        self.fault(Code::E112, span, message, None);
        Some(self.nodes.hole(span))
    }

    /// A macro has a name of its own as its first argument.
    fn macro_of(&self, name: &str, arguments: &[NodeId]) -> Option<(MacroKind, Arc<str>)> {
        let kind = MacroKind::ALL.iter().copied().find(|kind| kind.as_str() == name)?;
        let wanted = if kind == MacroKind::Map { 2..=3 } else { 2..=2 };
        let variable = match self.nodes.stored(*arguments.first()?)? {
            Stored::Path(names) => match self.nodes.names_of(*names) {
                [single] => single.clone(),
                _ => return None,
            },
            _ => return None,
        };
        wanted.contains(&arguments.len()).then_some((kind, variable))
    }

    fn lambda(
        &mut self,
        kind: MacroKind,
        over: NodeId,
        variable: Arc<str>,
        arguments: &[NodeId],
        span: Span,
    ) -> NodeId {
        match arguments {
            // `map(x, p, f)` is `filter(x, p).map(x, f)`.
            [_, test, body] => {
                let kept = self.nodes.lambda(MacroKind::Filter, over, variable.clone(), *test, span);
                self.nodes.lambda(kind, kept, variable, *body, span)
            }
            [_, body] => self.nodes.lambda(kind, over, variable, *body, span),
            _ => self.nodes.hole(span),
        }
    }

    /// A call without a receiver; `date(".")` and its like of a constant text are constants.
    fn constant_call(&mut self, name: Arc<str>, arguments: &[NodeId], span: Span) -> NodeId {
        let said = match arguments {
            [only] => match self.nodes.stored(*only) {
                Some(Stored::Literal(Literal::Text(text))) => constant(&name, text),
                _ => None,
            },
            _ => None,
        };
        if let Some(literal) = said {
            return self.nodes.literal(literal, span);
        }
        if let Some(hole) = self.no_macro(&name, arguments.len(), span) {
            return hole;
        }
        let method = functions::is_method(&name, arguments.len(), false);
        self.nodes.call(name, method, arguments, span)
    }
}

fn is_math(names: &[Arc<str>]) -> bool {
    matches!(names, [only] if &**only == "math")
}
