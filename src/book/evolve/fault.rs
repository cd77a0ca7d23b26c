//! Why can a book not go over to another schema?

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::{HeldReason, LoadError, LoadReport};
use crate::model::{AccountId, Faults, SchemaChangeErrors, SchemaPart};
use crate::tree::FaultKind;

/// Accounts or rows that are named of those at one fault; the others are counted.
const MAX_NAMED: usize = 10;

/// Why a book does not go over to another schema. It stays as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvolveError {
    /// The change makes no schema of that of the book.
    #[error("the change of the schema is at fault: {0}")]
    Change(#[from] SchemaChangeErrors),
    /// Accounts or rows that are in the book cannot stay.
    #[error("the accounts do not fit the schema: {0}")]
    Rows(#[from] EvolveFaults),
    /// Values that do not fit, which the policy of the book refuses.
    #[error("the accounts do not fit the schema: {0}")]
    Load(#[from] LoadError),
}

/// Everything that keeps a book from going over to another schema.
pub type EvolveFaults = Faults<EvolveFault>;

/// What keeps a book from going over to another schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvolveFault {
    /// A part that is removed is in use.
    #[error("{part} is in use by {rows}; say what takes its place")]
    InUse {
        /// The part.
        part: SchemaPart,
        /// By which.
        rows: NamedRows,
    },
    /// An account that is in the book could not stay in it, or where it is.
    #[error("account `{account}` would be held out of the book: {reason}")]
    AccountHeld {
        /// The account.
        account: AccountId,
        /// Why.
        reason: HeldReason,
    },
    /// An account would no longer be under another one.
    #[error("account `{account}` would no longer be under its parent: {reason}")]
    Adopted {
        /// The account.
        account: AccountId,
        /// Why.
        reason: FaultKind,
    },
    /// A child row that is in the book could not stay in it.
    #[error("row `{row}` of table `{table}` would be held out of the book: {reason}")]
    RowHeld {
        /// The table, by its new name.
        table: Arc<str>,
        /// The row.
        row: String,
        /// Why.
        reason: FaultKind,
    },
}

/// Some rows: how many, and the first of them in order of id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NamedRows {
    /// How many.
    pub count: usize,
    /// The ids of the first ten.
    pub first: Vec<Arc<str>>,
}

impl NamedRows {
    pub(super) fn add(&mut self, id: &str) {
        self.count += 1;
        let at = self.first.partition_point(|known| **known < *id);
        if at < MAX_NAMED {
            self.first.insert(at, Arc::from(id));
            self.first.truncate(MAX_NAMED);
        }
    }
}

impl std::fmt::Display for NamedRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named: Vec<String> = self.first.iter().map(|id| format!("`{id}`")).collect();
        write!(f, "{}", named.join(", "))?;
        match self.count - self.first.len().min(self.count) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// What became of a book under another schema. Serialisable.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EvolveReport {
    /// Did all stay where they were, with what they had, so that nothing was read again?
    pub in_place: bool,
    /// Accounts that were held out of the book and are in it now.
    pub released: Vec<AccountId>,
    /// What a load of the accounts said: values that did not fit and are missing now are among its faults. Nothing where all stayed in
    /// place.
    pub load: LoadReport,
}
