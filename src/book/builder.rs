//! How does a book come into being?

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::input_ids::InputIds;
use super::intake::{AccountIntake, ChildIntake, IntakeContext, LinkIntake};
use super::load_successions::SuccessionIntake;
use super::unread::OfferedColumns;
use super::{Book, CHUNK_ROWS, LoadError, LoadReport, MAX_CHUNK_ROWS};
use crate::model::Schema;
use crate::model::limits::{MAX_ACCOUNTS, MAX_CHILD_ROWS};
use crate::source::{Batch, BatchError, ScanRequest, Source, TableName};
use crate::tree::Policy;

/// A book in the making: batches in, a book out.
///
/// Async hosts push batches as they arrive; nothing happens to any other book until [`Self::finish`].
///
/// ```
/// use perennial::{Book, Nesting, Schema, source::{Batch, Cells, TableName}};
///
/// let schema = Schema::builder().account_type("Company", Nesting::Free).build()?;
/// let mut builder = Book::builder(schema);
/// builder.push(&Batch::new(TableName::Accounts)
///     .column("id", Cells::text([Some("acme"), Some("acme-eu")]))
///     .column("account_type", Cells::text([Some("Company"), Some("Company")]))
///     .column("parent", Cells::text([None, Some("acme")])))?;
/// let (book, _) = builder.finish()?;
/// assert_eq!(book.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BookBuilder {
    pub(super) schema: Arc<Schema>,
    pub(super) policy: Policy,
    pub(super) chunk_rows: u32,
    pub(super) version: u64,
    pub(super) ids: InputIds,
    pub(super) accounts: AccountIntake,
    pub(super) links: LinkIntake,
    pub(super) successions: SuccessionIntake,
    // One for each child table.
    pub(super) children: Vec<ChildIntake>,
    pub(super) report: LoadReport,
    ignored: BTreeMap<Arc<str>, std::collections::BTreeSet<Arc<str>>>,
    pub(super) offered: OfferedColumns,
}

impl BookBuilder {
    pub(super) fn new(schema: Arc<Schema>) -> Self {
        let accounts = AccountIntake::new(&schema);
        let children =
            schema.tables().enumerate().map(|(number, table)| ChildIntake::new(number, table)).collect();
        Self {
            schema,
            policy: Policy::strict(),
            chunk_rows: CHUNK_ROWS,
            version: 0,
            ids: InputIds::default(),
            accounts,
            links: LinkIntake::default(),
            successions: SuccessionIntake::default(),
            children,
            report: LoadReport::default(),
            ignored: BTreeMap::new(),
            offered: OfferedColumns::default(),
        }
    }

    /// With another policy than the strict one. Set it before the first batch: faults found while pushing
    /// are judged by the policy of that time.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// With chunks of at most `rows` rows (1 to 65,534; 4,096 unless set). Changes speed and memory,
    /// never an answer.
    #[must_use]
    pub fn chunk_rows(mut self, rows: u32) -> Self {
        self.chunk_rows = rows.clamp(1, MAX_CHUNK_ROWS);
        self
    }

    /// With other ids that are accepted in spite of an invisible character.
    pub(super) fn input_ids(mut self, ids: InputIds) -> Self {
        self.ids = ids;
        self
    }

    /// With the version that the book starts from (0 unless set): the number of the last change that your
    /// storage has seen, so that [`Book::version`] goes on counting across restarts.
    #[must_use]
    pub fn version(mut self, version: u64) -> Self {
        self.version = version;
        self
    }

    /// Takes in a batch. Batches of different tables may come in any order; a batch of a table that the
    /// schema does not know is ignored, and the report names its columns under `ignored_columns`.
    ///
    /// # Errors
    ///
    /// [`BatchError`] when the batch is malformed (columns of different lengths, a repeated column, no id
    /// column); nothing of it is taken in. Faults of single cells are
    /// collected for the report.
    pub fn push(&mut self, batch: &Batch) -> Result<(), BatchError> {
        batch.check()?;
        self.note_columns(batch);
        self.take_in(batch);
        Ok(())
    }

