//! The tail that feeds a hub.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use metrics::{counter, histogram};
use muster_kit::backoff::Backoff;
use muster_proto::muster::activity::v1::event_filter::Topics;
use tokio::task::yield_now;
use tokio::time::sleep;
use tonic::Status;

use super::activity::{Activity, News, news};
use crate::hub::{Event, Hub, Place};
use crate::protocol::Reason;

const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(2);

/// Events that are given out until other tasks have their turn.
const EVENTS_PER_TURN: usize = 256;

/// Where a tail is.
struct Tail {
    topics: Topics,
    activity: Activity,
    hub: Arc<Hub>,
    /// Up to where the hub has been told; `None`: nothing yet.
    place: Option<Place>,
    /// What the hub has to be told where the tail begins anew.
    reset: Option<Reason>,
    backoff: Backoff,
}

/// Feeds a hub. Never ends.
pub(super) async fn keep(topics: Topics, activity: Activity, hub: Arc<Hub>) {
    let mut tail = Tail {
        topics,
        activity,
        hub,
        place: None,
        reset: None,
        backoff: Backoff::new(FIRST_RETRY, LONGEST_RETRY),
    };
    loop {
        if let Err(status) = tail.follow().await {
            tracing::debug!(topics = ?tail.topics, %status, "a tail is begun anew");
        }
        counter!("gateway_tails_ended_total").increment(1);
        sleep(tail.backoff.delay()).await;
    }
}

impl Tail {
    /// Follows until it ends, or has to be begun anew at another place.
    async fn follow(&mut self) -> Result<(), Status> {
        let cursor = self.place.as_ref().map(Place::to_string);
        let mut stream = self.activity.follow(self.topics.clone(), cursor).await?;
        loop {
            match news(&mut stream).await? {
                News::Events(events, place) => {
                    events.first().inspect(|event| note_lag(&event.received_at));
                    publish(&self.hub, events).await;
                    self.go_on(place);
                }
                News::Live(place) => self.go_on(place),
                // What is left comes next.
                News::Reset(Reason::Trimmed, place) => {
                    self.hub.begin(place.clone(), Some(Reason::Trimmed));
                    self.place = Some(place);
                }
                // The stream would tell all that the store ever held: not to those who are live.
                News::Reset(reason, _) => {
                    tracing::warn!(?reason, topics = ?self.topics, "the store is another one");
                    (self.place, self.reset) = (None, Some(reason));
                    return Ok(());
                }
            }
            self.backoff.reset();
        }
    }

    fn go_on(&mut self, place: Place) {
        match self.place {
            Some(_) => self.hub.advance(place.clone()),
            None => self.hub.begin(place.clone(), self.reset.take()),
        }
        self.place = Some(place);
    }
}

/// Gives events to who wants them. All of them have their turn to write some of many, who would have
/// too much to write otherwise.
async fn publish(hub: &Hub, events: Vec<Event>) {
    for (index, event) in events.into_iter().enumerate() {
        hub.publish(event);
        if index % EVENTS_PER_TURN == EVENTS_PER_TURN - 1 {
            yield_now().await;
        }
    }
    yield_now().await;
}

/// How long an event took from the store to here.
fn note_lag(received_at: &str) {
    let Ok(received_at) = received_at.parse::<prost_types::Timestamp>() else {
        return;
    };
    let lag = SystemTime::try_from(received_at)
        .ok()
        .and_then(|at| at.elapsed().ok());
    histogram!("gateway_feed_lag_seconds").record(lag.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::hub::{Form, Found, Kept, Mailbox, Member, Routing};

    #[tokio::test]
    async fn who_reads_is_not_too_slow_for_a_burst() {
        const EVENTS: usize = 10_000;
        let kept = Kept {
            events: 1,
            bytes: 1_024,
            bare_topics: 0,
        };
        let (hub, mailbox) = (
            Hub::new(Routing::ToAll, kept),
            Mailbox::new(&Arc::default()),
        );
        let member = Member {
            mailbox: Arc::clone(&mailbox),
            number: 1,
            form: Form::Event,
            kind: None,
            after: i64::MIN,
            label: None,
        };
        hub.join("", member);
        let reader = tokio::spawn(async move {
            for read in 0..EVENTS {
                match poll_fn(|cx| mailbox.poll_take(cx)).await {
                    Found::Mail(_) => {}
                    Found::Close(_) => return read,
                }
            }
            EVENTS
        });
        // A batch is more than may wait.
        let event = |position| Event {
            position,
            message: "x".repeat(2_000).into(),
            ..Event::default()
        };
        // As they come after an outage: all are there already.
        for batch in 0..10 {
            let positions = batch * 1_000..(batch + 1) * 1_000;
            publish(&hub, positions.map(event).collect()).await;
        }
        assert_eq!(reader.await.ok(), Some(EVENTS));
    }
}
