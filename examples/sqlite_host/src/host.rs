//! How does a service hold a book over its own database?
//!
//! A [`Host`] is the book of a database and the only way to change both. Readers take a [`Book`] and keep
//! it as long as they like; writers take turns, in this process and among processes. A change is one step:
//! the transaction is committed only when the book has accepted the change, and the new book is shown only
//! when the transaction is committed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use perennial::source::{Batch, Cell, ScanRequest, Source, SourceError};
use perennial::{Book, Change, ChangeReport, LoadError, LoadReport, Policy, Schema, Value};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::error::{Doing, EditsProblem, HostError};
use crate::layout::Layout;
use crate::ledger::{self, Meta, Way};
use crate::restart::{At, Opening, adopt, load, replay, restart};
use crate::same::Differences;
use crate::saved;
use crate::snapshot_file;
use crate::source::SqliteSource;
use crate::store::{self, Store};
use crate::window::Window;

/// How a host behaves.
#[derive(Clone)]
pub struct Options {
    policy: Policy,
    keep_snapshots: usize,
    busy: Duration,
    passing: Arc<dyn Fn(Window) + Send + Sync>,
}

impl Default for Options {
    /// A lenient policy, two snapshots, ten seconds.
    ///
    /// Lenient, since a service must come up with whatever stands in its tables: rows at fault are held and
    /// reported. What the host writes itself is judged strictly all the same, as every change is.
    fn default() -> Self {
        Self {
            policy: Policy::lenient(),
            keep_snapshots: 2,
            busy: Duration::from_secs(10),
            passing: Arc::new(|_| {}),
        }
    }
}

impl Options {
    /// With another policy for loads. It must be the same for as long as the snapshots live.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// With so many snapshots kept (at least one). The log is kept from the oldest of them on.
    #[must_use]
    pub fn keep_snapshots(mut self, count: usize) -> Self {
        self.keep_snapshots = count.max(1);
        self
    }

    /// With another patience for other writers.
    #[must_use]
    pub const fn busy(mut self, patience: Duration) -> Self {
        self.busy = patience;
        self
    }

    /// With something that is called at every [`Window`], for tests that stop there.
    #[must_use]
    pub fn passing(mut self, passing: impl Fn(Window) + Send + Sync + 'static) -> Self {
        self.passing = Arc::new(passing);
        self
    }
}

/// The book of a database. `Send + Sync`: share it behind an `Arc`.
pub struct Host {
    path: PathBuf,
    layout: Layout,
    options: Options,
    // Locked before `book`, never after.
    writer: Mutex<Writer>,
    book: RwLock<Book>,
}

struct Writer {
    connection: Connection,
    /// The book that is shown, and where it stands.
    at: At,
}

/// What a change did.
#[derive(Debug)]
#[non_exhaustive]
pub struct Applied {
    /// The version of the book with the change.
    pub version: u64,
    /// What differs.
    pub report: ChangeReport,
}

/// What a synchronisation did.
#[derive(Debug)]
#[non_exhaustive]
pub struct Synced {
    /// The version of the book now.
    pub version: u64,
    /// What the change did; `None` where nothing differed.
    pub report: Option<ChangeReport>,
    /// What a load of the tables finds wrong with them.
    pub load: LoadReport,
}

/// A snapshot that was written.
#[derive(Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The file.
    pub path: PathBuf,
    /// The version of the book in it.
    pub version: u64,
    /// Size of the file.
    pub bytes: usize,
    /// Entries of the log that nobody needs any more, and that are gone.
    pub pruned: usize,
}

