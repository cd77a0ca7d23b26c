//! Does a [`Source`] keep its promises?
//!
//! One function a promise, named after it; [`all`] runs them all, and
//! [`source_conformance!`](crate::testkit::source_conformance) makes a test of each. Every function asks
//! the harness for sources of its own, so that one broken promise does not hide another.

mod breaks;
mod errors;
mod load;
mod missing;
mod names;
mod requests;
mod rows;
mod values;

pub use breaks::{a_break_ends_the_scan, a_break_in_mid_scan_ends_it, a_scan_after_a_break_is_whole};
pub use errors::{a_failure_is_an_error, an_error_keeps_its_cause, an_error_names_its_table_and_call};
pub use load::a_load_gives_the_book_of_these_rows;
pub use missing::{absent_stays_absent, empty_text_stays_a_text, null_stays_null};
pub use names::{
    accounts_keep_their_place, child_rows_keep_their_accounts, ids_come_back_byte_for_byte,
    links_keep_their_ranks, successions_keep_their_days,
};
pub use requests::{
    a_column_that_is_not_stored_is_left_out, a_narrow_request_is_enough,
    a_table_that_is_not_provided_has_no_rows, a_table_with_rows_is_provided, the_ids_alone_are_enough,
    what_is_provided_can_be_scanned,
};
pub use rows::{
    a_table_without_rows_is_empty, batches_are_of_the_table_asked_for, batches_are_tables,
    every_row_comes_once, rows_at_fault_come_as_they_stand, rows_at_the_edge_of_a_page_come_once,
    two_scans_give_the_same_rows,
};
pub use values::{
    bands_come_back, dates_come_back, decimals_come_back, doubles_come_back, durations_come_back,
    enumerations_come_back, lists_come_back, mixed_money_comes_back, money_comes_back, texts_come_back,
    timestamps_come_back, truth_values_come_back, whole_numbers_come_back,
};

use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::harness::{Capabilities, Capability, SourceHarness};
use super::outcome::{Broken, Outcome, Verdict};
use super::sample::{self, many_id};
use super::scanned::Lens;
use super::seed::{Row, Seed, SeedBuilder, named, tables};
use crate::Schema;
use crate::source::{Batch, ScanRequest, Source, TableName};

/// Every promise of a source with what became of it, in the order of the trait's documentation.
///
/// ```
/// use perennial::testkit::conformance::{MemoryHarness, Verdict, source};
///
/// let outcomes = source::all(&MemoryHarness::new(7));
/// let skipped: Vec<&str> = outcomes
///     .iter()
///     .filter(|(_, outcome)| matches!(outcome, Ok(Verdict::Skipped { .. })))
///     .map(|(promise, _)| *promise)
///     .collect();
/// assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()));
/// assert!(skipped.contains(&"null_stays_null"));
/// ```
pub fn all(harness: &dyn SourceHarness) -> Vec<(&'static str, Outcome)> {
    super::__source_promises!(__outcomes[harness])
}

/// One promise on trial.
struct Trial<'h> {
    promise: &'static str,
    harness: &'h dyn SourceHarness,
    capabilities: Capabilities,
    schema: Arc<Schema>,
}

