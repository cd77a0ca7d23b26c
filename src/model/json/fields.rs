//! What do the fields of one object of a document hold?
//!
//! Each call notes what is wrong with the field that it is asked for and gives `None` then, so that a reader goes on with the
//! next field. Unknown fields are noted once, when the object is opened.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{JsonFault, JsonFaultKind, Place, read};
use crate::model::{Faults, shown};

/// An object of a document, and its place.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'j, 'p> {
    fields: &'j Map<String, Value>,
    place: Place<'p>,
}

impl<'j, 'p> Fields<'j, 'p> {
    /// Opens an object that may have the fields `known`; `None` when it is no object.
    pub(crate) fn open<F: From<JsonFault>>(
        json: &'j Value,
        place: Place<'p>,
        known: &[&str],
        faults: &mut Faults<F>,
    ) -> Option<Self> {
        match json {
            Value::Object(fields) => {
                let fields = Self::of(fields, place);
                fields.only(known, faults);
                Some(fields)
            }
            other => {
                faults.refuse(&place, || wrong_type("an object", other));
                None
            }
        }
    }

    /// Opens a whole document, whose version is the first of the fields that it may have. What another version means by its
    /// fields is unknown, so that their faults would be guesses: it has the one fault that it is another.
    pub(crate) fn document<F: From<JsonFault>>(
        json: &'j Value,
        version: u64,
        known: &[&'static str],
        faults: &mut Faults<F>,
    ) -> Option<Fields<'j, 'static>> {
        let field = known.first().copied().unwrap_or_default();
        if let Some(other) = json.get(field).and_then(Value::as_u64).filter(|other| *other != version) {
            let kind = || JsonFaultKind::Version { version: other, understood: version };
            faults.refuse(&Place::ROOT.field(field), kind);
            return None;
        }
        let fields = Fields::open(json, Place::ROOT, known, faults)?;
        fields.need(field, faults);
        fields.whole_number(field, faults);
        Some(fields)
    }

    /// An object whose unknown fields mean nothing, or are noted by the reader.
    pub(crate) const fn of(fields: &'j Map<String, Value>, place: Place<'p>) -> Self {
        Self { fields, place }
    }

    /// Notes every field that is not among `known`.
    pub(crate) fn only<F: From<JsonFault>>(&self, known: &[&str], faults: &mut Faults<F>) {
        for name in self.fields.keys().filter(|name| !known.contains(&name.as_str())) {
            let known = known.iter().copied();
            faults.refuse(&self.place, || JsonFaultKind::unknown_field(name, known));
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'j Value> {
        self.fields.get(name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// The place of the object.
    pub(crate) const fn place(&self) -> &Place<'p> {
        &self.place
    }

    /// The place of a field.
    pub(crate) const fn at<'s>(&'s self, name: &'s str) -> Place<'s> {
        self.place.field(name)
    }

    /// The field, which is noted as missing unless it is there.
    pub(crate) fn need<F: From<JsonFault>>(&self, name: &str, faults: &mut Faults<F>) -> Option<&'j Value> {
        let value = self.get(name);
        if value.is_none() {
            faults.refuse(&self.place, || JsonFaultKind::MissingField { name: name.to_owned() });
        }
        value
    }

    pub(crate) fn text<F: From<JsonFault>>(&self, name: &str, faults: &mut Faults<F>) -> Option<&'j str> {
        match self.get(name)? {
            Value::String(text) => Some(text),
            other => self.wrong(name, "a text", other, faults),
        }
    }

    pub(crate) fn needed_text<F: From<JsonFault>>(
        &self,
        name: &str,
        faults: &mut Faults<F>,
    ) -> Option<&'j str> {
        self.need(name, faults)?;
        self.text(name, faults)
    }

    /// A text to be kept; null is as if the field were not there.
    pub(crate) fn kept_text<F: From<JsonFault>>(
        &self,
        name: &str,
        faults: &mut Faults<F>,
    ) -> Option<Arc<str>> {
        self.get(name).filter(|value| !value.is_null())?;
        self.text(name, faults).map(Arc::from)
    }

