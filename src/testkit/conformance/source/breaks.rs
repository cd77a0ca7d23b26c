//! Does a scan end when nobody wants more?

use std::ops::ControlFlow;

use super::{Trial, chain, judge};
use crate::source::ScanRequest;
use crate::testkit::conformance::harness::SourceHarness;
use crate::testkit::conformance::outcome::{Broken, Outcome};
use crate::testkit::conformance::scanned::Lens;

/// When the first batch is answered with `Break`, no other comes, and the scan returns `Ok(())`.
///
/// # Errors
///
/// [`Broken`] with the batches that came after it, or the error.
pub fn a_break_ends_the_scan(harness: &dyn SourceHarness) -> Outcome {
    judge("a_break_ends_the_scan", harness, &[], |trial| break_at(trial, 1))
}

/// The same later on: at the second batch, and at the third.
///
/// # Errors
///
/// [`Broken`] with the batches that came after it, or the error.
pub fn a_break_in_mid_scan_ends_it(harness: &dyn SourceHarness) -> Outcome {
    judge("a_break_in_mid_scan_ends_it", harness, &[], |trial| {
        break_at(trial, 2)?;
        break_at(trial, 3)
    })
}

/// A scan that was broken off leaves nothing behind: the next one gives every row.
///
/// # Errors
///
/// [`Broken`] with the first row that is lost or comes too often.
pub fn a_scan_after_a_break_is_whole(harness: &dyn SourceHarness) -> Outcome {
    judge("a_scan_after_a_break_is_whole", harness, &[], |trial| {
        let source = trial.source(&trial.pages())?;
        for table in trial.provided(&*source) {
            let before = trial.scan(&*source, &table)?;
            let request = ScanRequest::for_schema(&trial.schema, table.clone());
            let broken_off = source.scan(&request, &mut |_| ControlFlow::Break(()));
            broken_off.map_err(|error| trial.broken("`Ok(())` after a break", chain(&error)))?;
            let after = trial.scan(&*source, &table)?;
            if let Some(batch) = before.first().or(after.first()) {
                trial.same(&Lens::whole(&trial.schema, batch), &before, &after)?;
            }
        }
        Ok(())
    })
}

fn break_at(trial: &Trial<'_>, last: usize) -> Result<(), Broken> {
    let source = trial.source(&trial.pages())?;
    for table in trial.provided(&*source) {
        let request = ScanRequest::for_schema(&trial.schema, table.clone());
        let mut batches = 0;
        let scan = source.scan(&request, &mut |_| {
            batches += 1;
            if batches < last { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        if batches > last {
            let expected = format!("no batch of `{table}` after `Break` at batch {last}");
            return Err(trial.broken(expected, format!("{} more", batches - last)));
        }
        scan.map_err(|error| trial.broken(format!("`Ok(())` after a break in `{table}`"), chain(&error)))?;
    }
    Ok(())
}
