//! What is wrong with an expression, where, and what to write instead?

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A part of a source text: bytes from `start` up to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// The bytes from `start` up to `end`.
    #[must_use]
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// From the start of this to the end of another.
    #[must_use]
    pub const fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end }
    }

    /// The text in it; empty when it lies outside.
    #[must_use]
    pub fn text(self, source: &str) -> &str {
        source.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The same part counted in UTF-16 code units, as editors in browsers count.
    #[must_use]
    pub fn utf16(self, source: &str) -> Self {
        let count = |end: u32| {
            let units = source.char_indices().take_while(|(at, _)| *at < end as usize);
            u32::try_from(units.map(|(_, c)| c.len_utf16()).sum::<usize>()).unwrap_or(u32::MAX)
        };
        Self { start: count(self.start), end: count(self.end) }
    }
}

macro_rules! codes {
    ($($code:ident $text:literal)*) => {
        /// The stable code of a diagnostic: `E` for errors, `W` for lints.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $text] $code,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// What it means, in a few words.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$code => $text,)* }
            }

            /// The code as text: `E101`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$code => stringify!($code),)* }
            }
        }
    };
}

codes! {
    E101 "unknown name"
    E102 "not one of the allowed values"
    E103 "types differ"
    E104 "currencies differ"
    E105 "an operator of another language"
    E106 "not a yes/no question"
    E107 "null"
    E108 "lambda variable unused"
    E109 "too costly"
    E110 "unbalanced or unfinished"
    E111 "malformed literal"
    E112 "arguments"
    E113 "the outer account inside a walk"
    E114 "malformed JSON"
    E115 "the status inside a walk that leaves out cancelled accounts"
    E301 "too large"
    E302 "nested too deeply"
    E303 "literal too long"
    E304 "too long a chain of segments"
    E305 "too costly for all accounts"
    W201 "accounts with no value"
    W202 "integer division"
    W203 "always the same answer"
    W204 "lambda variable unused"
    W205 "always missing"
    W206 "rows with no value"
    W207 "not in the book"
    W208 "no rate of exchange"
    W209 "more days than are kept"
    W210 "the total of events that are alike"
}

impl Code {
    /// Is it a lint, which does not stop an expression?
    #[must_use]
    pub const fn is_lint(self) -> bool {
        matches!(self.as_str().as_bytes(), [b'W', ..])
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A change of the source text that a machine may make: replace what stands at `span`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Edit {
    /// What to replace; empty for an insertion.
    pub span: Span,
    /// By what.
    pub text: Arc<str>,
}

/// One error or lint.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Diagnostic {
    code: Code,
    span: Span,
    utf16: Span,
    message: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edit: Option<Edit>,
    /// The attribute of accounts whose missing values it speaks of.
    #[serde(skip)]
    about: Option<Arc<str>>,
}

impl Diagnostic {
    /// A diagnostic at a part of a source text.
    #[must_use]
    pub(crate) fn new(code: Code, source: &str, span: Span, message: impl Into<Arc<str>>) -> Self {
        Self { code, span, utf16: span.utf16(source), message: message.into(), edit: None, about: None }
    }

    pub(crate) fn with_edit(mut self, edit: Option<(Span, String)>) -> Self {
        self.edit = edit.map(|(span, text)| Edit { span, text: text.into() });
        self
    }

    pub(super) fn with_about(mut self, about: Option<Arc<str>>) -> Self {
        self.about = about;
        self
    }

    pub(super) const fn about(&self) -> Option<&Arc<str>> {
        self.about.as_ref()
    }

    /// The same with another message.
    pub(super) fn saying(mut self, message: String) -> Self {
        self.message = message.into();
        self
    }

    /// Its stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// Where, in bytes of the source text.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// Where, in UTF-16 code units of the source text.
    #[must_use]
    pub const fn utf16(&self) -> Span {
        self.utf16
    }

