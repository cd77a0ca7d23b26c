//! Relative days as Salesforce writes them: `LAST_N_DAYS:30`, `THIS_FISCAL_QUARTER`.
//!
//! <https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_dateformats.htm>

use serde_json::{Value as Json, json};

use super::reader::{Reader, op};
use super::{ImportErrors, ImportFault, Imported, Importer, NeededKind};
use crate::model::shown;

/// Periods by their word, and what they are called here.
const PERIODS: [(&str, &str); 7] = [
    ("DAY", "day"),
    ("WEEK", "week"),
    ("MONTH", "month"),
    ("FISCAL_QUARTER", "fiscal_quarter"),
    ("QUARTER", "quarter"),
    ("FISCAL_YEAR", "fiscal_year"),
    ("YEAR", "year"),
];

/// The most periods that a literal counts.
const MAX_COUNT: i64 = 10_000;

impl Importer<'_> {
    /// A condition with a relative day of Salesforce: each literal is a range of whole days, and is compared as SOQL does:
    /// `=` within it, `<` before its first day, `>` after its last. `LAST_N_DAYS:n` holds today and the n days before,
    /// `NEXT_N_DAYS:n` the n days from tomorrow. Weeks and fiscal years begin as the question says.
    ///
    /// # Errors
    ///
    /// An unknown literal or operator, and a field that cannot be a name here.
    ///
    /// ```
    /// use perennial::segment::Importer;
    ///
    /// let read = |text| Importer::new().date_condition(text).map(|imported| imported.expression.to_string());
    /// assert_eq!(read("CloseDate = LAST_N_DAYS:30")?, "CloseDate >= daysAgo(30) && CloseDate <= today()");
    /// assert_eq!(read("CloseDate < THIS_FISCAL_QUARTER")?, "CloseDate < startOf(\"fiscal_quarter\", 0)");
    /// assert_eq!(read("CloseDate = NEXT_90_DAYS")?, "CloseDate >= daysFromNow(1) && CloseDate <= daysFromNow(90)");
    /// assert_eq!(read("CloseDate = LAST_DAYS:3").unwrap_err().faults().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn date_condition(&self, text: &str) -> Result<Imported, ImportErrors> {
        let mut reader = Reader::new(self);
        let text = text.trim();
        let operators = ["<=", ">=", "!=", "<>", "=", "<", ">"];
        let found = operators.iter().filter_map(|operator| text.find(operator).map(|at| (at, *operator)));
        // The first in the text; of two at one place the longer, which stands first above.
        let found = found.min_by_key(|(at, operator)| (*at, usize::MAX - operator.len()));
        let Some((at, operator)) = found else {
            let message = "expected a field, one of = != < <= > >=, and a day such as LAST_N_DAYS:30";
            return Err(ImportErrors::one(ImportFault::new("", message)));
        };
        let field = text.get(..at).unwrap_or_default().trim();
        let literal = text.get(at + operator.len()..).unwrap_or_default().trim();
        let found = reader.date_literal(field, operator, literal, "");
        reader.finish(found)
    }
}

impl Reader<'_> {
    pub(super) fn date_literal(
        &mut self,
        field: &str,
        operator: &str,
        literal: &str,
        path: &str,
    ) -> Option<Json> {
        let ours = self.renamed(field);
        let field = self.name(&ours, None, NeededKind::Date, path);
        let Some((first, last)) = range(literal) else {
            let literal = shown(literal);
            return self.fault(path, format!("`{literal}` is no relative day of Salesforce"));
        };
        let compared = |word: &str, day: &Json, field: &Json| op(word, vec![field.clone(), day.clone()]);
        let field = &field?;
        Some(match operator {
            "=" if first == last => compared("eq", &first, field),
            "=" => op("and", vec![compared("ge", &first, field), compared("le", &last, field)]),
            "!=" | "<>" if first == last => compared("ne", &first, field),
            "!=" | "<>" => op("or", vec![compared("lt", &first, field), compared("gt", &last, field)]),
            "<" => compared("lt", &first, field),
            "<=" => compared("le", &last, field),
            ">" => compared("gt", &last, field),
            ">=" => compared("ge", &first, field),
            other => return self.fault(path, format!("there is no operator `{other}`")),
        })
    }
}

/// The first and last day of a literal.
fn range(literal: &str) -> Option<(Json, Json)> {
    let upper = literal.to_ascii_uppercase();
    let (word, count) = match upper.split_once(':') {
        Some((word, count)) => {
            (word, Some(count.parse::<i64>().ok().filter(|n| (1..=MAX_COUNT).contains(n))?))
        }
        None => (upper.as_str(), None),
    };
    match (word, count) {
        ("YESTERDAY", None) => return Some((day(-1), day(-1))),
        ("TODAY", None) => return Some((day(0), day(0))),
        ("TOMORROW", None) => return Some((day(1), day(1))),
        ("LAST_90_DAYS", None) => return Some((day(-90), day(0))),
        ("NEXT_90_DAYS", None) => return Some((day(1), day(90))),
        _ => {}
    }
    for (name, period) in PERIODS {
        let start = |offset: i64| bound("startOf", period, offset);
        let end = |offset: i64| bound("endOf", period, offset);
        let is_day = period == "day";
        let found =
            match (word.strip_prefix("THIS_"), word.strip_prefix("LAST_"), word.strip_prefix("NEXT_"), count)
            {
                (Some(rest), _, _, None) if rest == name && !is_day => Some((start(0), end(0))),
                (_, Some(rest), _, None) if rest == name && !is_day => Some((start(-1), end(-1))),
                (_, _, Some(rest), None) if rest == name && !is_day => Some((start(1), end(1))),
                (_, Some(rest), _, Some(n)) if is_counted(rest, name) => {
                    Some(if is_day { (day(-n), day(0)) } else { (start(-n), end(-1)) })
                }
                (_, _, Some(rest), Some(n)) if is_counted(rest, name) => {
                    Some(if is_day { (day(1), day(n)) } else { (start(1), end(n)) })
                }
                (.., Some(n))
                    if word.strip_prefix("N_").and_then(|rest| rest.strip_suffix("S_AGO")) == Some(name) =>
                {
                    Some(if is_day { (day(-n), day(-n)) } else { (start(-n), end(-n)) })
                }
                _ => None,
            };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// `N_DAYS`, `N_FISCAL_QUARTERS`.
fn is_counted(rest: &str, name: &str) -> bool {
    rest.strip_prefix("N_").and_then(|rest| rest.strip_suffix('S')) == Some(name)
}

pub(super) fn day(offset: i64) -> Json {
    let count = json!({ "lit": { "int": offset.abs() } });
    match offset {
        0 => op("today", Vec::new()),
        offset if offset < 0 => op("daysAgo", vec![count]),
        _ => op("daysFromNow", vec![count]),
    }
}

pub(super) fn bound(function: &str, period: &str, offset: i64) -> Json {
    let offset = json!({ "lit": { "int": offset } });
    op(function, vec![json!({ "lit": { "text": period } }), offset])
}
