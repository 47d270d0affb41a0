//! A WebSocket by hand: it costs little, and the same whoever is at the other end.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::failure::Failure;

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// What Centrifugo pings with, and wants to have back.
const JSON_PING: &[u8] = b"{}";

/// The client's side of a WebSocket.
pub(super) struct Socket {
    stream: TcpStream,
    buffer: BytesMut,
    /// Texts that came in one frame.
    waiting: VecDeque<Bytes>,
}

impl Socket {
    /// Connects to a path of a server at `host:port`.
    pub(super) async fn open(addr: &str, path: &str) -> Result<Socket, Failure> {
        let mut stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut buffer = BytesMut::with_capacity(512);
        let head = loop {
            if let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break buffer.split_to(end + 4);
            }
            read(&mut stream, &mut buffer).await?;
        };
        if !head.starts_with(b"HTTP/1.1 101 ") {
            let head = String::from_utf8_lossy(&head).into_owned();
            return Err(Failure::new(format!("no WebSocket: {head}")));
        }
        Ok(Socket {
            stream,
            buffer,
            waiting: VecDeque::new(),
        })
    }

    /// Sends a text.
    pub(super) async fn send(&mut self, text: &str) -> Result<(), Failure> {
        self.frame(TEXT, text.as_bytes()).await
    }

    /// The next text that is no ping; pings are answered. Centrifugo writes several into one frame,
    /// a line each.
    pub(super) async fn next(&mut self) -> Result<Bytes, Failure> {
        loop {
            if let Some(text) = self.waiting.pop_front() {
                match *text == *JSON_PING {
                    true => self.frame(TEXT, JSON_PING).await?,
                    false => return Ok(text),
                }
                continue;
            }
            let (opcode, payload) = self.next_frame().await?;
            match opcode {
                TEXT => self.waiting.extend(
                    payload
                        .split(|byte| *byte == b'\n')
                        .filter(|line| !line.is_empty())
                        .map(|line| payload.slice_ref(line)),
                ),
                PING => self.frame(PONG, &payload).await?,
                CLOSE => return Err(Failure::new(format!("closed: {payload:?}"))),
                _ => {}
            }
        }
    }

    async fn next_frame(&mut self) -> Result<(u8, Bytes), Failure> {
        loop {
            if let Some(frame) = taken(&mut self.buffer) {
                return Ok(frame);
            }
            read(&mut self.stream, &mut self.buffer).await?;
        }
    }

    /// Masked with zeros, which is a mask as well.
    async fn frame(&mut self, opcode: u8, payload: &[u8]) -> Result<(), Failure> {
        let mut frame = vec![0x80 | opcode];
        match u8::try_from(payload.len()) {
            Ok(length) if length < 126 => frame.push(0x80 | length),
            _ => {
                frame.push(0x80 | 126);
                frame.extend((payload.len() as u16).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        Ok(self.stream.write_all(&frame).await?)
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut BytesMut) -> Result<(), Failure> {
    match stream.read_buf(buffer).await? {
        0 => Err(Failure::new("the server ended the connection")),
        _ => Ok(()),
    }
}

/// The first frame of a buffer, if it is there whole: its opcode and payload.
fn taken(buffer: &mut BytesMut) -> Option<(u8, Bytes)> {
    let (opcode, short) = (buffer.first()? & 0xf, *buffer.get(1)? & 0x7f);
    let (head, length) = match short {
        126 => (
            4,
            u16::from_be_bytes(*buffer.get(2..4)?.first_chunk()?).into(),
        ),
        127 => (
            10,
            u64::from_be_bytes(*buffer.get(2..10)?.first_chunk()?) as usize,
        ),
        short => (2, usize::from(short)),
    };
    if buffer.len() < head + length {
        return None;
    }
    buffer.advance(head);
    Some((opcode, buffer.split_to(length).freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_taken_once_it_is_whole() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let mut wire = vec![0x81];
            match length {
                0..126 => wire.push(length as u8),
                126..65_536 => {
                    wire.push(126);
                    wire.extend((length as u16).to_be_bytes());
                }
                _ => {
                    wire.push(127);
                    wire.extend((length as u64).to_be_bytes());
                }
            }
            wire.extend(vec![7; length]);
            let mut buffer = BytesMut::from(&wire[..wire.len() - 1]);
            assert_eq!(taken(&mut buffer), None);
            buffer.extend([wire[wire.len() - 1], 0x89]);
            let (opcode, payload) = taken(&mut buffer).unwrap_or_default();
            assert_eq!((opcode, payload.len()), (TEXT, length));
            assert_eq!(&buffer[..], [0x89]);
        }
    }
}
