//! A broker within TLS, which is the process's own: lapin's would be another one beside it.

use std::future::Future;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use async_rs::traits::Reactor;
use async_rs::util::RuntimeParts;
use async_rs::{Runtime, Tokio};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::{Stream as Ticks, TryFutureExt};
use lapin::tcp::AsyncTcpStream;
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

use crate::tls::{Dial, Dialled, Stream};

/// Tokio as lapin sees it, with streams of ours.
#[derive(Debug, Clone)]
struct Streams(Tokio);

impl Reactor for Streams {
    type TcpStream = Compat<Dialled>;
    type Sleep = Sleep;

    fn register<H>(
        &self,
        socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static>
    where
        H: Read + Write + AsFd + AsRawFd + Send + 'static,
    {
        self.0.register(socket)
    }

    fn sleep(&self, time: Duration) -> Sleep {
        self.0.sleep(time)
    }

    fn interval(&self, time: Duration) -> impl Ticks<Item = Instant> + Send + 'static {
        self.0.interval(time)
    }

    fn tcp_connect_addr(
        &self,
        addr: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        TcpStream::connect(addr).map_ok(|socket| Stream::Plain(socket).compat())
    }
}

/// A connection to a broker that is dialled in this way.
pub(super) async fn connect(
    uri: AMQPUri,
    dial: Dial,
    properties: ConnectionProperties,
) -> lapin::Result<Connection> {
    let tokio = Tokio::current();
    let runtime = Runtime::new(RuntimeParts::new(tokio.clone(), Streams(tokio)));
    let addr = format!("{}:{}", uri.authority.host, uri.authority.port);
    let connect = async move |_uri: AMQPUri, _runtime| {
        let stream = dial.connect(&addr).await?;
        Ok(AsyncTcpStream::Plain(stream.compat()))
    };
    Connection::connector(uri, runtime, connect, properties).await
}
