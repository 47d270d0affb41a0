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

    /// Fails unless as many are stored as were acknowledged: a figure of anything else says nothing.
    pub(crate) fn unless_all_stored(stored: u64, acknowledged: u64) -> Result<(), Failure> {
        if stored == acknowledged {
            Ok(())
        } else {
            Err(Failure(format!(
                "{acknowledged} events were acknowledged, {stored} are stored"
            )))
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
