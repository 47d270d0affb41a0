//! The images, as archives that engines load and registries take: OCI image layout 1.0, with the table of contents of
//! `docker save` beside it for engines before 25.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;

use serde_json::{Value, json};

use super::BINARIES;
use super::dockerfile::{self, Image};
use super::layout::service;
use super::origin::Origin;
use super::packed::{Tar, gzip, sha256};

const DOCKERFILE: &str = "Dockerfile";

/// Writes the image of each binary, all at once.
pub(super) fn all(dist: &Path, origin: &Origin) -> Result<(), String> {
    let text = fs::read_to_string(DOCKERFILE).map_err(|cause| format!("{DOCKERFILE}: {cause}"))?;
    let images = dist.join("images");
    fs::create_dir_all(&images).map_err(|cause| format!("{}: {cause}", images.display()))?;
    let text = &text;
    thread::scope(|scope| {
        let threads = BINARIES.map(|binary| scope.spawn(move || write(binary, text, dist, origin)));
        threads.into_iter().try_for_each(|thread| {
            let ended = thread.join();
            ended.unwrap_or_else(|_| Err("an image could not be packed".to_owned()))
        })
    })
}

fn write(binary: &str, dockerfile: &str, dist: &Path, origin: &Origin) -> Result<(), String> {
    let args = [
        ("SERVICE", service(binary)),
        ("BINARIES", "prebuilt"),
        ("REVISION", &origin.revision),
    ];
    let image = dockerfile::read(dockerfile, &args)?;
    let path = dist.join("images").join(file_name(binary));
    archive(&image, dist, &reference(binary, origin), origin)
        .and_then(|archive| fs::write(&path, archive))
        .map_err(|cause| format!("{}: {cause}", path.display()))
}

/// The archive of a binary's image: `muster-users-0.1.0.oci.tar`.
pub(super) fn file_name(binary: &str) -> String {
    format!("{binary}-{}.oci.tar", env!("CARGO_PKG_VERSION"))
}

fn reference(binary: &str, origin: &Origin) -> String {
    format!("{binary}:{}", origin.version)
}

/// The files of an archive, by the digest of each.
struct Blobs(Vec<(String, Vec<u8>)>);

impl Blobs {
    /// Adds one; what refers to it.
    fn add(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let (digest, size) = (sha256(&bytes), bytes.len());
        self.0.push((path(&digest), bytes));
        json!({
            "mediaType": format!("application/vnd.oci.image.{media_type}"),
            "digest": format!("sha256:{digest}"),
            "size": size,
        })
    }
}

fn path(digest: &str) -> String {
    format!("blobs/sha256/{}", digest.trim_start_matches("sha256:"))
}

fn archive(image: &Image, dist: &Path, reference: &str, origin: &Origin) -> io::Result<Vec<u8>> {
    let mut blobs = Blobs(Vec::new());
    let mut layers = Vec::new();
    let mut unpacked = Vec::new();
    for copy in &image.copies {
        let mut layer = Tar::new(origin.time_s);
        layer.folder(&dist.join(&copy.from), &copy.to, copy.owner)?;
        let layer = layer.finish()?;
        unpacked.push(format!("sha256:{}", sha256(&layer)));
        layers.push(blobs.add("layer.v1.tar+gzip", gzip(&layer)?));
    }
    let history = image
        .copies
        .iter()
        .map(|copy| json!({ "created": origin.time(), "created_by": copy.line }));
    let config = json!({
        "created": origin.time(),
        "architecture": architecture(),
        "os": "linux",
        "config": image.config,
        "rootfs": { "type": "layers", "diff_ids": unpacked },
        "history": history.collect::<Vec<_>>(),
    });
    let config = blobs.add("config.v1+json", config.to_string().into_bytes());
    let old = docker_manifest(&config, &layers, reference);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config,
        "layers": layers,
    });
    let mut manifest = blobs.add("manifest.v1+json", manifest.to_string().into_bytes());
    manifest["platform"] = json!({ "architecture": architecture(), "os": "linux" });
    manifest["annotations"] = json!({ "org.opencontainers.image.ref.name": reference });
    packed(blobs, &manifest, &old, origin)
}

/// What engines before 25 read instead of `index.json`.
fn docker_manifest(config: &Value, layers: &[Value], reference: &str) -> Value {
    let file = |blob: &Value| blob["digest"].as_str().map(path);
    json!([{
        "Config": file(config),
        "RepoTags": [reference],
        "Layers": layers.iter().map(file).collect::<Vec<_>>(),
    }])
}

