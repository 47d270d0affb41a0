//! The socket as tungstenite sees it.
//!
//! tungstenite reads, and answers pings and closes on its own. What it writes is kept here, so that
//! the socket itself is written in one place, in order, and shared frames without a copy.

use std::io::{self, Read, Write};

use muster_kit::tls::Accepted;
use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};

use crate::protocol::MAX_MESSAGE_BYTES;

/// Bytes of a read: what clients send is short.
const READ_BYTES: usize = 256;
/// The longest control frame, twice: a pong and a close.
const CONTROL_BYTES: usize = 1024;

/// A socket, and control frames that are to be written to it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) socket: Accepted,
    pub(super) control: Vec<u8>,
}

/// The server's side of a WebSocket, of which these bytes have been read already.
pub(super) fn web_socket(socket: Accepted, read: Vec<u8>) -> WebSocket<Wire> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(CONTROL_BYTES)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let wire = Wire {
        socket,
        control: Vec::new(),
    };
    WebSocket::from_partially_read(wire, read, Role::Server, Some(config))
}

impl Read for Wire {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.socket.try_read(bytes)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.control.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
