//! PostgreSQL as an idempotent event store: one table, unique by topic and id.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use muster_testkit::{Process, eventually, free_port};
use tempfile::TempDir;

use super::printed;
use crate::activity::event::{Event, MESSAGE};
use crate::activity::pipeline::{Pipeline, Request};
use crate::failure::Failure;

const DEADLINE: Duration = Duration::from_secs(30);

/// Where Debian puts the server's programs; elsewhere they are on PATH.
const DEBIAN: &str = "/usr/lib/postgresql/15/bin";

/// PostgreSQL refuses to run as root. In a user namespace of its own it runs as `nobody` in its own eyes, and the
/// files stay ours.
const AS_NOBODY: [&str; 3] = ["--user", "--map-user=65534", "--map-group=65534"];

/// Room in memory, and no checkpoint within a run: both to its advantage.
const SETTINGS: [&str; 6] = [
    "fsync=on",
    "synchronous_commit=on",
    "shared_buffers=1GB",
    "max_wal_size=16GB",
    "checkpoint_timeout=1h",
    "max_connections=200",
];

const TABLE: &str = "CREATE TABLE events (position bigserial, topic text, id text, message text, \
     received_at timestamptz DEFAULT now(), PRIMARY KEY (topic, id))";

/// Many rows by one statement; a list of VALUES is neither faster nor slower.
const INSERT: &str = "INSERT INTO events (topic, id, message) \
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING";

pub(crate) struct Postgres {
    port: u16,
    _process: Process,
    _folder: TempDir,
}

impl Postgres {
    pub(super) async fn start() -> Result<Postgres, Failure> {
        let (port, folder) = (free_port(), tempfile::tempdir()?);
        let mut initdb = tokio::process::Command::from(as_nobody("initdb").await?);
        initdb.args(["--username=bench", "--auth=trust", "--encoding=UTF8"]);
        initdb.args(["--locale=C", "--no-sync", "--pgdata"]);
        printed(initdb.arg(folder.path().join("data"))).await?;
        let process = serve(port, &folder.path().join("data")).await?;
        let postgres = Postgres {
            port,
            _process: process,
            _folder: folder,
        };
        eventually(DEADLINE, || async { postgres.ask(TABLE).await.ok() }).await;
        Ok(postgres)
    }

    pub(super) async fn connect(&self) -> Result<Pipeline, Failure> {
        let mut pipeline = Pipeline::connect(self.port, replies).await?;
        pipeline.call(Request::new(startup(), 1)).await?;
        pipeline.call(Request::new(prepare(), 1)).await?;
        Ok(pipeline)
    }

    pub(super) fn request(&self, events: &[Event]) -> Request {
        let array = |text: fn(&Event) -> &str| {
            let elements: Vec<&str> = events.iter().map(text).collect();
            format!("{{\"{}\"}}", elements.join("\",\""))
        };
        let arrays = [
            array(|event| &event.topic),
            array(|event| &event.id),
            array(|_| MESSAGE),
        ];
        Request::new(execute(&arrays), 1)
    }

    pub(super) async fn stored(&self) -> Result<u64, Failure> {
        Ok(self.ask("SELECT count(*) FROM events").await?.parse()?)
    }

    async fn ask(&self, sql: &str) -> Result<String, Failure> {
        let mut psql = tokio::process::Command::new(program("psql"));
        psql.args(["--no-psqlrc", "--host=127.0.0.1", "--username=bench", "-At"]);
        psql.arg(format!("--port={}", self.port));
        printed(psql.args(["--command", sql, "postgres"])).await
    }
}

async fn serve(port: u16, data: &Path) -> Result<Process, Failure> {
    let mut command = as_nobody("postgres").await?;
    command.args(["-h", "127.0.0.1", "-k", "", "-p", &port.to_string()]);
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    Ok(Process::spawn(command.arg("-D").arg(data)))
}

/// One of its programs: Debian's, or the one on PATH.
pub(crate) fn program(name: &str) -> PathBuf {
    let debian = Path::new(DEBIAN).join(name);
    if debian.is_file() {
        debian
    } else {
        PathBuf::from(name)
    }
}

async fn as_nobody(name: &str) -> Result<Command, Failure> {
    let id = printed(tokio::process::Command::new("id").arg("-u")).await?;
    if id != "0" {
        return Ok(Command::new(program(name)));
    }
    let mut command = Command::new("unshare");
    command.args(AS_NOBODY).arg(program(name));
    Ok(command)
}

/// A message of the protocol: its letter, its length, its body.
fn message(bytes: &mut Vec<u8>, letter: u8, body: &[u8]) {
    bytes.put_u8(letter);
    bytes.put_u32(body.len() as u32 + 4);
    bytes.put(body);
}

fn startup() -> Vec<u8> {
    let body = b"\0\x03\0\0user\0bench\0database\0postgres\0\0";
    let mut bytes = Vec::new();
    // The first message alone has no letter.
    bytes.put_u32(body.len() as u32 + 4);
    bytes.put(&body[..]);
    bytes
}

/// Parse of the statement `insert`, Sync.
fn prepare() -> Vec<u8> {
    let mut bytes = Vec::new();
    message(
        &mut bytes,
        b'P',
        format!("insert\0{INSERT}\0\0\0").as_bytes(),
    );
    message(&mut bytes, b'S', b"");
    bytes
}

/// Bind of `insert` with parameters as text, Execute, Sync: a transaction.
fn execute(parameters: &[String; 3]) -> Vec<u8> {
    let mut bind = b"\0insert\0\0\0".to_vec();
    bind.put_u16(parameters.len() as u16);
    for parameter in parameters {
        bind.put_u32(parameter.len() as u32);
        bind.put(parameter.as_bytes());
    }
    bind.put_u16(0);
    let mut bytes = Vec::new();
    message(&mut bytes, b'B', &bind);
    message(&mut bytes, b'E', b"\0\0\0\0\0");
    message(&mut bytes, b'S', b"");
    bytes
}

/// Takes messages and counts ReadyForQuery, which ends each transaction.
fn replies(buffer: &mut BytesMut) -> Result<usize, Failure> {
    let mut count = 0;
    while let Some((letter, mut rest)) = buffer.split_first()
        && rest.len() >= 4
    {
        let length = rest.get_u32() as usize;
        if buffer.len() <= length {
            break;
        }
        if *letter == b'E' {
            let why = String::from_utf8_lossy(&buffer[5..=length]).replace('\0', " ");
            return Err(Failure::new(format!("PostgreSQL answered {why}")));
        }
        count += usize::from(*letter == b'Z');
        buffer.advance(length + 1);
    }
    Ok(count)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const READY: [u8; 6] = [b'Z', 0, 0, 0, 5, b'I'];

    #[test]
    fn transactions_are_counted_and_what_came_in_part_stays() {
        let mut bytes = Vec::new();
        message(&mut bytes, b'C', b"INSERT 0 1\0");
        bytes.extend(READY);
        bytes.extend(&READY[..5]);
        let mut buffer = BytesMut::from(&bytes[..]);
        assert_eq!(replies(&mut buffer).unwrap(), 1);
        assert_eq!(buffer.len(), 5);
    }

    #[test]
    fn an_error_is_a_failure_with_its_words() {
        let mut bytes = Vec::new();
        message(&mut bytes, b'E', b"SERROR\0Mno such table\0\0");
        let failure = replies(&mut BytesMut::from(&bytes[..])).unwrap_err();
        assert!(failure.to_string().contains("no such table"), "{failure}");
    }
}