fn packed(mut blobs: Blobs, manifest: &Value, old: &Value, origin: &Origin) -> io::Result<Vec<u8>> {
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [manifest],
    });
    let layout = json!({ "imageLayoutVersion": "1.0.0" });
    let mut tar = Tar::new(origin.time_s);
    tar.file("oci-layout", layout.to_string().as_bytes())?;
    tar.file("index.json", index.to_string().as_bytes())?;
    tar.file("manifest.json", old.to_string().as_bytes())?;
    blobs.0.sort();
    blobs.0.dedup();
    for (path, bytes) in &blobs.0 {
        tar.file(path, bytes)?;
    }
    tar.finish()
}

/// This machine, as images name it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read;
    use std::path::PathBuf;

    use flate2::read::GzDecoder;

    use super::*;

    const ORIGIN: Origin = Origin {
        version: "0.1.0",
        revision: String::new(),
        time_s: 1_700_000_000,
    };

    /// The image of a service as the Dockerfile has it, of binaries laid out in a new folder.
    fn archive_of(service: &str, place: &str) -> Vec<u8> {
        let root =
            std::env::temp_dir().join(format!("muster-image-{place}-{}", std::process::id()));
        let folder = root.join(service);
        fs::create_dir_all(folder.join("data")).unwrap();
        fs::create_dir_all(folder.join("bin")).unwrap();
        fs::write(folder.join("bin/program"), "a program").unwrap();
        std::os::unix::fs::symlink("program", folder.join("bin/a-link")).unwrap();
        let dockerfile = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../Dockerfile"));
        let text = fs::read_to_string(dockerfile).unwrap();
        let image = dockerfile::read(&text, &[("SERVICE", service), ("REVISION", "abc")]).unwrap();
        let archive = archive(&image, &root, "muster-users:0.1.0", &ORIGIN).unwrap();
        fs::remove_dir_all(root).unwrap();
        archive
    }

    fn files(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(archive);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (entry.path().unwrap().to_str().unwrap().to_owned(), bytes)
        });
        entries.collect()
    }

    fn parsed(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).unwrap()
    }

    /// The file that a descriptor refers to, held against what it says.
    fn blob<'a>(files: &'a BTreeMap<String, Vec<u8>>, descriptor: &Value) -> &'a [u8] {
        let digest = descriptor["digest"].as_str().unwrap();
        let bytes = &files[&path(digest)];
        assert_eq!(format!("sha256:{}", sha256(bytes)), digest);
        assert_eq!(descriptor["size"], bytes.len());
        bytes
    }

    #[test]
    fn an_archive_is_the_same_wherever_and_whenever_it_is_written() {
        assert!(archive_of("users", "one") == archive_of("users", "other"));
    }

    #[test]
    fn every_part_of_an_archive_is_what_it_is_said_to_be() {
        let files = files(&archive_of("users", "parts"));
        assert_eq!(parsed(&files["oci-layout"])["imageLayoutVersion"], "1.0.0");
        let index = parsed(&files["index.json"]);
        let manifest = parsed(blob(&files, &index["manifests"][0]));
        let config = parsed(blob(&files, &manifest["config"]));
        let layers = manifest["layers"].as_array().unwrap();
        let unpacked = layers.iter().map(|layer| {
            let mut layer = GzDecoder::new(blob(&files, layer));
            let mut bytes = Vec::new();
            layer.read_to_end(&mut bytes).unwrap();
            format!("sha256:{}", sha256(&bytes))
        });
        let unpacked: Vec<String> = unpacked.collect();
        assert_eq!(config["rootfs"]["diff_ids"], json!(unpacked));
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(config["config"]["Entrypoint"], json!(["/bin/muster-users"]));
        let labels = &config["config"]["Labels"];
        assert_eq!(
            labels["org.opencontainers.image.version"],
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(labels["org.opencontainers.image.revision"], "abc");

        let old = parsed(&files["manifest.json"]);
        assert!(files.contains_key(old[0]["Config"].as_str().unwrap()));
        assert_eq!(old[0]["Layers"].as_array().unwrap().len(), layers.len());
        let blobs = files.keys().filter(|name| name.starts_with("blobs/"));
        assert_eq!(blobs.count(), 2 + layers.len(), "nothing else is in it");
    }

    #[test]
    fn what_is_kept_belongs_to_the_user_of_the_image() {
        let files = files(&archive_of("users", "owner"));
        let owners = files.values().filter_map(|bytes| {
            let mut layer = tar::Archive::new(GzDecoder::new(&**bytes));
            let entry = layer.entries().ok()?.next()?.ok()?;
            let path = entry.path().ok()?.to_str()?.to_owned();
            Some((path, entry.header().uid().ok()?))
        });
        let owners: BTreeMap<String, u64> = owners.collect();
        let expected = [("bin/", 0), ("data/", 65532)].map(|(path, uid)| (path.to_owned(), uid));
        assert_eq!(owners, BTreeMap::from(expected));
    }
}
