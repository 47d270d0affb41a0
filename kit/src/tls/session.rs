//! Reading a TLS session without waiting.

use std::io::{self, Read};

use rustls::ServerConnection;
use tokio::net::TcpStream;

/// What the socket has, and nothing more.
struct AtHand<'a>(&'a TcpStream);

impl Read for AtHand<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(bytes)
    }
}

/// Reads what the session holds, and while it holds nothing, what its socket has.
///
/// # Errors
/// `WouldBlock` where both have nothing. Otherwise the session is over.
pub(super) fn try_read(
    socket: &TcpStream,
    session: &mut ServerConnection,
    bytes: &mut [u8],
) -> io::Result<usize> {
    loop {
        match session.reader().read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return done,
        }
        // The end of the socket is noted by the session, whose reader tells of it.
        session.read_tls(&mut AtHand(socket))?;
        let processed = session.process_new_packets();
        processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    }
}
