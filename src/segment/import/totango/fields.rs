//! Which columns, and what is a name of Totango called here?

use serde_json::{Value as Json, json};

use super::super::NeededKind;
use super::super::reader::Reader;
use super::terms::Row;

/// Names that Totango gives, and ours for the same.
const NAMES: [(&str, &str); 22] = [
    ("Account Type", "account_type"),
    ("account_type", "account_type"),
    ("Account Name", "name"),
    ("search_name", "name"),
    ("display_name", "name"),
    ("identifier", "id"),
    ("Status", "status"),
    ("status", "status"),
    ("Create Date", "create_date"),
    ("Contract Start Date", "contract_start_date"),
    ("Contract Renewal Date", "contract_renewal_date"),
    ("Cancellation Date", "cancellation_date"),
    ("Trial Expiration Date", "trial_expiration_date"),
    ("Contract Value", "contract_value"),
    ("contract_value", "contract_value"),
    ("Licenses", "licenses"),
    ("Customer Journey Stage", "journey_stage"),
    ("Success Manager", "success_manager"),
    ("Sales Manager", "sales_manager"),
    ("score", "engagement_score"),
    ("health", "health"),
    ("status_group", "status_group"),
];

/// Names that every account has, whatever the schema.
const BUILT_IN: [&str; 2] = ["account_type", "id"];

impl Reader<'_> {
    /// A name of Totango as it is here.
    pub(super) fn ours(&self, theirs: &str) -> String {
        let renamed = self.renamed(theirs);
        if renamed != theirs {
            return renamed;
        }
        let known = NAMES.iter().find(|(known, _)| *known == theirs);
        known.map_or(renamed, |(_, ours)| (*ours).to_owned())
    }

    /// A name of ours, read.
    pub(super) fn system(&mut self, ours: &str, needed: NeededKind, path: &str) -> Option<Json> {
        if BUILT_IN.contains(&ours) {
            Some(json!({ "attr": [ours] }))
        } else {
            self.name(ours, None, needed, path)
        }
    }

    /// An attribute of accounts by its name there, read.
    pub(super) fn attribute(&mut self, theirs: &str, needed: NeededKind, path: &str) -> Option<Json> {
        let ours = self.ours(theirs);
        self.system(&ours, needed, path)
    }

    /// A column: what stands above it, and what it shows.
    pub(super) fn field(&mut self, json: &Json, row: Option<&Row<'_>>, path: &str) -> Option<(String, Json)> {
        let Json::Object(field) = json else {
            return self.wrong(path, "a column", json);
        };
        let kind = self.text(field, "type", path)?;
        let label = match field.get("field_display_name") {
            None | Some(Json::Null) => None,
            Some(Json::String(label)) => Some(label.trim_end().to_owned()),
            Some(other) => self.wrong(&format!("{path}/field_display_name"), "a text", other)?,
        };
        if kind == "products" {
            // A list that the host keeps: of the account and those directly below, or of the whole subtree.
            let direct = self.direct(field, path)?;
            let name = if direct { "products" } else { "products_in_subtree" };
            let read = self.name(name, None, NeededKind::List, path)?;
            return Some((label.unwrap_or_else(|| name.to_owned()), read));
        }
        let asked = self.asked(field, kind, row, path)?;
        Some((label.unwrap_or_else(|| asked.theirs.clone()), asked.read))
    }
}
