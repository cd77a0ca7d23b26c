//! The results as one JSON document.
//!
//! `{"accounts": [..], "report": {..}, "checks": [..]}`: accounts in the order of the tree, parents before
//! children, each with its parent and its extra parents; `own` and `rolled_up` hold `entities` and
//! `total_assets` (USD; null where none is known).

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;

use perennial::aggregate::RollUpAnswers;
use perennial::report::RowCounts;
use perennial::{Account, FaultKind, Money, Remedy, Value, View};
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
    parent: Option<&'d str>,
    extra_parents: Vec<&'d str>,
    level: usize,
    own: Figures,
    rolled_up: Figures,
}

#[derive(Serialize)]
struct Figures {
    entities: i64,
    total_assets: Option<f64>,
}

#[derive(Serialize)]
struct Report<'d> {
    tables: BTreeMap<&'d str, RowCounts>,
    faults: BTreeMap<FaultKind, FaultEntry>,
    mended: &'d [(String, String)],
    successions: usize,
}

#[derive(Serialize)]
struct FaultEntry {
    count: usize,
    remedy: Option<Remedy>,
    example: Option<String>,
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
    let document =
        Document { accounts, report: report(loaded), checks: checks.iter().map(CheckEntry::from).collect() };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)?;
    Ok(())
}

fn entry<'v>(account: Account<'v>, totals: &RollUpAnswers) -> Entry<'v> {
    let own = account.value("total_assets").as_ref().and_then(Value::as_money);
    let all = totals.value("assets", account).and_then(|value| value.as_money());
    let count = totals.value("entities", account).and_then(|value| value.as_int()).unwrap_or(0);
    Entry {
        id: account.id_str(),
        name: account.name(),
        parent: account.parent().map(|parent| parent.id_str()),
        extra_parents: account.extra_parents().iter().map(Account::id_str).collect(),
        level: account.level(),
        own: Figures { entities: 1, total_assets: own.map(major) },
        rolled_up: Figures { entities: count, total_assets: all.map(major) },
    }
}

// JSON has one kind of number. The nearest double is exact to the cent far beyond these amounts.
fn major(money: Money) -> f64 {
    money.major().to_f64()
}

fn report(loaded: &Loaded) -> Report<'_> {
    let report = &loaded.report;
    let fault = |(kind, count): (&FaultKind, &usize)| {
        let example = report.faults_of(*kind).next();
        let entry = FaultEntry {
            count: *count,
            remedy: example.map(|fault| fault.remedy),
            example: example.map(ToString::to_string),
        };
        (*kind, entry)
    };
    Report {
        tables: report.tables.iter().map(|(table, rows)| (&**table, *rows)).collect(),
        faults: report.counts.iter().map(fault).collect(),
        mended: &loaded.mended,
        successions: loaded.book.successions().len(),
    }
}
