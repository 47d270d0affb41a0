//! What is to be done.

use muster_kit::listen::Listener;
use muster_kit::process::{Context, Service};
use muster_kit::server::Server;

use config::Config;
use error::Error;

pub mod config;
pub mod error;

/// The service as its process and the suite know it.
pub const SERVICE: Service = Service {
    settings: config::SETTINGS,
    ..Service::new("tasks", "What is to be done", 3333)
};

/// Serves until the context says stop.
///
/// # Errors
/// Serving failed.
pub async fn run(_config: Config, listener: Listener, context: Context) -> Result<(), Error> {
    Ok(Server::new(&context).serve(listener).await?)
}
