//! Which words and signs does a source text hold?
//!
//! The lexis of CEL (Common Expression Language) without its unsigned numbers and byte strings. Tokens are
//! places in the text; what a literal means is read by the parser, in `literal`.

use super::diagnostic::Span;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Ident,
    /// A name between backticks.
    Quoted,
    Int,
    Float,
    Text,
    LeftParen,
    RightParen,
    LeftBracket,
    RightBracket,
    Dot,
    Comma,
    Question,
    Colon,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Not,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
    /// `=`, which other languages compare with.
    Assign,
    /// `<>`, which other languages compare with.
    Differs,
    /// A single `&`.
    Ampersand,
    /// A single `|`.
    Bar,
    /// A text that is not closed.
    OpenText,
    /// A name between backticks that is not closed.
    OpenQuoted,
    /// A byte string or an unsigned number, which CEL has and we do not.
    Foreign,
    /// A sign that no expression has.
    Unknown,
    End,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

/// The operand that ends right before a token: names, dots and closed brackets.
pub(super) fn receiver_before(read: &[Token], before: usize) -> Option<Span> {
    let mut at = before;
    let end = read.get(before.checked_sub(1)?)?.span.end;
    let mut open = 0_usize;
    while let Some(token) = at.checked_sub(1).and_then(|at| read.get(at)) {
        let adjacent = read.get(at).is_none_or(|next| open > 0 || at == before || is_joined(token, next));
        match token.kind {
            TokenKind::RightParen | TokenKind::RightBracket => open += 1,
            TokenKind::LeftParen | TokenKind::LeftBracket if open > 0 => open -= 1,
            _ if open > 0 => {}
            TokenKind::Ident | TokenKind::Quoted | TokenKind::Dot | TokenKind::Text if adjacent => {}
            _ => break,
        }
        at -= 1;
    }
    let start = read.get(at).filter(|_| at < before)?.span.start;
    Some(Span::new(start, end))
}

/// Do two tokens stand in one operand? Two names side by side do not.
fn is_joined(left: &Token, right: &Token) -> bool {
    let word = |kind: TokenKind| matches!(kind, TokenKind::Ident | TokenKind::Quoted | TokenKind::Text);
    !(word(left.kind) && word(right.kind))
}

/// The tokens of a source text, ended by `End`; `None` when there are more than `limit`.
pub(super) fn tokens(source: &str, limit: usize) -> Option<Vec<Token>> {
    let mut lexer = Lexer { bytes: source.as_bytes(), source, at: 0 };
    let mut tokens = Vec::with_capacity(source.len() / 3 + 1);
    loop {
        let token = lexer.next();
        if tokens.len() >= limit && token.kind != TokenKind::End {
            return None;
        }
        tokens.push(token);
        if token.kind == TokenKind::End {
            return Some(tokens);
        }
    }
}

