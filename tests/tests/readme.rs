//! Every command in the README is run, from the README itself, on the ports that it names.
//!
//! A `console` block is a terminal: commands behind `$`, and what they print (`…` stands for
//! anything). The last command of a terminal may go on while the next terminals work.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use muster_testkit::{Network, Process, eventually, mails};
use tempfile::TempDir;

/// `cargo run` may have to link first.
const START: Duration = Duration::from_secs(120);
const ANSWER: Duration = Duration::from_secs(30);

/// A command, and what it prints.
#[derive(Debug, Default)]
struct Command {
    line: String,
    expected: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

/// The fenced blocks of one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(found) = line.strip_prefix("```") {
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            if found == language {
                blocks.push(block.join("\n"));
            }
        }
    }
    blocks
}

fn terminal(block: &str) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    for line in block.lines() {
        match line.strip_prefix("$ ") {
            Some(line) => commands.push(Command {
                line: line.to_owned(),
                expected: Vec::new(),
            }),
            None => commands.last_mut().unwrap().expected.push(line.to_owned()),
        }
    }
    commands
}

/// Whether a line is as expected, where `…` stands for anything.
fn matches(line: &str, expected: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap()) else {
        return false;
    };
    if !expected.contains('…') {
        return rest.is_empty();
    }
    let last = expected.rsplit('…').next().unwrap();
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    last.is_empty() || line.ends_with(last)
}

/// Whether the first `count` lines that are expected have come, and nothing else before them.
fn has_printed(process: &Process, expected: &[String], count: usize) -> bool {
    let printed = process.stdout();
    let lines: Vec<_> = printed.lines().collect();
    lines.len() >= count
        && lines
            .iter()
            .zip(expected)
            .take(count)
            .all(|(line, expected)| matches(line, expected))
}

/// Runs the README's terminals in a network and a folder of their own.
struct Reader {
    network: Network,
    folder: TempDir,
    /// Commands that have not ended yet.
    open: Vec<(Command, Process)>,
}

impl Reader {
    fn start(&self, line: &str) -> Process {
        // The README's reader stands in the project's folder; the data of this one must not lie there.
        let manifest = root().join("Cargo.toml");
        let line = line.replacen(
            "cargo run",
            &format!("cargo run --manifest-path {}", manifest.display()),
            1,
        );
        let mut command = self.network.command("bash");
        let tools = muster_testkit::find("grpcurl");
        let path = format!(
            "{}:{}",
            tools.parent().unwrap().display(),
            std::env::var("PATH").unwrap()
        );
        command
            .args(["-c", &line])
            .current_dir(self.folder.path())
            .env("PATH", path);
        Process::spawn(&mut command)
    }

    /// Runs a command to its end, which must be a good one.
    async fn run(&self, command: &Command) {
        let mut process = self.start(&command.line);
        let status = process.wait_exit(ANSWER).await;
        let all = command.expected.len();
        let as_told = has_printed(&process, &command.expected, all)
            && process.stdout().lines().count() == all;
        assert!(
            status.success() && as_told,
            "{command:#?}\n{}",
            process.transcript()
        );
    }

    /// Starts a command, and goes on as soon as it ends or prints the first line of its output.
    async fn open(&mut self, command: Command) {
        let mut process = self.start(&command.line);
        let first = command.expected.len().min(1);
        eventually(ANSWER, || {
            let ready =
                process.ended().is_some() || has_printed(&process, &command.expected, first);
            std::future::ready(ready.then_some(()))
        })
        .await;
        self.open.push((command, process));
    }

    /// Waits until all has been printed that the README tells, then ends what is still open.
    async fn close(&mut self) {
        for (command, mut process) in self.open.drain(..) {
            let all = command.expected.len();
            eventually(ANSWER, || {
                let failed = process.ended().is_some_and(|status| !status.success());
                assert!(!failed, "{command:#?}\n{}", process.transcript());
                std::future::ready(has_printed(&process, &command.expected, all).then_some(()))
            })
            .await;
        }
    }
}

#[tokio::test]
async fn every_command_of_the_readme_does_what_it_tells() {
    let readme = readme();
    let commands = blocks(&readme, "sh");
    assert_eq!(
        commands,
        ["cargo run", "cargo xtask test"],
        "the README's two commands"
    );

    let (network, folder) = (Network::private().await, tempfile::tempdir().unwrap());
    let mut reader = Reader {
        network,
        folder,
        open: Vec::new(),
    };
    let mut suite = reader.start(&commands[0]);
    eventually(START, || {
        assert!(suite.ended().is_none(), "{}", suite.transcript());
        std::future::ready(suite.stdout().contains("muster is up").then_some(()))
    })
    .await;

    let terminals: Vec<_> = blocks(&readme, "console")
        .iter()
        .map(|block| terminal(block))
        .collect();
    assert!(
        terminals.len() >= 8,
        "a first call for each service, health and metrics"
    );
    for mut commands in terminals {
        let last = commands.pop().unwrap();
        for command in &commands {
            reader.run(command).await;
        }
        reader.open(last).await;
    }
    reader.close().await;
    mails_are_in_the_folder(reader.folder.path()).await;

    suite.sigint();
    let status = suite.wait_exit(ANSWER).await;
    assert!(status.success(), "{}", suite.transcript());
}

/// "becomes a file in `muster-data/mail`": Ann's mail, and the welcome mail of `test`.
async fn mails_are_in_the_folder(folder: &Path) {
    let folder = folder.join("muster-data/mail");
    eventually(ANSWER, || {
        let texts = mails(&folder);
        let found = |to: &str, content: &str| {
            texts
                .iter()
                .any(|mail| mail.contains(to) && mail.contains(content))
        };
        let all = found("ann@example.org", "Lunch?")
            && found("test@localhost", "Hi! Thank you for registration...");
        std::future::ready((texts.len() == 2 && all).then_some(()))
    })
    .await;
}

/// `cargo xtask test` cannot be run from within itself; what CI runs must be this very command.
#[test]
fn the_test_command_of_the_readme_is_what_ci_runs() {
    let script = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(
        script
            .lines()
            .any(|line| line.trim_end() == "cargo xtask test"
                || line.trim_end() == "exec cargo xtask test"),
        "{script}"
    );
}

#[test]
fn dots_stand_for_anything() {
    assert!(matches("\"id\": \"4f\"", "\"id\": \"…\""));
    assert!(matches("{\"a\":1,\"b\":2}", "{\"a\":1,…}"));
    assert!(matches("plain", "plain") && !matches("plain more", "plain"));
    assert!(!matches("{\"a\":2}", "{\"a\":1,…}") && !matches("{\"a\":1,x", "{\"a\":1,…}"));
}
