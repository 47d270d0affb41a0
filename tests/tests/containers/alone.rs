//! Each image by itself: what is in it, how it runs with nothing that it does not need, and how it stops.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use muster_testkit::{
    BINARIES, Container, ContainerNetwork, Docker, PROBES, Process, eventually, leeway, measured,
    report,
};
use serde_json::json;

use crate::engine;
use crate::images::{RESTRICTED, files, image, inspect, service};

const SOON: Duration = Duration::from_secs(20);
/// How long a stop may take.
const DRAIN: Duration = Duration::from_secs(5);
/// A service that lives, but has nothing to offer without others.
const ALONE_IN_VAIN: &str = "gateway";
/// Nobody in particular.
const USER: &str = "65532:65532";

#[tokio::test]
async fn an_image_holds_the_binary_its_links_and_a_folder_for_data_and_is_nobody() {
    let Some(docker) = engine("what is in the images").await else {
        return;
    };
    for binary in BINARIES {
        let image = image(docker, service(binary)).await;
        let config = &inspect(docker, &image).await["Config"];
        assert_eq!(config["User"], USER);
        assert_eq!(config["Entrypoint"], json!([format!("/bin/{binary}")]));
        for (label, value) in [
            ("title", binary),
            ("version", env!("CARGO_PKG_VERSION")),
            ("licenses", "Apache-2.0 OR MIT"),
        ] {
            let labels = &config["Labels"];
            assert_eq!(labels[format!("org.opencontainers.image.{label}")], value);
        }

        let links = PROBES.map(|probe| format!("bin/{probe} -> {binary}"));
        let own = [
            "bin/".to_owned(),
            format!("bin/{binary}"),
            "data/".to_owned(),
        ];
        let expected: BTreeSet<String> = own.into_iter().chain(links).collect();
        assert_eq!(files(docker, &image).await, expected, "{binary}");
    }
}

/// A container of a service with no rights and no network but this one, on a volume of its own.
async fn restricted(docker: &Docker, network: &ContainerNetwork, service: &str) -> Container {
    let volume = docker.volume().await;
    let drain = DRAIN.as_secs();
    let own = [
        format!("--volume={volume}:/data"),
        "--env=MUSTER_INSECURE=true".to_owned(),
        format!("--env=MUSTER_DRAIN={drain}s"),
        // The engine waits so long before it kills: how long a stop takes is for us to say.
        format!("--stop-timeout={}", SOON.as_secs()),
    ];
    let args: Vec<String> = RESTRICTED
        .map(str::to_owned)
        .into_iter()
        .chain(own)
        .collect();
    let image = image(docker, service).await;
    docker.container(network, &args, &image).await
}

/// The port on which an image is asked for its health, by the words of its HEALTHCHECK.
async fn probed_port(container: &Container) -> u16 {
    let found = container.inspect().await;
    let test = &found["Config"]["Healthcheck"]["Test"];
    assert_eq!(test[1], "/bin/grpc-health-probe", "{test}");
    let addr = test[2]
        .as_str()
        .and_then(|addr| addr.strip_prefix("-addr=:"));
    addr.unwrap().parse().unwrap()
}

#[tokio::test]
async fn each_image_runs_without_rights_is_probed_inside_and_outside_and_stops_in_time() {
    let Some(docker) = engine("each image by itself").await else {
        return;
    };
    let network = docker.network().await.unwrap();
    let all = BINARIES.map(|binary| runs_and_stops(docker, &network, service(binary)));
    join_all(all).await;
}

async fn runs_and_stops(docker: &Docker, network: &ContainerNetwork, service: &str) {
    let container = restricted(docker, network, service).await;
    let port = probed_port(&container).await;
    let addr = format!("-addr=:{port}");
    let asked = format!("-service={}", health_of(service));
    for probe in PROBES {
        let serving = || async {
            let probed = container.exec(&[probe, &addr, &asked]).await;
            (probed.stdout == "status: SERVING\n").then_some(())
        };
        eventually(SOON, serving).await;
    }
    has_no_rights(&container).await;
    if service != ALONE_IN_VAIN {
        let what = format!("image of {service}: from its start to healthy");
        measured(&what, SOON, || container.healthy()).await;
    }
    let outside = format!("{}:{port}", container.ip().await);
    let _watcher = watch(&outside, service).await;
    stops_in_time(&container, service).await;
}

/// The health that a service has without the rest of the suite.
fn health_of(service: &str) -> &'static str {
    if service == ALONE_IN_VAIN {
        "liveness"
    } else {
        ""
    }
}

/// Somebody outside who is told of the health of a service, and listens as long as he can.
async fn watch(addr: &str, service: &str) -> Process {
    let asked = json!({ "service": health_of(service) }).to_string();
    let watch = [
        "-plaintext",
        "-d",
        &asked,
        addr,
        "grpc.health.v1.Health/Watch",
    ];
    let watcher = Process::tool("grpcurl", &watch);
    let is_told = || watcher.stdout().contains("\"SERVING\"");
    eventually(SOON, || std::future::ready(is_told().then_some(()))).await;
    watcher
}

/// The kernel knows best as whom it runs.
async fn has_no_rights(container: &Container) {
    let pid = &container.inspect().await["State"]["Pid"];
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let field = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name));
        value.unwrap().trim().to_owned()
    };
    assert_eq!(field("Uid:"), ["65532"; 4].join("\t"));
    assert_eq!(field("CapBnd:"), "0000000000000000");
    assert_eq!(field("NoNewPrivs:"), "1");
}

async fn stops_in_time(container: &Container, service: &str) {
    let start = Instant::now();
    let code = container.stop().await;
    let took = start.elapsed();
    let what = format!("image of {service}: from SIGTERM to its end");
    report(&what, format!("{took:.2?}"), format!("{DRAIN:?}"));
    assert_eq!(code, 0, "{service}");
    assert!(took < DRAIN * leeway(), "{service} took {took:?}");
}

#[tokio::test]
async fn a_service_writes_to_its_data_and_nowhere_else() {
    let Some(docker) = engine("where a container can write").await else {
        return;
    };
    let network = docker.network().await.unwrap();
    let container = restricted(docker, &network, "activity").await;
    container.wait_healthy(SOON).await;

    let image = image(docker, "activity").await;
    let start = [
        &[
            "run",
            "--rm",
            "--network=none",
            "--env=MUSTER_INSECURE=true",
        ][..],
        &RESTRICTED,
        &[&image],
    ]
    .concat();
    for store in ["sqlite:/activity.db", "sqlite:/bin/activity.db"] {
        let refused = docker
            .run(&[&start[..], &["--store", store]].concat())
            .await;
        assert_eq!(refused.status.code(), Some(1), "{store}");
        assert!(
            refused.stderr.contains("Read-only file system"),
            "{}",
            refused.stderr
        );
    }
}