    /// False where the field is not there.
    pub(crate) fn truth<F: From<JsonFault>>(&self, name: &str, faults: &mut Faults<F>) -> Option<bool> {
        match self.get(name) {
            None => Some(false),
            Some(Value::Bool(truth)) => Some(*truth),
            Some(other) => self.wrong(name, "true or false", other, faults),
        }
    }

    pub(crate) fn list<F: From<JsonFault>>(&self, name: &str, faults: &mut Faults<F>) -> Option<&'j [Value]> {
        match self.get(name)? {
            Value::Array(items) => Some(items),
            other => self.wrong(name, "a list", other, faults),
        }
    }

    /// The texts of a list with their places; what else is in it is noted.
    pub(crate) fn texts<F: From<JsonFault>>(
        &self,
        name: &str,
        faults: &mut Faults<F>,
    ) -> Option<Vec<(usize, &'j str)>> {
        let mut texts = Vec::new();
        for (number, item) in self.list(name, faults)?.iter().enumerate() {
            match item {
                Value::String(text) => texts.push((number, &**text)),
                other => faults.refuse(&self.at(name).item(number), || wrong_type("a text", other)),
            }
        }
        Some(texts)
    }

    pub(crate) fn whole_number<F: From<JsonFault>>(&self, name: &str, faults: &mut Faults<F>) -> Option<u64> {
        let value = self.get(name)?;
        value.as_u64().or_else(|| self.wrong(name, "a whole number from 0", value, faults))
    }

    /// The value that the word in a field names.
    pub(crate) fn word<T: Copy, F: From<JsonFault>>(
        &self,
        name: &str,
        what: &'static str,
        words: &[(&'static str, T)],
        faults: &mut Faults<F>,
    ) -> Option<T> {
        let word = self.text(name, faults)?;
        let meaning = words.iter().find(|(known, _)| *known == word).map(|(_, meaning)| *meaning);
        if meaning.is_none() {
            let allowed = words.iter().map(|(known, _)| *known);
            faults.refuse(&self.at(name), || JsonFaultKind::unknown_word(what, word, allowed));
        }
        meaning
    }

    pub(crate) fn needed_word<T: Copy, F: From<JsonFault>>(
        &self,
        name: &str,
        what: &'static str,
        words: &[(&'static str, T)],
        faults: &mut Faults<F>,
    ) -> Option<T> {
        self.need(name, faults)?;
        self.word(name, what, words, faults)
    }

    /// The value of a field, of a type that serde knows.
    pub(crate) fn decoded<T: DeserializeOwned, F: From<JsonFault>>(
        &self,
        name: &str,
        faults: &mut Faults<F>,
    ) -> Option<T> {
        read(self.get(name)?, &self.at(name), faults)
    }

    /// The items of a list, of a type that serde knows.
    pub(crate) fn decoded_items<T: DeserializeOwned, F: From<JsonFault>>(
        &self,
        name: &str,
        faults: &mut Faults<F>,
    ) -> Vec<T> {
        let list = self.at(name);
        let items = self.list(name, faults).unwrap_or_default().iter().enumerate();
        items.filter_map(|(number, item)| read(item, &list.item(number), faults)).collect()
    }

    /// Notes a field that holds something else than expected.
    pub(crate) fn wrong<T, F: From<JsonFault>>(
        &self,
        name: &str,
        expected: &str,
        other: &Value,
        faults: &mut Faults<F>,
    ) -> Option<T> {
        faults.refuse(&self.at(name), || wrong_type(expected, other));
        None
    }
}

/// What a value is that is not what was expected.
pub(crate) fn wrong_type(expected: impl Into<String>, other: &Value) -> JsonFaultKind {
    JsonFaultKind::WrongType { expected: expected.into(), found: found(other) }
}

/// A value in a few words, for messages.
pub(crate) fn found(json: &Value) -> String {
    match json {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) => format!("the text `{}`", shown(text)),
        other => other.to_string(),
    }
}
