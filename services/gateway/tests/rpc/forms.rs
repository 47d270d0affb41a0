//! Calls that go well, in each form.

use muster_proto::muster::tasks::v1 as pb;
use prost::Message;
use serde_json::{Value, json};

use crate::edge::Edge;

const TASKS: &str = "muster.tasks.v1.TasksService";

#[tokio::test]
async fn curl_calls_a_method_with_json_and_nothing_else() {
    let edge = Edge::before(&["tasks"]).await;
    let args = ["-d", r#"{"id": 1}"#];
    let answer = edge.curl(&format!("{TASKS}/GetTask"), &args).await;
    let task = &answer.ok()["task"];
    assert_eq!(task["id"], "1");
    assert_eq!(task["userId"], "1");
    assert_eq!(task["status"], "TASK_STATUS_OPEN");
}

#[tokio::test]
async fn fields_may_be_written_as_in_the_proto_and_numbers_as_texts() {
    let edge = Edge::before(&["tasks"]).await;
    let method = format!("{TASKS}/CreateTask");
    for body in [
        r#"{"user_id":7,"content":"one"}"#,
        r#"{"userId":"7","content":"one"}"#,
    ] {
        let task = &edge.call(&method, body).await.ok()["task"];
        assert_eq!(
            (&task["userId"], &task["content"]),
            (&json!("7"), &json!("one"))
        );
    }
    let list = edge
        .call(&format!("{TASKS}/ListTasks"), r#"{"userId":7}"#)
        .await;
    assert_eq!(list.ok()["tasks"].as_array().unwrap().len(), 2);
    let done = r#"{"id":1,"status":"TASK_STATUS_COMPLETED"}"#;
    let task = &edge.call(&format!("{TASKS}/UpdateTask"), done).await.ok()["task"];
    assert!(
        task["completedAt"].as_str().unwrap().ends_with('Z'),
        "{task}"
    );
}

#[tokio::test]
async fn the_same_is_had_as_protobuf() {
    let edge = Edge::before(&["tasks"]).await;
    let request = pb::GetTaskRequest { id: 1 }.encode_to_vec();
    let headers = [
        "Content-Type: application/proto",
        "Connect-Protocol-Version: 1",
    ];
    let answer = edge
        .post(&format!("{TASKS}/GetTask"), &headers, &request)
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/proto"));
    let answer = pb::GetTaskResponse::decode(answer.body.as_slice()).unwrap();
    assert_eq!(answer.task.unwrap().user_id, 1);
    // What has gone wrong is told in JSON all the same.
    let request = pb::GetTaskRequest { id: 999 }.encode_to_vec();
    let answer = edge
        .post(&format!("{TASKS}/GetTask"), &headers, &request)
        .await;
    answer.is_error(404, "not_found");
}

#[tokio::test]
async fn packages_that_existing_clients_speak_are_reached_by_their_own_names() {
    let edge = Edge::before(&["activity", "conflicts"]).await;
    let event = r#"{"id":1,"deploymentId":7,"message":"rolled out"}"#;
    let create = "activityevents.ActivityEvents/CreateEvent";
    assert_eq!(
        edge.call(create, event).await.ok(),
        json!({ "id": 1, "success": true })
    );
    let list = r#"{"filter":{"topic":"deployment/7"}}"#;
    let list = edge
        .call("muster.activity.v1.ActivityService/List", list)
        .await
        .ok();
    assert_eq!(list["events"][0]["message"], "rolled out");

    let calendar = r#"{"events":[
        {"id":"a","start":"2026-01-05T09:00:00Z","end":"2026-01-05T10:00:00Z"},
        {"id":"b","start":"2026-01-05T09:30:00.5Z","end":"2026-01-05T10:30:00+00:30"}]}"#;
    let found = edge
        .call("Scheduling.ConflictService/GetConflicts", calendar)
        .await
        .ok();
    let group = found["conflicts"][0]["conflictGroup"].as_array().unwrap();
    let ids: Vec<&Value> = group.iter().map(|event| &event["id"]).collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(group[1]["start"], "2026-01-05T09:30:00.500Z");
}

#[tokio::test]
async fn a_user_is_created_and_presence_is_read() {
    let edge = Edge::before(&["users", "presence"]).await;
    let create = "muster.users.v1.UsersService/CreateUser";
    let user = edge.call(create, r#"{"email":"test"}"#).await.ok();
    assert_eq!(user["user"]["email"], "test@localhost");
    let presence = "muster.presence.v1.PresenceService/GetPresence";
    let users = edge.call(presence, r#"{"users":["1"]}"#).await.ok();
    assert_eq!(users["users"][0]["user"], "1");
    // Fields that have their default are left out, as protobuf's JSON has it.
    assert_eq!(users["users"][0]["online"], Value::Null);
}

#[tokio::test]
async fn calls_go_to_all_instances_in_turn() {
    let one = muster_testkit::Service::start("muster-activity", &[]).await;
    let two = muster_testkit::Service::start("muster-activity", &[]).await;
    let peers = format!("activity={},activity={}", one.addr(), two.addr());
    let edge = Edge::at(&peers, &[]).await;
    let stats = "muster.activity.v1.ActivityService/GetStats";
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(edge.call(stats, "{}").await.ok()["storeId"].clone());
    }
    assert_ne!(stores[0], stores[1]);
    assert_eq!(stores[..2], stores[2..]);
}
