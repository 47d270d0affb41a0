//! The Rust files of the workspace.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold no sources of ours.
const FOREIGN: [&str; 3] = ["target", "muster-data", "node_modules"];

/// One Rust file.
#[derive(Debug)]
pub struct Source {
    /// Its path from the root: `services/users/src/main.rs`.
    pub path: String,
    /// All of it.
    pub text: String,
    /// Whether the whole file is a test: it lies under `tests`, or is a module of tests in a file of its own.
    is_test: bool,
}

impl Source {
    /// Its lines that are in the product, with their numbers: no comments, no unit tests (which stand last in a
    /// file), nothing of a file that is all test.
    pub fn product(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = if self.is_test { 0 } else { self.tests_begin() };
        self.code().take_while(move |(number, _)| *number < end)
    }

    /// Its lines that are run by tests alone.
    pub fn tests(&self) -> impl Iterator<Item = (usize, &str)> {
        let begin = if self.is_test { 0 } else { self.tests_begin() };
        self.code().filter(move |(number, _)| *number >= begin)
    }

    fn tests_begin(&self) -> usize {
        let begin = self
            .text
            .lines()
            .position(|line| line.trim() == "#[cfg(test)]");
        begin.map_or(usize::MAX, |line| line + 1)
    }

    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self
            .text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line.trim()));
        lines.filter(|(_, line)| !line.starts_with("//"))
    }
}

/// The root of the workspace.
///
/// # Panics
/// When this crate does not lie in it.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate lies in the workspace")
        .to_owned()
}

/// All Rust files below a folder of the workspace (`""` for all), in the order of their paths.
///
/// # Panics
/// When there are none.
pub fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "no Rust file below {folder}");
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.map(|entry| entry.expect("a folder can be listed").path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && !name.starts_with('.') && !FOREIGN.contains(&&*name) {
            collect(&path, found);
        } else if name.ends_with(".rs") {
            found.push(read(&path));
        }
    }
}

fn read(file: &Path) -> Source {
    let path = file
        .strip_prefix(root())
        .expect("a file lies in the workspace");
    let text =
        fs::read_to_string(file).unwrap_or_else(|cause| panic!("{}: {cause}", file.display()));
    let path = path.to_string_lossy().into_owned();
    Source {
        is_test: lies_in_tests(&path) || is_unit_tests(file),
        path,
        text,
    }
}

fn lies_in_tests(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/")
}

/// Whether a file is the `tests.rs` of a module that has it for its unit tests: a product may have a module of that
/// name too.
fn is_unit_tests(file: &Path) -> bool {
    let folder = file.parent().expect("a file lies in a folder");
    let parents = [
        folder.with_extension("rs"),
        folder.join("mod.rs"),
        folder.join("lib.rs"),
        folder.join("main.rs"),
    ];
    let declares = |parent: &PathBuf| fs::read_to_string(parent).is_ok_and(|text| has_tests(&text));
    file.ends_with("tests.rs") && parents.iter().any(declares)
}

/// Whether a file declares `mod tests;` for its tests alone: these stand last in it.
fn has_tests(text: &str) -> bool {
    let tests = text.split_once("#[cfg(test)]").map(|(_, tests)| tests);
    tests.is_some_and(|tests| tests.contains("\nmod tests;"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_of_tests_is_told_from_a_module_called_tests() {
        let all = sources("");
        let is_test = |path| {
            all.iter()
                .find(|source| source.path == path)
                .unwrap()
                .is_test
        };
        assert!(is_test("services/conflicts/src/sweep/tests.rs"));
        assert!(is_test("tests/tests/structure.rs"));
        assert!(!is_test("xtask/src/tests.rs"));
        assert!(!is_test("services/conflicts/src/sweep.rs"));
    }
}
