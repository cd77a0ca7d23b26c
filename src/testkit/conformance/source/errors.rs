//! What does a host learn of a scan that failed?

use std::error::Error;
use std::ops::ControlFlow;

use super::{Trial, judge};
use crate::source::{ScanRequest, SourceError, TableName};
use crate::testkit::conformance::harness::{Capability, SourceHarness};
use crate::testkit::conformance::outcome::{Broken, Outcome};
use crate::testkit::conformance::seed::tables;

const NEEDS: [Capability; 2] = [Capability::Seeding, Capability::Failures];

/// A scan that fails returns an error: what cannot be read is not a table that ends there.
///
/// # Errors
///
/// [`Broken`] with the table whose scan returned `Ok(())`.
pub fn a_failure_is_an_error(harness: &dyn SourceHarness) -> Outcome {
    judge("a_failure_is_an_error", harness, &NEEDS, |trial| failures(trial, |_, _| None))
}

/// The error says which table was read, and what was being done.
///
/// # Errors
///
/// [`Broken`] with what the error says instead.
pub fn an_error_names_its_table_and_call(harness: &dyn SourceHarness) -> Outcome {
    judge("an_error_names_its_table_and_call", harness, &NEEDS, |trial| {
        failures(trial, |table, error| {
            let table_named = error.table() == table;
            let named = table_named && !error.call().trim().is_empty();
            (!named).then(|| {
                let expected = format!("an error that names `{table}` and a call");
                let found = format!("one that names `{}` and `{}`", error.table(), error.call());
                trial.broken(expected, found)
            })
        })
    })
}

/// The host's own error is the cause of the error, and says something.
///
/// # Errors
///
/// [`Broken`] when there is none.
pub fn an_error_keeps_its_cause(harness: &dyn SourceHarness) -> Outcome {
    judge("an_error_keeps_its_cause", harness, &NEEDS, |trial| {
        failures(trial, |_, error| {
            let cause = error.source().map(ToString::to_string).unwrap_or_default();
            cause.trim().is_empty().then(|| trial.broken("an error with a cause that says something", "none"))
        })
    })
}

// Provokes a failure in every table and looks at the error.
fn failures(
    trial: &Trial<'_>,
    complaint: impl Fn(&TableName, &SourceError) -> Option<Broken>,
) -> Result<(), Broken> {
    let seed = trial.full_seed();
    for table in tables(&trial.schema, &trial.capabilities) {
        let source = trial.harness.failing_source(&seed, &table);
        let source = source.map_err(|error| trial.broken("a source that fails", super::chain(&*error)))?;
        let request = ScanRequest::for_schema(&trial.schema, table.clone());
        match source.scan(&request, &mut |_| ControlFlow::Continue(())) {
            Ok(()) => return Err(trial.broken(format!("an error of `{table}`"), "`Ok(())`")),
            Err(error) => complaint(&table, &error).map_or(Ok(()), Err)?,
        }
    }
    Ok(())
}
