//! Where a service listens.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::task::Poll;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that wait for `accept`, for each socket.
const BACKLOG: u32 = 4096;
/// How often a port is sought that is free on both loopback addresses.
const FREE_PORT_TRIES: usize = 16;

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddr {
    /// `localhost:9002`: 127.0.0.1 and ::1.
    Loopback(u16),
    /// `:7070`: all interfaces.
    All(u16),
    /// `10.0.0.7:7070` or `name:7070`.
    Host(String, u16),
}

/// A text that is no listen address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected host:port, or :port for all interfaces")]
pub struct NoListenAddr;

impl FromStr for ListenAddr {
    type Err = NoListenAddr;

    fn from_str(text: &str) -> Result<Self, NoListenAddr> {
        let (host, port) = text.rsplit_once(':').ok_or(NoListenAddr)?;
        let port = port.parse().map_err(|_| NoListenAddr)?;
        match host {
            "" => Ok(Self::All(port)),
            "localhost" => Ok(Self::Loopback(port)),
            _ if host.contains(char::is_whitespace) => Err(NoListenAddr),
            _ => {
                let host = host.trim_start_matches('[').trim_end_matches(']');
                Ok(Self::Host(host.to_owned(), port))
            }
        }
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loopback(port) => write!(f, "localhost:{port}"),
            Self::All(port) => write!(f, ":{port}"),
            Self::Host(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Host(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

impl ListenAddr {
    /// The same host with another port.
    pub fn with_port(self, port: u16) -> Self {
        match self {
            Self::Loopback(_) => Self::Loopback(port),
            Self::All(_) => Self::All(port),
            Self::Host(host, _) => Self::Host(host, port),
        }
    }
}

/// Sockets that are bound and listen, so that a port is taken before anything else begins.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<TcpListener>,
    first: SocketAddr,
    also: Option<SocketAddr>,
}

impl Listener {
    /// Binds an address.
    ///
    /// # Errors
    /// The port is taken, may not be had, or the host is not this machine's.
    pub async fn bind(addr: &ListenAddr) -> io::Result<Self> {
        let sockets = match addr {
            ListenAddr::Loopback(port) => bind_loopback(*port)?,
            ListenAddr::All(port) => vec![bind_all(*port)?],
            ListenAddr::Host(host, port) => {
                let mut found = tokio::net::lookup_host((host.as_str(), *port)).await?;
                let addr = found.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
                vec![listen(addr)?]
            }
        };
        let first = sockets[0].local_addr()?;
        Ok(Self {
            sockets,
            first,
            also: None,
        })
    }

    /// One that takes connections of this address and of another one.
    pub fn and(mut self, other: Self) -> Self {
        self.sockets.extend(other.sockets);
        self.also = Some(other.first);
        self
    }

    /// A free port of 127.0.0.1.
    ///
    /// # Errors
    /// There is none.
    pub async fn on_free_port() -> io::Result<Self> {
        Self::bind(&ListenAddr::Host(Ipv4Addr::LOCALHOST.to_string(), 0)).await
    }

    /// The address that is bound, with its real port; the IPv4 one of a pair.
    pub fn local_addr(&self) -> SocketAddr {
        self.first
    }

    /// The other address, if there are two.
    pub fn other_addr(&self) -> Option<SocketAddr> {
        self.also
    }

    /// Whether only this machine can connect.
    pub fn is_loopback(&self) -> bool {
        self.first.ip().is_loopback() && self.also.is_none_or(|also| also.ip().is_loopback())
    }

    /// The next connection of any of the sockets.
    pub(crate) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        std::future::poll_fn(|cx| {
            for socket in &self.sockets {
                if let Poll::Ready(accepted) = socket.poll_accept(cx) {
                    return Poll::Ready(accepted);
                }
            }
            Poll::Pending
        })
        .await
    }
}

fn bind_loopback(port: u16) -> io::Result<Vec<TcpListener>> {
    let mut tries = 0;
    loop {
        let v4 = listen((Ipv4Addr::LOCALHOST, port).into())?;
        let same_port = v4.local_addr()?.port();
        match listen((Ipv6Addr::LOCALHOST, same_port).into()) {
            Ok(v6) => return Ok(vec![v4, v6]),
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => return Ok(vec![v4]),
            Err(error) if port != 0 || tries == FREE_PORT_TRIES => return Err(error),
            Err(_) => tries += 1,
        }
    }
}

fn bind_all(port: u16) -> io::Result<TcpListener> {
    match listen((Ipv6Addr::UNSPECIFIED, port).into()) {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            listen((Ipv4Addr::UNSPECIFIED, port).into())
        }
        bound => bound,
    }
}

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = match addr {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written_alike() {
        for text in [
            "localhost:9002",
            ":7070",
            "10.0.0.7:80",
            "[::1]:80",
            "name:0",
        ] {
            assert_eq!(text.parse::<ListenAddr>().unwrap().to_string(), text);
        }
        for text in ["", "9002", "host", "host:", "host:99999", "a b:1"] {
            assert!(text.parse::<ListenAddr>().is_err(), "{text:?}");
        }
    }

    #[tokio::test]
    async fn loopback_is_one_port_of_both_families() {
        let listener = Listener::bind(&ListenAddr::Loopback(0)).await.unwrap();
        let port = listener.local_addr().port();
        assert!(
            listener
                .sockets
                .iter()
                .all(|s| s.local_addr().unwrap().port() == port)
        );
        assert!(listener.is_loopback());
    }

    #[tokio::test]
    async fn two_addresses_are_served_as_one() {
        let first = Listener::on_free_port().await.unwrap();
        let other = Listener::on_free_port().await.unwrap();
        let addrs = [first.local_addr(), other.local_addr()];
        let both = first.and(other);
        assert_eq!(
            [Some(both.local_addr()), both.other_addr()],
            addrs.map(Some)
        );
        for addr in addrs {
            let client = TcpStream::connect(addr).await.unwrap();
            let (_, peer) = both.accept().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        }
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_refused() {
        let first = Listener::bind(&ListenAddr::Loopback(0)).await.unwrap();
        let again = ListenAddr::Loopback(first.local_addr().port());
        assert!(Listener::bind(&again).await.is_err());
    }
}
