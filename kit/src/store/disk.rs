//! What a store takes on its disk, and what is left there.

use std::path::{Path, PathBuf};

use ::metrics::gauge;
use rustix::fs::statvfs;

use crate::metrics::{self, Observed};

/// Looks at the disk of a store whenever metrics are read.
pub(super) fn observe(path: &Path) -> Observed {
    let (name, path) = (super::name(path), path.to_owned());
    metrics::observe(move || tell(&name, &path))
}

fn tell(name: &str, path: &Path) {
    gauge!("store_size_bytes", "store" => name.to_owned()).set(size_bytes(path) as f64);
    if let Ok(disk) = statvfs(super::parent(path)) {
        let of_disk = |metric: &'static str, blocks: u64| {
            gauge!(metric, "store" => name.to_owned()).set((blocks * disk.f_frsize) as f64);
        };
        of_disk("store_disk_free_bytes", disk.f_bavail);
        of_disk("store_disk_size_bytes", disk.f_blocks);
    }
}

/// The bytes that a database takes on its disk, with its write-ahead log; 0 where there is none.
pub fn size_bytes(path: &Path) -> u64 {
    bytes(path) + bytes(&log(path))
}

/// The write-ahead log of a database.
fn log(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// What a file takes; nothing when it is not there.
fn bytes(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}
