//! Events from the bus on their way into the activity service: who must be told of one is told by
//! every gateway that follows it there.
//!
//! A message is acknowledged once its event is on disk. The same again is stored once: an event is
//! known by its topic and id.

use std::time::Duration;

use metrics::{counter, gauge, histogram};
use muster_kit::Shutdown;
use muster_kit::backoff::Backoff;
use muster_kit::bus::{Bus, Delivery, GATEWAY_QUEUE, Rejected};
use muster_kit::channel::Channel;
use muster_kit::clock::now_ns;
use muster_kit::event::Event;
use muster_kit::trace::{Kind, Span, TraceContext};
use muster_proto::muster::activity::v1 as pb;
use pb::activity_service_client::ActivityServiceClient;
use tokio::time::sleep;
use tonic::{Code, Request, Status};

use crate::SERVICE;
use crate::feed::USER_TOPICS;
use crate::protocol::UserId;

/// Messages that are taken at once.
const BATCH: usize = 500;
/// Bytes of messages in one call: half of what the service takes.
const CALL_BYTES: usize = 2 * 1024 * 1024;
/// The longest message of an event that the service takes.
const EVENT_BYTES: usize = 65_536;
/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

type Client = ActivityServiceClient<Channel>;

/// Takes events from the bus until the shutdown.
pub async fn keep(bus: Bus, activity: Client, retention: Duration, shutdown: Shutdown) {
    if bus.is_none() {
        return;
    }
    let take = |batch| store(activity.clone(), batch);
    // Events are not to wait for the retention, which may be refused for as long as there are too
    // many others.
    tokio::join!(
        shutdown.run_until_cancelled(set_retention(activity.clone(), retention)),
        bus.consume(&GATEWAY_QUEUE, BATCH, &shutdown, take),
    );
}

/// Sets how long events of users are kept, as soon as the service can be reached.
async fn set_retention(mut activity: Client, retention: Duration) {
    let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY);
    loop {
        let mut request = Request::new(pb::SetRetentionRequest {
            topic_prefix: USER_TOPICS.to_owned(),
            max_age: retention.try_into().ok(),
        });
        request.set_timeout(TIMEOUT);
        match activity.set_retention(request).await {
            Ok(_) => return,
            Err(status) => tracing::warn!(%status, "cannot set the retention of {USER_TOPICS}"),
        }
        sleep(backoff.delay()).await;
    }
}

/// What is to be stored.
struct Pending {
    /// Of its message.
    index: usize,
    event: pb::NewEvent,
    /// The span that handles the message.
    trace: Option<TraceContext>,
}

/// Stores a batch, however long it takes; what of it can never be stored.
async fn store(mut activity: Client, batch: Vec<Delivery>) -> Vec<Rejected> {
    let (mut pending, mut rejected) = read(&batch);
    let in_hand = gauge!("gateway_intake_messages");
    let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY);
    let mut most = BATCH;
    while !pending.is_empty() {
        in_hand.set(pending.len() as f64);
        let count = first_call(&pending, most);
        match append(&mut activity, &pending[..count]).await {
            Ok(refused) => {
                backoff.reset();
                rejected.extend(refused);
                note_stored(&pending[..count]);
                pending.drain(..count);
                most = BATCH.min(2 * count);
            }
            // At least one of them can never be stored: it is alone in a call in the end.
            Err(status) if is_for_good(&status) && count > 1 => most = count / 2,
            Err(status) if is_for_good(&status) => {
                let Pending { index, .. } = pending.remove(0);
                let why = status.message().to_owned();
                rejected.push(Rejected { index, why });
                most = BATCH.min(2 * count);
            }
            Err(status) => {
                counter!("gateway_intake_retries_total").increment(1);
                tracing::warn!(%status, "events wait for the activity service");
                sleep(backoff.delay()).await;
            }
        }
    }
    in_hand.set(0);
    rejected
}

/// The events of a batch, and what is none.
fn read(batch: &[Delivery]) -> (Vec<Pending>, Vec<Rejected>) {
    let (mut pending, mut rejected) = (Vec::new(), Vec::new());
    for (index, delivery) in batch.iter().enumerate() {
        match event(delivery) {
            Ok((event, trace)) => pending.push(Pending {
                index,
                event,
                trace: delivery.trace.clone().or(trace),
            }),
            Err(why) => rejected.push(Rejected { index, why }),
        }
    }
    (pending, rejected)
}

/// The event of a message, and the trace that its envelope names.
fn event(delivery: &Delivery) -> Result<(pb::NewEvent, Option<TraceContext>), String> {
    if delivery.body.len() > EVENT_BYTES {
        return Err(format!("longer than {EVENT_BYTES} bytes"));
    }
    let event = Event::from_json(&delivery.body).map_err(|error| error.to_string())?;
    let recipient = event.recipient.ok_or("no recipient")?;
    let recipient: UserId = recipient
        .parse()
        .map_err(|_| format!("recipient {recipient:?} is no user"))?;
    // It was read as JSON: it is UTF-8.
    let message = String::from_utf8_lossy(&delivery.body).into_owned();
    let new = pb::NewEvent {
        topic: format!("{USER_TOPICS}{recipient}"),
        id: event.id,
        kind: event.kind,
        message,
        ..pb::NewEvent::default()
    };
    Ok((new, event.trace))
}

