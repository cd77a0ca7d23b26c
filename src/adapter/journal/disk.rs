//! What does a journal ask of a file system?
//!
//! Each operation may be lost or halved by a crash until the `sync` after it has returned: that of the file for its bytes and
//! its length, that of the directory for names. The tests have a file system that loses and halves what it may.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Files of one directory, by path.
pub(super) trait Disk: Send {
    /// The file of a name; `None` where there is none.
    fn open(&self, path: &Path) -> io::Result<Option<Box<dyn DiskFile>>>;
    /// An empty file, in the place of one of that name.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Another name for a file; an error of kind `AlreadyExists` where the name is taken.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Another name instead of the one it has, in the place of the file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes the names of the directory of a file durable.
    fn sync_names(&self, path: &Path) -> io::Result<()>;
}

/// An open file.
pub(super) trait DiskFile: Send {
    fn length(&self) -> io::Result<u64>;
    /// All its bytes.
    fn read(&mut self) -> io::Result<Vec<u8>>;
    /// Writes behind its last byte. On an error, some of the bytes may stand there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Makes its bytes and its length durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// The file system of the process.
#[derive(Debug)]
pub(super) struct System;

impl Disk for System {
    fn open(&self, path: &Path) -> io::Result<Option<Box<dyn DiskFile>>> {
        match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => Ok(Some(Box::new(file))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        Ok(Box::new(file))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    #[cfg(unix)]
    fn sync_names(&self, path: &Path) -> io::Result<()> {
        let directory = match path.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => directory,
            _ => Path::new("."),
        };
        File::open(directory)?.sync_all()
    }

    #[cfg(not(unix))]
    fn sync_names(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.rewind()?;
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::End(0))?;
        self.write_all(bytes)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}
