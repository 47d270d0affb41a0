//! What nobody can make sense of.

use muster_testkit::curl;
use serde_json::{Value, json};

use super::SERVICES;
use super::activity::ACTIVITY;
use super::presence::PRESENCE;
use crate::{Suite, call, refused};

/// # Panics
/// When it is not.
pub async fn bad_input_is_refused_with_its_field_and_the_next_call_is_served(suite: &impl Suite) {
    let at = |name: &str| suite.addr_of(name);
    let conflicts = "Scheduling.ConflictService/GetConflicts";
    let (start, end) = ("2026-01-05T09:00:00Z", "2026-01-05T08:00:00Z");
    for (addr, method, message, field) in [
        (
            at("presence"),
            format!("{PRESENCE}/Connect"),
            json!({}),
            "name",
        ),
        (
            at("presence"),
            format!("{PRESENCE}/Monitor"),
            json!({ "name": "x".repeat(300) }),
            "name",
        ),
        (
            at("activity"),
            format!("{ACTIVITY}/CreateEvent"),
            json!({ "message": "x".repeat(70_000) }),
            "message",
        ),
        (
            at("notificator"),
            "pb.Notificator/SendEmail".to_owned(),
            json!({ "content": "x" }),
            "email",
        ),
        (
            at("notificator"),
            "pb.Notificator/SendEmail".to_owned(),
            json!({ "email": "a\r\nBcc: b" }),
            "email",
        ),
        (
            at("users"),
            "muster.users.v1.UsersService/CreateUser".to_owned(),
            json!({}),
            "email",
        ),
        (
            at("users"),
            "muster.users.v1.UsersService/GetUser".to_owned(),
            json!({}),
            "id",
        ),
        (
            at("conflicts"),
            conflicts.to_owned(),
            json!({ "events": [{ "start": start }] }),
            "events[0].end",
        ),
        (
            at("conflicts"),
            conflicts.to_owned(),
            json!({ "events": [{ "start": start, "end": end }] }),
            "events[0].end",
        ),
    ] {
        let why = refused(&addr, &method, &message).await;
        assert!(
            why.contains("InvalidArgument") && why.contains(field),
            "{method} {field}: {why}"
        );
    }
    let url = format!("http://{}", at("users"));
    for (path, data, expected) in [
        ("/create", "no json", "400"),
        ("/create", "{}", "400"),
        ("/create", r#"{"email":"a\r\nb"}"#, "400"),
        ("/create", r#"{"email":7}"#, "400"),
        ("/nowhere", r#"{"email":"test"}"#, "404"),
    ] {
        let target = format!("{url}{path}");
        let answer = curl(&["-XPOST", &target, "-d", data, "-w", "\n%{http_code}"])
            .await
            .ok();
        let (body, status) = answer.rsplit_once('\n').unwrap();
        assert_eq!(status, expected, "{path} {data}: {body}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert!(body["error"].is_string(), "{body}");
    }
    for (name, _) in SERVICES {
        let health = call(&at(name), "grpc.health.v1.Health/Check", &json!({})).await;
        assert_eq!(health, json!({ "status": "SERVING" }), "{name}");
    }
}