    /// What is wrong and what to do, in the user's words.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The change that mends it, where there is one that needs no judgement.
    #[must_use]
    pub const fn edit(&self) -> Option<&Edit> {
        self.edit.as_ref()
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// All that is wrong with an expression, in the order of the source text.
///
/// Its `Display` shows each diagnostic below the line that it speaks of:
///
/// ```
/// use perennial::expr::Ast;
///
/// let errors = Ast::parse("region = \"EMEA\"").unwrap_err();
/// assert_eq!(
///     errors.to_string(),
///     "E105 region = \"EMEA\"\n            ^ comparison is `==` [replace by `==`]"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExprErrors {
    source: Arc<str>,
    diagnostics: Vec<Diagnostic>,
    more: usize,
}

impl ExprErrors {
    pub(crate) fn new(source: Arc<str>, mut diagnostics: Vec<Diagnostic>, more: usize) -> Self {
        diagnostics.sort_by_key(|diagnostic| diagnostic.span);
        Self { source, diagnostics, more }
    }

    /// The source text that the spans count in.
    #[must_use]
    pub fn source_text(&self) -> &str {
        &self.source
    }

    /// Each error, in the order of the text.
    #[must_use]
    pub fn all(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// How many errors there are beyond the limit of those that are described.
    #[must_use]
    pub const fn more(&self) -> usize {
        self.more
    }
}

impl fmt::Display for ExprErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, diagnostic) in self.diagnostics.iter().enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&diagnostic.beside(&self.source))?;
        }
        if self.more > 0 {
            write!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for ExprErrors {}

impl Diagnostic {
    /// The diagnostic below the line of the source text that it speaks of.
    #[must_use]
    pub fn beside(&self, source: &str) -> String {
        let start = self.span.start as usize;
        let before = source.get(..start).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = source.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
        let indent = before.len().saturating_sub(line_start);
        let indent = line.get(..indent).unwrap_or(line).chars().count();
        let inside = self.span.text(source).lines().next().unwrap_or_default();
        let carets = "^".repeat(inside.chars().count().max(1));
        let edit = match &self.edit {
            None => String::new(),
            Some(edit) if edit.span.start == edit.span.end => format!(" [insert `{}`]", edit.text),
            Some(edit) if edit.text.is_empty() => " [remove]".to_owned(),
            Some(edit) => format!(" [replace by `{}`]", edit.text),
        };
        format!("{} {line}\n{:indent$}     {carets} {}{edit}", self.code, "", self.message)
    }
}

/// Collects diagnostics up to a limit, and counts those beyond it.
#[derive(Debug)]
pub(super) struct Collector {
    pub(super) source: Arc<str>,
    pub(super) errors: Vec<Diagnostic>,
    pub(super) lints: Vec<Diagnostic>,
    more: usize,
    limit: usize,
}

impl Collector {
    pub(super) const fn new(source: Arc<str>, limit: usize) -> Self {
        Self { source, errors: Vec::new(), lints: Vec::new(), more: 0, limit }
    }

    pub(super) fn add(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<Arc<str>>,
        edit: Option<(Span, String)>,
    ) {
        self.add_about(code, span, message, edit, None);
    }

    /// As [`Self::add`], of the missing values of an attribute.
    pub(super) fn add_about(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<Arc<str>>,
        edit: Option<(Span, String)>,
        about: Option<Arc<str>>,
    ) {
        let list = if code.is_lint() { &mut self.lints } else { &mut self.errors };
        if list.len() >= self.limit {
            self.more += usize::from(!code.is_lint());
            return;
        }
        let diagnostic = Diagnostic::new(code, &self.source, span, message).with_edit(edit).with_about(about);
        // One fault at one place is said once; a lint once for each name that it speaks of.
        let same = |known: &Diagnostic| {
            known.span == diagnostic.span && known.code == diagnostic.code && known.about == diagnostic.about
        };
        if !list.iter().any(same) {
            list.push(diagnostic);
        }
    }

    pub(super) fn full(&self) -> bool {
        self.errors.len() >= self.limit
    }

    pub(super) fn into_errors(self) -> ExprErrors {
        ExprErrors::new(self.source, self.errors, self.more)
    }
}
