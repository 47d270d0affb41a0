//! Telling when a server said its first word.
//!
//! hyper's handshake ends when the client has said its own. A server's first bytes are its
//! SETTINGS (RFC 9113 section 3.4): a port that accepts and says nothing, as that of a frozen
//! process does, is no server yet.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

/// A socket that tells of the first bytes that were read from it.
pub(super) struct Greeted<S> {
    socket: S,
    /// Gone once the bytes have come.
    greeting: Option<oneshot::Sender<()>>,
}

impl<S> Greeted<S> {
    /// The socket, and what is told of its first bytes.
    pub(super) fn new(socket: S) -> (Self, oneshot::Receiver<()>) {
        let (greeting, heard) = oneshot::channel();
        let greeting = Some(greeting);
        (Self { socket, greeting }, heard)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Greeted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(cx, buf);
        if buf.filled().len() > before
            && let Some(greeting) = self.greeting.take()
        {
            // Whoever gave up waiting dropped the connection too.
            let _ = greeting.send(());
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Greeted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}
