//! What did a change do?

use std::sync::Arc;

use serde::Serialize;

use super::HeldReason;
use crate::model::{AccountId, ChildId, Succession, Value};
use crate::tree::FaultKind;

/// One value that is different.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ValueChange {
    /// The account.
    pub account: AccountId,
    /// The child row, for a column of a child table.
    pub child: Option<(Arc<str>, ChildId)>,
    /// The attribute or column.
    pub attribute: Arc<str>,
    /// Before; `None` when it was missing.
    pub from: Option<Value>,
    /// After; `None` when it is missing.
    pub to: Option<Value>,
}

/// One account that stands somewhere else, with everything below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct UsageMove {
    /// The id that events come with. Whether there are any, the book does not know.
    pub account: AccountId,
    /// The account that showed them before; `None` where none did.
    pub from: Option<AccountId>,
    /// The account that shows them now, those of days before as well; `None` where they wait for an account.
    pub to: Option<AccountId>,
}

/// What a change did, each list in order of id. Serialisable.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ChangeReport {
    /// Accounts that came into the book, those that were released from quarantine apart.
    pub added: Vec<AccountId>,
    /// Accounts that waited for something and are in the book now.
    pub released: Vec<AccountId>,
    /// Accounts that stay out of the book for another reason than before: what they waited for came, and
    /// now they are held for this.
    pub held: Vec<(AccountId, HeldReason)>,
    /// Accounts that are roots because of a fault, and were not, or for another one.
    pub adopted: Vec<(AccountId, FaultKind)>,
    /// Accounts that left the book.
    pub removed: Vec<AccountId>,
    /// Accounts that moved; those below them moved with them and are not listed.
    pub moves: Vec<AccountMove>,
    /// Values of accounts that were in the book before and after, and of child rows.
    pub values: Vec<ValueChange>,
    /// Lines that came into the history of mergers and splits.
    pub successions_added: Vec<Succession>,
    /// Lines that were taken out of it.
    pub successions_removed: Vec<Succession>,
    /// Ids whose usage is read of another account: after a merger or a split, and when one is withdrawn. That of an account
    /// which only came or left is not listed.
    pub usage_moves: Vec<UsageMove>,
    /// Child rows that came, by table.
    pub children_added: Vec<(Arc<str>, ChildId)>,
    /// Child rows that left, by table.
    pub children_removed: Vec<(Arc<str>, ChildId)>,
}

impl ChangeReport {
    pub(super) fn finish(&mut self) {
        self.added.sort();
        self.released.sort();
        self.held.sort_by(|a, b| a.0.cmp(&b.0));
        self.adopted.sort();
        self.removed.sort();
        self.moves.sort_by(|a, b| a.account.cmp(&b.account));
        let key = |change: &ValueChange| {
            (change.account.clone(), change.child.clone(), Arc::clone(&change.attribute))
        };
        self.values.sort_by_cached_key(key);
        self.successions_added.sort();
        self.successions_removed.sort();
        self.usage_moves.sort();
        self.children_added.sort();
        self.children_removed.sort();
    }
}
