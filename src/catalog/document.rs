//! How is a catalog stored?
//!
//! `{"v":1,"attributes":[..],"past":[..],"metrics":[..],"roll_ups":[..],"rankings":[..],"segments":[..]}`: one document, or
//! several, whose definitions are put together.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

use super::Catalog;
use super::definition::Definition;
use crate::aggregate::{Nulls, Operator, Over};
use crate::expr::ExprLimits;
use crate::fold::Reach;
use crate::model::{At, Faults, Fields, JsonDocument, JsonFault};
use crate::segment::{Segment, SegmentErrors, SegmentFaultKind};

/// The version of the document that this release writes, and the only one that it reads.
pub const CATALOG_VERSION: u64 = crate::model::DOCUMENT_VERSION;

const LISTS: [&str; 6] = ["attributes", "past", "metrics", "roll_ups", "rankings", "segments"];

/// A fault of a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("document {document}: {}{message}", At(path))]
pub struct DocumentFault {
    /// Which of the documents, from 0.
    pub document: usize,
    /// Where, as a JSON pointer.
    pub path: String,
    /// Why.
    pub message: String,
}

impl From<JsonFault> for DocumentFault {
    fn from(fault: JsonFault) -> Self {
        Self { document: 0, path: fault.path, message: fault.kind.to_string() }
    }
}

/// Everything that is wrong with documents, in their order.
pub type DocumentErrors = Faults<DocumentFault>;

impl Catalog {
    /// Its definitions as one document.
    ///
    /// ```
    /// use perennial::aggregate::UsageSchema;
    /// use perennial::catalog::{CalculatedAttribute, Catalog};
    /// use perennial::{Attribute, AttributeType, Nesting, Schema};
    ///
    /// let schema = Schema::builder()
    ///     .account_type("Company", Nesting::Free)
    ///     .attribute(Attribute::new("seats", AttributeType::Int))
    ///     .build()?
    ///     .into();
    /// let usage = UsageSchema::new([])?;
    /// let catalog = Catalog::new(&schema, &usage, [CalculatedAttribute::new("twice", "seats * 2").into()])?;
    /// let text = catalog.to_json().to_string();
    /// assert_eq!(text, r#"{"attributes":[{"expression":"seats * 2","name":"twice"}],"v":1}"#);
    ///
    /// let definitions = Catalog::read([text.as_str()])?;
    /// assert_eq!(definitions, catalog.definitions());
    /// let errors = Catalog::read([r#"{"v":1,"attribute":[],"roll_ups":[{"name":"x"},{"name":"y","operator":"sum"}]}"#]).unwrap_err();
    /// assert_eq!(errors.faults().len(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> Json {
        Self::document(self.given())
    }

    /// Definitions as one document.
    #[must_use]
    pub fn document<'d>(definitions: impl IntoIterator<Item = &'d Definition>) -> Json {
        let mut lists: Map<String, Json> = Map::new();
        for definition in definitions {
            let (list, item) = match definition {
                Definition::Attribute(of) => ("attributes", serde_json::to_value(of)),
                Definition::Past(of) => ("past", serde_json::to_value(of)),
                Definition::Metric(of) => ("metrics", serde_json::to_value(of)),
                Definition::RollUp(of) => ("roll_ups", serde_json::to_value(of)),
                Definition::Ranking(of) => ("rankings", serde_json::to_value(of)),
                Definition::Segment(of) => ("segments", Ok(of.item_to_json())),
            };
            // Definitions hold nothing that JSON does not.
            let item = item.unwrap_or(Json::Null);
            if let Json::Array(items) = lists.entry(list).or_insert_with(|| json!([])) {
                items.push(item);
            }
        }
        lists.insert("v".to_owned(), json!(CATALOG_VERSION));
        Json::Object(lists)
    }

    /// Reads the definitions of documents. They are checked by [`Catalog::new`].
    ///
    /// # Errors
    ///
    /// Every fault of every document, each with its place: fields that are unknown or there twice, values of another
    /// type, expressions of segments that cannot be read.
    pub fn read<'t>(documents: impl IntoIterator<Item = &'t str>) -> Result<Vec<Definition>, DocumentErrors> {
        let (mut faults, mut found) = (DocumentErrors::none(), Vec::new());
        for (document, text) in documents.into_iter().enumerate() {
            let mut own = DocumentErrors::none();
            if let Some(json) = JsonDocument::parse(text, &mut own) {
                read(&json.value, &mut found, &mut own);
            }
            faults.append(own, |fault| DocumentFault { document, ..fault });
        }
        faults.or(Some(found))
    }
}

