//! The binary, killed in the middle of its work.

use muster_kit::channel::Channel;
use muster_proto::muster::notificator::v1;
use muster_testkit::{Service, eventually};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use v1::notificator_service_client::NotificatorServiceClient;
use v1::{GetMailRequest, MailState, SendRequest};

use crate::{SOON, files};

const ROUNDS: usize = 3;
const CALLERS: usize = 16;
const ACKNOWLEDGED: usize = 200;

type Client = NotificatorServiceClient<Channel>;

/// The mail of a key.
fn mail(key: String) -> SendRequest {
    SendRequest {
        to: "ann@example.org".to_owned(),
        content: format!("Hello {key}"),
        idempotency_key: key,
        subject: String::new(),
    }
}

/// Sends mails until the service is gone; tells key and id of each that was acknowledged.
async fn send_until_gone(
    mut client: Client,
    caller: String,
    acknowledged: mpsc::Sender<(String, String)>,
) {
    for number in 0.. {
        let key = format!("{caller}.{number}");
        let Ok(sent) = client.send(mail(key.clone())).await else {
            return;
        };
        let id = sent.into_inner().id;
        if acknowledged.send((key, id)).await.is_err() {
            return;
        }
    }
}

/// The mails that were acknowledged before the kill.
async fn kill_at_work(service: &mut Service, round: usize) -> Vec<(String, String)> {
    let client = Client::new(Channel::to(&service.addr()));
    let (sender, mut acknowledged) = mpsc::channel(ACKNOWLEDGED);
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let name = format!("{round}.{caller}");
        callers.spawn(send_until_gone(client.clone(), name, sender.clone()));
    }
    drop(sender);
    let mut mails = Vec::new();
    while let Some(mail) = acknowledged.recv().await {
        mails.push(mail);
        if mails.len() == ACKNOWLEDGED {
            service.process().sigkill();
        }
    }
    mails
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_and_is_delivered_as_one_file() {
    let mut service = Service::start("muster-notificator", &[]).await;
    let mut sent = Vec::new();
    for round in 0..ROUNDS {
        let mails = kill_at_work(&mut service, round).await;
        assert!(mails.len() >= ACKNOWLEDGED);
        sent.extend(mails);
        service.restart().await;
    }
    let mut client = Client::new(Channel::to(&service.addr()));
    for (key, id) in &sent {
        let again = client.send(mail(key.clone())).await.unwrap();
        assert_eq!(&again.into_inner().id, id, "a key is one mail, also later");
    }
    for (_, id) in &sent {
        eventually(SOON, || delivered(client.clone(), id.clone())).await;
    }
    let files = files(&service.folder().join("muster-data/mail"));
    for (key, id) in &sent {
        let name = format!("{id}.eml");
        let (_, text) = files.iter().find(|(file, _)| *file == name).unwrap();
        assert!(text.ends_with(&format!("Hello {key}")), "{text}");
    }
}

async fn delivered(mut client: Client, id: String) -> Option<()> {
    let mail = client.get_mail(GetMailRequest { id }).await.ok()?;
    (mail.into_inner().mail?.state() == MailState::Delivered).then_some(())
}
