//! What cargo knows of each crate.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::Id;
use crate::command::{cargo, printed};

const LOCK: &str = "Cargo.lock";

/// A crate, ours or not.
#[derive(Debug, Clone)]
pub(super) struct Crate {
    pub(super) id: Id,
    pub(super) description: String,
    /// An SPDX expression.
    pub(super) licence: Option<String>,
    /// The SHA-256 of the crate as its registry has it; ours have none.
    pub(super) sum: Option<String>,
}

/// All crates that the workspace can need.
pub(super) struct Crates(BTreeMap<Id, Crate>);

impl Crates {
    pub(super) fn of_workspace() -> Result<Crates, String> {
        let metadata = printed(&mut cargo("metadata --locked --format-version 1"))?;
        let metadata: Value =
            serde_json::from_str(&metadata).map_err(|cause| format!("cargo metadata: {cause}"))?;
        let lock = fs::read_to_string(LOCK).map_err(|cause| format!("{LOCK}: {cause}"))?;
        let sums = sums(&lock);
        let packages = metadata["packages"].as_array().into_iter().flatten();
        let crates = packages.map(|package| {
            let found = of_package(package, &sums);
            (found.id.clone(), found)
        });
        Ok(Crates(crates.collect()))
    }

    pub(super) fn get(&self, id: &Id) -> Result<&Crate, String> {
        let found = self.0.get(id);
        found.ok_or_else(|| format!("cargo metadata has no {id}"))
    }
}

fn of_package(package: &Value, sums: &BTreeMap<Id, String>) -> Crate {
    let text = |field: &str| package[field].as_str().map(|text| text.trim().to_owned());
    let id = Id {
        name: text("name").unwrap_or_default(),
        version: text("version").unwrap_or_default(),
    };
    Crate {
        sum: sums.get(&id).cloned(),
        id,
        description: text("description").unwrap_or_default(),
        // An older way to write it.
        licence: text("license").map(|licence| licence.replace('/', " OR ")),
    }
}

/// The checksums of `Cargo.lock`.
fn sums(lock: &str) -> BTreeMap<Id, String> {
    let sum = |package: &str| {
        let field = |name| package.lines().find_map(|line| value(line, name));
        let (name, version) = (field("name")?, field("version")?);
        Some((Id { name, version }, field("checksum")?))
    };
    lock.split("[[package]]").filter_map(sum).collect()
}

/// `name = "value"`
fn value(line: &str, name: &str) -> Option<String> {
    let value = line.strip_prefix(name)?.strip_prefix(" = ")?;
    Some(value.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_lock_file_and_ours_have_none() {
        let lock = "\
[[package]]
name = \"bytes\"
version = \"1.12.1\"
source = \"registry\"
checksum = \"abc\"

[[package]]
name = \"muster\"
version = \"0.1.0\"
dependencies = [
 \"bytes\",
]
";
        let id = Id {
            name: "bytes".to_owned(),
            version: "1.12.1".to_owned(),
        };
        assert_eq!(sums(lock), BTreeMap::from([(id, "abc".to_owned())]));
    }
}
