//! Telling when a server said its first word.
//!
//! hyper's handshake ends when the client has said its own. A server's first bytes are its
//! SETTINGS (RFC 9113 section 3.4): a port that accepts and says nothing, as that of a frozen
//! process does, is no server yet.

use std::io;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::watched::{Watched, Watcher};

/// Tells of the first bytes; gone once they have come.
pub(super) struct Greeting(Option<oneshot::Sender<()>>);

/// The socket, and what is told of its first bytes.
pub(super) fn heard<S>(socket: S) -> (Watched<S, Greeting>, oneshot::Receiver<()>) {
    let (greeting, heard) = oneshot::channel();
    (Watched::new(socket, Greeting(Some(greeting))), heard)
}

impl Watcher for Greeting {
    fn read(&mut self, _: &mut Context<'_>, came: Poll<usize>) -> io::Result<()> {
        if matches!(came, Poll::Ready(1..))
            && let Some(greeting) = self.0.take()
        {
            // Whoever gave up waiting dropped the connection too.
            let _gone = greeting.send(());
        }
        Ok(())
    }
}
