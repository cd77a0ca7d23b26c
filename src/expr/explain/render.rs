//! How does an explanation read?
//!
//! A tree of parts with what each of them read, and a sentence for each part that would have to differ. `{:#}` groups the
//! digits of numbers, as [`ExprValue`] does.

use std::fmt;

use super::{
    DerivedValue, Explanation, FunctionInput, FunctionParts, Gathered, Origin, Part, PartKind, Provenance,
    RollUpPart, UsageDays,
};
use crate::expr::value::ExprValue;
use crate::model::grouped;

const fn word(truth: Option<bool>) -> &'static str {
    match truth {
        Some(true) => "yes",
        Some(false) => "no",
        None => "open",
    }
}

impl fmt::Display for Explanation {
    /// One line for each part, and one for each value that was read; then what would have to change. `open` is what
    /// has no answer. `{:#}` groups the digits of large numbers: `16,106,182.00 USD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_question = !matches!(self.value(), Some(value) if !matches!(value, ExprValue::Bool(_)));
        write!(f, "{} on {}: ", self.account, self.date)?;
        match self.value() {
            Some(value) if !is_question => writeln!(f, "{}", shown(f, Some(value)))?,
            _ => writeln!(f, "{}", word(self.truth()))?,
        }
        let mut told = vec![false; self.derived.len()];
        let mut written = vec![false; self.parts.len()];
        let mut left: Vec<Line> = if self.parts.is_empty() { Vec::new() } else { vec![Line::Part(0, 0)] };
        while let Some(line) = left.pop() {
            match line {
                Line::Part(at, depth) => {
                    let Some(part) = self.parts.get(at) else { continue };
                    // A part is written once, even in a document that says otherwise.
                    match written.get_mut(at) {
                        Some(written) if !*written => *written = true,
                        _ => continue,
                    }
                    write_part(f, part, depth)?;
                    let below = part.below.iter().rev();
                    left.extend(below.map(|below| Line::Part(*below, depth + 1)));
                    left.extend((0..part.reads.len()).rev().map(|read| Line::Reading(at, read, depth)));
                }
                Line::Reading(at, read, depth) => {
                    let Some(reading) = self.parts.get(at).and_then(|part| part.reads.get(read)) else {
                        continue;
                    };
                    let derived = reading.derived.and_then(|at| Some((at, self.derived.get(at)?)));
                    let indent = indent(depth) + 7;
                    write!(f, "{:indent$}{} = {}", "", reading.text, shown(f, reading.value.as_ref()))?;
                    origin(f, &reading.from)?;
                    let Some((at, derived)) = derived else {
                        writeln!(f)?;
                        continue;
                    };
                    if told.get(at) == Some(&true) {
                        writeln!(f, " (explained above)")?;
                        continue;
                    }
                    if let Some(told) = told.get_mut(at) {
                        *told = true;
                    }
                    let parts = provenance(f, derived, indent)?.into_iter().rev();
                    left.extend(parts.map(|part| Line::Part(part, depth + 4)));
                }
            }
        }
        if self.left_out > 0 {
            writeln!(f, "derived values that are read and not explained: {}", number(f, self.left_out))?;
        }
        let Some(flip) = &self.flip else { return Ok(()) };
        writeln!(f, "it would {} if:", if flip.to { "be yes" } else { "not be yes" })?;
        for (at, to) in &flip.parts {
            if let Some(part) = self.parts.get(*at) {
                otherwise(f, part, *to)?;
            }
        }
        if flip.shared {
            writeln!(f, "  (other parts read the same values)")?;
        }
        Ok(())
    }
}

/// What a part would have to be, what it is, and the values that it read.
fn otherwise(f: &mut fmt::Formatter<'_>, part: &Part, to: bool) -> fmt::Result {
    write!(f, "  `{}` were {to}", part.text)?;
    if let Some(account) = &part.account {
        write!(f, " at {account}")?;
    }
    match part.truth() {
        Some(truth) => write!(f, " (it is {truth}")?,
        None => f.write_str(" (it has no answer")?,
    }
    // A read of the whole part, such as `owns("CRM")`, would say the same again.
    for (place, read) in part.reads.iter().filter(|read| read.text != part.text).enumerate() {
        write!(f, "{} {} ", if place == 0 { ":" } else { "," }, read.text)?;
        match &read.value {
            Some(value) => write!(f, "is {}", shown(f, Some(value)))?,
            None => f.write_str("has no value")?,
        }
    }
    writeln!(f, ")")
}

