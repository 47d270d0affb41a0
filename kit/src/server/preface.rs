//! A deadline for the first bytes of a connection.
//!
//! Neither hyper-util's `auto` builder nor h2 has one, and keepalive begins only after the
//! handshake: a connection that never says anything would hold its place for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Length of the HTTP/2 preface; an HTTP/1.1 request is longer.
const PREFACE_BYTES: usize = 24;

/// A socket that must send its first bytes in time.
pub(super) struct Prompt<S> {
    socket: S,
    /// Gone once the bytes have come.
    waiting: Option<Waiting>,
}

struct Waiting {
    deadline: Pin<Box<Sleep>>,
    missing_bytes: usize,
}

impl<S> Prompt<S> {
    pub(super) fn new(socket: S, limit: Duration) -> Self {
        let deadline = Box::pin(tokio::time::sleep(limit));
        let waiting = Waiting {
            deadline,
            missing_bytes: PREFACE_BYTES,
        };
        Self {
            socket,
            waiting: Some(waiting),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prompt<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        let read = Pin::new(&mut this.socket).poll_read(cx, buf);
        let Some(waiting) = this.waiting.as_mut() else {
            return read;
        };
        if read.is_pending() {
            return match waiting.deadline.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Poll::Pending => Poll::Pending,
            };
        }
        let came = buf.filled().len() - before;
        waiting.missing_bytes = waiting.missing_bytes.saturating_sub(came);
        if waiting.missing_bytes == 0 {
            this.waiting = None;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prompt<S> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_times_out() {
        let (_peer, socket) = tokio::io::duplex(64);
        let mut prompt = Prompt::new(socket, Duration::from_secs(10));
        let error = prompt.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_has_spoken_may_be_silent() {
        let (mut peer, socket) = tokio::io::duplex(64);
        let mut prompt = Prompt::new(socket, Duration::from_secs(10));
        peer.write_all(&[7; PREFACE_BYTES]).await.unwrap();
        prompt.read_exact(&mut [0; PREFACE_BYTES]).await.unwrap();
        let silent = tokio::time::timeout(Duration::from_secs(60), prompt.read_u8()).await;
        assert!(silent.is_err(), "still waiting for the peer");
    }
}
