//! Does every row come, once, in batches that are tables?

use super::{Trial, judge};
use crate::source::TableName;
use crate::testkit::conformance::harness::{Capability, SourceHarness};
use crate::testkit::conformance::outcome::{Broken, Outcome};
use crate::testkit::conformance::scanned::Lens;
use crate::testkit::conformance::seed::{Row, Seed, named};

/// Every row of every table comes once.
///
/// # Errors
///
/// [`Broken`] with the first row that is lost or comes too often.
pub fn every_row_comes_once(harness: &dyn SourceHarness) -> Outcome {
    judge("every_row_comes_once", harness, &[Capability::Seeding], |trial| {
        come_once(trial, &trial.many_rows(6))
    })
}

/// The same where a page is not full, just full, and one row over, since that is where rows are lost:
/// an offset that is off by one, a page that is never asked for, a last id that is compared without its
/// case, or that the next page has as well (an account has many links).
///
/// # Errors
///
/// [`Broken`] with the first row that is lost or comes too often.
pub fn rows_at_the_edge_of_a_page_come_once(harness: &dyn SourceHarness) -> Outcome {
    judge("rows_at_the_edge_of_a_page_come_once", harness, &[Capability::Seeding], |trial| {
        let page = trial.capabilities.rows_of_a_page();
        let sizes = [1, page.saturating_sub(1), page, page + 1, 2 * page, 3 * page + 1];
        sizes
            .into_iter()
            .filter(|rows| *rows > 0)
            .try_for_each(|rows| come_once(trial, &trial.many_rows(rows)))
    })
}

/// A source repairs nothing: an id that stands twice comes twice, a row without account comes without
/// one. What becomes of such rows is the policy's word, and it has to see them.
///
/// # Errors
///
/// [`Broken`] with the first row that is not as it was written.
pub fn rows_at_fault_come_as_they_stand(harness: &dyn SourceHarness) -> Outcome {
    let needs = [Capability::Seeding, Capability::FaultyRows];
    judge("rows_at_fault_come_as_they_stand", harness, &needs, |trial| {
        let mut seed = trial.seed();
        for (id, parent) in [("twin", None), ("other", None), ("twin", None), ("twin", Some("other"))] {
            seed.account(id, parent, Row::new());
        }
        seed.account("orphan", Some("nowhere"), Row::new());
        seed.account("self", Some("self"), Row::new());
        seed.row(
            &TableName::Accounts,
            vec![named("id", Some("odd")), named("account_type", Some("no such type"))],
        );
        seed.link("other", "nowhere", 1);
        seed.link("other", "nowhere", 1);
        for table in trial.schema.tables() {
            let table = TableName::child(table.name());
            for (id, account) in [("row", Some("other")), ("row", Some("other")), ("row", Some("twin"))] {
                seed.child(&table, id, account, Row::new());
            }
            seed.child(&table, "lost", None, Row::new());
            seed.child(&table, "stray", Some("nowhere"), Row::new());
        }
        trial.comes_back(&seed.finish(), |lens| lens)
    })
}

/// A table that has no rows gives none, and no error; neither does a whole storage without rows.
///
/// # Errors
///
/// [`Broken`] with the table that fails or has rows.
pub fn a_table_without_rows_is_empty(harness: &dyn SourceHarness) -> Outcome {
    judge("a_table_without_rows_is_empty", harness, &[Capability::Seeding], |trial| {
        let source = trial.source(&trial.seed().finish())?;
        for table in trial.provided(&*source) {
            let rows: usize = trial.scan(&*source, &table)?.iter().map(crate::source::Batch::rows).sum();
            if rows > 0 {
                return Err(trial.broken(format!("no rows of `{table}`"), format!("{rows}")));
            }
        }
        Ok(())
    })
}

/// Every batch is a table: its columns have one length, none stands twice, and the ids are among them
/// ([`Batch::check`](crate::source::Batch::check)).
///
/// # Errors
///
/// [`Broken`] with what is wrong with the first batch that is none.
pub fn batches_are_tables(harness: &dyn SourceHarness) -> Outcome {
    judge("batches_are_tables", harness, &[], |trial| {
        let source = trial.source(&trial.full_seed())?;
        for table in trial.provided(&*source) {
            for batch in trial.scan(&*source, &table)? {
                batch.check().map_err(|error| trial.broken("batches that are tables", error))?;
            }
        }
        Ok(())
    })
}

/// A scan of a table emits batches of that table.
///
/// # Errors
///
/// [`Broken`] with the tables.
pub fn batches_are_of_the_table_asked_for(harness: &dyn SourceHarness) -> Outcome {
    judge("batches_are_of_the_table_asked_for", harness, &[], |trial| {
        let source = trial.source(&trial.full_seed())?;
        for table in trial.provided(&*source) {
            let batches = trial.scan(&*source, &table)?;
            if let Some(other) = batches.iter().find(|batch| *batch.table() != table) {
                return Err(
                    trial.broken(format!("batches of `{table}`"), format!("one of `{}`", other.table()))
                );
            }
        }
        Ok(())
    })
}

/// Two scans without a change in between give the same rows, cell by cell; their order may differ.
///
/// # Errors
///
/// [`Broken`] with the first row that differs.
pub fn two_scans_give_the_same_rows(harness: &dyn SourceHarness) -> Outcome {
    judge("two_scans_give_the_same_rows", harness, &[], |trial| {
        let source = trial.source(&trial.full_seed())?;
        for table in trial.provided(&*source) {
            let first = trial.scan(&*source, &table)?;
            let second = trial.scan(&*source, &table)?;
            if let Some(batch) = first.first().or(second.first()) {
                trial.same(&Lens::whole(&trial.schema, batch).everything(), &first, &second)?;
            }
        }
        Ok(())
    })
}

// By ids, and by parents where a table has no ids of its own.
fn come_once(trial: &Trial<'_>, seed: &Seed) -> Result<(), Broken> {
    let source = trial.source(seed)?;
    for batch in seed.tables().filter(|batch| batch.rows() > 0) {
        let links = *batch.table() == TableName::Links;
        let lens = Lens::whole(&trial.schema, batch).only(|column| links && &*column.name == "parent");
        trial.same(&lens, std::slice::from_ref(batch), &trial.scan(&*source, batch.table())?)?;
    }
    Ok(())
}
