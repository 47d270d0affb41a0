//! `cargo xtask dev`: runs the suite, and builds and starts it again when its sources change.

mod sources;

use std::env;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use self::sources::{Sources, Stamp};
use crate::command::cargo;

/// What the suite is built of.
const SOURCES: [&str; 7] = [
    "Cargo.lock",
    "Cargo.toml",
    "kit",
    "muster",
    "proto",
    "services",
    "web",
];
/// How often the sources are looked at.
const POLL: Duration = Duration::from_millis(300);
/// How long what runs may take to stop: its own drain and a little more.
const STOP: Duration = Duration::from_secs(20);

/// Builds and runs `muster up` with these words, for ever. Ctrl-C goes to all of the terminal's programs, and ends both.
pub(crate) fn run(words: &[&str]) -> Result<(), String> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let up = move || {
        let mut up = Command::new(binary());
        up.arg("up").args(&words);
        up
    };
    let mut dev = Dev::new(
        &SOURCES.map(PathBuf::from),
        || cargo("build --package muster"),
        up,
    );
    loop {
        dev.look();
        sleep(POLL);
    }
}

/// What is built: cargo puts a new file there, and leaves the old one to who runs it.
fn binary() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    target.join("debug/muster")
}

/// A program that is kept as its sources are.
struct Dev<B, R> {
    sources: Sources,
    build: B,
    program: R,
    /// As the sources were when they were looked at last,
    seen: Option<Stamp>,
    /// and when they were built last.
    built: Option<Stamp>,
    running: Option<Child>,
}

impl<B: Fn() -> Command, R: Fn() -> Command> Dev<B, R> {
    fn new(sources: &[PathBuf], build: B, program: R) -> Self {
        Self {
            sources: Sources::new(sources),
            build,
            program,
            seen: None,
            built: None,
            running: None,
        }
    }

    /// Looks once. What has changed is built when it no longer changes: an editor writes many files.
    fn look(&mut self) {
        self.tell_end();
        let now = Some(self.sources.stamp());
        let is_at_rest = self.seen == now || self.built.is_none();
        if self.built != now && is_at_rest {
            self.built.clone_from(&now);
            self.renew();
        }
        self.seen = now;
    }

    /// A build that fails says why by itself, and what runs goes on.
    fn renew(&mut self) {
        match (self.build)().status() {
            Ok(status) if status.success() => {
                self.stop();
                self.start();
            }
            Ok(_) if self.running.is_some() => tell("not built: what ran before goes on"),
            Ok(_) => tell("not built: waiting for a change"),
            Err(cause) => tell(&format!("cannot build: {cause}")),
        }
    }

    fn start(&mut self) {
        match (self.program)().spawn() {
            Ok(child) => self.running = Some(child),
            Err(cause) => tell(&format!("cannot start: {cause}")),
        }
    }

    /// Asks it to stop, as Ctrl-C would: what it was told is on disk, and there again after the start.
    fn stop(&mut self) {
        let Some(mut child) = self.running.take() else {
            return;
        };
        let pid = child.id().to_string();
        let _asked = Command::new("kill").args(["-TERM", &pid]).status();
        let asked = Instant::now();
        while matches!(child.try_wait(), Ok(None)) {
            if asked.elapsed() > STOP {
                tell("it does not stop, and is killed");
                let _gone = child.kill();
            }
            sleep(POLL / 10);
        }
    }

    fn tell_end(&mut self) {
        if let Some(child) = &mut self.running
            && let Ok(Some(status)) = child.try_wait()
        {
            tell(&format!("it has ended ({status}): waiting for a change"));
            self.running = None;
        }
    }
}

fn tell(what: &str) {
    eprintln!("cargo xtask dev: {what}");
}

#[cfg(test)]
mod tests;
