//! How are segments stored?
//!
//! `{"v":1,"segments":[{"id":"large","name":"Large","expression":"arr > 50000"}]}`. An expression is its text, or its
//! wire form; it is written as text, which people read and compare.

use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value as Json, json};

use super::{Segment, SegmentErrors, SegmentFault, SegmentFaultKind};
use crate::expr::{Ast, ExprLimits};
use crate::model::{JsonOnce, nearest};

/// The version of the document that this release writes, and the only one that it reads.
pub const SEGMENTS_VERSION: u64 = crate::model::DOCUMENT_VERSION;

const FIELDS: [&str; 6] = ["id", "name", "description", "owner", "version", "expression"];

impl Segment {
    /// Segments as one document.
    ///
    /// ```
    /// use perennial::expr::ExprLimits;
    /// use perennial::segment::Segment;
    ///
    /// let large = Segment::parse("large", "arr > 50000")?.owned_by("kim");
    /// let json = Segment::to_json([&large]);
    /// assert_eq!(
    ///     json.to_string(),
    ///     r#"{"segments":[{"expression":"arr > 50000","id":"large","name":"large","owner":"kim","version":1}],"v":1}"#
    /// );
    /// assert_eq!(Segment::from_json(&json, &ExprLimits::default()).unwrap(), [large]);
    ///
    /// let broken = serde_json::json!({ "v": 1, "segments": [{ "id": "a", "expression": "arr >" }, { "nam": "b" }] });
    /// let errors = Segment::from_json(&broken, &ExprLimits::default()).unwrap_err();
    /// assert_eq!(errors.faults().len(), 4);
    /// # Ok::<(), perennial::expr::ExprErrors>(())
    /// ```
    #[must_use]
    pub fn to_json<'s>(segments: impl IntoIterator<Item = &'s Self>) -> Json {
        let segments: Vec<Json> = segments.into_iter().map(Self::one_to_json).collect();
        json!({ "v": SEGMENTS_VERSION, "segments": segments })
    }

    /// One segment, as in a list of a document.
    pub(crate) fn item_to_json(&self) -> Json {
        self.one_to_json()
    }

    fn one_to_json(&self) -> Json {
        let mut object = Map::new();
        object.insert("id".to_owned(), json!(&*self.id));
        object.insert("name".to_owned(), json!(&*self.name));
        for (field, text) in [("description", &self.description), ("owner", &self.owner)] {
            object.extend(text.as_ref().map(|text| (field.to_owned(), json!(&**text))));
        }
        object.insert("version".to_owned(), json!(self.version));
        object.insert("expression".to_owned(), json!(self.expression.to_string()));
        Json::Object(object)
    }

    /// Reads a document of segments.
    ///
    /// # Errors
    ///
    /// Every fault of every segment, each with its place in the document.
    pub fn from_json(json: &Json, limits: &ExprLimits) -> Result<Vec<Self>, SegmentErrors> {
        Self::from_json_once(json, &[], limits)
    }

    /// Reads the text of a document of segments; a field that stands twice is a fault, which a map of JSON would lose.
    ///
    /// # Errors
    ///
    /// As [`Segment::from_json`], and where the text is no JSON.
    pub fn from_json_text(text: &str, limits: &ExprLimits) -> Result<Vec<Self>, SegmentErrors> {
        match serde_json::from_str::<JsonOnce>(text) {
            Ok(read) => Self::from_json_once(&read.json, &read.twice, limits),
            Err(error) => {
                let kind = SegmentFaultKind::Document { path: String::new(), message: error.to_string() };
                Err(SegmentErrors::new(vec![SegmentFault { segment: Arc::from(""), kind }]))
            }
        }
    }

    fn from_json_once(
        json: &Json,
        twice: &[String],
        limits: &ExprLimits,
    ) -> Result<Vec<Self>, SegmentErrors> {
        let mut reader = Reader { limits, faults: Vec::new() };
        for path in twice {
            reader.fault("", path.clone(), "this field stands twice");
        }
        let segments = reader.document(json);
        if reader.faults.is_empty() { Ok(segments) } else { Err(SegmentErrors::new(reader.faults)) }
    }
}

