//! Which accounts and users do the terms ask for?

use serde_json::{Map, Value as Json, json};

use super::super::NeededKind;
use super::super::reader::{MAX_NESTING, Reader, not, op};
use super::dates::Days;
use crate::expr::Type;
use crate::model::{Place, hint, shown};

/// The rows that a query asks for: a child table, and what a row is called.
pub(super) struct Row<'r> {
    pub(super) table: &'r str,
    pub(super) variable: &'r str,
}

/// Types of terms.
const TYPES: [&str; 20] = [
    "or",
    "and",
    "parent_account",
    "string",
    "string_attribute",
    "number",
    "number_attribute",
    "number_metric",
    "number_metric_change",
    "named_aggregation",
    "activity_aggregation",
    "date",
    "simple_date",
    "date_attribute",
    "simple_date_attribute",
    "list_attribute",
    "lifecycle_attribute",
    "lifecycle_attribute_stage_by_id",
    "lifecycle_attribute_stage_by_id_total_days",
    "active_list",
];

/// Keys that name what a term is of, or that change nothing.
const NAMING: [&str; 16] = [
    "type",
    "term",
    "attribute",
    "metric",
    "source",
    "aggregation",
    "activity",
    "module",
    "duration",
    "relative_to",
    "stage",
    "account_role",
    "direct",
    "name",
    "query_term_id",
    "field_display_name",
];

/// What a term asks of its values.
const OPERATORS: [&str; 15] = [
    "eq",
    "ne",
    "gt",
    "gte",
    "lt",
    "lte",
    "in_list",
    "not_in_list",
    "contains",
    "exists",
    "joker",
    "is_in_one_of",
    "is_not_in",
    "is_one_of",
    "is_not_one_of",
];

