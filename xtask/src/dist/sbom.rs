//! A bill of materials for each binary: CycloneDX 1.6, of the crates that are linked into it.

mod crates;
mod linked;

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::BINARIES;
use super::origin::Origin;
use super::packed::{sha256, sorted};
use crate::cache::Cache;
use crate::command::run;
use crates::{Crate, Crates};
use linked::{Id, Linked};

/// Holds each file against the schema of the standard.
const VALIDATE: &str = "\
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
for path in sys.argv[1:]:
    with open(path) as file:
        wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read())
    if wrong:
        sys.exit(f'{path}: {wrong}')
";

/// Writes `sbom/BINARY.cdx.json` for each binary.
pub(super) fn all(built: &Path, dist: &Path, origin: &Origin) -> Result<(), String> {
    let folder = dist.join("sbom");
    let failed = |cause: io::Error| format!("{}: {cause}", folder.display());
    fs::create_dir_all(&folder).map_err(failed)?;
    let linked = Linked::into(&BINARIES)?;
    let crates = Crates::of_workspace()?;
    for binary in BINARIES {
        let hash = sha256(&fs::read(built.join(binary)).map_err(failed)?);
        let bill = bill(binary, &hash, &linked, &crates, origin)?;
        let text = serde_json::to_string_pretty(&bill).map_err(|cause| cause.to_string())?;
        fs::write(folder.join(format!("{binary}.cdx.json")), text + "\n").map_err(failed)?;
    }
    Ok(())
}

/// Holds what was written against the schema.
pub(super) fn validate(dist: &Path, cache: &Cache) -> Result<(), String> {
    let bills = sorted(&dist.join("sbom")).map_err(|cause| format!("sbom: {cause}"))?;
    let mut python = Command::new(cache.folder("python").join("bin/python"));
    run(python.args(["-c", VALIDATE]).args(bills))
}

fn bill(
    binary: &str,
    hash: &str,
    linked: &Linked,
    crates: &Crates,
    origin: &Origin,
) -> Result<Value, String> {
    let root = linked.root(binary)?;
    let parts = linked.below(root);
    let mut program = component("application", crates.get(root)?);
    program["hashes"] = hashes(hash);
    program["properties"] = json!([{ "name": "revision", "value": origin.revision }]);
    let mut components = Vec::new();
    for part in parts.iter().filter(|part| *part != root) {
        components.push(component("library", crates.get(part)?));
    }
    let dependencies = parts.iter().map(|part| {
        let needs: Vec<String> = linked.needs(part).map(Id::to_string).collect();
        json!({ "ref": part.to_string(), "dependsOn": needs })
    });
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial(hash),
        "version": 1,
        "metadata": { "timestamp": origin.time(), "component": program },
        "components": components,
        "dependencies": dependencies.collect::<Vec<_>>(),
    }))
}

fn component(kind: &str, part: &Crate) -> Value {
    let mut component = json!({
        "type": kind,
        "bom-ref": part.id.to_string(),
        "name": part.id.name,
        "version": part.id.version,
        "description": part.description,
    });
    if let Some(licence) = &part.licence {
        component["licenses"] = json!([{ "expression": licence }]);
    }
    // What is not ours comes from a registry, which knows its sum.
    if let Some(sum) = &part.sum {
        component["purl"] = json!(format!("pkg:cargo/{}", part.id));
        component["hashes"] = hashes(sum);
    }
    component
}

fn hashes(sha256: &str) -> Value {
    json!([{ "alg": "SHA-256", "content": sha256 }])
}

/// A UUID of version 8 (RFC 9562) that is made of the binary, so that the same binary has the same bill.
fn serial(hash: &str) -> String {
    let digits = |from: usize, to: usize| hash.get(from..to).unwrap_or_default();
    let (a, b, c, d) = (digits(0, 8), digits(8, 12), digits(13, 16), digits(17, 20));
    format!("urn:uuid:{a}-{b}-8{c}-8{d}-{}", digits(20, 32))
}
