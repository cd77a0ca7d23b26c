//! What does every import keep while it reads?

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json, json};

use super::{ImportErrors, ImportFault, Imported, Importer, MAX_IMPORT_FAULTS, NeededKind, NeededName};
use crate::expr::{Ast, Name, Of, Type, WIRE_VERSION, name_parts};
use crate::model::DocumentVersion;
use crate::model::{Fields, JsonDocument, Place, shown, wrong_type};

/// How deep queries nest at most; expressions nest no deeper.
pub(super) const MAX_NESTING: usize = 64;

/// A name, the table that it is a column of, and whether it is the id of a segment.
type NameKey = (Arc<str>, Option<Arc<str>>, bool);

/// An import on its way. Expressions are put together in their wire form, so that no name and no text is ever taken for
/// something else.
pub(super) struct Reader<'i> {
    pub(super) importer: &'i Importer<'i>,
    faults: ImportErrors,
    names: IndexMap<NameKey, NeededName>,
    notes: Vec<ImportFault>,
}

impl<'i> Reader<'i> {
    pub(super) fn new(importer: &'i Importer<'i>) -> Self {
        Self {
            importer,
            faults: ImportErrors::within(MAX_IMPORT_FAULTS),
            names: IndexMap::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn fault<T>(&mut self, path: &str, message: impl Into<String>) -> Option<T> {
        self.faults.add(|| ImportFault::new(path, message));
        None
    }

    /// As [`Reader::fault`]: what is read is not sound.
    pub(super) fn unsound(&mut self, path: &str, message: &str) -> bool {
        self.fault::<()>(path, message).is_some()
    }

    pub(super) fn note(&mut self, path: &str, message: impl Into<String>) {
        let message = message.into();
        let known = self.notes.iter().any(|note| note.message == message);
        if !known && self.notes.len() < MAX_IMPORT_FAULTS {
            self.notes.push(ImportFault::new(path, message));
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// What is known of a name of accounts.
    pub(super) fn known(&self, name: &str) -> Option<Name> {
        let names = self.importer.names?;
        let of_another = || name.strip_prefix("parent.").or_else(|| name.strip_prefix("root."));
        names.name(Of::Account, name).or_else(|| names.name(Of::Account, of_another()?))
    }

    /// The type of a name of accounts, where it is known.
    pub(super) fn type_of(&self, name: &str) -> Option<Type> {
        self.known(name).map(|name| name.kind().clone())
    }

    /// A name of the other tool as it is here.
    pub(super) fn renamed(&self, theirs: &str) -> String {
        self.importer.renames.get(theirs).cloned().unwrap_or_else(|| theirs.to_owned())
    }

    /// A name that is read, as an expression; a dotted one is one name in a namespace. `row` is the table and the
    /// variable of the row that it is a column of.
    pub(super) fn name(
        &mut self,
        name: &str,
        row: Option<(&str, &str)>,
        kind: NeededKind,
        path: &str,
    ) -> Option<Json> {
        let mut parts = name_parts(name);
        if let Some((_, variable)) = row {
            parts.insert(0, variable);
        }
        let read = json!({ "attr": parts });
        let whole = json!({ "v": WIRE_VERSION, "expr": read });
        if let Err(errors) = Ast::from_json(&whole, &self.importer.limits) {
            let why = errors.faults().first().map(|fault| fault.message.clone()).unwrap_or_default();
            let name = shown(name);
            return self.fault(path, format!("`{name}` cannot be a name here: {why}"));
        }
        self.needs(name, row.map(|(table, _)| table), kind, path);
        Some(read)
    }

    /// A saved segment that is asked, by its id.
    pub(super) fn segment(&mut self, id: &str, path: &str) -> Json {
        self.needs(id, None, NeededKind::Segment, path);
        op("inSegment", vec![json!({ "lit": { "text": id } })])
    }

    fn needs(&mut self, name: &str, table: Option<&str>, kind: NeededKind, path: &str) {
        let key: NameKey = (Arc::from(name), table.map(Arc::from), kind == NeededKind::Segment);
        self.names.entry(key).or_insert_with_key(|(name, table, _)| NeededName {
            name: name.clone(),
            table: table.clone(),
            kind,
            path: path.to_owned(),
        });
    }

    /// The expression of a wire form.
    pub(super) fn expression(&mut self, node: &Json, path: &str) -> Option<Ast> {
        let whole = json!({ "v": WIRE_VERSION, "expr": node });
        match Ast::from_json(&whole, &self.importer.limits) {
            Ok(ast) => Some(ast),
            Err(errors) => {
                for fault in errors.faults() {
                    self.fault::<()>(path, fault.message.clone());
                }
                None
            }
        }
    }

    /// Ends with an expression.
    pub(super) fn finish(mut self, node: Option<Json>) -> Result<Imported, ImportErrors> {
        let expression = match node {
            Some(node) if self.is_sound() => self.expression(&node, ""),
            _ => None,
        };
        match expression {
            Some(expression) if self.is_sound() => Ok(Imported {
                v: DocumentVersion,
                expression,
                names: self.names.into_values().collect(),
                notes: self.notes,
            }),
            _ => Err(self.errors()),
        }
    }

    pub(super) fn errors(self) -> ImportErrors {
        self.faults
    }

    pub(super) fn into_parts(self) -> (Vec<NeededName>, Vec<ImportFault>) {
        (self.names.into_values().collect(), self.notes)
    }

    /// Something else than expected.
    pub(super) fn wrong<T>(&mut self, path: &str, expected: &str, other: &Json) -> Option<T> {
        self.faults.refuse(&Place::at(path), || wrong_type(expected, other));
        None
    }

    /// The field of an object as a text.
    pub(super) fn text<'j>(
        &mut self,
        object: &'j Map<String, Json>,
        field: &str,
        path: &str,
    ) -> Option<&'j str> {
        Fields::of(object, Place::at(path)).needed_text(field, &mut self.faults)
    }

    /// The field of an object, which is a fault unless it is there.
    pub(super) fn need<'j>(
        &mut self,
        object: &'j Map<String, Json>,
        field: &str,
        path: &str,
    ) -> Option<&'j Json> {
        Fields::of(object, Place::at(path)).need(field, &mut self.faults)
    }

