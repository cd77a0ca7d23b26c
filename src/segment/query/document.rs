//! How is a query stored and sent?
//!
//! `{"v":1,"filter":"arr > 1000","search":"acme","sort":[{"by":"arr","descending":true}],
//! "columns":[{"label":"ARR","value":"arr"}],"limit":50}`; every field but `v` may be left out.

use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value as Json, json};

use super::{
    Column, GroupBy, MAX_PAGE, Measure, MeasureKind, Query, QueryErrors, QueryFault, QueryFaultKind, SortKey,
};
use crate::expr::{Ast, ExprLimits};
use crate::model::{JsonOnce, nearest};
use crate::segment::cancelled::Counted;

/// The version of the document that this release writes, and the only one that it reads.
pub const QUERY_VERSION: u64 = crate::model::DOCUMENT_VERSION;

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
    /// assert_eq!(at, ["/filter", "/sort/0", "/sort/0/by", "/limit"]);
    /// # Ok::<(), perennial::expr::ExprErrors>(())
    /// ```
    pub fn from_json(json: &Json, limits: &ExprLimits) -> Result<Self, QueryErrors> {
        Self::from_json_once(json, &[], limits)
    }

    /// Reads the text of a document; a field that stands twice is a fault, which a map of JSON would lose.
    ///
    /// # Errors
    ///
    /// As [`Query::from_json`], and where the text is no JSON.
    pub fn from_json_text(text: &str, limits: &ExprLimits) -> Result<Self, QueryErrors> {
        match serde_json::from_str::<JsonOnce>(text) {
            Ok(read) => Self::from_json_once(&read.json, &read.twice, limits),
            Err(error) => {
                let fault =
                    QueryFault { path: String::new(), kind: QueryFaultKind::Other(error.to_string()) };
                Err(QueryErrors::new(vec![fault]))
            }
        }
    }

    fn from_json_once(json: &Json, twice: &[String], limits: &ExprLimits) -> Result<Self, QueryErrors> {
        let mut reader = Reader { limits, faults: Vec::new() };
        for path in twice {
            reader.unsound(path, "this field stands twice");
        }
        let query = reader.query(json);
        match query {
            Some(query) if reader.faults.is_empty() => Ok(query),
            _ => Err(QueryErrors::new(reader.faults)),
        }
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
        let mut reader = Reader { limits, faults: Vec::new() };
        let groups = reader.groups(json);
        match groups {
            Some(groups) if reader.faults.is_empty() => Ok(groups),
            _ => Err(QueryErrors::new(reader.faults)),
        }
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
        let json = JsonOnce::deserialize(deserializer)?.checked::<D::Error>()?;
        Self::from_json(&json, &ExprLimits::default()).map_err(D::Error::custom)
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
        let json = JsonOnce::deserialize(deserializer)?.checked::<D::Error>()?;
        Self::from_json(&json, &ExprLimits::default()).map_err(D::Error::custom)
    }
}

struct Reader<'l> {
    limits: &'l ExprLimits,
    faults: Vec<QueryFault>,
}

