//! Files that appear under their name only once they are whole.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::store::parent;

/// A file in the making, as `NAME.partial`. Dropped before it is finished, it goes.
#[derive(Debug)]
pub struct Partial {
    name: PathBuf,
    path: PathBuf,
    /// Locked: two programs that write to one name would spoil each other's work.
    file: File,
    is_finished: bool,
}

/// A file that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}: {cause}")]
pub struct PartialError {
    /// The file as it would be called.
    pub path: PathBuf,
    /// Why.
    pub cause: io::Error,
}

impl Partial {
    /// Begins a file. What is left of an attempt that was cut off is begun anew.
    ///
    /// # Errors
    /// There is a file of that name, or another program makes one, or none can be made there.
    pub fn begin(name: &Path) -> Result<Partial, PartialError> {
        begin(name).map_err(|cause| error(name, cause))
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What to write to.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name. It is on disk when this returns.
    ///
    /// # Errors
    /// It cannot be synced or named.
    pub fn finish(mut self) -> Result<(), PartialError> {
        let named = self
            .file
            .sync_all()
            .and_then(|()| std::fs::rename(&self.path, &self.name));
        named.map_err(|cause| error(&self.name, cause))?;
        self.is_finished = true;
        let folder = File::open(parent(&self.name)).and_then(|folder| folder.sync_all());
        folder.map_err(|cause| error(&self.name, cause))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_finished {
            let _is_gone = std::fs::remove_file(&self.path);
        }
    }
}

fn begin(name: &Path) -> io::Result<Partial> {
    let mut path = name.as_os_str().to_owned();
    path.push(".partial");
    let path = PathBuf::from(path);
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).open(&path)?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => io::Error::other("another program is writing it"),
        TryLockError::Error(cause) => cause,
    })?;
    // Only now: whoever held the lock may just have given the file its name.
    if name.symlink_metadata().is_ok() {
        let _is_gone = std::fs::remove_file(&path);
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "it is there already",
        ));
    }
    file.set_len(0)?;
    Ok(Partial {
        name: name.to_owned(),
        path,
        file,
        is_finished: false,
    })
}

fn error(name: &Path, cause: io::Error) -> PartialError {
    PartialError {
        path: name.to_owned(),
        cause,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_has_its_name_only_once_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let partial = Partial::begin(&path).unwrap();
        partial.file().write_all(b"all of it").unwrap();
        assert!(!path.exists());
        partial.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"all of it");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_there_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "old").unwrap();
        let refused = Partial::begin(&path).unwrap_err().to_string();
        assert!(refused.ends_with("x: it is there already"), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn two_do_not_write_one_file_and_what_was_cut_off_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(folder.path().join("x.partial"), "left").unwrap();
        let first = Partial::begin(&path).unwrap();
        let refused = Partial::begin(&path).unwrap_err().to_string();
        assert!(refused.contains("another program"), "{refused}");
        assert_eq!(first.file().metadata().unwrap().len(), 0);
        drop(first);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
