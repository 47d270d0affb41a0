//! The live edge: WebSockets at `/` and `/ws`, server-sent events at `/events`.
//!
//! docs/live-protocol.md says what is spoken. Thousands of connections are there at one time and
//! mostly idle: one costs a task of some hundred bytes, and no buffer that it does not need now.

mod handshake;
mod pace;
mod places;
mod refused;
mod sending;
mod session;
mod socket;
mod sse;
mod stats;
mod traced;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use muster_kit::Shutdown;
use muster_kit::metrics::{Observed, observe};
use muster_kit::server::{Caller, HttpRoutes, Upgrade};
use tokio::time::sleep;

pub use self::places::Limits;
use self::places::Places;
use self::refused::Refused;
use self::session::Session;
use self::stats::Stats;
use crate::feed::Feeds;
use crate::hub::Mailbox;
use crate::identity::Identity;
use crate::online::Online;
use crate::web;

/// What all connections share.
pub struct Live {
    feeds: Feeds,
    online: Online,
    places: Places,
    stats: Stats,
    limits: Limits,
    _observed: Observed,
}

impl Live {
    /// The live edge of these events and of this presence. It closes all connections on a
    /// shutdown. Must be called within a runtime.
    pub fn start(feeds: Feeds, online: Online, limits: Limits, shutdown: &Shutdown) -> Arc<Live> {
        let places = Places::new(limits);
        let office = Arc::clone(places.office());
        let live = Arc::new(Live {
            feeds,
            online,
            places,
            _observed: observe(move || office.tell()),
            stats: Stats::new(limits.connections),
            limits,
        });
        let (closing, shutdown) = (Arc::clone(&live), shutdown.clone());
        tokio::spawn(async move {
            let rounds = closing.close_held();
            shutdown.run_until_cancelled(rounds).await;
            closing.places.close_all();
        });
        live
    }
}

/// How long a connection may have a page that it catches up with, and how often that is looked at.
/// There is room for a number of them only, and who does not read would have one for ever.
const PAGE_HELD: Duration = Duration::from_secs(30);
const PAGE_ROUND: Duration = Duration::from_secs(5);

impl Live {
    /// Closes connections that are too slow to catch up, for ever.
    async fn close_held(&self) {
        loop {
            sleep(PAGE_ROUND).await;
            self.places.close_held(PAGE_HELD);
        }
    }
}

/// The routes of the live edge; `/` shows the page to who asks for no WebSocket.
pub fn routes(live: Arc<Live>) -> HttpRoutes {
    let root = get(root).fallback(not_allowed);
    let ws = get(ws).fallback(not_allowed);
    let events = get(sse::events).fallback(not_allowed);
    HttpRoutes::new()
        .route("/", root)
        .route("/ws", ws)
        .route("/events", events)
        .with_state(live)
}

async fn root(State(live): State<Arc<Live>>, request: Request) -> Response {
    if handshake::is_wanted(request.headers()) {
        return upgrade(live, request).into_response();
    }
    web::index(request.headers())
}

async fn ws(State(live): State<Arc<Live>>, request: Request) -> Result<Response, Refused> {
    upgrade(live, request)
}

/// Makes a WebSocket of the connection, if there is a place for it.
fn upgrade(live: Arc<Live>, mut request: Request) -> Result<Response, Refused> {
    let accept = handshake::accept(request.headers())?;
    let upgrade = request.extensions_mut().remove::<Upgrade>();
    let upgrade = upgrade.ok_or_else(|| handshake::refusal("connection: expected HTTP/1.1"))?;
    let session = live.session(&request)?;
    upgrade.spawn(move |upgraded| socket::serve(session, upgraded));
    Ok(handshake::switch(&accept))
}

impl Live {
    /// The session of a new connection.
    fn session(self: &Arc<Live>, request: &Request) -> Result<Session, Refused> {
        let addr = request
            .extensions()
            .get::<Caller>()
            .map(|caller| caller.addr.ip());
        let mailbox = Mailbox::new(self.places.office());
        let place = self.places.take(addr, &mailbox).map_err(|full| {
            self.stats.refused();
            Refused::new(full.status(), full.to_string())
        })?;
        let identity = Identity::of(request.headers());
        Ok(Session::new(Arc::clone(self), identity, mailbox, place))
    }
}

async fn not_allowed() -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "served here: GET, HEAD")
}

#[cfg(test)]
mod tests;
