//! The tail that feeds a hub.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use metrics::{counter, histogram};
use muster_kit::backoff::Backoff;
use muster_proto::muster::activity::v1::event_filter::Topics;
use tokio::time::sleep;
use tonic::Status;

use super::activity::{Activity, News, news};
use crate::hub::{Hub, Place};
use crate::protocol::Reason;

const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(2);

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
                    events.into_iter().for_each(|event| self.hub.publish(event));
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