fn read(json: &Json, found: &mut Vec<Definition>, faults: &mut DocumentErrors) {
    let known = [["v"].as_slice(), &LISTS].concat();
    let Some(fields) = Fields::document(json, CATALOG_VERSION, &known, faults) else { return };
    found.extend(list(&fields, "attributes", &ATTRIBUTE, faults, Definition::Attribute));
    found.extend(list(&fields, "past", &PAST, faults, Definition::Past));
    found.extend(list(&fields, "metrics", &METRIC, faults, Definition::Metric));
    found.extend(list(&fields, "roll_ups", &ROLL_UP, faults, Definition::RollUp));
    found.extend(list(&fields, "rankings", &RANKING, faults, Definition::Ranking));
    let mut errors = SegmentErrors::none();
    let segments = Segment::in_field(&fields, "segments", &ExprLimits::default(), &mut errors);
    found.extend(segments.into_iter().map(Definition::Segment));
    faults.append(errors, |fault| {
        let message = match &fault.kind {
            SegmentFaultKind::Document(message) => message.clone(),
            _ => fault.to_string(),
        };
        DocumentFault { document: 0, path: fault.path, message }
    });
}

/// The definitions of a list. Each field is checked by itself, so that all faults are found; what is sound is read by serde.
fn list<T: DeserializeOwned>(
    fields: &Fields<'_, '_>,
    name: &str,
    shape: &Shape,
    faults: &mut DocumentErrors,
    of: impl Fn(T) -> Definition,
) -> Vec<Definition> {
    let list = fields.at(name);
    let names: Vec<&str> =
        shape.texts.iter().chain(shape.others.iter().map(|(name, _)| name)).copied().collect();
    let mut found = Vec::new();
    for (number, item) in fields.list(name, faults).unwrap_or_default().iter().enumerate() {
        let before = faults.count();
        let Some(fields) = Fields::open(item, list.item(number), &names, faults) else { continue };
        for name in shape.needed {
            fields.need(name, faults);
        }
        for name in shape.texts {
            fields.kept_text(name, faults);
        }
        for (name, check) in shape.others {
            check(&fields, name, faults);
        }
        match T::deserialize(item) {
            Ok(definition) => found.push(of(definition)),
            Err(error) if faults.count() == before => faults.refuse_as(fields.place(), error.to_string()),
            Err(_) => {}
        }
    }
    found
}

/// The fields that a definition may have.
struct Shape {
    needed: &'static [&'static str],
    texts: &'static [&'static str],
    others: &'static [(&'static str, Check)],
}

type Check = fn(&Fields<'_, '_>, &str, &mut DocumentErrors);

fn number(fields: &Fields<'_, '_>, name: &str, faults: &mut DocumentErrors) {
    fields.whole_number(name, faults);
}

/// What only serde knows the form of.
fn is<T: DeserializeOwned>(fields: &Fields<'_, '_>, name: &str, faults: &mut DocumentErrors) {
    fields.decoded::<T, _>(name, faults);
}

const ATTRIBUTE: Shape = Shape {
    needed: &["name", "expression"],
    texts: &["name", "expression", "label", "description", "unit"],
    others: &[("version", number)],
};

const PAST: Shape = Shape {
    needed: &["name", "of", "days_ago"],
    texts: &["name", "of"],
    others: &[("days_ago", number), ("version", number)],
};

const METRIC: Shape = Shape {
    needed: &["name", "expression"],
    texts: &["name", "expression", "description"],
    others: &[("version", number)],
};

const ROLL_UP: Shape = Shape {
    needed: &["name", "operator"],
    texts: &["name", "filter", "description"],
    others: &[
        ("over", is::<Over>),
        ("operator", is::<Operator>),
        ("reach", is::<Option<Reach>>),
        ("levels", is::<Vec<String>>),
        ("nulls", is::<Nulls>),
        ("with_cancelled", is::<bool>),
        ("version", number),
    ],
};

const RANKING: Shape = Shape {
    needed: &["name", "of"],
    texts: &["name", "of", "within", "description"],
    others: &[("at_least", is::<Option<f64>>), ("with_cancelled", is::<bool>), ("version", number)],
};
