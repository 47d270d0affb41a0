//! How large the images are that ship, as pulled.

use std::fs;

use muster_testkit::{BINARIES, Docker, not_run, report, run};
use muster_tests::root;
use tokio::process::Command;

use crate::engine;
use crate::images::{build, inspect, service};

/// What is promised of an image, in bytes as pulled.
fn most_bytes(service: &str) -> u64 {
    match service {
        "conflicts" => 3_000_000,
        "muster" => 12_000_000,
        _ => 6_000_000,
    }
}

#[tokio::test]
async fn an_image_is_as_small_as_is_said() {
    const WHAT: &str = "the sizes of the images";
    let dist = root().join("dist/conflicts/bin/muster-conflicts");
    if !dist.exists() {
        not_run(WHAT, "dist/ holds no release binaries (cargo xtask dist)");
        return;
    }
    let Some(docker) = engine(WHAT).await else {
        return;
    };
    for binary in BINARIES {
        let service = service(binary);
        let name = format!("{service}-release");
        build(docker, &root(), service, &name).await;
        let image = docker.image(&name);
        let size = inspect(docker, &image).await["Size"].as_u64().unwrap();
        let compressed = compressed_bytes(docker, &image).await;
        let what = format!("image of {service}: {:.2} MB, as pulled", megabytes(size));
        let (is, most) = (megabytes(compressed), megabytes(most_bytes(service)));
        report(&what, format!("{is:.2} MB"), format!("{most} MB"));
        assert!(
            compressed < most_bytes(service),
            "{service}: {compressed} bytes"
        );
    }
}

/// The layers, compressed as a registry has them.
async fn compressed_bytes(docker: &Docker, image: &str) -> u64 {
    let file = docker.folder().join("image.tar");
    let path = file.to_str().unwrap();
    docker.run(&["save", "--output", path, image]).await.ok();
    run(Command::new("gzip").args(["--force", path]), "")
        .await
        .ok();
    let compressed = file.with_extension("tar.gz");
    fs::metadata(compressed).unwrap().len()
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
