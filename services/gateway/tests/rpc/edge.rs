//! A gateway, the services behind it, and what HTTP answers there.

use std::collections::BTreeMap;
use std::io::Write;

use muster_testkit::{Service, curl};
use serde_json::Value;
use tempfile::NamedTempFile;

/// A gateway and the services that it knows.
pub(crate) struct Edge {
    pub(crate) gateway: Service,
    pub(crate) services: BTreeMap<&'static str, Service>,
}

/// What HTTP answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// By their names in lower case.
    headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Edge {
    /// A gateway before these services.
    pub(crate) async fn before(names: &[&'static str]) -> Edge {
        let mut services = BTreeMap::new();
        for name in names {
            services.insert(*name, Service::start(&format!("muster-{name}"), &[]).await);
        }
        let peers = services
            .iter()
            .map(|(name, service)| format!("{name}={}", service.addr()));
        let peers = peers.collect::<Vec<_>>().join(",");
        let edge = Edge::at(&peers, &[]).await;
        Edge { services, ..edge }
    }

    /// A gateway before these peers, with these arguments.
    pub(crate) async fn at(peers: &str, args: &[&str]) -> Edge {
        let args = [&["--static", peers], args].concat();
        Edge {
            // It is ready only once there is activity.
            gateway: Service::launch("muster-gateway", &args).await,
            services: BTreeMap::new(),
        }
    }

    /// Posts JSON to a method (`muster.tasks.v1.TasksService/GetTask`) as curl does unless it is told otherwise.
    pub(crate) async fn call(&self, method: &str, body: &str) -> Answer {
        self.post(method, &[], body.as_bytes()).await
    }

    /// Posts anything to a method, with these headers.
    pub(crate) async fn post(&self, method: &str, headers: &[&str], body: &[u8]) -> Answer {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(body).unwrap();
        let data = format!("@{}", file.path().display());
        let mut args = vec!["--data-binary", &data];
        for header in headers {
            args.extend(["-H", header]);
        }
        self.curl(method, &args).await
    }

    /// curl with these arguments, to this path.
    pub(crate) async fn curl(&self, path: &str, args: &[&str]) -> Answer {
        let url = format!("http://{}/{path}", self.gateway.addr());
        let folder = tempfile::tempdir().unwrap();
        let [head, body] = ["head", "body"].map(|file| folder.path().join(file));
        let [head_file, body_file] = [&head, &body].map(|file| file.display().to_string());
        let own = ["-g", "-D", &head_file, "-o", &body_file, &url];
        curl(&[&own, args].concat()).await.ok();
        let head = std::fs::read_to_string(head).unwrap();
        // curl writes no file for an empty body.
        Answer::new(&head, std::fs::read(body).unwrap_or_default())
    }
}

impl Answer {
    fn new(heads: &str, body: Vec<u8>) -> Answer {
        // The last head counts: there may be a "100 Continue" before it.
        let head = heads.trim_end().rsplit("\r\n\r\n").next().unwrap();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let headers = lines.filter_map(|line| line.split_once(": "));
        Answer {
            status: status.unwrap().parse().unwrap(),
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_slice(&self.body).unwrap_or_else(|why| {
            panic!("{why}: {}", String::from_utf8_lossy(&self.body));
        })
    }

    /// The JSON of a call that went well.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        let json = self.json();
        assert_eq!(self.status, 200, "{json}");
        json
    }

    /// Checks that it is an error of this code and HTTP status; its message.
    #[track_caller]
    pub(crate) fn is_error(&self, status: u16, code: &str) -> String {
        let json = self.json();
        assert_eq!(
            (self.status, &json["code"]),
            (status, &code.into()),
            "{json}"
        );
        json["message"].as_str().unwrap().to_owned()
    }

    /// The fields that an error names in its `google.rpc.BadRequest`.
    #[track_caller]
    pub(crate) fn bad_fields(&self) -> Vec<String> {
        let json = self.json();
        let details = json["details"].as_array().expect("there are details");
        assert_eq!(details[0]["type"], "google.rpc.BadRequest");
        let violations = details[0]["debug"]["fieldViolations"].as_array().unwrap();
        let field = |violation: &Value| violation["field"].as_str().unwrap().to_owned();
        violations.iter().map(field).collect()
    }
}
