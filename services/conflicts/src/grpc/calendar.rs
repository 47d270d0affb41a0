//! A calendar as it comes over the wire: bytes in, bytes out.

use std::mem;

use metrics::counter;
use muster_proto::compat::scheduling::{ConflictGroup, ConflictList, Event, EventList};
use prost::Message;
use prost::bytes::{Buf, Bytes};
use prost::encoding::{DecodeContext, decode_key, skip_field};
use prost_types::Timestamp;

use crate::EVENTS_MAX;
use crate::error::{BadTime, Error, Field};
use crate::sweep::{self, Instant, Span};

/// The number of `EventList.events` on the wire.
const EVENTS_TAG: u32 = 1;

/// 0001-01-01T00:00:00Z, in seconds since the Unix epoch.
const FIRST_SECOND: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z, in seconds since the Unix epoch.
const LAST_SECOND: i64 = 253_402_300_799;
const NANOS_PER_SECOND: i32 = 1_000_000_000;

/// How many events an `EventList` has, found without decoding them: an event of two bytes
/// becomes one of 120.
pub(super) fn count(mut message: &[u8]) -> Result<usize, Error> {
    let mut events = 0;
    while message.has_remaining() {
        let (tag, wire_type) = decode_key(&mut message)?;
        skip_field(wire_type, tag, &mut message, DecodeContext::default())?;
        events += usize::from(tag == EVENTS_TAG);
        if events > EVENTS_MAX {
            return Err(Error::TooMany);
        }
    }
    Ok(events)
}

/// The `ConflictList` of an `EventList` of so many events.
pub(super) fn answer(message: Bytes, events: usize) -> Result<Bytes, Error> {
    let mut list = EventList {
        events: Vec::with_capacity(events),
    };
    list.merge(message)?;
    let found = conflict_list(list.events)?;
    counter!("conflicts_events_total").increment(events as u64);
    counter!("conflicts_groups_total").increment(found.conflicts.len() as u64);
    Ok(found.encode_to_vec().into())
}

/// The groups of a calendar. Its events are moved there, not copied.
fn conflict_list(mut events: Vec<Event>) -> Result<ConflictList, Error> {
    let mut spans = Vec::with_capacity(events.len());
    for (index, event) in events.iter().enumerate() {
        spans.push(span(index, event)?);
    }
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

    #[test]
    fn events_are_counted_as_they_are_decoded() {
        // Two events, an unknown field of each wire type, and a third event.
        let mut message = vec![0x0a, 0x00, 0x0a, 0x04, 0x22, 0x02, 0x08, 0x01];
        message.extend([0x10, 0x01, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x22, 0x01, 0x00]);
        message.extend([0x2d, 1, 2, 3, 4, 0x33, 0x0a, 0x00, 0x34, 0x0a, 0x00]);
        assert_eq!(count(&message).unwrap(), 3);
        assert_eq!(EventList::decode(&*message).unwrap().events.len(), 3);
    }

    #[test]
    fn what_is_no_calendar_is_refused() {
        for message in [&[0x0a][..], &[0x0a, 0x05, 0x00], &[0xff; 11], &[0x08, 0x01]] {
            let answered =
                count(message).and_then(|events| answer(Bytes::copy_from_slice(message), events));
            assert!(matches!(answered, Err(Error::Wire(_))), "{message:?}");
        }
    }

    #[test]
    fn more_events_than_are_taken_are_not_decoded() {
        let mut message = [0x0a, 0x00].repeat(EVENTS_MAX);
        assert_eq!(count(&message).unwrap(), EVENTS_MAX);
        message.extend([0x0a, 0x00]);
        assert!(matches!(count(&message), Err(Error::TooMany)));
    }
}
