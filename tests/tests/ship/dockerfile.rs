//! The Dockerfile, read as far as it can be without building it.

use std::collections::BTreeMap;
use std::fs;

use muster_testkit::{find, run};
use tokio::process::Command;

use crate::{SERVICES, assert_known, help, path};

/// One stage: what it is built from, and its instructions.
#[derive(Debug)]
struct Stage {
    name: String,
    from: String,
    instructions: Vec<String>,
}

impl Stage {
    /// What follows a word, for each instruction that begins with it.
    fn all(&self, word: &str) -> Vec<&str> {
        let rest = |line| str::strip_prefix(line, word).and_then(|rest| rest.strip_prefix(' '));
        self.instructions
            .iter()
            .filter_map(|line| rest(line))
            .collect()
    }

    /// What follows a word that stands there once.
    fn one(&self, word: &str) -> &str {
        match self.all(word).as_slice() {
            [one] => one,
            all => panic!("{}: {word} {all:?}", self.name),
        }
    }

    fn env(&self) -> BTreeMap<&str, &str> {
        let pairs = self.all("ENV").into_iter().flat_map(str::split_whitespace);
        pairs.map(|pair| pair.split_once('=').unwrap()).collect()
    }
}

fn text() -> String {
    fs::read_to_string(path("Dockerfile")).unwrap()
}

/// The stages in their order, without comments, one line for each instruction.
fn stages() -> Vec<Stage> {
    let text = text();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let mut stages: Vec<Stage> = Vec::new();
    for line in lines.join("\n").replace("\\\n", " ").lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (words.as_slice(), stages.last_mut()) {
            (["FROM", from, rest @ ..], _) => stages.push(Stage {
                name: rest.get(1).copied().unwrap_or("the image").to_owned(),
                from: (*from).to_owned(),
                instructions: Vec::new(),
            }),
            ([_, ..], Some(stage)) => stage.instructions.push(words.join(" ")),
            _ => {}
        }
    }
    stages
}

fn stage(name: &str) -> Stage {
    let found = stages().into_iter().find(|stage| stage.name == name);
    found.unwrap_or_else(|| panic!("there is no stage {name}"))
}

#[tokio::test]
async fn hadolint_finds_nothing_to_complain_about() {
    run(Command::new(find("hadolint")).arg(path("Dockerfile")), "")
        .await
        .ok();
}

/// Such a line lets a registry decide what the rest of the file means.
#[test]
fn no_other_program_is_fetched_to_read_it() {
    let first = text().lines().next().unwrap().to_lowercase();
    assert!(!first.replace(' ', "").starts_with("#syntax="), "{first}");
}

#[test]
fn an_image_begins_with_nothing_and_is_nobody_in_particular() {
    let last = stages().pop().unwrap();
    assert_eq!(last.from, "image-${SERVICE}");
    for stage in stages() {
        match stage.name.strip_prefix("image-") {
            Some(_) => assert_eq!(stage.from, "scratch", "{}", stage.name),
            None => assert!(stage.all("USER").is_empty() || stage.name == last.name),
        }
    }
    assert_eq!(last.one("USER"), "65532:65532");
    let data = |copy: &&&str| copy.contains("--chown=65532:65532") && copy.ends_with(" /data");
    assert_eq!(last.all("COPY").iter().filter(data).count(), 1);
}

#[test]
fn prebuilt_binaries_need_no_other_image() {
    let prebuilt = stage("binaries-prebuilt");
    assert_eq!(prebuilt.from, "scratch");
    assert_eq!(prebuilt.instructions, ["COPY dist /src/dist"]);
    assert_eq!(stage("binaries").from, "binaries-${BINARIES}");
}

