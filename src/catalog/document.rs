//! How is a catalog stored?
//!
//! `{"v":1,"attributes":[..],"past":[..],"metrics":[..],"roll_ups":[..],"rankings":[..],"segments":[..]}`: one document, or
//! several, whose definitions are put together.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

use super::Catalog;
use super::definition::Definition;
use crate::expr::ExprLimits;
use crate::model::{Faults, JsonOnce, nearest};
use crate::segment::Segment;

/// The version of the document that this release writes, and the only one that it reads.
pub const CATALOG_VERSION: u64 = crate::model::DOCUMENT_VERSION;

const LISTS: [&str; 6] = ["attributes", "past", "metrics", "roll_ups", "rankings", "segments"];

/// A fault of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFault {
    /// Which of the documents, from 0.
    pub document: usize,
    /// Where, as a JSON pointer.
    pub path: String,
    /// Why.
    pub message: String,
}

impl fmt::Display for DocumentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "document {}, {}: {}",
            self.document,
            if self.path.is_empty() { "/" } else { &self.path },
            self.message
        )
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
    /// Every fault of every document, each with its place: fields that are not known or stand twice, values of another
    /// type, expressions of segments that cannot be read.
    pub fn read<'t>(documents: impl IntoIterator<Item = &'t str>) -> Result<Vec<Definition>, DocumentErrors> {
        let mut reader = Reader { document: 0, faults: Vec::new(), found: Vec::new() };
        for (number, text) in documents.into_iter().enumerate() {
            reader.document = number;
            match serde_json::from_str::<JsonOnce>(text) {
                Ok(read) => {
                    for path in read.twice {
                        reader.fault(path, "this field stands twice".to_owned());
                    }
                    reader.document(&read.json);
                }
                Err(error) => reader.fault(String::new(), error.to_string()),
            }
        }
        if reader.faults.is_empty() { Ok(reader.found) } else { Err(Faults::new(reader.faults)) }
    }
}

struct Reader {
    document: usize,
    faults: Vec<DocumentFault>,
    found: Vec<Definition>,
}

impl Reader {
    fn fault(&mut self, path: String, message: String) {
        self.faults.push(DocumentFault { document: self.document, path, message });
    }

    fn document(&mut self, json: &Json) {
        let Json::Object(document) = json else {
            return self
                .fault(String::new(), "expected an object with `v` and lists of definitions".to_owned());
        };
        for key in document.keys().filter(|key| *key != "v" && !LISTS.contains(&key.as_str())) {
            let near = nearest(key, LISTS.into_iter());
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            let shown: String = key.chars().take(60).collect();
            self.fault(String::new(), format!("there is no list `{shown}` here{hint}"));
        }
        match document.get("v").map(Json::as_u64) {
            Some(Some(CATALOG_VERSION)) => {}
            Some(_) => self.fault("/v".to_owned(), format!("this release reads version {CATALOG_VERSION}")),
            None => self.fault(String::new(), "there is no `v`, the version".to_owned()),
        }
        self.list(document, "attributes", Definition::Attribute);
        self.list(document, "past", Definition::Past);
        self.list(document, "metrics", Definition::Metric);
        self.list(document, "roll_ups", Definition::RollUp);
        self.list(document, "rankings", Definition::Ranking);
        if let Some(segments) = document.get("segments") {
            let wrapped = json!({ "v": CATALOG_VERSION, "segments": segments });
            match Segment::from_json(&wrapped, &ExprLimits::default()) {
                Ok(segments) => self.found.extend(segments.into_iter().map(Definition::Segment)),
                Err(errors) => {
                    for fault in errors.faults() {
                        self.fault("/segments".to_owned(), fault.to_string());
                    }
                }
            }
        }
    }

    fn list<T: DeserializeOwned>(
        &mut self,
        document: &Map<String, Json>,
        name: &str,
        of: impl Fn(T) -> Definition,
    ) {
        let items = match document.get(name) {
            None => return,
            Some(Json::Array(items)) => items,
            Some(_) => return self.fault(format!("/{name}"), "expected a list".to_owned()),
        };
        for (place, item) in items.iter().enumerate() {
            match T::deserialize(item) {
                Ok(definition) => self.found.push(of(definition)),
                Err(error) => self.fault(format!("/{name}/{place}"), error.to_string()),
            }
        }
    }
}
