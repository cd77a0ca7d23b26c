//! How is a value of a type that serde knows read from JSON, with every fault, its place and the words of the document?
//!
//! Serde stops at the first fault and names Rust types. Here a value that serde refuses is read again by a deserializer of our own, whose
//! errors have a place and the words of a document. After each fault the wrong part is replaced by a **gap**, which reads as
//! whatever is asked of it, and the value is read once more, so that the next fault is found. A fault that only a gap causes (it may be
//! no currency) is not reported: another text is tried, and then what holds the gap becomes a gap itself.
//!
//! What is accepted is decided by serde alone.

mod edits;
mod error;
mod objects;
mod reader;
mod variant;

use serde::de::DeserializeOwned;
use serde_json::Value;

use self::edits::Edits;
use self::reader::Reader;
use super::{JsonDocument, JsonFault, JsonFaultKind, Place};
use crate::model::Faults;

/// Reads of one value, at most: each finds one fault.
const MAX_READS: usize = 1_000;
/// Of a large value fewer, so that all reads together see no more parts than this; but always [`MIN_READS`].
const MAX_PARTS_READ: usize = 10_000_000;
/// Reads of one value, however large it is.
const MIN_READS: usize = 20;

/// How often a value with a fault is read again.
fn reads_of(json: &Value) -> usize {
    let (mut parts, mut left) = (0_usize, vec![json]);
    while let Some(part) = left.pop() {
        parts += 1;
        match part {
            Value::Array(items) => left.extend(items),
            Value::Object(fields) => left.extend(fields.values()),
            _ => {}
        }
    }
    (MAX_PARTS_READ / parts.max(1)).clamp(MIN_READS, MAX_READS)
}

/// Reads a value; every fault is noted.
pub(crate) fn read<T: DeserializeOwned, F: From<JsonFault>>(
    json: &Value,
    place: &Place<'_>,
    faults: &mut Faults<F>,
) -> Option<T> {
    if let Ok(value) = T::deserialize(json) {
        return Some(value);
    }
    let (mut edits, known) = (Edits::default(), faults.count());
    let mut before: Vec<JsonFault> = Vec::new();
    for _ in 0..reads_of(json) {
        let Err(error) = T::deserialize(Reader::at(json, *place, &edits)) else { break };
        if !error.is_consequence() {
            let found = error.faults(place);
            // Nothing changed since the last read, so that nothing more will be found.
            if found == before {
                break;
            }
            for fault in &found {
                faults.add(|| fault.clone().into());
            }
            before = found;
        }
        // Further faults would only be counted, at the price of a read each.
        if faults.is_full() {
            break;
        }
        if !edits.mend(&error) {
            break;
        }
    }
    if faults.count() == known {
        faults.refuse(place, || JsonFaultKind::Other { message: "this cannot be read".to_owned() });
    }
    None
}

/// Reads a value from JSON text, with every fault at once, each with its place and in the words of the document: facts, exchange rates,
/// fiscal calendars, changes of a schema or of accounts, or a host's own type that holds such. A byte order mark at the start is skipped.
///
/// Schemas, catalogs, queries and segments have readers of their own, which check more: [`Schema::from_json`](crate::Schema::from_json),
/// [`Manifest::read`](crate::catalog::Manifest::read) and their kin.
///
/// ```
/// use perennial::{Date, ExchangeRate, read_json};
///
/// let text = r#"[{ "from": "USD", "to": "EUR", "since": "2026-01-01", "rate": "0.92" }]"#;
/// let rates: Vec<ExchangeRate> = read_json(text)?;
/// assert_eq!(rates[0].since, Date::new(2026, 1, 1)?);
///
/// let text = r#"[{ "kind": "plam", "from": "USD", "to": 5, "rate": "0.92" }]"#;
/// assert_eq!(
///     read_json::<Vec<ExchangeRate>>(text).unwrap_err().to_string(),
///     "at `/0/kind`: unknown kind of rate `plam`; did you mean `plan`?\n\
///      at `/0/to`: expected a text, found 5\n\
///      at `/0`: missing field `since`",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Every fault: text that is not JSON, fields that are unknown, missing or there twice, values of another type, words that are not
/// known.
///
/// # Complexity
///
/// Linear in the text where it has no fault; once more for each fault, of which as many are found as ten million parts of documents can be
/// read for, at least 20 and at most 1,000.
pub fn read_json<T: DeserializeOwned>(text: &str) -> Result<T, Faults<JsonFault>> {
    let mut faults = Faults::none();
    let document = JsonDocument::parse(text, &mut faults);
    let value = document.and_then(|document| read(&document.value, &Place::ROOT, &mut faults));
    faults.or(value)
}
