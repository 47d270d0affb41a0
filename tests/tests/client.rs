//! The command-line client against a running suite.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use muster_testkit::{Output, Process, Service, eventually, run, target_dir};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(10);

fn binary() -> PathBuf {
    target_dir().join("muster")
}

/// One command of the client for a service of the suite.
async fn muster(suite: &Service, service: &str, words: &[&str]) -> Output {
    let addr = suite.addr_of(service);
    let mut command = tokio::process::Command::new(binary());
    run(command.args(words).args(["--addr", &addr]), "").await
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn events_are_added_and_listed() {
    let suite = Service::suite(&[]).await;
    let add = [
        "activity",
        "add",
        r#"{"deployment_id":7,"id":3,"message":"one"}"#,
    ];
    let added = muster(&suite, "activity", &add).await.ok();
    assert_eq!(added, "stored as event 3 of deployment 7\n");
    let add = [
        "activity",
        "add",
        r#"{"deployment_id":7,"message":"two"}"#,
        "--json",
    ];
    let added = json_lines(&muster(&suite, "activity", &add).await.ok());
    assert_eq!(
        (&added[0]["id"], &added[0]["success"]),
        (&json!(4), &json!(true))
    );

    let listed = muster(&suite, "activity", &["activity", "list", "7"])
        .await
        .ok();
    let lines: Vec<_> = listed.lines().collect();
    assert!(lines[0].ends_with("deployment 7  event 3  one"), "{listed}");
    assert!(lines[1].ends_with("deployment 7  event 4  two"), "{listed}");
    let other = [
        "activity",
        "add",
        r#"{"deployment_id":7,"id":3,"message":"other"}"#,
    ];
    let refused = muster(&suite, "activity", &other).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused
            .stderr
            .starts_with("muster activity: ALREADY_EXISTS: "),
        "{}",
        refused.stderr
    );
    let typo = muster(
        &suite,
        "activity",
        &["activity", "add", r#"{"mesage":"x"}"#],
    )
    .await;
    assert_eq!(typo.status.code(), Some(64), "{}", typo.stderr);
}

#[tokio::test]
async fn events_of_any_topic_are_added_once_listed_and_counted() {
    let suite = Service::suite(&[]).await;
    let activity = |words: &'static [&'static str]| muster(&suite, "activity", words);
    let add = [
        "activity",
        "add",
        r#"{"topic":"room/7","id":"x","kind":"chat","message":"a\nb","attributes":{"from":"ann"}}"#,
    ];
    let added = muster(&suite, "activity", &add).await.ok();
    assert_eq!(added, "stored as event x of room/7\n");
    let again = muster(&suite, "activity", &add).await.ok();
    assert_eq!(again, "already there as event x of room/7\n");
    let other = r#"{"topic":"room/7","id":"x","message":"other"}"#;
    let refused = muster(&suite, "activity", &["activity", "add", other]).await;
    let told = refused
        .stderr
        .starts_with("muster activity: ALREADY_EXISTS: ");
    assert!(
        refused.status.code() == Some(1) && told,
        "{}",
        refused.stderr
    );

    for topic in ["room/7", "room/"] {
        let listed = muster(&suite, "activity", &["activity", "list", topic])
            .await
            .ok();
        let line = listed.strip_suffix('\n').unwrap();
        assert!(
            line.ends_with(r"Z  room/7  x  [chat]  a\nb  from=ann"),
            "{listed}"
        );
    }
    let told = activity(&["activity", "tail", "--json"]).await.ok();
    let told = json_lines(&told);
    assert_eq!(
        (&told[0]["topic"], &told[0]["position"]),
        (&json!("room/7"), &json!(1))
    );
    assert_eq!(activity(&["activity", "tail", "--new"]).await.ok(), "");
    let stats = activity(&["activity", "stats"]).await.ok();
    assert!(stats.starts_with("1 event in 1 topic, "), "{stats}");
}

