//! What a store tells of its disk, held against a disk of a known size.

use std::time::Duration;

use muster_testkit::{Process, SmallDisk, eventually, get, listening, target_dir};

const DISK_MIB: u32 = 32;
const SOON: Duration = Duration::from_secs(10);

/// The value of a metric that has one series.
fn value(text: &str, metric: &str) -> Option<f64> {
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("{metric}{{")))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

/// An alert divides the one by the other.
#[tokio::test]
async fn a_store_tells_how_large_its_disk_is_and_what_is_free_of_it() {
    let disk = SmallDisk::of_mib(DISK_MIB).await;
    let mut command = disk.command(&target_dir().join("muster-activity"));
    let store = format!("sqlite:{}/activity.db", disk.path().display());
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let mut process = Process::spawn(command.args(["--store", &store]));
    let admin = listening(&mut process, "admin").await;
    let [size, free, taken] = eventually(SOON, async || {
        let (_, text) = get(&admin, "/metrics").await?;
        let of = |metric| value(&text, metric);
        Some([
            of("store_disk_size_bytes")?,
            of("store_disk_free_bytes")?,
            of("store_size_bytes")?,
        ])
    })
    .await;
    assert_eq!(size, f64::from(DISK_MIB) * 1024.0 * 1024.0);
    assert!(
        size / 2.0 < free && free + taken <= size,
        "{free} of {size}"
    );
}
