//! One HTTP/2 connection to the compatibility contract, with as little work as a client can have: the service is
//! measured, and shares the machine.

use bytes::{BufMut, Bytes, BytesMut};
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use muster_proto::compat::presence::{OnlineStatus, User};
use prost::Message;
use tokio::net::TcpStream;
use tonic::codegen::http::Request;

use crate::failure::Failure;

/// A gRPC message: whether it is compressed, its length in 32 bits, then itself.
const PREFIX_BYTES: usize = 5;
/// More streams than any workload has on one connection.
const STREAMS_MAX: usize = 1_000_000;
/// For all streams of a connection: theirs are tiny.
const WINDOW_BYTES: u32 = 16 * 1024 * 1024;

/// Which call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Method {
    Connect,
    Monitor,
}

/// One connection.
pub(crate) struct Wire {
    addr: String,
    requests: SendRequest<Bytes>,
}

/// A call whose answer has not begun. Dropping it cancels it.
pub(crate) struct Call {
    answer: ResponseFuture,
    _request: SendStream<Bytes>,
}

/// A call whose answer has begun. Dropping it cancels it.
pub(crate) struct Stream {
    body: RecvStream,
    received: BytesMut,
}

impl Wire {
    pub(crate) async fn connect(addr: &str) -> Result<Wire, Failure> {
        let socket = TcpStream::connect(addr).await?;
        socket.set_nodelay(true)?;
        let mut builder = h2::client::Builder::new();
        builder
            .initial_max_send_streams(STREAMS_MAX)
            // A stream that was cancelled may still be answered: that is no error of the server.
            .max_concurrent_reset_streams(STREAMS_MAX)
            .initial_connection_window_size(WINDOW_BYTES);
        let (requests, connection) = builder.handshake(socket).await?;
        // It ends with the connection, whose streams tell why.
        tokio::spawn(connection);
        Ok(Wire {
            addr: addr.to_owned(),
            requests: requests.ready().await?,
        })
    }

    /// Calls; what is to be sent is handed to the task of the connection.
    pub(crate) fn call(&mut self, method: Method, user: &str) -> Result<Call, Failure> {
        let uri = format!(
            "http://{}/cloudstate.samples.chat.presence.Presence/{method:?}",
            self.addr
        );
        let request = Request::post(uri)
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        let (answer, mut sending) = self.requests.send_request(request.body(())?, false)?;
        sending.send_data(message(user), true)?;
        Ok(Call {
            answer,
            _request: sending,
        })
    }

    /// Calls and waits until the service has begun to answer.
    pub(crate) async fn open(&mut self, method: Method, user: &str) -> Result<Stream, Failure> {
        self.call(method, user)?.begun().await
    }
}

impl Call {
    /// Waits until the service has begun to answer.
    pub(crate) async fn begun(self) -> Result<Stream, Failure> {
        let body = self.answer.await?.into_body();
        Ok(Stream {
            body,
            received: BytesMut::new(),
        })
    }
}

impl Stream {
    /// The next message of a monitor.
    pub(crate) async fn online(&mut self) -> Result<bool, Failure> {
        loop {
            if let Some(message) = take_message(&mut self.received) {
                return Ok(OnlineStatus::decode(message)?.online);
            }
            let Some(bytes) = self.body.data().await.transpose()? else {
                return Err(Failure::new("the stream ended"));
            };
            self.body.flow_control().release_capacity(bytes.len())?;
            self.received.extend_from_slice(&bytes);
        }
    }
}

fn message(user: &str) -> Bytes {
    let user = User {
        name: user.to_owned(),
    };
    let mut message = BytesMut::new();
    message.put_u8(0);
    message.put_u32(user.encoded_len() as u32);
    message.put_slice(&user.encode_to_vec());
    message.freeze()
}

/// Takes a whole message off the front of what was received.
fn take_message(received: &mut BytesMut) -> Option<Bytes> {
    let length = received.get(1..PREFIX_BYTES)?;
    let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
    (received.len() >= PREFIX_BYTES + length)
        .then(|| received.split_to(PREFIX_BYTES + length).freeze())
        .map(|message| message.slice(PREFIX_BYTES..))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn whole_messages_are_taken_and_the_rest_stays() {
        let mut received = BytesMut::new();
        received.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 8, 1, 0, 0]);
        assert_eq!(take_message(&mut received).unwrap().len(), 0);
        assert_eq!(&take_message(&mut received).unwrap()[..], [8, 1]);
        assert_eq!(take_message(&mut received), None);
        assert_eq!(received.len(), 2);
    }
}
