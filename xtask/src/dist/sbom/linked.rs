//! Which crates are linked into which binary, with the features of a build of all binaries at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::command::{cargo, printed};
use crate::toolchain::musl;

/// A crate: two versions of one are two.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) name: String,
    pub(super) version: String,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

/// Crates with what each needs to be linked: neither build scripts nor macros.
pub(super) struct Linked(BTreeMap<Id, BTreeSet<Id>>);

impl Linked {
    /// Those of some binaries, as cargo resolves them.
    pub(super) fn into(binaries: &[&str]) -> Result<Linked, String> {
        let mut tree = cargo(
            "tree --locked --edges normal,no-proc-macro --prefix depth --format {p} --target",
        );
        tree.arg(musl());
        tree.args(binaries.iter().map(|binary| format!("--package={binary}")));
        Linked::parse(&printed(&mut tree)?)
    }

    /// `2http v1.5.0` under `1hyper v1.12.0`; what was shown before ends in `(*)`, and is not followed again.
    fn parse(tree: &str) -> Result<Linked, String> {
        let mut needs: BTreeMap<Id, BTreeSet<Id>> = BTreeMap::new();
        let mut above: Vec<Id> = Vec::new();
        for line in tree.lines().filter(|line| !line.is_empty()) {
            let (depth, id) = node(line).ok_or_else(|| format!("cargo tree printed: {line}"))?;
            above.truncate(depth);
            if let Some(parent) = above.last() {
                needs.entry(parent.clone()).or_default().insert(id.clone());
            }
            needs.entry(id.clone()).or_default();
            above.push(id);
        }
        Ok(Linked(needs))
    }

    /// The crate of that name, which is ours and so is there once.
    pub(super) fn root(&self, name: &str) -> Result<&Id, String> {
        let found = self.0.keys().find(|id| id.name == name);
        found.ok_or_else(|| format!("cargo tree shows no {name}"))
    }

    /// What a crate needs itself.
    pub(super) fn needs(&self, id: &Id) -> impl Iterator<Item = &Id> {
        self.0.get(id).into_iter().flatten()
    }

    /// A crate, and all that it needs.
    pub(super) fn below(&self, root: &Id) -> BTreeSet<Id> {
        let mut found = BTreeSet::from([root.clone()]);
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            open.extend(self.needs(id).filter(|need| found.insert((*need).clone())));
        }
        found
    }
}

fn node(line: &str) -> Option<(usize, Id)> {
    let digits = line.find(|char: char| !char.is_ascii_digit())?;
    let (depth, words) = line.split_at(digits);
    let mut words = words.split(' ');
    let name = words.next()?.to_owned();
    let version = words.next()?.strip_prefix('v')?.to_owned();
    Some((depth.parse().ok()?, Id { name, version }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TREE: &str = "\
0one v0.1.0 (/somewhere/one)
1http v1.5.0
2bytes v1.12.1
1log v0.4.0

0two v0.1.0 (/somewhere/two)
1http v1.5.0 (*)
";

    #[test]
    fn what_is_shown_once_belongs_to_all_that_need_it() {
        let linked = Linked::parse(TREE).unwrap();
        let below = |name: &str| {
            let below = linked.below(linked.root(name).unwrap());
            below.iter().map(Id::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            below("one"),
            ["bytes@1.12.1", "http@1.5.0", "log@0.4.0", "one@0.1.0"]
        );
        assert_eq!(below("two"), ["bytes@1.12.1", "http@1.5.0", "two@0.1.0"]);
        assert!(linked.root("three").is_err());
        assert!(Linked::parse("1 what\n").is_err());
    }
}
