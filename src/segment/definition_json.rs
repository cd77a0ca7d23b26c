//! How are segments stored?
//!
//! `{"v":1,"segments":[{"id":"large","name":"Large","expression":"arr > 50000"}]}`. An expression is its text, or its
//! wire form; it is written as text, which people read and compare.

use std::sync::Arc;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value as Json, json};

use super::{Segment, SegmentErrors, SegmentFault, SegmentFaultKind};
use crate::expr::{Ast, ExprLimits};
use crate::model::{Fields, JsonDocument, Place};

/// The version of the document that this release writes, and the only one that it reads.
pub const SEGMENTS_VERSION: u64 = crate::model::DOCUMENT_VERSION;

const FIELDS: [&str; 7] = ["id", "name", "description", "owner", "version", "expression", "account_set"];

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
    pub(super) fn item_to_json(&self) -> Json {
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
        if self.is_account_set {
            object.insert("account_set".to_owned(), json!(true));
        }
        Json::Object(object)
    }

    /// Reads a document of segments.
    ///
    /// # Errors
    ///
    /// Every fault of every segment, each with its place in the document.
    pub fn from_json(json: &Json, limits: &ExprLimits) -> Result<Vec<Self>, SegmentErrors> {
        let mut faults = SegmentErrors::none();
        let segments = document(json, limits, &mut faults);
        faults.or(segments)
    }

    /// Reads the text of a document of segments; a field that is there twice is a fault, which a map of JSON would lose.
    ///
    /// # Errors
    ///
    /// As [`Segment::from_json`], and where the text is not JSON.
    pub fn from_json_text(text: &str, limits: &ExprLimits) -> Result<Vec<Self>, SegmentErrors> {
        let mut faults = SegmentErrors::none();
        let json = JsonDocument::parse(text, &mut faults);
        let segments = json.and_then(|json| document(&json.value, limits, &mut faults));
        faults.or(segments)
    }

    /// The segments in a field of a document.
    fn in_field(
        fields: &Fields<'_, '_>,
        name: &str,
        limits: &ExprLimits,
        faults: &mut SegmentErrors,
    ) -> Vec<Self> {
        let list = fields.at(name);
        let items = fields.list(name, faults).unwrap_or_default().iter().enumerate();
        let read = items.filter_map(|(number, json)| read_segment(json, list.item(number), limits, faults));
        read.collect()
    }
}

/// One segment of a list.
pub(super) fn read_segment(
    json: &Json,
    place: Place<'_>,
    limits: &ExprLimits,
    faults: &mut SegmentErrors,
) -> Option<Segment> {
    let known = faults.faults().len();
    let fields = Fields::open(json, place, &FIELDS, faults);
    let read = fields.as_ref().and_then(|fields| segment(fields, limits, faults));
    // Its faults carry its id, where it has one.
    if let Some(Json::String(id)) = fields.as_ref().and_then(|fields| fields.get("id")) {
        let id: Arc<str> = Arc::from(&**id);
        faults.since(known).for_each(|fault| fault.segment = id.clone());
    }
    read
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
        JsonDocument::read(deserializer, |json, faults| {
            let known = [["v"].as_slice(), &FIELDS].concat();
            let fields = Fields::document(json, SEGMENTS_VERSION, &known, faults)?;
            segment(&fields, &ExprLimits::default(), faults)
        })
    }
}

fn document(json: &Json, limits: &ExprLimits, faults: &mut SegmentErrors) -> Option<Vec<Segment>> {
    let fields = Fields::document(json, SEGMENTS_VERSION, &["v", "segments"], faults)?;
    fields.need("segments", faults);
    Some(Segment::in_field(&fields, "segments", limits, faults))
}

fn segment(fields: &Fields<'_, '_>, limits: &ExprLimits, faults: &mut SegmentErrors) -> Option<Segment> {
    let id = fields.needed_text("id", faults);
    let name = fields.kept_text("name", faults);
    let description = fields.kept_text("description", faults);
    let owner = fields.kept_text("owner", faults);
    let version = fields.whole_number("version", faults);
    let is_account_set = fields.decoded::<bool, _>("account_set", faults);
    let segment: Arc<str> = Arc::from(id.unwrap_or_default());
    let expression = Ast::in_field(fields, "expression", limits, faults, |path, errors| SegmentFault {
        segment,
        path,
        kind: SegmentFaultKind::Expression(errors),
    });
    let mut segment = Segment::new(id?, expression?).at_version(version.unwrap_or(1));
    if let Some(name) = name {
        segment = segment.named(&name);
    }
    segment.description = description;
    segment.owner = owner;
    segment.is_account_set = is_account_set.unwrap_or(false);
    Some(segment)
}
