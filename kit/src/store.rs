//! Where a service keeps its data, and the lock that keeps it to one process.

mod disk;
pub mod mariadb;
mod mysql_tls;
mod pool;
pub mod sqlite;
mod url;

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::metrics::Observed;

pub use self::disk::size_bytes;
pub use self::pool::{tell_connections, tell_waiting};
pub use self::url::{MySqlUrl, NoStoreUrl, SqliteUrl, StoreUrl};

/// Why something was not written, or not read.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is no room on the disk. What is there can still be read.
    #[error("the disk is full")]
    Full,
    /// The connection did not come free in time, or another write was in the way for too long. Says nothing about the
    /// database.
    #[error("too many writes at once: try again later")]
    Busy,
    /// The database does not answer. What was to be written may be or not.
    #[error("the store does not answer: try again later")]
    Unavailable(#[source] sqlx::Error),
    /// The database failed.
    #[error("the store failed: {0}")]
    Failed(#[source] sqlx::Error),
}

/// A store that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds it.
    #[error("{0} is served by another process")]
    Taken(PathBuf),
    /// Its folder or lock file cannot be made.
    #[error("cannot open {path}: {cause}")]
    Io {
        /// The store.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// Keeps a store to this process for as long as it lives; the system releases it after a crash.
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
    _disk: Observed,
}

/// Locks a store by a file beside it (`PATH.lock`), and makes the folder it lies in.
///
/// # Errors
/// Another process holds the lock, or folder or file cannot be made.
pub fn lock(path: &Path) -> Result<StoreLock, StoreError> {
    let failed = |cause| StoreError::Io {
        path: path.to_owned(),
        cause,
    };
    make_folder(parent(path)).map_err(failed)?;
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = File::options()
        .create(true)
        .append(true)
        .open(name)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(StoreLock {
            _file: file,
            _disk: disk::observe(path),
        }),
        Err(TryLockError::WouldBlock) => Err(StoreError::Taken(path.to_owned())),
        Err(TryLockError::Error(cause)) => Err(failed(cause)),
    }
}

/// Makes a folder, and those above it, on disk when this returns: a power cut must not take the
/// folder with all that was synced in it. One that is there is left as it is.
///
/// # Errors
/// It cannot be made.
pub fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    make_folder(parent(path))?;
    match std::fs::create_dir(path) {
        // Another process made it just now.
        Err(_) if path.is_dir() => {}
        made => made?,
    }
    File::open(parent(path))?.sync_all()
}

/// What a store is called where it is told of: its file, without the ending.
pub fn name(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The folder that a path lies in.
pub(crate) fn parent(path: &Path) -> &Path {
    let parent = path.parent();
    parent
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_made_with_those_above_it_unless_a_file_is_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b/c");
        make_folder(&deep).unwrap();
        make_folder(&deep).unwrap();
        assert!(deep.is_dir());
        std::fs::write(deep.join("file"), "").unwrap();
        assert!(make_folder(&deep.join("file")).is_err());
        assert!(make_folder(&deep.join("file/d")).is_err());
        make_folder(Path::new(".")).unwrap();
    }

    #[test]
    fn the_line_that_tells_of_another_process_names_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let _held = lock(&path).unwrap();
        let refused = lock(&path).unwrap_err().to_string();
        let expected = format!("{} is served by another process", path.display());
        assert_eq!(refused, expected);
    }

    #[test]
    fn a_store_is_locked_once_and_again_after_its_release() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/folder/x.db");
        let first = lock(&path).unwrap();
        assert!(matches!(lock(&path), Err(StoreError::Taken(_))));
        drop(first);
        lock(&path).unwrap();
    }
}
