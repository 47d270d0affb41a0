//! The services behind a gateway, and gateways.

use muster_kit::channel::Channel;
use muster_proto::muster::activity::v1 as pb;
use muster_testkit::{Service, eventually, free_port};
use pb::activity_service_client::ActivityServiceClient;
use tokio::time::timeout;

use crate::SOON;
use crate::client::Client;

/// Activity, presence and one gateway.
pub(crate) struct Site {
    pub(crate) activity: Service,
    pub(crate) presence: Service,
    pub(crate) gateway: Service,
    events: ActivityServiceClient<Channel>,
    peers: String,
}

impl Site {
    pub(crate) async fn start() -> Site {
        Site::with(&[]).await
    }

    /// With these settings of the gateway.
    pub(crate) async fn with(args: &[&str]) -> Site {
        // Each keeps its address when it is started again.
        let listen = || format!("127.0.0.1:{}", free_port());
        let (at_activity, at_presence) = (listen(), listen());
        let (activity, presence) = tokio::join!(
            service_at("activity", &at_activity),
            service_at("presence", &at_presence),
        );
        let peers = format!("activity={at_activity},presence={at_presence}");
        Site {
            events: ActivityServiceClient::new(Channel::to(&at_activity)),
            activity,
            presence,
            gateway: gateway(&peers, args).await,
            peers,
        }
    }

    /// One more gateway.
    pub(crate) async fn another_gateway(&self) -> Service {
        gateway(&self.peers, &[]).await
    }

    /// A connection to the gateway.
    pub(crate) async fn connect(&self) -> Client {
        Client::connect(&self.gateway.addr()).await
    }

    /// Appends events and returns the position of the last one.
    pub(crate) async fn append(&self, events: Vec<pb::NewEvent>) -> i64 {
        let request = pb::AppendRequest {
            events,
            expected_last_position: None,
        };
        // The same again is stored once: so it may be tried until the service is there.
        let answer = eventually(SOON, || async {
            self.events.clone().append(request.clone()).await.ok()
        });
        let results = answer.await.into_inner().results;
        results.last().unwrap().position
    }

    /// Tells a user something, as the bus would have it.
    pub(crate) async fn tell(&self, user: i64, id: &str, message: &str) -> i64 {
        self.append(vec![told(user, id, message)]).await
    }

    /// Removes events of a topic up to a position.
    pub(crate) async fn trim(&self, topic: &str, up_to_position: i64) {
        let trim = pb::TrimRequest {
            topics: Some(pb::trim_request::Topics::Topic(topic.to_owned())),
            up_to_position: Some(up_to_position),
            received_before: None,
        };
        timeout(SOON, self.events.clone().trim(trim))
            .await
            .unwrap()
            .unwrap();
    }
}

async fn service_at(name: &str, addr: &str) -> Service {
    Service::start(&format!("muster-{name}"), &["--listen", addr]).await
}

async fn gateway(peers: &str, args: &[&str]) -> Service {
    let args = [&["--static", peers], args].concat();
    Service::start("muster-gateway", &args).await
}

/// An event of a user, in its envelope.
pub(crate) fn told(user: i64, id: &str, message: &str) -> pb::NewEvent {
    let envelope = serde_json::json!({
        "specversion": "1.0", "id": id, "source": "muster/tests", "type": "told",
        "time": "2026-01-02T03:04:05Z", "recipient": user.to_string(),
        "data": {"message": message},
    });
    event(&format!("user/{user}"), id, &envelope.to_string())
}

/// An event of any topic.
pub(crate) fn event(topic: &str, id: &str, message: &str) -> pb::NewEvent {
    pb::NewEvent {
        topic: topic.to_owned(),
        id: id.to_owned(),
        kind: "told".to_owned(),
        message: message.to_owned(),
        ..pb::NewEvent::default()
    }
}
