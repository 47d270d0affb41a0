//! The binaries as one types them: settings, exit codes, and grpc-health-probe by its names.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::TcpListener;
use std::time::Duration;

use muster_kit::listen::Listener;
use muster_kit::process::Context;
use muster_kit::server::Server;
use muster_testkit::{
    BINARIES, Network, Output, PROBES, Process, Service, eventually, free_port, health_probe,
    program, run, target_dir,
};

const SOON: Duration = Duration::from_secs(10);

/// A binary that is to end by itself: how it did.
async fn ended(binary: &str, words: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(binary);
    command.args(words).current_dir(folder.path());
    run(&mut command.into(), "").await
}

#[tokio::test]
async fn every_binary_refuses_a_flag_that_it_does_not_know() {
    for binary in BINARIES {
        let words = match binary {
            "muster" => &["up", "--no-such-flag"][..],
            _ => &["--no-such-flag"],
        };
        let output = ended(binary, words).await;
        assert_eq!(
            output.status.code(),
            Some(64),
            "{binary}: {}",
            output.stderr
        );
        let lines: Vec<&str> = output.stderr.lines().collect();
        let named = lines.len() == 1 && lines[0].contains("--no-such-flag");
        assert!(named && output.stdout.is_empty(), "{binary}: {output:?}");
    }
}

