//! Reads all of a store to find what is wrong with it.

use std::fmt::Display;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Row, Statement};
use uuid::Uuid;

use super::index::check::IndexCheck;
use super::{reader, row, schema, snapshot};
use crate::error::{BadField, Error};
use crate::event::{Event, NewEvent};
use crate::store::{Finding, Progress};
use crate::topic::Topic;

/// Where so much is wrong, more would tell nothing new.
const FINDINGS: usize = 100;
/// A word after so many events.
const WORD_EVENTS: i64 = 4_096;

const EVENTS: &str = "
    SELECT e.position, t.name, e.id, e.message, e.send_ns, e.receive_ns, e.kind, e.attributes,
        e.topic
    FROM events e LEFT JOIN topics t ON t.topic = e.topic
    ORDER BY e.position";

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn add(&mut self, place: impl Display, what: impl Display) {
        self.0.push(Finding {
            place: place.to_string(),
            what: what.to_string(),
        });
    }

    pub(super) fn are_enough(&self) -> bool {
        self.0.len() >= FINDINGS
    }
}

/// Tells what is wrong; nothing where all is well.
pub(in crate::store) fn run(
    path: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Finding>, Error> {
    let mut findings = Findings::default();
    match check(path, &mut findings, progress) {
        Err(error) if is_damage(&error) => findings.add("database", error),
        checked => checked?,
    }
    findings.0.truncate(FINDINGS);
    Ok(findings.0)
}

/// Whether it says something of the file, not of the way to it.
fn is_damage(error: &Error) -> bool {
    match error {
        Error::Open { cause, .. } => is_damage(cause),
        Error::Sqlite(error) => is_damage_of_rows(error),
        _ => false,
    }
}

fn is_damage_of_rows(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        // Unknown: a table is not there, for one.
        Some(code) => matches!(
            code,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown
        ),
        // A value of another type than its column's, or no text.
        None => true,
    }
}

fn check(
    path: &Path,
    findings: &mut Findings,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let connection = snapshot::open(path)?;
    schema::is_of_today(&connection).map_err(|cause| Error::open(path, cause))?;
    check_pages(&connection, findings)?;
    check_store_id(&connection, findings)?;
    check_events(&connection, findings, progress)?;
    Ok(())
}

/// SQLite's own check: the trees, the free pages, the types of all columns.
fn check_pages(connection: &Connection, findings: &mut Findings) -> rusqlite::Result<()> {
    let mut check = connection.prepare("PRAGMA integrity_check")?;
    let mut rows = check.query([])?;
    while let Some(row) = rows.next()? {
        let text: String = row.get(0)?;
        let is_news = |line: &&str| *line != "ok" && !line.starts_with("***");
        for line in text.lines().filter(is_news) {
            findings.add("database", line);
        }
    }
    Ok(())
}

/// A backup has none until it is served.
fn check_store_id(connection: &Connection, findings: &mut Findings) -> rusqlite::Result<()> {
    let mut select = connection.prepare("SELECT value FROM meta WHERE name = 'store_id'")?;
    let mut ids = select.query([])?;
    while let Some(row) = ids.next()? {
        let id: String = row.get(0)?;
        if id.parse::<Uuid>().is_err() {
            findings.add("store id", format!("{id:?} is not a uuid"));
        }
    }
    Ok(())
}

fn check_events(
    connection: &Connection,
    findings: &mut Findings,
    progress: &mut dyn FnMut(Progress),
) -> rusqlite::Result<()> {
    let mut index = IndexCheck::begin(connection)?;
    let last = reader::last_position(connection)?.unsigned_abs();
    // Each event is read once for itself and once for its topic.
    let mut tell = |done| {
        progress(Progress {
            done,
            total: 2 * last,
        })
    };
    let mut gaps = Gaps::begin(connection)?;
    let mut select = connection.prepare(EVENTS)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let position = row.get(0)?;
        gaps.check(position, findings)?;
        check_event(row, position, findings);
        index.check_event(row.get(8)?, row.get_ref(2)?.as_str()?, position, findings)?;
        if position % WORD_EVENTS == 0 {
            tell(position.unsigned_abs());
        }
        if findings.are_enough() {
            return Ok(());
        }
    }
    gaps.check(last as i64 + 1, findings)?;
    index.end(findings, &mut |listed| tell(last + listed))
}

/// Positions begin with 1, and where there is no event any more, there is its digest.
struct Gaps<'c> {
    count_digests: Statement<'c>,
    before: i64,
}

impl<'c> Gaps<'c> {
    fn begin(connection: &'c Connection) -> rusqlite::Result<Gaps<'c>> {
        let count = "SELECT count(*) FROM digests WHERE position BETWEEN ? AND ?";
        Ok(Gaps {
            count_digests: connection.prepare(count)?,
            before: 0,
        })
    }

    /// Looks at what lies between the event before and the one at this position.
    fn check(&mut self, position: i64, findings: &mut Findings) -> rusqlite::Result<()> {
        let (first, last) = (self.before + 1, position - 1);
        self.before = position;
        let gap = last - first + 1;
        if gap == 0 {
            return Ok(());
        }
        let removed: i64 = self
            .count_digests
            .query_row((first, last), |row| row.get(0))?;
        match gap - removed {
            0 => {}
            1 if gap == 1 => findings.add(format!("event {first}"), "it is missing"),
            missing => findings.add(
                format!("events {first} to {last}"),
                format!("{missing} are missing"),
            ),
        }
        Ok(())
    }
}

fn check_event(row: &Row<'_>, position: i64, findings: &mut Findings) {
    let place = || format!("event {position}");
    if matches!(row.get_ref(1), Ok(ValueRef::Null)) {
        return findings.add(place(), "its topic is missing");
    }
    match row::event(row) {
        Ok(event) => {
            if let Err(bad) = checked(event) {
                findings.add(place(), bad);
            }
        }
        Err(error) => findings.add(place(), error),
    }
}

/// An event that could not be appended cannot be there either.
fn checked(event: Event) -> Result<NewEvent, BadField> {
    let event = NewEvent {
        topic: Topic::parse(event.topic)?,
        id: Some(event.id),
        kind: event.kind,
        message: event.message,
        attributes: event.attributes,
        send_ns: event.send_ns,
        receive_ns: event.receive_ns,
    };
    event.checked()
}
