//! Mail that is never lost.
//!
//! Whoever hands a mail over wants to forget about it. So a mail is on disk before it is
//! acknowledged, and from there it is delivered, again and again, until the mail server has it or
//! refuses it for good. A caller that did not hear the answer may ask again with the same key:
//! it is the same mail.

use muster_kit::listen::Listener;
use muster_kit::process::{Context, Service};
use muster_kit::server::Server;
use muster_proto::compat::notificator::notificator_server::NotificatorServer;
use muster_proto::muster::notificator::v1::notificator_service_server::NotificatorServiceServer;

use config::Config;
use delivery::Delivery;
use error::Error;
use grpc::Api;
use outbox::Outbox;
use store::Store;
use transport::Transport;

pub mod config;
pub mod delivery;
pub mod error;
pub mod grpc;
pub mod mail;
pub mod metrics;
pub mod outbox;
pub mod store;
pub mod transport;

/// The service as its process and the suite know it.
pub const SERVICE: Service = Service {
    suite_port: 8801,
    settings: config::SETTINGS,
    ..Service::new("notificator", "Mail that is never lost", 8082)
};

/// Serves until the context says stop. Mails that wait then are delivered after the next start.
///
/// # Errors
/// The store cannot be opened, or serving failed.
pub async fn run(config: Config, listener: Listener, context: Context) -> Result<(), Error> {
    muster_kit::metrics::describe(metrics::METRICS);
    let need = context.health.need("store");
    let store = Store::open(&config.store, store::MOST_WAITING, need).await?;
    let outbox = Outbox::new(store.clone(), config.mail_domain.clone());
    let transport = Transport::new(config.outlet, config.from, config.mail_domain);
    let delivery = Delivery::new(store.clone(), transport, outbox.mail_waits());
    let server = Server::new(&context)
        .grpc(NotificatorServer::new(Api(outbox.clone())))
        .grpc(NotificatorServiceServer::new(Api(outbox)));
    let (served, (), (), ()) = tokio::join!(
        server.serve(listener),
        delivery.run(&context.shutdown, context.drain),
        store.keep_checked(&context.shutdown),
        metrics::keep(store.clone(), &context.shutdown),
    );
    store.close().await;
    Ok(served?)
}
