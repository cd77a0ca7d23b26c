//! Why does a file not serve as a journal?

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::engine::{EngineError, JournalError};

/// Why a journal in a file cannot be opened, read or written to.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileJournalError {
    /// The file system refused; its own error is the cause.
    #[error("cannot {doing} journal `{}`", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The journal.
        path: PathBuf,
        /// Why it failed.
        #[source]
        cause: io::Error,
    },
    /// The file is not as long as the journal.
    #[error("journal `{}` has {found} bytes and {expected} were expected: another process writes to it", path.display())]
    Length {
        /// The journal.
        path: PathBuf,
        /// Bytes of the file.
        found: u64,
        /// Bytes that were read and written here.
        expected: u64,
    },
    /// Records came before the journal was begun or gone on with.
    #[error("journal `{}` is not open: begin with `FileJournal::engine` or `Engine::resume`", path.display())]
    NotOpen {
        /// The journal.
        path: PathBuf,
    },
    /// An engine goes on with the journal already.
    #[error("journal `{}` is open already: one engine writes to it", path.display())]
    Open {
        /// The journal.
        path: PathBuf,
    },
    /// It is not known what is durable, since an earlier write failed.
    #[error(
        "journal `{}` takes no records since a write failed: compact the journal, or open it again",
        path.display()
    )]
    Failed {
        /// The journal.
        path: PathBuf,
    },
    /// No state can be rebuilt from the journal.
    #[error("journal `{}` cannot be restored: {cause}", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// Why.
        #[source]
        cause: Box<JournalError>,
    },
    /// The engine could not be made.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Names what the file system was asked to do.
pub(super) trait Doing<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, FileJournalError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, FileJournalError> {
        self.map_err(|cause| FileJournalError::Io { doing, path: path.to_owned(), cause })
    }
}
