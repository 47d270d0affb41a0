//! What is being written to a socket.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use muster_kit::tls::Accepted;
use tokio::io::AsyncWrite;

use crate::hub::Mail;

/// What is being written. A piece of mail alone is written as it is; several are gathered, for a
/// write to a socket costs more than the copy.
#[derive(Debug, Default)]
pub(super) enum Sending {
    /// Nothing.
    #[default]
    Nothing,
    /// A piece of mail, from this byte on.
    Mail(Mail, usize),
    /// Bytes, from this one on.
    Bytes(Vec<u8>, usize),
}

impl Sending {
    /// The rest.
    fn left(&self) -> &[u8] {
        match self {
            Self::Nothing => &[],
            Self::Mail(mail, at) => mail.frame().wire().get(*at..).unwrap_or_default(),
            Self::Bytes(bytes, at) => bytes.get(*at..).unwrap_or_default(),
        }
    }

    /// So many bytes are written.
    fn written(&mut self, count: usize) {
        match self {
            Self::Nothing => {}
            Self::Mail(_, at) | Self::Bytes(_, at) => *at += count,
        }
        if self.left().is_empty() {
            *self = Self::Nothing;
        }
    }

    /// Adds a piece of mail to a gathering. How many bytes there are then.
    pub(super) fn gather(&mut self, mail: &Mail) -> usize {
        if !matches!(self, Self::Bytes(..)) {
            *self = Self::Bytes(self.left().to_vec(), 0);
        }
        let Self::Bytes(bytes, _) = self else {
            return 0;
        };
        bytes.extend(mail.frame().wire());
        bytes.len()
    }

    /// Writes all of it, out of the process.
    pub(super) fn poll_write(
        &mut self,
        socket: &mut Accepted,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut socket = Pin::new(socket);
        while !self.left().is_empty() {
            match ready!(socket.as_mut().poll_write(cx, self.left()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written(count),
            }
        }
        // TLS may hold what the socket did not take.
        socket.poll_flush(cx)
    }
}
