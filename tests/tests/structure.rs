//! The invariants of ARCHITECTURE.md, checked on the sources.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;

use muster_testkit::{BINARIES, PROBES, SERVICES};
use muster_tests::{Source, packages, root, sources};

/// The pure files: what a service is about, without the wire and without the store.
const DOMAIN: [&str; 19] = [
    "services/presence/src/replica.rs",
    "services/presence/src/roster.rs",
    "services/presence/src/roster/state.rs",
    "services/presence/src/roster/sessions.rs",
    "services/presence/src/user.rs",
    "services/activity/src/event.rs",
    "services/activity/src/deployment.rs",
    "services/activity/src/topic.rs",
    "services/activity/src/batch.rs",
    "services/activity/src/selection.rs",
    "services/notificator/src/mail.rs",
    "services/notificator/src/outbox.rs",
    "services/users/src/user.rs",
    "services/conflicts/src/sweep.rs",
    "services/tasks/src/task.rs",
    "services/tasks/src/input.rs",
    "services/tasks/src/selection.rs",
    "services/tasks/src/board.rs",
    "kit/src/mail.rs",
];

/// What lies outside of what `run` is given, and why that is no state of a service.
const STATICS: [&str; 7] = [
    "mimalloc::MiMalloc",
    // The recorder of metrics is the process's by its nature.
    "HANDLE: OnceLock<Installed>",
    // And so is that of spans; the ids of those are drawn by each thread.
    "RECORDER: OnceLock<Recorder>",
    "STATE: Cell<u64>",
    // What a task works on, in that task; the ids of requests are told apart by a count and a tag.
    "CURRENT: Work",
    "COUNT: AtomicU64",
    "PROCESS: LazyLock<u32>",
];

