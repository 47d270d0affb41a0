//! What the gateway itself refuses.

use crate::edge::Edge;
use crate::peer::{self, GET};

#[tokio::test]
async fn closed_methods_are_not_there() {
    let edge = Edge::before(&["activity"]).await;
    for closed in [
        "muster.activity.v1.ActivityService/Trim",
        "muster.activity.v1.ActivityService/SetRetention",
        "muster.activity.v1.ActivityService/AppendStream",
        "muster.activity.v1.ActivityService/Unheard",
        "activityevents.ActivityEvents/ListEvents",
        "muster.presence.v1.ReplicationService/Replicate",
        "muster.presence.v1.PresenceService/Session",
        "muster.notificator.v1.NotificatorService/Send",
        "muster.users.v1.UsersService/GetUser",
        "pb.Notificator/SendEmail",
        "cloudstate.samples.chat.presence.Presence/Connect",
    ] {
        edge.call(closed, "{}").await.is_error(404, "unimplemented");
        let web = ["Content-Type: application/grpc-web+proto"];
        let answer = edge.post(closed, &web, &[0; 5]).await;
        answer.is_error(404, "unimplemented");
    }
    assert_eq!(edge.call("x.Y/Z", "{}").await.status, 404);
}

#[tokio::test]
async fn only_post_calls() {
    let edge = Edge::at("", &[]).await;
    for method in ["GET", "PUT", "OPTIONS", "DELETE"] {
        let answer = edge.curl(GET, &["-X", method]).await;
        answer.is_error(405, "unimplemented");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
}

#[tokio::test]
async fn forms_that_are_not_understood_are_refused() {
    let edge = peer::edge().await;
    for kind in [
        "application/grpc",
        "application/grpc+proto",
        "application/connect+json",
    ] {
        let answer = edge
            .post(GET, &[&format!("Content-Type: {kind}")], b"{}")
            .await;
        answer.is_error(415, "unimplemented");
    }
    for coding in ["gzip", "br"] {
        let header = format!("Content-Encoding: {coding}");
        let message = edge
            .post(GET, &[&header], b"{}")
            .await
            .is_error(501, "unimplemented");
        assert!(message.contains("identity"), "{message}");
    }
    let identity = ["Content-Encoding: identity"];
    edge.post(GET, &identity, br#"{"id":5}"#)
        .await
        .is_error(404, "not_found");
}

#[tokio::test]
async fn another_version_of_the_protocol_and_a_bad_timeout_are_named() {
    let edge = peer::edge().await;
    let refused = [
        "Connect-Protocol-Version: 2",
        "Connect-Timeout-Ms: soon",
        "Connect-Timeout-Ms: -1",
        "Connect-Timeout-Ms: 12345678901",
    ];
    for header in refused {
        let answer = edge.post(GET, &[header], b"{}").await;
        answer.is_error(400, "invalid_argument");
        let (name, _) = header.split_once(':').unwrap();
        assert_eq!(answer.bad_fields(), [name.to_lowercase()]);
    }
    for header in [
        "Connect-Timeout-Ms: 9999999999",
        "Connect-Protocol-Version: 1",
    ] {
        let answer = edge.post(GET, &[header], br#"{"id":5}"#).await;
        answer.is_error(404, "not_found");
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_refused_in_every_form() {
    let edge = Edge::before(&["tasks"]).await;
    let (addr, get) = (edge.gateway.addr(), r#"{"id":1}"#.as_bytes());
    let foreign = "Origin: https://elsewhere.example.org";
    for kind in [
        "text/plain",
        "application/json",
        "application/grpc-web",
        "application/grpc",
    ] {
        let kind = format!("Content-Type: {kind}");
        assert_eq!(edge.post(GET, &[foreign, &kind], get).await.status, 403);
    }
    let rebound = ["Host: rebound.example.org"];
    assert_eq!(edge.post(GET, &rebound, get).await.status, 403);
    let own = format!("Origin: http://{addr}");
    edge.post(GET, &[&own], get).await.ok();
}

#[tokio::test]
async fn origins_that_are_allowed_may_call() {
    let tasks = muster_testkit::Service::start("muster-tasks", &[]).await;
    let peers = format!("tasks={}", tasks.addr());
    let page = "https://app.example.org";
    let edge = Edge::at(&peers, &["--origins", page]).await;
    let origin = format!("Origin: {page}");
    edge.post(GET, &[&origin], br#"{"id":1}"#).await.ok();
}
