//! Compares the index with the events.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use super::identity::Identity;
use super::runs::Runs;
use super::{indexed_to, postings};
use crate::store::sqlite::verify::Findings;

/// So many positions of a topic are looked at together.
const POSITIONS: usize = 4_096;

/// The index, while it is compared.
pub(in super::super) struct IndexCheck<'c> {
    connection: &'c Connection,
    runs: Runs<'c>,
    indexed_to: i64,
    /// Events up to there.
    indexed: u64,
    /// Of those that are not in the index yet.
    unindexed: HashMap<Identity, i64>,
}

impl<'c> IndexCheck<'c> {
    pub(in super::super) fn begin(connection: &'c Connection) -> rusqlite::Result<IndexCheck<'c>> {
        Ok(IndexCheck {
            connection,
            runs: Runs::open(connection)?,
            indexed_to: indexed_to(connection)?,
            indexed: 0,
            unindexed: HashMap::new(),
        })
    }

    /// An event must be found by its identity, and no other.
    pub(in super::super) fn check_event(
        &mut self,
        topic: i64,
        id: &str,
        position: i64,
        findings: &mut Findings,
    ) -> rusqlite::Result<()> {
        let place = format!("event {position}");
        match self.find(Identity::of(topic, id), position)? {
            Some(found) if found == position => {}
            Some(found) => findings.add(place, format!("its id leads to event {found}")),
            None => findings.add(place, "it is not found by its id"),
        }
        Ok(())
    }

    fn find(&mut self, identity: Identity, position: i64) -> rusqlite::Result<Option<i64>> {
        let found = self.runs.find(identity)?;
        if position <= self.indexed_to {
            self.indexed += 1;
            return Ok(found);
        }
        Ok(found.or_else(|| Some(*self.unindexed.entry(identity).or_insert(position))))
    }

    /// Behind the last event: every topic must list its own events, and all of them. Tells how
    /// many were looked at.
    pub(in super::super) fn end(
        self,
        findings: &mut Findings,
        tell: &mut dyn FnMut(u64),
    ) -> rusqlite::Result<()> {
        let mut topics = self.connection.prepare("SELECT topic, name FROM topics")?;
        let mut topics = topics.query([])?;
        let mut listed = 0;
        while let Some(row) = topics.next()? {
            let name: String = row.get(1)?;
            listed += self.check_topic(row.get(0)?, &name, findings)?;
            tell(listed);
            if findings.are_enough() {
                return Ok(());
            }
        }
        if listed != self.indexed {
            let what = format!("they list {listed} of {} events", self.indexed);
            findings.add("topics", what);
        }
        Ok(())
    }

    /// So many of the topic's events are listed.
    fn check_topic(
        &self,
        topic: i64,
        name: &str,
        findings: &mut Findings,
    ) -> rusqlite::Result<u64> {
        let (mut after, mut listed) = (0, 0);
        loop {
            let window = (after, i64::MAX);
            let positions = postings::first(self.connection, topic, window, POSITIONS)?;
            for position in &positions {
                match self.topic_of(*position)? {
                    Some(of) if of == topic => listed += 1,
                    None if self.is_removed(*position)? => {}
                    _ => {
                        let what = format!("it lists event {position}, which is not its own");
                        findings.add(format!("topic {name}"), what);
                    }
                }
            }
            match positions.last() {
                Some(last) if *last > after && !findings.are_enough() => after = *last,
                _ => return Ok(listed),
            }
        }
    }

    fn is_removed(&self, position: i64) -> rusqlite::Result<bool> {
        let mut digest = self
            .connection
            .prepare_cached("SELECT 1 FROM digests WHERE position = ?")?;
        digest.exists([position])
    }

    fn topic_of(&self, position: i64) -> rusqlite::Result<Option<i64>> {
        let mut select = self
            .connection
            .prepare_cached("SELECT topic FROM events WHERE position = ?")?;
        select.query_row([position], |row| row.get(0)).optional()
    }
}
