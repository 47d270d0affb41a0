//! `muster up`, driven by the programs that people use: grpcurl and curl.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::time::Duration;

use muster_testkit::{
    Process, Service, curl, eventually, get, grpcurl, leeway, measured, program, report,
};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(10);
const PRESENCE: &str = "cloudstate.samples.chat.presence.Presence";
const ACTIVITY: &str = "activityevents.ActivityEvents";

/// A gRPC service of each port.
const SERVICES: [(&str, &str); 7] = [
    ("presence", PRESENCE),
    ("activity", ACTIVITY),
    ("notificator", "pb.Notificator"),
    ("users", "muster.users.v1.UsersService"),
    ("conflicts", "Scheduling.ConflictService"),
    ("tasks", "muster.tasks.v1.TasksService"),
    ("gateway", "grpc.health.v1.Health"),
];

/// A call that must succeed: its answer, or its answers as an array.
async fn call(addr: &str, method: &str, message: &Value) -> Value {
    let text = message.to_string();
    let answer = grpcurl(
        &[
            "-plaintext",
            "-max-msg-sz",
            "99999999",
            "-d",
            "@",
            addr,
            method,
        ],
        &text,
    )
    .await
    .ok();
    let mut answers: Vec<_> = serde_json::Deserializer::from_str(&answer)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    if answers.len() == 1 {
        answers.remove(0)
    } else {
        Value::Array(answers)
    }
}

/// A call that must fail: what grpcurl says of it.
async fn refused(addr: &str, method: &str, message: &Value) -> String {
    let output = grpcurl(
        &["-plaintext", "-d", "@", addr, method],
        &message.to_string(),
    )
    .await;
    assert!(
        !output.status.success(),
        "{method} {message} was answered {}",
        output.stdout
    );
    output.stderr
}

#[tokio::test]
async fn every_port_describes_itself_by_both_versions_of_reflection() {
    assert_eq!(SERVICES.map(|(name, _)| name), muster_testkit::SERVICES);
    let suite = Service::suite(&[]).await;
    for (name, service) in SERVICES {
        let addr = suite.addr_of(name);
        let list = grpcurl(&["-plaintext", &addr, "list"], "").await.ok();
        for expected in [
            service,
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        ] {
            assert!(
                list.lines().any(|line| line == expected),
                "{name} lists\n{list}"
            );
        }
        let described = grpcurl(&["-plaintext", &addr, "describe", service], "")
            .await
            .ok();
        assert!(
            described.contains(&format!("{service} is a service")),
            "{described}"
        );

        // grpcurl itself asks v1 where that is served; the older one is asked by hand.
        let info = "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
        let list = call(&addr, info, &json!({ "listServices": "" })).await;
        let listed = list["listServicesResponse"]["service"].as_array().unwrap();
        assert!(listed.contains(&json!({ "name": service })), "{list}");
        let file = call(&addr, info, &json!({ "fileContainingSymbol": service })).await;
        let files = file["fileDescriptorResponse"]["fileDescriptorProto"]
            .as_array()
            .unwrap();
        assert!(!files.is_empty(), "{file}");
    }
}

/// What grpcurl prints of these messages.
const OFFLINE: &str = "{}\n";
const ONLINE: &str = "{\n  \"online\": true\n}\n";

/// A terminal with a call about Albert, which goes on until it is dropped.
fn terminal(addr: &str, method: &str) -> Process {
    let method = format!("{PRESENCE}/{method}");
    let albert = r#"{"name":"Albert"}"#;
    Process::tool("grpcurl", &["-plaintext", "-d", albert, addr, &method])
}

/// Another device of Albert's, connected when this returns.
async fn second_device(addr: &str) -> Process {
    let mut command = program("muster");
    command.args(["presence", "connect", "Albert", "--addr", addr]);
    let device = Process::spawn(&mut command);
    has_printed(&device, "Albert is connected\n").await;
    device
}

