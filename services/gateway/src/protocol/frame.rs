//! WebSocket text frames, encoded once and shared by all sockets.
//!
//! A server does not mask what it sends (RFC 6455 section 5.1): the bytes of a frame are the same
//! for all.

use bytes::Bytes;

/// The first byte of a text frame that is whole: FIN and opcode 1.
const TEXT: u8 = 0x81;
/// The longest head of such a frame.
const MAX_HEAD_BYTES: usize = 10;

/// A text frame.
#[derive(Debug, Clone)]
pub struct Frame {
    wire: Bytes,
    head_bytes: u8,
}

impl Frame {
    /// A frame of this text.
    pub fn text(text: &str) -> Frame {
        let mut wire = Vec::with_capacity(MAX_HEAD_BYTES + text.len());
        wire.push(TEXT);
        let length = text.len();
        match (u16::try_from(length), length) {
            (_, 0..126) => wire.push(length as u8),
            (Ok(length), _) => {
                wire.push(126);
                wire.extend(length.to_be_bytes());
            }
            (Err(_), _) => {
                wire.push(127);
                wire.extend((length as u64).to_be_bytes());
            }
        }
        let head_bytes = wire.len() as u8;
        wire.extend(text.as_bytes());
        let wire = wire.into();
        Frame { wire, head_bytes }
    }

    /// All of it, as it goes to the socket.
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// Its text alone.
    pub fn payload(&self) -> &[u8] {
        &self.wire[usize::from(self.head_bytes)..]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Cursor;

    use tungstenite::protocol::{Role, WebSocket};

    use super::*;

    #[test]
    fn a_frame_is_read_as_the_text_it_was_made_of() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 100_000] {
            let text = "ä".repeat(length / 2) + &"x".repeat(length % 2);
            let frame = Frame::text(&text);
            assert_eq!(frame.payload(), text.as_bytes());
            let wire = Cursor::new(frame.wire().to_vec());
            let mut socket = WebSocket::from_raw_socket(wire, Role::Client, None);
            assert_eq!(socket.read().unwrap().into_text().unwrap().as_str(), text);
        }
    }
}
