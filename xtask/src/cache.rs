//! The folder outside the clone in which tools are kept from one run to the next.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// `$XDG_CACHE_HOME/muster`, or `~/.cache/muster`.
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    pub(crate) fn open() -> Result<Cache, String> {
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
        let base = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(home);
        let root = base
            .ok_or("neither XDG_CACHE_HOME nor HOME is set")?
            .join("muster");
        let cache = Cache { root };
        for folder in [cache.bin(), cache.folder("pins")] {
            fs::create_dir_all(&folder)
                .map_err(|cause| format!("{}: {cause}", folder.display()))?;
        }
        Ok(cache)
    }

    /// The cache itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A folder in the cache.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The folder of all tools, which testkit knows too.
    pub(crate) fn bin(&self) -> PathBuf {
        self.folder("bin")
    }

    /// PATH, with the tools first.
    pub(crate) fn path(&self) -> OsString {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.bin()).chain(std::env::split_paths(&path));
        std::env::join_paths(folders).unwrap_or(path)
    }

    /// Whether `tool` was installed as `pin` says, which is its version, or whatever else decides what it is.
    pub(crate) fn has(&self, tool: &str, pin: &str) -> bool {
        fs::read_to_string(self.pin(tool)).is_ok_and(|installed| installed == pin)
    }

    /// Remembers that `tool` is installed as `pin` says.
    pub(crate) fn remember(&self, tool: &str, pin: &str) -> io::Result<()> {
        fs::write(self.pin(tool), pin)
    }

    /// Makes `target` (a path in the cache) callable as `name`.
    pub(crate) fn link(&self, name: &str, target: &str) -> io::Result<()> {
        let link = self.bin().join(name);
        if link.is_symlink() {
            fs::remove_file(&link)?;
        }
        std::os::unix::fs::symlink(Path::new("..").join(target), link)
    }

    fn pin(&self, tool: &str) -> PathBuf {
        self.folder("pins").join(tool)
    }
}