impl Reader<'_> {
    /// Terms that are all to hold: those of the account, and those of the row.
    pub(super) fn terms(&mut self, terms: &[Json], row: Option<&Row<'_>>) -> (Vec<Json>, Vec<Json>) {
        let (mut of_account, mut of_row) = (Vec::new(), Vec::new());
        for (place, term) in terms.iter().enumerate() {
            let path = format!("/terms/{place}");
            let is_parent = term.get("type").and_then(Json::as_str) == Some("parent_account");
            match row {
                Some(_) if is_parent => {
                    if let Some(inner) = term.as_object().and_then(|term| self.list(term, "terms", &path)) {
                        for (place, term) in inner.iter().enumerate() {
                            of_account.extend(self.term(term, None, &format!("{path}/terms/{place}"), 1));
                        }
                    }
                }
                Some(row) => of_row.extend(self.term(term, Some(row), &path, 1)),
                None => of_account.extend(self.term(term, None, &path, 1)),
            }
        }
        (of_account, of_row)
    }

    fn list<'j>(&mut self, term: &'j Map<String, Json>, key: &str, path: &str) -> Option<&'j [Json]> {
        self.need(term, key, path)?;
        match self.items(term, key, path)? {
            [] => self.fault(&format!("{path}/{key}"), "an empty list of terms"),
            items => Some(items),
        }
    }

    fn term(&mut self, json: &Json, row: Option<&Row<'_>>, path: &str, depth: usize) -> Option<Json> {
        if depth >= MAX_NESTING {
            return self.fault(path, format!("terms nest at most {MAX_NESTING} deep"));
        }
        let Json::Object(term) = json else {
            return self.wrong(path, "a term", json);
        };
        let kind = self.text(term, "type", path)?;
        match kind {
            "or" | "and" => {
                let items = self.list(term, kind, path)?;
                let parts: Vec<Option<Json>> = items
                    .iter()
                    .enumerate()
                    .map(|(place, term)| self.term(term, row, &format!("{path}/{kind}/{place}"), depth + 1))
                    .collect();
                let parts: Option<Vec<Json>> = parts.into_iter().collect();
                parts.map(|parts| op(kind, parts))
            }
            "parent_account" => match row {
                // Inside an `or`: the account of the row, whose names are bare.
                Some(_) => {
                    let items = self.list(term, "terms", path)?;
                    let parts: Vec<Option<Json>> = items
                        .iter()
                        .enumerate()
                        .map(|(place, term)| {
                            self.term(term, None, &format!("{path}/terms/{place}"), depth + 1)
                        })
                        .collect();
                    let parts: Option<Vec<Json>> = parts.into_iter().collect();
                    parts.map(|parts| op("and", parts))
                }
                None => self.fault(
                    path,
                    "`parent_account` stands in queries for users; an account is asked directly",
                ),
            },
            "active_list" => self.active_list(term, path),
            "event_property" => self.fault(path, "properties of events are out of scope"),
            _ => {
                let asked = self.asked(term, kind, row, path)?;
                self.tested(term, &asked, path)
            }
        }
    }

    /// What a term is of: an expression, what its values are, and the type where it is known.
    pub(super) fn asked(
        &mut self,
        term: &Map<String, Json>,
        kind: &str,
        row: Option<&Row<'_>>,
        path: &str,
    ) -> Option<Asked> {
        let text = |reader: &mut Self, key: &str| reader.text(term, key, path).map(str::to_owned);
        let (theirs, needed) = match kind {
            "string" => (text(self, "term")?, NeededKind::Text),
            "string_attribute" | "lifecycle_attribute" | "lifecycle_attribute_stage_by_id" => {
                (text(self, "attribute")?, NeededKind::Text)
            }
            "list_attribute" => (text(self, "attribute")?, NeededKind::List),
            "number" => (text(self, "term")?, NeededKind::Number),
            "number_attribute" => (text(self, "attribute")?, NeededKind::Number),
            "number_metric" => (text(self, "metric")?, NeededKind::Number),
            "number_metric_change" => {
                let (metric, days) = (text(self, "metric")?, self.days(term, "duration", path)?);
                (format!("{metric}_change_{days}d"), NeededKind::Number)
            }
            "named_aggregation" => {
                let (what, days) = (text(self, "aggregation")?, self.days(term, "duration", path)?);
                (format!("{what}_{days}d"), NeededKind::Number)
            }
            "activity_aggregation" => {
                let (what, days) = (text(self, "activity")?, self.days(term, "duration", path)?);
                let module = match term.get("module") {
                    None | Some(Json::Null) => None,
                    Some(_) => Some(text(self, "module")?),
                };
                let what = module.map_or(what.clone(), |module| format!("{module}##{what}"));
                (format!("{what}_{days}d"), NeededKind::Number)
            }
            "lifecycle_attribute_stage_by_id_total_days" => {
                let (attribute, stage) = (text(self, "attribute")?, text(self, "stage")?);
                (format!("{attribute} days in {stage}"), NeededKind::Number)
            }
            "date" => (text(self, "term")?, NeededKind::Timestamp),
            "simple_date" => (text(self, "term")?, NeededKind::Date),
            "date_attribute" | "simple_date_attribute" => (text(self, "attribute")?, NeededKind::Date),
            "owner" => (text(self, "account_role")?, NeededKind::Text),
            "totango_user_scope" => ("Success Manager".to_owned(), NeededKind::Text),
            "products" => {
                return if row.is_some() {
                    self.fault(path, "products are those of accounts")
                } else {
                    let direct = self.direct(term, path)?;
                    Some(Asked {
                        read: Json::Null,
                        needed: NeededKind::Text,
                        kind: None,
                        products: Some(direct),
                        theirs: String::new(),
                    })
                };
            }
            "health_trend"
            | "health_reason"
            | "health_score"
            | "last_touch"
            | "last_touch_timestamp"
            | "on_attention" => (kind.to_owned(), NeededKind::Any),
            "health_dimension_score" => {
                (format!("health_dimension_{}", text(self, "dimension")?), NeededKind::Number)
            }
            other => {
                let hint = hint(other, TYPES.iter().copied());
                let other = shown(other);
                return self.fault(&format!("{path}/type"), format!("there is no type `{other}` here{hint}"));
            }
        };
        let read = match row {
            None => self.attribute(&theirs, needed, path)?,
            Some(row) => {
                let ours = self.renamed(&theirs);
                self.name(&ours, Some((row.table, row.variable)), needed, path)?
            }
        };
        let ours = self.ours(&theirs);
        let kind = if row.is_none() { self.type_of(&ours) } else { None };
        Some(Asked { read, needed, kind, products: None, theirs })
    }

    /// Whether products are those of the account itself, which they are where nothing is said.
    pub(super) fn direct(&mut self, object: &Map<String, Json>, path: &str) -> Option<bool> {
        match object.get("direct") {
            None | Some(Json::Null) => Some(true),
            Some(Json::Bool(direct)) => Some(*direct),
            Some(Json::String(text)) if text == "true" || text == "false" => Some(text == "true"),
            Some(other) => self.wrong(&format!("{path}/direct"), "true or false", other),
        }
    }

    /// What a term asks of its values; several questions are all to hold.
    fn tested(&mut self, term: &Map<String, Json>, asked: &Asked, path: &str) -> Option<Json> {
        let mut parts: Vec<Option<Json>> = Vec::new();
        for (key, value) in term.iter().filter(|(key, _)| !NAMING.contains(&key.as_str())) {
            let path = Place::at(path).field(key).to_string();
            parts.push(if OPERATORS.contains(&key.as_str()) {
                self.test(key, value, asked, &path)
            } else {
                let hint = hint(key, OPERATORS.iter().copied());
                let key = shown(key);
                self.fault(&path, format!("there is no question `{key}` here{hint}"))
            });
        }
        if parts.is_empty() {
            return self.fault(path, "the term asks nothing of its values");
        }
        let parts: Option<Vec<Json>> = parts.into_iter().collect();
        parts.map(|parts| op("and", parts))
    }

    fn test(&mut self, key: &str, value: &Json, asked: &Asked, path: &str) -> Option<Json> {
        if let Some(direct) = asked.products {
            return self.products(key, value, direct, path);
        }
        let read = asked.read.clone();
        let is_date = matches!(asked.needed, NeededKind::Date | NeededKind::Timestamp);
        match key {
            "in_list" | "is_one_of" | "not_in_list" | "is_not_one_of" => {
                let Json::Array(items) = value else {
                    return self.wrong(path, "a list", value);
                };
                if items.is_empty() {
                    return self.fault(path, "an empty list: nothing is in it");
                }
                let items: Vec<Option<Json>> = items
                    .iter()
                    .enumerate()
                    .map(|(place, item)| self.value(item, asked, &format!("{path}/{place}")))
                    .collect();
                let items: Option<Vec<Json>> = items.into_iter().collect();
                let list = json!({ "op": "list", "args": items? });
                let is_list = asked.needed == NeededKind::List || matches!(asked.kind, Some(Type::List(_)));
                let found =
                    if is_list { op("containsAny", vec![read, list]) } else { op("in", vec![read, list]) };
                Some(if key.contains("not") { not(found) } else { found })
            }
            "contains" => match value {
                Json::String(_) => {
                    let part = self.literal(value, Some(&Type::Text), path)?;
                    // A search, there: whatever the case.
                    let is_list =
                        asked.needed == NeededKind::List || matches!(asked.kind, Some(Type::List(_)));
                    Some(if is_list {
                        op("in", vec![part, read])
                    } else {
                        op("containsFold", vec![read, part])
                    })
                }
                other => self.wrong(path, "a text", other),
            },
            "exists" => {
                let truth = match value {
                    Json::Bool(truth) => *truth,
                    Json::String(text) if text == "true" || text == "false" => text == "true",
                    other => {
                        return self.wrong(path, "true or false", other);
                    }
                };
                let has = op("has", vec![read]);
                Some(if truth { has } else { not(has) })
            }
            "joker" => match value {
                Json::String(joker) => self.joker(&read, joker, path),
                other => self.wrong(path, "a text such as \"last_30_days\"", other),
            },
            "is_in_one_of" | "is_not_in" => {
                self.fault(path, "this is asked of saved segments: type `active_list`")
            }
            _ => {
                let word = match key {
                    "eq" => "eq",
                    "ne" => "ne",
                    "gt" => "gt",
                    "gte" => "ge",
                    "lt" => "lt",
                    _ => "le",
                };
                if is_date {
                    let days = if asked.needed == NeededKind::Date { Days::Whole } else { Days::Instants };
                    let days = match &asked.kind {
                        Some(Type::Date) => Days::Whole,
                        Some(Type::Timestamp) => Days::Instants,
                        _ => days,
                    };
                    let moment = self.moment(value, days, path)?;
                    return Some(op(word, vec![read, moment]));
                }
                let value = self.value(value, asked, path)?;
                Some(op(word, vec![read, value]))
            }
        }
    }

    fn value(&mut self, value: &Json, asked: &Asked, path: &str) -> Option<Json> {
        let kind = match (&asked.kind, asked.needed) {
            (Some(kind), _) => Some(kind.clone()),
            (None, NeededKind::Number) => Some(Type::Double),
            (None, NeededKind::Text | NeededKind::List) => Some(Type::Text),
            (None, _) => None,
        };
        // Ids are written as numbers and as texts alike.
        let as_text = match (value, &kind) {
            (Json::Number(number), Some(Type::Text | Type::Enum(_) | Type::Band(_) | Type::List(_))) => {
                Some(Json::String(number.to_string()))
            }
            _ => None,
        };
        self.literal(as_text.as_ref().unwrap_or(value), kind.as_ref(), path)
    }

    fn products(&mut self, key: &str, value: &Json, direct: bool, path: &str) -> Option<Json> {
        if !matches!(key, "in_list" | "not_in_list" | "eq") {
            return self.fault(path, "products are asked by `in_list`, `not_in_list` or `eq`");
        }
        let single = [value.clone()];
        let items: &[Json] = match value {
            Json::Array(items) if key != "eq" => items,
            _ => &single,
        };
        let mut parts: Vec<Option<Json>> = Vec::new();
        for (place, item) in items.iter().enumerate() {
            let product = match item {
                Json::String(_) => self.literal(item, Some(&Type::Text), path),
                other => self.wrong(&format!("{path}/{place}"), "a product", other),
            };
            parts.push(product.map(|product| {
                if direct {
                    // Its own product, or that of a product account directly below.
                    let own = op("eq", vec![json!({ "attr": ["product"] }), product.clone()]);
                    let below = op("eq", vec![json!({ "attr": ["c", "product"] }), product]);
                    let below = json!({ "op": "exists", "over": "children", "var": "c", "body": below });
                    op("isTrue", vec![op("or", vec![own, below])])
                } else {
                    op("owns", vec![product])
                }
            }));
        }
        if parts.is_empty() {
            return self.fault(path, "an empty list: nothing is in it");
        }
        let parts: Option<Vec<Json>> = parts.into_iter().collect();
        let found = op("or", parts?);
        Some(if key == "not_in_list" { not(found) } else { found })
    }

    /// Saved segments, by id.
    fn active_list(&mut self, term: &Map<String, Json>, path: &str) -> Option<Json> {
        let mut found: Vec<Option<Json>> = Vec::new();
        for (key, value) in term.iter().filter(|(key, _)| !matches!(key.as_str(), "type" | "query_term_id")) {
            let path = Place::at(path).field(key).to_string();
            let turned = match key.as_str() {
                "is_in_one_of" => false,
                "is_not_in" => true,
                _ => {
                    found
                        .push(self.fault(&path, "saved segments are asked by `is_in_one_of` or `is_not_in`"));
                    continue;
                }
            };
            let single = [value.clone()];
            let ids: &[Json] = match value {
                Json::Array(ids) => ids,
                _ => &single,
            };
            let mut parts: Vec<Option<Json>> = Vec::new();
            for (place, id) in ids.iter().enumerate() {
                let id = match id {
                    Json::String(id) => Some(id.clone()),
                    Json::Number(id) => Some(id.to_string()),
                    other => self.wrong(&format!("{path}/{place}"), "the id of a segment", other),
                };
                parts.push(id.map(|id| {
                    let id = self.renamed(&id);
                    self.segment(&id, &format!("{path}/{place}"))
                }));
            }
            if parts.is_empty() {
                found.push(self.fault(&path, "an empty list of segments"));
                continue;
            }
            let parts: Option<Vec<Json>> = parts.into_iter().collect();
            let any = parts.map(|parts| op("or", parts));
            found.push(any.map(|any| if turned { not(any) } else { any }));
        }
        if found.is_empty() {
            return self.fault(path, "the term asks nothing: expected `is_in_one_of` or `is_not_in`");
        }
        let found: Option<Vec<Json>> = found.into_iter().collect();
        found.map(|found| op("and", found))
    }
}

/// What a term is of.
pub(super) struct Asked {
    pub(super) read: Json,
    needed: NeededKind,
    kind: Option<Type>,
    /// Products of the account itself, or of its subtree.
    products: Option<bool>,
    pub(super) theirs: String,
}
