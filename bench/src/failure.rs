//! Why something could not be measured.

use std::error::Error;
use std::fmt;

/// A sentence for the end of the run.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(why: impl Into<String>) -> Failure {
        Failure(why.into())
    }

    /// Fails unless there are as many of them as there must be: a figure of anything else says nothing.
    pub(crate) fn unless_all(found: u64, expected: u64) -> Result<(), Failure> {
        if found == expected {
            Ok(())
        } else {
            Err(Failure(format!("{found} instead of {expected}")))
        }
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