    /// The field of an object as a list; none where it is not there.
    pub(super) fn items<'j>(
        &mut self,
        object: &'j Map<String, Json>,
        field: &str,
        path: &str,
    ) -> Option<&'j [Json]> {
        Fields::of(object, Place::at(path)).list(field, &mut self.faults)
    }

    /// The field of an object as true or false; false where it is not there, or null.
    pub(super) fn truth(&mut self, object: &Map<String, Json>, field: &str, path: &str) -> Option<bool> {
        match object.get(field) {
            Some(Json::Null) => Some(false),
            _ => Fields::of(object, Place::at(path)).truth(field, &mut self.faults),
        }
    }
}

/// An operation in the wire form; of one argument it is that, where the operation joins several.
pub(super) fn op(name: &str, mut arguments: Vec<Json>) -> Json {
    if arguments.len() == 1 && matches!(name, "and" | "or" | "add" | "mul") {
        return arguments.pop().unwrap_or_default();
    }
    // By hand, since `json!` would write the arguments out once more at each level.
    let parts = [("op", Json::from(name)), ("args", Json::Array(arguments))];
    Json::Object(parts.into_iter().map(|(key, part)| (key.to_owned(), part)).collect())
}

#[expect(clippy::needless_pass_by_value, reason = "parts are handed over, as to `op`")]
pub(super) fn not(inner: Json) -> Json {
    json!({ "op": "not", "args": [inner] })
}

pub(super) fn parse(text: &str) -> Result<Json, ImportErrors> {
    let mut faults = ImportErrors::within(MAX_IMPORT_FAULTS);
    let document = JsonDocument::parse(text, &mut faults);
    faults.or(document).map(|document| document.value)
}
