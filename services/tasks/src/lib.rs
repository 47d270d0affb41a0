//! Tasks of users, as JSON over HTTP and over gRPC.
//!
//! What is acknowledged is on disk. Writes that come at one time share a flush of the disk, so that a durable task is
//! cheap; each task has an etag, by which a caller changes only what it has seen. Whoever wants to know of completed
//! tasks is told by the bus: each is noted with the change, in one commit, and sent from there until that is confirmed.

use muster_kit::Shutdown;
use muster_kit::listen::Listener;
use muster_kit::process::{Context, Service};
use muster_kit::server::Server;
use muster_proto::muster::tasks::v1::tasks_service_server::TasksServiceServer;

use board::Board;
use config::Config;
use error::Error;
use grpc::Api;
use relay::Relay;
use store::{Limits, Store};

pub mod board;
pub mod completion;
pub mod config;
pub mod error;
pub mod grpc;
pub mod http;
pub mod input;
mod json;
pub mod metrics;
pub mod relay;
pub mod selection;
pub mod store;
pub mod task;

/// The service as its process and the suite know it.
pub const SERVICE: Service = Service {
    settings: config::SETTINGS,
    ..Service::new("tasks", "Tasks of users", 3333)
};

/// Serves until the context says stop.
///
/// # Errors
/// The store cannot be opened, or serving failed.
pub async fn run(config: Config, listener: Listener, context: Context) -> Result<(), Error> {
    muster_kit::metrics::describe(metrics::METRICS);
    let need = context.health.need("store");
    let store = Store::open(&config.store, Limits::default(), need).await?;
    let board = Board::new(store.clone());
    let server = Server::new(&context)
        .grpc(TasksServiceServer::new(Api::new(board.clone())))
        .http(http::routes(board));
    let relay = Relay::new(store.clone(), context.bus.clone());
    // Only then nothing more is completed.
    let drained = Shutdown::new();
    let serve = async {
        let _guard = drained.clone().drop_guard();
        server.serve(listener).await
    };
    let (served, (), ()) = tokio::join!(serve, relay.run(&drained), store.keep_checked(&drained),);
    store.close().await;
    Ok(served?)
}
