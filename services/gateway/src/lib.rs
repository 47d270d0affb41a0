//! The live edge: what browsers see of the suite.
//!
//! Whatever it serves is served on two addresses: that of WebSockets and that of the web console.

use muster_kit::listen::Listener;
use muster_kit::process::{Context, Service};
use muster_kit::server::Server;

use config::Config;
use error::Error;
use services::Services;

pub mod config;
pub mod error;
pub mod rpc;
pub mod services;
pub mod web;

/// The service as its process and the suite know it.
pub const SERVICE: Service = Service {
    settings: config::SETTINGS,
    ..Service::new("gateway", "The live edge to browsers", 3080)
};

/// Serves until the context says stop.
///
/// # Errors
/// Serving failed.
pub async fn run(config: Config, listener: Listener, context: Context) -> Result<(), Error> {
    let Config {} = config;
    let services = Services::watch(&context.registry);
    let server = Server::new(&context)
        .http(rpc::routes(&services, &context.shutdown)?)
        .http(services::routes(services, context.health.clone()))
        .http(web::routes());
    Ok(server.serve(listener).await?)
}
