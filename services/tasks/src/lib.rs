//! Tasks of users, as JSON over HTTP and over gRPC.
//!
//! What is acknowledged is on disk. Writes that come at one time share a commit, so that a
//! durable task is cheap; each task has an etag, by which a caller changes only what it has seen.

use muster_kit::listen::Listener;
use muster_kit::process::{Context, Service};
use muster_kit::server::Server;
use muster_proto::muster::tasks::v1::tasks_service_server::TasksServiceServer;

use board::Board;
use config::Config;
use error::Error;
use grpc::Api;
use store::Store;

pub mod board;
pub mod config;
pub mod error;
pub mod grpc;
pub mod http;
pub mod input;
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
    let need = context.health.need("store");
    let store = Store::open(&config.store, store::MAX_KEYS, need).await?;
    let board = Board::new(store.clone());
    let server = Server::new(&context)
        .grpc(TasksServiceServer::new(Api::new(board.clone())))
        .http(http::routes(board));
    let (served, ()) = tokio::join!(
        server.serve(listener),
        store.keep_checked(&context.shutdown),
    );
    store.close().await;
    Ok(served?)
}
