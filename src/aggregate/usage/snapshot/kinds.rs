//! Are the kinds of event of a snapshot those of the host?

use indexmap::IndexMap;

use crate::aggregate::{EventKind, UsageSchema};
use crate::book::{Read, Reader, SnapshotError, Writer};
use crate::model::Attribute;

/// Differences that are described; the others are counted.
const MAX_DESCRIBED: usize = 8;

pub(super) fn write(out: &mut Writer<'_>, schema: &UsageSchema) {
    out.count(schema.kinds().len());
    for (name, fields) in lines(schema) {
        out.text(&name);
        out.text(&fields);
    }
}

/// What must be the same: of each kind its name, and of what it has the names and types.
fn lines(schema: &UsageSchema) -> impl Iterator<Item = (String, String)> {
    fn typed<'a>(fields: impl Iterator<Item = &'a Attribute>) -> String {
        fields.map(Attribute::type_json).collect::<Vec<_>>().join(",")
    }
    let fields = |kind: &EventKind| {
        let each = if kind.is_each() { ",\"each\":true" } else { "" };
        let (properties, measures) = (typed(kind.properties()), typed(kind.measures()));
        format!("{{\"properties\":[{properties}],\"measures\":[{measures}]{each}}}")
    };
    schema.kinds().map(move |kind| (kind.name().to_owned(), fields(kind)))
}

pub(super) fn check(reader: &mut Reader<'_>, schema: &UsageSchema) -> Read<()> {
    let count = reader.count(16)?;
    let mut theirs: IndexMap<String, String> = IndexMap::new();
    for _ in 0..count {
        let name = reader.text()?.to_owned();
        theirs.insert(name, reader.text()?.to_owned());
    }
    let ours: IndexMap<String, String> = lines(schema).collect();
    let mut differences = Vec::new();
    for (name, fields) in &theirs {
        match ours.get(name) {
            None => differences.push(format!("event `{name}` is in the snapshot only")),
            Some(own) if own != fields => differences.push(format!("event `{name}` is declared otherwise")),
            Some(_) => {}
        }
    }
    let new = ours.keys().filter(|name| !theirs.contains_key(*name));
    differences.extend(new.map(|name| format!("event `{name}` is not in the snapshot")));
    if differences.is_empty() && !theirs.keys().eq(ours.keys()) {
        differences.push("the order of its events differs".to_owned());
    }
    if differences.is_empty() {
        return Ok(());
    }
    if differences.len() > MAX_DESCRIBED {
        let more = differences.len() - MAX_DESCRIBED;
        differences.truncate(MAX_DESCRIBED);
        differences.push(format!("{more} more"));
    }
    Err(SnapshotError::OtherSchema { differences })
}
