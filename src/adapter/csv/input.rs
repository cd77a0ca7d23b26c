//! Where do the bytes of a file come from?
//!
//! From memory, from a path, or from whatever the host can open again: every scan opens its input anew,
//! since a load may read a table more than once. Nothing is kept open between scans.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

type Open = dyn Fn() -> io::Result<Box<dyn Read>> + Send + Sync;

/// A file to read, with the name that reports call it by. Cloning is cheap.
///
/// ```
/// use perennial::adapter::csv::CsvInput;
///
/// let accounts = CsvInput::text("accounts.csv", "id,name\nacme,Acme\n");
/// assert_eq!(accounts.name(), "accounts.csv");
/// assert_eq!(CsvInput::path("exports/deals.csv").name(), "deals.csv");
/// ```
#[derive(Clone)]
pub struct CsvInput {
    name: Arc<str>,
    origin: Origin,
}

#[derive(Clone)]
enum Origin {
    Bytes(Arc<[u8]>),
    Path(Arc<PathBuf>),
    Opener(Arc<Open>),
}

impl CsvInput {
    /// Text in memory.
    pub fn text(name: &str, text: impl Into<String>) -> Self {
        Self::bytes(name, text.into().into_bytes())
    }

    /// Bytes in memory.
    pub fn bytes(name: &str, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { name: Arc::from(name), origin: Origin::Bytes(bytes.into()) }
    }

    /// A file of the file system, opened again for every scan and called by its last component.
    pub fn path(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        Self { name: Arc::from(&*name), origin: Origin::Path(Arc::new(path.to_owned())) }
    }

    /// Whatever the host can open: an object of a store, a member of an archive.
    ///
    /// Every call must give a reader at the start of the same bytes.
    pub fn opener<R: Read + 'static>(
        name: &str,
        open: impl Fn() -> io::Result<R> + Send + Sync + 'static,
    ) -> Self {
        let open = move || open().map(|reader| Box::new(reader) as Box<dyn Read>);
        Self { name: Arc::from(name), origin: Origin::Opener(Arc::new(open)) }
    }

    /// With another name for reports.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Arc::from(name);
        self
    }

    /// What reports call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    pub(super) fn open(&self) -> io::Result<Box<dyn Read>> {
        match &self.origin {
            Origin::Bytes(bytes) => Ok(Box::new(io::Cursor::new(Arc::clone(bytes)))),
            Origin::Path(path) => Ok(Box::new(File::open(&**path)?)),
            Origin::Opener(open) => open(),
        }
    }
}

impl fmt::Debug for CsvInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsvInput").field("name", &self.name).finish_non_exhaustive()
    }
}
