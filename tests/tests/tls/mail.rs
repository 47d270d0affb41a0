//! A mail server that is reached within TLS.

use std::fs;
use std::sync::Arc;

use muster_testkit::{Service, program, run};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::SOON;
use crate::pki::{Identity, Pki};

/// A server that takes each mail, and tells whether its client believed who it is.
struct MailServer {
    url: String,
    talks: mpsc::Receiver<Option<String>>,
}

impl MailServer {
    async fn start(shown: &Identity) -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "smtps://localhost:{}",
            listener.local_addr().unwrap().port()
        );
        let acceptor = acceptor(shown);
        let (told, talks) = mpsc::channel(16);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let mail = talk(&acceptor, socket).await;
                if told.send(mail).await.is_err() {
                    return;
                }
            }
        });
        MailServer { url, talks }
    }

    /// The next mail; `None` if the client hung up before.
    async fn next(&mut self) -> Option<String> {
        timeout(SOON, self.talks.recv()).await.unwrap().unwrap()
    }
}

fn acceptor(shown: &Identity) -> TlsAcceptor {
    let read = |path: &str| fs::read(path).unwrap();
    let chain = CertificateDer::pem_slice_iter(&read(&shown.cert)).collect::<Result<_, _>>();
    let key = PrivateKeyDer::from_pem_slice(&read(&shown.key)).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.unwrap(), key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// One session, until there is a mail.
async fn talk(acceptor: &TlsAcceptor, socket: TcpStream) -> Option<String> {
    let stream = acceptor.accept(socket).await.ok()?;
    let (reader, mut writer) = tokio::io::split(stream);
    let mut lines = BufReader::new(reader).lines();
    let (mut reply, mut mail) = ("220 ready", String::new());
    loop {
        let line = format!("{reply}\r\n");
        writer.write_all(line.as_bytes()).await.ok()?;
        if reply == "250 taken" {
            return Some(mail);
        }
        if reply.starts_with('3') {
            mail = body(&mut lines).await?;
            reply = "250 taken";
            continue;
        }
        reply = match lines.next_line().await.ok()??.as_str() {
            "DATA" => "354 go on",
            _ => "250 yes",
        };
    }
}

/// The lines of a mail.
async fn body(lines: &mut Lines<impl AsyncBufRead + Unpin>) -> Option<String> {
    let mut mail = String::new();
    loop {
        match lines.next_line().await.ok()??.as_str() {
            "." => return Some(mail),
            line => mail.push_str(line),
        }
    }
}

/// Sends a mail by way of a server.
async fn send(server: &MailServer, flags: &[&str]) -> Service {
    let settings = [&["--smtp", &*server.url][..], flags].concat();
    let service = Service::start("muster-notificator", &settings).await;
    let words = [
        "notify",
        "send",
        "--addr",
        &service.addr(),
        "--to",
        "ann",
        "--content",
        "Hello",
    ];
    let mut muster = tokio::process::Command::from(program("muster"));
    run(muster.args(words), "").await.ok();
    service
}

#[tokio::test]
async fn a_mail_server_is_believed_by_the_ca_of_the_suite_and_not_without_it() {
    let pki = Pki::new("own");
    let (shown, ca) = (pki.issue("mail"), pki.ca());
    let mut server = MailServer::start(&shown).await;
    let stranger = send(&server, &[]).await;
    assert_eq!(server.next().await, None);
    drop(stranger);
    let _service = send(&server, &["--tls-ca", &ca]).await;
    loop {
        // The stranger may have tried once more.
        if let Some(mail) = server.next().await {
            assert!(mail.contains("Hello"), "{mail}");
            return;
        }
    }
}
