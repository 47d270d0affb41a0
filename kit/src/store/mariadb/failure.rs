//! What a database may answer instead, by what to make of it.

use std::fmt;
use std::io;

use sqlx::mysql::MySqlDatabaseError;

use crate::store::{MySqlUrl, WriteError};

/// Another transaction was in the way: 1213 deadlock (and what Galera answers where two servers wrote the same row),
/// 1020 a row that changed after it was read, 1062 a unique key that somebody has just written.
const CONFLICTS: [u16; 3] = [1213, 1020, 1062];
/// 1205: a lock was not had in time.
const LOCKED: u16 = 1205;
/// 1021: no room on the disk; 1114: none in the tablespace; 1041: no memory for it.
const FULL: [u16; 3] = [1021, 1114, 1041];
/// It will do so later, or another server does: 1040 and 1203 too many connections, 1047 not yet part of its cluster,
/// 1053 stopping, 1290 and 1836 read only, 1927 connection killed.
const AWAY: [u16; 7] = [1040, 1203, 1047, 1053, 1290, 1836, 1927];

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Failure {
    /// No connection came free in time.
    Busy,
    /// The schema is of a later version of this program.
    Newer { version: i64, newest: usize },
    /// The database said so, or did not answer.
    Sql(sqlx::Error),
}

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A later version of this program wrote it.
    #[error(
        "{url}: its schema is of version {version}, this program knows {newest}: use a newer one"
    )]
    Newer {
        /// The database.
        url: MySqlUrl,
        /// What the store has.
        version: i64,
        /// What this program knows.
        newest: usize,
    },
    /// It refuses whom the URL names, or a step of the schema fails.
    #[error("{url}: {cause}")]
    Failed {
        /// The database.
        url: MySqlUrl,
        /// Why.
        cause: sqlx::Error,
    },
}

impl Failure {
    /// It took too long.
    pub(super) fn late() -> Failure {
        let why = io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time");
        Failure::Sql(sqlx::Error::Io(why))
    }

    /// Whether to try again later may help.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Failure::Busy => true,
            Failure::Newer { .. } => false,
            Failure::Sql(error) => match number(error) {
                Some(number) => [&CONFLICTS[..], &AWAY, &FULL, &[LOCKED]]
                    .concat()
                    .contains(&number),
                None => !is_of_program(error),
            },
        }
    }

    pub(super) fn at(self, url: &MySqlUrl) -> OpenError {
        let url = url.clone();
        match self {
            Failure::Newer { version, newest } => OpenError::Newer {
                url,
                version,
                newest,
            },
            Failure::Busy => OpenError::Failed {
                url,
                cause: sqlx::Error::PoolTimedOut,
            },
            Failure::Sql(cause) => OpenError::Failed { url, cause },
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Failure::Sql(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Busy => f.write_str("too many wait for it"),
            Failure::Newer { version, newest } => {
                write!(
                    f,
                    "its schema is of version {version}, this program knows {newest}"
                )
            }
            Failure::Sql(error) => error.fmt(f),
        }
    }
}

impl From<Failure> for WriteError {
    fn from(failure: Failure) -> Self {
        let error = match failure {
            Failure::Busy => return WriteError::Busy,
            // Nothing is done before the schema is known.
            Failure::Newer { .. } => return WriteError::Unavailable(sqlx::Error::PoolClosed),
            Failure::Sql(error) => error,
        };
        match number(&error) {
            None if is_of_program(&error) => WriteError::Failed(error),
            None => WriteError::Unavailable(error),
            Some(number) if AWAY.contains(&number) => WriteError::Unavailable(error),
            Some(number) if FULL.contains(&number) => WriteError::Full,
            Some(LOCKED) => WriteError::Busy,
            Some(number) if CONFLICTS.contains(&number) => WriteError::Busy,
            Some(_) => WriteError::Failed(error),
        }
    }
}

/// Whether to do it anew from its beginning may help.
pub(super) fn is_conflict(error: &sqlx::Error) -> bool {
    number(error).is_some_and(|number| CONFLICTS.contains(&number))
}

/// Whether the server said so: its connection is as good as before.
pub(super) fn is_told_by_server(error: &sqlx::Error) -> bool {
    number(error).is_some_and(|number| !AWAY.contains(&number))
}

/// What this program asked for, or what came of it, is not what it takes it for.
fn is_of_program(error: &sqlx::Error) -> bool {
    use sqlx::Error::{ColumnDecode, ColumnNotFound, Decode, Encode, RowNotFound, TypeNotFound};
    matches!(
        error,
        ColumnDecode { .. }
            | ColumnNotFound(_)
            | Decode(_)
            | Encode(_)
            | RowNotFound
            | TypeNotFound { .. }
    )
}

/// The server's number of an error that it told.
fn number(error: &sqlx::Error) -> Option<u16> {
    let told = error.as_database_error()?;
    let told = told.try_downcast_ref::<MySqlDatabaseError>()?;
    Some(told.number())
}
