//! What finds events again: by identity, and by topic.
//!
//! Of the newest events both lie in memory, and go to the disk for some ten thousand at once, in
//! the order that each needs: a commit writes little more than the events themselves. What was
//! in memory is made anew from the events when the store is opened.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use block::Entry;
use fresh::Fresh;
use identity::Identity;
use postings::Postings;
use runs::{RUN_ENTRIES, Runs};

mod block;
pub(super) mod check;
mod filter;
pub(super) mod fresh;
pub(super) mod identity;
mod merge;
pub(super) mod postings;
mod runs;

/// An event that is not in the index on the disk yet.
#[derive(Debug, Clone, Copy)]
struct Unindexed {
    topic: i64,
    entry: Entry,
}

/// The index as the open transaction sees it.
pub(super) struct Index<'c> {
    connection: &'c Connection,
    runs: Runs<'c>,
    postings: Postings<'c>,
    fresh: Arc<Fresh>,
    /// In the order of positions.
    unindexed: Vec<Unindexed>,
    /// The positions of those, by identity.
    positions: HashMap<Identity, i64>,
    /// So many of those are committed; those behind belong to the open transaction.
    committed: usize,
    /// So many of those the open transaction wrote to the disk.
    indexed: usize,
    /// The open transaction changed the runs.
    is_runs_changed: bool,
}

