//! `muster.presence.v1.PresenceService`.

use std::sync::Arc;

use muster_kit::Shutdown;
use muster_kit::stream::{UntilShutdown, until_shutdown};
use muster_proto::muster::presence::v1 as pb;
use pb::presence_service_server::PresenceService;
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::convert;
use super::events::{self, Batches};
use super::places::Places;
use super::session::{self, Told};
use crate::cursor::Cursor;
use crate::error::{BadField, Error};
use crate::replica::UserId;
use crate::roster::Roster;
use crate::user::User;

/// Sessions that are open at the same time.
const SESSIONS_MAX: usize = 10_000;
/// Streams of events that are open at the same time: each is told of everybody.
const EVENTS_MAX: usize = 64;
/// Users of one call.
const USERS_MAX: usize = 1000;
/// Users of a page, where the caller does not say.
const PAGE_USERS: usize = 100;
/// Clients take 4 MiB in a message, unless they ask for more.
const ANSWER_BYTES_MAX: usize = 3 * 1024 * 1024;

/// Presence of many users at once.
#[derive(Debug)]
pub struct Api {
    roster: Arc<Roster>,
    sessions: Places,
    events: Places,
    shutdown: Shutdown,
}

impl Api {
    /// Serves the roster; streams end with the shutdown.
    #[must_use]
    pub fn new(roster: Arc<Roster>, shutdown: Shutdown) -> Self {
        Self {
            roster,
            sessions: Places::new(SESSIONS_MAX, "sessions"),
            events: Places::new(EVENTS_MAX, "streams of events"),
            shutdown,
        }
    }

    /// The user behind whom a page begins.
    fn after(&self, page_token: &str) -> Result<Option<UserId>, Error> {
        if page_token.is_empty() {
            return Ok(None);
        }
        let no_token = || BadField::new("page_token", "not a page token");
        let cursor = Cursor::parse(page_token).ok_or_else(no_token)?;
        let number = self
            .roster
            .own_position(&cursor)
            .ok_or(Error::OtherReplica)?;
        let number = u32::try_from(number).map_err(|_| no_token())?;
        Ok(Some(UserId::of(number)))
    }
}

#[async_trait]
impl PresenceService for Api {
    type SessionStream = UntilShutdown<Told>;
    type WatchEventsStream = UntilShutdown<Batches>;

    async fn session(
        &self,
        request: Request<Streaming<pb::SessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let place = self.sessions.take()?;
        let told = session::told(self.roster.session(), request.into_inner(), place);
        Ok(Response::new(until_shutdown(told, &self.shutdown)))
    }

    async fn get_presence(
        &self,
        request: Request<pb::GetPresenceRequest>,
    ) -> Result<Response<pb::GetPresenceResponse>, Status> {
        let users = users(&request.get_ref().users)?;
        let known = self.roster.presences(&users, ANSWER_BYTES_MAX)?;
        let (users, votes): (Vec<_>, Vec<_>) = known.into_iter().unzip();
        Ok(Response::new(pb::GetPresenceResponse {
            users: users.into_iter().map(convert::presence).collect(),
            votes: votes.into_iter().map(convert::vote).collect(),
        }))
    }

    async fn list_online(
        &self,
        request: Request<pb::ListOnlineRequest>,
    ) -> Result<Response<pb::ListOnlineResponse>, Status> {
        let request = request.into_inner();
        let after = self.after(&request.page_token)?;
        let (users, next) = self.roster.online(after, page_size(request.page_size)?);
        let token = |next: UserId| self.roster.cursor(next.number().into()).to_string();
        Ok(Response::new(pb::ListOnlineResponse {
            users: users.into_iter().map(convert::presence).collect(),
            next_page_token: next.map(token).unwrap_or_default(),
        }))
    }

    async fn watch_events(
        &self,
        request: Request<pb::WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        let place = self.events.take()?;
        let cursor = Cursor::parse(&request.get_ref().cursor);
        let batches = events::batches(self.roster.events(cursor), place);
        Ok(Response::new(until_shutdown(batches, &self.shutdown)))
    }

    async fn list_replicas(
        &self,
        _request: Request<pb::ListReplicasRequest>,
    ) -> Result<Response<pb::ListReplicasResponse>, Status> {
        let replicas = self.roster.replicas().into_iter();
        Ok(Response::new(pb::ListReplicasResponse {
            replicas: replicas.map(convert::replica).collect(),
        }))
    }
}

fn users(names: &[String]) -> Result<Vec<User>, Error> {
    if names.len() > USERS_MAX {
        let why = format!("has {} users, at most {USERS_MAX} are taken", names.len());
        return Err(BadField::new("users", why).into());
    }
    let user = |(at, name): (usize, &String)| convert::user(&format!("users[{at}]"), name);
    let users: Result<_, BadField> = names.iter().enumerate().map(user).collect();
    Ok(users?)
}

fn page_size(page_size: u32) -> Result<usize, Error> {
    match page_size as usize {
        0 => Ok(PAGE_USERS),
        size if size <= USERS_MAX => Ok(size),
        size => {
            let why = format!("is {size}, at most {USERS_MAX} is taken");
            Err(BadField::new("page_size", why).into())
        }
    }
}
