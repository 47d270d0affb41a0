//! The archives of images that are handed on, which no engine wrote.

use std::path::PathBuf;

use muster_testkit::{BINARIES, Docker, target_dir};
use serde_json::Value;

use crate::engine;
use crate::images::{files, image, inspect, service};

/// What two images of the same file have in common, whoever made them.
const SAME: [&str; 8] = [
    "Cmd",
    "Entrypoint",
    "Env",
    "ExposedPorts",
    "Healthcheck",
    "User",
    "Volumes",
    "WorkingDir",
];

#[tokio::test]
async fn an_archive_holds_the_image_that_an_engine_makes_of_the_same_file() {
    let Some(docker) = engine("the archives of images").await else {
        return;
    };
    for binary in BINARIES {
        let loaded = load(docker, binary).await;
        let built = image(docker, service(binary)).await;
        let [one, two] = [config(docker, &loaded).await, config(docker, &built).await];
        for name in SAME {
            assert_eq!(one[name], two[name], "{name} of {binary}");
        }
        for label in ["title", "description", "version", "licenses"] {
            let label = format!("org.opencontainers.image.{label}");
            assert_eq!(one["Labels"][&label], two["Labels"][&label], "{binary}");
        }
        assert_eq!(files(docker, &loaded).await, files(docker, &built).await);
        docker.run(&["image", "rm", &loaded]).await.ok();
    }
}

/// Gives an archive to the engine: the name of its image.
async fn load(docker: &Docker, binary: &str) -> String {
    let archive = archive(binary);
    let told = docker.run(&["load", "--input", archive.to_str().unwrap()]);
    let told = told.await.ok();
    let name = told.trim().strip_prefix("Loaded image: ");
    name.unwrap_or_else(|| panic!("{binary}: {told}"))
        .to_owned()
}

fn archive(binary: &str) -> PathBuf {
    let profile = target_dir();
    let images = profile.parent().unwrap().join("dist-smoke/images");
    let file = images.join(format!("{binary}-{}.oci.tar", env!("CARGO_PKG_VERSION")));
    let path = file.display();
    assert!(
        file.is_file(),
        "{path} is missing: `cargo xtask dist --smoke` packs it"
    );
    file
}

/// How an image is run. The order of its environment says nothing.
async fn config(docker: &Docker, image: &str) -> Value {
    let mut config = inspect(docker, image).await["Config"].take();
    let env = config["Env"].as_array_mut().unwrap();
    env.sort_by_key(Value::to_string);
    config
}
