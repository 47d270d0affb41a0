//! Frames: a flag, a length in four bytes, and so many bytes of content; in base64 where that is asked for.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::HeaderMap;
use muster_kit::status;
use tonic::Status;

use crate::rpc::wire::Encoding;

const PREFIX_BYTES: usize = 5;
const DATA: u8 = 0;
const TRAILERS: u8 = 0x80;
/// What base64 fills its last group up with.
const PADDING: u8 = b'=';

/// The one message that a body holds.
///
/// # Errors
/// It holds something else.
pub(super) fn message(encoding: Encoding, body: Bytes) -> Result<Bytes, Status> {
    let mut body = match encoding {
        Encoding::Binary => body,
        Encoding::Text => plain(&body)?,
    };
    let bad = || status::invalid("body", "expected one frame with one message");
    let flag = body.try_get_u8().map_err(|_| bad())?;
    let length = body.try_get_u32().map_err(|_| bad())?;
    if flag == DATA && body.len() == length as usize {
        return Ok(body);
    }
    match flag {
        1 => Err(Status::unimplemented("body: a compressed message")),
        _ => Err(bad()),
    }
}

/// The bytes of a text, which may be several texts in a row, each with its own padding.
fn plain(text: &[u8]) -> Result<Bytes, Status> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let padding = rest.iter().position(|byte| *byte == PADDING);
        let end = padding.map_or(rest.len(), |at| (at / 4 + 1) * 4);
        let (part, others) = rest.split_at(end.min(rest.len()));
        let read = BASE64_STANDARD.decode_vec(part, &mut bytes);
        read.map_err(|error| status::invalid("body", format!("expected base64: {error}")))?;
        rest = others;
    }
    Ok(bytes.into())
}

/// The frame of a message.
pub(super) fn data(encoding: Encoding, message: &[u8]) -> Bytes {
    frame(encoding, DATA, message)
}

/// The frame of trailers.
pub(super) fn trailers(encoding: Encoding, trailers: &HeaderMap) -> Bytes {
    let mut block = Vec::new();
    for (name, value) in trailers {
        block.extend_from_slice(name.as_str().as_bytes());
        block.extend_from_slice(b": ");
        block.extend_from_slice(value.as_bytes());
        block.extend_from_slice(b"\r\n");
    }
    frame(encoding, TRAILERS, &block)
}

fn frame(encoding: Encoding, flag: u8, content: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + content.len());
    frame.put_u8(flag);
    // A message has 8 MiB at most.
    frame.put_u32(content.len() as u32);
    frame.put_slice(content);
    match encoding {
        Encoding::Binary => frame.freeze(),
        Encoding::Text => BASE64_STANDARD.encode(frame).into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tonic::Code;

    use super::*;

    const BOTH: [Encoding; 2] = [Encoding::Binary, Encoding::Text];

    #[test]
    fn a_message_comes_out_of_its_frame() {
        for encoding in BOTH {
            for content in [&b""[..], b"a", b"abcd", &[0xff; 1000]] {
                let framed = data(encoding, content);
                assert_eq!(message(encoding, framed).unwrap(), content);
            }
        }
    }

    #[test]
    fn a_text_may_be_cut_in_padded_pieces() {
        let whole = data(Encoding::Binary, b"hello");
        let pieces = whole.chunks(4).map(|piece| BASE64_STANDARD.encode(piece));
        let text: String = pieces.collect();
        assert!(text.contains("=="));
        assert_eq!(message(Encoding::Text, text.into()).unwrap(), "hello");
    }

    #[test]
    fn trailers_are_lines_behind_a_flag() {
        let mut headers = HeaderMap::new();
        Status::not_found("gone").add_header(&mut headers).unwrap();
        let frame = trailers(Encoding::Binary, &headers);
        assert_eq!(frame[0], 0x80);
        let text = String::from_utf8(frame[5..].to_vec()).unwrap();
        assert_eq!(text, "grpc-status: 5\r\ngrpc-message: gone\r\n");
    }

    #[test]
    fn what_is_no_single_message_is_refused() {
        let refused = |encoding, body: &'static [u8]| {
            message(encoding, Bytes::from_static(body))
                .unwrap_err()
                .code()
        };
        for body in [
            &b""[..],
            b"\0\0\0",
            b"\0\0\0\0\x02a",
            b"\0\0\0\0\0\0\0\0\0\0",
            b"\x80\0\0\0\0",
        ] {
            assert_eq!(
                refused(Encoding::Binary, body),
                Code::InvalidArgument,
                "{body:?}"
            );
        }
        assert_eq!(refused(Encoding::Text, b"AA?A"), Code::InvalidArgument);
        assert_eq!(refused(Encoding::Text, b"A==="), Code::InvalidArgument);
        assert_eq!(
            refused(Encoding::Binary, b"\x01\0\0\0\0"),
            Code::Unimplemented
        );
    }
}