/// Spaces before a part, at most: a chain of thousands would be mostly spaces.
const MAX_INDENT: usize = 160;

fn indent(depth: usize) -> usize {
    depth.saturating_mul(2).min(MAX_INDENT)
}

fn write_part(f: &mut fmt::Formatter<'_>, part: &Part, depth: usize) -> fmt::Result {
    let indent = indent(depth);
    let said = match (&part.value, part.truth()) {
        (Some(value), None) => shown(f, Some(value)),
        (_, truth) => word(truth).to_owned(),
    };
    let what = match part.kind {
        PartKind::All => "all of",
        PartKind::Any => "one of",
        PartKind::Not => "not",
        _ => &*part.text,
    };
    write!(f, "{:indent$}{said:<4} {what}", "")?;
    match &part.account {
        Some(account) => writeln!(f, " (at {account})"),
        None => writeln!(f),
    }
}

/// What is written of an explanation next.
enum Line {
    /// A part, so deep.
    Part(usize, usize),
    /// A reading of a part.
    Reading(usize, usize, usize),
}

fn shown(f: &fmt::Formatter<'_>, value: Option<&ExprValue>) -> String {
    match value {
        Some(value) if f.alternate() => format!("{value:#}"),
        Some(value) => value.to_string(),
        None => "nothing".to_owned(),
    }
}

fn number(f: &fmt::Formatter<'_>, number: impl fmt::Display) -> String {
    if f.alternate() { grouped(&number.to_string()) } else { number.to_string() }
}

/// So many of something: `1 row`, `3 rows`.
fn count(f: &fmt::Formatter<'_>, of: u64, word: &str) -> String {
    format!("{} {word}{}", number(f, of), if of == 1 { "" } else { "s" })
}

/// Ends the line of a derived value with what it was computed from; gives the parts that say more.
fn provenance(
    f: &mut fmt::Formatter<'_>,
    derived: &DerivedValue,
    indent: usize,
) -> Result<Vec<usize>, fmt::Error> {
    match &derived.from {
        Provenance::Expression(part) => writeln!(f, ", computed from").map(|()| vec![*part]),
        Provenance::Ranking(part) => writeln!(f, ", the place of").map(|()| vec![*part]),
        Provenance::BeyondLimits => writeln!(f, ", not explained further").map(|()| Vec::new()),
        Provenance::Past { of, on } => {
            match on {
                Some(on) => writeln!(f, ", {of} as recorded on {on}")?,
                None => writeln!(f, ", {of} as recorded before the calendar begins")?,
            }
            Ok(Vec::new())
        }
        Provenance::Parameter => writeln!(f, ", which came with the question").map(|()| Vec::new()),
        Provenance::Function(of) => function(f, of, indent),
        Provenance::RollUp(parts) => {
            write!(f, ", the {} of ", parts.operator)?;
            rows(f, &parts.whole)?;
            // The sum of a sum is the value itself.
            let sums = &parts.whole.sums;
            if sums.is_empty() || sums.iter().eq([&derived.value]) {
                writeln!(f)?;
            } else {
                writeln!(f, ": {}", together(f, sums))?;
            }
            for (account, part) in &parts.accounts {
                write!(f, "{:indent$}  {account}: ", "")?;
                share(f, part)?;
            }
            if parts.more > 0 {
                let s = if parts.more == 1 { "" } else { "s" };
                write!(f, "{:indent$}  {} more account{s}: ", "", number(f, parts.more))?;
                share(f, &parts.rest)?;
            }
            for missing in &parts.missing_rates {
                writeln!(f, "{:indent$}  {missing}", "")?;
            }
            Ok(Vec::new())
        }
    }
}

