//! Tests that could not be run here: they end like those that passed, and must not be taken for them.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The file to which muster-testkit reports them.
pub(crate) struct NotRun {
    file: PathBuf,
}

impl NotRun {
    /// Asks the tests of a command to report what they cannot run. Those that are not asked fail instead.
    pub(crate) fn asked_of(test: &mut Command) -> NotRun {
        let file = env::temp_dir().join(format!("muster-not-run-{}", std::process::id()));
        test.env("TESTKIT_NOT_RUN", &file);
        NotRun { file }
    }

    /// Which tests, and why each, in the order of the alphabet.
    pub(crate) fn told(&self) -> Vec<String> {
        let report = fs::read_to_string(&self.file).unwrap_or_default();
        let mut lines: Vec<String> = report.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    }
}

impl Drop for NotRun {
    fn drop(&mut self) {
        // There is none if all were run.
        let _ = fs::remove_file(&self.file);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_run_is_told_and_leaves_nothing_behind() {
        let mut test = Command::new("cargo");
        let not_run = NotRun::asked_of(&mut test);
        assert_eq!(not_run.told(), Vec::<String>::new());
        let names: Vec<_> = test.get_envs().map(|(name, _)| name).collect();
        assert_eq!(names, ["TESTKIT_NOT_RUN"]);
        fs::write(&not_run.file, "b, because\na, because\n").unwrap();
        assert_eq!(not_run.told(), ["a, because", "b, because"]);
        let file = not_run.file.clone();
        drop(not_run);
        assert!(!file.exists());
    }
}
