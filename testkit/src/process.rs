//! A child process that does not outlive its test.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::wait::eventually;

/// A running program. Its output goes to files, which are printed when the test fails; dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: TempDir,
}

impl Process {
    /// Starts `command`, with nothing on its standard input.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn(command: &mut Command) -> Process {
        let name = command.get_program().to_string_lossy().into_owned();
        let output = tempfile::tempdir().expect("no folder for the output of a process");
        let file = |stream: &str| {
            File::create(output.path().join(stream)).expect("no file for the output")
        };
        let child = command
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap_or_else(|cause| panic!("cannot start {name}: {cause}"));
        Process {
            name,
            child,
            output,
        }
    }

    /// Starts a tool (`grpcurl`, say), found as [`crate::find`] does; for one that goes on until it is dropped.
    pub fn tool(program: &str, args: &[&str]) -> Process {
        Process::spawn(Command::new(crate::find(program)).args(args))
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to its standard output so far.
    pub fn stdout(&self) -> String {
        self.read("stdout")
    }

    /// What it has written to its standard error so far.
    pub fn stderr(&self) -> String {
        self.read("stderr")
    }

    /// Its resident memory, in bytes.
    ///
    /// # Panics
    /// When it has ended.
    pub fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The most resident memory that it has had, in bytes.
    ///
    /// # Panics
    /// When it has ended.
    pub fn peak_resident_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    fn status_bytes(&self, name: &str) -> u64 {
        let path = PathBuf::from(format!("/proc/{}/status", self.pid()));
        let status = fs::read_to_string(path).expect("the process has ended");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .expect("the process has ended");
        let kib: u64 = line
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .expect("memory is a number of kB");
        kib * 1024
    }

    /// The time it has spent on cores so far, the kernel's part included.
    ///
    /// # Panics
    /// When it has ended.
    pub fn cpu_time(&self) -> Duration {
        // Nanoseconds, by the scheduler's own count; `stat` has ticks of 10 ms only.
        let tasks =
            fs::read_dir(format!("/proc/{}/task", self.pid())).expect("the process has ended");
        let spent_ns = |task: fs::DirEntry| -> Option<u64> {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse().ok()
        };
        Duration::from_nanos(tasks.flatten().filter_map(spent_ns).sum())
    }

    /// The share of a core that it takes over a while: 1.0 is all of one.
    ///
    /// # Panics
    /// When it ends meanwhile.
    pub async fn busy_over(&self, window: Duration) -> f64 {
        let before = self.cpu_time();
        tokio::time::sleep(window).await;
        (self.cpu_time() - before).as_secs_f64() / window.as_secs_f64()
    }

    /// Asks it to stop.
    pub fn sigterm(&self) {
        self.signal(Signal::TERM);
    }

    /// Asks it to stop, as Ctrl-C does.
    pub fn sigint(&self) {
        self.signal(Signal::INT);
    }

    /// Ends it where it stands, and returns when it is gone.
    pub fn sigkill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Stops it in its tracks: its connections stay open and nothing answers. See [`Process::resume`].
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on after [`Process::freeze`].
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// How it ended, or `None` while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// When it still runs at the deadline.
    pub async fn wait_exit(&mut self, deadline: Duration) -> ExitStatus {
        let child = &mut self.child;
        let mut ended = move || child.try_wait().expect("a child can be waited for");
        eventually(deadline, || std::future::ready(ended())).await
    }

    /// Both streams, for the message of a failure.
    pub fn transcript(&self) -> String {
        format!(
            "--- stdout of {}\n{}\n--- stderr\n{}\n---",
            self.name,
            self.stdout(),
            self.stderr()
        )
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        if let Err(cause) = kill_process(pid, signal) {
            panic!("cannot signal {} ({}): {cause}", self.name, self.pid());
        }
    }

    fn read(&self, stream: &str) -> String {
        let bytes = fs::read(self.output.path().join(stream)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.sigkill();
        if std::thread::panicking() {
            eprintln!("{}", self.transcript());
        }
    }
}