#[test]
fn a_service_listens_and_is_probed_on_its_port() {
    for service in SERVICES {
        let stage = stage(&format!("image-{}", service.name));
        let port = service.port.to_string();
        let also = stage
            .env()
            .get("MUSTER_WEB")
            .map(|web| web.replace(':', " "));
        assert_eq!(
            stage.one("EXPOSE"),
            port.clone() + &also.unwrap_or_default()
        );
        assert_eq!(stage.env()["MUSTER_LISTEN"], format!(":{port}"));
        let probe = format!(r#" CMD ["/bin/grpc-health-probe", "-addr=:{port}"]"#);
        assert!(
            stage.one("HEALTHCHECK").ends_with(&probe),
            "{}",
            service.name
        );
        let entry = format!(r#"["/bin/muster-{}"]"#, service.name);
        assert_eq!(stage.one("ENTRYPOINT"), entry);
    }
}

#[test]
fn what_is_kept_lies_under_data() {
    for service in SERVICES {
        let stage = stage(&format!("image-{}", service.name));
        let expected = format!("sqlite:/data/{}.db", service.name);
        let expected = service.stored.then_some(expected.as_str());
        assert_eq!(stage.env().get("MUSTER_STORE").copied(), expected);
    }
    assert_eq!(
        stage("image-notificator").env()["MUSTER_SMTP"],
        "file:/data/mail"
    );
    assert_eq!(stage("image-muster").env()["MUSTER_DATA"], "/data");
}

/// Where the root is read-only, and nobody said where to keep it, an engine makes a volume of its own.
#[test]
fn what_is_kept_is_a_volume() {
    for service in SERVICES {
        let volumes = stage(&format!("image-{}", service.name));
        let expected: &[&str] = if service.stored { &["/data"] } else { &[] };
        assert_eq!(volumes.all("VOLUME"), expected, "{}", service.name);
    }
    assert_eq!(stage("image-muster").one("VOLUME"), "/data");
}

/// The labels of the OCI image specification, by what follows their common prefix.
fn labels(stage: &Stage) -> BTreeMap<String, String> {
    let labels = stage.all("LABEL").join(" ").replace("\" ", "\"\n");
    let label = |line: &str| {
        let (name, value) = line.trim_end_matches('"').split_once("=\"").unwrap();
        let name = name.strip_prefix("org.opencontainers.image.").unwrap();
        (name.to_owned(), value.to_owned())
    };
    labels.lines().map(label).collect()
}

#[tokio::test]
async fn an_image_says_what_it_is() {
    let every_image = labels(&stages().pop().unwrap());
    assert_eq!(every_image["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(every_image["revision"], "${REVISION}");
    assert_eq!(every_image["licenses"], "Apache-2.0 OR MIT");
    for service in SERVICES {
        let stage = stage(&format!("image-{}", service.name));
        let labels = labels(&stage);
        assert_eq!(labels["title"], format!("muster-{}", service.name));
        let help = help(&labels["title"]).await;
        assert_eq!(help.lines().next(), Some(&*labels["description"]));
    }
    assert_eq!(labels(&stage("image-muster"))["title"], "muster");
}

/// The figures are held against what is built by `cargo xtask dist`.
#[test]
fn the_readme_tells_how_large_each_image_is() {
    let readme = fs::read_to_string(path("README.md")).unwrap();
    for image in muster_testkit::BINARIES {
        let row = format!("| `{image}` | ");
        let told = readme.lines().find_map(|line| line.strip_prefix(&row));
        let told = told.and_then(|cells| cells.split(" MB").next()?.parse::<f64>().ok());
        let most = match image {
            "muster-conflicts" => 3.0,
            "muster" => 12.0,
            _ => 6.0,
        };
        assert!(told.is_some_and(|told| told < most), "{image}: {told:?}");
    }
}

#[test]
fn an_image_takes_no_risk_on_its_own() {
    for stage in stages() {
        assert!(
            !stage.env().contains_key("MUSTER_INSECURE"),
            "{}",
            stage.name
        );
    }
}

#[tokio::test]
async fn a_binary_knows_every_setting_of_its_image() {
    let every_image = stages().pop().unwrap();
    let services = SERVICES.map(|service| service.name);
    for service in services {
        let stage = stage(&format!("image-{service}"));
        let names = stage.env().into_keys().chain(every_image.env().into_keys());
        assert_known(&format!("muster-{service}"), names).await;
    }
    assert_known("muster", stage("image-muster").env().into_keys()).await;
}

/// All in one process: every service of it is let out, on the port that it has outside of a container, too.
#[tokio::test]
async fn the_suite_listens_where_it_does_outside() {
    let stage = stage("image-muster");
    let help = help("muster").await;
    for (name, value) in stage.env() {
        if let Some(port) = value.strip_prefix(':') {
            let default = format!("[env: {name}] [default: localhost:{port}]");
            assert!(help.contains(&default), "{default}");
            assert!(
                stage
                    .one("EXPOSE")
                    .split(' ')
                    .any(|exposed| exposed == port)
            );
        }
    }
    let listen = |name: &&&str| name.ends_with("_LISTEN");
    assert_eq!(stage.env().keys().filter(listen).count(), SERVICES.len());
}
