//! What is wrong with JSON, and where?

use thiserror::Error;

use super::{At, Place};
use crate::model::{Faults, nearest, shown};

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
    #[error("document is not JSON at line {line}, column {column}: {message}")]
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
    #[error("unknown {what} `{word}`{hint}")]
    UnknownWord { what: &'static str, word: String, hint: String },
    /// A fault that has no variant of its own.
    #[error("{message}")]
    Other { message: String },
}

impl JsonFaultKind {
    /// A word that is not among the allowed ones: with the one that was probably meant, else with all of them.
    pub(crate) fn unknown_word<'k>(
        what: &'static str,
        word: &str,
        allowed: impl Iterator<Item = &'k str> + Clone,
    ) -> Self {
        Self::UnknownWord { what, word: shown(word), hint: near_or_all(word, "allowed", allowed) }
    }

    /// A field that is not among the known ones, with the same hint.
    pub(crate) fn unknown_field<'k>(name: &str, known: impl Iterator<Item = &'k str> + Clone) -> Self {
        Self::UnknownField { name: shown(name), hint: near_or_all(name, "known", known) }
    }

    /// What a text that is not JSON has wrong, with what people write in its place.
    pub(super) fn syntax(text: &str, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let place = format!(" at line {line} column {column}");
        let cause = message.strip_suffix(&place).unwrap_or(&message);
        let here = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let start = here.char_indices().map(|(at, _)| at).take_while(|at| *at < column).last().unwrap_or(0);
        let mut near = here.get(start..).unwrap_or_default().chars().take(2);
        let found = near.clone().next();
        let message = match found {
            _ if text.trim().is_empty() => "the text is empty".to_owned(),
            _ if near.any(|c| "“”„‘’«»".contains(c)) => {
                "JSON has straight quotes, not typographic ones".to_owned()
            }
            Some('\'') if cause != "trailing characters" => "JSON quotes with \" and not with '".to_owned(),
            found => in_words(cause, found),
        };
        Self::Syntax { line, column, message }
    }
}

/// The near name, or all that there are.
fn near_or_all<'k>(name: &str, all: &'static str, names: impl Iterator<Item = &'k str> + Clone) -> String {
    match nearest(name, names.clone()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; {all}: {}", names.collect::<Vec<_>>().join(", ")),
    }
}

/// The cause that `serde_json` gives for a text that is not JSON.
fn in_words(cause: &str, found: Option<char>) -> String {
    let found = found.map(|found| format!(", found `{found}`")).unwrap_or_default();
    match cause {
        "EOF while parsing a value" => "the text ends where a value is expected".to_owned(),
        "EOF while parsing a list" => "the text ends inside a list; `]` is missing".to_owned(),
        "EOF while parsing an object" => "the text ends inside an object; `}` is missing".to_owned(),
        "EOF while parsing a string" => "the text ends inside quotes; `\"` is missing".to_owned(),
        "expected value" | "expected ident" => {
            format!(
                "expected a value: an object, a list, a text in quotes, a number, true, false or null{found}"
            )
        }
        "expected `:`" => "a colon is missing after a name".to_owned(),
        "expected `,` or `}`" => format!("expected a comma or `}}` after a field{found}"),
        "expected `,` or `]`" => format!("expected a comma or `]` after an item{found}"),
        "trailing comma" => "a comma follows the last item; remove it".to_owned(),
        "trailing characters" => format!("expected the end of the text{found}"),
        "key must be a string" => format!("expected the name of a field in quotes{found}"),
        "invalid escape" => "unknown escape in quotes; write a backslash as `\\\\`".to_owned(),
        "invalid number" => format!("expected a digit of a number{found}"),
        "number out of range" => "the number is out of range".to_owned(),
        "recursion limit exceeded" => "nested deeper than 128 levels".to_owned(),
        control if control.starts_with("control character") => {
            "a line break, tab or other control character in quotes; write it as `\\n`, `\\t` or `\\u0000`"
                .to_owned()
        }
        code if code.contains("hex escape") || code.contains("unicode") => {
            "the escape `\\u` in quotes is no character".to_owned()
        }
        _ => format!("it cannot be read here{found}"),
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