#[tokio::test]
async fn who_follows_a_topic_misses_nothing_and_sees_nothing_twice_though_the_service_is_killed() {
    let addr = format!("127.0.0.1:{}", muster_testkit::free_port());
    let mut service = Service::start("muster-activity", &["--listen", &addr]).await;
    let add = async |id: u32| {
        let event = json!({ "topic": "room/7", "id": id.to_string(), "message": "a" });
        let mut add = tokio::process::Command::new(binary());
        add.args(["activity", "add", &event.to_string(), "--addr", &addr]);
        run(&mut add, "").await.ok();
    };
    let mut follow = std::process::Command::new(binary());
    follow.args([
        "activity", "tail", "room/7", "--follow", "--json", "--addr", &addr,
    ]);
    add(1).await;
    let follower = Process::spawn(&mut follow);
    let sees = |count: usize| {
        let follower = &follower;
        eventually(SOON, move || {
            let seen = follower.stdout().lines().count() == count;
            std::future::ready(seen.then_some(()))
        })
    };
    sees(1).await;
    add(2).await;
    sees(2).await;
    service.process().sigkill();
    service.restart().await;
    assert_eq!(service.addr(), addr);
    add(3).await;
    sees(3).await;
    let ids: Vec<_> = json_lines(&follower.stdout())
        .iter()
        .map(|event| event["id"].clone())
        .collect();
    assert_eq!(ids, ["1", "2", "3"]);
}

#[tokio::test]
async fn users_are_seen_to_come_and_go() {
    let suite = Service::suite(&[]).await;
    let addr = suite.addr_of("presence");
    let start = |words: &[&str]| {
        Process::spawn(
            std::process::Command::new(binary())
                .arg("presence")
                .args(words)
                .args(["--addr", &addr]),
        )
    };
    let monitor = start(&["monitor", "Albert", "Berta"]);
    let shows = |line: &'static str| {
        let monitor = &monitor;
        eventually(SOON, move || {
            let last = monitor.stdout().lines().last() == Some(line);
            std::future::ready(last.then_some(()))
        })
    };
    eventually(SOON, || {
        std::future::ready((monitor.stdout().lines().count() == 2).then_some(()))
    })
    .await;
    let connect = start(&["connect", "Albert"]);
    shows("Albert is online").await;
    drop(connect);
    shows("Albert is offline").await;
    assert_eq!(monitor.stdout().lines().count(), 4, "{}", monitor.stdout());
}

/// A command about presence, which goes on until it is dropped.
fn presence(addr: &str, words: &[&str]) -> Process {
    let mut command = std::process::Command::new(binary());
    command.arg("presence").args(words).args(["--addr", addr]);
    Process::spawn(&mut command)
}

/// Waits until a process has printed so many lines, the last of which is this.
async fn prints(process: &Process, lines: usize, last: &str) {
    eventually(SOON, || {
        let printed = process.stdout();
        let is_there = printed.lines().count() == lines && printed.lines().last() == Some(last);
        std::future::ready(is_there.then_some(()))
    })
    .await;
}

#[tokio::test]
async fn what_users_tell_is_listed_and_their_grace_kept() {
    let suite = Service::suite(&[]).await;
    let addr = suite.addr_of("presence");
    let words = [
        "connect",
        "Albert",
        "--device",
        "phone",
        "--status",
        "in a meeting",
        "--grace",
        "1h",
    ];
    let connect = presence(&addr, &words);
    prints(&connect, 1, "Albert is connected").await;
    let list = async |words: &[&str]| {
        let words = [&["presence"], words].concat();
        muster(&suite, "presence", &words).await.ok()
    };
    let expected = "Albert  phone: in a meeting\n1 user online\n";
    assert_eq!(list(&["list"]).await, expected);
    let device = json!({ "device": "phone", "status": "in a meeting", "metadata": {} });
    let albert =
        json!({ "name": "Albert", "online": true, "devices": [device], "last_seen": null });
    assert_eq!(json_lines(&list(&["list", "--json"]).await), [albert]);

    let replicas = list(&["replicas"]).await;
    assert!(replicas.starts_with("replica "), "{replicas}");
    let replica = &json_lines(&list(&["replicas", "--json"]).await)[0];
    assert_eq!(
        (&replica["state"], &replica["users"]),
        (&json!("up"), &json!(1))
    );

    drop(connect);
    eventually(SOON, || async {
        let is_gone = list(&["list"]).await == "Albert\n1 user online\n";
        is_gone.then_some(())
    })
    .await;
}

