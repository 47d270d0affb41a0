//! Appends a group of events in one transaction.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Statement, Transaction, TransactionBehavior};

use super::index::Index;
use super::index::fresh::Fresh;
use super::index::identity::Identity;
use super::topics::Topics;
use super::{reader, row};
use crate::deployment;
use crate::digest::Digest;
use crate::event::{Event, NewEvent};
use crate::topic::Topic;

mod remove;

/// What became of one event of a group that is committed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Stored here; `given_id` is the id that the store gave it, if it had none.
    Stored {
        position: i64,
        given_id: Option<String>,
    },
    /// There already, as this.
    AlreadyThere(Event),
    /// There already at this position, and removed by now.
    Removed { position: i64 },
    /// Refused: the id is there with another content, at this position.
    OtherContent { position: i64 },
    /// Refused: the topic's highest id is at the top.
    NoIdLeft,
}

/// Writes to the store; the only one that does.
pub(super) struct Appender<'c> {
    connection: &'c Connection,
    topics: Topics<'c>,
    index: Index<'c>,
    last_position: i64,
    insert_event: Statement<'c>,
    select_event: Statement<'c>,
}

impl<'c> Appender<'c> {
    /// Tells `fresh` what readers cannot find in the postings on disk.
    pub(super) fn new(
        connection: &'c Connection,
        fresh: Arc<Fresh>,
    ) -> rusqlite::Result<Appender<'c>> {
        Ok(Appender {
            connection,
            topics: Topics::new(connection)?,
            index: Index::open(connection, fresh)?,
            last_position: reader::last_position(connection)?,
            insert_event: connection.prepare(
                "INSERT INTO events
                     (position, topic, id, message, send_ns, receive_ns, kind, attributes)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
            select_event: connection.prepare(
                "SELECT position, ?2, id, message, send_ns, receive_ns, kind, attributes
                 FROM events WHERE position = ?1",
            )?,
        })
    }

    /// The position of the newest event that is committed, 0 when there is none.
    pub(super) fn last_position(&self) -> i64 {
        self.last_position
    }

