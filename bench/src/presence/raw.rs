//! HTTP/2 frames by hand: opens and cancels streams faster than any client would, and sees every frame that comes back.

use bytes::{BufMut, Bytes, BytesMut};
use muster_proto::compat::presence::User;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::wire::Method;
use crate::failure::Failure;

/// The preface, and settings that change nothing.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
/// The error code of a client that wants no more.
const CANCEL: u32 = 8;

/// What goes out.
pub(crate) struct Sending {
    socket: OwnedWriteHalf,
    buffer: BytesMut,
    next_stream: u32,
}

/// What comes back.
pub(crate) struct Receiving(BufReader<OwnedReadHalf>);

/// A frame from the server, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// The answer of a stream begins.
    Begun(u32),
    /// A part of it.
    Data(u32, Bytes),
    /// The server ended a stream.
    Reset(u32),
    /// It will be answered with this.
    Ping(Bytes),
    /// The connection is being ended.
    Goaway,
    Other,
}

pub(crate) async fn connect(addr: &str) -> Result<(Sending, Receiving), Failure> {
    let socket = TcpStream::connect(addr).await?;
    socket.set_nodelay(true)?;
    let (read, mut write) = socket.into_split();
    write.write_all(GREETING).await?;
    let sending = Sending {
        socket: write,
        buffer: BytesMut::new(),
        next_stream: 1,
    };
    Ok((sending, Receiving(BufReader::new(read))))
}

impl Sending {
    /// Opens a stream, once flushed: its number.
    pub(crate) fn open(&mut self, method: Method, user: &str) -> u32 {
        let stream = self.next_stream;
        self.next_stream += 2;
        self.frame(HEADERS, END_HEADERS, stream, &head(method));
        let user = User {
            name: user.to_owned(),
        };
        let mut message = vec![0, 0, 0, 0, user.encoded_len() as u8];
        message.extend(user.encode_to_vec());
        self.frame(DATA, END_STREAM, stream, &message);
        stream
    }

    /// Cancels a stream, once flushed.
    pub(crate) fn cancel(&mut self, stream: u32) {
        self.frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes());
    }

    /// Answers a ping, once flushed.
    pub(crate) fn pong(&mut self, payload: &[u8]) {
        self.frame(PING, ACK, 0, payload);
    }

    pub(crate) async fn flush(&mut self) -> Result<(), Failure> {
        self.socket.write_all(&self.buffer).await?;
        self.buffer.clear();
        Ok(())
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.buffer.put_uint(payload.len() as u64, 3);
        self.buffer.put_slice(&[kind, flags]);
        self.buffer.put_u32(stream);
        self.buffer.put_slice(payload);
    }
}

impl Receiving {
    pub(crate) async fn frame(&mut self) -> Result<Frame, Failure> {
        let length = u32::from_be_bytes([
            0,
            self.0.read_u8().await?,
            self.0.read_u8().await?,
            self.0.read_u8().await?,
        ]);
        let (kind, flags) = (self.0.read_u8().await?, self.0.read_u8().await?);
        let stream = self.0.read_u32().await?;
        let mut payload = BytesMut::zeroed(length as usize);
        self.0.read_exact(&mut payload).await?;
        Ok(match kind {
            HEADERS => Frame::Begun(stream),
            DATA => Frame::Data(stream, payload.freeze()),
            RST_STREAM => Frame::Reset(stream),
            PING if flags & ACK == 0 => Frame::Ping(payload.freeze()),
            GOAWAY => Frame::Goaway,
            _ => Frame::Other,
        })
    }

    /// Whether more has come than was taken, so that the next frame costs no wait.
    pub(crate) fn has_more(&self) -> bool {
        !self.0.buffer().is_empty()
    }
}

/// The head of a request, in HPACK without a table of its own.
fn head(method: Method) -> Vec<u8> {
    let path = format!("/cloudstate.samples.chat.presence.Presence/{method:?}");
    let mut head = vec![0x83, 0x86]; // :method POST, :scheme http
    literal(&mut head, &[0x01], "localhost"); // :authority
    literal(&mut head, &[0x04], &path); // :path
    literal(&mut head, &[0x0f, 0x10], "application/grpc"); // content-type: 31
    literal(&mut head, b"\0\x02te", "trailers");
    head
}

/// A field that is not to be remembered: its name as it is encoded, and its value.
fn literal(head: &mut Vec<u8>, name: &[u8], value: &str) {
    head.extend(name);
    head.push(value.len() as u8);
    head.extend(value.bytes());
}
