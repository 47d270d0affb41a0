//! A deadline for the first bytes of a connection.
//!
//! Neither hyper-util's `auto` builder nor h2 has one, and keepalive begins only after the
//! handshake: a connection that never says anything would hold its place for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

use crate::watched::{Watched, Watcher};

/// Length of the HTTP/2 preface; an HTTP/1.1 request is longer.
const PREFACE_BYTES: usize = 24;

/// Waits for the first bytes; `None` once they have come.
pub(super) struct Preface(Option<Waiting>);

struct Waiting {
    deadline: Pin<Box<Sleep>>,
    missing_bytes: usize,
}

/// A socket that must send its first bytes in time.
pub(super) fn prompt<S>(socket: S, limit: Duration) -> Watched<S, Preface> {
    let waiting = Waiting {
        deadline: Box::pin(tokio::time::sleep(limit)),
        missing_bytes: PREFACE_BYTES,
    };
    Watched::new(socket, Preface(Some(waiting)))
}

impl Watcher for Preface {
    fn read(&mut self, cx: &mut Context<'_>, came: Poll<usize>) -> io::Result<()> {
        let Some(waiting) = self.0.as_mut() else {
            return Ok(());
        };
        match came {
            Poll::Ready(bytes) => {
                waiting.missing_bytes = waiting.missing_bytes.saturating_sub(bytes);
                if waiting.missing_bytes == 0 {
                    self.0 = None;
                }
            }
            Poll::Pending if waiting.deadline.as_mut().poll(cx).is_ready() => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Poll::Pending => {}
        }
        Ok(())
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
        let mut socket = prompt(socket, Duration::from_secs(10));
        let error = socket.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_has_spoken_may_be_silent() {
        let (mut peer, socket) = tokio::io::duplex(64);
        let mut socket = prompt(socket, Duration::from_secs(10));
        peer.write_all(&[7; PREFACE_BYTES]).await.unwrap();
        socket.read_exact(&mut [0; PREFACE_BYTES]).await.unwrap();
        let silent = tokio::time::timeout(Duration::from_secs(60), socket.read_u8()).await;
        assert!(silent.is_err(), "still waiting for the peer");
    }
}
