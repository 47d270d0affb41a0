//! The binary, killed in the middle of its work.

use std::collections::{BTreeMap, BTreeSet};

use muster_kit::channel::Channel;
use muster_kit::discovery::Registry;
use muster_proto::muster::users::v1::users_service_client::UsersServiceClient;
use muster_proto::muster::users::v1::{CreateUserRequest, GetUserRequest};
use muster_testkit::{Service, eventually};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::SOON;
use crate::notificator::TestNotificator;

const ROUNDS: usize = 3;
const CALLERS: usize = 8;
const ACKNOWLEDGED: usize = 100;

type Users = UsersServiceClient<Channel>;

/// Creates users until the service is gone; tells of each that was acknowledged.
async fn create_until_gone(mut users: Users, caller: String, acknowledged: mpsc::Sender<i64>) {
    for number in 0.. {
        let email = format!("{caller}.{number}");
        let Ok(created) = users.create_user(CreateUserRequest { email }).await else {
            return;
        };
        let user = created.into_inner().user.unwrap();
        if acknowledged.send(user.id).await.is_err() {
            return;
        }
    }
}

/// The ids that were acknowledged before the kill.
async fn kill_at_work(service: &mut Service, round: usize) -> Vec<i64> {
    let users = Users::new(Channel::to(&service.addr()));
    let (sender, mut acknowledged) = mpsc::channel(ACKNOWLEDGED);
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let name = format!("{round}.{caller}");
        callers.spawn(create_until_gone(users.clone(), name, sender.clone()));
    }
    drop(sender);
    let mut ids = Vec::new();
    while let Some(id) = acknowledged.recv().await {
        ids.push(id);
        if ids.len() == ACKNOWLEDGED {
            service.process().sigkill();
        }
    }
    ids
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_and_is_welcomed() {
    let notificator = TestNotificator::start(&Registry::in_process()).await;
    let peers = format!("notificator={}", notificator.addr());
    let mut service = Service::start("muster-users", &["--static", &peers]).await;
    let mut emails = BTreeSet::new();
    for round in 0..ROUNDS {
        let ids = kill_at_work(&mut service, round).await;
        assert!(ids.len() >= ACKNOWLEDGED);
        service.restart().await;
        let mut users = Users::new(Channel::to(&service.addr()));
        for id in ids {
            let found = users.get_user(GetUserRequest { id }).await.unwrap();
            emails.insert(found.into_inner().user.unwrap().email);
        }
    }
    let received = eventually(SOON, || async {
        let received = notificator.received();
        let to: BTreeSet<String> = received.iter().map(|mail| mail.to.clone()).collect();
        emails.is_subset(&to).then_some(received)
    })
    .await;
    let mut keys: BTreeMap<&str, &str> = BTreeMap::new();
    for mail in &received {
        let key = keys.entry(&mail.to).or_insert(&mail.idempotency_key);
        assert_eq!(*key, mail.idempotency_key, "two mails for {}", mail.to);
    }
}
