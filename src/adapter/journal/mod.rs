//! How does a host keep the journal of an engine in a file? Feature `journal-file`.
//!
//! A [`FileJournal`] is a [`JournalSink`](crate::engine::JournalSink) over one file. A record is durable before the update that
//! it is of is published. A beginning (a new engine, [`Engine::compact_journal`](crate::engine::Engine::compact_journal)) is
//! written to a file of another name, made durable, and renamed, so that the name of the journal leads to a whole journal at any
//! moment, whatever a crash loses: the old one or the new one.
//!
//! Nothing that was acknowledged is lost where the file system keeps what it says it has kept: bytes after `fsync` of the file,
//! names after `fsync` of the directory. What was not acknowledged may be found after a crash, whole, or not at all. Outside
//! Unix a directory cannot be made durable through the standard library; a rename is then as durable as the system makes it.
//!
//! One engine of one process writes to a journal. A journal that another process has written to is noticed by its length, and
//! refused; the library locks no files.

mod disk;
#[cfg(test)]
mod double;
mod error;
mod file_journal;
#[cfg(test)]
mod tests;

pub use error::FileJournalError;
pub use file_journal::FileJournal;
