//! What did a change do?

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::HeldReason;
use crate::model::{AccountId, ChildId, Succession, Value};
use crate::tree::FaultKind;

/// One value that is different.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ValueChange {
    /// The account.
    pub account: AccountId,
    /// The child row, for a column of a child table.
    #[serde(with = "crate::model::pairs::row_of_table")]
    pub child: Option<(Arc<str>, ChildId)>,
    /// The attribute or column.
    pub attribute: Arc<str>,
    /// Before; `None` when it was missing.
    pub from: Option<Value>,
    /// After; `None` when it is missing.
    pub to: Option<Value>,
}

impl ValueChange {
    fn place(&self) -> ValuePlace {
        (self.account.clone(), self.child.clone(), Arc::clone(&self.attribute))
    }
}

/// One account that stands somewhere else, with everything below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AccountMove {
    /// The account.
    pub account: AccountId,
    /// The accounts that it stood under, nearest first.
    pub from: Arc<[AccountId]>,
    /// The accounts that it stands under, nearest first.
    pub to: Arc<[AccountId]>,
}

/// Usage of an id that is read of another account than before: the id merged or was split, or a succession was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UsageMove {
    /// The id that events come with. Whether there are any, the book does not know.
    pub account: AccountId,
    /// The account that showed them before; `None` where none did.
    pub from: Option<AccountId>,
    /// The account that shows them now, those of days before as well; `None` where they wait for an account.
    pub to: Option<AccountId>,
}

/// What is different of the accounts of two books, each list in order of id. Serialisable.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AccountChanges {
    /// Accounts that came. In a [`ChangeReport`] those that were released from quarantine are named apart.
    pub added: Vec<AccountId>,
    /// Accounts that left.
    pub removed: Vec<AccountId>,
    /// Accounts with another parent, with both paths; those below them moved with them and are not listed.
    pub moves: Vec<AccountMove>,
    /// Values of attributes, and of columns of child rows, that differ. A child row that moved to another account was removed from the
    /// one and added to the other. Values of added and removed accounts are listed by a delta's report only.
    pub values: Vec<ValueChange>,
}

/// The key of a value: the account, the child row where it is of one, and the attribute or column.
type ValuePlace = (AccountId, Option<(Arc<str>, ChildId)>, Arc<str>);

impl AccountChanges {
    /// Is nothing different?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.moves.is_empty() && self.values.is_empty()
    }

    /// What is different between the first of three books and the last. What changed back is not in it; an account that moved twice has
    /// the path before the first move and that after the second, each as it was then.
    pub(crate) fn then(&self, next: &Self) -> Self {
        let both = |one: &[AccountId], minus: &[AccountId]| -> BTreeSet<AccountId> {
            // Lists of a report are in order.
            one.iter().filter(|id| minus.binary_search(id).is_err()).cloned().collect()
        };
        // Who came and left again did neither; so with who left and came back.
        let mut added = both(&self.added, &next.removed);
        added.extend(both(&next.added, &self.removed));
        let mut removed = both(&self.removed, &next.added);
        removed.extend(both(&next.removed, &self.added));
        let mut moves: BTreeMap<AccountId, AccountMove> = BTreeMap::new();
        for step in self.moves.iter().chain(&next.moves) {
            moves
                .entry(step.account.clone())
                .and_modify(|own| own.to = step.to.clone())
                .or_insert(step.clone());
        }
        let mut values: BTreeMap<ValuePlace, ValueChange> = BTreeMap::new();
        for change in self.values.iter().chain(&next.values) {
            let to = change.to.clone();
            values.entry(change.place()).and_modify(|own| own.to = to).or_insert_with(|| change.clone());
        }
        Self {
            added: added.into_iter().collect(),
            removed: removed.into_iter().collect(),
            moves: moves.into_values().filter(|step| step.from.first() != step.to.first()).collect(),
            values: values.into_values().filter(|change| change.from != change.to).collect(),
        }
    }
}

/// What a change did, each list in order of id. Serialisable.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChangeReport {
    /// Accounts that came into the book, left it and moved, and values of accounts that were in it before and after.
    #[serde(flatten)]
    pub accounts: AccountChanges,
    /// Accounts that waited for something and are in the book now.
    pub released: Vec<AccountId>,
    /// Accounts that stay out of the book for another reason than before: what they waited for came, and
    /// now they are held for this.
    #[serde(with = "crate::model::pairs::account_reason")]
    pub held: Vec<(AccountId, HeldReason)>,
    /// Accounts that are roots because of a fault, and were not, or for another one.
    #[serde(with = "crate::model::pairs::account_reason")]
    pub adopted: Vec<(AccountId, FaultKind)>,
    /// Lines that came into the history of mergers and splits.
    pub successions_added: Vec<Succession>,
    /// Lines that were taken out of it.
    pub successions_removed: Vec<Succession>,
    /// Ids whose usage is read of another account: after a merger or a split, and when one is withdrawn. That of an account
    /// which only came or left is not listed.
    pub usage_moves: Vec<UsageMove>,
    /// Child rows that came, by table.
    #[serde(with = "crate::model::pairs::table_row")]
    pub children_added: Vec<(Arc<str>, ChildId)>,
    /// Child rows that left, by table.
    #[serde(with = "crate::model::pairs::table_row")]
    pub children_removed: Vec<(Arc<str>, ChildId)>,
}

impl ChangeReport {
    pub(super) fn finish(&mut self) {
        self.accounts.added.sort();
        self.released.sort();
        self.held.sort_by(|a, b| a.0.cmp(&b.0));
        self.adopted.sort();
        self.accounts.removed.sort();
        self.accounts.moves.sort_by(|a, b| a.account.cmp(&b.account));
        self.accounts.values.sort_by_cached_key(ValueChange::place);
        self.successions_added.sort();
        self.successions_removed.sort();
        self.usage_moves.sort();
        self.children_added.sort();
        self.children_removed.sort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> AccountId {
        AccountId::new(name).unwrap()
    }

    fn value(account: &str, from: i64, to: i64) -> ValueChange {
        let (from, to) = (Some(Value::Int(from)), Some(Value::Int(to)));
        ValueChange { account: id(account), child: None, attribute: Arc::from("seats"), from, to }
    }

    fn step(account: &str, from: &str, to: &str) -> AccountMove {
        AccountMove { account: id(account), from: [id(from)].into(), to: [id(to)].into() }
    }

    #[test]
    fn two_changes_are_one_without_what_changed_back() {
        let first = AccountChanges {
            added: vec![id("brief"), id("new")],
            removed: vec![id("back"), id("gone")],
            moves: vec![step("far", "a", "b"), step("home", "a", "b")],
            values: vec![value("again", 1, 2), value("undone", 1, 2)],
        };
        let second = AccountChanges {
            added: vec![id("back")],
            removed: vec![id("brief")],
            moves: vec![step("far", "b", "c"), step("home", "b", "a")],
            values: vec![value("again", 2, 3), value("undone", 2, 1)],
        };
        let both = AccountChanges {
            added: vec![id("new")],
            removed: vec![id("gone")],
            moves: vec![step("far", "a", "c")],
            values: vec![value("again", 1, 3)],
        };
        assert_eq!(first.then(&second), both);
        assert!(!both.is_empty() && AccountChanges::default().is_empty());
    }
}
