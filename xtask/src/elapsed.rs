//! What was done, how long it took, and what failed.

use std::fmt;
use std::time::{Duration, Instant};

/// The steps of one run, in their order.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
    closing: String,
}

struct Step {
    name: String,
    took: Duration,
    outcome: Result<(), String>,
}

impl Steps {
    /// Does one step. A failure is kept for the end of the run, and returned for who cannot go on without it.
    pub(crate) fn step(
        &mut self,
        name: &str,
        work: impl FnOnce() -> Result<(), String>,
    ) -> Result<(), String> {
        println!("\n== {name}");
        let start = Instant::now();
        let outcome = work();
        if let Err(why) = &outcome {
            eprintln!("FAILED: {why}");
        }
        self.done.push(Step {
            name: name.to_owned(),
            took: start.elapsed(),
            outcome: outcome.clone(),
        });
        outcome
    }

    /// Adds the parts of a step that was done, with what each took.
    pub(crate) fn parts(&mut self, parts: impl IntoIterator<Item = (String, Duration)>) {
        let part = |(name, took)| Step {
            name: format!("  {name}"),
            took,
            outcome: Ok(()),
        };
        self.done.extend(parts.into_iter().map(part));
    }

    /// Sets what is said last of all.
    pub(crate) fn close(&mut self, words: String) {
        self.closing = words;
    }

    /// Whether all of them succeeded.
    pub(crate) fn outcome(&self) -> Result<(), String> {
        let failed: Vec<&str> = self
            .done
            .iter()
            .filter(|step| step.outcome.is_err())
            .map(|step| &*step.name)
            .collect();
        if failed.is_empty() {
            Ok(())
        } else {
            Err(format!("failed: {}", failed.join(", ")))
        }
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n== what took how long")?;
        for Step {
            name,
            took,
            outcome,
        } in &self.done
        {
            let mark = if outcome.is_ok() { "" } else { "  FAILED" };
            writeln!(f, "{:>8.1} s  {name}{mark}", took.as_secs_f64())?;
        }
        let total: Duration = self
            .done
            .iter()
            .filter(|step| !step.name.starts_with(' '))
            .map(|step| step.took)
            .sum();
        writeln!(
            f,
            "{:>8.1} s  in all\n\n{}",
            total.as_secs_f64(),
            self.closing
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_fails_the_run_and_is_named() {
        let mut steps = Steps::default();
        assert_eq!(steps.step("good", || Ok(())), Ok(()));
        assert_eq!(steps.outcome(), Ok(()));
        assert!(steps.step("bad", || Err("why".to_owned())).is_err());
        assert_eq!(steps.step("good again", || Ok(())), Ok(()));
        assert_eq!(steps.outcome(), Err("failed: bad".to_owned()));
        assert!(steps.to_string().contains("bad  FAILED"));
    }

    #[test]
    fn parts_do_not_count_twice() {
        let mut steps = Steps::default();
        steps.parts([("part".to_owned(), Duration::from_secs(5))]);
        assert!(steps.to_string().contains(" 0.0 s  in all\n"), "{steps}");
    }
}
