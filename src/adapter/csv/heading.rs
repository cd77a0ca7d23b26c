//! Why does the header of a file lack the columns that a mapping needs?
//!
//! For the message only: another delimiter, a title before the header, UTF-16 without a byte order mark. Nothing is
//! read differently because of it.

use std::fmt::Write as _;

use super::limits::MAX_SHOWN_CHARS;
use super::mapping_error::CsvMappingFaultKind as Fault;
use super::records::Records;
use crate::source::strip_invisible;

const MOST_HEADINGS: usize = 12;
const ROWS_LOOKED_AT: usize = 20;
const DELIMITERS: [char; 4] = [';', '\t', '|', ','];

/// Which headings were found, and the probable cause.
pub(super) fn describe(records: &mut Records, delimiter: u8) -> Fault {
    let header = records.header().clone();
    let line = records.header_line();
    let named: Vec<&str> = header.iter().map(|name| &**name).filter(|name| !name.is_empty()).collect();
    let mut headings: String = named
        .iter()
        .take(MOST_HEADINGS)
        .map(|name| format!("`{}`", shown(name)))
        .collect::<Vec<_>>()
        .join(", ");
    if named.len() > MOST_HEADINGS {
        // Writing to a string cannot fail.
        let _ = write!(headings, " and {} more", named.len() - MOST_HEADINGS);
    }
    let delimiter = char::from(delimiter);
    let looks = utf16_without_mark(&named)
        .or_else(|| other_delimiter(&named, delimiter))
        .or_else(|| title_before_header(records, named.len(), line))
        .map(|looks| format!("; {looks}"));
    Fault::Header { line, headings, looks: looks.unwrap_or_default() }
}

fn utf16_without_mark(named: &[&str]) -> Option<String> {
    let has_nul = named.iter().any(|name| name.contains('\0'));
    has_nul.then(|| "it looks like UTF-16 without a byte order mark; save the file as UTF-8".to_owned())
}

fn other_delimiter(named: &[&str], delimiter: char) -> Option<String> {
    let spoken =
        |delimiter: char| if delimiter == '\t' { "a tab".to_owned() } else { format!("`{delimiter}`") };
    let first = named.first()?;
    let said = first.get(..4).filter(|word| word.eq_ignore_ascii_case("sep=")).and(first.chars().nth(4));
    if let Some(said) = said {
        return Some(format!(
            "the line says that {} delimits fields, and the mapping says {}",
            spoken(said),
            spoken(delimiter)
        ));
    }
    let count = |wanted: char| named.iter().map(|name| name.matches(wanted).count()).sum::<usize>();
    let other =
        DELIMITERS.into_iter().filter(|other| *other != delimiter).max_by_key(|other| count(*other))?;
    (count(other) >= named.len()).then(|| {
        format!(
            "it looks as if {} delimited fields, and the mapping says {}",
            spoken(other),
            spoken(delimiter)
        )
    })
}

// The header may be a title where a later row has more fields.
fn title_before_header(records: &mut Records, headings: usize, line: u64) -> Option<String> {
    for _ in 0..ROWS_LOOKED_AT {
        let Ok(Some((fields, below))) = records.next_of_any_length() else { return None };
        let filled = fields.iter().filter(|field| !field.trim().is_empty()).count();
        if filled > headings {
            return Some(format!(
                "line {below} has {filled} fields: is line {line} a title? say where the header is with \
                 `skip_lines` or `header_with`"
            ));
        }
    }
    None
}

/// The start of a text, with invisible and control characters as escapes.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(MAX_SHOWN_CHARS) {
        let hidden = c.is_control() || (c.is_whitespace() && c != ' ');
        if hidden || strip_invisible(c.encode_utf8(&mut [0; 4])).is_empty() {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}
