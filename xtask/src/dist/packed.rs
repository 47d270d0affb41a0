//! Tar and gzip that depend on what is packed alone.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

/// A tar archive in the making: every entry of one time, with owners that are numbers.
pub(super) struct Tar {
    builder: Builder<Vec<u8>>,
    time_s: u64,
}

impl Tar {
    pub(super) fn new(time_s: u64) -> Self {
        let builder = Builder::new(Vec::new());
        Self { builder, time_s }
    }

    /// Adds a file.
    pub(super) fn file(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let mut header = self.header(EntryType::Regular, 0o644, (0, 0));
        header.set_size(bytes.len() as u64);
        self.builder.append_data(&mut header, path, bytes)
    }

    /// Adds a folder as `to`, with all that is in it, in the order of its names. Of modes, only whether something can be
    /// run is kept: the rest is the umask of whoever built it.
    pub(super) fn folder(&mut self, from: &Path, to: &str, owner: (u64, u64)) -> io::Result<()> {
        let mut header = self.header(EntryType::Directory, 0o755, owner);
        self.builder
            .append_data(&mut header, format!("{to}/"), io::empty())?;
        for path in sorted(from)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let to = format!("{to}/{name}");
            if path.is_symlink() {
                let mut header = self.header(EntryType::Symlink, 0o777, owner);
                self.builder
                    .append_link(&mut header, to, fs::read_link(&path)?)?;
            } else if path.is_dir() {
                self.folder(&path, &to, owner)?;
            } else {
                let runs = fs::metadata(&path)?.permissions().mode() & 0o100 != 0;
                let bytes = fs::read(&path)?;
                let mode = if runs { 0o755 } else { 0o644 };
                let mut header = self.header(EntryType::Regular, mode, owner);
                header.set_size(bytes.len() as u64);
                self.builder.append_data(&mut header, to, &*bytes)?;
            }
        }
        Ok(())
    }

    /// The archive.
    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        self.builder.into_inner()
    }

    fn header(&self, kind: EntryType, mode: u32, owner: (u64, u64)) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(owner.0);
        header.set_gid(owner.1);
        header.set_mtime(self.time_s);
        header.set_size(0);
        header
    }
}

/// Compressed as registries get it from an engine: level 6, no name, no time.
pub(super) fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::new(6));
    gzip.write_all(bytes)?;
    gzip.finish()
}

/// SHA-256 in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What lies in a folder, in the order of names.
pub(super) fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = paths.collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
