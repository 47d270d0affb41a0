//! How endpoints are dialled.

use std::fmt;
use std::io;

use http::uri::Scheme;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsConnector;

use super::Tls;
use super::stream::{Dialled, Stream};
use crate::channel::Channel;
use crate::discovery::Endpoints;

/// How endpoints are dialled.
#[derive(Clone, Default)]
pub enum Dial {
    /// In the clear.
    #[default]
    Plain,
    /// With TLS.
    Tls(Held),
}

/// The certificate that an endpoint has to show.
#[derive(Clone)]
pub struct Held {
    tls: Tls,
    /// Whose; `None`: that of the host in its address.
    name: Option<String>,
    /// Whether it speaks gRPC, and is to say so.
    is_grpc: bool,
}

impl Dial {
    pub(super) fn tls(tls: Tls, name: Option<&str>) -> Self {
        let name = name.map(str::to_owned);
        Self::Tls(Held {
            tls,
            name,
            is_grpc: true,
        })
    }

    /// The same, held to this name whatever the address is.
    pub fn named(self, name: &str) -> Self {
        match self {
            Self::Plain => Self::Plain,
            Self::Tls(held) => Self::tls(held.tls, Some(name)),
        }
    }

    /// The same, without a word on the protocol.
    pub(crate) fn for_any_protocol(self) -> Self {
        match self {
            Self::Plain => Self::Plain,
            Self::Tls(held) => Self::Tls(Held {
                is_grpc: false,
                ..held
            }),
        }
    }

    /// A channel to whatever `endpoints` lists. Must be called within a runtime.
    pub fn all(self, endpoints: watch::Receiver<Endpoints>) -> Channel {
        Channel::dialling(endpoints, self, false)
    }

    /// A channel to one endpoint (`host:port`): see [`Channel::to`]. Must be called within a runtime.
    pub fn one(self, addr: &str) -> Channel {
        Channel::dialling_one(addr, self)
    }

    /// The scheme of what is asked for in this way.
    pub(crate) fn scheme(&self) -> Scheme {
        match self {
            Self::Plain => Scheme::HTTP,
            Self::Tls(_) => Scheme::HTTPS,
        }
    }

    pub(crate) async fn connect(&self, addr: &str) -> io::Result<Dialled> {
        let socket = TcpStream::connect(addr).await?;
        socket.set_nodelay(true)?;
        match self {
            Self::Plain => Ok(Stream::Plain(socket)),
            Self::Tls(held) => held.shake_hands(addr, socket).await,
        }
    }
}

impl Held {
    async fn shake_hands(&self, addr: &str, socket: TcpStream) -> io::Result<Dialled> {
        let host = host_of(addr);
        let name = self.name.as_deref().unwrap_or(host).to_owned();
        let name = ServerName::try_from(name).map_err(io::Error::other)?;
        let connector = TlsConnector::from(self.tls.client()?);
        let stream = match self.is_grpc {
            true => connector.connect(name, socket).await?,
            false => {
                connector
                    .with_alpn(Vec::new())
                    .connect(name, socket)
                    .await?
            }
        };
        Ok(Stream::Tls(Box::new(stream)))
    }
}

/// The host of `host:port`, an IPv6 one without its brackets.
pub(crate) fn host_of(addr: &str) -> &str {
    let host = addr.rsplit_once(':').map_or(addr, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            Self::Tls(_) => "Tls",
        })
    }
}
