//! What does the report of a delta say to people?

use std::fmt;

use super::report::{DeltaReport, SegmentDelta};

/// A line for each difference; `{:#}` groups the digits of large numbers, as values do. Accounts added, removed and moved, values, answers and members of segments with their causes, renamed
/// definitions, and what is left out.
///
/// ```
/// use perennial::catalog::{CalculatedAttribute, DefinitionRef};
/// use perennial::engine::{Engine, EngineSettings, Update};
/// use perennial::source::MemorySource;
/// use perennial::{AccountId, AccountRow, AsOf, Attribute, AttributeType, Change, Date, Nesting, Schema, Scope};
///
/// let schema = Schema::builder()
///     .account_type("Company", Nesting::Free)
///     .attribute(Attribute::new("seats", AttributeType::Int))
///     .build()?;
/// let acme = AccountId::new("acme")?;
/// let engine = Engine::new(schema, AsOf::date_utc(Date::new(2026, 1, 31)?), EngineSettings::new())?;
/// engine.load(&MemorySource::new().account(AccountRow::new(acme.clone(), "Company").with("seats", 12)))?;
/// let twice = CalculatedAttribute::new("twice", "seats * 2");
/// engine.apply(Update::new().define(twice).subscribe(DefinitionRef::attribute("twice")))?;
/// let delta = engine.apply(Change::new().set(&acme, "seats", 15))?.delta;
/// assert_eq!(delta.report(&Scope::all())?.to_string(), "seats of acme: 12 -> 15\ntwice of acme: 24 -> 30 (data)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl fmt::Display for DeltaReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_grouped = f.alternate();
        let mut lines = Lines { f, is_first: true };
        for id in &self.accounts.added {
            lines.line(format_args!("{id} added"))?;
        }
        for id in &self.accounts.removed {
            lines.line(format_args!("{id} removed"))?;
        }
        for step in &self.accounts.moves {
            let above = |path: &[crate::model::AccountId]| match path.first() {
                Some(parent) => parent.to_string(),
                None => "the top".to_owned(),
            };
            let (from, to) = (above(&step.from), above(&step.to));
            lines.line(format_args!("{} moved from {from} to {to}", step.account))?;
        }
        for change in &self.accounts.values {
            let (from, to) = (shown(change.from.as_ref(), is_grouped), shown(change.to.as_ref(), is_grouped));
            match &change.child {
                Some((table, row)) => {
                    let (column, account) = (&change.attribute, &change.account);
                    lines.line(format_args!("{table}.{column} of {row} of {account}: {from} -> {to}"))?;
                }
                None => {
                    lines.line(format_args!("{} of {}: {from} -> {to}", change.attribute, change.account))?;
                }
            }
        }
        for change in &self.derived {
            let (from, to) = (shown(change.from.as_ref(), is_grouped), shown(change.to.as_ref(), is_grouped));
            let (column, account, causes) = (&change.column, &change.account, change.causes);
            lines.line(format_args!("{column} of {account}: {from} -> {to} ({causes})"))?;
        }
        for SegmentDelta { segment, entered, left } in &self.segments {
            for (account, causes) in entered {
                lines.line(format_args!("{account} entered {segment} ({causes})"))?;
            }
            for (account, causes) in left {
                lines.line(format_args!("{account} left {segment} ({causes})"))?;
            }
        }
        for (was, is) in &self.renamed {
            lines.line(format_args!("{was} renamed to `{}`", is.name))?;
        }
        for id in &self.left_out {
            lines.line(format_args!("{id} not compared, since it reads all accounts"))?;
        }
        if lines.is_first { f.write_str("nothing differs") } else { Ok(()) }
    }
}

/// Lines, the first without a break before it.
struct Lines<'f, 'o> {
    f: &'f mut fmt::Formatter<'o>,
    is_first: bool,
}

impl Lines<'_, '_> {
    fn line(&mut self, line: fmt::Arguments<'_>) -> fmt::Result {
        if !std::mem::replace(&mut self.is_first, false) {
            self.f.write_str("\n")?;
        }
        self.f.write_fmt(line)
    }
}

fn shown(value: Option<&impl fmt::Display>, is_grouped: bool) -> String {
    match value {
        Some(value) if is_grouped => format!("{value:#}"),
        Some(value) => value.to_string(),
        None => "none".to_owned(),
    }
}