    /// What the store is written through.
    pub(super) fn connection(&self) -> &'c Connection {
        self.connection
    }

    /// Appends a group and commits it; on an error nothing of it is there. Outcomes are true
    /// only now that all of them are on disk: also a duplicate may be one of an event of this
    /// very group.
    pub(super) fn commit<T>(
        &mut self,
        append_all: impl FnOnce(&mut Self) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let before = self.last_position;
        let outcomes = self.transact(append_all);
        match &outcomes {
            Ok(_) => self.index.after_commit(),
            Err(_) => {
                self.last_position = before;
                self.topics.forget();
                self.index.after_rollback()?;
            }
        }
        outcomes
    }

    fn transact<T>(
        &mut self,
        append_all: impl FnOnce(&mut Self) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        // Rolled back when it is dropped without a commit.
        let transaction =
            Transaction::new_unchecked(self.connection, TransactionBehavior::Immediate)?;
        let outcomes = append_all(self)?;
        self.topics.flush()?;
        self.index.before_commit()?;
        transaction.commit()?;
        Ok(outcomes)
    }

    /// Within a transaction: does as `work` says, or nothing where it refuses.
    pub(super) fn all_or_nothing<T, R>(
        &mut self,
        work: impl FnOnce(&mut Self) -> rusqlite::Result<Result<T, R>>,
    ) -> rusqlite::Result<Result<T, R>> {
        let before = self.last_position;
        self.topics.flush()?;
        self.connection.execute_batch("SAVEPOINT batch")?;
        let done = work(self)?;
        if done.is_err() {
            self.connection.execute_batch("ROLLBACK TO batch")?;
            self.last_position = before;
            self.topics.forget();
            self.index.undo_to(before);
        }
        self.connection.execute_batch("RELEASE batch")?;
        Ok(done)
    }

    /// The position of the topic's last event, 0 when it has none.
    pub(super) fn last_of(&mut self, topic: &Topic) -> rusqlite::Result<i64> {
        let key = self.topics.get(topic.as_str())?.key;
        self.index.last_of(key)
    }

    /// Appends an event to the group.
    pub(super) fn append(&mut self, event: &NewEvent) -> rusqlite::Result<Outcome> {
        let topic = self.topics.get(event.topic.as_str())?;
        let given_id = match event.id {
            Some(_) => None,
            None => match deployment::next_id(topic.highest_id) {
                Some(id) => Some(id.to_string()),
                None => return Ok(Outcome::NoIdLeft),
            },
        };
        let id = event
            .id
            .as_deref()
            .or(given_id.as_deref())
            .unwrap_or_default();
        let identity = Identity::of(topic.key, id);
        if let Some(position) = self.index.find(identity)? {
            return self.compare(position, event);
        }
        let position = self.last_position + 1;
        self.insert_event.execute((
            position,
            topic.key,
            id,
            &event.message,
            event.send_ns,
            event.receive_ns,
            &event.kind,
            row::encode(&event.attributes)?,
        ))?;
        self.index.add(topic.key, identity, position);
        self.topics.saw(event.topic.as_str(), id);
        self.last_position = position;
        Ok(Outcome::Stored { position, given_id })
    }

    /// What it means that the identity is taken.
    fn compare(&mut self, position: i64, event: &NewEvent) -> rusqlite::Result<Outcome> {
        let key = (position, event.topic.as_str());
        let original = self.select_event.query_row(key, row::event);
        let Some(original) = original.optional()? else {
            return self.compare_with_removed(position, event);
        };
        let is_same = original.says_the_same_as(event);
        Ok(match is_same {
            true => Outcome::AlreadyThere(original),
            false => Outcome::OtherContent {
                position: original.position,
            },
        })
    }

    fn compare_with_removed(
        &mut self,
        position: i64,
        event: &NewEvent,
    ) -> rusqlite::Result<Outcome> {
        let mut digest = self
            .connection
            .prepare_cached("SELECT digest FROM digests WHERE position = ?")?;
        let digest = digest.query_row([position], |row| row.get(0))?;
        Ok(match Digest::from_bytes(digest) == event.digest() {
            true => Outcome::Removed { position },
            false => Outcome::OtherContent { position },
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::super::schema;
    use super::*;
    use rusqlite::ErrorCode;

    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        connection
    }

    fn append(appender: &mut Appender<'_>, group: &[NewEvent]) -> rusqlite::Result<Vec<Outcome>> {
        appender.commit(|appender| group.iter().map(|event| appender.append(event)).collect())
    }

    fn event(id: i32, message: &str, send_ns: i64) -> NewEvent {
        NewEvent::of_deployment(1, id, message.into(), send_ns, send_ns + 1).unwrap()
    }

    fn stored(position: i64) -> Outcome {
        Outcome::Stored {
            position,
            given_id: None,
        }
    }

    #[test]
    fn a_duplicate_in_the_same_group_is_that_of_its_original() {
        let database = database();
        let mut appender = Appender::new(&database, Arc::default()).unwrap();
        let group = [
            event(7, "a", 10),
            event(7, "a", 20),
            event(7, "b", 30),
            event(8, "c", 40),
        ];
        let outcomes = append(&mut appender, &group).unwrap();
        let original = group[0].clone().stored(1, "7".into());
        let expected = [
            stored(1),
            Outcome::AlreadyThere(original),
            Outcome::OtherContent { position: 1 },
            stored(2),
        ];
        assert_eq!(outcomes, expected);
    }

    #[test]
    fn ids_given_in_one_group_follow_each_other_up_to_the_top() {
        let database = database();
        let mut appender = Appender::new(&database, Arc::default()).unwrap();
        let group = [
            event(i32::MAX - 1, "a", 0),
            event(0, "b", 0),
            event(0, "c", 0),
        ];
        let outcomes = append(&mut appender, &group).unwrap();
        let top = Some(i32::MAX.to_string());
        let expected = [
            stored(1),
            Outcome::Stored {
                position: 2,
                given_id: top,
            },
            Outcome::NoIdLeft,
        ];
        assert_eq!(outcomes, expected);
    }

    #[test]
    fn a_group_that_does_not_fit_leaves_nothing_and_the_next_that_fits_is_stored() {
        let database = database();
        let mut appender = Appender::new(&database, Arc::default()).unwrap();
        let set_limit = |pages: i64| {
            database
                .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
                .unwrap();
        };
        set_limit(16);
        let long = "x".repeat(60_000);
        let too_much = [event(0, "small", 0), event(0, &long, 0), event(0, &long, 0)];
        let full = append(&mut appender, &too_much).unwrap_err();
        assert_eq!(full.sqlite_error_code(), Some(ErrorCode::DiskFull));
        assert_eq!(reader::last_position(&database).unwrap(), 0);

        set_limit(1_000);
        let outcomes = append(&mut appender, &too_much[..1]).unwrap();
        assert_eq!(
            outcomes,
            [Outcome::Stored {
                position: 1,
                given_id: Some("1".into())
            }]
        );
    }

    #[test]
    fn a_new_appender_goes_on_where_the_last_one_ended() {
        let database = database();
        let first = [event(41, "a", 0)];
        append(
            &mut Appender::new(&database, Arc::default()).unwrap(),
            &first,
        )
        .unwrap();
        let mut appender = Appender::new(&database, Arc::default()).unwrap();
        let outcomes = append(&mut appender, &[event(0, "b", 0)]).unwrap();
        assert_eq!(
            outcomes,
            [Outcome::Stored {
                position: 2,
                given_id: Some("42".into())
            }]
        );
    }
}
