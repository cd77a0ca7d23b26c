//! Which further parents did batches declare, and what is wrong with each row by itself?

use super::{IntakeContext, Locations, rank_of};
use crate::book::report::Problem;
use crate::source::Batch;
use crate::tree::{FaultKind, Remedy};

/// Further declared parents in order of arrival.
#[derive(Debug, Default)]
pub(in crate::book) struct LinkIntake {
    pub(in crate::book) rows: Vec<LinkRow>,
    pub(in crate::book) locations: Locations,
}

/// One further declared parent.
#[derive(Debug)]
pub(in crate::book) struct LinkRow {
    pub(in crate::book) account: Box<str>,
    /// Empty when the row names none.
    pub(in crate::book) parent: Box<str>,
    pub(in crate::book) rank: u32,
    /// Why the row is held for what it says itself.
    pub(in crate::book) held: Option<FaultKind>,
}

impl LinkIntake {
    pub(in crate::book) fn push(&mut self, context: &mut IntakeContext<'_>, batch: &Batch) {
        self.locations.note(self.rows.len(), batch);
        for row in 0..batch.rows() {
            let account = batch.name_at("id", row).unwrap_or_default();
            let parent = batch.name_at("parent", row).unwrap_or_default();
            let rank = rank_of(batch, row);
            let mut link = LinkRow {
                account: Box::from(&*account),
                parent: Box::from(&*parent),
                rank: rank.unwrap_or(0),
                held: None,
            };
            let named = [&account, &parent].into_iter().filter(|text| !text.is_empty());
            let mut problems: Vec<Problem> =
                named.filter_map(|text| context.check_account(text).err()).collect();
            if rank.is_none() {
                problems.push(Problem::UnreadableRank {
                    account: account.to_string(),
                    parent: parent.to_string(),
                });
            }
            for problem in problems {
                let kind = problem.kind();
                let remedy = context.fault(problem, self.locations.of("links", self.rows.len()));
                if remedy != Remedy::Clear {
                    link.held = Some(kind);
                }
            }
            self.rows.push(link);
        }
    }
}
