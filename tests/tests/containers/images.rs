//! Images from the real Dockerfile, with binaries that were built outside.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use muster_testkit::{BINARIES, Docker, PROBES, run, static_binary};
use muster_tests::root;
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::OnceCell;

/// How a service runs wherever it is given a thought: with nothing that it does not need.
pub(crate) const RESTRICTED: [&str; 3] = [
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges:true",
];

/// What the engine itself puts into a container.
const OF_ENGINE: [&str; 5] = [".dockerenv", "dev/", "etc/", "proc/", "sys/"];

/// What the Dockerfile calls the image of a binary: `muster-users` → `users`.
pub(crate) fn service(binary: &str) -> &str {
    binary.trim_start_matches("muster-")
}

/// The image of a service (or `muster`), with binaries of the profile for tests: its name.
pub(crate) async fn image(docker: &Docker, service: &str) -> String {
    static BUILT: OnceCell<()> = OnceCell::const_new();
    BUILT.get_or_init(|| build_all(docker)).await;
    docker.image(service)
}

/// What the engine knows of an image.
pub(crate) async fn inspect(docker: &Docker, image: &str) -> Value {
    let text = docker.run(&["image", "inspect", image]).await.ok();
    let found: Value = serde_json::from_str(&text).unwrap();
    found[0].clone()
}

async fn build_all(docker: &Docker) {
    let context = docker.folder().join("context");
    for binary in BINARIES {
        lay_out(
            &static_binary(binary),
            &context.join("dist").join(service(binary)),
        );
    }
    for binary in BINARIES {
        build(docker, &context, service(binary), service(binary)).await;
    }
}

/// Builds the image of a service from a folder that holds `dist`.
pub(crate) async fn build(docker: &Docker, context: &Path, service: &str, name: &str) {
    let args = [("SERVICE", service), ("BINARIES", "prebuilt")];
    let file = root().join("Dockerfile");
    docker.build(&file, context, &args, name).await;
}

/// As `cargo xtask dist` does: a folder with the binary and its links, and one for data.
fn lay_out(binary: &Path, folder: &Path) {
    let (bin, name) = (folder.join("bin"), binary.file_name().unwrap());
    fs::create_dir_all(&bin).unwrap();
    fs::create_dir(folder.join("data")).unwrap();
    fs::copy(binary, bin.join(name)).unwrap();
    for probe in PROBES {
        symlink(name, bin.join(probe)).unwrap();
    }
}

/// What is in an image, folders with a slash, links with where they lead to.
pub(crate) async fn files(docker: &Docker, image: &str) -> BTreeSet<String> {
    let id = docker.run(&["create", image]).await.ok();
    let id = id.trim();
    let file = docker.folder().join(format!("{id}.tar"));
    let path = file.to_str().unwrap();
    docker.run(&["export", "--output", path, id]).await.ok();
    docker.run(&["rm", id]).await.ok();
    let list = run(Command::new("tar").args(["-tvf", path]), "").await.ok();
    fs::remove_file(file).unwrap();
    // Mode, owner, size, date, time, name.
    let names = list.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words[5..].join(" ")
    });
    let of_engine = |name: &String| OF_ENGINE.iter().any(|prefix| name.starts_with(prefix));
    names.filter(|name| !of_engine(name)).collect()
}
