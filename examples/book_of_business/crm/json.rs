//! The results as one JSON document.
//!
//! `{"accounts": [{"id", "parent", "level", "own": {..}, "rolled_up": {..}}], "report": {..}}`: accounts in
//! the order of the tree, parents before children; `parent` is null for a root. `own` and `rolled_up` hold
//! `won_value` and `open_value` in major units of the declared currency (null where there is nothing to
//! sum), the counts `won`, `lost` and `open`, and the names of the `products`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;

use perennial::report::RowCounts;
use perennial::{FaultKind, Remedy, View};
use serde::Serialize;

use super::figures::{Figures, Results};
use super::load::Loaded;

#[derive(Serialize)]
struct Document<'d> {
    accounts: Vec<AccountEntry<'d>>,
    report: Report<'d>,
}

#[derive(Serialize)]
struct AccountEntry<'d> {
    id: &'d str,
    parent: Option<&'d str>,
    level: usize,
    own: Figures,
    rolled_up: Figures,
}

#[derive(Serialize)]
struct Report<'d> {
    tables: BTreeMap<&'d str, RowCounts>,
    subsidiaries: usize,
    parents: usize,
    levels: usize,
    faults: BTreeMap<FaultKind, FaultEntry>,
    /// By file; a file of which every column is read is not here.
    unread_columns: BTreeMap<&'d str, Vec<&'d str>>,
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
    results: &Results,
) -> Result<(), Box<dyn Error>> {
    let accounts = view.accounts().map(|account| AccountEntry {
        id: account.id_str(),
        parent: account.parent().map(|parent| parent.id_str()),
        level: account.level(),
        own: results.own(account),
        rolled_up: results.rolled_up(account),
    });
    let document = Document { accounts: accounts.collect(), report: report(loaded) };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)?;
    Ok(())
}

fn report(loaded: &Loaded) -> Report<'_> {
    let report = &loaded.report;
    let fault = |(kind, count): (&FaultKind, &usize)| {
        let example = report.faults.iter().find(|fault| fault.kind == *kind);
        let entry = FaultEntry {
            count: *count,
            remedy: example.map(|fault| fault.remedy),
            example: example.map(ToString::to_string),
        };
        (*kind, entry)
    };
    Report {
        tables: report.tables.iter().map(|(table, rows)| (&**table, *rows)).collect(),
        subsidiaries: report.subsidiaries,
        parents: report.parents,
        levels: report.levels,
        faults: report.counts.iter().map(fault).collect(),
        unread_columns: loaded
            .unread
            .iter()
            .map(|file| (&*file.file, file.columns.iter().map(|column| &**column).collect()))
            .collect(),
    }
}
