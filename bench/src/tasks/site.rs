//! muster-tasks and what it works with, as a user starts them.

use futures_util::future::try_join_all;
use muster_kit::channel::Channel;
use muster_proto::muster::tasks::v1::tasks_service_client::TasksServiceClient;
use muster_proto::muster::tasks::v1::{ListTasksRequest, ListTasksResponse};
use muster_testkit::{MariaDb, RabbitMq, Service};

use crate::failure::Failure;
use crate::h2load::{self, Load, Post};
use crate::tasks::rest::Rest;

/// Whose all tasks of the benchmark are: nobody's of the demo data.
pub(crate) const USER: i64 = 77;
/// What each of them says.
const CONTENT: &str = "Water the plants on the balcony, and those in the hall as well.";

/// Creations that are under way while a store is filled.
const FILL: Load = Load {
    connections: 4,
    streams_per_connection: 16,
};
/// PATCHes that are under way while all tasks are completed.
const WINDOW: usize = 64;

/// A running muster-tasks on an empty store, killed when dropped.
pub(crate) struct Tasks {
    pub(crate) service: Service,
}

impl Tasks {
    /// On SQLite.
    pub(crate) async fn on_sqlite() -> Tasks {
        Tasks::on_sqlite_with(&[]).await
    }

    /// The same with these variables in its environment.
    pub(crate) async fn on_sqlite_with(environment: &[(&str, &str)]) -> Tasks {
        let service = Service::start_with("muster-tasks", &[], environment).await;
        Tasks { service }
    }

    /// On a database of a server, and a broker if there is one.
    pub(crate) async fn on_mariadb(
        server: &MariaDb,
        database: &str,
        broker: Option<&RabbitMq>,
    ) -> Tasks {
        let (store, bus) = (server.url(database).await, broker.map(RabbitMq::url));
        let mut args = vec!["--store", &store];
        args.extend(bus.iter().flat_map(|bus| ["--bus", bus]));
        let service = Service::start("muster-tasks", &args).await;
        Tasks { service }
    }

    pub(crate) fn addr(&self) -> String {
        self.service.addr()
    }

    /// A new task over REST.
    pub(crate) fn create(&self) -> Post {
        Post {
            url: format!("http://{}/tasks", self.addr()),
            headers: &["content-type: application/json"],
            body: format!(r#"{{"user_id":{USER},"content":"{CONTENT}"}}"#).into_bytes(),
        }
    }

    /// Creates so many.
    pub(crate) async fn create_all(&self, count: u64) -> Result<(), Failure> {
        h2load::rate(&self.create(), FILL, count).await.map(drop)
    }

    /// The ids of all tasks of the benchmark.
    pub(crate) async fn ids(&self) -> Result<Vec<i64>, Failure> {
        let mut client = TasksServiceClient::new(Channel::to(&self.addr()));
        let (mut ids, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListTasksRequest {
                user_id: USER,
                page_size: 1_000,
                page_token,
                ..ListTasksRequest::default()
            };
            let ListTasksResponse {
                tasks,
                next_page_token,
            } = client.list_tasks(request).await?.into_inner();
            ids.extend(tasks.iter().map(|task| task.id));
            if next_page_token.is_empty() {
                return Ok(ids);
            }
            page_token = next_page_token;
        }
    }

    /// Completes them all; returns once each PATCH is answered.
    pub(crate) async fn complete_all(&self) -> Result<(), Failure> {
        let (ids, rest) = (self.ids().await?, Rest::connect(&self.addr()).await?);
        let part = ids.len().div_ceil(WINDOW);
        let complete = ids.chunks(part).map(async |ids| {
            for id in ids {
                rest.complete(*id).await?;
            }
            Ok::<_, Failure>(())
        });
        try_join_all(complete).await?;
        Ok(())
    }
}
