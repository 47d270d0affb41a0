//! A store as it is at one moment, read beside the process that writes to it.

use std::path::Path;

use muster_kit::store::StoreError;
use rusqlite::Connection;

use super::{reader, schema};
use crate::error::Error;

/// Opens the database in a transaction that only reads. What is written from then on stays in
/// the write-ahead log until the connection is dropped, so the log grows meanwhile.
pub(super) fn open(path: &Path) -> Result<Connection, Error> {
    let is_there = std::fs::metadata(path).map(drop);
    is_there.map_err(|cause| StoreError::Io {
        path: path.to_owned(),
        cause,
    })?;
    begin(path).map_err(|cause| Error::open(path, cause))
}

fn begin(path: &Path) -> Result<Connection, Error> {
    let connection = reader::open(path)?;
    connection.execute_batch("BEGIN")?;
    // It begins with its first read.
    match schema::version(&connection)? {
        0 => Err(Error::NoStore),
        _ => Ok(connection),
    }
}
