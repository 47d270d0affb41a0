//! A codec for streams that are many, idle, and of small messages.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{BufferSettings, Codec};
use tonic_prost::{ProstDecoder, ProstEncoder};

/// Bytes an encode buffer starts with. tonic's default of 8 KiB is held for a stream's whole
/// life: 0.8 GB for 100,000 idle monitors.
const BUFFER_BYTES: usize = 16;
/// Bytes that are gathered before they are handed to the connection.
const YIELD_BYTES: usize = 4096;

/// tonic's prost codec with buffers for small messages.
#[derive(Debug, Clone)]
pub struct SmallMessageCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for SmallMessageCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for SmallMessageCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(BufferSettings::new(BUFFER_BYTES, YIELD_BYTES))
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(BufferSettings::new(BUFFER_BYTES, YIELD_BYTES))
    }
}
