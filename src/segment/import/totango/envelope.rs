//! What stands around the terms?

use serde_json::{Map, Value as Json, json};

use super::super::reader::{Reader, op};
use super::super::{ImportErrors, Importer};
use super::terms::Row;
use super::{TotangoColumn, TotangoQuery, TotangoTarget};
use crate::expr::Ast;
use crate::model::{DocumentVersion, found, shown};

/// Records of one answer, where the query does not say, and at most.
const COUNT: usize = 1_000;

/// Keys of the envelope that are read; others are passed over with a note.
const KEYS: [&str; 9] = [
    "terms",
    "fields",
    "count",
    "offset",
    "sort_by",
    "sort_order",
    "scope",
    "parent_account_fields",
    "group_fields",
];

impl Importer<'_> {
    /// A query of the Totango Search API, by the path that it is posted to.
    ///
    /// # Errors
    ///
    /// Every term and column that an expression cannot say, with its place; a query for events or tasks, which is out of
    /// scope.
    ///
    /// ```
    /// use perennial::segment::Importer;
    ///
    /// let query = Importer::parse(r#"{ "terms": [
    ///     { "type": "string_attribute", "attribute": "Account Type", "in_list": ["Client"] },
    ///     { "type": "simple_date_attribute", "attribute": "Contract Renewal Date", "joker": "between_next_90_and_200_days" }
    /// ], "fields": [{ "type": "number", "term": "contract_value", "field_display_name": "Value" }], "count": 100, "offset": 0,
    /// "sort_by": "display_name", "sort_order": "ASC", "scope": "all" }"#)?;
    /// let read = Importer::new().totango("/api/v1/search/accounts", &query)?;
    /// assert_eq!(
    ///     read.expression.to_string(),
    ///     "account_type in [\"Client\"] && (contract_renewal_date >= daysFromNow(90) && contract_renewal_date <= daysFromNow(200))"
    /// );
    /// assert_eq!(read.columns[0].value.to_string(), "contract_value");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn totango(&self, endpoint: &str, query: &Json) -> Result<TotangoQuery, ImportErrors> {
        let mut reader = Reader::new(self);
        let read = reader.endpoint(endpoint).and_then(|target| reader.totango(target, query));
        match read {
            Some(mut read) if reader.is_sound() => {
                (read.names, read.notes) = reader.into_parts();
                Ok(read)
            }
            _ => Err(reader.errors()),
        }
    }
}