impl Reader<'_> {
    fn fault<T>(&mut self, path: &str, message: impl Into<String>) -> Option<T> {
        self.faults.push(QueryFault { path: path.to_owned(), kind: QueryFaultKind::Other(message.into()) });
        None
    }

    fn unsound(&mut self, path: &str, message: impl Into<String>) {
        self.fault::<()>(path, message);
    }

    fn known(&mut self, path: &str, object: &Map<String, Json>, known: &[&str]) {
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            let hint = nearest(key, known.iter().copied());
            let hint = hint.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
            let key: String = key.chars().take(60).collect();
            self.fault::<()>(path, format!("there is no field `{key}` here{hint}"));
        }
    }

    fn query(&mut self, json: &Json) -> Option<Query> {
        let Json::Object(document) = json else { return self.fault("", "expected an object with `v`") };
        self.known("", document, &["v", "filter", "search", "sort", "columns", "limit", "with_cancelled"]);
        self.version(document);
        let mut query = Query::new();
        if let Some(filter) = document.get("filter") {
            query.filter = self.expression(Some(filter), "/filter");
        }
        match document.get("search") {
            None | Some(Json::Null) => {}
            Some(Json::String(text)) => query = query.search(text),
            Some(_) => self.unsound("/search", "expected a text"),
        }
        for (place, key) in self.list(document, "sort").iter().enumerate() {
            let path = format!("/sort/{place}");
            let Json::Object(object) = key else {
                self.fault::<()>(&path, "expected an object with `by`");
                continue;
            };
            self.known(&path, object, &["by", "descending"]);
            let by = self.expression(object.get("by"), &format!("{path}/by"));
            let descending = match object.get("descending") {
                None => Some(false),
                Some(Json::Bool(descending)) => Some(*descending),
                Some(_) => self.fault(&format!("{path}/descending"), "expected true or false"),
            };
            query.sort.extend(by.zip(descending).map(|(by, descending)| SortKey { by, descending }));
        }
        for (place, column) in self.list(document, "columns").iter().enumerate() {
            let path = format!("/columns/{place}");
            let Json::Object(object) = column else {
                self.fault::<()>(&path, "expected an object with `label` and `value`");
                continue;
            };
            self.known(&path, object, &["label", "value"]);
            let label = match object.get("label") {
                Some(Json::String(label)) => Some(label.as_str()),
                _ => self.fault(&format!("{path}/label"), "expected a text"),
            };
            let value = self.expression(object.get("value"), &format!("{path}/value"));
            query
                .columns
                .extend(label.zip(value).map(|(label, value)| Column { label: Arc::from(label), value }));
        }
        if let Some(limit) = document.get("limit") {
            match limit.as_u64().and_then(|limit| usize::try_from(limit).ok()) {
                Some(limit) if (1..=MAX_PAGE).contains(&limit) => query.limit = limit,
                _ => self
                    .fault::<()>("/limit", format!("expected a number from 1 to {MAX_PAGE}"))
                    .unwrap_or(()),
            }
        }
        query.counted = self.counted(document);
        Some(query)
    }

    fn counted(&mut self, document: &Map<String, Json>) -> Counted {
        match document.get("with_cancelled") {
            None | Some(Json::Bool(false)) => Counted::Current,
            Some(Json::Bool(true)) => Counted::WithCancelled,
            Some(_) => {
                self.unsound("/with_cancelled", "expected true or false");
                Counted::Current
            }
        }
    }

    fn groups(&mut self, json: &Json) -> Option<GroupBy> {
        let Json::Object(document) = json else {
            return self.fault("", "expected an object with `v` and `by`");
        };
        self.known("", document, &["v", "by", "measures", "with_cancelled"]);
        self.version(document);
        let by = self.expression(document.get("by"), "/by");
        let mut measures = Vec::new();
        for (place, measure) in self.list(document, "measures").iter().enumerate() {
            let path = format!("/measures/{place}");
            let Json::Object(object) = measure else {
                self.unsound(&path, "expected an object with `label`, `kind` and `of`");
                continue;
            };
            self.known(&path, object, &["label", "kind", "of"]);
            let label = match object.get("label") {
                Some(Json::String(label)) => Some(label.as_str()),
                _ => self.fault(&format!("{path}/label"), "expected a text"),
            };
            let kind = object.get("kind").and_then(|kind| MeasureKind::deserialize(kind).ok());
            let kind = match kind {
                Some(kind) => Some(kind),
                None => self.fault(&format!("{path}/kind"), "expected `sum`, `avg`, `min` or `max`"),
            };
            let of = self.expression(object.get("of"), &format!("{path}/of"));
            if let (Some(label), Some(kind), Some(of)) = (label, kind, of) {
                measures.push(Measure { label: Arc::from(label), kind, of });
            }
        }
        let counted = self.counted(document);
        Some(GroupBy { by: by?, measures, counted })
    }

    fn version(&mut self, document: &Map<String, Json>) {
        match document.get("v").map(Json::as_u64) {
            Some(Some(QUERY_VERSION)) => {}
            Some(_) => self.unsound("/v", format!("this release reads version {QUERY_VERSION}")),
            None => self.unsound("", "there is no `v`, the version"),
        }
    }

    fn list<'j>(&mut self, document: &'j Map<String, Json>, field: &str) -> &'j [Json] {
        match document.get(field) {
            None => &[],
            Some(Json::Array(items)) if items.len() <= super::MAX_COLUMNS => items,
            Some(Json::Array(_)) => {
                self.fault::<()>(&format!("/{field}"), format!("at most {} of them", super::MAX_COLUMNS));
                &[]
            }
            Some(_) => {
                self.fault::<()>(&format!("/{field}"), "expected a list");
                &[]
            }
        }
    }

    fn expression(&mut self, json: Option<&Json>, path: &str) -> Option<Ast> {
        match json {
            Some(Json::String(text)) => match Ast::parse_within(text, self.limits) {
                Ok(ast) => Some(ast),
                Err(errors) => {
                    let kind = QueryFaultKind::Expression(errors);
                    self.faults.push(QueryFault { path: path.to_owned(), kind });
                    None
                }
            },
            Some(object @ Json::Object(_)) => match Ast::from_json(object, self.limits) {
                Ok(ast) => Some(ast),
                Err(errors) => {
                    for fault in errors.faults() {
                        self.fault::<()>(
                            &format!("{path}{}", fault.path),
                            format!("{} {}", fault.code, fault.message),
                        );
                    }
                    None
                }
            },
            _ => self.fault(path, "expected an expression: a text, or its wire form"),
        }
    }
}