struct Lexer<'s> {
    bytes: &'s [u8],
    source: &'s str,
    at: usize,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.bytes.get(self.at).is_some_and(|byte| wanted(*byte)) {
            self.at += 1;
        }
    }

    fn skip_space(&mut self) {
        loop {
            self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c));
            if self.peek(0) != b'/' || self.peek(1) != b'/' {
                return;
            }
            self.skip_while(|byte| byte != b'\n' && byte != b'\r');
        }
    }

    fn next(&mut self) -> Token {
        self.skip_space();
        let start = self.at;
        let kind = match self.bytes.get(self.at) {
            None => TokenKind::End,
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => self.word(),
            Some(b'0'..=b'9') => self.number(),
            Some(b'.') if self.peek(1).is_ascii_digit() => self.number(),
            Some(b'"' | b'\'') => self.text(false),
            Some(b'`') => self.quoted(),
            Some(first) => self.sign(*first),
        };
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Token { kind, span: Span::new(place(start), place(self.at)) }
    }

    fn word(&mut self) -> TokenKind {
        // A prefix of a string is part of it: raw `r`, bytes `b`, both.
        let (first, second, third) = (self.peek(0) | 0x20, self.peek(1), self.peek(2));
        let quote = |byte: u8| matches!(byte, b'"' | b'\'');
        match (first, second) {
            (b'r', _) if quote(second) => {
                self.at += 1;
                return self.text(true);
            }
            (b'b', _) if quote(second) => {
                self.at += 1;
                self.text(false);
                return TokenKind::Foreign;
            }
            (b'b', b'r' | b'R') | (b'r', b'b' | b'B') if quote(third) => {
                self.at += 2;
                self.text(true);
                return TokenKind::Foreign;
            }
            _ => {}
        }
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        TokenKind::Ident
    }

    fn number(&mut self) -> TokenKind {
        let mut kind = TokenKind::Int;
        if self.peek(0) == b'0' && self.peek(1) | 0x20 == b'x' && self.peek(2).is_ascii_hexdigit() {
            self.at += 2;
            self.skip_while(|byte| byte.is_ascii_hexdigit());
        } else {
            self.skip_while(|byte| byte.is_ascii_digit());
            if self.peek(0) == b'.' && self.peek(1).is_ascii_digit() {
                kind = TokenKind::Float;
                self.at += 1;
                self.skip_while(|byte| byte.is_ascii_digit());
            }
            let sign = usize::from(matches!(self.peek(1), b'+' | b'-'));
            if self.peek(0) | 0x20 == b'e' && self.peek(1 + sign).is_ascii_digit() {
                kind = TokenKind::Float;
                self.at += 1 + sign;
                self.skip_while(|byte| byte.is_ascii_digit());
            }
        }
        // Digits that run into letters are one malformed token, not a number and a name.
        let end = self.at;
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if self.at > end { TokenKind::Foreign } else { kind }
    }

    fn text(&mut self, raw: bool) -> TokenKind {
        let quote = self.peek(0);
        let triple = self.peek(1) == quote && self.peek(2) == quote;
        self.at += if triple { 3 } else { 1 };
        loop {
            match self.bytes.get(self.at) {
                None => return TokenKind::OpenText,
                Some(b'\\') if !raw => self.at = (self.at + 2).min(self.bytes.len()),
                Some(b'\n' | b'\r') if !triple => return TokenKind::OpenText,
                Some(byte) if *byte == quote && !triple => {
                    self.at += 1;
                    return TokenKind::Text;
                }
                Some(byte) if *byte == quote && self.peek(1) == quote && self.peek(2) == quote => {
                    self.at += 3;
                    return TokenKind::Text;
                }
                Some(_) => self.at += 1,
            }
        }
    }

    fn quoted(&mut self) -> TokenKind {
        self.at += 1;
        self.skip_while(|byte| !matches!(byte, b'`' | b'\n' | b'\r'));
        if self.peek(0) == b'`' {
            self.at += 1;
            return TokenKind::Quoted;
        }
        TokenKind::OpenQuoted
    }

    fn sign(&mut self, first: u8) -> TokenKind {
        use TokenKind as Kind;
        let (kind, width) = match (first, self.peek(1)) {
            (b'(', _) => (Kind::LeftParen, 1),
            (b')', _) => (Kind::RightParen, 1),
            (b'[', _) => (Kind::LeftBracket, 1),
            (b']', _) => (Kind::RightBracket, 1),
            (b'.', _) => (Kind::Dot, 1),
            (b',', _) => (Kind::Comma, 1),
            (b'?', _) => (Kind::Question, 1),
            (b':', _) => (Kind::Colon, 1),
            (b'+', _) => (Kind::Plus, 1),
            (b'-', _) => (Kind::Minus, 1),
            (b'*', _) => (Kind::Star, 1),
            (b'/', _) => (Kind::Slash, 1),
            (b'%', _) => (Kind::Percent, 1),
            (b'!', b'=') => (Kind::NotEqual, 2),
            (b'!', _) => (Kind::Not, 1),
            (b'<', b'=') => (Kind::LessEqual, 2),
            (b'<', b'>') => (Kind::Differs, 2),
            (b'<', _) => (Kind::Less, 1),
            (b'>', b'=') => (Kind::GreaterEqual, 2),
            (b'>', _) => (Kind::Greater, 1),
            (b'=', b'=') => (Kind::Equal, 2),
            (b'=', _) => (Kind::Assign, 1),
            (b'&', b'&') => (Kind::And, 2),
            (b'&', _) => (Kind::Ampersand, 1),
            (b'|', b'|') => (Kind::Or, 2),
            (b'|', _) => (Kind::Bar, 1),
            _ => {
                let rest = self.source.get(self.at..).unwrap_or_default();
                (Kind::Unknown, rest.chars().next().map_or(1, char::len_utf8))
            }
        };
        self.at += width;
        kind
    }
}
