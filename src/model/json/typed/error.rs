//! What does serde refuse, in the words of a document?

use std::fmt::{self, Display};

use serde::de::{Error, Expected, Unexpected};

use super::edits::Edit;
use crate::model::json::{JsonFault, JsonFaultKind, Place};
use crate::model::shown;

/// A fault of one value. It gets its place on the way out of the value that has it.
#[derive(Debug)]
pub(super) struct TypedError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: JsonFaultKind,
    about: About,
    /// Where it is, once that is known.
    place: Option<String>,
    /// What is replaced by what, so that the next fault is found.
    mend: Option<(String, Edit)>,
    /// Is the wrong value a gap?
    in_gap: bool,
}

/// Which part of a value is wrong.
#[derive(Debug, Clone)]
enum About {
    Whole,
    Missing(&'static str),
    Unknown(String),
}

impl TypedError {
    pub(super) fn new(kind: JsonFaultKind) -> Self {
        Self::about(About::Whole, kind)
    }

    fn about(about: About, kind: JsonFaultKind) -> Self {
        Self(Box::new(Inner { kind, about, place: None, mend: None, in_gap: false }))
    }

    /// The same of the value at a place, unless it is known to be of a part of it.
    pub(super) fn at(mut self, place: &Place<'_>, is_gap: bool) -> Self {
        let inner = &mut *self.0;
        if is_gap {
            // Whatever is wrong inside of a gap is made up.
            (inner.place, inner.mend, inner.in_gap) = (Some(place.to_string()), None, true);
        } else if inner.place.is_none() {
            inner.mend = Some(match &inner.about {
                About::Whole => (place.to_string(), Edit::Gap(0)),
                About::Missing(field) => (place.field(field).to_string(), Edit::Gap(0)),
                About::Unknown(field) => (place.field(field).to_string(), Edit::Dropped),
            });
            inner.place = Some(place.to_string());
        }
        self
    }

    /// The same on its way out of an item of a list: an item whose gap does not help is left out.
    pub(super) fn out_of_item(mut self) -> Self {
        if self.0.mend.is_none() {
            self.0.mend = self.0.place.clone().map(|place| (place, Edit::Dropped));
        }
        self
    }

    /// The same on its way out of a field of an object, which becomes a gap if that of its field does not help.
    pub(super) fn out_of_field(mut self, object: &Place<'_>) -> Self {
        if self.0.mend.is_none() {
            self.0.mend = Some((object.to_string(), Edit::Gap(0)));
        }
        self
    }

    /// Is it one that only a gap causes?
    pub(super) const fn is_consequence(&self) -> bool {
        self.0.in_gap
    }

    /// The place of the gap that causes it.
    pub(super) fn gap(&self) -> Option<&str> {
        self.0.place.as_deref().filter(|_| self.0.in_gap)
    }

    pub(super) fn mend(&self) -> Option<(&str, Edit)> {
        self.0.mend.as_ref().map(|(place, edit)| (place.as_str(), *edit))
    }

    /// The faults that it reports. A type with a reader of its own reports several, one a line, each with its place within the part.
    pub(super) fn faults(&self, root: &Place<'_>) -> Vec<JsonFault> {
        let path = self.0.place.clone().unwrap_or_else(|| root.to_string());
        let JsonFaultKind::Other { message } = &self.0.kind else {
            return vec![JsonFault { path, kind: self.0.kind.clone() }];
        };
        let mut faults: Vec<(String, String)> = Vec::new();
        for line in message.lines() {
            let placed = line.strip_prefix("at `/").and_then(|line| line.split_once("`: "));
            match (placed, faults.last_mut()) {
                (Some((below, what)), _) => faults.push((format!("{path}/{below}"), what.to_owned())),
                (None, Some((_, last))) if line.starts_with(' ') => {
                    last.push('\n');
                    last.push_str(line);
                }
                (None, _) => faults.push((path.clone(), line.to_owned())),
            }
        }
        let kind = |message| JsonFaultKind::Other { message };
        faults.into_iter().map(|(path, message)| JsonFault { path, kind: kind(message) }).collect()
    }
}

impl Display for TypedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0.kind, f)
    }
}

impl std::error::Error for TypedError {}

impl Error for TypedError {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(JsonFaultKind::Other { message: message.to_string() })
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = words(expected).unwrap_or_else(|| "something else".to_owned());
        Self::new(JsonFaultKind::WrongType { expected, found: found_words(found) })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(found: usize, expected: &dyn Expected) -> Self {
        let expected = words(expected).unwrap_or_else(|| "a list of another length".to_owned());
        Self::new(JsonFaultKind::WrongType { expected, found: format!("{found} items") })
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Self::new(JsonFaultKind::unknown_word("word", word, known.iter().copied()))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        let kind = JsonFaultKind::unknown_field(field, known.iter().copied());
        Self::about(About::Unknown(field.to_owned()), kind)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::about(About::Missing(field), JsonFaultKind::MissingField { name: field.to_owned() })
    }

    fn duplicate_field(_: &'static str) -> Self {
        Self::new(JsonFaultKind::DuplicateField)
    }
}

/// What a type says that it expects, in the words of a document; `None` where it only names itself.
pub(super) fn words(expected: &dyn Expected) -> Option<String> {
    let text = expected.to_string();
    Some(match text.as_str() {
        "a string" | "a borrowed string" | "string" | "a character" => "a text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" | "an array" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        "unit" | "option" => return None,
        "f32" | "f64" => "a number".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number from 0".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number".to_owned(),
        other => {
            let is_of_rust =
                ["struct ", "enum ", "variant ", "tuple", "identifier", "an array of", "element"];
            return (!is_of_rust.iter().any(|word| other.contains(word))).then(|| other.to_owned());
        }
    })
}

fn found_words(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Float(number) => number.to_string(),
        Unexpected::Char(letter) => format!("the text `{letter}`"),
        Unexpected::Str(text) => format!("the text `{}`", shown(text)),
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map | Unexpected::StructVariant => "an object".to_owned(),
        _ => "something else".to_owned(),
    }
}
