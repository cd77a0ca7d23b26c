//! Where does a cursor stand, and what is asked there?

use crate::expr::ast::MacroKind;
use crate::expr::diagnostic::Span;
use crate::expr::lexer::{Token, TokenKind, receiver_before};

/// The lambda whose brackets open at a token, when its variable was written.
pub(super) fn lambda_at(source: &str, read: &[Token], open: usize) -> Option<(String, String)> {
    let name = read.get(open.checked_sub(1)?)?;
    let dot = read.get(open.checked_sub(2)?)?;
    let is_macro = MacroKind::ALL.iter().any(|kind| kind.as_str() == name.span.text(source));
    let (variable, comma) = (read.get(open + 1)?, read.get(open + 2)?);
    let written = variable.kind == TokenKind::Ident && comma.kind == TokenKind::Comma;
    if !is_macro || dot.kind != TokenKind::Dot || !written {
        return None;
    }
    let over = receiver_before(read, open - 2)?;
    Some((over.text(source).to_owned(), variable.span.text(source).to_owned()))
}

/// What is asked at a cursor.
pub(super) enum Asks {
    Nothing,
    /// What stands before the dot.
    Member(Span),
    /// The start of an operand; beside what it is compared with.
    Start {
        beside: Option<Span>,
    },
    /// A constant text that a function takes.
    Text {
        function: String,
    },
}

/// Where a cursor stands.
pub(super) struct Place {
    pub(super) replaces: Span,
    pub(super) typed: String,
    pub(super) asks: Asks,
}

impl Place {
    pub(super) fn of(source: &str, read: &[Token], cursor: usize) -> Self {
        let at = u32::try_from(cursor).unwrap_or(u32::MAX);
        let here = Span::new(at, at);
        // The token that the cursor stands in, or right behind.
        let inside = read
            .iter()
            .position(|token| token.kind != TokenKind::End && token.span.start < at && at <= token.span.end);
        let word = inside.filter(|place| {
            read.get(*place).is_some_and(|token| {
                matches!(
                    token.kind,
                    TokenKind::Ident | TokenKind::Quoted | TokenKind::Text | TokenKind::OpenText
                )
            })
        });
        let (replaces, next) = match word.and_then(|place| Some((read.get(place)?.span, place))) {
            Some((span, place)) => (span, place),
            None => (here, read.iter().position(|token| token.span.start >= at).unwrap_or(read.len())),
        };
        let typed = Span::new(replaces.start, at).text(source).to_owned();
        let before =
            |back: usize| next.checked_sub(back).and_then(|place| read.get(place)).map(|token| token.kind);
        let asks = match before(1) {
            Some(TokenKind::Dot) => match receiver_before(read, next - 1) {
                Some(of) => Asks::Member(of),
                None => Asks::Nothing,
            },
            Some(TokenKind::LeftParen | TokenKind::Comma) => match function_around(source, read, next) {
                Some(function) => Asks::Text { function },
                None => Asks::Start { beside: None },
            },
            Some(
                TokenKind::Equal
                | TokenKind::NotEqual
                | TokenKind::Less
                | TokenKind::LessEqual
                | TokenKind::Greater
                | TokenKind::GreaterEqual
                | TokenKind::Assign,
            ) => Asks::Start { beside: receiver_before(read, next - 1) },
            // Behind an operand an operator stands, which needs no help.
            Some(
                TokenKind::Ident
                | TokenKind::Quoted
                | TokenKind::Int
                | TokenKind::Float
                | TokenKind::Text
                | TokenKind::RightParen
                | TokenKind::RightBracket,
            ) => Asks::Nothing,
            _ => Asks::Start { beside: None },
        };
        Self { replaces, typed, asks }
    }
}

/// The function of constant texts in whose brackets a place stands.
pub(super) fn function_around(source: &str, read: &[Token], place: usize) -> Option<String> {
    let mut open = 0_usize;
    let mut at = place;
    while let Some(token) = at.checked_sub(1).and_then(|at| read.get(at)) {
        match token.kind {
            TokenKind::RightParen | TokenKind::RightBracket => open += 1,
            TokenKind::LeftParen if open == 0 => {
                let name = read.get(at.checked_sub(2)?)?.span.text(source);
                let known = [
                    "at",
                    "owns",
                    "inSegment",
                    "events",
                    "metric",
                    "startOf",
                    "endOf",
                    "during",
                    "weekly",
                    "inLast",
                    "inNext",
                    "convertTo",
                    "convertAt",
                    "convertAtPlan",
                    "ifCurrency",
                ];
                return known.contains(&name).then(|| name.to_owned());
            }
            TokenKind::LeftParen | TokenKind::LeftBracket => open = open.saturating_sub(1),
            _ => {}
        }
        at -= 1;
    }
    None
}
