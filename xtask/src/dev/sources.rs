//! Files that may change.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files, and folders with all that is in them.
pub(super) struct Sources(Vec<PathBuf>);

/// When each of them was changed last, and how long it was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp(BTreeMap<PathBuf, (SystemTime, u64)>);

impl Sources {
    pub(super) fn new(roots: &[PathBuf]) -> Sources {
        Sources(roots.to_vec())
    }

    /// How they are now. What cannot be read is not there.
    pub(super) fn stamp(&self) -> Stamp {
        let mut files = BTreeMap::new();
        self.0.iter().for_each(|root| add(root, &mut files));
        Stamp(files)
    }
}

fn add(path: &Path, files: &mut BTreeMap<PathBuf, (SystemTime, u64)>) {
    let Ok(metadata) = fs::metadata(path) else {
        return;
    };
    if metadata.is_dir() {
        let inside = fs::read_dir(path).into_iter().flatten().flatten();
        inside.for_each(|entry| add(&entry.path(), files));
    } else if let Ok(changed) = metadata.modified() {
        files.insert(path.to_owned(), (changed, metadata.len()));
    }
}
