//! The seven services in containers of their own, and the servers that they need, outside.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use muster_testkit::{
    Container, ContainerNetwork, Docker, Etcd, MariaDb, RabbitMq, SERVICES, Smtp, eventually, get,
    leeway, measured, report,
};
use muster_tests::Suite;

use crate::compose::Compose;
use crate::images::image;

/// How long all of them may take until they are healthy.
const HEALTHY: Duration = Duration::from_secs(20);
const WEB_PORT: u16 = 8181;
const ADMIN_PORT: u16 = 8080;

/// What `docker compose up` gives, with real servers for the images that cannot be pulled by a test.
pub(crate) struct Site {
    parts: Vec<Part>,
    smtp: Smtp,
    // In the order in which they end.
    _network: ContainerNetwork,
    _servers: Servers,
}

/// A service in its container.
struct Part {
    service: &'static str,
    container: Container,
    port: u16,
    /// Its address on the network, as of its last start.
    ip: String,
}

/// What the services need, on the address of this machine on their network.
struct Servers {
    etcd: Etcd,
    database: MariaDb,
    broker: RabbitMq,
}

impl Servers {
    async fn start(ip: IpAddr, compose: &Compose) -> Servers {
        let (etcd, database, broker) = tokio::join!(
            Etcd::start_on(ip),
            MariaDb::start_on(ip),
            RabbitMq::start_on(ip)
        );
        let of_database = |name: &str| compose.setting("mariadb", name);
        let (user, password) = (of_database("MARIADB_USER"), of_database("MARIADB_PASSWORD"));
        let name = of_database("MARIADB_DATABASE");
        database.let_in(user, password, name).await;
        let of_broker = |name: &str| compose.setting("rabbitmq", name);
        let user = of_broker("RABBITMQ_DEFAULT_USER");
        broker
            .let_in(user, of_broker("RABBITMQ_DEFAULT_PASS"))
            .await;
        Servers {
            etcd,
            database,
            broker,
        }
    }
}

impl Site {
    /// Starts all at once, and waits until all are healthy.
    pub(crate) async fn start(docker: &'static Docker) -> Site {
        let network = docker.network().await.unwrap();
        let compose = Compose::of(docker, &network).await;
        let ip = network.gateway().into();
        // Built before, so that only the start is measured.
        image(docker, "activity").await;
        let (servers, smtp) = tokio::join!(Servers::start(ip, &compose), Smtp::start_on(ip));
        let etcd: SocketAddr = servers.etcd.endpoint().parse().unwrap();
        let moved = [
            ("etcd:2379", etcd),
            ("mariadb:3306", servers.database.addr()),
            ("rabbitmq:5672", servers.broker.addr()),
            ("mailpit:1025", smtp.addr()),
        ];
        let start = Instant::now();
        let containers = compose.up(&moved).await;
        let mut parts = Vec::new();
        for (service, container) in SERVICES.into_iter().zip(containers) {
            parts.push(Part::of(service, container, compose.port(service)).await);
        }
        let site = Site {
            parts,
            smtp,
            _network: network,
            _servers: servers,
        };
        let most = HEALTHY * leeway();
        eventually(most, || site.healthy()).await;
        let took = start.elapsed();
        let what = "docker compose up: until all seven are healthy";
        report(what, format!("{took:.2?}"), format!("{HEALTHY:?}"));
        assert!(took < most, "{took:?}");
        site
    }

    /// Waits until all are healthy, and says how long that took.
    pub(crate) async fn wait_healthy(&self, what: &str) {
        measured(&format!("seven containers: {what}"), HEALTHY, || {
            self.healthy()
        })
        .await;
    }

    async fn healthy(&self) -> Option<()> {
        for part in &self.parts {
            part.container.healthy().await?;
        }
        Some(())
    }

    /// Waits until all say that they are ready.
    pub(crate) async fn wait_serving(&self) {
        let ready = async |service: &str| get(&self.admin_of(service), "/readyz").await;
        eventually(HEALTHY, || async {
            for service in SERVICES {
                let (status, _) = ready(service).await?;
                (status == 200).then_some(())?;
            }
            Some(())
        })
        .await;
    }

    /// Ends one with SIGKILL, and starts it again on what it had.
    pub(crate) async fn kill_and_start(&mut self, service: &str) {
        let mut parts = self.parts.iter_mut();
        let part = parts.find(|part| part.service == service).unwrap();
        part.container.kill().await;
        part.container.start_again().await;
        part.ip = part.container.ip().await;
    }

    fn part(&self, service: &str) -> &Part {
        let mut parts = self.parts.iter();
        parts.find(|part| part.service == service).unwrap()
    }
}

impl Part {
    async fn of(service: &'static str, container: Container, port: u16) -> Part {
        let ip = container.ip().await;
        Part {
            service,
            container,
            port,
            ip,
        }
    }
}

impl Suite for Site {
    fn addr_of(&self, service: &str) -> String {
        match service {
            "web" => format!("{}:{WEB_PORT}", self.part("gateway").ip),
            _ => format!("{}:{}", self.part(service).ip, self.part(service).port),
        }
    }

    fn admin_of(&self, service: &str) -> String {
        format!("{}:{ADMIN_PORT}", self.part(service).ip)
    }

    fn mails(&self) -> Vec<String> {
        self.smtp.mails()
    }
}