/// Waits until a terminal has shown this and no more.
async fn has_printed(terminal: &Process, expected: &str) {
    let printed = || terminal.stdout() == expected;
    eventually(SOON, || std::future::ready(printed().then_some(()))).await;
}

/// How many connections there are to presence, those of the gateway included.
async fn connections(suite: &Service) -> Option<usize> {
    let (_, metrics) = get(&suite.addr_of("admin"), "/metrics").await?;
    let rest = metrics
        .lines()
        .find_map(|line| line.strip_prefix("server_connections{service=\"presence\"} "));
    rest?.parse().ok()
}

/// Waits until so many of them are left.
async fn connections_are(suite: &Service, count: usize) {
    eventually(SOON, || async {
        (connections(suite).await? == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_monitor_sees_albert_come_and_go_in_another_terminal() {
    let suite = Service::suite(&[]).await;
    let addr = suite.addr_of("presence");
    let monitor = terminal(&addr, "Monitor");
    has_printed(&monitor, OFFLINE).await;
    let first_device = terminal(&addr, "Connect");
    let online = [OFFLINE, ONLINE].concat();
    has_printed(&monitor, &online).await;
    let mut second_device = second_device(&addr).await;
    let before = connections(&suite).await.unwrap();
    drop(first_device);
    connections_are(&suite, before - 1).await;

    // The second device was silent, and so is the end of the first: he is still online.
    let fresh_monitor = terminal(&addr, "Monitor");
    has_printed(&fresh_monitor, ONLINE).await;
    assert_eq!(monitor.stdout(), online);
    second_device.sigint();
    second_device.wait_exit(SOON).await;
    has_printed(&monitor, &[&online, OFFLINE].concat()).await;
}

#[tokio::test]
async fn users_and_who_watches_them_are_counted_at_metrics() {
    let suite = Service::suite(&[]).await;
    let (addr, admin) = (suite.addr_of("presence"), suite.addr_of("admin"));
    let monitor = terminal(&addr, "Monitor");
    has_printed(&monitor, OFFLINE).await;
    let _device = second_device(&addr).await;
    let expected = [
        "presence_users_online 1",
        "presence_own_votes 1",
        "presence_monitors 1",
        // One of them is the gateway's.
        "presence_sessions 2",
        "presence_watched_users 0",
    ];
    eventually(SOON, || async {
        let (_, metrics) = get(&admin, "/metrics").await?;
        let has = |row: &&str| metrics.lines().any(|line| line == *row);
        expected.iter().all(has).then_some(())
    })
    .await;
}

#[tokio::test]
async fn events_are_stored_once_and_listed_in_order() {
    let suite = Service::suite(&[]).await;
    let addr = suite.addr_of("activity");
    let (create, list) = (
        format!("{ACTIVITY}/CreateEvent"),
        format!("{ACTIVITY}/ListEvents"),
    );
    let sent = json!({
        "id": 1, "deploymentId": 7, "message": "first",
        "timestamp": { "send": "1700000000000000000", "receive": "5" },
    });
    let first = call(&addr, &create, &sent).await;
    assert_eq!((&first["id"], &first["success"]), (&json!(1), &json!(true)));
    let again = call(&addr, &create, &sent).await;
    assert_eq!(again, first, "the same again: the first times are kept");
    let given = call(
        &addr,
        &create,
        &json!({ "deploymentId": 7, "message": "second" }),
    )
    .await;
    assert_eq!(given["id"], 2, "without an id it gets the next");
    let other = refused(
        &addr,
        &create,
        &json!({ "id": 1, "deploymentId": 7, "message": "other" }),
    )
    .await;
    assert!(other.contains("AlreadyExists"), "{other}");
    call(
        &addr,
        &create,
        &json!({ "id": 1, "deploymentId": 8, "message": "elsewhere" }),
    )
    .await;

    let listed = call(&addr, &list, &json!({ "id": 7 })).await;
    let listed = listed.as_array().unwrap();
    let messages: Vec<_> = listed
        .iter()
        .map(|event| event["message"].as_str().unwrap())
        .collect();
    assert_eq!(messages, ["first", "second"]);
    assert_eq!(listed[0]["timestamp"]["send"], "1700000000000000000");
    assert_ne!(listed[0]["timestamp"]["receive"], "5", "the server sets it");
    let all = call(&addr, &list, &json!({})).await;
    assert_eq!(all.as_array().unwrap().len(), 3, "deployment 0 is all");
}

#[tokio::test]
async fn a_mail_is_answered_with_a_uuid_and_becomes_a_file() {
    let suite = Service::suite(&[]).await;
    let addr = suite.addr_of("notificator");
    let reply = call(
        &addr,
        "pb.Notificator/SendEmail",
        &json!({ "email": "test", "content": "Hello" }),
    )
    .await;
    let id = reply["id"].as_str().unwrap();
    let shape: Vec<_> = id.split('-').map(str::len).collect();
    assert_eq!(shape, [8, 4, 4, 4, 12], "{id} is a UUID");
    let mail = eventually(SOON, || std::future::ready(suite.mails().pop())).await;
    assert!(
        mail.contains("test@localhost") && mail.contains("Hello") && mail.contains(id),
        "{mail}"
    );
}

#[tokio::test]
async fn the_conflicts_of_a_real_calendar_are_found() {
    let suite = Service::suite(&[]).await;
    let addr = suite.addr_of("conflicts");
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/conflicts/tests/calendar.json");
    let calendar: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let events = calendar["events"].as_array().unwrap();
    assert!(events.len() >= 20);
    let found = call(&addr, "Scheduling.ConflictService/GetConflicts", &calendar).await;
    let groups = found["conflicts"].as_array().unwrap();
    let expected: [&[&str]; 7] = [
        &["mon-planning", "mon-dentist", "mon-interview"],
        &["tue-review", "tue-board", "tue-call"],
        &["thu-onsite", "thu-coffee", "thu-deadline"],
        &["thu-yoga", "thu-reminder"],
        &["fri-retro-a", "fri-retro-b"],
        // By a nanosecond.
        &["fri-maintenance", "fri-backup"],
        &["sun-party", "sun-flight"],
    ];
    assert_eq!(ids(groups), expected);
    let touching = events
        .iter()
        .any(|one| events.iter().any(|two| one["end"] == two["start"]));
    assert!(touching, "some only touch");
}

/// The ids of each group.
fn ids(groups: &[Value]) -> Vec<Vec<String>> {
    let id = |event: &Value| event["id"].as_str().unwrap().to_owned();
    groups
        .iter()
        .map(|group| {
            group["conflictGroup"]
                .as_array()
                .unwrap()
                .iter()
                .map(id)
                .collect()
        })
        .collect()
}

#[tokio::test]
async fn a_created_user_is_welcomed_once() {
    let suite = Service::suite(&[]).await;
    let url = format!("http://{}/create", suite.addr_of("users"));
    for _ in 0..2 {
        let answer = curl(&["-XPOST", &url, "-d", r#"{"email": "test"}"#])
            .await
            .ok();
        assert_eq!(answer, r#"{"e0":null}"#);
    }
    let answer = curl(&["-XPOST", &url, "-d", r#"{"email": "Ann@Example.org"}"#])
        .await
        .ok();
    assert_eq!(answer, r#"{"e0":null}"#);
    let welcomed =
        |mails: &[String], to: &str| mails.iter().filter(|mail| mail.contains(to)).count();
    // Ann's mail comes after all of test's.
    let mails = eventually(SOON, || {
        let mails = suite.mails();
        std::future::ready((welcomed(&mails, "Ann@example.org") == 1).then_some(mails))
    })
    .await;
    assert_eq!(welcomed(&mails, "test@localhost"), 1, "{mails:#?}");
    assert!(
        mails
            .iter()
            .all(|mail| mail.contains("Hi! Thank you for registration...")),
        "{mails:#?}"
    );
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_cannot_create_a_user() {
    let suite = Service::suite(&[]).await;
    let url = format!("http://{}/create", suite.addr_of("users"));
    let post = |header: &'static str| {
        let url = url.clone();
        async move {
            let data = r#"{"email": "victim"}"#;
            curl(&[
                "-XPOST",
                &url,
                "-H",
                header,
                "-d",
                data,
                "-w",
                "\n%{http_code}",
            ])
            .await
            .ok()
        }
    };
    for header in [
        "Origin: https://evil.example",
        "Origin: null",
        "Host: evil.example",
    ] {
        let answer = post(header).await;
        assert!(answer.ends_with("\n403"), "{header}: {answer}");
    }
    let users = suite.addr_of("users");
    let missing = refused(
        &users,
        "muster.users.v1.UsersService/GetUser",
        &json!({ "id": 1 }),
    )
    .await;
    assert!(
        missing.contains("NotFound"),
        "nothing was written: {missing}"
    );
}

#[tokio::test]
async fn bad_input_is_refused_with_its_field_and_the_next_call_is_served() {
    let suite = Service::suite(&[]).await;
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

#[tokio::test]
async fn it_serves_within_half_a_second_and_idles_on_little() {
    // The table is printed when all services are SERVING.
    let folder = tempfile::tempdir().unwrap();
    let mut command = program("muster");
    command
        .current_dir(folder.path())
        .args(["up", "--admin", "127.0.0.1:0"]);
    for (name, _) in SERVICES {
        command.args([format!("--{name}-listen"), "127.0.0.1:0".to_owned()]);
    }
    let mut suite = Process::spawn(&mut command);
    measured(
        "from the start to SERVING",
        Duration::from_millis(500),
        || std::future::ready(suite.stdout().contains("muster is up").then_some(())),
    )
    .await;

    let busy_percent = suite.busy_over(Duration::from_secs(3)).await * 100.0;
    let resident_mib = suite.resident_bytes() / 1024 / 1024;
    let (busy, resident) = (
        format!("{busy_percent:.2} %"),
        format!("{resident_mib} MiB"),
    );
    report("of a core, idle", &busy, "1 %");
    report("of memory, idle", &resident, "64 MiB");
    assert!(resident_mib < 64, "{resident}");
    assert!(busy_percent < f64::from(leeway()), "{busy}");
    suite.sigint();
    assert!(suite.wait_exit(SOON).await.success());
}

#[tokio::test]
async fn started_again_it_has_everything_that_it_acknowledged() {
    let mut suite = Service::suite(&[]).await;
    let create = format!("{ACTIVITY}/CreateEvent");
    call(
        &suite.addr_of("activity"),
        &create,
        &json!({ "id": 3, "message": "kept" }),
    )
    .await;
    let user = json!({ "email": "ann@example.org" });
    let create_user = "muster.users.v1.UsersService/CreateUser";
    let before = call(&suite.addr_of("users"), create_user, &user).await;
    let mail = json!({ "to": "bob", "content": "Hello", "idempotencyKey": "k" });
    let send = "muster.notificator.v1.NotificatorService/Send";
    let sent = call(&suite.addr_of("notificator"), send, &mail).await;

    assert!(suite.stop(SOON).await.success(), "a stop is a success");
    suite.restart().await;
    let listed = call(
        &suite.addr_of("activity"),
        &format!("{ACTIVITY}/ListEvents"),
        &json!({}),
    )
    .await;
    assert_eq!(listed["message"], "kept");
    assert_eq!(
        call(&suite.addr_of("users"), create_user, &user).await,
        before
    );
    assert_eq!(call(&suite.addr_of("notificator"), send, &mail).await, sent);
    suite.restart().await; // by SIGKILL
    let listed = call(
        &suite.addr_of("activity"),
        &format!("{ACTIVITY}/ListEvents"),
        &json!({}),
    )
    .await;
    assert_eq!(listed["message"], "kept");
}
