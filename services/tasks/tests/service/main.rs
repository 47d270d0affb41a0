//! The service over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod conditions;
mod durability;
mod full_disk;
mod grpc;
mod keys;
mod lists;
mod openapi;
mod relay;
mod rest;
mod schema;

use std::collections::BTreeMap;
use std::time::Duration;

use muster_kit::channel::Channel;
use muster_kit::listen::Listener;
use muster_kit::process::Context;
use muster_kit::store::StoreUrl;
use muster_proto::muster::tasks::v1::tasks_service_client::TasksServiceClient;
use muster_tasks::config::Config;
use muster_tasks::run;
use muster_testkit::{curl, eventually};
use serde_json::Value;
use tempfile::TempDir;

/// Nothing takes that long.
const SOON: Duration = Duration::from_secs(20);

/// A running service with its demo tasks.
struct Tasks {
    addr: String,
    client: TasksServiceClient<Channel>,
    _folder: Option<TempDir>,
}

/// What HTTP answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    /// By their names in lower case.
    headers: BTreeMap<String, String>,
    /// `null` where there is none.
    body: Value,
}

impl Tasks {
    async fn start() -> Tasks {
        let folder = tempfile::tempdir().unwrap();
        let listener = Listener::on_free_port().await.unwrap();
        let addr = listener.local_addr().to_string();
        let config = Config {
            store: StoreUrl::Sqlite(folder.path().join("tasks.db")),
        };
        tokio::spawn(run(config, listener, Context::for_test("tasks")));
        eventually(SOON, || muster_testkit::get(&addr, "/tasks/1")).await;
        Tasks {
            _folder: Some(folder),
            ..Tasks::at(addr)
        }
    }

    /// One that runs already.
    fn at(addr: String) -> Tasks {
        Tasks {
            client: TasksServiceClient::new(Channel::to(&addr)),
            addr,
            _folder: None,
        }
    }

    /// A request with these headers, and a body unless it is empty.
    async fn call(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        let url = format!("http://{}{path}", self.addr);
        // `-g`: braces and brackets are meant as they are.
        let mut args = vec!["-g", "-i", &url];
        match method {
            "HEAD" => args.push("-I"),
            method => args.extend(["-X", method]),
        }
        for header in headers {
            args.extend(["-H", *header]);
        }
        if !body.is_empty() {
            args.extend(["--data-binary", body]);
        }
        answer(&curl(&args).await.ok())
    }

    async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], "").await
    }

    async fn post(&self, body: &str) -> Answer {
        self.call("POST", "/tasks", &[], body).await
    }

    async fn patch(&self, path: &str, body: &str) -> Answer {
        self.call("PATCH", path, &[], body).await
    }
}

fn answer(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let headers = lines.filter_map(|line| line.split_once(": "));
    let body = match body {
        "" => Value::Null,
        body => serde_json::from_str(body).unwrap_or_else(|why| panic!("{why}: {text}")),
    };
    Answer {
        status: status.unwrap().parse().unwrap(),
        headers: headers
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect(),
        body,
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The id of the task that it shows.
    #[track_caller]
    fn id(&self) -> i64 {
        self.body["id"]
            .as_i64()
            .unwrap_or_else(|| panic!("{self:?}"))
    }

    /// Checks that it is a problem of this status that names these fields.
    #[track_caller]
    fn is_problem(&self, status: u16, fields: &[&str]) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(self.body["status"], status);
        for text in ["type", "title", "detail"] {
            assert!(self.body[text].is_string(), "{self:?}");
        }
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        let named: Vec<&Value> = errors.iter().map(|error| &error["field"]).collect();
        assert_eq!(named, fields, "{self:?}");
    }
}
