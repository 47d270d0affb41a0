//! A disk that is full: writes are refused for the time being, and everything else goes on.

use std::fs;

use muster_proto::muster::tasks::v1::CreateTaskRequest;
use muster_testkit::{Process, SmallDisk, eventually, get, listening, target_dir};
use tonic::Code;

use crate::{SOON, Tasks, openapi};

const DISK_MIB: u32 = 8;
/// What something else takes of it.
const OTHER_BYTES: usize = 2 * 1024 * 1024;
const NEW: &str = r#"{"user_id":1,"content":"x"}"#;

/// The service with its store on that disk, and its admin address.
async fn serve(disk: &SmallDisk) -> (Process, Tasks, String) {
    let mut command = disk.command(&target_dir().join("muster-tasks"));
    let store = format!("sqlite:{}/tasks.db", disk.path().display());
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let mut process = Process::spawn(command.args(["--store", &store]));
    let admin = listening(&mut process, "admin").await;
    let addr = listening(&mut process, "tasks").await;
    eventually(SOON, || get(&addr, "/tasks/1")).await;
    (process, Tasks::at(addr), admin)
}

/// Creates long tasks until one is refused: why.
async fn fill(tasks: &Tasks) -> tonic::Status {
    let mut client = tasks.client.clone();
    loop {
        let request = CreateTaskRequest {
            user_id: 77,
            content: "x".repeat(10_000),
            idempotency_key: String::new(),
        };
        if let Err(status) = client.create_task(request).await {
            return status;
        }
    }
}

#[tokio::test]
async fn a_full_disk_refuses_writes_alone_and_only_while_it_is_full() {
    let disk = SmallDisk::of_mib(DISK_MIB).await;
    let other = disk.path_from_outside().join("other");
    fs::write(&other, vec![1; OTHER_BYTES]).unwrap();
    let (_process, tasks, admin) = serve(&disk).await;
    let document = openapi::document(&tasks).await;
    let refused = fill(&tasks).await;
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");

    let long = format!(r#"{{"user_id":1,"content":"{}"}}"#, "x".repeat(10_000));
    let change = format!(r#"{{"content":"{}"}}"#, "x".repeat(10_000));
    for (method, path, body) in [("POST", "/tasks", &long), ("PATCH", "/tasks/1", &change)] {
        let answer = tasks.call(method, path, &[], body).await;
        answer.is_problem(503, &[]);
        assert_eq!(answer.header("retry-after"), Some("1"));
        let path = path.replace('1', "{id}");
        openapi::conforms(&document, &method.to_lowercase(), &path, &answer);
    }
    assert_eq!(tasks.get("/tasks?limit=1").await.status, 200);
    assert_eq!(get(&admin, "/readyz").await.unwrap().0, 200);

    fs::remove_file(other).unwrap();
    assert_eq!(tasks.post(NEW).await.status, 201);
    assert_eq!(tasks.patch("/tasks/1", r#"{"status":1}"#).await.status, 200);
}
