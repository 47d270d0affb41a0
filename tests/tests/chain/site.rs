//! The processes of the chain.

use muster_testkit::{Etcd, MariaDb, RabbitMq, Service, free_port};

/// All that a completed task passes.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) broker: RabbitMq,
    pub(crate) database: MariaDb,
    pub(crate) tasks: Service,
    pub(crate) activity: Service,
    pub(crate) gateway: Service,
    _presence: Service,
    etcd: Etcd,
}

/// One that may die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Database,
    Broker,
    Tasks,
    Gateway,
    Activity,
}

impl Chain {
    /// Everything, on an empty database with its demo tasks.
    pub(crate) async fn start() -> Chain {
        let (broker, database, etcd) =
            tokio::join!(RabbitMq::start(), MariaDb::start(), Etcd::start());
        let etcd_at = etcd.endpoint();
        let presence = service("presence", &["--etcd", &etcd_at]).await;
        let activity = service("activity", &["--etcd", &etcd_at]).await;
        let tasks = tasks(&etcd, &broker, &database).await;
        let gateway = gateway(&etcd, &broker).await;
        Chain {
            broker,
            database,
            tasks,
            activity,
            gateway,
            _presence: presence,
            etcd,
        }
    }

    /// One more gateway.
    pub(crate) async fn another_gateway(&self) -> Service {
        gateway(&self.etcd, &self.broker).await
    }

    /// One more process of tasks, on the same database.
    pub(crate) async fn more_tasks(&self) -> Service {
        tasks(&self.etcd, &self.broker, &self.database).await
    }

    /// Ends one with SIGKILL.
    pub(crate) fn kill(&mut self, part: Part) {
        match part {
            Part::Database => self.database.kill(),
            Part::Broker => self.broker.kill(),
            Part::Tasks => self.tasks.process().sigkill(),
            Part::Gateway => self.gateway.process().sigkill(),
            Part::Activity => self.activity.process().sigkill(),
        }
    }

    /// Starts one again, at the same address with what it had stored.
    pub(crate) async fn restart(&mut self, part: Part) {
        match part {
            Part::Database => self.database.restart().await,
            Part::Broker => self.broker.restart().await,
            Part::Tasks => self.tasks.restart().await,
            Part::Gateway => self.gateway.restart().await,
            Part::Activity => self.activity.restart().await,
        }
    }
}

async fn tasks(etcd: &Etcd, broker: &RabbitMq, database: &MariaDb) -> Service {
    let (etcd, bus, store) = (etcd.endpoint(), broker.url(), database.url("tasks").await);
    let args = ["--etcd", &etcd, "--bus", &bus, "--store", &store];
    service("tasks", &args).await
}

async fn gateway(etcd: &Etcd, broker: &RabbitMq) -> Service {
    let args = ["--etcd", &etcd.endpoint(), "--bus", &broker.url()];
    service("gateway", &args).await
}

/// A service that keeps its port when it is restarted.
async fn service(name: &str, args: &[&str]) -> Service {
    let listen = format!("127.0.0.1:{}", free_port());
    let args = [args, &["--listen", &listen]].concat();
    Service::start(&format!("muster-{name}"), &args).await
}
