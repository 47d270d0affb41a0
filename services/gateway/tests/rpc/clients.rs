//! The client that browsers use, against the gateway: `@connectrpc/connect-web`, in Node.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::edge::Edge;

/// What it calls, and what it expects: it fails where that is not so.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rpc/connect_web.cjs");

/// The folder into which `cargo xtask install` puts modules of Node.
fn modules() -> PathBuf {
    let module = fs::canonicalize(muster_testkit::find("connect-web")).unwrap();
    let folder = module
        .ancestors()
        .find(|path| path.ends_with("node_modules"));
    folder.map(Path::to_owned).unwrap()
}

#[tokio::test]
async fn the_client_of_browsers_understands_every_answer() {
    let edge = Edge::before(&["tasks", "activity"]).await;
    let folder = tempfile::tempdir().unwrap();
    let descriptors = folder.path().join("descriptors.bin");
    fs::write(&descriptors, muster_proto::DESCRIPTORS).unwrap();
    let mut node = Command::new(muster_testkit::find("node"));
    node.arg(SCRIPT)
        .arg(format!("http://{}", edge.gateway.addr()))
        .arg(descriptors)
        .env("NODE_PATH", modules());
    let told = muster_testkit::run(&mut node, "").await.ok();
    assert_eq!(told, "connect json\nconnect proto\ngrpc-web\n");
}
