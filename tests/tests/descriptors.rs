//! A process that has run out of file descriptors rests, and goes on when it has some again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;
use std::time::Duration;

use muster_testkit::{Process, eventually, get, listening, target_dir};
use tokio::net::TcpStream;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn without_descriptors_it_does_not_spin() {
    let binary = target_dir().join("muster-conflicts");
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!(
        "ulimit -n 64 && exec {} --listen 127.0.0.1:0 --admin 127.0.0.1:0",
        binary.display()
    ));
    let mut process = Process::spawn(&mut command);
    let service = listening(&mut process, "conflicts").await;
    let admin = listening(&mut process, "admin").await;

    // More than there are descriptors; the system itself takes them in.
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.push(TcpStream::connect(&service).await.unwrap());
    }
    eventually(SOON, || {
        std::future::ready(process.stderr().contains("cannot accept").then_some(()))
    })
    .await;
    let busy = process.busy_over(Duration::from_secs(1)).await;
    println!("{:.2} % of a core without descriptors", busy * 100.0);
    assert!(busy < 0.1, "{:.2} % of a core", busy * 100.0);

    drop(crowd);
    eventually(SOON, || async {
        get(&admin, "/readyz")
            .await
            .filter(|(status, _)| *status == 200)
    })
    .await;
}
