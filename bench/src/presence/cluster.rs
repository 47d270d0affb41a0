//! Replicas of muster-presence, as a user starts them, that find each other through a real etcd.

use std::time::Duration;

use futures_util::future::join_all;
use muster_kit::channel::Channel;
use muster_proto::muster::presence::v1 as pb;
use muster_testkit::{Etcd, Service, eventually};
use pb::presence_service_client::PresenceServiceClient;

use super::session::Session;
use crate::failure::Failure;

const DEADLINE: Duration = Duration::from_secs(20);

/// Three replicas, killed when dropped.
pub(crate) struct Cluster {
    pub(crate) replicas: [Service; 3],
    _etcd: Etcd,
}

impl Cluster {
    /// Starts them and waits until each hears all others.
    pub(crate) async fn start() -> Cluster {
        let etcd = Etcd::start().await;
        let endpoint = etcd.endpoint();
        let args = ["--etcd", &endpoint];
        let start = || Service::start("muster-presence", &args);
        let replicas = <[Service; 3]>::from(tokio::join!(start(), start(), start()));
        join_all(replicas.iter().map(hears_all)).await;
        Cluster {
            replicas,
            _etcd: etcd,
        }
    }

    pub(crate) fn addr(&self, replica: usize) -> String {
        self.replicas[replica].addr()
    }

    /// A session on a replica, on a connection of its own.
    pub(crate) async fn session(&self, replica: usize) -> Result<Session, Failure> {
        Session::open(&self.addr(replica)).await
    }
}

async fn hears_all(replica: &Service) {
    let client = PresenceServiceClient::new(Channel::to(&replica.addr()));
    eventually(DEADLINE, || async {
        let request = pb::ListReplicasRequest {};
        let known = client.clone().list_replicas(request).await.ok()?;
        let known = known.into_inner().replicas;
        let up = known.iter().filter(|of| of.state() == pb::ReplicaState::Up);
        (up.count() == 3).then_some(())
    })
    .await;
}
