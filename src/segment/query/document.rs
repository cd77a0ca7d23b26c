//! How is a query stored and sent?
//!
//! `{"v":1,"filter":"arr > 1000","search":"acme","sort":[{"by":"arr","descending":true}],
//! "columns":[{"label":"ARR","value":"arr"}],"limit":50}`; every field but `v` may be left out.

use std::sync::Arc;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value as Json, json};

use super::{
    Column, GroupBy, MAX_PAGE, Measure, MeasureKind, Query, QueryErrors, QueryFault, QueryFaultKind, SortKey,
};
use crate::expr::{Ast, ExprLimits};
use crate::model::{Fields, JsonDocument};
use crate::segment::cancelled::Counted;

/// The version of the document that this release writes, and the only one that it reads.
pub const QUERY_VERSION: u64 = crate::model::DOCUMENT_VERSION;

/// The words of measures, as serde writes them.
const MEASURES: [(&str, MeasureKind); 4] = [
    ("sum", MeasureKind::Sum),
    ("avg", MeasureKind::Avg),
    ("min", MeasureKind::Min),
    ("max", MeasureKind::Max),
];

impl Query {
    /// The query as a document.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut document = Map::new();
        document.insert("v".to_owned(), json!(QUERY_VERSION));
        if let Some(filter) = &self.filter {
            document.insert("filter".to_owned(), json!(filter.to_string()));
        }
        if let Some(search) = &self.search {
            document.insert("search".to_owned(), json!(&**search));
        }
        if !self.sort.is_empty() {
            let keys = self.sort.iter();
            let keys: Vec<Json> =
                keys.map(|key| json!({ "by": key.by.to_string(), "descending": key.descending })).collect();
            document.insert("sort".to_owned(), json!(keys));
        }
        if !self.columns.is_empty() {
            let columns = self.columns.iter();
            let columns: Vec<Json> = columns
                .map(|column| json!({ "label": &*column.label, "value": column.value.to_string() }))
                .collect();
            document.insert("columns".to_owned(), json!(columns));
        }
        document.insert("limit".to_owned(), json!(self.limit));
        if self.counted == Counted::WithCancelled {
            document.insert("with_cancelled".to_owned(), json!(true));
        }
        Json::Object(document)
    }

    /// Reads a document; an expression is its text, or its wire form.
    ///
    /// # Errors
    ///
    /// Every fault, each at its place.
    ///
    /// ```
    /// use perennial::expr::ExprLimits;
    /// use perennial::segment::Query;
    ///
    /// let query = Query::new().filter("arr > 1000")?.sort("name", false)?;
    /// assert_eq!(Query::from_json(&query.to_json(), &ExprLimits::default()).unwrap(), query);
    ///
    /// let broken = serde_json::json!({ "v": 1, "filter": "arr >", "sort": [{ "bye": "name" }], "limit": -1 });
    /// let errors = Query::from_json(&broken, &ExprLimits::default()).unwrap_err();
    /// let at: Vec<&str> = errors.faults().iter().map(|fault| fault.path.as_str()).collect();
    /// assert_eq!(at, ["/filter", "/sort/0", "/sort/0", "/limit"]);
    /// # Ok::<(), perennial::expr::ExprErrors>(())
    /// ```
    pub fn from_json(json: &Json, limits: &ExprLimits) -> Result<Self, QueryErrors> {
        let mut faults = QueryErrors::none();
        let read = query(json, limits, &mut faults);
        faults.or(read)
    }

    /// Reads the text of a document; a field that is there twice is a fault, which a map of JSON would lose.
    ///
    /// # Errors
    ///
    /// As [`Query::from_json`], and where the text is not JSON.
    pub fn from_json_text(text: &str, limits: &ExprLimits) -> Result<Self, QueryErrors> {
        let mut faults = QueryErrors::none();
        let json = JsonDocument::parse(text, &mut faults);
        let read = json.and_then(|json| query(&json.value, limits, &mut faults));
        faults.or(read)
    }
}

impl GroupBy {
    /// The question as a document: `{"v":1,"by":"region","measures":[{"label":"value","kind":"sum","of":"arr"}]}`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let measures = self.measures.iter();
        let measures: Vec<Json> = measures
            .map(|measure| {
                json!({ "label": &*measure.label, "kind": measure.kind, "of": measure.of.to_string() })
            })
            .collect();
        let mut document = json!({ "v": QUERY_VERSION, "by": self.by.to_string(), "measures": measures });
        if let (Counted::WithCancelled, Some(document)) = (self.counted, document.as_object_mut()) {
            document.insert("with_cancelled".to_owned(), json!(true));
        }
        document
    }

    /// Reads a document; an expression is its text, or its wire form.
    ///
    /// # Errors
    ///
    /// Every fault, each at its place.
    ///
    /// ```
    /// use perennial::expr::ExprLimits;
    /// use perennial::segment::{GroupBy, MeasureKind};
    ///
    /// let groups = GroupBy::new("region")?.measure("value", MeasureKind::Sum, "arr")?;
    /// assert_eq!(GroupBy::from_json(&groups.to_json(), &ExprLimits::default()).unwrap(), groups);
    /// let broken = serde_json::json!({ "v": 1, "by": "region ==", "measures": [{ "kind": "total", "of": "arr" }] });
    /// assert_eq!(GroupBy::from_json(&broken, &ExprLimits::default()).unwrap_err().faults().len(), 3);
    /// # Ok::<(), perennial::expr::ExprErrors>(())
    /// ```
    pub fn from_json(json: &Json, limits: &ExprLimits) -> Result<Self, QueryErrors> {
        let mut faults = QueryErrors::none();
        let read = groups(json, limits, &mut faults);
        faults.or(read)
    }
}

