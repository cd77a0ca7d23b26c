//! How does a schema read as JSON?
//!
//! People write these documents, so every fault is reported at once with its path. Reading goes in three
//! steps: text to a small tree that keeps what a map would lose (`tree`), tree to the parts of a
//! [`SchemaBuilder`](super::SchemaBuilder) (`reader`), and the checks of the builder, which are those of a
//! schema in code. Writing goes back through the same tree (`writer`).
//!
//! What the words of a document mean stands here, once, for both directions.

mod fields;
mod reader;
#[cfg(test)]
mod tests;
mod tree;
mod writer;

#[cfg(feature = "snapshot")]
use super::Attribute;
use super::limits::MAX_SCHEMA_BYTES;
use super::{CaseRule, Nesting, Schema, SchemaErrors, SchemaFault, SchemaFaultKind, StatusGroup};
pub(super) use tree::Json;

/// The version that this library writes, and the only one it reads.
const VERSION: u64 = 1;

/// Field of the version, at the top of every document.
const VERSION_FIELD: &str = "perennial_schema";

const NESTINGS: [(&str, Nesting); 2] = [("ordered", Nesting::Ordered), ("free", Nesting::Free)];
const CASES: [(&str, CaseRule); 2] = [("exact", CaseRule::Exact), ("folded", CaseRule::Folded)];
const GROUPS: [(&str, StatusGroup); 3] = [
    (StatusGroup::Free.word(), StatusGroup::Free),
    (StatusGroup::Paying.word(), StatusGroup::Paying),
    (StatusGroup::Cancelled.word(), StatusGroup::Cancelled),
];

impl Schema {
    /// Reads a schema from its JSON document.
    ///
    /// The document is an object with these fields; all but the first two may be left out:
    ///
    /// * `perennial_schema`: the version of the format, `1`;
    /// * `account_types`: objects with `name` and `nesting` (`ordered` or `free`), highest type first;
    /// * `products`: names;
    /// * `attributes`: objects with `name` and `type`, and what the type needs: `currency` for `money`,
    ///   `scale` for `decimal`, `values` for `enum` and `band`. Or, for a system attribute, `system` with
    ///   its name, with `values` for `journey_stage`, `values` of `value` and `group` for `status`, and
    ///   `currency` for `contract_value`. Either may carry `label`, `description`, `unit`, `dimension`,
    ///   `case` (`exact` or `folded`), `max_bytes`, `applies_to` (names of account types) and `required`
    ///   (`true`, or names of account types);
    /// * `tables`: objects with `name`, `kind` and `columns`, perhaps with `label`. Columns look like
    ///   attributes, and may be of type `mixed_money` with a `currency_column`.
    ///
    /// A byte order mark at the start is skipped.
    ///
    /// # Errors
    ///
    /// [`SchemaErrors`] with every fault of the document in its order, up to a thousand: unknown and
    /// repeated fields, values of the wrong type, and whatever [`SchemaBuilder::build`] refuses. Text that
    /// is no JSON, or is larger than [`MAX_SCHEMA_BYTES`], has that one fault.
    ///
    /// [`SchemaBuilder::build`]: super::SchemaBuilder::build
    ///
    /// # Example
    ///
    /// ```
    /// use perennial::Schema;
    ///
    /// let schema = Schema::from_json(
    ///     r#"{
    ///         "perennial_schema": 1,
    ///         "account_types": [{ "name": "Company", "nesting": "free" }],
    ///         "attributes": [
    ///             { "system": "name", "required": true },
    ///             { "system": "status", "values": [{ "value": "active", "group": "paying" }] },
    ///             { "name": "seats", "type": "int", "label": "Seats" }
    ///         ]
    ///     }"#,
    /// )?;
    /// assert_eq!(schema.attributes().len(), 3);
    /// assert_eq!(Schema::from_json(&schema.to_json())?, schema);
    ///
    /// let wrong = r#"{ "perennial_schema": 1, "account_types": [{ "name": "Company", "nestin": "free" }] }"#;
    /// let faults = Schema::from_json(wrong).unwrap_err();
    /// assert_eq!(
    ///     faults.to_string(),
    ///     "account_types[0]: unknown field `nestin`; did you mean `nesting`?\n\
    ///      account_types[0]: field `nesting` is missing",
    /// );
    /// # Ok::<(), perennial::SchemaErrors>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self, SchemaErrors> {
        if text.len() > MAX_SCHEMA_BYTES {
            return Err(whole(SchemaFaultKind::DocumentTooLarge { bytes: text.len() }));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let document = Json::parse(text).map_err(whole)?;
        let mut faults = SchemaErrors::new(Vec::new());
        let schema = reader::read(&document, &mut faults).and_then(|builder| builder.checked(&mut faults));
        faults.sorted_by(|fault| place(&document, fault.path())).or(schema)
    }

    /// Reads a schema from the bytes of its JSON document; see [`Schema::from_json`].
    ///
    /// # Errors
    ///
    /// As [`Schema::from_json`]; bytes that are no UTF-8 are a fault that names the first of them.
    pub fn from_json_bytes(bytes: &[u8]) -> Result<Self, SchemaErrors> {
        if bytes.len() > MAX_SCHEMA_BYTES {
            return Err(whole(SchemaFaultKind::DocumentTooLarge { bytes: bytes.len() }));
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::from_json(text),
            Err(error) => Err(whole(SchemaFaultKind::NotUtf8 { at: error.valid_up_to() })),
        }
    }

    /// Writes the schema as a JSON document that [`Schema::from_json`] reads back to an equal schema.
    ///
    /// Fields stand in a fixed order and everything else in declared order, so equal schemas give the
    /// same text; what has its default is left out.
    #[must_use]
    pub fn to_json(&self) -> String {
        writer::write(self).pretty()
    }
}

#[cfg(feature = "snapshot")]
impl Attribute {
    /// Its name and type, as they stand in a document, in one line.
    pub(crate) fn type_json(&self) -> String {
        writer::name_and_type(self).compact()
    }
}

/// A report of one fault of the document as a whole.
fn whole(kind: SchemaFaultKind) -> SchemaErrors {
    SchemaErrors::one(SchemaFault::new("", kind))
}

/// Where a path stands in the document: the place of its section, then the numbers in the path.
fn place(document: &Json, path: &str) -> (Option<usize>, Vec<usize>) {
    let section = path.split(['.', '[']).next().unwrap_or_default();
    let section = match document {
        Json::Object(fields) => fields.iter().position(|(name, _)| name == section),
        _ => None,
    };
    let numbers = path.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
    (section, numbers.collect())
}

/// The word of a value in a table of words.
fn word_of<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> &'static str {
    words.iter().find(|(_, known)| known == value).map_or("", |(word, _)| word)
}
