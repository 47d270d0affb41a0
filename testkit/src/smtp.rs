//! A real SMTP server that keeps what it gets: Debian's aiosmtpd with a Maildir.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::{Process, eventually, free_port};

const START_DEADLINE: Duration = Duration::from_secs(20);

/// An SMTP server on its own port, which it keeps (as it keeps its mails) through a stop and a start.
#[derive(Debug)]
pub struct Smtp {
    addr: SocketAddr,
    folder: TempDir,
    most_bytes: usize,
    process: Option<Process>,
}

/// What aiosmtpd takes where nothing is said.
const MOST_BYTES: usize = 32 * 1024 * 1024;

impl Smtp {
    /// Starts it and waits until it greets.
    ///
    /// # Panics
    /// When aiosmtpd is not installed, or does not greet within 20 s.
    pub async fn start() -> Smtp {
        Smtp::start_taking(MOST_BYTES).await
    }

    /// One at another address of this machine.
    ///
    /// # Panics
    /// When aiosmtpd is not installed, or does not greet within 20 s.
    pub async fn start_on(ip: IpAddr) -> Smtp {
        let mut smtp = Smtp::stopped();
        smtp.addr.set_ip(ip);
        smtp.resume().await;
        smtp
    }

    /// One that refuses, for good, mails of more than so many bytes.
    ///
    /// # Panics
    /// When aiosmtpd is not installed, or does not greet within 20 s.
    pub async fn start_taking(most_bytes: usize) -> Smtp {
        let mut smtp = Smtp {
            most_bytes,
            ..Smtp::stopped()
        };
        smtp.resume().await;
        smtp
    }

    /// One that does not run yet: its port refuses connections until [`Smtp::resume`].
    ///
    /// # Panics
    /// When there is no folder for its mails.
    pub fn stopped() -> Smtp {
        let folder = tempfile::tempdir().expect("no folder for mails");
        Smtp {
            addr: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), free_port()),
            folder,
            most_bytes: MOST_BYTES,
            process: None,
        }
    }

    /// Its address for `--smtp`: `smtp://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.addr)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Kills it. Its mails and its port stay.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts it (again), unless it runs.
    ///
    /// # Panics
    /// When it does not greet within 20 s.
    pub async fn resume(&mut self) {
        let (addr, maildir) = (self.addr, self.folder.path().join("maildir"));
        let most_bytes = self.most_bytes.to_string();
        self.process.get_or_insert_with(|| {
            let mut command = Command::new("/usr/bin/python3");
            command.args(["-m", "aiosmtpd", "-n", "-l", &addr.to_string()]);
            command.args(["-s", &most_bytes]);
            Process::spawn(
                command
                    .args(["-c", "aiosmtpd.handlers.Mailbox"])
                    .arg(maildir),
            )
        });
        eventually(START_DEADLINE, || greets(addr)).await;
    }

    /// All mails that it has accepted, headers and all, oldest first. aiosmtpd adds the envelope to them as
    /// `X-MailFrom` and `X-RcptTo`.
    ///
    /// # Panics
    /// When one cannot be read.
    pub fn mails(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.folder.path().join("maildir/new")) else {
            return Vec::new();
        };
        let mut files: Vec<_> = entries
            .map(|entry| entry.expect("an entry of the Maildir").path())
            .collect();
        let written =
            |file: &std::path::PathBuf| fs::metadata(file).and_then(|meta| meta.modified()).ok();
        files.sort_by_key(written);
        files
            .iter()
            .map(|file| String::from_utf8_lossy(&fs::read(file).expect("a mail")).into_owned())
            .collect()
    }
}

async fn greets(addr: SocketAddr) -> Option<()> {
    let mut stream = TcpStream::connect(addr).await.ok()?;
    let mut code = [0; 3];
    stream.read_exact(&mut code).await.ok()?;
    (&code == b"220").then_some(())
}