impl Host {
    /// Makes the tables of a schema in a new database, or in one of yours that has none of them yet.
    ///
    /// # Errors
    ///
    /// [`HostError::Initialised`] where there is a book, [`HostError::Sqlite`] for a name that is taken.
    pub fn create(path: &Path, schema: impl Into<Arc<Schema>>, options: Options) -> Result<Self, HostError> {
        let layout = Layout::new(schema.into())?;
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_CREATE, &options)?;
        let writing = begin(&mut connection)?;
        if ledger::schema(&writing)?.is_some() {
            return Err(HostError::Initialised { path: path.to_owned() });
        }
        for statement in ledger::STATEMENTS.into_iter().map(str::to_owned).chain(layout.statements()) {
            writing.execute(&statement, []).doing("make the tables")?;
        }
        ledger::create(&writing, layout.schema())?;
        let (at, _) = load(&writing, &layout, &options.policy)?;
        writing.commit().doing("commit")?;
        Ok(Self::new(path, layout, options, connection, at))
    }

    /// Opens a database, and brings the book back: see [`Opening`] for how.
    ///
    /// Rows that were edited past the host are synchronised; where that is refused, the book opens without
    /// them and [`Opening::edits_refused`] says why.
    ///
    /// # Errors
    ///
    /// [`HostError`]: no book there, a newer format, rows that the policy refuses to load.
    pub fn open(path: &Path, options: Options) -> Result<(Self, Opening), HostError> {
        let mut connection = connect(path, OpenFlags::empty(), &options)?;
        let schema = ledger::schema(&connection)?;
        let schema = schema.ok_or_else(|| HostError::NotInitialised { path: path.to_owned() })?;
        let layout = Layout::new(schema)?;
        let (at, mut opening) = restart(&mut connection, path, &layout, &options.policy)?;
        let host = Self::new(path, layout, options, connection, at);
        match host.refresh() {
            Err(error @ HostError::EditsRefused(_)) => opening.edits_refused = Some(error),
            other => other.map(|_| ())?,
        }
        Ok((host, opening))
    }

    fn new(path: &Path, layout: Layout, options: Options, connection: Connection, at: At) -> Self {
        let book = RwLock::new(at.book.clone());
        let writer = Mutex::new(Writer { connection, at });
        Self { path: path.to_owned(), layout, options, writer, book }
    }

    /// The current book. Cheap, and never waits for a writer's transaction: keep it for as long as one
    /// answer takes, so that the answer is of one version.
    #[must_use]
    pub fn book(&self) -> Book {
        self.book.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The tables of the database.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Applies a change to the book and to the tables, or to neither.
    ///
    /// `expected` is the version that the change was made for. What other processes committed since is
    /// taken in first, and so are rows that were edited past the host, as versions of their own.
    ///
    /// # Errors
    ///
    /// [`HostError::Conflict`] when the book is at another version than expected, [`HostError::Refused`]
    /// with every problem when the book does not accept the change, [`HostError::EditsRefused`] when edited
    /// rows stand in the way, [`HostError::Sqlite`] and [`HostError::OutOfStep`] when the rows cannot be
    /// written. In every case the change is neither in the book nor in the tables.
    pub fn apply(&self, change: &Change, expected: Option<u64>) -> Result<Applied, HostError> {
        let mut writer = self.writer();
        let Writer { connection, at } = &mut *writer;
        let writing = begin(connection)?;
        let caught = self.catch_up(&writing, at.clone())?;
        let current = caught.point.version;
        if let Some(expected) = expected.filter(|expected| *expected != current) {
            self.commit(writing, at, caught)?;
            return Err(HostError::Conflict { expected, current });
        }
        let (book, report) = match caught.book.apply(change) {
            Ok(accepted) => accepted,
            Err(error) => {
                // What was caught up with has happened, whatever becomes of this change.
                self.commit(writing, at, caught)?;
                return Err(error.into());
            }
        };
        self.passing(Window::Accepted);
        // The book that was knows what hangs on an account that is merged.
        store::write(&writing, &self.layout, &change.expand(&caught.book), &report)?;
        self.passing(Window::RowsWritten);
        let text = logged(change)?;
        let point = caught.point.after(Some(&text));
        ledger::enter(&writing, point, Some(&text))?;
        self.passing(Window::Logged);
        self.commit(writing, at, At { book, point })?;
        Ok(Applied { version: point.version, report })
    }

    /// Takes over rows that were edited in the tables past the host, as changes of the book.
    ///
    /// Compares every row, whether or not anybody is known to have edited one. Doing it again changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`HostError::EditsRefused`] when no change leads from the book to the rows; the book then stays
    /// what it was, while the tables keep the edits.
    pub fn sync(&self) -> Result<Synced, HostError> {
        let mut writer = self.writer();
        let Writer { connection, at } = &mut *writer;
        let writing = begin(connection)?;
        let followed = self.follow(&writing, at.clone())?;
        let (next, synced) = self.synchronise(&writing, followed)?;
        self.commit(writing, at, next)?;
        Ok(synced)
    }

    /// Takes in what other processes committed, and rows that were edited past the host. Answers whether
    /// the book is another one now. Cheap when nothing happened.
    ///
    /// # Errors
    ///
    /// As [`Self::sync`].
    pub fn refresh(&self) -> Result<bool, HostError> {
        let mut writer = self.writer();
        self.refresh_locked(&mut writer)
    }

    /// Takes the tables over as they stand, faults and all, at a new version: a load instead of a change.
    /// Snapshots from before are of no use after it.
    ///
    /// # Errors
    ///
    /// [`HostError::Load`] when the policy refuses the rows.
    pub fn adopt(&self) -> Result<LoadReport, HostError> {
        let mut writer = self.writer();
        let Writer { connection, at } = &mut *writer;
        let writing = begin(connection)?;
        let (next, report) = adopt(&writing, &self.layout, &self.options.policy)?;
        self.commit(writing, at, next)?;
        Ok(report)
    }

    /// Fills the tables from a source, and loads them: the first load of a new host.
    ///
    /// # Errors
    ///
    /// [`HostError::Import`] for a cell that fits no column, [`HostError::Sqlite`] for an id that is there
    /// already, [`HostError::Load`] for what the policy refuses. Nothing is written then.
    pub fn import(&self, source: &dyn Source) -> Result<LoadReport, HostError> {
        let mut writer = self.writer();
        let Writer { connection, at } = &mut *writer;
        let writing = begin(connection)?;
        let store = Store { connection: &writing, layout: &self.layout };
        for table in self.layout.tables().iter().filter(|table| source.provides(&table.table)) {
            let request = ScanRequest::for_schema(self.layout.schema(), table.table.clone());
            let mut failed = None;
            let scan = source.scan(&request, &mut |batch| match insert(&store, &batch) {
                Ok(()) => std::ops::ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    std::ops::ControlFlow::Break(())
                }
            });
            scan.map_err(|error: SourceError| LoadError::from(error))?;
            if let Some(error) = failed {
                return Err(error);
            }
        }
        let (next, report) = adopt(&writing, &self.layout, &self.options.policy)?;
        self.commit(writing, at, next)?;
        Ok(report)
    }

    /// Writes a snapshot of the current book, and forgets what no kept snapshot needs.
    ///
    /// # Errors
    ///
    /// [`HostError::SnapshotNotWritten`], and [`HostError::Sqlite`] where the log cannot be pruned. The
    /// snapshots from before are still there then.
    pub fn snapshot(&self) -> Result<Snapshot, HostError> {
        let mut writer = self.writer();
        let version = writer.at.point.version;
        let bytes = saved::encode(&writer.at, &self.options.policy);
        let directory = snapshot_file::directory(&self.path);
        // Under the write lock: nobody else writes or removes snapshots.
        let writing = begin(&mut writer.connection)?;
        let unwritten =
            |cause| HostError::SnapshotNotWritten { path: snapshot_file::path(&directory, version), cause };
        let passing = &*self.options.passing;
        let path = snapshot_file::write(&directory, version, &bytes, passing).map_err(unwritten)?;
        let all = snapshot_file::list(&directory).map_err(unwritten)?;
        // A database that was put back to an earlier state has not been where these are.
        let (foreign, own): (Vec<_>, Vec<_>) = all.into_iter().partition(|(other, _)| *other > version);
        let (kept, gone) = own.split_at(self.options.keep_snapshots.min(own.len()));
        let oldest = kept.last().map_or(version, |(oldest, _)| *oldest);
        let pruned = ledger::prune(&writing, oldest)?;
        self.passing(Window::LogPruned);
        writing.commit().doing("commit")?;
        self.passing(Window::PruneCommitted);
        for (_, path) in foreign.iter().chain(gone) {
            std::fs::remove_file(path).map_err(unwritten)?;
        }
        Ok(Snapshot { path, version, bytes: bytes.len(), pruned })
    }

    /// Loads the tables anew, and says where that book differs from the current one: nowhere.
    ///
    /// # Errors
    ///
    /// As [`Self::refresh`].
    pub fn check(&self) -> Result<Differences, HostError> {
        let mut writer = self.writer();
        let compare = |reading: &Transaction<'_>, at: &At| {
            let (fresh, _) = load(reading, &self.layout, &self.options.policy)?;
            Ok(Differences::between(&at.book, &fresh.book))
        };
        Ok(self.reading(&mut writer, compare)?.0)
    }

    // Reads tables that are those of the book, in one transaction; with the version that they are of.
    fn reading<T>(
        &self,
        writer: &mut Writer,
        read: impl Fn(&Transaction<'_>, &At) -> Result<T, HostError>,
    ) -> Result<(T, u64), HostError> {
        loop {
            self.refresh_locked(writer)?;
            let Writer { connection, at } = &mut *writer;
            let reading =
                connection.transaction_with_behavior(TransactionBehavior::Deferred).doing("begin to read")?;
            let meta = Meta::read(&reading)?;
            // Unless somebody was faster.
            if meta.point() == at.point && !meta.edited {
                return Ok((read(&reading, at)?, at.point.version));
            }
        }
    }

    fn refresh_locked(&self, writer: &mut Writer) -> Result<bool, HostError> {
        let meta = Meta::read(&writer.connection)?;
        if meta.point() == writer.at.point && !meta.edited {
            return Ok(false);
        }
        let Writer { connection, at } = writer;
        let before = at.point;
        let writing = begin(connection)?;
        let caught = self.catch_up(&writing, at.clone())?;
        self.commit(writing, at, caught)?;
        Ok(at.point != before)
    }

    // The book at the version of the tables, with the rows that were edited.
    fn catch_up(&self, writing: &Transaction<'_>, at: At) -> Result<At, HostError> {
        let followed = self.follow(writing, at)?;
        if !Meta::read(writing)?.edited {
            return Ok(followed);
        }
        Ok(self.synchronise(writing, followed)?.0)
    }

    // The book at the version of the tables, edits apart.
    fn follow(&self, writing: &Transaction<'_>, at: At) -> Result<At, HostError> {
        let meta = Meta::read(writing)?;
        match ledger::way(writing, at.point, meta.point())? {
            Way::Changes(changes) => replay(at, changes).map_err(|problem| HostError::Log { problem }),
            // Somebody took the tables over, or pruned what this process has not seen.
            Way::None(_) => Ok(load(writing, &self.layout, &self.options.policy)?.0),
        }
    }

    fn synchronise(&self, writing: &Transaction<'_>, mut at: At) -> Result<(At, Synced), HostError> {
        let source = SqliteSource::within(writing, &self.layout, at.point.version);
        let (change, load) = Change::from_source(&at.book, &source).map_err(|error| match error {
            LoadError::Rejected { .. } => HostError::EditsRefused(EditsProblem::Rows(error)),
            other => other.into(),
        })?;
        let mut report = None;
        if !change.is_empty() {
            let refused = |error| HostError::EditsRefused(EditsProblem::Change(error));
            let (book, found) = at.book.apply(&change).map_err(refused)?;
            let text = logged(&change)?;
            let point = at.point.after(Some(&text));
            ledger::enter(writing, point, Some(&text))?;
            report = Some(found);
            at = At { book, point };
        }
        ledger::no_difference(writing)?;
        let version = at.point.version;
        Ok((at, Synced { version, report, load }))
    }

    // The new book is shown when its rows are safe; where the commit fails the old one stays.
    fn commit(&self, writing: Transaction<'_>, shown: &mut At, next: At) -> Result<(), HostError> {
        let news = shown.point != next.point;
        writing.commit().doing("commit")?;
        if news {
            self.passing(Window::Committed);
            *self.book.write().unwrap_or_else(PoisonError::into_inner) = next.book.clone();
            *shown = next;
        }
        Ok(())
    }

    // A panic in another thread has rolled its transaction back and shown nothing: all is as before.
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn passing(&self, window: Window) {
        (self.options.passing)(window);
    }
}

