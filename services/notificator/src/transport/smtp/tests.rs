use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lettre::message::SinglePart;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::*;

/// The reply to a command when the server has read so many mails to their end; "" is the greeting,
/// "." the end of a mail.
type Script = fn(mails: usize, command: &str) -> &'static str;

/// A server that keeps to a script. The end of its first mail is answered when `late` says so.
struct Server {
    url: String,
    late: Arc<Notify>,
    was_late: Arc<Notify>,
}

/// What its connections share.
#[derive(Clone)]
struct Shared {
    script: Script,
    mails: Arc<AtomicUsize>,
    late: Arc<Notify>,
    was_late: Arc<Notify>,
}

impl Server {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://user:secret@{}", listener.local_addr().unwrap());
        let (late, was_late) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let shared = Shared {
            script,
            mails: Arc::default(),
            late: late.clone(),
            was_late: was_late.clone(),
        };
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(talk(stream, shared.clone()));
            }
        });
        Self {
            url,
            late,
            was_late,
        }
    }

    /// A client that waits so long for an answer.
    fn client(&self, send_timeout: Duration) -> Smtp {
        Smtp {
            send_timeout,
            ..Smtp::new(&self.url, None).unwrap()
        }
    }
}

/// Serves one connection, until it is closed.
async fn talk(stream: TcpStream, shared: Shared) -> Option<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let mut command = String::new();
    loop {
        if command == "." && shared.mails.fetch_add(1, Ordering::SeqCst) == 0 {
            shared.late.notified().await;
        }
        let reply = (shared.script)(shared.mails.load(Ordering::SeqCst), &command);
        let written = writer.write_all(format!("{reply}\r\n").as_bytes()).await;
        if command == "." {
            shared.was_late.notify_one();
        }
        written.ok()?;
        if reply.starts_with('3') {
            while lines.next_line().await.ok()?? != "." {}
            ".".clone_into(&mut command);
        } else {
            let line = lines.next_line().await.ok()??;
            command = line.split(' ').next()?.to_owned();
        }
    }
}

/// What a server says that takes all.
fn taken(command: &str) -> &'static str {
    match command {
        "" => "220 ready",
        "EHLO" => "250 AUTH PLAIN",
        "AUTH" => "235 welcome",
        "DATA" => "354 go on",
        "QUIT" => "221 bye",
        _ => "250 yes",
    }
}

fn message() -> Message {
    Message::builder()
        .from("muster@localhost".parse().unwrap())
        .to("ann@localhost".parse().unwrap())
        .singlepart(SinglePart::plain("Hello".to_owned()))
        .unwrap()
}

/// The outcome of a mail to a server that says `reply` to `command`.
async fn outcome(script: Script) -> Result<(), Failure> {
    let server = Server::start(script).await;
    server.late.notify_one();
    server.client(SEND_TIMEOUT).send(message()).await
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_not_taken_for_that_to_the_next_mail() {
    let server = Server::start(|mails, command| match (mails, command) {
        (1, ".") => "250 taken, but late",
        (_, ".") => "550 refused",
        (_, command) => taken(command),
    })
    .await;
    let client = server.client(Duration::from_millis(200));
    let first = client.send(message()).await;
    assert!(matches!(first, Err(Failure::ForNow(_))), "{first:?}");
    server.late.notify_one();
    server.was_late.notified().await;
    let second = client.send(message()).await;
    assert!(second.is_err(), "it was taken for delivered");
}

#[tokio::test]
async fn a_mail_that_the_server_refuses_has_failed_for_good() {
    let refusals: [Script; 3] = [
        |_, command| {
            if command == "RCPT" {
                "550 no such user"
            } else {
                taken(command)
            }
        },
        |_, command| {
            if command == "." {
                "554 this is spam"
            } else {
                taken(command)
            }
        },
        |_, command| {
            if command == "MAIL" {
                "552 too large"
            } else {
                taken(command)
            }
        },
    ];
    for script in refusals {
        let refused = outcome(script).await;
        assert!(matches!(refused, Err(Failure::ForGood(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_us_or_is_busy_may_take_the_mail_later() {
    let refusals: [Script; 5] = [
        |_, command| {
            if command.is_empty() {
                "554 no service here"
            } else {
                taken(command)
            }
        },
        |_, command| {
            if command == "AUTH" {
                "535 wrong password"
            } else {
                taken(command)
            }
        },
        |_, command| {
            if command == "MAIL" {
                "530 who are you"
            } else {
                taken(command)
            }
        },
        |_, command| {
            if command == "RCPT" {
                "450 busy"
            } else {
                taken(command)
            }
        },
        |_, command| {
            if command == "." {
                "451 disk trouble"
            } else {
                taken(command)
            }
        },
    ];
    for script in refusals {
        let refused = outcome(script).await;
        assert!(matches!(refused, Err(Failure::ForNow(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn what_a_caller_may_see_of_a_failure_holds_no_secret() {
    let server = Server::start(|_, command| match command {
        "AUTH" => "535 wrong password",
        command => taken(command),
    })
    .await;
    let client = server.client(SEND_TIMEOUT);
    let failure = format!("{:?}", client.send(message()).await);
    assert!(failure.contains("535"), "{failure}");
    assert!(!failure.contains("secret") && !format!("{client:?}").contains("secret"));
}
