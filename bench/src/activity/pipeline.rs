//! A connection on which requests go out before earlier ones are answered.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::failure::Failure;

/// Takes whole replies off the front of a buffer and counts them; fails at the first that is an error.
pub(crate) type Count = fn(&mut BytesMut) -> Result<usize, Failure>;

/// One connection to a peer.
pub(crate) struct Pipeline {
    socket: TcpStream,
    count: Count,
    received: BytesMut,
}

/// One request, or several in a row, and how many replies will come.
pub(crate) struct Request {
    pub(crate) bytes: Bytes,
    pub(crate) replies: usize,
}

impl Pipeline {
    pub(crate) async fn connect(port: u16, count: Count) -> Result<Pipeline, Failure> {
        let socket = TcpStream::connect(("127.0.0.1", port)).await?;
        socket.set_nodelay(true)?;
        Ok(Pipeline {
            socket,
            count,
            received: BytesMut::with_capacity(64 * 1024),
        })
    }

    /// Sends one request and waits for its replies.
    pub(crate) async fn call(&mut self, request: Request) -> Result<(), Failure> {
        self.drive(vec![request], 1).await
    }

    /// Sends all requests, `window` of them unanswered at once, and returns with the last reply.
    pub(crate) async fn drive(
        &mut self,
        requests: Vec<Request>,
        window: usize,
    ) -> Result<(), Failure> {
        let mut requests = requests.into_iter();
        // How many replies each request waits for that is under way.
        let mut under_way: VecDeque<usize> = VecDeque::with_capacity(window);
        let mut outgoing = Vec::new();
        let mut replies = 0;
        loop {
            for request in requests.by_ref().take(window - under_way.len()) {
                outgoing.extend_from_slice(&request.bytes);
                under_way.push_back(request.replies);
            }
            if under_way.is_empty() {
                return Ok(());
            }
            self.socket.write_all(&outgoing).await?;
            outgoing.clear();
            replies += self.replies().await?;
            while let Some(awaited) = under_way.pop_front_if(|awaited| *awaited <= replies) {
                replies -= awaited;
            }
        }
    }

    /// Waits for one whole reply at least.
    async fn replies(&mut self) -> Result<usize, Failure> {
        loop {
            let replies = (self.count)(&mut self.received)?;
            if replies > 0 {
                return Ok(replies);
            }
            if self.socket.read_buf(&mut self.received).await? == 0 {
                return Err(Failure::new("the peer closed the connection"));
            }
        }
    }
}

/// Deals requests out to so many connections in turn, so that all are near the same place of the order.
pub(crate) fn deal<T>(requests: impl Iterator<Item = T>, connections: usize) -> Vec<Vec<T>> {
    let mut hands: Vec<Vec<T>> = (0..connections).map(|_| Vec::new()).collect();
    for (number, request) in requests.enumerate() {
        hands[number % connections].push(request);
    }
    hands
}

/// Drives all connections at once: how long it took until the last reply of all.
pub(crate) async fn drive_all(
    work: Vec<(Pipeline, Vec<Request>)>,
    window: usize,
) -> Result<Duration, Failure> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for (mut pipeline, requests) in work {
        tasks.spawn(async move { pipeline.drive(requests, window).await });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(start.elapsed())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Each byte is a reply.
    fn bytes(buffer: &mut BytesMut) -> Result<usize, Failure> {
        let count = buffer.len();
        buffer.clear();
        Ok(count)
    }

    /// Answers each byte with itself, and tells the most that came at once.
    async fn echo(listener: TcpListener) -> usize {
        let (mut socket, _) = listener.accept().await.unwrap();
        let (mut most, mut buffer) = (0, [0; 1024]);
        loop {
            let count = socket.read(&mut buffer).await.unwrap();
            if count == 0 {
                return most;
            }
            most = most.max(count);
            socket.write_all(&buffer[..count]).await.unwrap();
        }
    }

    #[tokio::test]
    async fn no_more_than_the_window_goes_out_unanswered_and_all_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let echo = tokio::spawn(echo(listener));
        let mut pipeline = Pipeline::connect(port, bytes).await.unwrap();
        let request = || Request {
            bytes: Bytes::from_static(b"ab"),
            replies: 2,
        };
        let requests = (0..100).map(|_| request()).collect();
        pipeline.drive(requests, 3).await.unwrap();
        drop(pipeline);
        let most = echo.await.unwrap();
        assert!((2..=6).contains(&most), "{most} bytes at once");
    }

    #[tokio::test]
    async fn a_connection_that_ends_early_is_a_failure() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut pipeline = Pipeline::connect(port, bytes).await.unwrap();
        drop(listener.accept().await.unwrap());
        let request = Request {
            bytes: Bytes::from_static(b"a"),
            replies: 1,
        };
        assert!(pipeline.call(request).await.is_err());
    }

    #[test]
    fn requests_are_dealt_out_in_turn() {
        assert_eq!(deal(1..=5, 2), [vec![1, 3, 5], vec![2, 4]]);
    }
}