#[tokio::test]
async fn a_bad_value_of_a_variable_that_clients_know_is_refused_too() {
    for (binary, variable) in [
        ("muster-activity", "PORT"),
        ("muster-conflicts", "SERVICE_HOST"),
        ("muster-conflicts", "HEALTH_CHECK_HOST"),
    ] {
        let mut command = program(binary);
        command.env(variable, "nowhere");
        let output = run(&mut command.into(), "").await;
        assert_eq!(
            output.status.code(),
            Some(64),
            "{variable}: {}",
            output.stderr
        );
        let lines: Vec<&str> = output.stderr.lines().collect();
        assert!(
            lines.len() == 1 && lines[0].contains("nowhere"),
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn a_bad_setting_is_one_line_that_names_it_and_exit_code_64() {
    for (binary, words, named) in [
        ("muster-users", &["--drain", "soon"][..], "--drain \"soon\""),
        (
            "muster-users",
            &["--store", "postgres://x"],
            "--store \"postgres://x\"",
        ),
        (
            "muster-users",
            &["--store", "mysql://me:secret@db/shop"],
            "--store \"mysql://me:***@db/shop\": expected sqlite:PATH",
        ),
        (
            "muster-tasks",
            &["--store", "mysql://me:secret@db"],
            "--store: expected the name of one database",
        ),
        (
            "muster-gateway",
            &["--bus", "http://me:secret@host"],
            "--bus: expected amqp://",
        ),
        ("muster-users", &["--stroe", "x"], "--stroe"),
        (
            "muster-users",
            &["--advertise", "no address"],
            "--advertise",
        ),
        ("muster-presence", &["--listen", ":0"], "--insecure"),
        (
            "muster-notificator",
            &["--smtp", "ftp://user:secret@host"],
            "--smtp",
        ),
        (
            "muster",
            &["up", "--users-store", "x"],
            "--users-store \"x\"",
        ),
        ("muster", &["up", "--users-listen", ":0"], "--users-listen"),
        ("muster", &["up", "--stroe", "x"], "--stroe"),
        ("muster", &["frobnicate"], "frobnicate"),
    ] {
        let output = ended(binary, words).await;
        assert_eq!(
            output.status.code(),
            Some(64),
            "{words:?}: {}",
            output.stderr
        );
        assert_eq!(
            output.stderr.lines().count(),
            1,
            "{words:?}: {}",
            output.stderr
        );
        assert!(
            output.stderr.contains(named),
            "{words:?}: {}",
            output.stderr
        );
        assert!(!output.stderr.contains("secret"), "{}", output.stderr);
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_told_with_its_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let output = ended("muster", &["up", "--presence-listen", &addr]).await;
    assert_eq!(output.status.code(), Some(1), "{}", output.stderr);
    assert!(
        output
            .stderr
            .contains(&format!("--presence-listen {addr}: ")),
        "{}",
        output.stderr
    );
}

#[tokio::test]
async fn all_interfaces_are_served_with_insecure() {
    // In a network of its own: nobody else is to reach it.
    let network = Network::private().await;
    let binary = target_dir().join("muster-presence");
    let mut command = network.command(binary.to_str().unwrap());
    let process = Process::spawn(command.args(["--listen", ":0", "--insecure"]));
    eventually(SOON, || {
        std::future::ready(process.stdout().contains("presence  [::]:").then_some(()))
    })
    .await;
}

#[tokio::test]
async fn the_variables_that_clients_know_are_honoured() {
    let network = Network::private().await;
    let start = |binary: &str, variables: &[(&str, &str)]| {
        let binary = target_dir().join(binary);
        let mut command = network.command(binary.to_str().unwrap());
        let folder = tempfile::tempdir().unwrap();
        command
            .envs(variables.iter().copied())
            .current_dir(folder.path());
        (Process::spawn(&mut command), folder)
    };
    let prints = |process: &Process, lines: &'static [&'static str]| {
        let printed = process.stdout();
        lines
            .iter()
            .all(|line| printed.lines().any(|printed| printed == *line))
            .then_some(())
    };
    let variables = [
        ("SERVICE_HOST", "127.0.0.1:7020"),
        ("HEALTH_CHECK_HOST", "127.0.0.1:7021"),
    ];
    let (conflicts, _folder) = start("muster-conflicts", &variables);
    let expected = &["conflicts  127.0.0.1:7020", "admin  127.0.0.1:7021"];
    eventually(SOON, || std::future::ready(prints(&conflicts, expected))).await;
    let (activity, _folder) = start("muster-activity", &[("PORT", "50099")]);
    let expected = &["activity  127.0.0.1:50099"];
    eventually(SOON, || std::future::ready(prints(&activity, expected))).await;
}

/// A binary of ours under another name.
async fn probe(name: &str, words: &[&str]) -> Output {
    health_probe("muster-presence", name, words).await
}

#[tokio::test]
async fn every_binary_is_a_probe_under_both_names() {
    let service = Service::start("muster-presence", &[]).await;
    let addr = format!("-addr={}", service.addr());
    for (binary, name) in BINARIES
        .iter()
        .flat_map(|binary| PROBES.map(|name| (binary, name)))
    {
        let said = health_probe(binary, name, &[&addr]).await.ok();
        assert_eq!(said, "status: SERVING\n", "{binary} as {name}");
    }
}

#[tokio::test]
async fn under_its_names_a_binary_answers_as_grpc_health_probe() {
    let service = Service::start("muster-presence", &[]).await;
    let addr = format!("-addr={}", service.addr());
    for name in [
        "grpc-health-probe",
        "grpc_health_probe",
        "/bin/grpc_health_probe",
    ] {
        let output = probe(name, &[&addr]).await;
        assert_eq!(
            output.stdout, "status: SERVING\n",
            "{name}: {}",
            output.stderr
        );
        assert_eq!(output.status.code(), Some(0));
    }
    let named = "-service=cloudstate.samples.chat.presence.Presence";
    assert_eq!(
        probe("grpc-health-probe", &[&addr, named])
            .await
            .status
            .code(),
        Some(0)
    );
    let code = async |words: &[&str]| probe("grpc-health-probe", words).await.status.code();
    assert_eq!(code(&[]).await, Some(1), "bad usage");
    let nobody = format!("-addr=127.0.0.1:{}", free_port());
    assert_eq!(code(&[&nobody]).await, Some(2), "no connection");
    assert_eq!(
        code(&[&addr, "-service=no.Such"]).await,
        Some(3),
        "the call failed"
    );
}

#[tokio::test]
async fn the_probe_of_a_service_that_is_not_ready_exits_with_4() {
    let context = Context::for_test("test");
    let _unmet = context.health.need("store");
    let listener = Listener::on_free_port().await.unwrap();
    let addr = format!("-addr={}", listener.local_addr());
    tokio::spawn(Server::new(&context).serve(listener));
    let output = probe("grpc-health-probe", &[&addr]).await;
    assert_eq!(output.status.code(), Some(4), "{}", output.stderr);
    assert!(output.stderr.contains("NOT_SERVING"), "{}", output.stderr);
    let alive = probe("grpc-health-probe", &[&addr, "-service=liveness"]).await;
    assert_eq!(alive.status.code(), Some(0), "{}", alive.stderr);
}
