//! Runs: identities on the disk, written once and never changed, as in a log-structured merge
//! tree (O'Neil, Cheng, Gawlick, O'Neil, 1996).
//!
//! A tree with one entry for each identity would have to write a page for almost each event,
//! because ids of many topics, or random ones, lie everywhere. A run has the identities of some
//! ten thousand events that follow each other; eight runs of one level become one of the next,
//! bit by bit, while events are appended.

use std::collections::VecDeque;

use rusqlite::{Connection, OptionalExtension, Statement};

use super::block::{self, Entry};
use super::filter::Filter;
use super::identity::Identity;
use super::merge::Merge;

/// The identities of a run of level 0: blocks of 160 on average, which fit a page.
pub(super) const RUN_ENTRIES: usize = 160 << LEVEL_0_BITS;
const LEVEL_0_BITS: u32 = 8;
/// So many runs of a level become one of the next.
pub(super) const FAN_OUT: usize = 1 << FAN_OUT_BITS;
pub(super) const FAN_OUT_BITS: u32 = 3;
/// Runs of this level (some 86 thousand million events) are not merged any more.
const LEVEL_LIMIT: u32 = 7;
/// One step of a merge (a hundred microseconds) for so many events: each level needs one for
/// 1,280 events.
const EVENTS_PER_STEP: usize = 160;
/// Blocks of runs that were merged go in portions of so many.
const GARBAGE_BLOCKS: i64 = 64;
/// A block's key is the number of its run and its number in the run, of so many bits.
const BLOCK_BITS: u32 = 32;

/// One run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) number: i64,
    pub(super) level: u32,
    filter: Filter,
}

/// All runs of a store.
pub(super) struct Runs<'c> {
    connection: &'c Connection,
    runs: Vec<Run>,
    /// At most one of each level.
    merges: Vec<Merge>,
    /// Keys of blocks that belong to no run any more: from, and up to in front of.
    garbage: VecDeque<(i64, i64)>,
    next_number: i64,
    blocks: Blocks<'c>,
}

/// The blocks of all runs.
pub(super) struct Blocks<'c> {
    select: Statement<'c>,
    insert: Statement<'c>,
}

/// The number of blocks of a run, as a power of 2.
pub(super) fn bits(level: u32) -> u32 {
    LEVEL_0_BITS + level * FAN_OUT_BITS
}

fn key(run: i64, block: u32) -> i64 {
    (run << BLOCK_BITS) | i64::from(block)
}

