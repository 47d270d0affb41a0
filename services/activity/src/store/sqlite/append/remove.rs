//! Removes events, and keeps what identifies them.

use std::collections::HashMap;

use super::Appender;
use crate::store::sqlite::index::identity::Identity;
use crate::trim::Removal;

impl Appender<'_> {
    /// Within a transaction: removes the events; how many of them were there.
    pub(in crate::store::sqlite) fn remove(
        &mut self,
        removals: &[Removal],
    ) -> rusqlite::Result<u64> {
        let mut count = 0;
        // The last position that was removed, by topic.
        let mut topics = HashMap::new();
        for removal in removals {
            let topic = self.topics.get(&removal.topic)?.key;
            if self.remove_one(topic, removal)? {
                count += 1;
                let last = topics.entry(topic).or_insert(removal.position);
                *last = removal.position.max(*last);
            }
        }
        for (topic, position) in topics {
            self.raise_removed_to(topic, position)?;
            self.index.remove_postings(topic, position)?;
        }
        let mut counted = self
            .connection
            .prepare_cached("UPDATE state SET value = value + ? WHERE name = 'removed_events'")?;
        counted.execute([count as i64])?;
        Ok(count)
    }

    /// False when it is not there any more.
    fn remove_one(&mut self, topic: i64, removal: &Removal) -> rusqlite::Result<bool> {
        let mut delete = self
            .connection
            .prepare_cached("DELETE FROM events WHERE position = ?")?;
        if delete.execute([removal.position])? == 0 {
            return Ok(false);
        }
        // The index on disk is made of events: one that it lacks would be forgotten.
        let unindexed = self.index.is_unindexed(removal.position);
        let identity = unindexed.then(|| Identity::of(topic, &removal.id).to_bytes());
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO digests (position, digest, topic, identity) VALUES (?, ?, ?, ?)",
        )?;
        let topic = unindexed.then_some(topic);
        insert.execute((removal.position, removal.digest.as_bytes(), topic, identity))?;
        Ok(true)
    }

    fn raise_removed_to(&self, topic: i64, position: i64) -> rusqlite::Result<()> {
        let mut raise = self
            .connection
            .prepare_cached("UPDATE topics SET removed_to = max(removed_to, ?) WHERE topic = ?")?;
        raise.execute((position, topic)).map(drop)
    }
}