impl Serialize for Segment {
    /// One segment, as in a document.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = self.one_to_json();
        if let Json::Object(object) = &mut json {
            object.insert("v".to_owned(), json!(SEGMENTS_VERSION));
        }
        json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Segment {
    /// One segment by itself; the error names every fault.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut json = JsonOnce::deserialize(deserializer)?.checked::<D::Error>()?;
        let limits = ExprLimits::default();
        let mut reader = Reader { limits: &limits, faults: Vec::new() };
        if let Json::Object(object) = &mut json {
            let version = object.remove("v");
            reader.version(version.as_ref());
        }
        let segment = reader.segment(&json, "");
        match segment {
            Some(segment) if reader.faults.is_empty() => Ok(segment),
            _ => Err(D::Error::custom(SegmentErrors::new(reader.faults))),
        }
    }
}

struct Reader<'l> {
    limits: &'l ExprLimits,
    faults: Vec<SegmentFault>,
}

impl Reader<'_> {
    fn fault(&mut self, id: &str, path: String, message: impl Into<String>) {
        let kind = SegmentFaultKind::Document { path, message: message.into() };
        self.faults.push(SegmentFault { segment: Arc::from(id), kind });
    }

    fn known(&mut self, id: &str, path: &str, object: &Map<String, Json>, known: &[&str]) {
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            let hint = nearest(key, known.iter().copied());
            let hint = hint.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
            let key: String = key.chars().take(60).collect();
            self.fault(id, path.to_owned(), format!("there is no field `{key}` here{hint}"));
        }
    }

    fn version(&mut self, version: Option<&Json>) {
        match version {
            Some(version) if version.as_u64() == Some(SEGMENTS_VERSION) => {}
            Some(_) => {
                self.fault("", "/v".to_owned(), format!("this release reads version {SEGMENTS_VERSION}"));
            }
            None => self.fault("", String::new(), "there is no `v`, the version"),
        }
    }

    fn document(&mut self, json: &Json) -> Vec<Segment> {
        let Json::Object(document) = json else {
            self.fault("", String::new(), "expected an object with `v` and `segments`");
            return Vec::new();
        };
        self.known("", "", document, &["v", "segments"]);
        self.version(document.get("v"));
        let Some(Json::Array(segments)) = document.get("segments") else {
            self.fault("", "/segments".to_owned(), "expected a list of segments");
            return Vec::new();
        };
        let read = segments
            .iter()
            .enumerate()
            .filter_map(|(place, json)| self.segment(json, &format!("/segments/{place}")));
        read.collect()
    }

    fn segment(&mut self, json: &Json, path: &str) -> Option<Segment> {
        let Json::Object(object) = json else {
            self.fault("", path.to_owned(), "expected an object with `id` and `expression`");
            return None;
        };
        let id = object.get("id").and_then(Json::as_str);
        let name = id.unwrap_or_default();
        self.known(name, path, object, &FIELDS);
        if id.is_none() {
            self.fault(name, format!("{path}/id"), "expected the id of the segment, a text");
        }
        let mut text = |field: &str| match object.get(field) {
            None | Some(Json::Null) => None,
            Some(Json::String(text)) => Some(text.clone()),
            Some(_) => {
                self.fault(name, format!("{path}/{field}"), "expected a text");
                None
            }
        };
        let (label, description, owner) = (text("name"), text("description"), text("owner"));
        let version = match object.get("version") {
            None => Some(1),
            Some(version) => version.as_u64(),
        };
        if version.is_none() {
            self.fault(name, format!("{path}/version"), "expected a whole number from 0");
        }
        let expression = self.expression(name, object.get("expression"), &format!("{path}/expression"));
        let mut segment = Segment::new(id?, expression?).at_version(version?);
        if let Some(label) = label {
            segment = segment.named(&label);
        }
        segment.description = description.map(Arc::from);
        segment.owner = owner.map(Arc::from);
        Some(segment)
    }

    fn expression(&mut self, id: &str, json: Option<&Json>, path: &str) -> Option<Ast> {
        match json {
            Some(Json::String(text)) => match Ast::parse_within(text, self.limits) {
                Ok(ast) => Some(ast),
                Err(errors) => {
                    let kind = SegmentFaultKind::Expression(errors);
                    self.faults.push(SegmentFault { segment: Arc::from(id), kind });
                    None
                }
            },
            Some(object @ Json::Object(_)) => match Ast::from_json(object, self.limits) {
                Ok(ast) => Some(ast),
                Err(errors) => {
                    for fault in errors.faults() {
                        self.fault(
                            id,
                            format!("{path}{}", fault.path),
                            format!("{} {}", fault.code, fault.message),
                        );
                    }
                    None
                }
            },
            _ => {
                self.fault(id, path.to_owned(), "expected an expression: a text, or its wire form");
                None
            }
        }
    }
}
