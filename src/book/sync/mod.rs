//! Which change makes a book say what a storage says?
//!
//! For storages that others write to. The rows of the storage are loaded into a book of their own, under the
//! policy of the book that is to follow, and the two books are compared by id: what differs becomes items of
//! a change. What the storage does not speak of is filled in from the book first, so that only what is said
//! can differ. Rulings S55 to S57 of `docs/semantics`.

mod accounts;
mod children;
mod complete;
mod unsaid;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::builder::{BookBuilder, scan, tables_of};
use super::input_ids::InputIds;
use super::placing::in_column;
use super::{Book, Change, ChangeItem, LoadError, LoadReport};
use crate::model::AccountId;
use crate::source::{Batch, BatchError, Cells, Source, TableName};
use complete::HeldRows;
use unsaid::Unsaid;

/// Rows that are asked for by id at once, where a storage does not speak of accounts.
const BATCH_ROWS: usize = 4_096;

impl Change {
    /// The change that makes `book` say what `source` says: added and removed accounts and child rows, other
    /// values, places, types, products, and successions. Idempotent: once it is applied, there is no
    /// difference.
    ///
    /// A table that the source does not provide is left alone; so is a column that it leaves out, and a cell
    /// that is absent, such as a value that a row of [`MemorySource`](crate::source::MemorySource) does not have.
    /// A null clears. Where accounts are provided and `links` are not, parents are those of
    /// the accounts alone. Rows are judged by the policy of the book, as in a load; the report is that of a
    /// load.
    ///
    /// Apply it as any change: an account whose place is at fault is refused there, and named.
    ///
    /// # Errors
    ///
    /// [`LoadError`] when the source fails or a batch is malformed. [`LoadError::Rejected`] when rows are at
    /// fault in a way that the policy refuses, or that it would load with something held or adopted which
    /// the book does not hold or adopt in the same way: no change says that (changes are judged strictly). Its
    /// report names each such row. Mend the data, or load anew.
    ///
    /// # Complexity
    ///
    /// That of a load of the source, in time and memory, and a look-up for each row.
    ///
    /// ```
    /// use perennial::source::MemorySource;
    /// use perennial::{AccountId, AccountRow, Book, Change, Nesting, Policy, Schema, SystemAttribute};
    ///
    /// let schema = Schema::builder().account_type("Company", Nesting::Free).system(SystemAttribute::Name).build()?;
    /// let row = |id| Ok::<_, perennial::IdError>(AccountRow::new(AccountId::new(id)?, "Company"));
    /// let before = MemorySource::new().account(row("acme")?).account(row("gone")?);
    /// let (book, _) = Book::load(schema, &before, &Policy::strict())?;
    ///
    /// // Somebody edited the storage.
    /// let after = MemorySource::new()
    ///     .account(row("acme")?.with("name", "Acme Corporation"))
    ///     .account(row("acme-eu")?.under(AccountId::new("acme")?));
    /// let (change, _) = Change::from_source(&book, &after)?;
    /// let (synced, report) = book.apply(&change)?;
    /// assert_eq!((report.accounts.added.len(), report.accounts.removed.len(), report.accounts.values.len()), (1, 1, 1));
    /// assert!(Change::from_source(&synced, &after)?.0.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_source(book: &Book, source: &dyn Source) -> Result<(Self, LoadReport), LoadError> {
        let mut builder = ChangeBuilder::against(book);
        for table in tables_of(book.schema(), source) {
            builder.covers(&table);
            builder.rows.note_unread(source, &table);
            scan(book.schema(), source, table, |batch| builder.push(batch))?;
        }
        builder.finish()
    }
}

/// A change in the making: batches of a storage in, the difference from a book out.
///
/// For async hosts, which push batches themselves; others call [`Change::from_source`], which says what the
/// difference means.
///
/// ```
/// use perennial::source::{Batch, Cells, MemorySource, TableName};
/// use perennial::{AccountId, AccountRow, Book, ChangeBuilder, Nesting, Policy, Schema};
///
/// let schema = Schema::builder().account_type("Company", Nesting::Free).build()?;
/// let source = MemorySource::new().account(AccountRow::new(AccountId::new("acme")?, "Company"));
/// let (book, _) = Book::load(schema, &source, &Policy::strict())?;
/// let mut builder = ChangeBuilder::against(&book);
/// builder.push(&Batch::new(TableName::Accounts).column("id", Cells::text([Some("acme"), Some("globex")])))?;
/// let (change, _) = builder.finish()?;
/// assert_eq!(change.items().len(), 1); // `globex` is new, and nothing else is said
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ChangeBuilder {
    book: Book,
    rows: BookBuilder,
    covered: BTreeSet<TableName>,
    // Accounts of which the storage says nothing about parents.
    unplaced: HashSet<AccountId>,
    held: HeldRows,
}

impl ChangeBuilder {
    /// Nothing is said yet: no difference from `book`.
    #[must_use]
    pub fn against(book: &Book) -> Self {
        // Chunks of the same size, so that what did not change is packed in the same way.
        let mut rows = BookBuilder::new(Arc::clone(book.schema()))
            .policy(book.0.policy.clone())
            .chunk_rows(book.0.chunk_rows)
            .input_ids(InputIds::Beside(book.clone()));
        rows.report.keep_all();
        Self {
            book: book.clone(),
            rows,
            covered: BTreeSet::new(),
            unplaced: HashSet::new(),
            held: HeldRows::default(),
        }
    }

