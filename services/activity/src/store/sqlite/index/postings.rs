//! Postings: where the events of a topic lie, as lists of positions in chunks.
//!
//! A row of an index for each event would touch as many pages as there are topics with every
//! commit. Postings are written for some ten thousand events at once, and take a byte or two for
//! each.

use rusqlite::{Connection, OptionalExtension, Statement};

/// The most positions of a chunk, and where it ends before: with more bytes, its row would not
/// fit in the page.
const CHUNK_POSITIONS: usize = 512;
const CHUNK_BYTES: usize = 900;

/// A chunk: positions as differences, each as a number of 7 bits a byte (LEB128).
fn encode(positions: &[i64]) -> (Vec<u8>, usize) {
    let (mut chunk, mut before, mut count) = (Vec::new(), 0, 0);
    for position in positions.iter().take(CHUNK_POSITIONS) {
        if chunk.len() >= CHUNK_BYTES {
            break;
        }
        push_number(&mut chunk, position - before);
        before = *position;
        count += 1;
    }
    (chunk, count)
}

fn push_number(chunk: &mut Vec<u8>, mut number: i64) {
    while number >= 0x80 {
        chunk.push(number as u8 | 0x80);
        number >>= 7;
    }
    chunk.push(number as u8);
}

/// The positions of a chunk, in order.
fn decode(chunk: &[u8]) -> impl Iterator<Item = i64> {
    let numbers = chunk.chunk_by(|byte, _| byte & 0x80 != 0);
    let differences = numbers.map(|bytes| {
        let low_first = bytes.iter().rev();
        low_first.fold(0, |number, byte| (number << 7) | i64::from(byte & 0x7f))
    });
    differences.scan(0, |position, difference| {
        *position += difference;
        Some(*position)
    })
}

/// Writes postings.
pub(super) struct Postings<'c> {
    insert: Statement<'c>,
    select_first: Statement<'c>,
    select_last: Statement<'c>,
    delete: Statement<'c>,
    has_event: Statement<'c>,
}

impl<'c> Postings<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Postings<'c>> {
        Ok(Postings {
            insert: connection.prepare("INSERT INTO postings VALUES (?, ?, ?)")?,
            select_first: connection.prepare(
                "SELECT last, positions FROM postings WHERE topic = ? ORDER BY last LIMIT 1",
            )?,
            select_last: connection.prepare(
                "SELECT coalesce(
                         (SELECT max(last) FROM postings WHERE topic = ?1),
                         (SELECT removed_to FROM topics WHERE topic = ?1),
                         0)",
            )?,
            delete: connection.prepare("DELETE FROM postings WHERE topic = ? AND last = ?")?,
            has_event: connection.prepare("SELECT 1 FROM events WHERE position = ?")?,
        })
    }

    /// Adds positions of a topic, in order, behind those that it has.
    pub(super) fn add(&mut self, topic: i64, mut positions: &[i64]) -> rusqlite::Result<()> {
        while !positions.is_empty() {
            let (chunk, count) = encode(positions);
            let (of_chunk, rest) = positions.split_at(count);
            self.insert.execute((topic, of_chunk.last(), chunk))?;
            positions = rest;
        }
        Ok(())
    }

    /// Removes the topic's first chunks as long as none of their events is there, up to this
    /// position.
    pub(super) fn remove_empty(&mut self, topic: i64, to: i64) -> rusqlite::Result<()> {
        while let Some((last, chunk)) = self.first_chunk(topic, to)? {
            for position in decode(&chunk) {
                if self.has_event.exists([position])? {
                    return Ok(());
                }
            }
            self.delete.execute((topic, last))?;
        }
        Ok(())
    }

    fn first_chunk(&mut self, topic: i64, to: i64) -> rusqlite::Result<Option<(i64, Vec<u8>)>> {
        let chunk = self
            .select_first
            .query_row([topic], |row| Ok((row.get(0)?, row.get(1)?)));
        Ok(chunk.optional()?.filter(|(last, _)| *last <= to))
    }

    /// The topic's last position, also of an event that was removed; 0 where it had none.
    pub(super) fn last(&mut self, topic: i64) -> rusqlite::Result<i64> {
        self.select_last.query_row([topic], |row| row.get(0))
    }
}

