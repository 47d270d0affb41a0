//! One connection: what it is subscribed to, and what is to be written to it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use muster_proto::muster::activity::v1::event_filter::Topics;

use super::Live;
use super::places::Place;
use crate::feed::{CatchUp, Feed, Told, USER_TOPICS};
use crate::hub::{self, Form, Found, Mail, Mailbox, Mark, Member};
use crate::identity::Identity;
use crate::online::{Monitoring, Present};
use crate::protocol::{BadRequest, MAX_SUBSCRIPTIONS, Request, Selection, UserId, frames};

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
    _present: Option<Present>,
}

/// The subscription that catches up now.
struct CatchingUp {
    number: u32,
    form: Form,
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
        let is_there = self
            .subscriptions
            .iter()
            .any(|known| known.selection == selection);
        if is_there && after.is_none() {
            return Ok(());
        }
        if !is_there && self.subscriptions.len() >= MAX_SUBSCRIPTIONS {
            let why = format!("the connection has {MAX_SUBSCRIPTIONS} subscriptions already");
            return Err(BadRequest::field(field(&selection), why));
        }
        let feed = self.feed(&selection)?;
        let present = match &selection {
            Selection::User(user) => {
                Some(self.live.online.enter(*user, self.live.limits.per_user)?)
            }
            _ => None,
        };
        self.unsubscribe(&selection);
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
            _present: present,
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

    fn feed(&self, selection: &Selection) -> Result<Arc<Feed>, BadRequest> {
        let feeds = &self.live.feeds;
        let feed = match selection {
            Selection::User(_) => return Ok(Arc::clone(feeds.users())),
            Selection::Topic { topic, .. } => feeds.topic(topic),
            Selection::Prefix { prefix, .. } => feeds.prefix(prefix),
        };
        feed.map_err(|full| BadRequest::field(field(selection), full.to_string()))
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

    fn unsubscribe(&mut self, selection: &Selection) {
        let is_it = |subscription: &Subscription| subscription.selection == *selection;
        if let Some(index) = self.subscriptions.iter().position(is_it) {
            let subscription = self.subscriptions.swap_remove(index);
            self.leave(&subscription);
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
        while !self.out.is_empty() || self.poll_catch_up(cx).is_ready() {
            if let Some(close) = self.mailbox.poll_closed(cx) {
                return Poll::Ready(Found::Close(close));
            }
            if let Some(mail) = self.out.pop_front() {
                if self.out.is_empty() {
                    self.out = VecDeque::new();
                }
                return Poll::Ready(Found::Mail(mail));
            }
        }
        self.mailbox.poll_take(cx)
    }

    /// Whether the connection is to be closed, for one that cannot be written to now.
    pub(super) fn poll_closed(&self, cx: &mut Context<'_>) -> Option<hub::Close> {
        self.mailbox.poll_closed(cx)
    }

    /// Goes on with what catches up; ready while there may be more to do.
    fn poll_catch_up(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.catching_up.is_none() {
            self.catching_up = self.waiting.pop_front().map(CatchingUp::begin);
        }
        let Some(now) = &mut self.catching_up else {
            return Poll::Pending;
        };
        let (number, form) = (now.number, now.form);
        match ready!(now.told.as_mut().poll_next(cx)) {
            Some(Told::Events(events)) => {
                let mails = events.into_iter().map(|event| Mail::Event(event, form));
                self.out.extend(mails);
            }
            Some(Told::Reset(reason, place)) => {
                let cursor = place.to_string().into();
                let mark = Mark::reset(reason, &cursor, &now.label);
                self.out.push_back(Mail::Mark(mark));
            }
            Some(Told::Live(cursor)) => {
                let mark = Mark::live(&cursor, &now.label);
                self.out.push_back(Mail::Mark(mark));
            }
            Some(Told::Refused(why)) => self.refuse(number, why),
            None => self.catching_up = None,
        }
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
            form: member.form,
            // Only who is told of marks catches up.
            label: member.label.clone().unwrap_or_default(),
            told: catch_up.told(),
        }
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
