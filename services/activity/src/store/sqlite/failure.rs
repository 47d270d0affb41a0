//! What an error of SQLite means for what comes after it.

use rusqlite::{ErrorCode, ffi};

use crate::error::Error;

/// Why a group was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The disk is full: nothing was stored, and there may be room again.
    Full,
    /// Somebody else was writing: nothing was stored.
    Busy,
    /// Nobody knows what the disk holds: never write again.
    Lost,
}

impl Failure {
    pub(super) fn of(error: &rusqlite::Error) -> Failure {
        let extended_code = error.sqlite_error().map(|e| e.extended_code);
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Failure::Full,
            // The log's index in shared memory did not get its place on the disk.
            _ if extended_code == Some(ffi::SQLITE_IOERR_SHMSIZE) => Failure::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Failure::Busy,
            _ => Failure::Lost,
        }
    }

    /// What those who waited for the group are told.
    pub(super) fn answer(self) -> Error {
        match self {
            Failure::Full => Error::Full,
            Failure::Busy => Error::Busy,
            Failure::Lost => Error::Lost,
        }
    }
}