// Runs the test of a promise, unless the harness lacks something that it needs.
fn judge(
    promise: &'static str,
    harness: &dyn SourceHarness,
    needs: &[Capability],
    test: impl FnOnce(&Trial<'_>) -> Result<(), Broken>,
) -> Outcome {
    let capabilities = harness.capabilities();
    if let Some(lacking) = needs.iter().find(|need| !capabilities.holds(**need)) {
        return Ok(Verdict::Skipped { because: format!("the harness lacks {lacking}") });
    }
    let schema = harness.schema();
    test(&Trial { promise, harness, capabilities, schema }).map(|()| Verdict::Kept)
}

impl Trial<'_> {
    fn broken(&self, expected: impl std::fmt::Display, found: impl std::fmt::Display) -> Broken {
        Broken::new(self.promise, expected, found)
    }

    fn seed(&self) -> SeedBuilder {
        SeedBuilder::new(&self.schema, &self.capabilities)
    }

    fn source(&self, seed: &Seed) -> Result<Box<dyn Source + '_>, Broken> {
        let source = self.harness.source(seed);
        source.map_err(|error| self.broken("a source over the rows of the kit", chain(&*error)))
    }

    /// The tables that a source provides, of those that the schema may want.
    fn provided(&self, source: &dyn Source) -> Vec<TableName> {
        let mut found = tables(&self.schema, &Capabilities::all());
        found.retain(|table| source.provides(table));
        found
    }

    /// All batches of a table, with every column of the schema; none of a table that is not provided.
    fn scan(&self, source: &dyn Source, table: &TableName) -> Result<Vec<Batch>, Broken> {
        self.scan_for(source, &ScanRequest::for_schema(&self.schema, table.clone()))
    }

    fn scan_for(&self, source: &dyn Source, request: &ScanRequest) -> Result<Vec<Batch>, Broken> {
        let mut batches = Vec::new();
        if source.provides(request.table()) {
            let scan = source.scan(request, &mut |batch| {
                batches.push(batch);
                ControlFlow::Continue(())
            });
            scan.map_err(|error| self.broken(format!("a scan of `{}`", request.table()), chain(&error)))?;
        }
        Ok(batches)
    }

    fn same(&self, lens: &Lens, expected: &[Batch], found: &[Batch]) -> Result<(), Broken> {
        match lens.difference(expected, found) {
            None => Ok(()),
            Some((expected, found)) => Err(self.broken(expected, found)),
        }
    }

    /// Writes rows, scans every table that has some, and compares what a lens sees.
    fn comes_back(&self, seed: &Seed, lens: impl Fn(Lens) -> Lens) -> Result<(), Broken> {
        let source = self.source(seed)?;
        for batch in seed.tables().filter(|batch| batch.rows() > 0) {
            let lens = lens(Lens::whole(&self.schema, batch));
            if lens.sees_more_than_ids() {
                let found = self.scan(&*source, batch.table())?;
                self.same(&lens, std::slice::from_ref(batch), &found)?;
            }
        }
        Ok(())
    }

    /// Rows in every table, with a plain value in every attribute.
    fn full_seed(&self) -> Seed {
        let everyday = self.capabilities.clone().without(Capability::Extremes);
        let mut seed = self.seed();
        // Values of all attributes for row `number`, each cycling through its first three.
        let values = |attributes: &mut dyn Iterator<Item = &crate::Attribute>, number: usize| {
            let mut row = Row::new();
            for attribute in attributes {
                let mut samples = sample::rows(attribute, &everyday);
                samples.truncate(3);
                let count = samples.len().max(1);
                for (name, cell) in samples.into_iter().nth(number % count).unwrap_or_default() {
                    // Mixed money brings its currency, which replaces what its column had.
                    row.retain(|(own, _)| *own != name);
                    row.push((name, cell));
                }
            }
            row
        };
        let products: Vec<String> = self.schema.products().map(|product| product.name().to_owned()).collect();
        for number in 0..8_usize {
            let (id, parent) = (many_id(number), number.checked_sub(1).map(|last| many_id(last / 2)));
            let mut row = values(&mut self.schema.attributes(), number);
            // The last accounts have nothing below them.
            let product = products.iter().cycle().nth(number).filter(|_| number > 5);
            row.extend(product.map(|product| named("product", Some(product))));
            seed.account(&id, parent.as_deref(), row);
            if number > 2 {
                seed.link(&id, &many_id(0), 3);
            }
            seed.history(number);
            for table in self.schema.tables() {
                let row = values(&mut table.columns(), number);
                seed.child(&TableName::child(table.name()), &many_id(number), Some(&id), row);
            }
        }
        seed.finish()
    }

    /// So many rows in every table, with nothing but names in them. Half of the links and child rows belong
    /// to one account, more of them than a page holds where there are pages.
    fn many_rows(&self, rows: usize) -> Seed {
        let mut seed = self.seed();
        for number in 0..rows {
            let id = many_id(number);
            seed.account(&id, None, Row::new());
            let parent = (number + 1) % rows;
            let owner = if number % 2 == 0 && parent != 0 { many_id(0) } else { id.clone() };
            // Nobody is his own parent, not even where there is nobody else.
            if parent != number {
                seed.link(&owner, &many_id(parent), 1);
            }
            seed.history(number);
            for table in self.schema.tables() {
                seed.child(&TableName::child(table.name()), &id, Some(&owner), Row::new());
            }
        }
        seed.finish()
    }

    /// Three pages of every table and a row more.
    fn pages(&self) -> Seed {
        self.many_rows(self.capabilities.rows_of_a_page() * 3 + 1)
    }
}

/// An error with all its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
