//! Counts the streams that a peer opens, from the bytes of its connection.
//!
//! A stream that is reset at once (Rapid Reset, CVE-2023-44487) is never seen above h2, but what
//! it costs has been spent by then. So they are counted here, before anything is decoded.

/// What every HTTP/2 connection begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Length of a frame's head: 24 bits of length, type, flags, stream.
const HEAD_BYTES: usize = 9;
/// The type of the frame that opens a stream.
const HEADERS: u8 = 1;

/// Follows the frames of one connection.
pub(super) enum Opened {
    /// So many bytes of the preface have come.
    Preface(usize),
    /// So many bytes of a frame's head have come, of which the first four tell all.
    Head([u8; 4], usize),
    /// So many bytes of a frame are still to come.
    Payload(usize),
    /// Another protocol.
    Other,
}

impl Opened {
    pub(super) fn new() -> Self {
        Self::Preface(0)
    }

    /// How many HEADERS frames begin in these bytes, the next of the connection. Trailers count
    /// as well: they cost the same.
    pub(super) fn count(&mut self, mut bytes: &[u8]) -> u32 {
        let mut opened = 0;
        while !bytes.is_empty() {
            let taken = match self {
                Self::Preface(at) => greet(bytes, at),
                Self::Head(head, at) => fill(head, bytes, at),
                Self::Payload(left) => skip(bytes, left),
                Self::Other => return 0,
            };
            bytes = &bytes[taken..];
            opened += u32::from(self.turn(taken));
        }
        opened
    }

    /// Goes on to the next part where one is complete; whether a stream was opened.
    fn turn(&mut self, taken: usize) -> bool {
        match *self {
            _ if taken == 0 => *self = Self::Other,
            Self::Preface(at) if at == PREFACE.len() => *self = Self::Head([0; 4], 0),
            Self::Payload(0) => *self = Self::Head([0; 4], 0),
            Self::Head([high, middle, low, kind], HEAD_BYTES) => {
                let length = u32::from_be_bytes([0, high, middle, low]) as usize;
                *self = match length {
                    0 => Self::Head([0; 4], 0),
                    length => Self::Payload(length),
                };
                return kind == HEADERS;
            }
            _ => {}
        }
        false
    }
}

/// How many of the bytes go on with the preface: none if it is another protocol's.
fn greet(bytes: &[u8], at: &mut usize) -> usize {
    let rest = &PREFACE[*at..];
    let length = rest.len().min(bytes.len());
    if rest[..length] != bytes[..length] {
        return 0;
    }
    *at += length;
    length
}

fn fill(head: &mut [u8; 4], bytes: &[u8], at: &mut usize) -> usize {
    let length = (HEAD_BYTES - *at).min(bytes.len());
    for byte in &bytes[..length] {
        if let Some(place) = head.get_mut(*at) {
            *place = *byte;
        }
        *at += 1;
    }
    length
}

fn skip(bytes: &[u8], left: &mut usize) -> usize {
    let length = bytes.len().min(*left);
    *left -= length;
    length
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const DATA: u8 = 0;

    fn frame(kind: u8, payload: usize) -> Vec<u8> {
        let length = (payload as u32).to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, 0, 0, 0, 0, 1];
        // A payload that looks like heads of frames that open streams.
        frame.extend([0, 0, 0, HEADERS, 0].iter().cycle().take(payload));
        frame
    }

    proptest! {
        #[test]
        fn each_is_counted_once_however_the_bytes_come(
            frames in vec((0..10_u8, 0..70_000_usize), 0..8),
            sizes in vec(1..9_000_usize, 1..40),
        ) {
            let mut bytes = PREFACE.to_vec();
            frames.iter().for_each(|(kind, payload)| bytes.extend(frame(*kind, *payload)));
            let expected = frames.iter().filter(|(kind, _)| *kind == HEADERS).count();
            let (mut opened, mut count, mut sizes) = (Opened::new(), 0, sizes.iter().cycle());
            while !bytes.is_empty() {
                let size = sizes.next().map_or(1, |size| *size).min(bytes.len());
                count += opened.count(&bytes[..size]);
                bytes.drain(..size);
            }
            prop_assert_eq!(count as usize, expected);
        }
    }

    #[test]
    fn another_protocol_opens_none() {
        let mut opened = Opened::new();
        assert_eq!(opened.count(b"P"), 0);
        assert_eq!(opened.count(b"OST /create HTTP/1.1\r\n"), 0);
        assert_eq!(opened.count(&frame(HEADERS, 0)), 0);
    }

    #[test]
    fn frames_without_a_payload_follow_each_other() {
        let mut opened = Opened::new();
        assert_eq!(opened.count(PREFACE), 0);
        let two = [frame(HEADERS, 0), frame(DATA, 0), frame(HEADERS, 0)].concat();
        assert_eq!(opened.count(&two), 2);
    }
}
