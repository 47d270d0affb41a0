//! A real browser: Debian's Chromium without a window, driven over its DevTools protocol.

mod devtools;
mod key;
mod page;

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use serde_json::json;
use tempfile::TempDir;

use self::devtools::DevTools;
pub use self::key::Key;
pub use self::page::{Page, Scheme};
use crate::{Process, eventually, find};

const START_DEADLINE: Duration = Duration::from_secs(30);

/// What keeps it from doing anything but what it is told, and from slowing down pages that nobody sees.
const FLAGS: [&str; 15] = [
    "--headless",
    "--remote-debugging-port=0",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-crash-reporter",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-renderer-backgrounding",
    "--disable-sync",
    "--no-first-run",
    "--password-store=basic",
];

/// A browser with a profile of its own. Dropping it ends it with all its processes.
#[derive(Debug)]
pub struct Browser {
    devtools: DevTools,
    process: Process,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser and waits until it can be driven.
    ///
    /// # Panics
    /// When it is not installed, or cannot be driven within 30 s.
    pub async fn start() -> Browser {
        let profile = tempfile::tempdir().expect("no folder for the profile of a browser");
        let process = spawn(profile.path());
        let port_file = profile.path().join("DevToolsActivePort");
        let url = eventually(START_DEADLINE, || {
            let told = std::fs::read_to_string(&port_file).ok();
            std::future::ready(told.as_deref().and_then(devtools_url))
        })
        .await;
        Browser {
            devtools: DevTools::connect(&url).await,
            process,
            _profile: profile,
        }
    }

    /// An empty page in a tab of its own, 1,280 by 800 CSS pixels.
    ///
    /// # Panics
    /// When the browser has ended.
    pub async fn page(&self) -> Page {
        let made = self
            .devtools
            .call(None, "Target.createTarget", json!({ "url": "about:blank" }))
            .await;
        let target = json!({ "targetId": made["targetId"], "flatten": true });
        let attached = self
            .devtools
            .call(None, "Target.attachToTarget", target)
            .await;
        let session = attached["sessionId"].as_str().expect("a session has an id");
        Page::begin(self.devtools.clone(), session).await
    }

    /// The id of its process, and of the group of all its processes.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It was started as the leader of its group, so that its children end with it.
        let group = Pid::from_raw(self.pid().cast_signed()).expect("a process has an id");
        let _gone = kill_process_group(group, Signal::KILL);
    }
}

fn spawn(profile: &Path) -> Process {
    let mut command = Command::new(find("chromium"));
    command.args(FLAGS).env("HOME", profile).process_group(0);
    command.arg(format!("--user-data-dir={}", profile.display()));
    // Chromium's own sandbox refuses to work for root.
    if geteuid().is_root() {
        command.arg("--no-sandbox");
    }
    Process::spawn(command.arg("about:blank"))
}

/// Where the browser can be driven; it tells its port and a path in two lines.
fn devtools_url(told: &str) -> Option<String> {
    let (port, path) = told.trim().split_once('\n')?;
    path.starts_with('/')
        .then(|| format!("ws://127.0.0.1:{port}{path}"))
}
