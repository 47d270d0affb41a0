//! What a process did to the files of its store, in the order in which it did it.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};

use muster_testkit::{find, target_dir};

use crate::call::{self, Call};
use crate::told::Told;

/// All calls that may change files, whether the store uses them or not.
const CALLS: &str = "trace=open,openat,openat2,creat,write,writev,pwrite64,pwritev,pwritev2,\
    truncate,ftruncate,fallocate,fsync,fdatasync,sync_file_range,rename,renameat,renameat2,\
    link,linkat,symlink,unlink,unlinkat,mmap,sendfile,copy_file_range,io_uring_setup";

/// How much the process does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// How often it opens and closes its store.
    pub(crate) sessions: usize,
    /// How many steps each of its writers takes meanwhile.
    pub(crate) steps: usize,
    /// How many batches of 1,000 events it appends in the last session.
    pub(crate) bulk: usize,
}

/// What is done to a file, or to the folder.
#[derive(Debug)]
pub(crate) enum Change {
    Write {
        offset: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        length: usize,
    },
    /// A name in the folder stands for a file from now on.
    Name {
        name: String,
        file: usize,
    },
    Unname {
        name: String,
    },
    Sync,
}

/// When it was done, in lines of the record.
#[derive(Debug)]
pub(crate) struct Op {
    pub(crate) begun: usize,
    pub(crate) done: usize,
    pub(crate) change: Change,
}

/// A file, whatever its names are.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(crate) first_name: String,
    pub(crate) ops: Vec<Op>,
}

/// All that was done. The folder is empty at first.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(crate) folder: Vec<Op>,
    pub(crate) files: Vec<File>,
    /// What was told, and when it began to be.
    pub(crate) told: Vec<(usize, Told)>,
    /// Behind everything.
    pub(crate) end: usize,
    /// The files by their names of the moment.
    pub(crate) names: HashMap<String, usize>,
}

impl Recording {
    /// Runs the example `append` and records it.
    pub(crate) fn of(load: Load, seed: u64) -> Recording {
        let folder = tempfile::tempdir().unwrap();
        // As the system tells it, without links.
        let path = folder.path().canonicalize().unwrap();
        let mut process = command(&path, load, seed).spawn().unwrap();
        let mut recording = Recording::default();
        let prefix = format!("{}/", path.display());
        call::read(process.stderr.take().unwrap(), |call| {
            if call.result >= 0 || call.done == usize::MAX {
                recording.take(call, &prefix);
            }
        });
        let status = process.wait().unwrap();
        assert!(
            status.success(),
            "{status}: can this system trace a process?"
        );
        recording.sort();
        recording
    }

    fn take(&mut self, call: Call, prefix: &str) {
        let of_folder = |path: &str| path.strip_prefix(prefix).map(str::to_owned);
        match call.name.as_str() {
            "openat" => {
                if let Some(name) = of_folder(&String::from_utf8(call.text()).unwrap()) {
                    self.open(&call, name);
                }
            }
            "unlink" => {
                if let Some(name) = of_folder(&String::from_utf8(call.text()).unwrap()) {
                    self.names.remove(&name);
                    self.folder.push(op(&call, Change::Unname { name }));
                }
            }
            "write" => self.tell(&call, prefix),
            "mmap" if !call.args.contains("MAP_SHARED") => {}
            "pwrite64" | "ftruncate" | "fsync" | "fdatasync" | "mmap" => {
                let path = call.path() + "/";
                match path.strip_prefix(prefix) {
                    Some("") => self.folder.push(op(&call, Change::Sync)),
                    Some(name) => self.change(&call, name.trim_end_matches('/')),
                    None => {}
                }
            }
            name => panic!("{name} is not understood: {}", call.args),
        }
        self.end = self.end.max(call.begun + 1);
    }

    fn open(&mut self, call: &Call, name: String) {
        assert!(!call.args.contains("O_TRUNC"), "O_TRUNC is not understood");
        if self.names.contains_key(&name) || !call.args.contains("O_CREAT") {
            return;
        }
        let file = self.files.len();
        self.files.push(File {
            first_name: name.clone(),
            ops: Vec::new(),
        });
        self.names.insert(name.clone(), file);
        self.folder.push(op(call, Change::Name { name, file }));
    }

