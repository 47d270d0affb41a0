//! Copies a store while it is being written to.

use std::path::Path;

use muster_kit::partial::Partial;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::{snapshot, stats};
use crate::error::Error;
use crate::store::{Progress, Stats};

/// So many pages (of 4 KiB) are copied between two words about it.
const STEP_PAGES: i32 = 1_024;

/// Writes a copy to a file that is not there yet.
pub(in crate::store) fn run(
    path: &Path,
    copy: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Stats, Error> {
    let source = snapshot::open(path)?;
    let partial = Partial::begin(copy)?;
    let stats = write(&source, partial.path(), progress)?;
    partial.finish()?;
    Ok(stats)
}

fn write(
    source: &Connection,
    path: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Stats, Error> {
    let mut copy = Connection::open(path)?;
    // The whole is synced at its end, and is worth nothing before.
    copy.execute_batch("PRAGMA synchronous = OFF")?;
    set_journal(&copy, "MEMORY")?;
    copy_pages(source, &mut copy, progress)?;
    // The header came with the pages and asks for a write-ahead log: a backup is one file.
    set_journal(&copy, "DELETE")?;
    // Cursors of the original mean nothing here: whoever serves the copy gives it an id anew.
    copy.execute("DELETE FROM meta WHERE name = 'store_id'", [])?;
    let stats = stats::read(&copy, path)?;
    copy.close().map_err(|(_, error)| error)?;
    Ok(stats)
}

fn set_journal(copy: &Connection, mode: &str) -> rusqlite::Result<()> {
    copy.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |_| Ok(()))
}

/// The source being in a transaction, all steps read the same snapshot: none begins anew because
/// of what is written meanwhile.
fn copy_pages(
    source: &Connection,
    copy: &mut Connection,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let backup = Backup::new(source, copy)?;
    loop {
        let step = backup.step(STEP_PAGES)?;
        progress(told(&backup));
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // Nobody else knows of the copy, and the source is being read already.
            _ => return Err(Error::Busy),
        }
    }
}

fn told(backup: &Backup<'_, '_>) -> Progress {
    let pages = backup.progress();
    let count = |pages: i32| u64::try_from(pages).unwrap_or_default();
    Progress {
        done: count(pages.pagecount - pages.remaining),
        total: count(pages.pagecount),
    }
}
