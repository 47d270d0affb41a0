//! Calls to the services, of messages that are encoded already.

use bytes::{Buf, BufMut, Bytes};
use http::{HeaderMap, HeaderValue};
use muster_kit::channel::Channel;
use muster_kit::request_id::{self, RequestId};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder, Streaming};
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use super::method::Method;

/// The longest answer that is passed on: presence and conflicts may answer somewhat more than they are asked.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// A call that can be made.
pub(super) struct Call {
    pub(super) message: Bytes,
    /// How long it may take, as `grpc-timeout` says that.
    pub(super) timeout: Option<HeaderValue>,
}

impl Call {
    /// The answer of a unary method.
    ///
    /// # Errors
    /// What the service says; UNAVAILABLE: there is none.
    pub(super) async fn unary(self, channel: Channel, method: &Method) -> Result<Bytes, Status> {
        let (request, path) = (self.request(), method.path.clone());
        let answer = client(channel).unary(request, path, Raw).await?;
        Ok(answer.into_inner())
    }

    /// The answers of any method.
    ///
    /// # Errors
    /// What the service says instead; UNAVAILABLE: there is none.
    pub(super) async fn stream(
        self,
        channel: Channel,
        method: &Method,
    ) -> Result<Streaming<Bytes>, Status> {
        let (request, path) = (self.request(), method.path.clone());
        let answer = client(channel).server_streaming(request, path, Raw).await?;
        Ok(answer.into_inner())
    }

    fn request(self) -> Request<Bytes> {
        let mut headers = HeaderMap::new();
        let id = RequestId::current().and_then(|id| id.header_value());
        headers.extend(id.map(|id| (request_id::HEADER, id)));
        if let Some(timeout) = self.timeout {
            headers.insert("grpc-timeout", timeout);
        }
        let mut request = Request::new(self.message);
        *request.metadata_mut() = MetadataMap::from_headers(headers);
        request
    }
}

fn client(channel: Channel) -> Grpc<Channel> {
    Grpc::new(channel).max_decoding_message_size(MAX_ANSWER_BYTES)
}

/// Messages as the bytes that they are.
#[derive(Debug, Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
