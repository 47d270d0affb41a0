//! Who is online.

use muster_testkit::{Process, eventually, get, program};

use super::SOON;
use crate::Suite;

pub(super) const PRESENCE: &str = "cloudstate.samples.chat.presence.Presence";

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
async fn connections(suite: &impl Suite) -> Option<usize> {
    let (_, metrics) = get(&suite.admin_of("presence"), "/metrics").await?;
    let rest = metrics
        .lines()
        .find_map(|line| line.strip_prefix("server_connections{service=\"presence\"} "));
    rest?.parse().ok()
}

/// Waits until so many of them are left.
async fn connections_are(suite: &impl Suite, count: usize) {
    eventually(SOON, || async {
        (connections(suite).await? == count).then_some(())
    })
    .await;
}

/// # Panics
/// When it is not so.
pub async fn a_monitor_sees_albert_come_and_go_in_another_terminal(suite: &impl Suite) {
    let addr = suite.addr_of("presence");
    let monitor = terminal(&addr, "Monitor");
    has_printed(&monitor, OFFLINE).await;
    let first_device = terminal(&addr, "Connect");
    let online = [OFFLINE, ONLINE].concat();
    has_printed(&monitor, &online).await;
    let mut second_device = second_device(&addr).await;
    let before = connections(suite).await.unwrap();
    drop(first_device);
    connections_are(suite, before - 1).await;

    // The second device was silent, and so is the end of the first: he is still online.
    let fresh_monitor = terminal(&addr, "Monitor");
    has_printed(&fresh_monitor, ONLINE).await;
    assert_eq!(monitor.stdout(), online);
    second_device.sigint();
    second_device.wait_exit(SOON).await;
    has_printed(&monitor, &[&online, OFFLINE].concat()).await;
}

/// # Panics
/// When it is not so.
pub async fn users_and_who_watches_them_are_counted_at_metrics(suite: &impl Suite) {
    let (addr, admin) = (suite.addr_of("presence"), suite.admin_of("presence"));
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
