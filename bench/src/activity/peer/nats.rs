//! NATS JetStream: a stream on one replica that syncs each message before it acknowledges it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use muster_testkit::{Process, eventually, free_port};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::activity::event::{Event, MESSAGE};
use crate::activity::pipeline::{Pipeline, Request};
use crate::failure::Failure;

const DEADLINE: Duration = Duration::from_secs(20);

const STREAM: &str =
    r#"{"name":"bench","subjects":["events.>"],"storage":"file","num_replicas":1}"#;

pub(crate) struct Nats {
    port: u16,
    _process: Process,
    _folder: TempDir,
}

impl Nats {
    pub(super) async fn start() -> Result<Nats, Failure> {
        let (port, folder) = (free_port(), tempfile::tempdir()?);
        let config = folder.path().join("nats.conf");
        std::fs::write(&config, configuration(port, folder.path()))?;
        let process = Process::spawn(Command::new("nats-server").arg("-c").arg(&config));
        let nats = Nats {
            port,
            _process: process,
            _folder: folder,
        };
        let create = || nats.ask("$JS.API.STREAM.CREATE.bench", STREAM);
        let created = eventually(DEADLINE, || async { create().await.ok() }).await;
        if created["error"].is_object() {
            return Err(Failure::new(format!("NATS makes no stream: {created}")));
        }
        Ok(nats)
    }

    pub(super) async fn connect(&self, number: usize) -> Result<Pipeline, Failure> {
        let mut pipeline = Pipeline::connect(self.port, replies).await?;
        // The PONG says that the subscription is there.
        let hello = hello(&format!("inbox.{number}")) + "PING\r\n";
        let request = Request::new(hello.into_bytes(), 1);
        pipeline.call(request).await?;
        Ok(pipeline)
    }

    /// Publishes each event on its own; each is acknowledged to the inbox of the connection.
    pub(super) fn request(&self, number: usize, events: &[Event]) -> Request {
        let inbox = format!("inbox.{number}");
        let publications = events.iter().map(|event| {
            let subject = format!("events.{}", event.topic.replace('/', "."));
            publish(&subject, &inbox, MESSAGE)
        });
        Request::new(publications.collect::<String>().into_bytes(), events.len())
    }

    pub(super) async fn stored(&self) -> Result<u64, Failure> {
        let answer = self.ask("$JS.API.STREAM.INFO.bench", "").await?;
        let messages = answer["state"]["messages"].as_u64();
        messages.ok_or_else(|| Failure::new("NATS does not say how much it holds"))
    }

    /// A request of the JetStream API.
    async fn ask(&self, subject: &str, payload: &str) -> Result<Value, Failure> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let request = hello("answers") + &publish(subject, "answers", payload);
        socket.write_all(request.as_bytes()).await?;
        let mut buffer = BytesMut::new();
        while socket.read_buf(&mut buffer).await? > 0 {
            while let Some(frame) = frame(&mut buffer)? {
                if let Frame::Message(payload) = frame {
                    return Ok(serde_json::from_slice(&payload)?);
                }
            }
        }
        Err(Failure::new("NATS closed the connection"))
    }
}

fn configuration(port: u16, folder: &Path) -> String {
    let store = folder.join("store");
    // Its own pings would only be in the way of a run that takes seconds.
    format!(
        "listen: 127.0.0.1:{port}\nping_interval: \"10m\"\n\
         jetstream {{ store_dir: {store:?}, sync_interval: always }}\n"
    )
}

/// Says that it wants no `+OK`, and where it takes answers.
fn hello(inbox: &str) -> String {
    format!("CONNECT {{\"verbose\":false,\"pedantic\":false}}\r\nSUB {inbox} 1\r\n")
}

fn publish(subject: &str, inbox: &str, payload: &str) -> String {
    format!("PUB {subject} {inbox} {}\r\n{payload}\r\n", payload.len())
}

/// What the server says.
enum Frame {
    Message(Bytes),
    Pong,
    Other,
}

/// Takes the first whole frame.
fn frame(buffer: &mut BytesMut) -> Result<Option<Frame>, Failure> {
    let Some(end) = buffer.iter().position(|byte| *byte == b'\n') else {
        return Ok(None);
    };
    let line = String::from_utf8_lossy(&buffer[..end]);
    let frame = match line
        .trim_end()
        .split_once(' ')
        .unwrap_or((line.trim_end(), ""))
    {
        ("MSG", rest) => {
            let size = rest.rsplit(' ').next().unwrap_or_default();
            return message(buffer, end + 1, size.parse()?);
        }
        ("-ERR", why) => return Err(Failure::new(format!("NATS answered {why}"))),
        ("PONG", _) => Frame::Pong,
        _ => Frame::Other,
    };
    buffer.advance(end + 1);
    Ok(Some(frame))
}

/// Takes a message whose payload has come whole.
fn message(buffer: &mut BytesMut, begin: usize, size: usize) -> Result<Option<Frame>, Failure> {
    let end = begin + size;
    if buffer.len() < end + 2 {
        return Ok(None);
    }
    let frame = buffer.split_to(end + 2).freeze();
    Ok(Some(Frame::Message(frame.slice(begin..end))))
}

/// Takes acknowledgements, `{"stream":"bench","seq":1}`, and the PONG of the beginning.
fn replies(buffer: &mut BytesMut) -> Result<usize, Failure> {
    let mut count = 0;
    while let Some(frame) = frame(buffer)? {
        match frame {
            Frame::Message(payload) if payload.starts_with(b"{\"stream\"") => count += 1,
            Frame::Message(payload) => {
                let answer = String::from_utf8_lossy(&payload).into_owned();
                return Err(Failure::new(format!("NATS answered {answer}")));
            }
            Frame::Pong => count += 1,
            Frame::Other => {}
        }
    }
    Ok(count)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ACK: &str = "{\"stream\":\"bench\",\"seq\":1}";

    #[test]
    fn acknowledgements_are_counted_and_what_came_in_part_stays() {
        let ack = format!("MSG inbox.0 1 {}\r\n{ACK}\r\n", ACK.len());
        let mut buffer = BytesMut::from(&*format!("PING\r\n{ack}{ack}"));
        buffer.truncate(buffer.len() - 1);
        assert_eq!(replies(&mut buffer).unwrap(), 1);
        assert_eq!(buffer.len(), ack.len() - 1);
        buffer.extend_from_slice(b"\n");
        assert_eq!(replies(&mut buffer).unwrap(), 1);
        assert!(buffer.is_empty());
    }

    #[test]
    fn a_refusal_is_a_failure() {
        for refusal in [
            "MSG inbox.0 1 12\r\n{\"error\":{}}\r\n",
            "-ERR 'Maximum Payload'\r\n",
        ] {
            assert!(replies(&mut BytesMut::from(refusal)).is_err(), "{refusal}");
        }
    }
}
