//! The JavaScript client's own tests.

use std::path::Path;

use muster_testkit::{find, run};

#[tokio::test]
async fn the_javascript_client_comes_back_and_goes_on_where_it_was() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/console/muster.test.mjs");
    let mut node = tokio::process::Command::new(find("node"));
    let told = run(node.args(["--test", "--test-reporter=tap"]).arg(tests), "")
        .await
        .ok();
    assert!(
        told.contains("# fail 0") && !told.contains("# pass 0"),
        "{told}"
    );
}
