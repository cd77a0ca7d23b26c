//! What do the fields of one object of a document hold?
//!
//! Each call notes what is wrong with the field it is asked for and gives `None` then, so a reader can go
//! on with the next field. Unknown and repeated fields are noted once, when the object is opened.

use std::collections::HashSet;

use super::tree::Json;
use crate::model::schema_builder::shown;
use crate::model::{Currency, SchemaErrors, SchemaFaultKind, nearest};

/// An object of the document.
pub(super) struct Fields<'j> {
    path: String,
    fields: &'j [(String, Json)],
}

impl<'j> Fields<'j> {
    /// Opens an object that may have the fields `known`; `None` when it is no object.
    pub(super) fn open(
        json: &'j Json,
        path: String,
        known: &[&str],
        faults: &mut SchemaErrors,
    ) -> Option<Self> {
        let Json::Object(fields) = json else {
            faults.note(path, wrong_type("object", json));
            return None;
        };
        let mut seen = HashSet::new();
        for (name, _) in fields {
            if !seen.insert(name) {
                faults.note_with(&path, || SchemaFaultKind::RepeatedField { name: shown(name) });
            } else if !known.contains(&&**name) {
                faults.note_with(&path, || {
                    let hint = match nearest(name, known.iter().copied()) {
                        Some(near) => format!("; did you mean `{near}`?"),
                        None => format!("; known: {}", known.join(", ")),
                    };
                    SchemaFaultKind::UnknownField { name: shown(name), hint }
                });
            }
        }
        Some(Self { path, fields })
    }

    pub(super) fn get(&self, name: &str) -> Option<&'j Json> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The path of a field.
    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Notes the field as missing unless it is there.
    pub(super) fn need(&self, name: &'static str, faults: &mut SchemaErrors) {
        if !self.has(name) {
            faults.note(self.path.clone(), SchemaFaultKind::MissingField { name });
        }
    }

    pub(super) fn text(&self, name: &str, faults: &mut SchemaErrors) -> Option<&'j str> {
        match self.get(name)? {
            Json::Text(text) => Some(text),
            other => self.wrong(name, "text", other, faults),
        }
    }

    pub(super) fn needed_text(&self, name: &'static str, faults: &mut SchemaErrors) -> Option<&'j str> {
        self.need(name, faults);
        self.text(name, faults)
    }

    pub(super) fn list(&self, name: &str, faults: &mut SchemaErrors) -> Option<&'j [Json]> {
        match self.get(name)? {
            Json::List(items) => Some(items),
            other => self.wrong(name, "list", other, faults),
        }
    }

    /// The texts of a list with their places; what else stands in it is noted.
    pub(super) fn texts(&self, name: &str, faults: &mut SchemaErrors) -> Option<Vec<(usize, &'j str)>> {
        let mut texts = Vec::new();
        for (place, item) in self.list(name, faults)?.iter().enumerate() {
            match item {
                Json::Text(text) => texts.push((place, &**text)),
                other => faults.note(format!("{}[{place}]", self.path_of(name)), wrong_type("text", other)),
            }
        }
        Some(texts)
    }

    pub(super) fn whole_number(&self, name: &str, faults: &mut SchemaErrors) -> Option<u64> {
        let expected = "a whole number from 0";
        let value = self.get(name)?;
        match (value.whole_number(), value) {
            (Some(number), _) => Some(number),
            (None, Json::Number(number)) => {
                let found = shown(&number.to_string());
                faults.note(self.path_of(name), SchemaFaultKind::WrongType { expected, found });
                None
            }
            (None, other) => self.wrong(name, expected, other, faults),
        }
    }

    pub(super) fn needed_currency(&self, faults: &mut SchemaErrors) -> Option<Currency> {
        let code = self.needed_text("currency", faults)?;
        let known = code.parse().map_err(SchemaFaultKind::UnknownCurrency);
        known.map_err(|kind| faults.note(self.path_of("currency"), kind)).ok()
    }

    /// What the word in a field stands for.
    pub(super) fn word<T: Copy>(
        &self,
        name: &str,
        what: &'static str,
        words: &[(&'static str, T)],
        faults: &mut SchemaErrors,
    ) -> Option<T> {
        let word = self.text(name, faults)?;
        let meaning = words.iter().find(|(known, _)| *known == word).map(|(_, meaning)| *meaning);
        if meaning.is_none() {
            let allowed: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
            let (word, allowed) = (shown(word), allowed.join(", "));
            faults.note(self.path_of(name), SchemaFaultKind::UnknownWord { what, word, allowed });
        }
        meaning
    }

    pub(super) fn needed_word<T: Copy>(
        &self,
        name: &'static str,
        what: &'static str,
        words: &[(&'static str, T)],
        faults: &mut SchemaErrors,
    ) -> Option<T> {
        self.need(name, faults);
        self.word(name, what, words, faults)
    }

    /// Notes a field that holds something else than expected.
    pub(super) fn wrong<T>(
        &self,
        name: &str,
        expected: &'static str,
        found: &Json,
        faults: &mut SchemaErrors,
    ) -> Option<T> {
        faults.note(self.path_of(name), wrong_type(expected, found));
        None
    }
}

fn wrong_type(expected: &'static str, found: &Json) -> SchemaFaultKind {
    SchemaFaultKind::WrongType { expected, found: found.word().to_owned() }
}