impl<'c> Blocks<'c> {
    fn new(connection: &'c Connection) -> rusqlite::Result<Blocks<'c>> {
        Ok(Blocks {
            select: connection.prepare("SELECT entries FROM identity_blocks WHERE block = ?")?,
            insert: connection.prepare("INSERT INTO identity_blocks VALUES (?, ?)")?,
        })
    }

    /// Does something with a block; `None` for an empty one, which is not stored.
    pub(super) fn with<T>(
        &mut self,
        run: i64,
        block: u32,
        act: impl FnOnce(&[u8]) -> T,
    ) -> rusqlite::Result<Option<T>> {
        let done = self.select.query_row([key(run, block)], |row| {
            Ok(act(row.get_ref(0)?.as_blob()?))
        });
        done.optional()
    }

    /// Stores entries of a run, which are sorted: whole blocks.
    pub(super) fn write(
        &mut self,
        run: i64,
        level: u32,
        entries: &[Entry],
    ) -> rusqlite::Result<()> {
        let number = |entry: &Entry| entry.identity.part(bits(level));
        for block in entries.chunk_by(|one, next| number(one) == number(next)) {
            let key = key(run, number(&block[0]));
            self.insert.execute((key, block::encode(block)))?;
        }
        Ok(())
    }
}

impl<'c> Runs<'c> {
    pub(super) fn open(connection: &'c Connection) -> rusqlite::Result<Runs<'c>> {
        let runs = read(connection)?;
        let next_number = free_number(connection, &runs)?;
        let mut opened = Runs {
            connection,
            garbage: gaps(&runs, next_number),
            runs,
            merges: Vec::new(),
            next_number,
            blocks: Blocks::new(connection)?,
        };
        opened.begin_merges();
        Ok(opened)
    }

    /// The position of the event with this identity.
    pub(super) fn find(&mut self, identity: Identity) -> rusqlite::Result<Option<i64>> {
        // The newest first: who repeats an event mostly does it soon.
        for run in self.runs.iter().rev() {
            if !run.filter.may_have(identity) {
                continue;
            }
            let block = identity.part(bits(run.level));
            let find = |block: &[u8]| block::find(block, identity);
            if let Some(Some(position)) = self.blocks.with(run.number, block, find)? {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    /// Makes a run of level 0 of these entries, which are sorted.
    pub(super) fn add(&mut self, entries: &[Entry]) -> rusqlite::Result<()> {
        let number = self.take_number();
        self.blocks.write(number, 0, entries)?;
        let mut filter = Filter::new(entries.len());
        entries.iter().for_each(|entry| filter.add(entry.identity));
        self.finish(number, 0, filter)
    }

    /// Does as much of what is left to do as so many appended events ask for; false when there
    /// is nothing.
    pub(super) fn work(&mut self, events: usize) -> rusqlite::Result<bool> {
        if self.merges.is_empty() && self.garbage.is_empty() {
            return Ok(false);
        }
        for _ in 0..events.div_ceil(EVENTS_PER_STEP) {
            self.remove_garbage()?;
            // Those of the lowest level come most often.
            let merges = self.merges.iter_mut().enumerate();
            let Some((index, merge)) = merges.min_by_key(|(_, merge)| merge.level()) else {
                continue;
            };
            if !merge.step(&mut self.blocks)? {
                let merge = self.merges.swap_remove(index);
                self.replace(merge)?;
            }
        }
        Ok(true)
    }

    fn replace(&mut self, merge: Merge) -> rusqlite::Result<()> {
        let mut remove = self
            .connection
            .prepare_cached("DELETE FROM identity_runs WHERE run = ?")?;
        for input in merge.inputs() {
            remove.execute([input])?;
            self.garbage.push_back((key(*input, 0), key(input + 1, 0)));
        }
        self.runs
            .retain(|run| !merge.inputs().contains(&run.number));
        self.finish(merge.output(), merge.level() + 1, merge.into_filter())
    }

    /// All blocks of the run are there.
    fn finish(&mut self, number: i64, level: u32, filter: Filter) -> rusqlite::Result<()> {
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO identity_runs VALUES (?, ?, ?)")?;
        insert.execute((number, level, filter.to_bytes()))?;
        let run = Run {
            number,
            level,
            filter,
        };
        let place = self.runs.partition_point(|other| other.number < number);
        self.runs.insert(place, run);
        self.begin_merges();
        Ok(())
    }

    fn begin_merges(&mut self) {
        for level in 0..LEVEL_LIMIT {
            let of_level = self.runs.iter().filter(|run| run.level == level);
            let inputs: Vec<i64> = of_level.map(|run| run.number).take(FAN_OUT).collect();
            let is_merging = self.merges.iter().any(|merge| merge.level() == level);
            if inputs.len() == FAN_OUT && !is_merging {
                let output = self.take_number();
                self.merges.push(Merge::new(level, inputs, output));
            }
        }
    }

    fn take_number(&mut self) -> i64 {
        self.next_number += 1;
        self.next_number - 1
    }

    fn remove_garbage(&mut self) -> rusqlite::Result<()> {
        let Some((from, end)) = self.garbage.front().copied() else {
            return Ok(());
        };
        let mut remove = self.connection.prepare_cached(
            "DELETE FROM identity_blocks WHERE block IN
                 (SELECT block FROM identity_blocks WHERE block >= ? AND block < ? LIMIT ?)",
        )?;
        if remove.execute((from, end, GARBAGE_BLOCKS))? < GARBAGE_BLOCKS as usize {
            self.garbage.pop_front();
        }
        Ok(())
    }
}

fn read(connection: &Connection) -> rusqlite::Result<Vec<Run>> {
    let mut select =
        connection.prepare("SELECT run, level, filter FROM identity_runs ORDER BY run")?;
    let runs = select.query_map([], |row| {
        let filter = Filter::from_bytes(row.get_ref(2)?.as_blob()?);
        Ok(Run {
            number: row.get(0)?,
            level: row.get(1)?,
            filter: filter.ok_or(rusqlite::Error::IntegralValueOutOfRange(2, 0))?,
        })
    })?;
    runs.collect()
}

/// The first number that neither a run has nor a block that was left behind.
fn free_number(connection: &Connection, runs: &[Run]) -> rusqlite::Result<i64> {
    let last_block = "SELECT coalesce(max(block), 0) FROM identity_blocks";
    let last_block: i64 = connection.query_row(last_block, [], |row| row.get(0))?;
    let last_run = runs.last().map_or(0, |run| run.number);
    Ok(last_run.max(last_block >> BLOCK_BITS) + 1)
}

/// The keys between those of the runs: blocks of a merge that was not finished, or of runs that
/// were not removed yet.
fn gaps(runs: &[Run], next_number: i64) -> VecDeque<(i64, i64)> {
    let numbers = runs.iter().map(|run| run.number);
    let ends = numbers.clone().chain([next_number]);
    let begins = [0].into_iter().chain(numbers.map(|number| number + 1));
    begins
        .zip(ends)
        .filter(|(from, end)| from < end)
        .map(|(from, end)| (key(from, 0), key(end, 0)))
        .collect()
}
