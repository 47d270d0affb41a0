//! What happened: a durable, idempotent event store.
//!
//! Programs that retry must not count an event twice, and programs that were told "stored" must
//! find it after any crash. Well-known stores promise one of the two for a window of time; this
//! service promises both for good. Events of many callers go to the disk in one commit, so that
//! the promise costs little.

use muster_kit::listen::Listener;
use muster_kit::process::{Context, Service};
use muster_kit::server::Server;
use muster_proto::compat::activity::activity_events_server::ActivityEventsServer;
use muster_proto::muster::activity::v1::activity_service_server::ActivityServiceServer;

use config::Config;
use error::Error;
use grpc::{Api, Compat};
use store::Store;

pub mod batch;
pub mod config;
pub mod cursor;
pub mod deployment;
pub mod digest;
pub mod error;
pub mod event;
pub mod grpc;
pub mod listing;
pub mod metrics;
pub mod recent;
pub mod retention;
pub mod selection;
pub mod store;
pub mod tail;
pub mod topic;
pub mod trim;

/// The service as its process and the suite know it.
pub const SERVICE: Service = Service {
    port_env: Some("PORT"),
    settings: config::SETTINGS,
    ..Service::new(
        "activity",
        "What happened: a durable, idempotent event store",
        50051,
    )
};

/// Serves until the context says stop, and returns once everything accepted is on disk.
///
/// # Errors
/// The store cannot be opened, or serving failed.
pub async fn run(config: Config, listener: Listener, context: Context) -> Result<(), Error> {
    muster_kit::metrics::describe(metrics::METRICS);
    let store = Store::open(&config.store, context.health.need("store")).await?;
    let api = Api::new(store.clone(), context.shutdown.clone());
    let server = Server::new(&context)
        .grpc(ActivityEventsServer::new(Compat::new(store.clone())))
        .grpc(ActivityServiceServer::new(api));
    let stop = context.shutdown.child_token();
    let retention = tokio::spawn(retention::keep(store.clone(), stop.clone()));
    let served = server.serve(listener).await;
    stop.cancel();
    // A panic was told when it happened.
    let _ = retention.await;
    store.close().await;
    Ok(served?)
}
