//! Calendars from files: iCalendar (RFC 5545) and JSON.

use std::path::Path;

use chrono::{DateTime, NaiveTime, SecondsFormat, Utc};
use icalendar::{CalendarDateTime, Component, DatePerhapsTime};
use muster_proto::compat::scheduling as pb;
use prost_types::Timestamp;
use serde::Deserialize;

use super::Failure;

/// A calendar as far as the service takes it.
#[derive(Debug)]
pub(crate) struct Calendar {
    pub(crate) events: Vec<pb::Event>,
    /// How many of them happen more than once: the first time alone is among the events.
    pub(crate) recurring: usize,
}

/// Reads a calendar.
///
/// # Errors
/// The file is not there, is neither form, or an event in it has no time.
pub(crate) fn read(path: &str) -> Result<Calendar, Failure> {
    let text =
        std::fs::read_to_string(path).map_err(|why| Failure::usage(format!("{path}: {why}")))?;
    let is_json = Path::new(path)
        .extension()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("json"));
    let calendar = if is_json {
        from_json(&text)
    } else {
        from_icalendar(&text)
    };
    calendar.map_err(|why| Failure::usage(format!("{path}: {why}")))
}

/// A calendar in proto3 JSON, or its events alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Json {
    Calendar { events: Vec<JsonEvent> },
    Events(Vec<JsonEvent>),
}

#[derive(Deserialize)]
struct JsonEvent {
    #[serde(default)]
    id: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: String,
    start: Option<DateTime<chrono::FixedOffset>>,
    end: Option<DateTime<chrono::FixedOffset>>,
}

fn from_json(text: &str) -> Result<Calendar, String> {
    let events = match serde_json::from_str(text) {
        Ok(Json::Calendar { events } | Json::Events(events)) => events,
        Err(why) => return Err(format!("not a calendar in JSON: {why}")),
    };
    Ok(Calendar {
        events: events.into_iter().map(JsonEvent::into_proto).collect(),
        recurring: 0,
    })
}

impl JsonEvent {
    fn into_proto(self) -> pb::Event {
        let Self {
            id,
            title,
            description,
            start,
            end,
        } = self;
        let time = |time: Option<DateTime<_>>| time.map(|time| timestamp(&time.to_utc()));
        pb::Event {
            id,
            title,
            description,
            start: time(start),
            end: time(end),
        }
    }
}

/// Recurring events count with their first time alone; times without a zone are UTC.
fn from_icalendar(text: &str) -> Result<Calendar, String> {
    let calendar: icalendar::Calendar = text
        .parse()
        .map_err(|why| format!("not iCalendar: {why}"))?;
    let events = || calendar.iter().filter_map(|component| component.as_event());
    Ok(Calendar {
        recurring: events().filter(|event| is_recurring(event)).count(),
        events: events().map(from_vevent).collect::<Result<_, _>>()?,
    })
}

fn is_recurring(event: &icalendar::Event) -> bool {
    ["RRULE", "RDATE"].iter().any(|&name| {
        event.properties().contains_key(name) || event.multi_properties().contains_key(name)
    })
}

fn from_vevent(event: &icalendar::Event) -> Result<pb::Event, String> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let id = text(event.get_uid());
    let start = event
        .get_start()
        .ok_or_else(|| format!("event {id:?} has no DTSTART"))?;
    let start_at = instant(&start).ok_or_else(|| format!("event {id:?}: no such DTSTART"))?;
    let end_at = match event.get_end() {
        Some(end) => instant(&end).ok_or_else(|| format!("event {id:?}: no such DTEND"))?,
        None => start_at + usual_length(event, &start)?,
    };
    Ok(pb::Event {
        title: text(event.get_summary()),
        description: text(event.get_description()),
        start: Some(timestamp(&start_at)),
        end: Some(timestamp(&end_at)),
        id,
    })
}

/// RFC 5545, 3.6.1: without DTEND and DURATION a date lasts its day, and a time no time.
fn usual_length(
    event: &icalendar::Event,
    start: &DatePerhapsTime,
) -> Result<chrono::Duration, String> {
    if event.property_value("DURATION").is_some() {
        return Err("DURATION is not supported, give DTEND".to_owned());
    }
    match start {
        DatePerhapsTime::Date(_) => Ok(chrono::Duration::days(1)),
        DatePerhapsTime::DateTime(_) => Ok(chrono::Duration::zero()),
    }
}

