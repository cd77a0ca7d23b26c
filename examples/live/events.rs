//! What happened to an institution, from one sentence of English?

use std::error::Error;

use perennial::Date;

/// One dated sentence.
pub struct Event {
    pub id: String,
    pub on: Date,
    pub what: What,
}

/// What a sentence says. Everything else is told as it stands.
#[derive(Debug, PartialEq)]
pub enum What {
    Established { name: String, location: String, kind: String },
    Changed(Vec<(&'static str, String)>),
    Other(String),
}

/// The sentences of a file, in order of date, then as they stand.
pub fn read(path: &std::path::Path) -> Result<Vec<Event>, Box<dyn Error>> {
    let mut events = Vec::new();
    for row in csv::Reader::from_path(path)?.records() {
        let row = row?;
        let cell = |at: usize| row.get(at).ok_or("a row is too short");
        events.push(Event { id: cell(0)?.to_owned(), on: cell(1)?.parse()?, what: understood(cell(2)?) });
    }
    events.sort_by_key(|event| event.on);
    Ok(events)
}

fn understood(sentence: &str) -> What {
    let text = sentence.trim().trim_end_matches('.').trim();
    if let Some((who, kind)) = text.split_once(" was established as a ") {
        let (name, location) = who.split_once(" located at ").unwrap_or((who, ""));
        let own = |text: &str| text.trim().to_owned();
        return What::Established { name: own(name), location: own(location), kind: own(kind) };
    }
    let mut changes = Vec::new();
    // One sentence may tell of a new name, a new place and another type.
    for (attribute, mark) in [("name", " renamed to "), ("location", " moved to ")] {
        if let Some((_, to)) = text.split_once(mark) {
            changes.push((attribute, before_the_next(to)));
        }
    }
    if let Some((_, to)) = text.split_once(" changed from ").and_then(|(_, types)| types.split_once(" to ")) {
        changes.push(("entity_type", before_the_next(to)));
    }
    if changes.is_empty() { What::Other(sentence.to_owned()) } else { What::Changed(changes) }
}

fn before_the_next(text: &str) -> String {
    let ends = [" and moved to ", " and changed from ", " and was renamed to "];
    let end = ends.into_iter().filter_map(|mark| text.find(mark)).min().unwrap_or(text.len());
    text.get(..end).unwrap_or(text).trim().to_owned()
}