    /// Notes which columns a batch has.
    pub(super) fn note_columns(&mut self, batch: &Batch) {
        let name: Arc<str> = Arc::from(batch.table().to_string());
        let request = ScanRequest::for_schema(&self.schema, batch.table().clone());
        for (column, _) in batch.columns().filter(|(column, _)| !request.wants(column)) {
            self.ignored.entry(Arc::clone(&name)).or_default().insert(Arc::clone(column));
        }
        let known = match batch.table() {
            TableName::Child(table) => self.schema.table(table).is_some(),
            TableName::Accounts | TableName::Links | TableName::Successions => true,
        };
        self.offered.note(batch, &request, known);
    }

    /// Takes in the rows of a batch that is a table.
    pub(super) fn take_in(&mut self, batch: &Batch) {
        let context = &mut IntakeContext { ids: &self.ids, policy: &self.policy, report: &mut self.report };
        match batch.table() {
            TableName::Accounts => self.accounts.push(context, batch, &self.schema),
            TableName::Links => self.links.push(context, batch),
            TableName::Successions => self.successions.push(context, batch),
            TableName::Child(table) => {
                let id = self.schema.table(table);
                let found =
                    id.and_then(|id| Some((self.schema.table_at(id)?, self.children.get_mut(id.index())?)));
                if let Some((table, intake)) = found {
                    intake.push(context, batch, table);
                }
            }
        }
    }

    /// Scans every table of the schema that the source provides, and finishes.
    ///
    /// # Errors
    ///
    /// [`LoadError`]; see [`Book::load`].
    pub fn load(mut self, source: &dyn Source) -> Result<(Book, LoadReport), LoadError> {
        let schema = Arc::clone(&self.schema);
        for table in tables_of(&schema, source) {
            self.note_unread(source, &table);
            scan(&schema, source, table, |batch| self.push(batch))?;
        }
        self.finish()
    }

    /// Notes the columns that a source does not emit.
    pub(super) fn note_unread(&mut self, source: &dyn Source, table: &TableName) {
        let request = ScanRequest::for_schema(&self.schema, table.clone());
        for unread in source.unread(table) {
            self.offered.note_unread(&unread, &request);
        }
    }

    /// Arranges what was pushed into a book.
    ///
    /// # Errors
    ///
    /// [`LoadError::Misnamed`] when a column that says where accounts stand is nearly there;
    /// [`LoadError::Rejected`] with the faults when the policy refuses one of them;
    /// [`LoadError::TooMany`] beyond the limits on accounts and child rows.
    pub fn finish(mut self) -> Result<(Book, LoadReport), LoadError> {
        if self.accounts.rows() > MAX_ACCOUNTS {
            let table = Arc::from("accounts");
            return Err(LoadError::TooMany { table, offered: self.accounts.rows(), limit: MAX_ACCOUNTS });
        }
        if let Some(children) = self.children.iter().find(|children| children.rows() > MAX_CHILD_ROWS) {
            let (table, offered) = (Arc::clone(&children.name), children.rows());
            return Err(LoadError::TooMany { table, offered, limit: MAX_CHILD_ROWS });
        }
        let ignored = std::mem::take(&mut self.ignored);
        self.report.ignored_columns =
            ignored.into_iter().map(|(table, names)| (table, names.into_iter().collect())).collect();
        let (unread, misnamed) = std::mem::take(&mut self.offered).finish();
        if !misnamed.is_empty() {
            return Err(LoadError::Misnamed { columns: misnamed });
        }
        self.report.unread = unread;
        super::assemble::assemble(self)
    }
}

/// The tables of a schema that a source provides, in the order in which they are read.
pub(super) fn tables_of<'s>(
    schema: &'s Schema,
    source: &'s dyn Source,
) -> impl Iterator<Item = TableName> + 's {
    let children = schema.tables().map(|table| TableName::child(table.name()));
    let tables = [TableName::Accounts, TableName::Links, TableName::Successions];
    tables.into_iter().chain(children).filter(|table| source.provides(table))
}

/// Reads a table of a source; a batch that is not taken ends it.
pub(super) fn scan(
    schema: &Schema,
    source: &dyn Source,
    table: TableName,
    mut push: impl FnMut(&Batch) -> Result<(), BatchError>,
) -> Result<(), LoadError> {
    let mut taken = Ok(());
    source.scan(&ScanRequest::for_schema(schema, table), &mut |batch| {
        // A source may go on after a break: the first fault stands.
        if taken.is_ok() {
            taken = push(&batch);
        }
        if taken.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(taken?)
}
