//! Events in files: one in each line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use muster_proto::muster::activity::v1 as pb;
use tokio::sync::mpsc;

use super::typed::Typed;
use crate::client::Failure;

/// No event that the service takes needs more, however it is escaped.
const LINE_LIMIT_BYTES: u64 = 1024 * 1024;
/// Lines that are read ahead.
const AHEAD_LINES: usize = 4_096;

/// Where lines come from.
pub(super) struct Source {
    /// As it is told.
    pub(super) name: String,
    /// Where it is known.
    pub(super) size_bytes: Option<u64>,
    reader: Box<dyn BufRead + Send>,
}

/// A line that is an event.
#[derive(Debug)]
pub(super) struct Line {
    /// From 1.
    pub(super) number: u64,
    /// Where it ends.
    pub(super) end_bytes: u64,
    /// Whether it is safe to repeat.
    pub(super) has_id: bool,
    pub(super) event: pb::NewEvent,
}

/// A line that is none.
#[derive(Debug)]
pub(super) struct BadLine {
    pub(super) number: u64,
    pub(super) why: String,
}

impl Source {
    /// A file; `-` is standard input.
    pub(super) fn open(name: &str) -> Result<Source, Failure> {
        if name == "-" {
            return Ok(Source {
                name: "standard input".into(),
                size_bytes: None,
                reader: Box::new(BufReader::new(io::stdin())),
            });
        }
        let failed = |why| Failure::usage(format!("{name}: {why}"));
        let file = File::open(name).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        Ok(Source {
            name: name.to_owned(),
            size_bytes: metadata.is_file().then_some(metadata.len()),
            reader: Box::new(BufReader::new(file)),
        })
    }

    /// Reads on a thread of its own, up to the end or the first bad line. Nobody waits for that
    /// thread: it may be waiting for a terminal.
    pub(super) fn read(self) -> mpsc::Receiver<Result<Line, BadLine>> {
        let (sender, receiver) = mpsc::channel(AHEAD_LINES);
        std::thread::spawn(move || {
            for line in Lines::new(self.reader) {
                let is_last = line.is_err();
                if sender.blocking_send(line).is_err() || is_last {
                    return;
                }
            }
        });
        receiver
    }
}

/// Lines in their order; empty ones are passed over.
struct Lines<R> {
    reader: R,
    number: u64,
    end_bytes: u64,
    text: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R) -> Lines<R> {
        Lines {
            reader,
            number: 0,
            end_bytes: 0,
            text: Vec::new(),
        }
    }

    /// Reads the next line; false behind the last.
    fn advance(&mut self) -> Result<bool, String> {
        self.text.clear();
        self.number += 1;
        let mut within_limit = (&mut self.reader).take(LINE_LIMIT_BYTES + 1);
        let bytes = within_limit
            .read_until(b'\n', &mut self.text)
            .map_err(|error| error.to_string())?;
        self.end_bytes += bytes as u64;
        match bytes as u64 > LINE_LIMIT_BYTES {
            true => Err(format!("longer than {LINE_LIMIT_BYTES} bytes")),
            false => Ok(bytes > 0),
        }
    }

    fn parse(&self) -> Result<Line, String> {
        let typed = Typed::parse(&self.text).map_err(|error| error.to_string())?;
        let has_id = typed.has_id();
        let event = typed.into_new().map_err(|bad| bad.to_string())?;
        Ok(Line {
            number: self.number,
            end_bytes: self.end_bytes,
            has_id,
            event,
        })
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<Line, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = loop {
            match self.advance() {
                Ok(true) if self.text.trim_ascii().is_empty() => {}
                Ok(true) => break self.parse(),
                Ok(false) => return None,
                Err(why) => break Err(why),
            }
        };
        let number = self.number;
        Some(line.map_err(|why| BadLine { number, why }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"topic":"a","id":"1","message":"x"}"#;

    #[test]
    fn lines_are_counted_with_the_empty_ones_and_the_last_may_lack_its_end() {
        let text = format!("\n{EVENT}\n  \r\n{EVENT}");
        let lines: Vec<_> = Lines::new(text.as_bytes()).map(Result::unwrap).collect();
        let places: Vec<_> = lines
            .iter()
            .map(|line| (line.number, line.end_bytes))
            .collect();
        assert_eq!(places, [(2, 38), (4, text.len() as u64)]);
    }

    #[test]
    fn a_bad_line_is_told_by_its_number() {
        let text = format!("{EVENT}\n{{\"topic\":\"a\"}}\n");
        let bad = Lines::new(text.as_bytes()).nth(1).unwrap().unwrap_err();
        assert_eq!((bad.number, &*bad.why), (2, "missing field `message`"));
    }

    #[test]
    fn a_line_without_end_takes_no_more_than_its_limit() {
        let bad = Lines::new(BufReader::new(io::repeat(b' '))).next();
        assert_eq!(bad.unwrap().unwrap_err().why, "longer than 1048576 bytes");
    }
}
