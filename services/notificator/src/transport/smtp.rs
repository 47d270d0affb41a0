//! Mails to an SMTP server.

use std::time::Duration;

use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::time::timeout;

use super::{Failure, NoOutlet};
use crate::delivery::AT_ONCE;

/// How long a server may take to accept a mail: lettre bounds only the connecting.
const SEND_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a connection may wait unused: less than servers do, so that it is seldom stale.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The connections to one server.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// `host:port`, for the log: the URL may hold a password.
    server: String,
    transport: AsyncSmtpTransport<Tokio1Executor>,
    send_timeout: Duration,
}

impl Smtp {
    /// From a URL as lettre reads it: `smtp://` upgrades by STARTTLS where the server offers it
    /// (`?tls=required` insists), `smtps://` speaks TLS from the start.
    pub(super) fn new(url: &str) -> Result<Self, NoOutlet> {
        let parsed: http::Uri = url.parse().map_err(|_| NoOutlet::Server)?;
        let host = parsed
            .host()
            .filter(|host| !host.is_empty())
            .ok_or(NoOutlet::Server)?;
        let server = match parsed.port_u16() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url);
        let mut builder = builder.map_err(|_| NoOutlet::Server)?;
        let says_nothing_of_tls = !parsed.query().unwrap_or_default().contains("tls=");
        if parsed.scheme_str() == Some("smtp") && says_nothing_of_tls {
            let tls = TlsParameters::new(host.to_owned()).map_err(|_| NoOutlet::Server)?;
            builder = builder.tls(Tls::Opportunistic(tls));
        }
        let pool = PoolConfig::new()
            .max_size(AT_ONCE as u32)
            .idle_timeout(IDLE_TIMEOUT);
        Ok(Self {
            server,
            transport: builder.pool_config(pool).build(),
        })
    }

    pub(super) async fn send(&self, message: Message) -> Result<(), Failure> {
        match timeout(self.send_timeout, self.transport.send(message)).await {
            Ok(Ok(_accepted)) => Ok(()),
            Ok(Err(error)) => {
                let why = format!("{}: {}", self.server, muster_kit::status::Chain(&error));
                match error.is_permanent() {
                    true => Err(Failure::ForGood(why)),
                    false => Err(Failure::ForNow(why)),
                }
            }
            Err(_elapsed) => {
                let why = format!("{}: no answer within {SEND_TIMEOUT:?}", self.server);
                Err(Failure::ForNow(why))
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
