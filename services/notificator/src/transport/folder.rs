//! Mails as files, for a laptop or a test.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use muster_kit::store::make_folder;
use uuid::Uuid;

use super::Failure;

/// A folder that holds one .eml for each mail.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: &str) -> Self {
        Self(PathBuf::from(path))
    }

    /// Writes `<id>.eml`, which is there whole or not at all, and on disk when this returns.
    pub(super) async fn put(&self, id: Uuid, message: Vec<u8>) -> Result<(), Failure> {
        let folder = self.0.clone();
        let written = tokio::task::spawn_blocking(move || write(&folder, id, &message));
        // Callers read the reason: the path is none of their business.
        let failed = |why: &dyn std::fmt::Display| {
            Failure::ForNow(format!("the mail folder cannot be written: {why}"))
        };
        match written.await {
            Ok(written) => written.map_err(|why| failed(&why)),
            Err(panic) => Err(failed(&panic)),
        }
    }
}

fn write(folder: &Path, id: Uuid, message: &[u8]) -> io::Result<()> {
    make_folder(folder)?;
    let draft = folder.join(format!(".{id}.tmp"));
    let mut file = File::create(&draft)?;
    file.write_all(message)?;
    file.sync_all()?;
    fs::rename(&draft, folder.join(format!("{id}.eml")))?;
    // The name is in the folder, and the folder is to be on disk as well.
    File::open(folder)?.sync_all()
}
