//! NOTES.txt of the chart: what Helm prints once all is installed.

use std::fs;
use std::time::Duration;

use muster_testkit::{Etcd, Process, Service, eventually, find};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::SERVICES;
use crate::chart::{env, manifest, workload};
use crate::helm::{copy, documents, render, template_of, template_with};
use crate::path;

const DEADLINE: Duration = Duration::from_secs(20);
const TLS: [&str; 2] = ["tls.enabled=true", "tls.existingSecret=certs"];

/// The notes as Helm renders them. It does so only for an installation, hence the manifest around them.
async fn notes(values: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    copy(&path("k8s/helm/muster"), folder.path());
    let carrier = "kind: Notes
metadata: {name: notes}
text: |{{ include \"muster/templates/NOTES.txt\" . | nindent 2 }}
";
    fs::write(folder.path().join("templates/carrier.yaml"), carrier).unwrap();
    let rendered = template_of(folder.path(), values).await.ok();
    let all = documents(&rendered);
    manifest(&all, "Notes", "notes")["text"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn the_page_is_named_with_the_way_to_it() {
    let notes = notes(&[]).await;
    let forward = "kubectl -n default port-forward svc/muster-gateway 8181\n";
    assert!(notes.contains(forward), "{notes}");
    assert!(notes.contains("http://localhost:8181/index.html?user_id=1"));
}

#[tokio::test]
async fn who_installs_no_broker_is_told_what_waits_for_it() {
    let waits = "completed tasks wait";
    let none = notes(&["rabbitmq.enabled=false"]).await;
    assert!(none.contains(waits), "{none}");
    assert!(!notes(&[]).await.contains(waits));
    let no_tasks = notes(&["rabbitmq.enabled=false", "services.tasks.enabled=false"]).await;
    assert!(!no_tasks.contains(waits));
    assert!(none.contains("Once 100,000 wait, no more"), "{none}");
}

#[tokio::test]
async fn who_installs_tasks_without_a_gateway_is_told_that_nobody_reads_what_it_tells() {
    let unread = "the queue muster.gateway";
    let none = notes(&["services.gateway.enabled=false"]).await;
    assert!(none.contains(unread), "{none}");
    assert!(!notes(&[]).await.contains(unread));
    let no_broker = ["services.gateway.enabled=false", "rabbitmq.enabled=false"];
    assert!(!notes(&no_broker).await.contains(unread));
}

#[tokio::test]
async fn who_installs_users_without_a_notificator_is_told_that_mails_wait() {
    let waits = "welcome mails wait";
    assert!(
        notes(&["services.notificator.enabled=false"])
            .await
            .contains(waits)
    );
    assert!(!notes(&[]).await.contains(waits));
    let elsewhere = [
        "services.notificator.enabled=false",
        "services.activity.enabled=false",
        "etcd.enabled=false",
        "etcd.endpoints={etcd:2379}",
    ];
    let elsewhere = notes(&elsewhere).await;
    assert!(!elsewhere.contains(waits), "{elsewhere}");
    assert!(elsewhere.contains("ready once an activity from elsewhere"));
}

const SENT: [&str; 2] = [
    "services.notificator.secrets.MUSTER_SMTP.name=smtp",
    "services.notificator.secrets.MUSTER_SMTP.key=url",
];

#[tokio::test]
async fn who_names_no_mail_server_is_told_that_nobody_gets_mail_and_how_to_name_one() {
    let nobody = "Nobody gets mail";
    let none = notes(&[]).await;
    assert!(none.contains(nobody), "{none}");
    // What is shown there is what the chart takes.
    let shown = none.split_once("\n  services:\n").unwrap().1;
    let shown = shown.split("\n\n").next().unwrap();
    let shown: Value = serde_yaml_ng::from_str(&format!("  services:\n{shown}")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("values.yaml");
    fs::write(&file, shown.to_string()).unwrap();
    let all = documents(&template_with(&file).await.ok());
    let notificator = workload(&all, "notificator");
    let smtp = &env(notificator, "MUSTER_SMTP").unwrap()["valueFrom"]["secretKeyRef"];
    assert_eq!(*smtp, json!({"name": "smtp", "key": "url"}));
    assert!(none.contains("create secret generic smtp --from-literal=url="));
    let off = notes(&["services.notificator.enabled=false"]).await;
    for named in [notes(&SENT).await, off] {
        assert!(!named.contains(nobody), "{named}");
    }
    let folder = "services.notificator.env.MUSTER_SMTP=file:/data/mail";
    let meant = notes(&[folder]).await;
    assert!(!meant.contains(nobody) && !meant.contains("muster@localhost"));
}

#[tokio::test]
async fn who_names_a_mail_server_is_told_what_it_takes_beside_that() {
    let (from, way) = ("muster@localhost", "no SMTP server");
    let alone = notes(&SENT).await;
    assert!(alone.contains(from) && alone.contains(way), "{alone}");
    let all = [
        SENT[0],
        SENT[1],
        "services.notificator.env.MUSTER_MAIL_FROM=muster@example.org",
        "services.notificator.egress[0].ports[0].port=587",
    ];
    let all = notes(&all).await;
    assert!(!all.contains(from) && !all.contains(way), "{all}");
}

const OUTSIDE: [&str; 3] = [
    "gatewayApi.parents[0].name=public",
    "gatewayApi.domain=example.org",
    "gatewayApi.services={gateway,notificator,users}",
];

#[tokio::test]
async fn who_publishes_what_nothing_guards_is_warned() {
    let warning = "WARNING: routes lead from outside to notificator, users ";
    let open = notes(&OUTSIDE).await;
    assert!(open.contains(warning) && open.contains("send mail to anybody"));
    let guarded = [&OUTSIDE[..], &TLS].concat();
    for values in [&OUTSIDE[..2], &guarded, &[]] {
        let notes = notes(values).await;
        assert!(!notes.contains("WARNING"), "{notes}");
    }
}

/// The NetworkPolicies let in their own namespace, where a Gateway and a Prometheus hardly ever are.
#[tokio::test]
async fn who_lets_nobody_in_from_elsewhere_is_told_so() {
    let namespace = "[0].namespaceSelector.matchLabels.name=other";
    for (wish, words, peers) in [
        (
            &OUTSIDE[..2],
            "a Gateway or an Ingress controller",
            "callers",
        ),
        (
            &["ingress.enabled=true", "ingress.host=a.example.org"],
            "a Gateway or an Ingress controller",
            "callers",
        ),
        (
            &["monitoring.podMonitor.enabled=true"],
            "a Prometheus elsewhere",
            "monitoring",
        ),
    ] {
        let told = notes(wish).await;
        assert!(told.contains(words), "{told}");
        assert!(told.contains(&format!("\n    {peers}:")), "{told}");
        let let_in = format!("networkPolicy.{peers}{namespace}");
        for other in [let_in.as_str(), "networkPolicy.enabled=false"] {
            let told = notes(&[wish, &[other]].concat()).await;
            assert!(!told.contains(words), "{told}");
        }
        assert!(!notes(&[]).await.contains(words));
    }
}

#[tokio::test]
async fn notes_are_about_what_is_installed() {
    let notes = notes(&["services.gateway.enabled=false", "rabbitmq.enabled=false"]).await;
    assert!(!notes.contains("gateway"), "{notes}");
    assert!(notes.contains("svc/muster-tasks 3333"));
}

/// The commands that follow a port-forward: the name and the port that this forwards, and what is typed then.
fn first_calls(notes: &str) -> Vec<(String, u16, String)> {
    let lines: Vec<&str> = notes.lines().map(str::trim).collect();
    let call = |pair: &[&str]| {
        let (_, forwarded) = pair[0].split_once(" port-forward svc/")?;
        let (name, port) = forwarded.split_once(' ').unwrap();
        Some((
            name.to_owned(),
            port.parse().unwrap(),
            (*pair.get(1)?).to_owned(),
        ))
    };
    lines.windows(2).filter_map(call).collect()
}

#[tokio::test]
async fn what_is_forwarded_is_a_service_of_that_name_with_that_port() {
    for values in [&[][..], &TLS] {
        let all = render(values).await;
        let notes = notes(values).await;
        let calls = first_calls(&notes);
        assert!(calls.len() >= SERVICES.len(), "{notes}");
        for (name, port, _) in calls {
            let ports = &manifest(&all, "Service", &name)["spec"]["ports"];
            let ports = ports.as_array().unwrap();
            assert!(ports.iter().any(|one| one["port"] == port), "{name} {port}");
        }
    }
}

/// Each command is typed as it stands there, but for the port.
#[tokio::test]
async fn the_first_calls_work() {
    let notes = notes(&[]).await;
    let calls = first_calls(&notes);
    let etcd = Etcd::start().await;
    let mut running = Vec::new();
    for service in SERVICES {
        let name = format!("muster-{}", service.name);
        running.push(Service::start(&name, &["--etcd", &etcd.endpoint()]).await);
        let addr = running.last().unwrap().addr();
        let (_, port, command) = calls.iter().find(|(of, ..)| *of == name).unwrap();
        let command = command.replace(&format!("localhost:{port}"), &addr);
        assert!(command.contains(&addr), "{command}");
        assert_answers(&command, answer_of(service.name)).await;
    }
}

/// What there is to see of a first call.
fn answer_of(service: &str) -> &'static str {
    match service {
        "activity" => "success",
        "conflicts" => "rpc GetConflicts",
        "gateway" => "\"services\"",
        "notificator" => "\"id\"",
        "presence" => "{}",
        "tasks" => "\"user_id\":1",
        "users" => "{\"e0\":null}",
        other => panic!("what does {other} answer?"),
    }
}

/// Runs a command in a shell until it has answered so: one of them goes on for ever.
async fn assert_answers(command: &str, answer: &str) {
    let mut shell = Command::new("sh");
    let tools = find("grpcurl").parent().unwrap().to_owned();
    let path = std::env::var("PATH").unwrap();
    shell.env("PATH", format!("{}:{path}", tools.display()));
    shell.args(["-c", &format!("exec {command}")]);
    let running = Process::spawn(shell.as_std_mut());
    let told = eventually(DEADLINE, || async {
        let told = running.stdout();
        told.contains(answer).then_some(told)
    });
    told.await;
}

#[tokio::test]
async fn with_tls_the_first_calls_show_what_the_secret_holds() {
    let notes = notes(&TLS).await;
    assert!(notes.contains("get secret certs -o go-template"), "{notes}");
    assert!(
        notes.contains(r#"{{index .data \"$file\" | base64decode}}"#),
        "{notes}"
    );
    for (name, port, command) in first_calls(&notes) {
        let shows = command.contains("cert tls.crt") && command.contains("key tls.key");
        let gateway = name == "muster-gateway";
        assert!(
            command.contains("cacert ca.crt") || port == 8181,
            "{command}"
        );
        assert_eq!(shows, !gateway, "{command}");
        assert!(
            !command.contains("-plaintext") && !command.contains("http://"),
            "{command}"
        );
    }
    assert!(notes.contains("https://localhost:8181/index.html"));
}

#[tokio::test]
async fn who_may_call_without_being_known_is_told() {
    let open = "Nothing authenticates callers of ";
    assert!(
        notes(&[])
            .await
            .contains(&format!("{open}activity, conflicts, gateway,"))
    );
    assert!(notes(&TLS).await.contains(&format!("{open}gateway:")));
    let closed = notes(&[TLS[0], TLS[1], "tls.gatewayClientAuth=true"]).await;
    assert!(!closed.contains(open), "{closed}");
}

#[tokio::test]
async fn the_test_of_the_release_is_named() {
    assert!(notes(&[]).await.contains("helm -n default test muster\n"));
}
