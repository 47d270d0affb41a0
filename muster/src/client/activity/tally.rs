//! What became of the events of a file.

use std::fmt;

use clap::ArgMatches;
use muster_kit::status;
use muster_proto::muster::activity::v1::AppendOutcome;
use serde_json::json;

use crate::client::{Failure, complain, counted, print};

/// Events by what became of them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    stored: usize,
    already_there: usize,
    conflicts: usize,
    without_id: usize,
    /// All up to this line is answered.
    last_line: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} stored", counted(self.stored, "event"))?;
        if self.already_there > 0 {
            write!(f, ", {} already there", self.already_there)?;
        }
        if self.conflicts > 0 {
            write!(f, ", {}", counted(self.conflicts, "conflict"))?;
        }
        Ok(())
    }
}

impl Tally {
    /// Takes the next line.
    pub(super) fn add(&mut self, line: u64, has_id: bool, outcome: AppendOutcome) {
        match outcome {
            AppendOutcome::AlreadyThere => self.already_there += 1,
            AppendOutcome::Conflict => self.conflicts += 1,
            AppendOutcome::Stored | AppendOutcome::Unspecified => self.stored += 1,
        }
        self.without_id += usize::from(!has_id);
        self.last_line = line;
    }

    /// Tells what became of all that is answered.
    pub(super) fn print(&self, matches: &ArgMatches) -> Result<(), Failure> {
        if self.without_id > 0 {
            let events = counted(self.without_id, "event");
            let why = "the same file again stores such events once more";
            complain("activity", format!("{events} had no id: {why}"));
        }
        let object = json!({
            "stored": self.stored,
            "already_there": self.already_there,
            "conflicts": self.conflicts,
        });
        print(matches, self, &object)
    }

    /// All lines are answered: is that a success?
    pub(super) fn success(&self) -> Result<(), Failure> {
        if self.conflicts == 0 {
            return Ok(());
        }
        let events = counted(self.conflicts, "event");
        let why = format!("{events} not stored, being there with another content");
        Err(status::already_exists(why).into())
    }

    /// How far a stream came that broke off, and how to go on.
    pub(super) fn how_far(&self) -> String {
        let done = match self.last_line {
            0 => "no line was acknowledged".to_owned(),
            line => format!("acknowledged up to line {line}"),
        };
        let again = "the same file again is safe where every line has an id";
        format!("{done}; {again}: what is there already stays as it is")
    }
}