impl<'c> Index<'c> {
    /// Opens the index, and brings it up to the last event.
    pub(super) fn open(
        connection: &'c Connection,
        fresh: Arc<Fresh>,
    ) -> rusqlite::Result<Index<'c>> {
        let mut index = Index {
            connection,
            runs: Runs::open(connection)?,
            postings: Postings::new(connection)?,
            fresh,
            unindexed: Vec::new(),
            positions: HashMap::new(),
            committed: 0,
            indexed: 0,
            is_runs_changed: false,
        };
        index.replay()?;
        Ok(index)
    }

    /// Takes up the events that were not indexed, part by part: of a store of an older version
    /// these are all.
    fn replay(&mut self) -> rusqlite::Result<()> {
        let mut position = indexed_to(self.connection)?;
        self.fresh.indexed(position);
        self.fresh.indexed(position);
        loop {
            let part = self.events_behind(position)?;
            let Some((last, ..)) = part.last() else {
                return Ok(());
            };
            position = *last;
            for (position, topic, identity) in part {
                self.add(topic, identity, position);
            }
            let transaction =
                Transaction::new_unchecked(self.connection, TransactionBehavior::Immediate)?;
            self.before_commit()?;
            transaction.commit()?;
            self.after_commit();
        }
    }

    /// The events behind a position, also those that were removed since.
    fn events_behind(&self, position: i64) -> rusqlite::Result<Vec<(i64, i64, Identity)>> {
        let mut select = self.connection.prepare_cached(
            "SELECT position, topic, id, NULL FROM events WHERE position > ?1
             UNION ALL
             SELECT position, topic, NULL, identity FROM digests
             WHERE position > ?1 AND identity IS NOT NULL
             ORDER BY position LIMIT ?2",
        )?;
        let events = select.query_map((position, RUN_ENTRIES as i64), |row| {
            let (position, topic) = (row.get(0)?, row.get(1)?);
            let identity = match row.get_ref(3)?.as_blob_or_null()? {
                None => Identity::of(topic, row.get_ref(2)?.as_str()?),
                Some(_) => Identity::from_bytes(row.get(3)?),
            };
            Ok((position, topic, identity))
        })?;
        events.collect()
    }

    /// The position of the event with this identity.
    pub(super) fn find(&mut self, identity: Identity) -> rusqlite::Result<Option<i64>> {
        match self.positions.get(&identity) {
            Some(position) => Ok(Some(*position)),
            None => self.runs.find(identity),
        }
    }

    /// The position of the topic's last event, whether it was removed or not; 0 where it had none.
    pub(super) fn last_of(&mut self, topic: i64) -> rusqlite::Result<i64> {
        let of_transaction = self.unindexed[self.committed..].iter().rev();
        let last = of_transaction.clone().find(|event| event.topic == topic);
        let last = last.map(|event| event.entry.position);
        match last.or_else(|| self.fresh.last(topic)) {
            Some(position) => Ok(position),
            None => self.postings.last(topic),
        }
    }

    /// Whether the event at this position is not in the index on the disk yet.
    pub(super) fn is_unindexed(&self, position: i64) -> bool {
        let first = self.unindexed.first();
        first.is_some_and(|first| position >= first.entry.position)
    }

    /// Removes the topic's first postings as long as none of their events is there, up to this
    /// position.
    pub(super) fn remove_postings(&mut self, topic: i64, to: i64) -> rusqlite::Result<()> {
        self.postings.remove_empty(topic, to)
    }

    /// Adds an event, behind all others.
    pub(super) fn add(&mut self, topic: i64, identity: Identity, position: i64) {
        let entry = Entry { identity, position };
        self.unindexed.push(Unindexed { topic, entry });
        self.positions.insert(identity, position);
    }

    /// Forgets the events behind this position, which the open transaction has added.
    pub(super) fn undo_to(&mut self, position: i64) {
        while let Some(last) = self.unindexed.pop_if(|last| last.entry.position > position) {
            self.positions.remove(&last.entry.identity);
        }
    }

    /// Writes what is due, within a transaction and at its end.
    pub(super) fn before_commit(&mut self) -> rusqlite::Result<()> {
        while self.unindexed.len() - self.indexed >= RUN_ENTRIES {
            self.write(self.indexed..self.indexed + RUN_ENTRIES)?;
        }
        let events = self.unindexed.len() - self.committed;
        self.is_runs_changed |= self.runs.work(events)?;
        Ok(())
    }

    fn write(&mut self, range: std::ops::Range<usize>) -> rusqlite::Result<()> {
        self.is_runs_changed = true;
        self.indexed = range.end;
        let mut events = self.unindexed[range].to_vec();
        let last = events.last().map(|event| event.entry.position);
        events.sort_unstable_by_key(|event| (event.topic, event.entry.position));
        self.write_postings(&events)?;
        let mut entries: Vec<Entry> = events.into_iter().map(|event| event.entry).collect();
        entries.sort_unstable();
        self.runs.add(&entries)?;
        let mut update = self
            .connection
            .prepare_cached("UPDATE state SET value = ? WHERE name = 'indexed_to'")?;
        update.execute([last]).map(drop)
    }

    fn write_postings(&mut self, events: &[Unindexed]) -> rusqlite::Result<()> {
        for of_topic in events.chunk_by(|one, next| one.topic == next.topic) {
            let positions: Vec<i64> = of_topic.iter().map(|event| event.entry.position).collect();
            self.postings.add(of_topic[0].topic, &positions)?;
        }
        Ok(())
    }

    /// The transaction is on disk: readers may know of it.
    pub(super) fn after_commit(&mut self) {
        let added = self.unindexed[self.committed..].iter();
        self.fresh
            .publish(added.map(|event| (event.topic, event.entry.position)));
        let mut indexed_to = None;
        for event in self.unindexed.drain(..self.indexed) {
            self.positions.remove(&event.entry.identity);
            indexed_to = Some(event.entry.position);
        }
        if let Some(position) = indexed_to {
            self.fresh.indexed(position);
        }
        self.committed = self.unindexed.len();
        self.indexed = 0;
        self.is_runs_changed = false;
    }

    /// The transaction has failed: all is as it was before.
    pub(super) fn after_rollback(&mut self) -> rusqlite::Result<()> {
        for event in self.unindexed.drain(self.committed..) {
            self.positions.remove(&event.entry.identity);
        }
        self.indexed = 0;
        if self.is_runs_changed {
            self.runs = Runs::open(self.connection)?;
            self.is_runs_changed = false;
        }
        Ok(())
    }
}

/// The last position that is in the index on the disk.
pub(super) fn indexed_to(connection: &Connection) -> rusqlite::Result<i64> {
    let mut select =
        connection.prepare_cached("SELECT value FROM state WHERE name = 'indexed_to'")?;
    select.query_row([], |row| row.get(0))
}

#[cfg(test)]
mod tests;