    /// Says that the storage has a table, be it without rows. A table of which a batch is pushed is covered
    /// by that; a table that is not covered is left as it is in the book.
    pub fn covers(&mut self, table: &TableName) {
        self.covered.insert(table.clone());
    }

    /// Takes in a batch.
    ///
    /// # Errors
    ///
    /// [`BatchError`] when the batch is malformed; nothing of it is taken in.
    pub fn push(&mut self, batch: &Batch) -> Result<(), BatchError> {
        batch.check()?;
        self.covers(batch.table());
        self.rows.note_columns(batch);
        let complete = complete::complete(batch, &self.book.0, &mut self.held, &mut self.unplaced);
        complete.check()?;
        self.rows.take_in(&complete);
        Ok(())
    }

    /// The change from the book to what was pushed, and the report of the rows.
    ///
    /// # Errors
    ///
    /// [`LoadError`]; see [`Change::from_source`].
    pub fn finish(mut self) -> Result<(Change, LoadReport), LoadError> {
        let covers_accounts = self.covered.contains(&TableName::Accounts);
        // The rows that follow are of the book, whose ids are accepted as they are.
        self.rows.ids = InputIds::Stored;
        if !covers_accounts {
            self.push_own_accounts()?;
        }
        if !self.covered.contains(&TableName::Links) {
            self.push_own_links()?;
        }
        let Self { book, rows, covered, .. } = self;
        let (target, mut report) = rows.finish().map_err(LoadError::keeping_most)?;
        let (old, new) = (&*book.0, &*target.0);
        let mut unsaid = Unsaid::default();
        let mut items: Vec<ChangeItem> = Vec::new();
        accounts::compare(old, new, &mut items, &mut unsaid);
        if covered.contains(&TableName::Successions) {
            successions(old, new, &mut items);
        }
        for (number, table) in old.schema.tables().enumerate() {
            if covered.contains(&TableName::child(table.name())) {
                children::compare(old, new, number, table, &mut items, &mut unsaid);
            }
        }
        unsaid.compare_superseded(old, new, &covered);
        if !covers_accounts {
            // The rows were the book's own; the storage said nothing of them.
            report.tables.shift_remove("accounts");
        }
        report.tables.retain(|table, _| covered.iter().any(|covered| covered.to_string() == **table));
        unsaid.mark(&mut report);
        report.keep_most();
        if unsaid.is_empty() {
            return Ok((items.into_iter().fold(Change::new(), Change::with), report));
        }
        Err(LoadError::Rejected { report: Box::new(report) })
    }

    // A storage without accounts changes none.
    fn push_own_accounts(&mut self) -> Result<(), BatchError> {
        let inner = Arc::clone(&self.book.0);
        let placed = inner
            .chunks
            .iter()
            .flatten()
            .flat_map(|chunk| (0..chunk.shape.rows()).filter_map(|row| chunk.shape.id(row)));
        let ids: Vec<&str> = placed.chain(inner.held.accounts.keys().map(AccountId::as_str)).collect();
        for ids in ids.chunks(BATCH_ROWS) {
            let batch =
                Batch::new(TableName::Accounts).column("id", Cells::text(ids.iter().map(|id| Some(*id))));
            self.rows.push(&complete::complete(&batch, &inner, &mut self.held, &mut self.unplaced))?;
        }
        Ok(())
    }

    // The further parents of accounts whose parents nobody spoke of.
    fn push_own_links(&mut self) -> Result<(), BatchError> {
        let mut links: Vec<(AccountId, crate::model::ParentLink)> = Vec::new();
        for account in std::mem::take(&mut self.unplaced) {
            let declared = accounts::declared(&self.book.0, &account);
            let first = in_column(&declared).cloned();
            let further = declared.into_iter().filter(|link| Some(link) != first.as_ref());
            links.extend(further.map(|link| (account.clone(), link)));
        }
        links.sort();
        for links in links.chunks(BATCH_ROWS) {
            let batch = Batch::new(TableName::Links)
                .column("id", Cells::text(links.iter().map(|(account, _)| Some(account.as_str()))))
                .column("parent", Cells::text(links.iter().map(|(_, link)| Some(link.parent.as_str()))))
                .column(
                    "rank",
                    Cells::Int(links.iter().map(|(_, link)| Some(i64::from(link.rank))).collect()),
                );
            self.rows.push(&batch)?;
        }
        Ok(())
    }
}

fn successions(old: &super::Inner, new: &super::Inner, items: &mut Vec<ChangeItem>) {
    let (before, after) = (old.successions.links(), new.successions.links());
    let gone = before.iter().filter(|link| after.binary_search(link).is_err());
    items.extend(gone.map(|link| ChangeItem::RetractSuccession { succession: (*link).clone() }));
    let come = after.iter().filter(|link| before.binary_search(link).is_err());
    items.extend(come.map(|link| ChangeItem::DeclareSuccession { succession: (*link).clone() }));
}
