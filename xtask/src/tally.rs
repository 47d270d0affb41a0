//! Counts what `cargo test` prints.

use std::fmt;
use std::time::Duration;

/// How many tests passed and failed, and how long each test binary took.
#[derive(Default)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
    not_run: Vec<String>,
    current: String,
    took: Vec<(String, Duration)>,
}

impl Tally {
    /// Takes one line of the output.
    pub(crate) fn read(&mut self, line: &str) {
        let line = line.trim();
        if let Some(what) = line.strip_prefix("Running ") {
            self.current = binary(what);
        } else if let Some(package) = line.strip_prefix("Doc-tests ") {
            self.current = format!("{package} (doc)");
        } else if let Some(result) = line.strip_prefix("test result: ") {
            self.result(result);
        }
    }

    /// Tells those that only looked as if they had passed: what they are, and why they could not be run.
    pub(crate) fn were_not_run(&mut self, told: Vec<String>) {
        self.passed = self.passed.saturating_sub(told.len() as u64);
        self.not_run = told;
    }

    /// The slowest test binaries, the slowest first.
    pub(crate) fn slowest(&self, count: usize) -> Vec<(String, Duration)> {
        let mut took = self.took.clone();
        took.sort_by_key(|(_, took)| std::cmp::Reverse(*took));
        took.truncate(count);
        took
    }

    /// `ok. 7 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 3.29s`
    fn result(&mut self, result: &str) {
        let before = |word: &str| {
            let words: Vec<&str> = result
                .split([' ', ';', '.'])
                .filter(|word| !word.is_empty())
                .collect();
            words
                .windows(2)
                .find(|pair| pair[1] == word)
                .and_then(|pair| pair[0].parse().ok())
                .unwrap_or(0)
        };
        self.passed += before("passed");
        self.failed += before("failed");
        self.ignored += before("ignored");
        let seconds = result
            .rsplit_once("finished in ")
            .and_then(|(_, time)| time.trim_end_matches('s').parse().ok());
        self.took.push((
            self.current.clone(),
            Duration::from_secs_f64(seconds.unwrap_or(0.0)),
        ));
    }
}

/// `tests/components.rs (target/debug/deps/components-06ef)` → `components`; a unit test binary is named after
/// its package alone.
fn binary(what: &str) -> String {
    let path = what
        .rsplit_once('(')
        .map_or(what, |(_, path)| path.trim_end_matches(')'));
    let file = path.rsplit('/').next().unwrap_or(path);
    file.rsplit_once('-')
        .map_or(file, |(name, _)| name)
        .to_owned()
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ignored > 0 {
            writeln!(f, "{} left to --full", self.ignored)?;
        }
        for told in &self.not_run {
            writeln!(f, "NOT RUN: {told}")?;
        }
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        match self.not_run.len() {
            0 => Ok(()),
            count => write!(f, ", {count} NOT RUN"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_added_up_under_the_name_of_their_binary() {
        let mut tally = Tally::default();
        for line in [
            "     Running unittests src/lib.rs (/target/debug/deps/muster_testkit-fdc36b1a99dd5795)",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.50s",
            "     Running tests/components.rs (target/debug/deps/components-06ef8663072f0da9)",
            "test result: FAILED. 7 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 3.29s",
            "   Doc-tests muster_testkit",
            "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s",
        ] {
            tally.read(line);
        }
        assert_eq!(tally.to_string(), "1 left to --full\n11 passed, 2 failed");
        tally.were_not_run(vec!["a thing, because of a reason".to_owned()]);
        let closing = "1 left to --full\nNOT RUN: a thing, because of a reason\n10 passed, 2 failed, 1 NOT RUN";
        assert_eq!(tally.to_string(), closing);
        let names: Vec<String> = tally.slowest(2).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["components", "muster_testkit"]);
    }
}
