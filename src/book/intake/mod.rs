//! How do the rows of batches become rows of a load?
//!
//! Each table has an intake, which keeps its rows in order of arrival and reports what is wrong with a row by itself:
//! an id that is not allowed, an unknown type, a value that does not fit its column. Faults that concern several rows
//! (repeated ids, missing parents) are found when all rows are in; see `load_accounts` and its neighbours.

mod accounts;
mod children;
mod columns;
mod links;
mod locations;

pub(super) use self::accounts::AccountIntake;
pub(super) use self::children::ChildIntake;
pub(super) use self::links::LinkIntake;
pub(super) use self::locations::Locations;
use super::input_ids::InputIds;
use super::report::{LoadReport, Problem, RowLocation};
use crate::model::Value;
use crate::source::{Batch, Cell};
use crate::tree::{Policy, Remedy};

/// The rules of a load, and the report of what breaks them.
pub(super) struct IntakeContext<'b> {
    pub(super) ids: &'b InputIds,
    pub(super) policy: &'b Policy,
    pub(super) report: &'b mut LoadReport,
}

impl IntakeContext<'_> {
    /// Reports a fault of a row, and gives the remedy that the policy has for it.
    pub(super) fn fault(&mut self, problem: Problem, location: RowLocation) -> Remedy {
        let remedy = self.policy.remedy(problem.kind());
        self.report.add(problem, Some(location), remedy);
        remedy
    }

    /// Checks the id of an account.
    pub(super) fn check_account(&self, id: &str) -> Result<(), Problem> {
        self.ids.check_account(id).map_err(|error| Problem::InvalidId { id: id.to_owned(), error })
    }
}

/// The rank of a link or succession: 0 where the row has none, `None` where it is not a whole number from 0.
pub(super) fn rank_of(batch: &Batch, row: usize) -> Option<u32> {
    match batch.cells("rank").map(|cells| cells.cell(row)) {
        None | Some(Cell::Absent | Cell::Null) => Some(0),
        Some(Cell::Value(Value::Int(rank))) => u32::try_from(rank).ok(),
        Some(Cell::Value(_) | Cell::Unreadable { .. }) => None,
    }
}
