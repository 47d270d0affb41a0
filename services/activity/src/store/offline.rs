//! What is done to a store beside the process that serves it, or when none does.

use std::fmt;
use std::path::Path;

use muster_kit::store::SqliteUrl;

use super::{Stats, sqlite};
use crate::error::Error;

/// How far a backup or a check has come, in units of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// So much is done
    pub done: u64,
    /// of this.
    pub total: u64,
}

/// Something that is wrong with a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// With what: `event 7`.
    pub place: String,
    /// What.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Writes a copy of the store, as it is now, to a file that is not there yet; also while a
/// process serves the store. Every event that was acknowledged before is in the copy. When a
/// process opens the copy it becomes a store of its own, with another id: cursors of the
/// original do not hold there. Blocks the thread.
///
/// Returns what the copy holds.
///
/// # Errors
/// The store cannot be read, is none, or is of a later version; or the copy cannot be written:
/// then there is none.
pub fn backup(
    url: &SqliteUrl,
    copy: &Path,
    mut progress: impl FnMut(Progress),
) -> Result<Stats, Error> {
    sqlite::backup::run(&url.0, copy, &mut progress)
}

/// Reads all of the store, also while a process serves it, and tells what is wrong with it: the
/// first hundred findings, none where all is well. Blocks the thread.
///
/// # Errors
/// The store cannot be read, is none, or is of another version than this program.
pub fn verify(url: &SqliteUrl, mut progress: impl FnMut(Progress)) -> Result<Vec<Finding>, Error> {
    sqlite::verify::run(&url.0, &mut progress)
}
