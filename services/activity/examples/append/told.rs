//! What was promised, on standard output: a line each, all of one step in one write.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd;

use muster_activity::batch::Batch;

/// Lines that wait to be written.
#[derive(Default)]
pub(crate) struct Told {
    lines: String,
}

impl Told {
    /// The store is open, and this is its id.
    pub(crate) fn opened(&mut self, id: uuid::Uuid) {
        self.line(format_args!("opened {id}"));
    }

    /// An event is on disk.
    pub(crate) fn acked(&mut self, topic: &str, id: &str, position: i64) {
        self.line(format_args!("acked {topic} {id} {position}"));
    }

    /// All events of a batch are on disk.
    pub(crate) fn all_acked(&mut self, batch: &Batch, positions: &[i64]) {
        for (event, position) in batch.events().iter().zip(positions) {
            let id = event.id.as_deref().unwrap_or_default();
            self.acked(event.topic.as_str(), id, *position);
        }
    }

    /// Events of a topic are being removed.
    pub(crate) fn trimming(&mut self, topic: &str, up_to: i64) {
        self.line(format_args!("trimming {topic} {up_to}"));
    }

    /// Events of a topic are removed, and that is on disk.
    pub(crate) fn trimmed(&mut self, topic: &str, up_to: i64) {
        self.line(format_args!("trimmed {topic} {up_to}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String does not fail.
        let _ = writeln!(self.lines, "{line}");
    }

    /// Writes all of it at once.
    pub(crate) fn print(self) -> io::Result<()> {
        // Standard output itself writes line by line.
        let mut all = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        all.write_all(self.lines.as_bytes())
    }
}
