//! Does a source answer what it is asked, no matter how much or little that is?

use std::ops::ControlFlow;

use super::{Trial, judge};
use crate::source::{Batch, Cell, ScanRequest, SourceExt, TableName};
use crate::testkit::conformance::harness::{Capabilities, Capability, SourceHarness};
use crate::testkit::conformance::outcome::Outcome;
use crate::testkit::conformance::scanned::Lens;
use crate::testkit::conformance::seed::tables;
use crate::{Attribute, AttributeType, ChildTable, Schema};

const NOT_STORED: &str = "not_stored_anywhere";
const NO_TABLE: &str = "no_table_of_the_kit";

/// A request for a few columns gives what a request for all gives in these columns. What comes beside
/// them does not matter.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the first row that differs.
pub fn a_narrow_request_is_enough(harness: &dyn SourceHarness) -> Outcome {
    judge("a_narrow_request_is_enough", harness, &[], |trial| {
        let narrow = reduced(&trial.schema, None);
        let source = trial.source(&trial.full_seed())?;
        for table in trial.provided(&*source) {
            let whole = trial.scan(&*source, &table)?;
            let found = trial.scan_for(&*source, &ScanRequest::for_schema(&narrow, table))?;
            if let Some(batch) = whole.first().or(found.first()) {
                trial.same(&Lens::whole(&narrow, batch), &whole, &found)?;
            }
        }
        Ok(())
    })
}

/// A request for ids alone gives all of them ([`SourceExt::count`]).
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with both counts, or with the error of the scan.
pub fn the_ids_alone_are_enough(harness: &dyn SourceHarness) -> Outcome {
    judge("the_ids_alone_are_enough", harness, &[], |trial| {
        let source = trial.source(&trial.full_seed())?;
        for table in trial.provided(&*source) {
            let rows: usize = trial.scan(&*source, &table)?.iter().map(Batch::rows).sum();
            let expected = format!("{rows} rows of `{table}` in a request for ids");
            let count =
                source.count(&table).map_err(|error| trial.broken(&expected, super::chain(&error)))?;
            if count != rows {
                return Err(trial.broken(expected, count));
            }
        }
        Ok(())
    })
}

/// A column that the storage does not have is left out of the batch (or absent in every row): it is not
/// null, which would say that there is no value. The other columns come all the same.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with what stands in the column, or the error of the scan.
pub fn a_column_that_is_not_stored_is_left_out(harness: &dyn SourceHarness) -> Outcome {
    judge("a_column_that_is_not_stored_is_left_out", harness, &[], |trial| {
        let wide = reduced(&trial.schema, Some(NOT_STORED));
        let narrow = reduced(&trial.schema, None);
        let source = trial.source(&trial.full_seed())?;
        for table in trial.provided(&*source) {
            let whole = trial.scan(&*source, &table)?;
            let found = trial.scan_for(&*source, &ScanRequest::for_schema(&wide, table.clone()))?;
            for cells in found.iter().filter_map(|batch| batch.cells(NOT_STORED)) {
                if let Some(cell) =
                    (0..cells.len()).map(|row| cells.cell(row)).find(|cell| *cell != Cell::Absent)
                {
                    let expected = format!("no column of `{table}` that is not stored");
                    return Err(trial.broken(expected, format!("one with {cell:?}")));
                }
            }
            if let Some(batch) = whole.first().or(found.first()) {
                trial.same(&Lens::whole(&narrow, batch), &whole, &found)?;
            }
        }
        Ok(())
    })
}

/// `provides` says yes to a table that has rows; what it denies is never scanned.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the table.
pub fn a_table_with_rows_is_provided(harness: &dyn SourceHarness) -> Outcome {
    judge("a_table_with_rows_is_provided", harness, &[Capability::Seeding], |trial| {
        let seed = trial.full_seed();
        let source = trial.source(&seed)?;
        let denied = seed.tables().find(|batch| batch.rows() > 0 && !source.provides(batch.table()));
        denied.map_or(Ok(()), |batch| {
            Err(trial.broken(format!("`{}` to be provided", batch.table()), "that it is not"))
        })
    })
}

/// A table that `provides` affirms can be scanned, also one that nobody ever heard of: it has no rows. A
/// second question gets the same answer.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the error of the scan, or the rows of the unknown table.
pub fn what_is_provided_can_be_scanned(harness: &dyn SourceHarness) -> Outcome {
    judge("what_is_provided_can_be_scanned", harness, &[], |trial| {
        let source = trial.source(&trial.full_seed())?;
        let unknown = TableName::child(NO_TABLE);
        for table in every_table(trial) {
            if !source.provides(&table) {
                continue;
            }
            let batches = trial.scan(&*source, &table)?;
            if table == unknown && batches.iter().any(|batch| batch.rows() > 0) {
                return Err(trial.broken(format!("no rows of the unknown table `{table}`"), "some"));
            }
            if !source.provides(&table) {
                return Err(
                    trial.broken(format!("`{table}` to be provided, as before its scan"), "that it is not")
                );
            }
        }
        Ok(())
    })
}

/// A table that `provides` denies has no rows: a scan of it, if somebody asks for one, emits nothing. It
/// may be an error.
///
/// # Errors
///
/// [`Broken`](super::super::Broken) with the table.
pub fn a_table_that_is_not_provided_has_no_rows(harness: &dyn SourceHarness) -> Outcome {
    judge("a_table_that_is_not_provided_has_no_rows", harness, &[], |trial| {
        let source = trial.source(&trial.full_seed())?;
        for table in every_table(trial).into_iter().filter(|table| !source.provides(table)) {
            let mut rows = 0;
            let request = ScanRequest::for_schema(&trial.schema, table.clone());
            let scan = source.scan(&request, &mut |batch| {
                rows += batch.rows();
                ControlFlow::Continue(())
            });
            if rows > 0 {
                let how = if scan.is_ok() { "rows" } else { "rows before an error" };
                return Err(trial.broken(
                    format!("nothing of `{table}`, which is not provided"),
                    format!("{rows} {how}"),
                ));
            }
        }
        Ok(())
    })
}

fn every_table(trial: &Trial<'_>) -> Vec<TableName> {
    let mut all = tables(&trial.schema, &Capabilities::all());
    all.push(TableName::child(NO_TABLE));
    all
}

// The types and products of a schema, with one attribute and one column a table, the last ones that
// stand on their own; and one more that no storage has.
fn reduced(schema: &Schema, more: Option<&str>) -> Schema {
    let more = more.map(|name| Attribute::new(name, AttributeType::Int));
    let mut builder = Schema::builder();
    for kind in schema.account_types() {
        builder = builder.account_type(kind.name(), kind.nesting());
    }
    for product in schema.products() {
        builder = builder.product(product.name());
    }
    let stands = |attribute: &&Attribute| builder.clone().attribute((*attribute).clone()).build().is_ok();
    let last = schema.attributes().filter(stands).last().cloned();
    for attribute in last.into_iter().chain(more.clone()) {
        builder = builder.attribute(attribute);
    }
    for table in schema.tables() {
        let plain = |column: &&Attribute| !matches!(column.kind(), AttributeType::MixedMoney { .. });
        let last = table.columns().filter(plain).last().cloned();
        let columns = last.into_iter().chain(more.clone());
        let table = columns.fold(ChildTable::new(table.name(), table.kind()), ChildTable::column);
        builder = builder.table(table);
    }
    // A part of a schema that is in order is in order, but for a name of the host's that is taken twice.
    builder.build().unwrap_or_else(|_| schema.clone())
}
