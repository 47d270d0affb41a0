//! The packages of the workspace, as cargo knows them.

use std::process::Command;

use serde_json::Value;

/// One package of ours.
#[derive(Debug)]
pub struct Package {
    /// `muster-users`
    pub name: String,
    /// Its folder, from the root: `services/users`.
    pub folder: String,
    /// The packages of ours that it needs, those for its tests included.
    pub needs: Vec<String>,
    /// Its cargo features, those that optional dependencies make included.
    pub features: Vec<String>,
}

/// All packages of the workspace.
///
/// # Panics
/// When cargo cannot say.
pub fn packages() -> Vec<Package> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut metadata = Command::new(cargo);
    metadata
        .args([
            "metadata",
            "--offline",
            "--no-deps",
            "--format-version",
            "1",
        ])
        .current_dir(crate::root());
    let output = metadata.output().expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let packages = metadata["packages"]
        .as_array()
        .expect("cargo metadata lists packages");
    packages.iter().map(package).collect()
}

fn package(json: &Value) -> Package {
    let manifest = text(&json["manifest_path"]);
    let root = crate::root();
    let inside = manifest.strip_prefix(root.to_str().expect("the path of the clone is UTF-8"));
    let folder = inside
        .and_then(|path| path.strip_suffix("/Cargo.toml"))
        .expect("a manifest lies in the clone");
    let ours = |dependency: &&Value| !dependency["path"].is_null();
    let needs = json["dependencies"]
        .as_array()
        .expect("a package has dependencies");
    let features = json["features"]
        .as_object()
        .expect("a package has features");
    Package {
        name: text(&json["name"]),
        folder: folder.trim_start_matches('/').to_owned(),
        needs: needs
            .iter()
            .filter(ours)
            .map(|dependency| text(&dependency["name"]))
            .collect(),
        features: features.keys().cloned().collect(),
    }
}

fn text(json: &Value) -> String {
    json.as_str()
        .expect("cargo metadata prints a string here")
        .to_owned()
}