#[tokio::test]
async fn who_is_connected_or_watches_comes_back_though_the_service_is_killed() {
    let addr = format!("127.0.0.1:{}", muster_testkit::free_port());
    let mut service = Service::start("muster-presence", &["--listen", &addr]).await;
    let connect = presence(&addr, &["connect", "Albert"]);
    prints(&connect, 1, "Albert is connected").await;
    let monitor = presence(&addr, &["monitor", "Albert"]);
    prints(&monitor, 1, "Albert is online").await;
    service.process().sigkill();
    service.restart().await;
    prints(&connect, 2, "Albert is connected").await;
    let berta = presence(&addr, &["connect", "Berta"]);
    prints(&berta, 1, "Berta is connected").await;
    drop(connect);
    eventually(SOON, || {
        let is_told = monitor.stdout().lines().last() == Some("Albert is offline");
        std::future::ready(is_told.then_some(()))
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_refused_is_no_success() {
    let suite = Service::suite(&[]).await;
    let loud = "x".repeat(257);
    let words = ["presence", "connect", "Albert", "--status", &loud];
    let refused = muster(&suite, "presence", &words).await;
    let expected = "muster presence: connect.connections[0].device.status: ";
    assert!(refused.stderr.starts_with(expected), "{}", refused.stderr);
}

#[tokio::test]
async fn a_mail_is_sent_and_its_delivery_told() {
    let suite = Service::suite(&[]).await;
    let send = [
        "notify",
        "send",
        "--to",
        "ann",
        "--content",
        "Hello",
        "--key",
        "k",
        "--json",
    ];
    let sent = json_lines(&muster(&suite, "notificator", &send).await.ok());
    let id = sent[0]["id"].as_str().unwrap().to_owned();
    eventually(SOON, || async {
        let status = muster(&suite, "notificator", &["notify", "status", &id])
            .await
            .ok();
        let expected = format!("{id} to ann@localhost: delivered after 1 attempt\n");
        (status == expected).then_some(())
    })
    .await;
    let status = muster(&suite, "notificator", &["notify", "status", &id, "--json"]).await;
    let status = &json_lines(&status.ok())[0];
    assert!(is_utc(&status["created_at"]), "{status}");
    assert_eq!(
        status.get("next_attempt_at"),
        Some(&Value::Null),
        "{status}"
    );
}

/// A time as RFC 3339 writes it.
fn is_utc(time: &Value) -> bool {
    let time = time.as_str().unwrap_or_default();
    time.starts_with("20") && time.contains('T') && time.ends_with('Z')
}

#[tokio::test]
async fn a_reader_that_has_gone_ends_a_command_quietly() {
    let suite = Service::suite(&[]).await;
    let add = ["activity", "add", r#"{"message":"one"}"#];
    muster(&suite, "activity", &add).await.ok();
    let (addr, calendar) = (suite.addr_of("activity"), calendar_json());
    let conflicts = suite.addr_of("conflicts");
    for words in [
        ["activity", "list", "--addr", &addr],
        ["conflicts", &calendar, "--addr", &conflicts],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = tokio::process::Command::new(binary());
        command.args(words).stdout(writer);
        let started = command.stderr(std::process::Stdio::piped()).spawn();
        let ended = started.unwrap().wait_with_output().await.unwrap();
        assert_eq!(ended.status.code(), Some(1), "{words:?}");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{words:?}");
    }
}

/// A calendar in JSON.
fn calendar_json() -> String {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/conflicts/tests/calendar.json");
    file.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_user_is_created_and_found() {
    let suite = Service::suite(&[]).await;
    let created = muster(&suite, "users", &["users", "create", "ann"])
        .await
        .ok();
    assert_eq!(created, "user 1: ann@localhost\n");
    let found = muster(&suite, "users", &["users", "get", "1", "--json"])
        .await
        .ok();
    let found = &json_lines(&found)[0];
    assert_eq!(
        (&found["id"], &found["email"]),
        (&json!(1), &json!("ann@localhost"))
    );
    assert!(is_utc(&found["created_at"]), "{found}");
    let missing = muster(&suite, "users", &["users", "get", "2"]).await;
    assert!(
        missing.stderr.starts_with("muster users: NOT_FOUND: "),
        "{}",
        missing.stderr
    );
}

#[tokio::test]
async fn a_task_is_added_completed_and_removed() {
    let suite = Service::suite(&[]).await;
    let call = async |words: &[&str]| {
        let words = [&["tasks"], words].concat();
        muster(&suite, "tasks", &words).await
    };
    let add = ["add", "77", "Water\nthe plants", "--key", "one"];
    let added = call(&add).await.ok();
    let (first, rest) = added.split_once(" of ").unwrap();
    assert_eq!(rest, "user 77, open: Water\\nthe plants\n");
    assert_eq!(call(&add).await.ok(), added);
    let id = first.trim_start_matches("task ");

    let done = json_lines(&call(&["done", id, "--json"]).await.ok()).remove(0);
    assert_eq!(done["status"], "completed");
    assert!(is_utc(&done["completed_at"]), "{done}");
    let list = ["list", "--user", "77", "--status", "completed", "--json"];
    assert_eq!(json_lines(&call(&list).await.ok()), [done]);
    let reopened = call(&["reopen", id]).await.ok();
    assert_eq!(reopened, added);
    let list = ["list", "--user", "77", "--status", "open"];
    assert_eq!(call(&list).await.ok(), format!("{added}1 task\n"));

    let removed = call(&["rm", id]).await.ok();
    assert_eq!(removed, format!("task {id} is deleted\n"));
    let missing = call(&["done", id]).await.stderr;
    assert!(
        missing.starts_with("muster tasks: NOT_FOUND: "),
        "{missing}"
    );
}

#[tokio::test]
async fn a_calendar_is_read_from_json_and_icalendar() {
    let suite = Service::suite(&[]).await;
    let json = calendar_json();
    let found = muster(&suite, "conflicts", &["conflicts", &json])
        .await
        .ok();
    assert!(found.ends_with("27 events, 7 conflicts\n"), "{found}");
    let groups = json_lines(
        &muster(&suite, "conflicts", &["conflicts", &json, "--json"])
            .await
            .ok(),
    );
    assert_eq!(groups.len(), 7);

    let calendar = suite.folder().join("calendar.ics");
    let event = |uid: &str, start: &str, end: &str| {
        format!(
            "BEGIN:VEVENT\r\nUID:{uid}\r\nSUMMARY:{uid}\r\nDTSTART:{start}\r\nDTEND:{end}\r\nEND:VEVENT\r\n"
        )
    };
    let events = event("one", "20260105T090000Z", "20260105T100000Z")
        + &event("two", "20260105T093000Z", "20260105T103000Z")
        + &event("three", "20260105T103000Z", "20260105T110000Z");
    let text =
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\n{events}END:VCALENDAR\r\n");
    std::fs::write(&calendar, &text).unwrap();
    let found = muster(
        &suite,
        "conflicts",
        &["conflicts", calendar.to_str().unwrap()],
    )
    .await
    .ok();
    assert_eq!(
        found,
        "2 events overlap:\n  2026-01-05T09:00:00Z to 2026-01-05T10:00:00Z  one\n  \
         2026-01-05T09:30:00Z to 2026-01-05T10:30:00Z  two\n3 events, 1 conflict\n"
    );

    let weekly = text.replace("UID:two\r\n", "UID:two\r\nRRULE:FREQ=WEEKLY\r\n");
    std::fs::write(&calendar, weekly).unwrap();
    let words = ["conflicts", calendar.to_str().unwrap()];
    let warned = muster(&suite, "conflicts", &words).await;
    assert_eq!(
        warned.stderr,
        "muster conflicts: 1 recurring event: only the first time of each counts\n"
    );
    assert_eq!(warned.ok(), found);
}

#[tokio::test]
async fn health_is_told_with_the_exit_codes_of_grpc_health_probe() {
    let suite = Service::suite(&[]).await;
    let health = |words: Vec<String>| async move {
        run(
            tokio::process::Command::new(binary())
                .arg("health")
                .args(words),
            "",
        )
        .await
    };
    let addr = suite.addr_of("users");
    assert_eq!(health(vec![addr.clone()]).await.ok(), "status: SERVING\n");
    let named = vec![addr.clone(), "--service".to_owned(), "liveness".to_owned()];
    assert_eq!(health(named).await.ok(), "status: SERVING\n");
    let unknown = health(vec![addr, "--service".to_owned(), "no.Such".to_owned()]).await;
    assert_eq!(unknown.status.code(), Some(3), "{}", unknown.stderr);
    let nobody = health(vec![format!("127.0.0.1:{}", muster_testkit::free_port())]).await;
    assert_eq!(nobody.status.code(), Some(2), "{}", nobody.stderr);
}
