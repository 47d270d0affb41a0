//! One connection: what it is subscribed to, and what is to be written to it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use muster_proto::muster::activity::v1::event_filter::Topics;

use super::Live;
use super::places::Place;
use crate::feed::{CatchUp, Feed, Source, Told, USER_TOPICS};
use crate::hub::{self, Form, Found, Mail, Mailbox, Mark, Member};
use crate::identity::Identity;
use crate::online::{Monitoring, Present};
use crate::protocol::{BadRequest, MAX_SUBSCRIPTIONS, Request, Selection, UserId, frames};

/// The most feeds beside that of the users that one connection may follow: all have a share of
/// those that there may be.
const MAX_FEEDS: usize = 16;

/// A connection, whatever it is written to.
pub(super) struct Session {
    pub(super) live: Arc<Live>,
    identity: Identity,
    mailbox: Arc<Mailbox>,
    subscriptions: Vec<Subscription>,
    last_number: u32,
    catching_up: Option<CatchingUp>,
    /// They catch up one after the other.
    waiting: VecDeque<CatchUp>,
    monitoring: Option<Monitoring>,
    /// To be written before anything in the mailbox.
    out: VecDeque<Mail>,
    _place: Place,
}

struct Subscription {
    number: u32,
    selection: Selection,
    feed: Arc<Feed>,
    present: Option<Present>,
}

/// The subscription that catches up now.
struct CatchingUp {
    number: u32,
    label: Arc<str>,
    told: Pin<Box<dyn Stream<Item = Told> + Send>>,
}

impl Session {
    pub(super) fn new(
        live: Arc<Live>,
        identity: Identity,
        mailbox: Arc<Mailbox>,
        place: Place,
    ) -> Session {
        Session {
            live,
            identity,
            mailbox,
            subscriptions: Vec::new(),
            last_number: 0,
            catching_up: None,
            waiting: VecDeque::new(),
            monitoring: None,
            out: VecDeque::new(),
            _place: place,
        }
    }

    /// Does what a client asks for.
    ///
    /// # Errors
    /// What is wrong with it; nothing is done then.
    pub(super) fn request(&mut self, request: Request) -> Result<(), BadRequest> {
        match request {
            Request::Subscribe { selection, after } => {
                let marks = after.is_some() || !matches!(selection, Selection::User(_));
                self.subscribe(selection, after, marks)
            }
            Request::Unsubscribe(selection) => {
                self.unsubscribe(&selection);
                Ok(())
            }
            Request::Monitor(users) => self.monitor(users),
            Request::Ping => {
                self.tell(frames::pong());
                Ok(())
            }
        }
    }