/// Fails with all places at which a rule is broken.
#[track_caller]
fn holds(rule: &str, broken: impl IntoIterator<Item = String>) {
    let broken: Vec<String> = broken.into_iter().collect();
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

/// The lines of a file's product that hold one of `words`.
fn product_with(source: &Source, words: &[&str]) -> Vec<String> {
    let has = |line: &str| words.iter().any(|word| line.contains(word));
    let found = source.product().filter(|(_, line)| has(line));
    found
        .map(|(number, line)| format!("{}:{number}: {line}", source.path))
        .collect()
}

#[test]
fn no_service_depends_on_another_and_nothing_on_a_service_but_the_suite() {
    let packages = packages();
    assert!(
        packages.len() >= 11,
        "cargo lists {} packages",
        packages.len()
    );
    let allowed = |package: &str, need: &str| match package {
        "muster-proto" | "muster-testkit" | "xtask" => false,
        "muster-kit" => ["muster-proto", "muster-testkit"].contains(&need),
        "muster" | "muster-tests" => true,
        _ => ["muster-proto", "muster-kit", "muster-testkit"].contains(&need),
    };
    let pairs = packages
        .iter()
        .flat_map(|package| package.needs.iter().map(move |need| (package, need)));
    let wrong = pairs.filter(|(package, need)| !allowed(&package.name, need));
    holds(
        "services meet over gRPC alone",
        wrong.map(|(package, need)| format!("{} needs {need}", package.name)),
    );
}

#[test]
fn there_are_no_cargo_features() {
    let with = packages()
        .into_iter()
        .filter(|package| !package.features.is_empty());
    holds(
        "no cargo features",
        with.map(|package| format!("{}: {:?}", package.name, package.features)),
    );
}

#[test]
fn the_kit_names_no_message_of_a_service() {
    let kit = sources("kit/src");
    let named = kit
        .iter()
        .flat_map(|source| product_with(source, &["muster_proto::muster", "proto::compat"]));
    holds("the kit knows no domain", named);
}

#[test]
fn domain_files_know_neither_the_wire_nor_the_store() {
    let outside = [
        "tonic",
        "prost",
        "sqlx",
        "rusqlite",
        "muster_proto",
        "axum",
        "hyper",
    ];
    let all = sources("");
    let domain = DOMAIN.map(|path| all.iter().find(|source| source.path == path).ok_or(path));
    let missing = domain.iter().filter_map(|found| found.as_ref().err());
    holds(
        "a domain file is where it is said to be",
        missing.map(|path| format!("{path} is missing")),
    );
    let found = domain
        .into_iter()
        .flatten()
        .flat_map(|source| product_with(source, &outside));
    holds("the domain is pure", found);
}

#[test]
fn the_wire_ends_at_the_edges_of_a_service_and_sql_at_its_store() {
    // relay: the client of another service; mesh: of other replicas. error.rs: the one conversion to Status. The
    // gateway is an edge as a whole, and a client of all others.
    const EDGES: &[&str] = &[
        "grpc", "http", "lib", "error", "relay", "mesh", "live", "rpc", "services", "web",
        "intake", "feed", "online",
    ];
    const STORES: &[&str] = &["store", "error"];
    let part = |path: &str| {
        let inside = path.split_once("/src/").map_or(path, |(_, inside)| inside);
        inside
            .split(['/', '.'])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let all = sources("services");
    let beyond = |parts: &'static [&str], words: &'static [&str]| {
        let inner = all
            .iter()
            .filter(|source| !parts.contains(&&*part(&source.path)));
        inner
            .flat_map(|source| product_with(source, words))
            .collect::<Vec<_>>()
    };
    holds(
        "wire types at the edges alone",
        beyond(EDGES, &["tonic", "prost", "muster_proto", "axum"]),
    );
    holds(
        "SQL in the store alone",
        beyond(STORES, &["sqlx", "rusqlite"]),
    );
}

#[test]
fn every_package_inherits_the_lints_that_forbid_unsafe_code_and_panics() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let lints = [
        "unsafe_code = \"forbid\"",
        "unwrap_used = ",
        "expect_used = ",
        "panic = \"warn\"",
    ];
    holds(
        "a lint of the workspace",
        lints
            .iter()
            .filter(|lint| !manifest.contains(**lint))
            .map(|lint| (*lint).to_owned()),
    );
    let inherits = |folder: &str| {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        manifest.contains("[lints]\nworkspace = true")
    };
    let without = packages()
        .into_iter()
        .filter(|package| !inherits(&package.folder));
    holds(
        "[lints] workspace = true",
        without.map(|package| package.name),
    );
}

#[test]
fn nothing_outside_tests_is_allowed_to_panic() {
    // testkit and the library of these tests are tests themselves.
    let product = sources("")
        .into_iter()
        .filter(|source| !source.path.starts_with("testkit/"));
    let allows = [
        "clippy::unwrap_used",
        "clippy::expect_used",
        "clippy::panic",
    ];
    holds(
        "no panic in the product",
        product.flat_map(|source| product_with(&source, &allows)),
    );
}

#[test]
fn no_state_lies_outside_of_what_run_is_given() {
    let product = ["services", "muster", "kit", "proto"].map(sources);
    let found: Vec<String> = product.iter().flatten().flat_map(statics).collect();
    let is = |named: &&str, line: &&String| line.contains(*named);
    let others = found
        .iter()
        .filter(|line| !STATICS.iter().any(|named| is(named, line)));
    holds("no statics but those that are named", others.cloned());
    let gone = STATICS
        .iter()
        .filter(|named| !found.iter().any(|line| is(named, &line)));
    holds(
        "what is named is there",
        gone.map(|named| (*named).to_owned()),
    );
}

/// Where a file's product declares a static: the keyword, not the lifetime.
fn statics(source: &Source) -> Vec<String> {
    let declares = |line: &str| line.split([' ', '(']).any(|word| word == "static");
    let found = source.product().filter(|(_, line)| declares(line));
    found
        .map(|(number, line)| format!("{}:{number}: {line}", source.path))
        .collect()
}

/// The lists of testkit are what is there.
#[test]
fn every_list_of_services_and_binaries_says_the_same() {
    let packages = packages();
    let folders = packages
        .iter()
        .filter_map(|package| package.folder.strip_prefix("services/"));
    assert_eq!(folders.collect::<BTreeSet<_>>(), SERVICES.into());
    let of_services = SERVICES.map(|service| format!("muster-{service}"));
    let binaries = of_services.iter().map(String::as_str).chain(["muster"]);
    assert_eq!(binaries.collect::<BTreeSet<_>>(), BINARIES.into());

    // xtask is built before all others, and so has a list of its own.
    let dist = fs::read_to_string(root().join("xtask/src/dist.rs")).unwrap();
    let words: BTreeSet<&str> = dist.split('"').skip(1).step_by(2).collect();
    let is_binary = |word: &&str| word.starts_with("muster") && !word.ends_with('-');
    let listed = words.iter().copied().filter(is_binary);
    assert_eq!(listed.collect::<BTreeSet<_>>(), BINARIES.into());
    holds(
        "a name of the probe",
        PROBES
            .iter()
            .filter(|name| !words.contains(*name))
            .map(|name| (*name).to_owned()),
    );
}

#[test]
fn every_service_is_laid_out_alike() {
    let of_all = ["main.rs", "lib.rs", "config.rs", "error.rs"];
    let all = SERVICES.iter().flat_map(|service| {
        // The gateway has no calls of its own: it passes on those of the others.
        let grpc = (*service != "gateway").then_some("grpc.rs");
        let files = of_all.into_iter().chain(grpc);
        files.map(move |file| format!("services/{service}/src/{file}"))
    });
    holds(
        "a file of every service",
        all.filter(|path| !root().join(path).is_file()),
    );
}

#[test]
fn the_main_of_a_service_fits_on_a_screen() {
    let mains = SERVICES.map(|service| format!("services/{service}/src/main.rs"));
    let lines = |path: &String| {
        fs::read_to_string(root().join(path))
            .unwrap()
            .lines()
            .count()
    };
    holds(
        "at most 40 lines",
        mains.into_iter().filter(|path| lines(path) > 40),
    );
}

#[test]
fn tests_wait_for_things_instead_of_sleeping() {
    let sleeps = |source: &Source| {
        let found = source.tests().filter(|(_, line)| line.contains("sleep("));
        found
            .map(|(number, line)| format!("{}:{number}: {line}", source.path))
            .collect::<Vec<_>>()
    };
    // This file names what it looks for.
    let tests = sources("")
        .into_iter()
        .filter(|source| source.path != "tests/tests/structure.rs");
    holds(
        "waiting is muster_testkit::eventually",
        tests.flat_map(|source| sleeps(&source)),
    );
}

/// The checks above tell the product from its tests by this.
#[test]
fn unit_tests_stand_last_in_their_file() {
    let followed = |source: &Source| {
        let tests: Vec<&str> = source
            .text
            .lines()
            .skip_while(|line| line.trim() != "#[cfg(test)]")
            .collect();
        let begin = tests.iter().position(|line| line.starts_with("mod tests"));
        let end = tests
            .iter()
            .position(|line| *line == "mod tests;" || *line == "}");
        !tests.is_empty() && (begin.is_none() || end != Some(tests.len() - 1))
    };
    let wrong = sources("").into_iter().filter(followed);
    holds("nothing after `mod tests`", wrong.map(|source| source.path));
}

#[test]
fn nothing_is_called_common_or_util() {
    let refused = ["common", "util", "utils", "helper", "helpers", "misc"];
    let name = |path: &str| {
        path.trim_end_matches("/mod.rs")
            .trim_end_matches(".rs")
            .rsplit('/')
            .next()
            .map(str::to_owned)
    };
    let all = sources("").into_iter().map(|source| source.path);
    holds(
        "a name that says what it is",
        all.filter(|path| name(path).is_some_and(|name| refused.contains(&&*name))),
    );
}
