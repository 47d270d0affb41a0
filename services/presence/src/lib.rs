//! Who is here: a replicated vote for each user.
//!
//! Programs that people use together show who else is there, at once and without ghosts. A user
//! is online while at least one replica votes for them, and a replica votes while it holds one
//! of their devices, or within the grace that the last one left; so nothing has to be renewed,
//! and nothing to be written to a disk.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

use muster_kit::Shutdown;
use muster_kit::listen::Listener;
use muster_kit::process::{Context, Service};
use muster_kit::server::{Limits, ServeError, Server, StreamRate};
use muster_proto::compat::presence::presence_server::PresenceServer;
use muster_proto::muster::presence::v1::presence_service_server::PresenceServiceServer;
use muster_proto::muster::presence::v1::replication_service_server::ReplicationServiceServer;

use config::Config;
use grpc::{Api, Compat};
use mesh::{Mesh, Replication};
use origin::Origin;
use roster::{Roster, RosterLimits};

pub mod ballot;
pub mod config;
pub mod cursor;
pub mod error;
pub mod grpc;
pub mod mesh;
pub mod message;
pub mod metrics;
pub mod origin;
pub mod presence;
pub mod replica;
pub mod roster;
pub mod user;

/// The service as its process and the suite know it.
pub const SERVICE: Service = Service {
    settings: config::SETTINGS,
    ..Service::new(
        "presence",
        "Who is here: a replicated vote for each user",
        9002,
    )
};

/// Streams at once over all connections, at some 2 KB each.
const STREAMS_MAX: usize = 1_000_000;

/// Bits of an incarnation that say nothing.
const RANDOM_BITS: u32 = 12;

/// Serves until the context says stop.
///
/// # Errors
/// Serving failed.
pub async fn run(config: Config, listener: Listener, context: Context) -> Result<(), ServeError> {
    muster_kit::metrics::describe(metrics::METRICS);
    let limits_of_users = RosterLimits {
        connections_per_user: config.connections_per_user.get(),
        ..RosterLimits::default()
    };
    let synced = context.health.need("the votes of the other replicas");
    let Some(me) = origin(&listener, &context).await else {
        return Ok(());
    };
    let roster = Roster::new(me, limits_of_users);
    let mesh = Mesh::new(roster.clone(), context.tls.service(SERVICE.name));
    // Streams end once the other replicas know that this one leaves: until then they stand for votes.
    let told = Shutdown::new();
    let compat = Compat::new(roster.clone(), STREAMS_MAX, told.clone());
    let api = Api::new(roster, told.clone());
    let server = Server::new(&context)
        .grpc(PresenceServer::new(compat))
        .grpc(PresenceServiceServer::new(api))
        .grpc(ReplicationServiceServer::new(Replication(mesh.clone())))
        .limits(limits())
        .serve(listener);
    // A task of its own, which others wake without waking a thread.
    let links = mesh.run(
        context.registry.clone(),
        synced,
        context.shutdown.clone(),
        told,
    );
    let (served, _ended) = tokio::join!(server, tokio::spawn(links));
    served
}

/// Who this replica is among others, and in which of its lives: that of its start. None: the process was stopped before
/// that was known.
async fn origin(listener: &Listener, context: &Context) -> Option<Origin> {
    let replica = tokio::select! {
        replica = context.advertised(listener.local_addr()) => replica,
        () = context.shutdown.cancelled() => return None,
    };
    let since_epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    Some(Origin {
        replica: replica.into(),
        incarnation: incarnation(since_epoch),
    })
}

/// From the clock, so that a later life has a greater one; in its lowest bits by chance, so that no two have the same
/// one even if the clock was set back, or a machine was copied.
fn incarnation(since_epoch: Duration) -> u64 {
    let random = RandomState::new().hash_one(0_u8);
    (since_epoch.as_micros() as u64) << RANDOM_BITS | random >> (u64::BITS - RANDOM_BITS)
}

/// A gateway brings the streams of many users on one connection, and cancelling one is how a
/// user disconnects. h2's own limits take that for an attack after 20 streams that were
/// cancelled before they were seen, or 1,024 stray frames in the life of a connection, and end
/// the connection: everybody on it would be offline. So both are raised, and what an attack may
/// cost is bounded by how fast a connection may open streams.
#[must_use]
pub fn limits() -> Limits {
    Limits {
        streams_per_connection: 100_000,
        stream_rate: Some(StreamRate {
            per_s: 25_000,
            burst: 10_000,
        }),
        turn_bytes: Some(256),
        pending_reset_streams: Some(10_000),
        local_error_resets: Some(100_000),
        ..Limits::default()
    }
}
