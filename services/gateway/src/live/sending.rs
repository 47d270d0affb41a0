//! What is being written to a socket.

use std::io;
use std::task::{Context, Poll, ready};

use tokio::net::TcpStream;

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

    /// Writes all of it.
    pub(super) fn poll_write(
        &mut self,
        socket: &TcpStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.left().is_empty() {
            match socket.try_write(self.left()) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => self.written(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(socket.poll_write_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }
}
