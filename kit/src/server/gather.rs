//! Writes that wait for their neighbours.
//!
//! Calls that end together, because they waited for the same commit, say, each wake the task of
//! their connection, and the runtime lets it run at once: it would write one answer after the
//! other, and a write to a socket costs more than all else that an answer does. So a small write
//! first lets the tasks run that are due, and takes along what they answer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A write of so many bytes is worth its cost.
const WORTH_BYTES: usize = 8 * 1024;

/// A socket that gathers small writes.
pub(super) struct Gather<S> {
    socket: S,
    gave_way: bool,
}

impl<S: AsyncWrite + Unpin> Gather<S> {
    pub(super) fn new(socket: S) -> Gather<S> {
        Gather {
            socket,
            gave_way: false,
        }
    }

    /// The socket alone.
    pub(super) fn into_inner(self) -> S {
        self.socket
    }

    /// Pending once before each small write: the task runs again behind those that are due now.
    fn give_way(&mut self, cx: &mut Context<'_>, bytes: usize) -> Poll<()> {
        if self.gave_way || bytes >= WORTH_BYTES {
            return Poll::Ready(());
        }
        self.gave_way = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: usize,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.give_way(cx, bytes));
        let written = write(Pin::new(&mut self.socket), cx);
        self.gave_way = written.is_pending();
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gather<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gather<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, bytes.len(), |socket, cx| socket.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = parts.iter().map(|part| part.len()).sum();
        self.write(cx, bytes, |socket, cx| {
            socket.poll_write_vectored(cx, parts)
        })
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::{LocalSet, spawn_local};

    use super::*;

    #[tokio::test]
    async fn a_small_write_lets_the_tasks_run_that_are_due_and_a_large_one_does_not() {
        let tasks = LocalSet::new();
        tasks
            .run_until(async {
                let (socket, mut peer) = tokio::io::duplex(WORTH_BYTES * 2);
                let mut socket = Gather::new(socket);
                let ran = Rc::new(Cell::new(0));
                let spawn = || {
                    let ran = Rc::clone(&ran);
                    spawn_local(async move { ran.set(ran.get() + 1) });
                };
                spawn();
                socket.write_all(&[0; WORTH_BYTES]).await.unwrap();
                assert_eq!(ran.get(), 0);
                socket.write_all(&[0; 10]).await.unwrap();
                assert_eq!(ran.get(), 1);
                spawn();
                socket.write_all(&[0; 10]).await.unwrap();
                assert_eq!(ran.get(), 2);
                peer.read_exact(&mut [0; WORTH_BYTES + 20]).await.unwrap();
            })
            .await;
    }
}