/// Reads a topic's positions behind `after` up to `end`, the first `limit` of them or more.
pub(in super::super) fn first(
    connection: &Connection,
    topic: i64,
    (after, end): (i64, i64),
    limit: usize,
) -> rusqlite::Result<Vec<i64>> {
    let mut chunks = connection.prepare_cached(
        "SELECT positions FROM postings WHERE topic = ? AND last > ? ORDER BY last",
    )?;
    let mut chunks = chunks.query((topic, after))?;
    let mut positions = Vec::new();
    while let Some(row) = chunks.next()? {
        let before = positions.len();
        positions.extend(within(row.get_ref(0)?.as_blob()?, after, end));
        let is_beyond_end = positions.len() == before;
        if is_beyond_end || positions.len() >= limit {
            break;
        }
    }
    Ok(positions)
}

/// Reads a topic's positions behind `after` up to `end`, the last `limit` of them or more, in
/// order.
pub(in super::super) fn last(
    connection: &Connection,
    topic: i64,
    (after, end): (i64, i64),
    limit: usize,
) -> rusqlite::Result<Vec<i64>> {
    // The chunk in which the end lies, and those in front of it.
    let mut chunks = connection.prepare_cached(
        "SELECT positions FROM postings
         WHERE topic = ?1 AND last > ?2 AND last <= coalesce(
             (SELECT min(last) FROM postings WHERE topic = ?1 AND last >= ?3), ?3)
         ORDER BY last DESC",
    )?;
    let mut chunks = chunks.query((topic, after, end))?;
    let mut parts = Vec::new();
    let mut count = 0;
    while let Some(row) = chunks.next()? {
        let part: Vec<i64> = within(row.get_ref(0)?.as_blob()?, after, end).collect();
        count += part.len();
        parts.push(part);
        if count >= limit {
            break;
        }
    }
    Ok(parts.into_iter().rev().flatten().collect())
}

fn within(chunk: &[u8], after: i64, end: i64) -> impl Iterator<Item = i64> {
    decode(chunk)
        .skip_while(move |position| *position <= after)
        .take_while(move |position| *position <= end)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::super::schema;
    use super::*;
    use proptest::collection::btree_set;
    use proptest::prelude::*;

    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        connection
    }

    #[test]
    fn positions_that_lie_close_take_a_byte_each() {
        let positions: Vec<i64> = (1_000_000..1_000_300).collect();
        let (chunk, count) = encode(&positions);
        assert_eq!(count, 300);
        assert_eq!(chunk.len(), 299 + 3);
    }

    proptest! {
        #[test]
        fn a_chunk_gives_back_the_positions_it_took(positions in btree_set(1..i64::MAX, 1..700)) {
            let positions: Vec<i64> = positions.into_iter().collect();
            let (chunk, count) = encode(&positions);
            prop_assert!(count > 0);
            prop_assert!(chunk.len() < CHUNK_BYTES + 10);
            prop_assert_eq!(decode(&chunk).collect::<Vec<_>>(), &positions[..count]);
        }

        #[test]
        fn the_first_and_the_last_of_a_window_are_read(
            positions in btree_set(1..5_000_i64, 0..2_000),
            (after, end) in (0..5_000_i64, 0..5_000_i64),
            limit in 1..600_usize,
        ) {
            let database = database();
            let all: Vec<i64> = positions.into_iter().collect();
            let mut postings = Postings::new(&database).unwrap();
            all.chunks(700).for_each(|part| postings.add(1, part).unwrap());
            postings.add(2, &[1, 4_000]).unwrap();

            let window = (after, end);
            let expected: Vec<i64> = all.into_iter().filter(|p| *p > after && *p <= end).collect();
            let at_least = limit.min(expected.len());
            let front = first(&database, 1, window, limit).unwrap();
            prop_assert!(front.len() >= at_least && expected.starts_with(&front));
            let back = last(&database, 1, window, limit).unwrap();
            prop_assert!(back.len() >= at_least && expected.ends_with(&back));
        }
    }
}
