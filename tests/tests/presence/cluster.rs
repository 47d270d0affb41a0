//! Replicas and their etcd.

use muster_proto::muster::presence::v1 as pb;
use muster_testkit::{Etcd, Service, eventually, free_port};

use crate::client::{SOON, v1};

/// Replicas that have found each other.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) etcd: Etcd,
    pub(crate) replicas: Vec<Service>,
}

impl Cluster {
    pub(crate) async fn of(count: usize) -> Cluster {
        let mut cluster = Cluster {
            etcd: Etcd::start().await,
            replicas: Vec::new(),
        };
        for _ in 0..count {
            let replica = cluster.launch().await;
            replica.wait_ready().await;
            cluster.replicas.push(replica);
        }
        for replica in &cluster.replicas {
            knows(&replica.addr(), count).await;
        }
        cluster
    }

    /// One more process, which need not be ready. It keeps its port when it is restarted.
    pub(crate) async fn launch(&self) -> Service {
        let listen = format!("127.0.0.1:{}", free_port());
        let args = ["--etcd", &self.etcd.endpoint(), "--listen", &listen];
        Service::launch("muster-presence", &args).await
    }

    /// Where a replica listens.
    pub(crate) fn addr(&self, replica: usize) -> String {
        self.replicas[replica].addr()
    }
}

/// Waits until a replica knows so many, itself included, that are up.
pub(crate) async fn knows(addr: &str, count: usize) {
    eventually(SOON, || async {
        let known = v1(addr).list_replicas(pb::ListReplicasRequest {}).await;
        let known = known.ok()?.into_inner().replicas;
        let up = known
            .iter()
            .filter(|known| known.state() == pb::ReplicaState::Up);
        (up.count() == count).then_some(())
    })
    .await;
}
