//! What is read of a connection at once, and how fast it may open streams.
//!
//! A connection that is beyond its share is not read for a while: its bytes wait in the socket,
//! and its peer has to wait as well. Nothing is lost and nobody else is concerned.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::limits::StreamRate;
use super::opened::Opened;
use super::turn::Turn;

/// A socket that is read in turns.
pub(super) struct Intake<S> {
    socket: S,
    opened: Opened,
    turn: Turn,
    pace: Option<Pace>,
}

impl<S: AsyncRead + Unpin> Intake<S> {
    pub(super) fn new(socket: S, turn: Turn, rate: Option<StreamRate>) -> Self {
        Self {
            socket,
            opened: Opened::new(),
            turn,
            pace: rate.map(Pace::new),
        }
    }

    /// The socket alone.
    pub(super) fn into_inner(self) -> S {
        self.socket
    }

    /// Reads no more than that.
    fn poll_at_most(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        most: usize,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() <= most {
            return Pin::new(&mut self.socket).poll_read(cx, buf);
        }
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(most));
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut part))?;
        let length = part.filled().len();
        buf.advance(length);
        Poll::Ready(Ok(()))
    }

    fn note(&mut self, came: &[u8]) {
        if self.pace.is_none() && !self.turn.is_limited() {
            return;
        }
        let opened = self.opened.count(came);
        self.turn.take(came.len(), opened > 0);
        if let Some(pace) = &mut self.pace
            && opened > 0
        {
            pace.take(opened);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Intake<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(pace) = &mut this.pace {
            ready!(pace.poll_allowed(cx));
        }
        let most = ready!(this.turn.poll_left_bytes(cx));
        let before = buf.filled().len();
        ready!(this.poll_at_most(cx, buf, most))?;
        this.note(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Intake<S> {
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

/// A token bucket of streams.
struct Pace {
    rate: StreamRate,
    /// Streams that may be opened at once; below zero, what was opened too early.
    tokens: f64,
    refilled: Instant,
    rest: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    fn new(rate: StreamRate) -> Self {
        Self {
            rate,
            tokens: f64::from(rate.burst),
            refilled: Instant::now(),
            rest: None,
        }
    }

    /// Takes a token for each stream that was opened, and rests where there are none.
    fn take(&mut self, opened: u32) {
        let now = Instant::now();
        let per_s = f64::from(self.rate.per_s.max(1));
        let came = per_s * (now - self.refilled).as_secs_f64();
        self.refilled = now;
        self.tokens = (self.tokens + came).min(f64::from(self.rate.burst)) - f64::from(opened);
        if self.tokens < 0.0 {
            let rest = Duration::from_secs_f64(-self.tokens / per_s);
            self.rest = Some(Box::pin(sleep_until(now + rest)));
        }
    }

    fn poll_allowed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(rest) = &mut self.rest {
            ready!(rest.as_mut().poll(cx));
            self.rest = None;
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::server::turn::Turns;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const HEADERS: &[u8] = &[0, 0, 0, 1, 5, 0, 0, 0, 1];

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_opens_streams_too_fast_is_not_read_for_a_while() {
        let rate = StreamRate {
            per_s: 100,
            burst: 10,
        };
        let (mut peer, socket) = tokio::io::duplex(64 * 1024);
        let mut socket = Intake::new(socket, Turns::new(None).turn(), Some(rate));
        let mut buffer = [0; 64 * 1024];
        let start = Instant::now();
        for (streams, until) in [(10, 0), (50, 0), (1, 500), (0, 510)] {
            let sent = [
                PREFACE.repeat(usize::from(streams == 10)),
                HEADERS.repeat(streams),
            ];
            peer.write_all(&sent.concat()).await.unwrap();
            peer.write_all(&[0, 0, 0, 0, 0, 0, 0, 0, 1]).await.unwrap();
            assert!(socket.read(&mut buffer).await.unwrap() > 0);
            assert_eq!(start.elapsed(), Duration::from_millis(until));
        }
    }
}
