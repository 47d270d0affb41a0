//! Threads and standard output: what a process has whatever it serves.

use std::fmt::Display;
use std::io;

/// A line on standard output. Nobody may be listening there, which is no reason to stop.
pub fn say(line: impl Display) {
    use std::io::Write;
    let _nobody_listens = writeln!(io::stdout().lock(), "{line}");
}

/// Runs a future on a runtime of all cores, and leaves without waiting for blocking threads.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
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
