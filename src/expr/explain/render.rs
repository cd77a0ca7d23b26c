//! How does an explanation read?

use std::fmt;

use super::{Explanation, Gathered, Origin, PartKind};
use crate::expr::value::ExprValue;

const fn word(truth: Option<bool>) -> &'static str {
    match truth {
        Some(true) => "yes",
        Some(false) => "no",
        None => "open",
    }
}

impl fmt::Display for Explanation {
    /// One line for each part, and one for each value that was read; then what would have to change. `open` is what
    /// has no answer.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_question = !matches!(self.value(), Some(value) if !matches!(value, ExprValue::Bool(_)));
        write!(f, "{} on {}: ", self.account, self.date)?;
        match self.value() {
            Some(value) if !is_question => writeln!(f, "{value}")?,
            _ => writeln!(f, "{}", word(self.truth()))?,
        }
        let mut left: Vec<(usize, usize)> = if self.parts.is_empty() { Vec::new() } else { vec![(0, 0)] };
        while let Some((at, depth)) = left.pop() {
            let Some(part) = self.parts.get(at) else { continue };
            let indent = depth * 2;
            let said = match (&part.value, part.truth()) {
                (Some(value), None) => value.to_string(),
                (_, truth) => word(truth).to_owned(),
            };
            let what = match part.kind {
                PartKind::All => "all of",
                PartKind::Any => "one of",
                PartKind::Not => "not",
                _ => &*part.text,
            };
            writeln!(f, "{:indent$}{said:<4} {what}", "")?;
            for reading in &part.reads {
                let value = reading.value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
                write!(f, "{:indent$}       {} = {value}", "", reading.text)?;
                origin(f, &reading.from)?;
                writeln!(f)?;
            }
            // A part is written once, even in a document that says otherwise.
            let below = part.below.iter().rev().filter(|below| **below > at);
            left.extend(below.map(|below| (*below, depth + 1)));
        }
        let Some(flip) = &self.flip else { return Ok(()) };
        writeln!(f, "it would {} if:", if flip.to { "be yes" } else { "not be yes" })?;
        for (at, to) in &flip.parts {
            let text = self.parts.get(*at).map_or("", |part| &*part.text);
            writeln!(f, "  `{text}` were {}", word(Some(*to)))?;
        }
        if flip.shared {
            writeln!(f, "  (what they read is read elsewhere in it as well)")?;
        }
        Ok(())
    }
}

fn origin(f: &mut fmt::Formatter<'_>, from: &Origin) -> fmt::Result {
    match from {
        Origin::Own => Ok(()),
        Origin::Account(id) => write!(f, " (of {id})"),
        Origin::Nowhere => f.write_str(" (there is no such account)"),
        Origin::Day => f.write_str(" (the day of the question)"),
        Origin::Accounts(found) => gathered(f, found, "account"),
        Origin::Rows(found) => gathered(f, found, "row"),
    }
}

fn gathered<Id: fmt::Display>(f: &mut fmt::Formatter<'_>, found: &Gathered<Id>, word: &str) -> fmt::Result {
    let s = if found.asked == 1 { "" } else { "s" };
    write!(f, " (of {} {word}{s}", found.asked)?;
    if found.missing > 0 {
        write!(f, ", {} without an answer", found.missing)?;
    }
    if found.cancelled > 0 {
        write!(f, ", {} cancelled left out", found.cancelled)?;
    }
    for (place, (id, value)) in found.witnesses.iter().enumerate() {
        write!(f, "{}{id}", if place == 0 { ": " } else { ", " })?;
        match value {
            Some(ExprValue::Bool(_)) | None => {}
            Some(value) => write!(f, " {value}")?,
        }
    }
    let more = found.decisive.saturating_sub(found.witnesses.len() as u64);
    if more > 0 {
        write!(f, " and {more} more")?;
    }
    f.write_str(")")
}
