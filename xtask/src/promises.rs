//! What the tests measured of what documents promise.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The file to which muster-testkit reports.
pub(crate) struct Promises {
    file: PathBuf,
}

impl Promises {
    /// Asks the tests of a command to report, and to allow no more than is promised if they are to be strict.
    pub(crate) fn asked_of(test: &mut Command, strict: bool) -> Promises {
        let file = env::temp_dir().join(format!("muster-promises-{}", std::process::id()));
        test.env("TESTKIT_PROMISES", &file);
        if strict {
            test.env("TESTKIT_STRICT", "1");
        }
        Promises { file }
    }

    /// What they reported, in the order of the alphabet, for the end of the run.
    pub(crate) fn told(&self) -> String {
        let report = fs::read_to_string(&self.file).unwrap_or_default();
        let mut lines: Vec<&str> = report.lines().collect();
        lines.sort_unstable();
        let rows = lines.into_iter().map(|line| format!("  {line}\n"));
        rows.fold("== promises\n".to_owned(), |text, row| text + &row)
    }
}

impl Drop for Promises {
    fn drop(&mut self) {
        // There is none if no test ran that measures something.
        let _ = fs::remove_file(&self.file);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_told_in_order_and_leave_nothing_behind() {
        let mut test = Command::new("cargo");
        let promises = Promises::asked_of(&mut test, true);
        let names: Vec<_> = test.get_envs().map(|(name, _)| name).collect();
        assert_eq!(names, ["TESTKIT_PROMISES", "TESTKIT_STRICT"]);
        fs::write(&promises.file, "b: 2s\na: 1s\n").unwrap();
        assert_eq!(promises.told(), "== promises\n  a: 1s\n  b: 2s\n");
        let file = promises.file.clone();
        drop(promises);
        assert!(!file.exists());
    }
}
