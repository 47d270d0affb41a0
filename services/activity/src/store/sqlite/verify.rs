//! Reads all of a store to find what is wrong with it.

use std::fmt::Display;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Row};
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
    let mut select = connection.prepare(EVENTS)?;
    let mut rows = select.query([])?;
    let mut before = 0;
    while let Some(row) = rows.next()? {
        let position = row.get(0)?;
        check_gap(before, position, findings);
        check_event(row, position, findings);
        index.check_event(row.get(8)?, row.get_ref(2)?.as_str()?, position, findings)?;
        before = position;
        if position % WORD_EVENTS == 0 {
            tell(position.unsigned_abs());
        }
        if findings.are_enough() {
            return Ok(());
        }
    }
    index.end(findings, &mut |listed| tell(last + listed))
}

/// Positions begin with 1 and have no gaps.
fn check_gap(before: i64, position: i64, findings: &mut Findings) {
    match position - before {
        1 => {}
        2 => findings.add(format!("event {}", position - 1), "it is missing"),
        _ => findings.add(
            format!("events {} to {}", before + 1, position - 1),
            "they are missing",
        ),
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
