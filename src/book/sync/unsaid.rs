//! Which rows of a storage can no change bring into the book?
//!
//! A change is judged strictly (ruling S19): it puts no account into quarantine and adopts none. Rows that a
//! load would hold or adopt, and the book does not in the same way, are refused by name.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::super::{Inner, LoadReport};
use crate::source::TableName;
use crate::tree::{FaultKind, Remedy};

/// Rows that no change can say, by table.
#[derive(Debug, Default)]
pub(super) struct Unsaid {
    rows: HashMap<String, HashSet<String>>,
    // Of these rows only the faults of one kind, which puts them aside for ever.
    superseded: HashMap<(String, FaultKind), HashSet<String>>,
}

impl Unsaid {
    /// A row of a table of accounts or of child rows.
    pub(super) fn add(&mut self, table: &TableName, id: &str) {
        self.rows.entry(table.to_string()).or_default().insert(id.to_owned());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.superseded.is_empty()
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
        for ((table, id, reason), _) in counts.into_iter().filter(|(_, count)| *count > 0) {
            self.superseded.entry((table.to_owned(), reason)).or_default().insert(id.to_owned());
        }
    }

    /// Gives the faults of these rows the remedy that they have here: refused.
    pub(super) fn mark(&self, report: &mut LoadReport) {
        let accounts = TableName::Accounts.to_string();
        for fault in &mut report.faults {
            // A fault of the tree, or of what is declared of it, is one of an account.
            let table = fault.location.as_ref().map_or(&*accounts, |location| &*location.table);
            let owner = if matches!(table, "links" | "successions") { &*accounts } else { table };
            let rows = self.rows.get(owner);
            let superseded = self.superseded.get(&(table.to_owned(), fault.kind));
            let named = |id: &&str| {
                rows.is_some_and(|rows| rows.contains(*id))
                    || superseded.is_some_and(|rows| rows.contains(*id))
            };
            if fault.problem.rows().iter().any(named) {
                fault.remedy = Remedy::Reject;
            }
        }
    }
}
