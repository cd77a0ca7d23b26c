//! How do records get into a file, so that none is lost?

use std::error::Error;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{Disk, DiskFile, System};
use super::error::{Doing, FileJournalError};
use crate::engine::{Engine, EngineSettings, JournalSink, Restored};
use crate::{AsOf, Schema};

/// The journal of an engine in a file. Cloning gives a handle to the same journal.
///
/// ```
/// use perennial::adapter::journal::FileJournal;
/// use perennial::engine::EngineSettings;
/// use perennial::source::MemorySource;
/// use perennial::{AccountId, AccountRow, AsOf, Attribute, AttributeType, Change, Date, Nesting, Schema};
/// use std::sync::Arc;
///
/// # let directory = std::env::temp_dir().join(format!("perennial-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// let schema = Arc::new(
///     Schema::builder()
///         .account_type("Company", Nesting::Free)
///         .attribute(Attribute::new("seats", AttributeType::Int))
///         .build()?,
/// );
/// let acme = AccountId::new("acme")?;
/// let source = MemorySource::new().account(AccountRow::new(acme.clone(), "Company").with("seats", 30_i64));
/// let today = AsOf::date_utc(Date::new(2026, 1, 31)?);
/// let path = directory.join("book.journal");
///
/// let start = || FileJournal::open(&path)?.engine(schema.clone(), today.clone(), EngineSettings::new());
/// let (engine, restored) = start()?;
/// assert!(restored.is_none());
/// engine.load(&source)?;
/// engine.apply(Change::new().set(&acme, "seats", 60_i64))?;
/// drop(engine);
///
/// // The service starts again, and goes on where it was.
/// let (engine, restored) = start()?;
/// assert_eq!(restored.ok_or("not restored")?.version, 2);
/// engine.apply(Change::new().set(&acme, "seats", 70_i64))?;
/// // Now and then, the journal is made short again.
/// engine.compact_journal()?;
/// drop(engine);
/// assert_eq!(start()?.0.published().version(), 3);
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FileJournal(Arc<Mutex<Inner>>);

/// How far is a journal?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// There is no record yet.
    Empty,
    /// There are records, with which no engine goes on yet.
    Unread,
    /// An engine writes to it.
    Open,
    /// It is not known what a write that failed left behind.
    Failed,
}

struct Inner {
    disk: Box<dyn Disk>,
    path: PathBuf,
    file: Option<Box<dyn DiskFile>>,
    /// How long the file is, as far as is known here.
    bytes: u64,
    stage: Stage,
    keeps_old: bool,
    /// The number of the next file that is put aside, unless it is taken.
    next: u64,
}

impl std::fmt::Debug for FileJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inner = self.inner();
        f.debug_struct("FileJournal")
            .field("path", &inner.path)
            .field("bytes", &inner.bytes)
            .field("stage", &inner.stage)
            .finish_non_exhaustive()
    }
}

impl FileJournal {
    /// The journal of a path; its directory must be there, the file need not be. Nothing is written yet.
    ///
    /// # Errors
    ///
    /// [`FileJournalError::Io`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FileJournalError> {
        Self::on(Box::new(System), path.as_ref())
    }

    /// The same on another file system.
    pub(super) fn on(disk: Box<dyn Disk>, path: &Path) -> Result<Self, FileJournalError> {
        let mut file = disk.open(path).doing("open", path)?;
        let bytes = file.as_ref().map_or(Ok(0), |file| file.length()).doing("open", path)?;
        // A file without a byte is no journal yet.
        file.take_if(|_| bytes == 0);
        let stage = if file.is_some() { Stage::Unread } else { Stage::Empty };
        let inner = Inner { disk, path: path.to_owned(), file, bytes, stage, keeps_old: false, next: 1 };
        Ok(Self(Arc::new(Mutex::new(inner))))
    }

    /// With the old journal kept beside the new one whenever it is begun anew, as `NAME.1.old`, `NAME.2.old` and so on: every
    /// state of the past can be rebuilt from them ([`Engine::restore`]). The host removes them when it likes.
    #[must_use]
    pub fn rotating(self) -> Self {
        self.inner().keeps_old = true;
        self
    }

    /// The engine of the journal, which writes to it from now on: in the state that the journal leads to, or a new one where
    /// there is no journal yet. `schema` and `as_of` are those of a new one; of an old one they are what the journal says, and the host
    /// takes it over to another schema in an update ([`Update::schema`](crate::engine::Update::schema)). What is damaged at the end is cut off; it is put aside
    /// first, as `NAME.1.damaged` and so on.
    ///
    /// # Errors
    ///
    /// [`FileJournalError`]; the journal is what it was then.
    pub fn engine(
        &self,
        schema: impl Into<Arc<Schema>>,
        as_of: AsOf,
        settings: EngineSettings,
    ) -> Result<(Engine, Option<Restored>), FileJournalError> {
        let settings = settings.journal(self.clone());
        let bytes = self.read()?;
        if bytes.is_empty() {
            return Ok((Engine::new(schema, as_of, settings)?, None));
        }
        let (engine, restored) = Engine::resume(settings, &bytes).map_err(|cause| {
            FileJournalError::Journal { path: self.inner().path.clone(), cause: Box::new(cause) }
        })?;
        Ok((engine, Some(restored)))
    }

    /// The whole journal, for [`Engine::resume`] and [`Engine::restore`]; empty where there is none yet.
    ///
    /// # Errors
    ///
    /// [`FileJournalError::Io`].
    pub fn read(&self) -> Result<Vec<u8>, FileJournalError> {
        let inner = &mut *self.inner();
        inner.file.as_mut().map_or(Ok(Vec::new()), |file| file.read()).doing("read", &inner.path)
    }

    /// How long it is. A host that compacts its journal when it is long looks here.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.inner().bytes
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.inner().path.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records are durable when `append` returns. After an error the record is not in the journal; where even that is not certain,
/// the journal takes no more records until [`Engine::compact_journal`] begins it anew.
impl JournalSink for FileJournal {
    fn append(&self, record: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(self.inner().append(record)?)
    }

