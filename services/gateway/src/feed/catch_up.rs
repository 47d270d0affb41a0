//! The way of one subscription from where its client is to what comes now.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use metrics::counter;
use muster_kit::backoff::Backoff;
use muster_proto::muster::activity::v1::event_filter::Topics;
use tokio::time::sleep;
use tonic::Status;

use super::Feed;
use super::activity::{self, Activity, may_succeed_later};
use crate::hub::{Event, Member, Page, Place, Step};
use crate::protocol::Reason;

const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(2);

/// A subscription on its way.
pub struct CatchUp {
    /// What feeds it afterwards.
    pub feed: Arc<Feed>,
    /// The service that keeps the events.
    pub activity: Activity,
    /// Which topic it is to the hub.
    pub topic: String,
    /// Which topics they are to the service.
    pub topics: Topics,
    /// As it joins in the end.
    pub member: Member,
    /// Where the client is; `None`: at the first event that is kept.
    pub place: Option<Place>,
    /// Where to begin where the client is nowhere: with what comes from now on.
    pub from_now: bool,
}

/// What the subscriber is told on the way.
#[derive(Debug)]
pub enum Told {
    /// Some of the events that it missed; in front of them where it goes on, if what lay between
    /// is not to be had.
    Missed(Option<(Reason, Place)>, Page),
    /// It is live from this cursor on, and joined: the end.
    Live(Arc<str>),
    /// The service refuses the request: the end.
    Refused(String),
}

/// How far it is.
struct Way {
    catch_up: CatchUp,
    /// The store was asked.
    has_read: bool,
    /// The store has more behind what it told last: whoever joined now would be live too early.
    is_cut: bool,
    backoff: Backoff,
    is_over: bool,
}

impl CatchUp {
    /// Begins. Nothing is read before it is asked for.
    pub fn told(self) -> Pin<Box<dyn Stream<Item = Told> + Send>> {
        let way = Way {
            catch_up: self,
            has_read: false,
            is_cut: false,
            backoff: Backoff::new(FIRST_RETRY, LONGEST_RETRY),
            is_over: false,
        };
        Box::pin(stream::unfold(way, |mut way| async {
            let told = way.tell().await?;
            Some((told, way))
        }))
    }

    /// As far as the hub knows.
    fn step(&self) -> Step {
        match &self.place {
            Some(place) => self.feed.hub.step(&self.topic, place, &self.member),
            None => Step::Unknown,
        }
    }

    async fn page(&self) -> Result<activity::Page, Status> {
        counter!("gateway_store_reads_total").increment(1);
        let cursor = self
            .place
            .as_ref()
            .map(Place::to_string)
            .unwrap_or_default();
        let kind = self.member.kind.as_deref();
        self.activity.page(self.topics.clone(), kind, cursor).await
    }
}

impl Way {
    /// What is told next; `None` at the end.
    async fn tell(&mut self) -> Option<Told> {
        if self.is_over {
            return None;
        }
        self.catch_up.feed.hub.begun().await;
        if self.catch_up.from_now {
            return self.join_now().map(|cursor| self.live(cursor));
        }
        let mut was_in_vain = false;
        loop {
            let step = match self.is_cut {
                true => Step::Unknown,
                false => self.catch_up.step(),
            };
            match step {
                Step::Joined(cursor) => return Some(self.live(cursor)),
                Step::Missed(events) => {
                    let page = self.pass(events);
                    if !page.is_empty() {
                        return Some(Told::Missed(None, page));
                    }
                }
                // The store is away, or the feed is late: either takes its time.
                Step::Unknown if was_in_vain => {
                    sleep(self.backoff.delay()).await;
                    was_in_vain = false;
                }
                Step::Unknown => match self.read().await {
                    None => was_in_vain = true,
                    told => return told,
                },
            }
        }
    }

    fn join_now(&mut self) -> Option<Arc<str>> {
        let CatchUp {
            feed,
            topic,
            member,
            ..
        } = &self.catch_up;
        feed.hub.join(topic, member.clone())
    }

    fn live(&mut self, cursor: Arc<str>) -> Told {
        self.is_over = true;
        let from = if self.has_read { "store" } else { "memory" };
        counter!("gateway_catch_ups_total", "from" => from).increment(1);
        Told::Live(cursor)
    }

    /// Goes on behind the events; those that are wanted.
    fn pass(&mut self, mut events: Vec<Arc<Event>>) -> Page {
        if let (Some(place), Some(last)) = (&mut self.catch_up.place, events.last()) {
            place.position = last.position;
        }
        let member = &self.catch_up.member;
        events.retain(|event| member.wants(event));
        Page::new(member, events, None)
    }

    /// Reads on from the store; what is to be told of it, if it is anything.
    async fn read(&mut self) -> Option<Told> {
        self.has_read = true;
        let page = match self.catch_up.page().await {
            Ok(page) => page,
            Err(status) if may_succeed_later(&status) => return None,
            Err(status) => {
                self.is_over = true;
                return Some(Told::Refused(status.message().to_owned()));
            }
        };
        // The store has told all up to there: so far the hub need not.
        self.is_cut = page.is_cut;
        self.catch_up.member.after = page.place.position;
        self.catch_up.place = Some(page.place);
        if page.events.is_empty() && page.reset.is_none() {
            return None;
        }
        self.backoff.reset();
        let missed = Page::new(&self.catch_up.member, page.events, Some(page.room));
        Some(Told::Missed(page.reset, missed))
    }
}