    /// Subscribes, and with `marks` tells how the subscription goes on as well.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn subscribe(
        &mut self,
        selection: Selection,
        after: Option<String>,
        marks: bool,
    ) -> Result<(), BadRequest> {
        self.identity.may_subscribe(&selection)?;
        let place = match after.as_deref() {
            None | Some("") => None,
            Some(cursor) => Some(hub::Place::parse(cursor).ok_or_else(no_cursor)?),
        };
        if after.is_none() && self.find(&selection).is_some() {
            return Ok(());
        }
        // Again, it keeps what it has: another place for the user may not be free.
        let (feed, present) = match self.unsubscribe(&selection) {
            Some(known) => (known.feed, known.present),
            None => (self.feed(&selection)?, self.enter(&selection)?),
        };
        let label = selection.label();
        tracing::info!(
            subscription = label,
            resumed = after.is_some(),
            "Subscription received"
        );
        let member = self.member(&selection, marks.then(|| label.into()));
        if self.subscriptions.is_empty() {
            self.subscriptions.reserve_exact(1);
        }
        self.subscriptions.push(Subscription {
            number: member.number,
            selection: selection.clone(),
            feed: Arc::clone(&feed),
            present,
        });
        self.live.stats.subscriptions.increment(1);
        if marks {
            self.waiting.push_back(CatchUp {
                activity: self.live.feeds.activity().clone(),
                topics: topics(&selection),
                topic: topic(&selection),
                feed,
                member,
                place,
                from_now: after.is_none(),
            });
        } else {
            feed.hub.join(&topic(&selection), member);
        }
        Ok(())
    }

    /// The feed of one more subscription.
    fn feed(&self, selection: &Selection) -> Result<Arc<Feed>, BadRequest> {
        let full = |why: String| Err(BadRequest::field(field(selection), why));
        if self.subscriptions.len() >= MAX_SUBSCRIPTIONS {
            return full(format!(
                "the connection has {MAX_SUBSCRIPTIONS} subscriptions already"
            ));
        }
        let (feeds, source) = (&self.live.feeds, source(selection));
        let is_other = |known: &&Subscription| !Arc::ptr_eq(&known.feed, feeds.users());
        let others = self.subscriptions.iter().filter(is_other).count();
        if source != Source::Users && others >= MAX_FEEDS {
            return full(format!(
                "the connection follows {MAX_FEEDS} topics and prefixes already"
            ));
        }
        feeds.get(source).or_else(|many| full(many.to_string()))
    }

    /// Makes the user of a subscription online.
    fn enter(&self, selection: &Selection) -> Result<Option<Present>, BadRequest> {
        let Selection::User(user) = selection else {
            return Ok(None);
        };
        let most = self.live.limits.per_user;
        self.live.online.enter(*user, most).map(Some)
    }

    fn member(&mut self, selection: &Selection, label: Option<Arc<str>>) -> Member {
        self.last_number += 1;
        let (form, kind) = match selection {
            Selection::User(_) => (Form::Message, None),
            Selection::Topic { kind, .. } | Selection::Prefix { kind, .. } => {
                (Form::Event, kind.as_deref().map(Box::from))
            }
        };
        Member {
            mailbox: Arc::clone(&self.mailbox),
            number: self.last_number,
            form,
            kind,
            after: i64::MIN,
            label,
        }
    }

    fn find(&self, selection: &Selection) -> Option<usize> {
        let is_it = |known: &Subscription| known.selection == *selection;
        self.subscriptions.iter().position(is_it)
    }

    /// Ends a subscription, if it is there: nothing more is told for it.
    fn unsubscribe(&mut self, selection: &Selection) -> Option<Subscription> {
        let index = self.find(selection)?;
        let subscription = self.subscriptions.swap_remove(index);
        self.leave(&subscription);
        let number = subscription.number;
        self.mailbox.forget(number);
        self.out.retain(|mail| mail.subscription() != Some(number));
        Some(subscription)
    }

    /// The number of the only subscription there is.
    pub(super) fn only(&self) -> Option<u32> {
        match &*self.subscriptions {
            [subscription] => Some(subscription.number),
            _ => None,
        }
    }

    fn leave(&mut self, subscription: &Subscription) {
        let number = subscription.number;
        self.waiting
            .retain(|waiting| waiting.member.number != number);
        if self
            .catching_up
            .as_ref()
            .is_some_and(|now| now.number == number)
        {
            self.catching_up = None;
        }
        let hub = &subscription.feed.hub;
        hub.leave(&topic(&subscription.selection), &self.mailbox, number);
        self.live.stats.subscriptions.decrement(1);
    }

    fn monitor(&mut self, users: Vec<UserId>) -> Result<(), BadRequest> {
        self.identity.may_monitor(&users)?;
        let monitoring = match users.is_empty() {
            true => None,
            false => Some(self.live.online.monitor(&self.mailbox, users)?),
        };
        self.monitoring = monitoring;
        Ok(())
    }

    /// Tells the client something.
    pub(super) fn tell(&mut self, frame: crate::protocol::Frame) {
        self.out.push_back(Mail::Frame(frame));
    }

    /// How much is to be told that was asked for, and not written yet.
    pub(super) fn backlog(&self) -> usize {
        self.out.len()
    }

    /// What is to be written next, or why the connection is to be closed.
    pub(super) fn poll_mail(&mut self, cx: &mut Context<'_>) -> Poll<Found> {
        while !self.out.is_empty() || self.is_catching_up() {
            if let Some(close) = self.mailbox.poll_closed(cx) {
                return Poll::Ready(Found::Close(close));
            }
            if let Some(mail) = self.take_out().or_else(|| self.mailbox.take_of_page()) {
                return Poll::Ready(Found::Mail(mail));
            }
            if self.poll_catch_up(cx).is_pending() {
                break;
            }
        }
        self.mailbox.poll_take(cx)
    }

    fn take_out(&mut self) -> Option<Mail> {
        let mail = self.out.pop_front()?;
        if self.out.is_empty() {
            self.out = VecDeque::new();
        }
        Some(mail)
    }

    fn is_catching_up(&self) -> bool {
        self.catching_up.is_some() || !self.waiting.is_empty()
    }

    /// Whether the connection is to be closed, for one that cannot be written to now. What it reads
    /// is read to the end, for others wait for their turn.
    pub(super) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Option<hub::Close> {
        while self.is_catching_up() && !self.mailbox.has_page() {
            if self.poll_catch_up(cx).is_pending() {
                break;
            }
        }
        self.mailbox.poll_closed(cx)
    }

    /// Nothing more is to be told.
    pub(super) fn stop(&mut self) {
        self.catching_up = None;
        (self.waiting, self.out) = (VecDeque::new(), VecDeque::new());
    }

    /// Goes on with what catches up; ready while there may be more to do.
    fn poll_catch_up(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.catching_up.is_none() {
            self.catching_up = self.waiting.pop_front().map(CatchingUp::begin);
        }
        let Some(now) = &mut self.catching_up else {
            return Poll::Pending;
        };
        let mark = match ready!(now.told.as_mut().poll_next(cx)) {
            Some(Told::Missed(reset, page)) => {
                // What is in `out` is told before it.
                self.mailbox.put(page);
                reset.map(|(reason, place)| {
                    let cursor = place.to_string().into();
                    Mark::reset(reason, &cursor, &now.label, now.number)
                })
            }
            Some(Told::Live(cursor)) => Some(Mark::live(&cursor, &now.label, now.number)),
            Some(Told::Refused(why)) => {
                let number = now.number;
                self.refuse(number, why);
                None
            }
            None => {
                self.catching_up = None;
                None
            }
        };
        self.out.extend(mark.map(Mail::Mark));
        Poll::Ready(())
    }

    /// The activity service refuses a subscription: there is none.
    fn refuse(&mut self, number: u32, why: String) {
        let is_it = |subscription: &Subscription| subscription.number == number;
        if let Some(index) = self.subscriptions.iter().position(is_it) {
            let subscription = self.subscriptions.swap_remove(index);
            self.leave(&subscription);
            let bad = BadRequest::field(field(&subscription.selection), why);
            self.tell(frames::error(&bad));
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for subscription in std::mem::take(&mut self.subscriptions) {
            self.leave(&subscription);
        }
    }
}