/// How many of the first ones go into one call, of which `most` may.
fn first_call(pending: &[Pending], most: usize) -> usize {
    let mut bytes = 0;
    let fits = |Pending { event, .. }: &&Pending| {
        bytes += event.message.len() + event.id.len() + event.kind.len();
        bytes <= CALL_BYTES
    };
    let first = pending.iter().take(most);
    first.take_while(fits).count().max(1)
}

/// Appends events; those that can never be: their ids are there with another content.
async fn append(activity: &mut Client, events: &[Pending]) -> Result<Vec<Rejected>, Status> {
    let mut request = Request::new(pb::AppendRequest {
        events: events.iter().map(|one| one.event.clone()).collect(),
        expected_last_position: None,
    });
    request.set_timeout(TIMEOUT);
    let span = append_span(events);
    let answer = span.scope(activity.append(request)).await?;
    let results = answer.into_inner().results;
    if results.len() != events.len() {
        return Err(Status::internal("not an answer for each event"));
    }
    let is_conflict = |result: &pb::AppendResult| result.outcome() == pb::AppendOutcome::Conflict;
    let refused = events
        .iter()
        .zip(&results)
        .filter(|(_, result)| is_conflict(result));
    let why = "the id is there with another content";
    let rejected = refused.map(|(one, _)| Rejected {
        index: one.index,
        why: why.to_owned(),
    });
    Ok(rejected.collect())
}

/// The span of one call for several messages: part of the first's trace, and linked to the others.
fn append_span(events: &[Pending]) -> Span {
    let mut traces = events.iter().filter_map(|one| one.trace.as_ref());
    let first = traces.next();
    let mut span = Span::resume(SERVICE.name, Kind::Internal, "append events", first);
    span.note_number("messaging.batch.message_count", events.len() as i64);
    traces.for_each(|trace| span.link(trace));
    span
}

/// Counts and logs what was stored. Of events that came together the first tells how long it took: the longest.
fn note_stored(events: &[Pending]) {
    counter!("gateway_intake_stored_total").increment(events.len() as u64);
    let first = events.first().map(|first| first.event.message.as_bytes());
    if let Some(Ok(first)) = first.map(Event::from_json) {
        let lag_ms = (now_ns() / 1_000_000).saturating_sub(first.time_ms);
        histogram!("gateway_intake_lag_seconds").record(lag_ms.max(0) as f64 / 1e3);
    }
    events.iter().for_each(log_received);
}

fn log_received(Pending { event, trace, .. }: &Pending) {
    let (id, topic) = (&event.id, &event.topic);
    let log = || tracing::info!(id, topic, "Message received from MQ");
    match trace {
        Some(trace) => trace.scope(SERVICE.name, log),
        None => log(),
    }
}

/// Whether the same call is refused at any other time as well.
fn is_for_good(status: &Status) -> bool {
    matches!(status.code(), Code::InvalidArgument | Code::OutOfRange)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn delivery(recipient: &str) -> Delivery {
        let body = format!(
            r#"{{"specversion":"1.0","id":"e1","source":"muster/tasks","type":"k","time":"2026-01-02T03:04:05Z"{recipient},"data":{{}}}}"#
        );
        Delivery {
            id: "e1".into(),
            body: Bytes::from(body),
            is_redelivered: false,
            trace: None,
        }
    }

    #[test]
    fn an_envelope_becomes_an_event_of_its_recipient_as_it_is() {
        let delivery = delivery(r#","recipient":"7""#);
        let (stored, _) = event(&delivery).unwrap();
        assert_eq!(
            (&*stored.topic, &*stored.id, &*stored.kind),
            ("user/7", "e1", "k")
        );
        assert_eq!(stored.message.as_bytes(), delivery.body);
    }

    #[test]
    fn what_is_for_nobody_can_never_be_stored() {
        for recipient in [
            "",
            r#","recipient":"""#,
            r#","recipient":"x""#,
            r#","recipient":"0""#,
        ] {
            assert!(event(&delivery(recipient)).is_err(), "{recipient}");
        }
        let body = Bytes::from_static(b"\xff");
        let no_json = Delivery {
            body,
            ..delivery("")
        };
        assert!(event(&no_json).is_err());
    }

    #[test]
    fn a_call_takes_what_goes_into_it_and_one_event_at_least() {
        let of = |bytes| {
            let message = "x".repeat(bytes);
            Pending {
                index: 0,
                event: pb::NewEvent {
                    message,
                    ..pb::NewEvent::default()
                },
                trace: None,
            }
        };
        assert_eq!(first_call(&[of(1), of(1)], 9), 2);
        assert_eq!(first_call(&[of(1), of(1)], 1), 1);
        assert_eq!(first_call(&[of(CALL_BYTES), of(1)], 9), 1);
        assert_eq!(first_call(&[of(CALL_BYTES + 1), of(1)], 9), 1);
    }
}
