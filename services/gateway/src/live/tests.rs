//! Sessions without a socket.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use muster_kit::channel::Channel;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::*;
use crate::feed::Activity;
use crate::hub::{Close, Event, Found, Place};
use crate::protocol::Request as Asked;

const STORE: &str = "00000000000000000000000000000007";
const LIMITS: Limits = Limits {
    connections: 9,
    per_addr: 9,
    per_user: 1,
};

/// A live edge whose feed has begun, at the beginning of a store.
fn live() -> Arc<Live> {
    // Nobody is there: what is told here comes from the hub alone.
    let activity = Activity::new(Channel::to("127.0.0.1:1"));
    let (feeds, shutdown) = (Feeds::new(activity), Shutdown::default());
    feeds.users().hub.begin(place(0), None);
    Live::start(feeds, Online::default(), LIMITS, &shutdown)
}

fn place(position: i64) -> Place {
    Place {
        store: STORE.into(),
        position,
    }
}

fn session(live: &Arc<Live>) -> Session {
    let mailbox = Mailbox::new(live.places.office());
    let place = live.places.take(None, &mailbox).unwrap();
    Session::new(Arc::clone(live), Identity::Believed, mailbox, place)
}

/// Something happens to user 1.
fn publish(live: &Live, position: i64) {
    live.feeds.users().hub.publish(Event {
        position,
        cursor: place(position).to_string().into(),
        topic: "user/1".into(),
        message: position.to_string().into(),
        ..Event::default()
    });
}

fn ask(session: &mut Session, request: Value) {
    let request = Asked::parse(&request.to_string()).unwrap();
    session.request(request).unwrap();
}

fn subscribe(session: &mut Session, after: i64) {
    let after = place(after).to_string();
    ask(
        session,
        json!({"type": "subscribe", "user_id": 1, "after": after}),
    );
}

/// What is there to be written: messages, and the types of other frames.
fn told(session: &mut Session) -> Vec<String> {
    let mut cx = Context::from_waker(Waker::noop());
    let next = || match session.poll_mail(&mut cx) {
        Poll::Ready(Found::Mail(mail)) => {
            let frame: Value = serde_json::from_slice(mail.frame().payload()).unwrap();
            let text = frame["message"].as_str().or_else(|| frame["type"].as_str());
            Some(text.unwrap().to_owned())
        }
        Poll::Ready(Found::Close(why)) => panic!("{why:?}"),
        Poll::Pending => None,
    };
    std::iter::from_fn(next).collect()
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_what_it_catches_up_with_is_closed() {
    let live = live();
    (1..=3).for_each(|position| publish(&live, position));
    let (mut slow, mut quick) = (session(&live), session(&live));
    subscribe(&mut slow, 0);
    ask(&mut quick, json!({"type": "subscribe", "topic": "user/1"}));
    told(&mut quick);
    let closed = poll_fn(|cx| match slow.poll_closed(cx) {
        Some(why) => Poll::Ready(why),
        None => Poll::Pending,
    });
    let closed = timeout(2 * PAGE_HELD, closed).await;
    assert_eq!(closed, Ok(Close::TooSlow));
    publish(&live, 4);
    assert_eq!(told(&mut quick).len(), 1, "who reads stays");
}

#[tokio::test]
async fn who_subscribes_again_is_told_only_what_comes_after_the_new_cursor() {
    let live = live();
    let mut session = session(&live);
    subscribe(&mut session, 0);
    assert_eq!(told(&mut session), ["live"]);
    (1..=3).for_each(|position| publish(&live, position));
    subscribe(&mut session, 1);
    assert_eq!(told(&mut session), ["2", "3", "live"]);
    publish(&live, 4);
    assert_eq!(told(&mut session), ["4"]);
}

#[tokio::test]
async fn who_subscribes_again_on_the_way_begins_again() {
    let live = live();
    let mut session = session(&live);
    (1..=3).for_each(|position| publish(&live, position));
    subscribe(&mut session, 0);
    let first = poll_fn(|cx| session.poll_mail(cx)).await;
    assert!(matches!(first, Found::Mail(_)), "{first:?}");
    subscribe(&mut session, 1);
    assert_eq!(told(&mut session), ["2", "3", "live"]);
}

#[tokio::test]
async fn who_has_unsubscribed_is_told_nothing_of_what_waited() {
    let live = live();
    let mut session = session(&live);
    ask(&mut session, json!({"type": "subscribe", "user_id": 1}));
    (1..=3).for_each(|position| publish(&live, position));
    ask(&mut session, json!({"type": "unsubscribe", "user_id": 1}));
    publish(&live, 4);
    ask(&mut session, json!({"type": "ping"}));
    assert_eq!(told(&mut session), ["pong"]);
}