impl Reader<'_> {
    fn endpoint(&mut self, endpoint: &str) -> Option<TotangoTarget> {
        let path = endpoint.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let is = |end: &str| path.ends_with(end);
        if is("search/accounts") || path == "accounts" || path.is_empty() {
            Some(TotangoTarget::Accounts)
        } else if is("search/accounts/collections") {
            Some(TotangoTarget::Collections)
        } else if is("search/accounts/health_dist") {
            Some(TotangoTarget::HealthDistribution)
        } else if is("search/users/internal") {
            Some(TotangoTarget::TeamUsers)
        } else if is("search/users") || path == "users" {
            Some(TotangoTarget::Users)
        } else if is("events/search") || path == "events" {
            self.fault("", "a query for events is out of scope: an expression asks accounts and their rows")
        } else if path.contains("/tasks/") {
            self.fault("", "a query for tasks is out of scope: an expression asks accounts and their rows")
        } else {
            let path = shown(path);
            self.fault("", format!("`{path}` is no path of the Search API for accounts or users"))
        }
    }

    fn totango(&mut self, target: TotangoTarget, json: &Json) -> Option<TotangoQuery> {
        let Json::Object(query) = json else {
            return self.wrong("", "an object with `terms`", json);
        };
        for key in query.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let key = shown(key);
            self.note("", format!("`{key}` is passed over"));
        }
        let row = match target {
            TotangoTarget::Accounts | TotangoTarget::HealthDistribution => None,
            TotangoTarget::Users => Some(Row { table: "users", variable: "u" }),
            TotangoTarget::TeamUsers => Some(Row { table: "team_users", variable: "u" }),
            TotangoTarget::Collections => Some(Row { table: "collections", variable: "c" }),
        };
        let row = row.map(|row| (self.renamed(row.table), row.variable));
        let row = row.as_ref().map(|(table, variable)| Row { table, variable });
        if !query.contains_key("terms") {
            return self.fault("", "missing field `terms`; an empty list asks for everything");
        }
        let terms = self.items(query, "terms", "")?;
        let (of_account, of_row) = self.terms(terms, row.as_ref());
        if let Some(scope) = query.get("scope").filter(|scope| **scope != json!("all")) {
            self.fault::<()>("/scope", format!("only the scope \"all\" is known, not {}", found(scope)));
        }
        let columns = self.columns(query, row.as_ref());
        let sort = self.sort(query);
        let count = self.amount(query, "count", COUNT);
        let count = if count > COUNT {
            self.note("/count", format!("an answer has at most {COUNT} records"));
            COUNT
        } else {
            count
        };
        let offset = self.amount(query, "offset", 0);
        let everything = json!({ "lit": { "bool": true } });
        let rows = row.as_ref().map(|row| {
            let body = if of_row.is_empty() { everything.clone() } else { op("and", of_row) };
            json!({ "op": "exists", "over": row.table, "var": row.variable, "body": body })
        });
        let mut all = of_account;
        // A lambda that asks nothing of its row is a count of them: there must be one all the same.
        let asks_row = rows.as_ref().is_some_and(|rows| rows.get("body") != Some(&everything));
        match (&rows, &row) {
            (Some(rows), _) if asks_row => all.push(rows.clone()),
            (_, Some(row)) => {
                let count = op("count", vec![json!({ "attr": [row.table] })]);
                all.push(op("gt", vec![count, json!({ "lit": { "int": 0 } })]));
            }
            _ => {}
        }
        let whole = if all.is_empty() { everything } else { op("and", all) };
        let expression = self.expression(&whole, "/terms");
        let rows = match rows.filter(|_| asks_row) {
            Some(rows) => Some(self.expression(&rows, "/terms")?),
            None => None,
        };
        Some(TotangoQuery {
            v: DocumentVersion,
            target,
            expression: expression?,
            rows,
            columns,
            sort,
            count: count.max(1),
            offset,
            names: Vec::new(),
            notes: Vec::new(),
        })
    }

    fn columns(&mut self, query: &Map<String, Json>, row: Option<&Row<'_>>) -> Vec<TotangoColumn> {
        let mut columns = Vec::new();
        for (key, row) in [("fields", row), ("parent_account_fields", None)] {
            for (place, field) in self.items(query, key, "").unwrap_or_default().iter().enumerate() {
                let path = format!("/{key}/{place}");
                let Some((label, value)) = self.field(field, row, &path) else { continue };
                let value = self.expression(&value, &path);
                let of_account = row.is_none();
                columns.extend(value.map(|value| TotangoColumn { label: label.into(), value, of_account }));
            }
        }
        columns
    }

    fn sort(&mut self, query: &Map<String, Json>) -> Option<(Ast, bool)> {
        let descending = match query.get("sort_order") {
            None | Some(Json::Null) => false,
            Some(Json::String(order)) if order.eq_ignore_ascii_case("asc") => false,
            Some(Json::String(order)) if order.eq_ignore_ascii_case("desc") => true,
            Some(other) => self.wrong("/sort_order", "\"ASC\" or \"DESC\"", other)?,
        };
        let by = match query.get("sort_by") {
            None | Some(Json::Null) => return None,
            Some(Json::String(by)) => by.as_str(),
            Some(other) => self.wrong("/sort_by", "a text", other)?,
        };
        // `name` is the id there, `display_name` what people read.
        let by = match by {
            "name" => json!({ "attr": ["id"] }),
            "display_name" => self.system("name", super::super::NeededKind::Text, "/sort_by")?,
            other => {
                let ours = self.renamed(other);
                self.name(&ours, None, super::super::NeededKind::Any, "/sort_by")?
            }
        };
        Some((self.expression(&by, "/sort_by")?, descending))
    }

    fn amount(&mut self, query: &Map<String, Json>, key: &str, otherwise: usize) -> usize {
        match query.get(key) {
            None | Some(Json::Null) => otherwise,
            Some(value) => {
                let amount = value.as_u64().and_then(|amount| usize::try_from(amount).ok());
                let path = format!("/{key}");
                amount.or_else(|| self.wrong(&path, "a whole number", value)).unwrap_or(0)
            }
        }
    }
}