fn function(f: &mut fmt::Formatter<'_>, of: &FunctionParts, indent: usize) -> Result<Vec<usize>, fmt::Error> {
    write!(f, ", computed by `{}`", of.kind)?;
    match (&of.part, of.applies) {
        (Some(part), _) => writeln!(f, ", part `{part}`, from")?,
        (None, true) => writeln!(f, " from")?,
        (None, false) => writeln!(f, ", of which no part is for the account")?,
    }
    let mut parts: Vec<usize> = of.guard.into_iter().collect();
    for input in &of.inputs {
        match input {
            FunctionInput::Value(part) => parts.push(*part),
            FunctionInput::Rows { table, rows } => {
                writeln!(f, "{:indent$}  {} of {table}", "", count(f, *rows, "row"))?;
            }
            FunctionInput::Events { event, last_days, rows } => {
                let of = match rows {
                    None => "rows".to_owned(),
                    Some(rows) => count(f, *rows, "row"),
                };
                write!(f, "{:indent$}  {of} of events of {event}", "")?;
                match last_days {
                    None => writeln!(f)?,
                    Some(1) => writeln!(f, " today")?,
                    Some(days) => writeln!(f, " in {days} days")?,
                }
            }
            FunctionInput::Records { column, days, more } => {
                write!(f, "{:indent$}  what was recorded of {column}", "")?;
                for (place, (day, value)) in days.iter().flatten().enumerate() {
                    write!(f, "{}{day} {}", if place == 0 { ": " } else { ", " }, shown(f, value.as_ref()))?;
                }
                match (days, more) {
                    (Some(days), 0) if days.is_empty() => writeln!(f, ": nothing")?,
                    (_, 0) => writeln!(f)?,
                    (_, 1) => writeln!(f, " and 1 day before")?,
                    (_, more) => writeln!(f, " and {more} days before")?,
                }
            }
        }
    }
    Ok(parts)
}

/// What some accounts add to a roll-up, to the end of the line.
fn share(f: &mut fmt::Formatter<'_>, part: &RollUpPart) -> fmt::Result {
    if !part.sums.is_empty() {
        write!(f, "{} in ", together(f, &part.sums))?;
    }
    rows(f, part)?;
    writeln!(f)
}

/// The sums of an operator: both of a ratio.
fn together(f: &fmt::Formatter<'_>, sums: &[Option<ExprValue>]) -> String {
    sums.iter().map(|sum| shown(f, sum.as_ref())).collect::<Vec<_>>().join(" by ")
}

fn rows(f: &mut fmt::Formatter<'_>, part: &RollUpPart) -> fmt::Result {
    f.write_str(&count(f, part.counted, "row"))?;
    if part.decisive > 0 {
        write!(f, ", {} of them with the answer", number(f, part.decisive))?;
    }
    if part.skipped > 0 {
        write!(f, " and {} without a value", number(f, part.skipped))?;
    }
    Ok(())
}

fn usage(f: &mut fmt::Formatter<'_>, found: &UsageDays) -> fmt::Result {
    let (by, unit) = if found.by_week { ("by week ", "week") } else { ("", "day") };
    match found.first {
        Some(first) if first == found.last => write!(f, " (on {first}")?,
        Some(first) => write!(f, " ({by}from {first} to {}", found.last)?,
        None => write!(f, " ({by}until {}", found.last)?,
    }
    for (place, (day, value)) in found.days.iter().enumerate() {
        write!(f, "{}{day} {}", if place == 0 { ": " } else { ", " }, shown(f, value.as_ref()))?;
    }
    match (found.days.is_empty(), found.more) {
        (true, 0) => f.write_str(": nothing)"),
        (_, 0) => f.write_str(")"),
        (_, 1) => write!(f, " and 1 more {unit})"),
        (_, more) => write!(f, " and {more} more {unit}s)"),
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
        Origin::Usage(found) => usage(f, found),
    }
}

fn gathered<Id: fmt::Display>(f: &mut fmt::Formatter<'_>, found: &Gathered<Id>, word: &str) -> fmt::Result {
    write!(f, " (of {}", count(f, found.asked, word))?;
    if found.missing > 0 {
        write!(f, ", {} without an answer", number(f, found.missing))?;
    }
    if found.cancelled > 0 {
        write!(f, ", {} cancelled left out", number(f, found.cancelled))?;
    }
    for (place, (id, value)) in found.witnesses.iter().enumerate() {
        write!(f, "{}{id}", if place == 0 { ": " } else { ", " })?;
        match value {
            Some(ExprValue::Bool(_)) | None => {}
            Some(value) => write!(f, " {}", shown(f, Some(value)))?,
        }
    }
    let more = found.decisive.saturating_sub(found.witnesses.len() as u64);
    if more > 0 {
        write!(f, " and {} more", number(f, more))?;
    }
    f.write_str(")")
}
