//! What is wrong with JSON, and where?

use thiserror::Error;

use super::{At, Place};
use crate::model::Faults;

/// Something wrong with JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{kind}", At(path))]
#[non_exhaustive]
pub struct JsonFault {
    /// Where: a JSON pointer, `/attributes/3/values`, counted from 0; empty for the document as a whole.
    pub path: String,
    /// What.
    pub kind: JsonFaultKind,
}

/// What is wrong with the JSON of a document.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum JsonFaultKind {
    #[error("document is no JSON at line {line}, column {column}: {message}")]
    Syntax { line: usize, column: usize, message: String },
    #[error("unsupported version {version} (this release reads {understood})")]
    Version { version: u64, understood: u64 },
    #[error("unknown field `{name}`{hint}")]
    UnknownField { name: String, hint: String },
    #[error("duplicate field")]
    DuplicateField,
    #[error("missing field `{name}`")]
    MissingField { name: String },
    #[error("expected {expected}, found {found}")]
    WrongType { expected: String, found: String },
    #[error("unknown {what} `{word}`; allowed: {allowed}")]
    UnknownWord { what: &'static str, word: String, allowed: String },
    /// A fault that has no variant of its own.
    #[error("{message}")]
    Other { message: String },
}

impl JsonFaultKind {
    /// What a text that is no JSON has wrong, with what people write in its place.
    pub(super) fn syntax(text: &str, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let place = format!(" at line {line} column {column}");
        let message = message.strip_suffix(&place).unwrap_or(&message);
        let here = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let start = here.char_indices().map(|(at, _)| at).take_while(|at| *at < column).last().unwrap_or(0);
        let mut near = here.get(start..).unwrap_or_default().chars().take(2);
        let hint = match near.clone().next() {
            _ if near.any(|c| "“”„‘’«»".contains(c)) => {
                "; JSON has straight quotes, not typographic ones"
            }
            Some('\'') => "; JSON quotes with \" and not with '",
            _ if message.contains("expected `:`") => "; a colon is missing after a name",
            _ if message.contains("trailing comma") => "; a comma stands after the last item",
            _ => "",
        };
        Self::Syntax { line, column, message: format!("{message}{hint}") }
    }
}

impl<F> Faults<F> {
    /// Notes what is wrong at a place.
    pub(crate) fn refuse(&mut self, place: &Place<'_>, kind: impl FnOnce() -> JsonFaultKind)
    where
        F: From<JsonFault>,
    {
        self.add(|| JsonFault { path: place.to_string(), kind: kind() }.into());
    }

    /// As [`Faults::refuse`], in words.
    pub(crate) fn refuse_as(&mut self, place: &Place<'_>, message: impl Into<String>)
    where
        F: From<JsonFault>,
    {
        self.refuse(place, || JsonFaultKind::Other { message: message.into() });
    }
}
