//! A source that holds its rows in memory: doc example and test double at once.

use std::sync::Arc;

use indexmap::IndexMap;

use super::{Batch, Emit, ScanRequest, Source, SourceError, TableName};
use crate::model::{AccountRow, ChildRow, Succession};

const BATCH_ROWS: usize = 4_096;

/// Rows in memory, emitted in batches.
///
/// ```
/// use perennial::{AccountId, AccountRow, source::{MemorySource, SourceExt, TableName}};
///
/// let source = MemorySource::new()
///     .account(AccountRow::new(AccountId::new("acme")?, "Company"))
///     .account(AccountRow::new(AccountId::new("acme-eu")?, "Company").under(AccountId::new("acme")?));
/// assert_eq!(source.count(&TableName::Accounts)?, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemorySource {
    accounts: Vec<AccountRow>,
    successions: Vec<Succession>,
    children: IndexMap<Arc<str>, Vec<ChildRow>>,
    batch_rows: Option<usize>,
}

impl MemorySource {
    /// No rows yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more account.
    #[must_use]
    pub fn account(mut self, row: AccountRow) -> Self {
        self.accounts.push(row);
        self
    }

    /// With more accounts.
    #[must_use]
    pub fn accounts(mut self, rows: impl IntoIterator<Item = AccountRow>) -> Self {
        self.accounts.extend(rows);
        self
    }

    /// With one more link from an account to one that came after it.
    #[must_use]
    pub fn succession(mut self, row: Succession) -> Self {
        self.successions.push(row);
        self
    }

    /// With more links from accounts to those that came after them.
    #[must_use]
    pub fn successions(mut self, rows: impl IntoIterator<Item = Succession>) -> Self {
        self.successions.extend(rows);
        self
    }

    /// With one more row of a child table.
    #[must_use]
    pub fn child(mut self, table: &str, row: ChildRow) -> Self {
        self.children.entry(Arc::from(table)).or_default().push(row);
        self
    }

    /// With more rows of a child table.
    #[must_use]
    pub fn children(mut self, table: &str, rows: impl IntoIterator<Item = ChildRow>) -> Self {
        self.children.entry(Arc::from(table)).or_default().extend(rows);
        self
    }

    /// With batches of `rows` rows (at least one) instead of 4,096.
    #[must_use]
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.batch_rows = Some(rows.max(1));
        self
    }

    fn emit_all<T>(&self, rows: &[T], emit: &mut Emit<'_>, batch: impl Fn(&[T]) -> Batch) {
        for part in rows.chunks(self.batch_rows.unwrap_or(BATCH_ROWS)) {
            if emit(batch(part)).is_break() {
                return;
            }
        }
    }
}

impl Source for MemorySource {
    fn scan(&self, request: &ScanRequest, emit: &mut Emit<'_>) -> Result<(), SourceError> {
        match request.table() {
            TableName::Accounts => self.emit_all(&self.accounts, emit, Batch::of_accounts),
            TableName::Links => self.emit_all(&self.accounts, emit, Batch::of_links),
            TableName::Successions => self.emit_all(&self.successions, emit, Batch::of_successions),
            TableName::Child(name) => {
                let rows = self.children.get(name).map_or(&[][..], Vec::as_slice);
                self.emit_all(rows, emit, |part| Batch::of_children(name, part));
            }
        }
        Ok(())
    }

    fn provides(&self, table: &TableName) -> bool {
        match table {
            TableName::Accounts | TableName::Links | TableName::Successions => true,
            TableName::Child(name) => self.children.contains_key(name),
        }
    }
}
