//! Does what a request asks for, and tells what became of it.

use muster_proto::muster::presence::v1 as pb;
use pb::session_request::Action;
use pb::session_response::News as Kind;
use tokio::task::yield_now;

use super::news::{News, response};
use super::refusals::Refusals;
use crate::cursor::Cursor;
use crate::error::{BadField, Error};
use crate::grpc::convert;
use crate::roster::{CHUNK, Session, Watching};
use crate::user::User;

/// Devices of one request.
const DEVICES_MAX: usize = 10_000;

/// What becomes of each part.
type Done = Vec<Result<(), Error>>;

pub(super) async fn answer(news: &mut News, request: pb::SessionRequest) -> pb::SessionResponse {
    let id = request.request_id;
    let refusals = match request.action {
        Some(Action::Connect(connect)) => connected(&news.session, connect).await,
        Some(Action::Disconnect(disconnect)) => disconnected(&news.session, disconnect).await,
        Some(Action::Watch(watch)) => {
            let (watching, refusals) = watched(&news.session, watch).await;
            news.begin_snapshot(id, watching);
            refusals
        }
        Some(Action::Unwatch(unwatch)) => unwatched(&news.session, unwatch).await,
        None => Refusals::of_field(BadField::new("action", "required")),
    };
    response(Kind::Outcome(refusals.outcome(id)))
}

async fn connected(session: &Session, connect: pb::Connect) -> Refusals {
    let mut parts = Parts::new("connect.connections", connect.connections, DEVICES_MAX);
    while let Some(arrivals) = parts.next(convert::arrival) {
        parts.done(session.connect(arrivals));
        yield_now().await;
    }
    parts.refusals
}

async fn disconnected(session: &Session, disconnect: pb::Disconnect) -> Refusals {
    let mut parts = Parts::new("disconnect.devices", disconnect.devices, DEVICES_MAX);
    while let Some(departures) = parts.next(convert::departure) {
        session.disconnect(&departures);
        yield_now().await;
    }
    parts.refusals
}

async fn watched(session: &Session, watch: pb::Watch) -> (Watching, Refusals) {
    let cursor = Cursor::parse(&watch.cursor);
    let mut watching = session.begin_watch(cursor, watch.replace);
    let mut parts = Parts::new("watch.users", watch.users, usize::MAX);
    while let Some(users) = parts.next(user) {
        parts.done(session.watch(&mut watching, &users));
        yield_now().await;
    }
    while session.forget_replaced() {
        yield_now().await;
    }
    (watching, parts.refusals)
}

async fn unwatched(session: &Session, unwatch: pb::Unwatch) -> Refusals {
    let mut parts = Parts::new("unwatch.users", unwatch.users, usize::MAX);
    while let Some(users) = parts.next(user) {
        session.unwatch(&users);
        yield_now().await;
    }
    parts.refusals
}

fn user(name: String) -> Result<User, BadField> {
    convert::user("", &name)
}

/// The parts of a request, some at a time: others want their turn too.
struct Parts<P> {
    left: std::iter::Enumerate<std::vec::IntoIter<P>>,
    max: usize,
    /// Where those stand in the request that were taken last.
    taken: Vec<usize>,
    refusals: Refusals,
}

impl<P> Parts<P> {
    /// Of a list in the request, of which at most `max` are done.
    fn new(list: &'static str, parts: Vec<P>, max: usize) -> Self {
        Self {
            left: parts.into_iter().enumerate(),
            max,
            taken: Vec::new(),
            refusals: Refusals::of_list(list),
        }
    }

    /// The next ones that are good; none: that was all.
    fn next<D>(&mut self, parse: impl Fn(P) -> Result<D, BadField>) -> Option<Vec<D>> {
        self.taken.clear();
        let mut good = Vec::new();
        for (at, part) in self.left.by_ref().take(CHUNK) {
            let max = self.max;
            let parsed = match at < max {
                true => parse(part).map_err(Error::from),
                false => Err(Error::TooManyParts { max }),
            };
            match parsed {
                Ok(part) => {
                    self.taken.push(at);
                    good.push(part);
                }
                Err(error) => self.refusals.add(at, error),
            }
        }
        (!good.is_empty() || self.left.len() > 0).then_some(good)
    }

    /// What became of those that were taken last.
    fn done(&mut self, done: Done) {
        for (at, result) in self.taken.iter().zip(done) {
            if let Err(error) = result {
                self.refusals.add(*at, error);
            }
        }
    }
}