    fn begin(&self, beginning: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(self.inner().begin(beginning)?)
    }

    fn resume(&self, kept: u64, cut_off: u64) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(self.inner().resume(kept, cut_off)?)
    }
}

impl Inner {
    /// The file, where it is as long as it should be.
    fn file(&mut self) -> Result<&mut dyn DiskFile, FileJournalError> {
        let (path, expected) = (&self.path, self.bytes);
        let file =
            self.file.as_deref_mut().ok_or_else(|| FileJournalError::NotOpen { path: path.clone() })?;
        let found = file.length().doing("write to", path)?;
        if found == expected {
            Ok(file)
        } else {
            Err(FileJournalError::Length { path: path.clone(), found, expected })
        }
    }

    fn append(&mut self, record: &[u8]) -> Result<(), FileJournalError> {
        let path = self.path.clone();
        match self.stage {
            Stage::Open => {}
            Stage::Failed => return Err(FileJournalError::Failed { path }),
            Stage::Empty | Stage::Unread => return Err(FileJournalError::NotOpen { path }),
        }
        let bytes = self.bytes;
        let file = self.file()?;
        if let Err(error) = file.append(record) {
            // A part of the record may stand there, and what comes next must not come behind it.
            if file.cut(bytes).and_then(|()| file.sync()).is_err() {
                self.stage = Stage::Failed;
            }
            return Err(error).doing("write to", &path);
        }
        if let Err(error) = file.sync() {
            // Nobody knows now what is durable; a `sync` that succeeds later says nothing of what this one was to keep.
            let _ = file.cut(bytes);
            self.stage = Stage::Failed;
            return Err(error).doing("write to", &path);
        }
        self.bytes = bytes.saturating_add(record.len() as u64);
        Ok(())
    }

    fn begin(&mut self, beginning: &[u8]) -> Result<(), FileJournalError> {
        let path = self.path.clone();
        // Nobody else's records are replaced.
        match self.stage {
            Stage::Open | Stage::Unread => {
                self.file()?;
            }
            Stage::Empty => {
                let file = self.disk.open(&path).doing("begin", &path)?;
                let found = file.map_or(Ok(0), |file| file.length()).doing("begin", &path)?;
                if found > 0 {
                    return Err(FileJournalError::Length { path, found, expected: 0 });
                }
            }
            Stage::Failed => {}
        }
        let new = beside(&path, "new");
        let mut file = self.disk.create(&new).doing("begin", &path)?;
        file.append(beginning).and_then(|()| file.sync()).doing("begin", &path)?;
        // What no engine went on with is never replaced, but put aside.
        if self.stage != Stage::Empty && (self.keeps_old || self.stage == Stage::Unread) {
            self.put_aside("old", |disk, name| disk.link(&path, name)).doing("put aside", &path)?;
        }
        self.disk.sync_names(&path).doing("begin", &path)?;
        // From here on the old file may have lost its name, and a record in it would be lost with it.
        self.stage = Stage::Failed;
        self.disk.rename(&new, &path).doing("begin", &path)?;
        self.disk.sync_names(&path).doing("begin", &path)?;
        (self.file, self.bytes, self.stage) = (Some(file), beginning.len() as u64, Stage::Open);
        Ok(())
    }

    fn resume(&mut self, kept: u64, cut_off: u64) -> Result<(), FileJournalError> {
        let path = self.path.clone();
        match self.stage {
            Stage::Unread => {}
            Stage::Empty => return Err(FileJournalError::NotOpen { path }),
            Stage::Open => return Err(FileJournalError::Open { path }),
            Stage::Failed => return Err(FileJournalError::Failed { path }),
        }
        let (found, expected) = (self.bytes, kept.saturating_add(cut_off));
        if found != expected {
            return Err(FileJournalError::Length { path, found, expected });
        }
        if cut_off > 0 {
            let bytes = self.file()?.read().doing("read", &path)?;
            let damaged = usize::try_from(kept).ok().and_then(|kept| bytes.get(kept..)).unwrap_or_default();
            self.put_aside("damaged", |disk, name| {
                if disk.open(name)?.is_some() {
                    return Err(ErrorKind::AlreadyExists.into());
                }
                let mut file = disk.create(name)?;
                file.append(damaged)?;
                file.sync()
            })
            .doing("put aside the damaged end of", &path)?;
            self.disk.sync_names(&path).doing("put aside the damaged end of", &path)?;
            self.file()?.cut(kept).doing("cut", &path)?;
            self.bytes = kept;
        }
        // A process that was killed may have left bytes and a name that are not durable yet, and what is read is published.
        self.file()?.sync().doing("open", &path)?;
        self.disk.sync_names(&path).doing("open", &path)?;
        self.stage = Stage::Open;
        Ok(())
    }

    /// Does something with the first name beside the journal that is not taken.
    fn put_aside(
        &mut self,
        kind: &str,
        with: impl Fn(&dyn Disk, &Path) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        loop {
            let name = beside(&self.path, &format!("{}.{kind}", self.next));
            match with(&*self.disk, &name) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    self.next = self.next.saturating_add(1);
                }
                done => return done,
            }
        }
    }
}

/// A name in the same directory.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}
