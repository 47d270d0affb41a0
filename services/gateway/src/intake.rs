//! Events from the bus on their way into the activity service: who must be told of one is told by
//! every gateway that follows it there.
//!
//! A message is acknowledged once its event is on disk. The same again is stored once: an event is
//! known by its topic and id.

use std::ops::Range;
use std::time::Duration;

use metrics::counter;
use muster_kit::Shutdown;
use muster_kit::backoff::Backoff;
use muster_kit::bus::{Bus, Delivery, GATEWAY_QUEUE, Rejected};
use muster_kit::channel::Channel;
use muster_kit::event::Event;
use muster_proto::muster::activity::v1 as pb;
use pb::activity_service_client::ActivityServiceClient;
use tokio::time::sleep;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::feed::USER_TOPICS;
use crate::protocol::UserId;

/// Messages that are taken at once.
const BATCH: usize = 500;
/// Bytes of messages in one call: half of what the service takes.
const CALL_BYTES: usize = 2 * 1024 * 1024;
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
    let retention_is_set = set_retention(activity.clone(), retention);
    if shutdown
        .run_until_cancelled(retention_is_set)
        .await
        .is_none()
    {
        return;
    }
    let take = |batch| store(activity.clone(), batch);
    bus.consume(&GATEWAY_QUEUE, BATCH, &shutdown, take).await;
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

/// What is to be stored, each with the index of its message.
type Pending = Vec<(usize, pb::NewEvent)>;

/// Stores a batch, however long it takes; what of it can never be stored.
async fn store(mut activity: Client, batch: Vec<Delivery>) -> Vec<Rejected> {
    let (mut pending, mut rejected) = (Pending::new(), Vec::new());
    for (index, delivery) in batch.iter().enumerate() {
        match event(delivery) {
            Ok(event) => pending.push((index, event)),
            Err(why) => rejected.push(Rejected { index, why }),
        }
    }
    let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY);
    while !pending.is_empty() {
        let call = first_call(&pending);
        match append(&mut activity, &pending[call.clone()]).await {
            Ok(refused) => {
                backoff.reset();
                log_stored(&pending[call.clone()]);
                rejected.extend(refused);
                pending.drain(call);
            }
            Err(status) => match bad_event(&status).filter(|bad| call.contains(bad)) {
                Some(bad) => {
                    let (index, _) = pending.remove(bad);
                    let why = status.message().to_owned();
                    rejected.push(Rejected { index, why });
                }
                None => {
                    counter!("gateway_intake_retries_total").increment(1);
                    tracing::warn!(%status, "events wait for the activity service");
                    sleep(backoff.delay()).await;
                }
            },
        }
    }
    rejected
}

/// The event of a message.
fn event(delivery: &Delivery) -> Result<pb::NewEvent, String> {
    let event = Event::from_json(&delivery.body).map_err(|error| error.to_string())?;
    let recipient = event.recipient.ok_or("no recipient")?;
    let recipient: UserId = recipient
        .parse()
        .map_err(|_| format!("recipient {recipient:?} is no user"))?;
    // It was read as JSON: it is UTF-8.
    let message = String::from_utf8_lossy(&delivery.body).into_owned();
    Ok(pb::NewEvent {
        topic: format!("{USER_TOPICS}{recipient}"),
        id: event.id,
        kind: event.kind,
        message,
        ..pb::NewEvent::default()
    })
}

/// As many of the first ones as go into one call.
fn first_call(pending: &Pending) -> Range<usize> {
    let mut bytes = 0;
    let fits = |(_, event): &&(usize, pb::NewEvent)| {
        bytes += event.message.len() + event.id.len() + event.kind.len();
        bytes <= CALL_BYTES
    };
    0..pending.iter().take_while(fits).count().max(1)
}

/// Appends events; those that can never be: their ids are there with another content.
async fn append(
    activity: &mut Client,
    events: &[(usize, pb::NewEvent)],
) -> Result<Vec<Rejected>, Status> {
    let mut request = Request::new(pb::AppendRequest {
        events: events.iter().map(|(_, event)| event.clone()).collect(),
        expected_last_position: None,
    });
    request.set_timeout(TIMEOUT);
    let results = activity.append(request).await?.into_inner().results;
    if results.len() != events.len() {
        return Err(Status::internal("not an answer for each event"));
    }
    let is_conflict = |result: &pb::AppendResult| result.outcome() == pb::AppendOutcome::Conflict;
    let refused = events
        .iter()
        .zip(&results)
        .filter(|(_, result)| is_conflict(result));
    let why = "the id is there with another content";
    let rejected = refused.map(|((index, _), _)| Rejected {
        index: *index,
        why: why.to_owned(),
    });
    Ok(rejected.collect())
}

fn log_stored(events: &[(usize, pb::NewEvent)]) {
    for (_, event) in events {
        tracing::info!(
            id = event.id,
            topic = event.topic,
            "Message received from MQ"
        );
    }
}

/// Which event of a call is malformed, if that is why it was refused.
fn bad_event(status: &Status) -> Option<usize> {
    if status.code() != Code::InvalidArgument {
        return None;
    }
    let details = status.get_details_bad_request()?;
    let field = &details.field_violations.first()?.field;
    let (index, _) = field.strip_prefix("events[")?.split_once(']')?;
    index.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::Bytes;
    use tonic_types::{BadRequest, ErrorDetails};

    use super::*;

    fn delivery(recipient: &str) -> Delivery {
        let body = format!(
            r#"{{"specversion":"1.0","id":"e1","source":"muster/tasks","type":"k","time":"2026-01-02T03:04:05Z"{recipient},"data":{{}}}}"#
        );
        Delivery {
            id: "e1".into(),
            body: Bytes::from(body),
            is_redelivered: false,
        }
    }

    #[test]
    fn an_envelope_becomes_an_event_of_its_recipient_as_it_is() {
        let delivery = delivery(r#","recipient":"7""#);
        let stored = event(&delivery).unwrap();
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
            (
                0,
                pb::NewEvent {
                    message,
                    ..pb::NewEvent::default()
                },
            )
        };
        assert_eq!(first_call(&vec![of(1), of(1)]), 0..2);
        assert_eq!(first_call(&vec![of(CALL_BYTES), of(1)]), 0..1);
        assert_eq!(first_call(&vec![of(CALL_BYTES + 1), of(1)]), 0..1);
    }

    #[test]
    fn the_one_event_that_is_malformed_is_found() {
        let violation = BadRequest::with_violation("events[3].message", "too long");
        let details = ErrorDetails::with_bad_request(violation.field_violations);
        let status = Status::with_error_details(Code::InvalidArgument, "no", details);
        assert_eq!(bad_event(&status), Some(3));
        assert_eq!(bad_event(&Status::unavailable("events[3]")), None);
    }
}
