//! Is a book the same, wherever its rows come from?

use std::collections::BTreeMap;

use super::{Trial, chain, judge};
use crate::report::RowCounts;
use crate::source::Source;
use crate::testkit::Oracle;
use crate::testkit::conformance::harness::{Capability, SourceHarness};
use crate::testkit::conformance::outcome::{Broken, Outcome};
use crate::{AccountId, AsOf, Book, Date, LoadReport, Policy, Scope};

/// A load from the source gives the book that a load of the same rows from memory gives: the same
/// accounts, places, values and child rows, and the same faults.
///
/// # Errors
///
/// [`Broken`] with the first account that differs.
pub fn a_load_gives_the_book_of_these_rows(harness: &dyn SourceHarness) -> Outcome {
    judge("a_load_gives_the_book_of_these_rows", harness, &[Capability::Seeding], |trial| {
        let seed = trial.full_seed();
        let (expected, expected_report) = load(trial, &seed.memory_source())?;
        let (found, report) = load(trial, &*trial.source(&seed)?)?;
        if rows(&expected_report) != rows(&report) || expected_report.counts != report.counts {
            return Err(trial.broken(&expected_report, &report));
        }
        for id in expected.accounts.keys().chain(found.accounts.keys()) {
            let (a, b) = (parts(&expected, id), parts(&found, id));
            if let Some((part, expected)) = a.iter().find(|(part, text)| b.get(*part) != Some(*text)) {
                let found = b.get(part).map_or("none", String::as_str);
                return Err(trial.broken(format!("{part} of `{id}` as {expected}"), found));
            }
            if let Some((part, found)) = b.iter().find(|(part, _)| !a.contains_key(*part)) {
                return Err(trial.broken(format!("no {part} of `{id}`"), found));
            }
        }
        Ok(())
    })
}

fn load(trial: &Trial<'_>, source: &dyn Source) -> Result<(Oracle, LoadReport), Broken> {
    let wrong = |error: String| trial.broken("a book", error);
    // Whatever the rows are, they are loaded as far as possible, and the same from everywhere.
    let loaded = Book::load(std::sync::Arc::clone(&trial.schema), source, &Policy::lenient());
    let (book, report) = loaded.map_err(|error| wrong(chain(&error)))?;
    let view =
        book.view(&Scope::all(), AsOf::date_utc(Date::MIN)).map_err(|error| wrong(error.to_string()))?;
    Ok((Oracle::from_view(&view), report))
}

// A table that is not provided is as good as one without rows.
fn rows(report: &LoadReport) -> BTreeMap<&str, RowCounts> {
    report.tables.iter().filter(|(_, rows)| rows.offered > 0).map(|(table, rows)| (&**table, *rows)).collect()
}

// What the book says of an account, part by part; nothing of one that is not there.
fn parts(book: &Oracle, id: &AccountId) -> BTreeMap<String, String> {
    let Some(own) = book.accounts.get(id) else { return BTreeMap::new() };
    let mut parts = BTreeMap::new();
    parts.insert(String::from("parent"), format!("{:?}", own.parent));
    parts.insert(String::from("account type"), own.account_type.clone());
    parts.insert(String::from("product"), format!("{:?}", own.product));
    parts.extend(own.values.iter().map(|(name, value)| (format!("value `{name}`"), format!("{value:?}"))));
    for (table, rows) in &own.children {
        for (row, values) in rows {
            parts.insert(format!("row `{row}` of `{table}`"), format!("{values:?}"));
        }
    }
    parts
}
