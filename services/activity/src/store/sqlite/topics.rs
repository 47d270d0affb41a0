//! The topics the writer knows by heart, so that an append need not look its topic up.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Statement};

use crate::deployment;

/// So many topics are kept in memory; beyond, all are forgotten and looked up again.
const KNOWN_LIMIT: usize = 10_000;

/// A topic as the open transaction sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Topic {
    /// Its key in the other tables.
    pub(super) key: i64,
    /// The highest of its ids that are decimal int32 numbers.
    pub(super) highest_id: Option<i32>,
}

/// Topics by name, of which some have a highest id that is not in the table yet.
pub(super) struct Topics<'c> {
    known: HashMap<String, Topic>,
    raised: HashMap<i64, i32>,
    select: Statement<'c>,
    insert: Statement<'c>,
    update: Statement<'c>,
}

impl<'c> Topics<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Topics<'c>> {
        Ok(Topics {
            known: HashMap::new(),
            raised: HashMap::new(),
            select: connection.prepare("SELECT topic, highest_id FROM topics WHERE name = ?")?,
            insert: connection.prepare("INSERT INTO topics (name) VALUES (?)")?,
            update: connection.prepare("UPDATE topics SET highest_id = ? WHERE topic = ?")?,
        })
    }

    /// The topic of this name, made when it is not there yet.
    pub(super) fn get(&mut self, name: &str) -> rusqlite::Result<Topic> {
        if let Some(topic) = self.known.get(name) {
            return Ok(*topic);
        }
        let stored = self.select.query_row([name], |row| {
            Ok(Topic {
                key: row.get(0)?,
                highest_id: row.get(1)?,
            })
        });
        let topic = match stored.optional()? {
            Some(topic) => topic,
            None => Topic {
                key: self.insert.insert([name])?,
                highest_id: None,
            },
        };
        self.known.insert(name.to_owned(), topic);
        Ok(topic)
    }

    /// Takes note of an id that was stored in the topic.
    pub(super) fn saw(&mut self, name: &str, id: &str) {
        let Some(id) = deployment::number(id) else {
            return;
        };
        let Some(topic) = self.known.get_mut(name) else {
            return;
        };
        if topic.highest_id.is_none_or(|highest| id > highest) {
            topic.highest_id = Some(id);
            self.raised.insert(topic.key, id);
        }
    }

    /// Writes the highest ids that rose, before the transaction commits.
    pub(super) fn flush(&mut self) -> rusqlite::Result<()> {
        for (key, id) in self.raised.drain() {
            self.update.execute((id, key))?;
        }
        if self.known.len() > KNOWN_LIMIT {
            self.known.clear();
        }
        Ok(())
    }

    /// Forgets all: what was noted is not in the database, the transaction having failed.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.raised.clear();
    }
}