fn instant(time: &DatePerhapsTime) -> Option<DateTime<Utc>> {
    match time {
        DatePerhapsTime::Date(day) => Some(day.and_time(NaiveTime::MIN).and_utc()),
        DatePerhapsTime::DateTime(CalendarDateTime::Floating(time)) => Some(time.and_utc()),
        DatePerhapsTime::DateTime(time) => time.try_into_utc(),
    }
}

/// A time of a message.
pub(crate) fn timestamp(time: &DateTime<Utc>) -> Timestamp {
    let nanos = i32::try_from(time.timestamp_subsec_nanos()).unwrap_or_default();
    Timestamp {
        seconds: time.timestamp(),
        nanos,
    }
}

/// A time as RFC 3339 writes it, with as many digits as it needs.
pub(crate) fn rfc3339(seconds: i64, nanos: i64) -> String {
    let time = DateTime::from_timestamp(seconds, u32::try_from(nanos).unwrap_or_default());
    time.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
        .unwrap_or_default()
}

/// A time of a message as RFC 3339 writes it; empty where it has none.
pub(crate) fn time(time: Option<&Timestamp>) -> String {
    time.map(|time| rfc3339(time.seconds, time.nanos.into()))
        .unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CALENDAR: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//muster//test//EN\r\n\
        BEGIN:VEVENT\r\nUID:a\r\nSUMMARY:Stand-up\r\nDTSTART:20260105T090000Z\r\nDTEND:20260105T091500Z\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:b\r\nDTSTART;TZID=Europe/Berlin:20260105T101000\r\nDTEND;TZID=Europe/Berlin:20260105T110000\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:c\r\nDTSTART;VALUE=DATE:20260106\r\nEND:VEVENT\r\n\
        END:VCALENDAR\r\n";

    fn times(event: &pb::Event) -> (String, String) {
        (time(event.start.as_ref()), time(event.end.as_ref()))
    }

    fn pair(start: &str, end: &str) -> (String, String) {
        (start.to_owned(), end.to_owned())
    }

    #[test]
    fn icalendar_times_are_read_in_their_zones() {
        let events = from_icalendar(CALENDAR).unwrap().events;
        assert_eq!(events[0].title, "Stand-up");
        assert_eq!(
            times(&events[0]),
            pair("2026-01-05T09:00:00Z", "2026-01-05T09:15:00Z")
        );
        assert_eq!(
            times(&events[1]),
            pair("2026-01-05T09:10:00Z", "2026-01-05T10:00:00Z")
        );
        assert_eq!(
            times(&events[2]),
            pair("2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z")
        );
    }

    #[test]
    fn events_that_happen_more_than_once_are_counted() {
        assert_eq!(from_icalendar(CALENDAR).unwrap().recurring, 0);
        let weekly = CALENDAR.replace("UID:a\r\n", "UID:a\r\nRRULE:FREQ=WEEKLY\r\n");
        let both = weekly.replace("UID:c\r\n", "UID:c\r\nRDATE;VALUE=DATE:20260107\r\n");
        let calendar = from_icalendar(&both).unwrap();
        assert_eq!((calendar.events.len(), calendar.recurring), (3, 2));
    }

    #[test]
    fn json_is_a_calendar_or_its_events() {
        let event =
            r#"{"id":"a","start":"2026-01-05T09:00:00.5Z","end":"2026-01-05T10:00:00+01:00"}"#;
        for text in [format!("[{event}]"), format!(r#"{{"events":[{event}]}}"#)] {
            let events = from_json(&text).unwrap().events;
            assert_eq!(
                times(&events[0]),
                pair("2026-01-05T09:00:00.500Z", "2026-01-05T09:00:00Z")
            );
        }
    }

    #[test]
    fn what_is_no_calendar_is_refused() {
        assert!(from_json("{").is_err());
        assert!(from_icalendar("hello").is_err());
    }
}
