//! `SHA256SUMS`, as `sha256sum --check` reads it.

use std::fs;
use std::io;
use std::path::Path;

use super::packed::{sha256, sorted};

/// The folders with what is handed on.
const FOLDERS: [&str; 3] = ["archives", "images", "sbom"];

/// Writes the sum of every file that is handed on.
pub(super) fn write(dist: &Path) -> Result<(), String> {
    sums(dist)
        .and_then(|sums| fs::write(dist.join("SHA256SUMS"), sums))
        .map_err(|cause| format!("{}: {cause}", dist.display()))
}

fn sums(dist: &Path) -> io::Result<String> {
    let mut sums = String::new();
    for folder in FOLDERS {
        for path in sorted(&dist.join(folder))? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let sum = sha256(&fs::read(&path)?);
            sums.push_str(&format!("{sum}  {folder}/{name}\n"));
        }
    }
    Ok(sums)
}
