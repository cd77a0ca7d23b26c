//! The results as one JSON document.
//!
//! `{"accounts": [..], "report": {..}, "checks": [..]}`: accounts in the order of the tree, parents before
//! children, each with its parent and its extra parents; `own` and `rolled_up` hold `practices`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;

use perennial::aggregate::RollUpAnswers;
use perennial::report::RowCounts;
use perennial::{Account, FaultKind, View};
use serde::Serialize;

use super::load::Loaded;
use crate::measured::{Check, CheckEntry};

#[derive(Serialize)]
struct Document<'d> {
    accounts: Vec<Entry<'d>>,
    report: Report<'d>,
    checks: Vec<CheckEntry<'d>>,
}

#[derive(Serialize)]
struct Entry<'d> {
    id: &'d str,
    name: String,
    account_type: &'d str,
    security: Option<String>,
    parent: Option<&'d str>,
    extra_parents: Vec<&'d str>,
    level: usize,
    own: Figures,
    rolled_up: Figures,
}

#[derive(Serialize)]
struct Figures {
    practices: i64,
}

#[derive(Serialize)]
struct Report<'d> {
    tables: BTreeMap<&'d str, RowCounts>,
    faults: BTreeMap<FaultKind, usize>,
}

/// Writes the document.
pub fn write_json(
    out: &mut dyn Write,
    loaded: &Loaded,
    view: &View,
    totals: &RollUpAnswers,
    checks: &[Check],
) -> Result<(), Box<dyn Error>> {
    let accounts = view.accounts().map(|account| entry(account, totals)).collect();
    let tables = loaded.report.tables.iter().map(|(table, rows)| (&**table, *rows)).collect();
    let report =
        Report { tables, faults: loaded.report.counts.iter().map(|(kind, count)| (*kind, *count)).collect() };
    serde_json::to_writer_pretty(
        &mut *out,
        &Document { accounts, report, checks: checks.iter().map(CheckEntry::from).collect() },
    )?;
    writeln!(out)?;
    Ok(())
}

fn entry<'v>(account: Account<'v>, totals: &RollUpAnswers) -> Entry<'v> {
    let practices = totals.value("practices", account).and_then(|value| value.as_int()).unwrap_or(0);
    Entry {
        id: account.id_str(),
        name: account.name(),
        account_type: account.account_type(),
        security: account.value("security").map(|status| status.to_string()),
        parent: account.parent().map(|parent| parent.id_str()),
        extra_parents: account.extra_parents().iter().map(Account::id_str).collect(),
        level: account.level(),
        own: Figures { practices: i64::from(account.account_type() == "Practice") },
        rolled_up: Figures { practices },
    }
}
