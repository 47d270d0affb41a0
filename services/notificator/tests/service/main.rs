//! The service over a real socket, with a real folder and a real SMTP server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api;
mod delivery;
mod durability;

use std::path::Path;
use std::time::Duration;

use muster_kit::channel::Channel;
use muster_kit::config::Settings;
use muster_kit::listen::Listener;
use muster_kit::process::Context;
use muster_notificator::config::Config;
use muster_notificator::error::Error;
use muster_notificator::run;
use muster_proto::compat::notificator as pb;
use muster_proto::muster::notificator::v1;
use pb::notificator_client::NotificatorClient;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::Status;
use v1::notificator_service_client::NotificatorServiceClient;

/// Nothing takes that long.
const SOON: Duration = Duration::from_secs(20);

/// How long a stop may wait for a delivery.
const DRAIN: Duration = Duration::from_secs(2);

/// A running notificator.
struct Notificator {
    compat: NotificatorClient<Channel>,
    api: NotificatorServiceClient<Channel>,
    context: Context,
    running: JoinHandle<Result<(), Error>>,
}

impl Notificator {
    /// With its store in `folder`, and mail leaving by `smtp`.
    async fn start(folder: &Path, smtp: &str) -> Self {
        let mut context = Context::for_test("notificator");
        context.drain = DRAIN;
        let listener = Listener::on_free_port().await.unwrap();
        let channel = Channel::to(&listener.local_addr().to_string());
        let store = format!("sqlite:{}", folder.join("notificator.db").display());
        let settings = Settings::for_test(&[
            ("store", &store),
            ("smtp", smtp),
            ("mail-from", "muster@localhost"),
            ("mail-domain", "localhost"),
        ]);
        let running = tokio::spawn(run(
            Config::read(&settings).unwrap(),
            listener,
            context.clone(),
        ));
        let (compat, api) = (
            NotificatorClient::new(channel.clone()),
            NotificatorServiceClient::new(channel),
        );
        Self {
            compat,
            api,
            context,
            running,
        }
    }

    async fn send_email(&self, email: &str, content: &str) -> Result<String, Status> {
        let request = pb::SendEmailRequest {
            email: email.to_owned(),
            content: content.to_owned(),
        };
        Ok(self
            .compat
            .clone()
            .send_email(request)
            .await?
            .into_inner()
            .id)
    }

    async fn send(&self, key: &str, to: &str, content: &str) -> Result<String, Status> {
        let request = v1::SendRequest {
            to: to.to_owned(),
            content: content.to_owned(),
            idempotency_key: key.to_owned(),
            subject: String::new(),
        };
        Ok(self.api.clone().send(request).await?.into_inner().id)
    }

    async fn mail(&self, id: &str) -> Result<v1::Mail, Status> {
        let request = v1::GetMailRequest { id: id.to_owned() };
        Ok(self
            .api
            .clone()
            .get_mail(request)
            .await?
            .into_inner()
            .mail
            .unwrap())
    }

    async fn stop(self) {
        self.context.shutdown.cancel();
        timeout(SOON, self.running).await.unwrap().unwrap().unwrap();
    }
}

/// The .eml files of a folder, by name.
fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .filter(|(name, _)| name.ends_with(".eml"))
        .map(|(name, path)| (name, std::fs::read_to_string(path).unwrap()))
        .collect();
    files.sort();
    files
}
