//! `cloudstate.samples.chat.presence.Presence`: streams in, the roster behind them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::{Stream, stream};
use muster_kit::Shutdown;
use muster_kit::stream::{UntilShutdown, until_shutdown};
use muster_proto::compat::presence::presence_server::Presence;
use muster_proto::compat::presence::{Empty, OnlineStatus, User as UserMessage};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Request, Response, Status, async_trait};

use crate::error::Error;
use crate::roster::{Connection, Monitor, Roster};
use crate::user::User;

/// The contract that existing clients speak.
#[derive(Debug)]
pub struct Compat {
    roster: Arc<Roster>,
    streams_max: usize,
    streams: Arc<Semaphore>,
    shutdown: Shutdown,
}

impl Compat {
    /// Serves the roster with at most so many streams, all of which end with the shutdown.
    #[must_use]
    pub fn new(roster: Arc<Roster>, streams_max: usize, shutdown: Shutdown) -> Self {
        Self {
            roster,
            streams_max,
            streams: Arc::new(Semaphore::new(streams_max)),
            shutdown,
        }
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        let place = Arc::clone(&self.streams).try_acquire_owned();
        place.map_err(|_| Error::Full {
            max: self.streams_max,
        })
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
        let place = self.place()?;
        let silence = Silence {
            _connection: self.roster.connect(user),
            _place: place,
        };
        Ok(Response::new(until_shutdown(silence, &self.shutdown)))
    }

    async fn monitor(
        &self,
        request: Request<UserMessage>,
    ) -> Result<Response<Self::MonitorStream>, Status> {
        let user = user(&request)?;
        let place = self.place()?;
        let news = news(self.roster.monitor(user), place);
        Ok(Response::new(until_shutdown(news, &self.shutdown)))
    }
}

fn user(request: &Request<UserMessage>) -> Result<User, Error> {
    Ok(User::parse(&request.get_ref().name)?)
}

/// A stream that sends nothing; while it is open, its user is connected.
#[derive(Debug)]
pub struct Silence {
    _connection: Connection,
    _place: OwnedSemaphorePermit,
}

impl Stream for Silence {
    type Item = Result<Empty, Status>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // Nothing ever wakes it: it ends by being dropped.
        Poll::Pending
    }
}

/// What a monitor is told, as messages.
type News = Pin<Box<dyn Stream<Item = Result<OnlineStatus, Status>> + Send>>;

fn news(monitor: Monitor, place: OwnedSemaphorePermit) -> News {
    Box::pin(stream::unfold(
        (monitor, place),
        |(mut monitor, place)| async {
            let online = monitor.next().await?;
            Some((Ok(OnlineStatus { online }), (monitor, place)))
        },
    ))
}
