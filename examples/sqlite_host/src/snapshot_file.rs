//! How does a snapshot get to disk whole or not at all?
//!
//! It is written under another name, made durable, and renamed; then the directory is made durable. Whoever
//! looks finds a whole file or none, whenever the power goes. The name carries the version with all its
//! digits, so that the order of names is that of versions.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::window::Window;

const SUFFIX: &str = ".snapshot";
const UNFINISHED: &str = "unfinished";

/// The directory of the snapshots of a database: its path with `.snapshots` behind it.
pub(crate) fn directory(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".snapshots");
    PathBuf::from(name)
}

/// The file of a version.
pub(crate) fn path(directory: &Path, version: u64) -> PathBuf {
    directory.join(format!("{version:020}{SUFFIX}"))
}

/// The snapshots in a directory, newest first, with the version that their name says.
///
/// # Errors
///
/// Those of reading a directory; one that does not exist has no snapshots.
pub(crate) fn list(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let version = name.and_then(|name| name.strip_suffix(SUFFIX)).and_then(|name| name.parse().ok());
        found.extend(version.map(|version| (version, path)));
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// Writes a snapshot. The caller holds the write lock of the database, so that nobody else writes one.
///
/// # Errors
///
/// Those of the file system; what was written so far has another name and is removed by the next attempt.
pub(crate) fn write(
    directory: &Path,
    version: u64,
    bytes: &[u8],
    passing: &dyn Fn(Window),
) -> io::Result<PathBuf> {
    fs::create_dir_all(directory)?;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        // Left by somebody who was interrupted.
        if path.extension().is_some_and(|extension| extension == UNFINISHED) {
            fs::remove_file(&path)?;
        }
    }
    let (path, mut unfinished) = (path(directory, version), path(directory, version).into_os_string());
    unfinished.push(".");
    unfinished.push(UNFINISHED);
    let mut file = File::create(&unfinished)?;
    let (first, second) = bytes.split_at(bytes.len() / 2);
    file.write_all(first)?;
    passing(Window::SnapshotHalfWritten);
    file.write_all(second)?;
    file.sync_all()?;
    passing(Window::SnapshotWritten);
    fs::rename(&unfinished, &path)?;
    sync_directory(directory)?;
    // The directory itself may be new.
    if let Some(above) = directory.parent().filter(|above| !above.as_os_str().is_empty()) {
        sync_directory(above)?;
    }
    passing(Window::SnapshotNamed);
    Ok(path)
}

/// Makes new names in a directory durable. Where a directory cannot be opened as a file (Windows), the
/// file system sees to it.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}