impl Serialize for GroupBy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for GroupBy {
    /// Reads a document within the default limits; the error names every fault.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        JsonDocument::read(deserializer, |json, faults| groups(json, &ExprLimits::default(), faults))
    }
}

impl Serialize for Query {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Query {
    /// Reads a document within the default limits; the error names every fault.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        JsonDocument::read(deserializer, |json, faults| query(json, &ExprLimits::default(), faults))
    }
}

fn query(json: &Json, limits: &ExprLimits, faults: &mut QueryErrors) -> Option<Query> {
    let known = ["v", "filter", "search", "sort", "columns", "limit", "with_cancelled"];
    let fields = Fields::document(json, QUERY_VERSION, &known, faults)?;
    let mut query = Query::new();
    if fields.has("filter") {
        query.filter = expression(&fields, "filter", limits, faults);
    }
    if let Some(text) = fields.kept_text("search", faults) {
        query = query.search(&text);
    }
    query.sort = items(&fields, "sort", &["by", "descending"], faults, |key, faults| {
        let by = expression(key, "by", limits, faults);
        let descending = key.truth("descending", faults);
        Some(SortKey { by: by?, descending: descending? })
    });
    query.columns = items(&fields, "columns", &["label", "value"], faults, |column, faults| {
        let label = column.needed_text("label", faults);
        let value = expression(column, "value", limits, faults);
        Some(Column { label: Arc::from(label?), value: value? })
    });
    if let Some(limit) = fields.get("limit") {
        match limit.as_u64().and_then(|limit| usize::try_from(limit).ok()) {
            Some(limit) if (1..=MAX_PAGE).contains(&limit) => query.limit = limit,
            _ => {
                fields.wrong::<(), _>("limit", &format!("a number from 1 to {MAX_PAGE}"), limit, faults);
            }
        }
    }
    query.counted = counted(&fields, faults);
    Some(query)
}

fn groups(json: &Json, limits: &ExprLimits, faults: &mut QueryErrors) -> Option<GroupBy> {
    let known = ["v", "by", "measures", "with_cancelled"];
    let fields = Fields::document(json, QUERY_VERSION, &known, faults)?;
    let by = expression(&fields, "by", limits, faults);
    let measures = items(&fields, "measures", &["label", "kind", "of"], faults, |measure, faults| {
        let label = measure.needed_text("label", faults);
        let kind = measure.needed_word("kind", "kind of measure", &MEASURES, faults);
        let of = expression(measure, "of", limits, faults);
        Some(Measure { label: Arc::from(label?), kind: kind?, of: of? })
    });
    let counted = counted(&fields, faults);
    Some(GroupBy { by: by?, measures, counted })
}

fn counted(fields: &Fields<'_, '_>, faults: &mut QueryErrors) -> Counted {
    match fields.truth("with_cancelled", faults) {
        Some(true) => Counted::WithCancelled,
        _ => Counted::Current,
    }
}

/// The objects of a list, read; none of a list that is too long.
fn items<T>(
    fields: &Fields<'_, '_>,
    name: &str,
    known: &[&str],
    faults: &mut QueryErrors,
    read: impl Fn(&Fields<'_, '_>, &mut QueryErrors) -> Option<T>,
) -> Vec<T> {
    let list = fields.at(name);
    let items = fields.list(name, faults).unwrap_or_default();
    if items.len() > super::MAX_COLUMNS {
        faults.refuse_as(&list, format!("at most {} of them", super::MAX_COLUMNS));
        return Vec::new();
    }
    let read = items.iter().enumerate().filter_map(|(number, item)| {
        let fields = Fields::open(item, list.item(number), known, faults)?;
        read(&fields, faults)
    });
    read.collect()
}

fn expression(
    fields: &Fields<'_, '_>,
    name: &str,
    limits: &ExprLimits,
    faults: &mut QueryErrors,
) -> Option<Ast> {
    Ast::in_field(fields, name, limits, faults, |path, errors| QueryFault {
        path,
        kind: QueryFaultKind::Expression(errors),
    })
}
