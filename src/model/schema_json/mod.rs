//! How does a schema read as JSON?
//!
//! People write these documents, so every fault is reported at once with its path. Reading goes in two steps: from JSON to the
//! parts of a [`SchemaBuilder`](super::SchemaBuilder) (`reader`), and the checks of the builder, which are those of a schema in
//! code. Writing goes through a tree that keeps the order of fields (`writer`).
//!
//! What the words of a document mean stands here, once, for both directions.

mod events;
mod parts;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use parts::AccountAttribute;
pub(crate) use parts::TableColumn;

#[cfg(feature = "snapshot")]
use super::Attribute;
use super::json::Json;
use super::limits::MAX_SCHEMA_BYTES;
use super::{
    CaseRule, JsonDocument, Nesting, RepeatedProducts, Schema, SchemaErrors, SchemaFault, SchemaFaultKind,
    StatusGroup,
};

/// The version that this library writes, and the only one it reads.
const VERSION: u64 = 1;

/// Field of the version, at the top of every document.
const VERSION_FIELD: &str = "perennial_schema";

const REPEATED_PRODUCTS: [(&str, RepeatedProducts); 2] =
    [("fault", RepeatedProducts::Fault), ("allow", RepeatedProducts::Allow)];
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
    /// duplicate fields, values of the wrong type, and whatever [`SchemaBuilder::build`] refuses. Text that
    /// is not JSON, or is larger than [`MAX_SCHEMA_BYTES`], has that one fault.
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
    ///     "at `/account_types/0`: unknown field `nestin`; did you mean `nesting`?\n\
    ///      at `/account_types/0`: missing field `nesting`",
    /// );
    /// # Ok::<(), perennial::SchemaErrors>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self, SchemaErrors> {
        if text.len() > MAX_SCHEMA_BYTES {
            return Err(whole(SchemaFaultKind::DocumentTooLarge { bytes: text.len() }));
        }
        let mut faults = SchemaErrors::none();
        let Some(document) = JsonDocument::parse(text, &mut faults) else { return Err(faults) };
        let schema = Self::of_document(&document.value, &mut faults);
        faults.sorted_by(|fault| place(&document.sections, fault.path())).or(schema)
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

    /// The schema of a document; what is wrong is noted.
    pub(super) fn of_document(document: &serde_json::Value, faults: &mut SchemaErrors) -> Option<Self> {
        reader::read(document, faults).and_then(|builder| builder.checked(faults))
    }

    /// Its document.
    pub(super) fn document(&self) -> Json {
        writer::write(self)
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

/// Where a path is in the document: the place of its section, then the numbers in the path.
fn place(sections: &[String], path: &str) -> (Option<usize>, Vec<usize>) {
    let mut steps = path.split('/').skip(1);
    let section = steps.next().and_then(|first| sections.iter().position(|section| section == first));
    (section, steps.filter_map(|step| step.parse().ok()).collect())
}

/// The word of a value in a table of words.
fn word_of<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> &'static str {
    words.iter().find(|(_, known)| known == value).map_or("", |(word, _)| word)
}
