//! Which rows of a storage can no change bring into the book?
//!
//! A change is judged strictly (ruling S19): it puts no account into quarantine and adopts none. Rows that a
//! load would hold or adopt, and the book does not in the same way, are refused by name.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::super::{Inner, LoadReport};
use crate::model::{AccountId, ChildId};
use crate::source::TableName;
use crate::tree::{FaultKind, Remedy};

/// Rows that no change can say.
#[derive(Debug, Default)]
pub(super) struct Unsaid {
    accounts: HashSet<String>,
    children: HashSet<String>,
    superseded: HashSet<(FaultKind, String)>,
}

impl Unsaid {
    pub(super) fn account(&mut self, id: &AccountId) {
        self.accounts.insert(id.to_string());
    }

    pub(super) fn child(&mut self, id: &ChildId) {
        self.children.insert(id.to_string());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.children.is_empty() && self.superseded.is_empty()
    }

    /// Rows that can never be loaded, more of them than the book has put aside.
    pub(super) fn compare_superseded(&mut self, old: &Inner, new: &Inner, covered: &BTreeSet<TableName>) {
        let covered: HashSet<String> = covered.iter().map(ToString::to_string).collect();
        let mut counts: BTreeMap<(&str, &str, FaultKind), i64> = BTreeMap::new();
        for row in new.held.superseded.iter().filter(|row| covered.contains(&*row.table)) {
            *counts.entry((&row.table, &row.id, row.reason)).or_default() += 1;
        }
        for row in old.held.superseded.iter() {
            if let Some(count) = counts.get_mut(&(&*row.table, row.id.as_str(), row.reason)) {
                *count -= 1;
            }
        }
        for ((_, id, reason), _) in counts.into_iter().filter(|(_, count)| *count > 0) {
            self.superseded.insert((reason, id.to_owned()));
        }
    }

    /// Gives the faults of these rows the remedy that they have here: refused.
    pub(super) fn mark(&self, report: &mut LoadReport) {
        for fault in &mut report.faults {
            let kind = fault.kind;
            let is_child = fault
                .location
                .as_ref()
                .is_some_and(|location| !matches!(&*location.table, "accounts" | "links" | "successions"));
            let named = |id: &&str| {
                let lost = self.superseded.contains(&(kind, (*id).to_owned()));
                lost || if is_child { self.children.contains(*id) } else { self.accounts.contains(*id) }
            };
            if fault.problem.rows().iter().any(named) {
                fault.remedy = Remedy::Reject;
            }
        }
    }
}
