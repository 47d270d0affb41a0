//! Stores that do the same, each on a free port with a folder of its own, killed when dropped.

use std::path::PathBuf;

use bytes::Bytes;
use muster_testkit::run;
use tokio::process::Command;

pub(crate) use self::nats::Nats;
pub(crate) use self::postgres::{Postgres, program as postgres_program};
pub(crate) use self::redis::Redis;
use crate::activity::event::Event;
use crate::activity::pipeline::{Pipeline, Request, deal, drive_all};
use crate::failure::Failure;

pub(crate) mod disk;
pub(crate) mod grpc;
mod nats;
mod postgres;
mod redis;

/// Which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// nats-server, JetStream on one replica, `sync_interval: always`.
    Nats,
    /// PostgreSQL, `ON CONFLICT DO NOTHING`.
    Postgres,
    /// Redis, `appendfsync always`: SADD, then XADD, in Lua.
    Redis,
}

/// A running store.
pub(crate) enum Peer {
    Nats(Nats),
    Postgres(Postgres),
    Redis(Redis),
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Nats => "NATS JetStream, sync always",
            Kind::Postgres => "PostgreSQL",
            Kind::Redis => "Redis, appendfsync always",
        }
    }

    /// Starts an empty one.
    pub(crate) async fn start(self) -> Result<Peer, Failure> {
        Ok(match self {
            Kind::Nats => Peer::Nats(Nats::start().await?),
            Kind::Postgres => Peer::Postgres(Postgres::start().await?),
            Kind::Redis => Peer::Redis(Redis::start().await?),
        })
    }
}

impl Peer {
    /// A connection of a number, ready for the requests that are made for it.
    pub(crate) async fn connect(&self, number: usize) -> Result<Pipeline, Failure> {
        match self {
            Peer::Nats(nats) => nats.connect(number).await,
            Peer::Postgres(postgres) => postgres.connect().await,
            Peer::Redis(redis) => redis.connect().await,
        }
    }

    /// What stores these events over the connection of that number.
    pub(crate) fn request(&self, number: usize, events: &[Event]) -> Request {
        match self {
            Peer::Nats(nats) => nats.request(number, events),
            Peer::Postgres(postgres) => postgres.request(events),
            Peer::Redis(redis) => redis.request(events),
        }
    }

    /// How many events it holds.
    pub(crate) async fn stored(&self) -> Result<u64, Failure> {
        match self {
            Peer::Nats(nats) => nats.stored().await,
            Peer::Postgres(postgres) => postgres.stored().await,
            Peer::Redis(redis) => redis.stored().await,
        }
    }
}

/// Starts a store, gives it these batches, and returns how many events a second it acknowledged.
pub(crate) async fn load(
    kind: Kind,
    batches: impl Iterator<Item = Vec<Event>>,
    connections: usize,
    window: usize,
) -> Result<f64, Failure> {
    let peer = kind.start().await?;
    let (mut work, mut count) = (Vec::new(), 0);
    for (number, batches) in deal(batches, connections).into_iter().enumerate() {
        count += batches.iter().map(Vec::len).sum::<usize>();
        let requests = batches.iter().map(|batch| peer.request(number, batch));
        work.push((peer.connect(number).await?, requests.collect()));
    }
    let took = drive_all(work, window).await?;
    Failure::unless_all(peer.stored().await?, count as u64)?;
    Ok(count as f64 / took.as_secs_f64())
}

impl Request {
    fn new(bytes: Vec<u8>, replies: usize) -> Request {
        Request {
            bytes: Bytes::from(bytes),
            replies,
        }
    }
}

/// What a program prints that is run to its end.
async fn printed(command: &mut Command) -> Result<String, Failure> {
    let output = run(command, "").await;
    if output.status.success() {
        Ok(output.stdout.trim().to_owned())
    } else {
        let program = PathBuf::from(command.as_std().get_program());
        let why = output.stderr.trim();
        Err(Failure::new(format!("{}: {why}", program.display())))
    }
}
