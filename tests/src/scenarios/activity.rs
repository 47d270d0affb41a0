//! What happened.

use serde_json::{Value, json};

use super::fresh_number;
use crate::{Suite, call, refused};

pub(super) const ACTIVITY: &str = "activityevents.ActivityEvents";

/// # Panics
/// When they are not.
pub async fn events_are_stored_once_and_listed_in_order(suite: &impl Suite) {
    let addr = suite.addr_of("activity");
    let create = format!("{ACTIVITY}/CreateEvent");
    let deployment = fresh_number();
    let before = all(&addr).await.len();
    let sent = json!({
        "id": 1, "deploymentId": deployment, "message": "first",
        "timestamp": { "send": "1700000000000000000", "receive": "5" },
    });
    let first = call(&addr, &create, &sent).await;
    assert_eq!((&first["id"], &first["success"]), (&json!(1), &json!(true)));
    let again = call(&addr, &create, &sent).await;
    assert_eq!(again, first, "the same again: the first times are kept");
    let second = json!({ "deploymentId": deployment, "message": "second" });
    let given = call(&addr, &create, &second).await;
    assert_eq!(given["id"], 2, "without an id it gets the next");
    let other = json!({ "id": 1, "deploymentId": deployment, "message": "other" });
    let why = refused(&addr, &create, &other).await;
    assert!(why.contains("AlreadyExists"), "{why}");
    let elsewhere = json!({ "id": 1, "deploymentId": fresh_number(), "message": "elsewhere" });
    call(&addr, &create, &elsewhere).await;

    let listed = list(&addr, deployment).await;
    let messages = listed
        .iter()
        .map(|event| event["message"].as_str().unwrap());
    assert_eq!(messages.collect::<Vec<_>>(), ["first", "second"]);
    assert_eq!(listed[0]["timestamp"]["send"], "1700000000000000000");
    assert_ne!(listed[0]["timestamp"]["receive"], "5", "the server sets it");
    assert_eq!(all(&addr).await.len(), before + 3, "deployment 0 is all");
}

async fn all(addr: &str) -> Vec<Value> {
    list(addr, 0).await
}

/// The events of a deployment, the oldest first.
pub(super) async fn list(addr: &str, deployment: u32) -> Vec<Value> {
    let (method, of) = (
        format!("{ACTIVITY}/ListEvents"),
        json!({ "id": deployment }),
    );
    match call(addr, &method, &of).await {
        Value::Array(events) => events,
        event => vec![event],
    }
}