fn connect(path: &Path, more: OpenFlags, options: &Options) -> Result<Connection, HostError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(path, flags).doing(&format!("open `{}`", path.display()))?;
    connection.busy_timeout(options.busy).doing("set the patience for other writers")?;
    // Readers and writers do not wait for each other, and what is committed survives a power cut.
    connection.pragma_update(None, "journal_mode", "WAL").doing("switch to WAL")?;
    connection.pragma_update(None, "synchronous", "FULL").doing("make commits durable")?;
    Ok(connection)
}

// Nobody else writes from here on: what is read now is still so when it is committed.
fn begin(connection: &mut Connection) -> Result<Transaction<'_>, HostError> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate).doing("begin to write")
}

fn logged(change: &Change) -> Result<String, HostError> {
    serde_json::to_string(change)
        .map_err(|error| HostError::Log { problem: format!("the change cannot be written: {error}") })
}

fn insert(store: &Store<'_>, batch: &Batch) -> Result<(), HostError> {
    for row in 0..batch.rows() {
        let id = match batch.cells("id").map(|cells| cells.cell(row)) {
            Some(Cell::Value(Value::Text(id))) => id.to_string(),
            Some(Cell::Value(id)) => id.to_string(),
            _ => {
                let problem = "the row has no id".to_owned();
                return Err(HostError::Import { table: batch.table().clone(), id: String::new(), problem });
            }
        };
        let cells: Vec<(&str, Cell)> =
            batch.columns().map(|(name, cells)| (&**name, cells.cell(row))).collect();
        store.insert_cells(batch.table(), &id, &cells)?;
    }
    Ok(())
}
