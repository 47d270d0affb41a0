//! Redis as an idempotent event store: a set of ids and a stream for each topic.

use std::process::Command;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use muster_testkit::{Process, eventually, free_port};
use tempfile::TempDir;

use super::printed;
use crate::activity::event::{Event, MESSAGE};
use crate::activity::pipeline::{Pipeline, Request};
use crate::failure::Failure;

const DEADLINE: Duration = Duration::from_secs(20);

/// Stores an event unless its id is known.
const APPEND: &str = "if redis.call('SADD', KEYS[1], ARGV[1]) == 1 then \
     redis.call('XADD', KEYS[2], '*', 'id', ARGV[1], 'message', ARGV[2]) return 1 end return 0";

const COUNT: &str = "local count = 0 for _, key in ipairs(redis.call('KEYS', 'events:*')) do \
     count = count + redis.call('XLEN', key) end return count";

pub(crate) struct Redis {
    port: u16,
    script: String,
    _process: Process,
    _folder: TempDir,
}

impl Redis {
    pub(super) async fn start() -> Result<Redis, Failure> {
        let (port, folder) = (free_port(), tempfile::tempdir()?);
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        command.args([
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
            "--save",
            "",
        ]);
        // Without rewrites of the log in between: they would only cost it time.
        command.args(["--auto-aof-rewrite-percentage", "0", "--dir"]);
        let process = Process::spawn(command.arg(folder.path()));
        let script = eventually(DEADLINE, || async {
            cli(port, &["SCRIPT", "LOAD", APPEND]).await.ok()
        });
        Ok(Redis {
            port,
            script: script.await,
            _process: process,
            _folder: folder,
        })
    }

    pub(super) async fn connect(&self) -> Result<Pipeline, Failure> {
        Pipeline::connect(self.port, replies).await
    }

    pub(super) fn request(&self, events: &[Event]) -> Request {
        let mut bytes = Vec::new();
        for Event { topic, id } in events {
            let (ids, stream) = (format!("ids:{topic}"), format!("events:{topic}"));
            let words = ["EVALSHA", &self.script, "2", &ids, &stream, id, MESSAGE];
            command(&mut bytes, &words);
        }
        Request::new(bytes, events.len())
    }

    pub(super) async fn stored(&self) -> Result<u64, Failure> {
        Ok(cli(self.port, &["EVAL", COUNT, "0"]).await?.parse()?)
    }
}

async fn cli(port: u16, args: &[&str]) -> Result<String, Failure> {
    let mut cli = tokio::process::Command::new("redis-cli");
    cli.args(["-e", "-p", &port.to_string()]).args(args);
    printed(&mut cli).await
}

/// RESP: an array of bulk strings.
fn command(bytes: &mut Vec<u8>, words: &[&str]) {
    bytes.extend(format!("*{}\r\n", words.len()).bytes());
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
    }
}

/// Takes replies that say that an event was stored: `:1`.
fn replies(buffer: &mut BytesMut) -> Result<usize, Failure> {
    let mut count = 0;
    while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
        if !buffer.starts_with(b":1\r\n") {
            let reply = String::from_utf8_lossy(&buffer[..end]).trim().to_owned();
            return Err(Failure::new(format!("Redis answered {reply}")));
        }
        buffer.advance(end + 1);
        count += 1;
    }
    Ok(count)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn whole_replies_are_taken_and_the_rest_stays() {
        let mut buffer = BytesMut::from(":1\r\n:1\r\n:1");
        assert_eq!(replies(&mut buffer).unwrap(), 2);
        assert_eq!(&buffer[..], b":1");
    }

    #[test]
    fn an_event_that_is_not_stored_is_a_failure() {
        for reply in [":0\r\n", "-ERR no script\r\n"] {
            assert!(replies(&mut BytesMut::from(reply)).is_err(), "{reply}");
        }
    }

    #[test]
    fn a_command_is_an_array_of_bulk_strings() {
        let mut bytes = Vec::new();
        command(&mut bytes, &["SADD", "k"]);
        assert_eq!(bytes, b"*2\r\n$4\r\nSADD\r\n$1\r\nk\r\n");
    }
}
