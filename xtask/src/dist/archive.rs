//! The archive for those who run binaries.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use super::BINARIES;
use super::origin::Origin;
use super::packed::{Tar, gzip};
use crate::command::run;
use crate::toolchain::musl;

/// What comes with the binaries, from the root of the clone.
const DOCUMENTS: [&str; 5] = [
    "CHANGELOG.md",
    "LICENSE",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
];

/// Writes `archives/muster-VERSION-TARGET.tar.gz`.
pub(super) fn write(built: &Path, dist: &Path, origin: &Origin) -> Result<(), String> {
    let name = format!("muster-{}-{}", origin.version, musl());
    let folder = dist.join("archives");
    let root = folder.join(&name);
    let failed = |cause: io::Error| format!("{}: {cause}", root.display());
    gather(built, &root).map_err(failed)?;
    run(Command::new(built.join("muster")).arg("manual").arg(&root))?;
    let mut tar = Tar::new(origin.time_s);
    tar.folder(&root, &name, (0, 0)).map_err(failed)?;
    let packed = tar.finish().and_then(|tar| gzip(&tar)).map_err(failed)?;
    fs::write(folder.join(format!("{name}.tar.gz")), packed).map_err(failed)?;
    fs::remove_dir_all(&root).map_err(failed)
}

/// Everything but what the binaries tell about themselves.
fn gather(built: &Path, root: &Path) -> io::Result<()> {
    if root.exists() {
        fs::remove_dir_all(root)?;
    }
    let bin = root.join("bin");
    fs::create_dir_all(&bin)?;
    for binary in BINARIES {
        fs::copy(built.join(binary), bin.join(binary))?;
    }
    for document in DOCUMENTS {
        fs::copy(document, root.join(document))?;
    }
    Ok(())
}
