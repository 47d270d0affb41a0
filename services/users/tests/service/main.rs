//! The service over real sockets, with real servers in the place of notificators.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod create;
mod durability;
mod notificator;
mod relay;

use std::time::Duration;

use muster_kit::channel::Channel;
use muster_kit::discovery::Registry;
use muster_kit::listen::Listener;
use muster_kit::process::Context;
use muster_kit::store::SqliteUrl;
use muster_proto::muster::users::v1::CreateUserRequest;
use muster_proto::muster::users::v1::users_service_client::UsersServiceClient;
use muster_users::config::Config;
use muster_users::error::Error;
use muster_users::run;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Nothing takes that long.
const SOON: Duration = Duration::from_secs(20);

/// A running users service.
struct Users {
    addr: String,
    client: UsersServiceClient<Channel>,
    context: Context,
    running: JoinHandle<Result<(), Error>>,
}

impl Users {
    async fn start(folder: &TempDir, registry: &Registry) -> Users {
        let mut context = Context::for_test("users");
        context.registry = registry.clone();
        let listener = Listener::on_free_port().await.unwrap();
        let addr = listener.local_addr().to_string();
        let config = Config {
            store: SqliteUrl(folder.path().join("users.db")),
            mail_domain: "localhost".parse().unwrap(),
        };
        let running = tokio::spawn(run(config, listener, context.clone()));
        let client = UsersServiceClient::new(Channel::to(&addr));
        Users {
            addr,
            client,
            context,
            running,
        }
    }

    async fn create(&self, email: &str) {
        let email = email.to_owned();
        let mut client = self.client.clone();
        let created = client.create_user(CreateUserRequest { email });
        timeout(SOON, created).await.unwrap().unwrap();
    }

    async fn stop(self) {
        self.context.shutdown.cancel();
        timeout(SOON, self.running).await.unwrap().unwrap().unwrap();
    }
}
