//! How large the images are as they are pulled, and how large they may be.

use std::fs;
use std::path::Path;

use super::BINARIES;
use super::image::file_name;

const README: &str = "README.md";
/// How far a figure of the README may be from what is measured.
const STALE_MB: f64 = 0.15;

/// The most that an image may have, in MB (10^6 bytes).
fn most_mb(image: &str) -> f64 {
    match image {
        "muster-conflicts" => 3.0,
        "muster" => 12.0,
        _ => 6.0,
    }
}

/// Prints how large the images are, and fails if one is larger than it may be, or than the README says.
pub(super) fn check(dist: &Path) -> Result<(), String> {
    let readme = fs::read_to_string(README).map_err(|cause| format!("{README}: {cause}"))?;
    let mut wrong = Vec::new();
    for image in BINARIES {
        let size_mb = size_mb(dist, image)?;
        println!(
            "{:<24} {size_mb:>5.1} MB of {}",
            format!("{image}"),
            most_mb(image)
        );
        wrong.extend(judge(image, size_mb, &readme));
    }
    match wrong.as_slice() {
        [] => Ok(()),
        wrong => Err(wrong.join("\n")),
    }
}

/// The archive: its layers are compressed as a registry has them, and what else is in it are a few kilobytes.
fn size_mb(dist: &Path, image: &str) -> Result<f64, String> {
    let path = dist.join("images").join(file_name(image));
    let file = fs::metadata(&path).map_err(|cause| format!("{}: {cause}", path.display()))?;
    Ok(file.len() as f64 / 1e6)
}

/// What is wrong with the size of an image.
fn judge(image: &str, size_mb: f64, readme: &str) -> Option<String> {
    if size_mb >= most_mb(image) {
        return Some(format!("{image}: {size_mb:.1} MB is too large"));
    }
    match told_mb(image, readme) {
        Some(told) if (told - size_mb).abs() < STALE_MB => None,
        told => Some(format!(
            "{README}: {image} has {size_mb:.1} MB, not {told:?}"
        )),
    }
}

/// What the table of the README says: `| muster-users | 2.9 MB | …`.
fn told_mb(image: &str, readme: &str) -> Option<f64> {
    let row = format!("| `{image}` | ");
    let cells = readme.lines().find_map(|line| line.strip_prefix(&row))?;
    cells.split(" MB").next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_as_small_as_promised_and_as_told() {
        let readme = "| image | pulled |\n|---|---|\n| `muster-conflicts` | 2.5 MB | 7070 |\n";
        assert_eq!(judge("muster-conflicts", 2.55, readme), None);
        let judged = |image, size_mb| judge(image, size_mb, readme).unwrap_or_default();
        assert_eq!(
            judged("muster-conflicts", 3.0),
            "muster-conflicts: 3.0 MB is too large"
        );
        assert!(judged("muster-conflicts", 2.8).contains("not Some(2.5)"));
        assert!(judged("muster-users", 5.9).contains("not None"));
        assert!(judged("muster-users", 6.0).contains("too large"));
        assert!(judged("muster", 12.0).contains("too large"));
    }
}
