//! The disk itself: a write and fdatasync, nothing around it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use crate::activity::event::MESSAGE;
use crate::failure::Failure;
use crate::sample::percentile;

/// The least that a file system writes.
const PAGE_BYTES: u64 = 4096;
/// Pages that are overwritten in turn, as a log is that begins anew.
const PAGES: u64 = 256;

/// Where it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// At the end of a file that grows.
    End,
    /// Over what is there.
    Within,
}

/// The median time of so many writes of one event's message, each synced before the next.
pub(crate) fn write_and_sync(place: Place, count: u64) -> Result<Duration, Failure> {
    let file = tempfile::tempfile()?;
    if place == Place::Within {
        file.write_all_at(&vec![1; (PAGES * PAGE_BYTES) as usize], 0)?;
        file.sync_all()?;
    }
    let times: Result<Vec<Duration>, Failure> = (0..count)
        .map(|number| timed_write(&file, offset(place, number)))
        .collect();
    Ok(percentile(&mut times?, 0.5))
}

fn offset(place: Place, number: u64) -> u64 {
    match place {
        Place::End => number * MESSAGE.len() as u64,
        Place::Within => number % PAGES * PAGE_BYTES,
    }
}

fn timed_write(file: &File, offset: u64) -> Result<Duration, Failure> {
    let start = Instant::now();
    file.write_all_at(MESSAGE.as_bytes(), offset)?;
    file.sync_data()?;
    Ok(start.elapsed())
}