impl CatchingUp {
    fn begin(catch_up: CatchUp) -> CatchingUp {
        let member = &catch_up.member;
        CatchingUp {
            number: member.number,
            // Only who is told of marks catches up.
            label: member.label.clone().unwrap_or_default(),
            told: catch_up.told(),
        }
    }
}

/// What brings the events of a selection.
fn source(selection: &Selection) -> Source {
    match selection {
        Selection::User(_) => Source::Users,
        Selection::Topic { topic, .. } => Source::of_topic(topic),
        Selection::Prefix { prefix, .. } => Source::Prefix(prefix.clone()),
    }
}

fn no_cursor() -> BadRequest {
    BadRequest::field("after", "not a cursor")
}

/// The field that names a selection.
fn field(selection: &Selection) -> &'static str {
    match selection {
        Selection::User(_) => "user_id",
        Selection::Topic { .. } => "topic",
        Selection::Prefix { .. } => "topic_prefix",
    }
}

/// What a selection is to its hub.
fn topic(selection: &Selection) -> String {
    match selection {
        Selection::User(user) => format!("{USER_TOPICS}{user}"),
        Selection::Topic { topic: name, .. } | Selection::Prefix { prefix: name, .. } => {
            name.clone()
        }
    }
}

/// What it is to the activity service.
fn topics(selection: &Selection) -> Topics {
    match selection {
        Selection::Prefix { prefix, .. } => Topics::TopicPrefix(prefix.clone()),
        _ => Topics::Topic(topic(selection)),
    }
}
