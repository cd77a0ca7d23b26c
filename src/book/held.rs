//! What has been declared that the tree does not show?
//!
//! The tree is a function of the declarations. Where the two differ (accounts in quarantine, roots that
//! are adopted, accounts with several parents) the declarations are kept here, so that a change can
//! bring what was missing and release what waited for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{AccountId, AccountRow, ChildRow, ParentLink};
use crate::tree::FaultKind;

/// Why a row is held out of the book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HeldReason {
    /// A fault of its own.
    Fault(FaultKind),
    /// An account above it is held.
    Below(AccountId),
}

impl fmt::Display for HeldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(kind) => write!(f, "{kind}"),
            Self::Below(above) => write!(f, "`{above}` above it is held"),
        }
    }
}

/// An account that is held out of the book, as it was declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HeldAccount {
    /// The account.
    pub row: AccountRow,
    /// Why.
    pub reason: HeldReason,
    /// Attributes whose value the policy would not load: it did not fit (and is not in `row`), or does not
    /// apply to the account type. The account is held until a change speaks of every one of them.
    pub unfit: Vec<Arc<str>>,
}

/// A row that never waits for anything: an id that breaks the rules, or a repeated id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SupersededRow {
    /// The table it was offered in.
    pub table: Arc<str>,
    /// The id as offered, be it valid or not.
    pub id: String,
    /// Why.
    pub reason: FaultKind,
}

/// A child row that is held out of the book.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HeldChild {
    /// Name of the child table.
    pub table: Arc<str>,
    /// The row.
    pub row: ChildRow,
    /// Why.
    pub reason: FaultKind,
}

/// Everything declared that is not simply "this account under that one".
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Held {
    /// Accounts in quarantine that a change can release.
    pub(crate) accounts: BTreeMap<AccountId, HeldAccount>,
    /// Rows that nothing releases.
    // Shared between versions: there may be many, and few changes touch them.
    pub(crate) superseded: Arc<Vec<SupersededRow>>,
    /// Child rows by the account that they wait for (`None`: for none).
    pub(crate) children: Arc<BTreeMap<Option<AccountId>, Vec<HeldChild>>>,
    /// Declared parents of placed accounts that do not simply stand under their only parent.
    pub(crate) links: BTreeMap<AccountId, Vec<ParentLink>>,
    /// Placed accounts that are roots only because of a fault.
    pub(crate) adopted: BTreeMap<AccountId, FaultKind>,
    // Accounts in `accounts` and `links`, by each parent that they declare.
    naming: BTreeMap<AccountId, BTreeSet<AccountId>>,
}

/// Declared parents in order of preference, each once.
pub(super) fn preferred_first(mut links: Vec<ParentLink>) -> Vec<ParentLink> {
    links.sort();
    let mut seen = std::collections::HashSet::new();
    links.retain(|link| seen.insert(link.parent.clone()));
    links
}

impl Held {
    fn note(&mut self, account: &AccountId, links: &[ParentLink]) {
        for link in links {
            self.naming.entry(link.parent.clone()).or_default().insert(account.clone());
        }
    }

    fn forget(&mut self, account: &AccountId, links: &[ParentLink]) {
        for link in links {
            if let Some(naming) = self.naming.get_mut(&link.parent) {
                naming.remove(account);
                if naming.is_empty() {
                    self.naming.remove(&link.parent);
                }
            }
        }
    }

    /// Is no row held that could be released, and nothing kept of one that is placed?
    pub(crate) fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.children.is_empty()
    }

    /// With rows that nothing releases, and further child rows that wait for nothing.
    pub(super) fn with(&self, superseded: Arc<Vec<SupersededRow>>, further: Vec<HeldChild>) -> Self {
        let mut children = self.children.clone();
        if !further.is_empty() {
            Arc::make_mut(&mut children).entry(None).or_default().extend(further);
        }
        Self { superseded, children, ..self.clone() }
    }

    /// Puts an account into quarantine.
    pub(crate) fn hold(&mut self, held: HeldAccount) {
        self.release(&held.row.id.clone());
        self.note(&held.row.id.clone(), &held.row.parents);
        self.accounts.insert(held.row.id.clone(), held);
    }

    /// Keeps the declared parents of a placed account.
    pub(crate) fn keep_links(&mut self, account: AccountId, links: Vec<ParentLink>) {
        self.release(&account);
        self.note(&account, &links);
        self.links.insert(account, links);
    }

    /// Forgets what is kept of an account; answers its row when it was in quarantine.
    pub(crate) fn release(&mut self, account: &AccountId) -> Option<AccountRow> {
        self.adopted.remove(account);
        if let Some(links) = self.links.remove(account) {
            self.forget(account, &links);
        }
        let held = self.accounts.remove(account)?;
        self.forget(account, &held.row.parents);
        Some(held.row)
    }

    /// The accounts kept here that declare `parent`, by id.
    pub(crate) fn naming(&self, parent: &str) -> impl Iterator<Item = &AccountId> {
        self.naming.get(parent).into_iter().flatten()
    }

    /// How many offered account rows are not in the book.
    pub(crate) fn held_accounts(&self) -> usize {
        self.accounts.len() + self.superseded.iter().filter(|row| &*row.table == "accounts").count()
    }
}
