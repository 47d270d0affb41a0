//! The live edge: what browsers see of the suite.
//!
//! Whatever it serves is served on two addresses: that of WebSockets and that of the web console.

use muster_kit::listen::Listener;
use muster_kit::process::{Context, Service};
use muster_kit::server::{Limits, Server};

use config::Config;
use error::Error;
use feed::{Activity, Feeds};
use live::Live;
use online::Online;
use services::Services;

pub mod config;
pub mod error;
pub mod feed;
pub mod hub;
pub mod identity;
pub mod intake;
pub mod live;
pub mod metrics;
pub mod online;
pub mod protocol;
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
/// It is ready once it follows the events of users, and stays so when activity goes away later on:
/// its sockets are as well off here as with any other gateway, and hear what they missed.
///
/// # Errors
/// Serving failed.
pub async fn run(config: Config, listener: Listener, context: Context) -> Result<(), Error> {
    muster_kit::metrics::describe(metrics::METRICS);
    let services = Services::watch(&context);
    // Connections of their own: what they carry is not to wait for the calls of browsers.
    let activity = Activity::new(context.channel("activity"));
    let presence = context.channel("presence");
    let feeds = Feeds::new(activity.clone());
    let (followed, need) = (feeds.users().clone(), context.health.need("activity"));
    let (online, shutdown) = (Online::default(), context.shutdown.clone());
    // Sockets leave the port when they are upgraded, event streams do not: both are counted by themselves, and what is
    // called besides has as much room as at any service.
    let mut limits = Limits::default();
    limits.connections = limits.connections.saturating_add(config.limits.connections);
    let live = Live::start(feeds, online.clone(), config.limits, &shutdown);
    let server = Server::new(&context)
        .limits(limits)
        .http(rpc::routes(&services, &shutdown)?)
        .http(services::routes(services, context.health.clone()))
        .http(live::routes(live))
        .http(web::routes());
    let ready = async {
        followed.hub.begun().await;
        need.met();
    };
    let (served, (), (), _) = tokio::join!(
        server.serve(listener),
        online::keep(online, presence, shutdown.clone()),
        intake::keep(
            context.bus,
            activity.client(),
            config.user_retention,
            shutdown.clone()
        ),
        shutdown.run_until_cancelled(ready),
    );
    Ok(served?)
}
