//! Accounts, each welcomed with a mail.
//!
//! A sign-up must not depend on whether mail can be sent just now, and no mail may be lost or
//! sent twice because one of two systems failed in between. So the user and the welcome mail are
//! stored in one transaction, and a relay hands the mail to a notificator whenever there is one.

use muster_kit::listen::Listener;
use muster_kit::process::{Context, Service};
use muster_kit::server::Server;
use muster_proto::muster::users::v1::users_service_server::UsersServiceServer;

use accounts::Accounts;
use config::Config;
use error::Error;
use grpc::Api;
use relay::Relay;
use store::Store;

pub mod accounts;
pub mod config;
pub mod error;
pub mod grpc;
pub mod http;
pub mod metrics;
pub mod relay;
pub mod store;
pub mod user;

/// The service as its process and the suite know it.
pub const SERVICE: Service = Service {
    suite_port: 8802,
    settings: config::SETTINGS,
    ..Service::new("users", "Accounts, each welcomed with a mail", 8081)
};

/// Serves until the context says stop. Mails that wait then are handed over after the next
/// start.
///
/// # Errors
/// The store cannot be opened, or serving failed.
pub async fn run(config: Config, listener: Listener, context: Context) -> Result<(), Error> {
    muster_kit::metrics::describe(metrics::METRICS);
    let store = Store::open(
        &config.store,
        store::MAX_WAITING,
        context.health.need("store"),
    )
    .await?;
    let accounts = Accounts::new(store.clone(), config.mail_domain);
    let notificators = context.channel("notificator");
    let relay = Relay::new(store.clone(), notificators);
    let server = Server::new(&context)
        .grpc(UsersServiceServer::new(Api::new(accounts.clone())))
        .http(http::routes(accounts));
    let (served, (), (), ()) = tokio::join!(
        server.serve(listener),
        relay.run(&context.shutdown, context.drain),
        store.keep_checked(&context.shutdown),
        metrics::keep(store.clone(), &context.shutdown),
    );
    store.close().await;
    Ok(served?)
}
