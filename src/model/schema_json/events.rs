//! How do kinds of event read as JSON, with every fault and its place?

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::reader;
use crate::model::{
    Attribute, EventKind, Faults, Fields, JsonFault, JsonFaultKind, Place, SchemaErrors, SchemaFaultKind,
    UsageSchema,
};

/// What a kind of event may say.
const KNOWN: [&str; 8] =
    ["name", "label", "description", "module", "action", "properties", "measures", "each"];

impl UsageSchema {
    /// Reads the list of kinds of event in a field of a document; `None` where it is left out, or something is wrong.
    pub(crate) fn read(
        document: &Fields<'_, '_>,
        field: &str,
        faults: &mut Faults<JsonFault>,
    ) -> Option<Self> {
        let (list, known) = (document.at(field), faults.count());
        let mut kinds: Vec<EventKind> = Vec::new();
        let mut names: HashSet<Arc<str>> = HashSet::new();
        for (at, item) in document.list(field, faults)?.iter().enumerate() {
            let place = list.item(at);
            let Some(kind) = kind(item, place, faults) else { continue };
            // Each by itself, so that its faults have its place.
            for fault in Self::new([kind.clone()]).err().into_iter().flatten() {
                faults.refuse_as(&place, fault.to_string());
            }
            if !names.insert(kind.name.clone()) {
                faults.refuse_as(&place, format!("event `{}` is declared twice", kind.name));
            }
            kinds.push(kind);
        }
        if faults.count() > known {
            return None;
        }
        let made = Self::new(kinds);
        made.map_err(|errors| errors.into_iter().for_each(|fault| faults.refuse_as(&list, fault.to_string())))
            .ok()
    }
}

fn kind(json: &Value, place: Place<'_>, faults: &mut Faults<JsonFault>) -> Option<EventKind> {
    let fields = Fields::open(json, place, &KNOWN, faults)?;
    let mut text = |field| fields.kept_text(field, faults);
    let (label, documentation) = (text("label"), text("description"));
    let (module, action) = (text("module"), text("action"));
    let name = fields.needed_text("name", faults);
    let each = fields.truth("each", faults).unwrap_or(false);
    let kind =
        EventKind { label, documentation, module, action, each, ..EventKind::new(name.unwrap_or_default()) };
    let kind = attributes(&fields, "properties", faults).into_iter().fold(kind, EventKind::property);
    let kind = attributes(&fields, "measures", faults).into_iter().fold(kind, EventKind::measure);
    name.map(|_| kind)
}

/// The properties or measures of a kind.
fn attributes(fields: &Fields<'_, '_>, field: &str, faults: &mut Faults<JsonFault>) -> Vec<Attribute> {
    let list = fields.at(field);
    let items = fields.list(field, faults).unwrap_or_default().iter().enumerate();
    let mut own = SchemaErrors::none();
    let declared = items.filter_map(|(at, item)| reader::column(item, list.item(at), &mut own));
    let declared = declared.map(|declared| declared.attribute).collect();
    faults.append(own, |fault| JsonFault {
        path: fault.path().to_owned(),
        kind: match fault.kind() {
            SchemaFaultKind::Json(kind) => kind.clone(),
            kind => JsonFaultKind::Other { message: kind.to_string() },
        },
    });
    declared
}
