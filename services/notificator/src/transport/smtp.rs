//! Mails to an SMTP server, each over a connection of its own.
//!
//! lettre's pool also takes back a connection that a timeout left in the middle of a mail. The
//! answer that then comes late is taken for that to the next mail, which is lost if it was
//! refused. Hence no pool: a connection that was given up is closed.

use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::time::timeout;

use super::{Failure, NoOutlet};

/// How long a server may take for a mail: lettre bounds only the connecting. The longer, the less
/// often a mail comes twice because a server took it too slowly.
const SEND_TIMEOUT: Duration = Duration::from_secs(120);

/// The replies that refuse a mail or its recipient (RFC 5321, 4.2.3). The others from 500 up are
/// about the session: what it may do, and its syntax.
const REFUSALS: std::ops::RangeInclusive<u16> = 550..=556;

/// The way to one server.
#[derive(Debug, Clone)]
pub struct Smtp {
    host: String,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    send_timeout: Duration,
}

impl Smtp {
    /// From a URL as lettre reads it: `smtps://` speaks TLS from the start, `smtp://` only with
    /// `?tls=required`, by STARTTLS. What the server shows is believed if it is of a CA of the web, or of this one.
    pub(super) fn new(url: &str, ca: Option<Certificate>) -> Result<Self, NoOutlet> {
        let host = text_of_host(url).to_owned();
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url);
        let mut builder = builder.map_err(|_| NoOutlet::Server)?;
        if let (Some(ca), Some(tls)) = (ca, tls_of(url)) {
            let believed = TlsParameters::builder(host.clone()).add_root_certificate(ca);
            builder = builder.tls(tls(believed.build().map_err(|_| NoOutlet::Ca)?));
        }
        let transport = builder.build();
        Ok(Self {
            host,
            transport,
            send_timeout: SEND_TIMEOUT,
        })
    }

    /// The server.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) async fn send(&self, message: Message) -> Result<(), Failure> {
        match timeout(self.send_timeout, self.transport.send(message)).await {
            Ok(Ok(_accepted)) => Ok(()),
            Ok(Err(error)) => Err(self.failure(&error).await),
            Err(_elapsed) => Err(Failure::ForNow(format!(
                "the server did not take it within {:?}",
                self.send_timeout
            ))),
        }
    }

    async fn failure(&self, error: &Error) -> Failure {
        match is_refusal(error) && self.is_welcome().await {
            true => Failure::ForGood(error.to_string()),
            false => Failure::ForNow(error.to_string()),
        }
    }

    /// Whether the server has a session with us at all. If not, it did not refuse a mail but us:
    /// for a wrong password, say.
    async fn is_welcome(&self) -> bool {
        let tested = timeout(self.send_timeout, self.transport.test_connection()).await;
        matches!(tested, Ok(Ok(true)))
    }
}

/// When TLS begins, by the URL, if ever.
fn tls_of(url: &str) -> Option<fn(TlsParameters) -> Tls> {
    let options = url.split_once('?').map_or("", |(_, options)| options);
    let is_set = |option| options.split('&').any(|one| one == option);
    match url.split_once(':')?.0 {
        "smtps" => Some(Tls::Wrapper),
        _ if is_set("tls=required") => Some(Tls::Required),
        _ if is_set("tls=opportunistic") => Some(Tls::Opportunistic),
        _ => None,
    }
}

/// What stands between the user and the port.
fn text_of_host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let place = rest.split(['/', '?']).next().unwrap_or_default();
    let server = place.rsplit_once('@').map_or(place, |(_, server)| server);
    match server.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => server,
    }
}

fn is_refusal(error: &Error) -> bool {
    let code = error.status().map(u16::from);
    code.is_some_and(|code| REFUSALS.contains(&code))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
