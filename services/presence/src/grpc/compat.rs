//! `cloudstate.samples.chat.presence.Presence`: the contract that existing clients speak.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use muster_kit::Shutdown;
use muster_kit::stream::{UntilShutdown, until_shutdown};
use muster_proto::compat::presence::presence_server::Presence;
use muster_proto::compat::presence::{Empty, OnlineStatus, User as UserMessage};
use tonic::{Request, Response, Status, async_trait};

use super::places::{Place, Places};
use crate::error::{BadField, Error};
use crate::roster::{Connection, Monitor, Roster};
use crate::user::User;

/// The contract that existing clients speak.
#[derive(Debug)]
pub struct Compat {
    roster: Arc<Roster>,
    streams: Places,
    shutdown: Shutdown,
}

impl Compat {
    /// Serves the roster with at most so many streams, all of which end with the shutdown.
    #[must_use]
    pub fn new(roster: Arc<Roster>, streams_max: usize, shutdown: Shutdown) -> Self {
        Self {
            roster,
            streams: Places::new(streams_max, "streams"),
            shutdown,
        }
    }
}

#[async_trait]
impl Presence for Compat {
    type ConnectStream = UntilShutdown<Silence>;
    type MonitorStream = UntilShutdown<News>;

    async fn connect(
        &self,
        request: Request<UserMessage>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let user = user(&request)?;
        let place = self.streams.take()?;
        let silence = Silence {
            _connection: self.roster.connect(&user)?,
            _place: place,
        };
        Ok(Response::new(until_shutdown(silence, &self.shutdown)))
    }

    async fn monitor(
        &self,
        request: Request<UserMessage>,
    ) -> Result<Response<Self::MonitorStream>, Status> {
        let user = user(&request)?;
        let place = self.streams.take()?;
        let news = News {
            monitor: self.roster.monitor(&user),
            _place: place,
        };
        Ok(Response::new(until_shutdown(news, &self.shutdown)))
    }
}

fn user(request: &Request<UserMessage>) -> Result<User, Error> {
    let user = User::parse(&request.get_ref().name);
    Ok(user.map_err(|why| BadField::new("name", why))?)
}

/// A stream that sends nothing; while it is open, its user is connected.
#[derive(Debug)]
pub struct Silence {
    _connection: Connection,
    _place: Place,
}

impl Stream for Silence {
    type Item = Result<Empty, Status>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // Nothing ever wakes it: it ends by being dropped.
        Poll::Pending
    }
}

/// What a monitor is told.
#[derive(Debug)]
pub struct News {
    monitor: Monitor,
    _place: Place,
}

impl Stream for News {
    type Item = Result<OnlineStatus, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let told = self.monitor.poll_next(cx);
        told.map(|online| Some(Ok(OnlineStatus { online })))
    }
}
