//! One HTTP/2 connection to the REST API, with as little work as a client can have.

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::net::TcpStream;
use tonic::codegen::http::{Method, Request};

use crate::failure::Failure;

/// Sets the status of a task.
const COMPLETED: Bytes = Bytes::from_static(br#"{"status":1}"#);

/// A connection; its clones are the same.
#[derive(Clone)]
pub(crate) struct Rest {
    addr: String,
    requests: SendRequest<Bytes>,
}

impl Rest {
    pub(crate) async fn connect(addr: &str) -> Result<Rest, Failure> {
        let socket = TcpStream::connect(addr).await?;
        socket.set_nodelay(true)?;
        let (requests, connection) = h2::client::handshake(socket).await?;
        // It ends with the connection, whose requests tell why.
        tokio::spawn(connection);
        Ok(Rest {
            addr: addr.to_owned(),
            requests: requests.ready().await?,
        })
    }

    /// Completes a task; returns when the service has answered that it did.
    pub(crate) async fn complete(&self, id: i64) -> Result<(), Failure> {
        let request = Request::builder()
            .method(Method::PATCH)
            .uri(format!("http://{}/tasks/{id}", self.addr))
            .body(())?;
        let mut requests = self.requests.clone().ready().await?;
        let (answer, mut sending) = requests.send_request(request, false)?;
        sending.send_data(COMPLETED, true)?;
        let mut answer = answer.await?;
        let status = answer.status();
        while let Some(bytes) = answer.body_mut().data().await.transpose()? {
            answer
                .body_mut()
                .flow_control()
                .release_capacity(bytes.len())?;
        }
        match status.as_u16() {
            200 => Ok(()),
            status => Err(Failure::new(format!("task {id} was answered {status}"))),
        }
    }
}