    fn change(&mut self, call: &Call, name: &str) {
        // Shared memory: nothing of it counts after a restart, SQLite makes it anew.
        if name.ends_with("-shm") {
            return;
        }
        let change = match call.name.as_str() {
            "pwrite64" => Change::Write {
                offset: call.last_number(),
                bytes: call.text(),
            },
            "ftruncate" => Change::Truncate {
                length: call.last_number(),
            },
            "mmap" => panic!("{name} is written through memory: {}", call.args),
            _ => Change::Sync,
        };
        let file = self.names.get(name).copied();
        let file = file.unwrap_or_else(|| panic!("{name} has no name any more"));
        self.files[file].ops.push(op(call, change));
    }

    /// Lines on its standard output, wherever that leads.
    fn tell(&mut self, call: &Call, prefix: &str) {
        assert!(!call.path().starts_with(prefix), "write is not understood");
        let text = call.text();
        let begins: [&[u8]; 4] = [b"opened ", b"acked ", b"trimming ", b"trimmed "];
        if begins.iter().any(|word| text.starts_with(word)) {
            let text = String::from_utf8(text).unwrap();
            let told = text.lines().map(|line| (call.begun, Told::read(line)));
            self.told.extend(told);
        }
    }

    /// Calls were taken as they returned; what counts is when they began.
    fn sort(&mut self) {
        self.folder.sort_by_key(|op| op.begun);
        for file in &mut self.files {
            file.ops.sort_by_key(|op| op.begun);
        }
        self.told.sort_by_key(|(begun, _)| *begun);
    }

    /// The moments that come seldom: another file than the log is synced, the log begins anew or
    /// is cut, a file comes or goes.
    pub(crate) fn rare_moments(&self) -> Vec<usize> {
        let is_rare = |file: &File, op: &Op| match op.change {
            Change::Write { offset, .. } => offset == 0,
            Change::Sync => !file.first_name.ends_with("-wal"),
            _ => true,
        };
        let of_files = self.files.iter().flat_map(|file| {
            let rare = file.ops.iter().filter(move |op| is_rare(file, op));
            rare.map(|op| op.begun)
        });
        of_files
            .chain(self.folder.iter().map(|op| op.begun))
            .collect()
    }

    /// Asserts that everything happened that a cut may interrupt.
    pub(crate) fn assert_eventful(&self) {
        let syncs_of_database = self
            .files_named(".db")
            .flat_map(|file| &file.ops)
            .filter(|op| matches!(op.change, Change::Sync))
            .count();
        let writes_first = |op: &&Op| matches!(op.change, Change::Write { offset: 0, .. });
        let log_begins = |file: &File| file.ops.iter().filter(writes_first).count();
        let restarts = self.files_named("-wal").map(log_begins).max();
        let told = self.told.len();
        println!(
            "{} calls, {told} events acknowledged, {syncs_of_database} syncs of the database, \
             a log that began {restarts:?} times",
            self.end
        );
        assert!(syncs_of_database > 2, "no checkpoint: take more steps");
        assert!(restarts > Some(1), "no log began anew: take more steps");
    }

    fn files_named(&self, end: &str) -> impl Iterator<Item = &File> {
        let is_named = move |file: &&File| file.first_name.ends_with(end);
        self.files.iter().filter(is_named)
    }
}

fn op(call: &Call, change: Change) -> Op {
    Op {
        begun: call.begun,
        done: call.done,
        change,
    }
}

/// strace, which tells what it sees on its standard error. What the process prints goes nowhere:
/// that it prints it is among what is seen.
fn command(folder: &Path, load: Load, seed: u64) -> Command {
    let example = target_dir().join("examples/append");
    let build = "`cargo build -p muster-activity --examples` makes it";
    assert!(
        example.is_file(),
        "{} is missing: {build}",
        example.display()
    );
    let mut command = Command::new(find("strace"));
    command
        .args(["-f", "-y", "-xx", "-qq", "-s", "16777216", "--seccomp-bpf"])
        .args(["-e", "signal=none", "-e", CALLS, "-o", "/dev/stderr"])
        .arg(example)
        .arg(folder)
        .args([
            seed.to_string(),
            load.sessions.to_string(),
            load.steps.to_string(),
            load.bulk.to_string(),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}
