//! Threads and standard output: what a process has whatever it serves.

use std::fmt::Display;
use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A line on standard output. Nobody may be listening there, which is no reason to stop.
pub fn say(line: impl Display) {
    use std::io::Write;
    let _nobody_listens = writeln!(io::stdout().lock(), "{line}");
}

/// Runs a future on a runtime of all cores, and leaves without waiting for blocking threads.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    raise_open_files();
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let done = runtime.block_on(work);
            runtime.shutdown_background();
            done
        }
        Err(error) => {
            eprintln!("cannot start threads: {error}");
            std::process::exit(1)
        }
    }
}

/// Allows as many open files as the process may have. What a shell allows by itself is for programs
/// that wait with select(2), which ends at 1,024; each connection here is a file.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // What is allowed stands otherwise, and connections beyond it wait to be accepted.
    let _best_effort = setrlimit(Resource::Nofile, raised);
}
