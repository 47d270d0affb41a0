//! `Scheduling.ConflictService`: events in, groups of events out.

use std::sync::Arc;
use std::{mem, thread};

use muster_proto::compat::scheduling::conflict_service_server::ConflictService;
use muster_proto::compat::scheduling::{ConflictGroup, ConflictList, Event, EventList};
use prost_types::Timestamp;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status, async_trait};

use crate::error::{BadTime, Error, Field};
use crate::sweep::{self, Instant, Span};

/// From so many events on, the work is more than a few milliseconds, and is done aside, so that
/// other calls need not wait for it.
const LARGE_EVENTS: usize = 10_000;

/// 0001-01-01T00:00:00Z, in seconds since the Unix epoch.
const FIRST_SECOND: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z, in seconds since the Unix epoch.
const LAST_SECOND: i64 = 253_402_300_799;
const NANOS_PER_SECOND: i32 = 1_000_000_000;

/// The contract that existing clients speak.
#[derive(Debug)]
pub struct Compat {
    /// One for each core: more at once would not be done sooner.
    workers: Arc<Semaphore>,
}

impl Compat {
    /// A service that uses all cores.
    #[must_use]
    pub fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
        Self {
            workers: Arc::new(Semaphore::new(cores)),
        }
    }

    /// Runs the search where it may take its time.
    async fn search_aside(&self, events: Vec<Event>) -> Result<ConflictList, Error> {
        let worker = Arc::clone(&self.workers).acquire_owned().await;
        let search = tokio::task::spawn_blocking(move || {
            let _busy = worker;
            conflict_list(events)
        });
        search.await?
    }
}

impl Default for Compat {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl ConflictService for Compat {
    async fn get_conflicts(
        &self,
        request: Request<EventList>,
    ) -> Result<Response<ConflictList>, Status> {
        let events = request.into_inner().events;
        let found = match events.len() {
            0..LARGE_EVENTS => conflict_list(events),
            _ => self.search_aside(events).await,
        };
        Ok(Response::new(found?))
    }
}

/// The groups of a calendar. Its events are moved there, not copied.
fn conflict_list(mut events: Vec<Event>) -> Result<ConflictList, Error> {
    let spans = events
        .iter()
        .enumerate()
        .map(|(index, event)| span(index, event));
    let mut spans = spans.collect::<Result<Vec<_>, _>>()?;
    let mut group = |members: &[Span]| ConflictGroup {
        conflict_group: members
            .iter()
            .map(|span| mem::take(&mut events[span.index]))
            .collect(),
    };
    let conflicts = sweep::conflicts(&mut spans).map(&mut group).collect();
    Ok(ConflictList { conflicts })
}

fn span(index: usize, event: &Event) -> Result<Span, Error> {
    let bad = |field| move |why| Error::BadTime { index, field, why };
    let start = instant(event.start.as_ref()).map_err(bad(Field::Start))?;
    let end = instant(event.end.as_ref()).map_err(bad(Field::End))?;
    if end < start {
        return Err(bad(Field::End)(BadTime::BeforeStart));
    }
    Ok(Span { start, end, index })
}

/// Nanoseconds since the Unix epoch.
fn instant(time: Option<&Timestamp>) -> Result<Instant, BadTime> {
    let Timestamp { seconds, nanos } = time.ok_or(BadTime::Missing)?;
    if !(FIRST_SECOND..=LAST_SECOND).contains(seconds) {
        return Err(BadTime::Seconds);
    }
    if !(0..NANOS_PER_SECOND).contains(nanos) {
        return Err(BadTime::Nanos);
    }
    Ok(Instant::from(*seconds) * Instant::from(NANOS_PER_SECOND) + Instant::from(*nanos))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn time(seconds: i64, nanos: i32) -> Option<Timestamp> {
        Some(Timestamp { seconds, nanos })
    }

    fn refusal(events: Vec<Event>) -> String {
        conflict_list(events).unwrap_err().to_string()
    }

    #[test]
    fn the_whole_range_of_a_timestamp_is_taken_and_nothing_beyond_it() {
        let first: Timestamp = "0001-01-01T00:00:00Z".parse().unwrap();
        let last: Timestamp = "9999-12-31T23:59:59.999999999Z".parse().unwrap();
        assert_eq!(instant(Some(&first)), Ok(-62_135_596_800_000_000_000));
        assert_eq!(instant(Some(&last)), Ok(253_402_300_799_999_999_999));
        for (seconds, nanos, why) in [
            (first.seconds - 1, 999_999_999, BadTime::Seconds),
            (last.seconds + 1, 0, BadTime::Seconds),
            (i64::MIN, i32::MIN, BadTime::Seconds),
            (i64::MAX, i32::MAX, BadTime::Seconds),
            (0, -1, BadTime::Nanos),
            (0, 1_000_000_000, BadTime::Nanos),
        ] {
            assert_eq!(
                instant(time(seconds, nanos).as_ref()),
                Err(why),
                "{seconds} {nanos}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let good = Event {
            start: time(0, 0),
            end: time(0, 0),
            ..Event::default()
        };
        let no_start = Event {
            start: None,
            ..good.clone()
        };
        let no_end = Event {
            end: None,
            ..good.clone()
        };
        let backwards = Event {
            end: time(-1, 999_999_999),
            ..good.clone()
        };
        assert_eq!(refusal(vec![no_start]), "events[0].start: required");
        assert_eq!(
            refusal(vec![good.clone(), no_end]),
            "events[1].end: required"
        );
        let before = "events[2].end: must not be before start";
        assert_eq!(refusal(vec![good.clone(), good.clone(), backwards]), before);
        assert!(
            conflict_list(vec![good]).is_ok(),
            "an event of no length is one"
        );
    }

    #[test]
    fn a_nanosecond_decides() {
        let event = |start, end| Event {
            start,
            end,
            ..Event::default()
        };
        let of = |end| {
            vec![
                event(time(0, 0), time(9, end)),
                event(time(9, 1), time(10, 0)),
            ]
        };
        assert!(conflict_list(of(1)).unwrap().conflicts.is_empty());
        assert_eq!(conflict_list(of(2)).unwrap().conflicts.len(), 1);
    }
}
